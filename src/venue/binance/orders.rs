//! Binance's private messages (`VENUES.md` 2.2 and 2.3): events of the user data stream, raw or
//! with a subscription around them, answers of the WebSocket API, answers over HTTP. Pure.
//!
//! The WebSocket API tells in an answer which request it belongs to by `id` only, so what the
//! answer is has to be seen from its result.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::venue::DecodeError;
use crate::venue::binance::errors::refusal;
use crate::venue::binance::replies;
use crate::venue::binance::rules::exchange_info;
use crate::venue::binance::user;
use crate::venue::binance::values::parse;
use crate::venue::binance::values::whole_text;
use crate::venue::private::Call;
use crate::venue::private::OrderUpdate;
use crate::venue::private::Private;
use crate::venue::private::PrivateEvent;
use crate::venue::private::Reply;

/// Binance's [`Private`].
#[derive(Clone, Copy, Debug)]
pub struct BinancePrivate;

/// A frame of the private connection.
#[derive(Deserialize)]
struct Frame<'f> {
    #[serde(borrow)]
    e: Option<&'f RawValue>,
    #[serde(borrow)]
    event: Option<&'f RawValue>,
    status: Option<u16>,
    #[serde(borrow)]
    result: Option<&'f RawValue>,
    #[serde(borrow)]
    error: Option<&'f RawValue>,
}

impl Private for BinancePrivate {
    fn decode_private(&self, frame: &[u8]) -> Result<Vec<PrivateEvent>, DecodeError> {
        let text = whole_text(frame)?;
        let frame: Frame<'_> = parse(text)?;
        if let Some(event) = frame.event {
            return user::event(event.get());
        }
        if frame.e.is_some() {
            return user::event(text);
        }
        let status = frame.status.ok_or(DecodeError::Malformed)?;
        let replies = match (frame.error, frame.result) {
            (Some(error), _) => refused(status, error.get())?,
            (None, Some(result)) if status == 200 => vec![result_of(result.get())?],
            (None, None) if status == 200 => vec![Reply::Done],
            _ => return Err(DecodeError::Malformed),
        };
        Ok(replies.into_iter().map(PrivateEvent::Reply).collect())
    }

    fn decode_reply(&self, call: Call, status: u16, body: &[u8]) -> Result<Reply, DecodeError> {
        if status != 200 {
            return Ok(Reply::Refused(refusal(status, body)?));
        }
        let text = whole_text(body)?;
        let marks = marks(text)?;
        if marks.code.is_some() {
            return Ok(Reply::Refused(refusal(status, body)?));
        }
        match call {
            Call::Place | Call::Cancel | Call::Order | Call::Orders => orders(text, &marks),
            Call::Fills => replies::fills(text),
            Call::Balances => replies::balances(text),
            Call::Fees => replies::fees(text),
            Call::Time => replies::time(text),
            Call::Rules => Ok(Reply::Rules(exchange_info(text)?)),
            Call::Book => replies::book(text),
        }
    }
}

/// Keys by which a result is known.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Marks<'f> {
    #[serde(borrow)]
    code: Option<&'f RawValue>,
    order_id: Option<&'f RawValue>,
    commission: Option<&'f RawValue>,
    cancel_response: Option<&'f RawValue>,
    new_order_response: Option<&'f RawValue>,
    amended_order: Option<&'f RawValue>,
    order_reports: Option<&'f RawValue>,
    balances: Option<&'f RawValue>,
    standard_commission: Option<&'f RawValue>,
    symbols: Option<&'f RawValue>,
    last_update_id: Option<&'f RawValue>,
    server_time: Option<&'f RawValue>,
    authorized_since: Option<&'f RawValue>,
}

/// The marks of an object; none of a list.
fn marks(text: &str) -> Result<Marks<'_>, DecodeError> {
    if text.trim_start().starts_with('[') { Ok(Marks::default()) } else { parse(text) }
}

/// Orders in whatever form: one, a list, a pair of a cancel and its replacement, an amendment. An
/// empty object answers a test order.
fn orders(text: &str, marks: &Marks<'_>) -> Result<Reply, DecodeError> {
    if marks.order_id.is_some() {
        return replies::order(text).map(Reply::Orders);
    }
    if marks.amended_order.is_some() {
        return replies::amended(text).map(Reply::Orders);
    }
    if let (Some(cancel), Some(new)) = (marks.cancel_response, marks.new_order_response) {
        let (cancel, new) = (replies::order(cancel.get())?, replies::order(new.get())?);
        return Ok(Reply::Orders([cancel, new].concat()));
    }
    if let Some(reports) = marks.order_reports {
        return list(reports.get()).map(Reply::Orders);
    }
    if text.trim_start().starts_with('[') {
        return list(text).map(Reply::Orders);
    }
    Ok(Reply::Done)
}

/// A list of orders; of an order list among them, its orders.
fn list(text: &str) -> Result<Vec<OrderUpdate>, DecodeError> {
    let mut all = Vec::new();
    for one in parse::<Vec<&RawValue>>(text)? {
        let of = marks(one.get())?;
        match of.order_reports {
            Some(reports) => {
                for report in parse::<Vec<&RawValue>>(reports.get())? {
                    all.extend(replies::order(report.get())?);
                }
            }
            None => all.extend(replies::order(one.get())?),
        }
    }
    Ok(all)
}

/// A result of the WebSocket API. What this program has no use for is [`Reply::Done`].
fn result_of(text: &str) -> Result<Reply, DecodeError> {
    if text.starts_with('[') {
        let first = parse::<Vec<&RawValue>>(text)?.first().map(|one| one.get());
        let marks = first.map(marks).transpose()?.unwrap_or_default();
        return match (marks.order_id, marks.commission) {
            (Some(_), Some(_)) => replies::fills(text),
            (Some(_), None) => list(text).map(Reply::Orders),
            _ => Ok(Reply::Done),
        };
    }
    if !text.starts_with('{') {
        return Ok(Reply::Done);
    }
    let marks = marks(text)?;
    if marks.balances.is_some() {
        return replies::balances(text);
    }
    if marks.standard_commission.is_some() {
        return replies::fees(text);
    }
    if marks.symbols.is_some() {
        return exchange_info(text).map(Reply::Rules);
    }
    if marks.last_update_id.is_some() {
        return replies::book(text);
    }
    // The state of a session tells the time too, among other things.
    if marks.server_time.is_some() && marks.authorized_since.is_none() {
        return replies::time(text);
    }
    orders(text, &marks)
}

/// The half that failed and the half that did not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'f> {
    #[serde(borrow)]
    cancel_response: Option<&'f RawValue>,
    #[serde(borrow)]
    new_order_response: Option<&'f RawValue>,
}

#[derive(Deserialize)]
struct ReplacementError<'f> {
    #[serde(borrow)]
    data: Replacement<'f>,
}

/// The answers in an error of the WebSocket API: the refusal, or, of a cancel-and-replace, what
/// each half came to.
fn refused(status: u16, error: &str) -> Result<Vec<Reply>, DecodeError> {
    let halves = match parse::<ReplacementError<'_>>(error) {
        Ok(of) => [of.data.cancel_response, of.data.new_order_response],
        Err(_) => [None, None],
    };
    if halves.iter().all(Option::is_none) {
        return Ok(vec![Reply::Refused(refusal(status, error.as_bytes())?)]);
    }
    let half = |text: &str| match marks(text)?.code {
        // Half of a request that was answered did not fail by the status of the whole.
        Some(_) => refusal(400, text.as_bytes()).map(Reply::Refused),
        None => replies::order(text).map(Reply::Orders),
    };
    halves.into_iter().flatten().map(|text| half(text.get())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::private::ErrorClass;

    const ORDER: &str = r#"{"symbol":"BTCUSDT","orderId":7,"clientOrderId":"ours",
        "transactTime":1,"price":"10","origQty":"2","executedQty":"0",
        "cummulativeQuoteQty":"0","status":"NEW","side":"BUY"}"#;

    fn orders_in(reply: &Reply) -> usize {
        if let Reply::Orders(orders) = reply { orders.len() } else { 0 }
    }

    #[test]
    fn an_event_reads_alike_raw_and_inside_its_subscription() {
        let raw = r#"{"e":"eventStreamTerminated","E":1}"#;
        let wrapped = format!(r#"{{"subscriptionId":0,"event":{raw}}}"#);
        for frame in [raw, &wrapped] {
            let events = BinancePrivate.decode_private(frame.as_bytes());
            assert_eq!(events, Ok(vec![PrivateEvent::Ended]));
        }
        let unknown = br#"{"e":"somethingNew","E":1}"#;
        let unused = PrivateEvent::Control(crate::venue::Control::Unused);
        assert_eq!(BinancePrivate.decode_private(unknown), Ok(vec![unused]));
    }

    #[test]
    fn what_is_no_event_and_no_answer_is_malformed() {
        for frame in ["{}", "[]", "null", r#"{"id":1}"#, r#"{"status":400,"id":1}"#, "x", ""] {
            let events = BinancePrivate.decode_private(frame.as_bytes());
            assert_eq!(events, Err(DecodeError::Malformed), "{frame}");
        }
        let deep = format!(r#"{{"status":200,"result":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        assert_eq!(BinancePrivate.decode_private(deep.as_bytes()), Err(DecodeError::TooDeep));
    }

    #[test]
    fn a_refusal_with_status_200_is_a_refusal() {
        let body = br#"{"code":-2010,"msg":"Market is closed."}"#;
        for call in [Call::Place, Call::Balances, Call::Book, Call::Time] {
            let Ok(Reply::Refused(error)) = BinancePrivate.decode_reply(call, 200, body) else {
                panic!("{call:?}")
            };
            assert_eq!(error.class, ErrorClass::Offline);
        }
    }

    #[test]
    fn an_answer_of_another_shape_than_was_asked_for_is_malformed() {
        for call in [Call::Fills, Call::Balances, Call::Fees, Call::Time, Call::Rules, Call::Book] {
            let reply = BinancePrivate.decode_reply(call, 200, ORDER.as_bytes());
            assert_eq!(reply, Err(DecodeError::Malformed), "{call:?}");
        }
        let half = br#"{"symbol":"BTCUSDT","orderId":7"#;
        let reply = BinancePrivate.decode_reply(Call::Place, 200, half);
        assert_eq!(reply, Err(DecodeError::Malformed));
    }

    #[test]
    fn lists_of_orders_hold_the_orders_of_order_lists_too() {
        let body = format!(r#"[{ORDER},{{"orderListId":1,"orderReports":[{ORDER},{ORDER}]}}]"#);
        let reply = BinancePrivate.decode_reply(Call::Orders, 200, body.as_bytes());
        assert_eq!(reply.as_ref().map(orders_in), Ok(3));
        let none = BinancePrivate.decode_reply(Call::Orders, 200, b"[]");
        assert_eq!(none, Ok(Reply::Orders(Vec::new())));
    }

    #[test]
    fn a_replacement_that_failed_wholly_tells_both_refusals() {
        let frame = br#"{"id":1,"status":400,"error":{"code":-2022,"msg":"failed","data":{
            "cancelResult":"FAILURE","newOrderResult":"NOT_ATTEMPTED",
            "cancelResponse":{"code":-2011,"msg":"Unknown order sent."},
            "newOrderResponse":null}}}"#;
        let events = BinancePrivate.decode_private(frame).expect("an answer");
        let [PrivateEvent::Reply(Reply::Refused(error))] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(error.class, ErrorClass::NoOrder);
    }
}
