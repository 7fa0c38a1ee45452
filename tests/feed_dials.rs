//! Connections of a feed that are built beside a silent host, or answered with a page instead, over
//! real loopback sockets.

#[path = "support/crew.rs"]
mod crew;
#[path = "support/dialect.rs"]
mod dialect;
#[path = "support/feed_bench.rs"]
mod feed_bench;
#[path = "support/small_venue.rs"]
mod small_venue;

use arb::runtime::agent::Agent;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;

use crate::feed_bench::Bench;

fn secs(secs: u64) -> DurNs {
    DurNs::from_secs(secs)
}

#[test]
fn a_host_that_is_silent_to_requests_keeps_no_connection_from_being_built() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.script().is_silent_to_requests = true;
    // The errand is there before the desk's first turn, in which its own requests are due too.
    let now = bench.now();
    bench.feed.turn(now);
    bench.until("connection", |bench| bench.count(Counter::Opens) == 1);
    assert_eq!(bench.count(Counter::FailedAttempts), 0);
    let before = bench.script().upgrades_before;
    assert!(before != Some(0), "the handshake did not wait for a request");
    bench.until_live();
    bench.end();
}

#[test]
fn a_status_that_is_no_ban_costs_a_pause_and_not_half_a_minute() {
    for status in [400, 404, 408, 503] {
        let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
        bench.script().refuses = Some(status);
        bench.until("attempt", |bench| bench.count(Counter::FailedAttempts) == 1);
        bench.advance(secs(5));
        bench.until("more attempts", |bench| bench.count(Counter::FailedAttempts) > 1);
        assert_eq!(bench.count(Counter::RequestsRefused), 0, "{status}");
        bench.script().refuses = None;
        bench.advance(secs(5));
        bench.until_live();
        bench.end();
    }
}
