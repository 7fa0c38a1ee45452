//! What a user sees of a run: its events, its log, its journal, read as they grow.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;

use crate::types::evidence::EVENTS;
use crate::types::evidence::Event;
use crate::types::evidence::FAULT_EVENT;
use crate::types::evidence::FOLDER;
use crate::types::evidence::WATCHDOG_EVENT;
use crate::types::time::WallNs;
use crate::verdict::stamp;

/// Longest piece of a file that is read in one look.
const MOST_BYTES: u64 = 4 << 20;

/// An event and its time.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, as it says itself.
    pub at: WallNs,
    /// What.
    pub event: Event,
}

/// Everything that a run has written since it was started.
#[derive(Debug, Default)]
pub struct Watch {
    dir: PathBuf,
    ends: BTreeMap<PathBuf, u64>,
    /// Events, oldest first.
    pub events: Vec<Seen>,
    /// Lines of the log.
    pub log: Vec<String>,
    /// When each entry order was intended, oldest first.
    pub entries: Vec<WallNs>,
    /// Fills on record.
    pub fills: u64,
    /// Records of the journal.
    pub records: u64,
}

/// The part of a journal's record that is looked at.
#[derive(Deserialize)]
struct Record<'r> {
    kind: &'r str,
    #[serde(default)]
    wall_ns: u64,
    #[serde(default)]
    purpose: Option<&'r str>,
    #[serde(default)]
    event: Option<&'r str>,
}

impl Watch {
    /// Of a run directory; what it holds already is an earlier run's and left out.
    pub fn new(dir: &Path) -> Watch {
        let mut watch = Watch { dir: dir.to_owned(), ..Watch::default() };
        for path in watch.files() {
            let length = fs::metadata(&path).map_or(0, |data| data.len());
            watch.ends.insert(path, length);
        }
        watch
    }
    /// Reads what is new.
    pub fn look(&mut self) {
        for path in self.files() {
            let lines = self.new_lines(&path);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match () {
                () if name.starts_with(EVENTS.0) => self.take_events(&lines),
                () if name.ends_with(".log") => self.log.extend(lines.lines().map(str::to_owned)),
                () => self.take_records(&lines),
            }
        }
    }
    /// The first transition into that state.
    pub fn entered(&self, state: &str) -> Option<&Seen> {
        self.find(WATCHDOG_EVENT, |event| event.to.as_deref() == Some(state))
    }
    /// The last transition.
    pub fn last_transition(&self) -> Option<&Seen> {
        self.events.iter().rev().find(|seen| seen.event.event_type == WATCHDOG_EVENT)
    }
    /// The first time that the severity of the moment became this, from that time on. `cause` is
    /// how the cause begins.
    pub fn severity(&self, word: &str, cause: &str, from: WallNs) -> Option<&Seen> {
        let named = |event: &Event| event.cause.as_deref().unwrap_or("").starts_with(cause);
        let is_it = |event: &Event| event.to.as_deref() == Some(word) && named(event);
        self.events.iter().find(|seen| {
            seen.at >= from && seen.event.event_type == "severity" && is_it(&seen.event)
        })
    }
    /// Beginning or end of an injected fault.
    pub fn fault(&self, name: &str, phase: &str) -> Option<&Seen> {
        self.find(FAULT_EVENT, |event| {
            event.cause.as_deref() == Some(name) && event.phase.as_deref() == Some(phase)
        })
    }
    /// The first event of a kind of which this holds.
    pub fn find(&self, kind: &str, holds: impl Fn(&Event) -> bool) -> Option<&Seen> {
        self.events.iter().find(|seen| seen.event.event_type == kind && holds(&seen.event))
    }
    /// The first entry within these times.
    pub fn entry_between(&self, from: WallNs, to: WallNs) -> Option<WallNs> {
        self.entries.iter().copied().find(|at| (from..to).contains(at))
    }
    /// Metrics lines.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.log.iter().map(String::as_str).filter(|line| line.contains("[METRICS]"))
    }
    /// `loop_ms` of each metrics line.
    pub fn loop_ms(&self) -> Vec<f64> {
        self.metrics().filter_map(|line| field(line, "loop_ms=")?.parse().ok()).collect()
    }
    /// A line of the log that holds this.
    pub fn logged(&self, text: &str) -> Option<&str> {
        self.log.iter().map(String::as_str).find(|line| line.contains(text))
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.dir.join("logs/live.log")];
        let of = |folder: &str, begin: &str| -> Vec<PathBuf> {
            let Ok(entries) = fs::read_dir(self.dir.join(folder)) else { return Vec::new() };
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            let named = |path: &PathBuf| {
                path.file_name().is_some_and(|name| {
                    let name = name.to_string_lossy();
                    name.starts_with(begin) && name.ends_with(".jsonl")
                })
            };
            paths.filter(named).collect()
        };
        files.extend(of(FOLDER, EVENTS.0));
        files.extend(of("journal", ""));
        files.sort();
        files
    }
    /// Whole lines that were not read before.
    fn new_lines(&mut self, path: &Path) -> String {
        let end = self.ends.entry(path.to_owned()).or_default();
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(*end))?;
            file.take(MOST_BYTES).read_to_end(&mut bytes)
        });
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if read.is_err() || whole == 0 {
            return String::new();
        }
        *end += whole as u64;
        String::from_utf8_lossy(&bytes[..whole]).into_owned()
    }
    fn take_events(&mut self, lines: &str) {
        for line in lines.lines() {
            // What cannot be read counts as not there: a scenario that waits for it then fails.
            let Ok(event) = serde_json::from_str::<Event>(line) else { continue };
            let at = event.timestamp.as_deref().and_then(stamp::parse).unwrap_or_default();
            self.events.push(Seen { at, event });
        }
    }
    fn take_records(&mut self, lines: &str) {
        for line in lines.lines() {
            let Ok(record) = serde_json::from_str::<Record<'_>>(line) else { continue };
            self.records += 1;
            self.fills += u64::from(record.kind == "order" && record.event == Some("fill"));
            if record.kind == "intent" && record.purpose == Some("entry") {
                self.entries.push(WallNs(record.wall_ns));
            }
        }
    }
}

/// What stands behind `name` up to the next space.
pub fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split_once(name)?.1.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_that_are_new_are_read() {
        let dir = std::env::temp_dir().join(format!("arb-stress-watch-{}", std::process::id()));
        let journal = dir.join("journal");
        fs::create_dir_all(&journal).unwrap();
        let file = journal.join("a.jsonl");
        fs::write(&file, "{\"kind\":\"intent\",\"wall_ns\":1,\"purpose\":\"entry\"}\n").unwrap();
        let mut watch = Watch::new(&dir);
        watch.look();
        assert!(watch.entries.is_empty(), "an earlier run's");
        let mut text = fs::read_to_string(&file).unwrap();
        text += "{\"kind\":\"intent\",\"wall_ns\":2,\"purpose\":\"entry\"}\n{\"kind\":\"int";
        fs::write(&file, &text).unwrap();
        watch.look();
        watch.look();
        assert_eq!(watch.entries, [WallNs(2)]);
        text += "ent\",\"wall_ns\":3,\"purpose\":\"hedge\"}\n";
        fs::write(&file, &text).unwrap();
        watch.look();
        assert_eq!((watch.entries.len(), watch.records), (1, 2));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_field_of_the_metrics_line_ends_at_the_next_space() {
        assert_eq!(field("[METRICS] loop_ms=3.4 loop_p95=4.1", "loop_ms="), Some("3.4"));
        assert_eq!(field("[METRICS]", "loop_ms="), None);
    }
}
