//! A run on the synthetic market in virtual time, with everything that it told.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::AtomicBool;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::agent::Pace;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::scenario::simulate::Simulation;
use arb::scenario::simulate::Watch;
use arb::sim::limits::Effect;
use arb::sim::limits::Fault;
use arb::sim::plan::MarketPlan;
use arb::topology::Plan;
use arb::types::notice::Notice;
use arb::types::notice::NoticeKind;
use arb::types::report::Checkpoints;
use arb::types::report::CycleReport;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::watchdog::agent::Plan as WatchdogPlan;
use arb::watchdog::beats::CyclePace;
use arb::watchdog::step::Standing;

const CYCLE: DurNs = DurNs::from_secs(60);
const SEED: u64 = 7;

/// What a run came to.
pub struct Played {
    /// Boxed: its fixed tables are larger than a test's stack.
    pub simulation: Box<Simulation>,
    pub notices: Vec<Notice>,
    pub reports: Vec<CycleReport>,
}

/// A length of time in minutes.
pub fn minutes(count: u64) -> DurNs {
    DurNs::from_secs(60 * count)
}

/// One fault of that many seconds from that minute on.
pub fn fault(at_minute: u64, secs: u64, effect: Effect) -> Fault {
    Fault { at: minutes(at_minute), lasts: DurNs::from_secs(secs), effect }
}

/// So many cycles of a minute at the default settings under these faults.
pub fn play(faults: &[Fault], loops: u64) -> Played {
    let loaded = load_bytes("test.yml", b"mode: {current: mock}\n", &Request::default());
    let checked = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked;
    let mut market = MarketPlan::of(checked.engine.instruments.clone(), SEED);
    // Enough for every rule, and five times as fast as the default.
    market.updates_per_second = 2;
    let (limits, rules) = checked.watchdog;
    let dog = WatchdogPlan {
        limits,
        rules: rules.with_interval(CYCLE),
        pace: CyclePace::Every(CYCLE),
        standing: Standing::default(),
        is_enabled: true,
    };
    let (engine, paper) = (checked.engine, checked.paper);
    let (pace, checkpoints) = (Pace::Every(CYCLE), Checkpoints::default());
    let plan = Plan { engine, paper, pace, loops, checkpoints, seed: SEED };
    let (simulation, shown) =
        Simulation::new(&plan, &market, dog, Clock::start()).expect("a good plan");
    let mut simulation = Box::new(simulation.with_faults(faults, &market.instruments));
    let (mut notices, mut reports) = (Vec::new(), Vec::new());
    let mut take = || {
        notices.extend(std::iter::from_fn(|| shown.notices.take()));
        reports.extend(std::iter::from_fn(|| shown.reports.take()));
    };
    let watch = &mut Watch { telemetry: &mut Nobody, look: &mut take, fact: &mut |_| {} };
    simulation.run(&AtomicBool::new(false), watch);
    take();
    Played { simulation, notices, reports }
}

/// In the place of telemetry.
struct Nobody;

impl Agent for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }
    fn turn(&mut self, _: Now) -> Turn {
        Turn::Idle
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

impl Played {
    /// Minute and text of everything that was told.
    pub fn told(&self) -> Vec<(f64, String)> {
        let line = |notice: &Notice| (notice.at.mono.0 as f64 / 60e9, format!("{:?}", notice.kind));
        self.notices.iter().map(line).collect()
    }
    /// The changes of state: minute, from, to.
    pub fn transitions(&self) -> Vec<(u64, &'static str, &'static str)> {
        let change = |notice: &Notice| match notice.kind {
            NoticeKind::Transition { from, to, .. } => Some((notice.at.mono.0 / CYCLE.0, from, to)),
            _ => None,
        };
        self.notices.iter().filter_map(change).collect()
    }
}
