//! What `arb config check | show | explain | schema` prints.

#![allow(clippy::expect_used, reason = "a helper of tests fails the test")]

use std::path::PathBuf;

use serde_json::Value;

use arb::cli::config;
use arb::cli::config::ExplainArgs;
use arb::cli::config::Format;
use arb::cli::exit::Exit;
use arb::config::load::Request;
use arb::types::time::DurNs;

fn live() -> Request {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/live.yml");
    Request { path: Some(path), ..Request::default() }
}

fn explained(key: &str) -> String {
    let args = ExplainArgs { key: Some(key.to_owned()), interval: DurNs::from_secs(30) };
    let mut out = Vec::new();
    config::explain(&args, &live(), &mut out).expect("explains");
    String::from_utf8(out).expect("text")
}

#[test]
fn check_says_what_it_read_or_returns_every_fault_with_exit_code_78() {
    let mut out = Vec::new();
    config::check(&live(), &mut out).expect("valid");
    let text = String::from_utf8(out).expect("text");
    assert!(text.starts_with("ok: ") && text.contains("5 instruments"), "{text}");
    let missing = Request { path: Some("no.yml".into()), ..Request::default() };
    let missing = config::check(&missing, &mut Vec::new());
    let error = missing.expect_err("missing");
    assert_eq!(error.exit, Exit::Config);
    assert!(error.to_string().starts_with("error: no.yml"), "{error}");
}

#[test]
fn show_has_every_value_with_its_origin() {
    let env = vec![("ARB_FX__MAX_AGE_MS".to_owned(), "2000".to_owned())];
    let request = Request { env, ..live() };
    let mut out = Vec::new();
    config::show(&request, Format::Json, &mut out).expect("shows");
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
    let all: Value = serde_json::from_slice(&out).expect("JSON");
    let fx = &all["keys"]["fx.max_age_ms"];
    assert_eq!(fx["value"], 2_000);
    assert_eq!(fx["origin"], "env ARB_FX__MAX_AGE_MS");
    let fee = &all["keys"]["signal_engine.upbit_fee"];
    assert!(fee["origin"].as_str().expect("text").starts_with("file line "));
    let mut out = Vec::new();
    config::show(&request, Format::Text, &mut out).expect("shows");
    let text = String::from_utf8(out).expect("text");
    assert!(text.lines().any(|l| l.starts_with("fx.max_age_ms ") && l.contains(" 2000 ")));
}

#[test]
fn explain_says_meaning_range_default_variable_and_cycles_in_time() {
    let text = explained("watchdog.error_reset_cycles");
    for part in [
        "Clean cycles after which an ERROR clears",
        "a whole number, 1..=10000 cycles",
        "default: 20",
        "in time: 10 min (cycles of 30 s)",
        "environment: ARB_WATCHDOG__ERROR_RESET_CYCLES",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(explained("risk").matches("\nrisk.").count() > 8);
    assert!(explained("instruments").contains("instruments[].lot"));
}

#[test]
fn explain_says_what_a_key_waits_for_that_nothing_reads_yet() {
    for (key, part) in [
        ("live_guards.require_env_flag", "mode live"),
        ("alert.telegram.timeout_seconds", "alerts"),
        ("http.page", "the metrics page"),
    ] {
        let waits = format!("waits: for {part}, not built yet; nothing reads it");
        assert!(explained(key).contains(&waits), "{key}: {}", explained(key));
    }
    assert!(!explained("venues.fx").contains("waits:"));
}

#[test]
fn explain_names_the_nearest_key_and_works_beside_a_broken_file() {
    let args = ExplainArgs {
        key: Some("watchdog.warn_reset_cycle".into()),
        interval: DurNs::from_secs(1),
    };
    let error = config::explain(&args, &live(), &mut Vec::new()).expect_err("unknown");
    assert_eq!(error.exit, Exit::Usage);
    assert!(error.to_string().contains("did you mean watchdog.warn_reset_cycles?"));
    let broken = Request { path: Some("no.yml".into()), ..Request::default() };
    let args = ExplainArgs { key: Some("fx.settle_ms".into()), interval: DurNs::from_secs(1) };
    config::explain(&args, &broken, &mut Vec::new()).expect("explains from the defaults");
}

#[test]
fn the_schema_describes_every_section_and_forbids_unknown_keys() {
    let mut out = Vec::new();
    config::schema(&mut out).expect("writes");
    let schema: Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
    let reset = &schema["properties"]["watchdog"]["properties"]["warn_reset_cycles"];
    assert_eq!((&reset["minimum"], &reset["maximum"]), (&1.into(), &1_000.into()));
    assert!(reset["description"].is_string());
    for (name, section) in schema["properties"].as_object().expect("sections") {
        assert!(section["description"].is_string(), "{name} has no description");
    }
}
