//! Fault schedules over a run on threads: what is injected there is real.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

struct Ended {
    code: Option<i32>,
    out: String,
    said: String,
}

fn run(name: &str, faults: &str, more: &[&str]) -> Ended {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a writable folder for tests");
    let schedule = dir.join("faults.yml");
    fs::write(&schedule, format!("faults:\n{faults}")).expect("a writable folder for tests");
    let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
    command.current_dir(&dir).args(["run", "--mock", "--json", "--interval", "0.5", "--faults"]);
    let output = command.arg(&schedule).args(more).output().expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), out: text(&output.stdout), said: text(&output.stderr) }
}

#[test]
fn a_death_on_a_thread_ends_the_run_and_names_the_thread() {
    let death = "  - {at: 500ms, kind: thread_death, thread: gateway}\n";
    let ended = run("thread_death", death, &["--loops", "200"]);
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert!(ended.said.contains("injected thread_death of gateway"), "{}", ended.said);
}

#[test]
fn a_stall_on_a_thread_reaches_the_loop_latency_of_its_cycle() {
    let stall = "  - {at: 1s, for: 700ms, kind: engine_stall}\n";
    let ended = run("engine_stall", stall, &["--loops", "6"]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let line = |line: &&str| line.contains("[METRICS]");
    let latency = |line: &str| {
        let (_, rest) = line.split_once("loop_ms=")?;
        rest.split(' ').next()?.parse::<f64>().ok()
    };
    let worst = ended.said.lines().filter(line).filter_map(latency).fold(0.0, f64::max);
    assert!(worst >= 600.0, "{worst} ms\n{}", ended.said);
}

#[test]
fn memory_cores_and_silence_act_beside_a_run_that_ends_well() {
    let faults = [
        "  - {at: 100ms, for: 2s, kind: memory_step, mb: 300}",
        "  - {at: 100ms, for: 1s, kind: cpu_burn, cores: 1}",
        "  - {at: 100ms, for: 1s, kind: feed_silence, venue: upbit}",
        "  - {at: 200ms, for: 500ms, kind: clock_step, by: -1h}\n",
    ]
    .join("\n");
    let ended = run("process_faults", &faults, &["--loops", "5"]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let last = ended.out.lines().last().expect("a summary");
    let summary: Value = serde_json::from_str(last).expect("JSON");
    let books = |venue: &str| summary["books"][venue].as_u64().expect("a count");
    assert!(books("upbit") > 0, "{last}");
    let per_book = |venue: &str, count: u64| books(venue) / count;
    assert!(per_book("upbit", 3) + 5 <= per_book("binance", 2), "a second is missing: {last}");
}

#[test]
fn a_schedule_that_cannot_act_here_ends_at_once_with_78() {
    let stall = "  - {at: 1s, for: 1s, kind: engine_stall, thread: journal}\n";
    let ended = run("virtual_journal", stall, &["--virtual", "--loops", "1"]);
    assert_eq!(ended.code, Some(78), "{}", ended.said);
    let reason = "engine_stall journal: a virtual run has no such thread";
    assert!(ended.said.contains(reason), "{}", ended.said);
    let broken = run("broken_schedule", "  - {at: 1s, for: 1s, kind: fx_los}\n", &[]);
    assert_eq!(broken.code, Some(78), "{}", broken.said);
    assert!(broken.said.contains("did you mean fx_loss?"), "{}", broken.said);
}
