//! When a book snapshot is requested, for venues whose books need one. Pure.
//!
//! A request goes out once a diff is held for it, so that the snapshot can join. A snapshot that is
//! too old, or a request that failed, is followed by another after a pause that doubles; the pause
//! begins anew only after a minute without requests. So there is no loop of requests, whatever the
//! venue answers (`FAULTS.md` F15).

use arrayvec::ArrayVec;

use crate::feed::pace::Backoff;
use crate::types::limit;
use crate::types::rng::SplitMix64;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Ceiling of the first pause.
const FIRST: DurNs = DurNs::from_ms(250);
/// Ceiling of every pause from the eighth on.
const CAP: DurNs = DurNs::from_secs(30);
/// The least pause between two requests for one symbol.
const LEAST: DurNs = DurNs::from_ms(100);
/// An answer that has not come by then is lost: longer than name look-up, rate limit and deadline
/// of a request together.
const LOST: DurNs = DurNs::from_secs(30);
/// Without a request for so long, the pauses begin anew.
const STEADY: DurNs = DurNs::from_secs(60);

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// The snapshot made its book valid.
    Placed,
    /// It joins nothing that is held.
    Stale,
    /// There was none, and there is no use in asking before so long.
    Failed {
        /// What the venue asked for, or nothing.
        wait: DurNs,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Idle,
    Due { at: MonoNs },
    Flying { by: MonoNs },
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    state: State,
    backoff: Backoff,
    /// No request before then.
    not_before: MonoNs,
    asked_at: MonoNs,
}

/// The requests of all symbols.
#[derive(Debug)]
pub struct Fetches {
    each: ArrayVec<Fetch, { limit::INSTRUMENTS }>,
}

impl Fetches {
    /// None wanted, for so many symbols.
    pub fn new(count: usize) -> Fetches {
        let backoff = Backoff::new(FIRST, CAP);
        let (not_before, asked_at) = (MonoNs(0), MonoNs(0));
        let fetch = Fetch { state: State::Idle, backoff, not_before, asked_at };
        Fetches { each: std::iter::repeat_n(fetch, count.min(limit::INSTRUMENTS)).collect() }
    }

    /// The connection is gone: what is wanted is wanted no more, pauses stay.
    pub fn on_close(&mut self) {
        for fetch in &mut self.each {
            fetch.state = State::Idle;
        }
    }
    /// A diff of that symbol is held for a snapshot.
    pub fn want(&mut self, slot: usize, now: MonoNs) {
        if let Some(fetch) = self.each.get_mut(slot)
            && fetch.state == State::Idle
        {
            fetch.state = State::Due { at: fetch.not_before.max(now) };
        }
    }
    /// A request ended. One that nobody waits for any more changes nothing.
    pub fn on_fetched(&mut self, slot: usize, fetched: Fetched, now: MonoNs) {
        let Some(fetch) = self.each.get_mut(slot) else { return };
        let State::Flying { .. } = fetch.state else { return };
        fetch.state = match fetched {
            Fetched::Placed => State::Idle,
            Fetched::Stale => State::Due { at: fetch.not_before.max(now) },
            Fetched::Failed { wait } => {
                fetch.not_before = fetch.not_before.max(now.plus(wait));
                State::Due { at: fetch.not_before.max(now) }
            }
        };
    }
    /// The next symbol whose snapshot is to be requested now.
    pub fn next_due(&mut self, rng: &mut SplitMix64, now: MonoNs) -> Option<usize> {
        let is_due = |fetch: &Fetch| match fetch.state {
            State::Idle => false,
            State::Due { at: time } | State::Flying { by: time } => time <= now,
        };
        let slot = self.each.iter().position(is_due)?;
        let fetch = &mut self.each[slot];
        if let State::Flying { .. } = fetch.state {
            fetch.state = State::Due { at: fetch.not_before.max(now) };
            if fetch.not_before > now {
                return self.next_due(rng, now);
            }
        }
        if now.since(fetch.asked_at) >= STEADY {
            fetch.backoff.reset();
        }
        let pause = fetch.backoff.next(rng).max(LEAST);
        (fetch.asked_at, fetch.not_before) = (now, now.plus(pause));
        fetch.state = State::Flying { by: now.plus(LOST) };
        Some(slot)
    }
    /// When the next request is to go out.
    pub fn due(&self) -> Option<MonoNs> {
        let at = |fetch: &Fetch| match fetch.state {
            State::Idle => None,
            State::Due { at: time } | State::Flying { by: time } => Some(time),
        };
        self.each.iter().filter_map(at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests in ten minutes of answers that all end like this, 20 ms after the request.
    fn requests(fetched: Fetched) -> u32 {
        let (mut fetches, mut rng) = (Fetches::new(1), SplitMix64::new(5, 0));
        let (mut count, mut answer_at) = (0, None);
        for ms in 0..600_000 {
            let now = MonoNs(0).plus(DurNs::from_ms(ms));
            fetches.want(0, now);
            if answer_at.is_some_and(|at| at <= ms) {
                fetches.on_fetched(0, fetched, now);
                answer_at = None;
            }
            while fetches.next_due(&mut rng, now).is_some() {
                count += 1;
                answer_at = Some(ms + 20);
            }
        }
        count
    }

    #[test]
    fn whatever_the_venue_answers_requests_do_not_loop() {
        for fetched in [Fetched::Stale, Fetched::Placed, Fetched::Failed { wait: DurNs(0) }] {
            let count = requests(fetched);
            assert!((10..100).contains(&count), "{fetched:?}: {count} in ten minutes");
        }
    }

    #[test]
    fn what_the_venue_asks_for_is_waited() {
        assert_eq!(requests(Fetched::Failed { wait: DurNs::from_secs(120) }), 5);
    }

    #[test]
    fn a_lost_answer_is_asked_for_again() {
        let (mut fetches, mut rng) = (Fetches::new(2), SplitMix64::new(5, 0));
        fetches.want(1, MonoNs(0));
        assert_eq!(fetches.next_due(&mut rng, MonoNs(0)), Some(1));
        assert_eq!(fetches.next_due(&mut rng, MonoNs(LOST.0 - 1)), None);
        assert_eq!(fetches.next_due(&mut rng, MonoNs(LOST.0)), Some(1));
    }
}
