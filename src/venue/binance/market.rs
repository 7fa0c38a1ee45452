//! Binance spot public frames (`VENUES.md` 2.1): depth diffs, book tickers and trades, raw or in
//! the combined-stream wrapper, and the body of a REST depth snapshot. The rest is control.
//!
//! Prices and quantities are decimal strings. A book ticker carries no event type: it is known by
//! its six fields.

use crate::types::ids::InstrumentName;
use crate::types::ids::instrument_name;
use crate::types::market::Side;
use crate::types::market::Ticker;
use crate::venue::Codec;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::Scratch;
use crate::venue::Span;
use crate::venue::binance::fields::BookSide;
use crate::venue::binance::fields::Fields;
use crate::venue::binance::fields::Key;
use crate::venue::binance::fields::Shape;
use crate::venue::binance::usual;
use crate::venue::book::check_image;
use crate::venue::wire;

/// Quote assets that end a symbol, in the order in which they are tried.
const QUOTES: [&str; 16] = [
    "USDT", "FDUSD", "USDC", "TUSD", "BUSD", "USD1", "DAI", "BTC", "ETH", "BNB", "EUR", "TRY",
    "BRL", "JPY", "GBP", "AUD",
];

/// Binance's codec.
#[derive(Clone, Copy, Debug)]
pub struct BinanceCodec;

impl BinanceCodec {
    /// As [`Codec::decode`], in every spelling that the documents allow. Alone judges what is
    /// wrong with a frame.
    ///
    /// # Errors
    /// As [`Codec::decode`].
    pub fn decode_any<'f>(
        &self,
        kind: FrameKind,
        frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        scratch.clear();
        let text = wire::text(frame)?;
        let is_stream = kind == FrameKind::Ws;
        let shape = if is_stream { Shape::Stream } else { Shape::Answer };
        let fields = Fields::read(text, shape, scratch)?;
        if is_stream { fields.event(scratch) } else { fields.snapshot(scratch) }
    }
}

impl Codec for BinanceCodec {
    fn decode<'f>(
        &self,
        kind: FrameKind,
        frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        scratch.clear();
        let usual = if kind == FrameKind::Ws { usual::read(frame, scratch) } else { None };
        usual.map_or_else(|| self.decode_any(kind, frame, scratch), Ok)
    }

    /// `BTCUSDT` is `BTC-USDT`; `None` if no known quote asset ends it.
    fn instrument(&self, symbol: &str) -> Option<InstrumentName> {
        let named = |quote: &&str| instrument_name(symbol.strip_suffix(*quote)?, quote);
        QUOTES.iter().find_map(named)
    }

    fn symbol(&self, instrument: &InstrumentName) -> String {
        instrument.replace('-', "")
    }
}

impl<'f> Fields<'f> {
    fn event(&self, scratch: &mut Scratch) -> Result<Event<'f>, DecodeError> {
        if !self.has(Key::EventType) {
            return self.untyped(scratch);
        }
        match wire::string(self.get(Key::EventType))? {
            "depthUpdate" => self.judged(self.delta(scratch), scratch),
            "trade" => self.trade(),
            "serverShutdown" => Ok(Event::Control(Control::ShuttingDown)),
            _ => Ok(Event::Control(Control::Unused)),
        }
    }

    /// Frames without an event type: tickers, acknowledgements, errors, other streams.
    fn untyped(&self, scratch: &mut Scratch) -> Result<Event<'f>, DecodeError> {
        if let (Some(BookSide::Price(bid)), Some(BookSide::Price(ask))) = (self.bids, self.asks) {
            return self.judged(self.ticker(bid, ask), scratch);
        }
        if self.has(Key::Code) || self.has(Key::Message) || self.has(Key::Failure) {
            return Ok(Event::Control(Control::Error));
        }
        let is_answer = self.has(Key::Result) || self.has(Key::RequestId);
        let names_a_book = self.has(Key::Symbol) || self.has(Key::FirstId) || self.has(Key::LastId);
        let is_other_stream = self.has(Key::Stream) && !names_a_book;
        let is_partial_depth = self.has(Key::SnapshotId) && self.bids.is_some();
        if is_answer {
            return Ok(Event::Control(Control::Ack));
        }
        if is_other_stream || is_partial_depth {
            return Ok(Event::Control(Control::Unused));
        }
        Err(DecodeError::Malformed)
    }

    /// Notes whose content is wrong, if the frame says whose it is.
    fn judged(
        &self,
        read: Result<Event<'f>, DecodeError>,
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        match wire::string(self.get(Key::Symbol)) {
            Ok(symbol) => scratch.judge(symbol, read),
            Err(_) => read,
        }
    }

    fn delta(&self, scratch: &mut Scratch) -> Result<Event<'f>, DecodeError> {
        let (Some(BookSide::Levels), Some(BookSide::Levels)) = (self.bids, self.asks) else {
            return Err(DecodeError::Malformed);
        };
        let symbol = wire::string(self.get(Key::Symbol))?;
        let first_id = wire::whole(self.get(Key::FirstId))?;
        let last_id = wire::whole(self.get(Key::LastId))?;
        let venue_ts_ms = wire::whole(self.get(Key::EventTime))?;
        self.notes.content()?;
        if first_id > last_id {
            scratch.reject(symbol);
            return Err(DecodeError::Malformed);
        }
        let span = Span::Joined { first: first_id, last: last_id };
        Ok(Event::Delta { symbol, span, venue_ts_ms })
    }

    fn ticker(&self, bid: &str, ask: &str) -> Result<Event<'f>, DecodeError> {
        self.notes.content()?;
        let symbol = wire::string(self.get(Key::Symbol))?;
        let update_id = wire::whole(self.get(Key::LastId))?;
        let bid = wire::filled_level(bid, wire::string(self.get(Key::BidQty))?)?;
        let ask = wire::filled_level(ask, wire::string(self.get(Key::AskQty))?)?;
        if bid.price >= ask.price {
            return Err(DecodeError::Crossed);
        }
        Ok(Event::Ticker { symbol, ticker: Ticker { update_id, bid, ask } })
    }

    fn trade(&self) -> Result<Event<'f>, DecodeError> {
        self.notes.content()?;
        let price = wire::string(self.get(Key::Price))?;
        let level = wire::filled_level(price, wire::string(self.get(Key::Qty))?)?;
        let taker = match self.get(Key::BuyerIsMaker) {
            Some("true") => Side::Sell,
            Some("false") => Side::Buy,
            _ => return Err(DecodeError::Malformed),
        };
        Ok(Event::Trade {
            symbol: wire::string(self.get(Key::Symbol))?,
            price: level.price,
            qty: level.qty,
            taker,
            trade_id: wire::whole(self.get(Key::TradeId))?,
            venue_ts_ms: wire::whole(self.get(Key::TradeTime))?,
        })
    }

    fn snapshot(&self, scratch: &Scratch) -> Result<Event<'f>, DecodeError> {
        if self.has(Key::Code) || self.has(Key::Message) {
            return Ok(Event::Control(Control::Error));
        }
        let (Some(BookSide::Levels), Some(BookSide::Levels)) = (self.bids, self.asks) else {
            return Err(DecodeError::Malformed);
        };
        let last_id = wire::whole(self.get(Key::SnapshotId))?;
        self.notes.content()?;
        check_image(scratch)?;
        Ok(Event::Snapshot { last_id })
    }
}
