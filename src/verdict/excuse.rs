//! Which injected fault can be behind which signal of the watchdog (`FAULTS.md` 3). Pure.

/// Longest of all waits and gauges of the loop.
const LOOP: [&str; 3] = ["loop_ms", "loop_ms_with_orders", "loop_p95"];

/// What a fault of one kind can raise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Excuse {
    /// The kind, as in the events.
    pub fault: &'static str,
    /// Signals of the venue or thread that the fault names; of any, if it names none.
    pub own: &'static [&'static str],
    /// Signals whatever they are of.
    pub any: &'static [&'static str],
}

const fn row(
    fault: &'static str,
    own: &'static [&'static str],
    any: &'static [&'static str],
) -> Excuse {
    Excuse { fault, own, any }
}

/// A fault that is not listed, or without signals, excuses no fall.
pub const EXCUSES: [Excuse; 15] = [
    row("feed_lag", &["ws_lag_ms"], &DATA),
    row("feed_silence", &["ws_lag_ms"], &DATA),
    row("feed_gap", &["ws_lag_ms"], &DATA),
    row("crossed_book", &["ws_lag_ms"], &DATA),
    row("zero_price", &["ws_lag_ms"], &DATA),
    row("price_leap", &["ws_lag_ms"], &DATA),
    row("fx_loss", &["ws_lag_ms"], &DATA),
    row("redis_stall", &[], &["redis_age_ms"]),
    row("engine_stall", &["feed_stall_ms", "gateway_stall_ms", "helper_stall_ms"], &STALL),
    row("thread_death", &[], &[]),
    row("cpu_burn", &[], &["cpu_pct", LOOP[0], LOOP[1], LOOP[2]]),
    row("memory_step", &[], &["rss_mb"]),
    row("disk_full", &[], &[]),
    row("clock_step", &[], &[]),
    // Nobody beats while nobody turns.
    row("host_pause", &[], &PAUSE),
];
const PAUSE: [&str; 7] =
    ["host_pause", "ws_lag_ms", "fx_age_ms", "redis_age_ms", LOOP[0], LOOP[1], LOOP[2]];
/// The rate comes from a book, too.
const DATA: [&str; 2] = ["safety_rejections", "fx_age_ms"];
const STALL: [&str; 5] = [LOOP[0], LOOP[1], LOOP[2], "ws_lag_ms", "fx_age_ms"];
/// Telemetry measures these: while it stands they are unknown.
const OF_TELEMETRY: [&str; 5] = ["redis_age_ms", "cpu_pct", "rss_mb", "open_files_pct", LOOP[2]];
/// The fault that has no end: a thread that died stays dead.
const DEATH: &str = "thread_death";

/// True if a fault, such as `feed_lag upbit`, can never end by itself.
pub fn is_final(fault: &str) -> bool {
    parts(fault).0 == DEATH
}

/// True if that fault can be behind that cause: `ws_lag_ms upbit`.
pub fn excuses(fault: &str, cause: &str) -> bool {
    let ((kind, target), (signal, of)) = (parts(fault), parts(cause));
    if kind == DEATH {
        return true;
    }
    let Some(row) = EXCUSES.iter().find(|row| row.fault == kind) else { return false };
    let same = target.is_empty() || target == of;
    let unknown = kind == "engine_stall" && target == "telemetry";
    row.any.contains(&signal)
        || same && row.own.contains(&signal)
        || unknown && OF_TELEMETRY.contains(&signal)
}

fn parts(told: &str) -> (&str, &str) {
    told.split_once(' ').unwrap_or((told, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_excuses_what_it_can_cause_where_it_acts_and_nothing_else() {
        for (fault, cause, expected) in [
            ("feed_lag upbit", "ws_lag_ms upbit", true),
            ("feed_lag upbit", "ws_lag_ms binance", false),
            ("fx_loss", "ws_lag_ms upbit", true),
            ("feed_lag upbit", "safety_rejections", true),
            ("fx_loss", "fx_age_ms", true),
            ("feed_silence upbit", "fx_age_ms", true),
            ("redis_stall", "fx_age_ms", false),
            ("feed_lag upbit", "loop_ms engine", false),
            ("redis_stall", "redis_age_ms", true),
            ("redis_stall", "ws_lag_ms upbit", false),
            ("engine_stall engine", "loop_ms engine", true),
            ("engine_stall gateway", "gateway_stall_ms gateway", true),
            ("engine_stall gateway", "feed_stall_ms feed-upbit", false),
            ("engine_stall telemetry", "redis_age_ms", true),
            ("engine_stall engine", "redis_age_ms", false),
            ("thread_death engine", "thread_dead engine", true),
            ("cpu_burn", "cpu_pct", true),
            ("cpu_burn", "rss_mb", false),
            ("memory_step", "rss_mb", true),
            ("disk_full", "rss_mb", false),
            ("clock_step", "ws_lag_ms upbit", false),
            ("host_pause", "host_pause", true),
            ("host_pause", "journal_failed", false),
            ("stall", "loop_ms engine", false),
            ("", "", false),
        ] {
            assert_eq!(excuses(fault, cause), expected, "{fault} for {cause}");
        }
    }
}
