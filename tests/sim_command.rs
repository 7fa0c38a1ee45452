//! `arb sim` from outside: what it prints when it is ready, how it ends, and what it refuses.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

use arb::net::dial::DIAL_LIMITS;
use arb::net::dial::websocket;
use arb::net::tls::ClientTls;
use arb::net::tls::Roots;
use arb::net::url::Endpoint;
use arb::net::ws::Incoming;
use command::Going;
use command::Place;
use serde_json::Value;

/// The first line of stdout, once it is there.
fn ready(going: &mut Going) -> Value {
    going.until(|going| going.out().contains('\n'), "ready line");
    serde_json::from_str(going.out().lines().next().expect("a line")).expect("JSON")
}

fn get(port: u64, path: &str) -> String {
    let address = format!("127.0.0.1:{port}");
    let mut tcp = TcpStream::connect(address).expect("it listens");
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    tcp.write_all(text.as_bytes()).expect("room");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn it_says_where_it_listens_and_ends_by_itself() {
    let place = Place::new("sim_ready");
    let mut going = place.start(place.arb("sim --base-port 0 --for 3 --json"));
    let line = ready(&mut going);
    assert_eq!(line["ready"], true);
    let ports = line["ports"].as_object().expect("ports");
    assert_eq!(ports.len(), 5);
    assert!(get(ports["bybit"].as_u64().expect("a port"), "/v5/market/time").contains("timeNano"));
    assert!(get(line["admin"].as_u64().expect("a port"), "/_sim/stats").contains("\"images\""));
    let ended = going.end().expect(0);
    let summary = ended.summary();
    assert_eq!((&summary["ended"], &summary["conserved"]), (&"time".into(), &true.into()));
    assert!(summary["stats"]["bybit"]["requests"].as_u64() >= Some(1));
}

#[test]
fn a_signal_ends_it_at_once_and_in_order() {
    let place = Place::new("sim_signal");
    let mut going = place.start(place.arb("sim --base-port 0 --venues okx,upbit"));
    going.until(|going| going.out().contains("serving for 600 s"), "ready");
    let out = going.out();
    assert!(out.contains("okx ") && out.contains("/websocket/v1"), "{out}");
    assert!(!out.contains("binance"), "only what was asked for: {out}");
    going.signal("INT");
    let ended = going.end().expect(0);
    assert!(ended.out.contains("0 s left"), "{}", ended.out);
}

#[test]
fn with_tls_it_names_the_certificate_that_opens_it() {
    let place = Place::new("sim_tls");
    let words = "sim --base-port 0 --tls --cert-dir keys --for 60 --json --venues upbit";
    let mut going = place.start(place.arb(words));
    let line = ready(&mut going);
    let file = place.path("run/keys/sim-certificate.pem");
    let told = line["tls_certificate"].as_str().expect("a path");
    assert!(told.ends_with("run/keys/sim-certificate.pem"), "{told}");
    let tls = ClientTls::new(&[Roots::File(file)]).expect("a certificate");
    let port = &line["ports"]["upbit"];
    let endpoint = Endpoint::parse(&format!("wss://localhost:{port}/websocket/v1")).expect("a url");
    let port = u16::try_from(port.as_u64().expect("a port")).expect("a port");
    let address = [([127, 0, 0, 1], port).into()];
    let mut socket = websocket(&endpoint, &address, &tls, &DIAL_LIMITS).expect("it is trusted");
    let ask = r#"[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"]}]"#;
    socket.send_text(ask).expect("room");
    let mut frame = None;
    going.until(
        |_| {
            frame = frame.take().or_else(|| socket.read().expect("it holds"));
            matches!(frame, Some(Incoming::Frame(_)))
        },
        "book",
    );
    let nobody = ClientTls::new(&[]).expect("no roots");
    assert!(
        websocket(&endpoint, &address, &nobody, &DIAL_LIMITS).is_err(),
        "nobody else trusts it"
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    let place = Place::new("sim_taken");
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let ended = place.run(&format!("sim --base-port {port} --for 5")).expect(74);
    ended.says(&format!("port {port} for upbit"));
    ended.says("--base-port");
    assert!(ended.out.is_empty());
}

#[test]
fn the_configuration_that_it_prints_is_accepted_and_points_at_it() {
    let place = Place::new("sim_config");
    let words = "sim --print-config --base-port 18000 --bases BTC,ETH,XRP --tls";
    let text = place.run(words).expect(0).out;
    for part in ["wss://127.0.0.1:18000", "wss://127.0.0.1:18004", "tls_roots", "XRP-USDT"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    place.configure(&text);
    place.run("config check").expect(0);
    place.run("sim --print-config --base-port 0").expect(2).says("--base-port");
    place.run("sim --print-config --venues upbit").expect(2).says("upbit,binance");
}

#[test]
fn accounts_are_printed_and_the_same_for_the_same_seed() {
    let place = Place::new("sim_account");
    let keys = |words: &str| place.run(words).expect(0).out;
    let first = keys("sim --print-account");
    assert_eq!(first.matches("  secret ").count(), 10, "{first}");
    assert!(first.contains("passphrase") && first.contains("may trade and withdraw"));
    assert_eq!(first, keys("sim --print-account"));
    assert_ne!(first, keys("sim --print-account --seed 8"));
    let json = keys("sim --print-account --json --venues okx");
    let row: Value = serde_json::from_str(json.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&row["venue"], &row["may_withdraw"]), (&"okx".into(), &false.into()));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_hint() {
    let place = Place::new("sim_refusals");
    place.run("sim --bases KRW --for 1 --base-port 0").expect(2).says("coins");
    place.run("sim --bases btc").expect(2).says("capitals");
    place.run("sim --venues mtgox").expect(2);
    place.run("sim --for 86401").expect(2);
    place.run("sim --updates-per-second 0").expect(2);
    place.run("sim --base-port 65533 --for 1").expect(2).says("65533");
    place.write("bad.yml", "faults:\n  - {at: 1s, for: 1s, kind: lagg}\n");
    place.run("sim --faults bad.yml --base-port 0").expect(78).says("did you mean lag?");
    place.run("sim --faults none.yml --base-port 0").expect(78);
}
