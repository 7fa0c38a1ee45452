//! A judgement as text for a terminal, as one JSON object, and the list of snapshots. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::stats::slope::Point;
use crate::types::evidence::Interval;
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
use crate::verdict::tails::Beginning;
use crate::verdict::tails::Compared;
use crate::verdict::tails::Tail;

/// Problems that the text lists; `--json` has more.
const PROBLEMS_SHOWN: usize = 10;
/// Criteria that the line with the verdict names.
const NAMED: usize = 4;

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
    latency_ns: BTreeMap<String, Latency>,
    problems: &'j [Problem],
    problem_count: u64,
}

/// One distribution in `--json`.
#[derive(Serialize)]
struct Latency {
    /// Snapshots or minutes before the oldest one that is left: no part of `whole`.
    gone: u64,
    whole: Quantiles,
    beginning: &'static str,
    first: Quantiles,
    last: Quantiles,
}

/// Nearest rank, ns.
#[derive(Serialize)]
struct Quantiles {
    count: u64,
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl From<&Interval> for Quantiles {
    fn from(of: &Interval) -> Quantiles {
        Quantiles { count: of.count, p50: of.p50, p99: of.p99, p999: of.p999, max: of.max }
    }
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
        latency_ns: latencies(judgement, evidence),
        problems: evidence.problems.listed(),
        problem_count: evidence.problems.total(),
    };
    serde_json::to_string(&object).map(|line| line + "\n")
}

fn latencies(judgement: &Judgement, evidence: &Evidence) -> BTreeMap<String, Latency> {
    let Some(found) = evidence.tails.compared(&judgement.run_ids) else { return BTreeMap::new() };
    let beginning = found.beginning.words();
    let latency = |tail: &Tail| {
        let [whole, first, last] = [&tail.whole, &tail.first, &tail.last].map(Quantiles::from);
        (tail.name.clone(), Latency { gone: found.gone, whole, beginning, first, last })
    };
    found.tails.iter().map(latency).collect()
}

/// The report for a person. The verdict stands first and last: a reader of a long text or of a
/// mail sees it at either end.
pub fn text(judgement: &Judgement, evidence: &Evidence, glyphs: Glyphs) -> String {
    let verdict = verdict_line(judgement);
    let mut text = format!("{verdict}\n\n{}", heading(judgement));
    text += &plots(evidence, glyphs);
    text += &evidence.tails.compared(&judgement.run_ids).map_or(String::new(), |f| times(&f));
    text += &table(&judgement.criteria);
    text += &problems(evidence);
    let _ = writeln!(text, "\n{verdict}");
    match glyphs {
        Glyphs::Blocks => text,
        Glyphs::Ascii => text.replace('≤', "<=").replace('…', "...").replace('µ', "u"),
    }
}

/// The verdict, what decided it, and what kind of time and market it is about.
fn verdict_line(judgement: &Judgement) -> String {
    let verdict = judgement.verdict;
    let decisive = judgement.criteria.iter().filter(|c| c.verdict == verdict);
    let names: Vec<&str> = decisive.map(|criterion| criterion.name.as_str()).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let by = match verdict {
        Verdict::Pass => format!("{} criteria hold", names.len()),
        _ if names.is_empty() => "nothing to judge".to_string(),
        _ => format!("{}{more}", names[..names.len().min(NAMED)].join(", ")),
    };
    let Provenance { clock, market, .. } = judgement.provenance;
    let clock = if clock == "virtual" { "virtual time, " } else { "" };
    let market = if market == "unknown" { "market unknown" } else { market };
    let market = if market == "real" { "real market" } else { market };
    format!("{}: {by} ({clock}{market}, {:.1} h)", verdict.word(), judgement.span_hours)
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
        "synthetic" => {
            "synthetic (the built-in market, or a local exchange): no real prices, no real orders"
        }
        "replayed" => "replayed from a recording: no real orders",
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
            let range = plot::range(&points);
            let _ = writeln!(text, "\n{title} ({range})\n{}", rows.join("\n"));
        }
    }
    text
}

fn times(found: &Compared) -> String {
    let mut text = format!(
        "\n{:<18}{:<28}{:>12}{:>10}{:>10}{:>10}{:>10}\n",
        "times", "", "samples", "p50", "p99", "p99.9", "max"
    );
    let first = match found.beginning {
        Beginning::FirstHour => "first hour".to_string(),
        Beginning::FirstThird => format!("first third ({})", span(found.first_ns)),
    };
    let last = match found.last_ns {
        0 => "last interval".to_string(),
        length => format!("last interval ({})", span(length)),
    };
    let whole_run = match found.gone {
        0 => "whole run".to_string(),
        gone => format!("kept part ({gone} before gone)"),
    };
    for Tail { name, whole, first: early, last: late } in &found.tails {
        let mut name = name.replace('_', " ");
        for (when, of) in [(&whole_run, whole), (&first, early), (&last, late)] {
            let times = match of.count {
                0 => format!("{:>10}{:>10}{:>10}{:>10}", "-", "-", "-", "-"),
                _ => {
                    [of.p50, of.p99, of.p999, of.max].map(|ns| format!("{:>10}", time(ns))).concat()
                }
            };
            let _ = writeln!(text, "{name:<18}{when:<28}{:>12}{times}", of.count);
            name.clear();
        }
    }
    if found.beginning == Beginning::FirstThird {
        text += "the run is shorter than 2 h: its first third stands for the first hour\n";
    }
    text
}

/// A time with three digits and its unit.
fn time(ns: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let value = ns as f64 / unit as f64;
        let decimals = if value >= 100.0 { 0 } else { 1 + usize::from(value < 10.0) };
        format!("{value:.decimals$} {name}")
    };
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => scaled(1_000, "µs"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "ms"),
        _ => scaled(1_000_000_000, "s"),
    }
}

/// A length of time in hours, minutes or seconds.
fn span(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        ..7_200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

/// What decides stands first.
fn table(criteria: &[Criterion]) -> String {
    let mut text = String::from("\n");
    let mut sorted: Vec<&Criterion> = criteria.iter().collect();
    sorted.sort_by_key(|criterion| std::cmp::Reverse(criterion.verdict));
    for Criterion { name, verdict, evidence, limit } in sorted {
        let _ = writeln!(text, "{:<14} {name:<29} {evidence}", verdict.word());
        if !limit.is_empty() && *verdict > Verdict::Pass {
            let _ = writeln!(text, "{:<14} {:<29} allowed: {limit}", "", "");
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
    let mut text = String::new();
    for sample in newest(evidence, count) {
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

/// The same as one line of JSON with a line feed.
pub fn list_json(evidence: &Evidence, count: usize) -> String {
    let row = |sample: &Sample| {
        serde_json::json!({
            "file": evidence.time.files.get(sample.origin.file as usize),
            "loop_count": sample.loop_count,
            "cpu_pct": sample.value(Gauge::Cpu),
            "rss_mb": sample.value(Gauge::Rss),
            "is_stable": sample.stable,
        })
    };
    let rows: Vec<serde_json::Value> = newest(evidence, count).iter().map(row).collect();
    format!("{}\n", serde_json::json!({ "snapshots": rows }))
}

fn newest(evidence: &Evidence, count: usize) -> &[Sample] {
    let snapshots = &evidence.time.snapshots;
    &snapshots[snapshots.len().saturating_sub(count)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_and_a_unit() {
        let shown = [999, 1_000, 2_850, 43_000, 999_400, 1_250_000, 61_000_000_000].map(time);
        assert_eq!(
            shown,
            ["999 ns", "1.00 µs", "2.85 µs", "43.0 µs", "999 µs", "1.25 ms", "61.0 s"]
        );
        assert_eq!(
            [30, 600, 7_200].map(|s| span(s * 1_000_000_000)),
            ["30.0 s", "10.0 min", "2.0 h"]
        );
    }
}
