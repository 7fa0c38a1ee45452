//! `kill -9` at random moments of a run with a journal: each start rebuilds exactly what is on
//! record, and at the end the result is what the fills of all lives add up to, by arithmetic of
//! this test's own.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::core::Core;
use arb::engine::limits::EnginePlan;
use arb::journal::record::Record;
use arb::journal::record::RecordKind;
use arb::types::carry::CarriedKind;
use arb::types::carry::CarriedPair;
use arb::types::carry::Stage;
use arb::types::fact::Fact;
use arb::types::fact::FactKind;
use arb::types::fact::PairChange;
use arb::types::fact::Reference;
use arb::types::ids::InstrumentId;
use arb::types::ids::PairId;
use arb::types::rng::SplitMix64;
use arb::types::time::Clock;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::units::Krw;
use arb::types::units::Plain;
use arb::types::units::Qty;
use arb::types::units::SignedQty;
use arb::verdict::audit::Audit;
use arb::verdict::audit::Claim;
use arb::verdict::audit::Row;
use command::HOT;
use command::Place;
use serde_json::Value;
use walk::Walk;

#[path = "support/command.rs"]
mod command;
#[path = "support/restart.rs"]
#[allow(dead_code, reason = "this test uses one part")]
mod restart;
#[path = "support/walk.rs"]
mod walk;

/// About 40 s in a debug build.
const KILLS: u64 = 100;
const SEED: u64 = 20_261_123;
/// How long a process lives once it has said what it rebuilt.
const LIFE_MS: std::ops::Range<u64> = 50..450;
/// Markets that pay from their first tenth of a second.
const MARKETS: [u64; 5] = [1, 11, 28, 30, 40];

fn plan() -> EnginePlan {
    let loaded = load_bytes("test.yml", HOT.as_bytes(), &Request::default());
    loaded.unwrap_or_else(|faults| panic!("{faults}")).checked.engine
}

fn rows(core: &Core) -> Vec<Row> {
    core.portfolio().holdings().iter().map(|held| (held.venue, held.asset, held.raw)).collect()
}

/// What a start must report, from the journal read back by the library and checked by its audit.
fn expected_report(dir: &Path, plan: &EnginePlan) -> Option<String> {
    let now = Now { mono: Clock::start().mono(), wall: Clock::wall() };
    let again = restart::restart(dir, plan, now).unwrap_or_else(|error| panic!("{error}"));
    let (last, core) = (again.found.last.as_ref()?, &again.restored.core);
    let Some(Record { kind: RecordKind::Start(start), .. }) = again.records.first() else {
        panic!("the records since the last start begin with it");
    };
    let mut audit = Audit::resumed(&plan.instruments, &start.carry);
    again.facts().iter().for_each(|fact| audit.on_fact(fact));
    let account = core.portfolio();
    let claim = Claim {
        balances: &rows(core),
        realized_raw: account.realized.raw(),
        fees_raw: account.fees.raw(),
        fills: account.fills,
    };
    assert!(audit.agrees_with(&claim), "rebuilt {claim:?}\nfacts: {audit:?}");
    assert_eq!(core.counts().contradictions, 0);
    let how = if last.stopped { "stopped" } else { "ended without a stop" };
    Some(format!(
        "run {} {how}; {} records rebuilt {} open pairs, realized {} KRW",
        last.manifest.run_id,
        again.found.records,
        core.pairs().len(),
        account.realized,
    ))
}

/// One life: started, held to its report, killed. True if it was killed at work.
fn live_and_die(place: &Place, plan: &EnginePlan, draw: &mut SplitMix64) -> bool {
    let dir = place.path("run/journal");
    let report = expected_report(&dir, plan);
    let market = MARKETS[draw.below(MARKETS.len() as u64) as usize];
    let words = format!("run --mode mock --interval 1 --seed {market}");
    let mut going = place.start(place.arb(&words));
    // Some die while they start, which must do no harm either.
    if draw.below(8) > 0 {
        going.until(|_| has_ids(&place.journal(), report.is_some()), "journal");
        if let Some(report) = &report {
            going.until_said(report);
        }
    }
    let life = LIFE_MS.start + draw.below(LIFE_MS.end - LIFE_MS.start);
    std::thread::park_timeout(Duration::from_millis(life));
    let was_alive = going.kill();
    assert!(!going.err().contains("[ERROR"), "{}", going.err());
    was_alive
}

fn has_ids(files: &[std::path::PathBuf], is_later: bool) -> bool {
    let read = |path: &std::path::PathBuf| fs::read_to_string(path).unwrap_or_default();
    is_later || files.last().is_some_and(|file| read(file).contains(r#""kind":"ids""#))
}

#[test]
fn no_kill_loses_or_invents_a_fill_and_the_result_stays_that_of_the_fills() {
    let (place, plan) = (Place::new("run_kill"), plan());
    place.configure(HOT);
    let mut draw = SplitMix64::new(SEED, 0);
    for kill in 0..KILLS {
        assert!(live_and_die(&place, &plan, &mut draw), "life {kill} ended by itself");
    }
    let dir = place.path("run/journal");
    let report = expected_report(&dir, &plan).expect("a journal");
    let ended = place.run("run --mode mock --interval 0.5 --loops 2 --seed 28 --json");
    assert!(matches!(ended.code, Some(0 | 22)), "{}", ended.err);
    ended.says(&report);
    let summary = ended.summary();
    assert_eq!(summary["invariants_ok"], true, "{summary}");

    let walk = Walk::over(&place.journal());
    println!("{KILLS} kills: {walk}");
    assert!(walk.fills > KILLS, "too little happened: {walk}");
    assert!(walk.closed > 0 && walk.interrupted_orders > 0, "{walk}");
    // A few die before they begin their file.
    assert!(walk.starts > KILLS / 2, "{walk}");
    assert_eq!(summary["fills"], walk.fills);
    for (key, raw) in [("realized_krw", walk.realized), ("fees_krw", walk.fees)] {
        let own: Value = serde_json::from_str(&shown(raw)).expect("a number");
        assert_eq!(summary[key], own, "{key}");
    }
    let now = Now { mono: Clock::start().mono(), wall: Clock::wall() };
    let last = restart::restart(&dir, &plan, now).unwrap_or_else(|error| panic!("{error}"));
    for (venue, asset, raw) in rows(&last.restored.core) {
        let own = walk.balance(venue.name(), asset.as_str());
        assert_eq!(i128::from(raw), own, "{} on {}", asset.as_str(), venue.name());
    }
    assert_eq!(i128::from(last.restored.core.portfolio().realized.raw()), walk.realized);
}

/// A kill between an entry's intents and its first fill leaves a pair that may still miss.
#[test]
fn a_pair_that_was_carried_over_without_a_fill_may_miss() {
    let plan = plan();
    let now = Now { mono: MonoNs(1), wall: Clock::wall() };
    let mut carry = Core::new(&plan).carry(now);
    let reference = Reference { qty: Qty::ZERO, cost: Krw::ZERO, proceeds: Krw::ZERO };
    carry.pairs.push(CarriedPair {
        id: PairId(1),
        buy: InstrumentId(0),
        sell: InstrumentId(3),
        stage: Stage::Working,
        intended: Qty::ZERO,
        long: SignedQty::from_raw(0),
        short: SignedQty::from_raw(0),
        cash: Krw::ZERO,
        notional: Krw::ZERO,
        reference,
        entered_at: now.mono,
        kind: CarriedKind::Entry,
        wanted: None,
    });
    let missed = FactKind::Pair { id: PairId(1), change: PairChange::Missed };
    for (cash, faults) in [(Krw::ZERO, 0), (Krw::from_raw(1), 1)] {
        carry.pairs[0].cash = cash;
        let mut audit = Audit::resumed(&plan.instruments, &carry);
        audit.on_fact(&Fact { at: now, kind: missed });
        assert_eq!(audit.faults(), faults, "{cash}");
    }
}

fn shown(raw: i128) -> String {
    Plain(Krw::from_raw(i64::try_from(raw).expect("in range")).raw()).to_string()
}
