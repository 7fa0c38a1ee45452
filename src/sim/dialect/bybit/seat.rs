//! What Bybit remembers of one WebSocket. Pure.

use crate::sim::dialect::image::Image;
use crate::types::market::Level;
use crate::types::time::MonoNs;

/// Which of the venue's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entrance {
    /// `/v5/public/spot`.
    Public,
    /// `/v5/private`.
    Private,
    /// `/v5/trade`.
    Trade,
}

/// What a public topic delivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feed {
    /// A book of so many levels, at most every so many ms.
    Book {
        /// Levels a side.
        levels: usize,
        /// Milliseconds.
        every_ms: u64,
    },
    /// Public trades.
    Trade,
    /// The day's numbers, at most every 50 ms.
    Ticker,
}

impl Feed {
    /// The feed and the symbol of a topic; `None` if there is no such topic.
    pub fn of(topic: &str) -> Option<(Feed, &str)> {
        if let Some(symbol) = topic.strip_prefix("publicTrade.") {
            return Some((Feed::Trade, symbol));
        }
        if let Some(symbol) = topic.strip_prefix("tickers.") {
            return Some((Feed::Ticker, symbol));
        }
        let (levels, symbol) = topic.strip_prefix("orderbook.")?.split_once('.')?;
        let (levels, every_ms) = match levels {
            "1" => (1, 10),
            "50" => (50, 20),
            "200" => (200, 100),
            "1000" => (1_000, 200),
            _ => return None,
        };
        Some((Feed::Book { levels, every_ms }, symbol))
    }
}

/// One subscribed public topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Of which instrument.
    pub instrument: usize,
    /// What.
    pub feed: Feed,
    /// What was shown.
    pub shown: Image,
    /// Number of what was shown; `None` before the first.
    pub update: Option<u64>,
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
pub struct BybitSeat {
    /// Where it came in.
    pub entrance: Entrance,
    /// The venue's name of the connection.
    pub conn_id: String,
    /// Subscribed public topics.
    pub topics: Vec<Topic>,
    /// Subscribed private topics.
    pub own: Vec<String>,
    /// Request ids of orders on the trade socket, newest last.
    pub requests: Vec<String>,
}
