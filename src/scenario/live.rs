//! The plant on threads: posts, start, the wait for an end, and the joint end in two phases.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::engine::agent::Engine;
use crate::gateway::paper::Paper;
use crate::runtime::agent::Agent;
use crate::runtime::cores;
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
use crate::runtime::idle::Idle;
use crate::runtime::idle::Seat;
use crate::runtime::idle::Wait;
use crate::runtime::idle::is_crowded;
use crate::runtime::idle::resolve;
use crate::runtime::pulse::PulseView;
use crate::runtime::shared::Shared;
use crate::scenario::members::HotMembers;
use crate::scenario::sabotage::Sabotage;
use crate::scenario::sabotage::Saboteurs;
use crate::sim::agent::MarketFeed;
use crate::sim::spoiled::Spoiled;
use crate::telemetry::agent::Telemetry;
use crate::topology::Boards;
use crate::topology::Plant;
use crate::types::board::DogBoard;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::watchdog::agent::Watchdog;
use crate::watchdog::sources::Subjects;
use crate::watchdog::sources::Thread;

/// Longest time from the order to end until nothing is at work any more (`PRODUCT.md` 7, drain).
const DRAIN: DurNs = DurNs::from_secs(15);
/// How much longer than the engine a thread that serves it may take.
const SERVE: DurNs = DurNs::from_secs(2);
/// How often the supervisor looks whether the run has ended.
const LOOK: DurNs = DurNs::from_ms(10);

/// Threads of a run, in the order of their table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Market data of the first venue.
    FirstFeed,
    /// Market data of the second venue.
    SecondFeed,
    /// Decisions; in placement shared, feeds and gateway too.
    Engine,
    /// Orders.
    Gateway,
    /// The record of facts.
    Journal,
    /// Log, metrics, process gauges.
    Telemetry,
    /// Permission and liveness.
    Watchdog,
}

impl Role {
    /// All, in order.
    pub const ALL: [Role; 7] = [
        Role::FirstFeed,
        Role::SecondFeed,
        Role::Engine,
        Role::Gateway,
        Role::Journal,
        Role::Telemetry,
        Role::Watchdog,
    ];

    const fn name(self) -> &'static str {
        match self {
            Role::FirstFeed => "feed-upbit",
            Role::SecondFeed => "feed-binance",
            Role::Engine => "engine",
            Role::Gateway => "gateway",
            Role::Journal => "journal",
            Role::Telemetry => "telemetry",
            Role::Watchdog => "watchdog",
        }
    }
    const fn is_hot(self) -> bool {
        matches!(self, Role::FirstFeed | Role::SecondFeed | Role::Engine | Role::Gateway)
    }
}

/// Which agents share a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// One thread an agent.
    Threads,
    /// Feeds, engine and gateway turn by turn on one thread.
    Shared,
}

/// Where threads run and how they wait.
#[derive(Clone, Debug)]
pub struct ThreadPlan {
    /// Which agents share a thread.
    pub placement: Placement,
    /// Core and idling of each role, in the order of [`Role::ALL`].
    pub seats: [(Option<usize>, Idle); 7],
}

/// The posts of a run: made before its agents, because links need their wakers.
pub struct Posts {
    posts: Vec<Option<Post>>,
    placement: Placement,
    /// True when threads that never sleep leave no core to the others.
    pub is_crowded: bool,
}

impl Posts {
    /// Resolves how each thread waits and who is asked to stop after whom: the engine first, then
    /// those that serve it.
    pub fn new(plan: &ThreadPlan) -> Posts {
        let manned = |role: &Role| match plan.placement {
            Placement::Threads => true,
            Placement::Shared => !role.is_hot() || *role == Role::Engine,
        };
        let roles: Vec<Role> = Role::ALL.into_iter().filter(manned).collect();
        let seat = |role: &Role| {
            let (core, idle) = plan.seats[*role as usize];
            Seat { idle, core, is_hot: role.is_hot() }
        };
        let seats: Vec<Seat> = roles.iter().map(seat).collect();
        let waits = resolve(&seats, cores::usable());
        let is_crowded = is_crowded(&waits, cores::usable());
        let mut posts: Vec<Option<Post>> = Role::ALL.iter().map(|_| None).collect();
        for ((role, seat), wait) in roles.iter().zip(&seats).zip(waits) {
            posts[*role as usize] = Some(new_post(*role, wait).on_core(seat.core));
        }
        let mut posts = Posts { posts, placement: plan.placement, is_crowded };
        posts.order_the_end();
        posts
    }
    /// The post of a role; in placement shared the hot roles are the engine's.
    pub fn of(&self, role: Role) -> Option<&Post> {
        let shared = self.placement == Placement::Shared && role.is_hot();
        self.posts[if shared { Role::Engine } else { role } as usize].as_ref()
    }
    /// The pulse of a role's own thread, if it has one.
    pub fn pulse(&self, role: Role) -> Option<PulseView> {
        self.posts[role as usize].as_ref().map(Post::pulse)
    }
    /// The pulses of all threads.
    pub fn pulses(&self) -> Vec<PulseView> {
        Role::ALL.into_iter().filter_map(|role| self.pulse(role)).collect()
    }
    /// What a watchdog of these threads looks at.
    pub fn subjects(&self, boards: &mut Boards, samples_process: bool) -> Subjects {
        let [engine_waits, gateway_waits] =
            boards.waiting.take().map_or([None, None], |both| both.map(Some));
        let own = |role| self.pulse(role).map(Thread::of);
        let with = |role, waiting| self.pulse(role).map(|pulse| Thread { pulse, waiting });
        Subjects {
            engine: with(Role::Engine, engine_waits),
            feeds: [Role::FirstFeed, Role::SecondFeed].into_iter().filter_map(own).collect(),
            gateway: with(Role::Gateway, gateway_waits),
            helpers: [Role::Journal, Role::Telemetry].into_iter().filter_map(own).collect(),
            samples_process,
            ..boards.subjects()
        }
    }

    fn order_the_end(&mut self) {
        let pulse =
            |posts: &Posts, role: Role| posts.posts[role as usize].as_ref().map(Post::pulse);
        let serves = [
            (Role::Gateway, Role::Engine),
            (Role::FirstFeed, Role::Gateway),
            (Role::SecondFeed, Role::Gateway),
            (Role::Journal, Role::Engine),
            (Role::Journal, Role::Gateway),
            (Role::Watchdog, Role::Engine),
            (Role::Watchdog, Role::Gateway),
            (Role::Telemetry, Role::Watchdog),
            (Role::Telemetry, Role::Journal),
        ];
        for (server, served) in serves {
            let Some(served) = pulse(self, served) else { continue };
            let slot = &mut self.posts[server as usize];
            *slot = slot.take().map(|post| post.after(served));
        }
    }

    fn take(&mut self, role: Role) -> Option<Post> {
        self.posts[role as usize].take()
    }
}

fn new_post(role: Role, wait: Wait) -> Post {
    let drain = if role == Role::Engine { DRAIN } else { DurNs(DRAIN.0 + SERVE.0) };
    Post::new(role.name(), wait, drain)
}

/// Everything that runs, before it does.
pub struct Hands<J> {
    /// Feeds, engine, gateway.
    pub plant: Plant<MarketFeed>,
    /// Who keeps the record of facts.
    pub journal: J,
    /// Who shows what happens.
    pub telemetry: Telemetry,
    /// Who says what orders may do.
    pub watchdog: Watchdog,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
}

/// What came back from the threads.
pub struct Back<J> {
    /// The feeds that came back.
    pub feeds: Vec<MarketFeed>,
    /// The engine, unless it fell or hangs.
    pub engine: Option<Engine>,
    /// The gateway, likewise.
    pub gateway: Option<Paper>,
    /// The record keeper, likewise.
    pub journal: Option<J>,
    /// Telemetry, likewise.
    pub telemetry: Option<Telemetry>,
    /// Threads that panicked.
    pub falls: Vec<Fall>,
    /// Threads that did not end in time, or ended with work open.
    pub late: Vec<&'static str>,
}

type Hand<A> = Worker<Spoiled<A>>;

enum Hot {
    Threads { feeds: Vec<Hand<MarketFeed>>, engine: Hand<Engine>, gateway: Hand<Paper> },
    Shared(Hand<Shared<HotMembers>>),
}

/// A run on threads.
pub struct Running<J> {
    crew: Crew,
    hot: Hot,
    journal: Hand<J>,
    telemetry: Hand<Telemetry>,
    watchdog: Hand<Watchdog>,
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
        let Hands { plant, journal, telemetry, watchdog, sabotage } = hands;
        let Plant { feeds, engine, gateway, permission, finished, boards, .. } = plant;
        let mut crew = Crew::new(clock, permission);
        let telemetry =
            begin(&mut crew, sabotage.spoil(telemetry), posts.take(Role::Telemetry), tell)?;
        let journal = begin(&mut crew, sabotage.spoil(journal), posts.take(Role::Journal), tell)?;
        let watchdog =
            begin(&mut crew, sabotage.spoil(watchdog), posts.take(Role::Watchdog), tell)?;
        let hot = match posts.placement {
            Placement::Shared => {
                let members = HotMembers { feeds, engine, gateway };
                let agent = Shared::new(Role::Engine.name(), members);
                Hot::Shared(begin(
                    &mut crew,
                    sabotage.spoil(agent),
                    posts.take(Role::Engine),
                    tell,
                )?)
            }
            Placement::Threads => {
                let gateway =
                    begin(&mut crew, sabotage.spoil(gateway), posts.take(Role::Gateway), tell)?;
                let engine =
                    begin(&mut crew, sabotage.spoil(engine), posts.take(Role::Engine), tell)?;
                let mut workers = Vec::new();
                for (feed, role) in feeds.into_iter().zip([Role::FirstFeed, Role::SecondFeed]) {
                    workers.push(begin(&mut crew, sabotage.spoil(feed), posts.take(role), tell)?);
                }
                Hot::Threads { feeds: workers, engine, gateway }
            }
        };
        let saboteurs = sabotage.start(&mut crew, boards.notices)?;
        let dog = boards.dog;
        Ok(Running { crew, hot, journal, telemetry, watchdog, saboteurs, finished, dog, clock })
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
        let Running { crew, hot, journal, telemetry, watchdog, saboteurs, .. } = self;
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
        feeds.sort_by_key(MarketFeed::venue);
        let journal = came_back(crew.join(journal, by), &mut late);
        let _ = came_back(crew.join(watchdog, by), &mut late);
        let telemetry = came_back(crew.join(telemetry, by), &mut late);
        Back { feeds, engine, gateway, journal, telemetry, falls: crew.falls(), late }
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
    }
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
