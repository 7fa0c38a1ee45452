//! Protocol facts of the venue.

pub mod errors;
pub mod market;
pub mod orders;
mod rows;
pub mod rules;
pub mod stream;
pub mod usual;
