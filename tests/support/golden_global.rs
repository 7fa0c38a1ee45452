//! What a decoder says, as text that a person writes by hand: golden files of Bybit and OKX.
//!
//! A golden file is a list of entries. Each begins with `== FILE HOW`, where `FILE` is a fixture
//! (`#2` behind it is its second line) and `HOW` names the decoder: `public`, `private`, or a call
//! with the status of its answer (`place 200`). The lines below are what it has to say. An entry
//! `outbound` is a request of ours, one `elsewhere` is held against something else: why, stands
//! below it.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use arb::types::market::Level;
use arb::types::units::Plain;
use arb::venue::Codec;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::Span;
use arb::venue::private::Call;
use arb::venue::private::OrderUpdate;
use arb::venue::private::Private;
use arb::venue::private::PrivateEvent;
use arb::venue::private::Reply;
use arb::venue::private::VenueFill;
use arb::venue::stream::InstrumentRules;

/// One entry of a golden file.
pub struct Entry {
    pub file: String,
    /// Which line of the file, from 1; none for the whole file.
    pub line: Option<usize>,
    pub how: String,
    pub expected: String,
}

pub fn entries(golden: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in golden.lines().filter(|line| !line.is_empty()) {
        if let Some(head) = line.strip_prefix("== ") {
            let (place, how) = head.split_once(' ').expect("a file and how");
            let (file, line) = place.split_once('#').map_or((place, None), |(file, line)| {
                (file, Some(line.parse().expect("the number of a line")))
            });
            let (file, how) = (file.to_owned(), how.to_owned());
            entries.push(Entry { file, line, how, expected: String::new() });
        } else {
            let entry = entries.last_mut().expect("an entry before its lines");
            entry.expected.push_str(line);
            entry.expected.push('\n');
        }
    }
    entries
}

/// The folder of a venue's fixtures, if the shared fixtures are there.
pub fn fixtures(venue: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures").join(venue);
    if !root.exists() {
        println!("skipped: the shared fixtures are absent");
        return None;
    }
    Some(root)
}

/// A file, the line if the file has several, and the text of it.
pub type Message = (String, Option<usize>, String);

/// Every message in the folder of a venue.
pub fn messages(root: &Path) -> Vec<Message> {
    let mut messages = Vec::new();
    for folder in ["", "errors", "recorded"] {
        let Ok(listing) = fs::read_dir(root.join(folder)) else { continue };
        for path in listing.map(|entry| entry.expect("an entry").path()) {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if name.ends_with(".json") {
                messages.push((name, None, fs::read_to_string(&path).expect("a fixture")));
            } else if name.ends_with(".jsonl") {
                let text = fs::read_to_string(&path).expect("a fixture");
                let lines = (1..).zip(text.lines());
                messages.extend(lines.map(|(at, line)| (name.clone(), Some(at), line.to_owned())));
            }
        }
    }
    messages
}

/// Frames that were written for these tests, one a line, under the name `own.jsonl`.
pub fn own(frames: &str) -> Vec<Message> {
    let frame = |(at, line): (usize, &str)| ("own.jsonl".to_owned(), Some(at), line.to_owned());
    (1..).zip(frames.lines()).map(frame).collect()
}

/// Holds every message against the golden file, both ways: none without an entry, no entry without
/// its message. Returns how many were decoded, and which are requests of ours.
pub fn hold(messages: &[Message], golden: &str, decode: Decode<'_>) -> (usize, Vec<String>) {
    let entries = entries(golden);
    let known: BTreeSet<&str> = entries.iter().map(|entry| entry.file.as_str()).collect();
    let there: BTreeSet<&str> = messages.iter().map(|(file, ..)| file.as_str()).collect();
    assert_eq!(known, there, "left: golden, right: fixtures");
    let (mut decoded, mut outbound) = (0, Vec::new());
    for (file, line, text) in messages {
        let is_its_line = |entry: &&Entry| entry.line.is_none_or(|at| Some(at) == *line);
        let of_file = entries.iter().filter(|entry| entry.file == *file);
        let mine: Vec<&Entry> = of_file.filter(is_its_line).collect();
        assert!(!mine.is_empty(), "{file} {line:?} has no entry");
        for entry in mine {
            assert!(!entry.expected.is_empty(), "{file}: nothing is said about it");
            match entry.how.as_str() {
                "outbound" => outbound.push(file.clone()),
                "elsewhere" => {}
                how => {
                    let place = format!("{file} {line:?} {how}");
                    assert_eq!(decode.by(how, text.trim_end()), entry.expected, "{place}");
                    decoded += 1;
                }
            }
        }
    }
    (decoded, outbound)
}

/// The decoders of a venue.
#[derive(Clone, Copy)]
pub struct Decode<'a> {
    pub codec: &'a dyn Codec,
    pub private: &'a dyn Private,
}

impl Decode<'_> {
    pub fn by(&self, how: &str, text: &str) -> String {
        match how {
            "public" => self.public(text),
            "private" => self.private(text),
            call => {
                let (call, status) = call.split_once(' ').expect("a call and a status");
                let status = status.parse().expect("a status");
                let reply = self.private.decode_reply(call_of(call), status, text.as_bytes());
                reply.map_or_else(|why| format!("rejected {why}\n"), |reply| said(&reply))
            }
        }
    }

    fn public(&self, text: &str) -> String {
        let mut scratch = Scratch::default();
        let event = self.codec.decode(FrameKind::Ws, text.as_bytes(), &mut scratch);
        let mut lines = match event {
            Err(why) => format!("rejected {why}\n"),
            Ok(Event::Image { symbol, venue_ts_ms, update_id }) => {
                format!("image {symbol} id {} ts {venue_ts_ms}\n", or_dash(update_id))
            }
            Ok(Event::Delta { symbol, span: Span::Chained { prev, last }, venue_ts_ms }) => {
                format!("delta {symbol} prev {prev} last {last} ts {venue_ts_ms}\n")
            }
            Ok(Event::Ticker { symbol, ticker }) => {
                let (bid, ask) = (ticker.bid, ticker.ask);
                let sides = format!("bid {} {} ask {} {}", bid.price, bid.qty, ask.price, ask.qty);
                format!("ticker {symbol} id {} {sides}\n", ticker.update_id)
            }
            Ok(Event::Trades { symbol }) => format!("trades {symbol}\n"),
            Ok(Event::Control(control)) => format!("control {control:?}\n"),
            Ok(other) => panic!("not of these venues: {other:?}"),
        };
        lines.push_str(&ladder("bid", &scratch.bids));
        lines.push_str(&ladder("ask", &scratch.asks));
        for trade in &scratch.trades {
            let what = format!("{} {} {}", trade.taker.name(), trade.price, trade.qty);
            lines.push_str(&format!("trade {} {what} ts {}\n", trade.trade_id, trade.venue_ts_ms));
        }
        lines
    }

    fn private(&self, text: &str) -> String {
        let events = match self.private.decode_private(text.as_bytes()) {
            Err(why) => return format!("rejected {why}\n"),
            Ok(events) => events,
        };
        let line = |event: &PrivateEvent| match event {
            PrivateEvent::Order(update) => order(update),
            PrivateEvent::Balance(balance) => said(&Reply::Balances(vec![balance.clone()])),
            PrivateEvent::Reply(reply) => said(reply),
            PrivateEvent::Control(control) => format!("control {control:?}\n"),
            PrivateEvent::Ended => "ended\n".to_owned(),
        };
        events.iter().map(line).collect()
    }
}

fn call_of(name: &str) -> Call {
    match name {
        "place" => Call::Place,
        "cancel" => Call::Cancel,
        "order" => Call::Order,
        "orders" => Call::Orders,
        "fills" => Call::Fills,
        "balances" => Call::Balances,
        "fees" => Call::Fees,
        "time" => Call::Time,
        "rules" => Call::Rules,
        "book" => Call::Book,
        other => panic!("no such call: {other}"),
    }
}

fn or_dash(value: Option<impl Display>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn ladder(side: &str, levels: &[Level]) -> String {
    levels.iter().map(|level| format!("{side} {} {}\n", level.price, level.qty)).collect()
}

fn order(update: &OrderUpdate) -> String {
    let id = if update.venue_order_id.is_empty() { "-" } else { &update.venue_order_id };
    let symbol = if update.symbol.is_empty() { "-" } else { &update.symbol };
    let client = or_dash(update.client_order_id.as_ref());
    let side = or_dash(update.side.map(arb::types::market::Side::name));
    let state = update.state.map_or("-".to_owned(), |state| format!("{state:?}"));
    let numbers = [
        ("price", or_dash(update.price)),
        ("qty", or_dash(update.qty)),
        ("filled", or_dash(update.filled)),
        ("value", or_dash(update.filled_value_raw.map(Plain))),
        ("ts", update.venue_ts_ms.to_string()),
    ];
    let numbers: String = numbers.iter().map(|(name, text)| format!(" {name} {text}")).collect();
    let fill = update.fill.as_ref().map(|own| fill("", own)).unwrap_or_default();
    format!("order {symbol} id {id} client {client} {side} {state}{numbers}\n{fill}")
}

fn fill(order: &str, fill: &VenueFill) -> String {
    let asset = if fill.fee_asset.is_empty() { "-" } else { &fill.fee_asset };
    let fee = or_dash(fill.fee_raw.map(Plain));
    let what = format!("price {} qty {} fee {fee} {asset}", fill.price, fill.qty);
    format!("fill {order}{} {what} maker {}\n", fill.trade_id, or_dash(fill.is_maker))
}

fn rules(rules: &InstrumentRules) -> String {
    let price = arb::types::units::Price::from_raw(1).expect("positive");
    let tick = or_dash(rules.ticks.as_ref().map(|ticks| Plain(ticks.tick_at(price))));
    let (lot, least) = (or_dash(rules.lot), or_dash(rules.min_notional_raw.map(Plain)));
    let head = format!("rules {} {} trading {}", rules.symbol, rules.name, rules.is_trading);
    format!("{head} tick {tick} lot {lot} min {least} code {}\n", or_dash(rules.code))
}

/// A quantity grid, raw.
pub struct Lot(pub i64);

/// Every price and quantity on these grids lies on the published ones too.
pub fn assert_on_grids(published: &InstrumentRules, tick_raw: i64, lot: Lot) {
    let price = arb::types::units::Price::from_raw(1).expect("positive");
    let finer = published.ticks.as_ref().expect("a tick").tick_at(price);
    assert_eq!(tick_raw % finer, 0, "{}", published.symbol);
    assert_eq!(lot.0 % published.lot.expect("a lot").raw(), 0, "{}", published.symbol);
}

fn said(reply: &Reply) -> String {
    match reply {
        Reply::Orders(orders) => orders.iter().map(order).collect(),
        Reply::Fills(fills) => {
            fills.iter().map(|(id, own)| fill(&format!("of {id} "), own)).collect()
        }
        Reply::Balances(balances) => {
            let line = |balance: &arb::venue::private::BalanceUpdate| {
                let (free, locked) = (Plain(balance.free_raw), Plain(balance.locked_raw));
                format!("balance {} free {free} locked {locked}\n", balance.asset)
            };
            balances.iter().map(line).collect()
        }
        Reply::Fees(fees) => {
            let line = |fee: &arb::venue::private::FeeRates| {
                let symbol = if fee.symbol.is_empty() { "-" } else { &fee.symbol };
                format!("fees {symbol} maker {} taker {}\n", fee.maker_ppm, fee.taker_ppm)
            };
            fees.iter().map(line).collect()
        }
        Reply::Time(ms) => format!("time {ms}\n"),
        Reply::Rules(all) => all.iter().map(rules).collect(),
        Reply::Book { bids, asks, update_id } => {
            let side = |name: &str, levels: &[_]| -> String {
                levels.iter().map(|(price, qty)| format!("{name} {price} {qty}\n")).collect()
            };
            let (bids, asks) = (side("bid", bids), side("ask", asks));
            format!("book id {}\n{bids}{asks}", or_dash(*update_id))
        }
        Reply::Done => "done\n".to_owned(),
        Reply::Refused(error) => {
            let retry = or_dash(error.retry_after_ms);
            format!("refused {:?} {} retry {retry}: {}\n", error.class, error.code, error.message)
        }
    }
}
