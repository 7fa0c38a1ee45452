//! The files of a run's evidence: whole or absent, never overwritten, bounded.

#![allow(clippy::expect_used, reason = "a test without its files must fail loudly")]

#[path = "support/witness.rs"]
mod witness;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::Ordering;

use arb::telemetry::append::LineFiles;
use arb::telemetry::append::Lines;
use arb::telemetry::limits::LongRunLimits;
use arb::telemetry::store::Refuse;
use arb::telemetry::store::SnapshotStore;
use arb::types::evidence::FOLDER;
use arb::types::time::NS_PER_SEC;
use arb::types::time::WallNs;
use arb::verdict::load::load;
use witness::START;
use witness::Witness;
use witness::files;
use witness::folder;
use witness::limits;
use witness::now;

fn bounded(dir: &Path, snapshots: usize, bytes: u64) -> LongRunLimits {
    LongRunLimits { max_snapshots: snapshots, max_bytes: bytes, ..limits(dir) }
}

fn store(limits: &LongRunLimits) -> SnapshotStore {
    SnapshotStore::open(limits, Refuse::default()).expect("a store")
}

fn after(secs: u64) -> WallNs {
    WallNs(START.0 + secs * NS_PER_SEC)
}

/// Contents of all snapshots in the order of their names.
fn texts(dir: &Path) -> Vec<String> {
    let read = |path| fs::read_to_string(path).expect("text");
    files(dir, "snapshot_").iter().map(read).collect()
}

#[test]
fn retention_by_count_is_exact_at_every_moment_and_over_restarts() {
    let dir = folder("count");
    let limits = bounded(&dir, 5, 1 << 20);
    let mut first = store(&limits);
    for number in 0..12u64 {
        first.keep(after(number), number.to_string().as_bytes()).expect("kept");
        assert_eq!(texts(&dir).len(), (number + 1).min(5) as usize);
    }
    assert_eq!(texts(&dir), ["7", "8", "9", "10", "11"]);
    let mut second = store(&limits);
    assert_eq!(second.held(), (5, 7));
    second.keep(after(12), b"12").expect("kept");
    assert_eq!(texts(&dir), ["8", "9", "10", "11", "12"]);
}

#[test]
fn retention_by_bytes_is_exact_and_a_file_that_somebody_removed_is_no_trouble() {
    let dir = folder("bytes");
    let limits = bounded(&dir, 100, 35);
    let mut store = store(&limits);
    for number in 0..5 {
        store.keep(after(number), b"0123456789").expect("kept");
    }
    assert_eq!((store.held(), texts(&dir).len()), ((3, 30), 3));
    fs::remove_file(&files(&dir, "snapshot_")[0]).expect("removed");
    store.keep(after(9), b"0123456789").expect("kept");
    assert_eq!((store.held(), texts(&dir).len()), ((3, 30), 3));
}

#[test]
fn a_clock_that_goes_back_overwrites_nothing_and_the_newest_written_stays() {
    let dir = folder("back");
    let mut store = store(&bounded(&dir, 3, 1 << 20));
    for (secs, text) in [(100, "a"), (100, "b"), (100, "c"), (50, "d")] {
        store.keep(after(secs), text.as_bytes()).expect("kept");
    }
    assert_eq!(texts(&dir), ["d", "b", "c"], "a was written first, d last");
    let names: Vec<_> = files(&dir, "snapshot_");
    assert!(names[1].ends_with("snapshot_2025-11-15T20-59-02-906001.json"), "{names:?}");
}

#[test]
fn what_a_kill_left_between_writing_and_renaming_is_no_evidence_and_goes_at_the_next_start() {
    let mut witness = Witness::new("killed", |limits| limits.interval_loops = 1);
    witness.live(0..=300);
    let dir = witness.dir.clone();
    drop(witness);
    let half = dir.join(FOLDER).join(".snapshot.tmp");
    fs::write(&half, "{\"timestamp\": \"2025-").expect("written");
    let series = dir.join(FOLDER).join("series.jsonl");
    let text = fs::read_to_string(&series).expect("text");
    fs::write(&series, &text[..text.len() - 7]).expect("written");
    let evidence = load(&dir).expect("evidence");
    assert_eq!((evidence.snapshot_files, evidence.problems.listed().len()), (5, 0));
    assert_eq!(evidence.torn_tails, 1);

    let mut limits = limits(&dir);
    limits.identity.run_id = "b2".into();
    let mut next = Witness::on(dir.clone(), limits);
    assert!(!half.exists());
    next.live(0..=300);
    let evidence = load(&dir).expect("evidence");
    assert_eq!(
        (evidence.torn_tails, evidence.problems.of(arb::verdict::problem::Kind::Cut)),
        (1, 0)
    );
    assert_eq!(files(&dir, "series").len(), 2, "the old one aside, torn at its end");
}

#[test]
fn a_link_that_somebody_planted_is_not_followed() {
    let dir = folder("planted");
    let limits = bounded(&dir, 5, 1 << 20);
    let mut store = store(&limits);
    let victim = dir.join("victim");
    fs::write(&victim, "precious").expect("written");
    for name in [".snapshot.tmp", "snapshot_2025-11-15T20-57-22-906000.json", "series.jsonl"] {
        symlink(&victim, limits.folder.join(name)).expect("planted");
    }
    store.keep(START, b"new").expect("kept");
    let mut series = LineFiles::open(Lines::Series, &limits, Refuse::default()).expect("open");
    series.append(START, "line").expect("appended");
    assert_eq!(fs::read_to_string(&victim).expect("text"), "precious");
    let written = limits.folder.join("snapshot_2025-11-15T20-57-22-906001.json");
    assert_eq!(fs::read_to_string(written).expect("text"), "new");
}

#[test]
fn a_folder_that_vanishes_comes_back_and_one_that_cannot_be_made_is_an_error_at_the_start() {
    let dir = folder("vanished");
    let limits = bounded(&dir, 5, 1 << 20);
    let mut store = store(&limits);
    let mut events = LineFiles::open(Lines::Events, &limits, Refuse::default()).expect("open");
    events.append(START, "one").expect("appended");
    fs::remove_dir_all(dir.join("logs")).expect("removed");
    store.keep(START, b"new").expect("kept");
    events.append(after(1), "two").expect("appended");
    assert_eq!(texts(&dir), ["new"]);
    let [path] = &files(&dir, "longrun_events_")[..] else { panic!("a new file") };
    assert_eq!(fs::read_to_string(path).expect("text"), "two\n");
    assert_eq!(fs::metadata(path).expect("a file").permissions().mode() & 0o777, 0o600);

    let blocked = folder("blocked");
    fs::write(blocked.join("logs"), "a file").expect("written");
    let limits = bounded(&blocked, 5, 1 << 20);
    assert!(SnapshotStore::open(&limits, Refuse::default()).is_err());
}

#[test]
fn a_folder_that_is_moved_away_is_left_alone_a_new_one_begins_and_it_is_told_once() {
    for (kind, begin) in [(Lines::Series, "series"), (Lines::Events, "longrun_events_")] {
        let dir = folder(&format!("moved_{begin}"));
        let limits = bounded(&dir, 5, 1 << 20);
        let mut lines = LineFiles::open(kind, &limits, Refuse::default()).expect("open");
        lines.append(START, "one").expect("appended");
        assert!(!lines.take_taken());
        fs::rename(dir.join("logs"), dir.join("old")).expect("moved");
        lines.append(after(1), "two").expect("appended");
        assert_eq!([lines.take_taken(), lines.take_taken()], [true, false]);
        lines.append(after(2), "three").expect("appended");
        assert!(!lines.take_taken());
        let [path] = &files(&dir, begin)[..] else { panic!("a new file") };
        assert_eq!(fs::read_to_string(path).expect("text"), "two\nthree\n");
    }
}

#[test]
fn lines_fill_files_of_bounded_size_and_the_oldest_files_go() {
    for (kind, begin, latest) in
        [(Lines::Series, "series", "series.jsonl"), (Lines::Events, "longrun_events_", "")]
    {
        let dir = folder(begin);
        let limits = bounded(&dir, 5, 800);
        let open = || LineFiles::open(kind, &limits, Refuse::default()).expect("open");
        let mut lines = open();
        let mut earlier = 0;
        for number in 0..200 {
            if number % 70 == 69 {
                earlier += lines.removed();
                lines = open();
            }
            lines.append(after(number), &format!("{number:09}")).expect("appended");
            let held: usize = files(&dir, begin)
                .iter()
                .map(|path| fs::read_to_string(path).expect("text").lines().count())
                .sum();
            let told = earlier + lines.removed() + held as u64;
            assert_eq!(told, number + 1, "each line or its count");
            let sizes = files(&dir, begin).into_iter().map(|p| fs::metadata(p).expect("m").len());
            let sizes: Vec<u64> = sizes.collect();
            assert!(sizes.iter().sum::<u64>() <= 800, "{sizes:?}");
            assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
        }
        let mut paths = files(&dir, begin);
        // The present series sorts before those put aside.
        if !latest.is_empty() {
            assert!(paths[0].ends_with(latest), "{paths:?}");
            paths.rotate_left(1);
        }
        let text: String =
            paths.iter().map(|path| fs::read_to_string(path).expect("text")).collect();
        let written: String = (0..200).map(|number| format!("{number:09}\n")).collect();
        assert!(written.ends_with(&text), "the newest, whole lines, in order: {text}");
        assert!(text.len() > 700, "{}", text.len());
    }
}

#[test]
fn a_disk_that_refuses_leaves_nothing_behind_and_takes_lines_again() {
    let dir = folder("refused");
    let limits = bounded(&dir, 5, 1 << 20);
    let refuse = Refuse::default();
    let mut store = SnapshotStore::open(&limits, refuse.clone()).expect("open");
    let mut events = LineFiles::open(Lines::Events, &limits, refuse.clone()).expect("open");
    refuse.0.store(true, Ordering::Relaxed);
    let error = store.keep(START, b"lost").expect_err("refused");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(events.append(START, "lost").is_err());
    assert_eq!(fs::read_dir(&limits.folder).expect("a folder").count(), 0);
    refuse.0.store(false, Ordering::Relaxed);
    events.append(START, "kept").expect("appended");
    assert_eq!(witness::event_lines(&dir), ["kept"]);
}

#[test]
fn a_disk_that_is_full_of_something_else_costs_one_snapshot_in_all() {
    let dir = folder("in_vain");
    let refuse = Refuse::default();
    let mut store = SnapshotStore::open(&bounded(&dir, 9, 1 << 20), refuse.clone()).expect("open");
    for at in 0..5 {
        store.keep(after(at), b"old").expect("kept");
    }
    refuse.0.store(true, Ordering::Relaxed);
    for at in 5..9 {
        assert!(store.keep(after(at), b"new").is_err());
    }
    assert_eq!((texts(&dir).len(), store.sacrificed()), (4, 1));
    refuse.0.store(false, Ordering::Relaxed);
    store.keep(after(9), b"new").expect("kept");
    refuse.0.store(true, Ordering::Relaxed);
    assert!(store.keep(after(10), b"new").is_err());
    assert_eq!((texts(&dir).len(), store.sacrificed()), (4, 2), "another episode");
}

#[test]
fn a_run_on_a_folder_that_became_read_only_goes_on_and_writes_when_it_may() {
    let mut witness = Witness::new("read_only", |limits| limits.interval_loops = 1);
    witness.live(0..=120);
    let folder = witness.dir.join(FOLDER);
    let may_write = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode));
    may_write(0o500).expect("changed");
    let probe = folder.join("probe");
    // Root may write anywhere: then there is nothing to see here.
    let is_root = fs::write(&probe, "").is_ok();
    witness.live(121..=240);
    may_write(0o700).expect("changed");
    witness.live(241..=300);
    witness.telemetry.finish(now(301));
    let missing = if is_root { 0 } else { 2 };
    assert_eq!(witness::snapshots(&witness.dir).len(), 6 - missing);
}
