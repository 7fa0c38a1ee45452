//! OKX v5 spot: public and private sockets, REST.

pub mod frames;
pub mod house;
pub mod market;
pub mod seat;
pub mod talk;
