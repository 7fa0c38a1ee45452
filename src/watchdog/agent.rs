//! The watchdog on its thread: every 250 ms it looks at the pulses and renews the lease of the
//! permission. Dead, it renews nothing, and trading stops by itself within a second.

use std::sync::Arc;

use crate::runtime::agent::Agent;
use crate::runtime::agent::Turn;
use crate::runtime::pulse::PulseView;
use crate::runtime::pulse::State;
use crate::types::control::Permission;
use crate::types::control::PermissionWord;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::watchdog::permission::LEASE;
use crate::watchdog::permission::TICK;

/// The watchdog agent.
pub struct Watchdog {
    permission: Arc<PermissionWord>,
    watched: Vec<PulseView>,
    next: Option<MonoNs>,
    is_stopping: bool,
}

impl Watchdog {
    /// Over the pulses of the threads that trading needs.
    pub fn new(permission: Arc<PermissionWord>, watched: Vec<PulseView>) -> Watchdog {
        Watchdog { permission, watched, next: None, is_stopping: false }
    }

    /// With a dead thread nothing new is risked, and what is open may only be reduced.
    fn permitted(&self) -> Permission {
        let dead = self.watched.iter().any(|pulse| pulse.state() == State::Dead);
        match (dead, self.is_stopping) {
            (true, _) => Permission::Reduce,
            (false, true) => Permission::Finish,
            (false, false) => Permission::Trade,
        }
    }
}

impl Agent for Watchdog {
    fn name(&self) -> &'static str {
        "watchdog"
    }

    fn turn(&mut self, now: Now) -> Turn {
        if self.next.is_some_and(|next| now.mono < next) {
            return Turn::Idle;
        }
        self.next = Some(now.mono.plus(TICK));
        self.permission.grant(self.permitted(), now.mono.plus(LEASE));
        Turn::Worked
    }

    fn due(&self) -> Option<MonoNs> {
        self.next
    }

    fn stop(&mut self, _now: Now) {
        self.is_stopping = true;
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::pulse::Pulse;
    use crate::types::time::DurNs;
    use crate::types::time::WallNs;

    fn at(ms: u64) -> Now {
        Now { mono: MonoNs(0).plus(DurNs::from_ms(ms)), wall: WallNs(0) }
    }

    #[test]
    fn a_living_watchdog_renews_and_a_dead_one_lets_the_lease_run_out() {
        let word = Arc::new(PermissionWord::shut());
        let mut dog = Watchdog::new(Arc::clone(&word), Vec::new());
        for tick in 0..4 {
            assert_eq!(dog.turn(at(tick * 250)), Turn::Worked);
            assert_eq!(word.at(at(tick * 250 + 999).mono), Permission::Trade);
        }
        assert_eq!(word.at(at(750 + 1_000).mono), Permission::Query);
    }

    #[test]
    fn a_dead_thread_leaves_only_what_reduces() {
        let word = Arc::new(PermissionWord::shut());
        let pulse = Pulse::new("engine");
        let mut dog = Watchdog::new(Arc::clone(&word), vec![pulse.view()]);
        dog.turn(at(0));
        assert_eq!(word.at(at(1).mono), Permission::Trade);
        pulse.enter(State::Dead);
        dog.turn(at(250));
        assert_eq!(word.at(at(251).mono), Permission::Reduce);
    }
}
