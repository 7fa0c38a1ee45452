//! The simulated venues' protocols against our own codecs, without any socket: what a dialect
//! writes is read back into the same book, and what a venue refuses is refused in its words.

#![allow(clippy::expect_used, reason = "a test stops where something is not as it has to be")]

#[path = "sim_dialects/hall.rs"]
mod hall;
#[path = "sim_dialects/keys.rs"]
mod keys;

#[path = "sim_dialects/accounts.rs"]
mod accounts;
#[path = "sim_dialects/auth.rs"]
mod auth;
#[path = "sim_dialects/books.rs"]
mod books;
#[path = "sim_dialects/manners.rs"]
mod manners;
#[path = "sim_dialects/quirks.rs"]
mod quirks;
#[path = "sim_dialects/requests.rs"]
mod requests;
