//! The ledger of a venue as JSON: the truth that a client's own books are compared with.

use serde_json::Value;
use serde_json::json;

use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::OrderKind;
use crate::sim::exchange::order::SimFill;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;
use crate::types::ids::Asset;
use crate::types::units::Plain;
use crate::types::units::SCALE;

/// Orders, fills and balances of every account; fees; and whether all of it adds up. Numbers are
/// decimal text, times ms since 1970.
pub fn ledger(exchange: &Exchange) -> Value {
    let order = |order| order_json(exchange, order);
    let sums = |rows: &mut dyn Iterator<Item = (Asset, i128)>| -> Value {
        rows.map(|(asset, raw)| (asset.to_string(), Value::from(wide(raw)))).collect()
    };
    let accounts = exchange.accounts().iter().map(|account| {
        let balances = exchange.balances(account.id).into_iter().map(|(asset, free, locked)| {
            json!({"asset": asset.as_str(), "free": plain(free), "locked": plain(locked)})
        });
        json!({
            "account": account.id.0,
            "key": account.key,
            "balances": balances.collect::<Vec<_>>(),
        })
    });
    json!({
        "venue": exchange.venue().name(),
        "accounts": accounts.collect::<Vec<_>>(),
        "orders": exchange.all_orders().map(order).collect::<Vec<_>>(),
        "orders_forgotten": exchange.forgotten(),
        "fees": sums(&mut exchange.ledger().fees()),
        "deposits": sums(&mut exchange.ledger().deposits()),
        "conserved": exchange.ledger().broken().is_empty(),
    })
}

fn order_json(exchange: &Exchange, order: &SimOrder) -> Value {
    let (price, qty, value) = match order.order.kind {
        OrderKind::Limit { price, qty } => (Some(price.raw()), Some(qty.raw()), None),
        OrderKind::MarketQty(qty) => (None, Some(qty.raw()), None),
        OrderKind::MarketValue { raw } => (None, None, Some(raw)),
        OrderKind::Best { qty, value_raw } => (None, qty.map(|qty| qty.raw()), value_raw),
    };
    json!({
        "id": order.id,
        "account": order.order.account.0,
        "client_id": order.order.client_id,
        "instrument": exchange.instruments()[order.order.instrument].name.as_str(),
        "side": order.order.side.name(),
        "price": price.map(plain),
        "qty": qty.map(plain),
        "value": value.map(plain),
        "state": state_name(order.state),
        "filled": order.filled.to_string(),
        "filled_value": plain(order.filled_value_raw),
        "locked": plain(order.locked_raw),
        "placed_at_ms": order.placed_at_ms,
        "changed_at_ms": order.changed_at_ms,
        "fills": order.fills.iter().map(fill_json).collect::<Vec<_>>(),
    })
}

fn fill_json(fill: &SimFill) -> Value {
    json!({
        "trade_id": fill.trade_id,
        "price": fill.price.to_string(),
        "qty": fill.qty.to_string(),
        "fee": plain(fill.fee_raw),
        "fee_asset": fill.fee_asset.as_str(),
        "is_maker": fill.is_maker,
        "at_ms": fill.at_ms,
    })
}

const fn state_name(state: SimState) -> &'static str {
    match state {
        SimState::Open => "open",
        SimState::Partly => "partly_filled",
        SimState::Filled => "filled",
        SimState::Cancelled => "cancelled",
        SimState::Expired => "expired",
    }
}

fn plain(raw: i64) -> String {
    Plain(raw).to_string()
}

/// A sum over accounts may be wider than one amount.
fn wide(raw: i128) -> String {
    match i64::try_from(raw) {
        Ok(raw) => plain(raw),
        Err(_) => format!("{}", raw / i128::from(SCALE)),
    }
}
