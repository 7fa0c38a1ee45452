//! What a watchdog left to this start, and keeping what this one leaves to the next.

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::run::job::Job;
use crate::scenario::standing::Kept;
use crate::scenario::standing::StandingFile;
use crate::scenario::standing::Uptime;
use crate::types::board::DogBoard;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::watchdog::step::Standing;

/// Reads what is left and says so.
///
/// # Errors
/// `Exit::CrashLoop` while as many CRITICAL states are remembered as ended the run before.
pub(super) fn read(job: &Job<'_>) -> Result<(Standing, StandingFile), CliError> {
    let file = StandingFile::of(&job.common.run_dir);
    let cooldown = job.loaded.checked.watchdog.0.cooldown;
    let (standing, problem) = file.read(Uptime::read().as_ref(), cooldown);
    if let Some(problem) = problem {
        log::warn!("{problem}");
    }
    let path = file.path().display().to_string();
    if standing.criticals_left.iter().all(|left| left.0 > 0) {
        let what = "three CRITICAL states within 24 h ended the run before";
        let hint = format!("find out why in the log and the events, then remove {path} to start");
        return Err(CliError::new(Exit::CrashLoop, what, hint));
    }
    if standing.cooldown_left > DurNs(0) {
        let seconds = standing.cooldown_left.as_ms().div_ceil(1_000);
        log::warn!(
            "a cooldown of an earlier run goes on for {seconds} s: nothing is traded until then \
             ({path})"
        );
    }
    Ok((standing, file))
}

/// Writes what has to survive the process, as soon as it changes.
pub(super) fn keep(file: &mut StandingFile, board: &DogBoard, now: MonoNs) {
    match file.keep(board, now, Uptime::read) {
        None => {}
        Some(Kept::Again) => log::info!("{} is kept again", file.path().display()),
        Some(Kept::Fails(error)) => log::error!(
            "{}: a cooldown would not survive this process: {error}; make the folder writable, it \
             is tried again each second",
            file.path().display()
        ),
    }
}
