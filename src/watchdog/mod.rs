//! The watchdog: judges gauges, keeps the state of the run, says what orders may do.
//!
//! Owns: rules, windows, strikes, drain, cooldown, the entry hold. Receives: gauges with their
//! age, the vital signs of threads. Sends: permission, transitions, soft resets, what to persist.
//! Never: I/O, locks, heap after start, clock reads. Time is an argument everywhere.
//!
//! So far [`agent`] sees dead threads and renews the lease; rules and machine are not joined to
//! it yet.
//!
//! Each 250 ms tick: [`liveness`] and atomics → gauges → [`rules`] → severity →
//! [`machine::Machine::tick`] → permission. Once per cycle the worst severity since the last one →
//! [`machine::Machine::cycle`] → windows, strikes, soft resets.

pub mod agent;
mod criticals;
pub mod gauge;
pub mod limits;
pub mod liveness;
pub mod machine;
pub mod permission;
#[cfg(test)]
mod proof;
pub mod rules;
pub mod signal;
pub mod state;
pub mod step;
mod windows;
