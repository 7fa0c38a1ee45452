//! How a venue's public connection is used: addresses, subscriptions, keepalive, limits. Pure.
//!
//! A venue's folder implements [`Stream`] in its `stream.rs`; `feed` acts on what it says. Requests
//! over HTTP are named here by their path; who sends them and when is `feed`'s business.

use crate::types::ids::InstrumentName;
use crate::types::market::TickTable;
use crate::types::time::DurNs;
use crate::types::units::Qty;
use crate::venue::DecodeError;

/// What keeps a connection from being cut as idle, sent whatever the market does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keepalive {
    /// A WebSocket ping frame; its pong is a sign of life.
    PingFrame {
        /// How often.
        every: DurNs,
    },
    /// A text message; its answer is a frame like any other, a [`crate::venue::Control::Pong`] or
    /// [`crate::venue::Control::Status`].
    Text {
        /// The message.
        text: &'static str,
        /// How often.
        every: DurNs,
    },
    /// The venue pings and expects pongs, which the socket gives at once. Nothing else is sent.
    VenuePings {
        /// The venue's own interval: longer without one, and nothing else, is silence.
        every: DurNs,
    },
}

/// Where a book's first image comes from, and what mends a break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BookSource {
    /// Every frame is a whole book.
    Whole,
    /// A snapshot on the stream, then deltas that chain to it; subscribing again mends a break.
    StreamSnapshot,
    /// Deltas on the stream, a snapshot by request ([`Stream::snapshot_path`]).
    RequestedSnapshot,
}

/// The manners of a venue's public connection. Sources are named where a venue fills it in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manners {
    /// What keeps it alive.
    pub keepalive: Keepalive,
    /// Where books come from.
    pub books: BookSource,
    /// No frame and no pong for this long, with the keepalive above: the peer is gone.
    /// 12 s, so that a half-open socket is found and replaced within 15 s.
    pub silence: DurNs,
    /// A connection is replaced before it is this old; `None` where the venue has no such limit.
    pub longest_life: Option<DurNs>,
    /// Each subscribed symbol has to show its first image within this time (10 s).
    pub first_image: DurNs,
    /// The venue acknowledges subscriptions.
    pub acks: bool,
    /// A subscription replaces the one before: every request names all symbols.
    pub replaces: bool,
    /// Most symbols of one request.
    pub symbols_per_request: usize,
    /// Most attempts to connect in one minute, below the venue's own limit; at most 20.
    pub attempts_per_minute: u32,
    /// Most messages that we send in one second, pings included, below the venue's own limit.
    pub messages_per_second: u32,
    /// The venue's ticker runs ahead of its depth stream and is subscribed too.
    pub has_ticker: bool,
}

/// The rules of one instrument as a venue publishes them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstrumentRules {
    /// The venue's code.
    pub symbol: String,
    /// BASE-QUOTE.
    pub name: InstrumentName,
    /// Orders are taken now.
    pub is_trading: bool,
    /// Price grid; `None` where this endpoint does not say it.
    pub ticks: Option<TickTable>,
    /// Quantity grid; `None` likewise.
    pub lot: Option<Qty>,
    /// Smallest order value in the quote currency, raw 10⁻⁸ units; `None` likewise.
    pub min_notional_raw: Option<i64>,
    /// The venue's number of the instrument where orders need it (OKX `instIdCode`).
    pub code: Option<u64>,
}

/// Adds what a later answer says to what earlier ones said.
pub fn merge_rules(known: &mut Vec<InstrumentRules>, later: Vec<InstrumentRules>) {
    for rules in later {
        match known.iter_mut().find(|known| known.symbol == rules.symbol) {
            None => known.push(rules),
            Some(known) => {
                known.is_trading &= rules.is_trading;
                known.ticks = rules.ticks.or(known.ticks.take());
                known.lot = rules.lot.or(known.lot);
                known.min_notional_raw = rules.min_notional_raw.or(known.min_notional_raw);
                known.code = rules.code.or(known.code);
            }
        }
    }
}

/// One venue's public connection and the public requests beside it.
pub trait Stream {
    /// Its manners.
    fn manners(&self) -> Manners;

    /// What is appended to the configured WebSocket address, such as `/stream`; empty if nothing.
    fn path(&self) -> &'static str;

    /// Messages that subscribe to books (and tickers, where [`Manners::has_ticker`]) of these
    /// symbols, each within [`Manners::symbols_per_request`]; ids count up from `id`.
    fn subscribe(&self, symbols: &[&str], id: u64) -> Vec<String>;

    /// Messages that end those subscriptions; empty where the venue has no such request.
    fn unsubscribe(&self, symbols: &[&str], id: u64) -> Vec<String>;

    /// Path and query of the request for a book snapshot, if books need one.
    fn snapshot_path(&self, _symbol: &str) -> Option<String> {
        None
    }

    /// Paths and queries whose answers together give the rules of these symbols.
    fn rules_paths(&self, symbols: &[&str]) -> Vec<String>;

    /// The rules in one such answer. Later answers add to earlier ones; symbols that were not
    /// asked for may be among them.
    ///
    /// # Errors
    /// [`DecodeError`] if the answer is not what the venue documents.
    fn rules(&self, body: &[u8]) -> Result<Vec<InstrumentRules>, DecodeError>;

    /// Path of the request for the venue's time; `None` where only the HTTP date tells it.
    fn time_path(&self) -> Option<&'static str>;

    /// The time in such an answer, ms since 1970.
    ///
    /// # Errors
    /// As [`Stream::rules`].
    fn time_ms(&self, body: &[u8]) -> Result<u64, DecodeError>;
}
