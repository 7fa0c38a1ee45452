//! Whole recordings through the whole engine: what a replay must show, on the synthetic recordings
//! everywhere and on the recorded pair where the shared fixtures are present.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use arb::engine::signal::Direction;
use arb::feed::tape::Damage;
use arb::feed::tape::TapeError;
use arb::types::counters::Counter;
use arb::types::fact::FactKind;
use arb::types::fact::PairChange;
use arb::types::ids::VenueId;
use arb::types::units::Ppm;
use recount::Rates;
use recount::Recount;
use replays::CAPTURE;
use replays::DEFAULTS;
use replays::KIMCHI;
use replays::Run;
use replays::play;
use replays::play_whole;

#[path = "support/recount.rs"]
mod recount;
#[path = "support/replays.rs"]
mod replays;

const DEMO: &str = "demo_btc.rec.gz";
/// Enough of the recorded pair to trade on, and quick in a debug build.
const PART: usize = 8_000;

/// Edges in ppm: count, minimum, median, 95th percentile, maximum; the four within ±2 ppm.
fn assert_edges(run: &Run, direction: Direction, expected: (u64, [i64; 4])) {
    let found = run.edges(direction).expect("samples");
    let spread = [found.min, found.p50, found.p95, found.max].map(Ppm::get);
    let near = spread.iter().zip(expected.1).all(|(found, expected)| (found - expected).abs() <= 2);
    assert!(found.count == expected.0 && near, "{found:?}, expected {expected:?}");
}

fn assert_traded(run: &Run) {
    let counts = run.replay.plant.engine.core().counts();
    assert!(counts.opened > 0 && counts.closed > 0, "{counts:?}");
}

#[test]
fn the_recorded_pair_gives_the_edges_of_an_independent_calculation() {
    let Some(path) = replays::kimchi() else { return };
    let run = play_whole(&path, KIMCHI);
    assert_eq!((run.total(Counter::Books), run.total(Counter::Gaps)), (7_040, 0));
    assert_edges(&run, Direction::BuyUsdt, (7_038, [-6_046, 487, 9_730, 18_688]));
    assert_edges(&run, Direction::BuyKrw, (7_038, [-22_003, -4_223, -588, 2_334]));
    assert_traded(&run);
    assert_eq!(play_whole(&path, KIMCHI).hash(), run.hash());
}

#[test]
fn the_demo_trades_at_the_default_settings_and_repeats_itself() {
    let run = play_whole(&replays::demo(DEMO), DEFAULTS);
    let [upbit, binance] =
        [VenueId::Upbit, VenueId::Binance].map(|venue| run.count(venue, Counter::Books));
    // Upbit 10 + 5 a second; Binance 10 a second, of which the first six make one image.
    assert_eq!((upbit, binance), (1_800, 1_195));
    assert_eq!(run.total(Counter::Gaps), 0);
    let counts = run.replay.plant.engine.core().counts();
    assert!(counts.opened >= 2 && counts.closed >= 2, "{counts:?}");
    assert_eq!(run.samples(), 2 * run.edges(Direction::BuyKrw).expect("samples").count);
    assert_eq!(play_whole(&replays::demo(DEMO), DEFAULTS).hash(), run.hash());
}

#[test]
fn two_coins_trade_side_by_side_and_each_snapshot_finds_its_book() {
    let run = play_whole(&replays::demo("demo_btc_eth.rec.gz"), DEFAULTS);
    assert_eq!((run.total(Counter::Gaps), run.total(Counter::StaleSnapshots)), (0, 0));
    assert_eq!(run.count(VenueId::Binance, Counter::Books), 2 * 245);
    let core = run.replay.plant.engine.core();
    let mut bases: Vec<&str> = Vec::new();
    for fact in &run.facts {
        if let FactKind::Pair { change: PairChange::Entered { buy, .. }, .. } = fact.kind {
            bases.push(core.view().instrument(buy).base.as_str());
        }
    }
    for base in ["BTC", "ETH"] {
        assert!(bases.contains(&base), "no pair of {base}: {bases:?}");
    }
    assert!(core.edges().all(|row| row.2.summary().is_some()), "a route without samples");
}

/// The line with the digit before `before`, searched after `after` from its end, one higher.
fn one_higher(line: &str, after: &str, before: &str) -> Option<String> {
    let start = line.rfind(after)? + after.len();
    let digit = start + line[start..].find(before)? - 1;
    let raised = match line.as_bytes()[digit] {
        value @ b'0'..=b'8' => char::from(value + 1),
        _ => return None,
    };
    Some(format!("{}{raised}{}", &line[..digit], &line[digit + 1..]))
}

/// One price of the first suitable line past the middle raised by one of its last digits.
fn with_one_price_changed(lines: &[String], how: [&str; 3]) -> Vec<String> {
    let [wanted, after, before] = how;
    let is_wanted = |line: &String| line.contains(wanted);
    let mut changed = lines.to_vec();
    let mut past_middle = changed.iter_mut().skip(lines.len() / 2);
    let (line, other) = past_middle
        .find_map(|line| {
            let other = is_wanted(line).then(|| one_higher(line, after, before)).flatten()?;
            Some((line, other))
        })
        .expect("a line with such a price");
    *line = other;
    changed
}

fn assert_every_price_counts(name: &str, lines: &[String], yaml: &str) {
    let base = play_whole(&replays::write(&format!("{name}_same.rec"), lines), yaml);
    let kinds = [
        ("deepest ask of a diff", [r#""e":"depthUpdate""#, "[\"", "000000\""]),
        ("book ticker", ["@bookTicker", r#""a":""#, "000000\""]),
        ("trade", ["@trade", r#""p":""#, "000000\""]),
        ("last unit", [r#""code":"KRW-BTC""#, r#""ask_price":"#, "E7"]),
        ("FX", [r#""code":"KRW-USDT""#, r#""ask_price":"#, ".0"]),
    ];
    let mut seen = vec![base.hash()];
    for (what, how) in kinds {
        let changed = with_one_price_changed(lines, how);
        let run = play_whole(&replays::write(&format!("{name}_changed.rec"), &changed), yaml);
        assert_eq!(run.total(Counter::Frames), base.total(Counter::Frames), "{what}");
        assert_eq!(run.total(Counter::Books), base.total(Counter::Books), "{what}");
        assert!(!seen.contains(&run.hash()), "{what}: the price made no difference");
        seen.push(run.hash());
    }
}

#[test]
fn one_changed_price_of_the_demo_changes_the_hash() {
    assert_every_price_counts("demo", &replays::lines(&replays::demo(DEMO)), DEFAULTS);
}

#[test]
fn one_changed_price_of_the_recorded_pair_changes_the_hash() {
    let Some(path) = replays::kimchi() else { return };
    assert_every_price_counts("kimchi", &replays::lines(&path)[..PART], KIMCHI);
}

/// Takes out the first depth diff after the middle entry and holds the run against one that ends
/// where that is noticed.
fn assert_a_gap_ends_the_book(name: &str, lines: &[String], yaml: &str) {
    let intact = play_whole(&replays::write(&format!("{name}_intact.rec"), lines), yaml);
    let entries = intact.entries();
    let middle = entries[entries.len() / 2];
    let is_diff = |line: &String| line.contains(r#""e":"depthUpdate""#);
    let mut diffs = (0..lines.len())
        .filter(|at| replays::received(&lines[*at]) > middle && is_diff(&lines[*at]));
    let (missing, noticed) = (diffs.next().expect("a diff"), diffs.next().expect("a next one"));
    let gap_at = replays::received(&lines[noticed]);
    assert!(entries.iter().any(|at| *at > gap_at), "nothing would be traded after the gap");

    let mut without = lines.to_vec();
    without.remove(missing);
    let before = replays::write(&format!("{name}_before.rec"), &without[..noticed - 1]);
    let before = play_whole(&before, yaml);
    let run = play_whole(&replays::write(&format!("{name}_gap.rec"), &without), yaml);
    assert_eq!((run.total(Counter::Gaps), before.total(Counter::Gaps)), (1, 0));
    assert_eq!(run.samples(), before.samples(), "a sample on an invalid book");
    let entries = run.entries();
    assert!(!entries.is_empty(), "nothing was traded before the gap");
    assert!(entries.iter().all(|at| *at < gap_at), "an entry on an invalid book");
    let matches = run.matches_on(VenueId::Binance);
    assert!(matches.iter().all(|at| *at < gap_at), "a match on an invalid book");
    let [upbit, binance] =
        [VenueId::Upbit, VenueId::Binance].map(|venue| run.count(venue, Counter::Books));
    assert_eq!(upbit, intact.count(VenueId::Upbit, Counter::Books));
    assert_eq!(binance, before.count(VenueId::Binance, Counter::Books));
    assert_ne!(run.hash(), intact.hash());
}

#[test]
fn a_missing_diff_of_the_demo_ends_its_book() {
    assert_a_gap_ends_the_book("demo", &replays::lines(&replays::demo(DEMO)), DEFAULTS);
}

#[test]
fn a_missing_diff_of_the_recorded_pair_ends_its_book() {
    let Some(path) = replays::kimchi() else { return };
    assert_a_gap_ends_the_book("kimchi", &replays::lines(&path), KIMCHI);
}

/// Both accounting modes against a calculation of the test's own.
fn assert_recounted(path: &Path, yaml: &str) {
    let rates = Rates::of(&replays::lines(path));
    for yaml in [yaml.to_owned(), format!("{yaml}{CAPTURE}")] {
        let run = play_whole(path, &yaml);
        assert_traded(&run);
        let count = Recount::of(&run.facts, &run.plan, &rates);
        let core = run.replay.plant.engine.core();
        let portfolio = core.portfolio();
        assert_eq!(count.realized, i128::from(portfolio.realized.raw()), "{yaml}");
        assert_eq!(count.fees, i128::from(portfolio.fees.raw()), "{yaml}");
        assert_eq!(count.fills, portfolio.fills, "{yaml}");
        assert!(count.fills > 0 && count.closed >= core.counts().closed, "{yaml}");
        let ours = portfolio.holdings().iter().map(|row| (row.venue, row.asset, row.raw));
        let theirs = run.replay.plant.gateway.ledger().iter().copied();
        for (venue, asset, raw) in ours.chain(theirs) {
            let at = (venue.name().to_owned(), asset.to_string());
            let counted = count.balances.get(&at).copied().unwrap_or(0);
            assert_eq!(counted, i128::from(raw), "{at:?} {yaml}");
        }
    }
}

#[test]
fn a_recount_of_the_demo_agrees_to_the_last_unit_in_both_modes() {
    assert_recounted(&replays::demo(DEMO), DEFAULTS);
}

#[test]
fn a_recount_of_the_recorded_pair_agrees_to_the_last_unit_in_both_modes() {
    let Some(path) = replays::kimchi() else { return };
    assert_recounted(&path, KIMCHI);
}

#[test]
fn a_damaged_recording_has_run_up_to_the_damage() {
    let lines = replays::lines(&replays::demo(DEMO));
    let good = 3_000;
    let whole = play_whole(&replays::write("prefix.rec", &lines[..good]), DEFAULTS);
    let noise = "\u{1}\u{7f} no line of a recording".to_owned();
    let strange = lines[good].replacen(" upbit ", " kraken ", 1);
    let strange = strange.replacen(" binance ", " kraken ", 1);
    for (bad, why) in [
        (noise, Damage::Format),
        (strange, Damage::Venue),
        (lines[good - 100].clone(), Damage::TimeRunsBack),
    ] {
        let mut damaged = lines[..good].to_vec();
        damaged.push(bad);
        damaged.extend_from_slice(&lines[good..]);
        let run = play(&replays::write("damaged.rec", &damaged), DEFAULTS);
        assert_eq!(run.ended, Err(TapeError { line: good as u64 + 1, why }));
        assert_eq!((run.hash(), run.facts.len()), (whole.hash(), whole.facts.len()), "{why}");
        assert!(run.replay.invariants_ok(), "{why}");
    }
}
