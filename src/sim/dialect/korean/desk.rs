//! Private requests of Upbit and Bithumb: who asks, how often, and what is done. Pure.

use crate::net::serve::Request;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::korean::auth::Gate;
use crate::sim::dialect::korean::frames::kst;
use crate::sim::dialect::korean::orders;
use crate::sim::dialect::korean::orders::Ledger;
use crate::sim::dialect::pace::Window;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::totals::as_placed;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountId;
use crate::sim::exchange::order::NewOrder;
use crate::sim::exchange::order::OrderKind;
use crate::sim::exchange::order::OrderRef;
use crate::sim::exchange::order::SimOrder;
use crate::sim::exchange::order::Tif;
use crate::types::ids::VenueId;
use crate::types::market::Side;
use crate::types::time::DurNs;
use crate::types::units::Price;
use crate::types::units::Qty;

const SECOND: DurNs = DurNs::from_secs(1);
/// Bithumb cannot cancel an order that is younger (its answer is 422).
const NOT_READY_MS: u64 = 20;
/// Most orders of one answer.
const MOST_ROWS: usize = 100;

/// What a private request wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// Balances.
    Accounts,
    /// Fees and bounds of a market.
    Chance,
    /// A new order.
    Place,
    /// The end of an order.
    Cancel,
    /// One order.
    Order,
    /// Orders that are open.
    Open,
    /// Orders that are over.
    Closed,
    /// Orders by their ids.
    ByIds,
    /// Withdrawals, which only some keys may ask for.
    Withdraws,
    /// States of wallets.
    Wallets,
}

impl Want {
    /// What a method and path ask for; `None` if there is no such request.
    pub fn of(request: &Request, venue: VenueId) -> Option<Want> {
        let is_upbit = venue == VenueId::Upbit;
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/v1/accounts") => Some(Want::Accounts),
            ("GET", "/v1/orders/chance") => Some(Want::Chance),
            ("POST", "/v1/orders") if is_upbit => Some(Want::Place),
            ("POST", "/v2/orders") if !is_upbit => Some(Want::Place),
            ("DELETE", "/v1/order") if is_upbit => Some(Want::Cancel),
            ("DELETE", "/v2/order") if !is_upbit => Some(Want::Cancel),
            ("GET", "/v1/order") => Some(Want::Order),
            ("GET", "/v1/orders/open") if is_upbit => Some(Want::Open),
            ("GET", "/v1/orders" | "/v2/orders/pending") if !is_upbit => Some(Want::Open),
            ("GET", "/v1/orders/closed") if is_upbit => Some(Want::Closed),
            ("GET", "/v2/orders/closed") if !is_upbit => Some(Want::Closed),
            ("GET", "/v1/orders/uuids") if is_upbit => Some(Want::ByIds),
            ("GET", "/v1/withdraws") => Some(Want::Withdraws),
            ("GET", "/v1/status/wallet") => Some(Want::Wallets),
            _ => None,
        }
    }
    /// Index of the group whose rate it counts in: orders apart from the rest.
    const fn group(self) -> usize {
        if matches!(self, Want::Place) { 1 } else { 0 }
    }
}

/// Private requests.
#[derive(Clone, Debug)]
pub struct Desk {
    venue: VenueId,
    /// Who may come in.
    pub gate: Gate,
    /// Rates of the groups `default` and `order`, one pair an account at Upbit, one in all at
    /// Bithumb.
    rates: Vec<[Window; 2]>,
}

/// A request that was let in.
#[derive(Clone, Copy)]
struct Visit<'a> {
    account: AccountId,
    params: &'a Params,
    codes: &'a Codes,
    now: SimNow,
}

impl Desk {
    /// Of Upbit or Bithumb.
    pub fn of(venue: VenueId) -> Desk {
        Desk { venue, gate: Gate::of(venue), rates: Vec::new() }
    }

    fn rates(&mut self, account: AccountId) -> &mut [Window; 2] {
        let (place, limits) = match self.venue {
            VenueId::Upbit => (account.0, [30, 12]),
            _ => (0, [140, 140]),
        };
        let fresh = || limits.map(|limit| Window::new(limit, SECOND));
        if self.rates.len() <= place {
            self.rates.resize_with(place + 1, fresh);
        }
        &mut self.rates[place]
    }

    /// Answers a private request. `Err` is a refusal for its rate.
    ///
    /// # Errors
    /// `Err(())` where the rate of the group is used up: the house says what that means.
    pub fn answer(
        &mut self,
        want: Want,
        request: &Request,
        at: (&mut Exchange, SimNow),
        codes: &Codes,
    ) -> Result<Answer, TooOften> {
        let (exchange, now) = at;
        let (account, may_withdraw) = match self.gate.admit(request, (exchange.accounts(), now)) {
            Ok(account) => (account.id, account.may_withdraw),
            Err(refused) => return Ok(refused),
        };
        let window = &mut self.rates(account)[want.group()];
        if !window.take(1, now.now.mono) {
            return Err(TooOften);
        }
        let left = window.left(now.now.mono);
        let params = match request.body.is_empty() {
            true => Params::of_query(&request.query),
            false => Params::of_json(&request.body).unwrap_or_default(),
        };
        if want == Want::Withdraws {
            let scope = Answer::named(401, "\"out_of_scope\"", "The key may not do that.");
            return Ok(if may_withdraw { Answer::ok("[]") } else { scope });
        }
        let visit = Visit { account, params: &params, codes, now };
        let answer = self.act(want, visit, exchange);
        Ok(self.told(answer, want, left))
    }

    /// With what is left of the rate.
    fn told(&self, answer: Answer, want: Want, left: u32) -> Answer {
        if self.venue == VenueId::Bithumb {
            return answer
                .header("x-ratelimit-remaining", left)
                .header("x-ratelimit-requested-tokens", 1)
                .header("x-ratelimit-burst-capacity", 140)
                .header("x-ratelimit-replenish-rate", 140);
        }
        let (name, a_minute) = if want.group() == 1 { ("order", 720) } else { ("default", 1_800) };
        answer.header("Remaining-Req", format!("group={name}; min={a_minute}; sec={left}"))
    }

    fn act(&self, want: Want, visit: Visit<'_>, exchange: &mut Exchange) -> Answer {
        match want {
            Want::Place => return self.place(visit, exchange),
            Want::Cancel => return self.cancel(visit, exchange),
            _ => {}
        }
        let exchange = &*exchange;
        let ledger = Ledger { venue: self.venue, codes: visit.codes, exchange };
        let balances = exchange.balances(visit.account);
        match want {
            Want::Accounts => Answer::ok(orders::accounts(&balances)),
            Want::Chance => match visit.params.get("market").and_then(|at| visit.codes.find(at)) {
                Some(instrument) => Answer::ok(ledger.chance(instrument, &balances)),
                None => Answer::named(404, "\"market_not_found\"", "There is no such market."),
            },
            Want::Order => match self.meant(visit, exchange) {
                Some(order) => Answer::ok(ledger.order_with_trades(order)),
                None => orders::not_found(),
            },
            Want::Wallets => Answer::ok(list(balances.iter().map(|(asset, _, _)| {
                Obj::new()
                    .text("currency", asset)
                    .text("wallet_state", "working")
                    .text("block_state", "normal")
                    .text("net_type", asset)
                    .text("network_name", asset)
                    .end()
            }))),
            _ => {
                let rows = self.rows(want, visit, exchange);
                Answer::ok(list(rows.into_iter().map(|order| ledger.order(order).end())))
            }
        }
    }

    /// Orders of a list, newest first.
    fn rows<'e>(&self, want: Want, visit: Visit<'_>, from: &'e Exchange) -> Vec<&'e SimOrder> {
        let market = visit.params.get("market").map(|code| visit.codes.find(code));
        let ids = visit.params.all("uuids");
        let own_ids = visit.params.all("identifiers");
        let is_wanted = |order: &&SimOrder| match want {
            Want::Open => order.state.is_open(),
            Want::Closed => !order.state.is_open(),
            _ => {
                let own = order.order.client_id.as_deref();
                ids.contains(&orders::order_id(order.id, self.venue).as_str())
                    || own.is_some_and(|own| own_ids.contains(&own))
            }
        };
        let is_there =
            |order: &&SimOrder| market.is_none_or(|market| market == Some(order.order.instrument));
        let all = from.orders(visit.account).rev();
        all.filter(is_wanted).filter(is_there).take(MOST_ROWS).collect()
    }

    /// The order that a request names.
    fn meant<'e>(&self, visit: Visit<'_>, exchange: &'e Exchange) -> Option<&'e SimOrder> {
        let (ids, own) = match self.venue {
            VenueId::Upbit => (["uuid", "uuid"], "identifier"),
            _ => (["uuid", "order_id"], "client_order_id"),
        };
        if let Some(text) = ids.iter().find_map(|name| visit.params.get(name)) {
            let id = orders::id_of(text, self.venue)?;
            return exchange.order(visit.account, OrderRef::Id(id));
        }
        exchange.order(visit.account, OrderRef::Client(visit.params.get(own)?))
    }

    /// The cancel is accepted, not done: the order is shown as it stood before.
    fn cancel(&self, visit: Visit<'_>, exchange: &mut Exchange) -> Answer {
        let Some(order) = self.meant(visit, exchange).cloned() else {
            return orders::not_found();
        };
        let now_ms = visit.now.wall_ms;
        let is_young = now_ms.saturating_sub(order.placed_at_ms) < NOT_READY_MS;
        if self.venue == VenueId::Bithumb && is_young && order.state.is_open() {
            let text = "The order is being taken. Try again shortly.";
            return Answer::named(422, "\"order_not_ready\"", text);
        }
        let ended = exchange.cancel(visit.account, OrderRef::Id(order.id), now_ms);
        let ledger = Ledger { venue: self.venue, codes: visit.codes, exchange };
        match (ended, self.venue) {
            (Err(why), _) => ledger.refused(why, order.order.side),
            (Ok(_), VenueId::Upbit) => Answer::ok(ledger.order(&order).end()),
            (Ok(id), _) => Answer::ok(
                Obj::new()
                    .text("order_id", orders::order_id(id, self.venue))
                    .text("created_at", kst(order.placed_at_ms))
                    .end(),
            ),
        }
    }

    /// The order is accepted; what matched at once is told by the private stream and by queries.
    fn place(&self, visit: Visit<'_>, exchange: &mut Exchange) -> Answer {
        let order = match self.read(visit) {
            Ok(order) => order,
            Err(refused) => return refused,
        };
        let side = order.side;
        let placed = exchange.place(order, visit.now.wall_ms);
        let ledger = Ledger { venue: self.venue, codes: visit.codes, exchange };
        let order = match placed {
            Ok(id) => exchange.order(visit.account, OrderRef::Id(id)),
            Err(why) => return ledger.refused(why, side),
        };
        let Some(order) = order.map(|order| as_placed(order, exchange)) else {
            return Answer::named(500, "\"server_error\"", "The order was lost.");
        };
        if self.venue == VenueId::Upbit {
            return Answer::new(201, ledger.order(&order).end());
        }
        Answer::new(
            201,
            Obj::new()
                .text("order_id", orders::order_id(order.id, self.venue))
                .text("market", visit.codes.symbol(order.order.instrument))
                .text("side", orders::side_name(side))
                .text("order_type", orders::type_name(&order))
                .text("created_at", kst(order.placed_at_ms))
                .end(),
        )
    }

    fn read(&self, visit: Visit<'_>) -> Result<NewOrder, Answer> {
        let params = visit.params;
        let bad = |name: &str| Answer::named(400, format!("\"{name}\""), "Invalid parameter.");
        let market = params.get("market").unwrap_or_default();
        let Some(instrument) = visit.codes.find(market) else { return Err(bad("notfoundmarket")) };
        let side = match params.get("side") {
            Some("bid") => Side::Buy,
            Some("ask") => Side::Sell,
            _ => return Err(bad("invalid_parameter")),
        };
        let (kind, own) = match self.venue {
            VenueId::Upbit => ("ord_type", "identifier"),
            _ => ("order_type", "client_order_id"),
        };
        let tif = match params.get("time_in_force") {
            None => Tif::Gtc,
            Some("ioc") => Tif::Ioc,
            Some("fok") => Tif::Fok,
            Some("post_only") => Tif::PostOnly,
            Some(_) => return Err(bad("invalid_time_in_force")),
        };
        let price = params.raw("price");
        let qty = params.raw("volume").and_then(Qty::from_raw);
        let kind = match (params.get(kind), side) {
            (Some("limit"), _) => {
                let limit = price.and_then(Price::from_raw).zip(qty);
                limit.map(|(price, qty)| OrderKind::Limit { price, qty })
            }
            (Some("price"), Side::Buy) if qty.is_none() => {
                price.map(|raw| OrderKind::MarketValue { raw })
            }
            (Some("market"), Side::Sell) if price.is_none() => qty.map(OrderKind::MarketQty),
            (Some("best"), Side::Buy) if matches!(tif, Tif::Ioc | Tif::Fok) => {
                price.map(|raw| OrderKind::Best { qty: None, value_raw: Some(raw) })
            }
            (Some("best"), Side::Sell) if matches!(tif, Tif::Ioc | Tif::Fok) => {
                qty.map(|qty| OrderKind::Best { qty: Some(qty), value_raw: None })
            }
            _ => None,
        };
        let kind = kind.ok_or_else(|| bad("validation_error"))?;
        if tif == Tif::PostOnly && !matches!(kind, OrderKind::Limit { .. }) {
            return Err(bad("invalid_post_only"));
        }
        let client_id = params.get(own).map(str::to_owned);
        if client_id.as_ref().is_some_and(|id| !self.is_acceptable(id)) {
            return Err(bad("invalid_parameter"));
        }
        Ok(NewOrder { account: visit.account, instrument, side, kind, tif, client_id })
    }

    fn is_acceptable(&self, id: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        match self.venue {
            VenueId::Upbit => id.len() <= 64,
            _ => id.len() <= 36 && id.bytes().all(is_plain),
        }
    }
}

/// The rate of a group is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooOften;
