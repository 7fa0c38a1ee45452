//! One connection of the local exchange, and what faults do to the messages on it.

use std::collections::VecDeque;

use crate::net::serve::Pace;
use crate::net::serve::Peer;
use crate::net::serve::PeerEvent;
use crate::net::serve::Response;
use crate::net::serve::ServeError;
use crate::sim::dialect::Out;
use crate::sim::dialect::seat::Seat;
use crate::sim::server::faults::Troubles;
use crate::sim::server::frames;
use crate::sim::server::frames::Opcode;
use crate::sim::server::frames::Shift;
use crate::sim::server::limits::BACKLOG_BYTES;
use crate::sim::server::limits::LATE_MESSAGES;
use crate::sim::server::limits::SimEffect;
use crate::sim::server::limits::SimFault;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_MS;
use crate::types::units::Price;

/// Between two bytes of a slow connection.
const TRICKLE: DurNs = DurNs::from_ms(10);
/// A request without an answer keeps its connection so long.
const STUCK: DurNs = DurNs::from_secs(120);
/// One in so many market messages is lost in a gap, or replaced by garbage.
const GAP_EVERY: u64 = 10;
const GARBAGE_EVERY: u64 = 5;
/// So many market messages come in reverse: more than a connection usually has streams.
const REVERSED: usize = 8;

/// What the faults need to know of a message's surroundings.
pub struct Context<'a> {
    /// What acts.
    pub troubles: &'a Troubles,
    /// Whose.
    pub venue: VenueId,
    /// Now.
    pub now: MonoNs,
    /// The venue's clock, ms.
    pub wall_ms: u64,
    /// Prices that may stand in the message, best first.
    pub prices: &'a [Price],
    /// The venue's codes of fault symbols, in the order of the faults.
    pub symbols: &'a [Option<String>],
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Messages that went out.
    pub messages: u64,
    /// A fault touched it.
    pub is_tampered: bool,
    /// The reader was cut.
    pub is_cut: bool,
}

/// Why a connection does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hostage {
    /// The network between is gone.
    HalfOpen,
    /// It was accepted and gets no byte.
    Silent,
}

/// One connection.
pub struct Connection {
    peer: Option<Peer>,
    /// Its seat, once it is a WebSocket.
    pub seat: Option<Seat>,
    /// Does nothing because of a fault.
    pub hostage: Option<Hostage>,
    /// Was told of a planned close.
    pub is_leaving: bool,
    /// Symbol whose data it never gets.
    pub deaf_to: Option<String>,
    late: VecDeque<(MonoNs, Out)>,
    held: Vec<Out>,
    answer: Option<(MonoNs, Response)>,
    stuck_since: Option<MonoNs>,
    gaps: u64,
    garbled: u64,
}

impl Connection {
    /// A new one.
    pub fn new(peer: Peer) -> Connection {
        Connection {
            peer: Some(peer),
            seat: None,
            hostage: None,
            is_leaving: false,
            deaf_to: None,
            late: VecDeque::new(),
            held: Vec::new(),
            answer: None,
            stuck_since: None,
            gaps: 0,
            garbled: 0,
        }
    }
    /// It is over.
    pub const fn is_over(&self) -> bool {
        self.peer.is_none()
    }
    /// The peer, while there is one.
    pub const fn peer(&mut self) -> Option<&mut Peer> {
        self.peer.as_mut()
    }
    /// What came next; `None` if nothing did.
    pub fn poll(&mut self, now: MonoNs) -> Option<PeerEvent> {
        let event = self.peer.as_mut()?.poll(now)?;
        if matches!(event, PeerEvent::Gone(_)) {
            self.peer = None;
        }
        Some(event)
    }
    /// Ends it with RST.
    pub fn reset(&mut self) {
        if let Some(peer) = self.peer.take() {
            peer.reset();
        }
    }
    /// Ends it without a word.
    pub fn hang_up(&mut self) {
        if let Some(peer) = &mut self.peer {
            peer.hang_up();
        }
    }
    /// Nothing goes in or out any more.
    pub fn freeze(&mut self, why: Hostage) {
        self.hostage = Some(why);
        if let Some(peer) = &mut self.peer {
            peer.freeze();
        }
    }
    /// Ends [`Connection::freeze`]: what was cut off goes on, what never began is hung up on.
    pub fn thaw(&mut self) {
        if self.hostage.take() == Some(Hostage::Silent) {
            self.peer = None;
        }
        if let Some(peer) = &mut self.peer {
            peer.thaw();
        }
    }
    /// As fast as the faults allow.
    pub fn pace(&mut self, troubles: &Troubles) {
        let pace = match troubles.has(SimEffect::SlowLoris) {
            true => Pace::Trickle(TRICKLE),
            false => Pace::Free,
        };
        if let Some(peer) = &mut self.peer {
            peer.set_pace(pace);
        }
    }
    /// Answers a request.
    pub fn respond(&mut self, response: &Response, now: MonoNs) {
        if let Some(peer) = &mut self.peer
            && peer.respond(response, now).is_err()
        {
            self.reset();
        }
    }
    /// Answers later.
    pub fn respond_at(&mut self, at: MonoNs, response: Response) {
        self.answer = Some((at, response));
    }
    /// Never answers.
    pub const fn never_respond(&mut self, now: MonoNs) {
        self.stuck_since = Some(now);
    }
    /// Queues raw bytes on the wire.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        if let Some(peer) = &mut self.peer
            && peer.send_raw(bytes).is_err()
        {
            self.reset();
        }
    }
    /// Sends what was held back and is due, answers that are due; ends what waited too long.
    pub fn advance(&mut self, context: &Context<'_>) -> Sent {
        let mut sent = Sent::default();
        let now = context.now;
        if self.answer.as_ref().is_some_and(|(at, _)| *at <= now)
            && let Some((_, response)) = self.answer.take()
        {
            self.respond(&response, now);
        }
        if self.stuck_since.is_some_and(|since| now.since(since) >= STUCK) {
            self.reset();
        }
        let lags = lag(context.troubles).is_some();
        while self.late.front().is_some_and(|(at, _)| *at <= now || !lags)
            && let Some((_, out)) = self.late.pop_front()
        {
            self.send(out, context, &mut sent);
        }
        if !context.troubles.has(SimEffect::Reorder) {
            for out in std::mem::take(&mut self.held) {
                self.send(out, context, &mut sent);
            }
        }
        sent
    }
    /// Sends a message that carries no market data.
    pub fn send_plain(&mut self, out: Out, context: &Context<'_>) -> Sent {
        let mut sent = Sent::default();
        if self.hostage.is_none() {
            self.send(out, context, &mut sent);
        }
        sent
    }
    /// Sends market data as the faults will have it.
    pub fn send_market(&mut self, out: Out, context: &Context<'_>) -> Sent {
        let mut sent = Sent::default();
        if self.hostage.is_some() {
            return sent;
        }
        if context.troubles.is_empty() && self.deaf_to.is_none() && self.late.is_empty() {
            self.send(out, context, &mut sent);
            return sent;
        }
        let Some(out) = self.tampered(out, context, &mut sent) else {
            sent.is_tampered = true;
            return sent;
        };
        let batch = match acting(SimEffect::Reorder, &out, context) {
            None => vec![out],
            Some(_) => {
                sent.is_tampered = true;
                self.held.push(out);
                if self.held.len() < REVERSED {
                    return sent;
                }
                std::mem::take(&mut self.held).into_iter().rev().collect()
            }
        };
        for out in batch {
            let copies = 1 + usize::from(acting(SimEffect::Duplicate, &out, context).is_some());
            sent.is_tampered |= copies > 1;
            for copy in std::iter::repeat_n(out, copies) {
                self.send_or_delay(copy, context, &mut sent);
            }
        }
        sent
    }
    /// The message with its content broken; `None` if it is lost.
    fn tampered(&mut self, out: Out, context: &Context<'_>, sent: &mut Sent) -> Option<Out> {
        let troubles = context.troubles;
        if troubles.has(SimEffect::Maintenance)
            || acting(SimEffect::Silence, &out, context).is_some()
        {
            return None;
        }
        let text = text_of(&out)?;
        if self.deaf_to.as_ref().is_some_and(|symbol| frames::names(text, symbol)) {
            return None;
        }
        if acting(SimEffect::Gap, &out, context).is_some() {
            self.gaps += 1;
            if self.gaps % GAP_EVERY == 1 {
                return None;
            }
        }
        let mut bytes = text.to_vec();
        for (fault, symbol) in troubles.all().iter().zip(context.symbols) {
            if symbol.as_ref().is_none_or(|symbol| frames::names(text, symbol)) {
                bytes = self.broken(bytes, fault, context);
            }
        }
        sent.is_tampered |= bytes != text;
        Some(match out {
            Out::Binary(_) => Out::Binary(bytes),
            _ => Out::Text(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }
    fn broken(&mut self, bytes: Vec<u8>, fault: &SimFault, context: &Context<'_>) -> Vec<u8> {
        let wall_ms = context.wall_ms;
        match fault.effect {
            SimEffect::ZeroPrice => frames::zero_price(&bytes, context.prices.iter().copied()),
            SimEffect::StaleTimestamps { by } => {
                frames::shift_times(&bytes, wall_ms, Shift::Back(by.0 / NS_PER_MS))
            }
            SimEffect::FutureTimestamps { by } => {
                frames::shift_times(&bytes, wall_ms, Shift::Ahead(by.0 / NS_PER_MS))
            }
            SimEffect::UnitChange => frames::shift_times(&bytes, wall_ms, Shift::Unit),
            SimEffect::Garbage => {
                self.garbled += 1;
                match self.garbled.is_multiple_of(GARBAGE_EVERY) {
                    true => frames::garbage(&bytes, self.garbled / GARBAGE_EVERY),
                    false => bytes,
                }
            }
            _ => bytes,
        }
    }
    fn send_or_delay(&mut self, out: Out, context: &Context<'_>, sent: &mut Sent) {
        let by = lag_of(&out, context);
        // A lag of one symbol does not hold up the others; one that is over lets nothing overtake.
        let may_pass = self.late.is_empty() || lag(context.troubles).is_some();
        if by.is_none() && may_pass {
            return self.send(out, context, sent);
        }
        sent.is_tampered = true;
        if self.late.len() >= LATE_MESSAGES {
            sent.is_cut = true;
            return self.reset();
        }
        self.late.push_back((context.now.plus(by.unwrap_or_default()), out));
    }
    fn send(&mut self, out: Out, context: &Context<'_>, sent: &mut Sent) {
        let Some(peer) = &mut self.peer else { return };
        let in_bytes = context.troubles.has(SimEffect::OneByteFrames);
        let done = match &out {
            Out::Text(text) if in_bytes => {
                peer.send_raw(&frames::one_byte_fragments(Opcode::Text, text.as_bytes()))
            }
            Out::Binary(bytes) if in_bytes => {
                peer.send_raw(&frames::one_byte_fragments(Opcode::Binary, bytes))
            }
            Out::Text(text) => peer.send_text(text),
            Out::Binary(bytes) => peer.send_binary(bytes),
            Out::Ping(payload) => peer.send_ping(payload),
            Out::Close(code) => peer.close(*code),
            Out::Cut => {
                peer.hang_up();
                Ok(())
            }
        };
        sent.messages += 1;
        let is_full = done == Err(ServeError::Full) || peer.backlog() > BACKLOG_BYTES;
        if is_full {
            sent.is_cut = true;
            self.reset();
        }
    }
}

/// How late messages are.
fn lag(troubles: &Troubles) -> Option<DurNs> {
    troubles.find(|fault| match fault.effect {
        SimEffect::Lag { by } => Some(by),
        _ => None,
    })
}

/// How late this message is.
fn lag_of(out: &Out, context: &Context<'_>) -> Option<DurNs> {
    let lags = context.troubles.all().iter().filter_map(|fault| match fault.effect {
        SimEffect::Lag { by } => Some((fault.effect, by)),
        _ => None,
    });
    lags.into_iter().find(|(effect, _)| acting(*effect, out, context).is_some()).map(|(_, by)| by)
}

/// A fault of this effect that concerns this message.
fn acting<'t>(effect: SimEffect, out: &Out, context: &'t Context<'_>) -> Option<&'t SimFault> {
    let text = text_of(out)?;
    let pairs = context.troubles.all().iter().zip(context.symbols);
    let concerns =
        |symbol: &Option<String>| symbol.as_ref().is_none_or(|symbol| frames::names(text, symbol));
    let mut found = pairs.filter(|(fault, symbol)| fault.effect == effect && concerns(symbol));
    found.next().map(|(fault, _)| fault)
}

/// The bytes of a message; `None` for what is none.
pub fn text_of(out: &Out) -> Option<&[u8]> {
    match out {
        Out::Text(text) => Some(text.as_bytes()),
        Out::Binary(bytes) => Some(bytes),
        Out::Ping(_) | Out::Close(_) | Out::Cut => None,
    }
}
