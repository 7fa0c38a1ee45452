//! What is built into the program: no banned crate, known licences only, everything from
//! crates.io, and not more of it than somebody can read. The lists are those of `deny.toml`.
//!
//! Names, versions and sources come from `Cargo.lock`, which covers every platform; licences come
//! from `cargo metadata` for this platform, which needs no network once the program is built.

#![allow(clippy::expect_used, reason = "a test without its metadata must stop")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Most packages in `Cargo.lock`, those of other platforms and of tests included.
const MOST_PACKAGES: usize = 230;
/// Families that are refused as a whole; `deny.toml` cannot name a pattern.
const BANNED_PREFIXES: [&str; 1] = ["async-"];
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
const OURSELVES: &str = "arb";

#[derive(Clone, Debug, Default)]
struct Package {
    name: String,
    version: String,
    /// Empty for a path dependency.
    source: String,
    /// SPDX expression; empty when it states none.
    licence: String,
}

/// The lists of `deny.toml`.
struct Policy {
    /// `name` or `name:<version`.
    banned: Vec<String>,
    licences: Vec<String>,
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}: commit it"))
}

/// The first quoted text of each entry of `key = [` in `deny.toml`, one entry a line.
fn entries(toml: &str, key: &str) -> Vec<String> {
    let start = format!("{key} = [");
    let lines = toml.lines().skip_while(|line| *line != start).skip(1);
    let body = lines.take_while(|line| *line != "]");
    body.filter_map(|line| line.split('"').nth(1)).map(str::to_string).collect()
}

fn policy() -> Policy {
    let toml = read("deny.toml");
    let policy = Policy { banned: entries(&toml, "deny"), licences: entries(&toml, "allow") };
    assert!(policy.banned.iter().any(|name| name == "tokio"), "deny.toml: `deny` was not read");
    assert!(policy.licences.iter().any(|id| id == "MIT"), "deny.toml: `allow` was not read");
    policy
}

/// The packages of a `Cargo.lock`.
fn locked(text: &str) -> Vec<Package> {
    let field = |block: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = block.lines().find_map(|line| line.strip_prefix(start.as_str()));
        line.unwrap_or_default().trim_end_matches('"').to_string()
    };
    let package = |block: &str| Package {
        name: field(block, "name"),
        version: field(block, "version"),
        source: field(block, "source"),
        licence: String::new(),
    };
    text.split("[[package]]").skip(1).map(package).collect()
}

/// The packages of `cargo metadata`.
fn described(metadata: &Value) -> Vec<Package> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let package = |value: &Value| Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        source: text(&value["source"]),
        licence: text(&value["license"]),
    };
    metadata["packages"].as_array().into_iter().flatten().map(package).collect()
}

fn cargo_metadata() -> Value {
    let offline = metadata_with(&["--offline"]);
    let output = offline.or_else(|_| metadata_with(&[])).unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_slice(&output).expect("cargo metadata prints JSON")
}

fn metadata_with(extra: &[&str]) -> Result<Vec<u8>, String> {
    let rustc = Command::new("rustc").arg("-vV").output().map_err(|error| error.to_string())?;
    let version = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .args(extra)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// `1.2.3-pre` as numbers; what is no number counts as 0.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).take(3).map(|part| part.parse().unwrap_or(0)).collect()
}

fn is_banned(package: &Package, rule: &str) -> bool {
    match rule.split_once(":<") {
        Some((name, least)) => package.name == name && numbers(&package.version) < numbers(least),
        None => package.name == rule,
    }
}

fn banned<'p>(packages: &'p [Package], policy: &Policy) -> Vec<&'p Package> {
    let family = |p: &Package| BANNED_PREFIXES.iter().any(|prefix| p.name.starts_with(prefix));
    let listed = |p: &Package| policy.banned.iter().any(|rule| is_banned(p, rule));
    packages.iter().filter(|p| family(p) || listed(p)).collect()
}

fn from_elsewhere(packages: &[Package]) -> Vec<&Package> {
    packages.iter().filter(|p| p.source != REGISTRY && p.name != OURSELVES).collect()
}

fn unlicensed<'p>(packages: &'p [Package], policy: &Policy) -> Vec<&'p Package> {
    packages.iter().filter(|package| !is_allowed(&package.licence, &policy.licences)).collect()
}

/// True when an SPDX expression can be satisfied with the given licences. `OR` binds weaker than
/// `AND`; the old `/` is an `OR`; a licence `WITH` an exception needs a row of its own.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let satisfied = any_of(&mut rest, allowed);
    satisfied && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut satisfied = all_of(rest, allowed);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        satisfied |= all_of(rest, allowed);
    }
    satisfied
}

fn all_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut satisfied = one(rest, allowed);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        satisfied &= one(rest, allowed);
    }
    satisfied
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    let Some((first, after)) = rest.split_first() else { return false };
    *rest = after;
    if *first == "(" {
        let satisfied = any_of(rest, allowed);
        let closed = rest.first() == Some(&")");
        *rest = rest.get(1..).unwrap_or_default();
        return satisfied && closed;
    }
    let mut licence = (*first).to_string();
    if let ["WITH", exception, after @ ..] = *rest {
        licence = format!("{licence} WITH {exception}");
        *rest = after;
    }
    allowed.contains(&licence)
}

/// What the rules must refuse, one package per defect.
fn planted() -> Vec<Package> {
    let metadata = serde_json::json!({"packages": [
        {"name": "tokio", "version": "1.50.0", "source": REGISTRY, "license": "MIT"},
        {"name": "async-io", "version": "2.0.0", "source": REGISTRY, "license": "MIT"},
        {"name": "crossbeam-channel", "version": "0.5.9", "source": REGISTRY, "license": "MIT"},
        {"name": "forked", "version": "1.0.0", "source": "git+https://x/y", "license": "MIT"},
        {"name": "beside", "version": "1.0.0", "source": null, "license": "MIT"},
        {"name": "viral", "version": "1.0.0", "source": REGISTRY, "license": "AGPL-3.0"},
        {"name": "silent", "version": "1.0.0", "source": REGISTRY, "license": null},
        {"name": "arb", "version": "0.1.0", "source": null, "license": "MIT"},
        {"name": "crossbeam-channel", "version": "0.5.17", "source": REGISTRY, "license": "MIT"},
    ]});
    described(&metadata)
}

fn names<'p>(packages: &[&'p Package]) -> Vec<&'p str> {
    packages.iter().map(|package| package.name.as_str()).collect()
}

#[test]
fn no_banned_crate_is_built_in() {
    let policy = policy();
    let seen = planted();
    assert_eq!(names(&banned(&seen, &policy)), ["tokio", "async-io", "crossbeam-channel"]);

    let packages = [locked(&read("Cargo.lock")), described(&cargo_metadata())].concat();
    let found = banned(&packages, &policy);
    assert!(found.is_empty(), "remove {:?}; deny.toml says why", names(&found));
}

#[test]
fn every_crate_comes_from_the_registry() {
    assert_eq!(names(&from_elsewhere(&planted())), ["forked", "beside"]);

    let packages = locked(&read("Cargo.lock"));
    let found = from_elsewhere(&packages);
    assert!(found.is_empty(), "take {:?} from crates.io", names(&found));
}

#[test]
fn every_crate_has_an_acceptable_licence() {
    let policy = policy();
    assert_eq!(names(&unlicensed(&planted(), &policy)), ["viral", "silent"]);

    let packages = described(&cargo_metadata());
    let found = unlicensed(&packages, &policy);
    assert!(found.is_empty(), "deny.toml does not allow the licences of {found:?}");
}

#[test]
fn the_number_of_crates_stays_readable() {
    let lock = read("Cargo.lock");
    let count = locked(&lock).len();
    println!("{count} packages in Cargo.lock, at most {MOST_PACKAGES}");
    assert_eq!(count, lock.matches("[[package]]").count(), "every package was read");
    let least = described(&cargo_metadata()).len();
    assert!(count >= least && least > 10, "{count} locked, {least} described: cannot both be true");
    assert!(count <= MOST_PACKAGES, "{count} packages: which of them is worth its weight?");
}

#[test]
fn a_licence_expression_is_read_by_its_precedence() {
    let allowed: Vec<String> = ["MIT", "Zlib"].map(String::from).to_vec();
    let good =
        ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR X) AND Zlib", "X AND Y OR Zlib"];
    for expression in good {
        assert!(is_allowed(expression, &allowed), "{expression}");
    }
    let bad = ["", "X", "MIT AND X", "(MIT", "MIT)", "MIT WITH X", "MIT Zlib", "X OR Y AND MIT"];
    for expression in bad {
        assert!(!is_allowed(expression, &allowed), "{expression}");
    }
}

#[test]
fn the_versions_of_a_ban_compare_as_numbers() {
    let package = |version: &str| Package {
        name: "crossbeam-channel".to_string(),
        version: version.to_string(),
        ..Package::default()
    };
    let rule = "crossbeam-channel:<0.5.17";
    assert!(is_banned(&package("0.5.9"), rule));
    assert!(!is_banned(&package("0.5.17"), rule));
    assert!(!is_banned(&package("0.10.0"), rule));
    assert!(!is_banned(&package("1.0.0"), rule));
}
