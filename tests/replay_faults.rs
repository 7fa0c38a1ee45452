//! Fault schedules over a recording: what each kind does to books and trading. The recording trades
//! at 29, 46, 67, 86 and 107 s; each fault covers the second time, from 45 to 55 s.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use arb::sim::limits::Effect;
use arb::sim::limits::Fault;
use arb::sim::limits::KINDS;
use arb::sim::limits::Stage;
use arb::sim::tree::TREE;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;
use arb::types::units::Ppm;
use replays::DEFAULTS;
use replays::Run;

#[path = "support/replays.rs"]
mod replays;

const UPBIT: VenueId = VenueId::Upbit;
const BINANCE: VenueId = VenueId::Binance;
const RECORDING: &str = "demo_btc.rec.gz";
const FROM: u64 = 45;
const TO: u64 = 55;

fn play(effect: Effect) -> Run {
    assert_eq!(Stage::Replay.refuses(effect), None);
    let (at, lasts) = (DurNs::from_secs(FROM), DurNs::from_secs(TO - FROM));
    let faults = [Fault { at, lasts, effect }];
    let run = replays::play_with(&replays::demo(RECORDING), DEFAULTS, &faults);
    assert!(run.replay.invariants_ok(), "{effect:?}");
    run
}

fn sound() -> Run {
    replays::play_whole(&replays::demo(RECORDING), DEFAULTS)
}

/// Entry orders decided in these milliseconds of the recording.
fn entries(run: &Run, from_ms: u64, to_ms: u64) -> usize {
    let lines = replays::lines(&replays::demo(RECORDING));
    let first = replays::received(lines.first().expect("not empty"));
    let since = |wall: arb::types::time::WallNs| DurNs(wall.0 - first.0).as_ms();
    run.entries().into_iter().filter(|at| (from_ms..to_ms).contains(&since(*at))).count()
}

fn during(run: &Run) -> usize {
    entries(run, FROM * 1_000, TO * 1_000)
}
fn afterwards(run: &Run) -> usize {
    entries(run, TO * 1_000, 120_000)
}

#[test]
fn without_faults_it_trades_at_that_time_and_later() {
    let run = sound();
    assert_eq!((during(&run), afterwards(&run)), (10, 30));
    let nothing = replays::play_with(&replays::demo(RECORDING), DEFAULTS, &[]);
    assert_eq!(nothing.hash(), run.hash());
}

#[test]
fn silence_of_either_venue_stops_entries_and_their_end_brings_them_back() {
    for venue in [UPBIT, BINANCE] {
        let run = play(Effect::FeedSilence { venue });
        assert_eq!(during(&run), 0, "{}", venue.name());
        assert!(run.count(venue, Counter::Frames) < sound().count(venue, Counter::Frames));
    }
    assert!(afterwards(&play(Effect::FeedSilence { venue: UPBIT })) > 0);
}

#[test]
fn a_lag_leaves_a_hole_and_loses_nothing() {
    let run = play(Effect::FeedLag { venue: UPBIT, by: DurNs::from_secs(3) });
    assert_eq!(entries(&sound(), 46_000, 48_000), 4);
    assert_eq!(entries(&run, 46_000, 48_000), 0);
    let frames = |run: &Run| (run.count(UPBIT, Counter::Frames), run.count(UPBIT, Counter::Books));
    assert_eq!(frames(&run), frames(&sound()));
    assert!(afterwards(&run) > 0);
}

#[test]
fn a_lost_diff_is_a_gap_and_ends_the_book_until_a_snapshot() {
    let run = play(Effect::FeedGap { venue: BINANCE });
    assert_eq!(run.count(BINANCE, Counter::Gaps), 1);
    assert_eq!((during(&run), afterwards(&run)), (0, 0), "the recording has no second snapshot");
}

#[test]
fn crossed_and_zero_prices_are_rejected_and_not_traded_on() {
    let crossed = |venue| (Effect::CrossedBook { venue }, Counter::RejectedCrossed);
    // Upbit fills up a short side with zeros; a size at a price of zero is no such padding.
    let zero = |venue| (Effect::ZeroPrice { venue }, Counter::RejectedValue);
    let zero = [zero(UPBIT), zero(BINANCE)];
    for (effect, counter) in [crossed(UPBIT), crossed(BINANCE)].into_iter().chain(zero) {
        let run = play(effect);
        assert_eq!(during(&run), 0, "{effect:?}");
        let venue = effect.venue().expect("of a venue");
        assert!(run.count(venue, counter) > 10, "{effect:?}");
        assert_eq!(afterwards(&run) > 0, venue == UPBIT, "diffs need a snapshot: {effect:?}");
    }
}

#[test]
fn a_leap_is_too_good_to_be_traded_on_though_its_books_are_valid() {
    let run = play(Effect::PriceLeap { venue: UPBIT, to: Ppm::new(680_000) });
    assert_eq!(during(&run), 0);
    assert_eq!(run.count(UPBIT, Counter::Books), sound().count(UPBIT, Counter::Books));
    assert!(afterwards(&run) > 0);
}

#[test]
fn without_fx_nothing_is_traded() {
    let run = play(Effect::FxLoss);
    assert_eq!(entries(&run, FROM * 1_000 + 3_000, TO * 1_000), 0, "after fx.max_age_ms");
    assert!(entries(&sound(), FROM * 1_000 + 3_000, TO * 1_000) > 0);
    assert!(afterwards(&run) > 0);
}

#[test]
fn a_stalled_engine_and_a_paused_host_decide_nothing_until_they_go_on() {
    for effect in [Effect::EngineStall { thread: "engine" }, Effect::HostPause] {
        let run = play(effect);
        assert_eq!(during(&run), 0, "{effect:?}");
        assert!(afterwards(&run) > 0, "{effect:?}");
        let frames = |run: &Run| run.total(Counter::Frames);
        assert_eq!(frames(&run), frames(&sound()), "{effect:?}");
    }
}

#[test]
fn the_same_faults_give_the_same_run() {
    let effect = Effect::FeedLag { venue: UPBIT, by: DurNs::from_ms(700) };
    let hash = play(effect).hash();
    assert_eq!(play(effect).hash(), hash);
    assert_ne!(sound().hash(), hash);
}

#[test]
fn what_cannot_act_on_a_recording_is_refused_with_the_reason() {
    let refused: Vec<&str> = TREE
        .iter()
        .filter_map(|fault| Stage::Replay.refuses(fault.effect).and(Some(fault.effect.name())))
        .collect();
    for kind in ["redis_stall", "cpu_burn", "memory_step", "disk_full", "clock_step"] {
        assert!(refused.contains(&kind) && KINDS.contains(&kind), "{kind}");
    }
    let text = "faults:\n  - {at: 1s, for: 1s, kind: disk_full}\n";
    let schedule = replays::write_bytes("disk_full.yml", text.as_bytes());
    let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
    command.arg("replay").arg(replays::demo(RECORDING)).arg("--faults").arg(schedule);
    let output = command.output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("disk_full: a replay writes no evidence"), "{said}");
}
