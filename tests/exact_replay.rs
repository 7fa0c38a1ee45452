//! A paper run on threads, recorded, and repeated from its files: the same orders, the same trace,
//! bit for bit; and what is not as recorded is found.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arb::engine::restore::Restoring;
use arb::feed::mark_reader::MarkFault;
use arb::feed::mark_reader::MarkReader;
use arb::feed::mark_text::Hole;
use arb::feed::series::Series;
use arb::feed::series::marks_beside;
use arb::feed::spool::SpoolLimits;
use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::feed::wire_text::RunningSum;
use arb::scenario::begun::HeadFault;
use arb::scenario::begun::adopt;
use arb::scenario::begun::head;
use arb::scenario::exact::Exact;
use arb::scenario::replay::Blind;
use arb::scenario::shortfall::Short;
use arb::topology::Plan;
use arb::types::carry::Carry;
use arb::types::counters::Counter;
use arb::types::ids::OrderId;
use arb::types::ids::VenueId;
use arb::types::journal::JournalState;
use arb::types::market::TickTable;
use arb::types::rng::SplitMix64;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::Qty;
use taped::Played;
use taped::QUICK;
use taped::Script;
use taped::capture;
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
    Script {
        seed,
        frames: frames_of(&demo()),
        limits,
        burst: 24,
        journal: None,
        short_of_marks: false,
    }
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
    assert!(orders > 10, "{orders} orders: nothing to compare");
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

/// How a repetition of these two files, one line of one of them changed, begins and ends.
fn ended_with(plan: &Plan, recording: &Path, lines: &[Vec<u8>], marks: bool) -> Option<String> {
    let path = if marks { marks_beside(recording).expect("marks") } else { recording.to_owned() };
    let whole = fs::read(&path).expect("the file reads");
    fs::write(&path, lines.concat()).expect("written");
    let tape = Tape::open(recording).expect("opens");
    let reader = MarkReader::open(&[marks_beside(recording).expect("marks")]).expect("opens");
    let ended = match reader {
        Err(fault) => Some(fault.to_string()),
        Ok(reader) => match Exact::new(&plan.engine, tape, reader) {
            Err(fault) => Some(fault.to_string()),
            Ok(mut exact) => exact.run(&mut Blind).err().map(|short| short.to_string()),
        },
    };
    fs::write(&path, whole).expect("written");
    ended
}

#[test]
fn one_changed_byte_of_a_mark_or_a_frame_is_found() {
    let plan = plan(QUICK, 7);
    let (folder, _) = fresh("exact_mutants");
    let series = Series::of(&folder.join("tape.rec")).expect("a name");
    record(&plan, script(7, roomy(series.clone())));
    let part = series.part(1);
    assert_eq!(repeat(&plan, &files(&series)).1, Ok(()));
    let mut rng = SplitMix64::new(7, 7);
    let mut found = BTreeSet::new();
    for (path, is_marks) in [(&part.recording, false), (&part.marks, true)] {
        let whole = fs::read(path).expect("the file reads");
        let lines: Vec<Vec<u8>> = whole.split_inclusive(|b| *b == b'\n').map(Vec::from).collect();
        for _ in 0..12 {
            let mut changed = lines.clone();
            let line = rng.below(lines.len() as u64) as usize;
            let at = rng.below(changed[line].len() as u64 - 1) as usize;
            let byte = &mut changed[line][at];
            *byte = if byte.is_ascii_digit() { b'0' + (*byte - b'0' + 1) % 10 } else { b'~' };
            let ended = ended_with(&plan, &part.recording, &changed, is_marks);
            let what = String::from_utf8_lossy(&changed[line]).into_owned();
            found.insert(ended.unwrap_or_else(|| panic!("not found: {what}")));
        }
        let mut missing = lines.clone();
        missing.remove(lines.len() / 2);
        assert!(ended_with(&plan, &part.recording, &missing, is_marks).is_some());
        let mut twice = lines.clone();
        twice.insert(lines.len() / 2, lines[lines.len() / 2].clone());
        assert!(ended_with(&plan, &part.recording, &twice, is_marks).is_some());
    }
    println!("{found:#?}");
}

/// The marks with one of them changed and all sums right: what only the decisions can tell.
fn resummed(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut sum = RunningSum::default();
    let line = |line: &Vec<u8>| {
        if line.starts_with(b"s ") {
            return format!("s {:08x}\n", sum.value()).into_bytes();
        }
        sum.add(line);
        line.clone()
    };
    lines.iter().map(line).collect()
}

#[test]
fn other_inputs_of_the_engine_make_other_decisions_and_are_named() {
    let plan = plan(QUICK, 8);
    let (folder, _) = fresh("exact_inputs");
    let series = Series::of(&folder.join("tape.rec")).expect("a name");
    record(&plan, script(8, roomy(series.clone())));
    let part = series.part(1);
    let whole = fs::read(&part.marks).expect("the file reads");
    let lines: Vec<Vec<u8>> = whole.split_inclusive(|b| *b == b'\n').map(Vec::from).collect();
    let having = |begin: &[u8]| {
        // A top alone in its turn: of several only the newest counts.
        let counts = |at: usize| {
            let alone = lines[at - 1].starts_with(b"t ") && lines[at + 1].starts_with(b"t ");
            begin != b"b " || alone
        };
        let with: Vec<usize> =
            (0..lines.len()).filter(|at| lines[*at].starts_with(begin) && counts(*at)).collect();
        with[with.len() / 2]
    };
    let told = |begin: &str, change: &dyn Fn(&str) -> String| {
        let mut changed = lines.clone();
        let at = having(begin.as_bytes());
        changed[at] = change(&String::from_utf8_lossy(&lines[at])).into_bytes();
        let ended = ended_with(&plan, &part.recording, &resummed(&changed), true);
        ended.unwrap_or_else(|| panic!("a change of `{begin}` was not found"))
    };
    let without = |_: &str| String::new();
    for begin in ["b ", "e ", "o "] {
        let said = told(begin, &without);
        assert!(said.contains("differ"), "{begin}: {said}");
    }
    assert!(told("z ", &|_| "z 0000000000000001\n".to_owned()).contains("trace at the end"));
    let other_side = |line: &str| match line.contains(" buy ") {
        true => line.replace(" buy ", " sell "),
        false => line.replace(" sell ", " buy "),
    };
    let said = told("o ", &other_side);
    assert!(said.contains("recorded was"), "{said}");
}

#[test]
fn a_run_that_cannot_be_repeated_says_why() {
    let plan_then = plan(QUICK, 9);
    let (_, series) = fresh("exact_refused");
    record(&plan_then, script(9, roomy(series.clone())));
    let part = series.part(1);
    let refused = |plan: &Plan| {
        let tape = Tape::open(&part.recording).expect("opens");
        let marks = MarkReader::open(std::slice::from_ref(&part.marks)).expect("opens");
        Exact::new(&plan.engine, tape, marks.expect("a head")).err()
    };
    assert_eq!(refused(&plan_then), None);
    let mut other = plan_then.clone();
    other.engine.risk.max_open_orders += 1;
    assert_eq!(refused(&other), Some(HeadFault::OtherPlan));
    // The rules of a venue are in the recording: those of the configuration do not count.
    let mut rules = plan_then.clone();
    rules.engine.instruments[0].lot = Qty::from_raw(1_000).expect("a lot");
    rules.engine.instruments[1].ticks = TickTable::fixed(7).expect("a tick");
    assert_eq!(refused(&rules), None);
}

#[test]
fn only_an_engine_without_a_past_can_be_repeated() {
    let plan = plan(QUICK, 13).engine;
    let now = Now { mono: MonoNs(1 << 60), wall: WallNs(1_764_000_000_000_000_000) };
    // As `arb run` boots: from an empty journal, and from one with a past.
    let boot = |carry: Option<&Carry>| {
        let mut restoring = Restoring::new(&plan, now);
        if let Some(carry) = carry {
            restoring.begin(carry).expect("it fits the plan");
        }
        let mut core = restoring.finish().core;
        core.end_unknown_orders(now);
        core.resume(now);
        core
    };
    let new = boot(None);
    let lines = head(&plan, &new);
    assert_eq!(adopt(&plan, &lines), Ok(plan.clone()));
    let mut past = new.carry(now);
    past.next_order = OrderId(7);
    assert_eq!(adopt(&plan, &head(&plan, &boot(Some(&past)))), Err(HeadFault::Carried));
    let mut poorer = new.carry(now);
    poorer.holdings[0].raw -= 1;
    assert_eq!(adopt(&plan, &head(&plan, &boot(Some(&poorer)))), Err(HeadFault::Carried));
    for damaged in [&lines[1..], &lines[..lines.len() - 1], &[]] {
        assert_eq!(adopt(&plan, damaged), Err(HeadFault::Damaged));
    }
}

#[test]
fn frames_are_recorded_without_an_engine_and_read_back_in_each_venues_order() {
    let plan = plan(QUICK, 14);
    let (_, series) = fresh("exact_capture");
    let script = script(14, roomy(series.clone()));
    let recorded = capture(&plan, &script);
    assert!(recorded.files.is_ok() && recorded.falls.is_empty() && recorded.late.is_empty());
    let back = frames_of(&series.part(1).recording);
    assert!(!series.part(1).marks.exists(), "no engine, no marks");
    for venue in [VenueId::Upbit, VenueId::Binance] {
        let of = |frames: &[(VenueId, RecordKind, Vec<u8>)]| -> Vec<_> {
            frames.iter().filter(|frame| frame.0 == venue).cloned().collect()
        };
        assert_eq!(of(&back), of(&script.frames), "{}", venue.name());
    }
}

#[test]
fn a_recording_that_was_cut_is_repeated_up_to_the_cut() {
    let plan = plan(QUICK, 10);
    let (folder, _) = fresh("exact_cut");
    let series = Series::of(&folder.join("tape.rec")).expect("a name");
    record(&plan, script(10, roomy(series.clone())));
    let part = series.part(1);
    let (whole, _) = repeat(&plan, &files(&series));
    for path in [&part.marks, &part.recording] {
        let bytes = fs::read(path).expect("the file reads");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
        let (exact, ended) = repeat(&plan, &files(&series));
        assert!(exact.turns > whole.turns / 10 && exact.turns < whole.turns, "{}", exact.turns);
        match ended {
            Err(Short::Marks(MarkFault::Cut { .. })) => assert_eq!(path, &part.marks),
            // A cut between two lines looks like an end.
            Err(Short::NoEnd) => assert_eq!(path, &part.marks),
            Err(Short::Tape(_) | Short::TapeEnds { .. }) => assert_eq!(path, &part.recording),
            other => panic!("{other:?}"),
        }
        fs::write(path, bytes).expect("written");
    }
}

#[test]
fn marks_that_were_lost_end_the_repetition_where_they_are_missing() {
    let plan = plan(QUICK, 12);
    let (_, series) = fresh("exact_hole");
    let played = record(
        &plan,
        Script { short_of_marks: true, burst: 400, ..script(12, roomy(series.clone())) },
    );
    assert!(played.orders > 0, "the engine went on without its marks");
    let (exact, ended) = repeat(&plan, &files(&series));
    assert_eq!(ended, Err(Short::Hole(Hole::Marks)));
    assert_ne!(exact.engine.core().trace_hash(), played.trace);
}

#[test]
fn a_series_without_its_first_file_or_with_a_gap_is_not_repeated() {
    let plan = plan(QUICK, 11);
    let (_, series) = fresh("exact_parts");
    let limits = SpoolLimits { rotate_bytes: 20_000, ..roomy(series.clone()) };
    record(&plan, script(11, limits));
    let all: Vec<PathBuf> =
        series.parts().expect("a folder").into_iter().map(|part| part.marks).collect();
    let late = MarkReader::open(&all[1..]).expect("opens");
    assert_eq!(late.err(), Some(MarkFault::NotTheFirst { part: 2 }));
    let gap: Vec<PathBuf> = [&all[..1], &all[2..]].concat();
    let expected = MarkFault::PartMissing { part: 3, after: 1 };
    assert_eq!(MarkReader::open(&gap).expect("opens").err(), Some(expected));
}
