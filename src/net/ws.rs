//! WebSocket messages over a nonblocking stream, either side. The only user of `tungstenite`.
//!
//! Bounded (`FAULTS.md` F17): a message has at most 1 MiB, a frame 256 KiB, both refused at their
//! announced length; what the peer does not take waits in a buffer of [`Caps::unsent`], and a
//! message that does not fit is refused. Pings are answered inside [`Socket::read`], before
//! the next message is looked at, with their payload copied (F07). Nothing is compressed.

use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use tungstenite::Bytes;
use tungstenite::Error;
use tungstenite::Message;
use tungstenite::Utf8Bytes;
use tungstenite::WebSocket;
use tungstenite::error::CapacityError;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::Role;
use tungstenite::protocol::WebSocketConfig;

use crate::net::stream::Stream;

/// Longest message taken, in bytes.
pub const MOST_MESSAGE: usize = 1 << 20;
/// Longest frame taken, in bytes.
pub const MOST_FRAME: usize = 256 << 10;
/// Bytes asked of the socket at a time.
const READ_BUFFER: usize = 16 << 10;
/// Longest payload of a ping (RFC 6455, 5.5).
pub const MOST_PING: usize = 125;

/// Which side of a connection a socket is, and how much may wait to be sent on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Masks what it sends; 256 KiB may wait.
    Client,
    /// The local exchange; 2 MiB may wait.
    Server,
}

impl Side {
    /// Most bytes that may wait to be sent, frame heads included.
    pub const fn unsent(self) -> usize {
        match self {
            Side::Client => 256 << 10,
            Side::Server => 2 << 20,
        }
    }
}

/// Bytes of one message; cloning shares them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payload(Bytes);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// A whole message, text (valid UTF-8) or binary.
    Frame(Payload),
    /// A ping. It is answered already.
    Ping,
    /// A pong, asked for or not.
    Pong(Payload),
    /// The peer says goodbye; the next read is [`SocketError::Over`].
    Closed {
        /// Its reason as a number (RFC 6455, 7.4); one that may not be sent reads as 1002. `None`
        /// if it gives none.
        code: Option<u16>,
        /// Its reason in words, at most 123 bytes.
        reason: String,
    },
}

/// Why a socket is of no use any more. After any of these but [`SocketError::Full`] it is dropped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SocketError {
    /// The connection ended without a close frame.
    #[error("the peer ended the connection without a close frame")]
    Cut,
    /// RST.
    #[error("the peer reset the connection")]
    Reset,
    /// The kernel gave it up: nothing was acknowledged, or probes stayed without answer.
    #[error("the peer is gone: nothing is acknowledged any more")]
    Dead,
    /// A message or frame is longer than allowed.
    #[error("a message of {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Announced length.
        bytes: usize,
        /// The cap that it breaks.
        limit: usize,
    },
    /// Against RFC 6455: mask, reserved bits (compression that was not agreed on), UTF-8.
    #[error("the peer breaks the WebSocket protocol: {0}")]
    Protocol(String),
    /// Against TLS.
    #[error("the peer breaks TLS: {0}")]
    Tls(String),
    /// Too much waits to be sent; this message was not taken, those before it were.
    #[error("the peer takes nothing: {0} bytes wait to be sent")]
    Full(usize),
    /// Read after the close, or sent after it.
    #[error("the connection is closed")]
    Over,
    /// The system's words.
    #[error("the socket failed: {0}")]
    Failed(String),
}

/// A WebSocket after its handshake. Never blocks.
#[derive(Debug)]
pub struct Socket<S = Stream> {
    inner: WebSocket<S>,
    side: Side,
    /// The peer has said goodbye, and that was told.
    is_closed: bool,
}

impl<S: Read + Write> Socket<S> {
    /// Over a stream whose upgrade is done; `early` are bytes that came behind the head.
    pub(crate) fn new(stream: S, early: Vec<u8>, side: Side) -> Socket<S> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(side.unsent())
            .max_message_size(Some(MOST_MESSAGE))
            .max_frame_size(Some(MOST_FRAME));
        let role = match side {
            Side::Client => Role::Client,
            Side::Server => Role::Server,
        };
        let inner = WebSocket::from_partially_read(stream, early, role, Some(config));
        Socket { inner, side, is_closed: false }
    }
    /// The next message, if one is there; `None` means that the socket has nothing more now.
    ///
    /// # Errors
    /// [`SocketError`]; the socket is then of no use.
    pub fn read(&mut self) -> Result<Option<Incoming>, SocketError> {
        self.flush()?;
        if self.is_closed {
            return Err(SocketError::Over);
        }
        let message = match self.inner.read() {
            Ok(message) => message,
            Err(Error::Io(why)) if why.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(why) => return Err(self.typed(why)),
        };
        Ok(Some(match message {
            Message::Text(text) => Incoming::Frame(Payload(text.into())),
            Message::Binary(bytes) => Incoming::Frame(Payload(bytes)),
            Message::Ping(_) => {
                self.flush()?;
                Incoming::Ping
            }
            Message::Pong(bytes) => Incoming::Pong(Payload(bytes)),
            Message::Close(frame) => {
                // The reply to a close may not go out any more: the peer has said goodbye.
                self.flush().ok();
                self.is_closed = true;
                let code = frame.as_ref().map(|frame| frame.code.into());
                let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                Incoming::Closed { code, reason }
            }
            Message::Frame(_) => return Err(SocketError::Protocol("a bare frame".to_owned())),
        }))
    }
    /// Sends a text message, or keeps it for the next read or send if the socket is full.
    ///
    /// # Errors
    /// [`SocketError::Full`] if it cannot be kept either.
    pub fn send_text(&mut self, text: &str) -> Result<(), SocketError> {
        self.send(Message::Text(Utf8Bytes::from(text)))
    }
    /// Sends a binary message; as [`Socket::send_text`].
    ///
    /// # Errors
    /// As [`Socket::send_text`].
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), SocketError> {
        self.send(Message::Binary(Bytes::copy_from_slice(bytes)))
    }
    /// Sends a ping with up to [`MOST_PING`] bytes, which its pong must repeat; the rest is cut
    /// off.
    ///
    /// # Errors
    /// As [`Socket::send_text`].
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), SocketError> {
        let payload = &payload[..payload.len().min(MOST_PING)];
        self.send(Message::Ping(Bytes::copy_from_slice(payload)))
    }
    /// Says goodbye with code 1000. Goes on to read until the peer's own goodbye, or drop it.
    ///
    /// # Errors
    /// As [`Socket::send_text`].
    pub fn close(&mut self) -> Result<(), SocketError> {
        self.close_with(1000)
    }
    /// Says goodbye with a code, whether or not it may be sent.
    ///
    /// # Errors
    /// As [`Socket::send_text`].
    pub fn close_with(&mut self, code: u16) -> Result<(), SocketError> {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static("") };
        let sent = self.inner.close(Some(frame));
        self.settled(sent)
    }
    /// The stream below.
    pub fn stream(&self) -> &S {
        self.inner.get_ref()
    }
    /// The stream below, to act on it between messages.
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        self.inner.get_mut()
    }
    /// Ends the WebSocket and gives the stream back.
    pub(crate) fn into_stream(self) -> S {
        self.inner.into_inner()
    }
    /// Moves what waits to the socket, as far as it takes it.
    fn flush(&mut self) -> Result<(), SocketError> {
        let flushed = self.inner.flush();
        self.settled(flushed)
    }
    fn send(&mut self, message: Message) -> Result<(), SocketError> {
        let sent = self.inner.send(message);
        self.settled(sent)
    }
    /// A full socket is no failure: the bytes are kept.
    fn settled(&self, outcome: Result<(), Error>) -> Result<(), SocketError> {
        match outcome {
            Err(Error::Io(why)) if why.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(why) => Err(self.typed(why)),
            Ok(()) => Ok(()),
        }
    }
    fn typed(&self, why: Error) -> SocketError {
        match why {
            Error::ConnectionClosed | Error::AlreadyClosed => SocketError::Over,
            Error::Protocol(ProtocolError::SendAfterClosing) => SocketError::Over,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => SocketError::Cut,
            Error::Io(why) => SocketError::of_io(&why),
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                SocketError::TooLong { bytes: size, limit: max_size }
            }
            Error::WriteBufferFull(_) => SocketError::Full(self.side.unsent()),
            other => SocketError::Protocol(other.to_string()),
        }
    }
}

impl Socket {
    /// Bytes received on the wire, TLS included. Growth without a message is a partial frame.
    pub fn bytes_in(&self) -> u64 {
        self.stream().bytes_in()
    }
    /// Bytes handed to the kernel, TLS included.
    pub fn bytes_out(&self) -> u64 {
        self.stream().bytes_out()
    }
}

impl<S: AsFd> AsFd for Socket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.get_ref().as_fd()
    }
}

impl SocketError {
    /// What a failed read or write of the stream means.
    pub(crate) fn of_io(why: &io::Error) -> SocketError {
        match why.kind() {
            io::ErrorKind::UnexpectedEof => SocketError::Cut,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => SocketError::Reset,
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable => SocketError::Dead,
            io::ErrorKind::InvalidData => SocketError::Tls(why.to_string()),
            _ => SocketError::Failed(why.to_string()),
        }
    }
}

/// A new key for an upgrade: 16 random bytes in base64.
pub(crate) fn fresh_key() -> String {
    generate_key()
}

/// What the server must answer to a key.
pub(crate) fn accept_key(key: &str) -> String {
    derive_accept_key(key.as_bytes())
}
