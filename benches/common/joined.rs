//! Feed and engine, connected to a venue on loopback and joined to each other, without threads.

use std::collections::VecDeque;
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
use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::desk::ANSWERS;
use arb::feed::desk::Answer;
use arb::feed::desk::JOBS;
use arb::feed::desk::Job;
use arb::feed::limits::FeedLimits;
use arb::feed::limits::Rate;
use arb::feed::socket::SocketFeed;
use arb::feed::socket::SocketParts;
use arb::net::dial::DIAL_LIMITS;
use arb::net::serve::Peer;
use arb::net::url::Endpoint;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::crew::Post;
use arb::runtime::link::DUE;
use arb::runtime::link::EVENTS;
use arb::runtime::link::FACTS;
use arb::runtime::link::Link;
use arb::runtime::link::NOTICES;
use arb::runtime::link::REPORTS;
use arb::runtime::link::REQUESTS;
use arb::runtime::link::Rx;
use arb::runtime::link::WhenFull;
use arb::runtime::shared::Members;
use arb::stats::shared::Latencies;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::market::BookTop;
use arb::types::market::Level;
use arb::types::report::Checkpoints;
use arb::types::report::CycleReport;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::LoopClock;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::types::units::SCALE;
use arb::venue::stream_of;

use crate::loopback;
use crate::loopback::Sample;
use crate::loopback::Times;

/// Deadlines that no run comes near.
const LONG: DurNs = DurNs::from_secs(10);
const CONFIG: &[u8] = b"mode: {current: mock}";
/// Best bid and ask of the books that stand still, in whole units.
const STANDING: [(VenueId, &str, &str, (i64, i64)); 2] = [
    (VenueId::Upbit, "USDT", "KRW", (1_387, 1_388)),
    (VenueId::Binance, "BTC", "USDT", (61_837, 61_838)),
];
/// As many tops as a run has.
const DEEP: Link = Link { name: "books", depth: 2_048, when_full: WhenFull::KeepNewest };
/// The engine, and when it was done with which frame.
pub struct Decider {
    pub engine: Engine,
    /// The same tops that the engine gets, one for one.
    tops: Rx<BookTop>,
    reports: Rx<CycleReport>,
    /// Numbers of the tops that the engine has not taken yet, so far as known.
    waiting: VecDeque<Option<usize>>,
    /// Tops that it has taken and that were accounted for.
    taken: u64,
    times: Arc<Times>,
    pub samples: Vec<Sample>,
}

impl Agent for Decider {
    fn name(&self) -> &'static str {
        self.engine.name()
    }
    fn turn(&mut self, now: Now) -> Turn {
        self.engine.turn(now)
    }
    fn turned(&mut self, ended_at: MonoNs) {
        self.engine.turned(ended_at);
        while let Some(top) = self.tops.take() {
            self.waiting.push_back(loopback::number_of(&top));
        }
        while self.taken < self.engine.progress().taken {
            self.taken += 1;
            if let Some(number) = self.waiting.pop_front().flatten() {
                self.samples.push(self.times.answer(number, ended_at));
            }
        }
        while self.reports.take().is_some() {}
    }
    fn due(&self) -> Option<MonoNs> {
        self.engine.due()
    }
}

/// Feed and engine turn by turn.
pub struct Pair {
    pub feed: SocketFeed,
    pub decider: Decider,
}

impl Members for Pair {
    fn each<'m>(&'m self, visit: &mut dyn FnMut(&'m dyn Agent)) {
        visit(&self.feed);
        visit(&self.decider);
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Agent)) {
        visit(&mut self.feed);
        visit(&mut self.decider);
    }
}

/// A feed that is connected and has asked for its book, the engine behind it, and the venue's end
/// of the connection. With its own post the engine is woken.
pub fn ours(
    clock: Clock,
    times: &Arc<Times>,
    engine_post: Option<&Post>,
) -> Option<(SocketFeed, Decider, Peer)> {
    let plan = plan().map_err(|error| println!("  {error}")).ok()?;
    let (engine_tx, books) = DEEP.open_to(engine_post.and_then(Post::waker));
    let (side_tx, tops) = DEEP.open();
    for (venue, base, quote, best) in STANDING {
        let mut top = standing(id_of(&plan, (venue, base, quote))?, best);
        (top.image, top.received_at, top.alive_at) = (1, clock.mono(), clock.mono());
        engine_tx.send(top.clone()).ok()?;
        side_tx.send(top).ok()?;
    }
    let btc = (id_of(&plan, (VenueId::Upbit, "BTC", "KRW"))?, instrument_name("BTC", "KRW")?);
    let feed = Feed::new(Books::new(VenueId::Upbit, &[btc]), vec![side_tx, engine_tx]);
    let (feed, peer) = connected(feed, clock)?;
    let (engine, reports) = engine(&plan, books);
    let times = Arc::clone(times);
    let (waiting, samples) = (VecDeque::new(), Vec::new());
    Some((feed, Decider { engine, tops, reports, waiting, taken: 0, times, samples }, peer))
}

/// Plays the desk, whose only errand here is the connection.
fn connected(feed: Feed, clock: Clock) -> Option<(SocketFeed, Peer)> {
    let ((job_tx, jobs), (answer_tx, answers)) = (JOBS.open(), ANSWERS.open());
    let (notices, _) = NOTICES.open();
    let limits = FeedLimits {
        venue: VenueId::Upbit,
        websocket: Endpoint::parse("ws://127.0.0.1:9").ok()?,
        rest: Endpoint::parse("http://127.0.0.1:9").ok()?,
        roots: vec![],
        dial: DIAL_LIMITS,
        request: LONG,
        lookup: LONG,
        silence_cap: DurNs::from_secs(15),
        lag_cap: DurNs::from_secs(2),
        reconnect_cap: LONG,
        rate: Rate { per_second: 10, burst: 20 },
        seed: 7,
    };
    let (stream, board) = (stream_of(VenueId::Upbit), Arc::default());
    let parts = SocketParts { limits, stream, feed, jobs: job_tx, answers, board, notices };
    let (mut feed, mut now) = (SocketFeed::new(parts), LoopClock::of(clock));
    feed.turn(now.now());
    let Some(Job::Dial(ticket)) = jobs.take() else { return None };
    let (socket, mut peer) = loopback::websocket()?;
    answer_tx.send(Answer::Dialed(ticket, Ok(Box::new(socket)))).ok()?;
    while peer.bytes_in() == 0 || feed.turn(now.now()) == Turn::Worked {
        feed.turn(now.now());
        peer.poll(clock.mono());
    }
    Some((feed, peer))
}

fn engine(plan: &EnginePlan, books: Rx<BookTop>) -> (Engine, Rx<CycleReport>) {
    let ((requests, _), (_, events)) = (REQUESTS.open(), EVENTS.open());
    let ((facts, _), (reports, reports_rx), (due, _)) = (FACTS.open(), REPORTS.open(), DUE.open());
    let permission = Arc::new(PermissionWord::shut());
    permission.grant(Permission::Trade, MonoNs(u64::MAX));
    let charge = Charge {
        permission,
        pace: Pace::Every(DurNs::from_secs(1)),
        loops: 0,
        finished: Arc::new(AtomicBool::new(false)),
        journal: None,
        board: Arc::default(),
        latencies: Latencies::default(),
        checkpoints: Checkpoints::default(),
    };
    let ports = Ports { books, events, requests, facts, reports, due };
    (Engine::new(Box::new(Core::new(plan)), ports, charge), reports_rx)
}

/// Books that stand still count as fresh for the whole run.
fn plan() -> Result<EnginePlan, String> {
    let loaded = load_bytes("bench", CONFIG, &Request::default());
    let mut plan = loaded.map_err(|faults| faults.to_string())?.checked.engine;
    let long = DurNs::from_secs(3_600);
    let ages = &mut plan.ages;
    (ages.max_quote_age, ages.max_fx_age, ages.alive_within) = (long, long, long);
    ages.max_quiet_book = long;
    Ok(plan)
}

fn id_of(plan: &EnginePlan, (venue, base, quote): (VenueId, &str, &str)) -> Option<InstrumentId> {
    let name = instrument_name(base, quote)?;
    let mut found = plan.instruments.iter().filter(|i| i.venue == venue && i.name == name);
    found.next().map(|instrument| instrument.id)
}

fn standing(id: InstrumentId, best: (i64, i64)) -> BookTop {
    let mut top = BookTop::empty(id);
    top.invalid = None;
    let level = |whole: i64| {
        let price = Price::from_raw(whole * SCALE);
        price.zip(Qty::from_raw(100_000 * SCALE)).map(|(price, qty)| Level { price, qty })
    };
    top.bids.extend(level(best.0));
    top.asks.extend(level(best.1));
    top
}
