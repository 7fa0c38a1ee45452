//! The trading thread: books and order events in, order requests and facts out. Pure decisions.
//!
//! Owns: signal, risk, pairs, portfolio. Receives: books, order events. Sends: requests, facts.
//! Never: I/O, locks, logs, formatting, heap after start, clock reads.

pub mod agent;
pub mod apply;
mod booking;
mod carry;
pub mod core;
pub mod cycles;
mod entry;
mod exit;
pub mod flow;
pub mod fx;
pub mod limits;
pub mod marks;
pub mod orders;
pub mod pair;
pub mod portfolio;
mod repair;
pub mod repeat;
pub mod residual;
pub mod restore;
pub mod risk;
pub mod show;
pub mod signal;
pub mod trace;
pub mod value;
pub mod view;
mod waits;
