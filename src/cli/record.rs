//! `arb record`, and `arb run --record`: where the files lie and when the next one begins.

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::ValueHint;

use crate::cli::Common;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::feed::series::Series;
use crate::feed::spool::SpoolLimits;
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

/// Records until Ctrl-C or the time is over.
///
/// # Errors
/// `Exit::Usage` for limits that make no sense; `Exit::Unreachable`.
pub fn record(arguments: &RecordArgs, common: &Common) -> Result<Exit, CliError> {
    arguments.files.limits(&arguments.out, &common.run_dir)?;
    let what = "this version cannot reach a venue";
    Err(CliError::new(Exit::Unreachable, what, "replay a recording that there is"))
}

/// A recording that cannot begin.
pub fn not_begun(limits: &SpoolLimits, error: &std::io::Error) -> CliError {
    let what = format!("{}: cannot record: {error}", limits.series.folder().display());
    CliError::new(Exit::Directory, what, "name a folder that can be written with --out or --record")
}
