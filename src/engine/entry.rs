//! Entries: from a candidate to two orders, or to a counted refusal.

use crate::engine::core::Core;
use crate::engine::limits::Accounting;
use crate::engine::pair::Pair;
use crate::engine::pair::Stage;
use crate::engine::portfolio::affordable;
use crate::engine::risk::Proposal;
use crate::engine::signal::Direction;
use crate::engine::signal::Legs;
use crate::engine::signal::Quoted;
use crate::engine::signal::Route;
use crate::engine::value::Leg;
use crate::engine::view::Depth;
use crate::types::fact::FactKind;
use crate::types::fact::FxRates;
use crate::types::fact::PairChange;
use crate::types::fact::Reference;
use crate::types::fact::Refusal;
use crate::types::ids::PairId;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::order::OrderRequest;
use crate::types::order::Purpose;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::SignedQty;
use crate::types::units::Usdt;

/// One order that is ready to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft {
    pub(super) request: OrderRequest,
    pub(super) proposal: Proposal,
}

/// An entry that passed every check.
struct Entry {
    quoted: Quoted,
    drafts: [Draft; 2],
}

impl Core {
    /// Enters one direction of a route if it pays and every check lets it.
    pub(super) fn consider_entry(&mut self, index: usize, direction: Direction, now: Now) {
        self.counts.decisions += 1;
        let found = self.find_signal(index, direction, now.mono).and_then(|quoted| {
            self.counts.signals += 1;
            self.prepare_entry(index, direction, (quoted, now.mono))
        });
        match found {
            Ok(entry) => {
                self.trace.add(u64::MAX);
                self.enter(index, direction, (entry, now));
            }
            Err(refusal) => {
                self.trace.add(refusal as u64);
                self.refuse(refusal);
            }
        }
    }

    /// The route's direction at the intended size, if it is plausible and reaches the threshold.
    fn find_signal(
        &self,
        index: usize,
        direction: Direction,
        now: MonoNs,
    ) -> Result<Quoted, Refusal> {
        let route = self.routes[index];
        let threshold = self.threshold(index, direction);
        let legs = self.view.legs(&route, direction, (Depth::Refined, now))?;
        if legs.best_is_below(threshold).ok_or(Refusal::Depth)? {
            return Err(Refusal::BelowMinSpread);
        }
        let best = legs.best_edge().ok_or(Refusal::Depth)?;
        if best > self.signal.edge_collar {
            return Err(Refusal::ImplausibleEdge);
        }
        let intended = self.intended(&legs, &route)?;
        let quoted = legs.at(intended).ok_or(Refusal::Depth)?;
        if quoted.edge < threshold { Err(Refusal::BelowMinSpread) } else { Ok(quoted) }
    }

    fn prepare_entry(
        &self,
        index: usize,
        direction: Direction,
        signal: (Quoted, MonoNs),
    ) -> Result<Entry, Refusal> {
        let (found, now) = signal;
        if self.view.fx.is_suspect() {
            return Err(Refusal::FxJump);
        }
        if self.view.is_fx_contradicted(now) {
            return Err(Refusal::FxGap);
        }
        if self.is_busy(index, now) || self.pairs.is_full() || self.orders.room() < 2 {
            return Err(Refusal::Busy);
        }
        let legs = self.view.legs(&self.routes[index], direction, (Depth::Refined, now))?;
        let quoted = self.within_means(index, &legs, &found)?;
        self.check_size(&legs, &quoted)?;
        let drafts = self.drafts(&legs, &quoted, now)?;
        let proposals = drafts.map(|draft| draft.proposal);
        self.risk.check(&proposals, &self.standing(), now)?;
        Ok(Entry { quoted, drafts })
    }

    /// The signal's quantity: position size at the best KRW ask, no more than gains at the margin.
    fn intended(&self, legs: &Legs<'_>, route: &Route) -> Result<Qty, Refusal> {
        let ask = self.view.leg(route.krw, Side::Buy, Depth::Refined).ladder.best();
        let ask = ask.ok_or(Refusal::Depth)?.price;
        let wanted = self.signal.position_size.buys_at(ask).ok_or(Refusal::Overflow)?;
        let wanted = match legs.buy.instrument.base.as_str() {
            "BTC" => wanted.min(self.signal.max_btc_qty),
            _ => wanted,
        };
        let qty = legs.profitable_depth(wanted).floor_to(route.lot);
        if qty.is_zero() { Err(Refusal::Depth) } else { Ok(qty) }
    }

    fn is_busy(&self, index: usize, now: MonoNs) -> bool {
        let working = |pair: &Pair| pair.route == index && pair.stage == Stage::Working;
        let recent = |at: MonoNs| now.since(at) < self.signal.entry_interval;
        self.pairs.iter().any(working) || self.last_entry[index].is_some_and(recent)
    }

    /// Cuts the signal's quantity to the exposure headroom, the order ceiling, the inventory skew
    /// and the balances; says which of them left nothing.
    fn within_means(
        &self,
        index: usize,
        legs: &Legs<'_>,
        found: &Quoted,
    ) -> Result<Quoted, Refusal> {
        let price = unit_price(found).ok_or(Refusal::Overflow)?;
        let ceiling = self.risk.limits().max_order_value;
        // The gate values an order at its limit, so the tolerance has to fit below the ceiling.
        let ceiling = ceiling.portion(headway(self.signal.slippage), Round::Down);
        let unwinding = found.edge < self.signal.min_edge;
        let lean = if unwinding { self.lean(index).size() } else { found.qty };
        let caps = [
            // Below the ordinary threshold an entry works the lean off, and no more than that.
            (Some(lean), Refusal::InventorySkew),
            (self.risk.headroom(self.exposure()).buys_at(price), Refusal::Exposure),
            (ceiling.and_then(|value| value.buys_at(price)), Refusal::OrderSize),
            (self.skew_room(index, legs, price), Refusal::InventorySkew),
            (self.buying_power(legs), Refusal::Balance),
            (self.selling_power(legs), Refusal::Balance),
        ];
        let mut qty = found.qty;
        for (cap, refusal) in caps {
            qty = qty.min(cap.ok_or(Refusal::Overflow)?).floor_to(self.routes[index].lot);
            if qty.is_zero() {
                return Err(refusal);
            }
        }
        if qty == found.qty { Ok(*found) } else { legs.at(qty).ok_or(Refusal::Depth) }
    }

    fn buying_power(&self, legs: &Legs<'_>) -> Option<Qty> {
        let leg = &legs.buy;
        let raw = self.portfolio.available_raw(leg.instrument.id, Side::Buy);
        let worst = leg.ladder.best()?.price.shifted(self.risk.limits().price_collar, Round::Up)?;
        affordable(raw, worst, leg.instrument.fee)
    }

    fn selling_power(&self, legs: &Legs<'_>) -> Option<Qty> {
        Qty::from_raw(self.portfolio.available_raw(legs.sell.instrument.id, Side::Sell))
    }

    /// How much more the inventory may lean; unlimited where pairs close by themselves.
    fn skew_room(&self, index: usize, legs: &Legs<'_>, price: Price) -> Option<Qty> {
        if self.exit.accounting == Accounting::Convergence {
            return Qty::from_raw(i64::MAX);
        }
        let bound = self.risk.limits().max_skew.buys_at(price)?;
        let skew = self.lean(index).raw();
        let lean = if legs.buy.instrument.quote == Quote::Krw { skew } else { -skew };
        Qty::from_raw(bound.raw().saturating_sub(lean).max(0))
    }

    /// How far the route's inventory leans to its KRW venue, from what the venues hold: half of
    /// what that venue gained and the other lost.
    fn lean(&self, index: usize) -> SignedQty {
        let Route { krw, usdt, .. } = self.routes[index];
        let gained = |id| i128::from(self.portfolio.gained_raw(id));
        let lean = (gained(krw) - gained(usdt)) / 2;
        SignedQty::from_raw(i64::try_from(lean).unwrap_or(i64::MAX))
    }

    /// Least edge of an entry; lower for a capture entry that works inventory skew off.
    fn threshold(&self, index: usize, direction: Direction) -> Ppm {
        if self.exit.accounting == Accounting::Convergence {
            return self.signal.min_edge;
        }
        let skew = self.lean(index);
        let unwinds = match direction {
            Direction::BuyKrw => skew < SignedQty::ZERO,
            Direction::BuyUsdt => skew > SignedQty::ZERO,
        };
        if unwinds {
            self.signal.unwind_edge.min(self.signal.min_edge)
        } else {
            self.signal.min_edge
        }
    }

    fn check_size(&self, legs: &Legs<'_>, quoted: &Quoted) -> Result<(), Refusal> {
        let walks = [(&legs.buy, &quoted.buy), (&legs.sell, &quoted.sell)];
        for (leg, walked) in walks {
            if walked.notional_raw < leg.instrument.min_notional_raw {
                return Err(Refusal::MinNotional);
            }
            let visible = leg.visible_krw(legs.fx).ok_or(Refusal::Overflow)?;
            if visible < self.signal.min_liquidity {
                return Err(Refusal::Depth);
            }
        }
        let smaller = quoted.cost.min(quoted.proceeds);
        if smaller < self.signal.min_trade { Err(Refusal::MinNotional) } else { Ok(()) }
    }

    fn drafts(&self, legs: &Legs<'_>, quoted: &Quoted, now: MonoNs) -> Result<[Draft; 2], Refusal> {
        let slip = self.signal.slippage;
        let draft = |leg: &Leg<'_>, worst: Price| {
            let limit = limit_price(leg, worst, slip).ok_or(Refusal::Overflow)?;
            draft(leg, (quoted.qty, limit), (Purpose::Entry, legs.fx, now))
        };
        Ok([draft(&legs.buy, quoted.buy.worst)?, draft(&legs.sell, quoted.sell.worst)?])
    }

    fn enter(&mut self, index: usize, direction: Direction, what: (Entry, Now)) {
        let (Entry { quoted, drafts }, now) = what;
        let id = self.next_pair_id();
        let (buy, sell) = (self.routes[index].buy(direction), self.routes[index].sell(direction));
        let Quoted { qty, cost, proceeds, edge, .. } = quoted;
        let reference = Reference { qty, cost, proceeds };
        if !self.change(now, id, PairChange::Entered { buy, sell, reference, edge }) {
            return;
        }
        for draft in drafts {
            self.send(id, draft, now);
        }
    }

    /// Numbers an order, writes its intent, reserves what it can spend and hands it over.
    pub(super) fn send(&mut self, pair: PairId, draft: Draft, now: Now) {
        let mut request = draft.request;
        request.id = self.orders.next_id();
        request.pair = pair;
        if !self.record(now, FactKind::Intent { request, value: draft.proposal.value }) {
            return;
        }
        self.trace.add_request(&request);
        if self.out.requests.try_push(request).is_err() {
            self.on_unsent(&request, now);
        }
    }
}

/// An order at `limit` as the gate and the venue will see it. Its numbers are filled in on sending.
pub(super) fn draft(
    leg: &Leg<'_>,
    order: (Qty, Price),
    why: (Purpose, FxRates, MonoNs),
) -> Result<Draft, Refusal> {
    let ((qty, limit), (purpose, fx, decided_at)) = (order, why);
    let best = leg.ladder.best().ok_or(Refusal::Depth)?.price;
    let value = order_value(leg.instrument, (qty, limit), fx).ok_or(Refusal::Overflow)?;
    let request = OrderRequest {
        id: crate::types::ids::OrderId(0),
        pair: PairId(0),
        instrument: leg.instrument.id,
        side: leg.side,
        qty,
        limit,
        purpose,
        decided_at,
    };
    Ok(Draft { request, proposal: Proposal { purpose, value, limit, best } })
}

/// The worst walked price moved by the tolerance and snapped onto the grid, inward, so that a
/// coarse grid never widens it; never better than the walked price itself.
pub(super) fn limit_price(leg: &Leg<'_>, worst: Price, slippage: Ppm) -> Option<Price> {
    let ticks = &leg.instrument.ticks;
    match leg.side {
        Side::Buy => {
            let reach = worst.shifted(slippage, Round::Down)?;
            Some(ticks.snap(reach, Round::Down)?.max(worst))
        }
        Side::Sell => {
            let reach = worst.shifted(slippage.negated(), Round::Up)?;
            Some(ticks.snap(reach, Round::Up)?.min(worst))
        }
    }
}

fn order_value(instrument: &Instrument, order: (Qty, Price), fx: FxRates) -> Option<Krw> {
    let (qty, limit) = order;
    match instrument.quote {
        Quote::Krw => limit.times(qty, Round::Up),
        Quote::Usdt => {
            let value: Usdt = limit.times(qty, Round::Up)?;
            value.to_krw(fx.ask, Round::Up)
        }
    }
}

/// The dearer leg's won per coin: what ceilings in won are divided by.
fn unit_price(quoted: &Quoted) -> Option<Price> {
    let dearer = quoted.cost.max(quoted.proceeds);
    let scale = crate::types::units::SCALE;
    crate::types::units::mul_div(dearer.raw(), scale, quoted.qty.raw(), Round::Up)
        .and_then(Price::from_raw)
}

/// What is left of a ceiling once a limit price may lie `slippage` beyond the walked one.
fn headway(slippage: Ppm) -> Ppm {
    Ppm::new(Ppm::ONE.get().saturating_sub(2 * slippage.get()).max(0))
}
