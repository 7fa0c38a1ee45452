//! Protocol facts of the venue.

pub mod market;
pub mod orders;
pub mod rules;
pub mod stream;
pub mod usual;
