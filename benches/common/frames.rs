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
/// First update numbers of the books of Bybit and OKX.
const CHAINED_ID: [u64; 2] = [2_876_700, 15_093_239_200];
/// Levels a side of their snapshots.
const CHAINED_LEVELS: [u64; 2] = [50, 400];
/// Best prices in USDT, in cents, and the distance of the levels.
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

/// A depth diff, whose decimals are of type `S`.
#[derive(Deserialize)]
pub struct PlainDepth<S = String> {
    e: S,
    #[serde(rename = "E")]
    time: u64,
    s: S,
    /// First update.
    #[serde(rename = "U")]
    pub first_id: u64,
    /// Last update.
    pub u: u64,
    /// Bids.
    pub b: Vec<(S, S)>,
    /// Asks.
    pub a: Vec<(S, S)>,
}

/// An order book of Upbit or Bithumb.
#[derive(Deserialize)]
pub struct PlainBook {
    code: String,
    /// Venue time, in the venue's unit.
    pub timestamp: u64,
    total_ask_size: f64,
    total_bid_size: f64,
    /// Its rows.
    pub orderbook_units: Vec<PlainUnit>,
}

/// One row of it.
#[derive(Deserialize)]
pub struct PlainUnit {
    /// Price of the ask.
    pub ask_price: f64,
    /// Price of the bid.
    pub bid_price: f64,
    /// Quantity asked.
    pub ask_size: f64,
    /// Quantity bid.
    pub bid_size: f64,
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
        let keys = [r#""u":"#, r#""U":"#, r#""seqId":"#, r#""prevSeqId":"#];
        let ends = keys.iter().filter_map(|key| {
            let start = text.find(key)? + key.len();
            Some(start + text[start..].find([',', '}'])?)
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

/// A Bithumb book of fifteen units, number `n`: plain prices, sizes of four decimals, µs.
pub fn bithumb(n: u64) -> String {
    let mut units = String::new();
    for at in 0..15u64 {
        let comma = if at == 0 { "" } else { "," };
        let (ask, bid) = (86_123 + n % 5 + at, 86_122 + n % 5 - at);
        let prices = format!(r#""ask_price":{ask}000,"bid_price":{bid}000"#);
        let (asked, wanted) = (1_000 + (n + at) % 8_000, 1_000 + (n * 3 + at) % 8_000);
        let sizes = format!(r#""ask_size":0.{asked},"bid_size":0.{wanted}"#);
        let _ = write!(units, "{comma}{{{prices},{sizes}}}");
    }
    let head = r#""type":"orderbook","code":"KRW-BTC""#;
    let totals = r#""total_ask_size":3.4039,"total_bid_size":0.0852"#;
    let tail = r#""level":1,"timestamp":1723161255478901,"stream_type":"REALTIME""#;
    format!(r#"{{{head},{totals},"orderbook_units":[{units}],{tail}}}"#)
}

/// Delta number `n` of a Bybit book of 50 levels: five a side, one of them deleted.
pub fn bybit(n: u64) -> String {
    let side = |of: usize| {
        let level = |at: u64| {
            let qty = if at == 2 { "0".into() } else { format!("0.{:06}", (n + at) % 900 + 67) };
            format!(r#"["{}","{qty}"]"#, short_price(of, (n * 7 + at * 3) % 40))
        };
        (0..5).map(level).collect::<Vec<_>>().join(",")
    };
    bybit_book(("delta", CHAINED_ID[0] + n), &[side(0), side(1)])
}

/// The snapshot that Bybit's deltas follow.
pub fn bybit_snapshot() -> String {
    let side = |of: usize| {
        let level = |at: u64| format!(r#"["{}","0.067669"]"#, short_price(of, at));
        (0..CHAINED_LEVELS[0]).map(level).collect::<Vec<_>>().join(",")
    };
    bybit_book(("snapshot", CHAINED_ID[0] - 1), &[side(0), side(1)])
}

fn bybit_book((kind, id): (&str, u64), [bids, asks]: &[String; 2]) -> String {
    let head = format!(r#""topic":"orderbook.50.BTCUSDT","ts":1731035685345,"type":"{kind}""#);
    let data = format!(r#""s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{id},"seq":47474967823"#);
    format!(r#"{{{head},"data":{{{data}}},"cts":1731035685342}}"#)
}

/// Update number `n` of an OKX book of 400 levels: eighteen a side, every third of them deleted.
pub fn okx(n: u64) -> String {
    let side = |of: usize| {
        let level = |at: u64| {
            let (qty, orders) = if at % 3 == 2 {
                ("0".into(), 0)
            } else {
                (format!("0.{}", 1_000 + (n + at) % 8_000), 1 + (n + at) % 5)
            };
            format!(r#"["{}","{qty}","0","{orders}"]"#, short_price(of, (n * 7 + at * 4) % 97))
        };
        (0..18).map(level).collect::<Vec<_>>().join(",")
    };
    let id = CHAINED_ID[1] + n;
    okx_book(("update", id, (id - 1).to_string()), &[side(0), side(1)])
}

/// The snapshot that OKX's updates follow.
pub fn okx_snapshot() -> String {
    let side = |of: usize| {
        let level = |at: u64| format!(r#"["{}","0.16","0","1"]"#, short_price(of, at));
        (0..CHAINED_LEVELS[1]).map(level).collect::<Vec<_>>().join(",")
    };
    okx_book(("snapshot", CHAINED_ID[1] - 1, "-1".into()), &[side(0), side(1)])
}

fn okx_book((action, id, before): (&str, u64, String), [bids, asks]: &[String; 2]) -> String {
    let head = r#""arg":{"channel":"books","instId":"BTC-USDT"}"#;
    let numbers = format!(r#""checksum":0,"seqId":{id},"prevSeqId":{before}"#);
    let data = format!(r#""asks":[{asks}],"bids":[{bids}],"ts":"1731035685345",{numbers}"#);
    format!(r#"{{{head},"action":"{action}","data":[{{{data}}}]}}"#)
}

/// As Bybit and OKX write it: without zeros at the end.
fn short_price(of: usize, at: u64) -> String {
    price(of, at).trim_end_matches('0').trim_end_matches('.').to_owned()
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
