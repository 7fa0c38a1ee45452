//! Fault schedules: what a file may say, and that everything wrong in it is said at once.
#![allow(clippy::expect_used, reason = "a broken test file must fail loudly")]

use arb::config::schedule::parse;
use arb::sim::limits::Effect;
use arb::sim::limits::Fault;
use arb::sim::limits::KINDS;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;
use arb::types::units::Ppm;

const UPBIT: VenueId = VenueId::Upbit;
const BINANCE: VenueId = VenueId::Binance;
const ALL: &str = "\
# One of each.
faults:
  - {at: 10m, for: 5s, kind: feed_silence, venue: upbit}
  - {at: 250ms, for: 2m, kind: feed_lag, venue: binance, by: 800ms}
  - {at: 2h, for: 1s, kind: feed_gap, venue: binance}
  - {at: 3h, for: 1s, kind: crossed_book, venue: upbit}
  - {at: 4h, for: 1s, kind: zero_price, venue: upbit}
  - {at: 5h, for: 1m, kind: price_leap, venue: upbit, factor: 0.68}
  - {at: 6h, for: 1m, kind: fx_loss}
  - {at: 7h, for: 1m, kind: redis_stall}
  - {at: 8h, for: 6s, kind: engine_stall}
  - {at: 9h, for: 6s, kind: engine_stall, thread: feed-upbit}
  - {at: 10h, kind: thread_death, thread: gateway}
  - {at: 11h, for: 1m, kind: cpu_burn, cores: 2}
  - {at: 12h, for: 1m, kind: memory_step, mb: 300}
  - {at: 13h, for: 1m, kind: disk_full}
  - {at: 14h, for: 1m, kind: clock_step, by: -1h}
  - at: 15h
    for: 6s
    kind: host_pause
";

fn complaints(text: &str) -> String {
    parse("x.yml", text.as_bytes()).expect_err("refused").to_string()
}

#[test]
fn every_kind_can_be_written_and_comes_in_the_order_of_time() {
    let faults = parse("x.yml", ALL.as_bytes()).expect("a good file");
    let effects: Vec<Effect> = faults.iter().map(|fault| fault.effect).collect();
    let expected = [
        Effect::FeedLag { venue: BINANCE, by: DurNs::from_ms(800) },
        Effect::FeedSilence { venue: UPBIT },
        Effect::FeedGap { venue: BINANCE },
        Effect::CrossedBook { venue: UPBIT },
        Effect::ZeroPrice { venue: UPBIT },
        Effect::PriceLeap { venue: UPBIT, to: Ppm::new(680_000) },
        Effect::FxLoss,
        Effect::RedisStall,
        Effect::EngineStall { thread: "engine" },
        Effect::EngineStall { thread: "feed-upbit" },
        Effect::ThreadDeath { thread: "gateway" },
        Effect::CpuBurn { cores: 2 },
        Effect::MemoryStep { bytes: 300 << 20 },
        Effect::DiskFull,
        Effect::ClockStep { by_ns: -3_600_000_000_000 },
        Effect::HostPause,
    ];
    assert_eq!(effects, expected);
    assert!(KINDS.iter().all(|kind| effects.iter().any(|effect| effect.name() == *kind)));
    let silence = Fault { at: DurNs::from_secs(600), lasts: DurNs::from_secs(5), ..faults[1] };
    assert_eq!(faults[1], silence);
}

#[test]
fn everything_wrong_is_said_at_once_with_its_line_and_the_nearest_name() {
    let said = complaints(
        "faults:
  - {at: 10m, for: 5s, kind: feed_silense, venue: upbit}
  - {at: 10m, for: 5s, kind: feed_silence, venu: upbit}
  - {at: 10, for: 5s, kind: fx_loss}
  - {at: 10m, for: 5 sec, kind: fx_loss}
  - {at: 10m, for: 0ms, kind: fx_loss}
  - {at: 999h, for: 1m, kind: fx_loss}
  - {at: 1m, for: 1m, kind: feed_lag, venue: bitmex, by: 2m}
  - {at: 1m, kind: thread_death, thread: engin}
  - {at: 1m, for: 1m, kind: thread_death, thread: engine}
  - {at: 1m, for: 1m, kind: price_leap, venue: upbit, factor: 1}
  - {at: 1m, for: 1m, kind: memory_step, mb: 1.5}
  - {at: 1m, for: 1m, kind: clock_step, by: 0s}
  - {at: 1m, at: 2m, for: 1m, kind: disk_full}
  - {for: 1m, kind: disk_full}
colour: red
",
    );
    let wanted = [
        "x.yml:2:30  faults[0].kind",
        "did you mean feed_silence?",
        "x.yml:3:44  faults[1].venu",
        "did you mean venue?",
        "x.yml:3:6  faults[1].venue",
        "x.yml:4:10  faults[2].at",
        "must be whole number and unit: 250ms, 5s, 10m, 2h, got 10\n",
        "x.yml:5:20  faults[3].for",
        "x.yml:6:20  faults[4].for",
        "must be 1ms..=24h, got 0ms",
        "x.yml:7:10  faults[5].at",
        "must be 0h..=144h, got 999h",
        "x.yml:8:46  faults[6].venue",
        "must be 1ms..=1m, got 2m",
        "x.yml:9:42  faults[7].thread",
        "did you mean engine?",
        "x.yml:10:14  faults[8].for",
        "x.yml:11:63  faults[9].factor",
        "x.yml:12:46  faults[10].mb",
        "x.yml:13:45  faults[11].by",
        "x.yml:14:14  faults[12].at",
        "x.yml:15:6  faults[13].at",
        "x.yml:16:1  colour",
    ];
    for part in wanted {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
}

#[test]
fn two_faults_of_a_kind_on_one_target_may_not_overlap() {
    let said = complaints(
        "faults:
  - {at: 10m, for: 5m, kind: feed_silence, venue: upbit}
  - {at: 14m, for: 5m, kind: feed_silence, venue: upbit}
  - {at: 14m, for: 5m, kind: feed_silence, venue: binance}
  - {at: 19m, for: 5m, kind: feed_silence, venue: upbit}
",
    );
    assert!(said.contains("x.yml:3:6"), "{said}");
    assert!(said.contains("overlaps the feed_silence of line 2"), "{said}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
}

#[test]
fn a_file_without_faults_is_refused() {
    for text in ["", "faults: []\n", "faults:\n", "- 1\n"] {
        assert!(parse("x.yml", text.as_bytes()).is_err(), "{text}");
    }
}
