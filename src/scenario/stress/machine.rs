//! Scenarios of process and machine: pauses, busy cores, memory, disk, sudden death.

use std::fs;
use std::io;
use std::process::Command;
use std::process::Stdio;

use crate::runtime::child::Guarded;
use crate::runtime::child::Signal;
use crate::runtime::cores;
use crate::scenario::stress::conditions::later;
use crate::scenario::stress::conditions::lives;
use crate::scenario::stress::conditions::never;
use crate::scenario::stress::conditions::resumes_after;
use crate::scenario::stress::conditions::returns_to_normal;
use crate::scenario::stress::evidence::Harvest;
use crate::scenario::stress::script::Look;
use crate::scenario::stress::script::Script;
use crate::scenario::stress::settings::COOLDOWN_MS;
use crate::scenario::stress::settings::ERROR_RESET;
use crate::scenario::stress::settings::INTERVAL_MS;
use crate::scenario::stress::settings::Settings;
use crate::scenario::stress::stage::Stage;
use crate::types::evidence::FOLDER;

/// How long cores are burned.
const BURN_MS: u64 = 6_000;
/// Part of the cycles that must close while they are: a starved machine may miss some.
const CYCLES_PCT: u64 = 75;
/// Entries before something happens to a run: enough for orders in flight.
const SOME: usize = 10;

pub(super) fn host_pause() -> Script {
    Script::new(Settings::new())
        .always(lives)
        .always(|stage| never(stage, "ERROR"))
        .always(|stage| never(stage, "CRITICAL"))
        .setup("entries", |stage| Ok(stage.watch.entries.len() > SOME))
        .setup("the process stands still", |stage| stage.send(Signal::Stop).map(|()| true))
        .pass(6_000)
        .inject("it goes on", |stage| stage.send(Signal::Continue).map(|()| true))
        .within(2_000, "WARN by host_pause", |stage| {
            Ok(stage.watch.severity("WARN", "host_pause", stage.injected).is_some())
        })
        .within(5_000, "entries again", |stage| {
            Ok(stage.watch.entries.last().is_some_and(|at| *at > later(stage.injected, 500)))
        })
        // A lasting ERROR would be CRITICAL by then.
        .pass(2 * ERROR_RESET * INTERVAL_MS)
        .within(15_000, "still alive", lives)
}

pub(super) fn cpu_burners() -> Script {
    // Two busy threads among six on two cores get a third of each.
    let settings = Settings::new().set("sys_monitor.warn_cpu_pct", 20);
    Script::new(settings.fault("{at: 3s, for: 6s, kind: cpu_burn, cores: 2}"))
        .always(lives)
        .always(|stage| never(stage, "ERROR"))
        .always(|stage| never(stage, "CRITICAL"))
        .fault_begins("cpu_burn")
        .setup("burners start", |stage| {
            for _ in 0..2 * cores::usable() {
                let mut burner = Command::new("/bin/sh");
                burner.args(["-c", "while :; do :; done"]);
                burner.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let burner = Guarded::start(&mut burner);
                stage.others.push(burner.map_err(|error| format!("/bin/sh: {error}"))?);
            }
            Ok(true)
        })
        .within(5_000, "WARN by cpu_pct", |stage| {
            Ok(stage.watch.severity("WARN", "cpu_pct", stage.injected).is_some())
        })
        .within(BURN_MS + 2_000, "cycles keep coming", |stage| {
            let end = later(stage.injected, BURN_MS);
            if stage.wall < end {
                return Ok(false);
            }
            // All since the start: the few before the burning do not hide a standstill.
            let due = (3_000 + BURN_MS) / INTERVAL_MS * CYCLES_PCT / 100;
            let closed = stage.watch.metrics().count() as u64;
            stage.others.clear();
            if closed < due { Err(format!("{closed} cycles, {due} are due")) } else { Ok(true) }
        })
        .within(20_000, "NORMAL again", returns_to_normal)
}

pub(super) fn memory_spike() -> Script {
    let settings = Settings::new()
        .set("sys_monitor.warn_rss_mb", 400)
        .set("sys_monitor.max_rss_mb", 800)
        .fault("{at: 3s, for: 3s, kind: memory_step, mb: 450}")
        .fault("{at: 7s, for: 4s, kind: memory_step, mb: 900}");
    Script::new(settings)
        .always(lives)
        .fault_begins("memory_step")
        .within(3_000, "WARN by rss_mb", |stage| {
            never(stage, "CRITICAL")?;
            Ok(stage.watch.severity("WARN", "rss_mb", stage.injected).is_some())
        })
        .within(9_000, "CRITICAL by rss_mb", |stage| {
            let critical = stage.watch.entered("CRITICAL");
            match critical.map(|seen| seen.event.cause.as_deref().unwrap_or("?")) {
                None => Ok(false),
                Some("rss_mb") => Ok(true),
                Some(other) => Err(format!("CRITICAL by {other}")),
            }
        })
        .within(14_000, "COOLDOWN after a clean drain", |stage| {
            Ok(stage.watch.entered("COOLDOWN").is_some())
        })
        .within(25_000, "entries again, none before the cooldown is over", |stage| {
            resumes_after(stage, COOLDOWN_MS)
        })
}

/// A folder that cannot be written works the same for root as for anyone, and needs no file
/// system of its own: a file takes its place.
pub(super) fn disk_full() -> Script {
    Script::new(Settings::new())
        .always(lives_unless_asked)
        .setup("a snapshot and entries", |stage| {
            Ok(stage.newest_snapshot().is_some() && stage.watch.entries.len() > SOME)
        })
        .inject("a file takes the place of the folder of snapshots", |stage| {
            let folder = stage.run_dir().join(FOLDER);
            told(fs::rename(&folder, stage.path("aside")))?;
            told(fs::write(&folder, "no room"))?;
            Ok(true)
        })
        .within(4_000, "a warning in the log", |stage| {
            let since = stage.watch.log.iter().rev().take_while(|line| !line.contains("saved"));
            Ok(since.into_iter().any(|line| line.contains("WARN") && line.contains("snapshot")))
        })
        .within(8_000, "entries go on", {
            let mut before = None;
            move |stage| {
                let (began, entries) =
                    *before.get_or_insert((stage.now, stage.watch.entries.len()));
                let lasted = stage.now.since(began).as_ms();
                Ok(lasted > 3_000 && stage.watch.entries.len() > entries + SOME)
            }
        })
        .setup("the folder is back", |stage| {
            let folder = stage.run_dir().join(FOLDER);
            told(fs::remove_file(&folder))?;
            told(fs::rename(stage.path("aside"), &folder))?;
            stage.noted = stage.wall;
            Ok(true)
        })
        .within(14_000, "snapshots again", |stage| {
            Ok(stage.newest_snapshot().is_some_and(|(at, _)| at > stage.noted))
        })
        .setup("the run is asked to end", |stage| stage.send(Signal::Terminate).map(|()| true))
        .within(24_000, "exit 0, every fill on record", ends_well)
}

pub(super) fn kill_9() -> Script {
    Script::new(Settings::new())
        .setup("entries", |stage| Ok(stage.watch.entries.len() > SOME))
        .inject("SIGKILL", |stage| stage.send(Signal::Kill).map(|()| true))
        .within(3_000, "another start", |stage| {
            if stage.exit().is_none() {
                return Ok(false);
            }
            stage.watch.look();
            stage.noted_count = stage.watch.records;
            stage.start(&Settings::new()).map(|()| true)
        })
        .within(8_000, "every record rebuilt", |stage| {
            let Some(line) = stage.watch.logged("records rebuilt") else { return Ok(false) };
            if !line.contains("ended without a stop") {
                return Err("it took the dead run for one that stopped".to_owned());
            }
            let words = line.split(' ').zip(line.split(' ').skip(1));
            let count = words.filter(|(_, next)| *next == "records").map(|(count, _)| count).next();
            let records = count.and_then(|count| count.parse().ok()).unwrap_or(0);
            match records == stage.noted_count {
                true => Ok(true),
                false => Err(format!("{records} of {} records", stage.noted_count)),
            }
        })
        .within(12_000, "entries again", |stage| Ok(stage.watch.entries.len() > SOME))
        .setup("the run is asked to end", |stage| stage.send(Signal::Terminate).map(|()| true))
        .within(24_000, "exit 0, its books add up", ends_well)
}

/// A quiet run; and what all the others have left.
pub(super) fn snapshots_and_metrics(harvest: &Harvest) -> Script {
    let mut harvest = harvest.clone();
    Script::new(Settings::new())
        .always(lives_unless_asked)
        .inject("the first cycle closes", |stage| Ok(stage.watch.metrics().next().is_some()))
        .pass(12 * INTERVAL_MS)
        .within(9_000, "a metrics line for each cycle", |stage| {
            let closed = stage.watch.metrics().count();
            if closed < 11 { Err(format!("{closed} of 12 cycles")) } else { Ok(true) }
        })
        .setup("the run is asked to end", |stage| stage.send(Signal::Terminate).map(|()| true))
        .within(20_000, "exit 0, every snapshot and every line is whole", move |stage| {
            if !ends_well(stage)? {
                return Ok(false);
            }
            let before = harvest.snapshots;
            harvest.gather(&stage.run_dir(), &stage.watch);
            // The first cycle, each fourth one, the last.
            let own = harvest.snapshots - before;
            match (own, harvest.broken.as_slice()) {
                (..4, _) => Err(format!("{own} snapshots of this run")),
                (_, []) => Ok(true),
                (_, broken) => Err(broken.join("; ")),
            }
        })
}

/// Guard: the run goes on until it is asked to end.
fn lives_unless_asked(stage: &mut Stage) -> Look {
    match stage.exit() {
        Some(code) if code != 0 => Err("the run is over".to_owned()),
        _ => Ok(true),
    }
}

/// Exit 0, sound books, and as many fills on record as in the summary.
fn ends_well(stage: &mut Stage) -> Look {
    match stage.exit() {
        None => return Ok(false),
        Some(0) => {}
        Some(_) => return Err("another exit code".to_owned()),
    }
    stage.watch.look();
    let summary = stage.summary().ok_or("no summary")?;
    let fills = summary["fills"].as_u64();
    if summary["invariants_ok"] != true {
        return Err("the books do not add up".to_owned());
    }
    let recorded = stage.fills_before + stage.watch.fills;
    match fills == Some(recorded) {
        true => Ok(true),
        false => Err(format!("{recorded} fills on record, {fills:?} made")),
    }
}

fn told(result: io::Result<()>) -> Result<(), String> {
    result.map_err(|error| error.to_string())
}
