//! Orders between engine and gateway: requests out, events back.

use crate::types::ids::InstrumentId;
use crate::types::ids::OrderId;
use crate::types::ids::PairId;
use crate::types::ids::TradeId;
use crate::types::market::Side;
use crate::types::time::MonoNs;
use crate::types::units::Price;
use crate::types::units::Qty;

/// What an order is for; it decides which permission the order needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Purpose {
    /// A leg of a new pair. Needs `Permission::Trade`.
    Entry,
    /// A leg that closes an open pair. Needs `Permission::Finish`.
    Exit,
    /// Repairs a one-sided pair. Needs `Permission::Reduce`.
    Hedge,
}

/// An IOC limit order on its way to a venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderRequest {
    /// Our number.
    pub id: OrderId,
    /// The pair it belongs to.
    pub pair: PairId,
    /// Where and what.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much, on the lot grid.
    pub qty: Qty,
    /// Worst acceptable price, on the tick grid.
    pub limit: Price,
    /// What it is for.
    pub purpose: Purpose,
    /// When the engine decided it.
    pub decided_at: MonoNs,
}

/// A taker fee as charged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fee {
    /// In the quote currency of the instrument, raw 10⁻⁸ units, ≥ 0.
    Quote(i64),
    /// In base coins, kept from what a buy received.
    Base(Qty),
}

/// One match of one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// Venue's number: the same trade reported twice carries the same one.
    pub trade: TradeId,
    /// Price of the match.
    pub price: Price,
    /// Quantity of the match.
    pub qty: Qty,
    /// What the venue charged for it.
    pub fee: Fee,
}

/// Why a venue, or the last hop before it, did not take an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum RejectReason {
    /// Balance too small.
    Balance,
    /// Price or size off the grid, below the minimum or above the maximum.
    Filter,
    /// The venue refused for a reason of its own (simulated: drawn by chance).
    Venue,
    /// The last-hop gate saw an expired lease or no permission.
    Gate,
    /// The last-hop gate saw a stale or invalid book, or a limit beyond the collar.
    StaleQuote,
}

/// How an order ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Ending {
    /// All of it matched.
    Filled,
    /// The rest was cancelled (IOC).
    Cancelled,
    /// Not taken at all.
    Rejected(RejectReason),
}

/// What happened to an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderEventKind {
    /// The venue has it.
    Ack,
    /// Part or all of it matched.
    Fill(Fill),
    /// It is over; `filled` is the venue's own total, so that a fill still on its way is missed.
    Done {
        /// How it ended.
        ending: Ending,
        /// Cumulative matched quantity.
        filled: Qty,
    },
}

impl OrderEventKind {
    /// True for the end of an order that our own last hop did not let go.
    pub const fn never_left(&self) -> bool {
        let OrderEventKind::Done { ending: Ending::Rejected(why), .. } = self else {
            return false;
        };
        matches!(why, RejectReason::Gate | RejectReason::StaleQuote)
    }
}

/// An event of one order, from the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderEvent {
    /// Which order.
    pub id: OrderId,
    /// What happened.
    pub kind: OrderEventKind,
}
