//! The journal thread: facts in, lines in files out; and what a start reads back from them.
//!
//! Owns: the journal folder, the instance lock, sequence, checksums, syncs, rotation, the cut of a
//! torn end. Receives: facts. Publishes: how far it is, whether it failed. Never: a decision about
//! trading, a retry of a failed sync, a record dropped without a word.

pub mod agent;
pub mod error;
pub mod file;
pub mod limits;
pub mod lock;
pub mod read;
pub mod record;
pub mod start;
pub mod text;
pub mod wire;
