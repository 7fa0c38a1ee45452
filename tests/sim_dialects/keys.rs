//! Requests signed as each venue's client signs them.

use arb::net::serve::Request;
use arb::sim::dialect::Out;
use arb::sim::dialect::seat::Seat;
use arb::sim::exchange::account::Account;
use arb::types::calendar::Utc;
use arb::types::ids::VenueId;
use arb::types::time::WallNs;
use arb::venue::sign::Hash;
use arb::venue::sign::Secret;
use arb::venue::sign::hmac;
use arb::venue::sign::sha512_hex;
use arb::venue::sign::token;

use crate::hall::Hall;
use crate::hall::request;
use crate::hall::with_header;

/// Names and values of a request, in order.
pub type Fields<'a> = &'a [(&'a str, &'a str)];

pub fn trader(hall: &Hall) -> Account {
    hall.exchange.accounts()[0].clone()
}

pub fn query(fields: Fields<'_>) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

pub fn json(fields: Fields<'_>) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    format!("{{{}}}", pairs.join(","))
}

/// A token of Upbit or Bithumb with its own nonce.
pub fn korean_token(hall: &Hall, nonce: &str, hashed: &str) -> String {
    let account = trader(hall);
    let mut payload = format!(r#"{{"access_key":"{}","nonce":"{nonce}""#, account.key);
    if hall.venue == VenueId::Bithumb {
        payload.push_str(&format!(r#","timestamp":{}"#, hall.now().wall_ms));
    }
    if !hashed.is_empty() {
        let hash = sha512_hex(hashed.as_bytes());
        payload.push_str(&format!(r#","query_hash":"{hash}","query_hash_alg":"SHA512""#));
    }
    payload.push('}');
    let hash = if hall.venue == VenueId::Upbit { Hash::Sha512 } else { Hash::Sha256 };
    token(hash, &Secret::new(account.secret), &payload)
}

/// `2020-12-08T09:08:57.715Z`.
pub fn iso(at_ms: u64) -> String {
    format!("{}Z", &Utc::of(WallNs(at_ms * 1_000_000)).iso().to_string()[..23])
}

/// A private request, signed.
pub fn signed(hall: &mut Hall, how: (&str, &str), fields: Fields<'_>) -> Request {
    let (method, path) = how;
    let account = trader(hall);
    let secret = Secret::new(account.secret.as_str());
    let now_ms = hall.now().wall_ms;
    let has_body = method == "POST" && hall.venue != VenueId::Binance;
    let (query, body) = match has_body {
        true => (String::new(), json(fields)),
        false => (query(fields), String::new()),
    };
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let mut out = request(method, &target);
    out.body = body.clone().into_bytes();
    match hall.venue {
        VenueId::Upbit | VenueId::Bithumb => {
            let nonce = format!("nonce-{}", hall.next());
            let hashed = crate::keys::query(fields);
            let token = korean_token(hall, &nonce, &hashed);
            with_header(out, "authorization", &format!("Bearer {token}"))
        }
        VenueId::Binance => {
            let joint = if query.is_empty() { "" } else { "&" };
            let payload = format!("{query}{joint}timestamp={now_ms}");
            let sign = hmac(Hash::Sha256, &secret, payload.as_bytes()).hex();
            out.query = format!("{payload}&signature={sign}");
            with_header(out, "x-mbx-apikey", &account.key)
        }
        VenueId::Bybit => {
            let payload = format!("{now_ms}{}5000{query}{body}", account.key);
            let sign = hmac(Hash::Sha256, &secret, payload.as_bytes()).hex();
            let out = with_header(out, "x-bapi-api-key", &account.key);
            let out = with_header(out, "x-bapi-timestamp", &now_ms.to_string());
            let out = with_header(out, "x-bapi-recv-window", "5000");
            with_header(out, "x-bapi-sign", &sign)
        }
        VenueId::Okx => {
            let stamp = iso(now_ms);
            let payload = format!("{stamp}{method}{target}{body}");
            let sign = hmac(Hash::Sha256, &secret, payload.as_bytes()).base64();
            let out = with_header(out, "ok-access-key", &account.key);
            let out = with_header(out, "ok-access-timestamp", &stamp);
            let out = with_header(out, "ok-access-passphrase", &account.passphrase);
            with_header(out, "ok-access-sign", &sign)
        }
    }
}

/// Parameters of the WebSocket API of Binance with key, time and signature.
pub fn api_params(hall: &Hall, fields: Fields<'_>) -> String {
    let account = trader(hall);
    let now = hall.now().wall_ms.to_string();
    let mut sorted: Vec<(&str, &str)> = fields.to_vec();
    sorted.extend([("apiKey", account.key.as_str()), ("timestamp", &now)]);
    sorted.sort();
    let payload = query(&sorted);
    let sign = hmac(Hash::Sha256, &Secret::new(account.secret), payload.as_bytes()).hex();
    sorted.push(("signature", &sign));
    json(&sorted)
}

/// A private socket on which orders and balances of the trader are subscribed, and what it was sent
/// meanwhile.
pub fn private_seat(hall: &mut Hall) -> (Seat, Vec<Out>) {
    let account = trader(hall);
    let secret = Secret::new(account.secret.as_str());
    let now_ms = hall.now().wall_ms;
    match hall.venue {
        VenueId::Upbit | VenueId::Bithumb => {
            let path = match hall.venue {
                VenueId::Upbit => "/websocket/v1/private",
                _ => "/websocket/v2/private",
            };
            let nonce = format!("nonce-{}", hall.next());
            let token = format!("Bearer {}", korean_token(hall, &nonce, ""));
            let request = with_header(request("GET", path), "authorization", &token);
            let now = hall.now();
            let opened = hall.dialect.open(&request, (&hall.exchange, now));
            let mut seat = opened.expect("a private seat").0;
            let text = r#"[{"ticket":"t"},{"type":"myOrder"},{"type":"myAsset"}]"#;
            let out = hall.say(&mut seat, text);
            (seat, out)
        }
        VenueId::Binance => {
            let mut seat = hall.seat("/ws-api/v3");
            let params = api_params(hall, &[]);
            let out = hall.say(
                &mut seat,
                &format!(
                    r#"{{"id":1,"method":"userDataStream.subscribe.signature","params":{params}}}"#
                ),
            );
            (seat, out)
        }
        VenueId::Bybit => {
            let mut seat = hall.seat("/v5/private");
            let auth = bybit_auth(&account, now_ms + 5_000);
            let mut out = hall.say(&mut seat, &auth);
            let text = r#"{"op":"subscribe","args":["order","execution","wallet"]}"#;
            out.extend(hall.say(&mut seat, text));
            (seat, out)
        }
        VenueId::Okx => {
            let mut seat = hall.seat("/ws/v5/private");
            let at = now_ms / 1_000;
            let payload = format!("{at}GET/users/self/verify");
            let sign = hmac(Hash::Sha256, &secret, payload.as_bytes()).base64();
            let mut out = hall.say(&mut seat, &okx_login(&account, at, &sign));
            let text = r#"{"op":"subscribe","args":[{"channel":"orders","instType":"SPOT"},
                {"channel":"account"}]}"#;
            out.extend(hall.say(&mut seat, text));
            (seat, out)
        }
    }
}

pub fn bybit_auth(account: &Account, expires: u64) -> String {
    let secret = Secret::new(account.secret.as_str());
    let sign = hmac(Hash::Sha256, &secret, format!("GET/realtime{expires}").as_bytes()).hex();
    format!(r#"{{"op":"auth","args":["{}",{expires},"{sign}"]}}"#, account.key)
}

pub fn okx_login(account: &Account, at: u64, sign: &str) -> String {
    format!(
        r#"{{"op":"login","args":[{{"apiKey":"{}","passphrase":"{}","timestamp":"{at}",
        "sign":"{sign}"}}]}}"#,
        account.key, account.passphrase
    )
}
