//! Public frames of OKX. Numbers and times are strings, sequence numbers are not. Pure.

use crate::sim::dialect::image::Image;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::tape::Deal;
use crate::types::market::Level;

/// Channel, instrument and the venue's time.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The channel.
    pub channel: &'a str,
    /// The instrument.
    pub symbol: &'a str,
    /// Time of the data, ms since 1970.
    pub now_ms: u64,
}

impl Head<'_> {
    /// `{"channel":..,"instId":..}`.
    pub fn arg(&self) -> String {
        Obj::new().text("channel", self.channel).text("instId", self.symbol).end()
    }
    fn framed(&self, action: Option<&str>, data: String) -> String {
        let head = Obj::new().raw("arg", self.arg());
        let head = match action {
            Some(action) => head.text("action", action),
            None => head,
        };
        head.raw("data", list([data])).end()
    }
}

/// `["px","sz","0","orders"]`; a level that went has size `0` and no order.
pub fn levels(levels: &[Level]) -> String {
    list(levels.iter().map(|level| {
        let orders = u8::from(!level.qty.is_zero());
        let (price, qty) = (plain(level.price.raw()), plain(level.qty.raw()));
        format!("[\"{price}\",\"{qty}\",\"0\",\"{orders}\"]")
    }))
}

/// A frame of the channel with changes. `prev` is -1 for a snapshot. The checksum is always 0.
pub fn books(head: Head<'_>, image: &Image, numbers: (i64, u64)) -> String {
    let (prev, sequence) = numbers;
    let data = Obj::new()
        .raw("asks", levels(&image.asks))
        .raw("bids", levels(&image.bids))
        .text("ts", head.now_ms)
        .raw("checksum", 0)
        .raw("prevSeqId", prev)
        .raw("seqId", sequence);
    let action = if prev < 0 { "snapshot" } else { "update" };
    head.framed(Some(action), data.end())
}

/// A frame of a channel that sends whole books.
pub fn whole(head: Head<'_>, image: &Image, sequence: u64) -> String {
    let data = Obj::new().raw("asks", levels(&image.asks)).raw("bids", levels(&image.bids));
    let data = if image.bids.len() > 1 { data.text("instId", head.symbol) } else { data };
    head.framed(None, data.text("ts", head.now_ms).raw("seqId", sequence).end())
}

/// A public trade.
pub fn trade(head: Head<'_>, deal: Deal) -> String {
    let data = Obj::new()
        .text("instId", head.symbol)
        .text("tradeId", deal.id)
        .text("px", plain(deal.level.price.raw()))
        .text("sz", plain(deal.level.qty.raw()))
        .text("side", deal.taker.name())
        .text("ts", deal.at_ms)
        .text("count", 1);
    head.framed(None, data.end())
}

/// The object of a ticker. The simulated market has no day: it says what stands now.
pub fn ticker_data(symbol: &str, best: (Level, Level), now_ms: u64) -> String {
    let last = plain(best.0.price.raw());
    Obj::new()
        .text("instType", "SPOT")
        .text("instId", symbol)
        .text("last", &last)
        .text("lastSz", plain(best.0.qty.raw()))
        .text("askPx", plain(best.1.price.raw()))
        .text("askSz", plain(best.1.qty.raw()))
        .text("bidPx", plain(best.0.price.raw()))
        .text("bidSz", plain(best.0.qty.raw()))
        .text("open24h", &last)
        .text("high24h", &last)
        .text("low24h", &last)
        .text("volCcy24h", "0")
        .text("vol24h", "0")
        .text("ts", now_ms)
        .text("sodUtc0", &last)
        .text("sodUtc8", &last)
        .end()
}

/// A ticker.
pub fn ticker(head: Head<'_>, best: (Level, Level)) -> String {
    head.framed(None, ticker_data(head.symbol, best, head.now_ms))
}
