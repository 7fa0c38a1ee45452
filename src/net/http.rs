//! Cold HTTPS: instrument rules, server time, snapshots. Blocks, under one deadline, so it is for
//! threads that may wait. Follows no redirect: what it asks one host never goes to another.

use std::fmt;
use std::io;
use std::time::Duration;

use ureq::http::HeaderName;
use ureq::http::HeaderValue;
use ureq::unversioned::resolver::DefaultResolver;

use crate::net::date;
use crate::net::lane::Lanes;
use crate::net::open::DialError;
use crate::net::tls::ClientTls;
use crate::net::url::Endpoint;
use crate::types::time::DurNs;

/// Longest body taken, in bytes: the largest list of instruments has about 4 MB.
pub const MOST_BODY: u64 = 8 << 20;

/// Connections that are kept open after an answer, over all hosts.
const MOST_WARM: usize = 8;

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
    /// The body is longer than [`MOST_BODY`].
    #[error("the answer is longer than {MOST_BODY} bytes")]
    TooLong,
    /// The certificate is not accepted, or this is no TLS.
    #[error("TLS is refused: {0}")]
    Tls(String),
    /// Anything else: no address, refused, reset, no HTTP.
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
    pub fn new(tls: &ClientTls, limit: DurNs) -> Http {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_nanos(limit.0)))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent("arb")
            .max_idle_connections(MOST_WARM)
            .max_idle_connections_per_host(1)
            .build();
        let lanes = Lanes { tls: tls.clone() };
        Http { agent: ureq::Agent::with_parts(config, lanes, DefaultResolver::default()) }
    }
    /// Asks for a place. The connection stays open for the next time.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn get(&self, endpoint: &Endpoint) -> Result<HttpReply, HttpError> {
        let reply = self.agent.get(endpoint.as_http()).call().map_err(typed)?;
        let (head, body) = reply.into_parts();
        let body = body.into_with_config().limit(MOST_BODY).read_to_vec().map_err(typed)?;
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers: Vec<(String, String)> = head.headers.iter().map(line).collect();
        let date = headers.iter().find(|(name, _)| name == "date");
        let date_ms = date.and_then(|(_, value)| date::millis(value));
        Ok(HttpReply { status: head.status.as_u16(), headers, body, date_ms })
    }
}

fn typed(why: ureq::Error) -> HttpError {
    match why {
        ureq::Error::Timeout(step) => HttpError::Late(step.to_string()),
        ureq::Error::BodyExceedsLimit(_) => HttpError::TooLong,
        ureq::Error::Io(why) if why.kind() == io::ErrorKind::InvalidData => {
            HttpError::Tls(why.to_string())
        }
        ureq::Error::Other(why) => match why.downcast::<DialError>() {
            Ok(why) => of_dial(*why),
            Err(why) => HttpError::Failed(why.to_string()),
        },
        other => HttpError::Failed(other.to_string()),
    }
}

fn of_dial(why: DialError) -> HttpError {
    match why {
        DialError::Late { step } => HttpError::Late(format!("{step:?}")),
        DialError::Tls(why) => HttpError::Tls(why),
        other => HttpError::Failed(other.to_string()),
    }
}
