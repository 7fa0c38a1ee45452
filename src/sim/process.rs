//! What a process looks like from outside while a simulation runs: modelled gauges, because in
//! virtual time the real ones say nothing about the hours that pass.

use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::types::rng::mix;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;
use crate::types::units::Ppm;

const MIB: u64 = 1 << 20;
/// CPU of an engine on a quiet market, ppm of a core: from this, up to [`CPU_RANGE`] more.
const CPU_LEAST: u64 = 20_000;
const CPU_RANGE: u64 = 20_000;
/// Resident memory: from this, up to [`RSS_RANGE`] more.
const RSS_LEAST: u64 = 24 * MIB;
const RSS_RANGE: u64 = MIB / 4;
/// Descriptors and threads of a run on threads.
const OPEN_FILES: u32 = 24;
const THREADS: u32 = 9;

/// Gauges of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessFigures {
    /// CPU use, of one core.
    pub cpu: Ppm,
    /// Resident memory.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub open_files: u32,
    /// Threads.
    pub threads: u32,
}

impl ProcessFigures {
    /// At this moment under these faults. Moves a little each second, as real gauges do, so that a
    /// frozen one is told from a steady one.
    pub fn of(active: &[Fault], now: MonoNs) -> ProcessFigures {
        let noise = mix(now.0 / NS_PER_SEC);
        let (mut burned, mut ballast) = (0, 0);
        for fault in active {
            match fault.effect {
                Effect::CpuBurn { cores } => burned += i64::from(cores),
                Effect::MemoryStep { bytes } => ballast += bytes,
                _ => {}
            }
        }
        let cpu = CPU_LEAST + noise % CPU_RANGE;
        ProcessFigures {
            cpu: Ppm::saturating(i128::from(cpu) + i128::from(burned * Ppm::ONE.get())),
            rss_bytes: RSS_LEAST + (noise >> 32) % RSS_RANGE + ballast,
            open_files: OPEN_FILES,
            threads: THREADS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::time::DurNs;

    #[test]
    fn burned_cores_and_ballast_show_and_go_again() {
        let fault = |effect| Fault { at: DurNs(0), lasts: DurNs(1), effect };
        let now = MonoNs(5);
        let calm = ProcessFigures::of(&[], now);
        let faults =
            [fault(Effect::CpuBurn { cores: 2 }), fault(Effect::MemoryStep { bytes: 3 * MIB })];
        let busy = ProcessFigures::of(&faults, now);
        assert_eq!(busy.cpu.get() - calm.cpu.get(), 2_000_000);
        assert_eq!(busy.rss_bytes - calm.rss_bytes, 3 * MIB);
        assert_ne!(ProcessFigures::of(&[], MonoNs(NS_PER_SEC)), calm, "gauges move");
    }
}
