//! `arb replay FILE…`: a recording through the engine, trading on paper, with a summary at the end.

use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::flag::register;
use signal_hook::flag::register_conditional_shutdown;

use crate::cli::decode::damaged;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::summary::Heading;
use crate::cli::summary::RunView;
use crate::cli::summary::Summary;
use crate::config::load::Loaded;
use crate::engine::agent::Pace;
use crate::feed::tape::Damage;
use crate::feed::tape::Progress;
use crate::feed::tape::Tape;
use crate::feed::tape::TapeError;
use crate::scenario::replay::KeepGoing;
use crate::scenario::replay::Replay;
use crate::scenario::replay::Watch;
use crate::sim::limits::Fault;
use crate::topology::Plan;
use crate::types::report::Checkpoints;
use crate::types::rng::mix;
use crate::types::time::Clock;
use crate::types::time::DurNs;

/// What the command line says about a replay.
#[derive(Clone, Debug)]
pub struct How {
    /// `--seed`, or the configuration's.
    pub seed: u64,
    /// `--interval`.
    pub interval: DurNs,
    /// `--json`.
    pub json: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// `--faults`.
    pub faults: Vec<Fault>,
    /// `--simulate`: marks beside the recording do not count.
    pub is_simulated: bool,
}

/// Runs the recording and prints its summary, also of a damaged one up to the damage.
///
/// # Errors
/// `Exit::BadData` with the line of the damage; `Exit::Io` if the file cannot be read.
pub fn replay(mut tape: Tape, loaded: &Loaded, how: &How) -> Result<Exit, CliError> {
    let plan = Plan {
        engine: loaded.checked.engine.clone(),
        paper: loaded.checked.paper.clone(),
        pace: pace(how.interval),
        checkpoints: Checkpoints::default(),
        loops: 0,
        seed: how.seed,
    };
    let mut replay = Replay::new(&plan, Clock::start()).with_faults(&how.faults);
    let mut screen = Screen::new(how.quiet);
    let ended = replay.run(&mut tape, &mut screen);
    screen.clear();
    let exit = exit_of(&replay, &ended);
    print_summary(&replay, loaded, (how, exit))?;
    match ended {
        Err(error) => Err(damaged(tape.path(), &error)),
        Ok(()) if !replay.invariants_ok() => Err(CliError::new(
            Exit::Internal,
            "the books of the run do not balance",
            "this is a defect: please report it with the recording and the configuration",
        )),
        Ok(()) => Ok(exit),
    }
}

/// Cycles that far apart; after each step for an interval of zero.
pub fn pace(interval: DurNs) -> Pace {
    if interval == DurNs(0) { Pace::EachStep } else { Pace::Every(interval) }
}

fn exit_of(replay: &Replay, ended: &Result<(), TapeError>) -> Exit {
    match ended {
        Err(error) if matches!(error.why, Damage::Io(_)) => Exit::Io,
        Err(_) => Exit::BadData,
        Ok(()) if !replay.invariants_ok() => Exit::Internal,
        Ok(()) if replay.interrupted => Exit::Interrupted,
        Ok(()) if replay.plant.engine.core().is_exposed() => Exit::Unhedged,
        Ok(()) => Exit::Done,
    }
}

/// Names a run: its start and its process, mixed.
pub fn run_id() -> String {
    format!("{:016x}", mix(Clock::wall().0 ^ u64::from(std::process::id()) << 48))
}

fn print_summary(replay: &Replay, loaded: &Loaded, how: (&How, Exit)) -> Result<(), CliError> {
    let (how, exit) = how;
    let heading = Heading {
        mode: "replay",
        run_id: run_id(),
        seed: how.seed,
        config_sha256: loaded.sha256.clone(),
        exit,
    };
    let feeds = replay.plant.feeds.iter();
    let run = RunView {
        watchdog: None,
        snapshots: None,
        engine: &replay.plant.engine,
        venues: feeds.map(|(venue, feed)| (*venue, feed.tally())).collect(),
        tick_to_decision: &replay.tick_to_decision,
        tick_to_order: &replay.tick_to_order,
        span: replay.span,
        invariants_ok: replay.invariants_ok(),
    };
    Summary::of(&run, heading).print(how.json)
}

/// A flag that SIGINT and SIGTERM raise. A second signal ends the process at once, with `late`.
pub fn stop_flag(late: Exit) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Without a handler the signal ends the process at once, which is safe as well.
        let at_once = i32::from(late.code());
        let _ = register_conditional_shutdown(signal, at_once, Arc::clone(&stop));
        let _ = register(signal, Arc::clone(&stop));
    }
    stop
}

/// Progress on a terminal; nothing under cron, in a pipe or with `--quiet`.
pub(super) struct Screen {
    on: bool,
    shown: Option<u64>,
    stop: Arc<AtomicBool>,
}

impl Screen {
    pub(super) fn new(quiet: bool) -> Screen {
        let on = !quiet && io::stderr().is_terminal();
        let stop = stop_flag(Exit::Interrupted);
        Screen { on, shown: None, stop }
    }
    pub(super) fn clear(&self) {
        if self.shown.is_some() {
            // A terminal that is gone needs no cleaning.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Watch for Screen {
    fn on_progress(&mut self, progress: Progress) -> KeepGoing {
        let percent = progress.read_bytes * 100 / progress.total_bytes.max(1);
        if self.on && self.shown != Some(percent) {
            self.shown = Some(percent);
            let _ = write!(io::stderr(), "\rreplaying {percent:>3} %");
        }
        if self.stop.load(Ordering::Relaxed) { KeepGoing::No } else { KeepGoing::Yes }
    }
}
