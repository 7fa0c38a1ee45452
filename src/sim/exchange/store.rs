//! The orders of a simulated venue, by its ids and by the clients' ids. Bounded.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;

use crate::sim::exchange::limits::BURNT_IDS;
use crate::sim::exchange::limits::IdRule;
use crate::sim::exchange::limits::KEPT_ORDERS;
use crate::sim::exchange::order::AccountId;
use crate::sim::exchange::order::OrderRef;
use crate::sim::exchange::order::SimOrder;

/// All orders that a venue remembers.
#[derive(Clone, Debug)]
pub struct Store {
    rule: IdRule,
    orders: BTreeMap<u64, SimOrder>,
    open: BTreeSet<u64>,
    by_client: HashMap<(AccountId, String), u64>,
    burnt: VecDeque<(AccountId, String)>,
    forgotten: u64,
}

impl Store {
    /// Empty.
    pub fn new(rule: IdRule) -> Store {
        Store {
            rule,
            orders: BTreeMap::new(),
            open: BTreeSet::new(),
            by_client: HashMap::new(),
            burnt: VecDeque::new(),
            forgotten: 0,
        }
    }
    /// Whether the venue would take that client id now.
    pub fn is_free(&self, account: AccountId, client_id: &str) -> bool {
        let key = (account, client_id.to_owned());
        let is_burnt = self.burnt.contains(&key);
        match (self.by_client.get(&key), self.rule) {
            (Some(id), IdRule::WhileOpen) => !self.open.contains(id),
            (Some(_), IdRule::Burnt | IdRule::BurntByAnyUse) => false,
            (None, _) => !is_burnt,
        }
    }
    /// An order with that client id was refused: where that burns it, it is burnt.
    pub fn refuse(&mut self, account: AccountId, client_id: &str) {
        if self.rule == IdRule::BurntByAnyUse && self.is_free(account, client_id) {
            if self.burnt.len() >= BURNT_IDS {
                self.burnt.pop_front();
            }
            self.burnt.push_back((account, client_id.to_owned()));
        }
    }
    /// Adds an open order, or puts a changed one back; forgets the oldest finished one if there
    /// are too many.
    pub fn put(&mut self, order: SimOrder) {
        let (id, account) = (order.id, order.order.account);
        match order.state.is_open() {
            true => self.open.insert(id),
            false => self.open.remove(&id),
        };
        if let Some(client) = &order.order.client_id {
            self.by_client.insert((account, client.clone()), id);
        }
        self.orders.insert(id, order);
        if self.orders.len() > KEPT_ORDERS {
            self.forget_one();
        }
    }
    fn forget_one(&mut self) {
        let oldest = self.orders.keys().copied().find(|id| !self.open.contains(id));
        let Some(order) = oldest.and_then(|id| self.orders.remove(&id)) else { return };
        self.forgotten += 1;
        let Some(client) = order.order.client_id else { return };
        let key = (order.order.account, client);
        if self.by_client.get(&key) == Some(&order.id) {
            self.by_client.remove(&key);
        }
    }
    /// One order of this account.
    pub fn find(&self, account: AccountId, which: OrderRef<'_>) -> Option<&SimOrder> {
        let id = match which {
            OrderRef::Id(id) => id,
            OrderRef::Client(client) => *self.by_client.get(&(account, client.to_owned()))?,
        };
        self.orders.get(&id).filter(|order| order.order.account == account)
    }
    /// All orders, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &SimOrder> {
        self.orders.values()
    }
    /// Open orders, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &SimOrder> {
        self.open.iter().filter_map(|id| self.orders.get(id))
    }
    /// How many finished orders were forgotten.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
