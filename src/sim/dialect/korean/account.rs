//! What the private sockets of Upbit and Bithumb tell of an account. Pure.
//!
//! Upbit: numbers, `ASK` and `BID`; of a match the price and volume are those of the match.
//! Bithumb (v2): other names, `buy` and `sell`, balances as strings.

use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::korean::asked::Format;
use crate::sim::dialect::korean::orders::order_id;
use crate::sim::dialect::korean::orders::tif_name;
use crate::sim::dialect::korean::orders::trade_id;
use crate::sim::dialect::korean::orders::type_name;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::spell::quoted;
use crate::sim::dialect::totals;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::exchange::order::SimFill;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;
use crate::types::ids::VenueId;
use crate::types::market::Side;

/// Who tells, and when.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    /// Upbit or Bithumb.
    pub venue: VenueId,
    /// How it writes.
    pub format: Format,
    /// Its codes.
    pub codes: &'a Codes,
    /// The venue's clock, ms since 1970.
    pub now_ms: u64,
}

/// Instruments by which an event is chosen: an order has one, a balance none.
pub const fn instrument_of(event: &AccountEvent) -> Option<usize> {
    match event {
        AccountEvent::Placed(order)
        | AccountEvent::Filled(order, _)
        | AccountEvent::Done(order) => Some(order.order.instrument),
        AccountEvent::Balance { .. } => None,
    }
}

impl Teller<'_> {
    fn key(&self, keys: (&'static str, &'static str)) -> &'static str {
        if self.format.is_short { keys.1 } else { keys.0 }
    }
    fn finish(&self, object: Obj) -> String {
        let text = object.end();
        if self.format.is_list { list([text]) } else { text }
    }

    /// The frame of an event.
    pub fn frame(&self, event: &AccountEvent, exchange: &Exchange) -> String {
        match event {
            AccountEvent::Placed(order) => self.order((order, "wait"), None, exchange),
            AccountEvent::Filled(order, fill) => self.order((order, "trade"), Some(fill), exchange),
            AccountEvent::Done(order) => {
                let is_done = order.state == SimState::Filled;
                self.order((order, if is_done { "done" } else { "cancel" }), None, exchange)
            }
            AccountEvent::Balance { asset, free_raw, locked_raw } => {
                self.balance(asset, (*free_raw, *locked_raw))
            }
        }
    }

    fn order(&self, of: (&SimOrder, &str), fill: Option<&SimFill>, exchange: &Exchange) -> String {
        match self.venue {
            VenueId::Bithumb => self.bithumb_order(of, fill, exchange),
            _ => self.upbit_order(of, fill, exchange),
        }
    }

    fn upbit_order(
        &self,
        of: (&SimOrder, &str),
        fill: Option<&SimFill>,
        exchange: &Exchange,
    ) -> String {
        let (order, state) = of;
        let money = Money::of(order, exchange);
        let null = || "null".to_owned();
        let or_null = |raw: Option<i64>| raw.map_or_else(null, plain);
        let text_or_null = |text: Option<String>| text.map_or_else(null, quoted);
        let price = totals::price_of(order).map(|price| price.raw()).or(totals::value_of(order));
        let side = if order.order.side == Side::Buy { "BID" } else { "ASK" };
        let number = |keys, raw: i64| (self.key(keys), plain(raw));
        let numbers = [
            number(("avg_price", "ap"), totals::average_raw(order)),
            (
                self.key(("volume", "v")),
                or_null(fill.map(|fill| fill.qty).or(totals::qty_of(order)).map(|qty| qty.raw())),
            ),
            number(("remaining_volume", "rv"), totals::left_of(order).raw()),
            number(("executed_volume", "ev"), order.filled.raw()),
            (self.key(("trades_count", "tc")), order.fills.len().to_string()),
            number(("reserved_fee", "rsf"), money.reserved),
            number(("remaining_fee", "rmf"), money.remaining),
            number(("paid_fee", "pf"), money.paid),
            number(("locked", "l"), order.locked_raw),
            number(("executed_funds", "ef"), order.filled_value_raw),
        ];
        let head = Obj::new()
            .text(self.key(("type", "ty")), "myOrder")
            .text(self.key(("code", "cd")), self.codes.symbol(order.order.instrument))
            .text(self.key(("uuid", "uid")), order_id(order.id, self.venue))
            .text(self.key(("ask_bid", "ab")), side)
            .text(self.key(("order_type", "ot")), type_name(order))
            .text(self.key(("state", "s")), state);
        let trade = fill.map(|fill| trade_id(fill.trade_id, self.venue));
        let head = head.raw(self.key(("trade_uuid", "tuid")), text_or_null(trade));
        let price = fill.map(|fill| fill.price.raw()).or(price);
        let head = head.raw(self.key(("price", "p")), or_null(price));
        let body = numbers.into_iter().fold(head, |to, (key, value)| to.raw(key, value));
        let tif = tif_name(order.order.tif).map(str::to_owned);
        let is_maker = fill.map_or_else(null, |fill| fill.is_maker.to_string());
        let traded = fill.map_or_else(null, |fill| fill.at_ms.to_string());
        self.finish(
            body.raw(self.key(("time_in_force", "tif")), text_or_null(tif))
                .raw(self.key(("trade_fee", "tf")), or_null(fill.map(|fill| fill.fee_raw)))
                .raw(self.key(("is_maker", "im")), is_maker)
                .raw(self.key(("identifier", "id")), text_or_null(order.order.client_id.clone()))
                .text(self.key(("smp_type", "smpt")), "cancel_maker")
                .raw(self.key(("prevented_volume", "pv")), 0)
                .raw(self.key(("prevented_locked", "pl")), 0)
                .raw(self.key(("trade_timestamp", "ttms")), traded)
                .raw(self.key(("order_timestamp", "otms")), order.placed_at_ms)
                .raw(self.key(("timestamp", "tms")), self.now_ms)
                .text(self.key(("stream_type", "st")), "REALTIME"),
        )
    }

    fn bithumb_order(
        &self,
        of: (&SimOrder, &str),
        fill: Option<&SimFill>,
        exchange: &Exchange,
    ) -> String {
        let (order, state) = of;
        let money = Money::of(order, exchange);
        let number = |to: Obj, keys, raw: Option<i64>| match raw {
            Some(raw) => to.raw(self.key(keys), plain(raw)),
            None => to,
        };
        let head = Obj::new()
            .text(self.key(("type", "ty")), "myOrder")
            .text(self.key(("code", "cd")), self.codes.symbol(order.order.instrument))
            .text(self.key(("order_id", "oid")), order_id(order.id, self.venue));
        let head = match &order.order.client_id {
            Some(own) => head.text(self.key(("client_order_id", "coid")), own),
            None => head,
        };
        let head = head
            .text(self.key(("side", "sd")), order.order.side.name())
            .text(self.key(("order_type", "ot")), type_name(order))
            .text(self.key(("state", "s")), state);
        let head = match tif_name(order.order.tif) {
            Some(tif) => head.text(self.key(("time_in_force", "tif")), tif),
            None => head,
        };
        let (price, qty) = (totals::price_of(order), totals::qty_of(order));
        let amount = price.zip(qty).map(|(price, qty)| totals::value_raw(price, qty));
        let head = number(head, ("order_price", "op"), price.map(|price| price.raw()));
        let head = number(head, ("order_quantity", "oq"), qty.map(|qty| qty.raw()));
        let head = number(head, ("order_amount", "oa"), amount.or(totals::value_of(order)))
            .raw(self.key(("order_timestamp", "otms")), order.placed_at_ms)
            .raw(self.key(("timestamp", "tms")), self.now_ms);
        let head = match fill {
            Some(fill) => head
                .text(self.key(("trade_id", "tid")), trade_id(fill.trade_id, self.venue))
                .raw(self.key(("trade_price", "tp")), plain(fill.price.raw()))
                .raw(self.key(("trade_quantity", "tq")), plain(fill.qty.raw()))
                .raw(
                    self.key(("trade_amount", "ta")),
                    plain(totals::value_raw(fill.price, fill.qty)),
                )
                .raw(self.key(("trade_timestamp", "ttms")), fill.at_ms),
            None => head,
        };
        let head = match order.state {
            SimState::Cancelled => head.text(self.key(("cancel_type", "ct")), "user"),
            SimState::Expired => head.text(self.key(("cancel_type", "ct")), "tif_cancel"),
            _ => head,
        };
        let left = qty.map(|_| totals::left_of(order).raw());
        let head = number(head, ("executed_quantity", "eq"), Some(order.filled.raw()));
        let head = number(head, ("remaining_quantity", "rq"), left);
        let head = number(head, ("executed_amount", "ea"), Some(order.filled_value_raw));
        let head = number(head, ("paid_fee", "pf"), Some(money.paid));
        let head = number(head, ("remaining_fee", "rmf"), Some(money.remaining));
        self.finish(number(head, ("reserved_fee", "rsf"), Some(money.reserved)))
    }

    fn balance(&self, asset: &str, of: (i64, i64)) -> String {
        let is_upbit = self.venue == VenueId::Upbit;
        let amount = |raw: i64| if is_upbit { plain(raw) } else { quoted(plain(raw)) };
        let row = Obj::new()
            .text(self.key(("currency", "cu")), asset)
            .raw(self.key(("balance", "b")), amount(of.0))
            .raw(self.key(("locked", "l")), amount(of.1))
            .end();
        let head = Obj::new().text(self.key(("type", "ty")), "myAsset");
        let head = match is_upbit {
            true => head.text(
                self.key(("asset_uuid", "astuid")),
                order_id(crate::types::rng::mix(self.now_ms), VenueId::Upbit),
            ),
            false => head,
        };
        let head = head
            .raw(self.key(("assets", "ast")), list([row]))
            .raw(self.key(("asset_timestamp", "asttms")), self.now_ms)
            .raw(self.key(("timestamp", "tms")), self.now_ms);
        self.finish(match is_upbit {
            true => head.text(self.key(("stream_type", "st")), "REALTIME"),
            false => head,
        })
    }
}

/// The fees of an order.
struct Money {
    reserved: i64,
    remaining: i64,
    paid: i64,
}

impl Money {
    fn of(order: &SimOrder, exchange: &Exchange) -> Money {
        let instrument = &exchange.instruments()[order.order.instrument];
        let is_buy = order.order.side == Side::Buy;
        let reserved = if is_buy { totals::reserved_fee_raw(order, instrument) } else { 0 };
        let paid = totals::paid_fee_raw(order);
        let is_held = order.state.is_open() && is_buy;
        let remaining = if is_held { (reserved - paid).max(0) } else { 0 };
        Money { reserved, remaining, paid }
    }
}
