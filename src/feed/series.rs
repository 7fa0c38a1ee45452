//! Names of recordings that follow each other: `NAME-000001.rec.gz`, with the marks of a run beside
//! it as `NAME-000001.marks.gz`. A number is used once.

use std::fs;
use std::io;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

/// Digits of a number: names sort like their numbers.
const DIGITS: usize = 6;
/// The last number that a name can carry.
const LAST: u64 = 999_999;
/// Endings of recordings and of the marks beside them, gzip first.
const ENDINGS: [(&str, &str); 2] = [(".rec.gz", ".marks.gz"), (".rec", ".marks")];

/// Where the files of a series lie and what they are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    folder: PathBuf,
    name: String,
    endings: (&'static str, &'static str),
}

/// One file of a series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its number.
    pub number: u64,
    /// The recording.
    pub recording: PathBuf,
    /// The marks beside it.
    pub marks: PathBuf,
    /// Bytes of both.
    pub bytes: u64,
}

impl Series {
    /// From the path that a user gives: `FOLDER/NAME`, `NAME.rec` (plain) or `NAME.rec.gz`.
    pub fn of(path: &Path) -> Option<Series> {
        let file = path.file_name()?.to_str()?;
        let split = ENDINGS.iter().find_map(|ends| Some((file.strip_suffix(ends.0)?, *ends)));
        let (name, endings) = split.unwrap_or((file, ENDINGS[0]));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        (!name.is_empty()).then(|| Series { folder, name: name.to_owned(), endings })
    }
    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// The file of that number.
    pub fn part(&self, number: u64) -> Part {
        let path = |ending| self.folder.join(format!("{}-{number:0DIGITS$}{ending}", self.name));
        let (recording, marks) = (path(self.endings.0), path(self.endings.1));
        Part { number, recording, marks, bytes: 0 }
    }
    /// What there is already, by number; empty without the folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn parts(&self) -> io::Result<Vec<Part>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            numbers.extend(name.to_str().and_then(|file| self.number_of(file)));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let size = |path: &Path| fs::metadata(path).map_or(0, |data| data.len());
        let part = |number| {
            let part = self.part(number);
            Part { bytes: size(&part.recording) + size(&part.marks), ..part }
        };
        Ok(numbers.into_iter().map(part).collect())
    }
    /// The number in a file's name, whatever its ending: plain and gzip share their numbers.
    fn number_of(&self, file: &str) -> Option<u64> {
        let rest = file.strip_prefix(&self.name)?.strip_prefix('-')?;
        let ends = ENDINGS.iter().flat_map(|(recording, marks)| [recording, marks]);
        let digits = ends.into_iter().find_map(|ending| rest.strip_suffix(ending))?;
        let is_number = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    }
    /// The number after the last one in use.
    ///
    /// # Errors
    /// The folder cannot be read; `StorageFull` after the last number there is.
    pub fn next_number(&self) -> io::Result<u64> {
        let next = self.parts()?.last().map_or(1, |part| part.number + 1);
        if next > LAST { Err(ErrorKind::StorageFull.into()) } else { Ok(next) }
    }
}

/// The recordings that these paths name, in the order of time: a folder stands for those in it, by
/// name.
///
/// # Errors
/// A folder cannot be read; `NotFound` for one without a recording; `InvalidInput` for one with
/// recordings of several names.
pub fn recordings(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let found = in_folder(path)?;
        let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        match names.len() {
            0 => return Err(io::Error::new(ErrorKind::NotFound, "no recording in this folder")),
            1 => files.extend(found.into_iter().map(|(_, file)| file)),
            _ => {
                let why = format!("several recordings ({}); name the files", names.join(", "));
                return Err(io::Error::new(ErrorKind::InvalidInput, why));
            }
        }
    }
    Ok(files)
}

/// Name and path of each recording in a folder, sorted.
fn in_folder(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(stem) = ENDINGS.iter().find_map(|ends| file.strip_suffix(ends.0)) else {
            continue;
        };
        let numbered = stem.rsplit_once('-').filter(|(_, number)| number.len() == DIGITS);
        let name = numbered.map_or(stem, |(name, _)| name).to_owned();
        found.push((name, path));
    }
    found.sort();
    Ok(found)
}

/// Where the marks of a recording would lie.
pub fn marks_beside(recording: &Path) -> Option<PathBuf> {
    let file = recording.file_name()?.to_str()?;
    let name = |ends: &(&str, &str)| Some(format!("{}{}", file.strip_suffix(ends.0)?, ends.1));
    ENDINGS.iter().find_map(name).map(|marks| recording.with_file_name(marks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_series_with_or_without_its_ending() {
        let gzip = Series::of(Path::new("tapes/market")).expect("a name");
        assert_eq!(gzip, Series::of(Path::new("tapes/market.rec.gz")).expect("a name"));
        let part = gzip.part(7);
        assert_eq!(part.recording, Path::new("tapes/market-000007.rec.gz"));
        assert_eq!(part.marks, Path::new("tapes/market-000007.marks.gz"));
        assert_eq!(marks_beside(&part.recording), Some(part.marks));
        let plain = Series::of(Path::new("market.rec")).expect("a name");
        assert_eq!(plain.part(1).recording, Path::new("./market-000001.rec"));
        for none in ["", "/", ".."] {
            assert_eq!(Series::of(Path::new(none)), None, "{none}");
        }
    }

    #[test]
    fn every_ending_of_a_number_uses_it_up_and_foreign_names_do_not() {
        let series = Series::of(Path::new("market")).expect("a name");
        for (file, number) in [
            ("market-000012.rec.gz", Some(12)),
            ("market-000012.marks", Some(12)),
            ("market-12.rec.gz", None),
            ("market-000012.rec.gz.bak", None),
            ("markets-000012.rec", None),
            ("market-+00012.rec", None),
        ] {
            assert_eq!(series.number_of(file), number, "{file}");
        }
    }
}
