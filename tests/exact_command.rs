//! `arb replay` of a recorded run from outside: the recorded decisions with their hash, several
//! files or a folder, and each way to refuse.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use arb::feed::spool::SpoolLimits;
use serde_json::Value;
use taped::QUICK;
use taped::Script;
use taped::files;
use taped::frames_of;
use taped::fresh;
use taped::plan;
use taped::record;
use taped::roomy;

#[path = "support/taped.rs"]
mod taped;

struct Ended {
    code: Option<i32>,
    summary: Option<Value>,
    said: String,
}

fn arb_replay(paths: &[PathBuf], yaml: &str, more: &[&str]) -> Ended {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let config = dir.join(format!("exact_command_{}.yml", yaml.len()));
    fs::write(&config, yaml).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
    command.arg("replay").args(paths).arg("--config").arg(&config).arg("--json").args(more);
    let output = command.output().expect("the binary starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = text.lines().last().map(|line| serde_json::from_str(line).expect("JSON"));
    Ended { code: output.status.code(), summary, said }
}

#[test]
fn a_recorded_run_is_repeated_by_the_command_with_the_hash_of_the_run() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/demo_btc.rec.gz");
    let (folder, series) = fresh("exact_command");
    let limits = SpoolLimits { rotate_bytes: 100_000, ..roomy(series.clone()) };
    let script = Script {
        seed: 21,
        frames: frames_of(&demo),
        limits,
        burst: 60,
        journal: None,
        short_of_marks: false,
    };
    let played = record(&plan(QUICK, 21), script);
    let recordings = files(&series);
    assert!(recordings.len() > 1, "{recordings:?}");
    let folder_alone = vec![folder];
    for paths in [&folder_alone, &recordings] {
        let ended = arb_replay(paths, QUICK, &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        let summary = ended.summary.expect("a summary");
        assert_eq!(summary["trace_hash"], format!("{:016x}", played.trace));
        assert_eq!(summary["cycles"], played.cycles);
        assert_eq!(summary["fills"], played.fills);
        for (venue, frames) in &played.frames {
            assert_eq!(summary["frames"][venue.name()], *frames);
        }
        assert_eq!(summary["invariants_ok"], true);
        assert!(ended.said.contains("to its end"), "{}", ended.said);
    }
    // What if: the same frames, decided anew.
    let anew = arb_replay(&folder_alone, QUICK, &["--simulate"]);
    assert_eq!(anew.code, Some(0), "{}", anew.said);
    let hash = anew.summary.expect("a summary")["trace_hash"].clone();
    assert_ne!(hash, format!("{:016x}", played.trace));
    // Another configuration, a missing file, a changed frame: refused with the reason.
    let other = format!("{QUICK}safety: {{max_slippage_pct: 0.4}}\n");
    let refused = arb_replay(&folder_alone, &other, &[]);
    assert_eq!(refused.code, Some(78), "{}", refused.said);
    assert!(refused.said.contains("another configuration"), "{}", refused.said);
    assert!(refused.said.contains("--simulate"), "{}", refused.said);
    let late = arb_replay(&recordings[1..], QUICK, &[]);
    assert_eq!(late.code, Some(65), "{}", late.said);
    assert!(late.said.contains("part 1 is needed"), "{}", late.said);
    let first = fs::read(&recordings[0]).expect("reads");
    fs::write(&recordings[0], &first[..first.len() / 2]).expect("written");
    let cut = arb_replay(&folder_alone, QUICK, &[]);
    assert_eq!(cut.code, Some(65), "{}", cut.said);
    assert!(cut.said.contains("the gzip data are cut"), "{}", cut.said);
    assert_eq!(cut.summary.expect("what came before")["exit"], 65);
}

#[test]
fn recording_is_refused_where_there_are_no_frames_and_with_limits_that_make_no_sense() {
    let run = |arguments: &[&str]| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("exact_refusals");
        let output = Command::new(env!("CARGO_BIN_EXE_arb"))
            .args(arguments)
            .arg("--run-dir")
            .arg(dir)
            .output()
            .expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["run", "--mock", "--once", "--record", "tapes/market"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no frames"), "{said}");
    let (code, said) = run(&["record", "--rotate-mb", "50", "--max-mb", "50"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = run(&["record", "--out", ".."]);
    assert_eq!(code, Some(2), "{said}");
}
