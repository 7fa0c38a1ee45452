//! What is left of telemetry when a run has ended.

use crate::stats::profiler::PerformanceMetrics;
use crate::telemetry::process::Gauges;
use crate::telemetry::writer::Losses;
use crate::types::report::CycleReport;

/// What telemetry knows when a run has ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TelemetryEnd {
    /// Cycles that were reported and seen.
    pub cycles: u64,
    /// Reports lost between two that were seen.
    pub reports_lost: u64,
    /// The newest report.
    pub last: Option<CycleReport>,
    /// The profilers.
    pub performance: PerformanceMetrics,
    /// The newest reading of the process, real also in a virtual run.
    pub gauges: Option<Gauges>,
    /// Largest resident memory at any reading, bytes.
    pub max_rss_bytes: Option<u64>,
    /// Log lines that did not arrive.
    pub log_losses: Losses,
    /// Checkpoints on disk; `None` if none were to be written.
    pub checkpoints: Option<u64>,
}
