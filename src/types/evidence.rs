//! What a run leaves behind for its judges: snapshots, minutes, events (`PRODUCT.md` 8).
//!
//! Telemetry writes these, verdict reads them. Every field is optional on reading: an old file is
//! read as far as it goes, and what is missing counts as not measured, never as zero.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

/// `schema_version` of what this program writes. A file without one is in the source's format.
pub const SCHEMA_VERSION: u32 = 1;
/// Folder of snapshots, series and events under a run directory, unless configured otherwise.
pub const FOLDER: &str = "logs/stability";
/// Names of the files of a run: beginning and ending.
pub const SNAPSHOTS: (&str, &str) = ("snapshot_", ".json");
/// The minutes. A rotated part stands beside it as `series_<UTC>.jsonl`.
pub const SERIES: (&str, &str) = ("series", ".jsonl");
/// The events.
pub const EVENTS: (&str, &str) = ("longrun_events_", ".jsonl");
/// `event_type` of a watchdog transition: `from`, `to`, `cause`, `cycle`.
pub const WATCHDOG_EVENT: &str = "watchdog";
/// `event_type` of an injected fault: `cause`, and `phase` [`FAULT_BEGIN`] or [`FAULT_END`].
pub const FAULT_EVENT: &str = "fault";
/// The fault acts from here on.
pub const FAULT_BEGIN: &str = "begin";
/// The fault has ended.
pub const FAULT_END: &str = "end";

/// The fields of the source's format, in its order.
pub const SOURCE_FIELDS: [&str; 22] = [
    "timestamp",
    "loop_count",
    "cpu_pct",
    "rss_mb",
    "open_files",
    "num_threads",
    "ws_lag_ms",
    "ws_freshness_ok",
    "redis_heartbeat_age_ms",
    "redis_ok",
    "loop_latency_ms",
    "loop_latency_p95_ms",
    "num_live_trades",
    "num_paper_trades",
    "num_open_positions",
    "total_exposure_krw",
    "stoploss_triggers",
    "watchdog_healthy",
    "watchdog_alerts",
    "watchdog_consecutive_errors",
    "safety_rejections",
    "is_stable",
];

/// One stability snapshot: the source's fields first, then what this program adds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// When, `2025-11-15T20:57:22.906000+00:00`; virtual if `virtual` is true.
    pub timestamp: Option<String>,
    /// Cycles closed.
    #[serde(deserialize_with = "whole")]
    pub loop_count: Option<u64>,
    /// CPU of the process over the interval, percent of one core.
    pub cpu_pct: Option<f64>,
    /// Resident memory, 10⁶ bytes.
    pub rss_mb: Option<f64>,
    /// Open descriptors.
    #[serde(deserialize_with = "whole")]
    pub open_files: Option<u64>,
    /// Threads of the process.
    #[serde(deserialize_with = "whole")]
    pub num_threads: Option<u64>,
    /// Lag of the slowest required feed.
    pub ws_lag_ms: Option<f64>,
    /// `ws_lag_ms` lies below its ERROR band.
    pub ws_freshness_ok: Option<bool>,
    /// Age of the last heartbeat that was read back.
    pub redis_heartbeat_age_ms: Option<f64>,
    /// That age lies below its ERROR band.
    pub redis_ok: Option<bool>,
    /// Longest batch of the last cycle, from when its work was due.
    pub loop_latency_ms: Option<f64>,
    /// P95 of the last 100 cycles by nearest rank.
    pub loop_latency_p95_ms: Option<f64>,
    /// Fills at real venues in this run.
    pub num_live_trades: Option<u64>,
    /// Simulated fills in this run.
    pub num_paper_trades: Option<u64>,
    /// Pairs that are not closed.
    pub num_open_positions: Option<u64>,
    /// Σ notional of those.
    pub total_exposure_krw: Option<f64>,
    /// Pairs closed by the stop-loss in this run.
    pub stoploss_triggers: Option<u64>,
    /// The watchdog's state is NORMAL or WARN.
    pub watchdog_healthy: Option<bool>,
    /// Alerts raised since the last snapshot.
    pub watchdog_alerts: Option<u64>,
    /// ERROR cycles in a row, up to now.
    pub watchdog_consecutive_errors: Option<u64>,
    /// Candidates refused by a check in this run.
    pub safety_rejections: Option<u64>,
    /// Every condition of a stable interval held since the last snapshot.
    pub is_stable: Option<bool>,

    /// [`SCHEMA_VERSION`] of the writer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// Who wrote it, and when on the run's own clock.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// This is the checkpoint on exit: everything in flight has arrived or been given up.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub is_final: Option<bool>,
    /// The watchdog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<WatchdogFigures>,
    /// For each gauge, by its field's name: whether it was measured.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<String, bool>,
    /// What the heartbeat went through: `redis`, `in_process` or `modelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<String>,
    /// Events are written: every run has at least that of its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_logging: Option<bool>,
    /// Gauges that a model gives, as in virtual time: they need not move.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modelled: Vec<String>,
    /// Distributions since the last snapshot: `loop`, `tick_to_decision`, `tick_to_order`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, Interval>,
    /// Per venue.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub feeds: BTreeMap<String, FeedFigures>,
    /// Per thread.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub threads: BTreeMap<String, ThreadFigures>,
    /// Counts since the start of the run; none ever falls.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
    /// Terms of the conservation identities, under the names of [`Term`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conservation: BTreeMap<Term, u64>,
}

/// Names a line or a file within its run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stamp {
    /// Number of the line or file in its run, from 1, without gaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The run: one start of one process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Of the configuration in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_sha256: Option<String>,
    /// The run's monotonic clock, ns; virtual if `virtual` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mono_ns: Option<u64>,
    /// `mock`, `paper`, `live` or `replay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The times are virtual: they say nothing about hours of operation.
    #[serde(rename = "virtual", skip_serializing_if = "Option::is_none")]
    pub is_virtual: Option<bool>,
}

/// What the watchdog says.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchdogFigures {
    /// NORMAL, WARN, ERROR, CRITICAL or COOLDOWN: the worst of the minute in a minute, the
    /// present one in a snapshot.
    pub state: String,
    /// Strikes towards CRITICAL.
    pub strikes: u64,
    /// The signal behind the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A distribution of times over one interval, lossless up to its bucket width. All in ns.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Interval {
    /// Samples.
    pub count: u64,
    /// Median, nearest rank.
    pub p50: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest.
    pub max: u64,
    /// Non-empty buckets, ascending: largest value of the bucket, samples in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<(u64, u64)>,
}

/// One venue's feed since the start of the run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedFigures {
    /// Frames received.
    pub frames: u64,
    /// Their payload.
    pub bytes: u64,
    /// Connections made after the first.
    pub reconnects: u64,
    /// Sequence breaks.
    pub gaps: u64,
    /// Transport lag of the newest frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<f64>,
}

/// One thread.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadFigures {
    /// Time since its last heartbeat.
    pub beat_age_ms: f64,
    /// Longest gap between two turns since the last snapshot.
    pub longest_turn_ms: f64,
    /// Work items since the start of the run.
    pub progress: u64,
}

/// One line of the series: a minute.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Minute {
    /// End of the minute.
    pub timestamp: Option<String>,
    /// Cycles closed by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loop_count: Option<u64>,
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: Option<u32>,
    /// Who wrote it, and when on the run's own clock.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Gauges under the names of their snapshot fields. One that was not measured is left out.
    pub gauges: BTreeMap<String, Spread>,
    /// Gauges that a model gives, as in virtual time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modelled: Vec<String>,
    /// Distributions of this minute, as in a snapshot.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, Interval>,
    /// Counts since the start of the run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
    /// The watchdog's worst state of the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<WatchdogFigures>,
}

/// One gauge over one minute.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spread {
    /// Median of the samples.
    pub median: Option<f64>,
    /// 95th percentile, where the gauge is a lag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    /// Smallest.
    pub min: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// Samples.
    pub count: u64,
}

/// One line of the events.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// When.
    pub timestamp: Option<String>,
    /// Cycles closed by then.
    pub loop_count: Option<u64>,
    /// `trade`, `risk_block`, `rebalance`, `watchdog`, `reconnect`, `fault`, …
    pub event_type: String,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Cycle of a transition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle: Option<u64>,
    /// State before a transition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// State after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Signal or fault behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Of a fault: [`FAULT_BEGIN`] or [`FAULT_END`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Everything else, by type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// A term of the conservation identities that `verdict` checks (`FAULTS.md` 4.2 a). All count
/// since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Term {
    /// Frames received.
    Frames,
    /// Frames that a codec understood.
    FramesParsed,
    /// Frames rejected whole, all reasons.
    FramesRejected,
    /// Book images published by feeds.
    Updates,
    /// Images that the engine took in.
    UpdatesApplied,
    /// Images replaced by a newer one before the engine took them.
    UpdatesConflated,
    /// Images lost.
    UpdatesDropped,
    /// Orders intended.
    Intents,
    /// Orders that a venue accepted and ended.
    OrdersEnded,
    /// Orders rejected by a venue or the last hop.
    OrdersRejected,
    /// Orders of unknown outcome that were resolved.
    OrdersResolved,
    /// Orders still open.
    OrdersOpen,
    /// Orders still of unknown outcome.
    OrdersUnknown,
    /// Orders written to a socket or to the paper market.
    Sends,
    /// Approvals of the last hop.
    Approvals,
    /// Intents in the journal.
    IntentsJournaled,
    /// Fills in the journal, or booked where there is none.
    FillsBooked,
    /// Fills in the venue's ledger, where it can be read.
    FillsVenue,
    /// Snapshots that were due.
    SnapshotsDue,
    /// Snapshots written, this one included.
    SnapshotsWritten,
    /// Snapshots due and not written: by the rate limit, a lost report, a disk that refused.
    SnapshotsSkipped,
    /// Panics caught.
    Panics,
    /// Threads started again.
    ThreadRestarts,
    /// Broken invariants: crossed books, balances or results that do not add up.
    InvariantFaults,
}

/// How many terms there are.
pub const TERMS: usize = Term::InvariantFaults as usize + 1;

/// A count; also one written with a decimal point, as other writers do.
fn whole<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(source)? else {
        return Ok(None);
    };
    let exact = |value: &f64| value.fract() == 0.0 && (0.0..9e15).contains(value);
    let whole = number.as_u64().or_else(|| number.as_f64().filter(exact).map(|value| value as u64));
    whole.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{number} is no count")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_writes_the_fields_of_the_source_first_and_in_its_order() {
        let text = serde_json::to_string(&Snapshot::default()).unwrap();
        let listed: Vec<String> = SOURCE_FIELDS.iter().map(|f| format!("\"{f}\":null")).collect();
        assert_eq!(text, format!("{{{}}}", listed.join(",")));
    }

    #[test]
    fn what_is_written_is_read_back_whole() {
        let stamp = Stamp {
            seq: Some(7),
            run_id: Some("a".into()),
            config_sha256: Some("b".into()),
            mono_ns: Some(u64::MAX),
            mode: Some("mock".into()),
            is_virtual: Some(true),
        };
        let interval =
            Interval { count: 2, max: 9, buckets: vec![(5, 1), (9, 1)], ..<_>::default() };
        let snapshot = Snapshot {
            loop_count: Some(50),
            rss_mb: Some(61.25),
            schema_version: Some(SCHEMA_VERSION),
            stamp: stamp.clone(),
            is_final: Some(true),
            intervals: BTreeMap::from([("loop".into(), interval)]),
            conservation: BTreeMap::from([(Term::FramesParsed, 3)]),
            ..Snapshot::default()
        };
        let text = serde_json::to_string(&snapshot).unwrap();
        assert!(text.contains(r#""conservation":{"frames_parsed":3}"#), "{text}");
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
        let minute = Minute { stamp, loop_count: Some(1), ..Minute::default() };
        let text = serde_json::to_string(&minute).unwrap();
        assert_eq!(serde_json::from_str::<Minute>(&text).unwrap(), minute);
    }

    #[test]
    fn a_count_may_have_a_decimal_point_but_no_fraction() {
        let files = |text: &str| {
            let text = format!("{{\"open_files\":{text}}}");
            serde_json::from_str::<Snapshot>(&text).ok().map(|read| read.open_files)
        };
        assert_eq!(files("12"), Some(Some(12)));
        assert_eq!(files("12.0"), Some(Some(12)));
        assert_eq!(files("null"), Some(None));
        assert_eq!([files("12.5"), files("-1"), files("1e300"), files("\"12\"")], [None; 4]);
    }
}
