//! The simulated venue: fills walk the ladder that stands after the latency; the last hop looks
//! again before an order leaves (`PRODUCT.md` 5, paper fills; 11, rule 1).

#![allow(clippy::expect_used, reason = "a test world that cannot be built must fail loudly")]

mod support;

use std::sync::Arc;

use arb::engine::limits::Accounting;
use arb::gateway::limits::PaperLimits;
use arb::gateway::limits::PaperPlan;
use arb::gateway::paper::Paper;
use arb::gateway::paper::Ports;
use arb::runtime::agent::Agent;
use arb::runtime::link::BOOKS;
use arb::runtime::link::EVENTS;
use arb::runtime::link::REQUESTS;
use arb::runtime::link::Rx;
use arb::runtime::link::Tx;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::ids::InstrumentId;
use arb::types::ids::OrderId;
use arb::types::ids::PairId;
use arb::types::ids::VenueId;
use arb::types::market::BookTop;
use arb::types::market::Invalid;
use arb::types::market::Side;
use arb::types::order::Ending;
use arb::types::order::Fee;
use arb::types::order::Fill;
use arb::types::order::OrderEvent;
use arb::types::order::OrderEventKind;
use arb::types::order::OrderRequest;
use arb::types::order::Purpose;
use arb::types::order::RejectReason;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Ppm;
use arb::types::units::Qty;
use arb::types::units::SCALE;

use support::*;

struct Venue {
    paper: Paper,
    books: Tx<BookTop>,
    requests: Tx<OrderRequest>,
    events: Rx<OrderEvent>,
    permission: Arc<PermissionWord>,
}

fn venue(change: impl FnOnce(&mut PaperPlan)) -> Venue {
    let engine = plan(Accounting::Convergence);
    let mut paper = PaperPlan {
        instruments: engine.instruments,
        fx: engine.fx,
        balances: engine.balances.iter().map(|b| (b.venue, b.asset, b.raw)).collect(),
        limits: PaperLimits {
            latency_min: DurNs::from_ms(10),
            latency_mean: DurNs::from_ms(10),
            latency_max: DurNs::from_ms(10),
            reject: Ppm::ZERO,
            depth: Ppm::ONE,
        },
        ages: engine.ages,
        price_collar: Ppm::new(5_000),
        hedge_collar: Ppm::new(8_000),
        max_order_value: krw(100_000_000),
        seed: 1,
    };
    change(&mut paper);
    let (books, taken) = BOOKS.open();
    let (requests, orders) = REQUESTS.open();
    let (reports, events) = EVENTS.open();
    let permission = Arc::new(PermissionWord::shut());
    permission.grant(Permission::Trade, MonoNs(u64::MAX));
    let ports = Ports { requests: orders, events: reports, books: taken };
    let paper = Paper::new(paper, ports, Arc::clone(&permission));
    let mut venue = Venue { paper, books, requests, events, permission };
    venue.surround(at(0, 0));
    venue
}

impl Venue {
    fn show(&mut self, top: BookTop, now: Now) {
        self.books.send(top).expect("room");
        self.paper.turn(now);
    }
    /// The other leg's book and FX, which an entry looks at as well.
    fn surround(&mut self, now: Now) {
        self.show(book(KRW, (86_000_000, 86_001_000), SCALE, now), now);
        self.show(book(FX, (1_387, 1_388), 100_000 * SCALE, now), now);
    }
    fn order(&mut self, request: OrderRequest, now: Now) {
        self.requests.send(request).expect("room");
        self.paper.turn(now);
    }
    fn answers(&mut self, now: Now) -> Vec<OrderEventKind> {
        self.paper.turn(now);
        std::iter::from_fn(|| self.events.take()).map(|event| event.kind).collect()
    }
    /// An order sent at second 1 and what became of it by second 2.
    fn outcome(&mut self, request: OrderRequest) -> Vec<OrderEventKind> {
        self.order(request, at(1, 0));
        self.answers(at(2, 0))
    }
}

fn buy(instrument: InstrumentId, qty_raw: i64, limit: i64) -> OrderRequest {
    OrderRequest {
        id: OrderId(1),
        pair: PairId(1),
        instrument,
        side: Side::Buy,
        qty: qty(qty_raw),
        limit: price(limit * SCALE),
        purpose: Purpose::Entry,
        decided_at: MonoNs(0),
    }
}

fn fills(events: &[OrderEventKind]) -> Vec<Fill> {
    let fill = |event: &OrderEventKind| match event {
        OrderEventKind::Fill(fill) => Some(*fill),
        _ => None,
    };
    events.iter().filter_map(fill).collect()
}

fn ending(events: &[OrderEventKind]) -> (Ending, Qty) {
    match events.last() {
        Some(OrderEventKind::Done { ending, filled }) => (*ending, *filled),
        other => panic!("no end: {other:?}"),
    }
}

fn rejected(why: RejectReason) -> (Ending, Qty) {
    (Ending::Rejected(why), Qty::ZERO)
}

#[test]
fn a_fill_walks_the_ladder_that_stands_when_the_latency_is_over() {
    let mut venue = venue(|_| {});
    venue.show(book(USDT, (62_000, 62_001), 1_000_000, at(1, 0)), at(1, 0));
    venue.order(buy(USDT, 2_500_000, 62_100), at(1, 0));
    assert!(venue.answers(at(1, 9_999_999)).is_empty(), "10 ms are not over");
    assert_eq!(venue.paper.due(), Some(at(1, 10_000_000).mono));
    venue.show(book(USDT, (62_010, 62_011), 1_000_000, at(1, 5_000_000)), at(1, 5_000_000));
    let events = venue.answers(at(1, 10_000_000));
    let walked: Vec<(i64, i64)> =
        fills(&events).iter().map(|f| (f.price.raw() / SCALE, f.qty.raw())).collect();
    assert_eq!(walked, [(62_011, 1_000_000), (62_012, 1_000_000), (62_013, 500_000)]);
    assert_eq!(events[0], OrderEventKind::Ack);
    assert_eq!(ending(&events), (Ending::Filled, qty(2_500_000)));
}

#[test]
fn what_the_limit_does_not_reach_is_cancelled() {
    let mut venue = venue(|_| {});
    venue.show(book(USDT, (62_000, 62_001), 1_000_000, at(1, 0)), at(1, 0));
    let events = venue.outcome(buy(USDT, 2_500_000, 62_002));
    assert_eq!(ending(&events), (Ending::Cancelled, qty(2_000_000)));
}

#[test]
fn only_the_configured_part_of_the_depth_is_there_for_us() {
    let mut venue = venue(|plan| plan.limits.depth = Ppm::new(250_000));
    venue.show(book(USDT, (62_000, 62_001), 1_000_000, at(1, 0)), at(1, 0));
    let events = venue.outcome(buy(USDT, 2_500_000, 62_100));
    assert_eq!(ending(&events), (Ending::Cancelled, qty(750_000)));
}

#[test]
fn a_buy_pays_its_fee_in_coins_on_one_venue_and_in_won_on_the_other() {
    let mut venue = venue(|_| {});
    venue.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    venue.show(book(KRW, (86_000_000, 86_001_000), SCALE, at(1, 0)), at(1, 0));
    let coins = fills(&venue.outcome(buy(USDT, 1_000_000, 62_100)))[0].fee;
    assert_eq!(coins, Fee::Base(qty(1_000)), "0.1 % of what was received");
    let won = fills(&venue.outcome(buy(KRW, 1_000_000, 86_010_000)))[0].fee;
    // 860,010 won at 0.05 %.
    assert_eq!(won, Fee::Quote(430_005 * SCALE / 1_000));
    let row = |code: &str, venue_of| {
        venue.paper.ledger().iter().find(|r| r.1.as_str() == code && r.0 == venue_of).map(|r| r.2)
    };
    assert_eq!(row("BTC", VenueId::Binance), Some(SCALE + 1_000_000 - 1_000));
    let spent = 860_010 * SCALE + 430_005 * SCALE / 1_000;
    assert_eq!(row("KRW", VenueId::Upbit), Some(10_000_000 * SCALE - spent));
}

#[test]
fn the_last_hop_refuses_without_permission_or_after_its_lease() {
    let mut venue = venue(|_| {});
    venue.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    venue.permission.grant(Permission::Finish, MonoNs(u64::MAX));
    let refused = venue.outcome(buy(USDT, 1_000_000, 62_100));
    assert_eq!(ending(&refused), rejected(RejectReason::Gate));
    venue.permission.grant(Permission::Trade, at(0, 999).mono);
    let expired = venue.outcome(buy(USDT, 1_000_000, 62_100));
    assert_eq!(ending(&expired), rejected(RejectReason::Gate));
    venue.permission.grant(Permission::Finish, MonoNs(u64::MAX));
    let exit = OrderRequest { purpose: Purpose::Exit, ..buy(USDT, 1_000_000, 62_100) };
    assert_eq!(ending(&venue.outcome(exit)).0, Ending::Filled, "an exit may finish");
}

#[test]
fn the_last_hop_refuses_a_stale_or_invalid_book_and_a_limit_beyond_the_collar() {
    let mut stale = venue(|plan| plan.ages.max_quote_age = DurNs::from_ms(500));
    stale.show(book(USDT, (62_000, 62_001), SCALE, at(0, 1)), at(0, 1));
    let events = stale.outcome(buy(USDT, 1_000_000, 62_100));
    assert_eq!(ending(&events), rejected(RejectReason::StaleQuote));

    let mut broken = venue(|_| {});
    let mut top = book(USDT, (62_000, 62_001), SCALE, at(1, 0));
    top.invalid = Some(Invalid::Gap);
    broken.show(top, at(1, 0));
    let events = broken.outcome(buy(USDT, 1_000_000, 62_100));
    assert_eq!(ending(&events), rejected(RejectReason::StaleQuote));

    let mut far = venue(|_| {});
    far.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    let events = far.outcome(buy(USDT, 1_000_000, 62_400));
    assert_eq!(ending(&events), rejected(RejectReason::StaleQuote), "0.64 % from the best");
}

#[test]
fn a_book_that_breaks_while_the_order_is_under_way_gives_no_fill() {
    let mut venue = venue(|_| {});
    venue.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    venue.order(buy(USDT, 1_000_000, 62_100), at(1, 0));
    let mut broken = book(USDT, (62_000, 62_001), SCALE, at(1, 1));
    broken.invalid = Some(Invalid::Closed);
    venue.show(broken, at(1, 1));
    assert_eq!(ending(&venue.answers(at(2, 0))), rejected(RejectReason::Venue));
}

#[test]
fn an_account_that_cannot_pay_is_refused_by_the_venue() {
    let mut venue = venue(|plan| plan.balances.clear());
    venue.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    let events = venue.outcome(buy(USDT, 1_000_000, 62_100));
    assert_eq!(ending(&events), rejected(RejectReason::Balance));
}

#[test]
fn the_configured_part_of_the_orders_is_rejected_and_latencies_stay_in_their_range() {
    let mut venue = venue(|plan| {
        plan.limits.reject = Ppm::new(100_000);
        plan.limits.latency_mean = DurNs::from_ms(30);
        plan.limits.latency_max = DurNs::from_ms(100);
    });
    let (mut rejects, mut waits) = (0, Vec::new());
    for second in 1..=2_000u64 {
        venue.show(book(USDT, (62_000, 62_001), SCALE, at(second, 0)), at(second, 0));
        venue.order(buy(USDT, 10_000, 62_100), at(second, 0));
        let due = venue.paper.due().expect("in flight");
        waits.push(due.since(at(second, 0).mono).0 / 1_000);
        let events = venue.answers(Now { mono: due, wall: at(second, 0).wall });
        rejects += u64::from(ending(&events) == rejected(RejectReason::Venue));
    }
    assert!((150..250).contains(&rejects), "10 % of 2,000: {rejects}");
    assert!(waits.iter().all(|us| (10_000..=100_000).contains(us)));
    let mean = waits.iter().sum::<u64>() / 2_000;
    assert!((27_000..31_000).contains(&mean), "about 30 ms, a little less for the cap: {mean}");
}

#[test]
fn an_entry_needs_the_other_leg_and_fx_fresh_and_stays_below_the_order_ceiling() {
    let mut venue = venue(|plan| plan.max_order_value = krw(1_000_000));
    venue.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    let entry = buy(USDT, 1_000_000, 62_100);
    assert_eq!(ending(&venue.outcome(entry)).0, Ending::Filled);
    let large = buy(USDT, 2_000_000, 62_100);
    assert_eq!(ending(&venue.outcome(large)), rejected(RejectReason::Gate));
    for (gone, best) in [(KRW, (86_000_000, 86_001_000)), (FX, (1_387, 1_388))] {
        let mut closed = book(gone, best, SCALE, at(1, 1));
        closed.invalid = Some(Invalid::Closed);
        venue.show(closed, at(1, 1));
        assert_eq!(ending(&venue.outcome(entry)), rejected(RejectReason::StaleQuote));
        let exit = OrderRequest { purpose: Purpose::Exit, ..entry };
        assert_eq!(ending(&venue.outcome(exit)).0, Ending::Filled, "an exit goes all the same");
        venue.surround(at(1, 2));
    }
}

#[test]
fn a_hedge_may_reach_further_than_an_exit() {
    let mut venue = venue(|_| {});
    venue.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    let far = buy(USDT, 1_000_000, 62_400);
    let exit = OrderRequest { purpose: Purpose::Exit, ..far };
    assert_eq!(ending(&venue.outcome(exit)), rejected(RejectReason::StaleQuote));
    let hedge = OrderRequest { purpose: Purpose::Hedge, ..far };
    assert_eq!(ending(&venue.outcome(hedge)).0, Ending::Filled);
}

#[test]
fn an_order_off_the_grid_or_below_the_minimum_is_refused_as_a_venue_would() {
    let mut venue = venue(|_| {});
    venue.show(book(USDT, (62_000, 62_001), SCALE, at(1, 0)), at(1, 0));
    let good = buy(USDT, 1_000_000, 62_100);
    let off_tick = OrderRequest { limit: price(good.limit.raw() + 1), ..good };
    let off_lot = OrderRequest { qty: qty(1_000_500), ..good };
    let small = OrderRequest { qty: qty(7_000), ..good };
    for bad in [off_tick, off_lot, small] {
        assert_eq!(ending(&venue.outcome(bad)), rejected(RejectReason::Filter), "{bad:?}");
    }
}
