//! What OKX remembers of one WebSocket. Pure.

use crate::sim::dialect::image::Image;
use crate::sim::dialect::pace::Window;
use crate::types::market::Level;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Which of the venue's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entrance {
    /// `/ws/v5/public`.
    Public,
    /// `/ws/v5/private`.
    Private,
}

/// What a public channel delivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feed {
    /// 400 levels: a snapshot, then changes.
    Books,
    /// So many levels, whole each time.
    Whole {
        /// Levels a side.
        levels: usize,
        /// At most every so many ms.
        every_ms: u64,
    },
    /// Public trades.
    Trades,
    /// The day's numbers.
    Tickers,
}

impl Feed {
    /// By the name of its channel; `None` if there is no such one.
    pub fn of(channel: &str) -> Option<Feed> {
        match channel {
            "books" => Some(Feed::Books),
            "books5" => Some(Feed::Whole { levels: 5, every_ms: 100 }),
            "bbo-tbt" => Some(Feed::Whole { levels: 1, every_ms: 10 }),
            "trades" => Some(Feed::Trades),
            "tickers" => Some(Feed::Tickers),
            _ => None,
        }
    }
    /// The least time between two frames, ms.
    pub const fn every_ms(self) -> u64 {
        match self {
            Feed::Whole { every_ms, .. } => every_ms,
            Feed::Books | Feed::Trades | Feed::Tickers => 100,
        }
    }
}

/// One subscribed public channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Of which instrument.
    pub instrument: usize,
    /// What.
    pub feed: Feed,
    /// What was shown.
    pub shown: Image,
    /// Number of what was shown; `None` before the snapshot.
    pub sequence: Option<u64>,
    /// The best levels last seen, for trades.
    pub best: Option<(Level, Level)>,
    /// Slot of the last frame.
    pub slot: u64,
    /// When the last frame was sent.
    pub sent: MonoNs,
    /// The book changed since.
    pub is_dirty: bool,
}

/// What is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OkxSeat {
    /// Where it came in.
    pub entrance: Entrance,
    /// The venue's name of the connection.
    pub conn_id: String,
    /// Subscribed public channels.
    pub channels: Vec<Channel>,
    /// Subscribed private channels, each with the instrument that it is limited to.
    pub own: Vec<(String, Option<usize>)>,
    /// When something was last sent.
    pub spoke: MonoNs,
    /// Subscriptions and logins of an hour.
    pub operations: Window,
}

impl OkxSeat {
    /// Of a new connection.
    pub const fn new(entrance: Entrance, conn_id: String, now: MonoNs) -> OkxSeat {
        OkxSeat {
            entrance,
            conn_id,
            channels: Vec::new(),
            own: Vec::new(),
            spoke: now,
            operations: Window::new(480, DurNs::from_secs(3_600)),
        }
    }
}
