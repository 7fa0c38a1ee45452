//! The venue's codes of an exchange's instruments. Pure.

use crate::sim::exchange::core::Exchange;
use crate::types::ids::VenueId;
use crate::venue::codec;

/// Codes by index. Learned from the exchange at the first call, because a dialect is made before.
#[derive(Clone, Debug)]
pub struct Codes {
    venue: VenueId,
    symbols: Vec<String>,
}

impl Codes {
    /// Of a venue; empty.
    pub const fn of(venue: VenueId) -> Codes {
        Codes { venue, symbols: Vec::new() }
    }
    /// Takes over the exchange's instruments, once.
    pub fn learn(&mut self, exchange: &Exchange) {
        if self.symbols.len() != exchange.instruments().len() {
            let codec = codec(self.venue);
            let names = exchange.instruments().iter();
            self.symbols = names.map(|instrument| codec.symbol(&instrument.name)).collect();
        }
    }
    /// The code of an instrument; empty if there is no such one.
    pub fn symbol(&self, instrument: usize) -> &str {
        self.symbols.get(instrument).map_or("", String::as_str)
    }
    /// The instrument of a code, in exactly that spelling.
    pub fn find(&self, symbol: &str) -> Option<usize> {
        self.symbols.iter().position(|known| known == symbol)
    }
    /// All of them, in order.
    pub fn all(&self) -> &[String] {
        &self.symbols
    }
}
