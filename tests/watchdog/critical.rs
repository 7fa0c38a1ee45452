//! The life of a CRITICAL: from its cause over drain and cooldown to the next process.

use crate::LIMITS;
use crate::SECOND;
use crate::SHUTDOWN;
use crate::at;
use crate::cycle;
use crate::live;
use arb::types::control::Permission;
use arb::types::time::DurNs;
use arb::watchdog::limits::CRITICAL_MEMORY;
use arb::watchdog::machine::Machine;
use arb::watchdog::permission::TICK;
use arb::watchdog::state::Ending;
use arb::watchdog::state::Severity;
use arb::watchdog::state::State;
use arb::watchdog::step::Drain;
use arb::watchdog::step::Reason;
use arb::watchdog::step::Standing;
use arb::watchdog::step::Step;
use arb::watchdog::step::Tick;

#[test]
fn an_error_costs_entries_for_its_hold_only_and_not_for_its_cycles() {
    let mut machine = live(LIMITS);
    assert_eq!(machine.permission(), Permission::Trade);
    let _ = cycle(&mut machine, Severity::Error);
    assert_eq!((machine.state(), machine.permission()), (State::Error, Permission::Finish));
    let _ = machine.tick(at(Severity::Warn, DurNs::from_ms(9_999)));
    assert_eq!(machine.permission(), Permission::Finish);
    let _ = machine.tick(at(Severity::Warn, DurNs::from_ms(1)));
    assert_eq!((machine.state(), machine.permission()), (State::Error, Permission::Trade));
}

#[test]
fn a_fatal_signal_is_critical_in_its_tick_from_every_state_before_the_end() {
    for severity in [Severity::Fatal, Severity::Halt] {
        let mut boot = Machine::new(LIMITS, Standing::default());
        let mut cooling = in_cooldown();
        let mut normal = live(LIMITS);
        for machine in [&mut boot, &mut cooling, &mut normal] {
            let from = machine.state();
            let step = machine.tick(at(severity, TICK));
            let transition = step.transition.expect("a transition");
            assert_eq!((transition.from, transition.to), (from, State::Critical));
            assert_eq!(transition.reason, Reason::Signal);
            assert_eq!(machine.permission(), Permission::Reduce);
        }
    }
}

#[test]
fn a_fatal_cycle_is_critical_even_if_no_tick_saw_it() {
    let mut machine = live(LIMITS);
    let _ = machine.cycle(Severity::Fatal);
    assert_eq!(machine.state(), State::Critical);
}

fn drained(machine: &mut Machine, drain: Drain) -> Step {
    machine.tick(Tick { elapsed: TICK, severity: Severity::Ok, drain, reconciled: false })
}

fn in_cooldown() -> Machine {
    let mut machine = live(LIMITS);
    let _ = machine.tick(at(Severity::Fatal, TICK));
    let _ = drained(&mut machine, Drain::Clean);
    assert_eq!(machine.state(), State::Cooldown);
    machine
}

#[test]
fn a_drain_that_does_not_end_in_time_has_failed() {
    let mut machine = live(LIMITS);
    let _ = machine.tick(at(Severity::Fatal, TICK));
    let _ = machine.tick(at(Severity::Ok, DurNs::from_ms(14_999)));
    assert_eq!(machine.state(), State::Critical);
    let step = machine.tick(at(Severity::Ok, DurNs::from_ms(1)));
    assert_eq!(machine.state(), State::Exit(Ending::Unhedged));
    assert_eq!(step.transition.map(|transition| transition.reason), Some(Reason::DrainFailed));
    assert_eq!(machine.permission(), Permission::Query);
}

#[test]
fn critical_ends_as_its_drain_and_the_configuration_say() {
    let cases = [
        (SHUTDOWN, Severity::Fatal, Drain::Clean, State::Exit(Ending::Flat)),
        (SHUTDOWN, Severity::Fatal, Drain::Dirty, State::Exit(Ending::Unhedged)),
        (SHUTDOWN, Severity::Halt, Drain::Clean, State::Exit(Ending::Halted)),
        (LIMITS, Severity::Fatal, Drain::Clean, State::Cooldown),
        (LIMITS, Severity::Fatal, Drain::Dirty, State::Exit(Ending::Unhedged)),
        (LIMITS, Severity::Halt, Drain::Clean, State::Exit(Ending::Halted)),
        (LIMITS, Severity::Halt, Drain::Dirty, State::Exit(Ending::Unhedged)),
    ];
    for (limits, severity, drain, end) in cases {
        let mut machine = live(limits);
        let _ = machine.tick(at(severity, TICK));
        let _ = drained(&mut machine, drain);
        assert_eq!(machine.state(), end, "{severity:?}, {drain:?}");
    }
}

#[test]
fn trading_resumes_after_the_time_the_clean_cycles_and_the_reconciliation() {
    let ready = |seconds: u64, cycles: u32, reconciled: bool| {
        let mut machine = in_cooldown();
        let _ = machine.cycle(Severity::Error);
        let before = DurNs(DurNs::from_secs(seconds).0 - TICK.0);
        let _ = machine.tick(Tick { reconciled: false, ..at(Severity::Ok, before) });
        for _ in 0..cycles {
            let _ = machine.cycle(Severity::Ok);
        }
        let _ = machine.tick(Tick { reconciled, ..at(Severity::Ok, TICK) });
        machine.state()
    };
    assert_eq!(ready(60, 20, true), State::Normal);
    assert_eq!(ready(59, 20, true), State::Cooldown);
    assert_eq!(ready(60, 19, true), State::Cooldown);
    assert_eq!(ready(60, 20, false), State::Cooldown);
}

fn resume(machine: &mut Machine) -> Step {
    for _ in 0..20 {
        let _ = machine.cycle(Severity::Ok);
    }
    let step = machine.tick(at(Severity::Ok, DurNs::from_secs(60)));
    assert!(machine.state().is_live(), "{machine:?}");
    step
}

#[test]
fn nothing_resumes_in_a_tick_with_an_error() {
    let mut machine = in_cooldown();
    for _ in 0..20 {
        let _ = machine.cycle(Severity::Ok);
    }
    let _ = machine.tick(at(Severity::ErrorNoStrike, DurNs::from_secs(60)));
    assert_eq!(machine.state(), State::Cooldown);
    let _ = machine.tick(at(Severity::Warn, TICK));
    assert_eq!(machine.state(), State::Normal);
}

#[test]
fn a_resumed_run_is_on_probation() {
    let mut machine = in_cooldown();
    let _ = resume(&mut machine);
    assert_eq!(machine.strikes(), 2);
    let step = cycle(&mut machine, Severity::Error);
    assert_eq!(machine.state(), State::Critical);
    assert_eq!(step.transition.map(|transition| transition.reason), Some(Reason::Strikes));
}

#[test]
fn a_run_that_resumes_after_a_warn_is_in_warn() {
    let mut machine = in_cooldown();
    for number in 0..20 {
        let _ = machine.cycle(if number == 17 { Severity::Warn } else { Severity::Ok });
    }
    let _ = machine.tick(at(Severity::Ok, DurNs::from_secs(60)));
    assert_eq!(machine.state(), State::Warn);
}

#[test]
fn the_third_critical_in_a_day_ends_the_run() {
    let mut machine = in_cooldown();
    for _ in 0..2 {
        let _ = resume(&mut machine);
        let _ = machine.tick(at(Severity::Fatal, TICK));
        let _ = drained(&mut machine, Drain::Clean);
    }
    assert_eq!(machine.state(), State::Exit(Ending::CrashLoop));
}

#[test]
fn a_critical_is_forgotten_after_a_day() {
    let mut machine = in_cooldown();
    let _ = resume(&mut machine);
    let _ = machine.tick(at(Severity::Fatal, TICK));
    let _ = drained(&mut machine, Drain::Clean);
    let _ = resume(&mut machine);
    let _ = machine.tick(at(Severity::Ok, DurNs(CRITICAL_MEMORY.0 - DurNs::from_secs(61).0)));
    let _ = machine.tick(at(Severity::Fatal, TICK));
    let _ = drained(&mut machine, Drain::Clean);
    assert_eq!(machine.state(), State::Cooldown, "the first one is over a day old");
}

#[test]
fn a_fatal_that_outlasts_its_drain_is_waited_for_until_the_deadline() {
    let lasting = |elapsed| Tick { drain: Drain::Clean, ..at(Severity::Fatal, elapsed) };
    let mut machine = live(LIMITS);
    let _ = machine.tick(at(Severity::Fatal, TICK));
    let _ = machine.tick(lasting(DurNs::from_ms(14_999)));
    assert_eq!(machine.state(), State::Critical);
    let mut patient = machine.clone();
    let _ = drained(&mut patient, Drain::Clean);
    assert_eq!(patient.state(), State::Cooldown);
    let _ = machine.tick(lasting(DurNs::from_ms(1)));
    assert_eq!(machine.state(), State::Cooldown);
    let _ = machine.tick(lasting(TICK));
    assert_eq!(machine.state(), State::Critical, "it is still there");
}

#[test]
fn a_run_that_ends_does_not_wait_for_its_fatal_to_end() {
    for (limits, severity) in [(SHUTDOWN, Severity::Fatal), (LIMITS, Severity::Halt)] {
        let mut machine = live(limits);
        let _ = machine.tick(at(severity, TICK));
        let _ = machine.tick(Tick { drain: Drain::Clean, ..at(severity, TICK) });
        assert!(matches!(machine.state(), State::Exit(_)), "{machine:?}");
    }
}

#[test]
fn faults_count_apart_when_a_whole_cooldown_lies_between_them() {
    for (apart, end) in [(60, State::Exit(Ending::CrashLoop)), (59, State::Cooldown)] {
        let mut machine = live(LIMITS);
        for _ in 0..3 {
            let _ = machine.tick(at(Severity::Fatal, TICK));
            let _ = drained(&mut machine, Drain::Clean);
            let rest = DurNs(DurNs::from_secs(apart).0 - 2 * TICK.0);
            let _ = machine.tick(Tick { reconciled: false, ..at(Severity::Ok, rest) });
        }
        assert_eq!(machine.state(), end, "{apart} s apart");
    }
}

#[test]
fn one_lasting_fault_counts_once_per_cooldown() {
    let mut machine = live(LIMITS);
    let mut seconds = 0;
    while !matches!(machine.state(), State::Exit(_)) {
        let tick = Tick { drain: Drain::Clean, ..at(Severity::Fatal, SECOND) };
        let _ = machine.tick(tick);
        seconds += 1;
        assert!(seconds < 1_000, "a fault that never ends must end the run");
    }
    assert_eq!(machine.state(), State::Exit(Ending::CrashLoop));
    assert!((120..150).contains(&seconds), "counted at 0, 60 and 120 s, then drained: {seconds}");
}

#[test]
fn a_halt_during_a_drain_ends_the_run_after_it() {
    let mut machine = live(LIMITS);
    let _ = machine.tick(at(Severity::Fatal, TICK));
    let _ = machine.tick(at(Severity::Halt, TICK));
    let _ = drained(&mut machine, Drain::Clean);
    assert_eq!(machine.state(), State::Exit(Ending::Halted));
}

#[test]
fn a_stop_drains_and_ends_well_only_if_nothing_one_sided_is_left() {
    for (drain, ending) in [(Drain::Clean, Ending::Done), (Drain::Dirty, Ending::Unhedged)] {
        let mut machine = live(LIMITS);
        let step = machine.stop();
        assert_eq!(step.transition.map(|transition| transition.reason), Some(Reason::StopAsked));
        assert_eq!((machine.state(), machine.permission()), (State::Stopping, Permission::Reduce));
        let _ = machine.tick(at(Severity::Halt, TICK));
        assert_eq!(machine.state(), State::Stopping, "it is draining already");
        let _ = drained(&mut machine, drain);
        assert_eq!(machine.state(), State::Exit(ending));
        assert_eq!(machine.stop(), Step::default());
    }
}

#[test]
fn a_stop_during_critical_replaces_its_cooldown_but_not_its_shutdown() {
    for (limits, ending) in [(LIMITS, Ending::Done), (SHUTDOWN, Ending::Flat)] {
        let mut machine = live(limits);
        let _ = machine.tick(at(Severity::Fatal, TICK));
        assert_eq!(machine.stop(), Step::default());
        assert_eq!(machine.state(), State::Critical);
        let _ = drained(&mut machine, Drain::Clean);
        assert_eq!(machine.state(), State::Exit(ending));
    }
}

#[test]
fn a_start_asks_only_until_it_is_reconciled() {
    let mut machine = Machine::new(LIMITS, Standing::default());
    assert_eq!((machine.state(), machine.permission()), (State::Boot, Permission::Query));
    let _ = machine.tick(Tick { reconciled: false, ..at(Severity::Ok, DurNs::from_secs(99)) });
    assert_eq!(machine.permission(), Permission::Query);
    let _ = cycle(&mut machine, Severity::Error);
    assert_eq!((machine.state(), machine.permission()), (State::Error, Permission::Finish));
    assert_eq!(machine.strikes(), 1);
}

#[test]
fn a_cooldown_outlives_the_process_that_earned_it() {
    let mut machine = live(SHUTDOWN);
    let killed = machine.tick(at(Severity::Fatal, TICK)).persist;
    let ended = drained(&mut machine, Drain::Clean).persist;
    for standing in [killed, ended].map(|kept| kept.expect("a record at each step")) {
        assert_eq!(standing.cooldown_left, LIMITS.cooldown);
        assert!(standing.criticals_left[0] > DurNs(0));
        let mut next = Machine::new(SHUTDOWN, standing);
        let _ = next.tick(at(Severity::Ok, DurNs::from_ms(59_999)));
        assert_eq!(next.permission(), Permission::Query);
        let resumed = next.tick(at(Severity::Ok, DurNs::from_ms(1))).persist;
        assert_eq!((next.state(), next.strikes()), (State::Normal, 0));
        let resumed = resumed.expect("a record that the cooldown is over");
        assert_eq!(resumed.cooldown_left, DurNs(0));
        assert!(resumed.criticals_left[0] > DurNs(0), "the CRITICAL itself is remembered");
    }
}

#[test]
fn the_third_critical_counts_across_processes() {
    let mut standing = Standing::default();
    let mut endings = Vec::new();
    for _ in 0..3 {
        let mut machine = Machine::new(SHUTDOWN, standing);
        let _ = machine.tick(at(Severity::Ok, DurNs::from_secs(60)));
        let _ = machine.tick(at(Severity::Fatal, TICK));
        standing = drained(&mut machine, Drain::Clean).persist.expect("a record");
        endings.push(machine.state());
    }
    let flat = State::Exit(Ending::Flat);
    assert_eq!(endings, [flat, flat, State::Exit(Ending::CrashLoop)]);
}
