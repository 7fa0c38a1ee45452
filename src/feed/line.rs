//! One of a feed's two connections: its socket, the messages that wait to be sent on it, and what
//! it received before it takes over.

use std::collections::VecDeque;

use crate::feed::connection::Why;
use crate::feed::hold::Hold;
use crate::net::ws::Incoming;
use crate::net::ws::Socket;
use crate::net::ws::SocketError;
use crate::venue::stream::BookSource;

/// Most messages that wait to be sent: all symbols, asked for again several times over.
const OUTBOX: usize = 256;

/// A connection, or the place for one.
#[derive(Debug)]
pub struct Line {
    /// The socket while it is open.
    pub socket: Option<Box<Socket>>,
    /// What it received while another connection fed the books.
    pub hold: Hold,
    outbox: VecDeque<String>,
}

/// What reading once gave.
#[derive(Debug)]
pub enum Read {
    /// A message.
    Message(Incoming),
    /// Nothing more is there; so many bytes came in all.
    Dry(u64),
    /// It is over.
    Over(Why),
    /// There is no socket.
    Closed,
}

impl Line {
    /// No connection, for a venue with books of that kind.
    pub fn new(source: BookSource) -> Line {
        Line { socket: None, hold: Hold::new(source), outbox: VecDeque::new() }
    }
    /// A connection has opened.
    pub fn open(&mut self, socket: Box<Socket>) {
        self.shut();
        self.socket = Some(socket);
    }
    /// Says goodbye, as far as the socket takes it at once, and forgets everything.
    pub fn shut(&mut self) {
        if let Some(socket) = &mut self.socket {
            // Whether the peer hears it or not, the connection is over.
            let _ = socket.close();
        }
        self.socket = None;
        self.outbox.clear();
        self.hold.clear();
    }
    /// Puts a message behind those that wait. One too many is dropped: the symbols that it names
    /// are asked for again when their images do not come.
    pub fn queue(&mut self, message: String) {
        if self.outbox.len() < OUTBOX {
            self.outbox.push_back(message);
        }
    }
    /// Whether messages wait.
    pub fn has_mail(&self) -> bool {
        !self.outbox.is_empty() && self.socket.is_some()
    }
    /// Sends the next message.
    ///
    /// # Errors
    /// Why the connection is over.
    pub fn send_next(&mut self) -> Result<(), Why> {
        let Some(message) = self.outbox.pop_front() else { return Ok(()) };
        self.send(&message)
    }
    /// Sends a message at once.
    ///
    /// # Errors
    /// Why the connection is over.
    pub fn send(&mut self, message: &str) -> Result<(), Why> {
        match &mut self.socket {
            Some(socket) => socket.send_text(message).map_err(|why| why_of(&why)),
            None => Ok(()),
        }
    }
    /// Sends a ping.
    ///
    /// # Errors
    /// Why the connection is over.
    pub fn ping(&mut self) -> Result<(), Why> {
        match &mut self.socket {
            Some(socket) => socket.send_ping(b"").map_err(|why| why_of(&why)),
            None => Ok(()),
        }
    }
    /// Reads one message.
    pub fn read(&mut self) -> Read {
        let Some(socket) = &mut self.socket else { return Read::Closed };
        match socket.read() {
            Ok(Some(Incoming::Closed { .. })) => Read::Over(Why::Peer),
            Ok(Some(incoming)) => Read::Message(incoming),
            Ok(None) => Read::Dry(socket.bytes_in()),
            Err(why) => Read::Over(why_of(&why)),
        }
    }
}

const fn why_of(why: &SocketError) -> Why {
    match why {
        SocketError::Cut | SocketError::Over => Why::Peer,
        _ => Why::Fault,
    }
}
