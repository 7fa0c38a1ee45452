//! Sums over a simulated order that its venue tells. Pure.

use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::limits;
use crate::sim::exchange::order::OrderKind;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;
use crate::types::market::BuyFee;
use crate::types::market::Instrument;
use crate::types::market::Side;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::SCALE;
use crate::types::units::mul_div;

/// Value of a quantity at a price, quote × 10⁻⁸, rounded up; the end of the range if beyond it.
pub fn value_raw(price: Price, qty: Qty) -> i64 {
    price.times::<()>(qty, Round::Up).map_or(i64::MAX, |value| value.raw())
}

/// The fee of a value, rounded up.
pub fn fee_raw(value_raw: i64, instrument: &Instrument) -> i64 {
    mul_div(value_raw, instrument.fee.get(), Ppm::ONE.get(), Round::Up).unwrap_or(0)
}

/// Fees paid so far, whatever their coin.
pub fn paid_fee_raw(order: &SimOrder) -> i64 {
    order.fills.iter().map(|fill| fill.fee_raw).sum()
}

/// Ordered quantity; `None` for an order by value.
pub const fn qty_of(order: &SimOrder) -> Option<Qty> {
    match order.order.kind {
        OrderKind::Limit { qty, .. } | OrderKind::MarketQty(qty) => Some(qty),
        OrderKind::Best { qty, .. } => qty,
        OrderKind::MarketValue { .. } => None,
    }
}

/// Limit price; `None` for an order without one.
pub const fn price_of(order: &SimOrder) -> Option<Price> {
    match order.order.kind {
        OrderKind::Limit { price, .. } => Some(price),
        _ => None,
    }
}

/// Ordered value; `None` for an order by quantity.
pub const fn value_of(order: &SimOrder) -> Option<i64> {
    match order.order.kind {
        OrderKind::MarketValue { raw } => Some(raw),
        OrderKind::Best { value_raw, .. } => value_raw,
        _ => None,
    }
}

/// What is not filled; zero for an order by value.
pub fn left_of(order: &SimOrder) -> Qty {
    qty_of(order).map_or(Qty::ZERO, |qty| qty.minus(order.filled))
}

/// Average price of its fills, raw; 0 without one.
pub fn average_raw(order: &SimOrder) -> i64 {
    mul_div(order.filled_value_raw, SCALE, order.filled.raw(), Round::Down).unwrap_or(0)
}

/// The fee that was set aside for the whole order, where buys pay in quote.
pub fn reserved_fee_raw(order: &SimOrder, instrument: &Instrument) -> i64 {
    let value = match (price_of(order), qty_of(order)) {
        (Some(price), Some(qty)) => value_raw(price, qty),
        _ => value_of(order).unwrap_or(0),
    };
    fee_raw(value, instrument)
}

/// The order as it stood the moment after it was taken: nothing matched, everything locked.
pub fn as_placed(order: &SimOrder, exchange: &Exchange) -> SimOrder {
    let mut fresh = order.clone();
    fresh.state = SimState::Open;
    fresh.filled = Qty::ZERO;
    fresh.filled_value_raw = 0;
    fresh.fills.clear();
    fresh.changed_at_ms = order.placed_at_ms;
    let instrument = &exchange.instruments()[order.order.instrument];
    let quantity = qty_of(order).unwrap_or_default();
    fresh.locked_raw = match (order.order.side, price_of(order)) {
        (Side::Sell, _) => quantity.raw(),
        (Side::Buy, Some(price)) => {
            let value = value_raw(price, quantity);
            let fee = match instrument.buy_fee {
                BuyFee::Quote => fee_raw(value, instrument),
                BuyFee::Base => 0,
            };
            value.saturating_add(fee).saturating_add(limits::extra_lock_raw(instrument.venue))
        }
        (Side::Buy, None) => {
            let value = value_of(order).unwrap_or(0);
            value.saturating_add(fee_raw(value, instrument))
        }
    };
    fresh
}
