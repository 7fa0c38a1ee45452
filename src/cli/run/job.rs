//! What a run is, settled before anything of it starts.

use std::net::SocketAddr;

use crate::cli::Common;
use crate::cli::exit::Exit;
use crate::cli::summary::Heading;
use crate::config::load::Loaded;
use crate::config::yaml::Mode;
use crate::feed::spool::SpoolLimits;
use crate::sim::limits::Fault;
use crate::sim::plan::MarketPlan;
use crate::topology::Plan;
use crate::types::time::Clock;
use crate::verdict::judge::LOCAL_PAPER;

/// Everything that is settled before anything starts.
pub(super) struct Job<'a> {
    pub(super) loaded: Loaded,
    pub(super) common: &'a Common,
    pub(super) plan: Plan,
    pub(super) market: MarketPlan,
    pub(super) faults: Vec<Fault>,
    pub(super) run_id: String,
    pub(super) is_ascii: bool,
    pub(super) is_virtual: bool,
    pub(super) clock: Clock,
    /// Where frames and decisions are recorded.
    pub(super) recording: Option<SpoolLimits>,
    /// A venue in use is on this machine: its prices are no market's.
    pub(super) is_local: bool,
    /// Where the heartbeat goes; empty if it stays in the process, or if the name has none.
    pub(super) redis_addresses: Vec<SocketAddr>,
}

impl Job<'_> {
    /// What evidence says of the prices: a local exchange is no market.
    pub(super) fn evidence_mode(&self) -> &'static str {
        match self.loaded.checked.mode {
            Mode::Paper if self.is_local => LOCAL_PAPER,
            mode => mode.name(),
        }
    }
    /// What the summary says of the run besides its course.
    pub(super) fn heading(&self, exit: Exit) -> Heading {
        Heading {
            mode: self.loaded.checked.mode.name(),
            run_id: self.run_id.clone(),
            seed: self.plan.seed,
            config_sha256: self.loaded.sha256.clone(),
            exit,
        }
    }
}
