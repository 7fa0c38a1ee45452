//! Reads a journal back: every file is checked from the first record to the last, and the records
//! since the last start are handed out. A torn end is found and left to be cut; anything else that
//! is wrong is refused.
//!
//! 1. A record counts if its checksum holds and it follows the one before it.
//! 2. What comes after the first record that does not count is torn if no record in it proves
//!    itself: that is how a process that was killed in a write leaves its file.
//! 3. If one does, something in the middle is damaged or missing, and nothing is guessed.
//! 4. A torn end that an earlier start cut, or meant to cut, is followed by that start's record,
//!    whose place in the chain shows that nothing is missing.

use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use crate::journal::error::JournalError;
use crate::journal::record::BEFORE_CRC;
use crate::journal::record::Chain;
use crate::journal::record::Frame;
use crate::journal::record::LINE_BYTES;
use crate::journal::record::Record;
use crate::journal::record::RecordKind;
use crate::journal::record::frame;
use crate::journal::start::Manifest;
use crate::journal::text::Names;
use crate::types::time::DurNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// Most bytes behind a bad record that are searched for good ones; more are taken for damage,
/// because no write that a kill can tear is that long.
const MOST_TORN: u64 = 256 << 20;

/// Takes each record since the last start, that start first. An error ends the reading.
pub type Visit<'v> = dyn FnMut(&Record) -> Result<(), String> + 'v;

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Where the chain goes on.
    pub chain: Chain,
    /// The last process that wrote here; `None` in a new folder.
    pub last: Option<LastRun>,
    /// Its records, the start included.
    pub records: u64,
    /// The torn end, if there is one, oldest file first.
    pub torn: Vec<Torn>,
    /// Every file, oldest first.
    pub files: Vec<JournalFile>,
}

/// The last process that wrote to a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastRun {
    /// Which run it was.
    pub manifest: Manifest,
    /// When it began.
    pub began: Now,
    /// True if its last record is a stop.
    pub stopped: bool,
    /// Starts before it that ended without a stop, as it knew them.
    pub crashes: Vec<WallNs>,
}

/// Bytes of a file that are no records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// Which file.
    pub path: PathBuf,
    /// Length of its good part.
    pub keep: u64,
    /// Bytes behind it.
    pub bytes: u64,
}

/// One file of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalFile {
    /// Its number, ascending without regard to the wall clock.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

impl Found {
    /// Bytes that are cut.
    pub fn torn_bytes(&self) -> u64 {
        self.torn.iter().map(|torn| torn.bytes).sum()
    }
    /// That the journal is of a run of this mode, or empty.
    ///
    /// # Errors
    /// [`JournalError::OtherMode`].
    pub fn check_mode(&self, dir: &Path, wanted: &str) -> Result<(), JournalError> {
        match &self.last {
            Some(last) if last.manifest.mode != wanted => Err(JournalError::OtherMode {
                path: dir.to_owned(),
                was: last.manifest.mode.clone(),
                wanted: wanted.to_owned(),
            }),
            _ => Ok(()),
        }
    }
    /// When processes began that ended without a stop, within `window` before `now`: the crash
    /// loop guard counts them.
    pub fn crashes_since(&self, now: WallNs, window: DurNs) -> Vec<WallNs> {
        let Some(last) = self.last.as_ref().filter(|last| !last.stopped) else { return Vec::new() };
        let all = last.crashes.iter().copied().chain([last.began.wall]);
        all.filter(|at| now.0.saturating_sub(at.0) < window.0).collect()
    }
}

/// Reads the folder `dir`; a missing one is an empty one. Nothing is changed.
///
/// # Errors
/// [`JournalError::Damaged`], [`JournalError::Refused`] (also what `visit` answers),
/// [`JournalError::Unreadable`], [`JournalError::Folder`].
pub fn read_back(dir: &Path, names: &Names, visit: &mut Visit<'_>) -> Result<Found, JournalError> {
    let files = files_in(dir)?;
    let base = last_start(&files)?;
    let mut walk = Walk { found: Found::default(), names, visit, tear: None, linked: false, base };
    for (index, file) in files.iter().enumerate() {
        walk.read_file(index, file)?;
    }
    let mut found = walk.found;
    if base.is_none() && walk.linked {
        let path = files.first().map_or(dir.to_owned(), |file| file.path.clone());
        let why = "no file begins with a start record".to_owned();
        return Err(JournalError::Damaged { path, line: 1, why });
    }
    if let Some(tear) = walk.tear {
        let torn = files[tear.index..].iter().enumerate().map(|(at, file)| {
            let keep = if at == 0 { tear.offset } else { 0 };
            Torn { path: file.path.clone(), keep, bytes: file.bytes.saturating_sub(keep) }
        });
        found.torn = torn.filter(|torn| torn.bytes > 0 || torn.keep == 0).collect();
    }
    found.files = files;
    Ok(found)
}

/// The journal's files, oldest first. Other files in the folder are left alone.
fn files_in(dir: &Path) -> Result<Vec<JournalFile>, JournalError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(JournalError::folder(dir, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| JournalError::folder(dir, error))?;
        let path = entry.path();
        let Some(number) = number_of(&path) else { continue };
        let bytes = entry.metadata().map_err(|e| JournalError::unreadable(&path, e))?.len();
        files.push(JournalFile { number, path, bytes });
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

/// `…-<number>.jsonl`.
fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    name.rsplit_once('-')?.1.parse().ok()
}

/// The newest file that begins with a start record.
fn last_start(files: &[JournalFile]) -> Result<Option<usize>, JournalError> {
    for (index, file) in files.iter().enumerate().rev() {
        let mut lines = Lines::open(&file.path)?;
        let is_start = lines.next()?.is_some_and(|line| {
            line.is_whole && frame(line.bytes).is_some_and(|frame| frame.is_start())
        });
        if is_start {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

struct Walk<'w, 'v> {
    found: Found,
    names: &'w Names,
    visit: &'w mut Visit<'v>,
    tear: Option<Tear>,
    /// False before the first record that counts.
    linked: bool,
    base: Option<usize>,
}

/// The first place where records stop to count.
struct Tear {
    index: usize,
    path: PathBuf,
    offset: u64,
    line: u64,
}

impl Walk<'_, '_> {
    fn read_file(&mut self, index: usize, file: &JournalFile) -> Result<(), JournalError> {
        let mut lines = Lines::open(&file.path)?;
        while let Some(line) = lines.next()? {
            let (offset, number) = (line.offset, line.number);
            let found = frame(line.bytes).filter(|_| line.is_whole);
            match found {
                Some(frame) => self.take(&frame, (index, file), number)?,
                None => {
                    // Two records whose newline was lost look like one bad line.
                    let hides = contains_record(line.bytes.get(1..).unwrap_or_default());
                    let path = file.path.clone();
                    let tear = Tear { index, path, offset, line: number };
                    let tear = self.tear.get_or_insert(tear);
                    if hides || lines.rest_has_record()? {
                        return Err(tear.damage("its checksum does not hold"));
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        frame: &Frame<'_>,
        at: (usize, &JournalFile),
        line: u64,
    ) -> Result<(), JournalError> {
        let (index, file) = at;
        let follows = !self.linked || frame.follows(self.found.chain);
        if let Some(tear) = &self.tear {
            if !(frame.is_start() && line == 1 && frame.follows(self.found.chain)) {
                return Err(tear.damage("its checksum does not hold"));
            }
            self.tear = None;
        }
        if !follows {
            let (last, this) = (self.found.chain.seq, frame.link.seq);
            let why = format!("record {this} stands behind record {last} and does not follow it");
            return Err(JournalError::Damaged { path: file.path.clone(), line, why });
        }
        self.linked = true;
        self.found.chain = frame.link;
        if self.base.is_none_or(|base| index < base) {
            return Ok(());
        }
        let refused = |why: String| JournalError::Refused { path: file.path.clone(), line, why };
        let record = frame.record(self.names).map_err(|error| refused(error.to_string()))?;
        self.note(&record);
        (self.visit)(&record).map_err(refused)
    }

    fn note(&mut self, record: &Record) {
        self.found.records += 1;
        if let RecordKind::Start(start) = &record.kind {
            self.found.records = 1;
            self.found.last = Some(LastRun {
                manifest: start.manifest.clone(),
                began: record.at,
                stopped: false,
                crashes: start.crashes.clone(),
            });
        }
        if let Some(last) = &mut self.found.last {
            last.stopped = record.kind == RecordKind::Stop;
        }
    }
}

impl Tear {
    fn damage(&self, why: &str) -> JournalError {
        let why = format!("{why}, and valid records follow it");
        JournalError::Damaged { path: self.path.clone(), line: self.line, why }
    }
}

/// The lines of one file.
struct Lines {
    reader: BufReader<File>,
    path: PathBuf,
    line: Vec<u8>,
    offset: u64,
    number: u64,
}

/// One line without its newline.
struct Line<'l> {
    bytes: &'l [u8],
    /// False if the newline is missing or the line is too long.
    is_whole: bool,
    offset: u64,
    /// From 1.
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Lines, JournalError> {
        let file = File::open(path).map_err(|error| JournalError::unreadable(path, error))?;
        let (reader, path) = (BufReader::new(file), path.to_owned());
        Ok(Lines { reader, path, line: Vec::new(), offset: 0, number: 0 })
    }
    fn next(&mut self) -> Result<Option<Line<'_>>, JournalError> {
        self.line.clear();
        let mut bounded = (&mut self.reader).take(LINE_BYTES as u64 + 1);
        let read = bounded.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| JournalError::unreadable(&self.path, error))? as u64;
        if read == 0 {
            return Ok(None);
        }
        let offset = self.offset;
        self.offset += read;
        self.number += 1;
        let whole = self.line.strip_suffix(b"\n");
        let bytes = whole.unwrap_or(&self.line);
        Ok(Some(Line { bytes, is_whole: whole.is_some(), offset, number: self.number }))
    }
    fn rest_has_record(&mut self) -> Result<bool, JournalError> {
        let mut rest = Vec::new();
        let mut bounded = (&mut self.reader).take(MOST_TORN + 1);
        let read = bounded.read_to_end(&mut rest);
        let read = read.map_err(|error| JournalError::unreadable(&self.path, error))? as u64;
        Ok(read > MOST_TORN || contains_record(&rest))
    }
}

/// True if a record that proves itself begins anywhere in `bytes`.
fn contains_record(bytes: &[u8]) -> bool {
    let begins = |at: &usize| bytes[*at..].starts_with(BEFORE_CRC);
    (0..bytes.len()).filter(begins).any(|at| {
        let line = bytes[at..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        frame(line).is_some()
    })
}
