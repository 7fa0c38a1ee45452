//! How old a quote may be, and the one rule that says whether it is fresh.

use crate::types::market::BookTop;
use crate::types::market::Instrument;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::units::Ppm;

/// How old data may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgeLimits {
    /// `risk.max_quote_age_ms`.
    pub max_quote_age: DurNs,
    /// `risk.alive_within_ms`: a whole-book venue's connection counts as alive this long (5 s).
    pub alive_within: DurNs,
    /// `risk.max_quiet_book_ms`: a quiet book on a living connection is fresh this long (60 s).
    pub max_quiet_book: DurNs,
    /// `fx.max_age_ms`.
    pub max_fx_age: DurNs,
    /// `fx.max_jump_pct`: largest accepted change of the FX mid between two images; a larger one
    /// pauses entries until the new level has stood for `fx.settle_ms`.
    pub max_fx_jump: Ppm,
    /// `fx.max_gap_pct`: largest accepted distance of the FX mid from that of another venue.
    pub max_fx_gap: Ppm,
    /// `fx.settle_ms`: how long a level has to stand after a jump before it is believed.
    pub fx_settle: DurNs,
}

impl AgeLimits {
    /// Whether a quote may be acted upon at `now`. A whole-book venue sends nothing while its book
    /// is quiet, so there a connection that showed life at `alive_at` keeps a quote fresh longer
    /// (`PRODUCT.md` 5, quote age).
    pub fn is_fresh(&self, instrument: &Instrument, quote: QuoteTimes, now: MonoNs) -> bool {
        let age = now.since(quote.received_at);
        if age < self.max_quote_age {
            return true;
        }
        instrument.whole_book_feed
            && age < self.max_quiet_book
            && now.since(quote.alive_at) < self.alive_within
    }
}

/// The two moments that decide a quote's freshness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteTimes {
    /// When the frame of its depth image arrived; a newer ticker does not count.
    pub received_at: MonoNs,
    /// When the venue's connection last showed life.
    pub alive_at: MonoNs,
}

impl QuoteTimes {
    /// Those of a top, with the venue's liveness as known from its other books.
    pub fn of(top: &BookTop, venue_alive_at: MonoNs) -> QuoteTimes {
        QuoteTimes { received_at: top.received_at, alive_at: venue_alive_at.max(top.alive_at) }
    }
}
