//! Rules about who names whom: layers, circles between files, third-party crates, use lines.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::source::Fault;
use crate::source::Source;
use crate::tables;

/// A path of our own crate in one file.
struct Mention<'s> {
    line: usize,
    segments: Vec<&'s str>,
    /// True behind the first `#[cfg(test)]`.
    in_tests: bool,
}

/// Every `crate::a::b` of a file, in use lines and inline (`arb::a::b` in `main.rs`).
fn mentions(file: &Source) -> Vec<Mention<'_>> {
    let root = if file.path == "src/main.rs" { "arb" } else { "crate" };
    let production = file.production_end();
    let mention = |at: usize| Mention {
        line: file.tokens[at].line,
        segments: file.path_at(at + 2),
        in_tests: at >= production,
    };
    let starts = file.positions(&[root, "::"]).into_iter();
    let ours = starts.filter(|at| *at == 0 || !file.is(at - 1, "$") && !file.is(at - 1, "::"));
    ours.map(mention).collect()
}

/// The top-level module that a file belongs to; `None` for `lib.rs` and files outside `src`.
fn module_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let module = inside.split('/').next()?;
    (module != "lib").then_some(module)
}

pub fn imports_point_downward(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        let Some(module) = module_of(&file.path) else { continue };
        let Some((_, allowed, _)) = tables::ARROWS.iter().find(|row| row.0 == module) else {
            let fix = "no row in ARROWS (tests/tidy/tables.rs): say what it may import";
            faults.push(file.fault(1, "unknown module", fix));
            continue;
        };
        for mention in mentions(file) {
            let Some(target) = mention.segments.first().copied() else { continue };
            if target != module && !allowed.contains(&target) {
                let fix = refused_arrow(module, target);
                faults.push(file.fault(mention.line, "import arrow", fix));
            }
        }
    }
    faults
}

fn refused_arrow(module: &str, target: &str) -> String {
    let both_threads = tables::THREADS.contains(&module) && tables::THREADS.contains(&target);
    match target {
        _ if both_threads => format!("talk to {target} through a link, with a type from types"),
        "config" => format!("define a limits struct in {module}; config imports it"),
        _ => format!("{module} may not name {target}: move the shared part down"),
    }
}

pub fn config_takes_only_limits(files: &[Source]) -> Vec<Fault> {
    let is_limits = |segment: &&str| segment.to_lowercase().contains(tables::CONFIG_TAKES);
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_under(&["src/config/", "src/config.rs"])) {
        for mention in mentions(file) {
            let thread = mention.segments.first().filter(|s| tables::THREADS.contains(s));
            if thread.is_some() && !mention.segments.iter().any(is_limits) {
                let fix = "take the limits struct only; behaviour is not config's business";
                faults.push(file.fault(mention.line, "config imports behaviour", fix));
            }
        }
    }
    faults
}

pub fn our_paths_are_one_per_line(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_under(&["src/"])) {
        for root in ["crate", "arb"] {
            for at in file.positions(&["use", root, "::"]) {
                let end = (at..).find(|i| file.is(*i, ";")).unwrap_or(at);
                if (at..end).any(|i| file.is(i, "{") || file.is(i, "*") || file.is(i, ",")) {
                    let line = file.tokens[at].line;
                    let fix = "write `use crate::x::y::Z;`, one item a line, so search finds it";
                    faults.push(file.fault(line, "nested import", fix));
                }
            }
        }
        let production = file.production_end();
        for at in file.positions(&["super", "::"]) {
            if at < production || file.is(at + 2, "super") {
                let fix = "write `crate::x::y`, so that search and this test see the arrow";
                faults.push(file.fault(file.tokens[at].line, "relative path", fix));
            }
        }
    }
    faults
}

/// Two files that name each other are one file, or miss a third. A folder's front page and its
/// files may: the page holds their contract and the list of them. So may their unit tests.
pub fn no_two_files_import_each_other(files: &[Source]) -> Vec<Fault> {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut edges: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for file in files.iter().filter(|file| is_plain_module(&file.path)) {
        for mention in mentions(file).iter().filter(|mention| !mention.in_tests) {
            let target = file_of(&mention.segments, &paths);
            if let Some(target) = target.filter(|t| is_plain_module(t) && *t != file.path) {
                edges.entry((file.path.as_str(), target)).or_insert(mention.line);
            }
        }
    }
    let mutual = edges.iter().filter(|((a, b), _)| a < b && edges.contains_key(&(*b, *a)));
    mutual
        .map(|((a, b), line)| Fault {
            path: (*a).to_string(),
            line: *line,
            rule: "mutual import",
            fix: format!("{b} imports it too: move the shared part below both"),
        })
        .collect()
}

fn is_plain_module(path: &str) -> bool {
    path.starts_with("src/") && !path.ends_with("/mod.rs") && path != "src/lib.rs"
}

/// The deepest file that a path leads into.
fn file_of<'p>(segments: &[&str], paths: &BTreeSet<&'p str>) -> Option<&'p str> {
    (1..=segments.len()).rev().find_map(|depth| {
        let stem = segments[..depth].join("/");
        let file = paths.get(format!("src/{stem}.rs").as_str());
        file.or_else(|| paths.get(format!("src/{stem}/mod.rs").as_str())).copied()
    })
}

/// Top-level modules form no circle, whatever the table of arrows says.
pub fn modules_form_no_circle(files: &[Source]) -> Vec<Fault> {
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files {
        let Some(module) = module_of(&file.path) else { continue };
        for mention in mentions(file) {
            let target = mention.segments.first().copied().filter(|target| *target != module);
            edges.entry(module).or_default().extend(target);
        }
    }
    let in_circle = |start: &&&str| reaches_itself(start, &edges);
    let circle: Vec<&str> = edges.keys().filter(in_circle).copied().collect();
    if circle.is_empty() {
        return Vec::new();
    }
    let fix = format!("{}: cut one arrow", circle.join(" -> "));
    vec![Fault { path: format!("src/{}", circle[0]), line: 1, rule: "circle of modules", fix }]
}

fn reaches_itself(start: &str, edges: &BTreeMap<&str, BTreeSet<&str>>) -> bool {
    let mut waiting = vec![start];
    let mut seen = BTreeSet::new();
    while let Some(module) = waiting.pop() {
        for next in edges.get(module).into_iter().flatten() {
            if *next == start {
                return true;
            }
            if seen.insert(*next) {
                waiting.push(next);
            }
        }
    }
    false
}

pub fn each_crate_is_named_in_its_place(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_under(&["src/"])) {
        for (name, homes, why) in tables::CRATES {
            if homes.is_empty() || file.is_under(homes) {
                continue;
            }
            for line in namings(file, name) {
                let fix = format!("name it in {} only: {why}", homes.join(", "));
                faults.push(file.fault(line, "third-party crate", fix));
            }
        }
    }
    faults
}

/// Lines in which a crate of that name is used by path.
fn namings(file: &Source, name: &str) -> Vec<usize> {
    let inner = |at: usize| at > 0 && (file.is(at - 1, "::") || file.is(at - 1, "."));
    let leads = |at: usize| file.is(at + 1, "::");
    let used = |at: usize| at > 0 && (file.is(at - 1, "use") || file.is(at - 1, "crate"));
    let found = file.positions(&[name]).into_iter();
    found
        .filter(|at| !inner(*at) && (leads(*at) || used(*at)))
        .map(|at| file.tokens[at].line)
        .collect()
}

pub fn the_engine_never_logs(files: &[Source]) -> Vec<Fault> {
    let engine = files.iter().filter(|file| file.is_under(&["src/engine/"]));
    let fix = "count it, or emit a fact: the engine thread does not format";
    let fault = |file: &Source, line| file.fault(line, "log in the engine", fix);
    engine.flat_map(|file| namings(file, "log").into_iter().map(|l| fault(file, l))).collect()
}

/// A dependency that no row places could be named anywhere.
pub fn every_dependency_has_a_place(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.path == "Cargo.toml") {
        let mut inside = false;
        for (index, line) in file.text.lines().enumerate() {
            if line.starts_with('[') {
                inside = line.contains("dependencies]");
                continue;
            }
            let name = line.split(['=', '.']).next().unwrap_or_default().trim().replace('-', "_");
            let listed = tables::CRATES.iter().any(|row| row.0 == name);
            if inside && line.contains('=') && !line.starts_with([' ', '#']) && !listed {
                let fix = format!("say in CRATES (tests/tidy/tables.rs) where {name} may be named");
                faults.push(file.fault(index + 1, "dependency without a place", fix));
            }
        }
    }
    faults
}
