//! Public frames in the grammar that Upbit and Bithumb share (`VENUES.md` 1.1 and 3): order book
//! and trade, DEFAULT and SIMPLE keys, and both again as a one-element list. Everything else is
//! control.
//!
//! Numbers are JSON numbers in any spelling (`1.16539E8`, `0.00077720`); they are taken as text and
//! read exactly. Each order book is whole: there are no deltas and no sequence numbers.

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
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::Scratch;
use crate::venue::book::check_image;
use crate::venue::wire;
use crate::venue::wire::Notes;
use crate::venue::wire::Skipped;

/// The unit of a book's time. All other times of both venues are milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BookTime {
    /// Milliseconds since 1970: Upbit.
    Millis,
    /// Microseconds since 1970, cut to milliseconds: Bithumb's stream, not its requests.
    Micros,
}

impl BookTime {
    /// A time of that unit, ms since 1970.
    pub const fn to_ms(self, told: u64) -> u64 {
        match self {
            BookTime::Millis => told,
            BookTime::Micros => told / 1_000,
        }
    }
}

/// One frame into `scratch` and an event, in every spelling that the documents allow. A
/// `RestDepth` frame is `Malformed`: the books are whole and need no snapshot.
///
/// # Errors
/// As [`crate::venue::Codec::decode`].
pub fn decode<'f>(
    (kind, frame): (FrameKind, &'f [u8]),
    time: BookTime,
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    let fields = read(frame, scratch)?;
    if kind != FrameKind::Ws {
        return Err(DecodeError::Malformed);
    }
    fields.event(time, scratch)
}

/// The book in the answer to a request for one market: a list of one, its time in milliseconds.
///
/// # Errors
/// As [`crate::venue::Codec::decode`].
pub fn requested_book<'f>(
    frame: &'f [u8],
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    read(frame, scratch)?.image(BookTime::Millis, scratch)
}

/// `KRW-BTC` is `BTC-KRW`: both venues write the quote first.
pub fn instrument(symbol: &str) -> Option<InstrumentName> {
    let (quote, base) = symbol.split_once('-')?;
    instrument_name(base, quote)
}

/// `BTC-KRW` is `KRW-BTC` there.
pub fn symbol(instrument: &InstrumentName) -> String {
    let (base, quote) = instrument.split_once('-').unwrap_or((instrument, ""));
    format!("{quote}-{base}")
}

fn read<'f>(frame: &'f [u8], scratch: &mut Scratch) -> Result<Fields<'f>, DecodeError> {
    scratch.clear();
    let text = wire::text(frame)?;
    let mut fields = Fields::default();
    wire::read(text, ObjectOrList(Reader { fields: &mut fields, scratch }))?;
    fields.notes.nesting(text)?;
    Ok(fields)
}

/// The keys that are read, in both formats.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "type", alias = "ty")]
    Type,
    #[serde(rename = "code", alias = "cd", alias = "market")]
    Code,
    #[serde(rename = "timestamp", alias = "tms")]
    Timestamp,
    #[serde(rename = "trade_price", alias = "tp")]
    TradePrice,
    #[serde(rename = "trade_volume", alias = "tv")]
    TradeVolume,
    #[serde(rename = "trade_timestamp", alias = "ttms")]
    TradeTimestamp,
    #[serde(rename = "ask_bid", alias = "ab")]
    AskBid,
    #[serde(rename = "sequential_id", alias = "sid")]
    SequentialId,
    #[serde(rename = "status")]
    Status,
    #[serde(rename = "method")]
    Method,
    #[serde(rename = "error")]
    Failure,
    #[serde(rename = "orderbook_units", alias = "obu")]
    Units,
    #[serde(other)]
    Other,
}

/// Raw values of a frame, by key; a key that comes twice makes the frame malformed.
#[derive(Default)]
struct Fields<'f> {
    raw: [Option<&'f str>; Key::Units as usize],
    has_units: bool,
    notes: Notes,
}

impl<'f> Fields<'f> {
    fn get(&self, key: Key) -> Option<&'f str> {
        self.raw[key as usize]
    }

    fn event(&self, time: BookTime, scratch: &mut Scratch) -> Result<Event<'f>, DecodeError> {
        if self.get(Key::Failure).is_some() {
            return Ok(Event::Control(Control::Error));
        }
        if self.get(Key::Status).is_some() {
            return Ok(Event::Control(Control::Status));
        }
        if self.get(Key::Method).is_some() {
            return Ok(Event::Control(Control::Ack));
        }
        match wire::string(self.get(Key::Type))? {
            "orderbook" => self.image(time, scratch),
            "trade" => self.trade(),
            _ => Ok(Event::Control(Control::Unused)),
        }
    }

    fn image(&self, time: BookTime, scratch: &mut Scratch) -> Result<Event<'f>, DecodeError> {
        let symbol = wire::string(self.get(Key::Code))?;
        let venue_ts_ms = time.to_ms(wire::whole(self.get(Key::Timestamp))?);
        if !self.has_units {
            return Err(DecodeError::Malformed);
        }
        let checked = self.notes.content().and_then(|()| check_image(scratch));
        if let Err(flaw) = checked {
            scratch.reject(symbol);
            return Err(flaw);
        }
        Ok(Event::Image { symbol, venue_ts_ms, update_id: None })
    }

    fn trade(&self) -> Result<Event<'f>, DecodeError> {
        self.notes.content()?;
        let symbol = wire::string(self.get(Key::Code))?;
        let price = self.get(Key::TradePrice).ok_or(DecodeError::Malformed)?;
        let qty = self.get(Key::TradeVolume).ok_or(DecodeError::Malformed)?;
        let level = wire::filled_level(price, qty)?;
        let taker = match wire::string(self.get(Key::AskBid))? {
            "ASK" => Side::Sell,
            "BID" => Side::Buy,
            _ => return Err(DecodeError::Malformed),
        };
        Ok(Event::Trade {
            symbol,
            price: level.price,
            qty: level.qty,
            taker,
            trade_id: wire::whole(self.get(Key::SequentialId))?,
            venue_ts_ms: wire::whole(self.get(Key::TradeTimestamp))?,
        })
    }
}

/// Reads one object into fields and levels.
struct Reader<'a, 'f> {
    fields: &'a mut Fields<'f>,
    scratch: &'a mut Scratch,
}

impl<'f> DeserializeSeed<'f> for Reader<'_, 'f> {
    type Value = ();

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'f> Visitor<'f> for Reader<'_, 'f> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message of Upbit or Bithumb")
    }

    fn visit_map<A: MapAccess<'f>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Other => {
                    let skipped = map.next_value::<Skipped>()?;
                    self.fields.notes.skipped(&skipped);
                }
                Key::Units => {
                    if std::mem::replace(&mut self.fields.has_units, true) {
                        self.fields.notes.flaw(DecodeError::Malformed);
                    }
                    let notes = &mut self.fields.notes;
                    map.next_value_seed(Units { notes, scratch: &mut *self.scratch })?;
                }
                key => {
                    let raw = map.next_value::<&RawValue>()?.get();
                    let is_nested = raw.starts_with(['{', '[']);
                    self.fields.notes.skipped(&Skipped { is_nested });
                    if self.fields.raw[key as usize].replace(raw).is_some() {
                        self.fields.notes.flaw(DecodeError::Malformed);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The object itself, or a list of exactly one (formats JSON_LIST and SIMPLE_LIST).
struct ObjectOrList<'a, 'f>(Reader<'a, 'f>);

impl<'f> DeserializeSeed<'f> for ObjectOrList<'_, 'f> {
    type Value = ();

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'f> Visitor<'f> for ObjectOrList<'_, 'f> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message or a list of one")
    }

    fn visit_map<A: MapAccess<'f>>(self, map: A) -> Result<(), A::Error> {
        self.0.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'f>>(self, mut list: A) -> Result<(), A::Error> {
        list.next_element_seed(self.0)?.ok_or_else(|| A::Error::invalid_length(0, &"one"))?;
        match list.next_element::<Skipped>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::invalid_length(2, &"one")),
        }
    }
}

/// The array of units: unit i holds the i-th ask and the i-th bid.
struct Units<'a> {
    notes: &'a mut Notes,
    scratch: &'a mut Scratch,
}

impl<'f> DeserializeSeed<'f> for Units<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'f> Visitor<'f> for Units<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("order book units")
    }

    fn visit_seq<A: SeqAccess<'f>>(self, mut units: A) -> Result<(), A::Error> {
        while let Some(unit) = units.next_element::<Unit<'f>>()? {
            self.notes.skipped(&Skipped { is_nested: unit.is_nested });
            self.notes.push(&mut self.scratch.bids, unit.bid.level());
            self.notes.push(&mut self.scratch.asks, unit.ask.level());
        }
        Ok(())
    }
}

/// One unit as text.
struct Unit<'f> {
    bid: UnitHalf<'f>,
    ask: UnitHalf<'f>,
    is_nested: bool,
}

/// One side of a unit as text.
#[derive(Clone, Copy)]
struct UnitHalf<'f> {
    price: &'f str,
    qty: &'f str,
}

impl UnitHalf<'_> {
    fn level(self) -> Result<Option<Level>, DecodeError> {
        wire::padded_level(self.price, self.qty)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier)]
enum UnitKey {
    #[serde(rename = "bid_price", alias = "bp")]
    BidPrice,
    #[serde(rename = "bid_size", alias = "bs")]
    BidSize,
    #[serde(rename = "ask_price", alias = "ap")]
    AskPrice,
    #[serde(rename = "ask_size", alias = "as")]
    AskSize,
    #[serde(other)]
    Other,
}

impl<'f> Deserialize<'f> for Unit<'f> {
    fn deserialize<D: Deserializer<'f>>(json: D) -> Result<Unit<'f>, D::Error> {
        json.deserialize_map(UnitVisitor)
    }
}

struct UnitVisitor;

impl<'f> Visitor<'f> for UnitVisitor {
    type Value = Unit<'f>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an order book unit with four numbers")
    }

    fn visit_map<A: MapAccess<'f>>(self, mut map: A) -> Result<Unit<'f>, A::Error> {
        let mut raw: [Option<&'f str>; UnitKey::Other as usize] = Default::default();
        let mut is_nested = false;
        while let Some(key) = map.next_key::<UnitKey>()? {
            if matches!(key, UnitKey::Other) {
                is_nested |= map.next_value::<Skipped>()?.is_nested;
                continue;
            }
            let text = map.next_value::<&RawValue>()?.get();
            if raw[key as usize].replace(text).is_some() {
                return Err(A::Error::custom("a key of the unit comes twice"));
            }
        }
        let [Some(bid_price), Some(bid_size), Some(ask_price), Some(ask_size)] = raw else {
            return Err(A::Error::custom("a number of the unit is missing"));
        };
        let bid = UnitHalf { price: bid_price, qty: bid_size };
        let ask = UnitHalf { price: ask_price, qty: ask_size };
        Ok(Unit { bid, ask, is_nested })
    }
}
