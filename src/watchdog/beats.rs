//! When the watchdog ticks, and when a cycle of its windows passes.

use crate::types::board::EngineFigures;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::watchdog::liveness::Pace;

/// Ticks after a pause of the host in which nobody is judged: threads that were caught in the
/// middle of a turn finish it first.
const AFTER_PAUSE: u8 = 4;
/// Ticks in a row that pauses of the host excuse: three pauses, each with what follows it.
const MOST_IN_A_ROW: u8 = 3 * AFTER_PAUSE;
/// Most cycles that are stepped in one tick (`--interval 0` closes thousands).
const MOST_CYCLES: u64 = 1_000;

/// When a cycle of the watchdog passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CyclePace {
    /// On deadlines of its own, so that a blocked engine does not stop it.
    Every(DurNs),
    /// With each cycle that the engine closes.
    WithEngine,
}

/// Time between two ticks.
#[derive(Debug, Default)]
pub(in crate::watchdog) struct Ticks {
    pub(in crate::watchdog) last: Option<MonoNs>,
    pub(in crate::watchdog) next: Option<MonoNs>,
    unjudged: u8,
    in_a_row: u8,
}

/// Deadlines of cycles.
#[derive(Debug)]
pub(in crate::watchdog) struct Cycles {
    pace: CyclePace,
    next: Option<MonoNs>,
    seen: u64,
}

impl Ticks {
    /// Whether a tick after that time came when it was due.
    pub(in crate::watchdog) fn pace(&mut self, elapsed: DurNs) -> Pace {
        if Pace::of(elapsed) == Pace::Paused {
            self.unjudged = AFTER_PAUSE;
        } else {
            self.unjudged = self.unjudged.saturating_sub(1);
        }
        self.in_a_row = if self.unjudged > 0 { self.in_a_row.saturating_add(1) } else { 0 };
        // Pauses that never end excuse nothing: whatever they are, trading is not safe under them.
        let excused = self.unjudged > 0 && self.in_a_row <= MOST_IN_A_ROW;
        if excused { Pace::Paused } else { Pace::OnTime }
    }
    /// The present tick is the first one after a pause of the host.
    pub(in crate::watchdog) const fn is_after_pause(&self) -> bool {
        self.unjudged == AFTER_PAUSE
    }
}

impl Cycles {
    /// Nothing has passed yet.
    pub(in crate::watchdog) const fn new(pace: CyclePace) -> Cycles {
        Cycles { pace, next: None, seen: 0 }
    }
    /// Cycles that passed since the last call.
    pub(in crate::watchdog) fn passed(
        &mut self,
        now: MonoNs,
        figures: Option<EngineFigures>,
    ) -> u64 {
        let closed = figures.map_or(0, |figures| figures.cycles);
        let interval = match self.pace {
            CyclePace::Every(interval) => DurNs(interval.0.max(1)),
            CyclePace::WithEngine => {
                let passed = closed.saturating_sub(self.seen);
                self.seen = closed;
                return passed.min(MOST_CYCLES);
            }
        };
        let due = *self.next.get_or_insert(now.plus(interval));
        if now < due {
            return 0;
        }
        // Deadlines that passed while the host stood still did not see anything.
        let passed = 1 + now.since(due).0 / interval.0;
        self.next = Some(due.plus(DurNs(interval.0.saturating_mul(passed))));
        1
    }
}
