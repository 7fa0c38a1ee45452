//! What a run hands on to the next one: the account, the pairs and the orders of one moment.
//!
//! The engine makes it and starts from it; the journal writes it into each file's first record, so
//! that a restart reads the facts since the last start only. Instants lie on the clock of `at`.

use serde::Deserialize;
use serde::Serialize;

use crate::types::fact::CloseReason;
use crate::types::fact::FxRates;
use crate::types::fact::Reference;
use crate::types::ids::Asset;
use crate::types::ids::InstrumentId;
use crate::types::ids::OrderId;
use crate::types::ids::PairId;
use crate::types::ids::TradeId;
use crate::types::ids::VenueId;
use crate::types::order::Ending;
use crate::types::order::OrderRequest;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::Qty;
use crate::types::units::SignedQty;

/// Where a pair stands. `Unhedged` is the only state that carries market risk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Both entry legs are out.
    Working,
    /// Equal quantities stand on both venues (up to dust below any minimum order).
    Open,
    /// The legs differ; a repair order is out or due.
    Unhedged {
        /// Repair attempts made.
        attempts: u8,
        /// When the legs began to differ.
        since: MonoNs,
    },
    /// Exit orders are out.
    Closing {
        /// Why.
        reason: CloseReason,
    },
}

/// The engine's durable state at one moment. What the market taught it (books, marks, samples of
/// the dynamic stop, order-rate windows) is learnt anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carry {
    /// When; the clock that every instant below was read from.
    pub at: Now,
    /// First order number that was never used.
    pub next_order: OrderId,
    /// First pair number that was never used.
    pub next_pair: PairId,
    /// KRW per USDT as last seen: values a fill that comes before the first FX image.
    pub fx: Option<FxRates>,
    /// Results since the first start.
    pub totals: CarriedTotals,
    /// Counts since the first start.
    pub counts: CarriedCounts,
    /// Balances.
    pub holdings: Vec<CarriedHolding>,
    /// Pairs that are not closed.
    pub pairs: Vec<CarriedPair>,
    /// Orders at work and the last ended ones, oldest first.
    pub orders: Vec<CarriedOrder>,
    /// Residuals that are not flat.
    pub residuals: Vec<CarriedResidual>,
}

/// Booked results.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CarriedTotals {
    /// Realised PnL.
    pub realized: Krw,
    /// Of it, in the KST day `day`.
    pub realized_today: Krw,
    /// Fees in won.
    pub fees: Krw,
    /// Fills booked.
    pub fills: u64,
    /// Won of orders sent in the KST day `day`.
    pub day_notional: Krw,
    /// The KST day of the last fact; `None` before the first.
    pub day: Option<u64>,
}

/// What has been counted about pairs and orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CarriedCounts {
    /// Pairs whose legs were sent.
    pub entered: u64,
    /// Pairs with at least one fill.
    pub opened: u64,
    /// Of those, closed.
    pub closed: u64,
    /// Pairs of which neither leg matched.
    pub missed: u64,
    /// Pairs whose legs differed at some time.
    pub unhedged: u64,
    /// Residuals handed to the ledger.
    pub residuals: u64,
    /// Pairs closed by the stop-loss.
    pub stop_losses: u64,
    /// Orders rejected.
    pub rejects: u64,
    /// Orders that ended with a part unmatched.
    pub partials: u64,
    /// Evidence that contradicted what was known.
    pub contradictions: u64,
}

/// One asset on one venue, raw 10⁻⁸ units. What orders reserve follows from the orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CarriedHolding {
    /// Where.
    pub venue: VenueId,
    /// What.
    pub asset: Asset,
    /// Owned now.
    pub raw: i64,
    /// Owned at the first start.
    pub start_raw: i64,
}

/// One pair that is not closed. Its orders at work are those orders that name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CarriedPair {
    /// Its number.
    pub id: PairId,
    /// Where it bought at entry.
    pub buy: InstrumentId,
    /// Where it sold at entry.
    pub sell: InstrumentId,
    /// Where it stands.
    pub stage: Stage,
    /// Intended quantity of each leg.
    pub intended: Qty,
    /// Coins held by the buying leg.
    pub long: SignedQty,
    /// Coins owed by the selling leg.
    pub short: SignedQty,
    /// Σ won in and out, fees included.
    pub cash: Krw,
    /// The base of its percentages and its exposure.
    pub notional: Krw,
    /// Worth of its legs when orders were last decided.
    pub reference: Reference,
    /// When its legs were sent.
    pub entered_at: MonoNs,
    /// What it is counted as.
    pub kind: CarriedKind,
    /// A close that was decided and not finished.
    pub wanted: Option<CloseReason>,
}

/// Where a pair comes from and whether it was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CarriedKind {
    /// An entry without any fill yet.
    Entry,
    /// An entry that had a fill.
    Counted,
    /// A residual being worked off.
    Sweep,
}

/// One order, at work or ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CarriedOrder {
    /// As sent.
    pub request: OrderRequest,
    /// Sum of its fills.
    pub filled: Qty,
    /// The venue's word that it is over, with its own total.
    pub ended: Option<(Ending, Qty)>,
    /// Trades already booked.
    pub trades: Vec<TradeId>,
}

/// One coin's residual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CarriedResidual {
    /// Which coin.
    pub base: Asset,
    /// Long above zero, short below.
    pub qty: SignedQty,
    /// Booked value, with its sign.
    pub value: Krw,
    /// Quantity at the last attempt to work it off.
    pub attempted: SignedQty,
}
