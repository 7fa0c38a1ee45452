//! Whose a snapshot is that names no symbol, and how a book recovers from the wrong one.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::market::Invalid;
use bench::Bench;
use bench::IMAGE;
use bench::RESYNC;
use bench::diff;
use bench::diff_of;

#[path = "support/bench.rs"]
mod bench;

fn three_books() -> Bench {
    Bench::new(VenueId::Binance, &[("BTC", "USDT"), ("ETH", "USDT"), ("XRP", "USDT")], 64)
}

#[test]
fn a_snapshot_goes_to_the_waiting_book_whose_numbers_are_nearest() {
    let mut bench = three_books();
    bench.ws(&diff_of("BTCUSDT", 5_001, 5_002, "9"));
    bench.ws(&diff_of("ETHUSDT", 301, 302, "9"));
    let committed = |slot| Outcome::Book { slot, change: IMAGE };
    assert_eq!(bench.snapshot(300), committed(1));
    assert_eq!(bench.snapshot(5_001), committed(0));
    assert_eq!(bench.snapshot(310), Outcome::Unplaced, "the one that waits has shown nothing");
    bench.ws(&diff_of("XRPUSDT", 2_000_001, 2_000_001, "9"));
    assert_eq!(bench.snapshot(999_999), Outcome::Unplaced, "too far before");
    assert_eq!(bench.snapshot(3_000_002), Outcome::Unplaced, "too far behind");
    assert_eq!(bench.snapshot(2_000_000), committed(2));
    assert_eq!(bench.count(Counter::StaleSnapshots), 3);
    bench.assert_counted_once();
}

#[test]
fn a_snapshot_at_another_price_is_not_that_of_the_book_with_the_same_numbers() {
    let mut bench = three_books();
    bench.ws(&diff_of("BTCUSDT", 301, 302, "19"));
    assert_eq!(bench.snapshot(301), Outcome::Unplaced, "9 is less than half of 19");
    let ask = r#""b":"5","B":"3","a":"5.1","A":"4""#;
    bench.ws(&format!(r#"{{"u":302,"s":"ETHUSDT",{ask}}}"#));
    assert_eq!(bench.snapshot(301), Outcome::Unplaced, "9 is more than one and a half of 5.1");
    bench.ws(&diff_of("XRPUSDT", 201, 202, "0.01"));
    let committed = Outcome::Book { slot: 2, change: IMAGE };
    assert_eq!(bench.snapshot(301), committed, "a deep bid tells nothing, and it is the last");
}

#[test]
fn a_snapshot_that_fits_two_books_alike_goes_to_neither() {
    let mut bench = three_books();
    bench.ws(&diff_of("BTCUSDT", 301, 302, "9"));
    bench.ws(&diff_of("ETHUSDT", 300, 305, "9"));
    assert_eq!(bench.snapshot(301), Outcome::Unplaced);
    assert_eq!(bench.snapshot(304), Outcome::Book { slot: 1, change: IMAGE });
}

#[test]
fn a_book_that_took_anothers_snapshot_gets_its_own_later() {
    let mut bench = three_books();
    bench.ws(&diff_of("BTCUSDT", 301, 301, "9"));
    assert_eq!(bench.snapshot(900_000), Outcome::Book { slot: 0, change: IMAGE }, "a mistake");
    for id in 302..322 {
        bench.ws(&diff(id, id, "9"));
    }
    assert_eq!((bench.count(Counter::Gaps), bench.top(0).invalid), (1, Some(Invalid::Gap)));
    bench.ws(&diff_of("ETHUSDT", 900_501, 900_501, "9"));
    assert_eq!(bench.snapshot(900_500), Outcome::Book { slot: 1, change: IMAGE });
    assert_eq!(bench.snapshot(320), Outcome::Book { slot: 0, change: RESYNC });
    assert_eq!(bench.top(0).update_id, 321);
}

#[test]
fn a_runs_only_instrument_takes_every_snapshot() {
    let mut bench = Bench::binance();
    assert_eq!(bench.snapshot(5), Outcome::Book { slot: 0, change: IMAGE });
    assert_eq!(bench.snapshot(5), Outcome::Book { slot: 0, change: Change::Stale });
    assert_eq!(bench.snapshot(90_000_000), Outcome::Book { slot: 0, change: IMAGE });
}

#[test]
fn a_book_under_foreign_numbers_breaks_and_recovers_with_its_own_snapshot() {
    let mut bench = Bench::binance();
    bench.snapshot(90_000_000);
    for id in 1..20 {
        assert_eq!(bench.change(&diff(id, id, "9")), Change::Old);
    }
    assert_eq!(bench.change(&diff(20, 20, "9")), Change::Gap);
    assert_eq!(bench.top(0).invalid, Some(Invalid::Gap));
    assert_eq!(bench.snapshot(20), Outcome::Book { slot: 0, change: RESYNC });
    assert_eq!(bench.change(&diff(21, 21, "9.5")), IMAGE);
    bench.assert_counted_once();
}
