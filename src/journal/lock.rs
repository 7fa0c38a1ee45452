//! One instance per run directory: a lock that the kernel holds and frees, never a pid file.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

/// Name of the lock file under the run directory.
pub const LOCK_FILE: &str = "arb.lock";

/// The lock, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    path: PathBuf,
}

/// Why the run directory is not ours. Both end with exit 73.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{}: another instance runs here{}", path.display(), holder(*pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The holder's process, as far as it is written there.
        pid: Option<u32>,
    },
    /// The directory or the file cannot be made or locked.
    #[error("{}: the run directory cannot be used: {why}", path.display())]
    Unusable {
        /// The directory or file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or(String::new(), |pid| format!(" (process {pid})"))
}

impl LockError {
    /// What the operator can do.
    pub fn fix(&self) -> &'static str {
        match self {
            LockError::Held { .. } => {
                "stop that instance first, or name another directory with --run-dir"
            }
            LockError::Unusable { .. } => {
                "make the directory writable for this user, or name another with --run-dir"
            }
        }
    }
    fn unusable(path: &Path, why: impl ToString) -> LockError {
        LockError::Unusable { path: path.to_owned(), why: why.to_string() }
    }
}

impl RunLock {
    /// Takes the lock of `run_dir`, which is made if missing. Never waits. A file that a dead
    /// process left behind is no obstacle.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(run_dir: &Path) -> Result<RunLock, LockError> {
        std::fs::create_dir_all(run_dir).map_err(|e| LockError::unusable(run_dir, e))?;
        let path = run_dir.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(|e| LockError::unusable(&path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { pid: written_pid(&mut file), path });
            }
            Err(TryLockError::Error(why)) => return Err(LockError::unusable(&path, why)),
        }
        sign(&mut file).map_err(|e| LockError::unusable(&path, e))?;
        Ok(RunLock { file, path })
    }

    /// True while the file that is locked is the one that another instance would find: false once
    /// somebody removed or replaced it, and then a second instance can start.
    pub fn is_ours(&self) -> bool {
        let id = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
        let there = std::fs::metadata(&self.path).map(id);
        let held = self.file.metadata().map(id);
        matches!((there, held), (Ok(there), Ok(held)) if there == held)
    }
}

/// For people only; nothing trusts it.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn written_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
