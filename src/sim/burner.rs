//! Keeps a core busy while the schedule says so: the real `cpu_burn`. One agent a core, each on a
//! thread of its own.

use std::hint::black_box;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::sim::limits::MOST_CORES;
use crate::sim::script::Script;
use crate::types::rng::mix;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Steps of one turn: about a millisecond, so that an order to end is seen at once.
const STEPS: u64 = 500_000;

/// Names of their threads: each needs one of its own.
const NAMES: [&str; MOST_CORES as usize] = [
    "burner-0",
    "burner-1",
    "burner-2",
    "burner-3",
    "burner-4",
    "burner-5",
    "burner-6",
    "burner-7",
    "burner-8",
    "burner-9",
    "burner-10",
    "burner-11",
    "burner-12",
    "burner-13",
    "burner-14",
    "burner-15",
];

/// One core's burner.
#[derive(Debug)]
pub struct Burner {
    name: &'static str,
    script: Script,
}

impl Burner {
    /// As many as the largest `cpu_burn` of the schedule needs.
    pub fn crew(faults: &[Fault], start: MonoNs) -> Vec<Burner> {
        let cores = |fault: &Fault| match fault.effect {
            Effect::CpuBurn { cores } => cores,
            _ => 0,
        };
        let most = faults.iter().map(cores).max().unwrap_or(0);
        let burner = |(index, name): (u8, &&'static str)| {
            let mine = faults.iter().filter(|fault| cores(fault) > index).copied();
            Burner { name, script: Script::new(mine, start) }
        };
        (0..most).zip(&NAMES).map(burner).collect()
    }
}

impl Agent for Burner {
    fn name(&self) -> &'static str {
        self.name
    }

    fn turn(&mut self, now: Now) -> Turn {
        self.script.advance(now.mono);
        if self.script.active().is_empty() {
            return Turn::Idle;
        }
        black_box((0..STEPS).fold(now.mono.0, |sum, step| mix(sum ^ step)));
        Turn::Worked
    }

    fn due(&self) -> Option<MonoNs> {
        self.script.due()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::time::DurNs;

    #[test]
    fn as_many_burn_as_the_schedule_says_and_only_while_it_says_so() {
        let burn = |at, cores| Fault {
            at: DurNs(at),
            lasts: DurNs(10),
            effect: Effect::CpuBurn { cores },
        };
        let mut crew = Burner::crew(&[burn(10, 2), burn(100, 1)], MonoNs(0));
        assert_ne!(crew[0].name(), crew[1].name(), "each has a thread of its own");
        let mut busy = |at| {
            let now = Now { mono: MonoNs(at), ..Now::default() };
            crew.iter_mut().filter_map(|one| (one.turn(now) == Turn::Worked).then_some(())).count()
        };
        assert_eq!([9, 10, 20, 100, 110].map(&mut busy), [0, 2, 0, 1, 0]);
        assert!(Burner::crew(&[], MonoNs(0)).is_empty());
    }
}
