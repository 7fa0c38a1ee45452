//! The journal's agent and the lock: group syncs, numbers reserved ahead, a disk that fails at any
//! moment, a bound that shuts entries, one instance a directory (`FAULTS.md` F62, F63, F87, F88).
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use arb::engine::core::Core;
use arb::engine::limits::Accounting;
use arb::engine::limits::EnginePlan;
use arb::journal::agent::Journal;
use arb::journal::error::JournalError;
use arb::journal::file::Disk;
use arb::journal::file::FolderDisk;
use arb::journal::limits::JournalLimits;
use arb::journal::lock::LOCK_FILE;
use arb::journal::lock::LockError;
use arb::journal::lock::RunLock;
use arb::journal::read::Found;
use arb::journal::record::Record;
use arb::journal::record::RecordKind;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::link::FACTS;
use arb::runtime::link::Tx;
use arb::types::fact::Fact;
use arb::types::fact::FactKind;
use arb::types::ids::OrderId;
use arb::types::ids::PairId;
use arb::types::journal::JournalState;
use arb::types::market::Side;
use arb::types::order::OrderRequest;
use arb::types::order::Purpose;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;

use support::restart::*;
use support::*;

fn the_plan() -> EnginePlan {
    plan(Accounting::Convergence)
}

fn intent(n: u64) -> Fact {
    let request = OrderRequest {
        id: OrderId(n),
        pair: PairId(1),
        instrument: KRW,
        side: Side::Buy,
        qty: qty(1_000),
        limit: price(100),
        purpose: Purpose::Entry,
        decided_at: MonoNs(n),
    };
    Fact { at: at(n, 0), kind: FactKind::Intent { request, value: krw(1) } }
}

/// A disk whose n-th operation fails, having done half of it. Counts its operations.
struct Failing {
    disk: FolderDisk,
    left: u64,
    done: Arc<AtomicU64>,
    half: Vec<u8>,
}

impl Failing {
    fn on(dir: &Path, fails_at: u64) -> (Box<dyn Disk>, Arc<AtomicU64>) {
        let done = Arc::new(AtomicU64::new(0));
        let disk = FolderDisk::open(dir).expect("a folder");
        let failing = Failing { disk, left: fails_at, done: Arc::clone(&done), half: Vec::new() };
        (Box::new(failing), done)
    }
    fn fails(&mut self) -> io::Result<()> {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 { Err(io::Error::other("no space left on device")) } else { Ok(()) }
    }
}

impl Disk for Failing {
    fn create(&mut self, name: &str) -> io::Result<()> {
        self.fails()?;
        self.disk.create(name)
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.fails() {
            self.half = bytes[..bytes.len() / 2].to_vec();
            self.disk.append(&self.half)?;
            return Err(error);
        }
        self.disk.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.fails()?;
        self.disk.sync()
    }
}

struct Bench {
    journal: Journal,
    facts: Tx<Fact>,
    state: Arc<JournalState>,
}

fn bench(disk: Box<dyn Disk>, limits: JournalLimits) -> Result<Bench, JournalError> {
    let core = Core::new(&the_plan());
    let from = (&Found::default(), &core);
    let writer = begin_on(disk, (&the_plan(), limits), from, at(0, 0))?;
    let (facts, rx) = FACTS.open();
    let state = Arc::new(JournalState::default());
    Ok(Bench { journal: Journal::new(rx, writer, Arc::clone(&state)), facts, state })
}

fn disk(dir: &Path) -> Box<dyn Disk> {
    Box::new(FolderDisk::open(dir).expect("a folder"))
}

/// Records on disk, unread by any engine.
fn on_disk(dir: &Path) -> u64 {
    let names = arb::journal::text::Names::of(&the_plan().instruments);
    let found = arb::journal::read::read_back(dir, &names, &mut |_| Ok(()));
    found.expect("a torn tail at most").chain.seq
}

#[test]
fn records_are_synced_by_the_group_when_the_oldest_has_waited_long_enough() {
    let limits = JournalLimits { sync_every: DurNs::from_ms(50), ..LIMITS };
    let Bench { mut journal, facts, state } =
        bench(disk(&scratch("group")), limits).expect("begins");
    assert_eq!((state.written(), state.synced()), (2, 2), "start and numbers are safe at once");
    assert_eq!((journal.turn(at(1, 0)), journal.due()), (Turn::Idle, None));
    facts.send(intent(1)).expect("room");
    assert_eq!(journal.turn(at(1, 0)), Turn::Worked);
    facts.send(intent(2)).expect("room");
    journal.turn(at(1, 49_999_999));
    assert_eq!((state.written(), state.synced()), (4, 2));
    assert_eq!(journal.due(), Some(at(1, 50_000_000).mono));
    assert_eq!(journal.turn(at(1, 50_000_000)), Turn::Worked);
    assert_eq!((state.synced(), journal.due()), (4, None));
}

#[test]
fn order_numbers_are_reserved_and_synced_before_half_a_block_is_used() {
    let dir = scratch("ahead");
    let limits = JournalLimits { id_block: 10, sync_every: DurNs::from_secs(9), ..LIMITS };
    let Bench { mut journal, facts, state } = bench(disk(&dir), limits).expect("begins");
    assert_eq!(state.reserved(), OrderId(11));
    for n in 1..=100 {
        assert!(OrderId(n) < state.reserved(), "number {n} was not reserved in time");
        facts.send(intent(n)).expect("room");
        journal.turn(at(n, 0));
        let left = state.reserved().0 - n;
        assert!((5..=15).contains(&left), "{left} numbers left");
    }
    let synced = state.synced();
    drop(journal);
    assert!(synced <= on_disk(&dir));
}

#[test]
fn a_disk_that_fails_at_any_operation_keeps_what_was_reported_and_ends_the_record() {
    let limits = JournalLimits { id_block: 10, max_file_bytes: 2_500, ..LIMITS };
    for fails_at in 1..1_000 {
        let dir = scratch("failing");
        let (disk, done) = Failing::on(&dir, fails_at);
        let begun = bench(disk, limits);
        let Ok(Bench { mut journal, facts, state }) = begun else {
            let seq = on_disk(&dir);
            assert!(seq <= 2, "{seq}");
            continue;
        };
        for n in 1..=40 {
            facts.send(intent(n)).expect("the link is drained, also after a failure");
            journal.turn(at(n, 0));
        }
        let stopped = journal.stop(at(50, 0));
        let whole = done.load(Ordering::Relaxed) < fails_at;
        assert_eq!(stopped.is_ok(), whole);
        assert_eq!((state.has_failed(), state.may_enter()), (!whole, whole));
        assert!(on_disk(&dir) >= state.synced(), "operation {fails_at}");
        if whole {
            assert!(fails_at > 60, "the loop met every operation");
            return;
        }
        assert_eq!(done.load(Ordering::Relaxed), fails_at, "nothing is tried after a failure");
        assert!(state.lost() > 0 || state.written() > 40);
        let error = journal.error().expect("says why").to_string();
        assert!(error.contains("no space left"), "{error}");
    }
    panic!("no run was whole");
}

#[test]
fn a_failed_sync_is_final_whatever_the_disk_says_next() {
    // Create, append and sync of the beginning; the append of one record; its sync.
    let (disk, done) = Failing::on(&scratch("final"), 5);
    let core = Core::new(&the_plan());
    let from = (&Found::default(), &core);
    let mut writer = begin_on(disk, (&the_plan(), LIMITS), from, at(0, 0)).expect("begins");
    let fact = intent(1);
    writer.push(&Record { at: fact.at, kind: RecordKind::Fact(fact.kind) }).expect("fits");
    assert!(writer.sync().is_err());
    assert_eq!((writer.written(), writer.synced()), (3, 2));
    let again = writer.sync().expect_err("would succeed on the disk");
    assert!(again.to_string().contains("it failed before"), "{again}");
    assert!(again.fix().contains("start again"));
    assert_eq!((writer.synced(), done.load(Ordering::Relaxed)), (2, 5));
}

#[test]
fn a_journal_at_its_bound_shuts_entries_and_still_records_the_rest() {
    let dir = scratch("full");
    let limits = JournalLimits { max_total_bytes: 4_000, ..LIMITS };
    let Bench { mut journal, facts, state } = bench(disk(&dir), limits).expect("begins");
    assert!(state.may_enter());
    for n in 1..=30 {
        facts.send(intent(n)).expect("room");
        journal.turn(at(n, 0));
    }
    assert!(state.is_full() && !state.may_enter() && !state.has_failed());
    assert_eq!(on_disk(&dir), 32);
}

#[test]
fn a_clean_end_takes_what_waits_and_is_the_last_record() {
    let dir = scratch("clean");
    let limits = JournalLimits { sync_every: DurNs::from_secs(9), ..LIMITS };
    let Bench { mut journal, facts, state } = bench(disk(&dir), limits).expect("begins");
    (1..=700).for_each(|n| facts.send(intent(n)).expect("room"));
    assert_eq!(journal.stop(at(9, 0)), Ok(()));
    assert_eq!((state.synced(), state.backlog()), (703, 0));
    let names = arb::journal::text::Names::of(&the_plan().instruments);
    let found = arb::journal::read::read_back(&dir, &names, &mut |_| Ok(())).expect("reads");
    assert!(found.last.expect("a run").stopped);
}

#[test]
fn a_second_instance_is_refused_and_told_who_runs() {
    let dir = scratch("lock").join("made/if/missing");
    let lock = RunLock::take(&dir).expect("nobody runs here");
    let error = RunLock::take(&dir).expect_err("held");
    let pid = Some(std::process::id());
    assert_eq!(error, LockError::Held { path: dir.join(LOCK_FILE), pid });
    assert!(error.to_string().contains(&std::process::id().to_string()));
    assert!(lock.is_ours());
    drop(lock);
    RunLock::take(&dir).expect("the holder is gone");
}

#[test]
fn a_file_left_by_a_dead_process_is_no_lock_and_a_removed_one_is_noticed() {
    let dir = scratch("stale");
    std::fs::write(dir.join(LOCK_FILE), "1\n").expect("a stale file");
    let lock = RunLock::take(&dir).expect("no process holds it");
    let text = std::fs::read_to_string(dir.join(LOCK_FILE)).expect("a file");
    assert_eq!(text, format!("{}\n", std::process::id()));
    std::fs::remove_file(dir.join(LOCK_FILE)).expect("removed");
    assert!(!lock.is_ours());
    let _second = RunLock::take(&dir).expect("that is why it matters");
    assert!(!lock.is_ours());
}

#[test]
fn a_run_directory_that_is_none_is_named_with_a_fix() {
    let file = scratch("no_directory").join("file");
    std::fs::write(&file, "").expect("a file");
    for dir in [file.clone(), file.join("below")] {
        let error = RunLock::take(&dir).expect_err("is no directory");
        assert!(matches!(error, LockError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains("file"), "{error}");
        assert!(error.fix().contains("--run-dir"));
    }
}
