//! Every pre-trade check refuses what it is for, and lets the same candidate pass without it
//! (`PRODUCT.md` 5, risk). Each test takes a market in which an entry stands and breaks one thing.

mod support;

use arb::engine::limits::Accounting;
use arb::engine::limits::EnginePlan;
use arb::types::fact::Refusal;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::market::Instrument;
use arb::types::market::Invalid;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Krw;
use arb::types::units::Ppm;
use arb::types::units::Qty;
use arb::types::units::SCALE;

use support::world::*;
use support::*;

/// A premium that pays: 1.5 million won on 86 million.
const PREMIUM: i64 = 1_500_000;

fn sends_with(change: impl FnOnce(&mut EnginePlan)) -> World {
    let mut plan = plan(Accounting::Convergence);
    change(&mut plan);
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    world.market(PREMIUM, at(1, 0));
    world
}

fn assert_refused(mut world: World, refusal: Refusal) {
    assert!(world.take_sent().is_empty(), "{refusal:?}");
    assert!(world.refused(refusal) > 0, "{refusal:?}: {:?}", world.core.counts().refusals);
}

#[test]
fn without_a_broken_limit_the_candidate_enters() {
    assert_eq!(sends_with(|_| {}).take_sent().len(), 2);
}

#[test]
fn an_edge_below_the_minimum_spread_is_no_signal() {
    let world = sends_with(|plan| plan.signal.min_edge = Ppm::new(40_000));
    assert_eq!(world.core.counts().signals, 0);
    assert_refused(world, Refusal::BelowMinSpread);
}

#[test]
fn an_edge_beyond_the_plausibility_collar_is_bad_data() {
    let world = sends_with(|plan| plan.signal.edge_collar = Ppm::new(10_000));
    assert_eq!(world.core.counts().signals, 0);
    assert_refused(world, Refusal::ImplausibleEdge);
}

#[test]
fn a_quote_older_than_allowed_is_stale() {
    let mut world = sends_with(|plan| {
        plan.ages.max_quote_age = DurNs::from_ms(500);
        plan.signal.min_edge = Ppm::new(17_000);
    });
    assert!(world.take_sent().is_empty());
    // The USDT book is 600 ms old when the KRW book makes the premium pay.
    let mut late = at(5, 600_000_000);
    world.show(book(USDT, (62_000, 62_001), BIG, at(5, 0)), at(5, 0));
    world.show(book(FX, (1_387, 1_388), BIG, late), late);
    let stale = world.refused(Refusal::StaleQuote);
    world.show(book(KRW, (87_800_000, 87_801_000), BIG, late), late);
    assert!(world.take_sent().is_empty());
    assert!(world.refused(Refusal::StaleQuote) > stale);
    late = at(6, 0);
    world.show(book(USDT, (62_000, 62_001), BIG, late), late);
    assert_eq!(world.take_sent().len(), 2, "fresh again");
}

#[test]
fn a_quiet_book_of_a_whole_book_venue_stays_fresh_while_its_connection_lives() {
    let mut world = sends_with(|plan| {
        plan.ages.max_quote_age = DurNs::from_ms(500);
        plan.signal.min_edge = Ppm::new(17_000);
    });
    world.take_sent();
    let quiet = at(10, 0);
    world.show(book(KRW, (87_800_000, 87_801_000), BIG, quiet), quiet);
    world.take_sent();
    let stale = |world: &World| world.refused(Refusal::StaleQuote);
    // 30 s later only the FX book of the same venue has moved, 1 s ago: the connection lives.
    let fx = at(39, 0);
    world.show(book(FX, (1_387, 1_388), BIG, fx), fx);
    let before = stale(&world);
    world.show(book(USDT, (62_000, 62_001), BIG, at(40, 0)), at(40, 0));
    assert_eq!(stale(&world), before);
    // After 5 s without any frame of the venue the same book is stale.
    world.show(book(USDT, (62_000, 62_001), BIG, at(45, 0)), at(45, 0));
    assert!(stale(&world) > before);
    // And after 60 s it is stale in any case.
    let before = stale(&world);
    world.show(book(FX, (1_387, 1_388), BIG, at(71, 0)), at(71, 0));
    assert!(stale(&world) > before);
}

#[test]
fn fx_older_than_its_own_limit_stops_trading() {
    let mut world = sends_with(|plan| {
        plan.ages.max_fx_age = DurNs::from_secs(3);
        plan.signal.min_edge = Ppm::new(17_000);
    });
    world.take_sent();
    let late = at(4, 1);
    world.show(book(KRW, (87_800_000, 87_801_000), BIG, late), late);
    assert_refused(world, Refusal::StaleFx);
}

#[test]
fn an_fx_leap_pauses_entries_until_it_has_settled() {
    let mut world = sends_with(|plan| plan.signal.min_edge = Ppm::new(17_000));
    world.take_sent();
    let leap = at(10, 0);
    world.show(book(FX, (1_360, 1_361), BIG, leap), leap);
    assert!(world.take_sent().is_empty());
    assert!(world.refused(Refusal::FxJump) > 0);
    let settled = at(15, 0);
    world.show(book(FX, (1_360, 1_361), BIG, settled), settled);
    assert_eq!(world.take_sent().len(), 2);
}

#[test]
fn a_rate_that_another_venue_contradicts_pauses_entries_while_it_does() {
    let mut plan = plan(Accounting::Convergence);
    let other = InstrumentId(3);
    let fx = plan.instruments[FX.index()].clone();
    plan.instruments.push(Instrument { id: other, venue: VenueId::Bithumb, ..fx });
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    // 1.1 % away, then near again. The rate itself is 1,387.
    world.show(book(other, (1_402, 1_403), BIG, at(0, 1)), at(0, 1));
    world.market(PREMIUM, at(1, 0));
    assert!(world.take_sent().is_empty());
    assert!(world.refused(Refusal::FxGap) > 0);
    world.show(book(other, (1_388, 1_389), BIG, at(3, 0)), at(3, 0));
    world.market(PREMIUM, at(3, 1));
    assert_eq!(world.take_sent().len(), 2);
}

#[test]
fn a_second_rate_that_is_invalid_or_never_came_contradicts_nothing() {
    let mut plan = plan(Accounting::Convergence);
    let other = InstrumentId(3);
    let fx = plan.instruments[FX.index()].clone();
    plan.instruments.push(Instrument { id: other, venue: VenueId::Bithumb, ..fx });
    for invalid in [None, Some(Invalid::Closed)] {
        let mut world = World::of(&plan);
        world.market(0, at(0, 0));
        if invalid.is_some() {
            let mut far = book(other, (1_500, 1_501), BIG, at(0, 1));
            far.invalid = invalid;
            world.show(far, at(0, 1));
        }
        world.market(PREMIUM, at(1, 0));
        assert_eq!(world.take_sent().len(), 2, "{invalid:?}");
    }
}

#[test]
fn an_invalid_book_is_not_traded_on() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    for (second, why) in [(1, Invalid::Gap), (2, Invalid::Crossed), (3, Invalid::Closed)] {
        let now = at(second, 0);
        let mut broken = book(USDT, (62_000, 62_001), BIG, now);
        broken.invalid = Some(why);
        world.show(broken, now);
        let before = world.refused(Refusal::NoBook);
        world.show(book(KRW, (87_500_000, 87_501_000), BIG, now), now);
        assert!(world.take_sent().is_empty(), "{why:?}");
        assert!(world.refused(Refusal::NoBook) > before, "{why:?}");
    }
}

#[test]
fn a_ladder_too_thin_for_the_smallest_lot_is_no_depth() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    let now = at(1, 0);
    world.show(book(KRW, (87_500_000, 87_501_000), 300, now), now);
    assert_refused(world, Refusal::Depth);
}

#[test]
fn too_little_visible_liquidity_is_refused() {
    let world = sends_with(|plan| plan.signal.min_liquidity = krw(1_000_000_000));
    assert_refused(world, Refusal::Depth);
}

#[test]
fn an_order_below_a_venue_minimum_or_our_own_is_not_made() {
    let small = |plan: &mut EnginePlan| plan.signal.position_size = krw(6_000);
    assert_refused(sends_with(small), Refusal::MinNotional);
    let world = sends_with(|plan| plan.signal.min_trade = krw(200_000));
    assert_refused(world, Refusal::MinNotional);
}

#[test]
fn a_second_entry_on_the_same_route_waits_for_the_first_and_for_the_interval() {
    let mut world = sends_with(|_| {});
    let entry = world.take_sent();
    world.market(PREMIUM, at(3, 0));
    assert!(world.take_sent().is_empty(), "the first is still working");
    assert!(world.refused(Refusal::Busy) > 0);
    entry.into_iter().for_each(|request| world.fill_whole(request, at(3, 1)));
    world.market(PREMIUM, at(4, 0));
    assert_eq!(world.take_sent().len(), 2);
}

#[test]
fn an_empty_purse_cannot_buy_and_empty_pockets_cannot_sell() {
    for code in ["USDT", "BTC"] {
        let code = asset(code).expect("a code");
        let world = sends_with(|plan| {
            plan.balances.iter_mut().filter(|b| b.asset == code).for_each(|b| b.raw = 0);
        });
        assert_refused(world, Refusal::Balance);
    }
}

#[test]
fn a_small_balance_makes_a_smaller_pair() {
    let mut world = sends_with(|plan| {
        plan.balances.iter_mut().filter(|b| b.asset.as_str() == "USDT").for_each(|b| {
            b.raw = 40 * SCALE;
        });
    });
    let sent = world.take_sent();
    assert_eq!(sent.len(), 2);
    let whole = sends_with(|_| {}).take_sent()[0].qty;
    assert!(sent[0].qty < whole && sent[0].qty == sent[1].qty);
    assert_eq!(sent[0].qty.floor_to(qty(1_000)), sent[0].qty, "on the coarser lot");
}

#[test]
fn exposure_headroom_cuts_the_size_and_no_headroom_refuses() {
    let mut cut = sends_with(|plan| plan.risk.max_exposure = krw(50_000));
    let sent = cut.take_sent();
    assert!(sent[0].qty < sends_with(|_| {}).take_sent()[0].qty);
    let none = sends_with(|plan| plan.risk.max_exposure = Krw::ZERO);
    assert_refused(none, Refusal::Exposure);
}

#[test]
fn an_order_never_exceeds_the_order_ceiling() {
    let mut world = sends_with(|plan| plan.risk.max_order_value = krw(50_000));
    let sent = world.take_sent();
    assert_eq!(sent.len(), 2);
    let value = sent[1]
        .limit
        .times::<arb::types::units::KrwUnit>(sent[1].qty, arb::types::units::Round::Up);
    assert!(value.expect("in range") <= krw(50_000));
    let none = sends_with(|plan| plan.risk.max_order_value = Krw::ZERO);
    assert_refused(none, Refusal::OrderSize);
}

#[test]
fn as_many_pairs_as_allowed_and_no_more() {
    let mut world = sends_with(|plan| plan.risk.max_open_positions = 1);
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 1)));
    world.market(PREMIUM, at(9, 0));
    assert_refused(world, Refusal::OpenPositions);
}

#[test]
fn a_limit_price_beyond_the_collar_is_refused() {
    let world = sends_with(|plan| plan.risk.price_collar = Ppm::new(100));
    assert_refused(world, Refusal::PriceCollar);
}

#[test]
fn the_order_rate_is_bounded_by_the_second_and_by_the_minute() {
    let second = sends_with(|plan| plan.risk.orders_per_second = 1);
    assert_refused(second, Refusal::OrderRate);
    let mut minute = sends_with(|plan| plan.risk.orders_per_minute = 2);
    let entry = minute.take_sent();
    entry.into_iter().for_each(|request| minute.fill_whole(request, at(1, 1)));
    minute.market(PREMIUM, at(30, 0));
    assert!(minute.take_sent().is_empty());
    assert!(minute.refused(Refusal::OrderRate) > 0);
    minute.market(PREMIUM, at(62, 0));
    assert_eq!(minute.take_sent().len(), 2, "a minute later");
}

#[test]
fn open_orders_are_bounded() {
    let world = sends_with(|plan| plan.risk.max_open_orders = 1);
    assert_refused(world, Refusal::OpenOrders);
}

#[test]
fn the_notional_of_a_day_is_bounded_and_starts_anew_at_korean_midnight() {
    let mut world = sends_with(|plan| plan.risk.max_day_notional = krw(300_000));
    world.core.on_cycle(at(1, 1));
    let entry = world.take_sent();
    assert_eq!(entry.len(), 2);
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 2)));
    world.market(PREMIUM, at(9, 0));
    assert!(world.take_sent().is_empty());
    assert!(world.refused(Refusal::DayNotional) > 0);
    let (day, now) = (86_400 * 1_000_000_000, at(10, 0));
    let tomorrow =
        Now { mono: MonoNs(now.mono.0 + day), wall: arb::types::time::WallNs(now.wall.0 + day) };
    world.core.on_cycle(tomorrow);
    world.market(PREMIUM, tomorrow);
    assert!(!world.take_sent().is_empty());
}

#[test]
fn the_day_loss_limit_stops_entries() {
    let mut world = sends_with(|plan| {
        plan.risk.max_daily_loss = krw(500);
        plan.exit.stop = arb::engine::limits::StopMode::Off;
    });
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 1)));
    // The premium doubles: the open pair's mark falls below the limit.
    world.market(PREMIUM + 500_000, at(9, 0));
    assert_refused(world, Refusal::DailyLoss);
}

#[test]
fn capture_inventory_leans_no_further_than_allowed() {
    let mut plan = plan(Accounting::Capture);
    plan.risk.max_skew = krw(150_000);
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    for second in [1, 3, 5, 7] {
        world.market(PREMIUM, at(second, 0));
        let entry = world.take_sent();
        entry.into_iter().for_each(|request| world.fill_whole(request, at(second, 1)));
    }
    assert!(world.refused(Refusal::InventorySkew) > 0);
    let moved: i64 = world
        .core
        .portfolio()
        .holdings()
        .iter()
        .map(|h| h.start_raw - h.raw)
        .max()
        .expect("holdings");
    assert!(moved > 0);
    let sold = |h: &&arb::engine::portfolio::Holding| {
        h.venue == arb::types::ids::VenueId::Upbit && h.asset.as_str() == "BTC"
    };
    let upbit = world.core.portfolio().holdings().iter().find(sold).expect("BTC on Upbit");
    let lean = Qty::from_raw(upbit.start_raw - upbit.raw).expect("sold");
    let value: Krw =
        price(87_500_000 * SCALE).times(lean, arb::types::units::Round::Down).expect("in range");
    assert!(value <= krw(150_000), "{value}");
}

#[test]
fn an_order_that_cannot_be_handed_over_ends_with_nothing_and_frees_its_reservation() {
    let mut world = sends_with(|_| {});
    let reserved = |world: &World| {
        world.core.portfolio().holdings().iter().map(|h| h.reserved_raw).sum::<i64>()
    };
    assert!(reserved(&world) > 0);
    for request in world.take_sent() {
        world.core.on_unsent(&request, at(1, 1));
        world.collect();
    }
    assert!(world.refused(Refusal::LinkFull) == 2);
    assert_eq!(reserved(&world), 0);
    assert_eq!(world.core.counts().missed, 1);
    assert!(world.core.pairs().is_empty());
}
