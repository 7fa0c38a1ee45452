//! All agents on one thread and virtual time: simulation, replay and tests.

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::types::time::Clock;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::VirtualClock;
use crate::types::time::WallNs;

/// Rounds in which agents may keep each other busy at one instant. More is a loop between agents.
const MOST_ROUNDS: usize = 100_000;

/// Steps agents through virtual time.
#[derive(Debug)]
pub struct Stepper {
    clock: VirtualClock,
    /// Measures how long turns really take; decides nothing.
    timer: Option<Clock>,
    livelocks: u64,
}

impl Stepper {
    /// Virtual time starts at monotonic zero and the given wall time.
    pub const fn at(wall: WallNs) -> Stepper {
        Stepper { clock: VirtualClock::at(wall), timer: None, livelocks: 0 }
    }
    /// The same, telling agents after a turn how long it really took.
    pub const fn timed_by(mut self, clock: Clock) -> Stepper {
        self.timer = Some(clock);
        self
    }
    /// The present moment.
    pub const fn now(&self) -> Now {
        self.clock.now()
    }
    /// Fault injection only: steps the wall clock.
    pub const fn step_wall(&mut self, by_ns: i64) {
        self.clock.step_wall(by_ns);
    }
    /// Instants at which agents did not come to rest. Anything but 0 is a bug.
    pub const fn livelocks(&self) -> u64 {
        self.livelocks
    }

    /// Turns every agent, in order, until none has anything left to do at this instant.
    pub fn settle(&mut self, agents: &mut [&mut dyn Agent]) {
        let now = self.clock.now();
        for _ in 0..MOST_ROUNDS {
            let mut worked = false;
            for agent in agents.iter_mut() {
                worked |= self.turn(*agent, now) == Turn::Worked;
            }
            if !worked {
                return;
            }
        }
        self.livelocks += 1;
    }

    /// Moves to the earliest instant at which an agent has something to do and lets all come to
    /// rest there. Does nothing if no agent is waiting for a time.
    pub fn step(&mut self, agents: &mut [&mut dyn Agent]) {
        let Some(due) = earliest(agents) else { return };
        self.clock.advance_to(due.max(MonoNs(self.clock.now().mono.0 + 1)));
        self.settle(agents);
    }

    fn turn(&self, agent: &mut dyn Agent, now: Now) -> Turn {
        let Some(timer) = self.timer else { return agent.turn(now) };
        let begun = timer.mono();
        let turn = agent.turn(now);
        if turn == Turn::Worked {
            agent.turned(now.mono.plus(timer.mono().since(begun)));
        }
        turn
    }

    /// Moves to `until`, stopping at every instant at which an agent has something to do.
    pub fn advance_to(&mut self, until: MonoNs, agents: &mut [&mut dyn Agent]) {
        while let Some(due) = earliest(agents).filter(|due| *due <= until) {
            let before = self.clock.now().mono;
            self.clock.advance_to(due.max(before));
            self.settle(agents);
            // An agent that stays due at an instant that it was turned at would hold time still.
            if earliest(agents) == Some(due) {
                self.clock.advance_to(MonoNs(due.0.max(before.0) + 1).min(until));
                if due >= until {
                    break;
                }
            }
        }
        self.clock.advance_to(until);
    }
}

fn earliest(agents: &[&mut dyn Agent]) -> Option<MonoNs> {
    agents.iter().filter_map(|agent| agent.due()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ticker {
        every: u64,
        next: u64,
        seen: Vec<u64>,
    }

    impl Agent for Ticker {
        fn name(&self) -> &'static str {
            "ticker"
        }
        fn turn(&mut self, now: Now) -> Turn {
            if now.mono.0 < self.next {
                return Turn::Idle;
            }
            self.seen.push(now.mono.0);
            self.next += self.every;
            Turn::Worked
        }
        fn due(&self) -> Option<MonoNs> {
            Some(MonoNs(self.next))
        }
    }

    #[test]
    fn every_due_instant_is_visited_in_order_and_exactly() {
        let mut a = Ticker { every: 3, next: 3, seen: vec![] };
        let mut b = Ticker { every: 5, next: 5, seen: vec![] };
        let mut stepper = Stepper::at(WallNs(1_000));
        stepper.advance_to(MonoNs(10), &mut [&mut a, &mut b]);
        assert_eq!(a.seen, [3, 6, 9]);
        assert_eq!(b.seen, [5, 10]);
        assert_eq!(stepper.now(), Now { mono: MonoNs(10), wall: WallNs(1_010) });
    }
}
