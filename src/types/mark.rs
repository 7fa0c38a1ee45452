//! What the engine took in which turn, and what it sent: enough to repeat its decisions exactly.

use crate::types::control::Permission;
use crate::types::ids::InstrumentId;
use crate::types::ids::OrderId;
use crate::types::order::OrderEvent;
use crate::types::order::OrderRequest;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// The beginning of a turn that took any input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TurnMark {
    /// The turn's time: what every decision in it was handed.
    pub now: Now,
    /// What orders might do, as acted on.
    pub permission: Permission,
    /// First order number that the journal had not reserved; `None` without a journal.
    pub reserved: Option<OrderId>,
    /// The lowest bits of the trace hash before the turn: a difference shows near where it arose.
    pub check: u16,
}

/// Whether an order could be handed to the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handed {
    /// It left.
    Over,
    /// The link was full: it came back and ended with nothing.
    Back,
}

/// One input of the engine, or one order that followed. The order of marks is that of the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// A turn begins; what follows up to the next one happened in it.
    Turn(TurnMark),
    /// An order event was taken.
    Event(OrderEvent),
    /// A top of book was taken.
    Top {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Inputs that its feed had taken when the top was copied.
        frame: u64,
    },
    /// A cycle closed.
    Cycle {
        /// When it was due.
        due_at: MonoNs,
    },
    /// An order was decided.
    Request {
        /// The order.
        request: OrderRequest,
        /// Whether it left.
        handed: Handed,
    },
    /// The engine's end.
    End {
        /// Hash of every decision and order.
        trace: u64,
    },
}
