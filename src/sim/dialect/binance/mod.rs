//! Binance spot: market streams, WebSocket API, REST.

pub mod account;
pub mod api;
pub mod auth;
pub mod desk;
pub mod frames;
pub mod house;
pub mod market;
pub mod orders;
pub mod seat;
pub mod talk;
