//! Orders, matches and balances as Bybit shows them, over REST and on its sockets. Pure.

use crate::sim::dialect::bybit::auth::Denied;
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
const FIRST_ID: u64 = 1_321_000_000_000_000_000;

/// The venue's id of an order.
pub fn order_id(id: u64) -> String {
    FIRST_ID.wrapping_add(id).to_string()
}

/// The order that such an id names.
pub fn id_of(text: &str) -> Option<u64> {
    text.parse::<u64>().ok()?.checked_sub(FIRST_ID)
}

/// `Buy` or `Sell`.
pub const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "Buy",
        Side::Sell => "Sell",
    }
}

/// The venue's name of a state. A partly filled order that ends has a state of its own.
pub fn status(order: &SimOrder) -> &'static str {
    let is_whole = totals::qty_of(order).is_some_and(|qty| qty == order.filled);
    match order.state {
        SimState::Open => "New",
        SimState::Partly if is_whole => "Filled",
        SimState::Partly => "PartiallyFilled",
        SimState::Filled => "Filled",
        SimState::Cancelled | SimState::Expired if order.filled.is_zero() => "Cancelled",
        SimState::Cancelled | SimState::Expired => "PartiallyFilledCanceled",
    }
}

const fn is_limit(order: &SimOrder) -> bool {
    matches!(order.order.kind, OrderKind::Limit { .. })
}

fn own_id(order: &SimOrder) -> &str {
    order.order.client_id.as_deref().unwrap_or_default()
}

/// An order, as REST and the topic `order` show it.
pub fn order(symbol: &str, order: &SimOrder) -> String {
    let price = totals::price_of(order).map_or(0, |price| price.raw());
    let ordered = totals::qty_of(order).map(|qty| qty.raw()).or(totals::value_of(order));
    let is_limit = is_limit(order);
    let tif = match order.order.tif {
        Tif::Gtc if is_limit => "GTC",
        Tif::PostOnly => "PostOnly",
        Tif::Fok => "FOK",
        _ => "IOC",
    };
    let unit = if totals::value_of(order).is_some() { "quoteCoin" } else { "baseCoin" };
    let cancel = if order.state == SimState::Cancelled { "CancelByUser" } else { "UNKNOWN" };
    let head = Obj::new()
        .text("category", "spot")
        .text("symbol", symbol)
        .text("orderId", order_id(order.id))
        .text("orderLinkId", own_id(order))
        .text("blockTradeId", "")
        .text("side", side_name(order.order.side))
        .raw("positionIdx", 0)
        .text("orderStatus", status(order))
        .text("cancelType", cancel)
        .text("rejectReason", "EC_NoError")
        .text("timeInForce", tif)
        .text("isLeverage", 0)
        .text("price", plain(price))
        .text("qty", plain(ordered.unwrap_or(0)))
        .text("marketUnit", if is_limit { "" } else { unit });
    matched(head, order)
        .text("orderType", if is_limit { "Limit" } else { "Market" })
        .text("stopOrderType", "")
        .text("triggerPrice", "0")
        .raw("reduceOnly", false)
        .raw("closeOnTrigger", false)
        .text("smpType", "None")
        .raw("smpGroup", 0)
        .text("smpOrderId", "")
        .text("placeType", "")
        .text("createdTime", order.placed_at_ms)
        .text("updatedTime", order.changed_at_ms)
        .end()
}

/// What was matched of it, what is left, and what it cost.
fn matched(to: Obj, order: &SimOrder) -> Obj {
    let is_whole = totals::qty_of(order).is_some_and(|qty| qty == order.filled);
    let is_over = is_whole || !order.state.is_open();
    let left = totals::left_of(order);
    let left_value = totals::price_of(order).map_or(0, |price| totals::value_raw(price, left));
    let shown = |raw: i64| plain(if is_over { 0 } else { raw });
    let fees = plain(totals::paid_fee_raw(order));
    let coin = order.fills.first().map(|fill| fill.fee_asset).unwrap_or_default();
    let detail = if coin.is_empty() { Obj::new() } else { Obj::new().text(&coin, &fees) };
    to.text("avgPrice", plain(totals::average_raw(order)))
        .text("leavesQty", shown(left.raw()))
        .text("leavesValue", shown(left_value))
        .text("cumExecQty", plain(order.filled.raw()))
        .text("cumExecValue", plain(order.filled_value_raw))
        .text("cumExecFee", &fees)
        .text("feeCurrency", coin)
        .raw("cumFeeDetail", detail.end())
}

/// A match, as REST and the topic `execution` show it.
pub fn execution(symbol: &str, of: (&SimOrder, &SimFill), fee_ppm: i64) -> String {
    let (order, fill) = of;
    let price = totals::price_of(order).map_or(0, |price| price.raw());
    Obj::new()
        .text("category", "spot")
        .text("symbol", symbol)
        .text("closedSize", "")
        .text("execFee", plain(fill.fee_raw))
        .text("execId", format!("22{:017}", fill.trade_id))
        .text("execPrice", plain(fill.price.raw()))
        .text("execQty", plain(fill.qty.raw()))
        .text("execType", "Trade")
        .text("execValue", plain(totals::value_raw(fill.price, fill.qty)))
        .text("feeRate", plain(fee_ppm * 100))
        .text("leavesQty", plain(totals::left_of(order).raw()))
        .text("orderId", order_id(order.id))
        .text("orderLinkId", own_id(order))
        .text("orderPrice", plain(price))
        .text("orderQty", plain(totals::qty_of(order).map_or(0, |qty| qty.raw())))
        .text("orderType", if is_limit(order) { "Limit" } else { "Market" })
        .text("stopOrderType", "")
        .text("side", side_name(order.order.side))
        .text("execTime", fill.at_ms)
        .text("isLeverage", 0)
        .raw("isMaker", fill.is_maker)
        .raw("seq", fill.trade_id)
        .text("feeCurrency", fill.fee_asset)
        .end()
}

/// The wallet with these coins: free and locked, raw.
pub fn wallet(balances: &[(Asset, i64, i64)]) -> String {
    let coins = balances.iter().map(|(asset, free, locked)| {
        let total = plain(free.saturating_add(*locked));
        Obj::new()
            .text("coin", asset)
            .text("equity", &total)
            .text("usdValue", "0")
            .text("walletBalance", &total)
            .text("availableToWithdraw", plain(*free))
            .text("availableToBorrow", "")
            .text("borrowAmount", "0")
            .text("accruedInterest", "0")
            .text("totalOrderIM", "0")
            .text("totalPositionIM", "0")
            .text("unrealisedPnl", "0")
            .text("cumRealisedPnl", "0")
            .text("bonus", "0")
            .raw("collateralSwitch", true)
            .raw("marginCollateral", true)
            .text("locked", plain(*locked))
            .text("spotHedgingQty", "0")
            .text("spotBorrow", "0")
            .end()
    });
    Obj::new()
        .text("accountType", "UNIFIED")
        .text("accountLTV", "0")
        .text("accountIMRate", "0")
        .text("accountMMRate", "0")
        .text("totalEquity", "0")
        .text("totalWalletBalance", "0")
        .text("totalMarginBalance", "0")
        .text("totalAvailableBalance", "0")
        .text("totalPerpUPL", "0")
        .text("totalInitialMargin", "0")
        .text("totalMaintenanceMargin", "0")
        .raw("coin", list(coins))
        .end()
}

/// Fees of a symbol.
pub fn fee_rate(symbol: &str, instrument: &Instrument) -> String {
    let rate = plain(instrument.fee.get() * 100);
    Obj::new().text("symbol", symbol).text("takerFeeRate", &rate).text("makerFeeRate", &rate).end()
}

/// Why an order was not taken or not cancelled.
pub fn refused(why: Refused) -> Denied {
    let (code, text) = match why {
        Refused::NoInstrument => (170121, "Invalid symbol."),
        Refused::Halted => (170157, "Current trading is not available."),
        Refused::Tick => (170134, "Order price decimal too long."),
        Refused::Lot => (170137, "Order volume decimal too long."),
        Refused::MinValue => (170140, "Order value exceeded lower limit"),
        Refused::MaxValue => (170124, "Order amount too large."),
        Refused::Balance { .. } => (170131, "Balance insufficient"),
        Refused::DuplicateId => (170141, "Duplicate clientOrderId"),
        Refused::WouldTake => (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
        Refused::TooManyOpen => (170222, "Too many requests in this time frame."),
        Refused::NoOrder => (170213, "Order does not exist."),
        Refused::Over => (170142, "Order has been canceled."),
    };
    (code, text.to_owned())
}
