//! Fills a snapshot from what telemetry holds. Pure.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::telemetry::gauges::Gauge;
use crate::telemetry::gauges::Readings;
use crate::telemetry::limits::ErrorBands;
use crate::telemetry::longrun::Checkpoint;
use crate::types::board::DogBoard;
use crate::types::calendar::Utc;
use crate::types::evidence::SCHEMA_VERSION;
use crate::types::evidence::Snapshot;
use crate::types::evidence::Stamp;
use crate::types::evidence::WatchdogFigures;
use crate::types::report::CycleReport;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::SCALE;

/// States of the watchdog in which a run is healthy: also before its first cycle.
const HEALTHY: [&str; 3] = ["BOOT", "NORMAL", "WARN"];

/// Everything of one moment that is measured in one place only.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'m> {
    /// When.
    pub at: Now,
    /// The newest report; `None` before the first cycle.
    pub report: Option<&'m CycleReport>,
    /// Cycles closed.
    pub cycles: u64,
    /// The gauges.
    pub readings: &'m Readings,
    /// Where they are no longer good.
    pub bands: &'m ErrorBands,
}

/// The fields of the source and which gauges were measured. Intervals, feeds, threads, counters and
/// terms are for the caller to add.
pub fn fill(moment: &Moment<'_>, stamp: Stamp, checkpoint: Checkpoint) -> Snapshot {
    let Moment { at, report, readings, bands, cycles } = *moment;
    let count = |gauge: Gauge| readings.get(gauge).map(|value| value as u64);
    let is_live = stamp.mode.as_deref() == Some("live");
    let fills =
        |wanted: bool| report.map(|report| if is_live == wanted { report.fills } else { 0 });
    // What was not measured is not known to be good.
    let below = |gauge| Some(readings.is_below_error(gauge, bands).unwrap_or(false));
    let measured = |gauge: &Gauge| (gauge.name().to_owned(), readings.get(*gauge).is_some());
    Snapshot {
        timestamp: Some(Utc::of(at.wall).iso().to_string()),
        loop_count: Some(cycles),
        cpu_pct: readings.get(Gauge::Cpu),
        rss_mb: readings.get(Gauge::Rss),
        open_files: count(Gauge::OpenFiles),
        num_threads: count(Gauge::Threads),
        ws_lag_ms: readings.get(Gauge::WsLag),
        ws_freshness_ok: below(Gauge::WsLag),
        redis_heartbeat_age_ms: readings.get(Gauge::RedisAge),
        redis_ok: below(Gauge::RedisAge),
        loop_latency_ms: readings.get(Gauge::LoopLatency),
        loop_latency_p95_ms: readings.get(Gauge::LoopP95),
        num_live_trades: fills(true),
        num_paper_trades: fills(false),
        num_open_positions: report.map(|report| report.open_pairs),
        total_exposure_krw: report.map(|report| won(report.exposure)),
        stoploss_triggers: report.map(|report| report.stop_losses),
        watchdog_alerts: Some(checkpoint.alerts),
        safety_rejections: report.map(|report| report.safety_rejections),
        is_stable: Some(checkpoint.is_stable),
        schema_version: Some(SCHEMA_VERSION),
        stamp,
        measured: Gauge::ALL.iter().map(measured).collect::<BTreeMap<_, _>>(),
        ..Snapshot::default()
    }
}

/// Adds what the watchdog shows, and the signal behind its state.
pub fn add_watchdog(snapshot: &mut Snapshot, dog: &DogBoard, cause: Option<String>) {
    let errors = dog.consecutive_errors.load(std::sync::atomic::Ordering::Relaxed);
    let state = dog.condition();
    snapshot.watchdog_healthy = Some(HEALTHY.contains(&state));
    snapshot.watchdog_consecutive_errors = Some(errors);
    snapshot.watchdog = Some(watchdog(state, dog, cause));
}

/// The watchdog in this state.
pub fn watchdog(state: &str, dog: &DogBoard, cause: Option<String>) -> WatchdogFigures {
    let cause = cause.filter(|_| state != "NORMAL");
    WatchdogFigures { state: state.to_owned(), strikes: u64::from(dog.strikes()), cause }
}

/// A snapshot as text for people: one field a line, what is inside of one on the same line.
///
/// # Errors
/// None that a snapshot can cause: its maps have text for keys.
pub fn text(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut writer = Serializer::with_formatter(&mut text, FieldPerLine { depth: 0 });
    snapshot.serialize(&mut writer)?;
    text.push(b'\n');
    Ok(text)
}

struct FieldPerLine {
    depth: usize,
}

impl Formatter for FieldPerLine {
    fn begin_object<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth += 1;
        to.write_all(b"{")
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.depth -= 1;
        to.write_all(if self.depth == 0 { b"\n}" } else { b"}" })
    }
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        to: &mut W,
        first: bool,
    ) -> io::Result<()> {
        to.write_all(if first { b"" } else { b"," })?;
        to.write_all(if self.depth == 1 { b"\n  " } else { b"" })
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }
}

fn won(amount: Krw) -> f64 {
    amount.raw() as f64 / SCALE as f64
}
