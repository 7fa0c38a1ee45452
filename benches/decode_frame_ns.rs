//! How long does one frame take from bytes to typed levels? Ours against `serde_json` into plain
//! structs and into `Value`, in turns. Frames are synthetic, of realistic size.

mod common;

use std::fmt::Write;
use std::hint::black_box;

use arb::types::ids::VenueId;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::codec;
use common::Contender;
use common::compare;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a straightforward program declares for a book ticker.
#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are what is decoded; nobody reads them")]
struct PlainTicker {
    u: u64,
    s: String,
    b: String,
    #[serde(rename = "B")]
    bid_qty: String,
    a: String,
    #[serde(rename = "A")]
    ask_qty: String,
}

/// What a straightforward program declares for a depth diff.
#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are what is decoded; nobody reads them")]
struct PlainDepth {
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

/// What a straightforward program declares for an Upbit order book.
#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are what is decoded; nobody reads them")]
struct PlainBook {
    code: String,
    timestamp: u64,
    total_ask_size: f64,
    total_bid_size: f64,
    orderbook_units: Vec<PlainUnit>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are what is decoded; nobody reads them")]
struct PlainUnit {
    ask_price: f64,
    bid_price: f64,
    ask_size: f64,
    bid_size: f64,
}

fn main() {
    run::<PlainTicker>("bookTicker", VenueId::Binance, &ticker());
    run::<PlainDepth>("depth 10+10", VenueId::Binance, &depth());
    run::<PlainBook>("Upbit 15 units", VenueId::Upbit, &upbit());
}

fn run<P: DeserializeOwned>(name: &str, venue: VenueId, frame: &str) {
    let bytes = frame.as_bytes();
    let codec = codec(venue);
    let mut scratch = Scratch::default();
    let decodes = codec.decode(FrameKind::Ws, bytes, &mut scratch).is_ok();
    assert!(decodes && serde_json::from_slice::<P>(bytes).is_ok(), "a bench of rejections");
    let ours = move || {
        let event = codec.decode(FrameKind::Ws, black_box(bytes), &mut scratch);
        let _ = black_box(event);
    };
    let plain = || {
        let value = serde_json::from_slice::<P>(black_box(bytes));
        let _ = black_box(value);
    };
    let tree = || {
        let value = serde_json::from_slice::<serde_json::Value>(black_box(bytes));
        let _ = black_box(value);
    };
    let mut contenders = [
        Contender { name: "ours", work: Box::new(ours) },
        Contender { name: "serde_json, plain types", work: Box::new(plain) },
        Contender { name: "serde_json::Value", work: Box::new(tree) },
    ];
    compare(&format!("decode {name}, {} B", bytes.len()), &mut contenders);
}

fn ticker() -> String {
    let bid = r#""b":"61837.63000000","B":"3.78826000""#;
    let ask = r#""a":"61837.64000000","A":"1.54698000""#;
    format!(r#"{{"u":50093239212,"s":"BTCUSDT",{bid},{ask}}}"#)
}

fn depth() -> String {
    let side = |first: u64, step: i64| {
        let mut levels = String::new();
        for at in 0..10 {
            let cents = first.saturating_add_signed(step * at);
            let comma = if at == 0 { "" } else { "," };
            let (whole, part, qty) = (cents / 100, cents % 100, 10 + at);
            let _ = write!(levels, r#"{comma}["{whole}.{part:02}000000","0.{qty}698000"]"#);
        }
        levels
    };
    let (bids, asks) = (side(6_183_763, -13), side(6_183_764, 17));
    let head = r#""e":"depthUpdate","E":1723161255208,"s":"BTCUSDT""#;
    format!(r#"{{{head},"U":50093239189,"u":50093239202,"b":[{bids}],"a":[{asks}]}}"#)
}

fn upbit() -> String {
    let mut units = String::new();
    for at in 0..15u64 {
        let comma = if at == 0 { "" } else { "," };
        let (ask, bid) = (86_123_000 + 1_000 * at, 86_120_000 - 1_000 * at);
        let millions = |won: u64| format!("8.{}", won / 1_000 - 80_000);
        let (ask, bid) = (millions(ask), millions(bid));
        let _ = write!(
            units,
            r#"{comma}{{"ask_price":{ask}E7,"bid_price":{bid}E7,"ask_size":{},"bid_size":{}}}"#,
            format_args!("0.{}50667", 100 + at),
            format_args!("0.{}71493", 200 + at)
        );
    }
    let head = r#""type":"orderbook","code":"KRW-BTC","timestamp":1723161255478"#;
    let totals = r#""total_ask_size":22.83278449,"total_bid_size":15.33353896"#;
    let tail = r#""stream_type":"REALTIME","level":0"#;
    format!(r#"{{{head},{totals},"orderbook_units":[{units}],{tail}}}"#)
}
