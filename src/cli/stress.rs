//! `arb stress`: injects each condition for real and checks the reaction.

use std::fs;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::Common;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::replay::stop_flag;
use crate::config::fault::nearest;
use crate::scenario::stress::perform::News;
use crate::scenario::stress::perform::perform;
use crate::scenario::stress::report::Report;
use crate::scenario::stress::stage::Ground;
use crate::scenario::stress::table::SCENARIOS;
use crate::scenario::stress::table::Scenario;

/// Arguments of `arb stress`.
#[derive(Clone, Debug, clap::Args)]
pub struct StressArgs {
    /// Play only this scenario; may be given several times [default: all]
    #[arg(long = "scenario", value_name = "NAME")]
    pub scenarios: Vec<String>,
    /// Print the scenarios and play none
    #[arg(long)]
    pub list: bool,
    /// A scenario that cannot be run here (NOT RUN) counts as missed
    #[arg(long)]
    pub require_all: bool,
    /// Leave what the runs wrote in this folder, one folder for each scenario
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
}

/// Plays the scenarios and prints what came of them.
///
/// # Errors
/// `Exit::Usage` for a name that no scenario has; `Exit::Directory` if there is no room for the
/// runs; `Exit::Io` if stdout cannot be written.
pub fn stress(args: &StressArgs, common: &Common) -> Result<Exit, CliError> {
    let list = chosen(&args.scenarios)?;
    if args.list {
        return output::print(catalogue(&list).as_bytes());
    }
    let scratch = Scratch::new(args, common)?;
    let stop = stop_flag(Exit::Interrupted);
    let mut tell = |news: News<'_>| {
        if !common.quiet {
            // Without stderr nobody wants to be told.
            let _ = writeln!(std::io::stderr(), "{}", told(&news));
        }
    };
    let mut report = perform(&list, &scratch.ground, &stop, &mut tell);
    report.requires_all = args.require_all;
    drop(scratch);
    print(&report, common)?;
    Ok(match () {
        () if report.is_partial => Exit::Interrupted,
        () if report.passes() => Exit::Done,
        () => Exit::VerdictFail,
    })
}

/// The scenarios of these names, each once, in the order of the table; all without names.
fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, CliError> {
    let known = || SCENARIOS.iter().map(|scenario| scenario.name);
    if let Some(odd) = names.iter().find(|name| !known().any(|known| known == *name)) {
        let fix = match nearest(odd, known()) {
            Some(near) => format!("did you mean {near}?"),
            None => "`arb stress --list` prints their names".to_owned(),
        };
        return Err(CliError::new(Exit::Usage, format!("no scenario is called `{odd}`"), fix));
    }
    let is_named =
        |scenario: &&Scenario| names.is_empty() || names.iter().any(|name| name == scenario.name);
    Ok(SCENARIOS.iter().filter(is_named).collect())
}

fn catalogue(list: &[&Scenario]) -> String {
    let line = |scenario: &&Scenario| {
        format!("{}\n  {}\n  -> {}\n", scenario.name, scenario.injected, scenario.expected)
    };
    list.iter().map(line).collect()
}

fn told(news: &News<'_>) -> String {
    match news {
        News::Begins(name) => format!("stress: {name} ..."),
        News::Over(row) => {
            let (result, why) = row.told();
            let time = row.observed.map(|time| format!(" after {} ms", time.as_ms()));
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            format!("stress: {} {result}{}{why}", row.name, time.unwrap_or_default())
        }
    }
}

fn print(report: &Report, common: &Common) -> Result<Exit, CliError> {
    let defect = |error| CliError::new(Exit::Internal, error, "report this defect");
    let text = if common.json { report.json().map_err(defect)? } else { report.table() };
    output::print(text.as_bytes())
}

/// Where the runs take place. Gone with this, unless it is to be kept.
struct Scratch {
    ground: Ground,
}

impl Scratch {
    fn new(args: &StressArgs, common: &Common) -> Result<Scratch, CliError> {
        let program = std::env::current_exe().map_err(|error| {
            let what = format!("this program does not find itself: {error}");
            CliError::new(Exit::Internal, what, "mount /proc, or call it by its full path")
        })?;
        let folder = match &args.keep {
            Some(folder) => common.run_dir.join(folder),
            None => std::env::temp_dir().join(format!("arb-stress-{}", std::process::id())),
        };
        let made = make(&folder, args.keep.is_some());
        let folder = made.map_err(|error| {
            let what = format!("{}: {error}", folder.display());
            CliError::new(Exit::Directory, what, "make it writable, or name another with --keep")
        })?;
        Ok(Scratch { ground: Ground { program, folder, keeps: args.keep.is_some() } })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.ground.keeps {
            // The scenarios' own folders are gone already.
            let _ = fs::remove_dir_all(&self.ground.folder);
        }
    }
}

/// The folder, for its owner only; it may be there already if it is to be kept.
fn make(folder: &Path, may_exist: bool) -> std::io::Result<PathBuf> {
    DirBuilder::new().recursive(may_exist).mode(0o700).create(folder)?;
    folder.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_played_once_and_in_the_order_of_the_table() {
        let names = ["kill_9", "feed_lag", "kill_9"].map(str::to_owned);
        let list = chosen(&names).unwrap();
        assert_eq!(list.iter().map(|s| s.name).collect::<Vec<_>>(), ["feed_lag", "kill_9"]);
        assert_eq!(chosen(&[]).unwrap().len(), SCENARIOS.len());
    }
}
