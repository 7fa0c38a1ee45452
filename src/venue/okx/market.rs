//! OKX v5 spot public frames (`VENUES.md` 5): the channels `books` (and its 10 ms kin), `books5`,
//! `bbo-tbt` and `trades`, the events of the connection and the text `pong`. Other channels,
//! `tickers` among them, are control: a ticker carries no update number.
//!
//! Each book carries `seqId`; an update carries the `prevSeqId` of the book that it changes, which
//! stands at -1 in a snapshot. `checksum` is 0 since 2026-06-23 and is not looked at. A frame
//! without `seqId` is of an older protocol and is `Malformed`: nothing would show a lost update.

use crate::types::ids::InstrumentName;
use crate::types::ids::instrument_name;
use crate::types::market::Side;
use crate::types::market::Ticker;
use crate::venue::Codec;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::Event;
use crate::venue::FrameKind;
use crate::venue::PublicTrade;
use crate::venue::Scratch;
use crate::venue::Span;
use crate::venue::TRADES;
use crate::venue::TradeKey;
use crate::venue::book::check_image;
use crate::venue::okx::usual;
use crate::venue::raw;
use crate::venue::raw::Values;
use crate::venue::wire;
use crate::venue::wire::Notes;

/// What the venue answers to the text `ping`. No JSON.
const PONG: &str = "pong";
/// Code of the notice that this connection is closed in about a minute for an upgrade.
const CLOSING: &str = "64008";

/// OKX's codec.
#[derive(Clone, Copy, Debug)]
pub struct OkxCodec;

impl OkxCodec {
    /// As [`Codec::decode`], in every spelling that the documents allow. Alone judges what is
    /// wrong with a frame.
    ///
    /// # Errors
    /// As [`Codec::decode`].
    pub fn decode_any<'f>(
        &self,
        kind: FrameKind,
        frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        scratch.clear();
        let text = wire::text(frame)?;
        let is_stream = kind == FrameKind::Ws;
        if is_stream && text == PONG {
            return Ok(Event::Control(Control::Pong));
        }
        let message = raw::object(text, &MESSAGE)?;
        if wire::too_deep(text) {
            return Err(DecodeError::TooDeep);
        }
        if !is_stream {
            return Err(DecodeError::Malformed);
        }
        let is_data = message[EVENT].is_none() && message[ARG].is_some();
        if !is_data {
            return told(&message).map(Event::Control);
        }
        let [channel, symbol] = raw::inner(message[ARG], &["channel", "instId"])?;
        let named = || wire::string(symbol);
        let read = match wire::string(channel)? {
            "books" | "books-l2-tbt" | "books50-l2-tbt" => {
                let is_whole = is_snapshot(message[ACTION])?;
                book(named()?, is_whole, &message, scratch)
            }
            "books5" => book(named()?, true, &message, scratch),
            "bbo-tbt" => ticker(named()?, &message, scratch),
            "trades" => return trades(named()?, &message, scratch),
            _ => return Ok(Event::Control(Control::Unused)),
        };
        scratch.judge(named()?, read)
    }
}

impl Codec for OkxCodec {
    /// A `RestDepth` frame is `Malformed`: the stream itself sends the snapshots.
    fn decode<'f>(
        &self,
        kind: FrameKind,
        frame: &'f [u8],
        scratch: &mut Scratch,
    ) -> Result<Event<'f>, DecodeError> {
        scratch.clear();
        let usual = if kind == FrameKind::Ws { usual::read(frame, scratch) } else { None };
        usual.map_or_else(|| self.decode_any(kind, frame, scratch), Ok)
    }

    /// `BTC-USDT` is `BTC-USDT`; codes with a third part (`BTC-USDT-SWAP`) are no spot symbols.
    fn instrument(&self, symbol: &str) -> Option<InstrumentName> {
        let (base, quote) = symbol.split_once('-')?;
        instrument_name(base, quote)
    }

    fn symbol(&self, instrument: &InstrumentName) -> String {
        instrument.to_string()
    }
}

const MESSAGE: [&str; 6] = ["arg", "action", "data", "event", "op", "code"];
const ARG: usize = 0;
const ACTION: usize = 1;
const DATA: usize = 2;
const EVENT: usize = 3;
const OP: usize = 4;
const CODE: usize = 5;

/// An event of the connection, or an answer to a request.
fn told(message: &Values<'_, 6>) -> Result<Control, DecodeError> {
    if message[EVENT].is_none() {
        return match (message[CODE], message[OP]) {
            (Some("\"0\""), Some(_)) => Ok(Control::Ack),
            (Some(_), _) => Ok(Control::Error),
            (None, Some(_)) => Ok(Control::Unused),
            (None, None) => Err(DecodeError::Malformed),
        };
    }
    Ok(match wire::string(message[EVENT])? {
        "subscribe" | "unsubscribe" | "login" => Control::Ack,
        "error" | "channel-conn-count-error" => Control::Error,
        "notice" if wire::string(message[CODE])? == CLOSING => Control::ShuttingDown,
        _ => Control::Unused,
    })
}

fn is_snapshot(action: Option<&str>) -> Result<bool, DecodeError> {
    match wire::string(action)? {
        "snapshot" => Ok(true),
        "update" => Ok(false),
        _ => Err(DecodeError::Malformed),
    }
}

/// The keys of a book, and where their values stand.
const BOOK: [&str; 5] = ["asks", "bids", "ts", "seqId", "prevSeqId"];

/// Reads both sides of the only book of a message.
fn sides<'f>(
    message: &Values<'f, 6>,
    scratch: &mut Scratch,
    notes: &mut Notes,
) -> Result<Sides<'f>, DecodeError> {
    let [asks, bids, time, last, prev] = raw::object(raw::only(message[DATA])?, &BOOK)?;
    let sides = Sides { last: wire::whole(last)?, prev, venue_ts_ms: raw::quoted_whole(time)? };
    raw::levels(asks, &mut scratch.asks, notes)?;
    raw::levels(bids, &mut scratch.bids, notes)?;
    Ok(sides)
}

struct Sides<'f> {
    last: u64,
    prev: Option<&'f str>,
    venue_ts_ms: u64,
}

fn book<'f>(
    symbol: &'f str,
    is_whole: bool,
    message: &Values<'f, 6>,
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    let mut notes = Notes::default();
    let Sides { last, prev, venue_ts_ms } = sides(message, scratch, &mut notes)?;
    if !is_whole {
        notes.content()?;
        let prev = wire::whole(prev)?;
        return Ok(Event::Delta { symbol, span: Span::Chained { prev, last }, venue_ts_ms });
    }
    scratch.bids.retain(|level| !level.qty.is_zero());
    scratch.asks.retain(|level| !level.qty.is_zero());
    notes.content()?;
    check_image(scratch)?;
    Ok(Event::Image { symbol, venue_ts_ms, update_id: Some(last) })
}

/// Best bid and ask. A side that is empty has none, which is no ticker.
fn ticker<'f>(
    symbol: &'f str,
    message: &Values<'f, 6>,
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    let mut notes = Notes::default();
    let Sides { last, .. } = sides(message, scratch, &mut notes)?;
    notes.content()?;
    check_image(scratch)?;
    let (Some(bid), Some(ask)) = (scratch.bids.pop(), scratch.asks.pop()) else {
        return Err(DecodeError::Empty);
    };
    if !(scratch.bids.is_empty() && scratch.asks.is_empty()) {
        return Err(DecodeError::Malformed);
    }
    Ok(Event::Ticker { symbol, ticker: Ticker { update_id: last, bid, ask } })
}

fn trades<'f>(
    symbol: &'f str,
    message: &Values<'f, 6>,
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    const TRADE: [&str; 6] = ["instId", "tradeId", "px", "sz", "side", "ts"];
    raw::each(message[DATA], |row| {
        let [named, id, price, qty, side, time] = raw::object(row, &TRADE)?;
        if wire::string(named)? != symbol {
            return Err(DecodeError::Malformed);
        }
        let taker = match wire::string(side)? {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return Err(DecodeError::Malformed),
        };
        let level = wire::filled_level(wire::string(price)?, wire::string(qty)?)?;
        let trade_id = TradeKey::Number(raw::quoted_whole(id)?);
        let venue_ts_ms = raw::quoted_whole(time)?;
        if scratch.trades.len() >= TRADES {
            return Err(DecodeError::Overflow);
        }
        let (price, qty) = (level.price, level.qty);
        scratch.trades.push(PublicTrade { price, qty, taker, trade_id, venue_ts_ms });
        Ok(())
    })?;
    if scratch.trades.is_empty() {
        return Err(DecodeError::Malformed);
    }
    Ok(Event::Trades { symbol })
}
