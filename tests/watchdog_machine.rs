//! The watchdog's machine against its specification: the quoted traces, both readings of the
//! source's auto-reset test, an oracle over whole histories, monotonicity, and the life of a
//! CRITICAL from its cause to the next process.

use std::collections::HashSet;

use arb::types::control::Permission;
use arb::types::rng::SplitMix64;
use arb::types::time::DurNs;
use arb::watchdog::limits::CRITICAL_MEMORY;
use arb::watchdog::limits::DRAIN_LIMIT;
use arb::watchdog::limits::Limits;
use arb::watchdog::limits::OnCritical;
use arb::watchdog::machine::Machine;
use arb::watchdog::permission::TICK;
use arb::watchdog::state::Ending;
use arb::watchdog::state::Severity;
use arb::watchdog::state::State;
use arb::watchdog::step::Drain;
use arb::watchdog::step::Reason;
use arb::watchdog::step::SoftReset;
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

/// How far a state is from trading freely. States in which nothing is opened or finished are one.
fn rank(machine: &Machine) -> (u8, u8) {
    let state = match machine.state() {
        State::Normal => 0,
        State::Warn => 1,
        State::Error => 2,
        _ => 3,
    };
    let permission = match machine.permission() {
        Permission::Trade => 0,
        Permission::Finish => 1,
        _ => 2,
    };
    (state, permission)
}

fn assert_no_freer(worse: &Machine, better: &Machine) {
    let (worse_rank, better_rank) = (rank(worse), rank(better));
    let monotone = worse_rank.0 >= better_rank.0 && worse_rank.1 >= better_rank.1;
    assert!(monotone, "a worse past gave a freer state:\n{worse:?}\n{better:?}");
}

/// Both machines take a tick and a cycle, the second with a severity that is nowhere better.
fn step_pair((better, worse): &mut (Machine, Machine), severities: [Severity; 2]) {
    for (machine, severity) in [better, worse].into_iter().zip(severities) {
        let _ = machine.tick(Tick { drain: Drain::Clean, ..at(severity, SECOND) });
        let _ = machine.cycle(severity);
    }
}

/// All pairs of states that a history and a worse one can reach together.
fn search_pairs(limits: Limits) -> usize {
    let start = live(limits);
    let mut seen = HashSet::from([(start.clone(), start.clone())]);
    let mut waiting = vec![(start.clone(), start)];
    let all = Severity::ALL.iter().flat_map(|a| Severity::ALL.iter().map(|b| [*a, *b]));
    let ordered: Vec<[Severity; 2]> = all.filter(|[better, worse]| better <= worse).collect();
    while let Some(pair) = waiting.pop() {
        for severities in &ordered {
            let mut next = pair.clone();
            step_pair(&mut next, *severities);
            assert_no_freer(&next.1, &next.0);
            if seen.insert(next.clone()) {
                waiting.push(next);
            }
        }
    }
    seen.len()
}

/// Remembering a CRITICAL no longer than a cooldown keeps the count below three: that a run with
/// three spaced faults ends, while one with a single endless fault only rests, is no matter of
/// being freer. Cooldowns are shorter than E cycles here, as they are in every shipped file.
#[test]
fn a_worse_history_never_gives_a_freer_state() {
    for on_critical in [OnCritical::Shutdown, OnCritical::Cooldown] {
        let pairs = search_pairs(Limits {
            warn_reset_cycles: 1,
            error_reset_cycles: 2,
            strike_decay_cycles: 4,
            entry_hold: SECOND,
            on_critical,
            cooldown: SECOND,
            drain: SECOND,
            critical_memory: SECOND,
        });
        assert!(pairs > 300, "only {pairs} pairs: the search is cut short");
    }
}

#[test]
fn a_worse_history_never_gives_a_freer_state_with_the_limits_of_production() {
    let mut parted = 0;
    for seed in 0..100 {
        let (mut rng, mut calm) = (SplitMix64::new(seed, 2), 0);
        let mut pair = (live(SHUTDOWN), live(SHUTDOWN));
        for _ in 0..500 {
            let better = random_severity(&mut rng, &mut calm);
            let extra = Severity::ALL[rng.below(4) as usize];
            let worse = if rng.below(16) == 0 { better.max(extra) } else { better };
            step_pair(&mut pair, [better, worse]);
            assert_no_freer(&pair.1, &pair.0);
            parted += u32::from(rank(&pair.0) != rank(&pair.1));
        }
    }
    assert!(parted > 1_000, "the histories must differ in their effect: {parted}");
}

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
