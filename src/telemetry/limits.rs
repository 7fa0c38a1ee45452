//! What the configuration may set of telemetry.

use std::path::PathBuf;

use log::LevelFilter;

use crate::types::time::DurNs;
use crate::types::units::Ppm;

/// `logging`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLimits {
    /// `logging.level`: least severity that is logged.
    pub level: LevelFilter,
    /// `logging.file`, made absolute or relative to the present directory by the caller.
    pub file: PathBuf,
    /// `logging.max_file_mb`: a file is put aside rather than grown beyond this.
    pub max_file_bytes: u64,
    /// `logging.max_files`: how many files put aside are kept, at least 1.
    pub max_files: u32,
}

/// `sys_monitor`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SampleLimits {
    /// `sys_monitor.sample_interval_sec`: longest time between two samples of the process gauges.
    /// `None` when `sys_monitor.enabled` is false: they stay unmeasured.
    pub every: Option<DurNs>,
}

/// `longrun` where it is enabled, and who writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LongRunLimits {
    /// `longrun.interval_loops`, at least 1.
    pub interval_loops: u64,
    /// `longrun.snapshot_path`, made absolute or relative to the present directory by the caller.
    pub folder: PathBuf,
    /// `longrun.max_snapshots`: most snapshot files, at least 1.
    pub max_snapshots: usize,
    /// `longrun.max_snapshots_mb`, in bytes: most bytes of the snapshots, of the series and of the
    /// events, each for itself.
    pub max_bytes: u64,
    /// `longrun.event_logging`.
    pub event_logging: bool,
    /// Where a gauge is no longer good: the watchdog's ERROR thresholds.
    pub bands: ErrorBands,
    /// Which run writes.
    pub identity: RunIdentity,
}

/// ERROR from here on: the one table of bands in `watchdog`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorBands {
    /// `watchdog.max_loop_latency_ms`.
    pub loop_latency: DurNs,
    /// `watchdog.max_loop_p95_ms`.
    pub loop_p95: DurNs,
    /// `watchdog.max_ws_lag_ms`.
    pub ws_lag: DurNs,
    /// `watchdog.max_redis_heartbeat_age_ms`.
    pub redis_age: DurNs,
    /// `sys_monitor.max_cpu_pct`, of one core, without spinning threads; `None` in virtual time,
    /// where the process is as busy as it can be.
    pub cpu: Option<Ppm>,
}

/// Which run it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunIdentity {
    /// One start of one process; no other start has it.
    pub run_id: String,
    /// Of the configuration in force, hexadecimal.
    pub config_sha256: String,
    /// `mock`, `paper`, `live` or `replay`.
    pub mode: String,
}

/// `redis`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedisLimits {
    /// Of `redis.url`: name or address of the server.
    pub host: String,
    /// Of `redis.url`, 6379 unless it says otherwise.
    pub port: u16,
    /// Of `redis.url`, 0 unless it says otherwise.
    pub database: u32,
    /// `redis.prefix`: first part of every key.
    pub prefix: String,
    /// `redis.health_ttl_seconds`: keys die with the process after this, whole seconds.
    pub ttl: DurNs,
    /// `redis.timeout_ms`, 10 to 1,000 ms: longest time of connecting, and of all that is said and
    /// heard after it. A beat blocks the telemetry thread for at most two of them.
    pub timeout: DurNs,
}
