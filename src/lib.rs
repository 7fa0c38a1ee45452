//! `arb`: a synchronous, low-latency engine for cross-exchange arbitrage. Modules in layer order.

pub mod types;

pub mod engine;
pub mod gateway;
pub mod runtime;
pub mod sim;
pub mod venue;
