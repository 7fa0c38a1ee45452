//! The venue itself: images in, orders in, fills and events out.

use crate::sim::exchange::account::Account;
use crate::sim::exchange::book::Ladders;
use crate::sim::exchange::book::SimBook;
use crate::sim::exchange::book::Spoil;
use crate::sim::exchange::ledger::Balance;
use crate::sim::exchange::ledger::Ledger;
use crate::sim::exchange::limits;
use crate::sim::exchange::listing;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::exchange::order::AccountId;
use crate::sim::exchange::order::NewOrder;
use crate::sim::exchange::order::OrderRef;
use crate::sim::exchange::order::Refused;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;
use crate::sim::exchange::store::Store;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::sim::rng::Dice;
use crate::sim::rng::StreamKey;
use crate::sim::stream::VenueStream;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::time::MonoNs;
use crate::types::units::Ppm;

/// Whether orders are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doors {
    /// Yes.
    Open,
    /// The venue is under maintenance: orders and cancels are refused, nothing matches.
    Halted,
}

/// Whether images are to be told at the venue's usual pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Haste {
    /// Yes.
    None,
    /// No: each at once, however soon after the one before. A burst.
    Burst,
}

/// One venue: its books, its orders, its accounts.
pub struct Exchange {
    pub(crate) venue: VenueId,
    stream: VenueStream,
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) books: Vec<Ladders>,
    accounts: Vec<Account>,
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    pub(crate) events: Vec<(AccountId, AccountEvent)>,
    events_lost: u64,
    pub(crate) next_order: u64,
    pub(crate) next_trade: u64,
    pub(crate) doors: Doors,
    pub(crate) depth: Ppm,
    haste: Haste,
}

impl Exchange {
    /// The venue as it stands at the beginning of a market: every book has its first image.
    ///
    /// # Errors
    /// [`PlanError`] when the plan is unusable or has no book on this venue.
    pub fn new(plan: &MarketPlan, venue: VenueId, now_ms: u64) -> Result<Exchange, PlanError> {
        let bases = plan.check()?;
        let stream = VenueStream::new(plan, venue, &bases).ok_or(PlanError::NoBooks)?;
        let own = plan.instruments.iter().filter(|instrument| instrument.venue == venue);
        let instruments: Vec<Instrument> = own.cloned().collect();
        let book = |instrument: &Instrument| {
            let key = StreamKey::of(&["ids", venue.name(), &instrument.name]);
            Ladders::new(venue, Dice::new(plan.seed, key))
        };
        let mut ledger = Ledger::default();
        let accounts = listing::accounts(venue, plan.seed);
        for account in &accounts {
            for (asset, raw) in listing::funds(venue, &bases) {
                ledger.deposit(account.id, asset, raw);
            }
        }
        let first = 1_000_000_000 * (venue.index() as u64 + 1);
        let mut exchange = Exchange {
            venue,
            stream,
            books: instruments.iter().map(book).collect(),
            instruments,
            accounts,
            store: Store::new(limits::id_rule(venue)),
            ledger,
            events: Vec::new(),
            events_lost: 0,
            next_order: first,
            next_trade: first,
            doors: Doors::Open,
            depth: Ppm::ONE,
            haste: Haste::None,
        };
        for _ in 0..exchange.instruments.len() {
            exchange.advance(now_ms);
        }
        Ok(exchange)
    }
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
        self.books[instrument].shown()
    }
    /// When the next image is due on the market's clock.
    pub fn due(&self) -> MonoNs {
        self.stream.due().0
    }
    /// Publishes the next image, whatever the time is, lets resting orders match it, and says of
    /// which instrument it is.
    pub fn advance(&mut self, now_ms: u64) -> usize {
        self.stream.draw_next();
        let top = self.stream.newest();
        let at = self.instruments.iter().position(|own| own.id == top.instrument).unwrap_or(0);
        self.books[at].redraw(&top.bids, &top.asks, now_ms);
        if self.doors == Doors::Open {
            self.match_resting(at, now_ms);
        }
        at
    }
    /// Publishes one more image of a book in which hardly anything changes.
    pub fn flicker(&mut self, instrument: usize, now_ms: u64) {
        if let Some(book) = self.books.get_mut(instrument) {
            book.flicker(self.instruments[instrument].lot, now_ms);
        }
    }
    /// Breaks what a book publishes, or mends it, from its next image on.
    pub fn spoil(&mut self, instrument: usize, how: Spoil) {
        if let Some(book) = self.books.get_mut(instrument) {
            book.spoil(how);
        }
    }
    /// Whether a dialect has to tell each image at once, beyond the venue's own pace.
    pub fn is_hurried(&self) -> bool {
        self.haste == Haste::Burst
    }
    /// Begins or ends a burst.
    pub const fn set_haste(&mut self, haste: Haste) {
        self.haste = haste;
    }
    /// Opens or halts trading.
    pub const fn set_doors(&mut self, doors: Doors) {
        self.doors = doors;
    }
    /// How much of each level orders may match.
    pub const fn set_depth(&mut self, depth: Ppm) {
        self.depth = depth;
    }
    /// Takes an order: what crosses the book is filled at once, the rest rests or ends. Gives its
    /// id.
    ///
    /// # Errors
    /// [`Refused`]: nothing changed then, save that some venues remember the client id.
    pub fn place(&mut self, order: NewOrder, now_ms: u64) -> Result<u64, Refused> {
        let (account, client) = (order.account, order.client_id.clone());
        let placed = self.try_place(order, now_ms);
        if let (Err(why), Some(client)) = (&placed, &client)
            && !matches!(why, Refused::Halted | Refused::DuplicateId)
        {
            self.store.refuse(account, client);
        }
        placed
    }
    /// Ends an open order of this account and gives its id.
    ///
    /// # Errors
    /// [`Refused::NoOrder`], [`Refused::Over`], [`Refused::Halted`].
    pub fn cancel(
        &mut self,
        account: AccountId,
        which: OrderRef<'_>,
        now_ms: u64,
    ) -> Result<u64, Refused> {
        if self.doors == Doors::Halted {
            return Err(Refused::Halted);
        }
        let order = self.store.find(account, which).cloned().ok_or(Refused::NoOrder)?;
        if !order.state.is_open() {
            return Err(Refused::Over);
        }
        let id = order.id;
        self.end(order, SimState::Cancelled, now_ms);
        Ok(id)
    }
    /// One order of this account.
    pub fn order(&self, account: AccountId, which: OrderRef<'_>) -> Option<&SimOrder> {
        self.store.find(account, which)
    }
    /// The orders of this account, oldest first.
    pub fn orders(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &SimOrder> {
        self.store.all().filter(move |order| order.order.account == account)
    }
    /// Every balance of this account: asset, free, locked, × 10⁻⁸.
    pub fn balances(&self, account: AccountId) -> Vec<(Asset, i64, i64)> {
        let row =
            |(asset, balance): (Asset, Balance)| (asset, balance.free_raw, balance.locked_raw);
        self.ledger.of(account).map(row).collect()
    }
    /// What happened to accounts since the last call, in order.
    pub fn take_events(&mut self) -> Vec<(AccountId, AccountEvent)> {
        std::mem::take(&mut self.events)
    }
    /// Events that nobody took in time.
    pub const fn events_lost(&self) -> u64 {
        self.events_lost
    }
    /// All orders, oldest first.
    pub fn all_orders(&self) -> impl Iterator<Item = &SimOrder> {
        self.store.all()
    }
    /// Finished orders that were forgotten because there were too many.
    pub const fn forgotten(&self) -> u64 {
        self.store.forgotten()
    }
    /// The ledger.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }
    /// Tells an account; the oldest word is lost when nobody listens.
    pub(crate) fn tell(&mut self, account: AccountId, event: AccountEvent) {
        if self.events.len() >= limits::WAITING_EVENTS {
            self.events.remove(0);
            self.events_lost += 1;
        }
        self.events.push((account, event));
    }
}
