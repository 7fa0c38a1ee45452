//! Bybit frames in their usual spelling: books, and trades as the spot stream sends them. `None`
//! sends the frame to the tolerant codec, also if what it says is wrong.

use crate::types::market::Side;
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
    scan.skip(b"{\"topic\":\"")?;
    let event = if scan.skip_if(b"orderbook.") {
        book(&mut scan, scratch)?
    } else {
        scan.skip(b"publicTrade.")?;
        trades(&mut scan, scratch)?
    };
    scan.skip(b"}")?;
    scan.end()?;
    Some(event)
}

/// Time and type, in either order.
struct Head {
    is_snapshot: bool,
    venue_ts_ms: u64,
}

#[inline]
fn head(scan: &mut Scan<'_>) -> Option<Head> {
    if scan.skip_if(b",\"ts\":") {
        let venue_ts_ms = scan.whole()?;
        return Some(Head { is_snapshot: kind(scan)?, venue_ts_ms });
    }
    let is_snapshot = kind(scan)?;
    scan.skip(b",\"ts\":")?;
    Some(Head { is_snapshot, venue_ts_ms: scan.whole()? })
}

#[inline]
fn kind(scan: &mut Scan<'_>) -> Option<bool> {
    scan.skip(b",\"type\":\"")?;
    if scan.skip_if(b"delta\"") {
        return Some(false);
    }
    scan.skip(b"snapshot\"").map(|()| true)
}

#[inline]
fn book<'f>(scan: &mut Scan<'f>, scratch: &mut Scratch) -> Option<Event<'f>> {
    scan.whole()?;
    scan.skip(b".")?;
    let symbol = scan.name()?;
    let Head { is_snapshot, venue_ts_ms } = head(scan)?;
    scan.skip(b",\"data\":{\"s\":\"")?;
    if scan.name()? != symbol {
        return None;
    }
    scan.skip(b",\"b\":[")?;
    scan.levels(&mut scratch.bids)?;
    scan.skip(b",\"a\":[")?;
    scan.levels(&mut scratch.asks)?;
    scan.skip(b",\"u\":")?;
    let last = scan.whole()?;
    scan.skip(b",\"seq\":")?;
    scan.whole()?;
    scan.skip(b"}")?;
    if scan.skip_if(b",\"cts\":") {
        scan.whole()?;
    }
    if is_snapshot {
        check_image(scratch).ok()?;
        return Some(Event::Image { symbol, venue_ts_ms, update_id: Some(last) });
    }
    // Number 1 begins a book anew, whatever the type says: that is not usual.
    let prev = last.checked_sub(1).filter(|prev| *prev > 0)?;
    Some(Event::Delta { symbol, span: Span::Chained { prev, last }, venue_ts_ms })
}

#[inline]
fn trades<'f>(scan: &mut Scan<'f>, scratch: &mut Scratch) -> Option<Event<'f>> {
    let symbol = scan.name()?;
    head(scan)?;
    scan.skip(b",\"data\":[")?;
    loop {
        let trade = trade(scan, symbol)?;
        if scratch.trades.len() >= TRADES {
            return None;
        }
        scratch.trades.push(trade);
        if !scan.skip_if(b",") {
            scan.skip(b"]")?;
            return Some(Event::Trades { symbol });
        }
    }
}

#[inline]
fn trade(scan: &mut Scan<'_>, symbol: &str) -> Option<PublicTrade> {
    scan.skip(b"{\"i\":\"")?;
    let trade_id = TradeKey::parse(scan.name()?)?;
    scan.skip(b",\"T\":")?;
    let venue_ts_ms = scan.whole()?;
    scan.skip(b",\"p\":\"")?;
    let level = scan.filled_level(b",\"v\":\"")?;
    scan.skip(b",\"S\":\"")?;
    let taker = if scan.skip_if(b"Buy\"") {
        Side::Buy
    } else {
        scan.skip(b"Sell\"")?;
        Side::Sell
    };
    if scan.skip_if(b",\"seq\":") {
        scan.whole()?;
    }
    scan.skip(b",\"s\":\"")?;
    if scan.name()? != symbol {
        return None;
    }
    scan.skip(b",\"BT\":")?;
    truth(scan)?;
    if scan.skip_if(b",\"RPI\":") {
        truth(scan)?;
    }
    scan.skip(b"}")?;
    let (price, qty) = (level.price, level.qty);
    Some(PublicTrade { price, qty, taker, trade_id, venue_ts_ms })
}

fn truth(scan: &mut Scan<'_>) -> Option<()> {
    if scan.skip_if(b"false") { Some(()) } else { scan.skip(b"true") }
}
