//! Process gauges measure without using up what they measure. One test, so that no other thread
//! of this binary opens or closes anything meanwhile.

#![allow(clippy::expect_used, reason = "a machine that shows no process must fail loudly")]

use std::fs::File;

use arb::telemetry::process::ProcessGauges;

/// `FAULTS.md` F60: seven seconds of one core.
const SAMPLES: usize = 100_000;

#[test]
fn samples_without_end_leave_descriptors_and_threads_where_they_were() {
    let mut gauges = ProcessGauges::new().expect("a system with processes");
    let before = gauges.read().expect("a reading");
    for _ in 0..SAMPLES {
        gauges.read().expect("a reading");
    }
    let after = gauges.read().expect("a reading");
    assert_eq!(after.open_files, before.open_files);
    assert_eq!(after.threads, before.threads);
    let grown = after.rss_bytes.saturating_sub(before.rss_bytes);
    assert!(grown < 1 << 20, "{grown} bytes");

    let held: Vec<File> = (0..7).map(|_| File::open("/dev/null").expect("a file")).collect();
    let more = gauges.read().expect("a reading");
    assert_eq!(more.open_files, before.open_files.map(|count| count + 7), "a leak would show");
    drop(held);
}
