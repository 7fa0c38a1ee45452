//! What an account of OKX may ask for, over REST and on its private socket. Pure.
//!
//! The answers to a new order and to a cancel only acknowledge: the channel `orders` tells the
//! truth.

use std::collections::BTreeMap;

use crate::net::serve::Request;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::okx::auth;
use crate::sim::dialect::okx::auth::Denied;
use crate::sim::dialect::okx::market;
use crate::sim::dialect::okx::orders;
use crate::sim::dialect::okx::orders::Shown;
use crate::sim::dialect::pace::Window;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountId;
use crate::sim::exchange::order::NewOrder;
use crate::sim::exchange::order::OrderKind;
use crate::sim::exchange::order::OrderRef;
use crate::sim::exchange::order::Refused;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::Tif;
use crate::types::market::Side;
use crate::types::time::DurNs;
use crate::types::units::Price;
use crate::types::units::Qty;

/// Orders, and cancels, of an instrument in two seconds.
const ORDERS: u32 = 60;
/// Other requests of an account in two seconds.
const QUERIES: u32 = 60;
/// Most rows of one answer.
const MOST_ROWS: usize = 100;

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Want {
    /// A new order.
    Place,
    /// The end of an order.
    Cancel,
    /// One order.
    Order,
    /// Orders that are open.
    Pending,
    /// Orders that are over.
    History,
    /// Matches.
    Fills,
    /// Balances.
    Balance,
    /// Fees.
    Fees,
    /// What the key may do.
    Config,
}

impl Want {
    /// By method and path of REST.
    pub fn of_request(method: &str, path: &str) -> Option<Want> {
        match (method, path) {
            ("POST", "/api/v5/trade/order") => Some(Want::Place),
            ("POST", "/api/v5/trade/cancel-order") => Some(Want::Cancel),
            ("GET", "/api/v5/trade/order") => Some(Want::Order),
            ("GET", "/api/v5/trade/orders-pending") => Some(Want::Pending),
            ("GET", "/api/v5/trade/orders-history") => Some(Want::History),
            ("GET", "/api/v5/trade/fills" | "/api/v5/trade/fills-history") => Some(Want::Fills),
            ("GET", "/api/v5/account/balance") => Some(Want::Balance),
            ("GET", "/api/v5/account/trade-fee") => Some(Want::Fees),
            ("GET", "/api/v5/account/config") => Some(Want::Config),
            _ => None,
        }
    }
}

/// A request that was let in.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// Whose.
    pub account: AccountId,
    /// Its parameters.
    pub params: &'a Params,
    /// The venue's codes.
    pub codes: &'a Codes,
    /// The present.
    pub now: SimNow,
}

/// Accounts and their rates.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    rates: BTreeMap<(AccountId, Want, Option<usize>), Window>,
}

impl Desk {
    /// Takes one of the rate: of an instrument for orders and cancels, of the account otherwise.
    /// False if there is nothing left.
    pub fn pace(&mut self, want: Want, of: (AccountId, Option<usize>), now: SimNow) -> bool {
        let is_order = matches!(want, Want::Place | Want::Cancel);
        let limit = if is_order { ORDERS } else { QUERIES };
        let key = (of.0, want, of.1.filter(|_| is_order));
        let window = self.rates.entry(key);
        let fresh = || Window::new(limit, DurNs::from_secs(2));
        window.or_insert_with(fresh).take(1, now.now.mono)
    }

    /// Answers a REST request; `None` where the rate is used up.
    pub fn answer(
        &mut self,
        want: Want,
        request: &Request,
        at: (&mut Exchange, SimNow),
        codes: &Codes,
    ) -> Option<Answer> {
        let (exchange, now) = at;
        let account = match auth::admit(request, (exchange.accounts(), now)) {
            Ok(account) => account.id,
            Err((code, text)) => return Some(market::refused(401, code, &text)),
        };
        let params = match request.body.is_empty() {
            true => Params::of_query(&request.query),
            false => Params::of_json(&request.body).unwrap_or_default(),
        };
        let visit = Visit { account, params: &params, codes, now };
        let instrument = params.get("instId").and_then(|symbol| codes.find(symbol));
        if !self.pace(want, (account, instrument), now) {
            return None;
        }
        Some(match want {
            Want::Place | Want::Cancel => Answer::ok(ordered(want, (visit, instrument), exchange)),
            _ => asked(want, visit, exchange),
        })
    }
}

/// The answer to a new order or a cancel, without the client's id of the request.
pub fn ordered(want: Want, of: (Visit<'_>, Option<usize>), exchange: &mut Exchange) -> String {
    let (visit, instrument) = of;
    let now_ms = visit.now.wall_ms;
    let done = match instrument {
        None => Err(orders::refused(Refused::NoInstrument)),
        Some(instrument) if want == Want::Place => place((visit, instrument), exchange),
        Some(instrument) => cancel((visit, instrument), exchange),
    };
    let own = visit.params.get("clOrdId").unwrap_or_default().to_owned();
    let (id, own, code, text) = match done {
        Ok(order) => {
            (orders::order_id(order.id), orders::own_id(&order).to_owned(), "0", String::new())
        }
        Err((code, text)) => (String::new(), own, code, text),
    };
    let row = Obj::new().text("clOrdId", own).text("ordId", id);
    let row = if want == Want::Place { row.text("tag", "") } else { row };
    let row = row.text("ts", now_ms).text("sCode", code).text("sMsg", text);
    let (code, text) = if code == "0" { ("0", "") } else { ("1", "All operations failed") };
    let micros = now_ms.saturating_mul(1_000);
    Obj::new()
        .text("code", code)
        .text("msg", text)
        .raw("data", list([row.end()]))
        .text("inTime", micros + 339)
        .text("outTime", micros + 940)
        .end()
}

fn cancel(of: (Visit<'_>, usize), exchange: &mut Exchange) -> Result<SimOrder, Denied> {
    let (visit, instrument) = of;
    let order = meant(visit, exchange).filter(|order| order.order.instrument == instrument);
    let order = order.cloned().ok_or_else(|| orders::refused(Refused::NoOrder))?;
    let ended = exchange.cancel(visit.account, OrderRef::Id(order.id), visit.now.wall_ms);
    ended.map(|_| order).map_err(orders::refused)
}

fn place(of: (Visit<'_>, usize), exchange: &mut Exchange) -> Result<SimOrder, Denied> {
    let order = read(of)?;
    let placed = exchange.place(order, of.0.now.wall_ms).map_err(orders::refused)?;
    let order = exchange.order(of.0.account, OrderRef::Id(placed)).cloned();
    order.ok_or_else(|| ("50026", "System error. Try again later.".to_owned()))
}

fn meant<'e>(visit: Visit<'_>, exchange: &'e Exchange) -> Option<&'e SimOrder> {
    if let Some(text) = visit.params.get("ordId") {
        return exchange.order(visit.account, OrderRef::Id(orders::id_of(text)?));
    }
    let own = visit.params.get("clOrdId")?;
    exchange.order(visit.account, OrderRef::Client(own))
}

fn read(of: (Visit<'_>, usize)) -> Result<NewOrder, Denied> {
    let (visit, instrument) = of;
    let params = visit.params;
    let bad = |name: &str| ("51000", format!("Parameter {name} error"));
    if params.get("tdMode") != Some("cash") {
        return Err(bad("tdMode"));
    }
    let side = match params.get("side") {
        Some("buy") => Side::Buy,
        Some("sell") => Side::Sell,
        _ => return Err(bad("side")),
    };
    let size = params.raw("sz").filter(|raw| *raw > 0).ok_or_else(|| bad("sz"))?;
    let qty = Qty::from_raw(size).ok_or_else(|| bad("sz"))?;
    let limit = |tif: Tif| {
        let price = params.raw("px").and_then(Price::from_raw).ok_or_else(|| bad("px"))?;
        Ok((OrderKind::Limit { price, qty }, tif))
    };
    let (kind, tif) = match params.get("ordType") {
        Some("limit") => limit(Tif::Gtc)?,
        Some("ioc") => limit(Tif::Ioc)?,
        Some("fok") => limit(Tif::Fok)?,
        Some("post_only") => limit(Tif::PostOnly)?,
        // A market buy is by value, unless it says otherwise; a market sell by quantity.
        Some("market") => match (params.get("tgtCcy"), side) {
            (Some("base_ccy"), _) | (None, Side::Sell) => (OrderKind::MarketQty(qty), Tif::Ioc),
            _ => (OrderKind::MarketValue { raw: size }, Tif::Ioc),
        },
        _ => return Err(bad("ordType")),
    };
    let client_id = params.get("clOrdId").map(str::to_owned);
    let is_good = |id: &String| id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if !client_id.as_ref().is_none_or(is_good) {
        return Err(bad("clOrdId"));
    }
    Ok(NewOrder { account: visit.account, instrument, side, kind, tif, client_id })
}

fn asked(want: Want, visit: Visit<'_>, exchange: &Exchange) -> Answer {
    let now_ms = visit.now.wall_ms;
    match want {
        Want::Balance => {
            let wanted = visit.params.get("ccy");
            let mut balances = exchange.balances(visit.account);
            balances.retain(|(asset, _, _)| {
                wanted.is_none_or(|coins| coins.split(',').any(|coin| coin == asset.as_str()))
            });
            market::done([orders::balance(&balances, now_ms)])
        }
        Want::Fees => {
            let first = exchange.instruments().first();
            market::done(first.map(|of| orders::fees(of, now_ms)))
        }
        Want::Config => {
            let mut accounts = exchange.accounts().iter();
            let account = accounts.find(|account| account.id == visit.account);
            let may_withdraw = account.is_some_and(|account| account.may_withdraw);
            let may = if may_withdraw { "read_only,trade,withdraw" } else { "read_only,trade" };
            let config = Obj::new().text("uid", "614488474791936").text("acctLv", "1");
            market::done([config.text("perm", may).text("ip", "127.0.0.1").end()])
        }
        _ => rows(want, visit, exchange),
    }
}

fn rows(want: Want, visit: Visit<'_>, exchange: &Exchange) -> Answer {
    let wanted = match visit.params.get("instId") {
        None => None,
        Some(symbol) => match visit.codes.find(symbol) {
            Some(instrument) => Some(instrument),
            None => return market::refused(200, "51001", "Instrument ID does not exist"),
        },
    };
    let shown = |order: &SimOrder| {
        let at = order.order.instrument;
        let instrument = &exchange.instruments()[at];
        orders::order((order, visit.codes.symbol(at)), instrument, Shown::Rest)
    };
    if want == Want::Order {
        let order = meant(visit, exchange);
        return match order.filter(|order| wanted == Some(order.order.instrument)) {
            Some(order) => market::done([shown(order)]),
            None => market::refused(200, "51603", "Order does not exist"),
        };
    }
    let only = visit.params.get("ordId").map(orders::id_of);
    let is_wanted = |order: &&SimOrder| {
        let is_here = wanted.is_none_or(|wanted| wanted == order.order.instrument);
        let is_chosen = only.is_none_or(|only| only == Some(order.id));
        is_here
            && is_chosen
            && match want {
                Want::Pending => order.state.is_open(),
                Want::History => !order.state.is_open(),
                _ => true,
            }
    };
    let found = exchange.orders(visit.account).rev().filter(is_wanted);
    if want != Want::Fills {
        return market::done(found.take(MOST_ROWS).map(shown));
    }
    let fills = found.flat_map(|order| {
        let at = order.order.instrument;
        let (symbol, instrument) = (visit.codes.symbol(at), &exchange.instruments()[at]);
        order.fills.iter().rev().map(move |fill| orders::fill((order, fill), symbol, instrument))
    });
    market::done(fills.take(MOST_ROWS))
}
