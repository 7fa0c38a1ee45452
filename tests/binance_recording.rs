//! Binance's recordings, where the shared fixtures are present: the rebuilt top is the ticker's, a
//! lost diff is noticed with the next one and mended by a snapshot, snapshots join their diffs.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;

use arb::feed::books::Books;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::market::Invalid;
use arb::types::market::Level;
use arb::types::market::Side;
use arb::types::market::Ticker;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::SCALE;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::Span;
use arb::venue::codec;
use flate2::read::MultiGzDecoder;

fn fixture(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/binance").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: the shared fixtures are absent ({name})");
    None
}

/// A frame and how it came.
struct Frame {
    kind: FrameKind,
    bytes: Vec<u8>,
}

impl Frame {
    fn of(line: &str) -> Frame {
        // The recorder asked for one snapshot and wrote its body between the frames.
        let is_body = line.starts_with("{\"lastUpdateId\"");
        let kind = if is_body { FrameKind::RestDepth } else { FrameKind::Ws };
        Frame { kind, bytes: line.as_bytes().to_vec() }
    }
    fn first_id(&self) -> Option<u64> {
        let mut scratch = Scratch::default();
        match codec(VenueId::Binance).decode(self.kind, &self.bytes, &mut scratch) {
            Ok(Event::Delta { span: Span::Joined { first, .. }, .. }) => Some(first),
            _ => None,
        }
    }
}

/// The recording of 2024-08-08: a receive time and a frame in each line.
fn recording() -> Option<Vec<Frame>> {
    let path = fixture("recorded/btcusdt_20240808.recv_ns_and_json.gz")?;
    let file = BufReader::new(MultiGzDecoder::new(File::open(path).expect("a readable file")));
    let frame = |line: std::io::Result<String>| {
        let line = line.expect("an undamaged recording");
        let (_, frame) = line.split_once(' ').expect("a time and a frame");
        Frame::of(frame)
    };
    Some(file.lines().map(frame).collect())
}

fn books(base: &str, quote: &str) -> Books {
    let name = instrument_name(base, quote).expect("a good name");
    let mut books = Books::new(VenueId::Binance, &[(InstrumentId(0), name)]);
    books.on_open(now(0));
    books
}

fn now(at: usize) -> Now {
    Now { mono: MonoNs(at as u64), wall: WallNs(0) }
}

/// Plays one frame; what it did to the book, if anything.
fn play(books: &mut Books, at: usize, frame: &Frame) -> Option<Change> {
    match books.on_frame(frame.kind, &frame.bytes, now(at)) {
        Outcome::Book { change, .. } => Some(change),
        Outcome::Rejected(why) => panic!("rejected: {why}"),
        _ => None,
    }
}

fn tickers(frames: &[Frame]) -> HashMap<u64, Ticker> {
    let codec = codec(VenueId::Binance);
    let mut scratch = Scratch::default();
    let ticker = |frame: &Frame| match codec.decode(frame.kind, &frame.bytes, &mut scratch) {
        Ok(Event::Ticker { ticker, .. }) => Some((ticker.update_id, ticker)),
        _ => None,
    };
    frames.iter().filter_map(ticker).collect()
}

/// True if an image of that update number has the top of the ticker of the same number; `None`
/// where there is no such ticker.
fn agrees(books: &mut Books, tickers: &HashMap<u64, Ticker>) -> Option<bool> {
    let top = books.top(0);
    let ticker = tickers.get(&top.update_id)?;
    let bid = top.image_ladder(Side::Sell).best() == Some(ticker.bid);
    Some(bid && top.image_ladder(Side::Buy).best() == Some(ticker.ask))
}

#[test]
fn the_rebuilt_top_equals_the_ticker_at_each_update_that_both_have() {
    let Some(frames) = recording() else { return };
    let tickers = tickers(&frames);
    let mut books = books("BTC", "USDT");
    let (mut compared, mut images, mut diffs) = (0, 0, 0);
    for (at, frame) in frames.iter().enumerate() {
        diffs += usize::from(frame.first_id().is_some());
        match play(&mut books, at, frame) {
            Some(Change::Image { .. }) => {
                images += 1;
                if let Some(agrees) = agrees(&mut books, &tickers) {
                    assert!(agrees, "frame {at}, update {}", books.top(0).update_id);
                    compared += 1;
                }
            }
            Some(Change::Gap | Change::Broken(_) | Change::Refused(_)) => {
                panic!("frame {at} broke the book")
            }
            _ => {}
        }
    }
    // Three diffs came before the snapshot: two are within it, one became its image.
    assert_eq!((diffs, images), (3_451, 3_451 - 2));
    assert_eq!(compared, 564);
}

fn sides(books: &Books) -> [Vec<Level>; 2] {
    let whole = books.whole(0);
    [whole.bids().collect(), whole.asks().collect()]
}

/// The body with which the venue would answer a request for this book.
fn snapshot_of(books: &Books) -> Frame {
    let decimal = |raw: i64| format!("{}.{:08}", raw / SCALE, raw % SCALE);
    let side = |levels: &[Level]| {
        let level = |level: &Level| {
            format!("[\"{}\",\"{}\"]", decimal(level.price.raw()), decimal(level.qty.raw()))
        };
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    };
    let [bids, asks] = sides(books);
    let id = books.whole(0).update_id().expect("a book with a number");
    let (bids, asks) = (side(&bids), side(&asks));
    Frame::of(&format!("{{\"lastUpdateId\":{id},\"bids\":[{bids}],\"asks\":[{asks}]}}"))
}

#[test]
fn a_lost_diff_is_found_with_the_next_one_and_mended_by_the_next_snapshot() {
    let Some(frames) = recording() else { return };
    let diffs: Vec<usize> =
        (0..frames.len()).filter(|at| frames[*at].first_id().is_some()).collect();
    // From the first diff after the join to one near the end.
    for lost in [4, 500, 3_000] {
        let (dropped, next) = (diffs[lost], diffs[lost + 1]);
        let answered_after = diffs[lost + 4];
        let (mut whole, mut broken) = (books("BTC", "USDT"), books("BTC", "USDT"));
        for (at, frame) in frames.iter().enumerate().take(diffs[lost + 200]) {
            play(&mut whole, at, frame);
            if at == dropped {
                continue;
            }
            let change = play(&mut broken, at, frame);
            if at == next {
                assert_eq!(change, Some(Change::Gap), "found at once");
            }
            let is_broken = (next..=answered_after).contains(&at);
            let expected = if is_broken { Some(Invalid::Gap) } else { whole.top(0).invalid };
            assert_eq!(broken.top(0).invalid, expected, "frame {at}");
            if at == answered_after {
                let change = play(&mut broken, at, &snapshot_of(&whole));
                assert_eq!(change, Some(Change::Image { resynced: true }));
            }
            if at < dropped || at >= answered_after {
                assert_eq!(broken.top(0).update_id, whole.top(0).update_id);
                assert_eq!(broken.top(0).bids, whole.top(0).bids);
                assert_eq!(broken.top(0).asks, whole.top(0).asks);
            }
        }
        assert_eq!(sides(&broken), sides(&whole));
    }
}

#[test]
fn the_snapshots_of_2021_join_their_diffs_without_a_gap() {
    let cases = [("blzeth", "BLZ", "ETH"), ("lrcbtc", "LRC", "BTC"), ("runeeur", "RUNE", "EUR")];
    for (name, base, quote) in cases {
        let of = |end: &str| fixture(&format!("recorded/cryptofeed_2021_{name}{end}"));
        let (Some(diffs), Some(snapshot)) = (of(".jsonl"), of("_snapshot.json")) else { return };
        let read = |path: &Path| std::fs::read_to_string(path).expect("a readable file");
        let snapshot = Frame::of(read(&snapshot).trim_end());
        let frames: Vec<Frame> = read(&diffs).lines().map(Frame::of).collect();
        let diffs = frames.iter().filter(|frame| frame.first_id().is_some()).count();
        // The request was answered at some point; wherever that was, the same book comes out.
        let mut ends = Vec::new();
        for answered in 0..=frames.len() {
            let mut books = books(base, quote);
            let mut joined = 0;
            for at in 0..=frames.len() {
                if at == answered {
                    let change = play(&mut books, at, &snapshot);
                    assert_eq!(change, Some(Change::Image { resynced: false }), "{name}");
                    joined += 1;
                }
                let change = frames.get(at).and_then(|frame| play(&mut books, at, frame));
                let is_good = !matches!(change, Some(Change::Gap | Change::Broken(_)));
                assert!(is_good, "{name}: frame {at}: {change:?}");
            }
            assert_eq!((joined, books.top(0).invalid), (1, None));
            ends.push((books.top(0).update_id, sides(&books)));
        }
        assert!(diffs > 0 && ends.windows(2).all(|pair| pair[0] == pair[1]), "{name}");
    }
}
