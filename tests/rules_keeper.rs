//! What a venue tells hourly of its instruments is held against what the run was begun with: one
//! that counts otherwise now is halted, in the feed, in its recording and in a replay of that.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/crew.rs"]
mod crew;
#[path = "support/dialect.rs"]
mod dialect;
#[path = "support/feed_bench.rs"]
mod feed_bench;
#[path = "support/small_venue.rs"]
mod small_venue;

use std::path::Path;
use std::sync::Arc;

use arb::feed::agent::Feed;
use arb::feed::books::Books;
use arb::feed::recorder::Recorder;
use arb::feed::rulebook::RULES;
use arb::feed::rulebook::RulesNews;
use arb::feed::series::Series;
use arb::feed::spool::SpoolLimits;
use arb::feed::tape::RecordKind;
use arb::feed::tape::Tape;
use arb::runtime::link::BOOKS;
use arb::runtime::link::Tx;
use arb::scenario::keeper::Keeper;
use arb::scenario::taping::taping;
use arb::sim::exchange::listing;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::asset;
use arb::types::market::Instrument;
use arb::types::market::Invalid;
use arb::types::market::TickTable;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Qty;
use arb::venue::codec;
use arb::venue::stream::InstrumentRules;
use arb::venue::stream_of;

use crate::feed_bench::Bench;

const VENUE: VenueId = VenueId::Upbit;
const BASES: [&str; 2] = ["BTC", "ETH"];

/// Those of the bench, in its order.
fn instruments() -> Vec<Instrument> {
    let bases = BASES.map(|base| asset(base).expect("an asset"));
    let table = listing::instruments(&bases).expect("a table");
    let is_one = |i: &Instrument| i.venue == VENUE && bases.contains(&i.base);
    table.into_iter().filter(is_one).collect()
}

/// What the venue tells of an instrument that is as configured.
fn rules_of(instrument: &Instrument) -> InstrumentRules {
    InstrumentRules {
        symbol: codec(VENUE).symbol(&instrument.name),
        name: instrument.name,
        is_trading: true,
        ticks: Some(instrument.ticks.clone()),
        lot: Some(instrument.lot),
        min_notional_raw: Some(instrument.min_notional_raw),
        code: None,
    }
}

/// A round of rules, and the keeper's look at it.
fn tell(news: &Tx<RulesNews>, keeper: &mut Keeper, rules: &[InstrumentRules], at: Now) {
    let sent = news.send(RulesNews { venue: VENUE, at, rules: rules.to_vec() });
    sent.expect("room for news");
    keeper.look();
}

fn spool(name: &str) -> SpoolLimits {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    SpoolLimits {
        series: Series::of(&folder.join("market")).expect("a name"),
        rotate_bytes: u64::MAX,
        rotate_after: DurNs(u64::MAX),
        max_bytes: u64::MAX,
        max_files: usize::MAX,
    }
}

/// Each change of why the second book is not valid, and both books at the end.
fn replayed(file: &Path, instruments: &[Instrument]) -> (Vec<Option<Invalid>>, Feed) {
    let (tx, tops) = BOOKS.open();
    let name = |(i, id): (&Instrument, u8)| (InstrumentId(id), i.name);
    let named: Vec<_> = instruments.iter().zip(0..).map(name).collect();
    let mut feed = Feed::new(Books::new(VENUE, &named), vec![tx]);
    let (mut tape, mut changes) = (Tape::open(file).expect("a recording"), Vec::new());
    while let Some(record) = tape.next_record().expect("a whole recording") {
        let now = Now { mono: MonoNs(record.recv.0), wall: record.recv };
        feed.on_record(record.kind, record.payload, now);
        while let Some(top) = tops.take() {
            if top.instrument == InstrumentId(1) && changes.last() != Some(&top.invalid) {
                changes.push(top.invalid);
            }
        }
    }
    (changes, feed)
}

/// How often the recording says that of the second instrument.
fn lines(file: &Path, kind: RecordKind, symbol: &str) -> usize {
    let (mut tape, mut count) = (Tape::open(file).expect("a recording"), 0);
    let detail = format!(r#"{{"symbol":"{symbol}"}}"#);
    while let Some(record) = tape.next_record().expect("a whole recording") {
        count += usize::from(record.kind == kind && record.payload == detail.as_bytes());
    }
    count
}

#[test]
fn an_instrument_whose_rules_change_is_halted_until_they_are_as_before_also_in_a_replay() {
    let (limits, instruments) = (spool("rules_keeper"), instruments());
    let file = limits.series.part(1).recording;
    let (mut taps, ports) = taping(&[VENUE], Arc::default());
    let mut bench = Bench::recorded(VENUE, &BASES, taps.remove(0).1);
    let recorder = Recorder::begin(limits, ports, bench.now()).expect("a folder");
    let (news, rules) = RULES.open();
    let boards = vec![(VENUE, Arc::clone(&bench.board))];
    let mut keeper = Keeper::new(&instruments, boards, rules);
    let as_begun: Vec<_> = instruments.iter().map(rules_of).collect();
    bench.until_live();

    tell(&news, &mut keeper, &as_begun, bench.now());
    // The venue publishes the tick of the present price: another one is no other table.
    for tick in ["1", "100", "1000"] {
        let body = format!(r#"[{{"market":"KRW-ETH","tick_size":"{tick}"}}]"#);
        let mut moved = as_begun.clone();
        moved[1].ticks = stream_of(VENUE).rules(body.as_bytes()).expect("rules").remove(0).ticks;
        assert_ne!(moved[1].ticks, as_begun[1].ticks);
        tell(&news, &mut keeper, &moved, bench.now());
    }
    let image = bench.newest[1].image;
    bench.until("further images", |bench| bench.newest[1].image > image + 3);
    assert_eq!(bench.losses, [], "nothing differs, nothing is halted");

    let mut other_lot = as_begun.clone();
    other_lot[1].lot = Qty::from_raw(2 * instruments[1].lot.raw());
    let mut other_grid = as_begun.clone();
    other_grid[1].ticks = TickTable::fixed(3);
    let mut not_trading = as_begun.clone();
    not_trading[1].is_trading = false;
    for changed in [&other_lot[..], &other_grid, &not_trading, &as_begun[..1]] {
        tell(&news, &mut keeper, changed, bench.now());
        bench.until("halt", |bench| bench.newest[1].invalid == Some(Invalid::Halted));
        let image = bench.newest[0].image;
        bench.until("images of the other", |bench| bench.newest[0].image > image + 3);
        assert_eq!(bench.newest[0].invalid, None, "the other one trades on");
        assert_eq!(bench.newest[1].invalid, Some(Invalid::Halted), "no image ends a halt");
        tell(&news, &mut keeper, &as_begun, bench.now());
        bench.until("end of the halt", |bench| bench.newest[1].invalid.is_none());
    }
    assert_eq!(bench.losses, [Invalid::Halted; 4]);

    recorder.finish(None, bench.now()).expect("a whole recording");
    let symbol = &as_begun[1].symbol;
    assert_eq!(lines(&file, RecordKind::Close, symbol), 4);
    assert_eq!(lines(&file, RecordKind::Open, symbol), 4);
    let (changes, mut feed) = replayed(&file, &instruments);
    let halts = changes.iter().filter(|change| **change == Some(Invalid::Halted)).count();
    assert_eq!(halts, 4, "{changes:?}");
    assert_eq!(changes.last(), Some(&None), "it trades at the end");
    for (slot, live) in bench.newest.iter().enumerate() {
        let again = feed.top(slot);
        assert_eq!((again.image, again.invalid), (live.image, live.invalid));
        assert_eq!((&again.bids, &again.asks), (&live.bids, &live.asks));
    }
    bench.end();
}
