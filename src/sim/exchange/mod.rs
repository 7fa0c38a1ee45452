//! One simulated venue without its protocol: books, matching, accounts, and a ledger that is the
//! truth. Pure: time is an argument, nothing is sent.
//!
//! Books are those of the synthetic market. An order takes from the book that stands; what it took
//! stays taken until the next image redraws that book. What does not cross rests, unseen by others,
//! and matches as maker when a later image crosses it.

pub mod account;
pub mod book;
pub mod core;
pub mod ledger;
pub mod limits;
pub mod listing;
pub mod matching;
pub mod order;
pub mod report;
pub mod store;
pub mod trading;
