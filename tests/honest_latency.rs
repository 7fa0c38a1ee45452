//! A stall counts for everything that it delayed: a minute at 1 kHz in which the engine does not
//! turn for one second, on virtual time and through the real links, where most of what waited has
//! been replaced by newer images. And the histograms between two threads.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::agent::Charge;
use arb::engine::agent::Engine;
use arb::engine::agent::Pace;
use arb::engine::agent::Ports;
use arb::engine::core::Core;
use arb::engine::limits::Accounting;
use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::drive::Order;
use arb::runtime::idle::Wait;
use arb::runtime::link::BOOKS;
use arb::runtime::link::DUE;
use arb::runtime::link::EVENTS;
use arb::runtime::link::FACTS;
use arb::runtime::link::REPORTS;
use arb::runtime::link::REQUESTS;
use arb::sim::plan::MarketPlan;
use arb::stats::shared::Distribution;
use arb::stats::shared::HistogramReader;
use arb::stats::shared::Latencies;
use arb::stats::shared::SharedHistogram;
use arb::topology::Plan;
use arb::topology::Site;
use arb::topology::mock_plant;
use arb::types::control::Permission;
use arb::types::control::PermissionWord;
use arb::types::counters::Counter;
use arb::types::counters::Tally;
use arb::types::report::Checkpoints;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::venue::FrameKind;
use bench::image;
use command::HOT;
use crew::Stage;
use crew::once;
use crew::post;
use support::KRW;

#[path = "support/bench.rs"]
mod bench;
#[path = "support/command.rs"]
mod command;
#[path = "support/crew.rs"]
mod crew;
mod support;

/// One image each millisecond.
const MINUTE_MS: u64 = 60_000;
const MS: u64 = 1_000_000;
/// The engine does not turn in these milliseconds.
const STALL: Range<u64> = 30_000..31_000;
const NONE: Range<u64> = 0..0;
/// What a turn takes.
const TURN: DurNs = DurNs(1_000);

/// What a minute left behind.
struct Minute {
    batch: Distribution,
    decision: Distribution,
    published: u64,
    conflated: u64,
    applied: u64,
}

impl Minute {
    fn of(latencies: &Latencies, tallies: &[Tally], engine: &Engine) -> Minute {
        let sum = |counter| tallies.iter().map(|tally| tally.get(counter)).sum();
        let minute = |shared| HistogramReader::new(Arc::clone(shared)).take();
        Minute {
            batch: minute(&latencies.batch),
            decision: minute(&latencies.decision),
            published: sum(Counter::Published),
            conflated: sum(Counter::Conflated),
            applied: engine.progress().taken,
        }
    }
    fn assert_all_counted(&self) {
        assert_eq!(self.published, self.applied + self.conflated, "updates = applied + conflated");
        assert_eq!(self.decision.count(), self.published, "each image waited once");
        assert!(self.batch.count() >= self.published, "and each cycle");
    }
    fn assert_stalled(&self) {
        self.assert_all_counted();
        for found in [&self.batch, &self.decision] {
            let (p99, max) = (found.quantile(990), found.max());
            assert!(p99 >= Some(400 * MS), "P99 {p99:?}: the stall is hidden");
            assert!(p99 <= Some(450 * MS), "P99 {p99:?}: more than the stall");
            assert!((Some(1_000 * MS)..Some(1_030 * MS)).contains(&max), "longest {max:?}");
        }
    }
    fn assert_smooth(&self) {
        self.assert_all_counted();
        assert_eq!(self.conflated, 0);
        for found in [&self.batch, &self.decision] {
            assert!(found.quantile(999) < Some(MS) && found.max() < Some(MS));
        }
    }
}

fn turn(engine: &mut Engine, now: Now) -> Turn {
    let turn = engine.turn(now);
    if turn == Turn::Worked {
        engine.turned(now.mono.plus(TURN));
    }
    turn
}

/// Recorded frames of one book over the declared links.
fn minute_of_frames(stall: &Range<u64>) -> Minute {
    let plan = support::plan(Accounting::Convergence);
    let named = &plan.instruments[KRW.index()];
    let ((books_tx, books), (requests, _gateway)) = (BOOKS.open(), REQUESTS.open());
    let ((_events, events), (facts, _record)) = (EVENTS.open(), FACTS.open());
    let (reports, _telemetry) = REPORTS.open();
    let (due, _) = DUE.open();
    let ports = Ports { books, events, requests, facts, reports, due };
    let latencies = Latencies::default();
    let charge = Charge {
        permission: Arc::new(PermissionWord::shut()),
        pace: Pace::Every(DurNs::from_secs(1)),
        loops: 0,
        finished: Arc::new(AtomicBool::new(false)),
        journal: None,
        board: Arc::default(),
        latencies: latencies.clone(),
        checkpoints: Checkpoints::default(),
    };
    let mut feed = Feed::new(Books::new(named.venue, &[(named.id, named.name)]), vec![books_tx]);
    let mut engine = Engine::new(Box::new(Core::new(&plan)), ports, charge);
    for ms in 0..MINUTE_MS {
        let now = support::at(0, ms * MS);
        feed.on_frame(FrameKind::Ws, image("KRW-BTC", ms + 1, "9").as_bytes(), now);
        if !stall.contains(&ms) {
            let mut both = || [turn(&mut engine, now), feed.flush()];
            while both().contains(&Turn::Worked) {}
        }
    }
    Minute::of(&latencies, &[feed.tally()], &engine)
}

/// The synthetic market in a whole plant, its transport without chance.
fn minute_of_market(stall: &Range<u64>) -> Minute {
    let loaded = load_bytes("test.yml", HOT.as_bytes(), &Request::default());
    let checked = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked;
    let (engine, paper) = (checked.engine, checked.paper);
    let mut market = MarketPlan::of(engine.instruments.clone(), 5);
    market.updates_per_second = 200;
    market.transport.latency_mean = market.transport.latency_min;
    let pace = Pace::Every(DurNs::from_secs(1));
    let plan = Plan { engine, paper, pace, loops: 0, checkpoints: Checkpoints::default(), seed: 5 };
    let (mut plant, outlets) = mock_plant(&plan, &market, Site::default()).expect("a plant");
    plant.permission.grant(Permission::Trade, MonoNs(u64::MAX));
    for ms in 0..MINUTE_MS {
        let now = support::at(0, ms * MS);
        loop {
            let mut worked = plant.gateway.turn(now) == Turn::Worked;
            for feed in &mut plant.feeds {
                worked |= feed.turn(now) == Turn::Worked;
            }
            if !stall.contains(&ms) {
                worked |= turn(&mut plant.engine, now) == Turn::Worked;
            }
            if !worked {
                break;
            }
        }
        while outlets.facts.take().is_some() {}
        while outlets.reports.take().is_some() {}
    }
    let tallies: Vec<Tally> = plant.feeds.iter().map(|feed| feed.tally()).collect();
    Minute::of(&plant.latencies, &tallies, &plant.engine)
}

#[test]
fn a_stall_of_a_second_raises_the_p99_of_its_minute_to_400_ms() {
    let minute = minute_of_frames(&STALL);
    assert_eq!(minute.published, MINUTE_MS);
    assert!(minute.conflated > 900, "64 wait on the link, the others are replaced");
    minute.assert_stalled();
    minute_of_frames(&NONE).assert_smooth();
}

#[test]
fn a_stall_counts_the_same_in_a_whole_plant_over_the_synthetic_market() {
    // A little longer: 0.4 s is the very edge, and the images of two venues fall beside it.
    let minute = minute_of_market(&(STALL.start..STALL.end + 10));
    assert!(minute.published > 59_000 && minute.conflated > 900, "{}", minute.conflated);
    minute.assert_stalled();
}

#[test]
fn a_reader_on_another_thread_misses_no_sample_and_no_maximum() {
    const TAKES: u64 = 200;
    let shared = Arc::new(SharedHistogram::new());
    let enough = Arc::new(AtomicBool::new(false));
    let mut stage = Stage::set();
    let (writer, stop) = (Arc::clone(&shared), Arc::clone(&enough));
    let recorded = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&recorded);
    let work = once(move || {
        let mut ns = 0;
        while !stop.load(Ordering::Acquire) {
            ns += 1;
            writer.record(ns);
            // One bucket is always being written.
            writer.record_many(0, 2);
        }
        count.store(ns, Ordering::Release);
    });
    let worker = stage.crew.start(work, post("writer", Wait::Park)).expect("a thread");
    let mut reader = HistogramReader::new(Arc::clone(&shared));
    let mut sum = Distribution::empty();
    let (mut takes, by) = (0, stage.clock.mono().plus(crew::PATIENCE));
    while takes < TAKES {
        assert!(stage.clock.mono() < by, "the writer hangs");
        let taken = reader.take();
        takes += u64::from(taken.count() > 0);
        // Times only rise, so the maximum lies in the highest bucket of each interval.
        if let (Some(max), Some((top, _))) = (taken.max(), taken.buckets().last()) {
            assert!(max <= top && top - max <= top / 128, "{max} of {top}");
        }
        sum.merge(&taken);
    }
    enough.store(true, Ordering::Release);
    stage.crew.stop(Order::Drain);
    stage.join(worker);
    sum.merge(&reader.take());
    let recorded = recorded.load(Ordering::Acquire);
    assert_eq!((sum.count(), sum.max()), (recorded * 3, Some(recorded)));
    assert_eq!(sum, shared.total());
}
