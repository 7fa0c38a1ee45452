//! Order threads: requests in, events out. The last hop before a venue.
//!
//! Owns: the last-hop gate, simulated fills. Receives: requests, books (paper). Sends: events.
//! Never: a decision about what to trade.

pub mod limits;
pub mod paper;
