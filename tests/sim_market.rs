//! The books of the simulated venues: images, what changes between them, their numbers, and a
//! market in which an engine finds something to do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use arb::sim::exchange::book::Spoil;
use arb::sim::exchange::core::Exchange;
use arb::sim::exchange::listing;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::market::Level;
use arb::types::market::Side;
use arb::types::time::MonoNs;
use arb::types::units::SCALE;

fn exchange(venue: VenueId) -> Exchange {
    let bases = ["BTC", "ETH"].map(|code| asset(code).unwrap());
    let table = listing::instruments(&bases).unwrap();
    Exchange::new(&listing::plan(table, 7), venue, 1_000).unwrap()
}

/// Lays the published changes of an image over the levels that a client holds.
fn apply(levels: &mut Vec<Level>, side: Side, exchange: &Exchange) {
    for change in exchange.book(0).changed.iter().filter(|change| change.side == side) {
        levels.retain(|level| level.price != change.level.price);
        if !change.level.qty.is_zero() {
            levels.push(change.level);
        }
    }
    levels.sort_by_key(|level| match side {
        Side::Buy => -level.price.raw(),
        Side::Sell => level.price.raw(),
    });
}

#[test]
fn the_published_changes_rebuild_every_image_and_the_ids_go_on_as_at_the_venue() {
    for venue in VenueId::ALL {
        let mut exchange = exchange(venue);
        let (mut bids, mut asks) = (exchange.book(0).bids.clone(), exchange.book(0).asks.clone());
        let mut last = exchange.book(0).update_id;
        let (mut steps, mut images) = (0, 0);
        for image in 0..3_000 {
            if image == 1_000 {
                exchange.spoil(0, Spoil::Crossed);
            }
            if image == 1_200 {
                exchange.spoil(0, Spoil::Sound);
            }
            match image % 7 {
                0 => exchange.flicker(0, 2_000 + image),
                _ if exchange.advance(2_000 + image) != 0 => continue,
                _ => {}
            }
            let book = exchange.book(0);
            assert_eq!(book.prev_update_id, last, "{}", venue.name());
            (steps, images) = (steps + book.update_id - last, images + 1);
            last = book.update_id;
            apply(&mut bids, Side::Buy, &exchange);
            apply(&mut asks, Side::Sell, &exchange);
            assert_eq!((&bids, &asks), (&exchange.book(0).bids, &exchange.book(0).asks));
        }
        match venue {
            VenueId::Binance | VenueId::Okx => assert!(steps > 5 * images, "ids have gaps"),
            _ => assert_eq!(steps, images),
        }
    }
}

#[test]
fn a_spoiled_book_is_crossed_or_frozen_and_sound_again_afterwards() {
    let mut okx = exchange(VenueId::Okx);
    let next = |okx: &mut Exchange| while okx.advance(2_000) != 0 {};
    let is_crossed = |okx: &Exchange| okx.book(0).bids[0].price >= okx.book(0).asks[0].price;
    okx.spoil(0, Spoil::Crossed);
    next(&mut okx);
    assert!(is_crossed(&okx));
    okx.spoil(0, Spoil::Frozen);
    next(&mut okx);
    assert!(okx.book(0).changed.is_empty());
    okx.spoil(0, Spoil::Sound);
    next(&mut okx);
    assert!(!is_crossed(&okx));
}

#[test]
fn the_five_venues_agree_on_the_market_and_differ_in_their_grids() {
    let mids = VenueId::ALL.map(|venue| {
        let exchange = exchange(venue);
        let book = exchange.book(0);
        (book.bids[0].price.raw() + book.asks[0].price.raw()) / 2
    });
    let close = |a: i64, b: i64| a.abs_diff(b) < (a / 500).unsigned_abs();
    assert!(close(mids[0], mids[2]), "Upbit and Bithumb in won");
    assert!(close(mids[1], mids[3]) && close(mids[3], mids[4]), "the others in tether");
    assert!(close(mids[0], mids[1] * 1_390), "at the rate of the start");
    let usdt = |venue| exchange(venue).instruments().iter().any(|i| i.name.as_str() == "USDT-KRW");
    assert_eq!(VenueId::ALL.map(usdt), [true, false, true, false, false]);
}

/// Net edges of one coin, ppm, at the best prices: bought on Upbit and sold on Binance, and the
/// other way round. Fees as the engine counts them.
fn edges(upbit: &Exchange, binance: &Exchange, coin: usize) -> [i64; 2] {
    let raw = |level: Level| level.price.raw() as i128;
    let best = |exchange: &Exchange, at: usize| {
        let book = exchange.book(at);
        (raw(book.bids[0]), raw(book.asks[0]))
    };
    let fx_at = upbit.instruments().iter().position(|i| i.base.as_str() == "USDT").unwrap();
    let (krw, usdt, fx) = (best(upbit, coin), best(binance, coin), best(upbit, fx_at));
    let one = SCALE as i128;
    let edge = |proceeds: i128, cost: i128| (proceeds * 998_500 / cost - 1_000_000) as i64;
    [edge(usdt.0 * fx.0 / one, krw.1), edge(krw.0, usdt.1 * fx.1 / one)]
}

#[test]
fn an_engine_at_its_defaults_finds_entries_and_exits_within_minutes() {
    let mut both = 0;
    for seed in [2, 5, 6, 7] {
        let bases = ["BTC", "ETH"].map(|code| asset(code).unwrap());
        let plan = listing::plan(listing::instruments(&bases).unwrap(), seed);
        let open = |venue| Exchange::new(&plan, venue, 1_000).unwrap();
        let (mut upbit, mut binance) = (open(VenueId::Upbit), open(VenueId::Binance));
        let (mut entry, mut exit) = (None, None);
        for second in 1..=360u64 {
            let until = MonoNs(second * 1_000_000_000);
            for exchange in [&mut upbit, &mut binance] {
                while exchange.due() <= until {
                    exchange.advance(second * 1_000);
                }
            }
            for coin in 0..2 {
                let now = edges(&upbit, &binance, coin);
                for (way, edge) in now.into_iter().enumerate() {
                    if edge >= 5_500 && entry.is_none() {
                        entry = Some((second, coin, way, edge));
                    }
                }
                if let Some((at, _, way, edge)) = entry.filter(|entry| entry.1 == coin)
                    && second > at
                    && exit.is_none()
                    && edge + now[1 - way] >= 3_500
                {
                    exit = Some(second);
                }
            }
        }
        both += usize::from(exit.is_some());
    }
    assert!(both >= 3, "{both} of 4 markets hold an entry and its exit within six minutes");
}
