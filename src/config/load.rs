//! Flag over environment over file over default, with the origin of every value.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use sha2::Digest;
use sha2::Sha256;

use crate::config::check;
use crate::config::check::Checked;
use crate::config::document;
use crate::config::document::Node;
use crate::config::fault::Fault;
use crate::config::fault::Faults;
use crate::config::fault::Place;
use crate::config::fault::nearest;
use crate::config::keys;
use crate::config::keys::Key;
use crate::config::walk::Findings;
use crate::config::walk::Refused;
use crate::config::yaml::ConfigYaml;

/// The file that is read when `--config` is not given, if it exists.
pub const DEFAULT_PATH: &str = "config/live.yml";
/// Largest configuration file.
pub const LONGEST_FILE: u64 = 1 << 20;

/// A value given on the command line for a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flag {
    /// How it is written, for messages: `--mode`.
    pub name: String,
    /// The key that it sets.
    pub path: String,
    /// Its value, as the file would have it.
    pub value: String,
}

/// Everything that a configuration is made from.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `--config`; without it [`DEFAULT_PATH`] if that exists, else the built-in defaults.
    pub path: Option<PathBuf>,
    /// Environment variables; only those named `ARB_<SECTION>__<KEY>` are looked at.
    pub env: Vec<(String, String)>,
    /// Values from the command line.
    pub flags: Vec<Flag>,
}

/// Where the configuration came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This file.
    File(PathBuf),
    /// No file: the built-in defaults. The caller says so once in its log.
    BuiltIn,
}

/// Where one value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueOrigin {
    /// This command-line flag.
    Flag(String),
    /// This environment variable.
    Env(String),
    /// This line of the file.
    File(usize),
    /// The schema.
    Default,
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueOrigin::Flag(name) => write!(f, "flag {name}"),
            ValueOrigin::Env(name) => write!(f, "env {name}"),
            ValueOrigin::File(line) => write!(f, "file line {line}"),
            ValueOrigin::Default => f.write_str("default"),
        }
    }
}

/// A configuration that the program may rely on.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Checked limits, and the validated raw sections.
    pub checked: Checked,
    /// SHA-256 of the file's bytes, or of the built-in defaults as JSON; lower-case hex.
    pub sha256: String,
    /// Where it came from.
    pub origin: Origin,
    /// Origin of every value that is not a default, by path.
    pub origins: BTreeMap<String, ValueOrigin>,
}

impl Loaded {
    /// Where the value of a key came from.
    pub fn origin_of(&self, path: &str) -> ValueOrigin {
        self.origins.get(path).cloned().unwrap_or(ValueOrigin::Default)
    }
}

/// Reads and checks the configuration that `request` describes.
///
/// # Errors
/// [`Faults`], all of them in one go.
pub fn load(request: &Request) -> Result<Loaded, Faults> {
    let found = match &request.path {
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists()),
    };
    match found {
        Some(path) => {
            let bytes = read_file(&path)?;
            let name = path.display().to_string();
            let mut loaded = load_bytes(&name, &bytes, request)?;
            loaded.origin = Origin::File(path);
            Ok(loaded)
        }
        None => load_built_in(request),
    }
}

/// The built-in defaults under the environment and flags of `request`.
///
/// # Errors
/// [`Faults`] of the environment or the flags.
pub fn load_built_in(request: &Request) -> Result<Loaded, Faults> {
    let text = keys::defaults().to_string();
    assemble(("built-in defaults", ""), None, request, hex(text.as_bytes()))
}

/// Checks the bytes of a file called `name` under the environment and flags of `request`.
///
/// # Errors
/// [`Faults`], all of them in one go.
pub fn load_bytes(name: &str, bytes: &[u8], request: &Request) -> Result<Loaded, Faults> {
    let (text, node) = read_tree(name, bytes)?;
    assemble((name, text), Some(&node), request, hex(bytes))
}

/// The bytes of a file as text and as a tree.
///
/// # Errors
/// One fault: too long, not UTF-8, not YAML, or empty.
pub(in crate::config) fn read_tree<'b>(
    name: &str,
    bytes: &'b [u8],
) -> Result<(&'b str, Node), Faults> {
    let whole = |what: &str, fix| Faults::whole(name, what.to_owned(), fix);
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(whole("longer than 1 MiB", "a configuration has a few hundred lines"));
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) || bytes.starts_with(&[0xff, 0xfe]) {
        let what = "starts with a byte order mark";
        return Err(whole(what, "save the file as UTF-8 without a byte order mark"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        whole(&format!("not UTF-8 in line {line}"), "save the file as UTF-8")
    })?;
    let node = document::parse(text).map_err(|broken| {
        let place = broken.mark.map_or(Place::Whole, Place::File);
        let fix = broken.fix.to_owned();
        let fault = Fault { path: String::new(), place, what: broken.what, fix };
        Faults { name: name.to_owned(), lines: lines_of(text), list: vec![fault] }
    })?;
    let fix = "write at least one key, or run without the file to use what is built in";
    node.map(|node| (text, node)).ok_or_else(|| whole("the file is empty", fix))
}

/// The bytes of an ordinary file, at most one more than [`LONGEST_FILE`].
pub(in crate::config) fn read_file(path: &Path) -> Result<Vec<u8>, Faults> {
    let name = path.display().to_string();
    let refuse = |error: std::io::Error| {
        let fix = match error.kind() {
            ErrorKind::NotFound => {
                "give an existing file; without --config, config/live.yml is read"
            }
            _ => "make it a readable, ordinary file",
        };
        Faults::whole(&name, format!("cannot be read: {error}"), fix)
    };
    // Asked before it is opened: opening a pipe that nobody writes to would never return.
    if !std::fs::metadata(path).map_err(refuse)?.is_file() {
        let what = "is not an ordinary file".to_owned();
        return Err(Faults::whole(&name, what, "give the path of a YAML file"));
    }
    let file = File::open(path).map_err(refuse)?;
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}

fn assemble(
    (name, text): (&str, &str),
    node: Option<&Node>,
    request: &Request,
    sha256: String,
) -> Result<Loaded, Faults> {
    let (shape, table) = (keys::shape(), keys::table());
    let mut found = Findings::default();
    let mut values = keys::defaults();
    if let Some(node) = node {
        found.overlay(shape, node, &mut values);
    }
    overlay_environment(&mut found, table, request, &mut values);
    overlay_flags(&mut found, table, request, &mut values);
    let yaml: Option<ConfigYaml> = match ConfigYaml::deserialize(&values) {
        Ok(yaml) => Some(yaml),
        Err(error) => {
            let refused = Refused::new(error.to_string(), "see arb config schema");
            found.add("", Place::Whole, refused);
            None
        }
    };
    let checked = yaml.and_then(|yaml| check::check(yaml, &values, &mut found));
    match checked {
        Some(checked) if found.faults.is_empty() => {
            let origins = origins_of(&found);
            Ok(Loaded { checked, sha256, origin: Origin::BuiltIn, origins })
        }
        _ => {
            found.faults.sort_by_key(|fault| match &fault.place {
                Place::File(mark) => *mark,
                _ => Default::default(),
            });
            Err(Faults { name: name.to_owned(), lines: lines_of(text), list: found.faults })
        }
    }
}

fn overlay_environment(
    found: &mut Findings,
    table: &[Key],
    request: &Request,
    values: &mut serde_json::Value,
) {
    let variable = |key: &&Key| key.variable();
    for (name, text) in &request.env {
        if !(name.starts_with("ARB_") && name.contains("__")) {
            continue;
        }
        let place = Place::Variable(name.clone());
        match table.iter().find(|key| variable(key).as_ref() == Some(name)) {
            Some(key) => found.set(key, text, place, values),
            None => {
                let all: Vec<String> = table.iter().filter_map(|key| variable(&key)).collect();
                let fix = match nearest(name, all.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "unset it; arb config explain lists all keys".to_owned(),
                };
                found.add("", place, Refused::new("no key has this variable", fix));
            }
        }
    }
}

fn overlay_flags(
    found: &mut Findings,
    table: &[Key],
    request: &Request,
    values: &mut serde_json::Value,
) {
    for flag in &request.flags {
        let place = Place::Flag(flag.name.clone());
        match table.iter().find(|key| key.path == flag.path) {
            Some(key) => found.set(key, &flag.value, place, values),
            None => found.add(&flag.path, place, Refused::new("no such key", "see --help")),
        }
    }
}

fn origins_of(found: &Findings) -> BTreeMap<String, ValueOrigin> {
    let origin = |place: &Place| match place {
        Place::File(mark) => ValueOrigin::File(mark.line),
        Place::Whole => ValueOrigin::Default,
        Place::Variable(name) => ValueOrigin::Env(name.clone()),
        Place::Flag(name) => ValueOrigin::Flag(name.clone()),
    };
    found.places.iter().map(|(path, place)| (path.clone(), origin(place))).collect()
}

pub(in crate::config) fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
