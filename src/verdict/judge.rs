//! Evidence into a verdict: every criterion with its answer, evidence and limit. Pure.

use crate::verdict::bands;
use crate::verdict::bands::Coverage;
use crate::verdict::criterion::Criterion;
use crate::verdict::criterion::LEAST_SAMPLES;
use crate::verdict::criterion::Verdict;
use crate::verdict::criterion::nearly_all;
use crate::verdict::criterion::percent;
use crate::verdict::criterion::share;
use crate::verdict::drift;
use crate::verdict::ledger::Balance;
use crate::verdict::ledger::Ledger;
use crate::verdict::load::Evidence;
use crate::verdict::problem::Kind;
use crate::verdict::sample::Sample;
use crate::verdict::sample::State;
use crate::verdict::series::Run;

const DAY_H: f64 = 24.0;
/// Mode of a paper run on a local exchange, as its evidence has it.
pub const LOCAL_PAPER: &str = "paper_local";

/// Most open faults that are named.
const NAMED_FAULTS: usize = 5;

/// A judged run.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// The worst of the criteria.
    pub verdict: Verdict,
    /// One by one.
    pub criteria: Vec<Criterion>,
    /// Snapshots that were judged.
    pub snapshots: usize,
    /// Minutes that were judged.
    pub series_minutes: usize,
    /// From the first sample to the last.
    pub span_hours: f64,
    /// The runs that were judged.
    pub run_ids: Vec<String>,
    /// What the numbers come from.
    pub provenance: Provenance,
}

/// What was real. The source's own format does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Provenance {
    /// `real`, `virtual` or `unknown`.
    pub clock: &'static str,
    /// `real`, `replayed`, `synthetic` or `unknown`.
    pub market: &'static str,
    /// Injected faults in the events.
    pub faults: usize,
}

impl Provenance {
    /// True if anything in it is marked as not real.
    pub fn is_synthetic(&self) -> bool {
        self.clock == "virtual" || matches!(self.market, "replayed" | "synthetic")
    }
}

/// Judges everything that a folder holds.
pub fn judge(evidence: &Evidence) -> Judgement {
    let time = &evidence.time;
    let (samples, minutes) = track(evidence);
    let mut criteria = vec![length(evidence)];
    let is_virtual = provenance(evidence).clock == "virtual";
    if samples.len() >= LEAST_SAMPLES {
        criteria.push(coverage(evidence));
        criteria.extend(drift::criteria(samples, drift::Kind { minutes, is_virtual }));
        criteria.extend(bands::bands(samples));
        criteria.push(bands::alive(samples));
        criteria.push(bands::stable(&time.snapshots));
    }
    if !samples.is_empty() {
        criteria.push(bands::measured(samples));
    }
    criteria.extend(watchdog(evidence, samples));
    if evidence.story.faults() > 0 {
        criteria.push(faults(evidence));
    }
    criteria.extend(events(evidence));
    criteria.push(conservation(evidence));
    criteria.push(continuity(evidence));
    criteria.push(clock(evidence));
    criteria.push(readable(evidence));
    let worst = criteria.iter().map(|criterion| criterion.verdict).max();
    let runs = time.judged.iter().filter_map(|run| time.runs.get(*run as usize));
    let named = runs.map(|run| run.id.clone()).filter(|id| !id.is_empty());
    Judgement {
        verdict: worst.filter(|v| *v >= Verdict::Pass).unwrap_or(Verdict::Inconclusive),
        criteria,
        snapshots: time.snapshots.len(),
        series_minutes: time.minutes.len(),
        span_hours: span(evidence),
        run_ids: named.collect(),
        provenance: provenance(evidence),
    }
}

/// The samples that trends are read from: the minutes, or the snapshots where there are none to
/// speak of. True for minutes.
pub fn track(evidence: &Evidence) -> (&[Sample], bool) {
    let time = &evidence.time;
    let minutes = time.minutes.len() >= LEAST_SAMPLES || time.snapshots.len() < LEAST_SAMPLES;
    match minutes && !time.minutes.is_empty() {
        true => (&time.minutes, true),
        false => (&time.snapshots, false),
    }
}

fn ends(evidence: &Evidence) -> (f64, f64) {
    let all = || evidence.time.snapshots.iter().chain(&evidence.time.minutes).map(|s| s.hours);
    (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max))
}

fn span(evidence: &Evidence) -> f64 {
    let (first, last) = ends(evidence);
    (last - first).max(0.0)
}

fn provenance(evidence: &Evidence) -> Provenance {
    let time = &evidence.time;
    let runs: Vec<&Run> = time.judged.iter().filter_map(|r| time.runs.get(*r as usize)).collect();
    let mode = |names: &[&str]| {
        runs.iter().any(|run| run.mode.as_deref().is_some_and(|mode| names.contains(&mode)))
    };
    let unknown = runs.iter().any(|run| run.mode.is_none());
    let market = match () {
        () if mode(&["mock", LOCAL_PAPER]) => "synthetic",
        () if mode(&["replay"]) => "replayed",
        () if unknown || runs.is_empty() => "unknown",
        () => "real",
    };
    let clock = match () {
        () if runs.iter().any(|run| run.is_virtual) => "virtual",
        () if evidence.source_format || runs.is_empty() => "unknown",
        () => "real",
    };
    Provenance { clock, market, faults: evidence.story.faults() }
}

fn length(evidence: &Evidence) -> Criterion {
    let (snapshots, minutes) = (evidence.time.snapshots.len(), evidence.time.minutes.len());
    let enough = snapshots.max(minutes) >= LEAST_SAMPLES;
    let verdict = if enough { Verdict::Pass } else { Verdict::Inconclusive };
    let left_out = match evidence.left_out {
        0 => String::new(),
        count => format!("; {count} older ones left out"),
    };
    let text =
        format!("{snapshots} snapshots, {minutes} minutes, {:.1} h{left_out}", span(evidence));
    let limit = format!("at least {LEAST_SAMPLES} snapshots or minutes to be judged at all");
    Criterion::new("length", verdict, text).limit(limit)
}

fn coverage(evidence: &Evidence) -> Criterion {
    let time = &evidence.time;
    let (first, last) = ends(evidence);
    let mut told = Vec::new();
    let mut holds = true;
    let aside = evidence.snapshot_files.saturating_sub(time.snapshots.len() + time.other_snapshots);
    let snapshots = Coverage::of(&time.snapshots, aside).filter(|c| c.present >= LEAST_SAMPLES);
    if let Some(found) = snapshots {
        holds &= found.holds();
        told.push(found.text("snapshots"));
    }
    if let Some(mut found) = Coverage::of(&time.minutes, 0).filter(|_| evidence.has_series) {
        let begin = time.minutes.first().map_or(first, |sample| sample.hours) - first;
        let end = last - time.minutes.last().map_or(last, |sample| sample.hours);
        // A snapshot may come up to a period before the first or after the last minute.
        for edge in [begin, end].map(|hours| hours / found.period_h) {
            found.longest = found.longest.max(edge);
            found.missing += (edge.round() - 1.0).max(0.0) as usize;
        }
        holds &= found.holds();
        told.push(found.text("minutes"));
    }
    let limit = "at least 99 %, no pause longer than 3 periods";
    let verdict = if told.is_empty() { Verdict::Inconclusive } else { Verdict::pass_if(holds) };
    let text = if told.is_empty() { "too few to tell".to_string() } else { told.join("; ") };
    Criterion::new("coverage", verdict, text).limit(limit)
}

fn watchdog(evidence: &Evidence, samples: &[Sample]) -> Vec<Criterion> {
    if evidence.source_format {
        return vec![unknown_states(), healthy(&evidence.time.snapshots)];
    }
    let all = || evidence.time.snapshots.iter().chain(&evidence.time.minutes);
    let told = evidence.story.events > 0 || all().any(|sample| sample.state.is_some());
    if !told && all().next().is_some() {
        let text = "no event and no state was recorded".to_string();
        return vec![Criterion::new("watchdog.critical", Verdict::Fail, text).limit("none")];
    }
    vec![critical(evidence), errors(evidence), warn_duty(samples)]
}

fn unknown_states() -> Criterion {
    let text = "not applicable: the format carries no watchdog state".to_string();
    Criterion::new("watchdog.critical", Verdict::NotApplicable, text).limit("none")
}

fn healthy(snapshots: &[Sample]) -> Criterion {
    let told: Vec<bool> = snapshots.iter().filter_map(|sample| sample.healthy).collect();
    let good = told.iter().filter(|healthy| **healthy).count();
    let text =
        format!("{good} of {} snapshots ({})", snapshots.len(), percent(good, snapshots.len()));
    let verdict = match snapshots.len() < LEAST_SAMPLES {
        true => Verdict::Inconclusive,
        false => Verdict::pass_if(nearly_all(good, snapshots.len())),
    };
    Criterion::new("watchdog.healthy", verdict, text).limit("at least 99 %")
}

fn critical(evidence: &Evidence) -> Criterion {
    let story = &evidence.story;
    let all = evidence.time.snapshots.iter().chain(&evidence.time.minutes);
    let seen = all.filter(|s| s.state == Some(State::Critical) && !s.is_aside()).count();
    let falls: Vec<_> = story.unexplained(State::Critical).collect();
    let injected = story.all(State::Critical) - falls.len();
    let first = falls.first().map_or(String::new(), |fall| format!(", first by {}", fall.cause));
    let verdict = Verdict::pass_if(falls.is_empty() && seen == 0);
    let text = format!(
        "{} transitions{first}, {seen} samples in that state; {injected} by injected faults",
        falls.len()
    );
    Criterion::new("watchdog.critical", verdict, text).limit("none but by injected faults")
}

fn errors(evidence: &Evidence) -> Criterion {
    let falls: Vec<_> = evidence.story.unexplained(State::Error).collect();
    let entered = |samples: &[Sample]| {
        let bad = |s: &Sample| s.state == Some(State::Error) && !s.is_aside();
        samples.windows(2).filter(|pair| bad(&pair[1]) && !bad(&pair[0])).count()
            + samples.first().map_or(0, |first| usize::from(bad(first)))
    };
    let seen = entered(&evidence.time.minutes).max(entered(&evidence.time.snapshots));
    let episodes = falls.len().max(seen);
    // A started day may have one.
    let allowed = ((span(evidence) / DAY_H).ceil() as usize).max(1);
    let first = falls.first().map_or(String::new(), |fall| format!(", first by {}", fall.cause));
    let text = format!("{episodes} episodes outside injected faults{first}");
    let verdict = Verdict::pass_if(episodes <= allowed && evidence.story.untold() == 0);
    Criterion::new("watchdog.errors", verdict, text).limit(format!("at most {allowed}, one a day"))
}

fn warn_duty(samples: &[Sample]) -> Criterion {
    let usable = samples.iter().filter(|sample| !sample.is_aside());
    let states: Vec<State> = usable.filter_map(|sample| sample.state).collect();
    let warn = states.iter().filter(|state| **state == State::Warn).count();
    let text = format!("{} of {} samples in WARN", warn, states.len());
    let verdict = share(states.len() - warn, states.len());
    Criterion::new("watchdog.warn_duty", verdict, text).limit("at most 1 %")
}

/// A fault that began and never ended: how much it explains nobody can tell.
fn faults(evidence: &Evidence) -> Criterion {
    let mut open: Vec<&str> = evidence.story.open().collect();
    let (all, count) = (evidence.story.faults(), open.len());
    open.truncate(NAMED_FAULTS);
    let verdict = if count == 0 { Verdict::Pass } else { Verdict::Inconclusive };
    let text = match count {
        0 => format!("{all} injected, each with its end"),
        _ => format!("{count} of {all} injected: a fault without an end: {}", open.join(", ")),
    };
    Criterion::new("faults.ended", verdict, text).limit("each one that is told to begin, ends")
}

/// A run that writes events has at least that of its start; `None` where no run does.
fn events(evidence: &Evidence) -> Option<Criterion> {
    let judged = evidence.time.judged.iter().filter_map(|r| evidence.time.runs.get(*r as usize));
    let told: Vec<&Run> = judged.filter(|run| evidence.told.contains(&run.id)).collect();
    let silent = told.iter().filter(|run| !evidence.story.knows(&run.id)).count();
    let verdict = if silent == 0 { Verdict::Pass } else { Verdict::Inconclusive };
    let text = match silent {
        0 => format!("{} events", evidence.story.events),
        _ => format!("no event of {silent} of {} runs: their files are gone", told.len()),
    };
    let limit = "at least the start of each run whose snapshots say that events are written";
    (!told.is_empty()).then(|| Criterion::new("events.present", verdict, text).limit(limit))
}

fn conservation(evidence: &Evidence) -> Criterion {
    let time = &evidence.time;
    let name = "conservation";
    let limit = "every identity exact, no counter falls, nothing unmeasured";
    if evidence.source_format {
        let text = "not applicable: the format carries no counters to balance".to_string();
        return Criterion::new(name, Verdict::NotApplicable, text).limit(limit);
    }
    let runs = time.judged.iter().filter_map(|run| time.runs.get(*run as usize));
    let ledgers = runs.filter_map(|run| evidence.ledgers.get(&run.id));
    let balances: Vec<Balance> = ledgers.map(Ledger::balance).collect();
    let list = |of: fn(&Balance) -> &[String]| -> Vec<&str> {
        balances.iter().flat_map(of).map(String::as_str).take(5).collect()
    };
    let broken = list(|balance| &balance.broken);
    let unmeasured = list(|balance| &balance.unmeasured);
    let in_flight = list(|balance| &balance.in_flight);
    let held: usize = balances.iter().map(|balance| balance.held).sum();
    let (verdict, text) = match () {
        () if !broken.is_empty() => (Verdict::Fail, broken.join("; ")),
        () if balances.is_empty() => (Verdict::Inconclusive, "no snapshot to balance".into()),
        () if !unmeasured.is_empty() => {
            (Verdict::Fail, format!("not measured: {}", unmeasured.join(", ")))
        }
        () if !in_flight.is_empty() => {
            let text = format!("in flight at the last snapshot: {}", in_flight.join("; "));
            (Verdict::Inconclusive, text)
        }
        () => (Verdict::Pass, format!("{held} identities hold")),
    };
    Criterion::new(name, verdict, text).limit(limit)
}

fn continuity(evidence: &Evidence) -> Criterion {
    let time = &evidence.time;
    let judged: Vec<&Run> = time.judged.iter().filter_map(|r| time.runs.get(*r as usize)).collect();
    let ended = |run: &&Run| evidence.ledgers.get(&run.id).is_some_and(Ledger::ended);
    let earlier = judged.split_last().map_or(&[][..], |(_, earlier)| earlier);
    let broken_off = earlier.iter().filter(|run| !ended(run)).count();
    let mut told = Vec::new();
    if evidence.problems.of(Kind::MixedRun) > 0 {
        told.push(format!("of other runs, {}", evidence.problems.sentence(&[Kind::MixedRun])));
    }
    if broken_off > 0 {
        told.push(format!("{broken_off} runs ended without their checkpoint on exit"));
    }
    if judged.iter().any(|run| run.reloaded) {
        told.push("the configuration changed during a run".to_string());
    }
    let verdict = if told.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    let open = if judged.last().is_some_and(ended) { "" } else { ", not ended" };
    if told.is_empty() {
        let open = if evidence.source_format { "" } else { open };
        told.push(match judged.len() {
            0 => "no run".to_string(),
            1 => format!("one run{open}"),
            count => format!("{count} runs, each judged by itself{open}"),
        });
    }
    let limit = "one run, or runs that continue it after a clean end";
    Criterion::new("run.continuity", verdict, told.join("; ")).limit(limit)
}

fn clock(evidence: &Evidence) -> Criterion {
    let jumps = evidence.problems.of(Kind::ClockJump);
    let verdict = if jumps == 0 { Verdict::Pass } else { Verdict::Inconclusive };
    let text = match jumps {
        0 => "no jump".to_string(),
        _ => evidence.problems.sentence(&[Kind::ClockJump]),
    };
    Criterion::new("clock", verdict, text).limit("no jump of the wall clock")
}

fn readable(evidence: &Evidence) -> Criterion {
    let kinds = [Kind::Cut, Kind::Foreign, Kind::Unreadable];
    let bad: u64 = kinds.iter().map(|kind| evidence.problems.of(*kind)).sum();
    let verdict = if bad == 0 { Verdict::Pass } else { Verdict::Inconclusive };
    let mut text = match bad {
        0 => {
            format!("all {} files and lines", evidence.snapshot_files + evidence.time.minutes.len())
        }
        _ => evidence.problems.sentence(&kinds),
    };
    if evidence.torn_tails > 0 {
        text += &format!("; {} torn last lines, as a kill leaves them", evidence.torn_tails);
    }
    Criterion::new("files.readable", verdict, text).limit("every snapshot and line")
}
