//! How a command ends: the one table of exit codes, and the error that carries one with its fix.

use std::fmt::Display;
use std::fmt::Write;

/// Every exit code of the program. `--help`, the manual page and the README show this table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// The command did what it was asked to.
    Done = 0,
    /// A defect of the program.
    Internal = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The judged run is not stable.
    VerdictFail = 10,
    /// Stopped before the end; what there is, is reported.
    Interrupted = 11,
    /// Too little evidence to judge.
    Inconclusive = 12,
    /// The watchdog ended the run; no position is open.
    WatchdogFlat = 20,
    /// The kill switch or the loss limit ended the run; no position is open.
    KillFlat = 21,
    /// The run ended with a one-sided position above one lot.
    Unhedged = 22,
    /// Too many CRITICAL states in a day.
    CrashLoop = 23,
    /// A recording is damaged.
    BadData = 65,
    /// Something that the configuration requires does not answer.
    Unreachable = 69,
    /// The run directory cannot be had.
    Directory = 73,
    /// The disk failed.
    Io = 74,
    /// The live guard said no.
    LiveRefused = 77,
    /// The configuration is wrong.
    Config = 78,
}

impl Exit {
    /// Every code, ascending.
    pub const ALL: [Exit; 16] = [
        Exit::Done,
        Exit::Internal,
        Exit::Usage,
        Exit::VerdictFail,
        Exit::Interrupted,
        Exit::Inconclusive,
        Exit::WatchdogFlat,
        Exit::KillFlat,
        Exit::Unhedged,
        Exit::CrashLoop,
        Exit::BadData,
        Exit::Unreachable,
        Exit::Directory,
        Exit::Io,
        Exit::LiveRefused,
        Exit::Config,
    ];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }
    /// The exit with that number.
    pub fn of(code: u8) -> Option<Exit> {
        Exit::ALL.into_iter().find(|exit| exit.code() == code)
    }
    /// What the number tells an operator.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Internal => "internal error",
            Exit::Usage => "usage",
            Exit::VerdictFail => "soak or stress verdict FAIL",
            Exit::Interrupted => "soak, stress or replay interrupted, partial result",
            Exit::Inconclusive => "soak INCONCLUSIVE",
            Exit::WatchdogFlat => "watchdog shutdown, flat",
            Exit::KillFlat => "kill switch or loss limit, flat",
            Exit::Unhedged => "ended with unhedged exposure above one lot",
            Exit::CrashLoop => "crash loop, manual restart needed",
            Exit::BadData => "input data damaged (a recording)",
            Exit::Unreachable => "a required service is unreachable",
            Exit::Directory => "another instance holds the lock, or a directory is unusable",
            Exit::Io => "I/O or journal failure",
            Exit::LiveRefused => "live refused",
            Exit::Config => "configuration",
        }
    }
}

/// Why a command failed. Printed on stderr; the process ends with `exit`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct CliError {
    /// The code to end with.
    pub exit: Exit,
    /// What is wrong, with file, line or value, and what the operator can do about it.
    pub text: String,
}

impl CliError {
    /// An error with its code, what is wrong, and what to do.
    pub fn new(exit: Exit, message: impl Display, hint: impl Display) -> CliError {
        CliError { exit, text: format!("error: {message}\n  fix: {hint}") }
    }
}

/// The table of exit codes for `--help` and the manual page.
pub fn table() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:>2}  {}", exit.code(), exit.meaning());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_exits_share_a_number_or_a_meaning() {
        for pair in Exit::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code(), "{pair:?}");
        }
        for exit in Exit::ALL {
            let same = Exit::ALL.iter().filter(|other| other.meaning() == exit.meaning());
            assert_eq!(same.count(), 1, "{exit:?}");
        }
    }

    #[test]
    fn the_readme_shows_this_table_and_no_other() {
        let readme = include_str!("../../README.md");
        let (_, section) = readme.split_once("## Exit codes").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).collect();
        let row = |exit: &Exit| format!("| {} | {} |", exit.code(), exit.meaning());
        let expected: Vec<String> = Exit::ALL.iter().map(row).collect();
        assert_eq!(rows[1..], expected, "the rows below the heading of the table");
    }

    #[test]
    fn an_error_says_what_is_wrong_and_how_to_mend_it() {
        let error = CliError::new(Exit::BadData, "x.rec:7: unknown venue `a`", "cut the line");
        assert_eq!(error.to_string(), "error: x.rec:7: unknown venue `a`\n  fix: cut the line");
    }
}
