//! Soaks that never ran: the evidence of a healthy process over days, with a defect on request.
//! RSS is 60 MB plus a warm-up plus AR(1) noise of 10 minutes and 0.25 MB (`FAULTS.md` 4.3).
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test folder that cannot be written must fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use arb::types::calendar::Utc;
use arb::types::evidence::Interval;
use arb::types::evidence::Minute;
use arb::types::evidence::SCHEMA_VERSION;
use arb::types::evidence::Snapshot;
use arb::types::evidence::Spread;
use arb::types::evidence::Stamp;
use arb::types::evidence::Term;
use arb::types::evidence::WatchdogFigures;
use arb::types::rng::SplitMix64;
use arb::types::time::NS_PER_SEC;
use arb::types::time::WallNs;

/// 2025-11-15T20:57:22.906Z, the moment of the source's example.
pub const START_NS: u64 = 1_763_240_242_906_000_000;

/// What is planted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Defect {
    None,
    /// RSS +0.25 MB/h.
    Leak,
    /// One descriptor an hour.
    Descriptors,
    /// P95 +1 %/h.
    Slower,
    /// CPU stands still from the middle on.
    Frozen,
    /// 2 % of the samples are missing.
    Missing,
    /// RSS +3 MB at the middle.
    Step,
}

/// Length, cadence, seed and defect of a soak.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    pub hours: u64,
    pub every_min: u64,
    pub seed: u64,
    pub defect: Defect,
}

/// One moment of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub minute: u64,
    pub rss: f64,
    pub cpu: f64,
    pub files: u64,
    pub lag: f64,
    pub redis: f64,
    pub latency: f64,
    pub p95: f64,
}

/// Nearly normal with deviation 1: twelve uniform numbers less six.
fn normal(rng: &mut SplitMix64) -> f64 {
    let uniform = |rng: &mut SplitMix64| rng.below(1 << 30) as f64 / (1u64 << 30) as f64;
    (0..12).map(|_| uniform(rng)).sum::<f64>() - 6.0
}

/// A gauge as it is written: rounded to microunits.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl Soak {
    pub fn rows(&self) -> Vec<Row> {
        let mut rng = SplitMix64::new(self.seed, 1);
        let keep = (-1.0f64 / 10.0).exp();
        let kick = 0.25 * (1.0 - keep * keep).sqrt();
        let mut drift = 0.25 * normal(&mut rng);
        let mut lag = 0.0;
        let mut rows = Vec::new();
        let mut stuck = None;
        for minute in 0..=self.hours * 60 {
            drift = keep * drift + kick * normal(&mut rng);
            lag = 0.8 * lag + 3.0 * normal(&mut rng);
            let draws = [(); 4].map(|()| normal(&mut rng));
            let age = rng.below(1_000_000) as f64 / 1e3;
            if minute % self.every_min != 0 {
                continue;
            }
            let hour = minute as f64 / 60.0;
            let half = minute >= self.hours * 30;
            let has = |defect: Defect| f64::from(u8::from(self.defect == defect));
            let rise = has(Defect::Leak) * 0.25 * hour + has(Defect::Step) * 3.0 * f64::from(half);
            let slower = 1.0 + has(Defect::Slower) * 0.01 * hour;
            let mut cpu = round(12.0 + draws[0]);
            if self.defect == Defect::Frozen && half {
                cpu = *stuck.get_or_insert(cpu);
            }
            rows.push(Row {
                minute,
                rss: round(60.0 - 4.0 * (-hour / 0.3).exp() + drift + rise),
                cpu,
                files: 24 + if self.defect == Defect::Descriptors { minute / 60 } else { 0 },
                lag: round(60.0 + lag + 2.0 * draws[1]),
                redis: round(age),
                latency: round((0.05 + 0.01 * draws[2]).abs() * slower),
                p95: round((0.1 + 0.005 * draws[3]) * slower),
            });
        }
        if self.defect == Defect::Missing {
            let last = rows.len() - 1;
            let mut at = 0;
            rows.retain(|_| {
                at += 1;
                (at - 1) % 50 != 25 || at - 1 == last
            });
        }
        rows
    }
    /// Snapshots with the 22 fields of the source and nothing else.
    pub fn write_source(&self, dir: &Path) -> Vec<PathBuf> {
        let rows = self.rows();
        rows.iter().map(|row| write_source(dir, row)).collect()
    }
    /// A run of this program: minutes, and a snapshot each hour and at the end.
    pub fn write_run(&self, dir: &Path) {
        let rows = self.rows();
        let folder = dir.join("logs/stability");
        fs::create_dir_all(&folder).expect("a folder");
        let mut series = fs::File::create(folder.join("series.jsonl")).expect("a file");
        let mut text = String::new();
        for (at, row) in rows.iter().enumerate() {
            // The number shows what is missing, as it would in a real run.
            text += &serde_json::to_string(&minute(row)).expect("a line");
            text.push('\n');
            let last = at + 1 == rows.len();
            if row.minute % 60 == 0 || last {
                let mut read = snapshot(row);
                read.is_final = Some(last);
                save(&folder, &read);
            }
        }
        series.write_all(text.as_bytes()).expect("written");
    }
}

/// The wall clock at a minute of a soak.
pub fn wall(minute: u64) -> WallNs {
    WallNs(START_NS + minute * 60 * NS_PER_SEC)
}

/// The JSON of a snapshot in the source's format.
pub fn source_text(row: &Row, at: WallNs) -> String {
    serde_json::to_string_pretty(&source_fields(row, at)).expect("a text")
}

fn source_fields(row: &Row, at: WallNs) -> Snapshot {
    Snapshot {
        timestamp: Some(Utc::of(at).iso().to_string()),
        loop_count: Some(row.minute + 1),
        cpu_pct: Some(row.cpu),
        rss_mb: Some(row.rss),
        open_files: Some(row.files),
        num_threads: Some(9),
        ws_lag_ms: Some(row.lag),
        ws_freshness_ok: Some(true),
        redis_heartbeat_age_ms: Some(row.redis),
        redis_ok: Some(true),
        loop_latency_ms: Some(row.latency),
        loop_latency_p95_ms: Some(row.p95),
        num_live_trades: Some(0),
        num_paper_trades: Some(row.minute / 7),
        num_open_positions: Some(row.minute % 2),
        total_exposure_krw: Some((row.minute % 2) as f64 * 500_000.0),
        stoploss_triggers: Some(0),
        watchdog_healthy: Some(true),
        watchdog_alerts: Some(0),
        watchdog_consecutive_errors: Some(0),
        safety_rejections: Some(row.minute / 3),
        is_stable: Some(true),
        ..Snapshot::default()
    }
}

fn write_source(dir: &Path, row: &Row) -> PathBuf {
    let path = dir.join(format!("snapshot_{}.json", Utc::of(wall(row.minute)).file()));
    fs::write(&path, source_text(row, wall(row.minute))).expect("written");
    path
}

fn stamp(minute: u64) -> Stamp {
    Stamp {
        seq: Some(minute + 1),
        run_id: Some("a1".into()),
        config_sha256: Some("c0ffee".into()),
        mono_ns: Some(minute * 60 * NS_PER_SEC),
        mode: Some("mock".into()),
        is_virtual: Some(false),
    }
}

/// A snapshot of this program.
pub fn snapshot(row: &Row) -> Snapshot {
    let mut read = source_fields(row, wall(row.minute));
    read.schema_version = Some(SCHEMA_VERSION);
    read.stamp = stamp(row.minute);
    read.watchdog = Some(WatchdogFigures { state: "NORMAL".into(), ..<_>::default() });
    read.intervals = intervals(row);
    let frames = row.minute * 600;
    read.counters = BTreeMap::from([("frames".into(), frames)]);
    read.conservation = BTreeMap::from([
        (Term::Frames, frames),
        (Term::FramesParsed, frames),
        (Term::FramesRejected, 0),
        (Term::Updates, frames),
        (Term::UpdatesApplied, frames),
        (Term::UpdatesConflated, 0),
        (Term::UpdatesDropped, 0),
        (Term::Intents, row.minute),
        (Term::OrdersEnded, row.minute),
        (Term::OrdersRejected, 0),
        (Term::OrdersResolved, 0),
        (Term::OrdersOpen, 0),
        (Term::OrdersUnknown, 0),
        (Term::Sends, row.minute),
        (Term::Approvals, row.minute),
        (Term::SnapshotsDue, row.minute / 60 + 1),
        (Term::SnapshotsWritten, row.minute / 60 + 1),
        (Term::SnapshotsSkipped, 0),
    ]);
    read
}

fn intervals(row: &Row) -> BTreeMap<String, Interval> {
    // A decision takes a thousandth of a batch.
    let fast = Row { latency: row.latency / 1e3, p95: row.p95 / 1e3, ..*row };
    BTreeMap::from([("loop".into(), interval(row)), ("tick_to_decision".into(), interval(&fast))])
}

fn interval(row: &Row) -> Interval {
    let ns = |ms: f64| (ms * 1e6) as u64;
    let p95 = ns(row.p95);
    Interval {
        count: 100,
        p50: ns(row.latency),
        p95,
        p99: p95 * 2,
        p999: p95 * 3,
        max: p95 * 4,
        buckets: vec![(p95, 95), (p95 * 4, 5)],
    }
}

/// A line of the series.
pub fn minute(row: &Row) -> Minute {
    let spread = |value: f64| Spread {
        median: Some(value),
        p95: None,
        min: Some(value),
        max: Some(value),
        count: 60,
    };
    let gauges = [
        ("cpu_pct", row.cpu),
        ("rss_mb", row.rss),
        ("open_files", row.files as f64),
        ("num_threads", 9.0),
        ("ws_lag_ms", row.lag),
        ("redis_heartbeat_age_ms", 950.0 + row.redis / 20.0),
        ("loop_latency_ms", row.latency),
        ("loop_latency_p95_ms", row.p95),
    ];
    Minute {
        timestamp: Some(Utc::of(wall(row.minute)).iso().to_string()),
        loop_count: Some(row.minute + 1),
        schema_version: Some(SCHEMA_VERSION),
        stamp: stamp(row.minute),
        gauges: gauges.map(|(name, value)| (name.to_string(), spread(value))).into(),
        intervals: intervals(row),
        watchdog: Some(WatchdogFigures { state: "NORMAL".into(), ..<_>::default() }),
        ..Minute::default()
    }
}

/// Writes a snapshot under the name of its time.
pub fn save(folder: &Path, read: &Snapshot) -> PathBuf {
    let mono = read.stamp.mono_ns.expect("a clock");
    let path = folder.join(format!("snapshot_{}.json", Utc::of(WallNs(START_NS + mono)).file()));
    fs::write(&path, serde_json::to_string_pretty(read).expect("a text")).expect("written");
    path
}

/// An empty folder of that name, under the build directory.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verdict").join(name);
    // What an earlier run of the tests left behind, if anything.
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder");
    path
}
