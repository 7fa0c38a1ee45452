//! Where each scalar of a YAML text stands: line, column and exact characters, in reading order.
//!
//! The YAML library gives values without places. This scanner gives places; `document` joins the
//! two. It accepts what configuration files need (maps, lists, flow maps and lists, plain and
//! quoted scalars, comments) and refuses the rest of YAML by name: anchors and aliases (which can
//! multiply a small file into a huge one), tags, block scalars, directives, complex keys, tabs as
//! indentation and further documents. Bounded by the file size and by [`MOST_TOKENS`].

/// More scalars than fifty times the schema has.
pub const MOST_TOKENS: usize = 20_000;
/// Flow collections nested deeper than any key of the schema.
const DEEPEST_FLOW: usize = 16;

/// A place in the text, both counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Mark {
    /// Line.
    pub line: usize,
    /// Character of the line.
    pub column: usize,
}

/// One scalar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Where its first character stands.
    pub mark: Mark,
    /// Its characters; for a quoted scalar what stands between the quotes, escapes unread.
    pub text: String,
    /// It stands in quotes.
    pub quoted: bool,
    /// A colon follows: it is a key.
    pub key: bool,
}

/// Something that a configuration file may not contain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unwanted {
    /// Where.
    pub mark: Mark,
    /// What, and what to write in its place.
    pub what: &'static str,
}

/// All scalars of `text`.
///
/// # Errors
/// [`Unwanted`] at the first thing that is refused.
pub fn scan(text: &str) -> Result<Vec<Token>, Unwanted> {
    let mut scanner = Scanner {
        chars: text.chars().collect(),
        at: 0,
        mark: Mark { line: 1, column: 1 },
        flow: 0,
        indent: true,
        tokens: Vec::new(),
    };
    while scanner.at < scanner.chars.len() {
        scanner.step()?;
    }
    Ok(scanner.tokens)
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    mark: Mark,
    flow: usize,
    /// Only white space has been seen on this line.
    indent: bool,
    tokens: Vec<Token>,
}

impl Scanner {
    fn step(&mut self) -> Result<(), Unwanted> {
        let Some(now) = self.peek(0) else { return Ok(()) };
        if now == '\t' && self.indent {
            return Err(self.unwanted("a tab as indentation: use two spaces per level"));
        }
        if now.is_whitespace() {
            self.advance();
            return Ok(());
        }
        if self.mark.column == 1 && self.document_marker()? {
            return Ok(());
        }
        self.indent = false;
        match now {
            '#' => self.skip_line(),
            '[' | '{' if self.flow == DEEPEST_FLOW => {
                return Err(self.unwanted("nested too deep: write one key per line"));
            }
            '[' | '{' => {
                self.flow += 1;
                self.advance();
            }
            ']' | '}' | ',' | ':' => {
                self.flow -= usize::from(matches!(now, ']' | '}') && self.flow > 0);
                self.advance();
            }
            '-' if self.gap_at(1) => {
                // What follows a list dash is indentation again, as far as tabs are concerned.
                self.advance();
                self.indent = true;
            }
            '"' | '\'' => self.quoted(now)?,
            _ => self.plain(now)?,
        }
        Ok(())
    }

    /// `---`, `...` and `%` in the first column.
    fn document_marker(&mut self) -> Result<bool, Unwanted> {
        let three = |mark: char| (0..3).all(|i| self.peek(i) == Some(mark)) && self.gap_at(3);
        if three('.') || (three('-') && !self.tokens.is_empty()) {
            return Err(self.unwanted("a second document: keep one document per file"));
        }
        if self.peek(0) == Some('%') {
            return Err(self.unwanted("a YAML directive: remove the line"));
        }
        let start = three('-');
        if start {
            (0..3).for_each(|_| self.advance());
        }
        Ok(start)
    }

    fn quoted(&mut self, quote: char) -> Result<(), Unwanted> {
        let mark = self.mark;
        let mut text = String::new();
        self.advance();
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => break,
                (Some('\\'), Some(next)) if quote == '"' => {
                    text.extend(['\\', next]);
                    self.advance();
                }
                (Some('\''), Some('\'')) if quote == '\'' => {
                    text.push('\'');
                    self.advance();
                }
                (Some(end), _) if end == quote => {
                    self.advance();
                    break;
                }
                (Some(other), _) => text.push(other),
            }
            self.advance();
        }
        let mut ahead = 0;
        while self.peek(ahead) == Some(' ') {
            ahead += 1;
        }
        let key = self.peek(ahead) == Some(':');
        self.push(Token { mark, text, quoted: true, key })
    }

    fn plain(&mut self, first: char) -> Result<(), Unwanted> {
        self.refuse_indicator(first)?;
        let mark = self.mark;
        let mut text = String::new();
        let mut key = false;
        while let Some(now) = self.peek(0) {
            let flow_end = |c: char| self.flow > 0 && matches!(c, ',' | '[' | ']' | '{' | '}');
            let colon = now == ':' && (self.gap_at(1) || self.peek(1).is_some_and(flow_end));
            let comment = now == '#' && text.ends_with([' ', '\t']);
            if colon || comment || now == '\n' || flow_end(now) {
                key = colon;
                break;
            }
            text.push(now);
            self.advance();
        }
        text.truncate(text.trim_end().len());
        self.push(Token { mark, text, quoted: false, key })
    }

    fn refuse_indicator(&self, first: char) -> Result<(), Unwanted> {
        let what = match first {
            '&' | '*' => "an anchor or alias: write the value again where it is needed",
            '!' => "a tag: write the plain value",
            '|' | '>' => "a block text: write the value on one line",
            '?' if self.gap_at(1) => "a complex key: write `key: value`",
            '%' | '@' | '`' => "a character that YAML reserves: put the value in quotes",
            _ => return Ok(()),
        };
        Err(self.unwanted(what))
    }

    fn push(&mut self, token: Token) -> Result<(), Unwanted> {
        if self.tokens.len() == MOST_TOKENS {
            return Err(Unwanted { mark: token.mark, what: "more than 20000 keys and values" });
        }
        self.tokens.push(token);
        Ok(())
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.advance();
        }
    }

    fn advance(&mut self) {
        if self.peek(0) == Some('\n') {
            self.mark = Mark { line: self.mark.line + 1, column: 1 };
            self.indent = true;
        } else {
            self.mark.column += 1;
        }
        self.at += 1;
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// White space or the end of the text stands there.
    fn gap_at(&self, ahead: usize) -> bool {
        self.peek(ahead).is_none_or(char::is_whitespace)
    }

    fn unwanted(&self, what: &'static str) -> Unwanted {
        Unwanted { mark: self.mark, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(String, usize, usize)> {
        let tokens = scan(text).expect("plain YAML");
        tokens.into_iter().map(|t| (t.text, t.mark.line, t.mark.column)).collect()
    }

    #[test]
    fn comments_quotes_lists_and_flow_maps_keep_their_places() {
        let text = "a: 1 # not: this\nb:\n  - {c: 'x # y', \"d\": [2, z:1]}\n  - e f\n";
        let want = [
            ("a", 1, 1),
            ("1", 1, 4),
            ("b", 2, 1),
            ("c", 3, 6),
            ("x # y", 3, 9),
            ("d", 3, 18),
            ("2", 3, 24),
            ("z:1", 3, 27),
            ("e f", 4, 5),
        ];
        let want: Vec<_> = want.map(|(t, line, column)| (t.to_owned(), line, column)).into();
        assert_eq!(places(text), want);
    }

    #[test]
    fn what_a_configuration_does_not_need_is_refused_where_it_stands() {
        for (text, line) in [
            ("a: &x 1", 1),
            ("a: 1\nb: *x", 2),
            ("a: !!int 1", 1),
            ("a: |\n  x", 1),
            ("? a\n: b", 1),
            ("a:\n\tb: 1", 2),
            ("a: 1\n---\nb: 2", 2),
            ("a: 1\n...\n", 2),
            ("%YAML 1.2\n---\na: 1", 1),
            ("a: [[[[[[[[[[[[[[[[[[[[[1", 1),
        ] {
            let refused = scan(text).expect_err(text);
            assert_eq!(refused.mark.line, line, "{text}");
        }
    }
}
