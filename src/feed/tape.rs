//! Reader of recordings (`PRODUCT.md` 12): one frame a line, plain or gzip by its name.
//!
//! `<recv_ns> <venue> <kind> <payload>`. The reader knows the format only; what a payload says is
//! the codec's business. After an error nothing more is read.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use serde::de::IgnoredAny;

use crate::types::ids::VenueId;
use crate::types::limit;
use crate::types::time::WallNs;

/// Longest line: the largest frame in base64, and its prefix.
pub const LINE_BYTES: usize = 2 * limit::FRAME_BYTES;
const BUFFER_BYTES: usize = 1 << 16;

/// What a line holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// A WebSocket data frame.
    Ws,
    /// The body of a REST book snapshot.
    RestDepth,
    /// The connection opened; the payload is a JSON detail.
    Open,
    /// The connection closed; the payload is a JSON detail.
    Close,
}

/// One line of a recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'t> {
    /// Line number from 1.
    pub line: u64,
    /// When the frame was received, on the recorder's wall clock.
    pub recv: WallNs,
    /// From which venue.
    pub venue: VenueId,
    /// What it is.
    pub kind: RecordKind,
    /// The frame as received; base64 is undone.
    pub payload: &'t [u8],
}

/// Why a recording cannot be read on from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// No line at all.
    #[error("the recording holds no frame")]
    NoFrame,
    /// Not the line format.
    #[error("not of the form `<recv_ns> <venue> <kind> <payload>`")]
    Format,
    /// A venue that this program does not know.
    #[error("unknown venue; known are upbit, binance, bithumb, bybit and okx")]
    Venue,
    /// A kind that the format does not have.
    #[error("unknown kind; known are ws, ws64, rest_depth, open and close")]
    Kind,
    /// A receive time before that of an earlier line.
    #[error("recv_ns lies before that of the line above")]
    TimeRunsBack,
    /// A `ws64` payload that is no base64.
    #[error("the ws64 payload is not base64")]
    Base64,
    /// Longer than [`LINE_BYTES`].
    #[error("the line is longer than 2 MiB")]
    TooLong,
    /// The compressed data end early or are damaged.
    #[error("the gzip data are cut or damaged")]
    Gzip,
    /// The last line ends without a newline in the middle of its payload.
    #[error("the recording is cut in the middle of this line")]
    Cut,
    /// The file could not be read; the recording itself may be whole.
    #[error("reading failed: {0}")]
    Io(io::ErrorKind),
}

/// Where a recording ends before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct TapeError {
    /// Line number from 1.
    pub line: u64,
    /// What is wrong there.
    pub why: Damage,
}

/// How far into the file the reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes of the file (compressed, if it is) taken so far.
    pub read_bytes: u64,
    /// Its size when it was opened; 0 if unknown (a pipe).
    pub total_bytes: u64,
}

/// A recording that is being read. Its buffers are reused; a line does not allocate.
pub struct Tape {
    source: Box<dyn BufRead + Send>,
    is_gzip: bool,
    read_bytes: Arc<AtomicU64>,
    total_bytes: u64,
    line: Vec<u8>,
    decoded: Vec<u8>,
    count: u64,
    last_recv: WallNs,
}

impl Tape {
    /// Opens a file; gzip if its name ends in `.gz`.
    ///
    /// # Errors
    /// Whatever opening the file gives.
    pub fn open(path: &Path) -> io::Result<Tape> {
        let file = File::open(path)?;
        let total_bytes = file.metadata()?.len();
        let is_gzip = path.extension().is_some_and(|ending| ending == "gz");
        Ok(Tape::over(file, is_gzip, total_bytes))
    }

    fn over(input: impl Read + Send + 'static, is_gzip: bool, total_bytes: u64) -> Tape {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let metered = Metered { input, read_bytes: Arc::clone(&read_bytes) };
        let plain = BufReader::with_capacity(BUFFER_BYTES, metered);
        let source: Box<dyn BufRead + Send> = if is_gzip {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Tape {
            source,
            is_gzip,
            read_bytes,
            total_bytes,
            line: Vec::new(),
            decoded: Vec::new(),
            count: 0,
            last_recv: WallNs(0),
        }
    }

    /// The next line; `None` at the proper end.
    ///
    /// # Errors
    /// Damage with its line number. Everything before it was good.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, TapeError> {
        let line = self.count + 1;
        let at = |why| TapeError { line, why };
        let is_whole = match self.read_line().map_err(at)? {
            Line::End if self.count == 0 => return Err(at(Damage::NoFrame)),
            Line::End => return Ok(None),
            Line::Whole => true,
            Line::Unfinished => false,
        };
        let parts = split(&self.line).map_err(at)?;
        if parts.recv < self.last_recv {
            return Err(at(Damage::TimeRunsBack));
        }
        let payload = if parts.is_base64 {
            self.decoded.clear();
            let undone = STANDARD.decode_vec(parts.payload, &mut self.decoded);
            undone.map_err(|_| at(Damage::Base64))?;
            self.decoded.as_slice()
        } else {
            parts.payload
        };
        if !is_whole && serde_json::from_slice::<IgnoredAny>(payload).is_err() {
            return Err(at(Damage::Cut));
        }
        self.count = line;
        self.last_recv = parts.recv;
        let Parts { recv, venue, kind, .. } = parts;
        Ok(Some(Record { line, recv, venue, kind, payload }))
    }

    /// How far the reader is, for a progress display.
    pub fn progress(&self) -> Progress {
        let read_bytes = self.read_bytes.load(Ordering::Relaxed);
        Progress { read_bytes, total_bytes: self.total_bytes }
    }

    /// Reads one line without its newline into the buffer.
    fn read_line(&mut self) -> Result<Line, Damage> {
        self.line.clear();
        let mut bounded = (&mut self.source).take(LINE_BYTES as u64 + 1);
        bounded.read_until(b'\n', &mut self.line).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput if self.is_gzip => {
                Damage::Gzip
            }
            io::ErrorKind::InvalidData if self.is_gzip => Damage::Gzip,
            kind => Damage::Io(kind),
        })?;
        match self.line.last() {
            None => Ok(Line::End),
            Some(b'\n') => {
                self.line.pop();
                Ok(Line::Whole)
            }
            Some(_) if self.line.len() > LINE_BYTES => Err(Damage::TooLong),
            Some(_) => Ok(Line::Unfinished),
        }
    }
}

/// How the input went on.
enum Line {
    Whole,
    Unfinished,
    End,
}

struct Parts<'l> {
    recv: WallNs,
    venue: VenueId,
    kind: RecordKind,
    is_base64: bool,
    payload: &'l [u8],
}

fn split(line: &[u8]) -> Result<Parts<'_>, Damage> {
    let mut fields = line.splitn(4, |byte| *byte == b' ');
    let mut field = || fields.next().ok_or(Damage::Format);
    let (recv, venue, kind, payload) = (field()?, field()?, field()?, field()?);
    if !recv.iter().all(u8::is_ascii_digit) {
        return Err(Damage::Format);
    }
    let recv = ascii(recv)?.parse().map_err(|_| Damage::Format)?;
    let venue = VenueId::from_name(ascii(venue)?).ok_or(Damage::Venue)?;
    let (kind, is_base64) = match kind {
        b"ws" => (RecordKind::Ws, false),
        b"ws64" => (RecordKind::Ws, true),
        b"rest_depth" => (RecordKind::RestDepth, false),
        b"open" => (RecordKind::Open, false),
        b"close" => (RecordKind::Close, false),
        _ => return Err(Damage::Kind),
    };
    Ok(Parts { recv: WallNs(recv), venue, kind, is_base64, payload })
}

fn ascii(field: &[u8]) -> Result<&str, Damage> {
    std::str::from_utf8(field).map_err(|_| Damage::Format)
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
