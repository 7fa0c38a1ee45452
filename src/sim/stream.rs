//! One venue's side of the synthetic market: which book is next, what it shows, when it arrives.
//!
//! Each book has an image every `1 ÷ updates_per_second`, at a phase of its own. An image shows the
//! market of its event time and arrives a sampled latency later. Like frames on one connection,
//! images of a venue never overtake each other: a slow one holds back those behind it, and after a
//! stall everything that waited arrives at once. None is ever left out.

use crate::sim::ladder::Fair;
use crate::sim::ladder::Shape;
use crate::sim::path::Factor;
use crate::sim::path::STEP;
use crate::sim::path::Traffic;
use crate::sim::path::World;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::TransportPlan;
use crate::sim::plan::is_fx;
use crate::sim::rng::Dice;
use crate::sim::rng::StreamKey;
use crate::types::ids::Asset;
use crate::types::ids::InstrumentId;
use crate::types::ids::VenueId;
use crate::types::market::BookTop;
use crate::types::market::Instrument;
use crate::types::market::Levels;
use crate::types::market::Quote;
use crate::types::rng::mix;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// Two images of a venue arrive at least this far apart.
const ARRIVAL_SPACING: DurNs = DurNs(1_000);
/// No latency exceeds the minimum by more than this many times the mean of what is random in it.
const LATENCY_TAIL: u64 = 8;
/// How much more often a connection stalls in busy moments, which is when it matters.
const BUSY_STALLS: u64 = 20;
/// Shortest stall in parts of the longest.
const SHORTEST_STALL_PCT: u64 = 40;

/// The images of one venue in the order of their arrival.
#[derive(Clone, Debug)]
pub struct VenueStream {
    venue: VenueId,
    start: MonoNs,
    world: World,
    books: Vec<Book>,
    rounds: Rounds,
    next: usize,
    newest: usize,
    transport: Transport,
    due: MonoNs,
    lag: Option<DurNs>,
    digest: u64,
}

impl VenueStream {
    /// The stream of `venue`, or `None` if it has no book in the plan. `bases` as
    /// [`MarketPlan::check`] gives them.
    pub fn new(plan: &MarketPlan, venue: VenueId, bases: &[Asset]) -> Option<VenueStream> {
        let mut books: Vec<Book> = plan
            .instruments
            .iter()
            .filter(|instrument| instrument.venue == venue)
            .map(|instrument| Book::new(plan, instrument, bases))
            .collect();
        if books.is_empty() {
            return None;
        }
        books.sort_unstable_by_key(|book| (book.phase, book.top.instrument));
        let images_per_second = u64::from(plan.updates_per_second) * books.len() as u64;
        let mut stream = VenueStream {
            venue,
            start: plan.start,
            world: World::new(plan, bases),
            books,
            rounds: Rounds { per_second: u64::from(plan.updates_per_second), count: 0 },
            next: 0,
            newest: 0,
            transport: Transport::new(plan, venue, images_per_second),
            due: plan.start,
            lag: None,
            digest: mix(plan.seed ^ venue.index() as u64),
        };
        stream.due = stream.transport.arrival(stream.next_event(), Traffic::Calm);
        Some(stream)
    }
    /// Whose images these are.
    pub const fn venue(&self) -> VenueId {
        self.venue
    }
    /// When the next image arrives, and of which book it is.
    pub fn due(&self) -> (MonoNs, InstrumentId) {
        (self.due, self.books[self.next].top.instrument)
    }
    /// Transport lag of the newest image: arrival − event time. `None` before the first.
    pub const fn lag(&self) -> Option<DurNs> {
        self.lag
    }
    /// The image drawn last; an empty one before the first.
    pub fn newest(&self) -> &BookTop {
        &self.books[self.newest].top
    }
    /// Draws the next image and moves on to the one after it. No allocation.
    pub fn draw_next(&mut self) {
        let (event, current) = (self.next_event(), self.next);
        self.world.advance_to(event.since(self.start).0 / STEP.0);
        let book = &mut self.books[current];
        book.draw(&self.world);
        book.top.received_at = self.due;
        (book.top.arrived_at, book.top.oldest_at) = (self.due, self.due);
        book.top.alive_at = self.due;
        self.digest = digest(self.digest, &book.top);
        book.top.digest = self.digest;
        self.lag = Some(self.due.since(event));
        self.newest = current;
        self.move_on();
    }
    fn move_on(&mut self) {
        self.next += 1;
        if self.next == self.books.len() {
            self.next = 0;
            self.rounds.count += 1;
        }
        self.due = self.transport.arrival(self.next_event(), self.world.traffic());
    }
    fn next_event(&self) -> MonoNs {
        self.start.plus(self.rounds.begin()).plus(self.books[self.next].phase)
    }
}

/// How many times each book has had its image.
#[derive(Clone, Copy, Debug)]
struct Rounds {
    per_second: u64,
    count: u64,
}

impl Rounds {
    /// When the present round begins, after the start. Exact: a rate that does not divide a second
    /// never drifts.
    const fn begin(&self) -> DurNs {
        let rest = self.count % self.per_second * NS_PER_SEC / self.per_second;
        DurNs(self.count / self.per_second * NS_PER_SEC + rest)
    }
}

/// One book of the venue.
#[derive(Clone, Debug)]
struct Book {
    phase: DurNs,
    factor: Factor,
    numbered: bool,
    shape: Shape,
    top: BookTop,
}

impl Book {
    fn new(plan: &MarketPlan, instrument: &Instrument, bases: &[Asset]) -> Book {
        let key = StreamKey::of(&["book", instrument.venue.name(), &instrument.name]);
        let mut dice = Dice::new(plan.seed, key);
        let phase = DurNs(dice.below(NS_PER_SEC / u64::from(plan.updates_per_second)));
        let mut top = BookTop::empty(instrument.id);
        top.invalid = None;
        Book {
            phase,
            factor: factor_of(instrument, bases),
            numbered: !instrument.whole_book_feed,
            shape: Shape::new(&plan.books, instrument, plan.updates_per_second, dice),
            top,
        }
    }
    fn draw(&mut self, world: &World) {
        let price_raw = world.fair_raw(self.factor);
        let fair = Fair { price_raw, volatility_ppm: world.volatility_ppm() };
        self.shape.draw(fair, &mut self.top);
        self.top.image += 1;
        self.top.update_id = if self.numbered { self.top.image } else { 0 };
    }
}

fn factor_of(instrument: &Instrument, bases: &[Asset]) -> Factor {
    let coin = bases.iter().position(|base| *base == instrument.base);
    match (is_fx(instrument), instrument.quote) {
        (true, _) => Factor::Fx,
        (false, Quote::Krw) => Factor::Krw(coin.unwrap_or(0)),
        (false, Quote::Usdt) => Factor::Usdt(coin.unwrap_or(0)),
    }
}

/// The connection of one venue: latency, order, stalls.
#[derive(Clone, Debug)]
struct Transport {
    dice: Dice,
    latency_min: DurNs,
    latency_extra_ns: u64,
    stall_every: u64,
    stall_max_ns: u64,
    stalled_until: MonoNs,
    last_arrival: MonoNs,
}

impl Transport {
    fn new(plan: &MarketPlan, venue: VenueId, images_per_second: u64) -> Transport {
        let TransportPlan { latency_min, latency_mean, stall_every, stall_max } = plan.transport;
        Transport {
            dice: Dice::new(plan.seed, StreamKey::of(&["transport", venue.name()])),
            latency_min,
            latency_extra_ns: latency_mean.0 - latency_min.0,
            stall_every: (stall_every.0 / NS_PER_SEC).saturating_mul(images_per_second),
            stall_max_ns: stall_max.0,
            stalled_until: plan.start,
            last_arrival: plan.start,
        }
    }
    /// When the image of `event` arrives: later than every image before it.
    fn arrival(&mut self, event: MonoNs, traffic: Traffic) -> MonoNs {
        let extra = self.dice.exponential(self.latency_extra_ns);
        let extra = DurNs(extra.min(LATENCY_TAIL * self.latency_extra_ns));
        let stall_every = match traffic {
            Traffic::Calm => self.stall_every,
            Traffic::Busy => self.stall_every.div_ceil(BUSY_STALLS),
        };
        if self.dice.once_in(stall_every) {
            self.stalled_until = event.plus(self.stall_length());
        }
        let direct = event.plus(self.latency_min).plus(extra);
        let in_order = self.last_arrival.plus(ARRIVAL_SPACING);
        self.last_arrival = direct.max(self.stalled_until).max(in_order);
        self.last_arrival
    }
    fn stall_length(&mut self) -> DurNs {
        let shortest = self.stall_max_ns * SHORTEST_STALL_PCT / 100;
        DurNs(shortest + self.dice.below(self.stall_max_ns - shortest))
    }
}

/// The venue's running hash with one more image in it: which book, which image, every level.
fn digest(before: u64, top: &BookTop) -> u64 {
    let head = mix(before ^ top.image << 8 ^ u64::from(top.instrument.0));
    mix(head ^ side_digest(&top.bids) ^ side_digest(&top.asks).rotate_left(32))
}

/// A position-dependent hash of a side; prices and sizes in two lanes that a core overlaps.
fn side_digest(levels: &Levels) -> u64 {
    const PRICE_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    const QTY_FACTOR: u64 = 0xbf58_476d_1ce4_e5b9;
    let (mut prices, mut sizes) = (levels.len() as u64, 0u64);
    for level in levels {
        prices = (prices ^ level.price.raw() as u64).wrapping_mul(PRICE_FACTOR).rotate_left(29);
        sizes = (sizes ^ level.qty.raw() as u64).wrapping_mul(QTY_FACTOR).rotate_left(31);
    }
    prices ^ sizes.rotate_left(17)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::plan;

    fn stalls_in_a_day(traffic: Traffic) -> u32 {
        let mut plan = plan(7);
        plan.transport.stall_every = DurNs::from_secs(2 * 3_600);
        let mut transport = Transport::new(&plan, VenueId::Binance, 20);
        let mut last = MonoNs(0);
        let mut stalls = 0;
        for image in 0..20 * 86_400 {
            let event = MonoNs(image * NS_PER_SEC / 20);
            let arrival = transport.arrival(event, traffic);
            assert!(arrival > last, "images never overtake each other");
            assert!(arrival.since(event) >= DurNs::from_ms(5), "the fastest takes 5 ms");
            stalls += u32::from(arrival.since(last) > DurNs::from_ms(500));
            last = arrival;
        }
        stalls
    }

    #[test]
    fn a_connection_stalls_rarely_and_more_often_in_busy_moments() {
        let (calm, busy) = (stalls_in_a_day(Traffic::Calm), stalls_in_a_day(Traffic::Busy));
        assert!((3..30).contains(&calm), "{calm}, one in two hours is 12");
        assert!((150..330).contains(&busy), "{busy}, twenty times that is 240");
    }

    #[test]
    fn the_digest_sees_each_level_and_its_place() {
        let mut stream = {
            let plan = plan(7);
            let bases = plan.check().expect("a good plan");
            VenueStream::new(&plan, VenueId::Upbit, &bases).expect("books on Upbit")
        };
        stream.draw_next();
        let top = stream.newest().clone();
        let mut changed = top.clone();
        changed.asks.swap(3, 4);
        assert_ne!(digest(1, &top), digest(1, &changed));
        changed.clone_from(&top);
        std::mem::swap(&mut changed.bids, &mut changed.asks);
        assert_ne!(digest(1, &top), digest(1, &changed));
        assert_ne!(digest(1, &top), digest(2, &top));
        assert_eq!(digest(1, &top), digest(1, &top.clone()));
    }
}
