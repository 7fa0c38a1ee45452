//! What faults make of messages: pure functions over their text, the same for every venue.

use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::units::Plain;
use crate::types::units::Price;

/// Widest distance of a number from the present that still counts as a timestamp: ten days, ms.
const NEAR_MS: u64 = 10 * 86_400_000;
/// Bytes behind the head of a giant frame; the rest never comes.
const GIANT_BODY: usize = 64 << 10;
/// Announced length of a giant frame.
const GIANT_BYTES: u64 = 8 << 20;

/// How timestamps are shifted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shift {
    /// Into the past, ms.
    Back(u64),
    /// Into the future, ms.
    Ahead(u64),
    /// Milliseconds become microseconds and the other way round.
    Unit,
}

/// What marks a message of a venue as market data.
const fn marks(venue: VenueId) -> &'static [&'static str] {
    match venue {
        VenueId::Upbit | VenueId::Bithumb => &["\"orderbook\"", "\"trade\"", "\"ticker\""],
        VenueId::Binance => &["\"depthUpdate\"", "\"bids\"", "\"e\":\"trade\"", "\"B\":\""],
        VenueId::Bybit => &["\"topic\":\"orderbook", "\"topic\":\"publicTrade", "\"topic\":\"tick"],
        VenueId::Okx => &["\"bids\"", "\"channel\":\"trades\"", "\"channel\":\"tickers\""],
    }
}

/// Whether a message carries market data. Answers that only name a channel do not.
pub fn is_market(venue: VenueId, text: &[u8]) -> bool {
    let carries = match venue {
        VenueId::Okx => has(text, b"\"data\":["),
        VenueId::Upbit | VenueId::Bithumb => {
            !has(text, b"\"method\":") && !has(text, b"\"error\":")
        }
        VenueId::Binance | VenueId::Bybit => true,
    };
    carries && marks(venue).iter().any(|mark| has(text, mark.as_bytes()))
}

/// The venue's own code of an instrument.
pub fn native(instrument: &Instrument) -> String {
    let (base, quote) = (instrument.base.as_str(), instrument.quote.code());
    match instrument.venue {
        VenueId::Upbit | VenueId::Bithumb => format!("{quote}-{base}"),
        VenueId::Binance | VenueId::Bybit => format!("{base}{quote}"),
        VenueId::Okx => format!("{base}-{quote}"),
    }
}

/// Whether a message names a symbol, in capitals or not.
pub fn names(text: &[u8], symbol: &str) -> bool {
    let symbol = symbol.as_bytes();
    let same = |window: &[u8]| window.eq_ignore_ascii_case(symbol);
    ends_of(text, symbol.len()).any(|at| {
        let clear = |at: Option<&u8>| at.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        same(&text[at..at + symbol.len()])
            && clear(at.checked_sub(1).and_then(|before| text.get(before)))
            && clear(text.get(at + symbol.len()).filter(|byte| **byte != b'@'))
    })
}

/// The message with every mention of a symbol turned into one that nobody lists.
pub fn misname(text: &[u8], symbol: &str) -> Vec<u8> {
    let mut bytes = text.to_vec();
    let length = symbol.len();
    let spots: Vec<usize> = ends_of(text, length)
        .filter(|at| text[*at..at + length].eq_ignore_ascii_case(symbol.as_bytes()))
        .collect();
    for at in spots {
        for byte in &mut bytes[at..at + length] {
            *byte = match *byte {
                b'a'..=b'z' => b'q',
                b'A'..=b'Z' => b'Q',
                other => other,
            };
        }
    }
    bytes
}

fn ends_of(text: &[u8], length: usize) -> impl Iterator<Item = usize> {
    let count = (text.len() + 1).saturating_sub(length.max(1));
    0..count
}

fn has(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|window| window == mark)
}

/// Runs of digits in a text: where they begin and end.
fn digit_runs(text: &[u8]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut begin = None;
    for (at, byte) in text.iter().chain(b" ").enumerate() {
        match (byte.is_ascii_digit(), begin) {
            (true, None) => begin = Some(at),
            (false, Some(first)) => {
                runs.push((first, at));
                begin = None;
            }
            _ => {}
        }
    }
    runs
}

/// The message with its timestamps shifted: whole numbers of 13 digits (ms) or 16 (µs) near `now`.
pub fn shift_times(text: &[u8], now_ms: u64, shift: Shift) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 16);
    let mut from = 0;
    for (begin, end) in digit_runs(text) {
        let unit = match end - begin {
            13 => 1,
            16 => 1_000,
            _ => continue,
        };
        let number = std::str::from_utf8(&text[begin..end]).ok().and_then(|n| n.parse().ok());
        let Some(number) = number.filter(|n: &u64| (n / unit).abs_diff(now_ms) < NEAR_MS) else {
            continue;
        };
        let shifted = match (shift, unit) {
            (Shift::Back(ms), _) => number.saturating_sub(ms * unit),
            (Shift::Ahead(ms), _) => number + ms * unit,
            (Shift::Unit, 1) => number * 1_000,
            (Shift::Unit, _) => number / 1_000,
        };
        bytes.extend_from_slice(&text[from..begin]);
        bytes.extend_from_slice(shifted.to_string().as_bytes());
        from = end;
    }
    bytes.extend_from_slice(&text[from..]);
    bytes
}

/// The message with the first of these prices that stands in it turned into 0. As it is if none
/// does.
pub fn zero_price(text: &[u8], prices: impl Iterator<Item = Price>) -> Vec<u8> {
    for price in prices {
        let plain = Plain(price.raw()).to_string();
        if let Some((begin, end)) = number_span(text, plain.as_bytes()) {
            let mut bytes = text[..begin].to_vec();
            bytes.push(b'0');
            bytes.extend_from_slice(&text[end..]);
            return bytes;
        }
    }
    text.to_vec()
}

/// Where a number stands, with the zeros behind it that do not change it.
fn number_span(text: &[u8], plain: &[u8]) -> Option<(usize, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let starts = text.windows(plain.len()).enumerate().filter(|(_, window)| *window == plain);
    for (begin, _) in starts {
        if begin > 0 && is_part(&text[begin - 1]) {
            continue;
        }
        let tail = text[begin + plain.len()..].iter().take_while(|byte| is_part(byte)).count();
        let end = begin + plain.len() + tail;
        let rest = &text[begin + plain.len()..end];
        let has_point = plain.contains(&b'.') || rest.first() == Some(&b'.');
        if rest.is_empty() || has_point && rest.iter().all(|b| matches!(b, b'0' | b'.')) {
            return Some((begin, end));
        }
    }
    None
}

/// Something that is no message, in turn of several sorts; valid UTF-8.
pub fn garbage(text: &[u8], turn: u64) -> Vec<u8> {
    let half = String::from_utf8_lossy(&text[..text.len() / 2]).into_owned().into_bytes();
    match turn % 5 {
        0 => half,
        1 => b"\x00\x01\x7f garbage \x02".to_vec(),
        2 => vec![b'['; 2_000],
        3 => b"null".to_vec(),
        _ => b"{\"type\":{\"type\":[{}]},\"data\":-1e999}".to_vec(),
    }
}

/// Which opcode a message has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// Text.
    Text = 1,
    /// Binary.
    Binary = 2,
}

/// A message as a server sends it, in fragments of one byte. At most 4 bytes for one.
pub fn one_byte_fragments(opcode: Opcode, text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 3 + 2);
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.iter().enumerate() {
        let code = if at == 0 { opcode as u8 } else { 0 };
        let fin = if at == last { 0x80 } else { 0 };
        bytes.extend_from_slice(&[fin | code, 1, *byte]);
    }
    if text.is_empty() {
        bytes.extend_from_slice(&[0x80 | opcode as u8, 0]);
    }
    bytes
}

/// The beginning of a text frame that announces more than anybody should take.
pub fn giant_frame() -> Vec<u8> {
    let mut bytes = vec![0x81, 127];
    bytes.extend_from_slice(&GIANT_BYTES.to_be_bytes());
    bytes.resize(bytes.len() + GIANT_BODY, b'a');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_123;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn only_timestamps_are_shifted_and_each_in_its_unit() {
        let frame =
            br#"{"E":1790000000123,"p":"61000.10","u":7900000000123,"us":1790000000123456}"#;
        let back = text(shift_times(frame, NOW, Shift::Back(60_000)));
        assert!(back.contains("1789999940123,") && back.contains("1789999940123456}"), "{back}");
        assert!(back.contains("7900000000123"), "an update id is none");
        let unit = text(shift_times(frame, NOW, Shift::Unit));
        assert!(unit.contains("1790000000123000,") && unit.contains("1790000000123}"), "{unit}");
        let ahead = text(shift_times(frame, NOW, Shift::Ahead(1)));
        assert!(ahead.contains("1790000000124,"), "{ahead}");
    }

    #[test]
    fn a_price_becomes_zero_however_its_decimals_are_spelled() {
        let price = |raw| Price::from_raw(raw).expect("positive");
        let prices = || [price(6_100_000_000_000), price(6_100_010_000_000)].into_iter();
        let cases = [
            (r#"[["61000.00","1"]]"#, r#"[["0","1"]]"#),
            (r#"{"ask_price":61000.1,"x":1}"#, r#"{"ask_price":0,"x":1}"#),
            (r#"[["161000","1"],["610000","2"]]"#, r#"[["161000","1"],["610000","2"]]"#),
        ];
        for (before, after) in cases {
            assert_eq!(text(zero_price(before.as_bytes(), prices())), after);
        }
    }

    #[test]
    fn a_symbol_is_found_as_a_word_and_made_unknown() {
        assert!(names(br#"["btcusdt@depth"]"#, "BTCUSDT"));
        assert!(names(br#"{"code":"KRW-BTC"}"#, "KRW-BTC"));
        assert!(!names(br#"["WBTCUSDT"]"#, "BTCUSDT"));
        let named = misname(br#"["btcusdt@depth","KRW-BTC"]"#, "BTCUSDT");
        assert_eq!(text(named), r#"["qqqqqqq@depth","KRW-BTC"]"#);
    }

    #[test]
    fn market_data_is_told_from_answers() {
        let is = |venue, text: &str| is_market(venue, text.as_bytes());
        assert!(is(VenueId::Upbit, r#"{"type":"orderbook","code":"KRW-BTC"}"#));
        assert!(!is(VenueId::Upbit, r#"{"status":"UP"}"#));
        assert!(is(VenueId::Okx, r#"{"arg":{"channel":"books"},"data":[{"bids":[]}]}"#));
        assert!(!is(VenueId::Okx, r#"{"event":"subscribe","arg":{"channel":"tickers"}}"#));
        assert!(is(VenueId::Bybit, r#"{"topic":"orderbook.50.BTCUSDT","type":"delta"}"#));
        assert!(!is(VenueId::Bybit, r#"{"success":true,"op":"subscribe"}"#));
        assert!(is(VenueId::Binance, r#"{"e":"depthUpdate","E":1}"#));
        assert!(!is(VenueId::Binance, r#"{"result":null,"id":1}"#));
    }

    #[test]
    fn fragments_join_to_the_message_again() {
        let raw = one_byte_fragments(Opcode::Text, b"abc");
        assert_eq!(raw, [1, 1, b'a', 0, 1, b'b', 0x80, 1, b'c']);
        assert_eq!(giant_frame()[..2], [0x81, 127]);
    }
}
