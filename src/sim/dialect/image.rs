//! What a connection was shown of a book, and what has changed since. Pure.

use crate::sim::exchange::book::SimBook;
use crate::types::market::Level;
use crate::types::market::Side;
use crate::types::units::Qty;

/// The best levels of a book as they were last sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Image {
    /// Bids, best first.
    pub bids: Vec<Level>,
    /// Asks, best first.
    pub asks: Vec<Level>,
}

impl Image {
    /// The best so many levels of each side.
    pub fn of(book: &SimBook, levels: usize) -> Image {
        let top = |side: &[Level]| side[..levels.min(side.len())].to_vec();
        Image { bids: top(&book.bids), asks: top(&book.asks) }
    }
    /// Levels of `next` that are new or changed, and those that went, with quantity zero. Each
    /// side best first.
    pub fn changes(&self, next: &Image) -> Image {
        Image {
            bids: side_changes((&self.bids, &next.bids), Side::Buy),
            asks: side_changes((&self.asks, &next.asks), Side::Sell),
        }
    }
    /// No level on either side.
    pub const fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

/// One walk over both lists, which are sorted alike.
fn side_changes(of: (&[Level], &[Level]), side: Side) -> Vec<Level> {
    let (mut before, mut after) = of;
    let mut found = Vec::new();
    loop {
        match (before.first(), after.first()) {
            (None, None) => return found,
            (Some(old), Some(new)) if old.price == new.price => {
                if old.qty != new.qty {
                    found.push(*new);
                }
                (before, after) = (&before[1..], &after[1..]);
            }
            (Some(old), new) if new.is_none_or(|new| is_better((old, new), side)) => {
                found.push(Level { price: old.price, qty: Qty::ZERO });
                before = &before[1..];
            }
            (_, Some(new)) => {
                found.push(*new);
                after = &after[1..];
            }
            (Some(_), None) => return found,
        }
    }
}

fn is_better(of: (&Level, &Level), side: Side) -> bool {
    match side {
        Side::Buy => of.0.price > of.1.price,
        Side::Sell => of.0.price < of.1.price,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::units::Price;

    fn side(levels: &[(i64, i64)]) -> Vec<Level> {
        let level = |(price, qty): &(i64, i64)| Level {
            price: Price::from_raw(*price).expect("above zero"),
            qty: Qty::from_raw(*qty).expect("not negative"),
        };
        levels.iter().map(level).collect()
    }

    #[test]
    fn changes_turn_the_image_before_into_the_image_after() {
        let before = Image { bids: side(&[(9, 1), (8, 2), (7, 3)]), asks: side(&[(10, 1)]) };
        let after = Image { bids: side(&[(9, 4), (7, 3), (6, 1)]), asks: side(&[(11, 1)]) };
        let changes = before.changes(&after);
        assert_eq!(changes.bids, side(&[(9, 4), (8, 0), (6, 1)]));
        assert_eq!(changes.asks, side(&[(10, 0), (11, 1)]));
        assert!(after.changes(&after).is_empty());
    }
}
