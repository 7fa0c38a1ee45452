//! Child processes that do not outlive this one: each is killed by its own id when its handle is
//! dropped, and by the kernel when this process dies without dropping anything.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;

/// What a child can be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Ask it to end.
    Terminate,
    /// End it here and now.
    Kill,
    /// Let it stand still.
    Stop,
    /// Let it go on.
    Continue,
}

impl Signal {
    const fn number(self) -> libc::c_int {
        match self {
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
            Signal::Stop => libc::SIGSTOP,
            Signal::Continue => libc::SIGCONT,
        }
    }
}

/// A child; killed and waited for when it is dropped.
#[derive(Debug)]
pub struct Guarded {
    child: Child,
    status: Option<ExitStatus>,
}

impl Guarded {
    /// Starts a command in a process group of its own, so that a key pressed at the terminal
    /// reaches this process only. For the main thread: the kernel kills the child when the thread
    /// that started it ends.
    ///
    /// # Errors
    /// The system's: no such program, no more processes.
    #[allow(unsafe_code, reason = "std has no safe way to tie a child to its parent")]
    pub fn start(command: &mut Command) -> io::Result<Guarded> {
        command.process_group(0);
        // SAFETY: between fork and exec `bind_to_parent` makes one system call. It allocates
        // nothing, takes no lock and touches no memory of the parent.
        let command = unsafe { command.pre_exec(bind_to_parent) };
        Ok(Guarded { child: command.spawn()?, status: None })
    }
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            // A child that cannot be asked counts as running; dropping it kills it all the same.
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }
    /// Sends a signal; nothing happens to a child that has ended.
    ///
    /// # Errors
    /// The system's.
    #[allow(unsafe_code, reason = "std can only kill")]
    pub fn send(&mut self, signal: Signal) -> io::Result<()> {
        if self.ended().is_some() {
            return Ok(());
        }
        let id = libc::pid_t::try_from(self.id()).map_err(io::Error::other)?;
        // SAFETY: two integers go in, one comes out. The child was not waited for, so its id
        // cannot belong to another process.
        match unsafe { libc::kill(id, signal.number()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // Errors mean that it is gone; a stopped process can be killed too.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "std has no call for it")]
fn bind_to_parent() -> io::Result<()> {
    // SAFETY: integers only.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn bind_to_parent() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    fn sleeper() -> Guarded {
        Guarded::start(Command::new("sleep").arg("600").stdin(Stdio::null())).unwrap()
    }
    fn state(id: u32) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit(") ").next()?.chars().next()
    }
    fn wait_for(id: u32, wanted: Option<char>) {
        while state(id) != wanted {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_child_that_is_dropped_is_gone_even_when_it_stood_still() {
        let mut child = sleeper();
        let id = child.id();
        child.send(Signal::Stop).unwrap();
        wait_for(id, Some('T'));
        drop(child);
        assert_eq!(state(id), None);
    }

    #[test]
    fn a_child_goes_on_when_it_is_told_to_and_ends_when_it_is_asked_to() {
        let mut child = sleeper();
        child.send(Signal::Stop).unwrap();
        wait_for(child.id(), Some('T'));
        child.send(Signal::Continue).unwrap();
        child.send(Signal::Terminate).unwrap();
        while child.ended().is_none() {
            std::thread::yield_now();
        }
        child.send(Signal::Kill).expect("nobody is left to be hurt");
    }
}
