//! A log file of bounded size: put aside when it is full, the newest few kept.
//!
//! `live.log` is the one being written, `live.log.1` the one before it, and so on. One bound holds
//! before completeness: a file that cannot be put aside takes no more lines until it can be.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::telemetry::limits::LogLimits;

/// The file and those put aside.
#[derive(Debug)]
pub struct RotatingFile {
    limits: LogLimits,
    file: Option<File>,
    size_bytes: u64,
    lost: u64,
}

impl RotatingFile {
    /// Opens the file for appending, with its folder.
    ///
    /// # Errors
    /// The folder cannot be made or the file cannot be opened.
    pub fn open(limits: &LogLimits) -> io::Result<RotatingFile> {
        let mut rotating =
            RotatingFile { limits: limits.clone(), file: None, size_bytes: 0, lost: 0 };
        rotating.reopen()?;
        Ok(rotating)
    }
    /// Opens the path anew: after somebody else moved the file away (SIGHUP).
    ///
    /// # Errors
    /// The folder cannot be made or the file cannot be opened; each next line tries again.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        if let Some(folder) = self.limits.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(&self.limits.file)?;
        self.size_bytes = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }
    /// Writes a line that ends in a newline, or counts it as lost (a full disk, a folder that is
    /// gone). Each next line tries again.
    pub fn write(&mut self, line: &str) {
        if self.try_write(line.as_bytes()).is_err() {
            self.lost += 1;
        }
    }
    /// Lines that could not be written, so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }
    /// The path that is written.
    pub fn path(&self) -> &Path {
        &self.limits.file
    }

    fn try_write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.reopen()?;
        }
        let grown = self.size_bytes.saturating_add(line.len() as u64);
        if self.size_bytes > 0 && grown > self.limits.max_file_bytes {
            self.put_aside()?;
        }
        let file = self.file.as_mut().ok_or(ErrorKind::NotFound)?;
        // Counted before it is known to succeed: a part may have been written.
        self.size_bytes += line.len() as u64;
        file.write_all(line)
    }

    /// Oldest first, each over the one that is too old.
    fn put_aside(&mut self) -> io::Result<()> {
        for number in (1..self.limits.max_files.max(1)).rev() {
            rename(&self.aside(number), &self.aside(number + 1))?;
        }
        rename(&self.limits.file, &self.aside(1))?;
        self.reopen()
    }
    fn aside(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.limits.file);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

/// A file that does not exist, or was removed by somebody, needs no new name.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
