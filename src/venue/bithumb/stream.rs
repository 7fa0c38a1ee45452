//! Bithumb's public connection and the requests beside it (`VENUES.md` 3). Flags of a request would
//! be in camel case here (`isOnlyRealtime`); none is needed.

use crate::venue::bithumb::rules::KRW_TICKS;
use crate::venue::krw::request::Wanted;
use crate::venue::krw::request::request;
use crate::venue::krw::stream::KrwStream;

/// Bithumb's public connection. How many codes one request may carry was not measured: 200 is what
/// a request for tickers may.
pub const STREAM: KrwStream =
    KrwStream { subscribe, symbols_per_request: 200, rules_paths, krw_ticks: &KRW_TICKS };

/// Books only: they repeat themselves often enough to show that the connection lives.
fn subscribe(symbols: &[&str], id: u64) -> String {
    let books = Wanted { kind: "orderbook", codes: Some(symbols), more: "" };
    request(id, &[books], Some("DEFAULT"))
}

/// Which markets there are; nothing tells their ticks.
fn rules_paths(_symbols: &[&str]) -> Vec<String> {
    vec!["/v1/market/all".to_owned()]
}
