//! The watchdog on its thread. Each tick: gauges → severity → machine → permission and lease;
//! once per cycle the windows move. Dead, it renews nothing, and trading stops by itself.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::link::Tx;
use crate::types::board::DogBoard;
use crate::types::board::EngineFigures;
use crate::types::control::Permission;
use crate::types::control::PermissionWord;
use crate::types::notice;
use crate::types::notice::Notice;
use crate::types::notice::NoticeKind;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::watchdog::beats::CyclePace;
use crate::watchdog::beats::Cycles;
use crate::watchdog::beats::Ticks;
use crate::watchdog::gauge::Gauge;
use crate::watchdog::limits::Limits;
use crate::watchdog::limits::RuleLimits;
use crate::watchdog::liveness::Pace;
use crate::watchdog::machine::Machine;
use crate::watchdog::permission::LEASE;
use crate::watchdog::permission::TICK;
use crate::watchdog::rules::Cause;
use crate::watchdog::rules::Judgement;
use crate::watchdog::rules::Rules;
use crate::watchdog::signal::Signal;
use crate::watchdog::sources::Sources;
use crate::watchdog::sources::Subjects;
use crate::watchdog::state::Ending;
use crate::watchdog::state::Severity;
use crate::watchdog::state::State;
use crate::watchdog::step::Drain;
use crate::watchdog::step::Reason;
use crate::watchdog::step::SoftReset;
use crate::watchdog::step::Standing;
use crate::watchdog::step::Step;
use crate::watchdog::step::Tick;

/// Time between two ticks before trading begins: an engine that has just been rebuilt should not
/// wait for a whole tick.
const BOOT_TICK: DurNs = DurNs::from_ms(10);

/// What a watchdog is started with.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of the state machine.
    pub limits: Limits,
    /// Of the rules.
    pub rules: RuleLimits,
    /// When a cycle passes.
    pub pace: CyclePace,
    /// What the process before left.
    pub standing: Standing,
    /// `watchdog.enabled`: off, only what makes trading impossible is looked at.
    pub is_enabled: bool,
}

/// What a watchdog writes.
pub struct Ports {
    /// What orders may do.
    pub permission: Arc<PermissionWord>,
    /// Its state, for everyone.
    pub board: Arc<DogBoard>,
    /// Transitions, for the events.
    pub notices: Option<Tx<Notice>>,
}

/// The watchdog agent.
pub struct Watchdog {
    ports: Ports,
    sources: Sources,
    rules: Rules,
    machine: Machine,
    gauges: Vec<Gauge>,
    ticks: Ticks,
    cycles: Cycles,
    /// The worst since the last cycle.
    worst: Judgement,
    last: Judgement,
    /// What led to the last CRITICAL.
    cause: Option<Cause>,
    /// Epoch of the permission with which the present drain began.
    drains_since: Option<u64>,
    /// The host stood still, or has just gone on: not everything is judged.
    is_excusing: bool,
    is_stopping: bool,
}

impl Watchdog {
    /// Over these subjects. Allocates once.
    pub fn new(plan: Plan, subjects: Subjects, ports: Ports) -> Watchdog {
        let sources = Sources::new(subjects, plan.rules.ws_lag.warn, plan.is_enabled);
        let watched = sources.watched();
        let rules = Rules::new(&plan.rules, &watched);
        Watchdog {
            ports,
            sources,
            rules,
            machine: Machine::new(plan.limits, plan.standing),
            gauges: Vec::with_capacity(watched.len()),
            ticks: Ticks::default(),
            cycles: Cycles::new(plan.pace),
            worst: Judgement::OK,
            last: Judgement::OK,
            cause: None,
            drains_since: None,
            is_excusing: false,
            is_stopping: false,
        }
    }

    fn tick(&mut self, now: Now) {
        let elapsed = now.mono.since(self.ticks.last.unwrap_or(now.mono));
        let pace = self.ticks.pace(elapsed);
        self.ticks.last = Some(now.mono);
        self.sources.read(now.mono, &mut self.gauges);
        raise(&self.ports.board.host_pauses, u64::from(self.ticks.is_after_pause()));
        let mut judged = self.rules.judge(&self.gauges, pace);
        let figures = self.sources.engine();
        if self.is_starting(figures) && !judged.severity.is_fatal() {
            // Nothing is measured before the threads have had their first turn.
            judged = Judgement::OK;
        } else {
            self.tell_severities(pace, now);
        }
        self.last = judged;
        let severity = judged.severity;
        raise(&self.ports.board.error_ticks, u64::from(severity.stops_entries()));
        self.worst = self.worst.worse_of(judged);
        if severity.is_fatal() {
            self.cause = judged.cause;
        }
        let tick = Tick {
            elapsed,
            severity,
            drain: self.drain(figures),
            reconciled: figures.is_some_and(|figures| figures.unknown_orders == 0),
        };
        let step = self.machine.tick(tick);
        self.follow(step, judged, now);
    }

    fn is_starting(&self, figures: Option<EngineFigures>) -> bool {
        self.machine.state() == State::Boot && figures.is_none()
    }

    /// What the drain that the present permission began has come to.
    fn drain(&self, figures: Option<EngineFigures>) -> Drain {
        // An engine that is over has said its last word, whatever is granted since.
        let heard = |f: &EngineFigures| self.is_stopping || Some(f.epoch) == self.drains_since;
        let Some(figures) = figures.filter(heard) else {
            return Drain::Running;
        };
        match () {
            () if !figures.is_at_rest || figures.open_orders > 0 => Drain::Running,
            () if figures.is_exposed => Drain::Dirty,
            () => Drain::Clean,
        }
    }

    fn close_cycles(&mut self, now: Now) {
        let mut passed = false;
        for _ in 0..self.cycles.passed(now.mono, self.sources.engine()) {
            // Of several cycles within a tick the later ones saw what holds now.
            let worst = std::mem::replace(&mut self.worst, self.last);
            let errors = &self.ports.board.consecutive_errors;
            match worst.severity.stops_entries() {
                true => raise(errors, 1),
                false => errors.store(0, Ordering::Relaxed),
            }
            self.rules.pass_cycle();
            let step = self.machine.cycle(worst.severity);
            self.follow(step, worst, now);
            passed = true;
        }
        if passed {
            self.worst = Judgement::OK;
        }
    }

    /// Acts on what a step changed: word, board, notices, soft reset.
    fn follow(&mut self, step: Step, judged: Judgement, now: Now) {
        let board = &self.ports.board;
        if let Some(reset) = step.soft_reset {
            raise(&board.soft_resets, 1);
            raise(&board.alerts, u64::from(reset == SoftReset::Attempt));
            self.soft_reset(reset, judged.cause, now);
        }
        let Some(moved) = step.transition else { return self.keep(step) };
        let board = &self.ports.board;
        raise(&board.transitions, 1);
        raise(&board.alerts, u64::from(moved.to.badness() > moved.from.badness()));
        if moved.to == State::Critical {
            self.cause = judged.cause;
        }
        // What cleared, drained or was asked for has no gauge behind it.
        let signalled = matches!(moved.reason, Reason::Signal | Reason::Strikes);
        let kind = NoticeKind::Transition {
            cycle: self.sources.engine().map_or(0, |figures| figures.cycles),
            from: moved.from.name(),
            to: moved.to.name(),
            reason: moved.reason.name(),
            cause: judged.cause.filter(|_| signalled).map(told),
            strikes: self.machine.strikes(),
        };
        send(&self.ports.notices, kind, now);
        self.keep(step);
        self.drains_since = None;
        self.show();
        if let State::Exit(ending) = moved.to {
            self.ports.board.end(exit_code(ending, self.cause));
        }
    }

    fn keep(&self, step: Step) {
        let Some(Standing { cooldown_left, criticals_left: [a, b, c] }) = step.persist else {
            return;
        };
        self.ports.board.keep([cooldown_left, a, b, c]);
    }

    fn show(&self) {
        self.ports.board.show(self.machine.state().index(), self.machine.strikes());
    }

    /// Counters begin anew by themselves in windows; what is left is the offending feed.
    fn soft_reset(&self, reset: SoftReset, cause: Option<Cause>, now: Now) {
        // What is over needs no new connection.
        let lags =
            |cause: &Cause| matches!(cause.watched.signal, Signal::WsLag | Signal::WsLagOptional);
        let venue = cause.filter(|cause| reset == SoftReset::Attempt && lags(cause));
        if let Some(board) = venue.and_then(|cause| self.sources.venue(cause.watched.of)) {
            board.reconnect_asked.store(true, Ordering::Release);
        }
        let is_cleared = reset == SoftReset::Cleared;
        let kind = NoticeKind::SoftReset { is_cleared, cause: cause.map(told) };
        send(&self.ports.notices, kind, now);
    }

    /// Tells of each gauge whose severity is another than at the last tick, so that a thread is
    /// reported while it is still blocked, and one WARN does not hide another.
    fn tell_severities(&mut self, pace: Pace, at: Now) {
        let notices = &self.ports.notices;
        let mut tell = |severity: Severity, cause: Option<Cause>| {
            let severity = severity.name();
            send(notices, NoticeKind::Severity { severity, cause: cause.map(told) }, at);
        };
        let was_paused = std::mem::replace(&mut self.is_excusing, pace == Pace::Paused);
        if was_paused != self.is_excusing {
            let severity = if self.is_excusing { Severity::Warn } else { Severity::Ok };
            tell(severity, Judgement::HOST_PAUSE.cause);
        }
        self.rules.take_changes(&mut tell);
    }

    /// With a dead thread nothing new is risked, and what is open may only be reduced.
    fn grant(&mut self, now: Now) {
        let permission = self.machine.permission();
        let most = match (self.sources.has_dead(), self.is_excusing) {
            (true, _) => Permission::Reduce,
            // What was not judged cannot be called well.
            (false, true) => Permission::Finish,
            (false, false) => Permission::Trade,
        };
        let permission = permission.min(most);
        self.ports.permission.grant(permission, now.mono.plus(LEASE));
        let drains = matches!(self.machine.state(), State::Critical | State::Stopping);
        if drains && self.drains_since.is_none() {
            self.drains_since = Some(self.ports.permission.epoch());
        }
    }
}

impl Agent for Watchdog {
    fn name(&self) -> &'static str {
        "watchdog"
    }

    fn turn(&mut self, now: Now) -> Turn {
        if self.ticks.next.is_some_and(|next| now.mono < next) {
            return Turn::Idle;
        }
        self.tick(now);
        self.close_cycles(now);
        if self.is_stopping {
            let step = self.machine.stop();
            self.follow(step, Judgement::OK, now);
        }
        self.grant(now);
        self.show();
        let boots = self.machine.state() == State::Boot;
        let pause = if boots || self.is_stopping { BOOT_TICK } else { TICK };
        self.ticks.next = Some(now.mono.plus(pause));
        Turn::Worked
    }

    fn due(&self) -> Option<MonoNs> {
        self.ticks.next
    }

    fn is_drained(&self) -> bool {
        matches!(self.machine.state(), State::Exit(_)) || self.sources.has_dead()
    }

    /// Those that it serves are over: their drain is all that is left to judge.
    fn stop(&mut self, _now: Now) {
        self.is_stopping = true;
        self.ticks.next = None;
    }
}

/// The process exit code of an ending (`PRODUCT.md` 3); that of a halt is its cause's.
fn exit_code(ending: Ending, cause: Option<Cause>) -> u8 {
    match ending {
        Ending::Done => 0,
        Ending::Flat => 20,
        Ending::Unhedged => 22,
        Ending::CrashLoop => 23,
        Ending::Halted => cause.map_or(1, |cause| cause.watched.signal.exit_code()),
    }
}

/// The link drops and counts: nobody waits for telemetry.
fn send(notices: &Option<Tx<Notice>>, kind: NoticeKind, at: Now) {
    if let Some(notices) = notices {
        let _ = notices.send(Notice { at, kind });
    }
}

fn told(cause: Cause) -> notice::Cause {
    let Cause { watched, value } = cause;
    notice::Cause { signal: watched.signal.name(), of: watched.of, value }
}

/// One writer: a load and a store.
fn raise(counter: &AtomicU64, by: u64) {
    if by > 0 {
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }
}
