//! A feed over a whole life of its books: joins, gaps, crossed books, closes, full links.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::runtime::agent::Turn;
use arb::runtime::link::Link;
use arb::runtime::link::Rx;
use arb::runtime::link::WhenFull;
use arb::types::counters::Counter;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::market::Invalid;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::DecodeError;
use arb::venue::FrameKind;
use bench::Bench;
use bench::IMAGE;
use bench::RESYNC;
use bench::diff;
use bench::image;
use bench::ticker;

#[path = "support/bench.rs"]
mod bench;

#[test]
fn a_snapshot_with_the_diffs_it_absorbs_is_one_image() {
    let mut bench = Bench::binance();
    assert_eq!(bench.change(&diff(1, 3, "9")), Change::Held);
    assert_eq!(bench.change(&diff(4, 6, "9.5")), Change::Held);
    assert_eq!(bench.snapshot(0), Outcome::Book { slot: 0, change: IMAGE });
    let top = bench.top(0);
    assert_eq!((top.image, top.update_id, top.invalid), (1, 6, None));
    assert_eq!(top.bids[0].price.to_string(), "9.5");
    assert_eq!(bench.change(&diff(2, 6, "9.6")), Change::Old);
    assert_eq!(bench.change(&diff(7, 7, "9.7")), IMAGE);
    assert_eq!(bench.published().len(), 2);
    assert_eq!(bench.count(Counter::HeldDiffs), 2);
    bench.assert_counted_once();
}

#[test]
fn a_gap_makes_the_book_invalid_until_the_next_snapshot() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    assert_eq!(bench.change(&diff(8, 9, "9.5")), Change::Gap);
    assert_eq!(bench.change(&diff(10, 10, "9.6")), Change::Held);
    assert_eq!(bench.change(&diff(13, 14, "9.7")), Change::Held);
    assert_eq!(bench.top(0).invalid, Some(Invalid::Gap));
    assert_eq!(bench.top(0).bids[0].price.to_string(), "9", "the old image is untouched");
    assert_eq!(bench.snapshot(9), Outcome::Book { slot: 0, change: Change::Stale });
    assert_eq!(bench.top(0).invalid, Some(Invalid::Gap));
    assert_eq!(bench.snapshot(12), Outcome::Book { slot: 0, change: RESYNC });
    assert_eq!((bench.top(0).invalid, bench.top(0).update_id), (None, 14));
    let states: Vec<_> = bench.published().iter().map(|top| top.invalid).collect();
    assert_eq!(states, [None, Some(Invalid::Gap), None]);
    assert_eq!((bench.count(Counter::Gaps), bench.count(Counter::Resyncs)), (1, 1));
    bench.assert_counted_once();
}

#[test]
fn a_rejected_diff_makes_the_book_invalid_until_the_next_snapshot() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    assert_eq!(bench.change(&diff(6, 6, "-1")), Change::Broken(DecodeError::Value));
    assert_eq!(bench.top(0).invalid, Some(Invalid::BadValue));
    assert_eq!(bench.change(&diff(7, 7, "9.5")), Change::Held);
    assert_eq!(bench.snapshot(6), Outcome::Book { slot: 0, change: RESYNC });
    assert_eq!((bench.count(Counter::RejectedValue), bench.count(Counter::Gaps)), (1, 0));
}

#[test]
fn a_diff_that_crosses_the_book_makes_it_invalid_until_the_next_snapshot() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    assert_eq!(bench.change(&diff(6, 6, "10")), Change::Broken(DecodeError::Crossed));
    assert_eq!(bench.top(0).invalid, Some(Invalid::Crossed));
    assert_eq!(bench.change(&diff(7, 7, "9.5")), Change::Held);
    assert_eq!(bench.snapshot(6), Outcome::Book { slot: 0, change: RESYNC });
    assert_eq!((bench.count(Counter::RejectedCrossed), bench.count(Counter::Gaps)), (1, 0));
    bench.assert_counted_once();
}

#[test]
fn a_diff_that_empties_a_side_makes_the_book_invalid_until_the_next_snapshot() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    let emptied = r#"{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":6,"u":6,"b":[],"a":[["10","0"]]}"#;
    assert_eq!(bench.change(emptied), Change::Broken(DecodeError::Empty));
    assert_eq!(bench.top(0).invalid, Some(Invalid::Empty));
    assert_eq!(bench.top(0).asks.len(), 1, "the old image is untouched");
    assert_eq!(bench.change(&diff(7, 7, "9.5")), Change::Held);
    assert_eq!(bench.snapshot(6), Outcome::Book { slot: 0, change: RESYNC });
    assert_eq!((bench.top(0).invalid, bench.count(Counter::RejectedEmpty)), (None, 1));
    let states: Vec<_> = bench.published().iter().map(|top| top.invalid).collect();
    assert_eq!(states, [None, Some(Invalid::Empty), None]);
    bench.assert_counted_once();
}

#[test]
fn a_newer_ticker_lies_over_the_book_until_an_image_has_overtaken_it() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    assert_eq!(bench.change(&ticker(5, "9.1")), Change::Old);
    assert!(matches!(bench.change(&ticker(7, "9.2")), Change::Ticker(_)));
    assert_eq!(bench.change(&ticker(7, "9.3")), Change::Old);
    assert_eq!(bench.change(&diff(6, 6, "9.1")), IMAGE);
    assert_eq!(bench.top(0).ticker.map(|ticker| ticker.update_id), Some(7));
    assert_eq!(bench.change(&diff(7, 7, "9.2")), IMAGE);
    assert_eq!(bench.top(0).ticker, None);
    let crossed = ticker(9, "10");
    assert_eq!(bench.change(&crossed), Change::Broken(DecodeError::Crossed));
    assert_eq!(bench.top(0).invalid, Some(Invalid::Crossed));
    assert_eq!((bench.count(Counter::Tickers), bench.count(Counter::OldDiffs)), (1, 2));
    assert_eq!(bench.published().len(), 5);
}

#[test]
fn a_closed_connection_leaves_no_usable_book_and_a_new_one_starts_over() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    bench.change(&ticker(9, "9.2"));
    bench.feed.on_close(bench.now);
    assert_eq!((bench.top(0).invalid, bench.top(0).ticker), (Some(Invalid::Closed), None));
    bench.feed.on_open(bench.now);
    assert_eq!(bench.top(0).invalid, Some(Invalid::NoImage));
    assert_eq!(bench.change(&diff(6, 7, "9.5")), Change::Held);
    assert_eq!(bench.snapshot(6), Outcome::Book { slot: 0, change: IMAGE });
    assert_eq!(bench.published().len(), 5);
}

#[test]
fn an_upbit_book_may_stand_still_in_time_but_not_go_back() {
    let mut bench = Bench::upbit();
    assert_eq!(bench.change(&image("KRW-BTC", 100, "9")), IMAGE);
    assert_eq!(bench.change(&image("KRW-BTC", 100, "9.1")), IMAGE);
    let refused = Change::Refused(DecodeError::Time);
    assert_eq!(bench.change(&image("KRW-BTC", 99, "9.2")), refused);
    assert_eq!(bench.top(0).bids[0].price.to_string(), "9.1");
    assert_eq!(bench.top(0).invalid, None);
    assert_eq!(bench.top(1).invalid, Some(Invalid::NoImage));
    assert_eq!(bench.count(Counter::RejectedTime), 1);
}

/// An Upbit feed whose clock stands at the present, and that in ms.
fn upbit_at_present() -> (Bench, u64) {
    let present_ms = 1_723_161_255_000;
    let mut bench = Bench::upbit();
    bench.now.wall = WallNs(present_ms * 1_000_000);
    (bench, present_ms)
}

#[test]
fn a_book_more_than_a_minute_ahead_is_refused() {
    let (mut bench, present_ms) = upbit_at_present();
    let refused = Change::Refused(DecodeError::Time);
    assert_eq!(bench.change(&image("KRW-BTC", present_ms * 1_000, "9")), refused);
    assert_eq!(bench.change(&image("KRW-BTC", present_ms + 60_001, "9")), refused);
    assert_eq!(bench.top(0).invalid, Some(Invalid::NoImage));
    assert_eq!(bench.change(&image("KRW-BTC", present_ms + 60_000, "9")), IMAGE);
}

#[test]
fn one_timestamp_ahead_holds_a_book_up_for_ten_frames_only() {
    let (mut bench, present_ms) = upbit_at_present();
    assert_eq!(bench.change(&image("KRW-BTC", present_ms + 50_000, "9")), IMAGE);
    for later_ms in 0..10 {
        let refused = Change::Refused(DecodeError::Time);
        assert_eq!(bench.change(&image("KRW-BTC", present_ms + later_ms, "9.1")), refused);
    }
    assert_eq!(bench.change(&image("KRW-BTC", present_ms + 10, "9.2")), IMAGE);
    assert_eq!(bench.change(&image("KRW-BTC", present_ms + 11, "9.3")), IMAGE);
    assert_eq!((bench.count(Counter::RejectedTime), bench.count(Counter::Books)), (10, 3));
    bench.assert_counted_once();
}

#[test]
fn only_refusals_on_end_make_a_book_take_another_time() {
    let (mut bench, present_ms) = upbit_at_present();
    bench.change(&image("KRW-BTC", present_ms, "9"));
    for _ in 0..30 {
        let refused = Change::Refused(DecodeError::Time);
        assert_eq!(bench.change(&image("KRW-BTC", present_ms - 1, "9.1")), refused);
        assert_eq!(bench.change(&image("KRW-BTC", present_ms, "9")), IMAGE);
    }
}

#[test]
fn a_whole_book_that_says_nonsense_breaks_its_own_instrument_only() {
    let mut bench = Bench::upbit();
    bench.ws(&image("KRW-BTC", 100, "9"));
    bench.ws(&image("KRW-USDT", 100, "9"));
    let broken = Change::Broken(DecodeError::Crossed);
    assert_eq!(bench.change(&image("KRW-BTC", 101, "11")), broken);
    assert_eq!(bench.top(0).invalid, Some(Invalid::Crossed));
    assert_eq!(bench.top(1).invalid, None);
    let no_price = Change::Broken(DecodeError::Value);
    assert_eq!(bench.change(&image("KRW-BTC", 102, "0")), no_price);
    assert_eq!(bench.top(0).invalid, Some(Invalid::BadValue));
    assert_eq!(bench.change(&image("KRW-BTC", 103, "9")), RESYNC);
    assert_eq!(bench.ws("{\"ty\":"), Outcome::Rejected(DecodeError::Malformed));
    assert_eq!(bench.ws(&image("KRW-DOGE", 103, "9")), Outcome::Unknown);
    assert_eq!(bench.ws(&image("KRW-DOGE", 103, "11")), Outcome::Rejected(DecodeError::Crossed));
    assert_eq!(bench.top(0).invalid, None);
    bench.assert_counted_once();
}

#[test]
fn a_full_link_gets_the_newest_top_later_and_the_missed_ones_are_counted() {
    let mut bench = Bench::new(VenueId::Upbit, &[("BTC", "KRW"), ("USDT", "KRW")], 1);
    for (ms, bid) in [(1, "9"), (2, "9.1"), (3, "9.2"), (4, "9.3")] {
        bench.ws(&image("KRW-BTC", ms, bid));
    }
    bench.ws(&image("KRW-USDT", 1, "9"));
    assert_eq!(bench.count(Counter::BooksReplaced), 2, "images 2 and 3 were never seen");
    assert_eq!(bench.feed.flush(), Turn::Idle, "still full");
    assert_eq!(bench.published().len(), 1);
    assert_eq!(bench.feed.flush(), Turn::Worked);
    let newest = bench.tops.take().expect("the newest top of the first instrument");
    assert_eq!((newest.instrument, newest.image), (InstrumentId(0), 4));
    assert_eq!((newest.merged, newest.oldest_at, newest.arrived_at), (2, MonoNs(2), MonoNs(4)));
    assert_eq!(bench.feed.flush(), Turn::Worked);
    let other = bench.tops.take().expect("that of the second instrument");
    assert_eq!((other.instrument, other.merged), (InstrumentId(1), 0));
    assert_eq!((other.oldest_at, other.arrived_at), (MonoNs(5), MonoNs(5)));
    assert_eq!(bench.feed.flush(), Turn::Idle);
    bench.ws(&image("KRW-BTC", 5, "9.4"));
    let alone = bench.tops.take().expect("a top that replaced none");
    assert_eq!((alone.merged, alone.oldest_at, alone.arrived_at), (0, MonoNs(6), MonoNs(6)));
}

#[test]
fn what_is_published_and_replaced_is_counted_for_the_last_link_only() {
    let name = instrument_name("BTC", "KRW").expect("a good name");
    let books = Books::new(VenueId::Upbit, &[(InstrumentId(0), name)]);
    let link = |depth| Link { name: "test", depth, when_full: WhenFull::KeepNewest }.open();
    let ((gateway, _gateway), (engine, tops)) = (link(1), link(2));
    let mut feed = Feed::new(books, vec![gateway, engine]);
    for ms in 1..=5 {
        let now = Now { mono: MonoNs(ms), wall: WallNs(0) };
        feed.on_frame(FrameKind::Ws, image("KRW-BTC", ms, "9").as_bytes(), now);
    }
    let count = |counter| feed.tally().get(counter);
    assert_eq!((count(Counter::Published), count(Counter::Conflated)), (5, 2));
    assert_eq!(count(Counter::BooksReplaced), 5, "three of them on the gateway's link");
    let taken = |tops: &Rx<_>| std::iter::from_fn(|| tops.take()).count() as u64;
    assert_eq!((taken(&tops), feed.flush(), taken(&tops)), (2, Turn::Worked, 1));
}

#[test]
fn a_sign_of_life_goes_out_once_a_second_and_never_replaces_news() {
    let mut bench = Bench::new(VenueId::Upbit, &[("BTC", "KRW"), ("USDT", "KRW")], 1);
    bench.ws(&image("KRW-USDT", 1, "9"));
    bench.ws(&image("KRW-BTC", 1, "9"));
    for _ in 0..5 {
        bench.now.mono = bench.now.mono.plus(DurNs::from_secs(1));
        bench.ws("{\"status\":\"UP\"}");
    }
    assert_eq!(bench.published().len(), 1, "the link is full: nothing could be told");
    assert_eq!(bench.feed.flush(), Turn::Worked);
    let waited = bench.published().pop().expect("what waited");
    assert_eq!((waited.image, waited.alive_at), (1, bench.now.mono), "and it tells of life");
    assert_eq!((waited.arrived_at, waited.merged), (MonoNs(2), 0), "but waits since its image");
    assert_eq!(bench.count(Counter::BooksReplaced), 0);
    bench.ws("{\"status\":\"UP\"}");
    assert_eq!(bench.published().len(), 0, "less than a second ago");
    bench.now.mono = bench.now.mono.plus(DurNs::from_secs(1));
    bench.ws("garbage");
    let told = bench.published().pop().expect("a sign of life");
    assert_eq!((told.image, told.alive_at, told.arrived_at), (1, bench.now.mono, bench.now.mono));
}

#[test]
fn every_frame_shows_life_but_only_books_and_tickers_are_news() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    let received = bench.top(0).received_at;
    bench.ws(&ticker(6, "9.2"));
    bench.ws("{\"result\":null,\"id\":1}");
    bench.ws("garbage");
    assert_eq!(bench.top(0).received_at, received);
    assert_eq!(bench.top(0).arrived_at, MonoNs(received.0 + 1), "that of the ticker");
    assert_eq!(bench.top(0).alive_at, MonoNs(received.0 + 3));
}

#[test]
fn the_digest_follows_from_the_frames_alone() {
    let play = |bid: &str| {
        let mut bench = Bench::binance();
        bench.snapshot(5);
        bench.ws(&diff(6, 6, bid));
        bench.top(0).digest
    };
    assert_eq!(play("9.5"), play("9.5"));
    assert_ne!(play("9.5"), play("9.50000001"));
}
