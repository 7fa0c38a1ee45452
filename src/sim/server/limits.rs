//! A fault of the local exchange, checked: made by `config` from a file, from a request while it
//! serves, or by the built-in tour. Beside it how much the exchange takes up.

use crate::types::ids::InstrumentName;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::NS_PER_SEC;
use crate::types::units::Ppm;

/// Most connections of one venue, WebSocket and HTTP together; more are closed at once.
pub const CONNECTIONS: usize = 128;
/// Most bytes that a reader may leave unread before it is cut.
pub const BACKLOG_BYTES: usize = 1 << 20;
/// Most messages of one connection that a lag may hold back; then it is cut.
pub const LATE_MESSAGES: usize = 16_384;
/// Most faults of a script, those of requests included.
pub const FAULTS: usize = 256;
/// Longest time that the exchange serves.
pub const LONGEST_LIFE: DurNs = DurNs::from_secs(86_400);
/// Shortest and longest fault, and latest beginning.
pub const SHORTEST: DurNs = DurNs::from_ms(1);
/// See [`SHORTEST`].
pub const LONGEST: DurNs = DurNs::from_secs(3_600);
/// See [`SHORTEST`].
pub const LATEST: DurNs = LONGEST_LIFE;
/// Longest lag or shift of a timestamp or clock.
pub const MOST_SHIFT: DurNs = DurNs::from_secs(86_400);
/// Longest lag.
pub const MOST_LAG: DurNs = DurNs::from_secs(60);
/// Most messages for one in a burst.
pub const MOST_BURST: u32 = 1_000;

/// One fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimFault {
    /// Beginning, since the exchange opened.
    pub at: DurNs,
    /// Length.
    pub lasts: DurNs,
    /// Whose; `None` for all venues.
    pub venue: Option<VenueId>,
    /// Which instrument's messages; `None` for all.
    pub symbol: Option<InstrumentName>,
    /// What breaks.
    pub effect: SimEffect,
}

impl SimFault {
    /// First moment after it, since the exchange opened.
    pub const fn ends_at(&self) -> DurNs {
        DurNs(self.at.0.saturating_add(self.lasts.0))
    }
    /// It concerns this venue.
    pub fn is_of(&self, venue: VenueId) -> bool {
        self.venue.is_none_or(|own| own == venue)
    }
}

/// What breaks, and by how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SimEffect {
    /// Market messages come later by so much; order is kept.
    Lag {
        /// How much later.
        by: DurNs,
    },
    /// No market messages; pings are answered.
    Silence,
    /// WebSockets that are open at the beginning stay open and do nothing more.
    HalfOpen,
    /// WebSockets are ended with RST, those opened meanwhile too.
    Rst,
    /// One byte every 10 ms.
    SlowLoris,
    /// Each market message comes as fragments of one byte.
    OneByteFrames,
    /// Each fifth market message is replaced by something that is none.
    Garbage,
    /// A frame of 8 MiB is announced.
    GiantFrame,
    /// Each tenth market message is lost.
    Gap,
    /// Each market message comes twice.
    Duplicate,
    /// Market messages come in groups of eight, each in reverse.
    Reorder,
    /// The best bid lies above the best ask.
    CrossedBook,
    /// A price in each market message is zero.
    ZeroPrice,
    /// Timestamps of market messages lie in the past.
    StaleTimestamps {
        /// How far.
        by: DurNs,
    },
    /// Timestamps of market messages lie in the future.
    FutureTimestamps {
        /// How far.
        by: DurNs,
    },
    /// Milliseconds become microseconds in market messages, and the other way round.
    UnitChange,
    /// Requests and upgrades get 500, 502 or 503; nothing is done.
    Http5xx,
    /// Requests and upgrades get 403 with a page of HTML; nothing is done.
    Html403,
    /// What changes something is done, and its answer never comes.
    TimeoutAfterAccept,
    /// What changes something is done, and the connection ends instead of an answer.
    LostReply,
    /// Fills are told twice.
    DuplicateFill,
    /// The answer to an order comes 200 ms after its fills.
    FillBeforeAck,
    /// Orders find only a part of each level.
    PartialFill {
        /// Which part.
        part: Ppm,
    },
    /// Orders are refused, books stand still, upgrades get 503.
    Maintenance,
    /// The venue's clock is off.
    ClockSkew {
        /// Nanoseconds ahead; behind if negative.
        by_ns: i64,
    },
    /// WebSockets are ended; whoever connects is hung up on at once.
    AcceptThenClose,
    /// WebSockets are ended; whoever connects gets no byte.
    AcceptSilent,
    /// WebSockets are ended; afterwards a symbol's subscription is accepted and never served.
    DropSubscription,
    /// WebSockets are told of a planned close, which comes at the end of the fault.
    ServerShutdown,
    /// WebSockets are ended; a symbol is not known any more.
    UnknownSymbol,
    /// Every book message comes so many times over, each one valid and new.
    Burst {
        /// How many.
        factor: u32,
    },
    /// Messages go on and say the same of the book as before.
    FrozenBook,
}

/// Names of all kinds, in the order of [`SimEffect`].
pub const KINDS: [&str; 32] = [
    "lag",
    "silence",
    "half_open",
    "rst",
    "slow_loris",
    "one_byte_frames",
    "garbage",
    "giant_frame",
    "gap",
    "duplicate",
    "reorder",
    "crossed_book",
    "zero_price",
    "stale_timestamps",
    "future_timestamps",
    "unit_change",
    "http_5xx",
    "html_403",
    "timeout_after_accept",
    "lost_reply",
    "duplicate_fill",
    "fill_before_ack",
    "partial_fill",
    "maintenance",
    "clock_skew",
    "accept_then_close",
    "accept_silent",
    "drop_subscription",
    "server_shutdown",
    "unknown_symbol",
    "burst",
    "frozen_book",
];

impl SimEffect {
    /// The kind's name in files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            SimEffect::Lag { .. } => "lag",
            SimEffect::Silence => "silence",
            SimEffect::HalfOpen => "half_open",
            SimEffect::Rst => "rst",
            SimEffect::SlowLoris => "slow_loris",
            SimEffect::OneByteFrames => "one_byte_frames",
            SimEffect::Garbage => "garbage",
            SimEffect::GiantFrame => "giant_frame",
            SimEffect::Gap => "gap",
            SimEffect::Duplicate => "duplicate",
            SimEffect::Reorder => "reorder",
            SimEffect::CrossedBook => "crossed_book",
            SimEffect::ZeroPrice => "zero_price",
            SimEffect::StaleTimestamps { .. } => "stale_timestamps",
            SimEffect::FutureTimestamps { .. } => "future_timestamps",
            SimEffect::UnitChange => "unit_change",
            SimEffect::Http5xx => "http_5xx",
            SimEffect::Html403 => "html_403",
            SimEffect::TimeoutAfterAccept => "timeout_after_accept",
            SimEffect::LostReply => "lost_reply",
            SimEffect::DuplicateFill => "duplicate_fill",
            SimEffect::FillBeforeAck => "fill_before_ack",
            SimEffect::PartialFill { .. } => "partial_fill",
            SimEffect::Maintenance => "maintenance",
            SimEffect::ClockSkew { .. } => "clock_skew",
            SimEffect::AcceptThenClose => "accept_then_close",
            SimEffect::AcceptSilent => "accept_silent",
            SimEffect::DropSubscription => "drop_subscription",
            SimEffect::ServerShutdown => "server_shutdown",
            SimEffect::UnknownSymbol => "unknown_symbol",
            SimEffect::Burst { .. } => "burst",
            SimEffect::FrozenBook => "frozen_book",
        }
    }
    /// It begins by ending the WebSockets that are open, so that everybody connects anew.
    pub const fn ends_sockets(self) -> bool {
        matches!(
            self,
            SimEffect::Rst
                | SimEffect::AcceptThenClose
                | SimEffect::AcceptSilent
                | SimEffect::DropSubscription
                | SimEffect::UnknownSymbol
        )
    }
    /// Of its name and amounts; amounts that are not given have their usual size. `None` for a name
    /// that no kind has.
    pub fn of(kind: &str, by: Option<i64>, factor: Option<Ppm>) -> Option<SimEffect> {
        let length = by.map(|ns| DurNs(ns.unsigned_abs()));
        let or = |default: DurNs| length.unwrap_or(default);
        Some(match kind {
            "lag" => SimEffect::Lag { by: or(DurNs::from_ms(800)) },
            "silence" => SimEffect::Silence,
            "half_open" => SimEffect::HalfOpen,
            "rst" => SimEffect::Rst,
            "slow_loris" => SimEffect::SlowLoris,
            "one_byte_frames" => SimEffect::OneByteFrames,
            "garbage" => SimEffect::Garbage,
            "giant_frame" => SimEffect::GiantFrame,
            "gap" => SimEffect::Gap,
            "duplicate" => SimEffect::Duplicate,
            "reorder" => SimEffect::Reorder,
            "crossed_book" => SimEffect::CrossedBook,
            "zero_price" => SimEffect::ZeroPrice,
            "stale_timestamps" => SimEffect::StaleTimestamps { by: or(DurNs::from_secs(60)) },
            "future_timestamps" => SimEffect::FutureTimestamps { by: or(DurNs::from_secs(60)) },
            "unit_change" => SimEffect::UnitChange,
            "http_5xx" => SimEffect::Http5xx,
            "html_403" => SimEffect::Html403,
            "timeout_after_accept" => SimEffect::TimeoutAfterAccept,
            "lost_reply" => SimEffect::LostReply,
            "duplicate_fill" => SimEffect::DuplicateFill,
            "fill_before_ack" => SimEffect::FillBeforeAck,
            "partial_fill" => SimEffect::PartialFill { part: factor.unwrap_or(Ppm::new(250_000)) },
            "maintenance" => SimEffect::Maintenance,
            "clock_skew" => SimEffect::ClockSkew { by_ns: by.unwrap_or(5 * NS_PER_SEC as i64) },
            "accept_then_close" => SimEffect::AcceptThenClose,
            "accept_silent" => SimEffect::AcceptSilent,
            "drop_subscription" => SimEffect::DropSubscription,
            "server_shutdown" => SimEffect::ServerShutdown,
            "unknown_symbol" => SimEffect::UnknownSymbol,
            "burst" => SimEffect::Burst { factor: factor.map_or(100, whole) },
            "frozen_book" => SimEffect::FrozenBook,
            _ => return None,
        })
    }
}

fn whole(factor: Ppm) -> u32 {
    u32::try_from(factor.get() / 1_000_000).unwrap_or(1).clamp(1, MOST_BURST)
}
