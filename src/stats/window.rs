//! The last `N` durations with their sum and, where asked for, in order of size. Fixed memory.

use crate::types::time::DurNs;

/// The last `N` samples in order of arrival, and their sum.
///
/// Samples are clamped to `u64::MAX / N` ns (5.8 years at 100), so that the sum of a window fits
/// 64 bits: a wider sum would make each mean a 128-bit division.
#[derive(Clone, Debug)]
pub struct Window<const N: usize> {
    slots: [u64; N],
    len: usize,
    /// Where the next sample goes: the oldest one once the window is full.
    next: usize,
    sum: u64,
}

impl<const N: usize> Window<N> {
    const LONGEST: u64 = u64::MAX / N as u64;

    /// Without samples.
    pub const fn new() -> Window<N> {
        const { assert!(N > 0, "a window holds at least one sample") };
        Window { slots: [0; N], len: 0, next: 0, sum: 0 }
    }
    /// Takes a sample over the oldest one. No heap. Answers what was pushed out.
    pub fn record(&mut self, sample: DurNs) -> Option<DurNs> {
        let oldest = self.leaving();
        let sample = sample.0.min(Self::LONGEST);
        self.sum = self.sum - oldest.map_or(0, |oldest| oldest.0) + sample;
        self.slots[self.next] = sample;
        self.next = if self.next + 1 == N { 0 } else { self.next + 1 };
        self.len = (self.len + 1).min(N);
        oldest
    }
    /// The sample that the next one will push out; `None` before the window is full.
    pub fn leaving(&self) -> Option<DurNs> {
        (self.len == N).then(|| DurNs(self.slots[self.next]))
    }
    /// How many samples are held.
    pub const fn len(&self) -> usize {
        self.len
    }
    /// True before the first sample.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Sum of the samples.
    pub const fn sum(&self) -> DurNs {
        DurNs(self.sum)
    }
    /// Mean, floored to the nanosecond; `None` when empty.
    pub fn mean(&self) -> Option<DurNs> {
        self.sum.checked_div(self.len as u64).map(DurNs)
    }
    /// Sum of the `count` oldest samples, of all when there are fewer.
    pub fn sum_of_oldest(&self, count: usize) -> DurNs {
        let first = if self.len == N { self.next } else { 0 };
        self.sum_from(first, count.min(self.len))
    }
    /// Sum of the `count` newest samples, of all when there are fewer.
    pub fn sum_of_newest(&self, count: usize) -> DurNs {
        let count = count.min(self.len);
        self.sum_from((self.next + N - count) % N, count)
    }
    fn sum_from(&self, first: usize, count: usize) -> DurNs {
        DurNs((0..count).map(|i| self.slots[(first + i) % N]).sum())
    }
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Window::new()
    }
}

/// A [`Window`] that also keeps its samples in order of size: exact quantiles at any time.
///
/// A record moves the samples that lie between the one that leaves and the one that comes; a
/// query is one load.
#[derive(Clone, Debug)]
pub struct SortedWindow<const N: usize> {
    window: Window<N>,
    /// The first `window.len()` slots hold the samples, smallest first.
    sorted: [u64; N],
}

impl<const N: usize> SortedWindow<N> {
    /// Without samples.
    pub const fn new() -> SortedWindow<N> {
        SortedWindow { window: Window::new(), sorted: [0; N] }
    }
    /// The samples in order of arrival.
    pub const fn window(&self) -> &Window<N> {
        &self.window
    }
    /// Takes a sample over the oldest one. No heap; at most `8·N` bytes are moved.
    pub fn record(&mut self, sample: DurNs) {
        let held = self.window.len();
        let leaving = self.window.record(sample);
        let sample = sample.0.min(Window::<N>::LONGEST);
        let to = self.sorted[..held].partition_point(|other| *other < sample);
        let Some(leaving) = leaving else {
            self.sorted.copy_within(to..held, to + 1);
            self.sorted[to] = sample;
            return;
        };
        // The first of equals leaves: which of them does not matter.
        let from = self.sorted.partition_point(|other| *other < leaving.0);
        if from < to {
            self.sorted.copy_within(from + 1..to, from);
            self.sorted[to - 1] = sample;
        } else {
            self.sorted.copy_within(to..from, to + 1);
            self.sorted[to] = sample;
        }
    }
    /// The smallest sample with `per_cent` % of the samples at or below it (nearest rank;
    /// `per_cent` from 1 to 100). `None` when empty.
    pub fn quantile(&self, per_cent: usize) -> Option<DurNs> {
        let rank = (self.window.len() * per_cent).div_ceil(100);
        let index = rank.checked_sub(1)?;
        self.sorted[..self.window.len()].get(index).copied().map(DurNs)
    }
    /// Largest sample; `None` when empty.
    pub fn max(&self) -> Option<DurNs> {
        self.sorted[..self.window.len()].last().copied().map(DurNs)
    }
}

impl<const N: usize> Default for SortedWindow<N> {
    fn default() -> Self {
        SortedWindow::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The oracle: all samples in a vector, the window cut and sorted anew for each question.
    fn held<const N: usize>(samples: &[u64]) -> &[u64] {
        &samples[samples.len().saturating_sub(N)..]
    }

    fn agrees<const N: usize>(samples: &[u64]) {
        let mut window = SortedWindow::<N>::new();
        for (index, sample) in samples.iter().enumerate() {
            window.record(DurNs(*sample));
            let mut oracle = held::<N>(&samples[..=index]).to_vec();
            let (oldest, newest): (u64, u64) =
                (oracle.iter().take(5).sum(), oracle.iter().rev().take(5).sum());
            assert_eq!(window.window().sum_of_oldest(5), DurNs(oldest));
            assert_eq!(window.window().sum_of_newest(5), DurNs(newest));
            let sum: u64 = oracle.iter().sum();
            assert_eq!(window.window().mean(), Some(DurNs(sum / oracle.len() as u64)));
            oracle.sort_unstable();
            for per_cent in [1, 50, 95, 99, 100] {
                let rank = (oracle.len() * per_cent).div_ceil(100);
                assert_eq!(window.quantile(per_cent), Some(DurNs(oracle[rank - 1])));
            }
            assert_eq!(window.max(), Some(DurNs(oracle[oracle.len() - 1])));
            assert_eq!(&window.sorted[..oracle.len()], oracle);
        }
    }

    proptest! {
        #[test]
        fn every_answer_is_that_of_sorting_the_last_samples(
            // Few values give many equals, many values give few.
            few in prop::collection::vec(0u64..4, 0..60),
            many in prop::collection::vec(0u64..1 << 40, 0..260),
        ) {
            agrees::<1>(&few);
            agrees::<7>(&few);
            agrees::<7>(&many);
            agrees::<100>(&many);
        }
    }

    #[test]
    fn an_empty_window_knows_nothing_instead_of_zero() {
        let window = SortedWindow::<4>::new();
        assert!(window.window().is_empty());
        assert_eq!((window.quantile(95), window.max()), (None, None));
        assert_eq!((window.window().mean(), window.window().leaving()), (None, None));
    }

    #[test]
    fn a_sample_beyond_the_range_is_clamped_and_leaves_as_it_came() {
        let mut window = SortedWindow::<2>::new();
        for sample in [u64::MAX, u64::MAX, 1, 3] {
            window.record(DurNs(sample)); // a sum beyond 64 bits would panic
        }
        assert_eq!((window.window().mean(), window.max()), (Some(DurNs(2)), Some(DurNs(3))));
    }
}
