//! Rebalancing and what it must not miss: the overshoot of a reduction, the report of a lean
//! between venues, limits on the tick grid (`PRODUCT.md` 5, rebalancing, size).
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use arb::engine::limits::Accounting;
use arb::engine::pair::Stage;
use arb::types::fact::FactKind;
use arb::types::market::TickTable;
use arb::types::units::Ppm;
use arb::types::units::SCALE;

use support::world::*;
use support::*;

/// Pairs of about 100,000 won each, all open.
fn open_pairs(world: &mut World, count: u64) {
    world.market(0, at(0, 0));
    for second in 1..=count {
        world.market(1_500_000, at(second * 2, 0));
        let entry = world.take_sent();
        entry.into_iter().for_each(|request| world.fill_whole(request, at(second * 2, 9)));
    }
    assert_eq!(world.core.pairs().len() as u64, count);
}

fn closing_after_a_cycle(overshoot: Ppm) -> usize {
    let mut plan = plan(Accounting::Convergence);
    plan.rebalance.max_exposure = krw(320_000);
    plan.rebalance.overshoot = overshoot;
    let mut world = World::of(&plan);
    open_pairs(&mut world, 4);
    world.core.on_cycle(at(30, 0));
    world.market(1_500_000, at(31, 0));
    let closing = |stage: &Stage| matches!(stage, Stage::Closing { .. });
    world.core.pairs().iter().filter(|pair| closing(&pair.stage)).count()
}

#[test]
fn a_reduction_closes_more_than_the_excess_by_the_configured_part() {
    // The excess is 80,000 won or so: one pair covers it, and not twice of it.
    assert_eq!(closing_after_a_cycle(Ppm::ZERO), 1);
    assert_eq!(closing_after_a_cycle(Ppm::new(1_000_000)), 2);
}

fn reports_a_lean(max_imbalance: Ppm) -> bool {
    let mut plan = plan(Accounting::Convergence);
    plan.rebalance.max_imbalance = max_imbalance;
    plan.balances.retain(|balance| balance.asset.as_str() != "USDT");
    let mut world = World::of(&plan);
    world.market(0, at(0, 0));
    world.core.on_cycle(at(1, 0));
    world.collect();
    world.facts.iter().any(|fact| matches!(fact.kind, FactKind::Imbalance { .. }))
}

#[test]
fn a_lean_between_the_venues_is_reported_beyond_its_bound_only() {
    // 96 million won on one side, 86 million on the other: about 5.5 % of the sum.
    assert!(reports_a_lean(Ppm::new(50_000)));
    assert!(!reports_a_lean(Ppm::new(60_000)));
}

#[test]
fn limits_lie_on_the_tick_grid_of_their_venue() {
    let mut plan = plan(Accounting::Convergence);
    let coarse = 7 * SCALE;
    plan.instruments[0].ticks = TickTable::fixed(coarse).expect("a tick");
    let mut world = World::of(&plan);
    // A price on that grid; 99.8 % of it (the tolerance of the plan) is not on it.
    let won = 12_500_003 * 7;
    world.market(0, at(0, 0));
    world.market(won - 86_000_000, at(1, 0));
    let sell = world.take_sent().into_iter().find(|request| request.instrument == KRW);
    let limit = sell.expect("a sale").limit.raw();
    assert_eq!(limit % coarse, 0, "{limit}");
    assert!(limit < won * SCALE, "the tolerance is there");
}
