//! The watchdog: judges gauges, keeps the state of the run, says what orders may do.
//!
//! Owns: rules, windows, strikes, drain, cooldown, the entry hold. Receives: gauges with their
//! age, the vital signs of threads. Sends: permission, transitions, soft resets, what to persist.
//! Never: I/O, locks, heap after start, clock reads. Time is an argument everywhere.
//!
//! Each 250 ms tick: [`sources`] → gauges → [`rules`] → severity →
//! [`machine::Machine::tick`] → permission. Once per cycle the worst severity since the last one →
//! [`machine::Machine::cycle`] → windows, strikes, soft resets.

pub mod agent;
pub mod beats;
mod criticals;
pub mod gauge;
pub mod limits;
pub mod liveness;
pub mod machine;
mod minute;
pub mod permission;
#[cfg(test)]
mod proof;
pub mod rules;
pub mod signal;
pub mod sources;
pub mod state;
pub mod step;
mod windows;
