//! A venue's feed over real sockets: what its session wants is done here, what its connections
//! bring goes to its books, and what readers may want to know of it goes to its board.
//!
//! A turn reads at most [`BATCH`] messages of each connection. Under a burst the books take every
//! frame and the links the newest top of each instrument, so neither memory nor lag grows with it.
//! All that blocks is the desk's.

use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::feed::action::Action;
use crate::feed::action::Input;
use crate::feed::action::Lane;
use crate::feed::action::News;
use crate::feed::action::OpenFailure;
use crate::feed::action::Seen;
use crate::feed::agent::Feed;
use crate::feed::books::Outcome;
use crate::feed::connection::Why;
use crate::feed::desk::Answer;
use crate::feed::desk::Job;
use crate::feed::fetch::Fetched;
use crate::feed::limits::FeedLimits;
use crate::feed::line::Line;
use crate::feed::line::Read;
use crate::feed::peek::Peeked;
use crate::feed::session::REFUSED;
use crate::feed::session::Session;
use crate::feed::session::SessionParts;
use crate::feed::slot::Change;
use crate::feed::slot::Trading;
use crate::feed::standing::Symbols;
use crate::feed::watch::Watch;
use crate::net::ws::Incoming;
use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Rx;
use crate::runtime::link::Tx;
use crate::types::board::FeedBoard;
use crate::types::counters::Counter;
use crate::types::counters::Tally;
use crate::types::ids::VenueId;
use crate::types::notice::FeedNews;
use crate::types::notice::Notice;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::venue::FrameKind;
use crate::venue::stream::BookSource;
use crate::venue::stream::Keepalive;
use crate::venue::stream::Manners;
use crate::venue::stream::Stream;

/// Most messages that one turn reads of a connection: about a millisecond of work.
pub const BATCH: usize = 128;
/// Most answers of the desk that one turn takes.
const ANSWERS: usize = 16;

/// What a feed over sockets is made of.
pub struct SocketParts {
    /// Which venue, and the limits of its connection.
    pub limits: FeedLimits,
    /// The venue's protocol.
    pub stream: Box<dyn Stream + Send>,
    /// Books and links, with the tap of the recorder if there is one.
    pub feed: Feed,
    /// Errands go to the desk there, by [`crate::feed::desk::JOBS`].
    pub jobs: Tx<Job>,
    /// And come back here, by [`crate::feed::desk::ANSWERS`].
    pub answers: Rx<Answer>,
    /// What is shown of the feed.
    pub board: Arc<FeedBoard>,
    /// Where it tells what happens to it.
    pub notices: Tx<Notice>,
}

/// The agent.
pub struct SocketFeed {
    venue: VenueId,
    stream: Box<dyn Stream + Send>,
    manners: Manners,
    feed: Feed,
    session: Session,
    lines: [Line; 2],
    jobs: Tx<Job>,
    answers: Rx<Answer>,
    watch: Watch,
    /// Number of the next request on any connection.
    next_id: u64,
    is_stopped: bool,
    halted: u64,
    lag_cap: DurNs,
}

impl SocketFeed {
    /// A feed that connects in its first turn.
    pub fn new(parts: SocketParts) -> SocketFeed {
        let SocketParts { limits, stream, feed, jobs, answers, board, notices } = parts;
        let mut manners = stream.manners();
        manners.silence = manners.silence.min(limits.silence_cap);
        let session = Session::new(SessionParts {
            manners: manners.clone(),
            symbols: feed.books().len(),
            reconnect_cap: limits.reconnect_cap,
            seed: limits.seed ^ (limits.venue.index() as u64) << 32,
        });
        SocketFeed {
            venue: limits.venue,
            stream,
            feed,
            session,
            lines: [Line::new(manners.books), Line::new(manners.books)],
            jobs,
            answers,
            watch: Watch::new(limits.venue, board, notices),
            manners,
            next_id: 1,
            is_stopped: false,
            halted: 0,
            lag_cap: limits.lag_cap,
        }
    }
    /// Which venue.
    pub const fn venue(&self) -> VenueId {
        self.venue
    }
    /// A reading end of its counters.
    pub fn tally(&self) -> Tally {
        self.feed.tally()
    }
    /// True while every instrument shows its book.
    pub fn is_live(&self) -> bool {
        self.session.is_live()
    }

    /// Does what the session wants, and what follows from that.
    fn settle(&mut self, now: Now) -> Turn {
        if self.session.is_settled() {
            return Turn::Idle;
        }
        while !self.session.is_settled() {
            for action in self.session.take_actions() {
                self.act(action, now);
            }
        }
        Turn::Worked
    }
    fn act(&mut self, action: Action, now: Now) {
        match action {
            Action::Dial(_, ticket) => {
                self.feed.tell(Counter::Attempts);
                if self.jobs.send(Job::Dial(ticket)).is_err() {
                    let failed = Input::OpenFailed(ticket, OpenFailure::NoConnection);
                    self.session.on(failed, now.mono);
                }
            }
            Action::Subscribe(lane, symbols) => self.ask(lane, symbols, Wish::Begin),
            Action::Unsubscribe(lane, symbols) => self.ask(lane, symbols, Wish::End),
            Action::Keepalive(lane) => self.keep_alive(lane, now),
            Action::Fetch(slot) => self.fetch(slot, now),
            Action::Close(lane, why) => {
                self.lines[lane.index()].shut();
                self.on_closed(why, now);
            }
            Action::OpenBooks => {
                self.feed.on_open(now);
                self.watch.on_open(now);
            }
            Action::CloseBooks => {
                self.feed.on_close(now);
                self.watch.on_close();
            }
            Action::Feed(lane) => self.take_over(lane, now),
            Action::Tell(news) => self.tell(news, now),
        }
    }
    fn ask(&mut self, lane: Lane, symbols: Symbols, wish: Wish) {
        let books = self.feed.books();
        let codes: Vec<&str> = symbols.slots().map(|slot| books.symbol(slot)).collect();
        let messages = match wish {
            Wish::Begin => self.stream.subscribe(&codes, self.next_id),
            Wish::End => self.stream.unsubscribe(&codes, self.next_id),
        };
        self.next_id += messages.len() as u64;
        let line = &mut self.lines[lane.index()];
        messages.into_iter().for_each(|message| line.queue(message));
    }
    fn keep_alive(&mut self, lane: Lane, now: Now) {
        let line = &mut self.lines[lane.index()];
        let sent = match self.manners.keepalive {
            Keepalive::Text { text, .. } => line.send(text),
            Keepalive::PingFrame { .. } | Keepalive::VenuePings { .. } => line.ping(),
        };
        if let Err(why) = sent {
            self.session.on(Input::Closed(lane, why), now.mono);
        }
    }
    fn fetch(&mut self, slot: usize, now: Now) {
        self.feed.tell(Counter::SnapshotRequests);
        let path = self.stream.snapshot_path(self.feed.books().symbol(slot));
        let sent = path.is_some_and(|path| self.jobs.send(Job::Snapshot { slot, path }).is_ok());
        if !sent {
            let failed = Input::Snapshot(slot, Fetched::Failed { wait: DurNs(0) });
            self.session.on(failed, now.mono);
        }
    }
    /// What was held goes to the books, as of now: it is all that is known, and whatever came
    /// later would be held too, so that the books are then what the venue's are. Where every frame
    /// is a whole book, the old connection may have shown a later one already.
    fn take_over(&mut self, lane: Lane, now: Now) {
        while let Some(frame) = self.lines[lane.index()].hold.pop() {
            if self.manners.books == BookSource::Whole
                && let Peeked::Image { slot, venue_ts_ms } = self.feed.peek(&frame.payload)
                && self.feed.books().whole(slot).venue_ts_ms() > Some(venue_ts_ms)
            {
                continue;
            }
            self.on_frame(lane, &frame.payload, now);
        }
        self.lines[lane.index()].hold.clear();
    }
    fn on_closed(&mut self, why: Why, now: Now) {
        if let Some(counter) = why.counter() {
            self.feed.tell(counter);
        }
        if !matches!(why, Why::Replaced | Why::GivenUp | Why::Ending) {
            self.watch.tell(FeedNews::Closed { why: why.name() }, now);
        }
    }
    fn tell(&mut self, news: News, now: Now) {
        let told = news.told(|slot| self.feed.books().name(slot));
        news.counter().into_iter().for_each(|counter| self.feed.tell(counter));
        told.into_iter().for_each(|told| self.watch.tell(told, now));
    }

    fn take_answers(&mut self, now: Now) -> Turn {
        let mut turn = Turn::Idle;
        for _ in 0..ANSWERS {
            let Some(answer) = self.answers.take() else { break };
            turn = Turn::Worked;
            match answer {
                Answer::Dialed(ticket, Ok(socket)) => {
                    // One that nobody waits for any more is dropped, and closed by that.
                    let Some(lane) = self.session.lane_of(ticket) else { continue };
                    self.lines[lane.index()].open(socket);
                    self.feed.tell(Counter::Opens);
                    self.watch.on_connection();
                    self.session.on(Input::Opened(ticket), now.mono);
                }
                Answer::Dialed(ticket, Err(why)) => {
                    self.feed.tell(Counter::FailedAttempts);
                    if let OpenFailure::Refused { status } = why {
                        self.on_refused(status, REFUSED, now);
                    }
                    self.session.on(Input::OpenFailed(ticket, why), now.mono);
                }
                Answer::Snapshot { slot, body } => self.on_snapshot(slot, body, now),
                Answer::Time(told) => {
                    let skew = self.watch.on_time(told, now);
                    skew.into_iter().for_each(|counter| self.feed.tell(counter));
                }
                Answer::Refused { status, wait } => self.on_refused(status, wait, now),
            }
            self.settle(now);
        }
        turn
    }
    fn on_snapshot(&mut self, slot: usize, body: Result<Vec<u8>, DurNs>, now: Now) {
        let fetched = match body {
            Err(wait) => Fetched::Failed { wait },
            Ok(body) => match self.feed.on_snapshot(slot, &body, now) {
                Outcome::Book { change: Change::Image { .. }, .. } => Fetched::Placed,
                _ => Fetched::Stale,
            },
        };
        if fetched != Fetched::Placed {
            self.feed.tell(Counter::SnapshotFailures);
        }
        self.session.on(Input::Snapshot(slot, fetched), now.mono);
    }
    /// What may be traded is as whoever keeps the rules says; nothing while frames come late.
    fn heed_halts(&mut self, now: Now) {
        let wanted = self.watch.halted(self.lag_cap);
        let changed = wanted ^ self.halted;
        for slot in (0..self.feed.books().len()).filter(|slot| changed & 1 << slot != 0) {
            let is_halted = wanted & 1 << slot != 0;
            let trading = if is_halted { Trading::Halted } else { Trading::Open };
            self.feed.on_trading(slot, trading, now);
        }
        self.halted = wanted;
    }
    fn on_refused(&mut self, status: u16, wait: DurNs, now: Now) {
        self.feed.tell(Counter::RequestsRefused);
        self.watch.tell(FeedNews::Refused { status, wait }, now);
    }

    /// Sends what may be sent and reads what there is, at most [`BATCH`] messages.
    fn pump(&mut self, lane: Lane, now: Now) -> Turn {
        let mut turn = Turn::Idle;
        while self.lines[lane.index()].has_mail() && self.session.may_send(lane, now.mono) {
            turn = Turn::Worked;
            if let Err(why) = self.lines[lane.index()].send_next() {
                self.session.on(Input::Closed(lane, why), now.mono);
                return Turn::Worked;
            }
        }
        for _ in 0..BATCH {
            match self.lines[lane.index()].read() {
                Read::Closed => return turn,
                Read::Dry(bytes) => {
                    self.session.on(Input::Bytes(lane, bytes), now.mono);
                    return turn;
                }
                Read::Over(why) => {
                    self.session.on(Input::Closed(lane, why), now.mono);
                    return Turn::Worked;
                }
                Read::Message(Incoming::Frame(frame)) => self.on_frame(lane, frame.as_ref(), now),
                Read::Message(_) => self.on_life(lane, now),
            }
            turn = Turn::Worked;
            if !self.session.is_settled() {
                break;
            }
        }
        turn
    }
    fn on_life(&mut self, lane: Lane, now: Now) {
        self.session.on(Input::Life(lane), now.mono);
        if self.session.feeds() == Some(lane) {
            self.feed.on_alive(now);
        }
    }
    /// A frame: to the books if its connection feeds them, else it is looked at and held.
    fn on_frame(&mut self, lane: Lane, frame: &[u8], now: Now) {
        if self.session.feeds() == Some(lane) {
            let outcome = self.feed.on_frame(FrameKind::Ws, frame, now);
            let strange = self.watch.on_outcome(&outcome, &mut self.feed, now);
            strange.into_iter().for_each(|counter| self.feed.tell(counter));
            return self.session.on(Input::Message(lane, Seen::of(&outcome)), now.mono);
        }
        let peeked = self.feed.peek(frame);
        if let Peeked::Image { slot, .. } | Peeked::Delta(slot) | Peeked::Ticker(slot) = peeked
            && self.lines[lane.index()].hold.push(slot, frame).is_err()
        {
            return self.session.on(Input::Overflow(lane), now.mono);
        }
        self.session.on(Input::Message(lane, Seen::of_peeked(peeked)), now.mono);
    }
}

impl Agent for SocketFeed {
    fn name(&self) -> &'static str {
        self.venue.feed_thread()
    }
    fn turn(&mut self, now: Now) -> Turn {
        if self.is_stopped {
            return self.feed.flush();
        }
        self.watch.begin(now).into_iter().for_each(|counter| self.feed.tell(counter));
        self.session.step(now.mono);
        let mut turns = [self.settle(now), self.take_answers(now), self.feed.flush(), Turn::Idle];
        if self.watch.is_reconnect_asked() {
            self.session.on(Input::ReconnectAsked, now.mono);
        }
        for lane in Lane::ALL {
            if [self.pump(lane, now), self.settle(now)].contains(&Turn::Worked) {
                turns[3] = Turn::Worked;
            }
        }
        self.heed_halts(now);
        self.watch.show(self.feed.held(), now);
        if turns.contains(&Turn::Worked) { Turn::Worked } else { Turn::Idle }
    }
    fn due(&self) -> Option<MonoNs> {
        if self.is_stopped {
            return None;
        }
        let mail = Lane::ALL.into_iter().filter(|lane| self.lines[lane.index()].has_mail());
        let mail = mail.filter_map(|lane| self.session.may_send_at(lane));
        mail.chain([self.session.due()]).min()
    }
    fn sockets<'a>(&'a self, visit: &mut dyn FnMut(BorrowedFd<'a>)) {
        let open = self.lines.iter().filter_map(|line| line.socket.as_ref());
        open.for_each(|socket| visit(socket.as_fd()));
    }
    /// Says goodbye to the venue. The books stay as they are: whoever still finishes something
    /// sees them grow old.
    fn stop(&mut self, _: Now) {
        self.is_stopped = true;
        self.lines.iter_mut().for_each(Line::shut);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    Begin,
    End,
}
