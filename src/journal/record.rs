//! One record, one line of JSON: numbered, checksummed, chained to the record before. Pure.
//!
//! ```text
//! {"crc":"9f3c01aa","seq":7,"prev":"03fe2b10","kind":"intent","wall_ns":…,"mono_ns":…,…}
//! ```
//!
//! 1. `crc` is the CRC-32 (IEEE) of every byte behind `{"crc":"xxxxxxxx",` up to the newline, so a
//!    record proves itself without its neighbours.
//! 2. `prev` is the `crc` of the record before, and `seq` counts without holes over all files, so
//!    a record that was removed, repeated or moved breaks the chain.
//! 3. Money, prices and quantities are exact decimal text; instruments are `venue:BASE-QUOTE`.

use serde::Deserialize;
use serde::Serialize;

use crate::journal::start::Start;
use crate::journal::start::StartLine;
use crate::journal::text::ContentError;
use crate::journal::text::Names;
use crate::journal::wire;
use crate::types::fact::FactKind;
use crate::types::ids::OrderId;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Longest line that is written or looked at: a start with every order and trade it can carry is
/// below 400 KiB.
pub const LINE_BYTES: usize = 1 << 20;
/// How every line begins; then eight hexadecimal digits and [`AFTER_CRC`].
pub const BEFORE_CRC: &[u8] = b"{\"crc\":\"";
const AFTER_CRC: &[u8] = b"\",";
const CRC_AT: std::ops::Range<usize> = 8..16;
const BODY_AT: usize = 18;

/// One record of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// When, on the clock of the process that wrote it.
    pub at: Now,
    /// What.
    pub kind: RecordKind,
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// A process began; everything that it knew. Always the first record of a file.
    Start(Box<Start>),
    /// The file before grew too large. Always the first record of a file.
    Next,
    /// Order numbers below this may be used from now on. Synced before any of them is.
    Ids {
        /// First number that is not reserved.
        until: OrderId,
    },
    /// The torn end of an earlier file was cut.
    Truncated {
        /// Which file.
        file: String,
        /// Bytes that were cut.
        bytes: u64,
    },
    /// Something happened.
    Fact(FactKind),
    /// The process ended of its own accord.
    Stop,
}

/// Where a chain of records has got to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Chain {
    /// Number of the last record; 0 before the first.
    pub seq: u64,
    /// Its checksum.
    pub crc: u32,
}

/// A line that proves itself: its checksum holds and it has a place in a chain.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The record's own place.
    pub link: Chain,
    /// Checksum of the record before it.
    pub prev: u32,
    /// Which kind of record.
    kind: &'a str,
    at: Now,
    line: &'a [u8],
}

#[derive(Serialize)]
struct HeadOut<'a, B> {
    seq: u64,
    prev: Crc,
    kind: &'a str,
    wall_ns: u64,
    mono_ns: u64,
    #[serde(flatten)]
    body: B,
}

#[derive(Deserialize)]
struct HeadIn<'a> {
    seq: u64,
    #[serde(borrow)]
    prev: &'a str,
    kind: &'a str,
    wall_ns: u64,
    mono_ns: u64,
}

#[derive(Serialize, Deserialize)]
struct IdsLine {
    until: u64,
}

#[derive(Serialize, Deserialize)]
struct TruncatedLine<'a> {
    #[serde(borrow)]
    file: std::borrow::Cow<'a, str>,
    bytes: u64,
}

#[derive(Serialize)]
struct Empty {}

/// Eight hexadecimal digits.
struct Crc(u32);

impl Serialize for Crc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:08x}", self.0))
    }
}

/// Appends `record` as the next line of the chain to `out`, newline included.
///
/// # Errors
/// An instrument that `names` does not know, or a line beyond [`LINE_BYTES`]; nothing is appended
/// and the chain stays.
pub fn encode(
    record: &Record,
    chain: &mut Chain,
    names: &Names,
    out: &mut Vec<u8>,
) -> Result<(), ContentError> {
    let start = out.len();
    let written = encode_line(record, *chain, names, out);
    let long = out.len() - start > LINE_BYTES;
    if let Some(error) = written.err().or(long.then_some(ContentError::TooLong)) {
        out.truncate(start);
        return Err(error);
    }
    let crc = crc32fast::hash(&out[start + BODY_AT..]);
    let digits = format!("{crc:08x}");
    out[start + CRC_AT.start..start + CRC_AT.end].copy_from_slice(digits.as_bytes());
    out.push(b'\n');
    *chain = Chain { seq: chain.seq + 1, crc };
    Ok(())
}

fn encode_line(
    record: &Record,
    chain: Chain,
    names: &Names,
    out: &mut Vec<u8>,
) -> Result<(), ContentError> {
    let head = (chain, record.at);
    match &record.kind {
        RecordKind::Start(start) => put(out, head, ("start", StartLine::of(start, names)?)),
        RecordKind::Next => put(out, head, ("next", Empty {})),
        RecordKind::Ids { until } => put(out, head, ("ids", IdsLine { until: until.0 })),
        RecordKind::Truncated { file, bytes } => {
            let line = TruncatedLine { file: file.as_str().into(), bytes: *bytes };
            put(out, head, ("truncated", line))
        }
        RecordKind::Stop => put(out, head, ("stop", Empty {})),
        RecordKind::Fact(FactKind::Intent { request, value }) => {
            put(out, head, ("intent", wire::IntentLine::of(request, *value, names)?))
        }
        RecordKind::Fact(FactKind::Order { event, fx }) => {
            put(out, head, ("order", wire::OrderLine::of(event, *fx)))
        }
        RecordKind::Fact(FactKind::Pair { id, change }) => {
            put(out, head, ("pair", wire::PairLine::of(*id, change, names)?))
        }
        RecordKind::Fact(FactKind::Imbalance { part }) => {
            put(out, head, ("imbalance", wire::ImbalanceLine { part_ppm: part.get() }))
        }
    }
}

fn put<B: Serialize>(
    out: &mut Vec<u8>,
    head: (Chain, Now),
    what: (&str, B),
) -> Result<(), ContentError> {
    let (chain, at) = head;
    let (kind, body) = what;
    out.extend_from_slice(BEFORE_CRC);
    out.extend_from_slice(b"00000000\"");
    let comma = out.len();
    let (wall_ns, mono_ns) = (at.wall.0, at.mono.0);
    let (seq, prev) = (chain.seq + 1, Crc(chain.crc));
    let line = HeadOut { seq, prev, kind, wall_ns, mono_ns, body };
    serde_json::to_writer(&mut *out, &line).map_err(ContentError::json)?;
    // The object's own brace becomes the comma behind the checksum.
    out[comma] = b',';
    Ok(())
}

/// Reads a line (without its newline) as far as it proves itself. `None` if it is no record: torn,
/// changed, or not ours.
pub fn frame(line: &[u8]) -> Option<Frame<'_>> {
    let is_framed = line.len() > BODY_AT
        && line.len() <= LINE_BYTES
        && line.starts_with(BEFORE_CRC)
        && line[CRC_AT.end..].starts_with(AFTER_CRC);
    if !is_framed {
        return None;
    }
    let crc = hex(&line[CRC_AT])?;
    if crc32fast::hash(&line[BODY_AT..]) != crc {
        return None;
    }
    let head: HeadIn<'_> = serde_json::from_slice(line).ok()?;
    let at = Now { mono: MonoNs(head.mono_ns), wall: WallNs(head.wall_ns) };
    let link = Chain { seq: head.seq, crc };
    Some(Frame { link, prev: hex(head.prev.as_bytes())?, kind: head.kind, at, line })
}

/// Lower case only: another spelling of the same number is another line.
fn hex(digits: &[u8]) -> Option<u32> {
    let plain = digits.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
    let text = std::str::from_utf8(digits).ok().filter(|text| plain && text.len() == 8)?;
    u32::from_str_radix(text, 16).ok()
}

impl Frame<'_> {
    /// True if it is the record that follows `last`.
    pub fn follows(&self, last: Chain) -> bool {
        self.link.seq == last.seq + 1 && self.prev == last.crc
    }
    /// True for the first record of a process.
    pub fn is_start(&self) -> bool {
        self.kind == "start"
    }
    /// What the record says.
    ///
    /// # Errors
    /// A kind, a field or an instrument that this program or configuration does not know.
    pub fn record(&self, names: &Names) -> Result<Record, ContentError> {
        Ok(Record { at: self.at, kind: self.record_kind(names)? })
    }

    fn record_kind(&self, names: &Names) -> Result<RecordKind, ContentError> {
        let fact = match self.kind {
            "start" => {
                let line: StartLine<'_> = self.body()?;
                return Ok(RecordKind::Start(Box::new(line.start(self.at, names)?)));
            }
            "next" => return Ok(RecordKind::Next),
            "stop" => return Ok(RecordKind::Stop),
            "ids" => {
                let line: IdsLine = self.body()?;
                return Ok(RecordKind::Ids { until: OrderId(line.until) });
            }
            "truncated" => {
                let TruncatedLine { file, bytes } = self.body()?;
                return Ok(RecordKind::Truncated { file: file.into_owned(), bytes });
            }
            "intent" => self.body::<wire::IntentLine<'_>>()?.fact(names)?,
            "order" => self.body::<wire::OrderLine<'_>>()?.fact()?,
            "pair" => self.body::<wire::PairLine<'_>>()?.fact(names)?,
            "imbalance" => self.body::<wire::ImbalanceLine>()?.fact(),
            other => return Err(ContentError::Unknown { what: "kind", name: other.to_owned() }),
        };
        Ok(RecordKind::Fact(fact))
    }

    fn body<'a, B: Deserialize<'a>>(&'a self) -> Result<B, ContentError> {
        serde_json::from_slice(self.line).map_err(ContentError::json)
    }
}
