//! Distribution of edges: 1 ppm buckets over ±100,000 ppm with exact extremes. Bounded memory.

use crate::types::units::Ppm;

/// Largest edge with a bucket of its own, ppm.
const REACH: i64 = 100_000;
const BUCKETS: usize = 2 * REACH as usize + 1;
const LAST: usize = BUCKETS - 1;

/// Counts of floored edges. Edges beyond the reach share the outermost bucket; the extremes stay
/// exact. 800 KB of zero pages of which only the touched ones become resident.
#[derive(Clone, Debug)]
pub struct EdgeDistribution {
    buckets: Vec<u32>,
    count: u64,
    min: Ppm,
    max: Ppm,
}

/// What a distribution says. Quantiles by nearest rank.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EdgeSummary {
    /// Number of samples.
    pub count: u64,
    /// Smallest.
    pub min: Ppm,
    /// The smallest sample with half of the samples at or below it.
    pub p50: Ppm,
    /// The smallest sample with 95 % of the samples at or below it.
    pub p95: Ppm,
    /// Largest.
    pub max: Ppm,
}

impl EdgeDistribution {
    /// Without samples.
    pub fn new() -> EdgeDistribution {
        EdgeDistribution { buckets: vec![0; BUCKETS], count: 0, min: Ppm::MAX, max: Ppm::ZERO }
    }
    /// Adds a sample. One store into a table; no heap.
    pub fn record(&mut self, edge: Ppm) {
        let index = (edge.get().clamp(-REACH, REACH) + REACH) as usize;
        self.buckets[index] = self.buckets[index].saturating_add(1);
        self.max = if self.count == 0 { edge } else { self.max.max(edge) };
        self.min = if self.count == 0 { edge } else { self.min.min(edge) };
        self.count += 1;
    }
    /// Adds the samples of another distribution.
    pub fn merge(&mut self, other: &EdgeDistribution) {
        if other.count == 0 {
            return;
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        let first = self.count == 0;
        self.max = if first { other.max } else { self.max.max(other.max) };
        self.min = if first { other.min } else { self.min.min(other.min) };
        self.count += other.count;
    }
    /// The summary; `None` without samples. Walks the whole table: not for hot paths.
    pub fn summary(&self) -> Option<EdgeSummary> {
        if self.count == 0 {
            return None;
        }
        let (min, max) = (self.min, self.max);
        let rank = |per_cent: u64| (self.count * per_cent).div_ceil(100).max(1);
        let (p50, p95) = (self.at_rank(rank(50)), self.at_rank(rank(95)));
        Some(EdgeSummary { count: self.count, min, p50, p95, max })
    }
    fn at_rank(&self, rank: u64) -> Ppm {
        let mut seen = 0u64;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                // The outermost buckets hold what lies beyond them: their extreme is exact.
                return match index {
                    0 => self.min,
                    LAST => self.max,
                    inside => Ppm::new(inside as i64 - REACH),
                };
            }
        }
        self.max
    }
}

impl Default for EdgeDistribution {
    fn default() -> Self {
        EdgeDistribution::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_samples_by_nearest_rank() {
        let mut samples: Vec<i64> = (0..997).map(|i| (i * 7_919) % 20_011 - 9_000).collect();
        let mut edges = EdgeDistribution::new();
        samples.iter().for_each(|s| edges.record(Ppm::new(*s)));
        samples.sort_unstable();
        let nearest = |pct: usize| Ppm::new(samples[(samples.len() * pct).div_ceil(100) - 1]);
        let summary = edges.summary().expect("samples");
        assert_eq!(summary.p50, nearest(50));
        assert_eq!(summary.p95, nearest(95));
        assert_eq!(summary.min, Ppm::new(samples[0]));
        assert_eq!(summary.max, Ppm::new(samples[996]));
    }

    #[test]
    fn samples_beyond_the_reach_are_counted_and_the_extremes_stay_exact() {
        let mut edges = EdgeDistribution::new();
        edges.record(Ppm::new(99_880_000_000));
        edges.record(Ppm::new(-7));
        let summary = edges.summary().expect("samples");
        assert_eq!((summary.min, summary.max), (Ppm::new(-7), Ppm::new(99_880_000_000)));
        assert_eq!(summary.p95, Ppm::new(99_880_000_000));
    }

    #[test]
    fn no_samples_give_no_summary() {
        assert_eq!(EdgeDistribution::new().summary(), None);
    }

    #[test]
    fn merged_distributions_equal_one_that_saw_everything() {
        let (mut a, mut b, mut all) =
            (EdgeDistribution::new(), EdgeDistribution::new(), EdgeDistribution::new());
        for value in [5, -3, 100] {
            a.record(Ppm::new(value));
            all.record(Ppm::new(value));
        }
        for value in [-90, 4] {
            b.record(Ppm::new(value));
            all.record(Ppm::new(value));
        }
        a.merge(&b);
        assert_eq!(a.summary(), all.summary());
    }
}
