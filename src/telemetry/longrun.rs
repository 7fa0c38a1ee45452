//! When a checkpoint is due, whether it may be written, and whether the time since the last one was
//! stable. Pure.

use crate::telemetry::gauges::Readings;
use crate::telemetry::limits::ErrorBands;
use crate::types::evidence::Term;
use crate::types::report::Checkpoints;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::NS_PER_SEC;

/// States of the watchdog in which nothing is stable, whatever the gauges say.
const UNSTABLE_STATES: [&str; 3] = ["ERROR", "CRITICAL", "COOLDOWN"];

/// Snapshots at once, then one a second: a loop of microseconds must not flood a disk.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Time saved up for snapshots that cost a second each.
    saved: DurNs,
    filled_at: Option<MonoNs>,
}

impl Bucket {
    const PRICE: DurNs = DurNs(NS_PER_SEC);
    const BURST: DurNs = DurNs::from_secs(60);

    /// Full.
    pub const fn new() -> Bucket {
        Bucket { saved: Bucket::BURST, filled_at: None }
    }
    /// Takes one, if there is one.
    pub fn take(&mut self, at: MonoNs) -> bool {
        let passed = at.since(self.filled_at.unwrap_or(at));
        self.filled_at = Some(self.filled_at.map_or(at, |before| before.max(at)));
        self.saved = DurNs(self.saved.0.saturating_add(passed.0)).min(Bucket::BURST);
        let left = self.saved.0.checked_sub(Bucket::PRICE.0);
        self.saved = left.map_or(self.saved, DurNs);
        left.is_some()
    }
}

impl Default for Bucket {
    fn default() -> Bucket {
        Bucket::new()
    }
}

/// What the other threads say at the moment of a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// Watchdog ticks with an ERROR so far.
    pub error_ticks: u64,
    /// Alerts so far.
    pub alerts: u64,
    /// The watchdog's state.
    pub state: &'static str,
    /// Broken invariants so far; `None` if nobody checks them.
    pub invariant_faults: Option<u64>,
    /// Longest batch since the last checkpoint: it saw the cycles whose report was lost, too.
    pub longest_batch: Option<DurNs>,
}

/// What a checkpoint says of the time since the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Every condition held.
    pub is_stable: bool,
    /// Alerts raised.
    pub alerts: u64,
}

/// What a cycle asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// No checkpoint.
    Nothing,
    /// A checkpoint.
    Take,
    /// A checkpoint was due, but too many came before it.
    Skip,
}

/// Keeps count of checkpoints and of what happened between two of them.
#[derive(Clone, Debug)]
pub struct LongRunTester {
    checkpoints: Checkpoints,
    bands: ErrorBands,
    bucket: Bucket,
    due: u64,
    written: u64,
    skipped: u64,
    failed: u64,
    /// A gauge was in its ERROR band.
    has_left_bands: bool,
    /// A gauge was not measured.
    has_unmeasured: bool,
    last: Marks,
}

impl LongRunTester {
    /// Before the first cycle.
    pub fn new(checkpoints: Checkpoints, bands: ErrorBands) -> LongRunTester {
        LongRunTester {
            checkpoints,
            bands,
            bucket: Bucket::new(),
            due: 0,
            written: 0,
            skipped: 0,
            failed: 0,
            has_left_bands: false,
            has_unmeasured: false,
            last: Marks::default(),
        }
    }
    /// A cycle has closed, with these gauges. Checkpoints of cycles that were never reported count
    /// as skipped.
    pub fn on_cycle(&mut self, cycle: u64, at: MonoNs, readings: &Readings) -> Step {
        self.look(readings);
        self.has_unmeasured |= !readings.are_whole();
        let is_due = self.checkpoints.is_due(cycle);
        self.miss_up_to(cycle - u64::from(is_due));
        if !is_due {
            return Step::Nothing;
        }
        self.due += 1;
        if self.bucket.take(at) {
            return Step::Take;
        }
        self.skipped += 1;
        Step::Skip
    }
    /// The gauges between two cycles: bands only, since a gauge may be on its way.
    pub fn look(&mut self, readings: &Readings) {
        self.has_left_bands |= !readings.hold(&self.bands);
    }
    /// The run has ended after so many cycles: one more checkpoint is due, whatever the rate.
    pub fn on_exit(&mut self, cycles: u64) {
        self.miss_up_to(cycles);
        self.due += 1;
    }
    /// What the checkpoint of this moment says.
    pub fn checkpoint(&self, marks: &Marks) -> Checkpoint {
        let Marks { error_ticks, alerts, state, invariant_faults, longest_batch } = *marks;
        let no_error = error_ticks == self.last.error_ticks && !UNSTABLE_STATES.contains(&state);
        let sound = invariant_faults.is_some()
            && invariant_faults.unwrap_or(0) == self.last.invariant_faults.unwrap_or(0);
        let in_time = longest_batch.is_none_or(|longest| longest < self.bands.loop_latency);
        Checkpoint {
            is_stable: no_error && sound && in_time && !self.has_left_bands && !self.has_unmeasured,
            alerts: alerts.saturating_sub(self.last.alerts),
        }
    }
    /// The checkpoint is on disk: the next interval begins.
    pub fn on_written(&mut self, marks: &Marks) {
        self.written += 1;
        self.last = *marks;
        (self.has_left_bands, self.has_unmeasured) = (false, false);
    }
    /// The disk did not take it: the interval goes on until a checkpoint is written.
    pub fn on_failed(&mut self) {
        self.failed += 1;
        self.skipped += 1;
    }
    /// Checkpoints on disk so far: the next one has the number after this.
    pub fn written(&self) -> u64 {
        self.written
    }
    /// Checkpoints that the disk did not take, so far.
    pub fn failed(&self) -> u64 {
        self.failed
    }
    /// The terms of its identity as the next checkpoint shows them, itself counted as written.
    pub fn terms(&self) -> [(Term, u64); 3] {
        [
            (Term::SnapshotsDue, self.due),
            (Term::SnapshotsWritten, self.written + 1),
            (Term::SnapshotsSkipped, self.skipped),
        ]
    }

    fn miss_up_to(&mut self, cycle: u64) {
        let missed = self.checkpoints.due_by(cycle).saturating_sub(self.due);
        self.due += missed;
        self.skipped += missed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::gauges::Gauge;
    use crate::types::units::Ppm;

    const BANDS: ErrorBands = ErrorBands {
        loop_latency: DurNs::from_ms(2_000),
        loop_p95: DurNs::from_ms(5_000),
        ws_lag: DurNs::from_ms(2_000),
        redis_age: DurNs::from_ms(15_000),
        cpu: Some(Ppm::new(900_000)),
    };

    fn good() -> Readings {
        let mut readings = Readings::default();
        Gauge::ALL.into_iter().for_each(|gauge| readings.set(gauge, Some(1.0)));
        readings
    }

    fn calm() -> Marks {
        Marks { state: "NORMAL", invariant_faults: Some(0), ..Marks::default() }
    }

    fn tester(every: u64) -> LongRunTester {
        LongRunTester::new(Checkpoints { every }, BANDS)
    }

    fn balances(tester: &LongRunTester) -> bool {
        let [(_, due), (_, written), (_, skipped)] = tester.terms();
        due == written - 1 + skipped
    }

    #[test]
    fn a_checkpoint_is_due_on_the_first_cycle_each_interval_and_on_exit() {
        let mut tester = tester(50);
        let mut taken = Vec::new();
        for cycle in 1..=120 {
            if tester.on_cycle(cycle, MonoNs(cycle), &good()) == Step::Take {
                taken.push(cycle);
                tester.on_written(&calm());
            }
        }
        assert_eq!(taken, [1, 50, 100]);
        tester.on_exit(120);
        assert_eq!(tester.terms().map(|(_, count)| count), [4, 4, 0]);
    }

    #[test]
    fn a_burst_of_sixty_passes_then_one_a_second_and_the_rest_is_counted() {
        let mut tester = tester(1);
        let mut taken = 0;
        for cycle in 1..=1_000 {
            // A hundred a second.
            if tester.on_cycle(cycle, MonoNs(cycle * NS_PER_SEC / 100), &good()) == Step::Take {
                taken += 1;
                tester.on_written(&calm());
            }
        }
        assert_eq!(taken, 60 + 9, "full at the start, ten seconds less the first cycle");
        let [(_, due), (_, next), (_, skipped)] = tester.terms();
        assert_eq!((due, next - 1, skipped), (1_000, taken, 1_000 - taken));
    }

    #[test]
    fn checkpoints_of_cycles_that_were_never_reported_are_skipped_not_forgotten() {
        let mut tester = tester(50);
        for cycle in [3, 149, 151, 200] {
            if tester.on_cycle(cycle, MonoNs(cycle), &good()) == Step::Take {
                tester.on_written(&calm());
            }
        }
        assert_eq!(tester.terms().map(|(_, count)| count), [5, 2, 4], "1, 50, 100, 150 are lost");
        tester.on_exit(260);
        assert_eq!(tester.terms().map(|(_, count)| count), [7, 2, 5], "250 too");
        assert_eq!(tester.written(), 1);
    }

    #[test]
    fn a_checkpoint_that_the_disk_refused_balances_and_the_interval_goes_on() {
        let mut tester = tester(1);
        let mut bad = good();
        bad.set(Gauge::WsLag, Some(2_000.0));
        tester.on_cycle(1, MonoNs(1), &bad);
        tester.on_failed();
        assert!(balances(&tester));
        tester.on_cycle(2, MonoNs(2), &good());
        assert!(!tester.checkpoint(&calm()).is_stable, "since the last one on disk");
        tester.on_written(&calm());
        assert!(balances(&tester) && tester.failed() == 1);
        assert!(tester.checkpoint(&calm()).is_stable);
    }

    /// Stability after one healthy interval and then this one.
    fn after(readings: &Readings, between: &Readings, marks: &Marks) -> bool {
        let mut tester = tester(1);
        tester.on_cycle(1, MonoNs(1), &good());
        tester.on_written(&Marks { alerts: 3, error_ticks: 5, ..calm() });
        tester.look(between);
        tester.on_cycle(2, MonoNs(2), readings);
        tester.checkpoint(marks).is_stable
    }

    #[test]
    fn each_single_cause_makes_an_interval_unstable() {
        let marks = Marks { alerts: 4, error_ticks: 5, ..calm() };
        assert!(after(&good(), &good(), &marks), "an alert alone is no ERROR");
        for (gauge, from) in [
            (Gauge::WsLag, 2_000.0),
            (Gauge::RedisAge, 15_000.0),
            (Gauge::LoopLatency, 2_000.0),
            (Gauge::LoopP95, 5_000.0),
        ] {
            let mut readings = good();
            readings.set(gauge, Some(from - 0.001));
            assert!(after(&readings, &readings, &marks), "{}", gauge.name());
            readings.set(gauge, Some(from));
            assert!(!after(&readings, &good(), &marks), "{} at the cycle", gauge.name());
            assert!(!after(&good(), &readings, &marks), "{} between", gauge.name());
        }
        for gauge in Gauge::ALL {
            let mut readings = good();
            readings.set(gauge, None);
            assert!(!after(&readings, &good(), &marks), "{} unmeasured", gauge.name());
        }
        for (pct, stable) in [(90.0, true), (90.1, false)] {
            let mut readings = good();
            readings.set_busy(pct);
            assert_eq!(after(&readings, &good(), &marks), stable, "busy {pct} %");
        }
        let longest = |ns| Some(DurNs(ns));
        for (what, marks, stable) in [
            ("an ERROR tick", Marks { error_ticks: 6, ..marks }, false),
            ("state WARN", Marks { state: "WARN", ..marks }, true),
            ("state ERROR", Marks { state: "ERROR", ..marks }, false),
            ("state CRITICAL", Marks { state: "CRITICAL", ..marks }, false),
            ("state COOLDOWN", Marks { state: "COOLDOWN", ..marks }, false),
            ("a broken invariant", Marks { invariant_faults: Some(1), ..marks }, false),
            ("nobody checks", Marks { invariant_faults: None, ..marks }, false),
            ("batch", Marks { longest_batch: longest(1_999_999_999), ..marks }, true),
            ("long batch", Marks { longest_batch: longest(2_000_000_000), ..marks }, false),
        ] {
            assert_eq!(after(&good(), &good(), &marks), stable, "{what}");
        }
    }

    #[test]
    fn alerts_are_those_since_the_last_checkpoint() {
        let mut tester = tester(1);
        tester.on_written(&Marks { alerts: 3, ..calm() });
        assert_eq!(tester.checkpoint(&Marks { alerts: 5, ..calm() }).alerts, 2);
    }
}
