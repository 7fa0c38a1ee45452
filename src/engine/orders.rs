//! Orders at work: what was sent, what matched so far, whether it is over. Evidence may come in any
//! order and more than once; the end is reached when the venue's own total has been seen in fills.

use arrayvec::ArrayVec;

use crate::types::carry::CarriedOrder;
use crate::types::ids::OrderId;
use crate::types::ids::TradeId;
use crate::types::limit;
use crate::types::order::Ending;
use crate::types::order::Fill;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::units::Qty;

/// One order.
#[derive(Clone, Debug)]
pub struct Order {
    /// As sent.
    pub request: OrderRequest,
    /// Sum of its distinct fills.
    pub filled: Qty,
    /// The venue's word that it is over.
    ended: Option<(Ending, Qty)>,
    /// Trades already applied.
    trades: ArrayVec<TradeId, { limit::FILLS_PER_ORDER }>,
    /// No end came in time; it stays at work until evidence comes.
    unknown: bool,
}

/// What an event did to an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// A new fill; it has to be booked.
    Filled(Fill),
    /// An acknowledgement, or the venue's word that the order is over.
    Noted,
    /// A repetition of what is known already.
    Repeated,
    /// The order does not exist, a fill is too much, or there are too many fills: evidence that
    /// contradicts what we know. Counted; entries stop.
    Contradiction,
}

/// Every order at work, and the last ended ones so that late repetitions are recognised.
#[derive(Clone, Debug)]
pub struct Orders {
    working: ArrayVec<Order, { limit::ORDERS }>,
    /// Ended orders, newest over oldest.
    ended: Vec<Order>,
    next_ended: usize,
    next_id: u64,
    /// First number that may not be used yet.
    reserved: u64,
}

impl Orders {
    /// None yet. The first id is 1.
    pub fn new() -> Orders {
        Orders {
            working: ArrayVec::new(),
            ended: Vec::with_capacity(limit::ORDERS),
            next_ended: 0,
            next_id: 1,
            reserved: u64::MAX,
        }
    }
    /// The number of the next order: never used before.
    pub fn next_id(&self) -> OrderId {
        OrderId(self.next_id)
    }
    /// Numbers below `next` are used up.
    pub fn skip_to(&mut self, next: OrderId) {
        self.next_id = self.next_id.max(next.0);
    }
    /// Only numbers below `until` may be used: they are reserved in the journal.
    pub fn reserve(&mut self, until: OrderId) {
        self.reserved = until.0;
    }
    /// How many more orders may be sent: room here, and reserved numbers.
    pub fn room(&self) -> usize {
        let numbers = self.reserved.saturating_sub(self.next_id);
        self.working.remaining_capacity().min(usize::try_from(numbers).unwrap_or(usize::MAX))
    }
    /// True when no order more can be held.
    pub fn is_full(&self) -> bool {
        self.working.is_full()
    }
    /// How many are at work.
    pub fn open(&self) -> usize {
        self.working.len()
    }
    /// How many of them have an unknown outcome.
    pub fn unknown(&self) -> usize {
        self.working.iter().filter(|order| order.unknown).count()
    }
    /// Takes over an order that is about to be sent. The caller checked [`Orders::is_full`].
    pub fn add(&mut self, request: OrderRequest) {
        self.next_id = self.next_id.max(request.id.0.saturating_add(1));
        self.working.push(Order {
            request,
            filled: Qty::ZERO,
            ended: None,
            trades: ArrayVec::new(),
            unknown: false,
        });
    }
    /// The order at work with that number.
    pub fn get(&self, id: OrderId) -> Option<&Order> {
        self.working.iter().find(|order| order.request.id == id)
    }
    /// The request of an order, at work or recently ended.
    pub fn request(&self, id: OrderId) -> Option<OrderRequest> {
        let recent = || self.ended.iter().find(|order| order.request.id == id);
        self.get(id).or_else(recent).map(|order| order.request)
    }
    /// Applies an event. Cannot fail: what does not fit is a [`Applied::Contradiction`].
    pub fn apply(&mut self, event: &OrderEvent) -> Applied {
        let same = |order: &&mut Order| order.request.id == event.id;
        let mut all = self.working.iter_mut().chain(self.ended.iter_mut());
        match all.find(same) {
            Some(order) => order.apply(&event.kind),
            None => Applied::Contradiction,
        }
    }
    /// Removes the order with that number from work if it is over, and says how it ended.
    pub fn take_if_over(&mut self, id: OrderId) -> Option<(OrderRequest, Ending)> {
        let index = self.working.iter().position(|order| order.request.id == id)?;
        let (ending, _) = self.working[index].ended.filter(|_| self.working[index].is_over())?;
        let order = self.working.swap_remove(index);
        let request = order.request;
        self.remember(order);
        Some((request, ending))
    }
    /// True if the order with that number is at work and its outcome unknown.
    pub fn is_unknown(&self, id: OrderId) -> bool {
        self.get(id).is_some_and(|order| order.unknown)
    }
    /// When the oldest order of unknown outcome was decided.
    pub fn oldest_unknown_at(&self) -> Option<MonoNs> {
        let unknown = self.working.iter().filter(|order| order.unknown);
        unknown.map(|order| order.request.decided_at).min()
    }
    /// Marks every order as unknown that was decided longer ago than `timeout`; says how many.
    pub fn expire(&mut self, now: MonoNs, timeout: DurNs) -> usize {
        let late =
            |order: &&mut Order| !order.unknown && now.since(order.request.decided_at) >= timeout;
        let mut count = 0;
        for order in self.working.iter_mut().filter(late) {
            order.unknown = true;
            count += 1;
        }
        count
    }
    /// When the next order becomes unknown.
    pub fn next_expiry(&self, timeout: DurNs) -> Option<MonoNs> {
        let waiting = self.working.iter().filter(|order| !order.unknown);
        waiting.map(|order| order.request.decided_at.plus(timeout)).min()
    }
    /// No order's outcome is known any more: who sent them is gone.
    pub fn doubt_all(&mut self) {
        self.working.iter_mut().for_each(|order| order.unknown = true);
    }
    /// Every order at work.
    pub fn working(&self) -> &[Order] {
        &self.working
    }
    /// What the next run has to know, oldest first: the ended ones, then those at work.
    pub fn carried(&self) -> Vec<CarriedOrder> {
        let oldest = if self.ended.len() < limit::ORDERS { 0 } else { self.next_ended };
        let (newer, older) = self.ended.split_at(oldest);
        older.iter().chain(newer).chain(&self.working).map(Order::carried).collect()
    }
    /// Takes over an order of an earlier run, in the order of [`Orders::carried`]. `None` if there
    /// is no room for it or its number was used before.
    pub fn adopt(&mut self, carried: &CarriedOrder) -> Option<()> {
        let known = self.request(carried.request.id).is_some();
        let trades = carried.trades.as_slice().try_into().ok().filter(|_| !known)?;
        let CarriedOrder { request, filled, ended, .. } = *carried;
        let order = Order { request, filled, ended, trades, unknown: false };
        self.next_id = self.next_id.max(request.id.0.saturating_add(1));
        if order.is_over() {
            self.remember(order);
            return Some(());
        }
        self.working.try_push(order).ok()
    }
    fn remember(&mut self, order: Order) {
        if self.ended.len() < limit::ORDERS {
            self.ended.push(order);
        } else {
            self.ended[self.next_ended] = order;
        }
        self.next_ended = (self.next_ended + 1) % limit::ORDERS;
    }
}

impl Default for Orders {
    fn default() -> Self {
        Orders::new()
    }
}

impl Order {
    /// The venue's word that it is over, with its own total.
    pub fn ended(&self) -> Option<(Ending, Qty)> {
        self.ended
    }
    fn carried(&self) -> CarriedOrder {
        let Order { request, filled, ended, .. } = *self;
        CarriedOrder { request, filled, ended, trades: self.trades.to_vec() }
    }
    /// True once the venue said so and every fill that it counts has been seen.
    fn is_over(&self) -> bool {
        self.ended.is_some_and(|(_, total)| self.filled >= total)
    }
    fn apply(&mut self, kind: &OrderEventKind) -> Applied {
        match kind {
            OrderEventKind::Ack => Applied::Noted,
            OrderEventKind::Fill(fill) => self.apply_fill(fill),
            OrderEventKind::Done { ending, filled } => self.apply_end(*ending, *filled),
        }
    }
    fn apply_fill(&mut self, fill: &Fill) -> Applied {
        if self.trades.contains(&fill.trade) {
            return Applied::Repeated;
        }
        let Some(total) = self.filled.plus(fill.qty) else {
            return Applied::Contradiction;
        };
        let beyond_end = self.ended.is_some_and(|(_, ended_at)| total > ended_at);
        if total > self.request.qty || beyond_end || fill.qty.is_zero() {
            return Applied::Contradiction;
        }
        if self.trades.try_push(fill.trade).is_err() {
            return Applied::Contradiction;
        }
        self.filled = total;
        Applied::Filled(*fill)
    }
    fn apply_end(&mut self, ending: Ending, filled: Qty) -> Applied {
        match self.ended {
            Some(known) if known == (ending, filled) => Applied::Repeated,
            None if filled >= self.filled && filled <= self.request.qty => {
                self.ended = Some((ending, filled));
                self.unknown = false;
                Applied::Noted
            }
            _ => Applied::Contradiction,
        }
    }
}
