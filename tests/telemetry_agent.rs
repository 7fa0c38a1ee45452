//! The telemetry agent on virtual time: what it writes for each cycle and what it knows at the end.

#![allow(clippy::expect_used, reason = "a test without its files must fail loudly")]

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use arb::runtime::agent::Agent;
use arb::runtime::agent::Turn;
use arb::runtime::link::REPORTS;
use arb::runtime::link::Tx;
use arb::telemetry::agent::Plan;
use arb::telemetry::agent::Ports;
use arb::telemetry::agent::Telemetry;
use arb::telemetry::agent::Timeline;
use arb::telemetry::console::Console;
use arb::telemetry::limits::LogLimits;
use arb::telemetry::limits::SampleLimits;
use arb::telemetry::line::Glyphs;
use arb::telemetry::line::LiveState;
use arb::telemetry::line::MetricsLine;
use arb::telemetry::log::open;
use arb::telemetry::process::Gauges;
use arb::telemetry::rotate::RotatingFile;
use arb::telemetry::writer::LogWriter;
use arb::types::report::CycleReport;
use arb::types::time::DurNs;
use arb::types::time::MonoNs;
use arb::types::time::NS_PER_SEC;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::types::units::Krw;
use log::LevelFilter;

/// 2025-11-15T20:57:22.906Z.
const START: WallNs = WallNs(1_763_240_242_906_000_000);

fn now(secs: u64) -> Now {
    Now { mono: MonoNs(secs * NS_PER_SEC), wall: WallNs(START.0 + secs * NS_PER_SEC) }
}

fn report(cycle: u64) -> CycleReport {
    CycleReport {
        cycle,
        at: now(cycle * 30),
        due_at: now(cycle * 30).mono,
        missed_cycles: 0,
        loop_latency: Some(DurNs::from_ms(50)),
        pnl: Krw::from_raw(1_234_550_000_000),
        realized: Krw::from_raw(-98_750_000_000),
        exposure: Krw::from_raw(20_000_049_999_999),
        open_pairs: 2,
        fills: 14,
        signals: 9,
        entered: 4,
        safety_rejections: 3,
        stop_losses: 1,
        rejects: 2,
        contradictions: 0,
    }
}

fn gauges() -> Gauges {
    Gauges {
        cpu_pct: 12.34,
        busy_pct: 12.34,
        rss_bytes: 11 * (1 << 20) + 700_000,
        open_files: Some(12),
        open_files_limit: Some(1_024),
        threads: Some(7),
    }
}

fn mock() -> LiveState {
    LiveState::Blocked(vec!["mode is mock".into()])
}

#[test]
fn the_metrics_line_is_that_of_the_source() {
    let mut report = report(1);
    report.loop_latency = Some(DurNs(50_149_999));
    let mut line = MetricsLine {
        report: &report,
        loop_p95: Some(DurNs(120_250_000)),
        gauges: Some(gauges()),
        live: &mock(),
        glyphs: Glyphs::Symbols,
    };
    let numbers = "signals=9 exec_rate=44.4% safety_rejections=3 sl_triggers=1 loop_ms=50.1 \
                   loop_p95=120.3 cpu=12.3% mem=12MB";
    let symbols = "[LIVE] [METRICS] pnl=12346₩ trades=14 open_pos=2 exposure=200000₩ \
                   realized_pnl=-988₩";
    assert_eq!(line.to_string(), format!("{symbols} {numbers} live=\u{274c}"));

    line.live = &LiveState::Allowed;
    assert_eq!(line.to_string(), format!("{symbols} {numbers} live=\u{2705}"));
    line.glyphs = Glyphs::Ascii;
    let ascii = symbols.replace('₩', "KRW");
    assert_eq!(line.to_string(), format!("{ascii} {numbers} live=yes"));
    assert!(line.to_string().is_ascii());
}

#[test]
fn what_is_not_measured_is_a_dash_and_a_fast_loop_is_not_zero() {
    let mut report = report(1);
    report.loop_latency = None;
    let live = mock();
    let mut line = MetricsLine {
        report: &report,
        loop_p95: None,
        gauges: None,
        live: &live,
        glyphs: Glyphs::Ascii,
    };
    assert!(line.to_string().ends_with(" loop_ms=- loop_p95=- cpu=- mem=- live=no"));
    line.loop_p95 = Some(DurNs(4_321));
    assert!(line.to_string().contains(" loop_ms=- loop_p95=0.004 "));
}

/// An agent whose log goes to a file only, with the sending end of its reports.
struct Bench {
    reports: Tx<CycleReport>,
    telemetry: Telemetry,
    reopen: Arc<AtomicBool>,
    file: PathBuf,
}

fn bench(name: &str, timeline: Timeline) -> Bench {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let file = folder.join("live.log");
    match fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}"),
    }
    let limits = LogLimits {
        level: LevelFilter::Info,
        file: file.clone(),
        max_file_bytes: 1 << 20,
        max_files: 1,
    };
    let (_, queue) = open();
    let console = Console::through(Path::new("/nowhere"), Box::new(io::sink()));
    let mut log = LogWriter::new(queue, console, LevelFilter::Warn);
    log.keep_in(RotatingFile::open(&limits).expect("a log file"));
    let (reports, rx) = REPORTS.open();
    let reopen = Arc::new(AtomicBool::new(false));
    let ports = Ports::new(rx, log, Arc::clone(&reopen));
    let sampling = SampleLimits { every: Some(DurNs::from_secs(30)) };
    let plan = Plan { sampling, glyphs: Glyphs::Ascii, live: mock(), timeline };
    Bench { reports, telemetry: Telemetry::new(plan, ports), reopen, file }
}

impl Bench {
    fn close_cycle(&mut self, cycle: u64) {
        self.reports.send(report(cycle)).expect("room");
        assert_eq!(self.telemetry.turn(now(cycle * 30)), Turn::Worked);
    }
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.file).expect("the log file");
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn the_banner_stands_before_the_first_cycle_and_each_cycle_has_its_line() {
    let mut bench = bench("cycles", Timeline::Real);
    (1..=3).for_each(|cycle| bench.close_cycle(cycle));
    let lines = bench.lines();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(lines[0].ends_with("[WARNING ] [live] LIVE TRADING BLOCKED"), "{}", lines[0]);
    assert!(lines[1].ends_with("[WARNING ] [live]   - mode is mock"), "{}", lines[1]);
    let stamps = ["20:57:52,906", "20:58:22,906", "20:58:52,906"];
    for (line, stamp) in lines[2..].iter().zip(stamps) {
        let start = format!("2025-11-15 {stamp} [INFO    ] [live] [LIVE] [METRICS] pnl=12346KRW");
        assert!(line.starts_with(&start), "{line}");
        assert!(line.contains("loop_ms=50.0 loop_p95=50.0 cpu="), "{line}");
        assert!(!line.contains("cpu=-") && !line.contains("mem=-"), "measured: {line}");
    }
}

#[test]
fn a_virtual_run_says_once_which_of_its_numbers_are_real() {
    let mut bench = bench("virtual", Timeline::Virtual);
    (1..=3).for_each(|cycle| bench.close_cycle(cycle));
    let told = |line: &&String| line.contains("virtual time; cpu and mem are those of the real");
    assert_eq!(bench.lines().iter().filter(told).count(), 1);
}

#[test]
fn the_end_knows_the_last_values_and_how_many_reports_were_lost() {
    let mut bench = bench("end", Timeline::Real);
    for cycle in [1, 2, 5, 6, 9] {
        bench.close_cycle(cycle);
    }
    // Not taken by any turn: a run may end with reports on the way.
    bench.reports.send(report(10)).expect("room");
    let end = bench.telemetry.finish(now(301));
    assert_eq!((end.cycles, end.reports_lost), (6, 4));
    assert_eq!(end.last.map(|last| last.cycle), Some(10));
    assert_eq!(end.performance.loop_p95, Some(DurNs::from_ms(50)));
    let gauges = end.gauges.expect("measured");
    assert!(end.max_rss_bytes >= Some(gauges.rss_bytes));
    let last = bench.lines().pop().expect("lines");
    let summary = "[PERF] Loop: avg=50.00ms, p95=50.00ms, max=50.00ms | WS: ma=-, spikes=0 | \
                   Redis: avg=-, trend=insufficient_data";
    assert!(last.ends_with(summary), "{last}");
}

#[test]
fn a_full_report_link_drops_and_the_gap_is_counted() {
    let mut bench = bench("full", Timeline::Real);
    let depth = REPORTS.depth as u64;
    let refused = (1..=depth + 20).filter(|cycle| bench.reports.send(report(*cycle)).is_err());
    assert_eq!(refused.count(), 20);
    while bench.telemetry.turn(now(0)) == Turn::Worked {}
    bench.close_cycle(depth + 21);
    let end = bench.telemetry.finish(now(0));
    assert_eq!((end.cycles, end.reports_lost), (depth + 1, 20));
}

#[test]
fn a_turn_is_due_when_the_next_sample_is() {
    let mut bench = bench("due", Timeline::Real);
    assert_eq!(bench.telemetry.turn(now(0)), Turn::Worked, "the first sample");
    assert_eq!(bench.telemetry.due(), Some(now(30).mono));
    assert_eq!(bench.telemetry.turn(now(29)), Turn::Idle);
    assert_eq!(bench.telemetry.turn(now(30)), Turn::Worked);
    assert_eq!(bench.telemetry.due(), Some(now(60).mono));
}

#[test]
fn a_hangup_opens_the_log_file_anew() {
    let mut bench = bench("hangup", Timeline::Real);
    bench.close_cycle(1);
    let moved = bench.file.with_extension("1");
    fs::rename(&bench.file, &moved).expect("moved");
    bench.reopen.store(true, Ordering::Relaxed);
    bench.close_cycle(2);
    assert_eq!(bench.lines().len(), 1, "the new file has the new line");
    assert_eq!(fs::read_to_string(moved).expect("the old file").lines().count(), 3);
}
