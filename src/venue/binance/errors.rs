//! What Binance's refusals mean for us (`errors.md` of the venue's documents). Pure.
//!
//! The code decides; where one code has several meanings, its documented text does. A status of 500
//! and more says nothing about what happened, whatever stands in the body.

use serde::Deserialize;

use crate::venue::DecodeError;
use crate::venue::binance::values::parse;
use crate::venue::binance::values::whole_text;
use crate::venue::private::ErrorClass;
use crate::venue::private::VenueError;

/// Most bytes of a message that are kept.
const MESSAGE_BYTES: usize = 256;

/// The body of a refusal.
#[derive(Deserialize)]
struct Body {
    code: i64,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    data: Option<Data>,
}

/// What the WebSocket API adds to some refusals; both times are ms since 1970.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    server_time: Option<u64>,
    retry_after: Option<u64>,
}

/// The refusal in a body that came with this status.
///
/// # Errors
/// [`DecodeError`] if the body is none and the status does not say enough by itself.
pub fn refusal(status: u16, body: &[u8]) -> Result<VenueError, DecodeError> {
    let read = whole_text(body).and_then(parse::<Body>);
    match (read, by_status(status)) {
        (Ok(body), _) => Ok(of_body(status, body)),
        // A firewall or a load balancer in front of the venue answers with a page of its own.
        (Err(_), Some(class)) => Ok(VenueError {
            class,
            code: status.to_string(),
            message: String::new(),
            retry_after_ms: None,
        }),
        (Err(why), None) => Err(why),
    }
}

/// What a status says whoever sent it.
fn by_status(status: u16) -> Option<ErrorClass> {
    match status {
        500.. => Some(ErrorClass::Unknown),
        429 => Some(ErrorClass::RateLimit),
        // 403 is the firewall's word for too many requests, 418 the venue's for a ban.
        403 | 418 => Some(ErrorClass::Banned),
        401 | 451 => Some(ErrorClass::Auth),
        _ => None,
    }
}

fn of_body(status: u16, body: Body) -> VenueError {
    let retry_after_ms = body.data.and_then(|data| {
        let (now, then) = (data.server_time?, data.retry_after?);
        Some(then.saturating_sub(now))
    });
    VenueError {
        class: class(status, body.code, &body.msg),
        code: body.code.to_string(),
        message: cut(&body.msg).to_owned(),
        retry_after_ms,
    }
}

/// The beginning of a text, at most [`MESSAGE_BYTES`] long, cut between characters.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MESSAGE_BYTES)]
}

/// What a refusal means.
fn class(status: u16, code: i64, message: &str) -> ErrorClass {
    if status >= 500 {
        return ErrorClass::Unknown;
    }
    match code {
        -1003 if status == 418 || message.contains("banned") => ErrorClass::Banned,
        -1000 | -1001 | -1006 | -1007 => ErrorClass::Unknown,
        // One half of a cancel-and-replace happened, or may have: look at both orders.
        -2021 | -2022 => ErrorClass::Unknown,
        -1003 | -1015 | -1034 | -1181 | -1191 => ErrorClass::RateLimit,
        -1002 | -1022 | -1035 | -2014 | -2015 => ErrorClass::Auth,
        -1008 => ErrorClass::Busy,
        -1021 => ErrorClass::Clock,
        -1013 | -1111 => ErrorClass::Rules,
        -1121 => ErrorClass::NoSymbol,
        -1016 | -2016 => ErrorClass::Offline,
        -2013 => ErrorClass::NoOrder,
        -2026 => ErrorClass::OrderOver,
        -1010 | -2010 | -2011 | -2038 => by_text(message),
        -1199..=-1100 | -1014 | -1020 | -2035 | -2036 | -2039 => ErrorClass::Request,
        _ => by_status(status).unwrap_or(ErrorClass::Other),
    }
}

/// The matching engine has one code for all it refuses, and these texts.
fn by_text(message: &str) -> ErrorClass {
    const REQUESTS: [&str; 3] =
        ["not support", "Unsupported order combination", "Cancel order is invalid"];
    const ACCOUNT: [&str; 4] =
        ["on this account", "This account may not", "for this account", "trading is not enabled"];
    const RULES: [&str; 6] = [
        "Price * QTY is zero or less",
        "IcebergQty exceeds QTY",
        "Order would trigger immediately",
        "relationship of the prices",
        "Order book liquidity is less",
        "Filter failure",
    ];
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    match message.trim_end_matches('.') {
        "Account has insufficient balance for requested action" => ErrorClass::Balance,
        "Duplicate order sent" => ErrorClass::Duplicate,
        "Unknown order sent" => ErrorClass::NoOrder,
        "Market is closed" => ErrorClass::Offline,
        "Order would immediately match and take" => ErrorClass::WouldTake,
        "Order was not canceled due to cancel restrictions" => ErrorClass::Request,
        _ if says(&REQUESTS) => ErrorClass::Request,
        _ if says(&ACCOUNT) => ErrorClass::Auth,
        _ if says(&RULES) => ErrorClass::Rules,
        _ => ErrorClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(status: u16, body: &str) -> Result<ErrorClass, DecodeError> {
        refusal(status, body.as_bytes()).map(|error| error.class)
    }

    fn rejected(message: &str) -> ErrorClass {
        class(400, -2010, message)
    }

    #[test]
    fn a_server_error_is_unknown_whatever_its_body_says() {
        let balance = r#"{"code":-2010,"msg":"Account has insufficient balance."}"#;
        for body in [balance, r#"{"code":-1008,"msg":"overloaded"}"#, "<html>502</html>", ""] {
            for status in [500, 502, 503, 504] {
                assert_eq!(class_of(status, body), Ok(ErrorClass::Unknown), "{status} {body}");
            }
        }
        assert_eq!(class_of(400, r#"{"code":-1006,"msg":""}"#), Ok(ErrorClass::Unknown));
        assert_eq!(class_of(400, r#"{"code":-1008,"msg":""}"#), Ok(ErrorClass::Busy));
    }

    #[test]
    fn a_page_of_the_firewall_is_read_by_its_status() {
        let page = "<html><body>blocked</body></html>";
        for (status, class) in [
            (403, ErrorClass::Banned),
            (418, ErrorClass::Banned),
            (429, ErrorClass::RateLimit),
            (401, ErrorClass::Auth),
            (451, ErrorClass::Auth),
        ] {
            assert_eq!(class_of(status, page), Ok(class));
        }
        assert_eq!(class_of(400, page), Err(DecodeError::Malformed));
        assert_eq!(class_of(404, ""), Err(DecodeError::Malformed));
    }

    #[test]
    fn the_documented_texts_of_the_matching_engine_are_told_apart() {
        for (class, messages) in [
            (
                ErrorClass::Auth,
                [
                    "This action is disabled on this account.",
                    "This account may not place or cancel orders.",
                ]
                .as_slice(),
            ),
            (
                ErrorClass::Auth,
                &[
                    "This symbol is not permitted for this account.",
                    "This symbol is restricted for this account.",
                    "Rest API trading is not enabled.",
                    "WebSocket API trading is not enabled.",
                ],
            ),
            (
                ErrorClass::Request,
                &[
                    "Market orders are not supported for this symbol.",
                    "OCO orders are not supported for this symbol",
                    "Quote order qty market orders are not support for this symbol.",
                    "Unsupported order combination",
                    "Cancel order is invalid. Check origClOrdId and orderId.",
                    "Order was not canceled due to cancel restrictions.",
                ],
            ),
            (
                ErrorClass::Rules,
                &[
                    "Price * QTY is zero or less.",
                    "IcebergQty exceeds QTY.",
                    "Order would trigger immediately.",
                    "The relationship of the prices for the orders is not correct.",
                    "Order book liquidity is less than LOT_SIZE filter minimum quantity.",
                    "Filter failure: LOT_SIZE",
                ],
            ),
            (ErrorClass::Offline, &["Market is closed."]),
            (ErrorClass::Other, &["A text that nobody documented."]),
        ] {
            for message in messages {
                assert_eq!(rejected(message), class, "{message}");
            }
        }
    }

    #[test]
    fn a_ban_says_for_how_long_and_a_long_message_is_cut_between_characters() {
        let body = r#"{"code":-1003,"msg":"","data":{"serverTime":1000,"retryAfter":61000}}"#;
        let error = refusal(418, body.as_bytes()).expect("a refusal");
        assert_eq!(error.retry_after_ms, Some(60_000));
        let long = format!(r#"{{"code":-1,"msg":"{}"}}"#, "\u{20a9}".repeat(200));
        let error = refusal(400, long.as_bytes()).expect("a refusal");
        assert_eq!(error.message, "\u{20a9}".repeat(85));
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Other, "-1"));
    }
}
