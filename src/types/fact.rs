//! What happened, in the words the journal keeps: intents, events, pairs, refusals.

use crate::types::ids::InstrumentId;
use crate::types::ids::PairId;
use crate::types::order::OrderEvent;
use crate::types::order::OrderRequest;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::SignedQty;

/// Why a candidate or an order was refused before leaving the process. Counted per variant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(usize)]
pub enum Refusal {
    /// A book of the route, or FX, has no valid image.
    NoBook,
    /// A leg's quote is older than allowed.
    StaleQuote,
    /// The FX quote is older than allowed.
    StaleFx,
    /// FX moved further than the jump collar allows.
    FxJump,
    /// The edge is too good to be true (plausibility collar).
    ImplausibleEdge,
    /// The net edge is below `signal_engine.min_spread_pct`.
    BelowMinSpread,
    /// The visible depth does not hold the smallest order at a positive marginal edge.
    Depth,
    /// Too small for a venue's or our own minimum notional after rounding.
    MinNotional,
    /// A pair of the same route is still working, or was entered too short a time ago.
    Busy,
    /// Not enough balance on a venue.
    Balance,
    /// As many open positions as allowed.
    OpenPositions,
    /// Total exposure would exceed its ceiling.
    Exposure,
    /// Inventory would lean further to one venue than allowed (capture accounting).
    InventorySkew,
    /// The day's loss limit is reached.
    DailyLoss,
    /// The day's notional ceiling is reached.
    DayNotional,
    /// A single order would be too large.
    OrderSize,
    /// The limit price lies outside the price collar.
    PriceCollar,
    /// Too many orders in the last second or minute.
    OrderRate,
    /// Too many orders open.
    OpenOrders,
    /// An order's outcome is unknown.
    UnknownOrders,
    /// Entries are stopped because an unhedged residual stands.
    Residual,
    /// The permission word does not allow it, or its lease has run out.
    Permission,
    /// The request link is full.
    LinkFull,
    /// A product left the fixed-point range.
    Overflow,
    /// Another venue's FX rate lies further away than allowed.
    FxGap,
}

impl Refusal {
    /// How many variants there are.
    pub const COUNT: usize = Refusal::ALL.len();
    /// Every variant with its name in reports, in order.
    pub const ALL: [(Refusal, &'static str); 25] = [
        (Refusal::NoBook, "no_book"),
        (Refusal::StaleQuote, "stale_quote"),
        (Refusal::StaleFx, "stale_fx"),
        (Refusal::FxJump, "fx_jump"),
        (Refusal::ImplausibleEdge, "implausible_edge"),
        (Refusal::BelowMinSpread, "below_min_spread"),
        (Refusal::Depth, "depth"),
        (Refusal::MinNotional, "min_notional"),
        (Refusal::Busy, "busy"),
        (Refusal::Balance, "balance"),
        (Refusal::OpenPositions, "open_positions"),
        (Refusal::Exposure, "exposure"),
        (Refusal::InventorySkew, "inventory_skew"),
        (Refusal::DailyLoss, "daily_loss"),
        (Refusal::DayNotional, "day_notional"),
        (Refusal::OrderSize, "order_size"),
        (Refusal::PriceCollar, "price_collar"),
        (Refusal::OrderRate, "order_rate"),
        (Refusal::OpenOrders, "open_orders"),
        (Refusal::UnknownOrders, "unknown_orders"),
        (Refusal::Residual, "residual"),
        (Refusal::Permission, "permission"),
        (Refusal::LinkFull, "link_full"),
        (Refusal::Overflow, "overflow"),
        (Refusal::FxGap, "fx_gap"),
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        Refusal::ALL[self as usize].1
    }
}

/// KRW per USDT as it stood when something was booked: both sides of the `USDT-KRW` book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FxRates {
    /// Won received for one tether sold.
    pub bid: Price,
    /// Won paid for one tether bought.
    pub ask: Price,
}

/// Worth of `qty` when a pair's orders were decided: the base of its notional and loss budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Quantity of each leg.
    pub qty: Qty,
    /// What buying it was to cost.
    pub cost: Krw,
    /// What selling it was to earn.
    pub proceeds: Krw,
}

/// Why a pair began to close.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum CloseReason {
    /// Pair PnL reached `exit.take_profit_pct`.
    TakeProfit,
    /// Pair PnL fell to the stop-loss.
    StopLoss,
    /// Older than `exit.max_holding_seconds`.
    HoldingTime,
    /// Exposure above the rebalancer's ceiling.
    Rebalance,
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [CloseReason; 4] = [
        CloseReason::TakeProfit,
        CloseReason::StopLoss,
        CloseReason::HoldingTime,
        CloseReason::Rebalance,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            CloseReason::TakeProfit => "take_profit",
            CloseReason::StopLoss => "stop_loss",
            CloseReason::HoldingTime => "holding_time",
            CloseReason::Rebalance => "rebalance",
        }
    }
}

/// What became of a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PairChange {
    /// Both legs were sent.
    Entered {
        /// Where the coin is bought.
        buy: InstrumentId,
        /// Where it is sold.
        sell: InstrumentId,
        /// Intended quantity of each leg and its worth when it was decided.
        reference: Reference,
        /// Net edge at that quantity.
        edge: Ppm,
    },
    /// Neither leg matched anything.
    Missed,
    /// Equal quantities stand on both venues.
    Opened {
        /// That quantity.
        qty: Qty,
    },
    /// The legs differ; repair begins.
    Unhedged {
        /// Bought minus sold.
        excess: SignedQty,
    },
    /// Exit orders were sent.
    Closing {
        /// Why.
        reason: CloseReason,
        /// Quantity of each leg and its worth when it was decided.
        reference: Reference,
    },
    /// Over. The PnL is the sum over the pair's fills, fees included, plus the value of residuals
    /// handed over, less that of a residual taken in.
    Closed {
        /// Realised result.
        pnl: Krw,
    },
    /// Repair failed or no order is small enough: the pair hands this much to the residual ledger
    /// at `value` (what it would fetch or cost now), which counts in the pair's result.
    Residual {
        /// Bought minus sold.
        excess: SignedQty,
        /// Its value in won, with the sign of the excess.
        value: Krw,
    },
    /// A residual is taken from the ledger at its booked value, to be worked off by orders.
    Swept {
        /// The coin's instrument on the KRW venue.
        krw: InstrumentId,
        /// Bought minus sold.
        excess: SignedQty,
        /// Its booked value in won, with the sign of the excess.
        value: Krw,
    },
}

/// One fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactKind {
    /// An order is about to be sent.
    Intent {
        /// The order.
        request: OrderRequest,
        /// Its value in won at its limit: what counts against the day's notional.
        value: Krw,
    },
    /// An order event was applied, with the FX rates it was booked at.
    Order {
        /// The event.
        event: OrderEvent,
        /// FX of that moment; `None` only before the first FX image.
        fx: Option<FxRates>,
    },
    /// A pair changed.
    Pair {
        /// Which.
        id: PairId,
        /// How.
        change: PairChange,
    },
    /// Venue inventories differ by more than the rebalancer tolerates. Reported only.
    Imbalance {
        /// (KRW venue − USDT venue) ÷ total, all in won.
        part: Ppm,
    },
}

/// A fact and its moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fact {
    /// When.
    pub at: Now,
    /// What.
    pub kind: FactKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_table_stands_in_the_order_of_the_enum() {
        for (index, (refusal, name)) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index, "{name}");
        }
    }
}
