//! Writes the journal: files `<UTC>-<n>.jsonl` of 0600 in a folder of 0700, append only, synced by
//! the group. A failed write or sync is final. Nothing is removed while a process runs.

use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::journal::error::JournalError;
use crate::journal::limits::JournalLimits;
use crate::journal::read::Found;
use crate::journal::record::Chain;
use crate::journal::record::Record;
use crate::journal::record::RecordKind;
use crate::journal::record::encode;
use crate::journal::start::Start;
use crate::journal::text::Names;
use crate::types::calendar::Utc;
use crate::types::ids::OrderId;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Most files that are kept: a crash loop makes small ones.
const MOST_FILES: usize = 1_000;

/// Where lines go. The disk in production; one that fails when it is told to in tests.
pub trait Disk: Send {
    /// Begins a new file that did not exist.
    ///
    /// # Errors
    /// The system's.
    fn create(&mut self, name: &str) -> std::io::Result<()>;
    /// Appends to it, all or an error.
    ///
    /// # Errors
    /// The system's; then part of `bytes` may be there.
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()>;
    /// Makes what was appended survive a loss of power.
    ///
    /// # Errors
    /// The system's; then nothing is known about what was appended since the last one.
    fn sync(&mut self) -> std::io::Result<()>;
}

/// The journal folder.
#[derive(Debug)]
pub struct FolderDisk {
    dir: PathBuf,
    file: Option<File>,
}

impl FolderDisk {
    /// Makes the folder if it is missing.
    ///
    /// # Errors
    /// [`JournalError::Folder`].
    pub fn open(dir: &Path) -> Result<FolderDisk, JournalError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| JournalError::folder(dir, error))?;
        Ok(FolderDisk { dir: dir.to_owned(), file: None })
    }
}

impl Disk for FolderDisk {
    fn create(&mut self, name: &str) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(0o600);
        self.file = Some(options.open(self.dir.join(name))?);
        // The name survives a loss of power only once its folder is synced.
        File::open(&self.dir)?.sync_all()
    }
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }
    fn sync(&mut self) -> std::io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }
}

/// What a writer is made of.
pub struct Setup {
    /// The folder, as messages name it.
    pub dir: PathBuf,
    /// Where lines go.
    pub disk: Box<dyn Disk>,
    /// Names of the run's instruments.
    pub names: Names,
    /// Bounds.
    pub limits: JournalLimits,
}

/// The writing end. After an error it writes nothing more.
pub struct Writer {
    setup: Setup,
    chain: Chain,
    /// The present file.
    name: String,
    number: u64,
    file_bytes: u64,
    /// Bytes of all files of this process.
    run_bytes: u64,
    /// Encoded and not yet handed to the disk.
    buffer: Vec<u8>,
    written: u64,
    synced: u64,
    reserved: OrderId,
    failed: bool,
}

impl Writer {
    /// Begins this process's first file, with what it knows and its first block of order numbers,
    /// and syncs it. Then [`tidy`] may cut and remove what `found` says.
    ///
    /// # Errors
    /// [`JournalError::Folder`] if it takes no file, [`JournalError::Write`].
    pub fn begin(setup: Setup, found: &Found, start: Start) -> Result<Writer, JournalError> {
        let (at, next_order) = (start.carry.at, start.carry.next_order);
        let mut writer = Writer {
            setup,
            chain: found.chain,
            name: String::new(),
            number: found.files.last().map_or(0, |file| file.number),
            file_bytes: 0,
            run_bytes: 0,
            buffer: Vec::new(),
            written: found.chain.seq,
            synced: found.chain.seq,
            reserved: next_order,
            failed: false,
        };
        // A folder that takes no file at all is the run directory's fault, not the disk's.
        writer.next_file(at.wall).map_err(|error| match error {
            JournalError::Write { why, .. } => JournalError::folder(&writer.setup.dir, why),
            other => other,
        })?;
        writer.put(&Record { at, kind: RecordKind::Start(Box::new(start)) })?;
        if let Some(torn) = found.torn.first() {
            let name = torn.path.file_name().unwrap_or_default();
            let (file, bytes) = (name.to_string_lossy().into_owned(), found.torn_bytes());
            writer.put(&Record { at, kind: RecordKind::Truncated { file, bytes } })?;
        }
        writer.reserve(at, next_order)?;
        Ok(writer)
    }

    /// Encodes a record behind the others. It reaches the disk with [`Writer::write`].
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn push(&mut self, record: &Record) -> Result<(), JournalError> {
        let grown = self.file_bytes + self.buffer.len() as u64;
        if grown >= self.setup.limits.max_file_bytes {
            self.sync()?;
            self.next_file(record.at.wall)?;
            self.put(&Record { at: record.at, kind: RecordKind::Next })?;
        }
        self.put(record)
    }

    /// Hands what was pushed to the disk.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn write(&mut self) -> Result<(), JournalError> {
        self.alive()?;
        if self.buffer.is_empty() {
            return Ok(());
        }
        let done = self.setup.disk.append(&self.buffer);
        self.judge("write", done)?;
        self.file_bytes += self.buffer.len() as u64;
        self.run_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.written = self.chain.seq;
        Ok(())
    }

    /// Makes everything that was pushed survive a loss of power.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.write()?;
        if self.synced < self.written {
            let done = self.setup.disk.sync();
            self.judge("sync", done)?;
            self.synced = self.written;
        }
        Ok(())
    }

    /// Reserves a block of order numbers from `next` on, synced.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn reserve(&mut self, at: Now, next: OrderId) -> Result<(), JournalError> {
        let block = self.setup.limits.id_block.max(JournalLimits::LEAST_BLOCK);
        let until = OrderId(next.0.max(self.reserved.0).saturating_add(block));
        self.push(&Record { at, kind: RecordKind::Ids { until } })?;
        self.sync()?;
        self.reserved = until;
        Ok(())
    }

    /// First order number that no synced block covers.
    pub fn reserved(&self) -> OrderId {
        self.reserved
    }
    /// Last record handed to the disk.
    pub fn written(&self) -> u64 {
        self.written
    }
    /// Last record that survives a loss of power.
    pub fn synced(&self) -> u64 {
        self.synced
    }
    /// Bytes of all files of this process.
    pub fn bytes(&self) -> u64 {
        self.run_bytes
    }
    /// True when this process's files have reached the bound.
    pub fn is_full(&self) -> bool {
        self.run_bytes >= self.setup.limits.max_total_bytes
    }
    /// The bounds in force.
    pub fn limits(&self) -> &JournalLimits {
        &self.setup.limits
    }

    fn put(&mut self, record: &Record) -> Result<(), JournalError> {
        self.alive()?;
        let done = encode(record, &mut self.chain, &self.setup.names, &mut self.buffer);
        self.judge("encode a record", done)
    }

    fn next_file(&mut self, wall: WallNs) -> Result<(), JournalError> {
        self.alive()?;
        self.number += 1;
        self.name = format!("{}-{}.jsonl", Utc::of(wall).file(), self.number);
        self.file_bytes = 0;
        let done = self.setup.disk.create(&self.name);
        self.judge("begin a file", done)
    }

    fn alive(&self) -> Result<(), JournalError> {
        if self.failed { Err(self.error("go on", "it failed before")) } else { Ok(()) }
    }

    /// An error is final: after a failed sync nobody knows what the disk has.
    fn judge<E: ToString>(
        &mut self,
        act: &'static str,
        done: Result<(), E>,
    ) -> Result<(), JournalError> {
        done.map_err(|error| {
            self.failed = true;
            self.error(act, error)
        })
    }

    fn error(&self, act: &'static str, why: impl ToString) -> JournalError {
        let file = self.setup.dir.join(&self.name).display().to_string();
        JournalError::Write { file, act, why: why.to_string() }
    }
}

/// Cuts the torn end that `found` names, and removes the oldest files of earlier processes while
/// there are too many or they are larger than the bound. To be called once the new process's first
/// file is synced: nothing before it is needed any more.
///
/// # Errors
/// [`JournalError::Write`].
pub fn tidy(found: &Found, limits: &JournalLimits) -> Result<(), JournalError> {
    for torn in &found.torn {
        let done = match torn.keep {
            0 => std::fs::remove_file(&torn.path),
            keep => cut(&torn.path, keep),
        };
        done.map_err(|error| write_error(&torn.path, "cut the torn end of a file", error))?;
    }
    let mut bytes: u64 = found.files.iter().map(|file| file.bytes).sum();
    let mut count = found.files.len();
    for file in &found.files {
        if bytes <= limits.max_total_bytes && count <= MOST_FILES {
            return Ok(());
        }
        match std::fs::remove_file(&file.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(write_error(&file.path, "remove an old file", error));
            }
            _ => {}
        }
        bytes -= file.bytes;
        count -= 1;
    }
    Ok(())
}

fn cut(path: &Path, keep: u64) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(keep)?;
    file.sync_all()
}

fn write_error(path: &Path, act: &'static str, why: std::io::Error) -> JournalError {
    JournalError::Write { file: path.display().to_string(), act, why: why.to_string() }
}

/// Puts a whole journal folder aside as `<name>.<UTC>`, for runs that start empty. `None` if there
/// is none.
///
/// # Errors
/// [`JournalError::Folder`].
pub fn put_aside(dir: &Path, at: WallNs) -> Result<Option<PathBuf>, JournalError> {
    if !dir.exists() {
        return Ok(None);
    }
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let aside = dir.with_file_name(format!("{name}.{}", Utc::of(at).file()));
    std::fs::rename(dir, &aside).map_err(|error| JournalError::folder(dir, error))?;
    Ok(Some(aside))
}
