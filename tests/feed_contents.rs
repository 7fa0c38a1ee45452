//! What one symbol says wrong is that symbol's affair (`FAULTS.md` F22, F24): its book is invalid
//! at once and asked for anew, the other's is untouched, and the connection stays.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::feed::action::Action;
use arb::feed::action::Input;
use arb::feed::action::Lane;
use arb::feed::action::Seen;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::market::Invalid;
use arb::venue::DecodeError;
use arb::venue::stream::BookSource;

use crate::bench::Bench;
use crate::bench::RESYNC;
use crate::bench::diff_of;
use crate::session::Play;
use crate::session::manners;
use crate::session::ms;
use crate::session::secs;

#[path = "support/bench.rs"]
mod bench;
#[path = "support/session.rs"]
mod session;

/// More than a connection bears of frames that nobody is to blame for (`FAULTS.md` F19).
const MANY: usize = 30;
/// Prices that are none.
const BAD_PRICES: [&str; 6] = ["0", "-1", "NaN", "1e400", "1_000", "99999999999999999999"];

/// Two books of a venue, the second always in order, and the session of their connection.
struct Pair {
    bench: Bench,
    play: Play,
}

impl Pair {
    fn of(venue: VenueId, books: BookSource) -> Pair {
        let mut play = Play::of(manners(books), 2);
        play.run(secs(90));
        Pair { bench: Bench::new(venue, &[("BTC", "USDT"), ("ETH", "USDT")], 64), play }
    }
    fn ws(&mut self, frame: &str) -> Outcome {
        let outcome = self.bench.ws(frame);
        self.play.input(Input::Message(Lane::Left, Seen::of(&outcome)));
        outcome
    }
    fn snapshot(&mut self, slot: usize, last_id: u64) -> Outcome {
        self.bench.feed.on_snapshot(slot, bench::snapshot(last_id).as_bytes(), self.bench.now)
    }
    /// Bad frames of the first symbol, each followed by a good one of the second.
    fn suffers(&mut self, bad: &[String], good: impl Fn(u64) -> String) {
        self.play.run(secs(1));
        self.play.clear();
        for (at, frame) in (0..).zip(bad.iter().cycle().take(MANY)) {
            let outcome = self.ws(frame);
            let is_broken = matches!(outcome, Outcome::Book { slot: 0, change: Change::Broken(_) });
            assert!(is_broken, "{frame}: {outcome:?}");
            assert!(self.bench.top(0).invalid.is_some(), "{frame}");
            let outcome = self.ws(&good(at));
            let is_committed =
                matches!(outcome, Outcome::Book { slot: 1, change: Change::Image { .. } });
            assert!(is_committed, "{at}: {outcome:?}");
            assert_eq!(self.bench.top(1).invalid, None, "{frame}");
            self.play.run(ms(50));
        }
        self.play.run(secs(60));
        assert_eq!(self.play.closes(), [], "the connection stays");
        assert!(self.play.session.is_live(), "and is live again");
        assert_eq!(self.bench.count(Counter::Gaps), 0);
        self.bench.assert_counted_once();
    }
    fn asked_again(&self, slot: usize) -> usize {
        self.play.count(|action| match action {
            Action::Fetch(fetched) => *fetched == slot,
            Action::Subscribe(_, symbols) => symbols.contains(slot),
            _ => false,
        })
    }
}

fn ticker(number: u64, bid: &str) -> String {
    format!(r#"{{"u":{number},"s":"BTCUSDT","b":"{bid}","B":"3","a":"10","A":"4"}}"#)
}

#[test]
fn bad_contents_of_one_binance_symbol_leave_the_other_and_the_connection() {
    let deltas = BAD_PRICES.map(|price| diff_of("BTCUSDT", 6, 6, price));
    let backwards = diff_of("BTCUSDT", 7, 6, "9");
    let tickers = ["10", "11", "0", "NaN"].map(|bid| ticker(9, bid));
    for bad in [deltas.to_vec(), vec![backwards], tickers.to_vec()] {
        let mut pair = Pair::of(VenueId::Binance, BookSource::RequestedSnapshot);
        for (slot, symbol) in ["BTCUSDT", "ETHUSDT"].into_iter().enumerate() {
            pair.ws(&diff_of(symbol, 5, 5, "9"));
            pair.snapshot(slot, 5);
            assert_eq!(pair.bench.top(slot).invalid, None, "{symbol}");
        }
        pair.suffers(&bad, |at| diff_of("ETHUSDT", 6 + at, 6 + at, "9"));
        assert!(pair.asked_again(0) > 0 && pair.asked_again(1) == 0, "{bad:?}");
        let held = Outcome::Book { slot: 0, change: Change::Held };
        assert_eq!(pair.ws(&diff_of("BTCUSDT", 8, 8, "9")), held);
        assert_eq!(pair.snapshot(0, 7), Outcome::Book { slot: 0, change: RESYNC });
        assert_eq!((pair.bench.top(0).invalid, pair.bench.top(0).update_id), (None, 8));
    }
}

fn bybit(symbol: &str, kind: &str, number: u64, bid: &str) -> String {
    let ask = if kind == "snapshot" { r#"["10","1"]"# } else { "" };
    let data = format!(r#""s":"{symbol}","b":[["{bid}","2"]],"a":[{ask}],"u":{number},"seq":5"#);
    let head = format!(r#"{{"topic":"orderbook.50.{symbol}","ts":7,"type":"{kind}""#);
    format!(r#"{head},"data":{{{data}}},"cts":6}}"#)
}

#[test]
fn bad_contents_of_one_bybit_symbol_leave_the_other_and_the_connection() {
    let mut bad = BAD_PRICES.map(|price| bybit("BTCUSDT", "delta", 6, price)).to_vec();
    bad.push(bybit("BTCUSDT", "delta", 0, "9"));
    bad.push(bybit("BTCUSDT", "delta", 6, "9").replace(":6,", ":-6,"));
    let mut pair = Pair::of(VenueId::Bybit, BookSource::StreamSnapshot);
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        pair.ws(&bybit(symbol, "snapshot", 5, "9"));
    }
    pair.suffers(&bad, |at| bybit("ETHUSDT", "delta", 6 + at, "9"));
    assert!(pair.asked_again(0) > 0 && pair.asked_again(1) == 0);
    let old = Outcome::Book { slot: 0, change: Change::Old };
    assert_eq!(pair.ws(&bybit("BTCUSDT", "delta", 7, "9.5")), old);
    let mended = Outcome::Book { slot: 0, change: RESYNC };
    assert_eq!(pair.ws(&bybit("BTCUSDT", "snapshot", 8, "9")), mended);
    assert_eq!(pair.bench.top(0).invalid, None);
}

fn okx(symbol: &str, prev: i64, last: u64, bid: &str) -> String {
    let (action, asks) = match prev {
        -1 => ("snapshot", r#"["10","1","0","1"]"#),
        _ => ("update", ""),
    };
    let numbers = format!(r#""checksum":0,"seqId":{last},"prevSeqId":{prev}"#);
    let bids = format!(r#"["{bid}","2","0","1"]"#);
    let data = format!(r#"{{"asks":[{asks}],"bids":[{bids}],"ts":"7",{numbers}}}"#);
    let arg = format!(r#"{{"channel":"books","instId":"{symbol}"}}"#);
    format!(r#"{{"arg":{arg},"action":"{action}","data":[{data}]}}"#)
}

fn okx_best(bid: &str, ask: &str) -> String {
    let side = |price: &str| format!(r#"[["{price}","1","0","1"]]"#);
    let data = format!(r#"{{"asks":{},"bids":{},"ts":"7","seqId":99}}"#, side(ask), side(bid));
    format!(r#"{{"arg":{{"channel":"bbo-tbt","instId":"BTC-USDT"}},"data":[{data}]}}"#)
}

#[test]
fn bad_contents_of_one_okx_symbol_leave_the_other_and_the_connection() {
    let updates = BAD_PRICES.map(|price| okx("BTC-USDT", 5, 6, price));
    let best = [("10", "10"), ("11", "10"), ("0", "10"), ("9", "NaN")];
    let tickers = best.map(|(bid, ask)| okx_best(bid, ask));
    for bad in [updates.to_vec(), tickers.to_vec()] {
        let mut pair = Pair::of(VenueId::Okx, BookSource::StreamSnapshot);
        for symbol in ["BTC-USDT", "ETH-USDT"] {
            pair.ws(&okx(symbol, -1, 5, "9"));
        }
        pair.suffers(&bad, |at| {
            let prev = i64::try_from(at).expect("small") + 5;
            okx("ETH-USDT", prev, at + 6, "9")
        });
        assert!(pair.asked_again(0) > 0 && pair.asked_again(1) == 0, "{bad:?}");
        let old = Outcome::Book { slot: 0, change: Change::Old };
        assert_eq!(pair.ws(&okx("BTC-USDT", 6, 7, "9.5")), old);
        let mended = Outcome::Book { slot: 0, change: RESYNC };
        assert_eq!(pair.ws(&okx("BTC-USDT", -1, 8, "9")), mended);
        assert_eq!(pair.bench.top(0).invalid, None);
    }
}

#[test]
fn a_crossed_ticker_makes_its_book_invalid_until_the_resync_whatever_tickers_follow() {
    let mut pair = Pair::of(VenueId::Okx, BookSource::StreamSnapshot);
    pair.ws(&okx("BTC-USDT", -1, 5, "9"));
    pair.ws(&okx_best("10", "10"));
    assert_eq!(pair.bench.top(0).invalid, Some(Invalid::Crossed));
    pair.ws(&okx_best("9.1", "9.2"));
    assert_eq!(pair.bench.top(0).invalid, Some(Invalid::Crossed), "a good one mends nothing");
    pair.ws(&okx("BTC-USDT", -1, 100, "9"));
    assert_eq!(pair.bench.top(0).invalid, None);
}

#[test]
fn frames_that_nobody_is_to_blame_for_end_the_connection_as_before() {
    let strange = diff_of("DOGEUSDT", 6, 6, "-1");
    let nameless = diff_of("BTCUSDT", 6, 6, "-1").replace(r#""s":"BTCUSDT","#, "");
    let cut = diff_of("BTCUSDT", 6, 6, "-1").replace("]]", "]");
    let frames = [
        (strange, DecodeError::Value),
        (nameless, DecodeError::Malformed),
        (cut, DecodeError::Malformed),
    ];
    for (frame, why) in frames {
        let mut pair = Pair::of(VenueId::Binance, BookSource::RequestedSnapshot);
        for _ in 0..MANY {
            assert_eq!(pair.ws(&frame), Outcome::Rejected(why), "{frame}");
        }
        pair.play.run(ms(300));
        assert_eq!(pair.play.closes().len(), 1, "{frame}");
    }
}
