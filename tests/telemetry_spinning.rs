//! CPU use without spinning threads. One test, so that nothing else of this binary uses a core.

#![allow(clippy::expect_used, reason = "a machine that shows no process must fail loudly")]

#[path = "support/crew.rs"]
mod crew;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::pulse::PulseView;
use arb::telemetry::process::Gauges;
use arb::telemetry::process::ProcessGauges;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;

use crate::crew::PATIENCE;
use crate::crew::Stage;
use crate::crew::once;
use crate::crew::post;

/// So much work that the steps of the kernel's clock (10 ms) do not matter.
const STEPS: u64 = 50;

/// CPU time of a thread in the kernel's steps; 0 before it runs.
fn steps(pulse: &PulseView) -> u64 {
    let stat = fs::read_to_string(format!("/proc/self/task/{}/stat", pulse.tid()));
    let stat = stat.unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    fields.get(12..14).map_or(0, |two| two.iter().filter_map(|n| n.parse::<u64>().ok()).sum())
}

/// The gauges after a thread has had that much CPU time, idle with this policy or at work.
fn gauges_beside(wait: Wait, work: fn(&AtomicBool)) -> Gauges {
    let is_read = Arc::<AtomicBool>::default();
    let until = Arc::clone(&is_read);
    let mut stage = Stage::set();
    let mut gauges = ProcessGauges::new().expect("a system with processes");
    let worker =
        stage.crew.start(once(move || work(&until)), post("beside", wait)).expect("starts");
    gauges.watch([worker.pulse()]);
    let clock = Clock::start();
    while steps(&worker.pulse()) < STEPS {
        assert!(clock.mono().since(MonoNs(0)) < PATIENCE, "no core for the thread");
        stage.crew.wait_until(stage.clock.mono().plus(DurNs::from_ms(20)));
    }
    let read = gauges.read().expect("a reading");
    is_read.store(true, Ordering::Relaxed);
    stage.crew.stop(Order::Drain);
    stage.returned(worker);
    read
}

fn work(until: &AtomicBool) {
    while !until.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

#[test]
fn a_thread_that_spins_is_left_out_of_the_load_and_one_that_works_is_not() {
    let spinning = gauges_beside(Wait::Spin, |_| ());
    assert!(spinning.cpu_pct > 0.0, "{spinning:?}");
    assert!(spinning.busy_pct * 4.0 < spinning.cpu_pct, "{spinning:?}");
    let working = gauges_beside(Wait::Park, work);
    assert!(working.busy_pct * 2.0 > working.cpu_pct, "{working:?}");
}
