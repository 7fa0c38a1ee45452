//! The slowest times of the first hour beside those of the last interval. Pure; bounded by the
//! number of buckets of a histogram.

use std::collections::BTreeMap;

use crate::types::evidence::Interval;
use crate::types::evidence::Minute;
use crate::types::evidence::Snapshot;
use crate::types::time::NS_PER_SEC;

const HOUR_NS: u64 = 3_600 * NS_PER_SEC;
/// Most buckets of one distribution that are kept; a log-linear histogram of two digits over
/// eleven decades has about 3,000.
const MOST_BUCKETS: usize = 20_000;
/// Most distributions.
const MOST_NAMES: usize = 16;

/// Distributions of times by name.
#[derive(Clone, Debug, Default)]
pub struct Tails {
    run: Option<(Option<String>, u64)>,
    first: BTreeMap<String, BTreeMap<u64, u64>>,
    last: BTreeMap<String, Interval>,
    last_ns: u64,
}

/// One distribution, then and at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tail {
    /// What was timed.
    pub name: String,
    /// The first hour; `None` if the series carries no buckets.
    pub first: Option<Interval>,
    /// The interval of the newest snapshot.
    pub last: Interval,
}

impl Tails {
    /// Takes in a minute: only those of the first hour of the first run count.
    pub fn on_minute(&mut self, read: &Minute) {
        let Some(mono) = read.stamp.mono_ns else { return };
        let (run, start) = self.run.get_or_insert_with(|| (read.stamp.run_id.clone(), mono));
        if *run != read.stamp.run_id || mono.saturating_sub(*start) >= HOUR_NS {
            return;
        }
        for (name, interval) in read.intervals.iter().take(MOST_NAMES) {
            let merged = self.first.entry(name.clone()).or_default();
            for (bound, count) in &interval.buckets {
                if merged.len() < MOST_BUCKETS || merged.contains_key(bound) {
                    let held = merged.entry(*bound).or_default();
                    *held = held.saturating_add(*count);
                }
            }
        }
    }
    /// Takes in a snapshot; the newest one counts.
    pub fn on_snapshot(&mut self, read: &Snapshot, wall_ns: u64) {
        if wall_ns >= self.last_ns && !read.intervals.is_empty() {
            self.last_ns = wall_ns;
            self.last.clone_from(&read.intervals);
        }
    }
    /// Side by side, by name.
    pub fn compared(&self) -> Vec<Tail> {
        let full = self.last.iter().filter(|(_, last)| last.count > 0);
        let tail = |(name, last): (&String, &Interval)| {
            let first = self.first.get(name).and_then(summary);
            Tail { name: name.clone(), first, last: last.clone() }
        };
        full.map(tail).collect()
    }
}

/// Quantiles by nearest rank over buckets; `None` without samples.
fn summary(buckets: &BTreeMap<u64, u64>) -> Option<Interval> {
    let count: u64 = buckets.values().fold(0, |sum, n| sum.saturating_add(*n));
    let max = buckets.iter().rev().find(|(_, n)| **n > 0).map(|(bound, _)| *bound)?;
    let at = |per_mille: u128| {
        let rank = (u128::from(count) * per_mille).div_ceil(1_000);
        let mut seen = 0u128;
        let reached = buckets.iter().find(|(_, n)| {
            seen += u128::from(**n);
            seen >= rank
        });
        reached.map_or(max, |(bound, _)| *bound)
    };
    let (p50, p95, p99, p999) = (at(500), at(950), at(990), at(999));
    Some(Interval { count, p50, p95, p99, p999, max, buckets: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(at_min: u64, buckets: Vec<(u64, u64)>) -> Minute {
        let mut read = Minute::default();
        read.stamp.mono_ns = Some(at_min * 60 * NS_PER_SEC);
        read.intervals.insert("loop".into(), Interval { buckets, ..Interval::default() });
        read
    }

    #[test]
    fn the_first_hour_is_summed_and_the_rest_is_not() {
        let mut tails = Tails::default();
        tails.on_minute(&minute(1, vec![(10, 990)]));
        tails.on_minute(&minute(60, vec![(10, 8), (500, 2)]));
        tails.on_minute(&minute(61, vec![(9_000, 1_000)]));
        let mut last = Snapshot::default();
        last.intervals.insert("loop".into(), Interval { count: 1, max: 7, ..Interval::default() });
        tails.on_snapshot(&last, 5);
        tails.on_snapshot(&Snapshot::default(), 9);
        let compared = tails.compared();
        let first = compared[0].first.as_ref().unwrap();
        assert_eq!(
            (first.count, first.p50, first.p99, first.p999, first.max),
            (1_000, 10, 10, 500, 500)
        );
        assert_eq!(compared[0].last.max, 7);
    }
}
