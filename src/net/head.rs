//! Heads of HTTP/1.1 messages, both ways. Bounded: a head that is longer than [`HEAD_LIMIT`] is
//! refused before it is whole.

/// Longest head in bytes, the empty line included.
pub const HEAD_LIMIT: usize = 16 * 1024;
/// Most header lines of one message.
pub const MOST_HEADERS: usize = 64;

/// Header lines in their order; names in lower case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of a name, which is given in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
    /// True if one of the comma-separated words of a header is `word`, whatever its case.
    pub fn has_word(&self, name: &str, word: &str) -> bool {
        let values = self.0.iter().filter(|(own, _)| own == name);
        values
            .flat_map(|(_, value)| value.split(','))
            .any(|own| own.trim().eq_ignore_ascii_case(word))
    }
}

/// The head of a reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyHead {
    /// Three digits.
    pub status: u16,
    /// Its header lines.
    pub headers: Headers,
    /// Bytes of the head; the body begins behind them.
    pub bytes: usize,
}

/// The head of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestHead {
    /// As sent, so in capitals.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// True for HTTP/1.0, where connections end after a reply.
    pub is_old: bool,
    /// Its header lines.
    pub headers: Headers,
    /// Bytes of the head; the body begins behind them.
    pub bytes: usize,
}

/// Why bytes are no head.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeadError {
    /// Not whole after [`HEAD_LIMIT`] bytes.
    #[error("the head is longer than {HEAD_LIMIT} bytes")]
    TooLong,
    /// Not HTTP/1, or too many header lines.
    #[error("this is no HTTP/1.1: {0}")]
    Malformed(String),
}

/// The head of a reply at the beginning of `bytes`; `None` while it is not whole.
///
/// # Errors
/// [`HeadError`].
pub fn reply(bytes: &[u8]) -> Result<Option<ReplyHead>, HeadError> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut lines);
    let Some(length) = whole(parsed.parse(bounded(bytes)), bytes)? else { return Ok(None) };
    let status = parsed.code.unwrap_or(0);
    Ok(Some(ReplyHead { status, headers: owned(parsed.headers), bytes: length }))
}

/// The head of a request at the beginning of `bytes`; `None` while it is not whole.
///
/// # Errors
/// [`HeadError`].
pub fn request(bytes: &[u8]) -> Result<Option<RequestHead>, HeadError> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut lines);
    let Some(length) = whole(parsed.parse(bounded(bytes)), bytes)? else { return Ok(None) };
    Ok(Some(RequestHead {
        method: parsed.method.unwrap_or("").to_owned(),
        target: parsed.path.unwrap_or("").to_owned(),
        is_old: parsed.version == Some(0),
        headers: owned(parsed.headers),
        bytes: length,
    }))
}

fn bounded(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(HEAD_LIMIT)]
}

fn whole(found: httparse::Result<usize>, bytes: &[u8]) -> Result<Option<usize>, HeadError> {
    match found {
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) if bytes.len() >= HEAD_LIMIT => Err(HeadError::TooLong),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(why) => Err(HeadError::Malformed(why.to_string())),
    }
}

fn owned(lines: &[httparse::Header]) -> Headers {
    let line = |header: &httparse::Header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    };
    Headers(lines.iter().map(line).collect())
}
