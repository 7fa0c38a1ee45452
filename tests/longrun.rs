//! A run's evidence from the boards to the verdict: what telemetry writes is what the judge reads.

#![allow(clippy::expect_used, reason = "evidence that cannot be had must stop the test")]

#[path = "support/witness.rs"]
mod witness;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

use arb::runtime::link::REPORTS;
use arb::types::evidence::SOURCE_FIELDS;
use arb::types::evidence::Term;
use arb::types::notice::NoticeKind;
use arb::verdict::criterion::Verdict;
use arb::verdict::judge::judge;
use arb::verdict::load::load;
use arb::verdict::tails::Tail;
use witness::NORMAL;
use witness::Witness;
use witness::files;
use witness::now;
use witness::snapshots;

const HOUR: u64 = 3_600;

fn stable(witness: &Witness) -> Vec<bool> {
    snapshots(&witness.dir).iter().map(|read| read.is_stable.expect("told")).collect()
}

#[test]
fn a_day_of_a_healthy_run_passes_every_criterion() {
    let mut witness = Witness::new("day", |_| {});
    let (from, to, reason) = ("BOOT", "NORMAL", "reconciled");
    let start = NoticeKind::Transition { cycle: 0, from, to, reason, cause: None, strikes: 0 };
    witness.notice(0, start);
    witness.live(0..=24 * HOUR);
    let end = witness.telemetry.finish(now(24 * HOUR + 1));
    // First, 50, 100 … 1400, exit.
    assert_eq!(end.checkpoints, Some(1 + 28 + 1));
    let lag = end.performance.ws_lag_ma.expect("a sample each second");
    assert!((60_000_000..80_000_000).contains(&lag.0), "{lag:?}");
    let shown = [&witness.process.rss, &witness.process.cpu, &witness.process.loop_p95];
    assert!(shown.iter().all(|cell| cell.get().is_some_and(|(value, _)| value > 0)));
    let evidence = load(&witness.dir).expect("evidence");
    let judgement = judge(&evidence);
    let not_passed: Vec<_> =
        judgement.criteria.iter().filter(|criterion| criterion.verdict > Verdict::Pass).collect();
    assert!(not_passed.is_empty(), "{not_passed:#?}");
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!((judgement.snapshots, judgement.series_minutes), (30, 1_440));
    assert_eq!((judgement.provenance.clock, judgement.provenance.market), ("virtual", "synthetic"));
    assert_eq!(evidence.problems.listed().len(), 0);
    let compared = evidence.tails.compared(&judgement.run_ids).expect("times");
    let named = |tail: &Tail| tail.name == "loop" && tail.first.count > 0;
    assert!(compared.tails.iter().any(named), "{compared:?}");
}

#[test]
fn all_fields_of_the_source_are_there_measured_and_of_their_type() {
    let mut witness = Witness::new("fields", |_| {});
    witness.live(0..=60);
    let path = files(&witness.dir, "snapshot_").pop().expect("the first cycle's");
    assert!(path.ends_with("snapshot_2025-11-15T20-58-22-906000.json"), "{path:?}");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).expect("text");
    let value: serde_json::Value = serde_json::from_str(&text).expect("json");
    let positions: Vec<usize> =
        SOURCE_FIELDS.iter().map(|f| text.find(&format!("\"{f}\"")).expect(f)).collect();
    assert!(positions.is_sorted(), "in the source's order");
    assert!(text.starts_with("{\n  \"timestamp\": \"2025-11-15T"), "a field a line: {text}");
    assert!(text.contains("\n  \"feeds\": {\"upbit\": {\"frames\": 366,"), "{text}");
    for field in SOURCE_FIELDS {
        let is_typed = match field {
            "timestamp" => value[field].is_string(),
            "ws_freshness_ok" | "redis_ok" | "watchdog_healthy" | "is_stable" => {
                value[field] == true
            }
            _ if field.ends_with("_ms") || field.ends_with("_pct") || field == "rss_mb" => {
                value[field].as_f64().is_some_and(|number| number > 0.0)
            }
            "total_exposure_krw" => value[field] == 200_000.5,
            _ => value[field].is_u64(),
        };
        assert!(is_typed, "{field}: {}", value[field]);
    }
    let counts = ["num_live_trades", "num_paper_trades", "num_open_positions", "stoploss_triggers"];
    assert_eq!(counts.map(|field| value[field].as_u64()), [0, 14, 2, 1].map(Some));
    assert_eq!(value["timestamp"], "2025-11-15T20:58:22.906000+00:00");
    let modelled = ["cpu_pct", "rss_mb", "open_files", "num_threads"];
    let of_feeds = ["ws_lag_ms", "redis_heartbeat_age_ms"];
    assert_eq!(value["modelled"], serde_json::json!([modelled.as_slice(), &of_feeds].concat()));
    let series = fs::read_to_string(&files(&witness.dir, "series")[0]).expect("text");
    let minute: serde_json::Value = serde_json::from_str(&series).expect("one minute");
    assert_eq!(minute["modelled"], value["modelled"]);
    assert_eq!(value["seq"], 1);
    assert_eq!(value["virtual"], true);
    assert_eq!(value["mono_ns"], 60_000_000_000u64);
    assert_eq!(value["measured"].as_object().map(serde_json::Map::len), Some(8));
    assert_eq!(value["feeds"]["upbit"]["frames"], 61 * 6);
    assert_eq!(value["threads"]["engine"]["longest_turn_ms"], 1_000.0);
    assert_eq!(value["intervals"]["loop"]["count"], 61);
    assert_eq!(value["counters"]["RejectedNumber"], 61);
    assert_eq!(value["conservation"]["frames_parsed"], 61 * 5);
    let lines = witness.log_lines();
    let saved = "[LONGRUN] Checkpoint saved (loop=1, stable=True)";
    assert!(lines.iter().any(|line| line.ends_with(saved)), "{lines:#?}");
}

#[test]
fn what_no_board_shows_is_null_unmeasured_and_never_stable() {
    let mut witness = Witness::new("unmeasured", |_| {});
    witness.close_cycle(1, 60);
    witness.turn(60);
    let [read] = &snapshots(&witness.dir)[..] else { panic!("one snapshot") };
    assert_eq!((read.ws_lag_ms, read.redis_heartbeat_age_ms), (None, None));
    assert_eq!((read.ws_freshness_ok, read.redis_ok), (Some(false), Some(false)));
    assert_eq!((read.measured["ws_lag_ms"], read.measured["cpu_pct"]), (false, true));
    assert!(read.cpu_pct.is_some() && read.rss_mb.is_some());
    assert_eq!(read.is_stable, Some(false));
    assert!(!read.conservation.contains_key(&Term::Sends), "nobody keeps it: not zero");
}

#[test]
fn an_error_of_the_watchdog_between_two_checkpoints_makes_one_of_them_unstable() {
    let mut witness = Witness::new("unstable", |limits| limits.interval_loops = 10);
    witness.live(0..=600);
    witness.dog.error_ticks.store(1, Ordering::Relaxed);
    witness.dog.alerts.store(2, Ordering::Relaxed);
    witness.live(601..=1_200);
    witness.live(1_201..=1_800);
    assert_eq!(stable(&witness), [true, true, false, true]);
    let alerts: Vec<_> = snapshots(&witness.dir).iter().map(|read| read.watchdog_alerts).collect();
    assert_eq!(alerts, [0, 0, 2, 0].map(Some));
    // A lag between two cycles, seen by the look of a second.
    witness.live(1_801..=1_810);
    witness.feed.lag.put(2_000_000_000, now(1_811).mono);
    witness.turn(1_811);
    witness.live(1_812..=2_400);
    witness.engine.terms.put(Term::InvariantFaults, 1);
    assert_eq!(stable(&witness).last(), Some(&false));
    // A stall in a cycle whose report was lost.
    witness.live(2_401..=3_000);
    assert_eq!(stable(&witness).last(), Some(&true));
    witness.latencies.batch.record(2_000_000_000);
    witness.live(3_001..=3_600);
    assert_eq!(stable(&witness).last(), Some(&false));
    witness.dog.show(NORMAL + 2, 1);
    witness.live(3_601..=4_200);
    let last = snapshots(&witness.dir).pop().expect("a snapshot");
    assert_eq!((last.is_stable, last.watchdog_healthy), (Some(false), Some(false)));
    assert_eq!(last.watchdog.map(|dog| (dog.state, dog.strikes)), Some(("ERROR".into(), 1)));
}

#[test]
fn a_checkpoint_is_taken_although_its_report_found_its_link_full() {
    let mut witness = Witness::new("reserved", |_| {});
    for cycle in 1..=REPORTS.depth as u64 + 50 {
        witness.second(cycle);
        witness.close_cycle(cycle, cycle);
    }
    witness.turn(400);
    let cycles: Vec<_> = snapshots(&witness.dir).iter().map(|read| read.loop_count).collect();
    assert_eq!(cycles, [1, 50, 100, 150, 200, 250, 300].map(Some));
    let end = witness.telemetry.finish(now(401));
    assert_eq!(end.reports_lost, 43, "257 to 299, 300 came by the other link");
    let last = snapshots(&witness.dir).pop().expect("on exit");
    let terms = [Term::SnapshotsDue, Term::SnapshotsWritten, Term::SnapshotsSkipped];
    assert_eq!(terms.map(|term| last.conservation[&term]), [8, 8, 0]);
    assert_eq!((last.is_final, last.loop_count), (Some(true), Some(306 - 6)));
}

#[test]
fn due_checkpoints_that_both_links_lost_are_counted_as_skipped() {
    let mut witness = Witness::new("lost", |limits| limits.interval_loops = 1);
    let depth = REPORTS.depth as u64;
    for cycle in 1..=depth + 100 {
        witness.close_cycle(cycle, 10 * cycle);
    }
    witness.turn(5_000);
    witness.close_cycle(depth + 101, 5_000);
    witness.turn(5_001);
    witness.telemetry.finish(now(5_002));
    let last = snapshots(&witness.dir).pop().expect("on exit");
    let terms = [Term::SnapshotsDue, Term::SnapshotsWritten, Term::SnapshotsSkipped];
    let [due, written, skipped] = terms.map(|term| last.conservation[&term]);
    assert_eq!(due, depth + 101 + 1);
    assert_eq!((skipped, written), (100, depth + 2));
    assert_eq!(last.stamp.seq, Some(written));
}

#[test]
fn a_full_disk_is_told_once_costs_the_oldest_and_ends_by_itself() {
    let mut witness = Witness::new("full", |limits| limits.interval_loops = 1);
    witness.live(0..=600);
    assert_eq!(snapshots(&witness.dir).len(), 10);
    witness.refuse_writes(true);
    witness.live(601..=840);
    assert_eq!(snapshots(&witness.dir).len(), 9, "one, since it made no room");
    witness.refuse_writes(false);
    witness.live(841..=900);
    let end = witness.telemetry.finish(now(901));
    assert_eq!(end.checkpoints, Some(12));
    let reads = snapshots(&witness.dir);
    let seqs: Vec<_> = reads.iter().filter_map(|read| read.stamp.seq).collect();
    assert_eq!(seqs, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], "no number is lost");
    let last = reads.last().expect("on exit");
    assert_eq!(last.counters["snapshots_failed"], 4);
    assert_eq!(last.counters["minutes_lost"], 4);
    let terms = [Term::SnapshotsDue, Term::SnapshotsWritten, Term::SnapshotsSkipped];
    assert_eq!(terms.map(|term| last.conservation[&term]), [16, 12, 4]);
    // The interval that began before the trouble holds all that was recorded in it.
    assert_eq!(reads[9].intervals["loop"].count, 300);
    let lines = witness.log_lines();
    let told = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(told("cannot write snapshots"), 1, "{lines:#?}");
    assert_eq!(told("cannot write series"), 1);
    assert_eq!(told("snapshots can be written again; lost so far: 4"), 1);
    assert_eq!(told("[METRICS]"), 15, "the run went on");
}

#[test]
fn threads_and_latencies_are_those_since_the_last_checkpoint() {
    let mut witness = Witness::new("since", |limits| limits.interval_loops = 10);
    witness.live(0..=600);
    witness.pulse.beat(now(605).mono);
    witness.pulse.beat(now(600).mono);
    witness.live(606..=1_200);
    witness.live(1_201..=1_800);
    let longest: Vec<f64> =
        snapshots(&witness.dir).iter().map(|read| read.threads["engine"].longest_turn_ms).collect();
    assert_eq!(longest, [1_000.0, 1_000.0, 6_000.0, 1_000.0]);
    let counts: Vec<u64> =
        snapshots(&witness.dir).iter().map(|read| read.intervals["loop"].count).collect();
    assert_eq!(counts, [61, 540, 595, 600]);
}
