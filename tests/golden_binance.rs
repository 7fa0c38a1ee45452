//! Every Binance fixture decodes to what its document says. The expected values in
//! `tests/data/golden/binance` were written by hand from the fixtures' text; recordings of many
//! frames are read a second time by a slow, plain reader. A fixture without an entry fails.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use arb::types::ids::VenueId;
use arb::types::market::Level;
use arb::types::market::Side;
use arb::types::number::parse_fixed;
use arb::types::units::SCALE;
use arb::venue::Control;
use arb::venue::Event;
use arb::venue::FrameKind;
use arb::venue::Scratch;
use arb::venue::Span;
use arb::venue::binance::orders::BinancePrivate;
use arb::venue::binance::stream::BinanceStream;
use arb::venue::codec;
use arb::venue::private::BalanceUpdate;
use arb::venue::private::Call;
use arb::venue::private::OrderState;
use arb::venue::private::OrderUpdate;
use arb::venue::private::Private;
use arb::venue::private::PrivateEvent;
use arb::venue::private::Reply;
use arb::venue::private::VenueFill;
use arb::venue::stream::InstrumentRules;
use arb::venue::stream::Stream;
use serde_json::Value;
use serde_json::json;

const GOLDEN: [&str; 5] = [
    include_str!("data/golden/binance/public.jsonl"),
    include_str!("data/golden/binance/private.jsonl"),
    include_str!("data/golden/binance/replies.jsonl"),
    include_str!("data/golden/binance/errors.jsonl"),
    include_str!("data/golden/binance/requests.jsonl"),
];

const CALLS: [(&str, Call); 10] = [
    ("Place", Call::Place),
    ("Cancel", Call::Cancel),
    ("Order", Call::Order),
    ("Orders", Call::Orders),
    ("Fills", Call::Fills),
    ("Balances", Call::Balances),
    ("Fees", Call::Fees),
    ("Time", Call::Time),
    ("Rules", Call::Rules),
    ("Book", Call::Book),
];

fn folder() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/binance");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: the shared fixtures are absent (binance)");
    None
}

fn entries() -> Vec<Value> {
    let lines = GOLDEN.iter().flat_map(|text| text.lines());
    lines.map(|line| serde_json::from_str(line).expect("an entry is JSON")).collect()
}

fn text<'v>(entry: &'v Value, field: &str) -> &'v str {
    entry[field].as_str().unwrap_or_else(|| panic!("no {field} in {entry}"))
}

/// The files below a folder, by their path from it; notes about them apart.
fn files_below(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.append(&mut files_below(&entry.path(), &format!("{name}/")));
        } else if !name.ends_with(".md") {
            found.insert(name);
        }
    }
    found
}

#[test]
fn every_fixture_has_an_entry_and_every_entry_its_fixture() {
    let Some(folder) = folder() else { return };
    let named: BTreeSet<String> =
        entries().iter().map(|entry| text(entry, "file").to_owned()).collect();
    assert_eq!(files_below(&folder, ""), named);
}

#[test]
fn every_fixture_decodes_to_what_its_document_says() {
    let Some(folder) = folder() else { return };
    for entry in entries() {
        let file = text(&entry, "file");
        let body = fs::read(folder.join(file)).expect("a readable fixture");
        let (found, expected) = match text(&entry, "as") {
            "ws" => (decoded(FrameKind::Ws, &body), &entry["is"]),
            "depth" => (decoded(FrameKind::RestDepth, &body), &entry["is"]),
            "time" => (json!(BinanceStream.time_ms(&body).expect("a time")), &entry["is"]),
            "rules" => (rules(&BinanceStream.rules(&body).expect("rules")), &entry["is"]),
            "private" => (private(&body), &entry["is"]),
            "reply" => (replied(&entry, &body), &entry["is"]),
            "request" => {
                check_request(&entry, &body);
                continue;
            }
            "oracle ws" => {
                check_against_the_plain_reader(FrameKind::Ws, file, &body);
                continue;
            }
            "oracle depth" => {
                check_against_the_plain_reader(FrameKind::RestDepth, file, &body);
                continue;
            }
            "none" => {
                assert!(text(&entry, "why").len() > 10);
                check_that_nothing_is_read_into(file, &body);
                continue;
            }
            other => panic!("{file}: {other} is no way to decode"),
        };
        assert_eq!(&found, expected, "{file}");
    }
}

/// An answer that no call asks for is not taken for an answer to one.
fn check_that_nothing_is_read_into(file: &str, body: &[u8]) {
    if !file.starts_with("rest_") {
        return;
    }
    for (name, call) in CALLS {
        let reply = BinancePrivate.decode_reply(call, 200, body);
        assert!(matches!(reply, Err(_) | Ok(Reply::Done)), "{file} as {name}: {reply:?}");
    }
}

/// Raw 10⁻⁸ units as the shortest decimal text.
fn decimal(raw: i64) -> String {
    let (whole, rest) = (raw.abs() / SCALE, raw.abs() % SCALE);
    let sign = if raw < 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{rest:08}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn level(level: &Level) -> Value {
    json!([decimal(level.price.raw()), decimal(level.qty.raw())])
}

fn levels(levels: &[Level]) -> Value {
    levels.iter().map(level).collect()
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn control(control: Control) -> Value {
    let name = match control {
        Control::Ack => "ack",
        Control::Pong => "pong",
        Control::Status => "status",
        Control::ShuttingDown => "shutting down",
        Control::Error => "error",
        Control::Unused => "unused",
    };
    json!({ "control": name })
}

fn decoded(kind: FrameKind, frame: &[u8]) -> Value {
    let mut scratch = Scratch::default();
    let event = codec(VenueId::Binance).decode(kind, frame, &mut scratch);
    let (bids, asks) = (levels(&scratch.bids), levels(&scratch.asks));
    match event.expect("a good frame") {
        Event::Delta { symbol, span: Span::Joined { first, last }, venue_ts_ms } => json!({
            "delta": {"symbol": symbol, "first": first, "last": last, "ts": venue_ts_ms,
                "bids": bids, "asks": asks}
        }),
        Event::Snapshot { last_id } => {
            json!({"snapshot": {"last": last_id, "bids": bids, "asks": asks}})
        }
        Event::Ticker { symbol, ticker } => json!({
            "ticker": {"symbol": symbol, "update": ticker.update_id, "bid": level(&ticker.bid),
                "ask": level(&ticker.ask)}
        }),
        Event::Trade { symbol, price, qty, taker, trade_id, venue_ts_ms } => json!({
            "trade": {"symbol": symbol, "price": decimal(price.raw()), "qty": decimal(qty.raw()),
                "taker": side(taker), "id": trade_id, "ts": venue_ts_ms}
        }),
        Event::Control(which) => control(which),
        other => panic!("not a Binance event: {other:?}"),
    }
}

fn rules(rules: &[InstrumentRules]) -> Value {
    let one = |one: &InstrumentRules| {
        let lowest = arb::types::units::Price::from_raw(1).expect("positive");
        json!({
            "symbol": one.symbol, "name": one.name.as_str(), "trading": one.is_trading,
            "tick": one.ticks.as_ref().map(|ticks| decimal(ticks.tick_at(lowest))),
            "lot": one.lot.map(|lot| decimal(lot.raw())),
            "least": one.min_notional_raw.map(decimal)
        })
    };
    rules.iter().map(one).collect()
}

/// Only what was told: what is `None` has no key.
fn told(pairs: Vec<(&str, Option<Value>)>) -> Value {
    let told = |(key, value): (&str, Option<Value>)| Some((key.to_owned(), value?));
    Value::Object(pairs.into_iter().filter_map(told).collect())
}

fn fill(fill: &VenueFill) -> Value {
    told(vec![
        ("id", Some(json!(fill.trade_id))),
        ("price", Some(json!(decimal(fill.price.raw())))),
        ("qty", Some(json!(decimal(fill.qty.raw())))),
        ("fee", fill.fee_raw.map(|raw| json!(decimal(raw)))),
        ("asset", Some(json!(fill.fee_asset))),
        ("maker", fill.is_maker.map(|maker| json!(maker))),
    ])
}

fn state(state: OrderState) -> &'static str {
    match state {
        OrderState::Open => "open",
        OrderState::PartlyFilled => "partly filled",
        OrderState::Filled => "filled",
        OrderState::Cancelled => "cancelled",
        OrderState::Rejected => "rejected",
        OrderState::Waiting => "waiting",
    }
}

fn order(order: &OrderUpdate) -> Value {
    told(vec![
        ("symbol", Some(json!(order.symbol))),
        ("id", Some(json!(order.venue_order_id))),
        ("client", order.client_order_id.as_ref().map(|id| json!(id))),
        ("side", order.side.map(|which| json!(side(which)))),
        ("state", order.state.map(|place| json!(state(place)))),
        ("price", order.price.map(|price| json!(decimal(price.raw())))),
        ("qty", order.qty.map(|qty| json!(decimal(qty.raw())))),
        ("filled", order.filled.map(|qty| json!(decimal(qty.raw())))),
        ("value", order.filled_value_raw.map(|raw| json!(decimal(raw)))),
        ("ts", Some(json!(order.venue_ts_ms))),
        ("fill", order.fill.as_ref().map(fill)),
    ])
}

fn balance(balance: &BalanceUpdate) -> Value {
    json!([balance.asset, decimal(balance.free_raw), decimal(balance.locked_raw)])
}

fn reply(reply: &Reply) -> Value {
    let ladder = |side: &[(arb::types::units::Price, arb::types::units::Qty)]| -> Value {
        side.iter().map(|(price, qty)| json!([decimal(price.raw()), decimal(qty.raw())])).collect()
    };
    match reply {
        Reply::Orders(orders) => json!({"orders": orders.iter().map(order).collect::<Value>()}),
        Reply::Fills(fills) => {
            let fills: Value = fills.iter().map(|(id, one)| json!([id, fill(one)])).collect();
            json!({ "fills": fills })
        }
        Reply::Balances(all) => json!({"balances": all.iter().map(balance).collect::<Value>()}),
        Reply::Fees(fees) => {
            let row = |fee: &arb::venue::private::FeeRates| {
                json!([fee.symbol, fee.maker_ppm, fee.taker_ppm])
            };
            json!({"fees": fees.iter().map(row).collect::<Value>()})
        }
        Reply::Time(ms) => json!({ "time": ms }),
        Reply::Rules(all) => json!({"rules": rules(all)}),
        Reply::Book { bids, asks, update_id } => {
            json!({"book": {"update": update_id, "bids": ladder(bids), "asks": ladder(asks)}})
        }
        Reply::Done => json!("done"),
        Reply::Refused(error) => {
            let class = format!("{:?}", error.class);
            json!({"refused": [class, error.code, error.message, error.retry_after_ms]})
        }
    }
}

fn private(frame: &[u8]) -> Value {
    let show = |event: &PrivateEvent| match event {
        PrivateEvent::Order(update) => json!({"order": order(update)}),
        PrivateEvent::Balance(update) => json!({"balance": balance(update)}),
        PrivateEvent::Ended => json!("ended"),
        PrivateEvent::Reply(answer) => reply(answer),
        PrivateEvent::Control(which) => control(*which),
    };
    let events = BinancePrivate.decode_private(frame).expect("a good frame");
    events.iter().map(show).collect()
}

fn replied(entry: &Value, body: &[u8]) -> Value {
    let name = text(entry, "call");
    let (_, call) = CALLS.iter().find(|(known, _)| *known == name).expect("a known call");
    let status = entry["status"].as_u64().map_or(200, |status| status as u16);
    reply(&BinancePrivate.decode_reply(*call, status, body).expect("a good answer"))
}

/// Ours has the keys of the document in its order, and its method and kind of id.
fn check_request(entry: &Value, body: &[u8]) {
    let theirs: Value = serde_json::from_slice(body).expect("JSON");
    let id = theirs["id"].as_u64().expect("a number");
    let ours = match text(entry, "is") {
        "SUBSCRIBE" => BinanceStream.subscribe(&["BTCUSDT"], id),
        _ => BinanceStream.unsubscribe(&["BTCUSDT"], id),
    };
    let ours: Value = serde_json::from_str(&ours[0]).expect("JSON");
    let streams = json!(["btcusdt@depth@100ms", "btcusdt@bookTicker"]);
    assert_eq!(ours["params"], streams);
    let mut with_our_streams = theirs;
    with_our_streams["params"] = streams;
    assert_eq!(ours, with_our_streams);
}

/// Reads each line as any JSON and says what the documents say about its fields.
fn check_against_the_plain_reader(kind: FrameKind, file: &str, body: &[u8]) {
    let lines = std::str::from_utf8(body).expect("text").lines().filter(|line| !line.is_empty());
    let mut count = 0;
    for line in lines {
        let value: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(decoded(kind, line.as_bytes()), plain(kind, &value), "{file}: {line}");
        count += 1;
    }
    assert!(count > 0, "{file} is empty");
}

fn plain(kind: FrameKind, value: &Value) -> Value {
    let number = |text: &Value| {
        let text = text.as_str().expect("numbers are strings");
        json!(decimal(parse_fixed(text.as_bytes()).expect("a number")))
    };
    let pair = |pair: &Value| json!([number(&pair[0]), number(&pair[1])]);
    let side =
        |levels: &Value| -> Value { levels.as_array().expect("levels").iter().map(pair).collect() };
    if kind == FrameKind::RestDepth {
        return json!({"snapshot": {"last": value["lastUpdateId"], "bids": side(&value["bids"]),
            "asks": side(&value["asks"])}});
    }
    let data = &value["data"];
    let stream = value["stream"].as_str().expect("combined streams");
    match stream.split_once('@').expect("symbol and stream").1 {
        "depth@100ms" => json!({"delta": {"symbol": data["s"], "first": data["U"],
            "last": data["u"], "ts": data["E"], "bids": side(&data["b"]),
            "asks": side(&data["a"])}}),
        "bookTicker" => json!({"ticker": {"symbol": data["s"], "update": data["u"],
            "bid": [number(&data["b"]), number(&data["B"])],
            "ask": [number(&data["a"]), number(&data["A"])]}}),
        "trade" => json!({"trade": {"symbol": data["s"], "price": number(&data["p"]),
            "qty": number(&data["q"]), "id": data["t"], "ts": data["T"],
            "taker": if data["m"] == json!(true) { "sell" } else { "buy" }}}),
        "kline_1m" | "aggTrade" => json!({"control": "unused"}),
        other => panic!("a stream that nothing here reads: {other}"),
    }
}
