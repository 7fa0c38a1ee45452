//! Where a scenario is played: a scratch folder, the run in it, and what is put around the run.
//! Everything on it is gone when it is dropped.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::runtime::child::Guarded;
use crate::runtime::child::Signal;
use crate::scenario::stress::proxy::Proxy;
use crate::scenario::stress::server::Redis;
use crate::scenario::stress::settings::INTERVAL;
use crate::scenario::stress::settings::LOOPS;
use crate::scenario::stress::settings::Settings;
use crate::scenario::stress::watch::Watch;
use crate::types::evidence::FOLDER;
use crate::types::evidence::SNAPSHOTS;
use crate::types::time::MonoNs;
use crate::types::time::WallNs;
use crate::verdict::stamp;

/// Where scratch folders lie, and whether they stay.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The binary that is put under stress.
    pub program: PathBuf,
    /// Folder of the scratch folders.
    pub folder: PathBuf,
    /// They are left for whoever wants to look.
    pub keeps: bool,
}

/// The stage of one scenario.
#[derive(Debug)]
pub struct Stage {
    /// Of this look.
    pub now: MonoNs,
    /// The same moment as files have it.
    pub wall: WallNs,
    /// When the injection was complete, on the wall clock.
    pub injected: WallNs,
    /// A moment that a later step refers to.
    pub noted: WallNs,
    /// A count that a later step refers to.
    pub noted_count: u64,
    /// What the run has written.
    pub watch: Watch,
    /// A server of its own.
    pub redis: Option<Redis>,
    /// Between run and server.
    pub proxy: Option<Proxy>,
    /// Other processes.
    pub others: Vec<Guarded>,
    /// Fills on record of the runs before this one: a run that restores them counts them on.
    pub fills_before: u64,
    run: Option<Guarded>,
    starts: u32,
    dir: PathBuf,
    ground: Ground,
}

impl Stage {
    /// An empty folder of that name.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(ground: &Ground, name: &str) -> io::Result<Stage> {
        let dir = ground.folder.join(name);
        DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Stage {
            now: MonoNs(0),
            wall: WallNs(0),
            injected: WallNs(0),
            noted: WallNs(0),
            noted_count: 0,
            watch: Watch::default(),
            redis: None,
            proxy: None,
            others: Vec::new(),
            fills_before: 0,
            run: None,
            starts: 0,
            dir,
            ground: ground.clone(),
        })
    }
    /// Looks at everything once.
    pub fn look(&mut self, now: MonoNs, wall: WallNs) {
        (self.now, self.wall) = (now, wall);
        if let Some(proxy) = &mut self.proxy {
            proxy.pump(now);
        }
        self.watch.look();
    }
    /// The run's directory.
    pub fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }
    /// A file or folder beside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Starts the binary anew in the same run directory; a run that is going is killed first.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub fn start(&mut self, settings: &Settings) -> Result<(), String> {
        self.run = None;
        self.watch.look();
        self.fills_before += self.watch.fills;
        self.starts += 1;
        let settings = self.joined(settings);
        self.write("stress.yml", &settings.yaml())?;
        let mut command = Command::new(&self.ground.program);
        // Nothing of the caller's environment may change what is tested.
        command.env_clear().current_dir(&self.dir).arg("--config").arg(self.path("stress.yml"));
        command.arg("--run-dir").arg(self.run_dir()).args(["--json", "run", "--mode", "mock"]);
        command.args(["--interval", INTERVAL, "--loops", LOOPS, "--ascii"]);
        if let Some(schedule) = settings.schedule() {
            self.write("faults.yml", &schedule)?;
            command.arg("--faults").arg(self.path("faults.yml"));
        }
        command.stdin(Stdio::null());
        command.stdout(self.stream("stdout")?).stderr(self.stream("stderr")?);
        self.watch = Watch::new(&self.run_dir());
        let run = Guarded::start(&mut command);
        self.run = Some(run.map_err(|error| format!("{}: {error}", self.program()))?);
        Ok(())
    }
    /// Sends the run a signal.
    ///
    /// # Errors
    /// There is none, or the system's.
    pub fn send(&mut self, signal: Signal) -> Result<(), String> {
        let run = self.run.as_mut().ok_or("no run was started")?;
        run.send(signal).map_err(|error| format!("signal to the run: {error}"))
    }
    /// The exit code of the run; `None` while it goes on. A run that a signal ended has -1.
    pub fn exit(&mut self) -> Option<i32> {
        let status = self.run.as_mut()?.ended()?;
        Some(status.code().unwrap_or(-1))
    }
    /// The summary on the stdout of the last run that ended.
    pub fn summary(&self) -> Option<Value> {
        let text = fs::read_to_string(self.numbered("stdout")).ok()?;
        serde_json::from_str(text.lines().last()?).ok()
    }
    /// The newest snapshot, and when it says that it was taken.
    pub fn newest_snapshot(&self) -> Option<(WallNs, Value)> {
        let entries = fs::read_dir(self.run_dir().join(FOLDER)).ok()?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with(SNAPSHOTS.0) && name.ends_with(SNAPSHOTS.1)
        };
        let text = fs::read_to_string(paths.filter(named).max()?).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        let at = stamp::parse(value.get("timestamp")?.as_str()?)?;
        Some((at, value))
    }
    /// The last words on the stderr of the last run.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(self.numbered("stderr")).unwrap_or_default();
        let spoken = |line: &&str| !line.trim().is_empty() && !line.contains("[METRICS]");
        text.lines().rev().find(spoken).unwrap_or("").trim().to_owned()
    }

    /// The settings with the address of the Redis on this stage.
    fn joined(&self, settings: &Settings) -> Settings {
        let own = self.redis.as_ref().map(Redis::port);
        match self.proxy.as_ref().map(Proxy::port).or(own) {
            Some(port) => settings
                .clone()
                .set("redis.enabled", true)
                .set("redis.url", format!("\"redis://127.0.0.1:{port}/0\"")),
            None => settings.clone(),
        }
    }
    fn program(&self) -> String {
        self.ground.program.display().to_string()
    }
    fn numbered(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}-{}", self.starts))
    }
    fn stream(&self, name: &str) -> Result<File, String> {
        let path = self.numbered(name);
        File::create(&path).map_err(|error| explain(&path, &error))
    }
    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.path(name);
        fs::write(&path, text).map_err(|error| explain(&path, &error))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Whoever writes into the folder ends before it goes.
        self.run = None;
        self.redis = None;
        self.others.clear();
        if !self.ground.keeps {
            // What cannot be removed is left to the system's own cleaning of its scratch space.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// An error with its file.
pub fn explain(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
