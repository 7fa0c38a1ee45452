//! Runs laid over a topology: replays of recordings. Stress scenarios and rehearsals join them.
//!
//! Owns: the order of steps. Receives: a plant and its input. Sends: what the run came to.

pub mod replay;
