//! A recorded turn once more: the same inputs in the same order at the same time, so the same
//! decisions. What a live turn reads from other threads comes from the record instead.

use crate::engine::agent::Engine;
use crate::engine::marks::Told;
use crate::types::mark::Handed;
use crate::types::mark::TurnMark;
use crate::types::market::BookTop;
use crate::types::order::OrderEvent;
use crate::types::order::OrderRequest;
use crate::types::time::MonoNs;

/// A turn as recorded.
#[derive(Debug)]
pub struct RecordedTurn {
    /// Its beginning.
    pub mark: TurnMark,
    /// Order events that it took.
    pub events: Vec<OrderEvent>,
    /// Tops of book that it took.
    pub tops: Vec<BookTop>,
    /// When the cycle that closed in it was due.
    pub cycle: Option<MonoNs>,
    /// Orders that it decided.
    pub requests: Vec<(OrderRequest, Handed)>,
}

impl Engine {
    /// Repeats a turn and gives back which orders it decided. Orders are compared, never sent.
    pub fn repeat(&mut self, turn: RecordedTurn) -> Told {
        let now = turn.mark.now;
        self.marks.tell(Told { recorded: turn.requests, made: Vec::new() });
        self.waits.begin(self.progress.sent);
        if let Some(until) = turn.mark.reserved {
            self.core.reserve_orders(until);
        }
        self.core.set_permission(turn.mark.permission);
        self.flush(now);
        self.core.on_timer(now);
        for event in &turn.events {
            self.take_event(event, now);
        }
        for top in &turn.tops {
            self.take_book(top, now);
        }
        self.decide(now);
        if let Some(due_at) = turn.cycle {
            self.cycles.closed += 1;
            self.close_cycle(now, due_at);
        }
        self.marks.take_told()
    }
}
