//! `arb record`, and `arb run --record`: where the files lie and when the next one begins.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args;
use clap::ValueHint;
use serde_json::json;

use crate::cli::Common;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::load;
use crate::cli::output;
use crate::cli::replay::stop_flag;
use crate::config::load::Loaded;
use crate::engine::agent::Pace;
use crate::feed::recorder::Recorder;
use crate::feed::recorder::RecorderCount;
use crate::feed::reel::Refuse;
use crate::feed::series::Series;
use crate::feed::socket::SocketFeed;
use crate::feed::spool::SpoolLimits;
use crate::runtime::agent::Agent;
use crate::runtime::crew::Post;
use crate::runtime::idle::Wait;
use crate::runtime::link::Rx;
use crate::scenario::capture::Crowd;
use crate::scenario::capture::Recorded;
use crate::scenario::capture::record_only;
use crate::scenario::taping::taping;
use crate::topology::Plan;
use crate::topology::Site;
use crate::topology::venues;
use crate::topology::venues::VenueSite;
use crate::topology::venues::paper_plant;
use crate::types::counters::Counter;
use crate::types::counters::Tally;
use crate::types::ids::VenueId;
use crate::types::notice::Notice;
use crate::types::report::Checkpoints;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;

/// Longest time from Ctrl-C to the end of a thread.
const DRAIN: DurNs = DurNs::from_secs(5);
/// Between two lines of progress.
const PROGRESS: DurNs = DurNs::from_secs(10);

/// Help of the files of a recording.
pub const EXAMPLES: &str = "\
Examples:
  arb record --out tapes/market            until Ctrl-C: tapes/market-000001.rec.gz and so on
  arb record --for 3600 --rotate-mb 64     an hour, in files of 64 MB
  arb replay tapes                         all of it through the engine
  arb decode tapes/market-000001.rec.gz --venue okx
";
/// Most files of a series: the oldest go.
const MOST_FILES: usize = 100_000;

/// Arguments of `arb record`.
#[derive(Args, Debug)]
pub struct RecordArgs {
    /// Where to write: NAME becomes NAME-000001.rec.gz and so on; NAME.rec is not compressed
    #[arg(long, value_name = "NAME", default_value = "tapes/market",
          value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// When the next file begins and what is kept.
    #[command(flatten)]
    pub files: FileArgs,
    /// End after so many seconds [default: on Ctrl-C]
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: Option<u32>,
}

/// When the next file begins and what is kept.
#[derive(Args, Clone, Copy, Debug)]
pub struct FileArgs {
    /// A recorded file of so many megabytes is followed by the next
    #[arg(long, value_name = "MB", default_value_t = 256,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub rotate_mb: u64,
    /// So is one of so many minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub rotate_minutes: u64,
    /// Most megabytes of all recorded files of that name; the oldest go
    #[arg(long, value_name = "MB", default_value_t = 10_240,
          value_parser = clap::value_parser!(u64).range(2..=1_000_000_000))]
    pub max_mb: u64,
}

impl FileArgs {
    /// The limits of files of that name, under the run directory if the name is relative.
    ///
    /// # Errors
    /// `Exit::Usage` for a name that names no file, or a limit that one file reaches alone.
    pub fn limits(&self, name: &Path, run_dir: &Path) -> Result<SpoolLimits, CliError> {
        let usage = |what: String, hint| CliError::new(Exit::Usage, what, hint);
        let Some(series) = Series::of(&run_dir.join(name)) else {
            let what = format!("{}: names no file", name.display());
            return Err(usage(what, "give a name such as tapes/market"));
        };
        if self.max_mb <= self.rotate_mb {
            let what =
                format!("--max-mb {} is not above --rotate-mb {}", self.max_mb, self.rotate_mb);
            return Err(usage(what, "keep at least two files"));
        }
        Ok(SpoolLimits {
            series,
            rotate_bytes: self.rotate_mb << 20,
            rotate_after: DurNs::from_secs(self.rotate_minutes * 60),
            max_bytes: self.max_mb << 20,
            max_files: MOST_FILES,
        })
    }
}

/// Records until Ctrl-C or the time is over, and prints what it came to.
///
/// # Errors
/// `Exit::Usage` for limits that make no sense, `Exit::Directory` for files that cannot be begun,
/// `Exit::Unreachable` if no frame came, `Exit::Io` if the disk refused, `Exit::Internal` for a
/// thread that fell.
pub fn record(arguments: &RecordArgs, common: &Common) -> Result<Exit, CliError> {
    let files = arguments.files.limits(&arguments.out, &common.run_dir)?;
    let loaded = load(common, Vec::new())?;
    let clock = Clock::start();
    let begun = Now { mono: clock.mono(), wall: Clock::wall() };
    let series = files.series.clone();
    let first = series.next_number().map_err(|error| not_begun(&files, &error))?;
    let Wired { crowd, recorder, notices } = wire(&loaded, files, begun)?;
    let count = recorder.count();
    let until = arguments.seconds.map(|s| begun.mono.plus(DurNs::from_secs(u64::from(s))));
    let stop = stop_flag(Exit::Interrupted);
    let progress = RefCell::new(Progress::new(&crowd, begun.mono));
    let is_over = || {
        if !common.quiet {
            progress.borrow_mut().look(&count, clock.mono());
        }
        while let Some(notice) = notices.take() {
            if let Some((level, line)) = notice.kind.line() {
                log::log!(level, "{line}");
            }
        }
        let is_late = until.is_some_and(|until| clock.mono() >= until);
        is_late || stop.load(Ordering::Relaxed) || count.has_stopped()
    };
    let recorded = record_only(crowd, recorder, clock, &is_over).map_err(|error| {
        CliError::new(Exit::Internal, error, "see the limits of this user (ulimit -u)")
    })?;
    let ended = judge(&recorded, count.lines.load(Ordering::Relaxed));
    let exit = ended.as_ref().map_or_else(|error| error.exit, |()| Exit::Done);
    let frames: BTreeMap<&str, u64> = recorded
        .feeds
        .iter()
        .map(|feed| (feed.venue().name(), feed.tally().get(Counter::Frames)))
        .collect();
    let parts = series.parts().unwrap_or_default();
    let mine = parts.into_iter().filter(|part| part.number >= first);
    let written = mine.map(|part| part.recording.display().to_string()).collect();
    let text = told(&count, (&frames, written), (common, exit));
    output::print(text.as_bytes())?;
    ended.map(|()| exit)
}

/// What records, before it does.
struct Wired {
    crowd: Crowd<SocketFeed, Box<dyn Agent + Send>>,
    recorder: Recorder,
    notices: Rx<Notice>,
}

/// The feeds of all venues in use, without anything that decides.
fn wire(loaded: &Loaded, files: SpoolLimits, now: Now) -> Result<Wired, CliError> {
    let checked = &loaded.checked;
    let plan = Plan {
        engine: checked.engine.clone(),
        paper: checked.paper.clone(),
        pace: Pace::EachStep,
        loops: 0,
        checkpoints: Checkpoints::default(),
        seed: checked.sections.mock.seed,
    };
    let post = |name| Post::new(name, Wait::Park, DRAIN);
    let (taps, ports) = taping(&venues(&plan.engine.instruments), Refuse::default());
    let (mut sites, mut posts) = (Vec::new(), Vec::new());
    for (venue, tap) in taps {
        let limits = checked.feeds.iter().find(|limits| limits.venue == venue).cloned();
        let (feed, desk) = (post(venue.feed_thread()), post(venue.desk_thread()));
        let wakers = (feed.waker(), desk.waker());
        sites.extend(limits.map(|limits| VenueSite {
            limits,
            tap: Some(tap),
            feed: wakers.0,
            desk: wakers.1,
        }));
        posts.push((venue, Some(feed), Some(desk)));
    }
    let names_post = post("names");
    let wired = paper_plant(&plan, Site::default(), sites, names_post.waker());
    let (plant, outlets, service) = wired.map_err(|error| {
        let hint = "set venues.tls_roots to webpki, system, or a PEM file that can be read";
        CliError::new(Exit::Config, error, hint)
    })?;
    let mut crowd = Crowd { feeds: Vec::new(), desks: Vec::new() };
    let place = |venue: VenueId| posts.iter().position(|(of, ..)| *of == venue);
    let at: Vec<Option<usize>> = plant.feeds.iter().map(|feed| place(feed.venue())).collect();
    for (feed, at) in plant.feeds.into_iter().zip(at) {
        let mine = at.and_then(|at| posts[at].1.take());
        crowd.feeds.extend(mine.map(|post| (feed, post)));
    }
    for (venue, desk) in service.desks {
        let mine = posts.iter_mut().find(|(of, ..)| *of == venue).and_then(|post| post.2.take());
        let boxed: Box<dyn Agent + Send> = Box::new(desk);
        crowd.desks.extend(mine.map(|post| (boxed, post)));
    }
    crowd.desks.push((Box::new(service.names), names_post));
    let begun = Recorder::begin(files.clone(), ports, now);
    let recorder = begun.map_err(|error| not_begun(&files, &error))?;
    Ok(Wired { crowd, recorder, notices: outlets.notices })
}

fn judge(recorded: &Recorded<SocketFeed>, lines: u64) -> Result<(), CliError> {
    if let Some(fall) = recorded.falls.first() {
        let what = format!("thread {} panicked: {}", fall.thread, fall.message);
        return Err(CliError::new(Exit::Internal, what, "this is a defect: report it"));
    }
    if let Err(error) = &recorded.files {
        let hint = "what was written before can be replayed; make room and start again";
        return Err(CliError::new(Exit::Io, format!("the recording: {error}"), hint));
    }
    if !recorded.late.is_empty() {
        let what = format!("threads that did not end in time: {}", recorded.late.join(", "));
        return Err(CliError::new(Exit::Internal, what, "this is a defect: report it"));
    }
    if lines == 0 {
        let hint = "see the log above, the addresses in the configuration, and `arb doctor`";
        return Err(CliError::new(
            Exit::Unreachable,
            "no venue could be reached: not one sent a frame",
            hint,
        ));
    }
    Ok(())
}

/// The end, for people or as one JSON object.
fn told(
    count: &RecorderCount,
    (frames, files): (&BTreeMap<&str, u64>, Vec<String>),
    (common, exit): (&Common, Exit),
) -> String {
    let all = [&count.lines, &count.bytes, &*count.lost, &*count.late];
    let [lines, bytes, lost, late] = all.map(|count| count.load(Ordering::Relaxed));
    if common.json {
        let value = json!({
            "mode": "record", "files": files, "frames": frames, "lines": lines, "bytes": bytes,
            "lost": lost, "late": late, "exit": exit.code(),
        });
        return format!("{value}\n");
    }
    let venues: Vec<String> =
        frames.iter().map(|(venue, frames)| format!("{venue} {frames}")).collect();
    let frames = venues.join(", ");
    let files = files.join("\n");
    format!("{lines} lines, {bytes} bytes, {lost} lost, {late} late; frames: {frames}\n{files}\n")
}

/// A line on stderr now and then: what is on disk, and what each venue did since the line before.
struct Progress {
    /// Each venue with its frames at the line before.
    venues: Vec<(VenueId, Tally, u64)>,
    next_at: MonoNs,
}

impl Progress {
    fn new<D>(crowd: &Crowd<SocketFeed, D>, now: MonoNs) -> Progress {
        let venue = |(feed, _): &(SocketFeed, Post)| (feed.venue(), feed.tally(), 0);
        let venues = crowd.feeds.iter().map(venue).collect();
        Progress { venues, next_at: now.plus(PROGRESS) }
    }
    fn look(&mut self, count: &RecorderCount, now: MonoNs) {
        if now >= self.next_at {
            self.next_at = now.plus(PROGRESS);
            let line = self.line(count);
            // Without stderr nobody wants to be told.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
    fn line(&mut self, count: &RecorderCount) -> String {
        let [lines, bytes] = [&count.lines, &count.bytes].map(|n| n.load(Ordering::Relaxed));
        let (whole, tenths) = (bytes / 1_000_000, bytes / 100_000 % 10);
        let each = |(venue, tally, before): &mut (VenueId, Tally, u64)| {
            let frames = tally.get(Counter::Frames);
            let state = match std::mem::replace(before, frames) {
                _ if tally.get(Counter::Opens) == 0 => "not reached",
                before if before == frames => "silent",
                _ => "live",
            };
            format!("{} {state} {frames}", venue.name())
        };
        let venues: Vec<String> = self.venues.iter_mut().map(each).collect();
        let mut text = format!("record: {lines} lines, {whole}.{tenths} MB; {}", venues.join(", "));
        let lost = count.lost.load(Ordering::Relaxed);
        if lost > 0 {
            text.push_str(&format!("; {lost} lost"));
        }
        text
    }
}

/// A recording that cannot begin.
pub fn not_begun(limits: &SpoolLimits, error: &std::io::Error) -> CliError {
    let what = format!("{}: cannot record: {error}", limits.series.folder().display());
    CliError::new(Exit::Directory, what, "name a folder that can be written with --out or --record")
}
