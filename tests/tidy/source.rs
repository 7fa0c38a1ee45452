//! The tree as the rules see it: files with their lines and, for Rust, their tokens. Comments and
//! the insides of literals are no tokens, so no rule trips over a word in a text.

use std::fmt;
use std::fs;
use std::path::Path;

/// Endings of the files that rules look at.
const TEXT: [&str; 6] = ["rs", "md", "toml", "sh", "yml", "run"];
/// Folders that hold output or recorded data, not text that somebody wrote; from the root.
const SKIPPED: [&str; 5] = ["target", ".git", "logs", "journal", "tests/data"];

/// One word, number, literal or sign of Rust source.
pub struct Token {
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

/// One file.
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    pub text: String,
    /// Empty unless the file is Rust.
    pub tokens: Vec<Token>,
}

/// A broken rule: where, which, and what to do about it.
pub struct Fault {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.fix)
    }
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let tokens = if path.ends_with(".rs") { tokens(text) } else { Vec::new() };
        Source { path: path.to_string(), text: text.to_string(), tokens }
    }
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
    /// True when the file lies under one of these path prefixes.
    pub fn is_under(&self, prefixes: &[&str]) -> bool {
        prefixes.iter().any(|prefix| self.path.starts_with(prefix))
    }
    /// How many tokens stand before the first `#[cfg(test)]`.
    pub fn production_end(&self) -> usize {
        let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
        self.positions(&marker).first().copied().unwrap_or(self.tokens.len())
    }
    /// Lines before the first `#[cfg(test)]`.
    pub fn production_lines(&self) -> usize {
        match self.tokens.get(self.production_end()) {
            Some(token) => token.line - 1,
            None => self.text.lines().count(),
        }
    }
    /// Where this run of tokens begins, each time it occurs.
    pub fn positions(&self, wanted: &[&str]) -> Vec<usize> {
        let fits = |at: &usize| wanted.iter().enumerate().all(|(i, want)| self.is(at + i, want));
        (0..self.tokens.len()).filter(fits).collect()
    }
    /// True when the token at this index exists and reads so.
    pub fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text == text)
    }
    /// The `::`-separated words that begin at this index.
    pub fn path_at(&self, start: usize) -> Vec<&str> {
        let mut segments = Vec::new();
        let mut at = start;
        while let Some(token) = self.tokens.get(at).filter(|token| is_word(&token.text)) {
            segments.push(token.text.as_str());
            if !self.is(at + 1, "::") {
                break;
            }
            at += 2;
        }
        segments
    }
    pub fn fault(&self, line: usize, rule: &'static str, fix: impl Into<String>) -> Fault {
        Fault { path: self.path.clone(), line, rule, fix: fix.into() }
    }
}

/// True for an identifier, a keyword or a number.
pub fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Every text file of the repository.
pub fn tree() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(root, root, &mut files);
    let seen = |path: &str| files.iter().any(|file| file.path == path);
    assert!(seen("src/lib.rs") && seen("tests/tidy.rs") && seen(".ci/run"), "not the whole tree");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let inside = path.strip_prefix(root).expect("a file below the root");
        let name = inside.to_string_lossy();
        let ending = name.rsplit(['.', '/']).next().unwrap_or_default();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_ref()) {
                collect(root, &path, files);
            }
        } else if TEXT.contains(&ending) {
            let text = fs::read_to_string(&path).expect("a text file in UTF-8");
            files.push(Source::new(&name, &text));
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.tokens
}

/// Cuts Rust source into tokens; exact where braces, quotes and comments matter.
struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.skip_while(|c| c != '\n'),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.quote(),
            (c, _) if c.is_whitespace() => self.advance(1),
            (c, _) if c.is_ascii_digit() => self.number(),
            (c, _) if c.is_alphabetic() || c == '_' => self.word(),
            (':', ':') | ('-', '>') | ('=', '>') => self.take(2),
            _ => self.take(1),
        }
    }
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }
    fn advance(&mut self, count: usize) {
        let end = (self.at + count).min(self.chars.len());
        self.line += self.chars[self.at..end].iter().filter(|c| **c == '\n').count();
        self.at = end;
    }
    fn take(&mut self, count: usize) {
        let end = (self.at + count).min(self.chars.len());
        let text = self.chars[self.at..end].iter().collect();
        self.tokens.push(Token { text, line: self.line });
        self.advance(count);
    }
    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.at < self.chars.len() && wanted(self.peek(0)) {
            self.advance(1);
        }
    }
    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ if self.at >= self.chars.len() => return,
                _ => {
                    self.advance(1);
                    continue;
                }
            }
            self.advance(2);
            if depth == 0 {
                return;
            }
        }
    }
    fn literal(&mut self) {
        self.tokens.push(Token { text: "\"\"".to_string(), line: self.line });
    }
    fn string(&mut self) {
        self.literal();
        self.advance(1);
        while self.at < self.chars.len() && self.peek(0) != '"' {
            self.advance(if self.peek(0) == '\\' { 2 } else { 1 });
        }
        self.advance(1);
    }
    /// `r"…"` or `r#"…"#`, standing on the first `#` or the quote.
    fn raw_string(&mut self) {
        self.literal();
        let hashes = (0..).take_while(|i| self.peek(*i) == '#').count();
        self.advance(hashes + 1);
        let closes =
            |lexer: &Lexer| lexer.peek(0) == '"' && (1..=hashes).all(|i| lexer.peek(i) == '#');
        while self.at < self.chars.len() && !closes(self) {
            self.advance(1);
        }
        self.advance(hashes + 1);
    }
    /// A character literal or a lifetime.
    fn quote(&mut self) {
        if self.peek(1) != '\\' && self.peek(2) != '\'' {
            return self.take(1); // a lifetime: its name follows as a word
        }
        self.literal();
        self.advance(if self.peek(1) == '\\' { 3 } else { 2 });
        self.skip_while(|c| c != '\'');
        self.advance(1);
    }
    fn number(&mut self) {
        let field = self.tokens.last().is_some_and(|token| token.text == ".");
        let digits = |from: usize| {
            let word = |i: &usize| self.peek(*i).is_alphanumeric() || self.peek(*i) == '_';
            (from..).take_while(word).count()
        };
        let whole = digits(0);
        let fraction = self.peek(whole) == '.' && self.peek(whole + 1).is_ascii_digit();
        let count = if fraction && !field { whole + 1 + digits(whole + 1) } else { whole };
        self.take(count);
    }
    fn word(&mut self) {
        let wanted = |i: &usize| self.peek(*i).is_alphanumeric() || self.peek(*i) == '_';
        let count = (0..).take_while(wanted).count();
        let word: String = self.chars[self.at..self.at + count].iter().collect();
        let after = (self.peek(count), self.peek(count + 1));
        match (word.as_str(), after) {
            ("r" | "br" | "cr", ('"', _) | ('#', '"' | '#')) => {
                self.advance(count);
                self.raw_string();
            }
            ("b" | "c", ('"', _)) => self.advance(count),
            ("b", ('\'', _)) => self.advance(count),
            _ => self.take(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Source::new("a.rs", text).tokens.into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn braces_in_literals_and_comments_are_no_tokens() {
        let text = r####"a "{\"" b'{' '{' '\'' r#"{"{"# /* { /* { */ { */ br"{" // {
            b"####;
        let literal = "\"\"";
        let expected = ["a", literal, literal, literal, literal, literal, literal, "b"];
        assert_eq!(words(text), expected);
    }

    #[test]
    fn a_lifetime_opens_no_literal() {
        assert_eq!(words("<'f> 'a: {"), ["<", "'", "f", ">", "'", "a", ":", "{"]);
    }

    #[test]
    fn a_tuple_field_is_no_fraction() {
        assert_eq!(
            words("x.0.1 + 1.5 + 0..9"),
            "x . 0 . 1 + 1.5 + 0 . . 9".split(' ').collect::<Vec<_>>()
        );
    }

    #[test]
    fn lines_are_counted_through_every_kind_of_token() {
        let source = Source::new("a.rs", "/*\n*/ \"\n\" r\"\n\"\nlast");
        let last = source.tokens.last().map(|token| (token.text.as_str(), token.line));
        assert_eq!(last, Some(("last", 5)));
    }
}
