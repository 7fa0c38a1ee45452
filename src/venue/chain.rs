//! How a book is kept in sequence whose snapshots come on the stream: each delta names the book
//! that it changes (Bybit `u` − 1, OKX `prevSeqId`). Pure.
//!
//! Sources: Bybit v5 `websocket/public/orderbook` with `VENUES.md` 4, OKX order book channel with
//! `VENUES.md` 5. Rules, cited in the code:
//!
//! 1. A snapshot sets the chain, whatever its number and time: the stream keeps the order, a
//!    restarted service counts from 1, and a repeated number is the same book once more.
//! 2. A delta applies only to the book of exactly its previous number. An OKX keepalive (empty,
//!    both numbers alike) applies and changes nothing.
//! 3. Anything else is a gap, a duplicate too: the book is broken until the next snapshot.
//! 4. So is a delta that leads back (OKX maintenance: `seqId` below `prevSeqId`): what follows is
//!    counted anew, and a new snapshot is asked for rather than trusted to have missed nothing.
//! 5. Deltas before a snapshot are held nowhere: the snapshot will contain them.

/// What to do with a delta that just came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Apply it to the book (rule 2).
    Apply,
    /// Ignore it: no snapshot yet (rule 5).
    Old,
    /// The book just broke (rules 3 and 4).
    Gap,
}

/// Sequence state of one book.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chain {
    last: Option<u64>,
}

impl Chain {
    /// No snapshot yet.
    pub const fn new() -> Chain {
        Chain { last: None }
    }

    /// A snapshot of this number was committed (rule 1).
    pub const fn on_image(&mut self, id: u64) {
        self.last = Some(id);
    }

    /// Decides about a delta that leads from the book `prev` to the book `last`.
    pub fn on_delta(&mut self, prev: u64, last: u64) -> Step {
        let Some(known) = self.last else { return Step::Old };
        if prev != known || last < prev {
            self.last = None;
            return Step::Gap;
        }
        self.last = Some(last);
        Step::Apply
    }

    /// Forgets the sequence: the book broke, or the connection is a new one.
    pub const fn restart(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_applies_to_the_book_before_it_and_to_no_other() {
        let mut chain = Chain::new();
        assert_eq!(chain.on_delta(4, 5), Step::Old, "no snapshot yet");
        chain.on_image(5);
        assert_eq!(chain.on_delta(5, 6), Step::Apply);
        assert_eq!(chain.on_delta(6, 9), Step::Apply);
        assert_eq!(chain.on_delta(9, 9), Step::Apply, "a keepalive");
        assert_eq!(chain.on_delta(10, 11), Step::Gap);
        assert_eq!(chain.on_delta(11, 12), Step::Old, "one gap, however many deltas follow");
        chain.on_image(11);
        assert_eq!(chain.on_delta(11, 12), Step::Apply);
    }

    #[test]
    fn a_repeated_delta_and_one_that_leads_back_are_gaps() {
        let mut chain = Chain::new();
        chain.on_image(5);
        assert_eq!(chain.on_delta(5, 6), Step::Apply);
        assert_eq!(chain.on_delta(5, 6), Step::Gap);
        chain.on_image(6);
        assert_eq!(chain.on_delta(6, 3), Step::Gap);
        assert_eq!(chain.on_delta(3, 4), Step::Old);
    }

    #[test]
    fn a_snapshot_sets_the_chain_whatever_its_number() {
        let mut chain = Chain::new();
        for id in [5, 5, 1] {
            chain.on_image(id);
            assert_eq!(chain.on_delta(id, id + 1), Step::Apply);
        }
        chain.restart();
        assert_eq!(chain.on_delta(2, 3), Step::Old);
    }
}
