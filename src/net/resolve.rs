//! Names to addresses, through the system. It blocks for as long as the system likes, so a thread
//! of its own calls it, which brings the deadline and the cache (`FAULTS.md` F09).

use std::io;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;

/// Most addresses of one name that are told: a longer answer is cut off behind them.
pub const MOST_ADDRESSES: usize = 16;

/// Addresses of `host`, at least one, in the system's order. A written address needs no look-up.
///
/// # Errors
/// The system's; an empty answer is `NotFound`.
pub fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.take(MOST_ADDRESSES).collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_address_is_its_own_answer() {
        let found = lookup("127.0.0.1", 9).expect("no look-up");
        assert_eq!(found, [SocketAddr::from(([127, 0, 0, 1], 9))]);
        assert!(lookup("::1", 9).expect("no look-up")[0].is_ipv6());
    }

    #[test]
    fn a_name_that_cannot_be_is_an_error() {
        assert!(lookup("two..dots", 9).is_err());
    }
}
