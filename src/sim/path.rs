//! The factors that all venues share: coin prices in USDT, KRW premium of each coin, FX rate.
//!
//! Synthetic. They advance in steps of 100 ms that depend on the seed and the step alone, so every
//! venue's feed simulates them by itself and all agree without talking. Values are deviations from
//! the start in parts per billion (ppb).
//!
//! 1. Coin price: a random walk pulled back over weeks, correlated 0.64 between coins; volatility
//!    comes in clusters (heat that rises at random and cools down), and now and then all leap.
//! 2. Premium, KRW price against USDT price × FX: a part that reverts within minutes, a lean that
//!    lasts for hours, and bursts that first widen and then revert.
//! 3. FX: slow and mean-reverting.

use crate::sim::plan::MarketPlan;
use crate::sim::plan::PathPlan;
use crate::sim::plan::START_FX_RAW;
use crate::sim::plan::start_usdt_raw;
use crate::sim::rng::Dice;
use crate::sim::rng::Shock;
use crate::sim::rng::StreamKey;
use crate::types::ids::Asset;
use crate::types::time::DurNs;
use crate::types::units::Round;
use crate::types::units::SCALE;
use crate::types::units::mul_div;

/// Length of a step.
pub const STEP: DurNs = DurNs::from_ms(100);
/// One, in parts per billion.
pub const ONE_PPB: i64 = 1_000_000_000;

const PPB_PER_PPM: i64 = 1_000;
/// ln 2 in ppb: what a half-life of one step would be pulled back per step.
const LN_2_PPB: i64 = 693_147_181;
/// √36,000 steps: an hour's deviation over a step's.
const STEPS_PER_HOUR_ROOT: i64 = 190;
/// A week: long enough to look like a free walk, short enough to hold prices near their start.
const WALK_HALF_LIFE: DurNs = DurNs::from_secs(7 * 86_400);
/// No coin leaves half to one and a half times its start.
const WALK_LIMIT_PPB: i64 = ONE_PPB / 2;
/// Volatility without heat, in ppm of average. With the heat below the mean square is one.
const COLD_PPM: i64 = 500_000;
/// Mean rise of heat, how often it rises, and how fast it cools.
const HEAT_RISE_PPM: u64 = 750_000;
const HEAT_EVERY: DurNs = DurNs::from_secs(2_700);
const HEAT_HALF_LIFE: DurNs = DurNs::from_secs(900);
/// Heat is bounded: volatility never exceeds 4.5 times its average.
const HEAT_LIMIT_PPM: i64 = 4_000_000;
/// A burst's source fades with a time constant of 400 s, its premium follows within 90 s.
const BURST_FADE_STEPS: i64 = 4_000;
const BURST_FOLLOW_STEPS: i64 = 900;
/// With those two the premium peaks at 0.649 of what the source started with.
const BURST_SOURCE_PER_PEAK_PCT: i64 = 154;
/// While a source stands above this, everybody trades and connections suffer.
const BUSY_SOURCE_PPB: i64 = 10_000_000;
/// Lowest peak in parts of the highest.
const BURST_LOWEST_PCT: u64 = 40;
/// Where the premium ends: fees added, no edge comes near the engine's collar of 5 %.
const PREMIUM_LIMIT_PPB: i64 = 42_000_000;

/// Whose fair price is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Factor {
    /// KRW per USDT.
    Fx,
    /// USDT price of the coin with this index.
    Usdt(usize),
    /// KRW price of the coin with this index: USDT price × FX × (1 + premium).
    Krw(usize),
}

/// How much is going on at the venues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Traffic {
    /// The usual.
    Calm,
    /// The premium of a coin is bursting.
    Busy,
}

/// The state of all shared factors at one step.
#[derive(Clone, Debug)]
pub struct World {
    step: u64,
    dice: Dice,
    rates: Rates,
    heat_ppm: i64,
    fx: Reverting,
    coins: Vec<Coin>,
}

impl World {
    /// The factors at step 0, all at their start. `bases` as [`MarketPlan::check`] gives them.
    pub fn new(plan: &MarketPlan, bases: &[Asset]) -> World {
        let paths = &plan.paths;
        World {
            step: 0,
            dice: Dice::new(plan.seed, StreamKey::of(&["market"])),
            rates: Rates::of(paths),
            heat_ppm: 0,
            fx: Reverting::new(paths.fx_ppm, paths.fx_half_life),
            coins: bases.iter().map(|base| Coin::new(plan, base)).collect(),
        }
    }
    /// Moves on to `step`; never backwards. About 40 ns a step for two coins.
    pub fn advance_to(&mut self, step: u64) {
        while self.step < step {
            self.step += 1;
            self.advance();
        }
    }
    /// The fair price, in its own quote × 10⁻⁸, > 0.
    pub fn fair_raw(&self, factor: Factor) -> i64 {
        match factor {
            Factor::Fx => grown(START_FX_RAW, self.fx.value_ppb),
            Factor::Usdt(coin) => self.coins[coin].usdt_raw(),
            Factor::Krw(coin) => {
                let (coin, fx) = (&self.coins[coin], self.fair_raw(Factor::Fx));
                let par = mul_div(coin.usdt_raw(), fx, SCALE, Round::Down);
                grown(par.unwrap_or(i64::MAX / 2), coin.premium_ppb())
            }
        }
    }
    /// Volatility now in ppm of its average.
    pub const fn volatility_ppm(&self) -> i64 {
        COLD_PPM + self.heat_ppm
    }
    /// How much is going on.
    pub fn traffic(&self) -> Traffic {
        let busy = |coin: &Coin| coin.burst_source_ppb.abs() > BUSY_SOURCE_PPB;
        if self.coins.iter().any(busy) { Traffic::Busy } else { Traffic::Calm }
    }
    fn advance(&mut self) {
        self.heat_ppm -= self.heat_ppm * self.rates.cooling_ppb / ONE_PPB;
        if self.dice.once_in(self.rates.heat_every) {
            let rise = self.dice.exponential(HEAT_RISE_PPM) as i64;
            self.heat_ppm = (self.heat_ppm + rise).min(HEAT_LIMIT_PPM);
        }
        let leap_ppb = self.leap();
        let price = self.dice.shock();
        let premium = self.dice.shock();
        self.fx.advance(self.dice.shock());
        let step_ppb = self.rates.step_ppb * self.volatility_ppm() / 1_000_000;
        for coin in &mut self.coins {
            let own = coin.dice.shock();
            coin.walk(price.blended_with(own).of_deviation(step_ppb) + leap_ppb);
            coin.advance_premium(premium, &self.rates);
        }
    }
    fn leap(&mut self) -> i64 {
        if !self.dice.once_in(self.rates.leap_every) {
            return 0;
        }
        let size = self.rates.leap_ppb / 4 + self.dice.below(3 * self.rates.leap_ppb / 4);
        if self.dice.below(2) == 0 { size as i64 } else { -(size as i64) }
    }
}

/// Settings turned into what one step needs.
#[derive(Clone, Debug)]
struct Rates {
    step_ppb: i64,
    cooling_ppb: i64,
    heat_every: u64,
    leap_every: u64,
    leap_ppb: u64,
    burst_every: u64,
    burst_ppb: u64,
}

impl Rates {
    fn of(paths: &PathPlan) -> Rates {
        Rates {
            step_ppb: i64::from(paths.volatility_ppm) * PPB_PER_PPM / STEPS_PER_HOUR_ROOT,
            cooling_ppb: pull_ppb(HEAT_HALF_LIFE),
            heat_every: steps(HEAT_EVERY),
            leap_every: steps(paths.leap_every),
            leap_ppb: u64::from(paths.leap_ppm) * PPB_PER_PPM as u64,
            burst_every: steps(paths.burst_every),
            burst_ppb: u64::from(paths.burst_ppm) * PPB_PER_PPM as u64,
        }
    }
}

/// One coin: its price and its premium.
#[derive(Clone, Debug)]
struct Coin {
    dice: Dice,
    start_raw: i64,
    walk_ppb: i64,
    walk_pull_ppb: i64,
    quick: Reverting,
    lean: Reverting,
    burst_source_ppb: i64,
    burst_ppb: i64,
}

impl Coin {
    fn new(plan: &MarketPlan, base: &Asset) -> Coin {
        let paths = &plan.paths;
        Coin {
            dice: Dice::new(plan.seed, StreamKey::of(&["coin", base])),
            start_raw: start_usdt_raw(base),
            walk_ppb: 0,
            walk_pull_ppb: pull_ppb(WALK_HALF_LIFE),
            quick: Reverting::new(paths.premium_ppm, paths.premium_half_life),
            lean: Reverting::new(paths.lean_ppm, paths.lean_half_life),
            burst_source_ppb: 0,
            burst_ppb: 0,
        }
    }
    fn usdt_raw(&self) -> i64 {
        grown(self.start_raw, self.walk_ppb)
    }
    fn premium_ppb(&self) -> i64 {
        let sum = self.quick.value_ppb + self.lean.value_ppb + self.burst_ppb;
        sum.clamp(-PREMIUM_LIMIT_PPB, PREMIUM_LIMIT_PPB)
    }
    fn walk(&mut self, by_ppb: i64) {
        let pull = self.walk_ppb * self.walk_pull_ppb / ONE_PPB;
        self.walk_ppb = (self.walk_ppb - pull + by_ppb).clamp(-WALK_LIMIT_PPB, WALK_LIMIT_PPB);
    }
    fn advance_premium(&mut self, shared: Shock, rates: &Rates) {
        let own = self.dice.shock();
        self.quick.advance(shared.blended_with(own));
        self.lean.advance(self.dice.shock());
        if self.dice.once_in(rates.burst_every) {
            self.burst_source_ppb += self.burst_start(rates.burst_ppb);
        }
        self.burst_source_ppb -= self.burst_source_ppb / BURST_FADE_STEPS;
        self.burst_ppb += (self.burst_source_ppb - self.burst_ppb) / BURST_FOLLOW_STEPS;
    }
    /// Peaks lean toward the lower end (the smaller of two draws); two in three are upward.
    fn burst_start(&mut self, highest_ppb: u64) -> i64 {
        let lowest = highest_ppb * BURST_LOWEST_PCT / 100;
        let room = highest_ppb - lowest;
        let peak = lowest + self.dice.below(room).min(self.dice.below(room));
        let source = peak as i64 * BURST_SOURCE_PER_PEAK_PCT / 100;
        if self.dice.below(3) == 0 { -source } else { source }
    }
}

/// A mean-reverting value around 0 (an Ornstein–Uhlenbeck process in integers).
#[derive(Clone, Debug)]
struct Reverting {
    value_ppb: i64,
    pull_ppb: i64,
    kick_ppb: i64,
}

impl Reverting {
    /// With that stationary deviation and half-life. Kick per step: deviation × √(2 × pull).
    fn new(deviation_ppm: u32, half_life: DurNs) -> Reverting {
        let pull_ppb = pull_ppb(half_life);
        let root_ppb = (2 * pull_ppb * ONE_PPB).isqrt();
        let deviation_ppb = i64::from(deviation_ppm) * PPB_PER_PPM;
        Reverting { value_ppb: 0, pull_ppb, kick_ppb: deviation_ppb * root_ppb / ONE_PPB }
    }
    fn advance(&mut self, shock: Shock) {
        let pull = self.value_ppb * self.pull_ppb / ONE_PPB;
        self.value_ppb += shock.of_deviation(self.kick_ppb) - pull;
    }
}

/// How many steps a duration has, at least 1.
fn steps(time: DurNs) -> u64 {
    (time.0 / STEP.0).max(1)
}

/// The part that is pulled back per step to give that half-life.
fn pull_ppb(half_life: DurNs) -> i64 {
    LN_2_PPB / steps(half_life).min(LN_2_PPB as u64) as i64
}

/// `raw` grown by a part, which is always above −1.
fn grown(raw: i64, part_ppb: i64) -> i64 {
    mul_div(raw, ONE_PPB + part_ppb, ONE_PPB, Round::Down).unwrap_or(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::plan;

    const STEPS_PER_HOUR: u64 = 36_000;

    fn world(seed: u64) -> World {
        let plan = plan(seed);
        World::new(&plan, &plan.check().expect("a good plan"))
    }

    fn prices(world: &World) -> [i64; 5] {
        use Factor::*;
        [Fx, Usdt(0), Usdt(1), Krw(0), Krw(1)].map(|factor| world.fair_raw(factor))
    }

    #[test]
    fn the_state_of_a_step_does_not_depend_on_how_it_was_reached() {
        let (mut strides, mut leap) = (world(7), world(7));
        (1..=1_000).for_each(|step| strides.advance_to(step));
        leap.advance_to(1_000);
        leap.advance_to(10);
        assert_eq!(prices(&strides), prices(&leap));
    }

    #[test]
    fn the_market_starts_at_its_documented_prices_without_premium() {
        let krw = |usdt: i64| usdt * 1_390 * SCALE;
        let expected = [1_390 * SCALE, 61_000 * SCALE, 2_600 * SCALE, krw(61_000), krw(2_600)];
        assert_eq!(prices(&world(7)), expected);
    }

    #[test]
    fn premium_and_fx_keep_to_their_deviations_and_bounds() {
        let mut world = world(7);
        let (mut squares, mut count, mut beyond) = (0i128, 0i128, 0u32);
        for sample in 1..=72 * 60 {
            world.advance_to(sample * STEPS_PER_HOUR / 60);
            let premium_ppm = i128::from(world.coins[0].premium_ppb() / PPB_PER_PPM);
            squares += premium_ppm * premium_ppm;
            count += 1;
            beyond += u32::from(premium_ppm.abs() > 10_000);
            assert!(premium_ppm.abs() < 45_000, "{premium_ppm}");
            let fx = world.fair_raw(Factor::Fx) / SCALE;
            assert!((1_360..1_420).contains(&fx), "{fx}");
        }
        let deviation_ppm = (squares / count).isqrt();
        assert!((2_500..7_000).contains(&deviation_ppm), "{deviation_ppm}");
        assert!(beyond > 10, "bursts beyond 1 %: {beyond} minutes of 72 hours");
    }

    #[test]
    fn an_hour_moves_prices_by_about_the_volatility_asked_for() {
        let mut world = world(7);
        let mut squares = 0i128;
        let mut before = world.fair_raw(Factor::Usdt(0));
        for hour in 1..=400 {
            world.advance_to(hour * STEPS_PER_HOUR);
            let now = world.fair_raw(Factor::Usdt(0));
            let moved_ppm = i128::from(now - before) * 1_000_000 / i128::from(before);
            squares += moved_ppm * moved_ppm;
            before = now;
        }
        let deviation_ppm = (squares / 400).isqrt();
        assert!((5_000..9_000).contains(&deviation_ppm), "{deviation_ppm}");
    }

    #[test]
    fn volatility_comes_in_clusters() {
        let mut world = world(7);
        let (mut cold, mut hot) = (0, 0);
        for sample in 1..=24 * 60 {
            world.advance_to(sample * STEPS_PER_HOUR / 60);
            cold += u32::from(world.volatility_ppm() < 700_000);
            hot += u32::from(world.volatility_ppm() > 1_400_000);
        }
        assert!(cold > 100 && hot > 50, "cold {cold}, hot {hot} of 1,440 minutes");
    }
}
