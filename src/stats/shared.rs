//! Lossless distributions that cross threads: one writer counts, any number of readers look.
//!
//! A writer never resets and never waits. Each reader remembers what it has read, and the
//! difference is its interval; so no sample is lost to another reader or between two intervals.
//!
//! Buckets are those of an HDR histogram of two significant digits: whole ns below 256, then 128 to
//! each doubling, so a bucket is at most 1/128 of its values wide.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::types::evidence::Interval;

/// Longest time that is told apart, ns: 100 s. A longer one is counted as this.
const LONGEST_NS: u64 = 100_000_000_000;
/// Buckets to each doubling, as a power of two.
const STEP_BITS: u32 = 7;
/// Number of buckets.
const BUCKETS: usize = bucket_of(LONGEST_NS) + 1;

/// Which bucket counts this time.
const fn bucket_of(ns: u64) -> usize {
    let ns = if ns > LONGEST_NS { LONGEST_NS } else { ns };
    // Below two steps' worth every value has its own bucket.
    let floor = (1 << (STEP_BITS + 1)) - 1;
    let shift = (u64::BITS - 1 - STEP_BITS) - (ns | floor).leading_zeros();
    ((shift as usize) << STEP_BITS) + (ns >> shift) as usize
}

/// Largest time that a bucket counts, ns.
const fn largest_of(bucket: usize) -> u64 {
    if bucket + 1 == BUCKETS {
        return LONGEST_NS;
    }
    // The first two groups of buckets are both one ns wide: the shift begins with the third.
    let shift = (bucket >> STEP_BITS).saturating_sub(1);
    (((bucket - (shift << STEP_BITS)) as u64 + 1) << shift) - 1
}

/// Counts of times in ns since the start of the run, written by one thread. About 31 KB, allocated
/// at once; recording allocates nothing.
#[derive(Debug)]
pub struct SharedHistogram {
    counts: Box<[AtomicU64]>,
    /// Longest time recorded, ns, exact and also beyond [`LONGEST_NS`].
    max: AtomicU64,
}

impl SharedHistogram {
    /// Without samples.
    pub fn new() -> SharedHistogram {
        let counts = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        SharedHistogram { counts, max: AtomicU64::new(0) }
    }
    /// Adds a sample. For the one writer.
    pub fn record(&self, ns: u64) {
        self.record_many(ns, 1);
    }
    /// Adds `count` samples of the same time. For the one writer: two loads and at most two stores,
    /// no locked instruction, no heap.
    pub fn record_many(&self, ns: u64, count: u64) {
        if count > 0 && ns > self.max.load(Ordering::Relaxed) {
            self.max.store(ns, Ordering::Relaxed);
        }
        let cell = &self.counts[bucket_of(ns)];
        // Who sees the count sees the maximum before it.
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(count), Ordering::Release);
    }
    /// Everything recorded so far. Samples recorded meanwhile are in it or not, each whole.
    pub fn total(&self) -> Distribution {
        HistogramReader::counting(self, &mut [0; BUCKETS])
    }
}

impl Default for SharedHistogram {
    fn default() -> Self {
        SharedHistogram::new()
    }
}

/// A reader of a histogram, with what it has read before.
#[derive(Debug)]
pub struct HistogramReader {
    shared: Arc<SharedHistogram>,
    read: Box<[u64]>,
}

impl HistogramReader {
    /// A reader that has read nothing: its first interval begins with the run.
    pub fn new(shared: Arc<SharedHistogram>) -> HistogramReader {
        HistogramReader { shared, read: vec![0; BUCKETS].into_boxed_slice() }
    }
    /// What was recorded since the last take. Each sample is in exactly one take of a reader.
    pub fn take(&mut self) -> Distribution {
        HistogramReader::counting(&self.shared, &mut self.read)
    }
    /// What `shared` counts beyond `read`, which is brought up to date.
    fn counting(shared: &SharedHistogram, read: &mut [u64]) -> Distribution {
        let mut taken = Distribution::empty();
        let mut top = 0;
        for (bucket, cell) in shared.counts.iter().enumerate() {
            let counted = cell.load(Ordering::Acquire);
            let new = counted.wrapping_sub(read[bucket]);
            read[bucket] = counted;
            taken.counts[bucket] = new;
            taken.count += new;
            top = if new > 0 { bucket } else { top };
        }
        let longest = shared.max.load(Ordering::Relaxed);
        // Only the last bucket may hold a time beyond its largest.
        taken.max = if top + 1 == BUCKETS { longest } else { longest.min(largest_of(top)) };
        taken
    }
}

/// Plain counts of times in ns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distribution {
    counts: Box<[u64]>,
    count: u64,
    /// Longest, ns; says nothing while `count` is 0.
    max: u64,
}

impl Distribution {
    /// Without samples.
    pub fn empty() -> Distribution {
        Distribution { counts: vec![0; BUCKETS].into_boxed_slice(), count: 0, max: 0 }
    }
    /// Number of samples.
    pub const fn count(&self) -> u64 {
        self.count
    }
    /// The time with so many per mille of the samples at or below it (nearest rank; 1 to 1000), ns:
    /// the largest value of that sample's bucket, never above the maximum. `None` without samples.
    pub fn quantile(&self, per_mille: u32) -> Option<u64> {
        let rank = (u128::from(self.count) * u128::from(per_mille)).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (largest, count) in self.buckets() {
            seen += u128::from(count);
            if seen >= rank {
                return Some(largest.min(self.max));
            }
        }
        self.max()
    }
    /// Longest time, ns; `None` without samples. Of everything since the start it is exact. Of an
    /// interval it is the largest value of the highest bucket, but never above the longest since
    /// the start: at most 1/128 too long. If the highest is the bucket of 100 s, the longest since
    /// the start stands in for it.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }
    /// Adds the samples of another distribution.
    pub fn merge(&mut self, other: &Distribution) {
        for (mine, its) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*its);
        }
        self.count = self.count.saturating_add(other.count);
        self.max = self.max.max(other.max);
    }
    /// The buckets that hold samples, ascending: largest time of the bucket in ns, samples in it.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(bucket, count)| (largest_of(bucket), *count))
    }
    /// As snapshots and minutes keep it; all zero without samples.
    pub fn interval(&self) -> Interval {
        let quantile = |per_mille| self.quantile(per_mille).unwrap_or_default();
        Interval {
            count: self.count,
            p50: quantile(500),
            p95: quantile(950),
            p99: quantile(990),
            p999: quantile(999),
            max: self.max().unwrap_or_default(),
            buckets: self.buckets().collect(),
        }
    }
}

/// What the engine measures, from when work was due to the end of the turn that did it.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Everything that was due: each image, also one that a newer one replaced, each batch of order
    /// events, each cycle.
    pub batch: Arc<SharedHistogram>,
    /// From an image's arrival to the decision on it, or on the one that replaced it.
    pub decision: Arc<SharedHistogram>,
    /// From the arrival of the oldest image of a turn to the orders that the turn sent.
    pub order: Arc<SharedHistogram>,
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;

    const RANKS: [u32; 6] = [1, 500, 950, 990, 999, 1_000];

    fn recorded(samples: &[u64]) -> Arc<SharedHistogram> {
        let shared = SharedHistogram::new();
        samples.iter().for_each(|ns| shared.record(*ns));
        Arc::new(shared)
    }

    /// Times of every magnitude, within the range.
    fn times() -> impl Strategy<Value = Vec<u64>> {
        let time =
            (0u32..37, any::<u64>()).prop_map(|(bits, ns)| (ns >> (63 - bits)).min(LONGEST_NS));
        prop::collection::vec(time, 1..400)
    }

    proptest! {
        #[test]
        fn buckets_and_quantiles_are_those_of_an_hdr_histogram(samples in times()) {
            let total = recorded(&samples).total();
            let mut oracle = Histogram::<u64>::new_with_bounds(1, LONGEST_NS, 2).expect("bounds");
            samples.iter().for_each(|ns| oracle.record(*ns).expect("within bounds"));
            let longest = samples.iter().max().copied();
            prop_assert_eq!(total.max(), longest);
            let its: Vec<(u64, u64)> = oracle
                .iter_recorded()
                .map(|it| (it.value_iterated_to().min(LONGEST_NS), it.count_at_value()))
                .collect();
            prop_assert_eq!(total.buckets().collect::<Vec<_>>(), its);
            for rank in RANKS {
                // A hair below, so that a product of floats does not round up to the next rank.
                let its = oracle.value_at_quantile(f64::from(rank) / 1_000.0 - 1e-9);
                prop_assert_eq!(total.quantile(rank), longest.map(|longest| its.min(longest)));
            }
        }

        #[test]
        fn intervals_of_a_reader_add_up_to_everything_whoever_else_reads(
            parts in prop::collection::vec(times(), 1..5),
        ) {
            let shared = Arc::new(SharedHistogram::new());
            let mut often = HistogramReader::new(Arc::clone(&shared));
            let mut once = HistogramReader::new(Arc::clone(&shared));
            let mut sum = Distribution::empty();
            for samples in &parts {
                samples.iter().for_each(|ns| shared.record(*ns));
                let interval = often.take();
                let longest = samples.iter().max().copied().expect("at least one");
                let told = interval.max().expect("samples");
                prop_assert!(told >= longest && told - longest <= longest / 128);
                let alone = recorded(samples).total();
                prop_assert!(interval.buckets().eq(alone.buckets()));
                sum.merge(&interval);
            }
            prop_assert_eq!(&once.take(), &shared.total());
            prop_assert!(sum.buckets().eq(shared.total().buckets()));
            prop_assert_eq!(sum.count(), shared.total().count());
            prop_assert_eq!(often.take(), Distribution::empty());
        }
    }

    #[test]
    fn each_bucket_ends_right_before_the_next_begins() {
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(largest_of(bucket)), bucket);
            let next = (bucket + 1).min(BUCKETS - 1);
            assert_eq!(bucket_of(largest_of(bucket) + 1), next);
        }
    }

    #[test]
    fn without_samples_nothing_is_known_instead_of_zero() {
        let empty = Distribution::empty();
        assert_eq!((empty.count(), empty.max(), empty.quantile(500)), (0, None, None));
        assert_eq!(empty.buckets().count(), 0);
        assert_eq!(empty.interval(), Interval::default());
        assert_eq!(SharedHistogram::new().total(), empty);
    }

    #[test]
    fn a_time_beyond_the_range_counts_as_the_longest_and_the_maximum_tells_it() {
        let shared = Arc::new(SharedHistogram::new());
        let mut reader = HistogramReader::new(Arc::clone(&shared));
        shared.record(250_000_000_000);
        let taken = reader.take();
        assert_eq!((taken.quantile(500), taken.max()), (Some(LONGEST_NS), Some(250_000_000_000)));
        shared.record_many(7, 3);
        let taken = reader.take();
        assert_eq!((taken.count(), taken.quantile(1), taken.max()), (3, Some(7), Some(7)));
    }

    #[test]
    fn a_nearest_rank_is_the_smallest_sample_with_so_many_at_or_below_it() {
        let shared = recorded(&(1..=100).collect::<Vec<_>>());
        let total = shared.total();
        assert_eq!(RANKS.map(|rank| total.quantile(rank)), [1, 50, 95, 99, 100, 100].map(Some));
        let interval = total.interval();
        let Interval { count, p50, p95, p99, p999, max, buckets } = interval;
        assert_eq!((count, p50, p95, p99, p999, max), (100, 50, 95, 99, 100, 100));
        assert_eq!(buckets.len(), 100);
    }
}
