//! The engine's side of an exact record: one mark for each input and each order, without waiting
//! or allocating; and the same marks told back to an engine that repeats a recorded run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::runtime::link::Tx;
use crate::types::control::Permission;
use crate::types::ids::OrderId;
use crate::types::mark::Handed;
use crate::types::mark::Mark;
use crate::types::mark::TurnMark;
use crate::types::order::OrderRequest;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Where the engine leaves its marks.
#[derive(Clone, Debug)]
pub struct MarkPort {
    /// To the recorder.
    pub link: Tx<Mark>,
    /// Raised when a mark found the link full. From then on the record has a hole that nothing can
    /// fill, so no more marks are made.
    pub is_broken: Arc<AtomicBool>,
}

/// What the engine does about marks.
#[derive(Debug)]
pub(super) struct Marks {
    port: Option<MarkPort>,
    told: Option<Told>,
    turn: TurnMark,
    /// The turn's own mark was made.
    is_begun: bool,
}

/// The orders of a recorded turn, while it is repeated.
#[derive(Debug, Default)]
pub struct Told {
    /// As recorded, in order.
    pub recorded: Vec<(OrderRequest, Handed)>,
    /// As decided now, in order.
    pub made: Vec<OrderRequest>,
}

impl Told {
    /// The first order that is not as recorded: what is recorded there, and what was made.
    pub fn difference(&self) -> Option<(Option<OrderRequest>, Option<OrderRequest>)> {
        let most = self.recorded.len().max(self.made.len());
        let pair = |at: usize| {
            let recorded = self.recorded.get(at).map(|(request, _)| *request);
            (recorded, self.made.get(at).copied())
        };
        (0..most).map(pair).find(|(recorded, made)| recorded != made)
    }
}

impl Marks {
    /// No marks.
    pub(super) const fn off() -> Marks {
        let now = Now { mono: MonoNs(0), wall: WallNs(0) };
        let turn = TurnMark { now, permission: Permission::Query, reserved: None, check: 0 };
        Marks { port: None, told: None, turn, is_begun: false }
    }
    pub(super) fn go_to(&mut self, port: Option<MarkPort>) {
        self.port = port;
    }
    /// A turn begins. It is marked when it takes its first input.
    pub(super) const fn begin(&mut self, now: Now, permission: Permission) {
        self.turn = TurnMark { now, permission, ..self.turn };
        self.is_begun = false;
    }
    pub(super) const fn reserved(&mut self, until: OrderId) {
        self.turn.reserved = Some(until);
    }
    /// The turn did something; `trace` is the hash before that.
    pub(super) fn act(&mut self, trace: u64) {
        if !self.is_begun && self.port.is_some() {
            self.is_begun = true;
            self.turn.check = trace as u16;
            self.send(Mark::Turn(self.turn));
        }
    }
    /// An input, behind its turn's mark.
    pub(super) fn put(&mut self, trace: u64, mark: Mark) {
        self.act(trace);
        self.send(mark);
    }
    fn send(&self, mark: Mark) {
        let Some(port) = &self.port else { return };
        // One writer: nobody else raises it.
        if !port.is_broken.load(Ordering::Relaxed) && port.link.send(mark).is_err() {
            port.is_broken.store(true, Ordering::Release);
        }
    }

    /// An order is about to be handed over: what became of the recorded one, in a repetition.
    pub(super) fn told(&mut self, request: &OrderRequest) -> Option<Handed> {
        let told = self.told.as_mut()?;
        let recorded = told.recorded.get(told.made.len()).map(|(_, handed)| *handed);
        told.made.push(*request);
        // An order that was not recorded is a difference; it goes nowhere.
        Some(recorded.unwrap_or(Handed::Back))
    }
    pub(super) fn tell(&mut self, told: Told) {
        self.told = Some(told);
    }
    pub(super) fn take_told(&mut self) -> Told {
        self.told.take().unwrap_or_default()
    }
}
