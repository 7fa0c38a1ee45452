//! Binance frames in their usual spelling: diffs, book tickers and trades, bare or in the combined
//! wrapper. `None` sends the frame to the tolerant codec, also if what it says is wrong.

use crate::types::market::Side;
use crate::types::market::Ticker;
use crate::venue::Event;
use crate::venue::Scratch;
use crate::venue::Span;
use crate::venue::scan::Scan;

/// Reads a WebSocket frame into `scratch` and an event. Leaves anything in `scratch` on `None`.
pub fn read<'f>(frame: &'f [u8], scratch: &mut Scratch) -> Option<Event<'f>> {
    let mut scan = Scan::new(frame)?;
    let is_wrapped = scan.skip_if(b"{\"stream\":\"");
    if is_wrapped {
        scan.name()?;
        scan.skip(b",\"data\":")?;
    }
    scan.skip(b"{\"")?;
    let event = if scan.skip_if(b"u\":") {
        ticker(&mut scan)?
    } else if scan.skip_if(b"e\":\"depthUpdate\",\"E\":") {
        delta(&mut scan, scratch)?
    } else {
        scan.skip(b"e\":\"trade\",\"E\":")?;
        trade(&mut scan)?
    };
    scan.skip(b"}")?;
    if is_wrapped {
        scan.skip(b"}")?;
    }
    scan.end()?;
    Some(event)
}

#[inline]
fn ticker<'f>(scan: &mut Scan<'f>) -> Option<Event<'f>> {
    let update_id = scan.whole()?;
    scan.skip(b",\"s\":\"")?;
    let symbol = scan.name()?;
    scan.skip(b",\"b\":\"")?;
    let bid = scan.filled_level(b",\"B\":\"")?;
    scan.skip(b",\"a\":\"")?;
    let ask = scan.filled_level(b",\"A\":\"")?;
    let ticker = Ticker { update_id, bid, ask };
    (bid.price < ask.price).then_some(Event::Ticker { symbol, ticker })
}

#[inline]
fn delta<'f>(scan: &mut Scan<'f>, scratch: &mut Scratch) -> Option<Event<'f>> {
    let venue_ts_ms = scan.whole()?;
    scan.skip(b",\"s\":\"")?;
    let symbol = scan.name()?;
    scan.skip(b",\"U\":")?;
    let first_id = scan.whole()?;
    scan.skip(b",\"u\":")?;
    let last_id = scan.whole()?;
    scan.skip(b",\"b\":[")?;
    scan.levels(&mut scratch.bids)?;
    scan.skip(b",\"a\":[")?;
    scan.levels(&mut scratch.asks)?;
    let span = Span::Joined { first: first_id, last: last_id };
    (first_id <= last_id).then_some(Event::Delta { symbol, span, venue_ts_ms })
}

#[inline]
fn trade<'f>(scan: &mut Scan<'f>) -> Option<Event<'f>> {
    scan.whole()?;
    scan.skip(b",\"s\":\"")?;
    let symbol = scan.name()?;
    scan.skip(b",\"t\":")?;
    let trade_id = scan.whole()?;
    scan.skip(b",\"p\":\"")?;
    let level = scan.filled_level(b",\"q\":\"")?;
    scan.skip(b",\"T\":")?;
    let venue_ts_ms = scan.whole()?;
    // The buyer was the maker, so the taker sold.
    let taker = if scan.skip_if(b",\"m\":true") {
        Side::Sell
    } else {
        scan.skip(b",\"m\":false")?;
        Side::Buy
    };
    scan.skip_if(b",\"M\":true");
    let (price, qty) = (level.price, level.qty);
    Some(Event::Trade { symbol, price, qty, taker, trade_id, venue_ts_ms })
}
