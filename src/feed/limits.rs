//! What the configuration says about a venue's connection and requests. Filled in by `config`.

use crate::net::dial::DialLimits;
use crate::net::tls::Roots;
use crate::net::url::Endpoint;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;

/// One venue's connection and requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedLimits {
    /// Which venue.
    pub venue: VenueId,
    /// Its public WebSocket as configured; the venue's own path is put behind it.
    pub websocket: Endpoint,
    /// Its public HTTP address as configured; paths of requests are put behind it.
    pub rest: Endpoint,
    /// Whom to trust.
    pub roots: Vec<Roots>,
    /// Deadlines of connecting, 5 s each (`FAULTS.md` F04).
    pub dial: DialLimits,
    /// Deadline of a request, from the look-up of the name to the last byte; at most 20 s, so that
    /// an answer comes before it is given up as lost.
    pub request: DurNs,
    /// How long a name look-up is waited for before the last good address is used (3 s, F09).
    pub lookup: DurNs,
    /// `venues.silence_timeout_ms`: no sign of life for so long, if the venue's own manners do not
    /// say less, and the connection is replaced.
    pub silence_cap: DurNs,
    /// `watchdog.max_ws_lag_ms`: while frames arrive later than this, no book of the venue is
    /// traded on, whether or not the run requires the venue.
    pub lag_cap: DurNs,
    /// `websocket.reconnect_interval`: the longest pause between two attempts to connect.
    pub reconnect_cap: DurNs,
    /// `<venue>.rate_limit`: our requests to it.
    pub rate: Rate,
    /// Seed of the jitter; venues may share it.
    pub seed: u64,
}

/// A request rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Sustained requests in a second; 0 counts as 1.
    pub per_second: u32,
    /// Requests at once after a pause; 0 counts as 1.
    pub burst: u32,
}
