//! A fault of the local exchange, checked: made by `config` from a file, from a request while it
//! serves, or by the built-in tour. Beside it how much the exchange takes up.

use crate::types::ids::InstrumentName;
use crate::types::ids::VenueId;
use crate::types::number::parse_fixed;
use crate::types::time::DurNs;
use crate::types::time::NS_PER_MS;
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
    /// Market messages come in swapped pairs.
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
    fn of(kind: &str, by: Option<i64>, factor: Option<Ppm>) -> Option<SimEffect> {
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
            "burst" => SimEffect::Burst { factor: factor.map_or(100, |f| whole(f)) },
            "frozen_book" => SimEffect::FrozenBook,
            _ => return None,
        })
    }
}

/// A key of a fault, as text, and what is wrong with it: what it must be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Wrong {
    /// The key; empty if the fault as a whole is wrong.
    pub key: String,
    /// What it must be.
    pub what: String,
}

/// Keys that a fault may have; `kind` and `for` it must have.
pub const KEYS: [&str; 7] = ["at", "for", "kind", "venue", "symbol", "by", "factor"];

/// Reads a fault from its keys and their texts. Without `at` it begins at `now`; without `venue`,
/// or with `all`, it concerns every venue; without `symbol` every instrument.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(pairs: &[(&str, &str)], now: DurNs) -> Result<SimFault, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let mut fail = |key: &str, what: String| {
        wrong.push(Wrong { key: key.to_owned(), what });
    };
    for (at, (key, _)) in pairs.iter().enumerate() {
        if !KEYS.contains(key) {
            fail(key, format!("no such key; a fault has {}", KEYS.join(", ")));
        } else if pairs[..at].iter().any(|(earlier, _)| earlier == key) {
            fail(key, "is here twice".to_owned());
        }
    }
    let text = |key: &str| pairs.iter().find(|(own, _)| *own == key).map(|(_, text)| *text);
    let kind = text("kind").and_then(|name| KINDS.into_iter().find(|kind| *kind == name));
    if kind.is_none() {
        fail("kind", format!("must be one of {}", KINDS.join(", ")));
    }
    let at = text("at").map_or(Some(now), time).filter(|at| *at <= LATEST);
    if at.is_none() {
        fail("at", "must be a whole number and unit: 250ms, 5s, 10m, at most 24h".to_owned());
    }
    let lasts = text("for").and_then(time).filter(|t| (SHORTEST..=LONGEST).contains(t));
    if lasts.is_none() {
        fail("for", "must be a whole number and unit, 1ms to 1h: 250ms, 5s, 10m".to_owned());
    }
    let venue = match text("venue") {
        None | Some("all") => Some(None),
        Some(name) => VenueId::from_name(name).map(Some),
    };
    if venue.is_none() {
        let names = VenueId::ALL.map(VenueId::name).join(", ");
        fail("venue", format!("must be one of {names}, all"));
    }
    let symbol = text("symbol").map(symbol);
    if symbol == Some(None) {
        fail("symbol", "must be BASE-QUOTE in capitals: BTC-KRW, ETH-USDT".to_owned());
    }
    let by = kind.map(|kind| by(kind, text("by")));
    if let Some(Err(what)) = &by {
        fail("by", what.clone());
    }
    let factor = kind.map(|kind| factor(kind, text("factor")));
    if let Some(Err(what)) = &factor {
        fail("factor", what.clone());
    }
    let parts = (kind, at, lasts, venue, by, factor);
    let (Some(kind), Some(at), Some(lasts), Some(venue), Some(Ok(by)), Some(Ok(factor))) = parts
    else {
        return Err(wrong);
    };
    match SimEffect::of(kind, by, factor).filter(|_| wrong.is_empty()) {
        Some(effect) => Ok(SimFault { at, lasts, venue, symbol: symbol.flatten(), effect }),
        None => Err(wrong),
    }
}

/// `by` of a kind, nanoseconds; only a clock may go back.
fn by(kind: &str, text: Option<&str>) -> Result<Option<i64>, String> {
    let Some(text) = text else { return Ok(None) };
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (most, signs) = match kind {
        "lag" => (MOST_LAG, 1..=1),
        "stale_timestamps" | "future_timestamps" => (MOST_SHIFT, 1..=1),
        "clock_skew" => (MOST_SHIFT, -1..=1),
        _ => return Err(format!("{kind} has no such key")),
    };
    let length = time(size).filter(|by| (SHORTEST..=most).contains(by) && signs.contains(&sign));
    let ns = length.and_then(|by| i64::try_from(by.0).ok());
    ns.map(|ns| Some(sign * ns)).ok_or_else(|| {
        let back = if kind == "clock_skew" { ", with - to go back" } else { "" };
        format!("must be a time of 1ms to {}s{back}", most.0 / NS_PER_SEC)
    })
}

/// `factor` of a kind.
fn factor(kind: &str, text: Option<&str>) -> Result<Option<Ppm>, String> {
    let Some(text) = text else { return Ok(None) };
    let parsed = parse_fixed(text.as_bytes()).ok().filter(|raw| raw % 100 == 0);
    let ppm = parsed.map(|raw| Ppm::new(raw / 100));
    let (what, fits): (&str, fn(Ppm) -> bool) = match kind {
        "burst" => ("a whole number of 2 to 1000", |f| {
            f.get() % 1_000_000 == 0 && (2..=i64::from(MOST_BURST)).contains(&(f.get() / 1_000_000))
        }),
        "partial_fill" => ("a part of 0.01 to 0.99", |f| (10_000..=990_000).contains(&f.get())),
        _ => return Err(format!("{kind} has no such key")),
    };
    match ppm.filter(|ppm| fits(*ppm)) {
        Some(ppm) => Ok(Some(ppm)),
        None => Err(format!("must be {what}")),
    }
}

fn whole(factor: Ppm) -> u32 {
    u32::try_from(factor.get() / 1_000_000).unwrap_or(1).clamp(1, MOST_BURST)
}

fn symbol(text: &str) -> Option<InstrumentName> {
    let (base, quote) = text.split_once('-')?;
    crate::types::ids::instrument_name(base, quote)
}

/// A whole number and its unit.
pub fn time(text: &str) -> Option<DurNs> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ns = match unit {
        "ms" => NS_PER_MS,
        "s" => NS_PER_SEC,
        "m" => 60 * NS_PER_SEC,
        "h" => 3_600 * NS_PER_SEC,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ns).map(DurNs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_under_its_own_name() {
        for kind in KINDS {
            let fault = read(&[("kind", kind), ("for", "5s"), ("venue", "okx")], DurNs(7));
            let fault = fault.unwrap_or_else(|wrong| panic!("{kind}: {wrong:?}"));
            assert_eq!((fault.effect.name(), fault.at), (kind, DurNs(7)));
        }
    }

    #[test]
    fn everything_wrong_with_a_fault_is_told_at_once() {
        let pairs = [("kind", "lag"), ("by", "61s"), ("factor", "2"), ("venue", "mtgox")];
        let wrong = read(&pairs, DurNs(0)).expect_err("four faults");
        let keys: Vec<&str> = wrong.iter().map(|wrong| wrong.key.as_str()).collect();
        assert_eq!(keys, ["for", "venue", "by", "factor"]);
        let unknown = read(&[("kind", "meteor"), ("for", "1s"), ("size", "1")], DurNs(0));
        let keys: Vec<String> = unknown.expect_err("two").into_iter().map(|w| w.key).collect();
        assert_eq!(keys, ["size", "kind"]);
    }

    #[test]
    fn amounts_have_their_ranges_and_a_clock_may_go_back() {
        let effect = |kind, key, text| {
            read(&[("kind", kind), ("for", "5s"), (key, text)], DurNs(0)).map(|f| f.effect).ok()
        };
        let back = Some(SimEffect::ClockSkew { by_ns: -2_000_000_000 });
        assert_eq!(effect("clock_skew", "by", "-2s"), back);
        assert_eq!(effect("lag", "by", "-2s"), None);
        assert_eq!(effect("burst", "factor", "50"), Some(SimEffect::Burst { factor: 50 }));
        assert_eq!(effect("burst", "factor", "1.5"), None);
        let part = Ppm::new(100_000);
        assert_eq!(effect("partial_fill", "factor", "0.1"), Some(SimEffect::PartialFill { part }));
        assert_eq!(effect("silence", "by", "1s"), None);
        assert_eq!(effect("gap", "symbol", "btc"), None);
    }
}
