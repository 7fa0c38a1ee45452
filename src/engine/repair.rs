//! What follows when a pair's orders are over: it stands, it is over, or its legs differ and are
//! repaired by at most two collared orders within a loss budget. Never a naked position unnoticed.

use arrayvec::ArrayVec;

use crate::engine::core::Core;
use crate::engine::entry::Draft;
use crate::engine::entry::draft;
use crate::engine::limits::Accounting;
use crate::engine::pair::Next;
use crate::engine::pair::Pair;
use crate::engine::pair::Stage;
use crate::engine::portfolio::affordable;
use crate::engine::residual::Residual;
use crate::engine::signal::Route;
use crate::engine::value::Leg;
use crate::engine::value::value_krw;
use crate::engine::view::Depth;
use crate::types::fact::PairChange;
use crate::types::fact::Reference;
use crate::types::fact::Refusal;
use crate::types::ids::InstrumentId;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::order::Purpose;
use crate::types::time::DurNs;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::SignedQty;
use crate::types::units::mul_div;

/// How long a repair waits for a venue that cannot be read or traded on now. After it, what the
/// reachable venue offers within the budget is taken, or the excess goes to the residual ledger,
/// where its price stop works.
const PATIENCE: DurNs = DurNs::from_secs(10);

/// A repair order and what it is expected to move in won (positive).
struct Repair {
    draft: Draft,
    worth: Krw,
}

/// Why no repair order goes out now.
enum NoRepair {
    /// Not now: books, FX, permission or a rate limit; tried again at the next change.
    Later(Refusal),
    /// Never: no venue takes so small an order, or it would cost more than the budget.
    Never,
}

impl Core {
    /// Moves a pair on once none of its orders is at work.
    pub(super) fn settle(&mut self, index: usize, now: Now) {
        match self.pairs[index].next() {
            Next::Wait => {}
            Next::Missed => {
                let id = self.pairs[index].id;
                self.change(now, id, PairChange::Missed);
            }
            Next::Stand => self.stand(index, now),
            Next::Over => self.finish(index, now),
            Next::Repair(excess) => {
                let id = self.pairs[index].id;
                let known = matches!(self.pairs[index].stage, Stage::Unhedged { .. });
                if !known && !self.change(now, id, PairChange::Unhedged { excess }) {
                    return;
                }
                self.repair(index, now);
            }
        }
    }

    /// Equal legs: a capture pair is done, a convergence pair waits for its exit. What is too small
    /// to be ordered on both venues ever again is done as well: its coins are balanced.
    fn stand(&mut self, index: usize, now: Now) {
        let pair = &self.pairs[index];
        let (route, matched) = (pair.route, pair.matched());
        let capture = self.exit.accounting == Accounting::Capture;
        if capture || pair.is_sweep || !self.is_orderable(route, matched) {
            self.finish(index, now);
            return;
        }
        let id = pair.id;
        self.change(now, id, PairChange::Opened { qty: matched });
    }

    fn finish(&mut self, index: usize, now: Now) {
        let (id, pnl) = (self.pairs[index].id, self.pairs[index].cash);
        self.change(now, id, PairChange::Closed { pnl });
    }

    /// Sends the better of the two possible repair orders, or hands the excess to the ledger.
    pub(super) fn repair(&mut self, index: usize, now: Now) {
        let pair = &self.pairs[index];
        let Stage::Unhedged { attempts, since } = pair.stage else { return };
        if now.mono < pair.retry_at {
            return;
        }
        let (id, waited) = (pair.id, now.mono.since(since));
        let spent = attempts >= self.risk.limits().hedge_attempts;
        match if spent { Err(NoRepair::Never) } else { self.find_repair(index, now) } {
            Ok(draft) => self.send(id, draft, now),
            Err(NoRepair::Later(refusal)) if waited < PATIENCE => self.refuse(refusal),
            Err(_) => self.hand_over(index, now),
        }
    }

    /// Selling an excess (or buying a lack) on either venue of the pair repairs it: on one it
    /// completes the late leg, on the other it undoes the early one. The better price wins.
    fn find_repair(&self, index: usize, now: Now) -> Result<Draft, NoRepair> {
        let pair = &self.pairs[index];
        let excess = pair.excess();
        let side = if excess > SignedQty::ZERO { Side::Sell } else { Side::Buy };
        let mut options: ArrayVec<Repair, 2> = ArrayVec::new();
        let mut later = None;
        for id in [pair.buy, pair.sell] {
            match self.repair_on(id, (side, excess.size()), now) {
                Ok(option) => options.extend(option),
                Err(refusal) => later = Some(refusal),
            }
        }
        let per_coin = |option: &Repair| {
            let qty = option.draft.request.qty.raw();
            mul_div(option.worth.raw(), crate::types::units::SCALE, qty, Round::Down).unwrap_or(0)
        };
        let best = match side {
            Side::Sell => options.iter().max_by_key(|option| per_coin(option)),
            Side::Buy => options.iter().min_by_key(|option| per_coin(option)),
        };
        match (best, later) {
            (Some(best), _) if self.within_budget(pair, best) => self.gate_repair(best, now),
            // One venue may be unreadable for a moment: wait for it rather than give up.
            (_, Some(refusal)) => Err(NoRepair::Later(refusal)),
            _ => Err(NoRepair::Never),
        }
    }

    fn gate_repair(&self, option: &Repair, now: Now) -> Result<Draft, NoRepair> {
        if self.orders.room() == 0 {
            return Err(NoRepair::Later(Refusal::OpenOrders));
        }
        let checked = self.risk.check(&[option.draft.proposal], &self.standing(), now.mono);
        checked.map(|()| option.draft).map_err(NoRepair::Later)
    }

    /// A repair order on one venue, cut to what is visible and affordable there; `Ok(None)` if the
    /// venue takes no order of that size. A leg in won needs no fresh FX.
    fn repair_on(
        &self,
        id: InstrumentId,
        what: (Side, Qty),
        now: Now,
    ) -> Result<Option<Repair>, Refusal> {
        let (side, wanted) = what;
        self.view.check_book(id, now.mono)?;
        let leg = self.view.leg(id, side, Depth::Refined);
        let fx = match leg.instrument.quote {
            Quote::Krw => self.view.fx.last().ok_or(Refusal::StaleFx)?,
            Quote::Usdt => self.view.fresh_fx(now.mono)?,
        };
        let within = wanted.min(leg.visible_qty()).min(self.affordable_on(&leg)?);
        let qty = within.floor_to(leg.instrument.lot);
        let best = leg.ladder.best().ok_or(Refusal::Depth)?.price;
        let value = best.times::<()>(qty, Round::Down).ok_or(Refusal::Overflow)?;
        if qty.is_zero() || value.raw() < leg.instrument.min_notional_raw {
            return Ok(None);
        }
        let walked = leg.walk(qty).ok_or(Refusal::Depth)?;
        let worth = value_krw(&leg, &walked, fx).ok_or(Refusal::Overflow)?;
        let limit = self.hedge_limit(&leg, best).ok_or(Refusal::Overflow)?;
        let draft = draft(&leg, (qty, limit), (Purpose::Hedge, fx, now.mono))?;
        Ok(Some(Repair { draft, worth }))
    }

    /// How much the balance pays for at the worst price that a repair may have.
    fn affordable_on(&self, leg: &Leg<'_>) -> Result<Qty, Refusal> {
        let owned = self.portfolio.available_raw(leg.instrument.id, leg.side);
        let best = leg.ladder.best().ok_or(Refusal::Depth)?.price;
        let enough = match leg.side {
            Side::Sell => Qty::from_raw(owned),
            Side::Buy => best
                .shifted(self.risk.limits().hedge_collar, Round::Up)
                .and_then(|worst| affordable(owned, worst, leg.instrument.fee)),
        };
        enough.ok_or(Refusal::Overflow)
    }

    /// As far as the hedge collar lets it: an IOC order takes the better prices first anyway.
    fn hedge_limit(
        &self,
        leg: &Leg<'_>,
        best: crate::types::units::Price,
    ) -> Option<crate::types::units::Price> {
        let collar = self.risk.limits().hedge_collar;
        let ticks = &leg.instrument.ticks;
        match leg.side {
            Side::Buy => {
                Some(ticks.snap(best.shifted(collar, Round::Down)?, Round::Down)?.max(best))
            }
            Side::Sell => {
                Some(ticks.snap(best.shifted(collar.negated(), Round::Up)?, Round::Up)?.min(best))
            }
        }
    }

    /// Whether a repair costs at most the budget more than the leg was to cost when the pair's
    /// orders were decided. A sweep has none: it is there because its price stop was hit or because
    /// dust has grown large enough to be ordered at all.
    fn within_budget(&self, pair: &Pair, option: &Repair) -> bool {
        if pair.is_sweep {
            return true;
        }
        let qty = option.draft.request.qty;
        let Reference { qty: of, cost, proceeds } = pair.reference;
        let share = |total: Krw| mul_div(total.raw(), qty.raw(), of.raw(), Round::Down);
        let loss = match option.draft.request.side {
            Side::Sell => share(proceeds).map(|expected| expected - option.worth.raw()),
            Side::Buy => share(cost).map(|expected| option.worth.raw() - expected),
        };
        let budget = pair.notional.portion(self.risk.limits().hedge_loss, Round::Down);
        match (loss, budget) {
            (Some(loss), Some(budget)) => loss <= budget.raw(),
            _ => false,
        }
    }

    /// The excess goes to the residual ledger at its present value; the pair keeps what is matched.
    fn hand_over(&mut self, index: usize, now: Now) {
        let pair = &self.pairs[index];
        let (id, excess) = (pair.id, pair.excess());
        let value = match self.kept_basis(pair).or_else(|| self.excess_value(pair)) {
            Some(value) => value,
            None => return self.counts.contradictions += 1,
        };
        if self.change(now, id, PairChange::Residual { excess, value }) {
            self.settle(index, now);
        }
    }

    /// A sweep that failed goes back at the value it came with, less what it already brought in, so
    /// that its price stop stays where it was.
    fn kept_basis(&self, pair: &Pair) -> Option<Krw> {
        let basis = pair.cash.negated();
        let same_sign = basis.raw().signum() == pair.excess().raw().signum();
        Some(basis).filter(|_| pair.is_sweep && same_sign)
    }

    /// What a pair's excess is worth now on the KRW venue; without any book what it was to be worth
    /// when its orders were decided.
    fn excess_value(&self, pair: &Pair) -> Option<Krw> {
        let excess = pair.excess();
        let now = self.residual_value(self.routes[pair.route].krw, excess);
        now.or_else(|| {
            let Reference { qty, cost, .. } = pair.reference;
            let size = mul_div(cost.raw(), excess.size().raw(), qty.raw(), Round::Down)?;
            Some(Krw::from_raw(if excess > SignedQty::ZERO { size } else { -size }))
        })
    }

    /// What closing the pair's excess would leave of it now: its result while it is not open.
    pub(super) fn unhedged_result(&self, pair: &Pair) -> Krw {
        let value = self.excess_value(pair).unwrap_or(Krw::ZERO);
        pair.cash.plus(&value).unwrap_or(pair.cash)
    }

    /// Σ (present value − booked value) of the residual ledger.
    pub(super) fn residual_result(&self) -> Krw {
        let mut sum = Krw::ZERO;
        for row in self.residuals.rows().iter().filter(|row| row.qty != SignedQty::ZERO) {
            let of_base = |route: &&Route| self.view.instrument(route.krw).base == row.base;
            let krw = self.routes.iter().find(of_base).map(|route| route.krw);
            let value = krw.and_then(|krw| self.residual_value(krw, row.qty));
            let gain = value.and_then(|value| value.minus(&row.value)).unwrap_or(Krw::ZERO);
            sum = sum.plus(&gain).unwrap_or(sum);
        }
        sum
    }

    /// What an excess is worth on the KRW venue at its best price, with the sign of the excess.
    fn residual_value(&self, krw: InstrumentId, excess: SignedQty) -> Option<Krw> {
        let (side, round) = match excess > SignedQty::ZERO {
            true => (Side::Sell, Round::Down),
            false => (Side::Buy, Round::Up),
        };
        let best = self.view.leg(krw, side, Depth::Refined).ladder.best()?.price;
        let size: Krw = best.times(excess.size(), round)?;
        Some(if excess > SignedQty::ZERO { size } else { size.negated() })
    }

    /// Σ value of what stands unhedged: pairs under repair and the ledger.
    pub(super) fn unhedged_value(&self) -> Krw {
        let mut total = self.residuals.total();
        let unhedged = |pair: &&Pair| matches!(pair.stage, Stage::Unhedged { .. });
        for pair in self.pairs.iter().filter(unhedged) {
            let value = self.excess_value(pair);
            let size = value.map_or(pair.notional, |value| value.max(value.negated()));
            total = total.plus(&size).unwrap_or(total);
        }
        total
    }

    /// Once a cycle: residuals that have grown large enough to be ordered, or whose price stop is
    /// hit, become a pair of their own that is worked off like any other excess.
    pub(super) fn sweep_residuals(&mut self, now: Now) {
        for row in 0..self.residuals.rows().len() {
            let residual = self.residuals.rows()[row];
            let base = residual.base;
            let is_route =
                |index: &usize| self.view.instrument(self.routes[*index].krw).base == base;
            let route = (0..self.routes.len()).find(is_route);
            let Some(route) = route.filter(|_| residual.qty != SignedQty::ZERO) else { continue };
            let due = residual.qty != residual.attempted || self.residual_stop(route, &residual);
            let size = residual.qty.size();
            if due && self.is_orderable_somewhere(route, size) && !self.pairs.is_full() {
                self.sweep(row, route, now);
            }
        }
    }

    /// The single-leg price stop: the price has moved against the residual by the stop distance.
    fn residual_stop(&self, route: usize, residual: &Residual) -> bool {
        let long = residual.qty > SignedQty::ZERO;
        let side = if long { Side::Sell } else { Side::Buy };
        let leg = self.view.leg(self.routes[route].krw, side, Depth::Refined);
        let (Some(best), Some(taken)) = (leg.ladder.best(), residual.taken_at()) else {
            return false;
        };
        let stop = self.exit.residual_stop;
        let against = if long { stop.negated() } else { stop };
        match taken.shifted(against, Round::Down) {
            Some(stop_price) if long => best.price <= stop_price,
            Some(stop_price) => best.price >= stop_price,
            None => false,
        }
    }

    fn sweep(&mut self, row: usize, route: usize, now: Now) {
        let residual = self.residuals.rows()[row];
        let (krw, id) = (self.routes[route].krw, self.next_pair_id());
        let (excess, value) = (residual.qty, residual.value);
        if self.change(now, id, PairChange::Swept { krw, excess, value }) {
            self.repair(self.pairs.len() - 1, now);
        }
    }

    /// True while something stands unhedged that is more than a lot and large enough for a venue to
    /// take an order for it. Less is dust: it is in the residual ledger and cannot be traded away.
    pub fn is_exposed(&self) -> bool {
        let exposed = |route: usize, qty: Qty| {
            qty > self.routes[route].lot && self.is_orderable_somewhere(route, qty)
        };
        let pair = |pair: &Pair| exposed(pair.route, pair.excess().size());
        let row = |row: &Residual| {
            let of_base =
                |index: &usize| self.view.instrument(self.routes[*index].krw).base == row.base;
            (0..self.routes.len()).find(of_base).is_some_and(|r| exposed(r, row.qty.size()))
        };
        self.pairs.iter().any(pair) || self.residuals.rows().iter().any(row)
    }
}
