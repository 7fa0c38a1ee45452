//! Who may trade at a simulated venue, and with which keys.

use crate::sim::exchange::order::AccountId;

/// One account. Its keys are worth nothing: they open a simulated venue on loopback only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its number at the venue.
    pub id: AccountId,
    /// Public part of its key.
    pub key: String,
    /// Secret that signs requests.
    pub secret: String,
    /// Third part of the key at OKX; empty elsewhere.
    pub passphrase: String,
    /// Ed25519 public key, 32 bytes, where the account may sign with one.
    pub ed25519: Option<Vec<u8>>,
    /// The key may withdraw too: a careful client refuses to trade with it.
    pub may_withdraw: bool,
}
