//! Synthetic frames of realistic size, and what a straightforward program declares for them.
#![allow(dead_code, reason = "each bench uses its own part")]

use std::fmt::Write;

use serde::Deserialize;

/// Frames that take turns. A hundred, so that a round later each id is one higher in its hundreds.
pub const FRAMES: u64 = 100;
/// First update number of the tickers: newer than every diff.
const TICKER_ID: u64 = 70_093_239_200;
/// First update number of the diffs.
const DIFF_ID: u64 = 50_093_239_200;
/// Best prices on Binance, in cents, and the distance of its levels.
const BEST: [u64; 2] = [6_183_763, 6_183_764];
const STEP: [i64; 2] = [-13, 17];

/// A book ticker.
#[derive(Deserialize)]
pub struct PlainTicker {
    u: u64,
    s: String,
    b: String,
    #[serde(rename = "B")]
    bid_qty: String,
    a: String,
    #[serde(rename = "A")]
    ask_qty: String,
}

/// A depth diff.
#[derive(Deserialize)]
pub struct PlainDepth {
    e: String,
    #[serde(rename = "E")]
    time: u64,
    s: String,
    #[serde(rename = "U")]
    first_id: u64,
    u: u64,
    b: Vec<(String, String)>,
    a: Vec<(String, String)>,
}

/// An Upbit order book.
#[derive(Deserialize)]
pub struct PlainBook {
    code: String,
    timestamp: u64,
    total_ask_size: f64,
    total_bid_size: f64,
    orderbook_units: Vec<PlainUnit>,
}

/// One row of it.
#[derive(Deserialize)]
pub struct PlainUnit {
    ask_price: f64,
    bid_price: f64,
    ask_size: f64,
    bid_size: f64,
}

/// A frame whose update numbers can be moved on without writing it anew.
pub struct Frame {
    /// The frame.
    pub bytes: Vec<u8>,
    /// Where the hundreds of its update numbers stand.
    hundreds: Vec<usize>,
}

impl Frame {
    /// From its text.
    pub fn new(text: String) -> Frame {
        let ends = [r#""u":"#, r#""U":"#].iter().filter_map(|key| {
            let start = text.find(key)? + key.len();
            Some(start + text[start..].find(',')?)
        });
        let hundreds = ends.map(|end| end - 3).collect();
        Frame { bytes: text.into_bytes(), hundreds }
    }
    /// Adds [`FRAMES`] to each update number: about 2 ns.
    pub fn move_on(&mut self) {
        for at in &self.hundreds {
            let mut at = *at;
            while self.bytes[at] == b'9' {
                self.bytes[at] = b'0';
                at -= 1;
            }
            self.bytes[at] += 1;
        }
    }
}

/// Book ticker number `n`.
pub fn ticker(n: u64) -> String {
    let (id, qty) = (TICKER_ID + n, 10 + n % 80);
    let cents = 63 - 13 * (n % 3);
    let bid = format!(r#""b":"61837.{cents:02}000000","B":"3.{qty}826000""#);
    let ask = format!(r#""a":"61837.64000000","A":"1.{qty}698000""#);
    format!(r#"{{"u":{id},"s":"BTCUSDT",{bid},{ask}}}"#)
}

/// Depth diff number `n`: ten levels a side near the top, one of them deleted.
pub fn depth(n: u64) -> String {
    let side = |of: usize| {
        let level = |at: u64| {
            let qty = if at == 4 { "0.00".into() } else { format!("0.{}", 10 + (n + at) % 90) };
            format!(r#"["{}","{qty}698000"]"#, price(of, (n * 7 + at * 3) % 40 + at % 2))
                .replace("0.00698000", "0.00000000")
        };
        (0..10).map(level).collect::<Vec<_>>().join(",")
    };
    let id = DIFF_ID + n;
    let head = r#""e":"depthUpdate","E":1723161255208,"s":"BTCUSDT""#;
    format!(r#"{{{head},"U":{id},"u":{id},"b":[{}],"a":[{}]}}"#, side(0), side(1))
}

/// The REST snapshot that the diffs follow: a thousand levels a side.
pub fn snapshot() -> String {
    let side = |of: usize| {
        let levels = (0..1_000).map(|at| format!(r#"["{}","0.50000000"]"#, price(of, at)));
        levels.collect::<Vec<_>>().join(",")
    };
    let id = DIFF_ID - 1;
    format!(r#"{{"lastUpdateId":{id},"bids":[{}],"asks":[{}]}}"#, side(0), side(1))
}

fn price(of: usize, at: u64) -> String {
    let cents = BEST[of].saturating_add_signed(STEP[of] * at as i64);
    format!("{}.{:02}000000", cents / 100, cents % 100)
}

/// An Upbit book of fifteen units, number `n`.
pub fn upbit(n: u64) -> String {
    let mut units = String::new();
    for at in 0..15u64 {
        let comma = if at == 0 { "" } else { "," };
        let (ask, bid) = (86_123 + n % 5 + at, 86_122 + n % 5 - at);
        let (asked, wanted) = (100 + (n + at) % 800, 100 + (n * 3 + at) % 800);
        let ask = format!(r#""ask_price":8.{}E7"#, ask - 80_000);
        let bid = format!(r#""bid_price":8.{}E7"#, bid - 80_000);
        let sizes = format!(r#""ask_size":0.{asked}50667,"bid_size":0.{wanted}71493"#);
        let _ = write!(units, "{comma}{{{ask},{bid},{sizes}}}");
    }
    image("KRW-BTC", &units)
}

/// The book of won per tether.
pub fn rate() -> String {
    let unit = r#"{"ask_price":1388.0,"bid_price":1387.0,"ask_size":39754.19,"bid_size":6201.31}"#;
    image("KRW-USDT", unit)
}

fn image(code: &str, units: &str) -> String {
    let head = format!(r#""type":"orderbook","code":"{code}","timestamp":1723161255478"#);
    let totals = r#""total_ask_size":22.83278449,"total_bid_size":15.33353896"#;
    let tail = r#""stream_type":"REALTIME","level":0"#;
    format!(r#"{{{head},{totals},"orderbook_units":[{units}],{tail}}}"#)
}
