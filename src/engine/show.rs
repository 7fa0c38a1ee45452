//! What the engine shows of itself to the watchdog and to telemetry.

use std::sync::Arc;

use crate::engine::core::Core;
use crate::types::board::EngineBoard;
use crate::types::board::EngineFigures;
use crate::types::evidence::Term;
use crate::types::fact::Refusal;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Figures that walk pairs and marks are made anew at most this often, or when orders moved.
const SLOW_EVERY: DurNs = DurNs::from_ms(100);

/// Refusals that tell of bad data or of a check against runaway orders. Those that tell of full
/// hands or thin books (balance, positions, exposure, depth, price collar) are everyday: a standing
/// edge repeats them on each image.
const SAFETY: [Refusal; 12] = [
    Refusal::FxJump,
    Refusal::FxGap,
    Refusal::ImplausibleEdge,
    Refusal::DailyLoss,
    Refusal::DayNotional,
    Refusal::OrderSize,
    Refusal::OrderRate,
    Refusal::OpenOrders,
    Refusal::UnknownOrders,
    Refusal::Residual,
    Refusal::LinkFull,
    Refusal::Overflow,
];

/// Publishes the engine's figures. No heap, no wait; a few dozen plain stores.
#[derive(Debug)]
pub(super) struct Show {
    board: Arc<EngineBoard>,
    last: EngineFigures,
    slow_at: Option<MonoNs>,
}

impl Show {
    /// Shows on that board.
    pub(super) fn new(board: Arc<EngineBoard>) -> Show {
        Show { board, last: EngineFigures::default(), slow_at: None }
    }
    /// True if the board tells of another permission.
    pub(super) fn is_behind(&self, epoch: u64) -> bool {
        self.slow_at.is_none() || self.last.epoch != epoch
    }
    /// Orders are about to leave: their gateway must not count more than were intended.
    pub(super) fn intend(&self, core: &Core) {
        self.board.terms.put(Term::Intents, core.flow().intents);
    }
    /// Shows the state after a turn that began at `at`. `moved`: orders or pairs may have changed.
    pub(super) fn publish(&mut self, core: &Core, turn: Shown, moved: bool) {
        let Shown { at, epoch, cycles, taken } = turn;
        self.board.terms.put(Term::UpdatesApplied, taken);
        let orders = core.orders();
        let old = self.slow_at.is_none_or(|slow| at.since(slow) >= SLOW_EVERY);
        let due = moved || old || self.is_behind(epoch);
        let figures = EngineFigures {
            at,
            epoch,
            cycles,
            open_orders: orders.open() as u64,
            unknown_orders: orders.unknown() as u64,
            oldest_unknown_at: orders.oldest_unknown_at(),
            fx_at: core.view().fx.usable_at(),
            rejects: core.counts().rejects,
            ..self.last
        };
        self.last = figures;
        if due {
            self.slow_at = Some(at);
            self.last.is_at_rest = core.is_at_rest();
            self.last.is_exposed = core.is_exposed();
            self.last.loss_limit = core.is_at_loss_limit();
            let refusals = &core.counts().refusals;
            self.last.safety_rejections = SAFETY.iter().map(|r| refusals[*r as usize]).sum();
            self.board.refusals.put(refusals);
            self.show_terms(core);
        }
        self.board.publish(&self.last);
    }

    fn show_terms(&self, core: &Core) {
        let (flow, terms) = (core.flow(), &self.board.terms);
        let unknown = core.orders().unknown() as u64;
        terms.put(Term::Intents, flow.intents);
        terms.put(Term::OrdersEnded, flow.ended);
        terms.put(Term::OrdersRejected, flow.rejected);
        terms.put(Term::OrdersResolved, flow.resolved);
        terms.put(Term::OrdersOpen, core.orders().open() as u64 - unknown);
        terms.put(Term::OrdersUnknown, unknown);
        terms.put(Term::FillsBooked, flow.fills);
        let broken = core.counts().crossed_books + core.counts().contradictions;
        terms.put(Term::InvariantFaults, broken);
    }
}

/// The turn that is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// When it began.
    pub(super) at: MonoNs,
    /// Epoch of the permission that it acted on.
    pub(super) epoch: u64,
    /// Cycles closed.
    pub(super) cycles: u64,
    /// Tops taken over, so far.
    pub(super) taken: u64,
}
