//! A hundred times the usual rate over a real loopback socket: memory and queues stay bounded, lag
//! too, the newest book of each instrument wins, and what it replaced is counted (`FAULTS.md` F11).
//!
//! One thread turns venue, feed and reader once a virtual millisecond. Each second either the
//! feed or the reader stands still for half a second, while the venue goes on. One test alone in
//! this file: another one's memory would be counted with it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/loopback.rs"]
mod loopback;

use std::ops::Range;

use arb::net::serve::Listener;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::SERVE_LIMITS;
use arb::net::ws::Incoming;
use arb::runtime::agent::Agent;
use arb::runtime::link::BOOKS;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::limit;
use arb::types::time::DurNs;
use arb::types::time::VirtualClock;
use arb::types::time::WallNs;
use loopback::Client;
use loopback::client;
use loopback::holdings;

/// 20,000 a second.
const MESSAGES_PER_MS: u64 = 20;
const SECONDS: u64 = 6;
/// The milliseconds of each second in which somebody stands still: the feed, then the reader.
const STALL: Range<u64> = 100..600;
/// After a stall everything is caught up with within this.
const CATCHING_UP_MS: u64 = 200;
/// How far a book is behind while nobody stands still: one step, and what the kernel may take. The
/// milliseconds are virtual, and a busy machine's kernel may take dozens of them.
const USUAL_LAG_MS: u64 = 200;
/// A stall of each kind has made every buffer as large as it gets.
const WARM_UP_MS: u64 = 2_000;
const SLACK_KIB: u64 = 1_024;
/// The engine takes as many in a turn.
const TAKEN_PER_TURN: usize = limit::INSTRUMENTS;
const PAIRS: [(&str, &str); 2] = [("BTC", "KRW"), ("ETH", "KRW")];
const STEP: DurNs = DurNs::from_ms(1);
/// Only a guard.
const MOST_STEPS_TO_LIVE: u64 = 10_000;

/// A venue that sends books without end.
struct Venue {
    listener: Listener,
    peer: Option<Peer>,
    is_asked: bool,
    /// Messages so far; the quantity of a book, in units of 1e-8, is its message's number.
    sent: u64,
    most_backlog: usize,
}

impl Venue {
    fn step(&mut self, clock: &VirtualClock) {
        let now = clock.now().mono;
        let Some(peer) = &mut self.peer else {
            self.peer = self.listener.accept(now).expect("a listener");
            return;
        };
        while let Some(event) = peer.poll(now) {
            match event {
                PeerEvent::Request(request) => peer.upgrade(&request, &[]).expect("an upgrade"),
                PeerEvent::Incoming(Incoming::Frame(_)) => self.is_asked = true,
                PeerEvent::Incoming(_) => {}
                PeerEvent::Gone(why) => panic!("the feed is gone: {why:?}"),
            }
        }
        for _ in 0..MESSAGES_PER_MS * u64::from(self.is_asked) {
            self.sent += 1;
            let base = PAIRS[self.sent as usize % 2].0;
            let text = book(base, self.sent, clock.now().wall.as_ms());
            peer.send_binary(text.as_bytes()).expect("room in the queue");
        }
        assert_eq!(peer.poll(now), None);
        self.most_backlog = self.most_backlog.max(peer.backlog());
    }
}

fn book(base: &str, number: u64, at_ms: u64) -> String {
    let head = format!(r#""type":"orderbook","code":"KRW-{base}","timestamp":{at_ms}"#);
    let size = format!("0.{number:08}");
    let unit = format!(r#""ask_price":101,"bid_price":99,"ask_size":1,"bid_size":{size}"#);
    let totals = format!(r#""total_ask_size":1,"total_bid_size":{size}"#);
    let tail = r#""stream_type":"REALTIME","level":0"#;
    format!(r#"{{{head},{totals},"orderbook_units":[{{{unit}}}],{tail}}}"#)
}

/// What the reader took.
#[derive(Default)]
struct Taken {
    tops: u64,
    replaced: u64,
    /// Number of the newest book of each instrument.
    newest: [u64; 2],
}

impl Taken {
    /// As many as the engine takes in a turn.
    fn take(&mut self, client: &Client) {
        for _ in 0..TAKEN_PER_TURN {
            let Some(top) = client.tops.take() else { break };
            self.tops += 1;
            self.replaced += u64::from(top.merged);
            let Some(best) = top.bids.first().filter(|_| top.invalid.is_none()) else { continue };
            let number = best.qty.raw() as u64;
            let newest = &mut self.newest[top.instrument.index()];
            assert!(number > *newest, "{number} after {newest}: no book goes back");
            *newest = number;
        }
    }
}

/// Everything on one thread.
struct World {
    clock: VirtualClock,
    venue: Venue,
    client: Client,
    taken: Taken,
}

impl World {
    fn new() -> World {
        let any = ([127, 0, 0, 1], 0).into();
        let listener = Listener::bind(any, None, SERVE_LIMITS).expect("a port");
        let port = listener.address().expect("an address").port();
        World {
            clock: VirtualClock::at(WallNs(1_790_000_000_000_000_000)),
            venue: Venue { listener, peer: None, is_asked: false, sent: 0, most_backlog: 0 },
            client: client(VenueId::Upbit, &PAIRS, port),
            taken: Taken::default(),
        }
    }
    /// A millisecond in which everybody has one turn but for who stands still.
    fn step(&mut self, still: Option<Who>) {
        self.clock.advance_to(self.clock.now().mono.plus(STEP));
        self.venue.step(&self.clock);
        self.client.desk.turn(self.clock.now());
        if still != Some(Who::Feed) {
            self.client.feed.turn(self.clock.now());
        }
        if still != Some(Who::Reader) {
            self.taken.take(&self.client);
        }
        while self.client.notices.take().is_some() {}
        assert!(self.client.tops.waiting() <= BOOKS.depth);
    }
    /// How far the reader is behind the venue, in either book.
    fn lag_ms(&self) -> u64 {
        let [first, second] = self.taken.newest;
        (self.venue.sent - first.min(second)) / MESSAGES_PER_MS
    }
    fn count(&self, counter: Counter) -> u64 {
        self.client.feed.tally().get(counter)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Feed,
    Reader,
}

#[test]
fn a_burst_adds_neither_memory_nor_lasting_lag_and_the_newest_book_wins() {
    let mut world = World::new();
    let mut steps = 0;
    while world.taken.newest.contains(&0) {
        world.step(None);
        steps += 1;
        assert!(steps < MOST_STEPS_TO_LIVE, "no books");
    }
    let mut before = None;
    for at in 0..SECONDS * 1_000 {
        let (second, ms) = (at / 1_000, at % 1_000);
        let who = if second % 2 == 0 { Who::Feed } else { Who::Reader };
        world.step(STALL.contains(&ms).then_some(who));
        let is_calm = !(STALL.start..STALL.end + CATCHING_UP_MS).contains(&ms);
        let longest = STALL.end - STALL.start + CATCHING_UP_MS;
        let bound = if is_calm { USUAL_LAG_MS } else { longest };
        assert!(world.lag_ms() <= bound, "{} ms behind at {at} ms", world.lag_ms());
        if at == WARM_UP_MS {
            before = Some(holdings());
        }
    }
    let (before, after) = (before.expect("a warm-up"), holdings());
    assert!(after.rss_kib.abs_diff(before.rss_kib) <= SLACK_KIB, "{before:?} {after:?}");
    println!(
        "{} messages, {} tops taken, {} replaced, {} B waited at the venue; {before:?} {after:?}",
        world.venue.sent, world.taken.tops, world.taken.replaced, world.venue.most_backlog
    );

    // Everything comes in, each book is published, and each top is taken or was replaced.
    world.venue.is_asked = false;
    (0..100).for_each(|_| world.step(None));
    let World { venue, taken, .. } = &world;
    assert!(venue.sent >= SECONDS * 1_000 * MESSAGES_PER_MS);
    assert_eq!(world.count(Counter::Books), venue.sent);
    assert_eq!(taken.newest.iter().max(), Some(&venue.sent), "the newest book won");
    assert_eq!(world.count(Counter::Published), taken.tops + taken.replaced);
    assert_eq!(world.count(Counter::Conflated), taken.replaced);
    let while_it_stood = SECONDS / 2 * (STALL.end - STALL.start) * MESSAGES_PER_MS;
    assert!(taken.replaced > while_it_stood / 2, "{} were replaced", taken.replaced);
    assert_eq!(world.count(Counter::Opens), 1, "no connection was lost by it");
}
