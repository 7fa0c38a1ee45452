//! `arb record`, and `arb run --record`: where the files lie and when the next one begins.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use clap::Args;
use clap::ValueHint;
use serde::Serialize;

use crate::cli::Common;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::load;
use crate::cli::output;
use crate::cli::replay::stop_flag;
use crate::feed::series::Series;
use crate::feed::spool::SpoolLimits;
use crate::net::tls::TlsError;
use crate::scenario::record_only::Heard;
use crate::scenario::record_only::ListenError;
use crate::scenario::record_only::Listened;
use crate::scenario::record_only::Listening;
use crate::types::time::Clock;
use crate::types::time::DurNs;

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
/// Between two lines of progress.
const PROGRESS: DurNs = DurNs::from_secs(10);

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

/// Records until Ctrl-C or the time is over. What the file says of the mode does not matter here:
/// nothing trades.
///
/// # Errors
/// `Exit::Usage` for limits that make no sense, `Exit::Config` if there is nothing to record or the
/// certificates cannot be read, `Exit::Directory` for a folder that cannot be written,
/// `Exit::Unreachable` if no venue answered, `Exit::Io` if the disk refused.
pub fn record(arguments: &RecordArgs, common: &Common) -> Result<Exit, CliError> {
    let limits = arguments.files.limits(&arguments.out, &common.run_dir)?;
    let loaded = load(common, Vec::new())?;
    let instruments = &loaded.checked.engine.instruments;
    let series = limits.series.clone();
    let first = series.next_number().map_err(|error| not_begun(&limits, &error))?;
    let (clock, stop) = (Clock::start(), stop_flag(Exit::Interrupted));
    let begun = Listening::begin(instruments, &loaded.checked.feeds, limits.clone(), clock);
    let mut listening = begun.map_err(|error| match error {
        ListenError::Tls(error) => no_roots(&error),
        ListenError::Files(error) => not_begun(&limits, &error),
        ListenError::Start(error) => {
            CliError::new(Exit::Internal, error, "see the limits of this user (ulimit -u)")
        }
    })?;
    let over = arguments.seconds.map(|seconds| clock.mono().plus(DurNs::from_secs(seconds.into())));
    let mut tell_at = clock.mono().plus(PROGRESS);
    loop {
        let now = clock.mono();
        let is_time = over.is_some_and(|over| now >= over);
        if is_time || stop.load(Ordering::Acquire) || listening.is_over() {
            break;
        }
        if now >= tell_at && !common.quiet {
            tell_at = now.plus(PROGRESS);
            // Without stderr nobody wants to be told.
            let _ = writeln!(std::io::stderr(), "{}", progress(&mut listening));
        }
        listening.wait(over.unwrap_or(tell_at).min(tell_at));
    }
    finish(listening.end(), (&series, first), common)
}

fn progress(listening: &mut Listening) -> String {
    let count = listening.count();
    let (lines, bytes) = (load_of(&count.lines), load_of(&count.bytes));
    let (lost, late) = (load_of(&count.lost), load_of(&count.late));
    let each = |heard: &mut Heard| {
        format!("{} {} {}", heard.venue.name(), heard.look().name(), heard.frames())
    };
    let venues: Vec<String> = listening.venues().iter_mut().map(each).collect();
    let mut text =
        format!("record: {lines} lines, {} on disk; {}", megabytes(bytes), venues.join(", "));
    if lost + late > 0 {
        text.push_str(&format!("; {lost} lost, {late} late"));
    }
    text
}

fn load_of(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// The object of `--json`.
#[derive(Serialize)]
struct Report {
    /// The recordings that this one wrote and that are still there, oldest first.
    files: Vec<String>,
    /// Lines in recordings.
    lines: u64,
    /// Bytes on disk, of files that were removed again too.
    bytes: u64,
    venues: BTreeMap<&'static str, VenueReport>,
    /// Inputs that are missing in the recording.
    lost: u64,
    /// Inputs that came too late for their place in time.
    late: u64,
    exit: u8,
}

#[derive(Serialize)]
struct VenueReport {
    frames: u64,
    bytes: u64,
    connections: u64,
}

fn finish(
    listened: Listened,
    (series, first): (&Series, u64),
    common: &Common,
) -> Result<Exit, CliError> {
    let Listened { venues, count, files, fall } = listened;
    let parts = series.parts().unwrap_or_default();
    let mine = parts.into_iter().filter(|part| part.number >= first);
    let written = mine.map(|part| part.recording.display().to_string()).collect();
    let error = error_of(&venues, files, fall, series);
    let venue = |heard: &Heard| {
        let (frames, bytes, connections) = (heard.frames(), heard.bytes(), heard.opens());
        (heard.venue.name(), VenueReport { frames, bytes, connections })
    };
    let report = Report {
        files: written,
        lines: load_of(&count.lines),
        bytes: load_of(&count.bytes),
        venues: venues.iter().map(venue).collect(),
        lost: load_of(&count.lost),
        late: load_of(&count.late),
        exit: error.as_ref().map_or(Exit::Done, |error| error.exit).code(),
    };
    let text = match common.json {
        true => serde_json::to_string(&report).map_err(|error| {
            CliError::new(Exit::Internal, format!("record: {error}"), "report this defect")
        })?,
        false => in_words(&report),
    };
    output::print(format!("{text}\n").as_bytes())?;
    error.map_or(Ok(Exit::Done), Err)
}

/// Why the recording is not what was asked for.
fn error_of(
    venues: &[Heard],
    files: std::io::Result<()>,
    fall: Option<(&'static str, String)>,
    series: &Series,
) -> Option<CliError> {
    if let Some((thread, message)) = fall {
        let what = format!("thread {thread} panicked: {message}");
        return Some(CliError::new(Exit::Internal, what, "this is a defect: report it"));
    }
    if let Err(error) = files {
        let what = format!("{}: the recording stopped: {error}", series.folder().display());
        return Some(CliError::new(Exit::Io, what, "make room and start again to record"));
    }
    let names: Vec<&str> = venues.iter().map(|heard| heard.venue.name()).collect();
    let none = venues.iter().all(|heard| heard.opens() == 0);
    none.then(|| {
        let what = format!("no venue could be reached: {}", names.join(", "));
        CliError::new(Exit::Unreachable, what, "`arb doctor` looks at names, TLS and time of each")
    })
}

fn in_words(report: &Report) -> String {
    let mut text = format!(
        "{} lines, {} in {} files; {} inputs lost, {} late",
        report.lines,
        megabytes(report.bytes),
        report.files.len(),
        report.lost,
        report.late,
    );
    for (name, venue) in &report.venues {
        let VenueReport { frames, bytes, connections } = venue;
        let bytes = megabytes(*bytes);
        text.push_str(&format!("\n{name:8} {frames} frames, {bytes}, {connections} connections"));
    }
    for file in &report.files {
        text.push_str(&format!("\n{file}"));
    }
    text
}

/// A recording that cannot begin.
pub fn not_begun(limits: &SpoolLimits, error: &std::io::Error) -> CliError {
    let what = format!("{}: cannot record: {error}", limits.series.folder().display());
    CliError::new(Exit::Directory, what, "name a folder that can be written with --out or --record")
}

/// Certificate authorities that cannot be read.
pub fn no_roots(error: &TlsError) -> CliError {
    let hint = "set venues.tls_roots to webpki, system, or a PEM file that can be read";
    CliError::new(Exit::Config, error, hint)
}
