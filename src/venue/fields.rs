//! What the private messages and answers of Bybit and OKX share: values as decimal text, empty
//! where the venue has none, and words of unknown length.

use std::borrow::Cow;

use serde::Deserialize;

use crate::types::number::NumberError;
use crate::types::number::parse_fixed;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::venue::DecodeError;
use crate::venue::private::ErrorClass;
use crate::venue::private::VenueError;
use crate::venue::wire;

/// Longest text of a refusal that is kept, in bytes.
const WORDS_BYTES: usize = 256;
/// Decimals of a raw unit.
const DECIMALS: usize = 8;

/// A whole message as the type that it is.
///
/// # Errors
/// `TooLarge`, `Utf8`, `TooDeep`; `Malformed` if it is no such message.
pub fn message<'f, T: Deserialize<'f>>(frame: &'f [u8]) -> Result<T, DecodeError> {
    let text = wire::text(frame)?;
    if wire::too_deep(text) {
        return Err(DecodeError::TooDeep);
    }
    inside(text)
}

/// A part of a message, likewise.
///
/// # Errors
/// `Malformed`.
pub fn inside<'f, T: Deserialize<'f>>(text: &'f str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|_| DecodeError::Malformed)
}

/// A price; `None` for no text and for zero, which venues write where an order has none.
///
/// # Errors
/// `Number`; `Value` if negative.
pub fn price(text: &str) -> Result<Option<Price>, DecodeError> {
    let Some(qty) = qty(text)? else { return Ok(None) };
    Ok(Price::from_raw(qty.raw()))
}

/// A quantity; `None` for no text.
///
/// # Errors
/// `Number`; `Value` if negative.
pub fn qty(text: &str) -> Result<Option<Qty>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    Qty::from_raw(parse_fixed(text.as_bytes())?).map(Some).ok_or(DecodeError::Value)
}

/// A quantity or price that has to be there.
///
/// # Errors
/// As [`qty`] and [`price`]; `Value` where there is none.
pub fn needed<T>(value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Value)
}

/// An amount with a sign, raw 10⁻⁸; digits beyond that are rounded. No text is nothing.
///
/// # Errors
/// `Number` if it is no decimal number or out of range.
pub fn amount(text: &str, round: Round) -> Result<i64, DecodeError> {
    if text.is_empty() {
        return Ok(0);
    }
    match parse_fixed(text.as_bytes()) {
        Err(NumberError::TooPrecise) => {}
        exact => return Ok(exact?),
    }
    // Digits were lost, so the value lies strictly between the cut one and the next one outward.
    let point = text.find('.').ok_or(NumberError::TooPrecise)?;
    let is_plain = text.as_bytes()[point + 1..].iter().all(u8::is_ascii_digit);
    let cut = text.get(..=point + DECIMALS).filter(|_| is_plain).ok_or(NumberError::TooPrecise)?;
    let raw = parse_fixed(cut.as_bytes())?;
    let is_negative = text.starts_with('-');
    let rounded = match round {
        Round::Up if !is_negative => raw.checked_add(1),
        Round::Down if is_negative => raw.checked_sub(1),
        _ => Some(raw),
    };
    Ok(rounded.ok_or(NumberError::OutOfRange)?)
}

/// A fee of a match, positive when we pay it. Rounded up: what is left of the coins received is
/// then never more than the venue credits. `None` for no text.
///
/// # Errors
/// As [`amount`].
pub fn fee(text: &str, sense: Sense) -> Result<Option<i64>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    match sense {
        Sense::Paid => amount(text, Round::Up).map(Some),
        Sense::Credited => {
            let credited = amount(text, Round::Down)?;
            Ok(Some(credited.checked_neg().ok_or(NumberError::OutOfRange)?))
        }
    }
}

/// A fee rate in ppm from a part of 1, positive when we pay it, rounded up.
///
/// # Errors
/// As [`amount`]; `Value` for no text.
pub fn rate_ppm(text: &str, sense: Sense) -> Result<i64, DecodeError> {
    const RAW_PER_PPM: i64 = 100;
    let raw = needed(fee(text, sense)?)?;
    Ok(raw.div_euclid(RAW_PER_PPM) + i64::from(raw.rem_euclid(RAW_PER_PPM) != 0))
}

/// What a positive fee means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sense {
    /// We paid it (Bybit).
    Paid,
    /// It was credited to us; what we paid is negative (OKX).
    Credited,
}

/// A time or another whole number in text.
///
/// # Errors
/// `Malformed` for no text; `Number` if it is no whole number of 64 bits.
pub fn whole(text: &str) -> Result<u64, DecodeError> {
    wire::whole(Some(text))
}

/// An id; `None` for no text.
pub fn id(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A refusal in the venue's words, cut to [`WORDS_BYTES`].
pub fn refusal(class: ErrorClass, code: &str, message: &str) -> VenueError {
    VenueError { class, code: cut(code), message: cut(message), retry_after_ms: None }
}

/// The same, where the server failed (status 500 and above): a code that says nothing leaves open
/// whether it acted.
pub fn after_failure(error: VenueError, status: u16) -> VenueError {
    let is_open = status >= 500 && error.class == ErrorClass::Other;
    let class = if is_open { ErrorClass::Unknown } else { error.class };
    VenueError { class, ..error }
}

fn cut(words: &str) -> String {
    let mut end = words.len().min(WORDS_BYTES);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words[..end].to_owned()
}

/// Text of a message, borrowed where it holds no escape.
pub type Text<'f> = Cow<'f, str>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_beyond_the_eighth_are_rounded_the_way_that_is_asked_for() {
        let both = |text| (amount(text, Round::Down), amount(text, Round::Up));
        assert_eq!(both("0.00000192834"), (Ok(192), Ok(193)));
        assert_eq!(both("-0.00000192834"), (Ok(-193), Ok(-192)));
        assert_eq!(both("-0.000000001"), (Ok(-1), Ok(0)));
        assert_eq!(both("0.010000249968"), (Ok(1_000_024), Ok(1_000_025)));
        assert_eq!(both("26.3725275"), (Ok(2_637_252_750), Ok(2_637_252_750)));
        assert_eq!(both(""), (Ok(0), Ok(0)));
        assert!(amount("1.00000000x1", Round::Down).is_err());
        assert!(amount("1.0000000001e-3", Round::Down).is_err());
        assert!(amount("99999999999999", Round::Down).is_err());
        assert!(amount("92233720368.547758079", Round::Up).is_err());
        assert!(fee("-92233720368.547758079", Sense::Credited).is_err());
    }

    #[test]
    fn a_rate_is_told_in_parts_per_million_and_never_too_low() {
        assert_eq!(rate_ppm("0.001", Sense::Paid), Ok(1_000));
        assert_eq!(rate_ppm("0.00055", Sense::Paid), Ok(550));
        assert_eq!(rate_ppm("0.0000675", Sense::Paid), Ok(68));
        assert_eq!(rate_ppm("-0.00005", Sense::Paid), Ok(-50));
        assert_eq!(rate_ppm("-0.0008", Sense::Credited), Ok(800));
        assert_eq!(fee("-0.00000192834", Sense::Credited), Ok(Some(193)));
        assert_eq!(fee("0.00000192834", Sense::Credited), Ok(Some(-192)));
    }

    #[test]
    fn words_are_cut_at_a_letter() {
        let error = refusal(ErrorClass::Other, "1", &"₩".repeat(100));
        assert_eq!(error.message, "₩".repeat(85));
    }
}
