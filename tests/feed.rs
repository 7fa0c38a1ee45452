//! A feed over a whole life of its books: joins, gaps, crossed books, closes, full links.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::feed::agent::Feed;
use arb::feed::agent::OUTCOMES;
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
use arb::types::market::BookTop;
use arb::types::market::Invalid;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::DecodeError;
use arb::venue::FrameKind;

/// A feed, a link of some depth, and a clock that ticks 1 ns a frame.
struct Bench {
    feed: Feed,
    tops: Rx<BookTop>,
    now: Now,
}

impl Bench {
    fn new(venue: VenueId, names: &[(&str, &str)], depth: usize) -> Bench {
        let name = |pair: &(&str, &str)| instrument_name(pair.0, pair.1).expect("a good name");
        let ids = (0u8..).map(InstrumentId);
        let instruments: Vec<_> = ids.zip(names.iter().map(name)).collect();
        let link = Link { name: "test", depth, when_full: WhenFull::KeepNewest };
        let (tx, tops) = link.open();
        let feed = Feed::new(Books::new(venue, &instruments), vec![tx]);
        Bench { feed, tops, now: Now { mono: MonoNs(0), wall: WallNs(0) } }
    }
    fn binance() -> Bench {
        Bench::new(VenueId::Binance, &[("BTC", "USDT")], 64)
    }
    fn upbit() -> Bench {
        Bench::new(VenueId::Upbit, &[("BTC", "KRW"), ("USDT", "KRW")], 64)
    }
    fn frame(&mut self, kind: FrameKind, payload: &str) -> Outcome {
        self.now.mono.0 += 1;
        self.feed.on_frame(kind, payload.as_bytes(), self.now)
    }
    fn ws(&mut self, payload: &str) -> Outcome {
        self.frame(FrameKind::Ws, payload)
    }
    /// The change of the first instrument.
    fn change(&mut self, payload: &str) -> Change {
        let outcome = self.ws(payload);
        let Outcome::Book { slot: 0, change } = outcome else { panic!("{outcome:?}") };
        change
    }
    fn snapshot(&mut self, last_id: u64) -> Outcome {
        self.frame(FrameKind::RestDepth, &snapshot(last_id))
    }
    fn top(&mut self, slot: usize) -> BookTop {
        self.feed.top(slot).clone()
    }
    fn published(&self) -> Vec<BookTop> {
        std::iter::from_fn(|| self.tops.take()).collect()
    }
    fn count(&self, counter: Counter) -> u64 {
        self.feed.tally().get(counter)
    }
    fn assert_counted_once(&self) {
        let sum: u64 = OUTCOMES.iter().map(|counter| self.count(*counter)).sum();
        assert_eq!(sum, self.count(Counter::Frames));
    }
}

fn snapshot(last_id: u64) -> String {
    format!(r#"{{"lastUpdateId":{last_id},"bids":[["9","1"],["8","1"]],"asks":[["10","1"]]}}"#)
}

fn diff_of(symbol: &str, first: u64, last: u64, bid: &str) -> String {
    let sides = format!(r#""b":[["{bid}","2"]],"a":[]"#);
    format!(r#"{{"e":"depthUpdate","E":5,"s":"{symbol}","U":{first},"u":{last},{sides}}}"#)
}

fn diff(first: u64, last: u64, bid: &str) -> String {
    diff_of("BTCUSDT", first, last, bid)
}

fn ticker(update_id: u64, bid: &str) -> String {
    format!(r#"{{"u":{update_id},"s":"BTCUSDT","b":"{bid}","B":"3","a":"10","A":"4"}}"#)
}

fn image(code: &str, ms: u64, bid: &str) -> String {
    let unit = format!(r#"{{"bp":{bid},"bs":1,"ap":10,"as":1}}"#);
    format!(r#"{{"ty":"orderbook","cd":"{code}","tms":{ms},"obu":[{unit}]}}"#)
}

const IMAGE: Change = Change::Image { resynced: false };
const RESYNC: Change = Change::Image { resynced: true };

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
fn a_rejected_diff_is_missing_and_the_next_one_shows_the_gap() {
    let mut bench = Bench::binance();
    bench.snapshot(5);
    assert_eq!(bench.ws(&diff(6, 6, "-1")), Outcome::Rejected(DecodeError::Value));
    assert_eq!(bench.top(0).invalid, None);
    assert_eq!(bench.change(&diff(7, 7, "9.5")), Change::Gap);
    assert_eq!(bench.count(Counter::RejectedValue), 1);
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
    assert_eq!(bench.ws(&crossed), Outcome::Rejected(DecodeError::Crossed));
    assert_eq!((bench.count(Counter::Tickers), bench.count(Counter::OldDiffs)), (1, 2));
    assert_eq!(bench.published().len(), 4);
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
    let empty = Change::Broken(DecodeError::Empty);
    assert_eq!(bench.change(&image("KRW-BTC", 102, "0")), empty);
    assert_eq!(bench.top(0).invalid, Some(Invalid::Empty));
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
    assert_eq!(bench.feed.flush(), Turn::Worked);
    assert_eq!(bench.tops.take().map(|top| top.instrument), Some(InstrumentId(1)));
    assert_eq!(bench.feed.flush(), Turn::Idle);
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
