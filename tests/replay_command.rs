//! `arb replay --json` from outside: the summary on stdout, also of a damaged recording.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use arb::types::counters::Counter;
use replays::DEFAULTS;
use replays::KIMCHI;
use serde_json::Value;

#[path = "support/replays.rs"]
mod replays;

/// How the binary ended.
struct Ended {
    code: Option<i32>,
    summary: Value,
    said: String,
}

fn arb_replay(recording: &Path, yaml: &str) -> Ended {
    // One configuration a recording: tests run at the same time.
    let name = recording.file_name().expect("a file").to_string_lossy();
    let config = replays::write_bytes(&format!("{name}.yml"), yaml.as_bytes());
    let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
    command.arg("replay").arg(recording).arg("--config").arg(config);
    let output = command.arg("--json").output().expect("the binary starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_else(|| panic!("no summary: {said}"));
    let summary = serde_json::from_str(last).expect("one JSON object on the last line");
    Ended { code: output.status.code(), summary, said }
}

#[test]
fn the_summary_says_what_the_run_was() {
    let path = replays::demo("demo_btc.rec.gz");
    let ended = arb_replay(&path, DEFAULTS);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let (summary, run) = (&ended.summary, replays::play_whole(&path, DEFAULTS));
    assert_eq!(summary["trace_hash"], format!("{:016x}", run.hash()));
    assert_eq!(summary["books"]["upbit"], 1_800);
    assert_eq!(summary["books"]["binance"], 1_195);
    assert_eq!((&summary["gaps"], &summary["exit"]), (&Value::from(0), &Value::from(0)));
    assert_eq!(summary["invariants_ok"], true);
    assert_eq!(summary["mode"], "replay");
    for count in ["opened", "closed"] {
        assert!(summary["pairs"][count].as_u64() >= Some(2), "{summary}");
    }
    let samples = summary["edges"]["buy_binance_sell_upbit"]["count"].as_u64();
    assert!(samples > Some(2_900), "{summary}");
}

#[test]
fn the_recorded_pair_ends_in_the_numbers_of_the_specification() {
    let Some(path) = replays::kimchi() else { return };
    let ended = arb_replay(&path, KIMCHI);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let summary = &ended.summary;
    let books = ["upbit", "binance"].map(|venue| summary["books"][venue].as_u64().expect("books"));
    assert_eq!(books.iter().sum::<u64>(), 7_040);
    assert_eq!(summary["gaps"], 0);
    for (direction, expected) in [
        ("buy_binance_sell_upbit", [-6_046, 487, 9_730, 18_688]),
        ("buy_upbit_sell_binance", [-22_003, -4_223, -588, 2_334]),
    ] {
        let edges = &summary["edges"][direction];
        assert_eq!(edges["count"], 7_038, "{direction}");
        for (key, ppm) in ["min_ppm", "p50_ppm", "p95_ppm", "max_ppm"].iter().zip(expected) {
            let found = edges[key].as_i64().expect("a number");
            assert!((found - ppm).abs() <= 2, "{direction} {key}: {found}, expected {ppm}");
        }
    }
    assert!(summary["pairs"]["closed"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["invariants_ok"], true);
}

/// Exit 65, the line on stderr, and on stdout the summary of the part before the damage.
fn assert_reported(recording: &Path, good: &[String]) {
    let line = good.len() + 1;
    let ended = arb_replay(recording, DEFAULTS);
    assert_eq!(ended.code, Some(65), "{}", ended.said);
    assert!(ended.said.contains(&format!("line {line}:")), "{}", ended.said);
    assert_eq!(ended.summary["exit"], 65);
    let run =
        replays::play_whole(&replays::write(&format!("command_good_{line}.rec"), good), DEFAULTS);
    assert!(run.total(Counter::Books) > 0, "nothing came before the damage");
    assert_eq!(ended.summary["trace_hash"], format!("{:016x}", run.hash()), "{}", ended.said);
    assert_eq!(ended.summary["invariants_ok"], true);
}

#[test]
fn a_damaged_recording_exits_65_with_its_line_and_reports_what_came_before() {
    let lines = replays::lines(&replays::demo("demo_btc.rec.gz"));
    let (good, rest) = lines.split_at(2_000);
    let half = rest[0].len() / 2;
    let cases = [
        ("cut", vec![rest[0][..half].to_owned()]),
        ("noise", vec!["]]\u{7}%%!".to_owned(), rest[0].clone()]),
        ("unknown_venue", vec![format!("{} kraken ws {{}}", u64::MAX)]),
        ("out_of_order", vec![good[good.len() - 9].clone(), rest[0].clone()]),
    ];
    for (name, tail) in cases {
        // Without a newline at its end: the last line of the first case is really cut.
        let text = [good, tail.as_slice()].concat().join("\n");
        let path = replays::write_bytes(&format!("command_{name}.rec"), text.as_bytes());
        assert_reported(&path, good);
    }
}

#[test]
fn gzip_that_is_cut_in_the_middle_is_reported_up_to_there() {
    let whole = fs::read(replays::demo("demo_btc.rec.gz")).expect("the demo");
    let path = replays::write_bytes("command_cut.rec.gz", &whole[..whole.len() / 2]);
    let ended = arb_replay(&path, DEFAULTS);
    assert_eq!(ended.code, Some(65), "{}", ended.said);
    let said = ended.said.split("line ").nth(1).and_then(|rest| rest.split(':').next());
    let line: usize = said.and_then(|line| line.parse().ok()).expect("a line number");
    assert!(line > 1_000, "{}", ended.said);
    let lines = replays::lines(&replays::demo("demo_btc.rec.gz"));
    assert_reported(&path, &lines[..line - 1]);
}
