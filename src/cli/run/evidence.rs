//! What telemetry of a run is given beside its log: where it reads, where it writes, its heartbeat.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::run::job::Job;
use crate::config::load::Loaded;
use crate::runtime::link::Tx;
use crate::runtime::pulse::PulseView;
use crate::scenario::record::Flow;
use crate::sim::saboteur::Switches;
use crate::telemetry::agent::Ports;
use crate::telemetry::evidence::EvidenceFiles;
use crate::telemetry::heartbeat::Beat;
use crate::telemetry::heartbeat::Boards as HeartbeatBoards;
use crate::telemetry::heartbeat::Heartbeat;
use crate::telemetry::limits::ErrorBands;
use crate::telemetry::limits::LongRunLimits;
use crate::telemetry::limits::RunIdentity;
use crate::telemetry::redis::Password;
use crate::telemetry::redis::RedisPlan;
use crate::telemetry::redis::resolve;
use crate::telemetry::sources::FeedSource;
use crate::telemetry::sources::Sources;
use crate::telemetry::store::Refuse;
use crate::topology::Boards;
use crate::topology::Plant;
use crate::types::board::FeedBoard;
use crate::types::board::Terms;
use crate::types::counters::Tally;
use crate::types::evidence::Term;
use crate::types::fact::Fact;
use crate::types::ids::VenueId;
use crate::types::notice::Notice;
use crate::types::notice::NoticeKind;

/// What shows a run besides its boards.
pub(super) struct Witnesses {
    /// Every thread.
    pub(super) pulses: Vec<PulseView>,
    /// What each feed counts, in the order of the boards.
    pub(super) tallies: Vec<Tally>,
    /// What injected faults throw.
    pub(super) switches: Switches,
    /// Counts of the record of facts.
    pub(super) record: Arc<Terms>,
}

/// Joins telemetry to everything that it reads.
pub(super) fn join(
    job: &Job<'_>,
    plant: &mut Plant<impl Sized>,
    witnesses: Witnesses,
    (ports, beat): (Ports, Beat),
) -> Ports {
    let Witnesses { pulses, tallies, switches, record } = witnesses;
    let crew = Arc::new(Terms::default());
    // No thread is started again: a dead one ends the run.
    crew.put(Term::ThreadRestarts, 0);
    let sources = Sources {
        engine: Arc::clone(&plant.boards.engine),
        feeds: feeds(job, &plant.boards, tallies),
        process: Arc::clone(&plant.boards.process),
        dog: Arc::clone(&plant.boards.dog),
        latencies: Some(plant.latencies.clone()),
        terms: vec![Arc::clone(&plant.boards.gateway), record, crew],
        pulses,
        left: plant.boards.left.take(),
        ..ports.sources
    };
    let heartbeat = heartbeat(job, &plant.boards, beat).stalled_by(switches.redis_stalls);
    Ports { sources, heartbeat: Some(heartbeat), ..ports }
}

/// The heartbeat as the configuration says.
pub(super) fn beat(job: &Job<'_>) -> Beat {
    let Some(limits) = job.loaded.checked.redis.clone() else { return Beat::InProcess };
    let (run_id, password) = (job.run_id.clone(), Password::from_env());
    // One instance a run directory: its lock says so, and this name tells two of them apart.
    let dir = std::path::absolute(&job.common.run_dir).unwrap_or_default();
    let name = dir.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().filter(|c| plain(*c)).collect();
    let instance = if name.is_empty() { "main".to_owned() } else { name };
    let addresses = job.redis_addresses.clone();
    Beat::Redis(Box::new(RedisPlan { limits, instance, run_id, password, addresses }))
}

/// Where the configured Redis is. May wait for a name server, so it belongs before everything that
/// has begun to run: telemetry could not wait, and never asks again.
pub(super) fn redis_addresses(loaded: &Loaded) -> Vec<SocketAddr> {
    let Some(limits) = &loaded.checked.redis else { return Vec::new() };
    resolve(limits).unwrap_or_else(|error| {
        let host = &limits.host;
        log::warn!("[REDIS] {host} has no address ({error}): no heartbeat until the next start");
        Vec::new()
    })
}

/// Facts on their way into the record: counted, and told to telemetry.
pub(super) struct Witness {
    flow: Flow,
    terms: Arc<Terms>,
    notices: Tx<Notice>,
    lost: Arc<AtomicU64>,
}

impl Witness {
    /// Counts into those terms, and into `lost` what telemetry had no room for.
    pub(super) fn new(terms: Arc<Terms>, notices: Tx<Notice>, lost: Arc<AtomicU64>) -> Witness {
        Witness { flow: Flow::default(), terms, notices, lost }
    }
    /// One fact.
    pub(super) fn take(&mut self, fact: &Fact) {
        self.flow.take(fact);
        self.terms.put(Term::IntentsJournaled, self.flow.left());
        let notice = Notice { at: fact.at, kind: NoticeKind::Fact(*fact) };
        if self.notices.send(notice).is_err() {
            self.lost.store(self.lost.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }
}

fn heartbeat(job: &Job<'_>, boards: &Boards, beat: Beat) -> Heartbeat {
    let boards = HeartbeatBoards {
        process: Arc::clone(&boards.process),
        dog: Arc::clone(&boards.dog),
        engine: Arc::clone(&boards.engine),
    };
    Heartbeat::new(beat, boards, job.clock)
}

fn feeds(job: &Job<'_>, boards: &Boards, tallies: Vec<Tally>) -> Vec<FeedSource> {
    let allowance = job.loaded.checked.watchdog.1.ws_lag.warn;
    let source = |(tally, (venue, board)): (Tally, &(VenueId, Arc<FeedBoard>))| FeedSource {
        venue: venue.name(),
        tally,
        board: Arc::clone(board),
        allowance,
    };
    tallies.into_iter().zip(&boards.feeds).map(source).collect()
}

/// Opens the evidence files; `None` where the configuration wants none.
///
/// # Errors
/// `Exit::Directory` if the folder of the evidence cannot be used.
pub(super) fn files(job: &Job<'_>, switches: &Switches) -> Result<Option<EvidenceFiles>, CliError> {
    let longrun = &job.loaded.checked.sections.longrun;
    if !longrun.enabled {
        log::warn!("longrun.enabled is false: this run leaves no evidence, and no soak can pass");
        return Ok(None);
    }
    let folder = job.common.run_dir.join(&longrun.snapshot_path);
    let rules = &job.loaded.checked.watchdog.1;
    let limits = LongRunLimits {
        interval_loops: u64::from(longrun.interval_loops),
        folder: folder.clone(),
        max_snapshots: longrun.max_snapshots as usize,
        max_bytes: longrun.max_snapshots_mb << 20,
        event_logging: longrun.event_logging,
        bands: ErrorBands {
            loop_latency: rules.loop_stall.error,
            loop_p95: rules.loop_p95.error,
            ws_lag: rules.ws_lag.error,
            redis_age: rules.redis_age.error,
            cpu: (!job.is_virtual).then_some(rules.max_cpu),
        },
        identity: RunIdentity {
            run_id: job.run_id.clone(),
            config_sha256: job.loaded.sha256.clone(),
            mode: job.evidence_mode().to_owned(),
        },
    };
    let refuse = Refuse(Arc::clone(&switches.disk_is_full));
    EvidenceFiles::open(limits, refuse).map(Some).map_err(|error| {
        let what = format!("{}: snapshots cannot be written: {error}", folder.display());
        CliError::new(Exit::Directory, what, "make it writable, or name another --run-dir")
    })
}
