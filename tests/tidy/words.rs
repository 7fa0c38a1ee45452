//! Rules about words: calls that belong elsewhere, floats in money code, unfinished work, signs.

use crate::source::Fault;
use crate::source::Source;
use crate::tables;

pub fn calls_stay_in_their_place(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (call, places, fix) in tables::CALLS {
            if file.is_under(places) {
                continue;
            }
            for at in file.positions(call) {
                let fix = format!("`{}`: {fix}", call.concat());
                faults.push(file.fault(file.tokens[at].line, "call out of place", fix));
            }
        }
    }
    faults
}

pub fn only_commands_print(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let silent = |file: &&Source| file.is_rust() && !file.is_under(&tables::PRINTERS);
    for file in files.iter().filter(silent) {
        for name in tables::PRINTS {
            let found = file.positions(&[name, "!"]);
            for at in found.into_iter().filter(|at| *at < file.production_end()) {
                let fix = format!("`{name}!`: return the value, count it, or use `log`");
                faults.push(file.fault(file.tokens[at].line, "print outside a command", fix));
            }
        }
    }
    faults
}

pub fn money_has_no_floating_point(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_under(&tables::EXACT)) {
        let production = file.tokens.iter().take(file.production_end());
        for token in production.filter(|token| is_float(&token.text)) {
            let fix = format!("`{}`: use the fixed-point types of types::units", token.text);
            faults.push(file.fault(token.line, "floating point", fix));
        }
    }
    faults
}

/// A float type, or a literal such as `0.5`, `1e9` or `1f64`.
fn is_float(token: &str) -> bool {
    if matches!(token, "f32" | "f64") {
        return true;
    }
    let rest = token.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let number = token.starts_with(|c: char| c.is_ascii_digit());
    let exponent = rest.strip_prefix(['e', 'E']).is_some_and(|r| r.starts_with(char::is_numeric));
    number && (rest.starts_with(['.', 'f']) || exponent)
}

pub fn nothing_is_left_unfinished(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && !names_the_forbidden(file)) {
        for (index, line) in file.text.lines().enumerate() {
            for (word, fix) in tables::UNFINISHED.iter().filter(|row| has_word(line, row.0)) {
                faults.push(file.fault(index + 1, "unfinished", format!("`{word}`: {fix}")));
            }
        }
    }
    faults
}

/// True when `word` stands in `line` and is no part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

fn names_the_forbidden(file: &Source) -> bool {
    tables::NAMES_THE_FORBIDDEN.iter().any(|row| row.0 == file.path)
}

pub fn no_test_is_switched_off(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        for at in file.positions(&["#", "[", "ignore"]) {
            let fix = "run it, or delete it: a test that never runs protects nothing";
            faults.push(file.fault(file.tokens[at].line, "ignored test", fix));
        }
    }
    faults
}

pub fn every_allow_has_a_reason(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        for word in ["allow", "expect"] {
            for at in file.positions(&["[", word, "("]) {
                let end = (at..file.tokens.len()).find(|i| file.is(*i, "]")).unwrap_or(at);
                if !(at..end).any(|i| file.is(i, "reason") && file.is(i + 1, "=")) {
                    let fix = "add `reason = \"…\"`, or mend what the lint found";
                    faults.push(file.fault(file.tokens[at].line, "lint without a reason", fix));
                }
            }
        }
    }
    faults
}

pub fn text_has_plain_signs_only(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            let odd = |c: &char| !c.is_ascii() && !tables::SIGNS.contains(*c);
            if let Some(sign) = line.chars().find(odd) {
                let fix = format!("U+{:04X} is not in SIGNS: say it in words", u32::from(sign));
                faults.push(file.fault(index + 1, "odd sign", fix));
            }
        }
    }
    faults
}

pub fn comments_draw_no_banners(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (index, line) in file.text.lines().enumerate() {
            let comment = line.trim_start().strip_prefix("//").unwrap_or_default();
            let drawn = ["=====", "-----", "*****", "#####", "/////"];
            if drawn.iter().any(|rule| comment.contains(rule)) {
                let fix = "remove it; a file that needs sections is two files";
                faults.push(file.fault(index + 1, "banner", fix));
            }
        }
    }
    faults
}

pub fn no_path_belongs_to_one_machine(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| !names_the_forbidden(file)) {
        for (index, line) in file.text.lines().enumerate() {
            for path in tables::MACHINE_PATHS.iter().filter(|path| stands_alone(line, path)) {
                let fix = format!("`{path}`: write a path relative to the repository");
                faults.push(file.fault(index + 1, "path of one machine", fix));
            }
        }
    }
    faults
}

/// True when the path begins there and is no later part of a relative path.
fn stands_alone(line: &str, path: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '.' || c == '_';
    line.match_indices(path).any(|(at, _)| !line[..at].chars().next_back().is_some_and(inner))
}
