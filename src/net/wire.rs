//! The sending half of the local exchange's connections: a bounded queue in front of a stream,
//! which can be slowed down to single bytes or stopped altogether. Faults act here, below HTTP
//! and WebSocket, so that they reach the other side as a broken network would.

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use crate::net::stream::Stream;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// How fast queued bytes go out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// As fast as the peer takes them.
    Free,
    /// One byte, then nothing for so long.
    Trickle(DurNs),
}

/// A stream with a queue in front. Writing to it only queues; [`Wire::pump`] sends.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    queue: VecDeque<u8>,
    /// Most bytes in the queue.
    most: usize,
    pace: Pace,
    /// Since when the last trickled byte is out.
    last: MonoNs,
    is_frozen: bool,
}

impl Wire {
    pub(crate) fn new(stream: Stream, most: usize) -> Wire {
        let queue = VecDeque::new();
        Wire { stream, queue, most, pace: Pace::Free, last: MonoNs(0), is_frozen: false }
    }
    pub(crate) const fn stream(&self) -> &Stream {
        &self.stream
    }
    pub(crate) fn backlog(&self) -> usize {
        self.queue.len()
    }
    pub(crate) const fn is_frozen(&self) -> bool {
        self.is_frozen
    }
    pub(crate) const fn freeze(&mut self) {
        self.is_frozen = true;
    }
    pub(crate) const fn thaw(&mut self) {
        self.is_frozen = false;
    }
    pub(crate) const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }
    /// Queues all of `bytes` or, if they do not fit, none.
    pub(crate) fn queue_all(&mut self, bytes: &[u8]) -> bool {
        let fits = self.queue.len() + bytes.len() <= self.most;
        if fits {
            self.queue.extend(bytes);
        }
        fits
    }
    /// Sends what the pace allows and the peer takes.
    pub(crate) fn pump(&mut self, now: MonoNs) -> io::Result<()> {
        if self.is_frozen {
            return Ok(());
        }
        let sent = match self.pace {
            Pace::Free => self.send_all(),
            Pace::Trickle(every) if now.since(self.last) >= every => {
                self.last = now;
                self.send_once(1).map(|_| ())
            }
            Pace::Trickle(_) => Ok(()),
        };
        match sent.and_then(|()| self.stream.flush()) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(()),
            settled => settled,
        }
    }
    /// Tells the peer that nothing more follows.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.stream.finish()
    }
    fn send_all(&mut self) -> io::Result<()> {
        while !self.queue.is_empty() {
            self.send_once(usize::MAX)?;
        }
        Ok(())
    }
    fn send_once(&mut self, most: usize) -> io::Result<()> {
        let (front, _) = self.queue.as_slices();
        let front = &front[..front.len().min(most)];
        if front.is_empty() {
            return Ok(());
        }
        let moved = self.stream.write(front)?;
        self.queue.drain(..moved);
        if moved == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_frozen {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.stream.read(into)
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let taken = from.len().min(self.most.saturating_sub(self.queue.len()));
        if taken == 0 && !from.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.queue.extend(&from[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
