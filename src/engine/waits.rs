//! How long the engine's work waited: measured at the end of each turn, from when it was due.

use arrayvec::ArrayVec;

use crate::stats::latency::LatencyHistogram;
use crate::types::limit;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Most books taken over in one turn: a burst of every instrument.
pub(super) const MOST_TAKEN: usize = limit::INSTRUMENTS;

/// How long work waited, from when it was due to the end of the turn that did it.
pub(super) struct Waits {
    /// Arrival of the frame behind each book taken in this turn.
    arrivals: ArrayVec<MonoNs, MOST_TAKEN>,
    /// When the oldest work of this turn was due.
    due_since: Option<MonoNs>,
    sent_before: u64,
    pub(super) longest: Option<DurNs>,
    pub(super) decision: LatencyHistogram,
    pub(super) order: LatencyHistogram,
    pub(super) batch: LatencyHistogram,
}

impl Waits {
    /// Nothing measured yet.
    pub(super) fn new() -> Waits {
        Waits {
            arrivals: ArrayVec::new(),
            due_since: None,
            sent_before: 0,
            longest: None,
            decision: LatencyHistogram::new(),
            order: LatencyHistogram::new(),
            batch: LatencyHistogram::new(),
        }
    }
    pub(super) fn begin(&mut self, sent: u64) {
        self.arrivals.clear();
        self.due_since = None;
        self.sent_before = sent;
    }
    pub(super) fn due(&mut self, at: MonoNs) {
        self.due_since = Some(self.due_since.map_or(at, |since| since.min(at)));
    }
    pub(super) fn arrived(&mut self, at: MonoNs) {
        self.due(at);
        // The batch is bounded by this array's length.
        let _ = self.arrivals.try_push(at);
    }
    pub(super) fn end(&mut self, at: MonoNs, sent: u64) {
        for arrival in &self.arrivals {
            self.decision.record(at.since(*arrival).0);
        }
        if let Some(oldest) = self.arrivals.iter().min().filter(|_| sent > self.sent_before) {
            self.order.record(at.since(*oldest).0);
        }
        if let Some(since) = self.due_since {
            let took = at.since(since);
            self.batch.record(took.0);
            self.longest = Some(self.longest.map_or(took, |longest| longest.max(took)));
        }
    }
}
