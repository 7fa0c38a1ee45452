//! How often the verdict is wrong: false alarms over clean soaks, misses over small leaks
//! (`FAULTS.md` 4.3 and G12). The rates are printed; the bounds are those of the specification.

#![allow(clippy::expect_used, reason = "evidence that cannot be had must stop the test")]

#[path = "support/soak.rs"]
mod soak;

use arb::verdict::criterion::Verdict;
use arb::verdict::drift;
use arb::verdict::sample::Gauge;
use arb::verdict::sample::Origin;
use arb::verdict::sample::Sample;
use soak::Defect;
use soak::Soak;

const MINUTES: drift::Kind = drift::Kind { minutes: true, is_virtual: false };

const RUNS: u64 = 100;

/// Clean minutes of a soak as the loader would have them, with a leak of MB per hour.
fn samples(soak: Soak, leak: f64) -> Vec<Sample> {
    let sample = |row: &soak::Row| {
        let mut sample = Sample::empty(Origin::default(), soak::wall(row.minute).0);
        sample.hours = row.minute as f64 / 60.0;
        let values = [
            (Gauge::Rss, leak.mul_add(sample.hours, row.rss)),
            (Gauge::Files, row.files as f64),
            (Gauge::Threads, 9.0),
            (Gauge::LoopP95, row.p95),
            (Gauge::LoopP99, row.p95 * 2.0),
            (Gauge::WsLag, row.lag),
            (Gauge::RedisAge, 950.0 + row.redis / 20.0),
        ];
        for (gauge, value) in values {
            sample.set(gauge, Some(value));
        }
        sample
    };
    soak.rows().iter().map(sample).collect()
}

/// Runs that pass, are inconclusive, and fail, by the worst of all trends and steps.
fn outcomes(runs: u64, of: impl Fn(u64) -> Vec<Sample>) -> [u64; 3] {
    let mut counts = [0; 3];
    for seed in 0..runs {
        let criteria = drift::criteria(&of(1_000 + seed), MINUTES);
        let worst = criteria.iter().map(|criterion| criterion.verdict).max();
        counts[match worst {
            Some(Verdict::Fail) => 2,
            Some(Verdict::Inconclusive) => 1,
            _ => 0,
        }] += 1;
    }
    counts
}

fn soak(hours: u64, every_min: u64, seed: u64) -> Soak {
    Soak { hours, every_min, seed, defect: Defect::None }
}

#[test]
fn clean_soaks_raise_at_most_three_false_alarms_in_a_hundred() {
    for (hours, every_min) in [(24, 1), (72, 10)] {
        let [pass, open, fail] = outcomes(RUNS, |seed| samples(soak(hours, every_min, seed), 0.0));
        println!(
            "clean, {hours} h each {every_min} min: {pass} PASS {open} INCONCLUSIVE {fail} FAIL"
        );
        assert!(fail <= 3, "{fail} false alarms over {hours} h");
        assert!(pass >= 95, "{pass} clean runs of {hours} h pass");
    }
}

#[test]
fn a_leak_of_a_tenth_of_a_megabyte_an_hour_is_found_in_three_days() {
    for (leak, runs, least) in [(0.1, 50, 95), (0.25, 20, 100)] {
        let [pass, open, fail] = outcomes(runs, |seed| samples(soak(72, 10, seed), leak));
        println!("leak {leak} MB/h, 72 h: {pass} PASS {open} INCONCLUSIVE {fail} FAIL of {runs}");
        assert!(fail * 100 >= runs * least, "{fail} of {runs} at {leak} MB/h");
    }
}
