//! `arb run`: the main job.

use std::time::Duration;

use crate::cli::Common;
use crate::cli::RunArgs;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::load;
use crate::cli::replay::pace;
use crate::cli::replay::run_id;
use crate::cli::replay::stop_flag;
use crate::cli::summary::Heading;
use crate::cli::summary::RunView;
use crate::cli::summary::Summary;
use crate::config::load::Flag;
use crate::config::load::Loaded;
use crate::config::yaml::Mode;
use crate::engine::agent::Pace;
use crate::scenario::simulate::Simulation;
use crate::sim::plan::MarketPlan;
use crate::sim::plan::PlanError;
use crate::topology::Plan;
use crate::types::time::Clock;
use crate::types::time::DurNs;

/// `--once` waits at most this long for fresh books.
const ONCE_LATEST: DurNs = DurNs::from_secs(1);

/// Runs as the arguments and the configuration say.
///
/// # Errors
/// `Exit::Config`, `Exit::LiveRefused`, and what the run itself came to.
pub fn run(arguments: &RunArgs, common: &Common) -> Result<Exit, CliError> {
    let clock = Clock::start();
    let loaded = load(common, flags(arguments))?;
    match loaded.checked.mode {
        Mode::Mock => {}
        Mode::Paper => return Err(not_built("paper", Exit::Unreachable)),
        Mode::Live => return Err(not_built("live", Exit::LiveRefused)),
    }
    let pace = match (arguments.loops, arguments.once) {
        (None, true) => Pace::Once(ONCE_LATEST),
        _ => pace(arguments.interval),
    };
    let loops = arguments.loops.unwrap_or(u64::from(arguments.once));
    let interval_loops = loaded.checked.sections.longrun.interval_loops;
    if loops > 0 && loops < u64::from(interval_loops) && !arguments.once {
        log::warn!(
            "--loops {loops} ends before the first periodic snapshot (longrun.interval_loops \
             {interval_loops})"
        );
    }
    let seed = arguments.seed.unwrap_or(loaded.checked.sections.mock.seed);
    let plan = Plan {
        engine: loaded.checked.engine.clone(),
        paper: loaded.checked.paper.clone(),
        pace,
        seed,
    };
    let mut market = MarketPlan::of(plan.engine.instruments.clone(), seed);
    market.updates_per_second = loaded.checked.sections.mock.updates_per_second;
    simulate(&plan, &market, (&loaded, common, loops, clock))
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

fn not_built(mode: &str, exit: Exit) -> CliError {
    let message = format!("mode {mode} is not built yet: this version cannot reach a venue");
    CliError::new(exit, message, "use --mode mock, or `arb replay` on a recording")
}

fn simulate(
    plan: &Plan,
    market: &MarketPlan,
    how: (&Loaded, &Common, u64, Clock),
) -> Result<Exit, CliError> {
    let (loaded, common, loops, clock) = how;
    let mut simulation = Simulation::new(plan, market, clock).map_err(refused)?;
    let stop = stop_flag(Exit::Unhedged);
    let begun = clock.mono();
    simulation.run(loops, &stop, &mut |_| {});
    let took = Duration::from_nanos(clock.mono().since(begun).0);
    log::info!("{:.1} s of real time", took.as_secs_f64());
    let engine = &simulation.plant.engine;
    let exit = match simulation.invariants_ok() {
        false => Exit::Internal,
        true if engine.core().unhedged_lots() > 1 => Exit::Unhedged,
        true => Exit::Done,
    };
    let heading = Heading {
        mode: "mock",
        run_id: run_id(),
        seed: plan.seed,
        config_sha256: loaded.sha256.clone(),
        exit,
    };
    let feeds = simulation.plant.feeds.iter();
    let view = RunView {
        engine,
        venues: feeds.map(|feed| (feed.venue(), feed.tally())).collect(),
        tick_to_decision: engine.tick_to_decision(),
        tick_to_order: engine.tick_to_order(),
        span: simulation.span(),
        invariants_ok: simulation.invariants_ok(),
    };
    Summary::of(&view, heading).print(common.json)?;
    Ok(exit)
}

fn refused(error: PlanError) -> CliError {
    CliError::new(Exit::Config, error, "see `arb config explain mock` and `instruments`")
}
