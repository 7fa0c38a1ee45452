//! Whether threads move, judged from outside while they are blocked (`FAULTS.md` 3.6).

use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::watchdog::permission::TICK;

/// A tick that comes this much later than its period is a pause of the host, not of a thread.
const LATE: DurNs = DurNs(3 * TICK.0);

/// What a thread shows of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vitals {
    /// Its last beat; its start, before the first one.
    pub beat_at: MonoNs,
    /// Work items done so far.
    pub progress: u64,
    /// Work items that wait for it.
    pub waiting: u64,
}

/// How a thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// It beats, and works if there is work. For the gauge: the age of its beat.
    Moving(DurNs),
    /// It beats, but has left work waiting for this long.
    Livelocked(DurNs),
}

impl Life {
    /// The value of the thread's stall gauge: for how long it has not moved.
    pub const fn stuck_for(self) -> DurNs {
        match self {
            Life::Moving(time) | Life::Livelocked(time) => time,
        }
    }
}

/// What the watchdog remembers of one thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watch {
    progress: u64,
    /// When work was first seen waiting without progress.
    frozen_since: Option<MonoNs>,
}

impl Watch {
    /// How the thread is at this tick. A queue that fills right before a tick is no livelock: the
    /// time runs from the first tick that saw work wait without progress.
    pub fn judge(&mut self, vitals: Vitals, now: MonoNs) -> Life {
        let frozen = vitals.waiting > 0 && vitals.progress == self.progress;
        self.progress = vitals.progress;
        self.frozen_since = frozen.then(|| self.frozen_since.unwrap_or(now));
        let silent = now.since(vitals.beat_at);
        match self.frozen_since.map(|since| now.since(since)) {
            Some(frozen) if frozen > silent => Life::Livelocked(frozen),
            _ => Life::Moving(silent),
        }
    }
}

/// Whether this tick came when it was due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// Threads may be judged by their beats.
    OnTime,
    /// The watchdog itself stood still, so everybody did: judge nobody.
    Paused,
}

impl Pace {
    /// The pace of a tick so long after the one before, on a clock that a suspension does not stop.
    pub fn of(elapsed: DurNs) -> Pace {
        let late = elapsed.0.saturating_sub(TICK.0);
        if late > LATE.0 { Pace::Paused } else { Pace::OnTime }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> MonoNs {
        MonoNs(DurNs::from_ms(ms).0)
    }
    const fn vitals(beat_ms: u64, progress: u64, waiting: u64) -> Vitals {
        Vitals { beat_at: at(beat_ms), progress, waiting }
    }
    #[test]
    fn a_blocked_thread_is_seen_while_it_is_blocked() {
        let mut watch = Watch::default();
        assert_eq!(watch.judge(vitals(0, 7, 0), at(0)).stuck_for(), DurNs(0));
        let life = watch.judge(vitals(0, 7, 3), at(6_000));
        assert_eq!(life, Life::Moving(DurNs::from_secs(6)));
    }

    #[test]
    fn a_thread_that_beats_but_leaves_its_work_is_livelocked() {
        let mut watch = Watch::default();
        let lives: Vec<Life> =
            [250, 500, 750].map(|ms| watch.judge(vitals(ms, 0, 1), at(ms))).into();
        assert_eq!(lives[0], Life::Moving(DurNs(0)), "the work may just have come");
        assert_eq!(lives[1], Life::Livelocked(DurNs::from_ms(250)));
        assert_eq!(lives[2], Life::Livelocked(DurNs::from_ms(500)));
    }

    #[test]
    fn a_thread_that_worked_and_then_leaves_its_work_is_livelocked() {
        let mut watch = Watch::default();
        let lives = [250, 500, 750].map(|ms| watch.judge(vitals(ms, 7, 1), at(ms)));
        assert_eq!(lives[1], Life::Moving(DurNs(0)), "it worked until the first tick");
        assert_eq!(lives[2], Life::Livelocked(DurNs::from_ms(250)));
    }

    #[test]
    fn progress_or_an_empty_queue_ends_a_livelock() {
        let mut watch = Watch::default();
        for rescued in [vitals(500, 1, 1), vitals(500, 0, 0)] {
            watch = Watch { progress: 0, frozen_since: Some(at(250)) };
            assert_eq!(watch.judge(rescued, at(500)), Life::Moving(DurNs(0)));
        }
        assert_eq!(watch.judge(vitals(750, 0, 1), at(750)), Life::Moving(DurNs(0)));
    }

    #[test]
    fn an_idle_thread_that_beats_is_alive() {
        let mut watch = Watch::default();
        for ms in [0, 250, 500, 60_000] {
            assert_eq!(watch.judge(vitals(ms, 9, 0), at(ms)), Life::Moving(DurNs(0)));
        }
    }

    #[test]
    fn a_tick_more_than_three_periods_late_is_a_pause_of_the_host() {
        assert_eq!(Pace::of(DurNs::from_ms(250)), Pace::OnTime);
        assert_eq!(Pace::of(DurNs::from_ms(1_000)), Pace::OnTime);
        assert_eq!(Pace::of(DurNs::from_ms(1_001)), Pace::Paused);
    }
}
