//! What does an exact P95 over the last 100 samples cost, one record and one query? In ns.
//!
//! The sorted window against copying the ring and selecting, copying and sorting, and a histogram
//! of three digits; then a record alone into the histogram that crosses threads and into one of
//! two digits that does not; the full set of profilers (3 records, all 8 metrics) and the metrics
//! line. `cargo bench --bench p95_cost_ns`; goals of `PERFORMANCE.md` 9 and 10: at most 60 ns and a
//! quarter of copy and select; the full set at most 150 ns.

#![allow(missing_docs, reason = "a program, not an interface")]

use std::cell::Cell;
use std::fmt::Write;
use std::hint::black_box;

use arb::stats::profiler::PerformanceProfiler;
use arb::stats::shared::SharedHistogram;
use arb::stats::window::SortedWindow;
use arb::telemetry::line::Glyphs;
use arb::telemetry::line::LiveState;
use arb::telemetry::line::MetricsLine;
use arb::telemetry::process::Gauges;
use arb::types::report::CycleReport;
use arb::types::rng::SplitMix64;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Krw;
use common::Contender;
use common::compare;
use hdrhistogram::Histogram;

mod common;

const WINDOW: usize = 100;
/// Index of the nearest-rank P95 of a full window.
const P95: usize = (WINDOW * 95).div_ceil(100) - 1;
/// Samples prepared beforehand, so that no contender pays for drawing them.
const SAMPLES: usize = 1 << 14;

/// The last samples as a plain ring: what the other ways start from.
struct Ring {
    slots: [u64; WINDOW],
    next: usize,
}

impl Ring {
    fn push(&mut self, sample: u64) {
        self.slots[self.next] = sample;
        self.next = (self.next + 1) % WINDOW;
    }
}

/// The same samples for everybody, each from the start.
struct Source<'a> {
    samples: &'a [DurNs],
    at: Cell<usize>,
}

impl Source<'_> {
    fn next(&self) -> DurNs {
        let at = self.at.get();
        self.at.set((at + 1) % SAMPLES);
        self.samples[at]
    }
}

fn main() {
    let mut rng = SplitMix64::new(7, 0);
    // Loop latencies: tens of microseconds, now and then a hundred times that.
    let samples: Vec<DurNs> = (0..SAMPLES)
        .map(|_| {
            let usual = 20_000 + rng.below(30_000);
            DurNs(if rng.below(50) == 0 { usual * 100 } else { usual })
        })
        .collect();
    let source = || Source { samples: &samples, at: Cell::new(0) };
    compare(
        "record and exact P95, window 100; first: copy and select",
        &mut [copy_and_select(source()), sorted_window(source()), copy_and_sort(source())],
    );
    let (Some(histogram), Some(two_digits)) = (histogram(source()), two_digits(source())) else {
        eprintln!("p95_cost_ns: no histogram; correct its bounds");
        std::process::exit(1);
    };
    // A histogram forgets nothing: its P95 is that of the run, to three digits.
    compare("record and P95 of the run", &mut [sorted_window(source()), histogram]);
    compare("record into a histogram", &mut [two_digits, shared_histogram(source())]);
    compare("all profilers; the metrics line", &mut [full_set(source()), line(source())]);
}

fn copy_and_select(source: Source<'_>) -> Contender<'_> {
    let mut ring = Ring { slots: [0; WINDOW], next: 0 };
    let work = move || {
        ring.push(source.next().0);
        let mut copy = ring.slots;
        black_box(*copy.select_nth_unstable(P95).1);
    };
    Contender { name: "copy, select_nth", work: Box::new(work) }
}

fn copy_and_sort(source: Source<'_>) -> Contender<'_> {
    let mut ring = Ring { slots: [0; WINDOW], next: 0 };
    let work = move || {
        ring.push(source.next().0);
        let mut copy = ring.slots;
        copy.sort_unstable();
        black_box(copy[P95]);
    };
    Contender { name: "copy, sort", work: Box::new(work) }
}

fn sorted_window(source: Source<'_>) -> Contender<'_> {
    let mut window = SortedWindow::<WINDOW>::new();
    let work = move || {
        window.record(source.next());
        black_box(window.quantile(95));
    };
    Contender { name: "sorted window", work: Box::new(work) }
}

fn histogram(source: Source<'_>) -> Option<Contender<'_>> {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 100_000_000_000, 3).ok()?;
    let work = move || {
        histogram.saturating_record(source.next().0);
        black_box(histogram.value_at_quantile(0.95));
    };
    Some(Contender { name: "hdrhistogram", work: Box::new(work) })
}

fn two_digits(source: Source<'_>) -> Option<Contender<'_>> {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 100_000_000_000, 2).ok()?;
    let work = move || histogram.saturating_record(black_box(source.next().0));
    Some(Contender { name: "hdrhistogram", work: Box::new(work) })
}

fn shared_histogram(source: Source<'_>) -> Contender<'_> {
    let histogram = SharedHistogram::new();
    let work = move || histogram.record(black_box(source.next().0));
    Contender { name: "shared histogram", work: Box::new(work) }
}

fn full_set(source: Source<'_>) -> Contender<'_> {
    let mut profiler = PerformanceProfiler::default();
    let work = move || {
        let sample = source.next();
        profiler.engine_loop.record(sample);
        profiler.lag.record(sample);
        profiler.redis.record(sample);
        black_box(profiler.metrics());
    };
    Contender { name: "3 records, 8 metrics", work: Box::new(work) }
}

fn line(source: Source<'_>) -> Contender<'_> {
    let live = LiveState::Blocked(Vec::new());
    let gauges = Gauges {
        cpu_pct: 12.34,
        busy_pct: 12.34,
        rss_bytes: 11 << 20,
        open_files: None,
        open_files_limit: None,
        threads: None,
    };
    let mut report = report();
    let mut text = String::new();
    let work = move || {
        report.loop_latency = Some(source.next());
        let loop_p95 = report.loop_latency;
        let line = MetricsLine {
            report: &report,
            loop_p95,
            gauges: Some(gauges),
            live: &live,
            glyphs: Glyphs::Symbols,
        };
        text.clear();
        // Writing to a String cannot fail.
        let _ = write!(text, "{line}");
        black_box(&text);
    };
    Contender { name: "metrics line", work: Box::new(work) }
}

fn report() -> CycleReport {
    CycleReport {
        cycle: 1_440,
        at: Now::default(),
        due_at: MonoNs(0),
        missed_cycles: 0,
        loop_latency: None,
        pnl: Krw::from_raw(1_234_567_000_000_000),
        realized: Krw::from_raw(1_034_567_000_000_000),
        exposure: Krw::from_raw(20_000_000_000_000),
        open_pairs: 2,
        fills: 1_234,
        signals: 456,
        entered: 400,
        safety_rejections: 56,
        stop_losses: 7,
        rejects: 3,
        contradictions: 0,
    }
}
