//! `arb run --mode paper` against `arb sim`, two processes and five venues, plain and over TLS: every
//! venue is heard, every direction counted, pairs are traded, nothing breaks, and the recording
//! gives the same run again (`PRODUCT.md` 12).
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;
#[path = "support/paper.rs"]
mod paper;

use crate::paper::Market;
use crate::paper::Run;
use crate::paper::VENUES;
use serde_json::Value;

/// A recorded run until it has traded on every venue, and its summary.
fn traded(name: &str, words: &str) -> (Market, Value) {
    let market = Market::of(name, &VENUES.join(","), words);
    let run = market.trade("--loops 60 --record tapes/run");
    for venue in VENUES {
        run.until_traded(venue, 0);
    }
    let Run { market, going } = run;
    (market, going.end().expect(0).summary())
}

fn is_clean(run: &Value) {
    for venue in VENUES {
        for kind in ["frames", "books"] {
            assert!(run[kind][venue].as_u64() > Some(100), "{kind} of {venue}: {run}");
        }
    }
    let edges = run["edges"].as_object().expect("edges");
    assert_eq!(edges.len(), 12, "three times two routes, both ways: {run}");
    for (direction, edge) in edges {
        assert!(edge["count"].as_u64() > Some(100), "{direction}: {edge}");
    }
    let rejected = run["rejected"].as_object().expect("reasons");
    // Now and then the synthetic market empties one side of a book, as real ones do.
    let broken = rejected.iter().filter(|(reason, _)| *reason != "empty");
    assert!(broken.into_iter().all(|(_, count)| count == 0), "{run}");
    assert_eq!(run["gaps"], 0, "{run}");
    assert_eq!((&run["invariants_ok"], &run["exit"]), (&true.into(), &0.into()));
    assert!(run["pairs"]["closed"].as_u64() > Some(0), "{run}");
    assert_eq!(run["is_exposed"], false);
}

fn repeats(market: &Market, run: &Value) {
    let again = market.place.run("replay run/tapes --json").expect(0);
    let orders = run["fills"].as_u64().expect("a count");
    assert!(orders > 0 && again.err.contains("orders compared"), "{}", again.err);
    let again = again.summary();
    for key in [
        "trace_hash",
        "cycles",
        "frames",
        "books",
        "edges",
        "decisions",
        "signals",
        "refusals",
        "pairs",
        "fills",
        "fees_krw",
        "realized_krw",
        "pnl_krw",
        "exposure_krw",
    ] {
        assert_eq!(again[key], run[key], "{key}");
    }
}

#[test]
fn five_venues_are_traded_without_an_error_and_the_recording_repeats_it() {
    let (market, run) = traded("paper_plain", "");
    is_clean(&run);
    repeats(&market, &run);
    let log = market.place.log();
    assert!(!log.contains("[ERROR"), "{log}");
}

#[test]
fn the_same_over_tls_with_the_certificate_that_the_exchange_made() {
    let (market, run) = traded("paper_tls", "--tls --cert-dir keys");
    is_clean(&run);
    repeats(&market, &run);
}
