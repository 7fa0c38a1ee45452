//! `arb doctor`: looks at everything that a run needs before it starts. Changes nothing but a probe
//! file that it removes again.

mod files;
mod finding;
mod host;
mod reach;

use serde::Serialize;

use crate::cli::Common;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::finding::Status;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::config::load;
use crate::config::load::DEFAULT_PATH;
use crate::config::load::Loaded;
use crate::config::load::Origin;
use crate::config::load::Request;

/// What `--help` shows at its end.
pub const EXAMPLES: &str = "\
Examples:
  arb doctor
      the machine and the run directory, and what config/live.yml needs
  arb --config config/paper.yml doctor
      also names, TLS, WebSocket, time and instruments of every venue in use
  arb doctor --json | jq '.checks[] | select(.status == \"fail\")'
      one object on one line, for scripts

Exits 0 if nothing fails; else with the code that a run would end with: 78 for the
configuration, 73 for a directory, 69 for something that does not answer.";

/// The object of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    checks: &'a [Finding],
    ok: usize,
    skip: usize,
    warn: usize,
    fail: usize,
    exit: u8,
}

/// Runs every check and prints what each found.
///
/// # Errors
/// `Exit::Io` if stdout cannot be written.
pub fn doctor(request: &Request, common: &Common) -> Result<Exit, CliError> {
    let findings = match load::load(request) {
        Err(faults) => {
            let fix = ("arb config check says where; nothing else was looked at", Exit::Config);
            vec![Finding::fail("config.valid", faults.to_string(), fix)]
        }
        Ok(loaded) => all(&loaded, common),
    };
    let exit = ending(&findings);
    let count = |status| findings.iter().filter(|f| f.status == status).count();
    let (ok, skip) = (count(Status::Ok), count(Status::Skip));
    let (warn, fail) = (count(Status::Warn), count(Status::Fail));
    let mut text = String::new();
    if common.json {
        let report = Report { checks: &findings, ok, skip, warn, fail, exit: exit.code() };
        text = serde_json::to_string(&report).map_err(|error| {
            CliError::new(Exit::Internal, format!("doctor: {error}"), "report this defect")
        })?;
        text.push('\n');
    } else {
        for finding in findings.iter().filter(|f| !common.quiet || f.status >= Status::Warn) {
            text.push_str(&line(finding));
        }
        if !common.quiet {
            text.push_str(&format!("{ok} ok, {skip} skipped, {warn} warnings, {fail} failures\n"));
        }
    }
    output::print(text.as_bytes())?;
    Ok(exit)
}

fn all(loaded: &Loaded, common: &Common) -> Vec<Finding> {
    let default = std::path::Path::new(DEFAULT_PATH);
    let (config, origin) = match (&common.config, &loaded.origin) {
        (Some(path), _) => (Some(path.as_path()), path.display().to_string()),
        (None, Origin::BuiltIn) => (None, "built-in defaults".to_owned()),
        (None, _) => (Some(default), DEFAULT_PATH.to_owned()),
    };
    let mut findings = vec![Finding::ok("config.valid", origin)];
    findings.extend(files::checks(loaded, &common.run_dir, config));
    findings.extend(host::checks(&loaded.checked.sections));
    findings.extend(reach::checks(loaded));
    findings
}

/// The first failure, in the order in which a run would meet them.
fn ending(findings: &[Finding]) -> Exit {
    let order = [Exit::Config, Exit::CrashLoop, Exit::Directory, Exit::Unreachable];
    let fails = |exit: &Exit| findings.iter().any(|f| f.status == Status::Fail && f.exit == *exit);
    let other = findings.iter().find(|f| f.status == Status::Fail).map(|f| f.exit);
    order.into_iter().find(fails).or(other).unwrap_or(Exit::Done)
}

fn line(finding: &Finding) -> String {
    let Finding { check, found, fix, status, .. } = finding;
    let mut text = format!("{}  {check:<22} {}\n", status.word(), found.trim_end());
    if !fix.is_empty() && *status >= Status::Warn {
        text.push_str(&format!("      {:<22} fix: {fix}\n", ""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_is_that_of_the_failure_that_a_run_would_meet_first() {
        let fail = |exit| Finding::fail("x", "broken", ("mend it", exit));
        let all = [fail(Exit::Unreachable), fail(Exit::Config), Finding::warn("y", "slow", "z")];
        assert_eq!(ending(&all), Exit::Config);
        assert_eq!(ending(&all[..1]), Exit::Unreachable);
        assert_eq!(ending(&all[2..]), Exit::Done, "a warning ends nothing");
    }

    #[test]
    fn a_warning_says_what_to_do_about_it() {
        let text = line(&Finding::warn("disk.room", "3 MiB free", "make room"));
        assert!(text.contains("WARN  disk.room"), "{text}");
        assert!(text.contains("fix: make room"), "{text}");
    }
}
