//! What orders may do in each state, and the pause of entries after an ERROR.

use crate::types::control::Permission;
use crate::types::time::DurNs;
use crate::watchdog::state::Severity;
use crate::watchdog::state::State;

/// Time between two ticks.
pub const TICK: DurNs = DurNs::from_ms(250);
/// How long a permission counts without being renewed: a dead watchdog stops trading by itself.
pub const LEASE: DurNs = DurNs::from_secs(1);

const _: () = assert!(LEASE.0 >= 3 * TICK.0, "two late ticks must not stop trading");

/// No entries during an ERROR and for a while after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct EntryHold {
    /// Zero: entries may be made.
    pub left: DurNs,
}

impl EntryHold {
    /// Nothing is held.
    pub const NONE: EntryHold = EntryHold { left: DurNs(0) };

    /// The hold at a tick with that severity, `elapsed` after the one before.
    pub fn after(self, severity: Severity, elapsed: DurNs, hold: DurNs) -> EntryHold {
        let left = if severity.stops_entries() {
            hold.max(DurNs(1))
        } else {
            DurNs(self.left.0.saturating_sub(elapsed.0))
        };
        EntryHold { left }
    }
}

/// What orders may do: entries in live states outside the hold, finishing and hedging within it,
/// cancelling and bounded reducing while draining, asking otherwise.
pub const fn permission(state: State, hold: EntryHold) -> Permission {
    match state {
        State::Normal | State::Warn | State::Error if hold.left.0 == 0 => Permission::Trade,
        State::Normal | State::Warn | State::Error => Permission::Finish,
        State::Critical | State::Stopping => Permission::Reduce,
        State::Boot | State::Cooldown | State::Exit(_) => Permission::Query,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: EntryHold = EntryHold { left: DurNs(1) };

    #[test]
    fn each_state_has_its_permission() {
        for live in [State::Normal, State::Warn, State::Error] {
            assert_eq!(permission(live, EntryHold::NONE), Permission::Trade);
            assert_eq!(permission(live, HELD), Permission::Finish);
        }
        for hold in [EntryHold::NONE, HELD] {
            assert_eq!(permission(State::Critical, hold), Permission::Reduce);
            assert_eq!(permission(State::Stopping, hold), Permission::Reduce);
            assert_eq!(permission(State::Boot, hold), Permission::Query);
            assert_eq!(permission(State::Cooldown, hold), Permission::Query);
        }
    }

    #[test]
    fn an_error_holds_entries_until_the_hold_has_passed_without_another() {
        let hold = DurNs::from_secs(10);
        let held = EntryHold::NONE.after(Severity::ErrorNoStrike, TICK, hold);
        let almost = held.after(Severity::Warn, DurNs(hold.0 - 1), hold);
        assert_ne!(almost, EntryHold::NONE);
        assert_eq!(almost.after(Severity::Ok, DurNs(1), hold), EntryHold::NONE);
        assert_eq!(almost.after(Severity::Error, DurNs(1), hold), held);
    }

    #[test]
    fn a_hold_of_zero_still_stops_entries_during_the_error() {
        let held = EntryHold::NONE.after(Severity::Error, TICK, DurNs(0));
        assert_ne!(held, EntryHold::NONE);
        assert_eq!(held.after(Severity::Ok, TICK, DurNs(0)), EntryHold::NONE);
    }
}
