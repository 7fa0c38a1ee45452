//! The parts of a Binance public frame, read once and in any order: keys, raw values, levels. What
//! they mean is `market.rs`'s business.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::types::market::Level;
use crate::venue::DecodeError;
use crate::venue::Scratch;
use crate::venue::wire;
use crate::venue::wire::Notes;
use crate::venue::wire::OneLevel;
use crate::venue::wire::Skipped;

/// The keys that are read. Upper and lower case differ in meaning.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier)]
pub enum Key {
    /// Kind of event.
    #[serde(rename = "e")]
    EventType,
    /// Venue time of the event.
    #[serde(rename = "E")]
    EventTime,
    /// The venue's code.
    #[serde(rename = "s")]
    Symbol,
    /// First update of a diff.
    #[serde(rename = "U")]
    FirstId,
    /// Last update of a diff, update of a ticker.
    #[serde(rename = "u")]
    LastId,
    /// A ticker's bid quantity.
    #[serde(rename = "B")]
    BidQty,
    /// A ticker's ask quantity.
    #[serde(rename = "A")]
    AskQty,
    /// A trade's price.
    #[serde(rename = "p")]
    Price,
    /// A trade's quantity.
    #[serde(rename = "q")]
    Qty,
    /// A trade's number.
    #[serde(rename = "t")]
    TradeId,
    /// A trade's time.
    #[serde(rename = "T")]
    TradeTime,
    /// Which side took.
    #[serde(rename = "m")]
    BuyerIsMaker,
    /// Update of a whole book.
    #[serde(rename = "lastUpdateId")]
    SnapshotId,
    /// Name in the combined wrapper.
    #[serde(rename = "stream")]
    Stream,
    /// Outcome of a request.
    #[serde(rename = "result")]
    Result,
    /// Our number of a request.
    #[serde(rename = "id")]
    RequestId,
    /// An error's code.
    #[serde(rename = "code")]
    Code,
    /// An error's text.
    #[serde(rename = "msg")]
    Message,
    /// An error object.
    #[serde(rename = "error")]
    Failure,
    /// Bid levels or price.
    #[serde(rename = "b", alias = "bids")]
    Bids,
    /// Ask levels or price.
    #[serde(rename = "a", alias = "asks")]
    Asks,
    /// The inside of the combined wrapper.
    #[serde(rename = "data")]
    Data,
    /// Everything else.
    #[serde(other)]
    Other,
}

/// Raw values of a frame, by key; a key that comes twice makes the frame malformed.
#[derive(Default)]
pub struct Fields<'f> {
    raw: [Option<&'f str>; Key::Bids as usize],
    /// What stands under `b` or `bids`.
    pub bids: Option<BookSide<'f>>,
    /// What stands under `a` or `asks`.
    pub asks: Option<BookSide<'f>>,
    /// What was noticed on the way.
    pub notes: Notes,
}

/// What stands under `b` or `a`: levels in a diff or snapshot, a price in a ticker.
#[derive(Clone, Copy)]
pub enum BookSide<'f> {
    /// Levels, which stand in the scratch.
    Levels,
    /// A price.
    Price(&'f str),
    /// A number or null of some other stream.
    Other,
}

impl<'f> Fields<'f> {
    /// Reads a frame into levels and the rest. `Wrapped` frames may stand inside `data`.
    ///
    /// # Errors
    /// `TooDeep`, `Malformed`.
    pub fn read(
        text: &'f str,
        shape: Shape,
        scratch: &mut Scratch,
    ) -> Result<Fields<'f>, DecodeError> {
        let mut fields = Fields::default();
        let may_wrap = shape == Shape::Stream;
        wire::read(text, Reader { fields: &mut fields, scratch, may_wrap })?;
        fields.notes.nesting(text)?;
        Ok(fields)
    }
    /// The raw value of a key that is not levels.
    pub fn get(&self, key: Key) -> Option<&'f str> {
        self.raw[key as usize]
    }
    /// True if that key came.
    pub fn has(&self, key: Key) -> bool {
        self.get(key).is_some()
    }
}

/// Where a frame comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A stream: the frame may be wrapped.
    Stream,
    /// An answer over HTTP: it is not.
    Answer,
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
            let level = OneLevel { notes: &mut *notes, side: &mut *side };
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
