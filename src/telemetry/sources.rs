//! Where telemetry reads what other threads show: boards, tallies, pulses. Reading disturbs nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::runtime::link::Rx;
use crate::runtime::pulse::PulseView;
use crate::runtime::pulse::State;
use crate::stats::shared::Latencies;
use crate::telemetry::gauges::ms;
use crate::telemetry::process::ProcessModel;
use crate::types::board::DogBoard;
use crate::types::board::EngineBoard;
use crate::types::board::FeedBoard;
use crate::types::board::ProcessBoard;
use crate::types::board::Terms;
use crate::types::counters::COUNTERS;
use crate::types::counters::Counter;
use crate::types::counters::PARSED;
use crate::types::counters::REJECTED;
use crate::types::counters::Tally;
use crate::types::evidence::FeedFigures;
use crate::types::evidence::Term;
use crate::types::evidence::ThreadFigures;
use crate::types::notice::Notice;
use crate::types::report::CycleReport;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// Terms that other threads keep.
const KEPT: [Term; 15] = [
    Term::UpdatesApplied,
    Term::Intents,
    Term::OrdersEnded,
    Term::OrdersRejected,
    Term::OrdersResolved,
    Term::OrdersOpen,
    Term::OrdersUnknown,
    Term::Sends,
    Term::Approvals,
    Term::IntentsJournaled,
    Term::FillsBooked,
    Term::FillsVenue,
    Term::Panics,
    Term::ThreadRestarts,
    Term::InvariantFaults,
];

/// A venue's feed.
#[derive(Clone, Debug)]
pub struct FeedSource {
    /// Name of the venue.
    pub venue: &'static str,
    /// What its feed counts.
    pub tally: Tally,
    /// What its feed shows.
    pub board: Arc<FeedBoard>,
    /// Silence up to here is no lag.
    pub allowance: DurNs,
}

/// Everything that telemetry reads beside its log and the cycle reports. A run without some of it
/// has the matching gauges unmeasured.
#[derive(Default)]
pub struct Sources {
    /// Reports of cycles that end in a checkpoint: [`crate::runtime::link::DUE`].
    pub due: Option<Rx<CycleReport>>,
    /// [`crate::runtime::link::NOTICES`].
    pub notices: Option<Rx<Notice>>,
    /// The engine.
    pub engine: Arc<EngineBoard>,
    /// The feeds.
    pub feeds: Vec<FeedSource>,
    /// The process; telemetry writes it, but for the heartbeat.
    pub process: Arc<ProcessBoard>,
    /// The watchdog.
    pub dog: Arc<DogBoard>,
    /// Threads. Telemetry takes their longest gap, so nobody else may.
    pub pulses: Vec<PulseView>,
    /// What the engine measures; `None` leaves the intervals out.
    pub latencies: Option<Latencies>,
    /// Terms that neither the engine nor the feeds keep. Each term has one keeper.
    pub terms: Vec<Arc<Terms>>,
    /// Counters of threads that are no feed.
    pub tallies: Vec<Tally>,
    /// Gauges of the process in a virtual run; `None`: the real ones.
    pub model: Option<Box<dyn ProcessModel>>,
    /// Tops that wait on the engine's link: at the end, those that nobody will take.
    pub left: Option<Box<dyn Fn() -> u64 + Send>>,
    /// Losses that their senders count: name of the counter and the count.
    pub losses: Vec<(&'static str, Arc<AtomicU64>)>,
}

impl Sources {
    /// Lag of the slowest required feed; `None` unless each of those has shown one.
    pub fn ws_lag(&self, now: MonoNs) -> Option<DurNs> {
        let is_required = |feed: &&FeedSource| !feed.board.is_optional.load(Ordering::Relaxed);
        let lag = |feed: &FeedSource| feed.board.lag_at(now, feed.allowance);
        let lags: Option<Vec<DurNs>> = self.feeds.iter().filter(is_required).map(lag).collect();
        lags?.into_iter().max()
    }
    /// Age of the newest heartbeat that came back.
    pub fn heartbeat_age(&self, now: MonoNs) -> Option<DurNs> {
        self.process.heartbeat.get().map(|(_, at)| now.since(at))
    }
    /// Every counter of the table, summed over all threads, and the losses.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let tallies = || self.feeds.iter().map(|feed| &feed.tally).chain(&self.tallies);
        let sum = |index: usize| tallies().map(|tally| tally.at(index)).sum();
        let table = COUNTERS.iter().enumerate().map(|(at, info)| (info.name.to_owned(), sum(at)));
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let losses = self.losses.iter().map(|(name, count)| ((*name).to_owned(), load(count)));
        table.chain(losses).collect()
    }
    /// One entry a venue.
    pub fn feed_figures(&self) -> BTreeMap<String, FeedFigures> {
        let figures = |feed: &FeedSource| FeedFigures {
            frames: feed.tally.get(Counter::Frames),
            bytes: feed.tally.get(Counter::FrameBytes),
            reconnects: feed.board.reconnects.load(Ordering::Relaxed),
            gaps: feed.tally.get(Counter::Gaps),
            lag_ms: feed
                .board
                .lag
                .get()
                .map(|(lag, _)| ms(DurNs(u64::try_from(lag).unwrap_or_default()))),
        };
        self.feeds.iter().map(|feed| (feed.venue.to_owned(), figures(feed))).collect()
    }
    /// One entry a thread that has begun; `longest` in the order of the pulses.
    pub fn thread_figures(
        &self,
        now: MonoNs,
        longest: &[DurNs],
    ) -> BTreeMap<String, ThreadFigures> {
        let figures = |(pulse, longest): (&PulseView, &DurNs)| {
            let figures = ThreadFigures {
                beat_age_ms: ms(now.since(pulse.beat()?)),
                longest_turn_ms: ms(*longest),
                progress: pulse.progress(),
            };
            Some((pulse.name().to_owned(), figures))
        };
        self.pulses.iter().zip(longest).filter_map(figures).collect()
    }
    /// One term; `None` if nobody keeps it.
    pub fn term(&self, term: Term) -> Option<u64> {
        let boards = std::iter::once(&self.engine.terms).chain(self.terms.iter().map(|t| &**t));
        let mut kept = boards.filter_map(|terms| terms.get(term));
        // Each keeper of invariants finds faults of its own.
        if term == Term::InvariantFaults { kept.reduce(u64::saturating_add) } else { kept.next() }
    }
    fn left_behind(&self) -> u64 {
        let held = self.feeds.iter().map(|feed| feed.board.held.load(Ordering::Relaxed));
        self.left.as_ref().map_or(0, |left| left()).saturating_add(held.sum())
    }
    /// The terms of the conservation identities, but for those of the snapshots.
    /// `is_end`: every other thread has ended, so what waits is lost.
    pub fn conservation(&self, is_end: bool) -> BTreeMap<Term, u64> {
        let mut terms = BTreeMap::new();
        if !self.feeds.is_empty() {
            let sum = |of: &[Counter]| {
                let each = |feed: &FeedSource| of.iter().map(|c| feed.tally.get(*c)).sum::<u64>();
                self.feeds.iter().map(each).sum()
            };
            terms.insert(Term::Frames, sum(&[Counter::Frames]));
            terms.insert(Term::FramesParsed, sum(&PARSED));
            terms.insert(Term::FramesRejected, sum(&REJECTED));
            terms.insert(Term::Updates, sum(&[Counter::Published]));
            terms.insert(Term::UpdatesConflated, sum(&[Counter::Conflated]));
            // A full link keeps the newest of each book. Only the end of a run leaves some behind.
            terms.insert(Term::UpdatesDropped, if is_end { self.left_behind() } else { 0 });
        }
        if !self.pulses.is_empty() {
            let dead = self.pulses.iter().filter(|pulse| pulse.state() == State::Dead);
            terms.insert(Term::Panics, dead.count() as u64);
        }
        terms.extend(KEPT.iter().filter_map(|term| Some((*term, self.term(*term)?))));
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::pulse::Pulse;
    use crate::types::counters::Pen;

    #[test]
    fn the_slowest_feed_counts_and_one_that_never_spoke_leaves_the_lag_unknown() {
        let feed = |venue| FeedSource {
            venue,
            tally: Pen::new().tally(),
            board: Arc::default(),
            allowance: DurNs(1_000),
        };
        let sources = Sources { feeds: vec![feed("upbit"), feed("binance")], ..Sources::default() };
        assert_eq!(Sources::default().ws_lag(MonoNs(0)), None, "no feed, no lag");
        sources.feeds[0].board.lag.put(7, MonoNs(10));
        assert_eq!(sources.ws_lag(MonoNs(10)), None);
        sources.feeds[1].board.lag.put(9, MonoNs(10));
        assert_eq!(sources.ws_lag(MonoNs(10)), Some(DurNs(9)));
    }

    #[test]
    fn what_waits_at_the_end_is_lost_and_before_it_is_not() {
        let board = Arc::<FeedBoard>::default();
        board.held.store(1, Ordering::Relaxed);
        let tally = Pen::new().tally();
        let feed = FeedSource { venue: "upbit", tally, board, allowance: DurNs(0) };
        let left: Option<Box<dyn Fn() -> u64 + Send>> = Some(Box::new(|| 3));
        let sources = Sources { feeds: vec![feed], left, ..Sources::default() };
        let dropped = |is_end| sources.conservation(is_end)[&Term::UpdatesDropped];
        assert_eq!((dropped(false), dropped(true)), (0, 4));
    }

    #[test]
    fn a_term_has_one_keeper_and_a_thread_that_panicked_is_a_panic() {
        let apart = Arc::new(Terms::default());
        let pulse = Pulse::new("engine");
        let mut sources = Sources { terms: vec![Arc::clone(&apart)], ..Sources::default() };
        sources.pulses = vec![pulse.view(), Pulse::new("gateway").view()];
        apart.put(Term::Sends, 4);
        sources.engine.terms.put(Term::Intents, 5);
        assert_eq!(sources.conservation(false)[&Term::Panics], 0);
        pulse.enter(State::Dead);
        let terms = sources.conservation(false);
        assert_eq!([Term::Sends, Term::Intents, Term::Panics].map(|term| terms[&term]), [4, 5, 1]);
        assert!(!terms.contains_key(&Term::Frames), "no feed counts here");
    }
}
