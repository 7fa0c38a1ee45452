//! Open pairs: their mark, when they close, and how. Rebalancing picks the ones that have to.

use crate::engine::core::Core;
use crate::engine::entry::draft;
use crate::engine::entry::limit_price;
use crate::engine::limits::StopMode;
use crate::engine::pair::Pair;
use crate::engine::pair::Stage;
use crate::engine::portfolio::Portfolio;
use crate::engine::signal::Direction;
use crate::engine::signal::Legs;
use crate::engine::signal::Quoted;
use crate::engine::value::Leg;
use crate::engine::view::Depth;
use crate::types::fact::CloseReason;
use crate::types::fact::FactKind;
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
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::Usdt;
use crate::types::units::mul_div;

/// How long both books may be too thin for a whole pair before parts of it are closed.
const THIN_PATIENCE: DurNs = DurNs::from_secs(60);
/// Least time between two PnL samples of one pair, for the dynamic stop.
const SAMPLE_EVERY: DurNs = DurNs::from_secs(1);

impl Core {
    /// Repairs, marks and closes the pairs that a change of `instrument` concerns.
    pub(super) fn manage_pairs(&mut self, instrument: InstrumentId, now: Now) {
        // Backwards, because settling a pair may remove it.
        for index in (0..self.pairs.len()).rev() {
            if !self.touches(self.pairs[index].route, instrument) {
                continue;
            }
            match self.pairs[index].stage {
                Stage::Open => self.manage_open(index, now),
                Stage::Unhedged { .. } if self.pairs[index].orders.is_empty() => {
                    self.repair(index, now);
                }
                _ => {}
            }
        }
    }

    /// Samples of the dynamic stop, or 1 where it is not used.
    pub(super) fn stop_window(&self) -> usize {
        match self.exit.stop {
            StopMode::Dynamic { window, .. } => window,
            StopMode::Off | StopMode::Static(_) => 1,
        }
    }

    fn manage_open(&mut self, index: usize, now: Now) {
        if !self.is_orderable(self.pairs[index].route, self.pairs[index].matched()) {
            // The price has fallen below a venue's minimum: balanced coins stay where they are.
            return self.settle(index, now);
        }
        // Without fresh books the last mark stands: an unknown result is not a zero result.
        let quoted = match self.quote_exit(index, now) {
            Ok(quoted) => quoted,
            Err(refusal) => return self.refuse(refusal),
        };
        let pair = &mut self.pairs[index];
        // A part that is visible stands for the whole.
        let flow = quoted.proceeds.minus(&quoted.cost).and_then(|flow| {
            let matched = pair.matched().raw();
            mul_div(flow.raw(), matched, quoted.qty.raw(), Round::Down).map(Krw::from_raw)
        });
        let mark = flow.and_then(|flow| pair.cash.plus(&flow));
        pair.mark = mark.or(pair.mark);
        let part = mark.and_then(|mark| pair.pnl_part(mark));
        if let Some(part) = part {
            sample(pair, part, now);
        }
        if now.mono < self.pairs[index].retry_at {
            return;
        }
        if let Some(reason) = self.reason_to_close(&self.pairs[index], part, now) {
            self.close(index, (quoted, reason), now);
        }
    }

    /// Both legs of the pair closed now at what stands on both venues. A pair that has to close, or
    /// whose books have been thin for a while, is closed by the part that is visible: a moment's
    /// hole in a book must neither stop a pair out nor keep one open for ever. A result that no
    /// market gives is bad data, as it is at entry.
    fn quote_exit(&mut self, index: usize, now: Now) -> Result<Quoted, Refusal> {
        let whole = self.quote_part(index, self.pairs[index].matched(), now);
        let whole = whole.and_then(|whole| match self.is_within_collar(index, &whole, now) {
            true => Ok(whole),
            false => Err(Refusal::Depth),
        });
        let pair = &mut self.pairs[index];
        if whole != Err(Refusal::Depth) {
            pair.thin_since = None;
            return whole;
        }
        let since = *pair.thin_since.get_or_insert(now.mono);
        if pair.wanted.is_none() && now.mono.since(since) < THIN_PATIENCE {
            return whole;
        }
        let legs = self.exit_legs(index, now)?;
        let visible = legs.buy.visible_qty().min(legs.sell.visible_qty());
        self.quote_part(index, visible.min(self.pairs[index].matched()), now)
    }

    /// Whether closing at that quote, tolerance included, stays within the price collar on both
    /// legs.
    fn is_within_collar(&self, index: usize, quoted: &Quoted, now: Now) -> bool {
        let Ok(legs) = self.exit_legs(index, now) else { return false };
        let collar = self.risk.limits().price_collar.plus(self.signal.slippage.negated());
        let near = |leg: &Leg<'_>, worst: Price| {
            leg.ladder.best().is_some_and(|best| worst.distance_from(best.price) <= collar)
        };
        near(&legs.buy, quoted.buy.worst) && near(&legs.sell, quoted.sell.worst)
    }

    fn quote_part(&self, index: usize, part: Qty, now: Now) -> Result<Quoted, Refusal> {
        let legs = self.exit_legs(index, now)?;
        let lot = self.routes[self.pairs[index].route].lot;
        let qty = part.floor_to(lot);
        if !self.is_orderable(self.pairs[index].route, qty) {
            return Err(Refusal::Depth);
        }
        let quoted = legs.at(qty).ok_or(Refusal::Depth)?;
        if quoted.edge.get().abs() > self.signal.edge_collar.get() {
            return Err(Refusal::ImplausibleEdge);
        }
        Ok(quoted)
    }

    fn exit_legs(&self, index: usize, now: Now) -> Result<Legs<'_>, Refusal> {
        let pair = &self.pairs[index];
        let back = match pair.direction {
            Direction::BuyKrw => Direction::BuyUsdt,
            Direction::BuyUsdt => Direction::BuyKrw,
        };
        self.view.legs(&self.routes[pair.route], back, (Depth::Refined, now.mono))
    }

    fn reason_to_close(&self, pair: &Pair, part: Option<Ppm>, now: Now) -> Option<CloseReason> {
        if pair.wanted.is_some() {
            return pair.wanted;
        }
        let part = part?;
        if self.stop_hit(pair, part) {
            return Some(CloseReason::StopLoss);
        }
        if part >= self.exit.take_profit {
            return Some(CloseReason::TakeProfit);
        }
        let held = now.mono.since(pair.entered_at);
        (held >= self.exit.max_holding).then_some(CloseReason::HoldingTime)
    }

    fn stop_hit(&self, pair: &Pair, part: Ppm) -> bool {
        match self.exit.stop {
            StopMode::Off => false,
            StopMode::Static(loss) => part <= loss.negated(),
            StopMode::Dynamic { multiple_milli, .. } => {
                let full = pair.samples.is_full();
                let Some(deviation) = pair.samples.deviation().filter(|_| full) else {
                    // Too few samples to know how far it swings: the static distance until then.
                    return part <= self.exit.residual_stop.negated();
                };
                let distance = i128::from(deviation) * i128::from(multiple_milli) / 1_000;
                i128::from(part.get()) < -distance.max(i128::from(self.closing_cost(pair).get()))
            }
        }
    }

    /// Twice the taker fees of entering and closing both legs: a loss no larger is what trading
    /// costs, spreads included, and no signal.
    fn closing_cost(&self, pair: &Pair) -> Ppm {
        let fee = |id| self.view.instrument(id).fee.get();
        Ppm::new(4 * (fee(pair.buy) + fee(pair.sell)))
    }

    fn close(&mut self, index: usize, what: (Quoted, CloseReason), now: Now) {
        let (quoted, reason) = what;
        let drafts = match self.exit_drafts(index, &quoted, now) {
            Ok(drafts) => drafts,
            Err(refusal) => {
                self.refuse(refusal);
                self.pairs[index].retry_at = now.mono.plus(self.risk.limits().retry_delay);
                return;
            }
        };
        let id = self.pairs[index].id;
        let Quoted { qty, cost, proceeds, .. } = quoted;
        let reference = Reference { qty, cost, proceeds };
        if !self.change(now, id, PairChange::Closing { reason, reference }) {
            return;
        }
        for draft in drafts {
            self.send(id, draft, now);
        }
    }

    fn exit_drafts(
        &self,
        index: usize,
        quoted: &Quoted,
        now: Now,
    ) -> Result<[crate::engine::entry::Draft; 2], Refusal> {
        let legs = self.exit_legs(index, now)?;
        let collar = self.risk.limits().price_collar;
        let one = |leg: &Leg<'_>, worst: Price| {
            let best = leg.ladder.best().ok_or(Refusal::Depth)?.price;
            let slippage = self.signal.slippage;
            // A thin book must not keep a pair open: what lies beyond the collar is left for the
            // next attempt instead of refusing the whole.
            let reach = limit_price(leg, best, collar).ok_or(Refusal::Overflow)?;
            let limit = limit_price(leg, worst, slippage).ok_or(Refusal::Overflow)?;
            let limit = match leg.side {
                Side::Buy => limit.min(reach),
                Side::Sell => limit.max(reach),
            };
            draft(leg, (quoted.qty, limit), (Purpose::Exit, legs.fx, now.mono))
        };
        let drafts = [one(&legs.buy, quoted.buy.worst)?, one(&legs.sell, quoted.sell.worst)?];
        if self.orders.room() < drafts.len() {
            return Err(Refusal::OpenOrders);
        }
        let proposals = drafts.map(|draft| draft.proposal);
        self.risk.check(&proposals, &self.standing(), now.mono)?;
        Ok(drafts)
    }

    /// Whether `qty` is large enough to be ordered on both venues of a pair's route right now.
    /// Unknown prices count as "yes": nothing is written off for want of a quote.
    pub(super) fn is_orderable(&self, route: usize, qty: Qty) -> bool {
        let route = self.routes[route];
        let qty = qty.floor_to(route.lot);
        [route.krw, route.usdt].into_iter().all(|id| {
            let leg = self.view.leg(id, Side::Sell, Depth::Refined);
            let Some(best) = leg.ladder.best() else { return !qty.is_zero() };
            let value = best.price.times::<()>(qty, Round::Down);
            value.is_some_and(|value| value.raw() >= leg.instrument.min_notional_raw)
        })
    }

    /// Whether at least one venue of the route takes an order of `qty` right now.
    pub(super) fn is_orderable_somewhere(&self, route: usize, qty: Qty) -> bool {
        let route = self.routes[route];
        [route.krw, route.usdt].into_iter().any(|id| {
            let leg = self.view.leg(id, Side::Sell, Depth::Refined);
            let qty = qty.floor_to(leg.instrument.lot);
            let value = leg.ladder.best().and_then(|best| best.price.times::<()>(qty, Round::Down));
            value.is_some_and(|value| value.raw() >= leg.instrument.min_notional_raw)
        })
    }

    /// Marks enough open pairs for closing when exposure is above the rebalancer's ceiling, and
    /// reports a lean between the two sides' venues.
    pub(super) fn rebalance(&mut self, now: Now) {
        if !self.rebalance.enabled {
            return;
        }
        let excess = self.exposure().minus(&self.rebalance.max_exposure).unwrap_or(Krw::ZERO);
        if excess > Krw::ZERO {
            let part = Ppm::ONE.plus(self.rebalance.overshoot);
            self.mark_for_closing(excess.portion(part, Round::Up).unwrap_or(excess));
        }
        let leans = |part: &Ppm| part.get().abs() > self.rebalance.max_imbalance.get();
        if let Some(part) = self.imbalance().filter(leans) {
            self.note(now, FactKind::Imbalance { part });
        }
    }

    /// The smallest pair that suffices alone, else the largest, until the target is covered.
    fn mark_for_closing(&mut self, target: Krw) {
        let on_its_way = |pair: &&Pair| pair.wanted.is_some() || !pair.is_open();
        let leaving = self.pairs.iter().filter(on_its_way).map(|pair| pair.notional);
        let leaving = leaving.fold(Krw::ZERO, |sum, n| sum.plus(&n).unwrap_or(sum));
        let mut left = target.minus(&leaving).unwrap_or(target);
        while left > Krw::ZERO {
            let open =
                || self.pairs.iter().enumerate().filter(|(_, p)| p.is_open() && p.wanted.is_none());
            let enough = open().filter(|(_, p)| p.notional >= left).min_by_key(|(_, p)| p.notional);
            let pick = enough.or_else(|| open().max_by_key(|(_, p)| p.notional));
            let Some(index) = pick.map(|(index, _)| index) else { return };
            self.pairs[index].wanted = Some(CloseReason::Rebalance);
            left = left.minus(&self.pairs[index].notional).unwrap_or(Krw::ZERO);
        }
    }

    /// (KRW venues − USDT venues) ÷ sum of what both own, at best bids. `None` without prices.
    fn imbalance(&self) -> Option<Ppm> {
        let mut sides = [Krw::ZERO, Krw::ZERO];
        for holding in self.portfolio.holdings() {
            let usdt_side = self.view.instruments.iter().any(|instrument| {
                instrument.venue == holding.venue && instrument.quote == Quote::Usdt
            });
            let value = self.holding_value(holding.asset.as_str(), holding.raw)?;
            let side = &mut sides[usize::from(usdt_side)];
            *side = side.plus(&value)?;
        }
        Portfolio::imbalance(sides[0], sides[1])
    }

    fn holding_value(&self, asset: &str, raw: i64) -> Option<Krw> {
        if raw == 0 || asset == "KRW" {
            return Some(Krw::from_raw(raw));
        }
        if asset == "USDT" {
            return Usdt::from_raw(raw).to_krw(self.view.fx.last()?.bid, Round::Down);
        }
        let is_market = |i: &&crate::types::market::Instrument| {
            i.quote == Quote::Krw && i.base.as_str() == asset
        };
        let instrument = self.view.instruments.iter().find(is_market)?;
        let best = self.view.leg(instrument.id, Side::Sell, Depth::Refined).ladder.best()?;
        best.price.times(Qty::from_raw(raw)?, Round::Down)
    }
}

fn sample(pair: &mut Pair, part: Ppm, now: Now) {
    let due = pair.sampled_at.is_none_or(|at| now.mono.since(at) >= SAMPLE_EVERY);
    if due {
        pair.samples.push(part.get());
        pair.sampled_at = Some(now.mono);
    }
}
