//! The trading thread: books and order events in, order requests and facts out. Pure decisions.
//!
//! Owns: signal, risk, pairs, portfolio. Receives: books, order events. Sends: requests, facts.
//! Never: I/O, locks, logs, formatting, heap after start, clock reads.

pub mod limits;
