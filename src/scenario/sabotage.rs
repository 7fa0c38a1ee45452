//! A fault schedule laid over a run on threads: spoiled agents, and the threads that do the
//! spoiling. A run without faults has neither.

use crate::runtime::agent::Agent;
use crate::runtime::crew::Crew;
use crate::runtime::crew::Post;
use crate::runtime::crew::StartError;
use crate::runtime::crew::Worker;
use crate::runtime::idle::Wait;
use crate::runtime::link::Tx;
use crate::sim::burner::Burner;
use crate::sim::limits::Fault;
use crate::sim::saboteur::Means;
use crate::sim::saboteur::Saboteur;
use crate::sim::saboteur::Switches;
use crate::sim::spoiled::Blocks;
use crate::sim::spoiled::Spoiled;
use crate::sim::spoiled::Spoiler;
use crate::types::notice::Notice;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// A burner ends after its present turn, the saboteur after one chunk of memory.
const DRAIN: DurNs = DurNs::from_secs(2);

/// The schedule of a run on threads.
#[derive(Clone, Debug, Default)]
pub struct Sabotage {
    /// What breaks; empty in an ordinary run.
    pub faults: Vec<Fault>,
    /// The beginning of the run: times of faults count from here.
    pub start: MonoNs,
    /// What other threads honour.
    pub switches: Switches,
}

impl Sabotage {
    /// The agent with what happens to its thread.
    pub fn spoil<A: Agent>(&self, agent: A) -> Spoiled<A> {
        let schedule = (&self.faults[..], self.start);
        let spoiler = Spoiler::new(agent.name(), schedule, Blocks::Thread);
        Spoiled::new(agent, spoiler)
    }
    /// Starts the threads that do the spoiling. They sleep while nothing is due.
    ///
    /// # Errors
    /// The first thread that the system did not give.
    pub fn start(self, crew: &mut Crew, notices: Tx<Notice>) -> Result<Saboteurs, StartError> {
        let mut saboteurs = Saboteurs::default();
        if self.faults.is_empty() {
            return Ok(saboteurs);
        }
        let schedule = (&self.faults[..], self.start);
        for burner in Burner::crew(schedule.0, schedule.1) {
            let post = Post::new(burner.name(), Wait::Park, DRAIN);
            saboteurs.burners.push(crew.start(burner, post)?);
        }
        let saboteur = Saboteur::new(schedule, Means::Real, self.switches, Some(notices));
        let post = Post::new(saboteur.name(), Wait::Park, DRAIN);
        saboteurs.saboteur = Some(crew.start(saboteur, post)?);
        Ok(saboteurs)
    }
}

/// The threads that do the spoiling.
#[derive(Default)]
pub struct Saboteurs {
    burners: Vec<Worker<Burner>>,
    saboteur: Option<Worker<Saboteur>>,
}

impl Saboteurs {
    /// Waits for their ends, at most until then.
    pub fn join(self, crew: &Crew, by: MonoNs) {
        for burner in self.burners {
            let _ = crew.join(burner, by);
        }
        if let Some(saboteur) = self.saboteur {
            let _ = crew.join(saboteur, by);
        }
    }
}
