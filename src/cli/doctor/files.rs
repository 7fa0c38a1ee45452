//! Checks of what lies on disk: run directory, lock, journal, evidence, secrets, room and speed.

use std::fs;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::doctor::finding::Finding;
use crate::cli::exit::Exit;
use crate::config::load::Loaded;
use crate::journal::lock::LockError;
use crate::journal::lock::RunLock;
use crate::scenario::standing::StandingFile;
use crate::scenario::standing::Uptime;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::Millis;

const MIB: u64 = 1 << 20;
/// Less room than this and a soak's evidence, journal and log may not fit.
const LEAST_ROOM: u64 = 1_024 * MIB;
/// A sync that takes longer holds the journal up.
const SLOWEST_SYNC: DurNs = DurNs::from_ms(50);
/// Bits of a mode that let others in.
const OTHERS: u32 = 0o077;
/// Bits of a mode that let others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Environment variables that name a file with a secret.
const SECRET_FILES: [&str; 13] = [
    "UPBIT_API_KEY_FILE",
    "UPBIT_API_SECRET_FILE",
    "BINANCE_API_KEY_FILE",
    "BINANCE_API_SECRET_FILE",
    "BITHUMB_API_KEY_FILE",
    "BITHUMB_API_SECRET_FILE",
    "BYBIT_API_KEY_FILE",
    "BYBIT_API_SECRET_FILE",
    "OKX_API_KEY_FILE",
    "OKX_API_SECRET_FILE",
    "OKX_API_PASSPHRASE_FILE",
    "TELEGRAM_BOT_TOKEN_FILE",
    "REDIS_PASSWORD_FILE",
];

/// Every check of what lies on disk under `run_dir`; `config` is the file that was read.
pub fn checks(loaded: &Loaded, run_dir: &Path, config: Option<&Path>) -> Vec<Finding> {
    let sections = &loaded.checked.sections;
    let under = |path: &str| run_dir.join(path);
    vec![
        lock(run_dir),
        folder("disk.journal", &under(&sections.journal.path)),
        folder("disk.evidence", &under(&sections.longrun.snapshot_path)),
        folder("disk.log", under(&sections.logging.file).parent().unwrap_or(run_dir)),
        room(run_dir),
        file_numbers(run_dir),
        sync_time(run_dir),
        config_mode(config),
        secrets(),
        cooldown(loaded, run_dir),
        evidence(loaded),
    ]
}

fn lock(run_dir: &Path) -> Finding {
    let check = "run.lock";
    match RunLock::take(run_dir) {
        Ok(_) => Finding::ok(check, format!("{} is free and writable", run_dir.display())),
        Err(error @ LockError::Held { .. }) => {
            Finding::warn(check, error.to_string(), "doctor beside a running instance is fine")
        }
        Err(error) => Finding::fail(check, error.to_string(), (error.fix(), Exit::Directory)),
    }
}

/// The folder, or the nearest one above it that is there, can be written to.
fn folder(check: &str, path: &Path) -> Finding {
    let mut there = path;
    while !there.exists() {
        there = match there.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
    }
    let probe = there.join(".arb-doctor-probe");
    let written = File::create(&probe).and_then(|_| fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::ok(check, format!("{} can be written", path.display())),
        Err(error) => {
            let found = format!("{}: {error}", path.display());
            Finding::fail(check, found, ("make it writable for this user", Exit::Directory))
        }
    }
}

fn room(run_dir: &Path) -> Finding {
    let check = "disk.room";
    match rustix::fs::statvfs(run_dir) {
        Err(error) => Finding::skip(check, format!("not told: {error}")),
        Ok(told) => {
            let free = told.f_bavail.saturating_mul(told.f_frsize);
            let fix = "make room: a full disk costs evidence first, then the run (exit 74)";
            let found = format!("{} MiB free", free / MIB);
            Finding::warn_unless((free >= LEAST_ROOM).into(), check, (found, fix))
        }
    }
}

fn file_numbers(run_dir: &Path) -> Finding {
    let check = "disk.inodes";
    match rustix::fs::statvfs(run_dir) {
        Ok(told) if told.f_files > 0 => {
            let fix = "remove old files: snapshots need one each";
            let enough = told.f_favail > 20_000;
            Finding::warn_unless(enough.into(), check, (format!("{} free", told.f_favail), fix))
        }
        _ => Finding::skip(check, "this file system does not count them"),
    }
}

/// The slowest of a few small writes with a sync, as the journal makes them.
fn sync_time(run_dir: &Path) -> Finding {
    let check = "disk.sync";
    let path = run_dir.join(".arb-doctor-probe");
    let clock = Clock::start();
    let slowest = (0..5).try_fold(DurNs(0), |slowest: DurNs, _| {
        let mut file = File::create(&path)?;
        file.write_all(&[0; 512])?;
        let begun = clock.mono();
        file.sync_data()?;
        Ok::<_, std::io::Error>(slowest.max(clock.mono().since(begun)))
    });
    let _ = fs::remove_file(&path);
    match slowest {
        Err(error) => {
            let fix = ("make the run directory writable", Exit::Directory);
            Finding::fail(check, error.to_string(), fix)
        }
        Ok(time) => {
            let fix = "use a local disk for --run-dir: orders wait for a synced block of numbers";
            let found = format!("{} ms at worst of 5", Millis(time));
            Finding::warn_unless((time < SLOWEST_SYNC).into(), check, (found, fix))
        }
    }
}

fn config_mode(config: Option<&Path>) -> Finding {
    let check = "config.file_mode";
    let Some(path) = config else { return Finding::skip(check, "built-in defaults, no file") };
    match fs::metadata(path) {
        Err(error) => Finding::skip(check, format!("{}: {error}", path.display())),
        Ok(told) => {
            let mode = told.mode() & 0o777;
            let fix = "chmod go-w: whoever writes this file decides what is traded";
            let found = format!("{} has mode {mode:03o}", path.display());
            let tight = mode & WRITABLE_BY_OTHERS == 0;
            Finding::warn_unless(tight.into(), check, (found, fix))
        }
    }
}

fn secrets() -> Finding {
    let check = "secrets.file_modes";
    let named = |name: &'static str| Some((name, PathBuf::from(std::env::var_os(name)?)));
    let files: Vec<(&str, PathBuf)> = SECRET_FILES.into_iter().filter_map(named).collect();
    if files.is_empty() {
        return Finding::skip(check, "no variable names a file with a secret");
    }
    let is_open = |(name, path): &(&str, PathBuf)| match fs::metadata(path) {
        Err(error) => Some(format!("{name}: {}: {error}", path.display())),
        Ok(told) if told.mode() & OTHERS != 0 => {
            Some(format!("{name}: {} has mode {:03o}", path.display(), told.mode() & 0o777))
        }
        Ok(_) => None,
    };
    let bad: Vec<String> = files.iter().filter_map(is_open).collect();
    match bad.is_empty() {
        true => Finding::ok(check, format!("{} files, each for this user only", files.len())),
        false => Finding::fail(check, bad.join("; "), ("chmod 600", Exit::Config)),
    }
}

fn cooldown(loaded: &Loaded, run_dir: &Path) -> Finding {
    let check = "run.cooldown";
    let file = StandingFile::of(run_dir);
    let limit = loaded.checked.watchdog.0.cooldown;
    let (standing, problem) = file.read(Uptime::read().as_ref(), limit);
    if let Some(problem) = problem {
        return Finding::warn(check, problem, "remove the file if the run before ended well");
    }
    if standing.criticals_left.iter().all(|left| left.0 > 0) {
        let fix = "find out why in the log and the events, then remove state/watchdog.json";
        let found = "three CRITICAL states within 24 h: the next start exits 23";
        return Finding::fail(check, found, (fix, Exit::CrashLoop));
    }
    let seconds = standing.cooldown_left.as_ms().div_ceil(1_000);
    let found = format!("{seconds} s are left of an earlier run's cooldown");
    Finding::warn_unless((seconds == 0).into(), check, (found, "nothing is traded until then"))
}

fn evidence(loaded: &Loaded) -> Finding {
    let sections = &loaded.checked.sections;
    let (longrun, monitor) = (sections.longrun.enabled, sections.sys_monitor.enabled);
    let dog = sections.watchdog.enabled;
    let found = format!("longrun {longrun}, sys_monitor {monitor}, watchdog {dog}");
    let fix = "set longrun.enabled, sys_monitor.enabled and watchdog.enabled: true, else no soak \
               can pass";
    Finding::warn_unless((longrun && monitor && dog).into(), "run.evidence", (found, fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    #[test]
    fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above() {
        let dir = std::env::temp_dir();
        let found = folder("disk.journal", &dir.join("arb-doctor/none/yet"));
        assert_eq!(found.status, Status::Ok, "{found:?}");
        let found = folder("disk.journal", Path::new("/proc/none"));
        assert_eq!(found.status, Status::Fail, "{found:?}");
    }
}
