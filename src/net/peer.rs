//! One connection of the local exchange: reads requests, answers, upgrades, and misbehaves on
//! command. Whoever has it polls it; nothing here waits.
//!
//! Bounded: heads 16 KiB, bodies 256 KiB, messages as `net::ws`, the unsent queue and all times by
//! [`ServeLimits`].

use std::io;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use crate::net::message::After;
use crate::net::message::MOST_BUFFERED;
use crate::net::message::Parsed;
use crate::net::message::Request;
use crate::net::message::Response;
use crate::net::message::take;
use crate::net::tcp;
use crate::net::told::Gone;
use crate::net::told::PeerEvent;
use crate::net::told::ServeError;
use crate::net::wire::Pace;
use crate::net::wire::Wire;
use crate::net::ws::Side;
use crate::net::ws::Socket;
use crate::net::ws::SocketError;
use crate::net::ws::accept_key;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// What one peer may take up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServeLimits {
    /// From its first byte (the first time: from accepting) a head must be whole in so long.
    pub head: DurNs,
    /// From there on its body.
    pub body: DurNs,
    /// Between two requests.
    pub idle: DurNs,
    /// Most bytes that wait to be sent.
    pub unsent: usize,
}

/// 10 s, 10 s, 60 s and 2 MiB.
pub const SERVE_LIMITS: ServeLimits = ServeLimits {
    head: DurNs::from_secs(10),
    body: DurNs::from_secs(10),
    idle: DurNs::from_secs(60),
    unsent: 2 << 20,
};
/// After the last byte the peer's own end is waited for so long.
const LINGER: DurNs = DurNs::from_secs(1);
/// Bytes read at a time.
const CHUNK: usize = 16 << 10;

/// One connection of the local exchange.
#[derive(Debug)]
pub struct Peer {
    stage: Stage,
    limits: ServeLimits,
}

#[derive(Debug)]
enum Stage {
    /// Reads requests; `by` when it must have come to the end of what it awaits.
    Http {
        wire: Wire,
        heard: Vec<u8>,
        awaits: Awaits,
        by: MonoNs,
    },
    /// A request is out and waits for its answer. What comes meanwhile is kept for later, so that
    /// the end of a client that gave up is seen.
    Asked {
        wire: Wire,
        heard: Vec<u8>,
        after: After,
    },
    Web(Box<Socket<Wire>>),
    /// The last bytes go out; then `why` is told.
    Leaving {
        wire: Wire,
        why: Gone,
        by: Option<MonoNs>,
    },
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Awaits {
    FirstByte,
    Head,
    Body,
}

impl Peer {
    /// Sends, reads, and tells what came, one event a call; `None` once nothing more is there.
    /// After [`PeerEvent::Gone`] always `None`.
    pub fn poll(&mut self, now: MonoNs) -> Option<PeerEvent> {
        if self.wire().is_none_or(Wire::is_frozen) {
            return None;
        }
        if let Err(why) = self.pump(now) {
            return self.broken(&why);
        }
        let event = match &mut self.stage {
            Stage::Http { .. } => self.hear(now),
            Stage::Web(socket) => match socket.read() {
                Ok(None) => None,
                Ok(Some(incoming)) => Some(PeerEvent::Incoming(incoming)),
                Err(SocketError::Over) => self.leave(Gone::Ended),
                Err(why) => self.gone(Gone::of(why)),
            },
            Stage::Leaving { .. } => self.linger(now),
            Stage::Asked { wire, heard, .. } => match pour(wire, heard) {
                Ok(false) => None,
                Ok(true) => self.gone(Gone::Ended),
                Err(why) => self.broken(&why),
            },
            Stage::Gone => None,
        };
        match self.pump(now) {
            Err(why) if event.is_none() => self.broken(&why),
            _ => event,
        }
    }
    /// Answers the request that was told last.
    ///
    /// # Errors
    /// [`ServeError::NotAsked`], [`ServeError::Full`].
    pub fn respond(&mut self, response: &Response, now: MonoNs) -> Result<(), ServeError> {
        let Stage::Asked { wire, after, .. } = &mut self.stage else {
            return Err(ServeError::NotAsked);
        };
        if !wire.queue_all(&response.bytes(*after)) {
            return Err(ServeError::Full);
        }
        self.stage = match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Asked { wire, after: After::Close, .. } => {
                Stage::Leaving { wire, why: Gone::Ended, by: None }
            }
            Stage::Asked { wire, heard, .. } => {
                let by = now.plus(self.limits.idle);
                Stage::Http { wire, heard, awaits: Awaits::FirstByte, by }
            }
            other => other,
        };
        Ok(())
    }
    /// Turns the connection into a WebSocket as `request` asks, with `headers` in the answer.
    ///
    /// # Errors
    /// [`ServeError::NotAsked`], [`ServeError::NoUpgrade`] (then answer 400), [`ServeError::Full`].
    pub fn upgrade(
        &mut self,
        request: &Request,
        headers: &[(&str, &str)],
    ) -> Result<(), ServeError> {
        let Stage::Asked { wire, .. } = &mut self.stage else { return Err(ServeError::NotAsked) };
        let key = request.upgrade_key().ok_or(ServeError::NoUpgrade)?;
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n",
            accept_key(key),
        );
        for (name, value) in headers {
            answer.push_str(&format!("{name}: {value}\r\n"));
        }
        answer.push_str("\r\n");
        if !wire.queue_all(answer.as_bytes()) {
            return Err(ServeError::Full);
        }
        self.stage = match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Asked { wire, heard, .. } => {
                Stage::Web(Box::new(Socket::new(wire, heard, Side::Server)))
            }
            other => other,
        };
        Ok(())
    }
    /// Queues a text message.
    ///
    /// # Errors
    /// [`ServeError::NotOpen`], [`ServeError::Full`].
    pub fn send_text(&mut self, text: &str) -> Result<(), ServeError> {
        self.web()?.send_text(text).map_err(ServeError::of)
    }
    /// Queues a binary message.
    ///
    /// # Errors
    /// As [`Peer::send_text`].
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), ServeError> {
        self.web()?.send_binary(bytes).map_err(ServeError::of)
    }
    /// Queues a ping of up to 125 bytes.
    ///
    /// # Errors
    /// As [`Peer::send_text`].
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), ServeError> {
        self.web()?.send_ping(payload).map_err(ServeError::of)
    }
    /// Says goodbye with any code, and goes on to read until the peer does too.
    ///
    /// # Errors
    /// As [`Peer::send_text`].
    pub fn close(&mut self, code: u16) -> Result<(), ServeError> {
        self.web()?.close_with(code).map_err(ServeError::of)
    }
    /// Queues bytes as they are, whatever they mean: for faults.
    ///
    /// # Errors
    /// [`ServeError::Full`] if not all fit, then none is queued; [`ServeError::NotOpen`] once gone.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), ServeError> {
        let wire = self.wire_mut().ok_or(ServeError::NotOpen)?;
        if wire.queue_all(bytes) { Ok(()) } else { Err(ServeError::Full) }
    }
    /// From now on so fast.
    pub fn set_pace(&mut self, pace: Pace) {
        if let Some(wire) = self.wire_mut() {
            wire.set_pace(pace);
        }
    }
    /// Reads and sends nothing any more while the socket stays open, as if the network were gone.
    /// What is sent meanwhile is queued. Limits of time stand still.
    pub fn freeze(&mut self) {
        if let Some(wire) = self.wire_mut() {
            wire.freeze();
        }
    }
    /// Ends [`Peer::freeze`].
    pub fn thaw(&mut self) {
        if let Some(wire) = self.wire_mut() {
            wire.thaw();
        }
    }
    /// Ends the connection with RST; what waits to be sent is lost.
    pub fn reset(self) {
        if let Some(wire) = self.wire() {
            // Without the option it is an ordinary end, which is an end too.
            tcp::reset_on_drop(wire.stream().tcp()).ok();
        }
    }
    /// Ends it after what is queued, without a goodbye on the WebSocket.
    pub fn hang_up(&mut self) {
        self.leave(Gone::Ended);
    }
    /// Bytes that wait to be sent.
    pub fn backlog(&self) -> usize {
        self.wire().map_or(0, Wire::backlog)
    }
    /// Bytes received on the wire, TLS included.
    pub fn bytes_in(&self) -> u64 {
        self.wire().map_or(0, |wire| wire.stream().bytes_in())
    }
    /// Bytes handed to the kernel, TLS included.
    pub fn bytes_out(&self) -> u64 {
        self.wire().map_or(0, |wire| wire.stream().bytes_out())
    }
    /// True while it has an open WebSocket.
    pub const fn is_websocket(&self) -> bool {
        matches!(self.stage, Stage::Web(_))
    }
    /// The socket, to wait for; `None` once it is gone.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.wire().map(AsFd::as_fd)
    }
}

impl Peer {
    /// A new connection.
    pub(crate) fn accepted(wire: Wire, limits: ServeLimits, now: MonoNs) -> Peer {
        let by = now.plus(limits.head);
        let stage = Stage::Http { wire, heard: Vec::new(), awaits: Awaits::Head, by };
        Peer { stage, limits }
    }
    fn wire(&self) -> Option<&Wire> {
        match &self.stage {
            Stage::Http { wire, .. } | Stage::Asked { wire, .. } => Some(wire),
            Stage::Leaving { wire, .. } => Some(wire),
            Stage::Web(socket) => Some(socket.stream()),
            Stage::Gone => None,
        }
    }
    fn wire_mut(&mut self) -> Option<&mut Wire> {
        match &mut self.stage {
            Stage::Http { wire, .. } | Stage::Asked { wire, .. } => Some(wire),
            Stage::Leaving { wire, .. } => Some(wire),
            Stage::Web(socket) => Some(socket.stream_mut()),
            Stage::Gone => None,
        }
    }
    fn web(&mut self) -> Result<&mut Socket<Wire>, ServeError> {
        match &mut self.stage {
            Stage::Web(socket) => Ok(socket),
            _ => Err(ServeError::NotOpen),
        }
    }
    fn pump(&mut self, now: MonoNs) -> io::Result<()> {
        self.wire_mut().map_or(Ok(()), |wire| wire.pump(now))
    }
    fn hear(&mut self, now: MonoNs) -> Option<PeerEvent> {
        let Stage::Http { wire, heard, awaits, by } = &mut self.stage else { return None };
        let is_over = match pour(wire, heard) {
            Ok(is_over) => is_over,
            Err(why) => return self.broken(&why),
        };
        match take(heard) {
            Ok(Parsed::Whole(request, after)) => {
                self.asked(after);
                return Some(PeerEvent::Request(request));
            }
            Ok(Parsed::Head) if *awaits != Awaits::Body => {
                (*awaits, *by) = (Awaits::Body, now.plus(self.limits.body));
            }
            Ok(Parsed::Nothing) if *awaits == Awaits::FirstByte && !heard.is_empty() => {
                (*awaits, *by) = (Awaits::Head, now.plus(self.limits.head));
            }
            Ok(_) => {}
            Err(why) => return self.refuse(why.status(), Gone::Refused(why.status())),
        }
        let is_idle = *awaits == Awaits::FirstByte;
        let is_late = now >= *by;
        if is_over || (is_late && is_idle) {
            return self.leave(Gone::Ended);
        }
        if is_late { self.refuse(408, Gone::TooSlow) } else { None }
    }
    fn asked(&mut self, after: After) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Http { wire, heard, .. } => Stage::Asked { wire, heard, after },
            other => other,
        };
    }
    fn refuse(&mut self, status: u16, why: Gone) -> Option<PeerEvent> {
        let answer = Response { status, headers: Vec::new(), body: Vec::new() };
        if let Some(wire) = self.wire_mut() {
            // A peer that takes nothing does not get its refusal either.
            wire.queue_all(&answer.bytes(After::Close));
        }
        self.leave(why)
    }
    fn leave(&mut self, why: Gone) -> Option<PeerEvent> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Http { wire, .. } | Stage::Asked { wire, .. } => {
                Stage::Leaving { wire, why, by: None }
            }
            Stage::Web(socket) => Stage::Leaving { wire: socket.into_stream(), why, by: None },
            other => other,
        };
        None
    }
    /// Once all is sent, says so and waits a moment for the peer: an end while its bytes are
    /// unread would be an RST, which takes the last answer with it.
    fn linger(&mut self, now: MonoNs) -> Option<PeerEvent> {
        let Stage::Leaving { wire, why, by } = &mut self.stage else { return None };
        if wire.backlog() > 0 {
            return None;
        }
        let until = match by {
            Some(until) => *until,
            None => {
                let until = now.plus(LINGER);
                *by = Some(until);
                // If it cannot be told, the reading below finds the same.
                wire.finish().ok();
                until
            }
        };
        let mut chunk = [0; CHUNK];
        let is_over = match wire.read(&mut chunk) {
            Ok(count) => count == 0,
            Err(failed) => failed.kind() != io::ErrorKind::WouldBlock,
        };
        let why = why.clone();
        if is_over || now >= until { self.gone(why) } else { None }
    }
    fn broken(&mut self, why: &io::Error) -> Option<PeerEvent> {
        self.gone(Gone::Broken(SocketError::of_io(why)))
    }
    fn gone(&mut self, why: Gone) -> Option<PeerEvent> {
        self.stage = Stage::Gone;
        Some(PeerEvent::Gone(why))
    }
}

/// Reads what is there, up to what a request may have; true at the end of the stream.
fn pour(wire: &mut Wire, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; CHUNK];
    while into.len() < MOST_BUFFERED {
        let room = chunk.len().min(MOST_BUFFERED - into.len());
        match wire.read(&mut chunk[..room]) {
            Ok(0) => return Ok(true),
            Ok(count) => into.extend_from_slice(&chunk[..count]),
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return Ok(true),
            Err(why) => return Err(why),
        }
    }
    Ok(false)
}
