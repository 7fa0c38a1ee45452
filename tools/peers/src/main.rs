//! How much faster than its peers is the way from a frame to a book and a decision? Contenders take
//! turns in one process; ratios count, absolute times belong to the machine. See README.md.

#[path = "../../../benches/common/mod.rs"]
mod common;
#[path = "../../../benches/common/frames.rs"]
mod frames;
#[path = "../../../benches/common/world.rs"]
mod world;

use std::hint::black_box;

use arb::types::ids::VenueId;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::codec;
use barter_data::event::MarketIter;
use barter_data::exchange::binance::book::l1::BinanceOrderBookL1;
use barter_data::subscription::book::OrderBookL1;
use barter_instrument::exchange::ExchangeId;
use common::Contender;
use common::compare;
use frames::FRAMES;
use frames::Frame;
use hftbacktest::depth::HashMapMarketDepth;
use hftbacktest::depth::L2MarketDepth;
use hftbacktest::depth::MarketDepth;
use serde::Deserialize;
use world::World;

/// What hftbacktest's own connectors declare for a diff: text that becomes floats.
#[derive(Deserialize)]
struct TextDepth<'f> {
    #[serde(rename = "E")]
    time: i64,
    #[serde(borrow)]
    b: Vec<(&'f str, &'f str)>,
    #[serde(borrow)]
    a: Vec<(&'f str, &'f str)>,
}

fn main() -> Result<(), String> {
    let mut world = World::new()?;
    world.fill();
    depth(&mut world);
    tickers(&mut world);
    Ok(())
}

fn numbered(make: fn(u64) -> String) -> (Vec<Frame>, Vec<Vec<u8>>) {
    let frames: Vec<Frame> = (0..FRAMES).map(|n| Frame::new(make(n))).collect();
    let plain = frames.iter().map(|frame| frame.bytes.clone()).collect();
    (frames, plain)
}

/// Takes the frames in turns.
fn next(at: &mut usize) -> usize {
    *at = (*at + 1) % FRAMES as usize;
    *at
}

fn tickers(world: &mut World) {
    let (mut frames, plain) = numbered(frames::ticker);
    let mut at = FRAMES as usize - 1;
    let ours = || {
        let frame = &mut frames[next(&mut at)];
        let bytes = black_box(&frame.bytes);
        assert!(world.frame(VenueId::Binance, FrameKind::Ws, bytes), "a bench of rejections");
        frame.move_on();
    };
    let (codec, mut scratch, mut at) = (codec(VenueId::Binance), Scratch::default(), 0);
    let decode = || {
        let event = codec.decode(FrameKind::Ws, black_box(&plain[next(&mut at)]), &mut scratch);
        assert!(black_box(event).is_ok(), "a bench of rejections");
    };
    let mut at = 0;
    let barter = || {
        let frame = black_box(&plain[next(&mut at)]);
        let text = std::str::from_utf8(frame).unwrap_or_default();
        let book = serde_json::from_str::<BinanceOrderBookL1>(text);
        let book = book.unwrap_or_else(|error| panic!("barter: {error}"));
        let events = MarketIter::<u8, OrderBookL1>::from((ExchangeId::BinanceSpot, 0, book));
        black_box(&events);
    };
    let mut contenders = [
        Contender { name: "ours, to the decision", work: Box::new(ours) },
        Contender { name: "ours, decoding only", work: Box::new(decode) },
        Contender { name: "barter-data, to its event", work: Box::new(barter) },
    ];
    compare("bookTicker", &mut contenders);
}

fn depth(world: &mut World) {
    let (mut frames, plain) = numbered(frames::depth);
    let mut at = FRAMES as usize - 1;
    let ours = || {
        let frame = &mut frames[next(&mut at)];
        let bytes = black_box(&frame.bytes);
        assert!(world.frame(VenueId::Binance, FrameKind::Ws, bytes), "a bench of rejections");
        frame.move_on();
    };
    let mut book = HashMapMarketDepth::new(0.01, 0.00001);
    let mut at = 0;
    let hftbacktest = || {
        let text = std::str::from_utf8(black_box(&plain[next(&mut at)])).unwrap_or_default();
        let diff: TextDepth = serde_json::from_str(text).unwrap_or_else(|e| panic!("diff: {e}"));
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
        for (price, qty) in &diff.b {
            book.update_bid_depth(number(price), number(qty), diff.time);
        }
        for (price, qty) in &diff.a {
            book.update_ask_depth(number(price), number(qty), diff.time);
        }
        black_box(book.best_bid_tick());
    };
    let mut contenders = [
        Contender { name: "ours, to the decision", work: Box::new(ours) },
        Contender { name: "serde + hftbacktest book", work: Box::new(hftbacktest) },
    ];
    compare("depth 10+10", &mut contenders);
}
