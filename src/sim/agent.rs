//! The synthetic market as a feed: its images go onto the links when they are due.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Tx;
use crate::sim::market::Market;
use crate::types::board::FeedBoard;
use crate::types::counters::Counter;
use crate::types::counters::Pen;
use crate::types::counters::Tally;
use crate::types::ids::VenueId;
use crate::types::market::BookTop;
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
    board: Arc<FeedBoard>,
    pen: Pen,
    digest: u64,
    /// When its newest image arrived.
    arrived_at: Option<MonoNs>,
    /// Its first turn: what stood before then did not wait for us.
    began: Option<MonoNs>,
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
            board,
            pen: Pen::new(),
            digest: 0,
            arrived_at: None,
            began: None,
        }
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
    /// Transport lag of the newest image.
    pub fn lag(&self) -> Option<DurNs> {
        self.market.lag(self.venue)
    }

    /// The lag of the newest image, and that this thread is how late with it.
    fn show(&mut self, now: MonoNs) {
        if let Some((lag, at)) = self.lag().zip(self.arrived_at.take()) {
            let lag = lag.0.saturating_add(now.since(at).0);
            self.board.lag.put(i64::try_from(lag).unwrap_or(i64::MAX), now);
        }
        if self.board.reconnect_asked.swap(false, Ordering::AcqRel) {
            raise(&self.board.reconnects);
        }
    }

    fn publish_next(&mut self, began: MonoNs) {
        let top = self.market.next_image();
        let arrived_at = top.arrived_at.max(began);
        self.arrived_at = Some(arrived_at);
        self.digest = top.digest;
        self.pen.add(Counter::Frames, 1);
        self.pen.add(Counter::Books, 1);
        for outlet in &mut self.outlets {
            let top = BookTop { arrived_at, oldest_at: arrived_at, ..top.clone() };
            let replaced = u64::from(outlet.publish(top));
            self.pen.add(Counter::BooksReplaced, replaced);
            if outlet.is_engine {
                self.pen.add(Counter::Published, 1);
                self.pen.add(Counter::Conflated, replaced);
            }
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
        match self.venue {
            VenueId::Upbit => "feed-upbit",
            VenueId::Binance => "feed-binance",
        }
    }

    fn turn(&mut self, now: Now) -> Turn {
        let began = *self.began.get_or_insert(now.mono);
        let mut worked = self.outlets.iter_mut().fold(false, |any, outlet| outlet.flush() | any);
        for _ in 0..BATCH {
            if self.market.due() > now.mono {
                break;
            }
            self.publish_next(began);
            worked = true;
        }
        self.show(now.mono);
        if worked { Turn::Worked } else { Turn::Idle }
    }

    fn due(&self) -> Option<MonoNs> {
        Some(self.market.due())
    }
}
