//! How long does a book frame take from its bytes to the committed book, on each of five venues?
//! Ours (codec, sequence, ladder, published top) against a straightforward `serde_json` program
//! (typed structs, sequence, `BTreeMap`), written as usual and with care, in turns.
//!
//! Frames are synthetic, of realistic size, and go on for ever: each call takes the next one, whose
//! update number follows the one before. Before the clock starts, all three must have one book.
//!
//! `cargo bench --bench frame_to_book_ns -- okx 100000` takes in so many frames of one venue and
//! measures nothing: for callgrind, where a frame costs the difference between two counts.

#![allow(missing_docs, reason = "a program, not an interface")]

mod common;
#[path = "common/frames.rs"]
mod frames;
#[path = "common/plain.rs"]
mod plain;

use std::hint::black_box;

use arb::feed::books::Books;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::FrameKind;
use common::Contender;
use common::compare;
use frames::FRAMES;
use frames::Frame;
use plain::Ladder;
use plain::Style;

const NOW: Now = Now { mono: MonoNs(1), wall: WallNs(0) };
/// Enough that the numbers of the frames have gone on several times.
const REHEARSAL: u64 = 3 * FRAMES + 7;

/// A venue's frames, and what they follow.
struct Stream {
    name: &'static str,
    venue: VenueId,
    frame: fn(u64) -> String,
    first: Option<(FrameKind, String)>,
}

fn streams() -> [Stream; 5] {
    let first = |kind, text| Some((kind, text));
    let stream = |name, venue, frame, first| Stream { name, venue, frame, first };
    let binance = first(FrameKind::RestDepth, frames::snapshot());
    let bybit = first(FrameKind::Ws, frames::bybit_snapshot());
    let okx = first(FrameKind::Ws, frames::okx_snapshot());
    [
        stream("Upbit, book of 15 units", VenueId::Upbit, frames::upbit, None),
        stream("Bithumb, book of 15 units", VenueId::Bithumb, frames::bithumb, None),
        stream("Binance, diff 10+10", VenueId::Binance, frames::depth, binance),
        stream("Bybit, delta 5+5", VenueId::Bybit, frames::bybit, bybit),
        stream("OKX, update 18+18", VenueId::Okx, frames::okx, okx),
    ]
}

/// Frames in turn, each with the number after that of the one before.
struct Turns {
    frames: Vec<Frame>,
    at: usize,
}

impl Turns {
    fn of(stream: &Stream) -> Turns {
        Turns { frames: (0..FRAMES).map(|n| Frame::new((stream.frame)(n))).collect(), at: 0 }
    }
    fn next<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> T {
        let frame = &mut self.frames[self.at];
        let taken = take(black_box(&frame.bytes));
        frame.move_on();
        self.at = (self.at + 1) % self.frames.len();
        taken
    }
}

struct Ours {
    books: Books,
    turns: Turns,
}

impl Ours {
    fn of(stream: &Stream) -> Result<Ours, &'static str> {
        let quote = match stream.venue {
            VenueId::Upbit | VenueId::Bithumb => "KRW",
            _ => "USDT",
        };
        let name = instrument_name("BTC", quote).ok_or("no name")?;
        let mut books = Books::new(stream.venue, &[(InstrumentId(0), name)]);
        books.on_open(NOW);
        if let Some((kind, text)) = &stream.first {
            is_image(books.on_frame(*kind, text.as_bytes(), NOW))
                .then_some(())
                .ok_or("our book refuses the snapshot")?;
        }
        Ok(Ours { books, turns: Turns::of(stream) })
    }
    fn next(&mut self) {
        let outcome = self.turns.next(|frame| self.books.on_frame(FrameKind::Ws, frame, NOW));
        assert!(is_image(black_box(outcome)), "a bench of rejections: {outcome:?}");
    }
}

fn is_image(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Book { slot: 0, change: Change::Image { .. } })
}

struct Plain {
    venue: VenueId,
    style: Style,
    ladder: Ladder,
    turns: Turns,
}

impl Plain {
    fn of(stream: &Stream, style: Style) -> Result<Plain, &'static str> {
        let mut ladder = Ladder::default();
        match &stream.first {
            None => Some(()),
            Some((FrameKind::RestDepth, text)) => ladder.request(text),
            Some((FrameKind::Ws, text)) => {
                ladder.frame(stream.venue, text.as_bytes(), style).map(drop)
            }
        }
        .ok_or("the plain program refuses the snapshot")?;
        Ok(Plain { venue: stream.venue, style, ladder, turns: Turns::of(stream) })
    }
    fn next(&mut self) {
        let Plain { venue, style, ladder, turns } = self;
        let best = turns.next(|frame| ladder.frame(*venue, frame, *style));
        assert!(black_box(best).is_some(), "a bench of rejections");
    }
    /// Whether its book is ours, to the last level.
    fn agrees(&self, ours: &Ours) -> bool {
        let book = ours.books.whole(0);
        let bids = book.bids().map(|level| (level.price.raw(), level.qty.raw()));
        let asks = book.asks().map(|level| (level.price.raw(), level.qty.raw()));
        let pair = |(price, qty): (&i64, &i64)| (*price, *qty);
        bids.eq(self.ladder.bids.iter().rev().map(pair))
            && asks.eq(self.ladder.asks.iter().map(pair))
    }
}

fn run(stream: &Stream) -> Result<(), &'static str> {
    let mut ours = Ours::of(stream)?;
    let mut careful = Plain::of(stream, Style::Careful)?;
    let mut usual = Plain::of(stream, Style::Usual)?;
    for _ in 0..REHEARSAL {
        ours.next();
        careful.next();
        usual.next();
        if !(careful.agrees(&ours) && usual.agrees(&ours)) {
            return Err("the books differ");
        }
    }
    let bytes = ours.turns.frames[0].bytes.len();
    let mut contenders = [
        Contender { name: "ours", work: Box::new(|| ours.next()) },
        Contender { name: "serde_json, with care", work: Box::new(|| careful.next()) },
        Contender { name: "serde_json, as usual", work: Box::new(|| usual.next()) },
    ];
    compare(&format!("{}, {bytes} B, to the book", stream.name), &mut contenders);
    Ok(())
}

/// The venue and the number of frames, if only those are to be taken in.
fn asked() -> Option<(String, u64)> {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let venue = words.next()?;
    Some((venue, words.next().and_then(|count| count.parse().ok()).unwrap_or(0)))
}

fn main() {
    let asked = asked();
    for stream in streams() {
        let outcome = match &asked {
            None => run(&stream),
            Some((venue, _)) if !stream.name.to_lowercase().starts_with(venue) => continue,
            Some((_, count)) => {
                Ours::of(&stream).map(|mut ours| (0..*count).for_each(|_| ours.next()))
            }
        };
        if let Err(why) = outcome {
            eprintln!("frame_to_book_ns: {}: {why}; correct benches/common", stream.name);
            std::process::exit(1);
        }
    }
}
