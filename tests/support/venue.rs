//! A small venue on loopback that speaks the dialect of Upbit, Binance or Bybit, on a thread of its
//! own; and a feed with its desk that a test turns by hand, so that time can be moved.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::desk::ANSWERS;
use arb::feed::desk::Desk;
use arb::feed::desk::DeskParts;
use arb::feed::desk::JOBS;
use arb::feed::limits::FeedLimits;
use arb::feed::limits::Rate;
use arb::feed::names::FOUND;
use arb::feed::names::LOOKUPS;
use arb::feed::socket::SocketFeed;
use arb::feed::socket::SocketParts;
use arb::net::dial::DIAL_LIMITS;
use arb::net::serve::Listener;
use arb::net::serve::Peer;
use arb::net::serve::PeerEvent;
use arb::net::serve::Request;
use arb::net::serve::Response;
use arb::net::serve::SERVE_LIMITS;
use arb::net::url::Endpoint;
use arb::net::ws::Incoming;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::BOOKS;
use arb::runtime::link::NOTICES;
use arb::runtime::link::Rx;
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
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::DecodeError;
use arb::venue::stream::BookSource;
use arb::venue::stream::InstrumentRules;
use arb::venue::stream::Keepalive;
use arb::venue::stream::Manners;
use arb::venue::stream::Stream;

use crate::crew::PATIENCE;
use crate::crew::Stage;
use crate::crew::post;

const TICK: DurNs = DurNs::from_ms(10);

/// The test's protocol facts: plain words instead of the venues' own requests.
pub struct PlainStream(pub VenueId);

impl Stream for PlainStream {
    fn manners(&self) -> Manners {
        Manners {
            keepalive: Keepalive::PingFrame { every: DurNs::from_secs(30) },
            books: source(self.0),
            silence: DurNs::from_secs(15),
            longest_life: None,
            first_image: DurNs::from_secs(10),
            acks: false,
            replaces: self.0 == VenueId::Upbit,
            symbols_per_request: 10,
            attempts_per_minute: 20,
            messages_per_second: 4,
            has_ticker: false,
        }
    }
    fn path(&self) -> &'static str {
        "/stream"
    }
    fn subscribe(&self, symbols: &[&str], _: u64) -> Vec<String> {
        vec![format!("sub {}", symbols.join(","))]
    }
    fn unsubscribe(&self, symbols: &[&str], _: u64) -> Vec<String> {
        vec![format!("unsub {}", symbols.join(","))]
    }
    fn snapshot_path(&self, symbol: &str) -> Option<String> {
        (self.0 == VenueId::Binance).then(|| format!("/depth?symbol={symbol}"))
    }
    fn rules_paths(&self, _: &[&str]) -> Vec<String> {
        vec![]
    }
    fn rules(&self, _: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError> {
        Err(DecodeError::Malformed)
    }
    fn time_path(&self) -> Option<&'static str> {
        Some("/time")
    }
    fn time_ms(&self, body: &[u8]) -> Result<u64, DecodeError> {
        let text = std::str::from_utf8(body).map_err(|_| DecodeError::Utf8)?;
        text.parse().map_err(|_| DecodeError::Malformed)
    }
}

fn source(venue: VenueId) -> BookSource {
    match venue {
        VenueId::Binance => BookSource::RequestedSnapshot,
        VenueId::Bybit | VenueId::Okx => BookSource::StreamSnapshot,
        _ => BookSource::Whole,
    }
}

/// What a test tells the venue to do.
pub enum Command {
    /// This text to every connection.
    Text(String),
    /// These bytes to every connection, as they are.
    Raw(Vec<u8>),
    /// End every connection with RST.
    Reset,
    /// Close every connection in good order.
    Close,
    /// So many updates of every symbol at once.
    Burst(u64),
    /// Leave so many updates out.
    Skip(u64),
}

/// How the venue behaves, and what it saw.
#[derive(Default)]
pub struct Script {
    pub hides: Option<String>,
    pub is_mute: bool,
    /// Connections are accepted and never answered.
    pub hangs: bool,
    /// Nothing is read or sent on open connections: half open.
    pub is_frozen: bool,
    pub refuses: Option<u16>,
    /// Statuses of the next requests, and what they ask us to wait.
    pub statuses: VecDeque<(u16, Option<u64>)>,
    /// Snapshots are so much older than they should be, one request each.
    pub lags: VecDeque<u64>,
    /// How far the venue's clock is ahead, ms.
    pub ahead_ms: i64,
    pub commands: VecDeque<Command>,
    pub upgrades: u64,
    pub snapshots: u64,
    pub requests: Vec<String>,
    /// WebSockets that are open.
    pub open: usize,
    pub most_open: usize,
    pub updates: u64,
}

/// A connection.
struct Line {
    peer: Peer,
    symbols: Vec<String>,
}

/// The venue.
pub struct SmallVenue {
    venue: VenueId,
    listener: Listener,
    script: Arc<Mutex<Script>>,
    lines: Vec<Line>,
    next: MonoNs,
}

fn held(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().expect("no test panics with it")
}

impl SmallVenue {
    fn step(&mut self, now: MonoNs) -> bool {
        let shared = Arc::clone(&self.script);
        let mut script = held(&shared);
        let mut worked = false;
        while let Ok(Some(peer)) = self.listener.accept(now) {
            self.lines.push(Line { peer, symbols: vec![] });
            worked = true;
        }
        if script.is_frozen {
            return false;
        }
        if !script.hangs {
            for line in &mut self.lines {
                worked |= Self::serve(self.venue, line, &mut script, now);
            }
        }
        while let Some(command) = script.commands.pop_front() {
            self.obey(command, &mut script);
            worked = true;
        }
        if now >= self.next {
            self.next = now.plus(TICK);
            if !script.is_mute {
                self.update(&mut script);
            }
        }
        self.lines.retain(|line| line.peer.fd().is_some());
        let open = self.lines.iter().filter(|line| line.peer.is_websocket()).count();
        (script.open, script.most_open) = (open, script.most_open.max(open));
        worked
    }
    fn serve(venue: VenueId, line: &mut Line, script: &mut Script, now: MonoNs) -> bool {
        let mut worked = false;
        while let Some(event) = line.peer.poll(now) {
            worked = true;
            match event {
                PeerEvent::Request(request) if request.upgrade_key().is_some() => {
                    script.upgrades += 1;
                    match script.refuses {
                        Some(status) => {
                            let page = Response::json(status, "<html>no</html>");
                            let _ = line.peer.respond(&page, now);
                        }
                        None => line.peer.upgrade(&request, &[]).expect("a proper upgrade"),
                    }
                }
                PeerEvent::Request(request) => {
                    let response = Self::answer(&request, script);
                    let _ = line.peer.respond(&response, now);
                }
                PeerEvent::Incoming(Incoming::Frame(frame)) => {
                    let text = String::from_utf8_lossy(frame.as_ref()).into_owned();
                    script.requests.push(text.clone());
                    if let Some(codes) = text.strip_prefix("sub ") {
                        Self::subscribe(venue, line, codes, script);
                    }
                }
                PeerEvent::Incoming(_) => {}
                PeerEvent::Gone(_) => {}
            }
        }
        worked
    }
    fn answer(request: &Request, script: &mut Script) -> Response {
        if request.path == "/time" {
            let ms = Clock::wall().as_ms().saturating_add_signed(script.ahead_ms);
            return Response::json(200, ms.to_string());
        }
        script.snapshots += 1;
        if let Some((status, wait)) = script.statuses.pop_front() {
            let response = Response::json(status, "{}");
            return match wait {
                Some(wait) => response.with("Retry-After", wait.to_string()),
                None => response,
            };
        }
        let id = script.updates - script.lags.pop_front().unwrap_or(0).min(script.updates);
        let body = format!(r#"{{"lastUpdateId":{id},"bids":[["99","1"]],"asks":[["101","1"]]}}"#);
        Response::json(200, body)
    }
    fn subscribe(venue: VenueId, line: &mut Line, codes: &str, script: &mut Script) {
        for code in codes.split(',') {
            if !line.symbols.iter().any(|known| known == code) {
                line.symbols.push(code.to_owned());
            }
            if script.hides.as_deref() != Some(code) && venue != VenueId::Binance {
                script_send(&mut line.peer, venue, &first(venue, code, script));
            }
        }
    }
    fn update(&mut self, script: &mut Script) {
        script.updates += 1;
        for line in &mut self.lines {
            for code in &line.symbols {
                if script.hides.as_deref() != Some(code.as_str()) {
                    script_send(&mut line.peer, self.venue, &next(self.venue, code, script));
                }
            }
        }
    }
    fn obey(&mut self, command: Command, script: &mut Script) {
        match command {
            Command::Text(text) => {
                for line in &mut self.lines {
                    let _ = line.peer.send_text(&text);
                }
            }
            Command::Raw(bytes) => {
                for line in &mut self.lines {
                    let _ = line.peer.send_raw(&bytes);
                }
            }
            Command::Reset => self.lines.drain(..).for_each(|line| line.peer.reset()),
            Command::Close => {
                for line in &mut self.lines {
                    let _ = line.peer.close(1001);
                }
            }
            Command::Burst(count) => (0..count).for_each(|_| self.update(script)),
            Command::Skip(count) => script.updates += count,
        }
    }
}

fn script_send(peer: &mut Peer, venue: VenueId, text: &str) {
    // A peer that takes nothing loses what does not fit; that is its own fault here.
    let _ = match venue {
        VenueId::Upbit => peer.send_binary(text.as_bytes()),
        _ => peer.send_text(text),
    };
}

/// The first message of a symbol.
fn first(venue: VenueId, code: &str, script: &Script) -> String {
    let (ms, id) = (Clock::wall().as_ms().saturating_add_signed(script.ahead_ms), script.updates);
    match venue {
        VenueId::Bybit => format!(
            r#"{{"topic":"orderbook.50.{code}","ts":{ms},"type":"snapshot","data":{{"s":"{code}","b":[["99","1"]],"a":[["101","1"]],"u":{id},"seq":{id}}},"cts":{ms}}}"#
        ),
        VenueId::Okx => okx(code, "snapshot", (ms, id), "1"),
        _ => next(venue, code, script),
    }
}

fn okx(code: &str, action: &str, (ms, id): (u64, u64), qty: &str) -> String {
    let prev = if action == "snapshot" { -1 } else { id as i64 - 1 };
    let asks = if action == "snapshot" { r#"["101","1","0","1"]"# } else { "" };
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{code}"}},"action":"{action}","data":[{{"asks":[{asks}],"bids":[["99","{qty}","0","1"]],"ts":"{ms}","checksum":0,"prevSeqId":{prev},"seqId":{id}}}]}}"#
    )
}

/// The update of that number.
fn next(venue: VenueId, code: &str, script: &Script) -> String {
    let (ms, id) = (Clock::wall().as_ms().saturating_add_signed(script.ahead_ms), script.updates);
    let qty = id % 1_000 + 1;
    match venue {
        VenueId::Binance => format!(
            r#"{{"stream":"{}@depth@100ms","data":{{"e":"depthUpdate","E":{ms},"s":"{code}","U":{id},"u":{id},"b":[["99","{qty}"]],"a":[]}}}}"#,
            code.to_lowercase()
        ),
        VenueId::Okx => okx(code, "update", (ms, id), &qty.to_string()),
        VenueId::Bybit => format!(
            r#"{{"topic":"orderbook.50.{code}","ts":{ms},"type":"delta","data":{{"s":"{code}","b":[["99","{qty}"]],"a":[],"u":{id},"seq":{id}}},"cts":{ms}}}"#
        ),
        _ => format!(
            r#"{{"type":"orderbook","code":"{code}","timestamp":{ms},"total_ask_size":1,"total_bid_size":{qty},"orderbook_units":[{{"ask_price":101,"bid_price":99,"ask_size":1,"bid_size":{qty}}}],"stream_type":"REALTIME","level":0}}"#
        ),
    }
}

impl Agent for SmallVenue {
    fn name(&self) -> &'static str {
        "small-venue"
    }
    fn turn(&mut self, now: Now) -> Turn {
        if self.step(now.mono) { Turn::Worked } else { Turn::Idle }
    }
    fn due(&self) -> Option<MonoNs> {
        Some(self.next)
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        visit(self.listener.as_fd());
        self.lines.iter().filter_map(|line| line.peer.fd()).for_each(visit);
    }
}

/// A venue, and a feed with its desk on the test's own thread.
pub struct Bench {
    pub feed: SocketFeed,
    pub desk: Desk,
    pub board: Arc<FeedBoard>,
    pub script: Arc<Mutex<Script>>,
    tops: Rx<BookTop>,
    notices: Rx<Notice>,
    pub newest: Vec<BookTop>,
    pub news: Vec<NoticeKind>,
    /// Tops that said that a book is not valid, after it was once.
    pub losses: Vec<Invalid>,
    clock: Clock,
    ahead: DurNs,
    stage: Stage,
    worker: Worker<SmallVenue>,
}

impl Bench {
    pub fn of(venue: VenueId, bases: &[&str]) -> Bench {
        let any = ([127, 0, 0, 1], 0).into();
        let listener = Listener::bind(any, None, SERVE_LIMITS).expect("a port");
        let port = listener.address().expect("an address").port();
        let script = Arc::new(Mutex::new(Script { updates: 1_000, ..Script::default() }));
        let mut stage = Stage::set();
        let small = SmallVenue {
            venue,
            listener,
            script: Arc::clone(&script),
            lines: vec![],
            next: MonoNs(0),
        };
        let worker = stage.crew.start(small, post("small-venue", Wait::Park)).expect("a thread");

        let quote = if venue == VenueId::Upbit { "KRW" } else { "USDT" };
        let named = bases
            .iter()
            .zip(0..)
            .map(|(base, id)| (InstrumentId(id), instrument_name(base, quote).expect("a name")));
        let named: Vec<_> = named.collect();
        let books = Books::new(venue, &named);
        let symbols = (0..books.len()).map(|slot| books.symbol(slot).to_owned()).collect();
        let (top_tx, tops) = BOOKS.open();
        let (notice_tx, notices) = NOTICES.open();
        let ((job_tx, jobs), (answer_tx, answers)) = (JOBS.open(), ANSWERS.open());
        let ((lookups, _), (_, found)) = (LOOKUPS.open(), FOUND.open());
        let limits = FeedLimits {
            venue,
            websocket: Endpoint::parse(&format!("ws://127.0.0.1:{port}")).expect("an address"),
            rest: Endpoint::parse(&format!("http://127.0.0.1:{port}")).expect("an address"),
            roots: vec![],
            dial: DIAL_LIMITS,
            request: DurNs::from_secs(5),
            lookup: DurNs::from_secs(3),
            reconnect_cap: DurNs::from_secs(30),
            rate: Rate { per_second: 10, burst: 20 },
            seed: 7,
        };
        let board = Arc::new(FeedBoard::default());
        let desk = Desk::new(DeskParts {
            limits: limits.clone(),
            stream: Box::new(PlainStream(venue)),
            symbols,
            jobs,
            answers: answer_tx,
            lookups,
            found,
            rules: None,
        });
        let feed = SocketFeed::new(SocketParts {
            limits,
            stream: Box::new(PlainStream(venue)),
            feed: Feed::new(books, vec![top_tx]),
            jobs: job_tx,
            answers,
            board: Arc::clone(&board),
            notices: notice_tx,
        });
        let newest = named.iter().map(|(id, _)| BookTop::empty(*id)).collect();
        Bench {
            feed,
            desk: desk.expect("no roots to read"),
            board,
            script,
            tops,
            notices,
            newest,
            news: vec![],
            losses: vec![],
            clock: Clock::start(),
            ahead: DurNs::from_secs(10),
            stage,
            worker,
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
            self.ahead = self.ahead.plus_ms(250);
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
    pub fn end(self) {
        self.stage.crew.stop(Order::Cut);
        let _ = self.stage.returned(self.worker);
    }
}

trait PlusMs {
    fn plus_ms(self, ms: u64) -> Self;
}

impl PlusMs for DurNs {
    fn plus_ms(self, ms: u64) -> DurNs {
        DurNs(self.0 + DurNs::from_ms(ms).0)
    }
}
