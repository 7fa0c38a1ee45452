//! A paper run on threads, recorded, and repeated from its files: the same orders, the same trace,
//! bit for bit; and what is not as recorded is found.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arb::feed::spool::SpoolLimits;
use arb::types::counters::Counter;
use arb::types::journal::JournalState;
use taped::Played;
use taped::QUICK;
use taped::Script;
use taped::files;
use taped::frames_of;
use taped::fresh;
use taped::plan;
use taped::record;
use taped::repeat;
use taped::roomy;

#[path = "support/taped.rs"]
mod taped;

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/demo_btc.rec.gz")
}

fn script(seed: u64, limits: SpoolLimits) -> Script {
    Script { seed, frames: frames_of(&demo()), limits, burst: 24, journal: None }
}

fn assert_repeats(seed: u64, script: Script) -> Played {
    let plan = plan(QUICK, seed);
    let series = script.limits.series.clone();
    let played = record(&plan, script);
    assert_eq!(played.count.lost.load(Ordering::Relaxed), 0, "the recording has holes");
    let (exact, ended) = repeat(&plan, &files(&series));
    assert_eq!(ended, Ok(()));
    assert_eq!(exact.engine.core().trace_hash(), played.trace);
    assert_eq!(exact.engine.progress().sent, played.orders);
    assert_eq!(exact.engine.cycles(), played.cycles);
    assert_eq!(exact.engine.core().portfolio().fills, played.fills);
    assert!(exact.invariants_ok());
    let frames: Vec<_> =
        exact.feeds().map(|(venue, feed)| (venue, feed.tally().get(Counter::Frames))).collect();
    assert_eq!(frames, played.frames);
    println!(
        "seed {seed}: {} orders, {} fills, {} cycles, {} conflated, {} turns",
        played.orders, played.fills, played.cycles, played.conflated, exact.turns
    );
    played
}

#[test]
fn a_recorded_run_on_threads_repeats_to_the_bit_whatever_the_threads_did() {
    let (mut orders, mut conflated) = (0, 0);
    for seed in 1..=3 {
        let (_, series) = fresh(&format!("exact_{seed}"));
        let burst = [4, 24, 400][seed as usize - 1];
        let played = assert_repeats(seed, Script { burst, ..script(seed, roomy(series)) });
        orders += played.orders;
        conflated += played.conflated;
    }
    assert!(orders > 20, "{orders} orders: nothing to compare");
    assert!(conflated > 0, "no link was ever full");
}

#[test]
fn numbers_reserved_by_the_journal_are_repeated_too() {
    let (_, series) = fresh("exact_journal");
    let journal = Some(Arc::new(JournalState::default()));
    let played = assert_repeats(5, Script { journal, ..script(5, roomy(series)) });
    assert!(played.orders > 0);
}

#[test]
fn a_series_of_small_files_repeats_like_one_file() {
    let (_, series) = fresh("exact_series");
    let limits = SpoolLimits { rotate_bytes: 20_000, ..roomy(series.clone()) };
    assert_repeats(6, script(6, limits));
    assert!(files(&series).len() > 2, "{:?}", files(&series));
}
