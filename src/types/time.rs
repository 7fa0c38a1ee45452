//! Instants, durations and the only reader of the machine's clocks.
//!
//! Decisions never read a clock: they are handed `now`. Durations are monotonic nanoseconds; wall
//! time labels files and reports and is never subtracted to get an age (`PRODUCT.md` C27, F29).

use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::ClockId;
use rustix::time::clock_gettime;

/// Nanoseconds in one second.
pub const NS_PER_SEC: u64 = 1_000_000_000;
/// Nanoseconds in one millisecond.
pub const NS_PER_MS: u64 = 1_000_000;
/// Korea is nine hours ahead of UTC, without daylight saving time.
const KST_OFFSET_NS: u64 = 9 * 3_600 * NS_PER_SEC;
const DAY_NS: u64 = 86_400 * NS_PER_SEC;

/// A length of time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct DurNs(pub u64);

impl DurNs {
    /// From milliseconds, stopping at the end of the range.
    pub const fn from_ms(ms: u64) -> DurNs {
        DurNs(ms.saturating_mul(NS_PER_MS))
    }
    /// From seconds, stopping at the end of the range.
    pub const fn from_secs(secs: u64) -> DurNs {
        DurNs(secs.saturating_mul(NS_PER_SEC))
    }
    /// Whole milliseconds, rounded down.
    pub const fn as_ms(self) -> u64 {
        self.0 / NS_PER_MS
    }
}

/// Writes a duration in milliseconds, without unit, rounded half up to the precision that the
/// format asks for (`{:.2}`; else one decimal). A time below 1 ms gets at least three decimals,
/// one below 1 µs six: what was measured never reads as zero.
pub struct Millis(pub DurNs);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = match self.0.0 {
            0 | NS_PER_MS.. => 1,
            1_000.. => 3,
            _ => 6,
        };
        let decimals = f.precision().unwrap_or(1).clamp(least, 6);
        let unit_ns = 10u64.pow(6 - decimals as u32);
        let units = self.0.0 / unit_ns + u64::from(self.0.0 % unit_ns * 2 >= unit_ns);
        let per_ms = NS_PER_MS / unit_ns;
        write!(f, "{}.{:0decimals$}", units / per_ms, units % per_ms)
    }
}

/// A point on the monotonic clock (real or virtual), in nanoseconds since an arbitrary start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct MonoNs(pub u64);

impl MonoNs {
    /// Time since `earlier`; zero if `earlier` lies ahead.
    pub const fn since(self, earlier: MonoNs) -> DurNs {
        DurNs(self.0.saturating_sub(earlier.0))
    }
    /// This instant moved later, stopping at the end of the range.
    pub const fn plus(self, by: DurNs) -> MonoNs {
        MonoNs(self.0.saturating_add(by.0))
    }
}

/// Wall-clock nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct WallNs(pub u64);

impl WallNs {
    /// Number of the Korean calendar day: daily limits roll over at KST midnight.
    pub const fn kst_day(self) -> u64 {
        self.0.saturating_add(KST_OFFSET_NS) / DAY_NS
    }
    /// Whole milliseconds since 1970.
    pub const fn as_ms(self) -> u64 {
        self.0 / NS_PER_MS
    }
}

/// Both readings of one moment: `mono` orders and measures, `wall` labels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Monotonic reading.
    pub mono: MonoNs,
    /// Wall-clock reading of the same moment.
    pub wall: WallNs,
}

impl Now {
    /// Where an instant of another process lies on this clock: `mono` was its reading, and `then`
    /// both readings of one moment there. Wall time joins the two clocks; an instant before this
    /// clock's zero is the zero.
    pub const fn place(self, mono: MonoNs, then: Now) -> MonoNs {
        let between = self.wall.0.saturating_sub(then.wall.0);
        let before = then.mono.since(mono);
        MonoNs(self.mono.0.saturating_sub(between.saturating_add(before.0)))
    }
}

/// The machine's clock. Everything else gets its readings as arguments.
///
/// It goes on while the host is suspended (CLOCK_BOOTTIME): what was fresh before a suspension is
/// old after it, a lease has run out, a cooldown has passed (`FAULTS.md` F31).
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Since the boot.
    start_ns: u64,
    past: DurNs,
}

impl Clock {
    /// A clock whose monotonic zero is now.
    pub fn start() -> Clock {
        Clock::with_past(DurNs(0))
    }
    /// A clock whose monotonic zero lies `past` ago, so that instants of an earlier process have a
    /// place on it ([`Now::place`]).
    pub fn with_past(past: DurNs) -> Clock {
        Clock { start_ns: since_boot_ns(), past }
    }
    /// Monotonic time since the clock's zero. About 25 ns.
    pub fn mono(&self) -> MonoNs {
        MonoNs(since_boot_ns().saturating_sub(self.start_ns)).plus(self.past)
    }
    /// Wall time; zero if the machine believes that it is before 1970.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn wall() -> WallNs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        WallNs(wall_ns.saturating_add_signed(WALL_OFFSET_NS.load(Ordering::Relaxed)))
    }
    /// Fault injection only: from here on all wall time of this process is ahead by so much more
    /// (behind, if negative), as after a step of the machine's clock. Monotonic time goes on.
    pub fn step_wall(by_ns: i64) {
        WALL_OFFSET_NS.fetch_add(by_ns, Ordering::Relaxed);
    }
}

/// Sum of the injected steps. Global, because the machine's clock is; zero unless a fault schedule
/// steps the clock.
static WALL_OFFSET_NS: AtomicI64 = AtomicI64::new(0);

fn since_boot_ns() -> u64 {
    let since = clock_gettime(ClockId::Boottime);
    // Neither is ever negative, and the sum lasts for 584 years.
    since.tv_sec as u64 * NS_PER_SEC + since.tv_nsec as u64
}

/// The machine's clock for one loop: gives both readings of a moment for one reading of the clock.
/// Wall time is carried on from its last reading by monotonic time and read again every
/// [`WALL_RENEWAL`], so a clock step is followed within it; like the clock's it may go back.
#[derive(Clone, Copy, Debug)]
pub struct LoopClock {
    clock: Clock,
    anchor: Now,
}

/// Longest time for which wall time is carried on: costs 25 ns a millisecond, and the most that a
/// slewed clock (500 ppm) drifts in it is 0.5 µs.
pub const WALL_RENEWAL: DurNs = DurNs::from_ms(1);

impl LoopClock {
    /// Monotonic time as `clock` counts it: copies of one clock agree across threads.
    pub fn of(clock: Clock) -> LoopClock {
        LoopClock { clock, anchor: Now { mono: clock.mono(), wall: Clock::wall() } }
    }
    /// The present moment. About 25 ns.
    pub fn now(&mut self) -> Now {
        let mono = self.clock.mono();
        if is_outdated(self.anchor, mono) {
            self.anchor = Now { mono, wall: Clock::wall() };
        }
        carried_on(self.anchor, mono)
    }
}

const fn is_outdated(anchor: Now, mono: MonoNs) -> bool {
    mono.since(anchor.mono).0 >= WALL_RENEWAL.0
}

const fn carried_on(anchor: Now, mono: MonoNs) -> Now {
    let passed = mono.since(anchor.mono);
    Now { mono, wall: WallNs(anchor.wall.0.saturating_add(passed.0)) }
}

/// Time that moves only when it is told to: simulation, replay and tests.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    now: Now,
}

impl VirtualClock {
    /// Starts at monotonic zero and the given wall time.
    pub const fn at(wall: WallNs) -> VirtualClock {
        VirtualClock { now: Now { mono: MonoNs(0), wall } }
    }
    /// The present reading.
    pub const fn now(&self) -> Now {
        self.now
    }
    /// Fault injection only: moves wall time alone, as a step of the machine's clock would.
    pub const fn step_wall(&mut self, by_ns: i64) {
        self.now.wall = WallNs(self.now.wall.0.saturating_add_signed(by_ns));
    }
    /// Moves both readings to the given monotonic instant; never backwards.
    pub fn advance_to(&mut self, mono: MonoNs) {
        let step = mono.since(self.now.mono);
        self.now.mono = self.now.mono.plus(step);
        self.now.wall = WallNs(self.now.wall.0.saturating_add(step.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trading_day_rolls_over_at_korean_midnight() {
        // 2024-08-08T15:00:00Z is 2024-08-09T00:00:00+09:00.
        let midnight = WallNs(1_723_129_200 * NS_PER_SEC);
        assert_eq!(midnight.kst_day(), WallNs(midnight.0 - 1).kst_day() + 1);
    }

    #[test]
    fn milliseconds_keep_enough_digits_to_never_read_as_zero() {
        let shown = |ns: u64| Millis(DurNs(ns)).to_string();
        let few = [0, 4, 4_321, 250_000, 999_999].map(shown);
        assert_eq!(few, ["0.0", "0.000004", "0.004", "0.250", "1.000"]);
        assert_eq!([50_049_999, 50_050_000].map(shown), ["50.0", "50.1"]);
        let two = |ns: u64| format!("{:.2}", Millis(DurNs(ns)));
        assert_eq!([74_754_999, 74_755_000, 4_321].map(two), ["74.75", "74.76", "0.004"]);
        assert_eq!(shown(u64::MAX), "18446744073709.6");
    }

    #[test]
    fn an_age_is_never_negative() {
        assert_eq!(MonoNs(5).since(MonoNs(9)), DurNs(0));
    }

    #[test]
    fn wall_time_is_carried_on_between_readings_and_read_again_after_a_millisecond() {
        let anchor = Now { mono: MonoNs(100), wall: WallNs(7_000) };
        assert_eq!(carried_on(anchor, MonoNs(150)).wall, WallNs(7_050));
        assert!(!is_outdated(anchor, MonoNs(100 + WALL_RENEWAL.0 - 1)));
        assert!(is_outdated(anchor, MonoNs(100 + WALL_RENEWAL.0)));
    }

    #[test]
    fn an_instant_of_an_earlier_process_keeps_its_age() {
        let then = Now { mono: MonoNs(50), wall: WallNs(1_000) };
        let now = Now { mono: MonoNs(500), wall: WallNs(1_100) };
        assert_eq!(now.place(MonoNs(40), then), MonoNs(390), "10 before, 100 since");
        assert_eq!(now.place(MonoNs(50), then), MonoNs(400));
        let fresh = Now { mono: MonoNs(5), wall: WallNs(1_100) };
        assert_eq!(fresh.place(MonoNs(40), then), MonoNs(0), "before this clock's zero");
        let stepped_back = Now { mono: MonoNs(5), wall: WallNs(900) };
        assert_eq!(stepped_back.place(MonoNs(50), then), MonoNs(5), "never in the future");
    }

    #[test]
    fn a_step_of_the_clock_moves_wall_time_and_nothing_else() {
        let mut clock = VirtualClock::at(WallNs(100));
        clock.step_wall(-30);
        assert_eq!(clock.now(), Now { mono: MonoNs(0), wall: WallNs(70) });
        clock.step_wall(30);
        assert_eq!(clock.now(), Now { mono: MonoNs(0), wall: WallNs(100) });
    }

    #[test]
    fn virtual_time_never_goes_back() {
        let mut clock = VirtualClock::at(WallNs(100));
        clock.advance_to(MonoNs(7));
        clock.advance_to(MonoNs(3));
        assert_eq!(clock.now(), Now { mono: MonoNs(7), wall: WallNs(107) });
    }
}
