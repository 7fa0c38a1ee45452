//! What does one book change cost, from the bytes of a frame to the engine's decision? Ours against
//! decoding alone with `serde_json`, into plain structs and into `Value`, in turns.
//!
//! Ours is all of it: codec, book, top, both directions of the route, edge samples. Each call takes
//! the next of a few frames, so that every one changes the book. Frames are synthetic.

mod common;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/world.rs"]
mod world;

use std::hint::black_box;

use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::market::BookTop;
use arb::venue::FrameKind;
use common::Contender;
use common::compare;
use frames::FRAMES;
use frames::Frame;
use frames::PlainBook;
use frames::PlainDepth;
use frames::PlainTicker;
use serde::de::DeserializeOwned;
use world::World;

fn main() {
    let mut world = match World::new() {
        Ok(world) => world,
        Err(why) => {
            eprintln!("book_to_decision_ns: {why}; correct benches/common/world.rs");
            std::process::exit(1);
        }
    };
    world.fill();
    run::<PlainDepth>(("depth 10+10", VenueId::Binance), frames::depth, &mut world);
    run::<PlainTicker>(("bookTicker", VenueId::Binance), frames::ticker, &mut world);
    run::<PlainBook>(("Upbit 15 units", VenueId::Upbit), frames::upbit, &mut world);
    decisions(&mut world);
}

fn run<P: DeserializeOwned>(what: (&str, VenueId), make: fn(u64) -> String, world: &mut World) {
    let (name, venue) = what;
    let mut numbered: Vec<Frame> = (0..FRAMES).map(|n| Frame::new(make(n))).collect();
    let plain: Vec<Vec<u8>> = numbered.iter().map(|frame| frame.bytes.clone()).collect();
    let mut at = 0;
    let ours = || {
        let frame = &mut numbered[at];
        assert!(
            world.frame(venue, FrameKind::Ws, black_box(&frame.bytes)),
            "a bench of rejections"
        );
        frame.move_on();
        at = (at + 1) % plain.len();
    };
    let mut next = 0;
    let typed = || {
        next = (next + 1) % plain.len();
        let value = serde_json::from_slice::<P>(black_box(&plain[next]));
        assert!(black_box(value).is_ok(), "a bench of rejections");
    };
    let mut next = 0;
    let tree = || {
        next = (next + 1) % plain.len();
        let value = serde_json::from_slice::<serde_json::Value>(black_box(&plain[next]));
        assert!(black_box(value).is_ok(), "a bench of rejections");
    };
    let mut contenders = [
        Contender { name: "ours, bytes to decision", work: Box::new(ours) },
        Contender { name: "typed, decoding only", work: Box::new(typed) },
        Contender { name: "Value, decoding only", work: Box::new(tree) },
    ];
    compare(&format!("{name}, {} B, to the decision", plain[0].len()), &mut contenders);
}

/// From a top that is already decoded.
fn decisions(world: &mut World) {
    let mut tops = [BookTop::empty(InstrumentId(0)), BookTop::empty(InstrumentId(0))];
    for (top, (venue, id)) in tops.iter_mut().zip(VenueId::ALL.into_iter().zip(world.ids)) {
        let upbit = venue == VenueId::Upbit;
        let books = if upbit { &mut world.upbit } else { &mut world.binance };
        let slot = (0..books.len()).find(|slot| books.name(*slot).starts_with("BTC"));
        top.clone_from(books.top(slot.unwrap_or(0)));
        assert_eq!(top.instrument, id, "the book of BTC");
    }
    let [mut upbit, mut binance] = tops;
    let now = world.now;
    let mut ticker = binance.clone();
    let core = std::cell::RefCell::new(&mut world.core);
    let decide = |top: &mut BookTop, is_image: bool| {
        top.image += u64::from(is_image);
        top.digest += 1;
        let mut core = core.borrow_mut();
        core.on_book(black_box(top), now);
        core.decide(top.instrument, now);
    };
    let mut contenders = [
        Contender { name: "ticker, 32 levels", work: Box::new(|| decide(&mut ticker, false)) },
        Contender { name: "image, 32 levels", work: Box::new(|| decide(&mut binance, true)) },
        Contender { name: "image, 15 levels", work: Box::new(|| decide(&mut upbit, true)) },
    ];
    compare("top to decision", &mut contenders);
}
