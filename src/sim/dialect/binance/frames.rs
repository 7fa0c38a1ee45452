//! Market frames of Binance. Every number has 8 decimals. Pure.

use crate::sim::dialect::binance::seat::BinanceSeat;
use crate::sim::dialect::binance::seat::Diff;
use crate::sim::dialect::binance::seat::Manner;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::decimals;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::tape::Deal;
use crate::sim::exchange::book::SimBook;
use crate::types::market::Level;
use crate::types::market::Side;

/// A number as this venue writes it.
pub fn number(raw: i64) -> String {
    decimals(raw, 8)
}

/// `["61837.63000000","3.78826000"]`, of raw price and quantity.
fn pair(of: (i64, i64)) -> String {
    format!("[\"{}\",\"{}\"]", number(of.0), number(of.1))
}

/// Levels as a list of pairs.
pub fn pairs(levels: &[Level]) -> String {
    list(levels.iter().map(|level| pair((level.price.raw(), level.qty.raw()))))
}

/// A time in the unit of the connection.
pub const fn time(seat: &BinanceSeat, at_ms: u64) -> u64 {
    if seat.is_micro { at_ms.saturating_mul(1_000) } else { at_ms }
}

/// The event as the connection wants it: alone, or with its stream.
pub fn framed(manner: Manner, stream: &str, event: String) -> String {
    match manner {
        Manner::Combined => Obj::new().text("stream", stream).raw("data", event).end(),
        Manner::Raw | Manner::Api => event,
    }
}

/// Best bid and ask. It has neither a type nor a time.
pub fn book_ticker(symbol: &str, update_id: u64, best: (Level, Level)) -> String {
    let (bid, ask) = best;
    Obj::new()
        .raw("u", update_id)
        .text("s", symbol)
        .text("b", number(bid.price.raw()))
        .text("B", number(bid.qty.raw()))
        .text("a", number(ask.price.raw()))
        .text("A", number(ask.qty.raw()))
        .end()
}

/// Changed levels; bids best first, then asks best first.
pub fn depth_update(symbol: &str, time: u64, diff: &Diff) -> String {
    let (first, last) = diff.span.unwrap_or_default();
    let side = |wanted: Side| {
        let changed = diff.levels.iter().filter(move |((side, _), _)| *side == wanted);
        changed.map(|((_, price), qty)| pair((*price, *qty))).collect::<Vec<String>>()
    };
    Obj::new()
        .text("e", "depthUpdate")
        .raw("E", time)
        .text("s", symbol)
        .raw("U", first)
        .raw("u", last)
        .raw("b", list(side(Side::Buy).into_iter().rev()))
        .raw("a", list(side(Side::Sell)))
        .end()
}

/// The best levels of a book; also the answer to a request for one. It names no symbol.
pub fn partial(book: &SimBook, levels: usize) -> String {
    Obj::new()
        .raw("lastUpdateId", book.update_id)
        .raw("bids", pairs(&book.bids[..levels.min(book.bids.len())]))
        .raw("asks", pairs(&book.asks[..levels.min(book.asks.len())]))
        .end()
}

/// A trade. Times: of the event, of the trade.
pub fn trade(symbol: &str, times: (u64, u64), deal: Deal) -> String {
    let head = Obj::new().text("e", "trade").raw("E", times.0).text("s", symbol);
    deal_tail(head.raw("t", deal.id), times.1, deal)
}

/// Trades of one taker order; each stands alone here.
pub fn agg_trade(symbol: &str, times: (u64, u64), deal: Deal) -> String {
    let head = Obj::new().text("e", "aggTrade").raw("E", times.0).text("s", symbol);
    let head = head.raw("a", deal.id);
    deal_tail(head.raw("f", deal.id).raw("l", deal.id), times.1, deal)
}

fn deal_tail(head: Obj, traded_at: u64, deal: Deal) -> String {
    head.text("p", number(deal.level.price.raw()))
        .text("q", number(deal.level.qty.raw()))
        .raw("T", traded_at)
        .raw("m", deal.taker == Side::Sell)
        .raw("M", true)
        .end()
}
