//! The series: gauges sampled each second, one line a minute. Pure; deadlines are absolute.

use std::collections::BTreeMap;

use arrayvec::ArrayVec;

use crate::telemetry::gauges::GAUGES;
use crate::telemetry::gauges::Gauge;
use crate::telemetry::gauges::Readings;
use crate::types::evidence::Spread;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Length of a line of the series.
pub const MINUTE: DurNs = DurNs::from_secs(60);
/// Time between two samples.
pub const SECOND: DurNs = DurNs(NS_PER_SEC);
/// Most samples of a gauge in a minute: one a second, and room for late ones.
const SAMPLES: usize = 64;

/// The minute that is being filled.
#[derive(Clone, Debug)]
pub struct MinuteBook {
    samples: [ArrayVec<f64, SAMPLES>; GAUGES],
    worst: &'static str,
    ends_at: MonoNs,
}

/// A minute that is over.
#[derive(Clone, PartialEq, Debug)]
pub struct Closed {
    /// When it ended, by its deadline.
    pub at: Now,
    /// Each gauge that was measured.
    pub gauges: BTreeMap<String, Spread>,
    /// Worst state of the watchdog.
    pub worst: &'static str,
}

impl MinuteBook {
    /// The first minute begins now.
    pub fn new(now: MonoNs) -> MinuteBook {
        MinuteBook {
            samples: std::array::from_fn(|_| ArrayVec::new()),
            worst: "",
            ends_at: now.plus(MINUTE),
        }
    }
    /// Adds a sample.
    pub fn sample(&mut self, readings: &Readings) {
        for gauge in Gauge::ALL {
            if let Some(value) = readings.get(gauge) {
                // A full minute has its samples already.
                let _ = self.samples[gauge as usize].try_push(value);
            }
        }
    }
    /// The watchdog was in this state.
    pub fn saw(&mut self, state: &'static str) {
        if badness(state) >= badness(self.worst) {
            self.worst = state;
        }
    }
    /// Closes the minute if it is over. Minutes that nobody saw have no line.
    pub fn close(&mut self, now: Now) -> Option<Closed> {
        if now.mono < self.ends_at {
            return None;
        }
        let late = now.mono.since(self.ends_at);
        let at = Now { mono: self.ends_at, wall: WallNs(now.wall.0.saturating_sub(late.0)) };
        self.ends_at = on_grid_after(self.ends_at, now.mono, MINUTE);
        let spreads = Gauge::ALL.iter().filter_map(|gauge| {
            let samples = &mut self.samples[*gauge as usize];
            let spread = spread(samples, *gauge);
            samples.clear();
            Some((gauge.name().to_owned(), spread?))
        });
        Some(Closed { at, gauges: spreads.collect(), worst: std::mem::take(&mut self.worst) })
    }
}

/// The first point of a grid behind `now`: a deadline that was missed moves no later one.
pub fn on_grid_after(point: MonoNs, now: MonoNs, step: DurNs) -> MonoNs {
    let steps = now.since(point).0 / step.0 + 1;
    point.plus(DurNs(steps.saturating_mul(step.0)))
}

/// How bad a state of the watchdog is, as the verdict sees it.
fn badness(state: &str) -> usize {
    let order = ["NORMAL", "WARN", "ERROR", "COOLDOWN", "CRITICAL"];
    order.iter().position(|known| *known == state).map_or(0, |at| at + 1)
}

/// Median and quantiles by nearest rank; `None` without samples.
fn spread(samples: &mut [f64], gauge: Gauge) -> Option<Spread> {
    samples.sort_unstable_by(f64::total_cmp);
    let at = |per_cent: usize| {
        let rank = (samples.len() * per_cent).div_ceil(100).max(1);
        samples.get(rank - 1).copied()
    };
    Some(Spread {
        median: Some(at(50)?),
        p95: at(95).filter(|_| gauge.is_lag()),
        min: samples.first().copied(),
        max: samples.last().copied(),
        count: samples.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(ns: u64) -> Now {
        Now { mono: MonoNs(ns), wall: WallNs(1_000_000_000_000 + ns) }
    }

    fn secs(secs: u64) -> u64 {
        secs * NS_PER_SEC
    }

    #[test]
    fn a_minute_has_the_ranks_of_its_samples() {
        let mut book = MinuteBook::new(MonoNs(secs(5)));
        for tick in 0..=60 {
            let mut readings = Readings::default();
            readings.set(Gauge::WsLag, Some(f64::from(tick) * 10.0));
            readings.set(Gauge::Rss, Some(60.0));
            book.sample(&readings);
        }
        assert_eq!(book.close(now(secs(65) - 1)), None);
        let closed = book.close(now(secs(65) + 7)).unwrap();
        assert_eq!(closed.at, now(secs(65)), "the deadline, not the moment of the look");
        let lag = closed.gauges["ws_lag_ms"];
        let expected = Spread {
            median: Some(300.0),
            p95: Some(570.0),
            min: Some(0.0),
            max: Some(600.0),
            count: 61,
        };
        assert_eq!(lag, expected);
        assert_eq!(closed.gauges["rss_mb"].p95, None);
        assert!(!closed.gauges.contains_key("cpu_pct"), "unmeasured, so left out");
        assert!(book.close(now(secs(125))).unwrap().gauges.is_empty(), "a new minute is empty");
    }

    #[test]
    fn minutes_do_not_drift_and_those_that_nobody_saw_have_no_line() {
        let mut book = MinuteBook::new(MonoNs(0));
        let mut ends = Vec::new();
        for look in [61, 119, 125, 400, 419, 420] {
            ends.extend(book.close(now(secs(look))).map(|closed| closed.at.mono.0 / NS_PER_SEC));
        }
        assert_eq!(ends, [60, 120, 180, 420]);
    }

    #[test]
    fn the_worst_state_of_the_minute_stays_until_its_end() {
        let mut book = MinuteBook::new(MonoNs(0));
        ["BOOT", "NORMAL", "CRITICAL", "COOLDOWN", "NORMAL"].into_iter().for_each(|s| book.saw(s));
        assert_eq!(book.close(now(secs(60))).unwrap().worst, "CRITICAL");
        book.saw("NORMAL");
        assert_eq!(book.close(now(secs(120))).unwrap().worst, "NORMAL");
    }
}
