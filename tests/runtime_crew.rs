//! Real threads: names, pins, falls, the two phases of a stop, and what comes back from them.
//! Deadlines here only keep a broken build from hanging.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::cores;
use arb::runtime::crew::Crew;
use arb::runtime::crew::End;
use arb::runtime::crew::Ended;
use arb::runtime::crew::Pinned;
use arb::runtime::crew::Post;
use arb::runtime::crew::StartError;
use arb::runtime::crew::Unpinned;
use arb::runtime::crew::Worker;
use arb::runtime::drive::Exit;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::Link;
use arb::runtime::link::Rx;
use arb::runtime::link::Tx;
use arb::runtime::link::WhenFull;
use arb::runtime::pulse::State;
use arb::runtime::shared::Members;
use arb::runtime::shared::Shared;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;

const PATIENCE: DurNs = DurNs::from_secs(30);
const LINK: Link = Link { name: "test", depth: 8, when_full: WhenFull::Refuse };

/// What the stage needs of every test.
struct Stage {
    clock: Clock,
    permission: Arc<PermissionWord>,
    crew: Crew,
}

impl Stage {
    fn set() -> Stage {
        let clock = Clock::start();
        let permission = Arc::new(PermissionWord::shut());
        permission.grant(Permission::Trade, MonoNs(u64::MAX));
        let crew = Crew::new(clock, Arc::clone(&permission));
        Stage { clock, permission, crew }
    }
    fn join<A>(&self, worker: Worker<A>) -> Ended<A> {
        self.crew.join(worker, self.clock.mono().plus(PATIENCE))
    }
    fn returned<A>(&self, worker: Worker<A>) -> (A, Exit) {
        match self.join(worker).end {
            End::Returned(agent, exit) => (agent, exit),
            End::Panicked(fall) => panic!("{} fell: {}", fall.thread, fall.message),
            End::Left => panic!("it hangs"),
        }
    }
}

fn post(name: &'static str, wait: Wait) -> Post {
    Post::new(name, wait, PATIENCE)
}

/// Does one thing in its first turn, then nothing.
struct Once<F>(Option<F>);

fn once<F: FnOnce()>(first: F) -> Once<F> {
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
struct Echo {
    rx: Rx<u64>,
    tx: Tx<u64>,
    seen: u64,
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
struct Drains {
    turns_left: u64,
    is_asked: bool,
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

fn hear<T>(receiver: &Receiver<T>) -> T {
    let heard = receiver.recv_timeout(Duration::from_nanos(PATIENCE.0));
    heard.unwrap_or_else(|_| panic!("the thread does not answer"))
}

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
fn a_fall_ends_entries_at_once_stops_the_others_and_is_told_with_its_message() {
    let mut stage = Stage::set();
    let (rx_post, other) = (post("engine", Wait::Park), post("gateway", Wait::Park));
    let drains = Drains { turns_left: 3, is_asked: false };
    let other = stage.crew.start(drains, other).expect("starts");
    let falls = once(|| panic!("a planted bug"));
    let fallen = stage.crew.start(falls, rx_post).expect("starts");
    let pulse = fallen.pulse();

    let (drained, exit) = stage.returned(other);
    assert_eq!((drained.turns_left, exit), (0, Exit::Drained), "asked without anybody's order");
    let End::Panicked(fall) = stage.join(fallen).end else { panic!("it fell") };
    assert_eq!(fall.thread, "engine");
    assert!(fall.message.starts_with("a planted bug (tests/runtime_crew.rs:"), "{}", fall.message);
    assert_eq!(pulse.state(), State::Dead);
    assert_eq!(stage.permission.at(stage.clock.mono()), Permission::Finish);
    assert_eq!(stage.crew.standing(), Order::Drain);
    assert_eq!(stage.crew.falls(), [fall]);
}

/// Says what it finds when the stack of its thread unwinds.
struct Witness {
    permission: Arc<PermissionWord>,
    tx: SyncSender<Permission>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.tx.send(self.permission.at(MonoNs(0)));
    }
}

#[test]
fn entries_have_ended_before_the_stack_of_the_fallen_thread_unwinds() {
    let mut stage = Stage::set();
    let (tx, rx) = sync_channel(1);
    let permission = Arc::clone(&stage.permission);
    let falls = once(move || {
        let _witness = Witness { permission, tx };
        panic!("a planted bug");
    });
    let worker = stage.crew.start(falls, post("gateway", Wait::Park)).expect("starts");
    assert_eq!(hear(&rx), Permission::Finish);
    assert!(matches!(stage.join(worker).end, End::Panicked(_)));
}

#[test]
fn a_panic_of_a_thread_outside_the_crew_is_none_of_its_falls() {
    let stage = Stage::set();
    assert!(std::panic::catch_unwind(|| panic!("elsewhere")).is_err());
    assert_eq!(stage.crew.falls(), []);
    assert_eq!(stage.crew.standing(), Order::Run);
    assert_eq!(stage.permission.at(MonoNs(0)), Permission::Trade);
}

#[test]
fn one_that_drains_ends_well_and_one_that_never_does_overruns_its_deadline() {
    let mut stage = Stage::set();
    let patient = Drains { turns_left: 20, is_asked: false };
    let endless = Drains { turns_left: u64::MAX, is_asked: false };
    let patient = stage.crew.start(patient, post("patient", Wait::Park)).expect("starts");
    let soon = Post::new("endless", Wait::Park, DurNs::from_ms(20));
    let endless = stage.crew.start(endless, soon).expect("starts");
    stage.crew.stop(Order::Drain);
    assert_eq!(stage.returned(patient).1, Exit::Drained);
    let (agent, exit) = stage.returned(endless);
    assert_eq!(exit, Exit::Overran);
    assert!(agent.is_asked && agent.turns_left < u64::MAX, "it was turned in the meantime");
}

#[test]
fn the_second_phase_cuts_what_the_first_did_not_end() {
    let mut stage = Stage::set();
    let endless = Drains { turns_left: u64::MAX, is_asked: false };
    let worker = stage.crew.start(endless, post("endless", Wait::Spin)).expect("starts");
    stage.crew.stop(Order::Drain);
    stage.crew.stop(Order::Cut);
    assert_eq!(stage.returned(worker).1, Exit::Cut);
}

#[test]
fn a_thread_that_hangs_in_a_turn_is_left_and_reported() {
    let mut stage = Stage::set();
    let (release, gate) = sync_channel::<()>(1);
    let (tx, entered) = sync_channel(1);
    let hangs = once(move || {
        let _ = tx.send(());
        let _ = gate.recv();
    });
    let worker = stage.crew.start(hangs, post("hangs", Wait::Park)).expect("starts");
    hear(&entered);
    let pulse = worker.pulse();
    stage.crew.stop(Order::Cut);
    let ended = stage.crew.join(worker, stage.clock.mono());
    assert!(matches!(ended.end, End::Left));
    assert_eq!((ended.name, pulse.state()), ("hangs", State::Running));
    release.send(()).expect("the thread still waits");
}

#[test]
fn a_thread_that_serves_another_outlives_it() {
    let mut stage = Stage::set();
    let engine_post = post("engine", Wait::Park);
    let engine_pulse = engine_post.pulse();
    let gateway_post = post("gateway", Wait::Park).after(engine_post.pulse());
    let served = Arc::new(AtomicBool::new(false));
    let gateway = Serves { served: engine_pulse, was_over: Arc::clone(&served) };
    let gateway = stage.crew.start(gateway, gateway_post).expect("starts");
    let engine = Drains { turns_left: 10, is_asked: false };
    let engine = stage.crew.start(engine, engine_post).expect("starts");
    stage.crew.stop(Order::Drain);
    stage.returned(gateway);
    stage.returned(engine);
    assert!(served.load(Ordering::Acquire));
}

/// Notes whether the thread that it serves was over when it was asked to stop.
struct Serves {
    served: arb::runtime::pulse::PulseView,
    was_over: Arc<AtomicBool>,
}

impl Agent for Serves {
    fn name(&self) -> &'static str {
        "serves"
    }
    fn turn(&mut self, _: Now) -> Turn {
        Turn::Idle
    }
    fn due(&self) -> Option<MonoNs> {
        None
    }
    fn stop(&mut self, _: Now) {
        self.was_over.store(self.served.is_over(), Ordering::Release);
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
    fn each(&self, visit: &mut dyn FnMut(&dyn Agent)) {
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
