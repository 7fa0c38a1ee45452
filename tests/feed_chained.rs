//! Books whose snapshots come on the stream (Bybit, OKX) over a whole life: chains, gaps, resets,
//! keepalives, repeated snapshots, times that stand still or go back.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::cli::decode::decode;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::market::Invalid;
use arb::types::time::WallNs;
use arb::venue::DecodeError;
use bench::Bench;
use bench::IMAGE;
use bench::RESYNC;

#[path = "support/bench.rs"]
mod bench;

fn bybit_bench() -> Bench {
    Bench::new(VenueId::Bybit, &[("BTC", "USDT"), ("ETH", "USDT")], 64)
}

fn okx_bench() -> Bench {
    Bench::new(VenueId::Okx, &[("BTC", "USDT"), ("ETH", "USDT")], 64)
}

/// A Bybit book of one changed bid; a snapshot has an ask at 10 too.
fn bybit(kind: &str, number: u64, bid: &str) -> String {
    let ask = if kind == "snapshot" { r#"["10","1"]"# } else { "" };
    let data = format!(r#""s":"BTCUSDT","b":[["{bid}","2"]],"a":[{ask}],"u":{number},"seq":5"#);
    format!(
        r#"{{"topic":"orderbook.50.BTCUSDT","ts":7,"type":"{kind}","data":{{{data}}},"cts":6}}"#
    )
}

fn okx(action: &str, prev: i64, last: u64, levels: &str) -> String {
    let asks = if action == "snapshot" { r#"["10","1","0","1"]"# } else { "" };
    let numbers = format!(r#""checksum":0,"seqId":{last},"prevSeqId":{prev}"#);
    let data = format!(r#"{{"asks":[{asks}],"bids":[{levels}],"ts":"7",{numbers}}}"#);
    let arg = r#"{"channel":"books","instId":"BTC-USDT"}"#;
    format!(r#"{{"arg":{arg},"action":"{action}","data":[{data}]}}"#)
}

const BID: &str = r#"["9","2","0","1"]"#;

#[test]
fn deltas_before_the_first_snapshot_are_old_and_change_nothing() {
    let mut bench = bybit_bench();
    assert_eq!(bench.change(&bybit("delta", 5, "9")), Change::Old);
    assert_eq!(bench.top(0).invalid, Some(Invalid::NoImage));
    assert_eq!(bench.change(&bybit("snapshot", 6, "9")), IMAGE);
    assert_eq!(bench.change(&bybit("delta", 7, "9.5")), IMAGE);
    assert_eq!(bench.top(0).bids[0].price.to_string(), "9.5");
    assert_eq!((bench.count(Counter::OldDiffs), bench.count(Counter::HeldDiffs)), (1, 0));
    bench.assert_counted_once();
}

#[test]
fn a_gap_and_a_duplicate_are_gaps_and_a_rejected_delta_breaks_the_book() {
    for broken in [8, 6] {
        let mut bench = bybit_bench();
        bench.ws(&bybit("snapshot", 5, "9"));
        bench.ws(&bybit("delta", 6, "9"));
        assert_eq!(bench.change(&bybit("delta", broken, "9.5")), Change::Gap, "{broken}");
        assert_eq!(bench.top(0).invalid, Some(Invalid::Gap));
        assert_eq!(bench.top(0).bids[0].price.to_string(), "9", "the old image is untouched");
    }
    let mut bench = bybit_bench();
    bench.ws(&bybit("snapshot", 5, "9"));
    assert_eq!(bench.change(&bybit("delta", 6, "-1")), Change::Broken(DecodeError::Value));
    assert_eq!(bench.top(0).invalid, Some(Invalid::BadValue));
    assert_eq!(bench.change(&bybit("delta", 7, "9.5")), Change::Old);
}

#[test]
fn a_repeated_snapshot_of_the_same_number_is_harmless() {
    let mut bench = bybit_bench();
    bench.ws(&bybit("snapshot", 5, "9"));
    bench.ws(&bybit("delta", 6, "9.5"));
    assert_eq!(bench.change(&bybit("snapshot", 6, "9.5")), IMAGE);
    assert_eq!(bench.change(&bybit("delta", 7, "9.6")), IMAGE);
    assert_eq!((bench.top(0).invalid, bench.count(Counter::Gaps)), (None, 0));
}

#[test]
fn a_restarted_service_counts_from_one_whatever_its_first_frame_is_called() {
    for kind in ["snapshot", "delta"] {
        let mut bench = bybit_bench();
        bench.ws(&bybit("snapshot", 500, "9"));
        let first = bybit("snapshot", 1, "9.7").replace("snapshot", kind);
        assert_eq!(bench.change(&first), IMAGE, "{kind}");
        let top = bench.top(0);
        assert_eq!((top.update_id, top.bids.len()), (1, 1));
        assert_eq!(bench.change(&bybit("delta", 2, "9.8")), IMAGE);
    }
}

#[test]
fn the_number_orders_these_books_and_not_the_time() {
    let mut bench = bybit_bench();
    bench.now.wall = WallNs(1_000_000_000_000);
    assert_eq!(bench.change(&bybit("snapshot", 5, "9")), IMAGE);
    let early = bybit("snapshot", 6, "9.1").replace("\"ts\":7", "\"ts\":1");
    assert_eq!(bench.change(&early), IMAGE, "an earlier time");
    let ahead = bybit("delta", 7, "9.2").replace("\"ts\":7", "\"ts\":9000000000000");
    assert_eq!(bench.change(&ahead), IMAGE, "a time far ahead");
    assert_eq!(bench.change(&bybit("delta", 8, "9.3")), IMAGE, "back again");
    assert_eq!(bench.count(Counter::RejectedTime), 0);
}

#[test]
fn a_bad_snapshot_breaks_its_book_only_and_what_follows_waits_for_a_good_one() {
    let mut bench = bybit_bench();
    bench.ws(&bybit("snapshot", 5, "9"));
    bench.ws(&bybit("snapshot", 5, "9").replace("BTC", "ETH"));
    let crossed = Change::Broken(DecodeError::Crossed);
    assert_eq!(bench.change(&bybit("snapshot", 6, "10")), crossed);
    assert_eq!(bench.change(&bybit("delta", 7, "9.5")), Change::Old);
    assert_eq!(bench.top(0).invalid, Some(Invalid::Crossed));
    assert_eq!(bench.top(1).invalid, None);
    assert_eq!(bench.change(&bybit("snapshot", 8, "9")), RESYNC);
    assert_eq!(bench.change(&bybit("delta", 9, "10")), crossed, "a delta that crosses");
    assert_eq!(bench.change(&bybit("delta", 10, "9.5")), Change::Old);
    assert_eq!(bench.change(&bybit("snapshot", 11, "9")), RESYNC);
    bench.assert_counted_once();
}

#[test]
fn an_okx_keepalive_keeps_the_book_and_the_chain() {
    let mut bench = okx_bench();
    assert_eq!(bench.change(&okx("snapshot", -1, 5, BID)), IMAGE);
    assert_eq!(bench.change(&okx("update", 5, 9, r#"["9.5","1","0","1"]"#)), IMAGE);
    let before = bench.top(0);
    assert_eq!(bench.change(&okx("update", 9, 9, "")), IMAGE);
    let after = bench.top(0);
    assert_eq!((&after.bids, &after.asks), (&before.bids, &before.asks));
    assert_eq!((after.update_id, after.invalid), (9, None));
    assert_eq!(bench.change(&okx("update", 9, 12, "")), IMAGE);
}

#[test]
fn an_okx_reset_after_maintenance_is_resynchronised() {
    let mut bench = okx_bench();
    bench.ws(&okx("snapshot", -1, 500, BID));
    assert_eq!(bench.change(&okx("update", 500, 3, "")), Change::Gap);
    assert_eq!(bench.top(0).invalid, Some(Invalid::Gap));
    assert_eq!(bench.change(&okx("update", 3, 4, "")), Change::Old);
    assert_eq!(bench.change(&okx("snapshot", -1, 4, BID)), RESYNC);
    assert_eq!(bench.change(&okx("update", 4, 7, "")), IMAGE);
    assert_eq!((bench.count(Counter::Gaps), bench.count(Counter::Resyncs)), (1, 1));
    bench.assert_counted_once();
}

#[test]
fn a_new_connection_forgets_the_chain() {
    let mut bench = okx_bench();
    bench.ws(&okx("snapshot", -1, 5, BID));
    let now = bench.now;
    bench.feed.on_close(now);
    bench.feed.on_open(now);
    assert_eq!(bench.change(&okx("update", 5, 6, "")), Change::Old);
    assert_eq!(bench.change(&okx("snapshot", -1, 8, BID)), IMAGE);
}

#[test]
fn a_ticker_of_the_old_count_goes_when_the_venue_counts_anew() {
    let best = r#"{"asks":[["10","1","0","1"]],"bids":[["9.9","1","0","1"]],"ts":"7","seqId":510}"#;
    let ticker =
        format!(r#"{{"arg":{{"channel":"bbo-tbt","instId":"BTC-USDT"}},"data":[{best}]}}"#);
    let mut bench = okx_bench();
    bench.ws(&okx("snapshot", -1, 500, BID));
    assert!(matches!(bench.change(&ticker), Change::Ticker(_)));
    assert_eq!(bench.change(&okx("snapshot", -1, 4, BID)), IMAGE);
    assert_eq!(bench.top(0).ticker, None);
}

#[test]
fn every_trade_of_a_message_is_told_in_a_line_of_its_own() {
    let row = |id: &str, side: &str| {
        format!(r#"{{"i":"{id}","T":8,"p":"9.5","v":"0.5","S":"{side}","s":"BTCUSDT","BT":false}}"#)
    };
    let rows = [row("20f43950-d8dd-5b31-9112-a178eb6023af", "Buy"), row("77", "Sell")].join(",");
    let frame =
        format!(r#"{{"topic":"publicTrade.BTCUSDT","ts":8,"type":"snapshot","data":[{rows}]}}"#);
    let mut bench = bybit_bench();
    assert_eq!(bench.ws(&frame), Outcome::Trades { slot: 0 });
    assert_eq!(bench.count(Counter::Trades), 1);
    let many = |count: usize| frame.replace(&rows, &vec![row("77", "Buy"); count].join(","));
    assert_eq!(bench.ws(&many(1_024)), Outcome::Trades { slot: 0 });
    assert_eq!(bench.ws(&many(1_025)), Outcome::Rejected(DecodeError::Overflow));
    let folder = std::env::temp_dir().join(format!("arb-trades-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("trades.rec");
    std::fs::write(&path, format!("5 bybit ws {frame}\n")).expect("a tape");
    let mut out = Vec::new();
    decode(&path, VenueId::Bybit, None, &mut out).expect("decoded");
    std::fs::remove_dir_all(&folder).expect("cleaned");
    let out = String::from_utf8(out).expect("text");
    let keys = |id: &str, side: &str| {
        let head = r#"{"recv_ns":5,"venue":"bybit","event":"trade","instrument":"BTC-USDT","#;
        let what = format!(r#""price":"9.5","qty":"0.5","taker":"{side}""#);
        format!(r#"{head}"venue_ts_ms":8,"trade_id":{id},{what}}}"#)
    };
    let uuid = "\"20f43950-d8dd-5b31-9112-a178eb6023af\"";
    assert_eq!(out.lines().collect::<Vec<_>>(), [keys(uuid, "buy"), keys("77", "sell")]);
}
