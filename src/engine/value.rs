//! What legs are worth in won: ladders walked at size, fees per leg, FX at the right side.

use crate::types::fact::FxRates;
use crate::types::ids::InstrumentId;
use crate::types::market::Instrument;
use crate::types::market::Ladder;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::order::Fee;
use crate::types::order::Fill;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::SCALE;
use crate::types::units::Usdt;

/// A ladder walked at a size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Walked {
    /// The size.
    pub qty: Qty,
    /// Σ price × quantity in the quote currency, raw 10⁻⁸ units, rounded once at the end.
    pub notional_raw: i64,
    /// Price of the last level touched.
    pub worst: Price,
}

/// Walks `ladder` until `qty` is had. `None` if the ladder is shorter, `qty` is zero or the sum
/// leaves the range.
pub fn walk(ladder: Ladder<'_>, qty: Qty, round: Round) -> Option<Walked> {
    let mut rest = qty;
    let mut sum = 0i128;
    for level in ladder.levels() {
        let taken = rest.min(level.qty);
        sum = sum.checked_add(i128::from(level.price.raw()) * i128::from(taken.raw()))?;
        rest = rest.minus(taken);
        if rest.is_zero() && !qty.is_zero() {
            let notional_raw = divide_rounded(sum, i128::from(SCALE), round)?;
            return Some(Walked { qty, notional_raw, worst: level.price });
        }
    }
    None
}

fn divide_rounded(sum: i128, by: i128, round: Round) -> Option<i64> {
    let floor = sum.div_euclid(by);
    let up = round == Round::Up && floor * by != sum;
    i64::try_from(floor + i128::from(up)).ok()
}

/// Quantity-weighted price of a walk, for reports; rounded down.
pub fn mean_price(walked: &Walked) -> Option<Price> {
    crate::types::units::mul_div(walked.notional_raw, SCALE, walked.qty.raw(), Round::Down)
        .and_then(Price::from_raw)
}

/// What buying for `notional_raw` costs in won, taker fee included: rounded against us.
pub fn cost_krw(instrument: &Instrument, notional_raw: i64, fx: FxRates) -> Option<Krw> {
    match instrument.quote {
        Quote::Krw => with_fee(Krw::from_raw(notional_raw), instrument.fee),
        Quote::Usdt => {
            let cost: Usdt = with_fee(Usdt::from_raw(notional_raw), instrument.fee)?;
            cost.to_krw(fx.ask, Round::Up)
        }
    }
}

/// What selling for `notional_raw` earns in won, taker fee deducted: rounded against us.
pub fn proceeds_krw(instrument: &Instrument, notional_raw: i64, fx: FxRates) -> Option<Krw> {
    match instrument.quote {
        Quote::Krw => without_fee(Krw::from_raw(notional_raw), instrument.fee),
        Quote::Usdt => {
            let earned: Usdt = without_fee(Usdt::from_raw(notional_raw), instrument.fee)?;
            earned.to_krw(fx.bid, Round::Down)
        }
    }
}

/// What `walked` on `side` of `instrument` moves in won, as a positive amount.
pub fn value_krw(leg: &Leg<'_>, walked: &Walked, fx: FxRates) -> Option<Krw> {
    match leg.side {
        Side::Buy => cost_krw(leg.instrument, walked.notional_raw, fx),
        Side::Sell => proceeds_krw(leg.instrument, walked.notional_raw, fx),
    }
}

fn with_fee<C>(
    amount: crate::types::units::Amount<C>,
    fee: Ppm,
) -> Option<crate::types::units::Amount<C>> {
    amount.plus(&amount.portion(fee, Round::Up)?)
}

fn without_fee<C>(
    amount: crate::types::units::Amount<C>,
    fee: Ppm,
) -> Option<crate::types::units::Amount<C>> {
    amount.minus(&amount.portion(fee, Round::Up)?)
}

/// One leg as an order would meet it: the rules, the side, the ladder it takes from.
#[derive(Clone, Copy, Debug)]
pub struct Leg<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// What the order does.
    pub side: Side,
    /// The levels it takes from, best first.
    pub ladder: Ladder<'a>,
}

impl Leg<'_> {
    /// The leg walked at `qty`, rounded against us.
    pub fn walk(&self, qty: Qty) -> Option<Walked> {
        let round = match self.side {
            Side::Buy => Round::Up,
            Side::Sell => Round::Down,
        };
        walk(self.ladder, qty, round)
    }
    /// Visible quantity on the side that it takes from.
    pub fn visible_qty(&self) -> Qty {
        let add = |sum: Qty, level: crate::types::market::Level| sum.plus(level.qty).unwrap_or(sum);
        self.ladder.levels().fold(Qty::ZERO, add)
    }
    /// Visible value on the side that it takes from, in won without fees.
    pub fn visible_krw(&self, fx: FxRates) -> Option<Krw> {
        let mut sum = 0i128;
        for level in self.ladder.levels() {
            sum = sum.checked_add(i128::from(level.price.raw()) * i128::from(level.qty.raw()))?;
        }
        let raw = divide_rounded(sum, i128::from(SCALE), Round::Down)?;
        match self.instrument.quote {
            Quote::Krw => Some(Krw::from_raw(raw)),
            Quote::Usdt => Usdt::from_raw(raw).to_krw(fx.bid, Round::Down),
        }
    }
}

/// What one fill moved, exactly as booked: rounded against us, to the last unit of each asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FillValue {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Change of the base balance, raw units: what was received or given, fee in base deducted.
    pub base_raw: i64,
    /// Change of the quote balance, raw units, fee in quote included.
    pub quote_raw: i64,
    /// The same in won: negative for a buy. A fee in base counts at the price of the fill.
    pub cash: Krw,
    /// The fee alone in won, ≥ 0.
    pub fee: Krw,
}

/// Books a fill. `None` if a product leaves the range.
pub fn fill_value(
    instrument: &Instrument,
    side: Side,
    fill: &Fill,
    fx: FxRates,
) -> Option<FillValue> {
    let (fee_quote_raw, fee_base_raw) = match fill.fee {
        Fee::Quote(raw) => (raw, 0),
        Fee::Base(qty) => (0, qty.raw()),
    };
    let fee_in_base = Qty::from_raw(fee_base_raw)?;
    let fee_worth = fill.price.times::<()>(fee_in_base, Round::Up)?.raw();
    let fee_raw = fee_quote_raw.checked_add(fee_worth)?;
    let (base_raw, quote_raw) = match side {
        Side::Buy => {
            let cost = fill.price.times::<()>(fill.qty, Round::Up)?.raw();
            let out = cost.checked_add(fee_quote_raw)?;
            (fill.qty.raw().checked_sub(fee_base_raw)?, out.checked_neg()?)
        }
        Side::Sell => {
            let earned = fill.price.times::<()>(fill.qty, Round::Down)?.raw();
            (fill.qty.raw().checked_neg()?, earned.checked_sub(fee_quote_raw)?)
        }
    };
    let moved = quote_raw.checked_sub(fee_worth)?;
    let (rate, round) = match side {
        Side::Buy => (fx.ask, Round::Up),
        Side::Sell => (fx.bid, Round::Down),
    };
    let (cash, fee) = match instrument.quote {
        Quote::Krw => (Krw::from_raw(moved), Krw::from_raw(fee_raw)),
        Quote::Usdt => {
            let size = Usdt::from_raw(moved.checked_abs()?).to_krw(rate, round)?;
            let cash = if moved < 0 { size.negated() } else { size };
            (cash, Usdt::from_raw(fee_raw).to_krw(rate, Round::Up)?)
        }
    };
    Some(FillValue { instrument: instrument.id, base_raw, quote_raw, cash, fee })
}
