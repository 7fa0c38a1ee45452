//! Waiting for a socket, at most until a deadline. The only place of this room where a thread
//! stands still.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;

use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// What a socket is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ready {
    /// Something to read, or the end.
    Read,
    /// Room to write, or the end.
    Write,
}

/// A moment on a clock of its own, up to which one may wait.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    clock: Clock,
    until: MonoNs,
}

impl Deadline {
    /// From now on.
    pub fn after(limit: DurNs) -> Deadline {
        let clock = Clock::start();
        Deadline { clock, until: clock.mono().plus(limit) }
    }
    /// What is left; zero when it has passed.
    pub fn left(&self) -> DurNs {
        self.until.since(self.clock.mono())
    }
    /// Until the socket is ready or failed.
    ///
    /// # Errors
    /// `TimedOut` once the deadline has passed; the system's.
    pub fn wait(&self, socket: impl AsFd, ready: Ready) -> io::Result<()> {
        loop {
            let left = self.left();
            if left == DurNs(0) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if is_ready(&socket, ready, left)? {
                return Ok(());
            }
        }
    }
}

/// True once the socket is ready or failed; false after `longest`, or when a signal came between.
///
/// # Errors
/// The system's.
pub fn is_ready(socket: impl AsFd, ready: Ready, longest: DurNs) -> io::Result<bool> {
    let flags = match ready {
        Ready::Read => PollFlags::IN,
        Ready::Write => PollFlags::OUT,
    };
    let mut asked = [PollFd::new(&socket, flags)];
    let limit = Timespec::try_from(Duration::from_nanos(longest.0));
    let limit = limit.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    match poll(&mut asked, Some(&limit)) {
        Ok(found) => Ok(found > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(other) => Err(other.into()),
    }
}
