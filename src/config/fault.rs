//! A fault of the configuration, and how it is shown: place, key, line, caret, range, fix.

use std::fmt;

use crate::config::scan::Mark;

/// Faults that are shown; more are counted.
const SHOWN: usize = 100;
/// Longest part of a line that is shown.
const SHOWN_COLUMNS: usize = 160;
/// A line that has one of these and a value is never shown.
const SECRET_WORDS: [&str; 6] = ["api_key", "api_secret", "bot_token", "chat_id", "passw", "@"];

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// The file, at this place.
    File(Mark),
    /// The file as a whole, or a value that is not written anywhere.
    Whole,
    /// This environment variable.
    Variable(String),
    /// This command-line flag.
    Flag(String),
}

/// One fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Path of the key, empty for the file as a whole.
    pub path: String,
    /// Where it stands.
    pub place: Place,
    /// What is wrong: "must be 1..=1000 cycles, got 0".
    pub what: String,
    /// How to mend it.
    pub fix: String,
}

/// All faults of one configuration, with what is needed to show them. Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Faults {
    /// Name of the file, as the user wrote it; "built-in defaults" without one.
    pub name: String,
    /// Lines of the file.
    pub lines: Vec<String>,
    /// The faults, in the order of the file.
    pub list: Vec<Fault>,
}

impl Faults {
    /// Exit code of every configuration fault.
    pub const EXIT_CODE: u8 = 78;

    /// A single fault of the file as a whole.
    pub fn whole(name: &str, what: String, fix: &str) -> Faults {
        let fault = Fault { path: String::new(), place: Place::Whole, what, fix: fix.to_owned() };
        Faults { name: name.to_owned(), lines: Vec::new(), list: vec![fault] }
    }

    fn write_one(&self, fault: &Fault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { path, what, fix, .. } = fault;
        match &fault.place {
            Place::File(mark) => {
                let Mark { line, column } = mark;
                writeln!(f, "error: {}:{line}:{column}  {path}", self.name)?;
                self.write_line(*mark, what, f)?;
            }
            Place::Whole => writeln!(f, "error: {}  {path}\n  {what}", self.name)?,
            Place::Variable(name) => writeln!(f, "error: environment {name}  {path}\n  {what}")?,
            Place::Flag(name) => writeln!(f, "error: flag {name}  {path}\n  {what}")?,
        }
        writeln!(f, "  = fix: {fix}")
    }

    fn write_line(&self, mark: Mark, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = mark.line.to_string();
        let margin = " ".repeat(number.len());
        let text = self.lines.get(mark.line.saturating_sub(1)).map_or("", String::as_str);
        let column = mark.column.saturating_sub(1);
        writeln!(f, "{margin} |")?;
        if column >= SHOWN_COLUMNS {
            return writeln!(f, "{number} | (a long line)\n{margin} | {what}");
        }
        if holds_secret(text) {
            writeln!(f, "{number} | (not shown: it may hold a secret)")?;
            return writeln!(f, "{margin} | {what}");
        }
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = text.chars().take(SHOWN_COLUMNS).map(plain).collect();
        writeln!(f, "{number} | {shown}")?;
        writeln!(f, "{margin} | {}^ {what}", " ".repeat(column))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self.list.iter().take(SHOWN) {
            self.write_one(fault, f)?;
        }
        match self.list.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => writeln!(f, "error: {more} more faults"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Faults {}

/// A key that holds secrets with something behind it, or an address with a user.
fn holds_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    SECRET_WORDS.iter().any(|word| {
        let behind = line.split_once(word).map(|(_, rest)| rest);
        behind.is_some_and(|rest| rest.chars().any(|c| c.is_alphanumeric()))
    })
}

/// The nearest of `known` to a misspelt `word`, if it is near enough to be meant.
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let limit = (word.chars().count() / 3).max(2);
    let near = known.map(|key| (distance(word, key), key)).min()?;
    (near.0 <= limit).then_some(near.1)
}

/// Levenshtein distance; words beyond 64 characters are far from everything.
fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    let b: Vec<char> = b.chars().take(LONGEST + 1).collect();
    if a.chars().nth(LONGEST).is_some() || b.len() > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        let known = ["warn_reset_cycles", "error_reset_cycles", "enabled"];
        assert_eq!(nearest("warn_reset_cycle", known.into_iter()), Some("warn_reset_cycles"));
        assert_eq!(nearest("enabeld", known.into_iter()), Some("enabled"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }

    #[test]
    fn the_place_is_shown_with_a_caret_under_the_value() {
        let lines = vec!["a:".to_owned(), "  b: 0   # why".to_owned()];
        let fault = Fault {
            path: "a.b".to_owned(),
            place: Place::File(Mark { line: 2, column: 6 }),
            what: "must be 1..=9, got 0".to_owned(),
            fix: "5 is the default".to_owned(),
        };
        let faults = Faults { name: "x.yml".to_owned(), lines, list: vec![fault] };
        let want = "error: x.yml:2:6  a.b\n  |\n2 |   b: 0   # why\n  |      ^ must be 1..=9, \
                    got 0\n  = fix: 5 is the default\n";
        assert_eq!(faults.to_string(), want);
    }

    #[test]
    fn a_line_with_a_secret_is_not_shown() {
        assert!(holds_secret("  api_key: abc"));
        assert!(holds_secret("  url: redis://me:pw@host/0"));
        assert!(!holds_secret("  api_key: \"\""));
        assert!(!holds_secret("  rest_url: https://api.upbit.com"));
    }
}
