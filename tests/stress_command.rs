//! `arb stress` from outside: what it lists, plays, prints and leaves behind.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;

use std::collections::BTreeSet;
use std::fs;

use std::sync::atomic::AtomicBool;

use arb::scenario::stress::perform::perform;
use arb::scenario::stress::report::Outcome;
use arb::scenario::stress::stage::Ground;
use arb::scenario::stress::table::SCENARIOS;
use serde_json::Value;

use command::Place;

/// Names that `--list` prints, in its order.
fn listed(place: &Place) -> Vec<String> {
    let out = place.run("stress --list").expect(0).out;
    let is_name = |line: &&str| !line.starts_with(' ');
    out.lines().filter(is_name).map(str::to_owned).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Processes whose parent is this one, or that have lost theirs and work in the place.
fn left_behind(place: &Place) -> Vec<String> {
    let dir = place.path("").display().to_string();
    let entries = fs::read_dir("/proc").expect("processes");
    let of = |entry: fs::DirEntry| {
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        (line.contains(&dir) && line.contains("faults")).then_some(line)
    };
    entries.filter_map(|entry| of(entry.ok()?)).collect()
}

#[test]
fn every_condition_of_the_product_has_a_scenario() {
    let place = Place::new("stress_list");
    let names: BTreeSet<String> = listed(&place).into_iter().collect();
    let wanted = [
        "feed_lag",
        "feed_silence",
        "engine_blocked_2100ms",
        "engine_blocked_6s",
        "cpu_burners",
        "memory_spike",
        "warn_auto_reset",
        "error_auto_reset",
        "critical_cooldown_resume",
        "critical_shutdown",
        "watchdog_killed",
        "watchdog_blocked",
        "host_pause",
        "redis_down",
        "redis_stalled",
        "redis_slow_proxy",
        "redis_restarted",
        "disk_full",
        "kill_9",
        "snapshots_and_metrics",
    ];
    assert_eq!(names, wanted.map(str::to_owned).into_iter().collect());
}

#[test]
fn no_scenario_holds_for_a_program_that_does_nothing() {
    let place = Place::new("stress_nothing");
    let folder = place.path("scratch");
    fs::create_dir_all(&folder).expect("a folder");
    let ground = Ground { program: "/bin/true".into(), folder: folder.clone(), keeps: false };
    let all: Vec<_> = SCENARIOS.iter().collect();
    let report = perform(&all, &ground, &AtomicBool::new(false), &mut |_| {});
    assert_eq!(report.rows.len(), SCENARIOS.len());
    let passed = report.rows.iter().filter(|row| row.outcome == Outcome::Passed);
    assert_eq!(passed.map(|row| row.name).collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(!report.passes());
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0, "nothing is left behind");
}

#[test]
fn a_scenario_that_holds_is_a_row_with_its_times_and_exit_0() {
    let place = Place::new("stress_pass");
    let ended = place.run("stress --scenario kill_9 --scenario kill_9 --json").expect(0);
    ended.says("stress: kill_9 PASS after ");
    let report = ended.summary();
    assert_eq!(keys(&report), ["pass", "scenarios"]);
    assert_eq!(report["pass"], true);
    let rows = report["scenarios"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "played once");
    let row = &rows[0];
    let all = ["expected", "injected", "limit_ms", "name", "observed_ms", "pass"];
    assert_eq!(keys(row), all);
    assert_eq!((&row["name"], &row["pass"]), (&Value::from("kill_9"), &Value::from(true)));
    assert!(row["observed_ms"].as_u64() <= row["limit_ms"].as_u64(), "{row}");
    assert!(row["observed_ms"].as_u64().expect("a time") > 0, "{row}");
}

#[test]
fn what_does_not_happen_in_time_is_a_fail_that_says_what_and_exit_10() {
    let place = Place::new("stress_fail");
    // The kept folder of the run is full of somebody else's file: it cannot begin.
    let folder = place.path("kept/kill_9");
    fs::create_dir_all(&folder).expect("a folder");
    let kept = place.path("kept").display().to_string();
    let ended = place.run(&format!("stress --scenario kill_9 --keep {kept}")).expect(10);
    assert!(ended.out.contains("FAIL") && ended.out.contains("kill_9"), "{}", ended.out);
    assert!(ended.out.ends_with("stress: FAIL, 0 passed, 1 failed, 0 NOT RUN\n"), "{}", ended.out);
}

#[test]
fn an_unknown_scenario_is_a_usage_error_that_names_the_nearest() {
    let place = Place::new("stress_unknown");
    let ended = place.run("stress --scenario feed_lags").expect(2);
    ended.says("no scenario is called `feed_lags`");
    ended.says("did you mean feed_lag?");
    place.run("stress --scenario x").expect(2).says("--list");
}

#[test]
fn without_a_redis_server_its_scenarios_are_not_run_and_say_so() {
    let place = Place::new("stress_not_run");
    let names = listed(&place);
    let redis: Vec<&String> = names.iter().filter(|name| name.starts_with("redis_")).collect();
    assert_eq!(redis.len(), 4);
    let words: String = redis.iter().map(|name| format!("--scenario {name} ")).collect();
    let without = |more: &str| {
        let mut command = place.arb(&format!("stress {words} --json {more}"));
        command.env("PATH", place.path("nothing"));
        place.start(command).end()
    };
    let report = without("").expect(0).summary();
    assert_eq!(report["pass"], true);
    for row in report["scenarios"].as_array().expect("rows") {
        assert_eq!(row["pass"], Value::Null, "{row}");
        assert_eq!(row["reason"], "redis-server is not installed", "{row}");
        assert_eq!(row["observed_ms"], Value::Null, "{row}");
    }
    let report = without("--require-all").expect(10).summary();
    assert_eq!(report["pass"], false);
}

#[test]
fn an_interrupt_ends_every_process_and_the_report_is_partial() {
    let place = Place::new("stress_stop");
    let kept = place.path("kept").display().to_string();
    let words = format!("stress --scenario feed_silence --scenario host_pause --keep {kept}");
    let mut going = place.start(place.arb(&words));
    going.until(|_| place.path("kept/feed_silence/run/arb.lock").exists(), "run");
    assert!(!left_behind(&place).is_empty(), "a run is going");
    going.signal("INT");
    let ended = going.end().expect(11);
    assert!(ended.out.contains("stress: INTERRUPTED"), "{}", ended.out);
    assert_eq!(left_behind(&place), Vec::<String>::new());
}

#[test]
fn runs_end_with_a_command_that_is_killed() {
    let place = Place::new("stress_killed");
    let kept = place.path("kept").display().to_string();
    let words = format!("stress --scenario feed_silence --keep {kept}");
    let mut going = place.start(place.arb(&words));
    going.until(|_| place.path("kept/feed_silence/run/arb.lock").exists(), "run");
    assert!(!left_behind(&place).is_empty(), "a run is going");
    going.kill();
    let clock = arb::types::time::Clock::start();
    while !left_behind(&place).is_empty() {
        assert!(clock.mono().0 < 30_000_000_000, "{:?}", left_behind(&place));
        std::thread::yield_now();
    }
}
