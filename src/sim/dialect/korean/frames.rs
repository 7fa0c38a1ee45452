//! Public frames of Upbit and Bithumb. Pure.

use crate::sim::dialect::korean::asked::Format;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::big_decimal;
use crate::sim::dialect::spell::decimals;
use crate::sim::dialect::spell::double;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::tape::Deal;
use crate::sim::exchange::book::SimBook;
use crate::types::calendar::Utc;
use crate::types::ids::VenueId;
use crate::types::market::Level;
use crate::types::market::Side;
use crate::types::time::WallNs;

/// Whose frames, and how they are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pen {
    /// Upbit or Bithumb.
    pub venue: VenueId,
    /// The socket's format.
    pub format: Format,
}

/// The first frame of a subscription, or a later one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The first.
    Snapshot,
    /// A later one.
    Realtime,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Stage::Snapshot => "SNAPSHOT",
            Stage::Realtime => "REALTIME",
        }
    }
}

impl Pen {
    /// Price: DEFAULT prints Java doubles, SIMPLE and Bithumb plain numbers.
    fn price(self, raw: i64) -> String {
        match (self.venue, self.format.is_short) {
            (VenueId::Upbit, false) => double(raw),
            _ => plain(raw),
        }
    }
    /// Size: 8 kept decimals, or Java doubles; Bithumb cuts at 4 decimals.
    fn size(self, raw: i64) -> String {
        match (self.venue, self.format.is_short) {
            (VenueId::Upbit, false) => big_decimal(raw),
            (VenueId::Upbit, true) => double(raw),
            _ => decimals(raw, 4),
        }
    }
    /// Picks the key of the format.
    fn key(self, keys: (&'static str, &'static str)) -> &'static str {
        if self.format.is_short { keys.1 } else { keys.0 }
    }
    fn finish(self, object: Obj) -> String {
        let text = object.end();
        if self.format.is_list { list([text]) } else { text }
    }

    /// A book of so many levels. `time` is in the unit of the venue's books: Upbit ms, Bithumb µs.
    pub fn book(self, head: (&str, Stage), time: u64, of: (&SimBook, usize)) -> String {
        let ((code, stage), (book, levels)) = (head, of);
        let total = |side: &[Level]| side.iter().map(|level| level.qty.raw()).sum();
        let stamped = |to: Obj| to.raw(self.key(("timestamp", "tms")), time);
        let object = Obj::new()
            .text(self.key(("type", "ty")), "orderbook")
            .text(self.key(("code", "cd")), code);
        let is_upbit = self.venue == VenueId::Upbit;
        let object = if is_upbit { stamped(object) } else { object };
        let object = object
            .raw(self.key(("total_ask_size", "tas")), self.size(total(&book.asks)))
            .raw(self.key(("total_bid_size", "tbs")), self.size(total(&book.bids)))
            .raw(self.key(("orderbook_units", "obu")), self.units(book, levels));
        let (kind, grouping) = (self.key(("stream_type", "st")), self.key(("level", "lv")));
        self.finish(match is_upbit {
            true => object.text(kind, stage.name()).raw(grouping, 0),
            false => stamped(object.raw(grouping, 1)).text(kind, stage.name()),
        })
    }

    /// Slots of both sides; what is beyond the real depth is zero. Upbit fills up to the depth
    /// that was asked for, Bithumb up to the deeper side.
    fn units(self, book: &SimBook, levels: usize) -> String {
        let slots = match self.venue {
            VenueId::Upbit => levels,
            _ => levels.min(book.bids.len().max(book.asks.len())),
        };
        list((0..slots).map(|at| {
            let raw = |side: &[Level]| {
                side.get(at).map_or((0, 0), |level| (level.price.raw(), level.qty.raw()))
            };
            let (ask, bid) = (raw(&book.asks), raw(&book.bids));
            Obj::new()
                .raw(self.key(("ask_price", "ap")), self.price(ask.0))
                .raw(self.key(("bid_price", "bp")), self.price(bid.0))
                .raw(self.key(("ask_size", "as")), self.size(ask.1))
                .raw(self.key(("bid_size", "bs")), self.size(bid.1))
                .end()
        }))
    }

    /// A trade.
    pub fn trade(self, head: (&str, Stage), now_ms: u64, deal: Deal) -> String {
        let (date, time) = self.day_and_time(deal.at_ms);
        let taker = match deal.taker {
            Side::Buy => "BID",
            Side::Sell => "ASK",
        };
        let price = self.price(deal.level.price.raw());
        self.finish(
            Obj::new()
                .text(self.key(("type", "ty")), "trade")
                .text(self.key(("code", "cd")), head.0)
                .raw(self.key(("timestamp", "tms")), now_ms)
                .text(self.key(("trade_date", "td")), date)
                .text(self.key(("trade_time", "ttm")), time)
                .raw(self.key(("trade_timestamp", "ttms")), deal.at_ms)
                .raw(self.key(("trade_price", "tp")), &price)
                .raw(self.key(("trade_volume", "tv")), plain(deal.level.qty.raw()))
                .text(self.key(("ask_bid", "ab")), taker)
                .raw(self.key(("prev_closing_price", "pcp")), &price)
                .text(self.key(("change", "c")), "EVEN")
                .raw(self.key(("change_price", "cp")), self.price(0))
                .raw(self.key(("sequential_id", "sid")), deal.id)
                .text(self.key(("stream_type", "st")), head.1.name()),
        )
    }

    /// The ticker. The simulated market has no day: it says what stands now.
    pub fn ticker(self, head: (&str, Stage), now_ms: u64, last_raw: i64) -> String {
        let (date, time) = self.day_and_time(now_ms);
        let last = self.price(last_raw);
        self.finish(
            Obj::new()
                .text(self.key(("type", "ty")), "ticker")
                .text(self.key(("code", "cd")), head.0)
                .raw(self.key(("opening_price", "op")), &last)
                .raw(self.key(("high_price", "hp")), &last)
                .raw(self.key(("low_price", "lp")), &last)
                .raw(self.key(("trade_price", "tp")), &last)
                .raw(self.key(("prev_closing_price", "pcp")), &last)
                .text(self.key(("change", "c")), "EVEN")
                .text(self.key(("trade_date", "tdt")), date.replace('-', ""))
                .text(self.key(("trade_time", "ttm")), time.replace(':', ""))
                .raw(self.key(("trade_timestamp", "ttms")), now_ms)
                .text(self.key(("market_state", "ms")), "ACTIVE")
                .raw(self.key(("is_trading_suspended", "its")), false)
                .raw(self.key(("delisting_date", "dd")), "null")
                .text(self.key(("market_warning", "mw")), "NONE")
                .raw(self.key(("timestamp", "tms")), now_ms)
                .text(self.key(("stream_type", "st")), head.1.name()),
        )
    }

    /// `yyyy-MM-dd` and `HH:mm:ss`: UTC at Upbit, Korean time at Bithumb.
    fn day_and_time(self, at_ms: u64) -> (String, String) {
        let shift_ms = if self.venue == VenueId::Bithumb { KST_MS } else { 0 };
        let text = iso(at_ms.saturating_add(shift_ms));
        (text[..10].to_owned(), text[11..19].to_owned())
    }
}

/// Korean time is so much ahead of UTC.
const KST_MS: u64 = 9 * 3_600_000;

/// `yyyy-MM-ddTHH:mm:ss...` of a wall time in UTC.
pub fn iso(at_ms: u64) -> String {
    Utc::of(WallNs(at_ms.saturating_mul(1_000_000))).iso().to_string()
}

/// `yyyy-MM-ddTHH:mm:ss+09:00`: times of orders at both venues.
pub fn kst(at_ms: u64) -> String {
    format!("{}+09:00", &iso(at_ms.saturating_add(KST_MS))[..19])
}
