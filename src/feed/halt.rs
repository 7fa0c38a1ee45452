//! The detail of an `open` or `close` line that is about one instrument: it was halted, or trades
//! again. A line without a symbol is about the connection.

use serde::Deserialize;
use serde::Serialize;

/// Longest detail that is looked at.
const LONGEST: usize = 256;

#[derive(Serialize, Deserialize)]
struct Detail<'d> {
    symbol: &'d str,
}

/// The detail that names a symbol.
pub fn detail(symbol: &str) -> String {
    // A struct with one text: that cannot fail.
    serde_json::to_string(&Detail { symbol }).unwrap_or_default()
}

/// The symbol that a detail names; `None` for a frame and for a line about the connection.
pub fn symbol(payload: &[u8]) -> Option<&str> {
    if payload.len() > LONGEST {
        return None;
    }
    serde_json::from_slice::<Detail<'_>>(payload).ok().map(|detail| detail.symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_names_its_symbol_and_a_connection_names_none() {
        assert_eq!(symbol(detail("KRW-BTC").as_bytes()), Some("KRW-BTC"));
        for other in ["{}", "", "[1]", "{\"symbol\":5}"] {
            assert_eq!(symbol(other.as_bytes()), None);
        }
    }
}
