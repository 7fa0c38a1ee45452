//! The key table: every key's path, kind, range, unit, meaning and default, read from the schema.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::config::yaml::ConfigYaml;
use crate::types::number::parse_fixed;
use crate::types::units::Plain;
use crate::types::units::SCALE;

/// What a key holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Whole,
    /// An exact decimal.
    Decimal,
    /// Text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// A number or the name of a tick table.
    Tick,
}

/// Allowed values of a number, in 10⁻⁸ units, wide enough for every whole number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Smallest.
    pub min: i128,
    /// Largest.
    pub max: i128,
    /// Smallest beside 0, where 0 has a meaning of its own.
    pub from: Option<i128>,
}

impl Range {
    /// True if `raw` is allowed.
    pub fn holds(&self, raw: i128) -> bool {
        let low = self.from.filter(|_| raw != 0).unwrap_or(self.min);
        (low..=self.max).contains(&raw)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |raw: i128| match i64::try_from(raw) {
            Ok(raw) => Plain(raw).to_string(),
            Err(_) => (raw / i128::from(SCALE)).to_string(),
        };
        let low = match self.from {
            Some(from) => format!("0 or {}", shown(from)),
            None => shown(self.min),
        };
        write!(f, "{low}..={}", shown(self.max))
    }
}

/// One key.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    /// `section.key`; `[]` stands for an entry of a list, `*` for a name that the file chooses.
    pub path: String,
    /// What it holds.
    pub kind: Kind,
    /// Allowed numbers, if it is one.
    pub range: Option<Range>,
    /// Unit, empty where there is none.
    pub unit: String,
    /// Meaning.
    pub about: String,
    /// For a secret: the environment variable that holds it.
    pub secret: Option<String>,
    /// For a text: its form (`https`, `wss`, `redis`, `path`, `route`).
    pub form: Option<String>,
    /// What this version cannot do yet and the key belongs to (`mode paper`): nothing reads it
    /// before, and only its default is accepted.
    pub waits_for: Option<String>,
    /// `null` is allowed.
    pub nullable: bool,
    /// Value without a file; null within lists, whose entries have none of their own.
    pub default: Value,
}

impl Key {
    /// The environment variable that sets this key, `None` within lists and free maps.
    pub fn variable(&self) -> Option<String> {
        let scalar = !self.path.contains(['[', '*']) && self.secret.is_none();
        scalar.then(|| format!("ARB_{}", self.path.replace('.', "__").to_uppercase()))
    }

    /// What may be written: `a whole number, 1..=1000 cycles`.
    pub fn allowed(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let range = self.range.map_or(unit.clone(), |range| format!(", {range}{unit}"));
        match &self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Whole => format!("a whole number{range}"),
            Kind::Decimal => format!("a decimal number{range}"),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Tick => "a number or upbit_krw".to_owned(),
            Kind::Text => match self.form.as_deref() {
                Some("path") => "a relative path without ..".to_owned(),
                Some("route") => "a path like /metrics".to_owned(),
                Some("wss") => {
                    "an address that starts with wss://, or ws:// on loopback".to_owned()
                }
                Some("https") => {
                    "an address that starts with https://, or http:// on loopback".to_owned()
                }
                Some(scheme) => format!("an address that starts with {scheme}://"),
                None => "text".to_owned(),
            },
        }
    }
}

/// The schema as a tree.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// A map with known keys, and those of them that an entry of a list must have.
    Section {
        /// Known keys.
        keys: BTreeMap<String, Shape>,
        /// Keys without a default.
        required: Vec<String>,
    },
    /// A map whose keys the file chooses.
    Dict(Box<Shape>),
    /// A list.
    List(Box<Shape>),
    /// A value.
    Leaf(Box<Key>),
}

/// JSON Schema of the whole configuration.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<ConfigYaml>().to_value()
}

/// Values of every key without a file.
pub fn defaults() -> Value {
    // Only maps with text keys, numbers and text: that cannot fail, and a test would see it.
    serde_json::to_value(ConfigYaml::default()).unwrap_or_default()
}

/// The schema as a tree. Made once; it is a constant that needs a heap.
pub fn shape() -> &'static Shape {
    static SHAPE: LazyLock<Shape> = LazyLock::new(|| shape_of("", &json_schema(), &defaults()));
    &SHAPE
}

/// Every key, sorted by path.
pub fn table() -> &'static [Key] {
    static TABLE: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let mut keys = Vec::new();
        collect(shape(), &mut keys);
        keys.sort_by(|a, b| a.path.cmp(&b.path));
        keys
    });
    &TABLE
}

/// The value at a path of plain keys (`risk.max_quote_age_ms`).
pub fn at<'v>(tree: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(tree, |value, key| value.get(key))
}

fn collect(shape: &Shape, keys: &mut Vec<Key>) {
    match shape {
        Shape::Section { keys: inner, .. } => inner.values().for_each(|s| collect(s, keys)),
        Shape::Dict(inner) | Shape::List(inner) => collect(inner, keys),
        Shape::Leaf(key) => keys.push((**key).clone()),
    }
}

fn shape_of(path: &str, schema: &Value, default: &Value) -> Shape {
    if let Some(properties) = schema["properties"].as_object() {
        let inner = |(name, schema): (&String, &Value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            (name.clone(), shape_of(&path, schema, &default[name]))
        };
        let keys = properties.iter().map(inner).collect();
        let names = schema["required"].as_array().into_iter().flatten();
        let required = names.filter_map(Value::as_str).map(str::to_owned).collect();
        return Shape::Section { keys, required };
    }
    let inner = |name: &str, path: String| {
        // What a list or map is for is written at the key itself.
        let mut inner = schema[name].clone();
        if inner["description"].is_null() {
            inner["description"] = schema["description"].clone();
        }
        Box::new(shape_of(&path, &inner, &Value::Null))
    };
    if schema["additionalProperties"].is_object() {
        return Shape::Dict(inner("additionalProperties", format!("{path}.*")));
    }
    if schema["items"].is_object() {
        return Shape::List(inner("items", format!("{path}[]")));
    }
    Shape::Leaf(Box::new(key_of(path, schema, default)))
}

fn key_of(path: &str, schema: &Value, default: &Value) -> Key {
    let text = |name: &str| schema[name].as_str().map(str::to_owned);
    let about = text("description").unwrap_or_default();
    Key {
        path: path.to_owned(),
        kind: kind_of(schema),
        range: range_of(schema),
        unit: text("unit").unwrap_or_default(),
        about: about.split_whitespace().collect::<Vec<_>>().join(" "),
        secret: text("secret"),
        form: text("form"),
        waits_for: text("waits_for"),
        nullable: schema["nullable"].as_bool().unwrap_or_default(),
        default: default.clone(),
    }
}

fn kind_of(schema: &Value) -> Kind {
    if let Some(words) = words_of(schema) {
        return Kind::Choice(words);
    }
    let is = |name: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|kind| kind == name),
        kind => kind == name,
    };
    match () {
        () if is("boolean") => Kind::Bool,
        () if is("integer") => Kind::Whole,
        () if is("number") && is("string") => Kind::Tick,
        () if is("number") => Kind::Decimal,
        () => Kind::Text,
    }
}

fn words_of(schema: &Value) -> Option<Vec<String>> {
    let word = |v: &Value| v.as_str().map(str::to_owned);
    if let Some(plain) = schema["enum"].as_array() {
        return plain.iter().map(word).collect();
    }
    schema["oneOf"].as_array()?.iter().map(|one| word(&one["const"])).collect()
}

fn range_of(schema: &Value) -> Option<Range> {
    let raw = |name: &str| {
        let text = schema.get(name)?.as_number()?.to_string();
        parse_fixed(text.as_bytes()).ok().map(i128::from)
    };
    let unlimited = i128::from(i64::MAX) * i128::from(SCALE);
    let min = raw("minimum")?;
    Some(Range { min, max: raw("maximum").unwrap_or(unlimited), from: raw("from") })
}
