//! Authentication: published and computed vectors are accepted, every kind of bad one refused.

use arb::net::serve::Request;
use arb::sim::dialect::SimNow;
use arb::sim::dialect::ask::Params;
use arb::sim::dialect::binance::auth::Signed;
use arb::sim::dialect::korean::auth::Gate;
use arb::sim::exchange::account::Account;
use arb::sim::exchange::listing::TEST_ED25519_SECRET;
use arb::sim::exchange::order::AccountId;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::sign::Hash;
use arb::venue::sign::Secret;
use arb::venue::sign::SigningKey;
use arb::venue::sign::token;
use serde_json::Value;

use crate::hall::Hall;
use crate::hall::body;
use crate::hall::request;
use crate::hall::said;
use crate::hall::with_header;
use crate::keys::korean_token;
use crate::keys::private_seat;
use crate::keys::signed;
use crate::keys::trader;

/// The vectors beside the repository; `None` where they are absent.
fn vectors() -> Option<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/auth_vectors.json");
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        println!("skipped: the shared fixtures are absent");
    }
    serde_json::from_str(&text?).ok()
}

fn account(key: &str, secret: &str) -> Account {
    Account {
        id: AccountId(0),
        key: key.to_owned(),
        secret: secret.to_owned(),
        passphrase: String::new(),
        ed25519: None,
        may_withdraw: false,
    }
}

fn at(wall_ms: u64) -> SimNow {
    let wall = WallNs(wall_ms * 1_000_000);
    SimNow { now: Now { mono: MonoNs(0), wall }, wall_ms }
}

#[test]
fn every_token_among_the_vectors_is_accepted_for_its_parameters_only() {
    let Some(vectors) = vectors() else { return };
    let mut seen = 0;
    for venue in [VenueId::Upbit, VenueId::Bithumb] {
        for vector in vectors[venue.name()].as_array().expect("vectors") {
            let text = |name: &str| vector[name].as_str().unwrap_or_default().to_owned();
            if vector["token"].is_null() || text("secret").is_empty() {
                continue;
            }
            let payload: Value = serde_json::from_str(&text("jwt_payload_json")).expect("JSON");
            let now = at(payload["timestamp"].as_u64().unwrap_or(0));
            let accounts = [account(&text("access_key"), &text("secret"))];
            let bearer = format!("Bearer {}", text("token"));
            let mut asked = with_header(request("GET", "/v1/accounts"), "authorization", &bearer);
            match vector["http_body"].as_str() {
                Some(body) => asked.body = body.as_bytes().to_vec(),
                None => asked.query = text("query_string_hashed"),
            }
            let found = Gate::of(venue).admit(&asked, (&accounts, now));
            assert!(found.is_ok(), "{}: {found:?}", text("name"));
            let mut other = asked.clone();
            (other.query, other.body) = ("market=KRW-XRP".to_owned(), Vec::new());
            let refused = Gate::of(venue).admit(&other, (&accounts, now));
            assert_eq!(refused.err().map(|answer| answer.status), Some(401));
            seen += 1;
        }
    }
    assert!(seen >= 13, "{seen} vectors");
}

#[test]
fn binance_signs_what_the_vectors_sign() {
    let Some(vectors) = vectors() else { return };
    for vector in vectors["binance"].as_array().expect("vectors") {
        let text = |name: &str| vector[name].as_str().unwrap_or_default().to_owned();
        if !text("name").starts_with("rest") {
            continue;
        }
        let query = format!("{}&signature={}", text("payload"), text("signature"));
        let asked = Request { query, ..request("POST", "/api/v3/order") };
        let asked = with_header(asked, "x-mbx-apikey", &text("api_key"));
        let params = Params::of_query(&asked.query);
        let now = at(params.whole("timestamp").expect("a time"));
        let accounts = [account(&text("api_key"), &text("secret"))];
        let kinds = arb::sim::dialect::binance::auth::Kinds::All;
        let found = Signed::of_request(&asked, &params).verify((&accounts, now), kinds);
        assert!(found.is_ok(), "{}: {found:?}", text("name"));
    }
}

fn name_of(hall: &mut Hall, request: &Request) -> (u16, String) {
    let answer = hall.http(request);
    let found = body(&answer);
    let code = [&found["error"]["name"], &found["code"], &found["retCode"]];
    let code = code.into_iter().find(|value| !value.is_null()).expect("a code").to_string();
    (answer.status, code.trim_matches('"').to_owned())
}

#[test]
fn each_flaw_of_a_korean_token_has_its_name() {
    for venue in [VenueId::Upbit, VenueId::Bithumb] {
        let mut hall = Hall::of(venue);
        let bearer = |token: &str| {
            let header = format!("Bearer {token}");
            with_header(request("GET", "/v1/accounts"), "authorization", &header)
        };
        let naked = request("GET", "/v1/accounts");
        let refused = |hall: &mut Hall, asked: &Request| {
            let (status, name) = name_of(hall, asked);
            assert_eq!(status, 401, "{venue:?}");
            name
        };
        assert_eq!(refused(&mut hall, &naked), "no_authorization_token");
        assert_eq!(refused(&mut hall, &bearer("a.b.c")), "jwt_verification");
        let good = korean_token(&hall, "n1", "");
        assert_eq!(hall.http(&bearer(&good)).status, 200);
        assert_eq!(refused(&mut hall, &bearer(&good)), "nonce_used");
        let mut other = bearer(&korean_token(&hall, "n2", "market=KRW-BTC"));
        other.query = "market=KRW-ETH".to_owned();
        assert_eq!(refused(&mut hall, &other), "invalid_query_payload");
        let forged = token(
            Hash::Sha256,
            &Secret::new("another"),
            &format!(r#"{{"access_key":"{}","nonce":"n3"}}"#, trader(&hall).key),
        );
        assert_eq!(refused(&mut hall, &bearer(&forged)), "jwt_verification");
        if venue == VenueId::Bithumb {
            let old = korean_token(&hall, "n4", "");
            hall.pass(DurNs::from_secs(120));
            assert_eq!(refused(&mut hall, &bearer(&old)), "expired_jwt");
        }
    }
}

/// Header, what it is made, status and code of the answer.
type Flaw = (&'static str, &'static str, u16, &'static str);

#[test]
fn each_flaw_of_a_signed_request_has_its_code() {
    let cases: [(VenueId, &str, &[Flaw]); 3] = [
        (VenueId::Binance, "/api/v3/account", &[("x-mbx-apikey", "nobody", 401, "-2015")]),
        (
            VenueId::Bybit,
            "/v5/account/wallet-balance",
            &[
                ("x-bapi-api-key", "nobody", 200, "10003"),
                ("x-bapi-timestamp", "1000", 200, "10002"),
                ("x-bapi-sign", "00ff", 200, "10004"),
            ],
        ),
        (
            VenueId::Okx,
            "/api/v5/account/balance",
            &[
                ("ok-access-key", "nobody", 401, "50111"),
                ("ok-access-passphrase", "wrong", 401, "50105"),
                ("ok-access-timestamp", "2020-12-08T09:08:57.715Z", 401, "50102"),
                ("ok-access-timestamp", "yesterday", 401, "50112"),
                ("ok-access-sign", "AAAA", 401, "50113"),
            ],
        ),
    ];
    for (venue, path, flaws) in cases {
        let mut hall = Hall::of(venue);
        let good = signed(&mut hall, ("GET", path), &[]);
        assert_eq!(hall.http(&good).status, 200, "{venue:?}");
        for (header, value, status, code) in flaws {
            let mut bad = signed(&mut hall, ("GET", path), &[]);
            for (name, text) in &mut bad.headers.0 {
                if name == header {
                    *text = (*value).to_owned();
                }
            }
            let told = name_of(&mut hall, &bad);
            assert_eq!(told, (*status, (*code).to_owned()), "{venue:?} {header}");
        }
    }
}

#[test]
fn binance_tells_apart_time_signature_and_key() {
    let mut hall = Hall::of(VenueId::Binance);
    let path = "/api/v3/account";
    let mut forged = signed(&mut hall, ("GET", path), &[]);
    forged.query = forged.query.replace("signature=", "signature=0");
    assert_eq!(name_of(&mut hall, &forged), (400, "-1022".to_owned()));
    assert_eq!(name_of(&mut hall, &request("GET", path)), (401, "-2014".to_owned()));
    let late = signed(&mut hall, ("GET", path), &[]);
    hall.pass(DurNs::from_ms(5_001));
    assert_eq!(name_of(&mut hall, &late), (400, "-1021".to_owned()));
    let far = signed(&mut hall, ("GET", path), &[("recvWindow", "60001")]);
    assert_eq!(name_of(&mut hall, &far), (400, "-1131".to_owned()));
}

#[test]
fn a_binance_session_needs_ed25519_and_then_no_signature() {
    let mut hall = Hall::of(VenueId::Binance);
    let mut seat = hall.seat("/ws-api/v3");
    let params = crate::keys::api_params(&hall, &[]);
    let logon = |params: &str| format!(r#"{{"id":7,"method":"session.logon","params":{params}}}"#);
    let refused = said(&hall.say(&mut seat, &logon(&params))).remove(0);
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&7.into(), &(-4056).into()));
    let seed: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&TEST_ED25519_SECRET[at * 2..at * 2 + 2], 16).expect("hex"))
        .collect();
    let key = SigningKey::from_seed(&Secret::new(seed)).expect("a seed");
    let (own, now_ms) = (trader(&hall).key, hall.now().wall_ms);
    let sign = key.sign(format!("apiKey={own}&timestamp={now_ms}").as_bytes()).base64();
    let params = format!(r#"{{"apiKey":"{own}","timestamp":{now_ms},"signature":"{sign}"}}"#);
    let done = said(&hall.say(&mut seat, &logon(&params))).remove(0);
    assert_eq!((&done["status"], &done["result"]["apiKey"]), (&200.into(), &own.into()));
    let text = r#"{"id":8,"method":"userDataStream.subscribe"}"#;
    assert_eq!(said(&hall.say(&mut seat, text))[0]["result"]["subscriptionId"], 0);
    assert_eq!(said(&hall.say(&mut seat, text))[0]["error"]["code"], -2035);
    let text = format!(r#"{{"id":9,"method":"account.status","params":{{"timestamp":{now_ms}}}}}"#);
    assert_eq!(said(&hall.say(&mut seat, &text))[0]["result"]["canTrade"], true);
}

#[test]
fn private_sockets_refuse_who_is_not_known() {
    for venue in [VenueId::Upbit, VenueId::Bithumb] {
        let mut hall = Hall::of(venue);
        let path =
            if venue == VenueId::Upbit { "/websocket/v1/private" } else { "/websocket/v2/private" };
        assert_eq!(hall.open(path).err().map(|answer| answer.status), Some(401));
        let mut seat = hall.seat("/websocket/v1");
        let out = said(&hall.say(&mut seat, r#"[{"ticket":"t"},{"type":"myOrder"}]"#));
        assert_eq!(out[0]["error"]["name"], "INVALID_AUTH");
    }
    let mut hall = Hall::of(VenueId::Bybit);
    let mut seat = hall.seat("/v5/private");
    let out = said(&hall.say(&mut seat, r#"{"op":"subscribe","args":["order"]}"#));
    assert_eq!(out[0]["success"], false);
    let mut forged = trader(&hall);
    forged.secret.push('x');
    let text = crate::keys::bybit_auth(&forged, hall.now().wall_ms + 5_000);
    assert_eq!(said(&hall.say(&mut seat, &text))[0]["success"], false);
    assert_eq!(seat.account, None);

    let mut hall = Hall::of(VenueId::Okx);
    let mut seat = hall.seat("/ws/v5/private");
    let text = r#"{"op":"subscribe","args":[{"channel":"account"}]}"#;
    assert_eq!(said(&hall.say(&mut seat, text))[0]["code"], "60011");
    let text = crate::keys::okx_login(&trader(&hall), hall.now().wall_ms / 1_000, "AAAA");
    assert_eq!(said(&hall.say(&mut seat, &text))[0]["code"], "60009");
    let late = crate::keys::okx_login(&trader(&hall), 1_000, "AAAA");
    assert_eq!(said(&hall.say(&mut seat, &late))[0]["code"], "60006");
}

#[test]
fn private_sockets_take_who_signs() {
    for venue in VenueId::ALL {
        let mut hall = Hall::of(venue);
        let (seat, out) = private_seat(&mut hall);
        assert!(seat.account.is_some(), "{venue:?}: {out:?}");
        for answer in said(&out) {
            assert!(answer.get("error").is_none(), "{answer}");
            assert_ne!(answer["success"], false, "{answer}");
            assert_ne!(answer["event"], "error", "{answer}");
        }
    }
}
