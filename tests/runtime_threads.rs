//! Real threads: names, pins, ways to wait, agents that share one.

#[path = "support/crew.rs"]
mod support;

use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::cores;
use arb::runtime::crew::Pinned;
use arb::runtime::crew::Post;
use arb::runtime::crew::StartError;
use arb::runtime::crew::Unpinned;
use arb::runtime::drive::Exit;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::Rx;
use arb::runtime::shared::Members;
use arb::runtime::shared::Shared;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use support::Echo;
use support::LINK;
use support::PATIENCE;
use support::Stage;
use support::hear;
use support::once;
use support::post;

#[test]
fn a_name_that_linux_would_cut_is_refused() {
    let mut stage = Stage::set();
    let refused = stage.crew.start(once(|| ()), post("sixteen-bytes-xx", Wait::Park));
    let error = refused.err().expect("16 bytes are too many");
    assert!(matches!(error, StartError::Name { .. }), "{error}");
    assert!(error.to_string().contains("16 bytes; use 1 to 15"), "{error}");
    let fits = stage.crew.start(once(|| ()), post("fifteen-bytes-x", Wait::Park));
    let taken = stage.crew.start(once(|| ()), post("fifteen-bytes-x", Wait::Park));
    assert!(matches!(taken, Err(StartError::Taken { .. })));
    stage.crew.stop(Order::Drain);
    stage.returned(fits.expect("15 bytes fit"));
}

#[test]
fn the_kernel_knows_a_thread_by_its_name_and_its_pulse_by_its_id() {
    let mut stage = Stage::set();
    let (tx, rx) = sync_channel(1);
    let tell = move || {
        let own = std::fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
        let _ = tx.send((own.trim().to_owned(), cores::own_tid()));
    };
    let worker = stage.crew.start(once(tell), post("feed-upbit", Wait::Spin)).expect("starts");
    let (name, tid) = hear(&rx);
    if tid == 0 {
        eprintln!("skipped: no /proc here");
        return;
    }
    assert_eq!(name, "feed-upbit");
    assert_eq!(worker.pulse().tid(), tid);
    assert!(worker.pulse().spins());
    stage.crew.stop(Order::Drain);
    stage.returned(worker);
}

#[test]
fn each_way_to_wait_hears_a_send_and_every_value_comes_through() {
    for wait in [Wait::Spin, Wait::Yield, Wait::Park] {
        let mut stage = Stage::set();
        let post = post("echo", wait);
        let (to_echo, rx) = LINK.open_to(post.waker());
        let collector_post = Post::new("collector", Wait::Park, PATIENCE).after(post.pulse());
        let (tx, from_echo) = LINK.open_to(collector_post.waker());
        let (reply, replies) = sync_channel(1);
        let collector = Collector { rx: from_echo, reply };
        let collector = stage.crew.start(collector, collector_post).expect("starts");
        let worker = stage.crew.start(Echo { rx, tx, seen: 0 }, post).expect("starts");
        for value in 0..500 {
            assert!(to_echo.send(value).is_ok());
            assert_eq!(hear(&replies), value + 1, "{wait:?}");
        }
        stage.crew.stop(Order::Drain);
        let (echo, exit) = stage.returned(worker);
        assert_eq!((echo.seen, exit), (500, Exit::Drained));
        stage.returned(collector);
    }
}

/// Hands on to the test what comes back.
struct Collector {
    rx: Rx<u64>,
    reply: SyncSender<u64>,
}

impl Agent for Collector {
    fn name(&self) -> &'static str {
        "collector"
    }
    fn turn(&mut self, _: Now) -> Turn {
        let Some(value) = self.rx.take() else { return Turn::Idle };
        let _ = self.reply.send(value);
        Turn::Worked
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
}

#[test]
fn a_configured_core_is_where_the_kernel_lets_the_thread_run() {
    let mut stage = Stage::set();
    let core = cores::online()[0];
    let (tx, rx) = sync_channel(1);
    let tell = once(move || assert!(tx.send(cores::allowed()).is_ok()));
    let on_core = post("pinned", Wait::Park).on_core(Some(core));
    let worker = stage.crew.start(tell, on_core).expect("starts");
    assert_eq!(*worker.pinned(), Pinned::On { core });
    if let Some(allowed) = hear(&rx) {
        assert_eq!(allowed, [core]);
    }
    stage.crew.stop(Order::Drain);
    stage.returned(worker);
}

#[test]
fn a_core_outside_the_present_affinity_can_be_configured() {
    let online = cores::online();
    let (Some(first), Some(last)) = (online.first().copied(), online.last().copied()) else {
        panic!("no core is online")
    };
    if first == last {
        eprintln!("skipped: one core only");
        return;
    }
    let mut stage = Stage::set();
    let (tx, rx) = sync_channel(1);
    // On a thread that may run on the first core only, start one that is to run on the last.
    let nested = once(move || {
        let mut inner = Stage::set();
        let other = post("other", Wait::Park).on_core(Some(last));
        let worker = inner.crew.start(once(|| ()), other).expect("starts");
        let _ = tx.send((cores::allowed(), worker.pinned().clone()));
        inner.crew.stop(Order::Cut);
        inner.join(worker);
    });
    let on_first = post("outer", Wait::Park).on_core(Some(first));
    let worker = stage.crew.start(nested, on_first).expect("starts");
    let (outer_allowed, inner_pinned) = hear(&rx);
    assert!(outer_allowed.is_none_or(|allowed| allowed == [first]));
    assert_eq!(inner_pinned, Pinned::On { core: last });
    stage.crew.stop(Order::Drain);
    stage.returned(worker);
}

#[test]
fn a_core_that_does_not_exist_is_said_and_the_thread_runs_without() {
    let mut stage = Stage::set();
    let (tx, rx) = sync_channel(1);
    let tells = once(move || assert!(tx.send(()).is_ok()));
    let absent = post("absent", Wait::Park).on_core(Some(1_023));
    let worker = stage.crew.start(tells, absent).expect("starts");
    let Pinned::Not { core, why } = worker.pinned() else { panic!("{:?}", worker.pinned()) };
    assert_eq!(*core, 1_023);
    assert!(matches!(why, Unpinned::NotOnline { .. }), "{why}");
    let said = worker.pinned().to_string();
    assert!(said.starts_with("not pinned to core 1023: it does not exist or is offline"), "{said}");
    hear(&rx);
    stage.crew.stop(Order::Drain);
    stage.returned(worker);
}

#[derive(Debug)]
struct Pair<A, B> {
    first: A,
    second: B,
}

impl<A: Agent, B: Agent> Members for Pair<A, B> {
    fn each<'m>(&'m self, visit: &mut dyn FnMut(&'m dyn Agent)) {
        visit(&self.first);
        visit(&self.second);
    }
    fn each_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Agent)) {
        visit(&mut self.first);
        visit(&mut self.second);
    }
}

#[test]
fn agents_that_share_a_thread_hand_on_without_wakers_and_come_back_typed() {
    let mut stage = Stage::set();
    let post = post("shared", Wait::Park);
    let (to_first, first_rx) = LINK.open_to(post.waker());
    let (first_tx, second_rx) = LINK.open();
    let (second_tx, result) = LINK.open();
    let first = Echo { rx: first_rx, tx: first_tx, seen: 0 };
    let second = Echo { rx: second_rx, tx: second_tx, seen: 0 };
    // The later one first: what it is handed stays for the thread's next turn.
    let members = Pair { first: second, second: first };
    let worker = stage.crew.start(Shared::new("shared", members), post).expect("starts");
    for value in 0..3 {
        assert!(to_first.send(value).is_ok());
    }
    stage.crew.stop(Order::Drain);
    let (shared, exit) = stage.returned(worker);
    let members = shared.into_members();
    assert_eq!((members.first.seen, members.second.seen, exit), (3, 3, Exit::Drained));
    assert_eq!(std::iter::from_fn(|| result.take()).collect::<Vec<_>>(), [2, 3, 4]);
}
