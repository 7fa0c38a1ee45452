//! Binance market streams: subscriptions, diffs on their grid, pings. Pure.

use serde_json::Value;

use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::binance::frames;
use crate::sim::dialect::binance::seat::BinanceSeat;
use crate::sim::dialect::binance::seat::Diff;
use crate::sim::dialect::binance::seat::Feed;
use crate::sim::dialect::binance::seat::MOST_STREAMS;
use crate::sim::dialect::binance::seat::Manner;
use crate::sim::dialect::binance::seat::Sub;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::quoted;
use crate::sim::dialect::tape::best;
use crate::sim::dialect::tape::deals;
use crate::sim::exchange::book::SimBook;
use crate::sim::exchange::core::Exchange;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// The venue pings so often.
const PING_EVERY: DurNs = DurNs::from_secs(20);
/// A ping has to be answered within this time.
const PONG_WITHIN: DurNs = DurNs::from_secs(60);
/// No connection lives longer.
const LONGEST_LIFE: DurNs = DurNs::from_secs(24 * 3_600);
/// Close code of a connection that broke a rule.
const POLICY: u16 = 1008;

/// Adds a stream by its name, unless the connection has it or has too many.
pub fn subscribe(seat: &mut BinanceSeat, name: &str, codes: &Codes) {
    let is_known = seat.subs.iter().any(|sub| sub.name == name);
    if is_known || seat.subs.len() >= MOST_STREAMS {
        return;
    }
    let of = name.split_once('@').and_then(|(symbol, feed)| {
        // Symbols are lower case in streams; another spelling is a stream that never speaks.
        let is_lower = !symbol.bytes().any(|byte| byte.is_ascii_uppercase());
        let instrument = codes.find(&symbol.to_ascii_uppercase()).filter(|_| is_lower)?;
        Some((instrument, Feed::of(feed)?))
    });
    let sub = Sub { name: name.to_owned(), of, diff: Diff::default(), best: None, slot: 0 };
    seat.subs.push(sub);
}

/// Counts what came in; more than 5 in a second end the connection.
pub fn counted(seat: &mut BinanceSeat, now: MonoNs) -> Option<Out> {
    (!seat.messages.take(1, now)).then_some(Out::Close(POLICY))
}

/// A ping or pong came. Any of them is taken as the answer to the ping that is owed.
pub fn pinged(seat: &mut BinanceSeat, now: MonoNs) -> Vec<Out> {
    seat.owed = None;
    counted(seat, now).into_iter().collect()
}

/// A message on a stream connection.
pub fn message(seat: &mut BinanceSeat, text: &[u8], at: (&Codes, SimNow)) -> Vec<Out> {
    if let Some(end) = counted(seat, at.1.now.mono) {
        return vec![end];
    }
    vec![Out::Text(answer(seat, text, at.0))]
}

fn answer(seat: &mut BinanceSeat, text: &[u8], codes: &Codes) -> String {
    let request: Value = match serde_json::from_slice(text) {
        Ok(request) => request,
        Err(error) => return refused(None, 3, &format!("Invalid JSON: {error}")),
    };
    let id = match request.get("id") {
        None | Some(Value::Null) => None,
        Some(id) if id.as_u64().is_some() || id.is_string() => Some(id.clone()),
        Some(_) => {
            let text = "Invalid request: request ID must be an unsigned integer";
            return refused(None, 2, text);
        }
    };
    let Some(method) = request.get("method").and_then(Value::as_str) else {
        return refused(id, 2, "Invalid request: missing field `method` at line 1 column 1");
    };
    let params = request.get("params").and_then(Value::as_array);
    let names = || params.into_iter().flatten().filter_map(Value::as_str);
    match method {
        "SUBSCRIBE" | "UNSUBSCRIBE" if params.is_none() => {
            refused(id, 2, "Invalid request: missing field `params` at line 1 column 1")
        }
        "SUBSCRIBE" if seat.subs.len() + names().count() > MOST_STREAMS => {
            refused(id, 2, "Invalid request: too many parameters")
        }
        "SUBSCRIBE" => {
            names().for_each(|name| subscribe(seat, name, codes));
            result(id, "null")
        }
        "UNSUBSCRIBE" => {
            seat.subs.retain(|sub| !names().any(|name| name == sub.name));
            result(id, "null")
        }
        "LIST_SUBSCRIPTIONS" => {
            let names = list(seat.subs.iter().map(|sub| quoted(&sub.name)));
            result(id, &names)
        }
        "SET_PROPERTY" | "GET_PROPERTY" => property(seat, id, (method, params)),
        other => refused(
            id,
            2,
            &format!(
                "Invalid request: unknown variant `{other}`, expected one of `SUBSCRIBE`, \
                 `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1"
            ),
        ),
    }
}

fn property(
    seat: &mut BinanceSeat,
    id: Option<Value>,
    asked: (&str, Option<&Vec<Value>>),
) -> String {
    let params = asked.1.map_or(&[][..], Vec::as_slice);
    match (asked.0, params) {
        ("GET_PROPERTY", [Value::String(name)]) if name == "combined" => {
            let on = seat.manner == Manner::Combined;
            result(id, if on { "true" } else { "false" })
        }
        ("SET_PROPERTY", [Value::String(name), Value::Bool(on)]) if name == "combined" => {
            seat.manner = if *on { Manner::Combined } else { Manner::Raw };
            result(id, "null")
        }
        ("SET_PROPERTY", [Value::String(name), _]) if name == "combined" => {
            refused(id, 1, "Invalid value type: expected Boolean")
        }
        _ => refused(id, 0, "Unknown property"),
    }
}

fn result(id: Option<Value>, result: &str) -> String {
    let id = id.unwrap_or(Value::Null);
    Obj::new().raw("result", result).raw("id", id).end()
}

fn refused(id: Option<Value>, code: u8, message: &str) -> String {
    let error = Obj::new().raw("code", code).text("msg", message);
    match id {
        Some(id) => error.raw("id", id).end(),
        None => error.end(),
    }
}

/// A book has a new image.
pub fn book(
    seat: &mut BinanceSeat,
    instrument: usize,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let (book, now_ms) = (at.0.book(instrument), at.1.wall_ms);
    let symbol = codes.symbol(instrument);
    let times = (frames::time(seat, now_ms), frames::time(seat, book.at_ms));
    let manner = seat.manner;
    let mut out = Vec::new();
    for sub in &mut seat.subs {
        let Some((_, feed)) = sub.of.filter(|(of, _)| *of == instrument) else { continue };
        let now_best = best(book);
        let name = sub.name.as_str();
        let mut say = |event: String| out.push(Out::Text(frames::framed(manner, name, event)));
        match feed {
            Feed::BookTicker => {
                if let Some(pair) = now_best.filter(|_| sub.best != now_best) {
                    say(frames::book_ticker(symbol, book.update_id, pair));
                }
            }
            Feed::Trade => deals(sub.best, book)
                .into_iter()
                .for_each(|deal| say(frames::trade(symbol, times, deal))),
            Feed::AggTrade => deals(sub.best, book)
                .into_iter()
                .for_each(|deal| say(frames::agg_trade(symbol, times, deal))),
            Feed::Depth { .. } | Feed::Partial { .. } => collect(&mut sub.diff, book),
        }
        sub.best = now_best;
    }
    out.extend(flush(seat, at, codes));
    out
}

fn collect(diff: &mut Diff, book: &SimBook) {
    let first = diff.span.map_or(book.prev_update_id + 1, |(first, _)| first);
    diff.span = Some((first, book.update_id));
    for change in &book.changed {
        let level = change.level;
        diff.levels.insert((change.side, level.price.raw()), level.qty.raw());
    }
}

/// Sends what was collected and is due.
fn flush(seat: &mut BinanceSeat, at: (&Exchange, SimNow), codes: &Codes) -> Vec<Out> {
    let now_ms = at.1.wall_ms;
    let time = frames::time(seat, now_ms);
    let manner = seat.manner;
    let mut out = Vec::new();
    for sub in &mut seat.subs {
        let Some((instrument, feed)) = sub.of else { continue };
        let (Feed::Depth { every_ms } | Feed::Partial { every_ms, .. }) = feed else { continue };
        let slot = now_ms / every_ms;
        if sub.diff.span.is_none() || slot <= sub.slot && !at.0.is_hurried() {
            continue;
        }
        sub.slot = slot;
        let diff = std::mem::take(&mut sub.diff);
        let event = match feed {
            Feed::Partial { levels, .. } => frames::partial(at.0.book(instrument), levels),
            _ => frames::depth_update(codes.symbol(instrument), time, &diff),
        };
        out.push(Out::Text(frames::framed(manner, &sub.name, event)));
    }
    out
}

/// What time alone brings: pings, their deadline, the end of a day, frames that are due.
pub fn tick(
    seat: &mut BinanceSeat,
    opened: MonoNs,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let mono = at.1.now.mono;
    if seat.owed.is_some_and(|owed| mono.since(owed) >= PONG_WITHIN) {
        return vec![Out::Close(POLICY)];
    }
    if mono.since(opened) >= LONGEST_LIFE {
        return vec![Out::Close(1000)];
    }
    let mut out = Vec::new();
    if mono.since(seat.pinged) >= PING_EVERY {
        seat.pinged = mono;
        seat.owed.get_or_insert(mono);
        out.push(Out::Ping(at.1.wall_ms.to_string().into_bytes()));
    }
    out.extend(flush(seat, at, codes));
    out
}

/// Announces that the connection is about to be closed.
pub fn shut_down(seat: &BinanceSeat, now_ms: u64) -> Vec<Out> {
    let time = frames::time(seat, now_ms);
    let event = Obj::new().text("e", "serverShutdown").raw("E", time).end();
    vec![Out::Text(match seat.manner {
        Manner::Api => Obj::new().raw("event", event).end(),
        manner => frames::framed(manner, "!serverShutdown", event),
    })]
}
