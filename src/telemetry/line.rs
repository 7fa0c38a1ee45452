//! The metrics line, one a cycle, and the banner, in the words and order of the source.

use std::fmt;

use crate::telemetry::process::Gauges;
use crate::types::report::CycleReport;
use crate::types::time::DurNs;
use crate::types::time::Millis;
use crate::types::units::Krw;
use crate::types::units::SCALE;

/// Which signs may stand in lines for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glyphs {
    /// The won sign and the source's coloured marks.
    Symbols,
    /// ASCII only (`--ascii`): `KRW`, `yes`, `no`.
    Ascii,
}

impl Glyphs {
    const fn won(self) -> &'static str {
        match self {
            Glyphs::Symbols => "₩",
            Glyphs::Ascii => "KRW",
        }
    }
}

/// Whether orders reach a real venue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LiveState {
    /// They do.
    Allowed,
    /// They do not, for each of these reasons, such as `mode is mock`.
    Blocked(Vec<String>),
}

impl LiveState {
    const fn mark(&self, glyphs: Glyphs) -> &'static str {
        match (self, glyphs) {
            (LiveState::Allowed, Glyphs::Symbols) => "\u{2705}",
            (LiveState::Blocked(_), Glyphs::Symbols) => "\u{274c}",
            (LiveState::Allowed, Glyphs::Ascii) => "yes",
            (LiveState::Blocked(_), Glyphs::Ascii) => "no",
        }
    }
    /// The banner, one line each: the state, then each reason, indented.
    pub fn banner(&self, glyphs: Glyphs) -> Vec<String> {
        let (mark, words, reasons): (_, _, &[String]) = match self {
            LiveState::Allowed => ("\u{1f7e2} ", "LIVE TRADING ALLOWED", &[]),
            LiveState::Blocked(reasons) => ("\u{1f534} ", "LIVE TRADING BLOCKED", reasons),
        };
        let mark = if glyphs == Glyphs::Ascii { "" } else { mark };
        let reasons = reasons.iter().map(|reason| format!("  - {reason}"));
        std::iter::once(format!("{mark}{words}")).chain(reasons).collect()
    }
}

/// One metrics line. Displays as `[LIVE] [METRICS] pnl=… … live=…`.
///
/// Differs from the source where that would mislead: `-` is unknown, never 0; `loop_ms` and
/// `loop_p95` have one decimal from 1 ms up and more below ([`Millis`]); `trades` are fills;
/// `mem` is MiB under the source's `MB`.
#[derive(Clone, Copy, Debug)]
pub struct MetricsLine<'a> {
    /// The cycle.
    pub report: &'a CycleReport,
    /// P95 of the loop latency over the last 100 cycles that had one.
    pub loop_p95: Option<DurNs>,
    /// The process.
    pub gauges: Option<Gauges>,
    /// Whether orders are real.
    pub live: &'a LiveState,
    /// Which signs.
    pub glyphs: Glyphs,
}

impl fmt::Display for MetricsLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let won = |amount: Krw| format!("{}{}", whole(amount), self.glyphs.won());
        write!(f, "[LIVE] [METRICS] pnl={} trades={} ", won(report.pnl), report.fills)?;
        write!(f, "open_pos={} exposure={} ", report.open_pairs, won(report.exposure))?;
        write!(f, "realized_pnl={} signals={} ", won(report.realized), report.signals)?;
        write!(f, "exec_rate={}% ", PerCent::of(report.entered, report.signals))?;
        write!(f, "safety_rejections={} ", report.safety_rejections)?;
        write!(f, "sl_triggers={} ", report.stop_losses)?;
        let [latest, p95] = [report.loop_latency, self.loop_p95].map(Known);
        write!(f, "loop_ms={latest} loop_p95={p95} ")?;
        match self.gauges {
            Some(gauges) => {
                let mib = gauges.rss_bytes as f64 / f64::from(1 << 20);
                write!(f, "cpu={:.1}% mem={mib:.0}MB ", gauges.cpu_pct)?;
            }
            None => f.write_str("cpu=- mem=- ")?,
        }
        write!(f, "live={}", self.live.mark(self.glyphs))
    }
}

/// Whole won, halves away from zero.
fn whole(amount: Krw) -> i64 {
    let size = amount.raw().unsigned_abs();
    let won = size / SCALE as u64 + u64::from(size % SCALE as u64 * 2 >= SCALE as u64);
    // At most 92,233,720,369.
    won as i64 * amount.raw().signum()
}

/// Milliseconds, `-` when unknown.
struct Known(Option<DurNs>);

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => Millis(time).fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// A part of a whole in per mille, rounded half up; displays as percent with one decimal.
struct PerCent(u128);

impl PerCent {
    /// 0 of nothing is 0, as in the source.
    fn of(part: u64, whole: u64) -> PerCent {
        let doubled = u128::from(part) * 2_000 + u128::from(whole);
        PerCent(doubled.checked_div(u128::from(whole) * 2).unwrap_or(0))
    }
}

impl fmt::Display for PerCent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn won_are_whole_and_halves_go_away_from_zero() {
        let shown = |raw: i64| whole(Krw::from_raw(raw));
        assert_eq!([0, 49_999_999, 50_000_000].map(shown), [0, 0, 1]);
        assert_eq!([-49_999_999, -50_000_000, -150_000_000].map(shown), [0, -1, -2]);
        assert_eq!([i64::MAX, i64::MIN].map(shown), [92_233_720_369, -92_233_720_369]);
    }

    #[test]
    fn a_rate_has_one_decimal_and_nothing_of_nothing_is_zero() {
        let shown = |part: u64, whole: u64| PerCent::of(part, whole).to_string();
        assert_eq!([shown(0, 0), shown(1, 3), shown(2, 3)], ["0.0", "33.3", "66.7"]);
        assert_eq!(shown(1, 2_000), "0.1", "0.05 rounds up");
        assert_eq!([shown(7, 7), shown(u64::MAX, u64::MAX)], ["100.0", "100.0"]);
    }

    #[test]
    fn the_banner_names_each_reason_on_a_line_of_its_own() {
        let blocked = LiveState::Blocked(vec!["mode is mock".into(), "no keys".into()]);
        let lines = blocked.banner(Glyphs::Symbols);
        assert_eq!(lines, ["\u{1f534} LIVE TRADING BLOCKED", "  - mode is mock", "  - no keys"]);
        assert_eq!(LiveState::Allowed.banner(Glyphs::Symbols), ["\u{1f7e2} LIVE TRADING ALLOWED"]);
        assert!(blocked.banner(Glyphs::Ascii).iter().all(|line| line.is_ascii()));
    }
}
