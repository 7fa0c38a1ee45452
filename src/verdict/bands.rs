//! The criteria over single samples: bands, coverage, measured, alive, stable
//! (`FAULTS.md` 4.2 a, d; `PRODUCT.md` 8).

use crate::verdict::criterion::Criterion;
use crate::verdict::criterion::Verdict;
use crate::verdict::criterion::nearly_all;
use crate::verdict::criterion::percent;
use crate::verdict::criterion::share;
use crate::verdict::drift::short;
use crate::verdict::sample::GAUGES;
use crate::verdict::sample::Gauge;
use crate::verdict::sample::Reading;
use crate::verdict::sample::Sample;
use crate::verdict::sample::State;

/// The source's bands: a value below is normal (`PRODUCT.md` 6).
const BANDS: [(Gauge, f64); 4] = [
    (Gauge::Loop, 100.0),
    (Gauge::LoopP95, 200.0),
    (Gauge::WsLag, 500.0),
    (Gauge::RedisAge, 5_000.0),
];
/// Gauges that cannot stand still in a running process.
const ALIVE: [Gauge; 4] = [Gauge::Cpu, Gauge::WsLag, Gauge::Loop, Gauge::LoopP95];
/// A gauge that repeats itself this often in a row is frozen …
const FROZEN_SAMPLES: usize = 16;
/// … and for this share of the samples, as a divisor …
const FROZEN_DIVISOR: usize = 10;
/// … and, for the P95 of the last 100 cycles, over two such windows: one sample may rule it that
/// long.
const FROZEN_CYCLES: u64 = 200;
/// Longest pause between two samples, in periods.
const GAP_PERIODS: f64 = 3.0;

/// Each band over all samples outside injected faults.
pub fn bands(samples: &[Sample]) -> Vec<Criterion> {
    BANDS.iter().map(|(gauge, most)| band(*gauge, *most, samples)).collect()
}

fn band(gauge: Gauge, most: f64, samples: &[Sample]) -> Criterion {
    let value = |reading: Reading| match gauge {
        Gauge::RedisAge => reading.high,
        _ => reading.value,
    };
    let usable = samples.iter().filter(|sample| !sample.injected);
    let values: Vec<f64> = usable.filter_map(|s| s.reading(gauge).map(value)).collect();
    let inside = values.iter().filter(|value| **value < most).count();
    let verdict = match samples.iter().all(|sample| sample.injected) {
        true => Verdict::Inconclusive,
        // Never measured in what is left.
        false if values.is_empty() => Verdict::Fail,
        false => share(inside, values.len()),
    };
    let part = percent(inside, values.len());
    let unit = gauge.unit();
    let worst = |worst| format!("worst {}{unit}", short(worst));
    let worst =
        values.iter().copied().max_by(f64::total_cmp).map_or("never measured".into(), worst);
    let text = format!("{part} of {} below {most}{unit}, {worst}", values.len());
    let limit = format!("below {most} ms in at least 99 %");
    Criterion::new(format!("{}.band", gauge.name()), verdict, text).limit(limit)
}

/// What one kind of sample covers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Coverage {
    /// Samples there.
    pub present: usize,
    /// Samples that should be there and are not.
    pub missing: usize,
    /// Longest pause, in periods.
    pub longest: f64,
    /// Usual time between two, hours.
    pub period_h: f64,
}

impl Coverage {
    /// By the usual distance of the samples; files that were set aside were there as well. `None`
    /// for fewer than three.
    pub fn of(samples: &[Sample], set_aside: usize) -> Option<Coverage> {
        let mut steps: Vec<f64> = samples.windows(2).map(|p| p[1].hours - p[0].hours).collect();
        let longest_h = steps.iter().copied().fold(0.0, f64::max);
        let missed = |period: f64| {
            let lost = |step: f64| ((step / period).round() - 1.0).max(0.0) as usize;
            samples.windows(2).map(|p| lost(p[1].hours - p[0].hours)).sum::<usize>()
        };
        let period_h = crate::stats::slope::median(&mut steps).filter(|_| samples.len() > 2)?;
        if period_h <= 0.0 {
            return None;
        }
        let missing = missed(period_h).saturating_sub(set_aside);
        let present = samples.len() + set_aside;
        Some(Coverage { present, missing, longest: longest_h / period_h, period_h })
    }
    /// At least 99 % and no long pause.
    pub fn holds(&self) -> bool {
        nearly_all(self.present, self.present + self.missing) && self.longest <= GAP_PERIODS + 0.5
    }
    /// In words.
    pub fn text(&self, what: &str) -> String {
        let due = self.present + self.missing;
        let share = percent(self.present, due);
        let period = self.period_h * 3_600.0;
        let longest = self.longest;
        format!(
            "{what}: {} of {due} ({share}), one each {period:.0} s, longest pause {longest:.1}",
            self.present
        )
    }
}

/// Each gauge in at least 99 % of the samples; one that was never measured in particular.
pub fn measured(samples: &[Sample]) -> Criterion {
    let usable: Vec<&Sample> = samples.iter().filter(|sample| !sample.injected).collect();
    let missing = |gauge: &Gauge| {
        let there = usable.iter().filter(|sample| sample.reading(*gauge).is_some()).count();
        let fails = !nearly_all(there, usable.len());
        let text = format!("{} in {}", gauge.name(), percent(there, usable.len()));
        (fails || there < usable.len()).then_some((fails, text))
    };
    let found: Vec<(bool, String)> = Gauge::IN_SNAPSHOTS.iter().filter_map(missing).collect();
    let verdict = Verdict::pass_if(!usable.is_empty() && found.iter().all(|(fails, _)| !fails));
    let names: Vec<String> = found.into_iter().map(|(_, text)| text).collect();
    let text = match names.is_empty() {
        true => format!("all {} gauges in all {} samples", GAUGES - 1, usable.len()),
        false => format!("of {} samples: {}", usable.len(), names.join(", ")),
    };
    Criterion::new("gauges.measured", verdict, text).limit("each gauge in at least 99 %")
}

/// No gauge that must move stands still. Gauges that a model gives need not move.
pub fn alive(samples: &[Sample]) -> Criterion {
    let limit = "no value repeated over a tenth of the samples";
    let mut frozen = Vec::new();
    let mut unmoved = Vec::new();
    let mut modelled = Vec::new();
    for gauge in ALIVE {
        let real: Vec<&Sample> = samples.iter().filter(|s| s.modelled & gauge.bit() == 0).collect();
        if real.is_empty() && !samples.is_empty() {
            modelled.push(gauge.name());
            continue;
        }
        let stretch = longest_stretch(&real, gauge);
        let least = FROZEN_SAMPLES.max(real.len() / FROZEN_DIVISOR);
        let windows = gauge != Gauge::LoopP95 || stretch.cycles >= FROZEN_CYCLES;
        let told = || {
            format!(
                "{} stood at {} for {} samples",
                gauge.name(),
                short(stretch.value),
                stretch.samples
            )
        };
        match () {
            () if stretch.samples >= least && windows => frozen.push(told()),
            () if stretch.samples >= 2 && stretch.samples == real.len() => unmoved.push(told()),
            () => {}
        }
    }
    if frozen.iter().any(|text| text.starts_with(Gauge::Cpu.name())) && rss_is_flat(samples) {
        frozen.push("rss_mb equal to the last digit as well".into());
    }
    let verdict = match () {
        () if !frozen.is_empty() => Verdict::Fail,
        () if !unmoved.is_empty() => Verdict::Inconclusive,
        () => Verdict::Pass,
    };
    frozen.extend(unmoved);
    if !modelled.is_empty() {
        frozen.push(format!("from a model, so not judged: {}", modelled.join(", ")));
    }
    let text = if frozen.is_empty() { "all move".into() } else { frozen.join("; ") };
    Criterion::new("gauges.alive", verdict, text).limit(limit)
}

#[derive(Clone, Copy, Default)]
struct Stretch {
    samples: usize,
    cycles: u64,
    value: f64,
}

/// The longest run of one value; samples without one neither end nor lengthen it.
fn longest_stretch(samples: &[&Sample], gauge: Gauge) -> Stretch {
    let measured = samples.iter().filter_map(|s| Some((s.value(gauge)?, s.loop_count)));
    let mut longest = Stretch::default();
    let mut now = Stretch::default();
    let mut since = None;
    for (value, cycle) in measured {
        if now.samples == 0 || value.to_bits() != now.value.to_bits() {
            now = Stretch { samples: 0, cycles: 0, value };
            since = cycle;
        }
        now.samples += 1;
        // Without a count of cycles the samples must do.
        now.cycles = match (since, cycle) {
            (Some(since), Some(cycle)) => cycle.saturating_sub(since),
            _ => FROZEN_CYCLES,
        };
        if now.samples > longest.samples {
            longest = now;
        }
    }
    longest
}

fn rss_is_flat(samples: &[Sample]) -> bool {
    let all: Vec<&Sample> = samples.iter().collect();
    longest_stretch(&all, Gauge::Rss).samples == samples.len()
}

/// `is_stable` in at least 99 % of the snapshots; a snapshot without it is not stable.
pub fn stable(snapshots: &[Sample]) -> Criterion {
    let limit = "at least 99 %";
    let bad_state = |s: &Sample| s.excused && s.state.is_some_and(|state| state >= State::Error);
    let usable = snapshots.iter().filter(|sample| !sample.injected && !bad_state(sample));
    let usable: Vec<&Sample> = usable.collect();
    let good = usable.iter().filter(|sample| sample.stable == Some(true)).count();
    let text = format!("{good} of {} snapshots ({})", usable.len(), percent(good, usable.len()));
    let verdict = share(good, usable.len());
    Criterion::new("stable.rate", verdict, text).limit(limit)
}
