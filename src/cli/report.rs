//! `arb report DIR`: the verdict over what a run left behind.

use std::io;
use std::io::IsTerminal;
use std::path::PathBuf;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::verdict::criterion::Verdict;
use crate::verdict::judge;
use crate::verdict::load;
use crate::verdict::load::LoadError;
use crate::verdict::plot::Glyphs;
use crate::verdict::render;

/// Snapshots that `--list` prints: as many as the source's scripts did.
pub const LISTED: usize = 10;

/// What the help of the command ends with.
pub const EXAMPLES: &str = "\
Examples:
  arb report .                      the run in this directory
  arb report logs/stability         a folder of snapshots, also of the previous system
  arb report . --list               its last snapshots, a line each
  arb report . --json | jq .verdict for a program

Exit codes: 0 PASS, 10 FAIL, 12 INCONCLUSIVE, 73 nothing to read in DIR.
";

/// What the command line says about a report.
#[derive(Clone, Debug, clap::Args)]
pub struct ReportArgs {
    /// Run directory, or folder of snapshots; of this program or of the previous system
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Print the last ten snapshots (loop, CPU, memory, stable) and judge nothing
    #[arg(long)]
    pub list: bool,
    /// Plots and signs in ASCII, as in a file or a pipe
    #[arg(long)]
    pub ascii: bool,
}

/// Reads, judges and prints.
///
/// # Errors
/// `Exit::Directory` if there is nothing to read; `Exit::Io` if stdout cannot be written.
pub fn report(args: &ReportArgs, json: bool) -> Result<Exit, CliError> {
    let evidence = load::load(&args.dir).map_err(|error| nothing(&error))?;
    if args.list {
        let list = if json { render::list_json } else { render::list };
        return output::print(list(&evidence, LISTED).as_bytes());
    }
    let judgement = judge::judge(&evidence);
    let text = match json {
        false => render::text(&judgement, &evidence, glyphs(args.ascii)),
        true => render::json(&judgement, &evidence).map_err(|error| {
            CliError::new(Exit::Internal, format!("report: {error}"), "report this defect")
        })?,
    };
    output::print(text.as_bytes())?;
    Ok(exit(judgement.verdict))
}

/// The exit code of a verdict.
pub const fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Pass => Exit::Done,
        Verdict::Fail => Exit::VerdictFail,
        Verdict::Inconclusive | Verdict::NotApplicable => Exit::Inconclusive,
    }
}

/// Block elements on a terminal, ASCII in a file, a pipe or a mail from cron.
fn glyphs(ascii: bool) -> Glyphs {
    if ascii || !io::stdout().is_terminal() { Glyphs::Ascii } else { Glyphs::Blocks }
}

fn nothing(error: &LoadError) -> CliError {
    let hint = "give the run directory of a run, or the folder of its snapshots";
    CliError::new(Exit::Directory, error, hint)
}
