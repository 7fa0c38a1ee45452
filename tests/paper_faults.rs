//! Faults of market data over real sockets: `arb run --mode paper` trades on `arb sim`, the
//! operator's port breaks one venue after another, and for each kind the run has to raise its
//! counter, place no order on that venue while its books are stale or invalid, and trade there
//! again when it is over. Two venues each time, so that every order needs both of them.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;
#[path = "support/paper.rs"]
mod paper;

use crate::paper::Market;
use crate::paper::Run;
use crate::paper::Trouble;
use arb::types::time::Clock;
use serde_json::Value;

/// From the moment at which the exchange was told until no more orders are decided on what came
/// before: `risk.max_quote_age_ms`, and as much again for two busy cores.
const BLIND_MS: u64 = 1_000;

const fn trouble(kind: &'static str, venue: &'static str, lasts_ms: u64) -> Trouble {
    Trouble { kind, venue, lasts_ms, amount: None }
}

fn traded(name: &str, venues: &str) -> Run {
    let run = Market::of(name, venues, "").trade("");
    let both: Vec<&str> = venues.split(',').collect();
    both.iter().for_each(|venue| run.until_traded(venue, 0));
    run.until("snapshot", |run| !run.counters().is_empty());
    run
}

/// The fault happens, one of these counters rises, and the venue is traded again after it.
/// From when to when it acted, ms since 1970.
fn suffers(run: &Run, trouble: Trouble, counters: &[&str]) -> (u64, u64) {
    let (kind, venue) = (trouble.kind, trouble.venue);
    let before = run.counters();
    let from = run.market.break_it(trouble);
    let to = from + trouble.lasts_ms;
    for counter in counters {
        let old = before[*counter];
        run.until(&format!("{counter} by {kind}"), |run| run.counters()[*counter] > old);
    }
    run.until_time(to);
    run.until_traded(venue, to);
    let waited = Clock::wall().as_ms() - to;
    println!("{kind} on {venue}: traded again, seen {waited} ms after its end");
    (from, to)
}

/// The same, and no order is placed there while it acts.
fn blinds(run: &Run, trouble: Trouble, counters: &[&str]) {
    blinds_for(run, trouble.lasts_ms, trouble, counters);
}

/// The same for the first part of the fault, until the feed may have replaced the connection.
fn blinds_for(run: &Run, ms: u64, trouble: Trouble, counters: &[&str]) {
    let (from, _) = suffers(run, trouble, counters);
    let orders = run.orders_within(trouble.venue, from + BLIND_MS, from + ms);
    assert_eq!(orders, 0, "{} on {}", trouble.kind, trouble.venue);
}

/// The end of every stage: nothing was broken but what was to be.
fn ends(run: Run) {
    let summary = run.end();
    assert_eq!(summary["invariants_ok"], true, "{summary}");
    assert_eq!(summary["is_exposed"], false, "{summary}");
}

#[test]
fn connections_that_are_cut_refused_or_choked_come_back() {
    let run = traded("faults_cuts", "upbit,binance");
    blinds(&run, trouble("rst", "upbit", 2_500), &["ClosedByFault", "Opens"]);
    let closes = ["ClosedByPeer", "FailedAttempts", "Opens"];
    blinds(&run, trouble("accept_then_close", "binance", 2_500), &closes);
    blinds(&run, trouble("accept_silent", "upbit", 2_500), &["FailedAttempts", "Opens"]);
    suffers(&run, trouble("giant_frame", "binance", 200), &["ClosedByFault", "Opens"]);
    // Of a venue whose every frame takes more than 2 s like that: a ticker of Binance takes less.
    // Until a frame has taken so long the book counts as fresh: the venue shows whole ones.
    let (from, to) = suffers(&run, trouble("slow_loris", "upbit", 5_000), &["ClosedSlow", "Opens"]);
    assert_eq!(run.orders_within("upbit", from + 2_000 + BLIND_MS, to), 0, "slow_loris");
    suffers(&run, trouble("server_shutdown", "binance", 3_000), &["Rotations"]);
    blinds(&run, trouble("maintenance", "binance", 2_000), &[]);
    ends(run);
}

#[test]
fn broken_sequences_and_contents_are_found_refused_and_mended() {
    let run = traded("faults_content", "bithumb,bybit");
    suffers(&run, trouble("gap", "bybit", 3_000), &["Gaps", "Resyncs"]);
    suffers(&run, trouble("reorder", "bybit", 2_000), &["Gaps", "Resyncs"]);
    suffers(&run, trouble("duplicate", "bybit", 2_000), &["OldDiffs"]);
    blinds(&run, trouble("crossed_book", "bithumb", 3_000), &["RejectedCrossed"]);
    suffers(&run, trouble("zero_price", "bybit", 1_500), &["RejectedValue"]);
    suffers(&run, trouble("zero_price", "bithumb", 1_500), &["RejectedValue"]);
    suffers(&run, trouble("garbage", "bithumb", 3_000), &["RejectedMalformed"]);
    suffers(&run, trouble("one_byte_frames", "bithumb", 2_000), &["Frames", "Books"]);
    ends(run);
}

#[test]
fn times_that_lie_move_no_age_and_books_that_stand_still_are_told() {
    let run = traded("faults_times", "upbit,okx");
    for kind in ["future_timestamps", "unit_change"] {
        suffers(&run, trouble(kind, "okx", 2_000), &["StrangeTimes"]);
    }
    suffers(&run, trouble("frozen_book", "upbit", 3_000), &["RepeatedBooks"]);
    // Books that were sent a minute ago by what they say are as good as late ones.
    lags(&run, trouble("stale_timestamps", "okx", 3_000));
    let lag = Trouble { amount: Some(("by", "800ms")), ..trouble("lag", "upbit", 4_000) };
    lags(&run, lag);
    ends(run);
}

/// The fault is told as a lag of its venue, which is traded again after it.
fn lags(run: &Run, trouble: Trouble) {
    let to = run.market.break_it(trouble) + trouble.lasts_ms;
    let is_of = |event: &Value| {
        let cause = event["cause"].as_str().unwrap_or_default();
        cause.starts_with("ws_lag") && cause.ends_with(trouble.venue)
    };
    run.until("word of the lag", |run| run.events().iter().any(is_of));
    run.until_time(to);
    run.until_traded(trouble.venue, to);
}

#[test]
fn a_venue_that_falls_silent_is_asked_again_and_a_dead_connection_is_replaced() {
    let run = traded("faults_silence", "upbit,okx");
    blinds(&run, trouble("silence", "okx", 12_000), &["Silences", "Resubscriptions"]);
    blinds_for(&run, 12_000, trouble("half_open", "okx", 17_000), &["ClosedSilent", "Opens"]);
    ends(run);
}

#[test]
fn symbols_that_a_venue_drops_or_does_not_know_are_off_and_come_back() {
    let run = traded("faults_symbols", "bithumb,binance");
    let dropped = trouble("drop_subscription", "binance", 12_000);
    suffers(&run, dropped, &["ClosedByPeer", "Opens", "Resubscriptions"]);
    run.market.break_it(trouble("http_5xx", "binance", 2_000));
    suffers(&run, trouble("rst", "binance", 1_000), &["ClosedByFault", "FailedAttempts"]);
    // Whoever is shown a page instead leaves the venue alone for half a minute.
    let before = run.counters()["RequestsRefused"];
    run.market.break_it(trouble("html_403", "binance", 2_000));
    run.market.break_it(trouble("rst", "binance", 1_000));
    run.until("refusal", |run| run.counters()["RequestsRefused"] > before);
    ends(run);
}

#[test]
fn a_burst_of_a_hundredfold_costs_no_memory_and_the_newest_book_wins() {
    let run = traded("faults_burst", "upbit,bybit");
    let rss = |run: &Run| run.snapshot()["rss_mb"].as_f64().expect("measured");
    let before = rss(&run);
    suffers(&run, trouble("burst", "bybit", 3_000), &["Books"]);
    let after = rss(&run);
    assert!(after < before + 16.0, "{before} MB before, {after} MB after");
    ends(run);
}
