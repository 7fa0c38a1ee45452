//! The house rules that a program can check, over `src`, `tests`, `benches` and the texts around
//! them. Each rule is one test: it first proves on a planted violation that it can fail, and on
//! clean text that it can pass, then it reads the tree. What is allowed where stands in
//! `tidy/tables.rs`, with reasons.

#![allow(clippy::expect_used, reason = "a rule that cannot read the tree must stop the test")]

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tables.rs"]
mod tables;
#[path = "tidy/words.rs"]
mod words;

use source::Fault;
use source::Source;

type Rule = fn(&[Source]) -> Vec<Fault>;
/// A small tree: path and text of each file.
type Planted<'p> = &'p [(&'p str, &'p str)];

fn plant(files: Planted) -> Vec<Source> {
    files.iter().map(|(path, text)| Source::new(path, text)).collect()
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// Holds a rule against each broken tree, the clean one, and the repository.
fn enforce(rule: Rule, broken: &[Planted], clean: Planted) {
    for planted in broken {
        assert!(!rule(&plant(planted)).is_empty(), "the rule does not see {planted:?}");
    }
    let faults = rule(&plant(clean));
    assert!(faults.is_empty(), "the rule refuses clean text:\n{}", list(&faults));
    let faults = rule(&source::tree());
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), list(&faults));
}

#[test]
fn imports_point_downward() {
    enforce(
        arrows::imports_point_downward,
        &[
            &[("src/feed/agent.rs", "use crate::engine::core::Core;")],
            &[("src/engine/core.rs", "fn f() -> u8 { crate::config::check::MOST }")],
            &[("src/types/order.rs", "use crate::venue::Event;")],
            &[("src/venue/book.rs", "use crate::runtime::link::Link;")],
            &[("src/main.rs", "fn main() { arb::engine::core::run() }")],
            &[("src/cli/run.rs", "use crate::strategy::Plan;")],
            &[("src/helpers.rs", "")],
        ],
        &[
            ("src/feed/agent.rs", "//! See crate::engine.\nuse crate::venue::book::Book;"),
            ("src/topology.rs", "use crate::engine::core::Core;\nuse crate::feed::agent::Feed;"),
            ("src/main.rs", "fn main() { arb::cli::main() }"),
            ("src/lib.rs", "pub mod types;"),
        ],
    );
}

#[test]
fn config_takes_only_limits_from_thread_folders() {
    enforce(
        arrows::config_takes_only_limits,
        &[&[("src/config/check.rs", "use crate::engine::core::Core;")]],
        &[
            ("src/config/check.rs", "use crate::engine::limits::EnginePlan;"),
            ("src/config/mod.rs", "use crate::gateway::limits::PaperLimits;"),
        ],
    );
}

#[test]
fn our_paths_are_one_per_line() {
    enforce(
        arrows::our_paths_are_one_per_line,
        &[
            &[("src/a.rs", "use crate::types::{ids::Asset, units::Qty};")],
            &[("src/a.rs", "use crate::types::units::*;")],
            &[("src/a/b.rs", "use super::units::Qty;")],
            &[("src/a/b.rs", "#[cfg(test)]\nmod t { use super::super::c::D; }")],
        ],
        &[("src/a.rs", "use crate::x::Y;\nuse std::{fs, io};\n#[cfg(test)]\nuse super::*;")],
    );
}

#[test]
fn no_two_files_import_each_other() {
    enforce(
        arrows::no_two_files_import_each_other,
        &[&[
            ("src/engine/pair.rs", "use crate::engine::risk::Gate;"),
            ("src/engine/risk.rs", "fn f() { crate::engine::pair::open() }"),
        ]],
        &[
            ("src/venue/mod.rs", "use crate::venue::upbit::Upbit;"),
            ("src/venue/upbit.rs", "use crate::venue::Codec;"),
            ("src/sim/plan.rs", "#[cfg(test)]\nmod t { use crate::sim::path::Path; }"),
            ("src/sim/path.rs", "use crate::sim::plan::Plan;"),
        ],
    );
}

#[test]
fn modules_form_no_circle() {
    enforce(
        arrows::modules_form_no_circle,
        &[&[
            ("src/venue/book.rs", "use crate::net::ws::Frame;"),
            ("src/net/ws.rs", "use crate::stats::ring::Ring;"),
            ("src/stats/ring.rs", "use crate::venue::book::Book;"),
        ]],
        &[("src/venue/book.rs", "use crate::venue::Event;\nuse crate::types::ids::Asset;")],
    );
}

#[test]
fn each_third_party_crate_is_named_in_its_place() {
    enforce(
        arrows::each_crate_is_named_in_its_place,
        &[
            &[("src/feed/agent.rs", "use crossbeam_channel::Receiver;")],
            &[("src/engine/core.rs", "fn f() { redis::cmd(\"GET\"); }")],
            &[("src/config/yaml.rs", "use clap as c;")],
        ],
        &[
            ("src/cli/mod.rs", "use clap::Parser;"),
            ("src/telemetry/agent.rs", "use crate::telemetry::redis::Heartbeat;\n// clap::x"),
        ],
    );
}

#[test]
fn every_dependency_has_a_place() {
    enforce(
        arrows::every_dependency_has_a_place,
        &[&[("Cargo.toml", "[dev-dependencies]\nleft-pad = \"1\"\n")]],
        &[("Cargo.toml", "[package]\nname = \"arb\"\n[dependencies]\nlog = \"0.4\"\n")],
    );
}

#[test]
fn the_engine_thread_never_logs() {
    enforce(
        arrows::the_engine_never_logs,
        &[
            &[("src/engine/core.rs", "fn f() { log::info!(\"x\"); }")],
            &[("src/engine/core.rs", "use log::warn;")],
        ],
        &[("src/engine/core.rs", "fn log(x: u8) {}"), ("src/cli/run.rs", "use log::warn;")],
    );
}

#[test]
fn files_are_short() {
    let long = "// line\n".repeat(tables::FILE_LINES + 1);
    let tested = format!("//! x\n#[cfg(test)]\nmod tests {{}}\n{long}");
    enforce(shape::files_are_short, &[&[("src/a.rs", &long)]], &[("src/a.rs", &tested)]);
}

#[test]
fn front_pages_are_short() {
    let long = "// line\n".repeat(tables::FRONT_PAGE_LINES + 1);
    let clean: Planted = &[("src/venue/mod.rs", &long), ("src/venue/upbit/mod.rs", &long)];
    enforce(shape::front_pages_are_short, &[&[("src/feed/mod.rs", &long)]], clean);
}

#[test]
fn lines_are_short() {
    let widest = "µ".repeat(tables::COLUMNS);
    let wider = format!("{widest}x");
    enforce(shape::lines_are_short, &[&[("src/a.rs", &wider)]], &[("src/a.rs", &widest)]);
}

#[test]
fn every_file_begins_with_its_contract() {
    enforce(
        shape::every_file_begins_with_its_contract,
        &[&[("src/a.rs", "use std::fs;")], &[("tests/a.rs", "// Tests.")]],
        &[("src/a.rs", "//! What it answers for.\n")],
    );
}

#[test]
fn functions_are_short() {
    let body = |lines: usize| format!("fn f() {{\n{}}}", "let _ = '{';\n".repeat(lines));
    enforce(
        shape::functions_are_short,
        &[&[("src/a.rs", &body(tables::FUNCTION_LINES - 1))]],
        &[("src/a.rs", &body(tables::FUNCTION_LINES - 2))],
    );
}

#[test]
fn functions_take_few_parameters() {
    enforce(
        shape::functions_take_few_parameters,
        &[
            &[("src/a.rs", "fn f(a: u8, b: u8, c: u8, d: u8, e: u8) -> [u8; 2] { [a, b] }")],
            &[("src/a.rs", "trait T { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8); }")],
        ],
        &[
            (
                "src/a.rs",
                "fn f<F: Fn(u8) -> u8>(&mut self, a: (u8, u8), b: A<B, C>, c: F, d: u8,) {}",
            ),
            ("src/b.rs", "type F = fn(u8, u8, u8, u8, u8);"),
        ],
    );
}

#[test]
fn test_names_are_sentences() {
    enforce(
        shape::test_names_are_sentences,
        &[
            &[("src/a.rs", "#[test]\nfn it_works() {}")],
            &[("src/a.rs", "fn x() {}\n#[test]\n#[should_panic]\nfn parse() {}")],
        ],
        &[("src/a.rs", "#[test]\nfn a_gap_is_seen() {}\nfn helper() {}")],
    );
}

#[test]
fn no_two_files_have_almost_the_same_name() {
    enforce(
        shape::no_two_files_have_almost_the_same_name,
        &[
            &[("src/engine/order.rs", ""), ("src/engine/orders.rs", "")],
            &[("src/engine/risk.rs", ""), ("src/engine/risk_v2.rs", "")],
            &[("src/feed/mod.rs", ""), ("src/feeds.rs", "")],
        ],
        &[("src/types/order.rs", ""), ("src/engine/orders.rs", ""), ("src/engine/pair.rs", "")],
    );
}

#[test]
fn calls_stay_in_their_place() {
    enforce(
        words::calls_stay_in_their_place,
        &[
            &[("src/engine/core.rs", "fn f() { let t = std::time::Instant::now(); }")],
            &[("benches/a_ns.rs", "fn f() { start.elapsed(); }")],
            &[("tests/a.rs", "fn f() { std::thread::sleep(ONE); }")],
            &[("src/topology.rs", "fn f() { thread::spawn(work); }")],
            &[("src/cli/run.rs", "fn f() { std::process::exit(1) }")],
        ],
        &[
            ("src/types/time.rs", "fn f() { Instant::now(); }"),
            ("src/runtime/drive.rs", "fn f() { thread::sleep(ONE); }"),
            ("src/cli/run.rs", "fn f() { say(\"Instant::now\"); } // thread::spawn"),
        ],
    );
}

#[test]
fn only_commands_print() {
    enforce(
        words::only_commands_print,
        &[&[("src/feed/agent.rs", "fn f() { eprintln!(\"x\"); }")]],
        &[
            ("src/cli/run.rs", "fn f() { println!(\"x\"); }"),
            ("src/sim/path.rs", "#[cfg(test)]\nmod t { fn f() { eprintln!(\"skipped\"); } }"),
        ],
    );
}

#[test]
fn money_has_no_floating_point() {
    enforce(
        words::money_has_no_floating_point,
        &[
            &[("src/engine/signal.rs", "fn f(x: f64) {}")],
            &[("src/venue/book.rs", "const X: u8 = (1.5 * A) as u8;")],
            &[("src/types/units.rs", "const X: u8 = 1e8 as u8;")],
        ],
        &[
            ("src/engine/signal.rs", "const A: u8 = 0x1e5; fn f() { t.0.1; 0..5; 1usize; }"),
            ("src/engine/pair.rs", "// 1.5 f64\n#[cfg(test)]\nmod t { const X: f64 = 0.5; }"),
            ("src/stats/slope.rs", "const X: f64 = 0.5;"),
        ],
    );
}

#[test]
fn nothing_is_left_unfinished() {
    enforce(
        words::nothing_is_left_unfinished,
        &[
            &[("src/a.rs", "// TODO: later")],
            &[("src/a.rs", "fn f() { todo!() }")],
            &[("src/a.rs", "/// Returns zero for now.")],
        ],
        &[("src/a.rs", "const TODOS: u8 = 1; // waits for nowhere")],
    );
}

#[test]
fn no_test_is_switched_off() {
    enforce(
        words::no_test_is_switched_off,
        &[&[("src/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a_b_c() {}")]],
        &[("src/a.rs", "// #[ignore]\n#[test]\nfn a_b_c() {}")],
    );
}

#[test]
fn every_allow_has_a_reason() {
    enforce(
        words::every_allow_has_a_reason,
        &[
            &[("src/a.rs", "#[allow(dead_code)]\nfn f() {}")],
            &[("src/a.rs", "#![expect(clippy::too_many_lines)]")],
        ],
        &[("src/a.rs", "#[allow(dead_code, reason = \"[shown]\")]\nfn f() { gate.allow(x); }")],
    );
}

#[test]
fn text_has_plain_signs_only() {
    enforce(
        words::text_has_plain_signs_only,
        &[&[("src/a.rs", "// done \u{2705}")], &[("README.md", "\u{1F680} fast")]],
        &[("src/a.rs", "// ±2 µs × 10⁻⁸ → ₩")],
    );
}

#[test]
fn comments_draw_no_banners() {
    enforce(
        words::comments_draw_no_banners,
        &[&[("src/a.rs", "// ----- helpers -----")], &[("src/a.rs", "//////////////")]],
        &[("src/a.rs", "//! | a | b |\n//! |---|---|\n")],
    );
}

#[test]
fn no_path_belongs_to_one_machine() {
    enforce(
        words::no_path_belongs_to_one_machine,
        &[&[("README.md", "see /home/me/arb")], &[("src/a.rs", "// (/work/x)")]],
        &[("README.md", "see ../shared/fixtures and src/work/agent.rs")],
    );
}

#[test]
fn continuous_integration_runs_the_commands_of_the_readme() {
    let readme = "## Two commands\n```sh\ncargo run -- x\ntools/t.sh\n```\n";
    enforce(
        shape::the_readme_and_ci_agree,
        &[
            &[("README.md", readme), (".ci/run", "stage \"tests\" tools/t.sh\n")],
            &[("README.md", readme), (".ci/run", "stage \"a\" cargo run -- x\ntools/t.sh.old\n")],
            &[("README.md", "## Two commands\n"), (".ci/run", "")],
            &[("README.md", readme)],
            &[(".ci/run", "stage \"b\" tools/t.sh\n")],
        ],
        &[
            ("README.md", readme),
            (".ci/run", "stage \"a\" cargo run -- x\nstage \"b\" tools/t.sh\n"),
        ],
    );
}
