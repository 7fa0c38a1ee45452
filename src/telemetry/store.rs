//! The files of a run's evidence: snapshots whole or absent, lines in files of bounded size.
//!
//! One process at a time writes a folder (the instance lock sees to it). Nothing is overwritten:
//! a name that is taken moves on by a microsecond, also when the wall clock goes back. What is too
//! old or too much is removed, oldest first.

use std::collections::VecDeque;
use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::telemetry::limits::LongRunLimits;
use crate::types::calendar::Utc;
use crate::types::evidence::SNAPSHOTS;
use crate::types::time::WallNs;

/// A snapshot that is being written. The reader does not know this name, the next start removes it.
const UNFINISHED: &str = ".snapshot.tmp";

/// Files of one kind, oldest first, with their sizes.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    files: VecDeque<(PathBuf, u64)>,
    pub(super) bytes: u64,
}

impl Shelf {
    /// What the folder holds under names that begin and end like this.
    pub(super) fn scan(folder: &Path, (begin, end): (&str, &str)) -> io::Result<Shelf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let data = entry.metadata()?;
            if name.starts_with(begin) && name.ends_with(end) && data.is_file() {
                files.push((entry.path(), data.len()));
            }
        }
        files.sort();
        let bytes = files.iter().map(|(_, size)| size).sum();
        Ok(Shelf { files: files.into(), bytes })
    }
    pub(super) fn push(&mut self, path: PathBuf, size: u64) {
        self.files.push_back((path, size));
        self.bytes += size;
    }
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }
    pub(super) fn oldest(&self) -> Option<&Path> {
        self.files.front().map(|(path, _)| path.as_path())
    }
    /// Removes the oldest file; one that is gone already counts as removed.
    pub(super) fn drop_oldest(&mut self) -> io::Result<()> {
        let Some((path, size)) = self.files.front() else { return Ok(()) };
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.bytes -= size;
        self.files.pop_front();
        Ok(())
    }
}

/// Whether writing works, or is refused on purpose: fault injection raises it to play a full disk.
#[derive(Clone, Debug, Default)]
pub struct Refuse(pub Arc<AtomicBool>);

impl Refuse {
    /// # Errors
    /// As a full disk does.
    pub(super) fn permit(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

/// The snapshots of a folder.
#[derive(Debug)]
pub struct SnapshotStore {
    folder: PathBuf,
    shelf: Shelf,
    max_snapshots: usize,
    max_bytes: u64,
    refuse: Refuse,
    /// Snapshots removed because the disk was full.
    sacrificed: u64,
    /// The last one made no room: the disk is full of something else.
    is_in_vain: bool,
}

impl SnapshotStore {
    /// Makes the folder if it is missing, removes what a killed process left unfinished, counts
    /// what is there.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(limits: &LongRunLimits, refuse: Refuse) -> io::Result<SnapshotStore> {
        make(&limits.folder)?;
        remove_if_there(&limits.folder.join(UNFINISHED))?;
        Ok(SnapshotStore {
            shelf: Shelf::scan(&limits.folder, SNAPSHOTS)?,
            folder: limits.folder.clone(),
            max_snapshots: limits.max_snapshots.max(1),
            max_bytes: limits.max_bytes,
            refuse,
            sacrificed: 0,
            is_in_vain: false,
        })
    }
    /// Writes a snapshot under the name of its time and makes it survive a loss of power, or leaves
    /// nothing of it behind. On a full disk the oldest snapshot goes for it, and no more of them
    /// if that made no room.
    ///
    /// # Errors
    /// The system's.
    pub fn keep(&mut self, wall: WallNs, text: &[u8]) -> io::Result<()> {
        let size = text.len() as u64;
        let mut kept = self.make_room(size).and_then(|()| self.write(wall, text));
        let full =
            |e: &io::Error| matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        if kept.as_ref().is_err_and(full) && self.sacrifice() {
            kept = self.write(wall, text);
            self.is_in_vain = kept.is_err();
        }
        let path = kept?;
        self.is_in_vain = false;
        self.shelf.push(path, size);
        Ok(())
    }
    /// Snapshots removed because the disk was full, so far.
    pub const fn sacrificed(&self) -> u64 {
        self.sacrificed
    }
    /// Snapshots in the folder, and their bytes.
    pub fn held(&self) -> (usize, u64) {
        (self.shelf.len(), self.shelf.bytes)
    }

    fn make_room(&mut self, size: u64) -> io::Result<()> {
        let is_full = |shelf: &Shelf| {
            shelf.len() >= self.max_snapshots || shelf.bytes + size > self.max_bytes
        };
        while self.shelf.len() > 0 && is_full(&self.shelf) {
            self.shelf.drop_oldest()?;
        }
        Ok(())
    }
    /// Gives the oldest snapshot up, unless it is the only one or the last one helped nothing.
    fn sacrifice(&mut self) -> bool {
        let gone = !self.is_in_vain && self.shelf.len() > 1 && self.shelf.drop_oldest().is_ok();
        self.sacrificed += u64::from(gone);
        gone
    }
    fn write(&self, wall: WallNs, text: &[u8]) -> io::Result<PathBuf> {
        self.refuse.permit()?;
        make(&self.folder)?;
        let unfinished = self.folder.join(UNFINISHED);
        remove_if_there(&unfinished)?;
        let path = free_path(&self.folder, SNAPSHOTS, wall);
        let written = put(&unfinished, text).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            // Its own error is worth more than that of tidying up behind it.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        File::open(&self.folder)?.sync_all()?;
        Ok(path)
    }
}

fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// A new file for its owner only. What stands there already is not touched, a symbolic link is not
/// followed.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
}

/// The folder and those above it.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The first name from this time on that nothing has.
pub(super) fn free_path(folder: &Path, (begin, end): (&str, &str), wall: WallNs) -> PathBuf {
    let mut wall = wall;
    loop {
        let path = folder.join(format!("{begin}{}{end}", Utc::of(wall).file()));
        // As many steps at most as there are files.
        if fs::symlink_metadata(&path).is_err() {
            return path;
        }
        wall = WallNs(wall.0.saturating_add(1_000));
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_new_whatever_stands_in_its_place() {
        let folder = std::env::temp_dir().join(format!("arb-store-{}", std::process::id()));
        make(&folder).expect("a folder");
        let (file, link) = (folder.join("file"), folder.join("link"));
        fs::write(&file, "precious").expect("written");
        std::os::unix::fs::symlink(folder.join("nowhere"), &link).expect("planted");
        for path in [&file, &link] {
            assert_eq!(create(path).map_err(|e| e.kind()).err(), Some(ErrorKind::AlreadyExists));
        }
        fs::remove_dir_all(&folder).expect("removed");
    }
}
