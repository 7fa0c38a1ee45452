//! Lines of a text file of bounded length, plain or gzip by its name.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use flate2::bufread::MultiGzDecoder;

const BUFFER_BYTES: usize = 1 << 16;

/// Why no further line can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LineFault {
    /// Longer than allowed.
    #[error("the line is too long")]
    TooLong,
    /// The compressed data end early or are damaged.
    #[error("the gzip data are cut or damaged")]
    Gzip,
    /// The file could not be read.
    #[error("reading failed: {0}")]
    Io(io::ErrorKind),
}

/// How the input went on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// A line that ended in a newline.
    Whole,
    /// The last line, without one.
    Unfinished,
    /// No line is left.
    End,
}

/// A file that is read line by line.
pub struct Lines {
    source: Box<dyn BufRead + Send>,
    is_gzip: bool,
    read_bytes: Arc<AtomicU64>,
    /// Size of the file when it was opened; 0 if unknown (a pipe).
    pub total_bytes: u64,
    /// Gzip by its name, and without a single byte.
    pub is_bare_gzip: bool,
}

impl Lines {
    /// Opens a file; gzip if its name ends in `.gz`.
    ///
    /// # Errors
    /// Whatever opening the file gives.
    pub fn open(path: &Path) -> io::Result<Lines> {
        let file = File::open(path)?;
        let total_bytes = file.metadata()?.len();
        let read_bytes = Arc::new(AtomicU64::new(0));
        let metered = Metered { input: file, read_bytes: Arc::clone(&read_bytes) };
        let mut plain = BufReader::with_capacity(BUFFER_BYTES, metered);
        let is_named_gzip = path.extension().is_some_and(|ending| ending == "gz");
        // A file that was begun and never written to holds no line; no decoder would say so.
        let is_bare_gzip = is_named_gzip && plain.fill_buf()?.is_empty();
        let is_gzip = is_named_gzip && !is_bare_gzip;
        let source: Box<dyn BufRead + Send> = if is_gzip {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Lines { source, is_gzip, read_bytes, total_bytes, is_bare_gzip })
    }
    /// Bytes of the file (compressed, if it is) taken so far.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
    /// Reads one line of at most `most` bytes without its newline into the buffer.
    ///
    /// # Errors
    /// [`LineFault`].
    pub fn next_line(&mut self, line: &mut Vec<u8>, most: usize) -> Result<Line, LineFault> {
        line.clear();
        let mut bounded = (&mut self.source).take(most as u64 + 1);
        bounded.read_until(b'\n', line).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData
                if self.is_gzip =>
            {
                LineFault::Gzip
            }
            kind => LineFault::Io(kind),
        })?;
        match line.last() {
            None => Ok(Line::End),
            Some(b'\n') => {
                line.pop();
                Ok(Line::Whole)
            }
            Some(_) if line.len() > most => Err(LineFault::TooLong),
            Some(_) => Ok(Line::Unfinished),
        }
    }
}

/// Counts what is read through it.
struct Metered<R> {
    input: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
