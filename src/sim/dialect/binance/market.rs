//! Binance market data by request: books, rules, tickers, time, each with its weight. Pure.

use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::binance::frames::number;
use crate::sim::dialect::binance::frames::partial;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::quoted;
use crate::sim::dialect::tape::best;
use crate::sim::exchange::core::Exchange;
use crate::types::market::Instrument;
use crate::types::market::Level;
use crate::types::units::SCALE;

/// A public request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Public {
    /// Nothing but an answer.
    Ping,
    /// The venue's time.
    Time,
    /// A book.
    Depth,
    /// Rules of instruments and limits.
    ExchangeInfo,
    /// Best bid and ask.
    BookTicker,
}

impl Public {
    /// What a path of REST or a method of the WebSocket API asks for.
    pub fn of(path: &str) -> Option<Public> {
        match path {
            "/api/v3/ping" | "ping" => Some(Public::Ping),
            "/api/v3/time" | "time" => Some(Public::Time),
            "/api/v3/depth" | "depth" => Some(Public::Depth),
            "/api/v3/exchangeInfo" | "exchangeInfo" => Some(Public::ExchangeInfo),
            "/api/v3/ticker/bookTicker" | "ticker.book" => Some(Public::BookTicker),
            _ => None,
        }
    }
    /// What it costs of the weight per minute.
    pub fn weight(self, params: &Params) -> u32 {
        match self {
            Public::Ping | Public::Time => 1,
            Public::ExchangeInfo => 20,
            Public::BookTicker if params.get("symbol").is_some() => 2,
            Public::BookTicker => 4,
            Public::Depth => match depth_limit(params) {
                ..=100 => 5,
                101..=500 => 25,
                501..=1_000 => 50,
                _ => 250,
            },
        }
    }
}

/// Most levels of a book.
const MOST_LEVELS: u64 = 5_000;
/// Levels of a book that names none.
const USUAL_LEVELS: u64 = 100;
/// Largest price and quantity of the filters, raw.
const MOST: i64 = 1_000_000 * SCALE;

fn depth_limit(params: &Params) -> u64 {
    params.whole("limit").unwrap_or(USUAL_LEVELS).clamp(1, MOST_LEVELS)
}

/// A refusal for an unknown symbol.
pub fn invalid_symbol() -> Answer {
    Answer::coded(400, -1121, "Invalid symbol.")
}

/// A refusal for a parameter that is missing.
pub fn missing(name: &str) -> Answer {
    let text = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
    Answer::coded(400, -1102, &text)
}

/// Answers a public request.
pub fn answer(public: Public, params: &Params, at: (&Exchange, SimNow), codes: &Codes) -> Answer {
    match public {
        Public::Ping => Answer::ok("{}"),
        Public::Time => Answer::ok(Obj::new().raw("serverTime", at.1.wall_ms).end()),
        Public::Depth => {
            let Some(symbol) = params.get("symbol") else { return missing("symbol") };
            let Some(instrument) = codes.find(symbol) else { return invalid_symbol() };
            let levels = depth_limit(params) as usize;
            Answer::ok(partial(at.0.book(instrument), levels))
        }
        Public::ExchangeInfo | Public::BookTicker => {
            let Some(wanted) = wanted(params, codes) else { return invalid_symbol() };
            if public == Public::ExchangeInfo {
                return Answer::ok(exchange_info(&wanted, at, codes));
            }
            let tickers = wanted.iter().map(|of| book_ticker(*of, at.0, codes));
            match params.get("symbol") {
                Some(_) => Answer::ok(tickers.collect::<String>()),
                None => Answer::ok(list(tickers)),
            }
        }
    }
}

/// The instruments that a request names: `symbol`, `symbols` (a JSON list), or all.
fn wanted(params: &Params, codes: &Codes) -> Option<Vec<usize>> {
    if let Some(symbol) = params.get("symbol") {
        return codes.find(symbol).map(|instrument| vec![instrument]);
    }
    match params.get("symbols") {
        Some(text) => {
            let names: Vec<String> = serde_json::from_str(text).ok()?;
            names.iter().map(|name| codes.find(name)).collect()
        }
        None => Some((0..codes.all().len()).collect()),
    }
}

fn book_ticker(instrument: usize, exchange: &Exchange, codes: &Codes) -> String {
    let pair = best(exchange.book(instrument));
    let raw = |pick: fn(&(Level, Level)) -> i64| number(pair.as_ref().map_or(0, pick));
    Obj::new()
        .text("symbol", codes.symbol(instrument))
        .text("bidPrice", raw(|pair| pair.0.price.raw()))
        .text("bidQty", raw(|pair| pair.0.qty.raw()))
        .text("askPrice", raw(|pair| pair.1.price.raw()))
        .text("askQty", raw(|pair| pair.1.qty.raw()))
        .end()
}

/// Limits that the venue publishes: kind, interval, how many of it, how much.
pub const RATE_LIMITS: [(&str, &str, u32, u32); 4] = [
    ("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
    ("ORDERS", "SECOND", 10, 100),
    ("ORDERS", "DAY", 1, 200_000),
    ("RAW_REQUESTS", "MINUTE", 5, 300_000),
];

/// One of [`RATE_LIMITS`] as an object that is still open.
pub fn rate_limit(of: &(&str, &str, u32, u32)) -> Obj {
    Obj::new()
        .text("rateLimitType", of.0)
        .text("interval", of.1)
        .raw("intervalNum", of.2)
        .raw("limit", of.3)
}

fn exchange_info(wanted: &[usize], at: (&Exchange, SimNow), codes: &Codes) -> String {
    let symbols = wanted.iter().map(|of| {
        let instrument = &at.0.instruments()[*of];
        let tick = best(at.0.book(*of)).map_or(1, |pair| instrument.ticks.tick_at(pair.0.price));
        symbol_rules(codes.symbol(*of), instrument, tick)
    });
    Obj::new()
        .text("timezone", "UTC")
        .raw("serverTime", at.1.wall_ms)
        .raw("rateLimits", list(RATE_LIMITS.iter().map(|of| rate_limit(of).end())))
        .raw("exchangeFilters", "[]")
        .raw("symbols", list(symbols))
        .end()
}

fn symbol_rules(symbol: &str, instrument: &Instrument, tick_raw: i64) -> String {
    let names = |names: &[&str]| list(names.iter().map(quoted));
    Obj::new()
        .text("symbol", symbol)
        .text("status", "TRADING")
        .text("baseAsset", instrument.base)
        .raw("baseAssetPrecision", 8)
        .text("quoteAsset", instrument.quote.code())
        .raw("quotePrecision", 8)
        .raw("quoteAssetPrecision", 8)
        .raw("baseCommissionPrecision", 8)
        .raw("quoteCommissionPrecision", 8)
        .raw("orderTypes", names(&["LIMIT", "LIMIT_MAKER", "MARKET"]))
        .raw("icebergAllowed", true)
        .raw("ocoAllowed", true)
        .raw("quoteOrderQtyMarketAllowed", true)
        .raw("allowTrailingStop", true)
        .raw("cancelReplaceAllowed", true)
        .raw("isSpotTradingAllowed", true)
        .raw("isMarginTradingAllowed", false)
        .raw("filters", filters(instrument, tick_raw))
        .raw("permissions", "[]")
        .raw("permissionSets", list([names(&["SPOT"])]))
        .text("defaultSelfTradePreventionMode", "EXPIRE_MAKER")
        .raw("allowedSelfTradePreventionModes", names(&["EXPIRE_TAKER", "EXPIRE_MAKER"]))
        .end()
}

fn filters(instrument: &Instrument, tick_raw: i64) -> String {
    let step = number(instrument.lot.raw());
    list([
        Obj::new()
            .text("filterType", "PRICE_FILTER")
            .text("minPrice", number(tick_raw))
            .text("maxPrice", number(MOST))
            .text("tickSize", number(tick_raw))
            .end(),
        Obj::new()
            .text("filterType", "LOT_SIZE")
            .text("minQty", &step)
            .text("maxQty", number(MOST))
            .text("stepSize", &step)
            .end(),
        Obj::new()
            .text("filterType", "MARKET_LOT_SIZE")
            .text("minQty", number(0))
            .text("maxQty", number(MOST))
            .text("stepSize", number(0))
            .end(),
        Obj::new()
            .text("filterType", "NOTIONAL")
            .text("minNotional", number(instrument.min_notional_raw))
            .raw("applyMinToMarket", true)
            .text("maxNotional", number(9 * MOST))
            .raw("applyMaxToMarket", false)
            .raw("avgPriceMins", 5)
            .end(),
        Obj::new().text("filterType", "MAX_NUM_ORDERS").raw("maxNumOrders", 200).end(),
    ])
}
