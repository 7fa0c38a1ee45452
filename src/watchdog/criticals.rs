//! The memory of CRITICAL states: the third within 24 h is the last.

use crate::types::time::DurNs;
use crate::watchdog::limits::Limits;
use crate::watchdog::step::CRITICALS;

/// For each counted CRITICAL, newest first, how long it is still remembered; zero: none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Criticals {
    pub left: [DurNs; CRITICALS],
}

impl Criticals {
    /// Time passes.
    pub fn pass(&mut self, elapsed: DurNs) {
        for left in &mut self.left {
            left.0 = left.0.saturating_sub(elapsed.0);
        }
    }
    /// Counts one, unless the newest is younger than a cooldown: a fault that returns while the
    /// cooldown runs belongs to the same incident, and one that lasts counts once per cooldown.
    pub fn count(&mut self, limits: &Limits) {
        let age = limits.critical_memory.0.saturating_sub(self.left[0].0);
        if age < limits.cooldown.0 {
            return;
        }
        self.left.rotate_right(1);
        self.left[0] = limits.critical_memory;
    }
    /// As many as end a run are remembered.
    pub fn is_crash_loop(&self) -> bool {
        self.left.iter().all(|left| left.0 > 0)
    }
}
