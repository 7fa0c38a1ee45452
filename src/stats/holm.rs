//! Many tests at once: p-values corrected by the step-down rule of Holm (1979). Pure.

/// The corrected p-values, in the order given: sorted ascending, the i-th of m is multiplied by
/// m − i + 1, never below the one before it, never above 1. Rejecting those below a level keeps
/// the chance of any false rejection below that level.
pub fn adjust(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; count];
    let mut least = 0.0f64;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max(p_values[index] * (count - rank) as f64).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_counts_for_all_and_none_overtakes() {
        // By hand: 0.01·4, 0.02·3, then 0.03·2 equal to it, then 0.04·1 held at 0.06.
        let found = adjust(&[0.04, 0.01, 0.03, 0.02]);
        for (found, expected) in found.iter().zip([0.06, 0.04, 0.06, 0.06]) {
            assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
        }
    }

    #[test]
    fn a_corrected_chance_never_exceeds_one() {
        assert_eq!(adjust(&[0.6, 0.7]), [1.0, 1.0]);
        assert_eq!(adjust(&[]), [] as [f64; 0]);
    }
}
