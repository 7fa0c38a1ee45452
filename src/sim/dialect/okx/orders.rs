//! Orders, matches and balances as OKX shows them, over REST and on its sockets. Pure.

use crate::sim::dialect::okx::auth::Denied;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::totals;
use crate::sim::exchange::order::OrderKind;
use crate::sim::exchange::order::Refused;
use crate::sim::exchange::order::SimFill;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;
use crate::sim::exchange::order::Tif;
use crate::types::ids::Asset;
use crate::types::market::Instrument;
use crate::types::market::Side;

/// The venue's number of its first order.
const FIRST_ID: u64 = 680_800_000_000_000_000;

/// The venue's id of an order.
pub fn order_id(id: u64) -> String {
    FIRST_ID.wrapping_add(id).to_string()
}

/// The order that such an id names.
pub fn id_of(text: &str) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_sub(FIRST_ID)
}

/// The venue's name of a kind of order.
pub const fn type_name(order: &SimOrder) -> &'static str {
    match (order.order.kind, order.order.tif) {
        (OrderKind::Limit { .. }, Tif::Gtc) => "limit",
        (OrderKind::Limit { .. }, Tif::Ioc) => "ioc",
        (OrderKind::Limit { .. }, Tif::Fok) => "fok",
        (OrderKind::Limit { .. }, Tif::PostOnly) => "post_only",
        _ => "market",
    }
}

/// The venue's name of a state. An order by value that has only dust left is filled.
pub fn state_name(order: &SimOrder) -> &'static str {
    let is_by_value = totals::value_of(order).is_some();
    let is_whole = totals::qty_of(order).is_some_and(|qty| qty == order.filled);
    match order.state {
        SimState::Open => "live",
        SimState::Partly if is_whole => "filled",
        SimState::Partly => "partially_filled",
        SimState::Filled => "filled",
        SimState::Expired if is_by_value && !order.filled.is_zero() => "filled",
        SimState::Cancelled | SimState::Expired => "canceled",
    }
}

/// The client's id of an order.
pub fn own_id(order: &SimOrder) -> &str {
    order.order.client_id.as_deref().unwrap_or_default()
}

/// What else a push of the channel `orders` tells.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// Over REST: the last match.
    Rest,
    /// A push about this match, or about none.
    Push(Option<&'a SimFill>),
}

/// An order. Fees are negative: we pay.
pub fn order(of: (&SimOrder, &str), instrument: &Instrument, shown: Shown<'_>) -> String {
    let (order, symbol) = of;
    let fill = match shown {
        Shown::Rest => order.fills.last(),
        Shown::Push(fill) => fill,
    };
    let fee_coin = fee_coin(order, instrument);
    let size = totals::qty_of(order).map(|qty| qty.raw()).or(totals::value_of(order)).unwrap_or(0);
    let price = totals::price_of(order).map_or_else(String::new, |price| plain(price.raw()));
    let source = if order.state == SimState::Cancelled { "1" } else { "" };
    let head = Obj::new()
        .text("accFillSz", plain(order.filled.raw()))
        .text("algoClOrdId", "")
        .text("algoId", "")
        .text("avgPx", average(order))
        .text("cTime", order.placed_at_ms)
        .text("cancelSource", source)
        .text("category", "normal")
        .text("ccy", "")
        .text("clOrdId", own_id(order))
        .text("fee", plain(-totals::paid_fee_raw(order)))
        .text("feeCcy", &fee_coin);
    let tail = last_match(head, fill)
        .text("instId", symbol)
        .text("instType", "SPOT")
        .text("lever", "")
        .text("ordId", order_id(order.id))
        .text("ordType", type_name(order))
        .text("pnl", "0")
        .text("posSide", "net")
        .text("px", price)
        .text("rebate", "0")
        .text("rebateCcy", instrument.quote.code())
        .text("reduceOnly", "false")
        .text("side", order.order.side.name())
        .text("source", "")
        .text("state", state_name(order))
        .text("sz", plain(size))
        .text("tag", "")
        .text("tdMode", "cash")
        .text("tgtCcy", unit_of(order))
        .text("uTime", order.changed_at_ms);
    match shown {
        Shown::Rest => tail.end(),
        Shown::Push(fill) => pushed(tail, fill, &fee_coin).end(),
    }
}

/// The coin in which the order pays its fees.
fn fee_coin(order: &SimOrder, instrument: &Instrument) -> String {
    match (order.fills.first(), order.order.side) {
        (Some(fill), _) => fill.fee_asset.to_string(),
        (None, Side::Buy) => instrument.base.to_string(),
        (None, Side::Sell) => instrument.quote.code().to_owned(),
    }
}

/// In which coin the size of a market order is meant.
const fn unit_of(order: &SimOrder) -> &'static str {
    match (order.order.kind, totals::value_of(order)) {
        (OrderKind::Limit { .. }, _) => "",
        (_, Some(_)) => "quote_ccy",
        (_, None) => "base_ccy",
    }
}

/// Average price; empty before the first match.
fn average(order: &SimOrder) -> String {
    match order.filled.is_zero() {
        true => String::new(),
        false => plain(totals::average_raw(order)),
    }
}

/// The fields of one match; without one they are empty.
fn last_match(to: Obj, fill: Option<&SimFill>) -> Obj {
    let text = |pick: fn(&SimFill) -> String| fill.map_or_else(String::new, pick);
    to.text("fillPx", text(|fill| plain(fill.price.raw())))
        .text("fillSz", fill.map_or_else(|| "0".to_owned(), |fill| plain(fill.qty.raw())))
        .text("fillTime", text(|fill| fill.at_ms.to_string()))
        .text("tradeId", text(|fill| fill.trade_id.to_string()))
}

/// What a push has beyond the answer to a request.
fn pushed(to: Obj, fill: Option<&SimFill>, fee_coin: &str) -> Obj {
    let role = fill.map_or("", |fill| if fill.is_maker { "M" } else { "T" });
    to.text("amendResult", "")
        .text("code", "0")
        .text("msg", "")
        .text("execType", role)
        .text("fillFee", plain(fill.map_or(0, |fill| -fill.fee_raw)))
        .text("fillFeeCcy", fill.map_or("", |_| fee_coin))
        .text("reqId", "")
}

/// A match over REST.
pub fn fill(of: (&SimOrder, &SimFill), symbol: &str, instrument: &Instrument) -> String {
    let (order, fill) = of;
    Obj::new()
        .text("instType", "SPOT")
        .text("instId", symbol)
        .text("tradeId", fill.trade_id)
        .text("ordId", order_id(order.id))
        .text("clOrdId", own_id(order))
        .text("billId", order_id(fill.trade_id))
        .text("subType", if order.order.side == Side::Buy { "1" } else { "2" })
        .text("tag", "")
        .text("fillPx", plain(fill.price.raw()))
        .text("fillSz", plain(fill.qty.raw()))
        .text("side", order.order.side.name())
        .text("posSide", "net")
        .text("execType", if fill.is_maker { "M" } else { "T" })
        .text("feeCcy", fill.fee_asset)
        .text("fee", plain(-fill.fee_raw))
        .text("feeRate", plain(-instrument.fee.get() * 100))
        .text("fillTime", fill.at_ms)
        .text("ts", fill.at_ms)
        .end()
}

/// A match on the channel `fills`.
pub fn fill_push(of: (&SimOrder, &SimFill), symbol: &str) -> String {
    let (order, fill) = of;
    Obj::new()
        .text("instId", symbol)
        .text("fillSz", plain(fill.qty.raw()))
        .text("fillPx", plain(fill.price.raw()))
        .text("side", order.order.side.name())
        .text("ts", fill.at_ms)
        .text("ordId", order_id(order.id))
        .text("clOrdId", own_id(order))
        .text("tradeId", fill.trade_id)
        .text("execType", if fill.is_maker { "M" } else { "T" })
        .text("count", "1")
        .end()
}

/// The account with these coins: free and locked, raw.
pub fn balance(balances: &[(Asset, i64, i64)], now_ms: u64) -> String {
    let rows = balances.iter().map(|(asset, free, locked)| {
        let total = plain(free.saturating_add(*locked));
        Obj::new()
            .text("ccy", asset)
            .text("cashBal", &total)
            .text("eq", &total)
            .text("availBal", plain(*free))
            .text("availEq", plain(*free))
            .text("frozenBal", plain(*locked))
            .text("ordFrozen", plain(*locked))
            .text("uTime", now_ms)
            .end()
    });
    Obj::new()
        .text("uTime", now_ms)
        .text("totalEq", "0")
        .text("isoEq", "0")
        .text("adjEq", "")
        .raw("details", list(rows))
        .end()
}

/// Fees, negative: we pay.
pub fn fees(instrument: &Instrument, now_ms: u64) -> String {
    let fee = plain(-instrument.fee.get() * 100);
    Obj::new()
        .text("category", "1")
        .text("instType", "SPOT")
        .text("level", "lv1")
        .text("maker", &fee)
        .text("taker", &fee)
        .text("makerU", "")
        .text("takerU", "")
        .text("ts", now_ms)
        .end()
}

/// Why an order was not taken or not cancelled.
pub fn refused(why: Refused) -> Denied {
    match why {
        Refused::NoInstrument => ("51001", "Instrument ID does not exist".to_owned()),
        Refused::Halted => ("51022", "Instrument expired or under maintenance".to_owned()),
        Refused::Tick => ("51006", "Order price is not within the price limit".to_owned()),
        Refused::Lot => ("51121", "Order quantity must be a multiple of the lot size.".to_owned()),
        Refused::MinValue => {
            let text = "Your order should meet or exceed the minimum order amount.";
            ("51020", text.to_owned())
        }
        Refused::MaxValue => ("51202", "Market order amount exceeds the maximum".to_owned()),
        Refused::Balance { asset } => {
            ("51008", format!("Order failed. Insufficient {asset} balance in account."))
        }
        Refused::DuplicateId => ("51016", "Duplicated client order ID".to_owned()),
        Refused::WouldTake => ("51019", "The order would match at once.".to_owned()),
        Refused::TooManyOpen => ("51025", "Order count exceeds the limit".to_owned()),
        Refused::NoOrder | Refused::Over => {
            let text = "Cancellation failed as the order has been filled, canceled or does not \
                        exist.";
            ("51400", text.to_owned())
        }
    }
}
