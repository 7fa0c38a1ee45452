//! What the local exchange counts. One writer, any reader.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use serde_json::Map;
use serde_json::Value;

use crate::types::ids::VenueId;

/// What is counted, in the order of [`NAMES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Count {
    /// Connections that were accepted.
    Accepted,
    /// Connections that were turned away: there are too many, or a fault wants it so.
    TurnedAway,
    /// WebSockets that were opened.
    Opened,
    /// Connections that are over.
    Ended,
    /// Readers that were cut because they left too much unread.
    CutSlow,
    /// Requests that were answered.
    Requests,
    /// Messages that came in on WebSockets.
    MessagesIn,
    /// Messages that went out on WebSockets.
    MessagesOut,
    /// Images of books.
    Images,
    /// Orders that were taken.
    Orders,
    /// Matches.
    Fills,
    /// Messages, answers and connections that a fault touched.
    Tampered,
    /// Faults that began.
    Faults,
}

/// Names of the counts.
pub const NAMES: [&str; 13] = [
    "accepted",
    "turned_away",
    "opened",
    "ended",
    "cut_slow",
    "requests",
    "messages_in",
    "messages_out",
    "images",
    "orders",
    "fills",
    "tampered",
    "faults",
];

/// The counts of every venue.
#[derive(Debug, Default)]
pub struct Stats {
    counts: [[AtomicU64; NAMES.len()]; VenueId::ALL.len()],
}

impl Stats {
    /// Counts one more.
    pub fn add(&self, venue: VenueId, what: Count) {
        let counter = &self.counts[venue.index()][what as usize];
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    /// One count of one venue.
    pub fn get(&self, venue: VenueId, what: Count) -> u64 {
        self.counts[venue.index()][what as usize].load(Ordering::Relaxed)
    }
    /// One count of all venues.
    pub fn sum(&self, what: Count) -> u64 {
        VenueId::ALL.into_iter().map(|venue| self.get(venue, what)).sum()
    }
    /// All counts of these venues.
    pub fn json(&self, venues: &[VenueId]) -> Value {
        let row = |venue: &VenueId| {
            let counts = &self.counts[venue.index()];
            let counts = NAMES.iter().zip(counts);
            let counts: Map<String, Value> = counts
                .map(|(name, count)| ((*name).to_owned(), count.load(Ordering::Relaxed).into()))
                .collect();
            (venue.name().to_owned(), Value::Object(counts))
        };
        Value::Object(venues.iter().map(row).collect())
    }
}
