//! Decoded values as the lines of a golden file.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write;

use arb::types::market::Level;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::types::units::SCALE;
use arb::venue::Event;
use arb::venue::Scratch;
use arb::venue::krw::lists;
use arb::venue::private::OrderUpdate;
use arb::venue::private::PrivateEvent;
use arb::venue::private::Reply;
use arb::venue::private::VenueFill;
use arb::venue::stream::InstrumentRules;

pub fn decimal(raw: i128) -> String {
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

pub fn event_text(event: &Event<'_>, scratch: &Scratch) -> String {
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

pub fn private(events: &[PrivateEvent]) -> String {
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

pub fn reply_text(reply: &Reply) -> String {
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
pub fn rules_text(rules: &InstrumentRules) -> String {
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

pub fn list_text(list: &str, body: &[u8]) -> String {
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
