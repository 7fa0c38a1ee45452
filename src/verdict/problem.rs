//! What was wrong with the files: named one by one, bounded in number, counted all.

use std::fmt;

use serde::Serialize;

/// Most problems that are listed. All are counted.
const LISTED: usize = 200;

/// What is wrong with a file or line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It ends too early, or is no JSON.
    Cut,
    /// It is of another schema, or no evidence at all.
    Foreign,
    /// It belongs to another run than the one that is judged.
    MixedRun,
    /// Its wall clock does not fit the samples around it.
    ClockJump,
    /// It could not be read, or is too large.
    Unreadable,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] =
        [Kind::Cut, Kind::Foreign, Kind::MixedRun, Kind::ClockJump, Kind::Unreadable];
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Kind::Cut => "cut",
            Kind::Foreign => "foreign schema",
            Kind::MixedRun => "mixed run",
            Kind::ClockJump => "clock jump",
            Kind::Unreadable => "unreadable",
        }
    }
}

/// A file, or a line of one, that is not judged as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// Name of the file.
    pub file: String,
    /// Line, from 1; `None` for the whole file.
    pub line: Option<u32>,
    /// What is wrong.
    pub problem: Kind,
    /// How that shows.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map_or(String::new(), |line| format!(":{line}"));
        write!(f, "{}{line}: {}: {}", self.file, self.problem.words(), self.detail)
    }
}

/// All problems of a folder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Problems {
    listed: Vec<Problem>,
    counts: [u64; Kind::ALL.len()],
}

impl Problems {
    /// Adds one.
    pub fn add(&mut self, problem: Problem) {
        self.counts[problem.problem as usize] += 1;
        if self.listed.len() < LISTED {
            self.listed.push(problem);
        }
    }
    /// The first of them, in the order found.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }
    /// How many there are, listed or not.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
    /// How many of one kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }
    /// One kind in a sentence: how many, and the first few by name.
    pub fn sentence(&self, kinds: &[Kind]) -> String {
        let count: u64 = kinds.iter().map(|kind| self.of(*kind)).sum();
        let names = self.listed.iter().filter(|problem| kinds.contains(&problem.problem));
        let names: Vec<String> = names.take(3).map(Problem::to_string).collect();
        let more = if count > 3 { ", …" } else { "" };
        format!("{count}: {}{more}", names.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_the_count_is_not() {
        let mut problems = Problems::default();
        for line in 0..1_000 {
            let file = "series.jsonl".to_string();
            let (problem, detail) = (Kind::Cut, "x".to_string());
            problems.add(Problem { file, line: Some(line), problem, detail });
        }
        assert_eq!((problems.listed().len(), problems.total()), (LISTED, 1_000));
        assert_eq!(problems.of(Kind::Foreign), 0);
        let sentence = problems.sentence(&[Kind::Cut]);
        assert!(sentence.starts_with("1000: series.jsonl:0: cut: x; "), "{sentence}");
        assert!(sentence.ends_with(", …"), "{sentence}");
    }
}
