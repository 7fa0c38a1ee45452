//! Several agents turn by turn on one thread: placement `shared`.

use std::os::fd::BorrowedFd;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// The agents that share a thread, in the order of their turns, at most 64. A struct with a field
/// for each, so that all come back typed when the thread is joined.
pub trait Members {
    /// Visits each, in order.
    fn each<'m>(&'m self, visit: &mut dyn FnMut(&'m dyn Agent));
    /// Visits each, in the same order.
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Agent));
}

/// An agent made of agents. Links between its members need no waker: while any of them works, all
/// are turned again.
#[derive(Debug)]
pub struct Shared<M> {
    name: &'static str,
    members: M,
    /// Members that worked in the last turn, one bit each.
    worked: u64,
}

impl<M: Members> Shared<M> {
    /// One agent, on a thread of this name.
    ///
    /// # Panics
    /// With more than 64 members.
    pub fn new(name: &'static str, members: M) -> Shared<M> {
        let mut count = 0;
        members.each(&mut |_| count += 1);
        assert!(count <= u64::BITS, "members that worked are one u64 bit set");
        Shared { name, members, worked: 0 }
    }
    /// The members.
    pub const fn members(&self) -> &M {
        &self.members
    }
    /// The members back, after the run.
    pub fn into_members(self) -> M {
        self.members
    }
}

impl<M: Members> Agent for Shared<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn turn(&mut self, now: Now) -> Turn {
        let (mut worked, mut bit) = (0, 1);
        self.members.each_mut(&mut |agent| {
            if agent.turn(now) == Turn::Worked {
                worked |= bit;
            }
            bit <<= 1;
        });
        self.worked = worked;
        if worked == 0 { Turn::Idle } else { Turn::Worked }
    }

    /// Each that worked is told when the whole turn ended, which is what its work had to wait for.
    fn turned(&mut self, ended_at: MonoNs) {
        let mut worked = self.worked;
        self.members.each_mut(&mut |agent| {
            if worked & 1 != 0 {
                agent.turned(ended_at);
            }
            worked >>= 1;
        });
    }

    fn due(&self) -> Option<MonoNs> {
        let mut earliest = None;
        self.members.each(&mut |agent| {
            earliest = earliest.into_iter().chain(agent.due()).min();
        });
        earliest
    }

    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        self.members.each(&mut |agent| agent.sockets(visit));
    }

    fn stop(&mut self, now: Now) {
        self.members.each_mut(&mut |agent| agent.stop(now));
    }

    fn is_drained(&self) -> bool {
        let mut drained = true;
        self.members.each(&mut |agent| drained &= agent.is_drained());
        drained
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Member {
        works: bool,
        due: Option<MonoNs>,
        ends: Vec<MonoNs>,
        is_stopped: bool,
    }

    impl Agent for Member {
        fn name(&self) -> &'static str {
            "member"
        }
        fn turn(&mut self, _: Now) -> Turn {
            if self.works { Turn::Worked } else { Turn::Idle }
        }
        fn turned(&mut self, ended_at: MonoNs) {
            self.ends.push(ended_at);
        }
        fn due(&self) -> Option<MonoNs> {
            self.due
        }
        fn stop(&mut self, _: Now) {
            self.is_stopped = true;
        }
        fn is_drained(&self) -> bool {
            self.is_stopped && !self.works
        }
    }

    struct Two {
        first: Member,
        second: Member,
    }

    impl Members for Two {
        fn each<'m>(&'m self, visit: &mut dyn FnMut(&'m dyn Agent)) {
            visit(&self.first);
            visit(&self.second);
        }
        fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Agent)) {
            visit(&mut self.first);
            visit(&mut self.second);
        }
    }

    fn two(first_works: bool, second_works: bool) -> Shared<Two> {
        let member = |works| Member { works, ..Member::default() };
        Shared::new("shared", Two { first: member(first_works), second: member(second_works) })
    }

    #[test]
    fn one_member_that_works_makes_the_turn_work_and_only_it_hears_of_the_end() {
        let mut shared = two(false, true);
        assert_eq!(shared.turn(Now::default()), Turn::Worked);
        shared.turned(MonoNs(9));
        let members = shared.into_members();
        assert!(members.first.ends.is_empty());
        assert_eq!(members.second.ends, [MonoNs(9)]);
        assert_eq!(two(false, false).turn(Now::default()), Turn::Idle);
    }

    #[test]
    fn the_earliest_member_is_what_is_due() {
        let mut shared = two(false, false);
        assert_eq!(shared.due(), None);
        shared.members.second.due = Some(MonoNs(7));
        assert_eq!(shared.due(), Some(MonoNs(7)));
        shared.members.first.due = Some(MonoNs(5));
        assert_eq!(shared.due(), Some(MonoNs(5)));
    }

    #[test]
    fn all_are_asked_to_stop_and_all_must_be_drained() {
        let mut shared = two(false, true);
        shared.stop(Now::default());
        assert!(shared.members.first.is_stopped && shared.members.second.is_stopped);
        assert!(!shared.is_drained());
        shared.members.second.works = false;
        assert!(shared.is_drained());
    }
}
