//! Sizes of a simulated venue, and the rules that differ between venues.

use crate::types::ids::VenueId;
use crate::types::market::Quote;
use crate::types::units::SCALE;

/// Most open orders of one account (Binance's MAX_NUM_ORDERS); one more is refused.
pub const OPEN_ORDERS: usize = 200;
/// Orders kept at a venue. When there is one more, the oldest that is over is forgotten, and with
/// it its client id; the ledger's sums stay.
pub const KEPT_ORDERS: usize = 65_536;
/// Client ids that are remembered although their order was refused; the oldest goes first.
pub const BURNT_IDS: usize = 65_536;
/// Events that nobody took; the oldest goes first and is counted.
pub const WAITING_EVENTS: usize = 65_536;
/// Accounts of one venue.
pub const ACCOUNTS: usize = 2;

/// What a venue remembers of client ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdRule {
    /// Never again, also if the order was refused (Upbit, `VENUES.md` 1.3).
    BurntByAnyUse,
    /// Never again once an order had it.
    Burnt,
    /// Free again when the order is over (Binance, `VENUES.md` 0).
    WhileOpen,
}

/// How a venue treats client ids.
pub const fn id_rule(venue: VenueId) -> IdRule {
    match venue {
        VenueId::Upbit => IdRule::BurntByAnyUse,
        VenueId::Binance => IdRule::WhileOpen,
        VenueId::Bithumb | VenueId::Bybit | VenueId::Okx => IdRule::Burnt,
    }
}

/// What an open buy locks beyond its cost and fee, quote × 10⁻⁸: captured answers of Bithumb show
/// exactly one won more (`VENUES.md` 3).
pub const fn extra_lock_raw(venue: VenueId) -> i64 {
    match venue {
        VenueId::Bithumb => SCALE,
        _ => 0,
    }
}

/// Largest value of one order, quote × 10⁻⁸: 1,000,000,000 KRW, 9,000,000 USDT.
pub const fn max_value_raw(quote: Quote) -> i64 {
    match quote {
        Quote::Krw => 1_000_000_000 * SCALE,
        Quote::Usdt => 9_000_000 * SCALE,
    }
}
