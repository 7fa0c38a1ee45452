//! The ladder of one instrument: commits whole images, applies deltas, never shows half a change.
//!
//! Each side is one sorted array with the best level last, so that the busy end moves few levels.
//! Bound: [`limit::BOOK_LEVELS`] a side. Measured orders of magnitude: `PERFORMANCE.md`, "Book".

use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::market::Invalid;
use crate::types::market::Level;
use crate::types::market::Levels;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::DecodeError;
use crate::venue::Scratch;

/// Both sides of one order book. Whether it may be used is its owner's knowledge.
#[derive(Debug)]
pub struct Book {
    bids: Half,
    asks: Half,
    undo: Vec<Undo>,
}

impl Book {
    /// An empty book with room for a whole one; it does not allocate again in normal use.
    pub fn new() -> Book {
        Book { bids: Half::new(true), asks: Half::new(false), undo: Vec::new() }
    }

    /// Makes the image the book, or changes nothing.
    ///
    /// # Errors
    /// What [`check_image`] finds.
    pub fn replace(&mut self, image: &Scratch) -> Result<(), DecodeError> {
        check_image(image)?;
        self.bids.fill(&image.bids);
        self.asks.fill(&image.asks);
        Ok(())
    }

    /// Whether the image says what is known already. Ends at the first difference.
    pub fn holds(&self, image: &Scratch) -> bool {
        let is_same = |mine: &Half, theirs: &[Level]| {
            mine.levels.len() == theirs.len() && mine.levels.iter().rev().eq(theirs)
        };
        is_same(&self.bids, &image.bids) && is_same(&self.asks, &image.asks)
    }

    /// Applies changed levels in their order; quantity 0 deletes, also what is not there. All of
    /// them, or none if the result is no book.
    ///
    /// # Errors
    /// `Overflow`, `Empty` or `Crossed`: what the book would have become.
    pub fn apply(&mut self, delta: &Scratch) -> Result<(), Invalid> {
        self.undo.clear();
        for level in &delta.bids {
            let before = self.bids.set(*level);
            self.undo.push(Undo { is_bid: true, price: level.price, before });
        }
        for level in &delta.asks {
            let before = self.asks.set(*level);
            self.undo.push(Undo { is_bid: false, price: level.price, before });
        }
        let Some(trouble) = self.trouble() else { return Ok(()) };
        while let Some(step) = self.undo.pop() {
            let half = if step.is_bid { &mut self.bids } else { &mut self.asks };
            half.set(Level { price: step.price, qty: step.before });
        }
        Err(trouble)
    }

    /// Bids, best (highest) first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = Level> + use<'_> {
        self.bids.levels.iter().rev().copied()
    }
    /// Asks, best (lowest) first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = Level> + use<'_> {
        self.asks.levels.iter().rev().copied()
    }
    /// Copies the best [`limit::TOP_LEVELS`] of both sides.
    pub fn copy_top(&self, top: &mut BookTop) {
        self.bids.copy_top(&mut top.bids);
        self.asks.copy_top(&mut top.asks);
    }

    fn trouble(&self) -> Option<Invalid> {
        let deepest = self.bids.levels.len().max(self.asks.levels.len());
        if deepest > limit::BOOK_LEVELS {
            return Some(Invalid::Overflow);
        }
        match (self.bids.levels.last(), self.asks.levels.last()) {
            (Some(bid), Some(ask)) if bid.price < ask.price => None,
            (Some(_), Some(_)) => Some(Invalid::Crossed),
            _ => Some(Invalid::Empty),
        }
    }
}

impl Default for Book {
    fn default() -> Self {
        Book::new()
    }
}

/// Whether these levels, best first on both sides, are a whole book.
///
/// # Errors
/// `Empty`, `Overflow`, `Value` (a level without quantity), `Unsorted`, `Crossed`, in this order.
pub fn check_image(image: &Scratch) -> Result<(), DecodeError> {
    let (bids, asks) = (&image.bids, &image.asks);
    let (Some(bid), Some(ask)) = (bids.first(), asks.first()) else {
        return Err(DecodeError::Empty);
    };
    if bids.len().max(asks.len()) > limit::BOOK_LEVELS {
        return Err(DecodeError::Overflow);
    }
    if bids.iter().chain(asks).any(|level| level.qty.is_zero()) {
        return Err(DecodeError::Value);
    }
    let bids_fall = bids.windows(2).all(|pair| pair[0].price > pair[1].price);
    let asks_rise = asks.windows(2).all(|pair| pair[0].price < pair[1].price);
    if !(bids_fall && asks_rise) {
        return Err(DecodeError::Unsorted);
    }
    if bid.price >= ask.price { Err(DecodeError::Crossed) } else { Ok(()) }
}

/// One change and the quantity that stood there before it; zero if none did.
#[derive(Clone, Copy, Debug)]
struct Undo {
    is_bid: bool,
    price: Price,
    before: Qty,
}

/// One side. Bids rise and asks fall, so that the best level of either side is the last.
#[derive(Debug)]
struct Half {
    is_bids: bool,
    levels: Vec<Level>,
}

impl Half {
    fn new(is_bids: bool) -> Half {
        Half { is_bids, levels: Vec::with_capacity(limit::BOOK_LEVELS) }
    }
    fn fill(&mut self, best_first: &[Level]) {
        self.levels.clear();
        self.levels.extend(best_first.iter().rev());
    }
    /// Sets, inserts or deletes one level and returns the quantity before.
    fn set(&mut self, level: Level) -> Qty {
        let at = self.place_of(level.price);
        let before = match self.levels.get(at) {
            Some(held) if held.price == level.price => held.qty,
            _ => Qty::ZERO,
        };
        match (before.is_zero(), level.qty.is_zero()) {
            (true, true) => {}
            (true, false) => self.levels.insert(at, level),
            (false, true) => {
                self.levels.remove(at);
            }
            (false, false) => self.levels[at].qty = level.qty,
        }
        before
    }
    /// Index of the level of that price, or where it belongs.
    fn place_of(&self, price: Price) -> usize {
        if self.is_bids {
            self.levels.partition_point(|held| held.price < price)
        } else {
            self.levels.partition_point(|held| held.price > price)
        }
    }
    fn copy_top(&self, top: &mut Levels) {
        let best = &self.levels[self.levels.len().saturating_sub(limit::TOP_LEVELS)..];
        top.clear();
        // At most as many as a top holds, by the line above.
        let _ = top.try_extend_from_slice(best);
        top.reverse();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::types::ids::InstrumentId;

    fn level(price: i64, qty: i64) -> Level {
        Level {
            price: Price::from_raw(price).expect("positive"),
            qty: Qty::from_raw(qty).expect("not negative"),
        }
    }

    fn scratch(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Scratch {
        let side = |levels: &[(i64, i64)]| levels.iter().map(|l| level(l.0, l.1)).collect();
        Scratch { bids: side(bids), asks: side(asks), ..Scratch::default() }
    }

    fn sides(book: &Book) -> (Vec<Level>, Vec<Level>) {
        (book.bids().collect(), book.asks().collect())
    }

    #[test]
    fn a_bad_image_leaves_the_old_one_whole() {
        let mut book = Book::new();
        book.replace(&scratch(&[(9, 1), (8, 1)], &[(10, 1)])).expect("a good image");
        let old = sides(&book);
        let bad = [
            (scratch(&[(10, 1)], &[(10, 1)]), DecodeError::Crossed),
            (scratch(&[], &[(10, 1)]), DecodeError::Empty),
            (scratch(&[(9, 1)], &[]), DecodeError::Empty),
            (scratch(&[(8, 1), (9, 1)], &[(10, 1)]), DecodeError::Unsorted),
            (scratch(&[(9, 1)], &[(10, 1), (10, 2)]), DecodeError::Unsorted),
            (scratch(&[(9, 0)], &[(10, 1)]), DecodeError::Value),
        ];
        for (image, why) in bad {
            assert_eq!(book.replace(&image), Err(why));
            assert_eq!(sides(&book), old);
        }
    }

    #[test]
    fn a_delta_that_would_cross_the_book_changes_nothing() {
        let mut book = Book::new();
        book.replace(&scratch(&[(9, 1), (8, 1)], &[(10, 1), (12, 1)])).expect("a good image");
        let old = sides(&book);
        let delta = scratch(&[(8, 0), (11, 5), (11, 6)], &[(12, 3)]);
        assert_eq!(book.apply(&delta), Err(Invalid::Crossed));
        assert_eq!(sides(&book), old);
    }

    #[test]
    fn a_delta_that_would_empty_a_side_changes_nothing() {
        let mut book = Book::new();
        book.replace(&scratch(&[(9, 1), (8, 1)], &[(10, 1)])).expect("a good image");
        let old = sides(&book);
        assert_eq!(book.apply(&scratch(&[], &[(10, 0)])), Err(Invalid::Empty));
        assert_eq!(book.apply(&scratch(&[(8, 0), (9, 0)], &[(12, 1)])), Err(Invalid::Empty));
        assert_eq!(sides(&book), old);
        book.apply(&scratch(&[], &[(10, 0), (11, 1)])).expect("one out, one in");
    }

    #[test]
    fn one_level_too_many_overflows_and_changes_nothing() {
        let full: Vec<(i64, i64)> =
            (0..limit::BOOK_LEVELS as i64).map(|step| (10_000 - step, 1)).collect();
        let mut book = Book::new();
        book.replace(&scratch(&full, &[(20_000, 1)])).expect("exactly full");
        let old = sides(&book);
        assert_eq!(book.apply(&scratch(&[(10_001, 1)], &[])), Err(Invalid::Overflow));
        assert_eq!(sides(&book), old);
        book.apply(&scratch(&[(10_001, 1), (10_000, 0)], &[])).expect("one in, one out");
    }

    #[test]
    fn the_top_is_the_best_levels_best_first() {
        let bids: Vec<(i64, i64)> = (0..40).map(|step| (100 - step, 1)).collect();
        let mut book = Book::new();
        book.replace(&scratch(&bids, &[(101, 7), (103, 8)])).expect("a good image");
        let mut top = BookTop::empty(InstrumentId(0));
        book.copy_top(&mut top);
        assert_eq!(top.bids.len(), limit::TOP_LEVELS);
        assert_eq!(top.bids[0], level(100, 1));
        assert_eq!(top.asks.as_slice(), [level(101, 7), level(103, 8)]);
    }

    /// The slow, obviously right book.
    #[derive(Clone, Default, PartialEq, Debug)]
    struct Oracle {
        bids: BTreeMap<i64, i64>,
        asks: BTreeMap<i64, i64>,
    }

    impl Oracle {
        fn after(&self, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Oracle {
            let mut next = self.clone();
            for (map, changes) in [(&mut next.bids, bids), (&mut next.asks, asks)] {
                for (price, qty) in changes {
                    map.insert(*price, *qty);
                }
                map.retain(|_, qty| *qty > 0);
            }
            next
        }
        fn trouble(&self) -> Option<Invalid> {
            match (self.bids.last_key_value(), self.asks.first_key_value()) {
                (Some((bid, _)), Some((ask, _))) => (bid >= ask).then_some(Invalid::Crossed),
                _ => Some(Invalid::Empty),
            }
        }
        fn sides(&self) -> (Vec<Level>, Vec<Level>) {
            let bids = self.bids.iter().rev().map(|(price, qty)| level(*price, *qty));
            let asks = self.asks.iter().map(|(price, qty)| level(*price, *qty));
            (bids.collect(), asks.collect())
        }
    }

    fn changes(prices: std::ops::Range<i64>) -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop::collection::vec((prices, 0i64..4), 0..12)
    }

    proptest! {
        #[test]
        fn images_and_deltas_leave_what_a_sorted_map_would(
            steps in prop::collection::vec(
                (any::<bool>(), changes(1..64), changes(50..114)), 1..40)
        ) {
            let (mut book, mut oracle) = (Book::new(), Oracle::default());
            for (is_image, bids, asks) in steps {
                if is_image {
                    let next = Oracle::default().after(&bids, &asks);
                    let (bids, asks) = next.sides();
                    let good = next.trouble().is_none();
                    let image = Scratch { bids, asks, ..Scratch::default() };
                    prop_assert_eq!(book.replace(&image).is_ok(), good);
                    if good {
                        oracle = next;
                    }
                } else {
                    let next = oracle.after(&bids, &asks);
                    let result = book.apply(&scratch(&bids, &asks));
                    prop_assert_eq!(result.err(), next.trouble());
                    if result.is_ok() {
                        oracle = next;
                    }
                }
                prop_assert_eq!(sides(&book), oracle.sides());
            }
        }
    }
}
