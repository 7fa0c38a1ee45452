//! Binance spot public frames (`VENUES.md` 2.1): depth diffs, book tickers and trades, raw or in
//! the combined-stream wrapper, and the body of a REST depth snapshot. The rest is control.
//!
//! Prices and quantities are decimal strings. A book ticker carries no event type: it is known by
//! its six fields.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::types::ids::InstrumentName;
use crate::types::ids::instrument_name;
use crate::types::market::Level;
use crate::types::market::Side;
use crate::types::market::Ticker;
use crate::venue::Codec;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::Scratch;
use crate::venue::Span;
use crate::venue::binance::usual;
use crate::venue::book::check_image;
use crate::venue::wire;
use crate::venue::wire::Notes;
use crate::venue::wire::Skipped;

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
        let mut fields = Fields::default();
        let is_stream = kind == FrameKind::Ws;
        wire::read(text, Reader { fields: &mut fields, scratch, may_wrap: is_stream })?;
        fields.notes.nesting(text)?;
        if is_stream { fields.event() } else { fields.snapshot(scratch) }
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

/// The keys that are read. Upper and lower case differ in meaning.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "e")]
    EventType,
    #[serde(rename = "E")]
    EventTime,
    #[serde(rename = "s")]
    Symbol,
    #[serde(rename = "U")]
    FirstId,
    #[serde(rename = "u")]
    LastId,
    #[serde(rename = "B")]
    BidQty,
    #[serde(rename = "A")]
    AskQty,
    #[serde(rename = "p")]
    Price,
    #[serde(rename = "q")]
    Qty,
    #[serde(rename = "t")]
    TradeId,
    #[serde(rename = "T")]
    TradeTime,
    #[serde(rename = "m")]
    BuyerIsMaker,
    #[serde(rename = "lastUpdateId")]
    SnapshotId,
    #[serde(rename = "stream")]
    Stream,
    #[serde(rename = "result")]
    Result,
    #[serde(rename = "id")]
    RequestId,
    #[serde(rename = "code")]
    Code,
    #[serde(rename = "msg")]
    Message,
    #[serde(rename = "error")]
    Failure,
    #[serde(rename = "b", alias = "bids")]
    Bids,
    #[serde(rename = "a", alias = "asks")]
    Asks,
    #[serde(rename = "data")]
    Data,
    #[serde(other)]
    Other,
}

/// Raw values of a frame, by key; a key that comes twice makes the frame malformed.
#[derive(Default)]
struct Fields<'f> {
    raw: [Option<&'f str>; Key::Bids as usize],
    bids: Option<BookSide<'f>>,
    asks: Option<BookSide<'f>>,
    notes: Notes,
}

/// What stands under `b` or `a`: levels in a diff or snapshot, a price in a ticker.
#[derive(Clone, Copy)]
enum BookSide<'f> {
    Levels,
    Price(&'f str),
    Other,
}

impl<'f> Fields<'f> {
    fn get(&self, key: Key) -> Option<&'f str> {
        self.raw[key as usize]
    }
    fn has(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    fn event(&self) -> Result<Event<'f>, DecodeError> {
        if !self.has(Key::EventType) {
            return self.untyped();
        }
        match wire::string(self.get(Key::EventType))? {
            "depthUpdate" => self.delta(),
            "trade" => self.trade(),
            "serverShutdown" => Ok(Event::Control(Control::ShuttingDown)),
            _ => Ok(Event::Control(Control::Unused)),
        }
    }

    /// Frames without an event type: tickers, acknowledgements, errors, other streams.
    fn untyped(&self) -> Result<Event<'f>, DecodeError> {
        if let (Some(BookSide::Price(bid)), Some(BookSide::Price(ask))) = (self.bids, self.asks) {
            return self.ticker(bid, ask);
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

    fn delta(&self) -> Result<Event<'f>, DecodeError> {
        let (Some(BookSide::Levels), Some(BookSide::Levels)) = (self.bids, self.asks) else {
            return Err(DecodeError::Malformed);
        };
        let symbol = wire::string(self.get(Key::Symbol))?;
        let first_id = wire::whole(self.get(Key::FirstId))?;
        let last_id = wire::whole(self.get(Key::LastId))?;
        let venue_ts_ms = wire::whole(self.get(Key::EventTime))?;
        self.notes.content()?;
        if first_id > last_id {
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

/// Reads one object into fields and levels.
struct Reader<'a, 'f> {
    fields: &'a mut Fields<'f>,
    scratch: &'a mut Scratch,
    may_wrap: bool,
}

impl<'f> DeserializeSeed<'f> for Reader<'_, 'f> {
    type Value = ();

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<(), D::Error> {
        if self.may_wrap { json.deserialize_map(self) } else { json.deserialize_any(self) }
    }
}

impl<'f> Visitor<'f> for Reader<'_, 'f> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Binance message")
    }

    fn visit_map<A: MapAccess<'f>>(self, mut map: A) -> Result<(), A::Error> {
        let Reader { fields, scratch, may_wrap } = self;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Bids => {
                    let side = SideReader { notes: &mut fields.notes, side: &mut scratch.bids };
                    let found = map.next_value_seed(side)?;
                    note_twice(fields.bids.replace(found).is_some(), &mut fields.notes);
                }
                Key::Asks => {
                    let side = SideReader { notes: &mut fields.notes, side: &mut scratch.asks };
                    let found = map.next_value_seed(side)?;
                    note_twice(fields.asks.replace(found).is_some(), &mut fields.notes);
                }
                Key::Data if may_wrap => {
                    let inner =
                        Reader { fields: &mut *fields, scratch: &mut *scratch, may_wrap: false };
                    map.next_value_seed(inner)?;
                }
                Key::Data | Key::Other => fields.notes.skipped(&map.next_value::<Skipped>()?),
                key => {
                    let raw = map.next_value::<&RawValue>()?.get();
                    let is_nested = raw.starts_with(['{', '[']);
                    fields.notes.skipped(&Skipped { is_nested });
                    let slot = &mut fields.raw[key as usize];
                    note_twice(slot.replace(raw).is_some(), &mut fields.notes);
                }
            }
        }
        Ok(())
    }

    /// The inside of a stream of lists (`!ticker@arr`), which this program does not use.
    fn visit_seq<A: SeqAccess<'f>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(skipped) = list.next_element::<Skipped>()? {
            self.fields.notes.skipped(&skipped);
        }
        Ok(())
    }
}

fn note_twice(came_before: bool, notes: &mut Notes) {
    if came_before {
        notes.flaw(DecodeError::Malformed);
    }
}

/// Reads the value under `b` or `a`.
struct SideReader<'a> {
    notes: &'a mut Notes,
    side: &'a mut Vec<Level>,
}

impl<'f> DeserializeSeed<'f> for SideReader<'_> {
    type Value = BookSide<'f>;

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<BookSide<'f>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'f> Visitor<'f> for SideReader<'_> {
    type Value = BookSide<'f>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("levels, a price or a number")
    }

    fn visit_seq<A: SeqAccess<'f>>(self, mut levels: A) -> Result<BookSide<'f>, A::Error> {
        let SideReader { notes, side } = self;
        loop {
            let level = LevelReader { notes: &mut *notes, side: &mut *side };
            if levels.next_element_seed(level)?.is_none() {
                return Ok(BookSide::Levels);
            }
        }
    }

    fn visit_borrowed_str<E: Error>(self, price: &'f str) -> Result<BookSide<'f>, E> {
        Ok(BookSide::Price(price))
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<BookSide<'f>, E> {
        Ok(BookSide::Other)
    }
    fn visit_unit<E: Error>(self) -> Result<BookSide<'f>, E> {
        Ok(BookSide::Other)
    }
}

/// Reads `["price","quantity"]`; what may stand behind them is passed over.
struct LevelReader<'a> {
    notes: &'a mut Notes,
    side: &'a mut Vec<Level>,
}

impl<'f> DeserializeSeed<'f> for LevelReader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'f> Visitor<'f> for LevelReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price and a quantity, both strings")
    }

    fn visit_seq<A: SeqAccess<'f>>(self, mut pair: A) -> Result<(), A::Error> {
        let price = pair.next_element::<&'f str>()?;
        let qty = pair.next_element::<&'f str>()?;
        let (Some(price), Some(qty)) = (price, qty) else {
            return Err(A::Error::custom("a level without quantity"));
        };
        self.notes.push(self.side, wire::level(price, qty).map(Some));
        while let Some(skipped) = pair.next_element::<Skipped>()? {
            self.notes.skipped(&skipped);
        }
        Ok(())
    }
}
