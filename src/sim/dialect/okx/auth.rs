//! Signed requests and logins of OKX, really verified: key, passphrase, time, signature. Pure.

use crate::net::serve::Request;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::header;
use crate::sim::exchange::account::Account;
use crate::venue::sign::Hash;
use crate::venue::sign::Secret;
use crate::venue::sign::Signature;
use crate::venue::sign::verify_hmac;

/// A request is good for so long, either way, ms.
const LIFE_MS: u64 = 30_000;

/// Code and words of a refusal.
pub type Denied = (&'static str, String);

/// The account that signed a request.
///
/// # Errors
/// 50103 for a missing header, 50111 for the key, 50105 for the passphrase, 50112 and 50102 for the
/// time, 50113 for the signature.
pub fn admit<'e>(request: &Request, at: (&'e [Account], SimNow)) -> Result<&'e Account, Denied> {
    let head = |name: &str| header(request, name).unwrap_or_default();
    let (key, stamp) = (head("ok-access-key"), head("ok-access-timestamp"));
    if key.is_empty() {
        return Err(("50103", "Request header \"OK-ACCESS-KEY\" can't be empty.".to_owned()));
    }
    let mut accounts = at.0.iter();
    let Some(account) = accounts.find(|account| account.key == key) else {
        return Err(("50111", "Invalid OK-ACCESS-KEY".to_owned()));
    };
    if head("ok-access-passphrase") != account.passphrase {
        let text = "Request header \"OK-ACCESS-PASSPHRASE\" incorrect.";
        return Err(("50105", text.to_owned()));
    }
    let Some(stamp_ms) = iso_ms(stamp) else {
        return Err(("50112", "Invalid OK-ACCESS-TIMESTAMP".to_owned()));
    };
    if stamp_ms.abs_diff(at.1.wall_ms) > LIFE_MS {
        return Err(("50102", "Timestamp request expired".to_owned()));
    }
    let query = match request.query.is_empty() {
        true => String::new(),
        false => format!("?{}", request.query),
    };
    let body = String::from_utf8_lossy(&request.body);
    let payload = [stamp, &request.method, &request.path, &query, &body].concat();
    if fits(account, &payload, head("ok-access-sign")) {
        return Ok(account);
    }
    Err(("50113", "Invalid signature".to_owned()))
}

/// What a login carries.
pub struct Login<'a> {
    /// The key.
    pub key: &'a str,
    /// Its third part.
    pub passphrase: &'a str,
    /// Seconds since 1970.
    pub timestamp: &'a str,
    /// Over time, `GET` and `/users/self/verify`.
    pub sign: &'a str,
}

/// The account of a login.
///
/// # Errors
/// 60006 if it is not of the last or next 30 s, else 60009.
pub fn logon<'e>(login: &Login<'_>, at: (&'e [Account], SimNow)) -> Result<&'e Account, Denied> {
    let failed = || ("60009", "Login failed.".to_owned());
    let mut accounts = at.0.iter();
    let account = accounts.find(|account| account.key == login.key).ok_or_else(failed)?;
    let seconds: u64 = login.timestamp.parse().map_err(|_| failed())?;
    if seconds.saturating_mul(1_000).abs_diff(at.1.wall_ms) > LIFE_MS {
        return Err(("60006", "Timestamp request expired".to_owned()));
    }
    let payload = format!("{}GET/users/self/verify", login.timestamp);
    let is_right = login.passphrase == account.passphrase;
    if is_right && fits(account, &payload, login.sign) { Ok(account) } else { Err(failed()) }
}

fn fits(account: &Account, payload: &str, signature: &str) -> bool {
    let secret = Secret::new(account.secret.as_str());
    Signature::from_base64(signature)
        .is_some_and(|signature| verify_hmac(Hash::Sha256, &secret, payload.as_bytes(), &signature))
}

/// `2020-12-08T09:08:57.715Z` in ms since 1970; `None` if it is not written like that.
fn iso_ms(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let is_shaped = text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    if !is_shaped {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    // Years are counted from March, so that a leap day is the last day of its year.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day;
    let days = days.checked_sub(719_469)?;
    let seconds = ((days * 24 + number(11, 13)?) * 60 + number(14, 16)?) * 60 + number(17, 19)?;
    Some(seconds * 1_000 + number(20, 23)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_to_the_millisecond() {
        assert_eq!(iso_ms("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(iso_ms("2020-12-08T09:08:57.715Z"), Some(1_607_418_537_715));
        assert_eq!(iso_ms("2024-02-29T00:00:00.001Z"), Some(1_709_164_800_001));
        for odd in ["", "2020-12-08 09:08:57.715Z", "2020-13-08T09:08:57.715Z", "1607418537715"] {
            assert_eq!(iso_ms(odd), None, "{odd}");
        }
    }
}
