//! A session and a venue of few words on virtual time.
#![allow(dead_code, reason = "each test binary uses its own part")]

use arb::feed::action::Action;
use arb::feed::action::Input;
use arb::feed::action::Lane;
use arb::feed::action::OpenFailure;
use arb::feed::action::Seen;
use arb::feed::action::Ticket;
use arb::feed::connection::Why;
use arb::feed::fetch::Fetched;
use arb::feed::session::Session;
use arb::feed::session::SessionParts;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::venue::stream::BookSource;
use arb::venue::stream::Keepalive;
use arb::venue::stream::Manners;

/// So long the venue and the desk take for everything.
const LATENCY: DurNs = DurNs::from_ms(30);

pub fn ms(ms: u64) -> DurNs {
    DurNs::from_ms(ms)
}

pub fn secs(secs: u64) -> DurNs {
    DurNs::from_secs(secs)
}

/// Usual manners of a venue with books of that kind.
pub fn manners(books: BookSource) -> Manners {
    Manners {
        keepalive: Keepalive::PingFrame { every: secs(30) },
        books,
        silence: secs(12),
        longest_life: None,
        first_image: secs(10),
        acks: false,
        replaces: books == BookSource::Whole,
        symbols_per_request: 10,
        attempts_per_minute: 20,
        messages_per_second: 4,
        has_ticker: false,
    }
}

/// How the venue behaves.
pub struct Script {
    pub sends_data: bool,
    pub data_every: DurNs,
    pub answers_pings: bool,
    pub answers_dials: bool,
    pub closes_at_once: bool,
    pub refuses: Option<OpenFailure>,
    /// This symbol shows nothing, on connections that open from now on.
    pub hides: Option<usize>,
    /// This symbol shows nothing more, on any connection.
    pub stops: Option<usize>,
    /// A byte each tick, never a whole frame.
    pub drips: bool,
    pub fetches: Fetched,
}

/// An open connection of the venue.
#[derive(Clone, Copy)]
struct Line {
    opened_at: MonoNs,
    data_at: MonoNs,
    bytes: u64,
    hides: Option<usize>,
    has_snapshot: u64,
}

pub struct Play {
    pub session: Session,
    pub venue: Script,
    books: BookSource,
    symbols: usize,
    now: MonoNs,
    lines: [Option<Line>; 2],
    answers: Vec<(MonoNs, Input)>,
    log: Vec<(MonoNs, Action)>,
    placed: u64,
    /// Symbols whose sequence is broken until they are asked for again.
    broken: u64,
    last: Ticket,
    /// Steps at which both connections were open.
    pub both_open: u64,
    /// Largest age of a connection.
    pub oldest: DurNs,
}

impl Play {
    pub fn of(manners: Manners, symbols: usize) -> Play {
        let books = manners.books;
        let parts = SessionParts { manners, symbols, reconnect_cap: secs(30), seed: 7 };
        let venue = Script {
            sends_data: true,
            data_every: ms(500),
            answers_pings: true,
            answers_dials: true,
            closes_at_once: false,
            refuses: None,
            hides: None,
            stops: None,
            drips: false,
            fetches: Fetched::Placed,
        };
        Play {
            session: Session::new(parts),
            venue,
            books,
            symbols,
            now: MonoNs(1),
            lines: [None; 2],
            answers: vec![],
            log: vec![],
            placed: 0,
            broken: 0,
            last: Ticket(0),
            both_open: 0,
            oldest: DurNs(0),
        }
    }
    pub fn now(&self) -> MonoNs {
        self.now
    }
    pub fn last_ticket(&self) -> Ticket {
        self.last
    }
    pub fn clear(&mut self) {
        self.log.clear();
    }
    pub fn input(&mut self, input: Input) {
        if let Input::Message(_, Seen::Break(slot)) = input {
            self.broken |= 1 << slot;
        }
        self.session.on(input, self.now);
        self.act();
    }
    /// The venue closes the connection that feeds the books.
    pub fn close_by_venue(&mut self) {
        if let Some(lane) = self.session.feeds() {
            self.input(Input::Closed(lane, Why::Peer));
        }
    }
    pub fn run(&mut self, time: DurNs) {
        let end = self.now.plus(time);
        while self.now < end {
            self.next(end);
        }
    }
    pub fn run_until(&mut self, is_it: impl Fn(&Action) -> bool) {
        let known = self.log.len();
        let end = self.now.plus(secs(600));
        while self.now < end && !self.log[known..].iter().any(|(_, action)| is_it(action)) {
            self.next(end);
        }
    }
    pub fn run_until_close(&mut self) {
        self.run_until(|action| matches!(action, Action::Close(..)));
    }
    /// No step for so long, while the venue goes on.
    pub fn stand_still(&mut self, time: DurNs) {
        self.now = self.now.plus(time);
        self.session.step(self.now);
        self.act();
    }
    pub fn count(&self, is_it: impl Fn(&Action) -> bool) -> usize {
        self.log.iter().filter(|(_, action)| is_it(action)).count()
    }
    pub fn times(&self, is_it: impl Fn(&Action) -> bool) -> Vec<MonoNs> {
        self.log.iter().filter(|(_, action)| is_it(action)).map(|(at, _)| *at).collect()
    }
    pub fn actions(&self, is_it: impl Fn(&Action) -> bool) -> Vec<Action> {
        self.log.iter().map(|(_, action)| *action).filter(|action| is_it(action)).collect()
    }
    pub fn closes(&self) -> Vec<Why> {
        let why = |(_, action): &(MonoNs, Action)| match action {
            Action::Close(_, why) => Some(*why),
            _ => None,
        };
        self.log.iter().filter_map(why).collect()
    }

    /// To the next moment at which anything happens.
    fn next(&mut self, end: MonoNs) {
        let answer = self.answers.iter().map(|(at, _)| *at).min();
        let data = self.lines.iter().flatten().map(|line| line.data_at).min();
        let due = self.session.due().max(MonoNs(self.now.0 + 1));
        self.now = [answer, data].into_iter().flatten().fold(due.min(end), MonoNs::min);
        self.session.step(self.now);
        self.act();
        let (ready, later) = self.answers.drain(..).partition(|(at, _)| *at <= self.now);
        self.answers = later;
        let ready: Vec<(MonoNs, Input)> = ready;
        for (_, input) in ready {
            self.answer(input);
        }
        self.both_open += u64::from(self.lines.iter().flatten().count() == 2);
        for lane in Lane::ALL {
            self.speak(lane);
        }
    }

    fn answer(&mut self, input: Input) {
        if let Input::Opened(ticket) = input
            && let Some(lane) = self.session.lane_of(ticket)
        {
            let (opened_at, data_at) = (self.now, self.now.plus(LATENCY));
            let hides = self.venue.hides;
            self.lines[lane.index()] =
                Some(Line { opened_at, data_at, bytes: 0, hides, has_snapshot: 0 });
        }
        if let Input::Snapshot(slot, Fetched::Placed) = input {
            self.placed |= 1 << slot;
            if let Some(lane) = self.session.feeds() {
                self.input(Input::Message(lane, Seen::Image(slot)));
            }
        }
        self.input(input);
        if self.venue.closes_at_once
            && let Some(lane) = self.session.feeds()
        {
            self.input(Input::Closed(lane, Why::Peer));
        }
    }

    /// What the venue sends on a connection now.
    fn speak(&mut self, lane: Lane) {
        let Some(mut line) = self.lines[lane.index()] else { return };
        self.oldest = self.oldest.max(self.now.since(line.opened_at));
        if self.venue.drips {
            line.bytes += 1;
            self.input(Input::Bytes(lane, line.bytes));
        }
        if self.now >= line.data_at {
            line.data_at = self.now.plus(self.venue.data_every);
            let hides = self.venue.hides.and(line.hides);
            for slot in (0..self.symbols).filter(|slot| Some(*slot) != hides) {
                if self.venue.sends_data && Some(slot) != self.venue.stops {
                    let seen = self.seen(lane, slot, &mut line);
                    self.input(Input::Message(lane, seen));
                }
            }
        }
        if self.lines[lane.index()].is_some() {
            self.lines[lane.index()] = Some(line);
        }
    }

    fn seen(&self, lane: Lane, slot: usize, line: &mut Line) -> Seen {
        let is_feeding = self.session.feeds() == Some(lane);
        let is_first = line.has_snapshot & 1 << slot == 0;
        line.has_snapshot |= 1 << slot;
        match self.books {
            BookSource::StreamSnapshot if self.broken & 1 << slot != 0 => Seen::Break(slot),
            BookSource::Whole => Seen::Image(slot),
            BookSource::StreamSnapshot if is_feeding || is_first => Seen::Image(slot),
            BookSource::StreamSnapshot => Seen::Held(slot),
            BookSource::RequestedSnapshot if is_feeding && self.placed & 1 << slot != 0 => {
                Seen::Image(slot)
            }
            BookSource::RequestedSnapshot => Seen::Held(slot),
        }
    }

    fn act(&mut self) {
        let later = self.now.plus(LATENCY);
        for action in self.session.take_actions() {
            self.log.push((self.now, action));
            match action {
                Action::Dial(_, ticket) => {
                    self.last = ticket;
                    let answer = match self.venue.refuses {
                        Some(why) => Input::OpenFailed(ticket, why),
                        None => Input::Opened(ticket),
                    };
                    if self.venue.answers_dials {
                        self.answers.push((later, answer));
                    }
                }
                Action::Keepalive(lane) if self.venue.answers_pings => {
                    self.answers.push((later, Input::Life(lane)));
                }
                Action::Fetch(slot) => {
                    self.answers.push((later, Input::Snapshot(slot, self.venue.fetches)));
                }
                Action::Close(lane, _) => self.lines[lane.index()] = None,
                Action::OpenBooks => (self.placed, self.broken) = (0, 0),
                Action::Subscribe(_, symbols) => {
                    symbols.slots().for_each(|slot| self.broken &= !(1 << slot));
                }
                _ => {}
            }
        }
    }
}
