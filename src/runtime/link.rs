//! Bounded links between agents: every queue has a name, a depth and an action when full.

use crossbeam_channel::Receiver;
use crossbeam_channel::Sender;
use crossbeam_channel::TrySendError;

use crate::runtime::idle::Waker;

/// What the sender does when a link is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenFull {
    /// Hold the newest value per key and send it when there is room.
    KeepNewest,
    /// Give the value back; the caller refuses what it was about to do.
    Refuse,
    /// Losing a value would corrupt state: the caller stops.
    Halt,
    /// The value is lost; the loss is counted and told.
    DropAndCount,
}

/// A declared link.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Its name in counters and reports.
    pub name: &'static str,
    /// How many values it holds.
    pub depth: usize,
    /// What its sender does when it holds that many.
    pub when_full: WhenFull,
}

/// Books from a feed to a reader. Depth: a burst of every instrument a few times over.
pub const BOOKS: Link = Link { name: "books", depth: 64, when_full: WhenFull::KeepNewest };
/// Order requests from engine to gateway.
pub const REQUESTS: Link = Link { name: "requests", depth: 256, when_full: WhenFull::Refuse };
/// Order events from gateway to engine.
pub const EVENTS: Link = Link { name: "events", depth: 1024, when_full: WhenFull::Halt };

/// Facts from engine to journal.
pub const FACTS: Link = Link { name: "facts", depth: 4096, when_full: WhenFull::Halt };
/// Cycle reports from engine to telemetry. Depth: as many cycles as telemetry may be behind.
pub const REPORTS: Link = Link { name: "reports", depth: 256, when_full: WhenFull::DropAndCount };
/// The report of each cycle with a checkpoint, once more: slots of its own, so that a flood of
/// other reports cannot crowd it out. Sent after the same report went to [`REPORTS`].
pub const DUE: Link = Link { name: "due", depth: 64, when_full: WhenFull::DropAndCount };
/// Log records from any thread but the engine's to telemetry. Depth: a burst of reconnects.
pub const LOG: Link = Link { name: "log", depth: 1024, when_full: WhenFull::DropAndCount };

/// What happened, from watchdog, journal and feeds to telemetry. Depth: a burst of trades.
pub const NOTICES: Link = Link { name: "notices", depth: 1024, when_full: WhenFull::DropAndCount };

/// Inputs of the feeds to the recorder. Depth: a second of five venues at their busiest.
pub const TAPED: Link = Link { name: "taped", depth: 8192, when_full: WhenFull::DropAndCount };
/// Empty buffers from the recorder back to a feed; one too many is freed.
pub const SPENT: Link = Link { name: "spent", depth: 2048, when_full: WhenFull::DropAndCount };
/// What the engine took, in order, to the recorder. Depth: a second at its busiest.
pub const MARKS: Link = Link { name: "marks", depth: 16_384, when_full: WhenFull::DropAndCount };

impl Link {
    /// Opens the link; its memory is allocated now and never again.
    pub fn open<T>(&self) -> (Tx<T>, Rx<T>) {
        self.open_to(None)
    }

    /// Opens the link to a reader on another thread. If that thread parks when it is idle, every
    /// send wakes it; readers that spin, or sit on the sender's own thread, need no waker.
    pub fn open_to<T>(&self, reader: Option<Waker>) -> (Tx<T>, Rx<T>) {
        let (sender, receiver) = crossbeam_channel::bounded(self.depth);
        (Tx { sender, reader }, Rx { receiver })
    }
}

/// Sending end.
#[derive(Debug)]
pub struct Tx<T> {
    sender: Sender<T>,
    reader: Option<Waker>,
}

impl<T> Clone for Tx<T> {
    fn clone(&self) -> Self {
        Tx { sender: self.sender.clone(), reader: self.reader.clone() }
    }
}

/// Receiving end.
#[derive(Debug)]
pub struct Rx<T> {
    receiver: Receiver<T>,
}

impl<T> Tx<T> {
    /// Sends without waiting, and wakes a reader that is parked.
    ///
    /// # Errors
    /// Gives the value back when the link is full or its reader is gone.
    pub fn send(&self, value: T) -> Result<(), T> {
        self.sender.try_send(value).map_err(|error| match error {
            TrySendError::Full(value) | TrySendError::Disconnected(value) => value,
        })?;
        if let Some(reader) = &self.reader {
            reader.wake();
        }
        Ok(())
    }
}

impl<T> Tx<T> {
    /// How many values wait for the reader.
    pub fn waiting(&self) -> usize {
        self.sender.len()
    }
}

impl<T> Rx<T> {
    /// The next value, without waiting.
    pub fn take(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
    /// How many values wait.
    pub fn waiting(&self) -> usize {
        self.receiver.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::idle::Rest;
    use crate::runtime::idle::Sockets;
    use crate::runtime::idle::Wait;
    use crate::types::rng::SplitMix64;
    use crate::types::time::Clock;
    use crate::types::time::DurNs;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_full_link_gives_the_value_back() {
        let link = Link { name: "test", depth: 1, when_full: WhenFull::Refuse };
        let (tx, rx) = link.open::<u8>();
        assert_eq!(tx.send(1), Ok(()));
        assert_eq!(tx.send(2), Err(2));
        assert_eq!(rx.take(), Some(1));
        assert_eq!(rx.take(), None);
    }

    const VALUES: u64 = 100_000;
    /// A sleep that ends by itself although a value waits was not woken. Only a guard.
    const LONG_NAP: DurNs = DurNs::from_secs(5);

    /// Takes everything, asleep whenever there is nothing, and says how far it is.
    fn read_all(rx: &Rx<u64>, rest: &mut Rest, taken: &AtomicU64, sockets: &Sockets<'_>) {
        let clock = Clock::start();
        let mut slept = DurNs(0);
        while taken.load(Ordering::Relaxed) < VALUES {
            if let Some(value) = rx.take() {
                assert_eq!(value, taken.load(Ordering::Relaxed), "in order, none missing");
                assert!(slept < LONG_NAP, "value {value} waited, and nobody woke its reader");
                slept = DurNs(0);
                rest.rouse();
                taken.store(value + 1, Ordering::Release);
            } else if rest.is_ready_to_park() {
                let begin = clock.mono();
                rest.park(LONG_NAP, sockets);
                slept = clock.mono().since(begin);
            } else {
                slept = DurNs(0);
                rest.pause(sockets);
            }
        }
    }

    #[test]
    fn a_send_to_a_reader_that_parks_or_is_about_to_wakes_it() {
        every_send_is_heard(&Sockets::default());
    }

    #[test]
    fn a_send_to_a_reader_that_sleeps_on_descriptors_or_is_about_to_wakes_it() {
        let (near, _far) = UnixStream::pair().expect("a pair of sockets");
        every_send_is_heard(&Sockets::from_iter([near.as_fd()]));
    }

    fn every_send_is_heard(sockets: &Sockets<'_>) {
        let mut rest = Rest::new(Wait::Park);
        let waker = rest.waker().expect("it parks");
        let (tx, rx) = BOOKS.open_to(Some(waker.clone()));
        let mut rng = SplitMix64::new(7, 0);
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read_all(&rx, &mut rest, &taken, sockets));
            let wait_while = |holds: &dyn Fn() -> bool| {
                let mut looks = 0;
                while holds() && !reader.is_finished() {
                    looks += 1;
                    // Other tests may hold the reader's core.
                    if looks % 64 == 0 { std::thread::yield_now() } else { std::hint::spin_loop() }
                }
            };
            for value in 0..VALUES {
                match rng.below(16) {
                    // A burst, without a look at the reader.
                    0..8 => {}
                    // The reader sleeps.
                    8 => {
                        wait_while(&|| taken.load(Ordering::Acquire) < value || !waker.is_parked())
                    }
                    // It has taken everything and is lying down. No later send would save this one.
                    _ => {
                        wait_while(&|| taken.load(Ordering::Acquire) < value);
                        (0..rng.below(100)).for_each(|_| std::hint::spin_loop());
                    }
                }
                wait_while(&|| tx.send(value).is_err());
            }
        });
    }
}
