//! An engine core with its audit beside it, and a venue that answers as the test tells it.
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use arb::engine::core::Core;
use arb::engine::limits::Accounting;
use arb::engine::limits::EnginePlan;
use arb::types::control::Permission;
use arb::types::fact::Fact;
use arb::types::fact::FactKind;
use arb::types::fact::PairChange;
use arb::types::fact::Refusal;
use arb::types::ids::TradeId;
use arb::types::market::Side;
use arb::types::order::Ending;
use arb::types::order::Fee;
use arb::types::order::Fill;
use arb::types::order::OrderEvent;
use arb::types::order::OrderEventKind;
use arb::types::order::OrderRequest;
use arb::types::order::RejectReason;
use arb::types::rng::SplitMix64;
use arb::types::time::Now;
use arb::types::units::Qty;
use arb::verdict::audit::Audit;
use arb::verdict::audit::Claim;
use arb::verdict::audit::Row;

use super::*;

/// Far more than any order takes, raw units.
pub const BIG: i64 = 100_000_000;

/// Core and audit side by side, with a venue that answers as it is told.
pub struct World {
    /// The engine.
    pub core: Core,
    /// What the facts add up to.
    pub audit: Audit,
    /// Every fact so far.
    pub facts: Vec<Fact>,
    /// Orders that left and were not taken by the test yet.
    pub sent: Vec<OrderRequest>,
    pub next_trade: u64,
}

impl World {
    /// A core on the ample plan.
    pub fn new(accounting: Accounting) -> World {
        World::of(&plan(accounting))
    }
    /// A core on any plan.
    pub fn of(plan: &EnginePlan) -> World {
        let start: Vec<Row> = plan.balances.iter().map(|b| (b.venue, b.asset, b.raw)).collect();
        let mut core = Core::new(plan);
        core.set_permission(Permission::Trade);
        let audit = Audit::new(&plan.instruments, &start);
        World { core, audit, facts: Vec::new(), sent: Vec::new(), next_trade: 1 }
    }
    /// The same with books at parity.
    pub fn with_market(accounting: Accounting, now: Now) -> World {
        let mut world = World::new(accounting);
        world.market(0, now);
        world
    }
    /// Books with the KRW venue `premium_krw` above parity (86,000,000 won a coin).
    pub fn market(&mut self, premium_krw: i64, now: Now) {
        let won = 86_000_000 + premium_krw;
        self.show(book(KRW, (won, won + 1_000), BIG, now), now);
        self.show(book(USDT, (62_000, 62_001), BIG, now), now);
        self.show(book(FX, (1_387, 1_388), 100_000 * BIG, now), now);
    }
    /// One top, stored and decided on.
    pub fn show(&mut self, top: arb::types::market::BookTop, now: Now) {
        self.core.on_book(&top, now);
        self.core.decide(top.instrument, now);
        self.collect();
    }
    /// Takes what the core wants done.
    pub fn collect(&mut self) {
        let out = self.core.outbox();
        let facts: Vec<Fact> = out.facts.drain(..).collect();
        self.sent.extend(out.requests.drain(..));
        facts.iter().for_each(|fact| self.audit.on_fact(fact));
        self.facts.extend(facts);
    }
    /// One order event.
    pub fn event(&mut self, event: OrderEvent, now: Now) {
        self.core.on_event(&event, now);
        self.collect();
    }
    /// A fill of part of an order at its limit.
    pub fn fill_of(&mut self, request: &OrderRequest, part: Qty) -> OrderEvent {
        let trade = TradeId(self.next_trade);
        self.next_trade += 1;
        let fee = match (request.instrument == USDT, request.side) {
            (true, Side::Buy) => Fee::Base(qty(part.raw() / 1_000 + 1)),
            _ => Fee::Quote(part.raw() / 7 + 1),
        };
        let fill = Fill { trade, price: request.limit, qty: part, fee };
        OrderEvent { id: request.id, kind: OrderEventKind::Fill(fill) }
    }
    /// A fill of the whole order at its limit with the fee that its venue charges.
    pub fn plain_fill(&mut self, request: &OrderRequest) -> OrderEvent {
        let mut event = self.fill_of(request, request.qty);
        if let OrderEventKind::Fill(fill) = &mut event.kind {
            let fee = if request.instrument == USDT { 1_000 } else { 500 };
            let notional = fill.price.times::<()>(fill.qty, arb::types::units::Round::Up);
            let notional = notional.expect("in range").raw();
            fill.fee = Fee::Quote(notional / 1_000_000 * fee + 1);
        }
        event
    }
    /// The end of an order.
    pub fn done(request: &OrderRequest, filled: Qty) -> OrderEvent {
        let ending = match filled {
            full if full == request.qty => Ending::Filled,
            Qty::ZERO => Ending::Rejected(RejectReason::Venue),
            _ => Ending::Cancelled,
        };
        OrderEvent { id: request.id, kind: OrderEventKind::Done { ending, filled } }
    }
    /// Fills an order completely.
    pub fn fill_whole(&mut self, request: OrderRequest, now: Now) {
        let fill = self.fill_of(&request, request.qty);
        self.event(fill, now);
        self.event(World::done(&request, request.qty), now);
    }
    /// Refuses an order.
    pub fn reject(&mut self, request: OrderRequest, now: Now) {
        self.event(World::done(&request, Qty::ZERO), now);
    }
    /// Orders that left since the last call.
    pub fn take_sent(&mut self) -> Vec<OrderRequest> {
        std::mem::take(&mut self.sent)
    }
    /// Whether balances, results and fees are what the facts add up to.
    pub fn is_conserved(&self) -> bool {
        let portfolio = self.core.portfolio();
        let held: Vec<Row> =
            portfolio.holdings().iter().map(|h| (h.venue, h.asset, h.raw)).collect();
        self.audit.agrees_with(&Claim {
            balances: &held,
            realized_raw: portfolio.realized.raw(),
            fees_raw: portfolio.fees.raw(),
            fills: portfolio.fills,
        })
    }
    /// Every change of a pair so far.
    pub fn changes(&self) -> Vec<PairChange> {
        let change = |fact: &Fact| match fact.kind {
            FactKind::Pair { change, .. } => Some(change),
            _ => None,
        };
        self.facts.iter().filter_map(change).collect()
    }
    /// How often the core refused for that reason.
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.core.counts().refusals[refusal as usize]
    }
}

/// Events of one order, whole or in parts, possibly repeated, in any order.
pub fn answers(world: &mut World, request: &OrderRequest, rng: &mut SplitMix64) -> Vec<OrderEvent> {
    let parts = match rng.below(4) {
        0 => vec![],
        1 => vec![request.qty],
        2 => vec![qty(rng.below(request.qty.raw() as u64) as i64 + 1)],
        _ => {
            let first = rng.below(request.qty.raw() as u64) as i64;
            let second = rng.below((request.qty.raw() - first) as u64) as i64;
            vec![qty(first), qty(second)].into_iter().filter(|q| !q.is_zero()).collect()
        }
    };
    let total = parts.iter().map(|part| part.raw()).sum();
    let mut events = vec![OrderEvent { id: request.id, kind: OrderEventKind::Ack }];
    for part in parts {
        events.push(world.fill_of(request, part));
    }
    events.push(World::done(request, qty(total)));
    let repeat = rng.below(events.len() as u64) as usize;
    events.push(events[repeat]);
    events
}

pub fn shuffle<T>(items: &mut [T], rng: &mut SplitMix64) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.below(last as u64 + 1) as usize);
    }
}
