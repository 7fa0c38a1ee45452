//! What a check of `arb doctor` says: one line for people, one object for programs.

use serde::Serialize;

use crate::cli::exit::Exit;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Does not apply, or cannot be seen here; says why.
    Skip,
    /// It runs, worse than it could.
    Warn,
    /// A run would fail or could not be trusted.
    Fail,
}

impl Status {
    /// The word, four columns wide.
    pub const fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok  ",
            Status::Skip => "skip",
            Status::Warn => "WARN",
            Status::Fail => "FAIL",
        }
    }
}

/// The result of one check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// Name of the check, unique, never changed: scripts look for it.
    pub check: String,
    /// How it came out.
    pub status: Status,
    /// What was found, with numbers.
    pub found: String,
    /// What to do about it; empty if nothing.
    pub fix: String,
    /// How a run would end by it; only of failures.
    #[serde(skip)]
    pub exit: Exit,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &str, found: impl Into<String>) -> Finding {
        Finding::new(check, Status::Ok, (found.into(), ""))
    }
    /// Not applicable or not visible.
    pub fn skip(check: &str, why: impl Into<String>) -> Finding {
        Finding::new(check, Status::Skip, (why.into(), ""))
    }
    /// Worse than it could be, with what to do.
    pub fn warn(check: &str, found: impl Into<String>, fix: &str) -> Finding {
        Finding::new(check, Status::Warn, (found.into(), fix))
    }
    /// Bad, with what to do and how a run would end.
    pub fn fail(check: &str, found: impl Into<String>, (fix, exit): (&str, Exit)) -> Finding {
        Finding { exit, ..Finding::new(check, Status::Fail, (found.into(), fix)) }
    }
    /// Ok if it holds, else a warning.
    pub fn warn_unless(holds: Holds, check: &str, (found, fix): (String, &str)) -> Finding {
        match holds {
            Holds::Yes => Finding::ok(check, found),
            Holds::No => Finding::warn(check, found, fix),
        }
    }

    fn new(check: &str, status: Status, (found, fix): (String, &str)) -> Finding {
        let (check, fix) = (check.to_owned(), fix.to_owned());
        Finding { check, status, found, fix, exit: Exit::Done }
    }
}

/// Whether what a check wants is so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holds {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Holds {
        if holds { Holds::Yes } else { Holds::No }
    }
}
