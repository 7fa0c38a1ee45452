//! What streams and answers say of an account alike: sides, states, balances.

use crate::types::market::Side;
use crate::types::units::Qty;
use crate::venue::DecodeError;
use crate::venue::krw::object::Object;
use crate::venue::krw::object::need;
use crate::venue::private::BalanceUpdate;
use crate::venue::private::OrderState;

/// A balance in a stream or an answer, as numbers or as text.
///
/// # Errors
/// `Malformed`, `Number`.
pub fn balance(row: &Object<'_>) -> Result<BalanceUpdate, DecodeError> {
    Ok(BalanceUpdate {
        asset: need(row.text(&["currency", "cu"])?)?,
        free_raw: row.balance(&["balance", "b"])?,
        locked_raw: row.balance(&["locked", "l"])?,
    })
}

/// `ASK`, `ask` and `sell` are one side, `BID`, `bid` and `buy` the other.
///
/// # Errors
/// `Malformed` for any other word.
pub fn side(word: Option<String>) -> Result<Option<Side>, DecodeError> {
    match word.as_deref() {
        None => Ok(None),
        Some("ASK" | "ask" | "sell" | "SELL") => Ok(Some(Side::Sell)),
        Some("BID" | "bid" | "buy" | "BUY") => Ok(Some(Side::Buy)),
        Some(_) => Err(DecodeError::Malformed),
    }
}

/// How far an order is matched.
#[derive(Clone, Copy, Debug)]
pub struct Matched {
    /// Matched so far.
    pub filled: Option<Qty>,
    /// Still to match.
    pub remaining: Option<Qty>,
}

/// Where an order stands. `prevented` (a match with an order of our own did not take place) is no
/// state: what is left of the order is told by the message that follows, or by asking.
///
/// # Errors
/// `Malformed` for a word that is not documented.
pub fn state(word: &str, matched: Matched) -> Result<Option<OrderState>, DecodeError> {
    let has_filled = matched.filled.is_some_and(|qty| !qty.is_zero());
    let is_whole = matched.remaining.is_some_and(Qty::is_zero);
    Ok(Some(match word {
        "wait" if has_filled => OrderState::PartlyFilled,
        "wait" => OrderState::Open,
        "watch" => OrderState::Waiting,
        "trade" if is_whole => OrderState::Filled,
        "trade" => OrderState::PartlyFilled,
        "done" => OrderState::Filled,
        // Says nothing about how much matched: a market buy usually ends so.
        "cancel" => OrderState::Cancelled,
        "prevented" => return Ok(None),
        _ => return Err(DecodeError::Malformed),
    }))
}
