//! Protocol knowledge of each venue: frames to types, sequence rules, ticks and fees. Pure: no I/O,
//! no clock. Adding a venue is adding a folder and a row in [`codec`].
//!
//! Owns: codecs, books, venue rules. Receives: frame bytes. Sends: nothing. Never: sockets, time.

pub mod binance;
pub mod bithumb;
pub mod book;
pub mod bybit;
pub mod chain;
mod fields;
pub mod krw;
pub mod okx;
pub mod private;
mod raw;
mod scan;
pub mod sign;
pub mod stream;
pub mod upbit;
mod wire;

use std::fmt;

use arrayvec::ArrayString;

use crate::types::ids::InstrumentName;
use crate::types::ids::VenueId;
use crate::types::market::Level;
use crate::types::market::Side;
use crate::types::market::Ticker;
use crate::types::number::NumberError;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::private::Private;
use crate::venue::stream::Stream;

/// How a frame came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// A WebSocket data frame.
    Ws,
    /// The body of a REST book snapshot.
    RestDepth,
}

/// Levels of the frame being decoded, in the order of the frame. Reused, so decoding does not
/// allocate once it has grown.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Bid levels.
    pub bids: Vec<Level>,
    /// Ask levels.
    pub asks: Vec<Level>,
    /// The trades of an [`Event::Trades`], at most [`TRADES`].
    pub trades: Vec<PublicTrade>,
    /// Symbol of a book, delta or ticker that was rejected for what it says: that book is not the
    /// present one any more, and no other is touched. Empty in all other cases: frames that are no
    /// message of the venue, frames that name no symbol, trades and REST snapshots.
    pub rejected: ArrayString<25>,
}

impl Scratch {
    /// Empties everything and keeps the memory.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.trades.clear();
        self.rejected.clear();
    }

    /// What was read of that symbol, as it is. A flaw in what it says is noted in
    /// [`Scratch::rejected`]; one in its form ([`DecodeError::Malformed`]) is nobody's.
    pub fn judge<T>(
        &mut self,
        symbol: &str,
        read: Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if let Err(why) = &read
            && *why != DecodeError::Malformed
        {
            self.reject(symbol);
        }
        read
    }
    /// Notes whose content is wrong, whatever the error is called. A code longer than any symbol
    /// is none.
    pub fn reject(&mut self, symbol: &str) {
        self.rejected = ArrayString::from(symbol).unwrap_or_default();
    }
}

/// Most trades of one message (Bybit `publicTrade`).
pub const TRADES: usize = 1_024;

/// A public trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicTrade {
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// What the taker did.
    pub taker: Side,
    /// The venue's name of the trade.
    pub trade_id: TradeKey,
    /// Venue time of the trade, ms since 1970.
    pub venue_ts_ms: u64,
}

/// What a venue calls a public trade. Written as JSON: a number bare, a UUID in quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TradeKey {
    /// A number.
    Number(u64),
    /// A UUID, 128 bits (Bybit).
    Uuid(u128),
}

impl TradeKey {
    /// From digits, or from a UUID as RFC 9562 writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<TradeKey> {
        const DASHES: [usize; 4] = [8, 13, 18, 23];
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(TradeKey::Number);
        }
        let mut uuid = 0;
        for (at, byte) in text.bytes().enumerate() {
            if DASHES.contains(&at) != (byte == b'-') {
                return None;
            }
            if byte != b'-' {
                uuid = uuid << 4 | u128::from(char::from(byte).to_digit(16)?);
            }
        }
        (text.len() == 36).then_some(TradeKey::Uuid(uuid))
    }
}

impl fmt::Display for TradeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uuid = match *self {
            TradeKey::Number(number) => return write!(f, "{number}"),
            TradeKey::Uuid(uuid) => uuid,
        };
        let part = |shift: u32, digits: u32| uuid >> shift & ((1 << (4 * digits)) - 1);
        write!(f, "\"{:08x}-{:04x}-{:04x}", part(96, 8), part(80, 4), part(64, 4))?;
        write!(f, "-{:04x}-{:012x}\"", part(48, 4), part(0, 12))
    }
}

/// What one frame says. Levels and trades stand in the [`Scratch`]; text borrows from the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'f> {
    /// A whole book; zero levels are already dropped.
    Image {
        /// The venue's code of the instrument.
        symbol: &'f str,
        /// Venue time of the book, ms since 1970.
        venue_ts_ms: u64,
        /// Update number of the image where deltas follow it (Bybit `u`, OKX `seqId`); `None` on
        /// venues whose every book is whole.
        update_id: Option<u64>,
    },
    /// Changed levels under the venue's sequence numbers; quantity 0 deletes.
    Delta {
        /// The venue's code of the instrument.
        symbol: &'f str,
        /// Which updates it holds, and what has to come before it.
        span: Span,
        /// Venue time, ms since 1970.
        venue_ts_ms: u64,
    },
    /// A REST snapshot of a whole book. It names no symbol.
    Snapshot {
        /// Update number of the snapshot (Binance `lastUpdateId`).
        last_id: u64,
    },
    /// Best bid and ask.
    Ticker {
        /// The venue's code of the instrument.
        symbol: &'f str,
        /// The ticker.
        ticker: Ticker,
    },
    /// A public trade.
    Trade {
        /// The venue's code of the instrument.
        symbol: &'f str,
        /// Price.
        price: Price,
        /// Quantity.
        qty: Qty,
        /// What the taker did.
        taker: Side,
        /// The venue's number of the trade.
        trade_id: u64,
        /// Venue time of the trade, ms since 1970.
        venue_ts_ms: u64,
    },
    /// Public trades of one instrument, in [`Scratch::trades`], from a venue whose messages hold
    /// several.
    Trades {
        /// The venue's code of the instrument.
        symbol: &'f str,
    },
    /// Acknowledgement, status, error object or a stream that this program does not use.
    Control(Control),
}

/// Update numbers of a delta.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// From the first to the last; it may overlap what is known (Binance `U`, `u`).
    Joined {
        /// First update in it.
        first: u64,
        /// Last update in it, at or above `first`.
        last: u64,
    },
    /// It applies to the book of exactly that update number (Bybit: `u - 1`; OKX `prevSeqId`).
    Chained {
        /// Update number of the book that it changes.
        prev: u64,
        /// Update number of the book afterwards.
        last: u64,
    },
}

/// What a frame that carries no market data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// The venue accepted a request.
    Ack,
    /// The venue answers a keepalive.
    Pong,
    /// The venue says that it lives (`{"status":"UP"}`).
    Status,
    /// The venue is about to close this connection: a new one has to be opened at once.
    ShuttingDown,
    /// The venue refused a request, or says that something is wrong.
    Error,
    /// A stream or message that this program does not use.
    Unused,
}

impl Control {
    /// True for an error of the venue.
    pub const fn is_error(self) -> bool {
        matches!(self, Control::Error)
    }
}

/// Why a frame was rejected whole. Counted per variant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not the JSON that the venue documents.
    #[error("malformed")]
    Malformed,
    /// Longer than [`crate::types::limit::FRAME_BYTES`].
    #[error("longer than 1 MiB")]
    TooLarge,
    /// Nested deeper than [`crate::types::limit::FRAME_DEPTH`].
    #[error("nested too deep")]
    TooDeep,
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// A number that is no exact decimal in range.
    #[error("number: {0}")]
    Number(#[from] NumberError),
    /// A zero or negative price, or a negative size.
    #[error("price not above 0, or size below 0")]
    Value,
    /// Levels out of order.
    #[error("levels out of order")]
    Unsorted,
    /// Best bid at or above best ask.
    #[error("crossed book")]
    Crossed,
    /// A side without any level.
    #[error("empty side")]
    Empty,
    /// More levels than a book holds, or more trades than a message does.
    #[error("too many levels")]
    Overflow,
    /// A book older than the committed one, or from the future.
    #[error("time runs backwards")]
    Time,
}

/// Wire format of one venue's public streams. Stateless: the same frame always decodes alike.
pub trait Codec {
    /// One frame into `scratch` and an event. No allocation after warm-up.
    ///
    /// # Errors
    /// [`DecodeError`]; the frame has then changed nothing but `scratch`.
    fn decode<'f>(
        &self,
        kind: FrameKind,
        frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError>;

    /// BASE-QUOTE of the venue's symbol code; `None` if it is no such code.
    fn instrument(&self, symbol: &str) -> Option<InstrumentName>;

    /// The venue's symbol code of BASE-QUOTE, for subscriptions and symbol tables.
    fn symbol(&self, instrument: &InstrumentName) -> String;
}

/// The codec of a venue.
pub fn codec(venue: VenueId) -> Box<dyn Codec + Send> {
    match venue {
        VenueId::Upbit => Box::new(upbit::market::CODEC),
        VenueId::Binance => Box::new(binance::market::BinanceCodec),
        VenueId::Bithumb => Box::new(bithumb::market::CODEC),
        VenueId::Bybit => Box::new(bybit::market::BybitCodec),
        VenueId::Okx => Box::new(okx::market::OkxCodec),
    }
}

/// The public connection of a venue, and the public requests beside it.
pub fn stream_of(venue: VenueId) -> Box<dyn Stream + Send> {
    match venue {
        VenueId::Upbit => Box::new(upbit::stream::STREAM),
        VenueId::Binance => Box::new(binance::stream::BinanceStream),
        VenueId::Bithumb => Box::new(bithumb::stream::STREAM),
        VenueId::Bybit => Box::new(bybit::stream::BybitStream),
        VenueId::Okx => Box::new(okx::stream::OkxStream),
    }
}

/// The private messages of a venue, and the answers to requests there.
pub fn private_of(venue: VenueId) -> Box<dyn Private + Send> {
    match venue {
        VenueId::Upbit => Box::new(upbit::orders::PRIVATE),
        VenueId::Binance => Box::new(binance::orders::BinancePrivate),
        VenueId::Bithumb => Box::new(bithumb::orders::PRIVATE),
        VenueId::Bybit => Box::new(bybit::orders::BybitPrivate),
        VenueId::Okx => Box::new(okx::orders::OkxPrivate),
    }
}
