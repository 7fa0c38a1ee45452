//! The state machine of the watchdog. Pure: the same inputs always give the same states.
//!
//! Two clocks drive it. [`Machine::tick`], every 250 ms, does what may not wait: FATAL, the entry
//! hold, the drain, the cooldown. [`Machine::cycle`], once per cycle, moves the windows: WARN and
//! ERROR, strikes, soft resets. All times inside are times left, so nothing depends on when a run
//! began. The invariants that it keeps are checked over every reachable state in `proof`.

use crate::types::control::Permission;
use crate::types::time::DurNs;
use crate::watchdog::criticals::Criticals;
use crate::watchdog::limits::Limits;
use crate::watchdog::limits::OnCritical;
use crate::watchdog::permission::EntryHold;
use crate::watchdog::permission::permission;
use crate::watchdog::state::Ending;
use crate::watchdog::state::Level;
use crate::watchdog::state::Severity;
use crate::watchdog::state::State;
use crate::watchdog::step::Drain;
use crate::watchdog::step::Reason;
use crate::watchdog::step::SoftReset;
use crate::watchdog::step::Standing;
use crate::watchdog::step::Step;
use crate::watchdog::step::Tick;
use crate::watchdog::step::Transition;
use crate::watchdog::windows::PROBATION;
use crate::watchdog::windows::Windows;

/// The state of one run.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Machine {
    limits: Limits,
    pub(in crate::watchdog) windows: Windows,
    pub(in crate::watchdog) phase: Phase,
    pub(in crate::watchdog) hold: EntryHold,
    pub(in crate::watchdog) criticals: Criticals,
}

/// Where the run is, with what only that part of it needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(in crate::watchdog) enum Phase {
    /// Not yet reconciled, or a persisted cooldown is left.
    Boot { left: DurNs },
    /// The level that the windows said, and the cycles since it began or since the last attempt
    /// to end it, as far as they matter.
    Live { level: Level, cycles: u32 },
    /// Time left until the drain has failed, and what follows when it succeeds.
    Draining { left: DurNs, then: Then },
    /// Trading stays off at least this long.
    Cooldown { left: DurNs },
    /// Over.
    Ended(Ending),
}

/// What follows a clean drain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(in crate::watchdog) enum Then {
    /// The end that was asked for, from a live state.
    Stop,
    /// `on_critical`.
    Policy,
    /// `on_critical: cooldown` overruled: the end was asked for during CRITICAL.
    StopAfterCritical,
    /// The end, whatever `on_critical` says.
    Halt,
}

impl Machine {
    /// A machine at the start of a process, with what the process before left to it.
    ///
    /// # Panics
    /// If W or E is zero.
    pub fn new(limits: Limits, standing: Standing) -> Machine {
        assert!(limits.warn_reset_cycles > 0, "a WARN needs a clean cycle to clear");
        assert!(limits.error_reset_cycles > 0, "an ERROR needs a clean cycle to clear");
        Machine {
            windows: Windows::clean(&limits),
            phase: Phase::Boot { left: standing.cooldown_left },
            hold: EntryHold::NONE,
            criticals: Criticals { left: standing.criticals_left },
            limits,
        }
    }

    /// One tick: what may not wait for the end of the cycle.
    pub fn tick(&mut self, tick: Tick) -> Step {
        let from = self.state();
        self.hold = self.hold.after(tick.severity, tick.elapsed, self.limits.entry_hold);
        self.criticals.pass(tick.elapsed);
        let reason = match self.phase {
            Phase::Ended(_) => None,
            Phase::Draining { left, then } => self.drain(tick, left, then),
            _ if tick.severity.is_fatal() => self.critical(tick.severity, Reason::Signal),
            Phase::Boot { left } | Phase::Cooldown { left } => self.rest(tick, left),
            Phase::Live { .. } => None,
        };
        self.step(from, reason)
    }

    /// One cycle, with the worst severity of all ticks since the last one.
    pub fn cycle(&mut self, worst: Severity) -> Step {
        let from = self.state();
        self.windows.pass(worst, &self.limits);
        let Phase::Live { level, cycles } = self.phase else { return Step::default() };
        if worst.is_fatal() {
            let reason = self.critical(worst, Reason::Signal);
            return self.step(from, reason);
        }
        let soft_reset = self.settle(level, cycles, worst);
        let reason = if self.windows.strike(worst, &self.limits) {
            self.critical(worst, Reason::Strikes)
        } else if soft_reset == Some(SoftReset::Cleared) {
            Some(Reason::Cleared)
        } else {
            Some(Reason::Signal)
        };
        Step { soft_reset, ..self.step(from, reason) }
    }

    /// The run is to end: SIGTERM, `--loops` done. The same drain, then the end.
    pub fn stop(&mut self) -> Step {
        let from = self.state();
        let cools_down = self.limits.on_critical == OnCritical::Cooldown;
        match &mut self.phase {
            Phase::Ended(_) => {}
            Phase::Draining { then, .. } if *then == Then::Policy && cools_down => {
                *then = Then::StopAfterCritical;
            }
            Phase::Draining { .. } => {}
            other => *other = Phase::Draining { left: self.limits.drain, then: Then::Stop },
        }
        self.step(from, Some(Reason::StopAsked))
    }

    /// The state after the last step.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Boot { .. } => State::Boot,
            Phase::Live { level, .. } => State::from(level),
            Phase::Draining { then: Then::Stop, .. } => State::Stopping,
            Phase::Draining { .. } => State::Critical,
            Phase::Cooldown { .. } => State::Cooldown,
            Phase::Ended(ending) => State::Exit(ending),
        }
    }
    /// What orders may do until the next step.
    pub fn permission(&self) -> Permission {
        permission(self.state(), self.hold)
    }
    /// Strikes counted so far, at most 3.
    pub fn strikes(&self) -> u8 {
        self.windows.strikes
    }

    /// CRITICAL: from here on everything is drained.
    fn critical(&mut self, severity: Severity, reason: Reason) -> Option<Reason> {
        self.criticals.count(&self.limits);
        let then = if severity == Severity::Halt { Then::Halt } else { Then::Policy };
        self.phase = Phase::Draining { left: self.limits.drain, then };
        Some(reason)
    }

    /// A tick of the drain. A deadline that passes is a dirty drain. A FATAL that outlasts its own
    /// clean drain is waited for as long as the drain may last: a cooldown would end at once.
    fn drain(&mut self, tick: Tick, left: DurNs, then: Then) -> Option<Reason> {
        let left = DurNs(left.0.saturating_sub(tick.elapsed.0));
        let halts = tick.severity == Severity::Halt && then != Then::Stop;
        let then = if halts { Then::Halt } else { then };
        self.phase = Phase::Draining { left, then };
        let next = self.after_drain(then);
        let cools_down = matches!(next, Phase::Cooldown { .. });
        match tick.drain {
            Drain::Clean if cools_down && tick.severity.is_fatal() && left.0 > 0 => None,
            Drain::Running if left.0 > 0 => None,
            Drain::Clean => {
                self.phase = next;
                Some(Reason::Drained)
            }
            Drain::Dirty | Drain::Running => {
                self.phase = Phase::Ended(Ending::Unhedged);
                Some(Reason::DrainFailed)
            }
        }
    }

    fn after_drain(&self, then: Then) -> Phase {
        match then {
            Then::Stop | Then::StopAfterCritical => Phase::Ended(Ending::Done),
            Then::Halt => Phase::Ended(Ending::Halted),
            Then::Policy if self.criticals.is_crash_loop() => Phase::Ended(Ending::CrashLoop),
            Then::Policy if self.limits.on_critical == OnCritical::Shutdown => {
                Phase::Ended(Ending::Flat)
            }
            Then::Policy => Phase::Cooldown { left: self.limits.cooldown },
        }
    }

    /// A tick of the start or of a cooldown: time passes; trading resumes when none is left, the
    /// books agree and, after a cooldown, the last E cycles were without ERROR. A run that only
    /// starts has no fault to outlive; it resumes in whatever level its windows say.
    fn rest(&mut self, tick: Tick, left: DurNs) -> Option<Reason> {
        let left = DurNs(left.0.saturating_sub(tick.elapsed.0));
        let over = left.0 == 0 && tick.reconciled;
        match &mut self.phase {
            Phase::Cooldown { left: cooldown } => {
                *cooldown = left;
                let calm = !tick.severity.stops_entries();
                if !(over && calm && self.windows.error_free(&self.limits)) {
                    return None;
                }
                self.windows.strikes = PROBATION;
            }
            phase => {
                *phase = Phase::Boot { left };
                if !over {
                    return None;
                }
            }
        }
        self.phase = Phase::Live { level: self.windows.level(&self.limits), cycles: 0 };
        Some(Reason::Reconciled)
    }

    /// Takes over the level of the windows, and says whether a soft reset is due: when the level
    /// fell, and each W (E) cycles while the condition lasts.
    fn settle(&mut self, before: Level, cycles: u32, worst: Severity) -> Option<SoftReset> {
        let level = self.windows.level(&self.limits);
        let (period, lasts) = match level {
            Level::Normal => (0, false),
            Level::Warn => (self.limits.warn_reset_cycles, worst >= Severity::Warn),
            Level::Error => (self.limits.error_reset_cycles, worst.stops_entries()),
        };
        let cycles = if level == before { cycles.saturating_add(1).min(period) } else { 0 };
        let due = lasts && cycles >= period;
        self.phase = Phase::Live { level, cycles: if due { 0 } else { cycles } };
        if level < before { Some(SoftReset::Cleared) } else { due.then_some(SoftReset::Attempt) }
    }

    /// What changed since `from`, and whether it has to survive the process: every way into and
    /// out of CRITICAL, and the end of a cooldown.
    fn step(&self, from: State, reason: Option<Reason>) -> Step {
        let to = self.state();
        let Some(reason) = reason.filter(|_| from != to) else { return Step::default() };
        let resumed = to.is_live() && !from.is_live();
        let critical = from == State::Critical || to == State::Critical;
        let persist = (resumed || critical).then(|| self.standing());
        Step { transition: Some(Transition { from, to, reason }), soft_reset: None, persist }
    }

    fn standing(&self) -> Standing {
        let cooldown_left = match self.phase {
            Phase::Live { .. } => DurNs(0),
            Phase::Boot { left } | Phase::Cooldown { left } => left,
            Phase::Draining { .. } | Phase::Ended(_) => self.limits.cooldown,
        };
        Standing { cooldown_left, criticals_left: self.criticals.left }
    }
}
