//! Interval histograms of what the engine measures. A sample is in exactly one interval.

use std::collections::BTreeMap;

use crate::stats::shared::Distribution;
use crate::stats::shared::HistogramReader;
use crate::stats::shared::Latencies;
use crate::types::evidence::Interval;
use crate::types::time::DurNs;

/// Names of the distributions in snapshots and minutes.
const NAMES: [&str; 3] = ["loop", "tick_to_decision", "tick_to_order"];

/// Most buckets of a distribution in a minute: three of them make a line of a few kB, also at
/// a thousand updates a second.
const LEAN_BUCKETS: usize = 64;
/// Bits of a bucket's bound that the finest grid tells apart.
const FINEST_BITS: u32 = 8;

/// One consumer's intervals.
#[derive(Debug)]
pub struct Intervals {
    readers: [HistogramReader; NAMES.len()],
    held: [Distribution; NAMES.len()],
}

impl Intervals {
    /// The first interval begins with the run.
    pub fn new(latencies: &Latencies) -> Intervals {
        let Latencies { batch, decision, order } = latencies.clone();
        Intervals {
            readers: [batch, decision, order].map(HistogramReader::new),
            held: std::array::from_fn(|_| Distribution::empty()),
        }
    }
    /// Takes in what was recorded since; it is held until [`Intervals::clear`].
    pub fn update(&mut self) {
        for (held, reader) in self.held.iter_mut().zip(&mut self.readers) {
            held.merge(&reader.take());
        }
    }
    /// What is held.
    pub fn figures(&self) -> BTreeMap<String, Interval> {
        let figures = |(name, held): (&str, &Distribution)| (name.to_owned(), held.interval());
        NAMES.into_iter().zip(&self.held).map(figures).collect()
    }
    /// What is held, with buckets as wide as a short line needs.
    pub fn lean_figures(&self) -> BTreeMap<String, Interval> {
        let mut figures = self.figures();
        figures.values_mut().for_each(|interval| widen(&mut interval.buckets));
        figures
    }
    /// Longest batch that is held.
    pub fn longest_batch(&self) -> Option<DurNs> {
        self.held[0].max().map(DurNs)
    }
    /// The next interval begins.
    pub fn clear(&mut self) {
        self.held = std::array::from_fn(|_| Distribution::empty());
    }
}

/// Halves the resolution until few buckets are left. Those of any two minutes can still be added:
/// each bound is the largest value of its bucket on one of the nested grids.
fn widen(buckets: &mut Vec<(u64, u64)>) {
    for bits in (1..FINEST_BITS).rev() {
        if buckets.len() <= LEAN_BUCKETS {
            return;
        }
        let mut wide: Vec<(u64, u64)> = Vec::with_capacity(buckets.len());
        for (bound, count) in buckets.iter() {
            let below = (u64::BITS - bound.leading_zeros()).saturating_sub(bits);
            let bound = bound | ((1 << below) - 1);
            match wide.last_mut().filter(|(last, _)| *last == bound) {
                Some((_, held)) => *held = held.saturating_add(*count),
                None => wide.push((bound, *count)),
            }
        }
        *buckets = wide;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_few_buckets_with_every_sample_and_the_quantiles_of_all_of_them() {
        let latencies = Latencies::default();
        for ns in 0..60_000_u64 {
            latencies.batch.record_many(ns * ns / 7, 1);
        }
        let mut intervals = Intervals::new(&latencies);
        intervals.update();
        let (full, lean) = (&intervals.figures()["loop"], &intervals.lean_figures()["loop"]);
        assert!(full.buckets.len() > 1_000, "{}", full.buckets.len());
        assert!((17..=LEAN_BUCKETS).contains(&lean.buckets.len()), "{}", lean.buckets.len());
        assert!(lean.buckets.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(lean.buckets.iter().map(|(_, count)| count).sum::<u64>(), 60_000);
        let bare = |of: &Interval| Interval { buckets: Vec::new(), ..of.clone() };
        assert_eq!(bare(full), bare(lean));
        for (bound, _) in &full.buckets {
            let holds = lean.buckets.iter().find(|(wide, _)| wide >= bound);
            assert!(holds.is_some_and(|(wide, _)| *wide <= bound * 3 / 2 + 1), "{bound}");
        }
    }

    #[test]
    fn the_widest_grid_is_short_enough_for_any_times() {
        let mut buckets: Vec<(u64, u64)> = (1..=10_000).map(|n| (n * n * n * n, 1)).collect();
        buckets.push((u64::MAX, 1));
        widen(&mut buckets);
        assert!(buckets.len() <= LEAN_BUCKETS, "{}", buckets.len());
    }
}
