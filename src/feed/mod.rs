//! Market data threads, one per venue: frames in, whole tops of book out.
//!
//! Owns: books, sequence state, reader of recordings. Receives: frames and connection events.
//! Sends: [`BookTop`](crate::types::market::BookTop) over the books links, counters. Never: a
//! delta across a thread, an order, a clock read; loss and resync stay in here.

pub mod agent;
pub mod books;
mod digest;
pub mod mark_reader;
pub mod mark_text;
pub mod recorder;
pub mod reel;
pub mod reorder;
pub mod series;
pub mod slot;
pub mod spool;
pub mod tap;
pub mod tape;
pub mod text_reader;
pub mod wire_text;
