//! The short way through a frame against the tolerant one: the same value, or not taken at all.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::types::ids::VenueId;
use arb::venue::DecodeError;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::binance;
use arb::venue::binance::market::BinanceCodec;
use arb::venue::bithumb;
use arb::venue::bybit;
use arb::venue::bybit::market::BybitCodec;
use arb::venue::codec;
use arb::venue::okx;
use arb::venue::okx::market::OkxCodec;
use arb::venue::upbit;
use proptest::prelude::*;

#[path = "support/replays.rs"]
mod replays;

const UPBIT_BOOK: &str = include_str!("data/upbit_orderbook_default.json");
const BITHUMB_BOOK: &str = include_str!("data/bithumb_orderbook_default.json");
const BINANCE: &str = include_str!("data/binance_combined.jsonl");
const BYBIT: &str = include_str!("data/bybit_usual.jsonl");
const OKX: &str = include_str!("data/okx_usual.jsonl");

fn usual<'f>(venue: VenueId, frame: &'f [u8], scratch: &mut Scratch) -> Option<Event<'f>> {
    match venue {
        VenueId::Upbit => upbit::usual::read(frame, scratch),
        VenueId::Bithumb => bithumb::usual::read(frame, scratch),
        VenueId::Binance => binance::usual::read(frame, scratch),
        VenueId::Bybit => bybit::usual::read(frame, scratch),
        VenueId::Okx => okx::usual::read(frame, scratch),
    }
}

fn tolerant<'f>(
    venue: VenueId,
    frame: &'f [u8],
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    match venue {
        VenueId::Upbit => upbit::market::CODEC.decode_any(FrameKind::Ws, frame, scratch),
        VenueId::Bithumb => bithumb::market::CODEC.decode_any(FrameKind::Ws, frame, scratch),
        VenueId::Binance => BinanceCodec.decode_any(FrameKind::Ws, frame, scratch),
        VenueId::Bybit => BybitCodec.decode_any(FrameKind::Ws, frame, scratch),
        VenueId::Okx => OkxCodec.decode_any(FrameKind::Ws, frame, scratch),
    }
}

/// Decodes in all ways and compares; says whether the short way was taken.
fn same_in_all_ways(venue: VenueId, frame: &[u8]) -> bool {
    let text = String::from_utf8_lossy(frame);
    let (mut short, mut slow, mut both) = Default::default();
    let expected = tolerant(venue, frame, &mut slow);
    let found = usual(venue, frame, &mut short);
    if let Some(event) = &found {
        assert_eq!(Ok(event), expected.as_ref(), "{text}");
        assert_eq!((&short.bids, &short.asks), (&slow.bids, &slow.asks), "{text}");
        assert_eq!(short.trades, slow.trades, "{text}");
    }
    // Levels of a frame before it must not shine through when the short way gives up.
    let Scratch { bids, asks, trades, .. } = &mut both;
    bids.clone_from(&slow.bids);
    asks.clone_from(&slow.asks);
    trades.clone_from(&slow.trades);
    assert_eq!(codec(venue).decode(FrameKind::Ws, frame, &mut both), expected, "{text}");
    let sides = |scratch: &Scratch| (scratch.bids.clone(), scratch.asks.clone(), scratch.rejected);
    assert_eq!(sides(&both), sides(&slow), "{text}");
    assert_eq!(both.trades, slow.trades, "{text}");
    found.is_some()
}

/// Hand-written frames of every kind, wrapped and bare.
fn frames() -> Vec<(VenueId, String)> {
    let mut frames = vec![
        (VenueId::Upbit, UPBIT_BOOK.trim_end().to_owned()),
        (VenueId::Bithumb, BITHUMB_BOOK.trim_end().to_owned()),
    ];
    for line in BINANCE.lines() {
        let start = line.find(r#""data":"#).expect("wrapped") + 7;
        frames.push((VenueId::Binance, line.to_owned()));
        frames.push((VenueId::Binance, line[start..line.len() - 1].to_owned()));
    }
    frames.extend(BYBIT.lines().map(|line| (VenueId::Bybit, line.to_owned())));
    frames.extend(OKX.lines().map(|line| (VenueId::Okx, line.to_owned())));
    frames
}

#[test]
fn every_usual_frame_takes_the_short_way() {
    for (venue, frame) in frames() {
        assert!(same_in_all_ways(venue, frame.as_bytes()), "{frame}");
    }
}

#[test]
fn another_spelling_or_a_wrong_value_takes_the_other_way() {
    let lines: Vec<&str> = BINANCE.lines().collect();
    let cases = [
        (VenueId::Binance, lines[0], "\"U\":11", "\"U\":13"),
        (VenueId::Binance, lines[0], "\"U\":11", "\"U\":011"),
        (VenueId::Binance, lines[0], "\"U\":11", "\"U\": 11"),
        (VenueId::Binance, lines[0], "\"E\"", "\"\\u0045\""),
        (VenueId::Binance, lines[0], "61837.63000000", "0.00000000"),
        (VenueId::Binance, lines[0], "61837.63000000", "61837.630000001"),
        (VenueId::Binance, lines[0], "61837.63000000", "92233720368.54775808"),
        (VenueId::Binance, lines[0], "61837.63000000", "-61837.63000000"),
        (VenueId::Binance, lines[1], "3.78826000", "0.00000000"),
        (VenueId::Binance, lines[1], "61837.64000000", "61837.63000000"),
        (VenueId::Binance, lines[1], "BTCUSDT", "BTC\u{e4}USDT"),
        (VenueId::Binance, lines[2], "\"m\":true", "\"m\":null"),
        (VenueId::Upbit, UPBIT_BOOK, "8.612E7", "8.6123E7"),
        (VenueId::Upbit, UPBIT_BOOK, "8.612E7", "8.612E400"),
        (VenueId::Upbit, UPBIT_BOOK, "8.612E7", "08.612E7"),
        (VenueId::Upbit, UPBIT_BOOK, "8.612E7", "-8.612E7"),
        (VenueId::Upbit, UPBIT_BOOK, "7.9276E-4", "7.9276E-9"),
        (VenueId::Upbit, UPBIT_BOOK, "KRW-BTC", "KRW\\u002dBTC"),
        (VenueId::Upbit, UPBIT_BOOK, "\"total_ask_size\":2.5,", ""),
        (VenueId::Upbit, UPBIT_BOOK, "]", ",]"),
        (VenueId::Bithumb, BITHUMB_BOOK, "86120000", "86123000"),
        (VenueId::Bithumb, BITHUMB_BOOK, "\"bid_size\":0.0012", "\"bid_size\":-0.0012"),
        (VenueId::Bithumb, BITHUMB_BOOK, "1723161255478901", "1723161255478901.0"),
        (VenueId::Bithumb, BITHUMB_BOOK, "1723161255478901", "1723161255478901000"),
        (VenueId::Bithumb, BITHUMB_BOOK, "\"type\"", "\"ty\""),
    ];
    for (venue, frame, from, to) in cases {
        let changed = frame.trim_end().replacen(from, to, 1);
        assert_ne!(changed, frame.trim_end(), "{from}");
        assert!(!same_in_all_ways(venue, changed.as_bytes()), "{from} -> {to}");
    }
    let long = format!("{}{}", lines[0], " ".repeat(1 << 20));
    assert!(!same_in_all_ways(VenueId::Binance, long.as_bytes()));
}

#[test]
fn another_spelling_or_a_wrong_value_of_bybit_and_okx_takes_the_other_way() {
    let [bybit, okx]: [Vec<&str>; 2] = [BYBIT, OKX].map(|text| text.lines().collect());
    let cases = [
        (VenueId::Bybit, bybit[1], "2876701", "1"),
        (VenueId::Bybit, bybit[1], "2876701", "0"),
        (VenueId::Bybit, bybit[1], "\"delta\"", "\"other\""),
        (VenueId::Bybit, bybit[1], "\"s\":\"BTCUSDT\"", "\"s\":\"ETHUSDT\""),
        (VenueId::Bybit, bybit[0], "0.067669", "0"),
        (VenueId::Bybit, bybit[0], "75848.74", "75848.75"),
        (VenueId::Bybit, bybit[0], "orderbook.50", "orderbook.rpi"),
        (VenueId::Bybit, bybit[4], "20f43950", "g0f43950"),
        (VenueId::Bybit, bybit[4], "\"RPI\":false", "\"RPI\":null"),
        (VenueId::Bybit, bybit[3], "\"v\":\"1.3637\"", "\"v\":\"0\""),
        (VenueId::Okx, okx[1], "\"prevSeqId\":123456", "\"prevSeqId\":-1"),
        (VenueId::Okx, okx[1], ",\"prevSeqId\":123456", ""),
        (VenueId::Okx, okx[1], "update", "partial"),
        (VenueId::Okx, okx[1], "\"0\",\"11\"", "\"1\",\"11\""),
        (VenueId::Okx, okx[1], "-855196043", "-0855196043"),
        (VenueId::Okx, okx[0], "\"415\"", "\"0\""),
        (VenueId::Okx, okx[0], "\"data\":[", "\"data\":[{},"),
        (VenueId::Okx, okx[3], "8476.98", "8476.97"),
        (VenueId::Okx, okx[4], "\"side\":\"buy\"", "\"side\":\"bid\""),
        (VenueId::Okx, okx[4], "\"tradeId\":\"130639474\"", "\"tradeId\":\"x\""),
    ];
    for (venue, frame, from, to) in cases {
        let changed = frame.replacen(from, to, 1);
        assert_ne!(changed, frame, "{from}");
        assert!(!same_in_all_ways(venue, changed.as_bytes()), "{from} -> {to}");
    }
}

/// Compares every frame of a recording; how many there were, and how many took the short way.
fn recording(path: &Path) -> [u64; 2] {
    let mut tape = Tape::open(path).expect("the recording opens");
    let mut counts = [0, 0];
    while let Some(record) = tape.next_record().expect("an undamaged recording") {
        if record.kind == RecordKind::Ws {
            counts[0] += 1;
            counts[1] += u64::from(same_in_all_ways(record.venue, record.payload));
        }
    }
    counts
}

#[test]
fn whole_recordings_read_alike_in_both_ways() {
    for name in ["demo_btc.rec.gz", "demo_btc_eth.rec.gz"] {
        let [frames, short] = recording(&replays::demo(name));
        assert!(frames > 1_000 && short == frames, "{name}: {short} of {frames}");
    }
    let Some(path) = replays::kimchi() else { return };
    let [frames, short] = recording(&path);
    assert!(short == frames, "{short} of {frames}");
}

#[test]
fn documented_frames_read_alike_in_both_ways() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    if !root.exists() {
        println!("skipped: the shared fixtures are absent");
        return;
    }
    let mut count = 0;
    let venues = ["upbit", "bithumb", "binance", "bybit", "okx"];
    let folders =
        venues.map(|venue| ["", "/recorded", "/errors"].map(|part| venue.to_owned() + part));
    for folder in folders.iter().flatten().filter(|folder| root.join(folder).exists()) {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
            if !matches!(ending.as_deref(), Some("json" | "jsonl")) {
                continue;
            }
            let raw = fs::read(&path).expect("a readable fixture");
            let whole = std::iter::once(raw.as_slice());
            for frame in whole.chain(raw.split(|byte| *byte == b'\n')) {
                for venue in VenueId::ALL {
                    same_in_all_ways(venue, frame);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 1_000, "only {count} frames");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn a_mutated_frame_reads_alike_in_both_ways(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        with in prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            "[0-9.eE+-]{0,3}".prop_map(String::into_bytes),
            "[\\[\\]{},:\" ]{0,2}".prop_map(String::into_bytes),
        ],
        span in any::<(prop::sample::Index, prop::sample::Index)>()
    ) {
        let frames = frames();
        let (venue, frame) = &frames[which.index(frames.len())];
        let bytes = frame.as_bytes();
        let at = at.index(bytes.len());
        let replaced = [&bytes[..at], &with, &bytes[at + 1..]].concat();
        let inserted = [&bytes[..at], &with, &bytes[at..]].concat();
        let (a, b) = (span.0.index(bytes.len()), span.1.index(bytes.len()));
        let repeated = [&bytes[..a.max(b)], &bytes[a.min(b)..]].concat();
        let removed = [&bytes[..a.min(b)], &bytes[a.max(b)..]].concat();
        for frame in [replaced, inserted, repeated, removed, bytes[..at].to_vec()] {
            same_in_all_ways(*venue, &frame);
        }
    }
}
