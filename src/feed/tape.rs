//! Reader of recordings (`PRODUCT.md` 12): one frame a line, plain or gzip by its name.
//!
//! `<recv_ns> <venue> <kind> <payload>`. The reader knows the format only; what a payload says is
//! the codec's business. After an error nothing more is read.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use crate::feed::text_reader::Line;
use crate::feed::text_reader::LineFault;
use crate::feed::text_reader::Lines;
use crate::types::ids::VenueId;
use crate::types::limit;
use crate::types::time::WallNs;

/// Longest line: the largest frame in base64, and its prefix.
pub const LINE_BYTES: usize = 2 * limit::FRAME_BYTES;

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

/// A recording that is being read, in one file or in several that follow each other. Its buffers
/// are reused; a line does not allocate.
pub struct Tape {
    lines: Lines,
    path: PathBuf,
    /// Files that follow.
    rest: VecDeque<PathBuf>,
    /// Sizes of the files before this one, and of all of them.
    before_bytes: u64,
    total_bytes: u64,
    line: Vec<u8>,
    decoded: Vec<u8>,
    /// Lines read of this file.
    count: u64,
    last_recv: WallNs,
    is_empty: bool,
}

impl Tape {
    /// Opens a file; gzip if its name ends in `.gz`.
    ///
    /// # Errors
    /// Whatever opening the file gives.
    pub fn open(path: &Path) -> io::Result<Tape> {
        Tape::open_series(&[path.to_owned()])
    }
    /// Opens the first of files that follow each other in time. One without any frame is passed
    /// over if another has one.
    ///
    /// # Errors
    /// Whatever opening the first or looking at the others gives; `NotFound` without a file.
    pub fn open_series(paths: &[PathBuf]) -> io::Result<Tape> {
        let mut rest: VecDeque<PathBuf> = paths.iter().cloned().collect();
        let path = rest.pop_front().ok_or(io::ErrorKind::NotFound)?;
        let lines = Lines::open(&path)?;
        let mut total_bytes = lines.total_bytes;
        for path in &rest {
            total_bytes += path.metadata()?.len();
        }
        Ok(Tape {
            lines,
            path,
            rest,
            before_bytes: 0,
            total_bytes,
            line: Vec::new(),
            decoded: Vec::new(),
            count: 0,
            last_recv: WallNs(0),
            is_empty: true,
        })
    }
    /// The file that the latest line, or the damage, is in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next line; `None` at the proper end.
    ///
    /// # Errors
    /// Damage with its line number. Everything before it was good.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, TapeError> {
        let is_whole = match self.read_line()? {
            Line::End if self.is_empty => {
                let why = if self.lines.is_bare_gzip { Damage::Gzip } else { Damage::NoFrame };
                return Err(TapeError { line: self.count + 1, why });
            }
            Line::End => return Ok(None),
            Line::Whole => true,
            Line::Unfinished => false,
        };
        let line = self.count + 1;
        let at = |why| TapeError { line, why };
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
        (self.count, self.is_empty) = (line, false);
        self.last_recv = parts.recv;
        let Parts { recv, venue, kind, .. } = parts;
        Ok(Some(Record { line, recv, venue, kind, payload }))
    }

    /// How far the reader is, for a progress display.
    pub fn progress(&self) -> Progress {
        let read_bytes = self.before_bytes + self.lines.read_bytes();
        Progress { read_bytes, total_bytes: self.total_bytes }
    }

    /// Reads one line into the buffer, of the next file where one ends.
    fn read_line(&mut self) -> Result<Line, TapeError> {
        loop {
            let at = |line| move |why| TapeError { line, why };
            let read = self.lines.next_line(&mut self.line, LINE_BYTES).map_err(damage);
            let read = read.map_err(at(self.count + 1))?;
            if read != Line::End {
                return Ok(read);
            }
            let Some(next) = self.rest.pop_front() else { return Ok(read) };
            self.before_bytes += self.lines.total_bytes;
            (self.path, self.count) = (next, 0);
            let opened = Lines::open(&self.path).map_err(|error| Damage::Io(error.kind()));
            self.lines = opened.map_err(at(1))?;
        }
    }
}

fn damage(fault: LineFault) -> Damage {
    match fault {
        LineFault::TooLong => Damage::TooLong,
        LineFault::Gzip => Damage::Gzip,
        LineFault::Io(kind) => Damage::Io(kind),
    }
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
