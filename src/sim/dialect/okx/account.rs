//! The private socket of OKX: login, channels of an account, order operations. Pure.

use serde_json::Value;

use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::okx::auth;
use crate::sim::dialect::okx::auth::Login;
use crate::sim::dialect::okx::desk::Desk;
use crate::sim::dialect::okx::desk::Visit;
use crate::sim::dialect::okx::desk::Want;
use crate::sim::dialect::okx::desk::ordered;
use crate::sim::dialect::okx::market::instrument_of;
use crate::sim::dialect::okx::orders;
use crate::sim::dialect::okx::orders::Shown;
use crate::sim::dialect::okx::seat::OkxSeat;
use crate::sim::dialect::okx::talk::acknowledged;
use crate::sim::dialect::okx::talk::error;
use crate::sim::dialect::okx::talk::read;
use crate::sim::dialect::okx::talk::with_id;
use crate::sim::dialect::spell::Obj;
use crate::sim::dialect::spell::list;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::sim::exchange::order::AccountId;

/// Channels that a private socket may subscribe to.
const CHANNELS: [&str; 3] = ["orders", "account", "fills"];
/// The venue's number of the user.
const UID: &str = "614488474791936";

/// One socket with what belongs to it.
pub struct Booth<'a> {
    /// What is remembered of it.
    pub seat: &'a mut OkxSeat,
    /// Who is logged in.
    pub account: &'a mut Option<AccountId>,
    /// Rates of the accounts.
    pub desk: &'a mut Desk,
    /// The venue's codes.
    pub codes: &'a Codes,
}

impl Booth<'_> {
    /// A message on the private socket.
    pub fn message(&mut self, text: &[u8], at: (&mut Exchange, SimNow)) -> Vec<Out> {
        let (exchange, now) = at;
        let request = match read(self.seat, text, now.now.mono) {
            Ok(request) => request,
            Err(out) => return out,
        };
        let op = request["op"].as_str().unwrap_or_default();
        let args = request["args"].as_array().map_or(&[][..], Vec::as_slice);
        match (op, *self.account) {
            ("login", _) => vec![self.login(&request, (exchange, now))],
            (_, None) => vec![error(self.seat, (&request["id"], "60011"), "Please log in")],
            ("subscribe", Some(account)) if !args.is_empty() => {
                let about = |arg| self.subscribe((&request["id"], arg), account, (exchange, now));
                args.iter().flat_map(about).collect()
            }
            ("unsubscribe", _) if !args.is_empty() => {
                let about = |arg| self.unsubscribe((&request["id"], arg));
                args.iter().map(about).collect()
            }
            ("order", Some(account)) => {
                vec![self.order((&request, Want::Place), account, (exchange, now))]
            }
            ("cancel-order", Some(account)) => {
                vec![self.order((&request, Want::Cancel), account, (exchange, now))]
            }
            _ => {
                let text = format!("Invalid request: {}", String::from_utf8_lossy(text));
                vec![error(self.seat, (&request["id"], "60012"), &text)]
            }
        }
    }

    fn login(&mut self, request: &Value, at: (&Exchange, SimNow)) -> Out {
        let arg = &request["args"][0];
        let text = |name: &str| match &arg[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let (key, passphrase) = (text("apiKey"), text("passphrase"));
        let (timestamp, sign) = (text("timestamp"), text("sign"));
        let login =
            Login { key: &key, passphrase: &passphrase, timestamp: &timestamp, sign: &sign };
        match auth::logon(&login, (at.0.accounts(), at.1)) {
            Ok(account) => {
                *self.account = Some(account.id);
                let head = Obj::new().text("event", "login").text("code", "0").text("msg", "");
                Out::Text(head.text("connId", &self.seat.conn_id).end())
            }
            Err((code, text)) => error(self.seat, (&request["id"], code), &text),
        }
    }

    /// The acknowledgement; the channel `account` begins with all balances.
    fn subscribe(
        &mut self,
        of: (&Value, &Value),
        account: AccountId,
        at: (&Exchange, SimNow),
    ) -> Vec<Out> {
        let (id, arg) = of;
        let channel = arg["channel"].as_str().unwrap_or_default();
        let symbol = arg["instId"].as_str();
        let instrument = symbol.map(|symbol| self.codes.find(symbol));
        if !CHANNELS.contains(&channel) || instrument == Some(None) {
            let text = format!("Wrong URL or channel:{channel} doesn't exist.");
            return vec![error(self.seat, (id, "60018"), &text)];
        }
        let own = (channel.to_owned(), instrument.flatten());
        if !self.seat.own.contains(&own) {
            self.seat.own.push(own);
        }
        let mut out = vec![acknowledged(self.seat, of, "subscribe")];
        if channel == "account" {
            let balances = at.0.balances(account);
            let data = orders::balance(&balances, at.1.wall_ms);
            out.push(push(("account", None), data, self.codes));
        }
        out
    }

    fn unsubscribe(&mut self, of: (&Value, &Value)) -> Out {
        let channel = of.1["channel"].as_str().unwrap_or_default();
        let instrument = of.1["instId"].as_str().and_then(|symbol| self.codes.find(symbol));
        self.seat.own.retain(|(own, at)| own != channel || *at != instrument);
        acknowledged(self.seat, of, "unsubscribe")
    }

    /// An order operation: the instrument is named by its number, the name is ignored.
    fn order(
        &mut self,
        of: (&Value, Want),
        account: AccountId,
        at: (&mut Exchange, SimNow),
    ) -> Out {
        let ((request, want), (exchange, now)) = (of, at);
        let arg = &request["args"][0];
        let code = arg["instIdCode"].as_u64();
        let code = code.or_else(|| arg["instIdCode"].as_str()?.parse().ok());
        let instrument = code.and_then(instrument_of);
        let instrument = instrument.filter(|at| *at < exchange.instruments().len());
        let op = request["op"].as_str().unwrap_or_default();
        let head = with_id(&request["id"]).text("op", op);
        if !self.desk.pace(want, (account, instrument), now) {
            let text = "Rate limit reached. Please refer to API documentation and throttle \
                        requests accordingly";
            let tail = head.raw("data", "[]").text("code", "50011").text("msg", text);
            return Out::Text(tail.end());
        }
        let is_late = request["expTime"].as_str().and_then(|text| text.parse::<u64>().ok());
        if is_late.is_some_and(|until| until < now.wall_ms) {
            let tail = head.raw("data", "[]").text("code", "51149").text("msg", "Order timed out.");
            return Out::Text(tail.end());
        }
        let params = Params::of_json(arg.to_string().as_bytes()).unwrap_or_default();
        let visit = Visit { account, params: &params, codes: self.codes, now };
        let answer = ordered(want, (visit, instrument), exchange);
        let head = head.end();
        Out::Text(format!("{},{}", &head[..head.len() - 1], &answer[1..]))
    }
}

/// A push of a channel.
fn push(of: (&str, Option<usize>), data: String, codes: &Codes) -> Out {
    let (channel, instrument) = of;
    let arg = Obj::new().text("channel", channel);
    let arg = match channel {
        "orders" => arg.text("instType", "SPOT"),
        _ => arg,
    };
    let arg = match instrument {
        Some(instrument) => arg.text("instId", codes.symbol(instrument)),
        None => arg,
    };
    let arg = arg.text("uid", UID).end();
    Out::Text(Obj::new().raw("arg", arg).raw("data", list([data])).end())
}

/// What the private socket is told of an event. A filled order is told once more at its end,
/// without a match (recorded).
pub fn told(
    seat: &OkxSeat,
    event: &AccountEvent,
    at: (&Exchange, SimNow),
    codes: &Codes,
) -> Vec<Out> {
    let now_ms = at.1.wall_ms;
    let (order, fill) = match event {
        AccountEvent::Balance { asset, free_raw, locked_raw } => {
            let is_wanted = seat.own.iter().any(|(channel, _)| channel == "account");
            let row = [(*asset, *free_raw, *locked_raw)];
            let frame = || push(("account", None), orders::balance(&row, now_ms), codes);
            return is_wanted.then(frame).into_iter().collect();
        }
        AccountEvent::Filled(order, fill) => (order, Some(fill)),
        AccountEvent::Placed(order) | AccountEvent::Done(order) => (order, None),
    };
    let here = order.order.instrument;
    let (symbol, instrument) = (codes.symbol(here), &at.0.instruments()[here]);
    let is_for = |name: &str, known: &&(String, Option<usize>)| {
        known.0 == name && known.1.is_none_or(|at| at == here)
    };
    let mut out = Vec::new();
    for (_, only) in seat.own.iter().filter(|known| is_for("orders", known)) {
        let data = orders::order((order, symbol), instrument, Shown::Push(fill));
        out.push(push(("orders", *only), data, codes));
    }
    if let Some(fill) = fill {
        for (_, only) in seat.own.iter().filter(|known| is_for("fills", known)) {
            out.push(push(("fills", *only), orders::fill_push((order, fill), symbol), codes));
        }
    }
    out
}
