//! A fault schedule laid over the synthetic market on a virtual clock.

use std::sync::atomic::Ordering;

use crate::runtime::agent::Agent;
use crate::runtime::pulse::Pulse;
use crate::sim::limits::Fault;
use crate::sim::process::ProcessFigures;
use crate::sim::saboteur::Means;
use crate::sim::saboteur::Saboteur;
use crate::sim::saboteur::Switches;
use crate::sim::spoiled::Blocks;
use crate::sim::spoiled::Lent;
use crate::sim::spoiled::Spoiler;
use crate::types::time::MonoNs;

/// The agents of a simulation by their threads' names, in the order of their turns.
pub const THREADS: [&str; 5] = ["feed-upbit", "feed-binance", "engine", "gateway", "watchdog"];

/// What happens to the threads that the agents would have, and to the process.
pub struct Injection {
    /// Faults of the process; tells of all.
    pub saboteur: Saboteur,
    /// What it throws.
    pub switches: Switches,
    spoilers: [Option<Spoiler>; 5],
}

impl Injection {
    /// The faults of a schedule that begins at zero. Feeds have their own part of it.
    pub fn new(faults: &[Fault], saboteur: impl FnOnce(Means, Switches) -> Saboteur) -> Injection {
        let switches = Switches::default();
        let spoiler = |name| Spoiler::new(name, (faults, MonoNs(0)), Blocks::Virtually);
        Injection {
            saboteur: saboteur(Means::Modelled, switches.clone()),
            switches,
            spoilers: THREADS.map(spoiler),
        }
    }
    /// The agents, in the order of [`THREADS`], as they are turned at this instant, with the
    /// pulses of those that have one; before them the saboteur.
    pub fn lend<'l>(
        &'l mut self,
        agents: [&'l mut dyn Agent; 5],
        pulses: impl IntoIterator<Item = &'l mut Pulse>,
    ) -> (&'l mut Saboteur, [Lent<'l>; 5]) {
        let (mut spoilers, mut pulses) = (self.spoilers.iter_mut(), pulses.into_iter());
        let lent = |agent| {
            Lent::new(agent, spoilers.next().and_then(Option::as_mut)).beating(pulses.next())
        };
        (&mut self.saboteur, agents.map(lent))
    }
    /// The modelled process at `now`.
    pub fn figures(&self, now: MonoNs) -> ProcessFigures {
        self.saboteur.figures(now)
    }
    /// The heartbeat gets an answer.
    pub fn heart_beats(&self) -> bool {
        !self.switches.redis_stalls.load(Ordering::Acquire)
    }
}
