//! The watchdog agent on a virtual clock, over boards and pulses as the threads write them.

use std::sync::atomic::Ordering;

use arb::runtime::agent::Agent;
use arb::runtime::pulse::State;
use arb::types::control::Permission;
use arb::types::notice::NoticeKind;
use arb::types::time::DurNs;
use arb::watchdog::step::Standing;

use dog_stage::Out;
use dog_stage::SECOND;
use dog_stage::STEP;
use dog_stage::Stage;

#[path = "support/dog_stage.rs"]
mod dog_stage;

#[test]
fn an_engine_blocked_for_six_seconds_is_told_while_it_is_blocked_and_entries_stop() {
    let mut stage = Stage::trading("");
    let begin = stage.at_ms;
    stage.run(3 * SECOND, Out::Engine);
    let (at, cause) = stage.severity("ERROR").expect("told while it lasts");
    assert_eq!(cause, "loop_ms engine");
    assert!((2 * SECOND..=2 * SECOND + 500).contains(&(at - begin)), "{} ms", at - begin);
    assert_eq!(stage.permission(), Permission::Finish);
    assert_eq!(stage.path(), ["NORMAL", "WARN", "ERROR"], "its cycles pass without the engine");
    stage.run(3 * SECOND, Out::Engine);
    stage.run(11 * SECOND, Out::Nothing);
    assert_eq!(stage.permission(), Permission::Trade, "after the hold");
    stage.run(20 * SECOND, Out::Nothing);
    assert_eq!(stage.path(), ["NORMAL", "WARN", "ERROR", "NORMAL"]);
}

#[test]
fn a_thread_that_beats_and_leaves_its_work_is_told_as_stuck() {
    let mut stage = Stage::trading("");
    stage.run(3 * SECOND, Out::Work);
    assert_eq!(stage.severity("ERROR").map(|(_, cause)| cause), Some("loop_ms engine".to_owned()));
}

#[test]
fn a_silent_feed_is_an_error_of_that_venue_and_a_soft_reset_asks_it_to_reconnect() {
    let mut stage =
        Stage::trading("watchdog: {error_reset_cycles: 6, cooldown_after_critical: 30}");
    stage.run(5 * SECOND, Out::Frames);
    assert_eq!(stage.severity("ERROR").map(|(_, cause)| cause), Some("ws_lag_ms upbit".into()));
    assert!(!stage.feed.reconnect_asked.load(Ordering::Relaxed), "too early");
    stage.run(6 * SECOND, Out::Frames);
    assert!(stage.feed.reconnect_asked.load(Ordering::Relaxed));
    assert!(stage.board.soft_resets.load(Ordering::Relaxed) > 0);
}

#[test]
fn an_fx_rate_that_grows_old_is_a_warn_then_an_error_until_it_is_back() {
    let mut stage = Stage::trading("");
    stage.run(30 * SECOND, Out::Nothing);
    assert_eq!((stage.severity("WARN"), stage.severity("ERROR")), (None, None));
    let stops = stage.at_ms;
    stage.run(59 * SECOND, Out::Fx);
    let (at, cause) = stage.severity("WARN").expect("told beyond fx.max_age_ms");
    assert_eq!(cause, "fx_age_ms");
    assert!((3 * SECOND..=3 * SECOND + 500).contains(&(at - stops)), "{} ms", at - stops);
    assert_eq!((stage.board.state(), stage.permission()), ("WARN", Permission::Trade));
    stage.run(4 * SECOND, Out::Fx);
    let (at, cause) = stage.severity("ERROR").expect("told beyond a minute");
    assert_eq!(cause, "fx_age_ms");
    assert!((60 * SECOND..=60 * SECOND + 500).contains(&(at - stops)), "{} ms", at - stops);
    stage.run(30 * SECOND, Out::Nothing);
    assert_eq!((stage.board.state(), stage.permission()), ("NORMAL", Permission::Trade));
}

#[test]
fn a_run_that_waits_for_its_first_fx_rate_is_warned_and_not_an_error_at_once() {
    let mut stage = Stage::set("", Standing::default());
    stage.run(3 * SECOND, Out::Fx);
    assert_eq!(stage.severity("WARN"), None, "connecting takes its time");
    stage.run(56 * SECOND, Out::Fx);
    assert_eq!(stage.severity("WARN").map(|(_, cause)| cause), Some("fx_age_ms".to_owned()));
    assert_eq!(stage.severity("ERROR"), None);
    stage.run(2 * SECOND, Out::Fx);
    assert_eq!(stage.severity("ERROR").map(|(_, cause)| cause), Some("fx_age_ms".to_owned()));
}

#[test]
fn an_error_that_lasts_is_critical_at_its_third_strike_then_cools_down_and_resumes() {
    let yaml = "watchdog: {warn_reset_cycles: 2, error_reset_cycles: 4, \
                cooldown_after_critical: 30, error_entry_hold_seconds: 1}";
    let mut stage = Stage::trading(yaml);
    stage.run(14 * SECOND, Out::Frames);
    let expected = ["NORMAL", "WARN", "ERROR", "CRITICAL", "COOLDOWN"];
    assert_eq!(stage.path(), expected);
    assert_eq!(stage.permission(), Permission::Query);
    assert!(stage.board.standing()[0] > DurNs(0), "kept for the next process");
    stage.run(26 * SECOND, Out::Nothing);
    assert_eq!(stage.board.state(), "COOLDOWN", "not a moment less");
    stage.run(4 * SECOND, Out::Nothing);
    assert_eq!((stage.board.state(), stage.board.strikes()), ("NORMAL", 2), "on probation");
    assert_eq!(stage.permission(), Permission::Trade);
}

#[test]
fn a_drain_is_over_only_when_the_engine_has_acted_on_it() {
    let mut stage = Stage::trading("");
    stage.rss_mb = 3_000;
    stage.shown.open_orders = 1;
    stage.shown.is_at_rest = false;
    stage.run(5 * SECOND, Out::Nothing);
    assert_eq!((stage.board.state(), stage.permission()), ("CRITICAL", Permission::Reduce));
    (stage.shown.open_orders, stage.shown.is_at_rest) = (0, true);
    stage.rss_mb = 20;
    stage.run(500, Out::Engine);
    assert_eq!(stage.board.state(), "CRITICAL", "the engine has not told so yet");
    stage.run(500, Out::Nothing);
    assert_eq!(stage.board.state(), "COOLDOWN");
}

#[test]
fn each_ending_has_its_exit_code() {
    let shutdown = "watchdog: {on_critical: shutdown}";
    let end = |yaml: &str, change: &dyn Fn(&mut Stage)| {
        let mut stage = Stage::trading(yaml);
        change(&mut stage);
        stage.run(20 * SECOND, Out::Nothing);
        assert_eq!(stage.board.state(), "EXIT");
        stage.board.ending()
    };
    assert_eq!(end(shutdown, &|stage| stage.rss_mb = 3_000), Some(20));
    assert_eq!(end("", &|stage| stage.shown.loss_limit = true), Some(21));
    let exposed = |stage: &mut Stage| {
        (stage.rss_mb, stage.shown.is_exposed) = (3_000, true);
    };
    assert_eq!(end(shutdown, &exposed), Some(22));
    let mut stage = Stage::trading("watchdog: {on_critical: shutdown}");
    stage.shown.is_at_rest = false;
    stage.rss_mb = 3_000;
    stage.run(14 * SECOND, Out::Nothing);
    assert_eq!(stage.board.ending(), None, "the drain may last 15 s");
    stage.run(3 * SECOND, Out::Nothing);
    assert_eq!(stage.board.ending(), Some(22), "and no longer");
}

#[test]
fn the_third_critical_of_a_day_ends_the_run_for_an_operator() {
    let memory = DurNs::from_secs(80_000);
    let standing = Standing { criticals_left: [memory, memory, DurNs(0)], ..Standing::default() };
    let mut stage = Stage::set("", standing);
    stage.run(SECOND, Out::Nothing);
    stage.rss_mb = 3_000;
    stage.run(2 * SECOND, Out::Nothing);
    assert_eq!(stage.board.ending(), Some(23));
}

#[test]
fn a_cooldown_of_the_process_before_lets_the_next_one_only_observe() {
    let standing = Standing { cooldown_left: DurNs::from_secs(20), ..Standing::default() };
    let mut stage = Stage::set("", standing);
    stage.run(19 * SECOND, Out::Nothing);
    assert_eq!((stage.board.state(), stage.permission()), ("BOOT", Permission::Query));
    stage.run(2 * SECOND, Out::Nothing);
    assert_eq!((stage.board.state(), stage.permission()), ("NORMAL", Permission::Trade));
}

#[test]
fn a_pause_of_the_host_is_named_and_nobody_is_judged_by_it() {
    let mut stage = Stage::trading("");
    stage.at_ms += 6 * SECOND;
    assert_eq!(stage.permission(), Permission::Query, "the lease ran out meanwhile");
    stage.run(STEP, Out::Engine);
    assert_eq!(stage.severity("WARN").map(|(_, cause)| cause), Some("host_pause".to_owned()));
    stage.run(5 * SECOND, Out::Nothing);
    assert_eq!(stage.severity("ERROR"), None);
    assert_eq!(stage.board.host_pauses.load(Ordering::Relaxed), 1);
    assert_eq!(stage.permission(), Permission::Trade);
}

#[test]
fn a_pause_of_the_host_excuses_times_only_and_lets_nothing_new_in_until_all_is_judged() {
    let mut stage = Stage::trading("");
    stage.at_ms += 6 * SECOND;
    stage.run(5 * STEP, Out::Nothing);
    assert_eq!(stage.permission(), Permission::Finish, "not everything is judged yet");
    stage.rss_mb = 3_000;
    stage.run(6 * STEP, Out::Nothing);
    assert_eq!(stage.board.state(), "CRITICAL", "memory is no time");
}

#[test]
fn pauses_that_never_end_excuse_nothing() {
    let mut stage = Stage::trading("");
    for _ in 0..10 {
        stage.at_ms += 2 * SECOND;
        stage.run(STEP * 6, Out::Frames);
    }
    assert_eq!(stage.severity("ERROR").map(|(_, cause)| cause), Some("ws_lag_ms upbit".into()));
}

#[test]
fn a_dead_engine_with_orders_at_work_is_critical_sooner_than_one_without() {
    for (orders, cause) in [(0, "loop_ms engine"), (2, "loop_ms_with_orders engine")] {
        let mut stage = Stage::trading("");
        stage.shown.open_orders = orders;
        stage.run(SECOND, Out::Nothing);
        stage.run(13 * SECOND, Out::Engine);
        let fatal = stage.severity("FATAL").map(|(_, cause)| cause);
        assert_eq!(fatal, (orders > 0).then(|| cause.to_owned()));
        stage.run(20 * SECOND, Out::Engine);
        assert!(stage.severity("FATAL").is_some_and(|(_, told)| told == cause), "{orders}");
    }
}

#[test]
fn one_warning_does_not_hide_another() {
    let mut stage = Stage::trading("");
    stage.p95_ms = 300;
    stage.run(2 * SECOND, Out::Nothing);
    stage.rss_mb = 1_700;
    stage.run(2 * SECOND, Out::Nothing);
    let warned: Vec<String> = stage
        .told
        .iter()
        .filter_map(|(_, kind)| match kind {
            NoticeKind::Severity { severity: "WARN", cause } => cause.map(|c| c.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(warned, ["loop_p95", "rss_mb"]);
}

#[test]
fn a_gauge_that_nobody_writes_any_more_is_an_error_after_its_grace() {
    let mut stage = Stage::trading("watchdog: {telemetry_stall_warn_threshold_ms: 1000}");
    let now = stage.now().mono;
    for _ in 0..100 {
        stage.at_ms += STEP;
        stage.threads(Out::Nothing);
        stage.process.rss.put(20 << 20, now);
        stage.dog.turn(stage.now());
    }
    while let Some(notice) = stage.notices.take() {
        stage.told.push((stage.at_ms, notice.kind));
    }
    assert_eq!(stage.severity("ERROR").map(|(_, cause)| cause), Some("rss_mb".to_owned()));
}

#[test]
fn a_dead_thread_leaves_only_what_reduces_and_ends_the_run() {
    let mut stage = Stage::trading("");
    stage.engine.enter(State::Dead);
    stage.run(STEP * 5, Out::Engine);
    assert!(stage.permission() <= Permission::Reduce);
    assert_eq!(stage.board.state(), "CRITICAL");
}

#[test]
fn a_run_that_is_asked_to_end_passes_through_stopping_to_its_exit() {
    let mut stage = Stage::trading("");
    stage.dog.stop(stage.now());
    stage.run(SECOND, Out::Engine);
    assert_eq!(stage.path(), ["NORMAL", "STOPPING", "EXIT"]);
    assert!(stage.dog.is_drained());
    assert_eq!(stage.board.ending(), Some(0));
}
