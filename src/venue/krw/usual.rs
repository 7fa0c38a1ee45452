//! The units of an order book in their usual spelling, which both venues share: DEFAULT keys in the
//! documented order, unit i with the i-th ask and the i-th bid.

use crate::types::limit;
use crate::types::market::Level;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::Scratch;
use crate::venue::scan::Scan;

/// The beginning of an order book; its code.
#[inline]
pub fn start<'f>(scan: &mut Scan<'f>) -> Option<&'f str> {
    scan.skip(b"{\"type\":\"orderbook\",\"code\":\"")?;
    scan.name()
}

/// The totals, which nobody needs, and the units behind them.
#[inline]
pub fn sides(scan: &mut Scan<'_>, scratch: &mut Scratch) -> Option<()> {
    scan.skip(b",\"total_ask_size\":")?;
    scan.any_number()?;
    scan.skip(b",\"total_bid_size\":")?;
    scan.any_number()?;
    scan.skip(b",\"orderbook_units\":[")?;
    units(scan, scratch)
}

/// Units up to the closing bracket, which is passed.
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

/// Adds a level. A slot without a quantity is padding beyond the real depth; a quantity without a
/// price is for the other way to judge.
#[inline]
fn push(side: &mut Vec<Level>, price_raw: i64, qty_raw: i64) -> Option<()> {
    let qty = Qty::from_raw(qty_raw)?;
    if qty.is_zero() {
        return Some(());
    }
    let price = Price::from_raw(price_raw)?;
    if side.len() >= limit::BOOK_LEVELS {
        return None;
    }
    side.push(Level { price, qty });
    Some(())
}
