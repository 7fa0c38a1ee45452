//! Protocol facts of the venue.

pub mod market;
pub mod rules;
pub mod usual;
