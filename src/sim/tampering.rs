//! Faults of one venue's feed, laid over the synthetic images on their arrival.
//!
//! Lag needs no queue: a lagging feed draws the next image of its market later. What a codec would
//! reject counts as rejected and leaves the book invalid until the next good image.

use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::sim::plan::is_fx;
use crate::sim::script::Script;
use crate::types::counters::Counter;
use crate::types::ids::InstrumentId;
use crate::types::ids::VenueId;
use crate::types::market::BookTop;
use crate::types::market::Instrument;
use crate::types::market::Invalid;
use crate::types::market::Levels;
use crate::types::market::TickTable;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::units::Ppm;
use crate::types::units::Price;
use crate::types::units::Qty;
use crate::types::units::Round;
use crate::types::units::mul_div;

/// The faults of one venue's feed.
#[derive(Clone, Debug)]
pub struct Tampering {
    script: Script,
    books: Vec<BookState>,
    /// What acts now.
    now: Acting,
    /// What was held back by a lag that is over arrives then, not earlier.
    not_before: MonoNs,
}

/// What became of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It never arrived.
    Lost,
    /// It arrived and waits for a snapshot; readers hear nothing.
    Held,
    /// Readers are told; the frame counts as this.
    Told {
        /// Which outcome.
        as_a: Counter,
        /// The first good image after a gap.
        resynced: bool,
    },
}

#[derive(Clone, Copy, Default, Debug)]
struct Acting {
    lag: DurNs,
    is_silent: bool,
    is_gap: bool,
    is_fx_lost: bool,
    rejects: Option<(Counter, Invalid)>,
    leap: Option<Ppm>,
}

#[derive(Clone, Debug)]
struct BookState {
    id: InstrumentId,
    ticks: TickTable,
    is_fx: bool,
    /// Broken, and no snapshot came.
    is_broken: bool,
    /// The last good image and its arrival.
    image: u64,
    received_at: MonoNs,
}

impl Tampering {
    /// Those faults of a schedule that concern the feed of a venue; `None` if none does.
    pub fn new(
        faults: &[Fault],
        start: MonoNs,
        (venue, instruments): (VenueId, &[Instrument]),
    ) -> Option<Tampering> {
        let concerns = |fault: &&Fault| {
            fault.effect.is_of_feeds() && fault.effect.venue().is_none_or(|of| of == venue)
        };
        let mine: Vec<Fault> = faults.iter().filter(concerns).copied().collect();
        let state = |instrument: &Instrument| BookState {
            id: instrument.id,
            ticks: instrument.ticks.clone(),
            is_fx: is_fx(instrument),
            is_broken: false,
            image: 0,
            received_at: MonoNs(0),
        };
        let books = instruments.iter().filter(|i| i.venue == venue).map(state).collect();
        let script = Script::new(mine.iter().copied(), start);
        let tampering = Tampering { script, books, now: Acting::default(), not_before: MonoNs(0) };
        (!mine.is_empty()).then_some(tampering)
    }
    /// When the next fault begins or ends.
    pub fn due(&self) -> Option<MonoNs> {
        self.script.due()
    }
    /// When an image arrives that the market sends at `sent`.
    pub fn arrival(&self, sent: MonoNs) -> MonoNs {
        sent.plus(self.now.lag).max(self.not_before)
    }
    /// Comes to `now`.
    pub fn advance(&mut self, now: MonoNs) {
        let mut changed = false;
        while let Some(edge) = self.script.next_edge(now) {
            changed = true;
            if matches!(edge.fault.effect, Effect::FeedLag { .. }) && !edge.begins {
                self.not_before = edge.at;
            }
        }
        if changed {
            self.now = Acting::of(self.script.active());
        }
    }
    /// What becomes of an image that arrives now; changes it accordingly.
    pub fn meet(&mut self, top: &mut BookTop) -> Fate {
        let acting = self.now;
        let Some(book) = self.books.iter_mut().find(|book| book.id == top.instrument) else {
            return Fate::Told { as_a: Counter::Books, resynced: false };
        };
        if acting.is_silent || acting.is_fx_lost && book.is_fx {
            return Fate::Lost;
        }
        if acting.is_gap && book.is_broken {
            return Fate::Held;
        }
        if acting.is_gap {
            book.is_broken = true;
            book.spoil(top, Invalid::Gap);
            return Fate::Told { as_a: Counter::Gaps, resynced: false };
        }
        if let Some((as_a, invalid)) = acting.rejects {
            book.spoil(top, invalid);
            return Fate::Told { as_a, resynced: false };
        }
        if let Some(to) = acting.leap.filter(|_| !book.is_fx) {
            leap(top, to, &book.ticks);
        }
        (book.image, book.received_at) = (top.image, top.received_at);
        let resynced = std::mem::take(&mut book.is_broken);
        Fate::Told { as_a: Counter::Books, resynced }
    }
}

impl Acting {
    fn of(active: &[Fault]) -> Acting {
        let mut acting = Acting::default();
        for fault in active {
            match fault.effect {
                Effect::FeedLag { by, .. } => acting.lag = by,
                Effect::FeedSilence { .. } => acting.is_silent = true,
                Effect::FeedGap { .. } => acting.is_gap = true,
                Effect::CrossedBook { .. } => {
                    acting.rejects = Some((Counter::RejectedCrossed, Invalid::Crossed));
                }
                Effect::ZeroPrice { .. } => {
                    acting.rejects = Some((Counter::RejectedValue, Invalid::BadValue));
                }
                Effect::PriceLeap { to, .. } => acting.leap = Some(to),
                Effect::FxLoss => acting.is_fx_lost = true,
                _ => {}
            }
        }
        acting
    }
}

impl BookState {
    /// The frame shows life and nothing else: levels and age are those of no image.
    fn spoil(&self, top: &mut BookTop, invalid: Invalid) {
        top.invalid = Some(invalid);
        (top.image, top.received_at) = (self.image, self.received_at);
        top.bids.clear();
        top.asks.clear();
    }
}

/// Moves a whole book so that its best bid is multiplied. Levels keep their distances, so the book
/// stays sorted and uncrossed and, within one band of its ticks, on their grid.
fn leap(top: &mut BookTop, to: Ppm, ticks: &TickTable) {
    let Some(best) = top.bids.first().map(|level| level.price) else { return };
    let target = mul_div(best.raw(), to.get(), Ppm::ONE.get(), Round::Down)
        .and_then(Price::from_raw)
        .and_then(|price| ticks.snap(price, Round::Up));
    let Some(target) = target else { return };
    let by = target.raw() - best.raw();
    shift(&mut top.bids, by);
    shift(&mut top.asks, by);
}

/// Levels that would reach zero are gone.
fn shift(levels: &mut Levels, by: i64) {
    for level in levels.iter_mut() {
        if let Some(price) = level.price.raw().checked_add(by).and_then(Price::from_raw) {
            level.price = price;
        } else {
            level.qty = Qty::ZERO;
        }
    }
    levels.retain(|level| !level.qty.is_zero());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::agent::Agent;
    use crate::runtime::link::BOOKS;
    use crate::runtime::link::NOTICES;
    use crate::runtime::link::Rx;
    use crate::sim::agent::MarketFeed;
    use crate::sim::fixture::BTC_KRW;
    use crate::sim::fixture::USDT_KRW;
    use crate::sim::fixture::assert_valid;
    use crate::sim::fixture::plan;
    use crate::sim::market::Market;
    use crate::types::board::FeedBoard;
    use crate::types::counters::Tally;
    use crate::types::notice::NoticeKind;
    use crate::types::time::Now;
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    const UPBIT: VenueId = VenueId::Upbit;
    const SEC: u64 = 1_000_000_000;

    /// A venue's feed with one fault from second 10 to 15, turned whenever it is due.
    struct Stage {
        feed: MarketFeed,
        tops: Rx<BookTop>,
        board: Arc<FeedBoard>,
    }

    impl Stage {
        fn set(effect: Option<Effect>) -> Stage {
            let (sender, tops) = BOOKS.open();
            let plan = plan(7);
            let market = Market::new(&plan, &[UPBIT]).expect("a good plan");
            let lasts = DurNs::from_secs(5);
            let at = DurNs::from_secs(10);
            let faults: Vec<Fault> =
                effect.into_iter().map(|effect| Fault { at, lasts, effect }).collect();
            let tampering = Tampering::new(&faults, MonoNs(0), (UPBIT, &plan.instruments));
            let board = Arc::new(FeedBoard::default());
            let feed = MarketFeed::new(UPBIT, market, vec![sender], Arc::clone(&board));
            Stage { feed: feed.tampered(tampering), tops, board }
        }
        /// What is published until then.
        fn play(&mut self, until: u64) -> Vec<BookTop> {
            let mut seen = Vec::new();
            while let Some(due) = self.feed.due().filter(|due| due.0 < until) {
                self.feed.turn(Now { mono: due, ..Now::default() });
                seen.extend(std::iter::from_fn(|| self.tops.take()));
            }
            seen
        }
        /// What is published before, during and after the fault, up to second 20.
        fn acts(&mut self) -> [Vec<BookTop>; 3] {
            [10 * SEC, 15 * SEC, 20 * SEC].map(|until| self.play(until))
        }
        fn tally(&self) -> Tally {
            self.feed.tally()
        }
    }

    fn all_good(tops: &[BookTop]) -> bool {
        !tops.is_empty() && tops.iter().all(|top| top.invalid.is_none())
    }

    #[test]
    fn a_lagging_feed_delivers_everything_later_and_in_order() {
        let mut lagging = Stage::set(Some(Effect::FeedLag { venue: UPBIT, by: DurNs(2 * SEC) }));
        let [_, during, after] = lagging.acts();
        let mut sound = Stage::set(None);
        let whole = sound.play(20 * SEC);
        assert!(during.iter().all(|top| top.received_at.0 >= 12 * SEC), "two seconds of nothing");
        let lag = |stage: &Stage| stage.feed.lag().expect("frames came").0;
        assert!(lag(&lagging) < SEC, "over");
        assert!(after.iter().all(|top| top.received_at.0 >= 15 * SEC), "flushed at the end");
        assert!(after.is_sorted_by_key(|top| top.received_at));
        let images = |tally: &Tally| tally.get(Counter::Books);
        assert_eq!(images(&lagging.tally()), images(&sound.tally()), "none is lost");
        let last = |tops: &[BookTop]| tops.last().map(|top| (top.image, top.bids.clone()));
        assert_eq!(last(&after), last(&whole));
    }

    #[test]
    fn the_lag_is_shown_while_it_lasts() {
        let mut stage = Stage::set(Some(Effect::FeedLag { venue: UPBIT, by: DurNs(2 * SEC) }));
        stage.play(14 * SEC);
        let (lag, at) = stage.board.lag.get().expect("frames came");
        assert!((2 * SEC..3 * SEC).contains(&lag.unsigned_abs()), "{lag}");
        assert_eq!(stage.feed.lag(), Some(DurNs(lag.unsigned_abs())));
        assert!(at.0 > 13 * SEC, "written when a frame arrives");
    }

    #[test]
    fn a_silent_feed_delivers_nothing_and_then_goes_on() {
        let mut stage = Stage::set(Some(Effect::FeedSilence { venue: UPBIT }));
        let [before, during, after] = stage.acts();
        assert!(all_good(&before) && during.is_empty() && all_good(&after));
        assert_eq!(stage.tally().get(Counter::Frames), (before.len() + after.len()) as u64);
        assert!(stage.board.lag.get().is_some_and(|(_, at)| at.0 > 19 * SEC));
    }

    #[test]
    fn a_new_connection_makes_every_book_invalid_until_its_next_image_and_is_told_once() {
        let mut stage = Stage::set(Some(Effect::FeedSilence { venue: UPBIT }));
        let (notices, told) = NOTICES.open();
        stage.feed = stage.feed.telling(notices);
        let before = stage.play(10 * SEC);
        stage.board.reconnect_asked.store(true, Ordering::Release);
        let during = stage.play(15 * SEC);
        let after = stage.play(20 * SEC);
        let last = before.iter().map(|top| top.arrived_at).max().expect("frames came");
        let books: BTreeSet<_> = during.iter().map(|top| top.instrument).collect();
        assert_eq!((during.len(), books.len()), (3, 3), "one word for each book");
        for top in &during {
            assert_eq!((top.invalid, top.bids.len()), (Some(Invalid::Closed), 0));
            assert!(top.received_at <= last && top.alive_at <= last, "no sign of life");
        }
        assert!(all_good(&before) && all_good(&after));
        assert_eq!(stage.board.reconnects.load(Ordering::Relaxed), 1);
        let silence = during[0].arrived_at.since(last);
        let kind = NoticeKind::Reconnect { venue: "upbit", after: silence };
        assert_eq!(told.take().map(|notice| notice.kind), Some(kind));
        assert!(silence > DurNs(0) && told.take().is_none());
        let seen = (before.len() + during.len() + after.len()) as u64;
        assert_eq!(stage.tally().get(Counter::Published), seen);
    }

    #[test]
    fn a_gap_makes_every_book_invalid_once_until_its_snapshot() {
        let mut stage = Stage::set(Some(Effect::FeedGap { venue: UPBIT }));
        let [_, during, after] = stage.acts();
        assert_eq!(during.len(), 3, "one word for each book");
        assert!(during.iter().all(|top| top.invalid == Some(Invalid::Gap)));
        assert!(all_good(&after));
        let tally = stage.tally();
        let counts = [Counter::Gaps, Counter::Resyncs].map(|counter| tally.get(counter));
        assert_eq!(counts, [3, 3]);
        let outcomes = [Counter::Books, Counter::Gaps, Counter::HeldDiffs];
        let sum: u64 = outcomes.iter().map(|counter| tally.get(*counter)).sum();
        assert_eq!(sum, tally.get(Counter::Frames));
        assert!(tally.get(Counter::HeldDiffs) > 100);
    }

    #[test]
    fn what_a_codec_would_reject_is_counted_and_leaves_no_usable_book() {
        let crossed = (Effect::CrossedBook { venue: UPBIT }, Counter::RejectedCrossed);
        let zero = (Effect::ZeroPrice { venue: UPBIT }, Counter::RejectedValue);
        for ((effect, counter), invalid) in [(crossed, Invalid::Crossed), (zero, Invalid::BadValue)]
        {
            let mut stage = Stage::set(Some(effect));
            let [before, during, after] = stage.acts();
            assert!(during.iter().all(|top| top.invalid == Some(invalid) && top.bids.is_empty()));
            let last_good = before.iter().map(|top| top.received_at).max();
            assert!(during.iter().all(|top| Some(top.received_at) <= last_good), "grows older");
            assert!(all_good(&after));
            assert_eq!(stage.tally().get(counter), during.len() as u64);
            let whole = (before.len() + during.len() + after.len()) as u64;
            assert_eq!(stage.tally().get(Counter::Frames), whole);
        }
    }

    #[test]
    fn a_leap_moves_coins_to_valid_books_and_leaves_fx_alone() {
        let effect = Effect::PriceLeap { venue: UPBIT, to: Ppm::new(680_000) };
        let leapt = Stage::set(Some(effect)).acts();
        let sound = Stage::set(None).acts();
        let instruments = plan(7).instruments;
        for (act, (tops, plain)) in leapt.iter().zip(&sound).enumerate() {
            assert_eq!(tops.len(), plain.len());
            for (top, plain) in tops.iter().zip(plain) {
                let leaps = act == 1 && top.instrument.index() != USDT_KRW;
                assert_eq!(top.bids[0].price != plain.bids[0].price, leaps);
                if top.bids.len() == plain.bids.len() && top.instrument.index() == BTC_KRW {
                    assert_valid(top, &instruments[BTC_KRW]);
                }
                if leaps {
                    let parts = top.bids[0].price.raw() / (plain.bids[0].price.raw() / 1_000);
                    assert!((679..=681).contains(&parts), "{parts} in a thousand");
                }
            }
        }
    }

    #[test]
    fn a_lost_fx_stops_that_book_only() {
        let [_, during, after] = Stage::set(Some(Effect::FxLoss)).acts();
        let fx =
            |tops: &[BookTop]| tops.iter().filter(|top| top.instrument.index() == USDT_KRW).count();
        assert_eq!(fx(&during), 0);
        assert!(all_good(&during) && fx(&after) > 40);
    }

    #[test]
    fn faults_of_the_other_venue_concern_nobody_here() {
        let effect = Effect::FeedSilence { venue: VenueId::Binance };
        assert!(Stage::set(Some(effect)).acts().iter().all(|tops| all_good(tops)));
    }
}
