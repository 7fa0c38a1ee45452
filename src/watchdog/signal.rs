//! Everything that the watchdog judges: the one table of signals (`FAULTS.md` 3.2).

use crate::types::time::DurNs;
use crate::watchdog::limits::Band;
use crate::watchdog::limits::RuleLimits;
use crate::watchdog::state::Severity;

/// What can be wrong. Flags are 0 or 1. Where a [`Severity::Halt`] ends the run, the exit code
/// after a clean drain stands behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(usize)]
pub enum Signal {
    /// How long the engine has been stuck, or its longest batch since the last tick, in ns.
    LoopStall,
    /// The same, in ns, while orders are in flight; 0 while none is.
    LoopStallWithOrders,
    /// P95 of the loop latency, in ns.
    LoopP95,
    /// Transport lag or silence of a venue's feed, in ns.
    WsLag,
    /// Age of the last good Redis heartbeat, or of the run before the first one, in ns.
    RedisAge,
    /// How long a feed thread has been stuck, in ns.
    FeedStall,
    /// How long a gateway thread has been stuck, in ns.
    GatewayStall,
    /// How long the telemetry or journal thread has been stuck, in ns.
    HelperStall,
    /// Resident memory, in bytes.
    Rss,
    /// CPU use without spinning threads, in ppm of one core.
    Cpu,
    /// Open descriptors, in ppm of the allowed number.
    OpenFiles,
    /// Safety rejections in the last minute.
    SafetyRejections,
    /// Errors of live orders in the last minute.
    LiveErrors,
    /// Orders whose outcome is unknown.
    UnknownOrders,
    /// Age of the oldest of them, in ns; 0 if there is none.
    UnknownOrderAge,
    /// Consecutive polls in which balance or position differed beyond the tolerance.
    Mismatch,
    /// Flag: it differs beyond the hard tolerance.
    HardMismatch,
    /// Flag: the journal could not be written or synced. 74.
    JournalFailed,
    /// Flag: the instance lock is lost. 73.
    LockLost,
    /// Flag: the kill file exists or the kill command came. 21.
    KillSwitch,
    /// Flag: the day's loss limit is reached. 21.
    LossLimit,
    /// Flag: a venue has banned us (418).
    Banned,
    /// Flag: a venue refuses our key. 77.
    AuthRefused,
    /// Flag: an order that is not ours is on the account.
    ForeignOrder,
    /// Flag: the gate has passed another number of orders than the journal holds.
    CountMismatch,
    /// Flag: the engine or a gateway thread has ended. 1.
    ThreadDead,
    /// As [`Signal::WsLag`], of a venue that is not required: its own quotes grow stale, which is
    /// enough.
    WsLagOptional,
    /// Age of the newest usable FX book, or of the run before the first one, in ns.
    FxAge,
    /// The host stood still. Judged from the pace of the ticks, not from a gauge.
    HostPause,
}

/// How many signals there are.
pub const SIGNALS: usize = 29;
const _: () = assert!(Signal::HostPause as usize + 1 == SIGNALS, "the table has every signal");

impl Signal {
    /// The process exit code with which its [`Severity::Halt`] ends the run (`PRODUCT.md` 3).
    pub const fn exit_code(self) -> u8 {
        match self {
            Signal::JournalFailed => 74,
            Signal::LockLost => 73,
            Signal::KillSwitch | Signal::LossLimit => 21,
            Signal::AuthRefused => 77,
            _ => 1,
        }
    }
    /// The name in events and snapshots.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// Names of all signals, in the order of [`Signal`].
pub const NAMES: [&str; SIGNALS] = [
    "loop_ms",
    "loop_ms_with_orders",
    "loop_p95",
    "ws_lag_ms",
    "redis_age_ms",
    "feed_stall_ms",
    "gateway_stall_ms",
    "helper_stall_ms",
    "rss_mb",
    "cpu_pct",
    "open_files_pct",
    "safety_rejections",
    "live_errors",
    "unknown_orders",
    "unknown_order_age",
    "balance_mismatch",
    "balance_mismatch_hard",
    "journal_failed",
    "lock_lost",
    "kill_switch",
    "loss_limit",
    "banned",
    "auth_refused",
    "foreign_order",
    "order_count_mismatch",
    "thread_dead",
    "ws_lag_optional_ms",
    "fx_age_ms",
    "host_pause",
];

/// How one signal is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What is judged.
    pub signal: Signal,
    /// WARN above it.
    pub warn: Option<i64>,
    /// ERROR above it.
    pub error: Option<i64>,
    /// [`Rule::fatal_is`] above it.
    pub fatal: Option<i64>,
    /// [`Severity::Fatal`], or [`Severity::Halt`] for what no cooldown cures.
    pub fatal_is: Severity,
    /// Unknown beyond this age.
    pub max_age: DurNs,
    /// Never worse than this.
    pub cap: Severity,
    /// Whether its ERROR counts strikes.
    pub strikes: bool,
    /// A length of time that a pause of the host adds to: not judged by it.
    pub is_timed: bool,
}

impl Rule {
    const fn new(signal: Signal, max_age: DurNs) -> Rule {
        Rule {
            signal,
            warn: None,
            error: None,
            fatal: None,
            fatal_is: Severity::Fatal,
            max_age,
            cap: Severity::Halt,
            strikes: true,
            is_timed: false,
        }
    }
    fn band(self, band: Band) -> Rule {
        Rule { is_timed: true, ..self.warn(nanos(band.warn)).error(nanos(band.error)) }
    }
    const fn warn(self, above: i64) -> Rule {
        Rule { warn: Some(above), ..self }
    }
    const fn error(self, above: i64) -> Rule {
        Rule { error: Some(above), ..self }
    }
    const fn fatal(self, above: i64) -> Rule {
        Rule { fatal: Some(above), ..self }
    }
    /// A flag after which no cooldown helps.
    const fn halt(self) -> Rule {
        Rule { fatal_is: Severity::Halt, ..self.fatal(0) }
    }
    const fn cap(self, cap: Severity) -> Rule {
        Rule { cap, ..self }
    }
    const fn timed(self) -> Rule {
        Rule { is_timed: true, ..self }
    }
    const fn never_strikes(self) -> Rule {
        Rule { strikes: false, ..self }
    }
}

/// The table, in the order of the enum. A count that must not occur at all is "above 0".
pub fn table(limits: &RuleLimits) -> [Rule; SIGNALS] {
    let RuleLimits { max_age, .. } = limits;
    let own = |signal| Rule::new(signal, max_age.own);
    let poll = |signal| Rule::new(signal, max_age.poll);
    let process = |signal| Rule::new(signal, max_age.process);
    let redis_cap = if limits.redis_required { Severity::Error } else { Severity::Warn };
    [
        own(Signal::LoopStall).band(limits.loop_stall).fatal(nanos(limits.loop_dead)),
        own(Signal::LoopStallWithOrders).fatal(nanos(limits.loop_dead_with_orders)).timed(),
        Rule::new(Signal::LoopP95, max_age.cycle).band(limits.loop_p95),
        Rule::new(Signal::WsLag, max_age.feed).band(limits.ws_lag),
        own(Signal::RedisAge).band(limits.redis_age).cap(redis_cap).never_strikes(),
        own(Signal::FeedStall).band(limits.feed_stall),
        own(Signal::GatewayStall).band(limits.gateway_stall).fatal(nanos(limits.gateway_dead)),
        own(Signal::HelperStall).band(limits.helper_stall).cap(Severity::Error),
        process(Signal::Rss).warn(bytes(limits.warn_rss_bytes)).fatal(bytes(limits.max_rss_bytes)),
        process(Signal::Cpu).warn(limits.warn_cpu.get()).cap(Severity::Warn).never_strikes(),
        process(Signal::OpenFiles)
            .warn(limits.warn_open_files.get())
            .error(limits.max_open_files.get()),
        own(Signal::SafetyRejections).warn(i64::from(limits.max_safety_rejections)),
        own(Signal::LiveErrors).error(i64::from(limits.max_live_errors)),
        own(Signal::UnknownOrders).warn(0).fatal(i64::from(limits.max_unknown_orders)),
        own(Signal::UnknownOrderAge)
            .error(nanos(limits.unknown_order_error))
            .fatal(nanos(limits.unknown_order_fatal))
            .timed(),
        poll(Signal::Mismatch).warn(0).error(1),
        poll(Signal::HardMismatch).fatal(0),
        own(Signal::JournalFailed).halt(),
        own(Signal::LockLost).halt(),
        own(Signal::KillSwitch).halt(),
        own(Signal::LossLimit).halt(),
        own(Signal::Banned).fatal(0),
        own(Signal::AuthRefused).halt(),
        own(Signal::ForeignOrder).fatal(0),
        own(Signal::CountMismatch).fatal(0),
        own(Signal::ThreadDead).halt(),
        Rule::new(Signal::WsLagOptional, max_age.feed)
            .band(limits.ws_lag)
            .cap(Severity::Warn)
            .never_strikes(),
        own(Signal::FxAge).band(limits.fx_age),
        own(Signal::HostPause).warn(0).cap(Severity::Warn),
    ]
}

/// Nanoseconds as a gauge holds them.
pub fn nanos(time: DurNs) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
