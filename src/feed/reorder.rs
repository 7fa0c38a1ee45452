//! Inputs of several threads in the order of their clock: each is held for a moment, so that one
//! that a slower thread took earlier still comes before it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::feed::tap::Taped;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// How long an input is held. A feed that is later than this with an input is seen as out of order
/// and its line takes the time of the one before it.
pub const WINDOW: DurNs = DurNs::from_ms(200);
/// Most inputs that are held; the oldest goes on when one more comes.
pub const MOST_HELD: usize = 65_536;

/// The inputs that are held.
#[derive(Debug, Default)]
pub struct Reorder {
    held: BinaryHeap<Held>,
    /// Time of the newest input that went on.
    last: MonoNs,
    late: u64,
    came: u64,
}

/// Earliest first; of one venue always in the order of its numbers, and under one number as they
/// came.
#[derive(Debug)]
struct Held {
    taped: Taped,
    came: u64,
}

impl Held {
    const fn key(&self) -> (u64, usize, u64, u64) {
        (self.taped.at.mono.0, self.taped.venue.index(), self.taped.number, self.came)
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> Ordering {
        // The heap gives the largest first.
        other.key().cmp(&self.key())
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Held {}

impl Reorder {
    /// Takes an input in.
    pub fn put(&mut self, taped: Taped) {
        self.came += 1;
        self.held.push(Held { taped, came: self.came });
    }
    /// The next input that goes on: one that was held long enough, or the oldest of too many.
    pub fn next(&mut self, now: MonoNs) -> Option<Taped> {
        let first = self.held.peek()?.taped.at.mono;
        if now.since(first) < WINDOW && self.held.len() <= MOST_HELD {
            return None;
        }
        self.pop()
    }
    /// The next one, however short it was held: at the end.
    pub fn pop(&mut self) -> Option<Taped> {
        let taped = self.held.pop()?.taped;
        self.late += u64::from(taped.at.mono < self.last);
        self.last = self.last.max(taped.at.mono);
        Some(taped)
    }
    /// Inputs that came too late for their place, so far.
    pub const fn late(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::tap::Input;
    use crate::types::ids::VenueId;
    use crate::types::time::Now;
    use crate::types::time::WallNs;

    fn taped(venue: VenueId, (number, mono): (u64, u64)) -> Taped {
        let at = Now { mono: MonoNs(mono), wall: WallNs(0) };
        Taped { at, venue, input: Input::Alive, number, payload: Vec::new() }
    }

    #[test]
    fn inputs_go_on_in_the_order_of_the_clock_once_they_were_held_for_the_window() {
        let mut reorder = Reorder::default();
        let inputs = [
            (VenueId::Binance, (1, 30)),
            (VenueId::Binance, (2, 40)),
            (VenueId::Upbit, (1, 10)),
            (VenueId::Upbit, (2, 40)),
            (VenueId::Upbit, (3, 41)),
        ];
        inputs.into_iter().for_each(|(venue, input)| reorder.put(taped(venue, input)));
        assert!(reorder.next(MonoNs(WINDOW.0)).is_none(), "held for less than the window");
        let mut order = Vec::new();
        while let Some(next) = reorder.next(MonoNs(WINDOW.0 + 40)) {
            order.push((next.venue, next.number));
        }
        let (up, bi) = (VenueId::Upbit, VenueId::Binance);
        assert_eq!(order, [(up, 1), (bi, 1), (up, 2), (bi, 2)]);
        reorder.put(taped(bi, (3, 35)));
        assert_eq!(reorder.pop().map(|next| next.number), Some(3));
        assert_eq!(reorder.late(), 1, "35 after 40");
    }

    #[test]
    fn never_more_are_held_than_the_bound() {
        let mut reorder = Reorder::default();
        let now = MonoNs(5);
        for number in 0..=MOST_HELD as u64 {
            assert!(reorder.next(now).is_none());
            reorder.put(taped(VenueId::Okx, (number, 5)));
        }
        assert_eq!(reorder.next(now).map(|next| next.number), Some(0));
        assert!(reorder.next(now).is_none());
    }
}
