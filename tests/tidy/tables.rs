//! What is allowed where. Every row has its reason; a new row needs one too.

/// Longest file, in lines before its first `#[cfg(test)]`.
pub const FILE_LINES: usize = 400;
/// Longest function, in lines.
pub const FUNCTION_LINES: usize = 60;
/// Longest line, in characters.
pub const COLUMNS: usize = 100;
/// Most parameters of a function, `self` apart.
pub const PARAMETERS: usize = 4;
/// Longest front page of a room (`src/<room>/mod.rs`), in lines before its first `#[cfg(test)]`.
pub const FRONT_PAGE_LINES: usize = 45;
/// Fewest words in the name of a test.
pub const TEST_NAME_WORDS: usize = 3;

/// One folder per thread. They share messages and links, never each other.
pub const THREADS: [&str; 7] =
    ["feed", "engine", "gateway", "journal", "watchdog", "telemetry", "sim"];

/// Who may import whom: module, what it may name, why. Itself is always allowed.
pub const ARROWS: [(&str, &[&str], &str); 18] = [
    ("main", &["cli"], "arguments to command to exit code"),
    ("cli", &BELOW_CLI, "commands put everything below to work"),
    ("scenario", &BELOW_SCENARIO, "lays faults over a topology and judges the run"),
    ("topology", &BELOW_TOPOLOGY, "the one place that knows every thread folder"),
    ("config", &BELOW_TOPOLOGY, "makes the limits that other modules define: see CONFIG_TAKES"),
    ("verdict", &["types", "stats"], "judges files, so it needs no thread"),
    ("feed", &BELOW_THREADS, "a thread folder"),
    ("engine", &BELOW_THREADS, "a thread folder"),
    ("gateway", &BELOW_THREADS, "a thread folder"),
    ("journal", &BELOW_THREADS, "a thread folder"),
    ("watchdog", &BELOW_THREADS, "a thread folder"),
    ("telemetry", &BELOW_THREADS, "a thread folder"),
    ("sim", &BELOW_THREADS, "a thread folder"),
    ("venue", &GROUND, "pure protocol knowledge"),
    ("runtime", &GROUND, "runs agents and does not know what they do"),
    ("types", &[], "the shared vocabulary"),
    ("stats", &["types"], "numbers over samples, with units from types"),
    ("net", &["types"], "sockets, with units from types"),
];
const GROUND: [&str; 3] = ["types", "stats", "net"];
const BELOW_THREADS: [&str; 5] = ["venue", "runtime", "types", "stats", "net"];
const BELOW_TOPOLOGY: [&str; 13] = [
    "config",
    "feed",
    "engine",
    "gateway",
    "journal",
    "watchdog",
    "telemetry",
    "sim",
    "venue",
    "runtime",
    "types",
    "stats",
    "net",
];
const BELOW_SCENARIO: [&str; 15] = [
    "topology",
    "config",
    "verdict",
    "feed",
    "engine",
    "gateway",
    "journal",
    "watchdog",
    "telemetry",
    "sim",
    "venue",
    "runtime",
    "types",
    "stats",
    "net",
];
const BELOW_CLI: [&str; 16] = [
    "scenario",
    "topology",
    "config",
    "verdict",
    "feed",
    "engine",
    "gateway",
    "journal",
    "watchdog",
    "telemetry",
    "sim",
    "venue",
    "runtime",
    "types",
    "stats",
    "net",
];

/// `config` may take this from a thread folder and nothing else: the limits that it fills in.
pub const CONFIG_TAKES: &str = "limits";

/// Front pages that may be longer, and why.
pub const LONG_FRONT_PAGES: [(&str, &str); 2] = [
    ("src/cli/mod.rs", "holds all flags, so that the command line is one definition"),
    ("src/venue/mod.rs", "holds the Codec trait and what a codec may answer"),
];

/// Where each third-party crate may be named in `src`: crate, path prefixes, why.
/// An empty list of prefixes means anywhere.
pub const CRATES: [(&str, &[&str], &str); 33] = [
    ("arrayvec", &[], "fixed-capacity values are vocabulary"),
    ("base64", &["src/feed/", "src/venue/sign"], "frames and signatures that are no text"),
    ("clap", &["src/cli/"], "one definition of the command line"),
    ("clap_complete", &["src/cli/"], "completions of that definition"),
    ("clap_mangen", &["src/cli/"], "manual pages of that definition"),
    ("core_affinity", &["src/runtime/crew"], "one place pins threads"),
    ("crc32fast", &["src/journal/record"], "the checksum of a record"),
    ("crossbeam_channel", &["src/runtime/link"], "every queue is a declared link"),
    ("env_logger", &["src/cli/"], "one place says where the log goes"),
    ("flate2", &["src/feed/"], "recordings are gzip files"),
    ("hdrhistogram", &["src/stats/"], "a dev-dependency: the oracle of our own histogram"),
    ("httparse", &["src/net/"], "heads of HTTP messages"),
    ("libc", &LIBC, "system calls and their numbers that std does not offer"),
    ("log", &[], "a facade; the engine is kept from it by a rule of its own"),
    ("proptest", &[], "a dev-dependency: it can be named in tests only"),
    ("rcgen", &["src/net/"], "the certificate of the local exchange"),
    ("redis", &["src/telemetry/redis"], "one place talks to Redis"),
    ("ring", &["src/net/", "src/venue/sign"], "hashes and keys of requests"),
    ("rustix", &RUSTIX, "clocks, polling, socket options, room on disk: what std lacks"),
    ("rustls", &["src/net/"], "TLS belongs to the sockets"),
    ("rustls_native_certs", &["src/net/"], "the roots of the system, if wanted"),
    ("schemars", &["src/config/"], "the schema of the configuration"),
    ("serde", &[], "derives stand where the types stand"),
    ("serde_json", &[], "frames, snapshots and reports are JSON"),
    ("serde_path_to_error", &["src/config/"], "the path of a fault in the configuration"),
    ("serde_yaml", &["src/config/"], "one place reads YAML"),
    ("sha2", &["src/config/"], "the hash that names a configuration"),
    ("signal_hook", &["src/cli/"], "one place turns signals into flags"),
    ("sysinfo", &["src/telemetry/process"], "one place reads process gauges"),
    ("thiserror", &[], "error enums stand where the errors arise"),
    ("tungstenite", &["src/net/ws"], "one place speaks WebSocket"),
    ("ureq", &["src/net/"], "cold HTTP belongs to the sockets"),
    ("webpki_roots", &["src/net/"], "the same roots on every machine"),
];

const LIBC: [&str; 3] = ["src/runtime/", "src/net/", "src/telemetry/console"];

const RUSTIX: [&str; 4] =
    ["src/types/time", "src/runtime/idle", "src/net/", "src/cli/doctor/files"];

/// Words that reading code must not contain, and what to do instead.
pub const UNFINISHED: [(&str, &str); 8] = [
    ("TODO", "do it, or write it into an issue"),
    ("FIXME", "fix it, or write it into an issue"),
    ("XXX", "say what is wrong, and mend it"),
    ("todo!", "build it, or leave the room empty"),
    ("unimplemented!", "build it, or leave the room empty"),
    ("dbg!", "remove it"),
    ("for now", "decide"),
    ("placeholder", "build it, or leave the room empty"),
];

/// Calls that only some files may make: tokens, path prefixes, what to do instead.
pub const CALLS: [(&[&str], &[&str], &str); 10] = [
    (&["Instant", "::", "now"], &CLOCK, "take `now` as an argument"),
    (&["SystemTime", "::", "now"], &CLOCK, "take `now` as an argument"),
    (&[".", "elapsed", "("], &CLOCK, "subtract two readings of types::time"),
    (&["thread", "::", "sleep"], &RUNTIME, "idle policies wait; a test never sleeps"),
    (&["thread", "::", "spawn"], &RUNTIME, "topology starts every thread through runtime"),
    (&["thread", "::", "scope"], &RUNTIME, "topology starts every thread through runtime"),
    (&["thread", "::", "Builder"], &RUNTIME, "topology starts every thread through runtime"),
    (&["process", "::", "exit"], &["benches/"], "return an exit code: threads must be joined"),
    (&["crossbeam_channel", "::", "unbounded"], &[], "declare a link with a depth"),
    (&["mpsc", "::", "channel"], &[], "declare a link with a depth"),
];
const CLOCK: [&str; 1] = ["src/types/time.rs"];
const RUNTIME: [&str; 1] = ["src/runtime/"];

/// Macros that print, and who may use them outside unit tests.
pub const PRINTS: [&str; 4] = ["print", "println", "eprint", "eprintln"];
pub const PRINTERS: [&str; 4] = ["src/cli/", "src/main.rs", "tests/", "benches/"];

/// Money and decisions: no floating point before the first `#[cfg(test)]`.
pub const EXACT: [&str; 7] = [
    "src/feed/",
    "src/engine/",
    "src/gateway/",
    "src/journal/",
    "src/venue/",
    "src/types/units",
    "src/types/number",
];

/// Signs beyond ASCII that units, formulas, plain typography and a diagram need. No emoji.
pub const SIGNS: &str = "×÷·±−–…≥≤≠≈∈∞√ΣΔσµ°§→←↔₩“”’⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉\
─│┌┐└┘├┤┬┴┼◀▶▲▼";

/// Beginnings of paths that exist on one machine only.
pub const MACHINE_PATHS: [&str; 3] = ["/work/", "/root/", "/home/"];

/// Files that must name what they forbid; the rules about words leave them out.
pub const NAMES_THE_FORBIDDEN: [(&str, &str); 2] = [
    ("tests/tidy.rs", "plants each violation to prove that its rule can fail"),
    ("tests/tidy/tables.rs", "this table"),
];
