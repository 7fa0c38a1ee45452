//! Market data by request: errors in the venue's words, weights and rates.

use arb::types::ids::VenueId;
use arb::types::time::DurNs;

use crate::hall::Hall;
use crate::hall::body;
use crate::hall::head;

#[test]
fn an_unknown_symbol_is_refused_as_each_venue_refuses_it() {
    let cases = [
        (VenueId::Upbit, "/v1/orderbook?markets=KRW-BTC,KRW-NO", 404, "/error/name", "404"),
        (VenueId::Bithumb, "/v1/orderbook?markets=KRW-BTC,KRW-NO", 200, "/error/name", "404"),
        (VenueId::Binance, "/api/v3/depth?symbol=NOUSDT", 400, "/code", "-1121"),
        (VenueId::Binance, "/api/v3/depth", 400, "/code", "-1102"),
        (VenueId::Bybit, "/v5/market/orderbook?category=spot&symbol=NO", 200, "/retCode", "10001"),
        (VenueId::Okx, "/api/v5/market/books?instId=NO-USDT", 200, "/code", "\"51001\""),
    ];
    for (venue, path, status, pointer, value) in cases {
        let answer = Hall::of(venue).get(path);
        let body = body(&answer);
        let found = body.pointer(pointer).map(|found| found.to_string());
        assert_eq!((answer.status, found.as_deref()), (status, Some(value)), "{path}: {body}");
    }
}

#[test]
fn the_rules_that_our_streams_ask_for_can_be_read() {
    use arb::venue::stream::Stream;
    let streams: [(VenueId, Box<dyn Stream>); 4] = [
        (VenueId::Upbit, Box::new(arb::venue::upbit::stream::STREAM)),
        (VenueId::Bithumb, Box::new(arb::venue::bithumb::stream::STREAM)),
        (VenueId::Bybit, Box::new(arb::venue::bybit::stream::BybitStream)),
        (VenueId::Okx, Box::new(arb::venue::okx::stream::OkxStream)),
    ];
    for (venue, stream) in streams {
        let mut hall = Hall::of(venue);
        let symbol = hall.symbol(0);
        let mut found = Vec::new();
        for path in stream.rules_paths(&[&symbol]) {
            let answer = hall.get(&path);
            assert_eq!(answer.status, 200, "{path}");
            found.extend(stream.rules(&answer.body).expect("rules"));
        }
        let own: Vec<_> = found.iter().filter(|rules| rules.symbol == symbol).collect();
        assert!(!own.is_empty() && own.iter().all(|rules| rules.is_trading), "{venue:?}");
        if let Some(path) = stream.time_path() {
            let now_ms = hall.now().wall_ms;
            assert_eq!(stream.time_ms(&hall.get(path).body), Ok(now_ms), "{venue:?}");
        }
    }
}

#[test]
fn binance_counts_weights_refuses_and_then_bans_for_longer_and_longer() {
    let mut hall = Hall::of(VenueId::Binance);
    let deep = "/api/v3/depth?symbol=BTCUSDT&limit=5000";
    for at in 1..=24 {
        let answer = hall.get(deep);
        assert_eq!(head(&answer, "X-MBX-USED-WEIGHT-1M"), Some((at * 250).to_string().as_str()));
    }
    let answer = hall.get(deep);
    assert_eq!((answer.status, body(&answer)["code"].as_i64()), (429, Some(-1003)));
    assert!(head(&answer, "Retry-After").is_some());
    let bans = |hall: &mut Hall| {
        let mut last = hall.get(deep);
        for _ in 0..40 {
            if last.status == 418 {
                break;
            }
            last = hall.get(deep);
        }
        head(&last, "Retry-After").and_then(|secs| secs.parse::<u64>().ok())
    };
    assert_eq!(bans(&mut hall), Some(120));
    hall.pass(DurNs::from_secs(121));
    assert_eq!(hall.get("/api/v3/ping").status, 200, "the ban is over");
    assert_eq!(bans(&mut hall), Some(240));
}

#[test]
fn upbit_tells_what_is_left_of_a_group_then_refuses_then_blocks() {
    let mut hall = Hall::of(VenueId::Upbit);
    let path = "/v1/orderbook?markets=KRW-BTC";
    let first = hall.get(path);
    assert_eq!(head(&first, "Remaining-Req"), Some("group=orderbook; min=600; sec=9"));
    for _ in 0..9 {
        assert_eq!(hall.get(path).status, 200);
    }
    assert_eq!(hall.get(path).status, 429);
    assert_eq!(hall.get("/v1/ticker?markets=KRW-BTC").status, 200, "another group");
    let blocked = (0..40).find(|_| hall.get(path).status == 418);
    assert!(blocked.is_some(), "who goes on is blocked");
    assert_eq!(hall.get("/v1/ticker?markets=KRW-BTC").status, 418, "from everything");
    hall.pass(DurNs::from_secs(6));
    assert_eq!(hall.get(path).status, 200);
}

#[test]
fn bybit_shuts_out_an_address_and_okx_says_50011() {
    let mut hall = Hall::of(VenueId::Bybit);
    let refused = (0..=600).map(|_| hall.get("/v5/market/time").status).filter(|at| *at == 403);
    assert_eq!(refused.count(), 1);
    hall.pass(DurNs::from_secs(30));
    assert_eq!(hall.get("/v5/market/time").status, 403, "for ten minutes");

    let mut hall = Hall::of(VenueId::Okx);
    let last = (0..=20).map(|_| hall.get("/api/v5/public/time")).last().expect("answers");
    assert_eq!((last.status, body(&last)["code"].as_str()), (429, Some("50011")));
}
