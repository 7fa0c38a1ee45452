//! Protocol facts of the venue.

pub mod market;
