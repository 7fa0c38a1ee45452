//! Orders, matches and balances as Binance shows them. Pure.

use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::binance::frames::number;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
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
use crate::types::units::Qty;

/// `BUY` or `SELL`.
pub const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// The venue's name of a kind of order.
pub const fn type_name(order: &SimOrder) -> &'static str {
    match (order.order.kind, order.order.tif) {
        (OrderKind::Limit { .. }, Tif::PostOnly) => "LIMIT_MAKER",
        (OrderKind::Limit { .. }, _) => "LIMIT",
        _ => "MARKET",
    }
}

/// The venue's name of how long an order stands.
pub const fn tif_name(order: &SimOrder) -> &'static str {
    match (order.order.kind, order.order.tif) {
        (OrderKind::Limit { .. }, Tif::Ioc) => "IOC",
        (OrderKind::Limit { .. }, Tif::Fok) => "FOK",
        _ => "GTC",
    }
}

/// The venue's name of a state. An order by value that has only dust left is filled.
pub fn status(order: &SimOrder) -> &'static str {
    let is_by_value = matches!(order.order.kind, OrderKind::MarketValue { .. });
    let is_whole = totals::qty_of(order).is_some_and(|qty| qty == order.filled);
    match order.state {
        SimState::Open => "NEW",
        SimState::Partly if is_whole => "FILLED",
        SimState::Partly => "PARTIALLY_FILLED",
        SimState::Filled => "FILLED",
        SimState::Expired if is_by_value && !order.filled.is_zero() => "FILLED",
        SimState::Cancelled => "CANCELED",
        SimState::Expired => "EXPIRED",
    }
}

/// The client's id of an order.
pub fn own_id(order: &SimOrder) -> &str {
    order.order.client_id.as_deref().unwrap_or_default()
}

/// The quantity that is shown: of an order by value what was filled.
pub fn shown_qty(order: &SimOrder) -> Qty {
    totals::qty_of(order).unwrap_or(order.filled)
}

/// Price to way, as most answers have it.
fn middle(to: Obj, order: &SimOrder) -> Obj {
    let price = totals::price_of(order).map_or(0, |price| price.raw());
    to.text("price", number(price))
        .text("origQty", number(shown_qty(order).raw()))
        .text("executedQty", number(order.filled.raw()))
        .text("origQuoteOrderQty", number(totals::value_of(order).unwrap_or(0)))
        .text("cummulativeQuoteQty", number(order.filled_value_raw))
        .text("status", status(order))
        .text("timeInForce", tif_name(order))
        .text("type", type_name(order))
        .text("side", side_name(order.order.side))
}

/// The answer to a new order: `ACK`, `RESULT` or `FULL`.
pub fn placed(symbol: &str, order: &SimOrder, detail: &str) -> String {
    let head = Obj::new()
        .text("symbol", symbol)
        .raw("orderId", order.id)
        .raw("orderListId", -1)
        .text("clientOrderId", own_id(order))
        .raw("transactTime", order.changed_at_ms);
    if detail == "ACK" {
        return head.end();
    }
    let body = middle(head, order).raw("workingTime", order.placed_at_ms);
    let body = match detail {
        "FULL" => body.raw("fills", list(order.fills.iter().map(fill))),
        _ => body,
    };
    body.text("selfTradePreventionMode", "EXPIRE_MAKER").end()
}

fn fill(fill: &SimFill) -> String {
    Obj::new()
        .text("price", number(fill.price.raw()))
        .text("qty", number(fill.qty.raw()))
        .text("commission", number(fill.fee_raw))
        .text("commissionAsset", fill.fee_asset)
        .raw("tradeId", fill.trade_id)
        .end()
}

/// The answer to a cancel: its own id beside that of the order.
pub fn cancelled(symbol: &str, order: &SimOrder, own: &str) -> String {
    let head = Obj::new()
        .text("symbol", symbol)
        .text("origClientOrderId", own_id(order))
        .raw("orderId", order.id)
        .raw("orderListId", -1)
        .text("clientOrderId", own)
        .raw("transactTime", order.changed_at_ms);
    middle(head, order).text("selfTradePreventionMode", "EXPIRE_MAKER").end()
}

/// An order that was asked for.
pub fn found(symbol: &str, order: &SimOrder) -> String {
    let head = Obj::new()
        .text("symbol", symbol)
        .raw("orderId", order.id)
        .raw("orderListId", -1)
        .text("clientOrderId", own_id(order));
    middle(head, order)
        .text("stopPrice", number(0))
        .text("icebergQty", number(0))
        .raw("time", order.placed_at_ms)
        .raw("updateTime", order.changed_at_ms)
        .raw("isWorking", true)
        .raw("workingTime", order.placed_at_ms)
        .text("selfTradePreventionMode", "EXPIRE_MAKER")
        .end()
}

/// A match that was asked for.
pub fn trade(symbol: &str, order: &SimOrder, fill: &SimFill) -> String {
    Obj::new()
        .text("symbol", symbol)
        .raw("id", fill.trade_id)
        .raw("orderId", order.id)
        .raw("orderListId", -1)
        .text("price", number(fill.price.raw()))
        .text("qty", number(fill.qty.raw()))
        .text("quoteQty", number(totals::value_raw(fill.price, fill.qty)))
        .text("commission", number(fill.fee_raw))
        .text("commissionAsset", fill.fee_asset)
        .raw("time", fill.at_ms)
        .raw("isBuyer", order.order.side == Side::Buy)
        .raw("isMaker", fill.is_maker)
        .raw("isBestMatch", true)
        .end()
}

/// The account with its balances.
pub fn account(balances: &[(Asset, i64, i64)], fee_raw: i64, now_ms: u64) -> String {
    let rows = balances.iter().map(|(asset, free, locked)| {
        Obj::new()
            .text("asset", asset)
            .text("free", number(*free))
            .text("locked", number(*locked))
            .end()
    });
    let points = fee_raw / 10_000;
    let rates = Obj::new()
        .text("maker", number(fee_raw))
        .text("taker", number(fee_raw))
        .text("buyer", number(0))
        .text("seller", number(0));
    Obj::new()
        .raw("makerCommission", points)
        .raw("takerCommission", points)
        .raw("buyerCommission", 0)
        .raw("sellerCommission", 0)
        .raw("commissionRates", rates.end())
        .raw("canTrade", true)
        .raw("canWithdraw", true)
        .raw("canDeposit", true)
        .raw("brokered", false)
        .raw("requireSelfTradePrevention", false)
        .raw("preventSor", false)
        .raw("updateTime", now_ms)
        .text("accountType", "SPOT")
        .raw("balances", list(rows))
        .raw("permissions", "[\"SPOT\"]")
        .raw("uid", 354_937_868)
        .end()
}

/// Fees of a symbol.
pub fn commission(symbol: &str, instrument: &Instrument) -> String {
    let fee = number(instrument.fee.get() * 100);
    let rates = |fee: &str| {
        Obj::new()
            .text("maker", fee)
            .text("taker", fee)
            .text("buyer", number(0))
            .text("seller", number(0))
            .end()
    };
    let discount = Obj::new()
        .raw("enabledForAccount", false)
        .raw("enabledForSymbol", false)
        .text("discountAsset", "BNB")
        .text("discount", "0.75000000");
    Obj::new()
        .text("symbol", symbol)
        .raw("standardCommission", rates(&fee))
        .raw("specialCommission", rates(&number(0)))
        .raw("taxCommission", rates(&number(0)))
        .raw("discount", discount.end())
        .end()
}

/// Why an order was not taken or not cancelled.
pub fn refused(why: Refused) -> Answer {
    let (code, text) = match why {
        Refused::NoInstrument => (-1121, "Invalid symbol."),
        Refused::Halted => (-2010, "Market is closed."),
        Refused::Tick => (-1013, "Filter failure: PRICE_FILTER"),
        Refused::Lot => (-1013, "Filter failure: LOT_SIZE"),
        Refused::MinValue | Refused::MaxValue => (-1013, "Filter failure: NOTIONAL"),
        Refused::TooManyOpen => (-1013, "Filter failure: MAX_NUM_ORDERS"),
        Refused::Balance { .. } => {
            (-2010, "Account has insufficient balance for requested action.")
        }
        Refused::DuplicateId => (-2010, "Duplicate order sent."),
        Refused::WouldTake => (-2010, "Order would immediately match and take."),
        Refused::NoOrder | Refused::Over => (-2011, "Unknown order sent."),
    };
    Answer::coded(400, code, text)
}
