//! A measured number with its age, and what is watched.

use std::fmt;

use crate::types::time::DurNs;
use crate::watchdog::signal::Signal;
use crate::watchdog::signal::nanos;

/// A number and how long ago it was written. Not fresh is not healthy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gauge {
    /// In the unit of its signal; `None` if it has never been measured.
    pub value: Option<i64>,
    /// Time since it was written; since the start, if it never was.
    pub age: DurNs,
}

impl Gauge {
    /// What stands for a gauge that nobody hands in: older than any allowance.
    pub const MISSING: Gauge = Gauge { value: None, age: DurNs(u64::MAX) };

    /// A number that the watchdog has just read by itself.
    pub const fn fresh(value: i64) -> Gauge {
        Gauge { value: Some(value), age: DurNs(0) }
    }
    /// A length of time that the watchdog has just found by itself.
    pub fn lasting(time: DurNs) -> Gauge {
        Gauge::fresh(nanos(time))
    }
}

/// One gauge of the run: a signal, and the venue or thread that it is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watched {
    /// What is measured.
    pub signal: Signal,
    /// Name of the venue or thread; empty for the whole process.
    pub of: &'static str,
}

impl Watched {
    /// A signal of the whole process.
    pub const fn whole(signal: Signal) -> Watched {
        Watched { signal, of: "" }
    }
}

/// The name in events: `ws_lag_ms upbit`.
impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signal.name())?;
        if self.of.is_empty() { Ok(()) } else { write!(f, " {}", self.of) }
    }
}
