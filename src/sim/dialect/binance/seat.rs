//! What Binance remembers of one WebSocket. Pure.

use std::collections::BTreeMap;

use crate::sim::dialect::pace::Window;
use crate::sim::exchange::order::SimFill;
use crate::sim::exchange::order::SimOrder;
use crate::types::market::Level;
use crate::types::market::Side;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// How a connection is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Streams, each event alone.
    Raw,
    /// Streams, each event with the name of its stream.
    Combined,
    /// Requests and answers.
    Api,
}

/// What a stream delivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feed {
    /// Best bid and ask, at each change.
    BookTicker,
    /// Changed levels, collected for so long.
    Depth {
        /// Milliseconds.
        every_ms: u64,
    },
    /// The best levels, every so often.
    Partial {
        /// How many a side.
        levels: usize,
        /// Milliseconds.
        every_ms: u64,
    },
    /// Each trade.
    Trade,
    /// Trades of one taker order together.
    AggTrade,
}

impl Feed {
    /// The part of a stream's name behind the `@`; `None` for a stream that is not simulated.
    pub fn of(name: &str) -> Option<Feed> {
        let (head, every_ms) = match name.strip_suffix("@100ms") {
            Some(head) => (head, 100),
            None => (name, 1_000),
        };
        match head {
            "bookTicker" => Some(Feed::BookTicker),
            "trade" => Some(Feed::Trade),
            "aggTrade" => Some(Feed::AggTrade),
            "depth" => Some(Feed::Depth { every_ms }),
            "depth5" => Some(Feed::Partial { levels: 5, every_ms }),
            "depth10" => Some(Feed::Partial { levels: 10, every_ms }),
            "depth20" => Some(Feed::Partial { levels: 20, every_ms }),
            _ => None,
        }
    }
}

/// Changes of a book that are collected until they are due.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diff {
    /// First and last update in it; `None` while it is empty.
    pub span: Option<(u64, u64)>,
    /// Newest quantity of each changed price, raw.
    pub levels: BTreeMap<(Side, i64), i64>,
}

/// One subscribed stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sub {
    /// As the client wrote it.
    pub name: String,
    /// Of which instrument, and what; `None` if there is no such stream: it stays silent.
    pub of: Option<(usize, Feed)>,
    /// Collected changes.
    pub diff: Diff,
    /// The best levels last seen.
    pub best: Option<(Level, Level)>,
    /// Slot of the last frame.
    pub slot: u64,
}

/// A session of the WebSocket API.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Session {
    /// The key that it logged on with; `None` if it did not.
    pub key: Option<String>,
    /// When it logged on, venue time in ms.
    pub since_ms: u64,
    /// Numbers of the subscriptions to the user stream that are active.
    pub subscriptions: Vec<u64>,
    /// Subscriptions so far.
    pub subscribed: u64,
    /// The last match of an order by value: whether it filled it is known when the order is over.
    pub held: Option<(SimOrder, SimFill)>,
}

/// What is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BinanceSeat {
    /// How it is used.
    pub manner: Manner,
    /// Times are in microseconds.
    pub is_micro: bool,
    /// Subscribed streams.
    pub subs: Vec<Sub>,
    /// When the last ping was sent.
    pub pinged: MonoNs,
    /// The oldest ping without an answer.
    pub owed: Option<MonoNs>,
    /// Incoming messages, pings and pongs among them.
    pub messages: Window,
    /// The session of the WebSocket API.
    pub session: Session,
    /// Venue time at which it was opened, ms.
    pub opened_ms: u64,
}

/// Most streams of one connection.
pub const MOST_STREAMS: usize = 1_024;

impl BinanceSeat {
    /// Of a new connection.
    pub fn new(manner: Manner, now: MonoNs) -> BinanceSeat {
        BinanceSeat {
            manner,
            is_micro: false,
            subs: Vec::new(),
            pinged: now,
            owed: None,
            messages: Window::new(5, DurNs::from_secs(1)),
            session: Session::default(),
            opened_ms: 0,
        }
    }
}
