//! The pair machine under any order of evidence: it converges, and money and coins are conserved
//! after each event (`PRODUCT.md` 5; `FAULTS.md` F37–F40).
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use arb::engine::limits::Accounting;
use arb::engine::limits::StopMode;
use arb::engine::pair::Stage;
use arb::types::control::Permission;
use arb::types::fact::PairChange;
use arb::types::fact::Refusal;
use arb::types::ids::TradeId;
use arb::types::market::Invalid;
use arb::types::market::Side;
use arb::types::order::Ending;
use arb::types::order::Fee;
use arb::types::order::Fill;
use arb::types::order::OrderEvent;
use arb::types::order::OrderEventKind;
use arb::types::order::Purpose;
use arb::types::order::RejectReason;
use arb::types::rng::SplitMix64;
use arb::types::units::Krw;
use arb::types::units::Ppm;
use arb::types::units::Qty;
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
fn a_leg_that_is_refused_is_repaired_on_the_better_venue() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    world.reject(entry[1], at(1, 6));
    let hedge = world.take_sent();
    assert_eq!(hedge.len(), 1);
    assert_eq!(hedge[0].purpose, Purpose::Hedge);
    assert_eq!((hedge[0].instrument, hedge[0].side), (KRW, Side::Sell), "1.5 million better");
    world.fill_whole(hedge[0], at(1, 7));
    assert_eq!(world.core.pairs()[0].stage, Stage::Open);
    assert_eq!(world.core.counts().unhedged, 1);
    assert!(world.is_conserved());
}

#[test]
fn after_two_failed_repairs_the_residual_is_recorded_and_entries_stop() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    world.reject(entry[1], at(1, 6));
    for attempt in 0..2 {
        let hedge = world.take_sent();
        assert_eq!(hedge.len(), 1, "attempt {attempt}");
        world.reject(hedge[0], at(1, 7 + attempt));
    }
    assert!(world.take_sent().is_empty(), "no third attempt");
    assert!(world.changes().iter().any(|c| matches!(c, PairChange::Residual { .. })));
    assert!(world.core.residuals().total() > krw(5_000));
    world.market(1_500_000, at(20, 0));
    assert!(world.take_sent().is_empty(), "entries are stopped");
    assert!(world.refused(Refusal::Residual) > 0);
    assert!(world.core.is_exposed());
    assert!(world.is_conserved());
}

#[test]
fn a_repair_beyond_the_loss_budget_is_not_made() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    // Both venues fall by 3 % before the second leg's refusal is known.
    world.show(book(USDT, (60_000, 60_001), BIG, at(1, 6)), at(1, 6));
    world.show(book(KRW, (84_000_000, 84_001_000), BIG, at(1, 6)), at(1, 6));
    world.reject(entry[1], at(1, 7));
    assert!(world.take_sent().is_empty());
    assert!(world.changes().iter().any(|c| matches!(c, PairChange::Residual { .. })));
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
fn a_naked_leg_whose_venue_is_gone_goes_to_the_ledger_after_a_while_and_counts_in_the_day() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    let mut closed = book(KRW, (87_500_000, 87_501_000), BIG, at(1, 6));
    closed.invalid = Some(Invalid::Closed);
    world.show(closed, at(1, 6));
    // The coin falls by a fifth where it was bought; undoing it there is beyond the budget.
    world.show(book(USDT, (49_600, 49_601), BIG, at(1, 7)), at(1, 7));
    world.reject(entry[1], at(1, 8));
    assert!(world.take_sent().is_empty(), "it waits for the other venue first");
    world.core.on_cycle(at(12, 0));
    world.collect();
    assert!(world.changes().iter().any(|c| matches!(c, PairChange::Residual { .. })));
    assert!(world.core.pairs().is_empty() && world.core.is_exposed());
    // The KRW venue comes back a fifth lower: the loss counts, and the price stop sells.
    let now = at(20, 0);
    world.show(book(KRW, (68_800_000, 68_801_000), BIG, now), now);
    assert!(world.core.unrealized() < krw(-15_000), "{}", world.core.unrealized());
    world.core.on_cycle(at(30, 0));
    world.collect();
    let sweep = world.take_sent();
    assert_eq!(sweep.len(), 1);
    assert_eq!((sweep[0].side, sweep[0].purpose), (Side::Sell, Purpose::Hedge));
    world.fill_whole(sweep[0], at(30, 1));
    assert!(world.core.portfolio().realized < krw(-15_000));
    assert!(world.is_conserved());
}

#[test]
fn a_repair_that_never_left_is_no_attempt_and_waits_before_the_next() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    world.reject(entry[1], at(1, 6));
    for second in [2, 4, 6, 8] {
        let hedge = world.take_sent();
        assert_eq!(hedge.len(), 1, "second {second}");
        let kind = OrderEventKind::Done {
            ending: Ending::Rejected(RejectReason::Gate),
            filled: Qty::ZERO,
        };
        world.event(OrderEvent { id: hedge[0].id, kind }, at(second, 0));
        assert!(world.take_sent().is_empty(), "not at once");
        world.market(1_500_000, at(second + 1, 500_000_000));
    }
    let hedge = world.take_sent();
    world.fill_whole(hedge[0], at(9, 0));
    assert_eq!(world.core.pairs()[0].stage, Stage::Open);
}

#[test]
fn a_repair_does_not_wait_behind_the_order_rate() {
    let mut plan = plan(Accounting::Convergence);
    plan.risk.orders_per_minute = 2;
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    world.reject(entry[1], at(1, 6));
    assert_eq!(world.take_sent().len(), 1);
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
fn coins_kept_as_a_fee_are_a_residual_that_is_bought_back_once_an_order_is_large_enough() {
    let mut plan = plan(Accounting::Convergence);
    plan.risk.max_residual = krw(1_000_000);
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    let bought = entry[0];
    let fee = qty(bought.qty.raw() / 10);
    let fill =
        Fill { trade: TradeId(900), price: bought.limit, qty: bought.qty, fee: Fee::Base(fee) };
    world.event(OrderEvent { id: bought.id, kind: OrderEventKind::Fill(fill) }, at(1, 9));
    world.event(World::done(&bought, bought.qty), at(1, 9));
    world.fill_whole(entry[1], at(1, 9));
    assert_eq!(world.core.residuals().rows()[0].qty, SignedQty::from_raw(-fee.raw()));
    world.core.on_cycle(at(2, 0));
    world.collect();
    let sweep = world.take_sent();
    assert_eq!((sweep[0].side, sweep[0].purpose), (Side::Buy, Purpose::Hedge));
    assert!(fee.raw() - sweep[0].qty.raw() < 1_000, "all of it but for the venue's lot");
    assert!(world.is_conserved());
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
