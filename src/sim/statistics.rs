//! What the default market must contain, found with plain integer sums of its own: no code of the
//! engine is used here.

use std::sync::LazyLock;

use crate::sim::fixture::BTC_KRW;
use crate::sim::fixture::BTC_USDT;
use crate::sim::fixture::ETH_KRW;
use crate::sim::fixture::ETH_USDT;
use crate::sim::fixture::USDT_KRW;
use crate::sim::fixture::plan;
use crate::sim::market::Market;
use crate::types::ids::VenueId;
use crate::types::market::BookTop;
use crate::types::market::Level;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

const ROUTES: [(usize, usize); 2] = [(BTC_KRW, BTC_USDT), (ETH_KRW, ETH_USDT)];
const ENTRY_PPM: i64 = 5_000;
const TAKE_PROFIT_PPM: i64 = 3_000;
const STOP_PPM: i64 = -12_000;
const COLLAR_PPM: i64 = 50_000;
const POSITION_KRW: i128 = 100_000;
const LONGEST_HOLDING: DurNs = DurNs::from_secs(3_600);
const ONE: i128 = 100_000_000;

/// Net edges of a route, floored ppm.
#[derive(Clone, Copy, Debug)]
struct Edges {
    sell_upbit: i64,
    buy_upbit: i64,
}

/// What closing and opening of one pair at a time on each route and direction leads to.
#[derive(Debug, Default)]
struct Outcome {
    samples: u64,
    above: u64,
    crossings: u64,
    implausible: u64,
    longest_above: u64,
    take_profits: u64,
    stops: u64,
    expired: u64,
}

/// A pair opened at this edge.
#[derive(Clone, Copy)]
struct Opened {
    edge: i64,
    at: MonoNs,
}

/// Money for `qty` over a side, quote × 10⁻⁸; `None` when it holds less.
fn walk(side: &[Level], qty: i128) -> Option<i128> {
    let (mut left, mut sum) = (qty, 0);
    for level in side {
        let take = left.min(i128::from(level.qty.raw()));
        sum += take * i128::from(level.price.raw()) / ONE;
        left -= take;
    }
    (left == 0).then_some(sum)
}

fn edges(krw: &BookTop, usdt: &BookTop, fx: &BookTop) -> Option<Edges> {
    let rate = |side: &[Level]| i128::from(side[0].price.raw());
    let qty = POSITION_KRW * ONE * ONE / rate(&krw.asks);
    let ppm = |earned: i128, paid: i128| ((earned - paid) * 1_000_000).div_euclid(paid) as i64;
    let sold_upbit = walk(&krw.bids, qty)? * 9_995 / 10_000;
    let bought_binance = walk(&usdt.asks, qty)? * rate(&fx.asks) / ONE * 1_001 / 1_000;
    let sold_binance = walk(&usdt.bids, qty)? * rate(&fx.bids) / ONE * 999 / 1_000;
    let bought_upbit = walk(&krw.asks, qty)? * 10_005 / 10_000;
    Some(Edges {
        sell_upbit: ppm(sold_upbit, bought_binance),
        buy_upbit: ppm(sold_binance, bought_upbit),
    })
}

/// One sample of every route each virtual second.
fn observe(seed: u64, hours: u64) -> Outcome {
    let mut plan = plan(seed);
    plan.updates_per_second = 1;
    let mut market = Market::new(&plan, &VenueId::ALL).expect("a good plan");
    let mut tops: Vec<BookTop> =
        plan.instruments.iter().map(|instrument| BookTop::empty(instrument.id)).collect();
    let mut outcome = Outcome::default();
    let mut open = [[None; 2]; 2];
    let mut above_for = [[0; 2]; 2];
    market.step(MonoNs(0).plus(DurNs::from_secs(3)), &mut |top| {
        tops[top.instrument.index()] = top.clone();
    });
    for second in 4..hours * 3_600 {
        let now = MonoNs(0).plus(DurNs::from_secs(second));
        market.step(now, &mut |top| tops[top.instrument.index()].clone_from(top));
        for (route, (krw, usdt)) in ROUTES.into_iter().enumerate() {
            let Some(edges) = edges(&tops[krw], &tops[usdt], &tops[USDT_KRW]) else {
                continue;
            };
            let both = [[edges.sell_upbit, edges.buy_upbit], [edges.buy_upbit, edges.sell_upbit]];
            for (direction, [enter, leave]) in both.into_iter().enumerate() {
                outcome.sample(enter, &mut above_for[route][direction]);
                outcome.trade(Opened { edge: enter, at: now }, leave, &mut open[route][direction]);
            }
        }
    }
    outcome
}

impl Outcome {
    fn sample(&mut self, edge: i64, above_for: &mut u64) {
        self.samples += 1;
        self.implausible += u64::from(edge.abs() > COLLAR_PPM);
        if edge < ENTRY_PPM {
            *above_for = 0;
            return;
        }
        self.above += 1;
        self.crossings += u64::from(*above_for == 0);
        *above_for += 1;
        self.longest_above = self.longest_above.max(*above_for);
    }
    fn trade(&mut self, candidate: Opened, leave: i64, open: &mut Option<Opened>) {
        let Some(pair) = *open else {
            *open = (candidate.edge >= ENTRY_PPM).then_some(candidate);
            return;
        };
        let pnl = pair.edge + leave;
        let expired = candidate.at.since(pair.at) >= LONGEST_HOLDING;
        let closed = match () {
            () if pnl >= TAKE_PROFIT_PPM => &mut self.take_profits,
            () if pnl <= STOP_PPM => &mut self.stops,
            () if expired => &mut self.expired,
            () => return,
        };
        *closed += 1;
        *open = None;
    }
}

/// Three virtual days, shared by the tests below.
static RUN: LazyLock<Outcome> = LazyLock::new(|| observe(7, 72));

#[test]
fn edges_cross_the_entry_threshold_often_and_always_fall_back() {
    assert!((3 * 20..3 * 5_000).contains(&RUN.crossings), "{RUN:?}");
    assert!(RUN.above * 4 < RUN.samples, "above for less than a quarter of the time: {RUN:?}");
    assert!(RUN.longest_above < 3 * 3_600, "the premium returns: {RUN:?}");
    assert_eq!(RUN.implausible, 0, "{RUN:?}");
}

#[test]
fn three_days_hold_take_profits_stops_and_expired_holdings() {
    assert!((30..600).contains(&RUN.take_profits), "{RUN:?}");
    assert!((4..150).contains(&RUN.stops), "{RUN:?}");
    assert!((1..100).contains(&RUN.expired), "{RUN:?}");
}

#[test]
fn nearly_all_samples_hold_a_default_position_on_both_sides() {
    let possible = 2 * 2 * (72 * 3_600 - 4);
    assert!(RUN.samples * 100 > possible * 98, "{RUN:?}");
    assert!(RUN.samples < possible, "some moments are empty: {RUN:?}");
}
