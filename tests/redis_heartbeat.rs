//! The heartbeat through Redis: a real server that is well, stopped, stalled and restarted, and a
//! scripted one that is silent at every stage, answers wrongly, and refuses (`FAULTS.md` F53-F57).
//! Time is told, so backoff costs no waiting; timeouts of the client are real.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/crew.rs"]
mod crew;
#[path = "support/redis.rs"]
mod redis;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::stats::profiler::RedisLatencyProfiler;
use arb::stats::profiler::Trend;
use arb::telemetry::heartbeat::Beat;
use arb::telemetry::heartbeat::Boards;
use arb::telemetry::heartbeat::Change;
use arb::telemetry::heartbeat::Heartbeat;
use arb::telemetry::limits::RedisLimits;
use arb::telemetry::redis::BeatError;
use arb::telemetry::redis::Password;
use arb::telemetry::redis::RedisPlan;
use arb::telemetry::redis::resolve;
use arb::types::board::EngineFigures;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;

use crate::crew::Stage;
use crate::crew::post;
use crate::redis::PATIENCE;
use crate::redis::Script;
use crate::redis::Scripted;
use crate::redis::Server;
use crate::redis::server_is_there;
use crate::redis::until;

/// Where nothing should time out, and where something has to.
const LONG: DurNs = DurNs::from_secs(20);
const SHORT: DurNs = DurNs::from_ms(100);
/// Longer than any backoff.
const STEP: DurNs = DurNs::from_secs(10);
const SECRET: &str = "canary-7f3a";

/// A heartbeat and the time that it is told.
struct Patient {
    heartbeat: Heartbeat,
    boards: Boards,
    now: Now,
}

fn plan(port: u16, timeout: DurNs) -> RedisPlan {
    let limits = RedisLimits {
        host: "127.0.0.1".to_owned(),
        port,
        database: 0,
        prefix: "desk".to_owned(),
        ttl: DurNs::from_secs(60),
        timeout,
    };
    let addresses = resolve(&limits).expect("an address needs no name server");
    let (instance, run_id) = ("one".to_owned(), "run-9".to_owned());
    RedisPlan { limits, instance, run_id, password: None, addresses }
}

impl Patient {
    fn of(plan: RedisPlan) -> Patient {
        let boards =
            Boards { process: Arc::default(), dog: Arc::default(), engine: Arc::default() };
        let beat = Beat::Redis(Box::new(plan));
        let heartbeat = Heartbeat::new(beat, boards.clone(), Clock::start());
        Patient { heartbeat, boards, now: Now { mono: MonoNs(0), wall: WallNs(0) } }
    }
    /// The next beat: why it did not come back. Hangs in no case.
    fn beat(&mut self) -> Option<BeatError> {
        let clock = Clock::start();
        self.now.mono = self.now.mono.plus(STEP);
        assert!(self.heartbeat.turn(self.now), "it was due");
        assert!(clock.mono().since(MonoNs(0)) < PATIENCE, "it hung");
        self.heartbeat.last_error().cloned()
    }
    fn shown(&self) -> Option<(i64, MonoNs)> {
        self.boards.process.heartbeat.get()
    }
    /// Beats until one comes back.
    fn until_back(&mut self) {
        until("heartbeat", || self.beat().is_none());
    }
}

#[test]
fn a_heartbeat_that_comes_back_is_shown_with_its_round_trip_and_lives_for_its_ttl() {
    if !server_is_there("a healthy Redis") {
        return;
    }
    let server = Server::start();
    let mut patient = Patient::of(plan(server.port, LONG));
    let figures = EngineFigures { cycles: 41, ..EngineFigures::default() };
    patient.boards.engine.publish(&figures);
    patient.boards.dog.show(2, 0);
    assert_eq!(patient.beat(), None);
    let (round_trip, at) = patient.shown().expect("shown");
    assert!(round_trip > 0 && at >= patient.now.mono);
    assert_eq!(patient.heartbeat.kind(), "redis");
    assert!(patient.heartbeat.take_sample().is_some_and(|sample| sample.0 == round_trip as u64));
    assert_eq!(patient.heartbeat.take_change(), None, "being well is no news");
    assert!(server.ask("GET desk:one:heartbeat").contains("run-9:1:"));
    let state = server.ask("GET desk:one:state");
    assert!(state.contains(r#""state":"WARN""#) && state.contains(r#""cycle":41"#), "{state}");
    for key in ["desk:one:heartbeat", "desk:one:state"] {
        let left = server.ask(&format!("TTL {key}"));
        let left: u64 = left.trim_start_matches(':').trim().parse().expect("a number");
        assert!((1..=60).contains(&left), "{key}: {left}");
    }
    assert_eq!(patient.beat(), None);
    assert!(server.ask("GET desk:one:heartbeat").contains("run-9:2:"));
}

#[test]
fn a_server_that_is_not_there_is_lost_once_and_the_old_heartbeat_stays_old() {
    if !server_is_there("a stopped Redis") {
        return;
    }
    let server = Server::start();
    let mut patient = Patient::of(plan(server.port, LONG));
    assert_eq!(patient.beat(), None);
    let shown = patient.shown();
    drop(server);
    for round in 0..3 {
        let error = patient.beat().expect("nobody is there");
        assert!(matches!(error, BeatError::Unreachable(_)), "{error:?}");
        let change = patient.heartbeat.take_change();
        assert_eq!(matches!(change, Some(Change::Lost(_))), round == 0, "{change:?}");
    }
    assert_eq!(patient.shown(), shown, "its age grows");
}

#[test]
fn a_stopped_server_process_times_out_and_is_back_when_it_goes_on() {
    if !server_is_there("a Redis that stands still") {
        return;
    }
    let server = Server::start();
    let mut patient = Patient::of(plan(server.port, SHORT));
    patient.until_back();
    patient.heartbeat.take_change();
    let shown = patient.shown();
    server.signal("STOP");
    // The kernel still takes connections for it: the second one finds silence, too.
    assert_eq!([patient.beat(), patient.beat()], [const { Some(BeatError::TimedOut) }; 2]);
    assert_eq!(patient.heartbeat.take_change(), Some(Change::Lost(BeatError::TimedOut)));
    assert_eq!(patient.shown(), shown);
    server.signal("CONT");
    patient.until_back();
    assert!(matches!(patient.heartbeat.take_change(), Some(Change::Back(_))));
    assert_ne!(patient.shown(), shown);
}

#[test]
fn a_server_busy_with_something_else_times_out_and_its_late_reply_is_never_taken() {
    if !server_is_there("a Redis that sleeps") {
        return;
    }
    let server = Server::start();
    let mut patient = Patient::of(plan(server.port, SHORT));
    patient.until_back();
    let asleep = server.tell("DEBUG SLEEP 1");
    until("timeout", || patient.beat() == Some(BeatError::TimedOut));
    patient.until_back();
    assert_eq!(patient.beat(), None, "and what was late confuses nobody");
    drop(asleep);
}

#[test]
fn a_restarted_server_hears_the_heartbeat_again_and_the_trend_follows_a_slow_one() {
    if !server_is_there("a restarted Redis") {
        return;
    }
    let mut server = Server::start();
    let port = server.port;
    let mut patient = Patient::of(plan(port, LONG));
    let mut profiler = RedisLatencyProfiler::default();
    for _ in 0..5 {
        assert_eq!(patient.beat(), None);
        profiler.record(patient.heartbeat.take_sample().expect("a sample"));
    }
    drop(server);
    assert!(patient.beat().is_some());
    assert_eq!(patient.heartbeat.take_sample(), None);
    assert_eq!(profiler.trend(), Trend::InsufficientData, "what is lost is no sample");
    server = Server::start_on(port).expect("the port is ours");
    patient.until_back();
    assert!(matches!(patient.heartbeat.take_change(), Some(Change::Back(_))));
    for _ in 0..5 {
        let asleep = server.tell("DEBUG SLEEP 0.1");
        assert_eq!(patient.beat(), None);
        profiler.record(patient.heartbeat.take_sample().expect("a sample"));
        drop(asleep);
    }
    assert_eq!(profiler.trend(), Trend::Increasing);
    assert!(profiler.max() > Some(DurNs::from_ms(50)), "{:?}", profiler.max());
}

/// Puts a scripted server on a thread for as long as the test takes.
fn with_server(script: Script, test: impl FnOnce(u16, &AtomicUsize)) {
    let mut stage = Stage::set();
    let (server, port, accepted) = Scripted::new(script);
    let worker = stage.crew.start(server, post("scripted-redis", Wait::Yield)).expect("starts");
    test(port, &accepted);
    stage.crew.stop(Order::Drain);
    stage.returned(worker);
}

fn ok() -> Option<String> {
    Some("+OK\r\n".to_owned())
}

fn bulk(text: &str) -> Option<String> {
    Some(format!("${}\r\n{text}\r\n", text.len()))
}

/// Answers as a server does.
fn honest() -> impl FnMut(&[String]) -> Option<String> + Send {
    let mut stored = String::new();
    move |words| match words[0].as_str() {
        "GET" => bulk(&stored),
        "SET" if words[1].ends_with(":heartbeat") => {
            stored.clone_from(&words[2]);
            ok()
        }
        _ => ok(),
    }
}

#[test]
fn silence_at_any_stage_times_out_and_the_connection_is_never_used_again() {
    const STAGES: [&str; 4] = ["AUTH", "SELECT", "SET", "GET"];
    for (index, silent_from) in STAGES.iter().enumerate() {
        let mut honest = honest();
        let script = move |words: &[String]| {
            let is_silent = STAGES[index..].contains(&words[0].as_str());
            if is_silent { None } else { honest(words) }
        };
        with_server(Box::new(script), |port, accepted| {
            let mut plan = plan(port, SHORT);
            plan.limits.database = 3;
            plan.password = Password::new(SECRET.to_owned());
            let mut patient = Patient::of(plan);
            for round in 1..=3 {
                assert_eq!(patient.beat(), Some(BeatError::TimedOut), "silent at {silent_from}");
                until("connection", || accepted.load(Ordering::SeqCst) == round);
            }
            assert_eq!(patient.shown(), None, "silent at {silent_from}");
        });
    }
}

#[test]
fn a_server_that_accepts_and_says_nothing_at_all_times_out() {
    with_server(Box::new(|_| None), |port, accepted| {
        let mut patient = Patient::of(plan(port, SHORT));
        assert_eq!([patient.beat(), patient.beat()], [const { Some(BeatError::TimedOut) }; 2]);
        until("connection", || accepted.load(Ordering::SeqCst) == 2);
    });
}

#[test]
fn a_connection_is_kept_while_all_is_well() {
    with_server(Box::new(honest()), |port, accepted| {
        let mut patient = Patient::of(plan(port, LONG));
        for _ in 0..20 {
            assert_eq!(patient.beat(), None);
        }
        assert_eq!(accepted.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_reply_to_another_question_ends_the_connection_and_the_next_beat_is_good() {
    // What comes instead of the replies to SET, SET and GET; `@` is the right echo.
    let wrong: [(&str, [&str; 3]); 9] = [
        ("the echo first", ["@", "+OK\r\n", "+OK\r\n"]),
        ("the echo second", ["+OK\r\n", "@", "+OK\r\n"]),
        ("an older echo", ["+OK\r\n", "+OK\r\n", "$9\r\nrun-9:0:0\r\n"]),
        ("an echo and more", ["+OK\r\n", "+OK\r\n", "$3\r\nrun\r\n+OK\r\n"]),
        ("a gone key", ["+OK\r\n", "+OK\r\n", "$-1\r\n"]),
        ("a number", [":1\r\n", "+OK\r\n", "@"]),
        ("another word", ["+QUEUED\r\n", "+OK\r\n", "@"]),
        ("a list", ["*0\r\n", "+OK\r\n", "@"]),
        ("nonsense", ["HTTP/1.1 200 OK\r\n\r\n", "", ""]),
    ];
    for (what, replies) in wrong {
        let (mut count, mut nonce, mut honest) = (0, String::new(), honest());
        let script = move |words: &[String]| {
            let right = honest(words);
            if words[0] == "SET" && words[1].ends_with(":heartbeat") {
                nonce = bulk(&words[2])?;
            }
            count += 1;
            replies.get(count - 1).map_or(right, |reply| Some(reply.replace('@', &nonce)))
        };
        with_server(Box::new(script), |port, accepted| {
            let mut patient = Patient::of(plan(port, LONG));
            let error = patient.beat();
            assert!(matches!(error, Some(BeatError::WrongReply(_))), "{what}: {error:?}");
            assert_eq!(patient.shown(), None, "{what}");
            assert_eq!(patient.beat(), None, "{what}");
            assert_eq!(accepted.load(Ordering::SeqCst), 2, "{what}: a connection of its own");
        });
    }
}

#[test]
fn an_extra_reply_of_the_past_is_noticed_at_the_next_beat() {
    let (mut gets, mut honest) = (0, honest());
    let script = move |words: &[String]| {
        let right = honest(words)?;
        gets += usize::from(words[0] == "GET");
        Some(if words[0] == "GET" && gets == 1 { format!("{right}+OK\r\n") } else { right })
    };
    with_server(Box::new(script), |port, _| {
        let mut patient = Patient::of(plan(port, LONG));
        assert_eq!(patient.beat(), None);
        assert!(matches!(patient.beat(), Some(BeatError::WrongReply(_))));
        assert_eq!(patient.beat(), None);
    });
}

#[test]
fn what_a_server_refuses_is_named_by_its_code_and_by_nothing_that_it_echoes() {
    for (at, code) in [
        ("SET", "LOADING"),
        ("SET", "READONLY"),
        ("SET", "NOAUTH"),
        ("SET", "MISCONF"),
        ("SET", "OOM"),
        ("AUTH", "WRONGPASS"),
        ("AUTH", "ERR"),
        ("SELECT", "ERR"),
    ] {
        let mut honest = honest();
        let script = move |words: &[String]| match words[0] == at {
            true => Some(format!("-{code} unknown command, with args: {}\r\n", words.join(" "))),
            false => honest(words),
        };
        with_server(Box::new(script), |port, _| {
            let mut plan = plan(port, LONG);
            plan.limits.database = 3;
            plan.password = Password::new(SECRET.to_owned());
            assert!(!format!("{plan:?}").contains(SECRET), "{plan:?}");
            let mut patient = Patient::of(plan);
            let error = patient.beat().expect("refused");
            assert_eq!(error, BeatError::Refused(code.to_owned()));
            let change = patient.heartbeat.take_change();
            assert!(!format!("{error} {error:?} {change:?}").contains(SECRET));
        });
    }
}

#[test]
fn an_error_code_that_is_none_is_not_repeated() {
    let script = |words: &[String]| Some(format!("-{}\r\n", words[1]));
    with_server(Box::new(script), |port, _| {
        let mut plan = plan(port, LONG);
        plan.password = Password::new(SECRET.to_owned());
        let error = Patient::of(plan).beat().expect("refused");
        assert_eq!(error, BeatError::Refused("with an unknown error".to_owned()));
    });
}

#[test]
fn a_password_opens_a_real_server_and_without_it_the_server_refuses() {
    if !server_is_there("a Redis with a password") {
        return;
    }
    let server = Server::start();
    assert_eq!(server.ask(&format!("CONFIG SET requirepass {SECRET}")), "+OK\r\n");
    let mut stranger = Patient::of(plan(server.port, LONG));
    assert_eq!(stranger.beat(), Some(BeatError::Refused("NOAUTH".to_owned())));
    let mut plan = plan(server.port, LONG);
    plan.password = Password::new("wrong".to_owned());
    assert_eq!(Patient::of(plan.clone()).beat(), Some(BeatError::Refused("WRONGPASS".to_owned())));
    plan.password = Password::new(SECRET.to_owned());
    plan.limits.database = 3;
    assert_eq!(Patient::of(plan).beat(), None);
}
