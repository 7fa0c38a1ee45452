//! Configuration and fault schedule of a run under stress: short cycles, short resets, and a
//! market in which something is traded all the time.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Time between two cycles, as the command line takes it.
pub const INTERVAL: &str = "0.5";
/// The same in ms.
pub const INTERVAL_MS: u64 = 500;
/// Most cycles of a run: what nobody ends, ends by itself.
pub const LOOPS: &str = "400";
/// Clean cycles after which a WARN clears.
pub const WARN_RESET: u64 = 4;
/// Clean cycles after which an ERROR clears.
pub const ERROR_RESET: u64 = 6;
/// No entries for this long after an ERROR.
pub const ENTRY_HOLD_MS: u64 = 1_000;
/// Trading stays off for this long after CRITICAL: longer than the clean cycles that it takes too.
pub const COOLDOWN_MS: u64 = 6_000;

/// Both venues pay a little at once, and orders take a few milliseconds.
const MARKET: &str = "\
mode: {current: mock}
mock: {updates_per_second: 20}
signal_engine: {min_spread_pct: 0, upbit_fee: 0.001, binance_fee: 0.001}
exit: {take_profit_pct: 0.001}
execution_engine: {retry_delay: 0.05, position_size_krw: 20000}
rebalancer: {max_exposure_krw: 4000000}
position_engine: {max_open_positions: 32, max_exposure_krw: 5000000}
paper: {latency_min_ms: 0, latency_mean_ms: 10, latency_max_ms: 50, reject_pct: 0}
risk: {entry_interval_ms: 100, max_orders_per_second: 100, max_orders_per_minute: 1200,
  max_open_orders: 64, max_residual_krw: 1000000}
instruments:
  - {venue: upbit, name: BTC-KRW, lot: 0.00000001, tick: 1, min_notional: 5000}
  - {venue: upbit, name: ETH-KRW, lot: 0.00000001, tick: 1, min_notional: 5000}
  - {venue: upbit, name: USDT-KRW, lot: 0.00000001, tick: 0.01, min_notional: 5000}
  - {venue: binance, name: BTC-USDT, lot: 0.00001, tick: 0.01, min_notional: 5}
  - {venue: binance, name: ETH-USDT, lot: 0.0001, tick: 0.01, min_notional: 5}
";

/// What a run is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    sections: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    faults: Vec<&'static str>,
}

impl Settings {
    /// What all scenarios have in common.
    pub fn new() -> Settings {
        let none = Settings { sections: BTreeMap::new(), faults: Vec::new() };
        none.set("watchdog.warn_reset_cycles", WARN_RESET)
            .set("watchdog.error_reset_cycles", ERROR_RESET)
            .set("watchdog.error_entry_hold_seconds", ENTRY_HOLD_MS / 1_000)
            .set("watchdog.cooldown_after_critical", COOLDOWN_MS / 1_000)
            .set("watchdog.max_safety_rejections_per_minute", 5_000)
            .set("longrun.interval_loops", 4)
            .set("sys_monitor.sample_interval_sec", 0.5)
    }
    /// Sets one key, `section.key`, over what was there.
    #[must_use]
    pub fn set(mut self, path: &'static str, value: impl ToString) -> Settings {
        let (section, key) = path.split_once('.').unwrap_or(("", path));
        self.sections.entry(section).or_default().insert(key, value.to_string());
        self
    }
    /// Adds a line of the fault schedule.
    #[must_use]
    pub fn fault(mut self, line: &'static str) -> Settings {
        self.faults.push(line);
        self
    }
    /// The configuration file.
    pub fn yaml(&self) -> String {
        let mut text = MARKET.to_owned();
        for (section, keys) in &self.sections {
            let keys: Vec<String> = keys.iter().map(|(key, to)| format!("{key}: {to}")).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{section}: {{{}}}", keys.join(", "));
        }
        text
    }
    /// The fault schedule; `None` without one.
    pub fn schedule(&self) -> Option<String> {
        let lines = || self.faults.iter().map(|line| format!("  - {line}\n"));
        (!self.faults.is_empty()).then(|| format!("faults:\n{}", lines().collect::<String>()))
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::Request;
    use crate::config::load::load_bytes;

    #[test]
    fn the_configuration_of_every_scenario_is_one_that_a_user_could_have() {
        let common = Settings::new();
        let set = common.set("watchdog.on_critical", "shutdown").set("redis.enabled", true);
        let loaded = load_bytes("stress.yml", set.yaml().as_bytes(), &Request::default());
        assert!(loaded.is_ok(), "{loaded:?}");
    }

    #[test]
    fn a_later_value_of_a_key_replaces_the_earlier_one() {
        let yaml = Settings::new().set("watchdog.warn_reset_cycles", 9).yaml();
        assert!(yaml.contains("warn_reset_cycles: 9") && !yaml.contains("warn_reset_cycles: 4"));
    }
}
