//! `tools/soak.sh` with an `arb` that does as it is told, and once with the real one: silence,
//! exit codes, one at a time, bounded directories, a run that was cut short, signals.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "support/command.rs"]
mod command;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use command::Going;
use command::Place;

/// Writes down how it was called, leaves a log, waits where it is told to, ends as it is told to.
const STUB: &str = r#"#!/usr/bin/env bash
here=$(dirname "$0")
printf '%s\n' "$*" >>"$here/calls"
case " $* " in
*" report "*)
    case " $* " in *" --json "*) echo '{"verdict":"X"}' ;; *) echo "the report of $2" ;; esac
    exit "$(cat "$here/report_code" 2>/dev/null || echo 0)"
    ;;
esac
while [ "$1" != --run-dir ]; do shift; done
mkdir -p "$2/logs"
seq -f 'log line %g' 30 >"$2/logs/live.log"
echo '{"exit":0}'
trap 'echo told to end >>"$here/calls"; exit 0' TERM
touch "$here/running"
# Not for ever: a test that failed no longer lets it go.
for ((i = 0; i < 3000; i++)); do
    [ -e "$here/hold" ] || break
    sleep 0.01
done
exit "$(cat "$here/run_code" 2>/dev/null || echo 0)"
"#;

/// A folder with the stub, in which soaks take place.
struct Yard {
    place: Place,
}

impl Yard {
    fn new(name: &str) -> Yard {
        let place = Place::new(&format!("soak_{name}"));
        let stub = place.write("arb", STUB);
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("a mode");
        Yard { place }
    }
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(script());
        command.args(words.split_whitespace());
        command.arg("--dir").arg(self.base()).arg("--arb").arg(self.place.path("arb"));
        command
    }
    fn soak(&self, words: &str) -> Output {
        self.command(words).output().expect("bash")
    }
    fn base(&self) -> PathBuf {
        self.place.path("soaks")
    }
    /// The run directories, oldest first.
    fn runs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.base()).expect("a folder");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("one").path()).collect();
        paths.retain(|path| path.is_dir() && name_of(path).starts_with("soak_2"));
        paths.sort();
        paths
    }
    fn calls(&self) -> String {
        fs::read_to_string(self.place.path("calls")).unwrap_or_default()
    }
    /// A soak whose run goes on until `hold` is removed.
    fn held(&self) -> Going {
        self.place.write("hold", "");
        let mut going = self.place.start(self.command("--loops 5"));
        going.until(|_| self.place.path("running").exists(), "the run");
        going
    }
    fn release(&self) {
        fs::remove_file(self.place.path("hold")).expect("removed");
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/soak.sh")
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn a_soak_that_passes_is_silent_and_keeps_its_reports() {
    let yard = Yard::new("silent");
    let output = yard.soak("");
    assert_eq!((code(&output), said(&output).as_str()), (Some(0), ""));
    let run = yard.runs().pop().expect("a run");
    let text = |name: &str| fs::read_to_string(run.join(name)).expect(name);
    assert_eq!(text("report.txt"), format!("the report of {}\n", run.display()));
    assert_eq!(text("report.json"), "{\"verdict\":\"X\"}\n");
    assert_eq!(
        (text("summary.json").as_str(), text("exit_code").as_str()),
        ("{\"exit\":0}\n", "0\n")
    );
    assert_eq!(text("logs/live.log").lines().count(), 30);
}

#[test]
fn hours_choose_the_configuration_and_the_number_of_cycles() {
    for (words, config, loops) in [
        ("", "soak_24h.yml", "--loops 1440 --interval 60"),
        ("--hours 72", "soak_72h.yml", "--loops 4320 --interval 60"),
        ("--hours 2 --interval 30", "soak_24h.yml", "--loops 240 --interval 30"),
        ("--loops 7 --interval 0.1", "soak_24h.yml", "--loops 7 --interval 0.1"),
        ("--config mine.yml", "--config mine.yml", "--loops 1440"),
    ] {
        let yard = Yard::new("hours");
        assert_eq!(code(&yard.soak(words)), Some(0), "{words}");
        let calls = yard.calls();
        let run = calls.lines().next().expect("a call");
        assert!(run.contains(config) && run.contains(loops), "{words}: {run}");
        assert!(run.contains(" run --mode mock "), "{run}");
    }
}

#[test]
fn a_failure_prints_the_report_and_the_last_lines_and_ends_with_the_code_that_counts() {
    for (run_code, report_code, ends) in [(0, 10, 10), (0, 12, 12), (22, 10, 22), (74, 0, 74)] {
        let yard = Yard::new("failure");
        yard.place.write("run_code", &run_code.to_string());
        yard.place.write("report_code", &report_code.to_string());
        let output = yard.soak("--loops 5");
        assert_eq!(code(&output), Some(ends), "{run_code} {report_code}");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("the report of "), "{told}");
        assert!(told.contains("log line 11\n") && told.ends_with("log line 30\n"), "{told}");
        assert!(!told.contains("log line 10\n"), "only the last lines: {told}");
        let codes = format!("run exit code {run_code}, report exit code {report_code}");
        assert!(told.starts_with(&format!("soak: {codes}")), "{told}");
    }
}

#[test]
fn two_soaks_never_overlap_even_when_the_script_of_the_first_is_killed() {
    let yard = Yard::new("overlap");
    let mut first = yard.held();
    let second = yard.soak("--loops 5");
    assert_eq!(code(&second), Some(73));
    assert!(said(&second).contains("another soak is running"), "{}", said(&second));
    let polite = yard.soak("--loops 5 --if-free");
    assert_eq!((code(&polite), said(&polite).as_str()), (Some(0), ""));
    assert!(first.kill(), "it was still running");
    assert_eq!(code(&yard.soak("--loops 5")), Some(73), "its run still goes on");
    assert_eq!(yard.runs().len(), 1);
    yard.release();
    let mut free = Command::new("flock");
    free.args(["-w", "60"]).arg(yard.base().join("soak.lock")).arg("true");
    assert!(free.status().expect("flock").success());
    let third = yard.soak("--loops 5");
    assert_eq!(code(&third), Some(0));
    assert!(said(&third).contains("was cut short"), "{}", said(&third));
}

#[test]
fn a_run_that_was_cut_short_is_judged_and_told_once_and_a_new_run_begins() {
    let yard = Yard::new("cut");
    let lost = yard.base().join("soak_20251115T205722Z");
    fs::create_dir_all(&lost).expect("a folder");
    let output = yard.soak("--loops 5");
    assert_eq!(code(&output), Some(0));
    let told = said(&output);
    assert!(told.contains("soak_20251115T205722Z was cut short"), "{told}");
    assert!(lost.join("report.txt").exists() && lost.join("report.json").exists());
    assert_eq!(yard.runs().len(), 2);
    let output = yard.soak("--loops 5");
    assert_eq!((code(&output), said(&output).as_str()), (Some(0), ""), "told once");
}

#[test]
fn only_so_many_run_directories_are_kept_and_nothing_else_is_removed() {
    let yard = Yard::new("keep");
    fs::create_dir_all(yard.base().join("soak_notes")).expect("a folder");
    fs::write(yard.base().join("soak_2025T.txt"), "mine").expect("a file");
    // As after a clock that was set back: these seem to be newer than any run to come.
    for year in [2998, 2999] {
        let run = yard.base().join(format!("soak_{year}1115T205722Z"));
        fs::create_dir_all(&run).expect("a folder");
        fs::write(run.join("exit_code"), "0\n").expect("written");
    }
    for _ in 0..4 {
        assert_eq!(code(&yard.soak("--loops 5 --keep 2")), Some(0));
        let runs = yard.runs();
        assert_eq!(runs.len(), 2);
        assert!(runs[0].join("report.txt").exists(), "the new one stays: {runs:?}");
    }
    assert!(yard.base().join("soak_notes").exists());
    assert!(yard.base().join("soak_2025T.txt").exists());
}

#[test]
fn a_signal_ends_the_run_in_order_and_what_there_is_is_judged() {
    for signal in ["TERM", "INT"] {
        let yard = Yard::new(&format!("signal_{signal}"));
        let going = yard.held();
        // SIGINT is ignored by what a shell starts in the background, but not by this script.
        going.signal(signal);
        let ended = going.end().expect(0);
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{signal}");
        let calls = yard.calls();
        let told = calls.find("told to end");
        let end = told.unwrap_or_else(|| panic!("{signal} did not arrive: {calls}"));
        assert!(calls[end..].contains("report "), "{calls}");
    }
}

#[test]
fn an_argument_that_makes_no_sense_exits_2_and_starts_nothing() {
    let yard = Yard::new("usage");
    for words in [
        "--fly",
        "--hours",
        "--hours 0",
        "--hours 08",
        "--hours -1",
        "--hours 9999",
        "--keep 0",
        "--loops 0",
        "--loops x",
        "--interval 0.5",
        "--hours 1e3",
    ] {
        let mut command = Command::new(script());
        command.args(words.split_whitespace()).current_dir(yard.place.path("."));
        if words != "--hours" {
            command.arg("--dir").arg(yard.base()).arg("--arb").arg(yard.place.path("arb"));
        }
        let output = command.output().expect("bash");
        assert_eq!(code(&output), Some(2), "{words}: {}", said(&output));
        assert!(said(&output).starts_with("soak: "), "{words}");
    }
    assert!(yard.calls().is_empty() && !yard.base().exists());
    let help = yard.soak("--help");
    assert_eq!(code(&help), Some(0));
    for word in ["--hours", "--loops", "--keep", "--if-free", "10 FAIL, 12 INCONCLUSIVE"] {
        assert!(said(&help).contains(word), "{word}");
    }
}

#[test]
fn every_line_of_the_crontab_is_one_that_the_script_takes() {
    let crontab = include_str!("../tools/crontab.example");
    let mut tried = 0;
    for line in crontab.lines().filter(|line| !line.starts_with('#')) {
        let Some((when, words)) = line.split_once("$ARB/tools/soak.sh") else { continue };
        let yard = Yard::new("crontab");
        let fields = when.split_whitespace().count();
        assert!(fields == 5 || when.trim() == "@reboot", "{line}");
        let words = words.replace("$ARB", &yard.place.path("x").display().to_string());
        // What comes last counts: the soak of the test goes where the test looks.
        assert_eq!(code(&yard.soak(&words)), Some(0), "{line}");
        assert_eq!(yard.runs().len(), 1, "{line}");
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[test]
fn a_rehearsal_with_the_real_binary_runs_and_is_judged_as_the_report_judges_it() {
    let yard = Yard::new("real");
    let arb = env!("CARGO_BIN_EXE_arb");
    let mut command = Command::new(script());
    command.args(["--loops", "3", "--interval", "0.05", "--arb", arb, "--dir"]).arg(yard.base());
    let output = command.output().expect("bash");
    let run = yard.runs().pop().expect("a run");
    let judged = Command::new(arb).arg("report").arg(&run).output().expect("the binary starts");
    assert_eq!(code(&output), code(&judged));
    assert_ne!(code(&output), Some(0), "too short to be judged");
    assert!(said(&output).starts_with("soak: run exit code 0, "), "{}", said(&output));
    let summary = fs::read_to_string(run.join("summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("one object");
    assert_eq!((&summary["cycles"], &summary["exit"]), (&3.into(), &0.into()));
    assert!(run.join("journal").exists() && run.join("logs/live.log").exists());
}
