//! The local exchange over real loopback sockets: every venue, plain and TLS, its bounds, and the
//! operator's door.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/simworld.rs"]
mod simworld;

use arb::net::tls::Identity;
use arb::net::ws::Incoming;
use arb::net::ws::SocketError;
use arb::runtime::agent::Agent;
use arb::sim::dialect::dialect;
use arb::sim::exchange::listing;
use arb::sim::server::limits::CONNECTIONS;
use arb::sim::server::stats::Count;
use arb::types::ids::VenueId;
use arb::venue::sign::Hash;
use arb::venue::sign::Secret;
use arb::venue::sign::hmac;
use simworld::World;
use simworld::texts;

#[test]
fn every_venue_serves_books_on_its_own_port() {
    let mut world = World::open(Vec::new());
    for venue in VenueId::ALL {
        let mut socket = world.subscribed(venue);
        let market = world.market(&mut socket, 1_000);
        assert!((18..=26).contains(&market.len()), "{}: {}", venue.name(), market.len());
    }
}

#[test]
fn the_same_over_tls_with_a_certificate_that_the_client_is_given() {
    let identity = Identity::local().expect("a certificate");
    let mut world = World::with(Vec::new(), dialect, Some(identity));
    for venue in [VenueId::Upbit, VenueId::Okx] {
        let mut socket = world.subscribed(venue);
        assert!(world.market(&mut socket, 500).len() >= 8, "{}", venue.name());
    }
}

#[test]
fn requests_and_upgrades_share_a_port_and_unknown_pages_are_refused() {
    let mut world = World::open(Vec::new());
    let pages = [
        (VenueId::Upbit, "GET /v1/orderbook?markets=KRW-BTC", "orderbook_units"),
        (VenueId::Bithumb, "GET /v1/orderbook?markets=KRW-BTC", "orderbook_units"),
        (VenueId::Binance, "GET /api/v3/depth?symbol=BTCUSDT&limit=5", "lastUpdateId"),
        (VenueId::Bybit, "GET /v5/market/time", "timeNano"),
        (VenueId::Okx, "GET /api/v5/public/time", "ts"),
    ];
    for (venue, head, word) in pages {
        let port = world.port(venue);
        let (status, body) = world.ask(port, head, "").expect("an answer");
        assert!(status == 200 && body.contains(word), "{}: {status} {body}", venue.name());
        let (status, _) = world.ask(port, "GET /no/such/page", "").expect("an answer");
        assert!(status >= 400, "{}: {status}", venue.name());
        assert!(world.dial(venue, "/no/such/socket").is_err(), "{}", venue.name());
    }
}

#[test]
fn a_ping_is_answered_at_once() {
    let mut world = World::open(Vec::new());
    let mut socket = world.subscribed(VenueId::Bithumb);
    socket.send_ping(b"life").expect("room");
    let (heard, _) = world.listen(&mut socket, 100);
    let is_pong = |i: &Incoming| matches!(i, Incoming::Pong(p) if p.as_ref() == b"life");
    assert!(heard.iter().any(is_pong));
}

#[test]
fn one_connection_too_many_is_closed_at_once() {
    let mut world = World::open(Vec::new());
    let port = world.port(VenueId::Okx);
    let connect = || std::net::TcpStream::connect(("127.0.0.1", port)).expect("a listener");
    let held: Vec<_> = (0..CONNECTIONS).map(|_| connect()).collect();
    world.pass(100);
    assert_eq!(world.ask(port, "GET /api/v5/public/time", ""), None);
    drop(held);
    world.pass(100);
    assert!(world.ask(port, "GET /api/v5/public/time", "").is_some());
    assert!(world.server.stats().get(VenueId::Okx, Count::TurnedAway) >= 1);
}

#[test]
fn a_reader_that_reads_nothing_is_cut_and_nobody_else_suffers() {
    let burst = simworld::fault(VenueId::Upbit, "kind=burst at=1s for=60s factor=100");
    let mut world = World::open(vec![burst]);
    let mut lazy = world.subscribed(VenueId::Upbit);
    let mut keen = world.subscribed(VenueId::Upbit);
    while world.server.stats().get(VenueId::Upbit, Count::CutSlow) == 0 {
        let (heard, why) = world.listen(&mut keen, 20);
        let at = world.now.mono;
        assert_eq!(why, None, "{at:?} {}", world.server.stats().json(&[VenueId::Upbit]));
        drop(heard);
    }
    assert!(matches!(world.end(&mut lazy), SocketError::Reset | SocketError::Cut));
    assert!(!world.market(&mut keen, 400).is_empty());
}

#[test]
fn the_operator_sees_counts_and_ledgers_and_adds_faults_by_request() {
    let mut world = World::open(Vec::new());
    let mut socket = world.subscribed(VenueId::Upbit);
    assert!(!world.market(&mut socket, 300).is_empty());
    let (status, ledger) = world.admin("GET /_sim/ledger?venue=upbit", "");
    assert_eq!((status, &ledger["conserved"]), (200, &true.into()));
    let (_, all) = world.admin("GET /_sim/ledger", "");
    assert_eq!(all.as_object().map(|map| map.len()), Some(5));
    let body = r#"{"kind":"silence","venue":"upbit","for":"30s"}"#;
    assert_eq!(world.admin("POST /_sim/fault", body).0, 200);
    world.market(&mut socket, 50);
    assert!(world.market(&mut socket, 500).is_empty(), "it is silent");
    let (_, faults) = world.admin("GET /_sim/faults", "");
    assert_eq!((&faults[0]["kind"], &faults[0]["state"]), (&"silence".into(), &"acts".into()));
    assert_eq!(world.admin("DELETE /_sim/faults", "").0, 200);
    assert!(!world.market(&mut socket, 500).is_empty(), "it speaks again");
    let (_, stats) = world.admin("GET /_sim/stats", "");
    assert_eq!(stats["upbit"]["faults"], 1);
    assert!(stats["upbit"]["messages_out"].as_u64() > Some(4));
    for (head, body, wanted) in [
        ("POST /_sim/fault", "{\"kind\":\"meteor\",\"for\":\"1s\"}", 400),
        ("POST /_sim/fault", r#"{"kind":"gap","for":"1s","symbol":"DOGE-KRW"}"#, 400),
        ("POST /_sim/fault", r#"{"kind":"gap","for":"1s","venue":"okx","symbol":"BTC-KRW"}"#, 400),
        ("POST /_sim/fault", "[]", 400),
        ("POST /_sim/fault", "{", 400),
        ("GET /_sim/ledger?venue=mtgox", "", 404),
        ("GET /_sim/secrets", "", 404),
    ] {
        assert_eq!(world.admin(head, body).0, wanted, "{head} {body}");
    }
}

#[test]
fn a_signed_order_is_matched_and_in_the_ledger_and_a_badly_signed_one_is_not() {
    let mut world = World::open(Vec::new());
    let account = &listing::accounts(VenueId::Binance, 7)[0];
    let port = world.port(VenueId::Binance);
    for (secret, wanted) in [("wrong", 400), (account.secret.as_str(), 200)] {
        let at_ms = world.now.wall.as_ms();
        let query = format!(
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&newClientOrderId=c1&\
             timestamp={at_ms}"
        );
        let sign = hmac(Hash::Sha256, &Secret::new(secret), query.as_bytes()).hex();
        let head = format!("POST /api/v3/order?{query}&signature={sign}");
        let key = format!("X-MBX-APIKEY: {}\r\n", account.key);
        let (status, body) = world.ask_with(port, (&head, &key), "").expect("an answer");
        assert_eq!(status / 100, wanted / 100, "{body}");
    }
    let (_, ledger) = world.admin("GET /_sim/ledger?venue=binance", "");
    let orders = ledger["orders"].as_array().expect("orders");
    assert_eq!((orders.len(), &orders[0]["client_id"]), (1, &"c1".into()));
    assert_eq!((&orders[0]["state"], &ledger["conserved"]), (&"filled".into(), &true.into()));
}

#[test]
fn the_end_is_announced_with_a_close_frame() {
    let mut world = World::open(Vec::new());
    let mut socket = world.subscribed(VenueId::Bybit);
    world.pass(50);
    world.server.stop(world.now);
    let (heard, _) = world.listen(&mut socket, 200);
    let is_goodbye = |i: &Incoming| matches!(i, Incoming::Closed { code: Some(1001), .. });
    assert!(heard.iter().any(is_goodbye), "{:?}", texts(&heard));
    world.pass(400);
    assert!(world.server.is_drained());
}
