//! Signed requests and sockets of Bybit, really verified. Pure.

use crate::net::serve::Request;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::header;
use crate::sim::exchange::account::Account;
use crate::venue::sign::Hash;
use crate::venue::sign::Secret;
use crate::venue::sign::Signature;
use crate::venue::sign::verify_hmac;

/// How far ahead of the venue a request may be, ms.
const AHEAD_MS: u64 = 1_000;
/// How long a request is good for without a word about it, ms.
const USUAL_WINDOW_MS: u64 = 5_000;

/// Code and words of a refusal.
pub type Denied = (i64, String);

/// The account that signed a request.
///
/// # Errors
/// 10003 for the key, 10002 for the time, 10004 for the signature.
pub fn admit<'e>(request: &Request, at: (&'e [Account], SimNow)) -> Result<&'e Account, Denied> {
    let head = |name: &str| header(request, name).unwrap_or_default();
    let account = of_key(head("x-bapi-api-key"), at.0)?;
    let (stamp, window) = (head("x-bapi-timestamp"), head("x-bapi-recv-window"));
    check_time(stamp, window, at.1.wall_ms)?;
    let sent = match request.method.as_str() {
        "GET" => request.query.clone(),
        _ => String::from_utf8_lossy(&request.body).into_owned(),
    };
    let payload = [stamp, account.key.as_str(), window, sent.as_str()].concat();
    check_sign(account, &payload, head("x-bapi-sign")).map(|()| account)
}

/// The account that opened a session: key, when it expires (ms), signature.
///
/// # Errors
/// As [`admit`].
pub fn logon<'e>(args: [&str; 3], at: (&'e [Account], SimNow)) -> Result<&'e Account, Denied> {
    let [key, expires, signature] = args;
    let account = of_key(key, at.0)?;
    if expires.parse::<u64>().is_ok_and(|expires| expires > at.1.wall_ms) {
        return check_sign(account, &format!("GET/realtime{expires}"), signature).map(|()| account);
    }
    Err((10004, "Params Error".to_owned()))
}

fn of_key<'e>(key: &str, accounts: &'e [Account]) -> Result<&'e Account, Denied> {
    let found = accounts.iter().find(|account| account.key == key);
    found.ok_or_else(|| (10003, "API key is invalid.".to_owned()))
}

/// `server - window <= stamp < server + 1000`.
///
/// # Errors
/// 10002.
pub fn check_time(stamp: &str, window: &str, now_ms: u64) -> Result<(), Denied> {
    let window_ms: u64 = window.parse().unwrap_or(USUAL_WINDOW_MS);
    let is_good = stamp.parse::<u64>().is_ok_and(|at| {
        at >= now_ms.saturating_sub(window_ms) && at < now_ms.saturating_add(AHEAD_MS)
    });
    if is_good {
        return Ok(());
    }
    let text = format!(
        "invalid request, please check your server timestamp or recv_window param. \
         req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window_ms}]"
    );
    Err((10002, text))
}

fn check_sign(account: &Account, payload: &str, signature: &str) -> Result<(), Denied> {
    let secret = Secret::new(account.secret.as_str());
    let fits = Signature::from_hex(signature).is_some_and(|signature| {
        verify_hmac(Hash::Sha256, &secret, payload.as_bytes(), &signature)
    });
    if fits { Ok(()) } else { Err((10004, format!("error sign! origin_string[{payload}]"))) }
}
