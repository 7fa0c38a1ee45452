//! The binary from outside: help that teaches, exit codes, completions, manual pages.

use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use arb::cli::exit::Exit;

fn arb(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arb"));
    command.args(arguments).env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str]) -> Output {
    arb(arguments).output().unwrap_or_else(|error| panic!("arb {arguments:?}: {error}"))
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn help_teaches_every_command_and_every_exit_code() {
    let output = run(&["--help"]);
    assert_eq!(code(&output), Some(0));
    let help = String::from_utf8_lossy(&output.stdout);
    for exit in Exit::ALL {
        let row = format!("{:>2}  {}", exit.code(), exit.meaning());
        assert!(help.contains(&row), "`{row}` is missing in\n{help}");
    }
    for word in ["replay", "decode", "report", "config", "--run-dir", "Examples:"] {
        assert!(help.contains(word), "`{word}` is missing in\n{help}");
    }
}

#[test]
fn the_help_of_report_says_what_is_judged_and_how_it_exits() {
    let output = run(&["report", "--help"]);
    assert_eq!(code(&output), Some(0));
    let help = String::from_utf8_lossy(&output.stdout);
    for word in ["was it stable?", "--list", "--ascii", "--json", "Examples:", "10 FAIL, 12"] {
        assert!(help.contains(word), "`{word}` is missing in\n{help}");
    }
}

#[test]
fn a_line_that_makes_no_sense_exits_2_and_keeps_stdout_clean() {
    let lines: [&[&str]; 8] = [
        &[],
        &["fly"],
        &["replay"],
        &["replay", "f", "--interval", "-3"],
        &["decode", "f"],
        &["report"],
        &["config"],
        &["man", "fly"],
    ];
    for line in lines {
        let output = run(line);
        assert_eq!(code(&output), Some(i32::from(Exit::Usage.code())), "{line:?}");
        assert!(output.stdout.is_empty(), "{line:?}");
        assert!(!output.stderr.is_empty(), "{line:?}");
    }
}

#[test]
fn every_shell_gets_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);
        assert_eq!(code(&output), Some(0), "{shell}");
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(script.contains("replay") && script.contains("report"), "{shell}");
        assert!(script.contains("run-dir"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let pages: [(&[&str], &str); 4] = [
        (&["man"], "ended with unhedged exposure"),
        (&["man", "replay"], "recording"),
        (&["man", "report"], "INCONCLUSIVE"),
        (&["man", "config", "check"], "fault"),
    ];
    for (line, content) in pages {
        let output = run(line);
        assert_eq!(code(&output), Some(0), "{line:?}");
        let page = String::from_utf8_lossy(&output.stdout);
        assert!(page.contains(".TH") && page.contains(content), "{line:?}: {page}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = arb(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("arb: {error}"));
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("arb: {error}"));
    assert_eq!(code(&output), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
