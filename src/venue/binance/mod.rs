//! Binance spot: its frames, books, rules, streams and private messages (`VENUES.md` 2).

pub mod depth;
pub mod errors;
mod fields;
pub mod market;
pub mod orders;
mod replies;
pub mod rules;
pub mod stream;
mod user;
pub mod usual;
mod values;
