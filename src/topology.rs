//! THE wiring: which agents there are, which links join them. Reads like the diagram.
//!
//! ```text
//! feed (one a venue) ── books ──▶ engine ── requests ──▶ gateway
//!        └───────────── books ─────────────────────────────▲ │
//!                                 engine ◀── events ─────────┘
//!                                 engine ── facts ──▶ whoever keeps the record
//!                                 engine ── reports ──▶ whoever shows it
//! ```

use std::sync::Arc;

use crate::engine::agent::Engine;
use crate::engine::agent::Pace;
use crate::engine::agent::Ports as EnginePorts;
use crate::engine::core::Core;
use crate::engine::limits::EnginePlan;
use crate::feed::agent::Feed;
use crate::feed::books::Books;
use crate::gateway::paper::Paper;
use crate::gateway::paper::PaperLimits;
use crate::gateway::paper::PaperPlan;
use crate::gateway::paper::Ports as PaperPorts;
use crate::runtime::link::BOOKS;
use crate::runtime::link::EVENTS;
use crate::runtime::link::FACTS;
use crate::runtime::link::REPORTS;
use crate::runtime::link::REQUESTS;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::sim::agent::MarketFeed;
use crate::sim::market::Market;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::types::control::PermissionWord;
use crate::types::fact::Fact;
use crate::types::ids::VenueId;
use crate::types::market::BookTop;
use crate::types::report::CycleReport;

/// What a plant is built from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The engine's limits, instruments and balances.
    pub engine: EnginePlan,
    /// How the simulated venue behaves.
    pub paper: PaperLimits,
    /// When a cycle closes.
    pub pace: Pace,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

/// All agents of a run with simulated fills, not started. `F` is what plays a venue's feed.
pub struct Plant<F> {
    /// One feed a venue, in the order of [`VenueId::ALL`].
    pub feeds: Vec<F>,
    /// The engine.
    pub engine: Engine,
    /// The simulated venue.
    pub gateway: Paper,
    /// What happened, for the record.
    pub facts: Rx<Fact>,
    /// The state at the close of each cycle.
    pub reports: Rx<CycleReport>,
    /// What orders may do.
    pub permission: Arc<PermissionWord>,
}

/// Recorded frames, simulated fills.
pub fn replay_plant(plan: &Plan) -> Plant<(VenueId, Feed)> {
    let feeds = |venue, links| {
        let mine = plan.engine.instruments.iter().filter(|i| i.venue == venue);
        let names: Vec<_> = mine.map(|i| (i.id, i.name)).collect();
        Some((venue, Feed::new(Books::new(venue, &names), links)))
    };
    join(plan, feeds)
}

/// The synthetic market, simulated fills. Each feed steps its own copy of what the venues share.
///
/// # Errors
/// The market's own reason to refuse its plan.
pub fn mock_plant(plan: &Plan, market: &MarketPlan) -> Result<Plant<MarketFeed>, PlanError> {
    market.check()?;
    Ok(join(plan, |venue, links| {
        let market = Market::new(market, &[venue]).ok()?;
        Some(MarketFeed::new(venue, market, links))
    }))
}

/// Opens every link and joins the agents.
fn join<F>(plan: &Plan, feed: impl Fn(VenueId, Vec<Tx<BookTop>>) -> Option<F>) -> Plant<F> {
    let permission = Arc::new(PermissionWord::shut());
    let (engine_books_tx, engine_books) = BOOKS.open::<BookTop>();
    let (gateway_books_tx, gateway_books) = BOOKS.open::<BookTop>();
    let (requests_tx, requests) = REQUESTS.open();
    let (events_tx, events) = EVENTS.open();
    let (facts_tx, facts) = FACTS.open();
    let (reports_tx, reports) = REPORTS.open();

    // The gateway first: a fill walks the book that the decision saw, or a newer one.
    let links = || vec![gateway_books_tx.clone(), engine_books_tx.clone()];
    let feeds = VenueId::ALL.into_iter().filter_map(|venue| feed(venue, links())).collect();
    let core = Core::new(&plan.engine);
    let ports = EnginePorts {
        books: engine_books,
        events,
        requests: requests_tx,
        facts: facts_tx,
        reports: reports_tx,
    };
    let engine = Engine::new(core, ports, (Arc::clone(&permission), plan.pace));
    let ports = PaperPorts { requests, events: events_tx, books: gateway_books };
    let gateway = Paper::new(paper_plan(plan), ports, Arc::clone(&permission));
    Plant { feeds, engine, gateway, facts, reports, permission }
}

fn paper_plan(plan: &Plan) -> PaperPlan {
    let engine = &plan.engine;
    let collar = engine.risk.price_collar.max(engine.risk.hedge_collar);
    PaperPlan {
        instruments: engine.instruments.clone(),
        balances: engine.balances.iter().map(|b| (b.venue, b.asset, b.raw)).collect(),
        limits: plan.paper.clone(),
        ages: engine.ages.clone(),
        collar,
        seed: plan.seed,
    }
}
