//! A checked fault schedule: what breaks, when, for how long. Made by `config` from a file, or by
//! [`crate::sim::tree`].

use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::units::Ppm;

/// Threads that can be stalled or killed, as in `runtime.threads`.
pub const THREADS: [&str; 10] = [
    "feed-upbit",
    "feed-binance",
    "feed-bithumb",
    "feed-bybit",
    "feed-okx",
    "engine",
    "gateway",
    "journal",
    "telemetry",
    "watchdog",
];
/// Most faults of one schedule.
pub const MOST_FAULTS: usize = 256;
/// Latest beginning: the longest run that is asked for, and as much again.
pub const LATEST: DurNs = DurNs::from_secs(6 * 86_400);
/// Shortest fault: what begins and ends between two turns acts on nothing.
pub const SHORTEST: DurNs = DurNs::from_ms(1);
/// Longest fault.
pub const LONGEST: DurNs = DurNs::from_secs(86_400);
/// Largest lag: the longest band of the watchdog.
pub const MOST_LAG: DurNs = DurNs::from_secs(60);
/// Most cores that are burned.
pub const MOST_CORES: u8 = 16;
/// Largest memory step.
pub const MOST_MEMORY_MIB: u64 = 65_536;
/// Largest step of the wall clock, either way.
pub const MOST_CLOCK_STEP: DurNs = DurNs::from_secs(86_400);
/// Smallest and largest factor of a leap.
pub const LEAP: (Ppm, Ppm) = (Ppm::new(10_000), Ppm::new(100_000_000));

/// One fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Beginning, since the start of the run.
    pub at: DurNs,
    /// Length; without end for a death.
    pub lasts: DurNs,
    /// What breaks.
    pub effect: Effect,
}

impl Fault {
    /// First moment after it, since the start of the run.
    pub const fn ends_at(&self) -> DurNs {
        DurNs(self.at.0.saturating_add(self.lasts.0))
    }
    /// The same kind on the same target at the same time.
    pub fn overlaps(&self, other: &Fault) -> bool {
        let is_same =
            (self.effect.name(), self.effect.of()) == (other.effect.name(), other.effect.of());
        is_same && self.at < other.ends_at() && other.at < self.ends_at()
    }
}

/// What breaks, where and by how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Every image of the venue arrives later by so much; order is kept.
    FeedLag {
        /// Whose.
        venue: VenueId,
        /// How much later.
        by: DurNs,
    },
    /// Nothing arrives from the venue; what it would have sent is lost.
    FeedSilence {
        /// Whose.
        venue: VenueId,
    },
    /// A sequence break in every book of the venue; a snapshot mends it at the fault's end.
    FeedGap {
        /// Whose.
        venue: VenueId,
    },
    /// Every book frame of the venue has its best bid above its best ask.
    CrossedBook {
        /// Whose.
        venue: VenueId,
    },
    /// Every book frame of the venue has a price of zero.
    ZeroPrice {
        /// Whose.
        venue: VenueId,
    },
    /// The venue's coin prices are multiplied; its books are valid. FX stays.
    PriceLeap {
        /// Whose.
        venue: VenueId,
        /// The factor: 680,000 ppm is a fall by 32 %.
        to: Ppm,
    },
    /// No book of USDT-KRW arrives; what it would have shown is lost.
    FxLoss,
    /// The heartbeat gets no answer.
    RedisStall,
    /// A thread does not turn.
    EngineStall {
        /// Which one of [`THREADS`].
        thread: &'static str,
    },
    /// A thread dies.
    ThreadDeath {
        /// Which one of [`THREADS`].
        thread: &'static str,
    },
    /// Cores are kept busy beside the run.
    CpuBurn {
        /// How many.
        cores: u8,
    },
    /// The process holds so much more memory.
    MemoryStep {
        /// Bytes.
        bytes: u64,
    },
    /// What the evidence store writes finds no room.
    DiskFull,
    /// The wall clock stands so much ahead (behind, if negative), and goes back at the end.
    ClockStep {
        /// Nanoseconds.
        by_ns: i64,
    },
    /// No thread of the process turns.
    HostPause,
}

impl Effect {
    /// The kind's name in files and events.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::FeedLag { .. } => "feed_lag",
            Effect::FeedSilence { .. } => "feed_silence",
            Effect::FeedGap { .. } => "feed_gap",
            Effect::CrossedBook { .. } => "crossed_book",
            Effect::ZeroPrice { .. } => "zero_price",
            Effect::PriceLeap { .. } => "price_leap",
            Effect::FxLoss => "fx_loss",
            Effect::RedisStall => "redis_stall",
            Effect::EngineStall { .. } => "engine_stall",
            Effect::ThreadDeath { .. } => "thread_death",
            Effect::CpuBurn { .. } => "cpu_burn",
            Effect::MemoryStep { .. } => "memory_step",
            Effect::DiskFull => "disk_full",
            Effect::ClockStep { .. } => "clock_step",
            Effect::HostPause => "host_pause",
        }
    }
    /// Venue or thread; empty for the whole process.
    pub const fn of(self) -> &'static str {
        match self {
            Effect::EngineStall { thread } | Effect::ThreadDeath { thread } => thread,
            other => match other.venue() {
                Some(venue) => venue.name(),
                None => "",
            },
        }
    }
    /// The venue whose frames it touches.
    pub const fn venue(self) -> Option<VenueId> {
        match self {
            Effect::FeedLag { venue, .. }
            | Effect::FeedSilence { venue }
            | Effect::FeedGap { venue }
            | Effect::CrossedBook { venue }
            | Effect::ZeroPrice { venue }
            | Effect::PriceLeap { venue, .. } => Some(venue),
            _ => None,
        }
    }
    /// It acts on frames on their way to the books.
    pub const fn is_of_feeds(self) -> bool {
        self.venue().is_some() || matches!(self, Effect::FxLoss)
    }
}

/// Names of all kinds, in the order of [`Effect`].
pub const KINDS: [&str; 15] = [
    "feed_lag",
    "feed_silence",
    "feed_gap",
    "crossed_book",
    "zero_price",
    "price_leap",
    "fx_loss",
    "redis_stall",
    "engine_stall",
    "thread_death",
    "cpu_burn",
    "memory_step",
    "disk_full",
    "clock_step",
    "host_pause",
];

/// Where a schedule is laid over a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The mock market on threads, each agent on its own.
    Threads,
    /// The mock market with feeds, engine and gateway on one thread.
    SharedThread,
    /// The mock market on a virtual clock.
    Virtual,
    /// Real feeds, on threads.
    RealFeeds,
    /// A recording.
    Replay,
}

impl Stage {
    /// Why a fault cannot act here; `None` if it can. A schedule is refused then: a fault that
    /// nobody injects would pass for one that was survived.
    pub fn refuses(self, effect: Effect) -> Option<&'static str> {
        let hot = |name: &str| name.starts_with("feed-") || name == "gateway";
        match (self, effect) {
            (
                Stage::SharedThread,
                Effect::EngineStall { thread } | Effect::ThreadDeath { thread },
            ) if hot(thread) => {
                Some("with runtime.placement shared this thread is the engine's; name engine")
            }
            (
                Stage::Virtual,
                Effect::EngineStall { thread: "journal" | "telemetry" }
                | Effect::ThreadDeath { thread: "journal" | "telemetry" },
            ) => Some("a virtual run has no such thread; run without --virtual"),
            (Stage::RealFeeds, effect) if effect.is_of_feeds() => {
                Some("frames of real sockets are not tampered with; give such faults to arb sim")
            }
            (Stage::Replay, effect) => refused_in_replay(effect),
            _ => None,
        }
    }
}

fn refused_in_replay(effect: Effect) -> Option<&'static str> {
    match effect {
        Effect::FeedGap { venue: VenueId::Upbit } => {
            Some("Upbit's books carry no sequence numbers: a lost one is no gap")
        }
        Effect::PriceLeap { venue: VenueId::Binance, .. } => {
            Some("in a stream of differences a leap would leave half of each book behind")
        }
        Effect::EngineStall { thread: "engine" } => None,
        Effect::EngineStall { .. } | Effect::ThreadDeath { .. } => {
            Some("a replay has one thread and turns feeds with their frames; name engine_stall")
        }
        Effect::RedisStall => Some("a replay has no heartbeat"),
        Effect::CpuBurn { .. } | Effect::MemoryStep { .. } => {
            Some("a replay measures no process gauges")
        }
        Effect::DiskFull => Some("a replay writes no evidence"),
        Effect::ClockStep { .. } => Some("a replay takes its time from the recording"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_overlap_only_on_the_same_target() {
        let fault = |at, lasts, effect| Fault { at: DurNs(at), lasts: DurNs(lasts), effect };
        let upbit = Effect::FeedSilence { venue: VenueId::Upbit };
        let binance = Effect::FeedSilence { venue: VenueId::Binance };
        let first = fault(10, 5, upbit);
        assert!(first.overlaps(&fault(14, 1, upbit)));
        assert!(!first.overlaps(&fault(15, 1, upbit)), "one may follow at once");
        assert!(!first.overlaps(&fault(12, 1, binance)));
        assert!(!first.overlaps(&fault(12, 1, Effect::FeedGap { venue: VenueId::Upbit })));
    }
}
