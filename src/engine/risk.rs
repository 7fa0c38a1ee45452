//! The pre-trade gate: every order passes here, the refusal is a typed value, counted by variant.
//! Ages, valid books and FX are checked by the caller that builds the legs (`engine::view`).

use crate::engine::limits::RiskLimits;
use crate::types::control::Permission;
use crate::types::fact::Refusal;
use crate::types::limit;
use crate::types::order::Purpose;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;
use crate::types::units::Krw;
use crate::types::units::Price;

/// What the gate needs to know about the account besides the order itself.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// What orders may do now, lease included.
    pub permission: Permission,
    /// Orders at work.
    pub open_orders: usize,
    /// Orders with unknown outcome.
    pub unknown_orders: usize,
    /// Pairs that are not closed.
    pub open_pairs: usize,
    /// Σ notional of those pairs.
    pub exposure: Krw,
    /// Result of the day: realised today plus unrealised now.
    pub day_result: Krw,
    /// Value of what stands unhedged.
    pub residual: Krw,
    /// Evidence that contradicted what we know, ever.
    pub contradictions: u64,
}

/// One order as the gate sees it.
#[derive(Clone, Copy, Debug)]
pub struct Proposal {
    /// What it is for.
    pub purpose: Purpose,
    /// Its value in won at its limit.
    pub value: Krw,
    /// Its limit price.
    pub limit: Price,
    /// The best price on the side that it takes from.
    pub best: Price,
}

/// Rolling counts of the gate.
#[derive(Clone, Debug)]
pub struct Risk {
    limits: RiskLimits,
    /// Send times of the last minute, newest over oldest.
    sent: Vec<MonoNs>,
    next_sent: usize,
    day_notional: Krw,
}

impl Risk {
    /// With empty windows. Allocates once.
    pub fn new(limits: RiskLimits) -> Risk {
        let sent = Vec::with_capacity(limit::ORDERS_PER_MINUTE);
        Risk { limits, sent, next_sent: 0, day_notional: Krw::ZERO }
    }
    /// The limits in force.
    pub fn limits(&self) -> &RiskLimits {
        &self.limits
    }
    /// A new KST day has begun.
    pub fn new_day(&mut self) {
        self.day_notional = Krw::ZERO;
    }
    /// Won of orders sent in the present KST day.
    pub fn day_notional(&self) -> Krw {
        self.day_notional
    }
    /// Takes over the day's notional of an earlier run.
    pub fn adopt(&mut self, day_notional: Krw) {
        self.day_notional = day_notional;
    }
    /// Won of notional that may still be entered below the exposure ceiling.
    pub fn headroom(&self, exposure: Krw) -> Krw {
        self.limits.max_exposure.minus(&exposure).unwrap_or(Krw::ZERO).max(Krw::ZERO)
    }

    /// Whether these orders, sent together, may go. Nothing is counted until [`Risk::sent`].
    ///
    /// # Errors
    /// The first limit that refuses.
    pub fn check(&self, orders: &[Proposal], at: &Standing, now: MonoNs) -> Result<(), Refusal> {
        for order in orders {
            if at.permission < Permission::needed_for(order.purpose) {
                return Err(Refusal::Permission);
            }
            self.check_order(order)?;
        }
        if orders.iter().any(|order| order.purpose == Purpose::Entry) {
            self.check_entry(orders, at)?;
        }
        // A repair must not wait behind entries; it is bounded by its attempts.
        if orders.iter().all(|order| order.purpose == Purpose::Hedge) {
            return Ok(());
        }
        if at.open_orders + orders.len() > self.limits.max_open_orders as usize {
            return Err(Refusal::OpenOrders);
        }
        self.check_rate(orders.len(), now)
    }

    /// Counts an order that goes out.
    pub fn sent(&mut self, value: Krw, now: MonoNs) {
        self.day_notional = self.day_notional.plus(&value).unwrap_or(self.day_notional);
        if self.sent.len() < limit::ORDERS_PER_MINUTE {
            self.sent.push(now);
        } else {
            self.sent[self.next_sent] = now;
        }
        self.next_sent = (self.next_sent + 1) % limit::ORDERS_PER_MINUTE;
    }

    fn check_order(&self, order: &Proposal) -> Result<(), Refusal> {
        let collar = match order.purpose {
            Purpose::Entry | Purpose::Exit => self.limits.price_collar,
            Purpose::Hedge => self.limits.hedge_collar,
        };
        if order.limit.distance_from(order.best) > collar {
            return Err(Refusal::PriceCollar);
        }
        if order.value > self.limits.max_order_value && order.purpose == Purpose::Entry {
            return Err(Refusal::OrderSize);
        }
        Ok(())
    }

    fn check_entry(&self, orders: &[Proposal], at: &Standing) -> Result<(), Refusal> {
        let limits = &self.limits;
        let leg = orders.iter().map(|order| order.value).max().unwrap_or(Krw::ZERO);
        let day = orders.iter().try_fold(self.day_notional, |sum, order| sum.plus(&order.value));
        let exposure = at.exposure.plus(&leg).ok_or(Refusal::Overflow)?;
        let refused = [
            (at.contradictions > 0, Refusal::UnknownOrders),
            (at.unknown_orders > limits.max_unknown_orders as usize, Refusal::UnknownOrders),
            (at.residual > limits.max_residual, Refusal::Residual),
            (at.day_result <= limits.max_daily_loss.negated(), Refusal::DailyLoss),
            (day.is_none_or(|day| day > limits.max_day_notional), Refusal::DayNotional),
            (at.open_pairs >= limits.max_open_positions as usize, Refusal::OpenPositions),
            (exposure > limits.max_exposure, Refusal::Exposure),
        ];
        match refused.into_iter().find(|(is_refused, _)| *is_refused) {
            Some((_, refusal)) => Err(refusal),
            None => Ok(()),
        }
    }

    fn check_rate(&self, more: usize, now: MonoNs) -> Result<(), Refusal> {
        let within =
            |secs: u64| self.sent.iter().filter(|at| now.since(**at).0 < secs * NS_PER_SEC).count();
        let second = within(1) + more > self.limits.orders_per_second as usize;
        let minute = within(60) + more > self.limits.orders_per_minute as usize;
        if second || minute { Err(Refusal::OrderRate) } else { Ok(()) }
    }
}
