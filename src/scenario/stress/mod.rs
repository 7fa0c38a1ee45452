//! `arb stress`: real conditions around real runs, and whether what must happen does, in time.
//!
//! Owns: the scenarios, the processes that they start, their scratch folders. Receives: the names
//! to play. Sends: what came of each. Never: a number fed into a run; everything is done to the
//! binary from outside or by its own fault schedule, and seen in what it leaves for its users.

pub mod conditions;
pub mod evidence;
pub mod machine;
pub mod perform;
pub mod proxy;
pub mod report;
pub mod script;
pub mod server;
pub mod service;
pub mod settings;
pub mod stage;
pub mod table;
pub mod watch;
