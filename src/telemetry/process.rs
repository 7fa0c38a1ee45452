//! What this process uses: CPU, memory, descriptors, threads. Real also when the run is virtual.
//!
//! One long-lived `System` that looks at one process and not at its tasks (`FAULTS.md` F60: a
//! monitor that leaks what it measures). About 40 µs a reading, never on a hot thread.

use std::fs;

use sysinfo::Pid;
use sysinfo::ProcessRefreshKind;
use sysinfo::ProcessesToUpdate;
use sysinfo::System;

use crate::runtime::pulse::PulseView;
use crate::types::board::ProcessBoard;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_MS;
use crate::types::units::Ppm;

/// Shortest time over which CPU use is a number: the kernel counts in steps of 10 ms.
const LEAST_SPAN: DurNs = DurNs::from_ms(250);
/// One step of the kernel's CPU time: it counts in hundredths of a second for every reader.
const STEP: DurNs = DurNs::from_ms(10);
/// Parts per million of one percent.
const PPM_PER_PERCENT: f64 = 10_000.0;

/// One reading.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gauges {
    /// CPU use since the reading before, in percent of one core: two busy threads are 200.
    pub cpu_pct: f64,
    /// The same without the threads that spin when idle: what is worked.
    pub busy_pct: f64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Open descriptors of every kind. `None` when the system does not tell.
    pub open_files: Option<u64>,
    /// Descriptors that this process may have open (soft limit).
    pub open_files_limit: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Gauges of a process that does not exist: those of a virtual run, which decides by what its
/// faults plant and not by what the machine does.
pub trait ProcessModel: Send {
    /// The gauges at that virtual moment.
    fn read(&mut self, at: MonoNs) -> Gauges;
}

/// Where the gauges of the process come from.
pub enum ProcessSource {
    /// Nowhere: switched off, or the system does not show processes.
    Off,
    /// This process.
    Real(Box<ProcessGauges>),
    /// A model.
    Modelled(Box<dyn ProcessModel>),
}

impl ProcessSource {
    /// The gauges; `None` where they are not measured.
    pub fn sample(&mut self, at: MonoNs) -> Option<Gauges> {
        match self {
            ProcessSource::Off => None,
            ProcessSource::Real(gauges) => gauges.sample(),
            ProcessSource::Modelled(model) => Some(model.read(at)),
        }
    }
    /// They are those of a model.
    pub const fn is_modelled(&self) -> bool {
        matches!(self, ProcessSource::Modelled(_))
    }
    /// They are measured nowhere.
    pub const fn is_off(&self) -> bool {
        matches!(self, ProcessSource::Off)
    }
}

/// Reads the gauges of this process.
pub struct ProcessGauges {
    system: System,
    pid: Pid,
    clock: Clock,
    open_files_limit: Option<u64>,
    base: Base,
    last: Option<Gauges>,
    threads: Vec<Thread>,
}

/// A thread that may turn out to spin.
struct Thread {
    pulse: PulseView,
    /// CPU time up to the last look, kept when the thread is gone: the process keeps it, too.
    cpu_ms: u64,
}

/// What the next CPU use is measured from.
#[derive(Clone, Copy, Debug)]
struct Base {
    at: MonoNs,
    used: Used,
    /// CPU use over the span before, once there was one: all, and without spinning.
    known: Option<(f64, f64)>,
}

/// CPU time so far, ms.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    all: u64,
    spun: u64,
}

impl Gauges {
    /// Shows the watchdog what it judges. What the system does not tell is not shown: it grows old
    /// and counts as unknown.
    pub fn show(&self, board: &ProcessBoard, at: MonoNs) {
        board.rss.put(i64::try_from(self.rss_bytes).unwrap_or(i64::MAX), at);
        board.cpu.put((self.busy_pct * PPM_PER_PERCENT) as i64, at);
        if let (Some(open), Some(limit)) = (self.open_files, self.open_files_limit) {
            let ppm = i128::from(open) * i128::from(Ppm::ONE.get()) / i128::from(limit.max(1));
            board.open_files.put(Ppm::saturating(ppm).get(), at);
        }
    }
}

impl ProcessGauges {
    /// Takes the baseline. `None` when the system does not show processes: then everything is
    /// unmeasured, which is not the same as zero.
    pub fn new() -> Option<ProcessGauges> {
        let mut gauges = ProcessGauges {
            system: System::new().ok()?,
            pid: sysinfo::get_current_pid().ok()?,
            clock: Clock::start(),
            open_files_limit: None,
            base: Base { at: MonoNs(0), used: Used::default(), known: None },
            last: None,
            threads: Vec::new(),
        };
        gauges.base.used = gauges.refresh()?;
        let process = gauges.system.process(gauges.pid)?;
        gauges.open_files_limit = process.open_files_limit().map(|limit| limit as u64);
        Some(gauges)
    }
    /// Leaves the threads of these pulses out of [`Gauges::busy_pct`] if they say that they spin.
    /// For before the first reading.
    pub fn watch(&mut self, pulses: impl IntoIterator<Item = PulseView>) {
        self.threads.extend(pulses.into_iter().map(|pulse| Thread { pulse, cpu_ms: 0 }));
        self.base.used.spun = self.threads.iter_mut().map(Thread::spun_ms).sum();
    }
    /// The gauges, read anew when the last reading is older than 250 ms of real time: virtual
    /// cycles of microseconds cost nothing, and CPU use over less than that is noise.
    pub fn sample(&mut self) -> Option<Gauges> {
        let fresh = self.clock.mono().since(self.base.at) < LEAST_SPAN;
        if self.last.is_none() || !fresh {
            self.last = self.read();
        }
        self.last
    }
    /// Reads the gauges. `None` when the system does not tell: unknown, not the last value.
    pub fn read(&mut self) -> Option<Gauges> {
        let used = self.refresh()?;
        let (cpu_pct, busy_pct) = self.cpu(used);
        let process = self.system.process(self.pid)?;
        Some(Gauges {
            cpu_pct,
            busy_pct,
            rss_bytes: process.memory(),
            open_files: process.open_files().map(|count| count as u64),
            open_files_limit: self.open_files_limit,
            threads: threads(),
        })
    }

    fn refresh(&mut self) -> Option<Used> {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        let only = ProcessesToUpdate::Some(&[self.pid]);
        if self.system.refresh_processes_specifics(only, false, what) == 0 {
            return None;
        }
        let all = self.system.process(self.pid).map(sysinfo::Process::accumulated_cpu_time)?;
        Some(Used { all, spun: self.threads.iter_mut().map(Thread::spun_ms).sum() })
    }
    /// Over the time since the base; until that is long enough, what the base says, and before
    /// the first base anything is better than nothing.
    fn cpu(&mut self, used: Used) -> (f64, f64) {
        let at = self.clock.mono();
        let span = at.since(self.base.at);
        let known = self.base.known.filter(|_| span < LEAST_SPAN);
        if let Some(known) = known {
            return known;
        }
        let all = used.all.saturating_sub(self.base.used.all);
        let spun = used.spun.saturating_sub(self.base.used.spun);
        let part = |ms| percent(DurNs::from_ms(ms), span);
        let cpu = (part(all), part(all.saturating_sub(spun)));
        if span >= LEAST_SPAN {
            self.base = Base { at, used, known: Some(cpu) };
        }
        cpu
    }
}

impl Thread {
    /// CPU time so far if the thread spins; else nothing is to be left out.
    fn spun_ms(&mut self) -> u64 {
        if self.pulse.spins() && self.pulse.tid() != 0 {
            let stat = format!("/proc/self/task/{}/stat", self.pulse.tid());
            self.cpu_ms = self.cpu_ms.max(cpu_ms(&stat).unwrap_or(0));
        }
        self.cpu_ms
    }
}

/// CPU time as a part of the time in which it was used, at least [`LEAST_SPAN`]: one step of the
/// kernel right after the start is no load.
fn percent(used: DurNs, span: DurNs) -> f64 {
    let ms = |time: DurNs| time.0 as f64 / NS_PER_MS as f64;
    100.0 * ms(used) / ms(span.max(LEAST_SPAN))
}

/// Threads of this process.
fn threads() -> Option<u64> {
    let [threads] = stat_fields("/proc/self/stat", [20])?;
    Some(threads)
}

/// CPU time in user and kernel of the process or thread whose `stat` this is, ms.
fn cpu_ms(stat: &str) -> Option<u64> {
    let [user, kernel] = stat_fields(stat, [14, 15])?;
    Some((user + kernel) * STEP.as_ms())
}

/// Fields of a `stat` of the kernel, numbered as in its manual: from 3 on, in order. The name,
/// field 2, stands in parentheses and may hold anything, so counting begins behind the last one.
fn stat_fields<const N: usize>(path: &str, numbers: [usize; N]) -> Option<[u64; N]> {
    let stat = fs::read(path).ok()?;
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields: Vec<&[u8]> = stat[name_end..].split(|byte| *byte == b' ').collect();
    let mut found = [0; N];
    for (field, number) in found.iter_mut().zip(numbers) {
        *field = std::str::from_utf8(fields.get(number - 2)?).ok()?.parse().ok()?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_measures_cpu_memory_descriptors_and_threads() {
        let mut gauges = ProcessGauges::new().expect("a system with processes");
        let first = gauges.read().expect("a reading");
        assert!(first.cpu_pct.is_finite() && first.cpu_pct >= 0.0, "{first:?}");
        assert!(first.rss_bytes > 1 << 20, "{first:?}");
        assert!(first.open_files.is_some_and(|count| count >= 3), "{first:?}");
        assert!(first.open_files_limit > first.open_files, "{first:?}");
        assert!(first.threads.is_some_and(|count| count >= 1), "{first:?}");
    }

    #[test]
    fn a_busy_thread_is_seen_as_cpu_use() {
        let mut gauges = ProcessGauges::new().expect("a system with processes");
        let begin = gauges.clock.mono();
        let idle = percent(DurNs(0), LEAST_SPAN);
        while gauges.clock.mono().since(begin) < LEAST_SPAN {
            std::hint::black_box(gauges.clock.mono());
        }
        let busy = gauges.read().expect("a reading");
        assert!(busy.cpu_pct > idle, "{busy:?}");
        assert_eq!(gauges.sample(), Some(gauges.last.expect("kept")));
    }

    #[test]
    fn the_watchdog_sees_bytes_and_millionths_and_nothing_of_what_is_not_told() {
        let board = ProcessBoard::default();
        let gauges = Gauges {
            cpu_pct: 180.0,
            busy_pct: 80.5,
            rss_bytes: 5 << 20,
            open_files: Some(256),
            open_files_limit: Some(1_024),
            threads: None,
        };
        Gauges { open_files: None, ..gauges }.show(&board, MonoNs(8));
        assert_eq!(board.open_files.get(), None);
        gauges.show(&board, MonoNs(9));
        assert_eq!(board.rss.get(), Some((5 << 20, MonoNs(9))));
        assert_eq!(board.cpu.get(), Some((805_000, MonoNs(9))), "without the spinning threads");
        assert_eq!(board.open_files.get(), Some((250_000, MonoNs(9))));
    }

    #[test]
    fn cpu_use_is_the_part_of_the_span_and_may_exceed_one_core() {
        assert_eq!(percent(DurNs::from_ms(50), DurNs::from_ms(1_000)), 5.0);
        assert_eq!(percent(DurNs::from_ms(600), DurNs::from_ms(300)), 200.0);
        assert_eq!(percent(DurNs::from_ms(10), DurNs(1)), 4.0, "one step is no load");
    }
}
