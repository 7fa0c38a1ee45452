//! Market data of OKX by request. Pure.

use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::image::Image;
use crate::sim::dialect::okx::frames::levels;
use crate::sim::dialect::okx::frames::ticker_data;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::tape::best;
use crate::sim::exchange::core::Exchange;
use crate::types::units::SCALE;

/// Largest quantities that the rules name, raw.
const MOST_QTY: i64 = 1_000_000 * SCALE;
/// Largest order value that the rules name, whole USD.
const MOST_USD: u64 = 20_000_000;
/// The venue's number of the first instrument; the others follow.
const FIRST_CODE: u64 = 2_021_032_601_102_994;

/// The number that orders on the socket name an instrument by.
pub const fn inst_id_code(instrument: usize) -> u64 {
    FIRST_CODE + instrument as u64
}

/// The instrument of such a number; it may be none.
pub fn instrument_of(code: u64) -> Option<usize> {
    usize::try_from(code.checked_sub(FIRST_CODE)?).ok()
}

/// `{"code":"0","msg":"","data":[..]}`.
pub fn done(items: impl IntoIterator<Item = String>) -> Answer {
    Answer::ok(Obj::new().text("code", 0).text("msg", "").raw("data", list(items)).end())
}

/// A refusal of the whole request.
pub fn refused(status: u16, code: &str, message: &str) -> Answer {
    let body = Obj::new().text("code", code).text("msg", message).raw("data", "[]");
    Answer::new(status, body.end())
}

/// Answers a public request; `None` if the path is none.
pub fn answer(
    path: &str,
    params: &Params,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Option<Answer> {
    if path == "/api/v5/public/time" {
        return Some(done([Obj::new().text("ts", at.1.wall_ms).end()]));
    }
    let is_list = path == "/api/v5/public/instruments" || path == "/api/v5/market/tickers";
    let is_one = path == "/api/v5/market/books" || path == "/api/v5/market/ticker";
    if !(is_list || is_one) {
        return None;
    }
    if is_list && params.get("instType") != Some("SPOT") {
        return Some(refused(400, "51000", "Parameter instType error"));
    }
    let wanted: Vec<usize> = match params.get("instId") {
        None if is_one => {
            return Some(refused(400, "50014", "Parameter instId can not be empty."));
        }
        None => (0..codes.all().len()).collect(),
        Some(symbol) => match codes.find(symbol) {
            Some(instrument) => vec![instrument],
            None => return Some(refused(200, "51001", "Instrument ID does not exist")),
        },
    };
    Some(done(wanted.into_iter().map(|of| match path {
        "/api/v5/public/instruments" => rules(of, at.0, codes),
        "/api/v5/market/books" => {
            let levels = params.whole("sz").unwrap_or(1).clamp(1, 400);
            book(of, levels as usize, at.0)
        }
        _ => match best(at.0.book(of)) {
            Some(pair) => ticker_data(codes.symbol(of), pair, at.1.wall_ms),
            None => "{}".to_owned(),
        },
    })))
}

fn book(of: usize, depth: usize, exchange: &Exchange) -> String {
    let book = exchange.book(of);
    let image = Image::of(book, depth);
    Obj::new()
        .raw("asks", levels(&image.asks))
        .raw("bids", levels(&image.bids))
        .text("ts", book.at_ms)
        .raw("seqId", book.update_id)
        .end()
}

fn rules(of: usize, exchange: &Exchange, codes: &Codes) -> String {
    let instrument = &exchange.instruments()[of];
    let tick = best(exchange.book(of)).map_or(1, |pair| instrument.ticks.tick_at(pair.0.price));
    Obj::new()
        .text("instType", "SPOT")
        .text("instId", codes.symbol(of))
        .raw("instIdCode", inst_id_code(of))
        .text("baseCcy", instrument.base)
        .text("quoteCcy", instrument.quote.code())
        .text("category", 1)
        .text("tickSz", plain(tick))
        .text("lotSz", plain(instrument.lot.raw()))
        .text("minSz", plain(instrument.lot.raw()))
        .text("maxLmtSz", plain(MOST_QTY))
        .text("maxMktSz", plain(MOST_QTY))
        .text("maxLmtAmt", MOST_USD)
        .text("maxMktAmt", MOST_USD)
        .text("state", "live")
        .text("ruleType", "normal")
        .end()
}
