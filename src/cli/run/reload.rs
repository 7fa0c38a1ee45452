//! SIGHUP: the log file is opened anew, the safe subset of the configuration is applied, and every
//! difference is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::Value;
use signal_hook::consts::SIGHUP;
use signal_hook::flag::register;

use crate::cli::load;
use crate::cli::run::boot;
use crate::cli::run::job::Job;
use crate::config::yaml::ConfigYaml;

/// Keys that may change under a running engine.
const SAFE: [&str; 1] = ["logging.level"];

/// Watches for SIGHUP.
pub(super) struct Reload {
    asked: Arc<AtomicBool>,
    reopen_log: Arc<AtomicBool>,
    present: BTreeMap<String, Value>,
}

impl Reload {
    /// Remembers the configuration in force.
    pub(super) fn new(job: &Job<'_>) -> Reload {
        let asked = Arc::new(AtomicBool::new(false));
        let reopen_log = Arc::new(AtomicBool::new(false));
        for flag in [&asked, &reopen_log] {
            // Without a handler SIGHUP ends the process, as it always did.
            let _ = register(SIGHUP, Arc::clone(flag));
        }
        let present = flat(&job.loaded.checked.sections);
        Reload { asked, reopen_log, present }
    }
    /// Raised by the signal; telemetry lowers it.
    pub(super) fn reopen_log(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.reopen_log)
    }
    /// Reloads if the signal came. A broken file changes nothing.
    pub(super) fn look(&mut self, job: &Job<'_>) {
        if !self.asked.swap(false, Ordering::Relaxed) {
            return;
        }
        let loaded = match load(job.common, Vec::new()) {
            Ok(loaded) => loaded,
            Err(error) => return log::error!("SIGHUP: nothing is changed: {error}"),
        };
        let wanted = flat(&loaded.checked.sections);
        let mut changed = 0;
        for (key, value) in &wanted {
            let before = self.present.get(key);
            // The mode is the command line's, which a reload does not read again.
            if before == Some(value) || key == "mode.current" {
                continue;
            }
            changed += 1;
            let before = before.map_or("-".to_owned(), Value::to_string);
            match SAFE.contains(&key.as_str()) {
                true => log::info!("SIGHUP: {key}: {before} -> {value}, applied"),
                false => log::warn!("SIGHUP: {key}: {before} -> {value}, needs a restart"),
            }
        }
        log::set_max_level(boot::level(&loaded.checked.sections.logging));
        for key in SAFE {
            if let Some(value) = wanted.get(key) {
                self.present.insert(key.to_owned(), value.clone());
            }
        }
        log::info!("SIGHUP: log opened anew, {changed} keys differ");
    }
}

fn flat(sections: &ConfigYaml) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    if let Ok(value) = serde_json::to_value(sections) {
        flatten("", &value, &mut rows);
    }
    rows
}

fn flatten(path: &str, value: &Value, rows: &mut BTreeMap<String, Value>) {
    let Some(map) = value.as_object() else {
        rows.insert(path.to_owned(), value.clone());
        return;
    };
    for (key, inner) in map {
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        flatten(&below, inner, rows);
    }
}
