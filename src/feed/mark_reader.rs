//! Reader of the marks beside a recording, over all its files.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::feed::mark_text::Entry;
use crate::feed::mark_text::entry;
use crate::feed::text_reader::Line;
use crate::feed::text_reader::LineFault;
use crate::feed::text_reader::Lines;
use crate::feed::wire_text::RunningSum;

/// Longest line: the rule of an instrument with a whole tick table.
const LINE_BYTES: usize = 8_192;
/// Most lines of a head.
const HEAD_LINES: usize = 256;

/// Why marks cannot be read on from here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MarkFault {
    /// Not the format.
    #[error("line {line}: not a mark")]
    Format {
        /// From 1.
        line: u64,
    },
    /// The file ends early, as after a kill, or cannot be read.
    #[error("line {line}: {why}")]
    Cut {
        /// From 1.
        line: u64,
        /// How.
        why: LineFault,
    },
    /// The first file is not the first of its recording: an exact repetition has to begin where
    /// the run began.
    #[error("these marks begin with part {part} of their run; part 1 is needed")]
    NotTheFirst {
        /// Which part it is.
        part: u64,
    },
    /// A file of the recording is missing before this one.
    #[error("part {part} of the run follows part {after}")]
    PartMissing {
        /// Which part it is.
        part: u64,
        /// Which came before.
        after: u64,
    },
    /// The lines are not those that were written.
    #[error("line {line}: a line before this one was changed")]
    Changed {
        /// From 1.
        line: u64,
    },
    /// These are files of several runs.
    #[error("{file} begins another run: name the files of one run only")]
    OtherRun {
        /// The first one of the other run.
        file: String,
    },
}

/// Marks that are being read.
pub struct MarkReader {
    lines: Lines,
    path: PathBuf,
    rest: VecDeque<PathBuf>,
    /// Lines read of this file.
    count: u64,
    origin: Option<Origin>,
    line: Vec<u8>,
    sum: RunningSum,
    head: Vec<String>,
    /// An entry that ended the head.
    first: Option<Entry>,
}

impl MarkReader {
    /// Opens the files of one run and reads their head.
    ///
    /// # Errors
    /// Opening a file fails; in the second result, what is wrong with its beginning.
    pub fn open(paths: &[PathBuf]) -> io::Result<Result<MarkReader, MarkFault>> {
        if let Err(fault) = all_follow(paths)? {
            return Ok(Err(fault));
        }
        let mut rest: VecDeque<PathBuf> = paths.iter().cloned().collect();
        let path = rest.pop_front().ok_or(io::ErrorKind::NotFound)?;
        let lines = Lines::open(&path)?;
        let mut reader = MarkReader {
            lines,
            path,
            rest,
            count: 0,
            origin: None,
            line: Vec::new(),
            sum: RunningSum::default(),
            head: Vec::new(),
            first: None,
        };
        Ok(reader.read_head().map(|()| reader))
    }
    /// The lines of the head behind the first.
    pub fn head(&self) -> &[String] {
        &self.head
    }
    /// The file that the latest entry, or the fault, is in.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The line of the latest entry, from 1.
    pub const fn line(&self) -> u64 {
        self.count
    }

    /// The next entry; `None` at the end of the last file.
    ///
    /// # Errors
    /// [`MarkFault`]. Everything before it was good.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, MarkFault> {
        if let Some(entry) = self.first.take() {
            return Ok(Some(entry));
        }
        while !self.read_line()? {
            let Some(next) = self.rest.pop_front() else { return Ok(None) };
            (self.path, self.count, self.sum) = (next, 0, RunningSum::default());
            let opened = Lines::open(&self.path);
            let cut =
                |error: io::Error| MarkFault::Cut { line: 1, why: LineFault::Io(error.kind()) };
            self.lines = opened.map_err(cut)?;
            self.begin_part()?;
        }
        self.text().and_then(entry).map(Some).ok_or(MarkFault::Format { line: self.count })
    }

    fn read_head(&mut self) -> Result<(), MarkFault> {
        self.begin_part()?;
        while self.read_line()? {
            let format = MarkFault::Format { line: self.count };
            let text = self.text().ok_or(format.clone())?.to_owned();
            self.first = entry(&text);
            if self.first.is_some() {
                return Ok(());
            }
            if self.head.len() == HEAD_LINES {
                return Err(format);
            }
            self.head.push(text);
        }
        Ok(())
    }

    /// The first line of a file. An empty one was begun and never written to.
    fn begin_part(&mut self) -> Result<(), MarkFault> {
        if !self.read_line()? {
            return Ok(());
        }
        let format = MarkFault::Format { line: self.count };
        let next = self.text().and_then(Origin::of).ok_or(format)?;
        self.origin = Some(next.follows(self.origin, &self.path)?);
        Ok(())
    }

    /// False at the end of the file. A line without a newline was cut: it may say something else.
    /// Sums are compared on the way.
    fn read_line(&mut self) -> Result<bool, MarkFault> {
        loop {
            let line = self.count + 1;
            let read = self.lines.next_line(&mut self.line, LINE_BYTES);
            match read.map_err(|why| MarkFault::Cut { line, why })? {
                Line::End => return Ok(false),
                Line::Unfinished => {
                    let why = LineFault::Io(io::ErrorKind::UnexpectedEof);
                    return Err(MarkFault::Cut { line, why });
                }
                Line::Whole => self.count = line,
            }
            let Some(sum) = self.line.strip_prefix(b"s ") else { break };
            if sum != format!("{:08x}", self.sum.value()).as_bytes() {
                return Err(MarkFault::Changed { line });
            }
        }
        self.sum.add(&self.line);
        self.sum.add(b"\n");
        Ok(true)
    }
    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.line).ok()
    }
}

/// Where a file says that it belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Origin {
    run: u64,
    part: u64,
}

impl Origin {
    fn of(line: &str) -> Option<Origin> {
        let (run, part) = line.strip_prefix("marks 1 ")?.split_once(' ')?;
        Some(Origin { run: run.parse().ok()?, part: part.parse().ok()? })
    }
    fn follows(self, last: Option<Origin>, path: &Path) -> Result<Origin, MarkFault> {
        let part = self.part;
        match last {
            None if part != 1 => Err(MarkFault::NotTheFirst { part }),
            None => Ok(self),
            Some(last) if last.run != self.run => {
                Err(MarkFault::OtherRun { file: path.display().to_string() })
            }
            Some(Origin { part: after, .. }) if part != after + 1 => {
                Err(MarkFault::PartMissing { part, after })
            }
            Some(_) => Ok(self),
        }
    }
}

/// Looks at the first line of each file: a missing one is told by its number, before anything is
/// repeated. One that cannot be read is left to the reading.
fn all_follow(paths: &[PathBuf]) -> io::Result<Result<(), MarkFault>> {
    let (mut last, mut line) = (None, Vec::new());
    for path in paths {
        let read = Lines::open(path)?.next_line(&mut line, LINE_BYTES);
        let text = std::str::from_utf8(&line).ok().filter(|_| read == Ok(Line::Whole));
        let Some(origin) = text.and_then(Origin::of) else { continue };
        match origin.follows(last, path) {
            Ok(origin) => last = Some(origin),
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(Ok(()))
}
