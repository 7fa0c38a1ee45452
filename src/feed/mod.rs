//! Market data threads, one per venue: frames in, whole tops of book out.
//!
//! Owns: books, sequence state, reader of recordings. Receives: frames and connection events.
//! Sends: [`BookTop`](crate::types::market::BookTop) over the books links, counters. Never: a
//! delta across a thread, an order, a clock read; loss and resync stay in here.

pub mod action;
pub mod agent;
pub mod books;
mod changeover;
pub mod clock;
pub mod connection;
pub mod desk;
mod digest;
pub mod fetch;
mod halt;
pub mod hold;
pub mod limits;
mod line;
pub mod mark_reader;
pub mod mark_text;
pub mod names;
pub mod pace;
pub mod peek;
pub mod recorder;
pub mod reel;
pub mod reorder;
pub mod requests;
pub mod rulebook;
pub mod rules_round;
pub mod series;
pub mod session;
pub mod slot;
pub mod socket;
pub mod spool;
pub mod standing;
pub mod tap;
pub mod tape;
pub mod text_reader;
mod watch;
pub mod wire_text;
