//! The WebSocket of Upbit and Bithumb: subscriptions, books on their grid, idle cuts. Pure.
//!
//! No acknowledgement; a subscription replaces the one before; an unknown code is passed over in
//! silence; an error is told and the connection closed 150 ms later; 60 s without a sign of the
//! client end in a cut without a close frame.

use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::korean::asked::Asked;
use crate::sim::dialect::korean::asked::Fault;
use crate::sim::dialect::korean::asked::Kind;
use crate::sim::dialect::korean::asked::Want;
use crate::sim::dialect::korean::asked::read;
use crate::sim::dialect::korean::frames::Pen;
use crate::sim::dialect::korean::frames::Stage;
use crate::sim::dialect::korean::seat::KoreanSeat;
use crate::sim::dialect::korean::seat::Line;
use crate::sim::dialect::korean::seat::MOST_LINES;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::quoted;
use crate::sim::dialect::tape::best;
use crate::sim::dialect::tape::deals;
use crate::sim::exchange::book::SimBook;
use crate::sim::exchange::core::Exchange;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// A connection whose client is not heard for so long is cut (measured 60.5 s).
const IDLE: DurNs = DurNs::from_secs(60);
/// Status messages come so often once they were asked for.
const STATUS_EVERY: DurNs = DurNs::from_secs(10);
/// An error is followed by the close after so long.
const CLOSE_AFTER: DurNs = DurNs::from_ms(150);
/// Upbit books come on a grid of so many ms.
const GRID_MS: u64 = 100;
/// Bithumb books come at most every so many ms.
const GAP_MS: u64 = 80;

/// Whose socket it is.
#[derive(Clone, Debug)]
pub struct Talk {
    venue: VenueId,
    /// Codes of the venue's instruments.
    pub codes: Codes,
}

impl Talk {
    /// Of Upbit or Bithumb.
    pub const fn of(venue: VenueId) -> Talk {
        Talk { venue, codes: Codes::of(venue) }
    }
    const fn pen(&self, seat: &KoreanSeat) -> Pen {
        Pen { venue: self.venue, format: seat.format }
    }

    /// A message of the client.
    pub fn message(
        &mut self,
        seat: &mut KoreanSeat,
        text: &[u8],
        at: (&Exchange, SimNow),
    ) -> Vec<Out> {
        let mono = at.1.now.mono;
        self.codes.learn(at.0);
        if seat.closes_at.is_some() {
            return Vec::new();
        }
        if text.trim_ascii() == b"PING" {
            seat.status_at = Some(mono.plus(STATUS_EVERY));
            return vec![status()];
        }
        if !(seat.per_second.take(1, mono) && seat.per_minute.take(1, mono)) {
            let message = "Too many requests.".to_owned();
            return fail(seat, mono, Fault { name: "TOO_MANY_REQUEST", message });
        }
        match read(text, self.venue) {
            Err(fault) => fail(seat, mono, fault),
            Ok(Asked::List { format, ticket }) => {
                seat.format = format;
                vec![binary(self.listed(seat, &ticket))]
            }
            Ok(Asked::Subscribe { wants, .. })
                if !seat.is_private && wants.iter().any(|want| want.kind.is_private()) =>
            {
                let message = "The credentials are not valid.".to_owned();
                fail(seat, mono, Fault { name: "INVALID_AUTH", message })
            }
            Ok(Asked::Subscribe { format, wants }) => {
                seat.format = format;
                self.subscribe(seat, &wants);
                self.flush(seat, at)
            }
        }
    }

    fn subscribe(&self, seat: &mut KoreanSeat, wants: &[Want]) {
        seat.lines.clear();
        seat.own.clear();
        for want in wants {
            let known: Vec<(usize, usize)> = want
                .codes
                .iter()
                .filter_map(|(code, levels)| Some((self.codes.find(code)?, *levels)))
                .collect();
            if want.kind.is_private() {
                seat.own.push((want.kind, known.iter().map(|(at, _)| *at).collect()));
                continue;
            }
            let is_served = want.kind != Kind::Orderbook || want.level <= 1;
            for (instrument, levels) in known.into_iter().filter(|_| is_served) {
                if seat.lines.len() < MOST_LINES {
                    seat.lines.push(Line {
                        kind: want.kind,
                        instrument,
                        levels,
                        owes_snapshot: !want.is_only_realtime,
                        is_live: !want.is_only_snapshot,
                        is_dirty: false,
                        slot: 0,
                        best: None,
                    });
                }
            }
        }
    }

    /// A book has a new image.
    pub fn book(
        &mut self,
        seat: &mut KoreanSeat,
        instrument: usize,
        at: (&Exchange, SimNow),
    ) -> Vec<Out> {
        self.codes.learn(at.0);
        let pen = self.pen(seat);
        let code = self.codes.symbol(instrument);
        let book = at.0.book(instrument);
        let mut out = Vec::new();
        let lines = seat.lines.iter_mut().filter(|line| line.instrument == instrument);
        for line in lines.filter(|line| line.is_live) {
            if line.kind == Kind::Trade {
                for deal in deals(line.best, book) {
                    out.push(binary(pen.trade((code, Stage::Realtime), at.1.wall_ms, deal)));
                }
                line.best = best(book);
            }
            line.is_dirty = true;
        }
        out.extend(self.flush(seat, at));
        out
    }

    /// Sends first frames that are owed, and books whose slot has come.
    fn flush(&self, seat: &mut KoreanSeat, at: (&Exchange, SimNow)) -> Vec<Out> {
        let pen = self.pen(seat);
        let mut out = Vec::new();
        for line in &mut seat.lines {
            let book = at.0.book(line.instrument);
            let Some(best) = best(book) else { continue };
            let slot = self.slot(line.instrument, at.1.wall_ms);
            let is_slot = slot > line.slot || at.0.is_hurried();
            let is_due = line.is_dirty && line.is_live && is_slot;
            let stage = match line.owes_snapshot {
                true => Stage::Snapshot,
                false if is_due => Stage::Realtime,
                false => continue,
            };
            let head = (self.codes.symbol(line.instrument), stage);
            let now_ms = at.1.wall_ms;
            let text = match line.kind {
                Kind::Orderbook => {
                    let time = self.book_time(line.instrument, stage, (book, now_ms));
                    Some(pen.book(head, time, (book, line.levels)))
                }
                Kind::Ticker => Some(pen.ticker(head, now_ms, best.0.price.raw())),
                // A trade is sent when it happens; there is none before the first.
                Kind::Trade | Kind::MyOrder | Kind::MyAsset => None,
            };
            line.best = line.best.or(Some(best));
            (line.owes_snapshot, line.is_dirty, line.slot) = (false, false, slot);
            out.extend(text.map(binary));
        }
        out
    }

    /// Which slot of a code's grid a moment lies in. Each code has its own phase at Upbit.
    const fn slot(&self, instrument: usize, now_ms: u64) -> u64 {
        match self.venue {
            VenueId::Upbit => now_ms.saturating_sub(phase_ms(instrument)) / GRID_MS,
            _ => now_ms / GAP_MS,
        }
    }

    /// The time that a book carries: that of its last change in its first frame, later the slot.
    fn book_time(&self, instrument: usize, stage: Stage, of: (&SimBook, u64)) -> u64 {
        let (book, now_ms) = of;
        match (self.venue, stage) {
            (VenueId::Upbit, Stage::Snapshot) => book.at_ms.min(now_ms),
            (VenueId::Upbit, Stage::Realtime) => {
                self.slot(instrument, now_ms) * GRID_MS + phase_ms(instrument)
            }
            _ => book.at_ms.min(now_ms) * 1_000 + book.update_id % 1_000,
        }
    }

    /// What time alone brings.
    pub fn tick(&self, seat: &mut KoreanSeat, heard: MonoNs, at: (&Exchange, SimNow)) -> Vec<Out> {
        let mono = at.1.now.mono;
        if seat.closes_at.is_some_and(|then| then <= mono) {
            return vec![Out::Close(1000)];
        }
        if mono.since(heard) >= IDLE {
            return vec![Out::Cut];
        }
        let mut out = Vec::new();
        if let Some(due) = seat.status_at.filter(|due| *due <= mono) {
            seat.status_at = Some(due.plus(STATUS_EVERY));
            out.push(status());
        }
        out.extend(self.flush(seat, at));
        out
    }

    fn listed(&self, seat: &KoreanSeat, ticket: &str) -> String {
        let mut groups: Vec<(Kind, Vec<String>)> = Vec::new();
        for line in &seat.lines {
            let code = quoted(self.codes.symbol(line.instrument));
            match groups.iter_mut().find(|(kind, _)| *kind == line.kind) {
                Some((_, codes)) => codes.push(code),
                None => groups.push((line.kind, vec![code])),
            }
        }
        for (kind, codes) in &seat.own {
            groups.push((*kind, codes.iter().map(|at| quoted(self.codes.symbol(*at))).collect()));
        }
        let listed = groups.into_iter().map(|(kind, codes)| {
            let object = Obj::new().text("type", kind.name());
            let object = if codes.is_empty() { object } else { object.raw("codes", list(codes)) };
            let is_book = kind == Kind::Orderbook;
            if is_book { object.raw("level", 0).end() } else { object.end() }
        });
        Obj::new()
            .text("method", "LIST_SUBSCRIPTIONS")
            .raw("result", list(listed))
            .text("ticket", ticket)
            .end()
    }
}

const fn phase_ms(instrument: usize) -> u64 {
    (instrument as u64 * 37 + 6) % GRID_MS
}

fn binary(text: String) -> Out {
    Out::Binary(text.into_bytes())
}

fn status() -> Out {
    binary(r#"{"status":"UP"}"#.to_owned())
}

/// Tells the error; the close follows.
fn fail(seat: &mut KoreanSeat, now: MonoNs, fault: Fault) -> Vec<Out> {
    seat.closes_at = Some(now.plus(CLOSE_AFTER));
    let error = Obj::new().text("name", fault.name).text("message", fault.message).end();
    vec![binary(Obj::new().raw("error", error).end())]
}
