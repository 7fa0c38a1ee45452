//! Exact conversion of raw sections into the limits of `engine` and `gateway`.

use crate::config::check::fault;
use crate::config::decimal::Decimal;
use crate::config::walk::Findings;
use crate::config::yaml::AccountingYaml;
use crate::config::yaml::ConfigYaml;
use crate::config::yaml::PaperYaml;
use crate::config::yaml::StopModeYaml;
use crate::engine::limits::Accounting;
use crate::engine::limits::AgeLimits;
use crate::engine::limits::ExitLimits;
use crate::engine::limits::RebalanceLimits;
use crate::engine::limits::RiskLimits;
use crate::engine::limits::SignalLimits;
use crate::engine::limits::StopMode;
use crate::gateway::limits::PaperLimits;
use crate::types::time::DurNs;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Qty;
use crate::types::units::SCALE;

/// Raw 10⁻⁸ units of one ppm, when the number is a fraction of one.
const FRACTION_PER_PPM: i64 = SCALE / 1_000_000;
/// Raw 10⁻⁸ units of one ppm, when the number is in percent.
const PERCENT_PER_PPM: i64 = 100 * FRACTION_PER_PPM;

/// `signal_engine`, `execution_engine` and what else decides about an entry.
pub fn signal(yaml: &ConfigYaml, found: &mut Findings) -> SignalLimits {
    let signal = &yaml.signal_engine;
    let rebalancer = &yaml.rebalancer;
    SignalLimits {
        position_size: krw(yaml.execution_engine.position_size_krw),
        max_btc_qty: qty(yaml.execution_engine.position_size_btc),
        min_trade: krw(signal.min_trade_amount_krw),
        min_edge: percent(found, "signal_engine.min_spread_pct", signal.min_spread_pct),
        edge_collar: percent(found, "risk.max_edge_pct", yaml.risk.max_edge_pct),
        slippage: percent(found, "signal_engine.slippage_pct", signal.slippage_pct),
        min_liquidity: krw(yaml.safety.min_liquidity_krw),
        entry_interval: DurNs::from_ms(yaml.risk.entry_interval_ms),
        unwind_edge: percent(
            found,
            "rebalancer.skew_unwind_spread_pct",
            rebalancer.skew_unwind_spread_pct,
        ),
    }
}

/// How old data may be.
pub fn ages(yaml: &ConfigYaml, found: &mut Findings) -> AgeLimits {
    AgeLimits {
        max_quote_age: DurNs::from_ms(yaml.risk.max_quote_age_ms),
        alive_within: DurNs::from_ms(yaml.risk.alive_within_ms),
        max_quiet_book: DurNs::from_ms(yaml.risk.max_quiet_book_ms),
        max_fx_age: DurNs::from_ms(yaml.fx.max_age_ms),
        max_fx_jump: percent(found, "fx.max_jump_pct", yaml.fx.max_jump_pct),
        max_fx_gap: percent(found, "fx.max_gap_pct", yaml.fx.max_gap_pct),
        fx_settle: DurNs::from_ms(yaml.fx.settle_ms),
    }
}

/// Ceilings. `None` never happens: the schema's range of `max_retries` fits one byte.
pub fn risk(yaml: &ConfigYaml, found: &mut Findings) -> Option<RiskLimits> {
    let (safety, risk, open) = (&yaml.safety, &yaml.risk, &yaml.position_engine);
    let tolerance = yaml.order_manager.slippage_tolerance;
    let strictest = safety.max_daily_loss_krw.min(open.max_daily_loss_krw);
    Some(RiskLimits {
        price_collar: percent(found, "safety.max_slippage_pct", safety.max_slippage_pct),
        hedge_collar: percent(found, "order_manager.slippage_tolerance", tolerance),
        max_order_value: krw(safety.max_position_size_krw),
        orders_per_second: risk.max_orders_per_second,
        orders_per_minute: risk.max_orders_per_minute,
        max_day_notional: krw(risk.max_day_notional_krw),
        max_open_orders: risk.max_open_orders,
        max_unknown_orders: risk.max_unknown_orders,
        max_open_positions: open.max_open_positions,
        max_exposure: krw(open.max_exposure_krw),
        max_daily_loss: krw(strictest),
        max_skew: krw(risk.max_skew_krw),
        max_residual: krw(risk.max_residual_krw),
        order_timeout: DurNs::from_ms(safety.max_order_delay_ms),
        hedge_loss: percent(found, "risk.hedge_loss_pct", risk.hedge_loss_pct),
        hedge_attempts: u8::try_from(yaml.execution_engine.max_retries).ok()?,
        retry_delay: yaml.execution_engine.retry_delay.seconds(),
    })
}

/// When an open pair closes. `None` never happens: the schema's ranges fit.
pub fn exit(yaml: &ConfigYaml, found: &mut Findings) -> Option<ExitLimits> {
    let stop = &yaml.stoploss;
    let at = percent(found, "stoploss.static_pct", stop.static_pct);
    let multiple = thousandths(found, "stoploss.atr_multiple", stop.atr_multiple);
    let stop_mode = match (stop.enabled, stop.mode) {
        (false, _) => StopMode::Off,
        (true, StopModeYaml::Static) => StopMode::Static(at),
        (true, StopModeYaml::Dynamic) => StopMode::Dynamic {
            window: usize::try_from(stop.atr_window).ok()?,
            multiple_milli: u32::try_from(multiple).ok()?,
        },
    };
    Some(ExitLimits {
        accounting: match yaml.position_engine.accounting {
            AccountingYaml::Convergence => Accounting::Convergence,
            AccountingYaml::Capture => Accounting::Capture,
        },
        take_profit: percent(found, "exit.take_profit_pct", yaml.exit.take_profit_pct),
        max_holding: DurNs::from_secs(yaml.exit.max_holding_seconds),
        stop: stop_mode,
        residual_stop: at,
    })
}

/// When exposure is reduced.
pub fn rebalance(yaml: &ConfigYaml, found: &mut Findings) -> RebalanceLimits {
    let rebalancer = &yaml.rebalancer;
    let imbalance = rebalancer.max_imbalance_pct;
    RebalanceLimits {
        enabled: rebalancer.enabled,
        max_exposure: krw(rebalancer.max_exposure_krw),
        overshoot: fraction(found, "rebalancer.reduce_pct", rebalancer.reduce_pct),
        max_imbalance: percent(found, "rebalancer.max_imbalance_pct", imbalance),
    }
}

/// How the simulated venue behaves.
pub fn paper(yaml: &PaperYaml, found: &mut Findings) -> PaperLimits {
    PaperLimits {
        latency_min: DurNs::from_ms(yaml.latency_min_ms),
        latency_mean: DurNs::from_ms(yaml.latency_mean_ms),
        latency_max: DurNs::from_ms(yaml.latency_max_ms),
        reject: percent(found, "paper.reject_pct", yaml.reject_pct),
        depth: percent(found, "paper.depth_pct", yaml.depth_pct),
    }
}

/// Percent to ppm, exactly.
pub fn percent(found: &mut Findings, path: &str, value: Decimal) -> Ppm {
    Ppm::new(exact(found, path, value, PERCENT_PER_PPM))
}

fn fraction(found: &mut Findings, path: &str, value: Decimal) -> Ppm {
    Ppm::new(exact(found, path, value, FRACTION_PER_PPM))
}

fn thousandths(found: &mut Findings, path: &str, value: Decimal) -> i64 {
    exact(found, path, value, SCALE / 1_000)
}

/// How many `unit`s the value is; a fault unless that is a whole number.
fn exact(found: &mut Findings, path: &str, value: Decimal, unit: i64) -> i64 {
    if value.raw() % unit != 0 {
        let step = Decimal::from_raw(unit);
        let what = format!("must be a multiple of {step}, got {value}");
        fault(found, path, what, "write fewer decimals");
    }
    value.raw() / unit
}

fn krw(value: Decimal) -> Krw {
    Krw::from_raw(value.raw())
}

fn qty(value: Decimal) -> Qty {
    Qty::from_raw(value.raw()).unwrap_or(Qty::ZERO)
}
