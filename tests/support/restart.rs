//! A start as the program makes it: read back, restore, begin. And folders to do it in.

use std::path::Path;
use std::path::PathBuf;

use arb::engine::core::Core;
use arb::engine::limits::EnginePlan;
use arb::engine::restore::Restored;
use arb::engine::restore::Restoring;
use arb::journal::error::JournalError;
use arb::journal::file::Disk;
use arb::journal::file::FolderDisk;
use arb::journal::file::Setup;
use arb::journal::file::Writer;
use arb::journal::limits::JournalLimits;
use arb::journal::read::Found;
use arb::journal::read::read_back;
use arb::journal::record::Record;
use arb::journal::record::RecordKind;
use arb::journal::start::Manifest;
use arb::journal::start::Start;
use arb::journal::text::Names;
use arb::types::fact::Fact;
use arb::types::time::DurNs;
use arb::types::time::Now;

/// Bounds that a test does not reach, and a sync with every batch.
pub const LIMITS: JournalLimits = JournalLimits {
    max_file_bytes: 1 << 30,
    max_total_bytes: 1 << 30,
    id_block: 1_000,
    sync_every: DurNs(0),
};

/// An empty folder of this test's own; what an earlier run left there is removed.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a scratch folder");
    dir
}

/// What a start finds.
pub struct Restart {
    pub restored: Restored,
    pub found: Found,
    pub records: Vec<Record>,
}

impl Restart {
    pub fn facts(&self) -> Vec<Fact> {
        facts_of(&self.records)
    }
}

pub fn facts_of(records: &[Record]) -> Vec<Fact> {
    let fact = |record: &Record| match record.kind {
        RecordKind::Fact(kind) => Some(Fact { at: record.at, kind }),
        _ => None,
    };
    records.iter().filter_map(fact).collect()
}

/// Reads a folder back into an engine, as a start does.
pub fn restart(dir: &Path, plan: &EnginePlan, now: Now) -> Result<Restart, JournalError> {
    let mut restoring = Restoring::new(plan, now);
    let mut records = Vec::new();
    let names = Names::of(&plan.instruments);
    let found = read_back(dir, &names, &mut |record| {
        records.push(record.clone());
        let fits = match &record.kind {
            RecordKind::Start(start) => restoring.begin(&start.carry),
            RecordKind::Fact(kind) => restoring.apply(&Fact { at: record.at, kind: *kind }),
            RecordKind::Ids { until } => {
                restoring.reserve(*until);
                Ok(())
            }
            RecordKind::Next | RecordKind::Truncated { .. } | RecordKind::Stop => Ok(()),
        };
        fits.map_err(|misfit| misfit.to_string())
    })?;
    Ok(Restart { restored: restoring.finish(), found, records })
}

/// Begins this process's first file.
pub fn begin(
    dir: &Path,
    how: (&EnginePlan, JournalLimits),
    from: (&Found, &Core),
    now: Now,
) -> Result<Writer, JournalError> {
    let disk = FolderDisk::open(dir)?;
    begin_on(Box::new(disk), how, from, now)
}

pub fn begin_on(
    disk: Box<dyn Disk>,
    how: (&EnginePlan, JournalLimits),
    from: (&Found, &Core),
    now: Now,
) -> Result<Writer, JournalError> {
    let ((plan, limits), (found, core)) = (how, from);
    let dir = PathBuf::from("journal");
    let setup = Setup { dir, disk, names: Names::of(&plan.instruments), limits };
    let crashes = found.crashes_since(now.wall, DurNs::from_secs(600));
    let start = Start { manifest: manifest("mock"), crashes, carry: core.carry(now) };
    Writer::begin(setup, found, start)
}

pub fn manifest(mode: &str) -> Manifest {
    Manifest {
        run_id: "0a1b2c3d".into(),
        mode: mode.into(),
        seed: u64::MAX,
        config_sha256: "ab".repeat(32),
        program: "0.1.0".into(),
    }
}

/// The only file of a folder, or the newest by number.
pub fn newest(dir: &Path) -> PathBuf {
    files(dir).pop().expect("a file")
}

/// The journal's files, oldest first.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let number = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        name.rsplit('-').next().and_then(|n| n.parse::<u64>().ok())
    };
    paths.sort_by_key(number);
    paths
}
