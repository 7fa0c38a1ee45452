//! The shipped files, the sensible partial file, precedence, and every number 1000 × off.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use arb::config::fault::Fault;
use arb::config::fault::Place;
use arb::config::keys;
use arb::config::load::Flag;
use arb::config::load::Loaded;
use arb::config::load::Origin;
use arb::config::load::Request;
use arb::config::load::ValueOrigin;
use arb::config::load::load;
use arb::config::load::load_bytes;
use arb::config::yaml::Mode;
use arb::types::ids::VenueId;
use arb::types::time::DurNs;
use arb::types::units::Krw;
use arb::types::units::Ppm;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

fn loaded(name: &str) -> Loaded {
    let request = Request { path: Some(shipped(name)), ..Request::default() };
    load(&request).unwrap_or_else(|faults| panic!("{name}:\n{faults}"))
}

fn text(yaml: &str, request: &Request) -> Result<Loaded, Vec<Fault>> {
    load_bytes("x.yml", yaml.as_bytes(), request).map_err(|faults| faults.list)
}

#[test]
fn every_shipped_file_loads_with_the_recommended_cycles() {
    for (name, interval, warn, error, cooldown) in [
        ("live.yml", 50, 5, 20, "60"),
        ("soak_24h.yml", 120, 5, 20, "60"),
        ("soak_72h.yml", 360, 10, 30, "60"),
        ("production.yml", 1440, 10, 40, "300"),
    ] {
        let checked = loaded(name).checked;
        let (longrun, dog) = (&checked.sections.longrun, &checked.sections.watchdog);
        assert_eq!(checked.mode, Mode::Mock, "{name}");
        assert_eq!(longrun.interval_loops, interval, "{name}");
        assert_eq!((dog.warn_reset_cycles, dog.error_reset_cycles), (warn, error), "{name}");
        assert_eq!(dog.cooldown_after_critical.to_string(), cooldown, "{name}");
    }
}

#[test]
fn live_yml_lists_every_key_with_its_default() {
    let live = loaded("live.yml");
    let values = serde_json::to_value(&live.checked.sections).expect("writes");
    assert_eq!(values, keys::defaults());
    let plain = keys::table().iter().filter(|key| !key.path.contains(['[', '*']));
    let missing: Vec<_> = plain.filter(|key| !live.origins.contains_key(&key.path)).collect();
    assert!(missing.is_empty(), "not in live.yml: {missing:?}");
    for list in ["instruments", "websocket.upbit_symbols", "paper.balances"] {
        assert!(live.origins.contains_key(list), "{list}");
    }
}

#[test]
fn defaults_lie_in_their_own_ranges_and_every_number_has_a_unit() {
    for key in keys::table() {
        assert!(!key.about.is_empty(), "{} has no meaning", key.path);
        let number = matches!(key.kind, keys::Kind::Whole | keys::Kind::Decimal);
        let listed = key.path.contains(['[', '*']);
        assert!(!number || listed || key.range.is_some(), "{} has no range", key.path);
        assert!(!number || listed || !key.unit.is_empty(), "{} has no unit", key.path);
    }
}

#[test]
fn the_engine_gets_exact_limits_and_five_instruments() {
    let checked = loaded("live.yml").checked;
    let engine = &checked.engine;
    assert_eq!(engine.signal.position_size, Krw::from_whole(100_000).expect("fits"));
    assert_eq!(engine.signal.min_edge, Ppm::new(5_000));
    assert_eq!(engine.ages.max_quote_age, DurNs::from_ms(500));
    assert_eq!(engine.risk.retry_delay, DurNs::from_secs(1));
    assert_eq!(checked.paper.reject, Ppm::new(5_000));
    let rows: Vec<_> = engine.instruments.iter().map(|i| (i.venue, i.name.to_string())).collect();
    assert_eq!(rows[2], (VenueId::Upbit, "USDT-KRW".to_owned()));
    assert_eq!(engine.instruments[0].fee, Ppm::new(500));
    assert_eq!(engine.instruments[3].fee, Ppm::new(1_000));
    assert_eq!(engine.instruments[3].lot.raw(), 1_000);
    assert_eq!(engine.instruments[4].id.0, 4);
    assert_eq!(engine.balances.len(), 6);
}

#[test]
fn a_partial_file_with_the_numbers_of_the_recording_loads() {
    let yaml = "signal_engine:\n  min_spread_pct: 0.1\n  upbit_fee: 0.05\n  binance_fee: 0.1\n  \
                min_trade_amount_krw: 5000\nexecution_engine: {position_size_krw: 10000}\n\
                risk:\n  max_quote_age_ms: 10000\nfx:\n  max_age_ms: 10000\n";
    let engine = text(yaml, &Request::default()).expect("loads").checked.engine;
    assert_eq!(engine.ages.max_quote_age, DurNs::from_secs(10));
    assert_eq!(engine.ages.max_fx_age, DurNs::from_secs(10));
    assert_eq!(engine.signal.position_size, Krw::from_whole(10_000).expect("fits"));
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let key = "risk.max_quote_age_ms";
    let flag = Flag { name: "--age".into(), path: key.into(), value: "900".into() };
    let env = ("ARB_RISK__MAX_QUOTE_AGE_MS".to_owned(), "800".to_owned());
    let file = "risk:\n  max_quote_age_ms: 700\n";
    let all = Request { path: None, env: vec![env.clone()], flags: vec![flag] };
    let no_flag = Request { flags: vec![], ..all.clone() };
    for (yaml, request, want, origin) in [
        (file, &all, 900, ValueOrigin::Flag("--age".into())),
        (file, &no_flag, 800, ValueOrigin::Env(env.0.clone())),
        (file, &Request::default(), 700, ValueOrigin::File(2)),
        ("risk: {}\n", &Request::default(), 500, ValueOrigin::Default),
    ] {
        let loaded = text(yaml, request).expect("loads");
        assert_eq!(loaded.checked.sections.risk.max_quote_age_ms, want);
        assert_eq!(loaded.origin_of(key), origin);
    }
}

#[test]
fn a_wrong_variable_or_flag_is_named() {
    let env = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = Request {
        env: vec![
            env("ARB_RISK__MAX_QUOTE_AGE_MS", "fast"),
            env("ARB_RISK__MAX_QUOT_AGE_MS", "700"),
            env("ARB_MODE__CURRENT", "reall"),
            env("ARB_UPBIT__API_KEY", "x"),
            env("OTHER__NAME", "x"),
        ],
        flags: vec![Flag { name: "--mode".into(), path: "mode.current".into(), value: "x".into() }],
        ..Request::default()
    };
    let faults = text("risk: {}\n", &request).expect_err("refused");
    let places: Vec<_> = faults.iter().map(|fault| &fault.place).collect();
    let variable = |name: &str| Place::Variable(name.to_owned());
    assert_eq!(places.len(), 5, "{faults:?}");
    assert!(places.contains(&&variable("ARB_RISK__MAX_QUOTE_AGE_MS")));
    assert!(places.contains(&&variable("ARB_UPBIT__API_KEY")));
    assert!(places.contains(&&Place::Flag("--mode".into())));
    let near = faults.iter().find(|f| f.place == variable("ARB_RISK__MAX_QUOT_AGE_MS"));
    assert_eq!(near.expect("named").fix, "did you mean ARB_RISK__MAX_QUOTE_AGE_MS?");
}

#[test]
fn no_file_means_built_in_defaults_and_a_missing_file_is_a_fault() {
    let faults = load(&Request { path: Some("no/such.yml".into()), ..Request::default() });
    let faults = faults.expect_err("missing").to_string();
    assert!(faults.contains("no/such.yml") && faults.contains("= fix: give an existing file"));
    let built_in = arb::config::load::load_built_in(&Request::default()).expect("loads");
    assert_eq!(built_in.origin, Origin::BuiltIn);
    assert_eq!(built_in.sha256.len(), 64);
    let file = loaded("live.yml");
    assert_eq!(file.origin, Origin::File(shipped("live.yml")));
    assert_ne!(file.sha256, built_in.sha256);
}

#[test]
fn a_symbol_list_leaves_the_other_instruments_out_but_never_the_rate() {
    let yaml = "websocket:\n  upbit_symbols: [BTC-KRW]\n  binance_symbols: [BTCUSDT]\n";
    let checked = text(yaml, &Request::default()).expect("loads").checked;
    let names: Vec<_> = checked.engine.instruments.iter().map(|i| i.name.to_string()).collect();
    assert_eq!(names, ["BTC-KRW", "USDT-KRW", "BTC-USDT"]);
    assert_eq!(checked.engine.instruments[2].id.0, 2);
}

/// `text` with its point moved: `by` = 3 is × 1000, −3 is ÷ 1000.
fn shifted(text: &str, by: isize) -> String {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("000{whole}{part}000");
    let point = (3 + whole.len()).saturating_add_signed(by);
    let (whole, part) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let part = part.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// Start, end and key of every number of a line.
fn numbers(line: &str) -> Vec<(usize, usize, String)> {
    let code = line.split(" #").next().unwrap_or_default();
    let mut found = Vec::new();
    for (at, _) in code.match_indices(": ") {
        let start = at + 2;
        let rest = &code[start..];
        let length = rest.find([',', '}', ' ']).unwrap_or(rest.len());
        let number = &rest[..length];
        let digits = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        if !number.is_empty() && digits {
            let key = code[..at].rsplit([' ', '{']).next().unwrap_or_default();
            found.push((start, start + length, key.to_owned()));
        }
    }
    found
}

/// A thousand times another seed is another market, no more. (A thousand times zero is zero.)
const HARMLESS: [&str; 1] = ["seed"];

#[test]
fn a_thousand_times_and_a_thousandth_of_every_shipped_number_are_refused_by_name() {
    let live = std::fs::read_to_string(shipped("live.yml")).expect("readable");
    let lines: Vec<&str> = live.lines().collect();
    let mut tried = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        for (start, end, key) in numbers(line).into_iter().filter(|_| !line.starts_with('#')) {
            for by in [3, -3] {
                if HARMLESS.contains(&key.as_str()) || &line[start..end] == "0" {
                    continue;
                }
                let wrong = shifted(&line[start..end], by);
                let changed = format!("{}{wrong}{}", &line[..start], &line[end..]);
                let mut all = lines.clone();
                all[index] = &changed;
                let faults = text(&all.join("\n"), &Request::default());
                let faults = faults.err().unwrap_or_else(|| panic!("accepted: {changed}"));
                let here = |fault: &Fault| {
                    let path = fault.path.ends_with(&key);
                    path && matches!(fault.place, Place::File(mark) if mark.line == index + 1)
                };
                assert!(faults.iter().any(here), "{changed}: {faults:?}");
                tried.insert((index, start));
            }
        }
    }
    assert!(tried.len() > 120, "only {} numbers were found", tried.len());
}
