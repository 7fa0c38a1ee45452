//! Broken configurations: every kind of fault with its line, all in one run, mutated keys, fuzz.

use arb::config::fault::Faults;
use arb::config::fault::Place;
use arb::config::keys;
use arb::config::keys::Key;
use arb::config::keys::Kind;
use arb::config::load::Request;
use arb::config::load::load_bytes;

fn faults(yaml: &str) -> Faults {
    match load_bytes("x.yml", yaml.as_bytes(), &Request::default()) {
        Err(faults) => faults,
        Ok(_) => panic!("accepted:\n{yaml}"),
    }
}

fn accepted(yaml: &str) -> bool {
    load_bytes("x.yml", yaml.as_bytes(), &Request::default()).is_ok()
}

/// `(path, line, column)` of every fault of the text.
fn places(yaml: &str) -> Vec<(String, usize, usize)> {
    let place = |place: &Place| match place {
        Place::File(mark) => (mark.line, mark.column),
        _ => (0, 0),
    };
    let row =
        |f: &arb::config::fault::Fault| (f.path.clone(), place(&f.place).0, place(&f.place).1);
    faults(yaml).list.iter().map(row).collect()
}

#[test]
fn a_number_out_of_range_is_shown_as_the_specification_shows_it() {
    let yaml = "watchdog:\n  enabled: true\n  warn_reset_cycles: 0            # WARN\n";
    let want = "error: x.yml:3:22  watchdog.warn_reset_cycles\n  |\n\
                3 |   warn_reset_cycles: 0            # WARN\n  \
                |                      ^ must be 1..=1000 cycles, got 0\n  \
                = fix: 5 is the default (about 5 min at --interval 60)\n";
    assert_eq!(faults(yaml).to_string(), want);
    assert_eq!(Faults::EXIT_CODE, 78);
}

#[test]
fn every_kind_of_fault_names_its_key_and_line() {
    for (yaml, path, line, words) in [
        ("risk:\n  max_quote_age: 5\n", "risk.max_quote_age", 2, "did you mean max_quote_age_ms?"),
        ("riskk: {}\n", "riskk", 1, "did you mean risk?"),
        ("risk:\n  upbit_fee: 0.05\n", "risk.upbit_fee", 2, "signal_engine.upbit_fee"),
        ("fx:\n  max_age_ms: 3000\n  max_age_ms: 9\n", "fx.max_age_ms", 3, "already, in line 2"),
        ("fx: {}\nexit: {}\nfx: {}\n", "fx", 3, "already, in line 1"),
        ("fx:\n  max_age_ms: fast\n", "fx.max_age_ms", 2, "whole number, 100..=60000 ms"),
        ("fx:\n  max_age_ms: 3_000\n", "fx.max_age_ms", 2, "got text 3_000"),
        ("fx:\n  max_age_ms: '3000'\n", "fx.max_age_ms", 2, "got text 3000"),
        ("fx:\n  max_age_ms: 3000.5\n", "fx.max_age_ms", 2, "a whole number"),
        ("fx:\n  max_age_ms: 0x100\n", "fx.max_age_ms", 2, "a whole number"),
        ("fx:\n  max_jump_pct: .nan\n", "fx.max_jump_pct", 2, "not a plain decimal"),
        ("fx:\n  max_jump_pct: .inf\n", "fx.max_jump_pct", 2, "not a plain decimal"),
        ("fx:\n  max_jump_pct: 1.00001\n", "fx.max_jump_pct", 2, "a multiple of 0.0001"),
        ("fx:\n  max_jump_pct: 0.123456789\n", "fx.max_jump_pct", 2, "more than 8 decimals"),
        ("stoploss:\n  enabled: yes\n", "stoploss.enabled", 2, "true or false"),
        ("mode:\n  current: papr\n", "mode.current", 2, "did you mean paper?"),
        ("mode:\n  current:\n", "mode.current", 2, "one of mock, paper, live"),
        ("fx:\n", "fx", 1, "keys, each on a line below"),
        ("fx: 5\n", "fx", 1, "keys, each on a line below"),
        ("5\n", "", 1, "keys, each on a line below"),
        ("longrun:\n  snapshot_path: /etc\n", "longrun.snapshot_path", 2, "a relative path"),
        ("longrun:\n  snapshot_path: a/../b\n", "longrun.snapshot_path", 2, "without .."),
        ("upbit:\n  rest_url: http://api.upbit.com\n", "upbit.rest_url", 2, "https://"),
        ("upbit:\n  ws_url: ws://localhost.evil\n", "upbit.ws_url", 2, "wss://"),
        ("metrics_server:\n  host: 0.0.0.0\n", "metrics_server.host", 2, "loopback"),
        ("redis:\n  required: true\n", "redis.required", 2, "it is off"),
        ("redis:\n  timeout_ms: 1001\n", "redis.timeout_ms", 2, "10..=1000 ms"),
    ] {
        let shown = faults(yaml).to_string();
        let found = places(yaml);
        assert!(found.iter().any(|f| f.0 == path && f.1 == line), "{yaml}: {found:?}");
        assert!(shown.contains(words), "{yaml}: {shown}");
    }
}

#[test]
fn rules_between_keys_stand_at_the_key_that_was_written() {
    for (yaml, path, line) in [
        ("watchdog:\n  max_ws_lag_ms: 500\n", "watchdog.max_ws_lag_ms", 2),
        ("sys_monitor:\n  warn_rss_mb: 4096\n", "sys_monitor.warn_rss_mb", 2),
        ("safety:\n  max_slippage_pct: 0.1\n", "safety.max_slippage_pct", 2),
        ("paper:\n  latency_min_ms: 30\n", "paper.latency_min_ms", 2),
        ("rebalancer:\n  max_exposure_krw: 2000000\n", "rebalancer.max_exposure_krw", 2),
        ("mode:\n  current: live\nwatchdog:\n  enabled: false\n", "watchdog.enabled", 4),
        ("mode:\n  current: paper\nwebsocket:\n  enabled: false\n", "websocket.enabled", 4),
        (
            "runtime:\n  threads:\n    engine: {core: 1, idle: spin}\n    journal: {core: 1}\n",
            "runtime.threads.journal.core",
            4,
        ),
    ] {
        let found = places(yaml);
        assert!(found.iter().any(|f| f.0 == path && f.1 == line), "{yaml}: {found:?}");
    }
}

#[test]
fn instruments_are_refused_by_name() {
    let head =
        "instruments:\n  - {venue: upbit, name: USDT-KRW}\n  - {venue: upbit, name: BTC-KRW}\n";
    for (row, words) in [
        (
            "{venue: binance, name: BTC-USDT, lot: 0.00001, tick: 0.000000001}",
            "BTC-USDT on binance",
        ),
        ("{venue: binance, name: BTC-USDT, lot: 1e20, tick: 0.01}", "BTC-USDT on binance"),
        ("{venue: binance, name: BTC-USDT, lot: 0, tick: 0.01}", "above 0 BTC"),
        ("{venue: binance, name: BTC-USDT, tick: 0.01}", "BTC-USDT needs a lot"),
        ("{venue: binance, name: BTC-USDT, lot: 0.00001}", "BTC-USDT needs a tick"),
        ("{venue: binance, name: BTC-USDT, lot: 0.00001, tick: upbit_krw}", "needs a tick"),
        ("{venue: binance, name: BTC-KRW, lot: 0.00001, tick: 0.01}", "BASE-USDT instrument"),
        ("{venue: binance, name: btcusdt, lot: 0.00001, tick: 0.01}", "write it like BTC-USDT"),
        ("{venue: binance, lot: 0.00001, tick: 0.01}", "the key name is missing"),
        ("{venue: kraken, name: BTC-USDT, lot: 0.00001, tick: 0.01}", "one of upbit, binance"),
        ("{venue: upbit, name: BTC-KRW}", "BTC-KRW on upbit is there already"),
        ("{venue: binance, name: ETH-USDT, lot: 0.0001, tick: 0.01}", "no coin has both"),
    ] {
        let yaml = format!("{head}  - {row}\npaper: {{balances: {{}}}}\n");
        let shown = faults(&yaml).to_string();
        assert!(shown.contains(words), "{row}: {shown}");
    }
    let lots = "instruments:\n  - {venue: upbit, name: USDT-KRW}\n  \
                - {venue: upbit, name: XYZ-KRW, lot: 0.2}\n  \
                - {venue: binance, name: XYZ-USDT, lot: 0.3, tick: 0.1}\n";
    assert!(faults(lots).to_string().contains("no multiples of each other"));
    let no_rate = "instruments:\n  - {venue: upbit, name: BTC-KRW}\n";
    assert!(faults(no_rate).to_string().contains("USDT-KRW on upbit is missing"));
    assert!(accepted("fx:\r\n  max_age_ms: 3000 # ms\r\n"), "lines may end as on Windows");
    let coin = "instruments:\n  - {venue: upbit, name: USDT-KRW}\n  \
                - {venue: upbit, name: XRP-KRW}\n  \
                - {venue: binance, name: XRP-USDT, lot: 0.1, tick: 0.0001}\n\
                paper: {balances: {upbit: {XRP: 5, KRW: 1000000}}}\n";
    assert!(accepted(coin), "{}", faults(coin));
}

#[test]
fn balances_are_checked_by_venue_asset_and_size() {
    for (balances, path) in [
        ("{kraken: {BTC: 1}}", "paper.balances.kraken"),
        ("{upbit: {DOGE: 1}}", "paper.balances.upbit.DOGE"),
        ("{upbit: {KRW: -1}}", "paper.balances.upbit.KRW"),
        ("{upbit: {KRW: 1e30}}", "paper.balances.upbit.KRW"),
        ("{upbit: 5}", "paper.balances.upbit"),
    ] {
        let found = places(&format!("paper: {{balances: {balances}}}\n"));
        assert!(found.iter().any(|f| f.0 == path && f.1 == 1), "{balances}: {found:?}");
    }
}

#[test]
fn secrets_in_the_file_are_refused_and_never_shown() {
    let yaml = "upbit:\n  api_key: hunter2canary\n\
                alert:\n  telegram: {bot_token: 77canary, zz: 1}\n\
                redis:\n  url: redis://:canary@h/0\n";
    let shown = faults(yaml).to_string();
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("UPBIT_API_KEY, UPBIT_API_KEY_FILE or a systemd credential"));
    assert_eq!(faults(yaml).list.len(), 4);
    assert!(!faults("upbit:\n  api_key: |\n    canary\n").to_string().contains("canary"));
    assert!(!faults("upbit:\n  api_key: [canary\n").to_string().contains("canary"));
}

#[test]
fn all_faults_come_in_one_run_in_the_order_of_the_file() {
    let yaml = "risk:\n  max_quote_age_ms: 0\n  nonsense: 1\n\
                fx:\n  max_age_ms: yes\n  max_age_ms: 1\n\
                safety:\n  max_slippage_pct: 0.1\nmode: {current: reall}\n";
    let paths: Vec<String> = places(yaml).into_iter().map(|f| f.0).collect();
    let want = [
        "risk.max_quote_age_ms",
        "risk.nonsense",
        "fx.max_age_ms",
        "fx.max_age_ms",
        "safety.max_slippage_pct",
        "mode.current",
    ];
    assert_eq!(paths, want);
}

#[test]
fn files_that_are_no_configuration_are_refused_as_a_whole() {
    let huge = vec![b'#'; (1 << 20) + 1];
    let bomb = "a: &a [1]\nb: &b [*a,*a]\nc: [*b,*b]\n";
    let deep = "a: ".to_owned() + &"[".repeat(100_000);
    let indented: String = (0..400).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    let cases: [(&[u8], &str); 15] = [
        (b"", "the file is empty"),
        (b"# only\n\n# comments\n---\n", "the file is empty"),
        (b"\xef\xbb\xbfrisk: {}", "byte order mark"),
        (b"\xff\xfea\0", "byte order mark"),
        (b"risk:\n  \xff: 1\n", "not UTF-8 in line 2"),
        (b"risk:\n\tmax_edge_pct: 5\n", "a tab as indentation"),
        (b"risk: {}\n---\nfx: {}\n", "a second document"),
        (bomb.as_bytes(), "an anchor or alias"),
        (b"risk: !!map {}\n", "a tag"),
        (b"risk: {max_edge_pct: 5\n", "x.yml"),
        (b"risk:\n max_edge_pct: 5\n  fx: 1\n", "x.yml"),
        (b"{}: 1\n", "x.yml"),
        (&huge, "longer than 1 MiB"),
        (deep.as_bytes(), "nested too deep"),
        (indented.as_bytes(), "x.yml"),
    ];
    for (bytes, words) in cases {
        let refused = load_bytes("x.yml", bytes, &Request::default()).expect_err(words);
        let shown = refused.to_string();
        assert!(shown.contains(words) && shown.contains("= fix: "), "{words}: {shown}");
    }
}

/// The file that has only this key, written as `line`, at its place.
fn file_with(key: &Key, lines: &[String]) -> String {
    let parts: Vec<&str> = key.path.split('.').collect();
    let mut file = String::new();
    for (depth, part) in parts[..parts.len() - 1].iter().enumerate() {
        file += &format!("{}{part}:\n", "  ".repeat(depth));
    }
    let indent = "  ".repeat(parts.len() - 1);
    lines.iter().for_each(|line| file += &format!("{indent}{line}\n"));
    file
}

#[test]
fn eight_mutations_of_every_key_are_refused_by_name_or_harmless() {
    let plain = keys::table().iter().filter(|key| !key.path.contains(['[', '*']));
    for key in plain {
        let name = key.path.rsplit('.').next().expect("a name");
        let section = key.path.strip_suffix(&format!(".{name}")).expect("a section");
        let good = format!("{name}: {}", key.default);
        let sibling = format!("{section}.{name}_x");
        let free_text = key.kind == Kind::Text && key.secret.is_none();
        for (mutation, lines, path, harmless) in [
            ("unknown sibling", vec![good.clone(), format!("{name}_x: 1")], &sibling, false),
            ("duplicate", vec![good.clone(), good.clone()], &key.path, false),
            ("null", vec![format!("{name}: null")], &key.path, key.nullable),
            ("string", vec![format!("{name}: banana")], &key.path, free_text),
            ("list", vec![format!("{name}: [1]")], &key.path, false),
            ("map", vec![format!("{name}: {{a: 1}}")], &key.path, false),
            ("negative", vec![format!("{name}: -1")], &key.path, false),
        ] {
            let yaml = file_with(key, &lines);
            match load_bytes("x.yml", yaml.as_bytes(), &Request::default()) {
                Ok(_) => assert!(harmless, "{mutation} accepted:\n{yaml}"),
                Err(faults) => {
                    let named = faults.list.iter().any(|fault| fault.path == *path);
                    assert!(named, "{mutation}:\n{yaml}{faults}");
                }
            }
        }
        let closing = "}".repeat(section.matches('.').count());
        let removed = format!("{}: {{}}{closing}", section.replace('.', ": {"));
        assert!(accepted(&removed), "removed, the default applies: {removed}");
    }
}

#[test]
fn every_default_alone_is_accepted_and_lists_and_maps_are_not_scalars() {
    for key in keys::table().iter().filter(|key| !key.path.contains(['[', '*'])) {
        let name = key.path.rsplit('.').next().expect("a name");
        let yaml = file_with(key, &[format!("{name}: {}", key.default)]);
        assert!(accepted(&yaml), "{yaml}{}", faults(&yaml));
    }
    for (yaml, path) in [
        ("instruments: null\n", "instruments"),
        ("instruments: {a: 1}\n", "instruments"),
        ("instruments: [5]\n", "instruments[0]"),
        ("websocket: {upbit_symbols: BTC-KRW}\n", "websocket.upbit_symbols"),
        ("websocket: {upbit_symbols: [5]}\n", "websocket.upbit_symbols[0]"),
        ("websocket: {upbit_symbols: [XRP-KRW]}\n", "websocket.upbit_symbols[0]"),
        ("paper: {balances: [1]}\n", "paper.balances"),
    ] {
        assert_eq!(places(yaml)[0].0, path, "{yaml}");
    }
}

#[test]
fn twenty_thousand_damaged_files_never_panic_and_always_end() {
    let live = include_str!("../config/live.yml");
    let sections: Vec<&str> = live.split("\n\n").collect();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("small")
    };
    const BYTES: &[u8] = b"\0\t\n\r #:-{}[],&*!|>%@`'\"?~.0e9_\\\xff\xc3\xa9";
    let mut refused = 0;
    for _ in 0..20_000 {
        let section = sections[next(sections.len())];
        let mut bytes = section.as_bytes().to_vec();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = BYTES[next(BYTES.len())],
                1 => bytes.insert(at, BYTES[next(BYTES.len())]),
                2 => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..(at + 20).min(bytes.len())),
            }
        }
        if let Err(faults) = load_bytes("x.yml", &bytes, &Request::default()) {
            assert!(!faults.list.is_empty() && faults.to_string().contains("= fix: "));
            refused += 1;
        }
    }
    assert!((10_000..20_000).contains(&refused), "{refused} refused: damage has to matter");
}
