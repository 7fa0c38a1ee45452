//! Objects whose keys may come in any order, read in two steps: first the raw values of the known
//! keys, then what stands in them once the kind of the message is known.
//!
//! The first step reads the whole text, so that bad syntax is always found before anything is
//! judged. It is for frames that are rare or unusual: a value is passed over twice.

use std::fmt;

use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::Error;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::types::market::Level;
use crate::venue::DecodeError;
use crate::venue::wire;
use crate::venue::wire::Notes;
use crate::venue::wire::OneLevel;

/// Raw values of an object, in the order of the keys that were asked for.
pub type Values<'f, const N: usize> = [Option<&'f str>; N];

/// The values of these keys; all others are passed over.
///
/// # Errors
/// `Malformed` if the text is no object, or holds one of the keys twice; `TooDeep`.
pub fn object<'f, const N: usize>(
    text: &'f str,
    keys: &'static [&'static str; N],
) -> Result<Values<'f, N>, DecodeError> {
    wire::read(text, Object { keys })
}

/// The same for a value that has to be there.
///
/// # Errors
/// As [`object`]; `Malformed` without the value.
pub fn inner<'f, const N: usize>(
    text: Option<&'f str>,
    keys: &'static [&'static str; N],
) -> Result<Values<'f, N>, DecodeError> {
    object(text.ok_or(DecodeError::Malformed)?, keys)
}

/// Calls `act` with each element of a list.
///
/// # Errors
/// `Malformed` if there is no list; else the first error of `act`.
pub fn each<'f>(
    text: Option<&'f str>,
    act: impl FnMut(&'f str) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    wire::read(text.ok_or(DecodeError::Malformed)?, Each { act })?
}

/// The only element of a list.
///
/// # Errors
/// `Malformed` if there is no list, or it has none or several.
pub fn only(text: Option<&str>) -> Result<&str, DecodeError> {
    let mut found = None;
    each(text, |element| match found.replace(element) {
        None => Ok(()),
        Some(_) => Err(DecodeError::Malformed),
    })?;
    found.ok_or(DecodeError::Malformed)
}

/// Reads `[["price","quantity",…],…]` into a side; what is wrong with a level is noted.
///
/// # Errors
/// `Malformed` if there is no such list.
pub fn levels(
    text: Option<&str>,
    side: &mut Vec<Level>,
    notes: &mut Notes,
) -> Result<(), DecodeError> {
    wire::read(text.ok_or(DecodeError::Malformed)?, Levels { side, notes })
}

/// A whole number in quotes.
///
/// # Errors
/// `Malformed` if it is absent or no text; `Number` beyond 64 bits.
pub fn quoted_whole(text: Option<&str>) -> Result<u64, DecodeError> {
    wire::whole(Some(wire::string(text)?))
}

struct Object<const N: usize> {
    keys: &'static [&'static str; N],
}

impl<'f, const N: usize> DeserializeSeed<'f> for Object<N> {
    type Value = Values<'f, N>;

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<Values<'f, N>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'f, const N: usize> Visitor<'f> for Object<N> {
    type Value = Values<'f, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'f>>(self, mut map: A) -> Result<Values<'f, N>, A::Error> {
        let mut values = [None; N];
        while let Some(key) = map.next_key_seed(Key { keys: self.keys })? {
            let Some(at) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<&RawValue>()?.get();
            if values[at].replace(value).is_some() {
                return Err(A::Error::custom("a key that comes twice"));
            }
        }
        Ok(values)
    }
}

/// The place of a key among those that are wanted.
struct Key {
    keys: &'static [&'static str],
}

impl<'f> DeserializeSeed<'f> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<Option<usize>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.keys.iter().position(|wanted| *wanted == key))
    }
}

struct Each<F> {
    act: F,
}

impl<'f, F: FnMut(&'f str) -> Result<(), DecodeError>> DeserializeSeed<'f> for Each<F> {
    type Value = Result<(), DecodeError>;

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'f, F: FnMut(&'f str) -> Result<(), DecodeError>> Visitor<'f> for Each<F> {
    type Value = Result<(), DecodeError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'f>>(mut self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut result = Ok(());
        while let Some(element) = list.next_element::<&RawValue>()? {
            if result.is_ok() {
                result = (self.act)(element.get());
            }
        }
        Ok(result)
    }
}

struct Levels<'a> {
    side: &'a mut Vec<Level>,
    notes: &'a mut Notes,
}

impl<'f> DeserializeSeed<'f> for Levels<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'f> Visitor<'f> for Levels<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("levels")
    }

    fn visit_seq<A: SeqAccess<'f>>(self, mut levels: A) -> Result<(), A::Error> {
        let Levels { side, notes } = self;
        while levels.next_element_seed(OneLevel { side: &mut *side, notes: &mut *notes })?.is_some()
        {
        }
        Ok(())
    }
}
