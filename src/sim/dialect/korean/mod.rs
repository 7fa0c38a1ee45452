//! Upbit and Bithumb: one grammar with two accents, told apart by the [`VenueId`] of a dialect.
//!
//! [`VenueId`]: crate::types::ids::VenueId

pub mod account;
pub mod asked;
pub mod auth;
pub mod desk;
pub mod frames;
pub mod house;
pub mod market;
pub mod orders;
pub mod seat;
pub mod talk;
