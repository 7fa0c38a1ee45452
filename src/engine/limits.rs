//! What the engine may rely on: checked limits, made by `config`, one struct per decision file.

pub use crate::types::age::AgeLimits;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::time::DurNs;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Qty;

/// How a pair earns (`PRODUCT.md` 5, accounting).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accounting {
    /// A pair stays open until its closing pays: entry edge + exit edge.
    Convergence,
    /// Both fills lock the profit and close the pair; inventories lean and are worked back.
    Capture,
}

/// When a candidate becomes an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignalLimits {
    /// `execution_engine.position_size_krw`: intended notional of one leg.
    pub position_size: Krw,
    /// `execution_engine.position_size_btc`: largest quantity of one BTC leg.
    pub max_btc_qty: Qty,
    /// `signal_engine.min_trade_amount_krw`: our own minimum notional of a leg.
    pub min_trade: Krw,
    /// `signal_engine.min_spread_pct`: least net edge of an entry.
    pub min_edge: Ppm,
    /// `risk.max_edge_pct`: a larger edge, either way, is bad data.
    pub edge_collar: Ppm,
    /// `signal_engine.slippage_pct`: how far beyond the walked price an IOC limit is set.
    pub slippage: Ppm,
    /// `safety.min_liquidity_krw`: least visible value on the side that a leg takes from.
    pub min_liquidity: Krw,
    /// `risk.entry_interval_ms`: least time between two entries on one route.
    pub entry_interval: DurNs,
    /// `rebalancer.skew_unwind_spread_pct`: least edge of a capture entry that works skew off.
    pub unwind_edge: Ppm,
}

/// Ceilings of the pre-trade gate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RiskLimits {
    /// `safety.max_slippage_pct`: an entry or exit limit lies at most this far from the best price.
    pub price_collar: Ppm,
    /// `order_manager.slippage_tolerance`: the same for hedges.
    pub hedge_collar: Ppm,
    /// `safety.max_position_size_krw`: largest value of one order.
    pub max_order_value: Krw,
    /// `risk.max_orders_per_second`.
    pub orders_per_second: u32,
    /// `risk.max_orders_per_minute`, at most [`crate::types::limit::ORDERS_PER_MINUTE`].
    pub orders_per_minute: u32,
    /// `risk.max_day_notional_krw`: sum of order values sent in one KST day.
    pub max_day_notional: Krw,
    /// `risk.max_open_orders`, at most [`crate::types::limit::ORDERS`].
    pub max_open_orders: u32,
    /// `risk.max_unknown_orders`: entries stop above it.
    pub max_unknown_orders: u32,
    /// `position_engine.max_open_positions`, at most [`crate::types::limit::PAIRS`].
    pub max_open_positions: u32,
    /// `position_engine.max_exposure_krw`: sum of the open pairs' entry notionals.
    pub max_exposure: Krw,
    /// Strictest of `position_engine.max_daily_loss_krw` and `safety.max_daily_loss_krw`.
    pub max_daily_loss: Krw,
    /// `risk.max_skew_krw`: largest lean of inventory between venues, capture accounting.
    pub max_skew: Krw,
    /// `risk.max_residual_krw`: entries stop while more than this stands unhedged.
    pub max_residual: Krw,
    /// `safety.max_order_delay_ms`: an order without an end after this long is unknown.
    pub order_timeout: DurNs,
    /// `risk.hedge_loss_pct`: largest part of the pair's notional that a repair may cost.
    pub hedge_loss: Ppm,
    /// `execution_engine.max_retries`, at most 2: collared repair attempts.
    pub hedge_attempts: u8,
    /// `execution_engine.retry_delay`: pause between two attempts to close the same pair.
    pub retry_delay: DurNs,
}

/// How the stop-loss measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopMode {
    /// `stoploss.enabled: false`.
    Off,
    /// At a fixed loss, as a part of the entry notional.
    Static(Ppm),
    /// At `multiple` (in thousandths) of the deviation of the pair's last `window` PnL samples.
    Dynamic {
        /// `stoploss.atr_window`, 2 to [`crate::types::limit::PNL_SAMPLES`].
        window: usize,
        /// `stoploss.atr_multiple` × 1000.
        multiple_milli: u32,
    },
}

/// When an open pair closes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExitLimits {
    /// `position_engine.accounting`.
    pub accounting: Accounting,
    /// `exit.take_profit_pct`, of the entry notional.
    pub take_profit: Ppm,
    /// `exit.max_holding_seconds`.
    pub max_holding: DurNs,
    /// `stoploss.*`.
    pub stop: StopMode,
    /// `stoploss.static_pct` again: price stop of an unhedged residual.
    pub residual_stop: Ppm,
}

/// When exposure is reduced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RebalanceLimits {
    /// `rebalancer.enabled`.
    pub enabled: bool,
    /// `rebalancer.max_exposure_krw`.
    pub max_exposure: Krw,
    /// `rebalancer.reduce_pct`: a fraction in the file (0.3), here parts per million: how much more
    /// than the excess is closed.
    pub overshoot: Ppm,
    /// `rebalancer.max_imbalance_pct` (30): report beyond it.
    pub max_imbalance: Ppm,
}

/// A starting balance, raw 10⁻⁸ units of the asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    /// Where.
    pub venue: VenueId,
    /// Of what.
    pub asset: Asset,
    /// How much.
    pub raw: i64,
}

/// Everything the engine is started with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnginePlan {
    /// Every traded instrument and the FX instrument `USDT-KRW`; `id` is the index here.
    pub instruments: Vec<Instrument>,
    /// The venue whose `USDT-KRW` book is the rate; those of other venues check it.
    pub fx: VenueId,
    /// Balances at the start.
    pub balances: Vec<Balance>,
    /// See [`SignalLimits`].
    pub signal: SignalLimits,
    /// See [`AgeLimits`].
    pub ages: AgeLimits,
    /// See [`RiskLimits`].
    pub risk: RiskLimits,
    /// See [`ExitLimits`].
    pub exit: ExitLimits,
    /// See [`RebalanceLimits`].
    pub rebalance: RebalanceLimits,
}
