//! One venue of the local exchange: its listener, its connections, its exchange and its dialect.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::net::serve::Listener;
use crate::net::serve::PeerEvent;
use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::net::ws::Incoming;
use crate::sim::dialect::Dialect;
use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::exchange::book::SimBook;
use crate::sim::exchange::book::Spoil;
use crate::sim::exchange::core::Doors;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::server::connection::Connection;
use crate::sim::server::connection::Context;
use crate::sim::server::connection::Hostage;
use crate::sim::server::connection::Sent;
use crate::sim::server::connection::text_of;
use crate::sim::server::faults::Edge;
use crate::sim::server::faults::Troubles;
use crate::sim::server::frames;
use crate::sim::server::limits::CONNECTIONS;
use crate::sim::server::limits::SimEffect;
use crate::sim::server::limits::SimFault;
use crate::sim::server::stats::Count;
use crate::sim::server::stats::Stats;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::units::Ppm;
use crate::types::units::Price;

/// Between two ticks of a dialect.
const TICK: DurNs = DurNs::from_ms(50);
/// Most connections accepted, images drawn, and events of one connection in one turn.
const BATCH: usize = 32;
/// How much later than its fills the answer to an order comes.
const LATE_ACK: DurNs = DurNs::from_ms(200);
/// Words that mark a message as a request about an order.
const ORDER_WORDS: [&[u8]; 6] =
    [b"order.place", b"order.create", b"order.cancel", b"\"order\"", b"cancel-order", b"amend"];

/// One venue.
pub struct House {
    exchange: Exchange,
    dialect: Box<dyn Dialect + Send>,
    listener: Listener,
    connections: Vec<Connection>,
    troubles: Troubles,
    /// The venue's codes of the symbols of `troubles`.
    symbols: Vec<Option<String>>,
    stats: Arc<Stats>,
    start: MonoNs,
    tick_at: MonoNs,
    refusals: u64,
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

    fn moment(&self, now: Now) -> SimNow {
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
            for _ in 1..burst.unwrap_or(1) {
                self.exchange.flicker(instrument, at.wall_ms);
                self.show(instrument, at);
            }
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
    fn deliver(&mut self, index: usize, outs: Vec<Out>, (at, prices): (SimNow, &[Price])) {
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
    fn request(&mut self, index: usize, request: Request, now: Now) {
        let at = self.moment(now);
        let request = self.misnamed(request);
        if let Some(refusal) = self.refusal(&request) {
            self.stats.add(self.venue(), Count::Tampered);
            return self.connections[index].respond(&refusal, now.mono);
        }
        self.stats.add(self.venue(), Count::Requests);
        if request.upgrade_key().is_some() {
            return self.open(index, &request, at);
        }
        let response = self.dialect.http(&request, &mut self.exchange, at);
        let is_change = request.method != "GET";
        let connection = &mut self.connections[index];
        let lost = |effect| is_change && self.troubles.has(effect);
        if lost(SimEffect::LostReply) {
            connection.hang_up();
        } else if lost(SimEffect::TimeoutAfterAccept) {
            connection.never_respond(now.mono);
        } else if lost(SimEffect::FillBeforeAck) {
            connection.respond_at(now.mono.plus(LATE_ACK), response);
        } else {
            connection.respond(&response, now.mono);
        }
        self.tell_accounts(at);
    }
    /// What a fault answers in place of the venue.
    fn refusal(&mut self, request: &Request) -> Option<Response> {
        self.refusals += 1;
        if self.troubles.has(SimEffect::Html403) {
            let page = "<html><head><title>403 Forbidden</title></head><body>403</body></html>";
            let kind = ("Content-Type".to_owned(), "text/html".to_owned());
            return Some(Response { status: 403, headers: vec![kind], body: page.into() });
        }
        if self.troubles.has(SimEffect::Http5xx) {
            let status = [502, 503, 500][usize::try_from(self.refusals % 3).unwrap_or(0)];
            let kind = ("Content-Type".to_owned(), "text/html".to_owned());
            let body = b"<html><body>upstream error</body></html>".to_vec();
            return Some(Response { status, headers: vec![kind], body });
        }
        let is_shut = self.troubles.has(SimEffect::Maintenance) && request.upgrade_key().is_some();
        is_shut.then(|| Response::json(503, "{\"error\":\"under maintenance\"}"))
    }
    fn misnamed(&self, mut request: Request) -> Request {
        for symbol in self.unknown_symbols() {
            let misname = |text: &str| frames::misname(text.as_bytes(), &symbol);
            request.query = String::from_utf8_lossy(&misname(&request.query)).into_owned();
            request.path = String::from_utf8_lossy(&misname(&request.path)).into_owned();
            request.body = frames::misname(&request.body, &symbol);
        }
        request
    }
    fn unknown_symbols(&self) -> Vec<String> {
        let pairs = self.troubles.all().iter().zip(&self.symbols);
        let unknown = pairs.filter(|(fault, _)| fault.effect == SimEffect::UnknownSymbol);
        unknown.map(|(_, symbol)| symbol.clone().unwrap_or_else(|| self.first_symbol())).collect()
    }
    /// The venue's code of its first instrument: what a fault without symbol means.
    fn first_symbol(&self) -> String {
        self.exchange.instruments().first().map(frames::native).unwrap_or_default()
    }
    fn open(&mut self, index: usize, request: &Request, at: SimNow) {
        let connection = &mut self.connections[index];
        let (seat, headers) = match self.dialect.open(request, (&self.exchange, at)) {
            Ok(opened) => opened,
            Err(refusal) => return connection.respond(&refusal, at.now.mono),
        };
        let lines: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let upgraded = connection.peer().map(|peer| peer.upgrade(request, &lines));
        if !matches!(upgraded, Some(Ok(()))) {
            return connection.reset();
        }
        connection.seat = Some(seat);
        self.stats.add(self.exchange.venue(), Count::Opened);
        if self.troubles.has(SimEffect::GiantFrame) {
            connection.send_raw(&frames::giant_frame());
        }
        if self.troubles.has(SimEffect::Rst) {
            connection.reset();
        }
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
    fn message(
        &mut self,
        index: usize,
        seat: &mut crate::sim::dialect::seat::Seat,
        (text, at): (&[u8], SimNow),
    ) -> Vec<Out> {
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
    fn tell_accounts(&mut self, at: SimNow) {
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

    /// Takes what acts from now on, and does what belongs to the beginnings and ends.
    pub fn beset(&mut self, troubles: Troubles, edges: &[(SimFault, Edge)], now: Now) {
        self.troubles = troubles;
        let symbols = self.troubles.all().iter().map(|fault| {
            let symbol = fault.symbol?;
            let own = self.exchange.instruments().iter().find(|i| i.name == symbol);
            Some(own.map_or_else(|| symbol.to_string(), frames::native))
        });
        self.symbols = symbols.collect();
        for (fault, edge) in edges {
            match edge {
                Edge::Begins => self.fault_begins(fault, now),
                Edge::Ends => self.fault_ends(fault),
            }
        }
        self.spoil_books();
        for connection in &mut self.connections {
            connection.pace(&self.troubles);
        }
    }
    fn fault_begins(&mut self, fault: &SimFault, now: Now) {
        self.stats.add(self.venue(), Count::Faults);
        let at = self.moment(now);
        for index in 0..self.connections.len() {
            let connection = &mut self.connections[index];
            if connection.hostage.is_some() {
                continue;
            }
            let Some(seat) = &mut connection.seat else { continue };
            match fault.effect {
                SimEffect::Rst => connection.reset(),
                effect if effect.ends_sockets() => connection.hang_up(),
                SimEffect::HalfOpen => connection.freeze(Hostage::HalfOpen),
                SimEffect::GiantFrame => connection.send_raw(&frames::giant_frame()),
                SimEffect::ServerShutdown => {
                    let outs = self.dialect.shut_down(seat, at);
                    connection.is_leaving = true;
                    self.deliver(index, outs, (at, &[]));
                }
                _ => continue,
            }
            self.stats.add(self.exchange.venue(), Count::Tampered);
        }
    }
    fn fault_ends(&mut self, fault: &SimFault) {
        for connection in &mut self.connections {
            match (fault.effect, connection.hostage) {
                (SimEffect::HalfOpen, Some(Hostage::HalfOpen))
                | (SimEffect::AcceptSilent, Some(Hostage::Silent)) => connection.thaw(),
                (SimEffect::ServerShutdown, _) if connection.is_leaving => {
                    if let Some(peer) = connection.peer() {
                        // Who is gone already needs no goodbye.
                        peer.close(1001).ok();
                    }
                }
                _ => {}
            }
        }
    }
    /// What acts on the exchange itself.
    fn spoil_books(&mut self) {
        let all = self.troubles.all();
        let part = self.troubles.find(|fault| match fault.effect {
            SimEffect::PartialFill { part } => Some(part),
            _ => None,
        });
        let is_halted = self.troubles.has(SimEffect::Maintenance);
        for instrument in 0..self.exchange.instruments().len() {
            let name = self.exchange.instruments()[instrument].name;
            let acts = |effect| {
                let is_here = |f: &SimFault| f.symbol.is_none_or(|symbol| symbol == name);
                all.iter().any(|fault| fault.effect == effect && is_here(fault))
            };
            let how = match () {
                () if acts(SimEffect::CrossedBook) => Spoil::Crossed,
                () if acts(SimEffect::FrozenBook) => Spoil::Frozen,
                () => Spoil::Sound,
            };
            self.exchange.spoil(instrument, how);
        }
        self.exchange.set_depth(part.unwrap_or(Ppm::ONE));
        self.exchange.set_doors(if is_halted { Doors::Halted } else { Doors::Open });
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
