//! Lines of the log to stderr and to the log file, by the one thread that may wait for a disk.

use std::fmt;
use std::io;

use log::Level;
use log::LevelFilter;

use crate::telemetry::console::Console;
use crate::telemetry::log::LogLine;
use crate::telemetry::log::LogQueue;
use crate::telemetry::rotate::RotatingFile;
use crate::types::time::WallNs;

/// Most lines taken from the queue at once: a turn stays short, a burst takes a few turns.
const BATCH: usize = 256;
/// The logger of lines about the log.
const LOGGER: &str = "log";

/// Writes the log. Every loss is counted, and told once lines go through again.
pub struct LogWriter {
    queue: LogQueue,
    console: Console,
    /// Least severity on the console (`--quiet`: WARN); the file takes everything.
    console_level: LevelFilter,
    file: Option<RotatingFile>,
    told: Losses,
    line: String,
}

/// Lines that did not arrive, by the place where they were lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    /// The queue was full.
    pub queue: u64,
    /// Stderr took no more.
    pub console: u64,
    /// The file could not be written.
    pub file: u64,
}

impl LogWriter {
    /// Writes to the console only, from that level up.
    pub fn new(queue: LogQueue, console: Console, console_level: LevelFilter) -> LogWriter {
        let told = Losses::default();
        LogWriter { queue, console, console_level, file: None, told, line: String::new() }
    }
    /// Writes to this file too, from now on: lines that still wait in the queue reach it.
    pub fn keep_in(&mut self, file: RotatingFile) {
        self.file = Some(file);
    }
    /// Writes a batch of what waits. True when there was something.
    pub fn pump(&mut self) -> bool {
        let mut worked = false;
        for _ in 0..BATCH {
            let Some(line) = self.queue.take() else { break };
            self.write(&line);
            worked = true;
        }
        worked
    }
    /// Writes everything that waits, as far as it was there when called.
    pub fn flush(&mut self) {
        // The queue is bounded, so a thread that keeps logging cannot keep this going for ever.
        for _ in 0..=crate::runtime::link::LOG.depth / BATCH {
            if !self.pump() {
                return;
            }
        }
    }
    /// Writes a line of the holder's own.
    pub fn say(&mut self, at: WallNs, level: Level, what: (&str, &dyn fmt::Display)) {
        self.write(&LogLine::new(at, level, what));
    }
    /// Opens the log file anew (SIGHUP: it was moved away).
    pub fn reopen(&mut self, at: WallNs) {
        let Some(file) = &mut self.file else { return };
        let result: io::Result<()> = file.reopen();
        if let Err(error) = result {
            let path = file.path().display().to_string();
            let text = format!("{path}: {error}: make its folder writable; lines are counted");
            self.say(at, Level::Error, (LOGGER, &text));
        }
    }
    /// Lines lost so far.
    pub fn losses(&self) -> Losses {
        Losses {
            queue: self.queue.lost(),
            console: self.console.lost(),
            file: self.file.as_ref().map_or(0, RotatingFile::lost),
        }
    }

    fn write(&mut self, line: &LogLine) {
        let before = self.losses();
        self.put(line);
        let after = self.losses();
        let through = (after.console, after.file) == (before.console, before.file);
        if through && after != self.told {
            let news = lost_since(self.told, after);
            self.told = after;
            self.put(&LogLine::new(line.at, Level::Warn, (LOGGER, &news)));
        }
    }

    fn put(&mut self, line: &LogLine) {
        use fmt::Write;

        self.line.clear();
        // Writing to a String cannot fail.
        let _ = writeln!(self.line, "{line}");
        if let Some(file) = &mut self.file {
            file.write(&self.line);
        }
        if line.level <= self.console_level {
            self.console.write(&self.line);
        }
    }
}

fn lost_since(told: Losses, now: Losses) -> String {
    format!(
        "lines lost: {} because the queue was full, {} on stderr, {} in the log file",
        now.queue - told.queue,
        now.console - told.console,
        now.file - told.file
    )
}
