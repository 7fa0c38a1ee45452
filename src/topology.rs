//! THE wiring: which agents there are, which links join them. Reads like the diagram.
//!
//! ```text
//! feed (one a venue) ── books ──▶ engine ── requests ──▶ gateway
//!        └───────────── books ─────────────────────────────▲ │
//!                                 engine ◀── events ─────────┘
//!                                 engine ── facts ──▶ whoever keeps the record
//!                                 engine ── reports, due ──▶ whoever shows it
//! ```

pub mod venues;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::engine::agent::Charge;
use crate::engine::agent::Engine;
use crate::engine::agent::Pace;
use crate::engine::agent::Ports as EnginePorts;
use crate::engine::core::Core;
use crate::engine::limits::EnginePlan;
use crate::feed::agent::Feed;
use crate::feed::books::Books;
use crate::gateway::limits::PaperLimits;
use crate::gateway::limits::PaperPlan;
use crate::gateway::paper::Paper;
use crate::gateway::paper::Ports as PaperPorts;
use crate::runtime::idle::Waker;
use crate::runtime::link::BOOKS;
use crate::runtime::link::DUE;
use crate::runtime::link::EVENTS;
use crate::runtime::link::FACTS;
use crate::runtime::link::NOTICES;
use crate::runtime::link::REPORTS;
use crate::runtime::link::REQUESTS;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::sim::agent::MarketFeed;
use crate::sim::market::Market;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::stats::shared::Latencies;
use crate::types::board::DogBoard;
use crate::types::board::EngineBoard;
use crate::types::board::FeedBoard;
use crate::types::board::ProcessBoard;
use crate::types::board::Terms;
use crate::types::control::PermissionWord;
use crate::types::fact::Fact;
use crate::types::ids::VenueId;
use crate::types::journal::JournalState;
use crate::types::market::BookTop;
use crate::types::market::Instrument;
use crate::types::notice::Notice;
use crate::types::order::OrderEvent;
use crate::types::order::OrderRequest;
use crate::types::report::Checkpoints;
use crate::types::report::CycleReport;
use crate::watchdog::agent::Ports as DogPorts;
use crate::watchdog::sources::Subjects;
use crate::watchdog::sources::Waiting;

/// What a plant is built from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The engine's limits, instruments and balances.
    pub engine: EnginePlan,
    /// How the simulated venue behaves.
    pub paper: PaperLimits,
    /// When a cycle closes.
    pub pace: Pace,
    /// Cycles after which the engine is finished; 0 for no end.
    pub loops: u64,
    /// Which cycles end in a checkpoint.
    pub checkpoints: Checkpoints,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

/// What a plant is given from outside: on threads the wakers of its readers, after a restart the
/// engine's state, with a journal how that fares.
#[derive(Default)]
pub struct Site {
    /// The engine as its journal left it; `None` for a new one.
    pub core: Option<Box<Core>>,
    /// How the journal fares.
    pub journal: Option<Arc<JournalState>>,
    /// Venues that the run can go on without.
    pub optional: Vec<VenueId>,
    /// Wakes the engine's thread.
    pub engine: Option<Waker>,
    /// Wakes the gateway's thread.
    pub gateway: Option<Waker>,
    /// Wakes the thread that keeps the record.
    pub record: Option<Waker>,
    /// Wakes the thread that shows reports.
    pub telemetry: Option<Waker>,
}

/// All agents of a run with simulated fills, not started. `F` is what plays a venue's feed.
pub struct Plant<F> {
    /// One feed a venue, in the order of [`VenueId::ALL`].
    pub feeds: Vec<F>,
    /// The engine.
    pub engine: Engine,
    /// The simulated venue.
    pub gateway: Paper,
    /// What orders may do.
    pub permission: Arc<PermissionWord>,
    /// Raised when the engine has closed its last cycle.
    pub finished: Arc<AtomicBool>,
    /// What its threads show.
    pub boards: Boards,
    /// How long the engine's work waits, as it records it.
    pub latencies: Latencies,
}

impl<F> Plant<F> {
    /// The same with other feeds, made of these.
    pub fn with_feeds<G>(self, mut make: impl FnMut(F) -> G) -> Plant<G> {
        self.try_with_feeds(|feed| Some(make(feed)))
    }
    /// The same without the feeds of which none can be made.
    pub fn try_with_feeds<G>(self, make: impl FnMut(F) -> Option<G>) -> Plant<G> {
        let Plant { feeds, engine, gateway, permission, finished, boards, latencies } = self;
        let feeds = feeds.into_iter().filter_map(make).collect();
        Plant { feeds, engine, gateway, permission, finished, boards, latencies }
    }
}

/// What the threads of a run show to its watchdog and to telemetry.
pub struct Boards {
    /// The engine's figures.
    pub engine: Arc<EngineBoard>,
    /// Each venue's.
    pub feeds: Vec<(VenueId, Arc<FeedBoard>)>,
    /// What the gateway counts.
    pub gateway: Arc<Terms>,
    /// What telemetry measures.
    pub process: Arc<ProcessBoard>,
    /// The watchdog's state.
    pub dog: Arc<DogBoard>,
    /// How much waits for the engine, and for the gateway; taken by their watchdog.
    pub waiting: Option<[Waiting; 2]>,
    /// How many tops wait for the engine; taken by telemetry.
    pub left: Option<Waiting>,
    /// News for telemetry.
    pub notices: Tx<Notice>,
}

impl Boards {
    fn new(
        engine: Arc<EngineBoard>,
        feeds: Vec<(VenueId, Arc<FeedBoard>)>,
        gateway: Arc<Terms>,
        (waiting, left, notices): ([Waiting; 2], Waiting, Tx<Notice>),
    ) -> Boards {
        let (process, dog) = (Arc::default(), Arc::default());
        let (waiting, left) = (Some(waiting), Some(left));
        Boards { engine, feeds, gateway, process, dog, waiting, left, notices }
    }
    /// What a watchdog finds here; the threads are not known here.
    pub fn subjects(&self) -> Subjects {
        Subjects {
            venues: self.feeds.iter().map(|(venue, b)| (venue.name(), Arc::clone(b))).collect(),
            figures: Arc::clone(&self.engine),
            process: Arc::clone(&self.process),
            gateway_terms: Some(Arc::clone(&self.gateway)),
            ..Subjects::default()
        }
    }
    /// What a watchdog writes.
    pub fn dog_ports(&self, permission: &Arc<PermissionWord>) -> DogPorts {
        let (board, notices) = (Arc::clone(&self.dog), Some(self.notices.clone()));
        DogPorts { permission: Arc::clone(permission), board, notices }
    }
}

/// Links that lead out of the plant.
pub struct Outlets {
    /// What happened, for the record.
    pub facts: Rx<Fact>,
    /// The state at the close of each cycle.
    pub reports: Rx<CycleReport>,
    /// The same once more where a checkpoint is due.
    pub due: Rx<CycleReport>,
    /// News of watchdog, feeds and journal.
    pub notices: Rx<Notice>,
}

/// The venues of these instruments, in the order of [`VenueId::ALL`].
pub fn venues(instruments: &[Instrument]) -> Vec<VenueId> {
    let is_traded = |venue: &VenueId| instruments.iter().any(|i| i.venue == *venue);
    VenueId::ALL.into_iter().filter(is_traded).collect()
}

/// Recorded frames, simulated fills.
pub fn replay_plant(plan: &Plan) -> (Plant<(VenueId, Feed)>, Outlets) {
    feed_plant(plan, Site::default())
}

/// Feeds without sockets: whoever has the frames gives them in. Simulated fills.
pub fn feed_plant(plan: &Plan, site: Site) -> (Plant<(VenueId, Feed)>, Outlets) {
    let feeds = |venue, links, _, _| {
        let mine = plan.engine.instruments.iter().filter(|i| i.venue == venue);
        let names: Vec<_> = mine.map(|i| (i.id, i.name)).collect();
        (!names.is_empty()).then(|| (venue, Feed::new(Books::new(venue, &names), links)))
    };
    join(plan, site, feeds)
}

/// The synthetic market, simulated fills. Each feed steps its own copy of what the venues share.
///
/// # Errors
/// The market's own reason to refuse its plan.
pub fn mock_plant(
    plan: &Plan,
    market: &MarketPlan,
    site: Site,
) -> Result<(Plant<MarketFeed>, Outlets), PlanError> {
    market.check()?;
    Ok(join(plan, site, |venue, links, board, notices| {
        let market = Market::new(market, &[venue]).ok()?;
        Some(MarketFeed::new(venue, market, links, board).telling(notices))
    }))
}

/// Opens every link and joins the agents.
fn join<F>(
    plan: &Plan,
    site: Site,
    feed: impl Fn(VenueId, Vec<Tx<BookTop>>, Arc<FeedBoard>, Tx<Notice>) -> Option<F>,
) -> (Plant<F>, Outlets) {
    let permission = Arc::new(PermissionWord::shut());
    let finished = Arc::new(AtomicBool::new(false));
    let latencies = Latencies::default();
    let (engine_books_tx, engine_books) = BOOKS.open_to::<BookTop>(site.engine.clone());
    let (gateway_books_tx, gateway_books) = BOOKS.open_to::<BookTop>(site.gateway.clone());
    let (requests_tx, requests) = REQUESTS.open_to(site.gateway);
    let (events_tx, events) = EVENTS.open_to(site.engine);
    let (facts_tx, facts) = FACTS.open_to(site.record);
    let (reports_tx, reports) = REPORTS.open_to(site.telemetry.clone());
    let (due_tx, due) = DUE.open_to(site.telemetry.clone());
    let (notices_tx, notices) = NOTICES.open_to(site.telemetry);

    // The gateway first: a fill walks the book that the decision saw, or a newer one. The engine
    // last: feeds count what goes to their last link.
    let links = || vec![gateway_books_tx.clone(), engine_books_tx.clone()];
    let made = VenueId::ALL.into_iter().filter_map(|venue| {
        let board = Arc::new(FeedBoard::default());
        board.is_optional.store(site.optional.contains(&venue), Ordering::Relaxed);
        let feed = feed(venue, links(), Arc::clone(&board), notices_tx.clone());
        feed.map(|feed| (feed, (venue, board)))
    });
    let (feeds, boards): (_, Vec<_>) = made.unzip();
    let waiting = waiting((&engine_books_tx, &events_tx), &requests_tx);
    let books = engine_books_tx.clone();
    let left: Waiting = Box::new(move || books.waiting() as u64);
    let engine_board = Arc::new(EngineBoard::default());
    let core = site.core.unwrap_or_else(|| Box::new(Core::new(&plan.engine)));
    let paper = paper_plan(plan, &core);
    let ports = EnginePorts {
        books: engine_books,
        events,
        requests: requests_tx,
        facts: facts_tx,
        reports: reports_tx,
        due: due_tx,
    };
    let charge = Charge {
        permission: Arc::clone(&permission),
        pace: plan.pace,
        loops: plan.loops,
        finished: Arc::clone(&finished),
        journal: site.journal,
        board: Arc::clone(&engine_board),
        latencies: latencies.clone(),
        checkpoints: plan.checkpoints,
    };
    let engine = Engine::new(core, ports, charge);
    let ports = PaperPorts { requests, events: events_tx, books: gateway_books };
    let gateway = Paper::new(paper, ports, Arc::clone(&permission));
    let boards = Boards::new(engine_board, boards, gateway.terms(), (waiting, left, notices_tx));
    let outlets = Outlets { facts, reports, due, notices };
    (Plant { feeds, engine, gateway, permission, finished, boards, latencies }, outlets)
}

/// How much waits for the engine, and for the gateway.
fn waiting(
    (books, events): (&Tx<BookTop>, &Tx<OrderEvent>),
    requests: &Tx<OrderRequest>,
) -> [Waiting; 2] {
    let (books, events, requests) = (books.clone(), events.clone(), requests.clone());
    let engine = move || (books.waiting() + events.waiting()) as u64;
    let gateway = move || requests.waiting() as u64;
    [Box::new(engine), Box::new(gateway)]
}

/// The simulated accounts hold what the engine believes to own: at a new start the plan's balances.
fn paper_plan(plan: &Plan, core: &Core) -> PaperPlan {
    let engine = &plan.engine;
    let holdings = core.portfolio().holdings();
    PaperPlan {
        instruments: engine.instruments.clone(),
        fx: engine.fx,
        balances: holdings.iter().map(|h| (h.venue, h.asset, h.raw)).collect(),
        limits: plan.paper.clone(),
        ages: engine.ages.clone(),
        price_collar: engine.risk.price_collar,
        hedge_collar: engine.risk.hedge_collar,
        max_order_value: engine.risk.max_order_value,
        seed: plan.seed,
    }
}
