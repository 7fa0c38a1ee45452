//! The machine's invariants (`FAULTS.md` 3.4), checked on every reachable state, with the constants
//! of production, on the function of production.
//!
//! Ticks, cycles and the request to stop come in any order, so every cycle length is covered, the
//! zero one included. Time moves in units of the entry hold. Three reductions keep the set of
//! states small; none hides a behaviour: a number that nothing reads any more in a phase is put to
//! one value; the hold, on which no phase depends, is tried running and over at every tick; and a
//! remembered CRITICAL that is older than a cooldown keeps its age until a step of its own,
//! possible at any time, forgets the oldest one.
//!
//! Strikes decay after 600 cycles where CRITICAL ends the run. Where it is survived the states are
//! thirty times as many, and the decay is scaled so that every ordinary test run can afford it.

use crate::types::control::Permission;
use crate::types::time::DurNs;
use crate::watchdog::limits::CRITICAL_MEMORY;
use crate::watchdog::limits::DRAIN_LIMIT;
use crate::watchdog::limits::Limits;
use crate::watchdog::limits::OnCritical;
use crate::watchdog::machine::Machine;
use crate::watchdog::machine::Phase;
use crate::watchdog::machine::Then;
use crate::watchdog::permission::EntryHold;
use crate::watchdog::proof::keys::KeySet;
use crate::watchdog::proof::keys::pack;
use crate::watchdog::proof::keys::unpack;
use crate::watchdog::state::Ending;
use crate::watchdog::state::Severity;
use crate::watchdog::state::State;
use crate::watchdog::step::CRITICALS;
use crate::watchdog::step::Drain;
use crate::watchdog::step::Standing;
use crate::watchdog::step::Step;
use crate::watchdog::step::Tick;
use crate::watchdog::windows::STRIKES;
use crate::watchdog::windows::Windows;

mod keys;

const W: u32 = 5;
const E: u32 = 20;
const UNIT: DurNs = DurNs::from_secs(10);
const COOLDOWN: DurNs = DurNs::from_secs(60);

fn limits(on_critical: OnCritical, strike_decay_cycles: u32) -> Limits {
    Limits {
        warn_reset_cycles: W,
        error_reset_cycles: E,
        strike_decay_cycles,
        entry_hold: UNIT,
        on_critical,
        cooldown: COOLDOWN,
        drain: DRAIN_LIMIT,
        critical_memory: CRITICAL_MEMORY,
    }
}

#[test]
fn invariants_hold_in_every_reachable_state_when_critical_ends_the_run() {
    let states = Explorer::new(limits(OnCritical::Shutdown, 600)).explore(0);
    assert!(states > 100_000, "only {states} states: the search is cut short");
}

#[test]
fn invariants_hold_in_every_reachable_state_when_critical_is_survived() {
    let decay = if cfg!(debug_assertions) { 24 } else { 200 };
    let states = Explorer::new(limits(OnCritical::Cooldown, decay)).explore(CRITICALS);
    assert!(states > 100_000, "only {states} states: the search is cut short");
}

/// Breadth-first search over packed states.
struct Explorer {
    limits: Limits,
    seen: KeySet,
    waiting: Vec<u64>,
}

impl Explorer {
    fn new(limits: Limits) -> Explorer {
        Explorer { limits, seen: KeySet::new(), waiting: Vec::new() }
    }

    /// Every start with up to that many remembered CRITICAL states, then everything that follows.
    /// The number of states.
    fn explore(mut self, most_remembered: usize) -> usize {
        for cooldown_left in [DurNs(0), COOLDOWN] {
            for remembered in 0..=most_remembered {
                let mut criticals_left = [DurNs(0); CRITICALS];
                criticals_left[..remembered].fill(DurNs(CRITICAL_MEMORY.0 - COOLDOWN.0));
                let standing = Standing { cooldown_left, criticals_left };
                self.visit(&Machine::new(self.limits.clone(), standing));
            }
        }
        let mut machine = Machine::new(self.limits.clone(), Standing::default());
        while let Some(key) = self.waiting.pop() {
            unpack(key, &mut machine);
            self.expand(&machine);
        }
        self.seen.len
    }

    fn visit(&mut self, machine: &Machine) {
        let key = pack(machine);
        if self.seen.insert(key) {
            self.waiting.push(key);
        }
    }

    fn expand(&mut self, before: &Machine) {
        let mut after = before.clone();
        for severity in Severity::ALL {
            for tick in ticks(before.phase, severity).into_iter().flatten() {
                restore(&mut after, before);
                let step = after.tick(tick);
                check_tick(before, tick, (&after, step));
                self.visit(&after);
                restore(&mut after, before);
                after.hold = EntryHold { left: DurNs(2 * UNIT.0) };
                let _ = after.tick(tick);
                assert!(after.permission() < Permission::Trade, "I1: no entry within the hold");
            }
            restore(&mut after, before);
            let step = after.cycle(severity);
            check_cycle(before, severity, (&after, step));
            self.visit(&after);
        }
        restore(&mut after, before);
        let step = after.stop();
        check_step(before, &after, step);
        check_stop(before, &after);
        self.visit(&after);
        restore(&mut after, before);
        if let Some(oldest) = after.criticals.left.iter_mut().rev().find(|left| left.0 > 0) {
            *oldest = DurNs(0);
            self.visit(&after);
        }
    }
}

/// The ticks that can make a difference in that phase.
fn ticks(phase: Phase, severity: Severity) -> [Option<Tick>; 3] {
    let (drain, reconciled) = (Drain::Running, false);
    let tick = Tick { elapsed: UNIT, severity, drain, reconciled };
    match phase {
        Phase::Draining { .. } => {
            [Drain::Clean, Drain::Running, Drain::Dirty].map(|drain| Some(Tick { drain, ..tick }))
        }
        Phase::Boot { .. } | Phase::Cooldown { .. } => {
            [Some(tick), Some(Tick { reconciled: true, ..tick }), None]
        }
        Phase::Live { .. } | Phase::Ended(_) => [Some(tick), None, None],
    }
}

fn check_tick(before: &Machine, tick: Tick, (after, step): (&Machine, Step)) {
    check_step(before, after, step);
    let (from, to) = (before.state(), after.state());
    let entries = after.permission() == Permission::Trade;
    let may = to.is_live() && !tick.severity.stops_entries();
    assert_eq!(entries, may, "I1, I3: entries in live states only, and never in an ERROR");
    assert_eq!(before.windows.since_error, after.windows.since_error, "ticks move no window");
    let free = from.is_live() || matches!(from, State::Boot | State::Cooldown);
    if free && tick.severity.is_fatal() {
        assert_eq!(to, State::Critical, "I4: FATAL is CRITICAL in one step");
    }
    match (before.phase, after.phase) {
        (Phase::Draining { left, .. }, Phase::Draining { left: then, .. }) => {
            assert!(then.0 > 0, "I10: a drain ends at its deadline");
            assert_eq!(left.0 - then.0, UNIT.0, "I10: the deadline comes nearer");
        }
        (Phase::Draining { .. }, Phase::Live { .. } | Phase::Boot { .. }) => {
            panic!("I5: CRITICAL is left to COOLDOWN or EXIT")
        }
        (Phase::Draining { .. }, Phase::Cooldown { left }) => {
            assert_eq!(left, COOLDOWN, "I12: a cooldown has its whole length");
        }
        (Phase::Draining { then, .. }, Phase::Ended(ending)) => check_ending(then, tick, ending),
        (Phase::Cooldown { left }, Phase::Cooldown { left: then }) => {
            assert!(then.0 >= left.0.saturating_sub(UNIT.0), "I12: no faster than time");
        }
        (Phase::Cooldown { left }, Phase::Live { .. }) => {
            assert!(left <= UNIT && tick.reconciled, "I5: resume after the time, reconciled");
            assert!(after.windows.since_error >= E, "I5: resume after E clean cycles");
            assert!(after.windows.strikes == STRIKES - 1, "a run resumes on probation");
        }
        (Phase::Boot { left }, Phase::Live { .. }) => {
            assert!(left <= UNIT && tick.reconciled, "I5: start after the time, reconciled");
        }
        (Phase::Boot { left }, Phase::Boot { left: then }) => {
            assert!(!tick.reconciled || left > UNIT, "a start waits for nothing else");
            assert_eq!(then.0, left.0.saturating_sub(UNIT.0), "a persisted cooldown runs out");
        }
        (Phase::Live { .. }, Phase::Live { .. }) => assert_eq!(before.phase, after.phase),
        (Phase::Ended(_), _) => assert_eq!(before.phase, after.phase, "I11: EXIT absorbs"),
        (_, entered) => assert!(matches!(entered, Phase::Draining { .. })),
    }
}

fn check_ending(then: Then, tick: Tick, ending: Ending) {
    let expected = match (tick.drain, then) {
        (Drain::Dirty | Drain::Running, _) => Ending::Unhedged,
        (Drain::Clean, Then::Stop) => Ending::Done,
        (Drain::Clean, _) if tick.severity == Severity::Halt => Ending::Halted,
        (Drain::Clean, Then::Halt) => Ending::Halted,
        (Drain::Clean, Then::StopAfterCritical) => Ending::Done,
        (Drain::Clean, Then::Policy) if ending == Ending::CrashLoop => Ending::CrashLoop,
        (Drain::Clean, Then::Policy) => Ending::Flat,
    };
    assert_eq!(ending, expected, "each drain has its end");
}

fn check_cycle(before: &Machine, worst: Severity, (after, step): (&Machine, Step)) {
    check_step(before, after, step);
    let live = before.state().is_live();
    let bad = worst >= Severity::Warn && after.state() == State::Normal;
    assert!(!bad, "I2: never NORMAL in a cycle with WARN");
    assert_eq!(before.hold, after.hold, "cycles move no time");
    if !live {
        assert_eq!(before.phase, after.phase, "cycles only move windows then");
        return;
    }
    if worst.is_fatal() {
        assert_eq!(after.state(), State::Critical, "I4: FATAL is CRITICAL in one step");
    }
    let clean = clean_distance(&after.windows);
    let normal = after.state() == State::Normal;
    if worst == Severity::Ok {
        let expected = clean_distance(&before.windows).saturating_sub(1);
        assert_eq!(clean, expected, "I7: each clean cycle is one nearer to NORMAL");
        assert_eq!(normal, clean == 0, "I7: NORMAL when the windows are clean");
    }
    assert!(clean <= E, "I7: NORMAL is never more than E clean cycles away");
    if worst == Severity::Error && after.state() != State::Critical {
        let near = strike_distance(&after.windows) < strike_distance(&before.windows);
        assert!(near, "I8: each ERROR cycle is one nearer to CRITICAL");
    }
    assert!(strike_distance(&before.windows) <= 2 * E + 1, "I8: CRITICAL within 2E+1 cycles");
    let struck = after.windows.strikes > before.windows.strikes;
    assert!(!struck || worst >= Severity::Error, "only an ERROR that strikes counts strikes");
}

/// What holds for every kind of step.
fn check_step(before: &Machine, after: &Machine, step: Step) {
    let (from, to) = (before.state(), after.state());
    assert!(after.windows.strikes <= STRIKES, "I6: at most 3 strikes");
    let struck_out = after.windows.strikes == STRIKES;
    assert!(!(struck_out && to.is_live()), "I6: 3 strikes are CRITICAL or later");
    let told = step.transition.map(|transition| (transition.from, transition.to));
    assert_eq!(told, (from != to).then_some((from, to)), "every transition is told, no other");
    if matches!(from, State::Exit(_)) {
        assert_eq!(before.phase, after.phase, "I11: EXIT absorbs");
    }
    if from == State::Critical {
        let left = matches!(to, State::Critical | State::Cooldown | State::Exit(_));
        assert!(left, "I5: CRITICAL is left to COOLDOWN or EXIT");
    }
    if from != to && (from == State::Critical || to == State::Critical) {
        let kept = step.persist.map(|standing| standing.cooldown_left);
        assert_eq!(kept, Some(COOLDOWN), "I12: a cooldown outlives the process");
    }
    assert!(!(from.is_live() && to.is_live()) || step.persist.is_none(), "nothing to keep");
    if to.is_live() && !from.is_live() {
        let kept = step.persist.map(|standing| standing.cooldown_left);
        assert_eq!(kept, Some(DurNs(0)), "a cooldown that is over stays over");
    }
}

fn check_stop(before: &Machine, after: &Machine) {
    let expected = match before.state() {
        State::Critical => State::Critical,
        State::Exit(ending) => State::Exit(ending),
        _ => State::Stopping,
    };
    assert_eq!(after.state(), expected, "a stop drains, and does not interrupt a drain");
}

/// Clean cycles until NORMAL.
fn clean_distance(windows: &Windows) -> u32 {
    let error = E.saturating_sub(windows.since_error);
    error.max(W.saturating_sub(windows.since_warn))
}

/// ERROR cycles until the third strike.
fn strike_distance(windows: &Windows) -> u32 {
    match windows.strikes {
        0 => 2 * E + 1,
        strikes => {
            let next = E.saturating_sub(windows.since_strike).max(1);
            next + u32::from((STRIKES - 1).saturating_sub(strikes)) * E
        }
    }
}

fn restore(machine: &mut Machine, from: &Machine) {
    machine.windows = from.windows;
    machine.phase = from.phase;
    machine.hold = from.hold;
    machine.criticals = from.criticals;
}
