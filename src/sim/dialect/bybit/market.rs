//! Market data of Bybit by request. Refusals have status 200 and a code. Pure.

use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::bybit::frames::pairs;
use crate::sim::dialect::bybit::frames::ticker_fields;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::image::Image;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::tape::best;
use crate::sim::exchange::core::Exchange;
use crate::types::units::SCALE;

/// Largest quantities that the rules name, raw.
const MOST_QTY: i64 = 1_000_000 * SCALE;
/// Most levels of a book by request.
const MOST_LEVELS: u64 = 1_000;

/// `{"retCode":..,"retMsg":..,"result":..,"retExtInfo":{},"time":..}`.
pub fn coded(code: i64, message: &str, of: (&str, u64)) -> Answer {
    let body = Obj::new()
        .raw("retCode", code)
        .text("retMsg", message)
        .raw("result", of.0)
        .raw("retExtInfo", "{}")
        .raw("time", of.1)
        .end();
    Answer::ok(body)
}

/// A result.
pub fn done(result: String, now_ms: u64) -> Answer {
    coded(0, "OK", (&result, now_ms))
}

/// A refusal.
pub fn refused(code: i64, message: &str, now_ms: u64) -> Answer {
    coded(code, message, ("{}", now_ms))
}

/// Answers a public request; `None` if the path is none.
pub fn answer(
    path: &str,
    params: &Params,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Option<Answer> {
    let now_ms = at.1.wall_ms;
    if path == "/v5/market/time" {
        let result = Obj::new()
            .text("timeSecond", now_ms / 1_000)
            .text("timeNano", now_ms.saturating_mul(1_000_000));
        return Some(done(result.end(), now_ms));
    }
    let is_known = matches!(
        path,
        "/v5/market/orderbook" | "/v5/market/instruments-info" | "/v5/market/tickers"
    );
    if !is_known {
        return None;
    }
    if params.get("category") != Some("spot") {
        return Some(refused(10001, "params error: Category is invalid", now_ms));
    }
    let wanted: Vec<usize> = match params.get("symbol") {
        None if path == "/v5/market/orderbook" => {
            return Some(refused(10001, "params error: symbol invalid", now_ms));
        }
        None => (0..codes.all().len()).collect(),
        Some(symbol) => match codes.find(symbol) {
            Some(instrument) => vec![instrument],
            None => return Some(refused(10001, "Not supported symbols", now_ms)),
        },
    };
    Some(done(
        match path {
            "/v5/market/orderbook" => {
                let levels = params.whole("limit").unwrap_or(1).clamp(1, MOST_LEVELS);
                book(wanted[0], levels as usize, at, codes)
            }
            "/v5/market/tickers" => listed(wanted.iter().map(|of| ticker(*of, at.0, codes))),
            _ => listed(wanted.iter().map(|of| rules(*of, at.0, codes))),
        },
        now_ms,
    ))
}

/// `{"category":"spot","list":[..]}`.
pub fn listed(items: impl Iterator<Item = String>) -> String {
    Obj::new().text("category", "spot").raw("list", list(items)).end()
}

fn book(of: usize, levels: usize, at: (&Exchange, SimNow), codes: &Codes) -> String {
    let book = at.0.book(of);
    let image = Image::of(book, levels);
    Obj::new()
        .text("s", codes.symbol(of))
        .raw("a", pairs(&image.asks))
        .raw("b", pairs(&image.bids))
        .raw("ts", at.1.wall_ms)
        .raw("u", book.update_id)
        .raw("seq", book.update_id)
        .raw("cts", book.at_ms.min(at.1.wall_ms))
        .end()
}

fn ticker(of: usize, exchange: &Exchange, codes: &Codes) -> String {
    let Some(pair) = best(exchange.book(of)) else { return "{}".to_owned() };
    ticker_fields(codes.symbol(of), pair)
        .text("bid1Price", plain(pair.0.price.raw()))
        .text("bid1Size", plain(pair.0.qty.raw()))
        .text("ask1Price", plain(pair.1.price.raw()))
        .text("ask1Size", plain(pair.1.qty.raw()))
        .end()
}

fn rules(of: usize, exchange: &Exchange, codes: &Codes) -> String {
    let instrument = &exchange.instruments()[of];
    let tick = best(exchange.book(of)).map_or(1, |pair| instrument.ticks.tick_at(pair.0.price));
    let lot = Obj::new()
        .text("basePrecision", plain(instrument.lot.raw()))
        .text("quotePrecision", "0.00000001")
        .text("minOrderQty", plain(instrument.lot.raw()))
        .text("maxOrderQty", plain(MOST_QTY))
        .text("minOrderAmt", plain(instrument.min_notional_raw))
        .text("maxOrderAmt", plain(MOST_QTY * 8))
        .text("maxLimitOrderQty", plain(MOST_QTY))
        .text("maxMarketOrderQty", plain(MOST_QTY / 2))
        .text("postOnlyMaxLimitOrderSize", plain(MOST_QTY));
    Obj::new()
        .raw("symbolId", of + 1)
        .text("symbol", codes.symbol(of))
        .text("baseCoin", instrument.base)
        .text("quoteCoin", instrument.quote.code())
        .text("innovation", "0")
        .text("status", "Trading")
        .text("marginTrading", "none")
        .text("stTag", "0")
        .raw("lotSizeFilter", lot.end())
        .raw("priceFilter", Obj::new().text("tickSize", plain(tick)).end())
        .text("symbolType", "")
        .end()
}
