//! The threads of a run before it begins: who there is, on which core, how each waits, who ends
//! after whom.

use crate::runtime::cores;
use crate::runtime::crew::Post;
use crate::runtime::idle::Idle;
use crate::runtime::idle::Seat;
use crate::runtime::idle::Wait;
use crate::runtime::idle::is_crowded;
use crate::runtime::idle::resolve;
use crate::runtime::pulse::PulseView;
use crate::topology::Boards;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::watchdog::sources::Subjects;
use crate::watchdog::sources::Thread;

/// Longest time from the order to end until nothing is at work any more (`PRODUCT.md` 7, drain).
pub const DRAIN: DurNs = DurNs::from_secs(15);
/// How much longer than the engine a thread that serves it may take.
pub const SERVE: DurNs = DurNs::from_secs(2);

/// A thread of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Market data of a venue.
    Feed(VenueId),
    /// What a feed cannot wait for: connecting, requests.
    Desk(VenueId),
    /// Looks up names of hosts.
    Names,
    /// Decisions; in placement shared, feeds and gateway too.
    Engine,
    /// Orders.
    Gateway,
    /// The record of facts.
    Journal,
    /// Frames to disk.
    Recorder,
    /// Log, metrics, process gauges.
    Telemetry,
    /// Permission and liveness.
    Watchdog,
}

impl Role {
    /// Name of its thread.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Feed(venue) => venue.feed_thread(),
            Role::Desk(venue) => venue.desk_thread(),
            Role::Names => "names",
            Role::Engine => "engine",
            Role::Gateway => "gateway",
            Role::Journal => "journal",
            Role::Recorder => "recorder",
            Role::Telemetry => "telemetry",
            Role::Watchdog => "watchdog",
        }
    }
    /// Its latency counts.
    pub const fn is_hot(self) -> bool {
        matches!(self, Role::Feed(_) | Role::Engine | Role::Gateway)
    }
    /// It does what nobody waits for.
    const fn helps(self) -> bool {
        !self.is_hot() && !matches!(self, Role::Watchdog)
    }
    /// It may end only after that one.
    const fn serves(self, other: Role) -> bool {
        matches!(
            (self, other),
            (Role::Gateway | Role::Watchdog | Role::Journal | Role::Recorder, Role::Engine)
                | (Role::Feed(_) | Role::Journal | Role::Watchdog, Role::Gateway)
                | (Role::Desk(_) | Role::Recorder, Role::Feed(_))
                | (Role::Names, Role::Desk(_))
                | (Role::Telemetry, Role::Watchdog | Role::Journal)
        )
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
    /// Every role of the run, with the core it is to run on and its idling.
    pub seats: Vec<(Role, Option<usize>, Idle)>,
}

impl ThreadPlan {
    /// These venues and no other threads than every run has, all of them anywhere.
    pub fn plain(placement: Placement, venues: &[VenueId], idle: Idle) -> ThreadPlan {
        let always = [Role::Engine, Role::Gateway, Role::Journal, Role::Telemetry, Role::Watchdog];
        let feeds = venues.iter().map(|venue| Role::Feed(*venue));
        ThreadPlan {
            placement,
            seats: feeds.chain(always).map(|role| (role, None, idle)).collect(),
        }
    }
}

/// The posts of a run: made before its agents, because links need their wakers.
pub struct Posts {
    posts: Vec<(Role, Option<Post>)>,
    /// Which agents share a thread.
    pub placement: Placement,
    /// True when threads that never sleep leave no core to the others.
    pub is_crowded: bool,
}

impl Posts {
    /// Resolves how each thread waits and who is asked to stop after whom: the engine first, then
    /// those that serve it.
    pub fn new(plan: &ThreadPlan) -> Posts {
        let manned = |(role, ..): &&(Role, Option<usize>, Idle)| match plan.placement {
            Placement::Threads => true,
            Placement::Shared => !role.is_hot() || *role == Role::Engine,
        };
        let manned: Vec<_> = plan.seats.iter().filter(manned).collect();
        let seat = |(role, core, idle): &&(Role, Option<usize>, Idle)| Seat {
            idle: *idle,
            core: *core,
            is_hot: role.is_hot(),
        };
        let seats: Vec<Seat> = manned.iter().map(seat).collect();
        let waits = resolve(&seats, cores::usable());
        let is_crowded = is_crowded(&waits, cores::usable());
        let post = |((role, core, _), wait): (&&(Role, Option<usize>, Idle), Wait)| {
            (*role, Some(new_post(*role, wait).on_core(*core)))
        };
        let posts = manned.iter().zip(waits).map(post).collect();
        let mut posts = Posts { posts, placement: plan.placement, is_crowded };
        posts.order_the_end();
        posts
    }
    /// The post of a role; in placement shared the hot roles are the engine's.
    pub fn of(&self, role: Role) -> Option<&Post> {
        let shared = self.placement == Placement::Shared && role.is_hot();
        self.own(if shared { Role::Engine } else { role })
    }
    /// The pulse of a role's own thread, if it has one.
    pub fn pulse(&self, role: Role) -> Option<PulseView> {
        self.own(role).map(Post::pulse)
    }
    /// The pulses of all threads.
    pub fn pulses(&self) -> Vec<PulseView> {
        self.posts.iter().filter_map(|(_, post)| post.as_ref().map(Post::pulse)).collect()
    }
    /// What a watchdog of these threads looks at.
    pub fn subjects(&self, boards: &mut Boards, samples_process: bool) -> Subjects {
        let [engine_waits, gateway_waits] =
            boards.waiting.take().map_or([None, None], |both| both.map(Some));
        let with = |role, waiting| self.pulse(role).map(|pulse| Thread { pulse, waiting });
        Subjects {
            engine: with(Role::Engine, engine_waits),
            feeds: self.threads(|role| matches!(role, Role::Feed(_))),
            gateway: with(Role::Gateway, gateway_waits),
            helpers: self.threads(Role::helps),
            samples_process,
            ..boards.subjects()
        }
    }
    /// The post of a role, to be manned.
    pub fn take(&mut self, role: Role) -> Option<Post> {
        self.posts.iter_mut().find(|(of, _)| *of == role)?.1.take()
    }

    fn own(&self, role: Role) -> Option<&Post> {
        self.posts.iter().find(|(of, _)| *of == role)?.1.as_ref()
    }
    fn threads(&self, is_one: impl Fn(Role) -> bool) -> Vec<Thread> {
        let mine = self.posts.iter().filter(|(role, _)| is_one(*role));
        mine.filter_map(|(_, post)| post.as_ref().map(|post| Thread::of(post.pulse()))).collect()
    }
    fn order_the_end(&mut self) {
        let pulses: Vec<(Role, PulseView)> = self
            .posts
            .iter()
            .filter_map(|(role, post)| Some((*role, post.as_ref()?.pulse())))
            .collect();
        for (role, slot) in &mut self.posts {
            for (_, served) in pulses.iter().filter(|(other, _)| role.serves(*other)) {
                *slot = slot.take().map(|post| post.after(served.clone()));
            }
        }
    }
}

fn new_post(role: Role, wait: Wait) -> Post {
    let drain = if role == Role::Engine { DRAIN } else { DurNs(DRAIN.0 + SERVE.0) };
    Post::new(role.name(), wait, drain)
}
