//! The rules of instruments from a local exchange, over real sockets: a symbol that the venue does
//! not list is one symbol's problem, before the run and each hour.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;

use arb::feed::desk::ANSWERS;
use arb::feed::desk::Desk;
use arb::feed::desk::DeskParts;
use arb::feed::desk::JOBS;
use arb::feed::limits::FeedLimits;
use arb::feed::limits::Rate;
use arb::feed::names::FOUND;
use arb::feed::names::LOOKUPS;
use arb::feed::rulebook::RULES;
use arb::net::dial::DIAL_LIMITS;
use arb::net::url::Endpoint;
use arb::runtime::agent::Agent;
use arb::scenario::rules::RulesError;
use arb::scenario::rules::ask;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::Now;
use arb::venue::codec;
use arb::venue::stream_of;
use command::Going;
use command::Place;
use serde_json::Value;

/// An exchange that lists BTC, and its ports.
fn exchange(name: &str) -> (Place, Going, Value) {
    let place = Place::new(name);
    let words = "sim --base-port 0 --for 120 --bases BTC --json";
    let mut going = place.start(place.arb(words));
    going.until(|going| going.out().contains('\n'), "ready line");
    let line = going.out().lines().next().expect("a line").to_owned();
    let ports = serde_json::from_str::<Value>(&line).expect("JSON")["ports"].take();
    (place, going, ports)
}

fn limits(venue: VenueId, ports: &Value) -> FeedLimits {
    let port = &ports[venue.name()];
    let at = |scheme| Endpoint::parse(&format!("{scheme}://127.0.0.1:{port}")).expect("an address");
    FeedLimits {
        venue,
        websocket: at("ws"),
        rest: at("http"),
        roots: vec![],
        dial: DIAL_LIMITS,
        request: DurNs::from_secs(5),
        lookup: DurNs::from_secs(3),
        lag_cap: DurNs::from_secs(2),
        silence_cap: DurNs::from_secs(15),
        reconnect_cap: DurNs::from_secs(30),
        rate: Rate { per_second: 100, burst: 100 },
        seed: 7,
    }
}

/// The venue's codes of coins in its currency.
fn codes(venue: VenueId, bases: &[&str]) -> Vec<String> {
    let is_korean = matches!(venue, VenueId::Upbit | VenueId::Bithumb);
    let quote = if is_korean { "KRW" } else { "USDT" };
    let code = |base: &&str| codec(venue).symbol(&instrument_name(base, quote).expect("a name"));
    bases.iter().map(code).collect()
}

/// What a desk tells of its own accord.
fn hourly(limits: &FeedLimits, symbols: &[String]) -> Vec<String> {
    let ((_jobs, jobs), (answers, _answers)) = (JOBS.open(), ANSWERS.open());
    let ((lookups, _lookups), (_found, found)) = (LOOKUPS.open(), FOUND.open());
    let (rules, news) = RULES.open();
    let mut desk = Desk::new(DeskParts {
        limits: limits.clone(),
        stream: stream_of(limits.venue),
        symbols: symbols.to_vec(),
        jobs,
        answers,
        lookups,
        found,
        rules: Some(rules),
    })
    .expect("no roots to read");
    let clock = Clock::start();
    loop {
        let now = clock.mono();
        assert!(now.0 < DurNs::from_secs(30).0, "no rules of {:?}", limits.venue);
        desk.turn(Now { mono: now, wall: Clock::wall() });
        if let Some(news) = news.take() {
            return news.rules.into_iter().map(|rule| rule.symbol).collect();
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_symbol_that_a_venue_does_not_list_costs_no_other_at_any_venue() {
    let (_place, _going, ports) = exchange("rules_unknown");
    for venue in VenueId::ALL {
        let (limits, symbols) = (limits(venue, &ports), codes(venue, &["BTC", "GONE", "USDT"]));
        // USDT-USDT is listed nowhere, KRW-USDT is.
        let is_listed = |code: &&String| {
            !code.contains("GONE") && !code.contains("USDTUSDT") && *code != "USDT-USDT"
        };
        let listed: Vec<String> = symbols.iter().filter(is_listed).cloned().collect();
        let told = ask(&limits, &symbols).expect("rules of those that are listed");
        let mut told: Vec<_> = told.into_iter().map(|rule| rule.symbol).collect();
        let mut later = hourly(&limits, &symbols);
        told.sort_by_key(|code| symbols.iter().position(|symbol| symbol == code));
        later.sort_by_key(|code| symbols.iter().position(|symbol| symbol == code));
        assert_eq!((&told, &later), (&listed, &listed), "{venue:?}");
        let none = ask(&limits, &codes(venue, &["GONE", "LOST"]));
        assert!(none.is_err(), "{venue:?}: {none:?}");
        let is_told = !matches!(none, Err(RulesError::Tls(_) | RulesError::Http(_)));
        assert!(is_told, "{venue:?}: {none:?}");
    }
}

#[test]
fn a_run_goes_on_without_the_coin_that_a_venue_does_not_list_and_counts_its_recording() {
    let (place, _going, ports) = exchange("rules_run");
    let mut yaml = place.run("sim --print-config --bases BTC,ETH").expect(0).out;
    for venue in VenueId::ALL {
        let port = 17_700 + venue.index();
        yaml = yaml.replace(&format!(":{port}"), &format!(":{}", ports[venue.name()]));
    }
    place.configure(&format!("{yaml}longrun: {{enabled: true, interval_loops: 10}}\n"));
    let words = "run --mode paper --interval 0.2 --loops 20 --record tapes/run --json";
    let ended = place.run(words).expect(0);
    ended.says("ETH-USDT on binance: the venue does not list it; it is halted");
    ended.says("binance: rules of 1 instruments read");
    ended.says("the recording has ");
    let summary = ended.summary();
    for venue in VenueId::ALL {
        let name = venue.name();
        assert!(summary["books"][name].as_u64() > Some(10), "{name}: {summary}");
    }
    let mut snapshots = 0;
    let mut folders = vec![place.path("run")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.starts_with("snapshot_") && name.ends_with(".json") {
                snapshots += 1;
                let text = std::fs::read_to_string(&path).expect("a file");
                for counter in ["dropped", "missing", "refused", "late", "stopped"] {
                    let entry = format!("\"recorder_{counter}\": 0");
                    assert!(text.contains(&entry), "{entry} in {text}");
                }
            }
        }
    }
    assert!(snapshots >= 1, "no snapshot");
}
