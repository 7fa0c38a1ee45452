//! The engine's thread neither touches the heap nor makes a system call but those of its idle
//! policy: over 10⁶ ticks on virtual time (a fifth of them in a debug build), and in the real loop
//! on a caged thread.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::agent::Engine;
use arb::engine::agent::Pace;
use arb::engine::marks::MarkPort;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::crew::Crew;
use arb::runtime::crew::End;
use arb::runtime::crew::Post;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::MARKS;
use arb::runtime::link::Rx;
use arb::runtime::step::Stepper;
use arb::sim::agent::MarketFeed;
use arb::sim::plan::MarketPlan;
use arb::topology::Outlets;
use arb::topology::Plan;
use arb::topology::Plant;
use arb::topology::Site;
use arb::topology::mock_plant;
use arb::types::control::Permission;
use arb::types::mark::Mark;
use arb::types::report::Checkpoints;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use cage::Counting;
use command::HOT;

#[path = "support/cage.rs"]
mod cage;
#[path = "support/command.rs"]
mod command;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A fifth in a debug build, which needs a minute for all of them.
const TICKS: u64 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
const WARM_UP_TICKS: u64 = 10_000;
/// Fills on a caged thread.
const FILLS: u64 = 20;
const PATIENCE: DurNs = DurNs::from_secs(30);

fn plans(start: MonoNs, pace: Pace) -> (Plan, MarketPlan) {
    let loaded = load_bytes("test.yml", HOT.as_bytes(), &Request::default());
    let checked = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked;
    let mut market = MarketPlan::of(checked.engine.instruments.clone(), 28);
    market.updates_per_second = checked.sections.mock.updates_per_second;
    market.start = start;
    let (engine, paper) = (checked.engine, checked.paper);
    (Plan { engine, paper, pace, loops: 0, checkpoints: Checkpoints::default(), seed: 28 }, market)
}

/// Watches the heap while its agent is at work.
struct Watched(Engine);

impl Agent for Watched {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn turn(&mut self, now: Now) -> Turn {
        cage::watch_heap(true);
        let turn = self.0.turn(now);
        cage::watch_heap(false);
        turn
    }
    fn turned(&mut self, ended_at: MonoNs) {
        cage::watch_heap(true);
        self.0.turned(ended_at);
        cage::watch_heap(false);
    }
    fn due(&self) -> Option<MonoNs> {
        self.0.due()
    }
}

/// How much has happened: decisions, pairs opened, pairs closed, fills.
fn done(engine: &Engine) -> [u64; 4] {
    let (core, counts) = (engine.core(), engine.core().counts());
    [engine.progress().decided, counts.opened, counts.closed, core.portfolio().fills]
}

#[test]
fn ticks_with_entries_and_exits_touch_no_heap() {
    let (plan, market) = plans(MonoNs(0), Pace::Every(DurNs::from_secs(1)));
    let (plant, outlets) = mock_plant(&plan, &market, Site::default()).expect("a plant");
    let Plant { mut feeds, mut engine, mut gateway, permission, .. } = plant;
    let marks = marked(&mut engine);
    permission.grant(Permission::Trade, MonoNs(u64::MAX));
    let mut engine = Watched(engine);
    let mut stepper = Stepper::at(WallNs(0)).timed_by(Clock::start());
    let (mut before, mut taken) = (None, 0);
    loop {
        let [first, second] = feeds.as_mut_slice() else { panic!("two venues") };
        stepper.step(&mut [first, second, &mut engine, &mut gateway]);
        drain(&outlets);
        taken += std::iter::from_fn(|| marks.take()).count() as u64;
        let [ticks, ..] = done(&engine.0);
        if before.is_none() && ticks >= WARM_UP_TICKS {
            before = Some((cage::heap_touches(), done(&engine.0)));
        }
        if ticks >= WARM_UP_TICKS + TICKS {
            break;
        }
    }
    let (touches, was) = before.expect("a warm-up");
    let is = done(&engine.0);
    let grown: Vec<u64> = is.iter().zip(was).map(|(is, was)| is - was).collect();
    let used = cage::heap_touches() - touches;
    println!("ticks, pairs opened, pairs closed, fills: {grown:?}; heap used {used} times");
    assert_eq!(used, 0, "the engine's turns use the heap");
    assert!(taken > 2 * TICKS, "{taken} marks of what the engine took");
    assert!(grown[0] >= TICKS && grown[1..].iter().all(|count| *count > 100), "{grown:?}");
}

#[test]
fn the_counting_allocator_sees_what_a_watched_thread_does() {
    let before = cage::heap_touches();
    cage::watch_heap(true);
    drop(std::hint::black_box(Box::new(7_u64)));
    cage::watch_heap(false);
    drop(std::hint::black_box(Box::new(7_u64)));
    assert_eq!(cage::heap_touches() - before, 2, "one allocation, one release");
}

/// The engine is marked as in a recorded run; gives the marks.
fn marked(engine: &mut Engine) -> Rx<Mark> {
    let (link, marks) = MARKS.open();
    engine.mark_to(Some(MarkPort { link, is_broken: Arc::default() }));
    marks
}

fn drain(outlets: &Outlets) {
    while outlets.facts.take().is_some() {}
    while outlets.reports.take().is_some() {}
}

/// Cages its thread in its first turn and watches the heap from then until it is asked to stop.
struct Caged {
    engine: Engine,
    is_caged: Option<bool>,
    fills: Arc<AtomicU64>,
    touches: u64,
    /// Ends its turns with a call that is not allowed.
    misbehaves: bool,
}

impl Agent for Caged {
    fn name(&self) -> &'static str {
        "engine"
    }
    fn turn(&mut self, now: Now) -> Turn {
        if self.is_caged.is_none() {
            self.is_caged = Some(cage::cage());
            cage::watch_heap(true);
        }
        let turn = self.engine.turn(now);
        if std::mem::take(&mut self.misbehaves) {
            cage::forbidden_call();
        }
        self.fills.store(self.engine.core().portfolio().fills, Ordering::Relaxed);
        turn
    }
    fn turned(&mut self, ended_at: MonoNs) {
        self.engine.turned(ended_at);
    }
    fn due(&self) -> Option<MonoNs> {
        self.engine.due()
    }
    fn stop(&mut self, now: Now) {
        cage::watch_heap(false);
        self.touches = cage::heap_touches();
        self.engine.stop(now);
    }
    fn is_drained(&self) -> bool {
        self.engine.is_drained()
    }
}

/// An engine on a thread of its own, beside feeds and gateway on theirs; the caged agent returns.
fn run_caged(wait: Wait, misbehaves: bool) -> Caged {
    let clock = Clock::start();
    let (plan, market) = plans(clock.mono(), Pace::Every(DurNs::from_ms(100)));
    let post = |name, wait| Post::new(name, wait, PATIENCE);
    let (engine_post, gateway_post) = (post("engine", wait), post("gateway", Wait::Park));
    let feeds_posts = ["feed-upbit", "feed-binance"].map(|name| post(name, Wait::Park));
    let (engine, gateway) = (engine_post.waker(), gateway_post.waker());
    let site = Site { engine, gateway, ..Site::default() };
    let (plant, outlets) = mock_plant(&plan, &market, site).expect("a plant");
    let Plant { feeds, mut engine, gateway, permission, .. } = plant;
    let marks = marked(&mut engine);
    permission.grant(Permission::Trade, MonoNs(u64::MAX));
    let fills = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&fills);
    let engine = Caged { engine, is_caged: None, fills, touches: u64::MAX, misbehaves };
    let mut crew = Crew::new(clock, permission);
    let gateway_post = gateway_post.after(engine_post.pulse());
    let gateway = crew.start(gateway, gateway_post).expect("a thread");
    let engine = crew.start(engine, engine_post).expect("a thread");
    let start = |(feed, post): (MarketFeed, Post)| crew.start(feed, post).expect("a thread");
    let feeds: Vec<_> = feeds.into_iter().zip(feeds_posts).map(start).collect();
    let by = clock.mono().plus(PATIENCE);
    while count.load(Ordering::Relaxed) < FILLS {
        assert!(clock.mono() < by, "no fills on the caged thread");
        drain(&outlets);
        while marks.take().is_some() {}
        crew.wait_until(clock.mono().plus(DurNs::from_ms(5)));
    }
    crew.stop(Order::Drain);
    let by = clock.mono().plus(PATIENCE);
    let End::Returned(engine, _) = crew.join(engine, by).end else { panic!("no engine") };
    crew.join(gateway, by);
    feeds.into_iter().for_each(|feed| drop(crew.join(feed, by)));
    engine
}

#[test]
fn on_its_thread_the_engine_makes_no_system_call_but_to_rest_and_touches_no_heap() {
    for wait in [Wait::Park, Wait::Yield] {
        let (before, _) = cage::trapped();
        let engine = run_caged(wait, false);
        if engine.is_caged == Some(false) {
            println!("system calls NOT CHECKED: this system offers no seccomp filter");
        }
        let (after, call) = cage::trapped();
        assert_eq!(after - before, 0, "{wait:?}: the engine made system call {call}");
        assert_eq!(engine.touches, 0, "{wait:?}: the engine's loop uses the heap");
    }
    let (before, _) = cage::trapped();
    let engine = run_caged(Wait::Park, true);
    let expected = u64::from(engine.is_caged == Some(true));
    assert_eq!(cage::trapped().0 - before, expected, "a forbidden call has to be seen");
}
