//! A judgement as text for a terminal, as one JSON object, and the list of snapshots. Pure.

use std::fmt::Write;

use serde::Serialize;

use crate::stats::slope::Point;
use crate::verdict::criterion::Criterion;
use crate::verdict::criterion::Verdict;
use crate::verdict::judge;
use crate::verdict::judge::Judgement;
use crate::verdict::judge::Provenance;
use crate::verdict::load::Evidence;
use crate::verdict::plot;
use crate::verdict::plot::Glyphs;
use crate::verdict::problem::Problem;
use crate::verdict::sample::Gauge;
use crate::verdict::sample::Sample;

/// Problems that the text lists; `--json` has more.
const PROBLEMS_SHOWN: usize = 10;

/// The object of `--json` (`PRODUCT.md` 12), and what else a program may want to know.
#[derive(Serialize)]
struct Object<'j> {
    verdict: Verdict,
    criteria: &'j [Criterion],
    snapshots: usize,
    series_minutes: usize,
    span_hours: f64,
    run_ids: &'j [String],
    synthetic: bool,
    clock: &'static str,
    market: &'static str,
    injected_faults: usize,
    problems: &'j [Problem],
    problem_count: u64,
}

/// One line of JSON with a line feed.
pub fn json(judgement: &Judgement, evidence: &Evidence) -> serde_json::Result<String> {
    let object = Object {
        verdict: judgement.verdict,
        criteria: &judgement.criteria,
        snapshots: judgement.snapshots,
        series_minutes: judgement.series_minutes,
        span_hours: (judgement.span_hours * 1e4).round() / 1e4,
        run_ids: &judgement.run_ids,
        synthetic: judgement.provenance.is_synthetic(),
        clock: judgement.provenance.clock,
        market: judgement.provenance.market,
        injected_faults: judgement.provenance.faults,
        problems: evidence.problems.listed(),
        problem_count: evidence.problems.total(),
    };
    serde_json::to_string(&object).map(|line| line + "\n")
}

/// The report for a person.
pub fn text(judgement: &Judgement, evidence: &Evidence, glyphs: Glyphs) -> String {
    let mut text = heading(judgement);
    text += &plots(evidence, glyphs);
    text += &tails(evidence);
    text += &table(&judgement.criteria);
    text += &problems(evidence);
    let _ = writeln!(text, "\n{}", judgement.verdict.word());
    match glyphs {
        Glyphs::Blocks => text,
        Glyphs::Ascii => text.replace('≤', "<=").replace('…', "..."),
    }
}

fn heading(judgement: &Judgement) -> String {
    let Provenance { clock, market, faults } = judgement.provenance;
    let hours = judgement.span_hours;
    let span = match clock {
        "virtual" => format!("{hours:.1} h on a virtual clock: no hours of operation"),
        "real" => format!("{hours:.1} h"),
        _ => format!("{hours:.1} h by the timestamps; the format does not say on which clock"),
    };
    let market = match market {
        "synthetic" => "synthetic (the built-in market)",
        "replayed" => "replayed from a recording",
        "real" => "real",
        _ => "the format does not say",
    };
    let runs = match judgement.run_ids.is_empty() {
        true => "the format does not name it".to_string(),
        false => judgement.run_ids.join(", "),
    };
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<10} {value}");
    };
    row("time", span);
    row("market", market.to_string());
    row("run", runs);
    let (snapshots, minutes) = (judgement.snapshots, judgement.series_minutes);
    row("evidence", format!("{snapshots} snapshots, {minutes} minutes"));
    if faults > 0 {
        row("faults", format!("{faults} injected; what they explain is left out of the judgement"));
    }
    text
}

fn plots(evidence: &Evidence, glyphs: Glyphs) -> String {
    let (samples, _) = judge::track(evidence);
    let mut text = String::new();
    for (gauge, title) in [(Gauge::Rss, "memory, MB"), (Gauge::LoopP95, "loop latency P95, ms")] {
        let point = |s: &Sample| Some(Point { x: s.hours, y: s.value(gauge)? });
        let points: Vec<Point> = samples.iter().filter_map(point).collect();
        let rows = plot::rows(&points, glyphs);
        if !rows.is_empty() {
            let _ = writeln!(text, "\n{title}\n{}", rows.join("\n"));
        }
    }
    text
}

fn tails(evidence: &Evidence) -> String {
    let tails = evidence.tails.compared();
    if tails.is_empty() {
        return String::new();
    }
    let ms = |ns: u64| format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000);
    let mut text = format!(
        "\n{:<18} {:<13} {:>12} {:>12} {:>12} {:>12} {:>10}\n",
        "times, ms", "", "p50", "p99", "p99.9", "max", "samples"
    );
    for tail in &tails {
        let first = tail.first.as_ref().map(|first| ("first hour", first));
        for (when, interval) in first.into_iter().chain([("last interval", &tail.last)]) {
            let [p50, p99, p999, max] =
                [interval.p50, interval.p99, interval.p999, interval.max].map(ms);
            let _ = writeln!(
                text,
                "{:<18} {when:<13} {p50:>12} {p99:>12} {p999:>12} {max:>12} {:>10}",
                tail.name, interval.count
            );
        }
    }
    text
}

fn table(criteria: &[Criterion]) -> String {
    let mut text = String::from("\n");
    for criterion in criteria {
        let Criterion { name, verdict, evidence, limit } = criterion;
        let _ = writeln!(text, "{:<14} {name:<28} {evidence}", verdict.word());
        if !limit.is_empty() && *verdict != Verdict::Pass {
            let _ = writeln!(text, "{:<14} {:<28} allowed: {limit}", "", "");
        }
    }
    text
}

fn problems(evidence: &Evidence) -> String {
    let problems = &evidence.problems;
    if problems.total() == 0 {
        return String::new();
    }
    let mut text = format!("\n{} files or lines are not judged as they stand:\n", problems.total());
    for problem in problems.listed().iter().take(PROBLEMS_SHOWN) {
        let _ = writeln!(text, "  {problem}");
    }
    let more = problems.total().saturating_sub(PROBLEMS_SHOWN as u64);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more; --json names the first 200");
    }
    text
}

/// The last `count` snapshots in the words of the source's scripts, oldest first.
pub fn list(evidence: &Evidence, count: usize) -> String {
    let snapshots = &evidence.time.snapshots;
    let mut text = String::new();
    for sample in &snapshots[snapshots.len().saturating_sub(count)..] {
        let known = |value: Option<String>| value.unwrap_or_else(|| "?".to_string());
        let cycle = known(sample.loop_count.map(|cycle| cycle.to_string()));
        let cpu = known(sample.value(Gauge::Cpu).map(|cpu| format!("{cpu:.1}")));
        let memory = known(sample.value(Gauge::Rss).map(|rss| format!("{rss:.0}")));
        let stable = match sample.stable {
            Some(true) => "True",
            Some(false) => "False",
            None => "?",
        };
        let _ = writeln!(text, "Loop {cycle}: CPU={cpu}%, Mem={memory}MB, Stable={stable}");
    }
    text
}
