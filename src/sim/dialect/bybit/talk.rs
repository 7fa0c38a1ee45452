//! The public socket of Bybit: topics, snapshots and deltas, pings of the client. Pure.

use serde_json::Value;

use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::bybit::frames;
use crate::sim::dialect::bybit::frames::Head;
use crate::sim::dialect::bybit::seat::BybitSeat;
use crate::sim::dialect::bybit::seat::Entrance;
use crate::sim::dialect::bybit::seat::Feed;
use crate::sim::dialect::bybit::seat::Topic;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::image::Image;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::quoted;
use crate::sim::dialect::tape::best;
use crate::sim::dialect::tape::deals;
use crate::sim::exchange::core::Exchange;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// A connection whose client is not heard for so long is closed.
const IDLE: DurNs = DurNs::from_secs(600);
/// Most topics of one request.
const MOST_ARGS: usize = 10;
/// A book of one level is sent again after so long without a change.
const REPEAT: DurNs = DurNs::from_secs(3);
/// Tickers come at most so often.
const TICKER_MS: u64 = 50;
/// Most topics of one connection.
const MOST_TOPICS: usize = 512;

/// An operation of the client, as far as all sockets of the venue read it alike.
pub struct Op {
    /// Its name.
    pub name: String,
    /// The client's id of it; empty if none.
    pub id: String,
    /// Its arguments.
    pub args: Vec<Value>,
}

/// Reads an operation; `None` if it is none.
pub fn op(text: &[u8]) -> Option<Op> {
    let request: Value = serde_json::from_slice(text).ok()?;
    let id = request.get("req_id").or_else(|| request.get("reqId"));
    let args = request.get("args").and_then(Value::as_array);
    Some(Op {
        name: request.get("op")?.as_str()?.to_owned(),
        id: id.and_then(Value::as_str).unwrap_or_default().to_owned(),
        args: args.cloned().unwrap_or_default(),
    })
}

/// The answer to an operation on the public or private socket.
pub fn answer(seat: &BybitSeat, op: &Op, said: Result<&str, &str>) -> Out {
    let (is_done, message) = match said {
        Ok(message) => (true, message),
        Err(message) => (false, message),
    };
    let head = Obj::new().raw("success", is_done).text("ret_msg", message);
    let head = head.text("conn_id", &seat.conn_id);
    let head = if op.id.is_empty() { head } else { head.text("req_id", &op.id) };
    Out::Text(head.text("op", &op.name).end())
}

/// The answer to a ping, which differs from socket to socket.
pub fn pong(seat: &BybitSeat, op: &Op, now_ms: u64) -> Out {
    let stamp = list([quoted(now_ms)]);
    let id = if op.id.is_empty() { Obj::new() } else { Obj::new().text("req_id", &op.id) };
    Out::Text(match seat.entrance {
        Entrance::Public => return answer(seat, op, Ok("pong")),
        Entrance::Private => {
            id.text("op", "pong").raw("args", stamp).text("conn_id", &seat.conn_id).end()
        }
        Entrance::Trade => Obj::new()
            .raw("retCode", 0)
            .text("retMsg", "OK")
            .text("op", "pong")
            .raw("data", stamp)
            .text("connId", &seat.conn_id)
            .end(),
    })
}

/// A message on the public socket.
pub fn message(
    seat: &mut BybitSeat,
    text: &[u8],
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let Some(op) = op(text) else {
        let none = Op { name: String::new(), id: String::new(), args: Vec::new() };
        return vec![answer(seat, &none, Err("Params Error"))];
    };
    match op.name.as_str() {
        "ping" => vec![pong(seat, &op, at.1.wall_ms)],
        "subscribe" | "unsubscribe" if op.args.len() > MOST_ARGS => {
            vec![answer(seat, &op, Err("args size >10"))]
        }
        "subscribe" => subscribe(seat, &op, at, codes),
        "unsubscribe" => {
            seat.topics.retain(|topic| !op.args.iter().any(|arg| arg == topic.name.as_str()));
            vec![answer(seat, &op, Ok("unsubscribe"))]
        }
        _ => vec![answer(seat, &op, Err("error:request op not found"))],
    }
}

/// All topics of the request, or none of them.
fn subscribe(seat: &mut BybitSeat, op: &Op, at: (&Exchange, SimNow), codes: &Codes) -> Vec<Out> {
    let mut added = Vec::new();
    for arg in &op.args {
        let name = arg.as_str().unwrap_or_default();
        let Some((feed, symbol)) = Feed::of(name) else {
            let text = format!("error:handler not found,topic:{name}");
            return vec![answer(seat, op, Err(&text))];
        };
        let Some(instrument) = codes.find(symbol) else {
            return vec![answer(seat, op, Err(&format!("Invalid symbol :[{name}]")))];
        };
        added.push(Topic {
            name: name.to_owned(),
            instrument,
            feed,
            shown: Image::default(),
            update: None,
            best: best(at.0.book(instrument)),
            slot: 0,
            sent: at.1.now.mono,
            is_dirty: true,
        });
    }
    for topic in added {
        let place = seat.topics.iter().position(|known| known.name == topic.name);
        match place {
            // Subscribed again: it starts anew with a snapshot.
            Some(place) => seat.topics[place] = topic,
            None if seat.topics.len() < MOST_TOPICS => seat.topics.push(topic),
            None => {}
        }
    }
    let mut out = vec![answer(seat, op, Ok("subscribe"))];
    out.extend(flush(seat, at, codes));
    out
}

/// A book has a new image.
pub fn book(
    seat: &mut BybitSeat,
    instrument: usize,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let book = at.0.book(instrument);
    let mut out = Vec::new();
    for topic in seat.topics.iter_mut().filter(|topic| topic.instrument == instrument) {
        if topic.feed == Feed::Trade {
            let found = deals(topic.best, book);
            topic.best = best(book);
            if !found.is_empty() {
                let symbol = codes.symbol(instrument);
                let head = Head { topic: &topic.name, symbol, now_ms: at.1.wall_ms };
                out.push(Out::Text(frames::trades(head, &found)));
            }
        }
        topic.is_dirty = true;
    }
    out.extend(flush(seat, at, codes));
    out
}

/// Sends what is due.
fn flush(seat: &mut BybitSeat, at: (&Exchange, SimNow), codes: &Codes) -> Vec<Out> {
    seat.topics.iter_mut().filter_map(|topic| due(topic, at, codes)).collect()
}

fn due(topic: &mut Topic, at: (&Exchange, SimNow), codes: &Codes) -> Option<Out> {
    let (now_ms, mono) = (at.1.wall_ms, at.1.now.mono);
    let every_ms = match topic.feed {
        Feed::Book { every_ms, .. } => every_ms,
        Feed::Ticker => TICKER_MS,
        Feed::Trade => return None,
    };
    let is_quiet =
        mono.since(topic.sent) >= REPEAT && matches!(topic.feed, Feed::Book { levels: 1, .. });
    let is_slot = topic.update.is_none() || now_ms / every_ms > topic.slot;
    let is_due = topic.is_dirty && (is_slot || at.0.is_hurried());
    let book = at.0.book(topic.instrument);
    let pair = best(book).filter(|_| is_due || is_quiet)?;
    topic.is_dirty = false;
    topic.slot = now_ms / every_ms;
    let symbol = codes.symbol(topic.instrument);
    let Feed::Book { levels, .. } = topic.feed else {
        (topic.update, topic.sent) = (Some(book.update_id), mono);
        let head = Head { topic: &topic.name, symbol, now_ms };
        return Some(Out::Text(frames::ticker(head, book.update_id, pair)));
    };
    let next = Image::of(book, levels);
    let has_changed = topic.shown != next;
    let (kind, said, update) = match topic.update {
        None => ("snapshot", next.clone(), book.update_id),
        Some(_) if levels == 1 && has_changed => ("snapshot", next.clone(), book.update_id),
        Some(update) if levels == 1 && is_quiet => ("snapshot", next.clone(), update),
        Some(update) if has_changed && levels > 1 => {
            ("delta", topic.shown.changes(&next), update + 1)
        }
        Some(_) => return None,
    };
    (topic.shown, topic.update, topic.sent) = (next, Some(update), mono);
    let head = Head { topic: &topic.name, symbol, now_ms };
    let numbers = (update, book.update_id, book.at_ms.min(now_ms));
    Some(Out::Text(frames::book(head, kind, &said, numbers)))
}

/// What time alone brings.
pub fn tick(
    seat: &mut BybitSeat,
    heard: MonoNs,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    if at.1.now.mono.since(heard) >= IDLE {
        return vec![Out::Cut];
    }
    flush(seat, at, codes)
}
