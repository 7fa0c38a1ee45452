//! The files of a recording while it grows: the next one begins at a size or an age, the oldest of
//! the series goes when they take too much room.

use std::collections::VecDeque;
use std::fs;
use std::fs::DirBuilder;
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::feed::reel::Refuse;
use crate::feed::reel::TapeFile;
use crate::feed::series::Part;
use crate::feed::series::Series;
use crate::feed::wire_text::RunningSum;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::types::time::WallNs;

/// How large, how old, how much.
#[derive(Clone, Debug)]
pub struct SpoolLimits {
    /// Where the files lie and what they are called.
    pub series: Series,
    /// A file of this many bytes on disk is followed by the next.
    pub rotate_bytes: u64,
    /// So is one that old.
    pub rotate_after: DurNs,
    /// Most bytes of all files of the series, those of earlier runs and the one that is begun
    /// included; the oldest go. The file that is written stays.
    pub max_bytes: u64,
    /// Most files of the series, likewise.
    pub max_files: usize,
}

/// The files.
#[derive(Debug)]
pub struct Spool {
    limits: SpoolLimits,
    refuse: Refuse,
    /// First lines of the first marks file; `None` without marks.
    head: Option<Vec<String>>,
    /// When the recording began: names the run in its marks.
    run: WallNs,
    /// Files of this recording so far.
    parts: u64,
    present: Present,
    /// Complete ones, of earlier runs too, oldest first.
    older: VecDeque<Part>,
    /// Bytes of this recording's complete files.
    ended_bytes: u64,
}

#[derive(Debug)]
struct Present {
    part: Part,
    lines: TapeFile,
    marks: Option<Marks>,
    begun: MonoNs,
    has_lines: bool,
}

/// Marks, and their sum with each flush: a changed mark need not change a decision, but it is
/// found.
#[derive(Debug)]
struct Marks {
    file: TapeFile,
    sum: RunningSum,
    is_summed: bool,
}

impl Spool {
    /// Makes the folder and begins the first file behind those that are there.
    ///
    /// # Errors
    /// The system's.
    pub fn begin(
        limits: SpoolLimits,
        head: Option<Vec<String>>,
        (refuse, now): (Refuse, Now),
    ) -> io::Result<Spool> {
        DirBuilder::new().recursive(true).mode(0o700).create(limits.series.folder())?;
        let older: VecDeque<Part> = limits.series.parts()?.into();
        let part = limits.series.part(limits.series.next_number()?);
        let present = Present::begin(part, head.is_some(), (&refuse, now.mono))?;
        let run = now.wall;
        let mut spool =
            Spool { limits, refuse, head, run, parts: 1, present, older, ended_bytes: 0 };
        spool.put_head()?;
        spool.make_room()?;
        Ok(spool)
    }
    /// The recording that is being written.
    pub fn path(&self) -> &Path {
        &self.present.part.recording
    }
    /// Bytes that this recording took on disk so far.
    pub fn bytes(&self) -> u64 {
        self.ended_bytes + self.present.bytes()
    }
    /// Appends whole lines to the recording.
    ///
    /// # Errors
    /// The system's; the recording should end then.
    pub fn put_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.present.has_lines = true;
        self.present.lines.write(lines)
    }
    /// Appends whole lines to the marks beside it.
    ///
    /// # Errors
    /// The same.
    pub fn put_marks(&mut self, lines: &[u8]) -> io::Result<()> {
        match &mut self.present.marks {
            Some(marks) if !lines.is_empty() => marks.put(lines),
            _ => Ok(()),
        }
    }
    /// Hands everything to the system.
    ///
    /// # Errors
    /// The same.
    pub fn flush(&mut self) -> io::Result<()> {
        self.present.lines.flush()?;
        self.present.marks.as_mut().map_or(Ok(()), Marks::flush)
    }
    /// Begins the next file if this one holds lines and is large or old enough, and removes the
    /// oldest. Called when there are lines to write: no file stays empty for long.
    ///
    /// # Errors
    /// The same.
    pub fn turn_over(&mut self, now: MonoNs) -> io::Result<()> {
        let age = now.since(self.present.begun);
        let is_over =
            self.present.bytes() >= self.limits.rotate_bytes || age >= self.limits.rotate_after;
        if !is_over || !self.present.has_lines {
            return Ok(());
        }
        // Whoever else writes here took no number of ours.
        let next = self.limits.series.next_number()?.max(self.present.part.number + 1);
        let has_marks = self.head.is_some();
        let begun = Present::begin(self.limits.series.part(next), has_marks, (&self.refuse, now))?;
        let ended = std::mem::replace(&mut self.present, begun).end()?;
        self.ended_bytes += ended.bytes;
        self.older.push_back(ended);
        self.parts += 1;
        self.put_head()?;
        self.make_room()
    }
    /// Ends the last file; the bytes that this recording took on disk.
    ///
    /// # Errors
    /// The same.
    pub fn end(self) -> io::Result<u64> {
        Ok(self.ended_bytes + self.present.end()?.bytes)
    }

    fn put_head(&mut self) -> io::Result<()> {
        let Some(head) = &self.head else { return Ok(()) };
        let mut text = format!("marks 1 {} {}\n", self.run.0, self.parts);
        for line in head.iter().filter(|_| self.parts == 1) {
            text.push_str(line);
            text.push('\n');
        }
        self.put_marks(text.as_bytes())
    }
    fn make_room(&mut self) -> io::Result<()> {
        let held = |spool: &Spool| {
            spool.present.bytes() + spool.older.iter().map(|part| part.bytes).sum::<u64>()
        };
        while !self.older.is_empty()
            && (held(self).saturating_add(self.limits.rotate_bytes) > self.limits.max_bytes
                || self.older.len() >= self.limits.max_files)
        {
            if let Some(oldest) = self.older.pop_front() {
                remove(&oldest.recording)?;
                remove(&oldest.marks)?;
                log::info!("{}: removed to make room", oldest.recording.display());
            }
        }
        Ok(())
    }
}

impl Present {
    fn begin(part: Part, has_marks: bool, (refuse, now): (&Refuse, MonoNs)) -> io::Result<Present> {
        let begin = |path: &Path| TapeFile::begin(path, Refuse::clone(refuse));
        let lines = begin(&part.recording)?;
        let new = |file| Marks { file, sum: RunningSum::default(), is_summed: true };
        let marks = if has_marks { Some(begin(&part.marks).map(new)?) } else { None };
        Ok(Present { part, lines, marks, begun: now, has_lines: false })
    }
    fn bytes(&self) -> u64 {
        self.lines.bytes() + self.marks.as_ref().map_or(0, |marks| marks.file.bytes())
    }
    fn end(self) -> io::Result<Part> {
        let mut bytes = self.lines.end()?;
        if let Some(mut marks) = self.marks {
            marks.flush()?;
            bytes += marks.file.end()?;
        }
        Ok(Part { bytes, ..self.part })
    }
}

impl Marks {
    fn put(&mut self, lines: &[u8]) -> io::Result<()> {
        self.is_summed = false;
        self.sum.add(lines);
        self.file.write(lines)
    }
    fn flush(&mut self) -> io::Result<()> {
        if !self.is_summed {
            self.is_summed = true;
            self.file.write(format!("s {:08x}\n", self.sum.value()).as_bytes())?;
        }
        self.file.flush()
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
