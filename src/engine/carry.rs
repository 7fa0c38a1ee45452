//! The engine's durable state as a value, and back. What is handed on is exactly what facts build.

use crate::engine::apply::Misfit;
use crate::engine::core::Core;
use crate::engine::core::Counts;
use crate::engine::limits::EnginePlan;
use crate::engine::pair::Pair;
use crate::engine::pair::Stage;
use crate::engine::portfolio::Portfolio;
use crate::stats::ring::SampleRing;
use crate::types::carry::CarriedCounts;
use crate::types::carry::CarriedHolding;
use crate::types::carry::CarriedKind;
use crate::types::carry::CarriedOrder;
use crate::types::carry::CarriedPair;
use crate::types::carry::CarriedResidual;
use crate::types::carry::CarriedTotals;
use crate::types::carry::Carry;
use crate::types::time::MonoNs;
use crate::types::time::Now;

impl Core {
    /// What the next run has to know. Allocates: for start and end of a run, never in between.
    pub fn carry(&self, at: Now) -> Carry {
        Carry {
            at,
            next_order: self.orders.next_id(),
            next_pair: self.next_pair_id(),
            fx: self.view.fx.last(),
            totals: self.carried_totals(),
            counts: carried_counts(&self.counts),
            holdings: carried_holdings(&self.portfolio),
            pairs: self.pairs.iter().map(carried_pair).collect(),
            orders: self.orders.carried(),
            residuals: self.carried_residuals(),
        }
    }

    /// True if nothing was taken over from an earlier process and nothing happened yet. Which day
    /// it is does not count: without any booking, the first input begins the day anyway.
    pub fn is_new(&self, plan: &EnginePlan) -> bool {
        let without_day = |core: &Core| {
            let mut carry = core.carry(Now::default());
            carry.totals.day = None;
            carry
        };
        without_day(self) == without_day(&Core::new(plan))
    }

    /// An engine that continues where `carry` was made; `now` is the same moment or later. Orders
    /// at work have an unknown outcome.
    pub(super) fn adopt(plan: &EnginePlan, carry: &Carry, now: Now) -> Result<Box<Core>, Misfit> {
        let mut core = Box::new(Core::new(&EnginePlan { balances: Vec::new(), ..plan.clone() }));
        carry.holdings.iter().for_each(|holding| core.portfolio.adopt(holding));
        carry.fx.into_iter().for_each(|fx| core.view.fx.recall(fx));
        core.adopt_totals(&carry.totals);
        adopt_counts(&mut core.counts, &carry.counts);
        for pair in &carry.pairs {
            core.adopt_pair(pair, &|mono| now.place(mono, carry.at))?;
        }
        for order in &carry.orders {
            core.adopt_order(order, &|mono| now.place(mono, carry.at))?;
        }
        for residual in &carry.residuals {
            core.residuals.adopt(residual).ok_or(Misfit::UnknownResidual)?;
        }
        core.next_pair = core.next_pair.max(carry.next_pair.0);
        core.orders.skip_to(carry.next_order);
        core.orders.doubt_all();
        Ok(core)
    }

    fn carried_totals(&self) -> CarriedTotals {
        let Portfolio { realized, realized_today, fees, fills, .. } = self.portfolio;
        let (day_notional, day) = (self.risk.day_notional(), self.day);
        CarriedTotals { realized, realized_today, fees, fills, day_notional, day }
    }

    fn adopt_totals(&mut self, totals: &CarriedTotals) {
        self.portfolio.realized = totals.realized;
        self.portfolio.realized_today = totals.realized_today;
        self.portfolio.fees = totals.fees;
        self.portfolio.fills = totals.fills;
        self.risk.adopt(totals.day_notional);
        self.day = totals.day;
    }

    fn adopt_pair(
        &mut self,
        carried: &CarriedPair,
        place: &dyn Fn(MonoNs) -> MonoNs,
    ) -> Result<(), Misfit> {
        let legs = (carried.buy, carried.sell);
        let way = self.route_of(legs.0, legs.1).ok_or(Misfit::UnknownRoute)?;
        let mut pair = Pair::new(carried.id, way, legs, place(carried.entered_at));
        pair.stage = match carried.stage {
            Stage::Unhedged { attempts, since } => {
                Stage::Unhedged { attempts, since: place(since) }
            }
            stage => stage,
        };
        let CarriedPair { intended, long, short, cash, notional, reference, .. } = *carried;
        (pair.intended, pair.notional, pair.reference) = (intended, notional, reference);
        (pair.long, pair.short, pair.cash) = (long, short, cash);
        pair.counted = carried.kind == CarriedKind::Counted;
        pair.is_sweep = carried.kind == CarriedKind::Sweep;
        pair.wanted = carried.wanted;
        pair.samples = SampleRing::new(if pair.is_sweep { 1 } else { self.stop_window() });
        self.add_pair(pair)
    }

    fn adopt_order(
        &mut self,
        carried: &CarriedOrder,
        place: &dyn Fn(MonoNs) -> MonoNs,
    ) -> Result<(), Misfit> {
        let mut order = carried.clone();
        order.request.decided_at = place(order.request.decided_at);
        self.orders.adopt(&order).ok_or(Misfit::NoRoom)?;
        let request = order.request;
        if self.orders.get(request.id).is_some() {
            let index = self.pair_index(request.pair).ok_or(Misfit::UnknownPair)?;
            self.pairs[index].orders.try_push(request.id).map_err(|_| Misfit::NoRoom)?;
            self.portfolio.reserve(self.view.instrument(request.instrument), &request);
        }
        Ok(())
    }

    fn carried_residuals(&self) -> Vec<CarriedResidual> {
        let rows = self.residuals.rows().iter().copied();
        let standing = rows.filter(|row| (row.qty, row.attempted) != Default::default());
        standing
            .map(|row| CarriedResidual {
                base: row.base,
                qty: row.qty,
                value: row.value,
                attempted: row.attempted,
            })
            .collect()
    }
}

fn carried_holdings(portfolio: &Portfolio) -> Vec<CarriedHolding> {
    let rows = portfolio.holdings().iter();
    rows.map(|row| CarriedHolding {
        venue: row.venue,
        asset: row.asset,
        raw: row.raw,
        start_raw: row.start_raw,
    })
    .collect()
}

fn carried_pair(pair: &Pair) -> CarriedPair {
    let kind = match (pair.is_sweep, pair.counted) {
        (true, _) => CarriedKind::Sweep,
        (false, true) => CarriedKind::Counted,
        (false, false) => CarriedKind::Entry,
    };
    CarriedPair {
        id: pair.id,
        buy: pair.buy,
        sell: pair.sell,
        stage: pair.stage,
        intended: pair.intended,
        long: pair.long,
        short: pair.short,
        cash: pair.cash,
        notional: pair.notional,
        reference: pair.reference,
        entered_at: pair.entered_at,
        kind,
        // The rebalancer's wish is made anew each cycle; a close that began is a fact.
        wanted: pair.wanted.filter(|reason| *reason != crate::types::fact::CloseReason::Rebalance),
    }
}

fn carried_counts(counts: &Counts) -> CarriedCounts {
    CarriedCounts {
        entered: counts.entered,
        opened: counts.opened,
        closed: counts.closed,
        missed: counts.missed,
        unhedged: counts.unhedged,
        residuals: counts.residuals,
        stop_losses: counts.stop_losses,
        rejects: counts.rejects,
        partials: counts.partials,
        contradictions: counts.contradictions,
    }
}

fn adopt_counts(counts: &mut Counts, carried: &CarriedCounts) {
    counts.entered = carried.entered;
    counts.opened = carried.opened;
    counts.closed = carried.closed;
    counts.missed = carried.missed;
    counts.unhedged = carried.unhedged;
    counts.residuals = carried.residuals;
    counts.stop_losses = carried.stop_losses;
    counts.rejects = carried.rejects;
    counts.partials = carried.partials;
    counts.contradictions = carried.contradictions;
}
