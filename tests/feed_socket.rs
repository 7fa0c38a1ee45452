//! A feed and its desk over real loopback sockets, and a small venue that misbehaves on command
//! (`FAULTS.md` A and C).

#[path = "support/crew.rs"]
mod crew;
#[path = "support/dialect.rs"]
mod dialect;
#[path = "support/feed_bench.rs"]
mod feed_bench;
#[path = "support/small_venue.rs"]
mod small_venue;

use arb::types::counters::Counter;
use arb::types::ids::VenueId;
use arb::types::market::Invalid;
use arb::types::notice::FeedNews;
use arb::types::notice::NoticeKind;
use arb::types::time::DurNs;

use crate::feed_bench::Bench;
use crate::small_venue::Command;

const VENUES: [VenueId; 4] = [VenueId::Upbit, VenueId::Binance, VenueId::Bybit, VenueId::Okx];

fn secs(secs: u64) -> DurNs {
    DurNs::from_secs(secs)
}

#[test]
fn books_of_each_kind_of_venue_become_valid_and_follow_the_market() {
    for venue in VENUES {
        let mut bench = Bench::of(venue, &["BTC", "ETH"]);
        bench.until_live();
        let image = bench.newest[1].image;
        bench.until("twenty more images", |bench| bench.newest[1].image > image + 20);
        assert_eq!(bench.losses, [], "{venue:?}");
        assert_eq!(bench.count(Counter::Opens), 1);
        assert_eq!(bench.count(Counter::Gaps), 0);
        let lag = bench.board.lag.get().map(|(lag, _)| lag);
        assert!(lag.is_some_and(|lag| lag >= 0), "{venue:?}: {lag:?}");
        bench.end();
    }
}

#[test]
fn a_reset_makes_every_book_invalid_until_the_next_connection_shows_it() {
    for venue in VENUES {
        let mut bench = Bench::of(venue, &["BTC", "ETH"]);
        bench.until_live();
        bench.command(Command::Raw(vec![0x82, 0x7e, 0x01]));
        bench.command(Command::Reset);
        bench.until("loss of the books", |bench| bench.losses.len() == 2);
        assert_eq!(bench.losses, [Invalid::Closed; 2], "{venue:?}");
        bench.until_live();
        assert_eq!(bench.count(Counter::Opens), 2);
        let closes = [Counter::ClosedByFault, Counter::ClosedByPeer].map(|c| bench.count(c));
        assert_eq!(closes.iter().sum::<u64>(), 1);
        let told = |kind: &NoticeKind| matches!(kind, NoticeKind::Reconnect { .. });
        assert_eq!(bench.news.iter().filter(|kind| told(kind)).count(), 1);
        bench.end();
    }
}

#[test]
fn an_announced_shutdown_changes_connections_without_losing_a_book() {
    let mut bench = Bench::of(VenueId::Binance, &["BTC", "ETH"]);
    bench.until_live();
    let image = bench.newest[0].image;
    let notice = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#;
    bench.command(Command::Text(notice.to_owned()));
    bench.until("rotation", |bench| bench.count(Counter::Rotations) == 1);
    bench.until("images on the new one", |bench| bench.newest[0].image > image + 20);
    assert_eq!(bench.losses, [], "the books never stopped being valid");
    assert_eq!(bench.count(Counter::Gaps), 0);
    assert_eq!(bench.count(Counter::SnapshotRequests), 2, "no new snapshot was needed");
    assert_eq!(bench.script().most_open, 2);
    bench.until("old one closed", |bench| bench.script().open == 1);
    bench.end();
}

#[test]
fn a_book_that_comes_as_a_snapshot_is_rebuilt_in_the_turn_of_the_change() {
    let mut bench = Bench::of(VenueId::Okx, &["BTC", "ETH"]);
    bench.until_live();
    let notice = r#"{"event":"notice","code":"64008","msg":"soon","connId":"a"}"#;
    bench.command(Command::Text(notice.to_owned()));
    bench.until("rotation", |bench| bench.count(Counter::Rotations) == 1);
    let is_valid = |bench: &Bench| bench.newest.iter().all(|top| top.invalid.is_none());
    assert!(is_valid(&bench), "the turn that changes leaves no book invalid");
    assert!(bench.losses.iter().all(|lost| *lost == Invalid::NoImage), "{:?}", bench.losses);
    let image = bench.newest[0].image;
    bench.until("images on the new one", |bench| bench.newest[0].image > image + 20);
    assert_eq!(bench.count(Counter::Gaps), 0);
    bench.until("old one closed", |bench| bench.script().open == 1);
    bench.end();
}

#[test]
fn a_dropped_update_is_found_at_once_and_mended() {
    for venue in [VenueId::Binance, VenueId::Bybit, VenueId::Okx] {
        let mut bench = Bench::of(venue, &["BTC"]);
        bench.until_live();
        bench.command(Command::Skip(1));
        bench.until("gap", |bench| bench.count(Counter::Gaps) == 1);
        bench.until("resync", |bench| bench.count(Counter::Resyncs) == 1);
        assert_eq!(bench.losses, [Invalid::Gap], "{venue:?}");
        bench.until_live();
        assert_eq!(bench.count(Counter::Opens), 1, "on the same connection");
        bench.end();
    }
}

#[test]
fn a_stale_snapshot_is_requested_again_and_never_used() {
    let mut bench = Bench::of(VenueId::Binance, &["BTC"]);
    bench.script().lags.extend([500, 400]);
    bench.until_live();
    assert_eq!(bench.count(Counter::SnapshotFailures), 2);
    assert_eq!(bench.count(Counter::SnapshotRequests), 3);
    bench.end();
}

#[test]
fn a_rate_limit_is_waited_out_and_counted() {
    let mut bench = Bench::of(VenueId::Binance, &["BTC", "ETH"]);
    bench.script().statuses.push_back((429, Some(20)));
    bench.until("refusal", |bench| bench.count(Counter::RequestsRefused) == 1);
    let asked = bench.script().snapshots;
    bench.advance(secs(15));
    assert_eq!(bench.script().snapshots, asked, "nothing is asked before the time is over");
    bench.advance(secs(10));
    bench.until_live();
    let refused = |kind: &NoticeKind| {
        let NoticeKind::Feed { news, .. } = kind else { return false };
        matches!(news, FeedNews::Refused { status: 429, wait } if *wait == secs(20))
    };
    assert!(bench.news.iter().any(refused));
    bench.end();
}

#[test]
fn a_symbol_that_is_never_shown_is_off_and_the_other_trades() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC", "ETH"]);
    bench.script().hides = Some("KRW-ETH".to_owned());
    bench.until("the other book", |bench| bench.newest[0].invalid.is_none());
    bench.advance(secs(25));
    bench.until("word of it", |bench| bench.count(Counter::SymbolsOff) == 1);
    let requests = bench.script().requests.clone();
    assert!(requests.len() >= 2);
    for request in requests {
        assert_eq!(request, "sub KRW-BTC,KRW-ETH", "a request names all where it replaces");
    }
    assert!(bench.newest[0].invalid.is_none() && bench.newest[1].invalid.is_some());
    bench.script().hides = None;
    bench.until_live();
    bench.end();
}

#[test]
fn a_half_open_connection_is_replaced_within_its_time() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.until_live();
    bench.script().is_frozen = true;
    bench.until("quiet", |bench| bench.script().is_frozen);
    bench.advance(secs(14));
    assert_eq!(bench.count(Counter::ClosedSilent), 1);
    assert_eq!(bench.losses, [Invalid::Closed]);
    bench.script().is_frozen = false;
    bench.advance(secs(1));
    bench.until_live();
    bench.end();
}

#[test]
fn a_venue_that_only_answers_pings_is_asked_again_and_left() {
    let mut bench = Bench::of(VenueId::Binance, &["BTC"]);
    bench.until_live();
    bench.script().is_mute = true;
    bench.advance(secs(12));
    bench.until("silence", |bench| bench.count(Counter::Silences) == 1);
    bench.advance(secs(12));
    bench.until("end", |bench| bench.count(Counter::ClosedQuiet) == 1);
    bench.script().is_mute = false;
    bench.until_live();
    bench.end();
}

#[test]
fn a_frame_that_drips_in_is_cut_and_a_giant_one_is_refused() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.until_live();
    bench.script().is_mute = true;
    // A text frame of 100 bytes begins, and goes on byte by byte.
    bench.command(Command::Raw(vec![0x81, 100]));
    for _ in 0..30 {
        bench.command(Command::Raw(vec![b' ']));
        bench.until("byte", |bench| bench.script().commands.is_empty());
        bench.advance(DurNs::from_ms(250));
        if bench.count(Counter::ClosedSlow) == 1 {
            break;
        }
    }
    assert_eq!(bench.count(Counter::ClosedSlow), 1);
    bench.script().is_mute = false;
    bench.advance(secs(1));
    bench.until_live();
    // A frame that announces 16 MiB.
    let giant = [&[0x82, 127][..], &(16u64 << 20).to_be_bytes()].concat();
    bench.command(Command::Raw(giant));
    bench.until("refusal", |bench| bench.count(Counter::ClosedByFault) == 1);
    bench.until_live();
    bench.end();
}

#[test]
fn garbage_is_counted_and_too_much_of_it_ends_the_connection() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.until_live();
    for _ in 0..20 {
        bench.command(Command::Text("{nonsense".to_owned()));
    }
    bench.until("garbage", |bench| bench.count(Counter::RejectedMalformed) == 20);
    assert_eq!(bench.losses, [], "the book is as it was");
    bench.command(Command::Text("{nonsense".to_owned()));
    bench.until("end", |bench| bench.count(Counter::ClosedRejects) == 1);
    bench.until_live();
    bench.end();
}

#[test]
fn an_endpoint_that_accepts_and_hangs_is_given_up_in_time() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.script().hangs = true;
    bench.until("attempt", |bench| bench.count(Counter::Attempts) == 1);
    bench.advance(secs(6));
    assert_eq!(bench.count(Counter::FailedAttempts), 1);
    bench.script().hangs = false;
    bench.advance(secs(1));
    bench.until_live();
    bench.end();
}

#[test]
fn a_page_instead_of_a_connection_is_told_with_its_status() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.script().refuses = Some(451);
    bench.until("refusal", |bench| bench.count(Counter::RequestsRefused) == 1);
    bench.advance(secs(20));
    assert_eq!(bench.count(Counter::Attempts), 1, "it is left alone");
    bench.script().refuses = None;
    bench.advance(secs(15));
    bench.until_live();
    bench.end();
}

#[test]
fn a_thread_that_stood_still_takes_nothing_that_waited_for_it() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC"]);
    bench.until_live();
    let image = bench.newest[0].image;
    let sent = bench.script().updates;
    bench.command(Command::Burst(100));
    while bench.script().updates < sent + 100 {
        std::thread::yield_now();
    }
    bench.stand_still(secs(5));
    assert_eq!(bench.count(Counter::ClosedPaused), 1);
    assert_eq!(bench.newest[0].image, image, "what waited was not read");
    assert_eq!(bench.losses, [Invalid::Closed]);
    bench.until_live();
    bench.end();
}

#[test]
fn a_burst_that_nobody_reads_is_conflated_to_the_newest_top() {
    let mut bench = Bench::of(VenueId::Upbit, &["BTC", "ETH"]);
    bench.until_live();
    bench.script().is_mute = true;
    bench.until("every frame", |bench| bench.count(Counter::Frames) >= 2 && bench.script().is_mute);
    let before = bench.count(Counter::Books);
    let mut sent = 0;
    while sent < 20_000 {
        bench.command(Command::Burst(100));
        sent += 200;
        while bench.script().commands.front().is_some() {
            bench.turn_without_reader();
        }
        for _ in 0..20 {
            bench.turn_without_reader();
        }
    }
    let newest = bench.script().updates;
    let mut quiet = 0;
    let mut frames = 0;
    while quiet < 10_000 {
        bench.turn_without_reader();
        quiet = if bench.count(Counter::Frames) == frames { quiet + 1 } else { 0 };
        frames = bench.count(Counter::Frames);
    }
    assert!(bench.count(Counter::Books) > before + 10_000);
    assert!(bench.count(Counter::Conflated) > 9_000);
    assert_eq!(bench.board.held.load(std::sync::atomic::Ordering::Relaxed), 2);
    // A reader that comes back has the newest of each after what its link holds.
    (0..10).for_each(|_| bench.turn());
    let expected = (newest % 1_000 + 1) as i64 * 100_000_000;
    for top in &bench.newest {
        assert_eq!(top.bids[0].qty.raw(), expected, "the newest one");
        assert!(top.merged > 1_000);
    }
    bench.end();
}

#[test]
fn a_venue_whose_clock_is_ahead_is_told_and_its_lag_is_the_way() {
    let mut bench = Bench::of(VenueId::Binance, &["BTC"]);
    bench.script().ahead_ms = 5_000;
    bench.until_live();
    bench.until("skew", |bench| bench.count(Counter::ClockSkews) == 1);
    let image = bench.newest[0].image;
    bench.until("images", |bench| bench.newest[0].image > image + 5);
    let (lag, _) = bench.board.lag.get().expect("a lag");
    assert!((0..4_000_000_000).contains(&lag), "{lag}: not the skew");
    bench.end();
}

#[test]
fn the_same_goes_over_tls_with_a_certificate_that_is_trusted_and_only_then() {
    let folder = std::env::temp_dir().join(format!("arb-feed-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut bench = Bench::secure(VenueId::Binance, &["BTC"], &folder);
    bench.until_live();
    // What TLS sends of its own accord is no half frame, though the market is silent.
    bench.script().is_mute = true;
    bench.advance(secs(6));
    assert_eq!(bench.count(Counter::ClosedSlow), 0);
    assert_eq!(bench.count(Counter::Opens), 1);
    bench.end();
    std::fs::remove_dir_all(&folder).expect("the folder");
}

#[test]
fn a_name_that_is_not_answered_is_known_for_an_hour_and_then_no_more() {
    let mut bench = Bench::named(VenueId::Upbit, &["BTC"]);
    bench.advance(secs(4));
    assert_eq!(bench.count(Counter::FailedAttempts), 1, "nothing is known yet");
    bench.answered = Some(Ok(vec![bench.place()]));
    bench.advance(secs(1));
    bench.until_live();
    bench.answered = Some(Err(std::io::ErrorKind::NotFound));
    bench.command(Command::Reset);
    bench.until("loss of the book", |bench| bench.losses.len() == 1);
    bench.until_live();
    bench.answered = None;
    bench.advance(secs(60));
    let opens = bench.count(Counter::Opens);
    bench.command(Command::Reset);
    bench.until("loss of the book", |bench| bench.losses.len() == 2);
    bench.advance(secs(4));
    bench.until_live();
    assert!(bench.count(Counter::Opens) > opens, "by the address that was good before");
    bench.stand_still(secs(3_700));
    let failed = bench.count(Counter::FailedAttempts);
    bench.advance(secs(5));
    assert!(bench.count(Counter::FailedAttempts) > failed, "an hour later it may be another's");
    bench.end();
}

#[test]
fn threads_that_park_are_woken_by_their_sockets_and_end_when_asked() {
    for venue in VENUES {
        Bench::of(venue, &["BTC"]).run_on_threads(100);
    }
}
