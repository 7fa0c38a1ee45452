//! Lines that are appended: the series and the events. Files of bounded size, all of them together
//! of bounded size, oldest out first.

use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use crate::telemetry::limits::LongRunLimits;
use crate::telemetry::store::Refuse;
use crate::telemetry::store::Shelf;
use crate::telemetry::store::create;
use crate::telemetry::store::free_path;
use crate::telemetry::store::make;
use crate::types::evidence::EVENTS;
use crate::types::evidence::SERIES;
use crate::types::time::WallNs;

/// A file is followed by a new one at this part of the limit of all of them.
const PARTS: u64 = 8;

/// Which lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lines {
    /// The minutes: `series.jsonl`, full ones beside it as `series_<UTC>.jsonl`.
    Series,
    /// The events: each file has its time in its name from the start.
    Events,
}

impl Lines {
    /// How the names of files with a time in them begin and end.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Lines::Series => ("series_", SERIES.1),
            Lines::Events => EVENTS,
        }
    }
}

/// The files of one kind of lines.
#[derive(Debug)]
pub struct LineFiles {
    kind: Lines,
    folder: PathBuf,
    /// Full ones and those of earlier runs.
    shelf: Shelf,
    max_bytes: u64,
    refuse: Refuse,
    present: Option<Present>,
    /// A file was taken away, and nobody has been told.
    was_taken: bool,
    /// Lines in the files that were removed to make room.
    removed: u64,
}

/// The file that is being written.
#[derive(Debug)]
struct Present {
    file: File,
    path: PathBuf,
    size: u64,
}

impl LineFiles {
    /// Counts what is there.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(kind: Lines, limits: &LongRunLimits, refuse: Refuse) -> io::Result<LineFiles> {
        make(&limits.folder)?;
        let folder = limits.folder.clone();
        let shelf = Shelf::scan(&folder, kind.names())?;
        let max_bytes = limits.max_bytes;
        Ok(LineFiles {
            kind,
            folder,
            shelf,
            max_bytes,
            refuse,
            present: None,
            was_taken: false,
            removed: 0,
        })
    }
    /// Appends a line, all of it or nothing; the newline is added.
    ///
    /// # Errors
    /// The system's. The next line tries again.
    pub fn append(&mut self, wall: WallNs, line: &str) -> io::Result<()> {
        self.refuse.permit()?;
        let size = line.len() as u64 + 1;
        self.turn_over(wall, size)?;
        let held = |this: &LineFiles| {
            this.shelf.bytes + this.present.as_ref().map_or(0, |present| present.size)
        };
        while self.shelf.len() > 0 && held(self) + size > self.max_bytes {
            let lines = self.shelf.oldest().map_or(0, lines_of);
            self.shelf.drop_oldest()?;
            self.removed += lines;
        }
        if self.present.is_none() {
            self.present = Some(self.begin(wall)?);
        }
        let Some(present) = &mut self.present else { return Ok(()) };
        let written = present.file.write_all(format!("{line}\n").as_bytes());
        match written {
            Ok(()) => present.size += size,
            // A part may be there. If it cannot be cut off either, the next line begins a new file.
            Err(_) if present.file.set_len(present.size).is_ok() => {}
            Err(_) => self.close(wall)?,
        }
        written
    }

    /// True if the file that was written is not where it should be. Tells it once.
    pub const fn take_taken(&mut self) -> bool {
        std::mem::replace(&mut self.was_taken, false)
    }
    /// Lines that were removed to make room, so far.
    pub const fn removed(&self) -> u64 {
        self.removed
    }

    /// Closes a file that is full, or that somebody has removed or moved away, alone or with its
    /// folder: lines in it would be lost, and would still take room.
    fn turn_over(&mut self, wall: WallNs, size: u64) -> io::Result<()> {
        let Some(present) = &self.present else { return Ok(()) };
        let open = present.file.metadata()?;
        let is_there = |there: &Metadata| (there.dev(), there.ino()) == (open.dev(), open.ino());
        if !fs::symlink_metadata(&present.path).as_ref().is_ok_and(is_there) {
            (self.present, self.was_taken) = (None, true);
        } else if present.size > 0 && present.size + size > self.max_bytes / PARTS {
            self.close(wall)?;
        }
        Ok(())
    }
    fn close(&mut self, wall: WallNs) -> io::Result<()> {
        let Some(Present { path, size, .. }) = self.present.take() else { return Ok(()) };
        match self.kind {
            Lines::Series => self.put_aside(wall),
            Lines::Events => {
                self.shelf.push(path, size);
                Ok(())
            }
        }
    }
    fn begin(&mut self, wall: WallNs) -> io::Result<Present> {
        make(&self.folder)?;
        let path = match self.kind {
            Lines::Series => {
                self.put_aside(wall)?;
                self.series()
            }
            Lines::Events => free_path(&self.folder, EVENTS, wall),
        };
        Ok(Present { file: create(&path)?, path, size: 0 })
    }
    fn series(&self) -> PathBuf {
        self.folder.join(format!("{}{}", SERIES.0, SERIES.1))
    }
    /// Gives the series that is there a name of its own: a full one, or that of an earlier run. If
    /// a kill tore its last line, that stays its last one.
    fn put_aside(&mut self, wall: WallNs) -> io::Result<()> {
        let Ok(there) = fs::symlink_metadata(self.series()) else { return Ok(()) };
        let aside = free_path(&self.folder, self.kind.names(), wall);
        fs::rename(self.series(), &aside)?;
        self.shelf.push(aside, there.len());
        Ok(())
    }
}

/// Lines of a file; 0 of one that cannot be read.
fn lines_of(path: &Path) -> u64 {
    let Ok(file) = File::open(path) else { return 0 };
    let bytes = BufReader::new(file).bytes().map_while(Result::ok);
    bytes.fold(0, |lines, byte| lines + u64::from(byte == b'\n'))
}
