//! Orders at a simulated venue, what became of them, and what their account is told.

use crate::types::ids::Asset;
use crate::types::market::Side;
use crate::types::units::Price;
use crate::types::units::Qty;

/// Index of an account in [`crate::sim::exchange::core::Exchange::accounts`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct AccountId(pub usize);

/// How long an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tif {
    /// Until it is filled or cancelled.
    Gtc,
    /// What does not match at once is over.
    Ioc,
    /// All at once or nothing.
    Fok,
    /// Refused if any of it would match at once.
    PostOnly,
}

/// What is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderKind {
    /// At this price or better.
    Limit {
        /// The worst price.
        price: Price,
        /// Base coins.
        qty: Qty,
    },
    /// So many base coins at any price.
    MarketQty(Qty),
    /// Quote money to spend (buy) or to receive (sell), fees apart.
    MarketValue {
        /// Quote × 10⁻⁸.
        raw: i64,
    },
    /// At the best opposite price of this moment and no worse (Upbit `best`): by value for a buy,
    /// by quantity for a sell.
    Best {
        /// Base coins.
        qty: Option<Qty>,
        /// Quote × 10⁻⁸.
        value_raw: Option<i64>,
    },
}

/// An order as it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOrder {
    /// Whose.
    pub account: AccountId,
    /// Index in [`crate::sim::exchange::core::Exchange::instruments`].
    pub instrument: usize,
    /// Which way.
    pub side: Side,
    /// What.
    pub kind: OrderKind,
    /// How long. Market orders never rest, whatever it says.
    pub tif: Tif,
    /// The client's own id.
    pub client_id: Option<String>,
}

/// Why nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// No such instrument or account.
    #[error("no such instrument")]
    NoInstrument,
    /// The venue takes no orders now.
    #[error("the venue takes no orders now")]
    Halted,
    /// The price is off its grid.
    #[error("the price is off its grid")]
    Tick,
    /// The quantity is zero or off its grid.
    #[error("the quantity is off its grid")]
    Lot,
    /// Below the smallest order value.
    #[error("the order value is too small")]
    MinValue,
    /// Above the largest order value.
    #[error("the order value is too large")]
    MaxValue,
    /// Not enough free balance.
    #[error("not enough {asset}")]
    Balance {
        /// Of this.
        asset: Asset,
    },
    /// The client id is in use, or was used where the venue never forgets.
    #[error("the client id was used before")]
    DuplicateId,
    /// A maker-only order would take.
    #[error("the order would take")]
    WouldTake,
    /// Too many orders are open.
    #[error("too many open orders")]
    TooManyOpen,
    /// No such order of this account.
    #[error("no such order")]
    NoOrder,
    /// The order is over already.
    #[error("the order is over")]
    Over,
}

/// Where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SimState {
    /// Rests, nothing matched.
    Open,
    /// Rests, partly matched.
    Partly,
    /// Wholly matched.
    Filled,
    /// Ended by the client; `filled` says how much matched.
    Cancelled,
    /// Ended by the venue: what an IOC, FOK or market order could not match.
    Expired,
}

impl SimState {
    /// It can still match.
    pub const fn is_open(self) -> bool {
        matches!(self, SimState::Open | SimState::Partly)
    }
}

/// One match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimFill {
    /// Unique at the venue, ascending.
    pub trade_id: u64,
    /// Price of the match.
    pub price: Price,
    /// Base coins.
    pub qty: Qty,
    /// Fee, × 10⁻⁸ of `fee_asset`.
    pub fee_raw: i64,
    /// What the fee is paid in.
    pub fee_asset: Asset,
    /// The order was resting.
    pub is_maker: bool,
    /// Venue time, ms since 1970.
    pub at_ms: u64,
}

/// An order at the venue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimOrder {
    /// Unique at the venue, ascending.
    pub id: u64,
    /// As given.
    pub order: NewOrder,
    /// Where it stands.
    pub state: SimState,
    /// Matched so far, base coins.
    pub filled: Qty,
    /// Value matched so far, quote × 10⁻⁸, fees apart.
    pub filled_value_raw: i64,
    /// Every match.
    pub fills: Vec<SimFill>,
    /// Still locked for it: base × 10⁻⁸ for a sell, quote × 10⁻⁸ for a buy.
    pub locked_raw: i64,
    /// Venue time at which it came, ms since 1970.
    pub placed_at_ms: u64,
    /// Venue time of its last change, ms since 1970.
    pub changed_at_ms: u64,
}

/// How a client names an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderRef<'a> {
    /// By the venue's id.
    Id(u64),
    /// By the client's own id; the newest order that has it.
    Client(&'a str),
}

/// What an account's private stream is told, in the order of its happening.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountEvent {
    /// An order was taken.
    Placed(SimOrder),
    /// It matched; the order as it stands after the match.
    Filled(SimOrder, SimFill),
    /// It is over; `state` says how.
    Done(SimOrder),
    /// A balance changed.
    Balance {
        /// Of this.
        asset: Asset,
        /// Free, × 10⁻⁸.
        free_raw: i64,
        /// Locked in orders, × 10⁻⁸.
        locked_raw: i64,
    },
}
