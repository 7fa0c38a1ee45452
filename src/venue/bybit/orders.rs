//! Bybit v5 private messages (`VENUES.md` 4): the topics `order`, `execution`, `execution.fast` and
//! `wallet` with their kin by category, the answers of the private and the order connection, and
//! the answers over HTTP.
//!
//! Answers to placing and cancelling are acknowledgements only; the `order` topic is the truth.
//! An order cancelled after a part matched ends as `PartiallyFilledCanceled`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::types::market::Level;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::Scratch;
use crate::venue::book::check_image;
use crate::venue::bybit::errors;
use crate::venue::bybit::rows::AckRow;
use crate::venue::bybit::rows::FeeRow;
use crate::venue::bybit::rows::FillRow;
use crate::venue::bybit::rows::OrderRow;
use crate::venue::bybit::rows::Wallet;
use crate::venue::bybit::rows::balances;
use crate::venue::bybit::stream::BybitStream;
use crate::venue::fields;
use crate::venue::fields::Text;
use crate::venue::private::Call;
use crate::venue::private::ErrorClass;
use crate::venue::private::Private;
use crate::venue::private::PrivateEvent;
use crate::venue::private::Reply;
use crate::venue::private::VenueError;
use crate::venue::raw;
use crate::venue::stream::Stream;
use crate::venue::wire;
use crate::venue::wire::Notes;

/// How long Bybit wants silence after `access too frequent` (HTTP 403).
const BAN_MS: u64 = 10 * 60 * 1_000;

/// Bybit's private messages and answers.
#[derive(Clone, Copy, Debug)]
pub struct BybitPrivate;

impl Private for BybitPrivate {
    fn decode_private(&self, frame: &[u8]) -> Result<Vec<PrivateEvent>, DecodeError> {
        let message: Message<'_> = fields::message(frame)?;
        let Some(topic) = &message.topic else {
            return message.answer().map(|event| vec![event]);
        };
        let data = message.data.ok_or(DecodeError::Malformed)?.get();
        match topic.split('.').next() {
            Some("order") => {
                let rows: Vec<OrderRow<'_>> = fields::inside(data)?;
                rows.iter().map(|row| row.update("").map(PrivateEvent::Order)).collect()
            }
            Some("execution") => {
                let rows: Vec<FillRow<'_>> = fields::inside(data)?;
                let trades = rows.iter().filter(|row| row.is_trade());
                trades.map(|row| row.update().map(PrivateEvent::Order)).collect()
            }
            Some("wallet") => {
                let wallets: Vec<Wallet<'_>> = fields::inside(data)?;
                Ok(balances(&wallets)?.into_iter().map(PrivateEvent::Balance).collect())
            }
            _ => Ok(vec![PrivateEvent::Control(Control::Unused)]),
        }
    }

    /// A text without JSON is a refusal at the door where its status is 403 or 429.
    fn decode_reply(&self, call: Call, status: u16, body: &[u8]) -> Result<Reply, DecodeError> {
        let answer: Answer<'_> = match (fields::message(body), status) {
            (Ok(answer), _) => answer,
            (Err(_), 403 | 429) => return Ok(Reply::Refused(at_the_door(status, body))),
            (Err(why), _) => return Err(why),
        };
        if answer.code != 0 {
            let error = refusal(answer.code, &answer.words);
            return Ok(Reply::Refused(fields::after_failure(error, status)));
        }
        let result = answer.result.get();
        match call {
            Call::Place | Call::Cancel => {
                let ack: AckRow<'_> = fields::inside(result)?;
                Ok(Reply::Orders(vec![ack.update(answer.time)]))
            }
            Call::Order | Call::Orders => {
                let list: List<'_, OrderRow<'_>> = fields::inside(result)?;
                let orders = list.list.iter().map(|row| row.update(&list.category));
                orders.collect::<Result<_, _>>().map(Reply::Orders)
            }
            Call::Fills => {
                let list: List<'_, FillRow<'_>> = fields::inside(result)?;
                let trades = list.list.iter().filter(|row| row.is_trade());
                trades.map(FillRow::named).collect::<Result<_, _>>().map(Reply::Fills)
            }
            Call::Balances => {
                let list: List<'_, Wallet<'_>> = fields::inside(result)?;
                balances(&list.list).map(Reply::Balances)
            }
            Call::Fees => {
                let list: List<'_, FeeRow<'_>> = fields::inside(result)?;
                list.list.iter().map(FeeRow::rates).collect::<Result<_, _>>().map(Reply::Fees)
            }
            Call::Time => BybitStream.time_ms(body).map(Reply::Time),
            Call::Rules => BybitStream.rules(body).map(Reply::Rules),
            Call::Book => book(result),
        }
    }
}

fn refusal(code: i64, words: &str) -> VenueError {
    fields::refusal(errors::class(code), &code.to_string(), words)
}

/// A refusal by the edge of the venue, which knows no codes.
fn at_the_door(status: u16, body: &[u8]) -> VenueError {
    let is_ban = status == 403;
    let class = if is_ban { ErrorClass::Banned } else { ErrorClass::RateLimit };
    let words = String::from_utf8_lossy(body);
    let retry_after_ms = is_ban.then_some(BAN_MS);
    VenueError { retry_after_ms, ..fields::refusal(class, &status.to_string(), &words) }
}

fn book(result: &str) -> Result<Reply, DecodeError> {
    let [bids, asks, number] = raw::object(result, &["b", "a", "u"])?;
    let (mut scratch, mut notes) = (Scratch::default(), Notes::default());
    raw::levels(bids, &mut scratch.bids, &mut notes)?;
    raw::levels(asks, &mut scratch.asks, &mut notes)?;
    notes.content()?;
    check_image(&scratch)?;
    let pairs = |side: Vec<Level>| -> Vec<(Price, Qty)> {
        side.into_iter().map(|level| (level.price, level.qty)).collect()
    };
    let (bids, asks) = (pairs(scratch.bids), pairs(scratch.asks));
    Ok(Reply::Book { bids, asks, update_id: Some(wire::whole(number)?) })
}

#[derive(Deserialize)]
struct Answer<'f> {
    #[serde(rename = "retCode")]
    code: i64,
    #[serde(borrow, rename = "retMsg")]
    words: Text<'f>,
    #[serde(borrow)]
    result: &'f RawValue,
    #[serde(default)]
    time: u64,
}

#[derive(Deserialize)]
struct List<'f, Row> {
    list: Vec<Row>,
    #[serde(borrow, default)]
    category: Text<'f>,
}

/// A message of the private or the order connection.
#[derive(Deserialize)]
struct Message<'f> {
    topic: Option<Text<'f>>,
    op: Option<Text<'f>>,
    success: Option<bool>,
    #[serde(borrow, default)]
    ret_msg: Text<'f>,
    #[serde(rename = "retCode")]
    code: Option<i64>,
    #[serde(borrow, default, rename = "retMsg")]
    words: Text<'f>,
    #[serde(borrow)]
    data: Option<&'f RawValue>,
    header: Option<Header<'f>>,
}

#[derive(Deserialize)]
struct Header<'f> {
    #[serde(borrow, default, rename = "Timenow")]
    time: Text<'f>,
}

impl Message<'_> {
    fn answer(&self) -> Result<PrivateEvent, DecodeError> {
        let op = self.op.as_deref().ok_or(DecodeError::Malformed)?;
        if let Some(code) = self.code.filter(|code| *code != 0) {
            return Ok(PrivateEvent::Reply(Reply::Refused(refusal(code, &self.words))));
        }
        if self.success == Some(false) {
            let class = if op == "auth" { ErrorClass::Auth } else { ErrorClass::Request };
            let error = fields::refusal(class, "", &self.ret_msg);
            return Ok(PrivateEvent::Reply(Reply::Refused(error)));
        }
        let is_spot_pong = op == "ping" && self.ret_msg == "pong";
        match op {
            "pong" => Ok(PrivateEvent::Control(Control::Pong)),
            _ if is_spot_pong => Ok(PrivateEvent::Control(Control::Pong)),
            "order.create" | "order.cancel" | "order.amend" => self.ack(),
            _ if self.code.is_some() || self.success.is_some() => {
                Ok(PrivateEvent::Control(Control::Ack))
            }
            _ => Ok(PrivateEvent::Control(Control::Unused)),
        }
    }

    fn ack(&self) -> Result<PrivateEvent, DecodeError> {
        let ack: AckRow<'_> = fields::inside(self.data.ok_or(DecodeError::Malformed)?.get())?;
        let time = self.header.as_ref().map_or("", |header| &header.time);
        let venue_ts_ms = if time.is_empty() { 0 } else { fields::whole(time)? };
        Ok(PrivateEvent::Reply(Reply::Orders(vec![ack.update(venue_ts_ms)])))
    }
}
