//! Shared by the replay tests: recordings as lines, plans from YAML, a run with all its facts.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use arb::config::load::Request;
use arb::config::load::load_bytes;
use arb::engine::agent::Pace;
use arb::engine::signal::Direction;
use arb::feed::tape::Tape;
use arb::feed::tape::TapeError;
use arb::scenario::replay::Replay;
use arb::scenario::replay::Watch;
use arb::sim::limits::Fault;
use arb::stats::edges::EdgeSummary;
use arb::topology::Plan;
use arb::types::counters::Counter;
use arb::types::fact::Fact;
use arb::types::fact::FactKind;
use arb::types::ids::VenueId;
use arb::types::order::OrderEventKind;
use arb::types::order::Purpose;
use arb::types::report::Checkpoints;
use arb::types::time::Clock;
use arb::types::time::DurNs;
use arb::types::time::WallNs;
use flate2::read::MultiGzDecoder;

/// What the engine does when nothing is configured.
pub const DEFAULTS: &str = "mode: {current: mock}\n";
/// The settings under which the recorded pair's edges were calculated independently.
pub const KIMCHI: &str = "\
execution_engine: {position_size_krw: 10000}
signal_engine: {min_trade_amount_krw: 5000, upbit_fee: 0.05, binance_fee: 0.1}
risk: {max_quote_age_ms: 10000}
fx: {max_age_ms: 10000}
";
/// Appended to either: both fills lock the profit.
pub const CAPTURE: &str = "position_engine: {accounting: capture}\n";
/// Seed of simulated latencies where nothing is said: that of `arb replay`.
const SEED: u64 = 7;

/// The recorded pair, where the shared fixtures are present.
pub fn kimchi() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/fixtures/pairs/kimchi_btc_20240808.rec.gz");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: the shared fixtures are absent");
    None
}

/// A synthetic recording of `tools/demo_recording.py`.
pub fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// All lines of a gzip recording.
pub fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let file = File::open(path).expect("the recording opens");
    MultiGzDecoder::new(file).read_to_string(&mut text).expect("a whole recording");
    text.lines().map(str::to_owned).collect()
}

/// A plain recording of these lines, in the folder for tests.
pub fn write(name: &str, lines: &[String]) -> PathBuf {
    write_bytes(name, format!("{}\n", lines.join("\n")).as_bytes())
}

/// A file in the folder for tests.
pub fn write_bytes(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).expect("a writable folder for tests");
    path
}

/// When a line was received.
pub fn received(line: &str) -> WallNs {
    WallNs(line.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a recording's line"))
}

/// The plan that `arb replay` makes of this configuration.
pub fn plan(yaml: &str) -> Plan {
    let loaded = load_bytes("test.yml", yaml.as_bytes(), &Request::default());
    let checked = loaded.unwrap_or_else(|faults| panic!("{faults}")).checked;
    let pace = Pace::Every(DurNs::from_secs(30));
    Plan {
        engine: checked.engine,
        paper: checked.paper,
        pace,
        loops: 0,
        checkpoints: Checkpoints::default(),
        seed: SEED,
    }
}

/// A replay that has ended, with everything that happened in it.
pub struct Run {
    /// Boxed: its fixed tables are 160 KiB, a test's stack 2 MiB.
    pub replay: Box<Replay>,
    pub plan: Plan,
    pub facts: Vec<Fact>,
    pub ended: Result<(), TapeError>,
}

struct Keep(Vec<Fact>);

impl Watch for Keep {
    fn on_fact(&mut self, fact: &Fact) {
        self.0.push(*fact);
    }
}

/// Runs a recording under a configuration.
pub fn play(path: &Path, yaml: &str) -> Run {
    play_with(path, yaml, &[])
}

/// The same under a fault schedule.
pub fn play_with(path: &Path, yaml: &str, faults: &[Fault]) -> Run {
    let plan = plan(yaml);
    let mut replay = Box::new(Replay::new(&plan, Clock::start()).with_faults(faults));
    let mut keep = Keep(Vec::new());
    let ended = replay.run(&mut Tape::open(path).expect("the recording opens"), &mut keep);
    Run { replay, plan, facts: keep.0, ended }
}

/// As [`play`], of a recording that has to be whole.
pub fn play_whole(path: &Path, yaml: &str) -> Run {
    let run = play(path, yaml);
    assert_eq!(run.ended, Ok(()), "{}", path.display());
    assert!(run.replay.invariants_ok(), "{}", path.display());
    run
}

impl Run {
    pub fn hash(&self) -> u64 {
        self.replay.plant.engine.core().trace_hash()
    }
    /// A counter of one venue's feed.
    pub fn count(&self, venue: VenueId, counter: Counter) -> u64 {
        let mut feeds = self.replay.plant.feeds.iter();
        feeds.find(|(of, _)| *of == venue).map_or(0, |(_, feed)| feed.tally().get(counter))
    }
    /// The same over all venues.
    pub fn total(&self, counter: Counter) -> u64 {
        VenueId::ALL.into_iter().map(|venue| self.count(venue, counter)).sum()
    }
    /// Edges of BTC in one direction.
    pub fn edges(&self, direction: Direction) -> Option<EdgeSummary> {
        let core = self.replay.plant.engine.core();
        let is_btc = |route: arb::types::ids::InstrumentId| {
            core.view().instrument(route).base.as_str() == "BTC"
        };
        let mut all = core.edges().filter(|row| is_btc(row.0.krw) && row.1 == direction);
        all.next().and_then(|row| row.2.summary())
    }
    /// Edge samples of all routes and directions.
    pub fn samples(&self) -> u64 {
        let core = self.replay.plant.engine.core();
        core.edges().filter_map(|row| row.2.summary()).map(|summary| summary.count).sum()
    }
    /// When orders on a venue matched.
    pub fn matches_on(&self, venue: VenueId) -> Vec<WallNs> {
        let instruments = &self.plan.engine.instruments;
        let mut mine = BTreeSet::new();
        let mut matches = Vec::new();
        for fact in &self.facts {
            match fact.kind {
                FactKind::Intent { request, .. }
                    if instruments[request.instrument.index()].venue == venue =>
                {
                    mine.insert(request.id);
                }
                FactKind::Order { event, .. }
                    if mine.contains(&event.id)
                        && matches!(event.kind, OrderEventKind::Fill(_)) =>
                {
                    matches.push(fact.at.wall);
                }
                _ => {}
            }
        }
        matches
    }
    /// When entry orders were decided.
    pub fn entries(&self) -> Vec<WallNs> {
        let is_entry = |fact: &&Fact| match fact.kind {
            FactKind::Intent { request, .. } => request.purpose == Purpose::Entry,
            _ => false,
        };
        self.facts.iter().filter(is_entry).map(|fact| fact.at.wall).collect()
    }
}
