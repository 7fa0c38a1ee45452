//! The permission word: what orders may do now, written by the watchdog, read before every send.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::types::order::Purpose;
use crate::types::time::MonoNs;

/// What orders may do now, from nothing to everything; each grade includes those below it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Ask only.
    Query = 0,
    /// Cancel, and bounded orders that repair a one-sided pair.
    Reduce = 1,
    /// Finish and close what is open.
    Finish = 2,
    /// Open new pairs.
    Trade = 3,
}

impl Permission {
    /// The least permission an order of this purpose needs.
    pub const fn needed_for(purpose: Purpose) -> Permission {
        match purpose {
            Purpose::Entry => Permission::Trade,
            Purpose::Exit => Permission::Finish,
            Purpose::Hedge => Permission::Reduce,
        }
    }
    const fn from_bits(bits: u64) -> Permission {
        match bits & 0xff {
            1 => Permission::Reduce,
            2 => Permission::Finish,
            3 => Permission::Trade,
            _ => Permission::Query,
        }
    }
}

/// One permission with a lease, shared by reference. One writer. Starts as `Query`, expired: a
/// process whose watchdog never ran may send nothing. Beside it, a latch with which any thread can
/// end entries at once, whoever grants what.
#[derive(Debug)]
#[repr(align(64))]
pub struct PermissionWord {
    /// Epoch in the upper 56 bits, permission in the lower 8.
    word: AtomicU64,
    /// The word counts until this monotonic instant.
    valid_until_ns: AtomicU64,
    /// Set once, never cleared.
    entries_ended: AtomicBool,
}

impl PermissionWord {
    /// No permission, no lease.
    pub const fn shut() -> PermissionWord {
        PermissionWord {
            word: AtomicU64::new(0),
            valid_until_ns: AtomicU64::new(0),
            entries_ended: AtomicBool::new(false),
        }
    }
    /// Writes the permission and renews its lease. For the one writer only.
    pub fn grant(&self, permission: Permission, until: MonoNs) {
        let old = self.word.load(Ordering::Relaxed);
        let changed = Permission::from_bits(old) != permission;
        let epoch = (old >> 8).wrapping_add(u64::from(changed));
        self.word.store(epoch << 8 | permission as u64, Ordering::Release);
        self.valid_until_ns.store(until.0, Ordering::Release);
    }
    /// Counts changes of what is granted: who has acted on an epoch knows that permission.
    pub fn epoch(&self) -> u64 {
        self.word.load(Ordering::Acquire) >> 8
    }
    /// Nothing more may be entered in this process: a thread died. For anyone, for good.
    pub fn end_entries(&self) {
        self.entries_ended.store(true, Ordering::Release);
    }
    /// The permission in force at `now`: `Query` once the lease has run out, at most `Finish` once
    /// entries have ended. Three loads of one cache line.
    pub fn at(&self, now: MonoNs) -> Permission {
        if now.0 >= self.valid_until_ns.load(Ordering::Acquire) {
            return Permission::Query;
        }
        let granted = Permission::from_bits(self.word.load(Ordering::Acquire));
        match self.entries_ended.load(Ordering::Acquire) {
            true => granted.min(Permission::Finish),
            false => granted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_permitted_before_the_first_grant_or_after_the_lease() {
        let word = PermissionWord::shut();
        assert_eq!(word.at(MonoNs(0)), Permission::Query);
        word.grant(Permission::Trade, MonoNs(10));
        assert_eq!(word.at(MonoNs(9)), Permission::Trade);
        assert_eq!(word.at(MonoNs(10)), Permission::Query);
    }

    #[test]
    fn once_entries_have_ended_no_grant_brings_them_back() {
        let word = PermissionWord::shut();
        word.grant(Permission::Trade, MonoNs(10));
        word.end_entries();
        assert_eq!(word.at(MonoNs(0)), Permission::Finish);
        word.grant(Permission::Trade, MonoNs(20));
        assert_eq!(word.at(MonoNs(0)), Permission::Finish);
        word.grant(Permission::Reduce, MonoNs(20));
        assert_eq!(word.at(MonoNs(0)), Permission::Reduce);
    }

    #[test]
    fn an_entry_needs_more_than_a_hedge() {
        let needs = Permission::needed_for;
        assert!(needs(Purpose::Entry) > needs(Purpose::Exit));
        assert!(needs(Purpose::Exit) > needs(Purpose::Hedge));
        assert!(needs(Purpose::Hedge) > Permission::Query);
    }
}
