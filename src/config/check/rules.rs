//! How keys relate to one another, and what a mode demands.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::check::fault;
use crate::config::keys;
use crate::config::walk::Findings;
use crate::config::yaml::ConfigYaml;
use crate::config::yaml::IdlePolicy;
use crate::config::yaml::Mode;
use crate::types::number::parse_fixed;
use crate::types::units::Plain;

/// First strictly below second: the bands of the watchdog, WARN and ERROR or ERROR and CRITICAL.
const BELOW: [(&str, &str); 14] = [
    ("watchdog.ws_lag_warn_threshold_ms", "watchdog.max_ws_lag_ms"),
    ("watchdog.redis_heartbeat_warn_threshold_ms", "watchdog.max_redis_heartbeat_age_ms"),
    ("watchdog.loop_latency_warn_threshold_ms", "watchdog.max_loop_latency_ms"),
    ("watchdog.loop_p95_warn_threshold_ms", "watchdog.max_loop_p95_ms"),
    ("watchdog.feed_stall_warn_threshold_ms", "watchdog.max_feed_stall_ms"),
    ("watchdog.gateway_stall_warn_threshold_ms", "watchdog.max_gateway_stall_ms"),
    ("watchdog.telemetry_stall_warn_threshold_ms", "watchdog.max_telemetry_stall_ms"),
    ("watchdog.max_loop_latency_ms", "watchdog.loop_dead_with_orders_ms"),
    ("watchdog.max_gateway_stall_ms", "watchdog.gateway_dead_ms"),
    ("watchdog.unknown_order_error_seconds", "watchdog.unknown_order_fatal_seconds"),
    ("sys_monitor.warn_cpu_pct", "sys_monitor.max_cpu_pct"),
    ("sys_monitor.warn_rss_mb", "sys_monitor.max_rss_mb"),
    ("sys_monitor.warn_open_files_pct", "sys_monitor.max_open_files_pct"),
    ("signal_engine.min_spread_pct", "risk.max_edge_pct"),
];

/// First at most second.
const AT_MOST: [(&str, &str); 16] = [
    ("signal_engine.min_trade_amount_krw", "execution_engine.position_size_krw"),
    ("execution_engine.position_size_krw", "safety.max_position_size_krw"),
    ("execution_engine.position_size_krw", "position_engine.max_exposure_krw"),
    ("rebalancer.max_exposure_krw", "position_engine.max_exposure_krw"),
    ("signal_engine.slippage_pct", "safety.max_slippage_pct"),
    ("safety.max_slippage_pct", "order_manager.slippage_tolerance"),
    ("risk.max_orders_per_second", "risk.max_orders_per_minute"),
    ("risk.max_quote_age_ms", "risk.max_quiet_book_ms"),
    ("risk.alive_within_ms", "risk.max_quiet_book_ms"),
    ("risk.max_unknown_orders", "watchdog.max_unknown_orders"),
    ("paper.latency_min_ms", "paper.latency_mean_ms"),
    ("paper.latency_mean_ms", "paper.latency_max_ms"),
    ("watchdog.loop_dead_with_orders_ms", "watchdog.loop_dead_ms"),
    ("watchdog.warn_reset_cycles", "watchdog.error_reset_cycles"),
    ("watchdog.error_reset_cycles", "watchdog.strike_decay_cycles"),
    ("execution_engine.position_size_krw", "risk.max_day_notional_krw"),
];

/// All rules between keys.
pub fn check(yaml: &ConfigYaml, values: &Value, found: &mut Findings) {
    for (small, large) in BELOW {
        compare(found, values, (small, large), ("below", |a, b| a < b));
    }
    for (small, large) in AT_MOST {
        compare(found, values, (small, large), ("at most", |a, b| a <= b));
    }
    demands_of_mode(yaml, found);
    switches(yaml, found);
    cores(yaml, found);
}

fn compare(
    found: &mut Findings,
    values: &Value,
    (small, large): (&str, &str),
    (word, holds): (&str, fn(i64, i64) -> bool),
) {
    let (Some(a), Some(b)) = (number(values, small), number(values, large)) else { return };
    if holds(a, b) || found.is_faulty(small) || found.is_faulty(large) {
        return;
    }
    // The fault stands where something was written; of two written values, at the first key.
    let written = [small, large].into_iter().find(|path| found.places.contains_key(*path));
    let path = written.unwrap_or(small);
    let what = format!("{small} must be {word} {large}, got {} and {}", Plain(a), Plain(b));
    let fix = format!("lower {small} or raise {large}");
    fault(found, path, what, &fix);
}

/// Exact value of a number; a decimal from the file is its text.
fn number(values: &Value, path: &str) -> Option<i64> {
    let value = keys::at(values, path)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    parse_fixed(text.as_bytes()).ok()
}

fn demands_of_mode(yaml: &ConfigYaml, found: &mut Findings) {
    let mode = yaml.mode.current;
    let mut demand = |met: bool, path: &str, what: &str, fix: &str| {
        if !met && !found.is_faulty(path) {
            fault(found, path, what.to_owned(), fix);
        }
    };
    if mode != Mode::Mock {
        let fix = "set websocket.enabled: true, or mode.current: mock";
        demand(yaml.websocket.enabled, "websocket.enabled", "real prices need feeds", fix);
    }
    if mode == Mode::Live {
        let what = "live trading needs the watchdog";
        let fix = "set watchdog.enabled: true, or mode.current: paper";
        demand(yaml.watchdog.enabled, "watchdog.enabled", what, fix);
        let heartbeat = !yaml.safety.require_redis_heartbeat || yaml.redis.enabled;
        let what = "live trading requires a Redis heartbeat, but Redis is off";
        let fix = "set redis.enabled: true, or safety.require_redis_heartbeat: false";
        demand(heartbeat, "redis.enabled", what, fix);
    }
}

fn switches(yaml: &ConfigYaml, found: &mut Findings) {
    if yaml.redis.required && !yaml.redis.enabled {
        let fix = "set redis.enabled: true, or redis.required: false";
        fault(found, "redis.required", "Redis is required, but it is off".to_owned(), fix);
    }
    let local = ["127.0.0.1", "::1", "localhost"].contains(&yaml.metrics_server.host.as_str());
    if !local && !found.is_faulty("metrics_server.host") {
        let what = "must be a loopback address: the page has no login".to_owned();
        let fix = "write 127.0.0.1 and reach it through a tunnel or a proxy with a login";
        fault(found, "metrics_server.host", what, fix);
    }
    let prefix = &yaml.redis.prefix;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !prefix.chars().all(plain) && !found.is_faulty("redis.prefix") {
        let what = "must be letters, digits, - and _".to_owned();
        fault(found, "redis.prefix", what, "arb is the default");
    }
}

/// A spinning thread does not share its core.
fn cores(yaml: &ConfigYaml, found: &mut Findings) {
    let mut taken: BTreeMap<u32, (&str, bool)> = BTreeMap::new();
    for (name, thread) in yaml.runtime.threads.all() {
        let Some(core) = thread.core else { continue };
        let spins = thread.idle == IdlePolicy::Spin;
        if let Some((other, other_spins)) = taken.insert(core, (name, spins))
            && (spins || other_spins)
        {
            let path = format!("runtime.threads.{name}.core");
            let what = format!("core {core} is taken by {other}, and one of them spins");
            fault(found, &path, what, "give a spinning thread a core of its own, or park it");
        }
    }
}
