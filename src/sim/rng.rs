//! Seeded draws in integers: the same numbers on every machine and after every crate upgrade.

use crate::types::rng::SplitMix64;
use crate::types::rng::mix;

/// Standard deviation of [`Dice::shock`]: four uniform 16-bit numbers, 65,536 × √(4 ÷ 12).
const SHOCK_DEVIATION: i64 = 37_837;
/// Mean of the same sum: 4 × 65,535 ÷ 2.
const SHOCK_MEAN: i64 = 131_070;

/// The distributions that the market needs.
#[derive(Clone, Debug)]
pub struct Dice {
    draws: SplitMix64,
}

impl Dice {
    /// From a seed; streams of different numbers are independent for our purposes.
    pub const fn new(seed: u64, stream: StreamKey) -> Dice {
        Dice { draws: SplitMix64::new(seed, stream.0) }
    }
    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.draws.next()
    }
    /// Uniform in `0..bound`; 0 for a zero bound. Bias below 2⁻⁶⁴ × bound.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.draws.below(bound)
    }
    /// True once in `count` calls on average; never for 0.
    pub const fn once_in(&mut self, count: u64) -> bool {
        let draw = self.below(count);
        count > 0 && draw == 0
    }
    /// True in `parts` of a million calls on average.
    pub const fn chance_ppm(&mut self, parts: u32) -> bool {
        self.below(1_000_000) < parts as u64
    }
    /// A draw of mean 0 and deviation 1, nearly normal, within ±3.46.
    pub const fn shock(&mut self) -> Shock {
        let bits = self.bits();
        let sum =
            (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        Shock(sum as i64 - SHOCK_MEAN)
    }
    /// Nearly exponential with exactly that mean, at most 44 times it. `mean` below 2⁵⁸.
    pub const fn exponential(&mut self, mean: u64) -> u64 {
        self.draws.exponential(mean)
    }
}

/// Which of the independent streams of one seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamKey(u64);

impl StreamKey {
    /// By names rather than by table index, so that a longer instrument table changes no stream.
    pub fn of(parts: &[&str]) -> StreamKey {
        let mut key = 0;
        for part in parts {
            for byte in part.bytes().chain([b'/']) {
                key = mix(key ^ u64::from(byte));
            }
        }
        StreamKey(key)
    }
}

/// A draw of mean 0 and deviation 1, in fixed point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shock(i64);

impl Shock {
    /// This shock for a quantity of that standard deviation (below 2⁴⁵), rounded toward 0.
    pub const fn of_deviation(self, deviation: i64) -> i64 {
        deviation * self.0 / SHOCK_DEVIATION
    }
    /// 0.8 × self + 0.6 × own: deviation 1 again, correlated 0.8 with self.
    pub const fn blended_with(self, own: Shock) -> Shock {
        Shock((4 * self.0 + 3 * own.0) / 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: i64 = 100_000;

    fn dice() -> Dice {
        Dice::new(7, StreamKey::of(&["test"]))
    }

    #[test]
    fn a_stream_depends_on_seed_and_name_alone() {
        let first = |seed, parts: &[&str]| Dice::new(seed, StreamKey::of(parts)).bits();
        assert_eq!(first(1, &["a", "b"]), first(1, &["a", "b"]));
        assert_ne!(first(1, &["a", "b"]), first(2, &["a", "b"]));
        assert_ne!(first(1, &["a", "b"]), first(1, &["ab"]));
    }

    #[test]
    fn shocks_have_mean_zero_and_the_deviation_asked_for() {
        let mut dice = dice();
        let draws: Vec<i64> = (0..DRAWS).map(|_| dice.shock().of_deviation(1_000)).collect();
        let mean = draws.iter().sum::<i64>() / DRAWS;
        let variance = draws.iter().map(|d| d * d).sum::<i64>() / DRAWS;
        assert!(mean.abs() < 15, "{mean}");
        assert!((980_000..1_020_000).contains(&variance), "{variance}");
    }

    #[test]
    fn exponential_waits_have_the_mean_and_the_tail_of_their_name() {
        let mut dice = dice();
        let draws: Vec<u64> = (0..DRAWS).map(|_| dice.exponential(1_000_000)).collect();
        let mean = draws.iter().sum::<u64>() / DRAWS as u64;
        let beyond_three = draws.iter().filter(|d| **d > 3_000_000).count();
        assert!((990_000..1_010_000).contains(&mean), "{mean}");
        assert!((3_500..6_500).contains(&beyond_three), "{beyond_three}"); // e⁻³ is 4,979
    }

    #[test]
    fn rare_events_are_as_rare_as_asked() {
        let mut dice = dice();
        let hits = (0..DRAWS).filter(|_| dice.once_in(100)).count();
        let parts = (0..DRAWS).filter(|_| dice.chance_ppm(10_000)).count();
        assert!((850..1_150).contains(&hits), "{hits}");
        assert!((850..1_150).contains(&parts), "{parts}");
        assert!(!(0..1_000).any(|_| dice.once_in(0)));
    }
}
