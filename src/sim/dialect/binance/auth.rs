//! Signed requests of Binance, really verified: HMAC or Ed25519, time, key. Pure.

use crate::net::serve::Request;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::ask::header;
use crate::sim::dialect::binance::market::missing;
use crate::sim::exchange::account::Account;
use crate::venue::sign::Hash;
use crate::venue::sign::PublicKey;
use crate::venue::sign::Secret;
use crate::venue::sign::Signature;
use crate::venue::sign::verify_hmac;

/// How long a request is good for without a word about it, and at most, ms.
const USUAL_WINDOW_MS: u64 = 5_000;
const MOST_WINDOW_MS: u64 = 60_000;
/// How far ahead of the venue a request may be, ms.
const AHEAD_MS: u64 = 1_000;
/// Times from here on are microseconds.
const MICROSECONDS_FROM: u64 = 100_000_000_000_000;

/// A request whose signature is to be looked at.
pub struct Signed<'a> {
    /// The key that it names.
    pub key: Option<&'a str>,
    /// What was signed.
    pub payload: String,
    /// All parameters.
    pub params: &'a Params,
}

/// Which kinds of signatures are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kinds {
    /// Any that the account has a key for.
    All,
    /// Ed25519 alone: a session.
    Ed25519,
}

impl<'a> Signed<'a> {
    /// Of a REST request: query and body, each as sent, without the signature.
    pub fn of_request(request: &'a Request, params: &'a Params) -> Signed<'a> {
        let body = String::from_utf8_lossy(&request.body);
        let payload = [unsigned(&request.query), unsigned(&body)].concat();
        Signed { key: header(request, "x-mbx-apikey"), payload, params }
    }
    /// Of a request on the WebSocket API: parameters sorted by name.
    pub fn of_params(params: &'a Params) -> Signed<'a> {
        let mut sorted = params.clone();
        sorted.0.retain(|(name, _)| name != "signature");
        sorted.0.sort();
        Signed { key: params.get("apiKey"), payload: sorted.joined(), params }
    }

    /// The account that signed it.
    ///
    /// # Errors
    /// The venue's refusal.
    pub fn verify<'e>(
        &self,
        at: (&'e [Account], SimNow),
        kinds: Kinds,
    ) -> Result<&'e Account, Answer> {
        let Some(key) = self.key else {
            return Err(Answer::coded(401, -2014, "API-key format invalid."));
        };
        let mut accounts = at.0.iter();
        let Some(account) = accounts.find(|account| account.key == key) else {
            let text = "Invalid API-key, IP, or permissions for action.";
            return Err(Answer::coded(401, -2015, text));
        };
        check_time(self.params, at.1.wall_ms)?;
        let signature = self.params.get("signature").ok_or_else(|| missing("signature"))?;
        let is_ed25519 = fits_ed25519(account, &self.payload, signature);
        let is_hmac = fits_hmac(account, &self.payload, signature);
        match kinds {
            _ if is_ed25519 => Ok(account),
            Kinds::All if is_hmac => Ok(account),
            Kinds::Ed25519 if is_hmac => {
                Err(Answer::coded(400, -4056, "HMAC_SHA256 API key is not supported."))
            }
            _ => Err(Answer::coded(400, -1022, "Signature for this request is not valid.")),
        }
    }
}

fn unsigned(text: &str) -> String {
    let pairs = text.split('&').filter(|pair| !pair.starts_with("signature="));
    pairs.collect::<Vec<&str>>().join("&")
}

fn fits_hmac(account: &Account, payload: &str, signature: &str) -> bool {
    let secret = Secret::new(account.secret.as_str());
    Signature::from_hex(signature)
        .is_some_and(|signature| verify_hmac(Hash::Sha256, &secret, payload.as_bytes(), &signature))
}

fn fits_ed25519(account: &Account, payload: &str, signature: &str) -> bool {
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = account.ed25519.as_ref().and_then(|bytes| PublicKey::from_hex(&hex(bytes)));
    let signature = Signature::from_base64(signature);
    key.zip(signature).is_some_and(|(key, signature)| key.verify(payload.as_bytes(), &signature))
}

/// A request is good from its time on, for its window.
///
/// # Errors
/// The venue's refusal.
pub fn check_time(params: &Params, now_ms: u64) -> Result<(), Answer> {
    let at = params.whole("timestamp").ok_or_else(|| missing("timestamp"))?;
    let at_ms = if at >= MICROSECONDS_FROM { at / 1_000 } else { at };
    let window = params.get("recvWindow").and_then(|text| text.split('.').next()?.parse().ok());
    let window_ms: u64 = window.unwrap_or(USUAL_WINDOW_MS);
    if window_ms > MOST_WINDOW_MS {
        let text = "recvWindow must be less than 60000";
        return Err(Answer::coded(400, -1131, text));
    }
    if at_ms >= now_ms.saturating_add(AHEAD_MS) {
        let text = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(Answer::coded(400, -1021, text));
    }
    if now_ms.saturating_sub(at_ms) > window_ms {
        let text = "Timestamp for this request is outside of the recvWindow.";
        return Err(Answer::coded(400, -1021, text));
    }
    Ok(())
}
