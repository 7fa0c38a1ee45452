//! The eight gauges of a snapshot, under the source's names.

use crate::telemetry::limits::ErrorBands;
use crate::telemetry::process::Gauges;
use crate::types::report::CycleReport;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_MS;
use crate::types::time::NS_PER_SEC;

/// Bytes of a megabyte as the source counts them.
const MEGABYTE: f64 = 1e6;

/// A gauge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Gauge {
    /// CPU of the process, percent of one core.
    Cpu,
    /// Resident memory, 10⁶ bytes.
    Rss,
    /// Open descriptors.
    OpenFiles,
    /// Threads.
    Threads,
    /// Lag of the slowest feed, ms.
    WsLag,
    /// Age of the heartbeat, ms.
    RedisAge,
    /// Longest batch of the newest cycle, ms.
    LoopLatency,
    /// P95 of those over the last 100 cycles, ms.
    LoopP95,
}

/// How many gauges there are.
pub const GAUGES: usize = Gauge::LoopP95 as usize + 1;

impl Gauge {
    /// Each, in order.
    pub const ALL: [Gauge; GAUGES] = [
        Gauge::Cpu,
        Gauge::Rss,
        Gauge::OpenFiles,
        Gauge::Threads,
        Gauge::WsLag,
        Gauge::RedisAge,
        Gauge::LoopLatency,
        Gauge::LoopP95,
    ];
    /// Those that the process itself shows.
    pub const OF_PROCESS: [Gauge; 4] = [Gauge::Cpu, Gauge::Rss, Gauge::OpenFiles, Gauge::Threads];

    /// Its field in a snapshot.
    pub const fn name(self) -> &'static str {
        match self {
            Gauge::Cpu => "cpu_pct",
            Gauge::Rss => "rss_mb",
            Gauge::OpenFiles => "open_files",
            Gauge::Threads => "num_threads",
            Gauge::WsLag => "ws_lag_ms",
            Gauge::RedisAge => "redis_heartbeat_age_ms",
            Gauge::LoopLatency => "loop_latency_ms",
            Gauge::LoopP95 => "loop_latency_p95_ms",
        }
    }
    /// Its upper tail counts, not its median.
    pub const fn is_lag(self) -> bool {
        matches!(self, Gauge::WsLag | Gauge::RedisAge)
    }
    /// Where its ERROR band begins, ms.
    pub fn error_from(self, bands: &ErrorBands) -> Option<f64> {
        Some(ms(match self {
            Gauge::WsLag => bands.ws_lag,
            Gauge::RedisAge => bands.redis_age,
            Gauge::LoopLatency => bands.loop_latency,
            Gauge::LoopP95 => bands.loop_p95,
            Gauge::Cpu | Gauge::Rss | Gauge::OpenFiles | Gauge::Threads => return None,
        }))
    }
}

/// Ppm of a core in a percent of it.
const PPM_PER_PERCENT: f64 = 10_000.0;

/// All gauges at one moment. What was not measured is `None`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Readings {
    gauges: [Option<f64>; GAUGES],
    /// CPU use without spinning threads, percent of one core.
    busy_pct: Option<f64>,
}

impl Readings {
    /// What the process shows; the rest unmeasured.
    pub fn of_process(gauges: Option<&Gauges>) -> Readings {
        let mut readings = Readings::default();
        let Some(gauges) = gauges else { return readings };
        readings.set_busy(gauges.busy_pct);
        readings.set(Gauge::Cpu, Some(gauges.cpu_pct));
        readings.set(Gauge::Rss, Some(gauges.rss_bytes as f64 / MEGABYTE));
        readings.set(Gauge::OpenFiles, gauges.open_files.map(|count| count as f64));
        readings.set(Gauge::Threads, gauges.threads.map(|count| count as f64));
        readings
    }
    /// Sets the CPU use without spinning threads, percent of one core.
    pub fn set_busy(&mut self, pct: f64) {
        self.busy_pct = Some(pct);
    }
    /// Sets a gauge.
    pub fn set(&mut self, gauge: Gauge, value: Option<f64>) {
        self.gauges[gauge as usize] = value;
    }
    /// A gauge.
    pub fn get(&self, gauge: Gauge) -> Option<f64> {
        self.gauges[gauge as usize]
    }
    /// Every gauge was measured.
    pub fn are_whole(&self) -> bool {
        self.gauges.iter().all(Option::is_some)
    }
    /// The gauge lies below its ERROR band; `None` if it was not measured or has none.
    pub fn is_below_error(&self, gauge: Gauge, bands: &ErrorBands) -> Option<bool> {
        Some(self.get(gauge)? < gauge.error_from(bands)?)
    }
    /// No gauge that was measured is in its ERROR band.
    pub fn hold(&self, bands: &ErrorBands) -> bool {
        let most = bands.cpu.map(|most| most.get() as f64 / PPM_PER_PERCENT);
        let busy = self.busy_pct.zip(most).is_some_and(|(busy, most)| busy > most);
        !busy && Gauge::ALL.iter().all(|gauge| self.is_below_error(*gauge, bands) != Some(false))
    }
}

/// Milliseconds, down to the nanosecond.
pub fn ms(time: DurNs) -> f64 {
    time.0 as f64 / NS_PER_MS as f64
}

/// The newest loop latency, and for how long it is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loops {
    latency: Option<(DurNs, MonoNs)>,
    began: Option<MonoNs>,
    reported_at: Option<MonoNs>,
    /// Between the last two reports, or from the beginning to the first.
    every: DurNs,
}

impl Loops {
    /// A cycle may be a minute long: what it says stands until two more could have closed, and at
    /// least this long.
    const LEAST: DurNs = DurNs(NS_PER_SEC);

    /// The run goes on; the first call says when it began.
    pub fn begin(&mut self, now: MonoNs) {
        self.began.get_or_insert(now);
    }
    /// A cycle has closed.
    pub fn on_report(&mut self, report: &CycleReport) {
        let at = report.at.mono;
        self.every = at.since(self.reported_at.or(self.began).unwrap_or(at));
        self.reported_at = Some(at);
        self.latency = report.loop_latency.map(|latency| (latency, at)).or(self.latency);
    }
    /// Longest batch of the newest cycle that had one.
    pub fn latency(&self, now: MonoNs) -> Option<DurNs> {
        self.latency.filter(|(_, at)| self.is_fresh(*at, now)).map(|(latency, _)| latency)
    }
    /// Cycles are reported at present.
    pub fn is_reported(&self, now: MonoNs) -> bool {
        self.reported_at.is_some_and(|at| self.is_fresh(at, now))
    }
    fn is_fresh(&self, at: MonoNs, now: MonoNs) -> bool {
        now.since(at).0 <= self.every.max(Loops::LEAST).0.saturating_mul(2)
    }
}
