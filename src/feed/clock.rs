//! How far our wall clock is ahead of a venue's, and what a frame's lag is with that known. Pure.
//! A metric only: quote ages come from our monotonic clock alone (`FAULTS.md` F27).
//!
//! Rule: the offset is the value nearest to zero that all evidence allows. Evidence is
//! 1. the newest answers of the venue about its time: it was read between our asking and hearing,
//!    so each answer bounds the offset from both sides;
//! 2. frames: none can arrive before it was sent, so the least `receive − sent` of the last minute
//!    bounds it from above.
//!
//! So a clock that is right by all that is known is not corrected by half a round trip, and a lag
//! is never negative. Answers that contradict each other count as far as they are newest; a frame
//! that contradicts the answers by more than [`SKEW`] is no evidence.

use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_MS;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Frames bound the offset for one to two of these.
const SPAN: DurNs = DurNs::from_secs(30);
/// Answers count for so long: a quartz clock drifts by 60 ms in it.
const ANSWER_LIFE: DurNs = DurNs::from_secs(600);
/// A lag beyond this is no lag: the venue's time is in another unit, or means something else.
const STRANGE_NS: i128 = 600 * 1_000 * NS_PER_MS as i128;
/// Beyond this the clocks differ enough to be told (`FAULTS.md` F30).
pub const SKEW: DurNs = DurNs::from_secs(1);

/// A venue's answer about its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerTime {
    /// When it was asked, on our wall clock.
    pub asked_at: WallNs,
    /// When the answer was there.
    pub heard_at: WallNs,
    /// What it says, ms since 1970.
    pub venue_ms: u64,
    /// How coarse that is: 1 ms, or 1 s for the date of an HTTP answer.
    pub step_ms: u64,
}

/// The estimate for one venue.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockOffset {
    /// Least and largest offset by the answers, ns.
    answers: Option<(i128, i128)>,
    answered_at: MonoNs,
    /// Least `receive − sent` of the present span and of the one before, ns.
    floors: [Option<i128>; 2],
    span_began: MonoNs,
    is_skewed: bool,
}

impl ClockOffset {
    /// The venue told its time.
    pub fn on_answer(&mut self, told: ServerTime, now: MonoNs) {
        let from = ns(told.venue_ms);
        let to = from.saturating_add(ns(told.step_ms));
        let (asked, heard) = (i128::from(told.asked_at.0), i128::from(told.heard_at.0));
        if heard < asked {
            return;
        }
        let (least, largest) = (asked.saturating_sub(to), heard.saturating_sub(from));
        let is_known = now.since(self.answered_at) < ANSWER_LIFE;
        let narrowed =
            self.answers.filter(|_| is_known).map(|(a, b)| (a.max(least), b.min(largest)));
        self.answers = narrowed.filter(|(a, b)| a <= b).or(Some((least, largest)));
        self.answered_at = now;
    }
    /// The lag of a frame that was sent then; `None` if that time is too strange to tell.
    pub fn lag(&mut self, sent_ms: u64, now: Now) -> Option<DurNs> {
        let way = i128::from(now.wall.0).saturating_sub(ns(sent_ms));
        let offset = self.offset(now.mono);
        if now.wall.0 == 0 || (way - offset).abs() > STRANGE_NS || self.is_impossible(way, now.mono)
        {
            return None;
        }
        if now.mono.since(self.span_began) >= SPAN {
            (self.floors, self.span_began) = ([None, self.floors[0]], now.mono);
        }
        self.floors[0] = Some(self.floors[0].map_or(way, |floor| floor.min(way)));
        let lag = way - self.offset(now.mono);
        Some(DurNs(u64::try_from(lag).unwrap_or(0)))
    }
    /// How far we are ahead, ms; negative if behind.
    pub fn ahead_ms(&self, now: MonoNs) -> i64 {
        i64::try_from(self.offset(now) / i128::from(NS_PER_MS)).unwrap_or(i64::MAX)
    }
    /// This machine's clock was set: what was known of it is void.
    pub fn on_step(&mut self) {
        *self = ClockOffset { is_skewed: self.is_skewed, ..ClockOffset::default() };
    }
    /// `Some` when the clocks begin to differ by more than [`SKEW`], or no longer do; true if so.
    pub fn skew(&mut self, now: MonoNs) -> Option<Skew> {
        let is_skewed = self.offset(now).unsigned_abs() > u128::from(SKEW.0);
        let changed = is_skewed != self.is_skewed;
        self.is_skewed = is_skewed;
        changed.then_some(if is_skewed { Skew::Begins } else { Skew::Ends })
    }

    /// The frame says that it was sent after it arrived, although the venue's answers about its
    /// time allow no such offset: what it says is no time.
    fn is_impossible(&self, way: i128, now: MonoNs) -> bool {
        let answers = self.answers.filter(|_| now.since(self.answered_at) < ANSWER_LIFE);
        answers.is_some_and(|(least, _)| way < least - i128::from(SKEW.0))
    }
    /// In ns.
    fn offset(&self, now: MonoNs) -> i128 {
        let known = now.since(self.answered_at) < ANSWER_LIFE;
        let (least, largest) = self.answers.filter(|_| known).unwrap_or((0, i128::MAX));
        let floor = self.floors.iter().flatten().min().copied().unwrap_or(i128::MAX);
        // Without answers nothing says that we are ahead; frames alone may say that we are behind.
        0.max(least).min(largest).min(floor)
    }
}

/// A change of whether the clocks differ too much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skew {
    /// They do now.
    Begins,
    /// They did until now.
    Ends,
}

const fn ns(ms: u64) -> i128 {
    ms as i128 * NS_PER_MS as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 1_700_000_000_000;

    fn at(ms: u64) -> Now {
        Now { mono: MonoNs(ms * NS_PER_MS), wall: WallNs((DAY_MS + ms) * NS_PER_MS) }
    }

    fn answer(clock: &mut ClockOffset, (asked, heard, venue): (u64, u64, u64)) {
        let told = ServerTime {
            asked_at: at(asked).wall,
            heard_at: at(heard).wall,
            venue_ms: DAY_MS + venue,
            step_ms: 1,
        };
        clock.on_answer(told, at(heard).mono);
    }

    #[test]
    fn a_right_clock_is_not_corrected_by_half_a_round_trip() {
        let mut clock = ClockOffset::default();
        answer(&mut clock, (1_000, 1_200, 1_180));
        assert_eq!(clock.ahead_ms(at(1_200).mono), 0);
        assert_eq!(clock.lag(DAY_MS + 1_200, at(1_290)), Some(DurNs::from_ms(90)));
    }

    #[test]
    fn a_clock_that_is_ahead_is_found_by_answers_and_its_lag_is_the_way() {
        let mut clock = ClockOffset::default();
        // Ours is 5 s ahead: the venue read 100 ms after our asking.
        answer(&mut clock, (10_000, 10_200, 5_100));
        let ahead = clock.ahead_ms(at(10_200).mono);
        assert!((4_890..=5_000).contains(&ahead), "{ahead}");
        assert_eq!(clock.skew(at(10_200).mono), Some(Skew::Begins));
        assert_eq!(clock.skew(at(10_200).mono), None, "told once");
        let lag = clock.lag(DAY_MS + 6_000, at(11_050)).expect("a usual time").as_ms();
        assert!((50..=160).contains(&lag), "{lag}");
        // A quicker answer narrows it; a frame that came in no time does too.
        answer(&mut clock, (12_000, 12_010, 7_005));
        assert!((4_993..=5_006).contains(&clock.ahead_ms(at(12_010).mono)));
    }

    #[test]
    fn a_clock_that_is_behind_is_found_by_frames_alone() {
        let mut clock = ClockOffset::default();
        assert_eq!(clock.lag(DAY_MS + 5_000, at(2_000)), Some(DurNs(0)));
        assert_eq!(clock.ahead_ms(at(2_000).mono), -3_000);
        assert_eq!(clock.lag(DAY_MS + 5_100, at(2_400)), Some(DurNs::from_ms(300)));
        let later = clock.lag(DAY_MS + 100_000, at(100_000));
        assert_eq!(later, Some(DurNs(3_000 * NS_PER_MS)), "the old bound still counts once");
        assert_eq!(clock.lag(DAY_MS + 140_000, at(140_000)), Some(DurNs(0)), "and is forgotten");
    }

    #[test]
    fn a_time_in_another_unit_tells_no_lag() {
        let mut clock = ClockOffset::default();
        for sent_ms in [0, DAY_MS / 1_000, DAY_MS * 1_000, u64::MAX] {
            assert_eq!(clock.lag(sent_ms, at(1_000)), None);
        }
        assert_eq!(clock.ahead_ms(at(1_000).mono), 0);
        assert_eq!(clock.lag(DAY_MS, at(20)), Some(DurNs::from_ms(20)));
    }

    #[test]
    fn a_frame_from_the_future_moves_no_clock_that_the_venue_has_told() {
        let mut clock = ClockOffset::default();
        answer(&mut clock, (1_000, 1_010, 1_005));
        assert_eq!(clock.lag(DAY_MS + 62_000, at(2_000)), None);
        assert_eq!(clock.ahead_ms(at(2_000).mono), 0);
        assert_eq!(clock.lag(DAY_MS + 2_080, at(2_100)), Some(DurNs::from_ms(20)));
    }

    #[test]
    fn a_step_of_our_clock_voids_what_was_known() {
        let mut clock = ClockOffset::default();
        clock.lag(DAY_MS + 5_000, at(2_000));
        clock.on_step();
        assert_eq!(clock.ahead_ms(at(2_000).mono), 0);
    }

    #[test]
    fn evidence_that_contradicts_itself_counts_where_it_is_newest() {
        let mut clock = ClockOffset::default();
        answer(&mut clock, (10_000, 10_010, 5_000));
        answer(&mut clock, (20_000, 20_010, 19_990));
        assert!(clock.ahead_ms(at(20_010).mono) < 30);
    }
}
