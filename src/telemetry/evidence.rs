//! The evidence of a run as it is written: checkpoints, minutes, events (`LongRunTester` and its
//! files). A disk that refuses is told once; then each next line or checkpoint tries again.

use std::collections::BTreeMap;
use std::io;

use log::Level;

use crate::telemetry::append::LineFiles;
use crate::telemetry::append::Lines;
use crate::telemetry::events::EventWriter;
use crate::telemetry::gauges::Gauge;
use crate::telemetry::gauges::Readings;
use crate::telemetry::intervals::Intervals;
use crate::telemetry::limits::LongRunLimits;
use crate::telemetry::longrun::LongRunTester;
use crate::telemetry::longrun::Marks;
use crate::telemetry::longrun::Step;
use crate::telemetry::minute::Closed;
use crate::telemetry::minute::MinuteBook;
use crate::telemetry::snapshot;
use crate::telemetry::snapshot::Moment;
use crate::telemetry::sources::Sources;
use crate::telemetry::store::Refuse;
use crate::telemetry::store::SnapshotStore;
use crate::types::calendar::Utc;
use crate::types::evidence::Event;
use crate::types::evidence::Minute;
use crate::types::evidence::SCHEMA_VERSION;
use crate::types::evidence::Stamp;
use crate::types::evidence::Term;
use crate::types::notice::Notice;
use crate::types::notice::NoticeKind;
use crate::types::report::Checkpoints;
use crate::types::report::CycleReport;
use crate::types::time::DurNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// The folder of a run's evidence, opened and writable.
#[derive(Debug)]
pub struct EvidenceFiles {
    limits: LongRunLimits,
    snapshots: SnapshotStore,
    series: LineFiles,
    events: LineFiles,
}

impl EvidenceFiles {
    /// Makes the folder if it is missing; a run that cannot leave evidence must not begin.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(limits: LongRunLimits, refuse: Refuse) -> io::Result<EvidenceFiles> {
        Ok(EvidenceFiles {
            snapshots: SnapshotStore::open(&limits, refuse.clone())?,
            series: LineFiles::open(Lines::Series, &limits, refuse.clone())?,
            events: LineFiles::open(Lines::Events, &limits, refuse)?,
            limits,
        })
    }
}

/// What the gauges of a run mean.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// Times are virtual.
    pub is_virtual: bool,
    /// Gauges that a model gives.
    pub modelled: Vec<Gauge>,
    /// What the heartbeat goes through.
    pub heartbeat: Option<&'static str>,
}

/// What telemetry saw at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'s> {
    /// When.
    pub at: Now,
    /// The newest report.
    pub report: Option<&'s CycleReport>,
    /// The gauges.
    pub readings: &'s Readings,
    /// Counts that telemetry keeps by itself: name and count.
    pub losses: &'s [(&'static str, u64)],
}

/// The evidence of one run.
pub struct Evidence {
    files: EvidenceFiles,
    modelled: Vec<String>,
    heartbeat: Option<&'static str>,
    is_virtual: bool,
    tester: LongRunTester,
    /// `None` before the first look.
    minutes: Option<MinuteBook>,
    minutes_written: u64,
    events: EventWriter,
    /// Of the snapshots and of the minutes.
    intervals: Option<[Intervals; 2]>,
    /// Longest gap of each thread since the last snapshot.
    longest: Vec<DurNs>,
    /// Signal behind the watchdog's present state.
    cause: Option<String>,
    troubles: Troubles,
    news: Vec<(Level, String)>,
}

/// How each kind of file fares.
#[derive(Clone, Copy, Debug, Default)]
struct Troubles {
    snapshots: Trouble,
    series: Trouble,
    events: Trouble,
}

/// How a kind of file fares.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    is_on: bool,
    /// Files or lines that were not written.
    lost: u64,
}

impl Evidence {
    /// Evidence of a run that begins.
    pub fn new(files: EvidenceFiles, sources: &Sources, provenance: &Provenance) -> Evidence {
        let LongRunLimits { interval_loops, bands, identity, .. } = &files.limits;
        let intervals = |latencies| [Intervals::new(latencies), Intervals::new(latencies)];
        let names = provenance.modelled.iter().map(|gauge| gauge.name().to_owned());
        Evidence {
            tester: LongRunTester::new(Checkpoints { every: *interval_loops }, *bands),
            events: EventWriter::new(&identity.run_id),
            modelled: names.collect(),
            is_virtual: provenance.is_virtual,
            heartbeat: provenance.heartbeat,
            files,
            minutes: None,
            minutes_written: 0,
            intervals: sources.latencies.as_ref().map(intervals),
            longest: vec![DurNs(0); sources.pulses.len()],
            cause: None,
            troubles: Troubles::default(),
            news: Vec::new(),
        }
    }
    /// The sample of a second, and the line of a minute that is over.
    pub fn tick(&mut self, seen: &Seen<'_>, sources: &Sources) {
        self.tester.look(seen.readings);
        let minutes = self.minutes.get_or_insert_with(|| MinuteBook::new(seen.at.mono));
        // The second on which a minute ends belongs to it.
        minutes.sample(seen.readings);
        minutes.saw(sources.dog.condition());
        let closed = minutes.close(seen.at);
        if let Some(closed) = closed {
            self.write_minute(closed, seen, sources);
        }
    }
    /// A cycle has closed.
    pub fn on_cycle(&mut self, seen: &Seen<'_>, sources: &Sources) {
        let Some(report) = seen.report else { return };
        let refused = sources.engine.refusals.get();
        if let Some(event) = self.events.on_refusals(report.at, report.cycle, &refused) {
            self.write_event(report.at.wall, &event);
        }
        if self.tester.on_cycle(report.cycle, report.at.mono, seen.readings) == Step::Take {
            self.checkpoint(report.at, seen, sources, false);
        }
    }
    /// News: an event, and the cause of a state.
    pub fn on_notice(&mut self, notice: &Notice, cycles: u64) {
        if let NoticeKind::Transition { to, cause, reason, .. } = &notice.kind {
            let told = cause.map_or_else(|| (*reason).to_owned(), |cause| cause.to_string());
            self.cause = Some(told);
            if let Some(minutes) = &mut self.minutes {
                minutes.saw(to);
            }
        }
        if let Some(event) = self.events.on_notice(notice, cycles) {
            self.write_event(notice.at.wall, &event);
        }
    }
    /// The checkpoint on exit: every other thread has ended.
    pub fn on_exit(&mut self, seen: &Seen<'_>, sources: &Sources) {
        let shown = sources.engine.read().map_or(0, |figures| figures.cycles);
        let reported = seen.report.map_or(0, |report| report.cycle);
        self.tester.on_exit(shown.max(reported));
        self.checkpoint(seen.at, seen, sources, true);
    }
    /// Checkpoints on disk so far.
    pub fn written(&self) -> u64 {
        self.tester.written()
    }
    /// Lines for the log, since the last call.
    pub fn take_news(&mut self) -> Vec<(Level, String)> {
        std::mem::take(&mut self.news)
    }

    fn checkpoint(&mut self, at: Now, seen: &Seen<'_>, sources: &Sources, is_final: bool) {
        for (longest, pulse) in self.longest.iter_mut().zip(&sources.pulses) {
            *longest = pulse.take_longest_gap().max(*longest);
        }
        let mut marks = marks(sources);
        if let Some([intervals, _]) = &mut self.intervals {
            intervals.update();
            marks.longest_batch = intervals.longest_batch();
        }
        let checkpoint = self.tester.checkpoint(&marks);
        let cycles = seen.report.map_or(0, |report| report.cycle);
        let Seen { report, readings, .. } = *seen;
        let bands = &self.files.limits.bands;
        let moment = Moment { at, report, cycles, readings, bands };
        let mut snapshot =
            snapshot::fill(&moment, self.stamp(self.tester.written() + 1, at), checkpoint);
        snapshot::add_watchdog(&mut snapshot, &sources.dog, self.cause.clone());
        snapshot.is_final = is_final.then_some(true);
        snapshot.modelled.clone_from(&self.modelled);
        snapshot.event_logging = Some(self.files.limits.event_logging);
        snapshot.heartbeat = self.heartbeat.map(str::to_owned);
        snapshot.intervals =
            self.intervals.as_ref().map(|both| both[0].figures()).unwrap_or_default();
        snapshot.feeds = sources.feed_figures();
        snapshot.threads = sources.thread_figures(seen.at.mono, &self.longest);
        snapshot.counters = self.counters(seen, sources);
        snapshot.conservation = sources.conservation(is_final);
        snapshot.conservation.extend(self.tester.terms());
        let kept =
            snapshot::text(&snapshot).and_then(|text| self.files.snapshots.keep(at.wall, &text));
        self.on_kept(kept, &marks, (cycles, checkpoint.is_stable));
    }
    fn on_kept(&mut self, kept: io::Result<()>, marks: &Marks, (cycles, stable): (u64, bool)) {
        if kept.is_ok() {
            self.tester.on_written(marks);
            self.longest.fill(DurNs(0));
            if let Some([intervals, _]) = &mut self.intervals {
                intervals.clear();
            }
            let stable = if stable { "True" } else { "False" };
            let text = format!("[LONGRUN] Checkpoint saved (loop={cycles}, stable={stable})");
            self.news.push((Level::Info, text));
        } else {
            self.tester.on_failed();
        }
        let news = self.troubles.snapshots.news("snapshots", &kept);
        self.news.extend(news);
    }
    fn write_minute(&mut self, closed: Closed, seen: &Seen<'_>, sources: &Sources) {
        if let Some([_, intervals]) = &mut self.intervals {
            intervals.update();
        }
        let Closed { at, gauges, worst } = closed;
        let minute = Minute {
            timestamp: Some(Utc::of(at.wall).iso().to_string()),
            loop_count: Some(seen.report.map_or(0, |report| report.cycle)),
            schema_version: Some(SCHEMA_VERSION),
            stamp: self.stamp(self.minutes_written + 1, at),
            gauges,
            modelled: self.modelled.clone(),
            intervals: self
                .intervals
                .as_ref()
                .map(|both| both[1].lean_figures())
                .unwrap_or_default(),
            counters: self.counters(seen, sources),
            watchdog: Some(snapshot::watchdog(worst, &sources.dog, self.cause.clone())),
        };
        let text = serde_json::to_string(&minute).map_err(io::Error::from);
        let written = text.and_then(|text| self.files.series.append(at.wall, &text));
        self.minutes_written += u64::from(written.is_ok());
        if let (Some([_, intervals]), Ok(())) = (&mut self.intervals, &written) {
            intervals.clear();
        }
        let news = self.troubles.series.news("series", &written);
        self.news.extend(news);
        self.news.extend(taken("series", &mut self.files.series));
    }
    fn write_event(&mut self, wall: WallNs, event: &Event) {
        if !self.files.limits.event_logging {
            return;
        }
        let text = serde_json::to_string(event).map_err(io::Error::from);
        let written = text.and_then(|text| self.files.events.append(wall, &text));
        let news = self.troubles.events.news("events", &written);
        self.news.extend(news);
        self.news.extend(taken("events", &mut self.files.events));
    }
    fn stamp(&self, seq: u64, at: Now) -> Stamp {
        let identity = &self.files.limits.identity;
        Stamp {
            seq: Some(seq),
            run_id: Some(identity.run_id.clone()),
            config_sha256: Some(identity.config_sha256.clone()),
            mono_ns: Some(at.mono.0),
            mode: Some(identity.mode.clone()),
            is_virtual: Some(self.is_virtual),
        }
    }
    fn counters(&self, seen: &Seen<'_>, sources: &Sources) -> BTreeMap<String, u64> {
        let own = [
            ("snapshots_failed", self.tester.failed()),
            ("snapshots_sacrificed", self.files.snapshots.sacrificed()),
            ("minutes_removed", self.files.series.removed()),
            ("events_removed", self.files.events.removed()),
            ("events_dropped", self.events.dropped()),
            ("minutes_lost", self.troubles.series.lost),
            ("events_lost", self.troubles.events.lost),
        ];
        let mut counters = sources.counters();
        let named = own.iter().chain(seen.losses);
        counters.extend(named.map(|(name, count)| ((*name).to_owned(), *count)));
        counters
    }
}

impl Trouble {
    /// A word at the beginning of an episode and at its end.
    fn news(&mut self, what: &str, written: &io::Result<()>) -> Option<(Level, String)> {
        self.lost += u64::from(written.is_err());
        let was_on = std::mem::replace(&mut self.is_on, written.is_err());
        match written {
            Err(error) if !was_on => {
                let text = format!(
                    "[LONGRUN] cannot write {what}: {error}: free some space or make the folder \
                     writable; trading goes on, and each next one tries again"
                );
                Some((Level::Warn, text))
            }
            Ok(()) if was_on => {
                let text =
                    format!("[LONGRUN] {what} can be written again; lost so far: {}", self.lost);
                Some((Level::Info, text))
            }
            _ => None,
        }
    }
}

/// A word on a file that somebody took away.
fn taken(what: &str, files: &mut LineFiles) -> Option<(Level, String)> {
    let text = format!(
        "[LONGRUN] the file of the {what} was moved away or removed: a new one begins; leave the \
         folder of a run alone while it lasts"
    );
    files.take_taken().then_some((Level::Warn, text))
}

/// What the other threads say now.
fn marks(sources: &Sources) -> Marks {
    let count = |of: &std::sync::atomic::AtomicU64| of.load(std::sync::atomic::Ordering::Relaxed);
    Marks {
        error_ticks: count(&sources.dog.error_ticks),
        alerts: count(&sources.dog.alerts),
        state: sources.dog.condition(),
        invariant_faults: sources.term(Term::InvariantFaults),
        longest_batch: None,
    }
}
