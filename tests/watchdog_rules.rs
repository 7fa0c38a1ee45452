//! The table of signals (`FAULTS.md` 3.2): each row alone gives its class and nothing else, what
//! is not measured is not healthy, classes are left later than they are entered.

use arb::types::time::DurNs;
use arb::types::units::Ppm;
use arb::watchdog::gauge::Gauge;
use arb::watchdog::gauge::Watched;
use arb::watchdog::limits::Band;
use arb::watchdog::limits::MaxAges;
use arb::watchdog::limits::RuleLimits;
use arb::watchdog::liveness::Pace;
use arb::watchdog::rules::Judgement;
use arb::watchdog::rules::Rules;
use arb::watchdog::signal::Signal;
use arb::watchdog::signal::table;
use arb::watchdog::state::Severity;

const OK: Severity = Severity::Ok;
const WARN: Severity = Severity::Warn;
const ERROR: Severity = Severity::Error;
const FATAL: Severity = Severity::Fatal;
const HALT: Severity = Severity::Halt;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;
const MIB: u64 = 1 << 20;

const fn band(warn_ms: u64, error_ms: u64) -> Band {
    Band { warn: DurNs::from_ms(warn_ms), error: DurNs::from_ms(error_ms) }
}

/// The defaults of the configuration.
const LIMITS: RuleLimits = RuleLimits {
    loop_stall: band(100, 2_000),
    loop_dead_with_orders: DurNs::from_secs(10),
    loop_dead: DurNs::from_secs(30),
    loop_p95: band(200, 5_000),
    ws_lag: band(500, 2_000),
    fx_age: band(3_000, 60_000),
    redis_age: band(5_000, 15_000),
    redis_required: false,
    feed_stall: band(2_000, 5_000),
    gateway_stall: band(1_000, 3_000),
    gateway_dead: DurNs::from_secs(10),
    helper_stall: band(10_000, 60_000),
    warn_rss_bytes: 1_536 * MIB,
    max_rss_bytes: 2_048 * MIB,
    warn_cpu: Ppm::new(750_000),
    max_cpu: Ppm::new(900_000),
    warn_open_files: Ppm::new(800_000),
    max_open_files: Ppm::new(950_000),
    max_safety_rejections: 10,
    max_live_errors: 5,
    unknown_order_error: DurNs::from_secs(30),
    unknown_order_fatal: DurNs::from_secs(300),
    max_unknown_orders: 3,
    max_age: MaxAges {
        own: DurNs::from_secs(1),
        feed: DurNs::from_secs(2),
        cycle: DurNs::from_secs(60),
        process: DurNs::from_secs(60),
        poll: DurNs::from_secs(90),
    },
};

/// Value up to which each signal is OK (0 if any more is not), then the classes above: the value
/// above which each begins. Written from the table in the specification, not from the code.
const ROWS: [(Signal, &[(i64, Severity)]); 28] = [
    (Signal::LoopStall, &[(100 * MS, WARN), (2 * SECOND, ERROR), (30 * SECOND, FATAL)]),
    (Signal::LoopStallWithOrders, &[(10 * SECOND, FATAL)]),
    (Signal::LoopP95, &[(200 * MS, WARN), (5 * SECOND, ERROR)]),
    (Signal::WsLag, &[(500 * MS, WARN), (2 * SECOND, ERROR)]),
    (Signal::RedisAge, &[(5 * SECOND, WARN)]),
    (Signal::FeedStall, &[(2 * SECOND, WARN), (5 * SECOND, ERROR)]),
    (Signal::GatewayStall, &[(SECOND, WARN), (3 * SECOND, ERROR), (10 * SECOND, FATAL)]),
    (Signal::HelperStall, &[(10 * SECOND, WARN), (60 * SECOND, ERROR)]),
    (Signal::Rss, &[(1_536 * MIB as i64, WARN), (2_048 * MIB as i64, FATAL)]),
    (Signal::Cpu, &[(750_000, WARN)]),
    (Signal::OpenFiles, &[(800_000, WARN), (950_000, ERROR)]),
    (Signal::SafetyRejections, &[(10, WARN)]),
    (Signal::LiveErrors, &[(5, ERROR)]),
    (Signal::UnknownOrders, &[(0, WARN), (3, FATAL)]),
    (Signal::UnknownOrderAge, &[(30 * SECOND, ERROR), (300 * SECOND, FATAL)]),
    (Signal::Mismatch, &[(0, WARN), (1, ERROR)]),
    (Signal::HardMismatch, &[(0, FATAL)]),
    (Signal::JournalFailed, &[(0, HALT)]),
    (Signal::LockLost, &[(0, HALT)]),
    (Signal::KillSwitch, &[(0, HALT)]),
    (Signal::LossLimit, &[(0, HALT)]),
    (Signal::Banned, &[(0, FATAL)]),
    (Signal::AuthRefused, &[(0, HALT)]),
    (Signal::ForeignOrder, &[(0, FATAL)]),
    (Signal::CountMismatch, &[(0, FATAL)]),
    (Signal::ThreadDead, &[(0, HALT)]),
    (Signal::WsLagOptional, &[(500 * MS, WARN)]),
    (Signal::FxAge, &[(3 * SECOND, WARN), (60 * SECOND, ERROR)]),
];

fn everything() -> Vec<Watched> {
    ROWS.iter().map(|(signal, _)| Watched::whole(*signal)).collect()
}

/// The judgement when one signal has that gauge and all others are well.
fn alone(signal: Signal, gauge: Gauge) -> Judgement {
    let mut rules = Rules::new(&LIMITS, &everything());
    let gauges: Vec<Gauge> = rules
        .watched()
        .map(|watched| if watched.signal == signal { gauge } else { Gauge::fresh(0) })
        .collect();
    rules.judge(&gauges, Pace::OnTime)
}

#[test]
fn each_row_alone_gives_its_class_and_names_itself() {
    for (signal, classes) in ROWS {
        let mut below = OK;
        for (above, class) in classes {
            for (value, severity) in [(*above, below), (above + 1, *class)] {
                let judged = alone(signal, Gauge::fresh(value));
                assert_eq!(judged.severity, severity, "{signal:?} at {value}");
                let cause = judged.cause.map(|cause| (cause.watched.signal, cause.value));
                let expected = (severity > OK).then_some((signal, Some(value)));
                assert_eq!(cause, expected, "{signal:?} at {value}");
            }
            below = *class;
        }
        assert_eq!(alone(signal, Gauge::fresh(i64::MAX)).severity, below, "{signal:?} at most");
    }
}

#[test]
fn the_table_stands_in_the_order_of_its_signals() {
    for (number, rule) in table(&LIMITS).iter().enumerate() {
        assert_eq!(rule.signal as usize, number, "{:?}", rule.signal);
        assert!(!rule.signal.name().is_empty());
    }
    for (number, (signal, _)) in ROWS.iter().enumerate() {
        assert_eq!(*signal as usize, number, "this test leaves no signal out");
    }
    assert_eq!(table(&LIMITS).len(), ROWS.len() + 1, "the host's pause has a test of its own");
}

#[test]
fn an_unknown_gauge_is_a_warn_after_its_age_and_an_error_after_twice_of_it() {
    let rules = table(&LIMITS);
    for (signal, _) in ROWS {
        let age = rules[signal as usize].max_age.0;
        let capped = [Signal::RedisAge, Signal::Cpu, Signal::WsLagOptional];
        let cap = if capped.contains(&signal) { WARN } else { ERROR };
        for value in [None, Some(0)] {
            let severity = |age| alone(signal, Gauge { value, age: DurNs(age) }).severity;
            assert_eq!(severity(age), OK, "{signal:?}");
            assert_eq!(severity(age + 1), WARN, "{signal:?}");
            assert_eq!(severity(2 * age), WARN, "{signal:?}");
            assert_eq!(severity(2 * age + 1), cap, "{signal:?}");
        }
        let judged = alone(signal, Gauge::MISSING);
        let cause = judged.cause.expect("a cause");
        assert_eq!((cause.watched.signal, cause.value), (signal, None));
    }
}

#[test]
fn a_gauge_that_nobody_hands_in_is_unknown() {
    let watched = [Watched::whole(Signal::LoopStall), Watched::whole(Signal::WsLag)];
    let mut rules = Rules::new(&LIMITS, &watched);
    let judged = rules.judge(&[Gauge::fresh(0)], Pace::OnTime);
    assert_eq!(judged.severity, ERROR);
    assert_eq!(judged.cause.map(|cause| cause.watched), Some(watched[1]));
}

/// Severities of one signal's values in turn.
fn in_turn(signal: Signal, values: &[i64]) -> Vec<Severity> {
    let mut rules = Rules::new(&LIMITS, &[Watched::whole(signal)]);
    let judge = |value: &i64| rules.judge(&[Gauge::fresh(*value)], Pace::OnTime).severity;
    values.iter().map(judge).collect()
}

#[test]
fn a_class_is_left_at_eight_tenths_of_its_bound() {
    let ms = [501, 499, 401, 400, 499, 501].map(|ms| ms * MS);
    assert_eq!(in_turn(Signal::WsLag, &ms), [WARN, WARN, WARN, OK, OK, WARN]);
    let ms = [2_001, 1_601, 1_600, 401, 400].map(|ms| ms * MS);
    assert_eq!(in_turn(Signal::WsLag, &ms), [ERROR, ERROR, WARN, WARN, OK]);
}

#[test]
fn leaving_fatal_passes_through_the_classes_below() {
    let values = [31, 25, 24, 1, 0].map(|seconds| seconds * SECOND);
    assert_eq!(in_turn(Signal::LoopStall, &values), [FATAL, FATAL, ERROR, WARN, OK]);
    assert_eq!(in_turn(Signal::UnknownOrders, &[4, 3, 2, 0]), [FATAL, FATAL, WARN, OK]);
    assert_eq!(in_turn(Signal::KillSwitch, &[1, 0]), [HALT, OK]);
}

#[test]
fn going_silent_does_not_hide_the_last_class() {
    let mut rules = Rules::new(&LIMITS, &[Watched::whole(Signal::Rss)]);
    let full = Some(i64::MAX);
    assert_eq!(rules.judge(&[Gauge { value: full, age: DurNs(0) }], Pace::OnTime).severity, FATAL);
    let stale = Gauge { value: Some(0), age: DurNs::from_secs(61) };
    assert_eq!(rules.judge(&[stale], Pace::OnTime).severity, FATAL);
    assert_eq!(rules.judge(&[Gauge::fresh(0)], Pace::OnTime).severity, OK);
}

#[test]
fn required_redis_stops_entries_but_never_strikes() {
    let limits = RuleLimits { redis_required: true, ..LIMITS };
    let mut rules = Rules::new(&limits, &[Watched::whole(Signal::RedisAge)]);
    for gauge in [Gauge::lasting(DurNs::from_ms(15_001)), Gauge::MISSING] {
        assert_eq!(rules.judge(&[gauge], Pace::OnTime).severity, Severity::ErrorNoStrike);
    }
}

#[test]
fn the_cause_is_the_first_of_the_worst_and_says_of_which_venue() {
    let of = |signal, of| Watched { signal, of };
    let watched = [
        of(Signal::WsLag, "upbit"),
        of(Signal::WsLag, "binance"),
        of(Signal::FeedStall, "feed-binance"),
        of(Signal::LoopStall, ""),
    ];
    let mut rules = Rules::new(&LIMITS, &watched);
    let gauges = [600 * MS, 2_001 * MS, 5_001 * MS, 101 * MS].map(Gauge::fresh);
    let judged = rules.judge(&gauges, Pace::OnTime);
    let cause = judged.cause.expect("a cause");
    assert_eq!((judged.severity, cause.value), (ERROR, Some(2_001 * MS)));
    assert_eq!(cause.watched.to_string(), "ws_lag_ms binance");
    assert_eq!(watched[3].to_string(), "loop_ms");
}

#[test]
fn each_venue_keeps_its_own_class() {
    let watched = ["upbit", "binance"].map(|of| Watched { signal: Signal::WsLag, of });
    let mut rules = Rules::new(&LIMITS, &watched);
    let mut judge = |upbit, binance| {
        rules.judge(&[Gauge::fresh(upbit * MS), Gauge::fresh(binance * MS)], Pace::OnTime).severity
    };
    assert_eq!(judge(501, 0), WARN);
    assert_eq!(judge(0, 450), OK, "the other venue never was above the bound");
}

#[test]
fn after_a_pause_of_the_host_nobody_is_judged_and_it_is_a_warn() {
    let watched = [Watched::whole(Signal::LoopStall)];
    let mut rules = Rules::new(&LIMITS, &watched);
    let stalled = [Gauge::lasting(DurNs::from_secs(60))];
    let judged = rules.judge(&stalled, Pace::Paused);
    assert_eq!(judged, Judgement::HOST_PAUSE);
    assert_eq!(judged.severity, WARN);
    assert_eq!(judged.cause.map(|cause| cause.watched.to_string()).as_deref(), Some("host_pause"));
    let after = rules.judge(&[Gauge::lasting(DurNs::from_ms(90))], Pace::OnTime);
    assert_eq!(after.severity, OK, "the pause left no class behind");
}

#[test]
fn a_pause_in_the_window_of_the_loop_p95_is_a_warn_until_it_has_left() {
    let watched = [Watched::whole(Signal::LoopP95)];
    let mut rules = Rules::new(&LIMITS, &watched);
    let slow = [Gauge::lasting(DurNs::from_secs(6))];
    assert_eq!(rules.judge(&slow, Pace::OnTime).severity, ERROR);
    rules.judge(&slow, Pace::Paused);
    for cycle in 0..100 {
        assert_eq!(rules.judge(&slow, Pace::OnTime).severity, WARN, "cycle {cycle}");
        rules.pass_cycle();
    }
    assert_eq!(rules.judge(&slow, Pace::OnTime).severity, ERROR);
}

#[test]
fn the_worst_tick_of_a_cycle_keeps_its_cause() {
    let warn = alone(Signal::Cpu, Gauge::fresh(i64::MAX));
    let error = alone(Signal::WsLag, Gauge::fresh(i64::MAX));
    let other = alone(Signal::LiveErrors, Gauge::fresh(i64::MAX));
    assert_eq!(warn.worse_of(error).worse_of(Judgement::OK).worse_of(other), error);
}
