//! A feed on a bench: frames in by hand, what it publishes and counts out.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::runtime::link::Link;
use arb::runtime::link::Rx;
use arb::runtime::link::WhenFull;
use arb::types::counters::Counter;
use arb::types::counters::PARSED;
use arb::types::counters::REJECTED;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::market::BookTop;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::FrameKind;

/// A feed, a link of some depth, and a clock that ticks 1 ns a frame.
pub struct Bench {
    pub feed: Feed,
    pub tops: Rx<BookTop>,
    pub now: Now,
}

impl Bench {
    pub fn new(venue: VenueId, names: &[(&str, &str)], depth: usize) -> Bench {
        let name = |pair: &(&str, &str)| instrument_name(pair.0, pair.1).expect("a good name");
        let ids = (0u8..).map(InstrumentId);
        let instruments: Vec<_> = ids.zip(names.iter().map(name)).collect();
        let link = Link { name: "test", depth, when_full: WhenFull::KeepNewest };
        let (tx, tops) = link.open();
        let feed = Feed::new(Books::new(venue, &instruments), vec![tx]);
        Bench { feed, tops, now: Now { mono: MonoNs(0), wall: WallNs(0) } }
    }
    pub fn binance() -> Bench {
        Bench::new(VenueId::Binance, &[("BTC", "USDT")], 64)
    }
    pub fn upbit() -> Bench {
        Bench::new(VenueId::Upbit, &[("BTC", "KRW"), ("USDT", "KRW")], 64)
    }
    pub fn frame(&mut self, kind: FrameKind, payload: &str) -> Outcome {
        self.now.mono.0 += 1;
        self.feed.on_frame(kind, payload.as_bytes(), self.now)
    }
    pub fn ws(&mut self, payload: &str) -> Outcome {
        self.frame(FrameKind::Ws, payload)
    }
    /// The change of the first instrument.
    pub fn change(&mut self, payload: &str) -> Change {
        let outcome = self.ws(payload);
        let Outcome::Book { slot: 0, change } = outcome else { panic!("{outcome:?}") };
        change
    }
    pub fn snapshot(&mut self, last_id: u64) -> Outcome {
        self.frame(FrameKind::RestDepth, &snapshot(last_id))
    }
    pub fn top(&mut self, slot: usize) -> BookTop {
        self.feed.top(slot).clone()
    }
    pub fn published(&self) -> Vec<BookTop> {
        std::iter::from_fn(|| self.tops.take()).collect()
    }
    pub fn count(&self, counter: Counter) -> u64 {
        self.feed.tally().get(counter)
    }
    pub fn assert_counted_once(&self) {
        let sum: u64 = PARSED.iter().chain(&REJECTED).map(|counter| self.count(*counter)).sum();
        assert_eq!(sum, self.count(Counter::Frames));
    }
}

pub fn snapshot(last_id: u64) -> String {
    format!(r#"{{"lastUpdateId":{last_id},"bids":[["9","1"],["8","1"]],"asks":[["10","1"]]}}"#)
}

pub fn diff_of(symbol: &str, first: u64, last: u64, bid: &str) -> String {
    let sides = format!(r#""b":[["{bid}","2"]],"a":[]"#);
    format!(r#"{{"e":"depthUpdate","E":5,"s":"{symbol}","U":{first},"u":{last},{sides}}}"#)
}

pub fn diff(first: u64, last: u64, bid: &str) -> String {
    diff_of("BTCUSDT", first, last, bid)
}

pub fn ticker(update_id: u64, bid: &str) -> String {
    format!(r#"{{"u":{update_id},"s":"BTCUSDT","b":"{bid}","B":"3","a":"10","A":"4"}}"#)
}

pub fn image(code: &str, ms: u64, bid: &str) -> String {
    let unit = format!(r#"{{"bp":{bid},"bs":1,"ap":10,"as":1}}"#);
    format!(r#"{{"ty":"orderbook","cd":"{code}","tms":{ms},"obu":[{unit}]}}"#)
}

pub const IMAGE: Change = Change::Image { resynced: false };
pub const RESYNC: Change = Change::Image { resynced: true };
