//! Orders and balances as Upbit and Bithumb show them over HTTP. Pure.

use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::korean::frames::kst;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::spell::plain;
use crate::sim::dialect::totals;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::OrderKind;
use crate::sim::exchange::order::Refused;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::SimState;
use crate::sim::exchange::order::Tif;
use crate::types::ids::Asset;
use crate::types::ids::VenueId;
use crate::types::market::Side;
use crate::types::rng::mix;

/// The venue's id of an order.
pub fn order_id(id: u64, venue: VenueId) -> String {
    match venue {
        VenueId::Bithumb => format!("C0101{id:015}"),
        _ => uuid(id),
    }
}

/// The venue's id of a match.
pub fn trade_id(id: u64, venue: VenueId) -> String {
    order_id(id.wrapping_add(1 << 40), venue)
}

fn uuid(id: u64) -> String {
    let head = mix(id);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        head >> 32,
        head >> 16 & 0xffff,
        head >> 4 & 0xfff,
        head & 0xfff,
        id & 0xffff_ffff_ffff
    )
}

/// The order that such an id names.
pub fn id_of(text: &str, venue: VenueId) -> Option<u64> {
    let id = match venue {
        VenueId::Bithumb => text.strip_prefix("C0101")?.parse().ok()?,
        _ => u64::from_str_radix(text.get(24..)?, 16).ok()?,
    };
    (order_id(id, venue) == text).then_some(id)
}

/// `bid` or `ask`.
pub const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "bid",
        Side::Sell => "ask",
    }
}

/// The venue's name of a kind of order.
pub const fn type_name(order: &SimOrder) -> &'static str {
    match order.order.kind {
        OrderKind::Limit { .. } => "limit",
        OrderKind::MarketQty(_) => "market",
        OrderKind::MarketValue { .. } => "price",
        OrderKind::Best { .. } => "best",
    }
}

/// The venue's name of a state. A partly filled order still waits.
pub const fn state_name(state: SimState) -> &'static str {
    match state {
        SimState::Open | SimState::Partly => "wait",
        SimState::Filled => "done",
        SimState::Cancelled | SimState::Expired => "cancel",
    }
}

/// The venue's name of how long an order stands; `None` where it is not told.
pub const fn tif_name(tif: Tif) -> Option<&'static str> {
    match tif {
        Tif::Gtc => None,
        Tif::Ioc => Some("ioc"),
        Tif::Fok => Some("fok"),
        Tif::PostOnly => Some("post_only"),
    }
}

/// Whose orders, and from where.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    /// Upbit or Bithumb.
    pub venue: VenueId,
    /// Its codes.
    pub codes: &'a Codes,
    /// Its orders.
    pub exchange: &'a Exchange,
}

impl Ledger<'_> {
    /// An order as one answer shows it; unknown values are left out.
    pub fn order(self, order: &SimOrder) -> Obj {
        let instrument = &self.exchange.instruments()[order.order.instrument];
        let reserved = totals::reserved_fee_raw(order, instrument);
        let paid = totals::paid_fee_raw(order);
        let is_buy = order.order.side == Side::Buy;
        let remaining = if order.state.is_open() && is_buy { (reserved - paid).max(0) } else { 0 };
        let head = Obj::new()
            .text("market", self.codes.symbol(order.order.instrument))
            .text("uuid", order_id(order.id, self.venue))
            .text("side", side_name(order.order.side))
            .text("ord_type", type_name(order));
        let price = totals::price_of(order).map(|price| price.raw()).or(totals::value_of(order));
        let head = optional(head, "price", price.map(plain));
        let head =
            head.text("state", state_name(order.state)).text("created_at", kst(order.placed_at_ms));
        let qty = totals::qty_of(order);
        let head = optional(head, "volume", qty.map(|qty| plain(qty.raw())));
        let left = qty.map(|_| plain(totals::left_of(order).raw()));
        let body = optional(head, "remaining_volume", left)
            .text("executed_volume", plain(order.filled.raw()))
            .text("executed_funds", plain(order.filled_value_raw))
            .text("reserved_fee", plain(if is_buy { reserved } else { 0 }))
            .text("remaining_fee", plain(remaining))
            .text("paid_fee", plain(paid))
            .text("locked", plain(order.locked_raw));
        let body = match self.venue {
            VenueId::Upbit => body
                .text("prevented_volume", 0)
                .text("prevented_locked", 0)
                .text("smp_type", "cancel_maker"),
            _ => body.text("stp_type", "cancel_taker"),
        };
        let body = optional(body, "time_in_force", tif_name(order.order.tif).map(str::to_owned));
        let own_id = match self.venue {
            VenueId::Upbit => "identifier",
            _ => "client_order_id",
        };
        optional(body, own_id, order.order.client_id.clone()).raw("trades_count", order.fills.len())
    }

    /// The same with its matches.
    pub fn order_with_trades(self, order: &SimOrder) -> String {
        let symbol = self.codes.symbol(order.order.instrument);
        let trades = order.fills.iter().map(|fill| {
            Obj::new()
                .text("market", symbol)
                .text("uuid", trade_id(fill.trade_id, self.venue))
                .text("price", plain(fill.price.raw()))
                .text("volume", plain(fill.qty.raw()))
                .text("funds", plain(totals::value_raw(fill.price, fill.qty)))
                .text("created_at", kst(fill.at_ms))
                .text("side", side_name(order.order.side))
                .end()
        });
        self.order(order).raw("trades", list(trades)).end()
    }

    /// Fees, bounds and balances of a market.
    pub fn chance(self, instrument: usize, balances: &[(Asset, i64, i64)]) -> String {
        let of = &self.exchange.instruments()[instrument];
        let fee = plain(of.fee.get() * 100);
        let least = plain(of.min_notional_raw);
        let symbol = self.codes.symbol(instrument);
        let bound =
            |currency: &str| Obj::new().text("currency", currency).text("min_total", &least).end();
        let bids = r#"["best_fok","best_ioc","limit","limit_fok","limit_ioc","price"]"#;
        let asks = r#"["best_fok","best_ioc","limit","limit_fok","limit_ioc","market"]"#;
        let market = Obj::new()
            .text("id", symbol)
            .text("name", format!("{}/{}", of.base, of.quote.code()))
            .raw("order_types", r#"["limit"]"#)
            .raw("order_sides", r#"["ask","bid"]"#)
            .raw("bid_types", bids)
            .raw("ask_types", asks)
            .raw("bid", bound(of.quote.code()))
            .raw("ask", bound(&of.base))
            .text("max_total", "1000000000")
            .text("state", "active");
        let account = |currency: &str| {
            let found = balances.iter().find(|(asset, _, _)| asset.as_str() == currency);
            let (free, locked) = found.map_or((0, 0), |(_, free, locked)| (*free, *locked));
            balance(currency, (free, locked))
        };
        Obj::new()
            .text("bid_fee", &fee)
            .text("ask_fee", &fee)
            .text("maker_bid_fee", &fee)
            .text("maker_ask_fee", &fee)
            .raw("market", market.end())
            .raw("bid_account", account(of.quote.code()))
            .raw("ask_account", account(&of.base))
            .end()
    }

    /// Why an order was not taken.
    pub fn refused(self, why: Refused, side: Side) -> Answer {
        let side = side_name(side);
        let is_upbit = self.venue == VenueId::Upbit;
        let (status, name, message) = match why {
            Refused::NoInstrument => (400, "notfoundmarket".to_owned(), "There is no such market."),
            Refused::Halted => (403, "market_offline".to_owned(), "The venue is being serviced."),
            Refused::Tick if !is_upbit => (400, format!("invalid_price_{side}"), "Off the tick."),
            Refused::Tick | Refused::Lot | Refused::TooManyOpen => {
                (400, format!("create_{side}_error"), "The order is not acceptable.")
            }
            Refused::MinValue if is_upbit => {
                (400, format!("under_min_total_{side}"), "The order is too small.")
            }
            Refused::MinValue => (400, format!("under_price_limit_{side}"), "It is too small."),
            Refused::MaxValue => (400, format!("over_krw_funds_{side}"), "It is too large."),
            Refused::Balance { .. } => {
                (400, format!("insufficient_funds_{side}"), "There is not enough balance.")
            }
            Refused::DuplicateId => {
                (400, "duplicated_identifier".to_owned(), "The identifier was used before.")
            }
            Refused::WouldTake => {
                (400, "invalid_post_only".to_owned(), "The order would match at once.")
            }
            Refused::NoOrder | Refused::Over => return not_found(),
        };
        Answer::named(status, format!("\"{name}\""), message)
    }
}

/// No such order, or it is over.
pub fn not_found() -> Answer {
    Answer::named(404, "\"order_not_found\"", "The order was not found.")
}

/// All balances.
pub fn accounts(balances: &[(Asset, i64, i64)]) -> String {
    list(balances.iter().map(|(asset, free, locked)| balance(asset, (*free, *locked))))
}

/// A coin with what is free and what is locked.
fn balance(currency: &str, of: (i64, i64)) -> String {
    Obj::new()
        .text("currency", currency)
        .text("balance", plain(of.0))
        .text("locked", plain(of.1))
        .text("avg_buy_price", 0)
        .raw("avg_buy_price_modified", false)
        .text("unit_currency", "KRW")
        .end()
}

fn optional(to: Obj, key: &str, value: Option<String>) -> Obj {
    match value {
        Some(value) => to.text(key, value),
        None => to,
    }
}
