//! When cycles close: on absolute deadlines, after each step, or once.

use crate::engine::core::Core;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// When a cycle closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// On absolute deadlines this far apart (at least 1 ns).
    Every(DurNs),
    /// After each turn that took a book (`--interval 0`).
    EachStep,
    /// After the next decision on fresh books, at the latest after this time (`--once`).
    Once(DurNs),
}

/// Deadlines of cycles.
pub(super) struct Cycles {
    pub(super) pace: Pace,
    pub(super) loops: u64,
    pub(super) next: Option<MonoNs>,
    pub(super) closed: u64,
    pub(super) missed: u64,
}

impl Cycles {
    pub(super) fn is_over(&self) -> bool {
        self.loops > 0 && self.closed >= self.loops
    }
    /// Counts the cycle that closes now, if one does, and says when it was due.
    pub(super) fn due(&mut self, now: MonoNs, took_books: bool, core: &Core) -> Option<MonoNs> {
        if self.is_over() {
            return None;
        }
        match self.pace {
            Pace::Every(interval) => {
                let interval = DurNs(interval.0.max(1));
                let due = *self.next.get_or_insert(now.plus(interval));
                if now < due {
                    return None;
                }
                self.missed += u64::from(now.since(due) >= interval);
                self.next = Some(due.plus(interval));
                self.closed += 1;
                Some(due)
            }
            Pace::EachStep => {
                self.closed += u64::from(took_books);
                took_books.then_some(now)
            }
            Pace::Once(latest) => {
                let due = *self.next.get_or_insert(now.plus(latest));
                let ready = took_books && core.has_fresh_route(now);
                if !(ready || now >= due) {
                    return None;
                }
                self.closed += 1;
                Some(now)
            }
        }
    }
    pub(super) fn next_due(&self) -> Option<MonoNs> {
        match self.pace {
            Pace::EachStep => None,
            Pace::Every(_) | Pace::Once(_) => self.next.filter(|_| !self.is_over()),
        }
    }
}
