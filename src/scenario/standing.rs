//! What a watchdog leaves to the next start: `state/watchdog.json` under the run directory. Whole
//! or absent; counted on the clock that goes on while the host is suspended, so neither a step of
//! the wall clock nor `kill -9` shortens a cooldown.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::types::board::DogBoard;
use crate::types::board::STANDING;
use crate::types::time::DurNs;
use crate::watchdog::step::Standing;

/// Folder and name under the run directory.
const FILE: [&str; 2] = ["state", "watchdog.json"];

/// The file's content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    /// Names the boot in which `uptime_ns` counts.
    boot_id: String,
    /// Time since that boot, suspension included, when this was written.
    uptime_ns: u64,
    /// Of the cooldown, then of each remembered CRITICAL, newest first.
    left_ns: [u64; STANDING],
}

/// Since when the machine runs, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uptime {
    /// Names this boot.
    pub boot_id: String,
    /// Suspension included.
    pub since_boot: DurNs,
}

impl Uptime {
    /// Of this machine; `None` where the system does not tell.
    pub fn read() -> Option<Uptime> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        let since_boot = DurNs((seconds * 1e9) as u64);
        Some(Uptime { boot_id: boot_id.trim().to_owned(), since_boot })
    }
}

/// Writes the file whenever what it holds has changed.
pub struct StandingFile {
    path: PathBuf,
    written: u64,
}

impl StandingFile {
    /// Under that run directory. Nothing is written yet.
    pub fn of(run_dir: &Path) -> StandingFile {
        StandingFile {
            path: FILE.iter().fold(run_dir.to_owned(), |path, part| path.join(part)),
            written: 0,
        }
    }
    /// What is left now of what the process before left. After a reboot all of it; a file that
    /// cannot be read stands for a whole cooldown: what is unknown is not over.
    pub fn read(&self, now: Option<&Uptime>, cooldown: DurNs) -> (Standing, Option<String>) {
        let unknown = Standing { cooldown_left: cooldown, ..Standing::default() };
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return (Standing::default(), None);
            }
            Err(error) => return (unknown, Some(self.told(&error))),
        };
        match serde_json::from_slice::<Left>(&text) {
            Ok(left) => (left.at(now), None),
            Err(error) => (unknown, Some(self.told(&error))),
        }
    }
    /// Writes what the board holds if it has changed since the last call.
    ///
    /// # Errors
    /// The folder or the file cannot be written; the next call tries again.
    pub fn keep(
        &mut self,
        board: &DogBoard,
        uptime: impl FnOnce() -> Option<Uptime>,
    ) -> io::Result<()> {
        let version = board.standing_version.load(std::sync::atomic::Ordering::Acquire);
        if version == self.written {
            return Ok(());
        }
        let (boot_id, uptime_ns) =
            uptime().map_or((String::new(), 0), |now| (now.boot_id, now.since_boot.0));
        let left = Left { boot_id, uptime_ns, left_ns: board.standing().map(|left| left.0) };
        self.write(&left)?;
        self.written = version;
        Ok(())
    }

    fn write(&self, left: &Left) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let temp = self.path.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temp)?;
        file.write_all(&serde_json::to_vec(left)?)?;
        file.sync_all()?;
        fs::rename(&temp, &self.path)?;
        File::open(folder)?.sync_all()
    }
    fn told(&self, error: &dyn std::fmt::Display) -> String {
        format!("{}: {error}; a whole cooldown is assumed", self.path.display())
    }
}

impl Left {
    fn at(&self, now: Option<&Uptime>) -> Standing {
        let same_boot = now.filter(|now| now.boot_id == self.boot_id);
        let passed = same_boot.map_or(0, |now| now.since_boot.0.saturating_sub(self.uptime_ns));
        let [cooldown_left, a, b, c] = self.left_ns.map(|left| DurNs(left.saturating_sub(passed)));
        Standing { cooldown_left, criticals_left: [a, b, c] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(id: &str, secs: u64) -> Uptime {
        Uptime { boot_id: id.to_owned(), since_boot: DurNs::from_secs(secs) }
    }

    #[test]
    fn a_cooldown_goes_on_after_a_restart_and_begins_anew_after_a_reboot() {
        let left = Left {
            boot_id: "a".into(),
            uptime_ns: 100_000_000_000,
            left_ns: [60_000_000_000, 5, 0, 0],
        };
        let seconds = |now: Option<&Uptime>| left.at(now).cooldown_left.0 / 1_000_000_000;
        assert_eq!(seconds(Some(&boot("a", 140))), 20);
        assert_eq!(seconds(Some(&boot("a", 1_000))), 0);
        assert_eq!(seconds(Some(&boot("b", 5))), 60, "another boot");
        assert_eq!(seconds(None), 60, "nobody knows how long ago it was");
    }

    #[test]
    fn what_cannot_be_read_is_a_whole_cooldown_and_what_is_absent_is_none() {
        let dir = std::env::temp_dir().join(format!("arb-standing-{}", std::process::id()));
        let file = StandingFile::of(&dir);
        let minute = DurNs::from_secs(60);
        assert_eq!(file.read(None, minute), (Standing::default(), None));
        fs::create_dir_all(dir.join("state")).unwrap();
        fs::write(dir.join("state/watchdog.json"), "{\"boot_id\":").unwrap();
        let (standing, problem) = file.read(None, minute);
        assert_eq!(standing.cooldown_left, minute);
        assert!(problem.is_some());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_the_board_keeps_is_read_back() {
        let dir = std::env::temp_dir().join(format!("arb-standing-kept-{}", std::process::id()));
        let mut file = StandingFile::of(&dir);
        let board = DogBoard::default();
        file.keep(&board, || None).unwrap();
        assert_eq!(file.read(None, DurNs(1)).0, Standing::default(), "nothing to keep yet");
        board.keep([DurNs(7), DurNs(3), DurNs(2), DurNs(0)]);
        file.keep(&board, || Some(boot("a", 1))).unwrap();
        let (standing, _) = StandingFile::of(&dir).read(Some(&boot("a", 1)), DurNs(1));
        assert_eq!(standing.cooldown_left, DurNs(7));
        assert_eq!(standing.criticals_left, [DurNs(3), DurNs(2), DurNs(0)]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
