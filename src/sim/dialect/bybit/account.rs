//! The private and trade sockets of Bybit. Pure.

use serde_json::Value;

use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::bybit::auth;
use crate::sim::dialect::bybit::auth::Denied;
use crate::sim::dialect::bybit::desk::Desk;
use crate::sim::dialect::bybit::desk::Rate;
use crate::sim::dialect::bybit::desk::Visit;
use crate::sim::dialect::bybit::desk::Want;
use crate::sim::dialect::bybit::desk::act;
use crate::sim::dialect::bybit::orders;
use crate::sim::dialect::bybit::seat::BybitSeat;
use crate::sim::dialect::bybit::seat::Entrance;
use crate::sim::dialect::bybit::talk::Op;
use crate::sim::dialect::bybit::talk::answer;
use crate::sim::dialect::bybit::talk::op;
use crate::sim::dialect::bybit::talk::pong;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::dialect::totals;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::exchange::order::AccountId;
use crate::sim::exchange::order::SimState;

/// Topics that a private socket may subscribe to.
const TOPICS: [&str; 6] =
    ["order", "order.spot", "execution", "execution.spot", "execution.fast", "wallet"];
/// Request ids that are remembered.
const MOST_REQUESTS: usize = 1_024;

/// One socket with what belongs to it.
pub struct Booth<'a> {
    /// What is remembered of it.
    pub seat: &'a mut BybitSeat,
    /// Who is logged on.
    pub account: &'a mut Option<AccountId>,
    /// Rates of the accounts.
    pub desk: &'a mut Desk,
    /// The venue's codes.
    pub codes: &'a Codes,
}

impl Booth<'_> {
    /// A message on the private or the trade socket.
    pub fn message(&mut self, text: &[u8], at: (&mut Exchange, SimNow)) -> Vec<Out> {
        let (exchange, now) = at;
        let Some(op) = op(text) else {
            let none = Op { name: String::new(), id: String::new(), args: Vec::new() };
            return vec![self.said(&none, Err((10001, "Params Error".to_owned())))];
        };
        let out = match (op.name.as_str(), self.seat.entrance) {
            ("ping", _) => pong(self.seat, &op, now.wall_ms),
            ("auth", _) => {
                let logged = logon(&op, (exchange, now));
                let said = logged.map(|account| *self.account = Some(account));
                self.said(&op, said)
            }
            _ if self.account.is_none() => {
                self.said(&op, Err((10003, "Request not authorized".to_owned())))
            }
            ("subscribe", Entrance::Private) => self.subscribe(&op),
            ("unsubscribe", Entrance::Private) => {
                self.seat.own.retain(|topic| !op.args.iter().any(|arg| arg == topic.as_str()));
                self.said(&op, Ok(()))
            }
            ("order.create" | "order.cancel", Entrance::Trade) => {
                self.order(&op, text, (exchange, now))
            }
            _ => self.said(&op, Err((10404, "op type is not found".to_owned()))),
        };
        vec![out]
    }

    /// An answer without data, as the socket writes it.
    fn said(&self, op: &Op, said: Result<(), Denied>) -> Out {
        if self.seat.entrance != Entrance::Trade {
            let text = said.as_ref().map_or_else(|(_, text)| Err(text.as_str()), |()| Ok(""));
            return answer(self.seat, op, text);
        }
        let (code, text) = said.err().unwrap_or((0, "OK".to_owned()));
        let head = if op.id.is_empty() { Obj::new() } else { Obj::new().text("reqId", &op.id) };
        Out::Text(
            head.raw("retCode", code)
                .text("retMsg", text)
                .text("op", &op.name)
                .text("connId", &self.seat.conn_id)
                .end(),
        )
    }

    fn subscribe(&mut self, op: &Op) -> Out {
        let names: Vec<&str> = op.args.iter().filter_map(Value::as_str).collect();
        if let Some(unknown) = names.iter().find(|name| !TOPICS.contains(name)) {
            let text = format!("error:handler not found,topic:{unknown}");
            return answer(self.seat, op, Err(&text));
        }
        for name in names {
            if !self.seat.own.iter().any(|known| known == name) {
                self.seat.own.push(name.to_owned());
            }
        }
        answer(self.seat, op, Ok(""))
    }

    /// An order operation of the trade socket: its own time, its own id, its rate.
    fn order(&mut self, op: &Op, text: &[u8], at: (&mut Exchange, SimNow)) -> Out {
        let (exchange, now) = at;
        let (Some(account), Some(want)) = (*self.account, Want::of("", &op.name)) else {
            return self.said(op, Err((10404, "op type is not found".to_owned())));
        };
        let request: Value = serde_json::from_slice(text).unwrap_or_default();
        let head = |name: &str| match &request["header"][name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (stamp, window) = (head("X-BAPI-TIMESTAMP"), head("X-BAPI-RECV-WINDOW"));
        let (paced, rate) = self.desk.pace((account, want), now);
        let first = op.args.first().map(Value::to_string).unwrap_or_default();
        let params = Params::of_json(first.as_bytes()).unwrap_or_default();
        let visit = Visit { account, params: &params, codes: self.codes, now };
        let done = auth::check_time(&stamp, &window, now.wall_ms)
            .and_then(|()| self.remember(&op.id))
            .and(paced)
            .and_then(|()| act(want, visit, exchange));
        self.ordered(op, done, (rate, now.wall_ms))
    }

    fn remember(&mut self, id: &str) -> Result<(), Denied> {
        if id.is_empty() {
            return Ok(());
        }
        if self.seat.requests.iter().any(|known| known == id) {
            return Err((20006, "Duplicate reqId".to_owned()));
        }
        if self.seat.requests.len() >= MOST_REQUESTS {
            self.seat.requests.remove(0);
        }
        self.seat.requests.push(id.to_owned());
        Ok(())
    }

    fn ordered(&self, op: &Op, done: Result<String, Denied>, at: (Rate, u64)) -> Out {
        let (rate, now_ms) = at;
        let header = Obj::new()
            .text("X-Bapi-Limit", rate.limit)
            .text("X-Bapi-Limit-Status", rate.left)
            .text("X-Bapi-Limit-Reset-Timestamp", rate.resets_ms)
            .text("Traceid", format!("{now_ms:032x}"))
            .text("Timenow", now_ms);
        let (code, text, data) = match done {
            Ok(data) => (0, "OK".to_owned(), data),
            Err((code, text)) => (code, text, "{}".to_owned()),
        };
        Out::Text(
            Obj::new()
                .text("reqId", &op.id)
                .raw("retCode", code)
                .text("retMsg", text)
                .text("op", &op.name)
                .raw("data", data)
                .raw("retExtInfo", "{}")
                .raw("header", header.end())
                .text("connId", &self.seat.conn_id)
                .end(),
        )
    }
}

fn logon(op: &Op, at: (&Exchange, SimNow)) -> Result<AccountId, Denied> {
    let text = |at: usize| match op.args.get(at) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let (key, expires, signature) = (text(0), text(1), text(2));
    auth::logon([&key, &expires, &signature], (at.0.accounts(), at.1)).map(|account| account.id)
}

/// What the private socket is told of an event.
pub fn told(
    seat: &BybitSeat,
    event: &AccountEvent,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let now_ms = at.1.wall_ms;
    let has = |topics: &[&str]| {
        let mut own = seat.own.iter();
        own.find(|known| topics.contains(&known.as_str())).map(String::as_str)
    };
    let push = |topic: &str, data: String| {
        let head = Obj::new()
            .text("id", format!("592324{now_ms:x}"))
            .text("topic", topic)
            .raw("creationTime", now_ms);
        Out::Text(head.raw("data", list([data])).end())
    };
    let order_topic = has(&["order", "order.spot"]);
    match event {
        AccountEvent::Balance { asset, free_raw, locked_raw } => {
            let wallet = || orders::wallet(&[(*asset, *free_raw, *locked_raw)]);
            has(&["wallet"]).map(|topic| push(topic, wallet())).into_iter().collect()
        }
        // The match that filled it has told its end already.
        AccountEvent::Done(order)
            if order.state == SimState::Filled && totals::qty_of(order).is_some() =>
        {
            Vec::new()
        }
        AccountEvent::Placed(order) | AccountEvent::Done(order) => {
            let symbol = codes.symbol(order.order.instrument);
            let frame = |topic| push(topic, orders::order(symbol, order));
            order_topic.map(frame).into_iter().collect()
        }
        AccountEvent::Filled(order, fill) => {
            let symbol = codes.symbol(order.order.instrument);
            let fee = at.0.instruments()[order.order.instrument].fee.get();
            let execution = || orders::execution(symbol, (order, fill), fee);
            let topic = has(&["execution", "execution.spot", "execution.fast"]);
            let executed = topic.map(|topic| push(topic, execution()));
            let ordered = order_topic.map(|topic| push(topic, orders::order(symbol, order)));
            executed.into_iter().chain(ordered).collect()
        }
    }
}
