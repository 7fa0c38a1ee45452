//! What a peer of the local exchange does, why it is gone, and why it cannot be told something.

use crate::net::message::Request;
use crate::net::ws::Incoming;
use crate::net::ws::SocketError;

/// What a peer did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerEvent {
    /// Asks; nothing more is read before [`Peer::respond`] or [`Peer::upgrade`].
    Request(Request),
    /// Sent something on its WebSocket.
    Incoming(Incoming),
    /// Is gone, and why. Drop it.
    Gone(Gone),
}

/// Why a peer is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gone {
    /// It hung up, or both said goodbye.
    Ended,
    /// It was too slow with its request and was told so (408).
    TooSlow,
    /// Its request was refused with this status.
    Refused(u16),
    /// The socket failed.
    Broken(SocketError),
}

/// Why something cannot be sent to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ServeError {
    /// No request waits for an answer.
    #[error("no request waits for an answer")]
    NotAsked,
    /// The request asks for no WebSocket (version 13, with a key).
    #[error("the request asks for no WebSocket")]
    NoUpgrade,
    /// The peer has no WebSocket, or it is closed.
    #[error("the peer has no open WebSocket")]
    NotOpen,
    /// It takes nothing: this was not queued.
    #[error("too much waits to be sent to the peer")]
    Full,
}

impl Gone {
    /// How a WebSocket ended.
    pub(crate) fn of(why: SocketError) -> Gone {
        match why {
            SocketError::Over | SocketError::Cut => Gone::Ended,
            other => Gone::Broken(other),
        }
    }
}

impl ServeError {
    /// Why a message was not queued.
    pub(crate) fn of(why: SocketError) -> ServeError {
        match why {
            SocketError::Full(_) => ServeError::Full,
            _ => ServeError::NotOpen,
        }
    }
}
