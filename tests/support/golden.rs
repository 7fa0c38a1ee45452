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
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use arb::types::ids::VenueId;
use arb::types::market::Level;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::types::units::SCALE;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::codec;
use arb::venue::krw::lists;
use arb::venue::krw::stream::KrwStream;
use arb::venue::private::Call;
use arb::venue::private::OrderUpdate;
use arb::venue::private::Private;
use arb::venue::private::PrivateEvent;
use arb::venue::private::Reply;
use arb::venue::private::VenueFill;
use arb::venue::stream::InstrumentRules;
use arb::venue::stream::Stream;

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

fn decimal(raw: i128) -> String {
    let scale = i128::from(SCALE);
    let sign = if raw < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:08}", (raw / scale).abs(), (raw % scale).abs());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn or_dash<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or("-".to_owned(), text)
}

fn price(value: Price) -> String {
    decimal(value.raw().into())
}

fn qty(value: Qty) -> String {
    decimal(value.raw().into())
}

fn level_text(word: &str, level: &Level) -> String {
    format!("{word} {} {}\n", price(level.price), qty(level.qty))
}

fn event_text(event: &Event<'_>, scratch: &Scratch) -> String {
    match event {
        Event::Image { symbol, venue_ts_ms, update_id: None } => {
            let mut text = format!("image {symbol} {venue_ts_ms}\n");
            text.extend(scratch.bids.iter().map(|level| level_text("bid", level)));
            text.extend(scratch.asks.iter().map(|level| level_text("ask", level)));
            text
        }
        Event::Trade { symbol, price: paid, qty: much, taker, trade_id, venue_ts_ms } => {
            let (paid, much, taker) = (price(*paid), qty(*much), taker.name());
            format!("trade {symbol} {taker} {paid} {much} id={trade_id} ts={venue_ts_ms}\n")
        }
        Event::Control(control) => format!("control {control:?}\n"),
        other => panic!("unexpected: {other:?}"),
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

fn private(events: &[PrivateEvent]) -> String {
    let text = |event: &PrivateEvent| match event {
        PrivateEvent::Order(order) => order_text(order),
        PrivateEvent::Balance(balance) => reply_text(&Reply::Balances(vec![balance.clone()])),
        PrivateEvent::Reply(reply) => reply_text(reply),
        PrivateEvent::Control(control) => format!("control {control:?}\n"),
        PrivateEvent::Ended => "ended\n".to_owned(),
    };
    events.iter().map(text).collect()
}

fn order_text(order: &OrderUpdate) -> String {
    let symbol = if order.symbol.is_empty() { "-" } else { &order.symbol };
    let mut text = format!("order {symbol} id={}", order.venue_order_id);
    let client = order.client_order_id.clone().unwrap_or("-".to_owned());
    let side = order.side.map_or("-", arb::types::market::Side::name);
    let state = or_dash(order.state, |state| format!("{state:?}"));
    let value = or_dash(order.filled_value_raw, |raw| decimal(raw.into()));
    let _ = write!(text, " client={client} side={side} state={state}");
    let _ = write!(text, " price={} qty={}", or_dash(order.price, price), or_dash(order.qty, qty));
    let filled = or_dash(order.filled, qty);
    let _ = writeln!(text, " filled={filled} value={value} ts={}", order.venue_ts_ms);
    if let Some(fill) = &order.fill {
        text.push_str(&fill_text(fill));
    }
    text
}

fn fill_text(fill: &VenueFill) -> String {
    let fee = or_dash(fill.fee_raw, |raw| decimal(raw.into()));
    let asset = if fill.fee_asset.is_empty() { "-" } else { &fill.fee_asset };
    let maker = or_dash(fill.is_maker, |is| is.to_string());
    let (paid, much) = (price(fill.price), qty(fill.qty));
    format!("fill {} {paid} {much} fee={fee} asset={asset} maker={maker}\n", fill.trade_id)
}

fn reply_text(reply: &Reply) -> String {
    match reply {
        Reply::Orders(orders) => orders.iter().map(order_text).collect(),
        Reply::Fills(fills) => {
            fills.iter().map(|(order, fill)| format!("of {order}: {}", fill_text(fill))).collect()
        }
        Reply::Balances(balances) => balances
            .iter()
            .map(|balance| {
                let (free, locked) = (decimal(balance.free_raw.into()), balance.locked_raw);
                format!("balance {} {free} locked={}\n", balance.asset, decimal(locked.into()))
            })
            .collect(),
        Reply::Fees(fees) => fees
            .iter()
            .map(|fee| {
                format!("fees {} maker={} taker={}\n", fee.symbol, fee.maker_ppm, fee.taker_ppm)
            })
            .collect(),
        Reply::Rules(rules) => rules.iter().map(rules_text).collect(),
        Reply::Book { bids, asks, update_id: None } => {
            let line = |word: &str, (paid, much): &(Price, Qty)| {
                level_text(word, &Level { price: *paid, qty: *much })
            };
            let bids = bids.iter().map(|level| line("bid", level));
            bids.chain(asks.iter().map(|level| line("ask", level))).collect()
        }
        Reply::Refused(error) => {
            let wait = or_dash(error.retry_after_ms, |ms| ms.to_string());
            let (class, code, words) = (error.class, &error.code, &error.message);
            format!("refused {class:?} code={code} wait={wait} {words}\n")
        }
        other => panic!("unexpected: {other:?}"),
    }
}

/// Ticks at 1, at 1,000 and at 100,000,000.
fn rules_text(rules: &InstrumentRules) -> String {
    let ticks = or_dash(rules.ticks.as_ref(), |table| {
        let at = |whole: i64| {
            decimal(table.tick_at(Price::from_raw(whole * SCALE).expect("positive")).into())
        };
        format!("{}/{}/{}", at(1), at(1_000), at(100_000_000))
    });
    assert_eq!((rules.lot, rules.code), (None, None));
    let least = or_dash(rules.min_notional_raw, |raw| decimal(raw.into()));
    let InstrumentRules { symbol, name, is_trading, .. } = rules;
    format!("rules {symbol} {name} trading={is_trading} ticks={ticks} least={least}\n")
}

fn list_text(list: &str, body: &[u8]) -> String {
    match list {
        "prices" => lists::last_prices(body)
            .expect("prices")
            .iter()
            .map(|last| format!("price {} {}\n", last.symbol, price(last.price)))
            .collect(),
        "trades" => lists::past_trades(body)
            .expect("trades")
            .iter()
            .map(|past| {
                let (paid, much, taker) = (price(past.price), qty(past.qty), past.taker.name());
                let (id, ts) = (past.trade_id, past.venue_ts_ms);
                format!("trade {} {taker} {paid} {much} id={id} ts={ts}\n", past.symbol)
            })
            .collect(),
        "wallets" => lists::wallets(body)
            .expect("wallets")
            .iter()
            .map(|wallet| {
                let (asset, network) = (&wallet.asset, &wallet.network);
                let (take, give, step) =
                    (wallet.may_deposit, wallet.may_withdraw, wallet.is_in_step);
                format!("wallet {asset} {network} deposit={take} withdraw={give} step={step}\n")
            })
            .collect(),
        other => panic!("no such list: {other}"),
    }
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
