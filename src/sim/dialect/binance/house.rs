//! Binance as a whole: who gets in, what is answered where, at which weight. Pure.

use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::dialect::Dialect;
use crate::sim::dialect::Opened;
use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::ask::response;
use crate::sim::dialect::binance::account;
use crate::sim::dialect::binance::api;
use crate::sim::dialect::binance::api::Used;
use crate::sim::dialect::binance::auth::Kinds;
use crate::sim::dialect::binance::auth::Signed;
use crate::sim::dialect::binance::desk::Desk;
use crate::sim::dialect::binance::desk::Visit;
use crate::sim::dialect::binance::desk::Want;
use crate::sim::dialect::binance::market;
use crate::sim::dialect::binance::market::Public;
use crate::sim::dialect::binance::seat::BinanceSeat;
use crate::sim::dialect::binance::seat::Manner;
use crate::sim::dialect::binance::talk;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::pace::Warden;
use crate::sim::dialect::pace::Window;
use crate::sim::dialect::seat::Seat;
use crate::sim::dialect::seat::SeatState;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;

/// Weight of opening a connection to the WebSocket API.
const API_WEIGHT: u32 = 2;
/// Refusals within a minute before an address is banned.
const PATIENCE: u32 = 10;
/// The first ban.
const FIRST_BAN: DurNs = DurNs::from_secs(120);

/// The dialect of Binance.
pub struct Binance {
    codes: Codes,
    connects: Window,
    weight: Window,
    warden: Warden,
    desk: Desk,
}

impl Binance {
    /// With all its limits unused.
    pub fn new() -> Binance {
        let minute = DurNs::from_secs(60);
        Binance {
            codes: Codes::of(VenueId::Binance),
            connects: Window::new(300, DurNs::from_secs(300)),
            weight: Window::new(6_000, minute),
            warden: Warden::new(Window::new(PATIENCE, minute), FIRST_BAN),
            desk: Desk::default(),
        }
    }

    /// Takes a weight, or says what the venue says instead.
    fn weigh(&mut self, weight: u32, now: SimNow) -> Result<(), Answer> {
        let mono = now.now.mono;
        if let Some(left) = self.warden.banned(mono) {
            return Err(banned(left, now.wall_ms));
        }
        if self.weight.take(weight, mono) {
            return Ok(());
        }
        if let Some(lasts) = self.warden.refused(mono) {
            return Err(banned(lasts, now.wall_ms));
        }
        let text = "Too much request weight used; current limit is 6000 request weight per \
                    1 MINUTE. Please use WebSocket Streams for live updates to avoid polling \
                    the API.";
        let wait = self.weight.resets_in(mono).as_ms().div_ceil(1_000);
        Err(Answer::coded(429, -1003, text).header("Retry-After", wait))
    }

    fn serve(&mut self, request: &Request, at: (&mut Exchange, SimNow)) -> Answer {
        let (exchange, now) = at;
        self.codes.learn(exchange);
        let mut params = Params::of_query(&request.query);
        let public = Public::of(&request.path);
        let want = Want::of_request(&request.method, &request.path);
        let answer = match (public, want) {
            (Some(public), _) => self
                .weigh(public.weight(&params), now)
                .map(|()| market::answer(public, &params, (exchange, now), &self.codes)),
            (None, Some(want)) => {
                // What stands in the query counts before what stands in the body.
                params.0.extend(Params::of_query(&String::from_utf8_lossy(&request.body)).0);
                self.weigh(want.weight(&params), now)
                    .map(|()| self.private(want, (request, &params), (exchange, now)))
            }
            (None, None) => {
                return Answer::new(404, "<html><body><h2>404 Not found</h2></body></html>");
            }
        };
        let answer = answer.unwrap_or_else(|refused| refused);
        self.told(answer, now)
    }

    /// A signed request.
    fn private(
        &mut self,
        want: Want,
        of: (&Request, &Params),
        at: (&mut Exchange, SimNow),
    ) -> Answer {
        let ((request, params), (exchange, now)) = (of, at);
        let signed = Signed::of_request(request, params);
        let account = match signed.verify((exchange.accounts(), now), Kinds::All) {
            Ok(account) => account.id,
            Err(refused) => return refused,
        };
        let visit = Visit { account, params, codes: &self.codes, now };
        let answer = self.desk.answer(want, visit, exchange);
        if want != Want::Place {
            return answer;
        }
        let [tens, days] = self.desk.used(account, now.now.mono);
        answer.header("X-MBX-ORDER-COUNT-10S", tens).header("X-MBX-ORDER-COUNT-1D", days)
    }

    /// A request on the WebSocket API.
    fn api(&mut self, seat: &mut Seat, text: &[u8], at: (&mut Exchange, SimNow)) -> String {
        let (exchange, now) = at;
        let asked = match api::read(text) {
            Ok(asked) => asked,
            Err(refused) => return api::framed_bad(&refused),
        };
        let (public, want) = (Public::of(&asked.method), Want::of_method(&asked.method));
        let weight = match (public, want) {
            (Some(public), _) => public.weight(&asked.params),
            (None, Some(want)) => want.weight(&asked.params),
            (None, None) => API_WEIGHT,
        };
        let mut orders = None;
        let answer = match self.weigh(weight, now) {
            Err(refused) => refused,
            Ok(()) => {
                let Seat { account, state, .. } = seat;
                let SeatState::Binance(state) = state else { return String::new() };
                let is_on = state.session.key.is_some();
                let about = api::session(state, account, &asked, (exchange, now));
                match (about, public, want) {
                    (Some(answer), _, _) => answer,
                    (None, Some(public), _) => {
                        market::answer(public, &asked.params, (exchange, now), &self.codes)
                    }
                    (None, None, Some(want)) => {
                        let session = account.filter(|_| is_on);
                        match api::admit(&asked, session, (exchange, now)) {
                            Err(refused) => refused,
                            Ok(account) => {
                                let codes = &self.codes;
                                let visit = Visit { account, params: &asked.params, codes, now };
                                let answer = self.desk.answer(want, visit, exchange);
                                let used = self.desk.used(account, now.now.mono);
                                orders = api::is_order(want).then_some(used);
                                answer
                            }
                        }
                    }
                    (None, None, None) => Answer::coded(400, -1130, "Unknown method."),
                }
            }
        };
        let used = Used { weight: self.weight.used(now.now.mono), orders };
        api::framed(&asked, &answer, &used)
    }

    /// With the headers about used weight.
    fn told(&mut self, answer: Answer, now: SimNow) -> Answer {
        let used = self.weight.used(now.now.mono);
        answer.header("X-MBX-USED-WEIGHT", used).header("X-MBX-USED-WEIGHT-1M", used)
    }
}

impl Default for Binance {
    fn default() -> Binance {
        Binance::new()
    }
}

fn banned(left: DurNs, wall_ms: u64) -> Answer {
    let until = wall_ms.saturating_add(left.as_ms());
    let text = format!(
        "Way too much request weight used; IP banned until {until}. Please use WebSocket \
         Streams for live updates to avoid bans."
    );
    Answer::coded(418, -1003, &text).header("Retry-After", left.as_ms().div_ceil(1_000))
}

fn state(seat: &mut Seat) -> Option<&mut BinanceSeat> {
    match &mut seat.state {
        SeatState::Binance(state) => Some(state),
        _ => None,
    }
}

/// How a path is used, and the streams that it names.
fn entrance(path: &str, query: &Params) -> Option<(Manner, Vec<String>)> {
    let names = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<String>>();
    match path {
        "/ws-api/v3" => Some((Manner::Api, Vec::new())),
        "/ws" => Some((Manner::Raw, Vec::new())),
        "/stream" => {
            let streams = query.get("streams").map_or_else(Vec::new, names);
            Some((Manner::Combined, streams))
        }
        _ => path.strip_prefix("/ws/").map(|rest| (Manner::Raw, names(rest))),
    }
}

impl Dialect for Binance {
    fn http(&mut self, request: &Request, exchange: &mut Exchange, now: SimNow) -> Response {
        response(self.serve(request, (exchange, now)), now.wall_ms)
    }

    fn open(&mut self, request: &Request, at: (&Exchange, SimNow)) -> Opened {
        let (exchange, now) = at;
        let mono = now.now.mono;
        self.codes.learn(exchange);
        let refuse = |answer: Answer| Err(response(answer, now.wall_ms));
        let query = Params::of_query(&request.query);
        let Some((manner, streams)) = entrance(&request.path, &query) else {
            return refuse(Answer::new(404, "{}"));
        };
        if !self.connects.take(1, mono) {
            let text = "Too many connection attempts; 300 are allowed per 5 minutes.";
            return refuse(Answer::coded(429, -1003, text));
        }
        if manner == Manner::Api
            && let Err(refused) = self.weigh(API_WEIGHT, now)
        {
            return refuse(refused);
        }
        let mut state = BinanceSeat::new(manner, mono);
        state.opened_ms = now.wall_ms;
        let unit = query.get("timeUnit").unwrap_or_default();
        state.is_micro = unit.eq_ignore_ascii_case("MICROSECOND");
        for name in &streams {
            talk::subscribe(&mut state, name, &self.codes);
        }
        let seat = Seat {
            account: None,
            path: request.path.clone(),
            opened: mono,
            heard: mono,
            state: SeatState::Binance(Box::new(state)),
        };
        Ok((seat, Vec::new()))
    }

    fn message(&mut self, seat: &mut Seat, text: &[u8], at: (&mut Exchange, SimNow)) -> Vec<Out> {
        self.codes.learn(at.0);
        let is_api = state(seat).is_some_and(|state| state.manner == Manner::Api);
        if is_api {
            return vec![Out::Text(self.api(seat, text, at))];
        }
        let codes = &self.codes;
        state(seat).map_or_else(Vec::new, |state| talk::message(state, text, (codes, at.1)))
    }

    fn pinged(&mut self, seat: &mut Seat, now: SimNow) -> Vec<Out> {
        state(seat).map_or_else(Vec::new, |state| talk::pinged(state, now.now.mono))
    }

    fn book(&mut self, seat: &mut Seat, instrument: usize, at: (&Exchange, SimNow)) -> Vec<Out> {
        self.codes.learn(at.0);
        let codes = &self.codes;
        state(seat).map_or_else(Vec::new, |state| talk::book(state, instrument, at, codes))
    }

    fn account(
        &mut self,
        seat: &mut Seat,
        event: &AccountEvent,
        at: (&Exchange, SimNow),
    ) -> Vec<Out> {
        self.codes.learn(at.0);
        let (codes, desk) = (&self.codes, &self.desk);
        let Some(state) = state(seat) else { return Vec::new() };
        let session = &mut state.session;
        if session.subscriptions.is_empty() {
            return Vec::new();
        }
        let events = account::events(&mut session.held, event, (codes, at.1.wall_ms), desk);
        let framed = session
            .subscriptions
            .iter()
            .flat_map(|id| events.iter().map(move |event| Out::Text(account::framed(*id, event))));
        framed.collect()
    }

    fn tick(&mut self, seat: &mut Seat, at: (&Exchange, SimNow)) -> Vec<Out> {
        let opened = seat.opened;
        let codes = &self.codes;
        state(seat).map_or_else(Vec::new, |state| talk::tick(state, opened, at, codes))
    }

    fn shut_down(&mut self, seat: &mut Seat, now: SimNow) -> Vec<Out> {
        state(seat).map_or_else(Vec::new, |state| talk::shut_down(state, now.wall_ms))
    }
}
