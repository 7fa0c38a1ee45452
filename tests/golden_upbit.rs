//! Upbit's messages against golden files, its requests against the documented ones.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;

use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::venue::codec;
use arb::venue::krw::request::Wanted;
use arb::venue::krw::request::private_request;
use arb::venue::krw::request::request;
use arb::venue::private::Call;
use arb::venue::private::ErrorClass;
use arb::venue::private::Private;
use arb::venue::private::Reply;
use arb::venue::stream::Stream;
use arb::venue::upbit::orders::PRIVATE;
use arb::venue::upbit::stream::STREAM;
use golden::Venue;
use golden::changed;
use golden::own_frames;
use golden::read_in_every_way;
use golden::without_ticket;
use proptest::prelude::*;
use proptest::sample::Index;

#[path = "support/krw_golden.rs"]
mod golden;

const OUTBOUND: [(&str, &str); 10] = [
    ("recorded/cryptofeed_20210417_subscribe_request.json", "another program's request of 2021"),
    ("rest_order_create_request_best_ioc.json", "a body that places an order"),
    ("rest_order_create_request_limit.json", "a body that places an order"),
    ("rest_order_create_request_limit_ioc_identifier.json", "a body that places an order"),
    ("rest_order_create_request_market_buy.json", "a body that places an order"),
    ("rest_order_create_request_market_sell.json", "a body that places an order"),
    ("ws_list_subscriptions_request.json", "a request that we do not send"),
    ("ws_subscribe_orderbook_trade_default.json", "our subscription: compared below"),
    ("ws_subscribe_private.json", "our private subscription: compared below"),
    ("ws_subscribe_simple.json", "a subscription: compared below"),
];

fn upbit() -> Venue {
    let private = Box::new(PRIVATE);
    Venue { id: VenueId::Upbit, stream: STREAM, private, outbound: &OUTBOUND }
}

#[test]
fn every_fixture_says_what_its_golden_file_says() {
    let Some(count) = upbit().compare_fixtures() else { return };
    println!("{count} fixtures of Upbit");
    assert!(count >= 42, "only {count}");
}

#[test]
fn documented_frames_in_the_repository_say_what_their_golden_files_say() {
    assert!(upbit().compare_own() >= 5);
}

#[test]
fn our_requests_are_the_documented_ones_but_for_the_ticket() {
    let codes = ["KRW-BTC", "KRW-ETH", "KRW-USDT"];
    let public = STREAM.subscribe(&codes, 7);
    assert_eq!(public.len(), 1, "a second request would replace the first");
    assert_eq!(
        public[0],
        "[{\"ticket\":\"arb-7\"},\
         {\"type\":\"orderbook\",\"codes\":[\"KRW-BTC\",\"KRW-ETH\",\"KRW-USDT\"],\"level\":0},\
         {\"type\":\"trade\",\"codes\":[\"KRW-BTC\",\"KRW-ETH\",\"KRW-USDT\"],\
         \"is_only_realtime\":true},{\"format\":\"DEFAULT\"}]"
    );
    assert!(STREAM.unsubscribe(&codes, 8).is_empty());
    assert!(STREAM.subscribe(&[], 9).is_empty(), "the venue refuses a request without codes");
    let Some(folder) = upbit().fixtures() else { return };
    let simple = Wanted { kind: "orderbook", codes: Some(&["KRW-BTC.5"]), more: "" };
    let ours = [
        ("ws_subscribe_orderbook_trade_default.json", public[0].clone()),
        ("ws_subscribe_private.json", private_request(&["KRW-BTC"], 1)),
        ("ws_subscribe_simple.json", request(2, &[simple], Some("SIMPLE"))),
    ];
    for (name, message) in ours {
        let text = fs::read_to_string(folder.join(name)).expect("a readable fixture");
        assert_eq!(without_ticket(&message), without_ticket(&text), "{name}");
    }
}

#[test]
fn rules_are_asked_for_with_one_request_for_each_tick() {
    let paths = STREAM.rules_paths(&["KRW-BTC", "KRW-USDT"]);
    let expected = [
        "/v1/market/all?is_details=true",
        "/v1/orderbook/instruments?markets=KRW-BTC",
        "/v1/orderbook/instruments?markets=KRW-USDT",
    ];
    assert_eq!(paths, expected);
    assert_eq!((STREAM.time_path(), STREAM.snapshot_path("KRW-BTC")), (None, None));
    assert!(STREAM.time_ms(b"{}").is_err());
}

#[test]
fn the_quote_stands_first_in_a_code_and_both_ways_agree() {
    for (symbol, base, quote) in
        [("KRW-BTC", "BTC", "KRW"), ("KRW-USDT", "USDT", "KRW"), ("BTC-XTZ", "XTZ", "BTC")]
    {
        let name = instrument_name(base, quote).expect("a good name");
        assert_eq!(codec(VenueId::Upbit).instrument(symbol), Some(name));
        assert_eq!(codec(VenueId::Upbit).symbol(&name), symbol);
    }
}

fn class_of(call: Call, status: u16, body: &str) -> ErrorClass {
    match PRIVATE.decode_reply(call, status, body.as_bytes()) {
        Ok(Reply::Refused(error)) => {
            assert!(error.code.len() <= 64 && error.message.len() <= 256);
            error.class
        }
        other => panic!("no refusal: {other:?}"),
    }
}

fn named(name: &str) -> String {
    format!(r#"{{"error":{{"name":"{name}","message":"x"}}}}"#)
}

#[test]
fn a_refusal_is_known_by_status_and_name_and_never_by_its_words() {
    let cases = [
        (400, "insufficient_funds_ask", ErrorClass::Balance),
        (400, "under_min_total_bid", ErrorClass::Rules),
        (400, "invalid_price_bid", ErrorClass::Rules),
        (400, "duplicated_identifier", ErrorClass::Duplicate),
        (400, "create_bid_error", ErrorClass::Request),
        (401, "no_authorization_ip", ErrorClass::Auth),
        (401, "expired_access_key", ErrorClass::Auth),
        (403, "out_of_scope", ErrorClass::Auth),
        (403, "market_offline", ErrorClass::Offline),
        (400, "never_heard_of", ErrorClass::Other),
        (401, "never_heard_of", ErrorClass::Auth),
        (429, "too_many_requests", ErrorClass::RateLimit),
        (418, "too_many_requests", ErrorClass::Banned),
    ];
    for (status, name, class) in cases {
        assert_eq!(class_of(Call::Place, status, &named(name)), class, "{status} {name}");
    }
    let words = r#"{"error":{"name":"validation_error","message":"order_not_found"}}"#;
    assert_eq!(class_of(Call::Order, 400, words), ErrorClass::Request);
    assert_eq!(class_of(Call::Orders, 401, &named("nonce_used")), ErrorClass::Auth);
}

#[test]
fn after_a_failing_server_an_order_is_unknown_and_a_question_may_be_asked_again() {
    for body in
        ["<html>502</html>", "", "{}", &named("server_error"), "\u{fffd}".repeat(400).as_str()]
    {
        assert_eq!(class_of(Call::Place, 502, body), ErrorClass::Unknown, "{body}");
        assert_eq!(class_of(Call::Cancel, 504, body), ErrorClass::Unknown, "{body}");
        assert_eq!(class_of(Call::Balances, 500, body), ErrorClass::Busy, "{body}");
        assert_eq!(class_of(Call::Place, 429, body), ErrorClass::RateLimit, "{body}");
        assert_eq!(class_of(Call::Place, 418, body), ErrorClass::Banned, "{body}");
    }
    assert_eq!(class_of(Call::Place, 403, "<html>denied</html>"), ErrorClass::Auth);
    assert_eq!(class_of(Call::Place, 408, ""), ErrorClass::Unknown);
}

#[test]
fn what_is_neither_an_answer_nor_a_refusal_is_an_error() {
    let bodies: [(Call, &str); 9] = [
        (Call::Place, ""),
        (Call::Place, "<html></html>"),
        (Call::Place, "[]"),
        (Call::Place, "{}"),
        (Call::Place, r#"{"uuid":7}"#),
        (Call::Order, r#"{"uuid":"u","state":"lost"}"#),
        (Call::Order, r#"{"uuid":"u","uuid":"v"}"#),
        (Call::Balances, r#"[{"currency":"BTC","balance":"x","locked":"0"}]"#),
        (Call::Book, "[]"),
    ];
    for (call, body) in bodies {
        assert!(PRIVATE.decode_reply(call, 200, body.as_bytes()).is_err(), "{call:?} {body}");
    }
    for frame in ["", "1", "{}", r#"{"type":"myOrder"}"#, r#"{"type":"myAsset"}"#, r#"[[]]"#] {
        assert!(PRIVATE.decode_private(frame.as_bytes()).is_err(), "{frame}");
    }
    let deep = format!(r#"{{"type":"myOrder","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    assert!(PRIVATE.decode_private(deep.as_bytes()).is_err());
    assert!(PRIVATE.decode_private(b"{\"type\":\"\xff\"}").is_err());
    assert_eq!(PRIVATE.decode_private(b"[]"), Ok(Vec::new()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_changed_private_message_is_read_or_refused_and_never_more(
        which in any::<Index>(), places in any::<[Index; 2]>(), with in any::<u8>()
    ) {
        let venue = upbit();
        let frames = own_frames(&venue);
        let frame = &frames[which.index(frames.len())];
        for bytes in changed(frame, places.map(|place| place.index(frame.len())), with) {
            read_in_every_way(&venue, &bytes);
        }
    }
}
