//! What can go wrong between the journal and the disk, and what the operator can do about it.

use std::path::Path;
use std::path::PathBuf;

/// Why the journal cannot be used. None of these is retried.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder cannot be made, listed or written.
    #[error("{}: the journal folder cannot be used: {why}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// It holds another kind of run.
    #[error("{}: this journal is of a `{was}` run, not `{wanted}`", path.display())]
    OtherMode {
        /// The folder.
        path: PathBuf,
        /// Mode of the run that wrote it.
        was: String,
        /// Mode of this run.
        wanted: String,
    },
    /// A file cannot be opened or read.
    #[error("{}: cannot be read: {why}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// A record is damaged or missing and valid ones follow: no torn end.
    #[error("{}:{line}: damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong there.
        why: String,
    },
    /// A record is whole and cannot be what happened, or cannot be understood.
    #[error("{}:{line}: {why}", path.display())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong there.
        why: String,
    },
    /// A write or a sync failed.
    #[error("{file}: the journal cannot {act}: {why}")]
    Write {
        /// Which file.
        file: String,
        /// What was tried.
        act: &'static str,
        /// The system's words.
        why: String,
    },
}

impl JournalError {
    /// A folder that cannot be used.
    pub fn folder(path: &Path, why: impl ToString) -> JournalError {
        JournalError::Folder { path: path.to_owned(), why: why.to_string() }
    }
    /// A file that cannot be read.
    pub fn unreadable(path: &Path, why: impl ToString) -> JournalError {
        JournalError::Unreadable { path: path.to_owned(), why: why.to_string() }
    }
    /// True when the run directory is at fault (exit 73); otherwise the journal is (exit 74).
    pub fn is_directory(&self) -> bool {
        matches!(self, JournalError::Folder { .. } | JournalError::OtherMode { .. })
    }
    /// What the operator can do.
    pub fn fix(&self) -> &'static str {
        match self {
            JournalError::Folder { .. } => {
                "make the run directory writable for this user, or name another with --run-dir"
            }
            JournalError::OtherMode { .. } => {
                "use a --run-dir for each mode, or move the journal folder away"
            }
            JournalError::Unreadable { .. } => {
                "make the file readable for this user; it holds open positions"
            }
            JournalError::Damaged { .. } => {
                "bring the file back from a copy; without one, check the positions at the venues, \
                 move the journal folder away and start from the configured balances"
            }
            JournalError::Refused { .. } => {
                "start with the program and configuration that wrote it, or, with no position \
                 open, move the journal folder away"
            }
            JournalError::Write { .. } => {
                "free space on that disk and check its health, then start again: what is on disk \
                 is read back"
            }
        }
    }
}
