//! The end of real threads: falls, the two phases of a stop, and what comes back.

#[path = "support/crew.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::crew::End;
use arb::runtime::crew::Post;
use arb::runtime::drive::Exit;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::pulse::State;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use support::Drains;
use support::Stage;
use support::hear;
use support::once;
use support::post;

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
    assert!(fall.message.starts_with("a planted bug (tests/runtime_stop.rs:"), "{}", fall.message);
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
