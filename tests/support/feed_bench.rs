//! A feed with its desk that a test turns by hand, so that time can be moved, and the small venue
//! on a thread of its own.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use crate::crew::PATIENCE;
use crate::crew::Stage;
use crate::crew::post;
use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::desk::ANSWERS;
use arb::feed::desk::Desk;
use arb::feed::desk::DeskParts;
use arb::feed::desk::JOBS;
use arb::feed::limits::FeedLimits;
use arb::feed::limits::Rate;
use arb::feed::names::FOUND;
use arb::feed::names::Found;
use arb::feed::names::LOOKUPS;
use arb::feed::names::Lookup;
use arb::feed::socket::SocketFeed;
use arb::feed::socket::SocketParts;
use arb::feed::tap::Tap;
use arb::net::dial::DIAL_LIMITS;
use arb::net::serve::Listener;
use arb::net::serve::SERVE_LIMITS;
use arb::net::tls::Identity;
use arb::net::tls::Roots;
use arb::net::tls::ServerTls;
use arb::net::url::Endpoint;
use arb::runtime::agent::Agent;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Exit;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::BOOKS;
use arb::runtime::link::NOTICES;
use arb::runtime::link::Rx;
use arb::runtime::link::Tx;
use arb::types::board::FeedBoard;
use arb::types::counters::Counter;
use arb::types::counters::Tally;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::market::BookTop;
use arb::types::market::Invalid;
use arb::types::notice::Notice;
use arb::types::notice::NoticeKind;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use crate::dialect::PlainStream;
use crate::small_venue::Command;
use crate::small_venue::Script;
use crate::small_venue::SmallVenue;
use crate::small_venue::held;

/// A venue, and a feed with its desk on the test's own thread.
pub struct Bench {
    pub feed: SocketFeed,
    pub desk: Desk,
    pub board: Arc<FeedBoard>,
    pub script: Arc<Mutex<Script>>,
    tops: Rx<BookTop>,
    notices: Rx<Notice>,
    asked: Rx<Lookup>,
    names: Tx<Found>,
    /// What look-ups are answered; `None`: nothing is answered.
    pub answered: Option<Result<Vec<SocketAddr>, ErrorKind>>,
    pub newest: Vec<BookTop>,
    pub news: Vec<NoticeKind>,
    /// Tops that said that a book is not valid, after it was once.
    pub losses: Vec<Invalid>,
    clock: Clock,
    ahead: DurNs,
    stage: Stage,
    worker: Worker<SmallVenue>,
    place: SocketAddr,
}

impl Bench {
    pub fn of(venue: VenueId, bases: &[&str]) -> Bench {
        Bench::limited(venue, bases, |_| ())
    }
    /// With other limits than those of most tests.
    pub fn limited(venue: VenueId, bases: &[&str], adjust: fn(&mut FeedLimits)) -> Bench {
        Bench::at("127.0.0.1", None, (venue, bases, adjust), None)
    }
    /// With every input of its books recorded.
    pub fn recorded(venue: VenueId, bases: &[&str], tap: Tap) -> Bench {
        Bench::at("127.0.0.1", None, (venue, bases, |_| ()), Some(tap))
    }
    /// Over TLS, trusting the venue's certificate.
    pub fn secure(venue: VenueId, bases: &[&str], folder: &Path) -> Bench {
        let identity = Identity::local().expect("a certificate");
        let roots = folder.join("venue.pem");
        identity.write_certificate(&roots).expect("a file");
        let tls = ServerTls::new(&identity).expect("a server");
        Bench::at("127.0.0.1", Some((tls, roots)), (venue, bases, |_| ()), None)
    }
    /// By a name instead of an address: [`Bench::names`] answers what is looked up.
    pub fn named(venue: VenueId, bases: &[&str]) -> Bench {
        Bench::at("localhost", None, (venue, bases, |_| ()), None)
    }
    fn at(
        host: &str,
        tls: Option<(ServerTls, PathBuf)>,
        (venue, bases, adjust): (VenueId, &[&str], fn(&mut FeedLimits)),
        tap: Option<Tap>,
    ) -> Bench {
        let (tls, roots) = tls.unzip();
        let scheme = if tls.is_some() { "s" } else { "" };
        let (listener, place) = listen(tls);
        let mut limits = limits(venue, &format!("{scheme}://{host}:{}", place.port()));
        limits.roots.extend(roots.map(Roots::File));
        adjust(&mut limits);
        let script = Arc::new(Mutex::new(Script { updates: 1_000, ..Script::default() }));
        let (stage, worker) = open(SmallVenue::new(venue, listener, Arc::clone(&script)));
        let books = books_of(venue, bases);
        let newest = (0..bases.len() as u8).map(|id| BookTop::empty(InstrumentId(id))).collect();
        let (top_tx, tops) = BOOKS.open();
        let (notice_tx, notices) = NOTICES.open();
        let ((job_tx, jobs), (answer_tx, answers)) = (JOBS.open(), ANSWERS.open());
        let ((lookups, asked), (answer_name, found)) = (LOOKUPS.open(), FOUND.open());
        let board = Arc::new(FeedBoard::default());
        let desk = Desk::new(DeskParts {
            limits: limits.clone(),
            stream: Box::new(PlainStream(venue)),
            symbols: (0..books.len()).map(|slot| books.symbol(slot).to_owned()).collect(),
            jobs,
            answers: answer_tx,
            lookups,
            found,
            rules: None,
        });
        let feed = SocketFeed::new(SocketParts {
            limits,
            stream: Box::new(PlainStream(venue)),
            feed: Feed::new(books, vec![top_tx]).tapped(tap),
            jobs: job_tx,
            answers,
            board: Arc::clone(&board),
            notices: notice_tx,
        });
        Bench {
            feed,
            desk: desk.expect("no roots to read"),
            board,
            script,
            tops,
            notices,
            asked,
            names: answer_name,
            answered: None,
            newest,
            news: vec![],
            losses: vec![],
            clock: Clock::start(),
            ahead: DurNs::from_secs(10),
            stage,
            worker,
            place,
        }
    }
    pub fn script(&self) -> MutexGuard<'_, Script> {
        held(&self.script)
    }
    pub fn command(&self, command: Command) {
        self.script().commands.push_back(command);
    }
    pub fn tally(&self) -> Tally {
        self.feed.tally()
    }
    pub fn count(&self, counter: Counter) -> u64 {
        self.tally().get(counter)
    }
    pub fn now(&self) -> Now {
        let mono = self.clock.mono().plus(self.ahead);
        Now { mono, wall: WallNs(Clock::wall().0) }
    }
    /// One turn of feed and desk.
    pub fn turn(&mut self) {
        self.turn_without_reader();
        self.read();
    }
    pub fn turn_without_reader(&mut self) {
        let now = self.now();
        while let Some(Lookup { host, .. }) = self.asked.take() {
            if let Some(addresses) = self.answered.clone() {
                let _ = self.names.send(Found { host, addresses });
            }
        }
        self.desk.turn(now);
        self.feed.turn(now);
    }
    pub fn read(&mut self) {
        while let Some(top) = self.tops.take() {
            let at = top.instrument.index();
            if let Some(invalid) = top.invalid
                && self.newest[at].invalid.is_none()
            {
                self.losses.push(invalid);
            }
            self.newest[at] = top;
        }
        while let Some(notice) = self.notices.take() {
            self.news.push(notice.kind);
        }
    }
    pub fn until(&mut self, what: &str, is_so: impl Fn(&Bench) -> bool) {
        let begin = self.clock.mono();
        while !is_so(self) {
            assert!(self.clock.mono().since(begin) < PATIENCE, "no {what}: {:?}", self.news);
            self.turn();
            std::thread::yield_now();
        }
    }
    pub fn until_live(&mut self) {
        self.until("valid book of each symbol", |bench| {
            bench.feed.is_live() && bench.newest.iter().all(|top| top.invalid.is_none())
        });
    }
    /// Moves time for feed and desk, not for the venue, in steps that no pause is seen in.
    pub fn advance(&mut self, time: DurNs) {
        for _ in 0..time.as_ms() / 250 {
            self.ahead = DurNs(self.ahead.0 + DurNs::from_ms(250).0);
            for _ in 0..20 {
                self.turn();
                std::thread::yield_now();
            }
        }
    }
    /// Moves time at once, as if the thread had stood still.
    pub fn stand_still(&mut self, time: DurNs) {
        self.ahead = DurNs(self.ahead.0 + time.0);
        self.turn();
    }
    /// Where the venue listens.
    pub fn place(&self) -> SocketAddr {
        self.place
    }
    /// Feed and desk on threads that park, until the test has seen so many images.
    pub fn run_on_threads(mut self, images: u64) {
        let (feed_post, desk_post) = (post("feed", Wait::Park), post("desk", Wait::Park));
        let desk = self.stage.crew.start(self.desk, desk_post).expect("a thread");
        let feed = self.stage.crew.start(self.feed, feed_post).expect("a thread");
        let begin = self.clock.mono();
        let mut newest = 0;
        while newest < images {
            assert!(self.clock.mono().since(begin) < PATIENCE, "only {newest} images");
            match self.tops.take() {
                Some(top) => newest = top.image,
                None => std::thread::yield_now(),
            }
        }
        self.stage.crew.stop(Order::Drain);
        let (feed, exit) = self.stage.returned(feed);
        assert_eq!(exit, Exit::Drained);
        assert_eq!(feed.tally().get(Counter::Opens), 1);
        let _ = self.stage.returned(desk);
        let _ = self.stage.returned(self.worker);
    }
    pub fn end(self) {
        self.stage.crew.stop(Order::Cut);
        let _ = self.stage.returned(self.worker);
    }
}

fn listen(tls: Option<ServerTls>) -> (Listener, SocketAddr) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), tls, SERVE_LIMITS);
    let listener = listener.expect("a port");
    let place = listener.address().expect("an address");
    (listener, place)
}

fn open(venue: SmallVenue) -> (Stage, Worker<SmallVenue>) {
    let mut stage = Stage::set();
    let worker = stage.crew.start(venue, post("small-venue", Wait::Park)).expect("a thread");
    (stage, worker)
}

fn books_of(venue: VenueId, bases: &[&str]) -> Books {
    let quote = if venue == VenueId::Upbit { "KRW" } else { "USDT" };
    let named =
        |(base, id): (&&str, u8)| (InstrumentId(id), instrument_name(base, quote).expect("a name"));
    Books::new(venue, &bases.iter().zip(0..).map(named).collect::<Vec<_>>())
}

fn limits(venue: VenueId, place: &str) -> FeedLimits {
    FeedLimits {
        venue,
        websocket: Endpoint::parse(&format!("ws{place}")).expect("an address"),
        rest: Endpoint::parse(&format!("http{place}")).expect("an address"),
        roots: vec![],
        dial: DIAL_LIMITS,
        request: DurNs::from_secs(5),
        lookup: DurNs::from_secs(3),
        reconnect_cap: DurNs::from_secs(30),
        lag_cap: DurNs::from_secs(2),
        silence_cap: DurNs::from_secs(15),
        rate: Rate { per_second: 10, burst: 20 },
        seed: 7,
    }
}
