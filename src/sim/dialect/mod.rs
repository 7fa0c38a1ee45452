//! How each simulated venue talks: its WebSocket and HTTP protocol over one [`Exchange`]. Pure: the
//! server hands over what came in, and sends what comes back.

pub mod ask;
pub mod binance;
pub mod bybit;
pub mod codes;
pub mod image;
pub mod korean;
pub mod okx;
pub mod pace;
pub mod seat;
pub mod spell;
pub mod tape;
pub mod totals;

use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::dialect::seat::Seat;
use crate::sim::exchange::core::Exchange;
use crate::sim::exchange::order::AccountEvent;
use crate::types::ids::VenueId;
use crate::types::time::Now;

/// The present moment at a venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimNow {
    /// This machine's readings.
    pub now: Now,
    /// The venue's clock, ms since 1970: off by its skew.
    pub wall_ms: u64,
}

/// What a connection is to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Out {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping frame with this payload.
    Ping(Vec<u8>),
    /// A close frame with this code, then the end.
    Close(u16),
    /// The end without a close frame.
    Cut,
}

/// One venue's protocol. Authentication is really verified and limits are really enforced.
pub trait Dialect {
    /// Answers a request.
    fn http(&mut self, request: &Request, exchange: &mut Exchange, now: SimNow) -> Response;

    /// Opens a WebSocket: its seat and headers of the answer. Keys in its headers are verified
    /// against the exchange's accounts.
    ///
    /// # Errors
    /// The answer that refuses it.
    fn open(&mut self, request: &Request, at: (&Exchange, SimNow)) -> Opened;

    /// A text or binary message came.
    fn message(&mut self, seat: &mut Seat, text: &[u8], at: (&mut Exchange, SimNow)) -> Vec<Out>;

    /// A ping or pong frame came. Pings are answered by the server.
    fn pinged(&mut self, seat: &mut Seat, now: SimNow) -> Vec<Out>;

    /// A book has a new image: called for every image, in order.
    fn book(&mut self, seat: &mut Seat, instrument: usize, at: (&Exchange, SimNow)) -> Vec<Out>;

    /// Something happened to the account of this seat.
    fn account(
        &mut self,
        seat: &mut Seat,
        event: &AccountEvent,
        at: (&Exchange, SimNow),
    ) -> Vec<Out>;

    /// Every 50 ms: pings, idle cuts, the end after 24 h, status messages.
    fn tick(&mut self, seat: &mut Seat, at: (&Exchange, SimNow)) -> Vec<Out>;

    /// Announces a planned close, where the venue does so.
    fn shut_down(&mut self, seat: &mut Seat, now: SimNow) -> Vec<Out>;
}

/// A new seat with headers of the upgrade, or the refusal.
pub type Opened = Result<(Seat, Vec<(String, String)>), Response>;

/// The dialect of a venue, with all its limits unused.
pub fn dialect(venue: VenueId) -> Box<dyn Dialect + Send> {
    match venue {
        VenueId::Upbit | VenueId::Bithumb => Box::new(korean::house::Korean::of(venue)),
        VenueId::Binance => Box::new(binance::house::Binance::new()),
        VenueId::Bybit => Box::new(bybit::house::Bybit::new()),
        VenueId::Okx => Box::new(okx::house::Okx::new()),
    }
}
