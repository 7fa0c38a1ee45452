//! `arb run`: the main job. Configuration, log, lock and journal first, then the threads or the
//! virtual clock, then the summary.

mod boot;
mod evidence;
mod job;
mod left;
mod reload;
mod threads;
mod venues;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::cli::Common;
use crate::cli::RunArgs;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::faults::faults;
use crate::cli::load;
use crate::cli::replay::pace;
use crate::cli::replay::run_id;
use crate::cli::replay::stop_flag;
use crate::cli::run::evidence::Witness;
use crate::cli::run::evidence::Witnesses;
use crate::cli::run::job::Job;
use crate::cli::run::reload::Reload;
use crate::cli::summary::RunView;
use crate::cli::summary::Summary;
use crate::config::load::Flag;
use crate::config::yaml::Mode;
use crate::config::yaml::Placement;
use crate::engine::agent::Pace;
use crate::scenario::simulate::Simulation;
use crate::scenario::simulate::Watch;
use crate::sim::agent::MarketFeed;
use crate::sim::limits::Stage;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::telemetry::agent::Plan as TelemetryPlan;
use crate::telemetry::agent::Ports as TelemetryPorts;
use crate::telemetry::agent::Telemetry;
use crate::telemetry::agent::Timeline;
use crate::telemetry::heartbeat::Beat;
use crate::telemetry::limits::SampleLimits;
use crate::telemetry::line::Glyphs;
use crate::telemetry::line::LiveState;
use crate::telemetry::writer::LogWriter;
use crate::topology::Plan;
use crate::types::report::Checkpoints;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::watchdog::agent::Plan as WatchdogPlan;
use crate::watchdog::beats::CyclePace;
use crate::watchdog::step::Standing;

/// How far back an earlier process may have begun: ten years.
const PAST_SECS: u64 = 10 * 365 * 86_400;
/// `--once` waits at most this long for fresh books.
const ONCE_LATEST: DurNs = DurNs::from_secs(1);

/// Runs as the arguments and the configuration say.
///
/// # Errors
/// `Exit::Config`, `Exit::LiveRefused`, `Exit::Directory`, `Exit::Io`, and what the run itself
/// came to.
pub fn run(arguments: &RunArgs, common: &Common) -> Result<Exit, CliError> {
    // Positions of an earlier process keep their age.
    let clock = Clock::with_past(DurNs::from_secs(PAST_SECS));
    let mut log = Some(boot::start_log(common)?);
    let done = job(arguments, common, clock).and_then(|job| match arguments.is_virtual {
        true => simulate(&job, &mut log),
        false => threads::run(&job, &mut log),
    });
    // What was logged by a run that started no threads.
    if let Some(log) = &mut log {
        log.flush();
    }
    done
}

fn job<'a>(arguments: &RunArgs, common: &'a Common, clock: Clock) -> Result<Job<'a>, CliError> {
    let loaded = load(common, flags(arguments))?;
    match loaded.checked.mode {
        Mode::Mock => refuse_record(arguments)?,
        Mode::Paper if arguments.is_virtual => return Err(no_virtual_paper()),
        Mode::Paper => {}
        Mode::Live => return Err(not_built()),
    }
    let pace = match (arguments.loops, arguments.once) {
        (None, true) => Pace::Once(ONCE_LATEST),
        _ => pace(arguments.interval),
    };
    let loops = arguments.loops.unwrap_or(u64::from(arguments.once));
    let interval_loops = u64::from(loaded.checked.sections.longrun.interval_loops);
    if !arguments.once && (1..interval_loops).contains(&loops) {
        log::warn!("--loops {loops} is smaller than longrun.interval_loops ({interval_loops})");
    }
    let mock = &loaded.checked.sections.mock;
    let seed = arguments.seed.unwrap_or(mock.seed);
    let (mut engine, paper) = (loaded.checked.engine.clone(), loaded.checked.paper.clone());
    let is_paper = loaded.checked.mode == Mode::Paper;
    let stage = match loaded.checked.mode {
        Mode::Mock => stage(arguments, loaded.checked.sections.runtime.placement),
        Mode::Paper | Mode::Live => Stage::RealFeeds,
    };
    let faults = faults(arguments.faults.as_deref(), stage)?;
    let recording = arguments.record.as_deref();
    let recording = recording.map(|name| arguments.recorded.limits(name, &common.run_dir));
    let recording = recording.transpose()?;
    if is_paper {
        venues::adopt(&loaded, &mut engine)?;
    }
    let mut market = MarketPlan::of(engine.instruments.clone(), seed);
    market.updates_per_second = mock.updates_per_second;
    let longrun = &loaded.checked.sections.longrun;
    let every = if longrun.enabled { u64::from(longrun.interval_loops) } else { 0 };
    let checkpoints = Checkpoints { every };
    let plan = Plan { engine, paper, pace, loops, checkpoints, seed };
    let is_local = venues::is_local(&loaded);
    let is_ascii = arguments.ascii;
    let is_virtual = arguments.is_virtual;
    let redis_addresses = if is_virtual { Vec::new() } else { evidence::redis_addresses(&loaded) };
    Ok(Job {
        loaded,
        common,
        plan,
        market,
        faults,
        run_id: run_id(),
        is_ascii,
        is_virtual,
        clock,
        recording,
        is_local: is_paper && is_local,
        redis_addresses,
    })
}

/// The synthetic market makes whole books, no frames.
fn refuse_record(arguments: &RunArgs) -> Result<(), CliError> {
    if arguments.record.is_none() {
        return Ok(());
    }
    let what = "--record: the synthetic market has no frames to record";
    Err(CliError::new(Exit::Usage, what, "use --mode paper; a mock run repeats from its --seed"))
}

const fn stage(arguments: &RunArgs, placement: Placement) -> Stage {
    match placement {
        _ if arguments.is_virtual => Stage::Virtual,
        Placement::Shared => Stage::SharedThread,
        Placement::Threads => Stage::Threads,
    }
}

fn flags(arguments: &RunArgs) -> Vec<Flag> {
    let named = arguments.mode.as_ref().map(|mode| ("--mode", mode.clone()));
    let mock = arguments.mock.then(|| ("--mock", "mock".to_owned()));
    let flag = |(name, value): (&str, String)| {
        let (name, path) = (name.to_owned(), "mode.current".to_owned());
        Flag { name, path, value }
    };
    named.or(mock).map(flag).into_iter().collect()
}

fn not_built() -> CliError {
    let message = "mode live is not built yet: this version sends no order to a venue";
    CliError::new(Exit::LiveRefused, message, "use --mode paper: real prices, simulated fills")
}

fn no_virtual_paper() -> CliError {
    let message = "--virtual needs the synthetic market: real venues have no virtual clock";
    CliError::new(Exit::Usage, message, "use --mode mock, or `arb replay` on a recording")
}

fn simulate(job: &Job<'_>, log: &mut Option<LogWriter>) -> Result<Exit, CliError> {
    let _lock = boot::lock(job)?;
    boot::put_journal_aside(job)?;
    if let Some(log) = log {
        boot::open_log_file(job, log)?;
    }
    let dog = watchdog_plan(job, Standing::default());
    let (simulation, shown) =
        Simulation::new(&job.plan, &job.market, dog, job.clock).map_err(refused)?;
    let mut simulation = simulation.with_faults(&job.faults, &job.market.instruments);
    let stop = stop_flag(Exit::Unhedged);
    let mut reload = Reload::new(job);
    let Some(log) = log.take() else { return Err(no_log()) };
    let mut ports = TelemetryPorts::new(shown.reports, log, reload.reopen_log());
    (ports.sources.due, ports.sources.notices) = (Some(shown.due), Some(shown.notices));
    // Facts are in no journal here: only the events hear of them.
    let (lost, switches) = (Arc::<AtomicU64>::default(), simulation.switches().clone());
    ports.sources.losses = vec![("notices_lost", Arc::clone(&lost))];
    let notices = simulation.plant.boards.notices.clone();
    let mut witness = Witness::new(Arc::default(), notices, lost);
    ports.evidence = evidence::files(job, &switches)?;
    let tallies = simulation.plant.feeds.iter().map(MarketFeed::tally).collect();
    let record = Arc::default();
    let witnesses = Witnesses { pulses: shown.pulses, tallies, switches, record };
    let ports = evidence::join(job, &mut simulation.plant, witnesses, (ports, Beat::Modelled));
    let mut telemetry = Telemetry::new(telemetry_plan(job, Timeline::Virtual), ports);
    simulation.run(
        &stop,
        &mut Watch {
            telemetry: &mut telemetry,
            look: &mut || reload.look(job),
            fact: &mut |fact| witness.take(fact),
        },
    );
    let told = telemetry.finish(simulation.now());
    let engine = &simulation.plant.engine;
    let exit = ending(simulation.invariants_ok(), engine.core().is_exposed(), simulation.ending());
    let feeds = simulation.plant.feeds.iter();
    let view = RunView {
        engine,
        venues: feeds.map(|feed| (feed.venue(), feed.tally())).collect(),
        tick_to_decision: engine.tick_to_decision(),
        tick_to_order: engine.tick_to_order(),
        span: simulation.span(),
        invariants_ok: simulation.invariants_ok(),
        watchdog: Some(&simulation.plant.boards.dog),
        snapshots: told.checkpoints,
    };
    Summary::of(&view, job.heading(exit)).print(job.common.json)?;
    Ok(exit)
}

/// How a run ends that came to its end: broken books are a defect; what stands unhedged and could
/// be traded away is not flat.
fn ending(invariants_ok: bool, is_exposed: bool, watchdog: Option<u8>) -> Exit {
    match watchdog.and_then(Exit::of) {
        _ if !invariants_ok => Exit::Internal,
        _ if is_exposed => Exit::Unhedged,
        Some(exit) => exit,
        None => Exit::Done,
    }
}

/// The watchdog's limits with what this run adds.
fn watchdog_plan(job: &Job<'_>, standing: Standing) -> WatchdogPlan {
    let (limits, rules) = job.loaded.checked.watchdog.clone();
    let (pace, interval) = match job.plan.pace {
        Pace::Every(interval) => (CyclePace::Every(interval), interval),
        Pace::EachStep | Pace::Once(_) => (CyclePace::WithEngine, DurNs(0)),
    };
    let is_enabled = job.loaded.checked.sections.watchdog.enabled;
    WatchdogPlan { limits, rules: rules.with_interval(interval), pace, standing, is_enabled }
}

fn telemetry_plan(job: &Job<'_>, timeline: Timeline) -> TelemetryPlan {
    let monitor = &job.loaded.checked.sections.sys_monitor;
    let every = monitor.enabled.then(|| monitor.sample_interval_sec.seconds());
    TelemetryPlan {
        sampling: SampleLimits { every },
        glyphs: if job.is_ascii { Glyphs::Ascii } else { Glyphs::Symbols },
        live: LiveState::Blocked(vec![format!("mode is {}", job.loaded.checked.mode.name())]),
        timeline,
    }
}

fn no_log() -> CliError {
    CliError::new(Exit::Internal, "the log is gone", "report this defect")
}

fn refused(error: PlanError) -> CliError {
    CliError::new(Exit::Config, error, "see `arb config explain mock` and `instruments`")
}
