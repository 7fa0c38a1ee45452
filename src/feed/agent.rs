//! A venue's feed: frames into books, books onto the links, every frame counted once.
//!
//! A link that is full keeps its instruments marked; the next flush sends their newest tops. What
//! a reader missed in between is counted as [`Counter::BooksReplaced`].
//!
//! A quiet book stays fresh while its venue's connection lives, so readers have to hear of that
//! too: when frames arrive of which none publishes anything, one top of the venue is sent again
//! each second.

use crate::feed::books::Books;
use crate::feed::books::Outcome;
use crate::feed::slot::Change;
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

/// The counters of which exactly one rises with each frame; their sum is [`Counter::Frames`].
pub const OUTCOMES: [Counter; 20] = [
    Counter::Books,
    Counter::Tickers,
    Counter::Trades,
    Counter::Controls,
    Counter::HeldDiffs,
    Counter::OldDiffs,
    Counter::Gaps,
    Counter::StaleSnapshots,
    Counter::RejectedMalformed,
    Counter::RejectedTooLarge,
    Counter::RejectedTooDeep,
    Counter::RejectedUtf8,
    Counter::RejectedNumber,
    Counter::RejectedValue,
    Counter::RejectedUnsorted,
    Counter::RejectedCrossed,
    Counter::RejectedEmpty,
    Counter::RejectedTime,
    Counter::RejectedOverflow,
    Counter::UnknownSymbols,
];

const RESYNC: Change = Change::Image { resynced: true };

/// One venue's feed without its socket.
pub struct Feed {
    books: Books,
    pen: Pen,
    outlets: Vec<Outlet>,
    published_at: MonoNs,
}

/// One link and the instruments whose newest top it has not taken yet.
struct Outlet {
    link: Tx<BookTop>,
    unsent: u64,
}

impl Feed {
    /// A feed that publishes every change of these books to each of the links.
    pub fn new(books: Books, links: Vec<Tx<BookTop>>) -> Feed {
        assert!(books.len() <= limit::INSTRUMENTS, "unsent tops are one bit an instrument");
        let outlets = links.into_iter().map(|link| Outlet { link, unsent: 0 }).collect();
        Feed { books, pen: Pen::new(), outlets, published_at: MonoNs(0) }
    }

    /// One frame. Publishes on a committed image, a ticker taken over and a changed validity; on
    /// any other frame a sign of life, if nothing was published for a second.
    pub fn on_frame(&mut self, kind: FrameKind, payload: &[u8], now: Now) -> Outcome {
        let outcome = self.books.on_frame(kind, payload, now);
        self.pen.add(Counter::Frames, 1);
        self.pen.add(Counter::FrameBytes, payload.len() as u64);
        self.pen.add(counter_of(&outcome), 1);
        let resynced = matches!(&outcome, Outcome::Book { change: RESYNC, .. });
        self.pen.add(Counter::Resyncs, u64::from(resynced));
        match news_of(&outcome) {
            Some(slot) => self.publish(slot, now),
            None => self.show_life(now),
        }
        outcome
    }

    /// The connection opened: every book waits for its first image.
    pub fn on_open(&mut self, now: Now) {
        self.books.on_open(now);
        self.publish_all(now);
    }

    /// The connection closed: no book may be used.
    pub fn on_close(&mut self, now: Now) {
        self.books.on_close();
        self.publish_all(now);
    }

    /// Sends what a full link could not take before. `Worked` if anything went out.
    pub fn flush(&mut self) -> Turn {
        let mut turn = Turn::Idle;
        for outlet in &mut self.outlets {
            while outlet.unsent != 0 {
                let slot = outlet.unsent.trailing_zeros() as usize;
                if outlet.link.send(self.books.top(slot).clone()).is_err() {
                    break;
                }
                outlet.unsent &= !(1 << slot);
                turn = Turn::Worked;
            }
        }
        turn
    }

    /// The books, for looking into them.
    pub const fn books(&self) -> &Books {
        &self.books
    }
    /// The present top of an instrument's book.
    pub fn top(&mut self, slot: usize) -> &BookTop {
        self.books.top(slot)
    }
    /// Hash of everything decoded so far.
    pub const fn digest(&self) -> u64 {
        self.books.digest()
    }
    /// A reading end of this feed's counters.
    pub fn tally(&self) -> Tally {
        self.pen.tally()
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
            outlet.unsent |= u64::from(outlet.link.send(top.clone()).is_err());
        }
    }

    fn publish(&mut self, slot: usize, now: Now) {
        self.published_at = now.mono;
        let top = self.books.publish(slot, now.mono);
        for outlet in &mut self.outlets {
            let bit = 1 << slot;
            self.pen.add(Counter::BooksReplaced, u64::from(outlet.unsent & bit != 0));
            match outlet.link.send(top.clone()) {
                Ok(()) => outlet.unsent &= !bit,
                Err(_) => outlet.unsent |= bit,
            }
        }
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
        Outcome::Trade { .. } => Counter::Trades,
        Outcome::Control { .. } => Counter::Controls,
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
