//! `arb decode`: one normalised event per line as JSON, from the raw frames of one venue.
//!
//! A committed book image is a line without an `event` key; everything else has one. Memory is
//! bounded by the books; a reader that closes the pipe ends the command quietly.

use std::io;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;

use crate::feed::books::Books;
use crate::feed::books::Outcome;
use crate::feed::books::Trade;
use crate::feed::slot::Change;
use crate::feed::tape::Damage;
use crate::feed::tape::Record;
use crate::feed::tape::RecordKind;
use crate::feed::tape::Tape;
use crate::types::ids::VenueId;
use crate::types::market::Level;
use crate::types::market::Ticker;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::venue::FrameKind;

const OUTPUT_BUFFER_BYTES: usize = 1 << 17;
const EXIT_DAMAGED: u8 = 65;
const EXIT_IO: u8 = 74;

/// Prints the events of `venue` in the recording; books with all levels, or the best `levels`.
///
/// # Errors
/// [`CliError`]. A closed output pipe is none.
pub fn decode(
    file: &Path,
    venue: VenueId,
    levels: Option<usize>,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let mut tape = Tape::open(file).map_err(|error| unreadable(file, &error.to_string()))?;
    let levels = levels.unwrap_or(usize::MAX);
    let out = BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, out);
    let mut printer = Printer { books: Books::discovering(venue), levels, out };
    let read = loop {
        match tape.next_record() {
            Ok(Some(record)) if record.venue != venue => {}
            Ok(Some(record)) => {
                if let Err(error) = printer.on_record(&record) {
                    return unwritable(&error);
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = printer.out.flush() {
        return unwritable(&error);
    }
    read.map_err(|error| match error.why {
        Damage::Io(kind) => unreadable(file, &kind.to_string()),
        _ => CliError {
            message: format!("{}: {error}", file.display()),
            hint: "what stands before that line was decoded; record again or cut the file there",
            exit_code: EXIT_DAMAGED,
        },
    })
}

fn unreadable(file: &Path, why: &str) -> CliError {
    CliError {
        message: format!("{}: cannot be read: {why}", file.display()),
        hint: "name an existing recording (plain text, or gzip with a name that ends in .gz)",
        exit_code: EXIT_IO,
    }
}

fn unwritable(error: &io::Error) -> Result<(), CliError> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(CliError {
        message: format!("the output cannot be written: {error}"),
        hint: "free space or choose another destination",
        exit_code: EXIT_IO,
    })
}

/// The books and where their events are written.
struct Printer<W: Write> {
    books: Books,
    levels: usize,
    out: W,
}

impl<W: Write> Printer<W> {
    fn on_record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let now = Now { mono: MonoNs(record.recv.0), wall: record.recv };
        let kind = match record.kind {
            RecordKind::Ws => FrameKind::Ws,
            RecordKind::RestDepth => FrameKind::RestDepth,
            RecordKind::Open => {
                self.books.on_open(now);
                return self.event(record, "open", None, "");
            }
            RecordKind::Close => {
                self.books.on_close();
                return self.event(record, "close", None, "");
            }
        };
        let outcome = self.books.on_frame(kind, record.payload, now);
        self.on_outcome(record, &outcome)
    }

    fn on_outcome(&mut self, record: &Record<'_>, outcome: &Outcome) -> io::Result<()> {
        match outcome {
            Outcome::Book { slot, change } => self.on_change(record, *slot, change),
            Outcome::Trade { slot, trade } => {
                self.event(record, "trade", Some(*slot), &trade_detail(trade))
            }
            Outcome::Control { is_error: true } => self.event(record, "error", None, ""),
            Outcome::Control { is_error: false } => self.event(record, "control", None, ""),
            Outcome::Rejected(why) => {
                self.event(record, "rejected", None, &format!(r#","why":"{why}""#))
            }
            Outcome::Unknown => self.event(record, "unknown_symbol", None, ""),
        }
    }

    fn on_change(&mut self, record: &Record<'_>, slot: usize, what: &Change) -> io::Result<()> {
        let at = Some(slot);
        match what {
            Change::Image { .. } => self.image(record, slot),
            Change::Ticker(ticker) => self.event(record, "ticker", at, &ticker_detail(ticker)),
            Change::Held => self.event(record, "held", at, ""),
            Change::Old => self.event(record, "old", at, ""),
            Change::Stale => self.event(record, "stale_snapshot", at, ""),
            Change::Gap => self.event(record, "gap", at, ""),
            Change::Refused(why) | Change::Broken(why) => {
                self.event(record, "rejected", at, &format!(r#","why":"{why}""#))
            }
        }
    }

    fn image(&mut self, record: &Record<'_>, slot: usize) -> io::Result<()> {
        let Printer { books, levels, out } = self;
        let (book, name) = (books.whole(slot), books.name(slot));
        let (recv, venue) = (record.recv.0, record.venue.name());
        write!(out, r#"{{"recv_ns":{recv},"venue":"{venue}","instrument":"{name}","#)?;
        write!(out, r#""venue_ts_ms":{}"#, OrNull(book.venue_ts_ms()))?;
        out.write_all(br#","bids":["#)?;
        write_levels(out, book.bids().take(*levels))?;
        out.write_all(br#"],"asks":["#)?;
        write_levels(out, book.asks().take(*levels))?;
        writeln!(out, r#"],"update_id":{}}}"#, OrNull(book.update_id()))
    }

    fn event(
        &mut self,
        record: &Record<'_>,
        event: &str,
        slot: Option<usize>,
        detail: &str,
    ) -> io::Result<()> {
        let (recv, venue) = (record.recv.0, record.venue.name());
        write!(self.out, r#"{{"recv_ns":{recv},"venue":"{venue}","event":"{event}""#)?;
        if let Some(slot) = slot {
            write!(self.out, r#","instrument":"{}""#, self.books.name(slot))?;
        }
        writeln!(self.out, "{detail}}}")
    }
}

fn write_levels(out: &mut impl Write, levels: impl Iterator<Item = Level>) -> io::Result<()> {
    for (at, level) in levels.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(out, r#"{comma}["{}","{}"]"#, level.price, level.qty)?;
    }
    Ok(())
}

fn trade_detail(trade: &Trade) -> String {
    let Trade { price, qty, taker, trade_id, venue_ts_ms } = trade;
    let taker = taker.name();
    format!(
        r#","venue_ts_ms":{venue_ts_ms},"price":"{price}","qty":"{qty}","taker":"{taker}","trade_id":{trade_id}"#
    )
}

fn ticker_detail(ticker: &Ticker) -> String {
    let Ticker { update_id, bid, ask } = ticker;
    format!(
        r#","update_id":{update_id},"bid":["{}","{}"],"ask":["{}","{}"]"#,
        bid.price, bid.qty, ask.price, ask.qty
    )
}

/// A number, or `null` where there is none.
struct OrNull(Option<u64>);

impl std::fmt::Display for OrNull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("null"),
        }
    }
}
