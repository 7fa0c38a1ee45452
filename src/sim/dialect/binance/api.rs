//! The WebSocket API of Binance: requests with ids, a session, the user stream. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::binance::auth::Kinds;
use crate::sim::dialect::binance::auth::Signed;
use crate::sim::dialect::binance::auth::check_time;
use crate::sim::dialect::binance::desk::Want;
use crate::sim::dialect::binance::market::RATE_LIMITS;
use crate::sim::dialect::binance::market::rate_limit;
use crate::sim::dialect::binance::seat::BinanceSeat;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::quoted;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountId;

/// A request as it came.
pub struct Asked {
    /// The client's id of it, JSON.
    pub id: String,
    /// What it wants.
    pub method: String,
    /// Its parameters.
    pub params: Params,
}

#[derive(Deserialize)]
struct Wire<'f> {
    #[serde(borrow)]
    id: Option<&'f RawValue>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'f RawValue>,
}

/// Reads a request.
///
/// # Errors
/// The refusal of what is none.
pub fn read(text: &[u8]) -> Result<Asked, Answer> {
    let wire: Wire<'_> = serde_json::from_slice(text)
        .map_err(|_| Answer::coded(400, -1135, "The request is not valid JSON."))?;
    let Some(method) = wire.method else {
        return Err(Answer::coded(400, -1102, "Mandatory parameter 'method' was not sent."));
    };
    let params = match wire.params {
        None => Params::default(),
        Some(raw) => Params::of_json(raw.get().as_bytes())
            .ok_or_else(|| Answer::coded(400, -1100, "Illegal parameters."))?,
    };
    let id = wire.id.map_or("null", RawValue::get).to_owned();
    Ok(Asked { id, method, params })
}

/// Weight used, and orders placed where an account asked.
pub struct Used {
    /// Of the minute.
    pub weight: u32,
    /// In 10 s and in the day.
    pub orders: Option<[u32; 2]>,
}

/// The answer with its id, its status and what is used of the limits.
pub fn framed(asked: &Asked, answer: &Answer, used: &Used) -> String {
    let key = if answer.status == 200 { "result" } else { "error" };
    let body = Obj::new().raw("id", &asked.id).raw("status", answer.status).raw(key, &answer.body);
    if asked.params.get("returnRateLimits") == Some("false") {
        return body.end();
    }
    let orders = used.orders.into_iter().flat_map(|counts| {
        let limits = RATE_LIMITS.iter().filter(|of| of.0 == "ORDERS");
        limits.zip(counts).map(|(of, count)| rate_limit(of).raw("count", count).end())
    });
    let weight = rate_limit(&RATE_LIMITS[0]).raw("count", used.weight).end();
    body.raw("rateLimits", list(orders.chain([weight]))).end()
}

/// The answer to what is no request: it has no id and no limits.
pub fn framed_bad(answer: &Answer) -> String {
    Obj::new().raw("id", "null").raw("status", answer.status).raw("error", &answer.body).end()
}

/// Who asks: by signature, or by the session.
///
/// # Errors
/// The venue's refusal.
pub fn admit(
    asked: &Asked,
    session: Option<AccountId>,
    at: (&Exchange, SimNow),
) -> Result<AccountId, Answer> {
    let is_signed = asked.params.get("apiKey").is_some() || asked.params.get("signature").is_some();
    if let Some(account) = session.filter(|_| !is_signed) {
        check_time(&asked.params, at.1.wall_ms)?;
        return Ok(account);
    }
    Signed::of_params(&asked.params)
        .verify((at.0.accounts(), at.1), Kinds::All)
        .map(|account| account.id)
}

/// Requests about the session and the user stream; `None` for all others.
pub fn session(
    seat: &mut BinanceSeat,
    account: &mut Option<AccountId>,
    asked: &Asked,
    at: (&Exchange, SimNow),
) -> Option<Answer> {
    let now_ms = at.1.wall_ms;
    match asked.method.as_str() {
        "session.logon" => Some(
            match Signed::of_params(&asked.params).verify((at.0.accounts(), at.1), Kinds::Ed25519) {
                Ok(who) => {
                    *account = Some(who.id);
                    seat.session.key = Some(who.key.clone());
                    seat.session.since_ms = now_ms;
                    Answer::ok(status(seat, now_ms))
                }
                Err(refused) => refused,
            },
        ),
        "session.status" => Some(Answer::ok(status(seat, now_ms))),
        "session.logout" => {
            seat.session.key = None;
            Some(Answer::ok(status(seat, now_ms)))
        }
        "userDataStream.subscribe" => Some(match &seat.session.key {
            Some(_) => subscribe(seat),
            None => Answer::coded(400, -2015, "Invalid API-key, IP, or permissions for action."),
        }),
        "userDataStream.subscribe.signature" => {
            let signed = Signed::of_params(&asked.params);
            Some(match signed.verify((at.0.accounts(), at.1), Kinds::All) {
                Ok(who) if account.is_none_or(|known| known == who.id) => {
                    *account = Some(who.id);
                    subscribe(seat)
                }
                Ok(_) => Answer::coded(400, -2015, "Another account is subscribed here."),
                Err(refused) => refused,
            })
        }
        "userDataStream.unsubscribe" => {
            match asked.params.whole("subscriptionId") {
                Some(id) => seat.session.subscriptions.retain(|known| *known != id),
                None => seat.session.subscriptions.clear(),
            }
            Some(Answer::ok("{}"))
        }
        _ => None,
    }
}

fn subscribe(seat: &mut BinanceSeat) -> Answer {
    if !seat.session.subscriptions.is_empty() {
        return Answer::coded(400, -2035, "Subscription already active.");
    }
    let id = seat.session.subscribed;
    seat.session.subscribed += 1;
    seat.session.subscriptions.push(id);
    Answer::ok(Obj::new().raw("subscriptionId", id).end())
}

fn status(seat: &BinanceSeat, now_ms: u64) -> String {
    let session = &seat.session;
    let null = || "null".to_owned();
    let since = session.key.as_ref().map_or_else(null, |_| session.since_ms.to_string());
    Obj::new()
        .raw("apiKey", session.key.as_ref().map_or_else(null, quoted))
        .raw("authorizedSince", since)
        .raw("connectedSince", seat.opened_ms)
        .raw("returnRateLimits", false)
        .raw("serverTime", now_ms)
        .raw("userDataStream", !session.subscriptions.is_empty())
        .end()
}

/// True for a request whose answer tells how many orders were placed.
pub const fn is_order(want: Want) -> bool {
    matches!(want, Want::Place | Want::Cancel)
}
