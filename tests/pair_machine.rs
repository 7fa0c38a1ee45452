//! The pair machine under any order of evidence: it converges, and money and coins are conserved
//! after each event (`PRODUCT.md` 5; `FAULTS.md` F37–F40).
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use arb::engine::limits::Accounting;
use arb::engine::limits::StopMode;
use arb::engine::pair::Stage;
use arb::types::control::Permission;
use arb::types::fact::Refusal;
use arb::types::market::Side;
use arb::types::order::OrderEvent;
use arb::types::order::Purpose;
use arb::types::rng::SplitMix64;
use arb::types::units::Krw;
use arb::types::units::Ppm;
use arb::types::units::SignedQty;
use proptest::prelude::*;

use support::world::*;
use support::*;

#[test]
fn a_premium_opens_a_pair_and_its_end_closes_it_at_a_profit() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    assert_eq!(entry.len(), 2, "both legs leave together");
    assert_eq!((entry[0].instrument, entry[0].side), (USDT, Side::Buy));
    assert_eq!((entry[1].instrument, entry[1].side), (KRW, Side::Sell));
    assert_eq!(entry[0].qty, entry[1].qty);
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    assert_eq!(world.core.pairs()[0].stage, Stage::Open);
    world.market(0, at(9, 0));
    let exit = world.take_sent();
    assert!(exit.iter().all(|request| request.purpose == Purpose::Exit));
    exit.into_iter().for_each(|request| world.fill_whole(request, at(9, 9)));
    assert_eq!(world.core.counts().closed, 1);
    assert!(world.core.portfolio().realized > Krw::ZERO);
    assert!(world.is_conserved());
}

#[test]
fn capture_closes_with_the_entry_and_works_its_skew_off_at_a_lower_edge() {
    let mut world = World::with_market(Accounting::Capture, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    assert_eq!((world.core.counts().opened, world.core.counts().closed), (1, 1));
    // An opposite edge of 0.25 % lies below min_spread but works the lean off.
    world.market(-350_000, at(9, 0));
    let back = world.take_sent();
    assert_eq!(back.len(), 2);
    assert_eq!((back[0].instrument, back[0].side), (KRW, Side::Buy));
    assert!(world.is_conserved());
}

#[test]
fn without_permission_nothing_is_entered_and_an_open_pair_stays() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.core.set_permission(Permission::Finish);
    world.market(1_500_000, at(1, 0));
    assert!(world.take_sent().is_empty());
    assert!(world.refused(Refusal::Permission) > 0);
    world.core.set_permission(Permission::Trade);
    world.market(1_500_000, at(2, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(2, 9)));
    world.core.set_permission(Permission::Query);
    world.market(0, at(9, 0));
    assert!(world.take_sent().is_empty(), "an exit needs permission too");
    world.core.set_permission(Permission::Finish);
    world.market(0, at(19, 0));
    assert_eq!(world.take_sent().len(), 2);
}

#[test]
fn a_stop_loss_closes_a_pair_whose_premium_widens() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    world.core.set_permission(Permission::Finish);
    world.market(3_500_000, at(9, 0));
    assert_eq!(world.take_sent().len(), 2);
    assert_eq!(world.core.counts().stop_losses, 1);
}

#[test]
fn the_dynamic_stop_follows_the_deviation_of_the_pairs_own_result() {
    let mut plan = plan(Accounting::Convergence);
    plan.exit.stop = StopMode::Dynamic { window: 4, multiple_milli: 2_000 };
    plan.exit.take_profit = Ppm::new(1_000_000);
    // The static distance guards until the window is full; out of the way here.
    plan.exit.residual_stop = Ppm::new(1_000_000);
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    world.core.set_permission(Permission::Finish);
    // Its result lies below zero and swings widely: below minus twice that swing is out of reach.
    for (second, premium) in [(3, 0), (5, 2_500_000), (7, 0), (9, 2_500_000), (11, 2_500_000)] {
        world.market(premium, at(second, 0));
        assert!(world.take_sent().is_empty(), "second {second}");
    }
    // Then it stands still at a loss: no swing is left, and the stop closes in.
    for second in [13, 15, 17, 19] {
        world.market(2_500_000, at(second, 0));
    }
    assert_eq!(world.take_sent().len(), 2);
    assert_eq!(world.core.counts().stop_losses, 1);
}

#[test]
fn until_its_window_is_full_the_dynamic_stop_is_the_static_one() {
    let mut plan = plan(Accounting::Convergence);
    plan.exit.stop = StopMode::Dynamic { window: 200, multiple_milli: 2_000 };
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    world.core.set_permission(Permission::Finish);
    world.market(3_500_000, at(9, 0));
    assert_eq!(world.take_sent().len(), 2);
}

#[test]
fn a_pair_that_stands_still_at_its_costs_is_not_stopped_by_a_deviation_of_zero() {
    let mut plan = plan(Accounting::Convergence);
    plan.exit.stop = StopMode::Dynamic { window: 4, multiple_milli: 2_000 };
    plan.signal.slippage = Ppm::ZERO;
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    for request in entry {
        let fill = world.plain_fill(&request);
        world.event(fill, at(1, 9));
        world.event(World::done(&request, request.qty), at(1, 9));
    }
    world.core.set_permission(Permission::Finish);
    for second in 3..20 {
        world.market(1_500_000, at(second, 0));
        assert!(world.take_sent().is_empty(), "second {second}");
    }
}

#[test]
fn convergence_never_enters_below_its_minimum_spread() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    // Capture would work this lean off at 0.1 %.
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    world.market(-350_000, at(3, 0));
    assert!(world.take_sent().iter().all(|request| request.purpose != Purpose::Entry));
}

#[test]
fn capture_works_off_no_more_than_its_lean() {
    let mut world = World::with_market(Accounting::Capture, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    let part = qty(entry[0].qty.raw() / 3 / 1_000 * 1_000);
    for request in entry {
        let fill = world.fill_of(&request, part);
        world.event(fill, at(1, 9));
        world.event(World::done(&request, part), at(1, 9));
    }
    world.market(-350_000, at(9, 0));
    let back = world.take_sent();
    assert_eq!(back.len(), 2);
    assert!(back[0].qty <= part, "{} of {part}", back[0].qty);
}

#[test]
fn a_pair_is_closed_when_it_has_been_held_long_enough() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    world.core.set_permission(Permission::Finish);
    world.market(1_500_000, at(3_600, 0));
    assert!(world.take_sent().is_empty(), "a second early");
    world.market(1_500_000, at(3_601, 0));
    assert_eq!(world.take_sent().len(), 2);
}

#[test]
fn an_order_without_an_end_is_unknown_and_stops_entries_until_evidence_comes() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    assert_eq!(world.core.due(), Some(at(3, 500_000_000).mono));
    world.core.on_timer(at(3, 500_000_000));
    assert_eq!(world.core.counts().timeouts, 1);
    assert_eq!(world.core.orders().unknown(), 1);
    world.market(1_500_000, at(10, 0));
    assert!(world.take_sent().is_empty(), "never resent, nothing new entered");
    world.fill_whole(entry[1], at(60, 0));
    assert_eq!(world.core.pairs()[0].stage, Stage::Open);
    assert!(world.is_conserved());
}

#[test]
fn exposure_above_the_ceiling_closes_the_pair_that_suffices() {
    let mut plan = plan(Accounting::Convergence);
    plan.rebalance.max_exposure = krw(150_000);
    let mut world = World::of(&plan);
    for second in [0, 1, 5] {
        world.market(1_500_000, at(second, 0));
        let entry = world.take_sent();
        entry.into_iter().for_each(|request| world.fill_whole(request, at(second, 9)));
    }
    let open = world.core.pairs().len();
    assert!(open >= 2);
    world.core.on_cycle(at(30, 0));
    world.market(1_500_000, at(31, 0));
    let closing = world.core.pairs().iter().filter(|p| matches!(p.stage, Stage::Closing { .. }));
    assert_eq!(closing.count(), open - 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_converges_and_conserves_money_and_coins(
        seed in any::<u64>(),
        is_capture in any::<bool>(),
    ) {
        let accounting = if is_capture { Accounting::Capture } else { Accounting::Convergence };
        let mut rng = SplitMix64::new(seed, 0);
        let mut world = World::with_market(accounting, at(0, 0));
        let mut waiting: Vec<OrderEvent> = Vec::new();
        for step in 1..120u64 {
            let premium = rng.below(4_000_000) as i64 - 1_500_000;
            world.market(premium, at(step * 5, 0));
            if step % 7 == 0 {
                world.core.on_cycle(at(step * 5, 1));
                world.collect();
            }
            for request in world.take_sent() {
                let events = answers(&mut world, &request, &mut rng);
                waiting.extend(events);
            }
            shuffle(&mut waiting, &mut rng);
            let now = rng.below(waiting.len() as u64 + 1) as usize;
            for event in waiting.drain(..now).collect::<Vec<_>>() {
                world.event(event, at(step * 5, 2));
                prop_assert!(world.is_conserved(), "after {event:?}");
            }
        }
        // No new pairs; everything that is still under way arrives.
        world.core.set_permission(Permission::Finish);
        for step in 600..640u64 {
            for event in std::mem::take(&mut waiting) {
                world.event(event, at(step, 0));
                prop_assert!(world.is_conserved(), "after {event:?}");
            }
            world.market(0, at(step, 1));
            for request in world.take_sent() {
                let events = answers(&mut world, &request, &mut rng);
                waiting.extend(events);
            }
        }
        for event in waiting {
            world.event(event, at(700, 0));
        }
        prop_assert_eq!(world.core.counts().contradictions, 0);
        prop_assert!(world.is_conserved());
        let out = world.take_sent();
        prop_assert_eq!(world.core.orders().open(), out.len());
        for pair in world.core.pairs() {
            if pair.orders.is_empty() && pair.stage == Stage::Open {
                prop_assert_eq!(pair.excess(), SignedQty::ZERO);
            }
            prop_assert!(pair.stage != Stage::Working, "{:?}", pair);
        }
    }
}
