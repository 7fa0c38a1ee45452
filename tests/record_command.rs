//! Against a local exchange, over real sockets: `arb record` alone, and a recorded paper run that
//! `arb replay` repeats to the bit, also after a kill.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;

use command::Going;
use command::Place;
use serde_json::Value;

/// Thresholds at which the synthetic market of the exchange is worth trading at once.
const EAGER: &str = "
signal_engine: {min_spread_pct: 0, upbit_fee: 0.001, binance_fee: 0.001}
exit: {take_profit_pct: 0.001}
";

/// An exchange on free ports, and a place configured for it.
fn exchange(name: &str) -> (Place, Going) {
    let place = Place::new(name);
    let words = "sim --base-port 0 --for 120 --updates-per-second 20 --json";
    let mut going = place.start(place.arb(words));
    going.until(|going| going.out().contains('\n'), "ready line");
    let line = going.out().lines().next().expect("a line").to_owned();
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let mut yaml = place.run("sim --print-config").expect(0).out;
    for (at, venue) in ["upbit", "binance", "bithumb", "bybit", "okx"].iter().enumerate() {
        let port = ready["ports"][venue].as_u64().expect("a port");
        yaml = yaml.replace(&format!(":{}", 17_700 + at), &format!(":{port}"));
    }
    // What it says of trading is for people; the rest is kept as it is.
    let (before, rest) = yaml.split_once("signal_engine:").expect("a pace");
    let (_, after) = rest.split_once("\nvenues:").expect("the rate's venue");
    place.configure(&format!("{before}{EAGER}\nvenues:{after}"));
    (place, going)
}

#[test]
fn frames_of_every_venue_are_recorded_without_a_run_and_can_be_replayed() {
    let (place, _exchange) = exchange("record_alone");
    let ended = place.run("record --for 4 --json").expect(0);
    let summary = ended.summary();
    assert_eq!((&summary["lost"], &summary["mode"]), (&0.into(), &"record".into()));
    let replayed = place.run("replay run/tapes --json").expect(0).summary();
    for venue in ["upbit", "binance", "bithumb", "bybit", "okx"] {
        let frames = summary["frames"][venue].as_u64().expect("a count");
        assert!(frames > 10, "{venue}: {summary}");
        assert_eq!(replayed["frames"][venue], frames, "{venue}");
        assert!(replayed["books"][venue].as_u64() > Some(10), "{venue}: {replayed}");
    }
    assert_eq!(replayed["invariants_ok"], true);
}

#[test]
fn nothing_that_was_recorded_means_that_no_venue_answered() {
    let (place, exchange) = exchange("record_nothing");
    drop(exchange);
    let ended = place.run("record --for 1").expect(69);
    ended.says("no venue could be reached");
}

#[test]
fn a_signal_ends_a_recording_in_order_and_each_venue_was_told_of() {
    let (place, _exchange) = exchange("record_signal");
    let mut going = place.start(place.arb("record --out tapes/x --json"));
    going.until_said("okx live");
    going.signal("INT");
    let ended = going.end().expect(0);
    let summary = ended.summary();
    let files: Vec<&str> =
        summary["files"].as_array().expect("files").iter().filter_map(Value::as_str).collect();
    let [file] = files[..] else { panic!("one file: {summary}") };
    assert!(file.ends_with("run/tapes/x-000001.rec.gz"), "{file}");
    let on_disk = std::fs::metadata(file).expect("a file").len();
    assert_eq!(summary["bytes"], on_disk);
    let decoded = place.run(&format!("decode {file} --venue okx")).expect(0).out;
    let books = decoded.lines().filter(|line| line.contains("\"bids\"")).count();
    assert!(books > 10, "{books} books of {} lines", decoded.lines().count());
    let second = place.run("record --out tapes/x --for 2 --json --quiet").expect(0);
    assert!(second.summary()["files"][0].as_str().expect("a file").ends_with("x-000002.rec.gz"));
    assert!(!second.err.contains("record:"), "{}", second.err);
}

#[test]
fn a_folder_that_is_none_and_a_disk_that_refuses_have_exits_of_their_own() {
    let (place, _exchange) = exchange("record_disk");
    place.write("file", "");
    let words = format!("record --for 5 --out {}/x", place.path("file").display());
    place.run(&words).expect(73).says("name a folder");
    place.run("record --rotate-mb 9 --max-mb 9").expect(2).says("--max-mb");
    // Of so many half kilobytes the file may have; the signal for one more is ignored.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let full = place.start(place.shell(script, "record --for 60 --json")).end().expect(74);
    full.says("the recording stops here");
    assert!(full.summary()["lines"].as_u64() > Some(100), "{}", full.out);
}

#[test]
fn a_paper_run_over_sockets_repeats_from_its_recording_to_the_bit() {
    let (place, _exchange) = exchange("record_paper");
    let words = "run --mode paper --interval 0.2 --loops 30 --record tapes/run --json";
    let run = place.run(words).expect(0).summary();
    let again = place.run("replay run/tapes --json").expect(0);
    again.says("to its end");
    let again = again.summary();
    for key in ["trace_hash", "cycles", "frames", "books", "edges", "signals", "refusals"] {
        assert_eq!(again[key], run[key], "{key}");
    }
    for key in ["pairs", "fills", "fees_krw", "realized_krw", "pnl_krw", "exposure_krw"] {
        assert_eq!(again[key], run[key], "{key}");
    }
    assert!(run["fills"].as_u64() > Some(0), "nothing to compare: {run}");
}

#[test]
fn a_paper_run_that_was_killed_repeats_up_to_the_cut() {
    let (place, _exchange) = exchange("record_killed");
    let words = "run --mode paper --interval 0.2 --record tapes/run";
    let mut going = place.start(place.arb(words));
    going.until(|going| going.err().matches("[METRICS]").count() >= 20, "cycles");
    assert!(going.kill(), "it was still running");
    let again = place.run("replay run/tapes --json");
    let again = again.expect(65);
    again.says("up to where it stopped");
    let summary = again.summary();
    assert!(summary["cycles"].as_u64() >= Some(10), "{summary}");
    assert!(summary["frames"]["okx"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["invariants_ok"], true);
}
