//! Where the symbols of one connection stand: awaited, live, broken, off. Pure.
//!
//! Each symbol that was asked for has to show its first image within a time. One that does not is
//! asked for once more, and then it is off: it is waited for no longer, asked for again now and
//! then, and never affects the others. What shows itself late is live. A live one that shows
//! nothing for a minute, while the connection brings other data, is asked for again once: its
//! subscription may have ended without a word.

use arrayvec::ArrayVec;

use crate::feed::pace::Backoff;
use crate::types::limit;
use crate::types::rng::SplitMix64;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// A symbol that is off is asked for again each so often: it may have been listed, or the venue
/// was only slow.
pub const OFF_RETRY: DurNs = DurNs::from_secs(300);

/// A live symbol without an image for so long is asked for again.
pub const STILL: DurNs = DurNs::from_secs(60);

/// A break is mended at once; the next of the same symbol within [`STEADY`] after a pause between
/// nothing and one second, then two, …
const RESYNC_FIRST: DurNs = DurNs::from_secs(1);
const RESYNC_CAP: DurNs = DurNs::from_secs(30);
/// After so long without a break, the next one is mended at once again.
const STEADY: DurNs = DurNs::from_secs(60);

const _: () = assert!(limit::INSTRUMENTS <= u64::BITS as usize, "symbols are one u64 bit set");

/// A set of symbols by their slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Symbols(u64);

impl Symbols {
    /// Slots from 0 to below `count`.
    pub const fn first(count: usize) -> Symbols {
        match count {
            0 => Symbols(0),
            64.. => Symbols(u64::MAX),
            _ => Symbols(u64::MAX >> (64 - count)),
        }
    }
    /// Adds a slot.
    pub const fn insert(&mut self, slot: usize) {
        self.0 |= 1 << slot;
    }
    /// Takes a slot out; true if it was there.
    pub const fn remove(&mut self, slot: usize) -> bool {
        let was_there = self.contains(slot);
        self.0 &= !(1 << slot);
        was_there
    }
    /// Whether a slot is in it.
    pub const fn contains(self, slot: usize) -> bool {
        self.0 & 1 << slot != 0
    }
    /// Whether it holds none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Whether all of these are in `other`.
    pub const fn are_in(self, other: Symbols) -> bool {
        self.0 & !other.0 == 0
    }
    /// The slots, ascending.
    pub fn slots(self) -> impl Iterator<Item = usize> {
        (0..u64::BITS as usize).filter(move |slot| self.contains(*slot))
    }
}

/// Where one symbol stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Asked for: its image has to come by then.
    Awaited { by: MonoNs, is_last: bool },
    /// It showed itself; then, or the connection brought nothing at all until then.
    Live { since: MonoNs },
    /// Its sequence broke: it is asked for again then.
    Broken { at: MonoNs },
    /// It is not waited for; asked for again then.
    Off { again_at: MonoNs },
}

/// One symbol.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    standing: Standing,
    resync: Backoff,
    resynced_at: MonoNs,
}

/// What has become due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// To be asked for again.
    pub again: Symbols,
    /// Off from now on.
    pub off: Symbols,
}

/// All symbols of a connection.
#[derive(Debug)]
pub struct Standings {
    symbols: ArrayVec<Symbol, { limit::INSTRUMENTS }>,
    first_image: DurNs,
}

impl Standings {
    /// So many symbols were asked for just now; each has `first_image` to show itself.
    pub fn new(count: usize, first_image: DurNs, now: MonoNs) -> Standings {
        let symbol = Symbol {
            standing: Standing::Awaited { by: now.plus(first_image), is_last: false },
            resync: Backoff::new(RESYNC_FIRST, RESYNC_CAP),
            resynced_at: MonoNs(0),
        };
        let symbols = std::iter::repeat_n(symbol, count.min(limit::INSTRUMENTS)).collect();
        Standings { symbols, first_image }
    }

    /// Symbols that are live.
    pub fn live(&self) -> Symbols {
        let mut live = Symbols::default();
        for (slot, symbol) in self.symbols.iter().enumerate() {
            if matches!(symbol.standing, Standing::Live { .. }) {
                live.insert(slot);
            }
        }
        live
    }
    /// A symbol showed its image.
    pub fn on_image(&mut self, slot: usize, now: MonoNs) {
        if let Some(symbol) = self.symbols.get_mut(slot) {
            symbol.standing = Standing::Live { since: now };
        }
    }
    /// The sequence of a live symbol broke, and only asking again mends it. Breaks of one that is
    /// waited for anyway change nothing.
    pub fn on_break(&mut self, slot: usize, rng: &mut SplitMix64, now: MonoNs) {
        let Some(symbol) = self.symbols.get_mut(slot) else { return };
        if !matches!(symbol.standing, Standing::Live { .. }) {
            return;
        }
        let pause = if symbol.resynced_at == MonoNs(0) || now.since(symbol.resynced_at) >= STEADY {
            symbol.resync.reset();
            DurNs(0)
        } else {
            symbol.resync.next(rng)
        };
        symbol.resynced_at = now.plus(pause);
        symbol.standing = Standing::Broken { at: now.plus(pause) };
    }

    /// The connection brings no data at all: no silence of one symbol counts until it does again.
    pub fn on_quiet(&mut self, now: MonoNs) {
        for symbol in &mut self.symbols {
            if let Standing::Live { since } = &mut symbol.standing {
                *since = now;
            }
        }
    }

    /// Comes to `now`.
    pub fn step(&mut self, now: MonoNs) -> Due {
        let mut due = Due::default();
        let by = now.plus(self.first_image);
        for (slot, symbol) in self.symbols.iter_mut().enumerate() {
            let is_last = match symbol.standing {
                Standing::Awaited { by, is_last } if by <= now => {
                    if is_last {
                        symbol.standing = Standing::Off { again_at: now.plus(OFF_RETRY) };
                        due.off.insert(slot);
                        continue;
                    }
                    true
                }
                Standing::Broken { at } if at <= now => false,
                Standing::Live { since } if now.since(since) >= STILL => true,
                Standing::Off { again_at } if again_at <= now => true,
                _ => continue,
            };
            symbol.standing = Standing::Awaited { by, is_last };
            due.again.insert(slot);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: DurNs = DurNs::from_secs(10);

    fn set(slots: &[usize]) -> Symbols {
        let mut symbols = Symbols::default();
        slots.iter().for_each(|slot| symbols.insert(*slot));
        symbols
    }

    fn at(secs: u64) -> MonoNs {
        MonoNs(0).plus(DurNs::from_secs(secs))
    }

    #[test]
    fn a_silent_symbol_is_asked_for_once_more_then_off_and_now_and_then_again() {
        let mut standings = Standings::new(2, FIRST, at(0));
        standings.on_image(1, at(0));
        assert_eq!(standings.step(at(9)), Due::default());
        assert_eq!(standings.step(at(10)), Due { again: set(&[0]), off: set(&[]) });
        assert_eq!(standings.step(at(20)), Due { again: set(&[]), off: set(&[0]) });
        standings.on_image(1, at(319));
        assert_eq!(standings.step(at(319)), Due::default());
        assert_eq!(standings.step(at(320)), Due { again: set(&[0]), off: set(&[]) });
        assert_eq!(standings.step(at(330)), Due { again: set(&[]), off: set(&[0]) });
        assert_eq!(standings.live(), set(&[1]));
    }

    #[test]
    fn what_shows_itself_late_is_live() {
        let mut standings = Standings::new(1, FIRST, at(0));
        standings.step(at(10));
        standings.step(at(20));
        assert_eq!(standings.live(), set(&[]));
        standings.on_image(0, at(21));
        assert_eq!(standings.live(), set(&[0]));
        assert_eq!(standings.step(at(80)), Due::default());
    }

    #[test]
    fn what_falls_silent_for_a_minute_is_asked_for_once_and_then_off() {
        let mut standings = Standings::new(2, FIRST, at(0));
        (0..2).for_each(|slot| standings.on_image(slot, at(1)));
        standings.on_image(1, at(60));
        assert_eq!(standings.step(at(60)), Due::default());
        assert_eq!(standings.step(at(61)), Due { again: set(&[0]), off: set(&[]) });
        assert_eq!(standings.live(), set(&[1]));
        assert_eq!(standings.step(at(71)), Due { again: set(&[]), off: set(&[0]) });
        // A connection that brings nothing says nothing of any one symbol.
        (100..1_000).for_each(|secs| standings.on_quiet(at(secs)));
        assert_eq!(standings.step(at(1_000)).again, set(&[0]), "only the one that is off");
    }

    #[test]
    fn one_break_is_mended_at_once_and_many_are_spread() {
        let mut rng = SplitMix64::new(3, 0);
        let mut standings = Standings::new(1, FIRST, at(0));
        let mut asked = 0;
        for ms in 0..60_000 {
            let now = MonoNs(0).plus(DurNs::from_ms(1_000 + ms));
            standings.on_image(0, now);
            standings.on_break(0, &mut rng, now);
            asked += u32::from(!standings.step(now).again.is_empty());
            if ms == 0 {
                assert_eq!(asked, 1, "the first one at once");
            }
        }
        // Each image takes the pending request back: only pauses of nothing come through.
        assert!(asked <= 3, "{asked} requests in a minute of breaks each millisecond");
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        assert_eq!(Symbols::first(3).slots().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(Symbols::first(64).slots().count(), 64);
        assert!(Symbols::first(0).is_empty());
        assert!(set(&[1]).are_in(set(&[1, 2])) && !set(&[1, 3]).are_in(set(&[1, 2])));
    }
}
