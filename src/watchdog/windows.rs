//! The sliding windows over cycles, and the strikes. They depend on nothing but the severities of
//! the past, so a worse past never gives a better level.

use crate::watchdog::limits::Limits;
use crate::watchdog::state::Level;
use crate::watchdog::state::Severity;

/// Strikes that make CRITICAL.
pub const STRIKES: u8 = 3;
/// Strikes with which a run resumes after a cooldown: the next ERROR is CRITICAL.
pub const PROBATION: u8 = STRIKES - 1;

/// Cycles since things happened, each stopping where more makes no difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Windows {
    /// Since the last WARN or worse, up to W.
    pub since_warn: u32,
    /// Since the last ERROR or worse, up to the longer of D and E.
    pub since_error: u32,
    /// Since the last strike, up to E.
    pub since_strike: u32,
    /// At most [`STRIKES`].
    pub strikes: u8,
}

impl Windows {
    /// Nothing ever happened.
    pub fn clean(limits: &Limits) -> Windows {
        Windows {
            since_warn: limits.warn_reset_cycles,
            since_error: memory(limits),
            since_strike: limits.error_reset_cycles,
            strikes: 0,
        }
    }
    /// One cycle with that worst severity.
    pub fn pass(&mut self, worst: Severity, limits: &Limits) {
        let one_more = |cycles: u32, most: u32| cycles.saturating_add(1).min(most);
        let warned = worst >= Severity::Warn;
        let erred = worst.stops_entries();
        self.since_warn =
            if warned { 0 } else { one_more(self.since_warn, limits.warn_reset_cycles) };
        self.since_error = if erred { 0 } else { one_more(self.since_error, memory(limits)) };
        self.since_strike = one_more(self.since_strike, limits.error_reset_cycles);
        if self.since_error >= limits.strike_decay_cycles {
            self.strikes = 0;
        }
    }
    /// Counts the cycle that just passed as a strike, if it is one: the first ERROR, and any at
    /// least E cycles after the last strike. True when it was the third.
    pub fn strike(&mut self, worst: Severity, limits: &Limits) -> bool {
        let spaced = self.since_strike >= limits.error_reset_cycles;
        if worst >= Severity::Error && spaced {
            self.strikes += 1;
            self.since_strike = 0;
        }
        self.strikes >= STRIKES
    }
    /// ERROR within the last E cycles, else WARN within the last W, else NORMAL.
    pub fn level(&self, limits: &Limits) -> Level {
        if !self.error_free(limits) {
            Level::Error
        } else if self.since_warn < limits.warn_reset_cycles {
            Level::Warn
        } else {
            Level::Normal
        }
    }
    /// The last E cycles were without ERROR.
    pub fn error_free(&self, limits: &Limits) -> bool {
        self.since_error >= limits.error_reset_cycles
    }
}

fn memory(limits: &Limits) -> u32 {
    limits.strike_decay_cycles.max(limits.error_reset_cycles)
}
