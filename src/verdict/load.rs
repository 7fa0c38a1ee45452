//! A folder into evidence: snapshots, series and events of any run, also an interrupted one.
//!
//! Reads each file once and keeps numbers only. Bounded: the newest [`MOST_SNAPSHOTS`] files and
//! the newest [`MOST_MINUTES`] minutes, [`FILE_BYTES`] a snapshot or line. What is left out is
//! said.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::types::evidence::EVENTS;
use crate::types::evidence::FOLDER;
use crate::types::evidence::SERIES;
use crate::types::evidence::SNAPSHOTS;
use crate::types::evidence::Stamp;
use crate::verdict::ledger::Ledger;
use crate::verdict::problem::Kind;
use crate::verdict::problem::Problem;
use crate::verdict::problem::Problems;
use crate::verdict::sample::Origin;
use crate::verdict::sample::Sample;
use crate::verdict::series::Run;
use crate::verdict::series::Timeline;
use crate::verdict::snapshot;
use crate::verdict::snapshot::Refused;
use crate::verdict::stamp;
use crate::verdict::story::Story;
use crate::verdict::tails::Tails;

/// Most snapshots that are read: the newest by name.
pub const MOST_SNAPSHOTS: usize = 50_000;
/// Most minutes that are kept: a month.
pub const MOST_MINUTES: usize = 31 * 24 * 60;
/// Longest snapshot or line.
pub const FILE_BYTES: u64 = 1 << 20;
/// A name and a content that differ by more than the others do have a clock that jumped between.
const NAME_SLACK_NS: i128 = 2_000_000_000;

/// Everything that a folder holds, ready to be judged.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Samples in the order of time.
    pub time: Timeline,
    /// What the events tell.
    pub story: Story,
    /// Exact counts by name of the run.
    pub ledgers: BTreeMap<String, Ledger>,
    /// How long things took: over all, at the beginning, in the last interval.
    pub tails: Tails,
    /// What was wrong with the files.
    pub problems: Problems,
    /// Snapshot files found, read or not.
    pub snapshot_files: usize,
    /// A series was found.
    pub has_series: bool,
    /// Older snapshots and minutes that were left out, to stay within bounds.
    pub left_out: u64,
    /// Last lines that end in the middle: what a kill leaves behind.
    pub torn_tails: u64,
    /// Runs whose snapshots say that events are written, by name.
    pub told: BTreeSet<String>,
    /// All snapshots are in the source's own format.
    pub source_format: bool,
}

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder cannot be listed.
    #[error("cannot read {path}: {error}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The folder holds nothing that a run leaves.
    #[error("{0}: no snapshot_*.json and no series.jsonl, there or in logs/stability")]
    Empty(PathBuf),
}

/// Reads a run directory, or a folder of snapshots.
///
/// # Errors
/// If there is nothing to read. A file that cannot be read is a problem in the evidence, no error.
pub fn load(dir: &Path) -> Result<Evidence, LoadError> {
    let mut names = Names::default();
    names.list(dir)?;
    let inside = dir.join(FOLDER);
    if inside.is_dir() {
        names.list(&inside)?;
    }
    if names.snapshots.is_empty() && names.series.is_empty() {
        return Err(LoadError::Empty(dir.to_path_buf()));
    }
    let mut reader = Reader::default();
    reader.evidence.snapshot_files = names.snapshots.len();
    reader.evidence.has_series = !names.series.is_empty();
    reader.evidence.left_out = names.left_out;
    for (_, path) in &names.events {
        reader.lines(path, Reader::on_event);
    }
    for (_, path) in &names.snapshots {
        reader.snapshot(path);
    }
    for (_, path) in &names.series {
        reader.lines(path, Reader::on_minute);
    }
    Ok(reader.finish())
}

/// The files of a run by name, oldest first.
#[derive(Default)]
struct Names {
    snapshots: BTreeSet<(String, PathBuf)>,
    series: BTreeSet<(String, PathBuf)>,
    events: BTreeSet<(String, PathBuf)>,
    left_out: u64,
}

impl Names {
    fn list(&mut self, dir: &Path) -> Result<(), LoadError> {
        let failed = |error| LoadError::Folder { path: dir.to_path_buf(), error };
        for entry in fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // A name that is not UTF-8 is shown with marks, and its file is read like any other.
            let Some(name) = path.file_name().map(OsStr::to_string_lossy) else { continue };
            let is = |(begin, end): (&str, &str)| name.starts_with(begin) && name.ends_with(end);
            let set = match () {
                () if is(SNAPSHOTS) => &mut self.snapshots,
                () if is(SERIES) => &mut self.series,
                () if is(EVENTS) => &mut self.events,
                () => continue,
            };
            set.insert((rank(&name), path));
            if set.len() > MOST_SNAPSHOTS {
                set.pop_first();
                self.left_out += 1;
            }
        }
        Ok(())
    }
}

/// What a name is sorted by: the series that is being written comes after its rotated parts.
fn rank(name: &str) -> String {
    let last = name.strip_prefix(SERIES.0) == Some(SERIES.1);
    if last { format!("{}~", SERIES.0) } else { name.to_string() }
}

#[derive(Default)]
struct Reader {
    evidence: Evidence,
    minutes: VecDeque<Sample>,
    /// Time in the name less time in the content, of each snapshot without a clock of its own.
    slips: Vec<(i128, u32)>,
}

type OnLine = fn(&mut Reader, &[u8], Origin) -> Result<(), Refused>;

impl Reader {
    fn snapshot(&mut self, path: &Path) {
        let origin = self.origin(path);
        let taken = read_whole(path).and_then(|text| self.on_snapshot(&text, origin));
        if let Err(refused) = taken {
            self.refuse(origin, refused);
        }
    }
    fn on_snapshot(&mut self, text: &[u8], origin: Origin) -> Result<(), Refused> {
        let read = snapshot::snapshot(text)?;
        let mut sample = snapshot::sample_of_snapshot(&read, origin)?;
        sample.run = self.run(&read.stamp, read.schema_version.is_none());
        let name = self.evidence.time.files[origin.file as usize].clone();
        let named = name.strip_prefix(SNAPSHOTS.0).and_then(|n| n.strip_suffix(SNAPSHOTS.1));
        // A snapshot with a clock of its own is compared with that.
        if let Some(wall) = named.and_then(stamp::parse).filter(|_| sample.mono_ns.is_none()) {
            self.slips.push((i128::from(wall.0) - i128::from(sample.wall_ns), origin.file));
        }
        if read.schema_version.is_some() {
            let run = read.stamp.run_id.clone().unwrap_or_default();
            if read.event_logging == Some(true) && read.loop_count > Some(0) {
                self.evidence.told.insert(run.clone());
            }
            self.evidence.ledgers.entry(run).or_default().on_snapshot(&read, &name);
        }
        self.evidence.tails.on_snapshot(&read);
        self.evidence.time.snapshots.push(sample);
        Ok(())
    }
    fn on_minute(&mut self, text: &[u8], origin: Origin) -> Result<(), Refused> {
        let read = snapshot::minute(text)?;
        let mut sample = snapshot::sample_of_minute(&read, origin)?;
        sample.run = self.run(&read.stamp, false);
        self.evidence.tails.on_minute(&read);
        if self.minutes.len() == MOST_MINUTES {
            self.minutes.pop_front();
            self.evidence.left_out += 1;
        }
        self.minutes.push_back(sample);
        Ok(())
    }
    fn on_event(&mut self, text: &[u8], _: Origin) -> Result<(), Refused> {
        self.evidence.story.on_event(&snapshot::event(text)?);
        Ok(())
    }
    fn lines(&mut self, path: &Path, on_line: OnLine) {
        let mut origin = self.origin(path);
        let file = match open(path) {
            Ok(file) => file,
            Err(refused) => return self.refuse(origin, refused),
        };
        let mut file = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            origin.line += 1;
            match file.by_ref().take(FILE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => {
                    let whole = line.ends_with(b"\n");
                    match on_line(self, &line, origin) {
                        Err((Kind::Cut, _)) if !whole => self.evidence.torn_tails += 1,
                        Err(refused) => self.refuse(origin, refused),
                        Ok(()) => {}
                    }
                }
                Err(error) => return self.refuse(origin, (Kind::Unreadable, error.to_string())),
            }
        }
    }
    fn origin(&mut self, path: &Path) -> Origin {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        self.evidence.time.files.push(name.unwrap_or_default());
        let file = u32::try_from(self.evidence.time.files.len() - 1).unwrap_or(u32::MAX);
        Origin { file, line: 0 }
    }
    fn run(&mut self, stamp: &Stamp, foreign: bool) -> u32 {
        self.evidence.time.run(Run {
            id: stamp.run_id.clone().unwrap_or_default(),
            config: stamp.config_sha256.clone(),
            mode: stamp.mode.clone(),
            is_virtual: stamp.is_virtual == Some(true),
            reloaded: false,
            foreign,
        })
    }
    fn refuse(&mut self, origin: Origin, (problem, detail): Refused) {
        let file = self.evidence.time.files[origin.file as usize].clone();
        let line = Some(origin.line).filter(|line| *line > 0);
        self.evidence.problems.add(Problem { file, line, problem, detail });
    }
    fn finish(mut self) -> Evidence {
        self.evidence.time.minutes = Vec::from(std::mem::take(&mut self.minutes));
        self.compare_names();
        self.keep_one_format();
        let Evidence { time, problems, story, .. } = &mut self.evidence;
        time.arrange(problems);
        for samples in [&mut time.snapshots, &mut time.minutes] {
            set_aside(samples, &time.runs, story);
        }
        self.evidence
    }
    /// A file whose name and content disagree more than those of the others do.
    fn compare_names(&mut self) {
        let mut slips: Vec<i128> = self.slips.iter().map(|(slip, _)| *slip).collect();
        slips.sort_unstable();
        let Some(usual) = slips.get(slips.len() / 2).copied() else { return };
        let odd = |slip: &&(i128, u32)| (slip.0 - usual).abs() > NAME_SLACK_NS;
        let odd: Vec<u32> = self.slips.iter().filter(odd).map(|(_, file)| *file).collect();
        for file in &odd {
            let detail = "the time in its name is not the time in its content".to_string();
            self.refuse(Origin { file: *file, line: 0 }, (Kind::ClockJump, detail));
        }
        let jumped = |sample: &Sample| odd.binary_search(&sample.origin.file).is_ok();
        self.evidence.time.snapshots.retain(|sample| !jumped(sample));
    }
    /// Snapshots of this program and of the source in one folder are of different runs.
    fn keep_one_format(&mut self) {
        let foreign = |time: &Timeline, s: &Sample| time.runs[s.run as usize].foreign;
        let time = &self.evidence.time;
        let ours = time.snapshots.iter().filter(|sample| !foreign(time, sample)).count();
        let theirs = time.snapshots.len() - ours;
        let source = theirs > ours && time.minutes.is_empty();
        self.evidence.source_format = source;
        let other = |time: &Timeline, sample: &Sample| foreign(time, sample) != source;
        let others = time.snapshots.iter().filter(|sample| other(time, sample));
        let out: Vec<u32> = others.map(|sample| sample.origin.file).collect();
        for file in &out {
            let detail = match source {
                true => "in the format of this program among others in the source's",
                false => "in the source's format among others of this program",
            };
            self.refuse(Origin { file: *file, line: 0 }, (Kind::Foreign, detail.into()));
        }
        // Files were numbered as they were read, so the list is sorted.
        let kept = |sample: &Sample| out.binary_search(&sample.origin.file).is_err();
        self.evidence.time.snapshots.retain(kept);
    }
}

/// Marks what injected faults touched. A sample tells of the time since the one before it.
fn set_aside(samples: &mut [Sample], runs: &[Run], story: &Story) {
    let mut before: Option<(u32, u64)> = None;
    for sample in samples {
        let run = &runs[sample.run as usize].id;
        let since =
            before.filter(|(run, _)| *run == sample.run).map_or(sample.wall_ns, |(_, at)| at);
        sample.injected = story.acted(run, (since.min(sample.wall_ns), sample.wall_ns));
        sample.excused = story.excuses(run, sample.wall_ns);
        before = Some((sample.run, sample.wall_ns));
    }
}

fn open(path: &Path) -> Result<File, Refused> {
    let failed = |error: io::Error| (Kind::Unreadable, error.to_string());
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err((Kind::Unreadable, "not a regular file".into()));
    }
    File::open(path).map_err(failed)
}

fn read_whole(path: &Path) -> Result<Vec<u8>, Refused> {
    let mut text = Vec::new();
    let read = open(path)?.take(FILE_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| (Kind::Unreadable, error.to_string()))?;
    if text.len() as u64 > FILE_BYTES {
        return Err((Kind::Unreadable, format!("longer than {FILE_BYTES} bytes")));
    }
    Ok(text)
}
