//! What each venue does differently with orders (`VENUES.md` 7).

use arb::types::ids::VenueId;
use arb::types::market::Side;
use arb::types::time::DurNs;
use arb::venue::private::Call;
use arb::venue::private::ErrorClass;
use arb::venue::private::OrderState;
use arb::venue::private::Reply;

use crate::accounts::Stand;
use crate::accounts::cancel;
use crate::accounts::place;
use crate::accounts::query;
use crate::accounts::read;
use crate::hall::Hall;
use crate::hall::body;
use crate::hall::head;
use crate::hall::said;
use crate::keys::private_seat;
use crate::keys::signed;

const MILLI: i64 = 100_000;
const SCALE: i64 = 100_000_000;

fn best_ask(hall: &Hall) -> i64 {
    hall.exchange.book(0).asks[0].price.raw()
}

/// A price so low that nothing reaches it, on every grid used here.
fn low(hall: &Hall) -> i64 {
    let grid = 100_000_000_000;
    best_ask(hall) * 9 / 10 / grid * grid
}

fn class(hall: &mut Hall, of: (Side, i64, i64), own: &str) -> ErrorClass {
    let answer = place(hall, of, Stand::Rests, own);
    match read(hall, Call::Place, &answer) {
        Reply::Refused(error) => error.class,
        other => panic!("{:?}: {other:?}", hall.venue),
    }
}

#[test]
fn every_refusal_of_an_order_means_what_our_code_makes_of_it() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        let price = low(&hall);
        let value = class(&mut hall, (Side::Buy, price, 1_000), "a1");
        assert_eq!(value, ErrorClass::Rules, "{venue:?}: too small");
        let short = class(&mut hall, (Side::Sell, price, 11 * SCALE), "a2");
        assert_eq!(short, ErrorClass::Balance, "{venue:?}: 10 coins are there");
        let odd = class(&mut hall, (Side::Buy, price + 1, MILLI), "a4");
        let expected = [ErrorClass::Rules, ErrorClass::Request];
        assert!(expected.contains(&odd), "{venue:?}: off the grid is {odd:?}");
        assert_eq!(place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, "a3").status / 100, 2);
        let twice = class(&mut hall, (Side::Buy, price, MILLI), "a3");
        assert_eq!(twice, ErrorClass::Duplicate, "{venue:?}");
    }
}

#[test]
fn upbit_accepts_a_cancel_with_the_order_still_waiting() {
    let mut hall = Hall::of(VenueId::Upbit);
    let price = low(&hall);
    let placed = place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, "x");
    assert_eq!((placed.status, &body(&placed)["state"]), (201, &"wait".into()));
    let answer = cancel(&mut hall, "x");
    assert_eq!((answer.status, &body(&answer)["state"]), (200, &"wait".into()));
    assert_eq!(query(&mut hall, "x").state, Some(OrderState::Cancelled));
}

#[test]
fn an_upbit_order_that_fills_at_once_is_answered_as_waiting() {
    let mut hall = Hall::of(VenueId::Upbit);
    let ask = best_ask(&hall);
    let answer = body(&place(&mut hall, (Side::Buy, ask, MILLI), Stand::Now, "x"));
    assert_eq!((&answer["state"], &answer["executed_volume"]), (&"wait".into(), &"0".into()));
    assert_eq!(query(&mut hall, "x").state, Some(OrderState::Filled));
}

#[test]
fn upbit_identifiers_are_burnt_for_ever_and_those_of_binance_are_free_again() {
    for (venue, expected) in [(VenueId::Upbit, true), (VenueId::Binance, false)] {
        let mut hall = Hall::of(venue);
        let price = low(&hall);
        place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, "x");
        cancel(&mut hall, "x");
        let again = place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, "x");
        let is_refused = matches!(read(&hall, Call::Place, &again), Reply::Refused(_));
        assert_eq!(is_refused, expected, "{venue:?}");
    }
}

#[test]
fn a_market_buy_at_upbit_ends_as_cancelled_with_everything_spent() {
    let mut hall = Hall::of(VenueId::Upbit);
    let (mut seat, _) = private_seat(&mut hall);
    let fields =
        [("market", "KRW-BTC"), ("side", "bid"), ("ord_type", "price"), ("price", "100003")];
    let request = signed(&mut hall, ("POST", "/v1/orders"), &fields);
    assert_eq!(hall.http(&request).status, 201);
    let frames = said(&hall.tell(&mut seat));
    let states: Vec<&str> = frames
        .iter()
        .filter(|frame| frame["type"] == "myOrder")
        .filter_map(|frame| frame["state"].as_str())
        .collect();
    assert_eq!((states.first(), states.last()), (Some(&"wait"), Some(&"cancel")), "{states:?}");
    assert!(states.contains(&"trade"));
    assert!(frames.iter().any(|frame| frame["trade_fee"].is_number()));
}

#[test]
fn bithumb_cannot_cancel_what_it_is_still_taking() {
    let mut hall = Hall::of(VenueId::Bithumb);
    let price = low(&hall);
    place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, "x");
    let answer = cancel(&mut hall, "x");
    assert_eq!((answer.status, &body(&answer)["error"]["name"]), (422, &"order_not_ready".into()));
    hall.pass(DurNs::from_ms(30));
    assert_eq!(cancel(&mut hall, "x").status, 200);
}

#[test]
fn bybit_and_okx_acknowledge_and_say_nothing_of_fills() {
    let mut hall = Hall::of(VenueId::Bybit);
    let ask = best_ask(&hall);
    let answer = body(&place(&mut hall, (Side::Buy, ask, MILLI), Stand::Now, "x"));
    let mut keys: Vec<&String> = answer["result"].as_object().expect("a result").keys().collect();
    keys.sort();
    assert_eq!(keys, ["orderId", "orderLinkId"]);

    let mut hall = Hall::of(VenueId::Okx);
    let ask = best_ask(&hall);
    let answer = body(&place(&mut hall, (Side::Buy, ask, MILLI), Stand::Now, "x"));
    assert_eq!(answer["data"][0]["sCode"], "0");
    assert_eq!(answer["data"][0].get("state"), None);
    assert_eq!(answer["inTime"].as_str().map(str::len), Some(16), "microseconds");
}

#[test]
fn a_partly_filled_bybit_order_that_ends_has_a_state_of_its_own() {
    let mut hall = Hall::of(VenueId::Bybit);
    let (mut seat, _) = private_seat(&mut hall);
    let ask = hall.exchange.book(0).asks[0];
    let more = ask.qty.raw() + MILLI;
    place(&mut hall, (Side::Buy, ask.price.raw(), more), Stand::Now, "x");
    let frames = said(&hall.tell(&mut seat));
    let last = frames.iter().rfind(|frame| frame["topic"] == "order").expect("an order");
    assert_eq!(last["data"][0]["orderStatus"], "PartiallyFilledCanceled");
}

#[test]
fn binance_orders_over_the_socket_are_counted_and_told() {
    let mut hall = Hall::of(VenueId::Binance);
    let (mut seat, _) = private_seat(&mut hall);
    let price = arb::types::units::Plain(low(&hall)).to_string();
    let fields = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.001"),
        ("price", price.as_str()),
        ("newClientOrderId", "mine"),
    ];
    let params = crate::keys::api_params(&hall, &fields);
    let text = format!(r#"{{"id":"5","method":"order.place","params":{params}}}"#);
    let answer = said(&hall.say(&mut seat, &text)).remove(0);
    assert_eq!((&answer["id"], &answer["status"]), (&"5".into(), &200.into()), "{answer}");
    let counted = &answer["rateLimits"][0];
    assert_eq!((&counted["rateLimitType"], &counted["count"]), (&"ORDERS".into(), &1.into()));
    let fields =
        [("symbol", "BTCUSDT"), ("origClientOrderId", "mine"), ("newClientOrderId", "stop")];
    let params = crate::keys::api_params(&hall, &fields);
    let text = format!(r#"{{"id":"6","method":"order.cancel","params":{params}}}"#);
    let answer = said(&hall.say(&mut seat, &text)).remove(0);
    assert_eq!(answer["result"]["status"], "CANCELED", "{answer}");
    let frames = said(&hall.tell(&mut seat));
    let report = frames.iter().rfind(|frame| frame["event"]["e"] == "executionReport");
    let event = &report.expect("a report")["event"];
    assert_eq!(
        (&event["x"], &event["c"], &event["C"]),
        (&"CANCELED".into(), &"stop".into(), &"mine".into())
    );
}

#[test]
fn binance_counts_orders_and_fills_give_them_back() {
    let mut hall = Hall::of(VenueId::Binance);
    let (price, ask) = (low(&hall), best_ask(&hall));
    let filled = place(&mut hall, (Side::Buy, ask, MILLI), Stand::Now, "f");
    assert_eq!(head(&filled, "X-MBX-ORDER-COUNT-10S"), Some("0"));
    for at in 1..=100 {
        let own = format!("o{at}");
        let answer = place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, &own);
        assert_eq!(head(&answer, "X-MBX-ORDER-COUNT-10S"), Some(at.to_string().as_str()));
    }
    let answer = place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, "o101");
    assert_eq!((answer.status, &body(&answer)["code"]), (429, &(-1015).into()));
}

#[test]
fn rates_of_accounts_are_enforced_in_each_venues_words() {
    let mut hall = Hall::of(VenueId::Upbit);
    let price = low(&hall);
    let mut statuses = Vec::new();
    for at in 0..13 {
        let own = format!("u{at}");
        let answer = place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, &own);
        statuses.push(answer.status);
    }
    assert_eq!((statuses[11], statuses[12]), (201, 429), "12 orders a second");

    let mut hall = Hall::of(VenueId::Bybit);
    let price = low(&hall);
    let mut codes = Vec::new();
    for at in 0..21 {
        let own = format!("b{at}");
        let answer = place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, &own);
        codes.push(body(&answer)["retCode"].as_i64());
    }
    assert_eq!((codes[19], codes[20]), (Some(0), Some(10006)), "20 orders a second");

    let mut hall = Hall::of(VenueId::Okx);
    let price = low(&hall);
    let mut codes = Vec::new();
    for at in 0..61 {
        let own = format!("k{at}");
        let answer = place(&mut hall, (Side::Buy, price, MILLI), Stand::Rests, &own);
        codes.push(body(&answer)["code"].as_str().map(str::to_owned));
    }
    assert_eq!((codes[59].as_deref(), codes[60].as_deref()), (Some("0"), Some("50011")));
}

#[test]
fn a_halted_venue_refuses_orders_as_offline() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        hall.exchange.set_doors(arb::sim::exchange::core::Doors::Halted);
        let price = low(&hall);
        let class = class(&mut hall, (Side::Buy, price, MILLI), "x");
        assert_eq!(class, ErrorClass::Offline, "{venue:?}");
    }
}

#[test]
fn orders_on_the_sockets_of_bybit_and_okx_are_acknowledged() {
    let mut hall = Hall::of(VenueId::Bybit);
    let mut seat = hall.seat("/v5/trade");
    let now_ms = hall.now().wall_ms;
    let auth = crate::keys::bybit_auth(&crate::keys::trader(&hall), now_ms + 5_000);
    assert_eq!(said(&hall.say(&mut seat, &auth))[0]["retCode"], 0);
    let price = arb::types::units::Plain(low(&hall)).to_string();
    let order = format!(
        r#"{{"reqId":"r1","header":{{"X-BAPI-TIMESTAMP":"{now_ms}"}},"op":"order.create",
        "args":[{{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Limit",
        "qty":"0.001","price":"{price}","timeInForce":"GTC","orderLinkId":"w1"}}]}}"#
    );
    let answer = said(&hall.say(&mut seat, &order)).remove(0);
    assert_eq!((&answer["reqId"], &answer["retCode"]), (&"r1".into(), &0.into()), "{answer}");
    assert_eq!(answer["header"]["X-Bapi-Limit-Status"], "19");
    assert_eq!(said(&hall.say(&mut seat, &order))[0]["retCode"], 20006, "the same request id");

    let mut hall = Hall::of(VenueId::Okx);
    let (mut seat, _) = private_seat(&mut hall);
    let code = arb::sim::dialect::okx::market::inst_id_code(0);
    let price = arb::types::units::Plain(low(&hall)).to_string();
    let order = |instrument: &str| {
        format!(
            r#"{{"id":"9","op":"order","args":[{{{instrument},"side":"buy","tdMode":"cash",
            "ordType":"limit","px":"{price}","sz":"0.001","clOrdId":"w1"}}]}}"#
        )
    };
    let answer = said(&hall.say(&mut seat, &order("\"instId\":\"BTC-USDT\""))).remove(0);
    assert_eq!(answer["data"][0]["sCode"], "51001", "the name is ignored: {answer}");
    let answer = said(&hall.say(&mut seat, &order(&format!("\"instIdCode\":{code}")))).remove(0);
    assert_eq!(
        (&answer["id"], &answer["data"][0]["sCode"]),
        (&"9".into(), &"0".into()),
        "{answer}"
    );
}
