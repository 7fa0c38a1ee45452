//! Binance spot: market streams, WebSocket API, REST.

pub mod frames;
pub mod house;
pub mod market;
pub mod seat;
pub mod talk;
