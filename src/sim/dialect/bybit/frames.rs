//! Public frames of Bybit. Pure.

use crate::sim::dialect::image::Image;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::tape::Deal;
use crate::types::market::Level;
use crate::types::market::Side;

/// Topic, its symbol, and the venue's time.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The symbol.
    pub symbol: &'a str,
    /// Time of the push, ms since 1970.
    pub now_ms: u64,
}

/// `["75848.62","0.014895"]`; a level that went has size `0`.
pub fn pairs(levels: &[Level]) -> String {
    list(
        levels.iter().map(|level| {
            format!("[\"{}\",\"{}\"]", plain(level.price.raw()), plain(level.qty.raw()))
        }),
    )
}

/// A book or its changes. `numbers`: `u`, `seq`, time of the matching.
pub fn book(head: Head<'_>, kind: &str, image: &Image, numbers: (u64, u64, u64)) -> String {
    let (update, sequence, matched_ms) = numbers;
    let data = Obj::new()
        .text("s", head.symbol)
        .raw("b", pairs(&image.bids))
        .raw("a", pairs(&image.asks))
        .raw("u", update)
        .raw("seq", sequence)
        .end();
    Obj::new()
        .text("topic", head.topic)
        .raw("ts", head.now_ms)
        .text("type", kind)
        .raw("data", data)
        .raw("cts", matched_ms)
        .end()
}

/// Public trades of one moment; the side is the taker's.
pub fn trades(head: Head<'_>, deals: &[Deal]) -> String {
    let trades = deals.iter().map(|deal| {
        let side = match deal.taker {
            Side::Buy => "Buy",
            Side::Sell => "Sell",
        };
        Obj::new()
            .text("i", format!("22{:017}", deal.id))
            .raw("T", deal.at_ms)
            .text("p", plain(deal.level.price.raw()))
            .text("v", plain(deal.level.qty.raw()))
            .text("S", side)
            .text("s", head.symbol)
            .raw("BT", false)
            .end()
    });
    Obj::new()
        .text("topic", head.topic)
        .raw("ts", head.now_ms)
        .text("type", "snapshot")
        .raw("data", list(trades))
        .end()
}

/// The fields of a ticker. The simulated market has no day: it says what stands now.
pub fn ticker_fields(symbol: &str, best: (Level, Level)) -> Obj {
    let last = plain(best.0.price.raw());
    Obj::new()
        .text("symbol", symbol)
        .text("lastPrice", &last)
        .text("highPrice24h", &last)
        .text("lowPrice24h", &last)
        .text("prevPrice24h", &last)
        .text("volume24h", "0")
        .text("turnover24h", "0")
        .text("price24hPcnt", "0")
        .text("usdIndexPrice", &last)
}

/// A ticker.
pub fn ticker(head: Head<'_>, sequence: u64, best: (Level, Level)) -> String {
    Obj::new()
        .text("topic", head.topic)
        .raw("ts", head.now_ms)
        .text("type", "snapshot")
        .raw("cs", sequence)
        .raw("data", ticker_fields(head.symbol, best).end())
        .end()
}
