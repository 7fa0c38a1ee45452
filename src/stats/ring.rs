//! The last N samples of a signed quantity: mean, deviation, extremes. Integers only.

/// The last `N` samples, newest over oldest.
#[derive(Clone, Debug)]
pub struct SampleRing<const N: usize> {
    slots: [i64; N],
    len: usize,
    next: usize,
    window: usize,
}

impl<const N: usize> SampleRing<N> {
    /// An empty ring that keeps the last `window` samples, at most `N` and at least 1.
    pub fn new(window: usize) -> SampleRing<N> {
        SampleRing { slots: [0; N], len: 0, next: 0, window: window.clamp(1, N) }
    }
    /// Adds a sample over the oldest one. No heap.
    pub fn push(&mut self, sample: i64) {
        self.slots[self.next] = sample;
        self.next = (self.next + 1) % self.window;
        self.len = (self.len + 1).min(self.window);
    }
    /// How many samples are held.
    pub fn len(&self) -> usize {
        self.len
    }
    /// True before the first sample.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// True once the window is full.
    pub fn is_full(&self) -> bool {
        self.len == self.window
    }
    /// Mean, floored; `None` when empty.
    pub fn mean(&self) -> Option<i64> {
        let sum: i128 = self.held().iter().map(|s| i128::from(*s)).sum();
        let count = i128::try_from(self.len).ok().filter(|count| *count > 0)?;
        i64::try_from(sum.div_euclid(count)).ok()
    }
    /// Population standard deviation, floored; `None` when empty or beyond the range.
    pub fn deviation(&self) -> Option<u64> {
        let mean = i128::from(self.mean()?);
        let mut squares = 0u128;
        for sample in self.held() {
            let gap = (i128::from(*sample) - mean).unsigned_abs();
            squares = squares.checked_add(gap.checked_mul(gap)?)?;
        }
        u64::try_from((squares / self.len as u128).isqrt()).ok()
    }
    fn held(&self) -> &[i64] {
        &self.slots[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_window_counts() {
        let mut ring = SampleRing::<8>::new(3);
        for sample in [100, 1, 2, 3] {
            ring.push(sample);
        }
        assert!(ring.is_full());
        assert_eq!(ring.len(), 3);
        assert_eq!(ring.mean(), Some(2));
    }

    #[test]
    fn the_deviation_is_that_of_the_population() {
        let mut ring = SampleRing::<8>::new(8);
        for sample in [2, 4, 4, 4, 5, 5, 7, 9] {
            ring.push(sample);
        }
        assert_eq!(ring.deviation(), Some(2));
    }

    #[test]
    fn an_empty_ring_knows_nothing() {
        let ring = SampleRing::<4>::new(4);
        assert!(ring.is_empty());
        assert_eq!((ring.mean(), ring.deviation()), (None, None));
    }
}
