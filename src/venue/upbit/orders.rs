//! Upbit's private stream and the answers to its requests (`VENUES.md` 1.2 and 1.3).
//!
//! `myOrder` and `myAsset`, DEFAULT and SIMPLE keys. In state `trade` the price and the volume are
//! those of the match: the order's own are not told then. Matches are told apart by `trade_uuid`;
//! what is filled is `executed_volume`, whatever the state says.

use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::DecodeError;
use crate::venue::krw::account::Matched;
use crate::venue::krw::account::side;
use crate::venue::krw::account::state;
use crate::venue::krw::object::Object;
use crate::venue::krw::object::need;
use crate::venue::krw::private::KrwPrivate;
use crate::venue::private::OrderUpdate;
use crate::venue::private::VenueFill;
use crate::venue::upbit::rules::KRW_TICKS;

/// Upbit's private messages.
pub const PRIVATE: KrwPrivate = KrwPrivate { order, krw_ticks: &KRW_TICKS };

fn order(row: &Object<'_>) -> Result<OrderUpdate, DecodeError> {
    let symbol = need(row.text(&["code", "cd"])?)?;
    let word = need(row.text(&["state", "s"])?)?;
    let filled = row.qty(&["executed_volume", "ev"])?;
    let matched = Matched { filled, remaining: row.qty(&["remaining_volume", "rv"])? };
    let fill = if word == "trade" { Some(fill(row, &symbol)?) } else { None };
    let (price, qty) = if fill.is_some() { (None, None) } else { terms(row)? };
    Ok(OrderUpdate {
        venue_order_id: need(row.text(&["uuid", "uid"])?)?,
        client_order_id: row.text(&["identifier", "id"])?,
        side: Some(need(side(row.text(&["ask_bid", "ab"])?)?)?),
        state: state(&word, matched)?,
        price,
        qty,
        filled,
        filled_value_raw: row.amount(&["executed_funds", "ef"])?,
        fill,
        venue_ts_ms: need(row.whole(&["timestamp", "tms"])?)?,
        symbol,
    })
}

/// Limit price and quantity. The price of an order by value is the money to spend.
fn terms(row: &Object<'_>) -> Result<(Option<Price>, Option<Qty>), DecodeError> {
    let is_limit = row.text(&["order_type", "ot"])?.as_deref() == Some("limit");
    let price = if is_limit { row.price(&["price", "p"])? } else { None };
    Ok((price, row.qty(&["volume", "v"])?))
}

/// Fees are paid in the quote currency, which the code names first.
fn fill(row: &Object<'_>, symbol: &str) -> Result<VenueFill, DecodeError> {
    let fee_raw = row.amount(&["trade_fee", "tf"])?;
    let quote = symbol.split_once('-').filter(|_| fee_raw.is_some()).map(|(quote, _)| quote);
    Ok(VenueFill {
        trade_id: need(row.text(&["trade_uuid", "tuid"])?)?,
        price: need(row.price(&["price", "p"])?)?,
        qty: need(row.qty(&["volume", "v"])?)?,
        fee_raw,
        fee_asset: quote.unwrap_or_default().to_owned(),
        is_maker: row.flag(&["is_maker", "im"])?,
    })
}
