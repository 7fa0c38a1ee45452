//! What threads show of themselves to the watchdog and to telemetry: atomics, one writer each.
//! Writing never waits and allocates nothing. What was never written is unknown, not zero.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::types::evidence::TERMS;
use crate::types::evidence::Term;
use crate::types::fact::Refusal;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// A number and when it was written.
#[derive(Debug, Default)]
pub struct Cell {
    value: AtomicI64,
    /// Monotonic ns + 1; 0: never.
    at: AtomicU64,
}

impl Cell {
    /// Writes it. For the one writer.
    pub fn put(&self, value: i64, at: MonoNs) {
        self.value.store(value, Ordering::Relaxed);
        self.at.store(at.0.saturating_add(1), Ordering::Release);
    }
    /// The number and when it was written; `None` if it never was.
    pub fn get(&self) -> Option<(i64, MonoNs)> {
        let at = self.at.load(Ordering::Acquire).checked_sub(1)?;
        Some((self.value.load(Ordering::Relaxed), MonoNs(at)))
    }
}

/// Counts that enter the conservation identities, as far as one thread keeps them.
#[derive(Debug)]
pub struct Terms {
    /// Count + 1; 0: not kept here.
    cells: [AtomicU64; TERMS],
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { cells: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Terms {
    /// Writes a count. For the one writer.
    pub fn put(&self, term: Term, count: u64) {
        self.cells[term as usize].store(count.saturating_add(1), Ordering::Relaxed);
    }
    /// A count; `None` if it is not kept here.
    pub fn get(&self, term: Term) -> Option<u64> {
        self.cells[term as usize].load(Ordering::Relaxed).checked_sub(1)
    }
}

/// What the engine shows at the end of each turn that did something or saw a new permission.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EngineFigures {
    /// When that turn began.
    pub at: MonoNs,
    /// Epoch of the permission that it acted on.
    pub epoch: u64,
    /// Cycles closed.
    pub cycles: u64,
    /// Orders at work.
    pub open_orders: u64,
    /// Of those, with an unknown outcome.
    pub unknown_orders: u64,
    /// When the oldest of those was decided.
    pub oldest_unknown_at: Option<MonoNs>,
    /// When the newest usable FX book arrived; `None` before the first.
    pub fx_at: Option<MonoNs>,
    /// No order is at work and no pair's legs differ.
    pub is_at_rest: bool,
    /// More than a lot stands unhedged and could be traded away.
    pub is_exposed: bool,
    /// The day's loss limit is reached.
    pub loss_limit: bool,
    /// Candidates that a safety check refused, so far.
    pub safety_rejections: u64,
    /// Orders that a venue or the last hop refused, so far.
    pub rejects: u64,
}

/// The engine's figures. Fields may be of two neighbouring turns, [`EngineFigures::at`] never of a
/// later one than the rest.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct EngineBoard {
    at: AtomicU64,
    epoch: AtomicU64,
    cycles: AtomicU64,
    open_orders: AtomicU64,
    unknown_orders: AtomicU64,
    /// Monotonic ns + 1; 0: none.
    oldest_unknown_at: AtomicU64,
    /// Monotonic ns + 1; 0: none.
    fx_at: AtomicU64,
    safety_rejections: AtomicU64,
    rejects: AtomicU64,
    is_at_rest: AtomicBool,
    is_exposed: AtomicBool,
    loss_limit: AtomicBool,
    is_written: AtomicBool,
    /// The engine's counts of the conservation identities.
    pub terms: Terms,
    /// Candidates and orders refused so far, by [`Refusal`].
    pub refusals: Refusals,
}

/// A count for each [`Refusal`].
#[derive(Debug)]
pub struct Refusals([AtomicU64; Refusal::COUNT]);

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Refusals {
    /// Shows the counts. For the one writer.
    pub fn put(&self, counts: &[u64; Refusal::COUNT]) {
        for (cell, count) in self.0.iter().zip(counts) {
            cell.store(*count, Ordering::Relaxed);
        }
    }
    /// The counts.
    pub fn get(&self) -> [u64; Refusal::COUNT] {
        std::array::from_fn(|index| self.0[index].load(Ordering::Relaxed))
    }
}

impl EngineBoard {
    /// Shows the figures. For the one writer; a dozen plain stores.
    pub fn publish(&self, figures: &EngineFigures) {
        let told = |at: Option<MonoNs>| at.map_or(0, |at| at.0.saturating_add(1));
        self.cycles.store(figures.cycles, Ordering::Relaxed);
        self.open_orders.store(figures.open_orders, Ordering::Relaxed);
        self.unknown_orders.store(figures.unknown_orders, Ordering::Relaxed);
        self.oldest_unknown_at.store(told(figures.oldest_unknown_at), Ordering::Relaxed);
        self.fx_at.store(told(figures.fx_at), Ordering::Relaxed);
        self.safety_rejections.store(figures.safety_rejections, Ordering::Relaxed);
        self.rejects.store(figures.rejects, Ordering::Relaxed);
        self.is_at_rest.store(figures.is_at_rest, Ordering::Relaxed);
        self.is_exposed.store(figures.is_exposed, Ordering::Relaxed);
        self.loss_limit.store(figures.loss_limit, Ordering::Relaxed);
        self.epoch.store(figures.epoch, Ordering::Release);
        self.at.store(figures.at.0, Ordering::Release);
        self.is_written.store(true, Ordering::Release);
    }
    /// The newest figures; `None` before the first turn.
    pub fn read(&self) -> Option<EngineFigures> {
        if !self.is_written.load(Ordering::Acquire) {
            return None;
        }
        let at = MonoNs(self.at.load(Ordering::Acquire));
        let epoch = self.epoch.load(Ordering::Acquire);
        let time = |cell: &AtomicU64| cell.load(Ordering::Relaxed).checked_sub(1).map(MonoNs);
        Some(EngineFigures {
            at,
            epoch,
            cycles: self.cycles.load(Ordering::Relaxed),
            open_orders: self.open_orders.load(Ordering::Relaxed),
            unknown_orders: self.unknown_orders.load(Ordering::Relaxed),
            oldest_unknown_at: time(&self.oldest_unknown_at),
            fx_at: time(&self.fx_at),
            is_at_rest: self.is_at_rest.load(Ordering::Relaxed),
            is_exposed: self.is_exposed.load(Ordering::Relaxed),
            loss_limit: self.loss_limit.load(Ordering::Relaxed),
            safety_rejections: self.safety_rejections.load(Ordering::Relaxed),
            rejects: self.rejects.load(Ordering::Relaxed),
        })
    }
}

/// What a venue's feed shows.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct FeedBoard {
    /// Transport lag of the newest frame, ns, and when that frame arrived.
    pub lag: Cell,
    /// Tops for the engine that found their link full and wait with the feed.
    pub held: AtomicU64,
    /// Connections made after the first.
    pub reconnects: AtomicU64,
    /// Raised by the watchdog's soft reset; the feed lowers it and connects anew.
    pub reconnect_asked: AtomicBool,
    /// Instruments that must not be traded, one bit each in the order of the venue's books. Set by
    /// whoever keeps the venues' rules.
    pub halted: AtomicU64,
    /// The run goes on without this venue: its lag is WARN and stops its own routes only. Set
    /// before the run begins.
    pub is_optional: AtomicBool,
}

impl FeedBoard {
    /// Transport lag of the newest frame, or the time since it once that exceeds the allowance:
    /// then silence is the lag. `None` before the first frame.
    pub fn lag_at(&self, now: MonoNs, allowance: DurNs) -> Option<DurNs> {
        let (lag, arrived_at) = self.lag.get()?;
        let lag = DurNs(u64::try_from(lag).unwrap_or_default());
        let silence = now.since(arrived_at);
        Some(if silence > allowance { lag.max(silence) } else { lag })
    }
}

/// What telemetry measures of the process and shows to the watchdog.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ProcessBoard {
    /// Resident memory, bytes.
    pub rss: Cell,
    /// CPU use without spinning threads, ppm of one core.
    pub cpu: Cell,
    /// Open descriptors, ppm of the allowed number.
    pub open_files: Cell,
    /// P95 of the loop latency, ns.
    pub loop_p95: Cell,
    /// Round trip of the newest heartbeat that came back, ns, and when it did.
    pub heartbeat: Cell,
}

/// What the watchdog shows.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct DogBoard {
    state: AtomicU8,
    condition: AtomicU8,
    strikes: AtomicU8,
    /// Alerts raised so far: transitions to the worse, and failed resets.
    pub alerts: AtomicU64,
    /// Changes of state so far.
    pub transitions: AtomicU64,
    /// Soft resets so far.
    pub soft_resets: AtomicU64,
    /// ERROR cycles in a row, up to now.
    pub consecutive_errors: AtomicU64,
    /// Ticks with a severity of ERROR or worse, so far.
    pub error_ticks: AtomicU64,
    /// Ticks that came too late because the host stood still, so far.
    pub host_pauses: AtomicU64,
    /// Process exit code + 1; 0: the run goes on.
    ending: AtomicU8,
    /// Cooldown and remembered CRITICAL states that have to survive the process, ns.
    standing: [AtomicU64; STANDING],
    /// Changes of `standing` so far.
    pub standing_version: AtomicU64,
}

/// Words of [`DogBoard::standing`]: the cooldown left, then how long each CRITICAL is remembered.
pub const STANDING: usize = 4;

/// States as the board holds them; names as in events.
pub const STATES: [&str; 8] =
    ["BOOT", "NORMAL", "WARN", "ERROR", "CRITICAL", "COOLDOWN", "STOPPING", "EXIT"];

/// States of a run that ends.
const ENDS: [&str; 2] = ["STOPPING", "EXIT"];

impl DogBoard {
    /// Shows the state (an index into [`STATES`]) and the strikes. For the one writer.
    pub fn show(&self, state: u8, strikes: u8) {
        self.state.store(state, Ordering::Release);
        if STATES.get(usize::from(state)).is_some_and(|name| !ENDS.contains(name)) {
            self.condition.store(state, Ordering::Release);
        }
        self.strikes.store(strikes, Ordering::Release);
    }
    /// Name of the state.
    pub fn state(&self) -> &'static str {
        let index = usize::from(self.state.load(Ordering::Acquire));
        STATES.get(index).copied().unwrap_or(STATES[0])
    }
    /// Name of the last state that judges the run: an orderly end does not.
    pub fn condition(&self) -> &'static str {
        let index = usize::from(self.condition.load(Ordering::Acquire));
        STATES.get(index).copied().unwrap_or(STATES[0])
    }
    /// Strikes towards CRITICAL.
    pub fn strikes(&self) -> u8 {
        self.strikes.load(Ordering::Acquire)
    }
    /// The run is to end with this process exit code. For the one writer.
    pub fn end(&self, code: u8) {
        self.ending.store(code.saturating_add(1), Ordering::Release);
    }
    /// The process exit code with which the watchdog ends the run; `None` while it does not.
    pub fn ending(&self) -> Option<u8> {
        self.ending.load(Ordering::Acquire).checked_sub(1)
    }
    /// Hands out what has to survive the process. For the one writer.
    pub fn keep(&self, standing: [DurNs; STANDING]) {
        for (cell, left) in self.standing.iter().zip(standing) {
            cell.store(left.0, Ordering::Relaxed);
        }
        self.standing_version.fetch_add(1, Ordering::Release);
    }
    /// What has to survive the process.
    pub fn standing(&self) -> [DurNs; STANDING] {
        std::array::from_fn(|index| DurNs(self.standing[index].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_written_is_unknown_and_zero_is_not() {
        let cell = Cell::default();
        assert_eq!(cell.get(), None);
        cell.put(0, MonoNs(0));
        assert_eq!(cell.get(), Some((0, MonoNs(0))));
        let terms = Terms::default();
        assert_eq!(terms.get(Term::Sends), None);
        terms.put(Term::Sends, 0);
        assert_eq!(terms.get(Term::Sends), Some(0));
    }

    #[test]
    fn the_engine_shows_what_it_published() {
        let board = EngineBoard::default();
        assert_eq!(board.read(), None);
        let figures = EngineFigures {
            at: MonoNs(9),
            epoch: 3,
            oldest_unknown_at: Some(MonoNs(0)),
            fx_at: Some(MonoNs(8)),
            is_at_rest: true,
            rejects: 7,
            ..EngineFigures::default()
        };
        board.publish(&figures);
        assert_eq!(board.read(), Some(figures));
    }

    #[test]
    fn a_feed_that_is_silent_beyond_its_allowance_lags_by_its_silence() {
        let board = FeedBoard::default();
        let lag = |now: u64| board.lag_at(MonoNs(now), DurNs(100)).map(|lag| lag.0);
        assert_eq!(lag(5), None);
        board.lag.put(-3, MonoNs(10));
        assert_eq!(lag(10), Some(0), "the venue's clock is ahead");
        board.lag.put(7, MonoNs(20));
        assert_eq!([lag(20), lag(120), lag(121)], [Some(7), Some(7), Some(101)]);
    }

    #[test]
    fn an_ending_of_zero_is_an_ending() {
        let board = DogBoard::default();
        assert_eq!(board.ending(), None);
        board.end(0);
        assert_eq!(board.ending(), Some(0));
    }
}
