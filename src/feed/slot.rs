//! One instrument of a feed: its book, whether the book may be used, and the ticker over it.

use crate::types::ids::InstrumentId;
use crate::types::ids::InstrumentName;
use crate::types::market::BookTop;
use crate::types::market::Invalid;
use crate::types::market::Level;
use crate::types::market::Ticker;
use crate::types::time::Now;
use crate::venue::DecodeError;
use crate::venue::Scratch;
use crate::venue::Span;
use crate::venue::binance::depth::DiffIds;
use crate::venue::binance::depth::Join;
use crate::venue::binance::depth::Step;
use crate::venue::book::Book;
use crate::venue::chain;
use crate::venue::chain::Chain;

/// A venue clock may be this far ahead of ours. A book from further ahead would block those that
/// follow it as "older".
const LARGEST_LEAD_MS: u64 = 60 * 1_000;

/// After this many books on end that were refused for their time, the time is taken as the venue
/// gives it: what is wrong is then the committed book's, or our clock.
const REFUSED_TIMES: u32 = 10;

/// A snapshot lies at most this many updates from the numbers that its instrument has shown: more
/// than the busiest book counts in the minutes that one may be late, less than lies between the
/// numbers of most instruments.
const SNAPSHOT_REACH: u64 = 1_000_000;

/// What a frame did to one instrument's book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// An image was committed.
    Image {
        /// True if it ended a break.
        resynced: bool,
    },
    /// The ticker is newer than the book and was laid over it.
    Ticker(Ticker),
    /// The diff was held for the snapshot.
    Held,
    /// Older than what is known, or before the snapshot that will contain it; dropped.
    Old,
    /// The snapshot was older than what is known; ignored.
    Stale,
    /// The sequence broke here; the book is invalid.
    Gap,
    /// Refused; the book is as it was.
    Refused(DecodeError),
    /// Refused, and the book became invalid by it.
    Broken(DecodeError),
}

/// Whether the venue takes orders for an instrument by the rules that this run knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trading {
    /// It does.
    Open,
    /// It does not, or by other rules.
    Halted,
}

/// One instrument.
#[derive(Debug)]
pub struct Slot {
    trading: Trading,
    /// Its name.
    pub name: InstrumentName,
    /// The venue's code for it.
    pub symbol: String,
    /// The whole ladder.
    pub book: Book,
    /// What readers see of it: the levels of the last commit, and whether they may be used. What
    /// belongs to the venue is filled in by whoever holds its books.
    pub top: BookTop,
    /// Venue time of the image, ms since 1970; `None` for a bare REST snapshot.
    pub venue_ts_ms: Option<u64>,
    /// Venue time of the newest frame, if that says when it was sent: one that changed a book which
    /// was known. A first image says when the book last changed, which may be minutes ago.
    pub sent_ms: Option<u64>,
    /// The newest whole book said what the one before said.
    pub is_repeat: bool,
    join: Join,
    chain: Chain,
    /// Books on end that were refused for their time.
    refused_times: u32,
}

impl Slot {
    /// An instrument without any image yet.
    pub fn new(id: InstrumentId, name: InstrumentName, symbol: String) -> Slot {
        Slot {
            trading: Trading::Open,
            name,
            symbol,
            book: Book::new(),
            top: BookTop::empty(id),
            venue_ts_ms: None,
            sent_ms: None,
            is_repeat: false,
            join: Join::new(),
            chain: Chain::new(),
            refused_times: 0,
        }
    }

    /// The connection opened or closed: nothing held or laid over the book counts any more.
    pub fn disconnect(&mut self, invalid: Invalid) {
        self.top.invalid = Some(invalid);
        self.join.restart();
        self.chain.restart();
        self.top.ticker = None;
        self.venue_ts_ms = None;
        self.refused_times = 0;
    }

    /// A whole book. One with an update number comes as the stream orders it, whatever its time;
    /// deltas chain to it. One without is ordered by its venue time, which may stand still but not
    /// go back, nor lie ahead; unless [`REFUSED_TIMES`] books on end did, so that no single time
    /// freezes a book. If it says what is known already, the book grows no younger by it, whatever
    /// its time says: a venue that repeats itself is a venue whose book is quiet (`FAULTS.md` F26).
    pub fn on_image(
        &mut self,
        image: &Scratch,
        update_id: Option<u64>,
        venue_ts_ms: u64,
        now: Now,
    ) -> Change {
        if update_id.is_none() && !self.is_timely(venue_ts_ms, now) {
            return Change::Refused(DecodeError::Time);
        }
        // A halted book is known as well: its lag decides when the halt is over.
        let is_known = matches!(self.top.invalid, None | Some(Invalid::Halted));
        self.is_repeat = is_known && update_id.is_none() && self.book.holds(image);
        if let Err(why) = self.book.replace(image) {
            return self.on_bad_content(why);
        }
        if is_known && !self.is_repeat {
            self.sent_ms = Some(venue_ts_ms);
        }
        let Some(update_id) = update_id else {
            let received_at = self.top.received_at;
            let change = self.commit(0, Some(venue_ts_ms), now);
            if self.is_repeat {
                self.top.received_at = received_at;
            }
            return change;
        };
        self.chain.on_image(update_id);
        if update_id < self.top.update_id {
            // The venue counts anew: a ticker of the old count would seem newer for ever.
            self.top.ticker = None;
        }
        self.commit(update_id, Some(venue_ts_ms), now)
    }

    /// A book, delta or ticker that says nonsense: the last good book is not the present one any
    /// more, and its sequence begins anew with the next image or snapshot (`FAULTS.md` F22, F24).
    pub fn on_bad_content(&mut self, why: DecodeError) -> Change {
        self.join.restart();
        self.chain.restart();
        self.top.invalid = Some(match why {
            DecodeError::Crossed => Invalid::Crossed,
            DecodeError::Overflow => Invalid::Overflow,
            DecodeError::Empty => Invalid::Empty,
            _ => Invalid::BadValue,
        });
        Change::Broken(why)
    }

    /// Changed levels under sequence numbers.
    pub fn on_delta(&mut self, delta: &Scratch, diff: Diff, now: Now) -> Change {
        self.sent_ms = Some(diff.venue_ts_ms);
        let (step, last) = match diff.span {
            Span::Joined { first, last } => {
                let ids = DiffIds { first, last };
                (self.join.on_diff(ids, diff.venue_ts_ms, delta), last)
            }
            Span::Chained { prev, last } => (chained(self.chain.on_delta(prev, last)), last),
        };
        match step {
            Step::Held => Change::Held,
            Step::Old => Change::Old,
            Step::Gap => {
                self.top.invalid = Some(Invalid::Gap);
                Change::Gap
            }
            Step::Apply => match self.book.apply(delta) {
                Ok(()) => self.commit(last, Some(diff.venue_ts_ms), now),
                Err(invalid) => self.break_book(invalid),
            },
        }
    }

    /// A REST snapshot with every held diff that follows it: one image.
    pub fn on_snapshot(&mut self, image: &Scratch, last_id: u64, now: Now) -> Change {
        if self.join.on_snapshot(last_id).is_err() {
            return Change::Stale;
        }
        if let Err(why) = self.book.replace(image) {
            return self.on_bad_content(why);
        }
        let (mut update_id, mut venue_ts_ms) = (last_id, None);
        while let Some(held) = self.join.take_held() {
            if let Err(invalid) = self.book.apply(&held.levels) {
                return self.break_book(invalid);
            }
            (update_id, venue_ts_ms) = (held.ids.last, Some(held.venue_ts_ms));
        }
        self.commit(update_id, venue_ts_ms, now)
    }

    /// Best bid and ask, possibly ahead of the image, which grows no younger by it.
    pub fn on_ticker(&mut self, ticker: Ticker) -> Change {
        let laid_over = self.top.ticker.map_or(0, |ticker| ticker.update_id);
        let known = laid_over.max(self.top.update_id);
        if ticker.update_id <= known {
            return Change::Old;
        }
        self.top.ticker = Some(ticker);
        Change::Ticker(ticker)
    }

    /// How many updates a snapshot lies outside of the held diffs, or if none is held, of the
    /// ticker. `None` if it cannot belong here: no snapshot is awaited, nothing is known, or its
    /// number or its best bid is far off.
    pub fn snapshot_distance(&self, image: &Scratch, last_id: u64) -> Option<u64> {
        if !self.join.is_waiting() || !self.fits_prices(image) {
            return None;
        }
        let ticker = self.top.ticker.map(|ticker| ticker.update_id);
        let oldest = self.join.held().next().map(|held| held.ids.first).or(ticker)?;
        let newest = self.join.held().next_back().map(|held| held.ids.last).or(ticker)?;
        let distance = oldest.saturating_sub(last_id).max(last_id.saturating_sub(newest));
        (distance <= SNAPSHOT_REACH).then_some(distance)
    }

    /// Whether the best bid is at least half of every bid and at most one and a half of every ask
    /// of the ticker and the held diffs. Deep levels, the other way off, say nothing.
    fn fits_prices(&self, image: &Scratch) -> bool {
        let Some(best) = image.bids.first().map(|level| level.price.raw()) else { return true };
        let stands = |level: &Level| !level.qty.is_zero();
        let fits_bid = |level: &Level| best >= level.price.raw() / 2;
        let fits_ask = |level: &Level| best / 3 <= level.price.raw() / 2;
        let fits = |bids: &[Level], asks: &[Level]| {
            bids.iter().filter(|bid| stands(bid)).all(fits_bid)
                && asks.iter().filter(|ask| stands(ask)).all(fits_ask)
        };
        self.top.ticker.is_none_or(|ticker| fits(&[ticker.bid], &[ticker.ask]))
            && self.join.held().all(|held| fits(&held.levels.bids, &held.levels.asks))
    }

    /// Whether a book without an update number may come now; counts those that may not.
    fn is_timely(&mut self, venue_ts_ms: u64, now: Now) -> bool {
        let is_older = self.venue_ts_ms.is_some_and(|committed| venue_ts_ms < committed);
        let is_wrong = is_older || is_from_the_future(venue_ts_ms, now);
        if is_wrong && self.refused_times < REFUSED_TIMES {
            self.refused_times += 1;
            return false;
        }
        self.refused_times = 0;
        true
    }

    fn commit(&mut self, update_id: u64, venue_ts_ms: Option<u64>, now: Now) -> Change {
        let top = &mut self.top;
        let never = [Invalid::NoImage, Invalid::Closed, Invalid::Halted];
        let resynced = top.invalid.take().is_some_and(|invalid| !never.contains(&invalid));
        top.invalid = (self.trading == Trading::Halted).then_some(Invalid::Halted);
        top.image += 1;
        top.update_id = update_id;
        top.received_at = now.mono;
        if top.ticker.is_some_and(|ticker| ticker.update_id <= update_id) {
            top.ticker = None;
        }
        self.book.copy_top(top);
        self.venue_ts_ms = venue_ts_ms;
        Change::Image { resynced }
    }

    /// Whether it may be traded. Its book is kept all the while.
    pub fn set_trading(&mut self, trading: Trading) {
        self.trading = trading;
        let invalid = &mut self.top.invalid;
        *invalid = match (trading, *invalid) {
            (Trading::Halted, None) => Some(Invalid::Halted),
            (Trading::Open, Some(Invalid::Halted)) => None,
            (_, other) => other,
        };
    }

    fn break_book(&mut self, invalid: Invalid) -> Change {
        self.top.invalid = Some(invalid);
        self.join.restart();
        self.chain.restart();
        Change::Broken(match invalid {
            Invalid::Overflow => DecodeError::Overflow,
            Invalid::Empty => DecodeError::Empty,
            _ => DecodeError::Crossed,
        })
    }
}

/// Sequence numbers and time of a diff.
#[derive(Clone, Copy, Debug)]
pub struct Diff {
    /// Its update numbers.
    pub span: Span,
    /// Its venue time, ms since 1970.
    pub venue_ts_ms: u64,
}

fn chained(step: chain::Step) -> Step {
    match step {
        chain::Step::Apply => Step::Apply,
        chain::Step::Old => Step::Old,
        chain::Step::Gap => Step::Gap,
    }
}

/// A wall clock at zero does not know the time, so nothing is judged by it.
fn is_from_the_future(venue_ts_ms: u64, now: Now) -> bool {
    now.wall.0 > 0 && venue_ts_ms > now.wall.as_ms() + LARGEST_LEAD_MS
}
