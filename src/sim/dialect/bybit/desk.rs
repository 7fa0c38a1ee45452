//! What an account of Bybit may ask for, over REST and on the trade socket. Pure.
//!
//! The answers to a new order and to a cancel only acknowledge: the topic `order` tells the truth.

use std::collections::BTreeMap;

use crate::net::serve::Request;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::bybit::auth;
use crate::sim::dialect::bybit::auth::Denied;
use crate::sim::dialect::bybit::market;
use crate::sim::dialect::bybit::market::listed;
use crate::sim::dialect::bybit::orders;
use crate::sim::dialect::codes::Codes;
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
use crate::sim::exchange::order::SimState;
use crate::sim::exchange::order::Tif;
use crate::types::market::Side;
use crate::types::time::DurNs;
use crate::types::units::Price;
use crate::types::units::Qty;

/// Most rows of one answer.
const MOST_ROWS: usize = 50;

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Want {
    /// A new order.
    Place,
    /// The end of an order.
    Cancel,
    /// Orders that are open, or one by its id.
    Orders,
    /// Orders of any state.
    History,
    /// Matches.
    Executions,
    /// Balances.
    Wallet,
    /// Fees.
    Fees,
    /// What the key may do.
    Key,
}

impl Want {
    /// By method and path of REST, or by operation of the trade socket.
    pub fn of(method: &str, path: &str) -> Option<Want> {
        match (method, path) {
            ("POST", "/v5/order/create") | ("", "order.create") => Some(Want::Place),
            ("POST", "/v5/order/cancel") | ("", "order.cancel") => Some(Want::Cancel),
            ("GET", "/v5/order/realtime") => Some(Want::Orders),
            ("GET", "/v5/order/history") => Some(Want::History),
            ("GET", "/v5/execution/list") => Some(Want::Executions),
            ("GET", "/v5/account/wallet-balance") => Some(Want::Wallet),
            ("GET", "/v5/account/fee-rate") => Some(Want::Fees),
            ("GET", "/v5/user/query-api") => Some(Want::Key),
            _ => None,
        }
    }
    const fn a_second(self) -> u32 {
        if matches!(self, Want::Place | Want::Cancel) { 20 } else { 50 }
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

/// What is left of a rate.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Allowed in a second.
    pub limit: u32,
    /// Left of it.
    pub left: u32,
    /// When it starts anew, venue time in ms.
    pub resets_ms: u64,
}

/// Accounts and their rates.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    rates: BTreeMap<(AccountId, Want), Window>,
}

impl Desk {
    /// Takes one of the account's rate.
    ///
    /// # Errors
    /// 10006 with what is left, which is nothing.
    pub fn pace(&mut self, of: (AccountId, Want), now: SimNow) -> (Result<(), Denied>, Rate) {
        let (second, mono) = (DurNs::from_secs(1), now.now.mono);
        let window = self.rates.entry(of).or_insert_with(|| Window::new(of.1.a_second(), second));
        let is_within = window.take(1, mono);
        let rate = Rate {
            limit: window.limit(),
            left: window.left(mono),
            resets_ms: now.wall_ms.saturating_add(window.resets_in(mono).as_ms()),
        };
        let text = "Too many visits. Exceeded the API Rate Limit.";
        (if is_within { Ok(()) } else { Err((10006, text.to_owned())) }, rate)
    }

    /// Answers a REST request.
    pub fn answer(
        &mut self,
        want: Want,
        request: &Request,
        at: (&mut Exchange, SimNow),
        codes: &Codes,
    ) -> Answer {
        let (exchange, now) = at;
        let deny = |(code, text): Denied| market::refused(code, &text, now.wall_ms);
        let account = match auth::admit(request, (exchange.accounts(), now)) {
            Ok(account) => account.id,
            Err(denied) => return deny(denied),
        };
        let (paced, rate) = self.pace((account, want), now);
        let params = match request.method.as_str() {
            "GET" => Params::of_query(&request.query),
            _ => Params::of_json(&request.body).unwrap_or_default(),
        };
        let visit = Visit { account, params: &params, codes, now };
        let done = paced.and_then(|()| act(want, visit, exchange));
        let answer = match done {
            Ok(result) => market::done(result, now.wall_ms),
            Err(denied) => deny(denied),
        };
        answer
            .header("X-Bapi-Limit", rate.limit)
            .header("X-Bapi-Limit-Status", rate.left)
            .header("X-Bapi-Limit-Reset-Timestamp", rate.resets_ms)
    }
}

/// Does what is wanted: the result as JSON.
///
/// # Errors
/// Code and words.
pub fn act(want: Want, visit: Visit<'_>, exchange: &mut Exchange) -> Result<String, Denied> {
    match want {
        Want::Place => place(visit, exchange),
        Want::Cancel => cancel(visit, exchange),
        Want::Wallet => {
            let wanted = visit.params.get("coin");
            let mut balances = exchange.balances(visit.account);
            balances.retain(|(asset, _, _)| {
                wanted.is_none_or(|coins| coins.split(',').any(|coin| coin == asset.as_str()))
            });
            Ok(Obj::new().raw("list", list([orders::wallet(&balances)])).end())
        }
        Want::Fees => {
            let wanted = chosen(visit)?;
            let all = 0..exchange.instruments().len();
            let rows = all
                .filter(|at| wanted.is_none_or(|wanted| wanted == *at))
                .map(|at| orders::fee_rate(visit.codes.symbol(at), &exchange.instruments()[at]));
            Ok(Obj::new().raw("list", list(rows)).end())
        }
        Want::Key => Ok(key(visit.account, exchange)),
        Want::Orders | Want::History | Want::Executions => rows(want, visit, exchange),
    }
}

/// What the key may do.
fn key(account: AccountId, exchange: &Exchange) -> String {
    let may_withdraw =
        exchange.accounts().iter().any(|known| known.id == account && known.may_withdraw);
    let wallet = if may_withdraw { r#"["AccountTransfer","Withdraw"]"# } else { "[]" };
    let permissions = Obj::new().raw("Spot", r#"["SpotTrade"]"#).raw("Wallet", wallet).end();
    Obj::new().raw("readOnly", 0).raw("permissions", permissions).text("ips", "*").end()
}

/// The instrument that a request names, if it names one.
fn chosen(visit: Visit<'_>) -> Result<Option<usize>, Denied> {
    match visit.params.get("symbol") {
        None => Ok(None),
        Some(symbol) => match visit.codes.find(symbol) {
            Some(instrument) => Ok(Some(instrument)),
            None => Err(orders::refused(Refused::NoInstrument)),
        },
    }
}

fn rows(want: Want, visit: Visit<'_>, exchange: &Exchange) -> Result<String, Denied> {
    let wanted = chosen(visit)?;
    let one = visit.params.get("orderId").or(visit.params.get("orderLinkId")).is_some();
    let meant = meant(visit, exchange).map(|order| order.id);
    let is_wanted = |order: &&SimOrder| {
        let is_here = wanted.is_none_or(|wanted| wanted == order.order.instrument);
        let is_chosen = if one { meant == Some(order.id) } else { true };
        is_here && is_chosen && (want != Want::Orders || one || order.state.is_open())
    };
    let found = exchange.orders(visit.account).rev().filter(is_wanted);
    if want != Want::Executions {
        let rows = found.take(MOST_ROWS);
        let rows = rows.map(|o| orders::order(visit.codes.symbol(o.order.instrument), o));
        return Ok(paged(rows));
    }
    let rows = found.flat_map(|order| {
        let at = order.order.instrument;
        let fee = exchange.instruments()[at].fee.get();
        let symbol = visit.codes.symbol(at);
        order.fills.iter().rev().map(move |fill| orders::execution(symbol, (order, fill), fee))
    });
    Ok(paged(rows.take(MOST_ROWS)))
}

fn paged(rows: impl Iterator<Item = String>) -> String {
    let listed = listed(rows);
    // The cursor of a last page is empty.
    format!("{{\"nextPageCursor\":\"\",{}", &listed[1..])
}

fn meant<'e>(visit: Visit<'_>, exchange: &'e Exchange) -> Option<&'e SimOrder> {
    if let Some(text) = visit.params.get("orderId") {
        return exchange.order(visit.account, OrderRef::Id(orders::id_of(text)?));
    }
    let own = visit.params.get("orderLinkId")?;
    exchange.order(visit.account, OrderRef::Client(own))
}

fn acknowledged(order: &SimOrder) -> String {
    let own = order.order.client_id.as_deref().unwrap_or_default();
    Obj::new().text("orderId", orders::order_id(order.id)).text("orderLinkId", own).end()
}

fn cancel(visit: Visit<'_>, exchange: &mut Exchange) -> Result<String, Denied> {
    let Some(order) = meant(visit, exchange).cloned() else {
        return Err(orders::refused(Refused::NoOrder));
    };
    match exchange.cancel(visit.account, OrderRef::Id(order.id), visit.now.wall_ms) {
        Ok(_) => Ok(acknowledged(&order)),
        Err(Refused::Over) if order.state == SimState::Filled => {
            Err((170139, "Order has been filled.".to_owned()))
        }
        Err(why) => Err(orders::refused(why)),
    }
}

fn place(visit: Visit<'_>, exchange: &mut Exchange) -> Result<String, Denied> {
    let order = read(visit)?;
    let placed = exchange.place(order, visit.now.wall_ms).map_err(orders::refused)?;
    let order = exchange.order(visit.account, OrderRef::Id(placed));
    order.map(acknowledged).ok_or_else(|| (10016, "Server error.".to_owned()))
}

fn read(visit: Visit<'_>) -> Result<NewOrder, Denied> {
    let params = visit.params;
    let bad = |name: &str| (10001, format!("params error: {name} invalid"));
    if params.get("category") != Some("spot") {
        return Err(bad("category"));
    }
    let instrument = chosen(visit)?.ok_or_else(|| bad("symbol"))?;
    let side = match params.get("side") {
        Some("Buy") => Side::Buy,
        Some("Sell") => Side::Sell,
        _ => return Err(bad("side")),
    };
    if params.get("qty").is_some() && params.raw("qty").is_none() {
        return Err(orders::refused(Refused::Lot));
    }
    let amount = params.raw("qty").filter(|raw| *raw > 0).ok_or_else(|| bad("qty"))?;
    let qty = Qty::from_raw(amount).ok_or_else(|| bad("qty"))?;
    let (kind, tif) = match params.get("orderType") {
        Some("Limit") => {
            let price = params.raw("price").and_then(Price::from_raw);
            let price = price.ok_or_else(|| orders::refused(Refused::Tick))?;
            let tif = match params.get("timeInForce") {
                None | Some("GTC") => Tif::Gtc,
                Some("IOC") => Tif::Ioc,
                Some("FOK") => Tif::Fok,
                Some("PostOnly") => Tif::PostOnly,
                Some(_) => return Err(bad("timeInForce")),
            };
            (OrderKind::Limit { price, qty }, tif)
        }
        // A market buy is by value, unless it says otherwise; a market sell by quantity.
        Some("Market") => match (params.get("marketUnit"), side) {
            (Some("baseCoin"), _) | (None, Side::Sell) => (OrderKind::MarketQty(qty), Tif::Ioc),
            _ => (OrderKind::MarketValue { raw: amount }, Tif::Ioc),
        },
        _ => return Err(bad("orderType")),
    };
    let client_id = params.get("orderLinkId").map(str::to_owned);
    if client_id.as_ref().is_some_and(|id| id.len() > 36) {
        return Err(bad("orderLinkId"));
    }
    Ok(NewOrder { account: visit.account, instrument, side, kind, tif, client_id })
}
