//! Bybit v5 spot: public, private and trade sockets, REST.

pub mod frames;
pub mod house;
pub mod market;
pub mod seat;
pub mod talk;
