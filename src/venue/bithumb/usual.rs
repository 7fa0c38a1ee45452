//! Bithumb order books in their usual spelling: format DEFAULT, all keys in the order of the wire.
//! `None` sends the frame to the tolerant codec, also if what it says is wrong.

use crate::venue::Event;
use crate::venue::Scratch;
use crate::venue::book::check_image;
use crate::venue::krw::public::BookTime;
use crate::venue::krw::usual::sides;
use crate::venue::krw::usual::start;
use crate::venue::scan::Scan;

/// Reads a WebSocket frame into `scratch` and an event. Leaves anything in `scratch` on `None`.
pub fn read<'f>(frame: &'f [u8], scratch: &mut Scratch) -> Option<Event<'f>> {
    let mut scan = Scan::new(frame)?;
    let symbol = start(&mut scan)?;
    sides(&mut scan, scratch)?;
    if scan.skip_if(b",\"level\":") {
        scan.any_number()?;
    }
    scan.skip(b",\"timestamp\":")?;
    let venue_ts_ms = BookTime::Micros.to_ms(scan.whole()?);
    scan.skip(b",\"stream_type\":\"")?;
    scan.name()?;
    scan.skip(b"}")?;
    scan.end()?;
    check_image(scratch).ok()?;
    Some(Event::Image { symbol, venue_ts_ms, update_id: None })
}
