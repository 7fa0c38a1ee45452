//! YAML text to a tree in which every key and value knows its line, duplicate keys included.
//!
//! Values are those of the YAML library; places and the exact text of numbers come from `scan`,
//! joined in reading order. If the two ever disagree about what a text says, the text is refused.

use std::collections::VecDeque;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

use crate::config::scan;
use crate::config::scan::Mark;
use crate::config::scan::Token;

/// A value and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// First character of the value; of its key for a collection or an absent value.
    pub mark: Mark,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// What YAML takes for a number, in the characters of the file.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys in the order of the file; the same key may come twice.
    Map(Vec<Entry>),
}

/// One key of a map and its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub mark: Mark,
    /// Its value.
    pub node: Node,
}

/// Why there is no tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Where, if the place is known.
    pub mark: Option<Mark>,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub fix: &'static str,
}

/// The tree of `text`; `None` for an empty text or one of comments only.
///
/// # Errors
/// [`Broken`] for text that is not YAML, or uses parts of YAML that are refused.
pub fn parse(text: &str) -> Result<Option<Node>, Broken> {
    let tokens = scan::scan(text).map_err(|unwanted| Broken {
        mark: Some(unwanted.mark),
        what: unwanted.what.to_owned(),
        fix: "a configuration has plain keys, values, lists and comments only",
    })?;
    if tokens.is_empty() && !text.contains(['{', '[']) {
        return Ok(None);
    }
    let raw: Raw = serde_yaml::from_str(text).map_err(|error| Broken {
        mark: error.location().map(|at| Mark { line: at.line(), column: at.column() }),
        what: format!("not readable as YAML: {error}"),
        fix: "write `key: value` with two spaces of indentation per level",
    })?;
    let mut join = Join { tokens: tokens.into(), last: Mark { line: 1, column: 1 } };
    let node = join.node(raw)?;
    match join.tokens.front() {
        None => Ok(Some(node)),
        Some(left) => Err(join.disagrees(left.mark)),
    }
}

/// What the YAML library reads, without places.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

struct Join {
    tokens: VecDeque<Token>,
    last: Mark,
}

impl Join {
    fn node(&mut self, raw: Raw) -> Result<Node, Broken> {
        let mark = self.last;
        let node = match raw {
            Raw::Null => {
                let null = |t: &Token| {
                    !t.key && !t.quoted && matches!(t.text.as_str(), "~" | "null" | "Null" | "NULL")
                };
                if !self.tokens.front().is_some_and(null) {
                    return Ok(Node { mark, value: Value::Null });
                }
                Node { mark: self.scalar()?.mark, value: Value::Null }
            }
            Raw::Bool(value) => Node { mark: self.scalar()?.mark, value: Value::Bool(value) },
            Raw::Number => {
                let token = self.scalar()?;
                Node { mark: token.mark, value: Value::Number(token.text) }
            }
            Raw::Text(text) => {
                let token = self.scalar()?;
                if !token.quoted && token.text != text {
                    return Err(self.disagrees(token.mark));
                }
                Node { mark: token.mark, value: Value::Text(text) }
            }
            Raw::List(items) => {
                let nodes = items.into_iter().map(|item| self.node(item));
                Node { mark, value: Value::List(nodes.collect::<Result<_, _>>()?) }
            }
            Raw::Map(pairs) => {
                let entries = pairs.into_iter().map(|(key, value)| self.entry(key, value));
                Node { mark, value: Value::Map(entries.collect::<Result<_, _>>()?) }
            }
        };
        Ok(node)
    }

    fn entry(&mut self, key: Raw, value: Raw) -> Result<Entry, Broken> {
        let token = self.tokens.pop_front().filter(|token| token.key);
        let Some(token) = token else { return Err(self.disagrees(self.last)) };
        self.last = token.mark;
        let name = match key {
            Raw::Text(text) if token.quoted || token.text == text => text,
            Raw::Null | Raw::Bool(_) | Raw::Number => token.text,
            _ => return Err(self.disagrees(token.mark)),
        };
        Ok(Entry { key: name, mark: token.mark, node: self.node(value)? })
    }

    fn scalar(&mut self) -> Result<Token, Broken> {
        let token = self.tokens.pop_front().filter(|token| !token.key);
        token.ok_or_else(|| self.disagrees(self.last))
    }

    fn disagrees(&self, mark: Mark) -> Broken {
        Broken {
            mark: Some(mark),
            what: "this way of writing a value is not supported".to_owned(),
            fix: "write `key: value` on one line, in quotes if the value has special characters",
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Raw, D::Error> {
        input.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain YAML value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Vec<Entry> {
        match parse(text).expect("readable").expect("not empty").value {
            Value::Map(entries) => entries,
            other => panic!("a map, not {other:?}"),
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_in_the_tree_twice() {
        let entries = map("a: 1\n\"a\": 0.30\n");
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1].mark, Mark { line: 2, column: 1 });
        assert_eq!(entries[1].node.value, Value::Number("0.30".to_owned()));
    }

    #[test]
    fn only_real_numbers_and_booleans_are_numbers_and_booleans() {
        for text in ["1_000", "yes", "on", "'5'", "1 000"] {
            let value = &map(&format!("a: {text}"))[0].node.value;
            assert!(matches!(value, Value::Text(_)), "{text} is {value:?}");
        }
    }

    #[test]
    fn comments_only_are_nothing_and_a_value_over_two_lines_is_refused() {
        assert_eq!(parse("# a\n\n---\n# b"), Ok(None));
        let broken = parse("a: x\n  y\n").expect_err("two lines");
        assert_eq!(broken.mark.map(|mark| mark.line), Some(1));
    }
}
