//! Upbit and Bithumb: one grammar with two accents, told apart by the [`VenueId`] of a dialect.
//!
//! [`VenueId`]: crate::types::ids::VenueId

pub mod asked;
pub mod frames;
pub mod house;
pub mod market;
pub mod seat;
pub mod talk;
