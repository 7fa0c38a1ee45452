//! Tokens of Upbit and Bithumb, really verified. Pure.
//!
//! The token names the key; the secret of that key has to have signed it; its nonce was never used
//! before; it carries the hash of the parameters, if there are any. Bithumb wants a timestamp too.

use std::collections::HashSet;
use std::collections::VecDeque;

use serde::Deserialize;

use crate::net::serve::Request;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::ask::decoded;
use crate::sim::dialect::ask::header;
use crate::sim::exchange::account::Account;
use crate::types::ids::VenueId;
use crate::venue::sign::Secret;
use crate::venue::sign::claimed_payload;
use crate::venue::sign::sha512_hex;
use crate::venue::sign::verified_payload;

/// Nonces that are remembered; the oldest is forgotten first.
const MOST_NONCES: usize = 65_536;
/// A token of Bithumb is good for so long, either way.
const TOKEN_LIFE_MS: u64 = 60_000;

#[derive(Deserialize)]
struct Payload {
    access_key: String,
    nonce: Option<String>,
    query_hash: Option<String>,
    query_hash_alg: Option<String>,
    timestamp: Option<u64>,
}

/// Who may come in.
#[derive(Clone, Debug)]
pub struct Gate {
    venue: VenueId,
    used: HashSet<String>,
    order: VecDeque<String>,
}

fn refused(name: &str, message: &str) -> Answer {
    Answer::named(401, format!("\"{name}\""), message)
}

impl Gate {
    /// Of Upbit or Bithumb.
    pub fn of(venue: VenueId) -> Gate {
        Gate { venue, used: HashSet::new(), order: VecDeque::new() }
    }

    /// The account that sent this request.
    ///
    /// # Errors
    /// The answer that refuses it: status 401 and the venue's name of what is wrong.
    pub fn admit<'e>(
        &mut self,
        request: &Request,
        at: (&'e [Account], SimNow),
    ) -> Result<&'e Account, Answer> {
        let token = header(request, "authorization").and_then(|text| text.strip_prefix("Bearer "));
        let Some(token) = token else {
            return Err(refused("no_authorization_token", "There is no token."));
        };
        let unverified = || refused("jwt_verification", "The token could not be verified.");
        let claimed = claimed_payload(token).map_err(|_| unverified())?;
        let claimed: Payload = serde_json::from_str(&claimed).map_err(|_| unverified())?;
        let mut accounts = at.0.iter();
        let Some(account) = accounts.find(|account| account.key == claimed.access_key) else {
            return Err(refused("invalid_access_key", "There is no such key."));
        };
        let secret = Secret::new(account.secret.as_str());
        let payload = verified_payload(token, &secret).map_err(|_| unverified())?;
        let payload: Payload = serde_json::from_str(&payload).map_err(|_| unverified())?;
        self.check_time(&payload, at.1)?;
        check_query(&payload, request)?;
        self.spend(payload.nonce)?;
        Ok(account)
    }

    fn check_time(&self, payload: &Payload, now: SimNow) -> Result<(), Answer> {
        match (self.venue, payload.timestamp) {
            (VenueId::Bithumb, None) => {
                Err(refused("jwt_verification", "The token has no timestamp."))
            }
            (VenueId::Bithumb, Some(at)) if at.abs_diff(now.wall_ms) > TOKEN_LIFE_MS => {
                Err(refused("expired_jwt", "The token has expired."))
            }
            _ => Ok(()),
        }
    }

    fn spend(&mut self, nonce: Option<String>) -> Result<(), Answer> {
        let Some(nonce) = nonce.filter(|nonce| !nonce.is_empty()) else {
            return Err(refused("jwt_verification", "The token has no nonce."));
        };
        if !self.used.insert(nonce.clone()) {
            let text = "This temporary number has already been used.";
            return Err(refused("nonce_used", text));
        }
        self.order.push_back(nonce);
        if self.order.len() > MOST_NONCES
            && let Some(oldest) = self.order.pop_front()
        {
            self.used.remove(&oldest);
        }
        Ok(())
    }
}

/// The hash is over the parameters as they were sent, not percent-encoded: those of the query, or
/// those of the body in its order.
fn check_query(payload: &Payload, request: &Request) -> Result<(), Answer> {
    let sent = match request.body.is_empty() {
        true => request.query.clone(),
        false => Params::of_json(&request.body).unwrap_or_default().joined(),
    };
    if sent.is_empty() && payload.query_hash.is_none() {
        return Ok(());
    }
    let is_named = payload.query_hash_alg.as_deref().unwrap_or("SHA512") == "SHA512";
    let told = payload.query_hash.as_deref().unwrap_or_default();
    let fits = |text: &str| sha512_hex(text.as_bytes()) == told;
    if is_named && (fits(&decoded(&sent)) || fits(&sent)) {
        return Ok(());
    }
    Err(refused("invalid_query_payload", "The parameters do not fit their hash."))
}
