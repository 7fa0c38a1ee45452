//! The engine on its thread: drains its links, lets the core decide, sends what follows, closes
//! cycles on absolute deadlines.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::engine::core::Core;
use crate::engine::cycles::Cycles;
pub use crate::engine::cycles::Pace;
use crate::engine::marks::MarkPort;
use crate::engine::marks::Marks;
use crate::engine::show::Show;
use crate::engine::show::Shown;
use crate::engine::waits::MOST_TAKEN;
use crate::engine::waits::Waits;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::FACTS;
use crate::runtime::link::REQUESTS;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::stats::shared::Latencies;
use crate::stats::shared::SharedHistogram;
use crate::types::board::EngineBoard;
use crate::types::control::Permission;
use crate::types::control::PermissionWord;
use crate::types::fact::Fact;
use crate::types::ids::InstrumentId;
use crate::types::journal::JournalState;
use crate::types::limit;
use crate::types::mark::Handed;
use crate::types::mark::Mark;
use crate::types::market::BookTop;
use crate::types::order::OrderEvent;
use crate::types::order::OrderRequest;
use crate::types::report::Checkpoints;
use crate::types::report::CycleReport;
use crate::types::time::MonoNs;
use crate::types::time::Now;

const _: () = assert!(limit::INSTRUMENTS <= 64, "dirty instruments are one u64 bit set");

/// The ends of the links that the engine holds.
pub struct Ports {
    /// Tops of book from the feeds.
    pub books: Rx<BookTop>,
    /// Order events from the gateway.
    pub events: Rx<OrderEvent>,
    /// Orders to the gateway.
    pub requests: Tx<OrderRequest>,
    /// What happened, for the journal.
    pub facts: Tx<Fact>,
    /// The state at the close of each cycle, for telemetry.
    pub reports: Tx<CycleReport>,
    /// The same once more at the end of a cycle with a checkpoint.
    pub due: Tx<CycleReport>,
}

/// What an engine is charged with.
#[derive(Clone, Debug)]
pub struct Charge {
    /// What orders may do.
    pub permission: Arc<PermissionWord>,
    /// When a cycle closes.
    pub pace: Pace,
    /// Cycles after which it is finished; 0 for no end.
    pub loops: u64,
    /// Raised when it is finished.
    pub finished: Arc<AtomicBool>,
    /// How the journal fares; `None` where nothing is journalled.
    pub journal: Option<Arc<JournalState>>,
    /// Where it shows itself.
    pub board: Arc<EngineBoard>,
    /// Where it records how long its work waited.
    pub latencies: Latencies,
    /// Which cycles end in a checkpoint.
    pub checkpoints: Checkpoints,
}

/// The engine agent.
pub struct Engine {
    /// Boxed: a few hundred kilobytes that must not travel over stacks.
    pub(super) core: Box<Core>,
    ports: Ports,
    charge: Charge,
    pub(super) cycles: Cycles,
    is_stopping: bool,
    /// Facts that found their link full: the record has a hole, so nothing more may be entered.
    facts_lost: u64,
    reports_lost: u64,
    /// Pairs entered by earlier processes: they are carried over, signals are not.
    entered_before: u64,
    /// Instruments whose book changed in this turn, one bit each.
    dirty: u64,
    pub(super) progress: Progress,
    pub(super) waits: Waits,
    show: Show,
    pub(super) marks: Marks,
}

/// How far the engine has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Book tops taken.
    pub taken: u64,
    /// Decisions on a changed book.
    pub decided: u64,
    /// Orders handed over.
    pub sent: u64,
}

impl Engine {
    /// An engine around a core, new or restored.
    pub fn new(mut core: Box<Core>, ports: Ports, charge: Charge) -> Engine {
        core.begin_flow();
        let (pace, loops) = (charge.pace, charge.loops);
        let waits = Waits::new(charge.latencies.clone());
        Engine {
            entered_before: core.counts().entered,
            core,
            ports,
            cycles: Cycles { pace, loops, next: None, closed: 0, missed: 0 },
            is_stopping: false,
            facts_lost: 0,
            reports_lost: 0,
            dirty: 0,
            progress: Progress::default(),
            waits,
            show: Show::new(Arc::clone(&charge.board)),
            charge,
            marks: Marks::off(),
        }
    }
    /// From here on every input and every order is marked there.
    pub fn mark_to(&mut self, port: Option<MarkPort>) {
        self.marks.go_to(port);
    }
    /// The state behind it.
    pub fn core(&self) -> &Core {
        &self.core
    }
    /// The state behind it, to add final input to the trace.
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }
    /// Cycles closed so far.
    pub fn cycles(&self) -> u64 {
        self.cycles.closed
    }
    /// Cycles that closed more than a whole interval after their deadline.
    pub fn missed_cycles(&self) -> u64 {
        self.cycles.missed
    }
    /// Decisions and orders so far.
    pub fn progress(&self) -> Progress {
        self.progress
    }
    /// Facts that were lost: their link was full.
    pub fn facts_lost(&self) -> u64 {
        self.facts_lost
    }
    /// Cycle reports that were lost likewise.
    pub fn reports_lost(&self) -> u64 {
        self.reports_lost
    }
    /// See [`Latencies::decision`].
    pub fn tick_to_decision(&self) -> &SharedHistogram {
        &self.waits.latencies.decision
    }
    /// See [`Latencies::order`].
    pub fn tick_to_order(&self) -> &SharedHistogram {
        &self.waits.latencies.order
    }

    /// What orders may do now: what is granted, and nothing new while the record of facts has a
    /// hole, is nearly full or has failed, or once the run is ending.
    fn permission(&mut self, now: Now) -> Permission {
        if let Some(journal) = &self.charge.journal {
            let until = journal.reserved();
            self.core.reserve_orders(until);
            self.marks.reserved(until);
        }
        if self.charge.journal.as_ref().is_some_and(|journal| journal.has_failed()) {
            // What cannot be recorded must not happen.
            return Permission::Query;
        }
        let granted = self.charge.permission.at(now.mono);
        let recorded = self.charge.journal.as_ref().is_none_or(|journal| journal.may_enter());
        let backlog = self.ports.facts.waiting() >= FACTS.depth / 4 * 3;
        let over = self.is_stopping || self.charge.finished.load(Ordering::Relaxed);
        if !recorded || backlog || over || self.facts_lost > 0 {
            return granted.min(Permission::Finish);
        }
        granted
    }

    fn take_events(&mut self, now: Now) -> bool {
        let mut worked = false;
        while let Some(event) = self.ports.events.take() {
            self.take_event(&event, now);
            worked = true;
        }
        worked
    }
    pub(super) fn take_event(&mut self, event: &OrderEvent, now: Now) {
        self.marks.put(self.core.trace_hash(), Mark::Event(*event));
        self.core.on_event(event, now);
        self.flush(now);
    }

    fn take_books(&mut self, now: Now) -> bool {
        for _ in 0..MOST_TAKEN {
            let Some(top) = self.ports.books.take() else { break };
            self.take_book(&top, now);
        }
        let worked = self.dirty != 0;
        self.decide(now);
        worked
    }
    pub(super) fn take_book(&mut self, top: &BookTop, now: Now) {
        let (instrument, frame) = (top.instrument, top.frame);
        self.marks.put(self.core.trace_hash(), Mark::Top { instrument, frame });
        self.core.on_book(top, now);
        self.dirty |= 1 << instrument.index();
        self.progress.taken += 1;
        self.waits.took(top, now.mono);
    }
    /// Decides on every book that changed in this turn.
    pub(super) fn decide(&mut self, now: Now) {
        while self.dirty != 0 {
            let lowest = self.dirty.trailing_zeros() as u8;
            self.dirty &= self.dirty - 1;
            self.core.decide(InstrumentId(lowest), now);
            self.progress.decided += 1;
            self.flush(now);
        }
    }

    fn close_cycles(&mut self, now: Now, took_books: bool) -> bool {
        let Some(due_at) = self.cycles.due(now.mono, took_books, &self.core) else {
            return false;
        };
        self.waits.due(due_at);
        if self.cycles.is_over() {
            self.charge.finished.store(true, Ordering::Release);
        }
        self.close_cycle(now, due_at);
        true
    }
    pub(super) fn close_cycle(&mut self, now: Now, due_at: MonoNs) {
        self.marks.put(self.core.trace_hash(), Mark::Cycle { due_at });
        self.core.on_cycle(now);
        self.flush(now);
        let report = self.report(now, due_at);
        self.reports_lost += u64::from(self.ports.reports.send(report).is_err());
        if self.charge.checkpoints.is_due(report.cycle) {
            // Telemetry knows from the numbers of the cycles which one is missing.
            let _ = self.ports.due.send(report);
        }
    }

    fn report(&mut self, at: Now, due_at: MonoNs) -> CycleReport {
        let (core, counts) = (&self.core, self.core.counts());
        let realized = core.portfolio().realized;
        CycleReport {
            cycle: self.cycles.closed,
            at,
            due_at,
            missed_cycles: self.cycles.missed,
            // Without an earlier batch: this one, as far as it has come.
            loop_latency: self.waits.longest.take().or_else(|| self.waits.so_far(at.mono)),
            pnl: realized.plus(&core.unrealized()).unwrap_or(realized),
            realized,
            exposure: core.exposure(),
            open_pairs: core.pairs().len() as u64,
            fills: core.portfolio().fills,
            signals: counts.signals,
            entered: counts.entered - self.entered_before,
            safety_rejections: counts.signals + self.entered_before - counts.entered,
            stop_losses: counts.stop_losses,
            rejects: counts.rejects,
            contradictions: counts.contradictions,
        }
    }

    /// Facts first, then orders: an intent is on record before its order can leave.
    pub(super) fn flush(&mut self, now: Now) {
        // An order that cannot be handed over makes facts of its own; a second pass takes those.
        while !self.core.outbox().is_empty() {
            for fact in self.core.outbox().facts.drain(..) {
                self.facts_lost += u64::from(self.ports.facts.send(fact).is_err());
            }
            // Both legs of a pair or neither: with too little room nothing of this call leaves.
            let room = REQUESTS.depth.saturating_sub(self.ports.requests.waiting());
            let fits = self.core.outbox().requests.len() <= room;
            let requests = std::mem::take(&mut self.core.outbox().requests);
            if !requests.is_empty() {
                self.show.intend(&self.core);
            }
            for request in requests {
                let handed = self.hand_over(request, fits);
                self.marks.put(self.core.trace_hash(), Mark::Request { request, handed });
                match handed {
                    Handed::Over => self.progress.sent += 1,
                    Handed::Back => self.core.on_unsent(&request, now),
                }
            }
        }
    }
    /// In a repetition nothing leaves: what became of the order then becomes of it now.
    fn hand_over(&mut self, request: OrderRequest, fits: bool) -> Handed {
        if let Some(handed) = self.marks.told(&request) {
            return handed;
        }
        match fits && self.ports.requests.send(request).is_ok() {
            true => Handed::Over,
            false => Handed::Back,
        }
    }
}

impl Agent for Engine {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn turn(&mut self, now: Now) -> Turn {
        let sent_before = self.progress.sent;
        self.waits.begin(sent_before);
        // Read before the permission: an epoch is never shown before it was acted on.
        let epoch = self.charge.permission.epoch();
        let permission = self.permission(now);
        self.marks.begin(now, permission);
        self.core.set_permission(permission);
        // A restart leaves facts of its own.
        self.flush(now);
        let expired = self.core.on_timer(now);
        if expired {
            self.marks.act(self.core.trace_hash());
        }
        let events = self.take_events(now);
        if events {
            self.waits.due(now.mono);
        }
        let books = self.take_books(now);
        let cycle = self.close_cycles(now, books);
        let worked = events || books || cycle || expired;
        if worked || self.show.is_behind(epoch) {
            let turn = Shown {
                at: now.mono,
                epoch,
                cycles: self.cycles.closed,
                taken: self.progress.taken,
            };
            let moved = events || cycle || self.progress.sent > sent_before;
            self.show.publish(&self.core, turn, moved);
        }
        if worked { Turn::Worked } else { Turn::Idle }
    }

    fn turned(&mut self, ended_at: MonoNs) {
        self.waits.end(ended_at, self.progress.sent);
    }

    /// No more entries from here on; what is at work comes to its end.
    fn stop(&mut self, _now: Now) {
        self.is_stopping = true;
    }

    fn is_drained(&self) -> bool {
        self.core.is_at_rest()
    }

    fn due(&self) -> Option<MonoNs> {
        self.cycles.next_due().into_iter().chain(self.core.due()).min()
    }
}
