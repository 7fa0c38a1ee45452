//! The log of a run: rotation keeps what it promises, slow readers hold up nobody.

#![allow(clippy::expect_used, reason = "a test without its files must fail loudly")]

use std::fs;
use std::io;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::path::PathBuf;

use arb::telemetry::console::Console;
use arb::telemetry::limits::LogLimits;
use arb::telemetry::log::LogLine;
use arb::telemetry::log::Logger;
use arb::telemetry::log::open;
use arb::telemetry::rotate::RotatingFile;
use arb::telemetry::writer::LogWriter;
use arb::telemetry::writer::Losses;
use arb::types::time::WallNs;
use log::Level;
use log::LevelFilter;

/// A folder of its own for each test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
    }
    folder
}

fn limits(folder: &Path, max_file_bytes: u64, max_files: u32) -> LogLimits {
    let file = folder.join("logs/live.log");
    LogLimits { level: LevelFilter::Info, file, max_file_bytes, max_files }
}

/// The numbered lines in a file, in its order.
fn numbers(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).expect("a log file");
    assert!(text.ends_with('\n'), "whole lines");
    text.lines().map(|line| line.parse().expect("a numbered line")).collect()
}

fn aside(limits: &LogLimits, number: u32) -> PathBuf {
    PathBuf::from(format!("{}.{number}", limits.file.display()))
}

fn write(file: &mut RotatingFile, lines: std::ops::Range<u64>) {
    lines.for_each(|number| file.write(&format!("{number:>09}\n")));
}

#[test]
fn rotation_keeps_the_newest_files_and_loses_no_line_between_them() {
    let limits = limits(&folder("rotation"), 100, 3);
    let mut file = RotatingFile::open(&limits).expect("a log file");
    write(&mut file, 0..95);
    // Ten lines fill a file: five in the newest, thirty put aside, the rest dropped.
    assert_eq!(numbers(&aside(&limits, 3)), (60..70).collect::<Vec<_>>());
    assert_eq!(numbers(&aside(&limits, 2)), (70..80).collect::<Vec<_>>());
    assert_eq!(numbers(&aside(&limits, 1)), (80..90).collect::<Vec<_>>());
    assert_eq!(numbers(&limits.file), (90..95).collect::<Vec<_>>());
    assert!(!aside(&limits, 4).exists());
    assert_eq!(file.lost(), 0);
}

#[test]
fn a_second_start_appends_and_counts_what_is_there() {
    let limits = limits(&folder("append"), 100, 2);
    write(&mut RotatingFile::open(&limits).expect("a log file"), 0..7);
    write(&mut RotatingFile::open(&limits).expect("a log file"), 7..12);
    assert_eq!(numbers(&aside(&limits, 1)), (0..10).collect::<Vec<_>>());
    assert_eq!(numbers(&limits.file), [10, 11]);
}

#[test]
fn a_file_that_was_moved_away_is_followed_until_it_is_opened_anew() {
    let limits = limits(&folder("moved"), 1_000, 2);
    let mut file = RotatingFile::open(&limits).expect("a log file");
    write(&mut file, 0..2);
    let moved = limits.file.with_extension("moved");
    fs::rename(&limits.file, &moved).expect("moved");
    write(&mut file, 2..3);
    file.reopen().expect("a new file");
    write(&mut file, 3..5);
    assert_eq!((numbers(&moved), numbers(&limits.file)), (vec![0, 1, 2], vec![3, 4]));
}

#[test]
fn a_file_that_was_deleted_does_not_grow_unseen_beyond_its_bound() {
    let limits = limits(&folder("deleted"), 100, 2);
    let mut file = RotatingFile::open(&limits).expect("a log file");
    write(&mut file, 0..5);
    fs::remove_file(&limits.file).expect("deleted");
    write(&mut file, 5..12);
    assert_eq!(numbers(&limits.file), [10, 11], "the bound brought a new file");
    assert_eq!(file.lost(), 0);
}

#[test]
fn a_file_that_cannot_be_put_aside_takes_no_more_than_its_bound() {
    let limits = limits(&folder("blocked"), 100, 1);
    let mut file = RotatingFile::open(&limits).expect("a log file");
    // A folder in the way that is not empty: no rename can replace it, not even root's.
    fs::create_dir_all(aside(&limits, 1).join("x")).expect("a folder");
    write(&mut file, 0..15);
    assert_eq!((file.lost(), numbers(&limits.file).len()), (5, 10));
    fs::remove_dir_all(aside(&limits, 1)).expect("out of the way");
    write(&mut file, 15..16);
    assert_eq!((file.lost(), numbers(&limits.file)), (5, vec![15]));
}

fn send(logger: &Logger, level: Level, text: &str) {
    logger.send(LogLine::new(WallNs(0), level, ("test", &text)));
}

/// A writer onto a pipe, with the end at which the pipe is read.
fn piped(level: LevelFilter) -> (Logger, LogWriter, io::PipeReader) {
    let (logger, queue) = open();
    let (reader, pipe) = io::pipe().expect("a pipe");
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let console = Console::through(Path::new(&path), Box::new(pipe));
    (logger, LogWriter::new(queue, console, level), reader)
}

#[test]
fn a_stderr_that_nobody_reads_holds_up_neither_the_senders_nor_the_log_file() {
    let (logger, mut writer, mut reader) = piped(LevelFilter::Info);
    let limits = limits(&folder("stalled"), 1 << 20, 1);
    writer.keep_in(RotatingFile::open(&limits).expect("a log file"));
    // Ten times what a pipe holds, written in the turns of a telemetry thread.
    for number in 0..10_000 {
        send(&logger, Level::Info, &format!("line {number}"));
        writer.pump();
    }
    let losses = writer.losses();
    assert!(losses.console > 1_000, "{losses:?}");
    assert_eq!((losses.queue, losses.file), (0, 0));
    let kept = fs::read_to_string(&limits.file).expect("the log file");
    assert_eq!(kept.lines().count(), 10_000, "the file has what stderr did not take");

    let mut seen = vec![0; 1 << 16];
    let count = reader.read(&mut seen).expect("what the pipe held");
    assert!(count > 0);
    send(&logger, Level::Info, "read again");
    writer.pump();
    let told = format!("0 because the queue was full, {} on stderr, 0", losses.console);
    let kept = fs::read_to_string(&limits.file).expect("the log file");
    assert!(kept.contains(&told), "the loss is told once the reader is back");
}

#[test]
fn senders_never_wait_for_a_telemetry_thread_that_does_not_run() {
    let (logger, mut writer, mut reader) = piped(LevelFilter::Info);
    (0..5_000).for_each(|number| send(&logger, Level::Info, &format!("line {number}")));
    let lost = writer.losses().queue;
    assert!(lost > 0 && lost < 5_000, "{lost}");
    writer.flush();
    assert_eq!(writer.losses(), Losses { queue: lost, console: 0, file: 0 });
    drop(writer);
    let mut seen = String::new();
    reader.read_to_string(&mut seen).expect("text");
    assert!(seen.contains("] line 0\n") && !seen.contains("] line 4999\n"));
    assert_eq!(seen.lines().filter(|line| line.contains("lines lost: ")).count(), 1);
}

#[test]
fn quiet_silences_what_is_no_warning_on_stderr_and_nothing_in_the_file() {
    let (logger, mut writer, mut reader) = piped(LevelFilter::Warn);
    let limits = limits(&folder("quiet"), 1 << 20, 1);
    writer.keep_in(RotatingFile::open(&limits).expect("a log file"));
    send(&logger, Level::Info, "cycle");
    send(&logger, Level::Warn, "late");
    send(&logger, Level::Error, "gone");
    writer.flush();
    drop(writer);
    let mut seen = String::new();
    reader.read_to_string(&mut seen).expect("text");
    let stamp = "1970-01-01 00:00:00,000";
    let loud = format!("{stamp} [WARNING ] [test] late\n{stamp} [ERROR   ] [test] gone\n");
    assert_eq!(seen, loud);
    let kept = fs::read_to_string(&limits.file).expect("the log file");
    assert_eq!(kept, format!("{stamp} [INFO    ] [test] cycle\n{loud}"));
}
