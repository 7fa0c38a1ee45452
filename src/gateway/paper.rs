//! Simulated venue: fills by walking the ladder that stands after a sampled latency.

use crate::types::time::DurNs;
use crate::types::units::Ppm;

/// How the simulated venue behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaperLimits {
    /// `paper.latency_min_ms`: the fastest order.
    pub latency_min: DurNs,
    /// `paper.latency_mean_ms`: mean of the exponential part above the minimum is mean − min.
    pub latency_mean: DurNs,
    /// `paper.latency_max_ms`: no order takes longer.
    pub latency_max: DurNs,
    /// `paper.reject_pct`: part of the orders that the venue refuses for no reason of ours.
    pub reject: Ppm,
    /// `paper.depth_pct`: part of each level's quantity that is really there for us.
    pub depth: Ppm,
}
