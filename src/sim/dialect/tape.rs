//! Public trades of a simulated venue. Pure.
//!
//! The synthetic market has books and no trades. What the best level of a side lost between two
//! images is told as traded there: it has a price that stood, and a size that went.

use crate::sim::exchange::book::SimBook;
use crate::types::market::Level;
use crate::types::market::Side;

/// A public trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deal {
    /// Price and quantity.
    pub level: Level,
    /// What the taker did.
    pub taker: Side,
    /// Its number: rises with time, different for each.
    pub id: u64,
    /// Venue time, ms since 1970.
    pub at_ms: u64,
}

/// Best bid and ask; `None` while a side is empty.
pub fn best(book: &SimBook) -> Option<(Level, Level)> {
    Some((*book.bids.first()?, *book.asks.first()?))
}

/// What was traded between the image whose best levels were `before`, and this one.
pub fn deals(before: Option<(Level, Level)>, book: &SimBook) -> Vec<Deal> {
    let (Some(before), Some(after)) = (before, best(book)) else { return Vec::new() };
    let sold = lost(before.0, after.0, after.0.price < before.0.price);
    let bought = lost(before.1, after.1, after.1.price > before.1.price);
    let deal = |level: Level, taker: Side| {
        let place = u64::from(taker == Side::Buy);
        let id = book.update_id.saturating_mul(2).saturating_add(place);
        Deal { level, taker, id, at_ms: book.at_ms }
    };
    let sold = sold.map(|level| deal(level, Side::Sell));
    sold.into_iter().chain(bought.map(|level| deal(level, Side::Buy))).collect()
}

fn lost(before: Level, after: Level, is_gone: bool) -> Option<Level> {
    if is_gone {
        return Some(before);
    }
    let qty = before.qty.minus(after.qty);
    (before.price == after.price && !qty.is_zero()).then_some(Level { price: before.price, qty })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::units::Price;
    use crate::types::units::Qty;

    fn level(price: i64, qty: i64) -> Level {
        Level {
            price: Price::from_raw(price).expect("above zero"),
            qty: Qty::from_raw(qty).expect("not negative"),
        }
    }

    #[test]
    fn what_the_best_levels_lost_was_traded() {
        let mut book = SimBook { update_id: 7, ..SimBook::default() };
        book.bids = vec![level(99, 3)];
        book.asks = vec![level(103, 5)];
        let found = deals(Some((level(99, 5), level(102, 1))), &book);
        let told: Vec<(Side, Level, u64)> =
            found.iter().map(|deal| (deal.taker, deal.level, deal.id)).collect();
        assert_eq!(told, [(Side::Sell, level(99, 2), 14), (Side::Buy, level(102, 1), 15)]);
        assert!(deals(best(&book), &book).is_empty());
    }
}
