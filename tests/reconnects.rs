//! A thousand forced reconnects over real loopback sockets leave descriptors, threads and memory
//! where they were, and each of them ends in a valid book (`FAULTS.md` F02, F05, F07).
//!
//! One thread turns venue, desk and feed, on virtual time: when nobody has anything to do, time
//! jumps to what is due next, so pauses and silences cost nothing. The venue speaks Bybit's
//! protocol; its requests beside the WebSocket find nobody, which a feed has to survive too. One
//! test alone in this file: another one's threads and memory would be counted with it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/loopback.rs"]
mod loopback;

use arb::net::serve::Listener;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::Response;
use arb::net::serve::SERVE_LIMITS;
use arb::net::ws::Incoming;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::types::counters::Counter;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::market::BookTop;
use arb::types::market::Invalid;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::VirtualClock;
use arb::types::time::WallNs;
use arb::types::units::SCALE;
use loopback::Client;
use loopback::client;
use loopback::holdings;

const RECONNECTS: u64 = 1_000;
/// After so many every buffer has been allocated and every pool filled.
const WARM_UP: u64 = 100;
/// Memory may differ by this much.
const SLACK_KIB: u64 = 1_024;
/// A half-open connection is found within this, and a step of the feed.
const SILENCE: DurNs = DurNs::from_ms(15_250);
/// Any other end is seen within this.
const AT_ONCE: DurNs = DurNs::from_secs(1);
/// The longest pauses of several failed attempts on end, in virtual time.
const PATIENCE: DurNs = DurNs::from_secs(600);
/// The venue sends an update so often.
const UPDATE_EVERY: DurNs = DurNs::from_ms(200);
const WALL: WallNs = WallNs(1_790_000_000_000_000_000);

/// How a connection is ended, and the next one received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Break {
    /// A close frame, as is proper.
    Goodbye,
    /// RST.
    Reset,
    /// The end of the stream, without a close frame.
    HangUp,
    /// Nothing is sent or read any more, and the socket stays open.
    HalfOpen,
    /// Bytes that are no WebSocket frame.
    Nonsense,
    /// RST, and the next handshake is answered 503.
    Unavailable,
    /// RST, and the next handshake is answered 429.
    Refused,
}

const BREAKS: [Break; 7] = [
    Break::Goodbye,
    Break::Reset,
    Break::HangUp,
    Break::HalfOpen,
    Break::Nonsense,
    Break::Unavailable,
    Break::Refused,
];

/// The venue.
struct Venue {
    listener: Listener,
    peers: Vec<Peer>,
    /// Who is connected to a socket that nobody serves any more.
    frozen: Vec<Peer>,
    /// The next handshake is answered with this.
    refuses: Option<u16>,
    /// Connections that have asked for a book. Its bid is as large.
    books: u64,
    update: u64,
    next: MonoNs,
}

impl Venue {
    fn step(&mut self, now: MonoNs) -> Turn {
        let mut turn = Turn::Idle;
        while let Some(peer) = self.listener.accept(now).expect("a listener") {
            self.peers.push(peer);
            turn = Turn::Worked;
        }
        let mut peers = std::mem::take(&mut self.peers);
        for peer in &mut peers {
            while let Some(event) = peer.poll(now) {
                self.answer(peer, event, now);
                turn = Turn::Worked;
            }
        }
        if now >= self.next {
            self.next = now.plus(UPDATE_EVERY);
            self.update += 1;
            let text = self.book("delta");
            for peer in peers.iter_mut().filter(|_| self.books > 0) {
                // One that has not asked yet hears of the book too early, and drops it as a gap.
                let _ = peer.send_text(&text);
                peer.poll(now);
            }
        }
        peers.retain(|peer| peer.fd().is_some());
        self.peers = peers;
        turn
    }
    fn answer(&mut self, peer: &mut Peer, event: PeerEvent, now: MonoNs) {
        match event {
            PeerEvent::Request(request) => match self.refuses.take() {
                Some(status) => {
                    peer.respond(&Response::json(status, "{}"), now).expect("room");
                }
                None => peer.upgrade(&request, &[]).expect("a proper upgrade"),
            },
            PeerEvent::Incoming(Incoming::Frame(frame)) => {
                let asked = String::from_utf8_lossy(frame.as_ref());
                if asked.contains("ping") {
                    let _ = peer.send_text(r#"{"success":true,"ret_msg":"pong","op":"ping"}"#);
                } else if asked.contains(r#""op":"subscribe""#) {
                    self.books += 1;
                    let _ = peer.send_text(r#"{"success":true,"ret_msg":"","op":"subscribe"}"#);
                    let _ = peer.send_text(&self.book("snapshot"));
                }
            }
            PeerEvent::Incoming(_) | PeerEvent::Gone(_) => {}
        }
    }
    fn book(&self, kind: &str) -> String {
        let (id, qty) = (self.update, self.books);
        let head = format!(r#""topic":"orderbook.50.BTCUSDT","ts":1790000000000,"type":"{kind}""#);
        let sides = format!(r#""b":[["99","{qty}"]],"a":[["101","1"]]"#);
        let data = format!(r#""s":"BTCUSDT",{sides},"u":{id},"seq":{id}"#);
        format!(r#"{{{head},"data":{{{data}}},"cts":1790000000000}}"#)
    }
    fn end(&mut self, how: Break, now: MonoNs) {
        assert_eq!(self.peers.len(), 1, "one connection at a time");
        let mut peer = self.peers.pop().expect("a connection");
        assert!(peer.is_websocket());
        match how {
            Break::Reset => return peer.reset(),
            Break::Unavailable | Break::Refused => {
                self.refuses = Some(if how == Break::Refused { 429 } else { 503 });
                return peer.reset();
            }
            Break::HalfOpen => {
                peer.freeze();
                return self.frozen.push(peer);
            }
            Break::Goodbye => peer.close(1001).expect("room"),
            Break::Nonsense => peer.send_raw(&[0xff; 64]).expect("room"),
            Break::HangUp => peer.hang_up(),
        }
        peer.poll(now);
        self.peers.push(peer);
    }
}

/// Everything on one thread.
struct World {
    clock: VirtualClock,
    venue: Venue,
    client: Client,
    newest: BookTop,
}

impl World {
    fn new() -> World {
        let any = ([127, 0, 0, 1], 0).into();
        let listener = Listener::bind(any, None, SERVE_LIMITS).expect("a port");
        let port = listener.address().expect("an address").port();
        let client = client(VenueId::Bybit, &[("BTC", "USDT")], port);
        let venue = Venue {
            listener,
            peers: vec![],
            frozen: vec![],
            refuses: None,
            books: 0,
            update: 1_000,
            next: MonoNs(0),
        };
        let mut clock = VirtualClock::at(WALL);
        clock.advance_to(MonoNs(1).plus(DurNs::from_secs(10)));
        World { clock, venue, client, newest: BookTop::empty(InstrumentId(0)) }
    }

    /// A turn of everybody; if nobody had anything to do, time goes on.
    fn turn(&mut self) {
        let now = self.clock.now();
        let Client { feed, desk, tops, notices } = &mut self.client;
        let turns = [self.venue.step(now.mono), desk.turn(now), feed.turn(now)];
        while let Some(top) = tops.take() {
            self.newest = top;
        }
        while notices.take().is_some() {}
        if turns.contains(&Turn::Worked) {
            return;
        }
        if !self.venue.peers.is_empty() {
            // What the kernel still has to deliver gets a chance. Between connections nothing is.
            std::thread::yield_now();
        }
        let due = [desk.due(), feed.due(), Some(self.venue.next)];
        let due = due.into_iter().flatten().min().unwrap_or(now.mono);
        self.clock.advance_to(due.max(now.mono.plus(DurNs::from_ms(1))));
    }
    /// Turns until it is so; how long that took.
    fn until(&mut self, what: &str, is_so: impl Fn(&World) -> bool) -> DurNs {
        let begin = self.clock.now().mono;
        loop {
            let took = self.clock.now().mono.since(begin);
            if is_so(self) {
                return took;
            }
            assert!(took < PATIENCE, "no {what} in {} s", took.as_ms() / 1_000);
            self.turn();
        }
    }
    /// Until the book is that of the present connection, and has gone on by at least one update.
    fn until_live(&mut self) {
        let books = self.venue.books;
        self.until("valid book of a new connection", |world| {
            let top = &world.newest;
            let qty = top.bids.first().map(|bid| bid.qty.raw());
            world.client.feed.is_live()
                && world.venue.books == books + 1
                && qty == Some((books as i64 + 1) * SCALE)
                && top.invalid.is_none()
                && top.update_id == world.venue.update
                && world.venue.peers.len() == 1
        });
        self.venue.frozen.clear();
    }
    fn reconnect(&mut self, how: Break) {
        self.venue.end(how, self.clock.now().mono);
        let took = self.until("end of the book", |world| world.newest.invalid.is_some());
        assert_eq!(self.newest.invalid, Some(Invalid::Closed), "{how:?}");
        let most = if how == Break::HalfOpen { SILENCE } else { AT_ONCE };
        assert!(took <= most, "{how:?} was seen after {} ms", took.as_ms());
        self.until_live();
    }
    fn count(&self, counter: Counter) -> u64 {
        self.client.feed.tally().get(counter)
    }
}

#[test]
fn a_thousand_forced_reconnects_leave_descriptors_threads_and_memory_where_they_were() {
    let mut world = World::new();
    world.until_live();
    let mut before = None;
    for (round, how) in (1..=RECONNECTS).zip(BREAKS.into_iter().cycle()) {
        world.reconnect(how);
        if round == WARM_UP {
            before = Some(holdings());
        }
    }
    let (before, after) = (before.expect("a warm-up"), holdings());
    assert_eq!(after.descriptors, before.descriptors, "{before:?} {after:?}");
    assert_eq!(after.threads, before.threads, "{before:?} {after:?}");
    assert!(after.rss_kib.abs_diff(before.rss_kib) <= SLACK_KIB, "{before:?} {after:?}");

    let share = |how: &[Break]| {
        let rounds = BREAKS.into_iter().cycle().take(RECONNECTS as usize);
        rounds.filter(|round| how.contains(round)).count() as u64
    };
    assert_eq!(world.count(Counter::Opens), RECONNECTS + 1);
    assert_eq!(world.count(Counter::ClosedSilent), share(&[Break::HalfOpen]));
    let seen = world.count(Counter::ClosedByPeer) + world.count(Counter::ClosedByFault);
    assert_eq!(seen + world.count(Counter::ClosedSilent), RECONNECTS);
    assert!(world.count(Counter::ClosedByFault) >= share(&[Break::Nonsense]));
    assert!(world.count(Counter::ClosedByPeer) >= share(&[Break::Goodbye, Break::HangUp]));
    let refused = share(&[Break::Unavailable, Break::Refused]);
    assert_eq!(world.count(Counter::FailedAttempts), refused);
    assert_eq!(world.count(Counter::RequestsRefused), share(&[Break::Refused]));
    println!("{before:?} after {WARM_UP}, {after:?} after {RECONNECTS}");
}
