//! The scenarios: what is injected, what must happen. By when stands in each one's script.

use crate::scenario::stress::conditions;
use crate::scenario::stress::evidence::Harvest;
use crate::scenario::stress::machine;
use crate::scenario::stress::script::Script;
use crate::scenario::stress::service;
use crate::scenario::stress::settings::Settings;

/// What a scenario cannot do without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// The binary alone.
    Nothing,
    /// A `redis-server` on this machine.
    Redis,
}

/// How much of the machine it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// Another one may be played beside it.
    Beside,
    /// All cores, or all that the others left.
    Alone,
}

/// One scenario.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is done.
    pub injected: &'static str,
    /// What must happen.
    pub expected: &'static str,
    /// What it cannot do without.
    pub needs: Needs,
    /// How much of the machine it takes.
    pub share: Share,
    /// Its course; the harvest is that of all scenarios before it.
    pub script: fn(&Harvest) -> Script,
}

/// Needs nothing and lets another one beside it.
const LIGHT: Scenario = Scenario {
    name: "",
    injected: "",
    expected: "",
    needs: Needs::Nothing,
    share: Share::Beside,
    script: |_| Script::new(Settings::new()),
};
/// Takes all cores, or all memory.
const ALONE: Scenario = Scenario { share: Share::Alone, ..LIGHT };
/// Needs a Redis.
const REDIS: Scenario = Scenario { needs: Needs::Redis, ..LIGHT };

/// All of them, in the order in which they are played.
pub static SCENARIOS: [Scenario; 20] = [
    Scenario {
        name: "feed_lag",
        injected: "upbit's books 3 s late for 6 s",
        expected: "ERROR by ws_lag_ms upbit, no entry meanwhile, entries again (synthetic feed)",
        script: |_| conditions::feed_lag(),
        ..LIGHT
    },
    Scenario {
        name: "feed_silence",
        injected: "binance silent for 5 s",
        expected: "ERROR by ws_lag_ms binance, no entry meanwhile, entries again (synthetic feed)",
        script: |_| conditions::feed_silence(),
        ..LIGHT
    },
    Scenario {
        name: "engine_blocked_2100ms",
        injected: "engine thread blocked for 2.1 s",
        expected: "WARN while it is blocked, ERROR by loop_ms within 3 s, NORMAL again",
        script: |_| conditions::engine_blocked_2100ms(),
        ..LIGHT
    },
    Scenario {
        name: "engine_blocked_6s",
        injected: "engine thread blocked for 6 s",
        expected: "ERROR by loop_ms on record while still blocked, no CRITICAL, NORMAL again",
        script: |_| conditions::engine_blocked_6s(),
        ..LIGHT
    },
    Scenario {
        name: "warn_auto_reset",
        injected: "upbit's books 0.9 s late for 2 s",
        expected: "WARN, then NORMAL after W clean cycles with a soft reset, never ERROR",
        script: |_| conditions::warn_auto_reset(),
        ..LIGHT
    },
    Scenario {
        name: "error_auto_reset",
        injected: "binance silent for 6.5 s",
        expected: "ERROR, a soft reset after E cycles of it, out of it after E clean cycles",
        script: |_| conditions::error_auto_reset(),
        ..LIGHT
    },
    Scenario {
        name: "critical_cooldown_resume",
        injected: "binance silent for 9 s",
        expected: "CRITICAL by three strikes, 8 s of COOLDOWN without any entry, entries again",
        script: |_| conditions::critical_cooldown_resume(),
        ..LIGHT
    },
    Scenario {
        name: "critical_shutdown",
        injected: "binance silent for good, on_critical: shutdown",
        expected: "exit 20, and the next start makes no entry until the cooldown is over",
        script: |_| conditions::critical_shutdown(),
        ..LIGHT
    },
    Scenario {
        name: "watchdog_killed",
        injected: "watchdog thread dies",
        expected: "no entry after its lease of 1 s, the run ends with exit 1 and names the thread",
        script: |_| conditions::watchdog_killed(),
        ..LIGHT
    },
    Scenario {
        name: "watchdog_blocked",
        injected: "watchdog thread blocked for 4 s",
        expected: "no entry after its lease of 1 s until it is back, entries again",
        script: |_| conditions::watchdog_blocked(),
        ..LIGHT
    },
    Scenario {
        name: "host_pause",
        injected: "SIGSTOP to the process, SIGCONT 6 s later",
        expected: "WARN by host_pause, never ERROR or CRITICAL, entries again",
        script: |_| machine::host_pause(),
        ..LIGHT
    },
    Scenario {
        name: "redis_down",
        injected: "redis-server killed",
        expected: "WARN by redis_age_ms, never more; cycles, entries, loop latency as before",
        script: |_| service::redis_down(),
        ..REDIS
    },
    Scenario {
        name: "redis_stalled",
        injected: "SIGSTOP to redis-server, SIGCONT 4 s after the warning",
        expected: "WARN by redis_age_ms, never more; loop latency as before; NORMAL again",
        script: |_| service::redis_stalled(),
        ..REDIS
    },
    Scenario {
        name: "redis_slow_proxy",
        injected: "2 s delay each way to Redis, then a half-open connection",
        expected: "WARN by redis_age_ms, never more; loop latency as before; NORMAL again",
        script: |_| service::redis_slow_proxy(),
        ..REDIS
    },
    Scenario {
        name: "redis_restarted",
        injected: "redis-server killed, another one after the warning",
        expected: "WARN by redis_age_ms, then NORMAL, and a snapshot with a fresh age",
        script: |_| service::redis_restarted(),
        ..REDIS
    },
    Scenario {
        name: "disk_full",
        injected: "folder of snapshots replaced by a file for 4 s",
        expected: "a warning logged, entries go on, no fill lost, snapshots again, exit 0",
        script: |_| machine::disk_full(),
        ..LIGHT
    },
    Scenario {
        name: "kill_9",
        injected: "SIGKILL in the midst of trading",
        expected: "the next start rebuilds every record, trades on, its books add up at exit 0",
        script: |_| machine::kill_9(),
        ..LIGHT
    },
    Scenario {
        name: "cpu_burners",
        injected: "busy processes, two on each core, and two busy threads in the run, for 6 s",
        expected: "WARN by cpu_pct, never ERROR or CRITICAL, cycles keep coming",
        script: |_| machine::cpu_burners(),
        ..ALONE
    },
    Scenario {
        name: "memory_spike",
        injected: "450 MiB, then 900 MiB really allocated (warn 400, max 800)",
        expected: "WARN, then CRITICAL by rss_mb, a clean drain, 6 s of COOLDOWN, entries again",
        script: |_| machine::memory_spike(),
        ..ALONE
    },
    Scenario {
        name: "snapshots_and_metrics",
        injected: "none: a quiet run, and all runs before it",
        expected: "each cycle a whole metrics line, every snapshot parses with the 22 fields",
        script: machine::snapshots_and_metrics,
        ..ALONE
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own_and_says_what_it_is() {
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            let same = SCENARIOS.iter().filter(|other| other.name == scenario.name);
            assert_eq!(same.count(), 1, "{}", scenario.name);
            assert!(!scenario.injected.is_empty() && !scenario.expected.is_empty(), "{index}");
        }
    }

    #[test]
    fn every_scenario_injects_exactly_once_and_has_a_limit_below_a_minute() {
        for scenario in &SCENARIOS {
            let script = (scenario.script)(&Harvest::default());
            let injections = script.steps.iter().filter(|step| step.injects).count();
            assert_eq!(injections, 1, "{}", scenario.name);
            let limit = script.limit().as_ms();
            assert!((1_000..60_000).contains(&limit), "{}: {limit} ms", scenario.name);
        }
    }
}
