//! The tree of a file, of the environment and of flags against the key table, laid over defaults.
//!
//! Collects every unknown, duplicate and missing key, wrong type and number out of range, and goes
//! on behind each. What is faulty keeps its default, so that the rules between keys still run.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value as Json;

use crate::config::document::Entry;
use crate::config::document::Node;
use crate::config::document::Value;
use crate::config::fault::Fault;
use crate::config::fault::Place;
use crate::config::fault::nearest;
use crate::config::keys;
use crate::config::keys::Key;
use crate::config::keys::Kind;
use crate::config::keys::Shape;
use crate::types::limit;
use crate::types::number::parse_fixed;
use crate::types::units::SCALE;

/// Most entries of a list or of a free map.
const MOST_ENTRIES: usize = limit::INSTRUMENTS;

/// What has been found so far.
#[derive(Debug, Default)]
pub struct Findings {
    /// Faults, in the order in which they were met.
    pub faults: Vec<Fault>,
    /// Where each value that is not a default was written.
    pub places: BTreeMap<String, Place>,
    /// Which instrument is being read, for messages.
    subject: String,
}

impl Findings {
    /// Lays a file's tree over `values`.
    pub fn overlay(&mut self, shape: &Shape, root: &Node, values: &mut Json) {
        self.read(shape, ("", root), values);
    }

    /// Lays one value from the environment or a flag over `values`.
    pub fn set(&mut self, key: &Key, text: &str, place: Place, values: &mut Json) {
        let value = match (&key.kind, text) {
            (Kind::Bool, "true") => Value::Bool(true),
            (Kind::Bool, "false") => Value::Bool(false),
            (Kind::Whole | Kind::Decimal, "null") if key.nullable => Value::Null,
            (Kind::Whole | Kind::Decimal, _) => Value::Number(text.to_owned()),
            _ => Value::Text(text.to_owned()),
        };
        self.places.insert(key.path.clone(), place.clone());
        match accept(key, &value) {
            Ok(json) => put(values, &key.path, json),
            Err(refused) => self.add(&key.path, place, refused),
        }
    }

    /// Adds a fault.
    pub fn add(&mut self, path: &str, place: Place, refused: Refused) {
        let Refused { what, fix } = refused;
        let what = format!("{what}{}", self.subject);
        self.faults.push(Fault { path: path.to_owned(), place, what, fix });
    }

    /// Where the value of `path` was written; for a default, where its section was.
    pub fn place_of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return place.clone();
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return Place::Whole,
            }
        }
    }

    /// True if `path` has a fault of its own already.
    pub fn is_faulty(&self, path: &str) -> bool {
        self.faults.iter().any(|fault| fault.path == path)
    }

    fn read(&mut self, shape: &Shape, (path, node): (&str, &Node), into: &mut Json) {
        let place = Place::File(node.mark);
        self.places.insert(path.to_owned(), place.clone());
        match (shape, &node.value) {
            (Shape::Leaf(key), value) => match accept(key, value) {
                Ok(json) => *into = json,
                Err(refused) => self.add(path, place, refused),
            },
            (Shape::Section { keys, required }, Value::Map(entries)) => {
                for entry in self.unique(path, entries) {
                    self.entry((path, entry), keys, into);
                }
                for name in required.iter().filter(|n| entries.iter().all(|e| e.key != **n)) {
                    let what = format!("the key {name} is missing");
                    self.add(path, place.clone(), Refused::new(what, format!("add {name}: …")));
                }
            }
            (Shape::List(inner), Value::List(items)) => self.list(inner, (path, items), into),
            (Shape::Dict(inner), Value::Map(entries)) => self.dict(inner, (path, entries), into),
            (Shape::List(_), other) => self.add(path, place, wrong(other, "a list of `- ` lines")),
            (_, other) => self.add(path, place, wrong(other, "keys, each on a line below")),
        }
    }

    fn entry(&mut self, at: (&str, &Entry), keys: &BTreeMap<String, Shape>, into: &mut Json) {
        let (path, entry) = at;
        let full = join(path, &entry.key);
        let Some(shape) = keys.get(&entry.key) else {
            let fix = Self::suggestion(&entry.key, path, keys);
            let refused = Refused::new(format!("unknown key {}", shown(&entry.key)), fix);
            return self.add(&full, Place::File(entry.mark), refused);
        };
        // An object, or null in an entry of a list, which indexing makes an object.
        self.read(shape, (&full, &entry.node), &mut into[entry.key.as_str()]);
    }

    fn list(&mut self, inner: &Shape, (path, items): (&str, &[Node]), into: &mut Json) {
        if items.len() > MOST_ENTRIES {
            let what = format!("at most {MOST_ENTRIES} entries, got {}", items.len());
            let refused = Refused::new(what, "remove some");
            return self.add(path, self.place_of(path), refused);
        }
        let before = self.faults.len();
        let mut list = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.subject = subject_of(item);
            let mut value = Json::Null;
            self.read(inner, (&format!("{path}[{index}]"), item), &mut value);
            list.push(value);
        }
        self.subject.clear();
        if self.faults.len() == before {
            *into = Json::Array(list);
        }
    }

    /// A map whose keys the file chooses replaces the default as a whole.
    fn dict(&mut self, inner: &Shape, (path, entries): (&str, &[Entry]), into: &mut Json) {
        if entries.len() > MOST_ENTRIES {
            let what = format!("at most {MOST_ENTRIES} entries, got {}", entries.len());
            return self.add(path, self.place_of(path), Refused::new(what, "remove some"));
        }
        let before = self.faults.len();
        let mut map = Map::new();
        for entry in self.unique(path, entries) {
            let mut value = Json::Null;
            self.read(inner, (&join(path, &entry.key), &entry.node), &mut value);
            map.insert(entry.key.clone(), value);
        }
        if self.faults.len() == before {
            *into = Json::Object(map);
        }
    }

    /// The entries without those whose key came before; those are faults.
    fn unique<'e>(&mut self, path: &str, entries: &'e [Entry]) -> Vec<&'e Entry> {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        let mut kept = Vec::new();
        for entry in entries {
            if let Some(line) = first.get(entry.key.as_str()) {
                let what = format!("the key is there already, in line {line}");
                let refused = Refused::new(what, "keep one of the two");
                self.add(&join(path, &entry.key), Place::File(entry.mark), refused);
                continue;
            }
            first.insert(&entry.key, entry.mark.line);
            kept.push(entry);
        }
        kept
    }

    fn suggestion(key: &str, path: &str, siblings: &BTreeMap<String, Shape>) -> String {
        if let Some(near) = nearest(key, siblings.keys().map(String::as_str)) {
            return format!("did you mean {near}?");
        }
        let known = |known: &&Key| known.path.rsplit('.').next() == Some(key);
        match keys::table().iter().find(known) {
            Some(known) => format!("did you mean {}? It belongs there", known.path),
            None => {
                let names: Vec<&str> = siblings.keys().map(String::as_str).collect();
                let section = if path.is_empty() { "sections" } else { "keys here" };
                format!("remove it; {section}: {}", names.join(", "))
            }
        }
    }
}

/// Why a value was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub fix: String,
}

impl Refused {
    /// From its two sentences.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Refused {
        Refused { what: what.into(), fix: fix.into() }
    }
}

/// A value as JSON if the key allows it. Decimals become their text, so that no digit is lost.
fn accept(key: &Key, value: &Value) -> Result<Json, Refused> {
    match (&key.kind, value) {
        (Kind::Bool, Value::Bool(value)) => Ok(Json::Bool(*value)),
        (Kind::Whole | Kind::Decimal, Value::Number(text)) => number(key, text),
        (Kind::Tick, Value::Number(text)) => number(key, text),
        (Kind::Tick, Value::Text(text)) if text == "upbit_krw" => Ok(Json::from(text.as_str())),
        (Kind::Text, Value::Text(text)) => self::text(key, text),
        (Kind::Choice(words), Value::Text(word)) if words.contains(word) => {
            Ok(Json::from(word.as_str()))
        }
        (Kind::Choice(words), Value::Text(word)) => {
            let fix = match nearest(word, words.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => hint(key),
            };
            Err(Refused::new(format!("must be {}, got {}", key.allowed(), shown(word)), fix))
        }
        (_, Value::Null) if key.nullable => Ok(Json::Null),
        (_, other) if key.secret.is_none() => {
            Err(Refused::new(format!("must be {}, got {}", key.allowed(), kind(other)), hint(key)))
        }
        _ => Err(inline_secret(key)),
    }
}

fn number(key: &Key, text: &str) -> Result<Json, Refused> {
    let unit = if key.unit.is_empty() { String::new() } else { format!(" {}", key.unit) };
    let refuse = |why: String| Err(Refused::new(format!("{why}, got {}", shown(text)), hint(key)));
    if key.kind == Kind::Whole {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let whole = text.parse::<i64>().ok().filter(|_| plain);
        let Some(whole) = whole else { return refuse(format!("must be {}", key.allowed())) };
        let raw = i128::from(whole) * i128::from(SCALE);
        return match key.range {
            Some(range) if !range.holds(raw) => refuse(format!("must be {range}{unit}")),
            _ => Ok(Json::from(whole)),
        };
    }
    match parse_fixed(text.as_bytes()) {
        Err(why) => refuse(format!("must be {} ({why})", key.allowed())),
        Ok(raw) => match key.range {
            Some(range) if !range.holds(raw.into()) => refuse(format!("must be {range}{unit}")),
            _ => Ok(Json::from(text)),
        },
    }
}

fn text(key: &Key, text: &str) -> Result<Json, Refused> {
    const LONGEST: usize = 256;
    if key.secret.is_some() {
        return if text.is_empty() { Ok(Json::from("")) } else { Err(inline_secret(key)) };
    }
    let fits = text.len() <= LONGEST && !text.is_empty() && !text.chars().any(char::is_control);
    let local = |scheme: &str| {
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
            let rest = text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(host));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        })
    };
    let host_behind = |scheme: &str| {
        text.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
    };
    let formed = match key.form.as_deref() {
        Some("https") => host_behind("https://") || local("http://"),
        Some("wss") => host_behind("wss://") || local("ws://"),
        Some("redis") => host_behind("redis://"),
        Some("path") => !text.starts_with('/') && text.split('/').all(|part| part != ".."),
        Some("route") => text.starts_with('/'),
        _ => true,
    };
    if text.contains('@') && key.form.is_some() {
        let fix = "take the user and password out; REDIS_PASSWORD is read from the environment";
        return Err(Refused::new("inline secrets are refused", fix));
    }
    if fits && formed {
        return Ok(Json::from(text));
    }
    Err(Refused::new(format!("must be {}, got {}", key.allowed(), shown(text)), hint(key)))
}

fn inline_secret(key: &Key) -> Refused {
    let name = key.secret.as_deref().unwrap_or_default();
    let fix = format!("use environment {name}, {name}_FILE or a systemd credential; leave \"\"");
    Refused::new("inline secrets are refused", fix)
}

/// The default, and what a number of cycles is in wall time.
fn hint(key: &Key) -> String {
    if key.default.is_null() {
        return if key.about.is_empty() {
            "see arb config explain".into()
        } else {
            key.about.clone()
        };
    }
    let cycles = key.default.as_u64().filter(|_| key.unit == "cycles");
    let wall = cycles.map_or(String::new(), |n| format!(" (about {n} min at --interval 60)"));
    format!("{} is the default{wall}", key.default)
}

fn wrong(value: &Value, wanted: &str) -> Refused {
    Refused::new(
        format!("must be {wanted}, got {}", kind(value)),
        "see config/live.yml, or arb config explain",
    )
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(text) => shown(text),
        Value::Text(text) => format!("text {}", shown(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
    }
}

/// Text of the file, short and without control characters.
fn shown(text: &str) -> String {
    const SHOWN: usize = 40;
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    if short.is_empty() { "\"\"".to_owned() } else { short }
}

/// Which instrument an entry of a list is, for messages.
fn subject_of(item: &Node) -> String {
    let Value::Map(entries) = &item.value else { return String::new() };
    let field = |name: &str| match &entries.iter().find(|e| e.key == name)?.node.value {
        Value::Text(text) => Some(shown(text)),
        _ => None,
    };
    match (field("name"), field("venue")) {
        (Some(name), Some(venue)) => format!(" ({name} on {venue})"),
        _ => String::new(),
    }
}

fn put(values: &mut Json, path: &str, value: Json) {
    let mut spot = values;
    for key in path.split('.') {
        spot = &mut spot[key];
    }
    *spot = value;
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { shown(key) } else { format!("{path}.{}", shown(key)) }
}
