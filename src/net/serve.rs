//! The server side for the local exchange: accepts peers, each of which is polled for itself.
//! How many there are is up to whoever accepts them.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

pub use crate::net::message::Request;
pub use crate::net::message::Response;
pub use crate::net::peer::Peer;
pub use crate::net::peer::SERVE_LIMITS;
pub use crate::net::peer::ServeLimits;
use crate::net::stream::Stream;
use crate::net::tcp;
use crate::net::tls::ServerTls;
pub use crate::net::told::Gone;
pub use crate::net::told::PeerEvent;
pub use crate::net::told::ServeError;
pub use crate::net::wire::Pace;
use crate::net::wire::Wire;
use crate::types::time::MonoNs;

/// A listening socket that never blocks.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    tls: Option<ServerTls>,
    limits: ServeLimits,
}

impl Listener {
    /// Listens; port 0 takes a free one.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(
        address: SocketAddr,
        tls: Option<ServerTls>,
        limits: ServeLimits,
    ) -> io::Result<Listener> {
        let listening = TcpListener::bind(address)?;
        listening.set_nonblocking(true)?;
        Ok(Listener { tcp: listening, tls, limits })
    }
    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
    /// The next peer, if one is there. Peers that are not accepted wait in the kernel's queue.
    ///
    /// # Errors
    /// The system's, as when descriptors run out.
    pub fn accept(&self, now: MonoNs) -> io::Result<Option<Peer>> {
        let tcp = match self.tcp.accept() {
            Ok((tcp, _)) => tcp,
            Err(why) if is_no_peer(&why) => return Ok(None),
            Err(why) => return Err(why),
        };
        tcp.set_nonblocking(true)?;
        tcp::tune(&tcp)?;
        let tls = match &self.tls {
            None => None,
            Some(tls) => Some(tls.connection().map_err(io::Error::other)?.into()),
        };
        let wire = Wire::new(Stream::new(tcp, tls), self.limits.unsent);
        Ok(Some(Peer::accepted(wire, self.limits, now)))
    }
}

fn is_no_peer(why: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(why.kind(), WouldBlock | ConnectionAborted | Interrupted)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}
