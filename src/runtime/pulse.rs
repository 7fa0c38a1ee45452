//! A thread's pulse: one cache line of atomics that its loop writes and anyone reads.
//!
//! A blocked thread is seen by its reader while it is blocked: its beat grows old. A dead one says
//! so. Nothing here waits, locks or allocates after [`Pulse::new`].

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Where a thread stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum State {
    /// Its loop has not begun.
    Starting = 0,
    /// Its loop runs.
    Running = 1,
    /// Its agent was asked to stop and drains.
    Stopping = 2,
    /// Its loop ended as asked.
    Ended = 3,
    /// It panicked.
    Dead = 4,
}

impl State {
    const fn from_bits(bits: u8) -> State {
        match bits {
            0 => State::Starting,
            1 => State::Running,
            2 => State::Stopping,
            3 => State::Ended,
            _ => State::Dead,
        }
    }
}

#[derive(Debug)]
#[repr(align(64))]
struct Line {
    beat_ns: AtomicU64,
    longest_gap_ns: AtomicU64,
    longest_batch_ns: AtomicU64,
    progress: AtomicU64,
    tid: AtomicU32,
    state: AtomicU8,
    idle: AtomicBool,
    spins: AtomicBool,
}

const _: () = assert!(size_of::<Line>() == 64, "a pulse is one cache line");

/// The writing end. Exactly one exists, on the thread that it tells of.
#[derive(Debug)]
pub struct Pulse {
    view: PulseView,
    /// When the loop should next be at its top: the last beat, or the end of a planned rest.
    expected_at: Option<MonoNs>,
    is_idle: bool,
}

/// A reading end.
#[derive(Clone, Debug)]
pub struct PulseView {
    name: &'static str,
    line: Arc<Line>,
}

impl Pulse {
    /// The pulse of a thread of this name that has not started.
    pub fn new(name: &'static str) -> Pulse {
        let line = Line {
            beat_ns: AtomicU64::new(0),
            longest_gap_ns: AtomicU64::new(0),
            longest_batch_ns: AtomicU64::new(0),
            progress: AtomicU64::new(0),
            tid: AtomicU32::new(0),
            state: AtomicU8::new(State::Starting as u8),
            idle: AtomicBool::new(false),
            spins: AtomicBool::new(false),
        };
        let view = PulseView { name, line: Arc::new(line) };
        Pulse { view, expected_at: None, is_idle: false }
    }
    /// A reading end.
    pub fn view(&self) -> PulseView {
        self.view.clone()
    }

    /// The loop is at its top. Records how late that is.
    pub fn beat(&mut self, now: MonoNs) {
        let late = now.since(self.expected_at.unwrap_or(now));
        raise(&self.view.line.longest_gap_ns, late);
        self.expected_at = Some(now);
        self.view.line.beat_ns.store(now.0, Ordering::Release);
    }
    /// The turn that began at `begin` worked until `end`.
    pub fn batch(&mut self, begin: MonoNs, end: MonoNs) {
        self.idle(false);
        let line = &self.view.line;
        raise(&line.longest_batch_ns, end.since(begin));
        let done = line.progress.load(Ordering::Relaxed);
        line.progress.store(done.wrapping_add(1), Ordering::Release);
    }
    /// The last turn found nothing to do, or did.
    pub fn idle(&mut self, is_idle: bool) {
        if self.is_idle != is_idle {
            self.is_idle = is_idle;
            self.view.line.idle.store(is_idle, Ordering::Relaxed);
        }
    }
    /// The thread rests and means to be back by then: only what goes beyond is a gap.
    pub fn rest_until(&mut self, back_at: MonoNs) {
        self.expected_at = Some(back_at);
    }
    /// A new state. The last word stays: a dead thread does not end well afterwards.
    pub fn enter(&self, state: State) {
        self.view.enter(state);
    }
    /// What does not change once the thread runs: its id and whether it spins when idle.
    pub fn introduce(&self, tid: u32, spins: bool) {
        self.view.line.tid.store(tid, Ordering::Relaxed);
        self.view.line.spins.store(spins, Ordering::Relaxed);
    }
}

impl PulseView {
    /// Name of the thread.
    pub const fn name(&self) -> &'static str {
        self.name
    }
    /// When its loop was last at its top; `None` before the first time.
    pub fn beat(&self) -> Option<MonoNs> {
        let beat_ns = self.line.beat_ns.load(Ordering::Acquire);
        (self.state() != State::Starting).then_some(MonoNs(beat_ns))
    }
    /// Longest time between two turns since the last call, planned rest left out: a turn that
    /// blocked, a thread that was not given its core. For one reader: it starts anew.
    pub fn take_longest_gap(&self) -> DurNs {
        DurNs(self.line.longest_gap_ns.swap(0, Ordering::Relaxed))
    }
    /// Longest turn that worked since the last call. For one reader: it starts anew.
    pub fn take_longest_batch(&self) -> DurNs {
        DurNs(self.line.longest_batch_ns.swap(0, Ordering::Relaxed))
    }
    /// Turns that worked, since the start.
    pub fn progress(&self) -> u64 {
        self.line.progress.load(Ordering::Acquire)
    }
    /// Where it stands.
    pub fn state(&self) -> State {
        State::from_bits(self.line.state.load(Ordering::Acquire))
    }
    /// Its loop will never turn again.
    pub fn is_over(&self) -> bool {
        self.state() >= State::Ended
    }
    /// Its last turn found nothing to do.
    pub fn is_idle(&self) -> bool {
        self.line.idle.load(Ordering::Relaxed)
    }
    /// It keeps its core busy when idle: its processor time says nothing about load.
    pub fn spins(&self) -> bool {
        self.line.spins.load(Ordering::Relaxed)
    }
    /// The kernel's id of the thread, for `/proc/self/task`; 0 if it is not known.
    pub fn tid(&self) -> u32 {
        self.line.tid.load(Ordering::Relaxed)
    }

    /// For the thread itself only: its loop and its panic hook.
    pub(in crate::runtime) fn enter(&self, state: State) {
        if self.state() < state {
            self.line.state.store(state as u8, Ordering::Release);
        }
    }
}

/// Keeps the larger value. Not an atomic maximum: with one writer, a reader's swap in between only
/// moves this value into the reader's next interval, or finds it below one that was just read.
fn raise(cell: &AtomicU64, to: DurNs) {
    if to.0 > cell.load(Ordering::Relaxed) {
        cell.store(to.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_the_time_between_two_turns_without_the_planned_rest() {
        let mut pulse = Pulse::new("test");
        let view = pulse.view();
        pulse.beat(MonoNs(1_000));
        assert_eq!(view.take_longest_gap(), DurNs(0), "nothing was due before the first turn");
        pulse.beat(MonoNs(1_070));
        pulse.beat(MonoNs(1_100));
        assert_eq!(view.take_longest_gap(), DurNs(70));
        pulse.rest_until(MonoNs(9_000));
        pulse.beat(MonoNs(5_000));
        assert_eq!(view.take_longest_gap(), DurNs(0), "woken early");
        pulse.rest_until(MonoNs(9_000));
        pulse.beat(MonoNs(9_040));
        assert_eq!(view.take_longest_gap(), DurNs(40), "back late");
    }

    #[test]
    fn the_longest_batch_starts_anew_with_each_reading_and_progress_does_not() {
        let mut pulse = Pulse::new("test");
        let view = pulse.view();
        pulse.batch(MonoNs(0), MonoNs(50));
        pulse.batch(MonoNs(50), MonoNs(60));
        assert_eq!(view.take_longest_batch(), DurNs(50));
        assert_eq!(view.take_longest_batch(), DurNs(0));
        assert_eq!(view.progress(), 2);
    }

    #[test]
    fn a_dead_thread_stays_dead() {
        let pulse = Pulse::new("test");
        pulse.enter(State::Dead);
        pulse.enter(State::Ended);
        assert_eq!(pulse.view().state(), State::Dead);
        assert!(pulse.view().is_over());
    }

    #[test]
    fn a_thread_that_never_ran_has_no_beat() {
        let mut pulse = Pulse::new("test");
        assert_eq!(pulse.view().beat(), None);
        pulse.enter(State::Running);
        pulse.beat(MonoNs(3));
        assert_eq!(pulse.view().beat(), Some(MonoNs(3)));
    }
}
