//! A simulated venue's book as its protocol shows it, with what changed since the image before.

use crate::types::market::Level;
use crate::types::market::Side;

/// One level that an image changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// [`Side::Buy`] for a bid, [`Side::Sell`] for an ask.
    pub side: Side,
    /// The level as it is now; quantity zero if it is gone.
    pub level: Level,
}

/// The newest published image of one book.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SimBook {
    /// Bids, best (highest) first.
    pub bids: Vec<Level>,
    /// Asks, best (lowest) first.
    pub asks: Vec<Level>,
    /// The venue's number of this image. Binance: last id of the diff, which begins at
    /// `prev_update_id + 1`; Bybit: `u`, one more than before; OKX: `seqId`, with gaps; others: a
    /// plain count.
    pub update_id: u64,
    /// That of the image before; 0 for the first.
    pub prev_update_id: u64,
    /// Levels that differ from the image before: bids best first, then asks best first.
    pub changed: Vec<Change>,
    /// Venue time of the image, ms since 1970.
    pub at_ms: u64,
}
