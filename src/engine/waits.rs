//! How long the engine's work waited: measured at the end of each turn, from when it was due. All
//! that waited counts, also images that a newer one replaced before the engine took them.

use arrayvec::ArrayVec;

use crate::stats::shared::Latencies;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Most books taken over in one turn: a burst of every instrument.
pub(super) const MOST_TAKEN: usize = limit::INSTRUMENTS;
/// Most samples that are recorded apart for the images which one top replaced. More are counted in
/// so many groups, each as long as its oldest image waited.
const MOST_GROUPS: u64 = 64;
/// Work beside books that can be due in one turn: order events, a cycle.
const OTHER_WORK: usize = 2;

/// How long work waited, from when it was due to the end of the turn that did it.
pub(super) struct Waits {
    /// What each book taken in this turn stands for.
    taken: ArrayVec<Taken, MOST_TAKEN>,
    /// When the other work of this turn was due.
    others: ArrayVec<MonoNs, OTHER_WORK>,
    sent_before: u64,
    pub(super) longest: Option<DurNs>,
    pub(super) latencies: Latencies,
}

/// The images that one top stands for.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Arrival of its own.
    arrived_at: MonoNs,
    /// Arrival of the oldest that it replaced; its own if there is none.
    oldest_at: MonoNs,
    /// How many it replaced.
    merged: u32,
}

impl Waits {
    /// Nothing measured yet.
    pub(super) fn new(latencies: Latencies) -> Waits {
        Waits {
            taken: ArrayVec::new(),
            others: ArrayVec::new(),
            sent_before: 0,
            longest: None,
            latencies,
        }
    }
    pub(super) fn begin(&mut self, sent: u64) {
        self.taken.clear();
        self.others.clear();
        self.sent_before = sent;
    }
    pub(super) fn due(&mut self, at: MonoNs) {
        // A turn has one batch of events and closes one cycle.
        let _ = self.others.try_push(at);
    }
    pub(super) fn took(&mut self, top: &BookTop, now: MonoNs) {
        // A sender on another thread may be ahead of this turn's clock.
        let arrived_at = top.arrived_at.min(now);
        let oldest_at = if top.merged > 0 { top.oldest_at.min(arrived_at) } else { arrived_at };
        // The batch is bounded by this array's length.
        let _ = self.taken.try_push(Taken { arrived_at, oldest_at, merged: top.merged });
    }
    /// How long the oldest work of this turn has waited until now; `None` if it has none.
    pub(super) fn so_far(&self, now: MonoNs) -> Option<DurNs> {
        let books = self.taken.iter().map(|taken| taken.oldest_at);
        let since = books.chain(self.others.iter().copied()).min();
        since.map(|since| now.since(since))
    }
    pub(super) fn end(&mut self, at: MonoNs, sent: u64) {
        let Latencies { batch, decision, order } = &self.latencies;
        for taken in &self.taken {
            taken.each_wait(at, &mut |waited, images| {
                decision.record_many(waited.0, images);
                batch.record_many(waited.0, images);
            });
        }
        for due in &self.others {
            batch.record(at.since(*due).0);
        }
        let oldest = self.taken.iter().map(|taken| taken.arrived_at).min();
        if let Some(oldest) = oldest.filter(|_| sent > self.sent_before) {
            order.record(at.since(oldest).0);
        }
        self.longest = self.longest.max(self.so_far(at));
    }
}

impl Taken {
    /// Hands `sink` how long each image waited until `at`, and how many waited so long. The images
    /// between the oldest and the newest are taken to have arrived evenly.
    fn each_wait(&self, at: MonoNs, sink: &mut impl FnMut(DurNs, u64)) {
        let newest = at.since(self.arrived_at).0;
        sink(DurNs(newest), 1);
        let span = self.arrived_at.since(self.oldest_at).0;
        let merged = u64::from(self.merged);
        let groups = merged.min(MOST_GROUPS);
        let up_to = |group| merged * group / groups;
        for group in 1..=groups {
            let back = span.saturating_mul(group) / groups;
            sink(DurNs(newest.saturating_add(back)), up_to(group) - up_to(group - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ids::InstrumentId;

    fn top(arrived_at: u64, merged: u32, oldest_at: u64) -> BookTop {
        let mut top = BookTop::empty(InstrumentId(0));
        (top.arrived_at, top.oldest_at) = (MonoNs(arrived_at), MonoNs(oldest_at));
        top.merged = merged;
        top
    }

    fn waits_of(top: &BookTop, now: u64) -> Vec<(u64, u64)> {
        let mut waits = Waits::new(Latencies::default());
        waits.took(top, MonoNs(now));
        let mut all = Vec::new();
        let sink = &mut |waited: DurNs, images| all.push((waited.0, images));
        waits.taken.iter().for_each(|taken| taken.each_wait(MonoNs(now), sink));
        all
    }

    #[test]
    fn every_image_that_a_top_replaced_waited_as_if_it_had_arrived_evenly() {
        assert_eq!(waits_of(&top(90, 0, 90), 100), [(10, 1)]);
        let expected = [(10, 1), (30, 1), (50, 1), (70, 1)];
        assert_eq!(waits_of(&top(90, 3, 30), 100), expected);
        assert_eq!(waits_of(&top(130, 0, 0), 100), [(0, 1)], "a sender ahead of this clock");
        assert_eq!(waits_of(&top(50, 2, 70), 100), [(50, 1), (50, 1), (50, 1)]);
    }

    #[test]
    fn of_many_images_none_is_lost_none_waits_too_short_and_the_work_is_bounded() {
        for merged in [64, 65, 999, 1_000_000, u32::MAX] {
            let waits = waits_of(&top(2_000_000, merged, 1_000_000), 2_000_100);
            assert_eq!(waits.len(), 65);
            let images: u64 = waits.iter().map(|(_, images)| images).sum();
            assert_eq!(images, u64::from(merged) + 1);
            assert_eq!(waits.last().map(|(waited, _)| *waited), Some(1_000_100), "the oldest");
            let mut counted = 0;
            for (waited, images) in &waits[1..] {
                counted += images;
                let evenly = 1_000_000 * u128::from(counted) / u128::from(merged);
                assert!(u128::from(*waited) >= evenly + 100, "{merged}: {waited} {counted}");
                assert!(u128::from(*waited) <= evenly + 100 + 1_000_000 / 64 + 1);
            }
        }
    }

    #[test]
    fn a_batch_counts_once_for_each_work_that_was_due_and_the_longest_is_the_oldest() {
        let latencies = Latencies::default();
        let mut waits = Waits::new(latencies.clone());
        waits.begin(0);
        waits.took(&top(60, 2, 40), MonoNs(80));
        waits.took(&top(70, 0, 70), MonoNs(80));
        waits.due(MonoNs(80));
        waits.due(MonoNs(10));
        waits.end(MonoNs(100), 1);
        let all = |of: &crate::stats::shared::SharedHistogram| -> Vec<(u64, u64)> {
            of.total().buckets().collect()
        };
        assert_eq!(all(&latencies.decision), [(30, 1), (40, 1), (50, 1), (60, 1)]);
        assert_eq!(all(&latencies.batch), [(20, 1), (30, 1), (40, 1), (50, 1), (60, 1), (90, 1)]);
        assert_eq!(all(&latencies.order), [(40, 1)], "from the oldest top of the turn");
        assert_eq!(waits.longest, Some(DurNs(90)));
        waits.begin(1);
        waits.took(&top(160, 2, 100), MonoNs(200));
        waits.end(MonoNs(210), 1);
        assert_eq!(latencies.order.total().count(), 1, "nothing was sent");
        assert_eq!(waits.longest, Some(DurNs(110)));
    }
}
