//! What the synthetic market is made from, and why a plan is refused.

use crate::types::ids::Asset;
use crate::types::ids::InstrumentName;
use crate::types::limit;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::units::Krw;
use crate::types::units::Price;
use crate::types::units::SCALE;

/// KRW per USDT at the start, won × 10⁻⁸.
pub const START_FX_RAW: i64 = 1_390 * SCALE;
/// Fastest rate of one book: one image a millisecond.
pub const MAX_UPDATES_PER_SECOND: u32 = 1_000;
/// A price grid coarser than this part of the start price makes no usable book.
const FEWEST_TICKS_IN_A_PRICE: i64 = 100;
/// Largest setting that is a part of a price, in ppm: 10 %.
const LARGEST_PART_PPM: u32 = 100_000;
/// Shorter half-lives and mean times have no meaning at ten steps a second.
const SHORTEST_TIME: DurNs = DurNs::from_secs(1);
/// A connection that stands still longer than this is a fault, not a stall.
const LONGEST_STALL: DurNs = DurNs::from_secs(60);

/// Everything the market depends on. The same plan always gives the same images.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarketPlan {
    /// Seed of every stream.
    pub seed: u64,
    /// Images of one book per second, 1 to [`MAX_UPDATES_PER_SECOND`].
    pub updates_per_second: u32,
    /// The run's table: one KRW and one USDT instrument at least for each base, and `USDT-KRW`.
    pub instruments: Vec<Instrument>,
    /// When the market begins.
    pub start: MonoNs,
    /// How mids, premium and FX move.
    pub paths: PathPlan,
    /// What the books look like.
    pub books: BookPlan,
    /// How images travel.
    pub transport: TransportPlan,
}

/// Movement of the factors that all venues share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPlan {
    /// Deviation of a coin's USDT price after one hour at average volatility.
    pub volatility_ppm: u32,
    /// Mean time between leaps of all coins.
    pub leap_every: DurNs,
    /// Largest leap; the smallest is a quarter of it.
    pub leap_ppm: u32,
    /// Deviation of the part of the premium that comes and goes within minutes.
    pub premium_ppm: u32,
    /// Its half-life.
    pub premium_half_life: DurNs,
    /// Deviation of the part of the premium that stays for hours.
    pub lean_ppm: u32,
    /// Its half-life.
    pub lean_half_life: DurNs,
    /// Mean time between premium bursts of one coin.
    pub burst_every: DurNs,
    /// Highest peak of a burst; the lowest is two fifths of it.
    pub burst_ppm: u32,
    /// Deviation of KRW per USDT.
    pub fx_ppm: u32,
    /// Its half-life.
    pub fx_half_life: DurNs,
}

/// Shape of the books.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookPlan {
    /// Typical spread of a KRW book before its tick grid widens it; USDT books have a quarter.
    pub spread_ppm: u32,
    /// Depth scale: typical value of one level.
    pub level_value: Krw,
    /// Part of the images whose best level is thin and followed by a gap, per side.
    pub thin_ppm: u32,
    /// Mean time between moments in which one side of a book is nearly emptied.
    pub hole_every: DurNs,
}

/// Way of an image from venue to us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransportPlan {
    /// The fastest image.
    pub latency_min: DurNs,
    /// Mean, at least the minimum.
    pub latency_mean: DurNs,
    /// Mean time between stalls of a venue's connection while the market is calm; what was held
    /// back then arrives at once. The default is rare: with cycles of a minute each leaves five
    /// minutes of WARN, of which a clean soak may have 1 %.
    pub stall_every: DurNs,
    /// Longest stall; the shortest is two fifths of it. The default stays below the 2 s at which
    /// `ws_lag_ms` is an ERROR (`PRODUCT.md` 6): a market without faults must not cause one.
    pub stall_max: DurNs,
}

/// Why there is no such market.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// Rate out of range.
    #[error("mock.updates_per_second: {0} is not in 1 to 1000; set a rate in that range")]
    Rate(u32),
    /// A setting that is a part of a price is too large.
    #[error("mock: {name} is {ppm} ppm; set at most 100000 (10 %)")]
    TooLarge {
        /// The field.
        name: &'static str,
        /// Its value.
        ppm: u32,
    },
    /// A duration or the level value is not in range.
    #[error(
        "mock: {0} is out of range; set half-lives and mean times to at least 1 s, stall_max to at \
         most 60 s, level_value to 1,000 to 10,000,000,000 KRW"
    )]
    OutOfRange(&'static str),
    /// Mean latency below the minimum, or latency above a second.
    #[error("mock: latency_mean must lie between latency_min and 1 s; raise it or lower the other")]
    Latency,
    /// More instruments than a run may have.
    #[error("mock: {0} instruments; a run holds at most 32, remove some")]
    TooMany(usize),
    /// No FX book.
    #[error("mock: no instrument USDT-KRW; add it, without it nothing is comparable")]
    NoFx,
    /// A coin that has only one side.
    #[error("mock: {0} needs one instrument in KRW and one in USDT; add the other or remove it")]
    OneSided(Asset),
    /// Ticks too coarse for the synthetic price.
    #[error("mock: the tick of {0} is too coarse for its synthetic price; correct `instruments`")]
    CoarseTick(InstrumentName),
    /// None of the venues has an instrument.
    #[error("mock: no instrument on the venues asked for; name a venue that `instruments` uses")]
    NoBooks,
}

impl MarketPlan {
    /// The market of the shipped configuration, beginning at zero. Premium and bursts are chosen so
    /// that 72 hours at the engine's default limits hold entries and every kind of exit.
    pub fn of(instruments: Vec<Instrument>, seed: u64) -> MarketPlan {
        const HOUR: u64 = 3_600;
        MarketPlan {
            seed,
            updates_per_second: 10,
            instruments,
            start: MonoNs(0),
            paths: PathPlan {
                volatility_ppm: 6_400, // 60 % a year
                leap_every: DurNs::from_secs(6 * HOUR),
                leap_ppm: 12_000,
                premium_ppm: 2_900,
                premium_half_life: DurNs::from_secs(600),
                lean_ppm: 2_000,
                lean_half_life: DurNs::from_secs(3 * HOUR),
                burst_every: DurNs::from_secs(5 * HOUR),
                burst_ppm: 25_000,
                fx_ppm: 3_000,
                fx_half_life: DurNs::from_secs(6 * HOUR),
            },
            books: BookPlan {
                spread_ppm: 60,
                level_value: Krw::from_raw(3_000_000 * SCALE),
                thin_ppm: 40_000,
                hole_every: DurNs::from_secs(1_200),
            },
            transport: TransportPlan {
                latency_min: DurNs::from_ms(5),
                latency_mean: DurNs::from_ms(20),
                stall_every: DurNs::from_secs(96 * HOUR),
                stall_max: DurNs::from_ms(1_500),
            },
        }
    }
    /// Each coin that has a KRW and a USDT instrument, in the order of the table.
    ///
    /// # Errors
    /// [`PlanError`]: the first thing that makes the plan unusable.
    pub fn check(&self) -> Result<Vec<Asset>, PlanError> {
        self.check_settings()?;
        if self.instruments.len() > limit::INSTRUMENTS {
            return Err(PlanError::TooMany(self.instruments.len()));
        }
        if !self.instruments.iter().any(is_fx) {
            return Err(PlanError::NoFx);
        }
        let mut bases = Vec::new();
        for instrument in &self.instruments {
            self.check_instrument(instrument)?;
            if !is_fx(instrument) && !bases.contains(&instrument.base) {
                bases.push(instrument.base);
            }
        }
        Ok(bases)
    }
    fn check_settings(&self) -> Result<(), PlanError> {
        if !(1..=MAX_UPDATES_PER_SECOND).contains(&self.updates_per_second) {
            return Err(PlanError::Rate(self.updates_per_second));
        }
        self.check_parts()?;
        self.check_times()?;
        if !(1_000 * SCALE..=10_000_000_000 * SCALE).contains(&self.books.level_value.raw()) {
            return Err(PlanError::OutOfRange("level_value"));
        }
        let transport = &self.transport;
        if transport.stall_max > LONGEST_STALL {
            return Err(PlanError::OutOfRange("stall_max"));
        }
        let latency = transport.latency_min..=DurNs::from_secs(1);
        if latency.contains(&transport.latency_mean) { Ok(()) } else { Err(PlanError::Latency) }
    }
    fn check_parts(&self) -> Result<(), PlanError> {
        let (paths, books) = (&self.paths, &self.books);
        let parts = [
            ("volatility_ppm", paths.volatility_ppm),
            ("leap_ppm", paths.leap_ppm),
            ("premium_ppm", paths.premium_ppm),
            ("lean_ppm", paths.lean_ppm),
            ("burst_ppm", paths.burst_ppm),
            ("fx_ppm", paths.fx_ppm),
            ("spread_ppm", books.spread_ppm),
            ("thin_ppm", books.thin_ppm),
        ];
        let found = parts.into_iter().find(|(_, ppm)| *ppm > LARGEST_PART_PPM);
        found.map_or(Ok(()), |(name, ppm)| Err(PlanError::TooLarge { name, ppm }))
    }
    fn check_times(&self) -> Result<(), PlanError> {
        let paths = &self.paths;
        let times = [
            ("leap_every", paths.leap_every),
            ("premium_half_life", paths.premium_half_life),
            ("lean_half_life", paths.lean_half_life),
            ("burst_every", paths.burst_every),
            ("fx_half_life", paths.fx_half_life),
            ("hole_every", self.books.hole_every),
            ("stall_every", self.transport.stall_every),
        ];
        let found = times.into_iter().find(|(_, time)| *time < SHORTEST_TIME);
        found.map_or(Ok(()), |(name, _)| Err(PlanError::OutOfRange(name)))
    }
    fn check_instrument(&self, instrument: &Instrument) -> Result<(), PlanError> {
        let paired =
            |quote| self.instruments.iter().any(|i| i.base == instrument.base && i.quote == quote);
        if !(is_fx(instrument) || paired(Quote::Krw) && paired(Quote::Usdt)) {
            return Err(PlanError::OneSided(instrument.base));
        }
        let start = start_price_raw(instrument);
        let tick = Price::from_raw(start).map_or(start, |price| instrument.ticks.tick_at(price));
        if start / tick < FEWEST_TICKS_IN_A_PRICE {
            return Err(PlanError::CoarseTick(instrument.name));
        }
        Ok(())
    }
}

/// True for the instrument that turns USDT into KRW.
pub fn is_fx(instrument: &Instrument) -> bool {
    instrument.base.as_str() == "USDT" && instrument.quote == Quote::Krw
}

/// Synthetic price of a coin at the start, USDT × 10⁻⁸: about that of 2024-08 for coins that are
/// known here, 10 USDT for any other.
pub fn start_usdt_raw(base: &Asset) -> i64 {
    match base.as_str() {
        "BTC" => 61_000 * SCALE,
        "ETH" => 2_600 * SCALE,
        "SOL" => 150 * SCALE,
        "XRP" => 6 * SCALE / 10,
        "DOGE" => SCALE / 10,
        _ => 10 * SCALE,
    }
}

/// Synthetic price of an instrument at the start, in its own quote × 10⁻⁸.
pub fn start_price_raw(instrument: &Instrument) -> i64 {
    match (is_fx(instrument), instrument.quote) {
        (true, _) => START_FX_RAW,
        (false, Quote::Usdt) => start_usdt_raw(&instrument.base),
        (false, Quote::Krw) => start_usdt_raw(&instrument.base) * (START_FX_RAW / SCALE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::plan;
    use crate::sim::fixture::upbit;
    use crate::sim::market::Market;
    use crate::types::ids::VenueId;

    /// What a change to the default plan makes of it.
    fn refusal(change: impl FnOnce(&mut MarketPlan)) -> Option<PlanError> {
        let mut plan = plan(1);
        change(&mut plan);
        Market::new(&plan, &VenueId::ALL).err()
    }

    #[test]
    fn the_default_plan_is_usable_and_names_its_coins() {
        let bases = plan(1).check().expect("usable");
        assert_eq!(bases.iter().map(|base| base.as_str()).collect::<Vec<_>>(), ["BTC", "ETH"]);
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        assert_eq!(refusal(|p| p.updates_per_second = 0), Some(PlanError::Rate(0)));
        assert_eq!(refusal(|p| p.updates_per_second = 1_001), Some(PlanError::Rate(1_001)));
        let too_large = PlanError::TooLarge { name: "premium_ppm", ppm: 100_001 };
        assert_eq!(refusal(|p| p.paths.premium_ppm = 100_001), Some(too_large));
        let zero = refusal(|p| p.paths.burst_every = DurNs(0));
        assert_eq!(zero, Some(PlanError::OutOfRange("burst_every")));
        let value = refusal(|p| p.books.level_value = Krw::ZERO);
        assert_eq!(value, Some(PlanError::OutOfRange("level_value")));
        let stall = refusal(|p| p.transport.stall_max = DurNs::from_secs(61));
        assert_eq!(stall, Some(PlanError::OutOfRange("stall_max")));
        let latency = refusal(|p| p.transport.latency_mean = DurNs::from_ms(1));
        assert_eq!(latency, Some(PlanError::Latency));
    }

    #[test]
    fn an_instrument_table_without_its_counterparts_is_refused_by_name() {
        let no_fx = refusal(|p| p.instruments.retain(|instrument| !is_fx(instrument)));
        assert_eq!(no_fx, Some(PlanError::NoFx));
        let one_sided = refusal(|p| p.instruments.truncate(4));
        assert!(matches!(one_sided, Some(PlanError::OneSided(base)) if base.as_str() == "ETH"));
        let too_many = refusal(|p| p.instruments = vec![upbit("USDT", 0); 33]);
        assert_eq!(too_many, Some(PlanError::TooMany(33)));
        let tick = crate::types::market::TickTable::fixed(100 * SCALE).expect("a tick");
        let coarse = refusal(|p| p.instruments[2].ticks = tick);
        assert!(matches!(coarse, Some(PlanError::CoarseTick(name)) if name.as_str() == "USDT-KRW"));
        assert_eq!(Market::new(&plan(1), &[]).err(), Some(PlanError::NoBooks));
    }

    #[test]
    fn the_largest_allowed_settings_still_give_a_market() {
        let mut plan = plan(1);
        let paths = &mut plan.paths;
        paths.volatility_ppm = LARGEST_PART_PPM;
        paths.leap_every = DurNs::from_secs(1);
        paths.burst_every = DurNs::from_secs(1);
        for part in [&mut paths.premium_ppm, &mut paths.lean_ppm, &mut paths.fx_ppm] {
            *part = LARGEST_PART_PPM;
        }
        plan.books.spread_ppm = LARGEST_PART_PPM;
        plan.books.level_value = Krw::from_raw(10_000_000_000 * SCALE);
        let mut market = Market::new(&plan, &VenueId::ALL).expect("usable");
        for _ in 0..50_000 {
            let top = market.next_image();
            assert!(top.bids[0].price < top.asks[0].price);
        }
    }
}
