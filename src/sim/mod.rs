//! The synthetic side of the world: a seeded market for two or more venues, without any network.
//!
//! **Nothing here is market data.** Prices, premium, FX, depth, latency and stalls are drawn from a
//! seeded generator with settings chosen so that an engine at its default limits meets everything
//! that it must survive: entries, take-profits, stops, expired holdings, partial fills, stale and
//! empty books. No result on it says anything about what a strategy would earn.
//!
//! Beside it stand the faults of a schedule: what is broken on purpose, in feeds, threads and
//! process.
//!
//! Owns: the seeded market, the cursor over a schedule. Receives: nothing. Sends: book tops,
//! notices of faults. Never: clock reads, floats, heap
//! after start, randomness without a seed. Production folders do not know that it exists.

pub mod agent;
pub mod burner;
pub mod dialect;
pub mod exchange;
pub mod ladder;
pub mod limits;
pub mod market;
pub mod path;
pub mod plan;
pub mod process;
pub mod rng;
pub mod saboteur;
pub mod script;
pub mod server;
pub mod spoiled;
pub mod stream;
pub mod tampering;
pub mod tree;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod statistics;
