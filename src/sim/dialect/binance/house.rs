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
}

impl Binance {
    /// With all its limits unused.
    pub const fn new() -> Binance {
        let minute = DurNs::from_secs(60);
        Binance {
            codes: Codes::of(VenueId::Binance),
            connects: Window::new(300, DurNs::from_secs(300)),
            weight: Window::new(6_000, minute),
            warden: Warden::new(Window::new(PATIENCE, minute), FIRST_BAN),
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
        let params = Params::of_query(&request.query);
        let Some(public) = Public::of(&request.path) else {
            return Answer::new(404, "<html><body><h2>404 Not found</h2></body></html>");
        };
        if let Err(refused) = self.weigh(public.weight(&params), now) {
            return self.told(refused, now);
        }
        let answer = market::answer(public, &params, (exchange, now), &self.codes);
        self.told(answer, now)
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
        _seat: &mut Seat,
        _event: &AccountEvent,
        _at: (&Exchange, SimNow),
    ) -> Vec<Out> {
        Vec::new()
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
