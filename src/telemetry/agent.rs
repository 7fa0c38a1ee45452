//! The telemetry agent: cycle reports in, metrics lines out, and the log of everybody on its way.
//!
//! It may wait for a disk or a socket; its links drop and count when it lags, and its own silence
//! is seen by the watchdog. Lines of its own carry the time that it is told, virtual in a virtual
//! run; process gauges are real in every run.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use log::Level;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::REPORTS;
use crate::runtime::link::Rx;
use crate::stats::profiler::PerformanceMetrics;
use crate::stats::profiler::PerformanceProfiler;
use crate::telemetry::limits::SampleLimits;
use crate::telemetry::line::Glyphs;
use crate::telemetry::line::LiveState;
use crate::telemetry::line::MetricsLine;
use crate::telemetry::process::Gauges;
use crate::telemetry::process::ProcessGauges;
use crate::telemetry::writer::LogWriter;
use crate::telemetry::writer::Losses;
use crate::types::report::CycleReport;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// The logger of the lines that the source's loop wrote.
const LOGGER: &str = "live";
/// Most reports taken in one turn.
const BATCH: usize = 64;

/// Whose time the run goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeline {
    /// The machine's.
    Real,
    /// A virtual clock's: lines say so once, since gauges of the process stay real.
    Virtual,
}

/// What telemetry is told at the start.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the process is looked at.
    pub sampling: SampleLimits,
    /// Which signs lines may hold.
    pub glyphs: Glyphs,
    /// Whether orders are real.
    pub live: LiveState,
    /// Whose time.
    pub timeline: Timeline,
}

/// What telemetry holds of the outside.
pub struct Ports {
    /// Cycle reports of the engine.
    pub reports: Rx<CycleReport>,
    /// The log.
    pub log: LogWriter,
    /// Set by whoever wants the log file opened anew (SIGHUP).
    pub reopen_log: Arc<AtomicBool>,
}

/// The telemetry agent.
pub struct Telemetry {
    plan: Plan,
    ports: Ports,
    process: Option<ProcessGauges>,
    gauges: Option<Gauges>,
    max_rss_bytes: Option<u64>,
    next_sample: Option<MonoNs>,
    profiler: PerformanceProfiler,
    last: Option<CycleReport>,
    cycles: u64,
    reports_lost: u64,
}

/// What telemetry knows when a run has ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TelemetryEnd {
    /// Cycles that were reported and seen.
    pub cycles: u64,
    /// Reports lost between two that were seen.
    pub reports_lost: u64,
    /// The newest report.
    pub last: Option<CycleReport>,
    /// The profilers.
    pub performance: PerformanceMetrics,
    /// The newest reading of the process, real also in a virtual run.
    pub gauges: Option<Gauges>,
    /// Largest resident memory at any reading, bytes.
    pub max_rss_bytes: Option<u64>,
    /// Log lines that did not arrive.
    pub log_losses: Losses,
}

impl Telemetry {
    /// Takes the baseline of the process gauges, unless they are switched off.
    pub fn new(plan: Plan, ports: Ports) -> Telemetry {
        let process = plan.sampling.every.and_then(|_| ProcessGauges::new());
        Telemetry {
            plan,
            ports,
            process,
            gauges: None,
            max_rss_bytes: None,
            next_sample: None,
            profiler: PerformanceProfiler::default(),
            last: None,
            cycles: 0,
            reports_lost: 0,
        }
    }
    /// Takes what is left, writes the `[PERF]` line and everything that waits in the log.
    pub fn finish(&mut self, now: Now) -> TelemetryEnd {
        // The link is bounded and its writer has stopped.
        for _ in 0..=REPORTS.depth / BATCH {
            self.take_reports();
        }
        self.sample(now.mono);
        self.ports.log.flush();
        let performance = self.profiler.metrics();
        self.say(now.wall, Level::Info, &format_args!("[PERF] {performance}"));
        TelemetryEnd {
            cycles: self.cycles,
            reports_lost: self.reports_lost,
            last: self.last,
            performance,
            gauges: self.gauges,
            max_rss_bytes: self.max_rss_bytes,
            log_losses: self.ports.log.losses(),
        }
    }

    fn take_reports(&mut self) -> bool {
        let mut worked = false;
        for _ in 0..BATCH {
            let Some(report) = self.ports.reports.take() else { break };
            self.on_report(&report);
            worked = true;
        }
        worked
    }

    fn on_report(&mut self, report: &CycleReport) {
        if self.cycles == 0 {
            self.introduce(report.at.wall);
        }
        // Cycles are numbered from 1 without gaps, so a gap is what the link dropped.
        let before = self.last.map_or(0, |last| last.cycle);
        self.reports_lost += report.cycle.saturating_sub(before).saturating_sub(1);
        self.cycles += 1;
        self.last = Some(*report);
        if let Some(latency) = report.loop_latency {
            self.profiler.engine_loop.record(latency);
        }
        self.sample(report.at.mono);
        let line = MetricsLine {
            report,
            loop_p95: self.profiler.engine_loop.p95(),
            gauges: self.gauges,
            live: &self.plan.live,
            glyphs: self.plan.glyphs,
        };
        self.ports.log.say(report.at.wall, Level::Info, (LOGGER, &line));
    }

    /// What stands before the first cycle.
    fn introduce(&mut self, at: WallNs) {
        for line in self.plan.live.banner(self.plan.glyphs) {
            self.say(at, Level::Warn, &line);
        }
        if self.plan.timeline == Timeline::Virtual {
            let note = "cycles carry virtual time; cpu and mem are those of the real process";
            self.say(at, Level::Info, &note);
        }
    }

    fn say(&mut self, at: WallNs, level: Level, text: &dyn fmt::Display) {
        self.ports.log.say(at, level, (LOGGER, text));
    }

    /// Reads the process gauges; the next reading is due an interval later.
    fn sample(&mut self, at: MonoNs) {
        let Some(process) = &mut self.process else { return };
        self.gauges = process.sample();
        self.max_rss_bytes = self.max_rss_bytes.max(self.gauges.map(|gauges| gauges.rss_bytes));
        self.next_sample = self.plan.sampling.every.map(|every| at.plus(every.max(DurNs(1))));
    }
}

impl Agent for Telemetry {
    fn name(&self) -> &'static str {
        "telemetry"
    }

    fn turn(&mut self, now: Now) -> Turn {
        if self.ports.reopen_log.swap(false, Ordering::Relaxed) {
            self.ports.log.reopen(now.wall);
        }
        let logged = self.ports.log.pump();
        let reported = self.take_reports();
        let due = self.process.is_some() && self.next_sample.is_none_or(|next| now.mono >= next);
        if due {
            self.sample(now.mono);
        }
        if logged || reported || due { Turn::Worked } else { Turn::Idle }
    }

    /// The next sample. Reports and log lines are input: whoever waits looks at its links.
    fn due(&self) -> Option<MonoNs> {
        self.next_sample
    }
}
