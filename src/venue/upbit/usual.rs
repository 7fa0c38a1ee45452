//! Upbit order books in their usual spelling: format DEFAULT, all keys in the documented order.
//! `None` sends the frame to the tolerant codec, also if what it says is wrong.

use crate::venue::Event;
use crate::venue::Scratch;
use crate::venue::book::check_image;
use crate::venue::krw::usual::units;
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
