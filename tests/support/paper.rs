//! A paper run against a local exchange, both as processes of their own, configured by what the
//! exchange prints; faults through the operator's port, and what the run leaves behind as evidence.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::NS_PER_MS;
use serde_json::Value;
use serde_json::json;

use crate::command::Going;
use crate::command::Place;

/// In the order of their ports.
pub const VENUES: [&str; 5] = ["upbit", "binance", "bithumb", "bybit", "okx"];

/// Fees so low and pairs so small that the synthetic market is traded several times a second, for
/// minutes; a snapshot each second; and a watchdog that tells of lags and leaves what is to be done
/// about them to the feeds, which are tested here.
const BUSY: &str = "
signal_engine:
  {min_spread_pct: 0, upbit_fee: 0.001, binance_fee: 0.001, bithumb_fee: 0.001, bybit_fee: 0.001,
   okx_fee: 0.001}
position_engine: {accounting: capture, max_exposure_krw: 100000000}
execution_engine: {position_size_krw: 10000}
rebalancer: {max_exposure_krw: 100000000}
risk:
  {entry_interval_ms: 200, max_orders_per_second: 100, max_orders_per_minute: 1200,
   max_skew_krw: 500000000}
longrun: {interval_loops: 5}
websocket: {reconnect_interval: 1}
watchdog:
  {max_ws_lag_ms: 60000, warn_reset_cycles: 1000, error_reset_cycles: 1000,
   strike_decay_cycles: 1000}
";

/// Only keeps a broken build from hanging.
const PATIENCE: DurNs = DurNs::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// An exchange that serves and a place that is configured for it.
pub struct Market {
    pub place: Place,
    pub exchange: Going,
    admin: u64,
}

/// A paper run on it.
pub struct Run {
    pub market: Market,
    pub going: Going,
}

/// What is to go wrong.
#[derive(Clone, Copy)]
pub struct Trouble {
    pub kind: &'static str,
    pub venue: &'static str,
    pub lasts_ms: u64,
    pub amount: Option<(&'static str, &'static str)>,
}

impl Market {
    /// Of these venues, with commas. `words` are more arguments of the exchange.
    pub fn of(name: &str, venues: &str, words: &str) -> Market {
        let place = Place::new(name);
        let sim = format!("sim --venues {venues} {words}");
        let serve = format!("{sim} --base-port 0 --for 240 --updates-per-second 20 --json");
        let mut exchange = place.start(place.arb(&serve));
        exchange.until(|exchange| exchange.out().contains('\n'), "ready line");
        let line = exchange.out().lines().next().expect("a line").to_owned();
        let ready: Value = serde_json::from_str(&line).expect("JSON");
        let mut yaml = place.run(&format!("{sim} --print-config")).expect(0).out;
        for (at, venue) in VENUES.iter().enumerate() {
            let port = &ready["ports"][venue];
            yaml = yaml.replace(&format!(":{}", 17_700 + at), &format!(":{port}"));
        }
        // What it says of trading is for people; the rest is kept as it is.
        let (before, rest) = yaml.split_once("signal_engine:").expect("a pace");
        let (_, after) = rest.split_once("\nvenues:").expect("the rate's venue");
        place.configure(&format!("{before}{BUSY}\nvenues:{after}"));
        Market { place, exchange, admin: ready["admin"].as_u64().expect("a port") }
    }
    /// Starts a paper run that goes on until it is told to end.
    pub fn trade(self, words: &str) -> Run {
        let words = format!("run --mode paper --interval 0.2 --json {words}");
        let going = self.place.start(self.place.arb(&words));
        Run { market: self, going }
    }
    /// Breaks something now; the time at which the exchange has been told, ms since 1970.
    pub fn break_it(&self, trouble: Trouble) -> u64 {
        let Trouble { kind, venue, lasts_ms, amount } = trouble;
        let mut body = json!({"kind": kind, "venue": venue, "for": format!("{lasts_ms}ms")});
        if let Some((key, value)) = amount {
            body[key] = value.into();
        }
        let body = body.to_string();
        let head = "POST /_sim/fault HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        let answer = self.ask(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
        assert!(answer.contains("\"added\""), "{answer}");
        Clock::wall().as_ms()
    }
    fn ask(&self, request: &str) -> String {
        let mut tcp = TcpStream::connect(format!("127.0.0.1:{}", self.admin)).expect("a server");
        tcp.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
        tcp.write_all(request.as_bytes()).expect("room");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Run {
    /// Orders so far: when they were decided, ms since 1970, and on which venue.
    pub fn orders(&self) -> Vec<(u64, String)> {
        let text = |path| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned();
        let files: String = self.market.place.journal().into_iter().map(text).collect();
        let order = |line: &str| {
            let record: Value = serde_json::from_str(line).ok()?;
            let is_order = record["kind"] == "intent";
            let venue = record["instrument"].as_str()?.split(':').next()?.to_owned();
            is_order.then_some((record["wall_ns"].as_u64()? / NS_PER_MS, venue))
        };
        files.lines().filter_map(order).collect()
    }
    /// Orders on a venue between two times.
    pub fn orders_within(&self, venue: &str, from_ms: u64, to_ms: u64) -> usize {
        let is_in = |(at, on): &&(u64, String)| on == venue && (from_ms..to_ms).contains(at);
        self.orders().iter().filter(is_in).count()
    }
    /// Waits for an order on that venue after a time: its books are valid and fresh again.
    pub fn until_traded(&self, venue: &str, after_ms: u64) {
        let what = format!("order on {venue}");
        self.until(&what, |run| run.orders_within(venue, after_ms, u64::MAX) > 0);
    }
    /// Waits until it is so.
    pub fn until(&self, what: &str, is_so: impl Fn(&Run) -> bool) {
        let clock = Clock::start();
        let by = clock.mono().plus(PATIENCE);
        while !is_so(self) {
            assert!(clock.mono() < by, "no {what}: {}", self.going.err());
            std::thread::park_timeout(LOOK);
        }
    }
    /// Waits until that wall-clock time, ms since 1970.
    pub fn until_time(&self, ms: u64) {
        self.until("later time", |_| Clock::wall().as_ms() >= ms);
    }
    /// The newest snapshot; empty before the first one.
    pub fn snapshot(&self) -> Value {
        let newest = self.stability("snapshot_").pop();
        newest.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
    /// The counters of the newest snapshot.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        serde_json::from_value(self.snapshot()["counters"].take()).unwrap_or_default()
    }
    /// Events so far.
    pub fn events(&self) -> Vec<Value> {
        let text = self.stability("longrun_events_").concat();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
    /// Contents of the files of the evidence that begin so, oldest first.
    fn stability(&self, start: &str) -> Vec<String> {
        let folder = self.market.place.path("run/logs/stability");
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let is_so = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
        };
        let mut paths: Vec<PathBuf> = paths.filter(is_so).collect();
        paths.sort();
        // A file may be rotated away between the listing and the look.
        paths.iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
    }
    /// Ends the run and the exchange, in order; the summary of the run.
    pub fn end(self) -> Value {
        self.going.signal("INT");
        let summary = self.going.end().expect(0).summary();
        self.market.exchange.signal("INT");
        let exchange = self.market.exchange.end().expect(0).summary();
        assert_eq!(exchange["conserved"], true, "the ledgers of the exchange");
        summary
    }
}
