//! The journal's files: what a kill, a loss of power, a failing disk or a careless hand leaves, and
//! what the next start makes of it (`FAULTS.md` F61–F65).
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use arb::engine::core::Core;
use arb::engine::limits::Accounting;
use arb::engine::limits::EnginePlan;
use arb::journal::error::JournalError;
use arb::journal::file::put_aside;
use arb::journal::file::tidy;
use arb::journal::limits::JournalLimits;
use arb::journal::read::Found;
use arb::journal::record::Record;
use arb::journal::record::RecordKind;
use arb::types::fact::FactKind;
use arb::types::ids::OrderId;
use arb::types::time::DurNs;
use arb::types::units::Ppm;

use support::restart::*;
use support::*;

fn the_plan() -> EnginePlan {
    plan(Accounting::Convergence)
}

/// The n-th record of a made-up run: small, all different.
fn record(n: u64) -> Record {
    let kind = RecordKind::Fact(FactKind::Imbalance { part: Ppm::new(n as i64 * 1_001) });
    Record { at: at(n, 0), kind }
}

/// A run that writes `count` records after its start and dies.
fn run(dir: &Path, count: u64, limits: JournalLimits) -> Restart {
    let restart = restart(dir, &the_plan(), at(0, 0)).expect("a readable journal");
    let (found, core) = (&restart.found, &restart.restored.core);
    let mut writer = begin(dir, (&the_plan(), limits), (found, core), at(0, 0)).expect("begins");
    tidy(found, &limits).expect("tidies");
    for n in 0..count {
        writer.push(&record(n)).expect("is written");
        writer.write().expect("is written");
    }
    writer.sync().expect("is synced");
    restart
}

fn read(dir: &Path) -> Result<Restart, JournalError> {
    restart(dir, &the_plan(), at(9_000, 0))
}

fn imbalances(records: &[Record]) -> Vec<Record> {
    let made = |r: &&Record| matches!(r.kind, RecordKind::Fact(_));
    records.iter().filter(made).cloned().collect()
}

fn expected(count: u64) -> Vec<Record> {
    (0..count).map(record).collect()
}

fn lines(file: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(file).expect("a file");
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn a_new_folder_is_private_and_reads_back_what_was_written() {
    let dir = scratch("private").join("journal");
    assert_eq!(read(&dir).expect("a missing folder is an empty one").found, Found::default());
    run(&dir, 5, LIMITS);
    let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&newest(&dir))), (0o700, 0o600));
    let name = newest(&dir).file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(name, "2024-08-08T23-54-15-000000-1.jsonl");
    let again = read(&dir).expect("reads");
    assert_eq!(imbalances(&again.records), expected(5));
    assert_eq!((again.found.records, again.found.torn.len()), (7, 0), "start, ids, five facts");
}

#[test]
fn a_tail_torn_at_any_byte_of_the_last_two_records_is_cut_and_recorded() {
    let dir = scratch("torn");
    run(&dir, 4, LIMITS);
    let file = newest(&dir);
    let whole = fs::read(&file).expect("a file");
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    let two_back = ends[ends.len() - 3] + 1;
    for length in two_back..=whole.len() {
        fs::write(&file, &whole[..length]).expect("a shorter file");
        let good = whole[..length].iter().filter(|byte| **byte == b'\n').count();
        let keep = ends.get(good - 1).map_or(0, |end| end + 1);
        let first = read(&dir).expect("a torn tail is no damage");
        assert_eq!(imbalances(&first.records), expected(good as u64 - 2), "at {length}");
        assert_eq!(first.found.torn_bytes(), (length - keep) as u64, "at {length}");
        // The next process cuts it, says so, and goes on in the same chain.
        run(&dir, 1, LIMITS);
        let second = read(&dir).expect("reads");
        assert_eq!(fs::metadata(&file).expect("is there").len(), keep as u64);
        let noted = second.records.iter().find_map(|record| match &record.kind {
            RecordKind::Truncated { bytes, .. } => Some(*bytes),
            _ => None,
        });
        assert_eq!(noted, (length > keep).then_some((length - keep) as u64));
        assert_eq!(second.found.chain.seq, good as u64 + second.found.records);
        fs::remove_file(newest(&dir)).expect("back to one file");
    }
}

#[test]
fn a_flipped_bit_in_the_last_record_is_cut_and_one_before_it_is_damage() {
    let dir = scratch("flipped");
    run(&dir, 4, LIMITS);
    let file = newest(&dir);
    let whole = fs::read(&file).expect("a file");
    let all = lines(&file);
    let last = whole.len() - all[all.len() - 1].len();
    let before = last - all[all.len() - 2].len();
    let middle = all[..3].iter().map(Vec::len).sum::<usize>() + 30;
    for byte in (before..whole.len()).chain([middle]) {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[byte] ^= 1 << bit;
            fs::write(&file, &bytes).expect("a changed file");
            match read(&dir) {
                Ok(found) => {
                    assert!(byte >= last, "byte {byte} bit {bit} was skipped");
                    assert_eq!(imbalances(&found.records), expected(3));
                    assert_eq!(found.found.torn_bytes(), (whole.len() - last) as u64);
                }
                Err(error) => {
                    assert!(byte < last, "byte {byte} bit {bit}: {error}");
                    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
                    assert!(!error.is_directory() && !error.fix().is_empty());
                }
            }
        }
    }
}

#[test]
fn a_record_that_is_missing_repeated_or_moved_is_damage() {
    let dir = scratch("moved");
    run(&dir, 6, LIMITS);
    let file = newest(&dir);
    let whole = lines(&file);
    let mut missing = whole.clone();
    missing.remove(4);
    let mut repeated = whole.clone();
    repeated.insert(4, whole[4].clone());
    let mut moved = whole.clone();
    moved.swap(4, 5);
    let mut foreign = whole.clone();
    foreign.insert(4, b"grep was here\n".to_vec());
    let mut headless = whole.clone();
    headless.remove(0);
    for (what, changed) in [
        ("missing", missing),
        ("repeated", repeated),
        ("moved", moved),
        ("foreign", foreign),
        ("headless", headless),
    ] {
        fs::write(&file, changed.concat()).expect("a changed file");
        let error = read(&dir).err().unwrap_or_else(|| panic!("{what} was not seen"));
        let JournalError::Damaged { line, .. } = error else { panic!("{what}: {error}") };
        assert_eq!(line, if what == "headless" { 1 } else { line.clamp(5, 6) }, "{what}");
    }
}

#[test]
fn noise_and_zeros_behind_the_last_record_are_cut() {
    let dir = scratch("noise");
    run(&dir, 3, LIMITS);
    let file = newest(&dir);
    let whole = fs::read(&file).expect("a file");
    for tail in [vec![0; 4_096], b"\n\n\n".to_vec(), vec![0xff; 3_000_000], b"{\"crc\":\"".to_vec()]
    {
        fs::write(&file, [&whole[..], &tail[..]].concat()).expect("a longer file");
        let found = read(&dir).expect("a torn tail is no damage");
        assert_eq!(imbalances(&found.records), expected(3));
        assert_eq!(found.found.torn_bytes(), tail.len() as u64);
    }
}

#[test]
fn files_that_follow_one_another_are_one_chain_and_a_lost_one_is_damage() {
    let dir = scratch("rotated");
    let small = JournalLimits { max_file_bytes: 600, ..LIMITS };
    run(&dir, 40, small);
    let all = files(&dir);
    assert!(all.len() > 5, "{} files", all.len());
    assert_eq!(imbalances(&read(&dir).expect("reads").records), expected(40));

    let middle = &all[all.len() / 2];
    let aside = dir.join("aside");
    fs::rename(middle, &aside).expect("a lost file");
    assert!(matches!(read(&dir), Err(JournalError::Damaged { .. })));
    fs::rename(&aside, middle).expect("found again");

    let bytes = fs::read(middle).expect("a file");
    fs::write(middle, &bytes[..bytes.len() - 5]).expect("a torn middle");
    assert!(matches!(read(&dir), Err(JournalError::Damaged { .. })), "not the end of the journal");
    fs::write(middle, &bytes).expect("mended");

    // What is carried in a newer start is not read again, but still checked.
    run(&dir, 2, small);
    assert_eq!(imbalances(&read(&dir).expect("reads").records), expected(2));
    let mut flipped = bytes.clone();
    flipped[40] ^= 1;
    fs::write(middle, &flipped).expect("a damaged old file");
    assert!(matches!(read(&dir), Err(JournalError::Damaged { .. })));
}

#[test]
fn a_process_killed_while_it_began_leaves_nothing_that_the_next_one_minds() {
    let dir = scratch("began");
    fs::write(dir.join("2024-08-08T00-00-00-000000-1.jsonl"), "{\"crc\":\"00")
        .expect("a torn start");
    run(&dir, 3, LIMITS);
    let first = newest(&dir);
    assert_eq!(files(&dir).len(), 1, "the torn start was removed");
    let torn = [fs::read(&first).expect("a file"), b"{\"crc".to_vec()].concat();
    fs::write(&first, &torn).expect("a torn file");
    fs::write(dir.join("2024-08-08T00-00-01-000000-3.jsonl"), "{").expect("a torn start");
    let found = read(&dir).expect("reads").found;
    assert_eq!(found.torn.iter().map(|torn| torn.bytes).collect::<Vec<_>>(), [5, 1]);

    // The process after that is killed once its own start is safe and before it cuts.
    let restart = read(&dir).expect("reads");
    let from: (&Found, &Core) = (&restart.found, &restart.restored.core);
    drop(begin(&dir, (&the_plan(), LIMITS), from, at(0, 0)).expect("begins"));
    let again = read(&dir).expect("its chain shows that nothing is missing");
    assert_eq!((again.found.torn_bytes(), again.found.records), (0, 3), "start, truncated, ids");
}

#[test]
fn old_files_are_removed_at_a_start_and_only_beyond_the_bound() {
    let dir = scratch("bounded");
    let limits = JournalLimits { max_total_bytes: 4_000, ..LIMITS };
    for _ in 0..6 {
        run(&dir, 3, limits);
        let older: u64 = files(&dir).iter().rev().skip(1).map(|f| length(f)).sum();
        assert!(older <= 4_000, "{older} bytes of earlier processes");
        read(&dir).expect("what is left is a whole chain");
    }
    assert!(files(&dir).len() >= 2);
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).expect("is there").len()
}

#[test]
fn a_clean_end_is_told_from_a_crash_and_crashes_are_counted() {
    let dir = scratch("crashes");
    for start in 0..4u64 {
        let restart = read(&dir).expect("reads");
        let found = &restart.found;
        let recent = found.crashes_since(at(start * 60, 0).wall, DurNs::from_secs(120));
        assert_eq!(recent.len() as u64, start.min(2), "those of the last two minutes");
        let from: (&Found, &Core) = (found, &restart.restored.core);
        let now = at(start * 60, 1);
        let mut writer = begin(&dir, (&the_plan(), LIMITS), from, now).expect("begins");
        if start == 3 {
            writer.push(&Record { at: now, kind: RecordKind::Stop }).expect("is written");
            writer.sync().expect("is synced");
        }
    }
    let found = read(&dir).expect("reads").found;
    assert!(found.last.as_ref().expect("a run").stopped);
    assert!(found.crashes_since(at(190, 0).wall, DurNs::from_secs(600)).is_empty());
}

#[test]
fn a_folder_that_is_none_a_file_that_is_unreadable_and_another_mode_are_named_with_a_fix() {
    let dir = scratch("unusable");
    let file = dir.join("file");
    fs::write(&file, "").expect("a file");
    let core = Core::new(&the_plan());
    let begun = begin(&file, (&the_plan(), LIMITS), (&Found::default(), &core), at(0, 0));
    let error = begun.err().expect("a file is no folder");
    assert!(error.is_directory(), "{error}");
    assert!(error.to_string().contains("journal folder cannot be used"), "{error}");
    assert!(read(&file).err().is_some_and(|error| error.is_directory()));

    fs::create_dir(dir.join("x-1.jsonl")).expect("a folder in place of a file");
    let error = read(&dir).err().expect("cannot be read");
    assert!(matches!(error, JournalError::Unreadable { .. }), "{error}");
    fs::remove_dir(dir.join("x-1.jsonl")).expect("removed");

    run(&dir, 1, LIMITS);
    let found = read(&dir).expect("reads").found;
    assert_eq!(found.check_mode(&dir, "mock"), Ok(()));
    let error = found.check_mode(&dir, "paper").expect_err("another mode");
    assert!(error.to_string().contains("`mock` run, not `paper`"), "{error}");
    assert!(error.is_directory());
}

#[test]
fn a_journal_put_aside_is_kept_whole_and_leaves_an_empty_place() {
    let run_dir = scratch("aside");
    let dir = run_dir.join("journal");
    assert_eq!(put_aside(&dir, at(0, 0).wall), Ok(None));
    run(&dir, 3, LIMITS);
    let aside: PathBuf = put_aside(&dir, at(0, 0).wall).expect("moves").expect("was there");
    assert!(!dir.exists());
    assert_eq!(imbalances(&read(&aside).expect("reads").records), expected(3));
}

#[test]
fn a_number_that_was_reserved_is_not_used_again_by_the_next_process() {
    let dir = scratch("numbers");
    run(&dir, 0, LIMITS);
    let restored = read(&dir).expect("reads").restored;
    assert_eq!(restored.unaccounted, 1..1_001);
    let next = restored.core.carry(at(0, 0)).next_order;
    assert_eq!(next, OrderId(1_001));
}
