//! What a frame is of, told without taking it in.

use crate::venue::Control;

/// What a frame is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peeked {
    /// A whole book.
    Image {
        /// Which instrument.
        slot: usize,
        /// Its venue time.
        venue_ts_ms: u64,
    },
    /// Changes of a book of that instrument.
    Delta(usize),
    /// The best bid and ask of that instrument.
    Ticker(usize),
    /// No market data.
    Control(Control),
    /// Market data that no book needs.
    Other,
    /// It would be rejected whole.
    Rejected,
}
