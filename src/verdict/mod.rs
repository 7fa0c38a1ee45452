//! Judgement over what a run left behind: exact conservation, trends, steps, bands.
//!
//! Owns: checks that share no arithmetic with what they check, and their thresholds. Reads: the
//! files that telemetry writes (`types::evidence`), and the source's own format. Never: a thread,
//! a clock, a value that was not measured taken for zero.

pub mod audit;
pub mod bands;
pub mod criterion;
pub mod drift;
pub mod excuse;
pub mod judge;
pub mod ledger;
pub mod load;
pub mod plot;
pub mod problem;
pub mod render;
pub mod sample;
pub mod series;
pub mod snapshot;
pub mod stamp;
pub mod story;
pub mod tails;
pub mod trend;
