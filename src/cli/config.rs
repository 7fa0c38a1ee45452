//! `arb config check | show | explain | schema`: what a file says, and what a key means.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::config::fault::Faults;
use crate::config::fault::nearest;
use crate::config::keys;
use crate::config::keys::Key;
use crate::config::load;
use crate::config::load::Loaded;
use crate::config::load::Origin;
use crate::config::load::Request;
use crate::types::time::DurNs;

/// First line of a file whose editor should know the schema.
const EDITOR_HINT: &str = "# yaml-language-server: $schema=./schema.json";

/// The configuration that `request` describes.
///
/// # Errors
/// `Exit::Config` with every fault.
pub fn load(request: &Request) -> Result<Loaded, CliError> {
    load::load(request).map_err(refused)
}

/// `arb config check`: every fault, or one line saying what was read.
///
/// # Errors
/// `Exit::Config` with every fault; `Exit::Io` if the output cannot be written.
pub fn check(request: &Request, out: &mut impl Write) -> Outcome {
    let loaded = load(request)?;
    let (name, sha) = (source(&loaded), &loaded.sha256);
    let engine = &loaded.checked.engine;
    let line = format!("ok: {name} (sha256 {sha}, {} instruments)", engine.instruments.len());
    writeln!(out, "{line}").map_err(unwritable)
}

/// What every command returns.
pub type Outcome = Result<(), CliError>;

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
/// `Exit::Config` with every fault; `Exit::Io` if the output cannot be written.
pub fn show(request: &Request, format: Format, out: &mut impl Write) -> Outcome {
    let loaded = load(request)?;
    let values = as_json(&loaded)?;
    let mut rows = Vec::new();
    flatten(("", &values), &mut rows);
    let secrets: Vec<String> = secret_paths();
    let redacted = |path: &String, value: &Value| match secrets.contains(path) && value != "" {
        true => Value::from("***"),
        false => value.clone(),
    };
    match format {
        Format::Text => {
            writeln!(out, "# {} (sha256 {})", source(&loaded), loaded.sha256)
                .map_err(unwritable)?;
            for (path, value) in &rows {
                let origin = loaded.origin_of(path);
                let value = redacted(path, value).to_string();
                writeln!(out, "{path:<48} {value:<32} {origin}").map_err(unwritable)?;
            }
        }
        Format::Json => {
            let entry = |(path, value): &(String, &Value)| {
                let origin = loaded.origin_of(path).to_string();
                (path.clone(), json!({ "value": redacted(path, value), "origin": origin }))
            };
            let keys: serde_json::Map<String, Value> = rows.iter().map(entry).collect();
            let all = json!({ "source": source(&loaded), "sha256": loaded.sha256, "keys": keys });
            writeln!(out, "{all}").map_err(unwritable)?;
        }
    }
    Ok(())
}

/// What `explain` is asked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExplainArgs {
    /// A key (`risk.max_quote_age_ms`), a section (`risk`), or everything.
    pub key: Option<String>,
    /// `--interval`: length of one cycle, to say what a number of cycles is in time.
    pub interval: DurNs,
}

/// `arb config explain [KEY]`: meaning, allowed values, default, variable; cycles also in time.
///
/// # Errors
/// `Exit::Usage` for an unknown key, with the nearest one; `Exit::Io` as above.
pub fn explain(args: &ExplainArgs, request: &Request, out: &mut impl Write) -> Outcome {
    // A broken file is no reason to keep the meaning of its keys from whoever has to mend it.
    let built_in = |_| load::load_built_in(&Request::default()).map_err(refused);
    let loaded = load(request).or_else(built_in)?;
    let values = as_json(&loaded)?;
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
        let told = explain_one(key, (&loaded, &values), args.interval, out);
        told.map_err(unwritable)?;
    }
    Ok(())
}

/// `arb config schema`: JSON Schema of the configuration, for editors.
///
/// # Errors
/// `Exit::Io` if the output cannot be written.
pub fn schema(out: &mut impl Write) -> Outcome {
    let mut schema = keys::json_schema();
    schema["$comment"] = Value::from(format!("first line of a file that uses it: {EDITOR_HINT}"));
    let written = serde_json::to_writer_pretty(&mut *out, &schema).map_err(io::Error::from);
    written.and_then(|()| writeln!(out)).map_err(unwritable)
}

fn explain_one(
    key: &Key,
    (loaded, values): (&Loaded, &Value),
    interval: DurNs,
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
            let (time, one) = (wall_time(cycles, interval), wall_time(1, interval));
            writeln!(out, "  in time: {time} (cycles of {one})")?;
        }
    }
    if let Some(part) = &key.waits_for {
        writeln!(
            out,
            "  waits: for {part}, not built yet; nothing reads it, only its default passes"
        )?;
    }
    if let Some(variable) = key.variable() {
        writeln!(out, "  environment: {variable}")?;
    }
    if let Some(secret) = &key.secret {
        writeln!(out, "  environment: {secret} or {secret}_FILE, or a systemd credential")?;
    }
    writeln!(out)
}

/// A number of cycles as days, hours, minutes and seconds.
fn wall_time(cycles: u64, interval: DurNs) -> String {
    if interval == DurNs(0) {
        return "no fixed time (a cycle closes after each market step)".to_owned();
    }
    let mut left_ms = DurNs(interval.0.saturating_mul(cycles)).as_ms();
    let mut parts = Vec::new();
    for (name, length_ms) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)] {
        if left_ms >= length_ms {
            parts.push(format!("{} {name}", left_ms / length_ms));
            left_ms %= length_ms;
        }
    }
    if left_ms > 0 || parts.is_empty() {
        let (whole, part) = (left_ms / 1_000, left_ms % 1_000);
        let part = format!("{part:03}");
        let part = part.trim_end_matches('0');
        let point = if part.is_empty() { "" } else { "." };
        parts.push(format!("{whole}{point}{part} s"));
    }
    parts.join(" ")
}

fn unknown(wanted: &str, table: &[Key]) -> CliError {
    let near = nearest(wanted, table.iter().map(|key| key.path.as_str()));
    let last = |key: &&Key| key.path.rsplit('.').next() == Some(wanted);
    let found = near.or_else(|| table.iter().find(last).map(|key| key.path.as_str()));
    let fix = match found {
        Some(path) => format!("did you mean {path}?"),
        None => "arb config explain without a key lists all of them".to_owned(),
    };
    CliError::new(Exit::Usage, format!("no key {wanted}"), fix)
}

fn as_json(loaded: &Loaded) -> Result<Value, CliError> {
    let hint = "report this defect";
    serde_json::to_value(&loaded.checked.sections)
        .map_err(|error| CliError::new(Exit::Internal, error, hint))
}

/// Every fault of a file, as the error of a command.
pub fn refused(faults: Faults) -> CliError {
    CliError { exit: Exit::Config, text: faults.to_string() }
}

fn unwritable(error: io::Error) -> CliError {
    CliError::new(Exit::Io, format!("cannot write the output: {error}"), "check where it goes")
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
        assert_eq!(wall_time(5, DurNs::from_secs(30)), "2 min 30 s");
        assert_eq!(wall_time(1_440, DurNs::from_secs(60)), "1 d");
        assert_eq!(wall_time(3, DurNs::from_ms(500)), "1.5 s");
        assert!(wall_time(3, DurNs(0)).starts_with("no fixed time"));
    }
}
