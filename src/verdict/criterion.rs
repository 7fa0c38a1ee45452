//! One line of a verdict: what was asked, the answer, the evidence, the limit.

use serde::Serialize;

/// Fewest snapshots, or minutes, that are judged at all (`PRODUCT.md` 12).
pub const LEAST_SAMPLES: usize = 24;

/// An answer. Ordered by what wins: FAIL beats INCONCLUSIVE beats PASS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Verdict {
    /// The format cannot carry what would have to be known.
    #[serde(rename = "NOT APPLICABLE")]
    NotApplicable,
    /// It holds.
    #[serde(rename = "PASS")]
    Pass,
    /// The evidence does not suffice.
    #[serde(rename = "INCONCLUSIVE")]
    Inconclusive,
    /// It does not hold.
    #[serde(rename = "FAIL")]
    Fail,
}

impl Verdict {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::NotApplicable => "NOT APPLICABLE",
            Verdict::Pass => "PASS",
            Verdict::Inconclusive => "INCONCLUSIVE",
            Verdict::Fail => "FAIL",
        }
    }
    /// PASS if it holds, else FAIL.
    pub const fn pass_if(holds: bool) -> Verdict {
        if holds { Verdict::Pass } else { Verdict::Fail }
    }
}

/// One criterion, judged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Criterion {
    /// Named after its gauge.
    pub name: String,
    /// The answer.
    pub verdict: Verdict,
    /// What was found.
    pub evidence: String,
    /// What would have been allowed.
    pub limit: String,
}

impl Criterion {
    /// A criterion with its answer.
    pub fn new(name: impl Into<String>, verdict: Verdict, evidence: String) -> Criterion {
        Criterion { name: name.into(), verdict, evidence, limit: String::new() }
    }
    /// With what is allowed.
    pub fn limit(mut self, limit: impl Into<String>) -> Criterion {
        self.limit = limit.into();
        self
    }
}

/// A share in percent with two decimals, never rounded up to 100.
pub fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "none".into();
    }
    let hundredths = part as u128 * 10_000 / whole as u128;
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// PASS if nearly all are good; of too few that are good nothing follows.
pub const fn share(good: usize, all: usize) -> Verdict {
    match nearly_all(good, all) {
        true if all >= LEAST_SAMPLES => Verdict::Pass,
        false if all > 0 => Verdict::Fail,
        _ => Verdict::Inconclusive,
    }
}

/// True if at least 99 of 100 are good. None of none is not.
pub const fn nearly_all(good: usize, all: usize) -> bool {
    all > 0 && good as u128 * 100 >= all as u128 * 99
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fail_beats_inconclusive_beats_pass() {
        let worst = [Verdict::Pass, Verdict::Inconclusive, Verdict::Fail, Verdict::NotApplicable];
        assert_eq!(worst.iter().max(), Some(&Verdict::Fail));
        assert!(Verdict::Inconclusive > Verdict::Pass && Verdict::Pass > Verdict::NotApplicable);
        for verdict in worst {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.word());
        }
    }

    #[test]
    fn too_few_that_are_good_prove_nothing_and_one_bad_one_among_them_fails() {
        let shares =
            [(0, 0), (23, 23), (24, 24), (22, 23), (0, 1)].map(|(good, all)| share(good, all));
        use Verdict::{Fail, Inconclusive, Pass};
        assert_eq!(shares, [Inconclusive, Inconclusive, Pass, Fail, Fail]);
    }

    #[test]
    fn almost_all_is_never_shown_as_all() {
        assert_eq!(percent(99_999, 100_000), "99.99 %");
        assert_eq!(percent(0, 0), "none");
        assert!(nearly_all(99, 100) && !nearly_all(98, 99) && !nearly_all(0, 0));
    }
}
