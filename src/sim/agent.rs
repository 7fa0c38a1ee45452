//! The synthetic market as a feed: its images go onto the links when they are due.
//!
//! It has no connection to lose. Asked for a new one it does what a feed with one does: no book is
//! valid until its next image, and that is counted and told.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Tx;
use crate::sim::market::Market;
use crate::sim::tampering::Fate;
use crate::sim::tampering::Tampering;
use crate::types::board::FeedBoard;
use crate::types::counters::Counter;
use crate::types::counters::Pen;
use crate::types::counters::Tally;
use crate::types::ids::InstrumentId;
use crate::types::ids::VenueId;
use crate::types::market::BookTop;
use crate::types::market::Invalid;
use crate::types::notice::Notice;
use crate::types::notice::NoticeKind;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Most images in one turn.
const BATCH: usize = 64;

/// One venue of the synthetic market.
pub struct MarketFeed {
    venue: VenueId,
    market: Market,
    outlets: Vec<Outlet>,
    pen: Pen,
    digest: u64,
    board: Arc<FeedBoard>,
    /// Lag of the newest frame.
    lag: Option<DurNs>,
    /// When that arrived, until it is shown.
    arrived_at: Option<MonoNs>,
    /// When the newest frame of all came.
    heard_at: Option<MonoNs>,
    /// What was said of each book last.
    known: Vec<Known>,
    /// Where a new connection is told.
    notices: Option<Tx<Notice>>,
    /// What is broken on purpose.
    tampering: Option<Box<Tampering>>,
    /// Its first turn: what stood before then did not wait for us.
    began: Option<MonoNs>,
}

/// A book by its newest top.
#[derive(Clone, Copy)]
struct Known {
    id: InstrumentId,
    image: u64,
    received_at: MonoNs,
    alive_at: MonoNs,
}

/// A link, and the newest top of each instrument that it was too full to take.
struct Outlet {
    link: Tx<BookTop>,
    held: Vec<BookTop>,
    /// It leads to the engine: what goes there is counted.
    is_engine: bool,
}

impl MarketFeed {
    /// A venue's part of the market (made for that venue alone), published to each link and shown
    /// on the board. The last link is the engine's.
    pub fn new(
        venue: VenueId,
        market: Market,
        links: Vec<Tx<BookTop>>,
        board: Arc<FeedBoard>,
    ) -> MarketFeed {
        let outlet = |link| Outlet { link, held: Vec::new(), is_engine: false };
        let mut outlets: Vec<Outlet> = links.into_iter().map(outlet).collect();
        if let Some(last) = outlets.last_mut() {
            last.is_engine = true;
        }
        MarketFeed {
            venue,
            market,
            outlets,
            pen: Pen::new(),
            digest: 0,
            board,
            lag: None,
            arrived_at: None,
            heard_at: None,
            known: Vec::new(),
            notices: None,
            tampering: None,
            began: None,
        }
    }
    /// The same with faults.
    pub fn tampered(self, tampering: Option<Tampering>) -> MarketFeed {
        MarketFeed { tampering: tampering.map(Box::new), ..self }
    }
    /// The same; tells of its new connections there.
    pub fn telling(self, notices: Tx<Notice>) -> MarketFeed {
        MarketFeed { notices: Some(notices), ..self }
    }
    /// Which venue it plays.
    pub fn venue(&self) -> VenueId {
        self.venue
    }
    /// A reading end of its counters.
    pub fn tally(&self) -> Tally {
        self.pen.tally()
    }
    /// Hash of everything published so far.
    pub fn digest(&self) -> u64 {
        self.digest
    }
    /// Transport lag of the newest frame.
    pub fn lag(&self) -> Option<DurNs> {
        self.lag
    }

    /// When the next image arrives.
    fn arrival(&self) -> MonoNs {
        let sent = self.market.due();
        self.tampering.as_ref().map_or(sent, |tampering| tampering.arrival(sent))
    }

    fn publish_next(&mut self, began: MonoNs) {
        let arrival = self.arrival();
        let held_back = arrival.since(self.market.due());
        let image = self.market.next_image();
        self.digest = image.digest;
        let arrived_at = arrival.max(began);
        let mut top = BookTop { received_at: arrival, ..image.clone() };
        (top.arrived_at, top.oldest_at, top.alive_at) = (arrived_at, arrived_at, arrival);
        let fate = match &mut self.tampering {
            None => Fate::Told { as_a: Counter::Books, resynced: false },
            Some(tampering) => tampering.meet(&mut top),
        };
        if fate == Fate::Lost {
            return;
        }
        self.pen.add(Counter::Frames, 1);
        self.lag = self.market.lag(self.venue).map(|lag| DurNs(lag.0.saturating_add(held_back.0)));
        (self.arrived_at, self.heard_at) = (Some(arrived_at), Some(arrived_at));
        let Fate::Told { as_a, resynced } = fate else {
            return self.pen.add(Counter::HeldDiffs, 1);
        };
        self.pen.add(as_a, 1);
        self.pen.add(Counter::Resyncs, u64::from(resynced));
        self.publish(top);
    }
    fn publish(&mut self, top: BookTop) {
        let BookTop { instrument: id, image, received_at, alive_at, .. } = top;
        let known = Known { id, image, received_at, alive_at };
        match self.known.iter_mut().find(|known| known.id == id) {
            Some(book) => *book = known,
            None => self.known.push(known),
        }
        for outlet in &mut self.outlets {
            let replaced = u64::from(outlet.publish(top.clone()));
            self.pen.add(Counter::BooksReplaced, replaced);
            if outlet.is_engine {
                self.pen.add(Counter::Published, 1);
                self.pen.add(Counter::Conflated, replaced);
            }
        }
    }

    /// The lag of the newest frame, and that this thread is how late with it.
    fn show(&mut self, now: MonoNs) {
        if let Some((lag, at)) = self.lag.zip(self.arrived_at.take()) {
            let lag = lag.0.saturating_add(now.since(at).0);
            self.board.lag.put(i64::try_from(lag).unwrap_or(i64::MAX), now);
        }
        let held = self.outlets.iter().filter(|outlet| outlet.is_engine).map(|o| o.held.len());
        self.board.held.store(held.sum::<usize>() as u64, Ordering::Relaxed);
    }

    /// What was known of a book is void, also what was held for a full link: the word of it takes
    /// its place. The next image makes the book valid again.
    fn reconnect(&mut self, began: MonoNs, now: Now) {
        for at in 0..self.known.len() {
            let Known { id, image, received_at, alive_at } = self.known[at];
            let invalid = Some(Invalid::Closed);
            let (arrived_at, oldest_at) = (now.mono, now.mono);
            let of_book = BookTop { invalid, image, received_at, alive_at, ..BookTop::empty(id) };
            self.publish(BookTop { arrived_at, oldest_at, ..of_book });
        }
        raise(&self.board.reconnects);
        if let Some(notices) = &self.notices {
            let after = now.mono.since(self.heard_at.unwrap_or(began));
            let kind = NoticeKind::Reconnect { venue: self.venue.name(), after };
            // The link drops and counts: nobody waits for telemetry.
            let _ = notices.send(Notice { at: now, kind });
        }
    }
}

/// One writer: a load and a store.
fn raise(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

impl Outlet {
    /// Sends a top, or holds it as the newest of its instrument; true if it replaced a held one.
    fn publish(&mut self, top: BookTop) -> bool {
        let same = |held: &&mut BookTop| held.instrument == top.instrument;
        if let Some(held) = self.held.iter_mut().find(same) {
            let (merged, oldest_at) = (held.merged.saturating_add(1), held.oldest_at);
            *held = BookTop { merged, oldest_at, ..top };
            return true;
        }
        if let Err(top) = self.link.send(top) {
            self.held.push(top);
        }
        false
    }
    fn flush(&mut self) -> bool {
        let mut worked = false;
        while let Some(top) = self.held.pop() {
            if let Err(top) = self.link.send(top) {
                self.held.push(top);
                break;
            }
            worked = true;
        }
        worked
    }
}

impl Agent for MarketFeed {
    fn name(&self) -> &'static str {
        self.venue.feed_thread()
    }

    fn turn(&mut self, now: Now) -> Turn {
        let began = *self.began.get_or_insert(now.mono);
        if let Some(tampering) = &mut self.tampering {
            tampering.advance(now.mono);
        }
        let mut worked = self.outlets.iter_mut().fold(false, |any, outlet| outlet.flush() | any);
        for _ in 0..BATCH {
            if self.arrival() > now.mono {
                break;
            }
            self.publish_next(began);
            worked = true;
        }
        if self.board.reconnect_asked.swap(false, Ordering::AcqRel) {
            self.reconnect(began, now);
            worked = true;
        }
        self.show(now.mono);
        if worked { Turn::Worked } else { Turn::Idle }
    }

    fn due(&self) -> Option<MonoNs> {
        let edge = self.tampering.as_ref().and_then(|tampering| tampering.due());
        edge.into_iter().chain([self.arrival()]).min()
    }
}
