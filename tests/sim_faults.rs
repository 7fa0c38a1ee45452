//! Each fault of the local exchange as a client sees it on the wire, and that it passes.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/simworld.rs"]
mod simworld;

use std::collections::BTreeMap;

use arb::config::simscript::parse;
use arb::net::ws::Incoming;
use arb::net::ws::SocketError;
use arb::sim::server::limits::KINDS;
use arb::types::ids::VenueId;
use serde_json::Value;
use simworld::WALL_MS;
use simworld::World;
use simworld::fault;
use simworld::path;
use simworld::texts;

/// The fault acts from 1 s to 3 s after the market began, unless its text says otherwise.
fn beset(venue: VenueId, kind: &str) -> World {
    World::open(vec![fault(venue, &format!("kind={kind} at=1s for=2s"))])
}

/// Subscribed, and the fault has begun.
fn within(venue: VenueId, kind: &str) -> (World, arb::net::ws::Socket) {
    let (mut world, mut socket) = waiting(venue, kind);
    until(&mut world, 1_020);
    world.listen(&mut socket, 2);
    (world, socket)
}

/// Subscribed, and the fault about to begin.
fn waiting(venue: VenueId, kind: &str) -> (World, arb::net::ws::Socket) {
    let mut world = beset(venue, kind);
    let mut socket = world.subscribed(venue);
    until(&mut world, 990);
    let calm = world.market(&mut socket, 2);
    assert!(!calm.is_empty(), "{} {kind}: calm at first", venue.name());
    (world, socket)
}

/// Turns until so long after the market began.
fn until(world: &mut World, ms: u64) {
    let passed = (world.now.mono.0 - 1_002_000_000) / 1_000_000;
    world.pass(ms.saturating_sub(passed));
}

/// The market is told again after the fault, on the same connection.
fn recovers(world: &mut World, socket: &mut arb::net::ws::Socket) {
    until(world, 3_300);
    world.listen(socket, 2);
    assert!(world.market(socket, 500).len() >= 8, "it recovers");
}

#[test]
fn silence_says_nothing_and_still_answers_pings() {
    for venue in VenueId::ALL {
        let (mut world, mut socket) = within(venue, "silence");
        socket.send_ping(b"?").expect("room");
        let (heard, why) = world.listen(&mut socket, 1_000);
        assert_eq!((texts(&heard).len(), why), (0, None), "{}", venue.name());
        assert!(heard.iter().any(|incoming| matches!(incoming, Incoming::Pong(_))));
        recovers(&mut world, &mut socket);
    }
}

#[test]
fn a_lag_holds_messages_back_in_order_and_loses_none() {
    let venue = VenueId::Binance;
    let (mut world, mut socket) = within(venue, "lag by=700ms");
    assert!(world.market(&mut socket, 600).is_empty());
    let mut late = world.market(&mut socket, 1_000);
    until(&mut world, 3_200);
    late.extend(world.market(&mut socket, 300));
    let mut last = None;
    for frame in late {
        let frame: Value = serde_json::from_str(&frame).expect("JSON");
        if frame["s"] == "BTCUSDT" {
            let first = frame["U"].as_u64();
            assert!(last.is_none() || first == last.map(|last: u64| last + 1), "none is lost");
            last = frame["u"].as_u64();
        }
    }
    assert!(last.is_some());
}

#[test]
fn a_half_open_connection_neither_speaks_nor_answers_nor_ends() {
    let (mut world, mut socket) = within(VenueId::Okx, "half_open");
    socket.send_ping(b"?").expect("room");
    let (heard, why) = world.listen(&mut socket, 1_500);
    assert_eq!((heard.len(), why), (0, None));
    assert!(world.dial(VenueId::Okx, path(VenueId::Okx)).is_ok(), "others connect");
}

#[test]
fn a_reset_ends_every_connection_with_rst() {
    let (mut world, mut socket) = waiting(VenueId::Upbit, "rst");
    assert_eq!(world.end(&mut socket), SocketError::Reset);
    let mut next = world.dial(VenueId::Upbit, path(VenueId::Upbit));
    if let Ok(socket) = &mut next {
        assert_eq!(world.end(socket), SocketError::Reset, "meanwhile too");
    }
    until(&mut world, 3_100);
    let mut socket = world.subscribed(VenueId::Upbit);
    assert!(!world.market(&mut socket, 500).is_empty());
}

#[test]
fn slow_loris_gives_one_byte_in_ten_milliseconds() {
    let (mut world, mut socket) = within(VenueId::Bybit, "slow_loris");
    let before = socket.bytes_in();
    assert!(world.market(&mut socket, 1_000).len() <= 1);
    let bytes = socket.bytes_in() - before;
    assert!((50..=110).contains(&bytes), "{bytes}");
    recovers(&mut world, &mut socket);
}

#[test]
fn one_byte_frames_carry_the_same_messages() {
    let (mut world, mut socket) = within(VenueId::Bithumb, "one_byte_frames");
    let before = socket.bytes_in();
    let market = world.market(&mut socket, 1_000);
    let payload: usize = market.iter().map(String::len).sum();
    let bytes = socket.bytes_in() - before;
    assert!(bytes >= 3 * payload as u64, "{bytes} on the wire for {payload}");
    assert!(market.iter().all(|frame| serde_json::from_str::<Value>(frame).is_ok()));
    recovers(&mut world, &mut socket);
}

#[test]
fn garbage_comes_between_the_messages() {
    for venue in VenueId::ALL {
        let (mut world, mut socket) = within(venue, "garbage");
        let market = world.market(&mut socket, 1_500);
        let is_one = |frame: &String| frame.contains("BTC") && frame.ends_with('}');
        let odd = market.iter().filter(|frame| !is_one(frame) && !frame.contains("ETH")).count();
        assert!(odd >= 2, "{}: {odd} of {}", venue.name(), market.len());
        recovers(&mut world, &mut socket);
    }
}

#[test]
fn a_giant_frame_is_announced_to_every_connection() {
    let (mut world, mut socket) = waiting(VenueId::Okx, "giant_frame");
    assert!(matches!(world.end(&mut socket), SocketError::TooLong { .. }));
}

/// Sequence breaks of BTC and ETH in a list of messages.
fn breaks(venue: VenueId, market: &[String]) -> usize {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut breaks = 0;
    for frame in market {
        let frame: Value = serde_json::from_str(frame).expect("JSON");
        let row = &frame["data"][0];
        let (symbol, before, now) = match venue {
            VenueId::Binance => (&frame["s"], frame["U"].as_u64().map(|u| u - 1), &frame["u"]),
            VenueId::Bybit => {
                let now = &frame["data"]["u"];
                (&frame["data"]["s"], now.as_u64().map(|u| u - 1), now)
            }
            _ => (&frame["arg"]["instId"], row["prevSeqId"].as_u64(), &row["seqId"]),
        };
        let known = last.insert(symbol.to_string(), now.as_u64().unwrap_or(0));
        breaks += usize::from(known.is_some() && known != before);
    }
    breaks
}

const NUMBERED: [VenueId; 3] = [VenueId::Binance, VenueId::Bybit, VenueId::Okx];

#[test]
fn gaps_and_swaps_break_the_sequence_and_nothing_else_does() {
    for venue in NUMBERED {
        let mut calm = World::open(Vec::new());
        let mut socket = calm.subscribed(venue);
        let market = calm.market(&mut socket, 2_000);
        assert_eq!(breaks(venue, &market), 0, "{}", venue.name());
        for kind in ["gap", "reorder"] {
            let (mut world, mut socket) = within(venue, kind);
            let market = world.market(&mut socket, 1_900);
            assert!(breaks(venue, &market) >= 1, "{} {kind}", venue.name());
            recovers(&mut world, &mut socket);
        }
    }
}

#[test]
fn a_gap_may_concern_one_symbol_only() {
    let text = "kind=gap at=1s for=2s symbol=ETH-USDT";
    let mut world = World::open(vec![fault(VenueId::Okx, text)]);
    let mut socket = world.subscribed(VenueId::Okx);
    let market = world.market(&mut socket, 3_000);
    let of = |symbol: &str| -> Vec<String> {
        market.iter().filter(|frame| frame.contains(symbol)).cloned().collect()
    };
    assert_eq!(breaks(VenueId::Okx, &of("BTC-USDT")), 0);
    assert!(breaks(VenueId::Okx, &of("ETH-USDT")) >= 1);
}

#[test]
fn duplicates_are_the_same_message_twice() {
    for venue in VenueId::ALL {
        let (mut world, mut socket) = within(venue, "duplicate");
        let market = world.market(&mut socket, 1_000);
        let twice = market.chunks_exact(2).filter(|pair| pair[0] == pair[1]).count();
        assert!(twice >= 8, "{}: {twice} of {}", venue.name(), market.len());
        recovers(&mut world, &mut socket);
    }
}

#[test]
fn a_crossed_book_and_a_zero_price_are_there_to_be_seen() {
    for venue in [VenueId::Upbit, VenueId::Bithumb] {
        let (mut world, mut socket) = within(venue, "crossed_book");
        world.market(&mut socket, 200);
        for frame in world.market(&mut socket, 1_000) {
            let frame: Value = serde_json::from_str(&frame).expect("JSON");
            let best = &frame["orderbook_units"][0];
            assert!(best["bid_price"].as_f64() >= best["ask_price"].as_f64(), "{best}");
        }
        recovers(&mut world, &mut socket);
    }
    for venue in VenueId::ALL {
        let (mut world, mut socket) = within(venue, "zero_price");
        let market = world.market(&mut socket, 1_000);
        let zeros = ["_price\":0,", "[[\"0\",", ",[\"0\","];
        let is_zero = |frame: &&String| zeros.iter().any(|zero| frame.contains(zero));
        let count = market.iter().filter(is_zero).count();
        assert!(count >= market.len() / 2, "{}: {count} of {market:?}", venue.name());
        recovers(&mut world, &mut socket);
    }
}

#[test]
fn timestamps_lie_in_the_past_in_the_future_or_in_another_unit() {
    let stamps = |frame: &str| -> Vec<u64> {
        let digits = frame.split(|c: char| !c.is_ascii_digit());
        digits
            .filter(|run| run.len() == 13 || run.len() == 16)
            .filter_map(|d| d.parse().ok())
            .collect()
    };
    for (venue, unit) in [(VenueId::Upbit, 1), (VenueId::Bithumb, 1_000), (VenueId::Okx, 1)] {
        for (kind, from, to) in [
            ("stale_timestamps by=1h", -3_700_000, -3_500_000),
            ("future_timestamps by=1h", 3_500_000, 3_700_000),
        ] {
            let (mut world, mut socket) = within(venue, kind);
            let market = world.market(&mut socket, 500);
            let shifted = market.iter().flat_map(|frame| stamps(frame)).filter(|stamp| {
                let distance = (stamp / unit) as i64 - WALL_MS as i64;
                (from..to).contains(&distance)
            });
            assert!(shifted.count() >= market.len(), "{} {kind}", venue.name());
        }
        let (mut world, mut socket) = within(venue, "unit_change");
        let market = world.market(&mut socket, 500);
        let other = if unit == 1 { 16 } else { 13 };
        let changed = market.iter().flat_map(|frame| stamps(frame));
        let changed = changed.filter(|stamp| stamp.to_string().len() == other).count();
        assert!(changed >= market.len(), "{}", venue.name());
    }
}

#[test]
fn a_frozen_book_says_the_same_again() {
    let (mut world, mut socket) = within(VenueId::Upbit, "frozen_book");
    let books = |market: Vec<String>| -> std::collections::BTreeSet<String> {
        let btc = market.into_iter().filter(|frame| frame.contains("KRW-BTC"));
        btc.map(|frame| frame.split_once("orderbook_units").expect("a book").1.to_owned()).collect()
    };
    world.market(&mut socket, 200);
    assert_eq!(books(world.market(&mut socket, 1_000)).len(), 1);
    until(&mut world, 3_200);
    world.listen(&mut socket, 2);
    assert!(books(world.market(&mut socket, 1_000)).len() > 5);
}

#[test]
fn a_burst_multiplies_messages_and_breaks_no_sequence() {
    for venue in NUMBERED {
        let (mut world, mut socket) = within(venue, "burst factor=20");
        let market = world.market(&mut socket, 1_000);
        assert!(market.len() >= 200, "{}: {}", venue.name(), market.len());
        assert_eq!(breaks(venue, &market), 0, "{}", venue.name());
    }
}

#[test]
fn whoever_connects_is_hung_up_on_or_gets_no_byte() {
    let (mut world, mut socket) = waiting(VenueId::Bybit, "accept_then_close");
    world.end(&mut socket);
    assert!(world.dial(VenueId::Bybit, path(VenueId::Bybit)).is_err());
    until(&mut world, 3_100);
    assert!(world.dial(VenueId::Bybit, path(VenueId::Bybit)).is_ok());

    let mut world = World::open(vec![fault(VenueId::Okx, "kind=accept_silent at=100ms for=30s")]);
    world.pass(200);
    let refused = world.dial(VenueId::Okx, path(VenueId::Okx));
    assert!(refused.is_err(), "the handshake runs out of time");
    assert!(world.now.mono.0 > 4_000_000_000, "not before its limit");
}

#[test]
fn a_dropped_subscription_is_accepted_and_never_served() {
    let (mut world, mut socket) = waiting(VenueId::Bybit, "drop_subscription");
    world.end(&mut socket);
    let mut socket = world.subscribed(VenueId::Bybit);
    let (heard, _) = world.listen(&mut socket, 3_000);
    let acks = heard.iter().filter(|i| {
        matches!(i, Incoming::Frame(p) if {
            p.as_ref().windows(14).any(|window| window == b"\"success\":true")
        })
    });
    assert_eq!(acks.count(), 1);
    let market = texts(&heard);
    assert!(market.iter().any(|frame| frame.contains("ETHUSDT")));
    assert!(!market.iter().any(|frame| frame.contains("BTCUSDT")), "also after the fault");
    socket.send_text(r#"{"op":"unsubscribe","args":["orderbook.50.BTCUSDT"]}"#).expect("room");
    socket.send_text(r#"{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}"#).expect("room");
    let market = world.market(&mut socket, 1_000);
    assert!(market.iter().any(|frame| frame.contains("BTCUSDT")), "until subscribed anew");
}

#[test]
fn an_unknown_symbol_is_treated_as_the_venue_treats_one() {
    let (mut world, mut socket) = waiting(VenueId::Upbit, "unknown_symbol symbol=ETH-KRW");
    world.end(&mut socket);
    let mut socket = world.subscribed(VenueId::Upbit);
    let market = world.market(&mut socket, 1_000);
    assert!(market.iter().any(|frame| frame.contains("KRW-BTC")));
    assert!(!market.iter().any(|frame| frame.contains("KRW-ETH")), "silently ignored");
    let port = world.port(VenueId::Upbit);
    let asked = world.ask(port, "GET /v1/orderbook?markets=KRW-ETH", "").expect("an answer");
    assert_eq!(asked.0, 404);
}

#[test]
fn a_planned_close_is_announced_and_comes() {
    let (mut world, mut socket) = waiting(VenueId::Binance, "server_shutdown");
    let (heard, _) = world.listen(&mut socket, 500);
    assert!(texts(&heard).iter().any(|frame| frame.contains("serverShutdown")));
    let (heard, _) = world.listen(&mut socket, 2_000);
    let is_goodbye = |i: &Incoming| matches!(i, Incoming::Closed { code: Some(1001), .. });
    assert!(heard.iter().any(is_goodbye));
}

#[test]
fn requests_and_upgrades_are_refused_by_errors_pages_and_maintenance() {
    for (kind, statuses) in [("http_5xx", 500..=503), ("html_403", 403..=403)] {
        let mut world =
            World::open(vec![fault(VenueId::Okx, &format!("kind={kind} at=0s for=5s"))]);
        world.pass(10);
        let port = world.port(VenueId::Okx);
        let (status, body) = world.ask(port, "GET /api/v5/public/time", "").expect("an answer");
        assert!(statuses.contains(&status) && body.contains("<html>"), "{kind}: {status} {body}");
        assert!(world.dial(VenueId::Okx, path(VenueId::Okx)).is_err());
        world.pass(5_000);
        assert!(world.dial(VenueId::Okx, path(VenueId::Okx)).is_ok());
    }
    let (mut world, mut socket) = within(VenueId::Upbit, "maintenance");
    assert!(world.market(&mut socket, 1_000).is_empty());
    assert!(world.dial(VenueId::Upbit, path(VenueId::Upbit)).is_err());
    recovers(&mut world, &mut socket);
}

#[test]
fn a_script_says_every_fault_and_everything_wrong_in_it_at_once() {
    let rows: Vec<String> = KINDS
        .iter()
        .enumerate()
        .map(|(at, kind)| format!("  - {{at: {at}s, for: 2s, kind: {kind}, venue: all}}\n"))
        .collect();
    let script = parse("x.yml", format!("faults:\n{}", rows.concat()).as_bytes()).expect("good");
    let names: Vec<&str> = script.iter().map(|fault| fault.effect.name()).collect();
    assert_eq!(names, KINDS);
    let bad = "faults:\n  - {at: 1s, for: 2s, kind: silense, venue: upbit}\n  \
        - {for: 2s, kind: lag, venue: upbitt, by: 5}\nmore: 1\n";
    let told = parse("x.yml", bad.as_bytes()).expect_err("refused").to_string();
    for word in ["did you mean silence?", "at", "faults[1].venue", "faults[1].by", "more"] {
        assert!(told.contains(word), "{word} in {told}");
    }
    assert!(parse("x.yml", b"faults: []").is_err());
    assert!(parse("x.yml", b"").is_err());
}
