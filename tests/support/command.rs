//! Shared by the tests of `arb run` from outside: the binary in a folder of its own, waited for
//! with patience that only keeps a broken build from hanging.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use arb::types::time::Clock;
use arb::types::time::DurNs;
use serde_json::Value;

const PATIENCE: DurNs = DurNs::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// Books of every coin pay a little on either venue at once, and orders take a few milliseconds:
/// many pairs open, close, miss and break within the first tenths of a second.
pub const HOT: &str = "\
mode: {current: mock}
mock: {updates_per_second: 300}
signal_engine: {min_spread_pct: 0, upbit_fee: 0.001, binance_fee: 0.001}
exit: {take_profit_pct: 0.001}
stoploss: {static_pct: 0.1}
execution_engine: {retry_delay: 0.05, position_size_krw: 20000}
rebalancer: {max_exposure_krw: 400000}
position_engine: {max_open_positions: 32, max_exposure_krw: 5000000}
paper: {latency_min_ms: 0, latency_mean_ms: 10, latency_max_ms: 50, reject_pct: 5}
risk:
  {entry_interval_ms: 10, max_orders_per_second: 100, max_orders_per_minute: 1200,
   max_open_orders: 64, max_residual_krw: 1000000}
instruments:
  - {venue: upbit, name: BTC-KRW, lot: 0.00000001, tick: 1, min_notional: 5000}
  - {venue: upbit, name: ETH-KRW, lot: 0.00000001, tick: 1, min_notional: 5000}
  - {venue: upbit, name: USDT-KRW, lot: 0.00000001, tick: 0.01, min_notional: 5000}
  - {venue: binance, name: BTC-USDT, lot: 0.00001, tick: 0.01, min_notional: 5}
  - {venue: binance, name: ETH-USDT, lot: 0.0001, tick: 0.01, min_notional: 5}
";

/// A folder in which runs take place.
pub struct Place {
    dir: PathBuf,
}

/// A run that goes on. Killed when it is dropped.
pub struct Going {
    child: Child,
    files: [PathBuf; 2],
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Place {
    /// Empty.
    pub fn new(name: &str) -> Place {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a scratch folder");
        Place { dir }
    }
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.join(inside)
    }
    pub fn write(&self, inside: &str, text: &str) -> PathBuf {
        let path = self.path(inside);
        fs::write(&path, text).expect("a writable folder");
        path
    }
    /// The configuration of every later run here.
    pub fn configure(&self, yaml: &str) {
        self.write("test.yml", yaml);
    }
    /// The journal's files, oldest first.
    pub fn journal(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path("run/journal")) else { return Vec::new() };
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        let number = |path: &PathBuf| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            name.rsplit('-').next().and_then(|n| n.parse::<u64>().ok())
        };
        files.sort_by_key(number);
        files
    }
    /// Lines of the journal that hold this.
    fn lines_with(&self, text: &str) -> usize {
        let read = |path: &PathBuf| fs::read(path).unwrap_or_default();
        let count = |path| String::from_utf8_lossy(&read(path)).matches(text).count();
        self.journal().iter().map(count).sum()
    }
    /// Records of a kind.
    pub fn kinds(&self, kind: &str) -> usize {
        self.lines_with(&format!(r#""kind":"{kind}""#))
    }
    /// Orders that came to their end.
    pub fn dones(&self) -> usize {
        self.lines_with(r#""event":"done""#)
    }
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("run/logs/live.log")).unwrap_or_default()
    }
    /// The binary in the run directory `run`.
    pub fn arb(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
        self.dress(&mut command);
        command.args(words.split_whitespace());
        command
    }
    /// The binary started by a shell that prepares something: `"$@"` is the binary's command line.
    pub fn shell(&self, script: &str, words: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_arb")]);
        self.dress(&mut command);
        command.args(words.split_whitespace());
        command
    }
    fn dress(&self, command: &mut Command) {
        // Away from the repository's own configuration.
        command.current_dir(&self.dir).arg("--run-dir").arg(self.path("run"));
        if self.path("test.yml").exists() {
            command.arg("--config").arg(self.path("test.yml"));
        }
    }
    pub fn start(&self, mut command: Command) -> Going {
        let name = |end: &str| {
            let count = fs::read_dir(&self.dir).expect("a folder").count();
            self.path(&format!("{count}.{end}"))
        };
        let files = [name("out"), name("err")];
        let [out, err] = files.each_ref().map(|path| File::create(path).expect("a file"));
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        Going { child: child.expect("the binary starts"), files }
    }
    pub fn run(&self, words: &str) -> Ended {
        self.start(self.arb(words)).end()
    }
}

impl Going {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.files[1]).expect("a file")).into_owned()
    }
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.files[0]).expect("a file")).into_owned()
    }
    /// Waits until it said this on stderr.
    pub fn until_said(&mut self, text: &str) {
        self.until(|going| going.err().contains(text), text);
    }
    pub fn until(&mut self, mut holds: impl FnMut(&Going) -> bool, what: &str) {
        let clock = Clock::start();
        let by = clock.mono().plus(PATIENCE);
        while !holds(self) {
            let over = self.child.try_wait().expect("a child");
            assert!(over.is_none() || holds(self), "it ended before {what}: {}", self.err());
            assert!(clock.mono() < by, "no {what}: {}", self.err());
            std::thread::park_timeout(LOOK);
        }
    }
    pub fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.pid());
        let sent = Command::new("sh").args(["-c", &script]).status().expect("a shell");
        assert!(sent.success(), "no signal was sent");
    }
    /// SIGKILL; true if it was still running.
    pub fn kill(&mut self) -> bool {
        let over = self.child.try_wait().expect("a child").is_some();
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child");
        !over
    }
    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let clock = Clock::start();
        let by = clock.mono().plus(PATIENCE);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(clock.mono() < by, "it does not end: {}", self.err());
            std::thread::park_timeout(LOOK);
        };
        let out = String::from_utf8_lossy(&fs::read(&self.files[0]).expect("a file")).into_owned();
        Ended { code: status.code(), out, err: self.err() }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // Ended already, or of no use to anybody.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}", self.err);
        self
    }
    /// The object on the last line of stdout.
    pub fn summary(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_else(|| panic!("no summary: {}", self.err));
        serde_json::from_str(last).expect("one JSON object on the last line")
    }
    pub fn metrics(&self) -> Vec<&str> {
        self.err.lines().filter(|line| line.contains("[METRICS]")).collect()
    }
    #[track_caller]
    pub fn says(&self, text: &str) {
        assert!(self.err.contains(text), "not said: {text}\n{}", self.err);
    }
}
