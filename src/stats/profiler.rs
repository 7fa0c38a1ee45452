//! The profilers of a run: engine loop, feed lag, Redis. Exact, on fixed memory, no clock.
//!
//! Definitions: `PRODUCT.md` 6. Times go in and come out in nanoseconds; milliseconds appear in
//! text only. What has no sample is `None` and prints as `-`, never as 0.

use std::fmt;

use crate::stats::window::SortedWindow;
use crate::stats::window::Window;
use crate::types::time::DurNs;
use crate::types::time::Millis;

/// Cycles that the loop profiler looks back.
pub const LOOP_WINDOW: usize = 100;
/// Samples that the lag profiler looks back.
pub const LAG_WINDOW: usize = 50;
/// Heartbeats that the Redis profiler looks back.
pub const REDIS_WINDOW: usize = 50;
/// Samples that must lie before one in its window for it to be a spike: the tenth can be.
const SPIKE_BASELINE: usize = 9;
/// Samples of each end of the window that a trend compares.
const TREND_SPAN: usize = 5;

/// Longest batch of each cycle, over the last [`LOOP_WINDOW`] cycles that had one.
#[derive(Clone, Debug, Default)]
pub struct LoopProfiler {
    window: SortedWindow<LOOP_WINDOW>,
}

impl LoopProfiler {
    /// Takes the loop latency of a cycle.
    pub fn record(&mut self, latency: DurNs) {
        self.window.record(latency);
    }
    /// Mean, floored to the nanosecond.
    pub fn average(&self) -> Option<DurNs> {
        self.window.window().mean()
    }
    /// The smallest sample with 95 % of the samples at or below it (nearest rank).
    pub fn p95(&self) -> Option<DurNs> {
        self.window.quantile(95)
    }
    /// Largest.
    pub fn max(&self) -> Option<DurNs> {
        self.window.max()
    }
}

/// Feed lag over the last [`LAG_WINDOW`] samples, and its spikes over the run.
///
/// A sample is a spike when it is at least twice the mean of the samples before it in the window,
/// at least nine of which there must be, and above a floor. Spikes enter the baseline of later
/// samples: a lag that stays high is a new level, not a series of spikes.
#[derive(Clone, Debug)]
pub struct WebsocketLagProfiler {
    window: Window<LAG_WINDOW>,
    floor: DurNs,
    spikes: u64,
}

impl WebsocketLagProfiler {
    /// Lag up to here is never a spike: twice a small number is still a small number.
    pub const FLOOR: DurNs = DurNs::from_ms(50);

    /// Without samples. Only a sample above `floor` can be a spike.
    pub const fn new(floor: DurNs) -> WebsocketLagProfiler {
        WebsocketLagProfiler { window: Window::new(), floor, spikes: 0 }
    }
    /// Takes a lag. True when it is a spike.
    pub fn record(&mut self, lag: DurNs) -> bool {
        let spike = lag > self.floor && self.doubles_the_mean_before(lag);
        self.window.record(lag);
        self.spikes += u64::from(spike);
        spike
    }
    fn doubles_the_mean_before(&self, lag: DurNs) -> bool {
        // The oldest sample of a full window is in the window no more when `lag` is.
        let leaving = self.window.leaving();
        let count = self.window.len() - usize::from(leaving.is_some());
        let sum = self.window.sum().0 - leaving.map_or(0, |oldest| oldest.0);
        count >= SPIKE_BASELINE && u128::from(lag.0) * count as u128 >= 2 * u128::from(sum)
    }
    /// Moving average, floored to the nanosecond.
    pub fn moving_average(&self) -> Option<DurNs> {
        self.window.mean()
    }
    /// Spikes since the start of the run.
    pub const fn spikes(&self) -> u64 {
        self.spikes
    }
}

impl Default for WebsocketLagProfiler {
    fn default() -> Self {
        WebsocketLagProfiler::new(Self::FLOOR)
    }
}

/// Which way a quantity goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trend {
    /// The newest five lie more than 10 % above the oldest five.
    Increasing,
    /// The newest five lie more than 10 % below the oldest five.
    Decreasing,
    /// Neither.
    Stable,
    /// Fewer samples than two disjoint fives.
    InsufficientData,
}

impl Trend {
    /// The source's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Trend::Increasing => "increasing",
            Trend::Decreasing => "decreasing",
            Trend::Stable => "stable",
            Trend::InsufficientData => "insufficient_data",
        }
    }
}

/// Heartbeat times of Redis over the last [`REDIS_WINDOW`] heartbeats.
#[derive(Clone, Debug, Default)]
pub struct RedisLatencyProfiler {
    window: SortedWindow<REDIS_WINDOW>,
}

impl RedisLatencyProfiler {
    /// Takes one heartbeat.
    pub fn record(&mut self, heartbeat: DurNs) {
        self.window.record(heartbeat);
    }
    /// Mean, floored to the nanosecond.
    pub fn average(&self) -> Option<DurNs> {
        self.window.window().mean()
    }
    /// Largest.
    pub fn max(&self) -> Option<DurNs> {
        self.window.max()
    }
    /// The newest five against the oldest five of the window.
    pub fn trend(&self) -> Trend {
        let window = self.window.window();
        if window.len() < 2 * TREND_SPAN {
            return Trend::InsufficientData;
        }
        let newest = u128::from(window.sum_of_newest(TREND_SPAN).0) * 10;
        let oldest = u128::from(window.sum_of_oldest(TREND_SPAN).0);
        match () {
            () if newest > oldest * 11 => Trend::Increasing,
            () if newest < oldest * 9 => Trend::Decreasing,
            () => Trend::Stable,
        }
    }
}

/// All three profilers of a run.
#[derive(Clone, Debug, Default)]
pub struct PerformanceProfiler {
    /// The engine's loop.
    pub engine_loop: LoopProfiler,
    /// The slowest required feed.
    pub lag: WebsocketLagProfiler,
    /// The heartbeat of Redis.
    pub redis: RedisLatencyProfiler,
}

impl PerformanceProfiler {
    /// The source's eight metrics (its `get_all_metrics`).
    pub fn metrics(&self) -> PerformanceMetrics {
        PerformanceMetrics {
            loop_avg: self.engine_loop.average(),
            loop_p95: self.engine_loop.p95(),
            loop_max: self.engine_loop.max(),
            ws_lag_ma: self.lag.moving_average(),
            ws_spike_count: self.lag.spikes(),
            redis_heartbeat_avg: self.redis.average(),
            redis_heartbeat_max: self.redis.max(),
            redis_heartbeat_trend: self.redis.trend(),
        }
    }
}

/// The source's eight metrics; `None` where no sample is. Displays as the source's one-line
/// summary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PerformanceMetrics {
    /// `loop_avg_ms`.
    pub loop_avg: Option<DurNs>,
    /// `loop_p95_ms`.
    pub loop_p95: Option<DurNs>,
    /// `loop_max_ms`.
    pub loop_max: Option<DurNs>,
    /// `ws_lag_ma`.
    pub ws_lag_ma: Option<DurNs>,
    /// `ws_spike_count`.
    pub ws_spike_count: u64,
    /// `redis_heartbeat_avg_ms`.
    pub redis_heartbeat_avg: Option<DurNs>,
    /// `redis_heartbeat_max_ms`.
    pub redis_heartbeat_max: Option<DurNs>,
    /// `redis_heartbeat_trend`.
    pub redis_heartbeat_trend: Trend,
}

impl fmt::Display for PerformanceMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [avg, p95, max] = [self.loop_avg, self.loop_p95, self.loop_max].map(Shown);
        write!(f, "Loop: avg={avg}, p95={p95}, max={max} | ")?;
        let (ma, spikes) = (Shown(self.ws_lag_ma), self.ws_spike_count);
        write!(f, "WS: ma={ma}, spikes={spikes} | ")?;
        let trend = self.redis_heartbeat_trend.name();
        write!(f, "Redis: avg={}, trend={trend}", Shown(self.redis_heartbeat_avg))
    }
}

/// Milliseconds with their unit, `-` when unknown.
struct Shown(Option<DurNs>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => write!(f, "{:.2}ms", Millis(time)),
            None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const US: u64 = 1_000;

    fn ms(ms: u64) -> DurNs {
        DurNs::from_ms(ms)
    }

    #[test]
    fn the_vector_of_the_source_gives_its_average_p95_and_maximum() {
        let mut profiler = PerformanceProfiler::default();
        for i in 0..100 {
            profiler.engine_loop.record(DurNs((50_000 + 500 * i) * US));
            profiler.lag.record(DurNs((100_000 + 200 * i) * US));
        }
        let metrics = profiler.metrics();
        assert_eq!(metrics.loop_avg, Some(DurNs(74_750 * US)));
        assert_eq!(metrics.loop_p95, Some(ms(97)));
        assert_eq!(metrics.loop_max, Some(DurNs(99_500 * US)));
        assert_eq!((metrics.ws_lag_ma, metrics.ws_spike_count), (Some(DurNs(114_900 * US)), 0));
        let line = "Loop: avg=74.75ms, p95=97.00ms, max=99.50ms | \
                    WS: ma=114.90ms, spikes=0 | Redis: avg=-, trend=insufficient_data";
        assert_eq!(metrics.to_string(), line);
    }

    #[test]
    fn the_stress_vector_of_the_old_system_holds_with_p95_by_nearest_rank() {
        let mut profiler = PerformanceProfiler::default();
        for i in 0..20 {
            profiler.engine_loop.record(ms(50 + 10 * i));
            profiler.lag.record(ms(100 + 5 * i));
            profiler.redis.record(ms(5_000 + 100 * i));
        }
        let metrics = profiler.metrics();
        // 240 in the old system, which took the sample after the one that the rank names.
        assert_eq!((metrics.loop_avg, metrics.loop_p95), (Some(ms(145)), Some(ms(230))));
        assert_eq!(metrics.loop_max, Some(ms(240)));
        assert_eq!((metrics.ws_lag_ma, metrics.ws_spike_count), (Some(DurNs(147_500 * US)), 0));
        assert_eq!(metrics.redis_heartbeat_avg, Some(ms(5_950)));
        assert_eq!(metrics.redis_heartbeat_max, Some(ms(6_900)));
        assert_eq!(metrics.redis_heartbeat_trend, Trend::Increasing);
    }

    #[test]
    fn without_samples_everything_is_unknown_and_nothing_is_zero() {
        let metrics = PerformanceProfiler::default().metrics();
        let times = [metrics.loop_avg, metrics.loop_p95, metrics.loop_max, metrics.ws_lag_ma];
        assert_eq!(times, [None; 4]);
        assert_eq!((metrics.redis_heartbeat_avg, metrics.redis_heartbeat_max), (None, None));
        let line = "Loop: avg=-, p95=-, max=- | WS: ma=-, spikes=0 | \
                    Redis: avg=-, trend=insufficient_data";
        assert_eq!(metrics.to_string(), line);
    }

    #[test]
    fn the_tenth_sample_is_the_first_that_can_be_a_spike() {
        let mut profiler = WebsocketLagProfiler::default();
        for _ in 0..8 {
            assert!(!profiler.record(ms(100)));
        }
        assert!(!profiler.record(ms(900)), "the ninth");
        assert!(profiler.record(ms(900)), "the tenth");
        assert_eq!(profiler.spikes(), 1);
    }

    #[test]
    fn exactly_twice_the_mean_is_a_spike_and_a_nanosecond_less_is_none() {
        let mut steady = WebsocketLagProfiler::default();
        (0..9).for_each(|_| assert!(!steady.record(ms(150))));
        assert!(!steady.clone().record(DurNs(ms(300).0 - 1)));
        assert!(steady.record(ms(300)));
        // The spike is in the baseline of the next: mean 165.
        assert!(!steady.clone().record(DurNs(ms(330).0 - 1)));
        assert!(steady.record(ms(330)));
    }

    #[test]
    fn nothing_at_or_below_the_floor_is_a_spike() {
        let mut profiler = WebsocketLagProfiler::default();
        (0..20).for_each(|_| assert!(!profiler.record(DurNs(0))));
        assert!(!profiler.record(ms(50)));
        assert!(profiler.record(DurNs(ms(50).0 + 1)));
    }

    #[test]
    fn fewer_than_ten_heartbeats_have_no_trend() {
        let mut profiler = RedisLatencyProfiler::default();
        for i in 1..10 {
            profiler.record(ms(100 * i));
            assert_eq!(profiler.trend(), Trend::InsufficientData);
        }
        profiler.record(ms(1_000));
        assert_eq!(profiler.trend(), Trend::Increasing);
    }

    #[test]
    fn a_trend_needs_more_than_ten_per_cent() {
        let trend = |newest: u64| {
            let mut profiler = RedisLatencyProfiler::default();
            (0..45).for_each(|_| profiler.record(DurNs(1_000)));
            (0..5).for_each(|_| profiler.record(DurNs(newest)));
            profiler.trend()
        };
        assert_eq!([trend(1_100), trend(1_101)], [Trend::Stable, Trend::Increasing]);
        assert_eq!([trend(900), trend(899)], [Trend::Stable, Trend::Decreasing]);
    }

    proptest! {
        #[test]
        fn spikes_are_those_of_the_definition_over_all_samples_kept(
            lags in prop::collection::vec(0u64..400, 0..200),
        ) {
            let mut profiler = WebsocketLagProfiler::default();
            for (index, lag) in lags.iter().enumerate() {
                let before = &lags[index.saturating_sub(LAG_WINDOW - 1)..index];
                let doubled = *lag * before.len() as u64 >= 2 * before.iter().sum::<u64>();
                let spike = index >= 9 && *lag > 50 && doubled;
                prop_assert_eq!(profiler.record(ms(*lag)), spike, "sample {}", index);
            }
        }
    }
}
