//! A restart: the state of the last start and the facts since, through the functions that live
//! decisions use. What an order of the dead process came to is unknown until somebody says so.

use std::ops::Range;

use crate::engine::apply::Misfit;
use crate::engine::core::Core;
use crate::engine::limits::EnginePlan;
use crate::engine::orders::Order;
use crate::engine::pair::Next;
use crate::engine::pair::Stage;
use crate::types::carry::Carry;
use crate::types::fact::Fact;
use crate::types::fact::FactKind;
use crate::types::ids::OrderId;
use crate::types::order::Ending;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::time::Now;

/// An engine that is being rebuilt.
pub struct Restoring {
    /// Boxed: hundreds of kilobytes that would be copied through every caller's stack.
    core: Box<Core>,
    plan: EnginePlan,
    now: Now,
    reserved: u64,
}

/// An engine as its record left it.
pub struct Restored {
    /// The engine. Its orders at work are unknown; it may enter once they are resolved and
    /// [`Core::resume`] was called.
    pub core: Box<Core>,
    /// Numbers that were reserved and have no intent on record: with a real venue each has to be
    /// asked for, because its order may have left before its intent reached the disk.
    pub unaccounted: Range<u64>,
}

impl Restoring {
    /// Nothing is known yet: the balances are the plan's. `now` is a reading of the clock that the
    /// engine will live on; instants of the record are placed on it by wall time.
    pub fn new(plan: &EnginePlan, now: Now) -> Restoring {
        Restoring { core: Box::new(Core::new(plan)), plan: plan.clone(), now, reserved: 0 }
    }

    /// Starts over from what was carried; its balances count, not those of the plan.
    ///
    /// # Errors
    /// What of it cannot be held or traded under this plan.
    pub fn begin(&mut self, carry: &Carry) -> Result<(), Misfit> {
        self.core = Core::adopt(&self.plan, carry, self.now)?;
        self.reserved = 0;
        Ok(())
    }

    /// Order numbers below `until` were reserved.
    pub fn reserve(&mut self, until: OrderId) {
        self.reserved = self.reserved.max(until.0);
    }

    /// Applies the next fact of the record.
    ///
    /// # Errors
    /// Why it cannot follow from the ones before: the record is not one of this engine. The state
    /// is then of no use.
    pub fn apply(&mut self, fact: &Fact) -> Result<(), Misfit> {
        let placed = |mono| self.now.place(mono, fact.at);
        let at = Now { mono: placed(fact.at.mono), wall: fact.at.wall };
        let mut kind = fact.kind;
        match &mut kind {
            FactKind::Intent { request, .. } => request.decided_at = placed(request.decided_at),
            FactKind::Order { fx: Some(fx), .. } => self.core.view.fx.recall(*fx),
            _ => {}
        }
        self.core.apply(at, &kind)
    }

    /// The engine at the end of the record.
    pub fn finish(self) -> Restored {
        let Restoring { mut core, now, reserved, .. } = self;
        core.roll_day(now);
        core.orders.doubt_all();
        let unaccounted = core.orders.next_id().0..reserved.max(core.orders.next_id().0);
        core.orders.skip_to(OrderId(unaccounted.end));
        Restored { core, unaccounted }
    }
}

impl Core {
    /// Ends every order at work with the fills that are on record, because the simulated venue
    /// that had it died with the process. For paper and mock only: a real venue is asked. Says how
    /// many remain unknown: those whose venue counted fills that never arrived.
    pub fn end_unknown_orders(&mut self, now: Now) -> usize {
        let open: Vec<OrderEvent> = self.orders.working().iter().filter_map(last_word).collect();
        for event in open {
            self.on_event(&event, now);
        }
        self.orders.unknown()
    }

    /// Moves on what the end of the record cut short: pairs without orders at work whose next
    /// change is not on record. Call it once, when no order is unknown any more.
    pub fn resume(&mut self, now: Now) {
        // Backwards, because settling a pair may remove it.
        for index in (0..self.pairs.len()).rev() {
            let pair = &self.pairs[index];
            let stands = match (pair.stage, pair.next()) {
                (Stage::Open, _) | (_, Next::Wait) => true,
                // The next change of a book repairs it.
                (Stage::Unhedged { .. }, Next::Repair(_)) => true,
                _ => false,
            };
            if !stands {
                self.settle(index, now);
            }
        }
    }

    /// Only order numbers below `until` may be used from now on: they are reserved in the journal.
    pub fn reserve_orders(&mut self, until: OrderId) {
        self.orders.reserve(until);
    }
}

fn last_word(order: &Order) -> Option<OrderEvent> {
    if order.ended().is_some() {
        return None;
    }
    let filled = order.filled;
    let ending = if filled == order.request.qty { Ending::Filled } else { Ending::Cancelled };
    Some(OrderEvent { id: order.request.id, kind: OrderEventKind::Done { ending, filled } })
}
