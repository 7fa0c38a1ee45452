//! What an order would match of the levels that are offered to it, and what that costs. Pure.

use crate::types::market::BuyFee;
use crate::types::market::Instrument;
use crate::types::market::Level;
use crate::types::market::Side;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::SCALE;
use crate::types::units::mul_div;

const ONE_PPM: i64 = 1_000_000;

/// How far an order goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// So many base coins.
    Qty(Qty),
    /// So much quote money, × 10⁻⁸, fees apart.
    Value(i64),
}

/// The matches of an order against `offered` (best first), none beyond `limit`. Quantities lie on
/// the lot grid where a value is to be reached.
pub fn walk(
    offered: impl Iterator<Item = Level>,
    (side, limit): (Side, Option<Price>),
    reach: Reach,
    lot: Qty,
) -> Vec<Level> {
    let is_within = |price: Price| match (side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    };
    let mut matches = Vec::new();
    let mut left = reach;
    for level in offered.take_while(|level| is_within(level.price)) {
        let wanted = wanted(left, level.price, lot);
        let qty = level.qty.min(wanted);
        if qty.is_zero() {
            break;
        }
        matches.push(Level { price: level.price, qty });
        left = match left {
            Reach::Qty(rest) => Reach::Qty(rest.minus(qty)),
            Reach::Value(raw) => {
                let spent = level.price.times::<()>(qty, Round::Up).map_or(raw, |v| v.raw());
                Reach::Value(raw.saturating_sub(spent))
            }
        };
        if qty == wanted {
            break;
        }
    }
    matches
}

fn wanted(left: Reach, price: Price, lot: Qty) -> Qty {
    match left {
        Reach::Qty(qty) => qty,
        Reach::Value(raw) => {
            let qty = mul_div(raw.max(0), SCALE, price.raw(), Round::Down).and_then(Qty::from_raw);
            qty.unwrap_or(Qty::ZERO).floor_to(lot)
        }
    }
}

/// Σ quantity of some matches.
pub fn quantity(matches: &[Level]) -> Qty {
    matches.iter().fold(Qty::ZERO, |sum, level| sum.plus(level.qty).unwrap_or(sum))
}

/// Running sums of one order's matches, exact. Each sum is rounded, not each match, so that the
/// parts of an order never cost more than the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Σ price × quantity, quote × 10⁻¹⁶.
    exact: i128,
    /// Σ quantity, base × 10⁻⁸.
    qty_raw: i64,
}

/// What one more match moves, × 10⁻⁸.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Quote money: paid by a buy, received by a sell, fee apart.
    pub value_raw: i64,
    /// The fee, in base coins for a buy with [`BuyFee::Base`], else in quote money.
    pub fee_raw: i64,
}

impl Sums {
    /// Those of a list of matches.
    pub fn of(matches: impl Iterator<Item = Level>) -> Sums {
        matches.fold(Sums::default(), Sums::with)
    }
    fn with(self, level: Level) -> Sums {
        let value = i128::from(level.price.raw()) * i128::from(level.qty.raw());
        Sums { exact: self.exact + value, qty_raw: self.qty_raw.saturating_add(level.qty.raw()) }
    }
    /// Value so far: a buy's is rounded up, a sell's down.
    pub fn value_raw(&self, side: Side) -> i64 {
        let scale = i128::from(SCALE);
        let up = if side == Side::Buy { scale - 1 } else { 0 };
        i64::try_from((self.exact + up).div_euclid(scale)).unwrap_or(i64::MAX)
    }
    /// Fee so far, rounded up.
    pub fn fee_raw(&self, side: Side, instrument: &Instrument) -> i64 {
        let of = match (side, instrument.buy_fee) {
            (Side::Buy, BuyFee::Base) => self.qty_raw,
            _ => self.value_raw(side),
        };
        mul_div(of, instrument.fee.get(), ONE_PPM, Round::Up).unwrap_or(i64::MAX)
    }
    /// Adds a match and says what it moves.
    pub fn add(&mut self, level: Level, side: Side, instrument: &Instrument) -> Cost {
        let before = *self;
        *self = self.with(level);
        let value_raw = self.value_raw(side) - before.value_raw(side);
        let fee_raw = self.fee_raw(side, instrument) - before.fee_raw(side, instrument);
        Cost {
            value_raw,
            fee_raw: if side == Side::Sell { fee_raw.min(value_raw) } else { fee_raw },
        }
    }
}

/// What a buy of these matches takes out of the account, quote × 10⁻⁸; `None` beyond the range.
pub fn buy_cost_raw(matches: impl Iterator<Item = Level>, instrument: &Instrument) -> Option<i64> {
    let sums = Sums::of(matches);
    let fee = match instrument.buy_fee {
        BuyFee::Quote => sums.fee_raw(Side::Buy, instrument),
        BuyFee::Base => 0,
    };
    sums.value_raw(Side::Buy).checked_add(fee)
}
