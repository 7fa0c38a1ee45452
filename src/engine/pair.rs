//! The pair: two legs, one outcome. A pure state machine over its own fills.

use arrayvec::ArrayVec;

use crate::engine::signal::Direction;
use crate::stats::ring::SampleRing;
pub use crate::types::carry::Stage;
use crate::types::fact::CloseReason;
use crate::types::fact::Reference;
use crate::types::ids::InstrumentId;
use crate::types::ids::OrderId;
use crate::types::ids::PairId;
use crate::types::limit;
use crate::types::market::Side;
use crate::types::time::MonoNs;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Qty;
use crate::types::units::SignedQty;

/// A pair that is not closed yet.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Its number.
    pub id: PairId,
    /// Index of its route.
    pub route: usize,
    /// Which way it was entered.
    pub direction: Direction,
    /// Where it bought at entry.
    pub buy: InstrumentId,
    /// Where it sold at entry.
    pub sell: InstrumentId,
    /// Where it stands.
    pub stage: Stage,
    /// Intended quantity of each leg.
    pub intended: Qty,
    /// Coins held by the buying leg: bought there less sold there.
    pub long: SignedQty,
    /// Coins owed by the selling leg: sold there less bought there.
    pub short: SignedQty,
    /// Σ won in and out over its fills, fees included.
    pub cash: Krw,
    /// Intended cost of the entry, the base of its percentages and its exposure.
    pub notional: Krw,
    /// Orders at work for it.
    pub orders: ArrayVec<OrderId, 2>,
    /// When its legs were sent.
    pub entered_at: MonoNs,
    /// No closing attempt before this.
    pub retry_at: MonoNs,
    /// Samples of its PnL in ppm of the notional, for the dynamic stop.
    pub samples: SampleRing<{ limit::PNL_SAMPLES }>,
    /// When the last sample was taken.
    pub sampled_at: Option<MonoNs>,
    /// Since when the books have been too thin to close it whole.
    pub thin_since: Option<MonoNs>,
    /// Latest known PnL if closed now.
    pub mark: Option<Krw>,
    /// True from its first fill on: such a pair counts as opened, and as closed in the end.
    pub counted: bool,
    /// True for a residual being worked off: it never was an entry.
    pub is_sweep: bool,
    /// A close that was decided elsewhere (rebalancing) and waits for fresh books.
    pub wanted: Option<CloseReason>,
    /// What both legs were worth when its orders were last decided: the base of the loss budget.
    pub reference: Reference,
}

/// What has to follow once no order of a pair is at work any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Orders are still at work.
    Wait,
    /// Nothing matched at all.
    Missed,
    /// Equal legs stand.
    Stand,
    /// The legs differ by this much (bought − sold).
    Repair(SignedQty),
    /// Nothing is left on either leg.
    Over,
}

impl Pair {
    /// A pair without coins or orders yet, on one route and its two legs (buying, selling).
    pub fn new(
        id: PairId,
        way: (usize, Direction),
        legs: (InstrumentId, InstrumentId),
        at: MonoNs,
    ) -> Pair {
        Pair {
            id,
            route: way.0,
            direction: way.1,
            buy: legs.0,
            sell: legs.1,
            stage: Stage::Working,
            intended: Qty::ZERO,
            long: SignedQty::ZERO,
            short: SignedQty::ZERO,
            cash: Krw::ZERO,
            notional: Krw::ZERO,
            orders: ArrayVec::new(),
            entered_at: at,
            retry_at: at,
            samples: SampleRing::new(1),
            sampled_at: None,
            thin_since: None,
            mark: None,
            counted: false,
            is_sweep: false,
            wanted: None,
            reference: Reference { qty: Qty::ZERO, cost: Krw::ZERO, proceeds: Krw::ZERO },
        }
    }

    /// Bought minus sold: what is exposed to the market.
    pub fn excess(&self) -> SignedQty {
        SignedQty::from_raw(self.long.raw() - self.short.raw())
    }

    /// Books a fill of one of its orders. `false` if a sum leaves the range (nothing is booked).
    pub fn apply(&mut self, at: InstrumentId, side: Side, moved: (Qty, Krw)) -> bool {
        let (qty, cash) = moved;
        let signed = match side {
            Side::Buy => SignedQty::from_raw(qty.raw()),
            Side::Sell => SignedQty::from_raw(-qty.raw()),
        };
        let Some(cash) = self.cash.plus(&cash) else { return false };
        let (long, short) = if at == self.buy {
            (self.long.plus(signed), Some(self.short))
        } else {
            (Some(self.long), self.short.plus(SignedQty::from_raw(-signed.raw())))
        };
        let (Some(long), Some(short)) = (long, short) else { return false };
        (self.cash, self.long, self.short) = (cash, long, short);
        true
    }

    /// Forgets an order that is over.
    pub fn drop_order(&mut self, id: OrderId) {
        self.orders.retain(|working| *working != id);
    }

    /// A repair order never left: the attempt does not count, and the next one waits a little.
    pub fn give_back_attempt(&mut self, retry_at: MonoNs) {
        if let Stage::Unhedged { attempts, .. } = &mut self.stage {
            *attempts = attempts.saturating_sub(1);
        }
        self.retry_at = retry_at;
    }

    /// What follows, from its legs alone: the order in which evidence came does not matter.
    pub fn next(&self) -> Next {
        if !self.orders.is_empty() {
            return Next::Wait;
        }
        let excess = self.excess();
        let flat = self.long == SignedQty::ZERO && self.short == SignedQty::ZERO;
        match self.stage {
            Stage::Working if flat => Next::Missed,
            _ if flat => Next::Over,
            _ if excess == SignedQty::ZERO => Next::Stand,
            _ => Next::Repair(excess),
        }
    }

    /// What of the pair stands on both venues.
    pub fn matched(&self) -> Qty {
        let smaller = self.long.min(self.short);
        if smaller > SignedQty::ZERO { smaller.size() } else { Qty::ZERO }
    }

    /// Its PnL as a part of its notional.
    pub fn pnl_part(&self, pnl: Krw) -> Option<Ppm> {
        pnl.part_of(&self.notional)
    }

    /// True while its exit may be considered.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(long: i64, short: i64) -> Pair {
        let legs = (InstrumentId(0), InstrumentId(1));
        let mut pair = Pair::new(PairId(1), (0, Direction::BuyKrw), legs, MonoNs(0));
        pair.long = SignedQty::from_raw(long);
        pair.short = SignedQty::from_raw(short);
        pair
    }

    #[test]
    fn what_follows_depends_on_the_legs_alone() {
        assert_eq!(pair(0, 0).next(), Next::Missed);
        assert_eq!(pair(5, 5).next(), Next::Stand);
        assert_eq!(pair(5, 0).next(), Next::Repair(SignedQty::from_raw(5)));
        assert_eq!(pair(0, 5).next(), Next::Repair(SignedQty::from_raw(-5)));
        let mut waiting = pair(5, 0);
        waiting.orders.push(OrderId(1));
        assert_eq!(waiting.next(), Next::Wait);
        let mut closing = pair(0, 0);
        closing.stage = Stage::Closing { reason: CloseReason::TakeProfit };
        assert_eq!(closing.next(), Next::Over);
    }

    #[test]
    fn a_sell_where_it_bought_and_a_buy_where_it_sold_close_the_legs() {
        let mut closing = pair(5, 5);
        let qty = Qty::from_raw(5).expect("positive");
        assert!(closing.apply(InstrumentId(0), Side::Sell, (qty, Krw::from_raw(7))));
        assert!(closing.apply(InstrumentId(1), Side::Buy, (qty, Krw::from_raw(-6))));
        assert_eq!((closing.long, closing.short), (SignedQty::ZERO, SignedQty::ZERO));
        assert_eq!(closing.cash, Krw::from_raw(1));
    }
}
