//! A TCP proxy on the loopback that delays, or accepts and says nothing. Turned by whoever looks
//! on; it never waits.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;

use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Most connections at once; the oldest goes when another comes.
const MOST_PAIRS: usize = 32;
/// Bytes on their way in one direction.
const MOST_BYTES: usize = 64 << 10;

/// What it does to what passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Habit {
    /// Everything passes at once.
    Pass,
    /// Every piece passes so much later, each way.
    Delay(DurNs),
    /// Connections are accepted and stay open; nothing passes.
    Silent,
}

/// The proxy.
#[derive(Debug)]
pub struct Proxy {
    /// What it does from now on.
    pub habit: Habit,
    listener: TcpListener,
    port: u16,
    upstream: u16,
    pairs: Vec<Pair>,
}

/// A connection, and what is on its way in either direction.
#[derive(Debug)]
struct Pair {
    ends: [TcpStream; 2],
    held: [Option<(MonoNs, Vec<u8>)>; 2],
}

impl Proxy {
    /// In front of a port of the loopback.
    ///
    /// # Errors
    /// The system's.
    pub fn before(upstream: u16) -> io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok(Proxy { habit: Habit::Pass, listener, port, upstream, pairs: Vec::new() })
    }
    /// Its own port.
    pub fn port(&self) -> u16 {
        self.port
    }
    /// Moves what can be moved.
    pub fn pump(&mut self, now: MonoNs) {
        while let Ok((near, _)) = self.listener.accept() {
            // A server that is down closes the near end too.
            if let Ok(pair) = Pair::new(near, self.upstream) {
                self.pairs.truncate(MOST_PAIRS - 1);
                self.pairs.insert(0, pair);
            }
        }
        let habit = self.habit;
        self.pairs.retain_mut(|pair| pair.pump(habit, now).is_ok());
    }
}

impl Pair {
    fn new(near: TcpStream, upstream: u16) -> io::Result<Pair> {
        let far = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream))?;
        for end in [&near, &far] {
            end.set_nonblocking(true)?;
            end.set_nodelay(true)?;
        }
        Ok(Pair { ends: [near, far], held: [None, None] })
    }
    /// An error ends the connection.
    fn pump(&mut self, habit: Habit, now: MonoNs) -> io::Result<()> {
        let delay = match habit {
            Habit::Pass => DurNs(0),
            Habit::Delay(by) => by,
            Habit::Silent => return Ok(()),
        };
        for from in [0, 1] {
            if self.held[from].is_none() {
                let piece = read(&mut self.ends[from])?;
                self.held[from] = piece.map(|piece| (now.plus(delay), piece));
            }
            if let Some((_, piece)) = self.held[from].take_if(|(due, _)| now >= *due) {
                // Replies of a few bytes always fit into the buffer of an idle socket.
                self.ends[1 - from].write_all(&piece)?;
            }
        }
        Ok(())
    }
}

/// What there is to read; `None` for nothing yet.
fn read(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; MOST_BYTES];
    match stream.read(&mut bytes) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(length) => {
            bytes.truncate(length);
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined() -> (Proxy, TcpStream, TcpStream) {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut proxy = Proxy::before(server.local_addr().unwrap().port()).unwrap();
        let near = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        while proxy.pairs.is_empty() {
            proxy.pump(MonoNs(0));
        }
        let far = server.accept().unwrap().0;
        far.set_nonblocking(true).unwrap();
        (proxy, near, far)
    }

    #[test]
    fn what_is_delayed_arrives_whole_and_not_before_its_time() {
        let (mut proxy, mut near, mut far) = joined();
        proxy.habit = Habit::Delay(DurNs(10));
        near.write_all(b"PING").unwrap();
        while proxy.pairs[0].held[0].is_none() {
            proxy.pump(MonoNs(5));
        }
        proxy.pump(MonoNs(14));
        assert_eq!(read(&mut far).unwrap(), None);
        proxy.pump(MonoNs(15));
        far.set_nonblocking(false).unwrap();
        assert_eq!(read(&mut far).unwrap(), Some(b"PING".to_vec()));
    }

    #[test]
    fn a_silent_proxy_keeps_the_connection_and_lets_nothing_through() {
        let (mut proxy, mut near, mut far) = joined();
        proxy.habit = Habit::Silent;
        near.write_all(b"PING").unwrap();
        for at in 0..100 {
            proxy.pump(MonoNs(at));
        }
        assert_eq!(read(&mut far).unwrap(), None);
        assert_eq!(proxy.pairs.len(), 1);
    }
}
