//! Upbit or Bithumb as a whole: who gets in, what is answered where, at which rate. Pure.

use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::dialect::Dialect;
use crate::sim::dialect::Opened;
use crate::sim::dialect::Out;
use crate::sim::dialect::SimNow;
use crate::sim::dialect::ask::Answer;
use crate::sim::dialect::ask::Params;
use crate::sim::dialect::ask::header;
use crate::sim::dialect::ask::response;
use crate::sim::dialect::korean::account::Teller;
use crate::sim::dialect::korean::account::instrument_of;
use crate::sim::dialect::korean::asked::Kind;
use crate::sim::dialect::korean::desk::Desk;
use crate::sim::dialect::korean::desk::TooOften;
use crate::sim::dialect::korean::desk::Want;
use crate::sim::dialect::korean::market::GROUPS;
use crate::sim::dialect::korean::market::Public;
use crate::sim::dialect::korean::market::Shop;
use crate::sim::dialect::korean::seat::KoreanSeat;
use crate::sim::dialect::korean::talk::Talk;
use crate::sim::dialect::pace::Warden;
use crate::sim::dialect::pace::Window;
use crate::sim::dialect::seat::Seat;
use crate::sim::dialect::seat::SeatState;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

const SECOND: DurNs = DurNs::from_secs(1);
/// A request with an `Origin` header may come once in so long (Upbit).
const ORIGIN_SPAN: DurNs = DurNs::from_secs(10);

/// The dialect of Upbit or Bithumb.
pub struct Korean {
    venue: VenueId,
    talk: Talk,
    connects: Window,
    origin: Window,
    public: [Window; GROUPS.len()],
    warden: Warden,
    desk: Desk,
}

impl Korean {
    /// Of Upbit or Bithumb.
    pub fn of(venue: VenueId) -> Korean {
        let (connects, public, patience, first) = match venue {
            VenueId::Bithumb => (10, 150, 0, DurNs::from_secs(600)),
            _ => (5, 10, 20, DurNs::from_secs(5)),
        };
        Korean {
            venue,
            talk: Talk::of(venue),
            connects: Window::new(connects, SECOND),
            origin: Window::new(1, ORIGIN_SPAN),
            public: GROUPS.map(|_| Window::new(public, SECOND)),
            desk: Desk::of(venue),
            warden: Warden::new(Window::new(patience, SECOND), first),
        }
    }

    /// 429, or 418 for whoever goes on.
    fn slow_down(&mut self, now: MonoNs) -> Answer {
        match self.warden.refused(now) {
            Some(lasts) if self.venue == VenueId::Upbit => banned(lasts),
            _ => Answer::named(429, "\"too_many_requests\"", "Too many API requests."),
        }
    }

    fn serve(&mut self, request: &Request, at: (&mut Exchange, SimNow)) -> Answer {
        let (exchange, now) = at;
        let mono = now.now.mono;
        self.talk.codes.learn(exchange);
        if let Some(left) = self.warden.banned(mono) {
            return banned(left);
        }
        if self.venue == VenueId::Upbit && header(request, "origin").is_some() {
            let is_first = self.origin.take(1, mono);
            if !is_first {
                return self.slow_down(mono);
            }
        }
        if let Some(public) = Public::of(&request.path, self.venue) {
            return self.sell(public, request, (exchange, now));
        }
        let Some(want) = Want::of(request, self.venue) else { return no_route() };
        let answer = self.desk.answer(want, request, (exchange, now), &self.talk.codes);
        answer.unwrap_or_else(|TooOften| self.slow_down(mono))
    }

    /// Market data, within its rate.
    fn sell(&mut self, public: Public, request: &Request, at: (&Exchange, SimNow)) -> Answer {
        let mono = at.1.now.mono;
        let group = if self.venue == VenueId::Upbit { public.group() } else { 0 };
        let is_within = self.public[group].take(1, mono);
        let left = self.public[group].left(mono);
        if !is_within {
            return self.slow_down(mono);
        }
        let shop = Shop { venue: self.venue, codes: &self.talk.codes, exchange: at.0, now: at.1 };
        let answer = shop.answer(public, &Params::of_query(&request.query));
        if self.venue == VenueId::Upbit {
            let name = GROUPS[group];
            return answer.header("Remaining-Req", format!("group={name}; min=600; sec={left}"));
        }
        rate_headers(answer, left)
    }
}

/// Bithumb's headers of a rate of 150/s, or 140/s where it is private.
pub fn rate_headers(answer: Answer, left: u32) -> Answer {
    answer
        .header("x-ratelimit-remaining", left)
        .header("x-ratelimit-requested-tokens", 1)
        .header("x-ratelimit-burst-capacity", 150)
        .header("x-ratelimit-replenish-rate", 150)
}

fn no_route() -> Answer {
    Answer::named(404, "\"not_found\"", "no Route matched with those values")
}

fn banned(left: DurNs) -> Answer {
    let text = format!("This address is blocked for {} s.", left.as_ms().div_ceil(1_000));
    Answer::named(418, "\"too_many_requests\"", &text)
}

fn state(seat: &mut Seat) -> Option<&mut KoreanSeat> {
    match &mut seat.state {
        SeatState::Korean(state) => Some(state),
        _ => None,
    }
}

impl Dialect for Korean {
    fn http(&mut self, request: &Request, exchange: &mut Exchange, now: SimNow) -> Response {
        response(self.serve(request, (exchange, now)), now.wall_ms)
    }

    fn open(&mut self, request: &Request, at: (&Exchange, SimNow)) -> Opened {
        let now = at.1;
        let mono = now.now.mono;
        self.talk.codes.learn(at.0);
        let refuse = |answer: Answer| Err(response(answer, now.wall_ms));
        if let Some(left) = self.warden.banned(mono) {
            return refuse(banned(left));
        }
        let has_origin = header(request, "origin").is_some() && self.venue == VenueId::Upbit;
        let is_late = has_origin && !self.origin.take(1, mono);
        if is_late || !self.connects.take(1, mono) {
            return refuse(self.slow_down(mono));
        }
        let account = match (request.path.as_str(), self.venue) {
            ("/websocket/v1", _) => None,
            ("/websocket/v1/private", VenueId::Upbit)
            | ("/websocket/v2/private", VenueId::Bithumb) => {
                match self.desk.gate.admit(request, (at.0.accounts(), now)) {
                    Ok(account) => Some(account.id),
                    Err(answer) => return refuse(answer),
                }
            }
            _ => return refuse(no_route()),
        };
        let messages =
            if has_origin { Window::new(1, ORIGIN_SPAN) } else { Window::new(5, SECOND) };
        let left = self.connects.left(mono);
        let group = if has_origin { "origin" } else { "websocket" };
        let remaining = format!("group={group}; min=300; sec={left}");
        let mut state = KoreanSeat::new(messages);
        state.is_private = account.is_some();
        let seat = Seat {
            account,
            path: request.path.clone(),
            opened: mono,
            heard: mono,
            state: SeatState::Korean(Box::new(state)),
        };
        Ok((seat, vec![("remaining-req".to_owned(), remaining)]))
    }

    fn message(&mut self, seat: &mut Seat, text: &[u8], at: (&mut Exchange, SimNow)) -> Vec<Out> {
        let talk = &mut self.talk;
        state(seat).map_or_else(Vec::new, |state| talk.message(state, text, (at.0, at.1)))
    }

    fn pinged(&mut self, _seat: &mut Seat, _now: SimNow) -> Vec<Out> {
        Vec::new()
    }

    fn book(&mut self, seat: &mut Seat, instrument: usize, at: (&Exchange, SimNow)) -> Vec<Out> {
        let talk = &mut self.talk;
        state(seat).map_or_else(Vec::new, |state| talk.book(state, instrument, at))
    }

    fn account(
        &mut self,
        seat: &mut Seat,
        event: &AccountEvent,
        at: (&Exchange, SimNow),
    ) -> Vec<Out> {
        let (venue, codes) = (self.venue, &self.talk.codes);
        let Some(state) = state(seat) else { return Vec::new() };
        let instrument = instrument_of(event);
        let is_wanted = state.own.iter().any(|(kind, of)| match instrument {
            Some(at) => *kind == Kind::MyOrder && (of.is_empty() || of.contains(&at)),
            None => *kind == Kind::MyAsset,
        });
        if !is_wanted {
            return Vec::new();
        }
        let teller = Teller { venue, format: state.format, codes, now_ms: at.1.wall_ms };
        vec![Out::Binary(teller.frame(event, at.0).into_bytes())]
    }

    fn tick(&mut self, seat: &mut Seat, at: (&Exchange, SimNow)) -> Vec<Out> {
        let heard = seat.heard;
        let talk = &mut self.talk;
        state(seat).map_or_else(Vec::new, |state| talk.tick(state, heard, at))
    }

    fn shut_down(&mut self, _seat: &mut Seat, _now: SimNow) -> Vec<Out> {
        Vec::new()
    }
}
