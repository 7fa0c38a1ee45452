//! What the configuration may set of telemetry.

use std::path::PathBuf;

use log::LevelFilter;

use crate::types::time::DurNs;

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
    /// `redis.timeout_ms`: longest time of connecting, and of the exchange after it.
    pub timeout: DurNs,
}
