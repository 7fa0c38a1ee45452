//! Results, fees and balances once more, from the orders' fills and the recording alone: exact
//! fractions, rounded once where money really moves. Shares no arithmetic with engine or audit.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use arb::topology::Plan;
use arb::types::fact::Fact;
use arb::types::fact::FactKind;
use arb::types::fact::FxRates;
use arb::types::fact::PairChange;
use arb::types::ids::OrderId;
use arb::types::ids::PairId;
use arb::types::market::Side;
use arb::types::order::Fee;
use arb::types::order::Fill;
use arb::types::order::OrderEventKind;
use arb::types::order::OrderRequest;
use arb::types::time::WallNs;
use serde_json::Value;

/// Raw units of one coin, won or tether.
const COIN: i128 = 100_000_000;
const MILLION: i128 = 1_000_000;

/// An exact amount: `over / under` raw units, `under` > 0.
#[derive(Clone, Copy)]
struct Exact {
    over: i128,
    under: i128,
}

impl Exact {
    fn raw(units: i128) -> Exact {
        Exact { over: units, under: 1 }
    }
    fn times(self, over: i128, under: i128) -> Exact {
        Exact { over: self.over * over, under: self.under * under }
    }
    /// The largest whole number of raw units that is not above it; for amounts ≥ 0.
    fn cut(self) -> i128 {
        assert!(self.over >= 0, "only sizes are rounded");
        self.over / self.under
    }
    /// The smallest whole number of raw units that is not below it; for amounts ≥ 0.
    fn filled_up(self) -> i128 {
        self.cut() + i128::from(self.over % self.under > 0)
    }
}

/// Best bid and ask of the won-per-tether book as a recording has them, raw.
pub struct Rates(Vec<(WallNs, i128, i128)>);

impl Rates {
    /// From the lines of a recording; whole won, as Upbit quotes tether.
    pub fn of(lines: &[String]) -> Rates {
        let of_fx = |line: &&String| line.contains(r#""code":"KRW-USDT""#);
        let rates = lines.iter().filter(of_fx).map(|line| {
            let (recv, json) = (super::replays::received(line), line.splitn(4, ' ').nth(3));
            let frame: Value = serde_json::from_str(json.expect("a payload")).expect("JSON");
            let best = &frame["orderbook_units"][0];
            let won = |key: &str| best[key].as_f64().expect("a price") as i128 * COIN;
            (recv, won("bid_price"), won("ask_price"))
        });
        Rates(rates.collect())
    }
    fn at(&self, now: WallNs) -> (i128, i128) {
        let known = self.0.partition_point(|row| row.0 <= now);
        let (_, bid, ask) = self.0[known.checked_sub(1).expect("a rate before the first fill")];
        (bid, ask)
    }
}

/// What the facts of a run add up to.
#[derive(Default)]
pub struct Recount {
    /// By venue and asset, raw.
    pub balances: BTreeMap<(String, String), i128>,
    /// Of closed pairs, won raw.
    pub realized: i128,
    /// Won raw.
    pub fees: i128,
    /// Matches.
    pub fills: u64,
    /// Pairs that closed.
    pub closed: u64,
    pairs: BTreeMap<PairId, i128>,
    orders: BTreeMap<OrderId, OrderRequest>,
    trades: BTreeSet<(OrderId, u64)>,
}

impl Recount {
    /// Adds up a whole run.
    pub fn of(facts: &[Fact], plan: &Plan, rates: &Rates) -> Recount {
        let mut count = Recount::default();
        for row in &plan.engine.balances {
            let at = (row.venue.name().to_owned(), row.asset.to_string());
            count.balances.insert(at, row.raw.into());
        }
        for fact in facts {
            match &fact.kind {
                FactKind::Intent { request, .. } => {
                    assert!(count.orders.insert(request.id, *request).is_none(), "an id twice");
                }
                FactKind::Order { event, fx } => {
                    if let OrderEventKind::Fill(fill) = event.kind {
                        let booked = fx.expect("a rate before the first fill");
                        assert_eq!(known(&booked), rates.at(fact.at.wall), "at {:?}", fact.at);
                        count.on_fill(event.id, &fill, (plan, rates.at(fact.at.wall)));
                    }
                }
                FactKind::Pair { id, change } => count.on_pair(*id, change),
                FactKind::Imbalance { .. } => {}
            }
        }
        count
    }

    fn on_fill(&mut self, id: OrderId, fill: &Fill, market: (&Plan, (i128, i128))) {
        let (plan, (rate_bid, rate_ask)) = market;
        let request = self.orders[&id];
        assert!(self.trades.insert((id, fill.trade.0)), "a trade booked twice");
        let instrument = &plan.engine.instruments[request.instrument.index()];
        let on_upbit = instrument.venue.name() == "upbit";
        // Taker fees of the configuration, per million: 0.05 % and 0.1 %.
        let rate = if on_upbit { 500 } else { 1_000 };
        let (price, qty) = (i128::from(fill.price.raw()), i128::from(fill.qty.raw()));
        let gross = Exact::raw(price).times(qty, COIN);
        let buys = request.side == Side::Buy;
        let moved = if buys { gross.filled_up() } else { gross.cut() };
        let fee_in_coin = buys && !on_upbit;
        let charged = if fee_in_coin { qty } else { moved };
        let fee = Exact::raw(charged).times(rate, MILLION).filled_up();
        let (coins, money, fee_worth) = match (buys, fee_in_coin) {
            (true, true) => (qty - fee, -moved, Exact::raw(price).times(fee, COIN).filled_up()),
            (true, false) => (qty, -moved - fee, fee),
            (false, _) => (-qty, moved - fee, fee),
        };
        assert_eq!(charge(&fill.fee), (fee_in_coin, fee), "the venue charged another fee");

        let venue = instrument.venue.name().to_owned();
        *self.balances.entry((venue.clone(), instrument.base.to_string())).or_default() += coins;
        let code = instrument.quote.code().to_owned();
        *self.balances.entry((venue, code)).or_default() += money;

        let per_unit = match (on_upbit, buys) {
            (true, _) => COIN,
            (false, true) => rate_ask,
            (false, false) => rate_bid,
        };
        let won = |units: i128| Exact::raw(units).times(per_unit, COIN);
        let cash = match buys {
            true if fee_in_coin => -won(moved + fee_worth).filled_up(),
            true => -won(moved + fee).filled_up(),
            false => won(moved - fee).cut(),
        };
        *self.pairs.entry(request.pair).or_default() += cash;
        self.fees += won(fee_worth).filled_up();
        self.fills += 1;
    }

    fn on_pair(&mut self, id: PairId, change: &PairChange) {
        match change {
            PairChange::Residual { value, .. } => {
                *self.pairs.entry(id).or_default() += i128::from(value.raw());
            }
            PairChange::Swept { value, .. } => {
                *self.pairs.entry(id).or_default() -= i128::from(value.raw());
            }
            PairChange::Closed { pnl } => {
                let cash = self.pairs.remove(&id).unwrap_or(0);
                assert_eq!(cash, i128::from(pnl.raw()), "result of {id:?}");
                self.realized += cash;
                self.closed += 1;
            }
            _ => {}
        }
    }
}

fn known(fx: &FxRates) -> (i128, i128) {
    (fx.bid.raw().into(), fx.ask.raw().into())
}

/// Whether a fee was charged in coins, and how much.
fn charge(fee: &Fee) -> (bool, i128) {
    match fee {
        Fee::Base(qty) => (true, qty.raw().into()),
        Fee::Quote(raw) => (false, (*raw).into()),
    }
}
