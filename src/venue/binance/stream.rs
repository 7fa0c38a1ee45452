//! Binance's public connection and the requests beside it (`VENUES.md` 2.1 and 2.3). Pure.
//!
//! Combined streams: `<symbol>@depth@100ms` for books, `<symbol>@bookTicker` for the top in real
//! time. Trades are not subscribed: no decision here reads them, and on a busy symbol they are
//! more frames than the other two together.

use serde::Deserialize;

use crate::types::time::DurNs;
use crate::venue::DecodeError;
use crate::venue::binance::rules::exchange_info;
use crate::venue::binance::values::parse;
use crate::venue::binance::values::whole_text;
use crate::venue::stream::BookSource;
use crate::venue::stream::InstrumentRules;
use crate::venue::stream::Keepalive;
use crate::venue::stream::Manners;
use crate::venue::stream::Stream;

/// Symbols of one SUBSCRIBE: 128 streams of the 1,024 that a connection may carry, 4 KB of text.
const SYMBOLS_PER_REQUEST: usize = 64;

/// Symbols of one request for rules. One costs some 6 KB, so the answer stays below 1 MiB.
const SYMBOLS_PER_RULES: usize = 50;

/// Levels a side of a requested snapshot. 1,000 cost 50 of the 6,000 units of a minute and go far
/// deeper than any decision looks, so all 32 instruments of a run can start, break and start again
/// within a minute (3,200). 5,000 levels cost 250, allow 24 requests a minute, and fill a book to
/// its bound at once. 100 cost 5, but a walk of the price would soon leave them.
const SNAPSHOT_LEVELS: u32 = 1_000;

/// Binance's [`Stream`].
#[derive(Clone, Copy, Debug)]
pub struct BinanceStream;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Time {
    server_time: u64,
}

impl Stream for BinanceStream {
    /// Numbers of `web-socket-streams.md`: a ping every 20 s, 24 h of life, 5 messages a second
    /// with pongs (one is kept free for them), 300 attempts in 5 minutes.
    fn manners(&self) -> Manners {
        Manners {
            keepalive: Keepalive::VenuePings { every: DurNs::from_secs(20) },
            books: BookSource::RequestedSnapshot,
            silence: DurNs::from_secs(12),
            longest_life: Some(DurNs::from_secs(23 * 3_600)),
            first_image: DurNs::from_secs(10),
            acks: true,
            replaces: false,
            symbols_per_request: SYMBOLS_PER_REQUEST,
            attempts_per_minute: 20,
            messages_per_second: 4,
            has_ticker: true,
        }
    }

    fn path(&self) -> &'static str {
        "/stream"
    }

    fn subscribe(&self, symbols: &[&str], id: u64) -> Vec<String> {
        requests("SUBSCRIBE", symbols, id)
    }

    fn unsubscribe(&self, symbols: &[&str], id: u64) -> Vec<String> {
        requests("UNSUBSCRIBE", symbols, id)
    }

    fn snapshot_path(&self, symbol: &str) -> Option<String> {
        let symbol = percent_encoded(symbol);
        Some(format!("/api/v3/depth?symbol={symbol}&limit={SNAPSHOT_LEVELS}"))
    }

    /// A list in JSON inside the query. The venue refuses the whole request (-1121) if it does not
    /// know one of them; which one it does not say.
    fn rules_paths(&self, symbols: &[&str]) -> Vec<String> {
        let path = |some: &[&str]| {
            let quoted: Vec<String> = some.iter().map(|symbol| format!("\"{symbol}\"")).collect();
            let list = percent_encoded(&format!("[{}]", quoted.join(",")));
            format!("/api/v3/exchangeInfo?symbols={list}")
        };
        symbols.chunks(SYMBOLS_PER_RULES).map(path).collect()
    }

    fn rules(&self, body: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError> {
        exchange_info(whole_text(body)?)
    }

    fn time_path(&self) -> Option<&'static str> {
        Some("/api/v3/time")
    }

    fn time_ms(&self, body: &[u8]) -> Result<u64, DecodeError> {
        Ok(parse::<Time>(whole_text(body)?)?.server_time)
    }
}

fn requests(method: &str, symbols: &[&str], id: u64) -> Vec<String> {
    let request = |(id, some): (u64, &[&str])| {
        let params: Vec<String> = some.iter().map(|symbol| streams(symbol)).collect();
        format!(r#"{{"method":"{method}","params":[{}],"id":{id}}}"#, params.join(","))
    };
    (id..).zip(symbols.chunks(SYMBOLS_PER_REQUEST)).map(request).collect()
}

/// The streams of a symbol, whose names are in lower case.
fn streams(symbol: &str) -> String {
    let symbol = symbol.to_ascii_lowercase();
    format!(r#""{symbol}@depth@100ms","{symbol}@bookTicker""#)
}

/// All but the characters that RFC 3986 leaves alone everywhere.
pub fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::limit;

    #[test]
    fn requests_are_split_and_numbered_and_each_is_json() {
        let symbols: Vec<String> = (0..130).map(|at| format!("A{at}USDT")).collect();
        let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let requests = BinanceStream.subscribe(&symbols, 7);
        let parsed: Vec<serde_json::Value> =
            requests.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
        let ids: Vec<u64> = parsed.iter().filter_map(|request| request["id"].as_u64()).collect();
        assert_eq!(ids, [7, 8, 9]);
        let count: usize =
            parsed.iter().filter_map(|request| request["params"].as_array()).map(Vec::len).sum();
        assert_eq!(count, 260);
        assert_eq!(BinanceStream.subscribe(&[], 1), [""; 0]);
        let streams = r#"["btcusdt@depth@100ms","btcusdt@bookTicker"]"#;
        let end = format!(r#"{{"method":"UNSUBSCRIBE","params":{streams},"id":3}}"#);
        assert_eq!(BinanceStream.unsubscribe(&["BTCUSDT"], 3), [end]);
    }

    #[test]
    fn manners_stay_within_the_limits_of_the_venue() {
        let manners = BinanceStream.manners();
        let life = manners.longest_life.expect("a limit");
        assert!(life >= DurNs::from_secs(22 * 3_600) && life <= DurNs::from_secs(23 * 3_600));
        assert!(manners.silence <= DurNs::from_secs(12));
        assert!(manners.attempts_per_minute <= 20 && manners.messages_per_second < 5);
        assert!(2 * manners.symbols_per_request <= 1_024, "two streams a symbol");
        let weight = 50 * limit::INSTRUMENTS;
        assert!(SNAPSHOT_LEVELS == 1_000 && 2 * weight < 6_000, "all books twice in a minute");
    }

    #[test]
    fn paths_are_percent_encoded() {
        assert_eq!(
            BinanceStream.snapshot_path("BTCUSDT").as_deref(),
            Some("/api/v3/depth?symbol=BTCUSDT&limit=1000")
        );
        assert_eq!(
            BinanceStream.rules_paths(&["BTCUSDT", "BNBBTC"]),
            ["/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%2C%22BNBBTC%22%5D"]
        );
        assert_eq!(BinanceStream.rules_paths(&["A"; 51]).len(), 2);
        assert_eq!(percent_encoded("\u{ff11}&="), "%EF%BC%91%26%3D");
    }

    #[test]
    fn a_refusal_is_neither_rules_nor_a_time() {
        let body = br#"{"code":-1121,"msg":"Invalid symbol."}"#;
        assert_eq!(BinanceStream.rules(body), Err(DecodeError::Malformed));
        assert_eq!(BinanceStream.time_ms(body), Err(DecodeError::Malformed));
        assert_eq!(
            BinanceStream.time_ms(br#"{"serverTime":1499827319559}"#),
            Ok(1_499_827_319_559)
        );
    }

    #[test]
    fn a_filter_of_zero_is_off_and_a_coin_without_a_plain_code_is_left_out() {
        let symbol = |name: &str, base: &str, filters: &str| {
            format!(
                r#"{{"symbol":"{name}","status":"BREAK","baseAsset":"{base}","quoteAsset":"USDT",
                "filters":[{filters}]}}"#
            )
        };
        let off = r#"{"filterType":"PRICE_FILTER","tickSize":"0.00"},
            {"filterType":"LOT_SIZE","stepSize":"0"},
            {"filterType":"MIN_NOTIONAL","minNotional":"10"},
            {"filterType":"NOTIONAL","minNotional":"5"}"#;
        let body = format!(
            r#"{{"symbols":[{},{}]}}"#,
            symbol("AUSDT", "A", off),
            symbol("\u{ff11}USDT", "\u{ff11}", "")
        );
        let rules = BinanceStream.rules(body.as_bytes()).expect("rules");
        let [rules] = rules.as_slice() else { panic!("{rules:?}") };
        assert_eq!((rules.name.as_str(), rules.is_trading), ("A-USDT", false));
        assert_eq!((&rules.ticks, rules.lot), (&None, None));
        assert_eq!(rules.min_notional_raw, Some(1_000_000_000));
        let missing = symbol("AUSDT", "A", r#"{"filterType":"LOT_SIZE"}"#);
        let body = format!(r#"{{"symbols":[{missing}]}}"#);
        assert_eq!(BinanceStream.rules(body.as_bytes()), Err(DecodeError::Malformed));
    }
}
