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
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde::Serialize;

use crate::types::board::DogBoard;
use crate::types::board::STANDING;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::watchdog::limits::CRITICAL_MEMORY;
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

/// A write that failed is tried again after this long.
const AGAIN: DurNs = DurNs::from_secs(1);

/// Writes the file whenever what it holds has changed.
pub struct StandingFile {
    path: PathBuf,
    written: u64,
    failed_at: Option<MonoNs>,
}

/// News of the file, each told once.
#[derive(Debug)]
pub enum Kept {
    /// It cannot be written; it is tried again each second.
    Fails(io::Error),
    /// It can be written again.
    Again,
}

impl StandingFile {
    /// Under that run directory. Nothing is written yet.
    pub fn of(run_dir: &Path) -> StandingFile {
        let path = FILE.iter().fold(run_dir.to_owned(), |path, part| path.join(part));
        StandingFile { path, written: 0, failed_at: None }
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
            Ok(left) => (left.at(now, cooldown), None),
            Err(error) => (unknown, Some(self.told(&error))),
        }
    }
    /// Writes what the board holds if it has changed since the last call that could.
    pub fn keep(
        &mut self,
        board: &DogBoard,
        now: MonoNs,
        uptime: impl FnOnce() -> Option<Uptime>,
    ) -> Option<Kept> {
        let version = board.standing_version.load(Ordering::Acquire);
        let waits = self.failed_at.is_some_and(|failed| now.since(failed) < AGAIN);
        if version == self.written || waits {
            return None;
        }
        let (boot_id, uptime_ns) =
            uptime().map_or((String::new(), 0), |now| (now.boot_id, now.since_boot.0));
        let left = Left { boot_id, uptime_ns, left_ns: board.standing().map(|left| left.0) };
        match (self.write(&left), self.failed_at.take()) {
            (Ok(()), before) => {
                self.written = version;
                before.map(|_| Kept::Again)
            }
            (Err(error), before) => {
                self.failed_at = Some(now);
                before.is_none().then_some(Kept::Fails(error))
            }
        }
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
    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn told(&self, error: &dyn std::fmt::Display) -> String {
        let path = self.path.display();
        format!("{path}: {error}; a whole cooldown is assumed. Remove the file to trade at once")
    }
}

impl Left {
    /// No more than there can be, whatever the file says.
    fn at(&self, now: Option<&Uptime>, cooldown: DurNs) -> Standing {
        let same_boot = now.filter(|now| now.boot_id == self.boot_id);
        let passed = same_boot.map_or(0, |now| now.since_boot.0.saturating_sub(self.uptime_ns));
        let [cooldown_left, a, b, c] = self.left_ns.map(|left| DurNs(left.saturating_sub(passed)));
        let most = |left: DurNs| left.min(CRITICAL_MEMORY);
        let criticals_left = [a, b, c].map(most);
        Standing { cooldown_left: cooldown_left.min(cooldown), criticals_left }
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
        let seconds = |now: Option<&Uptime>| {
            left.at(now, DurNs::from_secs(60)).cooldown_left.0 / 1_000_000_000
        };
        assert_eq!(seconds(Some(&boot("a", 140))), 20);
        assert_eq!(seconds(Some(&boot("a", 1_000))), 0);
        assert_eq!(seconds(Some(&boot("b", 5))), 60, "another boot");
        assert_eq!(seconds(None), 60, "nobody knows how long ago it was");
        let foreign = Left { left_ns: [u64::MAX; STANDING], ..left.clone() };
        let standing = foreign.at(None, DurNs::from_secs(60));
        assert_eq!(standing.cooldown_left, DurNs::from_secs(60), "no more than is configured");
        assert_eq!(standing.criticals_left, [CRITICAL_MEMORY; 3]);
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
        assert!(file.keep(&board, MonoNs(0), || None).is_none());
        assert_eq!(file.read(None, DurNs(1)).0, Standing::default(), "nothing to keep yet");
        board.keep([DurNs(7), DurNs(3), DurNs(2), DurNs(0)]);
        assert!(file.keep(&board, MonoNs(0), || Some(boot("a", 1))).is_none());
        let (standing, _) = StandingFile::of(&dir).read(Some(&boot("a", 1)), DurNs(9));
        assert_eq!(standing.cooldown_left, DurNs(7));
        assert_eq!(standing.criticals_left, [DurNs(3), DurNs(2), DurNs(0)]);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_folder_that_takes_nothing_is_told_once_and_tried_again_each_second() {
        let dir = std::env::temp_dir().join(format!("arb-standing-full-{}", std::process::id()));
        fs::create_dir_all(dir.join("state/watchdog.new")).unwrap();
        let mut file = StandingFile::of(&dir);
        let board = DogBoard::default();
        board.keep([DurNs(7); STANDING]);
        let at = |ms: u64| MonoNs(DurNs::from_ms(ms).0);
        assert!(matches!(file.keep(&board, at(0), || None), Some(Kept::Fails(_))));
        assert!(
            [10, 999, 1_000, 2_000].iter().all(|ms| file.keep(&board, at(*ms), || None).is_none())
        );
        fs::remove_dir(dir.join("state/watchdog.new")).unwrap();
        assert!(file.keep(&board, at(2_500), || None).is_none(), "not yet a second");
        assert!(matches!(file.keep(&board, at(3_000), || None), Some(Kept::Again)));
        assert!(dir.join("state/watchdog.json").exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
