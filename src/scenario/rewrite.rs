//! Prices of a recorded frame, rewritten exactly: decimal text in, decimal text out, every other
//! byte as it was.

use crate::types::ids::VenueId;
use crate::types::number::parse_fixed;
use crate::types::units::Plain;

/// A price in raw 10⁻⁸ units, on which side it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BookPrice {
    /// Of a bid.
    Bid(i64),
    /// Of an ask.
    Ask(i64),
}

/// Copies `frame` to `out` with every book price edited; prices of trades stay. Text that is no
/// JSON is copied as far as it can be read.
pub fn rewrite(venue: VenueId, frame: &[u8], out: &mut Vec<u8>, edit: &dyn Fn(BookPrice) -> i64) {
    out.clear();
    let mut walk = Walk { frame, at: 0, nest: Vec::new() };
    while let Some(token) = walk.next_token() {
        let text = &frame[token.start..token.end];
        let inner = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        let side = if token.is_scalar { walk.side(venue, inner.is_some()) } else { None };
        let raw = side.and_then(|_| parse_fixed(inner.unwrap_or(text)).ok());
        match (side, raw) {
            (Some(side), Some(raw)) => {
                let price =
                    if side == Side::Bid { BookPrice::Bid(raw) } else { BookPrice::Ask(raw) };
                let quote = if inner.is_some() { "\"" } else { "" };
                let text = format!("{quote}{}{quote}", Plain(edit(price)));
                out.extend_from_slice(text.as_bytes());
            }
            _ => out.extend_from_slice(text),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Bid,
    Ask,
}

/// A piece of the frame: a scalar, or anything else.
struct Token {
    start: usize,
    end: usize,
    is_scalar: bool,
}

/// An open object with its present key, or an open list with the index of its present element.
enum Open<'f> {
    Object(&'f [u8]),
    List(usize),
}

struct Walk<'f> {
    frame: &'f [u8],
    at: usize,
    nest: Vec<Open<'f>>,
}

impl<'f> Walk<'f> {
    fn next_token(&mut self) -> Option<Token> {
        let start = self.at;
        let first = *self.frame.get(start)?;
        let mut is_scalar = false;
        self.at = match first {
            b'{' | b'[' | b'}' | b']' | b',' => {
                self.on_mark(first);
                start + 1
            }
            b'"' => {
                let end = self.end_of_string(start);
                let mut behind = self.frame[end..].iter();
                let is_key = behind.find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                match self.nest.last_mut() {
                    Some(Open::Object(key)) if is_key => {
                        *key = self.frame.get(start + 1..end - 1).unwrap_or_default();
                    }
                    _ => is_scalar = true,
                }
                end
            }
            b'0'..=b'9' | b'-' => {
                is_scalar = true;
                let rest = &self.frame[start..];
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                start + rest.iter().take_while(|byte| is_part(byte)).count()
            }
            _ => start + 1,
        };
        Some(Token { start, end: self.at, is_scalar })
    }

    fn on_mark(&mut self, mark: u8) {
        match mark {
            b'{' => self.nest.push(Open::Object(b"")),
            b'[' => self.nest.push(Open::List(0)),
            b',' => {
                if let Some(Open::List(index)) = self.nest.last_mut() {
                    *index += 1;
                }
            }
            _ => {
                self.nest.pop();
            }
        }
    }

    /// Behind the closing quote.
    fn end_of_string(&self, start: usize) -> usize {
        let mut at = start + 1;
        while let Some(byte) = self.frame.get(at) {
            match byte {
                b'\\' => at += 2,
                b'"' => return at + 1,
                _ => at += 1,
            }
        }
        self.frame.len()
    }

    /// The side of the book whose price the present scalar is. Upbit: a price of a unit. Binance:
    /// the first text of a level, or the text under `b` or `a` itself, which is a ticker's (order
    /// numbers of trades under these keys are no text).
    fn side(&self, venue: VenueId, is_text: bool) -> Option<Side> {
        use Open::List;
        use Open::Object;
        let key = match (venue, self.nest.as_slice()) {
            (VenueId::Upbit, [.., Object(list), List(_), Object(key)])
                if matches!(*list, b"orderbook_units" | b"obu") =>
            {
                *key
            }
            (VenueId::Binance, [.., Object(key), List(_), List(0)]) if is_text => *key,
            (VenueId::Binance, [.., Object(key)]) if is_text => *key,
            _ => return None,
        };
        match key {
            b"bid_price" | b"bp" | b"b" | b"bids" => Some(Side::Bid),
            b"ask_price" | b"ap" | b"a" | b"asks" => Some(Side::Ask),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled(venue: VenueId, frame: &str) -> String {
        let mut out = Vec::new();
        rewrite(venue, frame.as_bytes(), &mut out, &|price| match price {
            BookPrice::Bid(raw) => raw * 2,
            BookPrice::Ask(raw) => raw * 3,
        });
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_upbit_book_changes_in_its_prices_only() {
        let frame = concat!(
            r#"{"type":"orderbook","code":"KRW-BTC","total_ask_size":1.5,"orderbook_units":["#,
            r#"{"ask_price":8.6604E7,"bid_price":86603000.5,"ask_size":0.03,"bid_size":2},"#,
            r#"{"ask_price":0.1,"bid_price":0.00000001,"ask_size":3,"bid_size":4}],"tms":7}"#,
        );
        let want = concat!(
            r#"{"type":"orderbook","code":"KRW-BTC","total_ask_size":1.5,"orderbook_units":["#,
            r#"{"ask_price":259812000,"bid_price":173206001,"ask_size":0.03,"bid_size":2},"#,
            r#"{"ask_price":0.3,"bid_price":0.00000002,"ask_size":3,"bid_size":4}],"tms":7}"#,
        );
        assert_eq!(doubled(VenueId::Upbit, frame), want);
    }

    #[test]
    fn a_binance_diff_snapshot_and_ticker_change_in_their_prices_only() {
        let cases = [
            (
                r#"{"data":{"U":1,"u":2,"b":[["10.00","1.5"],["9","0"]],"a":[["11","2"]]}}"#,
                r#"{"data":{"U":1,"u":2,"b":[["20","1.5"],["18","0"]],"a":[["33","2"]]}}"#,
            ),
            (
                r#"{"lastUpdateId":7,"bids":[["10","1"]],"asks":[["11","2"]]}"#,
                r#"{"lastUpdateId":7,"bids":[["20","1"]],"asks":[["33","2"]]}"#,
            ),
            (
                r#"{"u":7,"s":"BTCUSDT","b":"10.5","B":"1","a":"11","A":"2"}"#,
                r#"{"u":7,"s":"BTCUSDT","b":"21","B":"1","a":"33","A":"2"}"#,
            ),
        ];
        for (frame, want) in cases {
            assert_eq!(doubled(VenueId::Binance, frame), want);
        }
    }

    #[test]
    fn trades_and_text_that_is_no_json_stay_as_they_are() {
        let trade = r#"{"e":"trade","p":"61836.7","q":"0.3","b":88,"a":50,"m":false}"#;
        assert_eq!(doubled(VenueId::Binance, trade), trade);
        let trade = r#"{"type":"trade","code":"KRW-BTC","trade_price":86604000.0,"ask_bid":"BID"}"#;
        assert_eq!(doubled(VenueId::Upbit, trade), trade);
        for broken in ["", "\"", "{\"a", "[[[", "]}\\\""] {
            assert_eq!(doubled(VenueId::Binance, broken), broken);
        }
    }
}
