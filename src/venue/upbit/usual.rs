//! Upbit order books in their usual spelling: format DEFAULT, all keys in the documented order.
//! `None` sends the frame to the tolerant codec, also if what it says is wrong.

use crate::types::limit;
use crate::types::market::Level;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::Event;
use crate::venue::Scratch;
use crate::venue::book::check_image;
use crate::venue::scan::Scan;

/// Reads a WebSocket frame into `scratch` and an event. Leaves anything in `scratch` on `None`.
pub fn read<'f>(frame: &'f [u8], scratch: &mut Scratch) -> Option<Event<'f>> {
    let mut scan = Scan::new(frame)?;
    scan.skip(b"{\"type\":\"orderbook\",\"code\":\"")?;
    let symbol = scan.name()?;
    scan.skip(b",\"timestamp\":")?;
    let venue_ts_ms = scan.whole()?;
    scan.skip(b",\"total_ask_size\":")?;
    scan.any_number()?;
    scan.skip(b",\"total_bid_size\":")?;
    scan.any_number()?;
    scan.skip(b",\"orderbook_units\":[")?;
    units(&mut scan, scratch)?;
    scan.skip(b",\"stream_type\":\"")?;
    scan.name()?;
    if scan.skip_if(b",\"level\":") {
        scan.any_number()?;
    }
    scan.skip(b"}")?;
    scan.end()?;
    check_image(scratch).ok()?;
    Some(Event::Image { symbol, venue_ts_ms, update_id: None })
}

/// Up to the closing bracket, which is passed.
#[inline]
fn units(scan: &mut Scan<'_>, scratch: &mut Scratch) -> Option<()> {
    loop {
        scan.skip(b"{\"ask_price\":")?;
        let ask_price = scan.number()?;
        scan.skip(b",\"bid_price\":")?;
        let bid_price = scan.number()?;
        scan.skip(b",\"ask_size\":")?;
        let ask_size = scan.number()?;
        scan.skip(b",\"bid_size\":")?;
        let bid_size = scan.number()?;
        scan.skip(b"}")?;
        push(&mut scratch.asks, ask_price, ask_size)?;
        push(&mut scratch.bids, bid_price, bid_size)?;
        if !scan.skip_if(b",") {
            return scan.skip(b"]");
        }
    }
}

/// Adds a level. A slot without price or quantity is padding beyond the real depth.
#[inline]
fn push(side: &mut Vec<Level>, price_raw: i64, qty_raw: i64) -> Option<()> {
    let qty = Qty::from_raw(qty_raw)?;
    let Some(price) = Price::from_raw(price_raw).filter(|_| !qty.is_zero()) else {
        return Some(());
    };
    if side.len() >= limit::BOOK_LEVELS {
        return None;
    }
    side.push(Level { price, qty });
    Some(())
}
