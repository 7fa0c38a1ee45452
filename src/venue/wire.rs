//! What the JSON codecs share: checks around serde, raw values, the first flaw of a frame.
//!
//! A frame is read to its end even after a flaw in what it says, so that bad syntax is always found
//! and the symbol is known whatever the order of the keys.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::Error;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::types::limit;
use crate::types::market::Level;
use crate::types::number::NumberError;
use crate::types::number::parse_fixed;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::SCALE;
use crate::venue::DecodeError;

/// The frame as text.
///
/// # Errors
/// `TooLarge`, `Utf8`.
pub fn text(frame: &[u8]) -> Result<&str, DecodeError> {
    if frame.len() > limit::FRAME_BYTES {
        return Err(DecodeError::TooLarge);
    }
    std::str::from_utf8(frame).map_err(|_| DecodeError::Utf8)
}

/// Runs a reader over the whole text. Trailing junk is an error.
///
/// # Errors
/// `TooDeep` if the text nests deeper than allowed, else `Malformed`.
pub fn read<'f, S>(text: &'f str, seed: S) -> Result<S::Value, DecodeError>
where
    S: DeserializeSeed<'f>,
{
    let mut json = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|_| if too_deep(text) { DecodeError::TooDeep } else { DecodeError::Malformed })
}

/// True if the text nests deeper than [`limit::FRAME_DEPTH`]. One pass, no stack; only frames that
/// hold an unknown nested value or are broken anyway pay for it.
pub fn too_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > limit::FRAME_DEPTH {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A value nobody asked for. Says whether it has an inside, which then has to be measured.
pub struct Skipped {
    /// True for an object or array.
    pub is_nested: bool,
}

impl<'f> Deserialize<'f> for Skipped {
    fn deserialize<D: Deserializer<'f>>(json: D) -> Result<Skipped, D::Error> {
        let raw = <&RawValue>::deserialize(json)?.get();
        Ok(Skipped { is_nested: raw.starts_with(['{', '[']) })
    }
}

/// Reads `["price","quantity"]` into a side; what may stand behind them is passed over.
pub struct OneLevel<'a> {
    /// Where a level goes.
    pub side: &'a mut Vec<Level>,
    /// Where it is said what is wrong with it.
    pub notes: &'a mut Notes,
}

impl<'f> DeserializeSeed<'f> for OneLevel<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'f>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'f> Visitor<'f> for OneLevel<'_> {
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
        self.notes.push(self.side, level(price, qty).map(Some));
        while let Some(skipped) = pair.next_element::<Skipped>()? {
            self.notes.skipped(&skipped);
        }
        Ok(())
    }
}

/// What was noticed while a frame was read.
#[derive(Debug, Default)]
pub struct Notes {
    flaw: Option<DecodeError>,
    is_nested: bool,
}

impl Notes {
    /// Remembers a flaw, unless there was one before.
    pub fn flaw(&mut self, flaw: DecodeError) {
        self.flaw.get_or_insert(flaw);
    }
    /// Remembers that a value was passed over.
    pub fn skipped(&mut self, value: &Skipped) {
        self.is_nested |= value.is_nested;
    }
    /// Adds a level to a side, or notes why it cannot be one. Padding is nothing.
    pub fn push(&mut self, side: &mut Vec<Level>, level: Result<Option<Level>, DecodeError>) {
        match level {
            Err(flaw) => self.flaw(flaw),
            Ok(None) => {}
            Ok(Some(_)) if side.len() >= limit::BOOK_LEVELS => self.flaw(DecodeError::Overflow),
            Ok(Some(level)) => side.push(level),
        }
    }
    /// The verdict on the nesting of everything that was passed over.
    ///
    /// # Errors
    /// `TooDeep`.
    pub fn nesting(&self, text: &str) -> Result<(), DecodeError> {
        if self.is_nested && too_deep(text) { Err(DecodeError::TooDeep) } else { Ok(()) }
    }
    /// The first flaw, as an error.
    ///
    /// # Errors
    /// That flaw.
    pub fn content(&self) -> Result<(), DecodeError> {
        self.flaw.map_or(Ok(()), Err)
    }
}

/// A price and quantity from exact decimal text.
///
/// # Errors
/// `Number` if either is no exact decimal; `Value` for a price ≤ 0 or a quantity < 0.
pub fn level(price: &str, qty: &str) -> Result<Level, DecodeError> {
    let price = Price::from_raw(fixed(price)?).ok_or(DecodeError::Value)?;
    let qty = Qty::from_raw(fixed(qty)?).ok_or(DecodeError::Value)?;
    Ok(Level { price, qty })
}

/// As [`level`], but a slot with no quantity is `None`: padding beyond the real depth.
///
/// # Errors
/// `Number`; `Value` if either is negative, and for a quantity at no price.
pub fn padded_level(price: &str, qty: &str) -> Result<Option<Level>, DecodeError> {
    let price = fixed(price)?;
    let qty = Qty::from_raw(fixed(qty)?).ok_or(DecodeError::Value)?;
    match Price::from_raw(price) {
        Some(price) if !qty.is_zero() => Ok(Some(Level { price, qty })),
        None if price < 0 || !qty.is_zero() => Err(DecodeError::Value),
        _ => Ok(None),
    }
}

/// A level whose quantity has to be above zero: tickers and trades.
///
/// # Errors
/// As [`level`], and `Value` for no quantity.
pub fn filled_level(price: &str, qty: &str) -> Result<Level, DecodeError> {
    let level = level(price, qty)?;
    if level.qty.is_zero() { Err(DecodeError::Value) } else { Ok(level) }
}

/// [`parse_fixed`], with a shorter way for the spelling that nearly every number has.
fn fixed(text: &str) -> Result<i64, NumberError> {
    plain_fixed(text.as_bytes()).map_or_else(|| parse_fixed(text.as_bytes()), Ok)
}

/// `digits[.digits]` with at most 10 digits before and 8 behind the point: below 10¹⁸ raw units,
/// so nothing here can overflow. `None` for every other spelling, good or bad.
fn plain_fixed(text: &[u8]) -> Option<i64> {
    const LONGEST: usize = 10 + 1 + 8;
    const SCALES: [i64; 9] = [SCALE, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    if text.len() > LONGEST {
        return None;
    }
    let point = text.iter().position(|byte| *byte == b'.');
    let (whole, decimals) = match point {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, [].as_slice()),
    };
    let has_bare_point = point.is_some() && decimals.is_empty();
    if whole.is_empty() || whole.len() > 10 || has_bare_point {
        return None;
    }
    let scale = SCALES.get(decimals.len())?;
    let mut value = 0;
    for byte in whole.iter().chain(decimals) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value * scale)
}

/// The inside of a raw JSON string. Symbols are plain ASCII: one with an escape is none of them.
///
/// # Errors
/// `Malformed`.
pub fn string(raw: Option<&str>) -> Result<&str, DecodeError> {
    raw.and_then(|raw| raw.strip_prefix('"')?.strip_suffix('"'))
        .filter(|inside| !inside.contains('\\'))
        .ok_or(DecodeError::Malformed)
}

/// A raw JSON number that is a whole, not negative one.
///
/// # Errors
/// `Malformed` if it is absent or no number; `Number` for a fraction, a sign or more than 64 bits.
pub fn whole(raw: Option<&str>) -> Result<u64, DecodeError> {
    let raw = raw.ok_or(DecodeError::Malformed)?;
    if !raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Err(DecodeError::Malformed);
    }
    raw.parse().map_err(|_| DecodeError::Number(NumberError::OutOfRange))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_short_way_reads_what_the_exact_parser_reads(
            text in "-?[0-9]{0,12}(\\.[0-9]{0,10})?(e-?[0-9])?", junk in "[0-9.eE+_ -]{0,21}"
        ) {
            for text in [text, junk] {
                let exact = parse_fixed(text.as_bytes());
                prop_assert_eq!(fixed(&text), exact, "{}", text);
                if let Some(value) = plain_fixed(text.as_bytes()) {
                    prop_assert_eq!(Ok(value), exact);
                }
            }
        }
    }

    #[test]
    fn usual_numbers_take_the_short_way() {
        for text in ["61837.63000000", "9999999999.99999999", "0.00077720", "86123000", "0"] {
            assert_eq!(
                plain_fixed(text.as_bytes()).ok_or(()),
                parse_fixed(text.as_bytes()).or(Err(()))
            );
        }
    }

    #[test]
    fn brackets_inside_text_are_no_nesting() {
        let quoted = format!("[\"{}\\\"{}\"]", "[".repeat(50), "{".repeat(50));
        assert!(!too_deep(&quoted));
        assert!(too_deep(&"[".repeat(limit::FRAME_DEPTH + 1)));
    }
}
