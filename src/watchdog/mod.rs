//! The supervisor: reads atomics, writes one permission word, waits for nobody.
//!
//! Owns: the permission and its lease. Receives: pulses. Sends: the permission. Never: I/O, locks.

pub mod agent;
