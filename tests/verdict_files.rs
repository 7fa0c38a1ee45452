//! Bad files are named one by one, never summed silently; runs are told apart; a report says what
//! was real.

#![allow(clippy::expect_used, reason = "evidence that cannot be had must stop the test")]

#[path = "support/soak.rs"]
mod soak;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use arb::sim::limits::KINDS;
use arb::types::calendar::Utc;
use arb::types::evidence::Snapshot;
use arb::types::evidence::Term;
use arb::types::time::NS_PER_SEC;
use arb::types::time::WallNs;
use arb::verdict::criterion::Verdict;
use arb::verdict::excuse::EXCUSES;
use arb::verdict::judge::Judgement;
use arb::verdict::judge::judge;
use arb::verdict::load::Evidence;
use arb::verdict::load::LoadError;
use arb::verdict::load::load;
use arb::verdict::plot::Glyphs;
use arb::verdict::problem::Kind;
use arb::verdict::render;
use arb::watchdog::signal::NAMES;
use soak::Defect;
use soak::Soak;
use soak::folder;

const CLEAN: Soak = Soak { hours: 72, every_min: 60, seed: 21, defect: Defect::None };

/// A clean soak in the source's format, and its files.
fn source(name: &str) -> (PathBuf, Vec<PathBuf>) {
    let dir = folder(name);
    let files = CLEAN.write_source(&dir);
    (dir, files)
}

/// A day of minutes with its snapshots.
fn run(name: &str) -> PathBuf {
    let dir = folder(name);
    Soak { hours: 24, every_min: 1, seed: 22, defect: Defect::None }.write_run(&dir);
    dir
}

fn judged(dir: &Path) -> (Evidence, Judgement) {
    let evidence = load(dir).expect("evidence");
    let judgement = judge(&evidence);
    (evidence, judgement)
}

fn verdict_of(judgement: &Judgement, name: &str) -> Verdict {
    judgement.criteria.iter().find(|c| c.name == name).expect(name).verdict
}

fn evidence_of<'j>(judgement: &'j Judgement, name: &str) -> &'j str {
    &judgement.criteria.iter().find(|c| c.name == name).expect(name).evidence
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

/// The snapshots of a run, oldest first.
fn snapshots_of(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("logs/stability")).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| name_of(path).starts_with("snapshot_"));
    paths.sort();
    paths
}

fn edit(path: &Path, change: impl FnOnce(&mut Snapshot)) {
    let text = fs::read_to_string(path).expect("read");
    let mut read: Snapshot = serde_json::from_str(&text).expect("a snapshot");
    change(&mut read);
    fs::write(path, serde_json::to_string(&read).expect("a text")).expect("written");
}

/// Exactly these files are reported, each with that kind, and the verdict is at best open.
fn assert_reported(dir: &Path, expected: &[(&Path, Kind)]) {
    let (evidence, judgement) = judged(dir);
    let mut found: Vec<(&str, Kind)> =
        evidence.problems.listed().iter().map(|p| (p.file.as_str(), p.problem)).collect();
    let mut wanted: Vec<(&str, Kind)> = expected.iter().map(|(p, k)| (name_of(p), *k)).collect();
    found.sort_by_key(|(name, _)| *name);
    wanted.sort_by_key(|(name, _)| *name);
    assert_eq!(found, wanted);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", judgement.criteria);
    let json = render::json(&judgement, &evidence).expect("json");
    assert!(wanted.iter().all(|(name, _)| json.contains(name)), "{json}");
}

#[test]
fn a_cut_a_foreign_and_an_unreadable_snapshot_are_named_and_leave_the_verdict_open() {
    let (dir, files) = source("files_bad");
    let text = fs::read_to_string(&files[20]).expect("read");
    fs::write(&files[20], &text[..text.len() / 2]).expect("written");
    fs::write(&files[30], text.replacen('{', "{\"schema_version\": 99,", 1)).expect("written");
    fs::write(&files[40], "{\"rss\": 1}").expect("written");
    fs::remove_file(&files[50]).expect("removed");
    fs::create_dir(&files[50]).expect("a folder");
    fs::write(&files[60], b"\xff\xfe").expect("written");
    assert_reported(
        &dir,
        &[
            (&files[20], Kind::Cut),
            (&files[30], Kind::Foreign),
            (&files[40], Kind::Foreign),
            (&files[50], Kind::Unreadable),
            (&files[60], Kind::Cut),
        ],
    );
}

#[test]
fn a_snapshot_of_another_run_among_those_of_the_source_is_named() {
    let (dir, files) = source("files_mixed_source");
    let text = fs::read_to_string(&files[72])
        .expect("read")
        .replace("\"loop_count\": 4321", "\"loop_count\": 7");
    fs::write(&files[72], text).expect("written");
    assert_reported(&dir, &[(&files[72], Kind::MixedRun)]);
}

#[test]
fn a_clock_that_jumped_is_named_by_name_and_content_or_by_the_pace_of_the_loops() {
    let (dir, files) = source("files_jump");
    let text = fs::read_to_string(&files[30]).expect("read");
    let moved = Utc::of(WallNs(soak::wall(30 * 60).0 + 5 * 3_600 * NS_PER_SEC));
    let right = Utc::of(soak::wall(30 * 60)).iso().to_string();
    let wrong = text.replace(&right, &moved.iso().to_string());
    fs::write(&files[30], &wrong).expect("written");
    assert_reported(&dir, &[(&files[30], Kind::ClockJump)]);
    let renamed = dir.join(format!("snapshot_{}.json", moved.file()));
    fs::remove_file(&files[30]).expect("removed");
    // Off the hour, so that it does not replace the file of five hours later.
    let late = Utc::of(WallNs(soak::wall(30 * 60).0 + 18_300 * NS_PER_SEC));
    let renamed_late = renamed.with_file_name(format!("snapshot_{}.json", late.file()));
    fs::write(&renamed_late, text.replace(&right, &late.iso().to_string())).expect("written");
    assert_reported(&dir, &[(&renamed_late, Kind::ClockJump)]);
}

#[test]
fn a_wall_clock_that_leaves_the_clock_of_the_run_is_named_once() {
    let dir = run("files_jump_run");
    let jumped = snapshots_of(&dir).swap_remove(10);
    edit(&jumped, |read| {
        read.timestamp =
            Some(Utc::of(WallNs(soak::wall(600).0 + 90 * NS_PER_SEC)).iso().to_string());
    });
    let (evidence, judgement) = judged(&dir);
    assert!(evidence.problems.listed().iter().all(|p| p.file == name_of(&jumped)));
    assert_eq!(evidence.problems.of(Kind::ClockJump), 1);
    assert_eq!(verdict_of(&judgement, "clock"), Verdict::Inconclusive);
    assert_eq!(judgement.snapshots, 25, "its own clock tells when it was taken");
}

#[test]
fn snapshots_of_a_run_that_overlaps_are_left_out_and_named() {
    let dir = run("files_mixed_run");
    let one = snapshots_of(&dir).swap_remove(6);
    let other = one.with_file_name("snapshot_2025-11-16T09-00-00-000000.json");
    fs::copy(&one, &other).expect("copied");
    edit(&other, |read| read.stamp.run_id = Some("b2".into()));
    assert_reported(&dir, &[(&other, Kind::MixedRun)]);
    let (_, judgement) = judged(&dir);
    assert_eq!((judgement.snapshots, judgement.run_ids.len()), (25, 1));
}

#[test]
fn a_resumed_run_is_judged_in_parts_and_both_runs_are_named() {
    let dir = folder("files_resumed");
    let rows = Soak { hours: 48, every_min: 1, seed: 23, defect: Defect::None }.rows();
    let stability = dir.join("logs/stability");
    fs::create_dir_all(&stability).expect("a folder");
    let mut text = String::new();
    for row in rows.iter().filter(|row| !(1_441..1_443).contains(&row.minute)) {
        let second = row.minute > 1_440;
        let mut minute = soak::minute(row);
        let restarted = |stamp: &mut arb::types::evidence::Stamp| {
            if second {
                stamp.run_id = Some("b2".into());
                stamp.seq = stamp.seq.map(|seq| seq - 1_443);
                stamp.mono_ns = stamp.mono_ns.map(|mono| mono - 1_443 * 60 * NS_PER_SEC);
            }
        };
        restarted(&mut minute.stamp);
        text += &(serde_json::to_string(&minute).expect("a line") + "\n");
        if row.minute % 60 == 0 {
            let mut read = soak::snapshot(row);
            restarted(&mut read.stamp);
            read.is_final = Some(row.minute % 1_440 == 0 && row.minute > 0);
            let name = format!("snapshot_{}.json", Utc::of(soak::wall(row.minute)).file());
            fs::write(stability.join(name), serde_json::to_string(&read).expect("a text"))
                .expect("written");
        }
    }
    fs::write(stability.join("series.jsonl"), text).expect("written");
    let (_, judgement) = judged(&dir);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", judgement.criteria);
    assert_eq!(judgement.run_ids, ["a1", "b2"]);
    assert!((judgement.span_hours - 48.0).abs() < 1e-9);
    // The same with a first run that broke off.
    let last = snapshots_of(&dir).swap_remove(24);
    edit(&last, |read| read.is_final = None);
    let (_, judgement) = judged(&dir);
    assert_eq!(verdict_of(&judgement, "run.continuity"), Verdict::Inconclusive);
}

#[test]
fn an_interrupted_run_is_judged_and_its_torn_last_line_told() {
    let dir = run("files_interrupted");
    let series = dir.join("logs/stability/series.jsonl");
    let text = fs::read_to_string(&series).expect("read");
    fs::write(&series, &text[..text.len() - 40]).expect("written");
    let last = snapshots_of(&dir).pop().expect("a snapshot");
    fs::remove_file(last).expect("removed");
    let (_, judgement) = judged(&dir);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", judgement.criteria);
    assert_eq!(evidence_of(&judgement, "run.continuity"), "one run, not ended");
    assert!(evidence_of(&judgement, "files.readable").contains("1 torn last lines"));
}

#[test]
fn a_series_in_two_files_is_read_in_the_order_of_time() {
    let dir = run("files_rotated");
    let series = dir.join("logs/stability/series.jsonl");
    let text = fs::read_to_string(&series).expect("read");
    let half = text.char_indices().filter(|(_, c)| *c == '\n').nth(700).expect("lines").0 + 1;
    let first = series.with_file_name("series_2025-11-15T20-57-22-906000.jsonl");
    fs::write(first, &text[..half]).expect("written");
    fs::write(&series, &text[half..]).expect("written");
    let (evidence, judgement) = judged(&dir);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", judgement.criteria);
    let found = evidence.tails.compared(&judgement.run_ids).expect("times");
    assert_eq!((found.tails[0].first.count, found.tails[0].whole.count), (6_000, 144_100));
}

#[test]
fn a_lost_frame_fails_the_conservation_by_name() {
    let dir = run("files_lost");
    let last = snapshots_of(&dir).pop().expect("a snapshot");
    edit(&last, |read| *read.conservation.get_mut(&Term::Intents).expect("intents") += 1);
    let (_, judgement) = judged(&dir);
    assert_eq!(verdict_of(&judgement, "conservation"), Verdict::Fail);
    assert!(evidence_of(&judgement, "conservation").starts_with("intents = orders_ended"));
}

#[test]
fn a_fall_into_critical_fails_unless_a_fault_was_injected() {
    let dir = run("files_critical");
    let events = dir.join("logs/stability/longrun_events_2025-11-15T20-57-22-906000.jsonl");
    let at = |minute: u64| Utc::of(soak::wall(minute)).iso().to_string();
    let fall = format!(
        r#"{{"timestamp":"{}","event_type":"watchdog","from":"ERROR","to":"CRITICAL",{}}}"#,
        at(700),
        r#""cause":"loop_ms engine","cycle":700"#
    );
    fs::write(&events, format!("{fall}\n")).expect("written");
    let (_, judgement) = judged(&dir);
    assert_eq!(verdict_of(&judgement, "watchdog.critical"), Verdict::Fail);
    assert!(evidence_of(&judgement, "watchdog.critical").contains("loop_ms engine"));
    let phase = |cause: &str, minute: u64, phase: &str| {
        let (kind, at) = (r#""event_type":"fault""#, at(minute));
        format!("{{\"timestamp\":\"{at}\",{kind},\"cause\":\"{cause}\",\"phase\":\"{phase}\"}}\n")
    };
    for (cause, expected) in
        [("engine_stall engine", Verdict::Pass), ("feed_lag upbit", Verdict::Fail)]
    {
        let (begin, end) = (phase(cause, 690, "begin"), phase(cause, 695, "end"));
        fs::write(&events, format!("{begin}{end}{fall}\n")).expect("written");
        let (_, judgement) = judged(&dir);
        assert_eq!(judgement.verdict, expected, "{cause}: {:#?}", judgement.criteria);
        assert_eq!(judgement.provenance.faults, 1);
    }
    fs::write(&events, phase("engine_stall engine", 690, "begin") + &fall + "\n").expect("written");
    let (_, judgement) = judged(&dir);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", judgement.criteria);
    assert!(evidence_of(&judgement, "faults.ended").contains("a fault without an end"));
}

#[test]
fn a_run_that_writes_events_and_has_none_stays_open_one_that_writes_none_may_pass() {
    let dir = run("files_events");
    let events = dir.join("logs/stability/longrun_events_2025-11-15T20-57-22-906000.jsonl");
    let start = |run: &str| {
        let kind = r#""event_type":"watchdog","from":"BOOT","to":"NORMAL""#;
        let at = Utc::of(soak::wall(0)).iso();
        format!("{{\"timestamp\":\"{at}\",\"run_id\":\"{run}\",{kind}}}\n")
    };
    for (logging, of, expected) in [
        (Some(false), None, Verdict::Pass),
        (Some(true), None, Verdict::Inconclusive),
        (Some(true), Some("b2"), Verdict::Inconclusive),
        (Some(true), Some("a1"), Verdict::Pass),
    ] {
        for path in snapshots_of(&dir) {
            edit(&path, |read| read.event_logging = logging);
        }
        if let Some(of) = of {
            fs::write(&events, start(of)).expect("written");
        }
        let (_, judgement) = judged(&dir);
        assert_eq!(judgement.verdict, expected, "{logging:?} {of:?} {:#?}", judgement.criteria);
    }
}

#[test]
fn every_kind_of_fault_is_weighed_and_every_signal_it_excuses_exists() {
    for kind in KINDS {
        assert!(EXCUSES.iter().any(|excuse| excuse.fault == kind), "{kind}");
    }
    for excuse in EXCUSES {
        for signal in excuse.own.iter().chain(excuse.any) {
            assert!(NAMES.contains(signal), "{signal}");
        }
    }
}

#[test]
fn virtual_time_is_never_called_hours_of_operation() {
    let dir = run("files_virtual");
    let series = dir.join("logs/stability/series.jsonl");
    let text = fs::read_to_string(&series).expect("read");
    let marked = |text: &str| text.replace("\"virtual\":false", "\"virtual\":true");
    fs::write(&series, marked(&text)).expect("written");
    for path in snapshots_of(&dir) {
        edit(&path, |read| read.stamp.is_virtual = Some(true));
    }
    let (evidence, judgement) = judged(&dir);
    let text = render::text(&judgement, &evidence, Glyphs::Ascii);
    assert!(text.contains("24.0 h on a virtual clock: no hours of operation"), "{text}");
    assert!(
        text.contains("synthetic (the built-in market, or a local exchange)") && text.is_ascii(),
        "{text}"
    );
    let verdict = text.lines().next().expect("a line");
    assert!(verdict.ends_with("(virtual time, synthetic, 24.0 h)"), "{verdict}");
    let json: serde_json::Value =
        serde_json::from_str(&render::json(&judgement, &evidence).expect("json")).expect("json");
    assert_eq!(json["synthetic"], true);
    assert_eq!(json["clock"], "virtual");
}

#[test]
fn the_object_has_the_keys_of_the_specification_and_the_text_both_plots() {
    let dir = run("files_render");
    let (evidence, judgement) = judged(&dir);
    let json: serde_json::Value =
        serde_json::from_str(&render::json(&judgement, &evidence).expect("json")).expect("json");
    for key in ["snapshots", "series_minutes", "span_hours", "run_ids", "synthetic"] {
        assert!(!json[key].is_null(), "{key}");
    }
    assert_eq!(json["verdict"], "PASS");
    for key in ["name", "verdict", "evidence", "limit"] {
        assert!(json["criteria"][0][key].is_string(), "{key}");
    }
    let text = render::text(&judgement, &evidence, Glyphs::Blocks);
    for part in ["memory, MB", "loop latency P95, ms", "first hour", "last interval", "whole run"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (first, last) = (text.lines().next(), text.lines().last());
    assert!(first == last && first.is_some_and(|line| line.starts_with("PASS: ")), "{text}");
    assert!(text.contains('\u{2588}'), "{text}");
}

#[test]
fn the_list_speaks_as_the_scripts_of_the_source_did() {
    let (dir, _) = source("files_list");
    let (evidence, _) = judged(&dir);
    let list = render::list(&evidence, 2);
    let last = list.lines().last().expect("a line");
    assert!(last.starts_with("Loop 4321: CPU=1") && last.ends_with("MB, Stable=True"), "{list}");
    assert_eq!(list.lines().count(), 2);
}

#[test]
fn a_folder_without_evidence_is_an_error() {
    assert!(matches!(load(&folder("files_none")), Err(LoadError::Empty(_))));
    assert!(matches!(load(Path::new("no/such/folder")), Err(LoadError::Folder { .. })));
}
