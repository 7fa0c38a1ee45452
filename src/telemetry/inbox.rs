//! Cycle reports as they come in on two links: all of them on one that may drop some, and those of
//! checkpoints once more on one that has room for them.

use crate::runtime::link::Rx;
use crate::types::report::CycleReport;

/// The next report of each link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inbox {
    report: Option<CycleReport>,
    due: Option<CycleReport>,
}

impl Inbox {
    /// The next report of both links in the order of cycles. One that came through both comes
    /// twice: the second is no later than the one before it.
    pub fn next(
        &mut self,
        reports: &Rx<CycleReport>,
        due: Option<&Rx<CycleReport>>,
    ) -> Option<CycleReport> {
        // In this order: what waits for checkpoints was sent to the other link before.
        self.due = self.due.or_else(|| due?.take());
        self.report = self.report.or_else(|| reports.take());
        let due_first = match (&self.due, &self.report) {
            (Some(due), Some(report)) => due.cycle < report.cycle,
            (due, _) => due.is_some(),
        };
        if due_first { self.due.take() } else { self.report.take() }
    }
}
