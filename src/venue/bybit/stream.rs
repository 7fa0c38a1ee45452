//! Bybit's public spot connection (`VENUES.md` 4) and the public requests beside it.
//!
//! The book is `orderbook.50`: pushed every 20 ms, and deeper than the top that is published.
//! `orderbook.1` is not subscribed beside it: each depth counts its own `u`, so nothing would tell
//! which of the two is newer.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::types::ids::instrument_name;
use crate::types::market::TickTable;
use crate::types::time::DurNs;
use crate::venue::DecodeError;
use crate::venue::fields;
use crate::venue::fields::Text;
use crate::venue::stream::BookSource;
use crate::venue::stream::InstrumentRules;
use crate::venue::stream::Keepalive;
use crate::venue::stream::Manners;
use crate::venue::stream::Stream;

/// Topic of a book before its symbol.
const BOOK: &str = "orderbook.50.";
/// Ten args are allowed in one spot request, but a request is all or none: one symbol that is not
/// listed would take the nine beside it down. So each topic has a request of its own.
const ARGS_PER_REQUEST: usize = 1;

/// Bybit's public connection.
#[derive(Clone, Copy, Debug)]
pub struct BybitStream;

impl Stream for BybitStream {
    /// Bybit asks for a ping every 20 s and cuts after ten idle minutes; two pings of ours fit
    /// into the silence, so that a quiet market is none. 500 connections in five minutes are
    /// allowed. A limit for messages is not documented; we stay at ten in a second, so that 64
    /// symbols are asked for within the time of their first image.
    fn manners(&self) -> Manners {
        Manners {
            keepalive: Keepalive::Text { text: r#"{"op":"ping"}"#, every: DurNs::from_secs(5) },
            books: BookSource::StreamSnapshot,
            silence: DurNs::from_secs(12),
            longest_life: None,
            first_image: DurNs::from_secs(10),
            acks: true,
            replaces: false,
            symbols_per_request: ARGS_PER_REQUEST,
            attempts_per_minute: 20,
            messages_per_second: 10,
            has_ticker: false,
        }
    }

    fn path(&self) -> &'static str {
        "/v5/public/spot"
    }

    fn subscribe(&self, symbols: &[&str], id: u64) -> Vec<String> {
        requests("subscribe", symbols, id)
    }

    fn unsubscribe(&self, symbols: &[&str], id: u64) -> Vec<String> {
        requests("unsubscribe", symbols, id)
    }

    fn rules_paths(&self, symbols: &[&str]) -> Vec<String> {
        let path =
            |symbol: &&str| format!("/v5/market/instruments-info?category=spot&symbol={symbol}");
        symbols.iter().map(path).collect()
    }

    fn rules(&self, body: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError> {
        let instruments: List<InstrumentRow<'_>> = fields::inside(result(body)?)?;
        instruments.list.iter().map(InstrumentRow::rules).collect()
    }

    fn time_path(&self) -> Option<&'static str> {
        Some("/v5/market/time")
    }

    fn time_ms(&self, body: &[u8]) -> Result<u64, DecodeError> {
        const NS_PER_MS: u64 = 1_000_000;
        let time: TimeRow<'_> = fields::inside(result(body)?)?;
        Ok(fields::whole(&time.nano)? / NS_PER_MS)
    }
}

/// What stands under `result` of an answer that is no refusal.
fn result(body: &[u8]) -> Result<&str, DecodeError> {
    let answer: Answer<'_> = fields::message(body)?;
    if answer.code == 0 { Ok(answer.result.get()) } else { Err(DecodeError::Malformed) }
}

fn requests(op: &str, symbols: &[&str], id: u64) -> Vec<String> {
    let request = |(id, symbol): (u64, &&str)| {
        format!(r#"{{"req_id":"{id}","op":"{op}","args":["{BOOK}{symbol}"]}}"#)
    };
    (id..).zip(symbols).map(request).collect()
}

#[derive(Deserialize)]
struct Answer<'f> {
    #[serde(rename = "retCode")]
    code: i64,
    #[serde(borrow)]
    result: &'f RawValue,
}

#[derive(Deserialize)]
struct List<Row> {
    list: Vec<Row>,
}

#[derive(Deserialize)]
struct TimeRow<'f> {
    #[serde(borrow, rename = "timeNano")]
    nano: Text<'f>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstrumentRow<'f> {
    #[serde(borrow)]
    symbol: Text<'f>,
    #[serde(borrow)]
    base_coin: Text<'f>,
    #[serde(borrow)]
    quote_coin: Text<'f>,
    #[serde(borrow)]
    status: Text<'f>,
    #[serde(borrow)]
    lot_size_filter: Lot<'f>,
    #[serde(borrow)]
    price_filter: Tick<'f>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lot<'f> {
    #[serde(borrow)]
    base_precision: Text<'f>,
    #[serde(borrow)]
    min_order_amt: Text<'f>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tick<'f> {
    #[serde(borrow)]
    tick_size: Text<'f>,
}

impl InstrumentRow<'_> {
    fn rules(&self) -> Result<InstrumentRules, DecodeError> {
        let lot = &self.lot_size_filter;
        let tick = fields::needed(fields::price(&self.price_filter.tick_size)?)?;
        let name = instrument_name(&self.base_coin, &self.quote_coin);
        Ok(InstrumentRules {
            symbol: self.symbol.clone().into_owned(),
            name: name.ok_or(DecodeError::Malformed)?,
            is_trading: self.status == "Trading",
            ticks: TickTable::fixed(tick.raw()),
            lot: fields::qty(&lot.base_precision)?,
            min_notional_raw: fields::qty(&lot.min_order_amt)?.map(|least| least.raw()),
            code: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_names_one_book_and_ids_count_up() {
        let requests = BybitStream.subscribe(&["BTCUSDT", "GONEUSDT"], 7);
        let first = r#"{"req_id":"7","op":"subscribe","args":["orderbook.50.BTCUSDT"]}"#;
        let last = r#"{"req_id":"8","op":"subscribe","args":["orderbook.50.GONEUSDT"]}"#;
        assert_eq!(requests, [first, last]);
        let ended = r#"{"req_id":"9","op":"unsubscribe","args":["orderbook.50.BTCUSDT"]}"#;
        assert_eq!(BybitStream.unsubscribe(&["BTCUSDT"], 9), [ended]);
    }
}
