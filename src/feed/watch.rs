//! What a feed over sockets shows and tells: lag and reconnects on its board, news as notices, the
//! clocks.
//!
//! Lag and silence are told by market data alone: pongs of a venue that sends no books are no
//! sign that its books are fresh (`FAULTS.md` F01).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::feed::agent::Feed;
use crate::feed::books::Outcome;
use crate::feed::clock::ClockOffset;
use crate::feed::clock::ServerTime;
use crate::feed::clock::Skew;
use crate::runtime::link::Tx;
use crate::types::board::FeedBoard;
use crate::types::counters::Counter;
use crate::types::ids::VenueId;
use crate::types::notice::FeedNews;
use crate::types::notice::Notice;
use crate::types::notice::NoticeKind;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_MS;
use crate::types::time::Now;

/// Wall and monotonic time that part by more than this between two turns were parted by someone
/// (`FAULTS.md` F29).
const STEP_NS: i128 = 500 * NS_PER_MS as i128;

/// The state.
#[derive(Debug)]
pub struct Watch {
    venue: VenueId,
    board: Arc<FeedBoard>,
    notices: Tx<Notice>,
    clock: ClockOffset,
    turned_at: Option<Now>,
    /// Lag of the newest frame that tells one.
    lag: Option<DurNs>,
    /// The newest market data, until it is shown.
    arrived_at: Option<MonoNs>,
    heard_at: MonoNs,
    /// No connection feeds the books since.
    is_closed: bool,
    connections: u64,
}

impl Watch {
    /// Of a feed that has not begun.
    pub fn new(venue: VenueId, board: Arc<FeedBoard>, notices: Tx<Notice>) -> Watch {
        Watch {
            venue,
            board,
            notices,
            clock: ClockOffset::default(),
            turned_at: None,
            lag: None,
            arrived_at: None,
            heard_at: MonoNs(0),
            is_closed: false,
            connections: 0,
        }
    }

    /// A turn begins. What is to be counted, if this machine's clock was set.
    pub fn begin(&mut self, now: Now) -> Option<Counter> {
        let before = self.turned_at.replace(now)?;
        let passed = i128::from(now.mono.0) - i128::from(before.mono.0);
        let by_ns = i128::from(now.wall.0) - i128::from(before.wall.0) - passed;
        if by_ns.abs() <= STEP_NS {
            return None;
        }
        self.clock.on_step();
        let by_ms = i64::try_from(by_ns / i128::from(NS_PER_MS)).unwrap_or(i64::MAX);
        self.tell(FeedNews::Step { by_ms }, now);
        Some(Counter::ClockSteps)
    }
    /// A connection opened.
    pub fn on_connection(&mut self) {
        self.connections += 1;
        if self.connections > 1 {
            self.board.reconnects.store(self.connections - 1, Ordering::Relaxed);
        }
    }
    /// Books wait for first images.
    pub fn on_open(&mut self, now: Now) {
        if std::mem::take(&mut self.is_closed) {
            let after = now.mono.since(self.heard_at);
            self.send(NoticeKind::Reconnect { venue: self.venue.name(), after }, now);
        } else if self.heard_at == MonoNs(0) {
            self.heard_at = now.mono;
        }
    }
    /// No book is valid.
    pub const fn on_close(&mut self) {
        self.is_closed = true;
    }
    /// A frame came to this. What is to be counted, if its time is too strange.
    pub fn on_outcome(&mut self, outcome: &Outcome, feed: &mut Feed, now: Now) -> Option<Counter> {
        if matches!(outcome, Outcome::Control(_) | Outcome::Rejected(_)) {
            return None;
        }
        (self.arrived_at, self.heard_at) = (Some(now.mono), now.mono);
        let Outcome::Book { slot, .. } = outcome else { return None };
        let sent_ms = feed.take_sent_ms(*slot)?;
        let lag = self.clock.lag(sent_ms, now);
        // What tells no lag is as late as what came before it (`FAULTS.md` F27).
        self.lag = lag.or(self.lag);
        lag.is_none().then_some(Counter::StrangeTimes)
    }
    /// The venue told its time. What is to be counted, if the clocks differ too much.
    pub fn on_time(&mut self, told: ServerTime, now: Now) -> Option<Counter> {
        self.clock.on_answer(told, now.mono);
        let skew = self.clock.skew(now.mono)?;
        self.tell(FeedNews::Skew { ahead_ms: self.clock.ahead_ms(now.mono) }, now);
        (skew == Skew::Begins).then_some(Counter::ClockSkews)
    }
    /// Instruments that must not be traded, one bit each: by the venue's rules, and all of them
    /// while its newest frame came later than `lag_cap`.
    pub fn halted(&self, lag_cap: DurNs) -> u64 {
        let is_late = self.lag.is_some_and(|lag| lag > lag_cap);
        if is_late { u64::MAX } else { self.board.halted.load(Ordering::Acquire) }
    }
    /// The watchdog wants a new connection; asked once.
    pub fn is_reconnect_asked(&self) -> bool {
        self.board.reconnect_asked.swap(false, Ordering::AcqRel)
    }
    /// Shows the lag of the newest market data. A frame that tells no time is as late as the one
    /// before it; before any has told one, nothing is shown.
    pub fn show(&mut self, held: u32, now: Now) {
        if let Some((lag, _)) = self.lag.zip(self.arrived_at.take()) {
            self.board.lag.put(i64::try_from(lag.0).unwrap_or(i64::MAX), now.mono);
        }
        self.board.held.store(u64::from(held), Ordering::Relaxed);
    }
    /// Tells of something.
    pub fn tell(&self, news: FeedNews, now: Now) {
        self.send(NoticeKind::Feed { venue: self.venue.name(), news }, now);
    }
    fn send(&self, kind: NoticeKind, now: Now) {
        // The link drops and counts: nobody waits for telemetry.
        let _ = self.notices.send(Notice { at: now, kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::link::NOTICES;
    use crate::types::time::WallNs;

    #[test]
    fn a_step_of_the_wall_clock_is_told_once_with_its_size_and_moves_no_age() {
        let (tx, rx) = NOTICES.open();
        let mut watch = Watch::new(VenueId::Upbit, Arc::default(), tx);
        let at = |ms: u64, wall_ms: u64| Now {
            mono: MonoNs(ms * NS_PER_MS),
            wall: WallNs(wall_ms * NS_PER_MS),
        };
        assert_eq!(watch.begin(at(0, 10_000_000)), None);
        assert_eq!(watch.begin(at(90, 10_000_590)), None, "half a second may be slewed");
        for (ms, wall_ms, by_ms) in [(100, 13_600_600, 3_600_000), (200, 10_000_700, -3_600_000)] {
            assert_eq!(watch.begin(at(ms, wall_ms)), Some(Counter::ClockSteps));
            let told = rx.take().map(|notice| notice.kind);
            let news = FeedNews::Step { by_ms };
            assert_eq!(told, Some(NoticeKind::Feed { venue: "upbit", news }));
        }
        assert_eq!(watch.begin(at(5_000, 10_005_500)), None);
    }

    #[test]
    fn while_frames_come_late_no_instrument_of_the_venue_is_traded() {
        let (tx, _) = NOTICES.open();
        let board = Arc::new(FeedBoard::default());
        let mut watch = Watch::new(VenueId::Okx, Arc::clone(&board), tx);
        let cap = DurNs::from_secs(2);
        board.halted.store(0b10, Ordering::Release);
        let lags = [None, Some(cap), Some(DurNs(cap.0 + 1)), Some(DurNs(0))];
        let halted = lags.map(|lag| {
            watch.lag = lag;
            watch.halted(cap)
        });
        assert_eq!(halted, [0b10, 0b10, u64::MAX, 0b10], "unknown is the silence's business");
    }

    #[test]
    fn a_reconnect_tells_how_long_nothing_was_heard() {
        let (tx, rx) = NOTICES.open();
        let board = Arc::new(FeedBoard::default());
        let mut watch = Watch::new(VenueId::Upbit, Arc::clone(&board), tx);
        let at = |ms: u64| Now { mono: MonoNs(ms * NS_PER_MS), wall: WallNs(1) };
        watch.on_connection();
        watch.on_open(at(10));
        assert!(rx.take().is_none(), "the first connection is no reconnect");
        watch.on_close();
        watch.on_connection();
        watch.on_open(at(510));
        let after = DurNs::from_ms(500);
        let told = rx.take().map(|notice| notice.kind);
        assert_eq!(told, Some(NoticeKind::Reconnect { venue: "upbit", after }));
        assert_eq!(board.reconnects.load(Ordering::Relaxed), 1);
    }
}
