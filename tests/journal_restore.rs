//! A restart is the run that went before it: at every record boundary, at any byte, from any start
//! (`FAULTS.md` F64, F72).
#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use arb::engine::apply::Misfit;
use arb::engine::core::Core;
use arb::engine::limits::Accounting;
use arb::engine::limits::EnginePlan;
use arb::engine::pair::Pair;
use arb::engine::pair::Stage;
use arb::engine::restore::Restored;
use arb::engine::restore::Restoring;
use arb::journal::record::Record;
use arb::journal::record::RecordKind;
use arb::types::carry::Carry;
use arb::types::control::Permission;
use arb::types::fact::Fact;
use arb::types::fact::FactKind;
use arb::types::fact::PairChange;
use arb::types::fact::Refusal;
use arb::types::ids::OrderId;
use arb::types::order::OrderEvent;
use arb::types::order::OrderEventKind;
use arb::types::order::Purpose;
use arb::types::rng::SplitMix64;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Krw;
use arb::verdict::audit::Audit;
use arb::verdict::audit::Claim;
use arb::verdict::audit::Row;
use proptest::prelude::*;

use support::restart::*;
use support::world::*;
use support::*;

/// The live state after one call of the engine.
struct Mark {
    facts: usize,
    now: Now,
    carry: Carry,
    /// What the venue has still to say.
    waiting: Vec<OrderEvent>,
    next_trade: u64,
}

/// A random run, with the live state after each call.
struct Lived {
    plan: EnginePlan,
    facts: Vec<Fact>,
    marks: Vec<Mark>,
}

fn live(seed: u64, accounting: Accounting, steps: u64) -> Lived {
    let mut rng = SplitMix64::new(seed, 0);
    // Some runs cross a Korean midnight, some never wait long.
    let pace = [5, 1_100][rng.below(2) as usize];
    let mut world = World::with_market(accounting, at(0, 0));
    let (mut waiting, mut marks) = (Vec::new(), Vec::new());
    mark(&mut marks, &world, (&waiting, at(0, 0)));
    for step in 1..steps {
        let premium = rng.below(4_000_000) as i64 - 1_500_000;
        world.market(premium, at(step * pace, 0));
        if step % 7 == 0 {
            world.core.on_cycle(at(step * pace, 1));
            world.collect();
        }
        for request in world.take_sent() {
            let events = answers(&mut world, &request, &mut rng);
            waiting.extend(events);
        }
        mark(&mut marks, &world, (&waiting, at(step * pace, 1)));
        shuffle(&mut waiting, &mut rng);
        for _ in 0..rng.below(waiting.len() as u64 + 1) {
            let event = waiting.remove(0);
            world.event(event, at(step * pace, 2));
            let sent = world.take_sent();
            for request in sent {
                let events = answers(&mut world, &request, &mut rng);
                waiting.extend(events);
            }
            mark(&mut marks, &world, (&waiting, at(step * pace, 2)));
        }
    }
    Lived { plan: plan(accounting), facts: world.facts, marks }
}

fn mark(marks: &mut Vec<Mark>, world: &World, at: (&[OrderEvent], Now)) {
    let (waiting, now) = at;
    marks.push(Mark {
        facts: world.facts.len(),
        now,
        carry: world.core.carry(now),
        waiting: waiting.to_vec(),
        next_trade: world.next_trade,
    });
}

fn restore(plan: &EnginePlan, facts: &[Fact], now: Now) -> Result<Restored, Misfit> {
    let mut restoring = Restoring::new(plan, now);
    facts.iter().try_for_each(|fact| restoring.apply(fact))?;
    Ok(restoring.finish())
}

/// The live state as of `now`: a day that has ended since the last fact counts no more.
fn rolled(carry: &Carry, now: Now) -> Carry {
    let (mut carry, today) = (carry.clone(), now.wall.kst_day());
    if carry.totals.day.is_some_and(|day| day < today) {
        carry.totals.realized_today = Krw::ZERO;
        carry.totals.day_notional = Krw::ZERO;
    }
    carry.totals.day = Some(today);
    without_fx(carry)
}

/// Live sees FX at every book, a record at every order.
fn without_fx(carry: Carry) -> Carry {
    Carry { fx: None, ..carry }
}

fn rows(plan: &EnginePlan) -> Vec<Row> {
    plan.balances.iter().map(|b| (b.venue, b.asset, b.raw)).collect()
}

fn is_conserved(core: &Core, audit: &Audit) -> bool {
    let portfolio = core.portfolio();
    let held: Vec<Row> = portfolio.holdings().iter().map(|h| (h.venue, h.asset, h.raw)).collect();
    audit.agrees_with(&Claim {
        balances: &held,
        realized_raw: portfolio.realized.raw(),
        fees_raw: portfolio.fees.raw(),
        fills: portfolio.fills,
    })
}

fn accounting(is_capture: bool) -> Accounting {
    if is_capture { Accounting::Capture } else { Accounting::Convergence }
}

/// Lets a restored engine go on in a world of its own.
fn go_on(lived: &Lived, facts: &[Fact], core: Core) -> World {
    let mut audit = Audit::new(&lived.plan.instruments, &rows(&lived.plan));
    facts.iter().for_each(|fact| audit.on_fact(fact));
    let (facts, sent) = (facts.to_vec(), Vec::new());
    World { core, audit, facts, sent, next_trade: 1_000_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_restored_engine_equals_the_live_one_after_every_call(
        seed in any::<u64>(),
        is_capture in any::<bool>(),
    ) {
        let lived = live(seed, accounting(is_capture), 60);
        let mut start = &lived.marks[0];
        for mark in &lived.marks {
            let expected = rolled(&mark.carry, mark.now);
            let facts = &lived.facts[..mark.facts];
            let restored = restore(&lived.plan, facts, mark.now).expect("fits");
            prop_assert_eq!(without_fx(restored.core.carry(mark.now)), expected.clone());
            prop_assert!(restored.core.orders().unknown() == restored.core.orders().open());
            // From what a start record carried, and the facts since, it is the same.
            let mut restoring = Restoring::new(&lived.plan, mark.now);
            restoring.begin(&start.carry).expect("fits");
            for fact in &lived.facts[start.facts..mark.facts] {
                restoring.apply(fact).expect("fits");
            }
            prop_assert_eq!(without_fx(restoring.finish().core.carry(mark.now)), expected);
            if mark.facts > start.facts + 40 {
                start = mark;
            }
        }
    }

    #[test]
    fn at_every_record_boundary_the_account_is_the_sum_of_its_fills_and_trading_can_go_on(
        seed in any::<u64>(),
        is_capture in any::<bool>(),
    ) {
        let lived = live(seed, accounting(is_capture), 24);
        let mut audit = Audit::new(&lived.plan.instruments, &rows(&lived.plan));
        for cut in 0..=lived.facts.len() {
            let facts = &lived.facts[..cut];
            facts.last().into_iter().for_each(|fact| audit.on_fact(fact));
            let now = at(100_000, 0);
            let restored = restore(&lived.plan, facts, now).expect("fits");
            prop_assert!(is_conserved(&restored.core, &audit), "cut at {cut}");
            // The simulated venue died with the process: its orders end with what is on record.
            let mut world = go_on(&lived, facts, *restored.core);
            let doubtful = world.core.end_unknown_orders(now);
            world.core.resume(now);
            world.collect();
            world.core.set_permission(Permission::Finish);
            for second in 1..12 {
                world.market(0, at(100_000 + second * 10, 0));
                for request in world.take_sent() {
                    world.fill_whole(request, at(100_000 + second * 10, 1));
                }
            }
            prop_assert!(world.is_conserved(), "cut at {cut}");
            prop_assert_eq!(world.core.counts().contradictions, 0);
            prop_assert_eq!(world.core.orders().open(), doubtful);
            let stuck = world.core.pairs().iter().filter(|pair| pair.orders.is_empty());
            prop_assert!(stuck.filter(|pair| pair.stage != Stage::Open).count() == 0);
        }
    }

    #[test]
    fn evidence_that_comes_after_the_restart_converges_as_it_would_have(
        seed in any::<u64>(),
        is_capture in any::<bool>(),
    ) {
        let lived = live(seed, accounting(is_capture), 60);
        for mark in lived.marks.iter().step_by(7) {
            let facts = &lived.facts[..mark.facts];
            let restored = restore(&lived.plan, facts, mark.now).expect("fits");
            let mut world = go_on(&lived, facts, *restored.core);
            world.next_trade = mark.next_trade + 1_000_000;
            for event in &mark.waiting {
                world.event(*event, at(100_000, 0));
                prop_assert!(world.is_conserved(), "after {event:?}");
            }
            prop_assert_eq!(world.core.counts().contradictions, 0);
            prop_assert_eq!(world.core.orders().open(), 0);
            let working = |pair: &&Pair| pair.stage == Stage::Working;
            prop_assert_eq!(world.core.pairs().iter().filter(working).count(), 0);
        }
    }
}

#[test]
fn a_journal_cut_at_any_byte_restores_the_state_of_its_last_whole_record() {
    let lived = live(7, Accounting::Convergence, 80);
    let dir = scratch("any_byte");
    let core = Core::new(&lived.plan);
    let empty = restart(&dir, &lived.plan, at(0, 0)).expect("an empty folder");
    let how = (&lived.plan, LIMITS);
    let mut writer = begin(&dir, how, (&empty.found, &core), at(0, 0)).expect("begins");
    for fact in &lived.facts {
        writer.push(&Record { at: fact.at, kind: RecordKind::Fact(fact.kind) }).expect("fits");
    }
    writer.sync().expect("is synced");
    let file = newest(&dir);
    let whole = std::fs::read(&file).expect("a file");
    let mut rng = SplitMix64::new(3, 3);
    let now = at(10_000, 0);
    for _ in 0..120 {
        let length = rng.below(whole.len() as u64 + 1) as usize;
        std::fs::write(&file, &whole[..length]).expect("a shorter file");
        let restart = restart(&dir, &lived.plan, now).expect("a torn tail is no damage");
        let facts = restart.facts();
        assert_eq!(facts, lived.facts[..facts.len()]);
        let complete = whole[..length].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(facts.len(), complete.saturating_sub(2), "start and ids are no facts");
        let expected = restore(&lived.plan, &facts, now).expect("fits").core;
        let (mut found, mut wanted) = (restart.restored.core.carry(now), expected.carry(now));
        assert!(found.next_order >= wanted.next_order);
        (found.next_order, wanted.next_order) = (OrderId(0), OrderId(0));
        assert_eq!(found, wanted, "{length} bytes");
    }
}

#[test]
fn a_fact_that_cannot_follow_is_refused() {
    let lived = live(11, Accounting::Convergence, 60);
    let refused = |change: &dyn Fn(&mut Vec<Fact>)| {
        let mut facts = lived.facts.clone();
        change(&mut facts);
        restore(&lived.plan, &facts, at(10_000, 0)).err()
    };
    let position = |wanted: &dyn Fn(&FactKind) -> bool| {
        lived.facts.iter().position(|fact| wanted(&fact.kind)).expect("happened")
    };
    let intent = position(&|kind| matches!(kind, FactKind::Intent { .. }));
    let entered =
        position(&|kind| matches!(kind, FactKind::Pair { change: PairChange::Entered { .. }, .. }));
    let closed =
        position(&|kind| matches!(kind, FactKind::Pair { change: PairChange::Closed { .. }, .. }));
    let ack = position(&|kind| match kind {
        FactKind::Order { event, .. } => event.kind == OrderEventKind::Ack,
        _ => false,
    });
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(
        refused(&|facts| {
            facts.remove(intent);
        }),
        Some(Misfit::UnknownOrder)
    );
    assert_eq!(
        refused(&|facts| {
            facts.remove(entered);
        }),
        Some(Misfit::UnknownPair)
    );
    assert_eq!(refused(&|facts| facts.insert(intent, facts[intent])), Some(Misfit::UsedNumber));
    assert!(refused(&|facts| facts.insert(closed, facts[closed])).is_some());
    assert!(
        refused(&|facts| {
            facts.remove(ack);
        })
        .is_none(),
        "an acknowledgement says nothing"
    );
    let wrong = refused(&|facts| {
        if let FactKind::Pair { change: PairChange::Closed { pnl }, .. } = &mut facts[closed].kind {
            *pnl = Krw::from_raw(pnl.raw() + 1);
        }
    });
    assert_eq!(wrong, Some(Misfit::WrongAmount));
}

#[test]
fn ages_go_on_across_a_restart() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    entry.into_iter().for_each(|request| world.fill_whole(request, at(1, 9)));
    // Half an hour later, in a process whose clock began an hour before that.
    let wall = at(1_801, 0).wall;
    let now = Now { mono: MonoNs(3_600_000_000_000), wall };
    let plan = plan(Accounting::Convergence);
    let core = restore(&plan, &world.facts, now).expect("fits").core;
    let entered = core.pairs()[0].entered_at;
    assert_eq!(now.mono.since(entered).as_ms(), 1_800_000);
    let carried = core.carry(now);
    let later = Now { mono: MonoNs(7_200_000_000_000), wall: at(1_901, 0).wall };
    let mut again = Restoring::new(&plan, later);
    again.begin(&carried).expect("fits");
    let entered = again.finish().core.pairs()[0].entered_at;
    assert_eq!(later.mono.since(entered).as_ms(), 1_900_000);
}

#[test]
fn an_order_in_doubt_stops_entries_until_its_end_is_known() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.market(1_500_000, at(1, 0));
    let entry = world.take_sent();
    world.fill_whole(entry[0], at(1, 5));
    world.reject(entry[1], at(1, 6));
    assert_eq!(world.take_sent()[0].purpose, Purpose::Hedge, "the order that is cut off");
    let plan = plan(Accounting::Convergence);
    let restored = restore(&plan, &world.facts, at(2, 0)).expect("fits");
    let lived = Lived { plan, facts: world.facts, marks: Vec::new() };
    let mut world = go_on(&lived, &lived.facts, *restored.core);
    world.core.set_permission(Permission::Trade);
    assert_eq!(world.core.orders().unknown(), 1);
    world.market(1_500_000, at(10, 0));
    assert!(world.take_sent().is_empty());
    assert!(world.refused(Refusal::UnknownOrders) > 0);
    assert_eq!(world.core.end_unknown_orders(at(11, 0)), 0);
    world.core.resume(at(11, 0));
    world.collect();
    world.market(1_500_000, at(11, 1));
    let hedge = world.take_sent();
    assert_eq!(hedge.len(), 1, "the second attempt, with fresh books");
    world.fill_whole(hedge[0], at(12, 0));
    assert_eq!(world.core.pairs()[0].stage, Stage::Open);
    world.market(1_500_000, at(20, 0));
    assert_eq!(world.take_sent().len(), 2, "entries go on");
    assert!(world.is_conserved());
}

#[test]
fn an_order_leaves_only_under_a_reserved_number() {
    let mut world = World::with_market(Accounting::Convergence, at(0, 0));
    world.core.reserve_orders(OrderId(2));
    world.market(1_500_000, at(1, 0));
    assert!(world.take_sent().is_empty(), "two legs need two numbers");
    world.core.reserve_orders(OrderId(3));
    world.market(1_500_000, at(2, 0));
    assert_eq!(world.take_sent().len(), 2);
}
