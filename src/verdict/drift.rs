//! The criteria of trends and steps over all gauges, with the rule for many tests at once
//! (`FAULTS.md` 4.2 b, c, e). Each run is judged by itself: a new process starts anew.

use crate::stats::holm;
use crate::stats::slope::Point;
use crate::stats::step::Step;
use crate::verdict::criterion::Criterion;
use crate::verdict::criterion::Verdict;
use crate::verdict::sample::Gauge;
use crate::verdict::sample::Reading;
use crate::verdict::sample::Sample;
use crate::verdict::trend;
use crate::verdict::trend::BLOCKS_LEAST;
use crate::verdict::trend::Blocks;
use crate::verdict::trend::Floor;
use crate::verdict::trend::Outcome;
use crate::verdict::trend::Trend;

const MEMORY: Floor = Floor::Absolute { per_hour: 0.05, effect: 3.6 };
/// Descriptors: any slope, once it makes more than the two that are allowed over 72 h.
const HANDLES: Floor = Floor::Absolute { per_hour: 0.0, effect: 2.0 };
const LATENCY: Floor = Floor::Relative { percent_per_hour: 0.25, percent: 10.0 };
/// Steps that count: memory in MB, latency as a share.
const MEMORY_STEP_MB: f64 = 2.0;
const LATENCY_STEP: f64 = 0.25;
/// Descriptors above the first block that a run may hold on to.
const HANDLES_ABOVE: f64 = 2.0;

/// A gauge whose trend is tested.
struct Tested {
    gauge: Gauge,
    floor: Floor,
    of: fn(&Reading) -> f64,
    /// What a single reading of a snapshot cannot show, if anything.
    only_minutes: Option<&'static str>,
}

const USUAL: fn(&Reading) -> f64 = |reading| reading.value;
const TESTED: [Tested; 6] = [
    Tested { gauge: Gauge::Rss, floor: MEMORY, of: USUAL, only_minutes: None },
    Tested { gauge: Gauge::Files, floor: HANDLES, of: USUAL, only_minutes: None },
    Tested { gauge: Gauge::LoopP95, floor: LATENCY, of: USUAL, only_minutes: None },
    Tested {
        gauge: Gauge::LoopP99,
        floor: LATENCY,
        of: USUAL,
        only_minutes: Some("snapshots carry no interval histogram over the whole run"),
    },
    Tested { gauge: Gauge::WsLag, floor: LATENCY, of: USUAL, only_minutes: None },
    // The age of a heartbeat is a sawtooth: its largest of a minute shows its period.
    Tested {
        gauge: Gauge::RedisAge,
        floor: LATENCY,
        of: |reading| reading.high,
        only_minutes: Some("an age read at one instant shows its phase, not a trend"),
    },
];

/// A gauge tested over all runs: the worst of them.
struct Found<'t> {
    tested: &'t Tested,
    trend: Option<(Trend, Blocks)>,
}

/// What the samples are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// Minutes of the series, not snapshots.
    pub minutes: bool,
    /// Their hours are virtual.
    pub is_virtual: bool,
}

/// Gauges that are real times also in a virtual run: over hours that are none they have no trend.
const REAL_TIMES: [Gauge; 2] = [Gauge::LoopP95, Gauge::LoopP99];

/// All criteria of this file.
pub fn criteria(samples: &[Sample], kind: Kind) -> Vec<Criterion> {
    let Kind { minutes, is_virtual } = kind;
    let mut criteria = Vec::new();
    let timed = |tested: &Tested| is_virtual && REAL_TIMES.contains(&tested.gauge);
    let applies = |tested: &&Tested| (minutes || tested.only_minutes.is_none()) && !timed(tested);
    let found: Vec<Found<'_>> = TESTED.iter().filter(applies).map(|t| test(t, samples)).collect();
    let p_values: Vec<f64> = tests(&found).map(|trend| trend.test.p_rising()).collect();
    let mut adjusted = holm::adjust(&p_values).into_iter();
    let hit = |trend: &&Trend| matches!(trend.outcome, Outcome::Marginal | Outcome::Rising);
    let alone = tests(&found).filter(hit).count() == 1;
    for found in &found {
        criteria.push(match &found.trend {
            Some((trend, blocks)) => {
                let holm = adjusted.next().unwrap_or(1.0);
                trend_criterion(found.tested, (trend, blocks), (holm, alone))
            }
            None => untested(found.tested, samples),
        });
    }
    for (tested, why) in TESTED.iter().filter_map(|t| Some((t, t.only_minutes?))) {
        if !minutes && !timed(tested) {
            let text = format!("not applicable: {why}");
            criteria.push(Criterion::new(name(tested), Verdict::NotApplicable, text));
        }
    }
    criteria.push(step_criterion(Gauge::Rss, samples));
    if is_virtual {
        let names = TESTED.iter().filter(|tested| timed(tested)).map(name);
        let step = format!("{}.step", Gauge::LoopP95.name());
        criteria.extend(names.chain([step]).map(|name| {
            let text = "not applicable: real times over virtual hours".to_string();
            Criterion::new(name, Verdict::NotApplicable, text)
        }));
    } else {
        criteria.push(step_criterion(Gauge::LoopP95, samples));
    }
    criteria.push(handles_criterion(samples));
    criteria.push(threads_criterion(samples));
    criteria
}

fn tests<'f>(found: &'f [Found<'_>]) -> impl Iterator<Item = &'f Trend> {
    found.iter().filter_map(|found| found.trend.as_ref()).map(|(trend, _)| trend)
}

fn name(tested: &Tested) -> String {
    format!("{}.trend", tested.gauge.name())
}

/// The gauge of each run as points, injected faults left out.
fn points(samples: &[Sample], gauge: Gauge, of: fn(&Reading) -> f64) -> Vec<Point> {
    let usable = samples.iter().filter(|sample| !sample.injected);
    let point = |sample: &Sample| Some(Point { x: sample.hours, y: of(&sample.reading(gauge)?) });
    usable.filter_map(point).collect()
}

fn blocks_of_runs(samples: &[Sample], gauge: Gauge, of: fn(&Reading) -> f64) -> Vec<Blocks> {
    let runs = samples.chunk_by(|a, b| a.run == b.run);
    runs.filter_map(|run| trend::blocks(&points(run, gauge, of))).collect()
}

fn test<'t>(tested: &'t Tested, samples: &[Sample]) -> Found<'t> {
    let runs = blocks_of_runs(samples, tested.gauge, tested.of);
    let trends = runs.into_iter().filter_map(|b| Some((trend::trend(&b, tested.floor)?, b)));
    let rank = |trend: &Trend| match trend.outcome {
        Outcome::Flat => 0,
        Outcome::Open => 1,
        Outcome::Marginal => 2,
        Outcome::Rising => 3,
    };
    Found { tested, trend: trends.max_by_key(|(trend, _)| rank(trend)) }
}

fn trend_criterion(
    tested: &Tested,
    (trend, blocks): (&Trend, &Blocks),
    (holm, alone): (f64, bool),
) -> Criterion {
    let verdict = match trend.outcome {
        Outcome::Flat => Verdict::Pass,
        Outcome::Open => Verdict::Inconclusive,
        Outcome::Marginal if alone => Verdict::Inconclusive,
        Outcome::Marginal | Outcome::Rising => Verdict::Fail,
    };
    let note = match trend.outcome {
        Outcome::Open => "; too noisy to say",
        Outcome::Marginal if alone => "; a single marginal hit: run again",
        _ => "",
    };
    let (slope, unit) = (&trend.slope, tested.gauge.unit());
    let text = format!(
        "{}{unit}/h (95 %: {} to {}), z {:.2}, p {:.3} (Holm {holm:.3}), {} blocks in {:.1} h \
         behind {:.1} h of warm-up{note}",
        signed(slope.value),
        signed(slope.lower),
        signed(slope.upper),
        trend.test.z,
        trend.test.p_rising(),
        blocks.points.len(),
        blocks.judged_h,
        blocks.warm_up_h,
    );
    let limit = match tested.floor {
        Floor::Absolute { per_hour, effect } => {
            format!("lower bound ≤ {per_hour}{unit}/h, or ≤ {effect}{unit} in 72 h, or z ≤ 2.326")
        }
        Floor::Relative { percent_per_hour, percent } => {
            let floor = short(trend.floor);
            let all = format!("or ≤ {percent} % in all, or z ≤ 2.326");
            let floor = format!("{floor}{unit}/h");
            format!("lower bound ≤ {percent_per_hour} %/h of the first block ({floor}), {all}")
        }
    };
    Criterion::new(name(tested), verdict, text).limit(limit)
}

/// A gauge without a trend to test: never above zero, never measured, or too short.
fn untested(tested: &Tested, samples: &[Sample]) -> Criterion {
    let runs = blocks_of_runs(samples, tested.gauge, tested.of);
    let measured = samples.iter().any(|sample| sample.reading(tested.gauge).is_some());
    let (verdict, text) = match () {
        () if !runs.is_empty() => (Verdict::Pass, "its median is zero throughout".to_string()),
        () if !measured => (Verdict::Fail, "never measured".to_string()),
        () => (Verdict::Inconclusive, too_short(samples)),
    };
    Criterion::new(name(tested), verdict, text).limit("at least 7 h behind the warm-up")
}

fn too_short(samples: &[Sample]) -> String {
    let span = samples.last().map_or(0.0, |last| last.hours);
    format!("{span:.1} h with {} samples: too little for {BLOCKS_LEAST} blocks", samples.len())
}

fn step_criterion(gauge: Gauge, samples: &[Sample]) -> Criterion {
    let name = format!("{}.step", gauge.name());
    let memory = gauge == Gauge::Rss;
    let find = if memory { trend::highest_step } else { trend::steepest_step };
    let size = |step: &Step| match memory {
        true => step.height().abs(),
        false => step.ratio().map_or(0.0, f64::abs),
    };
    let limit = match memory {
        true => format!("below {MEMORY_STEP_MB} MB"),
        false => format!("below {} %", LATENCY_STEP * 100.0),
    };
    let runs = blocks_of_runs(samples, gauge, USUAL);
    let steps = runs.iter().filter_map(|blocks| Some((find(blocks)?, blocks)));
    let largest = steps.max_by(|a, b| size(&a.0).total_cmp(&size(&b.0)));
    let Some((step, blocks)) = largest else {
        let verdict = missing_or_short(gauge, samples);
        return Criterion::new(name, verdict, too_short(samples)).limit(limit);
    };
    let most = if memory { MEMORY_STEP_MB } else { LATENCY_STEP };
    let verdict = Verdict::pass_if(size(&step) < most);
    let at = blocks.points[step.at].x;
    let unit = gauge.unit();
    let sides = format!("{} before, {}{unit} after", short(step.before), short(step.after));
    let height = signed(step.height());
    let text = format!("largest shift of the median {height}{unit} ({sides}) at {at:.1} h");
    Criterion::new(name, verdict, text).limit(limit)
}

fn missing_or_short(gauge: Gauge, samples: &[Sample]) -> Verdict {
    let measured = samples.iter().any(|sample| sample.reading(gauge).is_some());
    if measured { Verdict::Inconclusive } else { Verdict::Fail }
}

/// Descriptors that were opened for good, however slowly: by block medians, so that one that was
/// open for a moment does not count.
fn handles_criterion(samples: &[Sample]) -> Criterion {
    let name = "open_files.baseline";
    let limit = "no block more than 2 above the first";
    let runs = blocks_of_runs(samples, Gauge::Files, USUAL);
    let above = |blocks: &Blocks| {
        let first = blocks.points.first()?.y;
        let most = blocks.points.iter().map(|point| point.y).max_by(f64::total_cmp)?;
        Some((most - first, first))
    };
    let worst = runs.iter().filter_map(above).max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((above, first)) = worst else {
        let verdict = missing_or_short(Gauge::Files, samples);
        return Criterion::new(name, verdict, too_short(samples)).limit(limit);
    };
    let text = format!("highest block median {} above the first ({})", short(above), short(first));
    Criterion::new(name, Verdict::pass_if(above <= HANDLES_ABOVE), text).limit(limit)
}

/// The number of threads behind the warm-up, in each reading and within each minute.
fn threads_criterion(samples: &[Sample]) -> Criterion {
    let name = "num_threads.constant";
    let limit = "one number behind the warm-up";
    let mut told = Vec::new();
    let mut judged = 0usize;
    for run in samples.chunk_by(|a, b| a.run == b.run) {
        let all = points(run, Gauge::Threads, USUAL);
        let Some(from) = trend::blocks(&all).and_then(|b| Some(all.first()?.x + b.warm_up_h))
        else {
            continue;
        };
        let behind = run.iter().filter(|sample| sample.hours >= from && !sample.injected);
        let readings = behind.filter_map(|s| Some((s.hours, s.reading(Gauge::Threads)?)));
        let readings: Vec<(f64, Reading)> = readings.collect();
        judged += readings.len();
        let Some(base) = readings.first().map(|(_, reading)| reading.value) else { continue };
        let other = |(_, reading): &&(f64, Reading)| reading.low != base || reading.high != base;
        if let Some((at, reading)) = readings.iter().find(other) {
            let (low, high) = (short(reading.low), short(reading.high));
            told.push(format!("{} at first, {low} to {high} at {at:.1} h", short(base)));
        }
    }
    let (verdict, text) = match () {
        () if !told.is_empty() => (Verdict::Fail, told.join("; ")),
        () if judged == 0 => (missing_or_short(Gauge::Threads, samples), too_short(samples)),
        () => (Verdict::Pass, format!("the same in {judged} readings")),
    };
    Criterion::new(name, verdict, text).limit(limit)
}

/// Three significant digits, or all of a whole number.
pub fn short(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.01 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

fn signed(value: f64) -> String {
    let text = short(value);
    if value > 0.0 { format!("+{text}") } else { text }
}
