//! One venue of the local exchange: its listener, its connections, its exchange and its dialect.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::net::serve::Listener;
use crate::net::serve::PeerEvent;
use crate::net::ws::Incoming;
use crate::sim::dialect::Dialect;
use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::seat::Seat;
use crate::sim::exchange::book::SimBook;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::core::Haste;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::server::connection::Connection;
use crate::sim::server::connection::Context;
use crate::sim::server::connection::Hostage;
use crate::sim::server::connection::Sent;
use crate::sim::server::connection::text_of;
use crate::sim::server::faults::Troubles;
use crate::sim::server::frames;
use crate::sim::server::limits::CONNECTIONS;
use crate::sim::server::limits::SimEffect;
use crate::sim::server::stats::Count;
use crate::sim::server::stats::Stats;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Price;

/// Between two ticks of a dialect.
const TICK: DurNs = DurNs::from_ms(50);
/// Most connections accepted, images drawn, and events of one connection in one turn.
const BATCH: usize = 32;
/// Words that mark a message as a request about an order.
const ORDER_WORDS: [&[u8]; 6] =
    [b"order.place", b"order.create", b"order.cancel", b"\"order\"", b"cancel-order", b"amend"];

/// One venue.
pub struct House {
    pub(crate) exchange: Exchange,
    pub(crate) dialect: Box<dyn Dialect + Send>,
    listener: Listener,
    pub(crate) connections: Vec<Connection>,
    pub(crate) troubles: Troubles,
    /// The venue's codes of the symbols of `troubles`.
    pub(crate) symbols: Vec<Option<String>>,
    pub(crate) stats: Arc<Stats>,
    start: MonoNs,
    tick_at: MonoNs,
    pub(crate) refusals: u64,
}

impl House {
    /// A venue behind its listener.
    pub fn new(
        exchange: Exchange,
        dialect: Box<dyn Dialect + Send>,
        listener: Listener,
        stats: Arc<Stats>,
    ) -> House {
        House {
            exchange,
            dialect,
            listener,
            connections: Vec::new(),
            troubles: Troubles::default(),
            symbols: Vec::new(),
            stats,
            start: MonoNs(0),
            tick_at: MonoNs(0),
            refusals: 0,
        }
    }
    /// Its market begins now.
    pub const fn begin(&mut self, start: MonoNs) {
        self.start = start;
    }
    /// Which venue.
    pub const fn venue(&self) -> VenueId {
        self.exchange.venue()
    }
    /// Its exchange.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }
    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }
    /// Open connections.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }
    /// When its next image or tick is due.
    pub fn due(&self) -> MonoNs {
        self.tick_at.min(self.start.plus(DurNs(self.exchange.due().0)))
    }
    /// One turn; true if anything happened.
    pub fn turn(&mut self, now: Now) -> bool {
        let accepted = self.accept(now);
        let shown = self.show_images(now);
        let heard = self.hear(now);
        let ticked = now.mono >= self.tick_at;
        if ticked {
            self.tick_at = now.mono.plus(TICK);
            self.tick(now);
        }
        self.advance(now);
        self.bury();
        accepted | shown | heard | ticked
    }
    /// Says goodbye to everybody.
    pub fn close(&mut self) {
        for connection in &mut self.connections {
            match (&connection.seat, connection.hostage) {
                (Some(_), None) => {
                    if let Some(peer) = connection.peer() {
                        // Who takes nothing is cut by the end of the process.
                        peer.close(1001).ok();
                    }
                }
                _ => connection.hang_up(),
            }
        }
    }

    pub(crate) fn moment(&self, now: Now) -> SimNow {
        let wall_ms = now.wall.as_ms().saturating_add_signed(self.troubles.skew_ms());
        SimNow { now, wall_ms }
    }

    fn accept(&mut self, now: Now) -> bool {
        for taken in 0..BATCH {
            let Ok(Some(peer)) = self.listener.accept(now.mono) else { return taken > 0 };
            self.stats.add(self.venue(), Count::Accepted);
            if self.connections.len() >= CONNECTIONS
                || self.troubles.has(SimEffect::AcceptThenClose)
            {
                self.stats.add(self.venue(), Count::TurnedAway);
                continue;
            }
            let mut connection = Connection::new(peer);
            connection.pace(&self.troubles);
            if self.troubles.has(SimEffect::AcceptSilent) {
                connection.freeze(Hostage::Silent);
                self.stats.add(self.venue(), Count::Tampered);
            }
            self.connections.push(connection);
        }
        true
    }

    /// Every image that is due; in a burst many for each.
    fn show_images(&mut self, now: Now) -> bool {
        let at = self.moment(now);
        for drawn in 0..BATCH {
            if self.start.plus(DurNs(self.exchange.due().0)) > now.mono {
                return drawn > 0;
            }
            let instrument = self.exchange.advance(at.wall_ms);
            self.show(instrument, at);
            let burst = self.troubles.find(|fault| match fault.effect {
                SimEffect::Burst { factor } => Some(factor),
                _ => None,
            });
            self.exchange.set_haste(if burst.is_some() { Haste::Burst } else { Haste::None });
            for _ in 1..burst.unwrap_or(1) {
                self.exchange.flicker(instrument, at.wall_ms);
                self.show(instrument, at);
            }
            self.exchange.set_haste(Haste::None);
            self.tell_accounts(at);
        }
        true
    }
    fn show(&mut self, instrument: usize, at: SimNow) {
        self.stats.add(self.venue(), Count::Images);
        let prices = match self.troubles.is_empty() {
            true => Vec::new(),
            false => prices(self.exchange.book(instrument)),
        };
        let House { connections, dialect, exchange, .. } = self;
        let mut outs: Vec<(usize, Vec<Out>)> = Vec::new();
        for (index, connection) in connections.iter_mut().enumerate() {
            if let Some(seat) = &mut connection.seat {
                outs.push((index, dialect.book(seat, instrument, (exchange, at))));
            }
        }
        for (index, outs) in outs {
            self.deliver(index, outs, (at, &prices));
        }
    }
    /// Sends to one connection: market data through the faults, everything else as it is.
    pub(crate) fn deliver(
        &mut self,
        index: usize,
        outs: Vec<Out>,
        (at, prices): (SimNow, &[Price]),
    ) {
        let venue = self.exchange.venue();
        let context = Context {
            troubles: &self.troubles,
            venue,
            now: at.now.mono,
            wall_ms: at.wall_ms,
            prices,
            symbols: &self.symbols,
        };
        let connection = &mut self.connections[index];
        for out in outs {
            let is_market = text_of(&out).is_some_and(|text| frames::is_market(venue, text));
            let sent = match is_market {
                true => connection.send_market(out, &context),
                false => connection.send_plain(out, &context),
            };
            count(&self.stats, venue, sent);
        }
    }
    fn advance(&mut self, now: Now) {
        let at = self.moment(now);
        let venue = self.venue();
        let context = Context {
            troubles: &self.troubles,
            venue,
            now: now.mono,
            wall_ms: at.wall_ms,
            prices: &[],
            symbols: &self.symbols,
        };
        for connection in &mut self.connections {
            count(&self.stats, venue, connection.advance(&context));
        }
    }
    fn bury(&mut self) {
        let before = self.connections.len();
        self.connections.retain(|connection| !connection.is_over());
        for _ in self.connections.len()..before {
            self.stats.add(self.venue(), Count::Ended);
        }
    }

    fn hear(&mut self, now: Now) -> bool {
        let mut heard = false;
        for index in 0..self.connections.len() {
            for _ in 0..BATCH {
                let Some(event) = self.connections[index].poll(now.mono) else { break };
                heard = true;
                match event {
                    PeerEvent::Request(request) => self.request(index, request, now),
                    PeerEvent::Incoming(incoming) => self.incoming(index, incoming, now),
                    PeerEvent::Gone(_) => break,
                }
            }
        }
        heard
    }
    fn incoming(&mut self, index: usize, incoming: Incoming, now: Now) {
        let at = self.moment(now);
        let Some(mut seat) = self.connections[index].seat.take() else { return };
        seat.heard = now.mono;
        let outs = match incoming {
            Incoming::Frame(payload) => self.message(index, &mut seat, (payload.as_ref(), at)),
            Incoming::Ping | Incoming::Pong(_) => self.dialect.pinged(&mut seat, at),
            Incoming::Closed { .. } => Vec::new(),
        };
        self.connections[index].seat = Some(seat);
        let prices = match self.troubles.has(SimEffect::ZeroPrice) {
            true => (0..self.exchange.instruments().len())
                .flat_map(|book| prices(self.exchange.book(book)))
                .collect(),
            false => Vec::new(),
        };
        self.deliver(index, outs, (at, &prices));
        self.tell_accounts(at);
    }
    fn message(&mut self, index: usize, seat: &mut Seat, (text, at): (&[u8], SimNow)) -> Vec<Out> {
        self.stats.add(self.venue(), Count::MessagesIn);
        let deaf = self.troubles.find(|fault| {
            (fault.effect == SimEffect::DropSubscription).then(|| {
                let own = self.symbols.iter().zip(self.troubles.all());
                let own = own.filter(|(_, other)| *other == fault).find_map(|(s, _)| s.clone());
                own.unwrap_or_else(|| self.first_symbol())
            })
        });
        let connection = &mut self.connections[index];
        match deaf.filter(|symbol| frames::names(text, symbol)) {
            Some(symbol) => connection.deaf_to = Some(symbol),
            None if connection.deaf_to.as_ref().is_some_and(|s| frames::names(text, s)) => {
                connection.deaf_to = None;
            }
            None => {}
        }
        let mut text = text.to_vec();
        for symbol in self.unknown_symbols() {
            text = frames::misname(&text, &symbol);
        }
        let outs = self.dialect.message(seat, &text, (&mut self.exchange, at));
        let is_order = ORDER_WORDS.iter().any(|word| text.windows(word.len()).any(|w| w == *word));
        let is_lost = self.troubles.has(SimEffect::LostReply)
            || self.troubles.has(SimEffect::TimeoutAfterAccept);
        if is_order && is_lost { Vec::new() } else { outs }
    }
    /// Tells every authenticated seat what happened to its account.
    pub(crate) fn tell_accounts(&mut self, at: SimNow) {
        for (account, event) in self.exchange.take_events() {
            let is_fill = matches!(event, AccountEvent::Filled(..));
            match event {
                AccountEvent::Placed(_) => self.stats.add(self.venue(), Count::Orders),
                AccountEvent::Filled(..) => self.stats.add(self.venue(), Count::Fills),
                _ => {}
            }
            let twice = is_fill && self.troubles.has(SimEffect::DuplicateFill);
            for _ in 0..1 + u8::from(twice) {
                for index in 0..self.connections.len() {
                    let Some(seat) = &mut self.connections[index].seat else { continue };
                    if seat.account == Some(account) {
                        let outs = self.dialect.account(seat, &event, (&self.exchange, at));
                        self.deliver(index, outs, (at, &[]));
                    }
                }
            }
        }
    }
    fn tick(&mut self, now: Now) {
        let at = self.moment(now);
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if connection.hostage.is_some() {
                continue;
            }
            let Some(seat) = &mut connection.seat else { continue };
            let outs = self.dialect.tick(seat, (&self.exchange, at));
            self.deliver(index, outs, (at, &[]));
        }
    }
}

fn count(stats: &Stats, venue: VenueId, sent: Sent) {
    for _ in 0..sent.messages {
        stats.add(venue, Count::MessagesOut);
    }
    if sent.is_tampered {
        stats.add(venue, Count::Tampered);
    }
    if sent.is_cut {
        stats.add(venue, Count::CutSlow);
    }
}

/// Prices that a message about this image may hold, best first.
fn prices(book: &SimBook) -> Vec<Price> {
    let sides = book.asks.iter().zip(&book.bids).flat_map(|(ask, bid)| [ask.price, bid.price]);
    sides.chain(book.changed.iter().map(|change| change.level.price)).collect()
}
