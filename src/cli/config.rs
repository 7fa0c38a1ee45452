//! `arb config check | show | explain | schema`: what a file says, and what a key means.

use std::io;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::config::fault::Faults;
use crate::config::fault::nearest;
use crate::config::keys;
use crate::config::keys::Key;
use crate::config::load;
use crate::config::load::Loaded;
use crate::config::load::Origin;
use crate::config::load::Request;

/// First line of a file whose editor should know the schema.
const EDITOR_HINT: &str = "# yaml-language-server: $schema=./schema.json";

/// Why a `config` command ended early. Its text is complete: file, lines, fixes.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration is not valid.
    #[error("{0}")]
    Refused(#[from] Faults),
    /// No key of that name.
    #[error("error: no key {0}\n  = fix: {1}\n")]
    UnknownKey(String, String),
    /// The output could not be written.
    #[error("error: cannot write the output: {0}\n  = fix: check where stdout goes\n")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// Exit code of the process: 78 configuration, 2 usage, 74 output.
    pub fn exit_code(&self) -> u8 {
        match self {
            CommandError::Refused(_) => Faults::EXIT_CODE,
            CommandError::UnknownKey(..) => 2,
            CommandError::Output(_) => 74,
        }
    }
}

/// `arb config check [FILE]`: every fault, or one line saying what was read.
///
/// # Errors
/// [`CommandError`] with all faults.
pub fn check(file: Option<PathBuf>, request: &Request, out: &mut impl Write) -> Outcome {
    let path = file.or_else(|| request.path.clone());
    let loaded = load::load(&Request { path, ..request.clone() })?;
    let (name, sha) = (source(&loaded), &loaded.sha256);
    let engine = &loaded.checked.engine;
    writeln!(out, "ok: {name} (sha256 {sha}, {} instruments)", engine.instruments.len())?;
    Ok(())
}

/// What every command returns.
pub type Outcome = Result<(), CommandError>;

/// How [`show`] writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Aligned text.
    Text,
    /// One object on one line.
    Json,
}

/// `arb config show`: the effective value of every key and where it came from.
///
/// # Errors
/// [`CommandError`] with all faults.
pub fn show(request: &Request, format: Format, out: &mut impl Write) -> Outcome {
    let loaded = load::load(request)?;
    let values = serde_json::to_value(&loaded.checked.sections).map_err(io::Error::from)?;
    let mut rows = Vec::new();
    flatten(("", &values), &mut rows);
    let secrets: Vec<String> = secret_paths();
    let redacted = |path: &String, value: &Value| match secrets.contains(path) && value != "" {
        true => Value::from("***"),
        false => value.clone(),
    };
    match format {
        Format::Text => {
            writeln!(out, "# {} (sha256 {})", source(&loaded), loaded.sha256)?;
            for (path, value) in &rows {
                let origin = loaded.origin_of(path);
                writeln!(out, "{path:<48} {:<32} {origin}", redacted(path, value).to_string())?;
            }
        }
        Format::Json => {
            let entry = |(path, value): &(String, &Value)| {
                let origin = loaded.origin_of(path).to_string();
                (path.clone(), json!({ "value": redacted(path, value), "origin": origin }))
            };
            let keys: serde_json::Map<String, Value> = rows.iter().map(entry).collect();
            let all = json!({ "source": source(&loaded), "sha256": loaded.sha256, "keys": keys });
            writeln!(out, "{all}")?;
        }
    }
    Ok(())
}

/// What `explain` is asked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExplainArgs {
    /// A key (`risk.max_quote_age_ms`), a section (`risk`), or everything.
    pub key: Option<String>,
    /// `--interval`: seconds of one cycle, to say what a number of cycles is in time.
    pub interval_seconds: f64,
}

/// `arb config explain [KEY]`: meaning, allowed values, default, variable; cycles also in time.
///
/// # Errors
/// [`CommandError`]; an unknown key names the nearest one.
pub fn explain(args: &ExplainArgs, request: &Request, out: &mut impl Write) -> Outcome {
    // A broken file is no reason to keep the meaning of its keys from whoever has to mend it.
    let loaded = load::load(request).or_else(|_| load::load_built_in(&Request::default()))?;
    let values = serde_json::to_value(&loaded.checked.sections).map_err(io::Error::from)?;
    let table = keys::table();
    let wanted = args.key.as_deref().unwrap_or_default();
    let below = format!("{wanted}.");
    let entries = format!("{wanted}[");
    let chosen = |key: &&Key| {
        let (path, wanted_path) = (key.path.as_str(), wanted);
        let inside = path.starts_with(&below) || path.starts_with(&entries);
        wanted_path.is_empty() || path == wanted_path || inside
    };
    let keys: Vec<&Key> = table.iter().filter(chosen).collect();
    if keys.is_empty() {
        return Err(unknown(wanted, table));
    }
    for key in keys {
        explain_one(key, (&loaded, &values), args.interval_seconds, out)?;
    }
    Ok(())
}

/// `arb config schema`: JSON Schema of the configuration, for editors.
///
/// # Errors
/// [`CommandError::Output`].
pub fn schema(out: &mut impl Write) -> Outcome {
    let mut schema = keys::json_schema();
    schema["$comment"] = Value::from(format!("first line of a file that uses it: {EDITOR_HINT}"));
    serde_json::to_writer_pretty(&mut *out, &schema).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

fn explain_one(
    key: &Key,
    (loaded, values): (&Loaded, &Value),
    interval_seconds: f64,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "{}", key.path)?;
    writeln!(out, "  {}", key.about)?;
    writeln!(out, "  allowed: {}", key.allowed())?;
    if !key.default.is_null() || key.nullable {
        writeln!(out, "  default: {}", key.default)?;
    }
    let value = keys::at(values, &key.path).filter(|_| key.secret.is_none());
    if let Some(value) = value {
        let origin = loaded.origin_of(&key.path);
        writeln!(out, "  now: {value} ({origin})")?;
        if let Some(cycles) = value.as_u64().filter(|_| key.unit == "cycles") {
            let time = wall_time(cycles, interval_seconds);
            writeln!(out, "  in time: {time} at --interval {interval_seconds}")?;
        }
    }
    if let Some(variable) = key.variable() {
        writeln!(out, "  environment: {variable}")?;
    }
    if let Some(secret) = &key.secret {
        writeln!(out, "  environment: {secret} or {secret}_FILE, or a systemd credential")?;
    }
    writeln!(out)
}

/// `--interval` and a number of cycles as days, hours, minutes and seconds.
fn wall_time(cycles: u64, interval_seconds: f64) -> String {
    if interval_seconds <= 0.0 {
        return "no fixed time (a cycle closes after each market step)".to_owned();
    }
    let mut left = cycles as f64 * interval_seconds;
    let mut parts = Vec::new();
    for (name, seconds) in [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)] {
        let count = (left / seconds).floor();
        if count >= 1.0 {
            parts.push(format!("{count} {name}"));
            left -= count * seconds;
        }
    }
    if left > 0.0 || parts.is_empty() {
        parts.push(format!("{} s", (left * 1_000.0).round() / 1_000.0));
    }
    parts.join(" ")
}

fn unknown(wanted: &str, table: &[Key]) -> CommandError {
    let near = nearest(wanted, table.iter().map(|key| key.path.as_str()));
    let last = |key: &&Key| key.path.rsplit('.').next() == Some(wanted);
    let found = near.or_else(|| table.iter().find(last).map(|key| key.path.as_str()));
    let fix = match found {
        Some(path) => format!("did you mean {path}?"),
        None => "arb config explain without a key lists all of them".to_owned(),
    };
    CommandError::UnknownKey(wanted.to_owned(), fix)
}

fn source(loaded: &Loaded) -> String {
    match &loaded.origin {
        Origin::File(path) => path.display().to_string(),
        Origin::BuiltIn => "built-in defaults".to_owned(),
    }
}

/// Keys whose values are not printed, although a checked configuration has them empty.
fn secret_paths() -> Vec<String> {
    let secrets = keys::table().iter().filter(|key| key.secret.is_some());
    secrets.map(|key| key.path.clone()).collect()
}

/// Leaves of a tree by path; a list of scalars is one leaf.
fn flatten<'v>((path, value): (&str, &'v Value), rows: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten((&path, inner), rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, inner) in items.iter().enumerate() {
                flatten((&format!("{path}[{index}]"), inner), rows);
            }
        }
        leaf => rows.push((path.to_owned(), leaf)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_said_in_wall_time() {
        assert_eq!(wall_time(5, 30.0), "2 min 30 s");
        assert_eq!(wall_time(1_440, 60.0), "1 d");
        assert_eq!(wall_time(3, 0.5), "1.5 s");
        assert!(wall_time(3, 0.0).starts_with("no fixed time"));
    }
}
