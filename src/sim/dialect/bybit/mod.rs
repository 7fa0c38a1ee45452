//! Bybit v5 spot: public, private and trade sockets, REST.

pub mod account;
pub mod auth;
pub mod desk;
pub mod frames;
pub mod house;
pub mod market;
pub mod orders;
pub mod seat;
pub mod talk;
