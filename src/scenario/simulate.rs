//! The synthetic market on a virtual clock: the same agents, as fast as the machine goes.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::runtime::agent::Agent;
use crate::runtime::link::Rx;
use crate::runtime::step::Stepper;
use crate::scenario::record::Record;
use crate::sim::agent::MarketFeed;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::topology::Outlets;
use crate::topology::Plan;
use crate::topology::Plant;
use crate::topology::Site;
use crate::topology::mock_plant;
use crate::types::control::Permission;
use crate::types::fact::Fact;
use crate::types::report::CycleReport;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Wall time at which every simulation begins: 2026-01-01T00:00:00Z. Fixed, so that the same seed
/// gives the same days.
const BEGINS_AT: WallNs = WallNs(1_767_225_600_000_000_000);

/// A simulation, to be run once.
pub struct Simulation {
    /// The agents, readable after the run.
    pub plant: Plant<MarketFeed>,
    facts: Rx<Fact>,
    /// Reports of cycles with a checkpoint, for whoever shows them.
    pub due: Option<Rx<CycleReport>>,
    stepper: Stepper,
    record: Record,
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
        clock: Clock,
    ) -> Result<(Simulation, Rx<CycleReport>), PlanError> {
        let (plant, Outlets { facts, reports, due }) = mock_plant(plan, market, Site::default())?;
        // Nothing supervises a simulation yet: orders may do everything, for ever.
        plant.permission.grant(Permission::Trade, MonoNs(u64::MAX));
        let record = Record::new(&plan.engine);
        let stepper = Stepper::at(BEGINS_AT).timed_by(clock);
        let due = Some(due);
        Ok((Simulation { plant, facts, due, stepper, record, interrupted: false }, reports))
    }

    /// Runs until the engine is finished or told to stop, and lets orders at work end. `look` is
    /// called after each cycle.
    pub fn run(&mut self, stop: &AtomicBool, look: &mut dyn FnMut(Now)) {
        while !self.plant.finished.load(Ordering::Relaxed) {
            if stop.load(Ordering::Relaxed) {
                self.interrupted = true;
                break;
            }
            self.step(look);
        }
        self.plant.permission.grant(Permission::Finish, MonoNs(u64::MAX));
        while self.plant.gateway.due().is_some() {
            self.step(look);
        }
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

    fn step(&mut self, look: &mut dyn FnMut(Now)) {
        let Plant { feeds, engine, gateway, .. } = &mut self.plant;
        let [first, second] = feeds.as_mut_slice() else { return };
        let before = engine.cycles();
        self.stepper.step(&mut [first, second, engine, gateway]);
        if engine.cycles() > before {
            look(self.stepper.now());
        }
        self.record.drain(&self.facts, &mut |_| {});
    }
}
