//! Sockets: acknowledgements, errors, keepalives, cuts, limits.

use arb::sim::dialect::Out;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;

use crate::hall::Hall;
use crate::hall::head;
use crate::hall::public_path;
use crate::hall::request;
use crate::hall::said;
use crate::hall::with_header;

#[test]
fn an_idle_korean_socket_is_cut_after_a_minute_without_a_close_frame() {
    for venue in [VenueId::Upbit, VenueId::Bithumb] {
        let mut hall = Hall::of(venue);
        let mut seat = hall.seat("/websocket/v1");
        assert_eq!(hall.wait(&mut seat, DurNs::from_secs(59)), []);
        let out = hall.wait(&mut seat, DurNs::from_secs(1));
        assert_eq!(out, [Out::Cut], "{venue:?}");
    }
}

#[test]
fn a_text_ping_is_followed_by_a_status_every_ten_seconds() {
    let mut hall = Hall::of(VenueId::Upbit);
    let mut seat = hall.seat("/websocket/v1");
    let first = said(&hall.say(&mut seat, "PING"));
    assert_eq!(first[0]["status"], "UP");
    assert_eq!(said(&hall.wait(&mut seat, DurNs::from_secs(35))).len(), 3);
}

#[test]
fn an_error_is_told_and_the_connection_closed_a_moment_later() {
    let mut hall = Hall::of(VenueId::Upbit);
    let mut seat = hall.seat("/websocket/v1");
    let out = said(&hall.say(&mut seat, r#"[{"type":"orderbook","codes":["KRW-BTC"]}]"#));
    assert_eq!(out[0]["error"]["name"], "NO_TICKET");
    assert_eq!(hall.wait(&mut seat, DurNs::from_ms(100)), []);
    assert_eq!(hall.wait(&mut seat, DurNs::from_ms(50)), [Out::Close(1000)]);
}

#[test]
fn a_sixth_message_within_a_second_is_one_too_many_at_upbit() {
    let mut hall = Hall::of(VenueId::Upbit);
    let mut seat = hall.seat("/websocket/v1");
    let text = r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"]}]"#;
    for _ in 0..5 {
        assert_eq!(said(&hall.say(&mut seat, text))[0].get("error"), None);
    }
    assert_eq!(said(&hall.say(&mut seat, text))[0]["error"]["name"], "TOO_MANY_REQUEST");
}

#[test]
fn upbit_tells_what_is_left_of_its_connects_and_refuses_the_sixth() {
    let mut hall = Hall::of(VenueId::Upbit);
    let (_, headers) = hall.open("/websocket/v1").expect("the first is taken");
    let told = ("remaining-req".to_owned(), "group=websocket; min=300; sec=4".to_owned());
    assert_eq!(headers, [told]);
    for _ in 0..4 {
        hall.seat("/websocket/v1");
    }
    assert_eq!(hall.open("/websocket/v1").map_err(|answer| answer.status).err(), Some(429));
    hall.pass(DurNs::from_secs(1));
    hall.seat("/websocket/v1");
}

#[test]
fn an_origin_header_slows_upbit_down_to_one_in_ten_seconds() {
    let mut hall = Hall::of(VenueId::Upbit);
    let browser = with_header(request("GET", "/v1/market/all"), "origin", "https://a.example");
    assert_eq!(hall.http(&browser).status, 200);
    hall.pass(DurNs::from_secs(2));
    assert_eq!(hall.http(&browser).status, 429);
    hall.pass(DurNs::from_secs(10));
    assert_eq!(hall.http(&browser).status, 200);
}

#[test]
fn who_connects_too_often_to_bithumb_is_shut_out_for_ten_minutes() {
    let mut hall = Hall::of(VenueId::Bithumb);
    for _ in 0..10 {
        hall.seat("/websocket/v1");
    }
    assert!(hall.open("/websocket/v1").is_err());
    hall.pass(DurNs::from_secs(599));
    assert!(hall.open("/websocket/v1").is_err());
    hall.pass(DurNs::from_secs(2));
    hall.seat("/websocket/v1");
}

#[test]
fn binance_acknowledges_lists_and_refuses_in_its_own_words() {
    let mut hall = Hall::of(VenueId::Binance);
    let mut seat = hall.seat("/ws");
    let mut ask = |text: &str| said(&hall.say(&mut seat, text)).remove(0).to_string();
    let text = r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}"#;
    assert_eq!(ask(text), r#"{"id":1,"result":null}"#);
    let text = r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#;
    assert_eq!(ask(text), r#"{"id":3,"result":["btcusdt@depth@100ms"]}"#);
    assert!(ask(r#"{"method":"SUBSCRIBE","params":["x"],"id":-1}"#).contains("\"code\":2"));
    assert!(ask("nonsense").contains("\"code\":3"));
}

#[test]
fn binance_pings_every_20_seconds_and_ends_who_does_not_answer_within_60() {
    let mut hall = Hall::of(VenueId::Binance);
    let mut seat = hall.seat("/ws/btcusdt@trade");
    let out = hall.wait(&mut seat, DurNs::from_secs(79));
    assert!(out.iter().all(|out| matches!(out, Out::Ping(_))) && out.len() == 3, "{out:?}");
    assert!(hall.wait(&mut seat, DurNs::from_secs(1)).contains(&Out::Close(1008)));

    let mut seat = hall.seat("/ws/btcusdt@trade");
    for _ in 0..10 {
        let out = hall.wait(&mut seat, DurNs::from_secs(20));
        assert_eq!(out.len(), 1, "{out:?}");
        let now = hall.now();
        assert_eq!(hall.dialect.pinged(&mut seat, now), []);
    }
}

#[test]
fn a_binance_connection_ends_after_a_day_or_a_sixth_message_in_a_second() {
    let mut hall = Hall::of(VenueId::Binance);
    let mut seat = hall.seat("/ws");
    let list = r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#;
    for _ in 0..5 {
        assert!(matches!(hall.say(&mut seat, list)[0], Out::Text(_)));
    }
    assert_eq!(hall.say(&mut seat, list), [Out::Close(1008)]);

    let mut seat = hall.seat("/ws");
    hall.pass(DurNs::from_secs(86_400));
    assert_eq!(hall.tick(&mut seat), [Out::Close(1000)]);
    let now = hall.now();
    let notice = said(&hall.dialect.shut_down(&mut seat, now));
    assert_eq!(notice[0]["e"], "serverShutdown");
}

#[test]
fn bybit_answers_pings_and_refuses_an_eleventh_topic() {
    let mut hall = Hall::of(VenueId::Bybit);
    let mut seat = hall.seat("/v5/public/spot");
    let pong = &said(&hall.say(&mut seat, r#"{"op":"ping"}"#))[0];
    assert_eq!((&pong["ret_msg"], &pong["op"]), (&"pong".into(), &"ping".into()));
    let args = ["\"orderbook.1.BTCUSDT\""; 11].join(",");
    let refusal = format!(r#"{{"req_id":"9","op":"subscribe","args":[{args}]}}"#);
    let refusal = &said(&hall.say(&mut seat, &refusal))[0];
    assert_eq!((&refusal["success"], &refusal["req_id"]), (&false.into(), &"9".into()));
    assert_eq!(hall.wait(&mut seat, DurNs::from_secs(599)), []);
    assert_eq!(hall.wait(&mut seat, DurNs::from_secs(1)), [Out::Cut]);
}

#[test]
fn a_silent_okx_socket_is_cut_after_30_seconds_and_a_ping_keeps_it() {
    let mut hall = Hall::of(VenueId::Okx);
    let mut seat = hall.seat("/ws/v5/public");
    hall.wait(&mut seat, DurNs::from_secs(20));
    assert_eq!(hall.say(&mut seat, "ping"), [Out::Text("pong".to_owned())]);
    assert_eq!(hall.wait(&mut seat, DurNs::from_secs(29)), []);
    assert_eq!(hall.wait(&mut seat, DurNs::from_secs(1)), [Out::Cut]);
    let now = hall.now();
    let notice = said(&hall.dialect.shut_down(&mut seat, now));
    assert_eq!(notice[0]["code"], "64008");
}

#[test]
fn okx_names_what_is_wrong_with_a_request() {
    let mut hall = Hall::of(VenueId::Okx);
    let mut seat = hall.seat("/ws/v5/public");
    let mut code = |text: &str| said(&hall.say(&mut seat, text))[0]["code"].clone();
    assert_eq!(code("nonsense"), "60012");
    let unknown = r#"{"op":"subscribe","args":[{"channel":"books","instId":"NO-USDT"}]}"#;
    assert_eq!(code(unknown), "60018");
}

#[test]
fn every_venue_takes_the_connection_that_our_feeds_open() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        assert!(hall.open(public_path(venue)).is_ok(), "{venue:?}");
        let refusal = hall.open("/nowhere").err().map(|answer| answer.status);
        assert_eq!(refusal, Some(404), "{venue:?}");
    }
}

#[test]
fn an_answer_carries_the_date_of_the_venue() {
    let mut hall = Hall::of(VenueId::Upbit);
    let answer = hall.get("/v1/market/all");
    assert_eq!(head(&answer, "date"), Some("Wed, 23 Sep 2026 03:39:02 GMT"));
}
