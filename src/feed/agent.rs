//! A venue's feed: frames into books, books onto the links, every frame counted once.
//!
//! A link that is full keeps its instruments marked; the next flush sends their newest tops. What
//! a reader missed in between is counted as [`Counter::BooksReplaced`], and the top that comes in
//! its stead says how many it stands for and since when.
//!
//! A quiet book stays fresh while its venue's connection lives, so readers have to hear of that
//! too: when frames arrive of which none publishes anything, one top of the venue is sent again
//! each second.

use crate::feed::books::Books;
use crate::feed::books::Outcome;
use crate::feed::halt;
use crate::feed::peek::Peeked;
use crate::feed::slot::Change;
use crate::feed::slot::Trading;
use crate::feed::tap::Input;
use crate::feed::tap::Tap;
use crate::feed::tape::RecordKind;
use crate::runtime::agent::Turn;
use crate::runtime::link::Tx;
use crate::types::counters::Counter;
use crate::types::counters::Pen;
use crate::types::counters::Tally;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::venue::DecodeError;
use crate::venue::FrameKind;

const _: () = assert!(limit::INSTRUMENTS <= 64, "unsent tops are tracked in one u64 bit set");

/// Readers hear at least this often of a connection on which frames arrive. A small part of the
/// seconds for which `risk.alive_within_ms` believes it.
const LIFE_SIGN_EVERY: DurNs = DurNs::from_secs(1);

/// A connection event without more to say about it.
const NO_DETAIL: &[u8] = b"{}";

const RESYNC: Change = Change::Image { resynced: true };

/// One venue's feed without its socket.
pub struct Feed {
    books: Books,
    pen: Pen,
    outlets: Vec<Outlet>,
    published_at: MonoNs,
    /// Inputs of the books so far: frames, connection events, signs of life.
    inputs: u64,
    /// Where each of them is copied to while the run is recorded.
    tap: Option<Tap>,
}

/// One link and the instruments whose newest top it has not taken yet.
struct Outlet {
    link: Tx<BookTop>,
    unsent: u64,
    /// What the tops of those instruments wait since.
    since: [Since; limit::INSTRUMENTS],
    /// It leads to the engine: what goes there is counted.
    is_engine: bool,
}

/// Since when an unsent top and those that it replaced wait.
#[derive(Clone, Copy, Default)]
struct Since {
    arrived_at: MonoNs,
    oldest_at: MonoNs,
    merged: u32,
}

impl Feed {
    /// A feed that publishes every change of these books to each of the links. The last link is the
    /// engine's.
    pub fn new(books: Books, links: Vec<Tx<BookTop>>) -> Feed {
        assert!(books.len() <= limit::INSTRUMENTS, "unsent tops are one bit an instrument");
        let mut outlets: Vec<Outlet> = links.into_iter().map(Outlet::new).collect();
        if let Some(last) = outlets.last_mut() {
            last.is_engine = true;
        }
        let published_at = MonoNs(0);
        Feed { books, pen: Pen::new(), outlets, published_at, inputs: 0, tap: None }
    }
    /// The same, with every input of its books recorded.
    pub fn tapped(self, tap: Option<Tap>) -> Feed {
        Feed { tap, ..self }
    }

    /// One frame. Publishes on a committed image, a ticker taken over and a changed validity; on
    /// any other frame a sign of life, if nothing was published for a second.
    pub fn on_frame(&mut self, kind: FrameKind, payload: &[u8], now: Now) -> Outcome {
        let record = match kind {
            FrameKind::Ws => RecordKind::Ws,
            FrameKind::RestDepth => RecordKind::RestDepth,
        };
        self.count(Input::Record(record), payload, now);
        let outcome = self.books.on_frame(kind, payload, now);
        self.follow(&outcome, payload, now);
        outcome
    }

    /// The body of a snapshot that was requested for that instrument. If it cannot be its, nothing
    /// happens. A recording does not say for which one it was; whoever replays it goes by numbers
    /// and prices, which tell instruments apart unless two of them count alike.
    pub fn on_snapshot(&mut self, slot: usize, body: &[u8], now: Now) -> Outcome {
        let Some(last_id) = self.books.snapshot_of(slot, body) else { return Outcome::Unplaced };
        self.count(Input::Record(RecordKind::RestDepth), body, now);
        let outcome = self.books.place(slot, last_id, now);
        self.follow(&outcome, body, now);
        outcome
    }

    /// The connection opened: every book waits for its first image.
    pub fn on_open(&mut self, now: Now) {
        self.count(Input::Record(RecordKind::Open), NO_DETAIL, now);
        self.books.on_open(now);
        self.publish_all(now);
    }

    /// The connection closed: no book may be used.
    pub fn on_close(&mut self, now: Now) {
        self.count(Input::Record(RecordKind::Close), NO_DETAIL, now);
        self.books.on_close();
        self.publish_all(now);
    }

    /// Whether an instrument may be traded changed. In a recording this is a `close` or an `open`
    /// line that names the venue's symbol.
    pub fn on_trading(&mut self, slot: usize, trading: Trading, now: Now) {
        let kind = match trading {
            Trading::Open => RecordKind::Open,
            Trading::Halted => RecordKind::Close,
        };
        let detail = halt::detail(self.books.symbol(slot));
        self.count(Input::Record(kind), detail.as_bytes(), now);
        self.books.set_trading(slot, trading);
        self.publish(slot, now);
    }

    /// A line of a recording.
    pub fn on_record(&mut self, kind: RecordKind, payload: &[u8], now: Now) {
        let of_symbol = || {
            let symbol = halt::symbol(payload)?;
            (0..self.books.len()).find(|slot| self.books.symbol(*slot) == symbol)
        };
        match (kind, of_symbol()) {
            (RecordKind::Ws, _) => drop(self.on_frame(FrameKind::Ws, payload, now)),
            (RecordKind::RestDepth, _) => drop(self.on_frame(FrameKind::RestDepth, payload, now)),
            (RecordKind::Open, Some(slot)) => self.on_trading(slot, Trading::Open, now),
            (RecordKind::Close, Some(slot)) => self.on_trading(slot, Trading::Halted, now),
            (RecordKind::Open, None) => self.on_open(now),
            (RecordKind::Close, None) => self.on_close(now),
        }
    }

    /// A sign of life without a frame: a pong. Quiet books stay fresh by it.
    pub fn on_alive(&mut self, now: Now) {
        self.count(Input::Alive, &[], now);
        self.books.on_alive(now);
        self.show_life(now);
    }

    /// Sends what a full link could not take before. `Worked` if anything went out.
    pub fn flush(&mut self) -> Turn {
        let mut turn = Turn::Idle;
        for outlet in &mut self.outlets {
            while outlet.unsent != 0 {
                let slot = outlet.unsent.trailing_zeros() as usize;
                if !outlet.send(slot, self.books.top(slot), self.inputs) {
                    break;
                }
                turn = Turn::Worked;
            }
        }
        turn
    }

    /// What a frame is of, as [`Books::peek`].
    pub fn peek(&mut self, payload: &[u8]) -> Peeked {
        self.books.peek(payload)
    }
    /// Counts what happened around its frames.
    pub fn tell(&mut self, counter: Counter) {
        self.pen.add(counter, 1);
    }
    /// Tops for the engine that its link has not taken yet.
    pub fn held(&self) -> u32 {
        let engines = self.outlets.iter().filter(|outlet| outlet.is_engine);
        engines.map(|outlet| outlet.unsent.count_ones()).sum()
    }
    /// When the newest frame of an instrument was sent, as [`Books::take_sent_ms`].
    pub fn take_sent_ms(&mut self, slot: usize) -> Option<u64> {
        self.books.take_sent_ms(slot)
    }
    /// The books, for looking into them.
    pub const fn books(&self) -> &Books {
        &self.books
    }
    /// The present top of an instrument's book.
    pub fn top(&mut self, slot: usize) -> &BookTop {
        self.books.top(slot)
    }
    /// Inputs of its books so far: frames, connection events, signs of life.
    pub const fn inputs(&self) -> u64 {
        self.inputs
    }
    /// Hash of everything decoded so far.
    pub const fn digest(&self) -> u64 {
        self.books.digest()
    }
    /// A reading end of this feed's counters.
    pub fn tally(&self) -> Tally {
        self.pen.tally()
    }

    /// Every input of the books is counted before it acts, and copied while the run is recorded.
    fn count(&mut self, input: Input, payload: &[u8], now: Now) {
        self.inputs += 1;
        if let Some(tap) = &mut self.tap {
            tap.offer(input, payload, (self.inputs, now));
        }
    }

    /// Counts what a frame came to, and tells readers of it.
    fn follow(&mut self, outcome: &Outcome, payload: &[u8], now: Now) {
        self.pen.add(Counter::Frames, 1);
        self.pen.add(Counter::FrameBytes, payload.len() as u64);
        self.pen.add(counter_of(outcome), 1);
        let resynced = matches!(outcome, Outcome::Book { change: RESYNC, .. });
        self.pen.add(Counter::Resyncs, u64::from(resynced));
        if let Outcome::Book { slot, change: Change::Image { .. } } = outcome {
            self.pen.add(Counter::RepeatedBooks, u64::from(self.books.is_repeat(*slot)));
        }
        match news_of(outcome) {
            Some(slot) => self.publish(slot, now),
            None => self.show_life(now),
        }
    }

    fn publish_all(&mut self, now: Now) {
        for slot in 0..self.books.len() {
            self.publish(slot, now);
        }
    }

    /// Sends the venue's first top again, unchanged but for when the connection showed life. Where
    /// a link is full, what waits for it will say so.
    fn show_life(&mut self, now: Now) {
        if self.books.is_empty() || now.mono.since(self.published_at) < LIFE_SIGN_EVERY {
            return;
        }
        self.published_at = now.mono;
        let top = self.books.publish(0, now.mono);
        for outlet in self.outlets.iter_mut().filter(|outlet| outlet.unsent == 0) {
            outlet.publish(0, (top, self.inputs), &mut self.pen);
        }
    }

    fn publish(&mut self, slot: usize, now: Now) {
        self.published_at = now.mono;
        let top = self.books.publish(slot, now.mono);
        for outlet in &mut self.outlets {
            outlet.publish(slot, (top, self.inputs), &mut self.pen);
        }
    }
}

impl Outlet {
    fn new(link: Tx<BookTop>) -> Outlet {
        let since = [Since::default(); limit::INSTRUMENTS];
        Outlet { link, unsent: 0, since, is_engine: false }
    }
    /// Sends a new top, made after so many inputs, which takes the place of one that waits.
    fn publish(&mut self, slot: usize, (top, inputs): (&BookTop, u64), pen: &mut Pen) {
        let replaces = self.unsent & 1 << slot != 0;
        pen.add(Counter::BooksReplaced, u64::from(replaces));
        if self.is_engine {
            pen.add(Counter::Published, 1);
            pen.add(Counter::Conflated, u64::from(replaces));
        }
        let (arrived_at, older) = (top.arrived_at, self.since[slot]);
        self.since[slot] = match replaces {
            true => Since { arrived_at, merged: older.merged.saturating_add(1), ..older },
            false => Since { arrived_at, oldest_at: arrived_at, merged: 0 },
        };
        self.send(slot, top, inputs);
    }
    /// True if the link took the top; else it stays unsent. A sign of life may have renewed what
    /// waits, but not since when it does.
    fn send(&mut self, slot: usize, top: &BookTop, inputs: u64) -> bool {
        let Since { arrived_at, oldest_at, merged } = self.since[slot];
        let mut top = top.clone();
        (top.arrived_at, top.oldest_at, top.merged) = (arrived_at, oldest_at, merged);
        top.frame = inputs;
        let is_sent = self.link.send(top).is_ok();
        self.unsent = self.unsent & !(1 << slot) | u64::from(!is_sent) << slot;
        is_sent
    }
}

/// The instrument of which readers have to be told something new.
fn news_of(outcome: &Outcome) -> Option<usize> {
    let Outcome::Book { slot, change } = outcome else { return None };
    match change {
        Change::Image { .. } | Change::Ticker(_) | Change::Gap | Change::Broken(_) => Some(*slot),
        Change::Held | Change::Old | Change::Stale | Change::Refused(_) => None,
    }
}

fn counter_of(outcome: &Outcome) -> Counter {
    match outcome {
        Outcome::Trade { .. } | Outcome::Trades { .. } => Counter::Trades,
        Outcome::Control(_) => Counter::Controls,
        Outcome::Unknown => Counter::UnknownSymbols,
        Outcome::Unplaced => Counter::StaleSnapshots,
        Outcome::Rejected(why) => rejected(why),
        Outcome::Book { change, .. } => match change {
            Change::Image { .. } => Counter::Books,
            Change::Ticker(_) => Counter::Tickers,
            Change::Held => Counter::HeldDiffs,
            Change::Old => Counter::OldDiffs,
            Change::Stale => Counter::StaleSnapshots,
            Change::Gap => Counter::Gaps,
            Change::Refused(why) | Change::Broken(why) => rejected(why),
        },
    }
}

fn rejected(why: &DecodeError) -> Counter {
    match why {
        DecodeError::Malformed => Counter::RejectedMalformed,
        DecodeError::TooLarge => Counter::RejectedTooLarge,
        DecodeError::TooDeep => Counter::RejectedTooDeep,
        DecodeError::Utf8 => Counter::RejectedUtf8,
        DecodeError::Number(_) => Counter::RejectedNumber,
        DecodeError::Value => Counter::RejectedValue,
        DecodeError::Unsorted => Counter::RejectedUnsorted,
        DecodeError::Crossed => Counter::RejectedCrossed,
        DecodeError::Empty => Counter::RejectedEmpty,
        DecodeError::Overflow => Counter::RejectedOverflow,
        DecodeError::Time => Counter::RejectedTime,
    }
}
