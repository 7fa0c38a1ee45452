//! The one table of counters: name, unit, meaning. Each thread writes its own block; anyone reads.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

macro_rules! counters {
    ($($name:ident { $unit:literal, $doc:literal })*) => {
        /// Everything that is counted. Never reset during a run.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub enum Counter { $(#[doc = $doc] $name,)* }

        /// Name, unit and meaning of every counter, in the order of the enum.
        pub const COUNTERS: &[CounterInfo] =
            &[$(CounterInfo { name: stringify!($name), unit: $unit, meaning: $doc },)*];
    };
}

/// One row of the counter table.
#[derive(Clone, Copy, Debug)]
pub struct CounterInfo {
    /// The enum variant's name.
    pub name: &'static str,
    /// What one count is.
    pub unit: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

counters! {
    Frames { "frames", "Frames received from the venue, good or bad" }
    FrameBytes { "bytes", "Payload bytes of those frames" }
    Books { "images", "Depth images committed" }
    Tickers { "frames", "Book tickers taken over" }
    Trades { "frames", "Trade messages" }
    Controls { "frames", "Acknowledgements, status and error messages of the venue" }
    HeldDiffs { "frames", "Depth diffs kept for the snapshot that their book waits for" }
    OldDiffs { "frames", "Depth diffs or tickers older than the book, dropped" }
    Gaps { "breaks", "Sequence breaks; each makes its book invalid" }
    Resyncs { "snapshots", "Books made valid again by a snapshot after a break" }
    StaleSnapshots { "snapshots", "Snapshots older than the waiting diffs, or of no waiting book" }
    RejectedMalformed { "frames", "Not the JSON that the venue documents" }
    RejectedTooLarge { "frames", "Longer than 1 MiB" }
    RejectedTooDeep { "frames", "Nested deeper than allowed" }
    RejectedUtf8 { "frames", "Not UTF-8" }
    RejectedNumber { "frames", "A number that is no exact decimal in range" }
    RejectedValue { "frames", "A zero or negative price, a negative size" }
    RejectedUnsorted { "frames", "Levels of a side out of order" }
    RejectedCrossed { "frames", "Best bid at or above best ask" }
    RejectedEmpty { "frames", "A side without any level" }
    RejectedTime { "frames", "A book older than the one already committed, or from the future" }
    RejectedOverflow { "frames", "More levels than a book holds" }
    UnknownSymbols { "frames", "Frames of a symbol that this run does not trade" }
    BooksReplaced { "images", "Book images overwritten before their reader took them" }
    Published { "tops", "Book tops for the engine, those included that a newer one replaced" }
    Conflated { "tops", "Of those, replaced by a newer one before the engine took them" }
    RepeatedBooks { "images", "Whole books that said what was known; they make no quote younger" }
    Attempts { "attempts", "Attempts to connect to a venue" }
    FailedAttempts { "attempts", "Of those, the ones that gave no connection" }
    Opens { "connections", "Connections to a venue that opened" }
    ClosedByPeer { "connections", "Closed by the venue" }
    ClosedByFault { "connections", "Ended by a socket fault: reset, protocol, frame too large" }
    ClosedSilent { "connections", "Ended without any sign of life for 12 s, or less" }
    ClosedQuiet { "connections", "Ended because no market data came although it was asked again" }
    ClosedSlow { "connections", "Ended because a frame was not whole after 2 s" }
    ClosedRejects { "connections", "Ended by more than 20 rejected frames in a minute" }
    ClosedAsked { "connections", "Ended because the watchdog asked for a new one" }
    ClosedPaused { "connections", "Ended because the thread stood still and what waited was old" }
    ClosedReplaced { "connections", "Closed after a younger one had taken their place" }
    ClosedGivenUp { "connections", "Second connections that could not take over" }
    Silences { "spells", "Times without market data after which all symbols were asked for again" }
    Resubscriptions { "requests", "Times that symbols were asked for again on a connection" }
    Rotations { "switches", "Connections replaced by a younger one before they ended" }
    SymbolsOff { "symbols", "Symbols that showed no image in time although asked for twice" }
    SnapshotRequests { "requests", "Book snapshots requested" }
    SnapshotFailures { "requests", "Of those, the ones without a usable answer" }
    RequestsRefused { "requests", "Requests and connections refused with 403, 418, 429 or 451" }
    ClockSteps { "steps", "Steps of this machine's wall clock" }
    ClockSkews { "spells", "Times that a venue's clock was more than a second off" }
    StrangeTimes { "times", "Venue times too far off to tell a lag by" }
}

/// Exactly one of these and of [`REJECTED`] rises with each frame: what became of a frame that was
/// understood.
pub const PARSED: [Counter; 9] = [
    Counter::Books,
    Counter::Tickers,
    Counter::Trades,
    Counter::Controls,
    Counter::HeldDiffs,
    Counter::OldDiffs,
    Counter::Gaps,
    Counter::StaleSnapshots,
    Counter::UnknownSymbols,
];
/// Why a frame was rejected whole.
pub const REJECTED: [Counter; 11] = [
    Counter::RejectedMalformed,
    Counter::RejectedTooLarge,
    Counter::RejectedTooDeep,
    Counter::RejectedUtf8,
    Counter::RejectedNumber,
    Counter::RejectedValue,
    Counter::RejectedUnsorted,
    Counter::RejectedCrossed,
    Counter::RejectedEmpty,
    Counter::RejectedTime,
    Counter::RejectedOverflow,
];
/// How many counters there are.
pub const COUNTER_COUNT: usize = COUNTERS.len();

/// One thread's block of counters.
#[derive(Debug)]
#[repr(align(64))]
pub struct Block {
    cells: [AtomicU64; COUNTER_COUNT],
}

/// The writing end of a block. Exactly one exists per block, so an add is a load and a store.
#[derive(Debug)]
pub struct Pen {
    block: Arc<Block>,
}

/// A reading end of a block.
#[derive(Clone, Debug)]
pub struct Tally {
    block: Arc<Block>,
}

impl Pen {
    /// A new block, all zero.
    pub fn new() -> Pen {
        Pen { block: Arc::new(Block { cells: std::array::from_fn(|_| AtomicU64::new(0)) }) }
    }
    /// A reading end.
    pub fn tally(&self) -> Tally {
        Tally { block: Arc::clone(&self.block) }
    }
    /// Adds to a counter. Single writer, so relaxed and without a locked instruction.
    pub fn add(&mut self, counter: Counter, count: u64) {
        let cell = &self.block.cells[counter as usize];
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }
}

impl Default for Pen {
    fn default() -> Self {
        Pen::new()
    }
}

impl Tally {
    /// The present count.
    pub fn get(&self, counter: Counter) -> u64 {
        self.at(counter as usize)
    }
    /// The present count of a row of [`COUNTERS`].
    pub fn at(&self, row: usize) -> u64 {
        self.block.cells[row].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pen_adds_the_tally_shows() {
        let mut pen = Pen::new();
        let tally = pen.tally();
        pen.add(Counter::Gaps, 2);
        pen.add(Counter::Gaps, 1);
        assert_eq!(tally.get(Counter::Gaps), 3);
        assert_eq!(tally.get(Counter::Frames), 0);
    }

    #[test]
    fn every_frame_is_parsed_or_rejected_by_exactly_one_counter() {
        let of_frames = COUNTERS.iter().filter(|info| info.unit == "frames").count();
        // Gaps and stale snapshots are frames that do more than that; books are images.
        let others = [Counter::Books, Counter::Gaps, Counter::StaleSnapshots].len();
        let frames_itself = 1;
        assert_eq!(PARSED.len() + REJECTED.len(), of_frames - frames_itself + others);
    }

    #[test]
    fn every_counter_has_a_unit_and_a_meaning() {
        for info in COUNTERS {
            assert!(!info.unit.is_empty(), "{}", info.name);
            assert!(info.meaning.len() > 8, "{}", info.name);
        }
    }
}
