//! A recorded paper run on real threads: feeds that play a frame list in bursts, engine, gateway
//! and recorder, each on its own.
#![allow(clippy::expect_used, reason = "a run that cannot be set up must fail loudly")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use arb::engine::agent::Engine;
use arb::engine::agent::Pace;
use arb::engine::marks::MarkPort;
use arb::feed::agent::Feed;
use arb::feed::mark_reader::MarkReader;
use arb::feed::recorder::MarkPorts;
use arb::feed::recorder::Ports;
use arb::feed::recorder::Recorder;
use arb::feed::recorder::RecorderCount;
use arb::feed::series::Series;
use arb::feed::series::marks_beside;
use arb::feed::spool::SpoolLimits;
use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::gateway::paper::Paper;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::crew::Crew;
use arb::runtime::crew::End;
use arb::runtime::crew::Post;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::Link;
use arb::runtime::link::MARKS;
use arb::scenario::capture::Crowd;
use arb::scenario::capture::Recorded;
use arb::scenario::capture::record_only;
use arb::scenario::exact::Exact;
use arb::scenario::replay::Blind;
use arb::scenario::shortfall::Short;
use arb::scenario::taping::mark;
use arb::scenario::taping::taping;
use arb::topology::Outlets;
use arb::topology::Plan;
use arb::topology::Plant;
use arb::topology::Site;
use arb::topology::feed_plant;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::counters::Counter;
use arb::types::ids::OrderId;
use arb::types::ids::VenueId;
use arb::types::journal::JournalProgress;
use arb::types::journal::JournalState;
use arb::types::report::Checkpoints;
use arb::types::rng::SplitMix64;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::venue::FrameKind;

/// Only keeps a broken build from hanging.
const PATIENCE: DurNs = DurNs::from_secs(60);
/// Fills at a moment's notice, so that a run of a second trades.
pub const QUICK: &str = "\
mode: {current: mock}
paper: {latency_min_ms: 1, latency_mean_ms: 3, latency_max_ms: 20, reject_pct: 5}
risk: {entry_interval_ms: 10}
";

/// What a run is made of.
pub struct Script {
    pub seed: u64,
    pub frames: Vec<(VenueId, RecordKind, Vec<u8>)>,
    pub limits: SpoolLimits,
    /// Most frames that a feed plays in one turn.
    pub burst: u64,
    /// Whether numbers of orders are reserved little by little.
    pub journal: Option<Arc<JournalState>>,
    /// A link for marks that is too short for a run.
    pub short_of_marks: bool,
}

/// What came of it.
pub struct Played {
    pub trace: u64,
    pub orders: u64,
    pub cycles: u64,
    pub conflated: u64,
    pub frames: Vec<(VenueId, u64)>,
    pub fills: u64,
    pub count: Arc<RecorderCount>,
}

/// Plays its frames in bursts of random length, and rests in between.
pub struct Player {
    feed: Feed,
    name: &'static str,
    frames: std::vec::IntoIter<(VenueId, RecordKind, Vec<u8>)>,
    rng: SplitMix64,
    burst: u64,
    next: MonoNs,
    played: Arc<AtomicU64>,
}

impl Player {
    fn new(feed: Feed, venue: VenueId, script: &Script, played: &Arc<AtomicU64>) -> Player {
        let mine = script.frames.iter().filter(|(of, _, _)| *of == venue).cloned();
        Player {
            feed,
            name: venue.feed_thread(),
            frames: mine.collect::<Vec<_>>().into_iter(),
            rng: SplitMix64::new(script.seed, venue.index() as u64),
            burst: script.burst,
            next: MonoNs(0),
            played: Arc::clone(played),
        }
    }
}

impl Agent for Player {
    fn name(&self) -> &'static str {
        self.name
    }
    fn turn(&mut self, now: Now) -> Turn {
        let flushed = self.feed.flush();
        if now.mono < self.next {
            return flushed;
        }
        self.next = now.mono.plus(DurNs(self.rng.below(4_000_000)));
        for _ in 0..=self.rng.below(self.burst) {
            let Some((_, kind, payload)) = self.frames.next() else {
                self.next = MonoNs(u64::MAX);
                self.played.fetch_add(1, Ordering::Relaxed);
                break;
            };
            match kind {
                RecordKind::Ws => {
                    let _ = self.feed.on_frame(FrameKind::Ws, &payload, now);
                }
                RecordKind::RestDepth => {
                    let _ = self.feed.on_frame(FrameKind::RestDepth, &payload, now);
                }
                RecordKind::Open => self.feed.on_open(now),
                RecordKind::Close => self.feed.on_close(now),
            }
            if self.rng.below(50) == 0 {
                self.feed.on_alive(now);
            }
        }
        Turn::Worked
    }
    fn due(&self) -> Option<MonoNs> {
        Some(self.next)
    }
}

/// All frames of a recording.
pub fn frames_of(path: &Path) -> Vec<(VenueId, RecordKind, Vec<u8>)> {
    let mut tape = Tape::open(path).expect("the recording opens");
    let mut frames = Vec::new();
    while let Some(record) = tape.next_record().expect("a whole recording") {
        frames.push((record.venue, record.kind, record.payload.to_vec()));
    }
    frames
}

/// An empty folder of this test, and the series `tape` in it.
pub fn fresh(name: &str) -> (PathBuf, Series) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    let series = Series::of(&folder.join("tape.rec.gz")).expect("a name");
    (folder, series)
}

pub fn roomy(series: Series) -> SpoolLimits {
    SpoolLimits {
        series,
        rotate_bytes: u64::MAX,
        rotate_after: DurNs(u64::MAX),
        max_bytes: u64::MAX,
        max_files: usize::MAX,
    }
}

/// The plan of the recorded run and of its repetition.
pub fn plan(yaml: &str, seed: u64) -> Plan {
    let request = arb::config::load::Request::default();
    let loaded = arb::config::load::load_bytes("test.yml", yaml.as_bytes(), &request);
    let checked = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked;
    Plan {
        engine: checked.engine,
        paper: checked.paper,
        pace: Pace::Every(DurNs::from_ms(20)),
        loops: 0,
        checkpoints: Checkpoints::default(),
        seed,
    }
}

/// The threads of a recorded run.
struct Cast {
    clock: Clock,
    crew: Crew,
    permission: Arc<PermissionWord>,
    outlets: Outlets,
    engine: Worker<Engine>,
    gateway: Worker<Paper>,
    players: Vec<Worker<Player>>,
    recorder: Worker<Recorder>,
    count: Arc<RecorderCount>,
    /// Feeds that have played all of theirs.
    played: Arc<AtomicU64>,
}

/// Records a run of the whole frame list.
pub fn record(plan: &Plan, script: Script) -> Played {
    let (journal, seed) = (script.journal.clone(), script.seed);
    let cast = start(plan, script);
    govern(&cast, (journal, seed));
    end(cast)
}

/// Records the whole frame list without an engine, as `arb record` does.
pub fn capture(plan: &Plan, script: &Script) -> Recorded<Player> {
    let clock = Clock::start();
    let (plant, _) = feed_plant(plan, Site::default());
    let venues: Vec<VenueId> = plant.feeds.iter().map(|(venue, _)| *venue).collect();
    let (taps, ports) = taping(&venues, Arc::default());
    let now = Now { mono: clock.mono(), wall: Clock::wall() };
    let recorder = Recorder::begin(script.limits.clone(), ports, now).expect("a writable folder");
    let played = Arc::new(AtomicU64::new(0));
    let feeds = plant.feeds.into_iter().zip(taps).map(|((venue, feed), (_, tap))| {
        let player = Player::new(feed.tapped(Some(tap)), venue, script, &played);
        (player, post(venue.feed_thread()))
    });
    let crowd = Crowd { feeds: feeds.collect(), desks: Vec::<(Player, Post)>::new() };
    let by = clock.mono().plus(PATIENCE);
    let is_over = || {
        assert!(clock.mono() < by, "the frames are not played");
        played.load(Ordering::Relaxed) == venues.len() as u64
    };
    record_only(crowd, recorder, clock, &is_over).expect("threads")
}

fn post(name: &'static str) -> Post {
    Post::new(name, Wait::Park, PATIENCE)
}

fn start(plan: &Plan, script: Script) -> Cast {
    let clock = Clock::start();
    let (engine_post, gateway_post) = (post("engine"), post("gateway"));
    let site = Site {
        engine: engine_post.waker(),
        gateway: gateway_post.waker(),
        journal: script.journal.clone(),
        ..Site::default()
    };
    let (plant, outlets) = feed_plant(plan, site);
    let Plant { feeds, mut engine, gateway, permission, .. } = plant;
    let venues: Vec<VenueId> = feeds.iter().map(|(venue, _)| *venue).collect();
    let (taps, mut ports) = taping(&venues, Arc::default());
    mark(&plan.engine, &mut engine, &mut ports);
    if script.short_of_marks {
        shorten(&mut engine, &mut ports);
    }
    let now = Now { mono: clock.mono(), wall: Clock::wall() };
    let recorder = Recorder::begin(script.limits.clone(), ports, now).expect("a writable folder");
    let count = recorder.count();
    permission.grant(Permission::Trade, MonoNs(u64::MAX));
    let mut crew = Crew::new(clock, Arc::clone(&permission));
    let played = Arc::new(AtomicU64::new(0));
    let gateway = crew.start(gateway, gateway_post.after(engine_post.pulse())).expect("a thread");
    let mut recorder_post = post("recorder").after(engine_post.pulse());
    let engine = crew.start(engine, engine_post).expect("a thread");
    let mut players = Vec::new();
    for ((venue, feed), (_, tap)) in feeds.into_iter().zip(taps) {
        let player = Player::new(feed.tapped(Some(tap)), venue, &script, &played);
        let post = post(venue.feed_thread());
        recorder_post = recorder_post.after(post.pulse());
        players.push(crew.start(player, post).expect("a thread"));
    }
    let recorder = crew.start(recorder, recorder_post).expect("a thread");
    Cast { clock, crew, permission, outlets, engine, gateway, players, recorder, count, played }
}

/// A link for marks that a run overruns.
fn shorten(engine: &mut Engine, ports: &mut Ports) {
    let (link, marks) = Link { depth: 256, ..MARKS }.open();
    let is_broken = Arc::default();
    engine.mark_to(Some(MarkPort { link, is_broken: Arc::clone(&is_broken) }));
    let old = ports.marks.take().expect("it is marked");
    ports.marks = Some(MarkPorts { link: marks, is_broken, head: old.head });
}

/// Until all frames are played: what orders may do changes now and then, as under a watchdog, and
/// numbers are reserved little by little, as by a journal.
fn govern(cast: &Cast, (journal, seed): (Option<Arc<JournalState>>, u64)) {
    let (mut rng, mut reserved) = (SplitMix64::new(seed, 99), 0);
    let by = cast.clock.mono().plus(PATIENCE);
    while cast.played.load(Ordering::Relaxed) < cast.players.len() as u64 {
        assert!(cast.clock.mono() < by, "the frames are not played");
        drain(&cast.outlets);
        let granted = if rng.below(8) == 0 { Permission::Finish } else { Permission::Trade };
        cast.permission.grant(granted, MonoNs(u64::MAX));
        if let Some(journal) = &journal {
            reserved += rng.below(6);
            journal.publish(&JournalProgress { reserved: OrderId(reserved), ..progress() });
        }
        cast.crew.wait_until(cast.clock.mono().plus(DurNs::from_ms(5)));
    }
}

fn end(cast: Cast) -> Played {
    let Cast { clock, crew, engine, gateway, players, recorder, count, .. } = cast;
    crew.stop(Order::Drain);
    let by = clock.mono().plus(PATIENCE);
    let engine: Engine = returned(crew.join(engine, by).end);
    let gateway: Paper = returned(crew.join(gateway, by).end);
    let feeds: Vec<Player> =
        players.into_iter().map(|player| returned(crew.join(player, by).end)).collect();
    let recorder: Recorder = returned(crew.join(recorder, by).end);
    let trace = engine.core().trace_hash();
    let now = Now { mono: clock.mono(), wall: Clock::wall() };
    recorder.finish(Some(trace), now).expect("the files end");
    assert_eq!(gateway.events_lost(), 0);
    let total = |counter| feeds.iter().map(|player| player.feed.tally().get(counter)).sum();
    let frames = |player: &Player| {
        let tally = player.feed.tally();
        (player.feed.books().venue(), tally.get(Counter::Frames))
    };
    Played {
        trace,
        orders: engine.progress().sent,
        cycles: engine.cycles(),
        conflated: total(Counter::Conflated),
        frames: feeds.iter().map(frames).collect(),
        fills: engine.core().portfolio().fills,
        count,
    }
}

fn progress() -> JournalProgress {
    JournalProgress {
        written: 0,
        synced: 0,
        reserved: OrderId(0),
        backlog: 0,
        lost: 0,
        bytes: 0,
        is_full: false,
    }
}

fn returned<A>(end: End<A>) -> A {
    match end {
        End::Returned(agent, _) => agent,
        End::Panicked(fall) => panic!("{} fell: {}", fall.thread, fall.message),
        End::Left => panic!("it hangs"),
    }
}

fn drain(outlets: &Outlets) {
    while outlets.facts.take().is_some() {}
    while outlets.reports.take().is_some() {}
    while outlets.due.take().is_some() {}
}

/// The recordings of a series, in order.
pub fn files(series: &Series) -> Vec<PathBuf> {
    series.parts().expect("a folder").into_iter().map(|part| part.recording).collect()
}

/// Repeats a recording.
pub fn repeat(plan: &Plan, recordings: &[PathBuf]) -> (Box<Exact>, Result<(), Short>) {
    let marks: Vec<PathBuf> = recordings.iter().filter_map(|path| marks_beside(path)).collect();
    let tape = Tape::open_series(recordings).expect("the recording opens");
    let marks = MarkReader::open(&marks).expect("the marks open").expect("a good head");
    let mut exact = Box::new(Exact::new(&plan.engine, tape, marks).expect("the same plan"));
    let ended = exact.run(&mut Blind);
    (exact, ended)
}
