//! What the configuration says about a feed acts on its real loopback socket.

#[path = "support/crew.rs"]
mod crew;
#[path = "support/dialect.rs"]
mod dialect;
#[path = "support/feed_bench.rs"]
mod feed_bench;
#[path = "support/small_venue.rs"]
mod small_venue;

use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::market::Invalid;
use arb::types::time::DurNs;

use crate::feed_bench::Bench;

#[test]
fn a_shorter_silence_than_the_venues_own_is_heeded() {
    let silence = |limits: &mut arb::feed::limits::FeedLimits| {
        limits.silence_cap = DurNs::from_secs(6);
    };
    let mut bench = Bench::limited(VenueId::Upbit, &["BTC"], silence);
    bench.until_live();
    bench.script().is_frozen = true;
    bench.until("quiet", |bench| bench.script().is_frozen);
    bench.advance(DurNs::from_secs(8));
    assert_eq!(bench.count(Counter::ClosedSilent), 1, "before the 12 s of the venue");
    bench.end();
}

#[test]
fn books_that_come_later_than_the_limit_are_not_traded_on_until_they_are_in_time() {
    for venue in [VenueId::Upbit, VenueId::Binance, VenueId::Okx] {
        let mut bench = Bench::of(venue, &["BTC", "ETH"]);
        bench.until_live();
        // The clocks have been compared: what is sent now is late and no skew.
        bench.until("lag", |bench| bench.board.lag.get().is_some());
        bench.script().ahead_ms = -5_000;
        bench.until("halt of both", |bench| bench.losses == [Invalid::Halted; 2]);
        bench.script().ahead_ms = 0;
        bench.until_live();
        assert_eq!(bench.count(Counter::Opens), 1, "on the same connection");
        bench.end();
    }
}
