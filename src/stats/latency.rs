//! Lossless latency distribution of a run (`hdrhistogram`, three significant digits, to 100 s).

use hdrhistogram::Histogram;

/// Longest latency that is told apart, ns: 100 s. A longer one counts as this.
const LONGEST_NS: u64 = 100_000_000_000;

/// Latencies in nanoseconds. About 200 KB, allocated at once; recording allocates nothing.
#[derive(Clone, Debug)]
pub struct LatencyHistogram {
    inner: Option<Histogram<u64>>,
}

/// What a histogram says; all in ns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LatencySummary {
    /// Number of samples.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest.
    pub max: u64,
}

impl LatencyHistogram {
    /// Without samples.
    pub fn new() -> LatencyHistogram {
        LatencyHistogram { inner: Histogram::new_with_bounds(1, LONGEST_NS, 3).ok() }
    }
    /// Adds a sample. A few nanoseconds, no heap.
    pub fn record(&mut self, latency_ns: u64) {
        if let Some(inner) = &mut self.inner {
            inner.saturating_record(latency_ns);
        }
    }
    /// The summary; `None` without samples.
    pub fn summary(&self) -> Option<LatencySummary> {
        let inner = self.inner.as_ref().filter(|inner| !inner.is_empty())?;
        Some(LatencySummary {
            count: inner.len(),
            p50: inner.value_at_quantile(0.5),
            p99: inner.value_at_quantile(0.99),
            p999: inner.value_at_quantile(0.999),
            max: inner.max(),
        })
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        LatencyHistogram::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_keeps_three_digits_and_nothing_is_lost() {
        let mut histogram = LatencyHistogram::new();
        (1..=1_000).for_each(|ns| histogram.record(ns));
        let summary = histogram.summary().expect("samples");
        assert_eq!((summary.count, summary.p50, summary.max), (1_000, 500, 1_000));
        assert_eq!(LatencyHistogram::new().summary(), None);
    }
}
