//! One nonblocking connection, plain or encrypted, with counters of its raw bytes.
//!
//! Reading and writing answer `WouldBlock` instead of waiting. Bytes that the peer does not take
//! are held up to one TLS write (64 KiB), and nothing more is accepted before they are gone.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use rustls::Connection;

use crate::net::deadline::Ready;

/// A connected socket that never blocks.
#[derive(Debug)]
pub struct Stream {
    tcp: TcpStream,
    tls: Option<Box<Connection>>,
    bytes_in: u64,
    bytes_out: u64,
}

impl Stream {
    /// Takes a nonblocking socket; with `tls` everything on it is encrypted.
    pub(crate) fn new(tcp: TcpStream, tls: Option<Connection>) -> Stream {
        Stream { tcp, tls: tls.map(Box::new), bytes_in: 0, bytes_out: 0 }
    }
    /// Bytes received on the wire, TLS included.
    pub const fn bytes_in(&self) -> u64 {
        self.bytes_in
    }
    /// Bytes handed to the kernel, TLS included.
    pub const fn bytes_out(&self) -> u64 {
        self.bytes_out
    }
    /// True with TLS.
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }
    /// The socket below, for its options.
    pub const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
    /// What progress waits for: room to write while encrypted bytes are left over, else the peer.
    pub fn wants(&self) -> Ready {
        let has_rest = self.tls.as_ref().is_some_and(|tls| tls.wants_write());
        if has_rest { Ready::Write } else { Ready::Read }
    }
    /// Drives the TLS handshake as far as it goes; true once it is done (at once if plain).
    ///
    /// # Errors
    /// What the socket says; `InvalidData` holding a `rustls::Error`, after the alert went out;
    /// `UnexpectedEof` if the peer hangs up.
    pub fn shake(&mut self) -> io::Result<bool> {
        loop {
            let Some(tls) = &self.tls else { return Ok(true) };
            let is_shaking = tls.is_handshaking();
            match self.push() {
                Ok(()) if !is_shaking => return Ok(true),
                Ok(()) => {}
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(why) => return Err(why),
            }
            match self.pull() {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(why) => return Err(why),
            }
        }
    }
    /// Tells the peer that nothing more follows. What it does not take at once is lost.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        self.push()?;
        self.tcp.shutdown(std::net::Shutdown::Write)
    }
    /// Moves encrypted bytes out until none is left or the socket is full.
    fn push(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            let moved = tls.write_tls(&mut self.tcp)?;
            self.bytes_out += moved as u64;
        }
        Ok(())
    }
    /// Takes encrypted bytes in, once; zero is the end.
    fn pull(&mut self) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return Ok(0) };
        let taken = tls.read_tls(&mut self.tcp)?;
        self.bytes_in += taken as u64;
        if let Err(why) = tls.process_new_packets() {
            // The alert tells the peer why; that it arrives is not needed for the refusal.
            self.push().ok();
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(taken)
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(tls) = &mut self.tls else {
                let taken = self.tcp.read(into)?;
                self.bytes_in += taken as u64;
                return Ok(taken);
            };
            match tls.reader().read(into) {
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                settled => return settled,
            }
            match self.push() {
                Err(why) if why.kind() != io::ErrorKind::WouldBlock => return Err(why),
                _ => self.pull()?,
            };
        }
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.push()?;
        let Some(tls) = &mut self.tls else {
            let moved = self.tcp.write(from)?;
            self.bytes_out += moved as u64;
            return Ok(moved);
        };
        let taken = tls.writer().write(from)?;
        match self.push() {
            Err(why) if why.kind() != io::ErrorKind::WouldBlock => Err(why),
            _ if taken == 0 && !from.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(taken),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}
