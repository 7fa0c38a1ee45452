//! `arb doctor` from outside: what it lists, what it finds at venues of a local exchange, and how
//! it ends.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;

use std::net::TcpListener;

use command::Ended;
use command::Going;
use command::Place;
use serde_json::Value;

const VENUES: [&str; 5] = ["upbit", "binance", "bithumb", "bybit", "okx"];

/// An exchange on free ports, and the configuration that points at it.
fn exchange(name: &str, flags: &str) -> (Place, Going, String) {
    let place = Place::new(name);
    let mut going = place.start(place.arb(&format!("sim --base-port 0 --for 120 --json {flags}")));
    going.until(|going| going.out().contains('\n'), "ready line");
    let line = going.out().lines().next().expect("a line").to_owned();
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let mut yaml = place.run(&format!("sim --print-config {flags}")).expect(0).out;
    for (at, venue) in VENUES.iter().enumerate() {
        let port = &ready["ports"][venue];
        yaml = yaml.replace(&format!(":{}", 17_700 + at), &format!(":{port}"));
    }
    (place, going, yaml)
}

/// The check of that name.
#[track_caller]
fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["checks"].as_array().expect("checks");
    let found = all.iter().find(|check| check["check"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// Names of the checks that came out like this.
fn those(report: &Value, status: &str) -> Vec<String> {
    let all = report["checks"].as_array().expect("checks").iter();
    let with = all.filter(|check| check["status"] == status);
    with.map(|check| check["check"].as_str().expect("a name").to_owned()).collect()
}

fn report(ended: &Ended) -> Value {
    assert_eq!(ended.out.lines().count(), 1, "one object on one line: {}", ended.out);
    ended.summary()
}

/// A port at which nobody listens.
fn deaf_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The configuration with a venue's addresses at another port.
fn moved(yaml: &str, venue: &str, more: &str) -> String {
    let (before, rest) = yaml.split_once(&format!("{venue}:\n")).expect("its section");
    let (section, after) = rest.split_once("\n\n").expect("another section");
    let old = section.split("127.0.0.1:").nth(1).expect("a port");
    let old: String = old.chars().take_while(char::is_ascii_digit).collect();
    let section = section.replace(&format!(":{old}"), &format!(":{}", deaf_port()));
    format!("{before}{venue}:\n{section}\n{more}\n{after}")
}

#[test]
fn every_check_of_five_venues_is_listed_once_with_what_was_found() {
    let (place, _exchange, yaml) = exchange("doctor_venues", "");
    place.configure(&yaml);
    let report = report(&place.run("--json doctor").expect(0));
    for venue in VENUES {
        for what in ["name", "websocket", "request", "clock", "instruments"] {
            let check = check(&report, &format!("{venue}.{what}"));
            assert_eq!(check["status"], "ok", "{check}");
        }
    }
    let found = check(&report, "okx.instruments")["found"].as_str().expect("text");
    assert!(found.contains("listed and trading"), "{found}");
    assert!(check(&report, "upbit.clock")["found"].to_string().contains("Date header"));
    let mut names: Vec<&str> = report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|check| check["check"].as_str().expect("a name"))
        .collect();
    let count = names.len();
    assert!(count >= 20 + 25, "{count}: {names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "each once");
    let sums = ["ok", "skip", "warn", "fail"].map(|key| report[key].as_u64().expect("a count"));
    assert_eq!(sums.iter().sum::<u64>(), count as u64);
    assert_eq!((&report["fail"], &report["exit"]), (&0.into(), &0.into()));
    let fixed = |check: &&Value| check["status"] == "warn" || check["status"] == "fail";
    for check in report["checks"].as_array().expect("checks").iter().filter(fixed) {
        assert!(!check["fix"].as_str().expect("text").is_empty(), "{check}");
    }
}

#[test]
fn mode_mock_looks_at_no_venue_and_still_lists_twenty_checks() {
    let place = Place::new("doctor_mock");
    place.configure("mode: {current: mock}\nupbit: {ws_url: \"wss://no-such-host.invalid/x\"}\n");
    let report = report(&place.run("--json doctor").expect(0));
    assert_eq!(check(&report, "venues.reach")["status"], "skip");
    let all = report["checks"].as_array().expect("checks");
    assert!(all.len() >= 20, "{}", all.len());
    assert!(!all.iter().any(|check| check["check"].to_string().contains("upbit")));
}

#[test]
fn a_required_venue_that_does_not_answer_fails_and_the_others_are_looked_at() {
    let (place, _exchange, yaml) = exchange("doctor_deaf", "--venues upbit,binance,okx");
    place.configure(&moved(&yaml, "binance", "  required: true\n"));
    let ended = place.run("--json doctor").expect(69);
    let failed = report(&ended);
    assert_eq!(those(&failed, "fail"), ["binance.websocket", "binance.request"]);
    let found = check(&failed, "binance.websocket");
    assert!(found["found"].to_string().contains("cannot connect"), "{found}");
    assert!(found["fix"].to_string().contains("ws_url"), "{found}");
    assert_eq!(check(&failed, "okx.websocket")["status"], "ok", "the others are looked at");
}

#[test]
fn a_venue_that_is_not_required_and_does_not_answer_is_a_warning() {
    let (place, _exchange, yaml) = exchange("doctor_optional", "--venues upbit,binance,okx");
    place.configure(&moved(&yaml, "okx", "  required: false\n"));
    let warned = report(&place.run("--json doctor").expect(0));
    for name in ["okx.websocket", "okx.request"] {
        let check = check(&warned, name);
        assert_eq!(check["status"], "warn", "{check}");
        assert!(check["found"].to_string().contains("not required"), "{check}");
    }
}

#[test]
fn certificates_that_cannot_be_read_or_are_anothers_are_told_apart() {
    let (place, _exchange, yaml) = exchange("doctor_tls", "--tls --venues upbit,binance");
    place.configure(&yaml);
    let trusted = report(&place.run("--json doctor").expect(0));
    assert_eq!(check(&trusted, "upbit.websocket")["status"], "ok", "{trusted}");

    let line = yaml.lines().find(|line| line.contains("tls_roots")).expect("a line");
    let no_pem = place.write("no.pem", "this is no certificate\n");
    place.configure(&yaml.replace(line, &format!("  tls_roots: {:?}", no_pem)));
    let unread = report(&place.run("--json doctor").expect(78));
    assert_eq!(those(&unread, "fail"), ["venues.tls_roots"]);

    place.configure(&yaml.replace(line, "  tls_roots: webpki"));
    let strange = report(&place.run("--json doctor").expect(69));
    let check = check(&strange, "upbit.websocket");
    assert_eq!(check["status"], "fail", "{check}");
    assert!(check["found"].to_string().contains("TLS is refused"), "{check}");
}

#[test]
fn a_coin_that_is_not_listed_and_a_grid_that_is_another_are_named_with_a_fix() {
    let (place, _exchange, yaml) = exchange("doctor_rules", "--bases BTC --venues upbit,binance");
    let row = "- {venue: binance, name: ETH-USDT, lot: 0.0001, tick: 0.01, min_notional: 5}";
    let korean = "- {venue: upbit, name: ETH-KRW, lot: 0.00000001, tick: upbit_krw, \
                  min_notional: 5000}";
    let with_eth = yaml.replace("instruments:\n", &format!("instruments:\n  {row}\n  {korean}\n"));
    place.configure(&with_eth);
    let report = report(&place.run("--json doctor").expect(0));
    let check = check(&report, "binance.instruments");
    assert_eq!(check["status"], "warn", "{check}");
    assert!(check["found"].to_string().contains("ETH-USDT: the venue does not list it"), "{check}");
    assert!(check["fix"].to_string().contains("take it out"), "{check}");
}

#[test]
fn a_redis_that_does_not_answer_fails_only_where_it_is_required() {
    let place = Place::new("doctor_redis");
    let yaml = |required: &str| {
        let url = format!("redis://127.0.0.1:{}/0", deaf_port());
        format!("mode: {{current: mock}}\nredis: {{enabled: true, {required}url: \"{url}\"}}\n")
    };
    place.configure(&yaml("required: true, "));
    let failed = report(&place.run("--json doctor").expect(69));
    assert_eq!(those(&failed, "fail"), ["redis.ping"]);
    place.configure(&yaml(""));
    let warned = report(&place.run("--json doctor").expect(0));
    assert_eq!(check(&warned, "redis.ping")["status"], "warn");
    let text = place.run("--quiet doctor").expect(0).out;
    assert!(text.contains("WARN  redis.ping") && text.contains("fix: start it"), "{text}");
}
