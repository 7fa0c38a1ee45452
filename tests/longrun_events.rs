//! Events: notices in, lines out, in the words that the verdict and people read.

#![allow(clippy::expect_used, reason = "a test without its files must fail loudly")]

#[path = "support/witness.rs"]
mod witness;

use arb::runtime::link::NOTICES;
use arb::types::fact::Fact;
use arb::types::fact::FactKind;
use arb::types::fact::FxRates;
use arb::types::fact::Refusal;
use arb::types::ids::OrderId;
use arb::types::ids::TradeId;
use arb::types::notice::Cause;
use arb::types::notice::NoticeKind;
use arb::types::order::Fee;
use arb::types::order::Fill;
use arb::types::order::OrderEvent;
use arb::types::order::OrderEventKind;
use arb::types::time::DurNs;
use arb::types::units::Ppm;
use arb::types::units::Price;
use arb::types::units::Qty;
use arb::verdict::load::load;
use arb::verdict::sample::State;
use witness::Witness;
use witness::event_lines;
use witness::events;
use witness::now;

const LAG: Cause = Cause { signal: "ws_lag_ms", of: "upbit", value: Some(2_100_000_000) };

fn transition(from: &'static str, to: &'static str, cause: Option<Cause>) -> NoticeKind {
    NoticeKind::Transition { cycle: 7, from, to, reason: "signal", cause, strikes: 1 }
}

fn price(whole: i64) -> Price {
    Price::from_raw(whole * 100_000_000).expect("a price")
}

fn trade(fee: Fee, fx: Option<FxRates>) -> NoticeKind {
    let fill = Fill {
        trade: TradeId(5),
        price: price(61_837),
        qty: Qty::from_raw(150_000).expect("a quantity"),
        fee,
    };
    let event = OrderEvent { id: OrderId(3), kind: OrderEventKind::Fill(fill) };
    NoticeKind::Fact(Fact { at: now(61), kind: FactKind::Order { event, fx } })
}

#[test]
fn a_transition_and_a_fault_are_written_in_the_words_of_the_verdict() {
    let mut witness = Witness::new("words", |_| {});
    witness.live(0..=60);
    let fault = |begins| NoticeKind::Fault { name: "feed_lag", of: "upbit", begins };
    witness.notice(61, fault(true));
    witness.notice(62, transition("NORMAL", "ERROR", Some(LAG)));
    witness.notice(63, fault(false));
    witness.notice(64, transition("ERROR", "CRITICAL", None));
    witness.turn(65);
    let line = |second: u64, rest: &str| {
        let head = format!("{{\"timestamp\":\"2025-11-15T20:58:{second}.906000+00:00\"");
        format!("{head},\"loop_count\":1,\"event_type\":{rest}}}")
    };
    let fault = r#""fault","run_id":"a1","cause":"feed_lag upbit","phase":"#;
    let moved = r#""watchdog","run_id":"a1","cycle":7,"from":"#;
    let rule = r#""data":{"reason":"signal","strikes":1,"value":"#;
    let to_error = format!(r#"{moved}"NORMAL","to":"ERROR","cause":"ws_lag_ms upbit",{rule}"#);
    let to_critical = format!(r#"{moved}"ERROR","to":"CRITICAL","cause":"signal",{rule}"#);
    let expected = [
        line(23, &format!("{fault}\"begin\"")),
        line(24, &format!("{to_error}2100000000}}")),
        line(25, &format!("{fault}\"end\"")),
        line(26, &format!("{to_critical}null}}")),
    ];
    assert_eq!(event_lines(&witness.dir), expected);
    let story = load(&witness.dir).expect("evidence").story;
    assert_eq!((story.faults(), story.all(State::Error), story.all(State::Critical)), (1, 1, 1));
    assert_eq!(story.unexplained(State::Error).count(), 0);
    assert_eq!(story.unexplained(State::Critical).count(), 1, "no gauge, no excuse");
}

#[test]
fn the_cause_of_a_state_stands_in_snapshots_and_the_worst_state_in_its_minute() {
    let mut witness = Witness::new("cause", |limits| limits.interval_loops = 1);
    witness.live(0..=70);
    witness.notice(71, transition("NORMAL", "CRITICAL", Some(LAG)));
    witness.dog.show(witness::NORMAL + 1, 1);
    witness.live(71..=180);
    let last = witness::snapshots(&witness.dir).pop().expect("a snapshot");
    let dog = last.watchdog.expect("figures");
    assert_eq!((dog.state.as_str(), dog.cause.as_deref()), ("WARN", Some("ws_lag_ms upbit")));
    let minutes = load(&witness.dir).expect("evidence").time.minutes;
    let states: Vec<_> = minutes.iter().map(|minute| minute.state).collect();
    assert_eq!(states, [State::Normal, State::Critical, State::Warn].map(Some));
}

#[test]
fn trades_and_other_news_have_their_types() {
    let mut witness = Witness::new("types", |_| {});
    let fx = Some(FxRates { bid: price(1_388), ask: price(1_389) });
    witness.notice(61, trade(Fee::Quote(309_187_500), fx));
    witness.notice(62, trade(Fee::Base(Qty::from_raw(150).expect("a quantity")), None));
    let part = FactKind::Imbalance { part: Ppm::new(250_000) };
    witness.notice(63, NoticeKind::Fact(Fact { at: now(63), kind: part }));
    witness.notice(64, NoticeKind::Reconnect { venue: "upbit", after: DurNs::from_ms(1_500) });
    witness.notice(65, NoticeKind::SoftReset { is_cleared: true, cause: Some(LAG) });
    witness.notice(66, NoticeKind::Severity { severity: "ERROR", cause: Some(LAG) });
    witness.turn(67);
    let told: Vec<_> = events(&witness.dir)
        .into_iter()
        .map(|event| (event.event_type, event.cause, event.to, event.data.unwrap_or_default()))
        .collect();
    let lag = || Some("ws_lag_ms upbit".to_string());
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("json");
    let fill = r#"{"order":3,"trade":5,"price":"61837","qty":"0.0015","#;
    let in_quote = r#""fee":"3.091875","fee_in":"quote","fx_bid":"1388","fx_ask":"1389"}"#;
    let in_base = r#""fee":"0.0000015","fee_in":"base","fx_bid":null,"fx_ask":null}"#;
    let expected = [
        ("trade", None, None, format!("{fill}{in_quote}")),
        ("trade", None, None, format!("{fill}{in_base}")),
        ("rebalance", None, None, "{\"part_ppm\":250000}".into()),
        ("reconnect", None, None, "{\"venue\":\"upbit\",\"after_ms\":1500}".into()),
        ("soft_reset", lag(), None, "{\"cleared\":true}".into()),
        ("severity", lag(), Some("ERROR".to_string()), "{\"value\":2100000000}".into()),
    ];
    let expected =
        expected.map(|(kind, cause, to, data)| (kind.to_string(), cause, to, json(&data)));
    assert_eq!(told, expected);
}

#[test]
fn refusals_are_one_event_a_cycle_with_what_is_new() {
    let mut witness = Witness::new("refusals", |_| {});
    let mut counts = [0; Refusal::COUNT];
    for (cycle, new) in [(1, [3, 0]), (2, [0, 0]), (3, [2, 1])] {
        counts[Refusal::Depth as usize] += new[0];
        counts[Refusal::StaleFx as usize] += new[1];
        witness.engine.refusals.put(&counts);
        witness.close_cycle(cycle, cycle * 60);
        witness.turn(cycle * 60);
    }
    let told: Vec<_> = events(&witness.dir)
        .into_iter()
        .map(|event| (event.event_type, event.loop_count, event.data.expect("data").to_string()))
        .collect();
    let block = || "risk_block".to_string();
    let expected = [
        (block(), Some(1), "{\"depth\":3}".to_string()),
        (block(), Some(3), "{\"depth\":2,\"stale_fx\":1}".to_string()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn more_than_a_thousand_lines_a_second_are_dropped_and_counted() {
    let mut witness = Witness::new("flood", |_| {});
    for _ in 0..3 {
        for _ in 0..NOTICES.depth / 2 {
            witness.notice(61, trade(Fee::Quote(1), None));
        }
        witness.turn(61);
    }
    witness.notice(62, trade(Fee::Quote(1), None));
    witness.turn(62);
    assert_eq!(event_lines(&witness.dir).len(), 1_001);
    witness.telemetry.finish(now(63));
    let last = witness::snapshots(&witness.dir).pop().expect("on exit");
    assert_eq!(last.counters["events_dropped"], 3 * NOTICES.depth as u64 / 2 - 1_000);
}

#[test]
fn without_event_logging_no_events_are_written_but_snapshots_are() {
    let mut witness = Witness::new("silent", |limits| limits.event_logging = false);
    witness.notice(5, transition("NORMAL", "ERROR", Some(LAG)));
    witness.live(0..=60);
    assert_eq!(witness::files(&witness.dir, "longrun_events_").len(), 0);
    assert_eq!(witness::snapshots(&witness.dir).len(), 1);
}
