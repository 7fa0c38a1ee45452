//! One file of a recording while it is written: new, plain or gzip by its name, readable up to the
//! last flush whatever happens to the process.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::BufWriter;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use flate2::Compression;
use flate2::write::GzEncoder;

const BUFFER_BYTES: usize = 1 << 16;

/// Raised by fault injection: writing is refused as by a full disk.
pub type Refuse = Arc<AtomicBool>;

/// A file that is being written.
#[derive(Debug)]
pub struct TapeFile {
    sink: Sink,
    /// Something was written since the last flush.
    is_behind: bool,
}

#[derive(Debug)]
enum Sink {
    Plain(BufWriter<Counted>),
    Gzip(GzEncoder<Counted>),
}

/// Counts what reaches the disk.
#[derive(Debug)]
struct Counted {
    file: File,
    bytes: u64,
    refuse: Refuse,
}

impl TapeFile {
    /// Begins a new file, for its owner only; gzip if its name ends in `.gz`.
    ///
    /// # Errors
    /// The system's; `AlreadyExists` for a name that is taken, which is left as it is.
    pub fn begin(path: &Path, refuse: Refuse) -> io::Result<TapeFile> {
        permit(&refuse)?;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        let counted = Counted { file, bytes: 0, refuse };
        let sink = match path.extension().is_some_and(|ending| ending == "gz") {
            true => Sink::Gzip(GzEncoder::new(counted, Compression::fast())),
            false => Sink::Plain(BufWriter::with_capacity(BUFFER_BYTES, counted)),
        };
        Ok(TapeFile { sink, is_behind: false })
    }
    /// Writes bytes; they are on disk after the next flush at the latest.
    ///
    /// # Errors
    /// The system's. A part of the bytes may be in the file.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.is_behind = true;
        match &mut self.sink {
            Sink::Plain(sink) => sink.write_all(bytes),
            Sink::Gzip(sink) => sink.write_all(bytes),
        }
    }
    /// Hands everything to the system, so that a reader finds it whatever becomes of this process.
    ///
    /// # Errors
    /// The system's.
    pub fn flush(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.is_behind) {
            return Ok(());
        }
        match &mut self.sink {
            Sink::Plain(sink) => sink.flush(),
            Sink::Gzip(sink) => sink.flush(),
        }
    }
    /// Bytes of the file so far; what a compressor still holds comes on top.
    pub fn bytes(&self) -> u64 {
        match &self.sink {
            Sink::Plain(sink) => sink.get_ref().bytes + sink.buffer().len() as u64,
            Sink::Gzip(sink) => sink.get_ref().bytes,
        }
    }
    /// Ends the file and makes it survive a loss of power.
    ///
    /// # Errors
    /// The system's.
    pub fn end(self) -> io::Result<u64> {
        let counted = match self.sink {
            Sink::Plain(sink) => sink.into_inner().map_err(io::IntoInnerError::into_error)?,
            Sink::Gzip(sink) => sink.finish()?,
        };
        counted.file.sync_all()?;
        Ok(counted.bytes)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        permit(&self.refuse)?;
        let count = self.file.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn permit(refuse: &Refuse) -> io::Result<()> {
    match refuse.load(Ordering::Relaxed) {
        true => Err(ErrorKind::StorageFull.into()),
        false => Ok(()),
    }
}
