//! Simulated venue: fills by walking the ladder that stands after a sampled latency. Partial fills
//! happen, fees are charged, some orders are refused, balances are kept as a venue would.

use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::gateway::limits::PaperLimits;
use crate::gateway::limits::PaperPlan;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::types::age::QuoteTimes;
use crate::types::board::Terms;
use crate::types::control::Permission;
use crate::types::control::PermissionWord;
use crate::types::evidence::Term;
use crate::types::ids::Asset;
use crate::types::ids::TradeId;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::market::BuyFee;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::order::Ending;
use crate::types::order::Fee;
use crate::types::order::Fill;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;
use crate::types::order::Purpose;
use crate::types::order::RejectReason;
use crate::types::rng::SplitMix64;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::Usdt;

/// The ends of the links that the gateway holds.
pub struct Ports {
    /// Orders from the engine.
    pub requests: Rx<OrderRequest>,
    /// What became of them.
    pub events: Tx<OrderEvent>,
    /// Tops of book from the feeds.
    pub books: Rx<BookTop>,
}

/// An order on its way to the simulated venue.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    arrives_at: MonoNs,
    request: OrderRequest,
}

/// The paper gateway agent: all venues.
pub struct Paper {
    plan: PaperPlan,
    ports: Ports,
    permission: Arc<PermissionWord>,
    tops: Vec<BookTop>,
    alive_at: [MonoNs; limit::VENUES],
    in_flight: ArrayVec<InFlight, { limit::ORDERS }>,
    ledger: Vec<(VenueId, Asset, i64)>,
    rng: SplitMix64,
    next_trade: u64,
    /// Events that found their link full. The link is declared to halt: no order is taken any more.
    events_lost: u64,
    /// Orders that passed the last look, those that left, and fills of the venue's ledger.
    terms: Arc<Terms>,
    approvals: u64,
    sends: u64,
}

impl Paper {
    /// From a plan; allocates once.
    pub fn new(plan: PaperPlan, ports: Ports, permission: Arc<PermissionWord>) -> Paper {
        Paper {
            tops: plan.instruments.iter().map(|i| BookTop::empty(i.id)).collect(),
            alive_at: [MonoNs(0); limit::VENUES],
            in_flight: ArrayVec::new(),
            ledger: plan.balances.clone(),
            rng: SplitMix64::new(plan.seed, u64::from_be_bytes(*b"papergwy")),
            next_trade: 1,
            events_lost: 0,
            terms: Arc::default(),
            approvals: 0,
            sends: 0,
            plan,
            ports,
            permission,
        }
    }
    /// Balances of the simulated accounts: the venue's own truth.
    pub fn ledger(&self) -> &[(VenueId, Asset, i64)] {
        &self.ledger
    }
    /// What it counts, for the conservation identities.
    pub fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms)
    }
    /// Events that could not be reported.
    pub fn events_lost(&self) -> u64 {
        self.events_lost
    }

    fn show(&self) {
        self.terms.put(Term::Approvals, self.approvals);
        self.terms.put(Term::Sends, self.sends);
        self.terms.put(Term::FillsVenue, self.next_trade - 1);
    }

    fn take_books(&mut self) -> bool {
        let mut worked = false;
        while let Some(top) = self.ports.books.take() {
            let venue = self.plan.instruments[top.instrument.index()].venue.index();
            self.alive_at[venue] = self.alive_at[venue].max(top.alive_at);
            let index = top.instrument.index();
            self.tops[index] = top;
            worked = true;
        }
        worked
    }

    fn take_requests(&mut self, now: MonoNs) -> bool {
        let mut worked = false;
        while !self.in_flight.is_full() {
            let Some(request) = self.ports.requests.take() else { break };
            worked = true;
            match self.last_look(&request, now) {
                Ok(()) => {
                    self.approvals += 1;
                    let arrives_at = now.plus(self.latency());
                    self.in_flight.push(InFlight { arrives_at, request });
                    self.sends += 1;
                }
                Err(reason) => self.finish(&request, Ending::Rejected(reason), Qty::ZERO),
            }
        }
        worked
    }

    /// The last hop: permission with its lease, age and sanity of the book, once more, immediately
    /// before an order leaves.
    fn last_look(&self, request: &OrderRequest, now: MonoNs) -> Result<(), RejectReason> {
        let needed = Permission::needed_for(request.purpose);
        if self.permission.at(now) < needed || self.events_lost > 0 {
            return Err(RejectReason::Gate);
        }
        let instrument = &self.plan.instruments[request.instrument.index()];
        let top = &self.tops[request.instrument.index()];
        let fresh = self.is_fresh(instrument, now);
        let best = top.ladder(request.side).best();
        let collar = match request.purpose {
            Purpose::Hedge => self.plan.hedge_collar,
            Purpose::Entry | Purpose::Exit => self.plan.price_collar,
        };
        let near = best.is_some_and(|best| request.limit.distance_from(best.price) <= collar);
        if request.purpose == Purpose::Entry {
            self.look_at_entry(request, now)?;
        }
        if top.invalid.is_none() && fresh && near { Ok(()) } else { Err(RejectReason::StaleQuote) }
    }

    /// New risk: FX and the other leg's book have to be fresh too, and the order no larger than any
    /// order may be.
    fn look_at_entry(&self, request: &OrderRequest, now: MonoNs) -> Result<(), RejectReason> {
        let own = &self.plan.instruments[request.instrument.index()];
        let is_mate = |i: &&Instrument| i.base == own.base && i.quote != own.quote;
        let mate = self.usable().filter(is_mate).any(|mate| self.is_fresh(mate, now));
        let is_fx = |i: &&Instrument| {
            i.base.as_str() == "USDT" && i.quote == Quote::Krw && i.venue == self.plan.fx
        };
        let age = |i: &Instrument| now.since(self.tops[i.id.index()].received_at);
        let fx = self.usable().find(is_fx).filter(|fx| age(fx) < self.plan.ages.max_fx_age);
        let rate = fx.and_then(|fx| self.tops[fx.id.index()].ladder(Side::Buy).best());
        let Some(rate) = rate.filter(|_| mate) else { return Err(RejectReason::StaleQuote) };
        let value = request.limit.times::<()>(request.qty, Round::Up).map(|value| value.raw());
        let krw = value.and_then(|raw| match own.quote {
            Quote::Krw => Some(Krw::from_raw(raw)),
            Quote::Usdt => Usdt::from_raw(raw).to_krw(rate.price, Round::Up),
        });
        let small = krw.is_some_and(|krw| krw <= self.plan.max_order_value);
        if small { Ok(()) } else { Err(RejectReason::Gate) }
    }

    /// Instruments whose book is valid.
    fn usable(&self) -> impl Iterator<Item = &Instrument> {
        self.plan.instruments.iter().filter(|i| self.tops[i.id.index()].invalid.is_none())
    }

    fn is_fresh(&self, instrument: &Instrument, now: MonoNs) -> bool {
        let top = &self.tops[instrument.id.index()];
        let times = QuoteTimes::of(top, self.alive_at[instrument.venue.index()]);
        self.plan.ages.is_fresh(instrument, times, now)
    }

    /// Minimum plus an exponential part, capped.
    fn latency(&mut self) -> DurNs {
        let PaperLimits { latency_min, latency_mean, latency_max, .. } = self.plan.limits;
        let part = self.rng.exponential(latency_mean.0.saturating_sub(latency_min.0));
        DurNs(latency_min.0.saturating_add(part).min(latency_max.0.max(latency_min.0)))
    }

    fn execute_due(&mut self, now: MonoNs) -> bool {
        let mut worked = false;
        while let Some(index) = self.earliest().filter(|i| self.in_flight[*i].arrives_at <= now) {
            let request = self.in_flight.remove(index).request;
            self.execute(&request);
            worked = true;
        }
        worked
    }

    /// The order that arrives first; of two at once the one sent first.
    fn earliest(&self) -> Option<usize> {
        let by_arrival = |i: &usize| self.in_flight[*i].arrives_at;
        (0..self.in_flight.len()).min_by_key(by_arrival)
    }

    fn execute(&mut self, request: &OrderRequest) {
        let refused = self.rng.below(Ppm::ONE.get() as u64) < self.plan.limits.reject.get() as u64;
        if refused {
            return self.finish(request, Ending::Rejected(RejectReason::Venue), Qty::ZERO);
        }
        let top = &self.tops[request.instrument.index()];
        if top.invalid.is_some() {
            // It has left: a venue whose book we cannot see fills nothing here.
            return self.finish(request, Ending::Rejected(RejectReason::Venue), Qty::ZERO);
        }
        if !self.passes_filters(request) {
            return self.finish(request, Ending::Rejected(RejectReason::Filter), Qty::ZERO);
        }
        if !self.is_funded(request) {
            return self.finish(request, Ending::Rejected(RejectReason::Balance), Qty::ZERO);
        }
        self.report(request, OrderEventKind::Ack);
        let fills = self.walk(request);
        let mut filled = Qty::ZERO;
        for (price, qty) in fills {
            filled = filled.plus(qty).unwrap_or(filled);
            self.fill(request, price, qty);
        }
        let ending = if filled == request.qty { Ending::Filled } else { Ending::Cancelled };
        self.finish(request, ending, filled);
    }

    /// What the standing ladder gives within the limit, level by level.
    fn walk(&self, request: &OrderRequest) -> ArrayVec<(Price, Qty), { limit::TOP_LEVELS + 1 }> {
        let ladder = self.tops[request.instrument.index()].ladder(request.side);
        let within = |price: Price| match request.side {
            Side::Buy => price <= request.limit,
            Side::Sell => price >= request.limit,
        };
        let mut fills = ArrayVec::new();
        let mut rest = request.qty;
        for level in ladder.levels().take_while(|level| within(level.price)) {
            let there = level.qty.portion(self.plan.limits.depth, Round::Down);
            let qty = there.unwrap_or(Qty::ZERO).min(rest);
            if !qty.is_zero() {
                fills.push((level.price, qty));
                rest = rest.minus(qty);
            }
            if rest.is_zero() {
                break;
            }
        }
        fills
    }

    /// The venue's own rules: grid of prices and quantities, smallest order.
    fn passes_filters(&self, request: &OrderRequest) -> bool {
        let instrument = &self.plan.instruments[request.instrument.index()];
        let value = request.limit.times::<()>(request.qty, Round::Down);
        instrument.ticks.snap(request.limit, Round::Down) == Some(request.limit)
            && request.qty.floor_to(instrument.lot) == request.qty
            && value.is_some_and(|value| value.raw() >= instrument.min_notional_raw)
    }

    fn is_funded(&self, request: &OrderRequest) -> bool {
        let instrument = &self.plan.instruments[request.instrument.index()];
        let (code, needed) = match request.side {
            Side::Sell => (Some(instrument.base), Some(request.qty.raw())),
            Side::Buy => {
                let cost = request.limit.times::<()>(request.qty, Round::Up);
                let fee = cost.and_then(|cost| cost.portion(instrument.fee, Round::Up));
                let total = cost.zip(fee).and_then(|(cost, fee)| cost.plus(&fee));
                (asset(instrument.quote.code()), total.map(|total| total.raw()))
            }
        };
        let owned = code.map_or(0, |code| self.owned(instrument.venue, code));
        needed.is_some_and(|needed| needed <= owned)
    }

    fn owned(&self, venue: VenueId, code: Asset) -> i64 {
        let same = |row: &&(VenueId, Asset, i64)| row.0 == venue && row.1 == code;
        self.ledger.iter().find(same).map_or(0, |row| row.2)
    }

    fn fill(&mut self, request: &OrderRequest, price: Price, qty: Qty) {
        let instrument = self.plan.instruments[request.instrument.index()].clone();
        let round = if request.side == Side::Buy { Round::Up } else { Round::Down };
        let Some(notional) = price.times::<()>(qty, round) else { return };
        let in_base = request.side == Side::Buy && instrument.buy_fee == BuyFee::Base;
        let fee = match in_base {
            true => qty.portion(instrument.fee, Round::Up).map(Fee::Base),
            false => notional.portion(instrument.fee, Round::Up).map(|fee| Fee::Quote(fee.raw())),
        };
        let Some(fee) = fee else { return };
        self.settle(&instrument, (request.side, notional.raw()), (qty, fee));
        let trade = TradeId(self.next_trade);
        self.next_trade += 1;
        self.report(request, OrderEventKind::Fill(Fill { trade, price, qty, fee }));
    }

    /// The venue's own bookkeeping of one match.
    fn settle(&mut self, instrument: &Instrument, trade: (Side, i64), moved: (Qty, Fee)) {
        let ((side, notional_raw), (qty, fee)) = (trade, moved);
        let (fee_quote, fee_base) = match fee {
            Fee::Quote(raw) => (raw, 0),
            Fee::Base(qty) => (0, qty.raw()),
        };
        let (base, quote) = match side {
            Side::Buy => (qty.raw() - fee_base, -notional_raw - fee_quote),
            Side::Sell => (-qty.raw(), notional_raw - fee_quote),
        };
        self.move_balance((instrument.venue, instrument.base), base);
        if let Some(code) = asset(instrument.quote.code()) {
            self.move_balance((instrument.venue, code), quote);
        }
    }

    fn move_balance(&mut self, of: (VenueId, Asset), by: i64) {
        let same = |row: &&mut (VenueId, Asset, i64)| (row.0, row.1) == of;
        match self.ledger.iter_mut().find(same) {
            Some(row) => row.2 = row.2.saturating_add(by),
            None => self.ledger.push((of.0, of.1, by)),
        }
    }

    fn finish(&mut self, request: &OrderRequest, ending: Ending, filled: Qty) {
        self.report(request, OrderEventKind::Done { ending, filled });
    }

    fn report(&mut self, request: &OrderRequest, kind: OrderEventKind) {
        let sent = self.ports.events.send(OrderEvent { id: request.id, kind });
        self.events_lost += u64::from(sent.is_err());
    }
}

impl Agent for Paper {
    fn name(&self) -> &'static str {
        "gateway"
    }

    fn turn(&mut self, now: Now) -> Turn {
        let books = self.take_books();
        let executed = self.execute_due(now.mono);
        let requests = self.take_requests(now.mono);
        if executed || requests || self.terms.get(Term::Sends).is_none() {
            self.show();
        }
        if books || executed || requests { Turn::Worked } else { Turn::Idle }
    }

    fn due(&self) -> Option<MonoNs> {
        self.earliest().map(|index| self.in_flight[index].arrives_at)
    }
}
