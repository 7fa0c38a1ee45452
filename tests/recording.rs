//! The recorded pair and the venues' documented frames, where the shared fixtures are present.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use arb::cli::decode::decode;
use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::tape::Record;
use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::types::counters::Counter;
use arb::types::counters::PARSED;
use arb::types::counters::REJECTED;
use arb::types::counters::Tally;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::market::Invalid;
use arb::types::market::Side;
use arb::types::market::Ticker;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::codec;

fn fixture(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: the shared fixtures are absent ({name})");
    None
}

fn pair() -> Option<PathBuf> {
    fixture("pairs/kimchi_btc_20240808.rec.gz")
}

fn feed_of(venue: VenueId) -> Feed {
    let names = match venue {
        VenueId::Upbit => [("BTC", "KRW"), ("USDT", "KRW")].as_slice(),
        _ => [("BTC", "USDT")].as_slice(),
    };
    let instruments: Vec<_> = (0u8..)
        .zip(names)
        .map(|(id, (base, quote))| {
            (InstrumentId(id), instrument_name(base, quote).expect("a good name"))
        })
        .collect();
    Feed::new(Books::new(venue, &instruments), Vec::new())
}

fn play(feed: &mut Feed, record: &Record<'_>) {
    let now = Now { mono: MonoNs(record.recv.0), wall: record.recv };
    match record.kind {
        RecordKind::Open => feed.on_open(now),
        RecordKind::Close => feed.on_close(now),
        RecordKind::Ws => drop(feed.on_frame(FrameKind::Ws, record.payload, now)),
        RecordKind::RestDepth => drop(feed.on_frame(FrameKind::RestDepth, record.payload, now)),
    }
}

fn assert_counted_once(tally: &Tally) {
    let sum: u64 = PARSED.iter().chain(&REJECTED).map(|counter| tally.get(*counter)).sum();
    assert_eq!(sum, tally.get(Counter::Frames), "each frame has exactly one outcome");
}

#[test]
fn the_recorded_pair_gives_every_image_and_no_gap() {
    let Some(path) = pair() else { return };
    let mut tape = Tape::open(&path).expect("the recording opens");
    let mut feeds = [VenueId::Upbit, VenueId::Binance].map(feed_of);
    while let Some(record) = tape.next_record().expect("an undamaged recording") {
        play(&mut feeds[record.venue.index()], &record);
    }
    let progress = tape.progress();
    assert_eq!(progress.read_bytes, progress.total_bytes);
    let [upbit, binance] = feeds.map(|feed| feed.tally());
    assert_eq!(upbit.get(Counter::Books), 3_591);
    assert_eq!(binance.get(Counter::Books), 3_449);
    for tally in [&upbit, &binance] {
        assert_eq!(tally.get(Counter::Gaps), 0);
        assert_counted_once(tally);
    }
    let rejected = |tally: &Tally| {
        REJECTED.iter().chain(&[Counter::UnknownSymbols]).map(|c| tally.get(*c)).sum::<u64>()
    };
    assert_eq!((rejected(&upbit), rejected(&binance)), (0, 0));
    assert_eq!(binance.get(Counter::Frames), 41_249);
}

#[test]
fn the_rebuilt_top_is_the_tickers_wherever_both_have_the_same_update_id() {
    let Some(path) = pair() else { return };
    let codec = codec(VenueId::Binance);
    let mut scratch = Scratch::default();
    let mut tickers: HashMap<u64, Ticker> = HashMap::new();
    let mut tape = Tape::open(&path).expect("the recording opens");
    while let Some(record) = tape.next_record().expect("an undamaged recording") {
        if record.venue == VenueId::Binance
            && record.kind == RecordKind::Ws
            && let Ok(Event::Ticker { ticker, .. }) =
                codec.decode(FrameKind::Ws, record.payload, &mut scratch)
        {
            tickers.insert(ticker.update_id, ticker);
        }
    }
    let mut feed = feed_of(VenueId::Binance);
    let (mut images, mut compared) = (0, 0);
    let mut tape = Tape::open(&path).expect("the recording opens");
    while let Some(record) = tape.next_record().expect("an undamaged recording") {
        if record.venue != VenueId::Binance {
            continue;
        }
        play(&mut feed, &record);
        let top = feed.top(0);
        if top.image > images {
            images = top.image;
            if let Some(ticker) = tickers.get(&top.update_id) {
                assert_eq!(top.image_ladder(Side::Sell).best(), Some(ticker.bid));
                assert_eq!(top.image_ladder(Side::Buy).best(), Some(ticker.ask));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 564, "images that have a ticker");
}

/// Plays the Binance side, leaving out the depth diff of that number (from 0).
fn play_without(path: &Path, left_out: Option<usize>) -> Feed {
    let mut feed = feed_of(VenueId::Binance);
    let mut diffs = 0;
    let mut tape = Tape::open(path).expect("the recording opens");
    while let Some(record) = tape.next_record().expect("an undamaged recording") {
        if record.venue != VenueId::Binance {
            continue;
        }
        if record.payload.windows(11).any(|part| part == b"depthUpdate") {
            diffs += 1;
            if left_out == Some(diffs - 1) {
                continue;
            }
        }
        play(&mut feed, &record);
    }
    feed
}

#[test]
fn one_missing_diff_is_one_gap_and_the_book_stays_invalid() {
    let Some(path) = pair() else { return };
    let mut feed = play_without(&path, Some(1_700));
    let tally = feed.tally();
    let top = feed.top(0).clone();
    assert_eq!(tally.get(Counter::Gaps), 1);
    assert_eq!(tally.get(Counter::Books), 1_700 - 2);
    assert_eq!(tally.get(Counter::Resyncs), 0);
    assert_eq!(top.invalid, Some(Invalid::Gap));
    assert_counted_once(&tally);
    assert_ne!(feed.books().digest(), play_without(&path, None).books().digest());
}

#[test]
fn decode_prints_one_line_an_image() {
    let Some(path) = pair() else { return };
    let mut out = Vec::new();
    decode(&path, VenueId::Binance, Some(2), &mut out).expect("an undamaged recording");
    let text = String::from_utf8(out).expect("text");
    let images: Vec<&str> = text.lines().filter(|line| !line.contains(r#""event":"#)).collect();
    assert_eq!(images.len(), 3_449);
    assert!(images[0].starts_with(
        r#"{"recv_ns":1723161255486652067,"venue":"binance","instrument":"BTC-USDT","venue_ts_ms":"#
    ));
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
    }
}

fn frames_of(path: &Path) -> Vec<Vec<u8>> {
    let raw = fs::read(path).expect("a readable fixture");
    if path.extension().is_some_and(|ending| ending == "jsonl") {
        raw.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(Vec::from).collect()
    } else {
        vec![raw]
    }
}

/// Decodes every frame of a fixture folder whose file name passes; returns how many there were.
fn decode_all(venue: VenueId, folder: &str, wanted: impl Fn(&str) -> bool) -> usize {
    let Some(folder) = fixture(folder) else { return 0 };
    let codec = codec(venue);
    let mut scratch = Scratch::default();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if !name.as_deref().is_some_and(&wanted) {
            continue;
        }
        let kind = match &name {
            Some(name) if name.contains("snapshot.json") => FrameKind::RestDepth,
            _ => FrameKind::Ws,
        };
        for frame in frames_of(&path) {
            let text = String::from_utf8_lossy(&frame).into_owned();
            let event = codec.decode(kind, &frame, &mut scratch);
            assert!(event.is_ok(), "{}: {event:?}: {text}", path.display());
            count += 1;
        }
    }
    count
}

#[test]
fn every_documented_market_frame_decodes() {
    let is_inbound = |name: &str| {
        name.starts_with("ws_") && !name.contains("subscribe_") && !name.contains("_request")
    };
    let is_inbound = |name: &str| is_inbound(name) || name == "ws_subscribe_ack.json";
    if fixture("upbit").is_none() {
        return;
    }
    let is_recorded = |name: &str| name.ends_with("l") || name.ends_with("snapshot.json");
    assert!(decode_all(VenueId::Upbit, "upbit", is_inbound) > 10);
    assert!(decode_all(VenueId::Upbit, "upbit/errors", is_inbound) == 4);
    assert!(decode_all(VenueId::Binance, "binance", is_inbound) > 100);
    assert!(decode_all(VenueId::Binance, "binance/recorded", is_recorded) > 20);
    assert!(decode_all(VenueId::Upbit, "upbit/recorded", is_recorded) > 100);
}
