//! JSON objects of private messages and answers: read key by key, numbers as exact text. Not for
//! market data: it allocates.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::types::number::parse_fixed;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::DecodeError;
use crate::venue::krw::number::cut_at_most;
use crate::venue::krw::number::cut_fixed;
use crate::venue::wire;

/// Most keys of one object: twice what any documented one has.
const KEYS: usize = 128;

/// The spellings of one key, of which a message uses one: DEFAULT and SIMPLE, v1 and v2.
pub type Names = &'static [&'static str];

/// One object. A key that comes twice makes it malformed; `null` is as good as absent.
#[derive(Debug)]
pub struct Object<'f> {
    fields: Vec<(String, &'f str)>,
}

/// The text of a message whose size and nesting are in bounds.
///
/// # Errors
/// `TooLarge`, `Utf8`, `TooDeep`.
pub fn message(frame: &[u8]) -> Result<&str, DecodeError> {
    let text = wire::text(frame)?;
    if wire::too_deep(text) { Err(DecodeError::TooDeep) } else { Ok(text) }
}

/// The objects of a list, or the one object that the text is.
///
/// # Errors
/// `Malformed` if it is neither.
pub fn rows(text: &str) -> Result<Vec<Object<'_>>, DecodeError> {
    if !text.trim_start().starts_with('[') {
        return Ok(vec![Object::read(text)?]);
    }
    let parts: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| DecodeError::Malformed)?;
    parts.into_iter().map(|part| Object::read(part.get())).collect()
}

/// What each object of a list says.
///
/// # Errors
/// As [`message`] and [`rows`], and what `read` finds; `Malformed` if the answer is no list.
pub fn each<T>(
    body: &[u8],
    read: impl FnMut(Object<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let text = message(body)?;
    if !text.trim_start().starts_with('[') {
        return Err(DecodeError::Malformed);
    }
    rows(text)?.into_iter().map(read).collect()
}

/// What the documents promise.
///
/// # Errors
/// `Malformed` if it is absent.
pub fn need<T>(value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Malformed)
}

impl<'f> Object<'f> {
    /// The object that the text is.
    ///
    /// # Errors
    /// `Malformed`.
    pub fn read(text: &'f str) -> Result<Object<'f>, DecodeError> {
        serde_json::from_str(text).map_err(|_| DecodeError::Malformed)
    }

    /// The raw value of a key; `None` for `null` too.
    pub fn raw(&self, names: Names) -> Option<&'f str> {
        let found = self.fields.iter().find(|(key, _)| names.contains(&key.as_str()));
        found.map(|(_, raw)| *raw).filter(|raw| *raw != "null")
    }

    /// Text.
    ///
    /// # Errors
    /// `Malformed` if the value is no text.
    pub fn text(&self, names: Names) -> Result<Option<String>, DecodeError> {
        let read = |raw| serde_json::from_str(raw).map_err(|_| DecodeError::Malformed);
        self.raw(names).map(read).transpose()
    }

    /// True or false.
    ///
    /// # Errors
    /// `Malformed` if the value is neither.
    pub fn flag(&self, names: Names) -> Result<Option<bool>, DecodeError> {
        let read = |raw| match raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(DecodeError::Malformed),
        };
        self.raw(names).map(read).transpose()
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// `Malformed`, `Number`.
    pub fn whole(&self, names: Names) -> Result<Option<u64>, DecodeError> {
        self.raw(names).map(|raw| wire::whole(Some(raw))).transpose()
    }

    /// An exact price. An absent price and one of 0 are no price.
    ///
    /// # Errors
    /// `Number`; `Value` if it is negative.
    pub fn price(&self, names: Names) -> Result<Option<Price>, DecodeError> {
        let Some(text) = self.number(names)? else { return Ok(None) };
        match parse_fixed(text.as_bytes())? {
            0 => Ok(None),
            raw => Price::from_raw(raw).map(Some).ok_or(DecodeError::Value),
        }
    }

    /// A quantity, cut to 10⁻⁸.
    ///
    /// # Errors
    /// `Number`; `Value` if it is negative.
    pub fn qty(&self, names: Names) -> Result<Option<Qty>, DecodeError> {
        let read = |raw| Qty::from_raw(raw).ok_or(DecodeError::Value);
        self.amount(names)?.map(read).transpose()
    }

    /// An amount of money or a fee, raw 10⁻⁸ units, cut.
    ///
    /// # Errors
    /// `Number`.
    pub fn amount(&self, names: Names) -> Result<Option<i64>, DecodeError> {
        let Some(text) = self.number(names)? else { return Ok(None) };
        Ok(Some(cut_fixed(text.as_bytes())?))
    }

    /// A balance, raw 10⁻⁸ units, cut; one beyond the range is its end.
    ///
    /// # Errors
    /// `Malformed` if it is absent; `Number`.
    pub fn balance(&self, names: Names) -> Result<i64, DecodeError> {
        Ok(cut_at_most(need(self.number(names)?)?.as_bytes())?)
    }

    /// The objects in a list.
    ///
    /// # Errors
    /// `Malformed` if the value is no list of objects.
    pub fn list(&self, names: Names) -> Result<Option<Vec<Object<'f>>>, DecodeError> {
        match self.raw(names) {
            Some(raw) if !raw.starts_with('[') => Err(DecodeError::Malformed),
            raw => raw.map(rows).transpose(),
        }
    }

    /// A number as its text, which venues write bare or in quotes.
    fn number(&self, names: Names) -> Result<Option<&'f str>, DecodeError> {
        match self.raw(names) {
            Some(raw) if raw.starts_with('"') => wire::string(Some(raw)).map(Some),
            Some(raw) if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(Some(raw)),
            Some(_) => Err(DecodeError::Malformed),
            None => Ok(None),
        }
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Object<'de>, D::Error> {
        json.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut fields: Vec<(String, &str)> = Vec::new();
        while let Some((key, raw)) = map.next_entry::<String, &RawValue>()? {
            if fields.len() >= KEYS || fields.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom("too many keys, or a key twice"));
            }
            fields.push((key, raw.get()));
        }
        Ok(Object { fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_or_too_many_keys_are_malformed() {
        assert!(Object::read(r#"{"a":1,"b":2}"#).is_ok());
        assert!(Object::read(r#"{"a":1,"a":2}"#).is_err());
        let many: Vec<String> = (0..=KEYS).map(|key| format!("\"k{key}\":0")).collect();
        assert!(Object::read(&format!("{{{}}}", many.join(","))).is_err());
        assert!(Object::read("[1]").is_err() && rows("[1]").is_err());
        assert_eq!(rows("[]").map(|rows| rows.len()), Ok(0));
    }

    #[test]
    fn a_number_is_read_bare_or_quoted_and_null_is_absent() {
        let text = r#"{"a":"1.5","b":1.5E0,"c":null,"d":true,"e":"x","f":-1,"g":"0"}"#;
        let object = Object::read(text).expect("an object");
        assert_eq!(object.amount(&["a"]), Ok(Some(150_000_000)));
        assert_eq!(object.amount(&["b"]), object.amount(&["a"]));
        assert_eq!((object.amount(&["c"]), object.amount(&["z"])), (Ok(None), Ok(None)));
        assert_eq!(object.amount(&["d"]), Err(DecodeError::Malformed));
        assert!(matches!(object.amount(&["e"]), Err(DecodeError::Number(_))));
        assert_eq!(object.qty(&["f"]), Err(DecodeError::Value));
        assert_eq!(object.price(&["f"]), Err(DecodeError::Value));
        assert_eq!(object.price(&["g"]), Ok(None));
        assert_eq!(object.balance(&["c"]), Err(DecodeError::Malformed));
    }
}
