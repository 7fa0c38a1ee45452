//! OKX's public connection (`VENUES.md` 5) and the public requests beside it.
//!
//! The book is the channel `books`: 400 levels, a snapshot and then updates every 100 ms, open to
//! every client. `bbo-tbt` is not subscribed beside it: that the numbers of two channels can be
//! compared is not documented, so nothing would tell which of the two is newer.

use serde::Deserialize;

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

/// Most symbols of one request: all of a run, far below the 64 KiB that a request may have.
const ARGS_PER_REQUEST: usize = 32;

/// OKX's public connection.
#[derive(Clone, Copy, Debug)]
pub struct OkxStream;

impl Stream for OkxStream {
    /// OKX cuts after 30 s without a message; two pings of ours fit into the 12 s of silence, so
    /// that a quiet market is none. Three connections a second are allowed, and 480 requests an
    /// hour on one connection.
    fn manners(&self) -> Manners {
        Manners {
            keepalive: Keepalive::Text { text: "ping", every: DurNs::from_secs(5) },
            books: BookSource::StreamSnapshot,
            silence: DurNs::from_secs(12),
            longest_life: None,
            first_image: DurNs::from_secs(10),
            acks: true,
            replaces: false,
            symbols_per_request: ARGS_PER_REQUEST,
            attempts_per_minute: 20,
            messages_per_second: 3,
            has_ticker: false,
        }
    }

    fn path(&self) -> &'static str {
        "/ws/v5/public"
    }

    fn subscribe(&self, symbols: &[&str], id: u64) -> Vec<String> {
        requests("subscribe", symbols, id)
    }

    fn unsubscribe(&self, symbols: &[&str], id: u64) -> Vec<String> {
        requests("unsubscribe", symbols, id)
    }

    fn rules_paths(&self, symbols: &[&str]) -> Vec<String> {
        let path =
            |symbol: &&str| format!("/api/v5/public/instruments?instType=SPOT&instId={symbol}");
        symbols.iter().map(path).collect()
    }

    /// The smallest order is bounded by quantity (`minSz`), so no smallest value is told.
    fn rules(&self, body: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError> {
        rows::<InstrumentRow<'_>>(body)?.iter().map(InstrumentRow::rules).collect()
    }

    fn time_path(&self) -> Option<&'static str> {
        Some("/api/v5/public/time")
    }

    fn time_ms(&self, body: &[u8]) -> Result<u64, DecodeError> {
        match rows::<TimeRow<'_>>(body)?.as_slice() {
            [time] => fields::whole(&time.ts),
            _ => Err(DecodeError::Malformed),
        }
    }
}

/// The rows of an answer that is no refusal.
fn rows<'f, Row: Deserialize<'f>>(body: &'f [u8]) -> Result<Vec<Row>, DecodeError> {
    let answer: Answer<'_, Row> = fields::message(body)?;
    if answer.code == "0" { Ok(answer.data) } else { Err(DecodeError::Malformed) }
}

fn requests(op: &str, symbols: &[&str], id: u64) -> Vec<String> {
    let arg = |symbol: &&str| format!(r#"{{"channel":"books","instId":"{symbol}"}}"#);
    let request = |(id, symbols): (u64, &[&str])| {
        let args: Vec<String> = symbols.iter().map(arg).collect();
        format!(r#"{{"id":"{id}","op":"{op}","args":[{}]}}"#, args.join(","))
    };
    (id..).zip(symbols.chunks(ARGS_PER_REQUEST)).map(request).collect()
}

#[derive(Deserialize)]
struct Answer<'f, Row> {
    #[serde(borrow)]
    code: Text<'f>,
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct TimeRow<'f> {
    #[serde(borrow)]
    ts: Text<'f>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstrumentRow<'f> {
    #[serde(borrow)]
    inst_id: Text<'f>,
    #[serde(borrow)]
    base_ccy: Text<'f>,
    #[serde(borrow)]
    quote_ccy: Text<'f>,
    #[serde(borrow)]
    state: Text<'f>,
    #[serde(borrow)]
    tick_sz: Text<'f>,
    #[serde(borrow)]
    lot_sz: Text<'f>,
    #[serde(borrow, default)]
    inst_id_code: Option<Code<'f>>,
}

/// A number that venues spell with and without quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code<'f> {
    Number(u64),
    #[serde(borrow)]
    Quoted(Text<'f>),
}

impl Code<'_> {
    fn read(&self) -> Result<Option<u64>, DecodeError> {
        match self {
            Code::Number(number) => Ok(Some(*number)),
            Code::Quoted(text) if text.is_empty() => Ok(None),
            Code::Quoted(text) => fields::whole(text).map(Some),
        }
    }
}

impl InstrumentRow<'_> {
    fn rules(&self) -> Result<InstrumentRules, DecodeError> {
        let tick = fields::needed(fields::price(&self.tick_sz)?)?;
        let name = instrument_name(&self.base_ccy, &self.quote_ccy);
        let code = self.inst_id_code.as_ref().map(Code::read).transpose()?.flatten();
        Ok(InstrumentRules {
            symbol: self.inst_id.clone().into_owned(),
            name: name.ok_or(DecodeError::Malformed)?,
            is_trading: self.state == "live",
            ticks: TickTable::fixed(tick.raw()),
            lot: fields::qty(&self.lot_sz)?,
            min_notional_raw: None,
            code,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_names_every_book() {
        let both = concat!(
            r#"{"id":"7","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"},"#,
            r#"{"channel":"books","instId":"ETH-USDT"}]}"#
        );
        assert_eq!(OkxStream.subscribe(&["BTC-USDT", "ETH-USDT"], 7), [both]);
        let ended =
            r#"{"id":"8","op":"unsubscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#;
        assert_eq!(OkxStream.unsubscribe(&["BTC-USDT"], 8), [ended]);
    }
}
