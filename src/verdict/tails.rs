//! How long things took: over the whole run, at its beginning and in its last interval. Pure;
//! bounded by the number of runs, of distributions and of buckets of a histogram.

use std::collections::BTreeMap;

use crate::types::evidence::Interval;
use crate::types::evidence::Minute;
use crate::types::evidence::Snapshot;
use crate::types::evidence::Stamp;
use crate::types::time::NS_PER_SEC;

const HOUR_NS: u64 = 3_600 * NS_PER_SEC;
/// From this length on the first hour is the beginning; of a shorter run it is the first third.
const HOUR_COUNTS_NS: u64 = 2 * HOUR_NS;
/// Most buckets of one distribution that are kept; a log-linear histogram of two digits over
/// eleven decades has about 3,000.
const MOST_BUCKETS: usize = 20_000;
/// Most distributions.
const MOST_NAMES: usize = 16;
/// Most runs; what further ones took is not told.
const MOST_RUNS: usize = 64;
/// Most pieces of a beginning: a minute each.
const MOST_EARLY: usize = 120;

type Buckets = BTreeMap<u64, u64>;
type Times = BTreeMap<String, Buckets>;

/// Distributions of times, by run.
#[derive(Clone, Debug, Default)]
pub struct Tails {
    runs: BTreeMap<String, RunTimes>,
}

/// Which part of a run is compared with its last interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beginning {
    /// Of a run of two hours or more.
    FirstHour,
    /// Of a shorter run.
    FirstThird,
}

impl Beginning {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Beginning::FirstHour => "first hour",
            Beginning::FirstThird => "first third",
        }
    }
}

/// One distribution: over all, then and at the end. `count` 0 where there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tail {
    /// What was timed.
    pub name: String,
    /// Everything that is judged.
    pub whole: Interval,
    /// The beginning of the first run.
    pub first: Interval,
    /// The interval of the newest snapshot.
    pub last: Interval,
}

/// An interval on exit shorter than this part of the one before is no interval to compare.
const SCRAP: u64 = 10;

/// All distributions, and what is compared with what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// What `first` is.
    pub beginning: Beginning,
    /// Length of `first`, ns.
    pub first_ns: u64,
    /// Length of `last`, ns; 0 if unknown.
    pub last_ns: u64,
    /// Snapshots or minutes before the oldest one that is left: no part of `whole`.
    pub gone: u64,
    /// By name.
    pub tails: Vec<Tail>,
}

impl Tails {
    /// Takes in a minute.
    pub fn on_minute(&mut self, read: &Minute) {
        if let Some((run, mono)) = self.run(&read.stamp) {
            run.minutes.add((mono, read.stamp.seq), &read.intervals);
        }
    }
    /// Takes in a snapshot.
    pub fn on_snapshot(&mut self, read: &Snapshot) {
        let Some((run, mono)) = self.run(&read.stamp) else { return };
        let before = run.snapshots.end.filter(|end| *end < mono);
        run.snapshots.add((mono, read.stamp.seq), &read.intervals);
        let length = before.map_or(0, |before| mono - before);
        // The checkpoint on exit may follow the one before at once: that one's interval tells more.
        let is_scrap = read.is_final == Some(true) && length < run.last_ns / SCRAP;
        if run.snapshots.end == Some(mono) && !read.intervals.is_empty() && !is_scrap {
            run.last.clone_from(&read.intervals);
            run.last_ns = length;
        }
    }
    fn run(&mut self, stamp: &Stamp) -> Option<(&mut RunTimes, u64)> {
        let name = stamp.run_id.clone().unwrap_or_default();
        let known = self.runs.len() < MOST_RUNS || self.runs.contains_key(&name);
        let mono = stamp.mono_ns.filter(|_| known)?;
        Some((self.runs.entry(name).or_default(), mono))
    }
    /// The runs of these names, in the order of time; `None` if they timed nothing.
    pub fn compared(&self, runs: &[String]) -> Option<Compared> {
        let runs: Vec<&RunTimes> = runs.iter().filter_map(|name| self.runs.get(name)).collect();
        let (first, last) = (runs.first()?, runs.last()?);
        let mut whole = Times::new();
        let mut gone = 0u64;
        for run in &runs {
            gone = gone.saturating_add(run.fuller().gone());
            merge(&mut whole, &run.fuller().whole);
        }
        let length = first.length();
        let (beginning, first_ns) = match length >= HOUR_COUNTS_NS {
            true => (Beginning::FirstHour, HOUR_NS),
            false => (Beginning::FirstThird, length / 3),
        };
        let early = first.early(first_ns);
        let names = whole.keys().chain(last.last.keys().filter(|name| !whole.contains_key(*name)));
        let of = |times: &Times, name: &String| times.get(name).map(summary).unwrap_or_default();
        let tail = |name: &String| Tail {
            name: name.clone(),
            whole: of(&whole, name),
            first: of(&early, name),
            last: last.last.get(name).cloned().unwrap_or_default(),
        };
        let tails: Vec<Tail> = names.map(tail).filter(|tail| tail.samples() > 0).collect();
        let found = Compared { beginning, first_ns, last_ns: last.last_ns, gone, tails };
        (!found.tails.is_empty()).then_some(found)
    }
}

impl Tail {
    fn samples(&self) -> u64 {
        self.whole.count.max(self.last.count)
    }
}

/// What one run took.
#[derive(Clone, Debug, Default)]
struct RunTimes {
    minutes: Track,
    snapshots: Track,
    last: BTreeMap<String, Interval>,
    last_ns: u64,
}

impl RunTimes {
    /// Minutes and snapshots time the same work; either may have lost files.
    fn fuller(&self) -> &Track {
        // Buckets of minutes are wider.
        if self.minutes.samples() > self.snapshots.samples() {
            &self.minutes
        } else {
            &self.snapshots
        }
    }
    fn length(&self) -> u64 {
        let start = [self.minutes.start, self.snapshots.start].into_iter().flatten().min();
        let end = self.minutes.end.max(self.snapshots.end);
        end.zip(start).map_or(0, |(end, start)| end.saturating_sub(start))
    }
    /// The pieces that end within so much time of the first one; at least that one.
    fn early(&self, within_ns: u64) -> Times {
        let track = if self.minutes.early.is_empty() { &self.snapshots } else { &self.minutes };
        let start = track.start.unwrap_or_default();
        let mut early = Times::new();
        for (at, times) in &track.early {
            if *at == start || at.saturating_sub(start) < within_ns {
                merge(&mut early, times);
            }
        }
        early
    }
}

/// Pieces of a run in the order of time.
#[derive(Clone, Debug, Default)]
struct Track {
    first_seq: Option<u64>,
    start: Option<u64>,
    end: Option<u64>,
    early: Vec<(u64, Times)>,
    whole: Times,
}

impl Track {
    fn add(&mut self, (mono, seq): (u64, Option<u64>), intervals: &BTreeMap<String, Interval>) {
        self.first_seq = [self.first_seq, seq].into_iter().flatten().min();
        let named = intervals.iter().filter(|(_, interval)| !interval.buckets.is_empty());
        let piece: Times =
            named.take(MOST_NAMES).map(|(name, i)| (name.clone(), buckets(i))).collect();
        self.start = Some(self.start.map_or(mono, |start| start.min(mono)));
        self.end = self.end.max(Some(mono));
        merge(&mut self.whole, &piece);
        if self.early.len() < MOST_EARLY && !piece.is_empty() {
            self.early.push((mono, piece));
        }
    }
    /// Pieces are numbered from 1: so many came before the first that is left.
    fn gone(&self) -> u64 {
        self.first_seq.map_or(0, |first| first.saturating_sub(1))
    }
    fn samples(&self) -> u64 {
        let counts = self.whole.values().flat_map(BTreeMap::values);
        counts.fold(0, |sum, count| sum.saturating_add(*count))
    }
}

fn buckets(interval: &Interval) -> Buckets {
    let mut found = Buckets::new();
    for (bound, count) in interval.buckets.iter().take(MOST_BUCKETS) {
        let held = found.entry(*bound).or_default();
        *held = held.saturating_add(*count);
    }
    found
}

fn merge(into: &mut Times, from: &Times) {
    for (name, buckets) in from {
        if into.len() == MOST_NAMES && !into.contains_key(name) {
            continue;
        }
        let merged = into.entry(name.clone()).or_default();
        for (bound, count) in buckets {
            if merged.len() < MOST_BUCKETS || merged.contains_key(bound) {
                let held = merged.entry(*bound).or_default();
                *held = held.saturating_add(*count);
            }
        }
    }
}

/// Quantiles by nearest rank over buckets; all 0 without samples.
fn summary(buckets: &Buckets) -> Interval {
    let count: u64 = buckets.values().fold(0, |sum, n| sum.saturating_add(*n));
    let full = buckets.iter().rev().find(|(_, n)| **n > 0);
    let max = full.map_or(0, |(bound, _)| *bound);
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
    Interval { count, p50, p95, p99, p999, max, buckets: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals(buckets: &[(u64, u64)]) -> BTreeMap<String, Interval> {
        let count = buckets.iter().map(|(_, n)| n).sum();
        let max = buckets.last().map_or(0, |(bound, _)| *bound);
        let interval = Interval { count, max, buckets: buckets.to_vec(), ..Interval::default() };
        [("loop".to_string(), interval)].into()
    }

    fn stamp(run: &str, minute: u64) -> Stamp {
        let mono_ns = Some(minute * 60 * NS_PER_SEC);
        Stamp { run_id: Some(run.into()), mono_ns, ..Stamp::default() }
    }

    fn minute(run: &str, at_min: u64, buckets: &[(u64, u64)]) -> Minute {
        let intervals = intervals(buckets);
        Minute { stamp: stamp(run, at_min), intervals, ..Minute::default() }
    }

    fn snapshot(run: &str, at_min: u64, buckets: &[(u64, u64)]) -> Snapshot {
        let intervals = intervals(buckets);
        Snapshot { stamp: stamp(run, at_min), intervals, ..Snapshot::default() }
    }

    fn named(runs: &[&str]) -> Vec<String> {
        runs.iter().map(|run| (*run).to_string()).collect()
    }

    #[test]
    fn the_first_hour_stands_beside_the_last_interval_and_the_whole_run() {
        let mut tails = Tails::default();
        tails.on_minute(&minute("a", 1, &[(10, 990)]));
        tails.on_minute(&minute("a", 60, &[(10, 8), (500, 2)]));
        tails.on_minute(&minute("a", 61, &[(9_000, 1_000)]));
        tails.on_minute(&minute("a", 121, &[(10, 1)]));
        tails.on_snapshot(&snapshot("a", 100, &[(9, 1)]));
        tails.on_snapshot(&snapshot("a", 121, &[(7, 1)]));
        let found = tails.compared(&named(&["a"])).unwrap();
        assert_eq!((found.beginning, found.first_ns), (Beginning::FirstHour, HOUR_NS));
        assert_eq!(found.last_ns, 21 * 60 * NS_PER_SEC);
        let Tail { whole, first, last, .. } = &found.tails[0];
        assert_eq!((first.count, first.p50, first.p99, first.p999), (1_000, 10, 10, 500));
        assert_eq!((whole.count, whole.p50, whole.p99, whole.max), (2_001, 500, 9_000, 9_000));
        assert_eq!((last.count, last.max), (1, 7));
    }

    #[test]
    fn of_a_run_below_two_hours_the_first_third_is_taken() {
        let mut tails = Tails::default();
        for at in 0..=30 {
            tails.on_minute(&minute("a", at, &[(at + 1, 1)]));
        }
        tails.on_snapshot(&snapshot("a", 30, &[(31, 5)]));
        let found = tails.compared(&named(&["a"])).unwrap();
        assert_eq!(found.beginning, Beginning::FirstThird);
        assert_eq!((found.tails[0].first.count, found.tails[0].first.max), (10, 10));
    }

    #[test]
    fn runs_that_are_not_judged_are_not_summed() {
        let mut tails = Tails::default();
        tails.on_minute(&minute("a", 0, &[(10, 5)]));
        tails.on_minute(&minute("other", 0, &[(9_000, 1_000)]));
        tails.on_minute(&minute("b", 0, &[(20, 5)]));
        let found = tails.compared(&named(&["a", "b"])).unwrap();
        assert_eq!((found.tails[0].whole.count, found.tails[0].whole.max), (10, 20));
        assert_eq!(tails.compared(&named(&["none"])), None);
    }

    #[test]
    fn what_came_before_the_oldest_that_is_left_is_told() {
        let mut tails = Tails::default();
        for at in 5..9 {
            let mut read = snapshot("a", at, &[(at, 1)]);
            read.stamp.seq = Some(at);
            tails.on_snapshot(&read);
        }
        assert_eq!(tails.compared(&named(&["a"])).unwrap().gone, 4);
        for at in 1..9 {
            let mut read = minute("a", at, &[(at, 1)]);
            read.stamp.seq = Some(at);
            tails.on_minute(&read);
        }
        assert_eq!(tails.compared(&named(&["a"])).unwrap().gone, 0, "the minutes have it all");
    }

    #[test]
    fn without_minutes_the_snapshots_tell_how_long_it_took() {
        let mut tails = Tails::default();
        for at in 0..4 {
            tails.on_snapshot(&snapshot("a", at, &[(at + 1, 1)]));
        }
        let found = tails.compared(&named(&["a"])).unwrap();
        let tail = &found.tails[0];
        assert_eq!((tail.whole.count, tail.first.count, tail.last.max), (4, 1, 4));
    }
}
