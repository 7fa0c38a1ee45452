//! Requests and responses of the local exchange as values, and their bytes.

use crate::net::head;
use crate::net::head::HEAD_LIMIT;
use crate::net::head::HeadError;
use crate::net::head::Headers;
use crate::net::head::RequestHead;

/// Longest body of a request, in bytes.
pub const BODY_LIMIT: usize = 256 << 10;

/// One request, whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// As sent, so in capitals.
    pub method: String,
    /// Without the query, as sent: nothing is decoded.
    pub path: String,
    /// What stands behind `?`, as sent; empty without one. Signatures are over these bytes.
    pub query: String,
    /// Header lines in their order.
    pub headers: Headers,
    /// As sent; empty without one.
    pub body: Vec<u8>,
}

impl Request {
    /// The key, if this asks for a WebSocket of version 13 properly.
    pub fn upgrade_key(&self) -> Option<&str> {
        let asks = self.method == "GET"
            && self.headers.has_word("upgrade", "websocket")
            && self.headers.has_word("connection", "upgrade")
            && self.headers.get("sec-websocket-version") == Some("13");
        self.headers.get("sec-websocket-key").filter(|_| asks)
    }
}

/// One response. `Content-Length` and, if needed, `Connection` are added; a `Date` is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// 200 to 599.
    pub status: u16,
    /// Header lines in their order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// JSON with a status.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Response {
        let kind = ("Content-Type".to_owned(), "application/json".to_owned());
        Response { status, headers: vec![kind], body: body.into() }
    }
    /// The same with one more header line.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
    pub(crate) fn bytes(&self, after: After) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, words(self.status));
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if after == After::Close {
            text.push_str("Connection: close\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// What becomes of a connection after a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum After {
    /// The next request may come.
    Keep,
    /// It ends.
    Close,
}

/// Why bytes are no request, with the status that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BadRequest {
    /// 400.
    Malformed,
    /// 411: a body of unknown length.
    NoLength,
    /// 413.
    LongBody,
    /// 431.
    LongHead,
}

impl BadRequest {
    pub(crate) const fn status(self) -> u16 {
        match self {
            BadRequest::Malformed => 400,
            BadRequest::NoLength => 411,
            BadRequest::LongBody => 413,
            BadRequest::LongHead => 431,
        }
    }
}

/// What the beginning of a buffer holds.
pub(crate) enum Parsed {
    /// Not even a head.
    Nothing,
    /// A head, and not all of its body.
    Head,
    /// All of it; what belongs to it is taken out of the buffer.
    Whole(Request, After),
}

/// Takes a request out of the front of a buffer, if it is whole.
pub(crate) fn take(buffer: &mut Vec<u8>) -> Result<Parsed, BadRequest> {
    let head = head::request(buffer).map_err(|why| match why {
        HeadError::TooLong => BadRequest::LongHead,
        HeadError::Malformed(_) => BadRequest::Malformed,
    })?;
    let Some(head) = head else { return Ok(Parsed::Nothing) };
    let length = body_length(&head)?;
    let whole = head.bytes + length;
    if buffer.len() < whole {
        return Ok(Parsed::Head);
    }
    let rest = buffer.split_off(whole);
    let body = std::mem::replace(buffer, rest).split_off(head.bytes);
    let is_last = head.is_old || head.headers.has_word("connection", "close");
    let after = if is_last { After::Close } else { After::Keep };
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let request = Request { method: head.method, path, query, headers: head.headers, body };
    Ok(Parsed::Whole(request, after))
}

/// Most bytes that [`take`] needs to see.
pub(crate) const MOST_BUFFERED: usize = HEAD_LIMIT + BODY_LIMIT;

fn body_length(head: &RequestHead) -> Result<usize, BadRequest> {
    if head.headers.get("transfer-encoding").is_some() {
        return Err(BadRequest::NoLength);
    }
    let mut lengths = head.headers.0.iter().filter(|(name, _)| name == "content-length");
    let Some((_, digits)) = lengths.next() else { return Ok(0) };
    // Two lengths are how requests are smuggled past a proxy; nobody honest sends them.
    if lengths.next().is_some() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadRequest::Malformed);
    }
    match digits.parse() {
        Ok(length) if length <= BODY_LIMIT => Ok(length),
        Ok(_) => Err(BadRequest::LongBody),
        Err(_) => Err(BadRequest::Malformed),
    }
}

const fn words(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}
