//! Books: what a dialect writes, our codec reads back.

use arb::sim::dialect::Out;
use arb::types::ids::VenueId;
use arb::types::market::Side;
use arb::types::time::DurNs;

use crate::hall::Hall;
use crate::hall::Mirror;
use crate::hall::body;
use crate::hall::bytes;
use crate::hall::public_path;
use crate::hall::said;
use crate::hall::shown;
use crate::hall::top;

/// The request for the books of all instruments.
fn subscription(hall: &Hall, format: &str) -> String {
    let codes: Vec<String> = (0..hall.instruments()).map(|at| hall.symbol(at)).collect();
    let quoted = |wrap: fn(&str) -> String| {
        codes.iter().map(|code| wrap(code)).collect::<Vec<String>>().join(",")
    };
    match hall.venue {
        VenueId::Upbit | VenueId::Bithumb => {
            let codes = quoted(|code| format!("\"{code}\""));
            format!(
                r#"[{{"ticket":"t"}},{{"type":"orderbook","codes":[{codes}]}},
                {{"format":"{format}"}}]"#
            )
        }
        VenueId::Binance => {
            let names = quoted(|code| format!("\"{}@depth@100ms\"", code.to_lowercase()));
            format!(r#"{{"method":"SUBSCRIBE","params":[{names}],"id":1}}"#)
        }
        VenueId::Bybit => {
            let names = quoted(|code| format!("\"orderbook.50.{code}\""));
            format!(r#"{{"req_id":"1","op":"subscribe","args":[{names}]}}"#)
        }
        VenueId::Okx => {
            let names = quoted(|code| format!(r#"{{"channel":"books","instId":"{code}"}}"#));
            format!(r#"{{"id":"1","op":"subscribe","args":[{names}]}}"#)
        }
    }
}

/// Runs the market for 20 s and holds the rebuilt books against those of the exchange.
fn rebuilt_books_are_those_of(venue: VenueId, format: &str) {
    let mut hall = Hall::of(venue);
    let mut seat = hall.seat(public_path(venue));
    let mut mirror = Mirror::of(venue);
    let request = subscription(&hall, format);
    mirror.hear(&hall.say(&mut seat, &request));
    if venue == VenueId::Binance {
        for at in 0..hall.instruments() {
            let symbol = hall.symbol(at);
            let answer = hall.get(&format!("/api/v3/depth?symbol={symbol}&limit=1000"));
            mirror.load(&symbol, &answer.body);
        }
    }
    for _ in 0..500 {
        hall.pass(DurNs::from_ms(13));
        mirror.hear(&hall.advance(&mut seat));
        hall.pass(DurNs::from_ms(27));
        mirror.hear(&hall.tick(&mut seat));
    }
    // Nothing moves any more: whatever is on a grid has to come now.
    mirror.hear(&hall.wait(&mut seat, DurNs::from_ms(500)));
    let (levels, grid) = match venue {
        VenueId::Bithumb => (15, 10_000),
        VenueId::Upbit => (30, 1),
        _ => (50, 1),
    };
    for at in 0..hall.instruments() {
        let (book, real) = (&mirror.books[&hall.symbol(at)], hall.exchange.book(at));
        assert_eq!(top(book, Side::Buy, levels), shown(&real.bids, levels, grid), "{venue:?}");
        assert_eq!(top(book, Side::Sell, levels), shown(&real.asks, levels, grid), "{venue:?}");
        assert!(book.images + book.deltas > 20, "{venue:?}: {book:?}");
    }
}

#[test]
fn upbit_books_in_both_spellings_are_read_back_whole() {
    rebuilt_books_are_those_of(VenueId::Upbit, "DEFAULT");
    rebuilt_books_are_those_of(VenueId::Upbit, "SIMPLE");
}

#[test]
fn bithumb_books_are_read_back_with_four_decimals() {
    rebuilt_books_are_those_of(VenueId::Bithumb, "DEFAULT");
    rebuilt_books_are_those_of(VenueId::Bithumb, "SIMPLE");
}

#[test]
fn binance_diffs_join_the_snapshot_without_a_gap() {
    rebuilt_books_are_those_of(VenueId::Binance, "");
}

#[test]
fn bybit_deltas_chain_to_their_snapshot() {
    rebuilt_books_are_those_of(VenueId::Bybit, "");
}

#[test]
fn okx_updates_chain_to_their_snapshot() {
    rebuilt_books_are_those_of(VenueId::Okx, "");
}

#[test]
fn upbit_frames_are_binary_on_a_grid_and_padded_with_zeros() {
    let mut hall = Hall::of(VenueId::Upbit);
    let mut seat = hall.seat("/websocket/v1");
    let text = r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC","krw-btc","KRW-NO"]}]"#;
    let first = hall.say(&mut seat, text);
    assert_eq!(first.len(), 1, "unknown and lower-case codes stay silent: {first:?}");
    assert!(matches!(first[0], Out::Binary(_)));
    let snapshot = &said(&first)[0];
    assert_eq!(snapshot["stream_type"], "SNAPSHOT");
    assert_eq!(snapshot["orderbook_units"].as_array().map(Vec::len), Some(30));
    let raw = String::from_utf8_lossy(bytes(&first[0]).expect("data")).into_owned();
    assert!(raw.contains("E7,"), "a price above ten million has an exponent: {raw}");
    assert!(raw.contains("\"ask_price\":0.0,"), "slots beyond the depth are zero: {raw}");
    let mut times = Vec::new();
    for _ in 0..200 {
        hall.pass(DurNs::from_ms(20));
        let out = hall.advance(&mut seat);
        times.extend(said(&out).iter().filter_map(|frame| frame["timestamp"].as_u64()));
    }
    assert!(times.len() > 3, "{times:?}");
    let phase = times[0] % 100;
    assert!(times.iter().all(|time| time % 100 == phase), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "one frame a slot: {times:?}");
}

#[test]
fn a_second_request_replaces_the_first_on_the_korean_venues() {
    for venue in [VenueId::Upbit, VenueId::Bithumb] {
        let mut hall = Hall::of(venue);
        let mut seat = hall.seat("/websocket/v1");
        let ask =
            |code: &str| format!(r#"[{{"ticket":"t"}},{{"type":"orderbook","codes":["{code}"]}}]"#);
        hall.say(&mut seat, &ask("KRW-BTC"));
        hall.say(&mut seat, &ask("KRW-ETH"));
        let list = r#"[{"ticket":"mine"},{"method":"LIST_SUBSCRIPTIONS"}]"#;
        let answer = &said(&hall.say(&mut seat, list))[0];
        assert_eq!(answer["ticket"], "mine");
        assert_eq!(answer["result"][0]["codes"], serde_json::json!(["KRW-ETH"]));
        assert_eq!(answer["result"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn bithumb_books_carry_microseconds() {
    let mut hall = Hall::of(VenueId::Bithumb);
    let mut seat = hall.seat("/websocket/v1");
    let text = r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"]}]"#;
    let frame = &said(&hall.say(&mut seat, text))[0];
    let time = frame["timestamp"].as_u64().expect("a number");
    assert_eq!(time / 1_000 / 1_000_000, crate::hall::START_MS / 1_000_000, "{time}");
    assert!(frame["orderbook_units"].as_array().is_some_and(|units| units.len() <= 15));
}

#[test]
fn a_binance_ticker_has_the_update_id_of_its_book() {
    let mut hall = Hall::of(VenueId::Binance);
    let mut seat = hall.seat("/ws/btcusdt@bookTicker");
    let mut found = 0;
    for _ in 0..200 {
        hall.pass(DurNs::from_ms(20));
        for frame in said(&hall.advance(&mut seat)) {
            let book = hall.exchange.book(0);
            assert_eq!(frame["u"].as_u64(), Some(book.update_id));
            assert_eq!(frame.get("e"), None, "it has no type");
            found += 1;
        }
    }
    assert!(found > 3, "{found}");
}

#[test]
fn an_unchanged_okx_book_sends_an_empty_update_each_minute() {
    let mut hall = Hall::of(VenueId::Okx);
    let mut seat = hall.seat("/ws/v5/public");
    let text = r#"{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#;
    let first = said(&hall.say(&mut seat, text));
    assert_eq!(first[0]["event"], "subscribe");
    assert_eq!(
        (&first[1]["action"], &first[1]["data"][0]["prevSeqId"]),
        (&serde_json::json!("snapshot"), &serde_json::json!(-1))
    );
    let mut frames = Vec::new();
    for _ in 0..4 {
        hall.say(&mut seat, "ping");
        frames.extend(said(&hall.wait(&mut seat, DurNs::from_secs(20))));
    }
    assert_eq!(frames.len(), 1, "{frames:?}");
    let data = &frames[0]["data"][0];
    assert_eq!(data["seqId"], data["prevSeqId"]);
    assert_eq!(data["asks"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_quiet_bybit_top_is_repeated_with_the_same_number() {
    let mut hall = Hall::of(VenueId::Bybit);
    let mut seat = hall.seat("/v5/public/spot");
    let text = r#"{"op":"subscribe","args":["orderbook.1.BTCUSDT"]}"#;
    let first = said(&hall.say(&mut seat, text));
    let frames = said(&hall.wait(&mut seat, DurNs::from_secs(7)));
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert!(frames.iter().all(|frame| frame["type"] == "snapshot"));
    assert!(frames.iter().all(|frame| frame["data"]["u"] == first[1]["data"]["u"]));
}

#[test]
fn trades_of_every_venue_are_read_by_our_codec() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        let mut seat = hall.seat(public_path(venue));
        let code = hall.symbol(0);
        let text = match venue {
            VenueId::Upbit | VenueId::Bithumb => {
                format!(r#"[{{"ticket":"t"}},{{"type":"trade","codes":["{code}"]}}]"#)
            }
            VenueId::Binance => {
                let name = code.to_lowercase();
                format!(r#"{{"method":"SUBSCRIBE","params":["{name}@trade"],"id":1}}"#)
            }
            VenueId::Bybit => format!(r#"{{"op":"subscribe","args":["publicTrade.{code}"]}}"#),
            VenueId::Okx => {
                format!(r#"{{"op":"subscribe","args":[{{"channel":"trades","instId":"{code}"}}]}}"#)
            }
        };
        hall.say(&mut seat, &text);
        let mut mirror = Mirror::of(venue);
        let mut frames = 0;
        for _ in 0..300 {
            hall.pass(DurNs::from_ms(20));
            let out = hall.advance(&mut seat);
            frames += out.len();
            mirror.hear(&out);
        }
        assert!(frames > 3, "{venue:?}: {frames}");
    }
}

#[test]
fn books_by_request_are_those_of_the_exchange() {
    let paths = [
        (VenueId::Upbit, "/v1/orderbook?markets=KRW-BTC", "/0/orderbook_units/0/ask_price"),
        (VenueId::Bithumb, "/v1/orderbook?markets=KRW-BTC", "/0/orderbook_units/0/ask_price"),
        (VenueId::Binance, "/api/v3/depth?symbol=BTCUSDT", "/asks/0/0"),
        (VenueId::Bybit, "/v5/market/orderbook?category=spot&symbol=BTCUSDT", "/result/a/0/0"),
        (VenueId::Okx, "/api/v5/market/books?instId=BTC-USDT&sz=5", "/data/0/asks/0/0"),
    ];
    for (venue, path, pointer) in paths {
        let mut hall = Hall::of(venue);
        let found = body(&hall.get(path));
        let text = found.pointer(pointer).map(|value| value.to_string()).unwrap_or_default();
        let raw = arb::types::number::parse_fixed(text.trim_matches('"').as_bytes());
        let best = hall.exchange.book(0).asks[0].price.raw();
        assert_eq!(raw, Ok(best), "{venue:?}: {found}");
    }
}
