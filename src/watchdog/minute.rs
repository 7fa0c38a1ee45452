//! How often something happened in the last minute, from a count that only rises.

use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

const SECONDS: usize = 60;

/// Counts by the second, over one minute. Fixed memory.
#[derive(Clone, Debug)]
pub(in crate::watchdog) struct LastMinute {
    by_second: [u64; SECONDS],
    /// Number of the newest second, and the count at the last look; `None` before the first.
    newest: Option<(u64, u64)>,
}

impl Default for LastMinute {
    fn default() -> LastMinute {
        LastMinute { by_second: [0; SECONDS], newest: None }
    }
}

impl LastMinute {
    /// Takes the count so far; gives how much of it came within the last 60 s. What was counted
    /// before the first look is left out.
    pub(in crate::watchdog) fn count(&mut self, total: u64, now: MonoNs) -> u64 {
        let second = now.0 / NS_PER_SEC;
        let (newest, before) = self.newest.unwrap_or((second, total));
        for passed in newest + 1..=second.min(newest + SECONDS as u64) {
            self.by_second[passed as usize % SECONDS] = 0;
        }
        self.by_second[second as usize % SECONDS] += total.saturating_sub(before);
        self.newest = Some((second, total));
        self.by_second.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_minute_counts_no_more() {
        let at = |secs: u64| MonoNs(secs * NS_PER_SEC);
        let mut minute = LastMinute::default();
        assert_eq!(minute.count(100, at(5)), 0, "before the first look");
        assert_eq!(minute.count(103, at(5)), 3);
        assert_eq!(minute.count(104, at(64)), 4);
        assert_eq!(minute.count(104, at(65)), 1, "the three are a minute old");
        assert_eq!(minute.count(106, at(1_000)), 2, "a long pause forgets everything");
    }
}
