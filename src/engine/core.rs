//! The order of decisions: what happens when a book, an order event or a cycle arrives. Pure.

use arrayvec::ArrayVec;

use crate::engine::flow::Flow;
use crate::engine::limits::EnginePlan;
use crate::engine::limits::ExitLimits;
use crate::engine::limits::RebalanceLimits;
use crate::engine::limits::SignalLimits;
use crate::engine::orders::Applied;
use crate::engine::orders::Orders;
use crate::engine::pair::Pair;
use crate::engine::pair::Stage;
use crate::engine::portfolio::Portfolio;
use crate::engine::residual::Residuals;
use crate::engine::risk::Risk;
use crate::engine::risk::Standing;
use crate::engine::signal::Direction;
use crate::engine::signal::Route;
use crate::engine::signal::routes;
use crate::engine::trace::Trace;
use crate::engine::view::Depth;
use crate::engine::view::View;
use crate::stats::edges::EdgeDistribution;
use crate::types::control::Permission;
use crate::types::fact::Fact;
use crate::types::fact::FactKind;
use crate::types::fact::Refusal;
use crate::types::ids::InstrumentId;
use crate::types::ids::PairId;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::market::Side;
use crate::types::order::Ending;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;
use crate::types::order::RejectReason;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::Qty;

/// What the engine wants done: drained by its agent after each call.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    /// Orders to send, after the facts.
    pub requests: ArrayVec<OrderRequest, { limit::OUTBOX }>,
    /// What happened, in order.
    pub facts: ArrayVec<Fact, { limit::FACTS }>,
}

impl Outbox {
    /// True if there is nothing to hand over.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.requests.is_empty()
    }
}

/// What the engine counts by itself.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Decisions taken: one for each direction of each route at each change.
    pub decisions: u64,
    /// Candidates whose net edge reached the threshold at a plausible level.
    pub signals: u64,
    /// Candidates and orders refused, by [`Refusal`].
    pub refusals: [u64; Refusal::COUNT],
    /// Pairs whose legs were sent.
    pub entered: u64,
    /// Pairs with at least one fill.
    pub opened: u64,
    /// Of those, closed.
    pub closed: u64,
    /// Pairs of which neither leg matched.
    pub missed: u64,
    /// Pairs whose legs differed at some time.
    pub unhedged: u64,
    /// Residuals handed to the ledger.
    pub residuals: u64,
    /// Pairs closed by the stop-loss.
    pub stop_losses: u64,
    /// Orders rejected by the venue or the last hop.
    pub rejects: u64,
    /// Orders that ended with a part unmatched.
    pub partials: u64,
    /// Orders whose end did not come in time.
    pub timeouts: u64,
    /// Order events that contradict what we know. Entries stop.
    pub contradictions: u64,
    /// Valid books seen crossed: an invariant broken by a feed.
    pub crossed_books: u64,
}

/// The engine's state. `on_*` take input, the outbox holds what follows.
pub struct Core {
    pub(super) view: View,
    pub(super) routes: Vec<Route>,
    pub(super) signal: SignalLimits,
    pub(super) exit: ExitLimits,
    pub(super) rebalance: RebalanceLimits,
    pub(super) risk: Risk,
    pub(super) orders: Orders,
    pub(super) portfolio: Portfolio,
    pub(super) pairs: ArrayVec<Pair, { limit::PAIRS }>,
    pub(super) residuals: Residuals,
    pub(super) last_entry: [Option<MonoNs>; limit::ROUTES],
    pub(super) permission: Permission,
    pub(super) counts: Counts,
    pub(super) flow: Flow,
    pub(super) trace: Trace,
    pub(super) out: Outbox,
    edges: Vec<[EdgeDistribution; 2]>,
    pub(super) next_pair: u64,
    /// The KST day that the daily sums belong to.
    pub(super) day: Option<u64>,
}

impl Core {
    /// From checked limits. Allocates everything that it will ever use.
    pub fn new(plan: &EnginePlan) -> Core {
        let mut routes = routes(&plan.instruments);
        routes.truncate(limit::ROUTES);
        let edges = routes.iter().map(|_| Default::default()).collect();
        Core {
            view: View::new(plan),
            signal: plan.signal.clone(),
            exit: plan.exit.clone(),
            rebalance: plan.rebalance.clone(),
            risk: Risk::new(plan.risk.clone()),
            orders: Orders::new(),
            portfolio: Portfolio::new(&plan.instruments, &plan.balances),
            pairs: ArrayVec::new(),
            residuals: Residuals::new(&plan.instruments),
            last_entry: [None; limit::ROUTES],
            permission: Permission::Query,
            counts: Counts::default(),
            flow: Flow::default(),
            trace: Trace::default(),
            out: Outbox::default(),
            edges,
            routes,
            next_pair: 1,
            day: None,
        }
    }

    /// What orders may do from now on, as read from the permission word.
    pub fn set_permission(&mut self, permission: Permission) {
        self.permission = permission;
    }

    /// Takes over a top of book and samples the edges of its routes if it is a new image.
    pub fn on_book(&mut self, top: &BookTop, now: Now) {
        self.roll_day(now);
        let is_new_image = self.view.take(top, now.mono);
        if !is_new_image {
            return;
        }
        let crossed = match (top.bids.first(), top.asks.first()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => true,
        };
        self.counts.crossed_books += u64::from(crossed);
        for index in 0..self.routes.len() {
            if self.touches(index, top.instrument) {
                self.sample_edges(index, now.mono);
            }
        }
    }

    /// Decides on everything that a change of `instrument` may concern: repairs first, then exits,
    /// then entries.
    pub fn decide(&mut self, instrument: InstrumentId, now: Now) {
        self.trace.add(self.view.top(instrument).digest);
        self.manage_pairs(instrument, now);
        for index in 0..self.routes.len() {
            if self.touches(index, instrument) {
                for direction in Direction::BOTH {
                    self.consider_entry(index, direction, now);
                }
            }
        }
    }

    /// Applies what a gateway reports.
    pub fn on_event(&mut self, event: &OrderEvent, now: Now) {
        self.trace.add_event(event);
        if self.orders.request(event.id).is_none() {
            self.counts.contradictions += 1;
            return;
        }
        let fx = self.view.fx.last();
        self.roll_day(now);
        let outcome = self.apply_event(event, fx, now.mono);
        if outcome.applied == Applied::Repeated {
            return;
        }
        self.note(now, FactKind::Order { event: *event, fx });
        if let Some(index) = outcome.ended.and_then(|pair| self.pair_index(pair)) {
            self.settle(index, now);
        }
    }

    /// An order that could not be handed over: it never left, so it ended with nothing.
    pub fn on_unsent(&mut self, request: &OrderRequest, now: Now) {
        self.refuse(Refusal::LinkFull);
        let ending = Ending::Rejected(RejectReason::Gate);
        let kind = OrderEventKind::Done { ending, filled: Qty::ZERO };
        self.on_event(&OrderEvent { id: request.id, kind }, now);
    }

    /// Marks orders whose end is overdue; true if there were any.
    pub fn on_timer(&mut self, now: Now) -> bool {
        let timeout = self.risk.limits().order_timeout;
        let expired = self.orders.expire(now.mono, timeout);
        self.counts.timeouts += expired as u64;
        expired > 0
    }

    /// When [`Core::on_timer`] has something to do.
    pub fn due(&self) -> Option<MonoNs> {
        self.orders.next_expiry(self.risk.limits().order_timeout)
    }

    /// Closes a cycle: day roll, rebalancing, residuals.
    pub fn on_cycle(&mut self, now: Now) {
        self.roll_day(now);
        // Backwards, because settling a pair may remove it. Its books may all be silent.
        for index in (0..self.pairs.len()).rev() {
            let unhedged = matches!(self.pairs[index].stage, Stage::Unhedged { .. });
            if unhedged && self.pairs[index].orders.is_empty() {
                self.repair(index, now);
            }
        }
        self.rebalance(now);
        self.sweep_residuals(now);
    }

    /// Hands out what is to be done. Valid until the next call.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.out
    }

    fn sample_edges(&mut self, index: usize, now: MonoNs) {
        let route = self.routes[index];
        for direction in Direction::BOTH {
            let Ok(legs) = self.view.legs(&route, direction, (Depth::Image, now)) else { return };
            let ask = self.view.top(route.krw).image_ladder(Side::Buy).best();
            let qty = ask.and_then(|ask| self.signal.position_size.buys_at(ask.price));
            let quoted = qty.and_then(|qty| legs.at(qty.floor_to(route.lot)));
            if let Some(quoted) = quoted {
                self.edges[index][direction.index()].record(quoted.edge);
            }
        }
    }

    /// True while no order is at work and no pair's legs differ: nothing is lost by stopping here.
    pub fn is_at_rest(&self) -> bool {
        let unhedged = |pair: &Pair| matches!(pair.stage, Stage::Unhedged { .. });
        self.orders.open() == 0 && !self.pairs.iter().any(unhedged)
    }

    /// True once some route has valid, fresh books on both sides and fresh FX.
    pub fn has_fresh_route(&self, now: MonoNs) -> bool {
        let fresh =
            |route: &Route| self.view.legs(route, Direction::BuyKrw, (Depth::Refined, now)).is_ok();
        self.routes.iter().any(fresh)
    }

    /// True if a change of `instrument` moves the edge of that route.
    pub(super) fn touches(&self, route: usize, instrument: InstrumentId) -> bool {
        let route = &self.routes[route];
        route.krw == instrument || route.usdt == instrument || self.view.is_fx(instrument)
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.counts.refusals[refusal as usize] += 1;
    }

    pub(super) fn note(&mut self, at: Now, kind: FactKind) {
        // The bound holds every fact of one call; a fuller outbox would be a bug, and then the run
        // stops trading rather than going on with an incomplete record.
        if self.out.facts.try_push(Fact { at, kind }).is_err() {
            self.counts.contradictions += 1;
        }
    }

    pub(super) fn next_pair_id(&self) -> PairId {
        PairId(self.next_pair)
    }

    pub(super) fn pair_index(&self, id: PairId) -> Option<usize> {
        self.pairs.iter().position(|pair| pair.id == id)
    }

    /// What the gate needs to know about the account now.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            permission: self.permission,
            open_orders: self.orders.open(),
            unknown_orders: self.orders.unknown(),
            open_pairs: self.pairs.len(),
            exposure: self.exposure(),
            day_result: self.day_result(),
            residual: self.unhedged_value(),
            contradictions: self.counts.contradictions,
        }
    }

    /// Σ notional of the pairs that are not closed.
    pub fn exposure(&self) -> Krw {
        let add = |sum: Krw, pair: &Pair| sum.plus(&pair.notional).unwrap_or(sum);
        self.pairs.iter().fold(Krw::ZERO, add)
    }

    /// Result if everything that is open closed now: marks of open pairs (the last known one when
    /// books are not fresh), present worth of excesses and of the residual ledger.
    pub fn unrealized(&self) -> Krw {
        let result = |pair: &Pair| match (pair.stage, pair.mark) {
            (Stage::Open | Stage::Closing { .. }, Some(mark)) => mark,
            _ => self.unhedged_result(pair),
        };
        let add = |sum: Krw, part: Krw| sum.plus(&part).unwrap_or(sum);
        self.pairs.iter().map(result).fold(self.residual_result(), add)
    }

    fn day_result(&self) -> Krw {
        let today = self.portfolio.realized_today;
        today.plus(&self.unrealized()).unwrap_or(today)
    }

    /// The edge distributions, by route and direction.
    pub fn edges(&self) -> impl Iterator<Item = (Route, Direction, &EdgeDistribution)> {
        self.routes.iter().zip(&self.edges).flat_map(|(route, both)| {
            Direction::BOTH.map(|direction| (*route, direction, &both[direction.index()]))
        })
    }
    /// The counts so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
    /// What became of the orders since [`Core::begin_flow`].
    pub fn flow(&self) -> &Flow {
        &self.flow
    }
    /// Orders are counted anew: what was restored is not of this process.
    pub(super) fn begin_flow(&mut self) {
        self.flow = Flow { intents: self.orders.open() as u64, ..Flow::default() };
    }
    /// True once the day's loss limit is reached: realised and unrealised.
    pub fn is_at_loss_limit(&self) -> bool {
        self.day_result() <= self.risk.limits().max_daily_loss.negated()
    }
    /// Balances and booked results.
    pub fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }
    /// Pairs that are not closed.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
    /// What stands unhedged outside pairs.
    pub fn residuals(&self) -> &Residuals {
        &self.residuals
    }
    /// The market as seen.
    pub fn view(&self) -> &View {
        &self.view
    }
    /// Orders at work.
    pub fn orders(&self) -> &Orders {
        &self.orders
    }
    /// Hash of every decision and order so far.
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }
    /// Adds a word of input that decides nothing (a feed's final digest) to the trace.
    pub fn add_to_trace(&mut self, word: u64) {
        self.trace.add(word);
    }
}
