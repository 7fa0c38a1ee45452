//! What a straightforward program does with a book frame: `serde_json` into typed structs,
//! decimals to numbers, the sequence looked at, and one `BTreeMap` a side. Twice: as one writes it
//! first, and by somebody who knows where the time goes.

use std::collections::BTreeMap;

use arb::types::ids::VenueId;
use serde::Deserialize;

use crate::frames::PlainBook;
use crate::frames::PlainDepth;

/// 1e-8, as in our own books.
const DECIMALS: u32 = 8;
const SCALE: f64 = 1e8;

/// How it is written.
#[derive(Clone, Copy)]
pub enum Style {
    /// `from_slice`, owned strings, decimals by way of `f64`.
    Usual,
    /// `from_str`, borrowed strings, decimals exactly to `i64`.
    Careful,
}

/// A book: quantities by prices, both in units of 1e-8.
#[derive(Default)]
pub struct Ladder {
    /// Bids; the best one is the last.
    pub bids: BTreeMap<i64, i64>,
    /// Asks; the best one is the first.
    pub asks: BTreeMap<i64, i64>,
    /// Update number, or time where a venue has none.
    last: u64,
}

impl Ladder {
    /// The snapshot that Binance answers to a request.
    pub fn request(&mut self, body: &str) -> Option<()> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Snapshot {
            last_update_id: u64,
            bids: Vec<(String, String)>,
            asks: Vec<(String, String)>,
        }
        let snapshot: Snapshot = serde_json::from_str(body).ok()?;
        self.last = snapshot.last_update_id;
        set_all(&mut self.bids, &snapshot.bids)?;
        set_all(&mut self.asks, &snapshot.asks)
    }
    /// One frame of the stream; `None` if it is not the next one. Gives best bid and ask.
    pub fn frame(&mut self, venue: VenueId, frame: &[u8], style: Style) -> Option<(i64, i64)> {
        match style {
            Style::Usual => self.step::<String>(venue, frame)?,
            Style::Careful => self.step::<&str>(venue, frame)?,
        }
        Some((*self.bids.last_key_value()?.0, *self.asks.first_key_value()?.0))
    }

    fn step<'f, S: Decimal<'f>>(&mut self, venue: VenueId, frame: &'f [u8]) -> Option<()> {
        match venue {
            VenueId::Upbit | VenueId::Bithumb => self.replace(&S::read(frame)?),
            VenueId::Binance => {
                let diff: PlainDepth<S> = S::read(frame)?;
                let is_next = diff.first_id <= self.last + 1 && diff.u > self.last;
                self.go_on(is_next.then_some(diff.u)?);
                set_all(&mut self.bids, &diff.b)?;
                set_all(&mut self.asks, &diff.a)
            }
            VenueId::Bybit => {
                let message: Bybit<S> = S::read(frame)?;
                if message.kind.text() == "snapshot" {
                    self.clear();
                } else if message.data.u != self.last + 1 {
                    return None;
                }
                self.go_on(message.data.u);
                set_all(&mut self.bids, &message.data.b)?;
                set_all(&mut self.asks, &message.data.a)
            }
            VenueId::Okx => {
                let message: Okx<S> = S::read(frame)?;
                for book in &message.data {
                    if message.action.text() == "snapshot" {
                        self.clear();
                    } else if u64::try_from(book.prev_seq_id) != Ok(self.last) {
                        return None;
                    }
                    self.go_on(book.seq_id);
                    for (side, levels) in
                        [(&mut self.bids, &book.bids), (&mut self.asks, &book.asks)]
                    {
                        for (price, qty, ..) in levels {
                            set(side, price.raw()?, qty.raw()?);
                        }
                    }
                }
                Some(())
            }
        }
    }
    fn replace(&mut self, book: &PlainBook) -> Option<()> {
        if book.timestamp < self.last {
            return None;
        }
        self.clear();
        self.go_on(book.timestamp);
        for unit in &book.orderbook_units {
            set(&mut self.bids, scaled(unit.bid_price), scaled(unit.bid_size));
            set(&mut self.asks, scaled(unit.ask_price), scaled(unit.ask_size));
        }
        Some(())
    }
    fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }
    const fn go_on(&mut self, to: u64) {
        self.last = to;
    }
}

#[derive(Deserialize)]
struct Bybit<S> {
    #[serde(rename = "type")]
    kind: S,
    data: BybitBook<S>,
}

#[derive(Deserialize)]
struct BybitBook<S> {
    u: u64,
    b: Vec<(S, S)>,
    a: Vec<(S, S)>,
}

#[derive(Deserialize)]
struct Okx<S> {
    action: S,
    data: Vec<OkxBook<S>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OkxBook<S> {
    asks: Vec<(S, S, S, S)>,
    bids: Vec<(S, S, S, S)>,
    seq_id: u64,
    prev_seq_id: i64,
}

/// A decimal in quotes, and how its program reads a frame.
trait Decimal<'f>: Deserialize<'f> {
    fn read<T: Deserialize<'f>>(frame: &'f [u8]) -> Option<T>;
    fn raw(&self) -> Option<i64>;
    fn text(&self) -> &str;
}

impl<'f> Decimal<'f> for String {
    fn read<T: Deserialize<'f>>(frame: &'f [u8]) -> Option<T> {
        serde_json::from_slice(frame).ok()
    }
    fn raw(&self) -> Option<i64> {
        self.parse().ok().map(scaled)
    }
    fn text(&self) -> &str {
        self
    }
}

impl<'f> Decimal<'f> for &'f str {
    fn read<T: Deserialize<'f>>(frame: &'f [u8]) -> Option<T> {
        serde_json::from_str(std::str::from_utf8(frame).ok()?).ok()
    }
    fn raw(&self) -> Option<i64> {
        let (whole, part) = self.split_once('.').unwrap_or((self, "0"));
        let digits = u32::try_from(part.len()).ok().filter(|digits| *digits <= DECIMALS)?;
        let part = part.parse::<i64>().ok()? * 10i64.pow(DECIMALS - digits);
        whole.parse::<i64>().ok()?.checked_mul(10i64.pow(DECIMALS))?.checked_add(part)
    }
    fn text(&self) -> &str {
        self
    }
}

fn scaled(number: f64) -> i64 {
    (number * SCALE).round() as i64
}

fn set_all<'f, S: Decimal<'f>>(side: &mut BTreeMap<i64, i64>, levels: &[(S, S)]) -> Option<()> {
    for (price, qty) in levels {
        set(side, price.raw()?, qty.raw()?);
    }
    Some(())
}

fn set(side: &mut BTreeMap<i64, i64>, price: i64, qty: i64) {
    if qty == 0 {
        side.remove(&price);
    } else {
        side.insert(price, qty);
    }
}
