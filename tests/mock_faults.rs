//! Each kind of fault over the synthetic market in virtual time, and what engine and watchdog make
//! of it. Without faults five pairs are entered in minutes 83 and 100 each; faults of ten minutes
//! cover the first burst.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::Ordering;

use arb::sim::limits::Effect;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::notice::Notice;
use arb::types::notice::NoticeKind;
use arb::types::time::DurNs;
use arb::types::units::Ppm;
use mock_run::Played;
use mock_run::fault;
use mock_run::play;

#[path = "support/mock_run.rs"]
mod mock_run;

const UPBIT: VenueId = VenueId::Upbit;
const BINANCE: VenueId = VenueId::Binance;
const FROM: u64 = 82;
const TEN_MINUTES: u64 = 600;

/// Pairs entered until shortly before the end of the fault, and after that.
fn entered(played: &Played) -> (u64, u64) {
    let until = |cycle: usize| played.reports[cycle - 1].entered;
    (until(91), until(105) - until(91))
}

fn assert_only_afterwards(played: &Played, effect: Effect) {
    let (during, afterwards) = entered(played);
    assert_eq!(during, 0, "{effect:?}");
    assert!(afterwards >= 5, "{effect:?}");
}

fn during_burst(effect: Effect) -> Played {
    let played = play(&[fault(FROM, TEN_MINUTES, effect)], 105);
    assert!(played.simulation.invariants_ok(), "{effect:?}");
    assert_eq!(played.simulation.ending(), Some(0), "{effect:?}");
    played
}

fn count(played: &Played, venue: VenueId, counter: Counter) -> u64 {
    let mut feeds = played.simulation.plant.feeds.iter();
    feeds.find(|feed| feed.venue() == venue).map_or(0, |feed| feed.tally().get(counter))
}

/// The signals that were told at this severity within the fault's time and ten seconds.
fn told(played: &Played, name: &str, secs: u64) -> Vec<&'static str> {
    let from = mock_run::minutes(FROM).0;
    let within = from..from + DurNs::from_secs(secs + 10).0;
    let signal = |notice: &arb::types::notice::Notice| match notice.kind {
        NoticeKind::Severity { severity, cause: Some(cause) } if severity == name => {
            within.contains(&notice.at.mono.0).then_some(cause.signal)
        }
        _ => None,
    };
    played.notices.iter().filter_map(signal).collect()
}

#[test]
fn without_faults_it_enters_in_both_bursts() {
    assert_eq!(entered(&play(&[], 105)), (5, 5));
}

#[test]
fn no_pair_is_entered_on_data_that_are_missing_or_broken() {
    let effects = [
        Effect::FeedSilence { venue: UPBIT },
        Effect::FeedSilence { venue: BINANCE },
        Effect::FeedGap { venue: BINANCE },
        Effect::CrossedBook { venue: UPBIT },
        Effect::ZeroPrice { venue: BINANCE },
        Effect::FxLoss,
    ];
    for effect in effects {
        assert_only_afterwards(&during_burst(effect), effect);
    }
}

#[test]
fn a_leap_to_valid_books_is_too_good_to_be_entered() {
    let effect = Effect::PriceLeap { venue: UPBIT, to: Ppm::new(680_000) };
    let played = during_burst(effect);
    assert_only_afterwards(&played, effect);
    let sound = play(&[], 105);
    let books = |played: &Played| count(played, UPBIT, Counter::Books);
    assert_eq!(books(&played), books(&sound), "every one is valid");
}

#[test]
fn a_lag_beyond_its_band_stops_entries_through_the_watchdog() {
    let by = DurNs::from_secs(5);
    let effect = Effect::FeedLag { venue: BINANCE, by };
    let played = during_burst(effect);
    assert_only_afterwards(&played, effect);
    assert!(told(&played, "ERROR", TEN_MINUTES).contains(&"ws_lag_ms"));
}

#[test]
fn breaks_and_rejected_frames_are_counted_and_mended() {
    let gap = during_burst(Effect::FeedGap { venue: BINANCE });
    let counts = [Counter::Gaps, Counter::Resyncs].map(|c| count(&gap, BINANCE, c));
    assert_eq!(counts, [2, 2], "one for each book");
    let crossed = during_burst(Effect::CrossedBook { venue: UPBIT });
    assert!(count(&crossed, UPBIT, Counter::RejectedCrossed) > 1_000);
}

#[test]
fn an_engine_that_is_blocked_is_reported_while_it_is_blocked() {
    let played = play(&[fault(FROM, 6, Effect::EngineStall { thread: "engine" })], 105);
    let from = mock_run::minutes(FROM).0;
    let reported = |notice: &&arb::types::notice::Notice| {
        matches!(notice.kind, NoticeKind::Severity { severity: "ERROR", cause: Some(cause) }
            if cause.signal == "loop_ms" && cause.of == "engine")
    };
    let first = played.notices.iter().find(reported).expect("it was reported");
    let after = DurNs(first.at.mono.0 - from);
    assert!(after < DurNs::from_ms(2_500), "after {} ms", after.as_ms());
    assert_eq!(entered(&played).1, 5, "it goes on");
}

#[test]
fn a_pause_of_the_host_is_named_and_blamed_on_nobody() {
    let played = play(&[fault(FROM, 6, Effect::HostPause)], 105);
    assert!(told(&played, "WARN", 6).contains(&"host_pause"));
    let levels = played.transitions();
    assert!(levels.iter().all(|(_, _, to)| !["ERROR", "CRITICAL"].contains(to)), "{levels:?}");
    let gap = |pair: &[arb::types::notice::Notice]| pair[1].at.mono.since(pair[0].at.mono);
    assert!(played.notices.windows(2).any(|pair| gap(pair) >= DurNs::from_secs(6)));
}

#[test]
fn an_fx_rate_that_stops_is_a_warn_then_an_error_until_it_is_back() {
    let played = play(&[fault(2, 120, Effect::FxLoss)], 30);
    let from = mock_run::minutes(2).0;
    let first = |wanted: &str| {
        let of_fx = |notice: &&Notice| {
            matches!(notice.kind, NoticeKind::Severity { severity, cause: Some(cause) }
                if severity == wanted && cause.signal == "fx_age_ms")
        };
        played.notices.iter().find(of_fx).map(|notice| DurNs(notice.at.mono.0 - from).as_ms())
    };
    let times = [first("WARN"), first("ERROR")].map(|ms| ms.expect("it was told"));
    assert!((2_500..3_500).contains(&times[0]), "{times:?}");
    assert!((59_500..60_500).contains(&times[1]), "{times:?}");
    let path = |played: &Played| -> Vec<&'static str> {
        played.transitions().into_iter().map(|(_, _, to)| to).collect()
    };
    let way = path(&played);
    assert!(way.contains(&"ERROR"), "{way:?}");
    assert!(way.ends_with(&["NORMAL", "STOPPING", "EXIT"]), "{way:?}");
    assert_eq!(path(&play(&[], 30)), ["NORMAL", "STOPPING", "EXIT"], "never a WARN");
}

#[test]
fn services_and_the_process_are_worth_a_warning() {
    let cases = [
        (Effect::RedisStall, "redis_age_ms"),
        (Effect::CpuBurn { cores: 2 }, "cpu_pct"),
        (Effect::MemoryStep { bytes: 1_700 << 20 }, "rss_mb"),
    ];
    for (effect, signal) in cases {
        let played = during_burst(effect);
        assert!(told(&played, "WARN", TEN_MINUTES).contains(&signal), "{effect:?}");
        assert_eq!(entered(&played), (5, 5), "{effect:?}");
    }
}

#[test]
fn nothing_that_is_decided_follows_a_step_of_the_wall_clock() {
    let hour = 3_600_000_000_000;
    let sound = play(&[], 105);
    let stepped = during_burst(Effect::ClockStep { by_ns: -hour });
    let pairs = stepped.reports.iter().zip(&sound.reports);
    for (report, plain) in pairs {
        let behind = plain.at.wall.0.wrapping_sub(report.at.wall.0) as i64;
        let steps = (83..=91).contains(&report.cycle);
        if !(82..=92).contains(&report.cycle) || steps {
            assert_eq!(behind, if steps { hour } else { 0 }, "cycle {}", report.cycle);
        }
        assert_eq!((report.entered, report.pnl), (plain.entered, plain.pnl));
    }
}

#[test]
fn a_soft_reset_of_a_silent_venue_connects_anew_and_says_so() {
    // Longer than the distance of two soft resets, shorter than three strikes.
    let played = play(&[fault(2, 1_800, Effect::FeedSilence { venue: UPBIT })], 35);
    let told: Vec<_> = played.notices.iter().filter_map(reconnect).collect();
    assert!(!told.is_empty() && told.iter().all(|(venue, _)| *venue == "upbit"), "{told:?}");
    // The first reset comes after cycles of silence, not at its beginning.
    assert!(told[0].1 > mock_run::minutes(1), "{told:?}");
    let boards = &played.simulation.plant.boards.feeds;
    let counts = boards.iter().map(|(_, board)| board.reconnects.load(Ordering::Relaxed));
    assert_eq!(counts.collect::<Vec<_>>(), [told.len() as u64, 0]);
}

fn reconnect(notice: &Notice) -> Option<(&'static str, DurNs)> {
    match notice.kind {
        NoticeKind::Reconnect { venue, after } => Some((venue, after)),
        _ => None,
    }
}

#[test]
fn a_dead_gateway_ends_the_run_and_nothing_is_entered_any_more() {
    let played = play(&[fault(FROM, u64::MAX, Effect::ThreadDeath { thread: "gateway" })], 105);
    assert_eq!(played.simulation.ending(), Some(1));
    assert!(played.reports.len() <= 83, "{} cycles", played.reports.len());
    assert_eq!(played.reports.last().map(|report| report.entered), Some(0));
}

#[test]
fn a_dead_watchdog_lets_the_lease_run_out() {
    let death = Effect::ThreadDeath { thread: "watchdog" };
    let played = play(&[fault(FROM, u64::MAX, death)], 105);
    assert_eq!(entered(&played), (0, 0));
}
