//! One open connection as the session sees it: signs of life, silence, half frames, rejected
//! frames, keepalives, and where its symbols stand. Pure.

use crate::feed::pace::Rolling;
use crate::feed::standing::Due;
use crate::feed::standing::Standings;
use crate::types::counters::Counter;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::venue::stream::Keepalive;
use crate::venue::stream::Manners;

/// Without a sign of life for so long, one is asked for: a quiet book is fresh only while its
/// connection shows life (`PRODUCT.md` 5), so this is well below `risk.alive_within_ms`.
pub const PROBE_AFTER: DurNs = DurNs::from_secs(2);
/// Life but no market data for so long: the symbols are asked for again (`FAULTS.md` F01).
pub const QUIET: DurNs = DurNs::from_secs(10);
/// A frame that has begun and is not whole after so long (`FAULTS.md` F03).
pub const PARTIAL: DurNs = DurNs::from_secs(2);
/// Bytes of one frame come with shorter pauses than this.
const PARTIAL_PAUSE: DurNs = DurNs::from_secs(1);
/// More rejected frames than this in one minute end the connection (`FAULTS.md` F19).
pub const REJECTS_PER_MINUTE: u32 = 20;

const MINUTE: DurNs = DurNs::from_secs(60);
const SECOND: DurNs = DurNs::from_secs(1);

/// Why a connection ended, or is to be ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// The venue closed it.
    Peer,
    /// The socket failed: a reset, a violation of the protocol, a frame too large.
    Fault,
    /// No sign of life.
    Silent,
    /// Life, but no market data even after asking again.
    Quiet,
    /// A frame came in too slowly.
    Slow,
    /// Too many frames were rejected.
    Rejects,
    /// The watchdog asked for a new one.
    Asked,
    /// This thread stood still: what waits in the socket is old.
    Paused,
    /// A younger connection has taken its place.
    Replaced,
    /// It was to take the place of another and could not.
    GivenUp,
    /// The run ends.
    Ending,
}

impl Why {
    /// Name in the log and in recordings.
    pub const fn name(self) -> &'static str {
        match self {
            Why::Peer => "closed by the venue",
            Why::Fault => "socket fault",
            Why::Silent => "no sign of life",
            Why::Quiet => "no market data",
            Why::Slow => "slow frame",
            Why::Rejects => "too many rejected frames",
            Why::Asked => "asked by the watchdog",
            Why::Paused => "the thread stood still",
            Why::Replaced => "replaced",
            Why::GivenUp => "could not take over",
            Why::Ending => "the run ends",
        }
    }
    /// Where it is counted; `None` if it need not be.
    pub const fn counter(self) -> Option<Counter> {
        Some(match self {
            Why::Peer => Counter::ClosedByPeer,
            Why::Fault => Counter::ClosedByFault,
            Why::Silent => Counter::ClosedSilent,
            Why::Quiet => Counter::ClosedQuiet,
            Why::Slow => Counter::ClosedSlow,
            Why::Rejects => Counter::ClosedRejects,
            Why::Asked => Counter::ClosedAsked,
            Why::Paused => Counter::ClosedPaused,
            Why::Replaced => Counter::ClosedReplaced,
            Why::GivenUp => Counter::ClosedGivenUp,
            Why::Ending => return None,
        })
    }
}

/// What a connection needs now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// It has to be ended.
    End(Why),
    /// A keepalive is due and may be sent.
    Keepalive,
    /// No market data: everything has to be asked for again.
    AskAgain,
}

/// Bytes of a message that is not whole.
#[derive(Clone, Copy, Debug)]
struct Partial {
    since: MonoNs,
    newest_at: MonoNs,
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    /// When it opened.
    pub opened_at: MonoNs,
    /// Where its symbols stand.
    pub standings: Standings,
    /// The newest sign of life of any kind.
    life_at: MonoNs,
    /// The newest market data.
    data_at: MonoNs,
    /// When everything was asked for again for want of market data, and none has come since.
    asked_at: Option<MonoNs>,
    keepalive_at: MonoNs,
    /// Bytes read so far.
    read_bytes: u64,
    /// Bytes of a message that is not whole: since when they come, and when the newest came.
    partial: Option<Partial>,
    rejects: Rolling,
    has_too_many_rejects: bool,
    sends: Rolling,
    keepalive_every: DurNs,
    silence: DurNs,
    first_image: DurNs,
}

impl Connection {
    /// It has just opened, and so many symbols are about to be asked for.
    pub fn new(manners: &Manners, symbols: usize, now: MonoNs) -> Connection {
        let keepalive_every = match manners.keepalive {
            Keepalive::PingFrame { every } | Keepalive::Text { every, .. } => every,
            Keepalive::VenuePings { .. } => DurNs(u64::MAX),
        };
        Connection {
            opened_at: now,
            standings: Standings::new(symbols, manners.first_image, now),
            life_at: now,
            data_at: now,
            asked_at: None,
            keepalive_at: now,
            read_bytes: 0,
            partial: None,
            rejects: Rolling::new(REJECTS_PER_MINUTE, MINUTE),
            has_too_many_rejects: false,
            sends: Rolling::new(manners.messages_per_second, SECOND),
            keepalive_every,
            silence: manners.silence,
            first_image: manners.first_image,
        }
    }

    /// A whole message, ping or pong came.
    pub const fn on_life(&mut self, now: MonoNs) {
        self.life_at = now;
        self.partial = None;
    }
    /// Market data came: the connection does what it is for.
    pub const fn on_data(&mut self, now: MonoNs) {
        self.data_at = now;
        self.asked_at = None;
    }
    /// A frame was rejected whole.
    pub fn on_reject(&mut self, now: MonoNs) {
        self.has_too_many_rejects |= self.rejects.note(now);
    }
    /// All whole messages are taken, and so many bytes were read in all. Bytes beyond those known
    /// with the last whole message begin one that is not whole yet.
    pub fn on_bytes(&mut self, total: u64, now: MonoNs) {
        if total <= self.read_bytes {
            return;
        }
        self.read_bytes = total;
        if self.life_at == now {
            return;
        }
        // After a pause they are another message: a single burst, such as TLS sends after its
        // handshake, is none at all. Bytes with longer pauses are ended as silence.
        let goes_on = |partial: &Partial| now.since(partial.newest_at) < PARTIAL_PAUSE;
        let since = self.partial.filter(goes_on).map_or(now, |partial| partial.since);
        self.partial = Some(Partial { since, newest_at: now });
    }
    /// Whether a message may be sent now; if so, it counts as sent.
    pub fn may_send(&mut self, now: MonoNs) -> bool {
        let may = self.sends.has_room(now);
        if may {
            self.sends.note(now);
        }
        may
    }
    /// When the next message may be sent; `now` or before if it is at once.
    pub fn may_send_at(&self) -> MonoNs {
        self.sends.frees_at()
    }

    /// The most urgent need, with this allowance for a market without data.
    pub fn need(&mut self, quiet: DurNs, now: MonoNs) -> Option<Need> {
        if let Some(why) = self.end(now) {
            return Some(Need::End(why));
        }
        let since_sign = now.since(self.life_at.max(self.keepalive_at));
        let is_due =
            since_sign >= PROBE_AFTER || now.since(self.keepalive_at) >= self.keepalive_every;
        if is_due && self.may_send(now) {
            self.keepalive_at = now;
            return Some(Need::Keepalive);
        }
        if self.asked_at.is_none() && now.since(self.data_at) >= quiet {
            self.asked_at = Some(now);
            return Some(Need::AskAgain);
        }
        None
    }
    /// What has become due of its symbols.
    pub fn step(&mut self, now: MonoNs) -> Due {
        if now.since(self.data_at) >= QUIET {
            self.standings.on_quiet(now);
        }
        self.standings.step(now)
    }

    fn end(&self, now: MonoNs) -> Option<Why> {
        let is_over = |since: MonoNs, most: DurNs| now.since(since) >= most;
        if self.has_too_many_rejects {
            return Some(Why::Rejects);
        }
        if is_over(self.life_at, self.silence) {
            return Some(Why::Silent);
        }
        let is_slow = |partial: Partial| partial.newest_at.since(partial.since) >= PARTIAL;
        if self.partial.is_some_and(is_slow) {
            return Some(Why::Slow);
        }
        let is_quiet = self.asked_at.is_some_and(|asked_at| is_over(asked_at, self.first_image));
        is_quiet.then_some(Why::Quiet)
    }
}
