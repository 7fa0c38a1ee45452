//! The threads: named, pinned, each with one loop around one agent; and their joint end.
//!
//! Start everything from the thread that will join it: it is the one that is woken when a member
//! is over.

use std::fmt;
use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread::Builder;
use std::thread::JoinHandle;
use std::thread::Thread;
use std::time::Duration;

use core_affinity::CoreId;

use crate::runtime::agent::Agent;
use crate::runtime::cores;
use crate::runtime::drive::Desk;
use crate::runtime::drive::Exit;
use crate::runtime::drive::Order;
use crate::runtime::drive::drive;
use crate::runtime::fall::Common;
use crate::runtime::fall::Fall;
use crate::runtime::fall::enlist;
use crate::runtime::fall::message_of;
use crate::runtime::idle::Rest;
use crate::runtime::idle::Wait;
use crate::runtime::idle::Waker;
use crate::runtime::pulse::Pulse;
use crate::runtime::pulse::PulseView;
use crate::runtime::pulse::State;
use crate::types::control::PermissionWord;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::LoopClock;
use crate::types::time::MonoNs;

/// Linux cuts what is longer.
const NAME_BYTES: usize = 15;
/// Longest sleep of [`Crew::join`]: whoever joins from a thread that did not make the crew is woken
/// by nobody.
const JOIN_NAP: DurNs = DurNs::from_ms(20);

/// Where and how one thread runs. Made before its agent, because links need its waker and other
/// threads its pulse.
#[derive(Debug)]
pub struct Post {
    desk: Desk,
    core: Option<usize>,
}

impl Post {
    /// A thread of this name, at most 15 bytes, which waits like this and, ordered to stop, ends
    /// within `drain` of the order, those that it serves included.
    pub fn new(name: &'static str, wait: Wait, drain: DurNs) -> Post {
        let (pulse, rest) = (Pulse::new(name), Rest::new(wait));
        Post { desk: Desk { pulse, rest, drain, after: Vec::new() }, core: None }
    }
    /// Runs on this core.
    #[must_use]
    pub fn on_core(mut self, core: Option<usize>) -> Post {
        self.core = core;
        self
    }
    /// Is asked to stop only when this thread is over: it serves it.
    #[must_use]
    pub fn after(mut self, served: PulseView) -> Post {
        self.desk.after.push(served);
        self
    }
    /// Its pulse, for whoever watches.
    pub fn pulse(&self) -> PulseView {
        self.desk.pulse.view()
    }
    /// For the links that its agent reads; `None` if it never parks.
    pub fn waker(&self) -> Option<Waker> {
        self.desk.rest.waker()
    }
}

/// Where a thread ended up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pinned {
    /// No core was configured.
    Free,
    /// On its configured core, and the kernel confirms it.
    On {
        /// That core.
        core: usize,
    },
    /// Not on its configured core: it runs wherever the system puts it.
    Not {
        /// The configured core.
        core: usize,
        /// Why not.
        why: Unpinned,
    },
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pinned::Free => write!(f, "not pinned"),
            Pinned::On { core } => write!(f, "pinned to core {core}"),
            Pinned::Not { core, why } => write!(f, "not pinned to core {core}: {why}"),
        }
    }
}

/// Why a thread could not be pinned.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unpinned {
    /// There is no such core.
    #[error("it does not exist or is offline; online are {online:?}: choose one of them")]
    NotOnline {
        /// Those that are.
        online: Vec<usize>,
    },
    /// The system call failed.
    #[error("the system refused; its cpuset or container must allow this core")]
    Refused,
    /// The system call succeeded without this effect.
    #[error("the kernel lets it run on {allowed:?} instead; its cpuset must allow this core")]
    Elsewhere {
        /// Where the thread may run.
        allowed: Vec<usize>,
    },
}

/// Why a thread was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name does not fit.
    #[error("thread name `{name}` has {} bytes; use 1 to 15 without NUL", name.len())]
    Name {
        /// The name.
        name: &'static str,
    },
    /// The name is taken.
    #[error("a thread named `{name}` runs already; give each thread a name of its own")]
    Taken {
        /// The name.
        name: &'static str,
    },
    /// The system gave no thread.
    #[error("thread `{name}` did not start ({source}); raise the limit on processes or memory")]
    Os {
        /// The name.
        name: &'static str,
        /// What it said.
        source: io::Error,
    },
}

/// A running thread.
#[derive(Debug)]
pub struct Worker<A> {
    pulse: PulseView,
    pinned: Pinned,
    handle: JoinHandle<Option<(A, Exit)>>,
}

impl<A> Worker<A> {
    /// Its pulse.
    pub fn pulse(&self) -> PulseView {
        self.pulse.clone()
    }
    /// Where it runs: to be logged by the caller.
    pub fn pinned(&self) -> &Pinned {
        &self.pinned
    }
}

/// A thread that was joined, or given up.
#[derive(Debug)]
pub struct Ended<A> {
    /// Its name.
    pub name: &'static str,
    /// How it ended.
    pub end: End<A>,
}

/// How a thread ended.
#[derive(Debug)]
pub enum End<A> {
    /// It gives its agent back; [`Exit::Overran`] if that was not drained in time.
    Returned(A, Exit),
    /// It panicked. Its agent may be torn, so it is gone.
    Panicked(Fall),
    /// It hangs in a turn and was left there.
    Left,
}

/// All threads of a process.
#[derive(Debug)]
pub struct Crew {
    common: Arc<Common>,
    clock: Clock,
    members: Vec<Member>,
}

/// A thread, and what ends its sleep if it ever sleeps on descriptors.
#[derive(Debug)]
struct Member {
    thread: Thread,
    waker: Option<Waker>,
}

impl Crew {
    /// Nobody yet. A panic of a member ends entries at this permission word.
    pub fn new(clock: Clock, permission: Arc<PermissionWord>) -> Crew {
        Crew { common: Arc::new(Common::new(permission)), clock, members: Vec::new() }
    }

    /// Starts a thread and waits until it is pinned, or knows that it is not.
    ///
    /// # Errors
    /// If the name does not fit or is taken, or the system gives no thread.
    pub fn start<A>(&mut self, agent: A, post: Post) -> Result<Worker<A>, StartError>
    where
        A: Agent + Send + 'static,
    {
        let pulse = post.pulse();
        let name = pulse.name();
        self.check_name(name)?;
        let waker = post.waker();
        let (report, pinned) = sync_channel(1);
        let (common, clock) = (Arc::clone(&self.common), LoopClock::of(self.clock));
        let body = move || live(agent, post, common, (clock, report));
        let handle = Builder::new().name(name.to_owned()).spawn(body);
        let handle = handle.map_err(|source| StartError::Os { name, source })?;
        self.members.push(Member { thread: handle.thread().clone(), waker });
        // A thread that panics before its report is found out when it is joined.
        let pinned = pinned.recv().unwrap_or(Pinned::Free);
        Ok(Worker { pulse, pinned, handle })
    }

    /// Gives all threads an order and wakes those that rest.
    pub fn stop(&self, order: Order) {
        self.common.orders.give(order);
        for member in &self.members {
            member.thread.unpark();
            member.waker.iter().for_each(Waker::summon);
        }
    }
    /// The order that stands: `Drain` without having been given means that a thread fell.
    pub fn standing(&self) -> Order {
        self.common.orders.standing()
    }
    /// Threads that panicked so far.
    pub fn falls(&self) -> Vec<Fall> {
        self.common.falls()
    }

    /// Rests until then, or until a thread is over; may return earlier without any reason. For
    /// the thread that made the crew.
    pub fn wait_until(&self, until: MonoNs) {
        let left = until.since(self.clock.mono());
        std::thread::park_timeout(Duration::from_nanos(left.0));
    }

    /// Waits for the end of a thread, at most until then.
    pub fn join<A>(&self, worker: Worker<A>, by: MonoNs) -> Ended<A> {
        let name = worker.pulse.name();
        while !worker.pulse.is_over() && !worker.handle.is_finished() {
            let now = self.clock.mono();
            if now >= by {
                return Ended { name, end: End::Left };
            }
            self.wait_until(by.min(now.plus(JOIN_NAP)));
        }
        let end = match worker.handle.join() {
            Ok(Some((agent, exit))) => End::Returned(agent, exit),
            Ok(None) => End::Panicked(self.fall_of(name, "no message")),
            Err(payload) => End::Panicked(self.fall_of(name, message_of(&*payload))),
        };
        Ended { name, end }
    }

    fn fall_of(&self, thread: &'static str, otherwise: &str) -> Fall {
        let recorded = self.common.fall_of(thread);
        recorded.unwrap_or_else(|| Fall { thread, message: otherwise.to_owned() })
    }

    fn check_name(&self, name: &'static str) -> Result<(), StartError> {
        if name.is_empty() || name.len() > NAME_BYTES || name.contains('\0') {
            return Err(StartError::Name { name });
        }
        match self.members.iter().any(|member| member.thread.name() == Some(name)) {
            true => Err(StartError::Taken { name }),
            false => Ok(()),
        }
    }
}

/// The life of a thread.
fn live<A: Agent>(
    mut agent: A,
    post: Post,
    common: Arc<Common>,
    (mut clock, report): (LoopClock, SyncSender<Pinned>),
) -> Option<(A, Exit)> {
    let Post { mut desk, core } = post;
    let pulse = desk.pulse.view();
    enlist(&common, pulse.clone());
    desk.pulse.introduce(cores::own_tid(), desk.rest.is_busy());
    // Its reader waits for it and has room for it.
    let _ = report.send(pin(core));
    let run = || drive(&mut agent, || clock.now(), &common.orders, &mut desk);
    let ended = catch_unwind(AssertUnwindSafe(run));
    match ended {
        Ok(exit) => {
            pulse.enter(State::Ended);
            common.tell_supervisor();
            Some((agent, exit))
        }
        Err(payload) => {
            // The hook has told already, unless someone replaced it.
            common.fell(&pulse, message_of(&*payload));
            None
        }
    }
}

/// Pins the calling thread. The list of cores that `core_affinity` offers is cut to the present
/// affinity, so the core is named directly and the kernel is asked what came of it.
fn pin(core: Option<usize>) -> Pinned {
    let Some(core) = core else { return Pinned::Free };
    let online = cores::online();
    if !online.contains(&core) {
        return Pinned::Not { core, why: Unpinned::NotOnline { online } };
    }
    if !core_affinity::set_for_current(CoreId { id: core }) {
        return Pinned::Not { core, why: Unpinned::Refused };
    }
    match cores::allowed() {
        Some(allowed) if allowed != [core] => {
            Pinned::Not { core, why: Unpinned::Elsewhere { allowed } }
        }
        _ => Pinned::On { core },
    }
}
