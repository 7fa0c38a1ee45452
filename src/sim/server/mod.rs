//! The local exchange on loopback: five venues behind sockets, each an exchange and its dialect,
//! and faults on command.
//!
//! Owns: listeners, connections, what is broken on purpose. Bounded: connections, what waits to be
//! sent (a slow reader is cut), faults, the time that it serves. Never: anything beyond loopback.

pub mod admin;
pub mod agent;
pub mod connection;
pub mod faults;
pub mod frames;
pub mod house;
pub mod limits;
pub mod requests;
pub mod siege;
pub mod stats;
pub mod tour;
pub mod wordedlimits;
