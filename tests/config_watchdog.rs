//! Limits of the watchdog and of Redis: each key lands in its own field, in the unit of that field.

use arb::config::load::Loaded;
use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::telemetry::limits::RedisLimits;
use arb::types::time::DurNs;
use arb::types::units::Ppm;
use arb::watchdog::limits::Band;
use arb::watchdog::limits::CRITICAL_MEMORY;
use arb::watchdog::limits::DRAIN_LIMIT;
use arb::watchdog::limits::Limits;
use arb::watchdog::limits::MaxAges;
use arb::watchdog::limits::OnCritical;
use arb::watchdog::limits::RuleLimits;

/// No two keys have the same number.
const FILE: &str = "
fx: {max_age_ms: 3001}
watchdog:
  ws_lag_warn_threshold_ms: 501
  max_ws_lag_ms: 2001
  redis_heartbeat_warn_threshold_ms: 5001
  max_redis_heartbeat_age_ms: 15001
  loop_latency_warn_threshold_ms: 101
  max_loop_latency_ms: 2002
  loop_p95_warn_threshold_ms: 201
  max_loop_p95_ms: 5002
  loop_dead_with_orders_ms: 10001
  loop_dead_ms: 30001
  feed_stall_warn_threshold_ms: 2003
  max_feed_stall_ms: 5003
  gateway_stall_warn_threshold_ms: 1001
  max_gateway_stall_ms: 3001
  gateway_dead_ms: 10002
  telemetry_stall_warn_threshold_ms: 10003
  max_telemetry_stall_ms: 60001
  max_safety_rejections_per_minute: 11
  unknown_order_error_seconds: 31
  unknown_order_fatal_seconds: 301
  max_unknown_orders: 4
  warn_reset_cycles: 7
  error_reset_cycles: 21
  strike_decay_cycles: 601
  error_entry_hold_seconds: 10.5
  on_critical: shutdown
  cooldown_after_critical: 61
sys_monitor:
  warn_cpu_pct: 75.5
  max_cpu_pct: 90.5
  warn_rss_mb: 1537
  max_rss_mb: 2049
  warn_open_files_pct: 80.5
  max_open_files_pct: 95.5
  sample_interval_sec: 29.5
redis:
  enabled: true
  required: true
  url: redis://cache:6380/3
  prefix: desk
  health_ttl_seconds: 59
  timeout_ms: 499
";

fn loaded(yaml: &str) -> Loaded {
    let loaded = load_bytes("x.yml", yaml.as_bytes(), &Request::default());
    loaded.unwrap_or_else(|faults| panic!("{faults}"))
}

const fn band(warn_ms: u64, error_ms: u64) -> Band {
    Band { warn: DurNs::from_ms(warn_ms), error: DurNs::from_ms(error_ms) }
}

#[test]
fn each_key_of_the_watchdog_reaches_its_own_limit() {
    let (machine, rules) = loaded(FILE).checked.watchdog;
    let want = Limits {
        warn_reset_cycles: 7,
        error_reset_cycles: 21,
        strike_decay_cycles: 601,
        entry_hold: DurNs::from_ms(10_500),
        on_critical: OnCritical::Shutdown,
        cooldown: DurNs::from_secs(61),
        drain: DRAIN_LIMIT,
        critical_memory: CRITICAL_MEMORY,
    };
    assert_eq!(machine, want);
    let want = RuleLimits {
        loop_stall: band(101, 2_002),
        loop_dead_with_orders: DurNs::from_ms(10_001),
        loop_dead: DurNs::from_ms(30_001),
        loop_p95: band(201, 5_002),
        ws_lag: band(501, 2_001),
        fx_age: band(3_001, 60_000),
        redis_age: band(5_001, 15_001),
        redis_required: true,
        feed_stall: band(2_003, 5_003),
        gateway_stall: band(1_001, 3_001),
        gateway_dead: DurNs::from_ms(10_002),
        helper_stall: band(10_003, 60_001),
        warn_rss_bytes: 1_537 << 20,
        max_rss_bytes: 2_049 << 20,
        warn_cpu: Ppm::new(755_000),
        max_cpu: Ppm::new(905_000),
        warn_open_files: Ppm::new(805_000),
        max_open_files: Ppm::new(955_000),
        max_safety_rejections: 11,
        max_live_errors: 5,
        unknown_order_error: DurNs::from_secs(31),
        unknown_order_fatal: DurNs::from_secs(301),
        max_unknown_orders: 4,
        max_age: MaxAges {
            own: DurNs::from_secs(1),
            feed: DurNs::from_ms(4_002),
            cycle: DurNs::from_ms(10_003),
            process: DurNs::from_ms(29_500 + 10_003),
            poll: DurNs::from_secs(60),
        },
    };
    assert_eq!(rules, want);
}

#[test]
fn what_a_cycle_publishes_may_be_as_old_as_the_interval_of_the_run_and_a_late_turn() {
    let rules = loaded(FILE).checked.watchdog.1.with_interval(DurNs::from_secs(60));
    assert_eq!(rules.max_age.cycle, DurNs::from_ms(70_003));
    let again = rules.with_interval(DurNs::from_secs(1));
    assert_eq!(again.max_age.cycle, DurNs::from_ms(11_003), "a new interval replaces the old");
}

#[test]
fn redis_is_where_its_address_says_and_nowhere_when_it_is_off() {
    let want = RedisLimits {
        host: "cache".to_owned(),
        port: 6_380,
        database: 3,
        prefix: "desk".to_owned(),
        ttl: DurNs::from_secs(59),
        timeout: DurNs::from_ms(499),
    };
    assert_eq!(loaded(FILE).checked.redis, Some(want));
    assert_eq!(loaded("redis: {enabled: false}\n").checked.redis, None);
}

#[test]
fn an_address_of_redis_with_no_number_for_its_database_is_refused_by_name() {
    for file in ["redis: {url: redis://cache/main}\n", "redis: {url: \"redis://cache:0\"}\n"] {
        let faults = load_bytes("x.yml", file.as_bytes(), &Request::default());
        let faults = faults.err().map(|faults| faults.list).unwrap_or_default();
        assert!(faults.iter().any(|fault| fault.path == "redis.url"), "{file}: {faults:?}");
    }
}
