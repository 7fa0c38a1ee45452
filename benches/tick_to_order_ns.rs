//! How long from a tick in memory to the order request in the hands of whoever sends it? Minimum,
//! P50, P95, P99 and maximum in ns, in both placements, beside a bare crossbeam round trip of the
//! same shape in the same run.
//!
//! One agent plays feed and gateway, so one clock reading before the send and one behind the
//! receipt are all that is measured: book link, engine with its decision on a book that pays, both
//! intents, request link. On two threads that is a round trip, as of the reference, which hands on
//! a book and gets an order back without looking at either. Every order is rejected, so each tick
//! finds the same engine. Run it with `cargo bench --bench tick_to_order_ns`; it takes 10 s.

#![allow(missing_docs, reason = "a program, not an interface")]

#[path = "common/table.rs"]
mod table;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::agent::Charge;
use arb::engine::agent::Engine;
use arb::engine::agent::Pace;
use arb::engine::agent::Ports;
use arb::engine::core::Core;
use arb::engine::limits::EnginePlan;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::cores;
use arb::runtime::crew::Crew;
use arb::runtime::crew::End;
use arb::runtime::crew::Pinned;
use arb::runtime::crew::Post;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::BOOKS;
use arb::runtime::link::DUE;
use arb::runtime::link::EVENTS;
use arb::runtime::link::FACTS;
use arb::runtime::link::REPORTS;
use arb::runtime::link::REQUESTS;
use arb::runtime::link::Rx;
use arb::runtime::link::Tx;
use arb::runtime::shared::Members;
use arb::runtime::shared::Shared;
use arb::stats::shared::Latencies;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::fact::Fact;
use arb::types::ids::InstrumentId;
use arb::types::ids::OrderId;
use arb::types::ids::PairId;
use arb::types::market::BookTop;
use arb::types::market::Level;
use arb::types::market::Side;
use arb::types::order::Ending;
use arb::types::order::OrderEvent;
use arb::types::order::OrderEventKind;
use arb::types::order::OrderRequest;
use arb::types::order::Purpose;
use arb::types::order::RejectReason;
use arb::types::report::Checkpoints;
use arb::types::report::CycleReport;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::types::units::SCALE;
use table::Row;

const CONFIG: &[u8] = b"mode: {current: mock}";
/// Best bid and ask, whole units: BTC-KRW when nothing pays and when it does, BTC-USDT, USDT-KRW.
const DULL: (i64, i64) = (86_122_000, 86_123_000);
const PAYS: (i64, i64) = (86_900_000, 86_901_000);
const USDT: (i64, i64) = (61_837, 61_838);
const RATE: (i64, i64) = (1_387, 1_388);
/// From a book that pays to one that does not, and back: a parked engine is asleep again.
const HALF_PERIOD: DurNs = DurNs(200_000);
const SAMPLES: usize = 1_000;
const WARM_UP: usize = 100;
const ROUNDS: usize = 3;
/// More than the table of order rates can count: no bound.
const UNBOUNDED: u32 = 1_000_000;
/// Only a guard: a run takes half a second.
const PATIENCE: DurNs = DurNs::from_secs(10);

/// Feed and gateway: sends books that pay and such that do not, in turns, and rejects orders.
struct Outside<B, R> {
    clock: Clock,
    send: B,
    take: R,
    record: Option<Record>,
    books: [BookTop; 2],
    next: MonoNs,
    sent: u64,
    waits_since: Option<MonoNs>,
    samples: Vec<u64>,
}

/// The rest of an engine's links.
struct Record {
    events: Tx<OrderEvent>,
    facts: Rx<Fact>,
    reports: Rx<CycleReport>,
}

impl<B: FnMut(BookTop) -> bool, R: FnMut() -> Option<OrderRequest>> Outside<B, R> {
    fn new(clock: Clock, (send, take): (B, R), record: Option<Record>) -> Self {
        let books = [DULL, PAYS].map(|best| book(InstrumentId(0), best));
        let (next, samples) = (clock.mono(), Vec::with_capacity(WARM_UP + SAMPLES));
        Outside { clock, send, take, record, books, next, sent: 0, waits_since: None, samples }
    }
    fn answer(&mut self, request: &OrderRequest) {
        if let Some(since) = self.waits_since.take() {
            self.samples.push(self.clock.mono().since(since).0);
        }
        if let Some(record) = &self.record {
            let ending = Ending::Rejected(RejectReason::Venue);
            let kind = OrderEventKind::Done { ending, filled: Qty::ZERO };
            // The link holds many times what two legs need.
            let _ = record.events.send(OrderEvent { id: request.id, kind });
        }
    }
    fn tick(&mut self, at: MonoNs) {
        self.next = at.plus(HALF_PERIOD);
        self.sent += 1;
        let pays = self.sent.is_multiple_of(2);
        let mut top = self.books[usize::from(pays)].clone();
        top.image = self.sent + 1;
        let now = self.clock.mono();
        (top.received_at, top.alive_at) = (now, now);
        self.waits_since = pays.then_some(now);
        (self.send)(top);
    }
}

impl<B: FnMut(BookTop) -> bool, R: FnMut() -> Option<OrderRequest>> Agent for Outside<B, R> {
    fn name(&self) -> &'static str {
        "outside"
    }
    fn turn(&mut self, now: Now) -> Turn {
        let mut worked = false;
        while let Some(request) = (self.take)() {
            self.answer(&request);
            worked = true;
        }
        if now.mono >= self.next && !self.is_drained() {
            self.tick(now.mono);
            worked = true;
        } else if let Some(record) = &self.record {
            while record.facts.take().is_some() {}
            while record.reports.take().is_some() {}
        }
        if worked { Turn::Worked } else { Turn::Idle }
    }
    fn due(&self) -> Option<MonoNs> {
        Some(self.next)
    }
    fn is_drained(&self) -> bool {
        self.samples.len() >= WARM_UP + SAMPLES
    }
}

fn book(id: InstrumentId, best: (i64, i64)) -> BookTop {
    let mut top = BookTop::empty(id);
    top.invalid = None;
    let level = |whole: i64, of: i64| {
        let (price, qty) = (Price::from_raw(whole * SCALE), Qty::from_raw(of * SCALE));
        price.zip(qty).map(|(price, qty)| Level { price, qty })
    };
    let depth = if id == InstrumentId(2) { 100_000 } else { 1 };
    top.bids.extend(level(best.0, depth));
    top.asks.extend(level(best.1, depth));
    top
}

/// Answers each book that pays with an order, without a look.
fn echo(top: &BookTop) -> Option<OrderRequest> {
    let best = top.bids.first().filter(|level| level.price.raw() == PAYS.0 * SCALE)?;
    Some(OrderRequest {
        id: OrderId(top.image),
        pair: PairId(1),
        instrument: top.instrument,
        side: Side::Sell,
        qty: best.qty,
        limit: best.price,
        purpose: Purpose::Entry,
        decided_at: top.received_at,
    })
}

/// The far end of the reference.
struct Echo {
    books: crossbeam_channel::Receiver<BookTop>,
    requests: crossbeam_channel::Sender<OrderRequest>,
    /// Sleeps in the channel until a book comes.
    sleeps: bool,
}

impl Agent for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }
    fn turn(&mut self, _: Now) -> Turn {
        let nap = std::time::Duration::from_millis(1);
        let top = match self.sleeps {
            true => self.books.recv_timeout(nap).ok(),
            false => self.books.try_recv().ok(),
        };
        let Some(top) = top else { return Turn::Idle };
        if let Some(request) = echo(&top) {
            let _ = self.requests.try_send(request);
        }
        Turn::Worked
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

type Samples = Option<Vec<u64>>;

fn crossbeam_run(cores: [usize; 2], sleeps: bool) -> Samples {
    let clock = Clock::start();
    let (books_tx, books) = crossbeam_channel::bounded(BOOKS.depth);
    let (requests, requests_rx) = crossbeam_channel::bounded(REQUESTS.depth);
    let ends = (move |top| books_tx.try_send(top).is_ok(), move || requests_rx.try_recv().ok());
    let outside = Outside::new(clock, ends, None);
    let echo = Echo { books, requests, sleeps };
    let post = Post::new("echo", Wait::Spin, PATIENCE);
    two_threads(clock, (outside, echo), (cores, post))
}

fn engine_run(cores: [usize; 2], wait: Wait) -> Samples {
    let clock = Clock::start();
    let post = Post::new("engine", wait, PATIENCE);
    let (outside, engine) = joined(clock, &post)?;
    two_threads(clock, (outside, engine), (cores, post))
}

/// Both agents turn by turn.
fn shared_run(cores: [usize; 2]) -> Samples {
    let clock = Clock::start();
    let post = Post::new("shared", Wait::Spin, PATIENCE).on_core(Some(cores[0]));
    let (outside, engine) = joined(clock, &post)?;
    let mut crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
    let members = Pair { outside, engine: Tireless(engine) };
    let shared = crew.start(Shared::new("shared", members), post).ok()?;
    finish(&crew, shared).map(|shared| measured(shared.into_members().outside.samples))
}

/// An engine that goes on entering after the order to stop, as long as its outside sends books.
struct Tireless(Engine);

impl Agent for Tireless {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn turn(&mut self, now: Now) -> Turn {
        self.0.turn(now)
    }
    fn turned(&mut self, ended_at: MonoNs) {
        self.0.turned(ended_at);
    }
    fn due(&self) -> Option<MonoNs> {
        self.0.due()
    }
}

struct Pair<A, B> {
    outside: A,
    engine: B,
}

impl<A: Agent, B: Agent> Members for Pair<A, B> {
    fn each<'m>(&'m self, visit: &mut dyn FnMut(&'m dyn Agent)) {
        visit(&self.outside);
        visit(&self.engine);
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Agent)) {
        visit(&mut self.outside);
        visit(&mut self.engine);
    }
}

type Send = Box<dyn FnMut(BookTop) -> bool + std::marker::Send>;
type Take = Box<dyn FnMut() -> Option<OrderRequest> + std::marker::Send>;

/// An engine without bounds that this bench could reach, and its outside.
fn joined(clock: Clock, engine_post: &Post) -> Option<(Outside<Send, Take>, Engine)> {
    let plan = plan().map_err(|error| println!("  {error}")).ok()?;
    let (books_tx, books) = BOOKS.open_to(engine_post.waker());
    let (requests, requests_rx) = REQUESTS.open();
    let (events_tx, events) = EVENTS.open_to(engine_post.waker());
    let ((facts, facts_rx), (reports, reports_rx)) = (FACTS.open(), REPORTS.open());
    let (due, _) = DUE.open();
    for (id, best) in [(2, RATE), (3, USDT), (0, DULL)] {
        let mut top = book(InstrumentId(id), best);
        (top.image, top.received_at, top.alive_at) = (1, clock.mono(), clock.mono());
        books_tx.send(top).ok()?;
    }
    let permission = Arc::new(PermissionWord::shut());
    permission.grant(Permission::Trade, MonoNs(u64::MAX));
    let pace = Pace::Every(DurNs::from_secs(1));
    let finished = Arc::new(AtomicBool::new(false));
    let (latencies, board) = (Latencies::default(), Arc::default());
    let checkpoints = Checkpoints::default();
    let (loops, journal) = (0, None);
    let charge =
        Charge { permission, pace, loops, finished, journal, board, latencies, checkpoints };
    let ports = Ports { books, events, requests, facts, reports, due };
    let engine = Engine::new(Box::new(Core::new(&plan)), ports, charge);
    let record = Record { events: events_tx, facts: facts_rx, reports: reports_rx };
    let send: Send = Box::new(move |top| books_tx.send(top).is_ok());
    let take: Take = Box::new(move || requests_rx.take());
    Some((Outside::new(clock, (send, take), Some(record)), engine))
}

fn plan() -> Result<EnginePlan, String> {
    let loaded = load_bytes("bench", CONFIG, &Request::default());
    let mut plan = loaded.map_err(|faults| faults.to_string())?.checked.engine;
    let long = DurNs::from_secs(3_600);
    let ages = &mut plan.ages;
    (ages.max_quote_age, ages.max_fx_age, ages.alive_within) = (long, long, long);
    ages.max_quiet_book = long;
    plan.signal.entry_interval = DurNs(0);
    (plan.risk.orders_per_second, plan.risk.orders_per_minute) = (UNBOUNDED, UNBOUNDED);
    Ok(plan)
}

fn two_threads<B, R, A>(
    clock: Clock,
    (outside, far): (Outside<B, R>, A),
    (cores, post): ([usize; 2], Post),
) -> Samples
where
    B: FnMut(BookTop) -> bool + std::marker::Send + 'static,
    R: FnMut() -> Option<OrderRequest> + std::marker::Send + 'static,
    A: Agent + std::marker::Send + 'static,
{
    let mut crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
    let outside_post = Post::new("outside", Wait::Spin, PATIENCE).on_core(Some(cores[0]));
    // The far end serves until the last sample is there.
    let post = post.on_core(Some(cores[1])).after(outside_post.pulse());
    let far = crew.start(far, post).ok()?;
    let outside = crew.start(outside, outside_post).ok()?;
    let samples = finish(&crew, outside).map(|outside| measured(outside.samples));
    finish(&crew, far).and(samples)
}

fn measured(samples: Vec<u64>) -> Vec<u64> {
    samples.into_iter().skip(WARM_UP).collect()
}

/// Ordered to drain an agent still takes all its samples.
fn finish<A>(crew: &Crew, worker: Worker<A>) -> Option<A> {
    let is_pinned = matches!(worker.pinned(), Pinned::On { .. });
    crew.stop(Order::Drain);
    match crew.join(worker, MonoNs(u64::MAX)).end {
        End::Returned(agent, _) => Some(agent).filter(|_| is_pinned),
        End::Panicked(_) | End::Left => None,
    }
}

fn main() {
    let online = cores::online();
    let [first, second, ..] = online[..] else {
        println!("tick_to_order_ns: NOT RUN: two spinning threads need two cores");
        return;
    };
    let cores = [first, second];
    type Run = Box<dyn Fn() -> Samples>;
    let contenders: [(&'static str, Run); 5] = [
        ("crossbeam, spinning", Box::new(move || crossbeam_run(cores, false))),
        ("threads, spinning", Box::new(move || engine_run(cores, Wait::Spin))),
        ("shared, one thread", Box::new(move || shared_run(cores))),
        ("crossbeam, sleeping", Box::new(move || crossbeam_run(cores, true))),
        ("threads, parked", Box::new(move || engine_run(cores, Wait::Park))),
    ];
    let mut rows: Vec<Row> =
        contenders.iter().map(|(name, _)| Row { name, samples: Vec::new() }).collect();
    for _ in 0..ROUNDS {
        for ((name, run), row) in contenders.iter().zip(&mut rows) {
            match run() {
                Some(samples) if samples.len() == SAMPLES => row.samples.extend(samples),
                _ => println!("  {name}: a run failed, was not pinned or not finished"),
            }
        }
    }
    println!("tick_to_order_ns: book on the link to order request taken, on cores {cores:?}");
    table::print(&mut rows);
}
