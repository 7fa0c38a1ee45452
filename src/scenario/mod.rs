//! Runs laid over a topology on one thread and virtual time: recordings, the synthetic market.
//!
//! Owns: the order of steps. Receives: a plant and its input. Sends: what the run came to.

pub mod begun;
pub mod capture;
pub mod delivery;
pub mod exact;
pub mod injection;
pub mod keeper;
pub mod live;
pub mod members;
pub mod posts;
pub mod record;
pub mod replay;
pub mod rewrite;
pub mod rules;
pub mod sabotage;
pub mod shortfall;
pub mod simulate;
pub mod standing;
pub mod stress;
pub mod taping;
pub mod virtual_threads;
