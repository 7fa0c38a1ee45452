//! Shared by the tests of real threads: a crew, agents to put on it, and patience. The deadline
//! here only keeps a broken build from hanging.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that gets no thread must fail loudly")]

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::crew::Crew;
use arb::runtime::crew::End;
use arb::runtime::crew::Ended;
use arb::runtime::crew::Post;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Exit;
use arb::runtime::idle::Wait;
use arb::runtime::link::Link;
use arb::runtime::link::Rx;
use arb::runtime::link::Tx;
use arb::runtime::link::WhenFull;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;

pub const PATIENCE: DurNs = DurNs::from_secs(30);
pub const LINK: Link = Link { name: "test", depth: 8, when_full: WhenFull::Refuse };

/// What the stage needs of every test.
pub struct Stage {
    pub clock: Clock,
    pub permission: Arc<PermissionWord>,
    pub crew: Crew,
}

impl Stage {
    pub fn set() -> Stage {
        let clock = Clock::start();
        let permission = Arc::new(PermissionWord::shut());
        permission.grant(Permission::Trade, MonoNs(u64::MAX));
        let crew = Crew::new(clock, Arc::clone(&permission));
        Stage { clock, permission, crew }
    }
    pub fn join<A>(&self, worker: Worker<A>) -> Ended<A> {
        self.crew.join(worker, self.clock.mono().plus(PATIENCE))
    }
    pub fn returned<A>(&self, worker: Worker<A>) -> (A, Exit) {
        match self.join(worker).end {
            End::Returned(agent, exit) => (agent, exit),
            End::Panicked(fall) => panic!("{} fell: {}", fall.thread, fall.message),
            End::Left => panic!("it hangs"),
        }
    }
}

pub fn post(name: &'static str, wait: Wait) -> Post {
    Post::new(name, wait, PATIENCE)
}

/// Does one thing in its first turn, then nothing.
pub struct Once<F>(Option<F>);

pub fn once<F: FnOnce()>(first: F) -> Once<F> {
    Once(Some(first))
}

impl<F: FnOnce()> Agent for Once<F> {
    fn name(&self) -> &'static str {
        "once"
    }
    fn turn(&mut self, _: Now) -> Turn {
        match self.0.take() {
            Some(first) => {
                first();
                Turn::Worked
            }
            None => Turn::Idle,
        }
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

/// Passes on what it reads, one more.
pub struct Echo {
    pub rx: Rx<u64>,
    pub tx: Tx<u64>,
    pub seen: u64,
}

impl Agent for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }
    fn turn(&mut self, _: Now) -> Turn {
        let Some(value) = self.rx.take() else { return Turn::Idle };
        self.seen += 1;
        assert!(self.tx.send(value + 1).is_ok(), "the tests read what they cause");
        Turn::Worked
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

/// Works so many turns after it was asked to stop.
pub struct Drains {
    pub turns_left: u64,
    pub is_asked: bool,
}

impl Agent for Drains {
    fn name(&self) -> &'static str {
        "drains"
    }
    fn turn(&mut self, _: Now) -> Turn {
        if self.is_asked {
            self.turns_left = self.turns_left.saturating_sub(1);
        }
        Turn::Idle
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
    fn stop(&mut self, _: Now) {
        self.is_asked = true;
    }
    fn is_drained(&self) -> bool {
        self.turns_left == 0
    }
}

pub fn hear<T>(receiver: &Receiver<T>) -> T {
    let heard = receiver.recv_timeout(Duration::from_nanos(PATIENCE.0));
    heard.unwrap_or_else(|_| panic!("the thread does not answer"))
}
