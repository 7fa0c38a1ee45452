//! Statistics on fixed memory. Each states its rank rule, its window and its empty case.
//!
//! Owns: nothing at run time. Never: I/O, clock, growth.

pub mod edges;
pub mod holm;
pub mod profiler;
pub mod ring;
pub mod shared;
pub mod slope;
pub mod step;
pub mod window;
