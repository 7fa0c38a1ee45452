//! What we own: balances per venue and asset, what working orders have reserved, totals in won.

use arrayvec::ArrayVec;

use crate::engine::limits::Balance;
use crate::engine::value::FillValue;
use crate::types::carry::CarriedHolding;
use crate::types::ids::Asset;
use crate::types::ids::InstrumentId;
use crate::types::ids::VenueId;
use crate::types::limit;
use crate::types::market::Instrument;
use crate::types::market::Side;
use crate::types::order::OrderRequest;
use crate::types::units::Krw;
use crate::types::units::Ppm;
use crate::types::units::Qty;
use crate::types::units::Round;

/// One asset on one venue, raw 10⁻⁸ units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Where.
    pub venue: VenueId,
    /// What.
    pub asset: Asset,
    /// Owned now.
    pub raw: i64,
    /// Of it, promised to working orders.
    pub reserved_raw: i64,
    /// Owned at the start.
    pub start_raw: i64,
}

/// Where an instrument's two assets stand in the table.
#[derive(Clone, Copy, Debug)]
struct Pockets {
    base: usize,
    quote: usize,
}

/// All holdings and the booked result.
#[derive(Clone, Debug)]
pub struct Portfolio {
    holdings: Vec<Holding>,
    pockets: ArrayVec<Pockets, { limit::INSTRUMENTS }>,
    /// Realised PnL since the start.
    pub realized: Krw,
    /// Realised PnL of the present KST day.
    pub realized_today: Krw,
    /// Fees since the start, in won.
    pub fees: Krw,
    /// Fills booked.
    pub fills: u64,
}

impl Portfolio {
    /// With starting balances; every asset of every instrument gets a holding.
    pub fn new(instruments: &[Instrument], balances: &[Balance]) -> Portfolio {
        let mut holdings: Vec<Holding> = Vec::new();
        let mut pockets = ArrayVec::new();
        for instrument in instruments.iter().take(limit::INSTRUMENTS) {
            let quote = crate::types::ids::asset(instrument.quote.code()).unwrap_or_default();
            pockets.push(Pockets {
                base: pocket(&mut holdings, instrument.venue, instrument.base),
                quote: pocket(&mut holdings, instrument.venue, quote),
            });
        }
        for balance in balances {
            let index = pocket(&mut holdings, balance.venue, balance.asset);
            holdings[index].raw = balance.raw;
            holdings[index].start_raw = balance.raw;
        }
        Portfolio {
            holdings,
            pockets,
            realized: Krw::ZERO,
            realized_today: Krw::ZERO,
            fees: Krw::ZERO,
            fills: 0,
        }
    }
    /// Takes over a holding of an earlier run.
    pub fn adopt(&mut self, carried: &CarriedHolding) {
        let index = pocket(&mut self.holdings, carried.venue, carried.asset);
        self.holdings[index].raw = carried.raw;
        self.holdings[index].start_raw = carried.start_raw;
    }
    /// Every holding, for reports and checks.
    pub fn holdings(&self) -> &[Holding] {
        &self.holdings
    }
    /// What a new order could use: owned less reserved. Base coins for a sell, quote for a buy.
    pub fn available_raw(&self, instrument: InstrumentId, side: Side) -> i64 {
        let holding = &self.holdings[self.spent_pocket(instrument, side)];
        holding.raw.saturating_sub(holding.reserved_raw).max(0)
    }
    /// Base coins of an instrument's venue that were gained since the start, raw units.
    pub fn gained_raw(&self, instrument: InstrumentId) -> i64 {
        let holding = &self.holdings[self.pockets[instrument.index()].base];
        holding.raw.saturating_sub(holding.start_raw)
    }
    /// Most that a buy on `instrument` can cost at its limit, with fee, in quote raw units.
    pub fn cost_at_limit_raw(instrument: &Instrument, request: &OrderRequest) -> Option<i64> {
        let cost = request.limit.times::<()>(request.qty, Round::Up)?;
        cost.plus(&cost.portion(instrument.fee, Round::Up)?).map(|total| total.raw())
    }
    /// Sets aside what a request can spend; released by the same amount when it is over.
    pub fn reserve(&mut self, instrument: &Instrument, request: &OrderRequest) {
        let amount = spend_raw(instrument, request);
        let pocket = self.spent_pocket(instrument.id, request.side);
        let holding = &mut self.holdings[pocket];
        holding.reserved_raw = holding.reserved_raw.saturating_add(amount);
    }
    /// Gives back what [`Portfolio::reserve`] set aside.
    pub fn release(&mut self, instrument: &Instrument, request: &OrderRequest) {
        let amount = spend_raw(instrument, request);
        let pocket = self.spent_pocket(instrument.id, request.side);
        let holding = &mut self.holdings[pocket];
        holding.reserved_raw = holding.reserved_raw.saturating_sub(amount).max(0);
    }
    /// Books a fill into the balances. `None` (and nothing booked) if a balance leaves the range.
    pub fn apply(&mut self, value: &FillValue) -> Option<()> {
        let pockets = self.pockets[value.instrument.index()];
        let base = self.holdings[pockets.base].raw.checked_add(value.base_raw)?;
        let quote = self.holdings[pockets.quote].raw.checked_add(value.quote_raw)?;
        let fees = self.fees.plus(&value.fee)?;
        self.holdings[pockets.base].raw = base;
        self.holdings[pockets.quote].raw = quote;
        self.fees = fees;
        self.fills += 1;
        Some(())
    }
    /// Books the result of a pair. `None` (and nothing booked) on overflow.
    pub fn realize(&mut self, pnl: Krw) -> Option<()> {
        let (total, today) = (self.realized.plus(&pnl)?, self.realized_today.plus(&pnl)?);
        self.realized = total;
        self.realized_today = today;
        Some(())
    }
    /// A new KST day has begun.
    pub fn new_day(&mut self) {
        self.realized_today = Krw::ZERO;
    }
    /// `(value of one venue − value of the other) ÷ sum`. `None` while both are nothing.
    pub fn imbalance(first: Krw, second: Krw) -> Option<Ppm> {
        first.minus(&second)?.part_of(&first.plus(&second)?)
    }
    fn spent_pocket(&self, instrument: InstrumentId, side: Side) -> usize {
        let pockets = self.pockets[instrument.index()];
        match side {
            Side::Buy => pockets.quote,
            Side::Sell => pockets.base,
        }
    }
}

fn spend_raw(instrument: &Instrument, request: &OrderRequest) -> i64 {
    match request.side {
        Side::Buy => Portfolio::cost_at_limit_raw(instrument, request).unwrap_or(i64::MAX),
        Side::Sell => request.qty.raw(),
    }
}

fn pocket(holdings: &mut Vec<Holding>, venue: VenueId, asset: Asset) -> usize {
    let known = holdings.iter().position(|h| h.venue == venue && h.asset == asset);
    known.unwrap_or_else(|| {
        holdings.push(Holding { venue, asset, raw: 0, reserved_raw: 0, start_raw: 0 });
        holdings.len() - 1
    })
}

/// How many whole lots of base coins `quote_raw` pays for at `unit_cost` (price with fee), as a
/// quantity before lot rounding.
pub fn affordable(quote_raw: i64, price: crate::types::units::Price, fee: Ppm) -> Option<Qty> {
    let with_fee = price.shifted(fee, Round::Up)?;
    crate::types::units::Amount::<()>::from_raw(quote_raw).buys_at(with_fee)
}
