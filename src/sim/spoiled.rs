//! An agent whose thread can be stalled or killed by a schedule. In an ordinary run it has no
//! schedule and costs one branch a turn.

use std::os::fd::BorrowedFd;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::idle::hold_up;
use crate::runtime::pulse::Pulse;
use crate::runtime::pulse::State;
use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::sim::script::Script;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// How a stall comes about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blocks {
    /// The turn blocks its thread; a death is a panic.
    Thread,
    /// Turns are refused until virtual time has passed the stall; the dead are never turned again.
    Virtually,
}

/// What happens to one thread.
#[derive(Debug)]
pub struct Spoiler {
    script: Script,
    blocks: Blocks,
    /// No turn before then; 0: not held.
    held_until: MonoNs,
    is_dead: bool,
}

impl Spoiler {
    /// Those faults of a schedule that concern a thread of this name; a pause of the host concerns
    /// every thread. `None` if none does.
    pub fn new(name: &str, (faults, start): (&[Fault], MonoNs), blocks: Blocks) -> Option<Spoiler> {
        let concerns = |fault: &&Fault| match fault.effect {
            Effect::EngineStall { thread } | Effect::ThreadDeath { thread } => thread == name,
            Effect::HostPause => true,
            _ => false,
        };
        let script = Script::new(faults.iter().filter(concerns).copied(), start);
        let spoiler = Spoiler { script, blocks, held_until: MonoNs(0), is_dead: false };
        (!spoiler.script.is_over()).then_some(spoiler)
    }

    /// A turn of its agent, unless the thread is stalled or dead. A stall on a thread follows the
    /// turn's own work, so that this has to wait for it; the turn counts as one that worked,
    /// because it took that long.
    fn turn(&mut self, agent: &mut dyn Agent, now: Now) -> Turn {
        self.advance(now.mono);
        if self.is_dead {
            return Turn::Idle;
        }
        let left = self.held_until.since(now.mono);
        if left.0 == 0 {
            self.held_until = MonoNs(0);
            return agent.turn(now);
        }
        match self.blocks {
            Blocks::Virtually => Turn::Idle,
            Blocks::Thread => {
                agent.turn(now);
                hold_up(left);
                Turn::Worked
            }
        }
    }

    /// When its agent is due: not before a stall is over, and then once in any case, because what
    /// came meanwhile waits.
    fn due(&self, agent: Option<MonoNs>) -> Option<MonoNs> {
        if self.is_dead {
            return None;
        }
        let work = agent.map(|due| due.max(self.held_until));
        let end = Some(self.held_until).filter(|end| end.0 > 0);
        work.into_iter().chain(end).chain(self.script.due()).min()
    }

    /// Comes to `now`. On threads a death ends the thread here.
    fn advance(&mut self, now: MonoNs) {
        while let Some(edge) = self.script.next_edge(now) {
            if !edge.begins {
                continue;
            }
            if let Effect::ThreadDeath { thread } = edge.fault.effect {
                if self.blocks == Blocks::Thread {
                    panic!("injected thread_death of {thread}");
                }
                self.is_dead = true;
                return;
            }
            let until = edge.at.plus(edge.fault.lasts);
            self.held_until = self.held_until.max(until);
        }
    }
}

/// An agent on a thread of its own, and what happens to that.
#[derive(Debug)]
pub struct Spoiled<A> {
    agent: A,
    spoiler: Option<Box<Spoiler>>,
}

impl<A: Agent> Spoiled<A> {
    /// `None`: nothing ever happens to it.
    pub fn new(agent: A, spoiler: Option<Spoiler>) -> Spoiled<A> {
        Spoiled { agent, spoiler: spoiler.map(Box::new) }
    }
    /// The agent.
    pub const fn agent(&self) -> &A {
        &self.agent
    }
    /// The agent back, after the run.
    pub fn into_agent(self) -> A {
        self.agent
    }
}

impl<A: Agent> Agent for Spoiled<A> {
    fn name(&self) -> &'static str {
        self.agent.name()
    }
    fn turn(&mut self, now: Now) -> Turn {
        match &mut self.spoiler {
            None => self.agent.turn(now),
            Some(spoiler) => spoiler.turn(&mut self.agent, now),
        }
    }
    fn turned(&mut self, ended_at: MonoNs) {
        self.agent.turned(ended_at);
    }
    fn due(&self) -> Option<MonoNs> {
        let due = self.agent.due();
        self.spoiler.as_ref().map_or(due, |spoiler| spoiler.due(due))
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        self.agent.sockets(visit);
    }
    fn stop(&mut self, now: Now) {
        self.agent.stop(now);
    }
    fn is_drained(&self) -> bool {
        self.agent.is_drained()
    }
}

/// The same for an agent that is lent for a step on a virtual clock and stays where it is.
pub struct Lent<'l> {
    agent: &'l mut dyn Agent,
    spoiler: Option<&'l mut Spoiler>,
    pulse: Option<&'l mut Pulse>,
}

impl<'l> Lent<'l> {
    /// `None`: nothing ever happens to it.
    pub fn new(agent: &'l mut dyn Agent, spoiler: Option<&'l mut Spoiler>) -> Lent<'l> {
        Lent { agent, spoiler, pulse: None }
    }
    /// With the pulse that its thread would have: beats whenever the agent is turned.
    pub fn beating(self, pulse: Option<&'l mut Pulse>) -> Lent<'l> {
        Lent { pulse, ..self }
    }
}

impl Agent for Lent<'_> {
    fn name(&self) -> &'static str {
        self.agent.name()
    }
    fn turn(&mut self, now: Now) -> Turn {
        let turn = match &mut self.spoiler {
            None => self.agent.turn(now),
            Some(spoiler) => spoiler.turn(self.agent, now),
        };
        match (&mut self.pulse, self.spoiler.as_ref()) {
            (Some(pulse), Some(spoiler)) if spoiler.is_dead => pulse.enter(State::Dead),
            (_, Some(spoiler)) if now.mono < spoiler.held_until => {}
            (Some(pulse), _) => pulse.beat(now.mono),
            (None, _) => {}
        }
        turn
    }
    fn turned(&mut self, ended_at: MonoNs) {
        self.agent.turned(ended_at);
    }
    fn due(&self) -> Option<MonoNs> {
        let due = self.agent.due();
        self.spoiler.as_ref().map_or(due, |spoiler| spoiler.due(due))
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        self.agent.sockets(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::limits::Fault;
    use crate::types::time::DurNs;

    /// Works whenever it is turned; due each 10 ns, or never.
    struct Worker {
        turns: Vec<u64>,
        due: Option<MonoNs>,
    }

    impl Agent for Worker {
        fn name(&self) -> &'static str {
            "engine"
        }
        fn turn(&mut self, now: Now) -> Turn {
            self.turns.push(now.mono.0);
            Turn::Worked
        }
        fn due(&self) -> Option<MonoNs> {
            self.due
        }
    }

    fn spoiled(effect: Effect, blocks: Blocks, due: Option<MonoNs>) -> Spoiled<Worker> {
        let fault = Fault { at: DurNs(100), lasts: DurNs(50), effect };
        let spoiler = Spoiler::new("engine", (&[fault], MonoNs(0)), blocks);
        Spoiled::new(Worker { turns: vec![], due }, spoiler)
    }

    fn at(mono: u64) -> Now {
        Now { mono: MonoNs(mono), ..Now::default() }
    }

    const STALL: Effect = Effect::EngineStall { thread: "engine" };

    #[test]
    fn a_virtual_stall_refuses_turns_until_it_is_over_and_then_asks_for_one() {
        for effect in [STALL, Effect::HostPause] {
            let mut agent = spoiled(effect, Blocks::Virtually, None);
            assert_eq!(agent.due(), Some(MonoNs(100)), "it begins by itself");
            let turns = [99, 100, 149].map(|now| agent.turn(at(now)));
            assert_eq!(turns, [Turn::Worked, Turn::Idle, Turn::Idle]);
            assert_eq!(agent.due(), Some(MonoNs(150)), "what came meanwhile waits for it");
            agent.turn(at(150));
            assert_eq!(agent.agent().turns, [99, 150]);
            assert_eq!(agent.due(), None);
        }
    }

    #[test]
    fn the_pulse_of_a_lent_agent_beats_only_when_it_is_turned() {
        let mut worker = Worker { turns: vec![], due: None };
        let fault = Fault { at: DurNs(100), lasts: DurNs(50), effect: STALL };
        let mut spoiler = Spoiler::new("engine", (&[fault], MonoNs(0)), Blocks::Virtually);
        let mut pulse = Pulse::new("engine");
        pulse.enter(State::Running);
        let beats = [99, 120, 150].map(|now| {
            let mut lent = Lent::new(&mut worker, spoiler.as_mut()).beating(Some(&mut pulse));
            lent.turn(at(now));
            pulse.view().beat()
        });
        assert_eq!(beats, [99, 99, 150].map(|beat| Some(MonoNs(beat))));
    }

    #[test]
    fn a_stalled_agent_is_not_due_before_the_stall_is_over() {
        let mut agent = spoiled(STALL, Blocks::Virtually, Some(MonoNs(120)));
        agent.turn(at(100));
        assert_eq!(agent.due(), Some(MonoNs(150)));
    }

    #[test]
    fn the_dead_are_never_turned_again() {
        let mut agent =
            spoiled(Effect::ThreadDeath { thread: "engine" }, Blocks::Virtually, Some(MonoNs(1)));
        agent.turn(at(100));
        agent.turn(at(1_000_000));
        assert!(agent.spoiler.as_ref().is_some_and(|spoiler| spoiler.is_dead));
        assert!(agent.agent().turns.is_empty());
        assert_eq!(agent.due(), None);
    }

    #[test]
    #[should_panic(expected = "injected thread_death of engine")]
    fn a_death_on_a_thread_is_a_panic() {
        spoiled(Effect::ThreadDeath { thread: "engine" }, Blocks::Thread, None).turn(at(100));
    }

    #[test]
    fn a_stall_on_a_thread_lasts_as_long_as_it_is_to() {
        let lasts = DurNs::from_ms(20);
        let fault = Fault { at: DurNs(0), lasts, effect: STALL };
        let worker = Worker { turns: vec![], due: None };
        let spoiler = Spoiler::new("engine", (&[fault], MonoNs(0)), Blocks::Thread);
        let mut agent = Spoiled::new(worker, spoiler);
        let clock = crate::types::time::Clock::start();
        assert_eq!(agent.turn(at(0)), Turn::Worked);
        assert!(clock.mono().since(MonoNs(0)) >= lasts);
    }

    #[test]
    fn a_fault_of_another_thread_concerns_nobody_else() {
        let mut agent = spoiled(Effect::EngineStall { thread: "gateway" }, Blocks::Virtually, None);
        assert_eq!(agent.turn(at(120)), Turn::Worked);
        assert_eq!(agent.due(), None);
    }
}
