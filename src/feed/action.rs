//! What a session is told and what it wants done: plain values.

use crate::feed::books::Outcome;
use crate::feed::connection::Why;
use crate::feed::fetch::Fetched;
use crate::feed::peek::Peeked;
use crate::feed::slot::Change;
use crate::feed::standing::Symbols;
use crate::types::counters::Counter;
use crate::types::ids::InstrumentName;
use crate::types::notice::FeedNews;
use crate::venue::Control;

/// One of the two connections that a session may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// One of them.
    Left,
    /// The other.
    Right,
}

impl Lane {
    /// Both.
    pub const ALL: [Lane; 2] = [Lane::Left, Lane::Right];
    /// Index into a table of two.
    pub const fn index(self) -> usize {
        self as usize
    }
    /// The other one.
    pub const fn other(self) -> Lane {
        match self {
            Lane::Left => Lane::Right,
            Lane::Right => Lane::Left,
        }
    }
}

/// Names one attempt to connect; its answer carries it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(pub u64);

/// Why an attempt failed, as far as it matters for the next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenFailure {
    /// No connection: name, route, deadline, handshake, or a status that is no ban.
    NoConnection,
    /// The venue bans us: HTTP 401, 403, 418, 429 or 451 instead of a connection.
    Refused {
        /// The status.
        status: u16,
    },
}

/// What a message was, as far as the session cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// A book image was committed, or on a connection that only listens, one came.
    Image(usize),
    /// A diff that waits for a snapshot, or on a connection that only listens, any diff.
    Held(usize),
    /// The sequence of that symbol broke, or its book was refused for what it says.
    Break(usize),
    /// Other market data.
    Data,
    /// Acknowledgement, status, announcement or error.
    Control(Control),
    /// Rejected whole.
    Rejected,
}

impl Seen {
    /// What became of a frame in the books. A book that was refused for what it says is its
    /// instrument's affair: only a frame that says nothing at all counts against a connection.
    pub const fn of(outcome: &Outcome) -> Seen {
        match outcome {
            Outcome::Control(control) => Seen::Control(*control),
            Outcome::Rejected(_) => Seen::Rejected,
            Outcome::Book { slot, change } => match change {
                Change::Image { .. } => Seen::Image(*slot),
                Change::Held => Seen::Held(*slot),
                Change::Gap | Change::Broken(_) => Seen::Break(*slot),
                Change::Ticker(_) | Change::Old | Change::Stale | Change::Refused(_) => Seen::Data,
            },
            Outcome::Trade { .. } | Outcome::Trades { .. } => Seen::Data,
            Outcome::Unknown | Outcome::Unplaced => Seen::Data,
        }
    }
    /// The same of a frame that is only looked at.
    pub const fn of_peeked(peeked: Peeked) -> Seen {
        match peeked {
            Peeked::Image { slot, .. } => Seen::Image(slot),
            Peeked::Delta(slot) => Seen::Held(slot),
            Peeked::Ticker(_) | Peeked::Other => Seen::Data,
            Peeked::Control(control) => Seen::Control(control),
            Peeked::Rejected => Seen::Rejected,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// The attempt succeeded.
    Opened(Ticket),
    /// It did not.
    OpenFailed(Ticket, OpenFailure),
    /// A whole message.
    Message(Lane, Seen),
    /// A ping or a pong.
    Life(Lane),
    /// Everything there was is read: bytes in all.
    Bytes(Lane, u64),
    /// It is closed, by the venue or a fault.
    Closed(Lane, Why),
    /// What it received cannot be held any more.
    Overflow(Lane),
    /// A snapshot request ended.
    Snapshot(usize, Fetched),
    /// The watchdog wants a new connection.
    ReconnectAsked,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Connect for that lane.
    Dial(Lane, Ticket),
    /// Ask for these symbols.
    Subscribe(Lane, Symbols),
    /// End what was asked for of these, if the venue knows that.
    Unsubscribe(Lane, Symbols),
    /// Send a keepalive as the venue's manners say. It counts as sent already.
    Keepalive(Lane),
    /// Request a book snapshot.
    Fetch(usize),
    /// Close the connection.
    Close(Lane, Why),
    /// Books wait for their first images from here on.
    OpenBooks,
    /// No book is valid from here on.
    CloseBooks,
    /// What this lane receives goes to the books; what is held of it goes first.
    Feed(Lane),
    /// Count and tell this.
    Tell(News),
}

/// What is counted and told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// Life but no market data: the symbols were asked for again.
    Quiet,
    /// These symbols were asked for again.
    AskedAgain,
    /// A symbol is off.
    SymbolOff(usize),
    /// A symbol that was off showed itself.
    SymbolBack(usize),
    /// A younger connection took over.
    Rotated,
    /// It could not.
    RotationFailed,
}

impl News {
    /// Where it is counted; `None` if it need not be.
    pub const fn counter(self) -> Option<Counter> {
        match self {
            News::Quiet => Some(Counter::Silences),
            News::AskedAgain => Some(Counter::Resubscriptions),
            News::SymbolOff(_) => Some(Counter::SymbolsOff),
            News::Rotated => Some(Counter::Rotations),
            News::SymbolBack(_) | News::RotationFailed => None,
        }
    }
    /// What people are told of it; `None` if nothing.
    pub fn told(self, name: impl Fn(usize) -> InstrumentName) -> Option<FeedNews> {
        match self {
            News::SymbolOff(slot) => Some(FeedNews::SymbolOff { symbol: name(slot) }),
            News::SymbolBack(slot) => Some(FeedNews::SymbolBack { symbol: name(slot) }),
            News::Rotated => Some(FeedNews::Rotated),
            News::RotationFailed => Some(FeedNews::RotationFailed),
            News::Quiet | News::AskedAgain => None,
        }
    }
}
