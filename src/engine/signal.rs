//! The signal: what a pair of opposite legs earns at size, net of fees, depth and FX.

use crate::engine::value::Leg;
use crate::engine::value::Walked;
use crate::engine::value::value_krw;
use crate::types::fact::FxRates;
use crate::types::ids::InstrumentId;
use crate::types::market::Instrument;
use crate::types::market::Level;
use crate::types::market::Quote;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;

/// Which way a route is traded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Direction {
    /// Buy on the KRW venue, sell on the USDT venue.
    BuyKrw,
    /// Buy on the USDT venue, sell on the KRW venue.
    BuyUsdt,
}

impl Direction {
    /// Both, in the order of their evaluation.
    pub const BOTH: [Direction; 2] = [Direction::BuyUsdt, Direction::BuyKrw];

    /// Index into per-direction tables.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// One KRW instrument against one USDT instrument of the same base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The KRW leg.
    pub krw: InstrumentId,
    /// The USDT leg.
    pub usdt: InstrumentId,
    /// The coarser of the two lots: every pair is a multiple of it.
    pub lot: Qty,
}

impl Route {
    /// Where a direction buys.
    pub const fn buy(&self, direction: Direction) -> InstrumentId {
        match direction {
            Direction::BuyKrw => self.krw,
            Direction::BuyUsdt => self.usdt,
        }
    }
    /// Where a direction sells.
    pub const fn sell(&self, direction: Direction) -> InstrumentId {
        match direction {
            Direction::BuyKrw => self.usdt,
            Direction::BuyUsdt => self.krw,
        }
    }
}

/// Every route that a table of instruments allows: same base, one quoted in KRW, one in USDT, on
/// two venues. The FX instrument itself (base USDT) is none.
pub fn routes(instruments: &[Instrument]) -> Vec<Route> {
    let mut found = Vec::new();
    for krw in instruments.iter().filter(|i| i.quote == Quote::Krw) {
        let mates = instruments.iter().filter(|usdt| {
            usdt.quote == Quote::Usdt && usdt.base == krw.base && usdt.venue != krw.venue
        });
        found.extend(mates.map(|usdt| Route {
            krw: krw.id,
            usdt: usdt.id,
            lot: krw.lot.max(usdt.lot),
        }));
    }
    found
}

/// Two opposite legs and the FX between them.
#[derive(Clone, Copy, Debug)]
pub struct Legs<'a> {
    /// The leg that buys.
    pub buy: Leg<'a>,
    /// The leg that sells.
    pub sell: Leg<'a>,
    /// KRW per USDT.
    pub fx: FxRates,
}

/// Both legs walked at one quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quoted {
    /// The quantity.
    pub qty: Qty,
    /// `(proceeds − cost) ÷ cost`, floored.
    pub edge: Ppm,
    /// What buying costs, fee and FX included.
    pub cost: Krw,
    /// What selling earns, fee and FX included.
    pub proceeds: Krw,
    /// The buying walk.
    pub buy: Walked,
    /// The selling walk.
    pub sell: Walked,
}

impl Legs<'_> {
    /// Both legs at `qty`. `None` if either ladder is too short or a product leaves the range.
    pub fn at(&self, qty: Qty) -> Option<Quoted> {
        let buy = self.buy.walk(qty)?;
        let sell = self.sell.walk(qty)?;
        let cost = value_krw(&self.buy, &buy, self.fx)?;
        let proceeds = value_krw(&self.sell, &sell, self.fx)?;
        let edge = proceeds.edge_over(&cost)?;
        Some(Quoted { qty, edge, cost, proceeds, buy, sell })
    }

    /// Edge between the two best levels: an upper bound of the edge at any size, one multiplication
    /// a side. `None` if a side is empty.
    pub fn best_edge(&self) -> Option<Ppm> {
        let (gain, cost) = self.best_gain()?;
        Some(Ppm::saturating(gain.div_euclid(cost)))
    }

    /// Whether [`Legs::best_edge`] lies below a threshold: what nearly every decision ends with. A
    /// multiplication in place of a 128-bit division. `None` as there.
    pub fn best_is_below(&self, threshold: Ppm) -> Option<bool> {
        let (gain, cost) = self.best_gain()?;
        Some(match cost.checked_mul(i128::from(threshold.get())) {
            Some(least) => gain < least,
            None => Ppm::saturating(gain.div_euclid(cost)) < threshold,
        })
    }

    /// Gain per coin between the two best levels, in millionths, and its cost, in a common unit.
    fn best_gain(&self) -> Option<(i128, i128)> {
        let buy = self.buy.ladder.best()?;
        let sell = self.sell.ladder.best()?;
        let (cost, proceeds) = (self.unit_cost(buy.price)?, self.unit_proceeds(sell.price)?);
        let gain = (proceeds - cost).checked_mul(i128::from(Ppm::ONE.get()))?;
        Some((gain, cost))
    }

    /// How much, at most `cap`, can be bought and sold while each further coin still gains.
    pub fn profitable_depth(&self, cap: Qty) -> Qty {
        let mut buys = self.buy.ladder.levels();
        let mut sells = self.sell.ladder.levels();
        let (mut buy, mut sell) = (buys.next(), sells.next());
        let mut total = Qty::ZERO;
        while let (Some(b), Some(s)) = (buy, sell) {
            if !self.gains(b, s) {
                break;
            }
            let step = b.qty.min(s.qty).min(cap.minus(total));
            total = total.plus(step).unwrap_or(cap);
            if total >= cap {
                return cap;
            }
            buy = shrunk(b, step).or_else(|| buys.next());
            sell = shrunk(s, step).or_else(|| sells.next());
        }
        total
    }

    fn gains(&self, buy: Level, sell: Level) -> bool {
        let pair = (self.unit_cost(buy.price), self.unit_proceeds(sell.price));
        matches!(pair, (Some(cost), Some(proceeds)) if proceeds > cost)
    }

    /// Cost of one coin in a common unit: price × fee factor × rate, not divided back. Fits:
    /// 2⁶³ × 2²⁰ × 2⁴³ for rates up to 80,000 KRW; checked all the same.
    fn unit_cost(&self, price: Price) -> Option<i128> {
        let leg = self.buy.instrument;
        let factor = i128::from(Ppm::ONE.get() + leg.fee.get());
        i128::from(price.raw()).checked_mul(factor)?.checked_mul(unit_rate(leg, self.fx.ask))
    }

    fn unit_proceeds(&self, price: Price) -> Option<i128> {
        let leg = self.sell.instrument;
        let factor = i128::from(Ppm::ONE.get() - leg.fee.get());
        i128::from(price.raw()).checked_mul(factor)?.checked_mul(unit_rate(leg, self.fx.bid))
    }
}

/// What remains of a level after `taken` of it is gone; `None` if nothing does.
fn shrunk(level: Level, taken: Qty) -> Option<Level> {
    let qty = level.qty.minus(taken);
    if qty.is_zero() { None } else { Some(Level { price: level.price, qty }) }
}

/// KRW × 10⁻⁸ per unit of the leg's quote currency.
fn unit_rate(instrument: &Instrument, rate: Price) -> i128 {
    match instrument.quote {
        Quote::Krw => i128::from(crate::types::units::SCALE),
        Quote::Usdt => i128::from(rate.raw()),
    }
}
