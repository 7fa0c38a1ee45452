//! `arb`: a synchronous, low-latency engine for cross-exchange arbitrage. Modules in layer order.

pub mod types;

pub mod net;
pub mod stats;

pub mod runtime;
pub mod venue;

pub mod engine;
pub mod feed;
pub mod gateway;
pub mod journal;
pub mod sim;
pub mod telemetry;
pub mod watchdog;

pub mod config;
pub mod verdict;

pub mod topology;

pub mod scenario;

pub mod cli;
