//! Where each gauge is read: pulses, boards, flags. Atomics only.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::runtime::idle::LONGEST_NAP;
use crate::runtime::pulse::PulseView;
use crate::runtime::pulse::State;
use crate::types::board::Cell;
use crate::types::board::EngineBoard;
use crate::types::board::EngineFigures;
use crate::types::board::FeedBoard;
use crate::types::board::ProcessBoard;
use crate::types::board::Terms;
use crate::types::evidence::Term;
use crate::types::journal::JournalState;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::watchdog::gauge::Gauge;
use crate::watchdog::gauge::Watched;
use crate::watchdog::liveness::Vitals;
use crate::watchdog::liveness::Watch;
use crate::watchdog::minute::LastMinute;
use crate::watchdog::signal::Signal;

/// How much work waits for a thread. Called each tick: no lock, no heap.
pub type Waiting = Box<dyn Fn() -> u64 + Send>;

/// A thread, and how much work waits for it where that can be told.
pub struct Thread {
    /// Its pulse.
    pub pulse: PulseView,
    /// Length of its input.
    pub waiting: Option<Waiting>,
}

impl Thread {
    /// A thread whose input nobody can see.
    pub fn of(pulse: PulseView) -> Thread {
        Thread { pulse, waiting: None }
    }
}

/// Everything that a watchdog looks at. What a run does not have is left out, and not missed.
#[derive(Default)]
pub struct Subjects {
    /// The thread that decides.
    pub engine: Option<Thread>,
    /// Threads of feeds, where they have their own.
    pub feeds: Vec<Thread>,
    /// The thread that sends orders, where it has its own.
    pub gateway: Option<Thread>,
    /// Journal and telemetry.
    pub helpers: Vec<Thread>,
    /// Name and figures of each venue.
    pub venues: Vec<(&'static str, Arc<FeedBoard>)>,
    /// What the engine shows.
    pub figures: Arc<EngineBoard>,
    /// What telemetry measures; its heartbeat and its loop P95 are always watched.
    pub process: Arc<ProcessBoard>,
    /// False when `sys_monitor.enabled` is: CPU, memory, descriptors are then not watched.
    pub samples_process: bool,
    /// How the journal fares.
    pub journal: Option<Arc<JournalState>>,
    /// What the gateway counts.
    pub gateway_terms: Option<Arc<Terms>>,
}

/// Reads the gauges of [`Subjects`].
pub struct Sources {
    subjects: Subjects,
    rows: Vec<(Watched, Source)>,
    /// Silence of a feed up to here is quiet, not lag: the WARN band of `ws_lag_ms`.
    quiet: DurNs,
    began: Option<MonoNs>,
    rejections: LastMinute,
}

/// Where one gauge comes from; indices are into [`Subjects`].
enum Source {
    Loop { watch: Watch },
    LoopWithOrders { watch: Watch },
    LoopP95,
    Lag(usize),
    Heartbeat,
    FxAge,
    Feed { index: usize, watch: Watch },
    Gateway { watch: Watch },
    Helper { index: usize, watch: Watch },
    Rss,
    Cpu,
    OpenFiles,
    Rejections,
    Unknown,
    UnknownAge,
    JournalFailed,
    LossLimit,
    Counts,
    Dead(PulseView),
}

/// Gauges that have a band.
fn measured(subjects: &Subjects, rows: &mut Vec<(Watched, Source)>) {
    let watch = Watch::default;
    let mut row = |signal, of, source| rows.push((Watched { signal, of }, source));
    if let Some(engine) = &subjects.engine {
        row(Signal::LoopStall, engine.pulse.name(), Source::Loop { watch: watch() });
        let source = Source::LoopWithOrders { watch: watch() };
        row(Signal::LoopStallWithOrders, engine.pulse.name(), source);
    }
    row(Signal::LoopP95, "", Source::LoopP95);
    for (index, (venue, board)) in subjects.venues.iter().enumerate() {
        let is_optional = board.is_optional.load(Ordering::Relaxed);
        let signal = if is_optional { Signal::WsLagOptional } else { Signal::WsLag };
        row(signal, venue, Source::Lag(index));
    }
    row(Signal::FxAge, "", Source::FxAge);
    row(Signal::RedisAge, "", Source::Heartbeat);
    for (index, feed) in subjects.feeds.iter().enumerate() {
        row(Signal::FeedStall, feed.pulse.name(), Source::Feed { index, watch: watch() });
    }
    if let Some(gateway) = &subjects.gateway {
        row(Signal::GatewayStall, gateway.pulse.name(), Source::Gateway { watch: watch() });
    }
    for (index, helper) in subjects.helpers.iter().enumerate() {
        row(Signal::HelperStall, helper.pulse.name(), Source::Helper { index, watch: watch() });
    }
    if subjects.samples_process {
        row(Signal::Rss, "", Source::Rss);
        row(Signal::Cpu, "", Source::Cpu);
        row(Signal::OpenFiles, "", Source::OpenFiles);
    }
    row(Signal::SafetyRejections, "", Source::Rejections);
    row(Signal::UnknownOrders, "", Source::Unknown);
    row(Signal::UnknownOrderAge, "", Source::UnknownAge);
}

/// What makes trading impossible.
fn flags(subjects: &Subjects, rows: &mut Vec<(Watched, Source)>) {
    let mut row = |signal, of, source| rows.push((Watched { signal, of }, source));
    row(Signal::LossLimit, "", Source::LossLimit);
    if subjects.journal.is_some() {
        row(Signal::JournalFailed, "", Source::JournalFailed);
    }
    if subjects.gateway_terms.is_some() {
        row(Signal::CountMismatch, "", Source::Counts);
    }
    for pulse in subjects.threads() {
        row(Signal::ThreadDead, pulse.name(), Source::Dead(pulse.clone()));
    }
}

impl Sources {
    /// Of these subjects. A feed that has been silent longer than `quiet` lags by its silence. Not
    /// enabled, only what makes trading impossible is looked at.
    pub fn new(subjects: Subjects, quiet: DurNs, is_enabled: bool) -> Sources {
        let mut rows = Vec::new();
        if is_enabled {
            measured(&subjects, &mut rows);
        }
        flags(&subjects, &mut rows);
        Sources { subjects, rows, quiet, began: None, rejections: LastMinute::default() }
    }
    /// What is watched, in the order in which [`Sources::read`] gives it.
    pub fn watched(&self) -> Vec<Watched> {
        self.rows.iter().map(|(watched, _)| *watched).collect()
    }
    /// The engine's newest figures.
    pub fn engine(&self) -> Option<EngineFigures> {
        self.subjects.figures.read()
    }
    /// A venue's figures.
    pub fn venue(&self, name: &str) -> Option<&FeedBoard> {
        let found = self.subjects.venues.iter().find(|(venue, _)| *venue == name);
        found.map(|(_, board)| board.as_ref())
    }
    /// A thread has ended by a panic.
    pub fn has_dead(&self) -> bool {
        self.subjects.threads().any(|pulse| pulse.state() == State::Dead)
    }
    /// Reads every gauge into `gauges`, which holds them already and does not grow.
    pub fn read(&mut self, now: MonoNs, gauges: &mut Vec<Gauge>) {
        let began = *self.began.get_or_insert(now);
        let figures = self.subjects.figures.read();
        // One reader takes it, so it is taken once a tick whether or not it is judged.
        let batch = self.subjects.engine.as_ref().map(|engine| engine.pulse.take_longest_batch());
        let rejected = figures.map(|figures| figures.safety_rejections);
        let rejections = rejected.map(|count| self.rejections.count(count, now));
        let moment = Moment { now, began, quiet: self.quiet, figures, batch, rejections };
        gauges.clear();
        for (_, source) in &mut self.rows {
            gauges.push(source.read(&self.subjects, &moment));
        }
    }
}

impl Subjects {
    fn threads(&self) -> impl Iterator<Item = &PulseView> {
        let all = self.engine.iter().chain(&self.feeds).chain(&self.gateway).chain(&self.helpers);
        all.map(|thread| &thread.pulse)
    }
}

/// What all gauges of a tick share.
struct Moment {
    now: MonoNs,
    began: MonoNs,
    quiet: DurNs,
    figures: Option<EngineFigures>,
    batch: Option<DurNs>,
    rejections: Option<u64>,
}

impl Moment {
    /// A number of ours that is not known before its writer's first turn.
    fn own(&self, value: Option<i64>) -> Gauge {
        match value {
            Some(value) => Gauge::fresh(value),
            None => Gauge { value: None, age: self.now.since(self.began) },
        }
    }
    fn cell(&self, cell: &Cell) -> Gauge {
        match cell.get() {
            Some((value, at)) => Gauge { value: Some(value), age: self.now.since(at) },
            None => self.own(None),
        }
    }
    /// The worse of how long a thread has not moved and its longest turn since the last tick.
    fn stuck(&self, thread: &Thread, watch: &mut Watch, batch: DurNs) -> DurNs {
        let pulse = &thread.pulse;
        if pulse.is_over() {
            // How it ended is another gauge's business.
            return DurNs(0);
        }
        let beat_at = pulse.beat().unwrap_or(self.began);
        // A thread that rests is due back within a nap.
        let beat_at = if pulse.is_idle() { beat_at.plus(LONGEST_NAP) } else { beat_at };
        let waiting = thread.waiting.as_ref().map_or(0, |waiting| waiting());
        let vitals = Vitals { beat_at, progress: pulse.progress(), waiting };
        watch.judge(vitals, self.now).stuck_for().max(batch)
    }
}

impl Source {
    fn read(&mut self, subjects: &Subjects, moment: &Moment) -> Gauge {
        let Moment { now, figures, .. } = *moment;
        let process = &subjects.process;
        let flag = |value: bool| Gauge::fresh(i64::from(value));
        let stuck = |thread: Option<&Thread>, watch: &mut Watch| match thread {
            Some(thread) => Gauge::lasting(moment.stuck(thread, watch, DurNs(0))),
            None => Gauge::MISSING,
        };
        match self {
            Source::Loop { watch } => {
                let Some(engine) = &subjects.engine else { return Gauge::MISSING };
                let batch = moment.batch.unwrap_or_default();
                Gauge::lasting(moment.stuck(engine, watch, batch))
            }
            Source::LoopWithOrders { watch } => {
                let Some(engine) = &subjects.engine else { return Gauge::MISSING };
                let stuck = moment.stuck(engine, watch, DurNs(0));
                // A blocked engine keeps showing what was at work when it was blocked.
                let at_work = figures.is_some_and(|figures| figures.open_orders > 0);
                Gauge::lasting(if at_work { stuck } else { DurNs(0) })
            }
            Source::LoopP95 => moment.cell(&process.loop_p95),
            Source::Lag(index) => lag(&subjects.venues[*index].1, moment),
            Source::Heartbeat => {
                let last = process.heartbeat.get().map_or(moment.began, |(_, at)| at);
                Gauge::lasting(now.since(last))
            }
            Source::FxAge => {
                let last = figures.and_then(|figures| figures.fx_at).unwrap_or(moment.began);
                Gauge::lasting(now.since(last))
            }
            Source::Feed { index, watch } => stuck(subjects.feeds.get(*index), watch),
            Source::Gateway { watch } => stuck(subjects.gateway.as_ref(), watch),
            Source::Helper { index, watch } => stuck(subjects.helpers.get(*index), watch),
            Source::Rss => moment.cell(&process.rss),
            Source::Cpu => moment.cell(&process.cpu),
            Source::OpenFiles => moment.cell(&process.open_files),
            Source::Rejections => moment.own(moment.rejections.map(whole)),
            Source::Unknown => moment.own(figures.map(|figures| whole(figures.unknown_orders))),
            Source::UnknownAge => moment.own(figures.map(|figures| {
                let age = figures.oldest_unknown_at.map_or(DurNs(0), |at| now.since(at));
                whole(age.0)
            })),
            Source::JournalFailed => {
                flag(subjects.journal.as_ref().is_some_and(|journal| journal.has_failed()))
            }
            Source::LossLimit => moment.own(figures.map(|figures| i64::from(figures.loss_limit))),
            Source::Counts => flag(more_sent_than_intended(subjects)),
            Source::Dead(pulse) => flag(pulse.state() == State::Dead),
        }
    }
}

/// Transport lag of the newest frame, or the silence since it once that is too long to be quiet.
fn lag(board: &FeedBoard, moment: &Moment) -> Gauge {
    let lag = board.lag_at(moment.now, moment.quiet);
    lag.map_or_else(|| moment.own(None), |lag| Gauge::fresh(whole(lag.0)))
}

/// Every order that left was intended: the count of what left is read first, so that one on its
/// way is never taken for a stray.
fn more_sent_than_intended(subjects: &Subjects) -> bool {
    let sent = subjects.gateway_terms.as_ref().and_then(|terms| terms.get(Term::Sends));
    let intended = subjects.figures.terms.get(Term::Intents);
    sent.zip(intended).is_some_and(|(sent, intended)| sent > intended)
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
