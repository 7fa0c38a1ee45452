//! KRW per USDT: an instrument like any other, with an age limit, a jump collar and no default.

use crate::types::age::AgeLimits;
use crate::types::fact::FxRates;
use crate::types::market::BookTop;
use crate::types::market::Side;
use crate::types::time::MonoNs;
use crate::types::units::Price;

/// The FX rate as known, and whether it may be believed.
#[derive(Clone, Debug, Default)]
pub struct Fx {
    rates: Option<FxRates>,
    usable: bool,
    received_at: Option<MonoNs>,
    /// Mid of the last believed image.
    believed: Option<Price>,
    /// A mid that jumped, and since when it stands.
    suspect: Option<(Price, MonoNs)>,
}

impl Fx {
    /// Takes over an image of the FX book, refined by its ticker.
    pub fn on_book(&mut self, top: &BookTop, limits: &AgeLimits, now: MonoNs) {
        let bid = top.ladder(Side::Sell).best();
        let ask = top.ladder(Side::Buy).best();
        let (Some(bid), Some(ask), None) = (bid, ask, top.invalid) else {
            self.usable = false;
            return;
        };
        self.rates = Some(FxRates { bid: bid.price, ask: ask.price });
        self.usable = true;
        self.received_at = Some(top.received_at);
        let mid = i64::midpoint(bid.price.raw(), ask.price.raw());
        if let Some(mid) = Price::from_raw(mid) {
            self.judge(mid, limits, now);
        }
    }

    /// The last rates, also stale ones: for valuing what is already held.
    pub fn last(&self) -> Option<FxRates> {
        self.rates
    }

    /// Rates that an earlier run saw last: good for valuing what is already held, and for nothing
    /// else until a book comes.
    pub fn recall(&mut self, rates: FxRates) {
        self.rates = Some(rates);
    }

    /// When the newest valid book arrived; `None` before the first.
    pub fn usable_at(&self) -> Option<MonoNs> {
        self.received_at
    }

    /// The rates while their book is valid and younger than `fx.max_age_ms`.
    pub fn fresh(&self, limits: &AgeLimits, now: MonoNs) -> Option<FxRates> {
        let young = self.received_at.is_some_and(|at| now.since(at) < limits.max_fx_age);
        if self.usable && young { self.rates } else { None }
    }

    /// True while a leap has not stood long enough to be believed.
    pub fn is_suspect(&self) -> bool {
        self.suspect.is_some()
    }

    fn judge(&mut self, mid: Price, limits: &AgeLimits, now: MonoNs) {
        let near = |other: Price| mid.distance_from(other) <= limits.max_fx_jump;
        if self.believed.is_none_or(near) {
            (self.believed, self.suspect) = (Some(mid), None);
            return;
        }
        match self.suspect {
            Some((level, since)) if near(level) => {
                if now.since(since) >= limits.fx_settle {
                    (self.believed, self.suspect) = (Some(mid), None);
                }
            }
            _ => self.suspect = Some((mid, now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ids::InstrumentId;
    use crate::types::market::Invalid;
    use crate::types::market::Level;
    use crate::types::time::DurNs;
    use crate::types::units::Ppm;
    use crate::types::units::Qty;
    use crate::types::units::SCALE;

    const LIMITS: AgeLimits = AgeLimits {
        max_quote_age: DurNs(500_000_000),
        alive_within: DurNs(5_000_000_000),
        max_quiet_book: DurNs(60_000_000_000),
        max_fx_age: DurNs(3_000_000_000),
        max_fx_jump: Ppm::new(10_000),
        max_fx_gap: Ppm::new(10_000),
        fx_settle: DurNs(5_000_000_000),
    };

    fn book(bid_krw: i64, at: MonoNs) -> BookTop {
        let level = |krw: i64| Level {
            price: Price::from_raw(krw * SCALE).expect("positive"),
            qty: Qty::from_raw(SCALE).expect("positive"),
        };
        let mut top = BookTop::empty(InstrumentId(0));
        top.invalid = None;
        top.received_at = at;
        top.bids.push(level(bid_krw));
        top.asks.push(level(bid_krw + 1));
        top
    }

    #[test]
    fn there_is_no_rate_before_the_first_image_and_none_after_the_age_limit() {
        let mut fx = Fx::default();
        assert_eq!(fx.fresh(&LIMITS, MonoNs(0)), None);
        fx.on_book(&book(1_387, MonoNs(0)), &LIMITS, MonoNs(0));
        assert!(fx.fresh(&LIMITS, MonoNs(2_999_999_999)).is_some());
        assert_eq!(fx.fresh(&LIMITS, MonoNs(3_000_000_000)), None);
        assert!(fx.last().is_some(), "what is held is still valued");
    }

    #[test]
    fn a_leap_is_believed_only_after_it_has_stood_for_the_settling_time() {
        let mut fx = Fx::default();
        fx.on_book(&book(1_387, MonoNs(0)), &LIMITS, MonoNs(0));
        let leap = MonoNs(1_000_000_000);
        fx.on_book(&book(1_420, leap), &LIMITS, leap);
        assert!(fx.is_suspect());
        let early = leap.plus(DurNs(4_999_999_999));
        fx.on_book(&book(1_421, early), &LIMITS, early);
        assert!(fx.is_suspect());
        let settled = leap.plus(DurNs(5_000_000_000));
        fx.on_book(&book(1_421, settled), &LIMITS, settled);
        assert!(!fx.is_suspect());
    }

    #[test]
    fn a_leap_that_returns_is_forgotten() {
        let mut fx = Fx::default();
        for (krw, second) in [(1_387, 0), (2_000, 1), (1_388, 2)] {
            let at = MonoNs(second * 1_000_000_000);
            fx.on_book(&book(krw, at), &LIMITS, at);
        }
        assert!(!fx.is_suspect());
    }

    #[test]
    fn an_invalid_fx_book_gives_no_rate() {
        let mut fx = Fx::default();
        let mut top = book(1_387, MonoNs(0));
        top.invalid = Some(Invalid::Closed);
        fx.on_book(&top, &LIMITS, MonoNs(0));
        assert_eq!((fx.fresh(&LIMITS, MonoNs(1)), fx.usable_at()), (None, None));
        fx.on_book(&book(1_387, MonoNs(5)), &LIMITS, MonoNs(6));
        fx.on_book(&top, &LIMITS, MonoNs(7));
        assert_eq!((fx.fresh(&LIMITS, MonoNs(8)), fx.usable_at()), (None, Some(MonoNs(5))));
    }
}
