//! What a run does when one of its parts fails: a journal that stops taking facts, a thread that
//! panics, a watchdog that is gone, a restart with a history.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::agent::Engine;
use arb::engine::agent::Pace;
use arb::engine::core::Core;
use arb::engine::restore::Restoring;
use arb::gateway::paper::Paper;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::crew::Post;
use arb::runtime::idle::Idle;
use arb::runtime::link::FACTS;
use arb::runtime::link::Rx;
use arb::runtime::step::Stepper;
use arb::scenario::live::Hands;
use arb::scenario::live::Running;
use arb::scenario::members::VenueFeed;
use arb::scenario::posts::Placement;
use arb::scenario::posts::Posts;
use arb::scenario::posts::Role;
use arb::scenario::posts::ThreadPlan;
use arb::scenario::sabotage::Sabotage;
use arb::sim::agent::MarketFeed;
use arb::sim::plan::MarketPlan;
use arb::telemetry::agent::Plan as TelemetryPlan;
use arb::telemetry::agent::Ports as TelemetryPorts;
use arb::telemetry::agent::Telemetry;
use arb::telemetry::agent::Timeline;
use arb::telemetry::console::Console;
use arb::telemetry::limits::SampleLimits;
use arb::telemetry::line::Glyphs;
use arb::telemetry::line::LiveState;
use arb::telemetry::log;
use arb::telemetry::writer::LogWriter;
use arb::topology::Boards;
use arb::topology::Outlets;
use arb::topology::Plan;
use arb::topology::Plant;
use arb::topology::Site;
use arb::topology::mock_plant;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::fact::Fact;
use arb::types::fact::Refusal;
use arb::types::ids::VenueId;
use arb::types::report::Checkpoints;
use arb::types::report::CycleReport;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::watchdog::agent::Plan as DogPlan;
use arb::watchdog::agent::Watchdog;
use arb::watchdog::beats::CyclePace;
use arb::watchdog::permission::LEASE;
use arb::watchdog::sources::Subjects;
use arb::watchdog::step::Standing;
use command::HOT;

#[path = "support/command.rs"]
mod command;

const SECOND: DurNs = DurNs::from_secs(1);

fn plans(start: MonoNs, updates_per_second: u32) -> (Plan, MarketPlan) {
    let loaded = load_bytes("test.yml", HOT.as_bytes(), &Request::default());
    let checked = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked;
    let mut market = MarketPlan::of(checked.engine.instruments.clone(), 28);
    (market.updates_per_second, market.start) = (updates_per_second, start);
    let (engine, paper, pace) = (checked.engine, checked.paper, Pace::Every(SECOND));
    (
        Plan { engine, paper, pace, loops: 0, checkpoints: Checkpoints { every: 3 }, seed: 28 },
        market,
    )
}

/// A watchdog that looks only at what makes trading impossible.
fn watchdog(boards: &Boards, permission: &Arc<PermissionWord>, subjects: Subjects) -> Watchdog {
    let loaded = load_bytes("test.yml", HOT.as_bytes(), &Request::default());
    let (limits, rules) = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked.watchdog;
    let (pace, standing) = (CyclePace::Every(SECOND), Standing::default());
    let plan = DogPlan { limits, rules, pace, standing, is_enabled: false };
    Watchdog::new(plan, subjects, boards.dog_ports(permission))
}

/// A plant on virtual time whose facts nobody takes unless a test does.
struct Virtual {
    feeds: Vec<MarketFeed>,
    engine: Engine,
    gateway: Paper,
    permission: Arc<PermissionWord>,
    boards: Boards,
    outlets: Outlets,
    stepper: Stepper,
    watchdog: Option<Watchdog>,
}

impl Virtual {
    fn new(core: Option<Box<Core>>) -> Virtual {
        let (plan, market) = plans(MonoNs(0), 100);
        let site = Site { core, ..Site::default() };
        let (plant, outlets) = mock_plant(&plan, &market, site).expect("a plant");
        let Plant { feeds, engine, gateway, permission, boards, .. } = plant;
        let stepper = Stepper::at(WallNs(0));
        Virtual { feeds, engine, gateway, permission, boards, outlets, stepper, watchdog: None }
    }
    fn step(&mut self) {
        let [first, second] = self.feeds.as_mut_slice() else { panic!("two venues") };
        let mut agents: Vec<&mut dyn Agent> =
            vec![first, second, &mut self.engine, &mut self.gateway];
        agents.extend(self.watchdog.as_mut().map(|dog| dog as &mut dyn Agent));
        self.stepper.step(&mut agents);
    }
    fn run(&mut self, length: DurNs) {
        let until = self.stepper.now().mono.plus(length);
        while self.stepper.now().mono < until {
            self.step();
        }
    }
    fn take_facts(&self) -> usize {
        std::iter::from_fn(|| self.outlets.facts.take()).count()
    }
    fn reports(&self) -> Vec<CycleReport> {
        std::iter::from_fn(|| self.outlets.reports.take()).collect()
    }
    fn refused(&self, refusal: Refusal) -> u64 {
        self.engine.core().counts().refusals[refusal as usize]
    }
}

#[test]
fn a_cycle_with_a_checkpoint_is_reported_although_nobody_takes_other_reports() {
    let mut stage = Virtual::new(None);
    let mut cycles = Vec::new();
    for _ in 0..2 {
        stage.run(DurNs::from_secs(150));
        cycles.extend(std::iter::from_fn(|| stage.outlets.due.take()).map(|report| report.cycle));
    }
    assert!(stage.engine.reports_lost() > 0, "the other link is full");
    let last = *cycles.last().expect("checkpoints");
    let expected: Vec<u64> = (1..=last).filter(|n| *n == 1 || n.is_multiple_of(3)).collect();
    assert_eq!(cycles, expected);
    assert!(last >= 297, "{last}");
}

#[test]
fn a_record_that_fills_up_shuts_entries_at_three_quarters_and_loses_nothing() {
    let mut stage = Virtual::new(None);
    stage.permission.grant(Permission::Trade, MonoNs(u64::MAX));
    let most = FACTS.depth / 4 * 3;
    while stage.outlets.facts.waiting() < most {
        stage.step();
        assert!(stage.stepper.now().mono < MonoNs(0).plus(DurNs::from_secs(300)), "too little");
    }
    assert_eq!(stage.refused(Refusal::Permission), 0, "until then everything is permitted");
    stage.step();
    let entered = stage.engine.core().counts().entered;
    stage.run(DurNs::from_secs(5));
    assert!(stage.refused(Refusal::Permission) > 0, "nobody was refused");
    assert!(stage.boards.engine.refusals.get()[Refusal::Permission as usize] > 0, "not shown");
    assert_eq!(stage.engine.core().counts().entered, entered, "entries are shut");
    let now = stage.stepper.now();
    stage.engine.stop(now);
    while !stage.engine.is_drained() {
        stage.step();
    }
    let waiting = stage.outlets.facts.waiting();
    println!("{waiting} facts wait of {}", FACTS.depth);
    assert!(waiting < FACTS.depth && stage.engine.facts_lost() == 0);
    assert_eq!(stage.take_facts(), waiting, "all of them are there");
}

#[test]
fn entries_open_again_once_the_record_is_read() {
    let mut stage = Virtual::new(None);
    stage.permission.grant(Permission::Trade, MonoNs(u64::MAX));
    while stage.refused(Refusal::Permission) == 0 {
        stage.step();
    }
    stage.run(SECOND);
    let entered = stage.engine.core().counts().entered;
    stage.take_facts();
    stage.run(DurNs::from_secs(5));
    assert!(stage.engine.core().counts().entered > entered);
}

#[test]
fn without_its_watchdog_the_engine_sends_nothing_once_the_lease_is_over() {
    let mut stage = Virtual::new(None);
    stage.watchdog = Some(watchdog(&stage.boards, &stage.permission, stage.boards.subjects()));
    stage.run(DurNs::from_secs(5));
    assert!(stage.engine.progress().sent > 10, "it trades while the watchdog lives");
    stage.watchdog = None;
    stage.run(LEASE);
    let sent = stage.engine.progress().sent;
    let refused = stage.refused(Refusal::Permission);
    stage.run(DurNs::from_secs(5));
    assert_eq!(stage.engine.progress().sent, sent, "no order of any kind");
    assert!(stage.refused(Refusal::Permission) > refused, "there were chances");
    let now = stage.stepper.now().mono;
    assert_eq!(stage.permission.at(now), Permission::Query);
}

#[test]
fn a_cycle_after_a_restart_counts_entries_of_this_process_only() {
    let (plan, _) = plans(MonoNs(0), 100);
    let now = Now { mono: MonoNs(0), wall: WallNs(0) };
    let mut carry = Core::new(&plan.engine).carry(now);
    carry.counts.entered = 1_000_000;
    let mut restoring = Restoring::new(&plan.engine, now);
    restoring.begin(&carry).expect("it fits");
    let mut core = restoring.finish().core;
    core.resume(now);
    let mut stage = Virtual::new(Some(core));
    stage.run(DurNs::from_secs(2));
    let reports = stage.reports();
    assert!(!reports.is_empty(), "a cycle closed, without a permission and without an entry");
    assert!(reports.iter().all(|report| report.entered == 0), "{reports:?}");
    assert!(reports.iter().all(|report| report.safety_rejections == report.signals));
}

/// A journal that takes facts and panics at the tenth.
struct Panics {
    facts: Rx<Fact>,
    left: u32,
}

impl Agent for Panics {
    fn name(&self) -> &'static str {
        "journal"
    }
    fn turn(&mut self, _: Now) -> Turn {
        let Some(_) = self.facts.take() else { return Turn::Idle };
        self.left = self.left.checked_sub(1).expect("the tenth fact");
        Turn::Worked
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

fn telemetry(reports: Rx<CycleReport>) -> Telemetry {
    let (_, queue) = log::open();
    let console = Console::through(Path::new("/nowhere"), Box::new(io::sink()));
    let log = LogWriter::new(queue, console, ::log::LevelFilter::Off);
    let reopen_log = Arc::new(AtomicBool::new(false));
    let plan = TelemetryPlan {
        sampling: SampleLimits { every: None },
        glyphs: Glyphs::Ascii,
        live: LiveState::Blocked(Vec::new()),
        timeline: Timeline::Real,
    };
    Telemetry::new(plan, TelemetryPorts::new(reports, log, reopen_log))
}

#[test]
fn a_thread_that_panics_is_reported_ends_entries_and_lets_the_others_drain() {
    for placement in [Placement::Threads, Placement::Shared] {
        let clock = Clock::start();
        let (plan, market) = plans(clock.mono(), 100);
        let venues = [VenueId::Upbit, VenueId::Binance];
        let posts = Posts::new(&ThreadPlan::plain(placement, &venues, Idle::Park));
        let waker = |role| posts.of(role).and_then(Post::waker);
        let site = Site {
            engine: waker(Role::Engine),
            gateway: waker(Role::Gateway),
            record: waker(Role::Journal),
            telemetry: waker(Role::Telemetry),
            ..Site::default()
        };
        let (mut plant, Outlets { facts, reports, .. }) =
            mock_plant(&plan, &market, site).expect("a plant");
        let subjects = posts.subjects(&mut plant.boards, false);
        let watchdog = watchdog(&plant.boards, &plant.permission, subjects);
        let permission = Arc::clone(&plant.permission);
        let journal = Panics { facts, left: 9 };
        let (telemetry, sabotage) = (telemetry(reports), Sabotage::default());
        let plant = plant.with_feeds(|feed| VenueFeed::Synthetic(Box::new(feed)));
        let helpers = Vec::new();
        let recorder = None;
        let hands = Hands { plant, journal, telemetry, watchdog, helpers, recorder, sabotage };
        let running = Running::start(posts, hands, clock, &mut |_, _| {}).expect("threads");
        running.wait(&|| false, &mut || {});
        let back = running.end(&mut || {});
        assert_eq!(back.falls.len(), 1, "{:?}", back.falls);
        assert_eq!(back.falls[0].thread, "journal");
        assert!(back.falls[0].message.contains("the tenth fact"), "{:?}", back.falls);
        assert!(back.journal.is_none() && back.late.is_empty(), "{:?}", back.late);
        let engine = back.engine.expect("the engine came to its end");
        assert!(engine.core().is_at_rest(), "orders at work came to their end");
        permission.grant(Permission::Trade, MonoNs(u64::MAX));
        assert!(permission.at(clock.mono()) < Permission::Trade, "no entries in this process");
    }
}

#[test]
fn an_order_whose_end_is_overdue_is_shown_although_every_book_is_silent() {
    let mut stage = Virtual::new(None);
    stage.permission.grant(Permission::Trade, MonoNs(u64::MAX));
    while stage.engine.core().orders().open() == 0 {
        stage.step();
    }
    let unknown = |stage: &Virtual| stage.boards.engine.read().map(|shown| shown.unknown_orders);
    assert_eq!(unknown(&stage), Some(0));
    let mut cycles = 0;
    while stage.engine.core().orders().unknown() == 0 {
        // Nobody but the engine is turned any more: no book, no answer.
        cycles = stage.engine.cycles();
        let mono = stage.engine.due().expect("a deadline");
        stage.engine.turn(Now { mono, wall: stage.stepper.now().wall });
    }
    assert_eq!(stage.engine.cycles(), cycles, "no cycle closed in the same turn");
    assert!(unknown(&stage) > Some(0), "the watchdog hears of it");
}
