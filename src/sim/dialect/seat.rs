//! One WebSocket connection as a dialect sees it.

use crate::sim::dialect::binance::seat::BinanceSeat;
use crate::sim::dialect::bybit::seat::BybitSeat;
use crate::sim::dialect::korean::seat::KoreanSeat;
use crate::sim::dialect::okx::seat::OkxSeat;
use crate::sim::exchange::order::AccountId;
use crate::types::time::MonoNs;

/// One WebSocket connection. The server keeps it and hands it to each call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seat {
    /// Whose it is, once authenticated.
    pub account: Option<AccountId>,
    /// The path it was opened with.
    pub path: String,
    /// When it was opened.
    pub opened: MonoNs,
    /// When the client was last heard; the server keeps it up to date.
    pub heard: MonoNs,
    /// The dialect's own: subscriptions, format, ids, ping times.
    pub state: SeatState,
}

/// What a dialect remembers of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SeatState {
    /// Nothing was subscribed yet.
    #[default]
    Fresh,
    /// Upbit or Bithumb.
    Korean(Box<KoreanSeat>),
    /// Binance.
    Binance(Box<BinanceSeat>),
    /// Bybit.
    Bybit(Box<BybitSeat>),
    /// OKX.
    Okx(Box<OkxSeat>),
}
