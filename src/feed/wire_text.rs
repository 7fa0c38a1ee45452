//! The line of a recording (`PRODUCT.md` 12), written. [`crate::feed::tape`] reads it.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Crc;

use crate::feed::tape::RecordKind;
use crate::types::ids::VenueId;
use crate::types::time::WallNs;

/// Appends the line of one record with its newline.
///
/// A frame that does not fit a line (a newline, or no UTF-8) is written in base64. Other payloads
/// are JSON: a newline in those is white space and becomes a blank.
pub fn put_line(
    line: &mut Vec<u8>,
    recv: WallNs,
    (venue, kind): (VenueId, RecordKind),
    payload: &[u8],
) {
    let fits = !payload.contains(&b'\n');
    let name = match kind {
        RecordKind::Ws if fits && std::str::from_utf8(payload).is_ok() => "ws",
        RecordKind::Ws => "ws64",
        RecordKind::RestDepth => "rest_depth",
        RecordKind::Open => "open",
        RecordKind::Close => "close",
    };
    // Writing to a vector does not fail.
    let _ = write!(line, "{} {} {name} ", recv.0, venue.name());
    match name {
        "ws64" => line.extend_from_slice(STANDARD.encode(payload).as_bytes()),
        _ => line.extend(payload.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte })),
    }
    line.push(b'\n');
}

/// CRC-32 of a kind and of what its payload reads as once it was written.
pub fn payload_sum(kind: RecordKind, payload: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(&[kind as u8]);
    if kind == RecordKind::Ws {
        sum.update(payload);
        return sum.sum();
    }
    for part in payload.split_inclusive(|byte| *byte == b'\n') {
        match part.split_last() {
            Some((b'\n', start)) => {
                sum.update(start);
                sum.update(b" ");
            }
            _ => sum.update(part),
        }
    }
    sum.sum()
}

/// CRC-32 of lines as they come, for files whose lines have to be exactly those that were written.
#[derive(Debug, Default)]
pub struct RunningSum(Crc);

impl RunningSum {
    /// Takes more bytes in.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    /// Of everything so far.
    pub fn value(&self) -> u32 {
        self.0.sum()
    }
}
