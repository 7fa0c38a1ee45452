//! The object that `arb run|replay --json` ends with (`PRODUCT.md` 12), and the same for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::engine::agent::Engine;
use crate::engine::core::Core;
use crate::engine::signal::Direction;
use crate::stats::edges::EdgeDistribution;
use crate::stats::shared::SharedHistogram;
use crate::types::board::DogBoard;
use crate::types::counters::Counter;
use crate::types::counters::Tally;
use crate::types::fact::Refusal;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::time::DurNs;
use crate::types::units::Plain;

/// Counters of frames that were rejected whole, with their reason in reports.
const REJECTED: [(Counter, &str); 12] = [
    (Counter::RejectedMalformed, "malformed"),
    (Counter::RejectedTooLarge, "too_large"),
    (Counter::RejectedTooDeep, "too_deep"),
    (Counter::RejectedUtf8, "utf8"),
    (Counter::RejectedNumber, "number"),
    (Counter::RejectedValue, "value"),
    (Counter::RejectedUnsorted, "unsorted"),
    (Counter::RejectedCrossed, "crossed"),
    (Counter::RejectedEmpty, "empty"),
    (Counter::RejectedTime, "time"),
    (Counter::RejectedOverflow, "overflow"),
    (Counter::UnknownSymbols, "unknown_symbol"),
];

/// What is not of the run itself.
#[derive(Clone, Debug)]
pub struct Heading {
    /// `replay`.
    pub mode: &'static str,
    /// Names this run.
    pub run_id: String,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Of the configuration.
    pub config_sha256: String,
    /// How the command ends.
    pub exit: Exit,
}

/// The summary object. Keys stand in the order of the specification.
#[derive(Serialize, Debug)]
pub struct Summary {
    mode: &'static str,
    run_id: String,
    seed: u64,
    config_sha256: String,
    cycles: u64,
    frames: BTreeMap<&'static str, u64>,
    books: BTreeMap<&'static str, u64>,
    tickers: BTreeMap<&'static str, u64>,
    rejected: BTreeMap<&'static str, u64>,
    gaps: u64,
    resyncs: u64,
    edges: BTreeMap<String, Edges>,
    decisions: u64,
    signals: u64,
    refusals: BTreeMap<&'static str, u64>,
    pairs: Pairs,
    stop_losses: u64,
    rejects: u64,
    partials: u64,
    fills: u64,
    fees_krw: Money,
    pnl_krw: Money,
    realized_krw: Money,
    exposure_krw: Money,
    residuals: u64,
    residual_krw: Money,
    is_exposed: bool,
    latency_ns: LatencyPair,
    snapshots: u64,
    #[serde(skip)]
    has_evidence: bool,
    watchdog: Watchdog,
    invariants_ok: bool,
    trace_hash: String,
    span_seconds: Money,
    exit: u8,
}

/// A decimal number written exactly, as a JSON number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Money(i64);

impl Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Plain(self.0).to_string();
        // The text is a plain decimal, which is always a JSON number.
        let raw = serde_json::value::RawValue::from_string(text);
        raw.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[derive(Serialize, Debug, Default)]
struct Edges {
    count: u64,
    min_ppm: Option<i64>,
    p50_ppm: Option<i64>,
    p95_ppm: Option<i64>,
    max_ppm: Option<i64>,
}

#[derive(Serialize, Debug)]
struct Pairs {
    opened: u64,
    closed: u64,
    unhedged: u64,
    missed: u64,
}

#[derive(Serialize, Debug)]
struct LatencyPair {
    tick_to_decision: Latency,
    tick_to_order: Latency,
}

#[derive(Serialize, Debug, Default)]
struct Latency {
    count: u64,
    p50: Option<u64>,
    p99: Option<u64>,
    p999: Option<u64>,
    max: Option<u64>,
}

/// Nothing where no watchdog ran: unknown, not healthy.
#[derive(Serialize, Debug, Default)]
struct Watchdog {
    state: Option<&'static str>,
    strikes: Option<u64>,
    transitions: Option<u64>,
}

impl Watchdog {
    fn of(board: &DogBoard) -> Watchdog {
        Watchdog {
            state: Some(board.condition()),
            strikes: Some(u64::from(board.strikes())),
            transitions: Some(board.transitions.load(Ordering::Relaxed)),
        }
    }
}

/// A run that has ended, as its agents left it.
pub struct RunView<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// What each venue's feed counted.
    pub venues: Vec<(VenueId, Tally)>,
    /// Real time from a frame's arrival to the decision on it.
    pub tick_to_decision: &'a SharedHistogram,
    /// Real time from a frame's arrival to the orders sent on it.
    pub tick_to_order: &'a SharedHistogram,
    /// Time covered: recorded, virtual or real.
    pub span: DurNs,
    /// Whether every exact check held.
    pub invariants_ok: bool,
    /// What the watchdog showed last.
    pub watchdog: Option<&'a DogBoard>,
    /// Snapshots on disk; `None` where none were to be written.
    pub snapshots: Option<u64>,
}

impl Summary {
    /// Of a run that has ended.
    pub fn of(run: &RunView<'_>, heading: Heading) -> Summary {
        let core = run.engine.core();
        let counts = core.counts();
        let portfolio = core.portfolio();
        let per_venue = |counter: Counter| -> BTreeMap<&'static str, u64> {
            let venues = run.venues.iter();
            venues.map(|(venue, tally)| (venue.name(), tally.get(counter))).collect()
        };
        let total = |counter: Counter| per_venue(counter).values().sum::<u64>();
        let pnl = portfolio.realized.plus(&core.unrealized()).unwrap_or(portfolio.realized);
        Summary {
            mode: heading.mode,
            run_id: heading.run_id,
            seed: heading.seed,
            config_sha256: heading.config_sha256,
            cycles: run.engine.cycles(),
            frames: per_venue(Counter::Frames),
            books: per_venue(Counter::Books),
            tickers: per_venue(Counter::Tickers),
            rejected: REJECTED.iter().map(|(counter, name)| (*name, total(*counter))).collect(),
            gaps: total(Counter::Gaps),
            resyncs: total(Counter::Resyncs),
            edges: edges(core),
            decisions: counts.decisions,
            signals: counts.signals,
            refusals: Refusal::ALL
                .iter()
                .map(|(refusal, name)| (*name, counts.refusals[*refusal as usize]))
                .collect(),
            pairs: Pairs {
                opened: counts.opened,
                closed: counts.closed,
                unhedged: counts.unhedged,
                missed: counts.missed,
            },
            stop_losses: counts.stop_losses,
            rejects: counts.rejects,
            partials: counts.partials,
            fills: portfolio.fills,
            fees_krw: Money(portfolio.fees.raw()),
            pnl_krw: Money(pnl.raw()),
            realized_krw: Money(portfolio.realized.raw()),
            exposure_krw: Money(core.exposure().raw()),
            residuals: counts.residuals,
            residual_krw: Money(core.residuals().total().raw()),
            is_exposed: core.is_exposed(),
            latency_ns: LatencyPair {
                tick_to_decision: latency(run.tick_to_decision),
                tick_to_order: latency(run.tick_to_order),
            },
            snapshots: run.snapshots.unwrap_or(0),
            has_evidence: run.snapshots.is_some(),
            watchdog: run.watchdog.map_or_else(Watchdog::default, Watchdog::of),
            invariants_ok: run.invariants_ok,
            trace_hash: format!("{:016x}", core.trace_hash()),
            span_seconds: Money(i64::try_from(run.span.0 / 10).unwrap_or(i64::MAX)),
            exit: heading.exit.code(),
        }
    }

    /// Prints the object on one line of stdout, or the same for a person.
    ///
    /// # Errors
    /// `Exit::Io` if stdout cannot be written.
    pub fn print(&self, json: bool) -> Result<(), CliError> {
        let text = match json {
            true => serde_json::to_string(self).map(|line| line + "\n").map_err(|error| {
                CliError::new(Exit::Internal, format!("summary: {error}"), "report this defect")
            })?,
            false => self.to_text(),
        };
        output::print(text.as_bytes()).map(|_| ())
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<18} {value}");
        };
        row("time", format!("{} s, {} cycles", Plain(self.span_seconds.0), self.cycles));
        row("frames", listed(&self.frames));
        row("books", listed(&self.books));
        row("rejected frames", listed(&nonzero(&self.rejected)));
        row("gaps / resyncs", format!("{} / {}", self.gaps, self.resyncs));
        for (name, e) in &self.edges {
            let ppm = |value: Option<i64>| value.map_or("-".into(), |value| value.to_string());
            let spread = [e.min_ppm, e.p50_ppm, e.p95_ppm, e.max_ppm].map(ppm);
            let [min, p50, p95, max] = spread;
            let numbers = format!("n={} min={min} p50={p50} p95={p95} max={max} ppm", e.count);
            row("edge", format!("{name}: {numbers}"));
        }
        row("signals", self.signals.to_string());
        row("refusals", listed(&nonzero(&self.refusals)));
        let p = &self.pairs;
        row("pairs", format!("opened {} closed {} unhedged {}", p.opened, p.closed, p.unhedged));
        let (stops, residual) = (self.stop_losses, Plain(self.residual_krw.0));
        row("stops / missed", format!("{stops} / {}", p.missed));
        row("residuals", format!("{} handed over, {residual} KRW stand", self.residuals));
        row("fills", self.fills.to_string());
        row("fees", format!("{} KRW", Plain(self.fees_krw.0)));
        row("pnl", format!("{} KRW (simulated fills)", Plain(self.pnl_krw.0)));
        row("exposure", format!("{} KRW", Plain(self.exposure_krw.0)));
        let d = &self.latency_ns.tick_to_decision;
        let ns = |value: Option<u64>| value.map_or("-".into(), |value| value.to_string());
        let numbers =
            format!("p50={} p99={} max={} ns (real time)", ns(d.p50), ns(d.p99), ns(d.max));
        row("tick to decision", numbers);
        let snapshots = match self.has_evidence {
            true => self.snapshots.to_string(),
            false => "none were to be written".into(),
        };
        row("snapshots", snapshots);
        let dog = &self.watchdog;
        let (strikes, moves) = (ns(dog.strikes), ns(dog.transitions));
        let state = dog.state.unwrap_or("-");
        row("watchdog", format!("{state}, {strikes} strikes, {moves} transitions"));
        row("invariants", if self.invariants_ok { "ok" } else { "BROKEN" }.into());
        row("trace_hash", self.trace_hash.clone());
        text
    }
}

fn nonzero(counts: &BTreeMap<&'static str, u64>) -> BTreeMap<&'static str, u64> {
    counts.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (*name, *count)).collect()
}

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

/// Distributions by the pair of venues, the bases of one pair of venues together.
fn edges(core: &Core) -> BTreeMap<String, Edges> {
    let mut merged: BTreeMap<String, EdgeDistribution> = BTreeMap::new();
    for (route, direction, samples) in core.edges() {
        let venue = |id| -> &Instrument { core.view().instrument(id) };
        let (krw, usdt) = (venue(route.krw).venue.name(), venue(route.usdt).venue.name());
        let name = match direction {
            Direction::BuyKrw => format!("buy_{krw}_sell_{usdt}"),
            Direction::BuyUsdt => format!("buy_{usdt}_sell_{krw}"),
        };
        merged.entry(name).or_default().merge(samples);
    }
    let summary = |samples: EdgeDistribution| match samples.summary() {
        None => Edges::default(),
        Some(found) => Edges {
            count: found.count,
            min_ppm: Some(found.min.get()),
            p50_ppm: Some(found.p50.get()),
            p95_ppm: Some(found.p95.get()),
            max_ppm: Some(found.max.get()),
        },
    };
    merged.into_iter().map(|(name, samples)| (name, summary(samples))).collect()
}

fn latency(histogram: &SharedHistogram) -> Latency {
    let total = histogram.total();
    Latency {
        count: total.count(),
        p50: total.quantile(500),
        p99: total.quantile(990),
        p999: total.quantile(999),
        max: total.max(),
    }
}
