//! What goes into one step of the machine and what comes out of it. Plain values.

use crate::types::time::DurNs;
use crate::watchdog::state::Severity;
use crate::watchdog::state::State;

/// How many CRITICAL states within the memory end the run.
pub const CRITICALS: usize = 3;

/// One tick, every 250 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tick {
    /// Time since the tick before, on the clock that counts suspension (BOOTTIME).
    pub elapsed: DurNs,
    /// The worst signal at this moment.
    pub severity: Severity,
    /// How the drain that this machine began is doing; [`Drain::Running`] until its first report.
    pub drain: Drain,
    /// Our books agree with the venues'. Matters after a start and after a cooldown.
    pub reconciled: bool,
}

/// How a drain is doing. A result of an earlier drain must not be passed again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Drain {
    /// No order is open or unknown, and no position above one lot is one-sided.
    Clean,
    /// Not done.
    Running,
    /// Done as far as possible; something one-sided is left.
    Dirty,
}

/// What a step changed. What it did not change is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[must_use = "a transition, a soft reset or a record to persist would be lost"]
pub struct Step {
    /// The state changed.
    pub transition: Option<Transition>,
    /// `soft_reset()` is to run: counters, notification state, reconnect of the offending feed;
    /// never positions or history.
    pub soft_reset: Option<SoftReset>,
    /// This has to survive the process.
    pub persist: Option<Standing>,
}

/// A change of state, for the event log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// The state after; never the same.
    pub to: State,
    /// What led there. Where it is a signal, the caller knows which.
    pub reason: Reason,
}

/// Why a state changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The severity of a signal.
    Signal,
    /// The third strike.
    Strikes,
    /// Enough clean cycles.
    Cleared,
    /// Everything is drained.
    Drained,
    /// The drain left something, or its deadline passed.
    DrainFailed,
    /// The time is over, the cycles were clean, and the books agree.
    Reconciled,
    /// The run was asked to end.
    StopAsked,
}

impl Reason {
    /// The word in events.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Signal => "signal",
            Reason::Strikes => "third strike",
            Reason::Cleared => "clean cycles",
            Reason::Drained => "drained",
            Reason::DrainFailed => "drain failed",
            Reason::Reconciled => "reconciled",
            Reason::StopAsked => "stop asked",
        }
    }
}

/// Why `soft_reset()` runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SoftReset {
    /// The condition is over: the state fell.
    Cleared,
    /// The condition lasts: an attempt to end it. The state stays.
    Attempt,
}

/// What outlives the process. The caller writes it with the boot id and the BOOTTIME at which it
/// holds, and on the next start hands back what is left; after a reboot, the whole of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Trading stays off for this long.
    pub cooldown_left: DurNs,
    /// For each counted CRITICAL, newest first, how long it is still remembered; zero: none.
    pub criticals_left: [DurNs; CRITICALS],
}
