//! Histories: the quoted traces, both readings of the source's auto-reset test, the oracle.

use crate::SHUTDOWN;
use crate::cycle;
use crate::live;
use crate::random_severity;
use arb::types::rng::SplitMix64;
use arb::watchdog::limits::Limits;
use arb::watchdog::state::Severity;
use arb::watchdog::state::State;
use arb::watchdog::step::Reason;
use arb::watchdog::step::SoftReset;

/// Severity in each cycle, by its number.
fn trace(severity_at: impl Fn(u32) -> Severity, cycles: u32) -> Vec<(State, Option<SoftReset>)> {
    let mut machine = live(SHUTDOWN);
    let numbers = 0..cycles;
    numbers
        .map(|number| {
            let step = cycle(&mut machine, severity_at(number));
            (machine.state(), step.soft_reset)
        })
        .collect()
}

fn states(severity_at: impl Fn(u32) -> Severity, cycles: u32) -> Vec<State> {
    trace(severity_at, cycles).into_iter().map(|(state, _)| state).collect()
}

/// The cycles in which a soft reset ran, and why.
fn resets(severity_at: impl Fn(u32) -> Severity, cycles: u32) -> Vec<(usize, SoftReset)> {
    let trace = trace(severity_at, cycles).into_iter().enumerate();
    trace.filter_map(|(number, (_, reset))| reset.map(|reset| (number, reset))).collect()
}

fn first(of: State, states: &[State]) -> Option<usize> {
    states.iter().position(|state| *state == of)
}

/// That severity in those cycles, OK in all others.
fn only(severity: Severity, cycles: &[u32]) -> impl Fn(u32) -> Severity {
    move |number| if cycles.contains(&number) { severity } else { Severity::Ok }
}

#[test]
fn a_warn_of_one_cycle_clears_after_five_clean_ones() {
    let states = states(only(Severity::Warn, &[0]), 7);
    assert_eq!(states[..5], [State::Warn; 5]);
    assert_eq!(states[5..], [State::Normal; 2]);
}

#[test]
fn an_error_of_one_cycle_clears_after_twenty_clean_ones() {
    let states = states(only(Severity::Error, &[0]), 22);
    assert_eq!(states[..20], [State::Error; 20]);
    assert_eq!(states[20..], [State::Normal; 2]);
}

#[test]
fn a_transition_says_what_led_to_it() {
    let mut machine = live(SHUTDOWN);
    let mut reasons = Vec::new();
    for number in 0..6 {
        let severity = only(Severity::Warn, &[0])(number);
        reasons.extend(cycle(&mut machine, severity).transition.map(|told| told.reason));
    }
    assert_eq!(reasons, [Reason::Signal, Reason::Cleared]);
}

#[test]
fn strikes_that_decay_early_leave_the_windows_alone() {
    let mut machine = live(Limits { strike_decay_cycles: 3, ..SHUTDOWN });
    let _ = cycle(&mut machine, Severity::Error);
    let cycles = (1..30).find(|_| {
        let _ = cycle(&mut machine, Severity::Ok);
        machine.state() == State::Normal
    });
    assert_eq!((cycles, machine.strikes()), (Some(20), 0));
}

#[test]
fn an_error_that_ends_in_a_warn_passes_through_warn() {
    let late_warn = |number| match number {
        0 => Severity::Error,
        18 => Severity::Warn,
        _ => Severity::Ok,
    };
    let states = states(late_warn, 24);
    assert_eq!(first(State::Warn, &states), Some(20));
    assert_eq!(first(State::Normal, &states), Some(23));
    let expected = [(20, SoftReset::Cleared), (23, SoftReset::Cleared)];
    assert_eq!(resets(late_warn, 24), expected);
}

#[test]
fn a_reconnect_of_five_cycles_is_one_strike_and_over_at_24() {
    let reconnect = |number| if number < 5 { Severity::Error } else { Severity::Ok };
    assert_eq!(first(State::Normal, &states(reconnect, 30)), Some(24));
    let mut machine = live(SHUTDOWN);
    for number in 0..30 {
        let _ = cycle(&mut machine, reconnect(number));
        assert_eq!(machine.strikes(), 1);
    }
}

#[test]
fn a_lasting_error_is_critical_at_its_third_strike() {
    let states = states(|_| Severity::Error, 41);
    assert_eq!(first(State::Critical, &states), Some(40));
}

#[test]
fn an_error_that_flaps_is_critical_as_soon_as_one_that_lasts() {
    let flapping = |number| if number % 2 == 0 { Severity::Error } else { Severity::Ok };
    assert_eq!(first(State::Critical, &states(flapping, 60)), Some(40));
}

#[test]
fn an_error_each_25_cycles_is_critical_at_50() {
    let states = states(|number| if number % 25 == 0 { Severity::Error } else { Severity::Ok }, 60);
    assert_eq!(first(State::Critical, &states), Some(50));
}

#[test]
fn strikes_are_forgotten_after_600_cycles_without_error() {
    let mut machine = live(SHUTDOWN);
    let _ = cycle(&mut machine, Severity::Error);
    for _ in 0..599 {
        let _ = cycle(&mut machine, Severity::Warn);
    }
    assert_eq!(machine.strikes(), 1);
    let _ = cycle(&mut machine, Severity::Warn);
    assert_eq!(machine.strikes(), 0);
}

#[test]
fn an_error_that_never_strikes_never_becomes_critical() {
    let states = states(|_| Severity::ErrorNoStrike, 1_000);
    assert!(states.iter().all(|state| *state == State::Error));
}

/// The source's T2: "WARN 5 cycles → auto-reset", "ERROR 20 cycles → auto-reset", `soft_reset()`
/// is called. Read as "after 5 cycles of WARN".
#[test]
fn a_lasting_condition_is_soft_reset_at_each_period() {
    let warn = resets(|_| Severity::Warn, 17);
    assert_eq!(warn, [5, 10, 15].map(|number| (number, SoftReset::Attempt)));
    let error = resets(|_| Severity::Error, 41);
    assert_eq!(error, [20, 40].map(|number| (number, SoftReset::Attempt)));
    assert!(states(|_| Severity::Warn, 17).iter().all(|state| *state == State::Warn));
}

/// The other reading: "WARN for a cycle, then 5 clean ones".
#[test]
fn a_condition_that_is_over_is_soft_reset_when_it_clears() {
    assert_eq!(resets(only(Severity::Warn, &[0]), 20), [(5, SoftReset::Cleared)]);
    assert_eq!(resets(only(Severity::Error, &[0]), 40), [(20, SoftReset::Cleared)]);
}

#[test]
fn an_attempt_waits_for_the_condition_and_starts_a_new_period() {
    let warn = |number| if (5..8).contains(&number) { Severity::Ok } else { Severity::Warn };
    let expected = [8, 13].map(|number| (number, SoftReset::Attempt));
    assert_eq!(resets(warn, 16), expected);
    let worse = |number| if number < 3 { Severity::Warn } else { Severity::Error };
    assert_eq!(resets(worse, 24), [(23, SoftReset::Attempt)], "a new level, a new period");
}

/// The windows recomputed from the whole history: slow, and obviously right.
fn oracle(history: &[Severity]) -> State {
    let within = |bar: Severity, cycles: usize| {
        let newest = history.iter().rev().take(cycles);
        newest.into_iter().any(|severity| *severity >= bar)
    };
    let mut strikes: Vec<usize> = Vec::new();
    let mut last_error = None;
    for (number, severity) in history.iter().enumerate() {
        if last_error.is_some_and(|last| number - last > 600) {
            strikes.clear();
        }
        let spaced = strikes.last().is_none_or(|last| number - last >= 20);
        if *severity >= Severity::Error && spaced {
            strikes.push(number);
        }
        last_error = if severity.stops_entries() { Some(number) } else { last_error };
    }
    match () {
        _ if strikes.len() >= 3 => State::Critical,
        _ if within(Severity::ErrorNoStrike, 20) => State::Error,
        _ if within(Severity::Warn, 5) => State::Warn,
        _ => State::Normal,
    }
}

#[test]
fn the_state_is_what_the_whole_history_says() {
    let mut critical = 0;
    for seed in 0..60 {
        let (mut rng, mut calm) = (SplitMix64::new(seed, 0), 0);
        let (mut machine, mut history) = (live(SHUTDOWN), Vec::new());
        for _ in 0..900 {
            history.push(random_severity(&mut rng, &mut calm));
            let _ = cycle(&mut machine, history[history.len() - 1]);
            assert_eq!(machine.state(), oracle(&history), "seed {seed}, cycle {}", history.len());
            if machine.state() == State::Critical {
                critical += 1;
                break;
            }
        }
    }
    assert!((10..60).contains(&critical), "{critical} of 60: both ends must occur");
}

#[test]
fn no_five_cycles_hold_more_than_two_soft_resets() {
    let mut most = 0;
    for seed in 0..60 {
        let (mut rng, mut calm) = (SplitMix64::new(seed, 1), 0);
        let mut machine = live(SHUTDOWN);
        let resets: Vec<bool> = (0..600)
            .map(|_| {
                let severity = random_severity(&mut rng, &mut calm);
                cycle(&mut machine, severity).soft_reset.is_some()
            })
            .collect();
        let in_window = |window: &[bool]| window.iter().filter(|reset| **reset).count();
        most = most.max(resets.windows(5).map(in_window).max().unwrap_or(0));
    }
    assert_eq!(most, 2);
}
