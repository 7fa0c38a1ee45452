//! OKX frames in their usual spelling: books, best bid and ask, trades. `None` sends the frame to
//! the tolerant codec, also if what it says is wrong.

use crate::types::market::Side;
use crate::types::market::Ticker;
use crate::venue::Event;
use crate::venue::PublicTrade;
use crate::venue::Scratch;
use crate::venue::Span;
use crate::venue::TRADES;
use crate::venue::TradeKey;
use crate::venue::book::check_image;
use crate::venue::scan::Scan;

/// Reads a WebSocket frame into `scratch` and an event. Leaves anything in `scratch` on `None`.
pub fn read<'f>(frame: &'f [u8], scratch: &mut Scratch) -> Option<Event<'f>> {
    let mut scan = Scan::new(frame)?;
    scan.skip(b"{\"arg\":{\"channel\":\"")?;
    let event = if scan.skip_if(b"books\"") {
        let symbol = symbol(&mut scan)?;
        scan.skip(b"\"action\":\"")?;
        let is_update = scan.skip_if(b"update\"");
        if !is_update {
            scan.skip(b"snapshot\"")?;
        }
        scan.skip(b",\"data\":[")?;
        let book = book(&mut scan, scratch)?;
        book.event(symbol, is_update, scratch)?
    } else if scan.skip_if(b"bbo-tbt\"") {
        let symbol = symbol(&mut scan)?;
        scan.skip(b"\"data\":[")?;
        let book = book(&mut scan, scratch)?;
        book.ticker(symbol, scratch)?
    } else {
        scan.skip(b"trades\"")?;
        let symbol = symbol(&mut scan)?;
        scan.skip(b"\"data\":[")?;
        trades(&mut scan, symbol, scratch)?
    };
    scan.skip(b"]}")?;
    scan.end()?;
    Some(event)
}

#[inline]
fn symbol<'f>(scan: &mut Scan<'f>) -> Option<&'f str> {
    scan.skip(b",\"instId\":\"")?;
    let symbol = scan.name()?;
    scan.skip(b"},")?;
    Some(symbol)
}

/// What stands beside the levels of a book. In a snapshot there is no book before.
struct Numbers {
    prev: Option<u64>,
    last: u64,
    venue_ts_ms: u64,
}

#[inline]
fn book(scan: &mut Scan<'_>, scratch: &mut Scratch) -> Option<Numbers> {
    scan.skip(b"{\"asks\":[")?;
    scan.counted_levels(&mut scratch.asks)?;
    scan.skip(b",\"bids\":[")?;
    scan.counted_levels(&mut scratch.bids)?;
    scan.skip(b",\"ts\":\"")?;
    let venue_ts_ms = scan.whole()?;
    scan.skip(b"\"")?;
    if scan.skip_if(b",\"checksum\":") {
        scan.skip_if(b"-");
        scan.any_number()?;
    }
    let early = if scan.skip_if(b",\"prevSeqId\":") { Some(before(scan)?) } else { None };
    scan.skip(b",\"seqId\":")?;
    let last = scan.whole()?;
    let prev = match early {
        Some(prev) => prev,
        None if scan.skip_if(b",\"prevSeqId\":") => before(scan)?,
        None => None,
    };
    scan.skip(b"}")?;
    Some(Numbers { prev, last, venue_ts_ms })
}

/// The number of the book before, if there is one.
#[inline]
fn before(scan: &mut Scan<'_>) -> Option<Option<u64>> {
    if scan.skip_if(b"-1") { Some(None) } else { scan.whole().map(Some) }
}

impl Numbers {
    fn event<'f>(&self, symbol: &'f str, is_update: bool, scratch: &Scratch) -> Option<Event<'f>> {
        let Numbers { prev, last, venue_ts_ms } = *self;
        if is_update {
            let span = Span::Chained { prev: prev?, last };
            return Some(Event::Delta { symbol, span, venue_ts_ms });
        }
        check_image(scratch).ok()?;
        Some(Event::Image { symbol, venue_ts_ms, update_id: Some(last) })
    }

    fn ticker<'f>(&self, symbol: &'f str, scratch: &mut Scratch) -> Option<Event<'f>> {
        check_image(scratch).ok()?;
        let (bid, ask) = (scratch.bids.pop()?, scratch.asks.pop()?);
        let is_one = scratch.bids.is_empty() && scratch.asks.is_empty();
        let ticker = Ticker { update_id: self.last, bid, ask };
        is_one.then_some(Event::Ticker { symbol, ticker })
    }
}

#[inline]
fn trades<'f>(scan: &mut Scan<'f>, symbol: &'f str, scratch: &mut Scratch) -> Option<Event<'f>> {
    loop {
        let trade = trade(scan, symbol)?;
        if scratch.trades.len() >= TRADES {
            return None;
        }
        scratch.trades.push(trade);
        if !scan.skip_if(b",") {
            return Some(Event::Trades { symbol });
        }
    }
}

#[inline]
fn trade(scan: &mut Scan<'_>, symbol: &str) -> Option<PublicTrade> {
    scan.skip(b"{\"instId\":\"")?;
    if scan.name()? != symbol {
        return None;
    }
    scan.skip(b",\"tradeId\":\"")?;
    let trade_id = TradeKey::Number(scan.whole()?);
    scan.skip(b"\",\"px\":\"")?;
    let level = scan.filled_level(b",\"sz\":\"")?;
    scan.skip(b",\"side\":\"")?;
    let taker = if scan.skip_if(b"buy\"") {
        Side::Buy
    } else {
        scan.skip(b"sell\"")?;
        Side::Sell
    };
    scan.skip(b",\"ts\":\"")?;
    let venue_ts_ms = scan.whole()?;
    scan.skip(b"\"")?;
    if scan.skip_if(b",\"count\":\"") {
        scan.whole()?;
        scan.skip(b"\"")?;
    }
    if scan.skip_if(b",\"seqId\":") {
        scan.whole()?;
    }
    scan.skip(b"}")?;
    let (price, qty) = (level.price, level.qty);
    Some(PublicTrade { price, qty, taker, trade_id, venue_ts_ms })
}
