//! How a venue takes an order and lets it match: rules, locks, fills, ends.

use crate::sim::exchange::core::Doors;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::ledger::Locked;
use crate::sim::exchange::ledger::Move;
use crate::sim::exchange::limits;
use crate::sim::exchange::matching;
use crate::sim::exchange::matching::Cost;
use crate::sim::exchange::matching::Reach;
use crate::sim::exchange::matching::Sums;
use crate::sim::exchange::matching::walk;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::exchange::order::AccountId;
use crate::sim::exchange::order::NewOrder;
use crate::sim::exchange::order::OrderKind;
use crate::sim::exchange::order::Refused;
use crate::sim::exchange::order::SimFill;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;
use crate::sim::exchange::order::Tif;
use crate::types::ids::Asset;
use crate::types::ids::asset;
use crate::types::market::BuyFee;
use crate::types::market::Instrument;
use crate::types::market::Level;
use crate::types::market::Quote;
use crate::types::market::Side;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::mul_div;

/// What an order comes to when it meets the book.
struct Meeting {
    limit: Option<Price>,
    matches: Vec<Level>,
    left: Left,
}

/// What of an order its matches leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// Money that buys less than one lot: the Korean venues end such an order as cancelled.
    Dust,
    Some,
}

/// One match: the level that it took from, and its price.
#[derive(Clone, Copy)]
struct Hit {
    level: Level,
    price: Price,
    is_maker: bool,
}

impl Exchange {
    pub(crate) fn try_place(&mut self, order: NewOrder, now_ms: u64) -> Result<u64, Refused> {
        let instrument = self.instruments.get(order.instrument).ok_or(Refused::NoInstrument)?;
        let instrument = instrument.clone();
        if order.account.0 >= self.accounts().len() {
            return Err(Refused::NoInstrument);
        }
        if self.doors == Doors::Halted {
            return Err(Refused::Halted);
        }
        self.check_id(&order)?;
        check_grid(&order, &instrument)?;
        let meeting = self.meet(&order, &instrument);
        self.check_value(&order, &instrument)?;
        if order.tif == Tif::PostOnly && !meeting.matches.is_empty() {
            return Err(Refused::WouldTake);
        }
        let (asset, locked_raw) = lock_of(&order, &instrument, &meeting)?;
        if self.ledger.lock(order.account, asset, locked_raw) == Locked::Short {
            return Err(Refused::Balance { asset });
        }
        let id = self.next_order;
        self.next_order += 1;
        let placed = SimOrder {
            id,
            order,
            state: SimState::Open,
            filled: Qty::ZERO,
            filled_value_raw: 0,
            fills: Vec::new(),
            locked_raw,
            placed_at_ms: now_ms,
            changed_at_ms: now_ms,
        };
        self.tell(placed.order.account, AccountEvent::Placed(placed.clone()));
        self.tell_balance(placed.order.account, asset);
        self.carry_out(placed, meeting, now_ms);
        Ok(id)
    }

    fn check_id(&self, order: &NewOrder) -> Result<(), Refused> {
        let is_free = |id: &String| self.store.is_free(order.account, id);
        if !order.client_id.as_ref().is_none_or(is_free) {
            return Err(Refused::DuplicateId);
        }
        let own = self.store.open().filter(|open| open.order.account == order.account);
        if own.count() >= limits::OPEN_ORDERS { Err(Refused::TooManyOpen) } else { Ok(()) }
    }

    fn check_value(&self, order: &NewOrder, instrument: &Instrument) -> Result<(), Refused> {
        let best = || self.books[order.instrument].offered(order.side, self.depth).next();
        let at = |price: Price, qty: Qty| price.times::<()>(qty, Round::Down).map(|v| v.raw());
        let at_best = |qty| best().map_or(Some(0), |best| at(best.price, qty));
        let value = match order.kind {
            OrderKind::Limit { price, qty } => at(price, qty),
            OrderKind::MarketQty(qty) | OrderKind::Best { qty: Some(qty), .. } => at_best(qty),
            OrderKind::MarketValue { raw } => Some(raw),
            OrderKind::Best { value_raw, .. } => value_raw,
        };
        match value {
            Some(raw) if raw < instrument.min_notional_raw => Err(Refused::MinValue),
            Some(raw) if raw <= limits::max_value_raw(instrument.quote) => Ok(()),
            _ => Err(Refused::MaxValue),
        }
    }

    /// What of the book the order matches as it stands.
    fn meet(&self, order: &NewOrder, instrument: &Instrument) -> Meeting {
        let book = &self.books[order.instrument];
        let offered = || book.offered(order.side, self.depth);
        let (limit, reach) = match order.kind {
            OrderKind::Limit { price, qty } => (Some(price), Reach::Qty(qty)),
            OrderKind::MarketQty(qty) => (None, Reach::Qty(qty)),
            OrderKind::MarketValue { raw } => (None, Reach::Value(raw)),
            OrderKind::Best { qty, value_raw } => {
                let reach = qty.map_or(Reach::Value(value_raw.unwrap_or(0)), Reach::Qty);
                (offered().next().map(|best| best.price), reach)
            }
        };
        let matches = walk(offered(), (order.side, limit), reach, instrument.lot);
        let left = match reach {
            Reach::Qty(qty) if matching::quantity(&matches) < qty => Left::Some,
            Reach::Qty(_) => Left::Nothing,
            Reach::Value(raw) => value_left(raw, &matches, instrument),
        };
        Meeting { limit, matches, left }
    }

    /// Fills what matches and ends the order, or lets its rest stand.
    fn carry_out(&mut self, mut order: SimOrder, meeting: Meeting, now_ms: u64) {
        let is_dead = order.order.tif == Tif::Fok && meeting.left == Left::Some;
        if !is_dead {
            for level in meeting.matches {
                let hit = Hit { level, price: level.price, is_maker: false };
                self.fill(&mut order, hit, now_ms);
            }
        }
        let is_resting = matches!(order.order.kind, OrderKind::Limit { .. })
            && matches!(order.order.tif, Tif::Gtc | Tif::PostOnly);
        match meeting.left {
            Left::Nothing => self.end(order, SimState::Filled, now_ms),
            Left::Some if is_resting && meeting.limit.is_some() => self.store.put(order),
            Left::Some | Left::Dust => self.end(order, SimState::Expired, now_ms),
        }
    }

    /// One match: at the level's price for a new order, at its own price for one that rests.
    fn fill(&mut self, order: &mut SimOrder, hit: Hit, now_ms: u64) {
        let Hit { level, price, is_maker } = hit;
        self.books[order.order.instrument].take(order.order.side, level);
        let instrument = self.instruments[order.order.instrument].clone();
        let (side, account) = (order.order.side, order.order.account);
        let matched = Level { price, qty: level.qty };
        let mut sums = Sums::of(order.fills.iter().map(|f| Level { price: f.price, qty: f.qty }));
        let cost = sums.add(matched, side, &instrument);
        let Some(moved) = move_of(matched, cost, side, &instrument) else { return };
        self.ledger.settle(account, moved);
        order.filled = order.filled.plus(level.qty).unwrap_or(order.filled);
        order.filled_value_raw = sums.value_raw(side);
        order.state = SimState::Partly;
        order.changed_at_ms = now_ms;
        let fill = SimFill {
            trade_id: self.next_trade,
            price,
            qty: level.qty,
            fee_raw: cost.fee_raw,
            fee_asset: moved.fee.0,
            is_maker,
            at_ms: now_ms,
        };
        self.next_trade += 1;
        order.fills.push(fill);
        self.release(order, moved, &instrument);
        let OrderKind::Limit { qty, .. } = order.order.kind else {
            return self.tell_fill(order, fill, moved);
        };
        if order.filled >= qty {
            order.state = SimState::Filled;
        }
        self.tell_fill(order, fill, moved);
    }

    fn tell_fill(&mut self, order: &SimOrder, fill: SimFill, moved: Move) {
        let account = order.order.account;
        self.tell(account, AccountEvent::Filled(order.clone(), fill));
        self.tell_balance(account, moved.given.0);
        self.tell_balance(account, moved.got.0);
    }

    /// After a match only what the rest needs stays locked.
    fn release(&mut self, order: &mut SimOrder, moved: Move, instrument: &Instrument) {
        let ((given, paid), (fee, fee_raw)) = (moved.given, moved.fee);
        let spent = paid + if fee == given { fee_raw } else { 0 };
        let left = (order.locked_raw - spent).max(0);
        let needed = match order.order.kind {
            OrderKind::Limit { price, qty } => {
                let qty = qty.minus(order.filled);
                lock_of_limit(order.order.side, Level { price, qty }, instrument).unwrap_or(left)
            }
            _ => left,
        };
        let kept = left.min(needed);
        self.ledger.unlock(order.order.account, given, left - kept);
        order.locked_raw = kept;
    }

    /// The order is over: what is still locked for it is free again.
    pub(crate) fn end(&mut self, mut order: SimOrder, state: SimState, now_ms: u64) {
        let account = order.order.account;
        let instrument = &self.instruments[order.order.instrument];
        let asset = given(order.order.side, instrument);
        if order.locked_raw > 0
            && let Some(asset) = asset
        {
            self.ledger.unlock(account, asset, order.locked_raw);
            order.locked_raw = 0;
            self.tell_balance(account, asset);
        }
        order.state = state;
        order.changed_at_ms = now_ms;
        self.store.put(order.clone());
        self.tell(account, AccountEvent::Done(order));
    }

    /// Lets what rests in a book match its new image, oldest order first.
    pub(crate) fn match_resting(&mut self, instrument: usize, now_ms: u64) {
        let here = |order: &&SimOrder| order.order.instrument == instrument;
        let resting: Vec<SimOrder> = self.store.open().filter(here).cloned().collect();
        for mut order in resting {
            let OrderKind::Limit { price, qty } = order.order.kind else { continue };
            let (side, reach) = (order.order.side, Reach::Qty(qty.minus(order.filled)));
            let offered = self.books[instrument].offered(side, self.depth);
            let lot = self.instruments[instrument].lot;
            let matches = walk(offered, (side, Some(price)), reach, lot);
            if matches.is_empty() {
                continue;
            }
            for level in matches {
                self.fill(&mut order, Hit { level, price, is_maker: true }, now_ms);
            }
            match order.state {
                SimState::Filled => self.end(order, SimState::Filled, now_ms),
                _ => self.store.put(order),
            }
        }
    }

    fn tell_balance(&mut self, account: AccountId, asset: Asset) {
        let balance = self.ledger.balance(account, asset);
        let (free_raw, locked_raw) = (balance.free_raw, balance.locked_raw);
        self.tell(account, AccountEvent::Balance { asset, free_raw, locked_raw });
    }
}

/// What a side pays with. `None` cannot be: both codes were checked when the table was made.
fn given(side: Side, instrument: &Instrument) -> Option<Asset> {
    match side {
        Side::Buy => asset(instrument.quote.code()),
        Side::Sell => Some(instrument.base),
    }
}

fn check_grid(order: &NewOrder, instrument: &Instrument) -> Result<(), Refused> {
    let (price, qty) = match order.kind {
        OrderKind::Limit { price, qty } => (Some(price), Some(qty)),
        OrderKind::MarketQty(qty) => (None, Some(qty)),
        OrderKind::MarketValue { .. } => (None, None),
        OrderKind::Best { qty, .. } => (None, qty),
    };
    let is_on_tick = |price: Price| instrument.ticks.snap(price, Round::Down) == Some(price);
    let is_on_lot = |qty: Qty| !qty.is_zero() && qty.floor_to(instrument.lot) == qty;
    if !price.is_none_or(is_on_tick) {
        return Err(Refused::Tick);
    }
    if qty.is_none_or(is_on_lot) { Ok(()) } else { Err(Refused::Lot) }
}

/// What an order locks when it is taken, and of what.
fn lock_of(
    order: &NewOrder,
    instrument: &Instrument,
    meeting: &Meeting,
) -> Result<(Asset, i64), Refused> {
    let asset = given(order.side, instrument).ok_or(Refused::NoInstrument)?;
    let of_matches = || match order.side {
        Side::Buy => matching::buy_cost_raw(meeting.matches.iter().copied(), instrument),
        Side::Sell => Some(matching::quantity(&meeting.matches).raw()),
    };
    let of_value = |raw: i64| match order.side {
        Side::Buy => with_fee(raw, instrument),
        Side::Sell => of_matches(),
    };
    let raw = match order.kind {
        OrderKind::Limit { price, qty } => {
            lock_of_limit(order.side, Level { price, qty }, instrument)
        }
        OrderKind::MarketQty(qty) | OrderKind::Best { qty: Some(qty), .. } => match order.side {
            Side::Buy => of_matches(),
            Side::Sell => Some(qty.raw()),
        },
        OrderKind::MarketValue { raw } => of_value(raw),
        OrderKind::Best { value_raw, .. } => of_value(value_raw.unwrap_or(0)),
    };
    Ok((asset, raw.ok_or(Refused::MaxValue)?))
}

fn lock_of_limit(side: Side, level: Level, instrument: &Instrument) -> Option<i64> {
    match side {
        Side::Sell => Some(level.qty.raw()),
        Side::Buy => {
            let cost = level.price.times::<()>(level.qty, Round::Up)?.raw();
            with_fee(cost, instrument)?.checked_add(limits::extra_lock_raw(instrument.venue))
        }
    }
}

/// A cost with the fee, where that is paid on top.
fn with_fee(cost_raw: i64, instrument: &Instrument) -> Option<i64> {
    match instrument.buy_fee {
        BuyFee::Base => Some(cost_raw),
        BuyFee::Quote => {
            let fee = mul_div(cost_raw, instrument.fee.get(), Ppm::ONE.get(), Round::Up)?;
            cost_raw.checked_add(fee)
        }
    }
}

fn value_left(raw: i64, matches: &[Level], instrument: &Instrument) -> Left {
    let spent = Sums::of(matches.iter().copied()).value_raw(Side::Buy);
    let rest = raw.saturating_sub(spent);
    let lot = matches.last().and_then(|last| last.price.times::<()>(instrument.lot, Round::Up));
    match lot {
        Some(lot) if rest >= lot.raw() => Left::Some,
        None => Left::Some,
        Some(_) if rest > 0 && instrument.quote == Quote::Krw => Left::Dust,
        Some(_) => Left::Nothing,
    }
}

fn move_of(matched: Level, cost: Cost, side: Side, instrument: &Instrument) -> Option<Move> {
    let quote = asset(instrument.quote.code())?;
    let (base, qty_raw) = (instrument.base, matched.qty.raw());
    Some(match side {
        Side::Buy => Move {
            given: (quote, cost.value_raw),
            got: (base, qty_raw),
            fee: match instrument.buy_fee {
                BuyFee::Quote => (quote, cost.fee_raw),
                BuyFee::Base => (base, cost.fee_raw),
            },
        },
        Side::Sell => Move {
            given: (base, qty_raw),
            got: (quote, cost.value_raw),
            fee: (quote, cost.fee_raw),
        },
    })
}
