//! Commands: arguments in, text and an exit code out.
//!
//! Owns: flags, what is printed. Never: a decision.

pub mod decode;
