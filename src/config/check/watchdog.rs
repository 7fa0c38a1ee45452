//! What the watchdog may rely on, from `watchdog`, `sys_monitor` and `redis`.

use crate::config::check::limits::percent;
use crate::config::walk::Findings;
use crate::config::yaml;
use crate::config::yaml::ConfigYaml;
use crate::config::yaml::WatchdogYaml;
use crate::types::time::DurNs;
use crate::watchdog::limits::Band;
use crate::watchdog::limits::CRITICAL_MEMORY;
use crate::watchdog::limits::DRAIN_LIMIT;
use crate::watchdog::limits::FX_ERROR_AGE;
use crate::watchdog::limits::Limits;
use crate::watchdog::limits::MaxAges;
use crate::watchdog::limits::OnCritical;
use crate::watchdog::limits::RuleLimits;

/// Bytes of the unit that the file calls `mb`.
const MIB: u64 = 1 << 20;
/// What the watchdog reads by itself at each tick of 250 ms: four ticks.
const OWN_AGE: DurNs = DurNs::from_secs(1);
/// Room for polls every 30 s of which one fails.
const POLL_AGE: DurNs = DurNs::from_secs(60);

/// Limits of the state machine.
pub fn machine(yaml: &WatchdogYaml) -> Limits {
    Limits {
        warn_reset_cycles: yaml.warn_reset_cycles,
        error_reset_cycles: yaml.error_reset_cycles,
        strike_decay_cycles: yaml.strike_decay_cycles,
        entry_hold: yaml.error_entry_hold_seconds.seconds(),
        on_critical: match yaml.on_critical {
            yaml::OnCritical::Cooldown => OnCritical::Cooldown,
            yaml::OnCritical::Shutdown => OnCritical::Shutdown,
        },
        cooldown: yaml.cooldown_after_critical.seconds(),
        drain: DRAIN_LIMIT,
        critical_memory: CRITICAL_MEMORY,
    }
}

/// Limits of the rules. The age of what a cycle publishes stands for an interval of 0:
/// [`RuleLimits::with_interval`] puts the run's in.
pub fn rules(yaml: &ConfigYaml, found: &mut Findings) -> RuleLimits {
    let (dog, system) = (&yaml.watchdog, &yaml.sys_monitor);
    let warn_files = ("sys_monitor.warn_open_files_pct", system.warn_open_files_pct);
    let max_files = ("sys_monitor.max_open_files_pct", system.max_open_files_pct);
    RuleLimits {
        loop_stall: band(dog.loop_latency_warn_threshold_ms, dog.max_loop_latency_ms),
        loop_dead_with_orders: DurNs::from_ms(dog.loop_dead_with_orders_ms),
        loop_dead: DurNs::from_ms(dog.loop_dead_ms),
        loop_p95: band(dog.loop_p95_warn_threshold_ms, dog.max_loop_p95_ms),
        ws_lag: band(dog.ws_lag_warn_threshold_ms, dog.max_ws_lag_ms),
        fx_age: Band { warn: DurNs::from_ms(yaml.fx.max_age_ms), error: FX_ERROR_AGE },
        redis_age: band(dog.redis_heartbeat_warn_threshold_ms, dog.max_redis_heartbeat_age_ms),
        redis_required: yaml.redis.required,
        feed_stall: band(dog.feed_stall_warn_threshold_ms, dog.max_feed_stall_ms),
        gateway_stall: band(dog.gateway_stall_warn_threshold_ms, dog.max_gateway_stall_ms),
        gateway_dead: DurNs::from_ms(dog.gateway_dead_ms),
        helper_stall: band(dog.telemetry_stall_warn_threshold_ms, dog.max_telemetry_stall_ms),
        warn_rss_bytes: system.warn_rss_mb.saturating_mul(MIB),
        max_rss_bytes: system.max_rss_mb.saturating_mul(MIB),
        warn_cpu: percent(found, "sys_monitor.warn_cpu_pct", system.warn_cpu_pct),
        max_cpu: percent(found, "sys_monitor.max_cpu_pct", system.max_cpu_pct),
        warn_open_files: percent(found, warn_files.0, warn_files.1),
        max_open_files: percent(found, max_files.0, max_files.1),
        max_safety_rejections: dog.max_safety_rejections_per_minute,
        // The key waits for live orders, so its default is its only value.
        max_live_errors: WatchdogYaml::default().max_live_errors_per_minute,
        unknown_order_error: DurNs::from_secs(dog.unknown_order_error_seconds),
        unknown_order_fatal: DurNs::from_secs(dog.unknown_order_fatal_seconds),
        max_unknown_orders: dog.max_unknown_orders,
        max_age: max_ages(dog, system.sample_interval_sec.seconds()),
    }
}

/// A writer may be late by as much as its own stall gauge tolerates: lateness is that gauge's to
/// tell, and what it wrote becomes unknown only beyond it.
fn max_ages(dog: &WatchdogYaml, sample_interval: DurNs) -> MaxAges {
    let telemetry = DurNs::from_ms(dog.telemetry_stall_warn_threshold_ms);
    MaxAges {
        own: OWN_AGE,
        // Silence has its own bands, up to ERROR at `max_ws_lag_ms`: unknown comes after them.
        feed: DurNs::from_ms(dog.max_ws_lag_ms.saturating_mul(2)),
        cycle: telemetry,
        process: DurNs(sample_interval.0.saturating_add(telemetry.0)),
        poll: POLL_AGE,
    }
}

const fn band(warn_ms: u64, error_ms: u64) -> Band {
    Band { warn: DurNs::from_ms(warn_ms), error: DurNs::from_ms(error_ms) }
}
