//! Bybit v5 spot public frames (`VENUES.md` 4): `orderbook.N.SYMBOL`, `publicTrade.SYMBOL`, and the
//! answers to requests and pings. Other topics, `tickers` among them, are control: a spot ticker
//! holds no bid or ask.
//!
//! A book of `type` `snapshot`, and one with `u` = 1, is whole (the service restarted); every other
//! `delta` changes the book of `u` − 1. `orderbook.1` is whole each time and may repeat its `u`. On
//! spot `ts` stands before `type`, elsewhere behind it: keys are taken in any order.

use crate::types::ids::InstrumentName;
use crate::types::ids::instrument_name;
use crate::types::market::Side;
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
use crate::venue::bybit::usual;
use crate::venue::raw;
use crate::venue::raw::Values;
use crate::venue::wire;
use crate::venue::wire::Notes;

/// Quote assets that end a spot symbol, in the order in which they are tried.
const QUOTES: [&str; 14] = [
    "USDT", "USDC", "USDE", "USD1", "USDQ", "DAI", "BTC", "ETH", "SOL", "MNT", "EUR", "BRL", "TRY",
    "PLN",
];

/// Number of the book that a restarted service begins with.
const RESTARTED: u64 = 1;

/// Bybit's codec.
#[derive(Clone, Copy, Debug)]
pub struct BybitCodec;

impl BybitCodec {
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
        let message = raw::object(text, &MESSAGE)?;
        if wire::too_deep(text) {
            return Err(DecodeError::TooDeep);
        }
        if kind != FrameKind::Ws {
            return Err(DecodeError::Malformed);
        }
        if message[TOPIC].is_none() {
            return answer(&message).map(Event::Control);
        }
        let topic = wire::string(message[TOPIC])?;
        if let Some(symbol) = topic.strip_prefix("publicTrade.") {
            return trades(symbol, &message, scratch);
        }
        let book = topic.strip_prefix("orderbook.").and_then(|rest| rest.split_once('.'));
        match book {
            Some((depth, symbol)) if depth.bytes().all(|byte| byte.is_ascii_digit()) => {
                let read = book_event(symbol, &message, scratch);
                scratch.judge(symbol, read)
            }
            _ => Ok(Event::Control(Control::Unused)),
        }
    }
}

impl Codec for BybitCodec {
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

    /// `BTCUSDT` is `BTC-USDT`; `None` if no known quote asset ends it.
    fn instrument(&self, symbol: &str) -> Option<InstrumentName> {
        let named = |quote: &&str| instrument_name(symbol.strip_suffix(*quote)?, quote);
        QUOTES.iter().find_map(named)
    }

    fn symbol(&self, instrument: &InstrumentName) -> String {
        instrument.replace('-', "")
    }
}

const MESSAGE: [&str; 8] = ["topic", "type", "ts", "data", "success", "op", "retCode", "ret_msg"];
const TOPIC: usize = 0;
const KIND: usize = 1;
const TIME: usize = 2;
const DATA: usize = 3;
const SUCCESS: usize = 4;
const OP: usize = 5;
const CODE: usize = 6;
const WORDS: usize = 7;

/// An answer to a request or a ping. Spot answers a ping with `op` `ping` and the words `pong`.
fn answer(message: &Values<'_, 8>) -> Result<Control, DecodeError> {
    let is = |at: usize, text: &str| message[at].is_some_and(|raw| raw == text);
    let is_refused = is(SUCCESS, "false") || message[CODE].is_some_and(|code| code != "0");
    let is_taken = is(SUCCESS, "true") || is(CODE, "0");
    let is_pong = is(OP, "\"pong\"") || is(OP, "\"ping\"") && is(WORDS, "\"pong\"");
    match () {
        () if is_refused => Ok(Control::Error),
        () if is_pong => Ok(Control::Pong),
        () if is_taken => Ok(Control::Ack),
        () if message[OP].is_some() => Ok(Control::Unused),
        () => Err(DecodeError::Malformed),
    }
}

fn book_event<'f>(
    symbol: &'f str,
    message: &Values<'f, 8>,
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    let [named, bids, asks, number] = raw::inner(message[DATA], &["s", "b", "a", "u"])?;
    if wire::string(named)? != symbol {
        return Err(DecodeError::Malformed);
    }
    let is_snapshot = match wire::string(message[KIND])? {
        "snapshot" => true,
        "delta" => false,
        _ => return Err(DecodeError::Malformed),
    };
    let (last, venue_ts_ms) = (wire::whole(number)?, wire::whole(message[TIME])?);
    let mut notes = Notes::default();
    raw::levels(bids, &mut scratch.bids, &mut notes)?;
    raw::levels(asks, &mut scratch.asks, &mut notes)?;
    if !is_snapshot && last != RESTARTED {
        notes.content()?;
        let Some(prev) = last.checked_sub(1) else {
            scratch.reject(symbol);
            return Err(DecodeError::Malformed);
        };
        return Ok(Event::Delta { symbol, span: Span::Chained { prev, last }, venue_ts_ms });
    }
    scratch.bids.retain(|level| !level.qty.is_zero());
    scratch.asks.retain(|level| !level.qty.is_zero());
    notes.content()?;
    check_image(scratch)?;
    Ok(Event::Image { symbol, venue_ts_ms, update_id: Some(last) })
}

fn trades<'f>(
    symbol: &'f str,
    message: &Values<'f, 8>,
    scratch: &mut Scratch,
) -> Result<Event<'f>, DecodeError> {
    raw::each(message[DATA], |row| {
        let [named, side, qty, price, id, time] =
            raw::object(row, &["s", "S", "v", "p", "i", "T"])?;
        if wire::string(named)? != symbol {
            return Err(DecodeError::Malformed);
        }
        let taker = match wire::string(side)? {
            "Buy" => Side::Buy,
            "Sell" => Side::Sell,
            _ => return Err(DecodeError::Malformed),
        };
        let level = wire::filled_level(wire::string(price)?, wire::string(qty)?)?;
        let trade_id = TradeKey::parse(wire::string(id)?).ok_or(DecodeError::Malformed)?;
        let venue_ts_ms = wire::whole(time)?;
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
