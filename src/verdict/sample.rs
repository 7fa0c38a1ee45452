//! What is judged: gauges, and one sample of them from a snapshot or a minute.

/// A gauge that the verdict looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Gauge {
    /// CPU of the process.
    Cpu,
    /// Resident memory.
    Rss,
    /// Open descriptors.
    Files,
    /// Threads.
    Threads,
    /// Lag of the slowest feed: its P95 in a minute.
    WsLag,
    /// Age of the Redis heartbeat.
    RedisAge,
    /// Loop latency.
    Loop,
    /// P95 of the last 100 cycles.
    LoopP95,
    /// P99 of the interval histogram of the loop; in minutes only.
    LoopP99,
}

/// How many gauges there are.
pub const GAUGES: usize = 9;

impl Gauge {
    /// Those that a snapshot carries, in the source's format too.
    pub const IN_SNAPSHOTS: [Gauge; 8] = [
        Gauge::Cpu,
        Gauge::Rss,
        Gauge::Files,
        Gauge::Threads,
        Gauge::WsLag,
        Gauge::RedisAge,
        Gauge::Loop,
        Gauge::LoopP95,
    ];
    /// The name of its field, after which its criteria are named.
    pub const fn name(self) -> &'static str {
        match self {
            Gauge::Cpu => "cpu_pct",
            Gauge::Rss => "rss_mb",
            Gauge::Files => "open_files",
            Gauge::Threads => "num_threads",
            Gauge::WsLag => "ws_lag_ms",
            Gauge::RedisAge => "redis_heartbeat_age_ms",
            Gauge::Loop => "loop_latency_ms",
            Gauge::LoopP95 => "loop_latency_p95_ms",
            Gauge::LoopP99 => "loop_latency_p99_ms",
        }
    }
    /// Its unit with a space before it; empty for a count.
    pub const fn unit(self) -> &'static str {
        match self {
            Gauge::Cpu => " %",
            Gauge::Rss => " MB",
            Gauge::Files | Gauge::Threads => "",
            Gauge::WsLag | Gauge::RedisAge | Gauge::Loop | Gauge::LoopP95 | Gauge::LoopP99 => " ms",
        }
    }
    /// The value if a running process can have it. A negative one cannot be, and no process has no
    /// memory, no thread or no descriptor: such a zero was not measured (`PRODUCT.md` 11, 2).
    pub fn plausible(self, value: Option<f64>) -> Option<f64> {
        let least = match self {
            Gauge::Rss | Gauge::Files | Gauge::Threads => f64::MIN_POSITIVE,
            _ => 0.0,
        };
        value.filter(|value| value.is_finite() && *value >= least)
    }
    /// Its bit in a set of gauges.
    pub const fn bit(self) -> u16 {
        1 << self as usize
    }
}

/// One gauge in one sample: three times the same value in a snapshot.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reading {
    /// The usual value: median, or P95 of a lag.
    pub value: f64,
    /// Smallest of the interval.
    pub low: f64,
    /// Largest of the interval.
    pub high: f64,
}

/// States of the watchdog, by how bad they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// All is well.
    Normal,
    /// Something deviates.
    Warn,
    /// Entries may be held back.
    Error,
    /// Trading is off, and waits.
    Cooldown,
    /// Trading ends.
    Critical,
}

impl State {
    /// From the word in a file.
    pub fn named(word: &str) -> Option<State> {
        Some(match word {
            "NORMAL" => State::Normal,
            "WARN" => State::Warn,
            "ERROR" => State::Error,
            "COOLDOWN" => State::Cooldown,
            "CRITICAL" => State::Critical,
            _ => return None,
        })
    }
}

/// Where a sample was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// Index into the names of the files.
    pub file: u32,
    /// Line, from 1; 0 for a whole file.
    pub line: u32,
}

/// The gauges at one moment of one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Where it was read.
    pub origin: Origin,
    /// Index of its run.
    pub run: u32,
    /// Number in its run.
    pub seq: Option<u64>,
    /// Wall time, ns since 1970.
    pub wall_ns: u64,
    /// The run's own clock.
    pub mono_ns: Option<u64>,
    /// Hours since the first sample that is judged. Set when the runs are put in order.
    pub hours: f64,
    /// Cycles closed.
    pub loop_count: Option<u64>,
    /// The gauges that were measured.
    pub readings: [Option<Reading>; GAUGES],
    /// Set of gauges that came from a model.
    pub modelled: u16,
    /// The watchdog's state.
    pub state: Option<State>,
    /// `is_stable`; in snapshots only.
    pub stable: Option<bool>,
    /// `watchdog_healthy`; in snapshots only.
    pub healthy: Option<bool>,
    /// The checkpoint on exit.
    pub is_final: bool,
    /// An injected fault acted on its gauges.
    pub injected: bool,
    /// Its state is what an injected fault has left.
    pub excused: bool,
}

impl Sample {
    /// A sample without any gauge.
    pub fn empty(origin: Origin, wall_ns: u64) -> Sample {
        Sample {
            origin,
            run: 0,
            seq: None,
            wall_ns,
            mono_ns: None,
            hours: 0.0,
            loop_count: None,
            readings: [None; GAUGES],
            modelled: 0,
            state: None,
            stable: None,
            healthy: None,
            is_final: false,
            injected: false,
            excused: false,
        }
    }
    /// Its state is not that of a run without faults.
    pub const fn is_aside(&self) -> bool {
        self.injected || self.excused
    }
    /// One gauge.
    pub fn reading(&self, gauge: Gauge) -> Option<Reading> {
        self.readings[gauge as usize]
    }
    /// Its usual value.
    pub fn value(&self, gauge: Gauge) -> Option<f64> {
        self.reading(gauge).map(|reading| reading.value)
    }
    /// Takes a gauge in, unless its value cannot be.
    pub fn set(&mut self, gauge: Gauge, value: Option<f64>) {
        let value = gauge.plausible(value);
        let reading = value.map(|value| Reading { value, low: value, high: value });
        self.readings[gauge as usize] = reading;
    }
}
