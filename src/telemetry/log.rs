//! The log of `run`: whoever logs formats a bounded record and leaves it in a bounded queue.
//!
//! Nobody but telemetry touches stderr or a file, so a pipe that nobody reads or a slow disk holds
//! up no other thread (`FAULTS.md` F59). A record that finds the queue full is lost and counted.

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use ::log::Level;
use ::log::LevelFilter;
use ::log::Log;
use ::log::Metadata;
use ::log::SetLoggerError;

use crate::runtime::link::LOG;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::types::calendar::Utc;
use crate::types::time::Clock;
use crate::types::time::WallNs;

/// Longest text of a record, in bytes. With stamp, level and logger in front a line stays below
/// the 4,096 bytes that a pipe takes whole or not at all.
const TEXT_BYTES: usize = 3_800;
/// Longest logger name that is kept, in bytes.
const LOGGER_BYTES: usize = 128;
/// What stands at the end of a text that was too long.
const CUT: &str = " [cut]";

/// One line of the log. Displays as
/// `2025-11-15 20:57:22,906 [INFO    ] [logger] text`, in UTC, without newline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// When it was logged.
    pub at: WallNs,
    /// Its severity.
    pub level: Level,
    logger: String,
    text: String,
}

impl LogLine {
    /// A line. Control characters are written as escapes, so that text from elsewhere cannot
    /// pretend to be a line of its own; what is too long is cut, and says so.
    pub fn new(at: WallNs, level: Level, (logger, text): (&str, &dyn fmt::Display)) -> LogLine {
        let bounded = |most: usize, shown: &dyn fmt::Display| {
            let mut bounded = Bounded { text: String::new(), most };
            // An error means that the text was cut, which it shows itself.
            let _ = write!(bounded, "{shown}");
            bounded.text
        };
        let logger = bounded(LOGGER_BYTES, &logger);
        LogLine { at, level, logger, text: bounded(TEXT_BYTES, text) }
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stamp, level) = (Utc::of(self.at).log(), level_name(self.level));
        write!(f, "{stamp} [{level:<8}] [{}] {}", self.logger, self.text)
    }
}

/// The source's names of levels: its users search for `WARNING`.
const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    }
}

/// Text that stops growing at a bound.
struct Bounded {
    text: String,
    most: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for sign in more.chars() {
            let escaped = sign.is_control().then(|| sign.escape_default());
            let bytes = escaped.as_ref().map_or(sign.len_utf8(), ExactSizeIterator::len);
            if self.text.len() + bytes + CUT.len() > self.most {
                self.text.push_str(CUT);
                return Err(fmt::Error);
            }
            match escaped {
                Some(escaped) => self.text.extend(escaped),
                None => self.text.push(sign),
            }
        }
        Ok(())
    }
}

/// The end at which threads log.
#[derive(Debug)]
pub struct Logger {
    lines: Tx<LogLine>,
    lost: Arc<AtomicU64>,
}

/// The end that telemetry drains.
#[derive(Debug)]
pub struct LogQueue {
    lines: Rx<LogLine>,
    lost: Arc<AtomicU64>,
}

/// Both ends of a new log, not yet the program's.
pub fn open() -> (Logger, LogQueue) {
    let (tx, rx) = LOG.open();
    let lost = Arc::new(AtomicU64::new(0));
    (Logger { lines: tx, lost: Arc::clone(&lost) }, LogQueue { lines: rx, lost })
}

/// Makes a new log the program's, from that level up. Once per process, before any command's
/// work; what is logged waits in the queue until its holder writes it.
///
/// # Errors
/// A log runs already: it stays, and nothing is changed.
pub fn start(level: LevelFilter) -> Result<LogQueue, SetLoggerError> {
    let (logger, queue) = open();
    ::log::set_boxed_logger(Box::new(logger))?;
    ::log::set_max_level(level);
    Ok(queue)
}

impl Logger {
    /// Leaves a line in the queue, or counts it as lost when that is full. Never waits.
    pub fn send(&self, line: LogLine) {
        if self.lines.send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= ::log::max_level()
    }
    fn log(&self, record: &::log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let what: (&str, &dyn fmt::Display) = (record.target(), record.args());
            self.send(LogLine::new(Clock::wall(), record.level(), what));
        }
    }
    /// Nothing to do: telemetry writes.
    fn flush(&self) {}
}

impl LogQueue {
    /// The next line, without waiting.
    pub fn take(&self) -> Option<LogLine> {
        self.lines.take()
    }
    /// Lines that found the queue full, so far.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: WallNs = WallNs(1_763_240_242_906_000_000);

    fn line(level: Level, text: &str) -> LogLine {
        LogLine::new(AT, level, ("live", &text))
    }

    #[test]
    fn a_line_has_the_layout_of_the_source() {
        let text = line(Level::Info, "[LIVE] up").to_string();
        assert_eq!(text, "2025-11-15 20:57:22,906 [INFO    ] [live] [LIVE] up");
        let text = line(Level::Warn, "x").to_string();
        assert_eq!(text, "2025-11-15 20:57:22,906 [WARNING ] [live] x");
    }

    #[test]
    fn a_message_cannot_forge_a_line_or_move_the_cursor() {
        let text = line(Level::Info, "a\nb\r\u{1b}[2Jc\u{85}").to_string();
        assert!(text.ends_with(r"a\nb\r\u{1b}[2Jc\u{85}"), "{text}");
    }

    #[test]
    fn a_line_fits_what_a_pipe_takes_whole_and_says_that_it_was_cut() {
        for filler in ["x", "\n", "₩"] {
            let long = filler.repeat(1 << 20);
            let text = LogLine::new(AT, Level::Error, (&long, &long)).to_string();
            assert!(text.len() < 4_096, "{}", text.len());
            assert!(text.ends_with(" [cut]"));
        }
        let whole = "y".repeat(TEXT_BYTES - CUT.len());
        assert!(line(Level::Info, &whole).to_string().ends_with("yyy"));
    }

    #[test]
    fn a_full_queue_loses_lines_and_counts_each() {
        let (logger, queue) = open();
        let depth = LOG.depth as u64;
        (0..depth + 7).for_each(|i| logger.send(line(Level::Info, &i.to_string())));
        assert_eq!(queue.lost(), 7);
        let mut taken = 0;
        while let Some(line) = queue.take() {
            assert_eq!(line.text, taken.to_string(), "the oldest stay, in order");
            taken += 1;
        }
        assert_eq!(taken, depth);
    }

    #[test]
    fn records_of_the_facade_arrive_with_their_logger() {
        let (logger, queue) = open();
        ::log::set_max_level(LevelFilter::Info);
        let send = |level: Level| {
            let mut record = ::log::Record::builder();
            record.level(level).target("arb::feed");
            logger.log(&record.args(format_args!("venue is back")).build());
        };
        send(Level::Debug);
        send(Level::Warn);
        let line = queue.take().expect("the warning");
        assert!(line.to_string().ends_with("[WARNING ] [arb::feed] venue is back"));
        assert_eq!(queue.take(), None, "below the level");
    }
}
