//! The marks beside a recording, as text: one mark a line, fields apart by one blank, numbers
//! decimal, prices and quantities in 10⁻⁸ units.
//!
//! ```text
//! marks 1 <run> <part>          first line of each file: format, run, its number within the run
//! core new|carried              first file only: whether the engine began without a past
//! plan <hash>                   of the engine's limits, in hex; after the lines of the rules
//! rule <instrument> <venue> <name> <lot> <min> <from>:<tick> …
//! i <venue> <number> <mono> <wall> r <crc32>   an input of a feed with a line in the recording
//! i <venue> <number> <mono> <wall> a           a sign of life, which has none
//! x <venue>|marks               something is missing here: from here on nothing can be repeated
//! t <mono> <wall> <permission> <reserved>|- <check>      a turn of the engine
//! e <order> a | f <trade> <price> <qty> q|b <fee> | d <ending> <filled>
//! b <instrument> <number>       a top of book, copied after that input of its feed
//! c <due>                       a cycle closed
//! o <order> <pair> <instrument> <side> <qty> <limit> <purpose> <decided_at> o|b
//! z <trace>                     the end, with the hash of all decisions in hex
//! s <crc32>                     of all lines of this file so far, these apart
//! ```

use std::fmt::Write;

use crate::types::control::Permission;
use crate::types::ids::InstrumentId;
use crate::types::ids::OrderId;
use crate::types::ids::PairId;
use crate::types::ids::TradeId;
use crate::types::ids::VenueId;
use crate::types::mark::Handed;
use crate::types::mark::Mark;
use crate::types::mark::TurnMark;
use crate::types::market::Side;
use crate::types::order::Ending;
use crate::types::order::Fee;
use crate::types::order::Fill;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;
use crate::types::order::Purpose;
use crate::types::order::RejectReason;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;
use crate::types::units::Price;
use crate::types::units::Qty;

/// An input of a feed, without its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InputMark {
    /// Whose.
    pub venue: VenueId,
    /// Its number among those of its feed, from 1.
    pub number: u64,
    /// When it was taken.
    pub at: Now,
    /// CRC-32 of its line's payload; `None` for a sign of life, which has no line.
    pub sum: Option<u32>,
}

/// What is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hole {
    /// Inputs of this venue's feed.
    Input(VenueId),
    /// Marks of the engine.
    Marks,
}

/// A line behind the head of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// Of a feed.
    Input(InputMark),
    /// Of the engine.
    Engine(Mark),
    /// Something is missing.
    Hole(Hole),
}

/// Appends the line of an entry, with its newline.
pub fn put_entry(text: &mut String, entry: &Entry) {
    // Writing to a string does not fail.
    let _ = match entry {
        Entry::Input(InputMark { venue, number, at, sum }) => {
            let _ = write!(text, "i {} {number} {} {} ", venue.name(), at.mono.0, at.wall.0);
            match sum {
                Some(sum) => writeln!(text, "r {sum:08x}"),
                None => writeln!(text, "a"),
            }
        }
        Entry::Hole(Hole::Input(venue)) => writeln!(text, "x {}", venue.name()),
        Entry::Hole(Hole::Marks) => writeln!(text, "x marks"),
        Entry::Engine(mark) => put_mark(text, mark),
    };
}

fn put_mark(text: &mut String, mark: &Mark) -> std::fmt::Result {
    match mark {
        Mark::Turn(TurnMark { now, permission, reserved, check }) => {
            write!(text, "t {} {} {} ", now.mono.0, now.wall.0, *permission as u8)?;
            match reserved {
                Some(until) => write!(text, "{}", until.0)?,
                None => text.push('-'),
            }
            writeln!(text, " {check:04x}")
        }
        Mark::Event(OrderEvent { id, kind }) => {
            write!(text, "e {} ", id.0)?;
            put_event(text, kind)
        }
        Mark::Top { instrument, frame } => writeln!(text, "b {} {frame}", instrument.0),
        Mark::Cycle { due_at } => writeln!(text, "c {}", due_at.0),
        Mark::Request { request, handed } => {
            let OrderRequest { id, pair, instrument, side, .. } = request;
            write!(text, "o {} {} {} {} ", id.0, pair.0, instrument.0, side.name())?;
            let OrderRequest { qty, limit, purpose, decided_at, .. } = request;
            write!(text, "{} {} {} ", qty.raw(), limit.raw(), *purpose as u8)?;
            let handed = if *handed == Handed::Over { 'o' } else { 'b' };
            writeln!(text, "{} {handed}", decided_at.0)
        }
        Mark::End { trace } => writeln!(text, "z {trace:016x}"),
    }
}

fn put_event(text: &mut String, kind: &OrderEventKind) -> std::fmt::Result {
    match kind {
        OrderEventKind::Ack => writeln!(text, "a"),
        OrderEventKind::Fill(Fill { trade, price, qty, fee }) => {
            write!(text, "f {} {} {} ", trade.0, price.raw(), qty.raw())?;
            match fee {
                Fee::Quote(raw) => writeln!(text, "q {raw}"),
                Fee::Base(qty) => writeln!(text, "b {}", qty.raw()),
            }
        }
        OrderEventKind::Done { ending, filled } => {
            writeln!(text, "d {} {}", ending_code(*ending), filled.raw())
        }
    }
}

const ENDINGS: [Ending; 7] = [
    Ending::Filled,
    Ending::Cancelled,
    Ending::Rejected(RejectReason::Balance),
    Ending::Rejected(RejectReason::Filter),
    Ending::Rejected(RejectReason::Venue),
    Ending::Rejected(RejectReason::Gate),
    Ending::Rejected(RejectReason::StaleQuote),
];
const PERMISSIONS: [Permission; 4] =
    [Permission::Query, Permission::Reduce, Permission::Finish, Permission::Trade];
const PURPOSES: [Purpose; 3] = [Purpose::Entry, Purpose::Exit, Purpose::Hedge];

const fn ending_code(ending: Ending) -> u8 {
    match ending {
        Ending::Filled => 0,
        Ending::Cancelled => 1,
        Ending::Rejected(reason) => 2 + reason as u8,
    }
}

/// Reads the line of an entry. `None` if it is none.
pub fn entry(line: &str) -> Option<Entry> {
    let mut fields = Fields(line.split(' '));
    let entry = match fields.next()? {
        "i" => Entry::Input(fields.input()?),
        "x" => Entry::Hole(match fields.next()? {
            "marks" => Hole::Marks,
            venue => Hole::Input(VenueId::from_name(venue)?),
        }),
        "t" => Entry::Engine(Mark::Turn(fields.turn()?)),
        "e" => Entry::Engine(Mark::Event(fields.event()?)),
        "b" => Entry::Engine(Mark::Top {
            instrument: InstrumentId(fields.number()?),
            frame: fields.number()?,
        }),
        "c" => Entry::Engine(Mark::Cycle { due_at: MonoNs(fields.number()?) }),
        "o" => Entry::Engine(fields.request()?),
        "z" => Entry::Engine(Mark::End { trace: fields.hex()? }),
        _ => return None,
    };
    fields.next().is_none().then_some(entry)
}

struct Fields<'l>(std::str::Split<'l, char>);

impl<'l> Fields<'l> {
    fn next(&mut self) -> Option<&'l str> {
        self.0.next()
    }
    fn number<N: std::str::FromStr>(&mut self) -> Option<N> {
        self.next()?.parse().ok()
    }
    fn hex(&mut self) -> Option<u64> {
        u64::from_str_radix(self.next()?, 16).ok()
    }
    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.number::<usize>()?).copied()
    }
    fn now(&mut self) -> Option<Now> {
        Some(Now { mono: MonoNs(self.number()?), wall: WallNs(self.number()?) })
    }
    fn qty(&mut self) -> Option<Qty> {
        Qty::from_raw(self.number()?)
    }
    fn input(&mut self) -> Option<InputMark> {
        let venue = VenueId::from_name(self.next()?)?;
        let (number, at) = (self.number()?, self.now()?);
        let sum = match self.next()? {
            "r" => Some(u32::try_from(self.hex()?).ok()?),
            "a" => None,
            _ => return None,
        };
        Some(InputMark { venue, number, at, sum })
    }
    fn turn(&mut self) -> Option<TurnMark> {
        let (now, permission) = (self.now()?, self.one_of(&PERMISSIONS)?);
        let reserved = match self.next()? {
            "-" => None,
            until => Some(OrderId(until.parse().ok()?)),
        };
        Some(TurnMark { now, permission, reserved, check: u16::try_from(self.hex()?).ok()? })
    }
    fn event(&mut self) -> Option<OrderEvent> {
        let id = OrderId(self.number()?);
        let kind = match self.next()? {
            "a" => OrderEventKind::Ack,
            "f" => OrderEventKind::Fill(self.fill()?),
            "d" => OrderEventKind::Done { ending: self.one_of(&ENDINGS)?, filled: self.qty()? },
            _ => return None,
        };
        Some(OrderEvent { id, kind })
    }
    fn fill(&mut self) -> Option<Fill> {
        let trade = TradeId(self.number()?);
        let (price, qty) = (Price::from_raw(self.number()?)?, self.qty()?);
        let fee = match self.next()? {
            "q" => Fee::Quote(self.number()?),
            "b" => Fee::Base(self.qty()?),
            _ => return None,
        };
        Some(Fill { trade, price, qty, fee })
    }
    fn request(&mut self) -> Option<Mark> {
        let (id, pair) = (OrderId(self.number()?), PairId(self.number()?));
        let instrument = InstrumentId(self.number()?);
        let side = match self.next()? {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return None,
        };
        let (qty, limit) = (self.qty()?, Price::from_raw(self.number()?)?);
        let (purpose, decided_at) = (self.one_of(&PURPOSES)?, MonoNs(self.number()?));
        let handed = match self.next()? {
            "o" => Handed::Over,
            "b" => Handed::Back,
            _ => return None,
        };
        let request = OrderRequest { id, pair, instrument, side, qty, limit, purpose, decided_at };
        Some(Mark::Request { request, handed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_reads_back_as_it_was_written() {
        let now = Now { mono: MonoNs(315_360_000_000_000_001), wall: WallNs(u64::MAX) };
        let price = Price::from_raw(8_600_000_000_000_000).expect("positive");
        let qty = Qty::from_raw(12_345).expect("not negative");
        let fill = |fee| OrderEventKind::Fill(Fill { trade: TradeId(9), price, qty, fee });
        let mut kinds = vec![OrderEventKind::Ack, fill(Fee::Quote(-3)), fill(Fee::Base(qty))];
        kinds.extend(ENDINGS.map(|ending| OrderEventKind::Done { ending, filled: qty }));
        let mut entries: Vec<Entry> = kinds
            .into_iter()
            .map(|kind| Entry::Engine(Mark::Event(OrderEvent { id: OrderId(4), kind })))
            .collect();
        for (permission, reserved) in
            PERMISSIONS.into_iter().zip([None, Some(OrderId(0))].repeat(2))
        {
            let turn = TurnMark { now, permission, reserved, check: 0x0a0b };
            entries.push(Entry::Engine(Mark::Turn(turn)));
        }
        for (purpose, handed) in
            PURPOSES.into_iter().zip([Handed::Over, Handed::Back, Handed::Over])
        {
            let request = OrderRequest {
                id: OrderId(1),
                pair: PairId(2),
                instrument: InstrumentId(31),
                side: if handed == Handed::Over { Side::Buy } else { Side::Sell },
                qty,
                limit: price,
                purpose,
                decided_at: now.mono,
            };
            entries.push(Entry::Engine(Mark::Request { request, handed }));
        }
        entries.push(Entry::Engine(Mark::Top { instrument: InstrumentId(3), frame: 77 }));
        entries.push(Entry::Engine(Mark::Cycle { due_at: MonoNs(5) }));
        entries.push(Entry::Engine(Mark::End { trace: u64::MAX - 1 }));
        for venue in VenueId::ALL {
            let input = InputMark { venue, number: 1, at: now, sum: Some(0x00ab_cdef) };
            entries.push(Entry::Input(input));
            entries.push(Entry::Input(InputMark { sum: None, ..input }));
            entries.push(Entry::Hole(Hole::Input(venue)));
        }
        entries.push(Entry::Hole(Hole::Marks));
        for written in entries {
            let mut text = String::new();
            put_entry(&mut text, &written);
            let line = text.strip_suffix('\n').expect("a line");
            assert_eq!(entry(line), Some(written), "{line}");
            for cut in 0..line.len() {
                if let Some(other) = entry(&line[..cut]) {
                    assert_ne!(other, written, "{line}");
                }
            }
            assert_eq!(entry(&format!("{line} ")), None);
        }
    }
}
