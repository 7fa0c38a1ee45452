//! Recording without trading: feeds of real venues, their desks and the recorder on threads of
//! their own, until somebody ends them. Nobody decides anything here.
//!
//! Everything is bounded: a frame that finds the recorder too far behind is dropped and counted,
//! and the disk's limits are those of the recording.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::feed::desk::Desk;
use crate::feed::limits::FeedLimits;
use crate::feed::names::Names;
use crate::feed::recorder::Recorder;
use crate::feed::recorder::RecorderCount;
use crate::feed::socket::SocketFeed;
use crate::feed::spool::SpoolLimits;
use crate::net::tls::TlsError;
use crate::runtime::agent::Agent;
use crate::runtime::crew::Crew;
use crate::runtime::crew::End;
use crate::runtime::crew::Post;
use crate::runtime::crew::StartError;
use crate::runtime::crew::Worker;
use crate::runtime::drive::Order;
use crate::runtime::idle::Idle;
use crate::runtime::idle::Wait;
use crate::runtime::link::Rx;
use crate::scenario::posts::DRAIN;
use crate::scenario::posts::Placement;
use crate::scenario::posts::Posts;
use crate::scenario::posts::Role;
use crate::scenario::posts::SERVE;
use crate::scenario::posts::ThreadPlan;
use crate::scenario::taping::taping;
use crate::topology::venues as in_use;
use crate::topology::venues::Listeners;
use crate::topology::venues::VenueSite;
use crate::topology::venues::listeners;
use crate::types::control::PermissionWord;
use crate::types::counters::Counter;
use crate::types::counters::Tally;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::notice::Notice;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// How often the supervisor looks.
const LOOK: DurNs = DurNs::from_ms(50);
/// Most news that one look puts into the log.
const NEWS: usize = 256;

/// Why a recording cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The certificate authorities cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The folder or the first file cannot be made.
    #[error("{0}")]
    Files(io::Error),
    /// The system gave no thread.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What a venue does, as seen from one look to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// No connection so far.
    NotReached,
    /// No frame since the look before.
    Silent,
    /// Frames come in.
    Live,
}

impl Standing {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Standing::NotReached => "not reached",
            Standing::Silent => "silent",
            Standing::Live => "live",
        }
    }
}

/// A venue that is listened to.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Which.
    pub venue: VenueId,
    tally: Tally,
    looked_at: u64,
}

impl Heard {
    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.tally.get(Counter::Frames)
    }
    /// Payload bytes of those.
    pub fn bytes(&self) -> u64 {
        self.tally.get(Counter::FrameBytes)
    }
    /// Connections that opened so far.
    pub fn opens(&self) -> u64 {
        self.tally.get(Counter::Opens)
    }
    /// What it did since the last time that this was asked.
    pub fn look(&mut self) -> Standing {
        let frames = self.frames();
        match std::mem::replace(&mut self.looked_at, frames) {
            _ if self.opens() == 0 => Standing::NotReached,
            before if before == frames => Standing::Silent,
            _ => Standing::Live,
        }
    }
}

/// How a recording ended.
#[derive(Debug)]
pub struct Listened {
    /// Each venue.
    pub venues: Vec<Heard>,
    /// What the recorder counted.
    pub count: Arc<RecorderCount>,
    /// Whether its files were ended as they should be; the disk's own error if not.
    pub files: io::Result<()>,
    /// The first thread that panicked, with its message.
    pub fall: Option<(&'static str, String)>,
}

/// A recording that goes on.
pub struct Listening {
    crew: Crew,
    feeds: Vec<Worker<SocketFeed>>,
    helpers: Vec<Helper>,
    recorder: Worker<Recorder>,
    venues: Vec<Heard>,
    count: Arc<RecorderCount>,
    notices: Rx<Notice>,
    clock: Clock,
}

impl Listening {
    /// Begins the files, then the threads. `limits` may name more venues than have instruments.
    ///
    /// # Errors
    /// [`ListenError`]; threads that were started are told to end.
    pub fn begin(
        instruments: &[Instrument],
        limits: &[FeedLimits],
        spool: SpoolLimits,
        clock: Clock,
    ) -> Result<Listening, ListenError> {
        let venues = in_use(instruments);
        let mut posts = Posts::new(&threads(&venues));
        let (taps, ports) = taping(&venues, Arc::default());
        let waker = |role| posts.of(role).and_then(Post::waker);
        let site = |(venue, tap)| {
            let limits = limits.iter().find(|limits| limits.venue == venue)?.clone();
            let (feed, desk) = (waker(Role::Feed(venue)), waker(Role::Desk(venue)));
            Some(VenueSite { limits, tap: Some(tap), feed, desk })
        };
        let sites = taps.into_iter().filter_map(site).collect();
        let parts = listeners(instruments, sites, waker(Role::Names))?;
        let now = Now { mono: clock.mono(), wall: Clock::wall() };
        let recorder = Recorder::begin(spool, ports, now).map_err(ListenError::Files)?;
        let heard = |feed: &SocketFeed| {
            let (venue, tally) = (feed.venue(), feed.tally());
            Heard { venue, tally, looked_at: 0 }
        };
        let venues = parts.feeds.iter().map(heard).collect();
        let count = recorder.count();
        let Listeners { feeds, desks, names, notices } = parts;
        let mut crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
        let manned = man_all(&mut crew, &mut posts, recorder, (feeds, desks, names));
        let (recorder, helpers, feeds) = manned.inspect_err(|_| crew.stop(Order::Cut))?;
        Ok(Listening { crew, feeds, helpers, recorder, venues, count, notices, clock })
    }
    /// Each venue; [`Heard::look`] compares with the look before.
    pub fn venues(&mut self) -> &mut [Heard] {
        &mut self.venues
    }
    /// What the recorder counts.
    pub fn count(&self) -> &RecorderCount {
        &self.count
    }
    /// True once there is no use in going on: the disk refused, or a thread fell.
    pub fn is_over(&self) -> bool {
        self.count.has_stopped.load(Ordering::Relaxed) || self.crew.standing() != Order::Run
    }
    /// Waits a moment, at most until then, and puts what the feeds tell into the log.
    pub fn wait(&self, until: MonoNs) {
        self.tell();
        self.crew.wait_until(until.min(self.clock.mono().plus(LOOK)));
    }
    /// Ends it: the feeds say goodbye, what they have seen is written, the files are ended.
    pub fn end(self) -> Listened {
        self.crew.stop(Order::Drain);
        let by = self.clock.mono().plus(DurNs(DRAIN.0 + SERVE.0));
        while self.clock.mono() < by && !self.has_ended() {
            self.wait(by);
        }
        self.crew.stop(Order::Cut);
        self.tell();
        let by = self.clock.mono().plus(SERVE);
        let Listening { crew, feeds, helpers, recorder, venues, count, clock, .. } = self;
        for feed in feeds {
            let _ = came_back(&crew, feed, by);
        }
        for helper in helpers {
            let _ = came_back(&crew, helper, by);
        }
        let now = Now { mono: clock.mono(), wall: Clock::wall() };
        let files = match came_back(&crew, recorder, by) {
            Some(recorder) => recorder.finish(None, now),
            None => Err(io::ErrorKind::TimedOut.into()),
        };
        let fall = crew.falls().into_iter().next().map(|fall| (fall.thread, fall.message));
        Listened { venues, count, files, fall }
    }

    fn tell(&self) {
        for _ in 0..NEWS {
            let Some(notice) = self.notices.take() else { break };
            if let Some((level, line)) = notice.kind.line() {
                log::log!(level, "{line}");
            }
        }
    }
    fn has_ended(&self) -> bool {
        self.feeds.iter().all(|feed| feed.pulse().is_over())
            && self.helpers.iter().all(|helper| helper.pulse().is_over())
            && self.recorder.pulse().is_over()
    }
}

/// Nobody waits for what is done here, so every thread sleeps until its sockets or links wake it.
fn threads(venues: &[VenueId]) -> ThreadPlan {
    let of = |venue: &VenueId| [Role::Feed(*venue), Role::Desk(*venue)];
    let roles = venues.iter().flat_map(of).chain([Role::Names, Role::Recorder]);
    let seats = roles.map(|role| (role, None, Idle::Park)).collect();
    ThreadPlan { placement: Placement::Threads, seats }
}

/// A helper's thread.
type Helper = Worker<Box<dyn Agent + Send>>;

/// Starts those that serve before those that they serve.
fn man_all(
    crew: &mut Crew,
    posts: &mut Posts,
    recorder: Recorder,
    (feeds, desks, names): (Vec<SocketFeed>, Vec<(VenueId, Desk)>, Names),
) -> Result<(Worker<Recorder>, Vec<Helper>, Vec<Worker<SocketFeed>>), StartError> {
    let recorder = man(crew, recorder, posts.take(Role::Recorder))?;
    let names: Box<dyn Agent + Send> = Box::new(names);
    let mut helpers = vec![man(crew, names, posts.take(Role::Names))?];
    for (venue, desk) in desks {
        let desk: Box<dyn Agent + Send> = Box::new(desk);
        helpers.push(man(crew, desk, posts.take(Role::Desk(venue)))?);
    }
    let mut workers = Vec::new();
    for feed in feeds {
        let post = posts.take(Role::Feed(feed.venue()));
        workers.push(man(crew, feed, post)?);
    }
    Ok((recorder, helpers, workers))
}

fn man<A: Agent + Send + 'static>(
    crew: &mut Crew,
    agent: A,
    post: Option<Post>,
) -> Result<Worker<A>, StartError> {
    let name = agent.name();
    // Every role that is started here was given a post.
    let post = post.unwrap_or_else(|| Post::new(name, Wait::Park, DRAIN));
    crew.start(agent, post)
}

fn came_back<A: Agent>(crew: &Crew, worker: Worker<A>, by: MonoNs) -> Option<A> {
    let ended = crew.join(worker, by);
    match ended.end {
        End::Returned(agent, _) => Some(agent),
        End::Panicked(_) => None,
        End::Left => {
            log::warn!("thread {} did not come to its end in time", ended.name);
            None
        }
    }
}
