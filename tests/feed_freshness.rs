//! From frames to "may this book be acted upon": a feed and the engine's view of what it sends.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use arb::engine::limits::Accounting;
use arb::engine::limits::AgeLimits;
use arb::engine::limits::EnginePlan;
use arb::engine::view::View;
use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::runtime::link::Link;
use arb::runtime::link::Rx;
use arb::runtime::link::WhenFull;
use arb::types::counters::Counter;
use arb::types::fact::Refusal;
use arb::types::ids::InstrumentId;
use arb::types::market::BookTop;
use arb::types::time::DurNs;
use arb::types::time::Now;
use arb::venue::FrameKind;
use support::KRW;
use support::USDT;
use support::at;
use support::plan;

const MAX_QUOTE_AGE: DurNs = DurNs::from_ms(1_500);

/// A feed of one instrument and the view that takes what it publishes.
struct Desk {
    feed: Feed,
    tops: Rx<BookTop>,
    view: View,
    instrument: InstrumentId,
    now: Now,
    taken: u64,
}

impl Desk {
    fn new(instrument: InstrumentId) -> Desk {
        let plan = plan(Accounting::Convergence);
        let ages = AgeLimits { max_quote_age: MAX_QUOTE_AGE, ..plan.ages };
        let named = plan.instruments[instrument.index()].clone();
        let books = Books::new(named.venue, &[(named.id, named.name)]);
        let (tx, tops) = Link { name: "test", depth: 8, when_full: WhenFull::KeepNewest }.open();
        let view = View::new(&EnginePlan { ages, ..plan });
        let feed = Feed::new(books, vec![tx]);
        Desk { feed, tops, view, instrument, now: at(1, 0), taken: 0 }
    }
    fn wait(&mut self, ms: u64) {
        let nanos = DurNs::from_ms(ms).0;
        self.now.mono.0 += nanos;
        self.now.wall.0 += nanos;
    }
    /// One frame; the view takes what follows from it.
    fn frame(&mut self, kind: FrameKind, payload: &str) {
        self.feed.on_frame(kind, payload.as_bytes(), self.now);
        while let Some(top) = self.tops.take() {
            self.view.take(&top, self.now.mono);
            self.taken += 1;
        }
    }
    fn check(&self) -> Result<(), Refusal> {
        self.view.check_book(self.instrument, self.now.mono)
    }
}

#[test]
fn tickers_do_not_hide_that_the_depth_stream_has_fallen_silent() {
    let mut desk = Desk::new(USDT);
    let snapshot = r#"{"lastUpdateId":5,"bids":[["9","1"]],"asks":[["10","1"]]}"#;
    desk.frame(FrameKind::RestDepth, snapshot);
    for update_id in 6..30u64 {
        desk.wait(100);
        let sides = r#""b":"9.2","B":"3","a":"10","A":"4""#;
        desk.frame(FrameKind::Ws, &format!(r#"{{"u":{update_id},"s":"BTCUSDT",{sides}}}"#));
        let is_young = (update_id - 5) * 100 < MAX_QUOTE_AGE.as_ms();
        assert_eq!(desk.check(), if is_young { Ok(()) } else { Err(Refusal::StaleQuote) });
        assert_eq!(desk.view.top(USDT).arrived_at, desk.now.mono);
        assert_eq!(desk.view.top(USDT).ticker.map(|ticker| ticker.update_id), Some(update_id));
    }
    let ids = r#""e":"depthUpdate","E":5,"s":"BTCUSDT","U":6,"u":29"#;
    desk.frame(FrameKind::Ws, &format!(r#"{{{ids},"b":[["9.2","3"]],"a":[]}}"#));
    assert_eq!(desk.check(), Ok(()));
}

fn quiet_book(ms: u64) -> String {
    let unit = r#"{"ap":10,"bp":9,"as":1,"bs":1}"#;
    format!(r#"{{"ty":"orderbook","cd":"KRW-BTC","tms":{ms},"obu":[{unit}]}}"#)
}

#[test]
fn a_quiet_whole_book_stays_fresh_while_trades_show_that_its_connection_lives() {
    let mut desk = Desk::new(KRW);
    let trade = r#"{"ty":"trade","cd":"KRW-BTC","tp":9,"tv":1,"ttms":1,"ab":"BID","sid":1}"#;
    desk.frame(FrameKind::Ws, &quiet_book(1));
    let (image_at, taken) = (desk.now.mono, desk.taken);
    for _ in 0..100 {
        desk.wait(300);
        desk.frame(FrameKind::Ws, trade);
        assert_eq!(desk.check(), Ok(()));
    }
    let top = desk.view.top(KRW);
    assert_eq!((top.image, top.received_at), (1, image_at), "the image is what it was");
    assert_eq!(desk.taken - taken, 25, "30 s of trades, told every fourth");
    desk.wait(5_000);
    assert_eq!(desk.check(), Err(Refusal::StaleQuote), "now the connection is silent too");
}

#[test]
fn a_quiet_whole_book_is_not_fresh_for_ever() {
    let mut desk = Desk::new(KRW);
    desk.frame(FrameKind::Ws, &quiet_book(1));
    for second in 1..=60 {
        desk.wait(1_000);
        desk.frame(FrameKind::Ws, r#"{"status":"UP"}"#);
        let expected = if second < 60 { Ok(()) } else { Err(Refusal::StaleQuote) };
        assert_eq!(desk.check(), expected);
    }
}

#[test]
fn a_book_that_is_sent_again_and_again_with_new_times_grows_old_all_the_same() {
    let mut desk = Desk::new(KRW);
    desk.frame(FrameKind::Ws, &quiet_book(1));
    let image_at = desk.now.mono;
    for second in 1..=60 {
        desk.wait(1_000);
        desk.frame(FrameKind::Ws, &quiet_book(1 + second * 1_000));
        let expected = if second < 60 { Ok(()) } else { Err(Refusal::StaleQuote) };
        assert_eq!(desk.check(), expected, "{second} s");
    }
    assert_eq!(desk.view.top(KRW).received_at, image_at);
    assert_eq!(desk.feed.tally().get(Counter::RepeatedBooks), 60);
    let changed = quiet_book(100_000).replace(r#""bs":1"#, r#""bs":2"#);
    desk.frame(FrameKind::Ws, &changed);
    assert_eq!(desk.check(), Ok(()), "a change makes it young");
}
