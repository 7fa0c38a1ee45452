//! Raw sections of the trading decisions.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::config::decimal::Decimal;
use crate::types::limit;

/// `signal_engine`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignalEngineYaml {
    /// Least net edge of an entry, after both fees, depth and currency.
    #[schemars(range(min = 0, max = 20), extend("from" = 0.001, "unit" = "%"))]
    pub min_spread_pct: Decimal,
    /// Taker fee of one leg on Upbit.
    #[schemars(range(min = 0, max = 2), extend("from" = 0.001, "unit" = "%"))]
    pub upbit_fee: Decimal,
    /// Taker fee of one leg on Binance.
    #[schemars(range(min = 0, max = 2), extend("from" = 0.001, "unit" = "%"))]
    pub binance_fee: Decimal,
    /// Taker fee of one leg on Bithumb, without its coupon.
    #[schemars(range(min = 0, max = 2), extend("from" = 0.001, "unit" = "%"))]
    pub bithumb_fee: Decimal,
    /// Taker fee of one leg on Bybit.
    #[schemars(range(min = 0, max = 2), extend("from" = 0.001, "unit" = "%"))]
    pub bybit_fee: Decimal,
    /// Taker fee of one leg on OKX.
    #[schemars(range(min = 0, max = 2), extend("from" = 0.001, "unit" = "%"))]
    pub okx_fee: Decimal,
    /// How far beyond the walked price the limit of an entry or exit is set.
    #[schemars(range(min = 0, max = 5), extend("from" = 0.001, "unit" = "%"))]
    pub slippage_pct: Decimal,
    /// Smallest notional of one leg.
    #[schemars(range(min = 100, max = 1_000_000), extend("unit" = "KRW"))]
    pub min_trade_amount_krw: Decimal,
}

impl Default for SignalEngineYaml {
    fn default() -> Self {
        SignalEngineYaml {
            min_spread_pct: Decimal::literal("0.5"),
            upbit_fee: Decimal::literal("0.05"),
            binance_fee: Decimal::literal("0.1"),
            bithumb_fee: Decimal::literal("0.25"),
            bybit_fee: Decimal::literal("0.1"),
            okx_fee: Decimal::literal("0.1"),
            slippage_pct: Decimal::literal("0.2"),
            min_trade_amount_krw: Decimal::literal("5000"),
        }
    }
}

/// `execution_engine`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutionEngineYaml {
    /// Intended notional of one leg.
    #[schemars(range(min = 1_000, max = 50_000_000), extend("unit" = "KRW"))]
    pub position_size_krw: Decimal,
    /// Largest quantity of one BTC leg, whatever its notional.
    #[schemars(range(min = 0.0001, max = 5), extend("unit" = "BTC"))]
    pub position_size_btc: Decimal,
    /// Collared attempts to repair a one-sided pair; 0 leaves it to the operator.
    #[schemars(range(min = 0, max = 2), extend("unit" = "attempts"))]
    pub max_retries: u32,
    /// Pause between two attempts to close the same pair.
    #[schemars(range(min = 0, max = 60), extend("from" = 0.01, "unit" = "s"))]
    pub retry_delay: Decimal,
}

impl Default for ExecutionEngineYaml {
    fn default() -> Self {
        ExecutionEngineYaml {
            position_size_krw: Decimal::literal("100000"),
            position_size_btc: Decimal::literal("0.01"),
            max_retries: 2,
            retry_delay: Decimal::literal("1"),
        }
    }
}

/// `order_manager`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrderManagerYaml {
    /// Queries of an order whose outcome is unknown before the operator is told.
    #[schemars(range(min = 1, max = 100), extend("unit" = "attempts", "waits_for" = "mode live"))]
    pub max_retries: u32,
    /// Pause between two such queries.
    #[schemars(range(min = 0.01, max = 60), extend("unit" = "s", "waits_for" = "mode live"))]
    pub retry_delay: Decimal,
    /// After this long without an end an order is cancelled and queried until it has one.
    #[schemars(range(min = 1, max = 3600), extend("unit" = "s", "waits_for" = "mode live"))]
    pub order_timeout: Decimal,
    /// A hedge's limit lies at most this far from the best price.
    #[schemars(range(min = 0.01, max = 10), extend("unit" = "%"))]
    pub slippage_tolerance: Decimal,
}

impl Default for OrderManagerYaml {
    fn default() -> Self {
        OrderManagerYaml {
            max_retries: 3,
            retry_delay: Decimal::literal("1"),
            order_timeout: Decimal::literal("60"),
            slippage_tolerance: Decimal::literal("0.5"),
        }
    }
}

/// `safety`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyYaml {
    /// An entry or exit limit lies at most this far from the best price; not below
    /// signal_engine.slippage_pct.
    #[schemars(range(min = 0.001, max = 10), extend("unit" = "%"))]
    pub max_slippage_pct: Decimal,
    /// An order without an end after this long counts as unknown.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub max_order_delay_ms: u64,
    /// Largest value of one order.
    #[schemars(range(min = 1_000, max = 100_000_000), extend("unit" = "KRW"))]
    pub max_position_size_krw: Decimal,
    /// Largest loss of one day (KST), realised and unrealised; the stricter of this and
    /// position_engine.max_daily_loss_krw counts.
    #[schemars(range(min = 1_000, max = 100_000_000), extend("unit" = "KRW"))]
    pub max_daily_loss_krw: Decimal,
    /// Least visible value on the side that a leg takes from.
    #[schemars(
        range(min = 0, max = 10_000_000_000i64),
        extend("from" = 100_000, "unit" = "KRW")
    )]
    pub min_liquidity_krw: Decimal,
    /// Live only: every feed has to be fresh before trading is armed.
    #[schemars(extend("waits_for" = "mode live"))]
    pub require_ws_freshness: bool,
    /// Live only: refuses to start while Redis is off.
    // No `waits_for`: the demand stands already, and `false` is the way to lift it.
    pub require_redis_heartbeat: bool,
}

impl Default for SafetyYaml {
    fn default() -> Self {
        SafetyYaml {
            max_slippage_pct: Decimal::literal("0.3"),
            max_order_delay_ms: 2_500,
            max_position_size_krw: Decimal::literal("300000"),
            max_daily_loss_krw: Decimal::literal("150000"),
            min_liquidity_krw: Decimal::literal("20000000"),
            require_ws_freshness: true,
            require_redis_heartbeat: true,
        }
    }
}

/// `risk`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RiskYaml {
    /// Oldest quote of a leg that may be traded on.
    #[schemars(range(min = 10, max = 60_000), extend("unit" = "ms"))]
    pub max_quote_age_ms: u64,
    /// A venue that sends nothing while a book is quiet counts as alive this long.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub alive_within_ms: u64,
    /// A quiet book on a living connection stays fresh this long.
    #[schemars(range(min = 1_000, max = 600_000), extend("unit" = "ms"))]
    pub max_quiet_book_ms: u64,
    /// A larger edge, either way, is bad data.
    #[schemars(range(min = 0.1, max = 50), extend("unit" = "%"))]
    pub max_edge_pct: Decimal,
    /// Least time between two entries on one route.
    #[schemars(range(min = 0, max = 600_000), extend("from" = 10, "unit" = "ms"))]
    pub entry_interval_ms: u64,
    /// Most orders in one second.
    #[schemars(range(min = 1, max = 100), extend("unit" = "orders"))]
    pub max_orders_per_second: u32,
    /// Most orders in one minute.
    #[schemars(range(min = 1, max = limit::ORDERS_PER_MINUTE), extend("unit" = "orders"))]
    pub max_orders_per_minute: u32,
    /// Largest sum of order values sent in one day (KST).
    #[schemars(range(min = 2_000_000, max = 90_000_000_000i64), extend("unit" = "KRW"))]
    pub max_day_notional_krw: Decimal,
    /// Most orders at work at once; a pair needs two.
    #[schemars(range(min = 2, max = limit::ORDERS), extend("unit" = "orders"))]
    pub max_open_orders: u32,
    /// Entries stop while more orders than this have an unknown outcome.
    #[schemars(range(min = 0, max = 10), extend("unit" = "orders"))]
    pub max_unknown_orders: u32,
    /// Capture accounting: largest lean of inventory between venues.
    #[schemars(range(min = 10_000, max = 500_000_000), extend("unit" = "KRW"))]
    pub max_skew_krw: Decimal,
    /// Entries stop while more than this stands unhedged; above a venue's smallest order.
    #[schemars(range(min = 6_000, max = 1_000_000), extend("unit" = "KRW"))]
    pub max_residual_krw: Decimal,
    /// Largest part of a pair's notional that its repair may cost.
    #[schemars(range(min = 0.01, max = 20), extend("unit" = "%"))]
    pub hedge_loss_pct: Decimal,
}

impl Default for RiskYaml {
    fn default() -> Self {
        RiskYaml {
            max_quote_age_ms: 500,
            alive_within_ms: 5_000,
            max_quiet_book_ms: 60_000,
            max_edge_pct: Decimal::literal("5"),
            entry_interval_ms: 1_000,
            max_orders_per_second: 10,
            max_orders_per_minute: 120,
            max_day_notional_krw: Decimal::literal("1000000000"),
            max_open_orders: 16,
            max_unknown_orders: 0,
            max_skew_krw: Decimal::literal("1000000"),
            max_residual_krw: Decimal::literal("10000"),
            hedge_loss_pct: Decimal::literal("1"),
        }
    }
}

/// How a pair earns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountingYaml {
    /// A pair stays open until closing it pays.
    Convergence,
    /// Both fills lock the profit and close the pair; needs coins and money on both venues.
    Capture,
}

/// `position_engine`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PositionEngineYaml {
    /// Most pairs open at once.
    #[schemars(range(min = 1, max = limit::PAIRS), extend("unit" = "pairs"))]
    pub max_open_positions: u32,
    /// Largest sum of the open pairs' entry notionals.
    #[schemars(range(min = 10_000, max = 900_000_000), extend("unit" = "KRW"))]
    pub max_exposure_krw: Decimal,
    /// Largest loss of one day (KST), realised and unrealised.
    #[schemars(range(min = 1_000, max = 100_000_000), extend("unit" = "KRW"))]
    pub max_daily_loss_krw: Decimal,
    /// How a pair earns.
    pub accounting: AccountingYaml,
}

impl Default for PositionEngineYaml {
    fn default() -> Self {
        PositionEngineYaml {
            max_open_positions: 5,
            max_exposure_krw: Decimal::literal("1000000"),
            max_daily_loss_krw: Decimal::literal("150000"),
            accounting: AccountingYaml::Convergence,
        }
    }
}

/// `exit`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExitYaml {
    /// A pair closes when its entry and exit edges sum to this part of its notional.
    #[schemars(range(min = 0, max = 20), extend("from" = 0.001, "unit" = "%"))]
    pub take_profit_pct: Decimal,
    /// A pair closes after this long, whatever it earned.
    #[schemars(range(min = 10, max = 604_800), extend("unit" = "s"))]
    pub max_holding_seconds: u64,
}

impl Default for ExitYaml {
    fn default() -> Self {
        ExitYaml { take_profit_pct: Decimal::literal("0.3"), max_holding_seconds: 3_600 }
    }
}

/// How the stop-loss measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StopModeYaml {
    /// At a fixed part of the notional.
    Static,
    /// At a multiple of the deviation of the pair's own profit and loss.
    Dynamic,
}

/// `stoploss`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoplossYaml {
    /// Off leaves only the price stop of an unhedged residual.
    pub enabled: bool,
    /// How it measures.
    pub mode: StopModeYaml,
    /// Loss of a pair at which it closes, as a part of its notional; also the price stop of an
    /// unhedged residual.
    #[schemars(range(min = 0.01, max = 50), extend("unit" = "%"))]
    pub static_pct: Decimal,
    /// Samples of the dynamic stop.
    #[schemars(range(min = 2, max = limit::PNL_SAMPLES), extend("unit" = "samples"))]
    pub atr_window: u32,
    /// Deviations of the dynamic stop.
    #[schemars(range(min = 0.1, max = 20), extend("unit" = "deviations"))]
    pub atr_multiple: Decimal,
}

impl Default for StoplossYaml {
    fn default() -> Self {
        StoplossYaml {
            enabled: true,
            mode: StopModeYaml::Static,
            static_pct: Decimal::literal("1.2"),
            atr_window: 20,
            atr_multiple: Decimal::literal("2"),
        }
    }
}

/// `rebalancer`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RebalancerYaml {
    /// Off neither reduces nor reports.
    pub enabled: bool,
    /// Exposure above it is reduced; not above position_engine.max_exposure_krw.
    #[schemars(range(min = 10_000, max = 500_000_000), extend("unit" = "KRW"))]
    pub max_exposure_krw: Decimal,
    /// How much more than the excess is closed. A fraction, not a percentage: 0.3 is 30 % more.
    #[schemars(range(min = 0, max = 1), extend("from" = 0.001, "unit" = "fraction"))]
    pub reduce_pct: Decimal,
    /// Report when one venue holds this much more than its half.
    #[schemars(range(min = 1, max = 100), extend("unit" = "%"))]
    pub max_imbalance_pct: Decimal,
    /// Capture accounting: least edge of an entry that works inventory skew off.
    #[schemars(range(min = 0, max = 20), extend("from" = 0.001, "unit" = "%"))]
    pub skew_unwind_spread_pct: Decimal,
}

impl Default for RebalancerYaml {
    fn default() -> Self {
        RebalancerYaml {
            enabled: true,
            max_exposure_krw: Decimal::literal("600000"),
            reduce_pct: Decimal::literal("0.3"),
            max_imbalance_pct: Decimal::literal("30"),
            skew_unwind_spread_pct: Decimal::literal("0.1"),
        }
    }
}
