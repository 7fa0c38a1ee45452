//! The heartbeat: each second a sign of life goes out and has to come back.
//!
//! Through Redis it proves the round trip to that server; inside the process it proves that the
//! telemetry thread lives. Its age is the gauge: what does not come back is not written down. Only
//! the telemetry thread ever waits for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::telemetry::redis::BeatError;
use crate::telemetry::redis::RedisClient;
use crate::telemetry::redis::RedisPlan;
use crate::types::board::DogBoard;
use crate::types::board::EngineBoard;
use crate::types::board::ProcessBoard;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::Millis;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Time from one beat to the next.
pub const PERIOD: DurNs = DurNs::from_secs(1);
/// After failures in a row, the next beat is this many periods later: 1, 2, then 4. Enough to
/// spare a server in trouble, and below the age at which the watchdog warns (5 s).
const BACKOFF: [u64; 3] = [1, 2, 4];

/// What the heartbeat goes through.
#[derive(Clone, Debug)]
pub enum Beat {
    /// The telemetry thread alone: Redis is not configured.
    InProcess,
    /// A Redis server.
    Redis(Box<RedisPlan>),
    /// A virtual run: virtual time, no server.
    Modelled,
}

/// What the heartbeat reads and writes.
#[derive(Clone, Debug)]
pub struct Boards {
    /// Gets the round trip and its time.
    pub process: Arc<ProcessBoard>,
    /// The watchdog's state, for the state key.
    pub dog: Arc<DogBoard>,
    /// The engine's cycle, for the state key.
    pub engine: Arc<EngineBoard>,
}

/// A change that is worth a line in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The first beat after good ones, or the very first, did not come back.
    Lost(BeatError),
    /// A beat came back this long after the first one that did not.
    Back(DurNs),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Lost(error) => write!(f, "[REDIS] heartbeat lost: {error}; it is tried again"),
            Change::Back(after) => {
                write!(f, "[REDIS] heartbeat back after {:.0} ms", Millis(*after))
            }
        }
    }
}

/// The heartbeat of a run.
pub struct Heartbeat {
    means: Means,
    boards: Boards,
    clock: Clock,
    /// When the next beat is due; `None` before the first one, which is due at once.
    next: Option<MonoNs>,
    switch: Arc<AtomicBool>,
    /// The run is ending: nobody needs its sign of life, and the end waits for no server.
    is_over: bool,
    sequence: u64,
    failures: usize,
    lost_at: Option<MonoNs>,
    last_error: Option<BeatError>,
    sample: Option<DurNs>,
    change: Option<Change>,
}

enum Means {
    Process,
    Modelled,
    Redis(Box<RedisClient>),
}

impl Heartbeat {
    /// A heartbeat that has not beaten. `clock` is the run's, read after the wait for a server;
    /// the other kinds go by the time that they are told.
    pub fn new(beat: Beat, boards: Boards, clock: Clock) -> Heartbeat {
        let means = match beat {
            Beat::InProcess => Means::Process,
            Beat::Modelled => Means::Modelled,
            Beat::Redis(plan) => Means::Redis(Box::new(RedisClient::new(*plan, clock))),
        };
        Heartbeat {
            means,
            boards,
            clock,
            next: None,
            switch: Arc::default(),
            is_over: false,
            sequence: 0,
            failures: 0,
            lost_at: None,
            last_error: None,
            sample: None,
            change: None,
        }
    }
    /// Beats if it is due, once: beats that were missed are not made up for. True if it did.
    pub fn turn(&mut self, now: Now) -> bool {
        let planned = self.next.unwrap_or(now.mono);
        if self.is_silent() || now.mono < planned {
            return false;
        }
        self.sequence += 1;
        let (at, result) = match &mut self.means {
            // The round trip is how late this thread came to it.
            Means::Process | Means::Modelled => (now.mono, Ok(now.mono.since(planned))),
            Means::Redis(client) => {
                let result = ask(client, &self.boards, self.sequence, now);
                (self.clock.mono().max(now.mono), result)
            }
        };
        match result {
            Ok(round_trip) => self.on_echo(at, round_trip),
            Err(error) => self.on_loss(at, error),
        }
        let wait = BACKOFF[self.failures.saturating_sub(1).min(BACKOFF.len() - 1)];
        self.next = Some(after(planned, at, wait));
        true
    }
    /// No more beats: the run is ending.
    pub fn stop(&mut self) {
        self.is_over = true;
    }
    /// When [`Heartbeat::turn`] has something to do; `None` while it is stalled or over.
    pub fn due(&self) -> Option<MonoNs> {
        (!self.is_silent()).then(|| self.next.unwrap_or(MonoNs(0)))
    }
    /// What the heartbeat goes through, for the snapshot.
    pub const fn kind(&self) -> &'static str {
        match self.means {
            Means::Process => "in_process",
            Means::Modelled => "modelled",
            Means::Redis(_) => "redis",
        }
    }
    /// No beat while somebody has raised this: an injected fault.
    #[must_use]
    pub fn stalled_by(mut self, switch: Arc<AtomicBool>) -> Heartbeat {
        self.switch = switch;
        self
    }
    /// The round trip of a beat that came back since the last call. One turn makes at most one.
    pub fn take_sample(&mut self) -> Option<DurNs> {
        self.sample.take()
    }
    /// The change since the last call, for one line in the log.
    pub fn take_change(&mut self) -> Option<Change> {
        self.change.take()
    }
    /// Why the newest beat did not come back; `None` if it did.
    pub const fn last_error(&self) -> Option<&BeatError> {
        self.last_error.as_ref()
    }

    fn is_silent(&self) -> bool {
        self.is_over || self.switch.load(Ordering::Acquire)
    }
    fn on_echo(&mut self, at: MonoNs, round_trip: DurNs) {
        let ns = i64::try_from(round_trip.0).unwrap_or(i64::MAX);
        self.boards.process.heartbeat.put(ns, at);
        self.sample = Some(round_trip);
        self.failures = 0;
        self.last_error = None;
        if let Some(lost_at) = self.lost_at.take() {
            self.change = Some(Change::Back(at.since(lost_at)));
        }
    }
    fn on_loss(&mut self, at: MonoNs, error: BeatError) {
        self.failures = self.failures.saturating_add(1);
        if self.lost_at.is_none() {
            self.lost_at = Some(at);
            self.change = Some(Change::Lost(error.clone()));
        }
        self.last_error = Some(error);
    }
}

fn ask(
    client: &mut RedisClient,
    boards: &Boards,
    sequence: u64,
    now: Now,
) -> Result<DurNs, BeatError> {
    // Unique among runs and beats: an echo of anything older is recognised.
    let nonce = format!("{}:{sequence}:{}", client.run_id(), now.mono.0);
    let state = json!({
        "state": boards.dog.state(),
        "run_id": client.run_id(),
        "cycle": boards.engine.read().map(|figures| figures.cycles),
        "at_ms": now.wall.as_ms(),
    });
    client.beat(&nonce, &state.to_string())
}

/// The first point behind `at` of the grid of periods that `planned` lies on, and then as many
/// periods as `wait` is above one.
fn after(planned: MonoNs, at: MonoNs, wait: u64) -> MonoNs {
    let passed = at.since(planned).0 / PERIOD.0;
    let periods = passed.saturating_add(wait.max(1));
    planned.plus(DurNs(periods.saturating_mul(PERIOD.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::time::WallNs;

    fn boards() -> Boards {
        Boards { process: Arc::default(), dog: Arc::default(), engine: Arc::default() }
    }
    fn at_ms(ms: u64) -> Now {
        Now { mono: MonoNs(DurNs::from_ms(ms).0), wall: WallNs(0) }
    }
    fn shown(boards: &Boards) -> Option<(i64, u64)> {
        let (round_trip, at) = boards.process.heartbeat.get()?;
        Some((round_trip / 1_000_000, at.0 / 1_000_000))
    }

    #[test]
    fn without_redis_the_telemetry_thread_beats_each_second_and_shows_how_late_it_was() {
        let boards = boards();
        let mut heartbeat = Heartbeat::new(Beat::InProcess, boards.clone(), Clock::start());
        assert_eq!((heartbeat.kind(), heartbeat.due()), ("in_process", Some(MonoNs(0))));
        assert!(heartbeat.turn(at_ms(500)));
        assert_eq!(shown(&boards), Some((0, 500)));
        assert_eq!(heartbeat.due(), Some(at_ms(1_500).mono));
        assert!(!heartbeat.turn(at_ms(1_499)), "not due yet");
        assert_eq!(shown(&boards), Some((0, 500)), "a beat that was not made is not shown");
        assert!(heartbeat.turn(at_ms(1_507)));
        assert_eq!(shown(&boards), Some((7, 1_507)));
        assert_eq!(heartbeat.due(), Some(at_ms(2_500).mono), "the lateness does not add up");
        assert_eq!(heartbeat.take_sample(), Some(DurNs::from_ms(7)));
        assert_eq!(heartbeat.take_sample(), None);
        assert_eq!(heartbeat.take_change(), None);
    }

    #[test]
    fn a_stalled_heartbeat_grows_old_and_missed_beats_are_not_made_up_for() {
        let boards = boards();
        let switch = Arc::new(AtomicBool::new(false));
        let heartbeat = Heartbeat::new(Beat::Modelled, boards.clone(), Clock::start());
        let mut heartbeat = heartbeat.stalled_by(Arc::clone(&switch));
        heartbeat.turn(at_ms(0));
        switch.store(true, Ordering::Release);
        assert_eq!(heartbeat.due(), None);
        assert!(!heartbeat.turn(at_ms(20_300)));
        assert_eq!(shown(&boards), Some((0, 0)));
        switch.store(false, Ordering::Release);
        assert!(heartbeat.turn(at_ms(20_300)));
        assert_eq!(shown(&boards), Some((19_300, 20_300)));
        assert!(!heartbeat.turn(at_ms(20_300)), "one beat, not twenty");
        assert_eq!(heartbeat.due(), Some(at_ms(21_000).mono));
    }

    #[test]
    fn the_longer_a_server_fails_the_rarer_it_is_asked() {
        let next =
            |at_ms: u64, wait| after(MonoNs(0), MonoNs(DurNs::from_ms(at_ms).0), wait).0 / PERIOD.0;
        assert_eq!(BACKOFF.map(|wait| next(500, wait)), [1, 2, 4]);
        assert_eq!(next(1_000, 1), 2, "never faster than the beat");
        assert_eq!(next(2_500, 4), 6);
    }
}
