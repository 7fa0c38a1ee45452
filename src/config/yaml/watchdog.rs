//! Raw sections of the watchdog and the process limits: the one table of bands.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::config::decimal::Decimal;

/// What follows CRITICAL once everything is drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnCritical {
    /// Stay up with trading off, then resume on probation.
    Cooldown,
    /// End the process; the next start observes until the cooldown is over.
    Shutdown,
}

/// `watchdog`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchdogYaml {
    /// Off is refused with mode live.
    pub enabled: bool,
    /// WARN above this lag or silence of the slowest required feed.
    #[schemars(range(min = 10, max = 60_000), extend("unit" = "ms"))]
    pub ws_lag_warn_threshold_ms: u64,
    /// ERROR above it.
    #[schemars(range(min = 10, max = 60_000), extend("unit" = "ms"))]
    pub max_ws_lag_ms: u64,
    /// WARN above this age of the heartbeat.
    #[schemars(range(min = 100, max = 600_000), extend("unit" = "ms"))]
    pub redis_heartbeat_warn_threshold_ms: u64,
    /// ERROR above it, if Redis is required.
    #[schemars(range(min = 100, max = 600_000), extend("unit" = "ms"))]
    pub max_redis_heartbeat_age_ms: u64,
    /// WARN above this latency of the cycle's longest batch.
    #[schemars(range(min = 1, max = 60_000), extend("unit" = "ms"))]
    pub loop_latency_warn_threshold_ms: u64,
    /// ERROR above it.
    #[schemars(range(min = 10, max = 60_000), extend("unit" = "ms"))]
    pub max_loop_latency_ms: u64,
    /// WARN above this P95 of the loop latency.
    #[schemars(range(min = 1, max = 60_000), extend("unit" = "ms"))]
    pub loop_p95_warn_threshold_ms: u64,
    /// ERROR above it.
    #[schemars(range(min = 10, max = 60_000), extend("unit" = "ms"))]
    pub max_loop_p95_ms: u64,
    /// The engine silent for this long with orders in flight is dead: CRITICAL.
    #[schemars(range(min = 1_000, max = 600_000), extend("unit" = "ms"))]
    pub loop_dead_with_orders_ms: u64,
    /// The engine silent for this long is dead: CRITICAL.
    #[schemars(range(min = 1_000, max = 600_000), extend("unit" = "ms"))]
    pub loop_dead_ms: u64,
    /// WARN when a feed thread has been silent for this long.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub feed_stall_warn_threshold_ms: u64,
    /// ERROR above it.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub max_feed_stall_ms: u64,
    /// WARN when a gateway thread has been silent for this long.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub gateway_stall_warn_threshold_ms: u64,
    /// ERROR above it.
    #[schemars(range(min = 100, max = 60_000), extend("unit" = "ms"))]
    pub max_gateway_stall_ms: u64,
    /// A gateway thread silent for this long is dead: CRITICAL.
    #[schemars(range(min = 1_000, max = 600_000), extend("unit" = "ms"))]
    pub gateway_dead_ms: u64,
    /// WARN when the telemetry or journal thread has been silent for this long.
    #[schemars(range(min = 1_000, max = 600_000), extend("unit" = "ms"))]
    pub telemetry_stall_warn_threshold_ms: u64,
    /// ERROR above it.
    #[schemars(range(min = 1_000, max = 600_000), extend("unit" = "ms"))]
    pub max_telemetry_stall_ms: u64,
    /// WARN above this many refusals by the safety checks.
    #[schemars(range(min = 1, max = 5_000), extend("unit" = "per minute"))]
    pub max_safety_rejections_per_minute: u32,
    /// ERROR above this many errors of live orders.
    #[schemars(range(min = 1, max = 2_000))]
    #[schemars(extend("unit" = "per minute", "waits_for" = "mode live"))]
    pub max_live_errors_per_minute: u32,
    /// ERROR when an order's outcome has been unknown for this long.
    #[schemars(range(min = 1, max = 3_600), extend("unit" = "s"))]
    pub unknown_order_error_seconds: u64,
    /// CRITICAL when it has been unknown for this long.
    #[schemars(range(min = 10, max = 36_000), extend("unit" = "s"))]
    pub unknown_order_fatal_seconds: u64,
    /// CRITICAL above this many orders of unknown outcome.
    #[schemars(range(min = 1, max = 64), extend("unit" = "orders"))]
    pub max_unknown_orders: u32,
    /// Clean cycles after which a WARN clears; also the pace of soft resets while it lasts.
    #[schemars(range(min = 1, max = 1_000), extend("unit" = "cycles"))]
    pub warn_reset_cycles: u32,
    /// Clean cycles after which an ERROR clears; also the distance of two strikes.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "cycles"))]
    pub error_reset_cycles: u32,
    /// Cycles without ERROR after which strikes are forgotten.
    #[schemars(range(min = 1, max = 100_000), extend("unit" = "cycles"))]
    pub strike_decay_cycles: u32,
    /// No entries for this long after the last ERROR.
    #[schemars(range(min = 0.1, max = 3_600), extend("unit" = "s"))]
    pub error_entry_hold_seconds: Decimal,
    /// What follows CRITICAL once everything is drained.
    pub on_critical: OnCritical,
    /// Trading stays off for this long after CRITICAL.
    #[schemars(range(min = 1, max = 36_000), extend("unit" = "s"))]
    pub cooldown_after_critical: Decimal,
}

impl Default for WatchdogYaml {
    fn default() -> Self {
        WatchdogYaml {
            enabled: true,
            ws_lag_warn_threshold_ms: 500,
            max_ws_lag_ms: 2_000,
            redis_heartbeat_warn_threshold_ms: 5_000,
            max_redis_heartbeat_age_ms: 15_000,
            loop_latency_warn_threshold_ms: 100,
            max_loop_latency_ms: 2_000,
            loop_p95_warn_threshold_ms: 200,
            max_loop_p95_ms: 5_000,
            loop_dead_with_orders_ms: 10_000,
            loop_dead_ms: 30_000,
            feed_stall_warn_threshold_ms: 2_000,
            max_feed_stall_ms: 5_000,
            gateway_stall_warn_threshold_ms: 1_000,
            max_gateway_stall_ms: 3_000,
            gateway_dead_ms: 10_000,
            telemetry_stall_warn_threshold_ms: 10_000,
            max_telemetry_stall_ms: 60_000,
            max_safety_rejections_per_minute: 10,
            max_live_errors_per_minute: 5,
            unknown_order_error_seconds: 30,
            unknown_order_fatal_seconds: 300,
            max_unknown_orders: 3,
            warn_reset_cycles: 5,
            error_reset_cycles: 20,
            strike_decay_cycles: 600,
            error_entry_hold_seconds: Decimal::literal("10"),
            on_critical: OnCritical::Cooldown,
            cooldown_after_critical: Decimal::literal("60"),
        }
    }
}

/// `sys_monitor`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SysMonitorYaml {
    /// Off leaves CPU, memory and descriptors unmeasured; a soak then cannot pass.
    pub enabled: bool,
    /// WARN above this CPU use, in percent of one core, without spinning threads.
    #[schemars(range(min = 1, max = 6_400), extend("unit" = "% of a core"))]
    pub warn_cpu_pct: Decimal,
    /// The upper band in reports; CPU never does more than WARN.
    #[schemars(range(min = 1, max = 6_400), extend("unit" = "% of a core"))]
    pub max_cpu_pct: Decimal,
    /// WARN above this resident memory.
    #[schemars(range(min = 16, max = 1_000_000), extend("unit" = "MiB"))]
    pub warn_rss_mb: u64,
    /// CRITICAL above it.
    #[schemars(range(min = 16, max = 1_000_000), extend("unit" = "MiB"))]
    pub max_rss_mb: u64,
    /// WARN above this part of the allowed descriptors.
    #[schemars(range(min = 1, max = 100), extend("unit" = "%"))]
    pub warn_open_files_pct: Decimal,
    /// ERROR above it.
    #[schemars(range(min = 1, max = 100), extend("unit" = "%"))]
    pub max_open_files_pct: Decimal,
    /// Longest time between two samples.
    #[schemars(range(min = 0.1, max = 600), extend("unit" = "s"))]
    pub sample_interval_sec: Decimal,
}

impl Default for SysMonitorYaml {
    fn default() -> Self {
        SysMonitorYaml {
            enabled: true,
            warn_cpu_pct: Decimal::literal("75"),
            max_cpu_pct: Decimal::literal("90"),
            warn_rss_mb: 1_536,
            max_rss_mb: 2_048,
            warn_open_files_pct: Decimal::literal("80"),
            max_open_files_pct: Decimal::literal("95"),
            sample_interval_sec: Decimal::literal("30"),
        }
    }
}
