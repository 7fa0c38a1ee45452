//! What the events tell: how often the watchdog fell how low, and when faults were injected.
//! Bounded: a list that is full counts on.

use crate::types::evidence::Event;
use crate::types::evidence::FAULT_BEGIN;
use crate::types::evidence::FAULT_END;
use crate::types::evidence::FAULT_EVENT;
use crate::types::evidence::WATCHDOG_EVENT;
use crate::types::time::NS_PER_SEC;
use crate::verdict::sample::State;
use crate::verdict::stamp;

/// Most injected faults and most falls that are kept.
const MOST: usize = 10_000;
/// An injected fault still explains what happens this long after its end: ERROR lasts up to 20
/// cycles of a minute, and the way back is due within 25 (`FAULTS.md` G13).
const AFTERMATH_NS: u64 = 30 * 60 * NS_PER_SEC;

/// The watchdog became worse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fall {
    /// When.
    pub wall_ns: u64,
    /// The state from there on: ERROR or CRITICAL.
    pub to: State,
    /// The signal behind it.
    pub cause: String,
}

/// A fault that was injected.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fault {
    cause: String,
    from_ns: u64,
    until_ns: u64,
}

/// The events of a folder.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Events read.
    pub events: u64,
    falls: Vec<Fall>,
    faults: Vec<Fault>,
    untold: u64,
}

impl Story {
    /// Takes in an event; one without a time tells nothing.
    pub fn on_event(&mut self, event: &Event) {
        self.events += 1;
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
        self.falls.push(Fall { wall_ns, to, cause });
    }
    fn on_fault(&mut self, event: &Event, wall_ns: u64) {
        let cause = event.cause.as_deref().unwrap_or_default();
        let open = |fault: &&mut Fault| fault.until_ns == u64::MAX && fault.cause == cause;
        match event.phase.as_deref() {
            Some(FAULT_BEGIN) if self.faults.len() < MOST => {
                let cause = cause.to_string();
                self.faults.push(Fault { cause, from_ns: wall_ns, until_ns: u64::MAX });
            }
            Some(FAULT_END) => {
                if let Some(fault) = self.faults.iter_mut().rev().find(open) {
                    fault.until_ns = wall_ns;
                }
            }
            _ => {}
        }
    }
    /// Injected faults.
    pub fn faults(&self) -> usize {
        self.faults.len()
    }
    /// True if an injected fault acted, or could still be felt, at that time.
    pub fn explains(&self, wall_ns: u64) -> bool {
        let felt = |fault: &Fault| {
            (fault.from_ns..=fault.until_ns.saturating_add(AFTERMATH_NS)).contains(&wall_ns)
        };
        self.faults.iter().any(felt)
    }
    /// Falls into that state that no injected fault explains.
    pub fn unexplained(&self, to: State) -> impl Iterator<Item = &Fall> {
        self.falls.iter().filter(move |fall| fall.to == to && !self.explains(fall.wall_ns))
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
            ..<_>::default()
        }
    }

    fn fault(minute: u64, phase: &str) -> Event {
        let (event_type, cause) = (FAULT_EVENT.to_string(), Some("feed_lag".to_string()));
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

    #[test]
    fn a_fault_without_an_end_lasts() {
        let mut story = Story::default();
        story.on_event(&fault(10, FAULT_BEGIN));
        assert!(story.explains(u64::MAX));
        assert!(!story.explains(0));
    }
}
