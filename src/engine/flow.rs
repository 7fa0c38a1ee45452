//! What became of orders: counts for the conservation identities.

use crate::types::order::Ending;

/// What became of the orders of this process: terms of the conservation identities.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flow {
    /// Orders that were intended, those at work at the start included.
    pub intents: u64,
    /// Accepted and over.
    pub ended: u64,
    /// Rejected by a venue or the last hop, or never handed over.
    pub rejected: u64,
    /// Of unknown outcome for a while, and over.
    pub resolved: u64,
    /// Fills booked.
    pub fills: u64,
}

impl Flow {
    /// An order came to its end.
    pub(super) fn end(&mut self, ending: Ending, was_unknown: bool) {
        let count = match (was_unknown, ending) {
            (true, _) => &mut self.resolved,
            (false, Ending::Rejected(_)) => &mut self.rejected,
            (false, Ending::Filled | Ending::Cancelled) => &mut self.ended,
        };
        *count += 1;
    }
}
