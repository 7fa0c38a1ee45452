//! Fault scripts of `arb sim` (`--faults FILE`): YAML to checked faults, all problems at once.
//!
//! ```yaml
//! faults:
//!   - {at: 30s, for: 6s, kind: lag, venue: upbit, by: 800ms}
//!   - {at: 1m, for: 3s, kind: burst, venue: all, factor: 100}
//! ```

use std::path::Path;

use crate::config::document::Entry;
use crate::config::document::Node;
use crate::config::document::Value;
use crate::config::fault::Fault as Problem;
use crate::config::fault::Faults;
use crate::config::fault::Place;
use crate::config::fault::nearest;
use crate::config::load::lines_of;
use crate::config::load::read_file;
use crate::config::load::read_tree;
use crate::config::scan::Mark;
use crate::sim::server::limits::FAULTS;
use crate::sim::server::limits::KINDS;
use crate::sim::server::limits::SimFault;
use crate::sim::server::wordedlimits::KEYS;
use crate::sim::server::wordedlimits::Wrong;
use crate::sim::server::wordedlimits::read;
use crate::types::time::DurNs;

const FORM: &str = "write `faults:` and under it a list of {at, for, kind, venue, …}";

/// Reads a script.
///
/// # Errors
/// [`Faults`], all of them in one go.
pub fn load(path: &Path) -> Result<Vec<SimFault>, Faults> {
    parse(&path.display().to_string(), &read_file(path)?)
}

/// Checks the bytes of a script called `name`. Faults come in the order of their beginning.
///
/// # Errors
/// [`Faults`], all of them in one go.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Vec<SimFault>, Faults> {
    let (text, node) = read_tree(name, bytes)?;
    let mut problems = Vec::new();
    let mut script = script(&node, &mut problems);
    if problems.is_empty() {
        script.sort_by_key(|fault| fault.at);
        return Ok(script);
    }
    Err(Faults { name: name.to_owned(), lines: lines_of(text), list: problems })
}

fn problem(place: (&str, Mark), what: &str, fix: &str) -> Problem {
    let (path, mark) = place;
    let (what, fix) = (what.to_owned(), fix.to_owned());
    Problem { path: path.to_owned(), place: Place::File(mark), what, fix }
}

fn script(root: &Node, problems: &mut Vec<Problem>) -> Vec<SimFault> {
    let entries = match &root.value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    if entries.is_empty() {
        problems.push(problem(("", root.mark), "must be a map that holds `faults`", FORM));
    }
    let mut script = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = (entry.key.as_str(), entry.mark);
        match &entry.node.value {
            _ if entry.key != "faults" => problems.push(problem(place, "no such key", FORM)),
            _ if index > 0 => problems.push(problem(place, "is here twice", "join the lists")),
            Value::List(items) if (1..=FAULTS).contains(&items.len()) => {
                let found = items.iter().enumerate().filter_map(|(at, i)| item(at, i, problems));
                script.extend(found);
            }
            _ => {
                let what = format!("must be a list of 1..={FAULTS} faults");
                problems.push(problem(place, &what, FORM));
            }
        }
    }
    script
}

fn item(index: usize, node: &Node, problems: &mut Vec<Problem>) -> Option<SimFault> {
    let path = format!("faults[{index}]");
    let Value::Map(entries) = &node.value else {
        let fix = "write {at: 30s, for: 6s, kind: silence, venue: upbit}";
        problems.push(problem((&path, node.mark), "must be a map", fix));
        return None;
    };
    let mut pairs = Vec::new();
    for entry in entries {
        match &entry.node.value {
            Value::Text(text) | Value::Number(text) => {
                pairs.push((entry.key.as_str(), text.as_ref()));
            }
            _ => {
                let place = format!("{path}.{}", entry.key);
                let place = (place.as_str(), entry.node.mark);
                problems.push(problem(place, "must be text or a number", FORM));
            }
        }
    }
    let has_at = pairs.iter().any(|(key, _)| *key == "at");
    let mark = entries.first().map_or(node.mark, |entry| entry.mark);
    if !has_at {
        let place = format!("{path}.at");
        problems.push(problem((&place, mark), "is missing", "add at: 30s"));
    }
    match read(&pairs, DurNs(0)) {
        Ok(fault) => has_at.then_some(fault),
        Err(wrong) => {
            problems.extend(wrong.iter().map(|wrong| told(&path, wrong, (entries, mark))));
            None
        }
    }
}

fn told(path: &str, wrong: &Wrong, (entries, mark): (&[Entry], Mark)) -> Problem {
    let entry = entries.iter().find(|entry| entry.key == wrong.key);
    let mark = entry.map_or(mark, |entry| entry.node.mark);
    let got = entry.and_then(|entry| match &entry.node.value {
        Value::Text(text) | Value::Number(text) => Some(text.to_string()),
        _ => None,
    });
    let near = match wrong.key.as_str() {
        "kind" => got.as_deref().and_then(|got| nearest(got, KINDS.into_iter())),
        key => nearest(key, KEYS.into_iter()).filter(|near| *near != key),
    };
    let fix = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "`arb sim --help` and the README, \"The local exchange\", name every key and kind"
            .to_owned(),
    };
    problem((&format!("{path}.{}", wrong.key), mark), &wrong.what, &fix)
}
