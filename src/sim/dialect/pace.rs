//! Rate limits: windows that are used up, and bans that grow. Pure; time is an argument.

use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// So many in a span; the count starts anew with each span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    limit: u32,
    span: DurNs,
    began: MonoNs,
    used: u32,
}

impl Window {
    /// At most `limit` in each `span`, which is above zero.
    pub const fn new(limit: u32, span: DurNs) -> Window {
        Window { limit, span, began: MonoNs(0), used: 0 }
    }
    /// Takes `cost` out of it; false, and nothing taken, if that is more than is left.
    pub fn take(&mut self, cost: u32, now: MonoNs) -> bool {
        self.turn(now);
        let fits = self.used.saturating_add(cost) <= self.limit;
        if fits {
            self.used += cost;
        }
        fits
    }
    /// Puts back what turned out not to count.
    pub const fn give_back(&mut self, cost: u32) {
        self.used = self.used.saturating_sub(cost);
    }
    /// Used in the span of `now`.
    pub fn used(&mut self, now: MonoNs) -> u32 {
        self.turn(now);
        self.used
    }
    /// Left in the span of `now`.
    pub fn left(&mut self, now: MonoNs) -> u32 {
        self.limit.saturating_sub(self.used(now))
    }
    /// What it allows.
    pub const fn limit(&self) -> u32 {
        self.limit
    }
    /// Time until the next span begins.
    pub const fn resets_in(&self, now: MonoNs) -> DurNs {
        self.began.plus(self.span).since(now)
    }
    const fn turn(&mut self, now: MonoNs) {
        if now.since(self.began).0 >= self.span.0 {
            self.began = MonoNs(now.0 - now.0 % self.span.0);
            self.used = 0;
        }
    }
}

/// Bans whoever goes on after a refusal: each ban lasts twice as long as the one before.
#[derive(Clone, Debug)]
pub struct Warden {
    patience: Window,
    first: DurNs,
    strikes: u32,
    until: MonoNs,
}

/// Most doublings of a ban.
const MOST_STRIKES: u32 = 12;

impl Warden {
    /// Bans for `first` at the next refusal after the `patience` is used up.
    pub const fn new(patience: Window, first: DurNs) -> Warden {
        Warden { patience, first, strikes: 0, until: MonoNs(0) }
    }
    /// Time left of a ban; `None` when there is none.
    pub const fn banned(&self, now: MonoNs) -> Option<DurNs> {
        let left = self.until.since(now);
        if left.0 > 0 { Some(left) } else { None }
    }
    /// A request was refused for its rate: the ban that it earns, if it does.
    pub fn refused(&mut self, now: MonoNs) -> Option<DurNs> {
        if self.patience.take(1, now) {
            return None;
        }
        let lasts = DurNs(self.first.0.saturating_mul(1 << self.strikes));
        self.strikes = (self.strikes + 1).min(MOST_STRIKES);
        self.until = now.plus(lasts);
        Some(lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: DurNs = DurNs::from_secs(1);

    #[test]
    fn a_window_is_used_up_and_starts_anew() {
        let mut window = Window::new(2, SECOND);
        let now = MonoNs(5_300_000_000);
        assert!(window.take(1, now) && window.take(1, now));
        assert!(!window.take(1, now));
        assert_eq!((window.used(now), window.left(now)), (2, 0));
        assert_eq!(window.resets_in(now), DurNs::from_ms(700));
        assert!(window.take(2, MonoNs(6_000_000_000)));
    }

    #[test]
    fn bans_grow_with_each_repetition() {
        let mut warden = Warden::new(Window::new(1, SECOND), DurNs::from_secs(5));
        let at = |secs: u64| MonoNs(secs * 1_000_000_000);
        assert_eq!(warden.refused(at(10)), None);
        assert_eq!(warden.refused(at(10)), Some(DurNs::from_secs(5)));
        assert_eq!(warden.banned(at(14)), Some(SECOND));
        assert_eq!(warden.banned(at(15)), None);
        assert_eq!(warden.refused(at(20)), None);
        assert_eq!(warden.refused(at(20)), Some(DurNs::from_secs(10)));
    }
}
