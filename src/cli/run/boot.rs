//! What `run` needs before anything runs: the log, the lock of the run directory, the journal read
//! back into an engine, and the journal's new file.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use log::LevelFilter;

use crate::cli::Common;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::run::job::Job;
use crate::config::yaml::LevelYaml;
use crate::config::yaml::LoggingYaml;
use crate::engine::core::Core;
use crate::engine::restore::Restoring;
use crate::journal::error::JournalError;
use crate::journal::file::FolderDisk;
use crate::journal::file::Setup;
use crate::journal::file::Writer;
use crate::journal::file::put_aside;
use crate::journal::file::tidy;
use crate::journal::limits::JournalLimits;
use crate::journal::lock::LockError;
use crate::journal::lock::RunLock;
use crate::journal::read::Found;
use crate::journal::read::read_back;
use crate::journal::record::Record;
use crate::journal::record::RecordKind;
use crate::journal::start::Manifest;
use crate::journal::start::Start;
use crate::journal::text::Names;
use crate::telemetry::console::Console;
use crate::telemetry::limits::LogLimits;
use crate::telemetry::rotate::RotatingFile;
use crate::telemetry::writer::LogWriter;
use crate::types::carry::Carry;
use crate::types::fact::Fact;
use crate::types::journal::JournalState;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::Now;

/// Starts that ended without a stop are remembered this long.
const CRASH_WINDOW: DurNs = DurNs::from_secs(600);

/// A journal that has begun its file, and the engine that the one before left behind.
pub(super) struct Boot {
    pub(super) core: Box<Core>,
    /// What the engine was at the start: base of the exact checks.
    pub(super) carry: Carry,
    pub(super) writer: Writer,
    pub(super) state: Arc<JournalState>,
}

/// The program's log, so far on stderr only.
pub(super) fn start_log(common: &Common) -> Result<LogWriter, CliError> {
    let queue = crate::telemetry::log::start(LevelFilter::Info)
        .map_err(|error| CliError::new(Exit::Internal, error, "report this defect"))?;
    let level = if common.quiet { LevelFilter::Warn } else { LevelFilter::Trace };
    Ok(LogWriter::new(queue, Console::stderr(), level))
}

/// Lets the log keep its file as the configuration says.
pub(super) fn open_log_file(job: &Job<'_>, log: &mut LogWriter) -> Result<(), CliError> {
    let logging = &job.loaded.checked.sections.logging;
    let limits = log_limits(logging, &job.common.run_dir);
    log::set_max_level(limits.level);
    let file = RotatingFile::open(&limits).map_err(|error| {
        let what = format!("{}: the log file cannot be used: {error}", limits.file.display());
        CliError::new(Exit::Directory, what, "make it writable, or name another --run-dir")
    })?;
    log.keep_in(file);
    Ok(())
}

/// Least severity that a configuration logs.
pub(super) fn level(logging: &LoggingYaml) -> LevelFilter {
    match logging.level {
        LevelYaml::Error => LevelFilter::Error,
        LevelYaml::Warn => LevelFilter::Warn,
        LevelYaml::Info => LevelFilter::Info,
        LevelYaml::Debug => LevelFilter::Debug,
        LevelYaml::Trace => LevelFilter::Trace,
    }
}

fn log_limits(logging: &LoggingYaml, run_dir: &Path) -> LogLimits {
    LogLimits {
        level: level(logging),
        file: run_dir.join(&logging.file),
        max_file_bytes: logging.max_file_mb << 20,
        max_files: logging.max_files,
    }
}

/// Locks the run directory.
pub(super) fn lock(job: &Job<'_>) -> Result<RunLock, CliError> {
    let refused = |error: LockError| CliError::new(Exit::Directory, &error, error.fix());
    RunLock::take(&job.common.run_dir).map_err(refused)
}

/// For runs that start empty: an existing journal is put aside, and said so.
pub(super) fn put_journal_aside(job: &Job<'_>) -> Result<(), CliError> {
    if let Some(aside) = put_aside(&folder(job), Clock::wall()).map_err(failed)? {
        log::info!("a virtual run starts empty; the journal was moved to {}", aside.display());
    }
    Ok(())
}

/// Read back, rebuild, begin the new file: in that order. Orders whose outcome the dead
/// process did not learn end with what is on record, because its simulated venue died with it.
pub(super) fn boot(job: &Job<'_>) -> Result<Boot, CliError> {
    let now = Now { mono: job.clock.mono(), wall: Clock::wall() };
    let names = Names::of(&job.plan.engine.instruments);
    let dir = folder(job);
    let disk = FolderDisk::open(&dir).map_err(failed)?;
    let mut restoring = Restoring::new(&job.plan.engine, now);
    let mut visit = |record: &Record| take(&mut restoring, record);
    let found = read_back(&dir, &names, &mut visit).map_err(failed)?;
    refuse_other_mode(job, &dir, &found)?;
    let mut core = restoring.finish().core;
    let carry = core.carry(now);
    tell(&found, &core);
    let limits = limits(job);
    let setup = Setup { dir: dir.clone(), disk: Box::new(disk), names, limits };
    let start = Start {
        manifest: manifest(job),
        crashes: found.crashes_since(now.wall, CRASH_WINDOW),
        carry: carry.clone(),
    };
    let writer = Writer::begin(setup, &found, start).map_err(failed)?;
    tidy(&found, &limits).map_err(failed)?;
    let unknown = core.end_unknown_orders(now);
    if unknown > 0 {
        log::warn!("{unknown} orders stay unknown: their venue counted fills that never arrived");
    }
    core.resume(now);
    Ok(Boot { core, carry, writer, state: Arc::new(JournalState::default()) })
}

fn take(restoring: &mut Restoring, record: &Record) -> Result<(), String> {
    match &record.kind {
        RecordKind::Start(start) => restoring.begin(&start.carry).map_err(|e| e.to_string()),
        RecordKind::Ids { until } => {
            restoring.reserve(*until);
            Ok(())
        }
        RecordKind::Fact(kind) => {
            restoring.apply(&Fact { at: record.at, kind: *kind }).map_err(|e| e.to_string())
        }
        RecordKind::Next | RecordKind::Truncated { .. } | RecordKind::Stop => Ok(()),
    }
}

fn refuse_other_mode(job: &Job<'_>, dir: &Path, found: &Found) -> Result<(), CliError> {
    let mode = job.loaded.checked.mode.name();
    let other = found.last.as_ref().filter(|last| last.manifest.mode != mode);
    let Some(last) = other else { return Ok(()) };
    let (was, wanted) = (last.manifest.mode.clone(), mode.to_owned());
    Err(failed(JournalError::OtherMode { path: dir.to_owned(), was, wanted }))
}

fn tell(found: &Found, core: &Core) {
    let Some(last) = &found.last else { return };
    let how = if last.stopped { "stopped" } else { "ended without a stop" };
    log::info!(
        "run {} {how}; {} records rebuilt {} open pairs, realized {} KRW",
        last.manifest.run_id,
        found.records,
        core.pairs().len(),
        core.portfolio().realized,
    );
    if found.torn_bytes() > 0 {
        log::warn!("the journal's last {} bytes were torn and are cut", found.torn_bytes());
    }
}

fn manifest(job: &Job<'_>) -> Manifest {
    Manifest {
        run_id: job.run_id.clone(),
        mode: job.loaded.checked.mode.name().to_owned(),
        seed: job.plan.seed,
        config_sha256: job.loaded.sha256.clone(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn limits(job: &Job<'_>) -> JournalLimits {
    let journal = &job.loaded.checked.sections.journal;
    JournalLimits {
        max_file_bytes: journal.max_file_mb << 20,
        id_block: u64::from(journal.id_block),
        ..JournalLimits::default()
    }
}

fn folder(job: &Job<'_>) -> PathBuf {
    job.common.run_dir.join(&job.loaded.checked.sections.journal.path)
}

/// A journal error as the command's end.
pub(super) fn failed(error: JournalError) -> CliError {
    let exit = if error.is_directory() { Exit::Directory } else { Exit::Io };
    CliError::new(exit, &error, error.fix())
}
