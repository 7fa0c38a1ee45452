//! Bybit as a whole: who gets in, what is answered where, at which rate. Pure.

use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::dialect::Dialect;
use crate::sim::dialect::Opened;
use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::ask::response;
use crate::sim::dialect::bybit::account;
use crate::sim::dialect::bybit::account::Booth;
use crate::sim::dialect::bybit::desk::Desk;
use crate::sim::dialect::bybit::desk::Want;
use crate::sim::dialect::bybit::market;
use crate::sim::dialect::bybit::seat::BybitSeat;
use crate::sim::dialect::bybit::seat::Entrance;
use crate::sim::dialect::bybit::talk;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::pace::Warden;
use crate::sim::dialect::pace::Window;
use crate::sim::dialect::seat::Seat;
use crate::sim::dialect::seat::SeatState;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;

/// An address that asks too often waits so long.
const BAN: DurNs = DurNs::from_secs(600);

/// The dialect of Bybit.
pub struct Bybit {
    codes: Codes,
    connects: Window,
    requests: Window,
    warden: Warden,
    opened: u64,
    desk: Desk,
}

impl Bybit {
    /// With all its limits unused.
    pub fn new() -> Bybit {
        let five = DurNs::from_secs(5);
        Bybit {
            codes: Codes::of(VenueId::Bybit),
            connects: Window::new(500, DurNs::from_secs(300)),
            requests: Window::new(600, five),
            warden: Warden::new(Window::new(0, five), BAN),
            opened: 0,
            desk: Desk::default(),
        }
    }

    fn serve(&mut self, request: &Request, at: (&mut Exchange, SimNow)) -> Answer {
        let (exchange, now) = at;
        let mono = now.now.mono;
        self.codes.learn(exchange);
        let is_banned = self.warden.banned(mono).is_some();
        if is_banned || !self.requests.take(1, mono) {
            if !is_banned {
                self.warden.refused(mono);
            }
            let text = "access too frequent";
            return Answer { status: 403, ..market::refused(403, text, now.wall_ms) };
        }
        if let Some(want) = Want::of(&request.method, &request.path) {
            return self.desk.answer(want, request, (exchange, now), &self.codes);
        }
        let params = Params::of_query(&request.query);
        let found = market::answer(&request.path, &params, (exchange, now), &self.codes);
        found.unwrap_or_else(|| Answer::new(404, "{}"))
    }
}

impl Default for Bybit {
    fn default() -> Bybit {
        Bybit::new()
    }
}

fn state(seat: &mut Seat) -> Option<&mut BybitSeat> {
    match &mut seat.state {
        SeatState::Bybit(state) => Some(state),
        _ => None,
    }
}

impl Dialect for Bybit {
    fn http(&mut self, request: &Request, exchange: &mut Exchange, now: SimNow) -> Response {
        response(self.serve(request, (exchange, now)), now.wall_ms)
    }

    fn open(&mut self, request: &Request, at: (&Exchange, SimNow)) -> Opened {
        let (exchange, now) = at;
        let mono = now.now.mono;
        self.codes.learn(exchange);
        let entrance = match request.path.as_str() {
            "/v5/public/spot" => Entrance::Public,
            "/v5/private" => Entrance::Private,
            "/v5/trade" => Entrance::Trade,
            _ => return Err(response(Answer::new(404, "{}"), now.wall_ms)),
        };
        let is_banned = self.warden.banned(mono).is_some();
        if is_banned || !self.connects.take(1, mono) {
            let text = "access too frequent";
            let answer = Answer { status: 403, ..market::refused(403, text, now.wall_ms) };
            return Err(response(answer, now.wall_ms));
        }
        self.opened += 1;
        let state = BybitSeat {
            entrance,
            conn_id: format!("sim{:08x}-{:04x}", now.wall_ms as u32, self.opened),
            topics: Vec::new(),
            own: Vec::new(),
            requests: Vec::new(),
        };
        let seat = Seat {
            account: None,
            path: request.path.clone(),
            opened: mono,
            heard: mono,
            state: SeatState::Bybit(Box::new(state)),
        };
        Ok((seat, Vec::new()))
    }

    fn message(&mut self, seat: &mut Seat, text: &[u8], at: (&mut Exchange, SimNow)) -> Vec<Out> {
        self.codes.learn(at.0);
        let codes = &self.codes;
        let Seat { account, state: SeatState::Bybit(state), .. } = seat else {
            return Vec::new();
        };
        if state.entrance == Entrance::Public {
            return talk::message(state, text, (at.0, at.1), codes);
        }
        let mut booth = Booth { seat: state, account, desk: &mut self.desk, codes };
        booth.message(text, at)
    }

    fn pinged(&mut self, _seat: &mut Seat, _now: SimNow) -> Vec<Out> {
        Vec::new()
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
        let codes = &self.codes;
        state(seat).map_or_else(Vec::new, |state| account::told(state, event, at, codes))
    }

    fn tick(&mut self, seat: &mut Seat, at: (&Exchange, SimNow)) -> Vec<Out> {
        let heard = seat.heard;
        let codes = &self.codes;
        state(seat).map_or_else(Vec::new, |state| talk::tick(state, heard, at, codes))
    }

    fn shut_down(&mut self, _seat: &mut Seat, _now: SimNow) -> Vec<Out> {
        Vec::new()
    }
}
