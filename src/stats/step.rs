//! Steps: the largest shift of the median at one moment. Pure, cubic in the number of values.

use crate::stats::slope::median;

/// The largest shift of a series.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Step {
    /// Index of the first value after it.
    pub at: usize,
    /// Median of the values before.
    pub before: f64,
    /// Median of the values from there on.
    pub after: f64,
}

impl Step {
    /// How far the median moved; negative downwards.
    pub fn height(&self) -> f64 {
        self.after - self.before
    }
    /// Height over the median before; `None` unless that is positive.
    pub fn ratio(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.height() / self.before)
    }
}

/// The split whose sides differ most by `size`, with at least `side` values on each. `None` when
/// there are too few; the first of equals.
pub fn largest_step(values: &[f64], side: usize, size: fn(&Step) -> f64) -> Option<Step> {
    let side = side.max(1);
    let last = values.len().checked_sub(side)?;
    let split = |at: usize| {
        let (before, after) = values.split_at(at);
        let before = median(&mut before.to_vec())?;
        Some(Step { at, before, after: median(&mut after.to_vec())? })
    };
    let larger = |best: Step, step: Step| if size(&step) > size(&best) { step } else { best };
    (side..=last).filter_map(split).reduce(larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn height(step: &Step) -> f64 {
        step.height().abs()
    }

    #[test]
    fn a_step_is_found_where_it_is_in_either_direction() {
        let mut values = [60.0, 60.1, 60.2, 59.7, 63.3, 63.1, 63.2, 63.0];
        let found = largest_step(&values, 3, height).unwrap();
        assert_eq!(found.at, 4);
        assert!((found.height() - 3.1).abs() < 1e-9);
        values.reverse();
        assert!((largest_step(&values, 3, height).unwrap().height() + 3.1).abs() < 1e-9);
    }

    #[test]
    fn a_spike_shorter_than_a_side_is_no_step() {
        let values = [60.0, 60.0, 60.0, 90.0, 60.0, 60.0, 60.0, 60.0];
        assert_eq!(largest_step(&values, 3, height).unwrap().height(), 0.0);
    }

    #[test]
    fn each_side_needs_its_values() {
        assert_eq!(largest_step(&[1.0; 5], 3, height), None);
        assert_eq!(largest_step(&[], 3, height), None);
        assert_eq!(largest_step(&[1.0; 6], 3, height).unwrap().at, 3);
    }

    #[test]
    fn a_ratio_needs_a_positive_base() {
        let step = |before: f64| Step { at: 3, before, after: 5.0 };
        assert_eq!(step(4.0).ratio(), Some(0.25));
        assert_eq!(step(0.0).ratio(), None);
    }
}
