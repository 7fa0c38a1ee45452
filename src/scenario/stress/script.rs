//! A scenario's course: what is done and what must follow, step by step, each step by its time.

use crate::scenario::stress::settings::Settings;
use crate::scenario::stress::stage::Stage;
use crate::types::evidence::FAULT_BEGIN;
use crate::types::time::DurNs;

/// Longest time for anything before the injection: a machine that is busy otherwise.
pub const PATIENCE: DurNs = DurNs::from_secs(20);

/// What a look at the stage says: it has happened, or not yet; or it can no more happen, and why.
pub type Look = Result<bool, String>;

/// Done each time that the stage is looked at, until it says that it has happened.
pub type Act = Box<dyn FnMut(&mut Stage) -> Look>;

/// Against what a step's time counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The beginning of the step: what comes before the injection, or is part of it.
    Itself(DurNs),
    /// The injection: a reaction.
    Injection(DurNs),
}

/// One step.
pub struct Step {
    /// What happens, or must.
    pub what: String,
    /// By when.
    pub by: By,
    /// The injection is complete with this step: times of reactions count from here.
    pub injects: bool,
    /// How it is done or seen.
    pub act: Act,
}

/// The steps, and what must hold throughout.
#[derive(Default)]
pub struct Script {
    /// In order.
    pub steps: Vec<Step>,
    /// Looked at each time; an error fails the scenario.
    pub guards: Vec<Act>,
}

impl Script {
    /// Begins with a run.
    pub fn new(settings: Settings) -> Script {
        Script::default().starts(settings)
    }
    /// A run with these settings.
    #[must_use]
    pub fn starts(self, settings: Settings) -> Script {
        self.setup("the run starts", move |stage| stage.start(&settings).map(|()| true))
    }
    /// Something before the injection.
    #[must_use]
    pub fn setup(self, what: &str, act: impl FnMut(&mut Stage) -> Look + 'static) -> Script {
        self.push((what, By::Itself(PATIENCE)), false, Box::new(act))
    }
    /// The injection.
    #[must_use]
    pub fn inject(self, what: &str, act: impl FnMut(&mut Stage) -> Look + 'static) -> Script {
        self.push((what, By::Itself(PATIENCE)), true, Box::new(act))
    }
    /// The injection is the beginning of a fault in the run's own schedule.
    #[must_use]
    pub fn fault_begins(self, name: &'static str) -> Script {
        self.inject(&format!("fault {name} begins"), move |stage| {
            Ok(stage.watch.fault(name, FAULT_BEGIN).is_some())
        })
    }
    /// A reaction that must be seen within so many ms of the injection.
    #[must_use]
    pub fn within(
        self,
        ms: u64,
        what: &str,
        act: impl FnMut(&mut Stage) -> Look + 'static,
    ) -> Script {
        self.push((what, By::Injection(DurNs::from_ms(ms))), false, Box::new(act))
    }
    /// Nothing happens for a while: part of the injection's length.
    #[must_use]
    pub fn pass(self, ms: u64) -> Script {
        let (time, mut until) = (DurNs::from_ms(ms), None);
        let over =
            move |stage: &mut Stage| Ok(stage.now >= *until.get_or_insert(stage.now.plus(time)));
        let by = By::Itself(DurNs(time.0.saturating_add(PATIENCE.0)));
        self.push((&format!("{ms} ms pass"), by), false, Box::new(over))
    }
    /// Must hold throughout.
    #[must_use]
    pub fn always(mut self, guard: impl FnMut(&mut Stage) -> Look + 'static) -> Script {
        self.guards.push(Box::new(guard));
        self
    }
    /// The time by which everything must have been seen, from the injection on.
    pub fn limit(&self) -> DurNs {
        let by = |step: &Step| match step.by {
            By::Injection(time) => Some(time),
            By::Itself(_) => None,
        };
        self.steps.iter().rev().find_map(by).unwrap_or(PATIENCE)
    }

    fn push(mut self, (what, by): (&str, By), injects: bool, act: Act) -> Script {
        self.steps.push(Step { what: what.to_owned(), by, injects, act });
        self
    }
}
