//! The engine on its thread: drains its links, lets the core decide, sends what follows.

use std::sync::Arc;

use crate::engine::core::Core;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::types::control::PermissionWord;
use crate::types::fact::Fact;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::order::OrderEvent;
use crate::types::order::OrderRequest;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Most books taken over in one turn: a burst of every instrument.
const BATCH: usize = limit::INSTRUMENTS;

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
}

/// The engine agent.
pub struct Engine {
    core: Core,
    ports: Ports,
    permission: Arc<PermissionWord>,
    interval: DurNs,
    next_cycle: Option<MonoNs>,
    cycles: u64,
    /// Facts that found their link full: the record has a hole, so nothing more may be entered.
    facts_lost: u64,
    /// Instruments whose book changed in this turn, one bit each.
    dirty: u64,
    decided: u64,
    sent: u64,
}

const _: () = assert!(limit::INSTRUMENTS <= 64, "dirty instruments are one u64 bit set");

impl Engine {
    /// An engine that closes a cycle every `interval` (at least 1 ns) of its time.
    pub fn new(core: Core, ports: Ports, how: (Arc<PermissionWord>, DurNs)) -> Engine {
        let (permission, interval) = how;
        Engine {
            core,
            ports,
            permission,
            interval: DurNs(interval.0.max(1)),
            next_cycle: None,
            cycles: 0,
            facts_lost: 0,
            dirty: 0,
            decided: 0,
            sent: 0,
        }
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
        self.cycles
    }
    /// Turns in which something was decided, and orders sent, so far: for latency measurement.
    pub fn progress(&self) -> Progress {
        Progress { decided: self.decided, sent: self.sent }
    }
    /// Facts that were lost because their link was full.
    pub fn facts_lost(&self) -> u64 {
        self.facts_lost
    }

    fn take_events(&mut self, now: Now) -> bool {
        let mut worked = false;
        while let Some(event) = self.ports.events.take() {
            self.core.on_event(&event, now);
            self.flush(now);
            worked = true;
        }
        worked
    }

    fn take_books(&mut self, now: Now) -> bool {
        for _ in 0..BATCH {
            let Some(top) = self.ports.books.take() else { break };
            self.core.on_book(&top, now);
            self.dirty |= 1 << top.instrument.index();
        }
        let worked = self.dirty != 0;
        while self.dirty != 0 {
            let lowest = self.dirty.trailing_zeros() as u8;
            self.dirty &= self.dirty - 1;
            self.core.decide(crate::types::ids::InstrumentId(lowest), now);
            self.decided += 1;
            self.flush(now);
        }
        worked
    }

    fn close_cycles(&mut self, now: Now) -> bool {
        let due = *self.next_cycle.get_or_insert(now.mono.plus(self.interval));
        if now.mono < due {
            return false;
        }
        self.cycles += 1;
        self.next_cycle = Some(due.plus(self.interval));
        self.core.on_cycle(now);
        self.flush(now);
        true
    }

    /// Facts first, then orders: an intent is on record before its order can leave.
    fn flush(&mut self, now: Now) {
        // An order that cannot be handed over makes facts of its own; a second pass takes those.
        while !(self.core.outbox().facts.is_empty() && self.core.outbox().requests.is_empty()) {
            for fact in self.core.outbox().facts.drain(..) {
                self.facts_lost += u64::from(self.ports.facts.send(fact).is_err());
            }
            let requests = std::mem::take(&mut self.core.outbox().requests);
            for request in requests {
                match self.ports.requests.send(request) {
                    Ok(()) => self.sent += 1,
                    Err(request) => self.core.on_unsent(&request, now),
                }
            }
        }
    }
}

/// How far the engine has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Decisions on a changed book.
    pub decided: u64,
    /// Orders handed over.
    pub sent: u64,
}

impl Agent for Engine {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn turn(&mut self, now: Now) -> Turn {
        let permission = match self.facts_lost {
            0 => self.permission.at(now.mono),
            _ => self.permission.at(now.mono).min(crate::types::control::Permission::Finish),
        };
        self.core.set_permission(permission);
        self.core.on_timer(now);
        let events = self.take_events(now);
        let books = self.take_books(now);
        let cycle = self.close_cycles(now);
        if events || books || cycle { Turn::Worked } else { Turn::Idle }
    }

    fn due(&self) -> Option<MonoNs> {
        let expiry = self.core.due();
        self.next_cycle.into_iter().chain(expiry).min()
    }
}
