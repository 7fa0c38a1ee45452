//! `arb report` from outside: the acceptance line of the verdict through the real binary, bad
//! folders, and what it costs to read a very full one.

#![allow(clippy::expect_used, reason = "evidence that cannot be had must stop the test")]

#[path = "support/soak.rs"]
mod soak;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use soak::Defect;
use soak::Soak;

const DEFECTS: [(Defect, &str); 6] = [
    (Defect::Leak, "rss_mb.trend"),
    (Defect::Descriptors, "open_files.trend"),
    (Defect::Slower, "loop_latency_p95_ms.trend"),
    (Defect::Frozen, "gauges.alive"),
    (Defect::Missing, "coverage"),
    (Defect::Step, "rss_mb.step"),
];

fn folder(name: &str) -> PathBuf {
    soak::folder(&format!("command_{name}"))
}

/// In a folder without any configuration, so that none is needed.
fn arb(words: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).arg("report").arg(dir).args(words);
    command
}

fn report(dir: &Path, words: &[&str]) -> Output {
    arb(words, dir).output().expect("the binary starts")
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Exit code and the object on the one line of stdout.
fn judged(dir: &Path) -> (i32, Value) {
    let output = report(dir, &["--json"]);
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1, "{}", text(&output));
    let object = serde_json::from_slice(&output.stdout).expect("one object");
    (output.status.code().expect("an exit code"), object)
}

fn names(object: &Value, verdict: &str) -> Vec<String> {
    let criteria = object["criteria"].as_array().expect("criteria");
    let same = criteria.iter().filter(|criterion| criterion["verdict"] == verdict);
    same.map(|c| c["name"].as_str().expect("a name").to_string()).collect()
}

#[test]
fn a_clean_run_of_either_format_passes_with_exit_0_and_no_configuration() {
    let ours = folder("clean");
    Soak { hours: 24, every_min: 1, seed: 13, defect: Defect::None }.write_run(&ours);
    let theirs = folder("clean_source");
    Soak { hours: 72, every_min: 10, seed: 1, defect: Defect::None }.write_source(&theirs);
    for (dir, synthetic) in [(&ours, true), (&ours.join("logs/stability"), true), (&theirs, false)]
    {
        let (code, object) = judged(dir);
        assert_eq!((code, &object["verdict"]), (0, &Value::from("PASS")), "{object:#}");
        assert_eq!(object["synthetic"], synthetic, "{}", dir.display());
    }
}

#[test]
fn each_planted_defect_of_either_format_exits_10_and_names_its_criterion() {
    for (defect, name) in DEFECTS {
        let ours = folder(&format!("{defect:?}"));
        Soak { hours: 24, every_min: 1, seed: 12, defect }.write_run(&ours);
        let theirs = folder(&format!("source_{defect:?}"));
        Soak { hours: 72, every_min: 10, seed: 11, defect }.write_source(&theirs);
        for dir in [ours, theirs] {
            let (code, object) = judged(&dir);
            assert_eq!(code, 10, "{defect:?}");
            assert!(names(&object, "FAIL").contains(&name.to_string()), "{defect:?}: {object:#}");
            let told = text(&report(&dir, &[]));
            let (first, last) = (told.lines().next(), told.lines().last());
            let named = first.is_some_and(|l| l.starts_with("FAIL: ") && l.contains(name));
            assert!(first == last && named, "{told}");
        }
    }
}

#[test]
fn ten_snapshots_only_exit_12_and_never_0() {
    for defect in [Defect::None, Defect::Leak] {
        let dir = folder(&format!("ten_{defect:?}"));
        let soak = Soak { hours: 72, every_min: 10, seed: 5, defect };
        for path in soak.write_source(&dir).split_off(10) {
            fs::remove_file(path).expect("removed");
        }
        let (code, object) = judged(&dir);
        assert_eq!((code, &object["verdict"]), (12, &Value::from("INCONCLUSIVE")), "{object:#}");
    }
}

#[test]
fn an_interrupted_run_is_judged_with_its_times_side_by_side() {
    let dir = folder("interrupted");
    Soak { hours: 24, every_min: 1, seed: 22, defect: Defect::None }.write_run(&dir);
    let series = dir.join("logs/stability/series.jsonl");
    let lines = fs::read_to_string(&series).expect("read");
    fs::write(&series, &lines[..lines.len() - 40]).expect("written");
    let (code, object) = judged(&dir);
    assert_eq!(code, 0, "{object:#}");
    let times = &object["latency_ns"]["tick_to_decision"];
    assert_eq!(
        (&times["whole"]["count"], &times["first"]["count"]),
        (&144_000.into(), &6_000.into())
    );
    assert_eq!(times["beginning"], "first hour");
    let told = text(&report(&dir, &["--ascii"]));
    for part in ["p99.9", "whole run", "first hour", "last interval", "memory, MB", "24.0 h"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.is_ascii() && told.contains("market     synthetic"), "{told}");
}

#[test]
fn below_two_hours_the_first_third_stands_for_the_first_hour_and_it_is_said() {
    let dir = folder("short");
    Soak { hours: 1, every_min: 1, seed: 22, defect: Defect::None }.write_run(&dir);
    let output = report(&dir, &[]);
    assert_eq!(output.status.code(), Some(12), "an hour is too short to pass");
    let told = text(&output);
    assert!(told.contains("first third (20.0 min)"), "{told}");
    assert!(told.contains("the run is shorter than 2 h"), "{told}");
}

#[test]
fn every_bad_file_is_named_and_leaves_the_verdict_open() {
    let dir = folder("bad");
    let soak = Soak { hours: 72, every_min: 60, seed: 21, defect: Defect::None };
    let files = soak.write_source(&dir);
    let whole = |at: usize| fs::read_to_string(&files[at]).expect("read");
    fs::write(&files[20], &whole(20)[..200]).expect("written");
    fs::write(&files[30], whole(30).replacen('{', "{\"schema_version\": 99,", 1)).expect("written");
    fs::write(&files[40], whole(40).replace("T12:57", "T19:57")).expect("written");
    fs::remove_file(&files[50]).expect("removed");
    symlink("nowhere", &files[50]).expect("a link");
    fs::write(&files[72], whole(72).replace("\"loop_count\": 4321", "\"loop_count\": 7"))
        .expect("written");
    let (code, object) = judged(&dir);
    assert_eq!(code, 12, "{object:#}");
    let mut found: Vec<(&str, &str)> = Vec::new();
    for problem in object["problems"].as_array().expect("problems") {
        let word = |name: &str| problem[name].as_str().expect("a word");
        found.push((word("file"), word("problem")));
    }
    found.sort_unstable();
    let name = |at: usize| files[at].file_name().and_then(|name| name.to_str()).expect("a name");
    let kinds = ["cut", "foreign", "clock_jump", "unreadable", "mixed_run"];
    let wanted: Vec<(&str, &str)> = [20, 30, 40, 50, 72].map(name).into_iter().zip(kinds).collect();
    assert_eq!(found, wanted);
    let told = text(&report(&dir, &[]));
    assert!([20, 30, 40, 50, 72].iter().all(|at| told.contains(name(*at))), "{told}");
}

#[test]
fn links_and_names_that_are_no_text_are_read_like_any_other_file() {
    let dir = folder("names");
    let soak = Soak { hours: 72, every_min: 60, seed: 21, defect: Defect::None };
    let mut files = soak.write_source(&dir);
    let last = files.pop().expect("a file");
    let odd = std::ffi::OsStr::from_bytes(b"snapshot_\xff.json");
    fs::rename(&last, dir.join(odd)).expect("renamed");
    let aside = folder("names_aside").join("kept.json");
    fs::rename(&files[10], &aside).expect("renamed");
    symlink(&aside, &files[10]).expect("a link");
    let (code, object) = judged(&dir);
    assert_eq!((code, &object["snapshots"]), (0, &73.into()), "{object:#}");
    // Broken, such a file is named too, with a mark for what is no text.
    fs::write(dir.join(odd), "{").expect("written");
    let (code, object) = judged(&dir);
    assert_eq!(code, 12);
    assert_eq!(object["problems"][0]["file"], "snapshot_\u{fffd}.json");
}

#[test]
fn an_empty_folder_and_none_exit_73_and_say_what_was_expected() {
    let empty = folder("empty");
    for dir in [&empty, &empty.join("none")] {
        let output = report(dir, &["--json"]);
        assert_eq!(output.status.code(), Some(73));
        assert!(output.stdout.is_empty());
        assert!(text(&output).contains("give the run directory"), "{}", text(&output));
    }
}

#[test]
fn the_list_names_the_last_ten_snapshots_and_judges_nothing() {
    let dir = folder("list");
    Soak { hours: 24, every_min: 1, seed: 12, defect: Defect::Leak }.write_run(&dir);
    let output = report(&dir, &["--list"]);
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output);
    assert_eq!(told.lines().count(), 10);
    let last = told.lines().last().expect("a line");
    assert!(last.starts_with("Loop 1441: CPU=") && last.ends_with("Stable=True"), "{told}");
    let output = report(&dir, &["--list", "--json"]);
    let object: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(object["snapshots"].as_array().map(Vec::len), Some(10));
    assert_eq!(object["snapshots"][9]["loop_count"], 1_441);
}

#[test]
fn a_hundred_thousand_files_fit_into_a_quarter_of_a_gigabyte_and_the_oldest_are_left_out() {
    let dir = folder("many");
    for at in 0..100_000u32 {
        let name = format!("snapshot_{at:06}.json");
        let text = format!("{{\"timestamp\":\"2025-11-15T20:57:22Z\",\"loop_count\":{at}}}");
        fs::write(dir.join(name), text).expect("written");
    }
    // The address space of the process is bounded, so that a list without a bound ends it.
    let script = "ulimit -v 262144 && exec \"$0\" report \"$1\" --json";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_arb")]).arg(&dir);
    let output = command.output().expect("a shell");
    fs::remove_dir_all(&dir).expect("removed");
    assert_eq!(output.status.code(), Some(10), "{}", text(&output));
    let object: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(object["snapshots"], 50_000);
    let length = object["criteria"][0]["evidence"].as_str().expect("a text");
    assert!(length.contains("50000 older ones left out"), "{length}");
}
