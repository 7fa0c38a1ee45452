//! What this process uses: CPU, memory, descriptors, threads. Real also when the run is virtual.
//!
//! One long-lived `System` that looks at one process and not at its tasks (`FAULTS.md` F60: a
//! monitor that leaks what it measures). About 40 µs a reading, never on a hot thread.

use std::fs;

use sysinfo::Pid;
use sysinfo::ProcessRefreshKind;
use sysinfo::ProcessesToUpdate;
use sysinfo::System;

use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_MS;

/// Shortest time over which CPU use is a number: the kernel counts in steps of 10 ms.
const LEAST_SPAN: DurNs = DurNs::from_ms(250);
/// One step of the kernel's CPU time.
const STEP: DurNs = DurNs::from_ms(10);

/// One reading.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gauges {
    /// CPU use since the reading before, in percent of one core: two busy threads are 200.
    pub cpu_pct: f64,
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
}

/// What the next CPU use is measured from.
#[derive(Clone, Copy, Debug)]
struct Base {
    at: MonoNs,
    cpu_ms: u64,
    /// CPU use over the span before, once there was one.
    cpu_pct: Option<f64>,
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
            base: Base { at: MonoNs(0), cpu_ms: 0, cpu_pct: None },
            last: None,
        };
        gauges.base.cpu_ms = gauges.refresh()?;
        let process = gauges.system.process(gauges.pid)?;
        gauges.open_files_limit = process.open_files_limit().map(|limit| limit as u64);
        Some(gauges)
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
        let cpu_ms = self.refresh()?;
        let cpu_pct = self.cpu_pct(cpu_ms);
        let process = self.system.process(self.pid)?;
        Some(Gauges {
            cpu_pct,
            rss_bytes: process.memory(),
            open_files: process.open_files().map(|count| count as u64),
            open_files_limit: self.open_files_limit,
            threads: threads(),
        })
    }

    /// CPU time used so far, ms.
    fn refresh(&mut self) -> Option<u64> {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        let only = ProcessesToUpdate::Some(&[self.pid]);
        if self.system.refresh_processes_specifics(only, false, what) == 0 {
            return None;
        }
        self.system.process(self.pid).map(sysinfo::Process::accumulated_cpu_time)
    }
    /// Over the time since the base; until that is long enough, what the base says, and before
    /// the first base anything is better than nothing.
    fn cpu_pct(&mut self, cpu_ms: u64) -> f64 {
        let at = self.clock.mono();
        let span = at.since(self.base.at);
        let known = self.base.cpu_pct.filter(|_| span < LEAST_SPAN);
        if let Some(known) = known {
            return known;
        }
        let used = DurNs::from_ms(cpu_ms.saturating_sub(self.base.cpu_ms));
        let cpu_pct = percent(used, span);
        if span >= LEAST_SPAN {
            self.base = Base { at, cpu_ms, cpu_pct: Some(cpu_pct) };
        }
        cpu_pct
    }
}

/// CPU time as a part of the time in which it was used.
fn percent(used: DurNs, span: DurNs) -> f64 {
    let ms = |time: DurNs| time.0 as f64 / NS_PER_MS as f64;
    100.0 * ms(used) / ms(span.max(STEP))
}

/// Threads of this process (field 20 of `/proc/self/stat`; the name before may hold anything but
/// a closing parenthesis followed by a space that is not its own).
fn threads() -> Option<u64> {
    let stat = fs::read("/proc/self/stat").ok()?;
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat[name_end..].split(|byte| *byte == b' ');
    std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()
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
    fn cpu_use_is_the_part_of_the_span_and_may_exceed_one_core() {
        assert_eq!(percent(DurNs::from_ms(50), DurNs::from_ms(1_000)), 5.0);
        assert_eq!(percent(DurNs::from_ms(600), DurNs::from_ms(300)), 200.0);
        assert_eq!(percent(DurNs::from_ms(10), DurNs(1)), 100.0);
    }
}
