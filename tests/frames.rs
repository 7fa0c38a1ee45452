//! What codecs make of good frames, and that they reject bad ones whole and by reason.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::types::ids::VenueId;
use arb::types::limit;
use arb::types::market::Level;
use arb::types::market::Side;
use arb::types::market::Ticker;
use arb::types::number::parse_fixed;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::venue::Codec;
use arb::venue::Control;
use arb::venue::DecodeError;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::Span;
use arb::venue::codec;
use proptest::prelude::*;

const UPBIT_BOOK: &str = include_str!("data/upbit_orderbook_default.json");
const UPBIT_LIST: &str = include_str!("data/upbit_orderbook_simple_list.json");
const BINANCE: &str = include_str!("data/binance_combined.jsonl");
const UPBIT_TRADE: &str = r#"{"type":"trade","code":"KRW-BTC","timestamp":1696585056910,
"trade_timestamp":1696585056846,"trade_price":1.16539E8,"trade_volume":8.428e-05,"ask_bid":"ASK",
"sequential_id":16965850568460000}"#;
const BYBIT: &str = include_str!("data/bybit_usual.jsonl");
const OKX: &str = include_str!("data/okx_usual.jsonl");
const SNAPSHOT: &str = r#"{"lastUpdateId":10,"bids":[["9.5","1"],["9","2"]],"asks":[["10","3"]]}"#;

/// An object that every venue takes for something it does not use, with a value inside.
const NAMED: &str = r#"{"type":"ticker","e":"x","op":"x","x":@}"#;

fn level(price: &str, qty: &str) -> Level {
    let raw = |text: &str| parse_fixed(text.as_bytes()).expect("a number");
    Level {
        price: Price::from_raw(raw(price)).expect("positive"),
        qty: Qty::from_raw(raw(qty)).expect("not negative"),
    }
}

fn levels(pairs: &[(&str, &str)]) -> Vec<Level> {
    pairs.iter().map(|(price, qty)| level(price, qty)).collect()
}

fn on(venue: VenueId, frame: &str) -> Result<Event<'_>, DecodeError> {
    codec(venue).decode(FrameKind::Ws, frame.as_bytes(), &mut Scratch::default())
}

fn upbit(frame: &str) -> Result<Event<'_>, DecodeError> {
    on(VenueId::Upbit, frame)
}

fn binance(frame: &str) -> Result<Event<'_>, DecodeError> {
    on(VenueId::Binance, frame)
}

fn rest(frame: &str) -> Result<Event<'_>, DecodeError> {
    codec(VenueId::Binance).decode(FrameKind::RestDepth, frame.as_bytes(), &mut Scratch::default())
}

fn number(why: Result<Event<'_>, DecodeError>) -> bool {
    matches!(why, Err(DecodeError::Number(_)))
}

#[test]
fn an_upbit_book_is_read_exactly_and_without_its_padding() {
    let mut scratch = Scratch::default();
    let event = codec(VenueId::Upbit).decode(FrameKind::Ws, UPBIT_BOOK.as_bytes(), &mut scratch);
    let (symbol, venue_ts_ms) = ("KRW-BTC", 1_723_161_255_478);
    assert_eq!(event, Ok(Event::Image { symbol, venue_ts_ms, update_id: None }));
    let bids = [("86120000", "0.00079276"), ("86118000", "0.25"), ("86100000", "1")];
    assert_eq!(scratch.bids, levels(&bids));
    assert_eq!(scratch.asks, levels(&[("86123000", "0.0007772"), ("86126000", "0.5")]));
}

#[test]
fn short_keys_in_any_order_inside_a_list_of_one_say_the_same() {
    let mut scratch = Scratch::default();
    let event = codec(VenueId::Upbit).decode(FrameKind::Ws, UPBIT_LIST.as_bytes(), &mut scratch);
    let (symbol, venue_ts_ms) = ("KRW-BTC", 1_723_161_255_478);
    assert_eq!(event, Ok(Event::Image { symbol, venue_ts_ms, update_id: None }));
    assert_eq!(scratch.bids, levels(&[("86120000", "0.00079276")]));
    assert_eq!(scratch.asks, levels(&[("86123000", "0.0007772")]));
    let two = UPBIT_LIST.replace("}]\n", "},{}]");
    assert_ne!(two, UPBIT_LIST);
    assert_eq!(upbit(&two), Err(DecodeError::Malformed));
    assert_eq!(upbit("[]"), Err(DecodeError::Malformed));
}

#[test]
fn trades_say_what_the_taker_did() {
    let price = level("116539000", "0.00008428");
    let expected = Event::Trade {
        symbol: "KRW-BTC",
        price: price.price,
        qty: price.qty,
        taker: Side::Sell,
        trade_id: 16_965_850_568_460_000,
        venue_ts_ms: 1_696_585_056_846,
    };
    assert_eq!(upbit(UPBIT_TRADE), Ok(expected));
    let line = BINANCE.lines().nth(2).expect("the trade");
    let Ok(Event::Trade { taker, trade_id, .. }) = binance(line) else { panic!("no trade") };
    assert_eq!((taker, trade_id), (Side::Sell, 3_735_683_259));
    let bought = line.replace(r#""m":true"#, r#""m":false"#);
    assert!(matches!(binance(&bought), Ok(Event::Trade { taker: Side::Buy, .. })));
}

#[test]
fn binance_frames_read_alike_raw_and_in_the_combined_wrapper() {
    for line in BINANCE.lines() {
        let start = line.find(r#""data":"#).expect("wrapped") + 7;
        assert_eq!(binance(line), binance(&line[start..line.len() - 1]));
    }
    let mut scratch = Scratch::default();
    let line = BINANCE.lines().next().expect("the diff");
    let event = codec(VenueId::Binance).decode(FrameKind::Ws, line.as_bytes(), &mut scratch);
    let expected = Event::Delta {
        symbol: "BTCUSDT",
        span: Span::Joined { first: 11, last: 12 },
        venue_ts_ms: 1_723_161_255_208,
    };
    assert_eq!(event, Ok(expected));
    assert_eq!(scratch.bids, levels(&[("61837.63", "3.78826"), ("61730.17", "0")]));
    let line = BINANCE.lines().nth(1).expect("the ticker");
    let (bid, ask) = (level("61837.63", "3.78826"), level("61837.64", "1.6052"));
    let ticker = Ticker { update_id: 13, bid, ask };
    assert_eq!(binance(line), Ok(Event::Ticker { symbol: "BTCUSDT", ticker }));
    assert_eq!(rest(SNAPSHOT), Ok(Event::Snapshot { last_id: 10 }));
}

#[test]
fn everything_else_a_venue_documents_is_control() {
    let [status, ack, unused, shutting_down, error] =
        [Control::Status, Control::Ack, Control::Unused, Control::ShuttingDown, Control::Error]
            .map(|control| Ok(Event::Control(control)));
    assert_eq!(upbit(r#"{"status":"UP"}"#), status);
    assert_eq!(upbit(r#"{"type":"ticker","code":"KRW-BTC","trade_price":1.0}"#), unused);
    assert_eq!(upbit(r#"{"method":"LIST_SUBSCRIPTIONS","result":[{"codes":[]}]}"#), ack);
    assert_eq!(upbit(r#"{"error":{"message":"x","name":"NO_TICKET"}}"#), error);
    assert_eq!(binance(r#"{"result":null,"id":1}"#), ack);
    assert_eq!(binance(r#"{"result":["btcusdt@aggTrade"],"id":3}"#), ack);
    assert_eq!(binance(r#"{"e":"serverShutdown","E":1770123456789}"#), shutting_down);
    let shutdown = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#;
    assert_eq!(binance(shutdown), shutting_down);
    assert_eq!(binance(r#"{"data":[{"e":"24hrTicker"}],"stream":"!ticker@arr"}"#), unused);
    assert_eq!(binance(r#"{"lastUpdateId":1,"bids":[["1","1"]],"asks":[]}"#), unused);
    assert_eq!(binance(r#"{"e":"aggTrade","s":"BNBBTC","a":12345,"p":"0.001","m":true}"#), unused);
    assert_eq!(binance(r#"{"code":2,"msg":"Invalid request","id":1}"#), error);
    assert_eq!(rest(r#"{"code":-1121,"msg":"Invalid symbol."}"#), error);
}

#[test]
fn a_frame_cut_at_any_byte_is_malformed() {
    let upbit_frames = [UPBIT_BOOK.trim_end(), UPBIT_LIST.trim_end(), UPBIT_TRADE];
    for frame in upbit_frames {
        for end in 0..frame.len() {
            assert_eq!(upbit(&frame[..end]), Err(DecodeError::Malformed), "{}", &frame[..end]);
        }
    }
    for frame in BINANCE.lines() {
        for end in 0..frame.len() {
            assert_eq!(binance(&frame[..end]), Err(DecodeError::Malformed), "{}", &frame[..end]);
        }
    }
    for end in 0..SNAPSHOT.len() {
        assert_eq!(rest(&SNAPSHOT[..end]), Err(DecodeError::Malformed));
    }
}

#[test]
fn junk_is_malformed() {
    let junk = [
        "",
        " ",
        "null",
        "1",
        "\"orderbook\"",
        "{}",
        "[1,2]",
        "PING",
        "<html></html>",
        "\u{feff}{}",
        "{\"type\":\"orderbook\"}",
        "{\"e\":\"depthUpdate\"}",
        "{\"e\":\"trade\"}",
        "{\"e\":7}",
        "{\"status\":\"UP\"}}",
        "{\"result\":null,\"id\":1} x",
        "{\"type\":\"trade\\u0000\"",
    ];
    for frame in junk {
        assert_eq!(upbit(frame), Err(DecodeError::Malformed), "upbit {frame}");
        assert_eq!(binance(frame), Err(DecodeError::Malformed), "binance {frame}");
        assert_eq!(rest(frame), Err(DecodeError::Malformed), "rest {frame}");
        for venue in [VenueId::Bybit, VenueId::Okx] {
            assert_eq!(on(venue, frame), Err(DecodeError::Malformed), "{venue:?} {frame}");
        }
    }
    let alone = r#"{"type":"orderbook","code":"KRW-\ud800","timestamp":1,"orderbook_units":[]}"#;
    assert_eq!(upbit(alone), Err(DecodeError::Malformed));
}

#[test]
fn a_key_that_comes_twice_makes_the_frame_malformed() {
    let twice = |frame: &str, from: &str, to: &str| {
        let changed = frame.replacen(from, to, 1);
        assert_ne!(changed, frame);
        changed
    };
    let book = twice(UPBIT_BOOK, r#""code""#, r#""cd":"KRW-ETH","code""#);
    assert_eq!(upbit(&book), Err(DecodeError::Malformed));
    let units = twice(UPBIT_LIST, r#""obu""#, r#""obu":[],"obu""#);
    assert_eq!(upbit(&units), Err(DecodeError::Malformed));
    let unit = twice(UPBIT_LIST, r#""bs""#, r#""bs":1,"bs""#);
    assert_eq!(upbit(&unit), Err(DecodeError::Malformed));
    let diff = BINANCE.lines().next().expect("the diff");
    for (from, to) in [(r#""b":"#, r#""b":[],"b":"#), (r#""u":"#, r#""u":9,"u":"#)] {
        assert_eq!(binance(&twice(diff, from, to)), Err(DecodeError::Malformed));
    }
}

#[test]
fn size_text_and_nesting_are_limited() {
    let huge = vec![b' '; limit::FRAME_BYTES + 1];
    let bad_text = b"{\"status\":\"\xff\"}";
    let deep = |inner: &str, depth: usize| {
        let nest = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        inner.replace('@', &nest)
    };
    for venue in VenueId::ALL {
        let decode = |frame: &[u8]| {
            codec(venue).decode(FrameKind::Ws, frame, &mut Scratch::default()).map(|_| ())
        };
        assert_eq!(decode(&huge), Err(DecodeError::TooLarge));
        assert_eq!(decode(bad_text), Err(DecodeError::Utf8));
        for shape in ["@", "{\"x\":@}", NAMED, "{\"b\":@}"] {
            let deepest = limit::FRAME_DEPTH + 1;
            assert_eq!(decode(deep(shape, deepest).as_bytes()), Err(DecodeError::TooDeep));
            assert_eq!(decode(deep(shape, 400_000).as_bytes()), Err(DecodeError::TooDeep));
        }
        let allowed = deep(NAMED, limit::FRAME_DEPTH - 1);
        assert_eq!(decode(allowed.as_bytes()), Ok(()));
        let open_only = "[".repeat(limit::FRAME_BYTES);
        assert_eq!(decode(open_only.as_bytes()), Err(DecodeError::TooDeep));
    }
    let in_unit = UPBIT_LIST.replacen(r#""bs""#, &deep(r#""x":@,"bs""#, 40), 1);
    assert_eq!(upbit(&in_unit), Err(DecodeError::TooDeep));
}

fn upbit_unit(bid: &str, bid_size: &str) -> String {
    let unit = format!(r#"{{"ap":10,"bp":{bid},"as":1,"bs":{bid_size}}}"#);
    format!(r#"{{"ty":"orderbook","cd":"KRW-BTC","tms":1,"obu":[{unit}]}}"#)
}

#[test]
fn upbit_numbers_outside_the_exact_range_reject_the_frame() {
    assert!(upbit(&upbit_unit("9", "1")).is_ok());
    for (bid, size) in [("1e400", "1"), ("9", "1e400"), ("9", "1e-9"), ("92233720369", "1")] {
        assert!(number(upbit(&upbit_unit(bid, size))), "{bid} {size}");
    }
    for (bid, size) in [("-9", "1"), ("9", "-1"), ("0", "-1"), ("-9", "0"), ("-1e-8", "1")] {
        assert_eq!(upbit(&upbit_unit(bid, size)), Err(DecodeError::Value), "{bid} {size}");
    }
    for (bid, size) in [("NaN", "1"), ("9", "Infinity"), ("1_000", "1"), ("09", "1"), ("9.", "1")] {
        assert_eq!(upbit(&upbit_unit(bid, size)), Err(DecodeError::Malformed), "{bid} {size}");
    }
    assert!(number(upbit(&upbit_unit("\"9\"", "1"))), "text is no number on this venue");
    assert!(number(upbit(&upbit_unit("null", "1"))));
}

fn diff_with(price: &str, qty: &str) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["{price}","{qty}"]],"a":[]}}"#
    )
}

#[test]
fn one_bad_level_rejects_a_binance_diff_whole() {
    assert!(binance(&diff_with("9.5", "0")).is_ok());
    for (price, qty) in [("0", "1"), ("0.00000000", "0"), ("-1", "1"), ("1", "-1")] {
        assert_eq!(binance(&diff_with(price, qty)), Err(DecodeError::Value), "{price} {qty}");
    }
    for (price, qty) in
        [("NaN", "1"), ("1", "Infinity"), ("1e400", "1"), ("1_000", "1"), ("", "1"), (" 1", "1")]
    {
        assert!(number(binance(&diff_with(price, qty))), "{price} {qty}");
    }
    let backwards = diff_with("9.5", "1").replace(r#""U":1"#, r#""U":3"#);
    assert_eq!(binance(&backwards), Err(DecodeError::Malformed));
    let numbers = diff_with("9.5", "1").replace(r#""9.5""#, "9.5");
    assert_eq!(binance(&numbers), Err(DecodeError::Malformed));
    let huge_id = diff_with("9.5", "1").replace(r#""u":2"#, r#""u":99999999999999999999"#);
    assert!(number(binance(&huge_id)));
}

#[test]
fn an_image_that_is_no_book_is_rejected_by_reason() {
    let image =
        |bids: &str, asks: &str| format!(r#"{{"lastUpdateId":1,"bids":[{bids}],"asks":[{asks}]}}"#);
    let cases = [
        (r#"["9","1"],["9.5","1"]"#, r#"["10","1"]"#, DecodeError::Unsorted),
        (r#"["9","1"],["9","1"]"#, r#"["10","1"]"#, DecodeError::Unsorted),
        (r#"["9","1"]"#, r#"["11","1"],["10","1"]"#, DecodeError::Unsorted),
        (r#"["10","1"]"#, r#"["10","1"]"#, DecodeError::Crossed),
        (r#"["11","1"]"#, r#"["10","1"]"#, DecodeError::Crossed),
        ("", r#"["10","1"]"#, DecodeError::Empty),
        (r#"["9","1"]"#, "", DecodeError::Empty),
        (r#"["9","0"]"#, r#"["10","1"]"#, DecodeError::Value),
    ];
    for (bids, asks, why) in cases {
        assert_eq!(rest(&image(bids, asks)), Err(why), "{bids} {asks}");
    }
    let many: Vec<String> =
        (0..=limit::BOOK_LEVELS).map(|step| format!(r#"["{}","1"]"#, 20_000 - step)).collect();
    assert_eq!(rest(&image(&many.join(","), r#"["30000","1"]"#)), Err(DecodeError::Overflow));
    assert_eq!(upbit(&upbit_unit("10", "1")), Err(DecodeError::Crossed));
    assert_eq!(upbit(&upbit_unit("0", "0")), Err(DecodeError::Empty));
    let ticker = r#"{"u":1,"s":"BTCUSDT","b":"10","B":"1","a":"10","A":"1"}"#;
    assert_eq!(binance(ticker), Err(DecodeError::Crossed));
    let no_bid = r#"{"u":1,"s":"BTCUSDT","b":"0.00","B":"0.00","a":"10","A":"1"}"#;
    assert_eq!(binance(no_bid), Err(DecodeError::Value));
}

#[test]
fn symbols_and_instruments_name_each_other() {
    let cases = [
        (VenueId::Upbit, "KRW-BTC", "BTC-KRW"),
        (VenueId::Upbit, "KRW-USDT", "USDT-KRW"),
        (VenueId::Binance, "BTCUSDT", "BTC-USDT"),
        (VenueId::Binance, "USDTTRY", "USDT-TRY"),
        (VenueId::Binance, "1000SATSFDUSD", "1000SATS-FDUSD"),
        (VenueId::Binance, "BNBBTC", "BNB-BTC"),
        (VenueId::Bybit, "BTCUSDT", "BTC-USDT"),
        (VenueId::Bybit, "SOLUSDC", "SOL-USDC"),
        (VenueId::Okx, "BTC-USDT", "BTC-USDT"),
    ];
    for (venue, symbol, name) in cases {
        let codec: Box<dyn Codec + Send> = codec(venue);
        let found = codec.instrument(symbol).expect("a known symbol");
        assert_eq!(found.as_str(), name);
        assert_eq!(codec.symbol(&found), symbol);
    }
    for (venue, symbol) in [
        (VenueId::Upbit, "KRWBTC"),
        (VenueId::Upbit, "KRW-"),
        (VenueId::Upbit, "krw-btc"),
        (VenueId::Binance, "USDT"),
        (VenueId::Binance, "btcusdt"),
        (VenueId::Binance, "BTCXYZ"),
        (VenueId::Bybit, "BTCPERP"),
        (VenueId::Bybit, "USDT"),
        (VenueId::Okx, "BTCUSDT"),
        (VenueId::Okx, "BTC-USDT-SWAP"),
    ] {
        assert_eq!(codec(venue).instrument(symbol), None, "{symbol}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_mutated_frame_is_read_or_rejected_and_never_half_a_book(
        which in 0usize..16, at in any::<prop::sample::Index>(), with in any::<u8>(),
        span in any::<(prop::sample::Index, prop::sample::Index)>()
    ) {
        let lines: Vec<&str> = BINANCE.lines().collect();
        let usual = [UPBIT_BOOK, UPBIT_LIST, UPBIT_TRADE, lines[0], lines[1], SNAPSHOT];
        let frames: Vec<&str> =
            usual.into_iter().chain(BYBIT.lines()).chain(OKX.lines()).collect();
        let mut bytes = frames[which].as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let (from, to) = (span.0.index(bytes.len()), span.1.index(bytes.len()));
        let repeated = [&bytes[..from.max(to)], &bytes[from.min(to)..]].concat();
        for frame in [bytes, repeated] {
            for venue in VenueId::ALL {
                for kind in [FrameKind::Ws, FrameKind::RestDepth] {
                    let mut scratch = Scratch::default();
                    let event = codec(venue).decode(kind, &frame, &mut scratch);
                    if let Ok(Event::Image { .. } | Event::Snapshot { .. }) = event {
                        prop_assert!(arb::venue::book::check_image(&scratch).is_ok());
                    }
                }
            }
        }
    }
}
