//! Golden files: what a frame says, written by hand from the venue's documents and the frame's own
//! text, never by running the decoder. One file `NAME.golden` for each fixture `NAME`.
//!
//! Its first line is how the fixture is read; the others are what comes out, in order. `#` begins
//! a comment. Numbers are plain decimals without trailing zeros, `-` is "not told".
//!
//! | first line | the fixture is |
//! |---|---|
//! | `ws` | public frames, one a line |
//! | `recording` | public frames, one a line; counts and exact sums come out |
//! | `private` | one private frame |
//! | `reply CALL STATUS` | the body of an answer with that HTTP status |
//! | `rules`, `prices`, `trades`, `wallets` | the body of an answer that lists these |
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use arb::types::ids::VenueId;
use arb::types::market::Level;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::codec;
use arb::venue::krw::lists;
use arb::venue::krw::stream::KrwStream;
use arb::venue::private::Call;
use arb::venue::private::Private;
use arb::venue::private::Reply;
use arb::venue::stream::Stream;
use text::decimal;
use text::event_text;
use text::list_text;
use text::private;
use text::reply_text;
use text::rules_text;

#[path = "krw_text.rs"]
mod text;

/// A venue under test.
pub struct Venue {
    /// Which one.
    pub id: VenueId,
    /// Its public connection.
    pub stream: KrwStream,
    /// Its private messages.
    pub private: Box<dyn Private>,
    /// Fixtures that are no message of the venue, each with the reason.
    pub outbound: &'static [(&'static str, &'static str)],
}

impl Venue {
    fn golden(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(self.id.name())
    }

    /// The folder of fixtures, if it is there.
    pub fn fixtures(&self) -> Option<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
        let folder = root.join(self.id.name());
        if !folder.exists() {
            println!("skipped: the shared fixtures are absent ({})", self.id.name());
            return None;
        }
        Some(folder)
    }

    /// Compares every message under the folder with its golden file; how many there were.
    pub fn compare(&self, folder: &Path, golden: &Path) -> usize {
        let mut seen = Vec::new();
        for name in names(folder, &["json", "jsonl"]) {
            if self.outbound.iter().any(|(listed, _)| *listed == name) {
                continue;
            }
            let path = golden.join(&name).with_extension("golden");
            let Ok(expected) = fs::read_to_string(&path) else {
                panic!("{name} has no golden file ({})", path.display());
            };
            let frame = fs::read(folder.join(&name)).expect("a readable fixture");
            self.same(&name, &frame, &expected);
            seen.push(Path::new(&name).with_extension("golden").to_string_lossy().into_owned());
        }
        for name in names(golden, &["golden"]) {
            let is_own = name.starts_with("own/");
            assert!(is_own || seen.contains(&name), "{name} belongs to no fixture");
        }
        seen.len()
    }

    /// Every fixture against its golden file.
    pub fn compare_fixtures(&self) -> Option<usize> {
        let folder = self.fixtures()?;
        for (name, _) in self.outbound {
            assert!(folder.join(name).exists(), "{name} is listed but absent");
        }
        Some(self.compare(&folder, &self.golden()))
    }

    /// The frames in the repository, written from the documents, against theirs.
    pub fn compare_own(&self) -> usize {
        let own = self.golden().join("own");
        self.compare(&own, &own)
    }

    fn same(&self, name: &str, frame: &[u8], expected: &str) {
        let mut lines = expected.lines().filter(|line| !line.starts_with('#'));
        let how = lines.next().expect("a first line");
        let expected: Vec<&str> = lines.collect();
        let found = self.read(how, frame);
        let found: Vec<&str> = found.lines().collect();
        assert_eq!(found, expected, "{name}\n{}", found.join("\n"));
    }

    fn read(&self, how: &str, frame: &[u8]) -> String {
        match how.split(' ').collect::<Vec<_>>().as_slice() {
            ["ws"] => frames(frame).map(|frame| self.public(frame)).collect(),
            ["recording"] => recording(self.id, frame),
            ["private"] => private(&self.private.decode_private(frame).expect("a private frame")),
            ["reply", call, status] => {
                let status = status.parse().expect("a status");
                let reply = self.private.decode_reply(call_named(call), status, frame);
                reply_text(&reply.expect("an answer"))
            }
            ["rules"] => {
                let rules = self.stream.rules(frame).expect("rules");
                rules.iter().map(rules_text).collect()
            }
            [list] => list_text(list, frame),
            _ => panic!("no such way: {how}"),
        }
    }

    fn public(&self, frame: &[u8]) -> String {
        let mut scratch = Scratch::default();
        let event = codec(self.id).decode(FrameKind::Ws, frame, &mut scratch);
        event_text(&event.expect("a public frame"), &scratch)
    }
}

fn frames(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Names of the files below a folder with one of these endings, relative to it, sorted.
fn names(folder: &Path, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rooms = vec![folder.to_owned()];
    while let Some(room) = rooms.pop() {
        for entry in fs::read_dir(&room).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                rooms.push(path);
            } else if path.extension().is_some_and(|end| endings.iter().any(|e| end == *e)) {
                let name = path.strip_prefix(folder).expect("below it");
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn call_named(name: &str) -> Call {
    match name {
        "place" => Call::Place,
        "cancel" => Call::Cancel,
        "order" => Call::Order,
        "orders" => Call::Orders,
        "fills" => Call::Fills,
        "balances" => Call::Balances,
        "fees" => Call::Fees,
        "rules" => Call::Rules,
        "book" => Call::Book,
        other => panic!("no such call: {other}"),
    }
}

/// Exact sums over all levels and trades of one symbol.
#[derive(Default)]
struct Sums {
    books: u64,
    trades: u64,
    sells: u64,
    levels: u64,
    price_raw: i128,
    qty_raw: i128,
    ts_ms: u128,
}

impl Sums {
    fn level(&mut self, level: &Level) {
        self.price_raw += i128::from(level.price.raw());
        self.qty_raw += i128::from(level.qty.raw());
    }
}

fn recording(venue: VenueId, file: &[u8]) -> String {
    let mut all: BTreeMap<String, Sums> = BTreeMap::new();
    let mut scratch = Scratch::default();
    for frame in frames(file) {
        match codec(venue).decode(FrameKind::Ws, frame, &mut scratch).expect("a public frame") {
            Event::Image { symbol, venue_ts_ms, .. } => {
                let sums = all.entry(symbol.to_owned()).or_default();
                sums.books += 1;
                sums.levels += (scratch.bids.len() + scratch.asks.len()) as u64;
                sums.ts_ms += u128::from(venue_ts_ms);
                scratch.bids.iter().chain(&scratch.asks).for_each(|level| sums.level(level));
            }
            Event::Trade { symbol, price, qty, taker, trade_id, venue_ts_ms } => {
                let sums = all.entry(symbol.to_owned()).or_default();
                sums.trades += 1;
                sums.sells += u64::from(taker == arb::types::market::Side::Sell);
                sums.ts_ms += u128::from(venue_ts_ms) + u128::from(trade_id);
                sums.level(&Level { price, qty });
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
    let line = |(symbol, sums): (&String, &Sums)| {
        let Sums { books, trades, sells, levels, .. } = sums;
        let (price, qty) = (decimal(sums.price_raw), decimal(sums.qty_raw));
        format!(
            "{symbol} books={books} levels={levels} trades={trades} sells={sells} \
             price={price} qty={qty} times={}\n",
            sums.ts_ms
        )
    };
    all.iter().map(line).collect()
}

/// A request as a value, its ticket taken out.
pub fn without_ticket(request: &str) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(request).expect("a request");
    let first = value.get_mut(0).and_then(serde_json::Value::as_object_mut).expect("a ticket");
    assert!(first.remove("ticket").is_some_and(|ticket| ticket.is_string()));
    value
}

/// Texts of the venue's own frames, for tests that change them.
pub fn own_frames(venue: &Venue) -> Vec<Vec<u8>> {
    let folder = venue.golden().join("own");
    let read = |name: &String| fs::read(folder.join(name)).expect("a frame");
    names(&folder, &["json", "jsonl"]).iter().map(read).collect()
}

/// Every reader of private messages on these bytes: none may panic.
pub fn read_in_every_way(venue: &Venue, bytes: &[u8]) {
    let calls = [Call::Place, Call::Cancel, Call::Orders, Call::Fills, Call::Balances];
    let _ = venue.private.decode_private(bytes);
    for call in calls.into_iter().chain([Call::Fees, Call::Rules, Call::Book, Call::Time]) {
        for status in [200, 400, 503] {
            let reply = venue.private.decode_reply(call, status, bytes);
            assert!(status < 400 || matches!(reply, Ok(Reply::Refused(_))));
        }
    }
    let _ = lists::last_prices(bytes);
    let _ = lists::past_trades(bytes);
    let _ = lists::wallets(bytes);
}

/// A frame with one change at a place: a byte replaced or put in, a part taken out or repeated.
pub fn changed(frame: &[u8], [at, other]: [usize; 2], with: u8) -> [Vec<u8>; 5] {
    let (from, to) = (at.min(other), at.max(other));
    [
        [&frame[..at], &[with], &frame[at + 1..]].concat(),
        [&frame[..at], &[with], &frame[at..]].concat(),
        [&frame[..to], &frame[from..]].concat(),
        [&frame[..from], &frame[to..]].concat(),
        frame[..at].to_vec(),
    ]
}
