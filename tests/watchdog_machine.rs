//! The watchdog's machine against its specification, through its public face.

#[path = "watchdog/critical.rs"]
mod critical;
#[path = "watchdog/monotone.rs"]
mod monotone;
#[path = "watchdog/traces.rs"]
mod traces;

use arb::types::rng::SplitMix64;
use arb::types::time::DurNs;
use arb::watchdog::limits::CRITICAL_MEMORY;
use arb::watchdog::limits::DRAIN_LIMIT;
use arb::watchdog::limits::Limits;
use arb::watchdog::limits::OnCritical;
use arb::watchdog::machine::Machine;
use arb::watchdog::permission::TICK;
use arb::watchdog::state::Severity;
use arb::watchdog::state::State;
use arb::watchdog::step::Drain;
use arb::watchdog::step::Standing;
use arb::watchdog::step::Step;
use arb::watchdog::step::Tick;

const LIMITS: Limits = Limits {
    warn_reset_cycles: 5,
    error_reset_cycles: 20,
    strike_decay_cycles: 600,
    entry_hold: DurNs::from_secs(10),
    on_critical: OnCritical::Cooldown,
    cooldown: DurNs::from_secs(60),
    drain: DRAIN_LIMIT,
    critical_memory: CRITICAL_MEMORY,
};
const SHUTDOWN: Limits = Limits { on_critical: OnCritical::Shutdown, ..LIMITS };
const SECOND: DurNs = DurNs::from_secs(1);

const fn at(severity: Severity, elapsed: DurNs) -> Tick {
    Tick { elapsed, severity, drain: Drain::Running, reconciled: true }
}

/// A machine that has started and trades.
fn live(limits: Limits) -> Machine {
    let mut machine = Machine::new(limits, Standing::default());
    let step = machine.tick(at(Severity::Ok, TICK));
    assert_eq!(step.transition.map(|transition| transition.to), Some(State::Normal));
    machine
}

/// One cycle in which one tick saw that severity.
fn cycle(machine: &mut Machine, severity: Severity) -> Step {
    let early = machine.tick(at(severity, TICK));
    let late = machine.cycle(severity);
    Step {
        transition: early.transition.or(late.transition),
        soft_reset: late.soft_reset,
        persist: early.persist.or(late.persist),
    }
}

/// Mostly clean, with bursts; long quiet stretches let strikes decay.
fn random_severity(rng: &mut SplitMix64, calm: &mut u64) -> Severity {
    if *calm > 0 {
        *calm -= 1;
        return Severity::Ok;
    }
    *calm = match rng.below(8) {
        0 => rng.below(700),
        1..4 => rng.below(30),
        _ => 0,
    };
    Severity::ALL[rng.below(4) as usize]
}
