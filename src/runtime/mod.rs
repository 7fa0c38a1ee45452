//! What agents run on: the contract, the links between them, the one loop, the threads, and
//! one-thread stepping on virtual time.
//!
//! Owns: the loop, the threads and their pulses, the links. Never: what an agent does.

pub mod agent;
pub mod child;
pub mod cores;
pub mod crew;
pub mod drive;
pub mod fall;
pub mod idle;
pub mod link;
pub mod pulse;
pub mod shared;
pub mod step;
