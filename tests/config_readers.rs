//! No key of the configuration is left without a reader: each is read in `src` beyond its own
//! declaration and the rules between keys, or declared as waiting for what is not built yet, and
//! then really unread. The source is looked at as tokens, function by function.

#![allow(clippy::expect_used, reason = "a tree that cannot be read must stop the test")]

#[allow(dead_code, reason = "the rules of tidy use the rest")]
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;

use arb::config::keys;
use arb::config::load::Request;
use arb::config::load::load_bytes;
use source::Source;

/// Where a key is declared or only compared with others: that is no reader.
const NO_READERS: [&str; 3] =
    ["src/config/yaml/", "src/config/check/rules.rs", "src/config/check/waits.rs"];

/// Where sections may be named at all: nothing else may import `config`.
const MAY_READ: [&str; 4] = ["src/config/", "src/cli/", "src/scenario/", "src/topology"];

/// Readers that the scan cannot see: key (`*` for any part), file, tokens, why.
const ELSEWHERE: [(&str, &str, &str, &str); 14] = [
    ("instruments[].venue", INSTRUMENTS, "row . venue", "rows of a list"),
    ("instruments[].name", INSTRUMENTS, "row . name", "rows of a list"),
    ("instruments[].lot", INSTRUMENTS, "row . lot", "rows of a list"),
    ("instruments[].tick", INSTRUMENTS, "row . tick", "rows of a list"),
    ("instruments[].min_notional", INSTRUMENTS, "row . min_notional", "rows of a list"),
    ("paper.balances.*.*", INSTRUMENTS, "yaml . paper . balances", "a map"),
    ("websocket.upbit_symbols[]", INSTRUMENTS, "websocket . upbit_symbols", "a list"),
    ("websocket.binance_symbols[]", INSTRUMENTS, "websocket . binance_symbols", "a list"),
    ("websocket.bithumb_symbols[]", INSTRUMENTS, "websocket . bithumb_symbols", "a list"),
    ("websocket.bybit_symbols[]", INSTRUMENTS, "websocket . bybit_symbols", "a list"),
    ("websocket.okx_symbols[]", INSTRUMENTS, "websocket . okx_symbols", "a list"),
    ("runtime.threads.*.core", THREADS, "thread . core", "all threads by one closure"),
    ("runtime.threads.*.idle", THREADS, "thread . idle", "all threads by one closure"),
    (
        "safety.require_redis_heartbeat",
        "src/config/check/rules.rs",
        "safety . require_redis_heartbeat",
        "its whole effect is a demand of mode live",
    ),
];
const INSTRUMENTS: &str = "src/config/check/instruments.rs";
const THREADS: &str = "src/cli/run/threads.rs";

/// A function of the tree: its tokens, from its name to its last brace.
struct Function<'s> {
    path: &'s str,
    tokens: Vec<&'s str>,
}

/// Functions of production code, those within functions too.
fn functions(files: &[Source]) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let read = |file: &&Source| file.is_under(&MAY_READ) && !file.is_under(&NO_READERS);
    for file in files.iter().filter(read) {
        let all: Vec<&str> = file.tokens.iter().map(|token| token.text.as_str()).collect();
        let production = &all[..file.production_end()];
        for at in (0..production.len()).filter(|at| production[*at] == "fn") {
            found.push(Function { path: &file.path, tokens: body(&production[at + 1..]).to_vec() });
        }
    }
    found
}

/// Up to the brace that closes the first one, or to a `;` before any.
fn body<'a, 's>(tokens: &'a [&'s str]) -> &'a [&'s str] {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "{" => depth += 1,
            "}" if depth <= 1 => return &tokens[..at],
            "}" => depth -= 1,
            ";" if depth == 0 => return &tokens[..at],
            _ => {}
        }
    }
    tokens
}

/// `rate_limit` to `RateLimitYaml`.
fn type_of(section: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    section.split('_').map(word).collect::<String>() + "Yaml"
}

impl Function<'_> {
    fn has(&self, wanted: &[&str]) -> bool {
        self.tokens.windows(wanted.len()).any(|window| window == wanted)
    }
    /// Names under which this function holds the section: parameters of its type, and variables
    /// that were given it, alone or in a tuple.
    fn names(&self, section: &str) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let kind = type_of(section);
        for window in self.tokens.windows(4) {
            if window[1] == ":" && (window[2] == kind || window[2] == "&" && window[3] == kind) {
                names.insert(window[0]);
            }
        }
        for at in (0..self.tokens.len()).filter(|at| self.tokens[*at] == "let") {
            let statement = self.tokens[at + 1..].split(|token| *token == ";").next();
            let Some((left, right)) = statement.and_then(split_at_sign) else { continue };
            for (name, value) in parts(left).into_iter().zip(parts(right)) {
                if let ([name], [.., ".", last]) = (name, value)
                    && *last == section
                {
                    names.insert(name);
                }
            }
        }
        names
    }
    fn reads(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('.').collect();
        let [.., section, leaf] = parts[..] else { return false };
        let direct = self.has(&[".", section, ".", leaf]);
        direct || self.names(section).iter().any(|name| self.has(&[name, ".", leaf]))
    }
}

/// Both sides of `=`.
fn split_at_sign<'a, 's>(tokens: &'a [&'s str]) -> Option<(&'a [&'s str], &'a [&'s str])> {
    let at = tokens.iter().position(|token| *token == "=")?;
    Some((&tokens[..at], &tokens[at + 1..]))
}

/// The members of a tuple, or the whole.
fn parts<'a, 's>(tokens: &'a [&'s str]) -> Vec<&'a [&'s str]> {
    match tokens {
        ["(", inner @ .., ")"] => inner.split(|token| *token == ",").collect(),
        whole => vec![whole],
    }
}

fn readers(functions: &[Function<'_>], path: &str) -> Vec<String> {
    let read = functions.iter().filter(|function| function.reads(path));
    read.map(|function| format!("{} {}", function.path, function.tokens[0])).collect()
}

/// True if the pattern of [`ELSEWHERE`] means this key.
fn means(pattern: &str, path: &str) -> bool {
    let (wanted, given) = (pattern.split('.'), path.split('.'));
    wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(wanted, given)| wanted == "*" || wanted == given)
}

fn stands_elsewhere(files: &[Source], path: &str) -> bool {
    let rows = ELSEWHERE.iter().filter(|row| means(row.0, path));
    rows.into_iter().any(|(_, file, tokens, _)| {
        let file = files.iter().find(|source| source.path == *file).expect("the file of a row");
        let tokens: Vec<&str> = tokens.split(' ').collect();
        file.positions(&tokens).iter().any(|at| *at < file.production_end())
    })
}

#[test]
fn every_key_has_a_reader_or_waits_for_what_is_not_built() {
    let files = source::tree();
    let functions = functions(&files);
    let mut unread = Vec::new();
    for key in keys::table().iter().filter(|key| key.waits_for.is_none()) {
        let path = key.path.as_str();
        let found = !readers(&functions, path).is_empty() || stands_elsewhere(&files, path);
        if !found {
            unread.push(format!("{path}: nothing reads it"));
        }
    }
    assert!(unread.is_empty(), "{unread:#?}");
}

#[test]
fn a_key_that_waits_has_no_reader_yet() {
    let files = source::tree();
    let functions = functions(&files);
    let waiting = keys::table().iter().filter(|key| key.waits_for.is_some());
    let read: Vec<String> = waiting
        .filter_map(|key| {
            Some(format!("{}: {:?}", key.path, readers(&functions, &key.path).first()?))
        })
        .collect();
    assert!(read.is_empty(), "read, so it waits no longer: take `waits_for` away: {read:#?}");
}

/// Limits of the watchdog that `src/watchdog` itself does not consume, and who does.
const CONSUMED_ELSEWHERE: [(&str, &str); 1] =
    [("max_cpu", "judges a snapshot, not the moment: telemetry's bands of evidence")];

/// Rules whose gauge nothing measures yet, and their key, which therefore waits.
const UNMEASURED: [(&str, &str); 1] = [("LiveErrors", "watchdog.max_live_errors_per_minute")];

/// Names of the fields of a struct.
fn fields<'s>(file: &'s Source, name: &str) -> Vec<&'s str> {
    let begin = *file.positions(&["struct", name, "{"]).first().expect("the struct");
    let all: Vec<&str> = file.tokens[begin..].iter().map(|token| token.text.as_str()).collect();
    let named = |window: &&[&str]| window[0] == "pub" && window[2] == ":";
    body(&all).windows(3).filter(named).map(|window| window[1]).collect()
}

/// True if production code of the watchdog reads a field of this name, in more than its limits.
fn is_consumed(files: &[Source], field: &str) -> bool {
    let reads = |file: &&Source| {
        let here = file.positions(&[".", field]);
        here.iter().any(|at| *at < file.production_end() && !file.is(at + 2, "("))
    };
    let watchdog = |file: &&Source| {
        let is_aside = file.is_under(&["src/watchdog/limits.rs", "src/watchdog/proof/"]);
        file.is_under(&["src/watchdog/"]) && !is_aside
    };
    files.iter().filter(watchdog).any(|file| reads(&file))
}

fn file<'f>(files: &'f [Source], path: &str) -> &'f Source {
    files.iter().find(|file| file.path == path).expect("a file of the tree")
}

#[test]
fn a_limit_of_the_watchdog_is_more_than_a_copy_of_its_key() {
    let files = source::tree();
    let limits = file(&files, "src/watchdog/limits.rs");
    let all = [fields(limits, "Limits"), fields(limits, "RuleLimits")].concat();
    assert!(all.len() > 25, "{all:?}");
    for field in all {
        let elsewhere = CONSUMED_ELSEWHERE.iter().any(|(name, _)| *name == field);
        assert!(is_consumed(&files, field) != elsewhere, "{field}: a copy that nothing consumes");
    }
}

#[test]
fn a_rule_that_nothing_measures_has_a_key_that_waits() {
    let files = source::tree();
    let (rules, sources) =
        (file(&files, "src/watchdog/signal.rs"), file(&files, "src/watchdog/sources.rs"));
    let begin = *rules.positions(&["fn", "table"]).first().expect("the table");
    let table = rules.tokens[begin..].iter().map(|token| token.text.as_str());
    let table: Vec<&str> = table.skip_while(|token| *token != "{").collect();
    let mut unmeasured = Vec::new();
    for rule in body(&table).split(|token| *token == "Signal").skip(1) {
        let signal = rule[1];
        let is_set = rule.windows(2).any(|window| window == ["limits", "."]);
        let places = sources.positions(&["Signal", "::", signal]);
        if is_set && !places.iter().any(|at| *at < sources.production_end()) {
            unmeasured.push(signal);
        }
    }
    assert_eq!(unmeasured, UNMEASURED.map(|(signal, _)| signal));
    for (_, path) in UNMEASURED {
        let key = keys::table().iter().find(|key| key.path == path).expect("a key");
        assert!(key.waits_for.is_some(), "{path} would have no effect");
    }
}

#[test]
fn the_scan_sees_each_way_of_reading_and_nothing_else() {
    let scan = |text: &str, path: &str| {
        let files = [Source::new("src/cli/a.rs", text)];
        !readers(&functions(&files), path).is_empty()
    };
    let (key, deep) = ("redis.timeout_ms", "upbit.rate_limit.burst_size");
    for text in [
        "fn f(y: &ConfigYaml) { g(y.redis.timeout_ms) }",
        "fn f(r: &RedisYaml) { g(r.timeout_ms) }",
        "fn f() { let r = &job.sections.redis; g(r.timeout_ms) }",
        "fn f() { let (a, r) = (&job.sections.mock, &job.sections.redis); g(r.timeout_ms) }",
    ] {
        assert!(scan(text, key), "{text}");
    }
    for text in [
        "fn f() { let r = &job.sections.redis; }\nfn h(r: Other) { g(r.timeout_ms) }",
        "fn f() { let (r, a) = (&job.sections.mock, &job.sections.redis); g(r.timeout_ms) }",
        "fn f() { g(\"redis.timeout_ms\") } // y.redis.timeout_ms",
        "fn f(y: &ConfigYaml) { g(y.http.timeout_ms) }",
        "fn f() {}\n#[cfg(test)]\nmod tests { fn f() { g(y.redis.timeout_ms) } }",
    ] {
        assert!(!scan(text, key), "{text}");
    }
    assert!(scan("fn f(limit: &RateLimitYaml) { g(limit.burst_size) }", deep));
    let engine = [Source::new("src/engine/a.rs", "fn f() { g(plan.redis.timeout_ms) }")];
    assert!(readers(&functions(&engine), key).is_empty(), "a thread has no sections");
}

/// A file with one key.
fn file_with(path: &str, value: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    let open: String =
        parts.iter().take(parts.len() - 1).map(|part| format!("{part}: {{")).collect();
    let last = parts.last().expect("a name");
    format!("{open}{last}: {value}{}\n", "}".repeat(parts.len() - 1))
}

/// Another value that the key's own type and range allow, if there is one to be found.
fn another(key: &keys::Key) -> Option<String> {
    let default = key.default.as_str().map_or_else(|| key.default.to_string(), str::to_owned);
    let step = 100_000_000i128;
    match &key.kind {
        keys::Kind::Bool => Some(if default == "true" { "false" } else { "true" }.into()),
        keys::Kind::Whole | keys::Kind::Decimal => {
            let range = key.range?;
            let near = |raw: i128| (raw / step).to_string();
            [range.min + step, range.max].map(near).into_iter().find(|value| *value != default)
        }
        keys::Kind::Text => match key.form.as_deref() {
            Some("https") => Some("https://example.org".into()),
            Some("wss") => Some("wss://example.org".into()),
            Some("route") => Some("/other".into()),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn a_waiting_key_passes_with_its_default_only_and_says_what_it_waits_for() {
    let mut tried = 0;
    for key in keys::table().iter().filter(|key| key.waits_for.is_some()) {
        let load = |value: &str| {
            let yaml = file_with(&key.path, value);
            load_bytes("x.yml", yaml.as_bytes(), &Request::default())
        };
        assert!(load(&key.default.to_string().replace('"', "")).is_ok() || key.secret.is_some());
        let Some(value) = another(key) else { continue };
        let faults = load(&value).expect_err(&key.path);
        let part = key.waits_for.as_deref().expect("it waits");
        let shown = faults.to_string();
        for words in [
            format!("error: x.yml:1:{}  {}\n", shown_column(&key.path), key.path),
            format!("nothing in this version reads it: it belongs to {part}"),
            "= fix: remove it, or leave the default".to_owned(),
        ] {
            assert!(shown.contains(&words), "{words}: {shown}");
        }
        tried += 1;
    }
    assert!(tried > 20, "only {tried} keys were tried");
}

/// Where [`file_with`] writes the value.
fn shown_column(path: &str) -> usize {
    let parts: Vec<&str> = path.split('.').collect();
    let braces = parts.len() - 1;
    parts.iter().map(|part| part.len() + 2).sum::<usize>() + braces + 1
}

#[test]
fn a_variable_of_a_waiting_key_is_refused_and_a_default_with_more_digits_is_not() {
    let variable = ("ARB_LIVE_GUARDS__DRY_RUN_CYCLES".to_owned(), "4".to_owned());
    let request = Request { env: vec![variable], ..Request::default() };
    let faults = load_bytes("x.yml", b"risk: {}\n", &request).expect_err("refused").to_string();
    assert!(faults.starts_with("error: environment ARB_LIVE_GUARDS__DRY_RUN_CYCLES"), "{faults}");
    assert!(faults.contains("it belongs to mode live"), "{faults}");
    let same = b"websocket: {reconnect_interval: 30.00}\n";
    assert!(load_bytes("x.yml", same, &Request::default()).is_ok());
}
