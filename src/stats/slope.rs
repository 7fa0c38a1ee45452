//! Trends by rank: Theil–Sen slope with Sen's bounds, Mann–Kendall with ties. Pure, quadratic in
//! the number of points, so callers reduce long series to block medians first.

use std::cmp::Ordering;

/// Most points that are taken; more would cost megabytes of pairs.
pub const MOST_POINTS: usize = 512;
/// 95th percentile of the standard normal distribution: a one-sided bound, exact to 16 digits.
const Z_95: f64 = 1.644_853_626_951_472_2;

/// A measured point: where, and what.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// Where: time in the unit that the slope is wanted per.
    pub x: f64,
    /// What was measured there.
    pub y: f64,
}

/// A slope with its one-sided 95 % bounds, in `y` per `x`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Slope {
    /// Median of the slopes of all pairs (Theil 1950, Sen 1968).
    pub value: f64,
    /// With 95 % confidence the true slope lies above.
    pub lower: f64,
    /// With 95 % confidence the true slope lies below.
    pub upper: f64,
}

/// Whether values rise, by the signs of all pairs alone (Mann 1945, Kendall 1975).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MannKendall {
    /// Pairs that rise less pairs that fall.
    pub s: i64,
    /// `s` over its deviation without trend, with continuity and tie correction; 0 if all tie.
    pub z: f64,
}

impl MannKendall {
    /// Chance of at least this `z` without a trend (one-sided).
    pub fn p_rising(&self) -> f64 {
        upper_tail(self.z)
    }
}

/// Theil–Sen slope; bounds by the ranks `(pairs ± z·σ) / 2` of the sorted slopes, with σ of
/// Mann–Kendall corrected for ties, as `scipy.stats.theilslopes` at `alpha = 0.9` has them.
/// `None` below two different `x`, above [`MOST_POINTS`], or with a value that is no number.
pub fn theil_sen(points: &[Point]) -> Option<Slope> {
    let finite = points.iter().all(|point| point.x.is_finite() && point.y.is_finite());
    if points.len() > MOST_POINTS || !finite {
        return None;
    }
    let pairs = points.iter().enumerate().flat_map(|(at, a)| {
        let later = points[at + 1..].iter();
        later.map(move |b| (b.x - a.x, b.y - a.y))
    });
    let apart = pairs.filter(|(dx, _)| *dx != 0.0);
    let mut slopes: Vec<f64> = apart.map(|(dx, dy)| dy / dx).collect();
    slopes.sort_unstable_by(f64::total_cmp);
    let value = median_of_sorted(&slopes)?;
    let n = points.len() as f64;
    let ties =
        tie_sum(points.iter().map(|point| point.x)) + tie_sum(points.iter().map(|point| point.y));
    let spread = n.mul_add((n - 1.0) * 2.0f64.mul_add(n, 5.0), -ties) / 18.0;
    let half = Z_95 * spread.max(0.0).sqrt();
    let last = slopes.len() - 1;
    let rank = |at: f64| (at / 2.0).round_ties_even();
    // Both ranks lie in the range of `usize` after the clamp; below zero becomes zero.
    let lower = slopes[((rank(slopes.len() as f64 - half) - 1.0).max(0.0) as usize).min(last)];
    let upper = slopes[(rank(slopes.len() as f64 + half) as usize).min(last)];
    Some(Slope { value, lower, upper })
}

/// Mann–Kendall over values in the order of time. `None` below three values, above
/// [`MOST_POINTS`], or with a value that is no number.
pub fn mann_kendall(values: &[f64]) -> Option<MannKendall> {
    let finite = values.iter().all(|value| value.is_finite());
    if !(3..=MOST_POINTS).contains(&values.len()) || !finite {
        return None;
    }
    let sign = |a: &f64, b: &f64| match b.total_cmp(a) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    let later = |at: usize| values[at + 1..].iter();
    let rises = values.iter().enumerate();
    let s: i64 = rises.map(|(at, a)| later(at).map(|b| sign(a, b)).sum::<i64>()).sum();
    let n = values.len() as f64;
    let ties = tie_sum(values.iter().copied());
    let variance = n.mul_add((n - 1.0) * 2.0f64.mul_add(n, 5.0), -ties) / 18.0;
    let z = match s {
        0 => 0.0,
        _ if variance <= 0.0 => 0.0,
        _ => (s - s.signum()) as f64 / variance.sqrt(),
    };
    Some(MannKendall { s, z })
}

/// Middle value, or the mean of the two middle ones. Reorders; `None` when empty.
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    median_of_sorted(values)
}

fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// Σ t(t−1)(2t+5) over groups of t equal values.
fn tie_sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let group = |group: &[f64]| {
        let t = group.len() as f64;
        t * (t - 1.0) * 2.0f64.mul_add(t, 5.0)
    };
    sorted.chunk_by(|a, b| a == b).map(group).sum()
}

/// Chance that a standard normal variable exceeds `z`; relative error below 1.2·10⁻⁷ (the
/// Chebyshev fit of erfc in Press et al., Numerical Recipes, 6.2).
pub fn upper_tail(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = FIT.iter().rev().fold(0.0, |sum: f64, c| sum.mul_add(t, *c));
    let tail = 0.5 * t * (fit - x * x).exp();
    if z < 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values of this file: pymannkendall 1.4.3 `original_test` and scipy 1.17.1
    // `stats.theilslopes(y, x, alpha=0.9)`, `stats.norm.sf`, computed once.
    const RISING: [f64; 12] =
        [60.1, 60.4, 59.8, 60.9, 61.2, 60.7, 61.5, 61.9, 61.1, 62.4, 62.0, 62.8];
    const TIED: [f64; 16] = [
        12.0, 12.0, 13.0, 12.0, 13.0, 13.0, 13.0, 14.0, 13.0, 14.0, 14.0, 14.0, 15.0, 14.0, 15.0,
        15.0,
    ];
    const FALLING: [f64; 10] = [5.0, 4.2, 4.9, 3.8, 4.4, 3.1, 3.9, 2.7, 3.3, 2.2];

    fn even(values: &[f64], step: f64) -> Vec<Point> {
        values.iter().enumerate().map(|(at, y)| Point { x: at as f64 * step, y: *y }).collect()
    }

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 1e-12 * expected.abs().max(1.0)
    }

    #[test]
    fn mann_kendall_agrees_with_pymannkendall_with_and_without_ties() {
        let cases = [
            (&RISING[..], 50, 3.360_054_858_486_334),
            (&TIED[..], 88, 4.089_121_312_398_428),
            (&FALLING[..], -31, -2.683_281_572_999_747_7),
            (&[7.0; 9][..], 0, 0.0),
        ];
        for (values, s, z) in cases {
            let found = mann_kendall(values).unwrap();
            assert_eq!(found.s, s);
            assert!(near(found.z, z), "{} instead of {z}", found.z);
        }
    }

    #[test]
    fn the_slope_and_its_bounds_agree_with_scipy() {
        let uneven = [0.0, 1.0, 2.5, 3.0, 4.5, 6.0, 7.0, 8.5, 9.0, 10.0];
        let falling: Vec<Point> =
            uneven.iter().zip(FALLING).map(|(x, y)| Point { x: *x, y }).collect();
        let cases = [
            (even(&RISING, 1.0), [0.247_727_272_727_272_52, 0.19, 0.275]),
            (even(&TIED, 0.5), [0.4, 0.307_692_307_692_307_7, 0.5]),
            (falling, [-0.225, -0.333_333_333_333_333_3, -0.157_142_857_142_857_17]),
            (even(&[7.0; 9], 1.0), [0.0; 3]),
        ];
        for (points, expected) in cases {
            let found = theil_sen(&points).unwrap();
            for (found, expected) in [found.value, found.lower, found.upper].iter().zip(expected) {
                assert!(near(*found, expected), "{found} instead of {expected}");
            }
        }
    }

    #[test]
    fn the_upper_tail_agrees_with_scipy_to_seven_digits() {
        let cases = [
            (0.0, 0.5),
            (0.5, 0.308_537_538_725_986_9),
            (Z_95, 0.05),
            (2.326, 0.010_009_275_340_867_669),
            (5.0, 2.866_515_718_791_933e-7),
            (-1.0, 0.841_344_746_068_542_9),
        ];
        for (z, expected) in cases {
            assert!((upper_tail(z) / expected - 1.0).abs() < 2e-7, "{z}");
        }
    }

    #[test]
    fn too_few_points_and_no_numbers_have_no_trend() {
        assert_eq!(theil_sen(&[Point { x: 1.0, y: 1.0 }]), None);
        assert_eq!(theil_sen(&[Point { x: 1.0, y: 1.0 }, Point { x: 1.0, y: 2.0 }]), None);
        assert_eq!(theil_sen(&even(&[1.0, f64::NAN, 2.0], 1.0)), None);
        assert_eq!(theil_sen(&even(&[0.0; MOST_POINTS + 1], 1.0)), None);
        assert_eq!(mann_kendall(&[1.0, 2.0]), None);
        assert_eq!(mann_kendall(&[1.0, 2.0, f64::INFINITY]), None);
        assert_eq!(median(&mut []), None);
    }

    #[test]
    fn the_median_of_an_even_number_is_the_middle_of_the_two_middle_ones() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut [9.0, 1.0, 5.0]), Some(5.0));
    }
}
