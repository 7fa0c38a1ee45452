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
use crate::runtime::link::DUE;
use crate::runtime::link::NOTICES;
use crate::runtime::link::REPORTS;
use crate::runtime::link::Rx;
use crate::stats::profiler::PerformanceProfiler;
use crate::telemetry::end::TelemetryEnd;
use crate::telemetry::evidence::Evidence;
use crate::telemetry::evidence::EvidenceFiles;
use crate::telemetry::evidence::Provenance;
use crate::telemetry::evidence::Seen;
use crate::telemetry::gauges::Gauge;
use crate::telemetry::gauges::Loops;
use crate::telemetry::gauges::Readings;
use crate::telemetry::gauges::ms;
use crate::telemetry::heartbeat::Heartbeat;
use crate::telemetry::inbox::Inbox;
use crate::telemetry::limits::SampleLimits;
use crate::telemetry::line::Glyphs;
use crate::telemetry::line::LiveState;
use crate::telemetry::line::MetricsLine;
use crate::telemetry::minute::SECOND;
use crate::telemetry::minute::on_grid_after;
use crate::telemetry::process::Gauges;
use crate::telemetry::process::ProcessGauges;
use crate::telemetry::process::ProcessSource;
use crate::telemetry::sources::Sources;
use crate::telemetry::writer::LogWriter;
use crate::types::report::CycleReport;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// The logger of the lines that the source's loop wrote.
const LOGGER: &str = "live";
/// Most reports taken in one turn, and most notices.
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
    /// What the other threads show.
    pub sources: Sources,
    /// Where evidence goes; `None` writes none (`longrun.enabled: false`).
    pub evidence: Option<EvidenceFiles>,
    /// Its sign of life; `None` leaves the age of it unmeasured.
    pub heartbeat: Option<Heartbeat>,
}

impl Ports {
    /// For the log and the metrics line alone.
    pub fn new(reports: Rx<CycleReport>, log: LogWriter, reopen_log: Arc<AtomicBool>) -> Ports {
        let sources = Sources::default();
        Ports { reports, log, reopen_log, sources, evidence: None, heartbeat: None }
    }
}

/// The telemetry agent.
pub struct Telemetry {
    plan: Plan,
    ports: Ports,
    process: ProcessSource,
    gauges: Option<Gauges>,
    max_rss_bytes: Option<u64>,
    next_sample: Option<MonoNs>,
    next_look: Option<MonoNs>,
    profiler: PerformanceProfiler,
    evidence: Option<Evidence>,
    inbox: Inbox,
    last: Option<CycleReport>,
    loops: Loops,
    cycles: u64,
    reports_lost: u64,
}

impl Telemetry {
    /// Takes the baseline of the process gauges, unless they are switched off or modelled.
    pub fn new(plan: Plan, ports: Ports) -> Telemetry {
        let Ports { mut sources, evidence, reports, log, reopen_log, heartbeat } = ports;
        let real = || {
            let mut gauges = ProcessGauges::new()?;
            gauges.watch(sources.pulses.iter().cloned());
            Some(ProcessSource::Real(Box::new(gauges)))
        };
        let model = sources.model.take();
        let process = match (plan.sampling.every, model) {
            (None, _) => ProcessSource::Off,
            (Some(_), Some(model)) => ProcessSource::Modelled(model),
            (Some(_), None) => real().unwrap_or(ProcessSource::Off),
        };
        let beats = heartbeat.as_ref().map(Heartbeat::kind);
        let provenance = provenance(plan.timeline, &process, beats);
        let evidence = evidence.map(|files| Evidence::new(files, &sources, &provenance));
        Telemetry {
            plan,
            ports: Ports { sources, evidence: None, reports, log, reopen_log, heartbeat },
            process,
            gauges: None,
            max_rss_bytes: None,
            next_sample: None,
            next_look: None,
            profiler: PerformanceProfiler::default(),
            evidence,
            inbox: Inbox::default(),
            last: None,
            loops: Loops::default(),
            cycles: 0,
            reports_lost: 0,
        }
    }
    /// Takes what is left, leaves the checkpoint on exit, writes the `[PERF]` line and everything
    /// that waits in the log. Every other thread has ended.
    pub fn finish(&mut self, now: Now) -> TelemetryEnd {
        // The links are bounded and their writers have stopped.
        for _ in 0..=(REPORTS.depth + DUE.depth) / BATCH {
            self.take_reports(now);
        }
        for _ in 0..=NOTICES.depth / BATCH {
            self.take_notices();
        }
        self.sample(now.mono);
        self.look(now);
        self.witness(now, Evidence::on_exit);
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
            checkpoints: self.evidence.as_ref().map(Evidence::written),
        }
    }

    fn take_reports(&mut self, now: Now) -> bool {
        let mut worked = false;
        for _ in 0..BATCH {
            let Some(report) =
                self.inbox.next(&self.ports.reports, self.ports.sources.due.as_ref())
            else {
                break;
            };
            // Each report of a checkpoint comes twice.
            if self.last.is_none_or(|last| last.cycle < report.cycle) {
                self.on_report(&report, now);
            }
            worked = true;
        }
        worked
    }
    fn on_report(&mut self, report: &CycleReport, now: Now) {
        if self.cycles == 0 {
            self.introduce(report.at.wall);
        }
        // Cycles are numbered from 1 without gaps, so a gap is what the link dropped.
        let before = self.last.map_or(0, |last| last.cycle);
        self.reports_lost += report.cycle.saturating_sub(before).saturating_sub(1);
        self.cycles += 1;
        self.last = Some(*report);
        self.loops.on_report(report);
        if let Some(latency) = report.loop_latency {
            self.profiler.engine_loop.record(latency);
        }
        let loop_p95 = self.profiler.engine_loop.p95();
        if let Some(p95) = loop_p95 {
            self.ports.sources.process.loop_p95.put(saturated(p95.0), report.at.mono);
        }
        self.sample(report.at.mono);
        let line = MetricsLine {
            report,
            loop_p95,
            gauges: self.gauges,
            live: &self.plan.live,
            glyphs: self.plan.glyphs,
        };
        self.ports.log.say(report.at.wall, Level::Info, (LOGGER, &line));
        self.witness(now, Evidence::on_cycle);
    }

    fn take_notices(&mut self) -> bool {
        let mut worked = false;
        for _ in 0..BATCH {
            let Some(notice) = self.ports.sources.notices.as_ref().and_then(Rx::take) else {
                break;
            };
            let cycles = self.last.map_or(0, |last| last.cycle);
            if let Some((level, line)) = notice.kind.line() {
                self.say(notice.at.wall, level, &line);
            }
            if let Some(evidence) = &mut self.evidence {
                evidence.on_notice(&notice, cycles);
            }
            self.tell(notice.at.wall);
            worked = true;
        }
        worked
    }
    /// The sign of life of each second.
    fn beat(&mut self, now: Now) -> bool {
        let Some(heartbeat) = &mut self.ports.heartbeat else { return false };
        let worked = heartbeat.turn(now);
        if let Some(sample) = heartbeat.take_sample() {
            self.profiler.redis.record(sample);
        }
        if let Some(change) = heartbeat.take_change() {
            self.say(now.wall, Level::Warn, &change);
        }
        worked
    }
    /// The look of each second: the lag into its profiler, all gauges into the evidence.
    fn look(&mut self, now: Now) {
        if let Some(lag) = self.ports.sources.ws_lag(now.mono) {
            self.profiler.lag.record(lag);
        }
        self.witness(now, Evidence::tick);
    }
    /// Shows the evidence what there is to see, and says what it has to say.
    fn witness(&mut self, now: Now, what: fn(&mut Evidence, &Seen<'_>, &Sources)) {
        let readings = self.readings(now.mono);
        let lost = self.ports.log.losses();
        let losses = [
            ("reports_lost", self.reports_lost),
            ("log_lost_queue", lost.queue),
            ("log_lost_console", lost.console),
            ("log_lost_file", lost.file),
            ("cycles_missed", self.last.map_or(0, |last| last.missed_cycles)),
        ];
        let report = self.last.as_ref();
        let seen = Seen { at: now, report, readings: &readings, losses: &losses };
        if let Some(evidence) = &mut self.evidence {
            what(evidence, &seen, &self.ports.sources);
        }
        self.tell(now.wall);
    }
    fn tell(&mut self, at: WallNs) {
        let news = self.evidence.as_mut().map(Evidence::take_news).unwrap_or_default();
        for (level, text) in news {
            self.say(at, level, &text);
        }
    }
    /// All gauges as they are now.
    fn readings(&self, now: MonoNs) -> Readings {
        let p95 = self.profiler.engine_loop.p95();
        let mut readings = Readings::of_process(self.gauges.as_ref());
        readings.set(Gauge::WsLag, self.ports.sources.ws_lag(now).map(ms));
        readings.set(Gauge::RedisAge, self.ports.sources.heartbeat_age(now).map(ms));
        readings.set(Gauge::LoopLatency, self.loops.latency(now).map(ms));
        readings.set(Gauge::LoopP95, p95.filter(|_| self.loops.is_reported(now)).map(ms));
        readings
    }

    /// What stands before the first cycle.
    fn introduce(&mut self, at: WallNs) {
        for line in self.plan.live.banner(self.plan.glyphs) {
            self.say(at, Level::Warn, &line);
        }
        if self.plan.timeline == Timeline::Virtual && !self.process.is_modelled() {
            let note = "cycles carry virtual time; cpu and mem are those of the real process";
            self.say(at, Level::Info, &note);
        }
    }

    fn say(&mut self, at: WallNs, level: Level, text: &dyn fmt::Display) {
        self.ports.log.say(at, level, (LOGGER, text));
    }

    /// Reads the process gauges and shows them; the next reading is due an interval later.
    fn sample(&mut self, at: MonoNs) {
        let Some(every) = self.plan.sampling.every.filter(|_| !self.process.is_off()) else {
            return;
        };
        self.gauges = self.process.sample(at);
        self.max_rss_bytes = self.max_rss_bytes.max(self.gauges.map(|gauges| gauges.rss_bytes));
        self.next_sample = Some(at.plus(every.max(DurNs(1))));
        if let Some(gauges) = &self.gauges {
            gauges.show(&self.ports.sources.process, at);
        }
    }
    /// True if the look of a second is due; none is without feeds and evidence.
    fn is_look_due(&mut self, now: MonoNs) -> bool {
        if self.evidence.is_none() && self.ports.sources.feeds.is_empty() {
            return false;
        }
        let due = *self.next_look.get_or_insert(now);
        if now < due {
            return false;
        }
        self.next_look = Some(on_grid_after(due, now, SECOND));
        true
    }
}

/// What the gauges of a run mean: in virtual time feeds and heartbeat are a model's; loop and
/// process are real.
fn provenance(
    timeline: Timeline,
    process: &ProcessSource,
    heartbeat: Option<&'static str>,
) -> Provenance {
    let is_virtual = timeline == Timeline::Virtual;
    let of_feeds = [Gauge::WsLag, Gauge::RedisAge].into_iter().filter(|_| is_virtual);
    let of_process = Gauge::OF_PROCESS.into_iter().filter(|_| process.is_modelled());
    Provenance { is_virtual, modelled: of_process.chain(of_feeds).collect(), heartbeat }
}

fn saturated(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Agent for Telemetry {
    fn name(&self) -> &'static str {
        "telemetry"
    }

    fn turn(&mut self, now: Now) -> Turn {
        if self.ports.reopen_log.swap(false, Ordering::Relaxed) {
            self.ports.log.reopen(now.wall);
        }
        self.loops.begin(now.mono);
        let mut worked = self.ports.log.pump();
        worked |= self.take_notices();
        worked |= self.take_reports(now);
        worked |= self.beat(now);
        let looks = self.is_look_due(now.mono);
        if looks || !self.process.is_off() && self.next_sample.is_none_or(|next| now.mono >= next) {
            self.sample(now.mono);
            worked = true;
        }
        if looks {
            self.look(now);
        }
        if worked { Turn::Worked } else { Turn::Idle }
    }

    /// The next sample or look. Reports, notices and log lines are input: whoever waits looks at
    /// its links.
    fn due(&self) -> Option<MonoNs> {
        let beat = self.ports.heartbeat.as_ref().and_then(Heartbeat::due);
        self.next_sample.into_iter().chain(self.next_look).chain(beat).min()
    }

    fn stop(&mut self, _now: Now) {
        if let Some(heartbeat) = &mut self.ports.heartbeat {
            heartbeat.stop();
        }
    }
}
