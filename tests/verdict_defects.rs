//! The verdict must be able to fail: planted defects, in the format of this program and in the
//! source's own, and the clean runs beside them.

#![allow(clippy::expect_used, reason = "evidence that cannot be had must stop the test")]

#[path = "support/soak.rs"]
mod soak;

use std::path::Path;

use arb::verdict::criterion::Verdict;
use arb::verdict::judge::Judgement;
use arb::verdict::judge::judge;
use arb::verdict::load::load;
use soak::Defect;
use soak::Soak;
use soak::folder;

const DEFECTS: [(Defect, &[&str]); 6] = [
    (Defect::Leak, &["rss_mb.trend"]),
    (Defect::Descriptors, &["open_files.trend", "open_files.baseline"]),
    (Defect::Slower, &["loop_latency_p95_ms.trend"]),
    (Defect::Frozen, &["gauges.alive"]),
    (Defect::Missing, &["coverage"]),
    (Defect::Step, &["rss_mb.step"]),
];

fn judged(dir: &Path) -> Judgement {
    judge(&load(dir).expect("evidence"))
}

fn failed(judgement: &Judgement) -> Vec<&str> {
    let bad = judgement.criteria.iter().filter(|c| c.verdict == Verdict::Fail);
    bad.map(|criterion| criterion.name.as_str()).collect()
}

fn reasons(judgement: &Judgement) -> Vec<String> {
    let bad = judgement.criteria.iter().filter(|c| c.verdict > Verdict::Pass);
    bad.map(|c| format!("{} {}: {}", c.verdict.word(), c.name, c.evidence)).collect()
}

#[test]
fn each_planted_defect_fails_by_its_name_on_three_days_in_the_format_of_the_source() {
    for (defect, names) in DEFECTS {
        let dir = folder(&format!("source_{defect:?}"));
        Soak { hours: 72, every_min: 10, seed: 11, defect }.write_source(&dir);
        let judgement = judged(&dir);
        assert_eq!(judgement.verdict, Verdict::Fail, "{defect:?}");
        for name in names {
            assert!(failed(&judgement).contains(name), "{defect:?}: {:#?}", reasons(&judgement));
        }
    }
}

#[test]
fn each_planted_defect_fails_by_its_name_on_a_day_of_minutes() {
    for (defect, names) in DEFECTS {
        let dir = folder(&format!("run_{defect:?}"));
        Soak { hours: 24, every_min: 1, seed: 12, defect }.write_run(&dir);
        let judgement = judged(&dir);
        assert_eq!(judgement.verdict, Verdict::Fail, "{defect:?}");
        for name in names {
            assert!(failed(&judgement).contains(name), "{defect:?}: {:#?}", reasons(&judgement));
        }
    }
}

#[test]
fn a_clean_run_of_this_program_passes_every_criterion() {
    let dir = folder("run_clean");
    Soak { hours: 24, every_min: 1, seed: 13, defect: Defect::None }.write_run(&dir);
    let judgement = judged(&dir);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", reasons(&judgement));
    assert_eq!((judgement.snapshots, judgement.series_minutes), (25, 1_441));
    assert_eq!(judgement.run_ids, ["a1"]);
    assert!((judgement.span_hours - 24.0).abs() < 1e-9);
    assert!(judgement.provenance.is_synthetic());
    assert!(judgement.criteria.iter().all(|c| c.verdict == Verdict::Pass));
}

#[test]
fn nineteen_of_twenty_clean_soaks_in_the_format_of_the_source_pass() {
    let mut bad = Vec::new();
    for seed in 0..20 {
        let dir = folder(&format!("source_clean_{seed}"));
        Soak { hours: 72, every_min: 10, seed, defect: Defect::None }.write_source(&dir);
        let judgement = judged(&dir);
        assert_eq!(judgement.snapshots, 433);
        if judgement.verdict != Verdict::Pass {
            bad.push((seed, reasons(&judgement)));
        }
    }
    println!("{} of 20 clean soaks do not pass", bad.len());
    assert!(bad.len() <= 1, "{bad:#?}");
}

#[test]
fn what_the_format_of_the_source_cannot_carry_is_not_applicable_and_said_so() {
    let dir = folder("source_not_applicable");
    Soak { hours: 72, every_min: 10, seed: 3, defect: Defect::None }.write_source(&dir);
    let judgement = judged(&dir);
    for name in ["conservation", "watchdog.critical", "redis_heartbeat_age_ms.trend"] {
        let criterion = judgement.criteria.iter().find(|c| c.name == name).expect(name);
        assert_eq!(criterion.verdict, Verdict::NotApplicable, "{name}");
        assert!(criterion.evidence.starts_with("not applicable: "), "{name}");
    }
    assert!(!judgement.provenance.is_synthetic());
    assert_eq!(judgement.provenance.clock, "unknown");
}

#[test]
fn ten_snapshots_are_too_few_to_be_judged_whatever_they_show() {
    for defect in [Defect::None, Defect::Leak, Defect::Frozen] {
        let dir = folder(&format!("ten_{defect:?}"));
        let soak = Soak { hours: 72, every_min: 432, seed: 5, defect };
        for path in soak.write_source(&dir).split_off(10) {
            std::fs::remove_file(path).expect("removed");
        }
        let judgement = judged(&dir);
        assert_eq!(judgement.snapshots, 10);
        assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", reasons(&judgement));
    }
}

#[test]
fn twenty_four_snapshots_over_three_days_are_enough() {
    let dir = folder("twenty_four");
    Soak { hours: 69, every_min: 180, seed: 5, defect: Defect::None }.write_source(&dir);
    let judgement = judged(&dir);
    assert_eq!(judgement.snapshots, 24);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:#?}", reasons(&judgement));
}

#[test]
fn the_zeros_of_the_previous_system_were_not_measured() {
    let dir = folder("zeros");
    let soak = Soak { hours: 72, every_min: 60, seed: 5, defect: Defect::None };
    for path in soak.write_source(&dir) {
        let text = std::fs::read_to_string(&path).expect("read");
        let zero = |line: &str| match line.trim_start().split_once(": ") {
            Some((name, value))
                if value.starts_with(|c: char| c.is_ascii_digit())
                    && !name.contains("loop_count") =>
            {
                let comma = if line.ends_with(',') { "," } else { "" };
                format!("{name}: 0{comma}")
            }
            _ => line.to_string(),
        };
        let lines: Vec<String> = text.lines().map(zero).collect();
        std::fs::write(&path, lines.join("\n")).expect("written");
    }
    let judgement = judged(&dir);
    let failed = failed(&judgement);
    assert!(failed.contains(&"gauges.measured") && failed.contains(&"gauges.alive"), "{failed:?}");
}
