//! How the journal fares: written by its thread, read by engine and watchdog. Atomics only.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::types::ids::OrderId;

/// The journal's state. One writer, the journal's agent; starts with nothing reserved.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct JournalState {
    /// Sequence number of the last record handed to the file.
    written: AtomicU64,
    /// Sequence number of the last record that survives a loss of power.
    synced: AtomicU64,
    /// First order number that no synced block covers.
    reserved: AtomicU64,
    /// Facts that wait for the agent.
    backlog: AtomicU64,
    /// Facts dropped because the journal had failed.
    lost: AtomicU64,
    /// Bytes since the start of this run.
    bytes: AtomicU64,
    failed: AtomicBool,
    full: AtomicBool,
}

impl JournalState {
    /// True while new risk may be recorded: no error, and room within the bound.
    pub fn may_enter(&self) -> bool {
        !self.has_failed() && !self.is_full()
    }
    /// A write or a sync failed. Final: nothing is retried, nothing more is recorded.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
    /// This run's files have reached their bound; only what finishes and hedges is recorded.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }
    /// Orders below this number may be sent before their intent is on disk.
    pub fn reserved(&self) -> OrderId {
        OrderId(self.reserved.load(Ordering::Acquire))
    }
    /// Sequence number of the last record handed to the file.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }
    /// Sequence number of the last record that survives a loss of power.
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }
    /// Facts that waited at the journal's last turn.
    pub fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Relaxed)
    }
    /// Facts that could not be recorded.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
    /// Bytes of this run's files.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Publishes progress. For the one writer.
    pub fn publish(&self, progress: &JournalProgress) {
        self.backlog.store(progress.backlog, Ordering::Relaxed);
        self.lost.store(progress.lost, Ordering::Relaxed);
        self.bytes.store(progress.bytes, Ordering::Relaxed);
        self.full.store(progress.is_full, Ordering::Release);
        self.written.store(progress.written, Ordering::Release);
        self.synced.store(progress.synced, Ordering::Release);
        self.reserved.store(progress.reserved.0, Ordering::Release);
    }
    /// Marks the journal as failed. For the one writer.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }
}

/// What the journal's agent publishes; the fields are those of [`JournalState`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalProgress {
    /// Last record handed to the file.
    pub written: u64,
    /// Last record that survives a loss of power.
    pub synced: u64,
    /// First order number that no synced block covers.
    pub reserved: OrderId,
    /// Facts that wait.
    pub backlog: u64,
    /// Facts dropped.
    pub lost: u64,
    /// Bytes of this run's files.
    pub bytes: u64,
    /// The bound is reached.
    pub is_full: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_journal_lets_nothing_new_in_whatever_is_published_later() {
        let state = JournalState::default();
        assert!(state.may_enter());
        assert_eq!(state.reserved(), OrderId(0), "nothing is reserved before the first sync");
        state.fail();
        state.publish(&JournalProgress {
            written: 9,
            synced: 9,
            reserved: OrderId(1_000),
            backlog: 0,
            lost: 0,
            bytes: 1,
            is_full: false,
        });
        assert!(!state.may_enter());
    }
}
