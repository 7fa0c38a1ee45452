//! A fault schedule laid over the synthetic market on a virtual clock.

use std::sync::atomic::Ordering;

use arrayvec::ArrayVec;

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
use crate::types::ids::VenueId;
use crate::types::time::MonoNs;

/// Most agents of a simulation: a feed for each venue, engine, gateway, watchdog.
pub const MOST_AGENTS: usize = VenueId::ALL.len() + 3;
/// The agents of a simulation, in the order of their turns.
pub type Agents<A> = ArrayVec<A, MOST_AGENTS>;

/// What happens to the threads that the agents would have, and to the process.
pub struct Injection {
    /// Faults of the process; tells of all.
    pub saboteur: Saboteur,
    /// What it throws.
    pub switches: Switches,
    spoilers: Agents<Option<Spoiler>>,
}

impl Injection {
    /// The faults of a schedule that begins at zero, for agents on threads of these names. Feeds
    /// have their own part of it.
    pub fn new(
        faults: &[Fault],
        threads: impl Iterator<Item = &'static str>,
        saboteur: impl FnOnce(Means, Switches) -> Saboteur,
    ) -> Injection {
        let switches = Switches::default();
        let spoiler = |name| Spoiler::new(name, (faults, MonoNs(0)), Blocks::Virtually);
        Injection {
            saboteur: saboteur(Means::Modelled, switches.clone()),
            switches,
            spoilers: threads.take(MOST_AGENTS).map(spoiler).collect(),
        }
    }
    /// The agents as they are turned at this instant, with the pulses of those that have one;
    /// before them the saboteur.
    pub fn lend<'l>(
        &'l mut self,
        agents: Agents<&'l mut dyn Agent>,
        pulses: impl IntoIterator<Item = &'l mut Pulse>,
    ) -> (&'l mut Saboteur, Agents<Lent<'l>>) {
        let (mut spoilers, mut pulses) = (self.spoilers.iter_mut(), pulses.into_iter());
        let lent = |agent| {
            Lent::new(agent, spoilers.next().and_then(Option::as_mut)).beating(pulses.next())
        };
        (&mut self.saboteur, agents.into_iter().map(lent).collect())
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
