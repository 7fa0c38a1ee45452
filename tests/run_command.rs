//! `arb run` from outside: flags, files, signals, exit codes, and what is said on stderr.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use arb::types::evidence::SOURCE_FIELDS;
use command::HOT;
use command::Place;
use serde_json::Value;

#[path = "support/command.rs"]
mod command;

const FIELDS: [&str; 14] = [
    "pnl",
    "trades",
    "open_pos",
    "exposure",
    "realized_pnl",
    "signals",
    "exec_rate",
    "safety_rejections",
    "sl_triggers",
    "loop_ms",
    "loop_p95",
    "cpu",
    "mem",
    "live",
];
/// Orders take seconds, so that a signal finds them at work. Every one is taken.
const SLOW: (&str, &str) = (
    "{latency_min_ms: 0, latency_mean_ms: 10, latency_max_ms: 50, reject_pct: 5}",
    "{latency_min_ms: 900, latency_mean_ms: 1000, latency_max_ms: 1100, reject_pct: 0}",
);
const ENDLESS: (&str, &str) = (
    "{latency_min_ms: 0, latency_mean_ms: 10, latency_max_ms: 50, reject_pct: 5}",
    "{latency_min_ms: 1000, latency_mean_ms: 10000, latency_max_ms: 60000, reject_pct: 0}",
);
const HOT_RUN: &str = "run --mode mock --seed 28 --json --interval 1";

fn fields(line: &str) -> Vec<(&str, &str)> {
    let (_, rest) = line.split_once("[LIVE] [METRICS] ").expect("the source's tokens");
    rest.split(' ').map(|word| word.split_once('=').expect("key=value")).collect()
}

#[test]
fn once_prints_one_line_with_every_field_of_the_source_and_leaves_journal_and_log() {
    let place = Place::new("run_once");
    let ended = place.run("run --once --mock --json").expect(0);
    let lines = ended.metrics();
    assert_eq!(lines.len(), 1, "{}", ended.err);
    let fields = fields(lines[0]);
    assert_eq!(fields.iter().map(|(key, _)| *key).collect::<Vec<_>>(), FIELDS);
    assert!(fields.iter().all(|(_, value)| !value.is_empty()), "{}", lines[0]);
    assert_eq!(fields[13].1, "\u{274c}", "mock is not live");
    ended.says("[PERF] Loop: avg=");
    assert!(place.log().contains(lines[0]), "the log file has what stderr has");
    assert_eq!(place.journal().len(), 1);
    let summary = ended.summary();
    assert_eq!((&summary["cycles"], &summary["exit"]), (&1.into(), &0.into()));
    assert_eq!(summary["invariants_ok"], true);
    let books = |venue: &str| summary["books"][venue].as_u64().expect("books");
    assert!(books("upbit") >= 2 && books("binance") >= 1, "fresh books first: {summary}");
}

#[test]
fn cycles_close_on_their_deadlines_and_none_is_missed() {
    let place = Place::new("run_loops");
    let ended = place.run("run --mock --loops 3 --interval 1 --json").expect(0);
    assert_eq!(ended.metrics().len(), 3);
    let summary = ended.summary();
    assert_eq!(summary["cycles"], 3);
    // A missed cycle would have closed a whole interval late.
    let span = summary["span_seconds"].as_f64().expect("seconds");
    assert!((3.0..4.0).contains(&span), "{span}");
}

#[test]
fn without_an_interval_cycles_follow_the_market_and_loops_win_over_once() {
    let place = Place::new("run_steps");
    let ended = place.run("run --mock --interval 0 --loops 20 --json").expect(0);
    assert_eq!(ended.summary()["cycles"], 20);
    let ended = place.run("run --mock --once --interval 0 --loops 5 --json").expect(0);
    assert_eq!((ended.metrics().len(), &ended.summary()["cycles"]), (5, &5.into()));
}

#[test]
fn quiet_keeps_warnings_and_ascii_keeps_signs_away() {
    let place = Place::new("run_quiet");
    let ended = place.run("run --mock --once --quiet").expect(0);
    assert!(ended.metrics().is_empty() && !ended.err.contains("[INFO"), "{}", ended.err);
    ended.says("LIVE TRADING BLOCKED");
    assert!(place.log().contains("[METRICS]"), "the file has everything");
    let ended = place.run("run --mock --once --ascii").expect(0);
    assert!(ended.err.is_ascii(), "{}", ended.err);
    assert!(ended.metrics()[0].ends_with("live=no"), "{}", ended.err);
}

#[test]
fn a_mode_that_cannot_run_so_is_refused_with_its_code() {
    let place = Place::new("run_mode");
    // Without it the configuration is refused first: live needs a heartbeat by default.
    place.configure("safety: {require_redis_heartbeat: false}\n");
    for (arguments, code, words) in [
        ("run --once --mode live", 77, "mode live"),
        ("run --once --mode paper --virtual", 2, "real venues have no virtual clock"),
    ] {
        let ended = place.run(arguments).expect(code);
        ended.says(words);
        ended.says("fix: ");
        assert!(place.journal().is_empty(), "nothing was begun");
    }
}

#[test]
fn a_second_instance_is_told_which_process_holds_the_directory() {
    let place = Place::new("run_second");
    let mut first = place.start(place.arb("run --mock --interval 1"));
    first.until_said("[METRICS]");
    let second = place.run("run --mock --once").expect(73);
    second.says(&format!("another instance runs here (process {})", first.pid()));
    second.says("fix: ");
    assert!(first.kill(), "the first goes on");
    place.run("run --mock --once").expect(0).says("ended without a stop");
}

#[test]
fn a_directory_that_cannot_be_written_ends_with_its_code() {
    let place = Place::new("run_dir");
    place.write("run", "a file stands where the run directory should be");
    // The last is what no user may write, root included.
    for dir in [place.path("run"), place.path("run/below"), "/proc/arb".into()] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
        command.args(["run", "--mock", "--once", "--run-dir"]).arg(&dir);
        let ended = place.start(command).end().expect(73);
        ended.says(&format!("{}: the run directory cannot be used", dir.display()));
        ended.says("fix: make the directory writable");
    }
}

#[test]
fn a_damaged_middle_of_the_journal_is_refused_and_left_as_it_is() {
    let place = Place::new("run_damaged");
    place.run("run --mock --once").expect(0);
    let file = &place.journal()[0];
    let text = fs::read_to_string(file).expect("text");
    let damaged = text.replacen("\"until\":1001", "\"until\":1002", 1);
    assert_ne!(text, damaged);
    fs::write(file, &damaged).expect("a writable file");
    let ended = place.run("run --mock --once").expect(74);
    ended.says(":2: damaged: its checksum does not hold, and valid records follow it");
    ended.says("fix: bring the file back from a copy");
    assert_eq!(fs::read_to_string(file).expect("text"), damaged);
    assert_eq!(place.journal().len(), 1);
}

#[test]
fn a_torn_tail_is_cut_and_said() {
    let place = Place::new("run_torn");
    place.run("run --mock --once").expect(0);
    let file = &place.journal()[0];
    let text = fs::read_to_string(file).expect("text");
    fs::write(file, format!("{text}{{\"crc\":\"12")).expect("a writable file");
    let ended = place.run("run --mock --once").expect(0);
    ended.says("the journal's last 10 bytes were torn and are cut");
    assert_eq!(fs::read_to_string(file).expect("text"), text);
    let ended = place.run("run --mock --once").expect(0);
    assert!(!ended.err.contains("torn"), "{}", ended.err);
    ended.says(" stopped; ");
}

#[test]
fn a_signal_ends_the_run_with_a_summary_and_a_stopped_journal() {
    let place = Place::new("run_term");
    for name in ["TERM", "INT"] {
        let mut going = place.start(place.arb("run --mock --interval 1 --json"));
        going.until_said("[METRICS]");
        going.signal(name);
        let ended = going.end().expect(0);
        ended.says("stopping: no new pairs");
        ended.says("[PERF]");
        assert_eq!(ended.summary()["invariants_ok"], true);
        let newest = place.journal().pop().expect("a journal");
        let text = fs::read_to_string(newest).expect("text");
        assert!(text.lines().last().expect("a line").contains(r#""kind":"stop""#));
    }
}

/// Waits until an order is on record, then sends SIGTERM.
fn signalled_at_work(place: &Place, paper: (&str, &str)) -> command::Going {
    place.configure(&HOT.replace(paper.0, paper.1));
    let mut going = place.start(place.arb(HOT_RUN));
    going.until(|_| place.kinds("intent") > 0, "order");
    going.signal("TERM");
    going.until_said("stopping: no new pairs");
    going
}

#[test]
fn a_signal_during_a_trade_of_two_legs_lets_both_come_to_their_end() {
    let place = Place::new("run_term_at_work");
    let ended = signalled_at_work(&place, SLOW).end();
    let summary = ended.summary();
    let one_sided = summary["is_exposed"].as_bool().expect("a flag");
    assert_eq!(ended.code, Some(if one_sided { 22 } else { 0 }), "{}", ended.err);
    assert_eq!(summary["invariants_ok"], true, "{summary}");
    assert!(place.kinds("intent") >= 2, "two legs");
    assert_eq!(place.kinds("intent"), place.dones(), "every order came to its end on record");
    assert_eq!(place.kinds("stop"), 1);
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let place = Place::new("run_term_twice");
    let going = signalled_at_work(&place, ENDLESS);
    going.signal("TERM");
    let ended = going.end().expect(22);
    assert_eq!(ended.out, "", "no drain, no summary");
    assert_eq!(place.kinds("stop"), 0, "the journal says that it was cut short");
    place.run("run --mock --once --json").says("ended without a stop");
}

#[test]
fn a_reload_applies_what_is_safe_tells_the_rest_and_refuses_what_is_broken() {
    let place = Place::new("run_reload");
    place.configure("mode: {current: mock}\n");
    let mut going = place.start(place.arb("run --interval 1"));
    going.until_said("[METRICS]");
    let moved = place.path("run/logs/moved.log");
    fs::rename(place.path("run/logs/live.log"), &moved).expect("a log");
    place.configure("logging: {level: WARN}\npaper: {reject_pct: 2}\n");
    going.signal("HUP");
    going.until_said("needs a restart");
    going.until_said("logging.level: \"INFO\" -> \"WARN\", applied");
    assert!(going.err().contains("paper.reject_pct: "), "{}", going.err());
    going.until(|_| place.path("run/logs/live.log").exists(), "new log file");
    assert!(fs::read_to_string(moved).expect("text").contains("[METRICS]"));

    place.configure("logging: {level: LOUD}\n");
    going.signal("HUP");
    going.until_said("SIGHUP: nothing is changed");
    let cycles = going.err().matches("[METRICS]").count();
    going.until(|going| going.err().matches("[METRICS]").count() > cycles, "next cycle");
    going.signal("TERM");
    let ended = going.end().expect(0);
    assert_eq!(ended.err.matches("needs a restart").count(), 1, "{}", ended.err);
}

#[test]
fn a_virtual_run_starts_empty_and_puts_the_journal_aside() {
    let place = Place::new("run_virtual");
    place.configure("mock: {updates_per_second: 1}\n");
    place.run("run --mock --once").expect(0);
    let words = "run --virtual --loops 30 --interval 60 --json --seed";
    let first = place.run(&format!("{words} 7")).expect(0);
    first.says("the journal was moved to ");
    assert!(!place.path("run/journal").exists());
    let again = place.run(&format!("{words} 7")).expect(0).summary();
    let other = place.run(&format!("{words} 8")).expect(0).summary();
    let first = first.summary();
    assert_eq!(first["cycles"], 30);
    let span = first["span_seconds"].as_f64().expect("seconds");
    assert!((1_800.0..1_801.0).contains(&span), "half an hour and the last orders: {span}");
    assert_eq!(first["trace_hash"], again["trace_hash"]);
    assert_ne!(first["trace_hash"], other["trace_hash"]);
}

#[test]
fn a_core_that_does_not_exist_is_said_and_the_run_goes_on() {
    let place = Place::new("run_core");
    place.configure("runtime: {threads: {engine: {core: 1023}}}\n");
    let ended = place.run("run --mock --once").expect(0);
    ended.says("thread engine: not pinned to core 1023: it does not exist or is offline");
    ended.says("it runs unpinned");
}

#[test]
fn one_thread_for_the_hot_agents_trades_as_soundly_as_four() {
    for placement in ["shared", "threads"] {
        let place = Place::new(&format!("run_{placement}"));
        place.configure(&format!("{HOT}runtime: {{placement: {placement}}}\n"));
        let ended = place.run(&format!("{HOT_RUN} --loops 2"));
        assert!(matches!(ended.code, Some(0 | 22)), "{}", ended.err);
        let summary = ended.summary();
        assert_eq!(summary["invariants_ok"], true, "{summary}");
        assert_eq!(summary["cycles"], 2);
        assert!(summary["fills"].as_u64() > Some(0), "{summary}");
    }
}

#[test]
fn who_does_not_read_stderr_does_not_stop_the_run() {
    let place = Place::new("run_stderr");
    place.configure("mock: {updates_per_second: 300}\n");
    let words = "run --mock --interval 0 --loops 600 --json";
    // Far more than a pipe holds.
    let mut command = place.arb(words);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the binary starts");
    let unread = child.stderr.take();
    let ended = child.wait_with_output().expect("its end");
    drop(unread);
    assert_eq!(ended.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&ended.stdout).contains(r#""cycles":600"#));
    let closed = place.start(place.shell(r#"exec "$@" 2>&-"#, words)).end().expect(0);
    assert_eq!((&closed.summary()["cycles"], closed.err.as_str()), (&600.into(), ""));
}

#[test]
fn a_full_disk_loses_log_lines_only() {
    let place = Place::new("run_full_log");
    fs::create_dir_all(place.path("run/logs")).expect("a folder");
    let device = std::os::unix::fs::symlink("/dev/full", place.path("run/logs/live.log"));
    device.expect("a link");
    let ended = place.run("run --mock --interval 0 --loops 20 --json").expect(0);
    assert_eq!(ended.summary()["cycles"], 20);
}

#[test]
fn a_journal_that_cannot_be_written_ends_entries_and_the_exit_says_so() {
    let place = Place::new("run_full_journal");
    place.configure(HOT);
    // Files end at 16 KiB, as on a disk that is full; without the trap that would be a signal.
    let limited = r#"trap '' XFSZ; ulimit -f 32; exec "$@""#;
    let words = format!("{HOT_RUN} --loops 60 --quiet");
    let ended = place.start(place.shell(limited, &words)).end().expect(74);
    ended.says("the journal cannot ");
    ended.says("fix: free space");
    let summary = ended.summary();
    assert_eq!(summary["exit"], 74);
    assert!(summary["cycles"].as_u64() < Some(60), "the run ends by itself: {summary}");
    assert!(place.kinds("intent") > 0, "it had traded");
}

#[test]
fn three_remembered_critical_states_want_an_operator_before_the_next_start() {
    let place = Place::new("run_latched");
    let run = "run --mode mock --interval 0.1 --loops 2";
    fs::create_dir_all(place.path("run/state")).expect("a folder");
    let left = r#"{"boot_id":"","uptime_ns":0,"left_ns":[0,1000000000,1000000000,1000000000]}"#;
    let file = place.path("run/state/watchdog.json");
    fs::write(&file, left).expect("written");
    let ended = place.run(run);
    assert_eq!(ended.code, Some(23), "{}", ended.err);
    ended.says("remove");
    assert!(!place.path("run/journal").exists() || place.journal().is_empty(), "nothing began");
    fs::remove_file(&file).expect("removed");
    assert_eq!(place.run(run).code, Some(0));
}

#[test]
fn a_run_leaves_snapshots_of_its_first_and_each_fiftieth_cycle_and_of_its_end() {
    let place = Place::new("run_snapshots");
    place.run("run --mode mock --loops 100 --interval 0").expect(0);
    let entries = fs::read_dir(place.path("run/logs/stability")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("one").path());
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut paths: Vec<_> = paths.filter(|path| name(path).starts_with("snapshot_")).collect();
    paths.sort();
    let read =
        |path| -> Value { serde_json::from_slice(&fs::read(path).expect("text")).expect("JSON") };
    let snapshots: Vec<Value> = paths.iter().map(read).collect();
    let cycles: Vec<_> = snapshots.iter().map(|snapshot| snapshot["loop_count"].as_u64()).collect();
    assert_eq!(cycles, [1, 50, 100, 100].map(Some));
    for snapshot in &snapshots[1..] {
        let missing = SOURCE_FIELDS.iter().filter(|field| snapshot[**field].is_null());
        assert_eq!(missing.count(), 0, "{snapshot}");
    }
    assert_eq!(snapshots[3]["final"], true);
}
