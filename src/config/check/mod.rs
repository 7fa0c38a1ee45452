//! What the program may rely on: raw sections to checked limits, and the rules between keys.
//!
//! By now every value has its type and lies in its own range. Left to do: how keys relate, what a
//! mode demands, instruments, and exact conversion to the limits of the threads.

mod heartbeat;
mod instruments;
mod limits;
mod rules;
mod venues;
mod waits;
mod watchdog;

use serde_json::Value;

use crate::config::fault::Place;
use crate::config::walk::Findings;
use crate::config::walk::Refused;
use crate::config::yaml::ConfigYaml;
use crate::config::yaml::Mode;
use crate::engine::limits::EnginePlan;
use crate::feed::limits::FeedLimits;
use crate::gateway::limits::PaperLimits;
use crate::telemetry::limits::RedisLimits;
use crate::types::ids::VenueId;
use crate::watchdog::limits::Limits;
use crate::watchdog::limits::RuleLimits;

/// A configuration without faults.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Where prices come from and where orders go.
    pub mode: Mode,
    /// What the engine is started with.
    pub engine: EnginePlan,
    /// How the simulated venue behaves.
    pub paper: PaperLimits,
    /// The watchdog's machine and rules. The rules still want the run's interval:
    /// [`RuleLimits::with_interval`].
    pub watchdog: (Limits, RuleLimits),
    /// Venues that a run can go on without.
    pub optional: Vec<VenueId>,
    /// Connections and requests of every venue, in the order of [`VenueId::ALL`].
    pub feeds: Vec<FeedLimits>,
    /// The heartbeat through Redis; `None` keeps it in the process.
    pub redis: Option<RedisLimits>,
    /// All sections as the file has them, defaults filled in and every rule checked: for readers
    /// that take their section as it is (longrun, runtime, logging, …).
    pub sections: ConfigYaml,
}

/// Raw sections to checked limits. `values` is the same as JSON, for the rules between keys.
/// `None` if something could not be made; the reason is then among the faults.
pub fn check(yaml: ConfigYaml, values: &Value, found: &mut Findings) -> Option<Checked> {
    rules::check(&yaml, values, found);
    waits::check(values, found);
    let instruments = instruments::check(&yaml, found);
    let balances = instruments::balances(&yaml, found);
    let engine = EnginePlan {
        instruments,
        fx: yaml.venues.fx.id(),
        balances,
        signal: limits::signal(&yaml, found),
        ages: limits::ages(&yaml, found),
        risk: limits::risk(&yaml, found)?,
        exit: limits::exit(&yaml, found)?,
        rebalance: limits::rebalance(&yaml, found),
    };
    let paper = limits::paper(&yaml.paper, found);
    let watchdog = (watchdog::machine(&yaml.watchdog), watchdog::rules(&yaml, found));
    let redis = heartbeat::redis(&yaml.redis, found);
    let (optional, feeds) = (venues::optional(&yaml), venues::feeds(&yaml, found));
    let mode = yaml.mode.current;
    Some(Checked { mode, engine, paper, watchdog, optional, feeds, redis, sections: yaml })
}

/// A fault at the place where `path` was written.
fn fault(found: &mut Findings, path: &str, what: String, fix: &str) {
    let place: Place = found.place_of(path);
    found.add(path, place, Refused::new(what, fix));
}
