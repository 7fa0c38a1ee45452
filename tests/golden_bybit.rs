//! Every Bybit message of the shared fixtures, and some of our own in the documented formats, has
//! to decode to what a person wrote down from the documents; and a lost delta is found at once.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;

use arb::feed::slot::Change;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::market::Invalid;
use arb::venue::bybit::market::BybitCodec;
use arb::venue::bybit::orders::BybitPrivate;
use arb::venue::bybit::rules;
use arb::venue::bybit::stream::BybitStream;
use arb::venue::stream::Keepalive;
use arb::venue::stream::Stream;
use bench::Bench;
use bench::IMAGE;
use bench::RESYNC;
use golden::Decode;
use golden::Lot;

#[path = "support/bench.rs"]
mod bench;
#[path = "support/golden_global.rs"]
mod golden;

const BOOKS: &str = include_str!("data/golden/bybit/books.txt");
const FRAMES: &str = include_str!("data/golden/bybit/frames.txt");
const OWN: &str = include_str!("data/golden/bybit/own.jsonl");
const OWN_GOLDEN: &str = include_str!("data/golden/bybit/own.txt");
const DECODE: Decode<'static> = Decode { codec: &BybitCodec, private: &BybitPrivate };

#[test]
fn every_fixture_says_what_its_document_says() {
    let Some(root) = golden::fixtures("bybit") else { return };
    let golden = [BOOKS, FRAMES].join("\n");
    let (decoded, outbound) = golden::hold(&golden::messages(&root), &golden, DECODE);
    assert_eq!(decoded, 43);
    assert_eq!(outbound.len(), 5);
}

#[test]
fn our_own_frames_say_what_the_documents_say() {
    let (decoded, _) = golden::hold(&golden::own(OWN), OWN_GOLDEN, DECODE);
    assert_eq!(decoded, 21);
}

#[test]
fn requests_have_the_documented_shape() {
    let ours = BybitStream.subscribe(&["BTCUSDT"], 7);
    let wanted = r#"{"req_id":"7","op":"subscribe","args":["orderbook.50.BTCUSDT"]}"#;
    assert_eq!(ours, [wanted]);
    // A request is all or none: each topic has its own.
    let two = BybitStream.subscribe(&["BTCUSDT", "ETHUSDT"], 7);
    let second = r#"{"req_id":"8","op":"subscribe","args":["orderbook.50.ETHUSDT"]}"#;
    assert_eq!(two, [wanted, second]);
    let Keepalive::Text { text, .. } = BybitStream.manners().keepalive else { panic!("no text") };
    assert_eq!(BybitStream.rules_paths(&["BTCUSDT"]).len(), 1);
    let Some(root) = golden::fixtures("bybit") else { return };
    let fixture = |name: &str| fs::read_to_string(root.join(name)).expect("a fixture");
    let theirs = fixture("ws_subscribe_request.json");
    let theirs = theirs.trim_end().replace("\"test\"", "\"7\"").replace(".1.", ".50.");
    assert_eq!(theirs, wanted);
    assert_eq!(fixture("wstrade_ping_request.json").trim_end(), text);
}

#[test]
fn what_holds_until_the_rules_are_read_lies_on_their_grids() {
    let body = OWN.lines().nth(16).expect("the rules of ETHUSDT");
    let published = BybitStream.rules(body.as_bytes()).expect("rules").remove(0);
    assert_eq!(published.min_notional_raw, Some(rules::MIN_NOTIONAL_RAW));
    golden::assert_on_grids(&published, rules::ETH_TICK_RAW, Lot(rules::ETH_LOT_RAW));
    let Some(root) = golden::fixtures("bybit") else { return };
    let body = fs::read(root.join("rest_instruments_spot.json")).expect("a fixture");
    let published = BybitStream.rules(&body).expect("rules").remove(0);
    assert_eq!(published.min_notional_raw, Some(rules::MIN_NOTIONAL_RAW));
    golden::assert_on_grids(&published, rules::BTC_TICK_RAW, Lot(rules::BTC_LOT_RAW));
}

#[test]
fn a_dropped_delta_is_found_at_once_and_a_snapshot_mends_it() {
    let Some(root) = golden::fixtures("bybit") else { return };
    let sequence = fs::read_to_string(root.join("ws_orderbook50_sequence.jsonl"));
    let sequence = sequence.expect("the sequence");
    let [snapshot, delta] = sequence.lines().collect::<Vec<_>>()[..] else { panic!("two lines") };
    let numbered = |frame: &str, from: u64, to: u64| {
        let changed = frame.replace(&format!("\"u\":{from},"), &format!("\"u\":{to},"));
        assert_ne!(changed, frame);
        changed
    };
    let later = |to: u64| numbered(delta, 2_876_701, to);
    let mut bench = Bench::new(VenueId::Bybit, &[("BTC", "USDT")], 64);
    assert_eq!(bench.change(snapshot), IMAGE);
    assert_eq!(bench.change(delta), IMAGE);
    let top = bench.top(0);
    assert_eq!((top.update_id, top.invalid), (2_876_701, None));
    let best = (top.bids[0].price.to_string(), top.asks[1].qty.to_string());
    assert_eq!(best, ("75848.74".to_owned(), "0.088149".to_owned()));
    assert_eq!(bench.change(&later(2_876_702)), IMAGE);
    // 2876703 is lost.
    assert_eq!(bench.change(&later(2_876_704)), Change::Gap);
    assert_eq!(bench.top(0).invalid, Some(Invalid::Gap));
    assert_eq!(bench.change(&later(2_876_705)), Change::Old);
    assert_eq!(bench.change(&numbered(snapshot, 2_876_700, 2_876_710)), RESYNC);
    assert_eq!(bench.change(&later(2_876_711)), IMAGE);
    assert_eq!((bench.top(0).invalid, bench.top(0).update_id), (None, 2_876_711));
    assert_eq!((bench.count(Counter::Gaps), bench.count(Counter::Resyncs)), (1, 1));
    bench.assert_counted_once();
}
