//! The life of a venue's connection as a pure state machine: connect, subscribe, first images,
//! live, silent, ask again, connect anew; and the change to a younger connection before the old
//! one ends. Time is an argument, inputs are values, what is to be done comes out as actions.
//!
//! Rules:
//! 1. It never gives up. Pauses between attempts have full jitter below a ceiling that doubles from
//!    125 ms to the configured cap; the ceiling begins anew after 60 s of a stable connection.
//!    Attempts in any minute are bounded, whatever happens. (`FAULTS.md` F05)
//! 2. A connection asks for all symbols as soon as it is open. Symbols that do not show an image in
//!    time are mended or given up one by one ([`crate::feed::standing`], F12).
//! 3. A connection ends without any sign of life for the time that its manners say
//!    (F02); without market data although it was asked again (F01); by a frame that comes too
//!    slowly (F03); by too many rejected frames (F19); and when this thread stood still, because
//!    what waits in its socket looks fresh and is not (F31).
//! 4. Before a connection is too old, or when the venue says that it will close it, a second one is
//!    opened. What it receives is held; once every live symbol was seen on it, it takes over and
//!    the old one is closed. Only ever one of them feeds the books. If the old one ends before, the
//!    second takes over at once. (F06)
//! 5. A book that needs a requested snapshot gets it through [`crate::feed::fetch`] (F15).

use arrayvec::ArrayVec;

use crate::feed::action::Action;
use crate::feed::action::Input;
use crate::feed::action::Lane;
use crate::feed::action::News;
use crate::feed::action::OpenFailure;
use crate::feed::action::Seen;
use crate::feed::action::Ticket;
use crate::feed::connection::Connection;
use crate::feed::connection::Need;
use crate::feed::connection::QUIET;
use crate::feed::connection::Why;
use crate::feed::fetch::Fetched;
use crate::feed::fetch::Fetches;
use crate::feed::pace::Backoff;
use crate::feed::pace::Rolling;
use crate::feed::standing::Symbols;
use crate::types::limit;
use crate::types::rng::SplitMix64;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::venue::Control;
use crate::venue::stream::BookSource;
use crate::venue::stream::Manners;

/// Ceiling of the first pause.
pub const FIRST_PAUSE: DurNs = DurNs::from_ms(125);
/// A connection this old is stable: pauses begin anew after it.
pub const STABLE: DurNs = DurNs::from_secs(60);
/// Most attempts in a minute, whatever a venue allows.
pub const ATTEMPTS_PER_MINUTE: u32 = 20;
/// Longest time between two steps: [`Session::due`] is never further away.
pub const TICK: DurNs = DurNs::from_ms(250);
/// A step that comes so late means that the thread stood still.
pub const PAUSE: DurNs = DurNs::from_secs(3);
/// An answer of the desk that has not come by then is lost. Longer than name look-up, connect and
/// handshake together.
const DIAL_LOST: DurNs = DurNs::from_secs(30);
/// The allowance for a market without data doubles with each connection that ended for it, up to
/// this: a market that sleeps must not become a storm.
const LONGEST_QUIET: DurNs = DurNs::from_secs(160);
/// A connection younger than this is not replaced because the watchdog asks: both deadlines of a
/// first image (10 s each), and a little.
pub const YOUNG: DurNs = DurNs::from_secs(25);
/// A venue that refuses the connection outright is left alone for at least so long.
pub const REFUSED: DurNs = DurNs::from_secs(30);
/// Most actions of one call.
pub const ACTIONS: usize = 2 * limit::INSTRUMENTS + 32;

/// What a session is made with.
#[derive(Clone, Debug)]
pub struct SessionParts {
    /// The venue's manners.
    pub manners: Manners,
    /// How many symbols are asked for.
    pub symbols: usize,
    /// `websocket.reconnect_interval`: the longest pause between attempts.
    pub reconnect_cap: DurNs,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Where a lane stands.
#[derive(Debug)]
pub(in crate::feed) enum Phase {
    /// It is not used.
    Idle,
    /// The next attempt is made then, at the earliest.
    Resting { until: MonoNs },
    /// The answer of an attempt is awaited.
    Dialing { ticket: Ticket, by: MonoNs },
    /// It is open.
    Open(Box<Connection>),
}

/// The state machine.
#[derive(Debug)]
pub struct Session {
    pub(in crate::feed) manners: Manners,
    symbols: usize,
    pub(in crate::feed) rng: SplitMix64,
    pub(in crate::feed) lanes: [Phase; 2],
    /// The lane that feeds the books, or will.
    pub(in crate::feed) feeding: Lane,
    pub(in crate::feed) backoff: Backoff,
    attempts: Rolling,
    tickets: u64,
    /// When a younger connection is to be opened, if that is known.
    pub(in crate::feed) rotate_at: Option<MonoNs>,
    pub(in crate::feed) rotate_backoff: Backoff,
    pub(in crate::feed) fetches: Fetches,
    off: Symbols,
    quiet: DurNs,
    stepped_at: Option<MonoNs>,
    actions: ArrayVec<Action, ACTIONS>,
}

impl Session {
    /// A session that connects at its first step.
    pub fn new(parts: SessionParts) -> Session {
        let SessionParts { manners, symbols, reconnect_cap, seed } = parts;
        let attempts = manners.attempts_per_minute.min(ATTEMPTS_PER_MINUTE);
        Session {
            symbols,
            rng: SplitMix64::new(seed, 0),
            lanes: [Phase::Resting { until: MonoNs(0) }, Phase::Idle],
            feeding: Lane::Left,
            backoff: Backoff::new(FIRST_PAUSE, reconnect_cap),
            attempts: Rolling::new(attempts, DurNs::from_secs(60)),
            tickets: 0,
            rotate_at: None,
            rotate_backoff: Backoff::new(DurNs::from_secs(1), reconnect_cap),
            fetches: Fetches::new(symbols),
            off: Symbols::default(),
            quiet: QUIET,
            stepped_at: None,
            actions: ArrayVec::new(),
            manners,
        }
    }

    /// What happened. [`Session::take_actions`] afterwards.
    pub fn on(&mut self, input: Input, now: MonoNs) {
        match input {
            Input::Opened(ticket) => self.on_opened(ticket, now),
            Input::OpenFailed(ticket, why) => {
                if let Some(lane) = self.lane_of(ticket) {
                    self.on_failed(lane, why, now);
                }
            }
            Input::Message(lane, seen) => self.on_message(lane, seen, now),
            Input::Life(lane) => {
                self.with(lane, |connection| connection.on_life(now));
            }
            Input::Bytes(lane, total) => {
                self.with(lane, |connection| connection.on_bytes(total, now));
            }
            Input::Closed(lane, why) => self.close(lane, why, now),
            Input::Overflow(lane) if lane != self.feeding => self.close(lane, Why::GivenUp, now),
            Input::Overflow(_) => {}
            Input::Snapshot(slot, fetched) => {
                self.fetches.on_fetched(slot, fetched, now);
                if fetched == Fetched::Placed {
                    self.on_image(self.feeding, slot, now);
                }
            }
            Input::ReconnectAsked => self.on_asked(now),
        }
    }
    /// The watchdog asks each few seconds for as long as it sees lag: a connection that was opened
    /// for it is left the time to ask for its symbols, twice.
    fn on_asked(&mut self, now: MonoNs) {
        let Phase::Open(connection) = &self.lanes[self.feeding.index()] else { return };
        if now.since(connection.opened_at) >= YOUNG {
            self.close(self.feeding, Why::Asked, now);
        }
    }
    /// Time comes to `now`. [`Session::take_actions`] afterwards. A step before anything else that
    /// a turn does, so that a thread that stood still is found before old frames are read.
    pub fn step(&mut self, now: MonoNs) {
        let late = self.stepped_at.replace(now).map_or(DurNs(0), |before| now.since(before));
        if late >= PAUSE {
            // The one that only listens first: it must not take over with what it holds.
            let feeding = self.feeding;
            self.close(feeding.other(), Why::Paused, now);
            self.close(feeding, Why::Paused, now);
        }
        for lane in Lane::ALL {
            self.step_lane(lane, now);
        }
        self.rotate(now);
        while let Some(slot) = self.fetches.next_due(&mut self.rng, now) {
            self.act(Action::Fetch(slot));
        }
    }
    /// True if nothing is to be done.
    pub fn is_settled(&self) -> bool {
        self.actions.is_empty()
    }
    /// What is to be done, in order.
    pub fn take_actions(&mut self) -> ArrayVec<Action, ACTIONS> {
        std::mem::take(&mut self.actions)
    }
    /// When the next step is due; never further away than [`TICK`].
    pub fn due(&self) -> MonoNs {
        let Some(stepped_at) = self.stepped_at else { return MonoNs(0) };
        let resting = self.lanes.iter().filter_map(|phase| match phase {
            Phase::Resting { until } => Some((*until).max(self.attempts.frees_at())),
            _ => None,
        });
        let tick = stepped_at.plus(TICK);
        resting.chain(self.fetches.due()).fold(tick, MonoNs::min)
    }
    /// Whether a message may be sent on that lane now; if so, it counts as sent.
    pub fn may_send(&mut self, lane: Lane, now: MonoNs) -> bool {
        self.with(lane, |connection| connection.may_send(now)).unwrap_or(false)
    }
    /// When the next message may be sent on that lane; `None` if it is not open.
    pub fn may_send_at(&self, lane: Lane) -> Option<MonoNs> {
        match &self.lanes[lane.index()] {
            Phase::Open(connection) => Some(connection.may_send_at()),
            _ => None,
        }
    }
    /// The lane that waits for the answer of that attempt; `None` if it came too late.
    pub fn lane_of(&self, ticket: Ticket) -> Option<Lane> {
        let waits = |lane: &Lane| {
            let phase = &self.lanes[lane.index()];
            matches!(phase, Phase::Dialing { ticket: awaited, .. } if *awaited == ticket)
        };
        Lane::ALL.into_iter().find(waits)
    }
    /// The lane that feeds the books, if it is open.
    pub fn feeds(&self) -> Option<Lane> {
        matches!(self.lanes[self.feeding.index()], Phase::Open(_)).then_some(self.feeding)
    }
    /// Whether all that was asked for is live.
    pub fn is_live(&self) -> bool {
        let Phase::Open(connection) = &self.lanes[self.feeding.index()] else { return false };
        Symbols::first(self.symbols).are_in(connection.standings.live())
    }

    fn on_opened(&mut self, ticket: Ticket, now: MonoNs) {
        let Some(lane) = self.lane_of(ticket) else { return };
        let connection = Connection::new(&self.manners, self.symbols, now);
        self.lanes[lane.index()] = Phase::Open(Box::new(connection));
        if lane == self.feeding {
            self.rotate_at = self.old_at(now);
            self.act(Action::OpenBooks);
            self.act(Action::Feed(lane));
        }
        self.act(Action::Subscribe(lane, Symbols::first(self.symbols)));
    }

    fn on_failed(&mut self, lane: Lane, why: OpenFailure, now: MonoNs) {
        let least = match why {
            OpenFailure::NoConnection => DurNs(0),
            OpenFailure::Refused { .. } => REFUSED,
        };
        if lane == self.feeding {
            let pause = self.backoff.next(&mut self.rng).max(least);
            self.lanes[lane.index()] = Phase::Resting { until: now.plus(pause) };
        } else {
            self.lanes[lane.index()] = Phase::Idle;
            self.put_off(least, now);
        }
    }

    fn on_message(&mut self, lane: Lane, seen: Seen, now: MonoNs) {
        let (is_feeding, source) = (lane == self.feeding, self.manners.books);
        let Session { lanes, rng, fetches, .. } = self;
        let Phase::Open(connection) = &mut lanes[lane.index()] else { return };
        connection.on_life(now);
        if !matches!(seen, Seen::Control(_) | Seen::Rejected) {
            connection.on_data(now);
        }
        match (seen, source) {
            (Seen::Rejected, _) => connection.on_reject(now),
            (Seen::Image(slot), _) => self.on_image(lane, slot, now),
            (Seen::Held(slot), BookSource::RequestedSnapshot) if !is_feeding => {
                connection.standings.on_image(slot, now);
            }
            (Seen::Held(slot), BookSource::RequestedSnapshot) => fetches.want(slot, now),
            (Seen::Break(slot), BookSource::StreamSnapshot) => {
                connection.standings.on_break(slot, rng, now);
            }
            (Seen::Break(slot), BookSource::RequestedSnapshot) if is_feeding => {
                fetches.want(slot, now);
            }
            (Seen::Control(Control::ShuttingDown), _) if is_feeding => self.rotate_at = Some(now),
            (Seen::Control(Control::ShuttingDown), _) => self.close(lane, Why::GivenUp, now),
            _ => {}
        }
    }
    fn on_image(&mut self, lane: Lane, slot: usize, now: MonoNs) {
        self.with(lane, |connection| connection.standings.on_image(slot, now));
        if lane == self.feeding && self.off.remove(slot) {
            self.act(Action::Tell(News::SymbolBack(slot)));
        }
    }

    fn step_lane(&mut self, lane: Lane, now: MonoNs) {
        match &mut self.lanes[lane.index()] {
            Phase::Idle => {}
            Phase::Resting { until } if *until > now => {}
            Phase::Resting { .. } => self.dial(lane, now),
            Phase::Dialing { by, .. } if *by > now => {}
            Phase::Dialing { .. } => self.on_failed(lane, OpenFailure::NoConnection, now),
            Phase::Open(connection) => {
                if now.since(connection.opened_at) >= STABLE && lane == self.feeding {
                    self.backoff.reset();
                    self.rotate_backoff.reset();
                    self.quiet = QUIET;
                }
                self.step_open(lane, now);
            }
        }
    }

    /// Asks for a connection, unless too many attempts were made in the last minute.
    pub(in crate::feed) fn dial(&mut self, lane: Lane, now: MonoNs) {
        if !self.attempts.has_room(now) {
            return;
        }
        self.attempts.note(now);
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.lanes[lane.index()] = Phase::Dialing { ticket, by: now.plus(DIAL_LOST) };
        self.act(Action::Dial(lane, ticket));
    }

    fn step_open(&mut self, lane: Lane, now: MonoNs) {
        let (is_feeding, quiet) = (lane == self.feeding, self.quiet);
        // A connection that only listens is judged by what it shows, not by how often.
        let quiet = if is_feeding { quiet } else { DurNs(u64::MAX) };
        match self.with(lane, |connection| connection.need(quiet, now)).flatten() {
            Some(Need::End(why)) => {
                if why == Why::Quiet {
                    self.quiet = DurNs(self.quiet.0.saturating_mul(2)).min(LONGEST_QUIET);
                }
                return self.close(lane, why, now);
            }
            Some(Need::Keepalive) => self.act(Action::Keepalive(lane)),
            Some(Need::AskAgain) => {
                self.act(Action::Tell(News::Quiet));
                self.ask_again(lane, Symbols::first(self.symbols));
            }
            None => {}
        }
        let due = self.with(lane, |connection| connection.step(now)).unwrap_or_default();
        if !due.again.is_empty() {
            self.ask_again(lane, due.again);
        }
        if is_feeding {
            for slot in due.off.slots().filter(|slot| !self.off.contains(*slot)) {
                let _ = self.actions.try_push(Action::Tell(News::SymbolOff(slot)));
            }
            due.off.slots().for_each(|slot| self.off.insert(slot));
        }
    }

    /// Subscribes again. Where a subscription replaces the one before it has to name all; where a
    /// snapshot comes only with a new one, the old one ends first.
    fn ask_again(&mut self, lane: Lane, symbols: Symbols) {
        let all = Symbols::first(self.symbols);
        let symbols = if self.manners.replaces { all } else { symbols };
        if self.manners.books == BookSource::StreamSnapshot {
            self.act(Action::Unsubscribe(lane, symbols));
        }
        self.act(Action::Subscribe(lane, symbols));
        self.act(Action::Tell(News::AskedAgain));
    }

    fn with<T>(&mut self, lane: Lane, act: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        match &mut self.lanes[lane.index()] {
            Phase::Open(connection) => Some(act(connection)),
            _ => None,
        }
    }
    /// There is room for more than one call can ask for; whoever takes no actions is broken.
    pub(in crate::feed) fn act(&mut self, action: Action) {
        let _ = self.actions.try_push(action);
    }
}
