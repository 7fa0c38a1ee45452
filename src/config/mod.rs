//! Configuration: YAML, environment and flags in, limits that the program may rely on out.
//!
//! Owns: the schema with its defaults and ranges, every message about a broken file. Receives:
//! bytes and strings. Sends: [`load::Loaded`]. Never: a default that is not in the schema, a value
//! that was not checked, a secret from a file. Path of a value: `scan`, `document` (text to a tree
//! with lines), `walk` (tree against the key table of `keys`), `yaml` (typed), `check` (limits).

pub mod check;
pub mod decimal;
pub mod fault;
pub mod keys;
pub mod load;
pub mod schedule;
pub mod simscript;
pub mod yaml;

mod document;
mod scan;
mod walk;
