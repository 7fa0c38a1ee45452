//! Booking: what an order event does to its order, its pair, the balances and the fee residual.

use crate::engine::core::Core;
use crate::engine::orders::Applied;
use crate::engine::value::fill_value;
use crate::types::fact::FxRates;
use crate::types::ids::PairId;
use crate::types::order::Ending;
use crate::types::order::Fee;
use crate::types::order::Fill;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;
use crate::types::order::Purpose;
use crate::types::time::MonoNs;
use crate::types::units::SignedQty;

/// What an order event did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    pub(super) applied: Applied,
    /// The pair whose order came to its end by this event.
    pub(super) ended: Option<PairId>,
}

impl Core {
    /// Books an event of an order that is known. What contradicts the order's state is counted.
    pub(super) fn apply_event(
        &mut self,
        event: &OrderEvent,
        fx: Option<FxRates>,
        at: MonoNs,
    ) -> Outcome {
        let request = self.orders.request(event.id);
        let was_unknown = self.orders.is_unknown(event.id);
        let applied = self.orders.apply(event);
        match (applied, request) {
            (Applied::Filled(fill), Some(request)) => self.book_fill(&request, &fill, fx),
            (Applied::Noted, _) => self.count_end(&event.kind),
            (Applied::Repeated, _) => {}
            (Applied::Contradiction | Applied::Filled(_), _) => self.counts.contradictions += 1,
        }
        let over = self.orders.take_if_over(event.id);
        let ended = over.map(|(request, ending)| {
            self.flow.end(ending, was_unknown);
            self.portfolio.release(self.view.instrument(request.instrument), &request);
            if let Some(index) = self.pair_index(request.pair) {
                let delay = self.risk.limits().retry_delay;
                let pair = &mut self.pairs[index];
                pair.drop_order(request.id);
                if request.purpose == Purpose::Hedge && event.kind.never_left() {
                    pair.give_back_attempt(at.plus(delay));
                }
            }
            request.pair
        });
        Outcome { applied, ended }
    }

    fn count_end(&mut self, kind: &OrderEventKind) {
        if let OrderEventKind::Done { ending, .. } = kind {
            self.counts.rejects += u64::from(matches!(ending, Ending::Rejected(_)));
            self.counts.partials += u64::from(*ending == Ending::Cancelled);
        }
    }

    fn book_fill(&mut self, request: &OrderRequest, fill: &Fill, fx: Option<FxRates>) {
        let instrument = self.view.instrument(request.instrument);
        let value = fx.and_then(|fx| fill_value(instrument, request.side, fill, fx));
        let booked = value.and_then(|value| self.portfolio.apply(&value).map(|()| value));
        let (Some(value), Some(index)) = (booked, self.pair_index(request.pair)) else {
            self.counts.contradictions += 1;
            return;
        };
        self.flow.fills += 1;
        // Coins kept by the venue as its fee are missing from the inventory: they are a short
        // residual at what they were worth, bought back once there are enough for an order.
        if let Fee::Base(kept) = fill.fee {
            let (qty, worth) = (SignedQty::from_raw(-kept.raw()), value.fee.negated());
            let base = self.view.instrument(request.instrument).base;
            if self.residuals.take_in(base, qty, worth).is_none() {
                self.counts.contradictions += 1;
            }
        }
        let pair = &mut self.pairs[index];
        if !pair.apply(request.instrument, request.side, (fill.qty, value.cash)) {
            self.counts.contradictions += 1;
        }
        if !pair.counted && !pair.is_sweep {
            pair.counted = true;
            self.counts.opened += 1;
        }
    }
}
