//! How long does one frame take from bytes to typed levels? Ours against `serde_json` into plain
//! structs and into `Value`, in turns. Frames are synthetic, of realistic size.

mod common;
#[path = "common/frames.rs"]
mod frames;

use std::hint::black_box;

use arb::types::ids::VenueId;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::codec;
use common::Contender;
use common::compare;
use frames::PlainBook;
use frames::PlainDepth;
use frames::PlainTicker;
use serde::de::DeserializeOwned;

fn main() {
    run::<PlainTicker>("bookTicker", VenueId::Binance, &frames::ticker(0));
    run::<PlainDepth>("depth 10+10", VenueId::Binance, &frames::depth(0));
    run::<PlainBook>("Upbit 15 units", VenueId::Upbit, &frames::upbit(0));
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
