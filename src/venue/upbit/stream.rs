//! Upbit's public connection and the requests beside it (`VENUES.md` 1.1 and 1.3).

use crate::venue::krw::request::Wanted;
use crate::venue::krw::request::request;
use crate::venue::krw::stream::KrwStream;
use crate::venue::upbit::rules::KRW_TICKS;

/// Upbit's public connection. One request was seen to carry 855 codes.
pub const STREAM: KrwStream =
    KrwStream { subscribe, symbols_per_request: 855, rules_paths, krw_ticks: &KRW_TICKS };

/// Books, ungrouped, and trades from now on: a book that is quiet sends nothing for minutes, and
/// its trades show that the connection lives.
fn subscribe(symbols: &[&str], id: u64) -> String {
    let codes = Some(symbols);
    let wanted = [
        Wanted { kind: "orderbook", codes, more: r#""level":0"# },
        Wanted { kind: "trade", codes, more: r#""is_only_realtime":true"# },
    ];
    request(id, &wanted, Some("DEFAULT"))
}

/// All markets, then the tick of each symbol by itself: one unknown code fails a whole request.
fn rules_paths(symbols: &[&str]) -> Vec<String> {
    let ticks = symbols.iter().map(|code| format!("/v1/orderbook/instruments?markets={code}"));
    std::iter::once("/v1/market/all?is_details=true".to_owned()).chain(ticks).collect()
}
