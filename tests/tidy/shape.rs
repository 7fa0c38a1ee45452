//! Rules about size and form: files, functions, lines, parameters, front pages, names of files.

use crate::source::Fault;
use crate::source::Source;
use crate::source::is_word;
use crate::tables;

/// A function as the rules see it.
struct Function<'s> {
    name: &'s str,
    /// Index of its `fn`.
    at: usize,
    line: usize,
    /// From the line of `fn` to that of the closing brace, both counted.
    lines: usize,
    /// Without `self`.
    parameters: usize,
}

fn rust(files: &[Source]) -> impl Iterator<Item = &Source> {
    files.iter().filter(|file| file.is_rust())
}

pub fn files_are_short(files: &[Source]) -> Vec<Fault> {
    let long = rust(files).filter(|file| file.production_lines() > tables::FILE_LINES);
    long.map(|file| {
        let (lines, most) = (file.production_lines(), tables::FILE_LINES);
        file.fault(1, "long file", format!("{lines} lines, at most {most}: it is two files"))
    })
    .collect()
}

pub fn front_pages_are_short(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_under(&["src/"])) {
        let excepted = tables::LONG_FRONT_PAGES.iter().any(|row| row.0 == file.path);
        let lines = file.production_lines();
        let is_room = file.path.ends_with("/mod.rs") && file.path.matches('/').count() == 2;
        if is_room && !excepted && lines > tables::FRONT_PAGE_LINES {
            let most = tables::FRONT_PAGE_LINES;
            let fix = format!("{lines} lines, at most {most}: move code into a file of its own");
            faults.push(file.fault(1, "long front page", fix));
        }
    }
    faults
}

pub fn lines_are_short(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in rust(files) {
        for (index, line) in file.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > tables::COLUMNS {
                let fix = format!("{columns} columns, at most {}", tables::COLUMNS);
                faults.push(file.fault(index + 1, "long line", fix));
            }
        }
    }
    faults
}

pub fn every_file_begins_with_its_contract(files: &[Source]) -> Vec<Fault> {
    let fix = "begin with `//!`: what this file answers for, and what it never does";
    let silent = rust(files).filter(|file| !file.text.starts_with("//! "));
    silent.map(|file| file.fault(1, "no contract", fix)).collect()
}

pub fn functions_are_short(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in rust(files) {
        for function in functions(file).iter().filter(|f| f.lines > tables::FUNCTION_LINES) {
            let (name, lines, most) = (function.name, function.lines, tables::FUNCTION_LINES);
            let fix = format!("{name} has {lines} lines, at most {most}: name its parts");
            faults.push(file.fault(function.line, "long function", fix));
        }
    }
    faults
}

pub fn functions_take_few_parameters(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in rust(files) {
        for function in functions(file).iter().filter(|f| f.parameters > tables::PARAMETERS) {
            let (name, count, most) = (function.name, function.parameters, tables::PARAMETERS);
            let fix = format!("{name} takes {count}, at most {most}: pass a struct with names");
            faults.push(file.fault(function.line, "many parameters", fix));
        }
    }
    faults
}

pub fn test_names_are_sentences(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in rust(files) {
        for function in functions(file).iter().filter(|f| is_test(file, f.at)) {
            if function.name.split('_').filter(|w| !w.is_empty()).count() < tables::TEST_NAME_WORDS
            {
                let fix = format!("{}: name the rule that it protects", function.name);
                faults.push(file.fault(function.line, "test name", fix));
            }
        }
    }
    faults
}

/// True when one of the attributes right before this `fn` is `#[test]`.
fn is_test(file: &Source, at: usize) -> bool {
    let start = (0..at).rev().find(|i| file.is(*i, "}") || file.is(*i, "{") || file.is(*i, ";"));
    let marker = ["#", "[", "test", "]"];
    let from = start.map_or(0, |i| i + 1);
    (from..at).any(|i| marker.iter().enumerate().all(|(j, text)| file.is(i + j, text)))
}

fn functions(file: &Source) -> Vec<Function<'_>> {
    let starts = file.positions(&["fn"]).into_iter();
    starts.filter_map(|at| function_at(file, at)).collect()
}

/// `None` for a function pointer type or a macro's pattern.
fn function_at(file: &Source, at: usize) -> Option<Function<'_>> {
    let name = file.tokens.get(at + 1).filter(|token| is_word(&token.text))?;
    let open = parameters_open(file, at + 2)?;
    let close = closing(file, open)?;
    let body = (close..file.tokens.len()).find(|i| depth_zero_end(file, close, *i))?;
    let end = if file.is(body, "{") { closing(file, body)? } else { body };
    let line = file.tokens[at].line;
    let lines = file.tokens[end].line - line + 1;
    let parameters = count_parameters(file, open, close);
    Some(Function { name: &name.text, at, line, lines, parameters })
}

/// The `(` after a name and its generic parameters.
fn parameters_open(file: &Source, from: usize) -> Option<usize> {
    let mut angles = 0_i32;
    for at in from..file.tokens.len() {
        match file.tokens[at].text.as_str() {
            "<" => angles += 1,
            ">" => angles -= 1,
            "(" if angles == 0 => return Some(at),
            "{" | "}" | ";" => return None,
            _ => {}
        }
    }
    None
}

/// True at the `{` or `;` that ends a signature, outside every bracket opened since `from`.
fn depth_zero_end(file: &Source, from: usize, at: usize) -> bool {
    let text = file.tokens[at].text.as_str();
    if text != "{" && text != ";" {
        return false;
    }
    let count = |sign: &str| (from + 1..at).filter(|i| file.is(*i, sign)).count();
    count("[") == count("]") && count("(") == count(")")
}

/// The bracket that closes the one at `open`.
fn closing(file: &Source, open: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for at in open..file.tokens.len() {
        match file.tokens[at].text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Parameters between two parentheses: commas outside nested brackets, `self` left out.
fn count_parameters(file: &Source, open: usize, close: usize) -> usize {
    let (mut depth, mut count, mut filled, mut own) = (0_i32, 0, false, false);
    for at in open + 1..close {
        match file.tokens[at].text.as_str() {
            "(" | "[" | "{" | "<" => depth += 1,
            ")" | "]" | "}" | ">" => depth -= 1,
            "self" if count == 0 && depth == 0 && !file.is(at + 1, "::") => own = true,
            "," if depth == 0 => {
                count += 1;
                filled = false;
                continue;
            }
            _ => {}
        }
        filled = true;
    }
    count + usize::from(filled) - usize::from(own)
}

/// `order.rs` beside `orders.rs`, or `risk.rs` beside `risk_new.rs`: one of them is misplaced.
pub fn no_two_files_have_almost_the_same_name(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let stem = |file: &Source| file.path.trim_end_matches("/mod.rs").replace(".rs", "");
    let sources = || files.iter().filter(|file| file.is_under(&["src/"]) && file.is_rust());
    for file in sources() {
        for other in sources() {
            let (short, long) = (stem(file), stem(other));
            let plural = long == format!("{short}s");
            if plural || long.strip_prefix(&short).is_some_and(|rest| rest.starts_with('_')) {
                let fix = format!("differs little from {}: merge or rename", file.path);
                faults.push(other.fault(1, "near-same name", fix));
            }
        }
    }
    faults
}

/// The README promises two commands; `.ci/run` runs both, word for word, each as a stage.
pub fn the_readme_and_ci_agree(files: &[Source]) -> Vec<Fault> {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let Some(readme) = find("README.md") else {
        return vec![Source::new("README.md", "").fault(1, "README commands", "write one")];
    };
    let ci = find(".ci/run").map_or("", |file| &file.text);
    let stages: Vec<&str> = ci.lines().filter_map(stage_command).collect();
    let lines = readme.text.lines().enumerate().skip_while(|(_, line)| *line != "## Two commands");
    let block = lines.skip_while(|(_, line)| *line != "```sh").skip(1);
    let commands: Vec<_> = block.take_while(|(_, line)| *line != "```").collect();
    if commands.len() != 2 {
        let fix = "give exactly two commands in a `sh` block below `## Two commands`";
        return vec![readme.fault(1, "README commands", fix)];
    }
    let missing = commands.iter().filter(|(_, command)| !stages.contains(command));
    let fix = "run this very command as a stage of .ci/run";
    missing.map(|(index, _)| readme.fault(index + 1, "README commands", fix)).collect()
}

/// The command of a line `stage "name" command`.
fn stage_command(line: &str) -> Option<&str> {
    line.strip_prefix("stage \"")?.split_once("\" ").map(|(_, command)| command)
}
