//! What the outside sees of a run: log, metrics line, process gauges, profilers, heartbeat, and the
//! evidence that a verdict is read from: snapshots, minutes, events.
//!
//! Owns: the log file and the writing to stderr, the files of the evidence, the profilers, the
//! process gauges. Receives: cycle reports, notices, log records; reads boards and pulses. Sends:
//! nothing. It may wait for a disk; nobody waits for it: its links drop and count when it lags.
//! Never: a decision about trading.

pub mod agent;
pub mod append;
pub mod console;
pub mod end;
pub mod events;
pub mod evidence;
pub mod gauges;
pub mod heartbeat;
pub mod inbox;
pub mod intervals;
pub mod limits;
pub mod line;
pub mod log;
pub mod longrun;
pub mod minute;
pub mod process;
pub mod redis;
pub mod rotate;
pub mod snapshot;
pub mod sources;
pub mod store;
pub mod writer;
