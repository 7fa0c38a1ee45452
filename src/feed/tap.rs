//! The tap of a feed: every input of its books is copied onto a bounded link to the recorder.
//!
//! The feed never waits for it. When the link is full, or too many bytes wait in it, the copy is
//! dropped and counted; the numbers of the inputs show the recorder where something is missing.
//! Buffers come back from the recorder, so that in steady state nothing is allocated.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::feed::tape::RecordKind;
use crate::runtime::link::Rx;
use crate::runtime::link::SPENT;
use crate::runtime::link::Tx;
use crate::types::ids::VenueId;
use crate::types::limit;
use crate::types::time::Now;

/// Most payload bytes that wait for the recorder, all venues together: a burst of the largest
/// frames must not fill the memory.
pub const WAITING_BYTES: u64 = 64 << 20;

/// A buffer that was larger than this is not kept: one giant frame must not stay in memory.
const KEPT_BYTES: usize = 64 << 10;

/// One input of a feed's books.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// A frame or a connection event: it has a line in the recording.
    Record(RecordKind),
    /// A sign of life without a frame (a pong). It moves the age of quiet books, and a recording
    /// has no line for it; the marks beside the recording do.
    Alive,
}

/// One input as it was taken in.
#[derive(Debug)]
pub struct Taped {
    /// When.
    pub at: Now,
    /// From which venue.
    pub venue: VenueId,
    /// What it was.
    pub input: Input,
    /// Number of the input among those of its feed, from 1.
    pub number: u64,
    /// The frame as received, or a JSON detail of the event.
    pub payload: Vec<u8>,
}

/// What feeds and recorder count about the taps of a run.
#[derive(Debug, Default)]
pub struct TapCount {
    /// Inputs that were dropped because the link was full.
    pub lost: Arc<AtomicU64>,
    /// Payload bytes that wait for the recorder.
    waiting_bytes: AtomicU64,
}

impl TapCount {
    /// Payload bytes that did not come from a feed wait too.
    pub fn holds(&self, bytes: usize) {
        self.waiting_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    /// The recorder took that many payload bytes.
    pub fn took(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

/// The feed's end.
#[derive(Debug)]
pub struct Tap {
    venue: VenueId,
    link: Tx<Taped>,
    spent: Rx<Vec<u8>>,
    count: Arc<TapCount>,
}

/// Where the recorder sends a venue's empty buffers.
#[derive(Debug)]
pub struct Returns {
    /// Whose.
    pub venue: VenueId,
    link: Tx<Vec<u8>>,
}

impl Tap {
    /// A venue's tap onto the recorder's link, and the way back for its buffers.
    pub fn new(venue: VenueId, link: Tx<Taped>, count: Arc<TapCount>) -> (Tap, Returns) {
        let (back, spent) = SPENT.open();
        (Tap { venue, link, spent, count }, Returns { venue, link: back })
    }

    /// Copies one input. Drops and counts it when the recorder is too far behind.
    pub fn offer(&mut self, input: Input, payload: &[u8], (number, at): (u64, Now)) {
        // One byte more than a decoder looks at is as much too large as the whole.
        let payload = &payload[..payload.len().min(limit::FRAME_BYTES + 1)];
        let bytes = payload.len() as u64;
        let waiting = self.count.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = waiting + bytes <= WAITING_BYTES;
        let sent = fits && {
            let mut copy = self.spent.take().unwrap_or_default();
            copy.extend_from_slice(payload);
            self.link.send(Taped { at, venue: self.venue, input, number, payload: copy }).is_ok()
        };
        if !sent {
            self.count.took(payload.len());
            self.count.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Returns {
    /// Gives a buffer back to its feed; one that is too large or too many is freed here.
    pub fn give(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BYTES {
            buffer.clear();
            // A feed that is gone needs none.
            let _ = self.link.send(buffer);
        }
    }
}
