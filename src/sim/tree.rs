//! The built-in schedule `--faults tree`: 24 h that lead the watchdog through every state and back
//! (`PRODUCT.md` 7), with every kind of fault that can be survived.
//!
//! Made for the shipped limits at `--interval 60` (W 5, E 20, strikes forgotten after 600 cycles,
//! cooldown 60 s). Rules that shape it: ERRORs less than E cycles apart are one strike; after a
//! CRITICAL the run is on probation, where any ERROR is CRITICAL; the third CRITICAL in 24 h ends
//! the run. So what makes ERROR comes early and together, what makes at most WARN fills the time
//! until that strike is forgotten, and after the second CRITICAL nothing happens any more.

use crate::sim::limits::Effect;
use crate::sim::limits::Fault;
use crate::types::ids::VenueId;
use crate::types::time::DurNs;
use crate::types::units::Ppm;

const UPBIT: VenueId = VenueId::Upbit;
const BINANCE: VenueId = VenueId::Binance;
const HOUR_NS: i64 = 3_600_000_000_000;
/// Twice `sys_monitor.max_rss_mb`.
const BEYOND_MAX_RSS: u64 = 4_096 << 20;
/// More than 600 cycles after the last ERROR: its strike is forgotten.
const LASTING: DurNs = minutes(700);

/// The schedule, in the order of time.
pub const TREE: [Fault; 18] = [
    // WARN, and NORMAL after five clean cycles: a lag between the bands of 500 and 2,000 ms.
    fault(minutes(30), secs(120), Effect::FeedLag { venue: UPBIT, by: DurNs::from_ms(800) }),
    // ERROR three ways within E cycles, so one strike; NORMAL after twenty clean cycles.
    fault(minutes(60), secs(10), Effect::FeedSilence { venue: BINANCE }),
    fault(minutes(63), DurNs::from_ms(2_500), Effect::EngineStall { thread: "engine" }),
    fault(minutes(66), secs(30), Effect::FeedLag { venue: BINANCE, by: secs(5) }),
    // Bad data: the books concerned are not traded on; no thread is in trouble.
    fault(minutes(120), secs(30), Effect::CrossedBook { venue: UPBIT }),
    fault(minutes(135), secs(30), Effect::ZeroPrice { venue: BINANCE }),
    fault(minutes(150), secs(3), Effect::FeedGap { venue: BINANCE }),
    // A fall by 32 % on one venue, as on Upbit on 2024-12-03: too good to be true, so not traded.
    fault(minutes(165), secs(60), Effect::PriceLeap { venue: UPBIT, to: Ppm::new(680_000) }),
    // WARN by the age of the rate: above 3 s, below the minute that is an ERROR.
    fault(minutes(180), secs(50), Effect::FxLoss),
    // Services and the process: at most WARN, because trading needs none of them.
    fault(minutes(210), secs(30), Effect::RedisStall),
    fault(minutes(240), secs(180), Effect::CpuBurn { cores: 2 }),
    fault(minutes(270), secs(600), Effect::DiskFull),
    // Wall time an hour ahead, later an hour behind: no age may follow it.
    fault(minutes(300), secs(300), Effect::ClockStep { by_ns: HOUR_NS }),
    fault(minutes(330), secs(300), Effect::ClockStep { by_ns: -HOUR_NS }),
    // Everybody stands still: WARN, and nobody is blamed.
    fault(minutes(360), secs(6), Effect::HostPause),
    // WARN by the engine: above 100 ms, below 2,000.
    fault(minutes(390), secs(1), Effect::EngineStall { thread: "engine" }),
    // ERROR that lasts: strikes at once and after 20 and 40 cycles, the third is CRITICAL; the
    // cooldown ends 20 clean cycles after the fault, on probation.
    fault(LASTING, secs(45 * 60), Effect::FeedSilence { venue: UPBIT }),
    // FATAL across the close of a cycle, so that each way of sampling sees it. Shorter than the
    // cooldown: the same fault must not count as a second CRITICAL.
    fault(DurNs::from_secs(900 * 60 - 20), secs(40), Effect::MemoryStep { bytes: BEYOND_MAX_RSS }),
];

const fn fault(at: DurNs, lasts: DurNs, effect: Effect) -> Fault {
    Fault { at, lasts, effect }
}
const fn minutes(count: u64) -> DurNs {
    DurNs::from_secs(count * 60)
}
const fn secs(count: u64) -> DurNs {
    DurNs::from_secs(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::limits::KINDS;
    use crate::sim::limits::Stage;

    #[test]
    fn the_tree_is_in_order_without_overlap_and_ends_within_24_hours() {
        assert!(TREE.is_sorted_by_key(|fault| fault.at));
        let ends_in_time = |fault: &Fault| fault.ends_at() < minutes(1_440);
        assert!(TREE.iter().all(ends_in_time));
        for (index, fault) in TREE.iter().enumerate() {
            assert!(!TREE[..index].iter().any(|earlier| earlier.overlaps(fault)), "{fault:?}");
        }
    }

    #[test]
    fn the_tree_holds_every_kind_that_can_be_survived() {
        let missing: Vec<&str> = KINDS
            .into_iter()
            .filter(|kind| !TREE.iter().any(|fault| fault.effect.name() == *kind))
            .collect();
        assert_eq!(missing, ["thread_death"]);
    }

    #[test]
    fn the_tree_can_act_on_threads_and_on_a_virtual_clock() {
        for stage in [Stage::Threads, Stage::SharedThread, Stage::Virtual] {
            assert!(TREE.iter().all(|fault| stage.refuses(fault.effect).is_none()));
        }
    }
}
