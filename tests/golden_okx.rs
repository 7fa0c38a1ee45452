//! Every OKX message of the shared fixtures, and some of our own in the documented formats, has to
//! decode to what a person wrote down from the documents; the recording of May 2022 has to rebuild
//! to the venue's own checksums.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;

use arb::feed::books::Books;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::DecodeError;
use arb::venue::FrameKind;
use arb::venue::okx::market::OkxCodec;
use arb::venue::okx::orders::OkxPrivate;
use arb::venue::okx::rules;
use arb::venue::okx::stream::OkxStream;
use arb::venue::stream::Stream;
use golden::Decode;
use golden::Lot;

#[path = "support/golden_global.rs"]
mod golden;

const FRAMES: &str = include_str!("data/golden/okx/frames.txt");
const OWN: &str = include_str!("data/golden/okx/own.jsonl");
const OWN_GOLDEN: &str = include_str!("data/golden/okx/own.txt");
const DECODE: Decode<'static> = Decode { codec: &OkxCodec, private: &OkxPrivate };
const RECORDING: &str = "recorded/cryptofeed_20220513_btc-usdt.jsonl";

#[test]
fn every_fixture_says_what_its_document_says() {
    let Some(root) = golden::fixtures("okx") else { return };
    let (decoded, outbound) = golden::hold(&golden::messages(&root), FRAMES, DECODE);
    assert_eq!(decoded, 35);
    assert_eq!(outbound.len(), 3);
}

#[test]
fn our_own_frames_say_what_the_documents_say() {
    let (decoded, _) = golden::hold(&golden::own(OWN), OWN_GOLDEN, DECODE);
    assert_eq!(decoded, 25);
}

#[test]
fn what_holds_until_the_rules_are_read_lies_on_their_grids() {
    let published = |line: usize| {
        let body = OWN.lines().nth(line).expect("the rules");
        OkxStream.rules(body.as_bytes()).expect("rules").remove(0)
    };
    golden::assert_on_grids(&published(17), rules::BTC_TICK_RAW, Lot(rules::BTC_LOT_RAW));
    golden::assert_on_grids(&published(18), rules::ETH_TICK_RAW, Lot(rules::ETH_LOT_RAW));
}

#[test]
fn requests_have_the_documented_shape() {
    let Some(root) = golden::fixtures("okx") else { return };
    let theirs = fs::read_to_string(root.join("ws_subscribe_request.json")).expect("a fixture");
    assert_eq!(OkxStream.subscribe(&["BTC-USDT"], 1_512), [theirs.trim_end()]);
}

/// The lines of a channel in the recording.
fn recorded(channel: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(golden::fixtures("okx")?.join(RECORDING)).expect("the recording");
    let arg = format!("{{\"arg\":{{\"channel\":\"{channel}\"");
    let lines = text.lines().filter(|line| line.starts_with(&arg));
    Some(lines.map(str::to_owned).collect())
}

fn books() -> Books {
    let name = instrument_name("BTC", "USDT").expect("a good name");
    Books::new(VenueId::Okx, &[(InstrumentId(0), name)])
}

fn play(books: &mut Books, frame: &str) -> Outcome {
    let now = Now { mono: MonoNs(0), wall: WallNs(0) };
    books.on_frame(FrameKind::Ws, frame.as_bytes(), now)
}

/// A frame of 2022 with the numbers that it would carry today.
fn numbered(frame: &str, number: i64) -> String {
    let prev = if number == 0 { -1 } else { number - 1 };
    let bare = frame.strip_suffix("}]}").expect("the end of a book");
    format!("{bare},\"seqId\":{number},\"prevSeqId\":{prev}}}]}}")
}

/// CRC-32 over the best 25 levels of both sides, as the venue computed it until June 2026: price
/// and quantity of bid and ask in turn, a missing side left out.
fn checksum(books: &Books) -> i32 {
    const LEVELS: usize = 25;
    let whole = books.whole(0);
    let (mut bids, mut asks) = (whole.bids(), whole.asks());
    let mut parts = Vec::new();
    for _ in 0..LEVELS {
        for level in [bids.next(), asks.next()].into_iter().flatten() {
            parts.push(level.price.to_string());
            parts.push(level.qty.to_string());
        }
    }
    crc32fast::hash(parts.join(":").as_bytes()).cast_signed()
}

fn told(frame: &str) -> i32 {
    let (_, rest) = frame.rsplit_once("\"checksum\":").expect("a checksum");
    rest.trim_end_matches("}]}").parse().expect("a whole number")
}

#[test]
fn the_recording_rebuilds_to_every_checksum_of_the_venue() {
    let Some(frames) = recorded("books") else { return };
    let mut books = books();
    let mut agree = 0;
    for (number, frame) in (0..).zip(&frames) {
        let outcome = play(&mut books, &numbered(frame, number));
        let image = Change::Image { resynced: false };
        assert_eq!(outcome, Outcome::Book { slot: 0, change: image }, "{number}");
        agree += usize::from(checksum(&books) == told(frame));
    }
    assert_eq!((agree, frames.len()), (98, 98));
    // Without today's numbers nothing would show a lost update: such frames are refused.
    let malformed = Outcome::Rejected(DecodeError::Malformed);
    assert!(frames.iter().all(|frame| play(&mut books, frame) == malformed));
}

#[test]
fn one_update_dropped_from_the_recording_is_found_at_once_and_a_snapshot_mends_it() {
    let Some(frames) = recorded("books") else { return };
    let snapshot = numbered(&frames[0], 0);
    for dropped in 1..frames.len() - 1 {
        let mut books = books();
        play(&mut books, &snapshot);
        for (number, frame) in (0..).zip(&frames).take(dropped).skip(1) {
            play(&mut books, &numbered(frame, number));
        }
        let number = i64::try_from(dropped).expect("small") + 1;
        let gap = Outcome::Book { slot: 0, change: Change::Gap };
        assert_eq!(play(&mut books, &numbered(&frames[dropped + 1], number)), gap);
        let mended = Outcome::Book { slot: 0, change: Change::Image { resynced: true } };
        assert_eq!(play(&mut books, &snapshot), mended);
        assert_eq!(checksum(&books), told(&frames[0]));
    }
}

#[test]
fn recorded_trades_and_tickers_are_read() {
    let (Some(trades), Some(tickers)) = (recorded("trades"), recorded("tickers")) else { return };
    assert!(trades.len() > 10 && tickers.len() > 10, "{} {}", trades.len(), tickers.len());
    for frame in &trades {
        let json: serde_json::Value = serde_json::from_str(frame).expect("JSON");
        let mut wanted = "trades BTC-USDT\n".to_owned();
        for row in json["data"].as_array().expect("rows") {
            let text = |key: &str| row[key].as_str().expect("text");
            let (id, side, ts) = (text("tradeId"), text("side"), text("ts"));
            wanted += &format!("trade {id} {side} {} {} ts {ts}\n", text("px"), text("sz"));
        }
        assert_eq!(DECODE.by("public", frame), wanted);
    }
    for frame in &tickers {
        assert_eq!(DECODE.by("public", frame), "control Unused\n");
    }
}
