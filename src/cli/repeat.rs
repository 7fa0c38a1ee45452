//! `arb replay` of files: which they are, and whether a recorded run is repeated. A repetition
//! makes the same decisions as then, compared one by one.

use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::decode::damaged;
use crate::cli::decode::unreadable;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::replay;
use crate::cli::replay::How;
use crate::cli::replay::Screen;
use crate::cli::replay::run_id;
use crate::cli::summary::Heading;
use crate::cli::summary::RunView;
use crate::cli::summary::Summary;
use crate::config::load::Loaded;
use crate::feed::mark_reader::MarkFault;
use crate::feed::mark_reader::MarkReader;
use crate::feed::series::marks_beside;
use crate::feed::series::recordings;
use crate::feed::tape::Damage;
use crate::feed::tape::Tape;
use crate::scenario::exact::Exact;
use crate::scenario::shortfall::Difference;
use crate::scenario::shortfall::Short;
use crate::stats::shared::SharedHistogram;

const SIMULATE: &str = "use --simulate for a replay with simulated fills";

/// Replays these recordings, folders standing for those in them: with marks beside each of them
/// the recorded decisions, else simulated ones.
///
/// # Errors
/// `Exit::Io` for files that cannot be read; else as [`repeat`] and [`replay::replay`].
pub fn replay(paths: &[PathBuf], loaded: &Loaded, how: &How) -> Result<Exit, CliError> {
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    let files = recordings(paths).map_err(|error| unreadable(first, &error))?;
    let tape = Tape::open_series(&files).map_err(|error| unreadable(first, &error))?;
    match marks_of(&files).filter(|_| !how.is_simulated) {
        Some(marks) => repeat(tape, &marks, loaded, how),
        None => replay::replay(tape, loaded, how),
    }
}

/// The marks beside these recordings; `None` unless each has some.
fn marks_of(recordings: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let marks = |path: &PathBuf| marks_beside(path).filter(|marks| marks.exists());
    recordings.iter().map(marks).collect()
}

/// Repeats the run and prints its summary, also of one that ends early up to there.
///
/// # Errors
/// `Exit::Config` for a run that cannot be repeated under this configuration, `Exit::BadData` for
/// files that are damaged or incomplete, `Exit::Internal` for decisions that differ although all
/// that they follow from is the same.
fn repeat(tape: Tape, marks: &[PathBuf], loaded: &Loaded, how: &How) -> Result<Exit, CliError> {
    let first = marks.first().map_or(Path::new(""), PathBuf::as_path);
    let reader = MarkReader::open(marks).map_err(|error| unreadable(first, &error))?;
    let reader = reader.map_err(|fault| bad_marks(first, &fault))?;
    let mut exact = Exact::new(&loaded.checked.engine, tape, reader).map_err(|fault| {
        CliError::new(Exit::Config, format!("{}: {fault}", first.display()), SIMULATE)
    })?;
    let mut screen = Screen::new(how.quiet);
    let ended = exact.run(&mut screen);
    screen.clear();
    let exit = exit_of(&exact, &ended);
    print_summary(&exact, loaded, (how, exit))?;
    if !how.quiet {
        let _ = writeln!(io::stderr(), "{}", told(&exact, &ended));
    }
    match ended {
        Ok(()) if exact.invariants_ok() => Ok(exit),
        Ok(()) => Err(CliError::new(
            exit,
            "the books of the run do not balance",
            "this is a defect: please report it with the recording and the configuration",
        )),
        Err(Short::Interrupted) => Ok(exit),
        Err(Short::Tape(error)) => Err(damaged(exact.tape().path(), &error)),
        Err(Short::Marks(fault)) => Err(bad_marks(exact.marks().path(), &fault)),
        Err(short @ Short::Differs(Difference::Order { .. })) => {
            Err(CliError::new(exit, short, "this is a defect, or the files were changed"))
        }
        Err(short) => {
            let (path, line) = (exact.marks().path().display(), exact.marks().line());
            let hint = format!("what came before that was repeated and is the same; {SIMULATE}");
            Err(CliError::new(exit, format!("{path}: line {line}: {short}"), hint))
        }
    }
}

fn bad_marks(path: &Path, fault: &MarkFault) -> CliError {
    CliError::new(Exit::BadData, format!("{}: {fault}", path.display()), SIMULATE)
}

fn exit_of(exact: &Exact, ended: &Result<(), Short>) -> Exit {
    match ended {
        Ok(()) if !exact.invariants_ok() => Exit::Internal,
        Ok(()) if exact.engine.core().is_exposed() => Exit::Unhedged,
        Ok(()) => Exit::Done,
        Err(Short::Interrupted) => Exit::Interrupted,
        Err(Short::Tape(error)) if matches!(error.why, Damage::Io(_)) => Exit::Io,
        Err(Short::Differs(Difference::Frame { .. } | Difference::Marks { .. })) => Exit::BadData,
        Err(Short::Differs(_)) => Exit::Internal,
        Err(_) => Exit::BadData,
    }
}

fn told(exact: &Exact, ended: &Result<(), Short>) -> String {
    let (turns, orders) = (exact.turns, exact.orders);
    let until = if ended.is_ok() { "to its end" } else { "up to where it stopped" };
    format!("the recorded run, {until}: {turns} turns and {orders} orders compared")
}

fn print_summary(exact: &Exact, loaded: &Loaded, how: (&How, Exit)) -> Result<(), CliError> {
    let (how, exit) = how;
    let heading = Heading {
        mode: "replay",
        run_id: run_id(),
        seed: how.seed,
        config_sha256: loaded.sha256.clone(),
        exit,
    };
    // Nothing happened in real time here.
    let unmeasured = SharedHistogram::new();
    let run = RunView {
        watchdog: None,
        snapshots: None,
        engine: &exact.engine,
        venues: exact.feeds().map(|(venue, feed)| (venue, feed.tally())).collect(),
        tick_to_decision: &unmeasured,
        tick_to_order: &unmeasured,
        span: exact.span,
        invariants_ok: exact.invariants_ok(),
    };
    Summary::of(&run, heading).print(how.json)
}
