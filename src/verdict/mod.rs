//! Judgement over what a run left behind. So far: the exact conservation checks.
//!
//! Owns: checks that share no arithmetic with what they check. Never: a thread, a threshold.

pub mod audit;
