//! Snapshots and metrics lines of every run under stress: each one must be whole.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::scenario::stress::watch::Watch;
use crate::types::evidence::FOLDER;
use crate::types::evidence::SNAPSHOTS;
use crate::types::evidence::SOURCE_FIELDS;

/// What is measured from the start on and therefore never null.
const NEVER_NULL: [&str; 8] = [
    "timestamp",
    "loop_count",
    "cpu_pct",
    "rss_mb",
    "open_files",
    "num_threads",
    "safety_rejections",
    "is_stable",
];
/// The fields of the metrics line.
const METRICS: [&str; 13] = [
    " pnl=",
    " trades=",
    " open_pos=",
    " exposure=",
    " realized_pnl=",
    " signals=",
    " exec_rate=",
    " safety_rejections=",
    " sl_triggers=",
    " loop_ms=",
    " loop_p95=",
    " cpu=",
    " mem=",
];
/// Faults that are told; the rest is counted.
const MOST_TOLD: usize = 5;

/// What all runs so far have left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Harvest {
    /// Snapshots read.
    pub snapshots: u64,
    /// Metrics lines read.
    pub metrics: u64,
    /// What was not whole.
    pub broken: Vec<String>,
}

impl Harvest {
    /// Takes what a run left in its directory and its log.
    pub fn gather(&mut self, run_dir: &Path, watch: &Watch) {
        let Ok(entries) = fs::read_dir(run_dir.join(FOLDER)) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(SNAPSHOTS.0) && name.ends_with(SNAPSHOTS.1) {
                self.snapshots += 1;
                let text = fs::read_to_string(&path).unwrap_or_default();
                self.note(snapshot_fault(&text).map(|fault| format!("{name}: {fault}")));
            }
        }
        for line in watch.metrics() {
            self.metrics += 1;
            let missing = METRICS.iter().find(|name| !line.contains(*name));
            self.note(missing.map(|name| format!("metrics line without{name}: {line}")));
        }
    }
    fn note(&mut self, fault: Option<String>) {
        self.broken.extend(fault.filter(|_| self.broken.len() < MOST_TOLD));
    }
}

/// What is wrong with a snapshot; `None` if nothing is.
pub fn snapshot_fault(text: &str) -> Option<String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Some(format!("does not parse: {error}")),
    };
    if let Some(name) = SOURCE_FIELDS.iter().find(|name| value.get(**name).is_none()) {
        return Some(format!("has no {name}"));
    }
    let unmeasured = NEVER_NULL.iter().find(|name| value[**name].is_null());
    unmeasured.map(|name| format!("{name} is null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Value {
        SOURCE_FIELDS.iter().map(|name| ((*name).to_owned(), Value::from(1))).collect()
    }

    #[test]
    fn a_snapshot_with_all_fields_is_whole_and_one_without_any_of_them_is_not() {
        assert_eq!(snapshot_fault(&snapshot().to_string()), None);
        for name in SOURCE_FIELDS {
            let mut cut = snapshot();
            cut.as_object_mut().unwrap().remove(name);
            assert_eq!(snapshot_fault(&cut.to_string()), Some(format!("has no {name}")));
        }
        let text = snapshot().to_string();
        assert!(snapshot_fault(&text[..text.len() - 1]).is_some(), "cut");
    }

    #[test]
    fn what_is_measured_from_the_start_on_is_never_null() {
        let mut blind = snapshot();
        blind["rss_mb"] = Value::Null;
        assert_eq!(snapshot_fault(&blind.to_string()).as_deref(), Some("rss_mb is null"));
        let mut early = snapshot();
        early["redis_heartbeat_age_ms"] = Value::Null;
        assert_eq!(snapshot_fault(&early.to_string()), None);
    }
}
