//! What the outside sees of a run: log, metrics line, process gauges, profilers, heartbeat.
//!
//! Owns: the log file and the writing to stderr, the profilers, the process gauges. Receives:
//! cycle reports, log records. Sends: nothing. It may wait for a disk; nobody waits for it: its
//! links drop and count when it lags. Never: a decision about trading.

pub mod agent;
pub mod console;
pub mod heartbeat;
pub mod limits;
pub mod line;
pub mod log;
pub mod process;
pub mod redis;
pub mod rotate;
pub mod writer;
