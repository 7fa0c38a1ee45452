//! Recomputes balances, results and fees from the facts alone, by arithmetic of its own, and
//! compares: Σ inventory changes = Σ fills − fees; PnL from fills = PnL booked (`PRODUCT.md` 8).

use std::collections::BTreeMap;

use crate::types::carry::CarriedPair;
use crate::types::carry::Carry;
use crate::types::fact::Fact;
use crate::types::fact::FactKind;
use crate::types::fact::FxRates;
use crate::types::fact::PairChange;
use crate::types::ids::Asset;
use crate::types::ids::OrderId;
use crate::types::ids::PairId;
use crate::types::ids::VenueId;
use crate::types::ids::asset;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::order::Fee;
use crate::types::order::Fill;
use crate::types::order::OrderEventKind;
use crate::types::order::OrderRequest;

const UNIT: i128 = 100_000_000;

/// One account row: venue, asset, raw 10⁻⁸ units.
pub type Row = (VenueId, Asset, i64);

/// What the facts add up to. Grows with open orders and pairs only, not with the length of a run.
#[derive(Clone, Debug)]
pub struct Audit {
    instruments: Vec<Instrument>,
    balances: BTreeMap<(VenueId, Asset), i128>,
    orders: BTreeMap<OrderId, Known>,
    cash: BTreeMap<PairId, i128>,
    realized: i128,
    fees: i128,
    fills: u64,
    closed: u64,
    faults: u64,
}

#[derive(Clone, Debug)]
struct Known {
    request: OrderRequest,
    filled: i128,
    total: Option<i128>,
    trades: Vec<u64>,
}

/// What an account claims, to be compared with the facts.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Balances; a missing row claims 0.
    pub balances: &'a [Row],
    /// Realised result in won, raw.
    pub realized_raw: i64,
    /// Fees in won, raw.
    pub fees_raw: i64,
    /// Fills booked.
    pub fills: u64,
}

impl Audit {
    /// Before the first fact.
    pub fn new(instruments: &[Instrument], start: &[Row]) -> Audit {
        let balances = start.iter().map(|row| ((row.0, row.1), i128::from(row.2))).collect();
        Audit {
            instruments: instruments.to_vec(),
            balances,
            orders: BTreeMap::new(),
            cash: BTreeMap::new(),
            realized: 0,
            fees: 0,
            fills: 0,
            closed: 0,
            faults: 0,
        }
    }

    /// Behind what an earlier process left.
    pub fn resumed(instruments: &[Instrument], carry: &Carry) -> Audit {
        let rows: Vec<Row> = carry.holdings.iter().map(|h| (h.venue, h.asset, h.raw)).collect();
        let mut audit = Audit::new(instruments, &rows);
        audit.realized = i128::from(carry.totals.realized.raw());
        audit.fees = i128::from(carry.totals.fees.raw());
        audit.fills = carry.totals.fills;
        // A pair without a fill has no row yet, as when it is seen from its beginning: it may miss.
        let filled =
            |pair: &&CarriedPair| (pair.long.raw(), pair.short.raw(), pair.cash.raw()) != (0, 0, 0);
        for pair in carry.pairs.iter().filter(filled) {
            audit.cash.insert(pair.id, i128::from(pair.cash.raw()));
        }
        for order in &carry.orders {
            let known = Known {
                request: order.request,
                filled: i128::from(order.filled.raw()),
                total: order.ended.map(|(_, total)| i128::from(total.raw())),
                trades: order.trades.iter().map(|trade| trade.0).collect(),
            };
            if known.total.is_none_or(|total| known.filled < total) {
                audit.orders.insert(order.request.id, known);
            }
        }
        audit
    }

    /// Takes in a fact. One that cannot be (an event of an order without intent, a pair whose
    /// booked result is not the sum of its fills) counts as a fault.
    pub fn on_fact(&mut self, fact: &Fact) {
        match &fact.kind {
            FactKind::Intent { request, .. } => {
                let known = Known { request: *request, filled: 0, total: None, trades: Vec::new() };
                let twice = self.orders.insert(request.id, known).is_some();
                self.faults += u64::from(twice);
            }
            FactKind::Order { event, fx } => self.on_event(event.id, &event.kind, *fx),
            FactKind::Pair { id, change } => self.on_pair(*id, change),
            FactKind::Imbalance { .. } => {}
        }
    }

    /// Facts that cannot be, so far.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// True if the claim is what the facts add up to, to the last unit, and no fact was a fault.
    pub fn agrees_with(&self, claim: &Claim<'_>) -> bool {
        let mut claimed: BTreeMap<(VenueId, Asset), i128> = BTreeMap::new();
        for row in claim.balances {
            *claimed.entry((row.0, row.1)).or_default() += i128::from(row.2);
        }
        let keys = self.balances.keys().chain(claimed.keys());
        let amount = |of: &BTreeMap<(VenueId, Asset), i128>, key| of.get(key).copied().unwrap_or(0);
        let same = keys.into_iter().all(|key| amount(&self.balances, key) == amount(&claimed, key));
        same && self.faults == 0
            && self.realized == i128::from(claim.realized_raw)
            && self.fees == i128::from(claim.fees_raw)
            && self.fills == claim.fills
    }

    fn on_event(&mut self, id: OrderId, kind: &OrderEventKind, fx: Option<FxRates>) {
        let Some(mut known) = self.orders.remove(&id) else {
            // Repetitions of an ended order change nothing; a fill would.
            self.faults += u64::from(matches!(kind, OrderEventKind::Fill(_)));
            return;
        };
        match kind {
            OrderEventKind::Ack => {}
            OrderEventKind::Fill(fill) if known.trades.contains(&fill.trade.0) => {}
            OrderEventKind::Fill(fill) => {
                known.trades.push(fill.trade.0);
                known.filled += i128::from(fill.qty.raw());
                match fx {
                    Some(fx) => self.book(&known.request, fill, fx),
                    None => self.faults += 1,
                }
            }
            OrderEventKind::Done { filled, .. } => known.total = Some(i128::from(filled.raw())),
        }
        if known.total.is_none_or(|total| known.filled < total) {
            self.orders.insert(id, known);
        }
    }

    fn book(&mut self, request: &OrderRequest, fill: &Fill, fx: FxRates) {
        let instrument = &self.instruments[request.instrument.index()];
        let (price, qty) = (i128::from(fill.price.raw()), i128::from(fill.qty.raw()));
        let (fee_quote, fee_base) = match fill.fee {
            Fee::Quote(raw) => (i128::from(raw), 0),
            Fee::Base(qty) => (0, i128::from(qty.raw())),
        };
        let fee_base_worth = ceil(price * fee_base, UNIT);
        let (base, quote) = match request.side {
            Side::Buy => (qty - fee_base, -(ceil(price * qty, UNIT) + fee_quote)),
            Side::Sell => (-qty, price * qty / UNIT - fee_quote),
        };
        let moved = quote - fee_base_worth;
        let fee = fee_quote + fee_base_worth;
        let rate = match (instrument.quote, request.side) {
            (Quote::Krw, _) => UNIT,
            (Quote::Usdt, Side::Buy) => i128::from(fx.ask.raw()),
            (Quote::Usdt, Side::Sell) => i128::from(fx.bid.raw()),
        };
        // A buy's cost rounds up and a sale's proceeds round down, in size, whatever the sign.
        let cash = match request.side {
            Side::Buy if moved < 0 => -ceil(-moved * rate, UNIT),
            Side::Buy => ceil(moved * rate, UNIT),
            Side::Sell if moved < 0 => -(-moved * rate / UNIT),
            Side::Sell => moved * rate / UNIT,
        };
        let (venue, code) = (instrument.venue, instrument.base);
        let money = asset(instrument.quote.code()).unwrap_or_default();
        *self.balances.entry((venue, code)).or_default() += base;
        *self.balances.entry((venue, money)).or_default() += quote;
        *self.cash.entry(request.pair).or_default() += cash;
        self.fees += ceil(fee * rate, UNIT);
        self.fills += 1;
    }

    fn on_pair(&mut self, id: PairId, change: &PairChange) {
        match change {
            PairChange::Residual { value, .. } => {
                *self.cash.entry(id).or_default() += i128::from(value.raw());
            }
            PairChange::Swept { value, .. } => {
                *self.cash.entry(id).or_default() -= i128::from(value.raw());
            }
            PairChange::Closed { pnl } => {
                let cash = self.cash.remove(&id).unwrap_or(0);
                self.faults += u64::from(cash != i128::from(pnl.raw()));
                self.realized += cash;
                self.closed += 1;
            }
            PairChange::Missed => {
                self.faults += u64::from(self.cash.remove(&id).is_some());
            }
            _ => {}
        }
    }
}

fn ceil(value: i128, by: i128) -> i128 {
    -((-value).div_euclid(by))
}
