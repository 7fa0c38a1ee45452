//! The plant on threads: posts, start, the wait for an end, and the joint end in two phases.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::engine::agent::Engine;
use crate::feed::recorder::Recorder;
use crate::gateway::paper::Paper;
use crate::runtime::agent::Agent;
use crate::runtime::crew::Crew;
use crate::runtime::crew::End;
use crate::runtime::crew::Ended;
use crate::runtime::crew::Pinned;
use crate::runtime::crew::Post;
use crate::runtime::crew::StartError;
use crate::runtime::crew::Worker;
use crate::runtime::drive::Exit;
use crate::runtime::drive::Order;
use crate::runtime::fall::Fall;
use crate::runtime::idle::Wait;
use crate::runtime::shared::Shared;
use crate::scenario::members::HotMembers;
use crate::scenario::members::VenueFeed;
use crate::scenario::posts::DRAIN;
use crate::scenario::posts::Placement;
use crate::scenario::posts::Posts;
use crate::scenario::posts::Role;
use crate::scenario::posts::SERVE;
use crate::scenario::sabotage::Sabotage;
use crate::scenario::sabotage::Saboteurs;
use crate::sim::spoiled::Spoiled;
use crate::telemetry::agent::Telemetry;
use crate::topology::Plant;
use crate::types::board::DogBoard;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::watchdog::agent::Watchdog;

/// How often the supervisor looks whether the run has ended.
const LOOK: DurNs = DurNs::from_ms(10);

/// Everything that runs, before it does.
pub struct Hands<J> {
    /// Feeds, engine, gateway.
    pub plant: Plant<VenueFeed>,
    /// Who keeps the record of facts.
    pub journal: J,
    /// Who shows what happens.
    pub telemetry: Telemetry,
    /// Who says what orders may do.
    pub watchdog: Watchdog,
    /// Threads that do what nobody waits for, each with its role.
    pub helpers: Vec<(Role, Box<dyn Agent + Send>)>,
    /// Who keeps the frames, if the run is recorded.
    pub recorder: Option<Recorder>,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
}

/// What came back from the threads.
pub struct Back<J> {
    /// The feeds that came back.
    pub feeds: Vec<VenueFeed>,
    /// The engine, unless it fell or hangs.
    pub engine: Option<Engine>,
    /// The gateway, likewise.
    pub gateway: Option<Paper>,
    /// The record keeper, likewise.
    pub journal: Option<J>,
    /// The recorder, likewise.
    pub recorder: Option<Recorder>,
    /// Telemetry, likewise.
    pub telemetry: Option<Telemetry>,
    /// Threads that panicked.
    pub falls: Vec<Fall>,
    /// Threads that did not end in time, or ended with work open.
    pub late: Vec<&'static str>,
}

type Hand<A> = Worker<Spoiled<A>>;

enum Hot {
    Threads { feeds: Vec<Hand<VenueFeed>>, engine: Hand<Engine>, gateway: Hand<Paper> },
    Shared(Hand<Shared<HotMembers>>),
}

/// A run on threads.
pub struct Running<J> {
    crew: Crew,
    hot: Hot,
    journal: Hand<J>,
    telemetry: Hand<Telemetry>,
    watchdog: Hand<Watchdog>,
    helpers: Vec<Hand<Box<dyn Agent + Send>>>,
    recorder: Option<Hand<Recorder>>,
    saboteurs: Saboteurs,
    finished: Arc<AtomicBool>,
    dog: Arc<DogBoard>,
    clock: Clock,
}

impl<J: Agent + Send + 'static> Running<J> {
    /// Starts every thread: those that serve before those that they serve. Says where each was
    /// pinned through `tell`.
    ///
    /// # Errors
    /// The first thread that the system did not give. Those started before are told to end.
    pub fn start(
        mut posts: Posts,
        hands: Hands<J>,
        clock: Clock,
        tell: &mut dyn FnMut(&str, &Pinned),
    ) -> Result<Running<J>, StartError> {
        let Hands { plant, journal, telemetry, watchdog, helpers, recorder, sabotage } = hands;
        let Plant { feeds, engine, gateway, permission, finished, boards, .. } = plant;
        let mut crew = Crew::new(clock, permission);
        let telemetry =
            begin(&mut crew, sabotage.spoil(telemetry), posts.take(Role::Telemetry), tell)?;
        let journal = begin(&mut crew, sabotage.spoil(journal), posts.take(Role::Journal), tell)?;
        let watchdog =
            begin(&mut crew, sabotage.spoil(watchdog), posts.take(Role::Watchdog), tell)?;
        let recorder = match recorder {
            None => None,
            Some(recorder) => {
                let post = posts.take(Role::Recorder);
                Some(begin(&mut crew, sabotage.spoil(recorder), post, tell)?)
            }
        };
        let mut helping = Vec::new();
        for (role, helper) in helpers {
            helping.push(begin(&mut crew, sabotage.spoil(helper), posts.take(role), tell)?);
        }
        let members = HotMembers { feeds, engine, gateway };
        let hot = begin_hot(&mut crew, members, (&mut posts, &sabotage), tell)?;
        let saboteurs = sabotage.start(&mut crew, boards.notices)?;
        let dog = boards.dog;
        let helpers = helping;
        Ok(Running {
            crew,
            hot,
            journal,
            telemetry,
            watchdog,
            helpers,
            recorder,
            saboteurs,
            finished,
            dog,
            clock,
        })
    }

    /// Waits until the engine is finished, `stop` or the watchdog says so, or a thread falls;
    /// `look` is called now and then.
    pub fn wait(&self, stop: &dyn Fn() -> bool, look: &mut dyn FnMut()) {
        let ended = || {
            self.finished.load(Ordering::Acquire)
                || stop()
                || self.dog.ending().is_some()
                || self.crew.standing() != Order::Run
        };
        while !ended() {
            look();
            self.crew.wait_until(self.clock.mono().plus(LOOK));
        }
    }

    /// Ends the run: phase one until everything is drained or its deadline, then phase two. `look`
    /// is called now and then.
    pub fn end(self, look: &mut dyn FnMut()) -> Back<J> {
        self.crew.stop(Order::Drain);
        let by = self.clock.mono().plus(DurNs(DRAIN.0 + 2 * SERVE.0));
        while self.clock.mono() < by && !self.is_over() {
            look();
            self.crew.wait_until(self.clock.mono().plus(LOOK));
        }
        self.crew.stop(Order::Cut);
        let by = self.clock.mono().plus(SERVE);
        let Running {
            crew, hot, journal, telemetry, watchdog, helpers, recorder, saboteurs, ..
        } = self;
        saboteurs.join(&crew, by);
        let mut late = Vec::new();
        let (mut feeds, engine, gateway) = match hot {
            Hot::Shared(worker) => {
                match came_back(crew.join(worker, by), &mut late).map(Shared::into_members) {
                    Some(members) => (members.feeds, Some(members.engine), Some(members.gateway)),
                    None => (Vec::new(), None, None),
                }
            }
            Hot::Threads { feeds, engine, gateway } => {
                let engine = came_back(crew.join(engine, by), &mut late);
                let gateway = came_back(crew.join(gateway, by), &mut late);
                let join = |feed| came_back(crew.join(feed, by), &mut late);
                (feeds.into_iter().filter_map(join).collect(), engine, gateway)
            }
        };
        feeds.sort_by_key(VenueFeed::venue);
        let journal = came_back(crew.join(journal, by), &mut late);
        let _ = came_back(crew.join(watchdog, by), &mut late);
        for helper in helpers {
            let _ = came_back(crew.join(helper, by), &mut late);
        }
        let recorder = recorder.and_then(|worker| came_back(crew.join(worker, by), &mut late));
        let telemetry = came_back(crew.join(telemetry, by), &mut late);
        let falls = crew.falls();
        Back { feeds, engine, gateway, journal, recorder, telemetry, falls, late }
    }

    fn is_over(&self) -> bool {
        let hot = match &self.hot {
            Hot::Shared(worker) => worker.pulse().is_over(),
            Hot::Threads { feeds, engine, gateway } => {
                engine.pulse().is_over()
                    && gateway.pulse().is_over()
                    && feeds.iter().all(|feed| feed.pulse().is_over())
            }
        };
        hot && self.journal.pulse().is_over()
            && self.telemetry.pulse().is_over()
            && self.watchdog.pulse().is_over()
            && self.helpers.iter().all(|helper| helper.pulse().is_over())
            && self.recorder.iter().all(|recorder| recorder.pulse().is_over())
    }
}

/// The threads that trade: those that serve before those that they serve.
fn begin_hot(
    crew: &mut Crew,
    members: HotMembers,
    (posts, sabotage): (&mut Posts, &Sabotage),
    tell: &mut dyn FnMut(&str, &Pinned),
) -> Result<Hot, StartError> {
    if posts.placement == Placement::Shared {
        let agent = Shared::new(Role::Engine.name(), members);
        let post = posts.take(Role::Engine);
        return Ok(Hot::Shared(begin(crew, sabotage.spoil(agent), post, tell)?));
    }
    let HotMembers { feeds, engine, gateway } = members;
    let gateway = begin(crew, sabotage.spoil(gateway), posts.take(Role::Gateway), tell)?;
    let engine = begin(crew, sabotage.spoil(engine), posts.take(Role::Engine), tell)?;
    let mut workers = Vec::new();
    for feed in feeds {
        let post = posts.take(Role::Feed(feed.venue()));
        workers.push(begin(crew, sabotage.spoil(feed), post, tell)?);
    }
    Ok(Hot::Threads { feeds: workers, engine, gateway })
}

fn begin<A: Agent + Send + 'static>(
    crew: &mut Crew,
    agent: A,
    post: Option<Post>,
    tell: &mut dyn FnMut(&str, &Pinned),
) -> Result<Worker<A>, StartError> {
    let name = agent.name();
    // Every role that is started here was given a post.
    let post = post.unwrap_or_else(|| Post::new(name, Wait::Park, DRAIN));
    let started = crew.start(agent, post).inspect_err(|_| crew.stop(Order::Cut))?;
    tell(name, started.pinned());
    Ok(started)
}

fn came_back<A: Agent>(ended: Ended<Spoiled<A>>, late: &mut Vec<&'static str>) -> Option<A> {
    match ended.end {
        End::Returned(agent, exit) => {
            if exit == Exit::Overran {
                late.push(ended.name);
            }
            Some(agent.into_agent())
        }
        End::Panicked(_) => None,
        End::Left => {
            late.push(ended.name);
            None
        }
    }
}
