//! Bithumb's messages against golden files, its requests against the documented ones.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;

use arb::feed::books::Books;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::limit;
use arb::types::market::TickTable;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::Price;
use arb::types::units::SCALE;
use arb::venue::DecodeError;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::bithumb::orders::PRIVATE;
use arb::venue::bithumb::rules::KRW_TICKS;
use arb::venue::bithumb::stream::STREAM;
use arb::venue::codec;
use arb::venue::krw::request::private_request;
use arb::venue::private::Call;
use arb::venue::private::ErrorClass;
use arb::venue::private::Private;
use arb::venue::private::Reply;
use arb::venue::stream::Stream;
use golden::Venue;
use golden::changed;
use golden::own_frames;
use golden::read_in_every_way;
use golden::without_ticket;
use proptest::prelude::*;
use proptest::sample::Index;

#[path = "support/krw_golden.rs"]
mod golden;

const OWN_BOOK: &str = include_str!("data/bithumb_orderbook_default.json");

const OUTBOUND: [(&str, &str); 3] = [
    ("rest_v2_order_create_request.json", "a body that places an order"),
    ("ws_subscribe_orderbook.json", "our subscription: compared below"),
    ("ws_subscribe_private_v2.json", "our private subscription: compared below"),
];

fn bithumb() -> Venue {
    let private = Box::new(PRIVATE);
    Venue { id: VenueId::Bithumb, stream: STREAM, private, outbound: &OUTBOUND }
}

fn decode<'f>(frame: &'f str, scratch: &mut Scratch) -> Result<Event<'f>, DecodeError> {
    codec(VenueId::Bithumb).decode(FrameKind::Ws, frame.as_bytes(), scratch)
}

#[test]
fn every_fixture_says_what_its_golden_file_says() {
    let Some(count) = bithumb().compare_fixtures() else { return };
    println!("{count} fixtures of Bithumb");
    assert!(count >= 26, "only {count}");
}

#[test]
fn documented_frames_in_the_repository_say_what_their_golden_files_say() {
    assert!(bithumb().compare_own() >= 5);
}

#[test]
fn our_requests_are_the_documented_ones_but_for_the_ticket() {
    let public = STREAM.subscribe(&["KRW-ETH", "KRW-BTC", "KRW-USDT"], 3);
    assert_eq!(public.len(), 1, "a second request would replace the first");
    assert!(
        public[0].starts_with(r#"[{"ticket":"arb-3"},{"type":"orderbook","codes":["KRW-ETH","#)
    );
    assert_eq!(STREAM.rules_paths(&["KRW-BTC"]), ["/v1/market/all"]);
    let Some(folder) = bithumb().fixtures() else { return };
    let ours = [
        ("ws_subscribe_orderbook.json", public[0].clone()),
        ("ws_subscribe_private_v2.json", private_request(&["KRW-BTC"], 1)),
    ];
    for (name, message) in ours {
        let text = fs::read_to_string(folder.join(name)).expect("a readable fixture");
        assert_eq!(without_ticket(&message), without_ticket(&text), "{name}");
    }
}

#[test]
fn the_quote_stands_first_in_a_code_and_both_ways_agree() {
    for (symbol, base) in [("KRW-BTC", "BTC"), ("KRW-USDT", "USDT"), ("KRW-1INCH", "1INCH")] {
        let name = instrument_name(base, "KRW").expect("a good name");
        assert_eq!(codec(VenueId::Bithumb).instrument(symbol), Some(name));
        assert_eq!(codec(VenueId::Bithumb).symbol(&name), symbol);
    }
    for symbol in ["KRW", "KRW-", "BTC_KRW", "krw-btc"] {
        assert_eq!(codec(VenueId::Bithumb).instrument(symbol), None, "{symbol}");
    }
}

#[test]
fn a_frame_that_is_no_message_is_rejected_by_reason() {
    let mut scratch = Scratch::default();
    for junk in ["", "null", "{}", "[]", "{\"type\":\"orderbook\"}", "{\"type\":\"trade\"}", "PING"]
    {
        assert_eq!(decode(junk, &mut scratch), Err(DecodeError::Malformed), "{junk}");
    }
    let frame = OWN_BOOK.trim_end();
    for end in 0..frame.len() {
        assert_eq!(decode(&frame[..end], &mut scratch), Err(DecodeError::Malformed));
    }
    let huge = " ".repeat(limit::FRAME_BYTES + 1);
    assert_eq!(decode(&huge, &mut scratch), Err(DecodeError::TooLarge));
    let deep = format!(r#"{{"type":"ticker","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    assert_eq!(decode(&deep, &mut scratch), Err(DecodeError::TooDeep));
    let utf = codec(VenueId::Bithumb).decode(FrameKind::Ws, b"{\"status\":\"\xff\"}", &mut scratch);
    assert_eq!(utf, Err(DecodeError::Utf8));
    let depth =
        codec(VenueId::Bithumb).decode(FrameKind::RestDepth, frame.as_bytes(), &mut scratch);
    assert_eq!(depth, Err(DecodeError::Malformed), "books are whole: no snapshot is asked for");
    let crossed = frame.replace("86120000", "86123000");
    assert_eq!(decode(&crossed, &mut scratch), Err(DecodeError::Crossed));
    assert_eq!(scratch.rejected.as_str(), "KRW-BTC");
    let emptied = frame.replace("0.5321}", "0}").replace("0.0012}", "0.0000}");
    assert_eq!(decode(&emptied, &mut scratch), Err(DecodeError::Empty));
}

fn at(ms: u64) -> Now {
    Now { mono: MonoNs(ms * 1_000_000), wall: WallNs((1_723_161_255_500 + ms) * 1_000_000) }
}

#[test]
fn a_snapshot_that_comes_after_a_newer_realtime_changes_no_book_and_repeats_do_no_harm() {
    let name = instrument_name("BTC", "KRW").expect("a good name");
    let mut books = Books::new(VenueId::Bithumb, &[(InstrumentId(0), name)]);
    books.on_open(at(0));
    let newer = OWN_BOOK.trim_end();
    let late = newer
        .replace("1723161255478901", "1723161255400000")
        .replace("REALTIME", "SNAPSHOT")
        .replace("0.5321}", "9.5}");
    assert_ne!(late, newer);
    for frame in [newer, newer, &late, newer] {
        let _ = books.on_frame(FrameKind::Ws, frame.as_bytes(), at(1));
        let top = books.top(0);
        assert_eq!((top.invalid, top.bids.len(), top.asks.len()), (None, 2, 2));
        assert_eq!(top.bids[0].qty.raw(), 53_210_000);
        assert_eq!(top.bids[0].price.raw(), 86_120_000 * SCALE);
    }
}

#[test]
fn refusals_with_status_200_and_names_of_its_own_are_known() {
    let class = |call, status, name: &str| {
        let body = format!(r#"{{"error":{{"name":{name},"message":"x"}}}}"#);
        match PRIVATE.decode_reply(call, status, body.as_bytes()) {
            Ok(Reply::Refused(error)) => error.class,
            other => panic!("no refusal: {other:?}"),
        }
    };
    for (call, status, name, expected) in [
        (Call::Rules, 200, "404", ErrorClass::NoSymbol),
        (Call::Rules, 200, "400", ErrorClass::Request),
        (Call::Book, 200, "500", ErrorClass::Busy),
        (Call::Place, 401, "\"expired_jwt\"", ErrorClass::Clock),
        (Call::Place, 401, "\"NotAllowIP\"", ErrorClass::Auth),
        (Call::Place, 400, "\"invalid_price_ask\"", ErrorClass::Rules),
        (Call::Place, 400, "\"under_price_limit_bid\"", ErrorClass::Rules),
        (Call::Place, 400, "\"bank_account_required\"", ErrorClass::Auth),
        (Call::Cancel, 422, "\"order_not_ready\"", ErrorClass::NotReady),
        (Call::Place, 503, "\"order_not_ready\"", ErrorClass::Unknown),
    ] {
        assert_eq!(class(call, status, name), expected, "{name}");
    }
}

#[test]
fn the_fallback_ticks_agree_with_every_price_that_was_seen() {
    let table = TickTable::banded(&KRW_TICKS).expect("a good table");
    let tick = |price_raw: i64| table.tick_at(Price::from_raw(price_raw).expect("positive"));
    for (price, expected) in [(116_267_000, 1_000), (3_715_000, 1_000), (1_343, 1)] {
        assert_eq!(tick(price * SCALE), expected * SCALE, "{price}");
    }
    for pair in KRW_TICKS.windows(2) {
        assert_eq!(pair[1].tick_raw % pair[0].tick_raw, 0, "a coarser grid lies on a finer one");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_changed_private_message_is_read_or_refused_and_never_more(
        which in any::<Index>(), places in any::<[Index; 2]>(), with in any::<u8>()
    ) {
        let venue = bithumb();
        let frames = own_frames(&venue);
        let frame = &frames[which.index(frames.len())];
        for bytes in changed(frame, places.map(|place| place.index(frame.len())), with) {
            read_in_every_way(&venue, &bytes);
        }
    }
}
