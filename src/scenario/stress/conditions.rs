//! Scenarios of the watchdog: feeds, blocked and dead threads, resets, CRITICAL and what follows.

use crate::scenario::stress::script::Look;
use crate::scenario::stress::script::Script;
use crate::scenario::stress::settings::ENTRY_HOLD_MS;
use crate::scenario::stress::settings::ERROR_RESET;
use crate::scenario::stress::settings::INTERVAL_MS;
use crate::scenario::stress::settings::Settings;
use crate::scenario::stress::settings::WARN_RESET;
use crate::scenario::stress::stage::Stage;
use crate::scenario::stress::watch::Seen;
use crate::types::evidence::FAULT_END;
use crate::types::evidence::WATCHDOG_EVENT;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::WallNs;

/// The watchdog's tick.
const TICK_MS: u64 = 250;
/// Its lease.
const LEASE_MS: u64 = 1_000;
/// A thread that is due may be this late on a busy machine.
const SLACK_MS: u64 = 150;
/// The same for a whole cycle.
const CYCLE_SLACK_MS: u64 = 700;
/// Cooldown of the scenario whose fault goes on for a while.
const LONG_COOLDOWN_MS: u64 = 8_000;
/// Cooldown of the shutdown scenario: long enough to see the next start wait for it.
const SHUTDOWN_COOLDOWN_MS: u64 = 5_000;

pub(super) fn feed_lag() -> Script {
    let lag = "{at: 3s, for: 6s, kind: feed_lag, venue: upbit, by: 3s}";
    Script::new(Settings::new().fault(lag))
        .always(lives)
        .always(|stage| never(stage, "CRITICAL"))
        .fault_begins("feed_lag upbit")
        .within(4_500, "ERROR by ws_lag_ms upbit", |stage| {
            Ok(error_by(stage, "ws_lag_ms upbit").is_some())
        })
        .within(15_000, "entries again, none before", |stage| trades_again(stage, "ws_lag_ms"))
}

pub(super) fn feed_silence() -> Script {
    Script::new(Settings::new().fault("{at: 3s, for: 5s, kind: feed_silence, venue: binance}"))
        .always(lives)
        .always(|stage| never(stage, "CRITICAL"))
        .fault_begins("feed_silence binance")
        .within(3_500, "ERROR by ws_lag_ms binance", |stage| {
            Ok(error_by(stage, "ws_lag_ms binance").is_some())
        })
        .within(12_000, "entries again, none before", |stage| trades_again(stage, "ws_lag_ms"))
}

pub(super) fn engine_blocked_2100ms() -> Script {
    Script::new(blocked().fault("{at: 3s, for: 2100ms, kind: engine_stall}"))
        .always(lives)
        .always(|stage| never(stage, "CRITICAL"))
        .fault_begins("engine_stall engine")
        .within(2_000, "WARN by loop_ms while the engine is blocked", |stage| {
            Ok(stage.watch.severity("WARN", "loop_ms", WallNs(0)).is_some())
        })
        .within(3_000, "ERROR by loop_ms", |stage| Ok(error_by(stage, "loop_ms").is_some()))
        .within(12_000, "NORMAL again", returns_to_normal)
}

pub(super) fn engine_blocked_6s() -> Script {
    Script::new(blocked().fault("{at: 3s, for: 6s, kind: engine_stall}"))
        .always(lives)
        .always(|stage| never(stage, "CRITICAL"))
        .fault_begins("engine_stall engine")
        .within(3_000, "ERROR by loop_ms, written while the engine is blocked", |stage| {
            let Some(error) = error_by(stage, "loop_ms") else { return Ok(false) };
            let end = later(stage.injected, 6_000);
            match error.at < end && stage.watch.fault("engine_stall engine", FAULT_END).is_none() {
                true => Ok(true),
                false => Err("it came after the engine was free again".to_owned()),
            }
        })
        .within(18_000, "NORMAL again", returns_to_normal)
}

/// The P95 of 100 cycles remembers a block for 100 cycles, and is not what is tried here.
fn blocked() -> Settings {
    let settings = Settings::new().set("watchdog.loop_p95_warn_threshold_ms", 30_000);
    settings.set("watchdog.max_loop_p95_ms", 60_000)
}

pub(super) fn warn_auto_reset() -> Script {
    let lag = "{at: 3s, for: 2s, kind: feed_lag, venue: upbit, by: 900ms}";
    Script::new(Settings::new().fault(lag))
        .always(lives)
        .always(|stage| never(stage, "ERROR"))
        .always(|stage| never(stage, "CRITICAL"))
        .fault_begins("feed_lag upbit")
        .within(3_000, "state WARN by ws_lag_ms upbit", |stage| {
            Ok(moved(stage, "WARN", "ws_lag_ms upbit").is_some())
        })
        .within(12_000, "NORMAL after W clean cycles, with a soft reset", |stage| {
            let Some(warn) = moved(stage, "WARN", "ws_lag_ms upbit") else { return Ok(false) };
            let normal = |seen: &&Seen| is_move(seen, ("WARN", "NORMAL")) && seen.at > warn.at;
            let Some(normal) = stage.watch.events.iter().find(normal) else { return Ok(false) };
            cleared_after(stage, normal, WARN_RESET)
        })
}

pub(super) fn error_auto_reset() -> Script {
    let silence = "{at: 3s, for: 6500ms, kind: feed_silence, venue: binance}";
    Script::new(Settings::new().fault(silence))
        .always(lives)
        .always(|stage| never(stage, "CRITICAL"))
        .fault_begins("feed_silence binance")
        .within(3_500, "state ERROR by ws_lag_ms binance", |stage| {
            Ok(moved(stage, "ERROR", "ws_lag_ms binance").is_some())
        })
        .within(7_500, "a soft reset after E cycles of ERROR", |stage| {
            let attempt = stage.watch.find("soft_reset", |event| {
                event.data.as_ref().is_some_and(|data| data["cleared"] == false)
                    && event.cause.as_deref() == Some("ws_lag_ms binance")
            });
            Ok(attempt.is_some())
        })
        .within(14_000, "out of ERROR after E clean cycles, with a soft reset", |stage| {
            let out = |seen: &&Seen| {
                is_move(seen, ("ERROR", "NORMAL")) || is_move(seen, ("ERROR", "WARN"))
            };
            let Some(out) = stage.watch.events.iter().find(out) else { return Ok(false) };
            cleared_after(stage, out, ERROR_RESET)
        })
}

pub(super) fn critical_cooldown_resume() -> Script {
    // Strikes at 2, 3.5 and 5 s after the beginning.
    let silence = "{at: 3s, for: 9s, kind: feed_silence, venue: binance}";
    let settings = Settings::new()
        .fault(silence)
        .set("watchdog.error_reset_cycles", 3)
        .set("watchdog.warn_reset_cycles", 2)
        // Longer than the rest of the silence and the clean cycles after it.
        .set("watchdog.cooldown_after_critical", LONG_COOLDOWN_MS / 1_000);
    Script::new(settings)
        .always(lives)
        .fault_begins("feed_silence binance")
        .within(7_500, "CRITICAL", |stage| Ok(stage.watch.entered("CRITICAL").is_some()))
        .within(10_000, "COOLDOWN", |stage| Ok(stage.watch.entered("COOLDOWN").is_some()))
        .within(20_000, "entries again, none before the cooldown is over", |stage| {
            resumes_after(stage, LONG_COOLDOWN_MS)
        })
}

pub(super) fn critical_shutdown() -> Script {
    let silence = "{at: 3s, for: 60s, kind: feed_silence, venue: binance}";
    let settings = Settings::new()
        .set("watchdog.error_reset_cycles", 3)
        .set("watchdog.warn_reset_cycles", 2)
        .set("watchdog.on_critical", "shutdown")
        .set("watchdog.cooldown_after_critical", SHUTDOWN_COOLDOWN_MS / 1_000);
    Script::new(settings.clone().fault(silence))
        .fault_begins("feed_silence binance")
        .within(10_000, "exit 20, and a start after it", move |stage| {
            match stage.exit() {
                None => return Ok(false),
                Some(20) => {}
                Some(_) => return Err("another exit code".to_owned()),
            }
            stage.watch.look();
            if stage.watch.entered("CRITICAL").is_none() {
                return Err("no CRITICAL on record".to_owned());
            }
            stage.noted = stage.wall;
            stage.start(&settings).map(|()| true)
        })
        .within(22_000, "entries again, none before the cooldown is over", |stage| {
            let Some(first) = stage.watch.entries.first() else { return Ok(false) };
            let least = SHUTDOWN_COOLDOWN_MS - TICK_MS - SLACK_MS;
            match ms_between(stage.noted, *first) {
                early if early < least => Err(format!("an entry {early} ms after the exit")),
                _ => Ok(true),
            }
        })
}

pub(super) fn watchdog_killed() -> Script {
    Script::new(Settings::new().fault("{at: 3s, kind: thread_death, thread: watchdog}"))
        .setup("an entry", |stage| Ok(!stage.watch.entries.is_empty()))
        .fault_begins("thread_death watchdog")
        .within(18_000, "exit 1 that names the thread, no entry after the lease", |stage| {
            no_entry_beyond_lease(stage, stage.wall)?;
            match stage.exit() {
                None => Ok(false),
                Some(1) if stage.last_words().contains("fix:") => Ok(true),
                Some(_) => Err("another end".to_owned()),
            }
        })
        .within(18_000, "the log names the thread", |stage| {
            Ok(stage.watch.logged("thread watchdog panicked").is_some())
        })
}

pub(super) fn watchdog_blocked() -> Script {
    let stall = "{at: 3s, for: 4s, kind: engine_stall, thread: watchdog}";
    Script::new(Settings::new().fault(stall))
        .always(lives)
        .always(|stage| never(stage, "CRITICAL"))
        .setup("an entry", |stage| Ok(!stage.watch.entries.is_empty()))
        .fault_begins("engine_stall watchdog")
        .within(6_000, "no entry after the lease while it is blocked", |stage| {
            let end = later(stage.injected, 4_000 - SLACK_MS);
            no_entry_beyond_lease(stage, end.min(stage.wall))?;
            Ok(stage.wall > end)
        })
        .within(10_000, "entries again", |stage| {
            let end = later(stage.injected, 4_000);
            Ok(stage.watch.entries.last().is_some_and(|at| *at > end))
        })
}

/// Guard: the run goes on.
pub(super) fn lives(stage: &mut Stage) -> Look {
    match stage.exit() {
        Some(_) => Err("the run is over".to_owned()),
        None => Ok(true),
    }
}

/// Guard: the watchdog never comes into that state.
pub(super) fn never(stage: &mut Stage, state: &str) -> Look {
    match stage.watch.entered(state) {
        Some(seen) => {
            let cause = seen.event.cause.as_deref().unwrap_or("?");
            Err(format!("{state} by {cause}"))
        }
        None => Ok(true),
    }
}

/// NORMAL is the last state, after another one since the injection.
pub(super) fn returns_to_normal(stage: &mut Stage) -> Look {
    let last = stage.watch.last_transition();
    Ok(last
        .is_some_and(|seen| seen.at > stage.injected && seen.event.to.as_deref() == Some("NORMAL")))
}

/// An entry after CRITICAL and its cooldown, and none between.
pub(super) fn resumes_after(stage: &mut Stage, cooldown_ms: u64) -> Look {
    let watch = &stage.watch;
    let (Some(critical), Some(cooldown)) = (watch.entered("CRITICAL"), watch.entered("COOLDOWN"))
    else {
        return Ok(false);
    };
    let resumed = watch.find(WATCHDOG_EVENT, |event| event.from.as_deref() == Some("COOLDOWN"));
    let until = resumed.map_or(stage.wall, |seen| seen.at);
    if let Some(early) = watch.entry_between(later(critical.at, SLACK_MS), until) {
        return Err(format!("an entry {} ms after CRITICAL", ms_between(critical.at, early)));
    }
    let Some(resumed) = resumed else { return Ok(false) };
    let lasted = ms_between(cooldown.at, resumed.at);
    if lasted + TICK_MS < cooldown_ms {
        return Err(format!("the cooldown lasted {lasted} ms only"));
    }
    Ok(watch.entries.last().is_some_and(|at| *at > resumed.at))
}

/// The first ERROR of the moment by that cause since the injection.
fn error_by<'s>(stage: &'s Stage, cause: &str) -> Option<&'s Seen> {
    stage.watch.severity("ERROR", cause, early(stage.injected))
}

/// The first transition into that state by that cause.
fn moved<'s>(stage: &'s Stage, state: &str, cause: &str) -> Option<&'s Seen> {
    stage.watch.find(WATCHDOG_EVENT, |event| {
        event.to.as_deref() == Some(state) && event.cause.as_deref() == Some(cause)
    })
}

fn is_move(seen: &Seen, (from, to): (&str, &str)) -> bool {
    (seen.event.from.as_deref(), seen.event.to.as_deref()) == (Some(from), Some(to))
}

/// After the ERROR of the moment and the hold behind it there is an entry, and none before.
fn trades_again(stage: &mut Stage, cause: &str) -> Look {
    let Some(error) = error_by(stage, cause) else { return Ok(false) };
    let over = |seen: &&Seen| seen.event.event_type == "severity" && seen.at > error.at;
    let Some(over) = stage.watch.events.iter().find(over) else { return Ok(false) };
    // The last tick that was ERROR is up to one tick older than the one that was not.
    let until = later(over.at, ENTRY_HOLD_MS - TICK_MS - SLACK_MS);
    if let Some(at) = stage.watch.entry_between(later(error.at, SLACK_MS), until) {
        let after = ms_between(error.at, at);
        return Err(format!("an entry {after} ms after the ERROR"));
    }
    Ok(stage.watch.entries.last().is_some_and(|at| *at > until))
}

/// The state fell after so many clean cycles, counted from the last trouble before, and a soft
/// reset went with it.
fn cleared_after(stage: &Stage, moved: &Seen, cycles: u64) -> Look {
    let calm = |seen: &&Seen| {
        seen.event.event_type == "severity"
            && seen.event.to.as_deref() == Some("OK")
            && seen.at < moved.at
    };
    let Some(calm) = stage.watch.events.iter().rev().find(calm) else {
        return Err("the state fell while the trouble went on".to_owned());
    };
    let took = ms_between(calm.at, moved.at);
    let (least, most) = (cycles * INTERVAL_MS - TICK_MS, (cycles + 1) * INTERVAL_MS);
    if !(least..=most + CYCLE_SLACK_MS).contains(&took) {
        return Err(format!("after {took} ms, {cycles} cycles are {least} to {most} ms"));
    }
    let reset = stage.watch.events.iter().any(|seen| {
        seen.event.event_type == "soft_reset"
            && seen.event.data.as_ref().is_some_and(|data| data["cleared"] == true)
            && ms_between(moved.at, seen.at).max(ms_between(seen.at, moved.at)) < TICK_MS
    });
    if reset { Ok(true) } else { Err("no soft reset on record".to_owned()) }
}

fn no_entry_beyond_lease(stage: &Stage, until: WallNs) -> Result<(), String> {
    let from = later(stage.injected, LEASE_MS + SLACK_MS);
    match stage.watch.entry_between(from, until) {
        Some(at) => {
            let after = ms_between(stage.injected, at);
            Err(format!("an entry {after} ms after the watchdog's end"))
        }
        None => Ok(()),
    }
}

/// That time, so many ms later.
pub(super) fn later(at: WallNs, ms: u64) -> WallNs {
    WallNs(MonoNs(at.0).plus(DurNs::from_ms(ms)).0)
}

/// The injection is seen a little after it begins; what it causes may be older than that.
fn early(at: WallNs) -> WallNs {
    WallNs(at.0.saturating_sub(DurNs::from_ms(SLACK_MS).0))
}

/// From the one to the other; 0 if they are the other way round.
pub(super) fn ms_between(from: WallNs, to: WallNs) -> u64 {
    DurNs(to.0.saturating_sub(from.0)).as_ms()
}
