//! Bithumb's private stream v2 and the answers to its requests, v1 and v2 (`VENUES.md` 3).
//!
//! `myOrder` names the order and the match with keys of their own, so both are always told. The
//! side is `buy` or `sell` here and `bid` or `ask` in answers. Fees are told for the whole order
//! only.

use crate::venue::DecodeError;
use crate::venue::bithumb::rules::KRW_TICKS;
use crate::venue::krw::account::Matched;
use crate::venue::krw::account::side;
use crate::venue::krw::account::state;
use crate::venue::krw::object::Object;
use crate::venue::krw::object::need;
use crate::venue::krw::private::KrwPrivate;
use crate::venue::private::OrderUpdate;
use crate::venue::private::VenueFill;

/// Bithumb's private messages.
pub const PRIVATE: KrwPrivate = KrwPrivate { order, krw_ticks: &KRW_TICKS };

fn order(row: &Object<'_>) -> Result<OrderUpdate, DecodeError> {
    let word = need(row.text(&["state", "s"])?)?;
    let filled = row.qty(&["executed_quantity", "eq"])?;
    let matched = Matched { filled, remaining: row.qty(&["remaining_quantity", "rq"])? };
    let is_limit = row.text(&["order_type", "ot"])?.as_deref() == Some("limit");
    Ok(OrderUpdate {
        symbol: need(row.text(&["code", "cd"])?)?,
        venue_order_id: need(row.text(&["order_id", "oid"])?)?,
        client_order_id: row.text(&["client_order_id", "coid", "cnoid"])?,
        side: Some(need(side(row.text(&["side", "sd"])?)?)?),
        state: state(&word, matched)?,
        price: if is_limit { row.price(&["order_price", "op"])? } else { None },
        qty: row.qty(&["order_quantity", "oq"])?,
        filled,
        filled_value_raw: row.amount(&["executed_amount", "ea"])?,
        fill: if word == "trade" { Some(fill(row)?) } else { None },
        venue_ts_ms: need(row.whole(&["timestamp", "tms"])?)?,
    })
}

fn fill(row: &Object<'_>) -> Result<VenueFill, DecodeError> {
    Ok(VenueFill {
        trade_id: need(row.text(&["trade_id", "tid"])?)?,
        price: need(row.price(&["trade_price", "tp"])?)?,
        qty: need(row.qty(&["trade_quantity", "tq"])?)?,
        fee_raw: None,
        fee_asset: String::new(),
        is_maker: None,
    })
}
