//! The contract of everything that runs: one thread, one agent, one `turn`.

use std::os::fd::BorrowedFd;

use crate::types::time::MonoNs;
use crate::types::time::Now;

/// What a turn achieved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Something was done; call again at once.
    Worked,
    /// Nothing to do now.
    Idle,
}

/// A state machine with inputs and outputs. The loop around it exists once, elsewhere; the same
/// agent runs on its own thread, beside others on one thread, or on virtual time.
pub trait Agent {
    /// Name of its thread, at most 15 bytes.
    fn name(&self) -> &'static str;

    /// Takes at most a bounded batch of input and acts on it. Never blocks, never reads a clock.
    fn turn(&mut self, now: Now) -> Turn;

    /// Called by the loop after a turn that worked, with the time at which it ended: for measuring
    /// what the turn's work had to wait. Virtual time does not pass in a turn.
    fn turned(&mut self, _ended_at: MonoNs) {}

    /// The earliest instant at which it has something to do without new input.
    fn due(&self) -> Option<MonoNs>;

    /// Visits the descriptors on which input may come. A thread that parks is woken when one of
    /// them can be read, or is broken; so an idle turn must have read each of them dry.
    fn sockets<'a>(&'a self, _visit: &mut dyn FnMut(BorrowedFd<'a>)) {}

    /// The run ends: finish what is open, begin nothing. Called once; turns go on until an idle
    /// one after which the agent is drained, at most until its thread's deadline.
    fn stop(&mut self, _now: Now) {}

    /// Nothing is open any more. Asked only after [`Agent::stop`].
    fn is_drained(&self) -> bool {
        true
    }
}

impl Agent for Box<dyn Agent + Send> {
    fn name(&self) -> &'static str {
        (**self).name()
    }
    fn turn(&mut self, now: Now) -> Turn {
        (**self).turn(now)
    }
    fn turned(&mut self, ended_at: MonoNs) {
        (**self).turned(ended_at);
    }
    fn due(&self) -> Option<MonoNs> {
        (**self).due()
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        (**self).sockets(visit);
    }
    fn stop(&mut self, now: Now) {
        (**self).stop(now);
    }
    fn is_drained(&self) -> bool {
        (**self).is_drained()
    }
}
