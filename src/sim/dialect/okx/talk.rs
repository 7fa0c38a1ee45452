//! The public socket of OKX: channels, chained books, silence. Pure.

use serde_json::Value;

use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::image::Image;
use crate::sim::dialect::okx::frames;
use crate::sim::dialect::okx::frames::Head;
use crate::sim::dialect::okx::seat::Channel;
use crate::sim::dialect::okx::seat::Feed;
use crate::sim::dialect::okx::seat::OkxSeat;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::tape::best;
use crate::sim::dialect::tape::deals;
use crate::sim::exchange::core::Exchange;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// A connection on which nobody says anything for so long is cut.
const SILENCE: DurNs = DurNs::from_secs(30);
/// An unchanged book says that it lives so often.
const KEEPALIVE: DurNs = DurNs::from_secs(60);
/// Levels of the channel with changes.
const LEVELS: usize = 400;
/// Most bytes of a request.
const MOST_BYTES: usize = 64 * 1_024;
/// Most channels of one connection.
const MOST_CHANNELS: usize = 512;

/// An error event.
pub fn error(seat: &OkxSeat, of: (&Value, &str), message: &str) -> Out {
    let (id, code) = of;
    Out::Text(
        with_id(id)
            .text("event", "error")
            .text("code", code)
            .text("msg", message)
            .text("connId", &seat.conn_id)
            .end(),
    )
}

/// An object that begins with the client's id, if it gave one.
pub fn with_id(id: &Value) -> Obj {
    match id.as_str() {
        Some(id) => Obj::new().text("id", id),
        None => Obj::new(),
    }
}

/// What every socket of the venue answers alike, before anything else is looked at: the request as
/// JSON, or the answer.
///
/// # Errors
/// The answer.
pub fn read(seat: &mut OkxSeat, text: &[u8], now: MonoNs) -> Result<Value, Vec<Out>> {
    if text == b"ping" {
        return Err(vec![Out::Text("pong".to_owned())]);
    }
    let request = serde_json::from_slice::<Value>(text).ok();
    let request = request.filter(|_| text.len() <= MOST_BYTES);
    let Some(request) = request.filter(|request| request.get("op").is_some()) else {
        let message = format!("Invalid request: {}", String::from_utf8_lossy(text));
        return Err(vec![error(seat, (&Value::Null, "60012"), &message)]);
    };
    let op = request["op"].as_str().unwrap_or_default();
    let is_counted = matches!(op, "subscribe" | "unsubscribe" | "login");
    if is_counted && !seat.operations.take(1, now) {
        let text = "Requests too frequent";
        return Err(vec![error(seat, (&request["id"], "60014"), text)]);
    }
    Ok(request)
}

/// A message on the public socket.
pub fn message(
    seat: &mut OkxSeat,
    text: &[u8],
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let request = match read(seat, text, at.1.now.mono) {
        Ok(request) => request,
        Err(out) => return out,
    };
    let args = request["args"].as_array().map_or(&[][..], Vec::as_slice);
    let mut out = Vec::new();
    match request["op"].as_str() {
        Some("subscribe") if !args.is_empty() => {
            for arg in args {
                out.push(subscribe(seat, (&request["id"], arg), at, codes));
            }
            out.extend(flush(seat, at, codes));
        }
        Some("unsubscribe") if !args.is_empty() => {
            for arg in args {
                out.push(unsubscribe(seat, (&request["id"], arg), codes));
            }
        }
        _ => {
            let message = format!("Invalid request: {}", String::from_utf8_lossy(text));
            out.push(error(seat, (&request["id"], "60012"), &message));
        }
    }
    out
}

/// The acknowledgement of a subscription or of its end.
pub fn acknowledged(seat: &OkxSeat, of: (&Value, &Value), event: &str) -> Out {
    let (id, arg) = of;
    let head = with_id(id).text("event", event).raw("arg", arg);
    Out::Text(head.text("connId", &seat.conn_id).end())
}

fn subscribe(
    seat: &mut OkxSeat,
    of: (&Value, &Value),
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Out {
    let (id, arg) = of;
    let (channel, symbol) = named(arg);
    let found = Feed::of(channel).zip(codes.find(symbol));
    let Some((feed, instrument)) = found else {
        let text = format!(
            "Wrong URL or channel:{channel},instId:{symbol} doesn't exist. Please use the \
             correct URL, channel and parameters referring to API document."
        );
        return error(seat, (id, "60018"), &text);
    };
    let added = Channel {
        name: channel.to_owned(),
        instrument,
        feed,
        shown: Image::default(),
        sequence: None,
        best: best(at.0.book(instrument)),
        slot: 0,
        sent: at.1.now.mono,
        is_dirty: true,
    };
    let mut channels = seat.channels.iter();
    let is_it = |known: &Channel| known.name == channel && known.instrument == instrument;
    match channels.position(is_it) {
        Some(place) => seat.channels[place] = added,
        None if seat.channels.len() < MOST_CHANNELS => seat.channels.push(added),
        None => return error(seat, (id, "60014"), "Requests too frequent"),
    }
    acknowledged(seat, of, "subscribe")
}

fn unsubscribe(seat: &mut OkxSeat, of: (&Value, &Value), codes: &Codes) -> Out {
    let (channel, symbol) = named(of.1);
    let instrument = codes.find(symbol);
    seat.channels.retain(|known| known.name != channel || Some(known.instrument) != instrument);
    acknowledged(seat, of, "unsubscribe")
}

fn named(arg: &Value) -> (&str, &str) {
    let text = |name: &str| arg[name].as_str().unwrap_or_default();
    (text("channel"), text("instId"))
}

/// A book has a new image.
pub fn book(
    seat: &mut OkxSeat,
    instrument: usize,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let book = at.0.book(instrument);
    let mut out = Vec::new();
    for channel in seat.channels.iter_mut().filter(|known| known.instrument == instrument) {
        if channel.feed == Feed::Trades {
            for deal in deals(channel.best, book) {
                let symbol = codes.symbol(instrument);
                let head = Head { channel: &channel.name, symbol, now_ms: at.1.wall_ms };
                out.push(Out::Text(frames::trade(head, deal)));
            }
            channel.best = best(book);
        }
        channel.is_dirty = true;
    }
    out.extend(flush(seat, at, codes));
    if !out.is_empty() {
        seat.spoke = at.1.now.mono;
    }
    out
}

/// Sends what is due.
fn flush(seat: &mut OkxSeat, at: (&Exchange, SimNow), codes: &Codes) -> Vec<Out> {
    let out: Vec<Out> =
        seat.channels.iter_mut().filter_map(|channel| due(channel, at, codes)).collect();
    if !out.is_empty() {
        seat.spoke = at.1.now.mono;
    }
    out
}

fn due(channel: &mut Channel, at: (&Exchange, SimNow), codes: &Codes) -> Option<Out> {
    let (now_ms, mono) = (at.1.wall_ms, at.1.now.mono);
    if channel.feed == Feed::Trades {
        return None;
    }
    let slot = now_ms / channel.feed.every_ms();
    let is_first = channel.sequence.is_none();
    let is_slot = is_first || slot > channel.slot || at.0.is_hurried();
    let is_due = channel.is_dirty && is_slot;
    let is_quiet = channel.feed == Feed::Books && mono.since(channel.sent) >= KEEPALIVE;
    let book = at.0.book(channel.instrument);
    let pair = best(book).filter(|_| is_due || is_quiet)?;
    (channel.is_dirty, channel.slot) = (false, slot);
    let symbol = codes.symbol(channel.instrument);
    let head = Head { channel: &channel.name, symbol, now_ms };
    let levels = match channel.feed {
        Feed::Whole { levels, .. } => levels,
        _ => LEVELS,
    };
    let next = Image::of(book, levels);
    let has_changed = channel.shown != next;
    let text = match (channel.feed, channel.sequence) {
        (Feed::Books, None) => frames::books(head, &next, (-1, book.update_id)),
        (Feed::Books, Some(before)) if has_changed => {
            let prev = i64::try_from(before).unwrap_or(i64::MAX);
            frames::books(head, &channel.shown.changes(&next), (prev, book.update_id))
        }
        (Feed::Books, Some(before)) if is_quiet => {
            let prev = i64::try_from(before).unwrap_or(i64::MAX);
            channel.sent = mono;
            return Some(Out::Text(frames::books(head, &Image::default(), (prev, before))));
        }
        (Feed::Whole { .. }, _) if has_changed => frames::whole(head, &next, book.update_id),
        (Feed::Tickers, _) => frames::ticker(head, pair),
        _ => return None,
    };
    (channel.shown, channel.sequence, channel.sent) = (next, Some(book.update_id), mono);
    Some(Out::Text(text))
}

/// What time alone brings.
pub fn tick(seat: &mut OkxSeat, heard: MonoNs, at: (&Exchange, SimNow), codes: &Codes) -> Vec<Out> {
    let mono = at.1.now.mono;
    let last = if heard > seat.spoke { heard } else { seat.spoke };
    if mono.since(last) >= SILENCE {
        return vec![Out::Cut];
    }
    flush(seat, at, codes)
}

/// Announces that the connection is about to be closed.
pub fn shut_down(seat: &OkxSeat) -> Vec<Out> {
    let text = "The connection will soon be closed for a service upgrade. Please reconnect.";
    vec![Out::Text(
        Obj::new()
            .text("event", "notice")
            .text("code", "64008")
            .text("msg", text)
            .text("connId", &seat.conn_id)
            .end(),
    )]
}
