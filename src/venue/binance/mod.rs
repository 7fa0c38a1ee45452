//! Protocol facts of the venue.

pub mod depth;
pub mod market;
pub mod rules;
pub mod usual;
