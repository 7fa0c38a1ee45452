//! What a stress run came to: one row for each scenario, as a table and as JSON.

use std::fmt::Write;

use serde::Serialize;

use crate::types::time::DurNs;

/// How a scenario came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything was seen in time.
    Passed,
    /// What was missed, or must not have been.
    Failed(String),
    /// Why it could not be played.
    NotRun(String),
}

/// One scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What was done.
    pub injected: &'static str,
    /// What must happen.
    pub expected: &'static str,
    /// From the injection until the last of it was seen; `None` if it was not.
    pub observed: Option<DurNs>,
    /// By when it must be seen.
    pub limit: DurNs,
    /// How it came out.
    pub outcome: Outcome,
}

/// All of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// In the order of the table.
    pub rows: Vec<Row>,
    /// What is not run counts as missed.
    pub requires_all: bool,
    /// Stopped before the end.
    pub is_partial: bool,
}

#[derive(Serialize)]
struct Line<'r> {
    name: &'r str,
    injected: &'r str,
    expected: &'r str,
    observed_ms: Option<u64>,
    limit_ms: u64,
    pass: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'r str>,
}

#[derive(Serialize)]
struct Object<'r> {
    scenarios: Vec<Line<'r>>,
    pass: bool,
}

impl Report {
    /// True when nothing was missed.
    pub fn passes(&self) -> bool {
        !self.is_partial
            && self.rows.iter().all(|row| match row.outcome {
                Outcome::Passed => true,
                Outcome::Failed(_) => false,
                Outcome::NotRun(_) => !self.requires_all,
            })
    }
    /// One object on one line.
    ///
    /// # Errors
    /// Never with these values; serde says so only by its type.
    pub fn json(&self) -> serde_json::Result<String> {
        let scenarios = self.rows.iter().map(Row::line).collect();
        Ok(serde_json::to_string(&Object { scenarios, pass: self.passes() })? + "\n")
    }
    /// For a person.
    pub fn table(&self) -> String {
        let widest = |head: &str, of: fn(&Row) -> &str| {
            self.rows.iter().map(|row| of(row).chars().count()).chain([head.len()]).max()
        };
        let name = widest("scenario", |row| row.name).unwrap_or(0);
        let injected = widest("injected", |row| row.injected).unwrap_or(0);
        let mut text = format!(
            "{:<name$}  {:<injected$}  {:>11}  {:>8}  {:<7}  expected\n",
            "scenario", "injected", "observed ms", "limit ms", "result"
        );
        for row in &self.rows {
            let observed = row.observed.map_or("-".to_owned(), |time| time.as_ms().to_string());
            let (result, why) = row.told();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<name$}  {:<injected$}  {observed:>11}  {:>8}  {result:<7}  {}",
                row.name,
                row.injected,
                row.limit.as_ms(),
                row.expected
            );
            if !why.is_empty() {
                let _ = writeln!(text, "{:<name$}  -> {why}", "");
            }
        }
        text + &self.last_line()
    }

    fn last_line(&self) -> String {
        let count = |holds: fn(&Outcome) -> bool| {
            self.rows.iter().filter(|row| holds(&row.outcome)).count()
        };
        let passed = count(|outcome| matches!(outcome, Outcome::Passed));
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let idle = count(|outcome| matches!(outcome, Outcome::NotRun(_)));
        let verdict = match (self.is_partial, self.passes()) {
            (true, _) => "INTERRUPTED",
            (_, true) => "PASS",
            (_, false) => "FAIL",
        };
        format!("stress: {verdict}, {passed} passed, {failed} failed, {idle} NOT RUN\n")
    }
}

impl Row {
    /// Result and reason, for people.
    pub fn told(&self) -> (&'static str, &str) {
        match &self.outcome {
            Outcome::Passed => ("PASS", ""),
            Outcome::Failed(why) => ("FAIL", why),
            Outcome::NotRun(why) => ("NOT RUN", why),
        }
    }
    fn line(&self) -> Line<'_> {
        let (pass, reason) = match &self.outcome {
            Outcome::Passed => (Some(true), None),
            Outcome::Failed(_) => (Some(false), None),
            Outcome::NotRun(why) => (None, Some(why.as_str())),
        };
        Line {
            name: self.name,
            injected: self.injected,
            expected: self.expected,
            observed_ms: self.observed.map(DurNs::as_ms),
            limit_ms: self.limit.as_ms(),
            pass,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: Vec<Outcome>) -> Report {
        let row = |outcome| Row {
            name: "feed_lag",
            injected: "a",
            expected: "b",
            observed: Some(DurNs::from_ms(7)),
            limit: DurNs::from_ms(9),
            outcome,
        };
        Report { rows: outcomes.into_iter().map(row).collect(), ..Report::default() }
    }

    #[test]
    fn the_object_has_exactly_the_keys_that_were_promised() {
        let not_run = Outcome::NotRun("no server".to_owned());
        let failed = Outcome::Failed("late".to_owned());
        let json = report(vec![Outcome::Passed, failed, not_run]).json().unwrap();
        let common =
            r#""name":"feed_lag","injected":"a","expected":"b","observed_ms":7,"limit_ms":9"#;
        let rows = format!(
            "{{{common},\"pass\":true}},{{{common},\"pass\":false}},\
             {{{common},\"pass\":null,\"reason\":\"no server\"}}"
        );
        assert_eq!(json, format!("{{\"scenarios\":[{rows}],\"pass\":false}}\n"));
    }

    #[test]
    fn what_was_not_run_is_a_miss_only_where_everything_is_required() {
        let mut report = report(vec![Outcome::Passed, Outcome::NotRun("no server".to_owned())]);
        assert!(report.passes());
        report.requires_all = true;
        assert!(!report.passes());
        assert!(report.table().ends_with("FAIL, 1 passed, 0 failed, 1 NOT RUN\n"));
    }

    #[test]
    fn a_partial_report_never_passes() {
        let mut report = report(vec![Outcome::Passed]);
        report.is_partial = true;
        assert!(!report.passes() && report.table().contains("INTERRUPTED"));
    }
}
