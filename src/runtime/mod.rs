//! What agents run on: the contract, the links between them, one-thread stepping on virtual time.
//!
//! Owns: the loop and the links. Never: what an agent does.

pub mod agent;
pub mod link;
pub mod step;
