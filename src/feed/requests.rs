//! Requests to a venue: within our own rate, and not against its refusals.

use crate::feed::limits::FeedLimits;
use crate::feed::pace::Bucket;
use crate::net::http::Http;
use crate::net::http::HttpReply;
use crate::net::tls::ClientTls;
use crate::net::url::Endpoint;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// The longest that a venue may ask us to wait: Binance bans for up to three days.
const LONGEST_WAIT: DurNs = DurNs::from_secs(3 * 86_400);

/// An answer with its times.
#[derive(Debug)]
pub struct Reply {
    /// The body.
    pub body: Vec<u8>,
    /// The server's date, ms since 1970.
    pub date_ms: Option<u64>,
    /// When it was asked, on our wall clock.
    pub asked_at: WallNs,
    /// When the answer was there.
    pub heard_at: WallNs,
}

/// What came of asking.
#[derive(Debug)]
pub enum Asked {
    /// Nothing was asked: our rate does not allow it yet, or the venue does not.
    NotYet,
    /// An answer that may be read.
    Reply(Reply),
    /// The venue says that what was asked for is wrong: an unknown symbol, for one.
    Denied(Reply),
    /// The venue refuses; nothing is asked for so long.
    Refused {
        /// The HTTP status.
        status: u16,
        /// How long.
        wait: DurNs,
    },
    /// No answer, or an error of the venue's.
    Failed,
}

/// Whoever asks.
#[derive(Debug)]
pub struct Requests {
    http: Http,
    rest: Endpoint,
    bucket: Bucket,
    closed_until: MonoNs,
}

impl Requests {
    /// None made, none refused.
    pub fn new(limits: &FeedLimits, tls: &ClientTls) -> Requests {
        let http = Http::new(tls, limits.request);
        let (rest, bucket) = (limits.rest.clone(), Bucket::new(limits.rate));
        Requests { http, rest, bucket, closed_until: MonoNs(0) }
    }
    /// Asks for a path, unless it is too early. Blocks for at most the deadline of a request.
    pub fn ask(&mut self, path: &str, now: Now) -> Asked {
        if self.opens_at() > now.mono {
            return Asked::NotYet;
        }
        self.bucket.take(now.mono);
        let clock = Clock::start();
        let reply = self.http.get(&self.rest.join(path));
        let took = clock.mono().since(MonoNs(0));
        let reply = match reply {
            Ok(reply) => reply,
            Err(why) => {
                log::warn!("{}: {why}", self.rest);
                return Asked::Failed;
            }
        };
        let heard_at = WallNs(now.wall.0.saturating_add(took.0));
        let with_times = |reply: HttpReply| Reply {
            body: reply.body,
            date_ms: reply.date_ms,
            asked_at: now.wall,
            heard_at,
        };
        match reply.status {
            200..=299 => Asked::Reply(with_times(reply)),
            400 | 404 => {
                log::warn!("{}: answers {} to {path}", self.rest, reply.status);
                Asked::Denied(with_times(reply))
            }
            status @ (403 | 418 | 429 | 451) => {
                let wait = retry_after(&reply).unwrap_or_else(|| usual_wait(status));
                let until = now.mono.plus(took).plus(wait);
                self.closed_until = self.closed_until.max(until);
                Asked::Refused { status, wait }
            }
            status => {
                log::warn!("{}: answers {status}", self.rest);
                Asked::Failed
            }
        }
    }
    /// True while the venue wants no requests.
    pub fn is_closed(&self, now: MonoNs) -> bool {
        self.closed_until > now
    }
    /// When the next request is allowed; now or before if it is at once.
    pub fn opens_at(&self) -> MonoNs {
        self.closed_until.max(self.bucket.frees_at())
    }
}

/// What the venue asks for, in seconds. An HTTP date there is not read: nobody sends one.
fn retry_after(reply: &HttpReply) -> Option<DurNs> {
    let (_, text) = reply.headers.iter().find(|(name, _)| name == "retry-after")?;
    let wait = DurNs::from_secs(text.trim().parse().ok()?);
    Some(wait.clamp(DurNs::from_secs(1), LONGEST_WAIT))
}

/// Where the venue does not say: a rate limit is over within seconds, a first ban within minutes
/// (`VENUES.md` 2.3), a block of an address after ten (4).
const fn usual_wait(status: u16) -> DurNs {
    match status {
        429 => DurNs::from_secs(10),
        418 => DurNs::from_secs(300),
        _ => DurNs::from_secs(600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_venues_wait_is_honoured_within_reason() {
        let reply = |text: &str| HttpReply {
            status: 429,
            headers: vec![("retry-after".to_owned(), text.to_owned())],
            body: vec![],
            date_ms: None,
        };
        assert_eq!(retry_after(&reply(" 7 ")), Some(DurNs::from_secs(7)));
        assert_eq!(retry_after(&reply("0")), Some(DurNs::from_secs(1)));
        assert_eq!(retry_after(&reply("18446744073709551615")), Some(LONGEST_WAIT));
        assert_eq!(retry_after(&reply("soon")), None);
        assert_eq!(usual_wait(418), DurNs::from_secs(300));
    }
}
