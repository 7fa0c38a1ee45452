//! A venue's desk: the slow errands of its feed, on a cold thread of its own. Connecting, book
//! snapshots, the venue's time each minute, instrument rules at the start and hourly.
//!
//! A connection is built step by step; a request blocks for at most its deadline, one a turn, and
//! none is made while a connection is on its way: a host that is silent to requests must not make
//! a handshake miss its deadline.
//! Requests keep to our own rate, and after a refusal (403, 418, 429, 451) none is made before the
//! time that the venue asked for is over: so no request leads to a ban (`FAULTS.md` F15, F42).
//! Names are looked up elsewhere; without an answer in time the last good addresses are used for
//! an hour (F09).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use crate::feed::action::OpenFailure;
use crate::feed::action::Ticket;
use crate::feed::clock::ServerTime;
use crate::feed::limits::FeedLimits;
use crate::feed::names::Found;
use crate::feed::names::Lookup;
use crate::feed::requests::Asked;
use crate::feed::requests::Requests;
use crate::feed::rulebook::Rulebook;
use crate::feed::rulebook::RulesNews;
use crate::net::dial::Dial;
use crate::net::dial::DialError;
use crate::net::dial::Dialling;
use crate::net::tls::ClientTls;
use crate::net::tls::TlsError;
use crate::net::ws::Socket;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Link;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::runtime::link::WhenFull;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::venue::stream::Stream;

/// Errands from a feed. Depth: two connections and a snapshot of every instrument, twice.
pub const JOBS: Link = Link { name: "jobs", depth: 128, when_full: WhenFull::Refuse };
/// What came of them.
pub const ANSWERS: Link = Link { name: "answers", depth: 128, when_full: WhenFull::DropAndCount };

/// Addresses are used for so long without a new answer.
const ADDRESSES_LIVE: DurNs = DurNs::from_secs(3_600);
/// A connection on its way is looked at so often where its socket does not say when.
const DIAL_STEP: DurNs = DurNs::from_ms(5);
/// Most errands that wait here.
const WAITING: usize = 128;

/// An errand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Job {
    /// Connect.
    Dial(Ticket),
    /// Request the book snapshot of an instrument.
    Snapshot {
        /// Which instrument.
        slot: usize,
        /// Path and query.
        path: String,
    },
}

/// What came of one, or of the desk's own requests.
#[derive(Debug)]
pub enum Answer {
    /// A connection, or none.
    Dialed(Ticket, Result<Box<Socket>, OpenFailure>),
    /// The body of a snapshot, or for how long there is no use in asking again.
    Snapshot {
        /// Of which instrument.
        slot: usize,
        /// The body, whatever it says.
        body: Result<Vec<u8>, DurNs>,
    },
    /// The venue's time.
    Time(ServerTime),
    /// The venue refuses requests.
    Refused {
        /// The HTTP status.
        status: u16,
        /// For so long nothing is asked.
        wait: DurNs,
    },
}

/// What a desk is made of.
pub struct DeskParts {
    /// Addresses, deadlines, rates.
    pub limits: FeedLimits,
    /// The venue's protocol.
    pub stream: Box<dyn Stream + Send>,
    /// The venue's codes of the instruments.
    pub symbols: Vec<String>,
    /// Errands come from here, by [`JOBS`]; wakes the desk.
    pub jobs: Rx<Job>,
    /// Answers go there, by [`ANSWERS`]; wakes the feed.
    pub answers: Tx<Answer>,
    /// Names are looked up there.
    pub lookups: Tx<Lookup>,
    /// And found here; wakes the desk.
    pub found: Rx<Found>,
    /// Rules go there, if anybody wants them.
    pub rules: Option<Tx<RulesNews>>,
}

/// The agent. Its turns may block for the deadline of a request.
pub struct Desk {
    limits: FeedLimits,
    tls: ClientTls,
    jobs: Rx<Job>,
    answers: Tx<Answer>,
    lookups: Tx<Lookup>,
    found: Rx<Found>,
    requests: Requests,
    rulebook: Rulebook,
    dials: VecDeque<Ticket>,
    snapshots: VecDeque<(usize, String)>,
    errand: Errand,
    addresses: Vec<SocketAddr>,
    addresses_at: MonoNs,
    turned_at: MonoNs,
}

/// A connection on its way.
enum Errand {
    None,
    /// The name is looked up, at most until then.
    Looking {
        ticket: Ticket,
        by: MonoNs,
    },
    Dialling {
        ticket: Ticket,
        dialling: Box<Dialling>,
    },
}

impl Desk {
    /// A desk with nothing to do.
    ///
    /// # Errors
    /// If the certificate authorities cannot be read.
    pub fn new(parts: DeskParts) -> Result<Desk, TlsError> {
        let DeskParts { mut limits, stream, symbols, jobs, answers, lookups, found, rules } = parts;
        let tls = ClientTls::new(&limits.roots)?;
        if !stream.path().is_empty() {
            limits.websocket = limits.websocket.join(stream.path());
        }
        Ok(Desk {
            requests: Requests::new(&limits, &tls),
            rulebook: Rulebook::new(limits.venue, (stream, symbols), rules),
            tls,
            limits,
            jobs,
            answers,
            lookups,
            found,
            dials: VecDeque::new(),
            snapshots: VecDeque::new(),
            errand: Errand::None,
            addresses: Vec::new(),
            addresses_at: MonoNs(0),
            turned_at: MonoNs(0),
        })
    }

    fn take_jobs(&mut self) -> Turn {
        let mut turn = Turn::Idle;
        while self.dials.len() + self.snapshots.len() < WAITING {
            let Some(job) = self.jobs.take() else { break };
            match job {
                Job::Dial(ticket) => self.dials.push_back(ticket),
                Job::Snapshot { slot, path } => self.snapshots.push_back((slot, path)),
            }
            turn = Turn::Worked;
        }
        turn
    }
    fn take_found(&mut self, now: MonoNs) -> Turn {
        let mut turn = Turn::Idle;
        while let Some(Found { host, addresses }) = self.found.take() {
            turn = Turn::Worked;
            let is_mine = host == self.limits.websocket.host;
            let Errand::Looking { ticket, .. } = self.errand else {
                self.learn(addresses.ok().filter(|_| is_mine), now);
                continue;
            };
            self.learn(addresses.ok().filter(|_| is_mine), now);
            if is_mine {
                self.begin(ticket, now);
            }
        }
        turn
    }
    fn learn(&mut self, addresses: Option<Vec<SocketAddr>>, now: MonoNs) {
        if let Some(addresses) = addresses.filter(|found| !found.is_empty()) {
            (self.addresses, self.addresses_at) = (addresses, now);
        }
    }

    /// Takes the connection on its way further, or the next one up.
    fn dial(&mut self, now: MonoNs) -> Turn {
        match std::mem::replace(&mut self.errand, Errand::None) {
            Errand::None => match self.dials.pop_front() {
                None => Turn::Idle,
                Some(ticket) => {
                    self.look_up(ticket, now);
                    Turn::Worked
                }
            },
            Errand::Looking { ticket, by } if by > now => {
                self.errand = Errand::Looking { ticket, by };
                Turn::Idle
            }
            Errand::Looking { ticket, .. } => {
                log::warn!("{}: no answer for the name in time", self.limits.websocket);
                self.begin(ticket, now);
                Turn::Worked
            }
            Errand::Dialling { ticket, mut dialling } => match dialling.step(now) {
                Ok(None) => {
                    self.errand = Errand::Dialling { ticket, dialling };
                    Turn::Idle
                }
                Ok(Some(socket)) => {
                    self.answer(Answer::Dialed(ticket, Ok(Box::new(socket))));
                    Turn::Worked
                }
                Err(why) => {
                    self.fail(ticket, &why);
                    Turn::Worked
                }
            },
        }
    }
    fn look_up(&mut self, ticket: Ticket, now: MonoNs) {
        let (host, port) = (self.limits.websocket.host.clone(), self.limits.websocket.port);
        if let Ok(address) = host.parse::<IpAddr>() {
            self.learn(Some(vec![SocketAddr::new(address, port)]), now);
            return self.begin(ticket, now);
        }
        let lookup = Lookup { venue: self.limits.venue, host, port };
        // A full link is a name that is not found in time.
        let _ = self.lookups.send(lookup);
        self.errand = Errand::Looking { ticket, by: now.plus(self.limits.lookup) };
    }
    fn begin(&mut self, ticket: Ticket, now: MonoNs) {
        self.errand = Errand::None;
        if now.since(self.addresses_at) > ADDRESSES_LIVE {
            self.addresses.clear();
        }
        let dial = Dial {
            endpoint: &self.limits.websocket,
            addresses: &self.addresses,
            tls: &self.tls,
            limits: self.limits.dial,
            headers: &[],
        };
        match dial.begin(now) {
            Ok(dialling) => {
                self.errand = Errand::Dialling { ticket, dialling: Box::new(dialling) };
            }
            Err(why) => self.fail(ticket, &why),
        }
    }
    fn fail(&mut self, ticket: Ticket, why: &DialError) {
        log::warn!("{}: no connection: {why}", self.limits.websocket);
        if !self.addresses.is_empty() {
            self.addresses.rotate_left(1);
        }
        let failure = match why {
            // Bans and blocks. Another status, such as 408 of a handshake that took too long, is
            // a failure as any other, with its pause.
            DialError::Refused { status: status @ (401 | 403 | 418 | 429 | 451), .. } => {
                OpenFailure::Refused { status: *status }
            }
            _ => OpenFailure::NoConnection,
        };
        self.answer(Answer::Dialed(ticket, Err(failure)));
    }

    /// Whether a connection is on its way, or is to be.
    fn is_dialling(&self) -> bool {
        !matches!(self.errand, Errand::None) || !self.dials.is_empty()
    }
    /// The most urgent request, if one is due and allowed: it blocks for at most its deadline, so
    /// a connection on its way goes first.
    fn request(&mut self, now: Now) -> Turn {
        if self.is_dialling() {
            return Turn::Idle;
        }
        if let Some((slot, path)) = self.snapshots.pop_front() {
            return match self.requests.ask(&path, now) {
                Asked::NotYet if self.requests.is_closed(now.mono) => {
                    let wait = self.requests.opens_at().since(now.mono);
                    self.answer(Answer::Snapshot { slot, body: Err(wait) });
                    Turn::Worked
                }
                Asked::NotYet => {
                    self.snapshots.push_front((slot, path));
                    Turn::Idle
                }
                Asked::Reply(reply) => {
                    self.answer(Answer::Snapshot { slot, body: Ok(reply.body) });
                    Turn::Worked
                }
                Asked::Refused { status, wait } => {
                    self.answer(Answer::Snapshot { slot, body: Err(wait) });
                    self.answer(Answer::Refused { status, wait });
                    Turn::Worked
                }
                Asked::Denied(_) | Asked::Failed => {
                    self.answer(Answer::Snapshot { slot, body: Err(DurNs(0)) });
                    Turn::Worked
                }
            };
        }
        let Some(path) = self.rulebook.next_path(now.mono) else { return Turn::Idle };
        let asked = self.requests.ask(&path, now);
        match &asked {
            Asked::NotYet => return Turn::Idle,
            Asked::Refused { status, wait } => {
                self.answer(Answer::Refused { status: *status, wait: *wait });
            }
            Asked::Reply(_) | Asked::Denied(_) | Asked::Failed => {}
        }
        if let Some(time) = self.rulebook.on_asked(asked, now) {
            self.answer(Answer::Time(time));
        }
        Turn::Worked
    }

    fn answer(&self, answer: Answer) {
        // The feed gives an answer up that does not come.
        if self.answers.send(answer).is_err() {
            log::warn!("{}: an answer of the desk was lost", self.limits.websocket);
        }
    }
}

impl Agent for Desk {
    fn name(&self) -> &'static str {
        self.limits.venue.desk_thread()
    }
    fn turn(&mut self, now: Now) -> Turn {
        self.turned_at = now.mono;
        let turns =
            [self.take_jobs(), self.take_found(now.mono), self.dial(now.mono), self.request(now)];
        if turns.contains(&Turn::Worked) { Turn::Worked } else { Turn::Idle }
    }
    fn due(&self) -> Option<MonoNs> {
        match &self.errand {
            Errand::None if self.dials.is_empty() => {}
            Errand::None => return Some(self.turned_at),
            Errand::Looking { by, .. } => return Some(*by),
            Errand::Dialling { .. } => return Some(self.turned_at.plus(DIAL_STEP)),
        }
        let snapshot = (!self.snapshots.is_empty()).then(|| self.requests.opens_at());
        let own = Some(self.rulebook.due().max(self.requests.opens_at()));
        snapshot.into_iter().chain(own).min()
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        if let Errand::Dialling { dialling, .. } = &self.errand
            && let Some(socket) = dialling.fd()
        {
            visit(socket);
        }
    }
}
