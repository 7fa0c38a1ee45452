//! Running hash of every decision and order, in order: same input and seed, same hash.

use crate::types::order::Ending;
use crate::types::order::Fee;
use crate::types::order::OrderEvent;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;
use crate::types::rng::mix;

/// The hash so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    state: u64,
}

impl Trace {
    /// Adds one word. A multiplication or two.
    pub fn add(&mut self, word: u64) {
        self.state = mix(self.state.rotate_left(23) ^ word);
    }
    /// The hash of everything added so far.
    pub fn hash(&self) -> u64 {
        self.state
    }
    /// Adds an order as sent.
    pub fn add_request(&mut self, request: &OrderRequest) {
        self.add(request.id.0);
        self.add(request.pair.0);
        let sides = request.side as u64 | (request.purpose as u64) << 8;
        self.add(sides | u64::from(request.instrument.0) << 16);
        self.add(request.qty.raw() as u64);
        self.add(request.limit.raw() as u64);
        self.add(request.decided_at.0);
    }
    /// Adds an order event as applied.
    pub fn add_event(&mut self, event: &OrderEvent) {
        self.add(event.id.0);
        match event.kind {
            OrderEventKind::Ack => self.add(1),
            OrderEventKind::Fill(fill) => {
                self.add(2);
                self.add(fill.trade.0);
                self.add(fill.price.raw() as u64);
                self.add(fill.qty.raw() as u64);
                self.add(match fill.fee {
                    Fee::Quote(raw) => raw as u64,
                    Fee::Base(qty) => !(qty.raw() as u64),
                });
            }
            OrderEventKind::Done { ending, filled } => {
                let how = match ending {
                    Ending::Filled => 0,
                    Ending::Cancelled => 1,
                    Ending::Rejected(reason) => 2 + reason as u64,
                };
                self.add(3 | how << 8);
                self.add(filled.raw() as u64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_words_matters() {
        let (mut a, mut b) = (Trace::default(), Trace::default());
        [1, 2].into_iter().for_each(|word| a.add(word));
        [2, 1].into_iter().for_each(|word| b.add(word));
        assert_ne!(a.hash(), b.hash());
    }
}
