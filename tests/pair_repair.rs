//! Repairs: a pair whose legs differ is hedged, within attempts and budget, or recorded, and never
//! left naked without a word (`PRODUCT.md` 5, pair; `FAULTS.md` F40).

mod support;

use arb::engine::limits::Accounting;
use arb::engine::pair::Stage;
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
use arb::types::units::Qty;
use arb::types::units::SignedQty;

use support::world::*;
use support::*;

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
