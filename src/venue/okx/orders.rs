//! OKX v5 private messages (`VENUES.md` 5): the channels `orders`, `fills` and `account`, events
//! and answers of a connection, and the answers over HTTP.
//!
//! Answers to placing and cancelling are acknowledgements only; the `orders` channel is the truth.
//! `balance_and_position` tells the cash of a coin but not which part of it is free: it is unused,
//! `account` says both.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::types::market::Level;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::Scratch;
use crate::venue::book::check_image;
use crate::venue::fields;
use crate::venue::fields::Text;
use crate::venue::okx::errors;
use crate::venue::okx::rows::Account;
use crate::venue::okx::rows::AckRow;
use crate::venue::okx::rows::FeeRow;
use crate::venue::okx::rows::FillRow;
use crate::venue::okx::rows::OrderRow;
use crate::venue::okx::rows::balances;
use crate::venue::okx::stream::OkxStream;
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

/// Code of the notice that this connection is closed in about a minute for an upgrade.
const CLOSING: &str = "64008";
/// Code of what went well.
const TAKEN: &str = "0";

/// OKX's private messages and answers.
#[derive(Clone, Copy, Debug)]
pub struct OkxPrivate;

impl Private for OkxPrivate {
    fn decode_private(&self, frame: &[u8]) -> Result<Vec<PrivateEvent>, DecodeError> {
        if frame == b"pong" {
            return Ok(vec![PrivateEvent::Control(Control::Pong)]);
        }
        let message: Message<'_> = fields::message(frame)?;
        if let Some(event) = &message.event {
            return Ok(vec![message.told(event)]);
        }
        if message.op.is_some() {
            return message.answer().map(|reply| vec![PrivateEvent::Reply(reply)]);
        }
        let channel = &message.arg.as_ref().ok_or(DecodeError::Malformed)?.channel;
        match channel.as_ref() {
            "orders" => {
                let rows: Vec<OrderRow<'_>> = message.rows()?;
                rows.iter().map(|row| row.update().map(PrivateEvent::Order)).collect()
            }
            "fills" => {
                let rows: Vec<FillRow<'_>> = message.rows()?;
                rows.iter().map(|row| row.update().map(PrivateEvent::Order)).collect()
            }
            "account" => {
                let accounts: Vec<Account<'_>> = message.rows()?;
                Ok(balances(&accounts)?.into_iter().map(PrivateEvent::Balance).collect())
            }
            _ => Ok(vec![PrivateEvent::Control(Control::Unused)]),
        }
    }

    /// A text without JSON is a refusal where its status is 429.
    fn decode_reply(&self, call: Call, status: u16, body: &[u8]) -> Result<Reply, DecodeError> {
        let message: Message<'_> = match (fields::message(body), status) {
            (Ok(message), _) => message,
            (Err(_), 429) => {
                let words = String::from_utf8_lossy(body);
                let error = fields::refusal(ErrorClass::RateLimit, "429", &words);
                return Ok(Reply::Refused(error));
            }
            (Err(why), _) => return Err(why),
        };
        if matches!(call, Call::Place | Call::Cancel) {
            return Ok(match message.answer()? {
                Reply::Refused(error) => Reply::Refused(fields::after_failure(error, status)),
                taken => taken,
            });
        }
        if message.code()? != TAKEN {
            return Ok(Reply::Refused(fields::after_failure(message.refusal(), status)));
        }
        match call {
            Call::Order | Call::Orders => {
                let rows: Vec<OrderRow<'_>> = message.rows()?;
                rows.iter().map(OrderRow::update).collect::<Result<_, _>>().map(Reply::Orders)
            }
            Call::Fills => {
                let rows: Vec<FillRow<'_>> = message.rows()?;
                rows.iter().map(FillRow::named).collect::<Result<_, _>>().map(Reply::Fills)
            }
            Call::Balances => {
                let accounts: Vec<Account<'_>> = message.rows()?;
                balances(&accounts).map(Reply::Balances)
            }
            Call::Fees => {
                let rows: Vec<FeeRow<'_>> = message.rows()?;
                rows.iter().map(FeeRow::rates).collect::<Result<_, _>>().map(Reply::Fees)
            }
            Call::Time => OkxStream.time_ms(body).map(Reply::Time),
            Call::Rules => OkxStream.rules(body).map(Reply::Rules),
            Call::Book => book(message.data()?),
            Call::Place | Call::Cancel => message.answer(),
        }
    }
}

/// A book over HTTP. It names no number that the stream's could be compared with.
fn book(data: &str) -> Result<Reply, DecodeError> {
    let [bids, asks, number] = raw::object(raw::only(Some(data))?, &["bids", "asks", "seqId"])?;
    let (mut scratch, mut notes) = (Scratch::default(), Notes::default());
    raw::levels(bids, &mut scratch.bids, &mut notes)?;
    raw::levels(asks, &mut scratch.asks, &mut notes)?;
    notes.content()?;
    check_image(&scratch)?;
    let pairs = |side: Vec<Level>| -> Vec<(Price, Qty)> {
        side.into_iter().map(|level| (level.price, level.qty)).collect()
    };
    let update_id = number.map(|number| wire::whole(Some(number))).transpose()?;
    Ok(Reply::Book { bids: pairs(scratch.bids), asks: pairs(scratch.asks), update_id })
}

/// A message of a connection, or an answer over HTTP.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'f> {
    arg: Option<Arg<'f>>,
    event: Option<Text<'f>>,
    op: Option<Text<'f>>,
    code: Option<Text<'f>>,
    #[serde(borrow, default)]
    msg: Text<'f>,
    #[serde(borrow)]
    data: Option<&'f RawValue>,
    /// When the venue's gateway gave the answer, µs since 1970.
    #[serde(borrow, default)]
    out_time: Text<'f>,
}

#[derive(Deserialize)]
struct Arg<'f> {
    #[serde(borrow)]
    channel: Text<'f>,
}

impl<'f> Message<'f> {
    fn code(&self) -> Result<&str, DecodeError> {
        self.code.as_deref().ok_or(DecodeError::Malformed)
    }

    fn data(&self) -> Result<&'f str, DecodeError> {
        self.data.map(RawValue::get).ok_or(DecodeError::Malformed)
    }

    fn rows<Row: Deserialize<'f>>(&self) -> Result<Vec<Row>, DecodeError> {
        fields::inside(self.data()?)
    }

    fn refusal(&self) -> VenueError {
        refusal(self.code.as_deref().unwrap_or_default(), &self.msg)
    }

    fn told(&self, event: &str) -> PrivateEvent {
        let code = self.code.as_deref();
        match event {
            "error" | "channel-conn-count-error" => {
                PrivateEvent::Reply(Reply::Refused(self.refusal()))
            }
            "login" if code != Some(TAKEN) => PrivateEvent::Reply(Reply::Refused(self.refusal())),
            "login" | "subscribe" | "unsubscribe" => PrivateEvent::Control(Control::Ack),
            "notice" if code == Some(CLOSING) => PrivateEvent::Control(Control::ShuttingDown),
            _ => PrivateEvent::Control(Control::Unused),
        }
    }

    /// The answer to an order or a cancel. One row that was refused refuses it all: we ask for one
    /// at a time. The reason stands in the row, or in the message if there is none.
    fn answer(&self) -> Result<Reply, DecodeError> {
        let rows: Vec<AckRow<'_>> = if self.data.is_some() { self.rows()? } else { Vec::new() };
        let is_refused = |row: &&AckRow<'_>| !row.s_code.is_empty() && row.s_code != TAKEN;
        if let Some(row) = rows.iter().find(is_refused) {
            return Ok(Reply::Refused(refusal(&row.s_code, &row.s_msg)));
        }
        if self.code()? != TAKEN {
            return Ok(Reply::Refused(self.refusal()));
        }
        let is_timed = !self.out_time.is_empty();
        let out_us = if is_timed { fields::whole(&self.out_time)? } else { 0 };
        let orders = rows.iter().map(|row| row.update(out_us));
        orders.collect::<Result<_, _>>().map(Reply::Orders)
    }
}

fn refusal(code: &str, words: &str) -> VenueError {
    fields::refusal(errors::class(code), code, words)
}
