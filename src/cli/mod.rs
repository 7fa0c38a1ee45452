//! Commands: what the arguments mean, and what is printed.

pub mod config;
