//! The journal on its thread: takes facts, writes them by the batch, syncs by the group, reserves
//! order numbers ahead of their use, and tells how far it is.

use std::sync::Arc;

use crate::journal::error::JournalError;
use crate::journal::file::Writer;
use crate::journal::record::Record;
use crate::journal::record::RecordKind;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Rx;
use crate::types::fact::Fact;
use crate::types::fact::FactKind;
use crate::types::ids::OrderId;
use crate::types::journal::JournalProgress;
use crate::types::journal::JournalState;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Most facts taken over in one turn: one engine call's worth.
const BATCH: usize = crate::types::limit::FACTS;

/// Whoever wants to see every fact that the journal takes.
pub type Watch = Box<dyn FnMut(&Fact) + Send>;

/// The journal agent.
pub struct Journal {
    facts: Rx<Fact>,
    writer: Writer,
    state: Arc<JournalState>,
    /// First order number that no fact has used yet.
    next_order: OrderId,
    /// When the oldest record that waits for its sync was written.
    waits_since: Option<MonoNs>,
    error: Option<JournalError>,
    lost: u64,
    watch: Option<Watch>,
}

impl Journal {
    /// Over a writer that has begun its file. Publishes the first block of order numbers.
    pub fn new(facts: Rx<Fact>, writer: Writer, state: Arc<JournalState>) -> Journal {
        let block =
            writer.limits().id_block.max(crate::journal::limits::JournalLimits::LEAST_BLOCK);
        let next_order = OrderId(writer.reserved().0.saturating_sub(block));
        let (waits_since, error, lost) = (None, None, 0);
        let watch = None;
        let journal = Journal { facts, writer, state, next_order, waits_since, error, lost, watch };
        journal.publish();
        journal
    }
    /// Shows every fact to `watch` as well, in order, also after a failure.
    #[must_use]
    pub fn watched_by(mut self, watch: Watch) -> Journal {
        self.watch = Some(watch);
        self
    }
    /// Why it failed, if it did. Final.
    pub fn error(&self) -> Option<&JournalError> {
        self.error.as_ref()
    }

    /// The clean end, once nobody sends facts any more: takes what waits, writes the stop record
    /// and syncs.
    ///
    /// # Errors
    /// The first error of the run, this one included.
    pub fn stop(&mut self, now: Now) -> Result<(), JournalError> {
        while self.take_batch() {}
        let writer = &mut self.writer;
        let stopped = match &self.error {
            Some(error) => Err(error.clone()),
            None => writer
                .push(&Record { at: now, kind: RecordKind::Stop })
                .and_then(|()| writer.sync()),
        };
        self.note(stopped.clone());
        self.publish();
        stopped
    }

    /// Takes facts, also after a failure: a full link would halt its senders.
    fn take_batch(&mut self) -> bool {
        let mut taken = 0;
        while taken < BATCH {
            let Some(fact) = self.facts.take() else { break };
            taken += 1;
            self.take_fact(&fact);
        }
        taken > 0
    }

    fn take_fact(&mut self, fact: &Fact) {
        if let Some(watch) = &mut self.watch {
            watch(fact);
        }
        if let FactKind::Intent { request, .. } = &fact.kind {
            self.next_order = self.next_order.max(OrderId(request.id.0.saturating_add(1)));
        }
        let pushed = match self.error {
            Some(_) => Ok(()),
            None => self.writer.push(&Record { at: fact.at, kind: RecordKind::Fact(fact.kind) }),
        };
        self.note(pushed);
        self.lost += u64::from(self.error.is_some());
    }

    /// Syncs when the oldest record has waited long enough, and reserves the next block of order
    /// numbers once half of the present one is used.
    fn keep_up(&mut self, now: Now) -> Result<(), JournalError> {
        self.writer.write()?;
        let left = self.writer.reserved().0.saturating_sub(self.next_order.0);
        if left < self.writer.limits().id_block / 2 {
            self.writer.reserve(now, self.next_order)?;
        }
        if self.due().is_some_and(|due| due <= now.mono) {
            self.writer.sync()?;
        }
        let waits = self.writer.synced() < self.writer.written();
        self.waits_since = if waits { self.waits_since.or(Some(now.mono)) } else { None };
        Ok(())
    }

    fn note(&mut self, done: Result<(), JournalError>) {
        if let Err(error) = done {
            self.state.fail();
            if self.error.is_none() {
                ::log::error!("{error}; no order leaves any more, the run ends: {}", error.fix());
                self.error = Some(error);
            }
        }
    }

    fn publish(&self) {
        self.state.publish(&JournalProgress {
            written: self.writer.written(),
            synced: self.writer.synced(),
            reserved: self.writer.reserved(),
            backlog: self.facts.waiting() as u64,
            lost: self.lost,
            bytes: self.writer.bytes(),
            is_full: self.writer.is_full(),
        });
    }
}

impl Agent for Journal {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn turn(&mut self, now: Now) -> Turn {
        let worked = self.take_batch();
        if worked {
            self.waits_since = self.waits_since.or(Some(now.mono));
        }
        let is_due = self.due().is_some_and(|due| due <= now.mono);
        if !(worked || is_due) {
            return Turn::Idle;
        }
        if self.error.is_none() {
            let kept = self.keep_up(now);
            self.note(kept);
        }
        self.publish();
        Turn::Worked
    }

    fn due(&self) -> Option<MonoNs> {
        let since = self.waits_since.filter(|_| self.error.is_none())?;
        Some(since.plus(self.writer.limits().sync_every))
    }
}
