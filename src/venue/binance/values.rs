//! Values of Binance's private messages and answers: decimal strings, sides, states, whole texts.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::Visitor;

use crate::types::market::Side;
use crate::types::number::NumberError;
use crate::types::number::parse_fixed;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::DecodeError;
use crate::venue::private::OrderState;
use crate::venue::wire;

/// An exact decimal inside a string, raw 10⁻⁸ units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fixed(pub i64);

impl<'f> Deserialize<'f> for Fixed {
    fn deserialize<D: Deserializer<'f>>(json: D) -> Result<Fixed, D::Error> {
        json.deserialize_str(FixedReader)
    }
}

struct FixedReader;

impl Visitor<'_> for FixedReader {
    type Value = Fixed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal inside a string")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Fixed, E> {
        parse_fixed(text.as_bytes()).map(Fixed).map_err(E::custom)
    }
}

impl Fixed {
    /// As a price; `None` for 0, which is how an order without a limit is told.
    ///
    /// # Errors
    /// `Value` below 0.
    pub fn price(self) -> Result<Option<Price>, DecodeError> {
        if self.0 < 0 { Err(DecodeError::Value) } else { Ok(Price::from_raw(self.0)) }
    }
    /// As a price that has to be above 0.
    ///
    /// # Errors
    /// `Value`.
    pub fn some_price(self) -> Result<Price, DecodeError> {
        Price::from_raw(self.0).ok_or(DecodeError::Value)
    }
    /// As a quantity.
    ///
    /// # Errors
    /// `Value` below 0.
    pub fn qty(self) -> Result<Qty, DecodeError> {
        Qty::from_raw(self.0).ok_or(DecodeError::Value)
    }
    /// As a quantity that has to be above 0.
    ///
    /// # Errors
    /// `Value`.
    pub fn some_qty(self) -> Result<Qty, DecodeError> {
        let qty = self.qty()?;
        if qty.is_zero() { Err(DecodeError::Value) } else { Ok(qty) }
    }
    /// As a value that cannot be negative.
    ///
    /// # Errors
    /// `Value` below 0.
    pub fn amount(self) -> Result<i64, DecodeError> {
        if self.0 < 0 { Err(DecodeError::Value) } else { Ok(self.0) }
    }
}

/// A balance: digits beyond 10⁻⁸ are cut. More than 92,233,720,368 coins, as some cost next to
/// nothing, is told as that many, so that one such coin does not hide all others.
///
/// # Errors
/// `Number` for other text; `Value` below 0.
pub fn balance(text: &str) -> Result<i64, DecodeError> {
    let kept = match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|digit| digit.is_ascii_digit()) => {
            &text[..whole.len() + 1 + decimals.len().min(8)]
        }
        _ => text,
    };
    match parse_fixed(kept.as_bytes()) {
        Ok(raw) if raw < 0 => Err(DecodeError::Value),
        Ok(raw) => Ok(raw),
        Err(NumberError::OutOfRange) if !kept.starts_with('-') => Ok(i64::MAX),
        Err(why) => Err(DecodeError::Number(why)),
    }
}

/// `BUY` or `SELL`.
///
/// # Errors
/// `Malformed`.
pub fn side(text: &str) -> Result<Side, DecodeError> {
    match text {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(DecodeError::Malformed),
    }
}

/// An order's place in its life, by the enumeration page. `None` for a status that came later: what
/// matched is told by the quantities, and nobody may guess whether the order is over.
pub fn state(status: &str, on_book: OnBook) -> Option<OrderState> {
    match status {
        "NEW" if on_book == OnBook::No => Some(OrderState::Waiting),
        "NEW" | "PENDING_CANCEL" => Some(OrderState::Open),
        "PENDING_NEW" => Some(OrderState::Waiting),
        "PARTIALLY_FILLED" => Some(OrderState::PartlyFilled),
        "FILLED" => Some(OrderState::Filled),
        "CANCELED" | "EXPIRED" | "EXPIRED_IN_MATCH" => Some(OrderState::Cancelled),
        "REJECTED" => Some(OrderState::Rejected),
        _ => None,
    }
}

/// Whether an order stands on the book (`w`, `isWorking`): a stop order does not until triggered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnBook {
    /// It does, or the message does not say.
    Yes,
    /// It waits.
    No,
}

impl OnBook {
    /// From the flag of a message.
    pub fn of(flag: Option<bool>) -> OnBook {
        if flag == Some(false) { OnBook::No } else { OnBook::Yes }
    }
}

/// A whole message as text, neither too long nor nested too deep.
///
/// # Errors
/// `TooLarge`, `Utf8`, `TooDeep`.
pub fn whole_text(frame: &[u8]) -> Result<&str, DecodeError> {
    let text = wire::text(frame)?;
    if wire::too_deep(text) { Err(DecodeError::TooDeep) } else { Ok(text) }
}

/// Reads text of which [`whole_text`] checked the size.
///
/// # Errors
/// `Malformed`.
pub fn parse<'f, T: Deserialize<'f>>(text: &'f str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|_| DecodeError::Malformed)
}
