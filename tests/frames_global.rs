//! What the codecs of Bybit and OKX make of frames that are cut, reordered, repeated or wrong.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::types::ids::VenueId;
use arb::types::limit;
use arb::venue::Control;
use arb::venue::DecodeError;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::TradeKey;
use arb::venue::bybit::orders::BybitPrivate;
use arb::venue::bybit::stream::BybitStream;
use arb::venue::codec;
use arb::venue::okx::orders::OkxPrivate;
use arb::venue::okx::stream::OkxStream;
use arb::venue::private::Call;
use arb::venue::private::Private;
use arb::venue::stream::Stream;
use proptest::prelude::*;

const BYBIT: &str = include_str!("data/bybit_usual.jsonl");
const OKX: &str = include_str!("data/okx_usual.jsonl");
const BYBIT_OWN: &str = include_str!("data/golden/bybit/own.jsonl");
const OKX_OWN: &str = include_str!("data/golden/okx/own.jsonl");
const CALLS: [Call; 10] = [
    Call::Place,
    Call::Cancel,
    Call::Order,
    Call::Orders,
    Call::Fills,
    Call::Balances,
    Call::Fees,
    Call::Time,
    Call::Rules,
    Call::Book,
];

fn read(venue: VenueId, frame: &str) -> (Result<Event<'_>, DecodeError>, Scratch) {
    let mut scratch = Scratch::default();
    let event = codec(venue).decode(FrameKind::Ws, frame.as_bytes(), &mut scratch);
    (event, scratch)
}

fn bybit(frame: &str) -> Result<Event<'_>, DecodeError> {
    read(VenueId::Bybit, frame).0
}

fn okx(frame: &str) -> Result<Event<'_>, DecodeError> {
    read(VenueId::Okx, frame).0
}

fn line(text: &'static str, at: usize) -> &'static str {
    text.lines().nth(at).expect("a line")
}

fn changed(frame: &str, from: &str, to: &str) -> String {
    let changed = frame.replacen(from, to, 1);
    assert_ne!(changed, frame, "{from}");
    changed
}

#[test]
fn a_frame_cut_at_any_byte_is_malformed() {
    for (venue, text) in [(VenueId::Bybit, BYBIT), (VenueId::Okx, OKX)] {
        for frame in text.lines() {
            assert!(read(venue, frame).0.is_ok(), "{frame}");
            for end in 0..frame.len() {
                let cut = &frame[..end];
                assert_eq!(read(venue, cut).0, Err(DecodeError::Malformed), "{cut}");
            }
        }
    }
}

#[test]
fn a_snapshot_by_request_is_none_of_these_streams() {
    for (venue, frame) in [(VenueId::Bybit, line(BYBIT, 0)), (VenueId::Okx, line(OKX, 0))] {
        let mut scratch = Scratch::default();
        let event = codec(venue).decode(FrameKind::RestDepth, frame.as_bytes(), &mut scratch);
        assert_eq!(event, Err(DecodeError::Malformed));
    }
}

#[test]
fn keys_in_another_order_say_the_same() {
    let usual = read(VenueId::Bybit, line(BYBIT, 1));
    let other = concat!(
        r#"{"cts":1731035685342,"data":{"seq":47474967823,"u":2876701,"a":[],"#,
        r#""b":[["75848.62","0.014895"],["75837.13","0"]],"s":"BTCUSDT"},"#,
        r#""type":"delta","ts":1731035685345,"topic":"orderbook.50.BTCUSDT"}"#
    );
    let other = read(VenueId::Bybit, other);
    assert_eq!((&other.0, &other.1.bids), (&usual.0, &usual.1.bids));
    let usual = read(VenueId::Okx, line(OKX, 1));
    let other = concat!(
        r#"{"data":[{"seqId":123460,"ts":"1597026383185","prevSeqId":123456,"#,
        r#""bids":[["8476.97","250.5"]],"asks":[["8476.98","0"]]}],"#,
        r#""action":"update","arg":{"instId":"BTC-USDT","channel":"books"}}"#
    );
    let other = read(VenueId::Okx, other);
    assert_eq!((&other.0, &other.1.bids), (&usual.0, &usual.1.bids));
    assert_eq!(other.1.asks, usual.1.asks);
}

#[test]
fn a_key_that_comes_twice_or_is_missing_makes_the_frame_malformed() {
    let malformed = Err(DecodeError::Malformed);
    let delta = line(BYBIT, 1);
    for (from, to) in [
        (r#""u":"#, r#""u":9,"u":"#),
        (r#""b":"#, r#""b":[],"b":"#),
        (r#","a":[]"#, ""),
        (r#""ts":"#, r#""tz":"#),
        (r#""type":"#, r#""kind":"#),
        (r#""data":"#, r#""data":{},"data":"#),
        (r#""topic":"#, r#""topic":"orderbook.1.BTCUSDT","topic":"#),
    ] {
        assert_eq!(bybit(&changed(delta, from, to)), malformed, "{from} -> {to}");
    }
    let update = line(OKX, 1);
    for (from, to) in [
        (r#""seqId":"#, r#""seqId":9,"seqId":"#),
        (r#""bids":"#, r#""bids":[],"bids":"#),
        (r#","prevSeqId":123456"#, ""),
        (r#""seqId":123460,"#, ""),
        (r#""action":"update","#, ""),
        (r#""ts":"1597026383185""#, r#""ts":1597026383185"#),
        (r#"}]}"#, r#"},{}]}"#),
    ] {
        assert_eq!(okx(&changed(update, from, to)), malformed, "{from} -> {to}");
    }
    assert_eq!(
        okx(r#"{"arg":{"channel":"books","instId":"B-U"},"action":"update","data":[]}"#),
        malformed
    );
}

fn is_number(event: Result<Event<'_>, DecodeError>) -> bool {
    matches!(event, Err(DecodeError::Number(_)))
}

#[test]
fn numbers_that_no_book_can_have_reject_the_frame_by_reason() {
    for (price, why) in [("0", DecodeError::Value), ("-1", DecodeError::Value)] {
        assert_eq!(bybit(&changed(line(BYBIT, 1), "75848.62", price)), Err(why));
        assert_eq!(okx(&changed(line(OKX, 1), "8476.97", price)), Err(why));
    }
    for price in ["NaN", "1e400", "0.000000001", "92233720369", "", " 1", "1_000"] {
        assert!(is_number(bybit(&changed(line(BYBIT, 1), "75848.62", price))), "{price}");
        assert!(is_number(okx(&changed(line(OKX, 1), "8476.97", price))), "{price}");
    }
    for number in ["99999999999999999999", "-5", "1.5"] {
        assert!(is_number(bybit(&changed(line(BYBIT, 1), "2876701", number))), "{number}");
        assert!(is_number(okx(&changed(line(OKX, 1), "123460", number))), "{number}");
    }
}

#[test]
fn bad_contents_name_their_book_and_a_bad_form_does_not() {
    let crossed = changed(line(BYBIT, 0), "75848.74", "75848.75");
    let (event, scratch) = read(VenueId::Bybit, &crossed);
    assert_eq!((event, scratch.rejected.as_str()), (Err(DecodeError::Crossed), "BTCUSDT"));
    let crossed = changed(line(OKX, 0), "8476.97", "8476.98");
    let (event, scratch) = read(VenueId::Okx, &crossed);
    assert_eq!((event, scratch.rejected.as_str()), (Err(DecodeError::Crossed), "BTC-USDT"));
    let wrong = changed(line(OKX, 1), "8476.97", "-8476.97");
    let (event, scratch) = read(VenueId::Okx, &wrong);
    assert_eq!((event, scratch.rejected.as_str()), (Err(DecodeError::Value), "BTC-USDT"));
    let nameless = changed(line(OKX, 1), "\"prevSeqId\"", "\"prev\"");
    let (event, scratch) = read(VenueId::Okx, &nameless);
    assert_eq!((event, scratch.rejected.as_str()), (Err(DecodeError::Malformed), ""));
}

#[test]
fn a_snapshot_of_more_levels_than_a_book_holds_overflows() {
    let levels = |count: usize| {
        let rows: Vec<String> =
            (0..count).map(|at| format!(r#"["{}","1","0","1"]"#, 9_000 - at)).collect();
        rows.join(",")
    };
    for venue in [VenueId::Bybit, VenueId::Okx] {
        let frame = |bids: &str| match venue {
            VenueId::Bybit => {
                let data = format!(r#"{{"s":"B","u":2,"a":[["9001","1"]],"b":[{bids}]}}"#);
                let head = r#""topic":"orderbook.1000.B","ts":1,"type":"snapshot""#;
                format!(r#"{{{head},"data":{data}}}"#)
            }
            _ => {
                let data =
                    format!(r#"{{"asks":[["9001","1"]],"bids":[{bids}],"ts":"1","seqId":2}}"#);
                let arg = r#""arg":{"channel":"books","instId":"B"},"action":"snapshot""#;
                format!(r#"{{{arg},"data":[{data}]}}"#)
            }
        };
        let full = frame(&levels(limit::BOOK_LEVELS));
        assert!(matches!(read(venue, &full).0, Ok(Event::Image { .. })));
        let over = frame(&levels(limit::BOOK_LEVELS + 1));
        assert_eq!(read(venue, &over).0, Err(DecodeError::Overflow));
    }
}

#[test]
fn answers_and_other_streams_are_control() {
    let control = |control| Ok(Event::Control(control));
    assert_eq!(bybit(r#"{"op":"pong","args":["1"],"conn_id":"x"}"#), control(Control::Pong));
    assert_eq!(bybit(r#"{"retCode":10404,"op":"x"}"#), control(Control::Error));
    assert_eq!(bybit(r#"{"topic":"liquidation.BTCUSDT","data":{}}"#), control(Control::Unused));
    assert_eq!(okx("pong"), control(Control::Pong));
    assert_eq!(okx("ping"), Err(DecodeError::Malformed));
    assert_eq!(okx(r#"{"event":"notice","code":"1","msg":"x"}"#), control(Control::Unused));
    let full = r#"{"event":"channel-conn-count-error","channel":"orders","connCount":"30"}"#;
    assert_eq!(okx(full), control(Control::Error));
    assert_eq!(okx(r#"{"code":"50011","msg":"x","data":[]}"#), control(Control::Error));
    let swap = r#"{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[]}"#;
    assert_eq!(okx(swap), control(Control::Unused));
}

#[test]
fn a_trade_is_called_by_a_number_or_a_uuid_and_nothing_else() {
    let uuid = "20f43950-d8dd-5b31-9112-a178eb6023af";
    let key = TradeKey::parse(uuid).expect("a UUID");
    assert_eq!(key.to_string(), format!("\"{uuid}\""));
    assert_eq!(
        TradeKey::parse("2290000000492424001").expect("a number").to_string(),
        "2290000000492424001"
    );
    for text in ["", "x", "99999999999999999999999", &uuid[1..], &uuid.replace('-', "0"), "1-2"] {
        assert_eq!(TradeKey::parse(text), None, "{text}");
    }
}

/// Every reader of both venues; what they make of it does not matter here.
fn read_in_all_ways(frame: &[u8]) {
    let privates: [&dyn Private; 2] = [&BybitPrivate, &OkxPrivate];
    for private in privates {
        let _ = private.decode_private(frame);
        for call in CALLS {
            let _ = private.decode_reply(call, 200, frame);
        }
    }
    let streams: [&dyn Stream; 2] = [&BybitStream, &OkxStream];
    for stream in streams {
        let _ = (stream.rules(frame), stream.time_ms(frame));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_mutated_private_message_or_answer_is_read_or_refused_and_never_a_panic(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        with in prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            "[0-9.eE+-]{0,24}".prop_map(String::into_bytes),
            "[\\[\\]{},:\" ]{0,2}".prop_map(String::into_bytes),
        ],
        span in any::<(prop::sample::Index, prop::sample::Index)>()
    ) {
        let frames: Vec<&str> = BYBIT_OWN.lines().chain(OKX_OWN.lines()).collect();
        let bytes = frames[which.index(frames.len())].as_bytes();
        let at = at.index(bytes.len());
        let replaced = [&bytes[..at], &with, &bytes[at + 1..]].concat();
        let inserted = [&bytes[..at], &with, &bytes[at..]].concat();
        let (from, to) = (span.0.index(bytes.len()), span.1.index(bytes.len()));
        let repeated = [&bytes[..from.max(to)], &bytes[from.min(to)..]].concat();
        for frame in [replaced, inserted, repeated, bytes[..at].to_vec()] {
            read_in_all_ways(&frame);
        }
    }
}

#[test]
fn private_messages_are_limited_in_size_text_and_nesting() {
    let nested = |depth: usize| {
        let nest = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"op":"x","event":"x","arg":{{"channel":"x"}},"x":{nest}}}"#)
    };
    let huge = vec![b' '; limit::FRAME_BYTES + 1];
    let privates: [&dyn Private; 2] = [&BybitPrivate, &OkxPrivate];
    for private in privates {
        let decode = |frame: &[u8]| private.decode_private(frame).map(drop);
        assert_eq!(decode(&huge), Err(DecodeError::TooLarge));
        assert_eq!(decode(b"{\"op\":\"\xff\"}"), Err(DecodeError::Utf8));
        assert_eq!(decode(nested(limit::FRAME_DEPTH - 1).as_bytes()), Ok(()));
        for depth in [limit::FRAME_DEPTH, 400_000] {
            assert_eq!(decode(nested(depth).as_bytes()), Err(DecodeError::TooDeep));
        }
    }
}
