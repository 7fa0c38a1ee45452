//! What the watchdog may rely on: checked limits, made by `config`.

use crate::types::time::DurNs;
use crate::types::units::Ppm;

/// A CRITICAL is remembered this long: the third within it ends the run (`PRODUCT.md` 7).
pub const CRITICAL_MEMORY: DurNs = DurNs::from_secs(86_400);
/// FX older than this is an ERROR (`FAULTS.md` F28).
pub const FX_ERROR_AGE: DurNs = DurNs::from_secs(60);
/// A drain that takes longer has failed (`PRODUCT.md` 7).
pub const DRAIN_LIMIT: DurNs = DurNs::from_secs(15);

/// What follows CRITICAL once everything is drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum OnCritical {
    /// Stay up with trading off, then resume on probation.
    Cooldown,
    /// End the process; the next start observes until the cooldown is over.
    Shutdown,
}

/// Limits of the state machine.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Limits {
    /// `watchdog.warn_reset_cycles` (W), at least 1.
    pub warn_reset_cycles: u32,
    /// `watchdog.error_reset_cycles` (E), at least 1.
    pub error_reset_cycles: u32,
    /// `watchdog.strike_decay_cycles` (D).
    pub strike_decay_cycles: u32,
    /// `watchdog.error_entry_hold_seconds`.
    pub entry_hold: DurNs,
    /// `watchdog.on_critical`.
    pub on_critical: OnCritical,
    /// `watchdog.cooldown_after_critical`.
    pub cooldown: DurNs,
    /// [`DRAIN_LIMIT`].
    pub drain: DurNs,
    /// [`CRITICAL_MEMORY`].
    pub critical_memory: DurNs,
}

/// Limits of the rules: the one table of bands, in the units of the configuration's checked form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleLimits {
    /// `watchdog.loop_latency_warn_threshold_ms`, `watchdog.max_loop_latency_ms`.
    pub loop_stall: Band,
    /// `watchdog.loop_dead_with_orders_ms`.
    pub loop_dead_with_orders: DurNs,
    /// `watchdog.loop_dead_ms`.
    pub loop_dead: DurNs,
    /// `watchdog.loop_p95_warn_threshold_ms`, `watchdog.max_loop_p95_ms`.
    pub loop_p95: Band,
    /// `watchdog.ws_lag_warn_threshold_ms`, `watchdog.max_ws_lag_ms`.
    pub ws_lag: Band,
    /// `fx.max_age_ms`, beyond which nothing is entered, and [`FX_ERROR_AGE`], its largest value.
    pub fx_age: Band,
    /// `watchdog.redis_heartbeat_warn_threshold_ms`, `watchdog.max_redis_heartbeat_age_ms`.
    pub redis_age: Band,
    /// `redis.required`: lets Redis reach ERROR. It never strikes.
    pub redis_required: bool,
    /// `watchdog.feed_stall_warn_threshold_ms`, `watchdog.max_feed_stall_ms`.
    pub feed_stall: Band,
    /// `watchdog.gateway_stall_warn_threshold_ms`, `watchdog.max_gateway_stall_ms`.
    pub gateway_stall: Band,
    /// `watchdog.gateway_dead_ms`.
    pub gateway_dead: DurNs,
    /// `watchdog.telemetry_stall_warn_threshold_ms`, `watchdog.max_telemetry_stall_ms`.
    pub helper_stall: Band,
    /// `sys_monitor.warn_rss_mb`, in bytes.
    pub warn_rss_bytes: u64,
    /// `sys_monitor.max_rss_mb`, in bytes.
    pub max_rss_bytes: u64,
    /// `sys_monitor.warn_cpu_pct`, of one core.
    pub warn_cpu: Ppm,
    /// `sys_monitor.max_cpu_pct`: no interval above it is stable. It judges evidence, not the
    /// moment.
    pub max_cpu: Ppm,
    /// `sys_monitor.warn_open_files_pct`, of the allowed descriptors.
    pub warn_open_files: Ppm,
    /// `sys_monitor.max_open_files_pct`.
    pub max_open_files: Ppm,
    /// `watchdog.max_safety_rejections_per_minute`.
    pub max_safety_rejections: u32,
    /// `watchdog.max_live_errors_per_minute`.
    pub max_live_errors: u32,
    /// `watchdog.unknown_order_error_seconds`.
    pub unknown_order_error: DurNs,
    /// `watchdog.unknown_order_fatal_seconds`.
    pub unknown_order_fatal: DurNs,
    /// `watchdog.max_unknown_orders`.
    pub max_unknown_orders: u32,
    /// How old a gauge may be before it counts as unknown.
    pub max_age: MaxAges,
}

impl RuleLimits {
    /// For a run whose cycles are this long. Telemetry publishes what a cycle's report says, and
    /// may be as late with it as [`RuleLimits::helper_stall`] tolerates.
    pub fn with_interval(mut self, interval: DurNs) -> RuleLimits {
        self.max_age.cycle = DurNs(interval.0.saturating_add(self.helper_stall.warn.0));
        self
    }
}

/// WARN above one bound, ERROR above the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Band {
    /// WARN above it.
    pub warn: DurNs,
    /// ERROR above it; no less than `warn`.
    pub error: DurNs,
}

/// How old a gauge may be: unknown and WARN beyond it, ERROR beyond twice of it. Each has to
/// exceed the period at which its writer publishes, with room for a late turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxAges {
    /// Beats of threads and words that the watchdog reads by itself.
    pub own: DurNs,
    /// What the feed threads publish.
    pub feed: DurNs,
    /// What the close of a cycle publishes.
    pub cycle: DurNs,
    /// What the telemetry thread samples: `sys_monitor.sample_interval_sec` and room.
    pub process: DurNs,
    /// What is polled from venues.
    pub poll: DurNs,
}
