//! A simulated venue's book: the image as its protocol shows it with what changed since the one
//! before, and what of it orders have taken.

use crate::sim::rng::Dice;
use crate::types::ids::VenueId;
use crate::types::market::Level;
use crate::types::market::Side;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;

/// Largest step of an update id where ids have gaps.
const LARGEST_STEP: u64 = 24;

/// One level that an image changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// [`Side::Buy`] for a bid, [`Side::Sell`] for an ask.
    pub side: Side,
    /// The level as it is now; quantity zero if it is gone.
    pub level: Level,
}

/// The newest published image of one book.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SimBook {
    /// Bids, best (highest) first.
    pub bids: Vec<Level>,
    /// Asks, best (lowest) first.
    pub asks: Vec<Level>,
    /// The venue's number of this image. Binance: last id of the diff, which begins at
    /// `prev_update_id + 1`; Bybit: `u`, one more than before; OKX: `seqId`, with gaps; others: a
    /// plain count.
    pub update_id: u64,
    /// That of the image before; 0 for the first.
    pub prev_update_id: u64,
    /// Levels that differ from the image before: bids best first, then asks best first.
    pub changed: Vec<Change>,
    /// Venue time of the image, ms since 1970.
    pub at_ms: u64,
}

impl SimBook {
    fn side(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }
}

/// What is wrong with the images that a venue publishes. Matching is not touched by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Spoil {
    /// Nothing.
    #[default]
    Sound,
    /// The best bid lies above the best ask.
    Crossed,
    /// Images go on, and show what the last one before showed.
    Frozen,
}

/// How the numbers of one book's images go on.
#[derive(Clone, Debug)]
struct Numbers {
    venue: VenueId,
    dice: Dice,
}

impl Numbers {
    fn first(&mut self) -> u64 {
        match self.venue {
            VenueId::Binance => 70_000_000_000 + self.dice.below(1_000_000_000),
            VenueId::Okx => 40_000_000_000 + self.dice.below(1_000_000_000),
            VenueId::Bybit => 1_000_000 + self.dice.below(1_000_000),
            VenueId::Upbit | VenueId::Bithumb => 1,
        }
    }
    fn after(&mut self, last: u64) -> u64 {
        match self.venue {
            VenueId::Binance | VenueId::Okx => last + 2 + self.dice.below(LARGEST_STEP),
            VenueId::Upbit | VenueId::Bithumb | VenueId::Bybit => last + 1,
        }
    }
}

/// One book: what is published and what can be traded.
#[derive(Clone, Debug)]
pub struct Ladders {
    shown: SimBook,
    bids: Vec<Level>,
    asks: Vec<Level>,
    taken: Vec<Change>,
    numbers: Numbers,
    spoil: Spoil,
}

impl Ladders {
    /// An empty book of that venue.
    pub fn new(venue: VenueId, dice: Dice) -> Ladders {
        Ladders {
            shown: SimBook::default(),
            bids: Vec::new(),
            asks: Vec::new(),
            taken: Vec::new(),
            numbers: Numbers { venue, dice },
            spoil: Spoil::Sound,
        }
    }
    /// What is published.
    pub const fn shown(&self) -> &SimBook {
        &self.shown
    }
    /// From the next image on.
    pub const fn spoil(&mut self, how: Spoil) {
        self.spoil = how;
    }
    /// A new image of the market: what was taken is there again.
    pub fn redraw(&mut self, bids: &[Level], asks: &[Level], at_ms: u64) {
        (self.bids, self.asks) = (bids.to_vec(), asks.to_vec());
        self.taken.clear();
        let mut next = SimBook { bids: bids.to_vec(), asks: asks.to_vec(), ..SimBook::default() };
        match self.spoil {
            Spoil::Sound => {}
            Spoil::Crossed => cross(&mut next),
            Spoil::Frozen if self.shown.update_id > 0 => {
                (next.bids, next.asks) = (self.shown.bids.clone(), self.shown.asks.clone());
            }
            Spoil::Frozen => {}
        }
        self.publish(next, at_ms);
    }
    /// One more image of the same market, in which the best ask is a little larger or smaller: what
    /// a burst is made of.
    pub fn flicker(&mut self, lot: Qty, at_ms: u64) {
        let mut next = self.shown.clone();
        if let Some(best) = next.asks.first_mut() {
            let more = best.qty.plus(lot).filter(|_| self.shown.update_id.is_multiple_of(2));
            let less = best.qty.minus(lot);
            let fewer = if less.is_zero() { best.qty } else { less };
            best.qty = more.unwrap_or(fewer);
        }
        self.publish(next, at_ms);
    }
    fn publish(&mut self, mut next: SimBook, at_ms: u64) {
        next.prev_update_id = self.shown.update_id;
        next.update_id = match self.shown.update_id {
            0 => self.numbers.first(),
            last => self.numbers.after(last),
        };
        next.changed = changes(&self.shown, &next);
        next.at_ms = at_ms;
        self.shown = next;
    }
    /// What an order of this side could match now, best first, while `depth` of each level counts.
    pub fn offered(&self, side: Side, depth: Ppm) -> impl Iterator<Item = Level> {
        let (resting, levels) = match side {
            Side::Buy => (Side::Sell, &self.asks),
            Side::Sell => (Side::Buy, &self.bids),
        };
        levels.iter().filter_map(move |level| {
            let there = level.qty.portion(depth, Round::Down)?;
            let qty = there.minus(self.taken_at(resting, level.price));
            (!qty.is_zero()).then_some(Level { qty, ..*level })
        })
    }
    fn taken_at(&self, side: Side, price: Price) -> Qty {
        let same = |t: &&Change| t.side == side && t.level.price == price;
        self.taken.iter().find(same).map_or(Qty::ZERO, |taken| taken.level.qty)
    }
    /// An order of this side matched that much of a level: it stays gone until the next image.
    pub fn take(&mut self, side: Side, matched: Level) {
        let side = side.opposite();
        let same = |t: &&mut Change| t.side == side && t.level.price == matched.price;
        match self.taken.iter_mut().find(same) {
            Some(taken) => {
                taken.level.qty = taken.level.qty.plus(matched.qty).unwrap_or(taken.level.qty);
            }
            None => self.taken.push(Change { side, level: matched }),
        }
    }
}

/// The best bid rises above the best ask; both sides stay sorted.
fn cross(book: &mut SimBook) {
    let above = book.asks.get(1).or(book.asks.first()).map(|level| level.price);
    if let (Some(bid), Some(price)) = (book.bids.first_mut(), above) {
        bid.price = price;
    }
}

/// Levels of `next` that `last` does not have so, then those of `last` that are gone, side by side.
fn changes(last: &SimBook, next: &SimBook) -> Vec<Change> {
    let mut changed = Vec::new();
    for side in [Side::Buy, Side::Sell] {
        let (before, after) = (last.side(side), next.side(side));
        let begin = changed.len();
        let fresh = after.iter().filter(|level| !before.contains(level));
        changed.extend(fresh.map(|level| Change { side, level: *level }));
        let gone = before.iter().filter(|old| after.iter().all(|new| new.price != old.price));
        let gone = gone.map(|old| Level { price: old.price, qty: Qty::ZERO });
        changed.extend(gone.map(|level| Change { side, level }));
        changed[begin..].sort_unstable_by_key(|change| match side {
            Side::Buy => -change.level.price.raw(),
            Side::Sell => change.level.price.raw(),
        });
    }
    changed
}
