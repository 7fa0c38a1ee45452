//! How a Binance book is kept in sequence: diffs `U..u` joined to a REST snapshot. Pure.
//!
//! Source: "How to manage a local order book correctly", binance-spot-api-docs
//! `web-socket-streams.md` (`VENUES.md` 2.1). Rules, cited in the code:
//!
//! 1. Without a snapshot, diffs are held. At most [`limit::PENDING_DIFFS`] of them with
//!    [`PENDING_LEVELS`] levels; the oldest are dropped. Diffs before a break in the held sequence
//!    can never be used and are dropped too.
//! 2. A snapshot joins if its `lastUpdateId + 1` is at or above the first held `U`; else it is
//!    stale and another has to come.
//! 3. Held diffs with `u ≤ lastUpdateId` are dropped.
//! 4. The first one kept satisfies `U ≤ lastUpdateId + 1 ≤ u`.
//! 5. In sequence, a diff with `u ≤` the book's last id is old and ignored.
//! 6. A diff with `U >` the book's last id `+ 1` is a gap: the book is broken until the next
//!    snapshot, and the diff is held for it.
//!    Also [`OLD_RUN`] old diffs on end that lie more than [`OLD_DISTANCE`] updates back are a gap:
//!    the book's id cannot be this stream's, as after a snapshot of another instrument.
//! 7. Any other diff applies (quantities are absolute, 0 deletes); its `u` is the book's last id.

use std::collections::VecDeque;

use crate::types::limit;
use crate::venue::Scratch;

/// Levels that all held diffs together may have (1 MiB): 64 a diff, far above a usual one.
pub const PENDING_LEVELS: usize = 64 * limit::PENDING_DIFFS;

/// Old diffs on end that break the book: two seconds of `depth@100ms`.
pub const OLD_RUN: u32 = 20;

/// How far back the last of them has to lie: a snapshot may be seconds ahead of its stream, and
/// the busiest books count some thousand updates in that time.
pub const OLD_DISTANCE: u64 = 100_000;

/// The update numbers of a diff.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiffIds {
    /// First update in it (`U`).
    pub first: u64,
    /// Last update in it (`u`), at or above `first`.
    pub last: u64,
}

/// What to do with a diff that just came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Apply it to the book (rule 7).
    Apply,
    /// It was held; nothing to do (rule 1).
    Held,
    /// Ignore it (rules 1 and 5).
    Old,
    /// The book just broke; the diff was held (rule 6).
    Gap,
}

/// The snapshot is older than the held diffs (rule 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stale;

/// A diff that waits for its snapshot.
#[derive(Debug)]
pub struct Held {
    /// Its update numbers.
    pub ids: DiffIds,
    /// Its venue time, ms since 1970.
    pub venue_ts_ms: u64,
    /// Its levels.
    pub levels: Scratch,
}

/// Sequence state of one book.
#[derive(Debug, Default)]
pub struct Join {
    /// The book's last id while it is in sequence.
    last: Option<u64>,
    /// Diffs on end that were too old for it.
    old_run: u32,
    held: VecDeque<Held>,
    held_levels: usize,
}

impl Join {
    /// No snapshot, nothing held.
    pub fn new() -> Join {
        Join::default()
    }

    /// True while diffs are held for a snapshot.
    pub fn is_waiting(&self) -> bool {
        self.last.is_none()
    }

    /// Decides about a diff. Copies its levels if it has to be held; else allocates nothing.
    pub fn on_diff(&mut self, ids: DiffIds, venue_ts_ms: u64, levels: &Scratch) -> Step {
        let Some(last) = self.last else {
            return self.hold(ids, venue_ts_ms, levels);
        };
        let is_old = ids.last <= last;
        self.old_run = if is_old { self.old_run.saturating_add(1) } else { 0 };
        let is_strange = self.old_run >= OLD_RUN && last - ids.last > OLD_DISTANCE;
        if is_old && !is_strange {
            return Step::Old;
        }
        if is_strange || ids.first > last.saturating_add(1) {
            self.restart();
            self.hold(ids, venue_ts_ms, levels);
            return Step::Gap;
        }
        self.last = Some(ids.last);
        Step::Apply
    }

    /// Takes a snapshot. Afterwards [`Join::take_held`] gives the diffs to apply on top of it.
    ///
    /// # Errors
    /// [`Stale`]; nothing has changed then.
    pub fn on_snapshot(&mut self, last_id: u64) -> Result<(), Stale> {
        let joins = match (self.last, self.held.front()) {
            (Some(last), _) => last_id > last,
            (None, Some(first)) => last_id.saturating_add(1) >= first.ids.first,
            (None, None) => true,
        };
        if !joins {
            return Err(Stale);
        }
        while self.held.front().is_some_and(|diff| diff.ids.last <= last_id) {
            self.drop_oldest();
        }
        (self.last, self.old_run) = (Some(last_id), 0);
        Ok(())
    }

    /// The diffs that wait for a snapshot, oldest first.
    pub fn held(&self) -> impl DoubleEndedIterator<Item = &Held> {
        self.held.iter()
    }

    /// The next held diff to apply (rules 4 and 7); `None` when the book has caught up.
    pub fn take_held(&mut self) -> Option<Held> {
        let diff = self.drop_oldest()?;
        self.last = Some(diff.ids.last);
        Some(diff)
    }

    /// Forgets the sequence and everything held: the book broke, or the connection is a new one.
    pub fn restart(&mut self) {
        (self.last, self.old_run) = (None, 0);
        self.held.clear();
        self.held_levels = 0;
    }

    fn hold(&mut self, ids: DiffIds, venue_ts_ms: u64, levels: &Scratch) -> Step {
        match self.held.back() {
            Some(newest) if ids.last <= newest.ids.last => return Step::Old,
            Some(newest) if ids.first > newest.ids.last.saturating_add(1) => self.restart(),
            _ => {}
        }
        let levels =
            Scratch { bids: levels.bids.clone(), asks: levels.asks.clone(), ..Scratch::default() };
        self.held_levels += levels.bids.len() + levels.asks.len();
        self.held.push_back(Held { ids, venue_ts_ms, levels });
        while self.held.len() > limit::PENDING_DIFFS || self.held_levels > PENDING_LEVELS {
            self.drop_oldest();
        }
        Step::Held
    }

    fn drop_oldest(&mut self) -> Option<Held> {
        let diff = self.held.pop_front()?;
        self.held_levels -= diff.levels.bids.len() + diff.levels.asks.len();
        Some(diff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(join: &mut Join, first: u64, last: u64) -> Step {
        join.on_diff(DiffIds { first, last }, 0, &Scratch::default())
    }

    fn absorbed(join: &mut Join) -> Vec<u64> {
        std::iter::from_fn(|| join.take_held()).map(|held| held.ids.last).collect()
    }

    #[test]
    fn a_snapshot_drops_what_it_contains_and_absorbs_the_rest() {
        let mut join = Join::new();
        for (first, last) in [(1, 3), (4, 6), (7, 9)] {
            assert_eq!(diff(&mut join, first, last), Step::Held);
        }
        assert_eq!(join.on_snapshot(5), Ok(()));
        assert_eq!(absorbed(&mut join), [6, 9]);
        assert_eq!(diff(&mut join, 10, 11), Step::Apply);
        assert_eq!(diff(&mut join, 10, 11), Step::Old);
    }

    #[test]
    fn a_snapshot_older_than_the_held_diffs_is_stale_and_the_next_one_joins() {
        let mut join = Join::new();
        diff(&mut join, 10, 12);
        assert_eq!(join.on_snapshot(8), Err(Stale));
        assert!(join.is_waiting());
        assert_eq!(join.on_snapshot(9), Ok(()));
        assert_eq!(absorbed(&mut join), [12]);
    }

    #[test]
    fn a_snapshot_newer_than_all_held_diffs_needs_the_next_diff_to_touch_it() {
        let mut join = Join::new();
        diff(&mut join, 10, 12);
        assert_eq!(join.on_snapshot(20), Ok(()));
        assert_eq!(absorbed(&mut join), [0u64; 0]);
        assert_eq!(diff(&mut join, 13, 20), Step::Old);
        assert_eq!(diff(&mut join, 19, 22), Step::Apply);
    }

    #[test]
    fn a_gap_is_one_gap_however_many_diffs_follow_it() {
        let mut join = Join::new();
        join.on_snapshot(5).expect("the first snapshot joins");
        assert_eq!(diff(&mut join, 7, 8), Step::Gap);
        assert_eq!(diff(&mut join, 9, 9), Step::Held);
        assert_eq!(diff(&mut join, 12, 13), Step::Held);
        assert_eq!(join.on_snapshot(9), Err(Stale), "the break among the held diffs counts");
        assert_eq!(join.on_snapshot(12), Ok(()));
        assert_eq!(absorbed(&mut join), [13]);
    }

    #[test]
    fn a_long_run_of_diffs_far_behind_the_book_is_a_gap() {
        let mut join = Join::new();
        join.on_snapshot(10_000_000).expect("the first snapshot joins");
        for id in 1..u64::from(OLD_RUN) {
            assert_eq!(diff(&mut join, id, id), Step::Old);
        }
        assert_eq!(diff(&mut join, 20, 20), Step::Gap);
        assert_eq!(diff(&mut join, 21, 21), Step::Held);
        assert_eq!(join.on_snapshot(19), Ok(()));
        assert_eq!(absorbed(&mut join), [20, 21]);
    }

    #[test]
    fn a_stream_that_comes_up_to_its_snapshot_is_no_gap() {
        let mut join = Join::new();
        join.on_snapshot(100_000).expect("the first snapshot joins");
        for id in 1..=200 {
            assert_eq!(diff(&mut join, id * 500 - 499, id * 500), Step::Old);
        }
        assert_eq!(diff(&mut join, 100_001, 100_001), Step::Apply);
    }

    #[test]
    fn a_snapshot_of_a_book_in_sequence_counts_only_if_it_is_newer() {
        let mut join = Join::new();
        join.on_snapshot(5).expect("the first snapshot joins");
        assert_eq!(join.on_snapshot(5), Err(Stale));
        assert_eq!(join.on_snapshot(6), Ok(()));
        assert_eq!(diff(&mut join, 7, 7), Step::Apply);
    }

    #[test]
    fn the_oldest_held_diff_goes_first_and_the_snapshot_has_to_reach_the_rest() {
        let mut join = Join::new();
        let extra = 3;
        let count = limit::PENDING_DIFFS as u64 + extra;
        for id in 1..=count {
            assert_eq!(diff(&mut join, id, id), Step::Held);
        }
        assert_eq!(join.on_snapshot(extra - 1), Err(Stale));
        assert_eq!(join.on_snapshot(extra), Ok(()));
        assert_eq!(absorbed(&mut join).len(), limit::PENDING_DIFFS);
        assert_eq!(diff(&mut join, count + 1, count + 1), Step::Apply);
    }
}
