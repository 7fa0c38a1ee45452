//! `--faults`: reads a schedule and refuses what could not act in this run.

use std::path::Path;

use crate::cli::config::refused;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::config::schedule;
use crate::sim::limits::Fault;
use crate::sim::limits::Stage;
use crate::sim::tree::TREE;

/// The name of the built-in schedule.
const BUILT_IN: &str = "tree";

/// The faults of a run; none without the flag. `given` is a file, or `tree`.
///
/// # Errors
/// `Exit::Config`: every fault of the file, or every fault that cannot act in this run.
pub fn faults(given: Option<&Path>, stage: Stage) -> Result<Vec<Fault>, CliError> {
    let faults = match given {
        None => return Ok(Vec::new()),
        Some(name) if name == BUILT_IN => TREE.to_vec(),
        Some(path) => schedule::load(path).map_err(refused)?,
    };
    let reason = |fault: &Fault| {
        let (name, of) = (fault.effect.name(), fault.effect.of());
        let why = stage.refuses(fault.effect)?;
        Some(format!("{name}{}{of}: {why}", if of.is_empty() { "" } else { " " }))
    };
    let mut refused: Vec<String> = faults.iter().filter_map(reason).collect();
    refused.dedup();
    if refused.is_empty() {
        return Ok(faults);
    }
    let what = format!("--faults: these cannot act in this run\n  {}", refused.join("\n  "));
    Err(CliError::new(Exit::Config, what, "take them out of the schedule, or run it elsewhere"))
}
