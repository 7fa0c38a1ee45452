//! `kill -9` at a hundred random moments of a trading process: what it reported as synced is there,
//! nothing is lost or invented, and the account goes on to the last unit (`FAULTS.md` F72).
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use arb::engine::core::Core;
use arb::engine::limits::Accounting;
use arb::engine::limits::EnginePlan;
use arb::journal::agent::Journal;
use arb::journal::file::tidy;
use arb::journal::limits::JournalLimits;
use arb::journal::record::RecordKind;
use arb::runtime::agent::Agent;
use arb::runtime::link::FACTS;
use arb::types::carry::Carry;
use arb::types::control::Permission;
use arb::types::fact::Fact;
use arb::types::journal::JournalState;
use arb::types::order::OrderEvent;
use arb::types::rng::SplitMix64;
use arb::types::time::DurNs;
use arb::types::time::Now;
use arb::verdict::audit::Audit;
use arb::verdict::audit::Claim;
use arb::verdict::audit::Row;

use support::restart::*;
use support::world::*;
use support::*;

const RUNS: u64 = 100;
/// A child that nobody kills ends by itself.
const MOST_STEPS: u64 = 20_000;
/// Names the folder and the number of the run to the child.
const CHILD: &str = "ARB_TEST_JOURNAL_CHILD";
const LIMITS: JournalLimits = JournalLimits {
    max_file_bytes: 20_000,
    max_total_bytes: 100_000,
    id_block: 40,
    sync_every: DurNs::from_secs(3),
};

/// Limits at which a bad hour does not end the trading that the test needs.
fn the_plan() -> EnginePlan {
    let mut plan = plan(Accounting::Convergence);
    plan.risk.max_residual = krw(1_000_000_000);
    plan.risk.max_daily_loss = krw(1_000_000_000);
    plan
}

fn began(run: u64) -> Now {
    at(run * 100_000, 0)
}

/// Trading that follows from the state at the start and the number of the run alone.
struct Script {
    world: World,
    rng: SplitMix64,
    waiting: Vec<OrderEvent>,
    run: u64,
    step: u64,
}

impl Script {
    fn new(core: Core, run: u64) -> Script {
        let audit = Audit::new(&the_plan().instruments, &[]);
        let (facts, sent) = (Vec::new(), Vec::new());
        let mut world = World { core, audit, facts, sent, next_trade: run * 1_000_000 };
        world.core.end_unknown_orders(began(run));
        world.core.resume(began(run));
        world.core.set_permission(Permission::Trade);
        world.collect();
        Script { world, rng: SplitMix64::new(run, 9), waiting: Vec::new(), run, step: 0 }
    }
    fn now(&self) -> Now {
        at(self.run * 100_000 + self.step, 0)
    }
    /// One second of trading, and its facts.
    fn step(&mut self) -> Vec<Fact> {
        self.step += 1;
        let now = self.now();
        let premium = self.rng.below(4_000_000) as i64 - 1_500_000;
        self.world.market(premium, now);
        for request in self.world.take_sent() {
            let events = answers(&mut self.world, &request, &mut self.rng);
            self.waiting.extend(events);
        }
        let count = self.rng.below(self.waiting.len() as u64 + 1) as usize;
        for event in self.waiting.drain(..count).collect::<Vec<_>>() {
            self.world.event(event, now);
        }
        if self.step.is_multiple_of(10) {
            self.world.core.on_cycle(now);
            self.world.collect();
        }
        std::mem::take(&mut self.world.facts)
    }
}

/// The child: starts as the program does, trades, and tells what is synced.
fn trade_until_killed(dir: &Path, run: u64) {
    let restart = restart(dir, &the_plan(), began(run)).expect("a readable journal");
    let (found, core) = (restart.found, restart.restored.core);
    let writer = begin(dir, (&the_plan(), LIMITS), (&found, &core), began(run)).expect("begins");
    tidy(&found, &LIMITS).expect("tidies");
    let (tx, rx) = FACTS.open();
    let state = Arc::new(JournalState::default());
    let mut journal = Journal::new(rx, writer, Arc::clone(&state));
    let mut script = Script::new(*core, run);
    println!("synced {}", state.synced());
    while script.step < MOST_STEPS {
        script.world.core.reserve_orders(state.reserved());
        let known = state.synced();
        for fact in script.step() {
            tx.send(fact).expect("the link is drained each step");
        }
        journal.turn(script.now());
        if state.synced() > known {
            println!("synced {}", state.synced());
        }
    }
}

#[test]
fn the_child_of_the_kill_test_trades_only_when_it_is_told_where() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (run, dir) = told.split_once(' ').expect("number and folder");
    trade_until_killed(Path::new(dir), run.parse().expect("a number"));
}

fn spawn(dir: &Path, run: u64) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "the_child_of_the_kill_test_trades_only_when_it_is_told_where"])
        .args(["--nocapture", "--quiet"])
        .env(CHILD, format!("{run} {}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// Kills the child some time after it has told of `tellings` syncs; the last one it told of.
fn kill_after(mut child: Child, tellings: u64, rng: &mut SplitMix64) -> u64 {
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let told = |line: std::io::Result<String>| -> Option<u64> {
        line.ok()?.strip_prefix("synced ")?.parse().ok()
    };
    let mut last = 0;
    let mut heard = 0;
    while heard < tellings {
        let Some(line) = lines.next() else { panic!("the child ended by itself") };
        if let Some(seq) = told(line) {
            (last, heard) = (seq, heard + 1);
        }
    }
    // Anywhere between two tellings.
    (0..rng.below(400_000)).for_each(|n| {
        std::hint::black_box(n);
    });
    child.kill().expect("SIGKILL");
    child.wait().expect("is gone");
    lines.filter_map(told).last().unwrap_or(last).max(last)
}

fn carried(core: &Core, run: u64) -> Carry {
    core.carry(began(run))
}

/// The facts that a run from this state makes, up to `count` of them, and the numbers it had.
fn replayed(core: Core, run: u64, count: usize) -> Vec<Fact> {
    let mut script = Script::new(core, run);
    let mut facts = Vec::new();
    while facts.len() < count && script.step < MOST_STEPS {
        facts.extend(script.step());
    }
    facts.truncate(count);
    facts
}

/// A kill loses no page that was written, so the disk's syncs would only cost time: memory serves
/// where there is some.
fn memory_scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if !memory.is_dir() {
        return scratch("killed");
    }
    let dir = memory.join(format!("arb_journal_kill_{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a scratch folder");
    dir
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_synced_and_invents_nothing() {
    let dir = memory_scratch();
    let plan = the_plan();
    let start: Vec<Row> = plan.balances.iter().map(|b| (b.venue, b.asset, b.raw)).collect();
    let mut audit = Audit::new(&plan.instruments, &start);
    let mut rng = SplitMix64::new(20_240_808, 4);
    let (mut traded, mut restarts) = (0, 0);
    for run in 1..=RUNS {
        let before = restart(&dir, &plan, began(run)).expect("readable");
        let tellings = rng.below(20);
        let synced = kill_after(spawn(&dir, run), tellings, &mut rng);
        let after = restart(&dir, &plan, began(run + 1)).expect("a torn tail at most");
        assert!(after.found.chain.seq >= synced, "run {run}: {synced} was reported synced");
        if after.found.chain.seq == before.found.chain.seq {
            assert_eq!((tellings, synced), (0, 0), "killed before it began");
            continue;
        }
        let RecordKind::Start(first) = &after.records[0].kind else { panic!("no start") };
        assert_eq!(first.carry, carried(&before.restored.core, run), "run {run} went on from here");
        let facts = after.facts();
        let expected = replayed(*before.restored.core, run, facts.len());
        assert_eq!(facts, expected, "run {run}: what happened and nothing else");
        facts.iter().for_each(|fact| audit.on_fact(fact));
        let portfolio = after.restored.core.portfolio();
        let held: Vec<Row> =
            portfolio.holdings().iter().map(|h| (h.venue, h.asset, h.raw)).collect();
        let claim = Claim {
            balances: &held,
            realized_raw: portfolio.realized.raw(),
            fees_raw: portfolio.fees.raw(),
            fills: portfolio.fills,
        };
        assert!(audit.agrees_with(&claim), "run {run}: {claim:?}");
        assert_eq!(after.restored.core.counts().contradictions, 0);
        traded = portfolio.fills;
        restarts += 1;
    }
    std::fs::remove_dir_all(&dir).expect("is ours");
    assert!(restarts > RUNS / 2, "{restarts} runs began");
    assert!(traded > 500, "{traded} fills: too little happened to prove anything");
}
