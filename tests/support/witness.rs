//! A run that only telemetry sees: boards, links and files, on a clock that the test moves.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test without its files must fail loudly")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::link::DUE;
use arb::runtime::link::NOTICES;
use arb::runtime::link::REPORTS;
use arb::runtime::link::Tx;
use arb::runtime::pulse::Pulse;
use arb::runtime::pulse::State;
use arb::stats::shared::Latencies;
use arb::telemetry::agent::Plan;
use arb::telemetry::agent::Ports;
use arb::telemetry::agent::Telemetry;
use arb::telemetry::agent::Timeline;
use arb::telemetry::console::Console;
use arb::telemetry::evidence::EvidenceFiles;
use arb::telemetry::limits::ErrorBands;
use arb::telemetry::limits::LogLimits;
use arb::telemetry::limits::LongRunLimits;
use arb::telemetry::limits::RunIdentity;
use arb::telemetry::limits::SampleLimits;
use arb::telemetry::line::Glyphs;
use arb::telemetry::line::LiveState;
use arb::telemetry::process::Gauges;
use arb::telemetry::process::ProcessModel;
use arb::telemetry::rotate::RotatingFile;
use arb::telemetry::sources::FeedSource;
use arb::telemetry::sources::Sources;
use arb::telemetry::store::Refuse;
use arb::telemetry::writer::LogWriter;
use arb::types::board::DogBoard;
use arb::types::board::EngineBoard;
use arb::types::board::FeedBoard;
use arb::types::board::ProcessBoard;
use arb::types::counters::Counter;
use arb::types::counters::Pen;
use arb::types::evidence::Event;
use arb::types::evidence::FOLDER;
use arb::types::evidence::Snapshot;
use arb::types::evidence::Term;
use arb::types::notice::Notice;
use arb::types::notice::NoticeKind;
use arb::types::report::Checkpoints;
use arb::types::report::CycleReport;
use arb::types::rng::SplitMix64;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::NS_PER_SEC;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::Krw;
use arb::types::units::Ppm;
use log::LevelFilter;

/// 2025-11-15T20:57:22.906Z.
pub const START: WallNs = WallNs(1_763_240_242_906_000_000);
/// Index of NORMAL in the states of the board.
pub const NORMAL: u8 = 1;

pub fn now(secs: u64) -> Now {
    let ns = secs * NS_PER_SEC;
    Now { mono: MonoNs(ns), wall: WallNs(START.0 + ns) }
}

pub fn limits(dir: &Path) -> LongRunLimits {
    LongRunLimits {
        interval_loops: 50,
        folder: dir.join(FOLDER),
        max_snapshots: 2_000,
        max_bytes: 64 << 20,
        event_logging: true,
        bands: ErrorBands {
            loop_latency: DurNs::from_ms(2_000),
            loop_p95: DurNs::from_ms(5_000),
            ws_lag: DurNs::from_ms(2_000),
            redis_age: DurNs::from_ms(15_000),
            cpu: Some(Ppm::new(900_000)),
        },
        identity: RunIdentity {
            run_id: "a1".into(),
            config_sha256: "c0ffee".into(),
            mode: "mock".into(),
        },
    }
}

/// An empty folder of that name, under the build directory.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("witness").join(name);
    // What an earlier run of the tests left behind, if anything.
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder");
    path
}

/// Files of that kind in the evidence of a run, by name.
pub fn files(dir: &Path, begin: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(FOLDER)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let named = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(begin))
    };
    let mut paths: Vec<PathBuf> = paths.filter(named).collect();
    paths.sort();
    paths
}

/// The snapshots of a run in the order of their numbers.
pub fn snapshots(dir: &Path) -> Vec<Snapshot> {
    let read = |path: &PathBuf| {
        let text = fs::read(path).expect("a file");
        serde_json::from_slice::<Snapshot>(&text).expect("a snapshot")
    };
    let mut read: Vec<Snapshot> = files(dir, "snapshot_").iter().map(read).collect();
    read.sort_by_key(|snapshot| snapshot.stamp.seq);
    read
}

/// The events of a run, line by line, raw.
pub fn event_lines(dir: &Path) -> Vec<String> {
    let text =
        files(dir, "longrun_events_").into_iter().map(|p| fs::read_to_string(p).expect("text"));
    text.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

pub fn events(dir: &Path) -> Vec<Event> {
    event_lines(dir).iter().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

struct Machine {
    rng: SplitMix64,
}

impl ProcessModel for Machine {
    fn read(&mut self, _: MonoNs) -> Gauges {
        let noise = self.rng.below(1_000_000);
        Gauges {
            cpu_pct: 10.0 + noise as f64 / 1e6,
            busy_pct: 10.0,
            rss_bytes: 60_000_000 + noise,
            open_files: Some(24),
            open_files_limit: Some(1_024),
            threads: Some(9),
        }
    }
}

/// A run of one feed, whose cycles close each minute.
pub struct Witness {
    pub dir: PathBuf,
    pub telemetry: Telemetry,
    pub reports: Tx<CycleReport>,
    pub due: Tx<CycleReport>,
    pub notices: Tx<Notice>,
    pub engine: Arc<EngineBoard>,
    pub feed: Arc<FeedBoard>,
    pub pen: Pen,
    pub process: Arc<ProcessBoard>,
    pub dog: Arc<DogBoard>,
    pub latencies: Latencies,
    pub pulse: Pulse,
    pub refuse: Arc<AtomicBool>,
    pub rng: SplitMix64,
    pub checkpoints: Checkpoints,
    pub log: PathBuf,
}

impl Witness {
    pub fn new(name: &str, change: impl FnOnce(&mut LongRunLimits)) -> Witness {
        let dir = folder(name);
        let mut limits = limits(&dir);
        change(&mut limits);
        Witness::on(dir, limits)
    }
    /// On a folder that may hold something already.
    pub fn on(dir: PathBuf, limits: LongRunLimits) -> Witness {
        let checkpoints = Checkpoints { every: limits.interval_loops };
        let refuse = Refuse::default();
        let raised = Arc::clone(&refuse.0);
        let files = EvidenceFiles::open(limits, refuse).expect("a folder of evidence");
        let (reports, reports_rx) = REPORTS.open();
        let (due, due_rx) = DUE.open();
        let (notices, notices_rx) = NOTICES.open();
        let mut pulse = Pulse::new("engine");
        pulse.enter(State::Running);
        pulse.beat(MonoNs(0));
        let pen = Pen::new();
        let (feed, latencies) = (Arc::<FeedBoard>::default(), Latencies::default());
        let source = FeedSource {
            venue: "upbit",
            tally: pen.tally(),
            board: Arc::clone(&feed),
            allowance: DurNs::from_secs(15),
        };
        let sources = Sources {
            due: Some(due_rx),
            notices: Some(notices_rx),
            feeds: vec![source],
            pulses: vec![pulse.view()],
            latencies: Some(latencies.clone()),
            model: Some(Box::new(Machine { rng: SplitMix64::new(3, 0) })),
            ..Sources::default()
        };
        let (engine, process) = (Arc::clone(&sources.engine), Arc::clone(&sources.process));
        let dog = Arc::clone(&sources.dog);
        let log = dir.join("live.log");
        let ports = Ports {
            reports: reports_rx,
            log: log_to(&log),
            reopen_log: Arc::new(AtomicBool::new(false)),
            sources,
            evidence: Some(files),
            heartbeat: None,
        };
        dog.show(NORMAL, 0);
        Witness {
            dir,
            telemetry: Telemetry::new(plan(), ports),
            reports,
            due,
            notices,
            engine,
            feed,
            pen,
            process,
            dog,
            latencies,
            pulse,
            refuse: raised,
            rng: SplitMix64::new(7, 0),
            checkpoints,
            log,
        }
    }
    /// Everything that other threads show in a healthy second.
    pub fn second(&mut self, secs: u64) {
        let at = now(secs);
        let noise = self.rng.below(1_000_000);
        self.feed.lag.put(60_000_000 + 20 * noise as i64, at.mono);
        self.process.heartbeat.put(400_000, MonoNs(at.mono.0.saturating_sub(noise * 500)));
        self.pulse.beat(at.mono);
        self.latencies.batch.record(50_000 + noise / 100);
        self.latencies.decision.record(3_000);
        for counter in [Counter::Frames, Counter::Books, Counter::Published] {
            self.pen.add(counter, 5);
        }
        self.pen.add(Counter::Frames, 1);
        self.pen.add(Counter::RejectedNumber, 1);
        self.engine.terms.put(Term::UpdatesApplied, self.pen.tally().get(Counter::Published));
        for term in [
            Term::Intents,
            Term::OrdersEnded,
            Term::OrdersRejected,
            Term::OrdersResolved,
            Term::OrdersOpen,
            Term::OrdersUnknown,
            Term::Sends,
            Term::Approvals,
            Term::FillsBooked,
            Term::InvariantFaults,
        ] {
            self.engine.terms.put(term, 0);
        }
    }
    pub fn report(&mut self, cycle: u64, secs: u64) -> CycleReport {
        CycleReport {
            cycle,
            at: now(secs),
            due_at: now(secs).mono,
            missed_cycles: 0,
            loop_latency: Some(DurNs(50_000 + self.rng.below(10_000))),
            pnl: Krw::from_raw(0),
            realized: Krw::from_raw(0),
            exposure: Krw::from_raw(20_000_050_000_000),
            open_pairs: 2,
            fills: 14,
            signals: 9,
            entered: 4,
            safety_rejections: 5,
            stop_losses: 1,
            rejects: 2,
            contradictions: 0,
        }
    }
    /// Closes a cycle as the engine does.
    pub fn close_cycle(&mut self, cycle: u64, secs: u64) {
        let report = self.report(cycle, secs);
        let _ = self.reports.send(report);
        if self.checkpoints.is_due(cycle) {
            let _ = self.due.send(report);
        }
    }
    pub fn turn(&mut self, secs: u64) {
        while self.telemetry.turn(now(secs)) == Turn::Worked {}
    }
    pub fn notice(&self, secs: u64, kind: NoticeKind) {
        self.notices.send(Notice { at: now(secs), kind }).expect("room");
    }
    /// A healthy stretch, cycles of a minute; ends are included.
    pub fn live(&mut self, secs: std::ops::RangeInclusive<u64>) {
        for at in secs {
            self.second(at);
            if at > 0 && at.is_multiple_of(60) {
                self.close_cycle(at / 60, at);
            }
            self.turn(at);
        }
    }
    pub fn refuse_writes(&self, refused: bool) {
        self.refuse.store(refused, Ordering::Relaxed);
    }
    pub fn log_lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).expect("the log file");
        text.lines().map(str::to_owned).collect()
    }
}

fn plan() -> Plan {
    Plan {
        sampling: SampleLimits { every: Some(DurNs::from_secs(5)) },
        glyphs: Glyphs::Ascii,
        live: LiveState::Blocked(vec!["mode is mock".into()]),
        timeline: Timeline::Virtual,
    }
}

fn log_to(file: &Path) -> LogWriter {
    let limits = LogLimits {
        level: LevelFilter::Info,
        file: file.to_path_buf(),
        max_file_bytes: 64 << 20,
        max_files: 1,
    };
    let (_, queue) = arb::telemetry::log::open();
    let console = Console::through(Path::new("/nowhere"), Box::new(io::sink()));
    let mut log = LogWriter::new(queue, console, LevelFilter::Off);
    log.keep_in(RotatingFile::open(&limits).expect("a log file"));
    log
}
