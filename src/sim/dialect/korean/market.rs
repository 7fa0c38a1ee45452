//! Market data of Upbit and Bithumb over HTTP. Pure.
//!
//! An unknown code fails the whole call: Upbit with status 404, Bithumb with status 200.

use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::korean::asked::most_levels;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::decimals;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::spell::quoted;
use crate::sim::exchange::book::SimBook;
use crate::sim::exchange::core::Exchange;
use crate::types::ids::VenueId;

/// Most levels of a book over HTTP.
const LEVELS: usize = 30;
/// Bithumb's tickers carry Korean wall time as if it were UTC.
const KST_MS: u64 = 9 * 3_600_000;

/// A public request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Public {
    /// The list of markets.
    Markets,
    /// Whole books.
    Orderbook,
    /// Price grids (Upbit).
    Instruments,
    /// Tickers.
    Ticker,
}

impl Public {
    /// What a path asks for; `None` if it is not public or not known.
    pub fn of(path: &str, venue: VenueId) -> Option<Public> {
        match path {
            "/v1/market/all" => Some(Public::Markets),
            "/v1/orderbook" => Some(Public::Orderbook),
            "/v1/orderbook/instruments" if venue == VenueId::Upbit => Some(Public::Instruments),
            "/v1/ticker" => Some(Public::Ticker),
            _ => None,
        }
    }
    /// The group whose rate it counts in (Upbit).
    pub const fn group(self) -> usize {
        match self {
            Public::Markets => 0,
            Public::Orderbook | Public::Instruments => 1,
            Public::Ticker => 2,
        }
    }
}

/// Names of the groups of [`Public::group`].
pub const GROUPS: [&str; 3] = ["market", "orderbook", "ticker"];

/// What is asked, of whom.
#[derive(Clone, Copy)]
pub struct Shop<'a> {
    /// Upbit or Bithumb.
    pub venue: VenueId,
    /// Its codes.
    pub codes: &'a Codes,
    /// Its books.
    pub exchange: &'a Exchange,
    /// The present.
    pub now: SimNow,
}

impl Shop<'_> {
    /// Answers a public request.
    pub fn answer(self, public: Public, params: &Params) -> Answer {
        if public == Public::Markets {
            return Answer::ok(list((0..self.codes.all().len()).map(|at| self.market(at))));
        }
        let Some(markets) = params.get("markets") else {
            let text = "Missing request parameter error. Check the required parameters!";
            return self.refused(400, text);
        };
        let asked: Vec<Option<usize>> =
            markets.split(',').map(|code| self.codes.find(code)).collect();
        let Some(asked) = asked.into_iter().collect::<Option<Vec<usize>>>() else {
            return self.refused(404, "Code not found");
        };
        let count = params.whole("count").map_or(LEVELS, |count| count as usize);
        let levels = match self.venue {
            VenueId::Upbit => count.clamp(1, LEVELS),
            _ if asked.len() > 1 => most_levels(self.venue),
            _ => LEVELS,
        };
        Answer::ok(list(asked.into_iter().map(|at| match public {
            Public::Instruments => self.grid(at),
            Public::Ticker => self.ticker(at),
            Public::Orderbook | Public::Markets => self.book(at, levels),
        })))
    }

    /// The name of a market data error is a number; Bithumb sends it with status 200.
    fn refused(self, status: u16, message: &str) -> Answer {
        let sent = if self.venue == VenueId::Bithumb { 200 } else { status };
        Answer::named(sent, status, message)
    }

    fn market(self, at: usize) -> String {
        let base = &self.exchange.instruments()[at].base;
        let object = Obj::new()
            .text("market", self.codes.symbol(at))
            .text("korean_name", base)
            .text("english_name", base);
        if self.venue == VenueId::Bithumb {
            return object.end();
        }
        let caution = [
            "PRICE_FLUCTUATIONS",
            "TRADING_VOLUME_SOARING",
            "DEPOSIT_AMOUNT_SOARING",
            "GLOBAL_PRICE_DIFFERENCES",
            "CONCENTRATION_OF_SMALL_ACCOUNTS",
        ];
        let caution = caution.into_iter().fold(Obj::new(), |to, name| to.raw(name, false));
        let event = Obj::new().raw("warning", false).raw("caution", caution.end()).end();
        object.raw("market_event", event).end()
    }

    fn grid(self, at: usize) -> String {
        let instrument = &self.exchange.instruments()[at];
        let best = self.exchange.book(at).bids.first();
        let tick = best.map_or(1, |level| instrument.ticks.tick_at(level.price));
        Obj::new()
            .text("market", self.codes.symbol(at))
            .text("quote_currency", instrument.quote.code())
            .text("tick_size", plain(tick))
            .raw("supported_levels", list([quoted("0")]))
            .end()
    }

    fn size(self, raw: i64) -> String {
        if self.venue == VenueId::Bithumb { decimals(raw, 4) } else { plain(raw) }
    }

    fn book(self, at: usize, levels: usize) -> String {
        let book = self.exchange.book(at);
        let total = |side: &[crate::types::market::Level]| {
            side.iter().map(|level| level.qty.raw()).sum::<i64>()
        };
        let object = Obj::new()
            .text("market", self.codes.symbol(at))
            .raw("timestamp", book.at_ms)
            .raw("total_ask_size", self.size(total(&book.asks)))
            .raw("total_bid_size", self.size(total(&book.bids)))
            .raw("orderbook_units", self.units(book, levels));
        match self.venue {
            VenueId::Upbit => object.raw("level", 0).end(),
            _ => object.end(),
        }
    }

    fn units(self, book: &SimBook, levels: usize) -> String {
        let slots = levels.min(book.bids.len().max(book.asks.len()));
        list((0..slots).map(|at| {
            let raw = |side: &[crate::types::market::Level]| {
                side.get(at).map_or((0, 0), |level| (level.price.raw(), level.qty.raw()))
            };
            let (ask, bid) = (raw(&book.asks), raw(&book.bids));
            Obj::new()
                .raw("ask_price", plain(ask.0))
                .raw("bid_price", plain(bid.0))
                .raw("ask_size", self.size(ask.1))
                .raw("bid_size", self.size(bid.1))
                .end()
        }))
    }

    fn ticker(self, at: usize) -> String {
        let last = self.exchange.book(at).bids.first().map_or(0, |level| level.price.raw());
        let now_ms = self.now.wall_ms;
        let shift_ms = if self.venue == VenueId::Bithumb { KST_MS } else { 0 };
        Obj::new()
            .text("market", self.codes.symbol(at))
            .raw("trade_timestamp", now_ms)
            .raw("opening_price", plain(last))
            .raw("high_price", plain(last))
            .raw("low_price", plain(last))
            .raw("trade_price", plain(last))
            .raw("prev_closing_price", plain(last))
            .text("change", "EVEN")
            .raw("timestamp", now_ms.saturating_add(shift_ms))
            .end()
    }
}
