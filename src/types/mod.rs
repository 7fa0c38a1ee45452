//! The shared vocabulary: values with units, names, messages between threads. Imports nothing of
//! ours.

pub mod age;
pub mod board;
pub mod calendar;
pub mod carry;
pub mod control;
pub mod counters;
pub mod evidence;
pub mod fact;
pub mod ids;
pub mod journal;
pub mod limit;
pub mod mark;
pub mod market;
pub mod notice;
pub mod number;
pub mod order;
pub mod report;
pub mod rng;
pub mod time;
pub mod units;
