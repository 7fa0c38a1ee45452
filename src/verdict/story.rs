//! What the events tell: how often the watchdog fell how low, and when faults were injected.
//! Bounded: a list that is full counts on.

use std::collections::BTreeSet;

use crate::types::evidence::Event;
use crate::types::evidence::FAULT_BEGIN;
use crate::types::evidence::FAULT_END;
use crate::types::evidence::FAULT_EVENT;
use crate::types::evidence::WATCHDOG_EVENT;
use crate::types::time::NS_PER_SEC;
use crate::verdict::excuse;
use crate::verdict::sample::State;
use crate::verdict::stamp;

/// Most injected faults and most falls that are kept.
const MOST: usize = 10_000;
/// An injected fault still explains a fall this long after its end, if it can cause it: ERROR
/// lasts up to 20 cycles of a minute, and the way back is due within 25 (`FAULTS.md` G13).
const AFTERMATH_NS: u64 = 30 * 60 * NS_PER_SEC;
/// So long behind its end the gauges may still show it: windows of a minute and of 100 cycles.
const ECHO_NS: u64 = 5 * 60 * NS_PER_SEC;

/// The watchdog became worse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fall {
    /// When.
    pub wall_ns: u64,
    /// The state from there on: ERROR or CRITICAL.
    pub to: State,
    /// The signal behind it.
    pub cause: String,
    run: Option<String>,
}

/// A fault that was injected.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fault {
    cause: String,
    run: Option<String>,
    from_ns: u64,
    /// `None` if nobody told its end.
    until_ns: Option<u64>,
}

impl Fault {
    /// A process takes its faults with it. An event without a run may be of any.
    fn is_of(&self, run: Option<&str>) -> bool {
        run.is_none() || self.run.is_none() || self.run.as_deref() == run
    }
    /// Until when it is felt: of one without an end nobody knows how long it acted.
    fn felt(&self, after_ns: u64) -> u64 {
        let end = |until: u64| until.saturating_add(after_ns);
        self.until_ns.map_or(self.from_ns.saturating_add(AFTERMATH_NS), end)
    }
    fn explains(&self, fall: &Fall) -> bool {
        let until = if excuse::is_final(&self.cause) { u64::MAX } else { self.felt(AFTERMATH_NS) };
        self.is_of(fall.run.as_deref())
            && (self.from_ns..=until).contains(&fall.wall_ns)
            && excuse::excuses(&self.cause, &fall.cause)
    }
}

/// The events of a folder.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Events read.
    pub events: u64,
    falls: Vec<Fall>,
    faults: Vec<Fault>,
    untold: u64,
    runs: BTreeSet<String>,
}

impl Story {
    /// Takes in an event; one without a time tells nothing.
    pub fn on_event(&mut self, event: &Event) {
        self.events += 1;
        if let Some(run) = event.run_id.as_ref().filter(|_| self.runs.len() < MOST) {
            self.runs.insert(run.clone());
        }
        let Some(wall) = event.timestamp.as_deref().and_then(stamp::parse) else { return };
        match event.event_type.as_str() {
            WATCHDOG_EVENT => self.on_transition(event, wall.0),
            FAULT_EVENT => self.on_fault(event, wall.0),
            _ => {}
        }
    }
    fn on_transition(&mut self, event: &Event, wall_ns: u64) {
        let state = |word: &Option<String>| word.as_deref().and_then(State::named);
        let Some(to) = state(&event.to) else { return };
        let worse = state(&event.from).is_none_or(|from| from < to);
        if !worse || !matches!(to, State::Error | State::Critical) {
            return;
        }
        if self.falls.len() == MOST {
            self.untold += 1;
            return;
        }
        let cause = event.cause.clone().unwrap_or_else(|| "no cause given".into());
        self.falls.push(Fall { wall_ns, to, cause, run: event.run_id.clone() });
    }
    fn on_fault(&mut self, event: &Event, wall_ns: u64) {
        let cause = event.cause.as_deref().unwrap_or_default();
        let open = |fault: &&mut Fault| {
            fault.until_ns.is_none() && fault.cause == cause && fault.run == event.run_id
        };
        match event.phase.as_deref() {
            Some(FAULT_BEGIN) if self.faults.len() < MOST => {
                let (cause, run) = (cause.to_string(), event.run_id.clone());
                self.faults.push(Fault { cause, run, from_ns: wall_ns, until_ns: None });
            }
            Some(FAULT_END) => {
                if let Some(fault) = self.faults.iter_mut().rev().find(open) {
                    fault.until_ns = Some(wall_ns);
                }
            }
            _ => {}
        }
    }
    /// True if an event of that run was read.
    pub fn knows(&self, run: &str) -> bool {
        self.runs.contains(run)
    }
    /// Injected faults.
    pub fn faults(&self) -> usize {
        self.faults.len()
    }
    /// Faults whose end nobody told, by name; a thread that died has none.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        let open = |fault: &&Fault| fault.until_ns.is_none() && !excuse::is_final(&fault.cause);
        self.faults.iter().filter(open).map(|fault| fault.cause.as_str())
    }
    /// True if an injected fault of the run acted on the gauges of that time.
    pub fn acted(&self, run: &str, (from_ns, to_ns): (u64, u64)) -> bool {
        let acts = |fault: &Fault| fault.from_ns <= to_ns && fault.felt(ECHO_NS) >= from_ns;
        self.faults.iter().any(|fault| fault.is_of(Some(run)) && acts(fault))
    }
    /// True if the state at that time is what injected faults have left: one can still be felt,
    /// and no fall that none of them can cause came last.
    pub fn excuses(&self, run: &str, wall_ns: u64) -> bool {
        let of_run = |fall: &&Fall| fall.run.as_deref().is_none_or(|of| of == run);
        let before = self.falls.iter().filter(of_run).filter(|fall| fall.wall_ns <= wall_ns);
        let last = before.max_by_key(|fall| fall.wall_ns);
        let felt = |fault: &Fault| {
            fault.is_of(Some(run)) && (fault.from_ns..=fault.felt(AFTERMATH_NS)).contains(&wall_ns)
        };
        self.faults.iter().any(felt) && last.is_some_and(|fall| self.explains(fall))
    }
    /// True if an injected fault can be behind that fall.
    pub fn explains(&self, fall: &Fall) -> bool {
        self.faults.iter().any(|fault| fault.explains(fall))
    }
    /// Falls into that state that no injected fault explains.
    pub fn unexplained(&self, to: State) -> impl Iterator<Item = &Fall> {
        self.falls.iter().filter(move |fall| fall.to == to && !self.explains(fall))
    }
    /// All falls into that state.
    pub fn all(&self, to: State) -> usize {
        self.falls.iter().filter(|fall| fall.to == to).count()
    }
    /// Falls that found the list full.
    pub fn untold(&self) -> u64 {
        self.untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u64) -> Option<String> {
        Some(format!("2025-11-15T{:02}:{:02}:00Z", minute / 60, minute % 60))
    }

    fn transition(minute: u64, from: &str, to: &str) -> Event {
        let word = |word: &str| Some(word.to_string());
        let event_type = WATCHDOG_EVENT.to_string();
        Event {
            timestamp: at(minute),
            event_type,
            from: word(from),
            to: word(to),
            cause: word("ws_lag_ms upbit"),
            ..<_>::default()
        }
    }

    fn fault(minute: u64, phase: &str) -> Event {
        let (event_type, cause) = (FAULT_EVENT.to_string(), Some("feed_lag upbit".to_string()));
        let phase = Some(phase.to_string());
        Event { timestamp: at(minute), event_type, cause, phase, ..<_>::default() }
    }

    #[test]
    fn only_falls_count_not_the_way_back() {
        let mut story = Story::default();
        for event in [
            transition(1, "NORMAL", "ERROR"),
            transition(2, "ERROR", "CRITICAL"),
            transition(3, "CRITICAL", "COOLDOWN"),
            transition(4, "COOLDOWN", "NORMAL"),
            transition(5, "CRITICAL", "ERROR"),
        ] {
            story.on_event(&event);
        }
        assert_eq!([State::Error, State::Critical].map(|to| story.all(to)), [1, 1]);
    }

    #[test]
    fn an_injected_fault_explains_what_follows_it_for_half_an_hour_only() {
        let mut story = Story::default();
        for event in [
            transition(5, "NORMAL", "ERROR"),
            fault(10, FAULT_BEGIN),
            transition(11, "NORMAL", "ERROR"),
            fault(12, FAULT_END),
            transition(41, "WARN", "ERROR"),
            transition(43, "WARN", "ERROR"),
        ] {
            story.on_event(&event);
        }
        assert_eq!((story.all(State::Error), story.unexplained(State::Error).count()), (4, 2));
    }

    fn minute(minute: u64) -> u64 {
        stamp::parse(&at(minute).unwrap()).unwrap().0
    }

    #[test]
    fn a_fault_without_an_end_excuses_half_an_hour_and_is_named() {
        let mut story = Story::default();
        story.on_event(&fault(10, FAULT_BEGIN));
        for at in [11, 39, 41, 600] {
            story.on_event(&transition(at, "NORMAL", "ERROR"));
        }
        assert_eq!(story.unexplained(State::Error).count(), 2);
        assert_eq!(story.open().collect::<Vec<_>>(), ["feed_lag upbit"]);
        let acted = |at: u64| story.acted("a", (minute(at), minute(at)));
        assert_eq!([9, 10, 40, 41].map(acted), [false, true, true, false]);
    }

    #[test]
    fn a_fall_by_what_the_fault_cannot_cause_stays_unexplained() {
        let mut story = Story::default();
        story.on_event(&fault(10, FAULT_BEGIN));
        let of = |cause: &str| Event {
            cause: Some(cause.to_string()),
            ..transition(11, "NORMAL", "CRITICAL")
        };
        for cause in ["ws_lag_ms upbit", "ws_lag_ms binance", "order_count_mismatch"] {
            story.on_event(&of(cause));
        }
        let found: Vec<&str> =
            story.unexplained(State::Critical).map(|fall| fall.cause.as_str()).collect();
        assert_eq!(found, ["ws_lag_ms binance", "order_count_mismatch"]);
        story.on_event(&Event { run_id: Some("b".into()), ..of("ws_lag_ms upbit") });
        assert_eq!(story.unexplained(State::Critical).count(), 2, "whose run nobody told");
    }

    #[test]
    fn a_fault_ends_with_its_run_and_a_dead_thread_excuses_the_rest_of_it() {
        let run = |event: Event, run: &str| Event { run_id: Some(run.into()), ..event };
        let mut story = Story::default();
        let death = Event { cause: Some("thread_death engine".into()), ..fault(10, FAULT_BEGIN) };
        story.on_event(&run(death, "a"));
        story.on_event(&run(transition(11, "NORMAL", "CRITICAL"), "a"));
        story.on_event(&run(transition(600, "NORMAL", "CRITICAL"), "a"));
        story.on_event(&run(transition(12, "NORMAL", "CRITICAL"), "b"));
        assert_eq!(story.unexplained(State::Critical).count(), 1);
        assert_eq!(story.open().count(), 0);
    }

    #[test]
    fn the_gauges_are_excused_shortly_the_state_as_long_as_the_fault_is_behind_it() {
        let mut story = Story::default();
        story.on_event(&fault(10, FAULT_BEGIN));
        story.on_event(&transition(11, "NORMAL", "ERROR"));
        story.on_event(&fault(12, FAULT_END));
        let acted = |at: u64| story.acted("a", (minute(at), minute(at)));
        assert_eq!([9, 12, 17, 18].map(acted), [false, true, true, false]);
        let excused = |story: &Story, at: u64| story.excuses("a", minute(at));
        assert_eq!([10, 11, 42, 43].map(|at| excused(&story, at)), [false, true, true, false]);
        let cause = Some("loop_ms engine".to_string());
        story.on_event(&Event { cause, ..transition(20, "WARN", "ERROR") });
        assert_eq!([19, 20].map(|at| excused(&story, at)), [true, false]);
    }
}
