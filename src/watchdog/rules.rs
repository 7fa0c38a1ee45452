//! Gauges to severity and cause. Pure: the classes of the last judgement and the gauges of this
//! one decide.

use crate::stats::profiler::LOOP_WINDOW;
use crate::types::time::DurNs;
use crate::watchdog::gauge::Gauge;
use crate::watchdog::gauge::Watched;
use crate::watchdog::limits::RuleLimits;
use crate::watchdog::liveness::Pace;
use crate::watchdog::signal::Rule;
use crate::watchdog::signal::Signal;
use crate::watchdog::signal::table;
use crate::watchdog::state::Severity;

/// A class that was entered is left at this part of its bound, in tenths.
const LEAVE_TENTHS: i64 = 8;

/// What is watched in this run, and the class of each gauge.
#[derive(Clone, Debug)]
pub struct Rules {
    rows: Box<[Row]>,
    /// Cycles for which the window of the loop's P95 may still hold a pause of the host.
    holds_pause: usize,
}

/// The worst of all gauges, and which one it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// The worst class.
    pub severity: Severity,
    /// The first gauge of that class in the order of the list; `None` if all is well.
    pub cause: Option<Cause>,
}

/// The gauge behind a severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Which one.
    pub watched: Watched,
    /// What it said, in the unit of its signal; `None` if it is unknown.
    pub value: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    watched: Watched,
    rule: Rule,
    /// The class that its last fresh value has.
    class: Severity,
    now: Judgement,
    told: Severity,
}

impl Rules {
    /// Rules for exactly these gauges. What a run does not have (Redis that is not configured,
    /// live orders in mock) is not on the list; what is on it must be measured.
    pub fn new(limits: &RuleLimits, watched: &[Watched]) -> Rules {
        let rules = table(limits);
        let row = |watched: &Watched| Row {
            watched: *watched,
            rule: rules[watched.signal as usize],
            class: Severity::Ok,
            now: Judgement::OK,
            told: Severity::Ok,
        };
        Rules { rows: watched.iter().map(row).collect(), holds_pause: 0 }
    }
    /// The gauges to hand in, in this order.
    pub fn watched(&self) -> impl Iterator<Item = Watched> {
        self.rows.iter().map(|row| row.watched)
    }
    /// Judges all gauges, given in the order of [`Rules::watched`]. One that is not given is
    /// unknown. After a pause of the host every age is wrong: it is WARN, and only values that a
    /// pause does not make worse are judged. The loop's P95 is no more than WARN while its window
    /// may hold the pause, which would outlast the strikes to CRITICAL; the loop itself is judged
    /// as ever.
    pub fn judge(&mut self, gauges: &[Gauge], pace: Pace) -> Judgement {
        let paused = pace == Pace::Paused;
        if paused {
            self.holds_pause = LOOP_WINDOW;
        }
        let excuses = self.holds_pause > 0;
        let mut worst = if paused { Judgement::HOST_PAUSE } else { Judgement::OK };
        let gauges = gauges.iter().copied().chain(std::iter::repeat(Gauge::MISSING));
        for (row, gauge) in self.rows.iter_mut().zip(gauges) {
            if paused && (row.rule.is_timed || gauge.value.is_none()) {
                continue;
            }
            let gauge = if paused { Gauge { age: DurNs(0), ..gauge } } else { gauge };
            let mut judged = row.judge(gauge);
            if excuses && row.watched.signal == Signal::LoopP95 {
                judged.severity = judged.severity.min(Severity::Warn);
            }
            row.now = judged;
            worst = worst.worse_of(judged);
        }
        worst
    }
    /// Hands out every gauge whose severity has another name than when it was handed out last.
    pub fn take_changes(&mut self, tell: &mut dyn FnMut(Severity, Option<Cause>)) {
        for row in &mut self.rows {
            if row.told.name() != row.now.severity.name() {
                row.told = row.now.severity;
                tell(row.told, row.now.cause);
            }
        }
    }
    /// A cycle has passed: the windows that count cycles move on.
    pub fn pass_cycle(&mut self) {
        self.holds_pause = self.holds_pause.saturating_sub(1);
    }
}

impl Judgement {
    /// All is well.
    pub const OK: Judgement = Judgement { severity: Severity::Ok, cause: None };
    /// The host stood still.
    pub const HOST_PAUSE: Judgement = Judgement {
        severity: Severity::Warn,
        cause: Some(Cause { watched: Watched::whole(Signal::HostPause), value: None }),
    };

    /// The worse of two, the first if they are alike: the worst tick of a cycle, and its cause.
    pub fn worse_of(self, other: Judgement) -> Judgement {
        if other.severity > self.severity { other } else { self }
    }
}

impl Row {
    fn judge(&mut self, gauge: Gauge) -> Judgement {
        let missing = unknown(gauge.age, self.rule.max_age);
        let value = gauge.value.filter(|_| missing == Severity::Ok);
        if let Some(value) = value {
            self.class = classify(&self.rule, value, self.class);
        }
        let mut severity = self.class.max(missing).min(self.rule.cap);
        if severity == Severity::Error && !self.rule.strikes {
            severity = Severity::ErrorNoStrike;
        }
        Judgement { severity, cause: Some(Cause { watched: self.watched, value }) }
    }
}

/// No evidence is not health: WARN beyond the allowed age, ERROR beyond twice of it.
fn unknown(age: DurNs, max_age: DurNs) -> Severity {
    if age.0 > max_age.0.saturating_mul(2) {
        Severity::Error
    } else if age > max_age {
        Severity::Warn
    } else {
        Severity::Ok
    }
}

/// The class of a value: entered above its bound, left at 0.8 of it.
fn classify(rule: &Rule, value: i64, before: Severity) -> Severity {
    let classes =
        [(rule.fatal, rule.fatal_is), (rule.error, Severity::Error), (rule.warn, Severity::Warn)];
    let holds = |bound: Option<i64>, class: Severity| {
        bound.is_some_and(|enter| {
            let leave = enter.saturating_mul(LEAVE_TENTHS) / 10;
            value > enter || before >= class && value > leave
        })
    };
    let worst = classes.into_iter().find(|(bound, class)| holds(*bound, *class));
    worst.map_or(Severity::Ok, |(_, class)| class)
}
