//! Raw sections of what a run leaves on disk: snapshots, journal, log.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// `longrun`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LongrunYaml {
    /// Off writes no snapshots, and a soak cannot pass.
    pub enabled: bool,
    /// Cycles between two snapshots.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "cycles"))]
    pub interval_loops: u32,
    /// Folder of the snapshots, under the run directory.
    #[schemars(extend("form" = "path"))]
    pub snapshot_path: String,
    /// Oldest snapshots are removed beyond this many.
    #[schemars(range(min = 10, max = 100_000), extend("unit" = "files"))]
    pub max_snapshots: u32,
    /// Oldest files are removed beyond this size: of the snapshots, series and events each.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "MiB"))]
    pub max_snapshots_mb: u64,
    /// Write events (trades, transitions, reconnects) beside the snapshots.
    pub event_logging: bool,
}

impl Default for LongrunYaml {
    fn default() -> Self {
        LongrunYaml {
            enabled: true,
            interval_loops: 50,
            snapshot_path: "logs/stability".to_owned(),
            max_snapshots: 2_000,
            max_snapshots_mb: 64,
            event_logging: true,
        }
    }
}

/// `journal`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JournalYaml {
    /// Folder of the journal, under the run directory.
    #[schemars(extend("form" = "path"))]
    pub path: String,
    /// A file that has grown this large is followed by a new one; none is removed.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "MiB"))]
    pub max_file_mb: u64,
    /// Order numbers that are made durable at once, before any of them is sent.
    #[schemars(range(min = 10, max = 100_000), extend("unit" = "numbers"))]
    pub id_block: u32,
}

impl Default for JournalYaml {
    fn default() -> Self {
        JournalYaml { path: "journal".to_owned(), max_file_mb: 64, id_block: 1_000 }
    }
}

/// Least severity that is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LevelYaml {
    /// Errors only.
    Error,
    /// And warnings.
    Warn,
    /// And the metrics line, transitions and trades.
    Info,
    /// And what helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

/// `logging`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoggingYaml {
    /// Least severity that is logged.
    pub level: LevelYaml,
    /// Log file of `run`, under the run directory.
    #[schemars(extend("form" = "path"))]
    pub file: String,
    /// A file that has grown this large is put aside.
    #[schemars(range(min = 1, max = 10_000), extend("unit" = "MiB"))]
    pub max_file_mb: u64,
    /// How many files put aside are kept.
    #[schemars(range(min = 1, max = 1_000), extend("unit" = "files"))]
    pub max_files: u32,
}

impl Default for LoggingYaml {
    fn default() -> Self {
        LoggingYaml {
            level: LevelYaml::Info,
            file: "logs/live.log".to_owned(),
            max_file_mb: 16,
            max_files: 7,
        }
    }
}
