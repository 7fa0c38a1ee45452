//! What telemetry is told for the log and the events: transitions, faults, trades. Plain values;
//! who sends them neither formats nor waits.

use crate::types::fact::Fact;
use crate::types::ids::InstrumentName;
use crate::types::time::DurNs;
use crate::types::time::Now;

/// One piece of news.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// When.
    pub at: Now,
    /// What.
    pub kind: NoticeKind,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoticeKind {
    /// The watchdog changed its state.
    Transition {
        /// Cycles closed by then.
        cycle: u64,
        /// Name of the state before.
        from: &'static str,
        /// Name of the state after.
        to: &'static str,
        /// The rule that moved it, such as `signal` or `clean cycles`.
        reason: &'static str,
        /// The gauge behind it, if there is one.
        cause: Option<Cause>,
        /// Strikes after it.
        strikes: u8,
    },
    /// The severity of the moment changed, between two cycles: a thread is blocked now, or no more.
    Severity {
        /// Name of the severity: OK, WARN, ERROR, FATAL.
        severity: &'static str,
        /// The gauge behind it.
        cause: Option<Cause>,
    },
    /// A soft reset ran.
    SoftReset {
        /// True when the condition is over, false for an attempt to end it.
        is_cleared: bool,
        /// The gauge behind it.
        cause: Option<Cause>,
    },
    /// An injected fault began or ended.
    Fault {
        /// Its kind, such as `feed_lag`.
        name: &'static str,
        /// Which venue or thread; empty for the whole process.
        of: &'static str,
        /// True at its beginning.
        begins: bool,
    },
    /// A feed connected anew.
    Reconnect {
        /// Which venue.
        venue: &'static str,
        /// How long it was silent.
        after: DurNs,
    },
    /// Something about a venue's connection or data.
    Feed {
        /// Which venue.
        venue: &'static str,
        /// What.
        news: FeedNews,
    },
    /// The engine or the journal has this on record.
    Fact(Fact),
}

/// What may happen to a venue's connection or data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeedNews {
    /// Its connection ended.
    Closed {
        /// Why.
        why: &'static str,
    },
    /// A symbol shows no book although it was asked for twice.
    SymbolOff {
        /// Which.
        symbol: InstrumentName,
    },
    /// A symbol that was off shows its book.
    SymbolBack {
        /// Which.
        symbol: InstrumentName,
    },
    /// It refuses requests or connections.
    Refused {
        /// The HTTP status.
        status: u16,
        /// For so long nothing more is asked.
        wait: DurNs,
    },
    /// Its clock and ours differ by more than a second (ours ahead if positive), or no more.
    Skew {
        /// By how much.
        ahead_ms: i64,
    },
    /// This machine's wall clock was set.
    Step {
        /// By how much.
        by_ms: i64,
    },
    /// A younger connection took the place of the one before it.
    Rotated,
    /// A younger connection could not take over; the old one goes on.
    RotationFailed,
}

impl FeedNews {
    /// Its name in events.
    pub const fn name(&self) -> &'static str {
        match self {
            FeedNews::Closed { .. } => "closed",
            FeedNews::SymbolOff { .. } => "symbol_off",
            FeedNews::SymbolBack { .. } => "symbol_back",
            FeedNews::Refused { .. } => "refused",
            FeedNews::Skew { .. } => "clock_skew",
            FeedNews::Step { .. } => "clock_step",
            FeedNews::Rotated => "rotated",
            FeedNews::RotationFailed => "rotation_failed",
        }
    }
    const fn level(&self) -> log::Level {
        match self {
            FeedNews::SymbolBack { .. } | FeedNews::Rotated => log::Level::Info,
            _ => log::Level::Warn,
        }
    }
}

impl std::fmt::Display for FeedNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FeedNews::Closed { why } => write!(f, "connection ended: {why}"),
            FeedNews::SymbolOff { symbol } => write!(
                f,
                "{symbol} is off: it shows no book although it was asked for twice; \
                 is it listed there, and trading?"
            ),
            FeedNews::SymbolBack { symbol } => write!(f, "{symbol} is back"),
            FeedNews::Refused { status, wait } => {
                write!(f, "refused with {status}: nothing is asked for {} s", wait.as_ms() / 1_000)
            }
            FeedNews::Skew { ahead_ms } => {
                let by = ahead_ms.unsigned_abs();
                let side = if *ahead_ms < 0 { "behind" } else { "ahead of" };
                write!(f, "our clock is {by} ms {side} the venue's; set it by NTP if that is much")
            }
            FeedNews::Step { by_ms } => write!(f, "this machine's clock was set by {by_ms} ms"),
            FeedNews::Rotated => write!(f, "a younger connection took over"),
            FeedNews::RotationFailed => {
                write!(f, "a younger connection could not take over; the old one goes on")
            }
        }
    }
}

impl NoticeKind {
    /// The line for the log and how grave it is; `None` for what has a place of its own.
    pub fn line(&self) -> Option<(log::Level, String)> {
        let by = |cause: &Option<Cause>| cause.map_or(String::new(), |c| format!(" by {c}"));
        let level = |word: &str| match word {
            "WARN" => log::Level::Warn,
            "ERROR" | "CRITICAL" | "FATAL" => log::Level::Error,
            _ => log::Level::Info,
        };
        Some(match self {
            NoticeKind::Transition { cycle, from, to, reason, cause, strikes } => {
                let text = format!("[WATCHDOG] {from} -> {to}{} ({reason}", by(cause));
                (level(to), format!("{text}, strikes {strikes}, cycle {cycle})"))
            }
            NoticeKind::Severity { severity: "OK", cause } => {
                (log::Level::Info, format!("[WATCHDOG] over: what was raised{}", by(cause)))
            }
            NoticeKind::Severity { severity, cause } => {
                (level(severity), format!("[WATCHDOG] {severity} now{}", by(cause)))
            }
            NoticeKind::SoftReset { is_cleared, cause } => {
                let what = if *is_cleared { "cleared" } else { "tried, it lasts" };
                (log::Level::Info, format!("[WATCHDOG] soft reset{}: {what}", by(cause)))
            }
            NoticeKind::Fault { name, of, begins } => {
                let (space, what) =
                    (if of.is_empty() { "" } else { " " }, if *begins { "begins" } else { "ends" });
                (log::Level::Warn, format!("[FAULT] injected {name}{space}{of} {what}"))
            }
            NoticeKind::Reconnect { venue, after } => {
                (log::Level::Warn, format!("{venue} connected anew after {} ms", after.as_ms()))
            }
            NoticeKind::Feed { venue, news } => (news.level(), format!("{venue}: {news}")),
            NoticeKind::Fact(_) => return None,
        })
    }
}

/// The gauge behind a severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Name of the signal: `ws_lag_ms`.
    pub signal: &'static str,
    /// Name of the venue or thread; empty for the whole process.
    pub of: &'static str,
    /// What it said, in the unit of its signal; `None` if it is unknown.
    pub value: Option<i64>,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.signal)?;
        if self.of.is_empty() { Ok(()) } else { write!(f, " {}", self.of) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_differs_is_told_as_ahead_or_behind_and_never_by_less_than_nothing() {
        for (ahead_ms, told) in [
            (4_993, "our clock is 4993 ms ahead of the venue's"),
            (-4_993, "our clock is 4993 ms behind the venue's"),
        ] {
            let line = FeedNews::Skew { ahead_ms }.to_string();
            assert!(line.starts_with(told), "{line}");
        }
    }
}
