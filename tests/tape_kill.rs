//! `kill -9` of a recording process at random moments: at most a second is lost, the rest reads
//! back as it was, and the cut is reported.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use arb::feed::mark_reader::MarkFault;
use arb::feed::mark_reader::MarkReader;
use arb::feed::mark_text::Entry;
use arb::feed::recorder::MarkPorts;
use arb::feed::recorder::Recorder;
use arb::feed::series::Series;
use arb::feed::spool::SpoolLimits;
use arb::feed::tap::Input;
use arb::feed::tape::Damage;
use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::runtime::agent::Agent;
use arb::runtime::link::MARKS;
use arb::scenario::taping::taping;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::mark::Mark;
use arb::types::rng::SplitMix64;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;

const RUNS: u64 = 24;
/// Time between two frames; every one of them is told.
const STEP_MS: u64 = 10;
/// A second of frames: what a kill may cost.
const MOST_LOST: u64 = 1_000 / STEP_MS;
/// A child that nobody kills ends by itself.
const MOST_FRAMES: u64 = 200_000;
/// Names the file to the child.
const CHILD: &str = "ARB_TEST_TAPE_CHILD";

fn now(frame: u64) -> Now {
    let ns = frame * STEP_MS * 1_000_000;
    Now { mono: MonoNs(ns), wall: WallNs(1_764_000_000_000_000_000 + ns) }
}

fn frame_text(frame: u64) -> String {
    format!("{{\"frame\":{frame},\"noise\":\"{:x}\"}}", SplitMix64::new(frame, 3).next())
}

/// The child: one frame and one mark each step, and each step is told.
fn record_until_killed(path: &Path) {
    let limits = SpoolLimits {
        series: Series::of(path).expect("a name"),
        rotate_bytes: 1 << 20,
        rotate_after: DurNs(u64::MAX),
        max_bytes: u64::MAX,
        max_files: usize::MAX,
    };
    let (mut taps, mut ports) = taping(&[VenueId::Okx], Arc::default());
    let (link, marks) = MARKS.open();
    ports.marks = Some(MarkPorts { link: marks, is_broken: Arc::default(), head: Vec::new() });
    let mut recorder = Recorder::begin(limits, ports, now(0)).expect("a writable folder");
    for frame in 1..MOST_FRAMES {
        let text = frame_text(frame);
        taps[0].1.offer(Input::Record(RecordKind::Ws), text.as_bytes(), (frame, now(frame)));
        let mark = Mark::Top { instrument: InstrumentId(0), frame };
        link.send(mark).expect("the link is drained each step");
        recorder.turn(now(frame));
        println!("took {frame}");
    }
}

#[test]
fn the_child_of_the_kill_test_records_only_when_it_is_told_where() {
    if let Ok(path) = std::env::var(CHILD) {
        record_until_killed(Path::new(&path));
    }
}

fn spawn(path: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "the_child_of_the_kill_test_records_only_when_it_is_told_where"])
        .args(["--nocapture", "--quiet"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// Kills the child after so many frames; the last one that it told of.
fn kill_after(mut child: Child, frames: u64) -> u64 {
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let told = |line: std::io::Result<String>| -> Option<u64> {
        line.ok()?.strip_prefix("took ")?.parse().ok()
    };
    let mut last = 0;
    while last < frames {
        let Some(line) = lines.next() else { panic!("the child ended by itself") };
        last = told(line).unwrap_or(last);
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("is gone");
    lines.filter_map(told).last().unwrap_or(last)
}

/// Frames that read back in order, each as it was, and how the file ends.
fn read_back(path: &Path) -> (u64, Option<Damage>) {
    let mut tape = Tape::open(path).expect("the file opens");
    let mut count = 0;
    loop {
        match tape.next_record() {
            Ok(Some(record)) => {
                count += 1;
                assert_eq!(record.payload, frame_text(count).as_bytes());
                assert_eq!(record.recv, now(count).wall);
            }
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(error.why)),
        }
    }
}

/// The same for the marks beside it.
fn read_marks(path: &Path) -> (u64, Option<MarkFault>) {
    let reader = MarkReader::open(&[path.to_owned()]).expect("the marks open");
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(fault) => return (0, Some(fault)),
    };
    let mut count = 0;
    loop {
        match reader.next_entry() {
            Ok(Some(Entry::Engine(Mark::Top { frame, .. }))) => {
                count += 1;
                assert_eq!(frame, count);
            }
            Ok(Some(_)) => {}
            Ok(None) => return (count, None),
            Err(fault) => return (count, Some(fault)),
        }
    }
}

#[test]
fn a_kill_at_any_moment_costs_at_most_a_second_and_is_reported_as_a_cut() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tape_kill");
    let mut rng = SplitMix64::new(20_240_808, 5);
    let mut cuts = 0;
    for run in 0..RUNS {
        let _ = fs::remove_dir_all(&folder);
        let ending = if run % 2 == 0 { "rec.gz" } else { "rec" };
        let path = folder.join(format!("tape.{ending}"));
        let part = Series::of(&path).expect("a name").part(1);
        let taken = kill_after(spawn(&path), rng.below(1_500));
        let (frames, damage) = read_back(&part.recording);
        let (marks, fault) = read_marks(&part.marks);
        assert!(frames + MOST_LOST >= taken, "run {run}: {frames} of {taken} frames");
        assert!(marks + MOST_LOST >= taken, "run {run}: {marks} of {taken} marks");
        if ending == "rec.gz" {
            let empty = damage == Some(Damage::NoFrame);
            assert!(empty || damage == Some(Damage::Gzip), "run {run}: {damage:?}");
            assert!(fault.is_some() || marks == 0, "run {run}: the marks look complete");
        }
        cuts += u64::from(damage == Some(Damage::Gzip));
    }
    assert!(cuts >= RUNS / 3, "{cuts} files were cut");
    fs::remove_dir_all(&folder).expect("is ours");
}
