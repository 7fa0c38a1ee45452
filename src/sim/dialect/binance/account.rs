//! Events of the user stream of Binance. Pure.

use crate::sim::dialect::binance::desk::Desk;
use crate::sim::dialect::binance::frames::number;
use crate::sim::dialect::binance::orders;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::totals;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::exchange::order::SimFill;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;

/// What an execution report is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Execution<'a> {
    /// The order was taken.
    New,
    /// It matched.
    Trade(&'a SimFill),
    /// It was cancelled, by a cancel of this id.
    Canceled(&'a str),
    /// The venue ended it.
    Expired,
}

/// An execution report. Status `X` is that of the order; the id `c` of a cancel is its own.
pub fn report(symbol: &str, order: &SimOrder, what: Execution<'_>, now_ms: u64) -> String {
    let kind = match what {
        Execution::New => "NEW",
        Execution::Trade(_) => "TRADE",
        Execution::Canceled(_) => "CANCELED",
        Execution::Expired => "EXPIRED",
    };
    let own = orders::own_id(order);
    let (id, original) = match what {
        Execution::Canceled(cancel) => (cancel, own),
        _ => (own, ""),
    };
    let fill = match what {
        Execution::Trade(fill) => Some(fill),
        _ => None,
    };
    let price = totals::price_of(order).map_or(0, |price| price.raw());
    let head = Obj::new()
        .text("e", "executionReport")
        .raw("E", now_ms)
        .text("s", symbol)
        .text("c", id)
        .text("S", orders::side_name(order.order.side))
        .text("o", orders::type_name(order))
        .text("f", orders::tif_name(order))
        .text("q", number(orders::shown_qty(order).raw()))
        .text("p", number(price))
        .text("P", number(0))
        .text("F", number(0))
        .raw("g", -1)
        .text("C", original)
        .text("x", kind)
        .text("X", orders::status(order))
        .text("r", "NONE")
        .raw("i", order.id);
    let tail = tail(fill, head, order)
        .raw("O", order.placed_at_ms)
        .text("Z", number(order.filled_value_raw))
        .text("Y", number(fill.map_or(0, |fill| totals::value_raw(fill.price, fill.qty))))
        .text("Q", number(totals::value_of(order).unwrap_or(0)))
        .raw("W", order.placed_at_ms)
        .text("V", "EXPIRE_MAKER");
    match (what, order.state) {
        (Execution::Expired, SimState::Expired) => tail.text("eR", expiry(order)).end(),
        _ => tail.end(),
    }
}

/// The fields about a match; without one they are empty.
fn tail(fill: Option<&SimFill>, to: Obj, order: &SimOrder) -> Obj {
    let raw = |pick: fn(&SimFill) -> i64| number(fill.map_or(0, pick));
    let to = to
        .text("l", raw(|fill| fill.qty.raw()))
        .text("z", number(order.filled.raw()))
        .text("L", raw(|fill| fill.price.raw()));
    let to = match fill {
        Some(fill) => to.text("n", number(fill.fee_raw)).text("N", fill.fee_asset),
        None => to.text("n", "0").raw("N", "null"),
    };
    let (trade_id, is_maker) = fill.map_or((-1, false), |fill| {
        (i64::try_from(fill.trade_id).unwrap_or(i64::MAX), fill.is_maker)
    });
    let execution = fill.map_or(order.id * 3, |fill| fill.trade_id * 3 + 1);
    to.raw("T", fill.map_or(order.changed_at_ms, |fill| fill.at_ms))
        .raw("t", trade_id)
        .raw("I", execution)
        .raw("w", order.state.is_open() && fill.is_none())
        .raw("m", is_maker)
        .raw("M", fill.is_some())
}

fn expiry(order: &SimOrder) -> &'static str {
    match orders::tif_name(order) {
        "FOK" => "UNFILLED_FOK_ORDER_EXPIRED",
        "IOC" => "UNFILLED_IOC_QUANTITY_EXPIRED",
        _ => "INSUFFICIENT_LIQUIDITY",
    }
}

/// A balance that changed: free, then locked, raw.
pub fn position(asset: &str, of: (i64, i64), now_ms: u64) -> String {
    let row = Obj::new().text("a", asset).text("f", number(of.0)).text("l", number(of.1)).end();
    Obj::new()
        .text("e", "outboundAccountPosition")
        .raw("E", now_ms)
        .raw("u", now_ms)
        .raw("B", list([row]))
        .end()
}

/// An event of a subscription.
pub fn framed(subscription: u64, event: &str) -> String {
    Obj::new().raw("subscriptionId", subscription).raw("event", event).end()
}

/// The events that something on an account comes to. The last match of an order by value waits in
/// `held` until it is known whether it filled the order.
pub fn events(
    held: &mut Option<(SimOrder, SimFill)>,
    event: &AccountEvent,
    at: (&Codes, u64),
    desk: &Desk,
) -> Vec<String> {
    let (codes, now_ms) = at;
    let told = |order: &SimOrder, what: Execution<'_>| {
        report(codes.symbol(order.order.instrument), order, what, now_ms)
    };
    match event {
        AccountEvent::Placed(order) => vec![told(order, Execution::New)],
        AccountEvent::Filled(order, fill) if totals::qty_of(order).is_none() => {
            let before = held.replace((order.clone(), *fill));
            before.iter().map(|(order, fill)| told(order, Execution::Trade(fill))).collect()
        }
        AccountEvent::Filled(order, fill) => vec![told(order, Execution::Trade(fill))],
        AccountEvent::Done(order) => {
            let is_filled = orders::status(order) == "FILLED";
            let last = held.take().map(|(before, fill)| {
                told(if is_filled { order } else { &before }, Execution::Trade(&fill))
            });
            let end = match order.state {
                _ if is_filled => None,
                SimState::Cancelled => {
                    Some(told(order, Execution::Canceled(desk.cancel_id(order.id))))
                }
                _ => Some(told(order, Execution::Expired)),
            };
            last.into_iter().chain(end).collect()
        }
        AccountEvent::Balance { asset, free_raw, locked_raw } => {
            vec![position(asset, (*free_raw, *locked_raw), now_ms)]
        }
    }
}
