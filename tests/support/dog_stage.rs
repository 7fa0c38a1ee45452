//! What the threads of a run show to their watchdog, by hand, on a virtual clock.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::runtime::agent::Agent;
use arb::runtime::link::NOTICES;
use arb::runtime::link::Rx;
use arb::runtime::pulse::Pulse;
use arb::runtime::pulse::State;
use arb::types::board::DogBoard;
use arb::types::board::EngineBoard;
use arb::types::board::EngineFigures;
use arb::types::board::FeedBoard;
use arb::types::board::ProcessBoard;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::notice::Notice;
use arb::types::notice::NoticeKind;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::watchdog::agent::Plan;
use arb::watchdog::agent::Ports;
use arb::watchdog::agent::Watchdog;
use arb::watchdog::beats::CyclePace;
use arb::watchdog::sources::Subjects;
use arb::watchdog::sources::Thread;
use arb::watchdog::step::Standing;

pub const SECOND: u64 = 1_000;
pub const STEP: u64 = 50;

/// What the threads of a run would do, by hand.
pub struct Stage {
    pub dog: Watchdog,
    pub word: Arc<PermissionWord>,
    pub board: Arc<DogBoard>,
    pub engine: Pulse,
    pub figures: Arc<EngineBoard>,
    pub feed: Arc<FeedBoard>,
    pub process: Arc<ProcessBoard>,
    pub waiting: Arc<AtomicU64>,
    pub notices: Rx<Notice>,
    pub at_ms: u64,
    pub shown: EngineFigures,
    pub rss_mb: i64,
    pub p95_ms: i64,
    pub cycle_ms: u64,
    pub told: Vec<(u64, NoticeKind)>,
}

/// What a step leaves out.
#[derive(Clone, Copy, PartialEq)]
pub enum Out {
    Nothing,
    /// The engine's thread is blocked.
    Engine,
    /// The engine's thread beats and leaves its work.
    Work,
    /// No frame comes.
    Frames,
    /// The FX book stands still.
    Fx,
}

impl Stage {
    pub fn set(yaml: &str, standing: Standing) -> Stage {
        let text = format!("sys_monitor: {{sample_interval_sec: 1}}\n{yaml}");
        let loaded = load_bytes("test.yml", text.as_bytes(), &Request::default());
        let (limits, rules) = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked.watchdog;
        let interval = DurNs::from_ms(SECOND);
        let rules = rules.with_interval(interval);
        let plan =
            Plan { limits, rules, pace: CyclePace::Every(interval), standing, is_enabled: true };
        let (notices_tx, notices) = NOTICES.open();
        let (word, board) = (Arc::new(PermissionWord::shut()), Arc::new(DogBoard::default()));
        let (figures, feed) = (Arc::<EngineBoard>::default(), Arc::<FeedBoard>::default());
        let (process, waiting) = (Arc::<ProcessBoard>::default(), Arc::<AtomicU64>::default());
        let engine = Pulse::new("engine");
        engine.enter(State::Running);
        let queue = Arc::clone(&waiting);
        let waits: Box<dyn Fn() -> u64 + Send> = Box::new(move || queue.load(Ordering::Relaxed));
        let subjects = Subjects {
            engine: Some(Thread { pulse: engine.view(), waiting: Some(waits) }),
            venues: vec![("upbit", Arc::clone(&feed))],
            figures: Arc::clone(&figures),
            process: Arc::clone(&process),
            samples_process: true,
            ..Subjects::default()
        };
        let (permission, board_) = (Arc::clone(&word), Arc::clone(&board));
        let ports = Ports { permission, board: board_, notices: Some(notices_tx) };
        let dog = Watchdog::new(plan, subjects, ports);
        let shown = EngineFigures { is_at_rest: true, ..EngineFigures::default() };
        Stage {
            dog,
            word,
            board,
            engine,
            figures,
            feed,
            process,
            waiting,
            notices,
            at_ms: 0,
            shown,
            rss_mb: 20,
            p95_ms: 0,
            cycle_ms: 0,
            told: Vec::new(),
        }
    }
    /// A run that trades.
    pub fn trading(yaml: &str) -> Stage {
        let mut stage = Stage::set(yaml, Standing::default());
        stage.run(SECOND, Out::Nothing);
        assert_eq!(stage.permission(), Permission::Trade);
        stage
    }
    pub fn now(&self) -> Now {
        let ns = self.at_ms * 1_000_000;
        Now { mono: MonoNs(ns), wall: WallNs(ns) }
    }
    pub fn permission(&self) -> Permission {
        self.word.at(self.now().mono)
    }
    pub fn run(&mut self, ms: u64, out: Out) {
        for _ in 0..ms / STEP {
            self.at_ms += STEP;
            self.threads(out);
            self.dog.turn(self.now());
            while let Some(notice) = self.notices.take() {
                self.told.push((self.at_ms, notice.kind));
            }
        }
    }
    pub fn threads(&mut self, out: Out) {
        let now = self.now().mono;
        if out != Out::Engine {
            self.engine.beat(now);
            if self.at_ms >= self.cycle_ms + SECOND {
                self.cycle_ms = self.at_ms;
                self.shown.cycles += 1;
            }
            if out != Out::Work {
                self.engine.batch(now, now);
            }
            if out != Out::Fx {
                self.shown.fx_at = Some(now);
            }
            self.shown = EngineFigures { at: now, epoch: self.word.epoch(), ..self.shown };
            self.figures.publish(&self.shown);
        }
        self.waiting.store(u64::from(out == Out::Work), Ordering::Relaxed);
        if out != Out::Frames {
            self.feed.lag.put(1_000_000, now);
        }
        self.process.rss.put(self.rss_mb << 20, now);
        self.process.cpu.put(10_000, now);
        self.process.open_files.put(10_000, now);
        self.process.loop_p95.put(self.p95_ms * 1_000_000, now);
        self.process.heartbeat.put(1_000, now);
    }
    pub fn path(&self) -> Vec<&'static str> {
        let to = |(_, kind): &(u64, NoticeKind)| match kind {
            NoticeKind::Transition { to, .. } => Some(*to),
            _ => None,
        };
        self.told.iter().filter_map(to).collect()
    }
    /// When a severity was first told, and of what.
    pub fn severity(&self, wanted: &str) -> Option<(u64, String)> {
        self.told.iter().find_map(|(at, kind)| match kind {
            NoticeKind::Severity { severity, cause } if *severity == wanted => {
                Some((*at, cause.map(|cause| cause.to_string()).unwrap_or_default()))
            }
            _ => None,
        })
    }
}
