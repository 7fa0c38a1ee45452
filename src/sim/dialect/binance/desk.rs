//! What an account of Binance may ask for, the same over REST and over the WebSocket API. Pure.

use std::collections::BTreeMap;

use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::binance::market::RATE_LIMITS;
use crate::sim::dialect::binance::market::invalid_symbol;
use crate::sim::dialect::binance::market::missing;
use crate::sim::dialect::binance::market::rate_limit;
use crate::sim::dialect::binance::orders;
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
use crate::sim::exchange::order::Tif;
use crate::types::market::Side;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::units::Price;
use crate::types::units::Qty;

/// Ids of cancels that are remembered for their execution report.
const MOST_CANCELS: usize = 4_096;
/// Most matches of one answer.
const MOST_TRADES: usize = 500;

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// A new order.
    Place,
    /// A new order, checked and not placed.
    Test,
    /// The end of an order.
    Cancel,
    /// One order.
    Order,
    /// Orders that are open.
    Open,
    /// All orders of a symbol.
    All,
    /// Balances.
    Account,
    /// Fees.
    Commission,
    /// Matches of a symbol.
    Trades,
    /// How many orders were placed.
    OrderCount,
    /// What the key may do.
    Restrictions,
}

impl Want {
    /// By method and path of REST.
    pub fn of_request(method: &str, path: &str) -> Option<Want> {
        match (method, path) {
            ("POST", "/api/v3/order") => Some(Want::Place),
            ("POST", "/api/v3/order/test") => Some(Want::Test),
            ("DELETE", "/api/v3/order") => Some(Want::Cancel),
            ("GET", "/api/v3/order") => Some(Want::Order),
            ("GET", "/api/v3/openOrders") => Some(Want::Open),
            ("GET", "/api/v3/allOrders") => Some(Want::All),
            ("GET", "/api/v3/account") => Some(Want::Account),
            ("GET", "/api/v3/account/commission") => Some(Want::Commission),
            ("GET", "/api/v3/myTrades") => Some(Want::Trades),
            ("GET", "/api/v3/rateLimit/order") => Some(Want::OrderCount),
            ("GET", "/sapi/v1/account/apiRestrictions") => Some(Want::Restrictions),
            _ => None,
        }
    }
    /// By method of the WebSocket API.
    pub fn of_method(method: &str) -> Option<Want> {
        match method {
            "order.place" => Some(Want::Place),
            "order.test" => Some(Want::Test),
            "order.cancel" => Some(Want::Cancel),
            "order.status" => Some(Want::Order),
            "openOrders.status" => Some(Want::Open),
            "allOrders" => Some(Want::All),
            "account.status" => Some(Want::Account),
            "account.commission" => Some(Want::Commission),
            "myTrades" => Some(Want::Trades),
            "account.rateLimits.orders" => Some(Want::OrderCount),
            _ => None,
        }
    }
    /// What it costs of the weight per minute. Orders and cancels are free since 2026-04-02.
    pub fn weight(self, params: &Params) -> u32 {
        match self {
            Want::Place | Want::Cancel => 0,
            Want::Test | Want::Restrictions => 1,
            Want::Order => 4,
            Want::Open if params.get("symbol").is_none() => 80,
            Want::Open => 6,
            Want::All | Want::Account | Want::Commission | Want::Trades => 20,
            Want::OrderCount => 40,
        }
    }
}

/// Orders of an account in 10 s and in a day.
type Counts = [Window; 2];

/// Accounts and what they placed.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    counts: BTreeMap<AccountId, Counts>,
    cancels: BTreeMap<u64, String>,
    named: u64,
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

impl Desk {
    fn counts(&mut self, account: AccountId) -> &mut Counts {
        let day = DurNs::from_secs(86_400);
        self.counts
            .entry(account)
            .or_insert_with(|| [Window::new(100, DurNs::from_secs(10)), Window::new(200_000, day)])
    }

    /// Orders placed in the last 10 s and in the day.
    pub fn used(&mut self, account: AccountId, now: MonoNs) -> [u32; 2] {
        let [tens, days] = self.counts(account);
        [tens.used(now), days.used(now)]
    }

    /// The id that a cancel of this order gave itself; empty if the venue ended it.
    pub fn cancel_id(&self, order: u64) -> &str {
        self.cancels.get(&order).map_or("", String::as_str)
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("sim{:019}", self.named)
    }

    /// Does what is wanted.
    pub fn answer(&mut self, want: Want, visit: Visit<'_>, exchange: &mut Exchange) -> Answer {
        match want {
            Want::Place | Want::Test => return self.place(want, visit, exchange),
            Want::Cancel => return self.cancel(visit, exchange),
            Want::OrderCount => return self.order_count(visit),
            _ => {}
        }
        let own = exchange.orders(visit.account);
        match want {
            Want::Account => {
                let balances = exchange.balances(visit.account);
                let fee = exchange.instruments().first().map_or(0, |first| first.fee.get() * 100);
                Answer::ok(orders::account(&balances, fee, visit.now.wall_ms))
            }
            Want::Restrictions => {
                let mut accounts = exchange.accounts().iter();
                let account = accounts.find(|account| account.id == visit.account);
                Answer::ok(restrictions(account.is_some_and(|account| account.may_withdraw)))
            }
            Want::Open if visit.params.get("symbol").is_none() => {
                let open = own.filter(|order| order.state.is_open());
                Answer::ok(list(open.map(|order| found(order, visit.codes))))
            }
            _ => {
                let Some(symbol) = visit.params.get("symbol") else { return missing("symbol") };
                let Some(instrument) = visit.codes.find(symbol) else { return invalid_symbol() };
                self.of_symbol(want, (visit, instrument), exchange)
            }
        }
    }

    fn of_symbol(&self, want: Want, of: (Visit<'_>, usize), exchange: &Exchange) -> Answer {
        let (visit, instrument) = of;
        let symbol = visit.codes.symbol(instrument);
        let is_here = move |order: &&SimOrder| order.order.instrument == instrument;
        let own = || exchange.orders(visit.account).filter(is_here);
        let rows = |open: fn(&SimOrder) -> bool| {
            let chosen = own().filter(|order| open(order));
            Answer::ok(list(chosen.map(|order| orders::found(symbol, order))))
        };
        match want {
            Want::Open => rows(|order| order.state.is_open()),
            Want::All => rows(|_| true),
            Want::Commission => {
                Answer::ok(orders::commission(symbol, &exchange.instruments()[instrument]))
            }
            Want::Trades => {
                let only = visit.params.whole("orderId");
                let own = own().filter(|order| only.is_none_or(|id| id == order.id));
                let trades = own.flat_map(|order| {
                    order.fills.iter().map(move |fill| orders::trade(symbol, order, fill))
                });
                let all: Vec<String> = trades.collect();
                let from = all.len().saturating_sub(MOST_TRADES);
                Answer::ok(list(all[from..].iter().cloned()))
            }
            _ => match meant(visit, exchange).filter(is_here) {
                Some(order) => Answer::ok(orders::found(symbol, order)),
                None => Answer::coded(400, -2013, "Order does not exist."),
            },
        }
    }

    fn order_count(&mut self, visit: Visit<'_>) -> Answer {
        let used = self.used(visit.account, visit.now.now.mono);
        let limits = RATE_LIMITS.iter().filter(|of| of.0 == "ORDERS").zip(used);
        Answer::ok(list(limits.map(|(of, count)| rate_limit(of).raw("count", count).end())))
    }

    fn cancel(&mut self, visit: Visit<'_>, exchange: &mut Exchange) -> Answer {
        let Some(symbol) = visit.params.get("symbol") else { return missing("symbol") };
        let Some(instrument) = visit.codes.find(symbol) else { return invalid_symbol() };
        let order = meant(visit, exchange);
        let Some(id) = order.filter(|order| order.order.instrument == instrument).map(|o| o.id)
        else {
            return orders::refused(Refused::NoOrder);
        };
        let own = visit.params.get("newClientOrderId").map(str::to_owned);
        let own = own.unwrap_or_else(|| self.name());
        if let Err(why) = exchange.cancel(visit.account, OrderRef::Id(id), visit.now.wall_ms) {
            return orders::refused(why);
        }
        self.cancels.insert(id, own.clone());
        if self.cancels.len() > MOST_CANCELS {
            self.cancels.pop_first();
        }
        match exchange.order(visit.account, OrderRef::Id(id)) {
            Some(order) => Answer::ok(orders::cancelled(symbol, order, &own)),
            None => orders::refused(Refused::NoOrder),
        }
    }

    fn place(&mut self, want: Want, visit: Visit<'_>, exchange: &mut Exchange) -> Answer {
        let mut order = match read(visit) {
            Ok(order) => order,
            Err(refused) => return refused,
        };
        if want == Want::Test {
            return Answer::ok("{}");
        }
        let mono = visit.now.now.mono;
        let [tens, days] = self.counts(visit.account);
        if tens.left(mono) == 0 || days.left(mono) == 0 {
            let wait =
                if tens.left(mono) == 0 { tens.resets_in(mono) } else { days.resets_in(mono) };
            let text = "Too many new orders; current limit is 100 orders per 10 SECOND.";
            let wait = wait.as_ms().div_ceil(1_000);
            return Answer::coded(429, -1015, text).header("Retry-After", wait);
        }
        if order.client_id.is_none() {
            order.client_id = Some(self.name());
        }
        let usual = if order.tif == Tif::PostOnly { "ACK" } else { "FULL" };
        let detail = visit.params.get("newOrderRespType").unwrap_or(usual);
        let symbol = visit.codes.symbol(order.instrument);
        let id = match exchange.place(order, visit.now.wall_ms) {
            Ok(id) => id,
            Err(why) => return orders::refused(why),
        };
        let Some(order) = exchange.order(visit.account, OrderRef::Id(id)) else {
            return Answer::coded(500, -1007, "Timeout waiting for response from backend server.");
        };
        // Only orders that did not match count against the limits.
        if order.filled.is_zero() {
            let [tens, days] = self.counts(visit.account);
            tens.take(1, mono);
            days.take(1, mono);
        }
        Answer::ok(orders::placed(symbol, order, detail))
    }
}

fn found(order: &SimOrder, codes: &Codes) -> String {
    orders::found(codes.symbol(order.order.instrument), order)
}

fn meant<'e>(visit: Visit<'_>, exchange: &'e Exchange) -> Option<&'e SimOrder> {
    if let Some(id) = visit.params.whole("orderId") {
        return exchange.order(visit.account, OrderRef::Id(id));
    }
    let own = visit.params.get("origClientOrderId")?;
    exchange.order(visit.account, OrderRef::Client(own))
}

fn restrictions(may_withdraw: bool) -> String {
    Obj::new()
        .raw("ipRestrict", true)
        .raw("createTime", 1_698_645_219_000u64)
        .raw("enableReading", true)
        .raw("enableWithdrawals", may_withdraw)
        .raw("enableInternalTransfer", false)
        .raw("enableMargin", false)
        .raw("enableFutures", false)
        .raw("permitsUniversalTransfer", false)
        .raw("enableSpotAndMarginTrading", true)
        .end()
}

/// A decimal parameter; `None` if it is absent.
fn decimal(params: &Params, name: &str) -> Result<Option<i64>, Answer> {
    match (params.get(name), params.raw(name)) {
        (None, _) => Ok(None),
        (Some(_), Some(raw)) => Ok(Some(raw)),
        (Some(_), None) => {
            let text = format!("Parameter '{name}' has too much precision.");
            Err(Answer::coded(400, -1111, &text))
        }
    }
}

fn read(visit: Visit<'_>) -> Result<NewOrder, Answer> {
    let params = visit.params;
    let symbol = params.get("symbol").ok_or_else(|| missing("symbol"))?;
    let instrument = visit.codes.find(symbol).ok_or_else(invalid_symbol)?;
    let side = match params.get("side").ok_or_else(|| missing("side"))? {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        _ => return Err(Answer::coded(400, -1117, "Invalid side.")),
    };
    let need = |value: Option<i64>, name: &str| value.ok_or_else(|| missing(name));
    let price = decimal(params, "price")?;
    let qty = decimal(params, "quantity")?;
    let value = decimal(params, "quoteOrderQty")?;
    let kind = params.get("type").ok_or_else(|| missing("type"))?;
    let bad = || Answer::coded(400, -1013, "Filter failure: LOT_SIZE");
    let limit = || {
        let qty = Qty::from_raw(need(qty, "quantity")?).ok_or_else(bad)?;
        let price = Price::from_raw(need(price, "price")?);
        let off = || Answer::coded(400, -1013, "Filter failure: PRICE_FILTER");
        Ok(OrderKind::Limit { price: price.ok_or_else(off)?, qty })
    };
    let (kind, tif) = match kind {
        "LIMIT" => {
            let tif = match params.get("timeInForce").ok_or_else(|| missing("timeInForce"))? {
                "GTC" => Tif::Gtc,
                "IOC" => Tif::Ioc,
                "FOK" => Tif::Fok,
                _ => return Err(Answer::coded(400, -1115, "Invalid timeInForce.")),
            };
            (limit()?, tif)
        }
        "LIMIT_MAKER" => (limit()?, Tif::PostOnly),
        "MARKET" => match (qty, value) {
            (Some(raw), None) => {
                (OrderKind::MarketQty(Qty::from_raw(raw).ok_or_else(bad)?), Tif::Ioc)
            }
            (None, Some(raw)) => (OrderKind::MarketValue { raw }, Tif::Ioc),
            _ => return Err(missing("quantity")),
        },
        _ => return Err(Answer::coded(400, -1116, "Invalid orderType.")),
    };
    let client_id = params.get("newClientOrderId").map(str::to_owned);
    if client_id.as_ref().is_some_and(|id| id.len() > 36) {
        let text = "Illegal characters found in parameter 'newClientOrderId'.";
        return Err(Answer::coded(400, -1100, text));
    }
    Ok(NewOrder { account: visit.account, instrument, side, kind, tif, client_id })
}
