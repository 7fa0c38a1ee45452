//! How often something may be done: in a rolling window, after failures, by a token bucket. Pure.

use std::collections::VecDeque;

use crate::feed::limits::Rate;
use crate::types::rng::SplitMix64;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// At most so many in any span of that length.
#[derive(Debug)]
pub struct Rolling {
    most: usize,
    span: DurNs,
    /// When the newest of them happened, at most `most`.
    at: VecDeque<MonoNs>,
}

impl Rolling {
    /// At most `most` (at least 1) in any `span`.
    pub fn new(most: u32, span: DurNs) -> Rolling {
        let most = most.max(1) as usize;
        Rolling { most, span, at: VecDeque::with_capacity(most) }
    }
    /// When the next one is allowed; `now` or before if it is at once.
    pub fn frees_at(&self) -> MonoNs {
        match self.at.front() {
            Some(oldest) if self.at.len() == self.most => oldest.plus(self.span),
            _ => MonoNs(0),
        }
    }
    /// True if one is allowed now.
    pub fn has_room(&self, now: MonoNs) -> bool {
        self.frees_at() <= now
    }
    /// One happened. True if that was more than allowed.
    pub fn note(&mut self, now: MonoNs) -> bool {
        let is_over = !self.has_room(now);
        if self.at.len() == self.most {
            self.at.pop_front();
        }
        self.at.push_back(now);
        is_over
    }
}

/// Exponential backoff with full jitter: each pause is uniform between nothing and a ceiling that
/// doubles. (Brooker, "Exponential Backoff And Jitter", 2015: many clients that lost the same
/// server come back spread evenly.)
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: DurNs,
    cap: DurNs,
    failures: u32,
}

impl Backoff {
    /// The ceiling begins at `first` and stops growing at `cap`.
    pub const fn new(first: DurNs, cap: DurNs) -> Backoff {
        Backoff { first, cap, failures: 0 }
    }
    /// The pause after one more failure.
    pub fn next(&mut self, rng: &mut SplitMix64) -> DurNs {
        let factor = 1u64.checked_shl(self.failures).unwrap_or(u64::MAX);
        let ceiling = self.first.0.saturating_mul(factor).min(self.cap.0);
        self.failures = self.failures.saturating_add(1).min(u64::BITS);
        DurNs(rng.below(ceiling.saturating_add(1)))
    }
    /// It went well for long enough.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
    /// The longest pause.
    pub const fn cap(&self) -> DurNs {
        self.cap
    }
}

/// A token bucket: sustained requests a second, and a burst after a pause.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Time that one request takes out.
    cost: DurNs,
    /// Most time that may be taken out in advance.
    depth: DurNs,
    /// When the bucket is full again.
    full_at: MonoNs,
}

impl Bucket {
    /// A full bucket. Both numbers count as at least 1.
    pub fn new(rate: Rate) -> Bucket {
        let cost = DurNs(NS_PER_SEC / u64::from(rate.per_second.max(1)));
        let depth = DurNs(cost.0.saturating_mul(u64::from(rate.burst.max(1)) - 1));
        Bucket { cost, depth, full_at: MonoNs(0) }
    }
    /// When the next request is allowed; `now` or before if it is at once.
    pub const fn frees_at(&self) -> MonoNs {
        MonoNs(self.full_at.0.saturating_sub(self.depth.0))
    }
    /// One request was made.
    pub fn take(&mut self, now: MonoNs) {
        self.full_at = self.full_at.max(now).plus(self.cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_span_holds_more_than_allowed() {
        let mut rolling = Rolling::new(3, DurNs(100));
        for at in [0, 10, 20] {
            assert!(rolling.has_room(MonoNs(at)));
            assert!(!rolling.note(MonoNs(at)));
        }
        assert!(!rolling.has_room(MonoNs(99)));
        assert_eq!(rolling.frees_at(), MonoNs(100));
        assert!(!rolling.note(MonoNs(100)));
        assert!(rolling.note(MonoNs(101)), "the one at 10 is still in the span");
    }

    #[test]
    fn pauses_are_spread_below_a_ceiling_that_doubles_up_to_its_cap() {
        let mut rng = SplitMix64::new(7, 0);
        let mut largest = [0; 12];
        for _ in 0..2_000 {
            let mut backoff = Backoff::new(DurNs(125), DurNs(30_000));
            for place in &mut largest {
                *place = (*place).max(backoff.next(&mut rng).0);
            }
        }
        for (failures, seen) in largest.iter().enumerate() {
            let ceiling = (125 << failures).min(30_000);
            assert!((ceiling * 9 / 10..=ceiling).contains(seen), "{failures}: {seen}");
        }
    }

    #[test]
    fn a_hundred_failures_do_not_overflow_the_pause() {
        let mut rng = SplitMix64::new(7, 0);
        let mut backoff = Backoff::new(DurNs::from_ms(125), DurNs::from_secs(30));
        assert!((0..200).all(|_| backoff.next(&mut rng) <= backoff.cap()));
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(Rate { per_second: 10, burst: 3 });
        let mut now = MonoNs(NS_PER_SEC);
        for _ in 0..3 {
            assert!(bucket.frees_at() <= now);
            bucket.take(now);
        }
        assert_eq!(bucket.frees_at(), now.plus(DurNs::from_ms(100)));
        let mut taken = 0;
        let end = now.plus(DurNs::from_secs(2));
        while now < end {
            if bucket.frees_at() <= now {
                bucket.take(now);
                taken += 1;
            }
            now = now.plus(DurNs::from_ms(1));
        }
        assert_eq!(taken, 19);
    }
}
