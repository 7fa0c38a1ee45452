//! What a fact does to the state: the only code that changes orders, pairs, balances and results.
//! A live decision applies its fact and notes it; a restart applies the facts that were noted.

use crate::engine::core::Core;
use crate::engine::orders::Applied;
use crate::engine::pair::Next;
use crate::engine::pair::Pair;
use crate::engine::pair::Stage;
use crate::engine::signal::Direction;
use crate::stats::ring::SampleRing;
use crate::types::fact::CloseReason;
use crate::types::fact::FactKind;
use crate::types::fact::PairChange;
use crate::types::fact::Reference;
use crate::types::ids::InstrumentId;
use crate::types::ids::PairId;
use crate::types::order::OrderRequest;
use crate::types::order::Purpose;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Krw;
use crate::types::units::Qty;
use crate::types::units::SignedQty;

/// Why a fact cannot follow from the state that it is applied to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misfit {
    /// No order at work or recently ended has that number.
    #[error("an event of an order that has no intent")]
    UnknownOrder,
    /// The order number was used before.
    #[error("an order number that was used before")]
    UsedNumber,
    /// The same evidence stands in the record twice.
    #[error("an order event that was recorded before")]
    Repeated,
    /// No open pair has that number.
    #[error("a change of a pair that is not open")]
    UnknownPair,
    /// The two instruments are no route of this configuration.
    #[error("a pair on two instruments that are no route of this configuration")]
    UnknownRoute,
    /// The residual is not what the ledger holds, or its coin is not traded.
    #[error("a residual that the ledger does not hold")]
    UnknownResidual,
    /// The legs of the pair do not allow this change.
    #[error("a change that the legs of the pair do not allow")]
    WrongStage,
    /// A quantity or result differs from what the fills add up to.
    #[error("an amount that is not what the fills add up to")]
    WrongAmount,
    /// More pairs or orders at once than there is room for.
    #[error("more pairs or orders at once than the engine holds")]
    NoRoom,
    /// A sum leaves the fixed-point range.
    #[error("a sum beyond the fixed-point range")]
    Overflow,
}

impl Core {
    /// Applies a fact that was just decided, and notes it. One that does not fit is a defect of
    /// ours: it changes and notes nothing, and counts as a contradiction, which stops entries.
    pub(super) fn record(&mut self, now: Now, kind: FactKind) -> bool {
        let fits = self.apply(now, &kind).is_ok();
        if fits {
            self.note(now, kind);
        } else {
            self.counts.contradictions += 1;
        }
        fits
    }

    /// [`Core::record`] of a pair's change.
    pub(super) fn change(&mut self, now: Now, id: PairId, change: PairChange) -> bool {
        self.record(now, FactKind::Pair { id, change })
    }

    /// Changes the state as the fact says, or not at all.
    pub(super) fn apply(&mut self, at: Now, kind: &FactKind) -> Result<(), Misfit> {
        self.roll_day(at);
        match kind {
            FactKind::Intent { request, value } => self.apply_intent(request, *value, at.mono),
            FactKind::Order { event, fx } => {
                self.orders.request(event.id).ok_or(Misfit::UnknownOrder)?;
                match self.apply_event(event, *fx, at.mono).applied {
                    Applied::Repeated => Err(Misfit::Repeated),
                    _ => Ok(()),
                }
            }
            FactKind::Pair { id, change } => self.apply_change(at.mono, *id, change),
            FactKind::Imbalance { .. } => Ok(()),
        }
    }

    /// Daily sums begin anew at KST midnight. A wall clock that goes back does not bring back the
    /// day before.
    pub(super) fn roll_day(&mut self, at: Now) {
        let day = at.wall.kst_day();
        if self.day.is_some_and(|known| day > known) {
            self.portfolio.new_day();
            self.risk.new_day();
        }
        self.day = self.day.max(Some(day));
    }

    fn apply_intent(
        &mut self,
        request: &OrderRequest,
        value: Krw,
        at: MonoNs,
    ) -> Result<(), Misfit> {
        let index = self.pair_index(request.pair).ok_or(Misfit::UnknownPair)?;
        if request.id < self.orders.next_id() {
            return Err(Misfit::UsedNumber);
        }
        let pair = &mut self.pairs[index];
        if self.orders.is_full() || pair.orders.try_push(request.id).is_err() {
            return Err(Misfit::NoRoom);
        }
        if let (Stage::Unhedged { attempts, .. }, Purpose::Hedge) =
            (&mut pair.stage, request.purpose)
        {
            *attempts = attempts.saturating_add(1);
        }
        self.orders.add(*request);
        self.flow.intents += 1;
        self.portfolio.reserve(self.view.instrument(request.instrument), request);
        self.risk.sent(value, at);
        Ok(())
    }

    fn apply_change(&mut self, at: MonoNs, id: PairId, what: &PairChange) -> Result<(), Misfit> {
        match what {
            PairChange::Entered { buy, sell, reference, .. } => {
                return self.add_entry(id, (*buy, *sell, *reference), at);
            }
            PairChange::Swept { krw, excess, value } => {
                return self.add_sweep(id, (*krw, *excess, *value), at);
            }
            _ => {}
        }
        let index = self.pair_index(id).ok_or(Misfit::UnknownPair)?;
        match what {
            PairChange::Missed => self.apply_missed(index),
            PairChange::Opened { qty } => self.apply_opened(index, *qty, at),
            PairChange::Unhedged { excess } => self.apply_unhedged(index, *excess, at),
            PairChange::Closing { reason, reference } => {
                self.apply_closing(index, *reason, *reference)
            }
            PairChange::Closed { pnl } => self.apply_closed(index, *pnl),
            PairChange::Residual { excess, value } => self.apply_residual(index, *excess, *value),
            PairChange::Entered { .. } | PairChange::Swept { .. } => Ok(()),
        }
    }

    fn add_entry(
        &mut self,
        id: PairId,
        what: (InstrumentId, InstrumentId, Reference),
        at: MonoNs,
    ) -> Result<(), Misfit> {
        let (buy, sell, reference) = what;
        let (route, direction) = self.route_of(buy, sell).ok_or(Misfit::UnknownRoute)?;
        let mut pair = Pair::new(id, (route, direction), (buy, sell), at);
        pair.intended = reference.qty;
        pair.notional = reference.cost;
        pair.reference = reference;
        pair.samples = SampleRing::new(self.stop_window());
        self.add_pair(pair)?;
        self.counts.entered += 1;
        self.last_entry[route] = Some(at);
        Ok(())
    }

    fn add_sweep(
        &mut self,
        id: PairId,
        what: (InstrumentId, SignedQty, Krw),
        at: MonoNs,
    ) -> Result<(), Misfit> {
        let (krw, excess, value) = what;
        let route = self.routes.iter().position(|route| route.krw == krw);
        let route = route.ok_or(Misfit::UnknownRoute)?;
        let base = self.view.instrument(krw).base;
        let is_row = |row: &crate::engine::residual::Residual| {
            (row.base, row.qty, row.value) == (base, excess, value)
        };
        let row = self.residuals.rows().iter().position(is_row).ok_or(Misfit::UnknownResidual)?;
        let size = value.max(value.negated());
        let legs = (krw, self.routes[route].usdt);
        let mut pair = Pair::new(id, (route, Direction::BuyKrw), legs, at);
        pair.stage = Stage::Unhedged { attempts: 0, since: at };
        pair.intended = excess.size();
        pair.long = excess.max(SignedQty::ZERO);
        pair.short = SignedQty::from_raw(-excess.min(SignedQty::ZERO).raw());
        pair.cash = value.negated();
        pair.notional = size;
        pair.is_sweep = true;
        pair.reference = Reference { qty: excess.size(), cost: size, proceeds: size };
        self.add_pair(pair)?;
        self.residuals.hand_out(row);
        Ok(())
    }

    pub(super) fn add_pair(&mut self, pair: Pair) -> Result<(), Misfit> {
        let id = pair.id;
        self.pairs.try_push(pair).map_err(|_| Misfit::NoRoom)?;
        self.next_pair = self.next_pair.max(id.0.saturating_add(1));
        Ok(())
    }

    /// The route and direction that buy and sell there.
    pub(super) fn route_of(
        &self,
        buy: InstrumentId,
        sell: InstrumentId,
    ) -> Option<(usize, Direction)> {
        let all = self.routes.iter().enumerate();
        let mut both = all.flat_map(|(index, route)| Direction::BOTH.map(|d| (index, *route, d)));
        let found = both.find(|(_, route, d)| (route.buy(*d), route.sell(*d)) == (buy, sell));
        found.map(|(index, _, direction)| (index, direction))
    }

    fn apply_missed(&mut self, index: usize) -> Result<(), Misfit> {
        if self.pairs[index].next() != Next::Missed {
            return Err(Misfit::WrongStage);
        }
        self.pairs.swap_remove(index);
        self.counts.missed += 1;
        Ok(())
    }

    fn apply_opened(&mut self, index: usize, qty: Qty, at: MonoNs) -> Result<(), Misfit> {
        let delay = self.risk.limits().retry_delay;
        let pair = &mut self.pairs[index];
        if pair.is_open() || pair.next() != Next::Stand {
            return Err(Misfit::WrongStage);
        }
        if pair.matched() != qty {
            return Err(Misfit::WrongAmount);
        }
        let failed_to_close = matches!(pair.stage, Stage::Closing { .. });
        pair.stage = Stage::Open;
        pair.retry_at = if failed_to_close { at.plus(delay) } else { at };
        Ok(())
    }

    fn apply_unhedged(
        &mut self,
        index: usize,
        excess: SignedQty,
        at: MonoNs,
    ) -> Result<(), Misfit> {
        let pair = &mut self.pairs[index];
        let known = matches!(pair.stage, Stage::Unhedged { .. });
        if known || pair.next() != Next::Repair(excess) {
            return Err(Misfit::WrongStage);
        }
        pair.stage = Stage::Unhedged { attempts: 0, since: at };
        self.counts.unhedged += 1;
        Ok(())
    }

    fn apply_closing(
        &mut self,
        index: usize,
        reason: CloseReason,
        reference: Reference,
    ) -> Result<(), Misfit> {
        let pair = &mut self.pairs[index];
        if !pair.is_open() {
            return Err(Misfit::WrongStage);
        }
        // The retries of one close count once.
        let again = pair.wanted == Some(reason);
        pair.stage = Stage::Closing { reason };
        // A profit may be gone at the next try and is judged anew; every other reason stands.
        pair.wanted = Some(reason).filter(|reason| *reason != CloseReason::TakeProfit);
        pair.reference = reference;
        self.counts.stop_losses += u64::from(reason == CloseReason::StopLoss && !again);
        Ok(())
    }

    fn apply_closed(&mut self, index: usize, pnl: Krw) -> Result<(), Misfit> {
        let pair = &self.pairs[index];
        if !matches!(pair.next(), Next::Stand | Next::Over) {
            return Err(Misfit::WrongStage);
        }
        if pair.cash != pnl {
            return Err(Misfit::WrongAmount);
        }
        let counted = pair.counted;
        self.portfolio.realize(pnl).ok_or(Misfit::Overflow)?;
        self.counts.closed += u64::from(counted);
        self.pairs.swap_remove(index);
        Ok(())
    }

    fn apply_residual(
        &mut self,
        index: usize,
        excess: SignedQty,
        value: Krw,
    ) -> Result<(), Misfit> {
        let pair = &self.pairs[index];
        if pair.next() != Next::Repair(excess) || !matches!(pair.stage, Stage::Unhedged { .. }) {
            return Err(Misfit::WrongStage);
        }
        let base = self.view.instrument(self.routes[pair.route].krw).base;
        let cash = pair.cash.plus(&value).ok_or(Misfit::Overflow)?;
        self.residuals.take_in(base, excess, value).ok_or(Misfit::Overflow)?;
        // What is large enough to stop entries was given up on: only its price stop tries again.
        // Dust is tried as soon as it has grown into an order.
        if value.max(value.negated()) >= self.risk.limits().max_residual {
            self.residuals.give_up(base);
        }
        let pair = &mut self.pairs[index];
        pair.cash = cash;
        if excess > SignedQty::ZERO {
            pair.long = SignedQty::from_raw(pair.long.raw() - excess.raw());
        } else {
            pair.short = SignedQty::from_raw(pair.short.raw() + excess.raw());
        }
        self.counts.residuals += 1;
        Ok(())
    }
}
