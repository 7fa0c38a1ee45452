//! TCP sockets that never block: connecting without waiting, the options that find a dead peer,
//! and the abrupt end.

use std::io;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::connect;
use rustix::net::ipproto;
use rustix::net::socket_with;
use rustix::net::sockopt;

use crate::net::deadline::Ready;
use crate::net::deadline::is_ready;
use crate::types::time::DurNs;

/// Sent bytes that nobody acknowledges for so long end the connection (TCP_USER_TIMEOUT): a
/// half-open one is found within 15 s even if nothing above TCP asks (`FAULTS.md` F02).
pub const UNACKNOWLEDGED: DurNs = DurNs::from_secs(10);
/// A connection that is silent for so long is probed by the kernel.
pub const PROBE_AFTER: DurNs = DurNs::from_secs(5);
/// Time between two such probes; the third without an answer ends the connection.
pub const PROBE_EVERY: DurNs = DurNs::from_secs(2);
const PROBES: u32 = 3;

/// Starts to connect and returns at once; [`is_connected`] says when it is done. The socket has
/// all options of [`tune`].
///
/// # Errors
/// The system's, among them a refusal that it knows at once.
pub fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    let tcp = TcpStream::from(socket);
    tune(&tcp)?;
    match connect(&tcp, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(tcp),
        Err(other) => Err(other.into()),
    }
}

/// Whether the connection stands.
///
/// # Errors
/// Why it failed: refused, unreachable and so on.
pub fn is_connected(tcp: &TcpStream) -> io::Result<bool> {
    if !is_ready(tcp, Ready::Write, DurNs(0))? {
        return Ok(false);
    }
    match sockopt::socket_error(tcp)? {
        Ok(()) => Ok(true),
        Err(failed) => Err(failed.into()),
    }
}

/// Small messages leave at once, and a dead peer is found by the kernel.
///
/// # Errors
/// The system's.
pub fn tune(tcp: &TcpStream) -> io::Result<()> {
    let millis = u32::try_from(UNACKNOWLEDGED.as_ms()).unwrap_or(u32::MAX);
    sockopt::set_tcp_nodelay(tcp, true)?;
    sockopt::set_tcp_user_timeout(tcp, millis)?;
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, Duration::from_nanos(PROBE_AFTER.0))?;
    sockopt::set_tcp_keepintvl(tcp, Duration::from_nanos(PROBE_EVERY.0))?;
    sockopt::set_tcp_keepcnt(tcp, PROBES)?;
    Ok(())
}

/// Ends the connection with RST once the socket is dropped: what waits to be sent is lost.
///
/// # Errors
/// The system's.
pub fn reset_on_drop(tcp: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_linger(tcp, Some(Duration::ZERO))?;
    Ok(())
}
