//! One simulated venue with its dialect, on virtual time.

use std::collections::BTreeMap;

use arb::net::head::Headers;
use arb::net::serve::Request;
use arb::net::serve::Response;
use arb::sim::dialect::Dialect;
use arb::sim::dialect::Out;
use arb::sim::dialect::SimNow;
use arb::sim::dialect::dialect;
use arb::sim::dialect::seat::Seat;
use arb::sim::exchange::core::Exchange;
use arb::sim::exchange::listing;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::market::Level;
use arb::types::market::Side;
use arb::types::time::DurNs;
use arb::types::time::VirtualClock;
use arb::types::time::WallNs;
use arb::venue::Codec;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::Span;
use arb::venue::codec;
use serde_json::Value;

/// Wall time at which every test begins.
pub const START_MS: u64 = 1_790_134_742_000;

/// A venue and its clock.
pub struct Hall {
    pub venue: VenueId,
    pub exchange: Exchange,
    pub dialect: Box<dyn Dialect + Send>,
    clock: VirtualClock,
    counted: u64,
}

impl Hall {
    pub fn of(venue: VenueId) -> Hall {
        let bases = ["BTC", "ETH"].map(|code| asset(code).expect("an asset"));
        let table = listing::instruments(&bases).expect("a table");
        let exchange = Exchange::new(&listing::plan(table, 7), venue, START_MS).expect("a plan");
        let clock = VirtualClock::at(WallNs(START_MS * 1_000_000));
        Hall { venue, exchange, dialect: dialect(venue), clock, counted: 0 }
    }
    /// A number that was not given before.
    pub fn next(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }
    /// What the seat is told of everything that happened to its account.
    pub fn tell(&mut self, seat: &mut Seat) -> Vec<Out> {
        let (now, events) = (self.now(), self.exchange.take_events());
        let whose = seat.account;
        let own = events.iter().filter(|(account, _)| Some(*account) == whose);
        let mut out = Vec::new();
        for (_, event) in own {
            out.extend(self.dialect.account(seat, event, (&self.exchange, now)));
        }
        out
    }
    pub fn now(&self) -> SimNow {
        SimNow { now: self.clock.now(), wall_ms: self.clock.now().wall.as_ms() }
    }
    pub fn pass(&mut self, by: DurNs) {
        let then = self.clock.now().mono.plus(by);
        self.clock.advance_to(then);
    }
    /// The venue's code of an instrument.
    pub fn symbol(&self, instrument: usize) -> String {
        codec(self.venue).symbol(&self.exchange.instruments()[instrument].name)
    }
    pub fn instruments(&self) -> usize {
        self.exchange.instruments().len()
    }
    pub fn http(&mut self, request: &Request) -> Response {
        let now = self.now();
        self.dialect.http(request, &mut self.exchange, now)
    }
    pub fn get(&mut self, target: &str) -> Response {
        self.http(&request("GET", target))
    }
    pub fn open(&mut self, path: &str) -> Result<(Seat, Vec<(String, String)>), Response> {
        let now = self.now();
        self.dialect.open(&request("GET", path), (&self.exchange, now))
    }
    pub fn seat(&mut self, path: &str) -> Seat {
        self.open(path).expect("the venue takes the connection").0
    }
    pub fn say(&mut self, seat: &mut Seat, text: &str) -> Vec<Out> {
        let now = self.now();
        seat.heard = now.now.mono;
        self.dialect.message(seat, text.as_bytes(), (&mut self.exchange, now))
    }
    pub fn tick(&mut self, seat: &mut Seat) -> Vec<Out> {
        let now = self.now();
        self.dialect.tick(seat, (&self.exchange, now))
    }
    /// The next image of the market, and what the seat is sent for it.
    pub fn advance(&mut self, seat: &mut Seat) -> Vec<Out> {
        let now = self.now();
        let instrument = self.exchange.advance(now.wall_ms);
        self.dialect.book(seat, instrument, (&self.exchange, now))
    }
    /// Ticks every 50 ms for so long; everything sent.
    pub fn wait(&mut self, seat: &mut Seat, long: DurNs) -> Vec<Out> {
        let mut out = Vec::new();
        for _ in 0..long.as_ms() / 50 {
            self.pass(DurNs::from_ms(50));
            out.extend(self.tick(seat));
        }
        out
    }
}

/// The address of the public socket.
pub fn public_path(venue: VenueId) -> &'static str {
    match venue {
        VenueId::Upbit | VenueId::Bithumb => "/websocket/v1",
        VenueId::Binance => "/stream",
        VenueId::Bybit => "/v5/public/spot",
        VenueId::Okx => "/ws/v5/public",
    }
}

pub fn request(method: &str, target: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Headers::default(),
        body: Vec::new(),
    }
}

pub fn with_header(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.0.push((name.to_owned(), value.to_owned()));
    request
}

/// The bytes of a data message; `None` for anything else.
pub fn bytes(out: &Out) -> Option<&[u8]> {
    match out {
        Out::Text(text) => Some(text.as_bytes()),
        Out::Binary(bytes) => Some(bytes),
        _ => None,
    }
}

/// Every data message as JSON; `pong` of OKX is none.
pub fn said(out: &[Out]) -> Vec<Value> {
    out.iter().filter_map(bytes).filter_map(|text| serde_json::from_slice(text).ok()).collect()
}

pub fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("a JSON body")
}

pub fn head<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    let mut headers = response.headers.iter();
    headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A book that is rebuilt from frames through our own codec, the slow and obvious way.
pub struct Mirror {
    codec: Box<dyn Codec + Send>,
    scratch: Scratch,
    pub books: BTreeMap<String, Sides>,
}

#[derive(Default, Debug, PartialEq, Eq, Clone)]
pub struct Sides {
    pub bids: BTreeMap<i64, i64>,
    pub asks: BTreeMap<i64, i64>,
    pub update: Option<u64>,
    pub images: u64,
    pub deltas: u64,
}

impl Mirror {
    pub fn of(venue: VenueId) -> Mirror {
        Mirror { codec: codec(venue), scratch: Scratch::default(), books: BTreeMap::new() }
    }
    pub fn hear(&mut self, out: &[Out]) {
        for text in out.iter().filter_map(bytes) {
            let event = self.codec.decode(FrameKind::Ws, text, &mut self.scratch);
            let shown = String::from_utf8_lossy(text);
            match event.unwrap_or_else(|error| panic!("{error}: {shown}")) {
                Event::Image { symbol, update_id, .. } => {
                    let book = self.books.entry(symbol.to_owned()).or_default();
                    (book.bids, book.asks) = (BTreeMap::new(), BTreeMap::new());
                    (book.update, book.images) = (update_id, book.images + 1);
                    lay(book, &self.scratch);
                }
                Event::Delta { symbol, span, .. } => {
                    let book = self.books.entry(symbol.to_owned()).or_default();
                    book.deltas += 1;
                    match (span, book.update) {
                        (Span::Joined { last, .. }, Some(known)) if last <= known => continue,
                        (Span::Joined { first, last }, Some(known)) => {
                            assert!(first <= known + 1, "a gap: {first} after {known}");
                            book.update = Some(last);
                        }
                        (Span::Chained { prev, last }, Some(known)) => {
                            assert_eq!(prev, known, "a broken chain");
                            book.update = Some(last);
                        }
                        (_, None) => panic!("a change before its image: {shown}"),
                    }
                    lay(book, &self.scratch);
                }
                _ => {}
            }
        }
    }
    /// A REST snapshot of a book.
    pub fn load(&mut self, symbol: &str, snapshot: &[u8]) {
        let event = self.codec.decode(FrameKind::RestDepth, snapshot, &mut self.scratch);
        let Ok(Event::Snapshot { last_id }) = event else { panic!("no snapshot: {event:?}") };
        let book = self.books.entry(symbol.to_owned()).or_default();
        *book = Sides { update: Some(last_id), ..Sides::default() };
        lay(book, &self.scratch);
    }
}

fn lay(book: &mut Sides, scratch: &Scratch) {
    let sides = [(&mut book.bids, &scratch.bids), (&mut book.asks, &scratch.asks)];
    for (side, levels) in sides {
        for level in levels {
            match level.qty.raw() {
                0 => side.remove(&level.price.raw()),
                qty => side.insert(level.price.raw(), qty),
            };
        }
    }
}

/// The best levels of a book, raw, best first.
pub fn top(book: &Sides, side: Side, levels: usize) -> Vec<(i64, i64)> {
    let pair = |(price, qty): (&i64, &i64)| (*price, *qty);
    match side {
        Side::Buy => book.bids.iter().rev().take(levels).map(pair).collect(),
        Side::Sell => book.asks.iter().take(levels).map(pair).collect(),
    }
}

/// The same of what the exchange shows, sizes cut to whole multiples of `grid`.
pub fn shown(levels: &[Level], most: usize, grid: i64) -> Vec<(i64, i64)> {
    let cut = |level: &Level| (level.price.raw(), level.qty.raw() / grid * grid);
    levels.iter().take(most).map(cut).filter(|(_, qty)| *qty > 0).collect()
}
