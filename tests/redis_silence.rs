//! A Redis that keeps silent or answers drop by drop takes nothing from a run but its heartbeat:
//! telemetry goes on between two beats, a beat has an end, and at the end of a run there is none.
//! Time is told; timeouts of the client are real and short.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/crew.rs"]
mod crew;

use std::fs;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::REPORTS;
use arb::runtime::link::Tx;
use arb::telemetry::agent::Plan;
use arb::telemetry::agent::Ports;
use arb::telemetry::agent::Telemetry;
use arb::telemetry::agent::Timeline;
use arb::telemetry::console::Console;
use arb::telemetry::heartbeat::Beat;
use arb::telemetry::heartbeat::Boards;
use arb::telemetry::heartbeat::Heartbeat;
use arb::telemetry::limits::LogLimits;
use arb::telemetry::limits::RedisLimits;
use arb::telemetry::limits::SampleLimits;
use arb::telemetry::line::Glyphs;
use arb::telemetry::line::LiveState;
use arb::telemetry::log::open;
use arb::telemetry::redis::BeatError;
use arb::telemetry::redis::RedisClient;
use arb::telemetry::redis::RedisPlan;
use arb::telemetry::redis::resolve;
use arb::telemetry::rotate::RotatingFile;
use arb::telemetry::writer::LogWriter;
use arb::types::board::ProcessBoard;
use arb::types::report::CycleReport;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::Krw;
use log::LevelFilter;

use crate::crew::Stage;
use crate::crew::post;

const TIMEOUT: DurNs = DurNs::from_ms(100);
/// From one drop to the next: every single one is in time, all of them together are not.
const DROP: DurNs = DurNs::from_ms(25);

/// The kernel takes connections for it; nobody ever answers.
fn silent() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    listener
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("an address")
}

/// How many connections came since the last call.
fn taken(listener: &TcpListener) -> usize {
    std::iter::from_fn(|| listener.accept().ok()).count()
}

fn plan(addresses: Vec<SocketAddr>) -> RedisPlan {
    let limits = RedisLimits {
        host: "127.0.0.1".to_owned(),
        port: 1,
        database: 0,
        prefix: "desk".to_owned(),
        ttl: DurNs::from_secs(60),
        timeout: TIMEOUT,
    };
    let (instance, run_id) = ("one".to_owned(), "run-9".to_owned());
    RedisPlan { limits, instance, run_id, password: None, addresses }
}

fn client(addresses: Vec<SocketAddr>) -> RedisClient {
    RedisClient::new(plan(addresses), Clock::start())
}

/// The second after this cycle closed.
fn at(cycle: u64) -> Now {
    Now { mono: MonoNs(DurNs::from_secs(10 * cycle).0), wall: WallNs(0) }
}

fn report(cycle: u64) -> CycleReport {
    CycleReport {
        cycle,
        at: at(cycle),
        due_at: at(cycle).mono,
        missed_cycles: 0,
        loop_latency: Some(DurNs::from_ms(50)),
        pnl: Krw::ZERO,
        realized: Krw::ZERO,
        exposure: Krw::ZERO,
        open_pairs: 0,
        fills: 0,
        signals: 0,
        entered: 0,
        safety_rejections: 0,
        stop_losses: 0,
        rejects: 0,
        contradictions: 0,
    }
}

struct Bench {
    reports: Tx<CycleReport>,
    telemetry: Telemetry,
    process: Arc<ProcessBoard>,
    file: PathBuf,
}

/// Telemetry whose heartbeat goes to this address.
fn bench(name: &str, address: SocketAddr) -> Bench {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
    }
    let file = folder.join("live.log");
    let level = LevelFilter::Info;
    let limits = LogLimits { level, file: file.clone(), max_file_bytes: 1 << 20, max_files: 1 };
    let (_, queue) = open();
    let console = Console::through(Path::new("/nowhere"), Box::new(io::sink()));
    let mut log = LogWriter::new(queue, console, LevelFilter::Warn);
    log.keep_in(RotatingFile::open(&limits).expect("a log file"));
    let (reports, rx) = REPORTS.open();
    let mut ports = Ports::new(rx, log, Arc::default());
    let process = Arc::clone(&ports.sources.process);
    let boards =
        Boards { process: Arc::clone(&process), dog: Arc::default(), engine: Arc::default() };
    let beat = Beat::Redis(Box::new(plan(vec![address])));
    ports.heartbeat = Some(Heartbeat::new(beat, boards, Clock::start()));
    let live = LiveState::Blocked(vec!["mode is mock".into()]);
    let sampling = SampleLimits { every: None };
    let plan = Plan { sampling, glyphs: Glyphs::Ascii, live, timeline: Timeline::Real };
    Bench { reports, telemetry: Telemetry::new(plan, ports), process, file }
}

impl Bench {
    fn close_cycle(&mut self, cycle: u64) {
        self.reports.send(report(cycle)).expect("room");
        assert_eq!(self.telemetry.turn(at(cycle)), Turn::Worked);
    }
    fn lines(&self) -> usize {
        let text = fs::read_to_string(&self.file).expect("the log file");
        text.lines().filter(|line| line.contains("[METRICS]")).count()
    }
}

#[test]
fn beside_a_silent_redis_each_cycle_has_its_line_and_its_loop_p95() {
    let listener = silent();
    let mut bench = bench("redis-silence-cycles", address(&listener));
    for cycle in 1..=4u64 {
        bench.close_cycle(cycle);
        assert_eq!(bench.lines() as u64, cycle);
        assert_eq!(bench.process.loop_p95.get().map(|(_, at)| at), Some(at(cycle).mono));
        assert_eq!(taken(&listener), 1, "one beat a turn, to one address");
        assert_eq!(bench.process.heartbeat.get(), None);
        // Not due before its period is over, so a turn between two beats waits for nobody.
        assert_eq!((bench.telemetry.turn(at(cycle)), taken(&listener)), (Turn::Idle, 0));
    }
}

#[test]
fn once_the_run_ends_telemetry_takes_what_is_left_and_waits_for_no_redis() {
    let listener = silent();
    let mut bench = bench("redis-silence-end", address(&listener));
    bench.close_cycle(1);
    assert_eq!(taken(&listener), 1);
    bench.telemetry.stop(at(2));
    assert_eq!(bench.telemetry.due(), None, "no beat to wait for");
    bench.close_cycle(2);
    bench.telemetry.finish(at(3));
    assert_eq!((taken(&listener), bench.lines()), (0, 2));
}

/// Answers any question by the same bytes, one of them at a time.
struct Dripping {
    listener: TcpListener,
    open: Option<(TcpStream, usize)>,
    next: MonoNs,
}

impl Agent for Dripping {
    fn name(&self) -> &'static str {
        "dripping-redis"
    }
    fn turn(&mut self, now: Now) -> Turn {
        if let Ok((stream, _)) = self.listener.accept() {
            self.open = Some((stream, 0));
        }
        if now.mono >= self.next
            && let Some((stream, sent)) = &mut self.open
        {
            let bytes = b"+OK\r\n+OK\r\n+OK\r\n";
            // The client may be gone: that is what is tested.
            let _ = stream.write(bytes.get(*sent..=*sent).unwrap_or_default());
            *sent += 1;
            self.next = now.mono.plus(DROP);
        }
        Turn::Idle
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

#[test]
fn an_answer_drop_by_drop_is_over_when_its_time_is() {
    let mut stage = Stage::set();
    let listener = silent();
    let address = address(&listener);
    let server = Dripping { listener, open: None, next: MonoNs(0) };
    let worker = stage.crew.start(server, post("dripping-redis", Wait::Yield)).expect("starts");
    assert_eq!(client(vec![address]).beat("nonce", "state"), Err(BeatError::TimedOut));
    stage.crew.stop(Order::Drain);
    stage.returned(worker);
}

#[test]
fn addresses_are_known_before_the_first_beat_and_those_that_refuse_cost_no_beat() {
    let none = client(Vec::new()).beat("nonce", "state");
    assert!(matches!(none, Err(BeatError::Unreachable(_))), "{none:?}");
    let listener = silent();
    let gone = address(&silent());
    let both = client(vec![gone, address(&listener)]).beat("nonce", "state");
    assert_eq!((both, taken(&listener)), (Err(BeatError::TimedOut), 1), "the second one took it");
    let limits = RedisLimits { port: 6_380, ..plan(Vec::new()).limits };
    let found = resolve(&limits).expect("an address needs no name server");
    assert_eq!(found, ["127.0.0.1:6380".parse().expect("an address")]);
}
