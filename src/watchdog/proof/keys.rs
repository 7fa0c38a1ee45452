//! Packed states for the exhaustive search: a state in a number, and a set of such numbers.

use crate::types::time::DurNs;
use crate::watchdog::criticals::Criticals;
use crate::watchdog::limits::CRITICAL_MEMORY;
use crate::watchdog::machine::Machine;
use crate::watchdog::machine::Phase;
use crate::watchdog::machine::Then;
use crate::watchdog::permission::EntryHold;
use crate::watchdog::proof::COOLDOWN;
use crate::watchdog::proof::E;
use crate::watchdog::state::Ending;
use crate::watchdog::state::Level;
use crate::watchdog::step::CRITICALS;
use crate::watchdog::windows::Windows;

/// Mixed radix: digits go in at one end and come out at the other in reverse order.
struct Digits(u64);

impl Digits {
    fn put(&mut self, digit: u64, radix: u64) {
        assert!(digit < radix, "a digit must fit its place");
        self.0 = self.0 * radix + digit;
    }
    fn take(&mut self, radix: u64) -> u64 {
        let digit = self.0 % radix;
        self.0 /= radix;
        digit
    }
}

const ENDINGS: [Ending; 5] =
    [Ending::Done, Ending::Flat, Ending::Halted, Ending::Unhedged, Ending::CrashLoop];
const LEVELS: [Level; 3] = [Level::Normal, Level::Warn, Level::Error];
const THENS: [Then; 4] = [Then::Stop, Then::Policy, Then::StopAfterCritical, Then::Halt];
/// Times left are multiples of this.
const GRAIN: u64 = DurNs::from_secs(5).0;

fn place<T: PartialEq>(of: &[T], value: &T) -> u64 {
    of.iter().position(|each| each == value).expect("a listed value") as u64
}

/// The state without what nothing reads any more.
pub(super) fn pack(machine: &Machine) -> u64 {
    let (kind, detail, time) = match machine.phase {
        Phase::Ended(ending) => return place(&ENDINGS, &ending),
        Phase::Boot { left } => (1, 0, left.0 / GRAIN),
        Phase::Live { level, cycles } => (2, place(&LEVELS, &level), u64::from(cycles)),
        Phase::Draining { left, then } => (3, place(&THENS, &then), left.0 / GRAIN),
        Phase::Cooldown { left } => (4, 0, left.0 / GRAIN),
    };
    let windows = machine.windows;
    let strikes = if kind == 2 { windows.strikes } else { 0 };
    let since_strike = if strikes == 0 { E } else { windows.since_strike };
    let mut digits = Digits(0);
    let newest = CRITICAL_MEMORY.0 - machine.criticals.left[0].0;
    for left in machine.criticals.left {
        digits.put(u64::from(left.0 > 0), 2);
    }
    digits.put(newest.min(COOLDOWN.0) / GRAIN, 16);
    digits.put(u64::from(windows.since_warn), 8);
    digits.put(u64::from(windows.since_error), 1_024);
    digits.put(u64::from(since_strike), 32);
    digits.put(u64::from(strikes), 4);
    digits.put(time, 32);
    digits.put(detail, 4);
    digits.put(kind, 8);
    digits.0 + ENDINGS.len() as u64
}

pub(super) fn unpack(key: u64, machine: &mut Machine) {
    if let Some(ending) = ENDINGS.get(key as usize) {
        machine.phase = Phase::Ended(*ending);
        return;
    }
    let mut digits = Digits(key - ENDINGS.len() as u64);
    let (kind, detail) = (digits.take(8), digits.take(4) as usize);
    let time = digits.take(32);
    let left = DurNs(time * GRAIN);
    machine.phase = match kind {
        1 => Phase::Boot { left },
        2 => Phase::Live { level: LEVELS[detail], cycles: time as u32 },
        3 => Phase::Draining { left, then: THENS[detail] },
        _ => Phase::Cooldown { left },
    };
    let mut window = |radix| digits.take(radix) as u32;
    let (strikes, since_strike) = (window(4) as u8, window(32));
    let (since_error, since_warn) = (window(1_024), window(8));
    machine.windows = Windows { since_warn, since_error, since_strike, strikes };
    machine.hold = EntryHold::NONE;
    let newest = digits.take(16) * GRAIN;
    let mut left = [0; CRITICALS];
    for place in left.iter_mut().rev() {
        *place = digits.take(2) * (CRITICAL_MEMORY.0 - COOLDOWN.0);
    }
    if left[0] > 0 {
        left[0] = CRITICAL_MEMORY.0 - newest;
    }
    machine.criticals = Criticals { left: left.map(DurNs) };
}

/// A set of keys by linear probing: the standard one is too slow without optimisation.
pub(super) struct KeySet {
    slots: Vec<u64>,
    pub(super) len: usize,
}

const EMPTY: u64 = u64::MAX;

impl KeySet {
    pub(super) fn new() -> KeySet {
        KeySet { slots: vec![EMPTY; 1 << 16], len: 0 }
    }
    /// True if it was not in the set.
    pub(super) fn insert(&mut self, key: u64) -> bool {
        if self.len * 2 > self.slots.len() {
            self.grow();
        }
        let slot = self.slot_of(key);
        let new = self.slots[slot] == EMPTY;
        self.slots[slot] = key;
        self.len += usize::from(new);
        new
    }
    fn slot_of(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize & mask;
        while self.slots[slot] != key && self.slots[slot] != EMPTY {
            slot = (slot + 1) & mask;
        }
        slot
    }
    fn grow(&mut self) {
        let larger = vec![EMPTY; self.slots.len() * 2];
        for key in std::mem::replace(&mut self.slots, larger) {
            if key != EMPTY {
                let slot = self.slot_of(key);
                self.slots[slot] = key;
            }
        }
    }
}
