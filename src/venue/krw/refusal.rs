//! Refusals of both venues (`VENUES.md` 1.3 and 3). Routed by HTTP status and the error's name,
//! never by its words. Bithumb sends refusals of market data with status 200.

use crate::venue::DecodeError;
use crate::venue::krw::object::Object;
use crate::venue::krw::object::need;
use crate::venue::private::Call;
use crate::venue::private::ErrorClass;
use crate::venue::private::VenueError;

/// Longest code that is kept, in bytes.
const CODE_BYTES: usize = 64;
/// Longest message that is kept, in bytes.
const MESSAGE_BYTES: usize = 256;

/// What each name means, in the venues' own spelling.
const NAMES: [(&str, ErrorClass); 35] = [
    ("INVALID_AUTH", ErrorClass::Auth),
    ("INVALID_PARAM", ErrorClass::Request),
    ("NO_CODES", ErrorClass::Request),
    ("NO_TICKET", ErrorClass::Request),
    ("NO_TYPE", ErrorClass::Request),
    ("NotAllowIP", ErrorClass::Auth),
    ("QUERY_PARAMETER_NOT_SUPPORTED", ErrorClass::Request),
    ("TOO_MANY_REQUEST", ErrorClass::RateLimit),
    ("WRONG_FORMAT", ErrorClass::Request),
    ("bank_account_required", ErrorClass::Auth),
    ("create_ask_error", ErrorClass::Request),
    ("create_bid_error", ErrorClass::Request),
    ("cross_trading", ErrorClass::Rules),
    ("duplicated_identifier", ErrorClass::Duplicate),
    ("expired_access_key", ErrorClass::Auth),
    ("expired_jwt", ErrorClass::Clock),
    ("insufficient_funds_ask", ErrorClass::Balance),
    ("insufficient_funds_bid", ErrorClass::Balance),
    ("invalid_parameter", ErrorClass::Request),
    ("invalid_post_only", ErrorClass::Request),
    ("invalid_query_payload", ErrorClass::Auth),
    ("invalid_time_in_force", ErrorClass::Request),
    ("jwt_verification", ErrorClass::Auth),
    ("market_offline", ErrorClass::Offline),
    ("no_authorization_ip", ErrorClass::Auth),
    ("no_authorization_token", ErrorClass::Auth),
    ("not_found", ErrorClass::Request),
    ("notfoundmarket", ErrorClass::NoSymbol),
    ("order_not_found", ErrorClass::NoOrder),
    ("order_not_ready", ErrorClass::NotReady),
    ("out_of_scope", ErrorClass::Auth),
    ("over_krw_funds_bid", ErrorClass::Rules),
    ("under_min_total_ask", ErrorClass::Rules),
    ("under_min_total_bid", ErrorClass::Rules),
    ("validation_error", ErrorClass::Request),
];

/// Beginnings of names that come with several endings (`under_price_limit_bid`).
const BEGINNINGS: [(&str, ErrorClass); 2] =
    [("invalid_price", ErrorClass::Rules), ("under_price_limit", ErrorClass::Rules)];

/// How an answer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// What was asked.
    pub call: Call,
    /// The HTTP status; 200 where there was none.
    pub status: u16,
}

/// A name as the venues give it.
enum Name {
    /// Orders, accounts and streams.
    Word(String),
    /// Market data: an HTTP status in the body, whatever the real one is.
    Number(u64),
}

/// The refusal that this object is; `None` if it is none: `{"error":{…}}`, or the bare name and
/// message of one order in a batch.
///
/// # Errors
/// `Malformed` if it names no error.
pub fn refusal(object: &Object<'_>, heard: Heard) -> Result<Option<VenueError>, DecodeError> {
    let inner = match object.raw(&["error"]) {
        Some(raw) => &Object::read(raw)?,
        None if object.raw(&["name"]).is_some() && object.raw(&["message"]).is_some() => object,
        None => return Ok(None),
    };
    let name = if need(inner.raw(&["name"]))?.starts_with('"') {
        Name::Word(need(inner.text(&["name"])?)?)
    } else {
        Name::Number(need(inner.whole(&["name"])?)?)
    };
    // Nothing hangs on the words, so they may be anything.
    let message = inner.text(&["message"]).ok().flatten().unwrap_or_default();
    let class = heard.class(Some(&name));
    let code = match name {
        Name::Word(word) => word,
        Name::Number(number) => number.to_string(),
    };
    Ok(Some(error(class, [&code, &message])))
}

/// The refusal of an answer that says nothing we can read: its status alone counts.
pub fn unreadable(heard: Heard, body: &[u8]) -> VenueError {
    let class = heard.class(None);
    error(class, [&heard.status.to_string(), &String::from_utf8_lossy(body)])
}

impl Heard {
    /// True if executing the request twice does harm.
    const fn is_change(self) -> bool {
        matches!(self.call, Call::Place | Call::Cancel)
    }

    fn class(self, name: Option<&Name>) -> ErrorClass {
        match self.status {
            418 => return ErrorClass::Banned,
            429 => return ErrorClass::RateLimit,
            408 | 500.. if self.is_change() => return ErrorClass::Unknown,
            _ => {}
        }
        match (name, self.status) {
            // A nonce is new in each request: this answer belongs to a copy of one that was sent
            // before, and that one may have been executed.
            (Some(Name::Word(word)), _) if word == "nonce_used" && self.is_change() => {
                ErrorClass::Unknown
            }
            (Some(Name::Word(word)), status) => of_word(word).unwrap_or(of_status(status)),
            (Some(Name::Number(number)), _) => of_number(*number),
            (None, status) => of_status(status),
        }
    }
}

fn of_word(word: &str) -> Option<ErrorClass> {
    let exact = NAMES.iter().find(|(name, _)| *name == word);
    let found = exact.or_else(|| BEGINNINGS.iter().find(|(start, _)| word.starts_with(start)));
    found.map(|(_, class)| *class)
}

/// Market data is asked for by symbol: what is not found is the symbol.
const fn of_number(number: u64) -> ErrorClass {
    match number {
        400 => ErrorClass::Request,
        404 => ErrorClass::NoSymbol,
        418 => ErrorClass::Banned,
        429 => ErrorClass::RateLimit,
        500..=599 => ErrorClass::Busy,
        _ => ErrorClass::Other,
    }
}

const fn of_status(status: u16) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Auth,
        408 | 500.. => ErrorClass::Busy,
        _ => ErrorClass::Other,
    }
}

fn error(class: ErrorClass, [code, message]: [&str; 2]) -> VenueError {
    VenueError {
        class,
        code: code[..code.floor_char_boundary(CODE_BYTES)].to_owned(),
        message: message[..message.floor_char_boundary(MESSAGE_BYTES)].to_owned(),
        retry_after_ms: None,
    }
}
