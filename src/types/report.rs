//! What the engine tells at the close of each cycle. A plain value; whoever reads it formats it.

use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Krw;

/// The state of the engine at the close of one cycle. Counts are those since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleReport {
    /// Number of the cycle, from 1.
    pub cycle: u64,
    /// When it closed.
    pub at: Now,
    /// When it was due: deadlines are absolute.
    pub due_at: MonoNs,
    /// Cycles whose deadline passed before they could close, so far.
    pub missed_cycles: u64,
    /// Longest batch of the engine in the cycle, from when its work was due to its end. `None` if
    /// no batch did work.
    pub loop_latency: Option<DurNs>,
    /// Realised plus unrealised result.
    pub pnl: Krw,
    /// Realised result.
    pub realized: Krw,
    /// Σ notional of the pairs that are not closed.
    pub exposure: Krw,
    /// Pairs that are not closed.
    pub open_pairs: u64,
    /// Fills booked.
    pub fills: u64,
    /// Signals found.
    pub signals: u64,
    /// Pairs whose legs were sent.
    pub entered: u64,
    /// Candidates whose signal stood but that a check refused.
    pub safety_rejections: u64,
    /// Pairs closed by the stop-loss.
    pub stop_losses: u64,
    /// Orders rejected by a venue or the last hop.
    pub rejects: u64,
    /// Order events that contradict what is known.
    pub contradictions: u64,
}

/// Which cycles end in a checkpoint: the first one, and each so many. Engine and telemetry ask the
/// same question, so both know how many were due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checkpoints {
    /// `longrun.interval_loops`; 0 for none at all.
    pub every: u64,
}

impl Checkpoints {
    /// This cycle ends in one.
    pub const fn is_due(self, cycle: u64) -> bool {
        self.every > 0 && cycle > 0 && (cycle == 1 || cycle.is_multiple_of(self.every))
    }
    /// How many were due in the first `cycles` cycles.
    pub const fn due_by(self, cycles: u64) -> u64 {
        match cycles.checked_div(self.every) {
            None => 0,
            Some(multiples) if self.every == 1 => multiples,
            Some(multiples) => multiples + (cycles > 0) as u64,
        }
    }
}

const _: () = assert!(size_of::<CycleReport>() <= 192, "a report is copied through a link");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_checkpoints_is_the_number_of_cycles_that_end_in_one() {
        for every in [0, 1, 2, 3, 50] {
            let checkpoints = Checkpoints { every };
            let mut due = 0;
            for cycle in 0..=200 {
                due += u64::from(checkpoints.is_due(cycle));
                assert_eq!(checkpoints.due_by(cycle), due, "each {every}, cycle {cycle}");
            }
        }
        assert!(Checkpoints { every: 50 }.is_due(1) && Checkpoints { every: 50 }.is_due(100));
    }
}
