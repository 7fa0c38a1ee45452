//! A small seeded generator: the same numbers on every machine and after every crate upgrade.

/// Fraction bits of the logarithm behind [`SplitMix64::exponential`].
const LOG_BITS: u32 = 20;

/// SplitMix64 (Steele, Lea, Flood 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// From a seed; streams with different `stream` numbers are independent for our purposes.
    pub const fn new(seed: u64, stream: u64) -> SplitMix64 {
        SplitMix64 { state: mix(seed ^ mix(stream)) }
    }
    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }
    /// Uniform in `0..bound`; 0 for a zero bound. Bias below 2⁻⁶⁴ × bound.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }
    /// Nearly exponential with exactly that mean, at most 44 times it. `mean` below 2⁵⁸.
    ///
    /// −log₂ of a uniform number, its fraction interpolated linearly between powers of two; the
    /// mean of that is 1.5, which the last line takes out.
    pub const fn exponential(&mut self, mean: u64) -> u64 {
        let bits = self.next() | 1;
        let zeros = bits.leading_zeros();
        let mantissa = (bits << zeros << 1) >> (64 - LOG_BITS);
        let log = ((zeros as u64 + 1) << LOG_BITS) - mantissa;
        ((mean as u128 * (log * 2 / 3) as u128) >> LOG_BITS) as u64
    }
}

/// The finaliser of SplitMix64: a fast 64-bit mix, also used for trace hashes.
pub const fn mix(value: u64) -> u64 {
    let mut z = value;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_values_of_seed_zero_come_out() {
        let mut rng = SplitMix64 { state: 0 };
        assert_eq!(rng.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(rng.next(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(rng.next(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn a_bounded_draw_stays_below_its_bound() {
        let mut rng = SplitMix64::new(7, 1);
        for _ in 0..1_000 {
            assert!(rng.below(10) < 10);
        }
        assert_eq!(rng.below(0), 0);
    }
}
