//! Fixed-point money, price and quantity: `i64` in units of 10⁻⁸, one type per unit, checked.
//!
//! Range of every type here: ±92,233,720,368.547 75807. A product goes through `i128` and comes
//! back through a checked conversion with a stated rounding; nothing wraps, nothing saturates
//! silently. Text becomes a value through `types/number`.

use std::fmt;
use std::marker::PhantomData;

/// 10⁸: how many units one whole coin, won or tether has.
pub const SCALE: i64 = 100_000_000;

/// Which way an inexact product or quotient goes. Costs round up, proceeds round down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
    /// Toward minus infinity.
    Down,
    /// Toward plus infinity.
    Up,
}

/// `a × b ÷ c` in `i128`, rounded as told. `None` when `c` is 0 or the result leaves `i64`.
pub const fn mul_div(a: i64, b: i64, c: i64, round: Round) -> Option<i64> {
    if c == 0 {
        return None;
    }
    let product = a as i128 * b as i128;
    let floor = product.div_euclid(c as i128);
    // div_euclid floors for c > 0 only, and no caller divides by a negative number.
    // A product is cheaper than the remainder: a 128-bit division is the cost of this function.
    let value = match round {
        Round::Up if floor * c as i128 != product => floor + 1,
        _ => floor,
    };
    if c < 0 || value > i64::MAX as i128 || value < i64::MIN as i128 {
        return None;
    }
    Some(value as i64)
}

/// A price: quote currency per one base coin, × 10⁻⁸, always > 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Price(i64);

impl Price {
    /// A price from its raw 10⁻⁸ units. `None` unless it is > 0.
    pub const fn from_raw(raw: i64) -> Option<Price> {
        if raw > 0 { Some(Price(raw)) } else { None }
    }
    /// The raw 10⁻⁸ units.
    pub const fn raw(self) -> i64 {
        self.0
    }
    /// What `qty` costs (`Round::Up`) or earns (`Round::Down`) at this price. The caller names the
    /// quote currency, because a price alone does not carry it.
    pub fn times<C>(self, qty: Qty, round: Round) -> Option<Amount<C>> {
        mul_div(self.0, qty.0, SCALE, round).map(Amount::from_raw)
    }
    /// This price moved by `by` (a negative part lowers it), rounded. `None` if it would reach 0.
    pub fn shifted(self, by: Ppm, round: Round) -> Option<Price> {
        let factor = Ppm::ONE.0.checked_add(by.0)?;
        mul_div(self.0, factor, Ppm::ONE.0, round).and_then(Price::from_raw)
    }
    /// Distance from `other` as a part of `other`, always ≥ 0. Saturates at `Ppm::MAX`.
    pub fn distance_from(self, other: Price) -> Ppm {
        let gap = (i128::from(self.0) - i128::from(other.0)).abs();
        Ppm::saturating(gap * i128::from(Ppm::ONE.0) / i128::from(other.0))
    }
}

/// A quantity of base coins, × 10⁻⁸, always ≥ 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Qty(i64);

impl Qty {
    /// Nothing.
    pub const ZERO: Qty = Qty(0);

    /// A quantity from its raw 10⁻⁸ units. `None` if negative.
    pub const fn from_raw(raw: i64) -> Option<Qty> {
        if raw >= 0 { Some(Qty(raw)) } else { None }
    }
    /// The raw 10⁻⁸ units.
    pub const fn raw(self) -> i64 {
        self.0
    }
    /// True for nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// Sum; `None` on overflow.
    pub const fn plus(self, other: Qty) -> Option<Qty> {
        match self.0.checked_add(other.0) {
            Some(raw) => Some(Qty(raw)),
            None => None,
        }
    }
    /// Difference, stopping at zero.
    pub const fn minus(self, other: Qty) -> Qty {
        if other.0 >= self.0 { Qty(0) } else { Qty(self.0 - other.0) }
    }
    /// Signed difference `self − other`. Cannot overflow: both are ≥ 0.
    pub const fn signed_minus(self, other: Qty) -> SignedQty {
        SignedQty(self.0 - other.0)
    }
    /// The largest multiple of `lot` that is ≤ self. A zero lot means "no grid".
    pub const fn floor_to(self, lot: Qty) -> Qty {
        if lot.0 == 0 { self } else { Qty(self.0 - self.0 % lot.0) }
    }
    /// A part of this quantity.
    pub fn portion(self, part: Ppm, round: Round) -> Option<Qty> {
        mul_div(self.0, part.0, Ppm::ONE.0, round).and_then(Qty::from_raw)
    }
}

/// A quantity with a sign: long is > 0, short is < 0. × 10⁻⁸ base coins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct SignedQty(i64);

impl SignedQty {
    /// Flat.
    pub const ZERO: SignedQty = SignedQty(0);

    /// From raw 10⁻⁸ units.
    pub const fn from_raw(raw: i64) -> SignedQty {
        SignedQty(raw)
    }
    /// The raw 10⁻⁸ units.
    pub const fn raw(self) -> i64 {
        self.0
    }
    /// Its size without the sign. `i64::MIN` is never constructed from two quantities.
    pub const fn size(self) -> Qty {
        Qty(self.0.saturating_abs())
    }
    /// Sum; `None` on overflow.
    pub const fn plus(self, other: SignedQty) -> Option<SignedQty> {
        match self.0.checked_add(other.0) {
            Some(raw) => Some(SignedQty(raw)),
            None => None,
        }
    }
}

/// Marks amounts of Korean won.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct KrwUnit;
/// Marks amounts of tether.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct UsdtUnit;

/// An amount of money in one currency, × 10⁻⁸, signed. `Krw` and `Usdt` do not add or compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount<C>(i64, PhantomData<C>);

/// Korean won × 10⁻⁸.
pub type Krw = Amount<KrwUnit>;
/// Tether × 10⁻⁸.
pub type Usdt = Amount<UsdtUnit>;

impl<C> Amount<C> {
    /// No money.
    pub const ZERO: Amount<C> = Amount(0, PhantomData);

    /// From raw 10⁻⁸ units.
    pub const fn from_raw(raw: i64) -> Amount<C> {
        Amount(raw, PhantomData)
    }
    /// From whole units; `None` beyond ±92,233,720,368.
    pub const fn from_whole(whole: i64) -> Option<Amount<C>> {
        match whole.checked_mul(SCALE) {
            Some(raw) => Some(Amount(raw, PhantomData)),
            None => None,
        }
    }
    /// The raw 10⁻⁸ units.
    pub const fn raw(&self) -> i64 {
        self.0
    }
    /// Sum; `None` on overflow.
    pub const fn plus(&self, other: &Amount<C>) -> Option<Amount<C>> {
        match self.0.checked_add(other.0) {
            Some(raw) => Some(Amount(raw, PhantomData)),
            None => None,
        }
    }
    /// Difference; `None` on overflow.
    pub const fn minus(&self, other: &Amount<C>) -> Option<Amount<C>> {
        match self.0.checked_sub(other.0) {
            Some(raw) => Some(Amount(raw, PhantomData)),
            None => None,
        }
    }
    /// The same amount with the other sign, stopping at the ends of the range.
    pub const fn negated(&self) -> Amount<C> {
        Amount(self.0.saturating_neg(), PhantomData)
    }
    /// A part of this amount.
    pub fn portion(&self, part: Ppm, round: Round) -> Option<Amount<C>> {
        mul_div(self.0, part.0, Ppm::ONE.0, round).map(Amount::from_raw)
    }
    /// How many base coins this amount buys at `price`, rounded down.
    pub fn buys_at(&self, price: Price) -> Option<Qty> {
        mul_div(self.0, SCALE, price.0, Round::Down).and_then(Qty::from_raw)
    }
    /// What earning `self` for a `cost` gains, as a part of the cost, floored. `None` if cost ≤ 0.
    pub fn edge_over(&self, cost: &Amount<C>) -> Option<Ppm> {
        if cost.0 <= 0 {
            return None;
        }
        let gain = i128::from(self.0) - i128::from(cost.0);
        Some(Ppm::saturating((gain * i128::from(Ppm::ONE.0)).div_euclid(i128::from(cost.0))))
    }
    /// This amount as a part of a positive `whole`, floored. `None` if whole ≤ 0.
    pub fn part_of(&self, whole: &Amount<C>) -> Option<Ppm> {
        if whole.0 <= 0 {
            return None;
        }
        let part = i128::from(self.0) * i128::from(Ppm::ONE.0);
        Some(Ppm::saturating(part.div_euclid(i128::from(whole.0))))
    }
}

impl Usdt {
    /// These tether in won at `rate` (KRW per USDT). Proceeds convert at the bid rounded down,
    /// costs at the ask rounded up.
    pub fn to_krw(&self, rate: Price, round: Round) -> Option<Krw> {
        mul_div(self.0, rate.0, SCALE, round).map(Amount::from_raw)
    }
}

impl<C> Default for Amount<C> {
    fn default() -> Self {
        Amount(0, PhantomData)
    }
}

impl<C> fmt::Debug for Amount<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Parts per million: 10,000 ppm = 1 %, 100 ppm = 1 basis point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Ppm(i64);

impl Ppm {
    /// The whole: 1,000,000 parts.
    pub const ONE: Ppm = Ppm(1_000_000);
    /// Zero.
    pub const ZERO: Ppm = Ppm(0);
    /// The largest value.
    pub const MAX: Ppm = Ppm(i64::MAX);

    /// From a number of parts.
    pub const fn new(parts: i64) -> Ppm {
        Ppm(parts)
    }
    /// The number of parts.
    pub const fn get(self) -> i64 {
        self.0
    }
    /// From a wide number, stopping at the ends of the range.
    pub const fn saturating(parts: i128) -> Ppm {
        if parts > i64::MAX as i128 {
            Ppm(i64::MAX)
        } else if parts < i64::MIN as i128 {
            Ppm(i64::MIN)
        } else {
            Ppm(parts as i64)
        }
    }
    /// Sum, stopping at the ends of the range.
    pub const fn plus(self, other: Ppm) -> Ppm {
        Ppm(self.0.saturating_add(other.0))
    }
    /// The same part with the other sign.
    pub const fn negated(self) -> Ppm {
        Ppm(self.0.saturating_neg())
    }
}

/// Writes raw 10⁻⁸ units as a plain decimal without trailing zeros: `61837.63`, `-0.5`, `3`.
pub struct Plain(pub i64);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, mut part) = (size / SCALE as u64, size % SCALE as u64);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let mut width = 8;
        while part % 10 == 0 {
            part /= 10;
            width -= 1;
        }
        write!(f, "{sign}{whole}.{part:0width$}")
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(self.0).fmt(f)
    }
}

impl fmt::Display for Qty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(self.0).fmt(f)
    }
}

impl fmt::Display for SignedQty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(self.0).fmt(f)
    }
}

impl<C> fmt::Display for Amount<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_rounds_the_way_it_is_told_also_below_zero() {
        assert_eq!(mul_div(1, 1, 2, Round::Down), Some(0));
        assert_eq!(mul_div(1, 1, 2, Round::Up), Some(1));
        assert_eq!(mul_div(-1, 1, 2, Round::Down), Some(-1));
        assert_eq!(mul_div(-1, 1, 2, Round::Up), Some(0));
        assert_eq!(mul_div(4, 1, 2, Round::Up), Some(2));
        assert_eq!(mul_div(i64::MAX, 2, 1, Round::Down), None);
        assert_eq!(mul_div(1, 1, 0, Round::Down), None);
    }

    #[test]
    fn an_edge_is_floored_and_needs_a_positive_cost() {
        let cost = Krw::from_raw(3);
        assert_eq!(Krw::from_raw(4).edge_over(&cost), Some(Ppm::new(333_333)));
        assert_eq!(Krw::from_raw(2).edge_over(&cost), Some(Ppm::new(-333_334)));
        assert_eq!(Krw::from_raw(2).edge_over(&Krw::ZERO), None);
    }

    #[test]
    fn plain_text_has_no_trailing_zeros() {
        assert_eq!(Plain(6_183_763_000_000).to_string(), "61837.63");
        assert_eq!(Plain(-50_000_000).to_string(), "-0.5");
        assert_eq!(Plain(300_000_000).to_string(), "3");
        assert_eq!(Plain(1).to_string(), "0.00000001");
    }
}
