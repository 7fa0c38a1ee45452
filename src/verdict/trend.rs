//! Trends and steps of one gauge (`FAULTS.md` 4.2 b, c): warm-up dropped, block medians, Theil–Sen
//! with its bounds, Mann–Kendall with ties, largest shift. Pure.

use crate::stats::slope;
use crate::stats::slope::MannKendall;
use crate::stats::slope::Point;
use crate::stats::slope::Slope;
use crate::stats::slope::mann_kendall;
use crate::stats::slope::median;
use crate::stats::slope::theil_sen;
use crate::stats::step::Step;
use crate::stats::step::largest_step;

/// One-sided 1 % of the standard normal distribution.
pub const Z_RISING: f64 = 2.326;
/// Below this a single hit is marginal.
const Z_STRONG: f64 = 3.0;
/// Below this multiple of the floor the lower bound of a single hit is marginal.
const STRONG_FLOORS: f64 = 1.25;
/// An upper bound beyond this multiple of the floor leaves the trend open.
const OPEN_FLOORS: f64 = 10.0;
/// The horizon over which a trend must matter, hours.
const HORIZON_H: f64 = 72.0;
/// Warm-up: at least this long, hours, and at least this share of the run; more if it still rises
/// towards its end.
const WARM_UP_H: f64 = 1.0;
const WARM_UP_SHARE: f64 = 0.10;
const LONG_WARM_UP_SHARE: f64 = 0.25;
/// Blocks that the end of the warm-up is reduced to before it is tested.
const WARM_UP_BLOCKS: usize = 12;
/// Shortest block, hours: five correlation times of a process of 10 minutes, and a little more.
const BLOCK_H: f64 = 0.9;
/// Longest block before there are more of them.
const LONG_BLOCK_H: f64 = 1.8;
/// Blocks of 24 h, of 72 h and longer, and the fewest that are judged.
const BLOCKS_DAY: usize = 24;
const BLOCKS_MOST: usize = 36;
/// Fewest blocks: about 7 h after the warm-up.
pub const BLOCKS_LEAST: usize = 8;
/// Blocks on each side of a step.
const STEP_SIDE: usize = 3;

/// From what slope on a trend counts, and from what effect.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Floor {
    /// Per hour, and over 72 hours, in the unit of the gauge.
    Absolute {
        /// Lower bound of the slope.
        per_hour: f64,
        /// Slope over 72 hours.
        effect: f64,
    },
    /// Relative to the first block.
    Relative {
        /// Lower bound of the slope, percent per hour.
        percent_per_hour: f64,
        /// Slope over the judged time, percent.
        percent: f64,
    },
}

/// A gauge over one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Blocks {
    /// Medians of blocks of equal length behind the warm-up, by hour of their middle.
    pub points: Vec<Point>,
    /// Hours dropped.
    pub warm_up_h: f64,
    /// Hours judged.
    pub judged_h: f64,
}

/// What a trend test found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trend {
    /// Slope per hour.
    pub slope: Slope,
    /// Test of its direction.
    pub test: MannKendall,
    /// Lower bound that would count.
    pub floor: f64,
    /// The outcome.
    pub outcome: Outcome,
}

/// Outcome of a trend test by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// No trend that matters.
    Flat,
    /// A trend, but barely.
    Marginal,
    /// A trend.
    Rising,
    /// Too noisy to say.
    Open,
}

/// Reduces a gauge to its blocks. `None` if the run is too short or too thin: fewer than
/// [`BLOCKS_LEAST`] blocks, or more than a quarter of them empty.
pub fn blocks(points: &[Point]) -> Option<Blocks> {
    let (first, last) = (points.first()?.x, points.last()?.x);
    let span = last - first;
    let warm_up_h = warm_up(points, first, span);
    let judged = &points[points.partition_point(|point| point.x < first + warm_up_h)..];
    let start = judged.first()?.x;
    let judged_h = last - start;
    let count = block_count(judged_h).min(judged.len());
    let medians = reduce(judged, count);
    let enough = count >= BLOCKS_LEAST && medians.len() * 4 >= count * 3;
    enough.then_some(Blocks { points: medians, warm_up_h, judged_h })
}

/// Hours to drop: longer if the last half of what is dropped still rises.
fn warm_up(points: &[Point], first: f64, span: f64) -> f64 {
    let short = WARM_UP_H.max(span * WARM_UP_SHARE);
    let from = points.partition_point(|point| point.x < first + short / 2.0);
    let to = points.partition_point(|point| point.x < first + short);
    let tail: Vec<f64> =
        reduce(&points[from..to], WARM_UP_BLOCKS).iter().map(|point| point.y).collect();
    let rises = mann_kendall(&tail).is_some_and(|test| test.z > Z_RISING);
    if rises { short.max(span * LONG_WARM_UP_SHARE) } else { short }
}

fn block_count(hours: f64) -> usize {
    // Rounded: a day of minutes spans a minute less than a day.
    let (short, long) = ((hours / BLOCK_H).round(), (hours / LONG_BLOCK_H).round());
    match () {
        () if long as usize > BLOCKS_DAY => (long as usize).min(BLOCKS_MOST),
        () => (short as usize).min(BLOCKS_DAY),
    }
}

/// Medians of at most `count` blocks of equal length; an empty block gives none.
fn reduce(points: &[Point], count: usize) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    // A little longer than the span, so that the last point lies in the last block.
    let width = (last.x - first.x) * (1.0 + 1e-9) / count.max(1) as f64;
    if width <= 0.0 {
        return Vec::new();
    }
    let block = |point: &Point| ((point.x - first.x) / width) as usize;
    let middle = |group: &[Point]| {
        let mut values: Vec<f64> = group.iter().map(|point| point.y).collect();
        let x = (block(&group[0]) as f64).mul_add(width, first.x + width / 2.0);
        Some(Point { x, y: median(&mut values)? })
    };
    points.chunk_by(|a, b| block(a) == block(b)).filter_map(middle).collect()
}

/// Tests for a trend upwards. `None` for a gauge without a slope, or for a relative floor on a
/// gauge whose usual value is zero.
pub fn trend(blocks: &Blocks, floor: Floor) -> Option<Trend> {
    let values: Vec<f64> = blocks.points.iter().map(|point| point.y).collect();
    let slope = theil_sen(&blocks.points)?;
    let test = mann_kendall(&values)?;
    let (floor, effective) = match floor {
        Floor::Absolute { per_hour, effect } => (per_hour, slope.value * HORIZON_H > effect),
        Floor::Relative { percent_per_hour, percent } => {
            let base = base(&values)?;
            let total = slope.value * blocks.judged_h;
            (base * percent_per_hour / 100.0, total > base * percent / 100.0)
        }
    };
    let hit = test.z > Z_RISING && slope.lower > floor && effective;
    let weak = test.z < Z_STRONG || slope.lower < STRONG_FLOORS * floor;
    let outcome = match () {
        () if hit && weak => Outcome::Marginal,
        () if hit => Outcome::Rising,
        () if floor > 0.0 && slope.upper > OPEN_FLOORS * floor => Outcome::Open,
        () => Outcome::Flat,
    };
    Some(Trend { slope, test, floor, outcome })
}

/// What a percentage refers to: the first block, or the median block where the first is zero.
fn base(values: &[f64]) -> Option<f64> {
    let first = values.first().copied().filter(|value| *value > 0.0);
    first.or_else(|| slope::median(&mut values.to_vec()).filter(|value| *value > 0.0))
}

/// The largest shift between two parts of at least three blocks, by its height.
pub fn highest_step(blocks: &Blocks) -> Option<Step> {
    step(blocks, |step| step.height().abs())
}

/// The largest shift by its ratio to the part before it.
pub fn steepest_step(blocks: &Blocks) -> Option<Step> {
    step(blocks, |step| step.ratio().map_or(0.0, f64::abs))
}

fn step(blocks: &Blocks, size: fn(&Step) -> f64) -> Option<Step> {
    let values: Vec<f64> = blocks.points.iter().map(|point| point.y).collect();
    largest_step(&values, STEP_SIDE, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: Floor = Floor::Absolute { per_hour: 0.05, effect: 3.6 };

    /// Minutes of a gauge.
    fn minutes(hours: usize, value: impl Fn(f64) -> f64) -> Vec<Point> {
        let hour = |minute: usize| minute as f64 / 60.0;
        (0..=hours * 60).map(|m| Point { x: hour(m), y: value(hour(m)) }).collect()
    }

    #[test]
    fn a_day_has_24_blocks_and_three_days_have_36() {
        let count = |hours: usize| blocks(&minutes(hours, |_| 1.0)).map(|b| b.points.len());
        assert_eq!([24, 72, 200].map(count), [Some(24), Some(36), Some(36)]);
        assert_eq!(count(8), Some(8));
        assert_eq!(count(7), None);
    }

    #[test]
    fn the_warm_up_is_dropped_and_a_longer_one_longer() {
        let short = |h: f64| 60.0 - 5.0 * (-h / 0.2).exp() + (h * 400.0).sin() * 0.2;
        let found = blocks(&minutes(72, short)).unwrap();
        assert!((found.warm_up_h - 7.2).abs() < 1e-9);
        assert_eq!(trend(&found, MEMORY).unwrap().outcome, Outcome::Flat);
        let long = |h: f64| 60.0 - 5.0 * (-h / 3.0).exp();
        let found = blocks(&minutes(72, long)).unwrap();
        assert!((found.warm_up_h - 18.0).abs() < 1e-9);
        assert_eq!(trend(&found, MEMORY).unwrap().outcome, Outcome::Flat);
    }

    #[test]
    fn a_leak_rises_and_a_sawtooth_does_not() {
        let leak = |h: f64| 0.25f64.mul_add(h, 60.0) + (h * 400.0).sin() * 0.2;
        let found = trend(&blocks(&minutes(24, leak)).unwrap(), MEMORY).unwrap();
        assert_eq!(found.outcome, Outcome::Rising);
        assert!((found.slope.value - 0.25).abs() < 0.01, "{found:?}");
        let saw = |h: f64| 60.0 + h % 3.0;
        let found = trend(&blocks(&minutes(72, saw)).unwrap(), MEMORY).unwrap();
        assert_ne!(found.outcome, Outcome::Rising);
    }

    #[test]
    fn a_trend_just_above_its_floor_is_marginal() {
        let barely = |h: f64| 0.055f64.mul_add(h, 60.0);
        let found = trend(&blocks(&minutes(72, barely)).unwrap(), MEMORY).unwrap();
        assert_eq!(found.outcome, Outcome::Marginal);
    }

    #[test]
    fn a_gauge_too_noisy_for_its_floor_stays_open() {
        let noise = |h: f64| 60.0 + ((h.floor() * 12.9898).sin() * 43_758.5).fract() * 80.0;
        let found = trend(&blocks(&minutes(24, noise)).unwrap(), MEMORY).unwrap();
        assert_eq!(found.outcome, Outcome::Open);
    }

    #[test]
    fn a_relative_trend_needs_its_total_too() {
        let floor = Floor::Relative { percent_per_hour: 0.25, percent: 10.0 };
        let rising = |percent: f64| {
            let points = minutes(24, move |h| percent.mul_add(h, 100.0));
            trend(&blocks(&points).unwrap(), floor).unwrap().outcome
        };
        assert_eq!(rising(1.0), Outcome::Rising);
        assert_eq!(rising(0.4), Outcome::Flat);
        let zero = blocks(&minutes(24, |_| 0.0)).unwrap();
        assert_eq!(trend(&zero, floor), None);
    }

    #[test]
    fn a_step_is_seen_by_height_and_by_ratio() {
        let step = |h: f64| if h < 40.0 { 10.0 } else { 13.0 };
        let found = blocks(&minutes(72, step)).unwrap();
        assert_eq!(highest_step(&found).unwrap().height(), 3.0);
        assert_eq!(steepest_step(&found).unwrap().ratio(), Some(0.3));
    }

    #[test]
    fn gaps_leave_blocks_out_and_too_many_leave_nothing_to_judge() {
        let mut points = minutes(72, |_| 60.0);
        points.retain(|point| !(30.0..40.0).contains(&point.x));
        assert!(blocks(&points).unwrap().points.len() < 36);
        points.retain(|point| point.x < 10.0 || point.x > 60.0);
        assert_eq!(blocks(&points), None);
    }
}
