//! What the simulated venue is started with.

use crate::types::age::AgeLimits;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::time::DurNs;
use crate::types::units::Krw;
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

/// What a paper gateway is started with.
#[derive(Clone, Debug)]
pub struct PaperPlan {
    /// By instrument, as the engine has them.
    pub instruments: Vec<Instrument>,
    /// The venue whose `USDT-KRW` book is the rate.
    pub fx: VenueId,
    /// Balances of the simulated accounts, raw units.
    pub balances: Vec<(VenueId, Asset, i64)>,
    /// See [`PaperLimits`].
    pub limits: PaperLimits,
    /// For the last look before an order leaves.
    pub ages: AgeLimits,
    /// An entry's or exit's limit may lie this far from the best price at the last look.
    pub price_collar: Ppm,
    /// The same for a hedge.
    pub hedge_collar: Ppm,
    /// Largest value of an entry order.
    pub max_order_value: Krw,
    /// Seed of latencies and refusals.
    pub seed: u64,
}
