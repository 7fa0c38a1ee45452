//! The synthetic market on a virtual clock: the same agents, as fast as the machine goes.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use arrayvec::ArrayVec;

use crate::runtime::agent::Agent;
use crate::runtime::link::Rx;
use crate::runtime::pulse::PulseView;
use crate::runtime::step::Stepper;
use crate::scenario::injection::Injection;
use crate::scenario::injection::MOST_AGENTS;
use crate::scenario::record::Record;
use crate::scenario::virtual_threads::Virtual;
use crate::sim::agent::MarketFeed;
use crate::sim::limits::Fault;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::sim::saboteur::Saboteur;
use crate::sim::saboteur::Switches;
use crate::sim::tampering::Tampering;
use crate::topology::Outlets;
use crate::topology::Plan;
use crate::topology::Plant;
use crate::topology::Site;
use crate::topology::mock_plant;
use crate::types::fact::Fact;
use crate::types::market::Instrument;
use crate::types::notice::Notice;
use crate::types::report::CycleReport;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;
use crate::watchdog::agent::Plan as WatchdogPlan;
use crate::watchdog::agent::Watchdog;
use crate::watchdog::limits::DRAIN_LIMIT;

/// Wall time at which every simulation begins: 2026-01-01T00:00:00Z. Fixed, so that the same seed
/// gives the same days.
const BEGINS_AT: WallNs = WallNs(1_767_225_600_000_000_000);

/// What telemetry is given of a simulation.
pub struct Shown {
    /// Cycle reports.
    pub reports: Rx<CycleReport>,
    /// Those of cycles with a checkpoint, once more.
    pub due: Rx<CycleReport>,
    /// News of the watchdog.
    pub notices: Rx<Notice>,
    /// Every thread that there would be.
    pub pulses: Vec<PulseView>,
}

/// Who watches a simulation.
pub struct Watch<'w> {
    /// Turned beside the other agents, in their time.
    pub telemetry: &'w mut dyn Agent,
    /// Called after each cycle.
    pub look: &'w mut dyn FnMut(),
    /// Called with every fact, in order.
    pub fact: &'w mut dyn FnMut(&Fact),
}

/// A simulation, to be run once.
pub struct Simulation {
    /// The agents, readable after the run.
    pub plant: Plant<MarketFeed>,
    facts: Rx<Fact>,
    stepper: Stepper,
    record: Record,
    watchdog: Watchdog,
    threads: Virtual,
    injection: Injection,
    /// True if it was asked to stop before its end.
    pub interrupted: bool,
}

impl Simulation {
    /// Builds the plant; the cycle reports are for whoever shows them.
    ///
    /// # Errors
    /// The market's own reason to refuse its plan.
    pub fn new(
        plan: &Plan,
        market: &MarketPlan,
        dog: WatchdogPlan,
        clock: Clock,
    ) -> Result<(Simulation, Shown), PlanError> {
        let (mut plant, outlets) = mock_plant(plan, market, Site::default())?;
        let Outlets { facts, reports, due, notices } = outlets;
        // What telemetry measures is real and decides nothing: the watchdog sees a model.
        let threads = Virtual::new(&plant);
        let shown = Shown { reports, due, notices, pulses: threads.views() };
        let waiting = plant.boards.waiting.take();
        let subjects = threads.subjects(plant.boards.subjects(), waiting);
        let ports = plant.boards.dog_ports(&plant.permission);
        let watchdog = Watchdog::new(dog, subjects, ports);
        let record = Record::new(&plan.engine);
        let stepper = Stepper::at(BEGINS_AT).timed_by(clock);
        let injection = inject(&[], &plant);
        let simulation = Simulation {
            plant,
            facts,
            stepper,
            record,
            watchdog,
            threads,
            injection,
            interrupted: false,
        };
        Ok((simulation, shown))
    }
    /// The same under a fault schedule that [`crate::sim::limits::Stage::Virtual`] does not refuse.
    pub fn with_faults(mut self, faults: &[Fault], instruments: &[Instrument]) -> Simulation {
        self.injection = inject(faults, &self.plant);
        let tampered = |feed: MarketFeed| {
            let venue = (feed.venue(), instruments);
            feed.tampered(Tampering::new(faults, MonoNs(0), venue))
        };
        self.plant.feeds = self.plant.feeds.into_iter().map(tampered).collect();
        self
    }

    /// Runs until the engine is finished or told to stop, and lets orders at work end.
    pub fn run(&mut self, stop: &AtomicBool, watch: &mut Watch<'_>) {
        while !self.plant.finished.load(Ordering::Relaxed) && self.ending().is_none() {
            if stop.load(Ordering::Relaxed) {
                self.interrupted = true;
                break;
            }
            self.step(watch);
        }
        let begun = self.now().mono;
        self.plant.engine.stop(self.now());
        let drained = |simulation: &Simulation| {
            simulation.plant.engine.is_drained() && simulation.plant.gateway.due().is_none()
        };
        while !drained(self) && self.now().mono.since(begun) < DRAIN_LIMIT {
            self.step(watch);
        }
        self.watchdog.stop(self.now());
        while !self.watchdog.is_drained() && self.now().mono.since(begun).0 < 2 * DRAIN_LIMIT.0 {
            self.step(watch);
        }
    }

    /// The process exit code with which the watchdog ends the run; `None` if it does not.
    pub fn ending(&self) -> Option<u8> {
        self.plant.boards.dog.ending()
    }

    /// What the schedule throws, for those who honour it: heartbeat and evidence store.
    pub const fn switches(&self) -> &Switches {
        &self.injection.switches
    }

    /// Virtual time covered.
    pub fn span(&self) -> DurNs {
        DurNs(self.stepper.now().mono.0)
    }

    /// True if every exact check held and no instant saw agents keep each other busy for ever.
    pub fn invariants_ok(&self) -> bool {
        let Plant { engine, gateway, .. } = &self.plant;
        self.record.is_sound(engine, gateway) && self.stepper.livelocks() == 0
    }

    /// The present virtual moment.
    pub fn now(&self) -> Now {
        self.stepper.now()
    }

    fn step(&mut self, watch: &mut Watch<'_>) {
        let Plant { feeds, engine, gateway, .. } = &mut self.plant;
        let before = engine.cycles();
        let others: [&mut dyn Agent; 3] = [engine, gateway, &mut self.watchdog];
        let feeds = feeds.iter_mut().map(|feed| feed as &mut dyn Agent);
        let agents = feeds.take(MOST_AGENTS - others.len()).chain(others).collect();
        let (saboteur, mut lent) = self.injection.lend(agents, self.threads.pulses());
        let mut agents: ArrayVec<&mut dyn Agent, { MOST_AGENTS + 2 }> = ArrayVec::new();
        agents.push(saboteur);
        agents.extend(lent.iter_mut().map(|agent| agent as &mut dyn Agent));
        agents.push(watch.telemetry);
        self.stepper.step(&mut agents);
        drop(agents);
        drop(lent);
        self.stepper.step_wall(self.injection.saboteur.take_clock_step());
        let now = self.stepper.now();
        self.threads.measure(now, &self.injection);
        if self.threads.has_dead() {
            self.plant.permission.end_entries();
        }
        if self.plant.engine.cycles() > before {
            (watch.look)();
        }
        self.record.drain(&self.facts, watch.fact);
    }
}

/// The saboteur tells of its faults where the watchdog tells of their effects.
fn inject(faults: &[Fault], plant: &Plant<MarketFeed>) -> Injection {
    let notices = plant.boards.notices.clone();
    let feeds = plant.feeds.iter().map(Agent::name);
    let threads = feeds.chain([plant.engine.name(), plant.gateway.name(), "watchdog"]);
    Injection::new(faults, threads, |means, switches| {
        Saboteur::new((faults, MonoNs(0)), means, switches, Some(notices))
    })
}
