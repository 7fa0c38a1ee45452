//! Many reconnects leave nothing behind. A process of its own: others would open descriptors.

#[path = "support/crew.rs"]
mod crew;
#[path = "support/dialect.rs"]
mod dialect;
#[path = "support/feed_bench.rs"]
mod feed_bench;
#[path = "support/small_venue.rs"]
mod small_venue;

use std::sync::atomic::Ordering;

use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;

use crate::feed_bench::Bench;

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn a_hundred_reconnects_leave_every_descriptor_closed_and_no_thread_behind() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.until_live();
    bench.until("rest", |bench| bench.script().open == 1);
    let count = || [entries("/proc/self/fd"), entries("/proc/self/task")];
    let before = count();
    for round in 1..=100 {
        // A stable minute, so that pauses and attempts are no matter here.
        bench.advance(DurNs::from_secs(61));
        // Again and again: a turn that began before the minute was over ignores it.
        bench.until("end", |bench| {
            let is_over = bench.count(Counter::ClosedAsked) == round;
            bench.board.reconnect_asked.store(!is_over, Ordering::Release);
            is_over
        });
        bench.until_live();
    }
    bench.until_live();
    bench.until("rest", |bench| bench.script().open == 1);
    assert_eq!(count(), before);
    bench.end();
}
