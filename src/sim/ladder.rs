//! Both sides of one synthetic book: spread, ladder and sizes around a fair price.
//!
//! A side remembers its sizes and gaps and redraws a few of them for each image, so neighbouring
//! images resemble each other. Sizes are a heavy-tailed mixture. Some images have a thin best level
//! with a gap behind it, and now and then one side is nearly emptied for a few seconds: an order
//! that was decided before meets them after its latency and fills in part.

use crate::sim::path::ONE_PPB;
use crate::sim::plan::BookPlan;
use crate::sim::plan::START_FX_RAW;
use crate::sim::plan::is_fx;
use crate::sim::plan::start_price_raw;
use crate::sim::rng::Dice;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::market::Instrument;
use crate::types::market::Level;
use crate::types::market::Levels;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::market::TickTable;
use crate::types::time::DurNs;
use crate::types::time::NS_PER_SEC;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::SCALE;
use crate::types::units::mul_div;

/// Levels a side of a venue that sends whole books (Upbit's default 15 units).
const WHOLE_BOOK_LEVELS: usize = 15;
/// Levels a side of the others.
const DEPTH_LEVELS: usize = 20;
/// Levels redrawn per side and image.
const CHURN: usize = 3;
/// Mean gap between two levels beyond the one tick that there always is, ppm of the price.
const GAP_PPM: i64 = 12;
/// Deviation of a book's own wobble around the fair price, per image; half of it stays.
const WOBBLE_PPB: i64 = 20_000;
/// Widest half-spread: quiet books are tight, hot ones wide, none is absurd.
const HALF_SPREAD_LIMIT_PPB: i64 = 2_000_000;
/// The gap behind a thin best level, ppm: from there on, and how much more at most. Beyond the
/// engine's slippage tolerance of 0.2 % an IOC order ends in part.
const THIN_GAP_PPM: i64 = 500;
const THIN_GAP_ROOM_PPM: u64 = 2_500;
/// Value of a thin best level, KRW: from, and how much more at most. Below one default position.
const THIN_VALUE_KRW: i64 = 2_000;
const THIN_VALUE_ROOM_KRW: u64 = 90_000;
/// In an emptied side each level keeps this part of its size (a binary shift).
const HOLE_SHIFT: u32 = 10;
/// An emptied side lasts this long at least, and how much longer at most.
const HOLE: DurNs = DurNs::from_ms(500);
const HOLE_ROOM: DurNs = DurNs::from_ms(2_500);
/// The FX book is this many times deeper.
const FX_DEPTH: i64 = 10;

const _: () = assert!(DEPTH_LEVELS <= limit::TOP_LEVELS, "a ladder fits a published top");
const _: () = assert!(WHOLE_BOOK_LEVELS <= limit::TOP_LEVELS, "a ladder fits a published top");

/// Where the fair price stands and how nervous the market is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fair {
    /// Fair price, quote × 10⁻⁸, > 0.
    pub price_raw: i64,
    /// Volatility in ppm of its average.
    pub volatility_ppm: i64,
}

/// The state behind one book's images.
#[derive(Clone, Debug)]
pub struct Shape {
    dice: Dice,
    ticks: TickTable,
    lot_raw: i64,
    level_qty_raw: i64,
    level_krw: i64,
    half_spread_ppb: i64,
    wobble_ppb: i64,
    thin_ppm: u32,
    hole_every: u64,
    hole_least: u64,
    hole_room: u64,
    hole: Option<Hole>,
    bids: [Rung; DEPTH_LEVELS],
    asks: [Rung; DEPTH_LEVELS],
    depth: usize,
}

impl Shape {
    /// A full book of `instrument`; `images_per_second` turns times into numbers of images.
    pub fn new(
        plan: &BookPlan,
        instrument: &Instrument,
        images_per_second: u32,
        dice: Dice,
    ) -> Shape {
        let krw_per_coin = krw_per_coin_raw(instrument);
        let fx = is_fx(instrument);
        let half_spread_ppm = match instrument.quote {
            Quote::Krw => i64::from(plan.spread_ppm) / 2,
            Quote::Usdt => i64::from(plan.spread_ppm) / 8,
        };
        let value_raw = plan.level_value.raw();
        let level_qty = mul_div(value_raw, SCALE, krw_per_coin, Round::Up).unwrap_or(SCALE);
        let mut shape = Shape {
            dice,
            ticks: instrument.ticks.clone(),
            lot_raw: instrument.lot.raw().max(1),
            level_qty_raw: if fx { level_qty * FX_DEPTH } else { level_qty },
            level_krw: value_raw / SCALE,
            half_spread_ppb: half_spread_ppm * 1_000,
            wobble_ppb: 0,
            thin_ppm: if fx { 0 } else { plan.thin_ppm },
            hole_every: if fx { 0 } else { images(plan.hole_every, images_per_second) },
            hole_least: images(HOLE, images_per_second),
            hole_room: images(HOLE_ROOM, images_per_second),
            hole: None,
            bids: [Rung::default(); DEPTH_LEVELS],
            asks: [Rung::default(); DEPTH_LEVELS],
            depth: if instrument.whole_book_feed { WHOLE_BOOK_LEVELS } else { DEPTH_LEVELS },
        };
        let fair = Fair { price_raw: start_price_raw(instrument), volatility_ppm: 1_000_000 };
        let typical = shape.typical(fair);
        for index in 0..DEPTH_LEVELS {
            shape.bids[index] = shape.draw_rung(typical);
            shape.asks[index] = shape.draw_rung(typical);
        }
        shape
    }
    /// Draws the next image around the fair price into both sides of `top`. Never empty, never
    /// crossed, sorted, on the tick grid. No allocation.
    pub fn draw(&mut self, fair: Fair, top: &mut BookTop) {
        self.churn(fair);
        self.open_or_close_hole();
        let (bid_raw, ask_raw) = self.best_prices(fair);
        let (thin_bid, thin_ask) = (self.thin_level(bid_raw), self.thin_level(ask_raw));
        let bids = self.face(Side::Buy, bid_raw, thin_bid);
        bids.write(&self.bids[..self.depth], &mut top.bids);
        let asks = self.face(Side::Sell, ask_raw, thin_ask);
        asks.write(&self.asks[..self.depth], &mut top.asks);
    }
    fn churn(&mut self, fair: Fair) {
        let typical = self.typical(fair);
        for _ in 0..CHURN {
            let slot = self.dice.below(self.depth as u64) as usize;
            self.bids[slot] = self.draw_rung(typical);
            let slot = self.dice.below(self.depth as u64) as usize;
            self.asks[slot] = self.draw_rung(typical);
        }
    }
    /// Means of what a level draws. In a hot market less is quoted.
    fn typical(&self, fair: Fair) -> Rung {
        let heat_ppm = fair.volatility_ppm.max(1_000_000);
        let qty = mul_div(self.level_qty_raw, 1_000_000, heat_ppm, Round::Up);
        Rung { qty_raw: qty.unwrap_or(1), gap_raw: fair.price_raw / 1_000_000 * GAP_PPM }
    }
    /// Mostly around the typical size; one in sixteen eight times that, one in sixteen dust.
    fn draw_rung(&mut self, typical: Rung) -> Rung {
        let drawn = self.dice.exponential(typical.qty_raw as u64) as i64 + typical.qty_raw / 16;
        let qty_raw = match self.dice.below(16) {
            0 => drawn * 8,
            1 => drawn / 16,
            _ => drawn,
        };
        Rung { qty_raw, gap_raw: self.dice.exponential(typical.gap_raw as u64) as i64 }
    }
    fn open_or_close_hole(&mut self) {
        self.hole = match self.hole {
            Some(Hole { images_left: 0, .. }) => None,
            Some(hole) => Some(Hole { images_left: hole.images_left - 1, ..hole }),
            None if self.dice.once_in(self.hole_every) => {
                let side = if self.dice.below(2) == 0 { Side::Buy } else { Side::Sell };
                let images_left = self.hole_least + self.dice.below(self.hole_room);
                Some(Hole { side, images_left })
            }
            None => None,
        };
    }
    /// Best bid and best ask on their grid, in this order; the ask is at least a tick higher.
    fn best_prices(&mut self, fair: Fair) -> (i64, i64) {
        self.wobble_ppb = self.wobble_ppb / 2 + self.dice.shock().of_deviation(WOBBLE_PPB);
        let mid = fair.price_raw + part_of(fair.price_raw, self.wobble_ppb);
        let drawn = self.dice.exponential(self.half_spread_ppb as u64) as i64;
        let calm_ppb = (self.half_spread_ppb + drawn) / 2;
        let half_ppb = (calm_ppb * fair.volatility_ppm / 1_000_000).min(HALF_SPREAD_LIMIT_PPB);
        let half = part_of(mid, half_ppb);
        let bid = floor_to_grid(&self.ticks, mid - half);
        let ask = ceil_to_grid(&self.ticks, mid + half);
        (bid, ask.max(ceil_to_grid(&self.ticks, bid + 1)))
    }
    /// Sometimes: a best level below an order's size, with a gap behind it.
    fn thin_level(&mut self, best_raw: i64) -> Option<Rung> {
        self.dice.chance_ppm(self.thin_ppm).then(|| {
            let krw = THIN_VALUE_KRW + self.dice.below(THIN_VALUE_ROOM_KRW) as i64;
            let gap_ppm = THIN_GAP_PPM + self.dice.below(THIN_GAP_ROOM_PPM) as i64;
            let qty = mul_div(self.level_qty_raw, krw, self.level_krw, Round::Up);
            Rung { qty_raw: qty.unwrap_or(0), gap_raw: best_raw / 1_000_000 * gap_ppm }
        })
    }
    /// How one side of this image is written. Bids are where a buyer rests.
    fn face(&self, resting: Side, best_raw: i64, thin: Option<Rung>) -> Face<'_> {
        let emptied = self.hole.is_some_and(|hole| hole.side == resting);
        let shift = if emptied { HOLE_SHIFT } else { 0 };
        Face { ticks: &self.ticks, lot_raw: self.lot_raw, resting, best_raw, thin, shift }
    }
}

/// One level: its size, and how far beyond one tick the next level lies behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Rung {
    qty_raw: i64,
    gap_raw: i64,
}

/// A side that is nearly emptied.
#[derive(Clone, Copy, Debug)]
struct Hole {
    side: Side,
    images_left: u64,
}

/// How one side of one image is to be written.
struct Face<'a> {
    ticks: &'a TickTable,
    lot_raw: i64,
    resting: Side,
    best_raw: i64,
    thin: Option<Rung>,
    shift: u32,
}

impl Face<'_> {
    fn write(&self, rungs: &[Rung], levels: &mut Levels) {
        levels.clear();
        let mut price_raw = self.best_raw;
        for (place, rung) in rungs.iter().enumerate() {
            let rung = if place == 0 { self.thin.unwrap_or(*rung) } else { *rung };
            let wanted = rung.qty_raw >> self.shift;
            let qty_raw = (wanted - wanted % self.lot_raw).max(self.lot_raw);
            // Only a price that has run out of grid below ends a side early.
            let (Some(price), Some(qty)) = (Price::from_raw(price_raw), Qty::from_raw(qty_raw))
            else {
                return;
            };
            levels.push(Level { price, qty });
            price_raw = match self.resting {
                Side::Buy => floor_to_grid(self.ticks, price_raw - 1 - rung.gap_raw),
                Side::Sell => ceil_to_grid(self.ticks, price_raw + 1 + rung.gap_raw),
            };
        }
    }
}

/// Won for one coin at the start, × 10⁻⁸.
fn krw_per_coin_raw(instrument: &Instrument) -> i64 {
    let start = start_price_raw(instrument);
    match instrument.quote {
        Quote::Krw => start,
        Quote::Usdt => start * (START_FX_RAW / SCALE),
    }
}

/// How many images a time span holds, at least 1.
fn images(span: DurNs, per_second: u32) -> u64 {
    let count = u128::from(span.0) * u128::from(per_second) / u128::from(NS_PER_SEC);
    u64::try_from(count).unwrap_or(u64::MAX).max(1)
}

fn part_of(raw: i64, part_ppb: i64) -> i64 {
    mul_div(raw, part_ppb, ONE_PPB, Round::Down).unwrap_or(0)
}

/// The highest price on the grid at or below `raw`; 0 when there is none.
fn floor_to_grid(ticks: &TickTable, raw: i64) -> i64 {
    let Some(price) = Price::from_raw(raw) else {
        return 0;
    };
    raw - raw % ticks.tick_at(price)
}

/// The lowest price on the grid at or above `raw`. Rounding up may enter the next band, whose
/// coarser grid then has the last word.
fn ceil_to_grid(ticks: &TickTable, raw: i64) -> i64 {
    let mut raised = raw.max(1);
    while let Some(price) = Price::from_raw(raised) {
        let beyond = raised % ticks.tick_at(price);
        if beyond == 0 {
            break;
        }
        raised += ticks.tick_at(price) - beyond;
    }
    raised
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::assert_valid;
    use crate::sim::fixture::binance;
    use crate::sim::fixture::plan;
    use crate::sim::fixture::upbit;
    use crate::sim::rng::StreamKey;
    use crate::types::ids::InstrumentId;

    fn shape(plan: &BookPlan, instrument: &Instrument) -> Shape {
        Shape::new(plan, instrument, 10, Dice::new(3, StreamKey::of(&["test"])))
    }

    fn value_krw(levels: &Levels) -> i128 {
        let raw = |l: &Level| i128::from(l.price.raw()) * i128::from(l.qty.raw());
        levels.iter().map(raw).sum::<i128>() / i128::from(SCALE) / i128::from(SCALE)
    }

    #[test]
    fn a_book_stays_valid_on_its_way_through_every_tick_band() {
        let plan = plan(1).books;
        for instrument in [upbit("BTC", 0), upbit("USDT", 1), binance("ETH", 2)] {
            let mut shape = shape(&plan, &instrument);
            let mut top = BookTop::empty(InstrumentId(0));
            let mut price_raw = 500 * SCALE;
            // Gaps drawn at the start price of the coin have to leave the book first.
            for _ in 0..500 {
                shape.draw(Fair { price_raw, volatility_ppm: 1_000_000 }, &mut top);
            }
            while price_raw < 3_000_000 * SCALE {
                shape.draw(Fair { price_raw, volatility_ppm: 1_000_000 }, &mut top);
                assert_valid(&top, &instrument);
                price_raw += price_raw / 1_000;
            }
        }
    }

    #[test]
    fn rounding_up_across_a_band_ends_on_the_coarser_grid() {
        let bands = [(0, 3), (100, 7)];
        let bands =
            bands.map(|(from_raw, tick_raw)| crate::types::market::TickBand { from_raw, tick_raw });
        let table = TickTable::banded(&bands).expect("a table");
        assert_eq!(ceil_to_grid(&table, 97), 99);
        assert_eq!(ceil_to_grid(&table, 99), 99);
        assert_eq!(ceil_to_grid(&table, 100), 105);
        assert_eq!(floor_to_grid(&table, 104), 98);
        assert_eq!(floor_to_grid(&table, 0), 0);
    }

    #[test]
    fn some_best_levels_are_smaller_than_a_default_position_with_a_gap_behind() {
        let plan = BookPlan { thin_ppm: 40_000, ..plan(1).books };
        let instrument = upbit("BTC", 0);
        let (mut shape, mut top) = (shape(&plan, &instrument), BookTop::empty(InstrumentId(0)));
        let fair = Fair { price_raw: start_price_raw(&instrument), volatility_ppm: 1_000_000 };
        let mut thin = 0;
        for _ in 0..10_000 {
            shape.draw(fair, &mut top);
            let first: Levels = top.asks[..1].iter().copied().collect();
            let gap = top.asks[1].price.distance_from(top.asks[0].price).get();
            thin += u32::from(value_krw(&first) < 100_000 && gap >= THIN_GAP_PPM);
        }
        assert!((250..550).contains(&thin), "{thin} of 10,000");
    }

    #[test]
    fn an_emptied_side_holds_less_than_the_engine_asks_for_and_fills_up_again() {
        const MIN_LIQUIDITY_KRW: i128 = 20_000_000;
        let plan = BookPlan { hole_every: DurNs::from_secs(60), ..plan(1).books };
        let instrument = upbit("BTC", 0);
        let (mut shape, mut top) = (shape(&plan, &instrument), BookTop::empty(InstrumentId(0)));
        let fair = Fair { price_raw: start_price_raw(&instrument), volatility_ppm: 1_000_000 };
        let mut empty = 0;
        for _ in 0..36_000 {
            shape.draw(fair, &mut top);
            let least = value_krw(&top.bids).min(value_krw(&top.asks));
            assert!(least > 0);
            empty += u32::from(least < MIN_LIQUIDITY_KRW / 20);
        }
        // An hour with a hole a minute of 17 images on average.
        assert!((500..2_000).contains(&empty), "{empty} of 36,000");
    }
}
