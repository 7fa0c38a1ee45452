//! `arb decode`: one normalised event per line as JSON, from the raw frames of one venue.
//!
//! A committed book image is a line without an `event` key; everything else has one. Memory is
//! bounded by the books; a reader that closes the pipe ends the command quietly.

use std::fmt::Display;
use std::io;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::feed::books::Books;
use crate::feed::books::Outcome;
use crate::feed::slot::Change;
use crate::feed::tape::Damage;
use crate::feed::tape::Record;
use crate::feed::tape::RecordKind;
use crate::feed::tape::Tape;
use crate::feed::tape::TapeError;
use crate::types::ids::VenueId;
use crate::types::market::Level;
use crate::types::market::Ticker;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::FrameKind;
use crate::venue::PublicTrade;

const OUTPUT_BUFFER_BYTES: usize = 1 << 17;

/// Prints the events of `venue` in the recording; books with all levels, or the best `levels`.
///
/// # Errors
/// [`CliError`]. A closed output pipe is none.
pub fn decode(
    file: &Path,
    venue: VenueId,
    levels: Option<usize>,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let mut tape = Tape::open(file).map_err(|error| unreadable(file, &error))?;
    let levels = levels.unwrap_or(usize::MAX);
    let out = BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, out);
    let mut printer = Printer { books: Books::discovering(venue), levels, out };
    let read = loop {
        match tape.next_record() {
            Ok(Some(record)) if record.venue != venue => {}
            Ok(Some(record)) => {
                if let Err(error) = printer.on_record(&record) {
                    return output::ended(&error);
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = printer.out.flush() {
        return output::ended(&error);
    }
    read.map(|()| Exit::Done).map_err(|error| damaged(file, &error))
}

/// What a recording that ends before its end says to whoever reads it.
pub fn damaged(file: &Path, error: &TapeError) -> CliError {
    if let Damage::Io(kind) = error.why {
        return unreadable(file, &kind);
    }
    let hint = "what stands before that line was used; record again or cut the file there";
    CliError::new(Exit::BadData, format!("{}: {error}", file.display()), hint)
}

/// What a recording that cannot be read at all says.
pub fn unreadable(file: &Path, why: &impl Display) -> CliError {
    let hint = "name an existing recording (plain text, or gzip with a name that ends in .gz)";
    CliError::new(Exit::Io, format!("{}: cannot be read: {why}", file.display()), hint)
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
                return self.note(record, &Note::bare("open", None));
            }
            RecordKind::Close => {
                self.books.on_close();
                return self.note(record, &Note::bare("close", None));
            }
        };
        match self.books.on_frame(kind, record.payload, now) {
            Outcome::Book { slot, change: Change::Image { .. } } => self.image(record, slot),
            Outcome::Trades { slot } => self.trades(record, slot),
            outcome => self.note(record, &Note::of(&outcome)),
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

    fn trades(&mut self, record: &Record<'_>, slot: usize) -> io::Result<()> {
        let notes: Vec<Note> =
            self.books.trades().iter().map(|trade| Note::of_trade(slot, trade)).collect();
        notes.iter().try_for_each(|note| self.note(record, note))
    }

    fn note(&mut self, record: &Record<'_>, note: &Note) -> io::Result<()> {
        let (recv, venue, event) = (record.recv.0, record.venue.name(), note.event);
        write!(self.out, r#"{{"recv_ns":{recv},"venue":"{venue}","event":"{event}""#)?;
        if let Some(slot) = note.slot {
            write!(self.out, r#","instrument":"{}""#, self.books.name(slot))?;
        }
        writeln!(self.out, "{}}}", note.detail)
    }
}

/// A line that is no book.
struct Note {
    event: &'static str,
    slot: Option<usize>,
    /// Further keys, each with its comma before it.
    detail: String,
}

impl Note {
    fn bare(event: &'static str, slot: Option<usize>) -> Note {
        Note { event, slot, detail: String::new() }
    }
    fn rejected(why: &DecodeError, slot: Option<usize>) -> Note {
        Note { event: "rejected", slot, detail: format!(r#","why":"{why}""#) }
    }
    fn of(outcome: &Outcome) -> Note {
        match outcome {
            Outcome::Book { slot, change } => Note::of_change(*slot, change),
            Outcome::Trade { slot, trade } => Note::of_trade(*slot, trade),
            Outcome::Trades { slot } => Note::bare("trades", Some(*slot)),
            Outcome::Control(Control::Error) => Note::bare("error", None),
            Outcome::Control(_) => Note::bare("control", None),
            Outcome::Rejected(why) => Note::rejected(why, None),
            Outcome::Unknown => Note::bare("unknown_symbol", None),
            Outcome::Unplaced => Note::bare("stale", None),
        }
    }
    fn of_change(slot: usize, change: &Change) -> Note {
        let slot = Some(slot);
        match change {
            Change::Image { .. } => Note::bare("image", slot),
            Change::Ticker(ticker) => Note::of_ticker(slot, ticker),
            Change::Held => Note::bare("held", slot),
            Change::Old => Note::bare("old", slot),
            Change::Stale => Note::bare("stale_snapshot", slot),
            Change::Gap => Note::bare("gap", slot),
            Change::Refused(why) | Change::Broken(why) => Note::rejected(why, slot),
        }
    }
    fn of_ticker(slot: Option<usize>, ticker: &Ticker) -> Note {
        let Ticker { update_id, bid, ask } = ticker;
        let bid = format!(r#""bid":["{}","{}"]"#, bid.price, bid.qty);
        let ask = format!(r#""ask":["{}","{}"]"#, ask.price, ask.qty);
        Note { event: "ticker", slot, detail: format!(r#","update_id":{update_id},{bid},{ask}"#) }
    }
    fn of_trade(slot: usize, trade: &PublicTrade) -> Note {
        let PublicTrade { price, qty, taker, trade_id, venue_ts_ms } = trade;
        let time = format!(r#""venue_ts_ms":{venue_ts_ms},"trade_id":{trade_id}"#);
        let what = format!(r#""price":"{price}","qty":"{qty}","taker":"{}""#, taker.name());
        Note { event: "trade", slot: Some(slot), detail: format!(",{time},{what}") }
    }
}

fn write_levels(out: &mut impl Write, levels: impl Iterator<Item = Level>) -> io::Result<()> {
    for (at, level) in levels.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(out, r#"{comma}["{}","{}"]"#, level.price, level.qty)?;
    }
    Ok(())
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
