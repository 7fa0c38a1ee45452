//! What the engine sees of the market: the newest top of each book, FX, and how fresh they are.

use crate::engine::fx::Fx;
use crate::engine::limits::EnginePlan;
use crate::engine::signal::Direction;
use crate::engine::signal::Legs;
use crate::engine::signal::Route;
use crate::engine::value::Leg;
use crate::types::age::AgeLimits;
use crate::types::age::QuoteTimes;
use crate::types::fact::FxRates;
use crate::types::fact::Refusal;
use crate::types::ids::InstrumentId;
use crate::types::limit;
use crate::types::market::BookTop;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::time::MonoNs;
use crate::types::units::Price;

/// Which levels a leg is built from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// The committed depth image alone: edge samples.
    Image,
    /// The image with the newer ticker laid over it: decisions.
    Refined,
}

/// Tops, FX and liveness. Fixed memory after construction.
#[derive(Clone, Debug)]
pub struct View {
    /// By instrument.
    pub instruments: Vec<Instrument>,
    tops: Vec<BookTop>,
    /// When each venue's connection last showed life, by any of its books.
    alive_at: [MonoNs; limit::VENUES],
    /// KRW per USDT.
    pub fx: Fx,
    fx_instrument: Option<InstrumentId>,
    /// `USDT-KRW` on other venues: the rate has to agree with them.
    fx_checks: Vec<InstrumentId>,
    ages: AgeLimits,
}

impl View {
    /// Without any book yet.
    pub fn new(plan: &EnginePlan) -> View {
        let instruments = plan.instruments.clone();
        let tops = instruments.iter().map(|instrument| BookTop::empty(instrument.id)).collect();
        let is_rate = |i: &&Instrument| i.quote == Quote::Krw && i.base.as_str() == "USDT";
        let (rates, others): (Vec<&Instrument>, Vec<_>) =
            instruments.iter().filter(is_rate).partition(|i| i.venue == plan.fx);
        let fx_instrument = rates.first().map(|instrument| instrument.id);
        let fx_checks = others.iter().map(|instrument| instrument.id).collect();
        View {
            tops,
            alive_at: [MonoNs(0); limit::VENUES],
            fx: Fx::default(),
            fx_instrument,
            fx_checks,
            ages: plan.ages.clone(),
            instruments,
        }
    }
    /// Takes over a top; true if it is a new committed image.
    pub fn take(&mut self, top: &BookTop, now: MonoNs) -> bool {
        let old = &mut self.tops[top.instrument.index()];
        let is_new_image = top.image != old.image && top.invalid.is_none();
        old.clone_from(top);
        let venue = self.instruments[top.instrument.index()].venue.index();
        self.alive_at[venue] = self.alive_at[venue].max(top.alive_at);
        if self.is_fx(top.instrument) {
            self.fx.on_book(top, &self.ages, now);
        }
        is_new_image
    }
    /// True for the `USDT-KRW` book.
    pub fn is_fx(&self, instrument: InstrumentId) -> bool {
        self.fx_instrument == Some(instrument)
    }
    /// The newest top of a book.
    pub fn top(&self, instrument: InstrumentId) -> &BookTop {
        &self.tops[instrument.index()]
    }
    /// The rules of an instrument.
    pub fn instrument(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.index()]
    }
    /// A leg as an order would meet it.
    pub fn leg(&self, id: InstrumentId, side: Side, depth: Depth) -> Leg<'_> {
        let top = self.top(id);
        let ladder = match depth {
            Depth::Image => top.image_ladder(side),
            Depth::Refined => top.ladder(side),
        };
        Leg { instrument: self.instrument(id), side, ladder }
    }
    /// Whether a book is valid and fresh at `now`.
    ///
    /// # Errors
    /// [`Refusal::NoBook`] or [`Refusal::StaleQuote`].
    pub fn check_book(&self, id: InstrumentId, now: MonoNs) -> Result<(), Refusal> {
        let (top, instrument) = (self.top(id), self.instrument(id));
        if top.invalid.is_some() {
            return Err(Refusal::NoBook);
        }
        let times = QuoteTimes::of(top, self.alive_at[instrument.venue.index()]);
        if self.ages.is_fresh(instrument, times, now) { Ok(()) } else { Err(Refusal::StaleQuote) }
    }
    /// Fresh FX rates.
    ///
    /// # Errors
    /// [`Refusal::StaleFx`].
    pub fn fresh_fx(&self, now: MonoNs) -> Result<FxRates, Refusal> {
        self.fx.fresh(&self.ages, now).ok_or(Refusal::StaleFx)
    }
    /// Whether a valid and fresh `USDT-KRW` book of another venue has its mid further from the
    /// rate's than `fx.max_gap_pct`. Without such a book, or without a rate, nothing contradicts.
    pub fn is_fx_contradicted(&self, now: MonoNs) -> bool {
        let Some(rate) = self.fx.last().and_then(|rates| mid(rates.bid, rates.ask)) else {
            return false;
        };
        let is_far = |id: &InstrumentId| {
            let top = self.top(*id);
            let best = [Side::Sell, Side::Buy].map(|side| top.ladder(side).best());
            let [Some(bid), Some(ask)] = best else { return false };
            let gap = mid(bid.price, ask.price).map(|other| other.distance_from(rate));
            gap.is_some_and(|gap| gap > self.ages.max_fx_gap)
        };
        self.fx_checks.iter().any(|id| self.check_book(*id, now).is_ok() && is_far(id))
    }
    /// Both legs of a route's direction, if both books and FX are valid and fresh.
    ///
    /// # Errors
    /// The first of [`Refusal::NoBook`], [`Refusal::StaleQuote`], [`Refusal::StaleFx`].
    pub fn legs(
        &self,
        route: &Route,
        direction: Direction,
        how: (Depth, MonoNs),
    ) -> Result<Legs<'_>, Refusal> {
        let (depth, now) = how;
        self.check_book(route.krw, now)?;
        self.check_book(route.usdt, now)?;
        let fx = self.fresh_fx(now)?;
        let buy = self.leg(route.buy(direction), Side::Buy, depth);
        let sell = self.leg(route.sell(direction), Side::Sell, depth);
        Ok(Legs { buy, sell, fx })
    }
}

fn mid(bid: Price, ask: Price) -> Option<Price> {
    Price::from_raw(i64::midpoint(bid.raw(), ask.raw()))
}
