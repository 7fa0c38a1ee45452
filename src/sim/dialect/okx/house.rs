//! OKX as a whole: who gets in, what is answered where, at which rate. Pure.

use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::dialect::Dialect;
use crate::sim::dialect::Opened;
use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::ask::response;
use crate::sim::dialect::codes::Codes;
use crate::sim::dialect::okx::account;
use crate::sim::dialect::okx::account::Booth;
use crate::sim::dialect::okx::desk::Desk;
use crate::sim::dialect::okx::desk::Want;
use crate::sim::dialect::okx::market;
use crate::sim::dialect::okx::seat::Entrance;
use crate::sim::dialect::okx::seat::OkxSeat;
use crate::sim::dialect::okx::talk;
use crate::sim::dialect::pace::Window;
use crate::sim::dialect::seat::Seat;
use crate::sim::dialect::seat::SeatState;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;

/// The dialect of OKX.
pub struct Okx {
    codes: Codes,
    connects: Window,
    public: Window,
    opened: u64,
    desk: Desk,
}

impl Okx {
    /// With all its limits unused.
    pub fn new() -> Okx {
        Okx {
            codes: Codes::of(VenueId::Okx),
            connects: Window::new(3, DurNs::from_secs(1)),
            public: Window::new(20, DurNs::from_secs(2)),
            opened: 0,
            desk: Desk::default(),
        }
    }

    fn serve(&mut self, request: &Request, at: (&mut Exchange, SimNow)) -> Answer {
        let (exchange, now) = at;
        self.codes.learn(exchange);
        if let Some(want) = Want::of_request(&request.method, &request.path) {
            let answer = self.desk.answer(want, request, (exchange, now), &self.codes);
            return answer.unwrap_or_else(too_many);
        }
        if !self.public.take(1, now.now.mono) {
            return too_many();
        }
        let params = Params::of_query(&request.query);
        let found = market::answer(&request.path, &params, (exchange, now), &self.codes);
        found.unwrap_or_else(|| market::refused(404, "50404", "Not Found"))
    }
}

/// The refusal of whoever asks too often.
pub fn too_many() -> Answer {
    let text = "Rate limit reached. Please refer to API documentation and throttle requests \
                accordingly";
    market::refused(429, "50011", text)
}

impl Default for Okx {
    fn default() -> Okx {
        Okx::new()
    }
}

fn state(seat: &mut Seat) -> Option<&mut OkxSeat> {
    match &mut seat.state {
        SeatState::Okx(state) => Some(state),
        _ => None,
    }
}

impl Dialect for Okx {
    fn http(&mut self, request: &Request, exchange: &mut Exchange, now: SimNow) -> Response {
        response(self.serve(request, (exchange, now)), now.wall_ms)
    }

    fn open(&mut self, request: &Request, at: (&Exchange, SimNow)) -> Opened {
        let (exchange, now) = at;
        let mono = now.now.mono;
        self.codes.learn(exchange);
        let entrance = match request.path.as_str() {
            "/ws/v5/public" => Entrance::Public,
            "/ws/v5/private" => Entrance::Private,
            _ => {
                let answer = market::refused(404, "50404", "Not Found");
                return Err(response(answer, now.wall_ms));
            }
        };
        if !self.connects.take(1, mono) {
            return Err(response(too_many(), now.wall_ms));
        }
        self.opened += 1;
        let conn_id = format!("{:08x}", 0xa4d3_0000 + self.opened);
        let seat = Seat {
            account: None,
            path: request.path.clone(),
            opened: mono,
            heard: mono,
            state: SeatState::Okx(Box::new(OkxSeat::new(entrance, conn_id, mono))),
        };
        Ok((seat, Vec::new()))
    }

    fn message(&mut self, seat: &mut Seat, text: &[u8], at: (&mut Exchange, SimNow)) -> Vec<Out> {
        self.codes.learn(at.0);
        let codes = &self.codes;
        let Seat { account, state: SeatState::Okx(state), .. } = seat else {
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
        let Some(state) = state(seat) else { return Vec::new() };
        let out = account::told(state, event, at, codes);
        if !out.is_empty() {
            state.spoke = at.1.now.mono;
        }
        out
    }

    fn tick(&mut self, seat: &mut Seat, at: (&Exchange, SimNow)) -> Vec<Out> {
        let heard = seat.heard;
        let codes = &self.codes;
        state(seat).map_or_else(Vec::new, |state| talk::tick(state, heard, at, codes))
    }

    fn shut_down(&mut self, seat: &mut Seat, _now: SimNow) -> Vec<Out> {
        state(seat).map_or_else(Vec::new, |state| talk::shut_down(state))
    }
}
